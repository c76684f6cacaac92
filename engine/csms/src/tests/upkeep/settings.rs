//! Templates, and how stations take them.

use serde_json::{Value, json};

use super::{answer, asked, audit, house, kept, refused, restart, upkeep};
use crate::record::UpkeepRow;
use crate::tests::{BOOT, BOOT_201, House};
use crate::upkeep::{Selection, SettingState, Standing, UpkeepCommand};
use crate::{CommandAnswer, Version};

fn template(of: Value) -> UpkeepCommand {
    UpkeepCommand::PutTemplate(Box::new(serde_json::from_value(of).unwrap()))
}

fn wall_template() -> UpkeepCommand {
    template(json!({"id": "wall", "vendor": "Acme", "model": "Wall*", "settings": [
        {"key": "HeartbeatInterval", "value": "300"},
        {"key": "LightIntensity", "value": "50"},
        {"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval", "value": "300"},
    ]}))
}

fn settings(house: &House, station: &str) -> Vec<SettingState> {
    let rows = kept(house, |row| if let UpkeepRow::Settings(row) = row { Some(row) } else { None });
    let row = rows.into_iter().find(|row| row.station.as_str() == station);
    row.map(|row| row.settings).unwrap_or_default()
}

fn standings(house: &House, station: &str) -> Vec<(String, Standing, u32)> {
    let states = settings(house, station);
    states.into_iter().map(|state| (state.key.to_string(), state.standing, state.drifts)).collect()
}

/// What is set in a station of OCPP 1.6, which answers questions from it and takes what it is told.
fn converse(house: &mut House, station: &str, set: &mut Vec<(&str, String)>) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let calls = super::asked_with_ids(house, station);
        if calls.is_empty() {
            return told;
        }
        for (id, action, payload) in calls {
            let reply = match action.as_str() {
                "GetConfiguration" => {
                    let key = payload["key"][0].as_str().unwrap();
                    match set.iter().find(|(known, _)| *known == key) {
                        Some((_, value)) => {
                            json!({"configurationKey": [{"key": key, "readonly": false, "value": value}]})
                        }
                        None => json!({"unknownKey": [key]}),
                    }
                }
                "ChangeConfiguration" => {
                    let [key, value] =
                        ["key", "value"].map(|name| payload[name].as_str().unwrap().to_owned());
                    let known = set.iter_mut().find(|(known, _)| *known == key);
                    told.push(format!("{key}={value}"));
                    match known {
                        Some((_, old)) => {
                            *old = value;
                            json!({"status": "Accepted"})
                        }
                        None => json!({"status": "NotSupported"}),
                    }
                }
                _ => json!({"status": "Accepted"}),
            };
            house.frame(station, &json!([3, id, reply]).to_string());
        }
    }
}

#[test]
fn a_template_is_applied_at_once_after_each_boot_and_drift_is_seen() {
    let mut house = house();
    assert_eq!(upkeep(&mut house, wall_template()), Some(CommandAnswer::Done));
    let mut set = vec![("HeartbeatInterval", "900".to_owned())];
    assert_eq!(converse(&mut house, "CP1", &mut set), ["HeartbeatInterval=300"]);
    let held = ("HeartbeatInterval".to_owned(), Standing::Holds, 0);
    let unknown = ("LightIntensity".to_owned(), Standing::NotSupported, 0);
    assert_eq!(standings(&house, "CP1"), [held.clone(), unknown.clone()]);
    assert_eq!(settings(&house, "CP1")[0].found.as_deref(), Some("900"));
    let line = |row: &crate::record::AuditRow| format!("{}: {}: {}", row.actor, row.what, row.outcome);
    let lines: Vec<String> = audit(&house).iter().map(line).collect();
    assert!(lines.contains(&"template wall: set HeartbeatInterval = 300: Accepted".to_owned()), "{lines:?}");

    // Nothing is set that stands.
    let boot = |house: &mut House, set: &mut Vec<(&str, String)>| {
        house.down("CP1");
        house.up("CP1");
        house.call("CP1", "BootNotification", BOOT);
        let told = converse(house, "CP1", set);
        told.into_iter().filter(|line| line.starts_with("Heartbeat")).collect::<Vec<_>>()
    };
    assert_eq!(boot(&mut house, &mut set), [""; 0]);
    // A boot that forgets.
    set[0].1 = "900".to_owned();
    assert_eq!(boot(&mut house, &mut set), ["HeartbeatInterval=300"]);
    assert_eq!(standings(&house, "CP1")[0], ("HeartbeatInterval".to_owned(), Standing::Holds, 1));
    assert!(audit(&house).iter().any(|row| row.outcome == "drifted: found 900"));

    // Somebody changes it at the station: the round of the next day finds it.
    set[0].1 = "30".to_owned();
    let mut house = restart(house);
    house.up("CP1");
    house.pass(20);
    assert_eq!(converse(&mut house, "CP1", &mut set), [""; 0], "not on each link");
    house.pass(24 * 3_600);
    converse(&mut house, "CP1", &mut set);
    assert_eq!(standings(&house, "CP1")[0].2, 2);
    assert_eq!(set[0].1, "300");
}

#[test]
fn read_only_refused_and_reboot_required_are_shown_for_what_they_are() {
    let mut house = house();
    let keys = ["A", "B", "C", "D"].map(|key| json!({"key": key, "value": "1"}));
    house.down("CP2");
    let answered = upkeep(&mut house, template(json!({"id": "t", "settings": keys})));
    assert_eq!(answered, Some(CommandAnswer::Done));
    let told = |key: &str, is_read_only: bool| json!({"configurationKey": [{"key": key, "readonly": is_read_only, "value": "0"}]});
    answer(&mut house, "CP1", &told("A", true));
    answer(&mut house, "CP1", &told("B", false));
    answer(&mut house, "CP1", &json!({"status": "RebootRequired"}));
    answer(&mut house, "CP1", &told("C", false));
    answer(&mut house, "CP1", &json!({"status": "Rejected"}));
    // Neither known nor unknown: it is told all the same.
    answer(&mut house, "CP1", &json!({}));
    answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    let standing: Vec<Standing> = settings(&house, "CP1").into_iter().map(|state| state.standing).collect();
    assert_eq!(
        standing,
        [Standing::ReadOnly, Standing::HoldsAfterReboot, Standing::Refused, Standing::Holds]
    );
    let rows = kept(&house, |row| if let UpkeepRow::Settings(row) = row { Some(row) } else { None });
    assert!(rows[0].needs_reboot);
}

#[test]
fn stations_that_reboot_on_questions_are_told_and_not_asked() {
    let mut house = house();
    let of = json!({"id": "t", "is_asked": false, "settings": [{"key": "A", "value": "1"}]});
    upkeep(&mut house, template(of));
    assert_eq!(answer(&mut house, "CP1", &json!({"status": "Accepted"})).0, "ChangeConfiguration");
    assert_eq!(asked(&mut house, "CP1"), []);
}

#[test]
fn variables_are_read_and_written_one_by_one_in_ocpp_2_0_1() {
    let mut house = House::new();
    house.speaks("CP2", Version::V201);
    house.boot("CP2");
    house.take();
    upkeep(&mut house, wall_template());
    let place = json!({"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}});
    let result = |status: &str, extra: Value| {
        let mut result = place.clone();
        result["attributeStatus"] = json!(status);
        for (name, value) in extra.as_object().unwrap() {
            result[name] = value.clone();
        }
        result
    };
    let read = json!({"getVariableResult": [result("Accepted", json!({"attributeValue": "900"}))]});
    let (action, payload) = answer(&mut house, "CP2", &read);
    assert_eq!(
        (action.as_str(), &payload["getVariableData"][0]["variable"]["name"]),
        ("GetVariables", &json!("HeartbeatInterval"))
    );
    let refused = result("Rejected", json!({"attributeStatusInfo": {"reasonCode": "ReadOnly"}}));
    let (_, payload) = answer(&mut house, "CP2", &json!({"setVariableResult": [refused]}));
    assert_eq!(payload["setVariableData"][0]["attributeValue"], "300");
    assert_eq!(
        standings(&house, "CP2"),
        [("OCPPCommCtrlr.HeartbeatInterval".to_owned(), Standing::ReadOnly, 0)]
    );
    house.down("CP2");
    house.up("CP2");
    house.call("CP2", "BootNotification", BOOT_201);
    let again = house.accept_all("CP2");
    assert!(again.iter().any(|call| call.contains("HeartbeatInterval")), "after each boot: {again:?}");
}

#[test]
fn a_link_lost_amid_a_round_leaves_the_rest_to_the_next_one() {
    let mut house = house();
    upkeep(&mut house, wall_template());
    house.down("CP1");
    assert_eq!(standings(&house, "CP1"), []);
    let mut set = vec![("HeartbeatInterval", "900".to_owned()), ("LightIntensity", "50".to_owned())];
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let told = converse(&mut house, "CP1", &mut set);
    assert!(told.contains(&"HeartbeatInterval=300".to_owned()), "{told:?}");
    assert_eq!(standings(&house, "CP1").len(), 2);
}

#[test]
fn a_template_removed_wants_nothing_more_and_one_of_another_model_never_did() {
    let mut house = house();
    upkeep(
        &mut house,
        template(json!({"id": "other", "model": "Post*", "settings": [{"key": "A", "value": "1"}]})),
    );
    assert_eq!(asked(&mut house, "CP1"), []);
    upkeep(&mut house, wall_template());
    let mut set = vec![("HeartbeatInterval", "300".to_owned()), ("LightIntensity", "50".to_owned())];
    converse(&mut house, "CP1", &mut set);
    assert_eq!(
        upkeep(&mut house, UpkeepCommand::RemoveTemplate { id: "wall".to_owned() }),
        Some(CommandAnswer::Done)
    );
    let mut house = restart(house);
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    converse(&mut house, "CP1", &mut set);
    assert_eq!(standings(&house, "CP1"), [], "what is not wanted is not shown");
    assert!(
        refused(upkeep(&mut house, UpkeepCommand::RemoveTemplate { id: "wall".to_owned() }))
            .contains("does not exist")
    );
}

#[test]
fn a_round_can_be_asked_for() {
    let mut house = house();
    upkeep(&mut house, wall_template());
    let mut set = vec![("HeartbeatInterval", "300".to_owned()), ("LightIntensity", "50".to_owned())];
    for station in ["CP1", "CP2"] {
        converse(&mut house, station, &mut set);
    }
    set[1].1 = "100".to_owned();
    let check = UpkeepCommand::CheckSettings(Selection::default());
    assert_eq!(upkeep(&mut house, check), Some(CommandAnswer::Numbered(2)));
    assert_eq!(converse(&mut house, "CP1", &mut set), ["LightIntensity=50"]);
}
