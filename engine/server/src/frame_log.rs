//! The frame log: every frame as it came and went, in daily files that are dropped whole.
//!
//! One line per frame: number, instant, station, `<` (from the station) or `>` (to it), the frame with secrets redacted
//! and tokens as references; separated by tabs. Numbers rise over the whole life of the installation. The log is
//! evidence for people: where it cannot be written, frames are counted as lost and the engine goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use anyhow::Context;
use units::civil::{CivilDate, Zone};
use units::{StationId, Timestamp};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whole days, today included; 1 or more.
    pub days: u16,
    /// Bytes of all files together. Today's file ends where it alone is larger.
    pub bytes: u64,
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the station.
    In,
    /// To the station.
    Out,
}

/// The log's front: numbers frames and hands them to a thread that writes.
#[derive(Debug)]
pub struct FrameLog {
    next: u64,
    reserved: u64,
    directory: PathBuf,
    lines: Option<SyncSender<Line>>,
    lost: u64,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Line {
    number: u64,
    at: Timestamp,
    station: StationId,
    direction: Direction,
    text: Box<str>,
}

/// Numbers are reserved in the file of the next ones by this many, so that a crash never repeats one.
const BLOCK: u64 = 1_000_000;
/// Lines that wait for the disk; about 16 MiB of ordinary frames.
const LINES_WAITING_MAX: usize = 32_768;
/// After so many bytes the sizes are looked at again.
const LOOK_EVERY_BYTES: u64 = 16 * 1_024 * 1_024;
const NEXT_FILE: &str = "next";

impl FrameLog {
    /// Opens the log in `directory`. `number_known` is the highest number that is known from elsewhere.
    ///
    /// # Errors
    ///
    /// Where the directory cannot be made.
    pub fn open(directory: &Path, retention: Retention, number_known: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let reserved = std::fs::read_to_string(directory.join(NEXT_FILE))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(1);
        let next = reserved.max(number_known + 1);
        let (lines, inbox) = sync_channel(LINES_WAITING_MAX);
        let files = Files { directory: directory.to_owned(), retention, open: None, is_failing: false };
        let thread = std::thread::Builder::new()
            .name("frame-log".to_owned())
            .spawn(move || files.run(&inbox))
            .context("cannot start the frame log's thread")?;
        let mut log = Self {
            next,
            reserved: next,
            directory: directory.to_owned(),
            lines: Some(lines),
            lost: 0,
            thread: Some(thread),
        };
        log.reserve();
        Ok(log)
    }

    /// Logs a frame and gives its number.
    pub fn record(&mut self, at: Timestamp, station: &StationId, direction: Direction, text: &str) -> u64 {
        let number = self.next;
        self.next += 1;
        if self.next >= self.reserved {
            self.reserve();
        }
        let line = Line { number, at, station: station.clone(), direction, text: text.into() };
        match self.lines.as_ref().map(|lines| lines.try_send(line)) {
            Some(Ok(())) => {
                if self.lost > 0 {
                    tracing::warn!(lost = self.lost, "frames were not logged: the disk was too slow");
                    self.lost = 0;
                }
            }
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => self.lost += 1,
        }
        number
    }

    /// Writes the reservation; where the disk is full the numbers go on, and the next block is tried soon again.
    fn reserve(&mut self) {
        let end = self.next + BLOCK;
        let part = self.directory.join("next.part");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&part)?;
            file.write_all(format!("{end}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, self.directory.join(NEXT_FILE))
        };
        match write() {
            Ok(()) => self.reserved = end,
            Err(error) => {
                tracing::warn!(%error, "frame numbers cannot be reserved; a crash now could repeat some");
                self.reserved = self.next + 10_000;
            }
        }
    }
}

impl Drop for FrameLog {
    /// Writes what waits.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the frame log's thread broke down");
        }
    }
}

struct Files {
    directory: PathBuf,
    retention: Retention,
    open: Option<Open>,
    is_failing: bool,
}

struct Open {
    date: CivilDate,
    file: BufWriter<File>,
    bytes: u64,
    looked_at_bytes: u64,
    is_full: bool,
}

impl Files {
    fn run(mut self, inbox: &Receiver<Line>) {
        while let Ok(line) = inbox.recv() {
            let mut result = self.write(&line);
            for line in inbox.try_iter() {
                result = result.and(self.write(&line));
            }
            let flushed = self.open.as_mut().map_or(Ok(()), |open| open.file.flush());
            self.judge(result.and(flushed));
        }
    }

    fn judge(&mut self, result: std::io::Result<()>) {
        match result {
            Ok(()) if self.is_failing => {
                self.is_failing = false;
                tracing::info!("the frame log is written again");
            }
            Ok(()) => {}
            Err(error) => {
                // What was buffered is given up, so that old lines do not come after new ones.
                self.open = None;
                if !self.is_failing {
                    self.is_failing = true;
                    tracing::error!(%error, "the frame log cannot be written; charging goes on without it");
                }
            }
        }
    }

    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let date = Zone::utc().civil(line.at).date;
        if self.open.as_ref().is_none_or(|open| open.date != date) {
            if let Some(open) = &mut self.open {
                open.file.flush()?;
            }
            self.open = Some(self.open_day(date)?);
        }
        let retention = self.retention;
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.is_full {
            return Ok(());
        }
        let text = line_text(line);
        open.file.write_all(text.as_bytes())?;
        open.bytes += u64::try_from(text.len()).unwrap_or(0);
        if open.bytes >= open.looked_at_bytes + LOOK_EVERY_BYTES.min(retention.bytes) {
            open.looked_at_bytes = open.bytes;
            open.is_full = open.bytes > retention.bytes;
            if open.is_full {
                tracing::warn!(%date, "today's frames alone fill the frame log's limit; the rest of the day is not logged");
            }
            self.drop_old(date)?;
        }
        Ok(())
    }

    fn open_day(&self, date: CivilDate) -> std::io::Result<Open> {
        let path = self.directory.join(format!("{date}.log"));
        let file = File::options().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        self.drop_old(date)?;
        let is_full = bytes > self.retention.bytes;
        Ok(Open { date, file: BufWriter::new(file), bytes, looked_at_bytes: bytes, is_full })
    }

    /// Drops whole days: those too old, then the oldest until all fit. Today's stays.
    fn drop_old(&self, today: CivilDate) -> std::io::Result<()> {
        let mut days: BTreeMap<CivilDate, (PathBuf, u64)> = BTreeMap::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let date = name.strip_suffix(".log").and_then(|date| date.parse().ok());
            if let Some(date) = date {
                days.insert(date, (entry.path(), entry.metadata()?.len()));
            }
        }
        let mut total: u64 = days.values().map(|(_, bytes)| bytes).sum();
        let start = Zone::utc().start_of_day(today);
        let oldest =
            start - units::TimeSpan::from_hours(24) * i64::from(self.retention.days.saturating_sub(1));
        for (date, (path, bytes)) in days {
            let is_old = Zone::utc().start_of_day(date) < oldest;
            if date < today && (is_old || total > self.retention.bytes) {
                std::fs::remove_file(&path)?;
                tracing::info!(file = %path.display(), "a day of frames is dropped");
                total -= bytes;
            }
        }
        Ok(())
    }
}

fn line_text(line: &Line) -> String {
    let arrow = match line.direction {
        Direction::In => '<',
        Direction::Out => '>',
    };
    let text = ocpp::redact(&line.text).replace(['\n', '\r', '\t'], " ");
    format!("{}\t{}\t{}\t{arrow}\t{text}\n", line.number, line.at, line.station)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::TimeSpan;

    const RETENTION: Retention = Retention { days: 2, bytes: 1_000_000 };

    fn days_in(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".log"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn numbers_rise_over_restarts_and_days_are_dropped_whole() {
        let directory = tempfile::tempdir().unwrap();
        let station: StationId = "P01".parse().unwrap();
        let start: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let mut last = 0;
        for day in 0..4 {
            let mut log = FrameLog::open(directory.path(), RETENTION, 0).unwrap();
            let at = start + TimeSpan::from_hours(24) * day;
            for _ in 0..3 {
                let number = log.record(at, &station, Direction::In, "[2,\"1\",\"Heartbeat\",{}]");
                assert!(number > last, "{number} after {last}");
                last = number;
            }
        }
        assert_eq!(days_in(directory.path()), ["2026-02-02.log", "2026-02-03.log"]);
        let text = std::fs::read_to_string(directory.path().join("2026-02-03.log")).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("\tP01\t<\t[2,\"1\",\"Heartbeat\",{}]"), "{text}");
    }

    #[test]
    fn numbers_start_above_what_is_known_from_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = FrameLog::open(directory.path(), RETENTION, 41).unwrap();
        assert_eq!(log.record(Timestamp::EPOCH, &"P01".parse().unwrap(), Direction::Out, "x"), 42);
    }

    #[test]
    fn the_oldest_day_goes_where_all_together_are_too_large() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("2026-01-30.log"), vec![b'x'; 900]).unwrap();
        std::fs::write(directory.path().join("2026-01-31.log"), vec![b'x'; 50]).unwrap();
        let retention = Retention { days: 30, bytes: 600 };
        let mut log = FrameLog::open(directory.path(), retention, 0).unwrap();
        log.record("2026-02-01T00:00:00Z".parse().unwrap(), &"P01".parse().unwrap(), Direction::In, "[3]");
        drop(log);
        assert_eq!(days_in(directory.path()), ["2026-01-31.log", "2026-02-01.log"]);
    }

    #[test]
    fn a_frame_log_that_cannot_be_written_stops_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let station: StationId = "P01".parse().unwrap();
        let at: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        // A folder stands where the day's file should be: every write fails, as on a full disk.
        std::fs::create_dir(directory.path().join("2026-02-01.log")).unwrap();
        let mut log = FrameLog::open(directory.path(), RETENTION, 0).unwrap();
        let first = log.record(at, &station, Direction::In, "a");
        let second = log.record(at, &station, Direction::In, "b");
        assert_eq!(second, first + 1);
    }

    #[test]
    fn tokens_are_references_in_the_log() {
        let line = Line {
            number: 1,
            at: Timestamp::EPOCH,
            station: "P01".parse().unwrap(),
            direction: Direction::In,
            text: "[2,\"1\",\"Authorize\",{\"idTag\":\"04A1B2C3\"}]".into(),
        };
        assert!(!line_text(&line).contains("04A1B2C3"), "{}", line_text(&line));
    }
}
