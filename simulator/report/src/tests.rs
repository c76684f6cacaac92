use studies::expect::{Bound, Expectation, Verdict};
use studies::report::{
    AlarmReport, CircuitReport, Counts, DriverMoney, EvseReport, Limit, LimitReport, MoneyReport, OwnerMoney,
    Peak, ReplayReport, RuleReport, SessionReport,
};
use units::{Amperes, Currency, Money, PerPhase, TimeSpan, Timestamp, WattHours};

use super::html;

#[test]
fn a_report_tells_what_happened_why_and_what_it_cost_before_anything_else() {
    let told = words(&html(&report(60), &[]));
    let expected = [
        "Site · Thu 15.1. 14:00 to Thu 15.1. 15:00, local time",
        "1 stay got 9.5 kWh of 10.0 kWh wanted, and Main was never above its rating",
        "One car",
        "What kept EVs from more was above all this: Main L2 is full, for 0.5 EV-hours of 0.7 EV-hours in \
         transactions, then others have their turn on Main L2 for 0.1 EV-hours. Main peaked at 20 A of 63 A on L3, at \
         Thu 15.1. 14:00. The longest wait for current was 20 min, at Place 1, \
         from Thu 15.1. 14:00 on. Drivers were charged 2.50 € in 1 CDR; the owner is paid 1.60 €.",
        "✓ Every rule held.",
    ];
    let mut rest = told.as_str();
    for sentence in expected {
        let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        let at = rest.find(&sentence);
        assert!(at.is_some(), "{sentence:?} does not follow in {rest:.1500}");
        rest = &rest[at.unwrap() + sentence.len()..];
    }
}

#[test]
fn moments_are_numbered_in_order_and_what_comes_at_once_is_one_moment() {
    let mut report = report(60);
    let at = report.starts_at + TimeSpan::from_minutes(40);
    for place in 1..=12 {
        report.alarms.push(AlarmReport {
            raised_at: at,
            cleared_at: None,
            text: format!("P{place} is offline"),
        });
    }
    report.counts.crashes_at = vec![report.starts_at + TimeSpan::from_minutes(50)];
    let told = words(&html(&report, &[]));
    let moments = told.split("Moments that mattered").nth(1).unwrap();
    let expected = "Thu 15.1. 14:00 Main L3 peaks at 20 A Thu 15.1. 14:00 the meter is silent Thu 15.1. 14:00 the \
                    longest wait begins, at Place 1 (for 20 min) Thu 15.1. 14:40 P1 is offline, and 11 more Thu 15.1. \
                    14:50 the engine's process dies";
    assert!(moments.trim_start().starts_with(expected), "{moments:.600}");
}

#[test]
fn a_violation_is_the_headline_and_names_its_story() {
    let mut report = report(3);
    report.rules[0].firings.push("main L2 carried 70 A of 63 A <for 40 s>".to_owned());
    let page = html(&report, &[]);
    assert!(words(&page).contains("S1 broken: 1 violation"), "{:.600}", words(&page));
    assert!(!page.contains("Every rule held"));
    assert!(page.contains("main L2 carried 70 A of 63 A &lt;for 40 s&gt;"), "text is escaped");
}

#[test]
fn a_missed_expectation_is_the_headline() {
    let expectation =
        Expectation { what: "held".to_owned(), bound: Bound::AtMost(0), reason: "no doubt".to_owned() };
    let verdict = Verdict { expectation, outcome: 1_000, is_met: false };
    let told = words(&html(&report(3), &[verdict]));
    assert!(told.contains("Every rule held, but 1 of 1 expectations were missed"), "{told:.600}");
}

#[test]
fn an_empty_run_still_makes_a_page() {
    let mut report = report(0);
    report.sessions.clear();
    report.evses.clear();
    report.limits.clear();
    report.circuits[0].evses.clear();
    let told = words(&html(&report, &[]));
    assert!(
        told.contains("Nobody came, and every rule held") && told.contains("Nobody came."),
        "{told:.900}"
    );
}

#[test]
fn the_page_is_one_file() {
    let page = html(&report(60), &[]);
    assert_eq!(page.matches("<figure>").count(), 4, "three phases, and what limited");
    for elsewhere in ["src=", "href=", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn two_hundred_evses_over_a_month_of_minutes_stay_legible_and_small() {
    let mut report = report(44_640);
    let evse = report.evses[0].clone();
    report.evses = (0..200)
        .map(|place| EvseReport {
            evse: format!("P{place}/1").parse().unwrap(),
            name: format!("Place {place}"),
            energy: WattHours::from_watt_hours(1_000 + place),
            ..evse.clone()
        })
        .collect();
    report.circuits[0].evses = (0..200).collect();
    let page = html(&report, &[]);
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(words(&page).contains("Place 199 193 others"), "the key names the largest and gathers the rest");
}

/// The page's words, without its tags, charts and style.
fn words(page: &str) -> String {
    let mut told = String::new();
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let is_hidden = ["style", "script", "text", "title"].iter().any(|hidden| tag.starts_with(hidden));
        if !is_hidden {
            told += text;
        }
        told.push(' ');
    }
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn report(steps: usize) -> ReplayReport {
    let amperes = Amperes::from_amperes;
    let start: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
    let series =
        |current| PerPhase::new(vec![amperes(current); steps], vec![amperes(current); steps], Vec::new());
    // After twenty minutes without current.
    let charging = (0..steps).map(|step| amperes(if step < 20 { 0 } else { 10 })).collect();
    let peak = Peak { current: amperes(20), at: start };
    let zero = WattHours::ZERO;
    ReplayReport {
        fidelity: studies::Fidelity::Frames,
        scenario: "one".to_owned(),
        title: "One car".to_owned(),
        seed: 7,
        site: "Site".to_owned(),
        zone: "Europe/Helsinki".to_owned(),
        starts_at: start,
        ends_at: start + TimeSpan::from_hours(1),
        step: TimeSpan::from_minutes(1),
        circuits: vec![CircuitReport {
            circuit: "main".parse().unwrap(),
            name: "Main".to_owned(),
            parent: None,
            rating: PerPhase::splat(amperes(63)),
            base: series(10),
            highest: series(20),
            peak: PerPhase::splat(peak),
            over_rating: TimeSpan::ZERO,
            evses: vec![0],
        }],
        evses: vec![EvseReport {
            evse: "CP1/1".parse().unwrap(),
            name: "Place 1".to_owned(),
            circuit: "main".parse().unwrap(),
            current: PerPhase::new(charging, Vec::new(), Vec::new()),
            energy: WattHours::from_watt_hours(9_500),
        }],
        sessions: vec![SessionReport {
            evse: "CP1/1".parse().unwrap(),
            ev: "an EV".to_owned(),
            arrived_at: start,
            departed_at: None,
            wanted: WattHours::from_watt_hours(10_000),
            delivered: WattHours::from_watt_hours(9_500),
        }],
        money: MoneyReport {
            currency: Currency::Eur,
            drivers: vec![DriverMoney {
                driver: "anna".to_owned(),
                cdrs: 1,
                energy: WattHours::from_watt_hours(9_500),
                charging: Money::from_minor(150, Currency::Eur),
                fees: Money::from_minor(100, Currency::Eur),
            }],
            owners: vec![OwnerMoney {
                owner: "as-oy".to_owned(),
                month: "2026-01".to_owned(),
                revenue: Money::from_minor(190, Currency::Eur),
                fees: Money::from_minor(30, Currency::Eur),
                payout: Money::from_minor(160, Currency::Eur),
            }],
            energy_billed: zero,
            energy_registered: zero,
            cdrs: 1,
            held: 0,
            held_for: Vec::new(),
        },
        limits: vec![
            LimitReport {
                limit: Limit::EvseMaximum,
                evs: (0..steps).map(|step| u32::from(step >= 50)).collect(),
            },
            LimitReport {
                limit: Limit::Row("Main L2".to_owned()),
                evs: (0..steps).map(|step| u32::from((20..50).contains(&step))).collect(),
            },
            LimitReport {
                limit: Limit::Turn("Main L2".to_owned()),
                evs: (0..steps).map(|step| u32::from((10..16).contains(&step))).collect(),
            },
        ],
        alarms: vec![AlarmReport {
            raised_at: start,
            cleared_at: None,
            text: "the meter is silent".to_owned(),
        }],
        rules: vec![RuleReport {
            rule: "S1".to_owned(),
            meaning: "ratings hold".to_owned(),
            checked: 3,
            firings: Vec::new(),
        }],
        counts: Counts::default(),
        event_hash: "0".repeat(32),
    }
}
