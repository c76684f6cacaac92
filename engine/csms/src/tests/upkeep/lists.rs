//! Local lists and reservations.

use std::sync::Arc;

use billing::directory::{Directory, TokenStatus};
use serde_json::{Value, json};
use units::TimeSpan;

use super::{answer, asked, audit, kept, refused, restart, upkeep};
use crate::record::UpkeepRow;
use crate::tests::{BOOT, House, directory, site};
use crate::upkeep::{LocalListRow, ReservationRow, ReservationState, UpkeepCommand};
use crate::{Command, CommandAnswer, Input, Version};

/// CP1's EVSE counts as starting alone; its station is booted.
fn house(version: Version) -> House {
    let mut config = site(100, None);
    config.evses[0].starts_alone = true;
    let mut house = House::with(config);
    house.speaks("CP1", version);
    house.boot("CP1");
    house.take();
    house
}

fn keep(house: &mut House, is_kept: bool) -> Option<CommandAnswer> {
    upkeep(house, UpkeepCommand::KeepList { station: "CP1".parse().unwrap(), is_kept })
}

fn list(house: &House) -> LocalListRow {
    kept(house, |row| if let UpkeepRow::LocalList(row) = row { Some(row) } else { None }).remove(0)
}

fn tokens(payload: &Value) -> Vec<String> {
    let entries = payload["localAuthorizationList"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let sign = if entry.get("idTagInfo").is_some() { "+" } else { "-" };
            format!("{sign}{}", entry["idTag"].as_str().unwrap())
        })
        .collect()
}

/// The directory with BERT blocked.
fn without_bert() -> Directory {
    let mut parts = directory().parts().clone();
    parts.tokens.get_mut(&"BERT".parse().unwrap()).unwrap().status = TokenStatus::Blocked;
    Directory::new(parts).unwrap()
}

fn told(payload: Value) -> Value {
    payload
}

/// Asked how much one message may bear, and what it holds.
fn introduce(house: &mut House, limit: &str, version: i32) {
    let limit =
        json!({"configurationKey": [{"key": "SendLocalListMaxLength", "readonly": true, "value": limit}]});
    assert_eq!(answer(house, "CP1", &limit).0, "GetConfiguration");
    assert_eq!(answer(house, "CP1", &json!({"listVersion": version})).0, "GetLocalListVersion");
}

#[test]
fn a_list_follows_the_directory_whole_at_first_and_by_differences_then() {
    let mut house = house(Version::V16);
    assert_eq!(keep(&mut house, true), Some(CommandAnswer::Done));
    introduce(&mut house, "10", 0);
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    assert_eq!((payload["updateType"].as_str(), payload["listVersion"].as_i64()), (Some("Full"), Some(1)));
    assert_eq!(tokens(&payload), ["+ANNA", "+BERT"], "who may charge there, and nobody else");
    assert_eq!(list(&house).version, 1);
    house.input(Input::Directory(Arc::new(without_bert())));
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    assert_eq!(
        (payload["updateType"].as_str(), payload["listVersion"].as_i64()),
        (Some("Differential"), Some(2))
    );
    assert_eq!(tokens(&payload), ["-BERT"]);
    // The same directory again changes nothing.
    house.input(Input::Directory(Arc::new(without_bert())));
    assert_eq!(asked(&mut house, "CP1"), []);
    let what: Vec<String> =
        audit(&house).into_iter().map(|row| format!("{} {}", row.actor, row.what)).collect();
    assert!(what.contains(&"directory send its local list, version 2".to_owned()), "{what:?}");
}

#[test]
fn a_list_is_sent_whole_after_a_mismatch_and_in_as_many_messages_as_the_station_needs() {
    let mut house = house(Version::V16);
    keep(&mut house, true);
    introduce(&mut house, "1", 0);
    let (_, first) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    let (_, second) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    assert_eq!([tokens(&first), tokens(&second)], [["+ANNA"], ["+BERT"]]);
    assert_eq!([&first["updateType"], &second["updateType"]], ["Full", "Differential"]);
    house.input(Input::Directory(Arc::new(without_bert())));
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "VersionMismatch"})));
    assert_eq!(payload["updateType"], "Differential");
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    assert_eq!((payload["updateType"].as_str(), tokens(&payload)), (Some("Full"), vec!["+ANNA".to_owned()]));
    assert_eq!(list(&house).tokens.len(), 1);
}

#[test]
fn after_a_boot_a_station_is_asked_what_it_holds_and_gets_what_it_lost() {
    let mut house = house(Version::V16);
    keep(&mut house, true);
    introduce(&mut house, "10", 0);
    answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    let mut house = restart(house);
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let calls = house.answer_all("CP1", r#"{"status":"Accepted","listVersion":0}"#);
    let sent: Vec<&String> = calls.iter().filter(|call| call.contains("SendLocalList")).collect();
    assert!(sent.len() == 1 && sent[0].contains("Full") && sent[0].contains("ANNA"), "{calls:?}");
    assert_eq!(list(&house).version, 2);
    // One that has what it had is left alone.
    house.down("CP1");
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let calls = house.answer_all("CP1", r#"{"status":"Accepted","listVersion":2}"#);
    assert!(!calls.iter().any(|call| call.contains("SendLocalList")), "{calls:?}");
}

#[test]
fn a_station_that_keeps_no_lists_says_so() {
    let mut house = house(Version::V16);
    keep(&mut house, true);
    introduce(&mut house, "10", -1);
    assert_eq!(asked(&mut house, "CP1"), []);
    assert_eq!(list(&house).word, "the station keeps no list");
}

#[test]
fn s1_a_list_is_only_for_stations_whose_evses_count_as_starting_alone() {
    let mut house = House::new();
    house.boot("CP1");
    house.take();
    let reasons = refused(keep(&mut house, true));
    assert!(reasons.starts_with("S1") && reasons.contains("starts_alone"), "{reasons}");
    assert_eq!(asked(&mut house, "CP1"), []);
}

#[test]
fn s1_an_evse_does_not_count_as_waiting_for_us_while_its_station_holds_a_list() {
    let mut house = house(Version::V16);
    keep(&mut house, true);
    introduce(&mut house, "10", 0);
    answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    let waiting = || Command::ConfigureSite(Box::new(site(100, None)));
    assert!(refused(house.command(waiting())).contains("S1: station CP1 holds a local list"));
    assert_eq!(keep(&mut house, false), Some(CommandAnswer::Done));
    answer(&mut house, "CP1", &json!({"listVersion": 1}));
    assert!(refused(house.command(waiting())).contains("S1"), "not before it is empty");
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    assert_eq!(tokens(&payload), ["-ANNA", "-BERT"]);
    assert_eq!(house.command(waiting()), Some(CommandAnswer::Done));
}

#[test]
fn in_ocpp_2_0_1_a_list_has_its_own_words() {
    let mut house = house(Version::V201);
    keep(&mut house, true);
    let place = json!({"component": {"name": "LocalAuthListCtrlr"}, "variable": {"name": "ItemsPerMessage"}});
    let mut limit = place.clone();
    limit["attributeStatus"] = json!("UnknownVariable");
    answer(&mut house, "CP1", &json!({"getVariableResult": [limit]}));
    answer(&mut house, "CP1", &json!({"versionNumber": 0}));
    let (_, payload) = answer(&mut house, "CP1", &told(json!({"status": "Accepted"})));
    let entry = &payload["localAuthorizationList"][0];
    assert_eq!(entry["idToken"], json!({"idToken": "ANNA", "type": "Central"}));
    assert_eq!((payload["versionNumber"].as_i64(), list(&house).entries_max), (Some(1), Some(20)));
}

// Reservations.

fn reserve(house: &House, token: &str) -> UpkeepCommand {
    UpkeepCommand::Reserve {
        evse: "CP1/1".parse().unwrap(),
        token: token.parse().unwrap(),
        until: house.now + TimeSpan::from_hours(1),
    }
}

fn reservation(house: &House, number: u32) -> ReservationRow {
    let rows = kept(house, |row| if let UpkeepRow::Reservation(row) = row { Some(row) } else { None });
    rows.into_iter().find(|row| row.reservation == number).unwrap()
}

#[test]
fn a_reservation_is_held_by_the_station_and_used_by_a_start_that_names_it() {
    let mut house = house(Version::V16);
    let asked_for = reserve(&house, "ANNA");
    assert_eq!(upkeep(&mut house, asked_for.clone()), Some(CommandAnswer::Numbered(1)));
    let (_, payload) = answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    assert_eq!((payload["connectorId"].as_i64(), payload["idTag"].as_str()), (Some(1), Some("ANNA")));
    assert_eq!(reservation(&house, 1).state, ReservationState::Held);
    assert!(refused(upkeep(&mut house, asked_for)).contains("is held until"));
    let mut house = restart(house);
    house.boot("CP1");
    let at = house.stamp();
    let start =
        json!({"connectorId": 1, "idTag": "ANNA", "meterStart": 0, "timestamp": at, "reservationId": 1});
    house.call("CP1", "StartTransaction", &start.to_string());
    assert_eq!(reservation(&house, 1).state, ReservationState::Used);
}

#[test]
fn a_reservation_that_is_refused_cancelled_or_over_holds_nothing() {
    let mut house = house(Version::V16);
    for (status, state) in [("Occupied", ReservationState::Refused), ("Accepted", ReservationState::Held)] {
        let asked_for = reserve(&house, "ANNA");
        upkeep(&mut house, asked_for);
        answer(&mut house, "CP1", &json!({"status": status}));
        let rows = kept(&house, |row| if let UpkeepRow::Reservation(row) = row { Some(row) } else { None });
        assert_eq!(rows.last().unwrap().state, state);
    }
    assert_eq!(upkeep(&mut house, UpkeepCommand::CancelReservation { reservation: 2 }), None);
    answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    assert_eq!(house.last_answer(), Some(CommandAnswer::Done));
    assert_eq!(reservation(&house, 2).state, ReservationState::Cancelled);
    let asked_for = reserve(&house, "ANNA");
    upkeep(&mut house, asked_for);
    answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    house.pass(3_600);
    assert_eq!(reservation(&house, 3).state, ReservationState::Ended);
    assert!(
        refused(upkeep(&mut house, UpkeepCommand::CancelReservation { reservation: 3 })).contains("is over")
    );
}

#[test]
fn nobody_holds_an_evse_who_may_not_charge_there() {
    let mut house = house(Version::V16);
    for (token, reason) in [("CARL", "not admitted"), ("DORA", "is blocked"), ("NOBODY", "is unknown")] {
        let asked_for = reserve(&house, token);
        assert!(refused(upkeep(&mut house, asked_for)).contains(reason), "{token}");
    }
    house.down("CP1");
    let asked_for = reserve(&house, "ANNA");
    assert!(refused(upkeep(&mut house, asked_for)).contains("is offline"));
}
