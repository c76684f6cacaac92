//! The history of what limits each EVSE.

use charging::site::LimitedBy;
use units::{TimeSpan, Timestamp};

use crate::query::{Query, QueryAnswer};
use crate::record::{ReasonRow, Record};
use crate::tests::{House, records_of, site};

#[test]
fn a_fact_tells_each_change_of_a_reason_and_at_most_one_a_minute() {
    let mut house = House::new();
    house.boot("CP1");
    assert_eq!(told(&house), [], "nobody is at the free EVSEs");
    for round in 0..3 {
        house.status("CP1", 1, "Preparing");
        house.pass(100);
        house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
        house.start("CP1", 1, "ANNA", round);
        house.status("CP1", 1, "Charging");
        for _ in 0..60 {
            house.pass(5);
            house.accept_all("CP1");
        }
        house.stop("CP1", &(round + 1).to_string(), 1_000);
        house.status("CP1", 1, "Available");
        house.pass(100);
    }
    let told = told(&house);
    let reasons: Vec<&LimitedBy> = told.iter().map(|row| &row.explanation.reason).collect();
    assert!(reasons.windows(2).all(|pair| pair[0] != pair[1]), "{reasons:?}");
    assert!(reasons.contains(&&LimitedBy::EvseMaximum), "{reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| ***reason == LimitedBy::Free).count(), 3, "{reasons:?}");
    let at: Vec<Timestamp> = told.iter().map(|row| row.at).collect();
    let minute = TimeSpan::from_minutes(1);
    assert!(at.windows(2).all(|pair| pair[1].since(pair[0]) >= minute), "{at:?}");
}

#[test]
fn what_changes_within_a_minute_is_told_once_the_minute_is_over_though_nothing_else_happens() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.pass(20);
    let before = told(&house).len();
    house.down("CP1");
    house.pass(120);
    let rows = told(&house);
    assert_eq!(rows.len(), before + 1, "{rows:?}");
    assert_eq!(rows.last().map(|row| &row.explanation.reason), Some(&LimitedBy::Offline));
    house.pass(3_600);
    assert_eq!(told(&house).len(), before + 1, "an hour later it is still offline");
}

#[test]
fn a_restart_needs_no_history_and_begins_it_anew() {
    let mut house = House::with(site(100, None));
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.pass(100);
    assert!(!told(&house).is_empty());
    let restored = crate::Csms::restored(house.now, records_of(&house.outputs));
    assert!(restored.control(&"house".parse().unwrap()).is_some());
}

#[test]
fn a_site_tells_the_explanation_of_each_evse() {
    let mut house = House::new();
    house.boot("CP1");
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("the house is a site")
    };
    for line in view.evses {
        assert_eq!((&line.explanation.evse, &line.explanation.reason), (&line.evse, &line.control.reason));
    }
}

/// Of the first EVSE of the first station.
fn told(house: &House) -> Vec<ReasonRow> {
    let rows = records_of(&house.outputs).filter_map(|record| match record {
        Record::Reason(row) if row.explanation.evse.to_string() == "CP1/1" => Some(row.as_ref().clone()),
        _ => None,
    });
    rows.collect()
}
