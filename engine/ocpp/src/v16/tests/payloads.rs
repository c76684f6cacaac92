//! What is understood of good and odd payloads, action by action.

use super::json;
use crate::quirk::Quirk;
use crate::v16::*;
use crate::{PayloadError, StationTime};
use units::{Amperes, TimeSpan, TransactionId, WattHours, Watts};

/// Reads calls of a station; each has the quirks as they print.
fn check_station(action: &str, table: &[(&str, &str)]) -> Vec<StationRequest> {
    table
        .iter()
        .map(|(text, quirks)| {
            let decoded =
                StationRequest::decode(action, &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(print(&decoded.quirks), *quirks, "{text}");
            decoded.value
        })
        .collect()
}

/// Reads calls of ours, as a station does.
fn check_csms(action: &str, table: &[(&str, &str)]) {
    for (text, quirks) in table {
        let decoded = CsmsRequest::decode(action, &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(print(&decoded.quirks), *quirks, "{text}");
    }
}

/// Reads answers of stations.
fn check_answer(action: CsmsAction, table: &[(&str, &str)]) -> Vec<CsmsResponse> {
    table
        .iter()
        .map(|(text, quirks)| {
            let decoded = CsmsResponse::decode(action, &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(print(&decoded.quirks), *quirks, "{text}");
            decoded.value
        })
        .collect()
}

/// Calls without meaning, with the error code and the message.
fn check_refused(action: &str, table: &[(&str, &str, &str)]) {
    for (text, code, message) in table {
        let error = match (StationAction::named(action), CsmsAction::named(action)) {
            (Ok(_), _) => StationRequest::decode(action, &json(text)).map(|_| ()),
            (Err(_), _) => CsmsRequest::decode(action, &json(text)).map(|_| ()),
        }
        .expect_err(text);
        assert_eq!(
            (ErrorCode::from(&error).as_str(), error.to_string().as_str()),
            (*code, *message),
            "{text}"
        );
    }
}

fn print(quirks: &[Quirk]) -> String {
    quirks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn unknown_actions_and_those_of_the_other_side_are_told() {
    check_refused("Foo", &[("{}", "NotImplemented", "unknown action `Foo`")]);
    check_refused("heartbeat", &[("{}", "NotImplemented", "unknown action `heartbeat`")]);
    // A station cannot call what only we may call.
    let error = StationRequest::decode("Reset", &json("{}")).unwrap_err();
    assert_eq!(error, PayloadError::UnknownAction { action: "Reset".to_owned() });
}

#[test]
fn authorize() {
    check_station(
        "Authorize",
        &[
            (r#"{"idTag":"04A1B2C3"}"#, ""),
            (r#"{"idTag":"04A1B2C3","extra":{"a":[1]}}"#, ""),
            (r#"{"idTag":123456}"#, "number_as_text(idTag)"),
            (r#"{"idTag":"012345678901234567890"}"#, "long_text(idTag)"),
            (r#"{"idTag":""}"#, "empty_text(idTag)"),
        ],
    );
    check_refused(
        "Authorize",
        &[
            ("{}", "OccurenceConstraintViolation", "idTag is missing"),
            (r#"{"idTag":null}"#, "OccurenceConstraintViolation", "idTag is missing"),
        ],
    );
    let tag = |text: &str| IdTag::new(text).token().map(|token| token.to_string());
    assert_eq!(tag(" B5 EC 6F B9"), Ok("B5EC6FB9".to_owned()), "FIELD 4c: blanks between the bytes");
    assert_eq!(tag("b5ec6fb9"), Ok("B5EC6FB9".to_owned()));
    assert_eq!(tag("08035439_cgprk5"), Ok("08035439_CGPRK5".to_owned()));
    assert!(tag("").is_err());
    assert_eq!(format!("{:?}", IdTag::new("04A1B2C3")), format!("IdTag({})", crate::reference("04A1B2C3")));
}

#[test]
fn boot_notification() {
    let read = check_station(
        "BootNotification",
        &[
            (r#"{"chargePointVendor":"V","chargePointModel":"M"}"#, ""),
            (
                r#"{"chargePointVendor":"V","chargePointModel":"M","iccid":"","imsi":""}"#,
                "empty_text(iccid) empty_text(imsi)",
            ),
            (
                r#"{"chargePointModel":"ACChargePoint","chargePointSerialNumber":"jqaxch7","chargePointVendor":""}"#,
                "empty_text(chargePointVendor)",
            ),
            ("{}", "missing_field(chargePointVendor) missing_field(chargePointModel)"),
            (
                r#"{"chargePointVendor":"V","chargePointModel":"M","chargeBoxSerialNumber":"FVEqtmrszjtlytmvgvukkzrqynsprzzvyq"}"#,
                "long_text(chargeBoxSerialNumber)",
            ),
            (
                r#"{"chargePointVendor":"V","chargePointModel":7,"meterType":null}"#,
                "number_as_text(chargePointModel) null_as_absent(meterType)",
            ),
        ],
    );
    let StationRequest::BootNotification(boot) = &read[4] else { panic!("a boot") };
    assert_eq!(
        boot.charge_box_serial_number.as_deref(),
        Some("FVEqtmrszjtlytmvgvukkzrqynsprzzvyq"),
        "kept whole"
    );
    // An answer with OCPP 1.5's heartbeatInterval, as one backend gave.
    let answer = StationResponse::decode(
        StationAction::BootNotification,
        &json(r#"{"status":"Accepted","currentTime":"2023-12-31T14:53:19.472Z","heartbeatInterval":60}"#),
    )
    .unwrap();
    assert_eq!(print(&answer.quirks), "missing_field(interval)");
}

#[test]
fn data_transfer() {
    let read = check_station(
        "DataTransfer",
        &[
            (r#"{"vendorId":"V","messageId":"m","data":"d"}"#, ""),
            (r#"{"vendorId":"V","data":""}"#, ""),
            (r#"{"vendorId":"V","data":{"a":[1,2.50]}}"#, "object_as_text(data)"),
            (r#"{"data":"d"}"#, "missing_field(vendorId)"),
        ],
    );
    let StationRequest::DataTransfer(transfer) = &read[2] else { panic!("a transfer") };
    assert_eq!(transfer.data.as_deref(), Some(r#"{"a":[1,2.50]}"#));
    check_answer(
        CsmsAction::DataTransfer,
        &[(r#"{"status":"UnknownVendorId"}"#, ""), ("{}", "missing_field(status)")],
    );
}

#[test]
fn heartbeat() {
    check_station("Heartbeat", &[("{}", ""), (r#"{"a":1}"#, "")]);
    let read = |text| StationResponse::decode(StationAction::Heartbeat, &json(text)).unwrap();
    assert_eq!(
        print(&read(r#"{"currentTime":"2021-03-17T19:24:56.096082"}"#).quirks),
        "time_without_zone(currentTime)"
    );
    assert_eq!(print(&read("{}").quirks), "missing_field(currentTime)");
}

#[test]
fn meter_values() {
    let read = check_station(
        "MeterValues",
        &[
            (
                r#"{"connectorId":1,"transactionId":7,"meterValue":[{"timestamp":"2024-10-23T13:11:59Z","sampledValue":[{"value":"702201.2","unit":"Wh"}]}]}"#,
                "",
            ),
            (
                // Alfen: 2^63-1, a context that is not in the standard, no measurand.
                r#"{"connectorId":1,"transactionId":9223372036854775807,"meterValue":[{"timestamp":"2020-09-19T15:14:23Z","sampledValue":[{"value":"15.630","unit":"A"},{"value":"16.000","context":"CurrentMax","unit":"A"}]}]}"#,
                "unknown_word(context)",
            ),
            (
                r#"{"connectorId":1,"transactionId":1,"meterValue":{"timestamp":"2024-04-16T17:28:55.000Z","sampledValue":{"value":"0.00","unit":"kWh"}}}"#,
                "object_as_list(meterValue) object_as_list(sampledValue)",
            ),
            (
                r#"{"connectorId":"1","transactionId":"12","meterValue":[{"timestamp":"2024-04-16 19:28:55","sampledValue":[{"value":5.25},{"value":""},{"value":" 0.0"},{}]}]}"#,
                "text_as_number(connectorId) text_as_number(transactionId) time_without_zone(timestamp) \
                 number_as_text(value) empty_text(value) text_as_number(value) missing_field(value)",
            ),
            (r#"{"connectorId":0,"meterValue":[{"sampledValue":[]}]}"#, "missing_field(timestamp)"),
            (r#"{"connectorId":1}"#, "missing_field(meterValue)"),
            (r#"{"connectorId":1.0,"meterValue":[]}"#, ""),
            (
                r#"{"connectorId":1,"transactionId":null,"meterValue":[7]}"#,
                "null_as_absent(transactionId) wrong_type(meterValue)",
            ),
            (r#"{"connectorId":1,"transactionId":-1,"meterValue":[]}"#, ""),
            (
                r#"{"connectorId":1,"transactionId":9223372036854775808,"meterValue":[]}"#,
                "out_of_range(transactionId)",
            ),
            (r#"{"connectorId":1,"transactionId":"","meterValue":[]}"#, "empty_text(transactionId)"),
            (
                r#"{"connectorId":1,"meterValue":[{"timestamp":"2024-04-16T17:28:55Z","sampledValue":[{"value":"1","unit":"w","phase":"l1-n","measurand":"power.active.import"}]}]}"#,
                "misspelt_word(measurand) misspelt_word(phase) misspelt_word(unit)",
            ),
        ],
    );
    let transaction = |index: usize| {
        let StationRequest::MeterValues(values) = &read[index] else { panic!("meter values") };
        values.transaction_id.clone()
    };
    assert_eq!(transaction(0).id(), Some(TransactionId(7)));
    assert_eq!(transaction(1), ReportedTransaction::Number(i64::MAX));
    assert_eq!(transaction(1).id(), None);
    assert_eq!(transaction(8), ReportedTransaction::Number(-1));
    assert_eq!(transaction(9), ReportedTransaction::Unreadable("9223372036854775808".to_owned()));
    assert_eq!(transaction(10), ReportedTransaction::Missing);
    check_refused(
        "MeterValues",
        &[
            (r#"{"meterValue":[]}"#, "OccurenceConstraintViolation", "connectorId is missing"),
            (
                r#"{"connectorId":-1,"meterValue":[]}"#,
                "PropertyConstraintViolation",
                "connectorId is -1, which is not a connector number from 0 to 65535",
            ),
            (
                r#"{"connectorId":"left","meterValue":[]}"#,
                "TypeConstraintViolation",
                "connectorId is not a connector number from 0 to 65535",
            ),
            (
                r#"{"connectorId":1.5,"meterValue":[]}"#,
                "PropertyConstraintViolation",
                "connectorId is 1.5, which is not a connector number from 0 to 65535",
            ),
        ],
    );
}

#[test]
fn start_transaction() {
    let read = check_station(
        "StartTransaction",
        &[
            (r#"{"connectorId":1,"idTag":"T","meterStart":164,"timestamp":"2021-04-08T18:49:11.450Z"}"#, ""),
            (
                // Growatt: no zone, and reservation 0 for none.
                r#"{"connectorId":1,"idTag":"evcc","meterStart":0,"reservationId":0,"timestamp":"2023-10-19T15:28:07"}"#,
                "time_without_zone(timestamp)",
            ),
            (
                r#"{"connectorId":1,"idTag":"T","meterStart":164.5,"timestamp":"2021-04-08T18:49:11Z"}"#,
                "fraction_in_whole(meterStart)",
            ),
            (
                r#"{"connectorId":1,"idTag":"T","meterStart":"-1","timestamp":"0"}"#,
                "text_as_number(meterStart) unreadable_time(timestamp)",
            ),
            (
                r#"{"connectorId":2}"#,
                "missing_field(idTag) missing_field(meterStart) missing_field(timestamp)",
            ),
            (
                r#"{"connectorId":1,"idTag":"T","meterStart":"","timestamp":"2021-04-08T18:49:11Z"}"#,
                "text_as_number(meterStart) empty_text(meterStart)",
            ),
        ],
    );
    let meter_start = |index: usize| {
        let StationRequest::StartTransaction(start) = &read[index] else { panic!("a start") };
        start.meter_start
    };
    assert_eq!(meter_start(2), Some(WattHours::from_milliwatt_hours(164_500)), "the fraction is money");
    assert_eq!(meter_start(3), Some(WattHours::from_watt_hours(-1)), "kept as it came");
    assert_eq!(meter_start(4), None);
    assert_eq!(meter_start(5), None);
    check_refused(
        "StartTransaction",
        &[(r#"{"idTag":"T"}"#, "OccurenceConstraintViolation", "connectorId is missing")],
    );
}

#[test]
fn status_notification() {
    let read = check_station(
        "StatusNotification",
        &[
            (r#"{"connectorId":1,"errorCode":"NoError","status":"Charging"}"#, ""),
            (
                r#"{"connectorId":0,"errorCode":"NoError","status":"Available","timestamp":"0001-01-01T00:00:00Z"}"#,
                "unreadable_time(timestamp)",
            ),
            (
                r#"{"connectorId":1,"status":"Occupied","errorCode":"Mode3Error"}"#,
                "unknown_word(errorCode) unknown_word(status)",
            ),
            (r#"{"connectorId":1,"status":"available"}"#, "missing_field(errorCode) misspelt_word(status)"),
            (
                r#"{"connectorId":1,"status":"SuspendedEV","errorCode":"NoError","info":"","vendorErrorCode":12}"#,
                "empty_text(info) number_as_text(vendorErrorCode)",
            ),
            (
                r#"{"connectorId":2,"errorCode":"NoError","status":"Preparing","timestamp":"2024-04-26T14:35:02+02"}"#,
                "",
            ),
        ],
    );
    let StationRequest::StatusNotification(status) = &read[2] else { panic!("a status") };
    assert_eq!(status.status, ChargePointStatus::Other("Occupied".to_owned()));
    check_refused(
        "StatusNotification",
        &[
            (
                r#"{"status":"Available","errorCode":"NoError"}"#,
                "OccurenceConstraintViolation",
                "connectorId is missing",
            ),
            (
                r#"{"connectorId":1,"errorCode":"NoError"}"#,
                "OccurenceConstraintViolation",
                "status is missing",
            ),
            (
                r#"{"connectorId":[1],"status":"Available"}"#,
                "TypeConstraintViolation",
                "connectorId is not a connector number from 0 to 65535",
            ),
        ],
    );
}

#[test]
fn stop_transaction() {
    let read = check_station(
        "StopTransaction",
        &[
            (
                r#"{"transactionId":1,"idTag":"02B5","timestamp":"2023-05-20T08:56:41Z","meterStop":2034698,"reason":"EVDisconnected"}"#,
                "",
            ),
            ("{}", "missing_field(meterStop) missing_field(timestamp) missing_field(transactionId)"),
            (r#"{"transactionId":-1,"meterStop":-1,"timestamp":"2023-05-20T08:56:41Z"}"#, ""),
            (
                r#"{"transactionId":347,"meterStop":54,"timestamp":"2024-01-15T13:23:28.057Z","reason":"Unplugged","idTag":""}"#,
                "empty_text(idTag) unknown_word(reason)",
            ),
            (r#"{"transactionId":1,"meterStop":5,"timestamp":"2024-01-15T13:23:28Z","reason":"Other"}"#, ""),
        ],
    );
    let StationRequest::StopTransaction(stop) = &read[2] else { panic!("a stop") };
    assert_eq!(stop.transaction_id, ReportedTransaction::Number(-1));
    assert_eq!(stop.meter_stop, Some(WattHours::from_watt_hours(-1)));
    let StationRequest::StopTransaction(stop) = &read[3] else { panic!("a stop") };
    assert_eq!(stop.reason, Some(Reason::Other("Unplugged".to_owned())));
    let StationRequest::StopTransaction(stop) = &read[4] else { panic!("a stop") };
    assert_eq!(stop.reason, Some(Reason::OtherReason));
}

#[test]
fn availability_configuration_cache_reset_unlock_and_trigger() {
    check_csms("ChangeAvailability", &[(r#"{"connectorId":0,"type":"Inoperative"}"#, "")]);
    check_answer(
        CsmsAction::ChangeAvailability,
        &[(r#"{"status":"Scheduled"}"#, ""), ("{}", "missing_field(status)")],
    );
    check_refused(
        "ChangeAvailability",
        &[(r#"{"connectorId":0}"#, "OccurenceConstraintViolation", "type is missing")],
    );
    check_csms(
        "ChangeConfiguration",
        &[(r#"{"key":"K","value":""}"#, ""), (r#"{"key":"K","value":5}"#, "number_as_text(value)")],
    );
    check_answer(
        CsmsAction::ChangeConfiguration,
        &[(r#"{"status":"RebootRequired"}"#, ""), (r#"{"status":"Ok"}"#, "unknown_word(status)")],
    );
    check_csms("ClearCache", &[("{}", "")]);
    check_answer(CsmsAction::ClearCache, &[(r#"{"status":"ACCEPTED"}"#, "misspelt_word(status)")]);
    check_csms("Reset", &[(r#"{"type":"Soft"}"#, "")]);
    check_answer(CsmsAction::Reset, &[(r#"{"status":"Accepted"}"#, "")]);
    check_csms("UnlockConnector", &[(r#"{"connectorId":1}"#, "")]);
    check_answer(CsmsAction::UnlockConnector, &[(r#"{"status":"UnlockFailed"}"#, "")]);
    check_csms(
        "TriggerMessage",
        &[
            (r#"{"requestedMessage":"MeterValues","connectorId":1}"#, ""),
            (r#"{"requestedMessage":"Heartbeat"}"#, ""),
        ],
    );
    check_answer(CsmsAction::TriggerMessage, &[(r#"{"status":"NotImplemented"}"#, "")]);
}

#[test]
fn get_configuration() {
    check_csms(
        "GetConfiguration",
        &[("{}", ""), (r#"{"key":["A","B"]}"#, ""), (r#"{"key":"A"}"#, "object_as_list(key)")],
    );
    let read = check_answer(
        CsmsAction::GetConfiguration,
        &[
            (r#"{"configurationKey":[{"key":"A","readonly":true,"value":"1.TRS"}],"unknownKey":["B"]}"#, ""),
            (r#"{"configurationKey":[]}"#, ""),
            (
                r#"{"configurationKey":[{"key":"A","readonly":"false","value":60},{"key":"B","value":null}]}"#,
                "text_as_number(readonly) number_as_text(value) missing_field(readonly) null_as_absent(value)",
            ),
        ],
    );
    let CsmsResponse::GetConfiguration(answer) = &read[2] else { panic!("an answer") };
    assert_eq!(answer.configuration_key[0].value.as_deref(), Some("60"));
    assert_eq!(answer.configuration_key[1].value, None);
    let secret =
        KeyValue { key: "AuthorizationKey".to_owned(), readonly: false, value: Some("abc".to_owned()) };
    assert!(!format!("{secret:?}").contains("abc"));
}

#[test]
fn remote_start_and_stop() {
    check_csms(
        "RemoteStartTransaction",
        &[
            (r#"{"connectorId":1,"idTag":"evcc"}"#, ""),
            (
                r#"{"idTag":"T","chargingProfile":{"chargingProfileId":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":6}]}}}"#,
                "",
            ),
        ],
    );
    check_csms(
        "RemoteStopTransaction",
        &[(r#"{"transactionId":11}"#, ""), (r#"{"transactionId":"11"}"#, "text_as_number(transactionId)")],
    );
    check_refused(
        "RemoteStopTransaction",
        &[("{}", "OccurenceConstraintViolation", "transactionId is missing")],
    );
    check_answer(CsmsAction::RemoteStartTransaction, &[(r#"{"status":"Rejected"}"#, "")]);
    check_answer(CsmsAction::RemoteStopTransaction, &[(r#"{"status":"Accepted"}"#, "")]);
}

#[test]
fn charging_profiles() {
    let profile = |schedule: &str| {
        format!(
            r#"{{"connectorId":1,"csChargingProfiles":{{"chargingProfileId":5,"transactionId":9,"stackLevel":1,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Absolute","validTo":"2030-01-01T00:00:00Z","chargingSchedule":{schedule}}}}}"#
        )
    };
    let good = profile(
        r#"{"startSchedule":"2026-01-01T00:00:00Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.1,"numberPhases":3},{"startPeriod":300,"limit":6}],"minChargingRate":6.0}"#,
    );
    let decoded = CsmsRequest::decode("SetChargingProfile", &json(&good)).unwrap();
    assert_eq!(decoded.quirks, vec![]);
    let CsmsRequest::SetChargingProfile(request) = decoded.value else { panic!("a profile") };
    let schedule = &request.charging_profile.charging_schedule;
    let six = Amperes::from_amperes(6);
    let periods = vec![
        ChargingSchedulePeriod::new(TimeSpan::ZERO, Amperes::from_milliamperes(16_100)).with_number_phases(3),
        ChargingSchedulePeriod::new(TimeSpan::from_minutes(5), six),
    ];
    assert_eq!(schedule.limits, ScheduleLimits::Amperes(periods));
    assert_eq!(schedule.min_charging_rate, Some(ChargingRate::Amperes(six)));
    for (schedule, code) in [
        (r#"{"chargingSchedulePeriod":[{"startPeriod":0,"limit":16}]}"#, "OccurenceConstraintViolation"),
        (
            r#"{"chargingRateUnit":"kW","chargingSchedulePeriod":[{"startPeriod":0,"limit":16}]}"#,
            "PropertyConstraintViolation",
        ),
        (r#"{"chargingRateUnit":"A","chargingSchedulePeriod":[]}"#, "OccurenceConstraintViolation"),
        (
            r#"{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0}]}"#,
            "OccurenceConstraintViolation",
        ),
        (
            r#"{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":"many"}]}"#,
            "TypeConstraintViolation",
        ),
        (
            r#"{"chargingRateUnit":"A","chargingSchedulePeriod":[{"limit":16}]}"#,
            "OccurenceConstraintViolation",
        ),
        ("7", "OccurenceConstraintViolation"),
    ] {
        let text = profile(schedule);
        let error = CsmsRequest::decode("SetChargingProfile", &json(&text)).expect_err(schedule);
        assert_eq!(ErrorCode::from(&error).as_str(), code, "{schedule}: {error}");
    }
    check_answer(
        CsmsAction::SetChargingProfile,
        &[(r#"{"status":"NotSupported"}"#, ""), (r#"{"status":"Rejected","statusInfo":{}}"#, "")],
    );
    check_csms(
        "ClearChargingProfile",
        &[
            ("{}", ""),
            (r#"{"id":5,"connectorId":1,"chargingProfilePurpose":"TxProfile","stackLevel":0}"#, ""),
        ],
    );
    check_answer(CsmsAction::ClearChargingProfile, &[(r#"{"status":"Unknown"}"#, "")]);
}

#[test]
fn composite_schedules() {
    check_csms("GetCompositeSchedule", &[(r#"{"connectorId":1,"duration":300,"chargingRateUnit":"A"}"#, "")]);
    let read = check_answer(
        CsmsAction::GetCompositeSchedule,
        &[
            (
                r#"{"status":"Accepted","connectorId":1,"chargingSchedule":{"chargingRateUnit":"W","chargingSchedulePeriod":[{"startPeriod":0,"limit":3680.55}]}}"#,
                "",
            ),
            // Amperfied: a filler schedule with a rejection.
            (
                r#"{ "status": "Rejected", "connectorId": 0, "chargingSchedule": { "duration": 0, "chargingSchedulePeriod": [], "startSchedule": "0", "chargingRateUnit": "" }, "scheduleStart": "0" }"#,
                "empty_text(chargingRateUnit) unreadable_schedule unreadable_time(scheduleStart)",
            ),
        ],
    );
    let CsmsResponse::GetCompositeSchedule(answer) = &read[0] else { panic!("an answer") };
    let Some(ScheduleLimits::Watts(periods)) =
        answer.charging_schedule.as_ref().map(|schedule| &schedule.limits)
    else {
        panic!("watts")
    };
    assert_eq!(
        periods[0].limit(),
        Some(Watts::from_milliwatts(3_680_550)),
        "what a station says is not rounded"
    );
    let CsmsResponse::GetCompositeSchedule(answer) = &read[1] else { panic!("an answer") };
    assert_eq!(answer.charging_schedule, None);
    assert_eq!(answer.schedule_start, StationTime::Unreadable("0".to_owned()));
}
