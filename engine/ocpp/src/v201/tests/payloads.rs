//! What is understood of good and odd payloads, action by action.

use units::{Amperes, TimeSpan, Timestamp, WattHours};

use super::json;
use crate::Version;
use crate::quirk::Quirk;
use crate::v201::*;
use crate::{PayloadError, StationTime};

/// Reads a call of a station; `quirks` as they print.
fn station(text: &str, action: &str, quirks: &str) -> StationRequest {
    let decoded = StationRequest::decode(action, &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(print(&decoded.quirks), quirks, "{text}");
    decoded.value
}

/// Reads an answer of a station.
fn answer(text: &str, action: CsmsAction, quirks: &str) -> CsmsResponse {
    let decoded = CsmsResponse::decode(action, &json(text)).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(print(&decoded.quirks), quirks, "{text}");
    decoded.value
}

fn event(text: &str, quirks: &str) -> TransactionEventRequest {
    let request = station(text, "TransactionEvent", quirks);
    let StationRequest::TransactionEvent(event) = request else { panic!("{request:?}") };
    event
}

fn print(quirks: &[Quirk]) -> String {
    quirks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn actions_that_are_unknown_unsupported_or_of_the_other_side_are_told_apart() {
    let id = crate::MessageId::numbered(7);
    for (action, reply) in [
        ("StartTransaction", r#"[4,"7","NotImplemented","unknown action `StartTransaction`",{}]"#),
        ("Reset", r#"[4,"7","NotImplemented","unknown action `Reset`",{}]"#),
    ] {
        let error = StationRequest::decode(action, &json("{}")).unwrap_err();
        assert_eq!(answer_to_payload(&id, &error), reply);
    }
    // OCPP 2.1: event streams, generation, reserves and battery swap are known, and not handled.
    for action in ["OpenPeriodicEventStream", "NotifyDERAlarm", "AFRRSignal", "BatterySwap"] {
        let error = crate::v21::StationRequest::decode(action, &json("{}")).unwrap_err();
        let reply = format!(r#"[4,"7","NotSupported","action {action} is not supported",{{}}]"#);
        assert_eq!(answer_to_payload(&id, &error), reply);
    }
}

#[test]
fn what_only_ocpp_2_1_has_is_passed_over_before_and_never_sent_before() {
    let text = r#"{"chargingProfileId":3}"#;
    let error = StationRequest::decode("PullDynamicScheduleUpdate", &json(text)).unwrap_err();
    assert_eq!(ErrorCode::from(&error), ErrorCode::NotImplemented);

    let status = r#"{"status":"Installed","requestId":7,"statusInfo":{"reasonCode":"Done"}}"#;
    let read = |version| {
        let decoded =
            StationRequest::decode_in(version, "FirmwareStatusNotification", &json(status)).unwrap();
        let StationRequest::FirmwareStatusNotification(status) = decoded.value else { panic!("{decoded:?}") };
        status
    };
    assert_eq!(read(Version::V201).status_info, None);
    let told = StationRequest::from(read(Version::V21));
    assert_eq!(told.payload_in(Version::V21).unwrap(), status);
    let refused = told.payload_in(Version::V201).unwrap_err();
    assert_eq!(refused.to_string(), "FirmwareStatusNotification: statusInfo exists from OCPP 2.1 on");

    let reset = CsmsRequest::from(ResetRequest { kind: ResetType::ImmediateAndResume, evse_id: None });
    assert!(reset.payload_in(Version::V21).is_ok());
    assert_eq!(reset.payload().unwrap_err().field, "type");
    // In OCPP 2.1 a token's kind is any word.
    let token = r#"{"idToken":{"idToken":"WLTRX","type":"DirectPayment"}}"#;
    let quirks = |version| StationRequest::decode_in(version, "Authorize", &json(token)).unwrap().quirks;
    assert_eq!(print(&quirks(Version::V201)), "unknown_word(type)");
    assert_eq!(print(&quirks(Version::V21)), "");
}

#[test]
fn payloads_without_meaning_are_refused_with_the_codes_of_2_0_1() {
    for (action, text, code, message) in [
        ("Authorize", "{}", "OccurrenceConstraintViolation", "idToken is missing"),
        ("Authorize", r#"{"idToken":"04A1"}"#, "TypeConstraintViolation", "idToken is not an object"),
        (
            "Authorize",
            r#"{"idToken":{"type":"Central"}}"#,
            "OccurrenceConstraintViolation",
            "idToken is missing",
        ),
        (
            "StatusNotification",
            r#"{"evseId":1,"connectorId":1,"timestamp":"2026-07-23T08:21:46Z"}"#,
            "OccurrenceConstraintViolation",
            "connectorStatus is missing",
        ),
        (
            "StatusNotification",
            r#"{"connectorStatus":"Available","connectorId":1}"#,
            "OccurrenceConstraintViolation",
            "evseId is missing",
        ),
        (
            "StatusNotification",
            r#"{"connectorStatus":"Available","evseId":"one"}"#,
            "TypeConstraintViolation",
            "evseId is not an EVSE number from 0 to 65535",
        ),
        (
            "MeterValues",
            r#"{"evseId":-1,"meterValue":[]}"#,
            "PropertyConstraintViolation",
            "evseId is -1, which is not an EVSE number from 0 to 65535",
        ),
        ("TransactionEvent", "[]", "FormatViolation", "payload is not an object"),
    ] {
        let error = StationRequest::decode(action, &json(text)).expect_err(text);
        assert_eq!((ErrorCode::from(&error).as_str(), error.to_string().as_str()), (code, message), "{text}");
    }
    let error = CsmsRequest::decode("Reset", &json("{}")).unwrap_err();
    assert_eq!(error, PayloadError::Missing { field: "type" });
}

#[test]
fn boot_notification() {
    let boots = |text, quirks| {
        let request = station(text, "BootNotification", quirks);
        let StationRequest::BootNotification(boot) = request else { panic!("{request:?}") };
        boot
    };
    let boot = boots(
        r#"{"reason":"PowerUp","chargingStation":{"model":"M","vendorName":"V","serialNumber":"S","firmwareVersion":"1.0","modem":{"iccid":"8935"}}}"#,
        "",
    );
    assert_eq!(boot.reason, BootReason::PowerUp);
    assert_eq!(boot.charging_station.vendor_name, "V");
    assert_eq!(boot.charging_station.modem.unwrap().iccid.as_deref(), Some("8935"));
    // A station that boots is answered, whatever it says; here it speaks OCPP 1.6.
    let empty = boots(
        r#"{"chargePointVendor":"V","chargePointModel":"M"}"#,
        "missing_field(chargingStation) missing_field(model) missing_field(vendorName) missing_field(reason)",
    );
    assert_eq!(empty.charging_station, ChargingStation::default());
    let long = boots(
        r#"{"reason":"Powerup","chargingStation":{"model":"a model of more than 20 characters","vendorName":"","serialNumber":7,"modem":null}}"#,
        "number_as_text(serialNumber) long_text(model) null_as_absent(modem) empty_text(vendorName) misspelt_word(reason)",
    );
    assert_eq!(long.charging_station.model, "a model of more than 20 characters");
    assert_eq!(
        boots(
            r#"{"reason":"Boredom","chargingStation":{"model":"M","vendorName":"V"}}"#,
            "unknown_word(reason)"
        )
        .reason
        .as_str(),
        "Boredom"
    );
}

#[test]
fn a_transaction_event_is_read_whole() {
    let event = event(
        r#"{
            "eventType":"Updated","timestamp":"2026-07-23T10:21:46.500+02:00","triggerReason":"MeterValuePeriodic",
            "seqNo":3,"offline":true,"numberOfPhasesUsed":3,"cableMaxCurrent":32,"reservationId":5,
            "transactionInfo":{"transactionId":"AB-7","chargingState":"SuspendedEV","timeSpentCharging":90,"remoteStartId":12},
            "evse":{"id":2,"connectorId":1},
            "idToken":{"idToken":" b5 ec 6f b9","type":"ISO14443","additionalInfo":[{"additionalIdToken":"K","type":"plate"}]},
            "meterValue":[{"timestamp":"2026-07-23T08:21:46Z","sampledValue":[
                {"value":12272.427,"context":"Transaction.Begin","unitOfMeasure":{"unit":"kWh"},
                 "signedMeterValue":{"signedMeterData":"QQ==","signingMethod":"","encodingMethod":"OCMF","publicKey":""}},
                {"value":16.0,"measurand":"Current.Import","phase":"L2","location":"Outlet","unitOfMeasure":{"unit":"A","multiplier":0}}
            ]}]
        }"#,
        "",
    );
    assert_eq!(event.event_type, TransactionEventKind::Updated);
    assert_eq!(event.timestamp, "2026-07-23T08:21:46.500Z".parse::<Timestamp>().unwrap().into());
    assert_eq!((event.seq_no, event.offline, event.number_of_phases_used), (Some(3), true, Some(3)));
    assert_eq!(event.cable_max_current, Some(Amperes::from_amperes(32)));
    assert_eq!(event.transaction_info.transaction_id.as_str(), "AB-7");
    assert_eq!(event.transaction_info.charging_state, Some(ChargingState::SuspendedEv));
    assert_eq!(event.transaction_info.time_spent_charging, Some(TimeSpan::from_seconds(90)));
    assert_eq!(event.transaction_info.remote_start_id, Some(12));
    assert_eq!(event.evse, Some(Evse { id: EvseNumber(2), connector_id: Some(ConnectorNumber(1)) }));
    let token = event.id_token.unwrap();
    assert_eq!(token.token().unwrap().as_str(), "B5EC6FB9");
    assert!(!format!("{token:?}").contains("ec"), "{token:?}");
    let samples = &event.meter_value[0].sampled_value;
    assert_eq!(samples[0].value.as_str(), "12272.427");
    assert_eq!(samples[0].as_energy(), Some(WattHours::from_watt_hours(12_272_427)));
    assert_eq!(*samples[0].context(), ReadingContext::TransactionBegin);
    assert_eq!(samples[0].signed_meter_value.as_ref().unwrap().encoding_method, "OCMF");
    assert_eq!(samples[1].value.as_str(), "16.0", "digits as they came");
    assert_eq!(samples[1].as_current(), Some(Amperes::from_amperes(16)));
}

/// FIELD section 6, trap 3: a transaction message always gets its answer; a CALLERROR makes stations repeat for ever.
#[test]
fn no_object_is_so_absurd_that_a_transaction_event_is_refused() {
    let nothing = "missing_field(eventType) missing_field(timestamp) missing_field(triggerReason) missing_field(seqNo) missing_field(transactionInfo) missing_field(transactionId)";
    let empty = event("{}", nothing);
    assert!(empty.transaction_info.transaction_id.is_missing());
    assert_eq!((empty.seq_no, empty.timestamp, empty.offline), (None, StationTime::Absent, false));
    for (text, quirks) in [
        (
            r#"{"eventType":"Ended","timestamp":"2026-07-23T08:21:46Z","triggerReason":"EVDeparted","seqNo":1,"transactionInfo":"AB-7"}"#,
            "wrong_type(transactionInfo) missing_field(transactionInfo) missing_field(transactionId)",
        ),
        (
            r#"{"eventType":"Ended","timestamp":"2026-07-23T08:21:46","triggerReason":"EVDeparted","seqNo":-1,"transactionInfo":{"transactionId":17}}"#,
            "time_without_zone(timestamp) out_of_range(seqNo) missing_field(seqNo) number_as_text(transactionId)",
        ),
        (
            r#"{"eventType":"ended","timestamp":"yesterday","triggerReason":"Whim","seqNo":"1","transactionInfo":{"transactionId":"t","stoppedReason":"Boredom"},"evse":{"connectorId":1}}"#,
            "misspelt_word(eventType) unreadable_time(timestamp) unknown_word(triggerReason) text_as_number(seqNo) unknown_word(stoppedReason) wrong_type(evse)",
        ),
        (
            r#"{"eventType":"Started","timestamp":"2026-07-23T08:21:46Z","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":"t"},"idToken":"04A1B2C3","evse":1,"meterValue":{"timestamp":"2026-07-23T08:21:46Z","sampledValue":[{"value":"1"},{}]}}"#,
            "object_as_list(meterValue) text_as_number(value) missing_field(value) wrong_type(evse) wrong_type(idToken)",
        ),
        (
            r#"{"eventType":"Started","timestamp":"2026-07-23T08:21:46Z","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":"t"},"idToken":{"type":"ISO14443"},"offline":"yes","cableMaxCurrent":"","numberOfPhasesUsed":999}"#,
            "wrong_type(offline) out_of_range(numberOfPhasesUsed) text_as_number(cableMaxCurrent) empty_text(cableMaxCurrent) wrong_type(idToken)",
        ),
    ] {
        let event = event(text, quirks);
        assert_eq!(event.id_token, None, "{text}: a token that cannot be read is none");
    }
}

#[test]
fn an_id_longer_than_the_standard_allows_is_kept_whole() {
    let id = "x".repeat(64);
    let text = format!(
        r#"{{"eventType":"Updated","timestamp":"2026-07-23T08:21:46Z","triggerReason":"Trigger","seqNo":4,"transactionInfo":{{"transactionId":"{id}"}}}}"#
    );
    assert_eq!(event(&text, "long_text(transactionId)").transaction_info.transaction_id.as_str(), id);
}

#[test]
fn status_meter_values_and_notifications() {
    let StationRequest::StatusNotification(status) = station(
        r#"{"connectorId":1,"connectorStatus":"Available","evseId":2,"timestamp":"2023-11-09T11:41:29.225Z"}"#,
        "StatusNotification",
        "",
    ) else {
        panic!("status")
    };
    assert_eq!((status.evse_id, status.connector_status), (EvseNumber(2), ConnectorStatus::Available));
    // FIELD: words of OCPP 1.6 in a message of 2.0.1 are kept as they came.
    let odd = r#"{"connectorStatus":"Charging","evseId":"2"}"#;
    let quirks = "missing_field(timestamp) unknown_word(connectorStatus) text_as_number(evseId) missing_field(connectorId)";
    let StationRequest::StatusNotification(status) = station(odd, "StatusNotification", quirks) else {
        panic!("status")
    };
    assert_eq!((status.connector_status.as_str(), status.connector_id), ("Charging", None));

    station(r#"{"evseId":0}"#, "MeterValues", "missing_field(meterValue)");
    let StationRequest::MeterValues(values) = station(
        r#"{"evseId":1,"meterValue":[{"timestamp":"","sampledValue":[{"value":""},{"value":null},7]},3]}"#,
        "MeterValues",
        "empty_text(timestamp) missing_field(timestamp) text_as_number(value) empty_text(value) null_as_absent(value) missing_field(value) wrong_type(sampledValue) wrong_type(meterValue)",
    ) else {
        panic!("values")
    };
    assert_eq!(values.meter_value[0].sampled_value.len(), 2);
    assert!(
        values.meter_value[0].sampled_value.iter().all(|sample| sample.energy() == Err(SampleFault::Empty))
    );

    station(
        r#"{"type":"FirmwareUpdated","timestamp":"2026-07-23T08:21:46Z"}"#,
        "SecurityEventNotification",
        "",
    );
    station("{}", "SecurityEventNotification", "missing_field(type) missing_field(timestamp)");
    station(
        r#"{"generatedAt":"2026-07-23T08:21:46Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":"2026-07-23T08:21:46Z","trigger":"Alerting","actualValue":"","eventNotificationType":"HardWiredMonitor","component":{"name":"Connector","evse":{"id":1,"connectorId":1}},"variable":{"name":"Problem"}}]}"#,
        "NotifyEvent",
        "",
    );
    station("{}", "NotifyEvent", "missing_field(generatedAt) missing_field(seqNo) missing_field(eventData)");
    station("{}", "NotifyReport", "missing_field(requestId) missing_field(generatedAt) missing_field(seqNo)");
    station("{}", "Heartbeat", "");
}

/// FIELD section 6, trap 16: each variable has its own answer, and RebootRequired is a success.
#[test]
fn variables_are_answered_one_by_one() {
    let CsmsResponse::SetVariables(set) = answer(
        r#"{"setVariableResult":[
            {"attributeStatus":"Accepted","component":{"name":"SampledDataCtrlr"},"variable":{"name":"TxUpdatedInterval"}},
            {"attributeStatus":"RebootRequired","attributeType":"Actual","component":{"name":"A"},"variable":{"name":"B","instance":"C"}},
            {"attributeStatus":"Rejected","attributeStatusInfo":{"reasonCode":"ReadOnly"},"component":{"name":"A"},"variable":{"name":"D"}}
        ]}"#,
        CsmsAction::SetVariables,
        "",
    ) else {
        panic!("set")
    };
    let statuses: Vec<_> =
        set.set_variable_result.iter().map(|result| result.attribute_status.as_str()).collect();
    assert_eq!(statuses, ["Accepted", "RebootRequired", "Rejected"]);
    assert_eq!(set.set_variable_result[2].attribute_status_info.as_ref().unwrap().reason_code, "ReadOnly");

    let CsmsResponse::GetVariables(got) = answer(
        r#"{"getVariableResult":{"attributeStatus":"Accepted","attributeValue":16,"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"}}}"#,
        CsmsAction::GetVariables,
        "object_as_list(getVariableResult) number_as_text(attributeValue)",
    ) else {
        panic!("got")
    };
    let result = &got.get_variable_result[0];
    assert_eq!(result.attribute_value.as_deref(), Some("16"));
    assert!(!format!("{result:?}").contains("16"), "a secret is not shown");
    let set = SetVariableData::new("SecurityCtrlr", "BasicAuthPassword", "hush");
    assert!(!format!("{set:?}").contains("hush"));
    assert!(format!("{:?}", SetVariableData::new("A", "B", "shown")).contains("shown"));
    answer("{}", CsmsAction::GetVariables, "missing_field(getVariableResult)");
    answer("{}", CsmsAction::SetVariables, "missing_field(setVariableResult)");
}

#[test]
fn answers_to_profiles_starts_and_resets() {
    let CsmsResponse::SetChargingProfile(set) = answer(
        r#"{"status":"Rejected","statusInfo":{"reasonCode":"InvalidValue","additionalInfo":"why"}}"#,
        CsmsAction::SetChargingProfile,
        "",
    ) else {
        panic!("set")
    };
    assert_eq!(set.status, AcceptedStatus::Rejected);
    assert_eq!(set.status_info.unwrap().reason_code, "InvalidValue");
    answer("{}", CsmsAction::SetChargingProfile, "missing_field(status)");
    answer(r#"{"status":"NotSupported"}"#, CsmsAction::SetChargingProfile, "unknown_word(status)");
    answer(r#"{"status":"Unknown"}"#, CsmsAction::ClearChargingProfile, "");
    answer(r#"{"status":"Scheduled"}"#, CsmsAction::Reset, "");
    answer(r#"{"status":"Accepted","transactionId":"AB-7"}"#, CsmsAction::RequestStartTransaction, "");
    answer(
        r#"{"status":"Accepted","statusInfo":"fine"}"#,
        CsmsAction::RequestStopTransaction,
        "wrong_type(statusInfo)",
    );
    answer(
        r#"{"messagesInQueue":"true"}"#,
        CsmsAction::GetTransactionStatus,
        "text_as_number(messagesInQueue)",
    );
    answer("{}", CsmsAction::GetTransactionStatus, "missing_field(messagesInQueue)");
    answer(r#"{"status":"OngoingAuthorizedTransaction"}"#, CsmsAction::UnlockConnector, "");
}

#[test]
fn composite_schedules() {
    let CsmsResponse::GetCompositeSchedule(got) = answer(
        r#"{"status":"Accepted","schedule":{"evseId":1,"duration":600,"scheduleStart":"2026-07-23T08:21:46Z","chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16.0},{"startPeriod":300,"limit":6,"numberPhases":1,"phaseToUse":2}]}}"#,
        CsmsAction::GetCompositeSchedule,
        "",
    ) else {
        panic!("schedule")
    };
    let ScheduleLimits::Amperes(periods) = got.schedule.unwrap().limits else { panic!("amperes") };
    assert_eq!(periods[0].limit(), Some(Amperes::from_amperes(16)));
    assert_eq!(
        (periods[1].start_period(), periods[1].phase_to_use()),
        (TimeSpan::from_seconds(300), Some(2))
    );
    for none in [
        r#"{"status":"Accepted","schedule":{}}"#,
        r#"{"status":"Accepted","schedule":{"evseId":1,"duration":600,"chargingRateUnit":"A","chargingSchedulePeriod":[]}}"#,
        r#"{"status":"Accepted","schedule":{"evseId":1,"duration":600,"chargingRateUnit":"VA","chargingSchedulePeriod":[{"startPeriod":0,"limit":1}]}}"#,
    ] {
        let decoded = CsmsResponse::decode(CsmsAction::GetCompositeSchedule, &json(none)).unwrap();
        assert!(decoded.quirks.contains(&Quirk::UnreadableSchedule), "{none}");
        let CsmsResponse::GetCompositeSchedule(got) = decoded.value else { panic!("{none}") };
        assert_eq!(got.schedule, None, "{none}");
    }
}

#[test]
fn content_of_vendors_keeps_its_kind() {
    for data in ["\"text\"", "17.50", "{\"a\":[null]}", "false"] {
        let text = format!(r#"{{"vendorId":"org.example","data":{data}}}"#);
        let StationRequest::DataTransfer(transfer) = station(&text, "DataTransfer", "") else {
            panic!("{text}")
        };
        assert_eq!(transfer.data.as_deref(), Some(data));
    }
    station("{}", "DataTransfer", "missing_field(vendorId)");
}
