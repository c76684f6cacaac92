//! Upkeep: what operators want done at many stations, and how they want them to be.

mod jobs;
mod lists;
mod settings;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use units::TimeSpan;

use crate::record::{AuditRow, Record, UpkeepRow};
use crate::tests::{House, message_id, rows_of, sent_on, site};
use crate::upkeep::{
    Answered, ErrandRow, ErrandState, JobOrder, JobRow, Plan, Secret, Selection, UpkeepCommand,
};
use crate::{Command, CommandAnswer, Csms, Input, Version};

/// Stations CP1, with one EVSE, and CP2, with two, that are booted and told everything we want of them.
fn house() -> House {
    house_speaking(Version::V16)
}

fn house_speaking(version: Version) -> House {
    let mut house = House::new();
    for station in ["CP1", "CP2"] {
        house.speaks(station, version);
        house.boot(station);
    }
    house.take();
    house
}

fn order(work: Value) -> JobOrder {
    JobOrder {
        work: serde_json::from_value(work).unwrap(),
        selection: Selection::default(),
        plan: Plan::default(),
        name: "a job".to_owned(),
        within: TimeSpan::from_hours(24),
        answered: Answered::AtOnce,
        uploads: Some(("https://csms.example/upload".to_owned(), Secret([7; 32]))),
    }
}

fn at(station: &str) -> Selection {
    Selection { stations: Some([station.parse().unwrap()].into()), ..Selection::default() }
}

fn begin(house: &mut House, order: JobOrder) -> u64 {
    match upkeep(house, UpkeepCommand::Begin(Box::new(order))) {
        Some(CommandAnswer::Numbered(number)) => number,
        other => panic!("not begun: {other:?}"),
    }
}

fn upkeep(house: &mut House, command: UpkeepCommand) -> Option<CommandAnswer> {
    house.command(Command::Upkeep(command))
}

fn refused(answer: Option<CommandAnswer>) -> String {
    match answer {
        Some(CommandAnswer::Refused(reasons)) => reasons.join("; "),
        other => panic!("not refused: {other:?}"),
    }
}

/// The latest row of each key of a kind.
fn kept<T>(house: &House, of: impl Fn(UpkeepRow) -> Option<T>) -> Vec<T> {
    let rows = house.rows().into_values();
    rows.filter_map(|record| if let Record::Upkeep(row) = record { of(*row) } else { None }).collect()
}

fn errand(house: &House, job: u64, station: &str) -> ErrandRow {
    let rows = kept(house, |row| if let UpkeepRow::Errand(row) = row { Some(row) } else { None });
    rows.into_iter().find(|row| row.job == job && row.station.as_str() == station).unwrap()
}

fn job(house: &House, number: u64) -> JobRow {
    let rows = kept(house, |row| if let UpkeepRow::Job(row) = row { Some(row) } else { None });
    rows.into_iter().find(|row| row.job == number).unwrap()
}

fn states(house: &House, number: u64) -> [ErrandState; 2] {
    ["CP1", "CP2"].map(|station| errand(house, number, station).state)
}

/// What a station was asked for since the last time, by action and payload.
fn asked(house: &mut House, station: &str) -> Vec<(String, Value)> {
    asked_with_ids(house, station).into_iter().map(|(_, action, payload)| (action, payload)).collect()
}

fn asked_with_ids(house: &mut House, station: &str) -> Vec<(String, String, Value)> {
    let calls = house.calls_to(station);
    calls
        .iter()
        .map(|call| {
            let frame: Value = serde_json::from_str(call).unwrap();
            (message_id(call), frame[2].as_str().unwrap().to_owned(), frame[3].clone())
        })
        .collect()
}

/// Answers the last call that a station was asked, and tells it.
fn answer(house: &mut House, station: &str, payload: &Value) -> (String, Value) {
    let calls = sent_on(&house.outputs, house.links[station]).filter(|text| text.starts_with("[2,"));
    let call: Value = serde_json::from_str(calls.last().unwrap()).unwrap();
    house.taken = house.outputs.len();
    house.frame(station, &json!([3, call[1], payload]).to_string());
    (call[2].as_str().unwrap().to_owned(), call[3].clone())
}

fn audit(house: &House) -> Vec<AuditRow> {
    house
        .records()
        .filter_map(|record| if let Record::Audit(row) = record { Some(row.clone()) } else { None })
        .collect()
}

/// The engine anew with what is kept; its stations are away.
fn restart(house: House) -> House {
    let mut records: BTreeMap<_, Record> = rows_of(&house.outputs);
    let mut anew = House::with(site(100, None));
    (anew.now, anew.next_request) = (house.now, house.next_request);
    (anew.next_link, anew.next_frame) = (house.next_link, house.next_frame);
    anew.csms = Csms::new();
    anew.input(Input::Directory(std::sync::Arc::new(crate::tests::directory())));
    let restored = std::mem::take(&mut records).into_values().collect();
    // What was kept before stays to be looked at.
    let House { outputs, .. } = house;
    anew.outputs = outputs;
    anew.take();
    anew.input(Input::Restored(restored));
    anew
}
