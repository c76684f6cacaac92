//! What stations call and what they are answered.

use crate::tests::{House, site};

#[test]
fn authorisation_answers_with_the_rule_that_decides() {
    for (station, token, want) in [
        ("CP1", "ANNA", r#"{"status":"Accepted"}"#),
        ("CP1", " an na ", r#"{"status":"Accepted"}"#),
        ("CP1", "NOBODY", r#"{"status":"Invalid"}"#),
        ("CP1", "DORA", r#"{"status":"Blocked"}"#),
        ("CP1", "EMIL", r#"{"status":"Expired"}"#),
        ("CP1", "CARL", r#"{"status":"Blocked","expiryDate":"2026-01-15T12:01:00.000Z"}"#),
        ("CP2", "CARL", r#"{"status":"Accepted"}"#),
        ("CP1", "FRED", r#"{"status":"Blocked","expiryDate":"2026-01-15T12:01:00.000Z"}"#),
        ("CP1", "not a token!", r#"{"status":"Invalid"}"#),
    ] {
        let mut house = House::new();
        house.boot(station);
        let reply = house.call(station, "Authorize", &format!(r#"{{"idTag":"{token}"}}"#));
        assert_eq!(reply, format!(r#"[3,{{"idTagInfo":{want}}}]"#), "{token} at {station}");
    }
}

#[test]
fn s1_no_start_is_accepted_that_the_rows_could_not_carry() {
    // 12 A less 2 A reserve and 1 A base carry no EVSE at its hardware maximum of 16 A.
    let mut house = House::with(site(12, None));
    house.up("CP1");
    let reply = house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    assert_eq!(reply, r#"[3,{"idTagInfo":{"status":"Blocked","expiryDate":"2026-01-15T12:01:00.000Z"}}]"#);
    let reply = house.start("CP1", 1, "ANNA", 0);
    assert!(reply.contains(r#""status":"Blocked""#) && reply.contains(r#""transactionId":1"#), "{reply}");
    assert_eq!(house.quirks("CP1"), ["started_without_acceptance"], "it is answered, counted and told");
}

#[test]
fn a_token_that_ends_its_own_transaction_is_accepted_without_another_start() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 0);
    let reply = house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    assert_eq!(reply, r#"[3,{"idTagInfo":{"status":"Accepted"}}]"#);
    let reply = house.call("CP1", "Authorize", r#"{"idTag":"BERT"}"#);
    assert!(reply.contains("Blocked"), "nothing is free: {reply}");
}

#[test]
fn small_calls_have_their_answers() {
    for (action, payload, want) in [
        ("Heartbeat", "{}", r#"[3,{"currentTime":"2026-01-15T12:00:00.000Z"}]"#),
        ("DataTransfer", r#"{"vendorId":"acme"}"#, r#"[3,{"status":"UnknownVendorId"}]"#),
        ("FirmwareStatusNotification", r#"{"status":"Installed"}"#, "[3,{}]"),
        ("SecurityEventNotification", r#"{"type":"x"}"#, "[3,{}]"),
        ("StatusNotification", r#"{"connectorId":0,"errorCode":"NoError","status":"Available"}"#, "[3,{}]"),
        ("StatusNotification", r#"{"connectorId":9,"errorCode":"NoError","status":"Available"}"#, "[3,{}]"),
        ("Teleport", "{}", r#"[4,"NotImplemented","unknown action `Teleport`",{}]"#),
        (
            "StatusNotification",
            r#"{"errorCode":"NoError","status":"Available"}"#,
            r#"[4,"OccurenceConstraintViolation","connectorId is missing",{}]"#,
        ),
    ] {
        let mut house = House::new();
        house.boot("CP1");
        assert_eq!(house.call("CP1", action, payload), want, "{action}");
    }
}

#[test]
fn a_bad_frame_is_answered_where_its_id_can_be_read_and_never_costs_the_link() {
    let deep = format!(r#"[2,"7","Heartbeat",{}{}]"#, r#"{"a":"#.repeat(40), "}".repeat(40));
    let big = format!(r#"[2,"7","Heartbeat",{{"a":"{}"}}]"#, "x".repeat(300_000));
    for (text, code) in [
        (r#"[2,"7","Heartbeat",{"a":]"#, Some("FormationViolation")),
        (r#"[2,"7","Heartbeat"]"#, Some("ProtocolError")),
        (r#"[2,"7",8,{}]"#, Some("FormationViolation")),
        (deep.as_str(), Some("GenericError")),
        (big.as_str(), Some("GenericError")),
        ("hello", None),
        ("{}", None),
        (r#"[3,"7"]"#, None),
        (r#"[9,"7",{}]"#, None),
        ("", None),
    ] {
        let mut house = House::new();
        house.boot("CP1");
        house.take();
        house.frame("CP1", text);
        let lines = house.take();
        let replies: Vec<&String> = lines.iter().filter(|line| line.starts_with("to CP1 [4,")).collect();
        let head: String = text.chars().take(40).collect();
        match code {
            Some(code) => assert!(replies[0].contains(code), "{head}: {replies:?}"),
            None => assert_eq!(replies.len(), 0, "{head}: {replies:?}"),
        }
        assert!(house.call("CP1", "Heartbeat", "{}").starts_with("[3,"), "{head}");
        assert!(house.quirks("CP1").contains(&"broken_frame".to_owned()), "{head}");
        let told = lines.iter().filter(|line| line.starts_with("no frame from CP1: ")).count();
        assert_eq!(told, 1, "people are told of {head}: {lines:?}");
    }
}

#[test]
fn a_boot_fills_the_stations_row() {
    let mut house = House::new();
    house.boot("CP1");
    let row = house.station("CP1").row;
    assert_eq!([row.vendor, row.model, row.firmware, row.serial], ["Acme", "Wall 11", "1.2", "S1"]);
    assert_eq!(row.booted_at, Some(house.now));
}

#[test]
fn a_new_station_is_told_how_we_want_it_and_an_old_one_again_after_each_boot() {
    let actions = |calls: Vec<String>| -> Vec<String> {
        let wanted =
            |call: &String| !call.contains("SetChargingProfile") && !call.contains("StatusNotification");
        calls
            .iter()
            .filter(|call| wanted(call))
            .map(|call| call.split('"').nth(3).unwrap().to_owned())
            .collect()
    };
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", super::BOOT);
    let settings = ["ChangeConfiguration", "ChangeConfiguration"];
    let first = house.accept_all("CP1");
    assert!(
        first.iter().any(|call| call.contains(r#"{"key":"MeterValueSampleInterval","value":"60"}"#)),
        "{first:?}"
    );
    assert_eq!(actions(first), [&["ClearChargingProfile", "GetConfiguration"][..], &settings[..]].concat());
    house.call("CP1", "BootNotification", super::BOOT);
    assert_eq!(actions(house.accept_all("CP1")), [&["GetConfiguration"][..], &settings[..]].concat());
}

#[test]
fn a_setting_that_is_refused_is_noted_and_not_fatal() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", super::BOOT);
    house.answer_all("CP1", r#"{"status":"Rejected"}"#);
    let quirks = house.quirks("CP1");
    for quirk in ["refuses_measurands", "refuses_measure_interval"] {
        assert!(quirks.contains(&quirk.to_owned()), "{quirks:?}");
    }
    assert!(house.station("CP1").is_online);
}
