//! The same station in OCPP 2.0.1.

use plant::station::{TxStart, TxStop};

use super::*;

fn config() -> StationConfig {
    StationConfig { version: OcppVersion::V201, ..super::config() }
}

fn with(quirk: Quirk) -> StationConfig {
    StationConfig { quirks: vec![quirk], ..config() }
}

/// Of each event: kind, trigger, seqNo, chargingState.
fn events(desk: &Desk) -> Vec<String> {
    desk.heard("TransactionEvent")
        .into_iter()
        .filter(|event| event["triggerReason"] != "MeterValuePeriodic")
        .map(|event| {
            let text = |pointer: &str| event.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            let state = text("/transactionInfo/chargingState");
            format!("{} {} {} {state}", event["seqNo"], text("/eventType"), text("/triggerReason"))
        })
        .collect()
}

fn name_of(event: &Value) -> String {
    event["transactionInfo"]["transactionId"].as_str().unwrap().to_owned()
}

fn running_name(desk: &Desk) -> String {
    match desk.station.transaction(1).unwrap().name.unwrap() {
        TransactionName::Station(name) => name,
        TransactionName::Backend(id) => panic!("the backend named it {id}"),
    }
}

fn profile(desk: &Desk, purpose: &str, level: i64, periods: &[(i64, f64)]) -> Value {
    let periods: Vec<_> =
        periods.iter().map(|(start, limit)| json!({"startPeriod": start, "limit": limit})).collect();
    let mut profile = json!({"id": level * 10 + i64::try_from(purpose.len()).unwrap(), "stackLevel": level,
        "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
        "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "startSchedule": at(desk.now).to_string(),
            "chargingSchedulePeriod": periods}]});
    if purpose == "TxProfile" {
        profile["transactionId"] = running_name(desk).into();
    }
    profile
}

fn set(desk: &mut Desk, evse: i64, profile: Value) -> Value {
    desk.call("SetChargingProfile", json!({"evseId": evse, "chargingProfile": profile}))
}

fn set_limit(desk: &mut Desk, limit: f64) {
    let profile = profile(desk, "TxProfile", 1, &[(0, limit)]);
    assert_eq!(set(desk, 1, profile)["status"], "Accepted");
}

#[test]
fn v201_a_stay_is_told_as_one_transaction_from_its_start_point_to_its_stop_point() {
    let table: [(TxStart, TxStop, &[&str]); 4] = [
        (
            TxStart::PowerPathClosed,
            TxStop::Authorized,
            &[
                "0 Started Authorized Charging",
                "1 Updated ChargingStateChanged SuspendedEVSE",
                "2 Ended StopAuthorized EVConnected",
            ],
        ),
        (
            TxStart::EvConnected,
            TxStop::Authorized,
            &[
                "0 Started CablePluggedIn EVConnected",
                "1 Updated Authorized Charging",
                "2 Updated ChargingStateChanged SuspendedEVSE",
                "3 Ended StopAuthorized EVConnected",
            ],
        ),
        (
            TxStart::Authorized,
            TxStop::EvConnected,
            &[
                "0 Started Authorized Charging",
                "1 Updated ChargingStateChanged SuspendedEVSE",
                "2 Updated StopAuthorized EVConnected",
                "3 Ended EVCommunicationLost Idle",
            ],
        ),
        (
            TxStart::EvConnected,
            TxStop::EvConnected,
            &[
                "0 Started CablePluggedIn EVConnected",
                "1 Updated Authorized Charging",
                "2 Updated ChargingStateChanged SuspendedEVSE",
                "3 Updated StopAuthorized EVConnected",
                "4 Ended EVCommunicationLost Idle",
            ],
        ),
    ];
    for (tx_start, tx_stop, told) in table {
        // Without meter values in between, seqNo counts what is told here.
        let mut desk =
            Desk::new(StationConfig { tx_start, tx_stop, meter_interval: TimeSpan::ZERO, ..config() });
        assert_eq!(desk.actions(), ["BootNotification", "StatusNotification"]);
        desk.wait(10);
        desk.plug(50, "abc");
        desk.wait(60);
        set_limit(&mut desk, 0.0);
        desk.wait(10);
        desk.tap("abc");
        desk.wait(10);
        assert_eq!(desk.current(), Amperes::ZERO);
        desk.unplug();
        desk.wait(5);
        let mut heard = events(&desk);
        heard.retain(|event| !event.ends_with("ChargingStateChanged Charging"));
        assert_eq!(heard, told, "{tx_start:?} {tx_stop:?}");
        let words: Vec<_> = desk
            .heard("StatusNotification")
            .into_iter()
            .map(|status| status["connectorStatus"].as_str().unwrap())
            .collect();
        assert_eq!(words, ["Available", "Occupied", "Available"]);
        let names: std::collections::BTreeSet<_> =
            desk.heard("TransactionEvent").into_iter().map(name_of).collect();
        assert_eq!(names.len(), 1, "one transaction, one name");
    }
}

#[test]
fn v201_registers_stand_at_the_beginning_and_the_end_and_values_between() {
    let mut desk = Desk::new(config());
    desk.plug(2, "abc");
    desk.wait(3 * 60);
    let values: Vec<_> =
        desk.heard("TransactionEvent").into_iter().map(|event| event["meterValue"].clone()).collect();
    let begin = &values[0][0]["sampledValue"][0];
    assert_eq!((&begin["context"], &begin["value"]), (&json!("Transaction.Begin"), &json!(0)));
    let periodic = values.iter().filter(|value| value[0]["sampledValue"][0]["context"] == "Sample.Periodic");
    assert_eq!(periodic.clone().count(), 3);
    let samples = periodic.clone().next_back().unwrap()[0]["sampledValue"].as_array().unwrap().clone();
    assert_eq!(samples.len(), 8);
    assert_eq!(samples[1]["value"], 16, "a number, not a text");
    assert_eq!(samples[1]["unitOfMeasure"]["unit"], "A");
    desk.unplug();
    desk.wait(5);
    let ended = *desk.heard("TransactionEvent").last().unwrap();
    let end = &ended["meterValue"][0]["sampledValue"][0];
    assert_eq!(end["context"], "Transaction.End");
    assert_eq!(end["value"], desk.station.register(1).watt_hours_floor());
    assert_eq!(ended["transactionInfo"]["stoppedReason"], "EVDisconnected");
    assert_eq!(desk.station.queued_transaction_messages(), 0);
}

#[test]
fn v201_offline_events_say_so_and_keep_their_times_numbers_and_contents() {
    let mut desk = Desk::new(StationConfig { offline_start: OfflineStart::AnyToken, ..config() });
    desk.wait(10);
    desk.disconnect();
    desk.plug(50, "abc");
    desk.wait(130);
    desk.unplug();
    desk.wait(60);
    desk.forget();
    desk.connect();
    desk.wait(5);
    assert!(desk.heard("BootNotification").is_empty(), "a boot is told once");
    let heard = desk.heard("TransactionEvent");
    let numbers: Vec<_> = heard.iter().map(|event| event["seqNo"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (0..i64::try_from(heard.len()).unwrap()).collect::<Vec<_>>());
    assert!(heard.iter().all(|event| event["offline"] == true));
    assert_eq!(heard[0]["timestamp"], at(10).to_string());
    assert_eq!(heard.last().unwrap()["timestamp"], at(140).to_string());
    assert_eq!(heard.last().unwrap()["eventType"], "Ended");
}

#[test]
fn v201_an_unanswered_event_is_repeated_under_a_new_id_with_the_same_number() {
    let mut desk = Desk::new(config());
    desk.reply = |action| if action == "TransactionEvent" { Reply::Silence } else { Reply::Answer };
    desk.plug(50, "abc");
    desk.wait(100);
    let tries: Vec<_> = desk.heard.iter().filter(|(action, ..)| action == "TransactionEvent").collect();
    assert_eq!(tries.len(), 3);
    assert!(tries.windows(2).all(|pair| pair[0].1 == pair[1].1 && pair[0].2 != pair[1].2));
}

#[test]
fn v201_a_limit_needs_the_transactions_name_and_its_own_place() {
    let mut desk = Desk::new(config());
    let default = profile(&desk, "TxDefaultProfile", 0, &[(0, 9.0)]);
    assert_eq!(set(&mut desk, 1, default)["status"], "Accepted");
    desk.plug(50, "abc");
    desk.wait(5);
    assert_eq!(desk.current(), amperes(9));
    let mut live = profile(&desk, "TxProfile", 1, &[(0, 14.0), (300, 6.0)]);
    assert_eq!(set(&mut desk, 1, live.clone())["status"], "Accepted");
    desk.wait(5);
    assert_eq!(desk.current(), amperes(14));
    assert_eq!(set(&mut desk, 1, live.clone())["status"], "Accepted", "the same id replaces");
    live["id"] = 4711.into();
    assert_eq!(set(&mut desk, 1, live.clone())["status"], "Rejected", "another id on the same level");
    live["stackLevel"] = 2.into();
    live["transactionId"] = "another".into();
    assert_eq!(set(&mut desk, 1, live.clone())["status"], "Rejected", "another transaction");
    live.as_object_mut().unwrap().remove("transactionId");
    assert_eq!(set(&mut desk, 1, live)["status"], "Rejected", "no transaction");
    let mut cap = profile(&desk, "ChargingStationMaxProfile", 0, &[(0, 7.0)]);
    assert_eq!(set(&mut desk, 1, cap.clone())["status"], "Rejected", "a cap is for the whole station");
    cap["chargingSchedule"] = json!([cap["chargingSchedule"][0], cap["chargingSchedule"][0]]);
    assert_eq!(set(&mut desk, 0, cap)["status"], "Rejected", "many schedules are for ISO 15118");
    let composite = desk.call("GetCompositeSchedule", json!({"evseId": 1, "duration": 600}));
    assert_eq!(composite["schedule"]["chargingSchedulePeriod"][0]["limit"], 14);
    desk.wait(300);
    assert_eq!(desk.current(), amperes(6));
    let clear = json!({"chargingProfileCriteria": {"evseId": 1, "chargingProfilePurpose": "TxProfile"}});
    assert_eq!(desk.call("ClearChargingProfile", clear.clone())["status"], "Accepted");
    assert_eq!(desk.call("ClearChargingProfile", clear)["status"], "Unknown");
    desk.wait(5);
    assert_eq!(desk.current(), amperes(9));
}

#[test]
fn v201_a_request_starts_and_stops_with_its_id_and_profile() {
    for tx_start in [TxStart::EvConnected, TxStart::Authorized, TxStart::PowerPathClosed] {
        let mut desk = Desk::new(StationConfig { tx_start, ..config() });
        let mut profile = profile(&desk, "TxDefaultProfile", 1, &[(0, 8.0)]);
        profile["chargingProfilePurpose"] = "TxProfile".into();
        let request = json!({"remoteStartId": 77, "evseId": 1, "idToken": {"idToken": "app", "type": "Central"},
            "chargingProfile": profile});
        assert_eq!(desk.call("RequestStartTransaction", request.clone())["status"], "Accepted");
        desk.wait(20);
        desk.plug_only(50);
        desk.wait(30);
        assert_eq!(desk.current(), amperes(8), "{tx_start:?}");
        let told = desk.heard("TransactionEvent").into_iter().find(|event| event.get("idToken").is_some());
        assert_eq!(told.unwrap()["idToken"], json!({"idToken": "APP", "type": "Central"}));
        assert_eq!(told.unwrap()["transactionInfo"]["remoteStartId"], 77);
        assert_eq!(desk.call("RequestStartTransaction", request)["status"], "Rejected");
        let name = running_name(&desk);
        let status = desk.call("GetTransactionStatus", json!({"transactionId": name}));
        assert_eq!(status, json!({"ongoingIndicator": true, "messagesInQueue": false}));
        assert_eq!(
            desk.call("UnlockConnector", json!({"evseId": 1, "connectorId": 1}))["status"],
            "OngoingAuthorizedTransaction"
        );
        let stop = |name: &str| json!({ "transactionId": name });
        assert_eq!(desk.call("RequestStopTransaction", stop("other"))["status"], "Rejected");
        assert_eq!(desk.call("RequestStopTransaction", stop(&name))["status"], "Accepted");
        desk.wait(2);
        let ended = *desk.heard("TransactionEvent").last().unwrap();
        assert_eq!((&ended["eventType"], &ended["triggerReason"]), (&json!("Ended"), &json!("RemoteStop")));
        assert_eq!(
            desk.call("UnlockConnector", json!({"evseId": 1, "connectorId": 1}))["status"],
            "Unlocked"
        );
    }
}

#[test]
fn v201_an_authorised_transaction_without_cable_ends_in_time() {
    let mut desk = Desk::new(StationConfig { tx_start: TxStart::Authorized, ..config() });
    desk.tap("abc");
    desk.wait(119);
    assert!(desk.station.transaction(1).is_some());
    desk.wait(2);
    assert!(desk.station.transaction(1).is_none());
    let ended = *desk.heard("TransactionEvent").last().unwrap();
    assert_eq!(ended["triggerReason"], "EVConnectTimeout");
    assert_eq!(ended["transactionInfo"]["stoppedReason"], "Timeout");
    desk.tap("abc");
    desk.wait(60);
    desk.plug_only(50);
    desk.wait(600);
    assert_eq!(desk.current(), amperes(16), "the cable came in time");
}

#[test]
fn v201_a_refused_token_gets_no_energy() {
    for tx_stop in [TxStop::Authorized, TxStop::EvConnected] {
        let mut desk =
            Desk::new(StationConfig { authorization: Authorization::ByStart, tx_stop, ..config() });
        desk.token_status = "Invalid";
        desk.plug(10, "bad");
        desk.wait(60);
        assert_eq!(desk.station.register(1), WattHours::ZERO);
        let trigger = &desk.heard("TransactionEvent").last().unwrap()["triggerReason"];
        assert_ne!(trigger, "Authorized");
        assert_eq!(desk.station.transaction(1).is_some(), tx_stop == TxStop::EvConnected);
    }
    let mut desk = Desk::new(StationConfig { tx_start: TxStart::EvConnected, ..config() });
    desk.token_status = "Blocked";
    desk.plug(10, "bad");
    desk.wait(600);
    assert_eq!(desk.station.transaction(1).unwrap().token, None, "the transaction waits for a token");
    desk.unplug();
    desk.wait(5);
    assert!(desk.heard("TransactionEvent").iter().all(|event| event.get("idToken").is_none()));
}

#[test]
fn v201_variables_are_answered_each_for_itself() {
    let mut desk = Desk::new(config());
    let place = |component: &str, variable: &str| json!({"component": {"name": component}, "variable": {"name": variable}});
    let set = |component: &str, variable: &str, value: &str| {
        let mut item = place(component, variable);
        item["attributeValue"] = value.into();
        item
    };
    let answer = desk.call(
        "SetVariables",
        json!({"setVariableData": [
            set("SampledDataCtrlr", "TxUpdatedInterval", "10"),
            set("sampleddatactrlr", "txupdatedmeasurands", "Energy.Active.Import.Register,Current.Import"),
            set("SampledDataCtrlr", "TxUpdatedMeasurands", "Temperature"),
            set("SmartChargingCtrlr", "RateUnit", "W"),
            set("SampledDataCtrlr", "Nonsense", "1"),
            set("Nonsense", "TxUpdatedInterval", "1"),
        ]}),
    );
    let statuses = |answer: &Value, member: &str| -> Vec<String> {
        let results = answer[member].as_array().unwrap();
        results.iter().map(|result| result["attributeStatus"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        statuses(&answer, "setVariableResult"),
        ["Accepted", "Accepted", "Rejected", "Rejected", "UnknownVariable", "UnknownComponent"]
    );
    let mut attempts = place("OCPPCommCtrlr", "MessageAttempts");
    attempts["variable"]["instance"] = "TransactionEvent".into();
    let answer = desk.call(
        "GetVariables",
        json!({"getVariableData": [place("SmartChargingCtrlr", "RateUnit"), attempts,
            place("OCPPCommCtrlr", "MessageAttempts")]}),
    );
    assert_eq!(statuses(&answer, "getVariableResult"), ["Accepted", "Accepted", "UnknownVariable"]);
    assert_eq!(answer["getVariableResult"][0]["attributeValue"], "A,W");
    desk.plug(5, "abc");
    desk.wait(60);
    let samples: Vec<_> = desk
        .heard("TransactionEvent")
        .into_iter()
        .filter(|event| event["triggerReason"] == "MeterValuePeriodic")
        .collect();
    assert_eq!(samples.len(), 6);
    assert_eq!(samples[0]["meterValue"][0]["sampledValue"].as_array().unwrap().len(), 4);
}

#[test]
fn v201_the_base_report_tells_every_variable_once_in_numbered_parts() {
    let mut desk = Desk::new(config());
    let request = json!({"requestId": 9, "reportBase": "FullInventory"});
    assert_eq!(desk.call("GetBaseReport", request)["status"], "Accepted");
    desk.wait(2);
    let parts = desk.heard("NotifyReport");
    let numbers: Vec<_> = parts
        .iter()
        .map(|part| (part["requestId"].as_i64(), part["seqNo"].as_i64(), part["tbc"].as_bool()))
        .collect();
    let count = i64::try_from(parts.len()).unwrap();
    let expected: Vec<_> = (0..count).map(|part| (Some(9), Some(part), Some(part + 1 < count))).collect();
    assert_eq!(numbers, expected);
    let told: Vec<_> = parts
        .iter()
        .flat_map(|part| part["reportData"].as_array().unwrap())
        .map(|item| format!("{} {}", item["component"]["name"], item["variable"]))
        .collect();
    let once: std::collections::BTreeSet<_> = told.iter().collect();
    assert_eq!((told.len(), once.len()), (30, 30));
}

#[test]
fn v201_triggers_resets_and_availability() {
    let mut desk = Desk::new(StationConfig { evses: vec![EvseConfig::default(); 2], ..config() });
    let trigger = |message: &str| json!({"requestedMessage": message, "evse": {"id": 1}});
    assert_eq!(desk.call("TriggerMessage", trigger("TransactionEvent"))["status"], "Rejected");
    assert_eq!(desk.call("TriggerMessage", trigger("MeterValues"))["status"], "Accepted");
    assert_eq!(desk.heard("MeterValues")[0]["evseId"], 1);
    assert_eq!(desk.call("TriggerMessage", trigger("StatusNotification"))["status"], "Accepted");
    assert_eq!(desk.heard("StatusNotification").len(), 3);
    assert_eq!(desk.call("TriggerMessage", trigger("LogStatusNotification"))["status"], "NotImplemented");
    desk.plug(50, "abc");
    desk.wait(10);
    assert_eq!(desk.call("TriggerMessage", trigger("TransactionEvent"))["status"], "Accepted");
    assert_eq!(desk.heard("TransactionEvent").last().unwrap()["triggerReason"], "Trigger");

    let change = |evse: i64, to: &str| json!({"operationalStatus": to, "evse": {"id": evse}});
    assert_eq!(desk.call("ChangeAvailability", change(2, "Inoperative"))["status"], "Accepted");
    assert_eq!(desk.call("ChangeAvailability", change(1, "Inoperative"))["status"], "Scheduled");
    assert_eq!(desk.call("ChangeAvailability", change(3, "Inoperative"))["status"], "Rejected");
    assert_eq!(desk.station.status(2), ConnectorStatus::Unavailable);

    assert_eq!(desk.call("Reset", json!({"type": "OnIdle"}))["status"], "Scheduled");
    desk.wait(60);
    assert_eq!(desk.dropped_links, 0);
    desk.tap("abc");
    desk.wait(60);
    assert!(desk.wants_link, "it resets once it is idle");
    desk.connect();
    desk.wait(5);
    assert_eq!(desk.heard("BootNotification").last().unwrap()["reason"], "RemoteReset");
    assert_eq!(
        desk.call("ChangeAvailability", json!({"operationalStatus": "Operative"}))["status"],
        "Accepted"
    );
    desk.plug(50, "abc");
    desk.wait(10);
    assert_eq!(desk.call("Reset", json!({"type": "Immediate"}))["status"], "Accepted");
    desk.wait(60);
    let ended = *desk.heard("TransactionEvent").last().unwrap();
    assert_eq!(ended["transactionInfo"]["stoppedReason"], "ImmediateReset");
}

#[test]
fn v201_after_a_power_loss_the_transaction_ends_or_goes_on() {
    for (after_power_loss, ends) in
        [(AfterPowerLoss::EndsTransaction, true), (AfterPowerLoss::ResumesTransaction, false)]
    {
        let mut desk = Desk::new(StationConfig { after_power_loss, ..config() });
        desk.plug(50, "abc");
        desk.wait(5);
        set_limit(&mut desk, 10.0);
        desk.wait(300);
        desk.station.reboot(at(desk.now));
        desk.wait(40);
        desk.forget();
        desk.connect();
        desk.wait(120);
        assert_eq!(desk.heard("BootNotification")[0]["reason"], "PowerUp");
        let ended =
            desk.heard("TransactionEvent").into_iter().find(|event| event["eventType"] == "Ended").cloned();
        assert_eq!(ended.is_some(), ends);
        if let Some(ended) = ended {
            assert_eq!(ended["transactionInfo"]["stoppedReason"], "PowerLoss");
            assert_eq!(ended["offline"], true);
        } else {
            assert_eq!(desk.current(), amperes(10), "its TxProfile goes on as well");
        }
    }
}

#[test]
fn v201_clock_aligned_values_come_outside_transactions_as_meter_values() {
    let mut desk =
        Desk::new(StationConfig { clock_aligned_interval: TimeSpan::from_minutes(15), ..config() });
    desk.wait(1_000);
    desk.plug(50, "abc");
    desk.wait(1_000);
    assert_eq!(desk.heard("MeterValues").len(), 1);
    assert_eq!(desk.heard("MeterValues")[0]["meterValue"][0]["sampledValue"][0]["context"], "Sample.Clock");
    let aligned: Vec<_> = desk
        .heard("TransactionEvent")
        .into_iter()
        .filter(|event| event["triggerReason"] == "MeterValueClock")
        .collect();
    assert_eq!(aligned.len(), 1);
    assert_eq!(aligned[0]["timestamp"], at(1_800).to_string());
}

#[test]
fn v201_quirks_do_what_their_names_say() {
    let told = |quirk: Quirk| {
        let mut desk = Desk::new(StationConfig { offline_start: OfflineStart::AnyToken, ..with(quirk) });
        desk.plug(50, "abc");
        desk.wait(100);
        desk.disconnect();
        desk.wait(100);
        desk.tap("abc");
        desk.wait(1);
        desk.connect();
        desk.wait(100);
        desk
    };
    let numbers = |desk: &Desk| -> Vec<i64> {
        desk.heard("TransactionEvent").iter().map(|event| event["seqNo"].as_i64().unwrap()).collect()
    };
    let desk = told(Quirk::EventsOutOfOrder);
    assert!(numbers(&desk).windows(2).any(|pair| pair[0] > pair[1]), "{:?}", numbers(&desk));
    let mut sorted = numbers(&desk);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..i64::try_from(sorted.len()).unwrap()).collect::<Vec<_>>(), "each once");
    let desk = told(Quirk::SequenceRestarts);
    assert_eq!(numbers(&desk).iter().filter(|number| **number == 0).count(), 2);
    let desk = told(Quirk::NoTokenInEvents);
    assert!(desk.heard("TransactionEvent").iter().all(|event| event.get("idToken").is_none()));
    let desk = told(Quirk::EvseOnlyInFirstEvent);
    assert_eq!(desk.heard("TransactionEvent").iter().filter(|event| event.get("evse").is_some()).count(), 1);
    let desk = told(Quirk::DuplicatesStopTransaction);
    let ended: Vec<_> =
        desk.heard("TransactionEvent").into_iter().filter(|event| event["eventType"] == "Ended").collect();
    assert_eq!((ended.len(), ended[0]), (2, ended[1]));
    let desk = told(Quirk::MeterStopUnknown);
    assert!(desk.heard("TransactionEvent").last().unwrap().get("meterValue").is_none());
    let desk = told(Quirk::MeterStopOneBelow);
    let end = &desk.heard("TransactionEvent").last().unwrap()["meterValue"][0]["sampledValue"][0]["value"];
    assert_eq!(*end, desk.station.register(1).watt_hours_floor() - 1);
    let desk = told(Quirk::TransactionId(-1));
    let names: Vec<_> = desk.heard("TransactionEvent").into_iter().map(name_of).collect();
    assert!(names[0] != "-1" && names[1..].iter().all(|name| name == "-1"), "{names:?}");
    let desk = told(Quirk::PowerWithoutUnit);
    let power = desk
        .heard("TransactionEvent")
        .into_iter()
        .filter_map(|event| event["meterValue"][0]["sampledValue"].as_array())
        .flatten()
        .find(|sample| sample["measurand"] == "Power.Active.Import")
        .unwrap();
    assert_eq!((&power["value"], power.get("unitOfMeasure")), (&json!(11.04), None));

    let mut desk = told(Quirk::RejectsByFormerSchema);
    let default = profile(&desk, "TxDefaultProfile", 0, &[(0, 9.0)]);
    assert_eq!(set(&mut desk, 1, default), json!("FormationViolation"));
}

#[test]
fn v201_random_days_tell_each_transaction_whole_and_lose_no_energy() {
    for seed in 0..20_u64 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pick = |rng: &mut ChaCha8Rng| rng.random_bool(0.5);
        let after_power_loss =
            if pick(&mut rng) { AfterPowerLoss::EndsTransaction } else { AfterPowerLoss::ResumesTransaction };
        let tx_start =
            [TxStart::EvConnected, TxStart::Authorized, TxStart::PowerPathClosed][rng.random_range(0..3)];
        let tx_stop = if pick(&mut rng) { TxStop::EvConnected } else { TxStop::Authorized };
        let offline_start = OfflineStart::AnyToken;
        let mut desk =
            Desk::new(StationConfig { after_power_loss, tx_start, tx_stop, offline_start, ..config() });
        let mut is_linked = true;
        for _ in 0..150 {
            desk.wait(rng.random_range(1..900));
            if std::mem::take(&mut desk.wants_link) {
                is_linked = false;
            }
            desk.reply = if rng.random_bool(0.3) { |_| Reply::Silence } else { |_| Reply::Answer };
            match rng.random_range(0..8) {
                0 | 1 => {
                    let kwh = rng.random_range(1..30);
                    desk.plug(kwh, "abc");
                }
                2 if desk.station.ev(1).is_some() => desk.unplug(),
                3 => desk.tap("abc"),
                4 if is_linked => {
                    is_linked = false;
                    desk.disconnect();
                }
                4 | 5 => {
                    is_linked = true;
                    desk.connect();
                }
                6 if rng.random_bool(0.2) => {
                    desk.station.reboot(at(desk.now));
                    desk.drain(at(desk.now));
                    is_linked = false;
                }
                _ if is_linked && desk.station.transaction(1).is_some() => {
                    let limit = f64::from(rng.random_range(0..20));
                    let live = profile(&desk, "TxProfile", 1, &[(0, limit), (300, 6.0)]);
                    set(&mut desk, 1, live);
                }
                _ => {}
            }
        }
        desk.reply = |_| Reply::Answer;
        desk.wait(100);
        desk.connect();
        desk.wait(600);
        if desk.station.ev(1).is_some() {
            desk.unplug();
        }
        desk.wait(600);
        assert_eq!(desk.station.queued_transaction_messages(), 0);
        let mut told: Vec<(&Value, &String)> = desk
            .heard
            .iter()
            .filter(|(action, ..)| action == "TransactionEvent")
            .map(|(_, event, id, _)| (event, id))
            .collect();
        // What was not answered is said again, word for word, under a new id.
        told.dedup_by(|again, first| again.0 == first.0 && again.1 != first.1);
        let mut register = 0;
        let mut running: Option<(String, i64)> = None;
        for (event, _) in told {
            let figure = event["meterValue"][0]["sampledValue"][0]["value"].as_i64();
            match event["eventType"].as_str().unwrap() {
                "Started" => {
                    assert!(running.is_none(), "two at a time");
                    assert_eq!(figure, Some(register), "energy flows in transactions only");
                    assert_eq!(event["seqNo"], 0);
                    running = Some((name_of(event), 0));
                }
                kind => {
                    let (name, last) = running.take().unwrap();
                    assert_eq!((name_of(event), event["seqNo"].as_i64()), (name.clone(), Some(last + 1)));
                    if let Some(figure) = figure {
                        assert!(figure >= register);
                        register = figure;
                    }
                    if kind == "Updated" {
                        running = Some((name, last + 1));
                    }
                }
            }
        }
        assert!(running.is_none());
        assert_eq!(desk.station.register(1).watt_hours_floor(), register);
        assert!(register > 1_000, "something was charged: {register} Wh");
    }
}
