//! The production shell under paused time: driven through the same inputs at the same instants as the twin's shell, it
//! sends the same frames and keeps the same records.
//!
//! Time is moved by hand. The engine's thread says when it rests, so that nothing is waited for by the clock; a batch
//! counts as committed when SQLite has it *and* the twin's was done, so that what waits for it leaves at the same
//! instant. The hash covers, per link, the text of every frame in order, and every record of both roots in order with its
//! number. It does not cover when a frame reaches the socket, pages, or plans.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::{Records, Report, Root, Store, Writer, WriterStarted};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Notify};
use twin::World;
use twin::journal::{Entry, Journal, Left};
use twin::scenario_file::{Found, SeedChoice};
use units::{LinkId, RecordSeq, Timestamp};

use crate::clock::Clock;
use crate::engine::{self, EngineHandle, Running, Start};
use crate::frame_log::{FrameLog, Retention};
use crate::outbox::{Next, Outbox};

/// Moves an engine's clock.
#[derive(Debug)]
pub struct Hand {
    now: AtomicI64,
    /// Deadlines up to this instant have come.
    due: AtomicI64,
    moved: Notify,
    rests: UnboundedSender<()>,
    rested: Mutex<UnboundedReceiver<()>>,
}

impl Hand {
    /// A clock that shows `now`. It lives as long as the test's process.
    fn at(now: Timestamp) -> &'static Self {
        let (rests, rested) = unbounded_channel();
        Box::leak(Box::new(Self {
            now: AtomicI64::new(now.milliseconds()),
            due: AtomicI64::new(now.milliseconds() - 1),
            moved: Notify::new(),
            rests,
            rested: Mutex::new(rested),
        }))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.now.load(Ordering::SeqCst))
    }

    pub fn has_reached(&self, instant: Timestamp) -> bool {
        instant.milliseconds() <= self.due.load(Ordering::SeqCst)
    }

    /// The engine has nothing to do: it says so, and goes on when time was moved or an input comes.
    pub async fn rest(&self) {
        // The test that listens may have failed.
        let _ = self.rests.send(());
        self.moved.notified().await;
    }

    fn show(&self, now: Timestamp) {
        self.now.store(now.milliseconds(), Ordering::SeqCst);
    }

    /// Deadlines up to `now` have come: the engine looks.
    fn let_come(&self, now: Timestamp) {
        self.due.store(now.milliseconds(), Ordering::SeqCst);
        self.moved.notify_one();
    }

    /// Waits until the engine rests.
    async fn rested(&self) {
        self.rested.lock().await.recv().await.unwrap_or_else(|| panic!("the engine's thread is gone"));
    }
}

#[tokio::test]
async fn the_production_shell_under_paused_time_gives_the_twins_event_hash() {
    let journal = World::journal(scenario());
    let counted = |action: &str| {
        let frames = journal.left.frames.values().flatten();
        frames.filter(|frame| frame.contains(action)).count()
    };
    assert!(counted("SetChargingProfile") > 50, "{} limits", counted("SetChargingProfile"));
    assert!(journal.left.csms.iter().any(|record| record.contains("Cdr(")), "no transaction was sealed");
    assert!(journal.left.office.iter().any(|record| record.contains("PricedCdr(")), "none was priced");
    let mut shell = Shell::start(&journal).await;
    for (at, entry) in &journal.entries {
        shell.take(*at, entry).await;
    }
    let left = shell.stop().await;
    compare(&journal.left, &left);
    assert_eq!(journal.left.hash(), left.hash());
    let (frames, records) = (left.frames.values().map(Vec::len).sum::<usize>(), left.csms.len());
    println!("{} inputs, {frames} frames, {records} records: {}", journal.entries.len(), left.hash());
}

/// The production shell with a real database, and a test between it and its writer.
struct Shell {
    hand: &'static Hand,
    handle: EngineHandle,
    thread: std::thread::JoinHandle<anyhow::Result<()>>,
    submitted: UnboundedReceiver<Records>,
    writer: Option<Writer>,
    committed: UnboundedReceiver<Report>,
    reporter: UnboundedSender<Report>,
    /// The last record of each root that the engine handed over.
    handed_over: BTreeMap<Root, RecordSeq>,
    /// The last record of each root that SQLite has.
    on_disk: BTreeMap<Root, RecordSeq>,
    links: BTreeMap<LinkId, Arc<Outbox>>,
    left: Left,
    _directory: tempfile::TempDir,
}

impl Shell {
    async fn start(journal: &Journal) -> Self {
        let began = journal.entries.first().map_or(Timestamp::EPOCH, |(at, _)| *at);
        let hand = Hand::at(began);
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("a directory: {error}"));
        let path = directory.path();
        let store = Store::open(&path.join("records.sqlite")).await;
        let store = Arc::new(store.unwrap_or_else(|error| panic!("a database: {error}")));
        let retention = Retention { days: 1, bytes: 1 << 30 };
        let frame_log = FrameLog::open(&path.join("frames"), retention, 0);
        let started = store.start_writer().await.unwrap_or_else(|error| panic!("a writer: {error}"));
        let (queue, submitted) = unbounded_channel();
        let (reporter, reports) = unbounded_channel();
        let between = WriterStarted { writer: Writer::in_front(queue), reports, task: started.task };
        let door = crate::door::Door::new(csms::SecurityProfile::Unauthenticated);
        let uploads = crate::uploads::Uploads::open(&path.join("uploads"), None, 0);
        let start = Start {
            store,
            frame_log: frame_log.unwrap_or_else(|error| panic!("a frame log: {error}")),
            clock: Clock::ByHand(hand),
            policy: csms::Policy::default(),
            door: Arc::new(door.unwrap_or_else(|error| panic!("a door: {error}"))),
            uploads: Arc::new(uploads.unwrap_or_else(|error| panic!("a directory for files: {error}"))),
            alarms: crate::alarms::AlarmSink::default(),
        };
        let Running { handle, thread, .. } =
            engine::start_with(start, between).await.unwrap_or_else(|error| panic!("an engine: {error}"));
        hand.rested().await;
        Self {
            hand,
            handle,
            thread,
            submitted,
            writer: Some(started.writer),
            committed: started.reports,
            reporter,
            handed_over: BTreeMap::new(),
            on_disk: BTreeMap::new(),
            links: BTreeMap::new(),
            left: Left::default(),
            _directory: directory,
        }
    }

    /// Hands in what the twin's shell was handed in, and waits until the engine rests.
    async fn take(&mut self, at: Timestamp, entry: &Entry) {
        self.hand.show(at);
        match entry {
            Entry::Csms(input) => self.take_csms(at, input.clone()).await,
            Entry::Office(input) => self.take_office(at, input.clone()).await,
            Entry::Committed { csms, office } => {
                for (root, up_to) in [(Root::Csms, csms), (Root::Office, office)] {
                    if let Some(up_to) = *up_to {
                        self.commit(root, up_to).await;
                    }
                }
            }
        }
        self.gather().await;
    }

    async fn take_csms(&mut self, at: Timestamp, input: csms::Input) {
        let handle = self.handle.clone();
        match input {
            csms::Input::LinkUp { link, station, version, security } => {
                let opened = handle.link_up(&station, version, security).await;
                let (opened, outbox) = opened.unwrap_or_else(|| panic!("the engine is gone"));
                assert_eq!(opened, link, "links are numbered alike");
                self.links.insert(link, outbox);
            }
            csms::Input::LinkDown { link } => handle.link_down(link).await,
            csms::Input::Frame { link, text, .. } => assert!(handle.frame(link, &text).await),
            csms::Input::GridReading { meter, at, current } => {
                handle.reading(meter, at, current).await.unwrap_or_else(|error| panic!("{error}"));
            }
            csms::Input::MeterDoubted { meter } => {
                handle.meter_doubted(meter).await.unwrap_or_else(|error| panic!("{error}"));
            }
            csms::Input::Tick => self.hand.let_come(at),
            csms::Input::Command { actor, command, .. } => {
                // The answer comes once it is committed, which is a later entry.
                tokio::spawn(async move { handle.command(&actor, command).await });
            }
            csms::Input::Query { query, .. } => {
                tokio::spawn(async move { handle.query(query).await });
            }
            csms::Input::Restored(_)
            | csms::Input::Directory(_)
            | csms::Input::PlanReady { .. }
            | csms::Input::PlanFailed { .. }
            | csms::Input::WiringAnswered { .. }
            | csms::Input::Storage(_)
            | csms::Input::Quirks(_)
            | csms::Input::WallClock(_) => panic!("nothing of this run: {input:?}"),
        }
        self.hand.rested().await;
    }

    async fn take_office(&mut self, at: Timestamp, input: office::Input) {
        let handle = self.handle.clone();
        match input {
            office::Input::Command { actor, command, .. } => {
                tokio::spawn(async move { handle.office_command(&actor, command).await });
            }
            office::Input::Tick => self.hand.let_come(at),
            office::Input::Restored(_)
            | office::Input::Cdr(_)
            | office::Input::Sighted { .. }
            | office::Input::Query { .. }
            | office::Input::Storage(_) => panic!("nothing of this run: {input:?}"),
        }
        self.hand.rested().await;
    }

    /// Tells the engine of a commit once SQLite has it too.
    async fn commit(&mut self, root: Root, up_to: RecordSeq) {
        while self.on_disk.get(&root).is_none_or(|done| *done < up_to) {
            match self.committed.recv().await {
                Some(Report::Committed { root, up_to }) => {
                    self.on_disk.insert(root, up_to);
                }
                other => panic!("the writer says {other:?} while {up_to} is awaited"),
            }
        }
        assert!(self.reporter.send(Report::Committed { root, up_to }).is_ok());
        self.hand.rested().await;
    }

    /// Takes what left: records on their way to the writer, frames on their way to sockets.
    async fn gather(&mut self) {
        while let Ok(records) = self.submitted.try_recv() {
            match &records {
                Records::Csms(records) => {
                    for (seq, record) in records {
                        self.left.csms_record(*seq, record);
                        self.handed_over.insert(Root::Csms, *seq);
                    }
                }
                Records::Office(records) => {
                    for (seq, record) in records {
                        self.left.office_record(*seq, record);
                        self.handed_over.insert(Root::Office, *seq);
                    }
                }
                Records::Outdated { .. } => {}
            }
            self.writer.as_ref().unwrap_or_else(|| panic!("the shell was stopped")).submit(records);
        }
        for (link, outbox) in &self.links {
            while let Some(Next::Frames(frames)) = outbox.take() {
                frames.iter().for_each(|frame| self.left.frame(*link, frame));
            }
        }
    }

    async fn stop(mut self) -> Left {
        let handle = self.handle.clone();
        // What was not committed when the run ended is let go, and not counted.
        let left = std::mem::take(&mut self.left);
        let stopped = tokio::spawn(async move { handle.stop().await });
        for (&root, &up_to) in &self.handed_over {
            assert!(self.reporter.send(Report::Committed { root, up_to }).is_ok());
        }
        self.writer = None;
        stopped.await.unwrap_or_else(|error| panic!("the stop: {error}"));
        match self.thread.join() {
            Ok(ended) => ended.unwrap_or_else(|error| panic!("the engine's thread: {error}")),
            Err(_) => panic!("the engine's thread broke down"),
        }
        left
    }
}

/// Names the first difference, which a hash does not.
fn compare(twin: &Left, shell: &Left) {
    assert_eq!(twin.frames.keys().collect::<Vec<_>>(), shell.frames.keys().collect::<Vec<_>>(), "links");
    for (link, frames) in &twin.frames {
        first_difference(&format!("frame of link {link}"), frames, &shell.frames[link]);
    }
    first_difference("record of the sites", &twin.csms, &shell.csms);
    first_difference("record of the business", &twin.office, &shell.office);
}

fn first_difference<T: PartialEq + std::fmt::Debug>(what: &str, twin: &[T], shell: &[T]) {
    for (place, (one, other)) in twin.iter().zip(shell).enumerate() {
        assert_eq!(one, other, "{what}, number {place}: the twin's, then the shell's");
    }
    assert_eq!(twin.len(), shell.len(), "{what}: how many");
}

/// Three EVs in an hour and a half at a site whose main circuit is full; one link is lost on the way.
fn scenario() -> twin::Scenario {
    let site = "
id = 'house'
name = 'A House'
zone = 'Europe/Helsinki'
supply = 'tn_400'
[owner]
id = 'owner'
name = 'The Owner'
vat = 'not_registered'
plan = 'per_kwh'
[[tariffs]]
id = 'residents'
valid_from = '2024-09-01'
energy_eur_per_kwh = 0.20
[[circuits]]
id = 'main'
name = 'Main'
rating_a = 35
worst_base_a = 12
meter = { id = 'main' }
[evse_defaults]
current_max_a = 16
circuit = 'main'
is_fallback_proven = true
fallback_survives_boot = true
access = 'private'
tariff = 'residents'
[[evses]]
id = 'P01/1'
wiring = 'L1L2L3'
[[evses]]
id = 'P02/1'
wiring = 'L2L3L1'
[[evses]]
id = 'P03/1'
wiring = 'L3L1L2'
";
    let scenario = "
title = 'An hour and a half at a full house'
seed = 11
site = 'site.toml'
starts = '2026-01-16T16:00'
duration_h = 1.5
[people]
kind = 'listed'
[[people.cars]]
name = 'three-phase'
usable_kwh = 60
ac_phases = 3
ac_kw = 11
[[people.stays]]
evse = 'P01/1'
car = 'three-phase'
arrives = '2026-01-16T16:02'
departs = '2026-01-16T17:10'
energy_kwh = 12
[[people.stays]]
evse = 'P02/1'
car = 'three-phase'
arrives = '2026-01-16T16:05'
departs = '2026-01-16T17:20'
energy_kwh = 4
[[people.stays]]
evse = 'P03/1'
car = 'three-phase'
arrives = '2026-01-16T16:07'
departs = '2026-01-16T18:30'
energy_kwh = 14.5
[[base_load]]
circuit = 'main'
kind = 'flats'
flats = 15
monthly_kwh = 150
[[faults]]
kind = 'link_loss'
stations = ['P02']
from = '2026-01-16T16:40'
until = '2026-01-16T16:50'
";
    let found = Found { site: site.to_owned(), ..Found::default() };
    twin::scenario_file::load("paused", "scenario.toml", scenario, &found, SeedChoice::OfFile)
        .unwrap_or_else(|problems| panic!("{}", twin::document::list(&problems)))
}
