//! Two stations say anything in any order, links drop, time jumps, the store fails: what holds for every input is checked
//! after each. The frames are those of the corpus of `ocpp`, filled and broken.

use std::collections::BTreeMap;

use arbtest::arbitrary::{Result, Unstructured};
use charging::site::EvState;
use ocpp::frame::{self, Frame, MessageId};
use units::{Amperes, LinkId, PerPhase, RecordSeq, ReportedAt, RequestId, StationId, TimeSpan, Timestamp};

use crate::contract::{CloseReason, StorageHealth};
use crate::record::Record;
use crate::tests::restart::{comparable, crash};
use crate::tests::{BOOT, BOOT_201, House, accepted, draw, message_id, sent_on};
use crate::{Command, Effect, Input, Output, SecurityProfile, Version};

/// A link of which nothing is heard for longer is dead: one and a half heartbeats of the default policy.
const SILENCE: TimeSpan = TimeSpan::from_seconds(900);
const STATIONS: [&str; 2] = ["CP1", "CP2"];

/// One thing that happens. Answers name no message id, so that the same steps can be played twice.
#[derive(Debug, Clone)]
enum Step {
    Pass(i64),
    Frame {
        station: usize,
        text: String,
    },
    /// The answer to the oldest call of ours that has none.
    Answer {
        station: usize,
        how: How,
    },
    /// On a link that was replaced or lost.
    StaleFrame {
        station: usize,
        text: String,
    },
    Up(usize),
    Down(usize),
    WallClock(i64),
    Storage(StorageHealth),
    Meter(i64),
    Command(Command),
}

#[derive(Debug, Clone)]
enum How {
    Accepted,
    /// A payload, as text.
    With(String),
    Error,
    Twice,
    /// To a call that was never made.
    Unasked(String),
}

/// Which steps are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    /// All.
    Whole,
    /// Without what a restart tells anew: the clock's offset and the store's health. Calls of ours are accepted: which of
    /// them a restart repeats is free, and so would be what is learned of refusals.
    Restartable,
}

#[test]
fn whatever_stations_say_each_is_answered_after_its_records_and_none_touches_another() {
    draw::check(60, 3_000, |u| {
        let version = *u.choose(&[Version::V16, Version::V201, Version::V21])?;
        let steps = steps(u, version, World::Whole)?;
        let mut shell = Shell::new(version);
        for step in &steps {
            shell.play(step);
        }
        shell.ends_well();
        Ok(())
    });
}

#[test]
fn s8_whatever_stations_said_a_restored_engine_equals_one_that_never_stopped() {
    draw::check(40, 1_500, |u| {
        let version = *u.choose(&[Version::V16, Version::V201, Version::V21])?;
        let crash_at = usize::from(u.arbitrary::<u8>()?);
        let steps = steps(u, version, World::Restartable)?;
        let play = |is_crash: bool| {
            let mut shell = Shell::new(version);
            for (place, step) in steps.iter().enumerate() {
                if place == crash_at.min(steps.len() - 1) {
                    shell.restart(is_crash);
                }
                shell.play(step);
            }
            shell.calms_down();
            shell
        };
        if steps.is_empty() {
            return Ok(());
        }
        let (whole, crashed) = (play(false), play(true));
        let (expected, found) = (whole.rows(), crashed.rows());
        for (key, row) in &expected {
            assert_eq!(found.get(key), Some(row), "{key:?} after a crash before step {crash_at}");
        }
        assert_eq!(expected.len(), found.len());
        assert_eq!(whole.house.cdrs(), crashed.house.cdrs());
        Ok(())
    });
}

/// As many steps as there is chance for.
fn steps(u: &mut Unstructured<'_>, version: Version, world: World) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut sent: Vec<String> = Vec::new();
    let mut clock: i64 = 0;
    while !u.is_empty() && steps.len() < 400 {
        let station = u.int_in_range(0..=1)?;
        let version = if station == 0 { Version::V16 } else { version };
        let step = match u.int_in_range(0..=23)? {
            0..=3 => {
                let seconds = *u.choose(&[0, 1, 1, 5, 31, 60, 400, 1_000, 7_200])?;
                clock += seconds;
                Step::Pass(seconds)
            }
            4 => Step::Up(station),
            5 => Step::Down(station),
            6..=8 => Step::Answer { station, how: how(u, version, world)? },
            9 if world == World::Whole => {
                Step::StaleFrame { station, text: said(u, version, clock, &mut sent)? }
            }
            10 if world == World::Whole => {
                Step::WallClock(*u.choose(&[0, 1_000, -1_000, 3_600_000, -86_400_000, 40_000_000_000])?)
            }
            11 if world == World::Whole => Step::Storage(*u.choose(&[
                StorageHealth::Failing,
                StorageHealth::Well,
                StorageHealth::Well,
            ])?),
            12 if world == World::Whole => Step::Meter(u.int_in_range(-50..=150)?),
            13 if world == World::Whole => Step::Command(command(u, station)?),
            _ => Step::Frame { station, text: said(u, version, clock, &mut sent)? },
        };
        steps.push(step);
        // Networks and queues reorder.
        if steps.len() > 2 && u.ratio(1, 12)? {
            let last = steps.len() - 1;
            steps.swap(last, last - 1);
        }
    }
    Ok(steps)
}

/// What a station says: a new frame, or what either said before.
fn said(u: &mut Unstructured<'_>, version: Version, clock: i64, sent: &mut Vec<String>) -> Result<String> {
    if !sent.is_empty() && u.ratio(1, 10)? {
        return u.choose(sent).cloned();
    }
    let files: &[&str] = match version {
        Version::V16 => &[draw::V16, draw::V16, draw::V16, draw::BROKEN],
        Version::V201 => &[draw::V201, draw::V201, draw::BROKEN],
        Version::V21 => &[draw::V201, draw::V21, draw::BROKEN],
    };
    let line = draw::line(u, files)?;
    let at = match u.int_in_range(0..=9)? {
        0 => "1970-01-01T00:00:00Z".to_owned(),
        1 => "2036-02-07T06:28:16Z".to_owned(),
        2 => House::at(clock - u.int_in_range(0..=100_000)?),
        3 => "yesterday".to_owned(),
        _ => House::at(clock),
    };
    // Ids of stations never look like those of our calls.
    let id = if u.ratio(1, 20)? { "again".to_owned() } else { format!("s{}", sent.len()) };
    let filled = draw::fill(u, line, &id, &at)?;
    let text = draw::damage(u, filled)?;
    sent.push(text.clone());
    Ok(text)
}

fn how(u: &mut Unstructured<'_>, version: Version, world: World) -> Result<How> {
    Ok(match u.int_in_range(0..=9)? {
        0..=4 => How::Accepted,
        5 | 6 if world == World::Restartable => How::Accepted,
        5 => {
            let payloads = [
                "{}",
                r#"{"status":"Rejected"}"#,
                r#"{"status":7}"#,
                r#"{"status":"Later"}"#,
                "[]",
                "null",
                "7",
            ];
            let payload = (*u.choose(&payloads)?).to_owned();
            How::With(draw::damage(u, payload)?)
        }
        6 => How::Error,
        7 => How::Twice,
        8 => How::Unasked("987654321".to_owned()),
        _ => How::Unasked(if version == Version::V16 { "abc" } else { "18446744073709551616" }.to_owned()),
    })
}

fn command(u: &mut Unstructured<'_>, station: usize) -> Result<Command> {
    let evse = || format!("{}/1", STATIONS[station]).parse().unwrap();
    let call = |action: &str, payload: &str| Command::Call {
        station: STATIONS[station].parse().unwrap(),
        action: action.into(),
        payload: payload.into(),
    };
    Ok(match u.int_in_range(0..=5)? {
        0 => Command::Start { evse: evse(), token: "ANNA".parse().unwrap() },
        1 => Command::Stop { evse: evse() },
        2 => call("ClearCache", "{}"),
        3 => call("Reset", r#"{"type":"Soft"}"#),
        4 => call("Reset", r#"{"type":"Immediate"}"#),
        _ => call("Nonsense", "["),
    })
}

/// The shell and what it knows: which links stand, and when each was last heard.
struct Shell {
    house: House,
    /// By station: its link and when it was last heard.
    links: [Option<(LinkId, Timestamp)>; 2],
    stale: [Option<LinkId>; 2],
    /// Calls of ours without an answer.
    unanswered: [Vec<String>; 2],
    requests: Vec<RequestId>,
    records: RecordSeq,
    station_of: BTreeMap<u64, StationId>,
}

impl Shell {
    fn new(version: Version) -> Self {
        let mut house = House::new();
        house.speaks("CP2", version);
        let mut shell = Self {
            house,
            links: [None; 2],
            stale: [None; 2],
            unanswered: Default::default(),
            requests: Vec::new(),
            records: RecordSeq(0),
            station_of: BTreeMap::new(),
        };
        shell.examine(0, &Cause::Other);
        for station in 0..2 {
            shell.up(station);
            shell.boot(station);
            shell.answer_everything();
        }
        shell
    }

    fn boot(&mut self, station: usize) {
        let payload = if self.version(station) == Version::V16 { BOOT } else { BOOT_201 };
        self.frame(station, &format!(r#"[2,"boot","BootNotification",{payload}]"#));
    }

    fn version(&self, station: usize) -> Version {
        self.house.version(STATIONS[station])
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Pass(seconds) => self.pass(*seconds),
            Step::Frame { station, text } => self.frame(*station, text),
            Step::Answer { station, how } => self.answer(*station, how),
            Step::StaleFrame { station, text } => {
                if let Some(link) = self.stale[*station] {
                    self.house.next_frame += 1;
                    let (frame, text) = (self.house.next_frame, text.as_str().into());
                    self.input(Input::Frame { link, frame, text }, &Cause::Stale);
                }
            }
            Step::Up(station) => self.up(*station),
            Step::Down(station) => self.down(*station),
            Step::WallClock(ms) => {
                self.input(Input::WallClock(TimeSpan::from_milliseconds(*ms)), &Cause::Other);
            }
            Step::Storage(health) => self.input(Input::Storage(*health), &Cause::Other),
            Step::Meter(amperes) => {
                let current = PerPhase::splat(Amperes::from_amperes(*amperes));
                let at = ReportedAt(self.house.now);
                let reading = Input::GridReading { meter: "main".parse().unwrap(), at, current };
                self.input(reading, &Cause::Other);
            }
            Step::Command(command) => {
                let request = RequestId(u64::try_from(self.requests.len()).unwrap() + 1_000_000);
                self.requests.push(request);
                let input = Input::Command { request, actor: "anna".into(), command: command.clone() };
                self.input(input, &Cause::Other);
            }
        }
    }

    /// Time passes, with a tick at each deadline. A deadline leads somewhere, and no link outlives its silence.
    fn pass(&mut self, seconds: i64) {
        let until = self.house.now + TimeSpan::from_seconds(seconds);
        let mut in_vain = 0;
        while let Some(deadline) = self.house.csms.next_deadline().filter(|&deadline| deadline <= until) {
            in_vain = if deadline > self.house.now { 0 } else { in_vain + 1 };
            assert!(in_vain < 100, "the deadline {deadline} stays where it is");
            self.house.now = deadline.max(self.house.now);
            self.input(Input::Tick, &Cause::Tick);
        }
        self.house.now = until;
        self.input(Input::Tick, &Cause::Tick);
        for (station, link) in self.links.iter().enumerate() {
            let is_dead = link.is_some_and(|(_, heard_at)| heard_at + SILENCE <= until);
            assert!(!is_dead, "{} is silent since {link:?} at {until}", STATIONS[station]);
        }
    }

    fn up(&mut self, station: usize) {
        self.house.next_link += 1;
        let link = LinkId(self.house.next_link);
        let replaced = self.links[station].replace((link, self.house.now)).map(|(old, _)| old);
        self.stale[station] = replaced.or(self.stale[station]);
        self.unanswered[station].clear();
        self.house.links.insert(STATIONS[station].to_owned(), link);
        let version = self.version(station);
        let id = STATIONS[station].parse().unwrap();
        let security = SecurityProfile::Unauthenticated;
        self.input(Input::LinkUp { link, station: id, version, security }, &Cause::Up { replaced });
    }

    fn down(&mut self, station: usize) {
        let Some((link, _)) = self.links[station].take() else { return };
        self.lose(station, link);
        self.input(Input::LinkDown { link }, &Cause::Other);
    }

    fn lose(&mut self, station: usize, link: LinkId) {
        self.stale[station] = Some(link);
        self.unanswered[station].clear();
        self.house.links.remove(STATIONS[station]);
    }

    fn frame(&mut self, station: usize, text: &str) {
        self.house.next_frame += 1;
        self.frame_numbered(station, self.house.next_frame, text);
    }

    fn frame_numbered(&mut self, station: usize, frame: u64, text: &str) {
        let Some((link, heard_at)) = &mut self.links[station] else { return };
        *heard_at = self.house.now;
        let input = Input::Frame { link: *link, frame, text: text.into() };
        self.input(input, &Cause::Frame { station, text: text.to_owned() });
    }

    fn answer(&mut self, station: usize, how: &How) {
        if let How::Unasked(id) = how {
            return self.frame(station, &format!(r#"[3,"{id}",{{"status":"Accepted"}}]"#));
        }
        if self.unanswered[station].is_empty() {
            return;
        }
        let call = self.unanswered[station].remove(0);
        let id = message_id(&call);
        let text = match how {
            How::Accepted | How::Twice => format!(r#"[3,"{id}",{}]"#, accepted(&call)),
            How::With(payload) => format!(r#"[3,"{id}",{payload}]"#),
            How::Error => format!(r#"[4,"{id}","InternalError","",{{}}]"#),
            How::Unasked(_) => return,
        };
        // Numbers of their own: how many calls there are to answer differs after a restart.
        for _ in 0..if matches!(how, How::Twice) { 2 } else { 1 } {
            self.house.next_answer_frame += 1;
            self.frame_numbered(station, self.house.next_answer_frame, &text);
        }
    }

    fn answer_everything(&mut self) {
        for station in 0..2 {
            while !self.unanswered[station].is_empty() {
                self.answer(station, &How::Accepted);
            }
        }
    }

    /// The engine is made anew from what was committed; or it goes on, and the links are lost all the same.
    fn restart(&mut self, is_crash: bool) {
        self.answer_everything();
        for station in 0..2 {
            if is_crash {
                if let Some((link, _)) = self.links[station].take() {
                    self.lose(station, link);
                }
            } else {
                self.down(station);
            }
        }
        if is_crash {
            let before = self.house.outputs.len();
            crash(&mut self.house);
            // Records are numbered from one in each run.
            self.records = RecordSeq(0);
            self.examine(before, &Cause::Other);
        }
        for station in 0..2 {
            self.up(station);
        }
    }

    /// Everybody behaves again, until nothing is left to say.
    fn calms_down(&mut self) {
        for station in 0..2 {
            self.up(station);
            self.boot(station);
        }
        for _ in 0..8 {
            self.answer_everything();
            self.pass(20);
        }
    }

    /// Both are served again, and whoever asked for something was told once how it ended.
    fn ends_well(&mut self) {
        self.input(Input::Storage(StorageHealth::Well), &Cause::Other);
        self.calms_down();
        for (station, name) in STATIONS.iter().enumerate() {
            self.frame(station, r#"[2,"last","Heartbeat",{}]"#);
            let (link, _) = self.links[station].unwrap();
            let last =
                sent_on(&self.house.outputs, link).filter(|text| text.starts_with(r#"[3,"last","#)).count();
            assert_eq!(last, 1, "{name} is served");
        }
        for request in &self.requests {
            let answers = self.house.outputs.iter().filter(
                |output| matches!(&output.effect, Effect::Answer { request: of, .. } if of == request),
            );
            assert_eq!(answers.count(), 1, "answers to {request:?}");
        }
    }

    /// State rows as they must be equal. What is learned of calls of ours depends on which were made, what a station shows
    /// by what it does is watched anew, and of several connectors of an EVSE each tells anew how it is: by that an EV is known
    /// to be gone, which ends its session, and a station to tell of unplugging.
    fn rows(&self) -> BTreeMap<(&'static str, String), String> {
        let mut outputs = self.house.outputs.clone();
        for output in &mut outputs {
            let Effect::Persist { record, .. } = &mut output.effect else { continue };
            match record.as_mut() {
                Record::Station(row) => {
                    row.quirks.remove("answer_to_nothing");
                    row.quirks.retain(|quirk, _| !quirk.starts_with("refuses_"));
                    row.reports_unplugging &= row.station.as_str() != "CP2";
                }
                Record::Evse(row) if row.evse.station.as_str() == "CP2" => row.control.ev = EvState::Absent,
                Record::Session(row) if row.evse.station.as_str() == "CP2" => row.ended_at = None,
                _ => {}
            }
        }
        let mut rows = comparable(&outputs);
        rows.retain(|(table, _), _| *table != "station_facts");
        rows
    }

    fn input(&mut self, input: Input, cause: &Cause) {
        let before = self.house.outputs.len();
        self.house.input(input);
        self.examine(before, cause);
    }

    /// What holds of the outputs of every input.
    fn examine(&mut self, before: usize, cause: &Cause) {
        let outputs = self.house.outputs[before..].to_vec();
        let known = self.records;
        for output in &outputs {
            match &output.effect {
                Effect::Persist { seq, record } => {
                    assert_eq!(seq.0, self.records.0 + 1, "records are numbered without a gap");
                    self.records = *seq;
                    self.belongs(record, cause);
                }
                Effect::CloseLink { link, reason } => self.closed(*link, *reason, cause),
                Effect::SendFrame { link, text } if text.starts_with("[2,") => {
                    if let Some(station) = self.station_on(*link) {
                        self.unanswered[station].push(text.to_string());
                    }
                }
                Effect::SendFrame { link, text } if text.starts_with("[5,") => {
                    let station = self.station_on(*link);
                    let is_an_answer = |cause: &Cause| match cause {
                        Cause::Frame { station: by, text } => {
                            Some(*by) == station && (text.starts_with("[3,") || text.starts_with("[4,"))
                        }
                        Cause::Stale | Cause::Up { .. } | Cause::Tick | Cause::Other => false,
                    };
                    assert!(is_an_answer(cause), "{text} after {cause:?}");
                    assert_eq!(station.map(|station| self.version(station)), Some(Version::V21), "{text}");
                }
                _ => {}
            }
            let waits = output.after;
            assert!(waits == RecordSeq(0) || waits == self.records, "{}", self.house.line(output));
        }
        self.replied(known, &outputs, cause);
        for link in 0..2 {
            let Some((id, _)) = self.links[link] else { continue };
            let is_gone =
                |output: &Output| matches!(&output.effect, Effect::CloseLink { link, .. } if *link == id);
            if outputs.iter().any(is_gone) {
                self.links[link] = None;
                self.lose(link, id);
            }
        }
    }

    /// Each call has one answer, on its own link, behind the facts that it acknowledges; nothing else has any.
    fn replied(&self, known: RecordSeq, outputs: &[Output], cause: &Cause) {
        let replies: Vec<(usize, LinkId, &str)> = outputs
            .iter()
            .enumerate()
            .filter_map(|(place, output)| match &output.effect {
                Effect::SendFrame { link, text } if text.starts_with("[3,") || text.starts_with("[4,") => {
                    Some((place, *link, text.as_ref()))
                }
                _ => None,
            })
            .collect();
        let Cause::Frame { station, text } = cause else {
            assert!(replies.is_empty(), "{replies:?} after {cause:?}");
            return;
        };
        let version = self.version(*station);
        let limits = ocpp::Limits::default();
        let expected = match frame::decode_in(version, text, &limits) {
            Ok(decoded) => match decoded.value {
                Frame::Call { id, .. } => Some(id),
                Frame::CallResult { .. }
                | Frame::CallError { .. }
                | Frame::CallResultError { .. }
                | Frame::Send { .. } => None,
            },
            Err(error) => {
                let answer = match version {
                    Version::V16 => ocpp::v16::answer_to_frame(&error),
                    Version::V201 | Version::V21 => ocpp::v201::answer_to_frame(&error),
                };
                answer.map(|answer| id_of(&answer))
            }
        };
        let found: Vec<MessageId> = replies.iter().map(|(_, _, reply)| id_of(reply)).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{replies:?} to {text}");
        for (place, link, reply) in replies {
            assert_eq!(self.station_on(link), Some(*station), "{reply} to {text}");
            let earlier =
                outputs[..place].iter().filter(|output| matches!(output.effect, Effect::Persist { .. }));
            let records = RecordSeq(known.0 + u64::try_from(earlier.count()).unwrap());
            assert_eq!(outputs[place].after, records, "{reply} waits for what it acknowledges");
            let late = outputs[place..].iter().filter(|output| is_fact(output)).count();
            assert_eq!(late, 0, "facts behind {reply} to {text}");
        }
    }

    /// No frame of a station writes what is another's: only control, which shares out between them, does.
    fn belongs(&mut self, record: &Record, cause: &Cause) {
        let owner = match record {
            Record::Station(row) => Some(row.station.clone()),
            Record::Security(row) => Some(row.station.clone()),
            Record::Facts(row) => Some(row.station.clone()),
            Record::Session(row) => Some(row.evse.station.clone()),
            Record::Transaction(row) => {
                self.station_of.insert(row.transaction.0, row.evse.station.clone());
                Some(row.evse.station.clone())
            }
            Record::Evidence(row) => {
                let of = row.transaction.and_then(|id| self.station_of.get(&id.0));
                assert!(of.is_none_or(|of| *of == row.station), "{row:?} is evidence of {of:?}");
                Some(row.station.clone())
            }
            Record::MeterValues(row) => {
                let of = row.transaction.and_then(|id| self.station_of.get(&id.0));
                assert!(of.is_none_or(|of| *of == row.evse.station), "{row:?} is of {of:?}");
                Some(row.evse.station.clone())
            }
            Record::Cdr(cdr) => Some(cdr.evse.station.clone()),
            Record::Finding(row) => Some(row.station.clone()),
            Record::Notice(row) => Some(row.station.clone()),
            Record::Site(_)
            | Record::Terms(_)
            | Record::Evse(_)
            | Record::Reason(_)
            | Record::Upkeep(_)
            | Record::Counters(_)
            | Record::Audit(_) => None,
        };
        if let (Cause::Frame { station, text }, Some(owner)) = (cause, owner) {
            assert_eq!(owner.as_str(), STATIONS[*station], "{record:?} after {text}");
        }
    }

    /// A link is dropped for a newer one of its station, or for its silence, and for nothing else that is played here.
    fn closed(&self, link: LinkId, reason: CloseReason, cause: &Cause) {
        match (reason, cause) {
            (CloseReason::Replaced, Cause::Up { replaced }) => assert_eq!(*replaced, Some(link)),
            (CloseReason::Silent, Cause::Tick) => {
                let heard =
                    self.links.iter().flatten().find(|(id, _)| *id == link).map(|(_, heard_at)| *heard_at);
                let now = self.house.now;
                assert!(
                    heard.is_some_and(|at| at + SILENCE <= now),
                    "{link} was heard at {heard:?}, now {now}"
                );
            }
            _ => panic!("link {link} is dropped as {reason:?} after {cause:?}"),
        }
    }

    fn station_on(&self, link: LinkId) -> Option<usize> {
        self.links.iter().position(|standing| standing.is_some_and(|(id, _)| id == link))
    }
}

/// Why outputs came.
#[derive(Debug)]
enum Cause {
    Frame { station: usize, text: String },
    Stale,
    Up { replaced: Option<LinkId> },
    Tick,
    Other,
}

/// What must be committed before a station is told that it was taken.
fn is_fact(output: &Output) -> bool {
    let Effect::Persist { record, .. } = &output.effect else { return false };
    match record.as_ref() {
        Record::Session(_)
        | Record::Transaction(_)
        | Record::Evidence(_)
        | Record::MeterValues(_)
        | Record::Cdr(_)
        | Record::Finding(_)
        | Record::Notice(_) => true,
        Record::Site(_)
        | Record::Terms(_)
        | Record::Reason(_)
        | Record::Station(_)
        | Record::Security(_)
        | Record::Facts(_)
        | Record::Evse(_)
        | Record::Upkeep(_)
        | Record::Counters(_)
        | Record::Audit(_) => false,
    }
}

fn id_of(reply: &str) -> MessageId {
    let read =
        frame::decode(reply, &ocpp::Limits::default()).unwrap_or_else(|error| panic!("{reply}: {error}"));
    match read.value {
        Frame::CallResult { id, .. } | Frame::CallError { id, .. } => id,
        other => panic!("{other:?} is no answer"),
    }
}
