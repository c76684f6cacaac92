//! Any messages of any version, in any order, with any content: each call has its one answer, each message of a
//! transaction its CALLRESULT, nothing breaks, and what is committed makes an engine again.

use ocpp::{v16, v21, v201};

use crate::tests::{BOOT, BOOT_201, Dice, House};
use crate::{Command, Csms, Version};

/// Seeds that are run always; one that found something stays here.
const SEEDS: [u64; 12] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233];
/// Steps of one storm.
const STEPS: u64 = 400;

#[test]
fn any_messages_of_any_version_in_any_order_have_their_one_answer() {
    let more = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in SEEDS.into_iter().chain(more) {
        eprintln!("seed {seed}: SEED={seed} cargo test -p csms any_messages_of_any_version");
        storm(&mut Dice(seed));
    }
}

fn storm(dice: &mut Dice) {
    let mut house = House::new();
    let mut up = [false; 2];
    for _ in 0..STEPS {
        let place = usize::try_from(dice.roll(2)).unwrap();
        let station = ["CP1", "CP2"][place];
        if !up[place] {
            house.speaks(station, [Version::V16, Version::V201, Version::V21][one_of(dice, 3)]);
            house.up(station);
            up[place] = true;
        }
        let version = house.version(station);
        match dice.roll(16) {
            0 => {
                house.down(station);
                up[place] = false;
            }
            1 => {
                let boot = if version == Version::V16 { BOOT } else { BOOT_201 };
                assert!(house.call(station, "BootNotification", boot).contains("Accepted"));
            }
            2 => house.pass(i64::try_from(dice.roll(900)).unwrap()),
            3..=5 => answer_one(&mut house, station, dice),
            6 => operate(&mut house, station, version, dice),
            _ => call(&mut house, station, version, dice),
        }
    }
    let rows: Vec<_> = house.rows().into_values().collect();
    let _ = Csms::restored(house.now, rows.iter());
}

/// One of a station's calls, with any content.
fn call(house: &mut House, station: &str, version: Version, dice: &mut Dice) {
    let actions: Vec<&str> = match version {
        Version::V16 => v16::StationAction::ALL.iter().map(|action| action.name()).collect(),
        Version::V201 => v201::StationAction::ALL.iter().map(|action| action.name()).collect(),
        Version::V21 => {
            let new = v21::StationAction::ALL.iter().map(|action| action.name());
            v201::StationAction::ALL.iter().map(|action| action.name()).chain(new).collect()
        }
    };
    let action = actions[one_of(dice, actions.len())];
    let payload = object(dice, 0);
    let reply = house.call(station, action, &payload);
    assert!(reply.starts_with("[3,") || reply.starts_with("[4,"), "{action} {payload}: {reply}");
    if ["StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"].contains(&action) {
        assert!(reply.starts_with("[3,"), "{action} {payload}: {reply}");
    }
}

/// Whatever we asked is answered somehow.
fn answer_one(house: &mut House, station: &str, dice: &mut Dice) {
    let Some(call) = house.calls_to(station).pop() else { return };
    let Some(id) = call.split('"').nth(1).map(ToOwned::to_owned) else { return };
    let text = match dice.roll(5) {
        0 => format!(r#"[4,"{id}","{}","",{{}}]"#, word(dice)),
        1 => format!(r#"[5,"{id}","{}","",{{}}]"#, word(dice)),
        2 => format!(r#"[3,"{id}",{}]"#, object(dice, 0)),
        _ => format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#),
    };
    house.frame(station, &text);
}

/// Any call of an operator's.
fn operate(house: &mut House, station: &str, version: Version, dice: &mut Dice) {
    let actions: Vec<&str> = match version {
        Version::V16 => v16::CsmsAction::ALL.iter().map(|action| action.name()).collect(),
        Version::V201 => v201::CsmsAction::ALL.iter().map(|action| action.name()).collect(),
        Version::V21 => v21::CsmsAction::ALL.iter().map(|action| action.name()).collect(),
    };
    let (action, payload) = (actions[one_of(dice, actions.len())].into(), object(dice, 0).into());
    house.command(Command::Call { station: station.parse().unwrap(), action, payload });
}

/// An object of members that messages have, with values that they have, or others.
fn object(dice: &mut Dice, depth: u32) -> String {
    let members: Vec<String> = (0..dice.roll(9))
        .map(|_| {
            let name = NAMES[one_of(dice, NAMES.len())];
            format!(r#""{name}":{}"#, value(name, dice, depth + 1))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

fn value(name: &str, dice: &mut Dice, depth: u32) -> String {
    let is_odd = dice.roll(8) == 0;
    match name {
        "idToken"
        | "evse"
        | "transactionInfo"
        | "chargingNeeds"
        | "chargingLimit"
        | "costDetails"
        | "component"
        | "variable"
        | "unitOfMeasure"
        | "acChargingParameters"
            if !is_odd && depth < 6 =>
        {
            object(dice, depth)
        }
        "meterValue"
        | "sampledValue"
        | "eventData"
        | "reportData"
        | "chargingSchedule"
        | "monitor"
        | "chargingSchedulePeriod"
        | "transactionData"
        | "certificateStatusRequests"
            if !is_odd && depth < 6 =>
        {
            format!("[{}]", (0..dice.roll(3)).map(|_| object(dice, depth)).collect::<Vec<_>>().join(","))
        }
        "timestamp" | "generatedAt" | "timeBase" if !is_odd => {
            format!("\"{}\"", House::at(i64::try_from(dice.roll(20_000)).unwrap()))
        }
        "connectorId" | "evseId" | "id" | "seqNo" | "requestId" if !is_odd => dice.roll(4).to_string(),
        _ => match dice.roll(8) {
            0 => "null".to_owned(),
            1 => ["-1", "9223372036854775807", "0.0001", "1e9", "4294967296"][one_of(dice, 5)].to_owned(),
            2 => ["true", "[]", "{}", "[null]"][one_of(dice, 4)].to_owned(),
            3 => dice.roll(100_000).to_string(),
            _ => format!("\"{}\"", word(dice)),
        },
    }
}

fn word(dice: &mut Dice) -> &'static str {
    WORDS[one_of(dice, WORDS.len())]
}

fn one_of(dice: &mut Dice, count: usize) -> usize {
    usize::try_from(dice.roll(u64::try_from(count).unwrap())).unwrap()
}

const NAMES: &[&str] = &[
    "idTag",
    "idToken",
    "type",
    "connectorId",
    "evseId",
    "evse",
    "id",
    "status",
    "errorCode",
    "timestamp",
    "meterStart",
    "meterStop",
    "transactionId",
    "reason",
    "transactionData",
    "meterValue",
    "sampledValue",
    "value",
    "unit",
    "unitOfMeasure",
    "measurand",
    "phase",
    "context",
    "eventType",
    "triggerReason",
    "seqNo",
    "offline",
    "transactionInfo",
    "chargingState",
    "stoppedReason",
    "connectorStatus",
    "requestId",
    "chargingNeeds",
    "requestedEnergyTransfer",
    "acChargingParameters",
    "chargingLimit",
    "chargingLimitSource",
    "chargingSchedule",
    "chargingSchedulePeriod",
    "chargingRateUnit",
    "startPeriod",
    "limit",
    "timeBase",
    "generatedAt",
    "eventData",
    "reportData",
    "monitor",
    "component",
    "variable",
    "name",
    "data",
    "csr",
    "vendorId",
    "reservationId",
    "costDetails",
    "pspRef",
    "vatNumber",
    "chargingProfileId",
    "key",
    "location",
    "certificateStatusRequests",
    "listVersion",
    "versionNumber",
    "updateType",
    "severity",
    "customData",
];

const WORDS: &[&str] = &[
    "Accepted",
    "Rejected",
    "Available",
    "Preparing",
    "Charging",
    "Occupied",
    "Faulted",
    "ANNA",
    "CARL",
    "T-1",
    "T-2",
    "Started",
    "Updated",
    "Ended",
    "Authorized",
    "EVDisconnected",
    "A",
    "W",
    "kWh",
    "Wh",
    "L1",
    "L2",
    "Energy.Active.Import.Register",
    "Current.Import",
    "Transaction.Begin",
    "Transaction.End",
    "ISO14443",
    "SO",
    "NoError",
    "Installed",
    "1",
    "-1",
    "",
    "é",
    "2026-07-20T12:00:00",
    "AC_three_phase",
    "Full",
    "EUR",
];
