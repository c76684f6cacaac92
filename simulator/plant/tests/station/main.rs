//! Conversations with the virtual station, the backend's side written by hand. The engine's codec, which shares no line
//! with the station's, judges each frame: from a station without quirks nothing needs to be tolerated.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod quirks;

use ocpp::v16::{CsmsAction, CsmsResponse, StationRequest};
use ocpp::{Frame, Limits};
use plant::ev::{Ev, EvModel, EvRow};
use plant::evse::EvseConfig;
use plant::station::{
    AfterPowerLoss, Authorization, ClockSync, ConnectorStatus, OfflineMeterValues, OfflineStart, Presented,
    ProfilesAtBoot, Purpose, Quirk, RateUnits, Station, StationClockConfig, StationConfig, StationOutput,
    TransactionName,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use units::{Amperes, IdToken, PerPhase, TimeSpan, Timestamp, WattHours};

const START: &str = "2026-01-12T17:30:00Z";

fn at(second: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + TimeSpan::from_seconds(second)
}

fn amperes(count: i64) -> Amperes {
    Amperes::from_amperes(count)
}

fn token(text: &str) -> IdToken {
    text.parse().unwrap()
}

fn config() -> StationConfig {
    StationConfig::new("S1".parse().unwrap())
}

fn with(quirk: Quirk) -> StationConfig {
    StationConfig { quirks: vec![quirk], ..config() }
}

/// A three-phase car that draws 16 A, reacts within a second and wants `kwh` without taper.
fn ev(kwh: i64) -> Ev {
    let row = EvRow { name: "car".to_owned(), usable_kwh: 100.0, ac_phases: 3, ac_kw: 11.04 };
    let model = EvModel {
        reaction: TimeSpan::from_seconds(1),
        ramp: amperes(32),
        ..EvModel::from_row(&row).unwrap()
    };
    Ev::wanting(model, WattHours::from_watt_hours(kwh * 1_000), 0.7)
}

/// What a backend does with a call of the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Answer,
    Silence,
    Error,
}

/// A backend by hand: it answers each call at once, and keeps what it heard.
struct Desk {
    station: Station,
    now: i64,
    /// Action, payload, message id, second.
    heard: Vec<(String, Value, String, i64)>,
    /// What the station answered to our calls, by our message id.
    answers: Vec<(String, Value)>,
    dropped_links: usize,
    wants_link: bool,
    /// The actions of our calls, by message id.
    called: Vec<(String, String)>,
    /// Whether the engine's codec judges the frames.
    is_judged: bool,
    /// The frames as they were sent.
    transcript: Vec<String>,
    reply: fn(&str) -> Reply,
    boot_status: &'static str,
    token_status: &'static str,
    sets_clock: bool,
    next_transaction: i64,
    next_call: i64,
}

impl Desk {
    fn new(config: StationConfig) -> Self {
        let mut desk = Self::offline(config);
        desk.connect();
        desk
    }

    fn offline(config: StationConfig) -> Self {
        Self {
            is_judged: config.quirks.is_empty(),
            called: Vec::new(),
            station: Station::new(config, 5, at(0)),
            now: 0,
            heard: Vec::new(),
            answers: Vec::new(),
            dropped_links: 0,
            wants_link: false,
            transcript: Vec::new(),
            reply: |_| Reply::Answer,
            boot_status: "Accepted",
            token_status: "Accepted",
            sets_clock: true,
            next_transaction: 700,
            next_call: 0,
        }
    }

    fn connect(&mut self) {
        self.station.link_up(at(self.now));
        self.drain(at(self.now));
    }

    fn disconnect(&mut self) {
        self.station.link_down(at(self.now));
        self.drain(at(self.now));
    }

    fn plug(&mut self, kwh: i64, text: &str) {
        self.station.plug_in(at(self.now), 1, ev(kwh), Presented::Token(token(text)));
        self.drain(at(self.now));
    }

    fn plug_only(&mut self, kwh: i64) {
        self.station.plug_in(at(self.now), 1, ev(kwh), Presented::Nothing);
        self.drain(at(self.now));
    }

    fn unplug(&mut self) {
        assert!(self.station.unplug(at(self.now), 1).is_some());
        self.drain(at(self.now));
    }

    fn tap(&mut self, text: &str) {
        self.station.tap(at(self.now), 1, token(text));
        self.drain(at(self.now));
    }

    /// Lets seconds pass, each deadline in its turn.
    fn wait(&mut self, seconds: i64) {
        let end = at(self.now + seconds);
        while let Some(due) = self.station.next_deadline().filter(|due| *due <= end) {
            self.station.tick(due);
            self.drain(due);
        }
        self.station.tick(end);
        self.drain(end);
        self.now += seconds;
    }

    fn drain(&mut self, now: Timestamp) {
        while let Some(output) = self.station.poll_output() {
            match output {
                StationOutput::Frame(text) => self.hear(now, &text),
                StationOutput::DropLink => self.dropped_links += 1,
                StationOutput::WantsLink => self.wants_link = true,
            }
        }
    }

    fn hear(&mut self, now: Timestamp, text: &str) {
        self.transcript.push(format!("{now} {text}"));
        if self.is_judged {
            self.judge(text);
        }
        let frame: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let id = frame[1].as_str().unwrap().to_owned();
        match frame[0].as_i64().unwrap() {
            2 => {
                let action = frame[2].as_str().unwrap().to_owned();
                let second = now.since(at(0)).seconds_floor();
                self.heard.push((action.clone(), frame[3].clone(), id.clone(), second));
                match (self.reply)(&action) {
                    Reply::Answer => {
                        let answer = self.answer(&action, now);
                        self.station.frame(now, &json!([3, id, answer]).to_string());
                    }
                    Reply::Silence => {}
                    Reply::Error => {
                        self.station.frame(now, &json!([4, id, "InternalError", "", {}]).to_string());
                    }
                }
            }
            3 => self.answers.push((id, frame[2].clone())),
            4 => self.answers.push((id, frame[2].clone())),
            kind => panic!("message type {kind}"),
        }
    }

    fn judge(&self, text: &str) {
        let frame =
            ocpp::frame::decode(text, &Limits::default()).unwrap_or_else(|error| panic!("{error}: {text}"));
        let payload_quirks = match &frame.value {
            Frame::Call { action, payload, .. } => {
                StationRequest::decode(action, payload)
                    .unwrap_or_else(|error| panic!("{error}: {text}"))
                    .quirks
            }
            Frame::CallResult { id, payload } => {
                let called = self.called.iter().find(|(called, _)| called == id.as_str());
                let action = CsmsAction::named(&called.unwrap().1).unwrap();
                CsmsResponse::decode(action, payload).unwrap_or_else(|error| panic!("{error}: {text}")).quirks
            }
            Frame::CallError { .. } => Vec::new(),
            Frame::CallResultError { .. } | Frame::Send { .. } => panic!("neither version has it: {text}"),
        };
        assert!(frame.quirks.is_empty() && payload_quirks.is_empty(), "{payload_quirks:?} in {text}");
    }

    fn answer(&mut self, action: &str, now: Timestamp) -> Value {
        let clock = if self.sets_clock { now } else { at(-1_000_000) };
        match action {
            "BootNotification" => {
                json!({"status": self.boot_status, "currentTime": clock.to_string(), "interval": 300})
            }
            "Heartbeat" => json!({"currentTime": clock.to_string()}),
            "Authorize" => json!({"idTagInfo": {"status": self.token_status}}),
            "StartTransaction" => {
                self.next_transaction += 1;
                json!({"transactionId": self.next_transaction, "idTagInfo": {"status": self.token_status}})
            }
            "StatusNotification" | "MeterValues" | "StopTransaction" => json!({}),
            unknown => panic!("the station called {unknown}"),
        }
    }

    /// Calls the station and waits half a second for its answer.
    fn call(&mut self, action: &str, payload: Value) -> Value {
        self.next_call += 1;
        let id = format!("desk-{}", self.next_call);
        self.called.push((id.clone(), action.to_owned()));
        self.station.frame(at(self.now), &json!([2, id, action, payload]).to_string());
        self.drain(at(self.now));
        self.wait(1);
        self.answers
            .iter()
            .find(|(answered, _)| *answered == id)
            .map_or(Value::Null, |(_, answer)| answer.clone())
    }

    fn set_profile(&mut self, connector: i64, purpose: &str, level: i64, periods: &[(i64, f64)]) -> Value {
        let periods: Vec<_> =
            periods.iter().map(|(start, limit)| json!({"startPeriod": start, "limit": limit})).collect();
        let id = connector * 100 + level * 10 + i64::try_from(purpose.len()).unwrap();
        let start = at(self.now).to_string();
        self.call(
            "SetChargingProfile",
            json!({"connectorId": connector, "csChargingProfiles": {
                "chargingProfileId": id, "stackLevel": level, "chargingProfilePurpose": purpose,
                "chargingProfileKind": "Absolute",
                "chargingSchedule": {"chargingRateUnit": "A", "startSchedule": start,
                    "chargingSchedulePeriod": periods}}}),
        )
    }

    fn set_limit(&mut self, limit: i64) {
        let limit = f64::from(i32::try_from(limit).unwrap());
        assert_eq!(self.set_profile(1, "TxProfile", 1, &[(0, limit)])["status"], "Accepted");
    }

    fn actions(&self) -> Vec<&str> {
        self.heard.iter().map(|(action, ..)| action.as_str()).collect()
    }

    fn heard(&self, action: &str) -> Vec<&Value> {
        self.heard.iter().filter(|(heard, ..)| heard == action).map(|(_, payload, ..)| payload).collect()
    }

    fn statuses(&self) -> Vec<&str> {
        self.heard("StatusNotification")
            .into_iter()
            .filter(|payload| payload["connectorId"] == 1)
            .map(|payload| payload["status"].as_str().unwrap())
            .collect()
    }

    fn forget(&mut self) {
        self.heard.clear();
    }

    fn current(&self) -> Amperes {
        self.station.current(1).l1
    }
}

fn register_of(payload: &Value) -> String {
    payload["meterValue"][0]["sampledValue"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sample| sample["measurand"] == "Energy.Active.Import.Register")
        .map(|sample| sample["value"].as_str().unwrap().to_owned())
        .unwrap()
}

#[test]
fn a_stay_from_plug_in_to_unplug_is_told_in_the_standards_order() {
    let mut desk = Desk::new(config());
    assert_eq!(desk.actions(), ["BootNotification", "StatusNotification", "StatusNotification"]);
    desk.wait(10);
    desk.plug(2, "abc");
    desk.wait(3 * 60);
    assert_eq!(desk.station.status(1), ConnectorStatus::Charging);
    assert_eq!(desk.station.current(1), PerPhase::splat(amperes(16)));
    assert_eq!(desk.station.transaction(1).unwrap().name, Some(TransactionName::Backend(701)));
    desk.wait(20 * 60);
    assert_eq!(desk.station.status(1), ConnectorStatus::SuspendedEv, "2 kWh at 11 kW take 11 minutes");
    desk.unplug();
    desk.wait(5);
    assert_eq!(
        desk.statuses(),
        ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"]
    );
    let start = desk.heard("StartTransaction")[0];
    assert_eq!(start["idTag"], "ABC");
    assert_eq!(start["timestamp"], at(10).to_string());
    let stop = desk.heard("StopTransaction")[0];
    assert_eq!(stop["transactionId"], 701);
    assert_eq!(stop["reason"], "EVDisconnected");
    assert_eq!(stop["meterStop"], 2_000);
    assert_eq!(stop["timestamp"], at(10 + 23 * 60).to_string());
    assert_eq!(desk.station.queued_transaction_messages(), 0);
    let actions = desk.actions();
    let first = |action: &str| actions.iter().position(|heard| *heard == action).unwrap();
    assert!(first("Authorize") < first("StartTransaction"));
    assert!(first("StartTransaction") < first("MeterValues"));
    assert!(first("MeterValues") < first("StopTransaction"));
}

#[test]
fn meter_values_carry_eight_figures_that_are_the_truth() {
    let mut desk = Desk::new(config());
    desk.plug(10, "abc");
    desk.set_limit(10);
    desk.wait(10 * 60);
    let samples = desk.heard("MeterValues");
    assert_eq!(samples.len(), 10, "one a minute");
    let last = samples[9];
    assert_eq!((&last["connectorId"], &last["transactionId"]), (&json!(1), &json!(701)));
    assert_eq!(last["meterValue"][0]["timestamp"], at(600).to_string());
    let values = last["meterValue"][0]["sampledValue"].as_array().unwrap();
    let figures: Vec<_> = values
        .iter()
        .map(|value| {
            let text = |name: &str| value[name].as_str().unwrap_or("").to_owned();
            format!("{} {} {} {}", text("measurand"), text("phase"), text("value"), text("unit"))
        })
        .collect();
    let register = format!("Energy.Active.Import.Register  {} Wh", register_of(last));
    assert_eq!(
        figures,
        [
            register.as_str(),
            "Current.Import L1 10 A",
            "Current.Import L2 10 A",
            "Current.Import L3 10 A",
            "Voltage L1-N 230 V",
            "Power.Active.Import  6900 W",
            "Current.Offered  10 A",
            "Power.Offered  6900 W",
        ]
    );
    assert_eq!(values.len(), 8);
    // 16 A for a moment, then 10 A: between 6.9 kW · 10 min and a little more.
    let register: i64 = register_of(last).parse().unwrap();
    assert!((1_145..1_160).contains(&register), "{register}");
}

#[test]
fn a_boot_is_repeated_until_it_is_accepted_and_nothing_else_is_said_before() {
    let mut desk = Desk::offline(config());
    desk.boot_status = "Rejected";
    desk.connect();
    desk.plug(5, "abc");
    desk.wait(650);
    assert_eq!(desk.actions(), ["BootNotification"; 3], "each 300 s");
    assert_eq!(desk.call("ClearCache", json!({})), Value::Null, "a rejected station does not answer");
    desk.boot_status = "Pending";
    desk.wait(300);
    assert_eq!(desk.call("ClearCache", json!({}))["status"], "Accepted");
    desk.boot_status = "Accepted";
    desk.wait(300);
    assert_eq!(desk.statuses(), ["Preparing"]);
}

#[test]
fn a_boot_without_answer_is_tried_again() {
    let mut desk = Desk::offline(config());
    desk.reply = |_| Reply::Silence;
    desk.connect();
    desk.wait(130);
    let seconds: Vec<_> = desk.heard.iter().map(|(_, _, _, second)| *second).collect();
    assert_eq!(seconds, [0, 60, 120], "30 s for the answer, 30 s of patience");
    desk.reply = |_| Reply::Answer;
    desk.wait(60);
    assert!(desk.actions().contains(&"StatusNotification"));
}

#[test]
fn heartbeats_come_by_the_interval_given_and_set_the_clock() {
    let clock = StationClockConfig {
        offset: TimeSpan::from_seconds(90),
        drift_ppm: 1_000,
        sync: ClockSync::ByAnswers,
    };
    let mut desk = Desk::offline(StationConfig { clock, ..config() });
    assert_eq!(desk.station.clock(at(0)), at(90));
    desk.connect();
    assert_eq!(desk.station.clock(at(0)), at(0));
    desk.wait(3_600);
    let beats = desk.heard("Heartbeat").len();
    assert!((11..=13).contains(&beats), "{beats}");
    let off = desk.station.clock(at(3_600)).since(at(3_600));
    assert!(off >= TimeSpan::ZERO && off <= TimeSpan::from_milliseconds(300), "{off}");
    assert_eq!(
        desk.call("ChangeConfiguration", json!({"key": "HeartbeatInterval", "value": "60"}))["status"],
        "Accepted"
    );
    desk.forget();
    desk.wait(3_600);
    assert!((59..=61).contains(&desk.heard("Heartbeat").len()));
}

#[test]
fn a_station_that_has_enough_to_say_beats_once_a_day() {
    let mut desk = Desk::new(config());
    desk.call("ChangeConfiguration", json!({"key": "MeterValueSampleInterval", "value": "60"}));
    desk.plug(400, "ANNA");
    desk.wait(600);
    desk.forget();
    desk.wait(2 * 86_400);
    assert!(desk.heard("MeterValues").len() > 2_000);
    assert_eq!(desk.heard("Heartbeat").len(), 2);
}

#[test]
fn a_limit_reaches_the_pilot_after_the_reaction_and_the_composite_schedule_tells_it() {
    let reaction = TimeSpan::from_seconds(4);
    let mut desk = Desk::new(StationConfig { reaction, ..config() });
    desk.plug(20, "abc");
    desk.wait(60);
    assert_eq!(desk.set_profile(1, "TxProfile", 1, &[(0, 11.5), (300, 6.0)])["status"], "Accepted");
    assert_eq!(desk.station.offered(1), amperes(16), "a second after the call");
    desk.wait(3);
    assert_eq!((desk.station.offered(1), desk.station.limit(1)), (amperes(11), amperes(11)));
    let composite = desk.call("GetCompositeSchedule", json!({"connectorId": 1, "duration": 600}));
    assert_eq!(composite["status"], "Accepted");
    assert_eq!(
        composite["chargingSchedule"]["chargingSchedulePeriod"],
        json!([{"startPeriod": 0, "limit": 11.5}, {"startPeriod": 296, "limit": 6}])
    );
    desk.wait(294);
    assert_eq!(desk.station.offered(1), amperes(11));
    desk.wait(2);
    assert_eq!(desk.station.offered(1), amperes(6), "the second period begins by itself");
    let cleared = desk.call("ClearChargingProfile", json!({"chargingProfilePurpose": "TxProfile"}));
    assert_eq!(cleared["status"], "Accepted");
    desk.wait(5);
    assert_eq!(desk.station.offered(1), amperes(16));
    assert_eq!(desk.call("ClearChargingProfile", json!({"id": 4711}))["status"], "Unknown");
}

#[test]
fn a_tx_profile_is_kept_while_offline_and_dies_with_its_transaction() {
    let mut desk = Desk::new(config());
    desk.plug(50, "abc");
    desk.wait(5);
    desk.set_profile(1, "TxDefaultProfile", 0, &[(0, 8.0)]);
    desk.set_profile(1, "TxProfile", 1, &[(0, 14.0), (300, 6.0)]);
    desk.wait(5);
    desk.disconnect();
    desk.wait(200);
    assert_eq!(desk.station.offered(1), amperes(14));
    desk.wait(200);
    assert_eq!(desk.station.offered(1), amperes(6), "the expiry inside the profile holds without a link");
    desk.connect();
    desk.tap("abc");
    desk.wait(5);
    assert_eq!(desk.station.offered(1), Amperes::ZERO);
    assert_eq!(desk.station.limit(1), amperes(8), "the TxDefault is left");
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "Local");
    assert_eq!(desk.heard("StopTransaction")[0]["idTag"], "ABC");
}

#[test]
fn profiles_that_the_standard_forbids_are_rejected() {
    let mut desk =
        Desk::new(StationConfig { rate_units: RateUnits::Amperes, stack_level_max: 3, ..config() });
    assert_eq!(desk.set_profile(1, "TxProfile", 0, &[(0, 10.0)])["status"], "Rejected", "no transaction");
    desk.plug(50, "abc");
    desk.wait(5);
    for (why, connector, purpose, level, periods) in [
        ("a TxProfile for the whole station", 0, "TxProfile", 0, [(0, 10.0)]),
        ("a ChargePointMax for a connector", 1, "ChargePointMaxProfile", 0, [(0, 10.0)]),
        ("a level too high", 1, "TxProfile", 4, [(0, 10.0)]),
        ("an unknown connector", 2, "TxDefaultProfile", 0, [(0, 10.0)]),
        ("a first period that is not at 0", 1, "TxProfile", 0, [(5, 10.0)]),
    ] {
        assert_eq!(desk.set_profile(connector, purpose, level, &periods)["status"], "Rejected", "{why}");
    }
    let bound = |id: i64, unit: &str| {
        json!({"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "transactionId": id, "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
            "chargingSchedule": {"chargingRateUnit": unit,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7}]}}})
    };
    assert_eq!(desk.call("SetChargingProfile", bound(999, "A"))["status"], "Rejected", "another transaction");
    assert_eq!(desk.call("SetChargingProfile", bound(701, "W"))["status"], "Rejected", "a unit it has not");
    assert_eq!(desk.call("SetChargingProfile", bound(701, "A"))["status"], "Accepted");
    desk.wait(2);
    assert_eq!(desk.station.offered(1), amperes(7));
    assert_eq!(desk.call("SetChargingProfile", json!({"connectorId": 1})), json!("FormationViolation"));
}

#[test]
fn a_remote_start_brings_its_profile_and_a_remote_stop_ends_it() {
    let mut desk = Desk::new(config());
    let profile = json!({"chargingProfileId": 5, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative", "chargingSchedule": {"chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6900}]}});
    let answer = desk.call(
        "RemoteStartTransaction",
        json!({"connectorId": 1, "idTag": "app-1", "chargingProfile": profile}),
    );
    assert_eq!(answer["status"], "Accepted");
    assert_eq!(desk.statuses(), ["Available", "Preparing"]);
    desk.plug_only(10);
    desk.wait(30);
    assert_eq!(desk.station.offered(1), amperes(10));
    assert_eq!(desk.heard("StartTransaction")[0]["idTag"], "APP-1");
    assert_eq!(
        desk.call("RemoteStartTransaction", json!({"connectorId": 1, "idTag": "x"}))["status"],
        "Rejected"
    );
    assert_eq!(desk.call("RemoteStopTransaction", json!({"transactionId": 1}))["status"], "Rejected");
    assert_eq!(desk.call("RemoteStopTransaction", json!({"transactionId": 701}))["status"], "Accepted");
    desk.wait(2);
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "Remote");
    assert_eq!(desk.station.status(1), ConnectorStatus::Finishing);
}

#[test]
fn a_token_waits_for_its_cable_only_so_long() {
    let mut desk = Desk::new(config());
    desk.tap("abc");
    desk.wait(119);
    assert_eq!(desk.station.status(1), ConnectorStatus::Preparing);
    desk.wait(2);
    assert_eq!(desk.station.status(1), ConnectorStatus::Available);
    desk.plug_only(10);
    desk.wait(10);
    assert!(desk.heard("StartTransaction").is_empty());
}

#[test]
fn a_refused_token_gets_no_energy() {
    let mut desk = Desk::new(config());
    desk.token_status = "Blocked";
    desk.plug(10, "bad");
    desk.wait(60);
    assert!(desk.heard("StartTransaction").is_empty());
    assert_eq!(desk.station.register(1), WattHours::ZERO);

    let mut desk = Desk::new(StationConfig { authorization: Authorization::ByStart, ..config() });
    desk.token_status = "Invalid";
    desk.plug(10, "bad");
    desk.wait(60);
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "DeAuthorized");
    assert_eq!(desk.station.register(1), WattHours::ZERO, "energy waits for the answer");
    desk.token_status = "Accepted";
    desk.tap("good");
    desk.wait(60);
    assert!(desk.station.register(1) > WattHours::ZERO);
}

#[test]
fn free_start_needs_no_token() {
    let mut desk = Desk::new(StationConfig { free_start: Some(token("free")), ..config() });
    desk.plug_only(10);
    desk.wait(30);
    assert_eq!(desk.heard("StartTransaction")[0]["idTag"], "FREE");
    assert_eq!(desk.current(), amperes(16));
}

#[test]
fn offline_messages_come_in_order_with_their_own_times_after_the_reconnect() {
    let mut desk = Desk::new(StationConfig { offline_start: OfflineStart::AnyToken, ..config() });
    desk.wait(10);
    desk.disconnect();
    desk.plug(50, "abc");
    desk.wait(190);
    desk.unplug();
    desk.wait(100);
    desk.plug(50, "def");
    desk.wait(90);
    assert!(desk.station.register(1) > WattHours::ZERO);
    assert_eq!(desk.station.queued_transaction_messages(), 7);
    desk.forget();
    desk.connect();
    desk.wait(5);
    assert_eq!(desk.station.queued_transaction_messages(), 0);
    let transactional: Vec<_> = desk
        .heard
        .iter()
        .filter(|(action, ..)| action.ends_with("Transaction") || action == "MeterValues")
        .map(|(action, payload, ..)| {
            let time = if action == "MeterValues" {
                &payload["meterValue"][0]["timestamp"]
            } else {
                &payload["timestamp"]
            };
            let second = time.as_str().unwrap().parse::<Timestamp>().unwrap().since(at(0)).seconds_floor();
            (action.as_str(), payload["transactionId"].as_i64(), second)
        })
        .collect();
    assert_eq!(
        transactional,
        [
            ("StartTransaction", None, 10),
            ("MeterValues", Some(701), 70),
            ("MeterValues", Some(701), 130),
            ("MeterValues", Some(701), 190),
            ("StopTransaction", Some(701), 200),
            ("StartTransaction", None, 300),
            ("MeterValues", Some(702), 360),
        ]
    );
}

#[test]
fn offline_only_what_is_allowed_starts() {
    for (offline_start, first, second) in [
        (OfflineStart::Refused, false, false),
        (OfflineStart::KnownTokens, false, true),
        (OfflineStart::AnyToken, true, true),
    ] {
        let mut desk = Desk::new(StationConfig { offline_start, ..config() });
        desk.plug(1, "known");
        desk.wait(5);
        desk.tap("known");
        desk.wait(5);
        desk.disconnect();
        for (text, starts) in [("stranger", first), ("known", second)] {
            desk.tap(text);
            assert_eq!(desk.station.transaction(1).is_some(), starts, "{offline_start:?} {text}");
            desk.tap(text);
        }
    }
    let dropped = StationConfig { offline_meter_values: OfflineMeterValues::Dropped, ..config() };
    let mut desk = Desk::new(dropped);
    desk.plug(50, "abc");
    desk.wait(5);
    desk.disconnect();
    desk.wait(600);
    assert_eq!(desk.station.queued_transaction_messages(), 0);
}

#[test]
fn an_unanswered_transaction_message_is_repeated_under_a_new_id_with_the_same_content() {
    let mut desk = Desk::new(config());
    desk.reply = |action| if action == "StartTransaction" { Reply::Silence } else { Reply::Answer };
    desk.plug(50, "abc");
    desk.wait(100);
    let starts: Vec<_> = desk.heard.iter().filter(|(action, ..)| action == "StartTransaction").collect();
    assert_eq!(starts.iter().map(|(_, _, _, second)| *second).collect::<Vec<_>>(), [0, 40, 80]);
    assert!(starts.windows(2).all(|pair| pair[0].1 == pair[1].1 && pair[0].2 != pair[1].2));
    assert!(desk.heard("MeterValues").is_empty(), "what follows waits");
    desk.reply = |_| Reply::Answer;
    desk.wait(60);
    assert_eq!(desk.heard("MeterValues")[0]["transactionId"], 701);
}

#[test]
fn a_call_error_is_tried_as_often_as_configured_and_then_given_up() {
    let mut desk = Desk::new(config());
    desk.reply = |action| if action == "StartTransaction" { Reply::Error } else { Reply::Answer };
    desk.plug(50, "abc");
    desk.wait(300);
    let seconds: Vec<_> =
        desk.heard.iter().filter(|(action, ..)| action == "StartTransaction").map(|heard| heard.3).collect();
    assert_eq!(seconds, [0, 10, 30], "after 10 s, then 20 s more");
    assert_eq!(desk.heard("MeterValues")[0]["transactionId"], -1, "the id was never known");
}

#[test]
fn only_one_call_is_outstanding() {
    let mut desk = Desk::offline(config());
    desk.reply = |action| if action == "StatusNotification" { Reply::Silence } else { Reply::Answer };
    desk.connect();
    desk.plug(50, "abc");
    desk.wait(29);
    assert_eq!(desk.actions(), ["BootNotification", "StatusNotification"]);
    desk.wait(2);
    assert_eq!(desk.heard.len(), 3, "the next goes out when the first is given up");
}

#[test]
fn after_a_power_loss_the_transaction_ends_or_goes_on() {
    for (after_power_loss, ends) in
        [(AfterPowerLoss::EndsTransaction, true), (AfterPowerLoss::ResumesTransaction, false)]
    {
        let mut desk = Desk::new(StationConfig { after_power_loss, ..config() });
        desk.plug(50, "abc");
        desk.set_limit(10);
        desk.wait(300);
        desk.station.reboot(at(desk.now));
        let register = desk.station.register(1);
        desk.wait(29);
        assert_eq!((desk.dropped_links, desk.wants_link), (1, false));
        assert_eq!((desk.current(), desk.station.register(1)), (Amperes::ZERO, register));
        desk.wait(1);
        assert!(desk.wants_link);
        desk.wait(10);
        desk.forget();
        desk.connect();
        desk.wait(120);
        assert_eq!(desk.actions()[0], "BootNotification");
        if ends {
            let stop = desk.heard("StopTransaction")[0];
            assert_eq!(stop["reason"], "PowerLoss");
            assert_eq!(stop["timestamp"], at(301).to_string());
            assert_eq!(stop["meterStop"], register.watt_hours_floor());
            assert_eq!(desk.station.status(1), ConnectorStatus::Finishing);
        } else {
            assert!(desk.heard("StopTransaction").is_empty());
            assert_eq!(desk.current(), amperes(10), "its TxProfile goes on as well");
            assert_eq!(desk.heard("MeterValues")[0]["transactionId"], 701);
        }
    }
}

#[test]
fn a_link_offered_during_the_boot_is_dropped() {
    let mut desk = Desk::new(config());
    desk.station.reboot(at(0));
    desk.drain(at(0));
    desk.wait(5);
    desk.connect();
    assert_eq!(desk.dropped_links, 2);
}

#[test]
fn profiles_survive_a_boot_or_are_forgotten_by_config() {
    for (profiles_at_boot, limit) in [(ProfilesAtBoot::Kept, 8), (ProfilesAtBoot::Forgotten, 16)] {
        let mut desk = Desk::new(StationConfig { profiles_at_boot, ..config() });
        desk.set_profile(0, "TxDefaultProfile", 0, &[(0, 8.0)]);
        desk.wait(5);
        assert_eq!(desk.station.limit(1), amperes(8));
        desk.station.reboot(at(desk.now));
        desk.wait(60);
        assert_eq!(desk.station.limit(1), amperes(limit), "{profiles_at_boot:?}");
    }
}

#[test]
fn resets_end_transactions_with_their_own_reasons() {
    for (kind, reason) in [("Soft", "SoftReset"), ("Hard", "HardReset")] {
        let mut desk = Desk::new(config());
        desk.plug(50, "abc");
        desk.wait(60);
        assert_eq!(desk.call("Reset", json!({"type": kind}))["status"], "Accepted");
        desk.wait(60);
        assert_eq!(desk.dropped_links, 1);
        assert!(desk.wants_link);
        desk.connect();
        desk.wait(5);
        let stops = desk.heard("StopTransaction");
        assert_eq!((stops.len(), &stops[0]["reason"]), (1, &json!(reason)));
    }
}

#[test]
fn availability_changes_at_once_or_after_the_transaction() {
    let mut desk = Desk::new(config());
    let change = |kind: &str| json!({"connectorId": 0, "type": kind});
    assert_eq!(desk.call("ChangeAvailability", change("Inoperative"))["status"], "Accepted");
    assert_eq!(desk.station.status(1), ConnectorStatus::Unavailable);
    desk.plug(5, "abc");
    desk.wait(10);
    assert!(desk.station.transaction(1).is_none());
    assert_eq!(desk.call("ChangeAvailability", change("Operative"))["status"], "Accepted");
    desk.tap("abc");
    desk.wait(10);
    assert_eq!(desk.call("ChangeAvailability", change("Inoperative"))["status"], "Scheduled");
    assert_eq!(desk.station.status(1), ConnectorStatus::Charging);
    assert_eq!(desk.call("UnlockConnector", json!({"connectorId": 1}))["status"], "Unlocked");
    desk.wait(1);
    assert_eq!(desk.heard("StopTransaction")[0]["reason"], "UnlockCommand");
    assert_eq!(desk.station.status(1), ConnectorStatus::Unavailable);
}

#[test]
fn configuration_is_read_changed_and_refused() {
    let mut desk = Desk::new(config());
    let change = |key: &str, value: &str| json!({"key": key, "value": value});
    for (key, value, status) in [
        ("MeterValueSampleInterval", "10", "Accepted"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("NumberOfConnectors", "2", "Rejected"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,Current.Import", "Accepted"),
        ("MeterValuesSampledData", "Temperature", "Rejected"),
        ("LocalAuthorizeOffline", "maybe", "Rejected"),
        ("Nonsense", "1", "NotSupported"),
    ] {
        assert_eq!(desk.call("ChangeConfiguration", change(key, value))["status"], status, "{key}={value}");
    }
    let answer = desk.call("GetConfiguration", json!({"key": ["MeterValueSampleInterval", "Nonsense"]}));
    let expected = json!({"configurationKey": [{"key": "MeterValueSampleInterval", "readonly": false, "value": "10"}],
        "unknownKey": ["Nonsense"]});
    assert_eq!(answer, expected);
    let all = desk.call("GetConfiguration", json!({}));
    assert_eq!(all["configurationKey"].as_array().unwrap().len(), 29);
    desk.plug(5, "abc");
    desk.wait(60);
    assert_eq!(desk.heard("MeterValues").len(), 6);
    assert_eq!(desk.heard("MeterValues")[0]["meterValue"][0]["sampledValue"].as_array().unwrap().len(), 4);
}

#[test]
fn clock_aligned_values_come_on_the_quarter() {
    let mut desk =
        Desk::new(StationConfig { clock_aligned_interval: TimeSpan::from_minutes(15), ..config() });
    desk.wait(3_600);
    let times: Vec<_> = desk
        .heard("MeterValues")
        .iter()
        .map(|payload| payload["meterValue"][0]["timestamp"].clone())
        .collect();
    assert_eq!(times, [900, 1_800, 2_700, 3_600].map(|second| json!(at(second).to_string())));
    assert!(desk.heard("MeterValues")[0].get("transactionId").is_none());
    assert_eq!(desk.heard("MeterValues")[0]["meterValue"][0]["sampledValue"][0]["context"], "Sample.Clock");
}

#[test]
fn other_calls_are_answered_as_the_standard_wants() {
    let mut desk = Desk::new(config());
    for (action, payload, answer) in [
        ("DataTransfer", json!({"vendorId": "x"}), json!({"status": "UnknownVendorId"})),
        ("ClearCache", json!({}), json!({"status": "Accepted"})),
        ("ReserveNow", json!({}), json!("NotSupported")),
        ("MakeCoffee", json!({}), json!("NotImplemented")),
        (
            "TriggerMessage",
            json!({"requestedMessage": "FirmwareStatusNotification"}),
            json!({"status": "NotImplemented"}),
        ),
        (
            "TriggerMessage",
            json!({"requestedMessage": "MeterValues", "connectorId": 1}),
            json!({"status": "Accepted"}),
        ),
        ("TriggerMessage", json!({"requestedMessage": "StatusNotification"}), json!({"status": "Accepted"})),
    ] {
        assert_eq!(desk.call(action, payload), answer, "{action}");
    }
    assert_eq!(desk.heard("MeterValues").len(), 1);
    assert_eq!(desk.statuses(), ["Available", "Available"]);
    for nonsense in
        ["", "[", "{}", "[2]", "[2,\"a\"]", "[9,\"a\",{}]", "[3,\"unknown\",{}]", "[2,\"a\",5,{}]"]
    {
        desk.station.frame(at(desk.now), nonsense);
        desk.drain(at(desk.now));
    }
    desk.wait(10);
    assert_eq!(desk.call("ClearCache", json!({}))["status"], "Accepted");
}

#[test]
fn a_cap_of_the_station_is_shared_by_its_connectors() {
    let mut desk = Desk::new(StationConfig { evses: vec![EvseConfig::default(); 2], ..config() });
    desk.set_profile(0, "ChargePointMaxProfile", 0, &[(0, 20.0)]);
    desk.plug(50, "abc");
    desk.wait(10);
    assert_eq!(desk.station.offered(1), amperes(16));
    desk.station.plug_in(at(desk.now), 2, ev(50), Presented::Token(token("def")));
    desk.drain(at(desk.now));
    desk.wait(10);
    assert_eq!((desk.station.offered(1), desk.station.offered(2)), (amperes(10), amperes(10)));
    let station = desk.call("GetCompositeSchedule", json!({"connectorId": 0, "duration": 60}));
    assert_eq!(station["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"], 20);
}

#[test]
fn a_message_that_was_on_its_way_when_the_link_broke_is_said_again_first() {
    let mut desk = Desk::new(config());
    desk.reply = |action| if action == "MeterValues" { Reply::Silence } else { Reply::Answer };
    desk.plug(50, "abc");
    desk.wait(70);
    assert_eq!(desk.heard("MeterValues").len(), 1);
    desk.disconnect();
    desk.unplug();
    desk.wait(30);
    desk.reply = |_| Reply::Answer;
    desk.connect();
    desk.wait(5);
    let meter_values = desk.heard("MeterValues");
    assert_eq!(meter_values.len(), 2);
    assert_eq!(meter_values[0], meter_values[1]);
    assert_eq!(desk.actions().last(), Some(&"StopTransaction"));
}

#[test]
fn profiles_written_by_the_engines_codec_are_understood() {
    use ocpp::v16::{
        ChargingProfile, ChargingProfileKind, ChargingProfilePurpose, ChargingSchedule,
        ChargingSchedulePeriod, ConnectorId, CsmsRequest, ReportedTransaction, ScheduleLimits,
        SetChargingProfileRequest,
    };
    let mut desk = Desk::new(config());
    desk.plug(50, "abc");
    desk.wait(5);
    let period = |second, limit| ChargingSchedulePeriod::new(TimeSpan::from_seconds(second), amperes(limit));
    let request = CsmsRequest::SetChargingProfile(SetChargingProfileRequest {
        connector_id: ConnectorId(1),
        charging_profile: ChargingProfile {
            charging_profile_id: 7,
            transaction_id: ReportedTransaction::Number(701),
            stack_level: 1,
            charging_profile_purpose: ChargingProfilePurpose::TxProfile,
            charging_profile_kind: ChargingProfileKind::Absolute,
            recurrency_kind: None,
            valid_from: ocpp::StationTime::Absent,
            valid_to: ocpp::StationTime::Absent,
            charging_schedule: ChargingSchedule {
                duration: None,
                start_schedule: at(0).into(),
                limits: ScheduleLimits::Amperes(vec![period(0, 12), period(300, 7)]),
                min_charging_rate: None,
            },
        },
    });
    let payload = serde_json::from_str(&request.payload().unwrap()).unwrap();
    assert_eq!(desk.call("SetChargingProfile", payload)["status"], "Accepted");
    desk.wait(10);
    assert_eq!(desk.current(), amperes(12));
    desk.wait(300);
    assert_eq!(desk.current(), amperes(7));
}

#[test]
fn random_days_tell_each_transaction_once_and_lose_no_energy() {
    for seed in 0..30_u64 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let after_power_loss = if rng.random_bool(0.5) {
            AfterPowerLoss::EndsTransaction
        } else {
            AfterPowerLoss::ResumesTransaction
        };
        let mut desk =
            Desk::new(StationConfig { after_power_loss, offline_start: OfflineStart::AnyToken, ..config() });
        let mut is_linked = true;
        for _ in 0..200 {
            desk.wait(rng.random_range(1..900));
            if std::mem::take(&mut desk.wants_link) {
                is_linked = false;
            }
            // Now and then the backend falls silent, so that messages are on their way when the link breaks.
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
                    desk.set_profile(1, "TxProfile", 1, &[(0, limit), (300, 6.0)]);
                }
                _ => {}
            }
        }
        desk.reply = |_| Reply::Answer;
        desk.wait(100);
        desk.connect();
        desk.wait(600);
        desk.tap("abc");
        desk.wait(600);
        assert_eq!(desk.station.queued_transaction_messages(), 0);
        let mut told: Vec<_> = desk
            .heard
            .iter()
            .filter(|(action, ..)| action == "StartTransaction" || action == "StopTransaction")
            .collect();
        // What was not answered is said again, word for word.
        told.dedup_by(|again, first| (&again.0, &again.1) == (&first.0, &first.1));
        let mut register = 0;
        let mut running: Option<i64> = None;
        for (action, payload, ..) in told {
            if action == "StartTransaction" {
                assert!(running.is_none(), "two at a time");
                assert_eq!(payload["meterStart"], register, "energy flows in transactions only");
                running = Some(register);
            } else {
                assert!(running.take().is_some(), "a stop without start");
                let stop = payload["meterStop"].as_i64().unwrap();
                assert!(stop >= register);
                register = stop;
            }
        }
        if running.is_none() {
            assert_eq!(desk.station.register(1).watt_hours_floor(), register);
        }
        assert!(register > 1_000, "something was charged: {register} Wh");
    }
}

#[test]
fn the_same_seed_and_inputs_give_the_same_frames() {
    let run = |seed: u64| {
        let mut desk = Desk::offline(config());
        desk.station = Station::new(config(), seed, at(0));
        desk.connect();
        desk.plug(5, "abc");
        desk.wait(3_600);
        desk.unplug();
        desk.wait(3_600);
        desk.transcript
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
