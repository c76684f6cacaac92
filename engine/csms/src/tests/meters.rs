//! What real meters say (FIELD section 4c): each frame as a station sends it, answered, and taken for what it is worth.

use units::Amperes;

use crate::facts::Fact;
use crate::findings::StationFinding;
use crate::query::{Query, QueryAnswer, StationDetail};
use crate::tests::{House, message_id};

fn charging() -> House {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
    house.start("CP1", 1, "ANNA", 0);
    house.status("CP1", 1, "Charging");
    house
}

fn detail(house: &mut House) -> StationDetail {
    match house.query(Query::Station("CP1".parse().unwrap())) {
        QueryAnswer::Station(Some(detail)) => *detail,
        other => panic!("{other:?}"),
    }
}

fn drawn(house: &mut House) -> Amperes {
    match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view.evses[0].control.drawn.highest(),
        other => panic!("{other:?}"),
    }
}

/// Sampled values of a transaction, told now; the answer.
fn told(house: &mut House, sampled: &str) -> String {
    let at = house.stamp();
    let payload = format!(
        r#"{{"connectorId":1,"transactionId":1,"meterValue":[{{"timestamp":"{at}","sampledValue":[{sampled}]}}]}}"#
    );
    house.call("CP1", "MeterValues", &payload)
}

const CURRENTS: &str = r#"{"value":"9.0","measurand":"Current.Import","phase":"L1","unit":"A"},{"value":"9.0","measurand":"Current.Import","phase":"L2","unit":"A"},{"value":"9.0","measurand":"Current.Import","phase":"L3","unit":"A"}"#;

#[test]
fn field_4c_odd_values_beside_good_ones_hide_nothing_and_mean_nothing() {
    for (row, odd) in [
        (29, r#"{"value":"16","measurand":"Current.Import","context":"CurrentMax","unit":"A"}"#),
        (40, r#"{"value":""},{"value":"","measurand":"Power.Active.Import","unit":"V"}"#),
        (40, r#"{"value":"55","measurand":"SoC","unit":"V"}"#),
        (42, r#"{"value":"1200","unit":"Wh"}"#),
        (43, r#"{"value":"0","measurand":"Power.Active.Export","unit":"Wh"}"#),
        (44, r#"{"value":"50","measurand":"Frequency","unit":"Hertz"}"#),
    ] {
        let mut house = charging();
        house.pass(30);
        let answer = told(&mut house, &format!("{odd},{CURRENTS}"));
        assert_eq!(answer, "[3,{}]", "row {row}");
        assert_eq!(drawn(&mut house), Amperes::from_amperes(9), "row {row}: {odd}");
    }
}

#[test]
fn field_4c_30_and_4d_57_json_that_is_known_to_be_broken_is_mended() {
    for (row, broken, quirk) in [
        (30, r#""transactionId":,"meterValue":[{"#, "repaired_missing_value"),
        (57, r#""transactionId":1,"meterValue":[,{"#, "repaired_leading_comma"),
    ] {
        let mut house = charging();
        house.pass(30);
        let at = house.stamp();
        let text = format!(
            r#"[2,"x{row}","MeterValues",{{"connectorId":1,{broken}"timestamp":"{at}","sampledValue":[{CURRENTS}]}}]}}]"#
        );
        house.frame("CP1", &text);
        assert_eq!(drawn(&mut house), Amperes::from_amperes(9), "row {row}");
        let quirks = house.quirks("CP1");
        assert!(quirks.iter().any(|known| known.starts_with(quirk)), "row {row}: {quirks:?}");
    }
}

#[test]
fn field_4c_32_an_ended_transaction_that_goes_on_being_named_is_answered_and_found_once() {
    let mut house = charging();
    house.pass(600);
    house.stop("CP1", "1", 900);
    for minute in 0..30 {
        house.pass(60);
        assert_eq!(house.values("CP1", 1, Some("1"), 900 + minute, 0), "[3,{}]");
    }
    assert_eq!(house.cdrs().len(), 1);
    assert_eq!(house.findings().len(), 1, "{:?}", house.found());
}

#[test]
fn field_4c_34_to_36_registers_that_end_below_their_begin_or_nowhere_bill_nothing_by_themselves() {
    for (row, values, stop) in [(34, vec![], -1), (35, vec![], -1), (36, vec![800, 1_500, 3], 200)] {
        let mut house = House::new();
        house.boot("CP1");
        house.call("CP1", "Authorize", r#"{"idTag":"ANNA"}"#);
        let begin = if row == 34 { 0 } else { 500 };
        house.start("CP1", 1, "ANNA", begin);
        for value in values {
            house.pass(60);
            house.values("CP1", 1, Some("1"), value, 9);
        }
        house.pass(60);
        house.stop("CP1", "1", stop);
        let [cdr] = &house.cdrs()[..] else { panic!("row {row}: one CDR") };
        assert!(!cdr.doubts.is_empty(), "row {row}: a person has to look");
    }
}

/// An hour of charging at 9 A; the register tells as many thousandths of a "Wh" for each true Wh.
fn an_hour_of_registers(house: &mut House, thousandths: i64) {
    let mut watt_hours = 0_i64;
    for _ in 0..60 {
        house.pass(60);
        house.accept_all("CP1");
        watt_hours += 9 * 230 * 3 / 60;
        let told_thousandths = watt_hours * thousandths;
        let register = format!("{}.{:03}", told_thousandths / 1_000, told_thousandths % 1_000);
        let unit = r#""unit":"Wh""#;
        told(house, &format!(r#"{{"value":"{register}",{unit}}},{CURRENTS}"#));
    }
}

#[test]
fn field_4c_38_kilowatt_hours_that_are_called_watt_hours_are_found_by_the_currents() {
    let mut house = charging();
    an_hour_of_registers(&mut house, 1_000);
    assert!(detail(&mut house).facts.facts[&Fact::UnitsPlausible].holds);
    let mut house = charging();
    an_hour_of_registers(&mut house, 1);
    let detail = detail(&mut house);
    assert!(!detail.facts.facts[&Fact::UnitsPlausible].holds);
    let is_named =
        |finding: &StationFinding| matches!(finding, StationFinding::RegisterInKilowattHours { .. });
    assert!(detail.findings.iter().any(is_named), "{:?}", detail.findings);
}

#[test]
fn phases_that_are_not_told_apart_are_a_fact_and_a_finding() {
    let mut house = charging();
    house.pass(30);
    told(&mut house, r#"{"value":"6000","measurand":"Power.Active.Import","unit":"W"}"#);
    let known = detail(&mut house);
    assert!(!known.facts.facts[&Fact::ReportsPhases].holds);
    assert!(known.findings.contains(&StationFinding::NoPhases { evse: 1, wired: 3 }), "{:?}", known.findings);
    told(&mut house, CURRENTS);
    assert!(detail(&mut house).facts.facts[&Fact::ReportsPhases].holds, "it can");
}

#[test]
fn field_4c_29_and_45_a_clock_that_is_off_is_a_finding_and_in_1970_it_is_no_clock() {
    for (row, at) in [(29, "2027-06-15T12:00:00Z"), (45, "2026-01-15T14:00:00Z")] {
        let mut house = charging();
        let payload =
            format!(r#"{{"connectorId":1,"errorCode":"NoError","status":"Charging","timestamp":"{at}"}}"#);
        assert_eq!(house.call("CP1", "StatusNotification", &payload), "[3,{}]");
        let detail = detail(&mut house);
        assert!(!detail.facts.facts[&Fact::ClockRight].holds, "row {row}");
        let is_named = |finding: &StationFinding| matches!(finding, StationFinding::ClockOff { .. });
        assert!(detail.findings.iter().any(is_named), "row {row}: {:?}", detail.findings);
    }
    // Before its boot is accepted; it is answered, and what it says then is taken.
    let mut house = House::new();
    house.up("CP1");
    let early =
        r#"{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"1970-01-01T00:00:05Z"}"#;
    assert_eq!(house.call("CP1", "StatusNotification", early), "[3,{}]");
    house.status("CP1", 1, "Available");
    assert!(house.station("CP1").row.clock_skew_ms.is_some_and(|skew| skew.abs() < 1_000));
}

#[test]
fn field_4c_48_a_meter_of_energy_alone_is_asked_for_nothing_else() {
    let mut house = House::new();
    house.up("CP1");
    house.call("CP1", "BootNotification", r#"{"chargePointVendor":"KEBA AG","chargePointModel":"KC-P40"}"#);
    let mut measured = Vec::new();
    for _ in 0..30 {
        for call in house.calls_to("CP1") {
            let id = message_id(&call);
            house.frame("CP1", &format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#));
            let is_change = call.contains("ChangeConfiguration") && call.contains("MeterValuesSampledData");
            measured.extend(is_change.then_some(call));
        }
    }
    let [call] = &measured[..] else { panic!("{measured:?}") };
    assert!(call.contains(r#""value":"Energy.Active.Import.Register""#), "{call}");
}

#[test]
fn faults_are_kept_with_the_vendors_code_until_they_are_over() {
    let mut house = charging();
    let status = |code: &str| {
        format!(
            r#"{{"connectorId":1,"errorCode":"{code}","status":"Faulted","vendorErrorCode":"0x17","info":"RCD"}}"#
        )
    };
    house.call("CP1", "StatusNotification", &status("GroundFailure"));
    house.call("CP1", "StatusNotification", &status("GroundFailure"));
    let known = detail(&mut house);
    let [fault] = &known.facts.faults[..] else { panic!("{:?}", known.facts.faults) };
    assert_eq!([&*fault.code, &*fault.vendor_code, &*fault.words], ["GroundFailure", "0x17", "RCD"]);
    assert!(matches!(known.findings[0], StationFinding::FaultStands { .. }), "{:?}", known.findings);
    house.pass(60);
    house.status("CP1", 1, "Available");
    let known = detail(&mut house);
    assert_eq!(known.facts.faults[0].ended_at, Some(house.now));
    assert!(known.findings.iter().all(|finding| !matches!(finding, StationFinding::FaultStands { .. })));
}

#[test]
fn a_connection_is_judged_by_its_drops_answers_and_silences() {
    let mut house = charging();
    for _ in 0..4 {
        house.pass(60);
        house.down("CP1");
        house.up("CP1");
    }
    let known = detail(&mut house);
    assert_eq!((known.connection.drops, known.connection.up_since), (4, Some(house.now)));
    assert_eq!(known.connection.drops_last.last().unwrap().reason, "the link was lost");
    assert!(known.connection.round_trip_ms_p50.is_some());
    let wanted = StationFinding::DropsOften { drops: 4, in_last_hour: 4 };
    assert!(known.findings.contains(&wanted), "{:?}", known.findings);
}
