//! The commit protocol: what an output waits for.

use units::RecordSeq;

use crate::contract::{Alarm, StorageHealth};
use crate::query::{Query, QueryAnswer};
use crate::tests::{House, site};
use crate::{Effect, Input, Output};

fn records_before(outputs: &[Output], place: usize) -> RecordSeq {
    let seq = |output: &Output| match output.effect {
        Effect::Persist { seq, .. } => Some(seq),
        _ => None,
    };
    outputs[..place].iter().rev().find_map(seq).unwrap_or_default()
}

#[test]
fn records_are_numbered_from_one_without_a_gap_and_everything_else_waits_for_those_before_it() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    house.start("CP1", 1, "ANNA", 0);
    house.pass(30);
    house.accept_all("CP1");
    house.stop("CP1", "1", 100);
    let mut expected = 0;
    for (place, output) in house.outputs.iter().enumerate() {
        match &output.effect {
            Effect::Persist { seq, .. } => {
                expected += 1;
                assert_eq!(seq.0, expected);
            }
            Effect::SendFrame { text, .. } if text.contains("TxProfile") => {}
            _ => assert_eq!(output.after, records_before(&house.outputs, place), "{}", house.line(output)),
        }
    }
    assert!(expected > 10);
}

#[test]
fn an_acknowledgement_waits_for_every_row_that_it_rests_on() {
    let mut house = House::new();
    house.boot("CP1");
    let before = house.outputs.len();
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    let lines: Vec<String> = house.outputs[before..].iter().map(|output| house.line(output)).collect();
    assert_eq!(
        lines[0], "persist evse CP1/1",
        "the start that we accept is known before the station hears of it"
    );
    assert!(lines[1].starts_with("to CP1 [3,"), "{lines:?}");
    let before = house.outputs.len();
    house.start("CP1", 1, "ANNA", 0);
    let lines: Vec<String> = house.outputs[before..].iter().map(|output| house.line(output)).collect();
    let reply = lines.iter().position(|line| line.starts_with("to CP1 [3,")).unwrap();
    for row in ["counters", "session 1", "evidence", "transaction_state 1", "evse CP1/1"] {
        let place = lines.iter().position(|line| *line == format!("persist {row}"));
        assert!(place.is_some_and(|place| place < reply), "{row}: {lines:?}");
    }
}

#[test]
fn s8_a_shed_waits_for_nothing_and_a_raise_for_the_evses_row() {
    let mut house = House::with(site(60, Some("main")));
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    for _ in 0..10 {
        house.meter([2, 2, 2]);
        house.pass(5);
        house.accept_all("CP1");
    }
    assert!(house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#).contains("Accepted"));
    house.start("CP1", 1, "ANNA", 0);
    house.status("CP1", 1, "Charging");
    for _ in 0..6 {
        house.meter([2, 2, 2]);
        house.pass(5);
        house.accept_all("CP1");
    }
    let raised = house.outputs.iter().position(|output| house.line(output).contains("TxProfile")).unwrap();
    assert_eq!(house.outputs[raised].after, records_before(&house.outputs, raised));
    assert!(house.outputs[raised].after > RecordSeq(0));
    let before = house.outputs.len();
    house.values("CP1", 1, Some("1"), 10, 15);
    house.meter([70, 70, 70]);
    let shed = house.outputs[before..].iter().find(|output| house.line(output).contains("TxProfile"));
    let shed = shed.expect("a phase above its rating sheds in the same instant");
    assert_eq!(shed.after, RecordSeq(0));
}

#[test]
fn failing_storage_is_an_alarm_that_does_not_wait_for_storage() {
    let mut house = House::new();
    house.take();
    house.input(Input::Storage(StorageHealth::Failing));
    house.input(Input::Storage(StorageHealth::Failing));
    let raised = house.outputs.last().unwrap();
    assert!(matches!(raised.effect, Effect::AlarmRaised(Alarm::StorageFailing)));
    assert_eq!(raised.after, RecordSeq(0));
    assert_eq!(house.take().len(), 1, "once");
    let QueryAnswer::Alarms(standing) = house.query(Query::Alarms) else { panic!("alarms") };
    assert_eq!(standing.iter().map(|view| &view.alarm).collect::<Vec<_>>(), [&Alarm::StorageFailing]);
    house.input(Input::Storage(StorageHealth::Well));
    assert!(matches!(house.outputs.last().unwrap().effect, Effect::AlarmCleared(Alarm::StorageFailing)));
}

#[test]
fn an_answer_to_a_query_waits_for_what_it_tells() {
    let mut house = House::new();
    house.boot("CP1");
    house.start("CP1", 1, "ANNA", 0);
    house.input(Input::Query { request: units::RequestId(9), query: Query::Sessions });
    let place = house.outputs.len() - 1;
    assert_eq!(house.outputs[place].after, records_before(&house.outputs, place));
}
