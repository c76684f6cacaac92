//! What stations tell besides transactions, in each version: kept, answered by the book, and nothing invented.

use charging::network::SiteConfig;

use super::events::{Told, told};
use crate::query::{Query, QueryAnswer};
use crate::record::{NoticeRow, Record, Subject};
use crate::tests::{House, message_id, site};
use crate::{Command, CommandAnswer, Version};

/// A house whose first station speaks `version`, and has booted.
fn house(version: Version) -> House {
    house_at(version, site(100, None))
}

fn house_at(version: Version, site: SiteConfig) -> House {
    let mut house = House::with(site);
    house.speaks("CP1", version);
    house.boot("CP1");
    house
}

fn notices(house: &House) -> Vec<NoticeRow> {
    let notice = |record: &Record| match record {
        Record::Notice(row) => Some(row.as_ref().clone()),
        _ => None,
    };
    house.records().filter_map(notice).collect()
}

/// The subjects and words that were kept.
fn kept(house: &House) -> Vec<(Subject, String)> {
    notices(house).into_iter().map(|row| (row.notice.subject, row.notice.word)).collect()
}

fn send(house: &mut House, action: &str, payload: &str) -> Option<CommandAnswer> {
    house.take();
    let (action, payload) = (action.into(), payload.into());
    house.command(Command::Call { station: "CP1".parse().unwrap(), action, payload })
}

const NEEDS: &str = r#"{"evseId":1,"chargingNeeds":{"requestedEnergyTransfer":"AC_three_phase","acChargingParameters":{"energyAmount":20000,"evMinCurrent":6,"evMaxCurrent":32,"evMaxVoltage":400}}}"#;
const SCHEDULE: &str =
    r#"{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":8.0}]}"#;
const HASH: &str =
    r#"{"hashAlgorithm":"SHA256","issuerNameHash":"aa","issuerKeyHash":"bb","serialNumber":"1f"}"#;

#[test]
fn every_message_of_1_6_and_its_security_whitepaper_is_kept_and_answered() {
    let mut house = house(Version::V16);
    for (action, payload, reply, subject, word) in [
        ("DiagnosticsStatusNotification", r#"{"status":"Uploading"}"#, "[3,{}]", Subject::Log, "Uploading"),
        ("FirmwareStatusNotification", r#"{"status":"Installed"}"#, "[3,{}]", Subject::Firmware, "Installed"),
        (
            "LogStatusNotification",
            r#"{"status":"Uploaded","requestId":7}"#,
            "[3,{}]",
            Subject::Log,
            "Uploaded",
        ),
        (
            "SignedFirmwareStatusNotification",
            r#"{"status":"InvalidSignature","requestId":8}"#,
            "[3,{}]",
            Subject::Firmware,
            "InvalidSignature",
        ),
        (
            "SecurityEventNotification",
            r#"{"type":"TamperDetectionActivated","timestamp":"2026-07-20T12:00:00Z","techInfo":"lid"}"#,
            "[3,{}]",
            Subject::Security,
            "TamperDetectionActivated",
        ),
        (
            "SignCertificate",
            r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}"#,
            r#"[3,{"status":"Rejected"}]"#,
            Subject::Signature,
            "ChargePointCertificate",
        ),
    ] {
        let before = kept(&house).len();
        assert_eq!(house.call("CP1", action, payload), reply, "{action}");
        assert_eq!(kept(&house)[before..], [(subject, word.to_owned())], "{action}");
    }
    let security = notices(&house).into_iter().find(|row| row.notice.subject == Subject::Security).unwrap();
    assert_eq!(security.notice.detail.as_deref(), Some("lid"));
    assert!(security.notice.reported.is_some());
}

#[test]
fn every_message_of_2_0_1_that_tells_something_is_kept_and_answered() {
    for version in [Version::V201, Version::V21] {
        let mut house = house(version);
        let at = r#""generatedAt":"2026-07-20T12:00:00Z","seqNo":0,"requestId":5"#;
        let place = r#""component":{"name":"EVSE","evse":{"id":1}},"variable":{"name":"Power"}"#;
        let limit = format!(
            r#"{{"evseId":1,"chargingLimit":{{"chargingLimitSource":"SO"}},"chargingSchedule":[{SCHEDULE}]}}"#
        );
        let ev_schedule =
            format!(r#"{{"evseId":1,"timeBase":"2026-07-20T12:00:00Z","chargingSchedule":{SCHEDULE}}}"#);
        let profiles = format!(
            r#"{{"evseId":1,"requestId":5,"chargingLimitSource":"CSO","chargingProfile":[{{"id":11,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Relative","chargingSchedule":[{SCHEDULE}]}}]}}"#
        );
        let event = format!(
            r#"{{"generatedAt":"2026-07-20T12:00:00Z","seqNo":0,"eventData":[{{"eventId":3,"timestamp":"2026-07-20T12:00:00Z","trigger":"Alerting","actualValue":"7","eventNotificationType":"CustomMonitor",{place}}}]}}"#
        );
        let notification = match version {
            Version::V21 => r#","eventNotificationType":"CustomMonitor""#,
            Version::V16 | Version::V201 => "",
        };
        let monitors = format!(
            r#"{{{at},"monitor":[{{{place},"variableMonitoring":[{{"id":1,"transaction":false,"value":7.5,"type":"UpperThreshold","severity":4{notification}}}]}}]}}"#
        );
        let report = format!(r#"{{{at},"reportData":[{{{place},"variableAttribute":[{{"value":"7"}}]}}]}}"#);
        let messages = r#"{"requestId":5,"messageInfo":[{"id":1,"priority":"InFront","message":{"format":"UTF8","content":"Hei"}}]}"#;
        for (action, payload, reply, subject, word) in [
            ("ClearedChargingLimit", r#"{"chargingLimitSource":"EMS"}"#, "[3,{}]", Subject::LimitGone, "EMS"),
            (
                "FirmwareStatusNotification",
                r#"{"status":"InstallScheduled","requestId":4}"#,
                "[3,{}]",
                Subject::Firmware,
                "InstallScheduled",
            ),
            ("LogStatusNotification", r#"{"status":"Uploaded"}"#, "[3,{}]", Subject::Log, "Uploaded"),
            ("NotifyChargingLimit", &limit, "[3,{}]", Subject::Limit, "SO"),
            (
                "NotifyCustomerInformation",
                &format!(r#"{{"data":"ANNA was here",{at}}}"#),
                "[3,{}]",
                Subject::Customer,
                "",
            ),
            ("NotifyDisplayMessages", messages, "[3,{}]", Subject::Messages, ""),
            (
                "NotifyEVChargingSchedule",
                &ev_schedule,
                r#"[3,{"status":"Accepted"}]"#,
                Subject::EvSchedule,
                "A",
            ),
            ("NotifyEvent", &event, "[3,{}]", Subject::Event, "Alerting"),
            ("NotifyMonitoringReport", &monitors, "[3,{}]", Subject::Monitors, ""),
            ("NotifyReport", &report, "[3,{}]", Subject::Report, ""),
            (
                "PublishFirmwareStatusNotification",
                r#"{"status":"Published","location":["http://controller/fw"],"requestId":2}"#,
                "[3,{}]",
                Subject::FirmwareHandedOn,
                "Published",
            ),
            ("ReportChargingProfiles", &profiles, "[3,{}]", Subject::Profiles, "CSO"),
            (
                "ReservationStatusUpdate",
                r#"{"reservationId":17,"reservationUpdateStatus":"Expired"}"#,
                "[3,{}]",
                Subject::Reservation,
                "Expired",
            ),
            (
                "SecurityEventNotification",
                r#"{"type":"SettingSystemTime","timestamp":"2026-07-20T12:00:00Z"}"#,
                "[3,{}]",
                Subject::Security,
                "SettingSystemTime",
            ),
        ] {
            let before = kept(&house).len();
            assert_eq!(house.call("CP1", action, payload), reply, "{version}: {action}");
            assert_eq!(kept(&house)[before..], [(subject, word.to_owned())], "{version}: {action}");
        }
        let station = house.station("CP1").row;
        assert!(!station.quirks.contains_key("refused_call"), "{:?}", station.quirks);
        let kept = format!("{:?}", notices(&house));
        assert!(!kept.contains("ANNA was here"), "what is held of a person is not kept");
        assert!(kept.contains("EVSE.Power = 7"), "{kept}");
    }
}

#[test]
fn what_we_cannot_do_is_refused_by_the_book_and_nothing_is_invented() {
    let mut house = house(Version::V201);
    let ocsp =
        format!(r#"{{"ocspRequestData":{{"responderURL":"http://x",{}}}"#, HASH.strip_prefix('{').unwrap());
    for (action, payload, reply) in [
        (
            "SignCertificate",
            r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}"#,
            r#"[3,{"status":"Rejected","statusInfo":{"reasonCode":"NotSupported","additionalInfo":"no authority that signs certificates is configured"}}]"#,
        ),
        (
            "Get15118EVCertificate",
            r#"{"iso15118SchemaVersion":"urn:iso:15118:2:2013:MsgDef","action":"Install","exiRequest":"gJg="}"#,
            r#"[3,{"status":"Failed","statusInfo":{"reasonCode":"NotSupported","additionalInfo":"no contracts of ISO 15118 are kept here"},"exiResponse":""}]"#,
        ),
        (
            "GetCertificateStatus",
            &ocsp,
            r#"[3,{"status":"Failed","statusInfo":{"reasonCode":"NotSupported","additionalInfo":"no responder is asked from here"}}]"#,
        ),
    ] {
        assert_eq!(house.call("CP1", action, payload), reply, "{action}");
    }
}

#[test]
fn s1_what_an_ev_wants_and_what_others_limit_are_hints_and_change_no_ceiling() {
    let mut house = house(Version::V201);
    let ceiling = |house: &mut House| match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view.evses[0].control.ceiling,
        other => panic!("{other:?}"),
    };
    let before = ceiling(&mut house);
    assert_eq!(
        house.call("CP1", "NotifyEVChargingNeeds", NEEDS),
        r#"[3,{"status":"Rejected"}]"#,
        "no transaction, no limit"
    );
    assert_eq!(ceiling(&mut house), before);

    super::events::tell(&mut house, "CP1", &Told { evse: Some(1), ..told("Started", 0, 0) });
    let token = Told { token: Some("ANNA"), trigger: Some("Authorized"), ..told("Updated", 1, 0) };
    super::events::tell(&mut house, "CP1", &token);
    house.accept_all("CP1");
    let before = ceiling(&mut house);
    assert_eq!(house.call("CP1", "NotifyEVChargingNeeds", NEEDS), r#"[3,{"status":"Accepted"}]"#);
    for (action, source) in [("NotifyChargingLimit", "SO"), ("ClearedChargingLimit", "SO")] {
        let payload = match action {
            "NotifyChargingLimit" => format!(
                r#"{{"evseId":1,"chargingLimit":{{"chargingLimitSource":"{source}","isGridCritical":true}},"chargingSchedule":[{}]}}"#,
                SCHEDULE.replace("8.0", "63.0")
            ),
            _ => format!(r#"{{"evseId":1,"chargingLimitSource":"{source}"}}"#),
        };
        assert_eq!(house.call("CP1", action, &payload), "[3,{}]");
        assert_eq!(ceiling(&mut house), before, "{action}");
    }
    let needs = notices(&house).into_iter().rfind(|row| row.notice.subject == Subject::EvNeeds).unwrap();
    assert_eq!((needs.notice.evse, needs.notice.word.as_str()), (Some(1), "AC_three_phase"));
    assert!(needs.notice.detail.unwrap().contains(r#""energyAmount":20000"#));
}

#[test]
fn a_notice_is_acknowledged_once_it_is_committed() {
    let mut house = house(Version::V16);
    house.take();
    house.call("CP1", "FirmwareStatusNotification", r#"{"status":"Downloading"}"#);
    let after = house.outputs.iter().rev().find_map(|output| match &output.effect {
        crate::Effect::SendFrame { text, .. } if text.starts_with("[3,") => Some(output.after),
        _ => None,
    });
    let persisted = house.outputs.iter().rev().find_map(|output| match &output.effect {
        crate::Effect::Persist { seq, record } if matches!(**record, Record::Notice(_)) => Some(*seq),
        _ => None,
    });
    assert!(after >= persisted && persisted.is_some(), "{after:?} {persisted:?}");
}

#[test]
fn messages_that_only_ocpp_2_1_has_are_kept_refused_or_not_supported_and_belong_to_its_links() {
    let mut house = house(Version::V21);
    let chain = format!(
        r#"{{"certificateStatusRequests":[{{"certificateHashData":{HASH},"source":"OCSP","urls":["http://x"]}}]}}"#
    );
    let settlement = r#"{"pspRef":"psp-1","status":"Settled","settlementAmount":12.5,"settlementTime":"2026-07-20T12:00:00Z"}"#;
    for (action, payload, reply) in [
        ("NotifyPriorityCharging", r#"{"transactionId":"T-1","activated":true}"#, "[3,{}]"),
        ("NotifySettlement", settlement, "[3,{}]"),
        (
            "PullDynamicScheduleUpdate",
            r#"{"chargingProfileId":11}"#,
            r#"[3,{"status":"Rejected","statusInfo":{"reasonCode":"NotSupported","additionalInfo":"no profile of ours is dynamic"}}]"#,
        ),
        (
            "VatNumberValidation",
            r#"{"vatNumber":"FI12345678","evseId":1}"#,
            r#"[3,{"statusInfo":{"reasonCode":"NotSupported","additionalInfo":"no register of VAT numbers is asked from here"},"vatNumber":"FI12345678","evseId":1,"status":"Rejected"}]"#,
        ),
        (
            "OpenPeriodicEventStream",
            "{}",
            r#"[4,"NotSupported","action OpenPeriodicEventStream is not supported",{}]"#,
        ),
        ("NotifyDERAlarm", "{}", r#"[4,"NotSupported","action NotifyDERAlarm is not supported",{}]"#),
        ("BatterySwap", "{}", r#"[4,"NotSupported","action BatterySwap is not supported",{}]"#),
        ("Teleport", "{}", r#"[4,"NotImplemented","unknown action `Teleport`",{}]"#),
    ] {
        assert_eq!(house.call("CP1", action, payload), reply, "{action}");
    }
    let reply = house.call("CP1", "GetCertificateChainStatus", &chain);
    assert!(reply.contains(r#""status":"Failed","nextUpdate":"2026-"#), "{reply}");
    assert_eq!(
        kept(&house),
        [(Subject::Priority, "Activated".to_owned()), (Subject::Settlement, "Settled".to_owned())]
    );
    // On an older link they are unknown.
    house.down("CP1");
    house.speaks("CP1", Version::V201);
    house.boot("CP1");
    let reply = house.call("CP1", "NotifySettlement", settlement);
    assert_eq!(reply, r#"[4,"NotImplemented","unknown action `NotifySettlement`",{}]"#);
}

#[test]
fn a_transaction_of_2_1_is_the_same_as_one_of_2_0_1_and_what_it_cost_by_the_station_is_kept_once() {
    let mut house = house(Version::V21);
    let tell = super::events::tell;
    tell(
        &mut house,
        "CP1",
        &Told { evse: Some(1), registers: vec![("Transaction.Begin", 1_000)], ..told("Started", 0, 0) },
    );
    let token = Told { token: Some("ANNA"), trigger: Some("Authorized"), ..told("Updated", 1, 0) };
    assert_eq!(tell(&mut house, "CP1", &token), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    let ended = Told {
        registers: vec![("Transaction.End", 3_000)],
        reason: Some("EVDisconnected"),
        ..told("Ended", 2, 60)
    };
    let cost = r#","costDetails":{"totalCost":{"currency":"EUR","typeOfCost":"NormalCost","total":{"exclTax":1.00,"inclTax":1.25}},"totalUsage":{"energy":2000,"chargingTime":60,"idleTime":0}}}"#;
    let payload = ended.payload().strip_suffix('}').unwrap().to_owned() + cost;
    for _ in 0..2 {
        house.call("CP1", "TransactionEvent", &payload);
    }
    assert_eq!(house.cdrs().len(), 1);
    let costs: Vec<NoticeRow> =
        notices(&house).into_iter().filter(|row| row.notice.subject == Subject::Cost).collect();
    let [cost] = &costs[..] else { panic!("{costs:?}") };
    assert_eq!(cost.notice.detail.as_deref(), Some("1.25 EUR with taxes, 1.00 without"));
    assert_eq!(cost.notice.word, "T-1");
    // Costs that cannot be read do not keep an event from its answer (FIELD section 6, trap 3).
    let odd = r#"{"eventType":"Updated","seqNo":0,"timestamp":"2026-07-20T12:10:00Z","triggerReason":"RunningCost","transactionInfo":{"transactionId":"T-2"},"costDetails":{"totalCost":7}}"#;
    assert!(house.call("CP1", "TransactionEvent", odd).starts_with("[3,"), "answered");
}

#[test]
fn messages_without_answer_have_none_and_a_refused_answer_is_noted() {
    let mut house = house(Version::V21);
    house.take();
    let before = house.outputs.len();
    house.frame("CP1", r#"[6,"x1","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"2026-07-20T12:00:00Z","data":[{"t":0,"v":"1"}]}]"#);
    house.frame("CP1", r#"[5,"x2","FormatViolation","interval is odd",{}]"#);
    let sent = house.outputs[before..]
        .iter()
        .filter(|output| matches!(output.effect, crate::Effect::SendFrame { .. }));
    assert_eq!(sent.count(), 0);
    let quirks = house.station("CP1").row.quirks;
    assert!(quirks.contains_key("unanswered_message") && quirks.contains_key("answer_refused"), "{quirks:?}");
    // A link of 2.0.1 knows neither.
    house.down("CP1");
    house.speaks("CP1", Version::V201);
    house.boot("CP1");
    house.frame("CP1", r#"[6,"x1","NotifyPeriodicEventStream",{}]"#);
    assert!(house.station("CP1").row.quirks.contains_key("broken_frame"));
}

#[test]
fn an_answer_that_cannot_be_read_is_refused_in_ocpp_2_1_and_only_there() {
    let cases = [
        ("ClearCache", "{}", "{}", r#""OccurrenceConstraintViolation""#),
        ("ClearCache", "{}", r#"{"status":{}}"#, r#""TypeConstraintViolation""#),
        ("GetLocalListVersion", "{}", "{}", r#""OccurrenceConstraintViolation""#),
        ("GetTariffs", r#"{"evseId":1}"#, "{}", r#""OccurrenceConstraintViolation""#),
        ("ClearCache", "{}", "7", r#""FormatViolation""#),
    ];
    for version in [Version::V21, Version::V201] {
        for (action, asked, answer, code) in cases {
            if version == Version::V201 && action == "GetTariffs" {
                continue;
            }
            let mut house = house(version);
            house.accept_all("CP1");
            let call = Command::Call {
                station: "CP1".parse().unwrap(),
                action: action.into(),
                payload: asked.into(),
            };
            assert_eq!(house.command(call), None, "{action}");
            let id = message_id(&house.calls_to("CP1").pop().unwrap());
            let before = house.outputs.len();
            house.frame("CP1", &format!(r#"[3,"{id}",{answer}]"#));
            let sent: Vec<String> = house.outputs[before..].iter().map(|output| house.line(output)).collect();
            let refused = format!(r#"to CP1 [5,"{id}",{code}"#);
            let is_refused = sent.iter().any(|line| line.starts_with(&refused));
            assert_eq!(is_refused, version == Version::V21, "{action} {answer}: {sent:#?}");
            assert!(house.last_answer().is_some(), "whoever asked waits no longer");
        }
        let mut house = house(version);
        let before = house.outputs.len();
        house.frame("CP1", r#"[3,"4711",{"status":7}]"#);
        let lines: Vec<String> = house.outputs[before..].iter().map(|output| house.line(output)).collect();
        assert!(
            !lines.iter().any(|line| line.contains("[5,")),
            "what answers no call of ours is not answered"
        );
    }
}

#[test]
fn any_action_of_a_version_can_be_sent_as_the_standard_has_it() {
    let hash = format!(r#"{{"certificateHashData":{HASH}}}"#);
    let firmware = r#"{"requestId":1,"firmware":{"location":"https://x/fw.bin","retrieveDateTime":"2026-07-20T12:00:00Z"}}"#;
    let log = r#"{"logType":"SecurityLog","requestId":1,"log":{"remoteLocation":"https://x/logs"}}"#;
    let token = r#"{"idToken":"ANNA","type":"Central"}"#;
    let reserve =
        format!(r#"{{"id":1,"expiryDateTime":"2026-07-20T13:00:00Z","idToken":{token},"evseId":1}}"#);
    let customer = format!(r#"{{"requestId":1,"report":true,"clear":false,"idToken":{token}}}"#);
    let place = r#""component":{"name":"EVSE"},"variable":{"name":"Power"}"#;
    let monitor =
        format!(r#"{{"setMonitoringData":[{{"value":7.5,"type":"UpperThreshold","severity":4,{place}}}]}}"#);
    let shared: Vec<(&str, &str)> = vec![
        ("CancelReservation", r#"{"reservationId":1}"#),
        ("CertificateSigned", r#"{"certificateChain":"-----BEGIN"}"#),
        ("ClearDisplayMessage", r#"{"id":1}"#),
        ("ClearVariableMonitoring", r#"{"id":[1]}"#),
        ("CostUpdated", r#"{"totalCost":1.25,"transactionId":"T-1"}"#),
        ("CustomerInformation", &customer),
        ("DeleteCertificate", &hash),
        ("GetChargingProfiles", r#"{"requestId":1,"chargingProfile":{"stackLevel":0}}"#),
        ("GetDisplayMessages", r#"{"requestId":1}"#),
        ("GetInstalledCertificateIds", "{}"),
        ("GetLocalListVersion", "{}"),
        ("GetLog", log),
        ("GetMonitoringReport", r#"{"requestId":1,"monitoringCriteria":["DeltaMonitoring"]}"#),
        ("GetReport", r#"{"requestId":1,"componentCriteria":["Problem"]}"#),
        ("InstallCertificate", r#"{"certificateType":"CSMSRootCertificate","certificate":"-----BEGIN"}"#),
        (
            "PublishFirmware",
            r#"{"location":"https://x/fw","checksum":"d41d8cd98f00b204e9800998ecf8427e","requestId":1}"#,
        ),
        ("ReserveNow", &reserve),
        ("SendLocalList", r#"{"versionNumber":2,"updateType":"Full"}"#),
        (
            "SetDisplayMessage",
            r#"{"message":{"id":1,"priority":"InFront","message":{"format":"UTF8","content":"Hei"}}}"#,
        ),
        ("SetMonitoringBase", r#"{"monitoringBase":"FactoryDefault"}"#),
        ("SetMonitoringLevel", r#"{"severity":5}"#),
        ("SetVariableMonitoring", &monitor),
        ("UnpublishFirmware", r#"{"checksum":"d41d8cd98f00b204e9800998ecf8427e"}"#),
        ("UpdateFirmware", firmware),
    ];
    let of_16: Vec<(&str, &str)> = vec![
        ("CancelReservation", r#"{"reservationId":1}"#),
        ("CertificateSigned", r#"{"certificateChain":"-----BEGIN"}"#),
        ("DeleteCertificate", &hash),
        ("ExtendedTriggerMessage", r#"{"requestedMessage":"SignChargePointCertificate"}"#),
        ("GetDiagnostics", r#"{"location":"ftp://x/","retries":2}"#),
        ("GetInstalledCertificateIds", r#"{"certificateType":"CentralSystemRootCertificate"}"#),
        ("GetLocalListVersion", "{}"),
        ("GetLog", log),
        (
            "InstallCertificate",
            r#"{"certificateType":"ManufacturerRootCertificate","certificate":"-----BEGIN"}"#,
        ),
        (
            "ReserveNow",
            r#"{"connectorId":1,"expiryDate":"2026-07-20T13:00:00Z","idTag":"ANNA","reservationId":1}"#,
        ),
        (
            "SendLocalList",
            r#"{"listVersion":2,"updateType":"Differential","localAuthorizationList":[{"idTag":"BOB"}]}"#,
        ),
        (
            "SignedUpdateFirmware",
            r#"{"requestId":1,"firmware":{"location":"https://x","retrieveDateTime":"2026-07-20T12:00:00Z","signingCertificate":"-----BEGIN","signature":"aa=="}}"#,
        ),
        ("UpdateFirmware", r#"{"location":"ftp://x/fw","retrieveDate":"2026-07-20T12:00:00Z"}"#),
    ];
    let tariff = r#"{"tariffId":"t","currency":"EUR","energy":{"prices":[{"priceKwh":0.25}]}}"#;
    let set_tariff = format!(r#"{{"evseId":0,"tariff":{tariff}}}"#);
    let change_tariff = format!(r#"{{"transactionId":"T-1","tariff":{tariff}}}"#);
    let of_21: Vec<(&str, &str)> = vec![
        ("ChangeTransactionTariff", &change_tariff),
        ("ClearTariffs", "{}"),
        ("GetTariffs", r#"{"evseId":0}"#),
        (
            "NotifyAllowedEnergyTransfer",
            r#"{"transactionId":"T-1","allowedEnergyTransfer":["AC_three_phase"]}"#,
        ),
        ("NotifyWebPaymentStarted", r#"{"evseId":1,"timeout":60}"#),
        ("SetDefaultTariff", &set_tariff),
    ];
    let of_21 = [shared.clone(), of_21].concat();
    for (version, actions) in [(Version::V16, of_16), (Version::V201, shared), (Version::V21, of_21)] {
        let mut house = house(version);
        for (action, payload) in actions {
            assert_eq!(send(&mut house, action, payload), None, "{version}: {action} goes out");
            let calls = house.calls_to("CP1");
            assert!(calls[0].ends_with(&format!(r#""{action}",{payload}]"#)), "{calls:?}");
            house.frame("CP1", &format!(r#"[3,"{}",{{"status":"Accepted"}}]"#, message_id(&calls[0])));
            let told = Some(CommandAnswer::Station(r#"{"status":"Accepted"}"#.into()));
            assert_eq!(house.last_answer(), told, "{version}: {action}");
        }
    }
}

#[test]
fn what_the_standard_does_not_have_is_not_sent_and_the_reason_names_it() {
    for (version, action, payload, want) in [
        (
            Version::V16,
            "GetLog",
            r#"{"logType":"SecurityLog","log":{"remoteLocation":"x"}}"#,
            "requestId is missing",
        ),
        (
            Version::V16,
            "ReserveNow",
            r#"{"connectorId":1,"idTag":"ANNA","reservationId":1}"#,
            "expiryDate is missing",
        ),
        (
            Version::V16,
            "UpdateFirmware",
            r#"{"location":"ftp://x","retrieveDate":"tomorrow"}"#,
            "retrieveDate",
        ),
        (Version::V16, "Reset", r#"{"type":"Hard","force":true}"#, "the standard has no force here"),
        (Version::V16, "Reset", r#"{"type":"hard"}"#, "misspelt_word(type)"),
        (
            Version::V16,
            "Reset",
            r#"{"type":"Hard","type":"Soft"}"#,
            "the standard has no type here, or has it once",
        ),
        (
            Version::V16,
            "TriggerMessage",
            r#"{"requestedMessage":"SignChargePointCertificate"}"#,
            "requestedMessage",
        ),
        (Version::V201, "SetMonitoringLevel", r#"{"severity":"5"}"#, "text_as_number(severity)"),
        (Version::V201, "Reset", r#"{"type":"ImmediateAndResume"}"#, "type"),
        (Version::V201, "GetTariffs", r#"{"evseId":0}"#, "is no OCPP 2.0.1 action of ours"),
        (
            Version::V201,
            "GetReport",
            r#"{"requestId":1,"componentVariable":[{"component":{"name":"EVSE","color":"red"}}]}"#,
            "the standard has no color here",
        ),
        (Version::V21, "SetDERControl", "{}", "SetDERControl is not supported"),
        (
            Version::V21,
            "SetVariableMonitoring",
            r#"{"setMonitoringData":[{"value":1,"type":"Periodic","severity":9,"periodicEventStream":{"interval":5},"component":{"name":"EVSE"},"variable":{"name":"Power"}}]}"#,
            "streams of events are not taken",
        ),
    ] {
        let mut house = house(version);
        let Some(CommandAnswer::Refused(reasons)) = send(&mut house, action, payload) else {
            panic!("{action} {payload} is refused")
        };
        assert!(reasons[0].contains(want), "{action}: {reasons:?}");
        assert_eq!(house.calls_to("CP1"), [""; 0], "{action}");
    }
    // Vendors' own data is the standard's.
    let mut house = house(Version::V201);
    let own = r#"{"type":"OnIdle","customData":{"vendorId":"org.example","color":"red"}}"#;
    assert_eq!(send(&mut house, "Reset", own), None);
}

#[test]
fn s1_calls_of_2_1_that_bear_limits_or_let_energy_out_are_refused() {
    for (action, payload) in [
        ("UpdateDynamicSchedule", r#"{"chargingProfileId":11,"scheduleUpdate":{"limit":32.0}}"#),
        ("UsePriorityCharging", r#"{"transactionId":"T-1","activate":true}"#),
        ("NotifyAllowedEnergyTransfer", r#"{"transactionId":"T-1","allowedEnergyTransfer":["AC_BPT"]}"#),
    ] {
        let mut house = house(Version::V21);
        let Some(CommandAnswer::Refused(reasons)) = send(&mut house, action, payload) else {
            panic!("{action} is refused")
        };
        assert!(reasons[0].starts_with("S1"), "{action}: {reasons:?}");
    }
}

#[test]
fn s1_a_list_that_admits_goes_only_where_control_counts_with_starts_that_nobody_accepted() {
    let list = r#"{"listVersion":1,"updateType":"Full","localAuthorizationList":[{"idTag":"ANNA","idTagInfo":{"status":"Accepted"}}]}"#;
    let mut counted = site(100, None);
    for evse in &mut counted.evses {
        evse.starts_alone = true;
    }
    let mut house = house_at(Version::V16, counted);
    assert_eq!(send(&mut house, "SendLocalList", list), None, "control counts with it");
    let mut house = house_at(Version::V16, site(100, None));
    let Some(CommandAnswer::Refused(reasons)) = send(&mut house, "SendLocalList", list) else {
        panic!("refused")
    };
    assert!(reasons[0].starts_with("S1") && reasons[0].contains("starts_alone"), "{reasons:?}");
    let blocked = list.replace("Accepted", "Blocked");
    assert_eq!(send(&mut house, "SendLocalList", &blocked), None, "it admits nobody");
}
