//! Frames that real stations sent, from `ocpp/ocpp_frames.jsonl` under the directory that `WATTERY_DATA` names, through
//! the whole engine: each log that was pasted is a station of its own, with a site, known tokens, and the clock of its
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billing::cdr::Cdr;
use billing::directory::{AccountsAdmitted, Directory, DirectoryParts, TokenEntry, TokenHolder, TokenStatus};
use serde_json::Value;
use units::{IdToken, TimeSpan, Timestamp, WattHours};

use super::{House, directory, records_of, sent_on, site};
use crate::csms::Policy;
use crate::record::{Counters, Record, TransactionRow};
use crate::{Command, Effect, Input};

#[derive(Clone)]
struct Recorded {
    id: String,
    group: String,
    frame: String,
    is_odd: bool,
    is_from_station: bool,
}

impl Recorded {
    fn is_call_of_station(&self) -> bool {
        self.is_from_station && self.frame.trim_start().starts_with("[2")
    }
}

/// What must come of each odd line: our answer, what was found or sealed, and the quirks noted with it. An answer to a
/// call that this log does not hold is noted and nothing else; what was cut off or broken by the paste gets a CALLERROR
/// where it is a call with an id.
const OUTCOMES: &[(&str, &str)] = &[
    ("s009", "answer_to_nothing"),
    ("s011", "answered"),
    ("s012", "answer_to_nothing"),
    ("s013", "answered"),
    ("s014", "Accepted; empty_text(iccid); empty_text(imsi); empty_text(meterSerialNumber)"),
    ("s018", "answered"),
    ("s020", "answer_to_nothing"),
    ("s023", "answered"),
    ("s025", "answered"),
    ("s026", "answered"),
    ("s027", "answer_to_nothing"),
    ("s033", "answered"),
    ("s038", "answered"),
    ("s039", "UnknownVendorId"),
    ("s042", "Accepted; billable: 5000 Wh"),
    ("s048", "answer_to_nothing"),
    ("s049", "answered"),
    ("s051", "answered"),
    ("s053", "answered"),
    ("s056", "FormationViolation; broken_frame"),
    ("s057", "answered"),
    ("s058", "answered"),
    ("s060", "answer_to_nothing"),
    ("s063", "answered"),
    (
        "s065",
        "answered; finding: no start is known for the station's transaction `9223372036854775807`; unknown_word(context); values_of_transaction_2^63-1",
    ),
    ("s067", "answer_to_nothing"),
    ("s068", "Accepted"),
    ("s070", "answer_to_nothing"),
    ("s073", "answered"),
    ("s075", "Accepted"),
    ("s076", "answered"),
    ("s077", "answered"),
    ("s082", "answered"),
    ("s083", "Accepted"),
    ("s086", "Accepted"),
    ("s088", "answered"),
    (
        "s089",
        "answered; finding: no start is known for the station's transaction `1763968421`; values_of_unknown_transaction",
    ),
    ("s090", "Accepted; empty_text(iccid); empty_text(imsi)"),
    ("s092", "answered"),
    ("s093", "answered"),
    ("s094", "answer_to_nothing"),
    ("s096", "answered"),
    ("s097", "answered; clock off by -419 s"),
    ("s098", "answer_to_nothing"),
    ("s101", "answered"),
    ("s102", "answered"),
    ("s103", "answered"),
    ("s104", "Accepted; time_without_zone(timestamp)"),
    ("s108", "Accepted"),
    ("s109", "answer_to_nothing"),
    ("s110", "answered; missing_field(timestamp)"),
    ("s111", "Accepted; empty_text(chargePointVendor)"),
    ("s112", "Accepted; empty_text(chargePointVendor)"),
    ("s113", "answered; object_as_list(meterValue)"),
    ("s115", "answer_to_nothing"),
    ("s116", "FormationViolation; broken_frame"),
    ("s123", "broken_frame"),
    ("s125", "answer_to_nothing"),
    ("s126", "answered"),
    ("s128", "answer_to_nothing"),
    ("s129", "answered"),
    ("s130", "FormationViolation; broken_frame"),
    ("s131", "answered"),
    ("s133", "answer_to_nothing"),
    ("s134", "Accepted"),
    ("s135", "answer_to_nothing"),
    ("s137", "answered; clock off by 7190 s"),
    ("s138", "answered"),
    ("s139", "answered"),
    ("s140", "FormationViolation; broken_frame"),
    ("s142", "answered; billable: 54 Wh"),
    ("s145", "answered"),
    ("s146", "Accepted; long_text(chargeBoxSerialNumber); long_text(chargePointSerialNumber)"),
    ("s147", "answered; held: the registers 2310 Wh and 2421 Wh both claim to be the End reading"),
    ("s148", "answered; text_as_number(value)"),
    ("s149", "Accepted"),
    ("s150", "answered; billable: 0 Wh; finding: no energy flowed in 2 s"),
    ("s151", "answered; unreadable_time(timestamp)"),
    ("s153", "broken_frame"),
    ("s154", "broken_frame"),
    ("s155", "answered"),
    ("s156", "answer_to_nothing"),
];

#[test]
fn every_recorded_frame_has_its_outcome() {
    let Some(lines) = recorded() else { return };
    let told: BTreeMap<String, String> = played(&lines, |_, _| {});
    let expected: BTreeMap<&str, &str> = OUTCOMES.iter().copied().collect();
    let mut wrong = Vec::new();
    for line in lines.iter().filter(|line| line.is_odd) {
        match (expected.get(line.id.as_str()), &told[&line.id]) {
            (Some(expected), told) if expected == told => {}
            (Some(expected), told) => wrong.push(format!("(\"{}\", \"{told}\"), // not {expected}", line.id)),
            // A line that is new is held to the general rules only.
            (None, told) => wrong.push(format!("(\"{}\", \"{told}\"),", line.id)),
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    for line in lines.iter().filter(|line| !line.is_odd && line.is_call_of_station()) {
        let told = &told[&line.id];
        let is_normal = ["answered", "Accepted"].iter().any(|word| told.starts_with(word));
        // A StatusNotification of OCPP 2.0.1 on a link of 1.6 has no status.
        assert!(is_normal || line.id == "s152", "{}: {told}", line.id);
    }
}

#[test]
fn m2_whatever_a_log_says_within_a_transaction_only_start_and_stop_are_billed() {
    let Some(lines) = recorded() else { return };
    let (mut billed, mut held) = (0, 0);
    for group in groups(&lines) {
        let mut house = house_of(&group);
        for line in &group {
            outcome(&mut house, line);
        }
        // Whatever is still open ends an hour later, 5 kWh above its start.
        house.pass(3_600);
        let open: Vec<_> = (1..=4).filter_map(|number| open_at(&mut house, number)).collect();
        for row in open {
            let register = row.register_start.map_or(0, WattHours::watt_hours_floor) + 5_000;
            house.stop("CP1", &row.transaction.to_string(), register);
        }
        for cdr in house.cdrs() {
            let Ok(energy) = cdr.energy() else {
                held += 1;
                continue;
            };
            billed += 1;
            assert_eq!(Some(energy), energy_in_evidence(&house, &cdr), "{}: {cdr:?}", group[0].group);
        }
    }
    assert!(billed > 5 && held > 2, "{billed} billed, {held} held");
}

#[test]
fn recorded_frames_that_were_damaged_on_the_way_break_nothing() {
    let Some(lines) = recorded() else { return };
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    eprintln!("seed {seed}: SEED={seed} cargo test -p csms damaged");
    let mut dice = super::Dice(seed);
    for group in groups(&lines) {
        let mut house = house_of(&group);
        for line in &group {
            for _ in 0..20 {
                let frame = damaged(&line.frame, &mut dice);
                outcome(&mut house, &Recorded { frame, ..(*line).clone() });
            }
        }
        assert!(house.call("CP1", "Heartbeat", "{}").starts_with("[3,"), "the station is still served");
    }
}

fn damaged(frame: &str, dice: &mut super::Dice) -> String {
    const PIECES: [&str; 12] =
        ["\"", "{", "}", "[", "]", ",", "-1", "1e99", "null", "\u{feff}", "0", "\"transactionId\":7,"];
    let places: Vec<usize> = frame.char_indices().map(|(place, _)| place).collect();
    let mut roll = |sides: usize| usize::try_from(dice.roll(u64::try_from(sides).unwrap())).unwrap();
    let at = places[roll(places.len())];
    let mut text = frame.to_owned();
    match roll(4) {
        0 => text.truncate(at),
        1 => drop(text.remove(at)),
        2 => text.insert_str(at, PIECES[roll(PIECES.len())]),
        _ => text.push_str(&frame[at..]),
    }
    text
}

fn open_at(house: &mut House, number: u16) -> Option<TransactionRow> {
    let evse = format!("CP1/{number}");
    let is_open = |row: &TransactionRow| row.evse.to_string() == evse && !row.is_sealed;
    let rows = house.rows();
    let rows = rows.into_values().filter_map(|record| match record {
        Record::Transaction(row) if is_open(&row) => Some(*row),
        _ => None,
    });
    rows.max_by_key(|row| row.transaction)
}

/// What the frames that a CDR rests on say of its start and its stop.
fn energy_in_evidence(house: &House, cdr: &Cdr) -> Option<WattHours> {
    let frames: Vec<Value> = house
        .records()
        .filter_map(|record| match record {
            Record::Evidence(row) if cdr.evidence.iter().any(|evidence| evidence.frame == row.frame) => {
                serde_json::from_str(&row.text).ok()
            }
            _ => None,
        })
        .collect();
    let told = |field: &str| frames.iter().find_map(|frame| frame[3][field].as_i64());
    Some(WattHours::from_watt_hours(told("meterStop")? - told("meterStart")?))
}

/// Plays each group on its own station and tells what came of each line; `check` sees the house after every line.
fn played(lines: &[Recorded], mut check: impl FnMut(&Recorded, &mut House)) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for group in groups(lines) {
        let mut house = house_of(&group);
        for line in &group {
            let outcome = outcome(&mut house, line);
            check(line, &mut house);
            told.insert(line.id.clone(), outcome);
        }
    }
    told
}

/// Feeds a line and holds it to what must be true of every frame whatever it says.
fn outcome(house: &mut House, line: &Recorded) -> String {
    let link = house.links["CP1"];
    // Time goes on from line to line; the one station that calls its local time UTC is on the clock of its CSMS.
    let told_at = serde_json::from_str::<Value>(&line.frame).ok().and_then(|frame| instant_in(&frame[3]));
    if let Some(at) = told_at.filter(|&at| at > house.now && line.group != "chago") {
        house.pass(at.since(house.now).seconds_floor());
    }
    let (quirks_before, skew_before) = (quirks(house), skew(house));
    let before = house.outputs.len();
    house.frame("CP1", &line.frame);
    let outputs = &house.outputs[before..];
    let is_closed = outputs.iter().any(|output| matches!(output.effect, Effect::CloseLink { .. }));
    assert!(!is_closed, "{}: the link was closed", line.id);
    let replies: Vec<String> =
        sent_on(outputs, link).filter(|text| !text.starts_with("[2,")).map(str::to_owned).collect();
    let call = serde_json::from_str::<Value>(&line.frame).ok().filter(|frame| frame[0] == 2);
    if let Some(id) = call.as_ref().and_then(|call| call[1].as_str()).filter(|id| !id.is_empty()) {
        let answered = |reply: &String| serde_json::from_str::<Value>(reply).unwrap()[1] == id;
        assert_eq!(
            replies.iter().filter(|reply| answered(reply)).count(),
            1,
            "{}: {replies:?} to {}",
            line.id,
            line.frame
        );
    }
    assert!(replies.len() <= 1, "{}: {replies:?}", line.id);
    let mut words: Vec<String> = replies.iter().map(|reply| reply_word(reply)).collect();
    for record in records_of(outputs) {
        match record {
            Record::Finding(row) => words.push(format!("finding: {}", row.doubt)),
            Record::Cdr(cdr) => words.push(cdr_word(cdr)),
            _ => {}
        }
    }
    let new = quirks(house).into_iter().filter(|(name, count)| quirks_before.get(name) != Some(count));
    words.extend(new.map(|(name, _)| name));
    if let Some(skew) = skew(house).filter(|skew| skew_before != Some(*skew) && skew.abs() > 30) {
        words.push(format!("clock off by {skew} s"));
    }
    words.join("; ")
}

fn reply_word(reply: &str) -> String {
    let reply: Value = serde_json::from_str(reply).unwrap();
    if reply[0] == 4 {
        return reply[2].as_str().unwrap().to_owned();
    }
    let payload = &reply[2];
    let status = [&payload["status"], &payload["idTagInfo"]["status"]].into_iter().find_map(Value::as_str);
    status.unwrap_or("answered").to_owned()
}

fn cdr_word(cdr: &Cdr) -> String {
    match cdr.energy() {
        Ok(energy) => format!("billable: {energy}"),
        Err(_) => {
            format!("held: {}", cdr.doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

fn quirks(house: &mut House) -> BTreeMap<String, u64> {
    house.station("CP1").row.quirks
}

fn skew(house: &mut House) -> Option<i64> {
    house.station("CP1").row.clock_skew_ms.map(|skew| skew / 1_000)
}

fn groups(lines: &[Recorded]) -> Vec<Vec<&Recorded>> {
    let mut groups: Vec<Vec<&Recorded>> = Vec::new();
    for line in lines {
        match groups.iter_mut().find(|group| group[0].group == line.group) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups
}

/// A registered station with four EVSEs in the time of the log; the transaction that the log is about runs at the
/// connector that it names, on the register that it names first, so that a stop seals it.
fn house_of(group: &[&Recorded]) -> House {
    let frames: Vec<Value> = group.iter().filter_map(|line| serde_json::from_str(&line.frame).ok()).collect();
    let calls: Vec<Value> = frames.iter().filter(|frame| is_call(frame)).cloned().collect();
    let mut house = House::empty(Policy::default());
    let told_by_csms = frames.iter().find_map(|frame| frame[2]["currentTime"].as_str()?.parse().ok());
    if let Some(at) = told_by_csms.or_else(|| calls.iter().find_map(|call| instant_in(&call[3]))) {
        house.now = at;
    }
    // The log begins an hour into what it is about.
    house.now = house.now - TimeSpan::from_hours(1);
    let starts_itself = calls.iter().any(|call| call[2] == "StartTransaction");
    let running = calls.iter().find_map(|call| {
        let id = call[3]["transactionId"].as_u64().filter(|id| (1..1 << 31).contains(id))?;
        Some((id, call[3]["connectorId"].as_u64().unwrap_or(1).max(1)))
    });
    let transaction = running.map_or(1, |(id, _)| id);
    let counters = Counters { transaction, session: 1, cdr: 1, message: 1, start: 1, ..Counters::default() };
    house.input(Input::Restored(vec![Record::Counters(counters)]));
    house.input(Input::Directory(Arc::new(directory_for(&calls))));
    let mut config = site(400, None);
    let model = config.evses[0].clone();
    config.evses = (1..=4)
        .map(|number| {
            let mut evse = model.clone();
            evse.id = format!("CP1/{number}").parse().unwrap();
            evse
        })
        .collect();
    house.command(Command::ConfigureSite(Box::new(config)));
    house.boot("CP1");
    if let Some((id, connector)) = running.filter(|_| !starts_itself) {
        let stop = calls.iter().find_map(|call| call[3]["meterStop"].as_i64());
        let register = match calls.iter().find_map(register_in) {
            Some(register) if register > 0.0 => format!("{:.0}", register.floor()),
            _ => (stop.unwrap_or(100_000) - 5_000).max(0).to_string(),
        };
        let began = house.stamp();
        let payload = format!(
            r#"{{"connectorId":{connector},"idTag":"ANNA","meterStart":{register},"timestamp":"{began}"}}"#
        );
        let reply = house.call("CP1", "StartTransaction", &payload);
        assert!(reply.contains(&format!(r#""transactionId":{id}"#)), "{reply}");
        house.accept_all("CP1");
    }
    house.pass(3_599);
    house.accept_all("CP1");
    house.take();
    house
}

fn is_call(frame: &Value) -> bool {
    frame[0] == 2
}

/// The first time that a payload names, a second before.
fn instant_in(payload: &Value) -> Option<Timestamp> {
    let values = &payload["meterValue"];
    let text = [&payload["timestamp"], &values[0]["timestamp"], &values["timestamp"]];
    let at: Timestamp = text.into_iter().find_map(|text| text.as_str()?.parse().ok())?;
    (at > Timestamp::EPOCH).then(|| at - TimeSpan::from_seconds(1))
}

/// The first register that a payload names, in Wh.
fn register_in(call: &Value) -> Option<f64> {
    let payload = &call[3];
    let values = payload["transactionData"].as_array().or_else(|| payload["meterValue"].as_array());
    let sampled = values.into_iter().flatten().flat_map(|value| value["sampledValue"].as_array().cloned());
    let mut registers = sampled.flatten().filter(|sampled| {
        sampled["measurand"] == "Energy.Active.Import.Register" || sampled.get("measurand").is_none()
    });
    registers.find_map(|sampled| sampled["value"].as_str()?.trim().parse().ok())
}

/// Whatever the calls present as a token is known and may charge: nothing is held for want of a driver.
fn directory_for(calls: &[Value]) -> Directory {
    let mut parts: DirectoryParts = directory().parts().clone();
    let presented = calls.iter().filter_map(|call| {
        let text: String = call[3]["idTag"].as_str()?.split_whitespace().collect();
        text.parse::<IdToken>().ok()
    });
    for token in presented.collect::<BTreeSet<_>>() {
        let holder = TokenHolder::Account("anna".parse().unwrap());
        parts.tokens.insert(token, TokenEntry { holder, status: TokenStatus::Valid });
    }
    let terms = parts.evses.values().next().unwrap().clone();
    let named = BTreeSet::from(["anna".parse().unwrap()]);
    for number in 1..=4 {
        let mut terms = terms.clone();
        terms[0].access = billing::directory::Access::Private(AccountsAdmitted::Named(named.clone()));
        parts.evses.insert(format!("CP1/{number}").parse().unwrap(), terms);
    }
    Directory::new(parts).unwrap()
}

fn recorded() -> Option<Vec<Recorded>> {
    let Ok(folder) = std::env::var("WATTERY_DATA") else {
        eprintln!(
            "skipped: recorded frames: WATTERY_DATA does not name the directory that holds ocpp/ocpp_frames.jsonl"
        );
        return None;
    };
    let path = std::path::Path::new(&folder).join("ocpp/ocpp_frames.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text_of = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    Some(
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"))
            .map(|line| Recorded {
                id: text_of(&line, "id"),
                group: text_of(&line, "group"),
                frame: text_of(&line, "frame"),
                is_odd: !line["oddity"].is_null(),
                is_from_station: line["direction"] == "cp_to_csms",
            })
            .collect(),
    )
}
