//! Frames that real stations sent, from `ocpp/ocpp_frames.jsonl` under the directory that `WATTERY_DATA` names.

use std::collections::BTreeMap;

use crate::frame::{self, Frame, Limits};
use crate::v16::{self, CsmsAction, CsmsResponse, StationAction, StationRequest, StationResponse};
use crate::{PayloadError, redact, v201};

struct Recorded {
    id: String,
    group: String,
    is_from_station: bool,
    is_v201: bool,
    frame: String,
}

#[test]
fn every_recorded_frame_is_understood_or_refused_as_expected() {
    let Some(lines) = recorded() else { return };
    let mut actions: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in &lines {
        let _ = redact(&line.frame);
        let outcome = outcome(line, &mut actions);
        outcomes.entry(outcome).or_default().push(line.id.clone());
    }
    let ids = |outcome: &str| outcomes.get(outcome).cloned().unwrap_or_default().join(" ");
    // Cut off by whoever pasted them, or broken by the paste: the caller may be told.
    assert_eq!(ids("frame refused, answered"), "s056 s116 s130 s140");
    // An answer that was cut, and a message type that does not exist.
    assert_eq!(ids("frame refused, logged"), "s123 s153 s154");
    assert_eq!(ids("payload refused, answered"), "");
    assert_eq!(ids("answer without meaning"), "");
    let counts: BTreeMap<&str, usize> = outcomes.iter().map(|(outcome, ids)| (*outcome, ids.len())).collect();
    assert_eq!(counts.values().sum::<usize>(), 156);
    assert_eq!(
        counts,
        BTreeMap::from([
            ("answer to a call that was not recorded", 13),
            ("answer understood", 29),
            ("answer understood with quirks", 5),
            ("call understood", 88),
            ("call understood with quirks", 12),
            ("error understood", 2),
            ("frame refused, answered", 4),
            ("frame refused, logged", 3),
        ]),
        "{outcomes:#?}"
    );
}

/// How a frame fares on its way; `actions` remembers the calls of each group by their id.
fn outcome(line: &Recorded, actions: &mut BTreeMap<(String, String), String>) -> &'static str {
    let decoded = match frame::decode(&line.frame, &Limits::default()) {
        Ok(decoded) => decoded,
        // All that are no frames are of OCPP 1.6.
        Err(error) if v16::answer_to_frame(&error).is_some() => return "frame refused, answered",
        Err(_) => return "frame refused, logged",
    };
    match decoded.value {
        Frame::Call { id, action, payload } => {
            actions.insert((line.group.clone(), id.as_str().to_owned()), action.clone().into_owned());
            let quirks = if line.is_v201 {
                v201::StationRequest::decode(&action, &payload).map(|decoded| decoded.quirks)
            } else if line.is_from_station {
                StationRequest::decode(&action, &payload).map(|decoded| decoded.quirks)
            } else {
                v16::CsmsRequest::decode(&action, &payload).map(|decoded| decoded.quirks)
            };
            match quirks {
                Ok(quirks) if quirks.is_empty() => "call understood",
                Ok(_) => "call understood with quirks",
                Err(_) => "payload refused, answered",
            }
        }
        Frame::CallResult { id, payload } => {
            let Some(action) = actions.get(&(line.group.clone(), id.as_str().to_owned())) else {
                return "answer to a call that was not recorded";
            };
            match answer_quirks(line.is_from_station, action, &payload) {
                Ok(0) if decoded.quirks.is_empty() => "answer understood",
                Ok(_) => "answer understood with quirks",
                Err(_) => "answer without meaning",
            }
        }
        Frame::CallError { .. } | Frame::CallResultError { .. } | Frame::Send { .. } => "error understood",
    }
}

fn answer_quirks(
    is_from_station: bool,
    action: &str,
    payload: &crate::json::Json<'_>,
) -> Result<usize, PayloadError> {
    Ok(if is_from_station {
        CsmsResponse::decode(CsmsAction::named(action)?, payload)?.quirks.len()
    } else {
        StationResponse::decode(StationAction::named(action)?, payload)?.quirks.len()
    })
}

fn recorded() -> Option<Vec<Recorded>> {
    let Ok(folder) = std::env::var("WATTERY_DATA") else {
        eprintln!("skipped: WATTERY_DATA does not name the directory that holds ocpp/ocpp_frames.jsonl");
        return None;
    };
    let path = std::path::Path::new(&folder).join("ocpp/ocpp_frames.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text_of = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    Some(
        text.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"))
            .map(|line| Recorded {
                id: text_of(&line, "id"),
                group: text_of(&line, "group"),
                is_from_station: line["direction"] == "cp_to_csms",
                is_v201: line["ocpp_version"] == "2.0.1",
                frame: text_of(&line, "frame"),
            })
            .collect(),
    )
}
