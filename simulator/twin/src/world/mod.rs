//! The world of a run: the engine, its store, links, stations, meters, people, and one queue of virtual time.
//!
//! [`World::run`] takes a scenario from its first instant to its end. `engine` is the shell around `Csms` and `Office`
//! and interprets their effects; `links` carries frames; `plant` moves stations, meters, base load and people;
//! `faults` breaks things. [`Handover`] lets somebody else go on.

mod diary;
pub(crate) mod engine;
mod faults;
mod handover;
mod inspect;
mod links;
pub(crate) mod plant;

use std::collections::{BTreeMap, VecDeque};

use ::plant::base_load::BaseLoad;
use charging::network::SiteConfig;
use csms::QueryAnswer;
use planner::forecast::SiteForecast;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use units::{LinkId, RequestId, StationId, TimeSpan, Timestamp};

use crate::business::Books;
use crate::journal::Journal;
use crate::nonsense::Nonsense;
use crate::outcome::{CircuitOutcome, EvseOutcome, Outcome, StayOutcome};
use crate::people::stays;
use crate::queue::{Precedence, Queue};
use crate::recorder::{Recorder, TransactionSeen};
use crate::scenario::{Scenario, Stay};
use crate::store::{Durable, Store};
use crate::truth::Truth;
use crate::watch::Watch;

use engine::{Engine, EngineInput};
pub use handover::Handover;
use links::StationSlot;
use plant::{MeterSlot, StaySlot};

/// A run under way.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    now: Timestamp,
    queue: Queue<Event>,
    rng: ChaCha8Rng,
    engine: Option<Engine>,
    /// Rises with each start of the engine: what was scheduled for an earlier one is void.
    engine_epoch: u64,
    inbox: VecDeque<EngineInput>,
    store: Store,
    answers: Answers,
    stations: Vec<StationSlot>,
    station_by_id: BTreeMap<StationId, usize>,
    station_by_link: BTreeMap<LinkId, usize>,
    next_link: LinkId,
    next_frame: u64,
    next_request: RequestId,
    truth: Truth,
    meters: Vec<MeterSlot>,
    bases: Vec<(usize, BaseLoad)>,
    stays: Vec<StaySlot>,
    watch: Watch,
    watch_due: Option<Timestamp>,
    recorder: Recorder,
    commit_faults: Option<faults::CommitFault>,
    nonsense: Option<Nonsense>,
    journal: Option<Journal>,
    diary: Option<diary::Diary>,
    /// What operators have stated of the site so far.
    stated: SiteConfig,
    /// What whoever plans has seen of the site, once.
    forecast: Option<SiteForecast>,
    /// Statements that may not be answered yet, with the circuits of which they tell something new.
    statements: Vec<(RequestId, Vec<usize>)>,
    /// Faults that keep each circuit without power, in the order of the truth's circuits.
    dark: Vec<u32>,
    /// Faults that keep the disk full.
    disk_faults: u32,
    /// The last commit failed.
    is_storage_failing: bool,
    /// How far the wall clock of the engine's machine is ahead of true time.
    wall_ahead: TimeSpan,
    /// Alarms that stand, with the instants at which they were raised.
    standing: BTreeMap<csms::Alarm, Timestamp>,
    /// The question to the engine that is under way, and when it was asked.
    inspection: Option<(RequestId, Timestamp)>,
    on_step: Option<fn(Timestamp)>,
    /// When the engine is asked next what limits each EV, where somebody wants to know.
    look_at: Option<Timestamp>,
}

/// What the engine answered, by request.
#[derive(Debug, Default)]
struct Answers {
    csms_commands: BTreeMap<RequestId, csms::CommandAnswer>,
    csms_queries: BTreeMap<RequestId, QueryAnswer>,
    office_commands: BTreeMap<RequestId, office::CommandAnswer>,
    office_queries: BTreeMap<RequestId, office::QueryAnswer>,
}

/// What waits in the queue.
#[derive(Debug)]
enum Event {
    /// A station's deadline.
    Station(usize),
    /// A base load's next change.
    Base(usize),
    /// A meter's next sample.
    MeterSample(usize),
    /// A meter's readings arrive.
    MeterReading(usize),
    /// An EV is plugged in.
    Arrive(usize),
    /// An EV leaves.
    Depart(usize),
    /// A driver looks whether the car charges.
    Look(usize),
    /// A frame arrives at the engine.
    ToEngine { link: LinkId, text: String },
    /// A frame arrives at a station.
    ToStation { link: LinkId, text: Box<str> },
    /// A station tries to open a link.
    Connect(usize),
    /// The engine's socket notices that a link is gone.
    LinkNoticed(LinkId),
    /// The end of a link's close arrives at the station.
    LinkClosed(LinkId),
    /// A commit is on the disk.
    Commit { epoch: u64 },
    /// `Csms` wants a tick.
    CsmsTick,
    /// `Office` wants a tick.
    OfficeTick,
    /// Something breaks, or heals.
    FaultBegins(usize),
    /// It heals.
    FaultEnds(usize),
    /// The engine's process starts again.
    EngineStart,
    /// A nonsense plan arrives.
    Plan,
    /// The checkers judge what is due.
    Watch,
    /// The checkers sum the circuits anew.
    Recount,
    /// The engine is asked what it holds true.
    Inspect,
}

impl World {
    /// A world at the first instant of `scenario`: engine furnished, stations about to connect.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        Self::make(scenario, None)
    }

    /// Runs `scenario` to its end and keeps what went into its engine and what left it. Meant for short runs: it is kept
    /// in memory. The books stay open.
    #[must_use]
    pub fn journal(scenario: Scenario) -> Journal {
        let end = scenario.ends_at;
        let mut world = Self::make(scenario, Some(Journal::default()));
        world.advance(end);
        world.journal.unwrap_or_default()
    }

    fn make(scenario: Scenario, journal: Option<Journal>) -> Self {
        let now = scenario.starts_at;
        let truth = Truth::new(&scenario.true_config(), now);
        let dark = vec![0; truth.circuits().len()];
        let watch = Watch::new(&scenario, &truth);
        let recorder = Recorder::new(&truth, now, scenario.ends_at);
        let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed);
        let stays: Vec<Stay> = stays(&scenario);
        let stations = links::stations(&scenario, &truth);
        let meters = plant::meters(&scenario, &truth);
        let bases = plant::bases(&scenario, &truth, &mut rng);
        let mut world = Self {
            now,
            queue: Queue::default(),
            rng,
            engine: Some(Engine::default()),
            engine_epoch: 0,
            inbox: VecDeque::new(),
            store: Store::default(),
            answers: Answers::default(),
            station_by_id: stations
                .iter()
                .enumerate()
                .map(|(index, slot)| (slot.id.clone(), index))
                .collect(),
            station_by_link: BTreeMap::new(),
            stations,
            next_link: LinkId(0),
            next_frame: 0,
            next_request: RequestId(0),
            truth,
            meters,
            bases,
            stays: stays.iter().cloned().map(StaySlot::new).collect(),
            watch,
            watch_due: None,
            recorder,
            commit_faults: None,
            nonsense: Nonsense::of(&scenario),
            journal,
            diary: None,
            stated: scenario.site.config.clone(),
            forecast: None,
            statements: Vec::new(),
            dark,
            disk_faults: 0,
            is_storage_failing: false,
            wall_ahead: TimeSpan::ZERO,
            standing: BTreeMap::new(),
            inspection: None,
            on_step: None,
            look_at: None,
            scenario,
        };
        world.csms(csms::Input::Restored(Vec::new()));
        world.office(office::Input::Restored(Box::default()));
        world.furnish(&stays);
        world.schedule_plant();
        world.schedule_faults();
        world
    }

    /// Calls `step` with the instant reached, about once per simulated hour.
    #[must_use]
    pub fn with_progress(mut self, step: fn(Timestamp)) -> Self {
        self.on_step = Some(step);
        self
    }

    /// Notes once per step of the series what limits each EV, for reports. The events stay the same.
    #[must_use]
    pub fn with_looks(mut self) -> Self {
        self.look_at = Some(self.now + self.recorder.step);
        self
    }

    /// Runs to the end of the scenario and judges it.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let books = self.play();
        self.judge(books)
    }

    /// As [`World::run`], and gives all that is durable at the end: what an audit looks at.
    #[must_use]
    pub fn run_with_records(self) -> (Outcome, Durable) {
        let mut world = self.keeping_evidence();
        let books = world.play();
        let durable = world.store.durable();
        (world.judge(books), durable)
    }

    /// To the end of the scenario, and until every month is settled.
    fn play(&mut self) -> Books {
        let end = self.scenario.ends_at;
        self.advance(end);
        self.now = end;
        self.close_stays();
        // The plant's time is over, and with it the faults'; the books are closed by an engine that runs.
        self.commit_faults = None;
        self.disk_faults = 0;
        self.engine_start();
        self.flush();
        self.close_books()
    }

    /// What is run.
    #[must_use]
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// What is durable.
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Lets the business sleep: the plant's time is over, the engine's goes on.
    pub(crate) fn sleep_until(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        self.office(office::Input::Tick);
        self.flush();
    }

    fn judge(mut self, books: Books) -> Outcome {
        let end = self.scenario.ends_at;
        for place in 0..self.recorder.transactions.len() {
            let seen = &self.recorder.transactions[place];
            let id =
                seen.name.as_ref().and_then(|name| self.store.transaction_named(&seen.evse.station, name));
            self.recorder.transactions[place].id = id;
        }
        let told = self.transactions_told();
        self.watch.judge_books(end, &self.scenario, &books, &told);
        let circuits = CircuitOutcome::all(&self.truth);
        let evses = self.evse_outcomes();
        let stays = self
            .stays
            .iter()
            .filter_map(|slot| {
                let delivered = slot.delivered?;
                Some(StayOutcome { stay: slot.stay.clone(), departed_at: slot.departed_at, delivered })
            })
            .collect();
        let rules = self.watch.verdicts.all();
        let (series, event_hash, rest) = self.recorder.finish(end);
        Outcome {
            circuits,
            evses,
            series,
            stays,
            transactions: rest.transactions,
            alarms: rest.alarms,
            books,
            rules,
            firings: self.watch.verdicts.firings().to_vec(),
            counts: rest.counts,
            committed: self.store.counts(),
            event_hash,
            scenario: self.scenario,
        }
    }

    fn evse_outcomes(&self) -> Vec<EvseOutcome> {
        let mut outcomes = EvseOutcome::all(&self.truth, &self.scenario.site.config);
        for slot in &self.stations {
            for (place, &evse) in slot.evses.iter().enumerate() {
                let Ok(connector) = u16::try_from(place + 1) else { continue };
                outcomes[evse].energy = slot.station.register(connector);
            }
        }
        outcomes
    }

    /// The plant's transactions, and whether all that their stations had to say was acknowledged.
    fn transactions_told(&self) -> Vec<(TransactionSeen, bool)> {
        let is_told = |seen: &TransactionSeen| {
            let slot = self.station_by_id.get(&seen.evse.station).map(|&index| &self.stations[index]);
            slot.is_some_and(|slot| slot.station.queued_transaction_messages() == 0)
        };
        self.recorder.transactions.iter().map(|seen| (seen.clone(), is_told(seen))).collect()
    }

    /// S8: what the engine knows right after its restart.
    fn judge_restart(&mut self) {
        let site = self.scenario.site.config.id.clone();
        let answer = self.ask_csms(csms::Query::Site(site));
        if self.engine.is_none() {
            // It died again before it could answer.
            return;
        }
        let view = match answer {
            Some(QueryAnswer::Site(view)) => view,
            Some(
                QueryAnswer::Sites(_)
                | QueryAnswer::Stations(_)
                | QueryAnswer::Sessions(_)
                | QueryAnswer::Alarms(_)
                | QueryAnswer::Station(_)
                | QueryAnswer::Plan(_)
                | QueryAnswer::Terms(_),
            )
            | None => None,
        };
        let mut running = Vec::new();
        for slot in &self.stations {
            for (place, &evse) in slot.evses.iter().enumerate() {
                let Ok(connector) = u16::try_from(place + 1) else { continue };
                let station = &self.truth.evses()[evse].id.station;
                let name = slot.station.transaction(connector).and_then(|truth| truth.name);
                if let Some(id) = name.and_then(|name| self.store.transaction_named(station, &name)) {
                    running.push((evse, id));
                }
            }
        }
        self.watch.judge_restart(self.now, &self.truth, view.as_ref(), &running);
    }

    /// Runs up to, not including, `until`.
    pub fn advance(&mut self, until: Timestamp) {
        while let Some((at, event)) = self.queue.pop_before(until) {
            debug_assert!(at >= self.now, "virtual time never goes back");
            self.look_before(at);
            self.now = at;
            self.recorder.counts.events += 1;
            self.dispatch(event);
        }
        self.look_before(until);
        self.now = self.now.max(until);
    }

    fn look_before(&mut self, at: Timestamp) {
        while let Some(due) = self.look_at.filter(|due| *due <= at) {
            self.look_at_limits(due);
            self.look_at = Some(due + self.recorder.step);
        }
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Station(index) => self.station_due(index),
            Event::Base(index) => self.base_due(index),
            Event::MeterSample(index) => self.meter_sample(index),
            Event::MeterReading(index) => self.meter_reading(index),
            Event::Arrive(index) => self.arrive(index),
            Event::Depart(index) => self.depart(index),
            Event::Look(index) => self.look(index),
            Event::ToEngine { link, text } => self.frame_at_engine(link, text),
            Event::ToStation { link, text } => self.frame_at_station(link, &text),
            Event::Connect(index) => self.connect(index),
            Event::LinkNoticed(link) => self.link_noticed(link),
            Event::LinkClosed(link) => self.link_closed(link),
            Event::Commit { epoch } => self.committed(epoch),
            Event::CsmsTick => self.csms_tick(),
            Event::OfficeTick => self.office_tick(),
            Event::FaultBegins(index) => self.fault_begins(index),
            Event::FaultEnds(index) => self.fault_ends(index),
            Event::EngineStart => self.engine_start(),
            Event::Plan => self.throw_plan(),
            Event::Watch => {
                self.watch_due = None;
                self.watch.tick(self.now, &self.truth);
            }
            Event::Recount => self.recount(),
            Event::Inspect => self.inspect(),
        }
        if let Some(due) = self.watch.next_deadline()
            && self.watch_due.is_none_or(|scheduled| due < scheduled)
        {
            self.watch_due = Some(due);
            self.queue.push(due.max(self.now), Precedence::Control, Event::Watch);
        }
    }
}
