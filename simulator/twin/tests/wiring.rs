//! Wirings are learned from what meters show: a wrong one is found within a stated time, a right one is never doubted.

#![expect(clippy::unwrap_used, reason = "a test's own steps: what fails here fails the test")]

use std::collections::BTreeMap;
use std::path::Path;

use plant::ev::EvPhases;
use twin::fuzz::{FaultChoice, sample};
use twin::scenario_file::{Found, SeedChoice, load};
use twin::{Outcome, Scenario, World};
use units::{TimeSpan, Timestamp};

/// A one-phase EV steps when it starts, when others come and go, and when it stops; for each comparison all must be steady.
const FOUND_WITHIN: TimeSpan = TimeSpan::from_hours(4);

#[test]
fn wrong_wirings_are_found_within_four_hours_of_an_arrival_and_no_right_one_is_doubted() {
    let wrong = ["P02/1", "P05/1", "P09/1", "P12/1"];
    let (mut could_show, mut found) = (0, 0);
    for one_phase in [10, 12] {
        let scenario = scenario("wrong-wiring", ("one_phase = 10", &format!("one_phase = {one_phase}")));
        let outcome = World::new(scenario).run();
        assert!(outcome.is_clean(), "{:#?}", outcome.firings);
        let mut doubts = doubts(&outcome);
        for stay in &outcome.stays {
            let evse = stay.stay.evse.to_string();
            // An EV of three phases loads a rotated EVSE's lines like any other's.
            let shows = wrong.contains(&evse.as_str()) && stay.stay.ev.phases == EvPhases::One;
            let doubt = doubts.remove(&evse);
            could_show += usize::from(shows);
            assert!(shows || doubt.is_none(), "{evse}: {doubt:?}");
            if let Some((at, text)) = doubt {
                let after = at.since(stay.stay.arrives_at);
                println!("{one_phase} one-phase EVs, {} s after the arrival: {text}", after.seconds_floor());
                assert!(after <= FOUND_WITHIN, "{evse} after {after:?}: {text}");
                assert!(text.contains("seems to be L1"), "{text}");
                found += 1;
            }
        }
        assert_eq!(doubts, BTreeMap::new());
    }
    println!("{found} of {could_show} wrong wirings that could show were found");
    assert!(could_show >= 4 && found + 1 >= could_show, "{found} of {could_show}");
}

#[test]
fn in_twenty_random_sites_with_noise_nothing_that_is_wired_as_stated_is_doubted() {
    let mut alarms = 0;
    for seed in 0..20 {
        let outcome = World::new(sample(seed, &FaultChoice::None).load()).run();
        assert_eq!(doubts(&outcome), BTreeMap::new(), "seed {seed}");
        alarms += outcome.alarms.len();
    }
    assert!(alarms > 0, "nothing ever happens there");
}

/// When each EVSE's wiring was first doubted, and in which words.
fn doubts(outcome: &Outcome) -> BTreeMap<String, (Timestamp, String)> {
    let mut doubts = BTreeMap::new();
    for (text, raised_at, _) in &outcome.alarms {
        if let Some((_, told)) = text.split_once("EVSE ").filter(|_| text.contains("seems to be")) {
            let evse = told.split(' ').next().unwrap().to_owned();
            doubts.entry(evse).or_insert((*raised_at, text.clone()));
        }
    }
    doubts
}

fn scenario(name: &str, (what, instead): (&str, &str)) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let found = Found { site: read("site.toml"), ..Found::default() };
    let text = read("scenario.toml").replace(what, instead);
    assert!(text.contains(instead));
    load(name, "scenario.toml", &text, &found, SeedChoice::OfFile)
        .unwrap_or_else(|problems| panic!("{}", twin::document::list(&problems)))
}
