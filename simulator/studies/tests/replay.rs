//! The committed scenarios through `studies`: the same seed is the same report, and seeds run side by side.

use std::path::{Path, PathBuf};

use studies::expect::{FIGURES, figure};
use studies::{ReplayReport, replay, replay_all};
use twin::Scenario;
use twin::scenario_file::{Found, SeedChoice, load};

#[test]
fn the_same_scenario_and_seed_give_the_same_report_byte_for_byte() {
    let run = || serde_json::to_string(&replay(scenario("one-phase-evs-on-l1", SeedChoice::OfFile))).unwrap();
    let first = run();
    assert!(first == run(), "two runs differ");
    let back: ReplayReport = serde_json::from_str(&first).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), first, "a report reads back as it was");
}

#[test]
fn every_figure_that_expectations_may_name_is_in_a_report() {
    let report = replay(scenario("one-phase-evs-on-l1", SeedChoice::OfFile));
    for known in FIGURES {
        let name = match known {
            "peak_a." => "peak_a.main.L1",
            "over_rating_s." => "over_rating_s.main",
            "checked." => "checked.S1",
            whole => whole,
        };
        assert!(figure(&report, name).is_some(), "{name}");
    }
    assert_eq!(figure(&report, "peak_a.attic"), None);
}

#[test]
fn seeds_side_by_side_break_no_rule_and_come_in_order() {
    let seeds = [101, 102, 103, 104];
    let scenarios = seeds.map(|seed| scenario("restart-mid-evening", SeedChoice::Given(seed)));
    let reports = replay_all(scenarios.into());
    assert_eq!(reports.iter().map(|report| report.seed).collect::<Vec<_>>(), seeds);
    for report in &reports {
        let firings: Vec<&String> = report.rules.iter().flat_map(|rule| &rule.firings).collect();
        assert!(firings.is_empty(), "{firings:#?}");
    }
    assert_ne!(reports[0].event_hash, reports[1].event_hash);
}

fn scenario(name: &str, seed: SeedChoice) -> Scenario {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let text = read(&folder.join("scenario.toml"));
    let site = read(&folder.join("../evening-peak-40-evse/site.toml"));
    let found = Found { site, ..Found::default() };
    load(name, "scenario.toml", &text, &found, seed)
        .unwrap_or_else(|problems| panic!("{}", twin::document::list(&problems)))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
