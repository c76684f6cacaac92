use studies::report::{
    AlarmReport, CircuitReport, Counts, EvseReport, MoneyReport, Peak, ReplayReport, RuleReport,
    SessionReport,
};
use units::{Amperes, Currency, PerPhase, TimeSpan, Timestamp, WattHours};

use super::html;

#[test]
fn a_report_says_what_happened_and_draws_every_phase() {
    let page = html(&report(3), &[]);
    assert!(page.contains("1 stays wanted 10.00 kWh and got 9.50 kWh"), "{}", headline(&page));
    assert!(page.contains("Every rule held"), "{}", headline(&page));
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(!page.contains("http://www.w3.org/1999/xlink") && !page.contains("src="), "the page is one file");
}

#[test]
fn a_violation_is_the_headline_and_names_its_story() {
    let mut report = report(3);
    report.rules[0].firings.push("main L2 carried 70 A of 63 A <for 40 s>".to_owned());
    let page = html(&report, &[]);
    assert!(page.contains("1 rule violations"), "{}", headline(&page));
    assert!(page.contains("main L2 carried 70 A of 63 A &lt;for 40 s&gt;"), "text is escaped");
}

#[test]
fn an_empty_run_still_makes_a_page() {
    let mut report = report(0);
    report.sessions.clear();
    report.evses.clear();
    report.circuits[0].evses.clear();
    assert!(html(&report, &[]).contains("Nobody came"));
}

#[test]
fn a_month_of_minutes_is_drawn_in_few_points() {
    let page = html(&report(44_640), &[]);
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

fn headline(page: &str) -> String {
    page.split("<header>").nth(1).unwrap_or(page).chars().take(900).collect()
}

fn report(steps: usize) -> ReplayReport {
    let amperes = Amperes::from_amperes;
    let start: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
    let series =
        |current| PerPhase::new(vec![amperes(current); steps], vec![amperes(current); steps], Vec::new());
    let peak = Peak { current: amperes(20), at: start };
    let zero = WattHours::ZERO;
    ReplayReport {
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
            name: "main".to_owned(),
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
            name: "CP1".to_owned(),
            circuit: "main".parse().unwrap(),
            current: series(10),
            energy: zero,
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
            drivers: Vec::new(),
            owners: Vec::new(),
            energy_billed: zero,
            energy_registered: zero,
            cdrs: 1,
            held: 0,
        },
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
        event_hash: "0".repeat(64),
    }
}
