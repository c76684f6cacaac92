//! What the frame log holds of a station: filtered, the newest first.
//!
//! Days are read from the newest on, each once from its begin, until enough is found. A call of ours is matched with its
//! answer by the message id within a day.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Serialize;
use units::civil::{CivilDate, Zone};
use units::{StationId, Timestamp};

use crate::frame_log::Direction;

/// Ids of calls that are remembered to name the action of an answer.
const CALLS_REMEMBERED: usize = 512;

/// Which frames.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Whose.
    pub station: StationId,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// One way only.
    pub direction: Option<Direction>,
    /// Calls of this action, and answers to them.
    pub action: Option<String>,
    /// Those that hold this text.
    pub text: Option<String>,
    /// Those before the one of this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// A frame as it was logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logged {
    /// Its number.
    pub number: u64,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// From the station, and not to it.
    pub is_from_station: bool,
    /// The action of a call, or of the call that it answers, where that is known.
    pub action: Option<String>,
    /// With secrets redacted and tokens as references.
    pub text: String,
}

/// Reads the frames in `directory`, the newest first. Blocks.
///
/// # Errors
///
/// Where the directory or a file in it cannot be read.
pub fn read(directory: &Path, filter: &Filter) -> std::io::Result<Vec<Logged>> {
    let mut days: Vec<CivilDate> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        days.extend(name.strip_suffix(".log").and_then(|date| date.parse::<CivilDate>().ok()));
    }
    days.sort_by(|a, b| b.cmp(a));
    let utc = Zone::utc();
    let mut found = Vec::new();
    for day in days {
        let begin = utc.start_of_day(day);
        let end = begin + units::TimeSpan::from_hours(24);
        let is_outside =
            filter.from.is_some_and(|from| end <= from) || filter.until.is_some_and(|until| begin >= until);
        if is_outside {
            continue;
        }
        let left = filter.limit - found.len();
        let newest = read_day(&directory.join(format!("{day}.log")), filter, left)?;
        found.extend(newest.into_iter().rev());
        if found.len() >= filter.limit {
            break;
        }
    }
    Ok(found)
}

/// The last `limit` frames of a day, in order.
fn read_day(path: &Path, filter: &Filter, limit: usize) -> std::io::Result<VecDeque<Logged>> {
    let mut kept = VecDeque::new();
    let mut calls = Calls::default();
    let mut reader = BufReader::with_capacity(256 * 1_024, File::open(path)?);
    let mut line = Vec::new();
    let own = format!("\t{}\t", filter.station);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(kept);
        }
        let Ok(text) = std::str::from_utf8(&line) else { continue };
        if !text.contains(&own) {
            continue;
        }
        let Some(mut frame) = logged(text.trim_end(), &filter.station) else { continue };
        frame.action = calls.action_of(&frame);
        if filter.takes(&frame) {
            if kept.len() == limit {
                kept.pop_front();
            }
            kept.push_back(frame);
        }
    }
}

/// A line of the log; none where it is another station's, or was cut short.
fn logged(line: &str, station: &StationId) -> Option<Logged> {
    let mut parts = line.splitn(5, '\t');
    let (number, at, whose) = (parts.next()?, parts.next()?, parts.next()?);
    let (arrow, text) = (parts.next()?, parts.next()?);
    (whose == station.as_str()).then_some(())?;
    Some(Logged {
        number: number.parse().ok()?,
        at: at.parse().ok()?,
        is_from_station: arrow == "<",
        action: None,
        text: text.to_owned(),
    })
}

impl Filter {
    fn takes(&self, frame: &Logged) -> bool {
        let is_direction = self.direction.is_none_or(|direction| match direction {
            Direction::In => frame.is_from_station,
            Direction::Out => !frame.is_from_station,
        });
        let is_action = self.action.as_ref().is_none_or(|action| {
            frame.action.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(action))
        });
        let holds = |text: &String| frame.text.to_lowercase().contains(&text.to_lowercase());
        is_direction
            && is_action
            && self.text.as_ref().is_none_or(holds)
            && self.from.is_none_or(|from| frame.at >= from)
            && self.until.is_none_or(|until| frame.at < until)
            && self.before.is_none_or(|before| frame.number < before)
    }
}

/// The last calls, each with its action.
#[derive(Debug, Default)]
struct Calls {
    /// By who called, and the message id.
    actions: BTreeMap<(bool, String), String>,
    order: VecDeque<(bool, String)>,
}

impl Calls {
    fn action_of(&mut self, frame: &Logged) -> Option<String> {
        let parts: serde_json::Value = serde_json::from_str(&frame.text).ok()?;
        let id = parts.get(1)?.as_str()?.to_owned();
        if parts.get(0)?.as_u64()? != 2 {
            // It answers the other side's call.
            return self.actions.get(&(!frame.is_from_station, id)).cloned();
        }
        let action = parts.get(2)?.as_str()?.to_owned();
        let key = (frame.is_from_station, id);
        self.order.push_back(key.clone());
        self.actions.insert(key, action.clone());
        if self.order.len() > CALLS_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.actions.remove(&oldest);
        }
        Some(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let lines = |lines: &[(u64, &str, &str, char, &str)]| {
            lines
                .iter()
                .map(|(number, at, station, arrow, text)| {
                    format!("{number}\t{at}\t{station}\t{arrow}\t{text}\n")
                })
                .collect::<String>()
        };
        let first = lines(&[
            (1, "2026-01-30T10:00:00Z", "P01", '<', r#"[2,"a","Heartbeat",{}]"#),
            (2, "2026-01-30T10:00:00.100Z", "P01", '>', r#"[3,"a",{"currentTime":"x"}]"#),
            (3, "2026-01-30T11:00:00Z", "P02", '<', r#"[2,"a","Heartbeat",{"P01":"	P01	"}]"#),
        ]);
        let second = lines(&[
            (4, "2026-01-31T10:00:00Z", "P01", '>', r#"[2,"7","SetChargingProfile",{"limit":8}]"#),
            (5, "2026-01-31T10:00:01Z", "P01", '<', r#"[3,"7",{"status":"Accepted"}]"#),
            (6, "2026-01-31T10:00:02Z", "P01", '<', r#"[2,"b","Heartbeat",{}]"#),
        ]);
        std::fs::write(directory.path().join("2026-01-30.log"), first).unwrap();
        std::fs::write(directory.path().join("2026-01-31.log"), second + "7\t2026-01-31T10").unwrap();
        std::fs::write(directory.path().join("next"), "8\n").unwrap();
        directory
    }

    fn numbers(change: impl Fn(&mut Filter)) -> Vec<u64> {
        let mut filter = Filter {
            station: "P01".parse().unwrap(),
            from: None,
            until: None,
            direction: None,
            action: None,
            text: None,
            before: None,
            limit: 100,
        };
        change(&mut filter);
        let history = history();
        read(history.path(), &filter).unwrap().into_iter().map(|frame| frame.number).collect()
    }

    #[test]
    fn frames_come_newest_first_over_days_and_only_of_the_station() {
        assert_eq!(numbers(|_| {}), [6, 5, 4, 2, 1]);
        assert_eq!(numbers(|filter| filter.limit = 2), [6, 5]);
        assert_eq!(numbers(|filter| filter.before = Some(5)), [4, 2, 1]);
        assert_eq!(numbers(|filter| filter.station = "P02".parse().unwrap()), [3]);
        assert_eq!(numbers(|filter| filter.station = "P0".parse().unwrap()), Vec::<u64>::new());
    }

    #[test]
    fn an_answer_belongs_to_the_action_of_its_call() {
        assert_eq!(numbers(|filter| filter.action = Some("setchargingprofile".to_owned())), [5, 4]);
        assert_eq!(numbers(|filter| filter.action = Some("Heartbeat".to_owned())), [6, 2, 1]);
    }

    #[test]
    fn times_directions_and_texts_filter() {
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(numbers(|filter| filter.from = at("2026-01-31T00:00:00Z")), [6, 5, 4]);
        assert_eq!(numbers(|filter| filter.until = at("2026-01-30T10:00:00.100Z")), [1]);
        assert_eq!(numbers(|filter| filter.direction = Some(Direction::Out)), [4, 2]);
        assert_eq!(numbers(|filter| filter.text = Some("ACCEPTED".to_owned())), [5]);
    }
}
