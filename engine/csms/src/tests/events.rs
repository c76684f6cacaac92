//! Stations of OCPP 2.0.1: their conversations, the traps of FIELD section 6, and events in any order.

use billing::cdr::{Activity, Cdr, Doubt, Driver, ReadingContext};
use charging::site::EvState;
use units::{TimeSpan, Timestamp, TransactionId};

use crate::query::{Query, QueryAnswer};
use crate::record::{Events, Record};
use crate::tests::{BOOT_201, Dice, House, NOON, message_id, site};
use crate::{Command, CommandAnswer, Version};

/// An event as a station tells it.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub kind: &'static str,
    pub seq: u32,
    /// Seconds after noon.
    pub at: i64,
    pub id: &'static str,
    pub evse: Option<u16>,
    pub token: Option<&'static str>,
    pub trigger: Option<&'static str>,
    pub state: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub is_offline: bool,
    /// Context and Wh.
    pub registers: Vec<(&'static str, i64)>,
    /// Amperes on each line.
    pub amperes: Option<i64>,
}

pub fn told(kind: &'static str, seq: u32, at: i64) -> Told {
    Told { kind, seq, at, id: "T-1", ..Told::default() }
}

impl Told {
    pub fn payload(&self) -> String {
        let at = House::at(self.at);
        let state = self.state.map_or(String::new(), |state| format!(r#","chargingState":"{state}""#));
        let reason = self.reason.map_or(String::new(), |reason| format!(r#","stoppedReason":"{reason}""#));
        let evse =
            self.evse.map_or(String::new(), |evse| format!(r#","evse":{{"id":{evse},"connectorId":1}}"#));
        let token = self.token.map_or(String::new(), |token| {
            format!(r#","idToken":{{"idToken":"{token}","type":"ISO14443"}}"#)
        });
        let currents = self.amperes.into_iter().flat_map(|amperes| {
            ["L1", "L2", "L3"].map(|line| {
                format!(
                    r#"{{"value":{amperes}.0,"measurand":"Current.Import","phase":"{line}","unitOfMeasure":{{"unit":"A"}}}}"#
                )
            })
        });
        let registers = self.registers.iter().map(|(context, wh)| {
            format!(r#"{{"value":{wh},"context":"{context}","measurand":"Energy.Active.Import.Register"}}"#)
        });
        let sampled: Vec<String> = registers.chain(currents).collect();
        let values = if sampled.is_empty() {
            String::new()
        } else {
            format!(r#","meterValue":[{{"timestamp":"{at}","sampledValue":[{}]}}]"#, sampled.join(","))
        };
        let offline = if self.is_offline { r#","offline":true"# } else { "" };
        format!(
            r#"{{"eventType":"{}","timestamp":"{at}","triggerReason":"{}","seqNo":{}{offline},"transactionInfo":{{"transactionId":"{}"{state}{reason}}}{evse}{token}{values}}}"#,
            self.kind,
            self.trigger.unwrap_or("MeterValuePeriodic"),
            self.seq,
            self.id,
        )
    }
}

pub fn tell(house: &mut House, station: &str, told: &Told) -> String {
    house.call(station, "TransactionEvent", &told.payload())
}

pub fn status(house: &mut House, station: &str, evse: u16, connector: u16, status: &str) {
    let at = house.stamp();
    let payload = format!(
        r#"{{"timestamp":"{at}","connectorStatus":"{status}","evseId":{evse},"connectorId":{connector}}}"#
    );
    assert_eq!(house.call(station, "StatusNotification", &payload), "[3,{}]");
}

fn house_201(station: &str) -> House {
    let mut house = House::new();
    house.speaks(station, Version::V201);
    house.boot(station);
    house
}

fn authorise(house: &mut House, station: &str, token: &str) -> String {
    house.call(station, "Authorize", &format!(r#"{{"idToken":{{"idToken":"{token}","type":"ISO14443"}}}}"#))
}

/// Plugged in, authorised, charging since noon; three events so far.
fn charging(station: &str) -> House {
    let mut house = house_201(station);
    status(&mut house, station, 1, 1, "Occupied");
    let plugged = Told {
        evse: Some(1),
        trigger: Some("CablePluggedIn"),
        state: Some("EVConnected"),
        registers: vec![("Transaction.Begin", 1_000)],
        ..told("Started", 0, 0)
    };
    assert_eq!(tell(&mut house, station, &plugged), "[3,{}]");
    assert_eq!(authorise(&mut house, station, "ANNA"), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    let token = Told { token: Some("ANNA"), trigger: Some("Authorized"), ..told("Updated", 1, 0) };
    assert_eq!(tell(&mut house, station, &token), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    let flows = Told { state: Some("Charging"), ..told("Updated", 2, 0) };
    assert_eq!(tell(&mut house, station, &flows), "[3,{}]");
    house
}

fn ended(seq: u32, at: i64, register: i64) -> Told {
    Told {
        trigger: Some("EVDeparted"),
        reason: Some("EVDisconnected"),
        registers: vec![("Transaction.End", register)],
        ..told("Ended", seq, at)
    }
}

fn transaction_at(house: &mut House, evse: &str) -> Option<TransactionId> {
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    view.evses.into_iter().find(|line| line.evse.to_string() == evse).unwrap().transaction
}

fn is_counted(house: &mut House, evse: &str) -> bool {
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    view.evses.iter().find(|line| line.evse.to_string() == evse).unwrap().control.is_in_transaction
}

#[test]
fn a_station_of_2_0_1_is_told_how_we_want_it_in_its_own_words() {
    let mut house = House::new();
    house.speaks("CP1", Version::V201);
    house.up("CP1");
    assert!(house.call("CP1", "BootNotification", BOOT_201).contains(r#""status":"Accepted""#));
    let calls = house.accept_all("CP1");
    let texts: Vec<&str> = calls.iter().map(|call| call.splitn(3, ',').nth(2).unwrap()).collect();
    assert!(texts.contains(&r#""ClearChargingProfile",{}]"#), "{texts:#?}");
    for part in [
        r#""GetVariables",{"getVariableData":[{"component":{"name":"SmartChargingCtrlr"},"variable":{"name":"RateUnit"}},{"#,
        r#""attributeValue":"60","component":{"name":"SampledDataCtrlr"},"variable":{"name":"TxUpdatedInterval"}"#,
        r#"Current.Import,Current.Offered,Power.Active.Import,Voltage","component":{"name":"SampledDataCtrlr"},"variable":{"name":"TxUpdatedMeasurands"}"#,
        r#""attributeValue":"Energy.Active.Import.Register","component":{"name":"SampledDataCtrlr"},"variable":{"name":"TxStartedMeasurands"}"#,
        r#""variable":{"name":"TxEndedMeasurands"}"#,
        r#""TriggerMessage",{"evse":{"id":1,"connectorId":1},"requestedMessage":"StatusNotification"}"#,
        r#""SetChargingProfile",{"evseId":1,"chargingProfile":{"id":12,"stackLevel":0,"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Relative","chargingSchedule":[{"id":12,"#,
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "{part} in {texts:#?}");
    }
    let row = house.station("CP1").row;
    assert_eq!((row.vendor.as_str(), row.model.as_str(), row.serial.as_str()), ("Acme", "Wall 22", "S2"));
    assert_eq!((row.ocpp_version, row.takes_watts_only), (Some(Version::V201), false));
    assert_eq!(row.quirks.len(), 0, "{:?}", row.quirks);
}

#[test]
fn m2_events_become_one_cdr_that_rests_on_its_frames() {
    let mut house = charging("CP1");
    for minute in 1..=40 {
        house.pass(60);
        let register = 1_000 + minute * 100;
        let values = Told {
            registers: vec![("Sample.Periodic", register)],
            amperes: Some(10),
            ..told("Updated", 2 + u32::try_from(minute).unwrap(), minute * 60)
        };
        assert_eq!(tell(&mut house, "CP1", &values), "[3,{}]");
    }
    house.pass(20);
    house.take();
    assert_eq!(tell(&mut house, "CP1", &ended(43, 2_420, 5_050)), "[3,{}]");
    let lines = house.take();
    let sealed = lines.iter().position(|line| line == "sealed CDR 1 of transaction 1").unwrap();
    assert!(sealed < lines.iter().position(|line| line.contains("[3,")).unwrap(), "{lines:?}");
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.doubts.len(), cdr.energy().unwrap().watt_hours_floor()), (0, 4_050));
    assert_eq!(cdr.driver, Driver::Account("anna".parse().unwrap()));
    assert_eq!(cdr.stop_reason, "EVDisconnected");
    assert_eq!(
        readings(cdr),
        [
            (0, 1_000, ReadingContext::Begin),
            (60, 1_100, ReadingContext::Periodic),
            (900, 2_500, ReadingContext::Periodic),
            (1_800, 4_000, ReadingContext::Periodic),
            (2_420, 5_050, ReadingContext::End),
        ]
    );
    assert_eq!(cdr.evidence.len(), 6, "a frame for each reading, and the token's");
    for evidence in &cdr.evidence {
        assert!(house.records().any(|record| matches!(
            record,
            Record::Evidence(row) if row.frame == evidence.frame && row.transaction == Some(TransactionId(1))
        )));
    }
    let row = house.transaction(1);
    assert!(row.is_sealed && row.reported_id.unwrap().0 == "T-1");
    assert_eq!(row.events.seen, [(0, 43)]);
    let QueryAnswer::Sessions(sessions) = house.query(Query::Sessions) else { panic!("sessions") };
    assert_eq!(sessions.len(), 0, "unplugging ended the session");
}

fn readings(cdr: &Cdr) -> Vec<(i64, i64, ReadingContext)> {
    let noon: Timestamp = NOON.parse().unwrap();
    let reading = |read: &billing::cdr::RegisterReading| {
        (read.at.since(noon).seconds_floor(), read.register.watt_hours_floor(), read.context)
    };
    cdr.readings.iter().map(reading).collect()
}

/// The slow way: sort by number, then read off.
fn naive(events: &[Told]) -> (Vec<(i64, i64, ReadingContext)>, Option<&'static str>) {
    let mut events: Vec<&Told> = events.iter().collect();
    events.sort_by_key(|event| event.seq);
    let mut readings: Vec<(i64, i64, ReadingContext)> = Vec::new();
    for event in &events {
        for &(context, register) in &event.registers {
            let context = match context {
                "Transaction.Begin" => ReadingContext::Begin,
                "Transaction.End" => ReadingContext::End,
                _ => ReadingContext::Periodic,
            };
            let is_first = context != ReadingContext::Periodic
                || !readings
                    .iter()
                    .any(|&(at, _, known)| known == ReadingContext::Periodic && at / 900 == event.at / 900);
            if is_first {
                readings.push((event.at, register, context));
            }
        }
    }
    (readings, events.iter().find_map(|event| event.token))
}

#[test]
fn trap_5_events_in_any_order_and_any_number_of_times_make_the_same_cdr() {
    let seeds: Vec<u64> = match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=60).collect(),
    };
    for seed in seeds {
        eprintln!("seed {seed}: SEED={seed} cargo test -p csms trap_5_events");
        let mut dice = Dice(seed);
        let mut roll = |sides: u64| i64::try_from(dice.roll(sides)).unwrap();
        // CP2 has two EVSEs: which one it is, only some event tells.
        let station = if roll(2) == 0 { "CP1" } else { "CP2" };
        let count = u32::try_from(roll(12)).unwrap() + 2;
        let first = u32::try_from(roll(3)).unwrap();
        let tells_evse = u32::try_from(roll(u64::from(count))).unwrap();
        let tells_token = u32::try_from(roll(u64::from(count - 1))).unwrap();
        let (mut at, mut register) = (600, 1_000);
        let events: Vec<Told> = (0..count)
            .map(|place| {
                let kind = if place == 0 {
                    "Started"
                } else if place + 1 == count {
                    "Ended"
                } else {
                    "Updated"
                };
                let context = match kind {
                    "Started" => Some("Transaction.Begin"),
                    "Ended" => Some("Transaction.End"),
                    _ => (roll(3) > 0).then_some("Sample.Periodic"),
                };
                let event = Told {
                    evse: (place == tells_evse || station == "CP1").then_some(1),
                    token: (place == tells_token).then_some("ANNA"),
                    trigger: (place == tells_token).then_some("Authorized"),
                    is_offline: true,
                    registers: context.map(|context| (context, register)).into_iter().collect(),
                    ..told(kind, first + place, at)
                };
                at += 1 + roll(500);
                register += roll(80);
                event
            })
            .collect();
        let mut house = House::new();
        house.speaks(station, Version::V201);
        house.boot(station);
        status(&mut house, station, 1, 1, "Available");
        house.down(station);
        house.pass(3 * 3_600);
        house.up(station);
        let mut left: Vec<&Told> = events.iter().collect();
        while !left.is_empty() {
            assert_eq!(house.cdrs().len(), 0, "seed {seed}: not before all are in");
            let next = left.remove(usize::try_from(roll(u64::try_from(left.len()).unwrap())).unwrap());
            for _ in 0..=roll(2) {
                let answer = tell(&mut house, station, next);
                let want = if next.token.is_some() {
                    r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#
                } else {
                    "[3,{}]"
                };
                assert_eq!(answer, want, "seed {seed}");
            }
        }
        for event in &events {
            tell(&mut house, station, event);
        }
        let [cdr] = &house.cdrs()[..] else { panic!("seed {seed}: one CDR, not {:?}", house.cdrs()) };
        let (wanted, token) = naive(&events);
        assert_eq!(readings(cdr), wanted, "seed {seed}");
        assert_eq!(cdr.token.as_ref().map(|token| token.as_str().to_owned()), token.map(str::to_owned));
        assert_eq!(cdr.doubts, [], "seed {seed}");
        assert_eq!(cdr.evse.to_string(), format!("{station}/1"), "seed {seed}");
        assert_eq!(house.findings().len(), 0, "seed {seed}: {:?}", house.findings());
        assert_eq!(transaction_at(&mut house, &format!("{station}/1")), None, "seed {seed}");
        assert!(!is_counted(&mut house, &format!("{station}/1")), "seed {seed}");
    }
}

#[test]
fn a_transaction_with_a_gap_is_sealed_with_a_doubt_a_day_after_its_end() {
    for (missing, doubts) in [
        (0, vec![Doubt::Incomplete { missing: 1 }, Doubt::MissingStart { readings: 2 }]),
        (3, vec![Doubt::Incomplete { missing: 1 }]),
    ] {
        let mut house = house_201("CP1");
        let events = [
            Told { evse: Some(1), registers: vec![("Transaction.Begin", 0)], ..told("Started", 0, 0) },
            Told { token: Some("ANNA"), trigger: Some("Authorized"), ..told("Updated", 1, 10) },
            Told { registers: vec![("Sample.Periodic", 500)], ..told("Updated", 2, 300) },
            told("Updated", 3, 400),
            ended(4, 600, 1_000),
        ];
        for event in events.iter().filter(|event| event.seq != missing) {
            house.pass((event.at - house.now.since(NOON.parse().unwrap()).seconds_floor()).max(0));
            assert!(tell(&mut house, "CP1", event).starts_with("[3,"));
        }
        assert!(!is_counted(&mut house, "CP1/1"), "for control it is over");
        house.pass(24 * 3_600 - 1);
        assert_eq!(house.cdrs().len(), 0, "it may still come");
        house.pass(1);
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        assert_eq!(cdr.doubts, doubts, "without {missing}");
        // What comes now is a finding, once.
        tell(&mut house, "CP1", &events[usize::try_from(missing).unwrap()]);
        tell(&mut house, "CP1", &events[usize::try_from(missing).unwrap()]);
        assert!(matches!(&house.found()[..], [Doubt::AfterSeal { .. }]), "{:?}", house.found());
        assert_eq!(house.cdrs().len(), 1);
    }
}

#[test]
fn an_ev_that_is_plugged_in_and_asks_for_nothing_leaves_no_cdr_and_no_finding() {
    let mut house = house_201("CP1");
    status(&mut house, "CP1", 1, 1, "Occupied");
    let plugged = Told {
        evse: Some(1),
        state: Some("EVConnected"),
        registers: vec![("Transaction.Begin", 1_000)],
        ..told("Started", 0, 0)
    };
    tell(&mut house, "CP1", &plugged);
    assert_eq!(transaction_at(&mut house, "CP1/1"), Some(TransactionId(1)));
    assert!(!is_counted(&mut house, "CP1/1"), "no energy can flow before we accept");
    house.pass(600);
    tell(&mut house, "CP1", &Told { state: Some("Idle"), ..ended(1, 600, 1_000) });
    assert_eq!((house.cdrs().len(), house.findings().len()), (0, 0));
    assert!(house.transaction(1).is_sealed);
    assert_eq!(transaction_at(&mut house, "CP1/1"), None);
}

#[test]
fn energy_without_a_token_is_a_doubt() {
    for (state, register) in [(None, 1_001), (Some("Charging"), 1_000)] {
        let mut house = house_201("CP1");
        let begin = Told {
            evse: Some(1),
            state: Some("EVConnected"),
            registers: vec![("Transaction.Begin", 1_000)],
            ..told("Started", 0, 0)
        };
        tell(&mut house, "CP1", &begin);
        house.pass(600);
        tell(&mut house, "CP1", &Told { state, ..told("Updated", 1, 300) });
        assert_eq!(is_counted(&mut house, "CP1/1"), state.is_some(), "control sees what may flow");
        tell(&mut house, "CP1", &ended(2, 600, register));
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        assert_eq!(cdr.doubts, [Doubt::UnknownDriver { token: None }, Doubt::NoTariff]);
        assert!(house.quirks("CP1").contains(&"draws_without_token".to_owned()));
    }
}

#[test]
fn whoever_ends_a_transaction_is_not_its_driver() {
    let mut house = charging("CP1");
    house.pass(600);
    let stopped = Told {
        token: Some("BERT"),
        trigger: Some("StopAuthorized"),
        reason: Some("Local"),
        ..ended(3, 600, 2_000)
    };
    assert_eq!(tell(&mut house, "CP1", &stopped), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    assert_eq!(house.cdrs()[0].token.as_ref().unwrap().as_str(), "ANNA");
    assert_eq!(house.cdrs()[0].doubts, []);
}

#[test]
fn a_reason_that_is_left_out_is_local() {
    for (said, kept) in [(None, "Local"), (Some("EVDisconnected"), "EVDisconnected")] {
        let mut house = charging("CP1");
        house.pass(600);
        tell(&mut house, "CP1", &Told { reason: said, ..ended(3, 600, 2_000) });
        assert_eq!(house.cdrs()[0].stop_reason, kept);
    }
}

#[test]
fn two_tokens_to_charge_in_one_transaction_are_a_doubt_and_the_earlier_one_counts() {
    for order in [[1, 2], [2, 1]] {
        let mut house = house_201("CP1");
        let begin =
            Told { evse: Some(1), registers: vec![("Transaction.Begin", 0)], ..told("Started", 0, 0) };
        tell(&mut house, "CP1", &begin);
        for seq in order {
            let token = if seq == 1 { "ANNA" } else { "BERT" };
            tell(&mut house, "CP1", &Told { token: Some(token), ..told("Updated", seq, i64::from(seq)) });
        }
        house.pass(600);
        tell(&mut house, "CP1", &ended(3, 600, 100));
        let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
        assert_eq!(cdr.token.as_ref().unwrap().as_str(), "ANNA");
        assert_eq!(cdr.doubts, [Doubt::SeveralTokens { other: "BERT".parse().unwrap() }]);
    }
}

#[test]
fn m2_registers_of_begin_and_end_are_those_that_say_so() {
    let mut house = house_201("CP1");
    let begin = Told {
        evse: Some(1),
        token: Some("ANNA"),
        registers: vec![("Sample.Periodic", 1_000)],
        ..told("Started", 0, 0)
    };
    tell(&mut house, "CP1", &begin);
    house.pass(600);
    // Stations may send both with the last event, even with one time.
    let both = Told {
        registers: vec![("Transaction.Begin", 1_000), ("Transaction.End", 1_500)],
        ..ended(1, 600, 0)
    };
    tell(&mut house, "CP1", &both);
    assert_eq!(house.cdrs()[0].energy().unwrap().watt_hours_floor(), 500);

    let mut house = house_201("CP1");
    tell(&mut house, "CP1", &begin);
    house.pass(600);
    tell(&mut house, "CP1", &ended(1, 600, 1_500));
    assert_eq!(house.cdrs()[0].doubts, [Doubt::MissingStart { readings: 2 }], "never guessed");
}

#[test]
fn m2_begins_that_contradict_each_other_are_a_doubt() {
    let mut house = charging("CP1");
    let again = Told { registers: vec![("Transaction.Begin", 1_010)], ..told("Updated", 3, 60) };
    tell(&mut house, "CP1", &again);
    house.pass(600);
    tell(&mut house, "CP1", &ended(4, 600, 2_000));
    let watt_hours = units::WattHours::from_watt_hours;
    let doubt = Doubt::Contradictory {
        context: ReadingContext::Begin,
        first: watt_hours(1_000),
        second: watt_hours(1_010),
    };
    assert_eq!(house.cdrs()[0].doubts, [doubt]);
}

#[test]
fn signed_data_and_power_of_no_unit_are_left_out() {
    let mut house = charging("CP1");
    let at = House::at(60);
    house.pass(60);
    let payload = format!(
        r#"{{"eventType":"Updated","timestamp":"{at}","triggerReason":"MeterValuePeriodic","seqNo":3,"transactionInfo":{{"transactionId":"T-1"}},"meterValue":[{{"timestamp":"{at}","sampledValue":[{{"value":7.4,"measurand":"Power.Active.Import"}},{{"value":1.1,"unitOfMeasure":{{"unit":"kWh"}},"signedMeterValue":{{"signedMeterData":"AAAA","signingMethod":"","encodingMethod":"OCMF","publicKey":""}}}}]}}]}}"#
    );
    assert_eq!(house.call("CP1", "TransactionEvent", &payload), "[3,{}]");
    let QueryAnswer::Sessions(sessions) = house.query(Query::Sessions) else { panic!("sessions") };
    assert_eq!(sessions[0].energy, Some(units::WattHours::from_watt_hours(100)), "1.1 kWh less 1 kWh");
    let QueryAnswer::Site(Some(view)) = house.query(Query::Site("house".parse().unwrap())) else {
        panic!("site")
    };
    assert_eq!(view.evses[0].control.drawn.l1, units::Amperes::ZERO, "7.4 W, or kW: nobody knows");
    let kept = house.records().any(
        |record| matches!(record, Record::Evidence(row) if row.text.contains(r#""signedMeterData":"AAAA""#)),
    );
    assert!(kept, "the frame is evidence");
}

#[test]
fn the_state_of_the_ev_comes_with_events_and_an_occupied_connector_does_not_undo_it() {
    let mut house = charging("CP1");
    let ev = |house: &mut House| {
        let place = house.csms.station_by_id[&"CP1".parse().unwrap()];
        house.csms.stations[place].evses[0].ev
    };
    assert_eq!(ev(&mut house), Some(EvState::Charging));
    status(&mut house, "CP1", 1, 1, "Occupied");
    status(&mut house, "CP1", 1, 2, "Unavailable");
    assert_eq!(ev(&mut house), Some(EvState::Charging), "the EVSE's other connector is out of use meanwhile");
    tell(&mut house, "CP1", &Told { state: Some("SuspendedEV"), ..told("Updated", 4, 60) });
    assert_eq!(ev(&mut house), Some(EvState::SuspendedEv));
    tell(&mut house, "CP1", &Told { state: Some("SuspendedEVSE"), ..told("Updated", 3, 30) });
    assert_eq!(ev(&mut house), Some(EvState::SuspendedEv), "what is older says nothing of now");
    house.pass(600);
    tell(&mut house, "CP1", &ended(5, 600, 2_000));
    assert_eq!(ev(&mut house), Some(EvState::Absent));
    status(&mut house, "CP1", 1, 2, "Available");
    status(&mut house, "CP1", 1, 1, "Faulted");
    assert_eq!(ev(&mut house), Some(EvState::Absent), "one connector still serves");
    status(&mut house, "CP1", 1, 2, "Unavailable");
    assert_eq!(ev(&mut house), Some(EvState::Faulted));
}

#[test]
fn a_station_that_uses_an_id_again_has_two_transactions() {
    let mut house = charging("CP1");
    house.pass(600);
    tell(&mut house, "CP1", &ended(3, 600, 2_000));
    house.pass(600);
    let again = Told {
        evse: Some(1),
        token: Some("BERT"),
        registers: vec![("Transaction.Begin", 2_000)],
        ..told("Started", 0, 1_200)
    };
    tell(&mut house, "CP1", &again);
    assert_eq!(tell(&mut house, "CP1", &again), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    house.pass(600);
    tell(&mut house, "CP1", &ended(1, 1_800, 2_500));
    let energies: Vec<i64> =
        house.cdrs().iter().map(|cdr| cdr.energy().unwrap().watt_hours_floor()).collect();
    assert_eq!(energies, [1_000, 500]);
}

#[test]
fn an_event_at_an_evse_that_no_site_names_is_kept_and_found_once() {
    let mut house = house_201("CP1");
    for seq in 0..3 {
        let event = Told { evse: Some(7), token: Some("ANNA"), ..told("Started", seq, 0) };
        assert_eq!(tell(&mut house, "CP1", &event), r#"[3,{"idTokenInfo":{"status":"Unknown"}}]"#);
    }
    assert_eq!(house.found(), [Doubt::Orphan { claimed: "T-1 at EVSE 7".to_owned() }]);
}

#[test]
fn a_transaction_that_never_tells_its_evse_is_held_with_doubts() {
    let mut house = house_201("CP2");
    let begin =
        Told { token: Some("ANNA"), registers: vec![("Transaction.Begin", 0)], ..told("Started", 0, 0) };
    assert!(tell(&mut house, "CP2", &begin).contains("Accepted"));
    house.pass(600);
    tell(&mut house, "CP2", &ended(1, 600, 100));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert!(cdr.doubts.contains(&Doubt::NoTariff), "{:?}", cdr.doubts);
}

#[test]
fn the_live_limit_names_the_stations_own_transaction() {
    let mut house = charging("CP1");
    house.pass(2);
    let calls = house.accept_all("CP1");
    let live = calls.iter().find(|call| call.contains(r#""TxProfile""#)).expect("a live limit");
    for part in [
        r#""SetChargingProfile",{"evseId":1,"chargingProfile":{"id":11,"#,
        r#""chargingProfileKind":"Absolute","transactionId":"T-1","chargingSchedule":[{"id":11,"startSchedule":""#,
        r#""chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":16},{"startPeriod":3900,"limit":0"#,
    ] {
        assert!(live.contains(part), "{part} in {live}");
    }
    let quirks = house.quirks("CP1");
    assert_eq!(quirks, [""; 0]);
}

#[test]
fn starts_and_stops_from_afar_are_in_2_0_1s_words_and_numbered() {
    let mut house = house_201("CP1");
    let plugged = Told { evse: Some(1), state: Some("EVConnected"), ..told("Started", 0, 0) };
    tell(&mut house, "CP1", &plugged);
    house.take();
    let start = || Command::Start { evse: "CP1/1".parse().unwrap(), token: "ANNA".parse().unwrap() };
    assert_eq!(house.command(start()), None, "an EV that is plugged in is no hindrance");
    let calls = house.calls_to("CP1");
    assert!(
        calls[0].ends_with(
            r#""RequestStartTransaction",{"evseId":1,"idToken":{"idToken":"ANNA","type":"Central"},"remoteStartId":1}]"#
        ),
        "{calls:?}"
    );
    let id = message_id(&calls[0]);
    house.frame("CP1", &format!(r#"[3,"{id}",{{"status":"Accepted","transactionId":"T-1"}}]"#));
    assert!(matches!(house.last_answer(), Some(CommandAnswer::Station(_))));
    tell(
        &mut house,
        "CP1",
        &Told { token: Some("ANNA"), trigger: Some("RemoteStart"), ..told("Updated", 1, 1) },
    );
    assert!(matches!(house.command(start()), Some(CommandAnswer::Refused(_))), "it runs");
    house.accept_all("CP1");
    assert_eq!(house.command(Command::Stop { evse: "CP1/1".parse().unwrap() }), None);
    let calls = house.calls_to("CP1");
    assert!(
        calls.iter().any(|call| call.ends_with(r#""RequestStopTransaction",{"transactionId":"T-1"}]"#)),
        "{calls:?}"
    );
}

#[test]
fn s1_calls_of_2_0_1_that_bear_limits_or_starts_are_refused_and_say_why() {
    let set = |component: &str, variable: &str| {
        format!(
            r#"{{"setVariableData":[{{"attributeValue":"10","component":{{"name":"ClockCtrlr"}},"variable":{{"name":"TimeZone"}}}},{{"attributeValue":"x","component":{{"name":"{component}"}},"variable":{{"name":"{variable}"}}}}]}}"#
        )
    };
    let profile = r#"{"id":1,"stackLevel":0,"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative","chargingSchedule":[{"id":1,"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":32}]}]}"#;
    for (action, payload) in [
        ("SetChargingProfile", format!(r#"{{"evseId":1,"chargingProfile":{profile}}}"#)),
        ("ClearChargingProfile", "{}".to_owned()),
        ("SetVariables", set("SmartChargingCtrlr", "Enabled")),
        ("SetVariables", set("EVSE", "MaxCurrent")),
        ("SetVariables", set("AuthCtrlr", "Enabled")),
        ("SetVariables", set("AuthCtrlr", "LocalPreAuthorize")),
        ("SetVariables", set("AuthCtrlr", "OfflineTxForUnknownIdEnabled")),
        ("SetVariables", set("AuthCacheCtrlr", "Enabled")),
        ("SetVariables", set("LocalAuthListCtrlr", "Enabled")),
        ("SetVariables", set("TxCtrlr", "StopTxOnInvalidId")),
        (
            "SendLocalList",
            r#"{"versionNumber":1,"updateType":"Full","localAuthorizationList":[{"idToken":{"idToken":"ANNA","type":"Central"},"idTokenInfo":{"status":"Accepted"}}]}"#.to_owned(),
        ),
        (
            "RequestStartTransaction",
            format!(
                r#"{{"evseId":1,"remoteStartId":1,"idToken":{{"idToken":"ANNA","type":"Central"}},"chargingProfile":{profile}}}"#
            ),
        ),
        (
            "RequestStartTransaction",
            r#"{"remoteStartId":1,"idToken":{"idToken":"ANNA","type":"Central"}}"#.to_owned(),
        ),
    ] {
        let mut house = house_201("CP1");
        house.take();
        let command = Command::Call {
            station: "CP1".parse().unwrap(),
            action: action.into(),
            payload: payload.clone().into(),
        };
        let Some(CommandAnswer::Refused(reasons)) = house.command(command) else {
            panic!("{action} {payload} is refused")
        };
        assert!(reasons[0].starts_with("S1"), "{action} {payload}: {reasons:?}");
        assert_eq!(house.calls_to("CP1"), [""; 0], "{action}");
    }
    for (version, action, want) in [
        (Version::V201, "ChangeConfiguration", "`ChangeConfiguration` is no OCPP 2.0.1 action of ours"),
        (Version::V201, "RemoteStartTransaction", "is no OCPP 2.0.1 action"),
        (Version::V16, "SetVariables", "`SetVariables` is no OCPP 1.6 action of ours"),
    ] {
        let mut house = House::new();
        house.speaks("CP1", version);
        house.boot("CP1");
        let command =
            Command::Call { station: "CP1".parse().unwrap(), action: action.into(), payload: "{}".into() };
        let Some(CommandAnswer::Refused(reasons)) = house.command(command) else { panic!("{action}") };
        assert!(reasons[0].contains(want), "{reasons:?}");
    }
    for (action, payload) in [
        ("SetVariables", set("SampledDataCtrlr", "TxUpdatedInterval")),
        (
            "SetNetworkProfile",
            r#"{"configurationSlot":1,"connectionData":{"ocppVersion":"OCPP20","ocppTransport":"JSON","ocppCsmsUrl":"wss://x","messageTimeout":30,"securityProfile":2,"ocppInterface":"Wired0"}}"#.to_owned(),
        ),
        ("Reset", r#"{"type":"Immediate"}"#.to_owned()),
    ] {
        let mut house = house_201("CP1");
        house.take();
        let command =
            Command::Call { station: "CP1".parse().unwrap(), action: action.into(), payload: payload.into() };
        assert_eq!(house.command(command), None, "{action} goes out");
        assert_eq!(house.calls_to("CP1").len(), 1, "{action}");
    }
}

#[test]
fn trap_1_a_pending_station_gets_a_security_error_for_everything_but_its_boot() {
    let mut house = House::new();
    house.speaks("CP9", Version::V201);
    house.up("CP9");
    let boot = house.call("CP9", "BootNotification", BOOT_201);
    assert!(boot.contains(r#""status":"Pending""#), "{boot}");
    for (action, payload) in [
        ("Heartbeat", "{}".to_owned()),
        ("TransactionEvent", Told { evse: Some(1), ..told("Started", 0, 0) }.payload()),
        ("TransactionEvent", "{}".to_owned()),
        ("NotifyReport", "{}".to_owned()),
    ] {
        let reply = house.call("CP9", action, &payload);
        assert!(reply.starts_with(r#"[4,"SecurityError""#), "{action}: {reply}");
    }
    assert!(house.records().all(|record| !matches!(record, Record::Transaction(_) | Record::Evidence(_))));
}

#[test]
fn trap_2_a_repeated_event_is_answered_alike_and_changes_nothing() {
    let mut house = charging("CP1");
    let token = Told { token: Some("ANNA"), trigger: Some("Authorized"), ..told("Updated", 1, 0) };
    let outputs = house.outputs.len();
    for _ in 0..3 {
        assert_eq!(tell(&mut house, "CP1", &token), r#"[3,{"idTokenInfo":{"status":"Accepted"}}]"#);
    }
    let tables: Vec<&str> = crate::tests::records_of(&house.outputs[outputs..])
        .map(Record::table)
        .filter(|&table| table != "station" && table != "evse")
        .collect();
    assert_eq!(tables, [""; 0]);
    assert_eq!(house.quirks("CP1"), ["repeats_event"]);
}

#[test]
fn s1_a_start_that_no_row_carries_stays_refused_when_it_is_repeated() {
    let mut house = House::with(site(12, None));
    house.speaks("CP1", Version::V201);
    house.up("CP1");
    let event = Told { evse: Some(1), token: Some("ANNA"), ..told("Started", 0, 0) };
    let first = tell(&mut house, "CP1", &event);
    assert!(first.contains(r#""status":"NotAtThisTime""#), "{first}");
    assert_eq!(tell(&mut house, "CP1", &event), first);

    let mut house = House::with(site(12, None));
    house.up("CP1");
    let payload = crate::tests::start_payload(1, "ANNA", 0, NOON);
    let first = house.call("CP1", "StartTransaction", &payload);
    assert!(first.contains(r#""status":"Blocked""#), "{first}");
    assert_eq!(house.call("CP1", "StartTransaction", &payload), first, "in OCPP 1.6 too");
}

#[test]
fn trap_3_absurd_events_have_their_answer_and_stay_out_of_billing() {
    for payload in [
        "{}",
        "[]",
        r#"{"eventType":"Ended"}"#,
        r#"{"eventType":"Ended","timestamp":"yesterday","triggerReason":"x","seqNo":-1,"transactionInfo":{"transactionId":""}}"#,
        r#"{"eventType":7,"timestamp":null,"seqNo":"x","transactionInfo":{"transactionId":null},"evse":{"id":"x"},"idToken":7,"meterValue":7}"#,
        r#"{"eventType":"Updated","timestamp":"2026-01-15T12:00:00Z","triggerReason":"Trigger","seqNo":1,"transactionInfo":7}"#,
    ] {
        let mut house = house_201("CP1");
        let reply = house.call("CP1", "TransactionEvent", payload);
        assert!(reply.starts_with("[3,"), "{payload}: {reply}");
        house.pass(25 * 3_600);
        assert!(house.cdrs().iter().all(|cdr| !cdr.doubts.is_empty()), "{payload}");
        assert!(house.findings().len() + house.cdrs().len() > 0, "{payload} is seen");
    }
}

#[test]
fn trap_4_transaction_ids_are_scoped_per_station() {
    let mut house = charging("CP1");
    house.speaks("CP2", Version::V201);
    house.boot("CP2");
    house.pass(60);
    tell(&mut house, "CP2", &Told { evse: Some(1), ..ended(3, 60, 9_000) });
    assert_eq!(transaction_at(&mut house, "CP1/1"), Some(TransactionId(1)), "its own goes on");
    house.pass(540);
    tell(&mut house, "CP1", &ended(3, 600, 1_500));
    let [cdr] = &house.cdrs()[..] else { panic!("one CDR") };
    assert_eq!((cdr.transaction, cdr.doubts.len()), (TransactionId(1), 0));
    assert_eq!(cdr.energy().unwrap().watt_hours_floor(), 500);
}

#[test]
fn trap_7_error_codes_are_those_of_2_0_1() {
    let mut house = house_201("CP1");
    let reply = house.call("CP1", "StatusNotification", r#"{"connectorStatus":"Available"}"#);
    assert!(reply.starts_with(r#"[4,"OccurrenceConstraintViolation""#), "{reply}");
    let reply = house.call("CP1", "StartTransaction", "{}");
    assert!(reply.starts_with(r#"[4,"NotImplemented""#), "{reply}");
    house.take();
    house.frame("CP1", "no frame");
    assert!(house.take().iter().any(|line| line.starts_with(r#"to CP1 [4,"-1","RpcFrameworkError""#)));
}

#[test]
fn trap_11_tokens_compare_without_case_and_refusals_say_which() {
    for (token, want) in [
        ("anna", r#"{"status":"Accepted"}"#),
        ("NOBODY", r#"{"status":"Unknown"}"#),
        ("DORA", r#"{"status":"Blocked"}"#),
        ("EMIL", r#"{"status":"Expired"}"#),
        ("CARL", r#"{"status":"NotAtThisTime","cacheExpiryDateTime":"2026-01-15T12:01:00.000Z"}"#),
    ] {
        let mut house = house_201("CP1");
        let reply = authorise(&mut house, "CP1", token);
        assert_eq!(reply, format!(r#"[3,{{"idTokenInfo":{want}}}]"#), "{token}");
    }
}

#[test]
fn trap_13_a_station_of_2_0_1_that_takes_watts_only_gets_watts() {
    let mut house = House::new();
    house.speaks("CP1", Version::V201);
    house.up("CP1");
    house.call("CP1", "BootNotification", BOOT_201);
    house.answer_all(
        "CP1",
        r#"{"status":"Accepted","getVariableResult":[{"attributeStatus":"Accepted","attributeValue":"W","component":{"name":"SmartChargingCtrlr"},"variable":{"name":"RateUnit"}}]}"#,
    );
    assert!(house.station("CP1").row.takes_watts_only);
}

#[test]
fn trap_16_set_variables_answers_per_variable() {
    for (status, is_refused) in [("RebootRequired", false), ("UnknownVariable", true)] {
        let mut house = House::new();
        house.speaks("CP1", Version::V201);
        house.up("CP1");
        house.call("CP1", "BootNotification", BOOT_201);
        house.answer_all(
            "CP1",
            &format!(
                r#"{{"status":"Accepted","setVariableResult":[{{"attributeStatus":"{status}","component":{{"name":"SampledDataCtrlr"}},"variable":{{"name":"x"}}}}]}}"#
            ),
        );
        let quirks = house.quirks("CP1");
        assert_eq!(quirks.contains(&"refuses_measurands".to_owned()), is_refused, "{status}: {quirks:?}");
    }
}

#[test]
fn a_station_that_changes_its_version_keeps_its_transaction() {
    let mut house = House::new();
    house.boot("CP1");
    house.status("CP1", 1, "Preparing");
    house.start("CP1", 1, "ANNA", 1_000);
    house.down("CP1");
    house.speaks("CP1", Version::V201);
    house.boot("CP1");
    assert_eq!(house.station("CP1").row.ocpp_version, Some(Version::V201));
    assert_eq!(transaction_at(&mut house, "CP1/1"), Some(TransactionId(1)));
    house.pass(60);
    let begin = Told {
        id: "NEW",
        evse: Some(1),
        token: Some("ANNA"),
        registers: vec![("Transaction.Begin", 1_100)],
        ..told("Started", 0, 60)
    };
    tell(&mut house, "CP1", &begin);
    assert!(house.transaction(1).superseded_at.is_some());
    house.pass(600);
    tell(&mut house, "CP1", &Told { id: "NEW", ..ended(1, 660, 1_200) });
    house.pass(25 * 3_600);
    let doubts: Vec<usize> = house.cdrs().iter().map(|cdr| cdr.doubts.len()).collect();
    assert_eq!(doubts, [0, 1], "the old one lost its end");
}

#[test]
fn events_late_by_days_do_not_seal_what_they_supersede_before_its_end_can_come() {
    let mut house = charging("CP1");
    house.down("CP1");
    house.pass(3 * 24 * 3_600);
    house.up("CP1");
    let hour = 3_600;
    let next = Told {
        id: "T-2",
        evse: Some(1),
        token: Some("BERT"),
        is_offline: true,
        registers: vec![("Transaction.Begin", 2_000)],
        ..told("Started", 0, 2 * hour)
    };
    tell(&mut house, "CP1", &next);
    house.pass(60);
    assert_eq!(house.cdrs().len(), 0, "its end may be on its way");
    tell(&mut house, "CP1", &Told { is_offline: true, ..ended(3, hour, 2_000) });
    tell(&mut house, "CP1", &Told { id: "T-2", is_offline: true, ..ended(1, 3 * hour, 2_500) });
    assert_eq!(house.cdrs().len(), 2);
    assert!(house.cdrs().iter().all(|cdr| cdr.doubts.is_empty()), "{:?}", house.cdrs());
}

#[test]
fn the_numbers_of_events_are_kept_as_ranges() {
    let mut dice = Dice(7);
    for _ in 0..200 {
        let mut events = Events::default();
        let mut naive = std::collections::BTreeSet::new();
        for _ in 0..dice.roll(40) {
            let number = u32::try_from(dice.roll(30)).unwrap();
            events.insert(number);
            naive.insert(number);
        }
        for number in 0..32 {
            assert_eq!(events.has(number), naive.contains(&number), "{number} in {:?}", events.seen);
        }
        assert!(events.seen.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", events.seen);
        let (first, last) =
            (u32::try_from(dice.roll(10)).unwrap(), 10 + u32::try_from(dice.roll(20)).unwrap());
        (events.first, events.last) = (Some(first), Some(last));
        let missing = (first..=last).filter(|number| !naive.contains(number)).count();
        assert_eq!(events.is_complete(), missing == 0);
        assert_eq!(events.missing(), u64::try_from(missing).unwrap());
    }
    let mut events = Events::default();
    for number in 0..2_000 {
        events.insert(number * 2);
    }
    assert_eq!(events.seen.len(), Events::RANGES_LIMIT, "a station cannot fill the memory");
    events.insert(u32::MAX);
    assert!(events.missing() > 0);
}

#[test]
fn a_seeded_storm_of_odd_and_broken_frames_of_2_0_1_breaks_nothing() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(201);
    eprintln!("seed {seed}: SEED={seed} cargo test -p csms storm");
    let mut dice = Dice(seed);
    let mut house = house_201("CP2");
    let full = Told {
        evse: Some(1),
        token: Some("ANNA"),
        state: Some("Charging"),
        registers: vec![("Transaction.Begin", 1), ("Sample.Periodic", 2)],
        amperes: Some(3),
        ..told("Started", 0, 0)
    };
    let good = [
        format!(r#"[2,"1","BootNotification",{BOOT_201}]"#),
        format!(r#"[2,"2","TransactionEvent",{}]"#, full.payload()),
        format!(r#"[2,"3","TransactionEvent",{}]"#, ended(5, 60, 9).payload()),
        format!(r#"[2,"4","TransactionEvent",{}]"#, Told { id: "T-2", ..told("Updated", 3, 9) }.payload()),
        r#"[2,"5","StatusNotification",{"timestamp":"2026-01-15T12:00:00Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]"#.to_owned(),
        r#"[2,"6","Authorize",{"idToken":{"idToken":"ANNA","type":"Central"}}]"#.to_owned(),
        r#"[3,"1",{"status":"Accepted"}]"#.to_owned(),
        r#"[4,"2","GenericError","",{}]"#.to_owned(),
    ];
    let pieces = ["\"", "{", "}", "[", "]", ",", ":", "-1", "9e99", "null", "é", "\\", "0", "4294967295"];
    house.storm("CP2", &good, &pieces, &mut dice);
}

#[test]
fn an_event_amid_a_transaction_shows_a_clock_that_was_set_back_and_one_told_later_does_not() {
    let mut house = charging("CP1");
    house.pass(600);
    let skew = |house: &mut House| house.station("CP1").row.clock_skew_ms;
    tell(&mut house, "CP1", &Told { is_offline: true, ..told("Updated", 3, -3_000) });
    assert_eq!(skew(&mut house), Some(0));
    tell(&mut house, "CP1", &told("Updated", 4, -3_000));
    assert_eq!(skew(&mut house), Some(-3_600_000));
}

#[test]
fn m8_what_an_ev_declined_while_its_station_was_away_says_nothing_of_now() {
    let mut house = charging("CP1");
    house.pass(60);
    house.accept_all("CP1");
    let declines = |seq, at| Told { state: Some("SuspendedEV"), evse: Some(1), ..told("Updated", seq, at) };
    tell(&mut house, "CP1", &declines(3, 60));
    let activity = |house: &House| house.transaction(1).activity.last().map(|span| span.activity);
    assert_eq!(activity(&house), Some(Activity::Declined));
    house.down("CP1");
    house.pass(60);
    house.up("CP1");
    tell(&mut house, "CP1", &Told { is_offline: true, ..declines(4, 90) });
    assert_eq!(activity(&house), Some(Activity::NotOffered));
    tell(&mut house, "CP1", &declines(5, 120));
    assert_eq!(activity(&house), Some(Activity::Declined));
}

#[test]
fn m8_what_an_ev_declined_ended_when_the_station_says_so_be_it_told_late() {
    let mut house = charging("CP1");
    house.pass(60);
    house.accept_all("CP1");
    let in_state = |state, seq, at| Told { state: Some(state), evse: Some(1), ..told("Updated", seq, at) };
    tell(&mut house, "CP1", &in_state("SuspendedEV", 3, 60));
    house.pass(120);
    tell(&mut house, "CP1", &in_state("SuspendedEVSE", 4, 90));
    let spans = house.transaction(1).activity;
    let [.., declined, ended] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((declined.activity, ended.activity), (Activity::Declined, Activity::NotOffered));
    assert_eq!(ended.from.since(declined.from), TimeSpan::from_seconds(30));
}
