//! S8: a restored engine equals one that never stopped, on its state rows.

use std::collections::BTreeMap;

use crate::record::{Record, ReportedId};
use crate::tests::events::{Told, tell, told};
use crate::tests::{Dice, House, records_of, rows_of, site, start_payload, stop_payload, values_payload};
use crate::{Effect, Input, Output};

/// One thing that a station does.
#[derive(Debug, Clone)]
enum Step {
    Pass(i64),
    Call { station: &'static str, action: &'static str, payload: String },
    Reconnect(&'static str),
}

/// A random conversation of two stations with three EVSEs, late and repeated messages included. Times are as the
/// stations see them, from noon on.
fn conversation(dice: &mut Dice, length: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut clock = 0;
    let mut next_id = 1;
    let mut open: Vec<(&'static str, u16, u64, i64)> = Vec::new();
    let mut sent: Vec<Step> = Vec::new();
    let mut register = 1_000;
    while steps.len() < length {
        let seconds = i64::try_from(dice.roll(400)).unwrap();
        clock += seconds;
        steps.push(Step::Pass(seconds));
        let (station, connector) =
            [("CP1", 1), ("CP2", 1), ("CP2", 2)][usize::try_from(dice.roll(3)).unwrap()];
        let at = House::at(clock);
        register += i64::try_from(dice.roll(300)).unwrap();
        let place = open.iter().position(|(known, number, ..)| (*known, *number) == (station, connector));
        let step = match (dice.roll(12), place) {
            (0, _) => Step::Reconnect(station),
            (1, _) if !sent.is_empty() => {
                sent[usize::try_from(dice.roll(u64::try_from(sent.len()).unwrap())).unwrap()].clone()
            }
            (2, _) => {
                let words = ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Faulted"];
                let word = words[usize::try_from(dice.roll(6)).unwrap()];
                let payload = format!(
                    r#"{{"connectorId":{connector},"errorCode":"NoError","status":"{word}","timestamp":"{at}"}}"#
                );
                Step::Call { station, action: "StatusNotification", payload }
            }
            (3, Some(place)) if dice.roll(3) == 0 => {
                let odd = ["-1", "0", "4000"][usize::try_from(dice.roll(3)).unwrap()];
                // The engine may take it for the open transaction's end; then it ends for us as well.
                open.remove(place);
                Step::Call { station, action: "StopTransaction", payload: stop_payload(odd, register, &at) }
            }
            (3..=5, Some(place)) => {
                let (_, _, id, _) = open.remove(place);
                Step::Call {
                    station,
                    action: "StopTransaction",
                    payload: stop_payload(&id.to_string(), register, &at),
                }
            }
            (_, Some(place)) => {
                let id = open[place].2.to_string();
                let amperes = i64::try_from(dice.roll(16)).unwrap();
                Step::Call {
                    station,
                    action: "MeterValues",
                    payload: values_payload(connector, Some(&id), register, amperes, &at),
                }
            }
            (_, None) => {
                open.push((station, connector, next_id, clock));
                next_id += 1;
                let token = ["ANNA", "BERT", "CARL", "NOBODY"][usize::try_from(dice.roll(4)).unwrap()];
                Step::Call {
                    station,
                    action: "StartTransaction",
                    payload: start_payload(connector, token, register, &at),
                }
            }
        };
        if let Step::Call { .. } = &step {
            sent.push(step.clone());
        }
        steps.push(step);
    }
    steps
}

fn run(house: &mut House, step: &Step) {
    match step {
        Step::Pass(seconds) => {
            house.pass(*seconds);
            for station in ["CP1", "CP2"] {
                house.accept_all(station);
                // A good station answers nothing twice and says that it lives.
                house.call(station, "Heartbeat", "{}");
            }
        }
        Step::Call { station, action, payload } => {
            house.call(station, action, payload);
        }
        Step::Reconnect(station) => {
            house.down(station);
            house.up(station);
        }
    }
}

/// What the store gives back: the latest row of each key and the facts of transactions that are not sealed.
fn stored(outputs: &[Output]) -> Vec<Record> {
    let rows = rows_of(outputs);
    let is_open = |id: Option<units::TransactionId>| {
        id.is_some_and(|id| {
            matches!(rows.get(&("transaction_state", id.to_string())), Some(Record::Transaction(row)) if !row.is_sealed)
        })
    };
    let facts = records_of(outputs).filter(|record| match record {
        Record::Evidence(row) => is_open(row.transaction),
        Record::MeterValues(row) => is_open(row.transaction),
        _ => false,
    });
    let facts: Vec<Record> = facts.cloned().collect();
    rows.values().cloned().chain(facts).collect()
}

/// Rows as they must be equal: without what a restart makes more careful (lifetimes and tickets of limits, measured
/// currents), without the reserved block of message ids, and without what registers show, whose watch begins anew.
pub fn comparable(outputs: &[Output]) -> BTreeMap<(&'static str, String), String> {
    rows_of(outputs)
        .into_iter()
        .map(|(key, record)| {
            let text = match record {
                Record::Counters(mut row) => {
                    row.message = 0;
                    format!("{row:?}")
                }
                Record::Evse(row) => format!(
                    "{} {} {:?} {:?}",
                    row.control.is_decommissioned,
                    row.control.is_in_transaction,
                    row.control.ev,
                    row.control.fallback_confirmed
                ),
                Record::Facts(mut row) => {
                    row.facts.remove(&crate::facts::Fact::UnitsPlausible);
                    format!("{row:?}")
                }
                other => format!("{other:?}"),
            };
            (key, text)
        })
        .collect()
}

/// The engine is replaced by one made from the records, and all stations return on new links.
pub fn crash(house: &mut House) {
    let records = stored(&house.outputs);
    house.csms = crate::Csms::new();
    house.input(Input::Restored(records));
    house.input(Input::Directory(std::sync::Arc::new(crate::tests::directory())));
}

#[test]
fn s8_a_restored_engine_equals_one_that_never_stopped() {
    let seeds: Vec<u64> = match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=40).collect(),
    };
    for seed in seeds {
        eprintln!("seed {seed}: SEED={seed} cargo test -p csms s8_a_restored");
        let mut dice = Dice(seed);
        let steps = conversation(&mut dice, 120);
        let crash_at = usize::try_from(dice.roll(110)).unwrap() + 5;
        let play = |crashes: bool| {
            let mut house = House::new();
            for station in ["CP1", "CP2"] {
                house.boot(station);
            }
            for (place, step) in steps.iter().enumerate() {
                if place == crash_at {
                    if crashes {
                        crash(&mut house);
                    } else {
                        for station in ["CP1", "CP2"] {
                            house.down(station);
                        }
                    }
                    for station in ["CP1", "CP2"] {
                        house.up(station);
                    }
                }
                run(&mut house, step);
            }
            house
        };
        let (whole, crashed) = (play(false), play(true));
        let (expected, found) = (comparable(&whole.outputs), comparable(&crashed.outputs));
        for (key, row) in &expected {
            assert_eq!(found.get(key), Some(row), "seed {seed}, crash before step {crash_at}: {key:?}");
        }
        assert_eq!(expected.len(), found.len());
        assert!(whole.cdrs() == crashed.cdrs(), "CDRs differ: seed {seed}, crash before step {crash_at}");
    }
}

#[test]
fn s8_a_restart_restores_ceilings_not_the_last_limit_sent() {
    let mut house = House::with(site(60, Some("main")));
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    house.start("CP1", 1, "ANNA", 0);
    let control = |house: &mut House| {
        let query = crate::Query::Site("house".parse().unwrap());
        let crate::QueryAnswer::Site(Some(view)) = house.query(query) else { panic!("site") };
        view.evses[0].control.clone()
    };
    for _ in 0..30 {
        let limit = control(&mut house).limit.unwrap_or_default();
        let amperes = limit.milliamperes().min(14_000) / 1_000;
        house.meter([5 + amperes; 3]);
        house.pass(5);
        house.accept_all("CP1");
        house.values("CP1", 1, Some("1"), 0, amperes);
    }
    let before = control(&mut house);
    assert!(before.limit >= Some(units::Amperes::from_amperes(6)), "{before:?}");
    house.accept_all("CP1");
    // A shed that no row was committed for.
    let mark = house.outputs.len();
    house.meter([70, 70, 70]);
    let sheds = house.outputs[mark..].iter().any(|output| house.line(output).contains("TxProfile"));
    assert!(sheds);
    house.outputs.truncate(mark);
    crash(&mut house);
    let after = control(&mut house);
    assert!(after.ceiling.l1 >= before.ceiling.l1, "{after:?} after {before:?}");
}

#[test]
fn s8_a_transaction_heard_of_by_its_meter_values_first_is_known_after_a_restart() {
    let mut house = House::new();
    house.speaks("CP2", crate::Version::V201);
    house.boot("CP2");
    // Of a station with two EVSEs, where nothing tells yet at which.
    let values = |seq| Told { registers: vec![("Sample.Periodic", 2_000)], ..told("Updated", seq, 60) };
    tell(&mut house, "CP2", &values(7));
    assert_eq!(house.transaction(1).reported_id, Some(ReportedId("T-1".to_owned())));
    crash(&mut house);
    house.up("CP2");
    tell(&mut house, "CP2", &values(8));
    let known = house.rows().into_keys().filter(|(table, _)| *table == "transaction_state");
    assert_eq!(known.count(), 1, "both events are of one transaction");
}

#[test]
fn message_ids_are_not_used_again_after_a_restart() {
    let mut house = House::new();
    house.boot("CP1");
    let ids = |outputs: &[Output]| -> Vec<String> {
        let calls = outputs.iter().filter_map(|output| match &output.effect {
            Effect::SendFrame { text, .. } if text.starts_with("[2,") => Some(crate::tests::message_id(text)),
            _ => None,
        });
        calls.collect()
    };
    let before = ids(&house.outputs);
    assert!(!before.is_empty());
    crash(&mut house);
    let mark = house.outputs.len();
    house.boot("CP1");
    let after = ids(&house.outputs[mark..]);
    assert!(!after.is_empty() && after.iter().all(|id| !before.contains(id)), "{before:?} {after:?}");
}

#[test]
fn a_restart_with_nothing_is_a_start() {
    let mut house = House::empty(crate::Policy::default());
    house.input(Input::Restored(Vec::new()));
    assert_eq!(house.take(), [""; 0]);
    assert_eq!(house.csms.next_deadline(), None);
}
