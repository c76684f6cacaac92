//! Jobs and their errands.

use serde_json::json;
use units::{StationId, TimeSpan, Timestamp};

use super::{
    answer, asked, at, audit, begin, errand, house, house_speaking, job, order, refused, restart, states,
    upkeep,
};
use crate::query::{Query, QueryAnswer};
use crate::tests::{BOOT, House};
use crate::upkeep::{Answered, ErrandState, JobOrder, JobState, Plan, Received, Selection, UpkeepCommand};
use crate::{Alarm, CommandAnswer, Version};

const FIRMWARE: &str = "https://firmware.example/1.3.bin";

fn firmware(plan: Plan) -> JobOrder {
    JobOrder { plan, ..order(json!({"do": "firmware", "url": FIRMWARE, "version": "1.3"})) }
}

fn tell_firmware(house: &mut House, station: &str, status: &str) {
    let reply = house.call(station, "FirmwareStatusNotification", &format!(r#"{{"status":"{status}"}}"#));
    assert_eq!(reply, "[3,{}]");
}

/// The station comes up with a firmware version.
fn boot_with(house: &mut House, station: &str, version: &str) {
    house.down(station);
    house.up(station);
    house.call(station, "BootNotification", &BOOT.replace(r#""1.2""#, &format!("{version:?}")));
}

#[test]
fn a_group_is_asked_at_once_and_each_answer_is_kept_with_who_asked() {
    let mut house = house();
    let number = begin(&mut house, order(json!({"do": "reset", "how": "hard"})));
    assert_eq!(states(&house, number), [ErrandState::Asked; 2]);
    assert_eq!(answer(&mut house, "CP1", &json!({"status": "Accepted"})).1, json!({"type": "Hard"}));
    house.take();
    assert_eq!(job(&house, number).state, JobState::Running);
    // The other one gives no answer in time.
    house.pass(31);
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Failed]);
    assert_eq!(errand(&house, number, "CP2").word, "not answered: the station did not answer in time");
    assert_eq!(job(&house, number).state, JobState::Ended);
    let lines: Vec<String> = audit(&house)
        .into_iter()
        .filter_map(|row| Some(format!("{} {} {}: {}", row.station?, row.actor, row.what, row.outcome)))
        .collect();
    assert_eq!(
        lines,
        [
            "CP1 anna job 1: reset at once: Accepted",
            "CP2 anna job 1: reset at once: not answered: the station did not answer in time"
        ]
    );
}

#[test]
fn stations_are_selected_by_site_name_and_model() {
    let pattern = |text: &str| crate::upkeep::Pattern(text.to_owned());
    for (selection, wanted) in [
        (at("CP2"), Ok(1)),
        (Selection { site: Some("house".parse().unwrap()), ..Selection::default() }, Ok(2)),
        (Selection { model: pattern("wall*"), ..Selection::default() }, Ok(2)),
        (Selection { vendor: pattern("ABB"), ..Selection::default() }, Err("no station is as selected")),
        (
            Selection { site: Some("barn".parse().unwrap()), ..Selection::default() },
            Err("site barn does not exist"),
        ),
        (at("CP9"), Err("station CP9 is unknown")),
    ] {
        let mut house = house();
        let order = JobOrder { selection, ..order(json!({"do": "clear_cache"})) };
        match (upkeep(&mut house, UpkeepCommand::Begin(Box::new(order))), wanted) {
            (Some(CommandAnswer::Numbered(_)), Ok(count)) => {
                let calls = house.take();
                assert_eq!(
                    calls.iter().filter(|line| line.contains("ClearCache")).count(),
                    count,
                    "{calls:?}"
                );
            }
            (answer, Err(reason)) => assert!(refused(answer.clone()).contains(reason), "{answer:?}"),
            (answer, wanted) => panic!("{answer:?} {wanted:?}"),
        }
    }
}

#[test]
fn s1_a_call_to_a_group_that_bears_limits_is_refused_for_all_of_it() {
    let mut house = house();
    for (action, payload) in [
        ("ClearChargingProfile", json!({})),
        ("ChangeConfiguration", json!({"key": "MaxCurrent", "value": "32"})),
        ("RemoteStartTransaction", json!({"connectorId": 1, "idTag": "ANNA"})),
    ] {
        let work = json!({"do": "call", "action": action, "payload": payload});
        let reasons = refused(upkeep(&mut house, UpkeepCommand::Begin(Box::new(order(work)))));
        assert!(reasons.contains("S1") || reasons.contains("by its own command"), "{action}: {reasons}");
        assert_eq!([asked(&mut house, "CP1"), asked(&mut house, "CP2")], [vec![], vec![]], "{action}");
    }
}

#[test]
fn a_job_with_mistakes_is_refused_with_all_of_them() {
    let mut house = house();
    let plan = Plan { waves: vec![1, 0], patience_minutes: 0, ..Plan::default() };
    let work = json!({"do": "firmware", "url": "file:///etc/passwd"});
    let reasons =
        refused(upkeep(&mut house, UpkeepCommand::Begin(Box::new(JobOrder { plan, ..order(work) }))));
    for part in ["a wave of no stations", "patience_minutes is 0", "cannot be fetched"] {
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
    for (work, part) in [
        (json!({"do": "unlock", "evse": 2}), "station CP1 has no EVSE 2"),
        (
            json!({"do": "move", "url": "wss://other.example"}),
            "OCPP 1.6 has no message that changes the backend",
        ),
        (json!({"do": "move", "url": "https://other.example", "key": "Url"}), "is no address of a backend"),
        (json!({"do": "call", "action": "Teleport"}), "is no OCPP 1.6 action"),
        (
            json!({"do": "firmware", "url": FIRMWARE, "signed": {"certificate": "MIIB", "signature": "aGVs"}}),
            "signed.certificate has 4 characters: give one certificate as PEM",
        ),
        (
            json!({"do": "firmware", "url": FIRMWARE, "signed":
                {"certificate": "-----BEGIN CERTIFICATE-----", "signature": "a b"}}),
            "signed.signature has 3 characters: give base64",
        ),
    ] {
        let reasons = refused(upkeep(&mut house, UpkeepCommand::Begin(Box::new(order(work)))));
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
}

#[test]
fn one_station_is_answered_for_at_the_end_and_at_once_where_it_is_away() {
    let mut house = house();
    let now = |station| JobOrder {
        selection: at(station),
        within: TimeSpan::ZERO,
        answered: Answered::AtTheEnd,
        ..order(json!({"do": "unlock", "evse": 1}))
    };
    assert_eq!(upkeep(&mut house, UpkeepCommand::Begin(Box::new(now("CP1")))), None);
    answer(&mut house, "CP1", &json!({"status": "UnlockFailed"}));
    assert_eq!(house.last_answer(), Some(CommandAnswer::Numbered(1)));
    let ended = errand(&house, 1, "CP1");
    assert_eq!((ended.state, ended.word.as_str()), (ErrandState::Failed, "UnlockFailed"));
    house.down("CP1");
    let answer = upkeep(&mut house, UpkeepCommand::Begin(Box::new(now("CP1"))));
    assert_eq!(answer, Some(CommandAnswer::NoAnswer("the station is offline".into())));
}

#[test]
fn who_is_away_is_waited_for_and_missed_at_last() {
    let mut house = house();
    house.down("CP1");
    house.down("CP2");
    let number = begin(&mut house, order(json!({"do": "clear_cache"})));
    assert_eq!(states(&house, number), [ErrandState::Waiting; 2]);
    house.pass(3_600);
    house.boot("CP1");
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Waiting]);
    house.pass(24 * 3_600);
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Missed]);
    assert_eq!(job(&house, number).state, JobState::Ended);
}

#[test]
fn firmware_goes_out_in_waves_and_is_done_once_the_station_boots_with_it() {
    let mut house = house();
    let number = begin(&mut house, firmware(Plan { waves: vec![1], ..Plan::default() }));
    assert_eq!(states(&house, number), [ErrandState::Asked, ErrandState::Waiting]);
    let (action, payload) = answer(&mut house, "CP1", &json!({}));
    assert_eq!((action.as_str(), &payload["location"]), ("UpdateFirmware", &json!(FIRMWARE)));
    for status in ["Downloading", "Downloaded", "Installing"] {
        tell_firmware(&mut house, "CP1", status);
        let errand = errand(&house, number, "CP1");
        assert_eq!((errand.state, errand.word.as_str()), (ErrandState::Following, status));
    }
    assert_eq!(asked(&mut house, "CP2"), [], "its wave comes later");
    boot_with(&mut house, "CP1", "1.3");
    assert_eq!(errand(&house, number, "CP1").word, "it runs firmware 1.3");
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Asked]);
    // The second one says that it is installed, and runs something else.
    answer(&mut house, "CP2", &json!({}));
    tell_firmware(&mut house, "CP2", "Installed");
    assert_eq!(states(&house, number)[1], ErrandState::Following);
    house.pass(2 * 3_600);
    let second = errand(&house, number, "CP2");
    assert_eq!(
        (second.state, second.word.as_str()),
        (ErrandState::Failed, "nothing new for 120 min, last: Installed")
    );
    assert_eq!(job(&house, number).state, JobState::Ended);
    // Who has it is left alone.
    let again = begin(&mut house, JobOrder { selection: at("CP1"), ..firmware(Plan::default()) });
    assert_eq!(errand(&house, again, "CP1").word, "it has firmware 1.3 already");
}

fn alarms(house: &mut House) -> Vec<Alarm> {
    let QueryAnswer::Alarms(standing) = house.query(Query::Alarms) else { panic!("alarms") };
    let of_jobs = |alarm: &Alarm| matches!(alarm, Alarm::JobStopped { .. });
    standing.into_iter().map(|view| view.alarm).filter(of_jobs).collect()
}

#[test]
fn the_alarm_of_a_stopped_campaign_outlives_a_restart_and_ends_with_the_job() {
    let mut house = house();
    let plan = Plan { waves: vec![1], failures_max: Some(0), ..Plan::default() };
    let number = begin(&mut house, firmware(plan));
    answer(&mut house, "CP1", &json!({}));
    tell_firmware(&mut house, "CP1", "InvalidSignature");
    let mut house = restart(house);
    house.pass(1);
    assert_eq!(alarms(&mut house), [Alarm::JobStopped { job: number }]);
    assert_eq!(upkeep(&mut house, UpkeepCommand::Cancel { job: number }), Some(CommandAnswer::Done));
    assert_eq!(alarms(&mut house), []);
}

#[test]
fn signed_firmware_goes_out_in_each_versions_words_and_its_refusal_is_a_failure() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let signed = json!({"certificate": certificate, "signature": "aGVsbG8="});
    let work = json!({"do": "firmware", "url": FIRMWARE, "version": "1.3", "signed": signed});
    for (version, action) in [
        (Version::V16, "SignedUpdateFirmware"),
        (Version::V201, "UpdateFirmware"),
        (Version::V21, "UpdateFirmware"),
    ] {
        for (answered, last) in [
            ("InvalidCertificate", ErrandState::Failed),
            ("RevokedCertificate", ErrandState::Failed),
            ("Accepted", ErrandState::Following),
            ("AcceptedCanceled", ErrandState::Following),
        ] {
            let mut house = house_speaking(version);
            let number = begin(&mut house, JobOrder { selection: at("CP1"), ..order(work.clone()) });
            let (asked, payload) = answer(&mut house, "CP1", &json!({"status": answered}));
            assert_eq!(asked, action, "{version}");
            let firmware = &payload["firmware"];
            assert_eq!(firmware["signingCertificate"], certificate, "{version}");
            assert_eq!(
                (&firmware["signature"], &firmware["location"]),
                (&json!("aGVsbG8="), &json!(FIRMWARE))
            );
            assert_eq!(payload["requestId"], number);
            assert_eq!(errand(&house, number, "CP1").state, last, "{version} {answered}");
        }
    }
    let mut house = house();
    let number = begin(&mut house, JobOrder { selection: at("CP1"), ..order(work) });
    answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    for (status, state) in
        [("SignatureVerified", ErrandState::Following), ("InstallVerificationFailed", ErrandState::Failed)]
    {
        let told = format!(r#"{{"status":"{status}","requestId":{number}}}"#);
        assert_eq!(house.call("CP1", "SignedFirmwareStatusNotification", &told), "[3,{}]");
        assert_eq!(errand(&house, number, "CP1").state, state, "{status}");
    }
}

#[test]
fn a_campaign_stops_on_failure_and_goes_on_when_an_operator_says_so() {
    let mut house = house();
    let plan = Plan { waves: vec![1], failures_max: Some(0), ..Plan::default() };
    let number = begin(&mut house, firmware(plan));
    answer(&mut house, "CP1", &json!({}));
    tell_firmware(&mut house, "CP1", "InstallationFailed");
    assert_eq!(states(&house, number), [ErrandState::Failed, ErrandState::Waiting]);
    assert_eq!(job(&house, number).state, JobState::Stopped);
    assert!(audit(&house).last().unwrap().outcome.starts_with("stopped: 1 stations failed"));
    let stopped = Alarm::JobStopped { job: number };
    assert_eq!(alarms(&mut house), [stopped], "a person must look");
    house.pass(600);
    let is_asked =
        |house: &mut House| house.accept_all("CP2").iter().any(|call| call.contains("UpdateFirmware"));
    assert!(!is_asked(&mut house));
    assert_eq!(upkeep(&mut house, UpkeepCommand::Resume { job: number }), Some(CommandAnswer::Done));
    assert_eq!(alarms(&mut house), [], "somebody did");
    assert!(is_asked(&mut house));
    tell_firmware(&mut house, "CP2", "DownloadFailed");
    let last = job(&house, number);
    assert_eq!(last.state, JobState::Ended, "nothing is left to stop");
    let reasons = refused(upkeep(&mut house, UpkeepCommand::Resume { job: number }));
    assert!(reasons.contains("has ended"), "{reasons}");
}

#[test]
fn a_cancelled_job_begins_nothing_further_and_hears_out_what_goes_on() {
    let mut house = house();
    let number = begin(&mut house, firmware(Plan { waves: vec![1], ..Plan::default() }));
    answer(&mut house, "CP1", &json!({}));
    assert_eq!(upkeep(&mut house, UpkeepCommand::Cancel { job: number }), Some(CommandAnswer::Done));
    assert_eq!(states(&house, number), [ErrandState::Following, ErrandState::Missed]);
    boot_with(&mut house, "CP1", "1.3");
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Missed]);
    let row = job(&house, number);
    assert_eq!((row.state, row.ended_at.is_some()), (JobState::Cancelled, true));
}

#[test]
fn a_campaign_waits_for_its_hours_by_the_clock_of_the_site_and_for_the_end_of_a_transaction() {
    // Noon UTC is 14:00 in Helsinki.
    let mut house = house();
    let plan = Plan {
        window: Some(serde_json::from_value(json!({"from": "16:00", "until": "17:00"})).unwrap()),
        waits_for_idle: true,
        ..Plan::default()
    };
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 0);
    house.accept_all("CP1");
    house.take();
    let number = begin(&mut house, firmware(plan));
    house.pass(7_200 - 20);
    assert_eq!(states(&house, number), [ErrandState::Waiting; 2], "{}", house.now);
    house.pass(60);
    assert_eq!(states(&house, number), [ErrandState::Waiting, ErrandState::Asked]);
    house.stop("CP1", "1", 100);
    house.accept_all("CP1");
    house.pass(60);
    assert_eq!(states(&house, number)[0], ErrandState::Asked);
}

#[test]
fn a_campaign_goes_on_after_a_restart_and_asks_again_where_the_answer_was_lost() {
    let mut house = house();
    let number = begin(&mut house, firmware(Plan { waves: vec![1], ..Plan::default() }));
    assert_eq!(errand(&house, number, "CP1").state, ErrandState::Asked);
    let mut house = restart(house);
    assert_eq!(states(&house, number), [ErrandState::Waiting; 2]);
    house.boot("CP1");
    assert_eq!(states(&house, number), [ErrandState::Following, ErrandState::Waiting]);
    assert_eq!(errand(&house, number, "CP1").attempts, 2);
    let mut house = restart(house);
    house.boot("CP2");
    assert_eq!(states(&house, number), [ErrandState::Following, ErrandState::Waiting]);
    house.up("CP1");
    house.call("CP1", "BootNotification", &BOOT.replace(r#""1.2""#, r#""1.3""#));
    assert_eq!(states(&house, number), [ErrandState::Done, ErrandState::Asked]);
}

#[test]
fn what_cannot_be_asked_twice_is_not_asked_again_after_a_restart() {
    let mut house = house();
    let number = begin(&mut house, order(json!({"do": "reset"})));
    let house = restart(house);
    assert_eq!(states(&house, number), [ErrandState::Failed; 2]);
    assert_eq!(errand(&house, number, "CP1").word, "not answered: the server was restarted");
}

#[test]
fn diagnostics_are_done_once_the_file_came_to_an_address_that_only_one_station_knows() {
    let mut house = house();
    let number = begin(&mut house, order(json!({"do": "diagnostics", "from": "2026-01-14T00:00:00Z"})));
    let (action, first) = answer(&mut house, "CP1", &json!({"fileName": "log.zip"}));
    assert_eq!(
        (action.as_str(), &first["startTime"]),
        ("GetDiagnostics", &json!("2026-01-14T00:00:00.000Z"))
    );
    let url = first["location"].as_str().unwrap();
    assert!(url.starts_with("https://csms.example/upload/") && url.len() > 60, "{url}");
    let (_, second) = answer(&mut house, "CP2", &json!({}));
    assert_ne!(second["location"], first["location"]);
    assert_eq!(states(&house, number), [ErrandState::Following, ErrandState::Failed], "CP2 names no file");
    let received =
        || Received { at: house_time(), name: "log.zip".to_owned(), bytes: 10, sha256: "00".repeat(32) };
    let take = |upload| UpkeepCommand::Received { upload, received: received() };
    assert_eq!(upkeep(&mut house, take(1)), Some(CommandAnswer::Done));
    assert_eq!(states(&house, number)[0], ErrandState::Done);
    let reasons = refused(upkeep(&mut house, take(1)));
    assert!(reasons.contains("is not waited for"), "once only: {reasons}");
    house.pass(3 * 24 * 3_600);
    let reasons = refused(upkeep(&mut house, take(2)));
    assert!(reasons.contains("waited for until"), "not for ever: {reasons}");
}

fn house_time() -> Timestamp {
    crate::tests::NOON.parse().unwrap()
}

#[test]
fn an_upload_that_fails_is_told() {
    let mut house = house();
    let number = begin(&mut house, JobOrder { selection: at("CP1"), ..order(json!({"do": "diagnostics"})) });
    answer(&mut house, "CP1", &json!({"fileName": "log.zip"}));
    house.call("CP1", "DiagnosticsStatusNotification", r#"{"status":"Uploading"}"#);
    house.call("CP1", "DiagnosticsStatusNotification", r#"{"status":"UploadFailed"}"#);
    let ended = errand(&house, number, "CP1");
    assert_eq!((ended.state, ended.word.as_str()), (ErrandState::Failed, "UploadFailed"));
}

#[test]
fn another_stations_progress_concerns_nobody_else() {
    let mut house = house();
    let number = begin(&mut house, JobOrder { selection: at("CP1"), ..firmware(Plan::default()) });
    answer(&mut house, "CP1", &json!({}));
    tell_firmware(&mut house, "CP2", "InstallationFailed");
    assert_eq!(errand(&house, number, "CP1").state, ErrandState::Following);
}

#[test]
fn a_station_moves_by_its_network_profiles_and_is_gone_once_it_has_not_come_back() {
    for version in [Version::V201, Version::V21] {
        moves_by_its_network_profiles(house_speaking(version));
    }
}

fn moves_by_its_network_profiles(mut house: House) {
    let work = json!({"do": "move", "url": "wss://other.example/ocpp", "slot": 2, "security_profile": 2});
    let plan = Plan { patience_minutes: 15, ..Plan::default() };
    let number = begin(&mut house, JobOrder { selection: at("CP1"), plan, ..order(work) });
    let place =
        json!({"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "NetworkConfigurationPriority"}});
    let read = json!({"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "1,3",
        "component": place["component"], "variable": place["variable"]}]});
    let set = json!({"setVariableResult": [{"attributeStatus": "Accepted",
        "component": place["component"], "variable": place["variable"]}]});
    assert_eq!(answer(&mut house, "CP1", &read).0, "GetVariables");
    let (action, profile) = answer(&mut house, "CP1", &json!({"status": "Accepted"}));
    assert_eq!((action.as_str(), &profile["configurationSlot"]), ("SetNetworkProfile", &json!(2)));
    assert_eq!(profile["connectionData"]["ocppCsmsUrl"], "wss://other.example/ocpp");
    let (_, priority) = answer(&mut house, "CP1", &set);
    assert_eq!(priority["setVariableData"][0]["attributeValue"], "2,1,3", "the old ones are the way back");
    assert_eq!(answer(&mut house, "CP1", &json!({"status": "Scheduled"})).1, json!({"type": "OnIdle"}));
    assert_eq!(errand(&house, number, "CP1").state, ErrandState::Following);
    house.down("CP1");
    house.pass(15 * 60);
    let ended = errand(&house, number, "CP1");
    assert_eq!((ended.state, ended.word.as_str()), (ErrandState::Done, "it has not come back for 15 min"));
}

#[test]
fn a_move_is_taken_back_where_the_station_comes_back() {
    let mut house = house();
    let work = json!({"do": "move", "url": "ws://other.example/ocpp", "key": "CentralSystemUrl"});
    let number = begin(&mut house, JobOrder { selection: at("CP1"), ..order(work) });
    let value = json!({"configurationKey": [{"key": "CentralSystemUrl", "readonly": false, "value": "ws://here/ocpp"}]});
    answer(&mut house, "CP1", &value);
    let (_, change) = answer(&mut house, "CP1", &json!({"status": "RebootRequired"}));
    assert_eq!(change, json!({"key": "CentralSystemUrl", "value": "ws://other.example/ocpp"}));
    assert_eq!(answer(&mut house, "CP1", &json!({"status": "Accepted"})).0, "Reset");
    // A link that breaks is no return.
    house.down("CP1");
    house.up("CP1");
    house.pass(20);
    house.accept_all("CP1");
    assert_eq!(errand(&house, number, "CP1").state, ErrandState::Following);
    house.down("CP1");
    house.pass(120);
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT);
    let back = house.accept_all("CP1");
    assert!(
        back.iter().any(|call| call.contains(r#"{"key":"CentralSystemUrl","value":"ws://here/ocpp"}"#)),
        "{back:?}"
    );
    let ended = errand(&house, number, "CP1");
    assert_eq!(
        (ended.state, ended.word.as_str()),
        (ErrandState::Failed, "it came back; taken back: Accepted")
    );
}

#[test]
fn a_station_that_does_not_tell_its_address_is_not_moved() {
    let mut house = house();
    let work = json!({"do": "move", "url": "ws://other.example/ocpp", "key": "CentralSystemUrl"});
    let number = begin(&mut house, JobOrder { selection: at("CP1"), ..order(work) });
    answer(&mut house, "CP1", &json!({"unknownKey": ["CentralSystemUrl"]}));
    assert_eq!(asked(&mut house, "CP1"), []);
    assert_eq!(errand(&house, number, "CP1").state, ErrandState::Failed);
}

#[test]
fn a_station_out_of_service_is_told_so_again_after_a_boot_and_after_our_restart() {
    let mut house = house();
    let away = JobOrder {
        selection: at("CP2"),
        ..order(json!({"do": "availability", "evse": 2, "is_operative": false}))
    };
    let number = begin(&mut house, away);
    answer(&mut house, "CP2", &json!({"status": "Scheduled"}));
    let ended = errand(&house, number, "CP2");
    assert_eq!((ended.state, ended.word.as_str()), (ErrandState::Done, "Scheduled"));
    let told_again = |house: &mut House| {
        house.up("CP2");
        house.call("CP2", "BootNotification", BOOT);
        let calls = house.accept_all("CP2");
        calls.iter().filter(|call| call.contains(r#"{"connectorId":2,"type":"Inoperative"}"#)).count()
    };
    let mut house = restart(house);
    assert_eq!(told_again(&mut house), 1);
    // All of the station away, and one EVSE back: told in that order.
    for (work, call) in [
        (json!({"do": "availability", "is_operative": false}), r#"{"connectorId":0,"type":"Inoperative"}"#),
        (
            json!({"do": "availability", "evse": 1, "is_operative": true}),
            r#"{"connectorId":1,"type":"Operative"}"#,
        ),
    ] {
        begin(&mut house, JobOrder { selection: at("CP2"), ..order(work) });
        assert!(house.accept_all("CP2").iter().any(|told| told.contains(call)), "{call}");
    }
    house.down("CP2");
    house.up("CP2");
    house.call("CP2", "BootNotification", BOOT);
    let calls = house.accept_all("CP2");
    let place = |call: &str| calls.iter().position(|told| told.contains(call));
    let [away, back] =
        [r#"{"connectorId":0,"type":"Inoperative"}"#, r#"{"connectorId":1,"type":"Operative"}"#].map(place);
    assert!(away.is_some() && away < back, "{calls:?}");
    // All of the station back: its EVSE too.
    let back =
        JobOrder { selection: at("CP2"), ..order(json!({"do": "availability", "is_operative": true})) };
    begin(&mut house, back);
    house.accept_all("CP2");
    let mut house = restart(house);
    assert_eq!(told_again(&mut house), 0);
}

#[test]
fn a_station_taken_from_its_site_ends_its_errands() {
    let mut house = house();
    let number = begin(&mut house, order(json!({"do": "reset"})));
    let mut config = crate::tests::site(100, None);
    let taken: StationId = "CP2".parse().unwrap();
    config.evses.retain(|evse| evse.id.station != taken);
    assert_eq!(house.command(crate::Command::ConfigureSite(Box::new(config))), Some(CommandAnswer::Done));
    assert_eq!(errand(&house, number, "CP2").state, ErrandState::Failed);
}
