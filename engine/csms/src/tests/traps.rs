//! FIELD section 6: the traps of the protocol that concern OCPP 1.6, each by its number.

use billing::cdr::Doubt;
use units::TransactionId;

use crate::query::{Query, QueryAnswer};
use crate::record::Record;
use crate::tests::{BOOT, House, start_payload, stop_payload, values_payload};
use crate::{Command, CommandAnswer};

fn charging(station: &str) -> House {
    let mut house = House::new();
    house.boot(station);
    house.status(station, 1, "Preparing");
    house.call(station, "Authorize", r#"{"idTag":"ANNA"}"#);
    house.start(station, 1, "ANNA", 1_000);
    house.status(station, 1, "Charging");
    house
}

fn transaction_at(house: &mut House, evse: &str) -> Option<TransactionId> {
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    view.evses.into_iter().find(|line| line.evse.to_string() == evse).unwrap().transaction
}

#[test]
fn trap_1_registration_belongs_to_the_station_not_to_the_socket() {
    let mut house = charging("CP1");
    house.down("CP1");
    house.pass(5);
    house.up("CP1");
    assert_eq!(house.values("CP1", 1, Some("1"), 1_100, 10), "[3,{}]", "without another boot");
    house.pass(60);
    assert_eq!(house.stop("CP1", "1", 1_200), "[3,{}]");
    assert_eq!(house.cdrs().len(), 1);
}

#[test]
fn trap_2_a_retry_under_a_new_message_id_is_the_same_transaction_and_never_concurrent() {
    let mut house = House::new();
    house.boot("CP1");
    let payload = start_payload(1, "ANNA", 0, &house.stamp());
    let answers: Vec<String> = (0..4).map(|_| house.call("CP1", "StartTransaction", &payload)).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(!answers[0].contains("ConcurrentTx"));
}

#[test]
fn trap_3_absurd_transaction_messages_have_their_answer_and_stay_out_of_billing() {
    for payload in [
        stop_payload("-1", -1, "1970-01-01T00:00:00Z"),
        stop_payload("9223372036854775807", 5, "2099-01-01T00:00:00Z"),
        stop_payload("\"abc\"", 0, "yesterday"),
        "{}".to_owned(),
        r#"{"transactionId":null,"meterStop":"x"}"#.to_owned(),
    ] {
        let mut house = House::new();
        house.boot("CP1");
        assert_eq!(house.call("CP1", "StopTransaction", &payload), "[3,{}]", "{payload}");
        assert_eq!((house.cdrs().len(), house.findings().len()), (0, 1), "{payload}");
    }
}

#[test]
fn trap_3_a_stop_with_an_odd_id_ends_the_connectors_transaction_and_is_held_from_billing() {
    for claimed in ["-1", "0", "9223372036854775807"] {
        let mut house = charging("CP1");
        house.pass(600);
        assert_eq!(house.stop("CP1", claimed, 1_500), "[3,{}]", "{claimed}");
        assert_eq!(transaction_at(&mut house, "CP1/1"), None, "control knows that it is over");
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        assert_eq!(cdr.doubts, [Doubt::Orphan { claimed: claimed.to_owned() }], "money waits for a person");
    }
}

#[test]
fn trap_3_an_odd_id_does_not_end_what_began_after_it_or_another_of_two() {
    let mut house = charging("CP2");
    house.status("CP2", 2, "Preparing");
    house.pass(60);
    house.start("CP2", 2, "BERT", 0);
    house.pass(60);
    house.stop("CP2", "-1", 1_500);
    assert_eq!(house.cdrs().len(), 0, "it could be either");
    let at = house.stamp();
    let of_bert = format!(r#"{{"transactionId":-1,"idTag":"BERT","meterStop":100,"timestamp":"{at}"}}"#);
    house.call("CP2", "StopTransaction", &of_bert);
    assert_eq!(house.cdrs()[0].transaction, TransactionId(2), "the token tells");
    house.call("CP2", "StopTransaction", &stop_payload("-1", 700, &House::at(-3_600)));
    assert_eq!(transaction_at(&mut house, "CP2/1"), Some(TransactionId(1)), "it ended before this one began");
}

#[test]
fn trap_3_meter_values_with_odd_ids_serve_control_only() {
    let mut house = charging("CP1");
    for claimed in ["0", "-1", "9223372036854775807", "4711"] {
        house.pass(1_000);
        assert_eq!(house.values("CP1", 1, Some(claimed), 9_999, 13), "[3,{}]");
        assert_eq!(house.values("CP1", 1, Some(claimed), 9_999, 13), "[3,{}]");
    }
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    assert_eq!(view.evses[0].control.drawn.l1, units::Amperes::from_amperes(13), "control sees the current");
    assert_eq!(house.found().len(), 4, "of each kind the first is found: {:?}", house.found());
    house.stop("CP1", "1", 2_000);
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.readings.len(), cdr.doubts.len()), (2, 0), "their registers are not billed");
}

#[test]
fn trap_4_no_station_can_end_or_fill_anothers_transaction() {
    let mut house = charging("CP1");
    house.boot("CP2");
    house.pass(60);
    assert_eq!(house.stop("CP2", "1", 5_000), "[3,{}]");
    assert_eq!(house.values("CP2", 1, Some("1"), 5_000, 10), "[3,{}]");
    assert_eq!(house.cdrs().len(), 0);
    assert_eq!(transaction_at(&mut house, "CP1/1"), Some(TransactionId(1)));
    assert!(house.found().contains(&Doubt::Orphan { claimed: "1".to_owned() }));
    let other = house
        .records()
        .filter(|record| matches!(record, Record::MeterValues(row) if row.transaction.is_some()));
    assert_eq!(other.count(), 0);
    house.pass(540);
    house.stop("CP1", "1", 1_500);
    assert_eq!(house.cdrs()[0].doubts, []);
}

#[test]
fn trap_5_offline_data_comes_late_and_out_of_order() {
    let mut house = charging("CP1");
    house.down("CP1");
    house.pass(7_200);
    house.up("CP1");
    for (second, register) in [(3_000, 1_800), (1_000, 1_200), (2_000, 1_500)] {
        house.call("CP1", "MeterValues", &values_payload(1, Some("1"), register, 10, &House::at(second)));
    }
    house.call("CP1", "StopTransaction", &stop_payload("1", 2_000, &House::at(3_600)));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    let registers: Vec<i64> = cdr.readings.iter().map(|read| read.register.watt_hours_floor()).collect();
    assert_eq!(registers, [1_000, 1_200, 1_500, 1_800, 2_000]);
    assert_eq!(cdr.doubts, []);
    assert_eq!(cdr.stopped_at.to_string(), House::at(3_600));
}

#[test]
fn trap_6_one_call_is_outstanding_and_a_disconnect_ends_it() {
    let mut house = charging("CP1");
    house.accept_all("CP1");
    let reset = || Command::Call {
        station: "CP1".parse().unwrap(),
        action: "Reset".into(),
        payload: r#"{"type":"Soft"}"#.into(),
    };
    assert_eq!(house.command(reset()), None);
    assert_eq!(house.command(reset()), None);
    assert_eq!(house.calls_to("CP1").len(), 1, "the second waits");
    assert!(
        house.call("CP1", "Heartbeat", "{}").starts_with("[3,"),
        "the station's own calls are not blocked"
    );
    house.down("CP1");
    assert_eq!(house.last_answer(), Some(CommandAnswer::NoAnswer("the link was lost".into())));
    let answers = house.take().iter().filter(|line| line.starts_with("answer NoAnswer")).count();
    assert_eq!(answers, 2);
}

#[test]
fn trap_6_a_call_without_an_answer_ends_after_thirty_seconds() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Available");
    let command =
        Command::Call { station: "CP1".parse().unwrap(), action: "ClearCache".into(), payload: "{}".into() };
    assert_eq!(house.command(command), None);
    house.pass(29);
    assert_eq!(house.last_answer(), None);
    house.pass(1);
    assert_eq!(
        house.last_answer(),
        Some(CommandAnswer::NoAnswer("the station did not answer in time".into()))
    );
}

#[test]
fn trap_7_error_codes_are_those_of_1_6() {
    let mut house = House::new();
    house.boot("CP1");
    let reply = house.call("CP1", "StatusNotification", r#"{"connectorId":1,"errorCode":"NoError"}"#);
    assert!(reply.starts_with(r#"[4,"OccurenceConstraintViolation""#), "{reply}");
}

#[test]
fn trap_9_the_newest_connection_wins() {
    let mut house = charging("CP1");
    let old = house.up("CP1");
    house.up("CP1");
    house.input(crate::Input::LinkDown { link: old });
    assert!(house.station("CP1").is_online);
    house.input(crate::Input::LinkUp {
        security: crate::SecurityProfile::Unauthenticated,
        link: old,
        station: "CP1".parse().unwrap(),
        version: crate::Version::V16,
    });
    assert!(
        house.call("CP1", "Heartbeat", "{}").starts_with("[3,"),
        "an older number never replaces a newer"
    );
}

#[test]
fn trap_11_tokens_compare_without_case_and_concurrent_belongs_to_starts_only() {
    let mut house = House::new();
    house.boot("CP1");
    assert_eq!(
        house.call("CP1", "Authorize", r#"{"idTag":"anna"}"#),
        r#"[3,{"idTagInfo":{"status":"Accepted"}}]"#
    );
    let at = house.stamp();
    let upper = house.call("CP1", "StartTransaction", &start_payload(1, "ANNA", 0, &at));
    assert_eq!(house.call("CP1", "StartTransaction", &start_payload(1, "Anna", 0, &at)), upper);
    assert!(!house.call("CP1", "Authorize", r#"{"idTag":"BERT"}"#).contains("Concurrent"));
}

#[test]
fn trap_13_a_station_that_takes_watts_only_gets_watts_at_their_worst() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let units = r#"{"status":"Accepted","configurationKey":[{"key":"ChargingScheduleAllowedChargingRateUnit","readonly":true,"value":"Power"}]}"#;
    house.answer_all("CP1", units);
    assert!(house.station("CP1").row.takes_watts_only);
    house.status("CP1", 1, "Preparing");
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    house.start("CP1", 1, "ANNA", 0);
    house.pass(2);
    let calls = house.accept_all("CP1");
    let live = calls.iter().find(|call| call.contains(r#""TxProfile""#)).unwrap();
    assert!(live.contains(r#""chargingRateUnit":"W""#), "{live}");
}

#[test]
fn trap_14_a_tx_profile_bears_the_transactions_id() {
    let mut house = charging("CP1");
    house.pass(2);
    let calls = house.accept_all("CP1");
    let live: Vec<&String> = calls.iter().filter(|call| call.contains(r#""TxProfile""#)).collect();
    assert!(!live.is_empty());
    for call in live {
        assert!(call.contains(r#""transactionId":1"#), "{call}");
    }
}

#[test]
fn trap_16_reboot_required_is_a_success() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    house.answer_all("CP1", r#"{"status":"RebootRequired"}"#);
    let quirks = house.quirks("CP1");
    assert!(!quirks.iter().any(|quirk| quirk.starts_with("refuses_meas")), "{quirks:?}");
}

#[test]
fn a_seeded_storm_of_odd_and_broken_frames_breaks_nothing() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(16);
    eprintln!("seed {seed}: SEED={seed} cargo test -p csms storm");
    let mut dice = crate::tests::Dice(seed);
    let mut house = House::new();
    house.boot("CP1");
    let good = [
        r#"[2,"1","BootNotification",{"chargePointVendor":"A","chargePointModel":"B"}]"#.to_owned(),
        format!(r#"[2,"2","StartTransaction",{}]"#, start_payload(1, "ANNA", 0, super::NOON)),
        format!(r#"[2,"3","StopTransaction",{}]"#, stop_payload("1", 1, super::NOON)),
        format!(r#"[2,"4","MeterValues",{}]"#, values_payload(1, Some("1"), 5, 3, super::NOON)),
        r#"[2,"5","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]"#
            .to_owned(),
        r#"[2,"6","Authorize",{"idTag":"ANNA"}]"#.to_owned(),
        r#"[3,"1",{"status":"Accepted"}]"#.to_owned(),
        r#"[4,"2","GenericError","",{}]"#.to_owned(),
    ];
    let pieces =
        ["\"", "{", "}", "[", "]", ",", ":", "-1", "9e99", "null", "é", "\\", "0", "\"transactionId\":,"];
    house.storm("CP1", &good, &pieces, &mut dice);
}
