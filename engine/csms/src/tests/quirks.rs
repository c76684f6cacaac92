//! What the table of quirks changes, told from outside. Rows are those of FIELD section 4; `tests/quirks.rs` of the
//! repository names for each row the test that shows it.

use std::sync::Arc;

use units::Amperes;

use crate::contract::Version;
use crate::query::{EvseLine, Query, QueryAnswer};
use crate::quirks::Table;
use crate::tests::{House, site};
use crate::{Command, CommandAnswer, Input};

const ABB: [&str; 3] = ["ABB", "CDT_TACW22::NET_WIFI", "TAC3Z9119006710273::V1.8.21"];
const ELVI: [&str; 3] = ["EV-BOX", "E3160-A45062-10.2", "E3R0PE-3.3"];
const HUAWEI_7: [&str; 3] = ["Huawei", "SCharger-7KS-S0", "V1"];
const HUAWEI_22: [&str; 3] = ["", "ACChargePoint", ""];
const ORDINARY: [&str; 3] = ["Acme", "Wall 11", "1.2"];
const PULSAR_PLUS: [&str; 3] = ["Wall Box Chargers", "PLP1-0-2-4", "6.7.38"];
const TIMXON: [&str; 3] = ["Timxon", "A0", "1.0"];

fn boot_payload([vendor, model, firmware]: [&str; 3]) -> String {
    format!(
        r#"{{"chargePointVendor":"{vendor}","chargePointModel":"{model}","firmwareVersion":"{firmware}"}}"#
    )
}

/// CP1 booted as such a model, accepting all; with all our calls to it.
fn booted(model: [&str; 3], mut house: House) -> (House, Vec<String>) {
    house.up("CP1");
    house.call("CP1", "BootNotification", &boot_payload(model));
    let mut calls = house.accept_all("CP1");
    house.status("CP1", 1, "Available");
    for _ in 0..4 {
        house.pass(2);
        calls.extend(house.accept_all("CP1"));
    }
    (house, calls)
}

/// And charging, at what it is told; with all our calls since.
fn charging(model: [&str; 3], house: House) -> (House, Vec<String>) {
    let (mut house, _) = booted(model, house);
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 0);
    house.status("CP1", 1, "Charging");
    let mut calls = Vec::new();
    for _ in 0..12 {
        house.pass(5);
        calls.extend(house.accept_all("CP1"));
        house.values("CP1", 1, Some("1"), 0, 6);
    }
    (house, calls)
}

fn line(house: &mut House) -> EvseLine {
    match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view.evses[0].clone(),
        other => panic!("{other:?}"),
    }
}

fn ceiling(house: &mut House) -> Amperes {
    line(house).control.ceiling.highest()
}

/// The limits of all live profiles among calls, as they are written.
fn limits(calls: &[String]) -> Vec<String> {
    let periods = |call: &String| {
        let (_, rest) = call.split_once(r#""chargingSchedulePeriod":["#)?;
        Some(rest.split(']').next().unwrap().to_owned())
    };
    calls.iter().filter_map(periods).collect()
}

fn call(station: &str, action: &str, payload: &str) -> Command {
    Command::Call { station: station.parse().unwrap(), action: action.into(), payload: payload.into() }
}

fn refusal(answer: Option<CommandAnswer>) -> String {
    match answer {
        Some(CommandAnswer::Refused(reasons)) => reasons.join("; "),
        other => panic!("{other:?}"),
    }
}

/// The house with CP1 alone, and a main of 3 × `amperes` with a meter.
fn alone(amperes: i64) -> House {
    let mut config = site(amperes, Some("main"));
    config.evses.truncate(1);
    House::with(config)
}

/// And so little that one EV's minimum fills it.
fn tight() -> House {
    alone(10)
}

#[test]
fn field_4a_who_ignores_forgets_or_outlives_limits_counts_at_its_hardware_maximum() {
    let ordinary = ceiling(&mut charging(ORDINARY, tight()).0);
    assert!(ordinary < Amperes::from_amperes(16), "{ordinary}");
    for (row, model) in [
        (1, ["go-e", "go-eCharger_V4", "056.2"]),
        (3, ["Schneider Electric", "EVlink Smart Wallbox", "3.3"]),
        (4, ["Wall Box Chargers", "PLP1-0-2-4", "6.4.12"]),
        (5, ["Wall Box Chargers", "PPR1-0-2-4", "6.13.3"]),
        (7, ["Amperfied", "connect.home", "1.0"]),
    ] {
        let mut house = charging(model, tight()).0;
        assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "row {row}: {model:?}");
    }
    let mended = ["Wall Box Chargers", "PPR1-0-2-4", "6.14.0"];
    assert_eq!(ceiling(&mut charging(mended, tight()).0), ordinary, "another firmware");
}

#[test]
fn field_4a_6_a_station_that_rounds_its_limit_down_obeys_it() {
    let mut house = charging(["Wall Box Chargers", "Pulsar", "5.0"], House::new()).0;
    for _ in 0..12 {
        house.pass(5);
        house.accept_all("CP1");
        house.values("CP1", 1, Some("1"), 0, 14);
    }
    let control = line(&mut house).control;
    assert_eq!(control.limit, Some(Amperes::from_amperes(16)), "what it was told still counts");
    assert_eq!(control.ceiling.highest(), Amperes::from_amperes(16));
    assert_eq!(control.remarks, []);
}

#[test]
fn field_4b_who_misbehaves_after_0_a_is_told_and_counted_at_its_minimum() {
    for (row, model) in [
        (2, ["go-e", "go-eCharger_V4", "055.5"]),
        (17, HUAWEI_7),
        (19, ELVI),
        (26, ["Zaptec", "Zaptec Go2", "2.5"]),
    ] {
        let (mut house, mut calls) = booted(model, alone(30));
        house.meter([5; 3]);
        house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
        house.start("CP1", 1, "ANNA", 0);
        house.status("CP1", 1, "Charging");
        // The base rises until nothing is left for anybody.
        for step in 0..24 {
            let metered = if step < 8 { 11 } else { 46 };
            house.meter([metered; 3]);
            house.pass(5);
            calls.extend(house.accept_all("CP1"));
            house.values("CP1", 1, Some("1"), 0, 6);
        }
        let told = limits(&calls);
        assert!(told.len() > 2, "row {row}: {told:?} {:?}", line(&mut house).control);
        for periods in &told {
            assert!(!periods.contains(r#""limit":0}"#), "row {row}: {periods}");
        }
        assert!(ceiling(&mut house) >= Amperes::from_amperes(6), "row {row}");
    }
}

/// A site that can carry no minimum while we are silent holds the station at 0 A all the same: safe before comfortable.
#[test]
fn s4_who_misbehaves_after_0_a_is_spared_it_only_where_the_site_can_carry_its_minimum() {
    let (_, calls) = booted(ELVI, House::with(site(7, None)));
    let fallback = limits(&calls);
    assert!(fallback.iter().any(|periods| periods.contains(r#""limit":0}"#)), "{fallback:?}");
    let (_, calls) = booted(ELVI, House::with(site(100, None)));
    let fallback = limits(&calls);
    assert!(fallback.iter().all(|periods| periods.contains(r#""limit":6}"#)), "{fallback:?}");
}

#[test]
fn field_4b_profiles_bear_stack_level_0_one_connector_and_no_number_of_phases() {
    for model in [ORDINARY, ABB, ELVI, PULSAR_PLUS, ["Wall Box Chargers", "CPB1-S-2-4", "6.7"]] {
        let (house, calls) = charging(model, House::new());
        let profiles: Vec<&String> =
            calls.iter().filter(|call| call.contains("SetChargingProfile")).collect();
        assert!(!profiles.is_empty(), "{model:?}");
        for profile in profiles {
            assert!(profile.contains(r#""stackLevel":0"#), "{model:?}: {profile}");
            assert!(!profile.contains("ChargePointMaxProfile"), "{model:?}: {profile}");
            assert!(!profile.contains("numberPhases"), "{model:?}: {profile}");
        }
        let ours = crate::tests::sent_on(&house.outputs, units::LinkId(1));
        for call in ours.filter(|text| text.starts_with("[2,")) {
            assert!(!call.contains(r#""connectorId":0"#), "{model:?}: {call}");
        }
    }
}

#[test]
fn field_4b_8_and_12_limits_of_others_are_cleared_at_every_level_and_nothing_to_clear_is_no_failure() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", &boot_payload(["go-e", "go-eCharger_V4", "055.5"]));
    let calls = house.answer_all("CP1", r#"{"status":"Unknown"}"#);
    let clear = calls.iter().find(|call| call.contains("ClearChargingProfile")).unwrap();
    assert!(clear.ends_with(r#""ClearChargingProfile",{}]"#), "whatever its level: {clear}");
    let quirks = house.quirks("CP1");
    assert!(!quirks.contains(&"refuses_to_clear_limits".to_owned()), "{quirks:?}");
}

#[test]
fn field_4b_limits_come_in_the_unit_that_the_model_understands() {
    for (row, model, unit) in [
        (13, ["go-e", "go-eCharger_V4", "055.5"], "A"),
        (15, HUAWEI_7, "W"),
        (16, ["EFR GmbH", "HomeCharge", "1"], "W"),
        (0, ORDINARY, "A"),
    ] {
        let (_, calls) = charging(model, House::new());
        let live: Vec<&String> = calls.iter().filter(|call| call.contains(r#""TxProfile""#)).collect();
        assert!(!live.is_empty(), "row {row}");
        for call in live {
            assert!(call.contains(&format!(r#""chargingRateUnit":"{unit}""#)), "row {row}: {call}");
        }
    }
}

/// Row 9: a station that goes to one phase draws all of its watts from that one, and counts so.
#[test]
fn field_4a_9_a_limit_in_watts_may_all_flow_in_one_phase() {
    let (_, calls) = charging(HUAWEI_7, House::new());
    let live = limits(&calls);
    // 16 A at 0.9 × 230 V.
    assert!(live.iter().any(|periods| periods.contains(r#""limit":3312}"#)), "{live:?}");
}

#[test]
fn field_4b_18_and_24_who_takes_no_profile_before_a_transaction_gets_none() {
    for (row, model) in [(18, HUAWEI_22), (24, PULSAR_PLUS)] {
        let (house, calls) = booted(model, House::new());
        assert!(!calls.iter().any(|call| call.contains("SetChargingProfile")), "row {row}: {calls:?}");
        let (_, calls) = charging(model, house_again(house));
        assert!(calls.iter().any(|call| call.contains(r#""TxProfile""#)), "row {row}: {calls:?}");
    }
    let mut house = booted(HUAWEI_22, House::new()).0;
    house.down("CP1");
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "what starts without us has no limit");
}

fn house_again(_: House) -> House {
    House::new()
}

#[test]
fn field_4b_18_what_freezes_a_model_is_refused_to_operators_too() {
    let mut house = booted(HUAWEI_22, House::new()).0;
    let availability = call("CP1", "ChangeAvailability", r#"{"connectorId":1,"type":"Inoperative"}"#);
    let refused = refusal(house.command(availability));
    assert!(refused.contains("ChangeAvailability harms station CP1"), "{refused}");
    assert!(refused.contains("huawei-kt22-freezes"), "{refused}");
    let ping = call("CP1", "ChangeConfiguration", r#"{"key":"websocketpinginterval","value":"10"}"#);
    assert!(refusal(house.command(ping)).contains("setting websocketpinginterval"));
    let other = call("CP1", "ChangeConfiguration", r#"{"key":"LightIntensity","value":"10"}"#);
    assert_eq!(house.command(other), None, "it was sent");
}

#[test]
fn field_4b_23_live_limits_are_relative_defaults_where_nothing_else_is_taken() {
    let (mut house, calls) = charging(TIMXON, House::new());
    let profiles: Vec<&String> = calls.iter().filter(|call| call.contains("SetChargingProfile")).collect();
    assert!(!profiles.is_empty());
    for profile in &profiles {
        assert!(profile.contains(r#""chargingProfilePurpose":"TxDefaultProfile""#), "{profile}");
        assert!(profile.contains(r#""chargingProfileKind":"Relative""#), "{profile}");
        assert!(!profile.contains("startSchedule") && !profile.contains("transactionId"), "{profile}");
    }
    assert!(limits(&calls).iter().all(|periods| periods.matches("startPeriod").count() == 1));
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "nothing lowers it when we are silent");
    // The live limit stands in place of the standing fallback, which is told anew.
    house.stop("CP1", "1", 100);
    house.pass(2);
    let calls = house.accept_all("CP1");
    assert!(limits(&calls).iter().any(|periods| periods.contains(r#""limit":0}"#)), "{calls:?}");
}

#[test]
fn field_4b_21_and_27_who_rejects_its_limits_or_answers_nonsense_counts_at_its_worst_and_is_named() {
    for (row, answer) in [
        (21, r#"{"status":"Rejected","info":"Load balancer is disabled"}"#),
        (27, r#"{"status":16}"#),
        (27, "{}"),
    ] {
        let (mut house, _) = booted(ORDINARY, tight());
        house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
        house.start("CP1", 1, "ANNA", 0);
        house.status("CP1", 1, "Charging");
        for _ in 0..10 {
            house.pass(5);
            house.answer_all("CP1", answer);
        }
        assert_eq!(ceiling(&mut house), Amperes::from_amperes(16), "row {row}");
        let alarms = house.query(Query::Alarms);
        assert!(format!("{alarms:?}").contains("LimitRefused"), "row {row}: {alarms:?}");
    }
}

#[test]
fn field_4b_25_a_version_that_a_model_only_claims_is_known() {
    let known = Table::shipped().of("FoxESS", "A22KP1-E-B-W", "1.8");
    assert!(!known.quirks.speaks(Version::V201) && known.quirks.speaks(Version::V16));
}

#[test]
fn field_4c_41_what_a_model_rejects_is_not_asked_for() {
    let abl = ["ABL", "eMH2 2W2240", "1.6"];
    let is_asked_to_measure = |model| {
        let (mut house, _) = charging(model, alone(30));
        let mut calls = Vec::new();
        // A shed that nobody measures.
        for metered in [8, 8, 8, 8, 29, 29, 29, 29, 29, 29] {
            house.meter([metered; 3]);
            house.pass(5);
            calls.extend(house.accept_all("CP1"));
        }
        calls.iter().any(|call| call.contains(r#""requestedMessage":"MeterValues""#))
    };
    assert!(is_asked_to_measure(ORDINARY));
    assert!(!is_asked_to_measure(abl));
}

#[test]
fn field_4d_50_and_54_who_reboots_when_asked_for_settings_is_never_asked() {
    for model in [ABB, ["Wall Box Chargers", "CPB1-S-2-4", "6.7.38"]] {
        let (mut house, calls) = booted(model, House::new());
        assert!(!calls.iter().any(|call| call.contains("GetConfiguration")), "{model:?}: {calls:?}");
        let refused = refusal(house.command(call("CP1", "GetConfiguration", "{}")));
        assert!(refused.contains("GetConfiguration harms station CP1"), "{refused}");
    }
    let (_, calls) = booted(ABB, House::new());
    assert!(!calls.iter().any(|call| call.contains("MeterValuesSampledData")), "{calls:?}");
    let newer = ["ABB", "CDT_TACW22::NET_WIFI", "TAC3Z9119006710273::V1.8.32"];
    let (_, calls) = booted(newer, House::new());
    assert!(calls.iter().any(|call| call.contains("GetConfiguration")), "{calls:?}");
}

#[test]
fn field_4d_51_who_loops_when_called_before_its_boot_is_given_two_minutes() {
    let mut house = booted(["Wall Box Chargers", "CMX2-M-2-4", "6.7"], House::new()).0;
    house.down("CP1");
    house.up("CP1");
    house.pass(100);
    assert_eq!(house.calls_to("CP1"), Vec::<String>::new());
    house.pass(30);
    assert_ne!(house.calls_to("CP1"), Vec::<String>::new());
}

#[test]
fn field_4d_52_who_loops_when_asked_for_its_boot_is_never_asked() {
    let mut house = booted(["MG", "ZS11", "1.0"], House::new()).0;
    let boot = call("CP1", "TriggerMessage", r#"{"requestedMessage":"BootNotification"}"#);
    assert!(refusal(house.command(boot)).contains("TriggerMessage of BootNotification harms"));
    let heartbeat = call("CP1", "TriggerMessage", r#"{"requestedMessage":"Heartbeat"}"#);
    assert_eq!(house.command(heartbeat), None, "it was sent");
}

#[test]
fn field_4d_61_who_reboots_under_pings_is_not_pinged() {
    let every = units::TimeSpan::from_seconds(60);
    let quirks = Table::shipped().of("BG SyncEV", "EVS7", "1").quirks;
    assert_eq!(quirks.ping_every(Some(every)), None);
    assert!(!quirks.may_set("WebSocketPingInterval"));
    let ordinary = Table::shipped().of("Acme", "Wall 11", "1.2").quirks;
    assert_eq!(ordinary.ping_every(Some(every)), Some(every));
}

#[test]
fn field_4d_65_a_start_from_afar_bears_a_token_that_the_model_takes() {
    let mut house = booted(["Alfen BV", "NG910-60023", "6.1"], House::new()).0;
    let start =
        |token: &str| Command::Start { evse: "CP1/1".parse().unwrap(), token: token.parse().unwrap() };
    let refused = refusal(house.command(start("ANNA")));
    assert!(refused.contains("hexadecimal"), "{refused}");
    let mut ordinary = booted(ORDINARY, House::new()).0;
    assert_eq!(ordinary.command(start("ANNA")), None, "it was sent");
}

#[test]
fn field_4d_66_s1_who_starts_without_asking_counts_as_able_to_at_any_time() {
    let mut house = booted(["go-e", "go-eCharger_V4", "055.7"], House::new()).0;
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(6), "its standing fallback");
    let mut ordinary = booted(ORDINARY, House::new()).0;
    assert_eq!(ceiling(&mut ordinary), Amperes::ZERO);
}

#[test]
fn field_4d_67_another_firmware_is_another_station_from_its_boot_on() {
    let pulsar = |firmware| ["Wall Box Chargers", "PPR1-0-2-4", firmware];
    let mut house = charging(pulsar("6.13.2"), tight()).0;
    assert!(ceiling(&mut house) < Amperes::from_amperes(16));
    house.call("CP1", "BootNotification", &boot_payload(pulsar("6.13.3")));
    house.accept_all("CP1");
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16));
}

#[test]
fn an_operators_table_holds_at_once_and_after_a_restart_the_row_is_recognised_again() {
    let mut house = charging(ORDINARY, tight()).0;
    let before = ceiling(&mut house);
    let own = r#"
        [[entry]]
        name = "ours"
        vendor = ["acme"]
        sources = ["seen in the yard on Tuesday"]
        quirks = { ignores_limits = true }
    "#;
    house.input(Input::Quirks(Arc::new(Table::extended_by(own).unwrap())));
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16));
    house.input(Input::Quirks(Table::shipped()));
    assert_eq!(ceiling(&mut house), before, "the entry is gone again");

    let mut house = charging(["Amperfied", "connect.home", "1.0"], tight()).0;
    let records: Vec<crate::Record> = house.rows().into_values().collect();
    let restored = crate::Csms::restored(house.now, records.iter());
    house.csms = restored;
    assert_eq!(ceiling(&mut house), Amperes::from_amperes(16));
}
