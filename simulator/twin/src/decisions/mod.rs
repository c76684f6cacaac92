//! The second fidelity: `charging::Site` and the plant, without a wire and without records.
//!
//! [`run`] takes the same [`Scenario`] as [`World`](crate::World) and tells the same kind of [`Outcome`], less money. It
//! is for studies, which search here and verify the answer in *frames*.
//!
//! # What is the same
//!
//! Stays, EVs, base load, meters with their noise, plans thrown in, the instants at which stations connect: drawn from
//! the same streams of chance. The `Site` is production's. It hears of starts, states, measurements and answers at the
//! instants at which frames would tell it: after a link's mean latency, one message of a station at a time, answers after
//! their commit; measurements are taken as often, and limits reach the pilot after the station's reaction.
//!
//! # What is not
//!
//! A frame's latency is the mean, not drawn; the words that stations and backend exchange beside control (settings,
//! heartbeats) cost no time after the boot; a shed does not overtake what waits for another EVSE of its station; an
//! Authorize means the EVSE that was tapped; every token is good. Faults of links, stations and the engine, and what
//! single stations get wrong, are not played: [`Decided::not_played`] names them.

mod station;

use std::collections::VecDeque;

use charging::allocation::SLICE;
use charging::ceiling::ExpiryTrust;
use charging::network::Network;
use charging::site::{
    Command, CommandKind, DispatchAnswer, EvState, Measurement, Site, SiteEvent, Ticket, Urgency,
};
use plant::base_load::BaseLoad;
use plant::ev::{Ev, EvPhases};
use plant::evse::{Evse, EvseConfig};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Amperes, EvseId, PerPhase, StationId, TimeSpan, Timestamp};

use crate::business::Books;
use crate::frame_text::ProfileSent;
use crate::nonsense::Nonsense;
use crate::outcome::{CircuitOutcome, EvseOutcome, Outcome, StayOutcome};
use crate::people::stays;
use crate::planning::{self, Planning, Strategy};
use crate::queue::{Precedence, Queue};
use crate::recorder::Recorder;
use crate::scenario::{Fault, Scenario};
use crate::truth::Truth;
use crate::watch::{Note, Rule, Watch};
use crate::world::plant::{LOOK, LOOKS, MeterSlot, RECOUNT, StaySlot, TARGET, bases, meters};

use station::EvseSlot;

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Decided {
    /// As of a run in frames, with empty books, no transactions, and no frames, records or commits counted.
    pub outcome: Outcome,
    /// For each stay of the outcome: how long at a stretch its EV wanted energy and was offered too little, at most.
    pub waited_longest: Vec<TimeSpan>,
    /// How often the site decided.
    pub decisions: u64,
    /// What of the scenario this fidelity does not play, in words. Empty: all was played.
    pub not_played: Vec<String>,
    /// Why planning failed, each time; the plan before it, if any, stayed in use (S6).
    pub plan_failures: Vec<(Timestamp, String)>,
}

/// Runs a scenario from its first instant to its end.
#[must_use]
pub fn run(scenario: Scenario) -> Decided {
    run_with_progress(scenario, |_| {})
}

/// As [`run`], and calls `step` with the instant reached, once per simulated hour.
#[must_use]
pub fn run_with_progress(scenario: Scenario, step: fn(Timestamp)) -> Decided {
    run_by(scenario, Strategy::default(), step)
}

/// As [`run_with_progress`], sharing out by `strategy`.
#[must_use]
pub fn run_by(scenario: Scenario, strategy: Strategy, step: fn(Timestamp)) -> Decided {
    Run::new(scenario, strategy, step).finish()
}

/// A station's answer to a call of ours comes after this; as `plant`'s stations do by default.
const ANSWER_DELAY: TimeSpan = TimeSpan::from_milliseconds(50);
/// At its first boot a station is asked and told so much before its first limit: to clear limits, and for their unit.
const CALLS_BEFORE_LIMITS: i64 = 2;

/// A run under way.
#[derive(Debug)]
struct Run {
    scenario: Scenario,
    now: Timestamp,
    queue: Queue<Event>,
    site: Site,
    site_tick: Option<Timestamp>,
    alarms: std::collections::BTreeSet<charging::site::SiteAlarm>,
    evses: Vec<EvseSlot>,
    lines: Vec<Line>,
    truth: Truth,
    meters: Vec<MeterSlot>,
    bases: Vec<(usize, BaseLoad)>,
    stays: Vec<(StaySlot, TimeSpan)>,
    looks: Vec<u32>,
    nonsense: Option<Nonsense>,
    planning: Planning,
    /// When a plan is due next.
    plan_due: Option<Timestamp>,
    plan_failures: Vec<(Timestamp, String)>,
    watch: Watch,
    watch_due: Option<Timestamp>,
    recorder: Recorder,
    decisions: u64,
    sample_every: TimeSpan,
    step: fn(Timestamp),
}

/// A station with its link.
#[derive(Debug)]
struct Line {
    station: StationId,
    /// When the station's next message may leave: one at a time.
    up_free: Timestamp,
    /// When our next call may leave: one at a time.
    down_free: Timestamp,
}

/// What waits in the queue.
#[derive(Debug)]
enum Event {
    /// The plant changes at an EVSE by itself, or a limit comes into force there.
    Evse(usize),
    /// A limit held by the station reaches the pilot, or expires.
    Pilot(usize),
    /// An EVSE's measurement is due.
    Sample(usize),
    /// A measurement was asked for.
    SampleOnce(usize),
    Base(usize),
    MeterSample(usize),
    MeterReading(usize),
    Arrive(usize),
    Depart(usize),
    Look(usize),
    /// A station's link is up.
    Connect(usize),
    /// A station's message arrives.
    Told(Told),
    /// A start was allowed.
    Allowed(usize),
    /// A command arrives at the station.
    Order {
        evse: usize,
        ticket: Ticket,
        kind: CommandKind,
        sent_at: Timestamp,
    },
    /// The site wants to look at the clock.
    SiteTick,
    MeterFails(usize),
    MeterIsRepaired(usize),
    /// A plan is thrown in.
    Plan,
    /// A plan may be due.
    MakePlan,
    Watch,
    Recount,
}

/// A station's message, as control understands it.
#[derive(Debug)]
enum Told {
    Booted(usize),
    ClockIsRight(usize),
    State(usize, EvState),
    /// A token was presented at the EVSE.
    Authorise(usize),
    Started(usize),
    Stopped(usize),
    Measured(usize, Measurement),
    Answered(Ticket, DispatchAnswer),
}

impl Run {
    fn new(scenario: Scenario, strategy: Strategy, step: fn(Timestamp)) -> Self {
        let now = scenario.starts_at;
        let config = &scenario.site.config;
        let truth = Truth::new(config, now);
        let watch = Watch::new(&scenario, &truth);
        let recorder = Recorder::new(&truth, now, scenario.ends_at);
        let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed);
        let stays = stays(&scenario);
        let bases = bases(&scenario, &truth, &mut rng);
        let network = Network::build(config.clone()).unwrap_or_else(|problems| {
            panic!("site {} was checked when it was read: {problems:?}", config.id)
        });
        let mut ids: Vec<&StationId> = config.evses.iter().map(|evse| &evse.id.station).collect();
        ids.sort();
        ids.dedup();
        let evses = config.evses.iter().map(|stated| {
            let station = ids.binary_search(&&stated.id.station).unwrap_or(0);
            let phases = u8::try_from(stated.wiring.phases()).ok().and_then(EvPhases::from_count);
            let evse = EvseConfig {
                current_maximum: stated.current_max,
                current_minimum: stated.current_min,
                step: stated.step,
                phases: phases.unwrap_or(EvPhases::Three),
                voltage: config.voltage_nominal,
                ..EvseConfig::default()
            };
            EvseSlot::new(Evse::new(evse, now), station)
        });
        let lines = ids.iter().map(|&id| Line { station: id.clone(), up_free: now, down_free: now });
        let mut run = Self {
            now,
            queue: Queue::default(),
            site: Site::new(network, now).sharing_by(strategy.rule),
            site_tick: None,
            alarms: std::collections::BTreeSet::new(),
            evses: evses.collect(),
            lines: lines.collect(),
            meters: meters(&scenario, &truth),
            truth,
            bases,
            looks: vec![0; stays.len()],
            stays: stays.into_iter().map(|stay| (StaySlot::new(stay), TimeSpan::ZERO)).collect(),
            nonsense: Nonsense::of(&scenario),
            planning: strategy.planning,
            plan_due: None,
            plan_failures: Vec::new(),
            watch,
            watch_due: None,
            recorder,
            decisions: 0,
            // Stations are told this interval when they boot.
            sample_every: csms::Policy::default().meter_values,
            step,
            scenario,
        };
        run.schedule(&mut rng);
        run
    }

    /// Puts the first event of everything into the queue.
    fn schedule(&mut self, rng: &mut ChaCha8Rng) {
        for index in 0..self.bases.len() {
            self.queue.push(self.now, Precedence::Physics, Event::Base(index));
        }
        for index in 0..self.meters.len() {
            let at = self.meters[index].meter.next_sample();
            self.queue.push(at, Precedence::Measurement, Event::MeterSample(index));
        }
        for (index, (slot, _)) in self.stays.iter().enumerate() {
            self.queue.push(slot.stay.arrives_at, Precedence::Physics, Event::Arrive(index));
            self.queue.push(slot.stay.departs_at, Precedence::Physics, Event::Depart(index));
        }
        let least = self.scenario.timing.reconnect.milliseconds().max(1);
        for index in 0..self.lines.len() {
            let after = TimeSpan::from_milliseconds(rng.random_range(least..=least * 3));
            self.queue.push(self.now + after, Precedence::Message, Event::Connect(index));
        }
        self.queue.push(self.now + RECOUNT, Precedence::Control, Event::Recount);
        for (index, fault) in self.scenario.faults.iter().enumerate() {
            if let Fault::Meter { span, .. } = fault {
                self.queue.push(span.from, Precedence::Physics, Event::MeterFails(index));
                self.queue.push(span.until, Precedence::Physics, Event::MeterIsRepaired(index));
            }
        }
        self.schedule_plan();
        self.schedule_site();
    }

    fn finish(mut self) -> Decided {
        let end = self.scenario.ends_at;
        while let Some((at, event)) = self.queue.pop_before(end) {
            self.now = at;
            self.recorder.counts.events += 1;
            self.dispatch(event);
            if let Some(due) = self.watch.next_deadline()
                && self.watch_due.is_none_or(|scheduled| due < scheduled)
            {
                self.watch_due = Some(due);
                self.queue.push(due.max(self.now), Precedence::Control, Event::Watch);
            }
        }
        self.now = end;
        self.close()
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Evse(index) => self.evse_due(index),
            Event::Pilot(index) => {
                self.evses[index].apply_limit(self.now);
                self.observe(index);
            }
            Event::Sample(index) => self.sample_due(index),
            Event::SampleOnce(index) => self.sample(index),
            Event::Base(index) => self.base_due(index),
            Event::MeterSample(index) => self.meter_sample(index),
            Event::MeterReading(index) => self.meter_reading(index),
            Event::Arrive(index) => self.arrive(index),
            Event::Depart(index) => self.depart(index),
            Event::Look(index) => self.look(index),
            Event::Connect(index) => self.connect(index),
            Event::Told(told) => self.told(told),
            Event::Allowed(index) => self.allowed(index),
            Event::Order { evse, ticket, kind, sent_at } => self.order(evse, ticket, kind, sent_at),
            Event::SiteTick => {
                if self.site_tick.is_some_and(|at| at <= self.now) {
                    self.site_tick = None;
                    self.settle();
                }
            }
            Event::MeterFails(fault) => self.meter_fails(fault),
            Event::MeterIsRepaired(fault) => self.meter_is_repaired(fault),
            Event::Plan => self.plan(),
            Event::MakePlan => self.make_plan(),
            Event::Watch => {
                self.watch_due = None;
                self.watch.tick(self.now, &self.truth);
            }
            Event::Recount => self.recount(),
        }
    }

    // The plant.

    /// After anything that touched an EVSE: its state is told, its current flows, its next change is scheduled.
    fn observe(&mut self, index: usize) {
        let now = self.now;
        let slot = &mut self.evses[index];
        slot.note_waiting(now);
        let plant = slot.plant();
        if slot.seen != plant {
            if slot.seen.limit != plant.limit && plant.may_draw {
                self.watch.story.note(now, Note::InForce { evse: index, limit: plant.limit });
            }
            slot.seen = plant;
            self.watch.plant(self.now, index, plant);
        }
        let state = slot.ev_state();
        let is_news = slot.told.is_some_and(|told| told != state);
        if is_news {
            slot.told = Some(state);
        }
        let terminals = slot.evse.current();
        if let Some(due) = slot.evse.next_change() {
            let due = due.max(now);
            if slot.scheduled.is_none_or(|scheduled| due < scheduled) {
                slot.scheduled = Some(due);
                self.queue.push(due, Precedence::Physics, Event::Evse(index));
            }
        }
        if let Some(change) = self.truth.set_evse(now, index, terminals) {
            self.recorder.evse(now, &self.truth, index);
            self.watch.evse_changed(now, &self.truth, index, change);
        }
        if is_news {
            self.tell(self.evses[index].station, Told::State(index, state));
        }
    }

    fn evse_due(&mut self, index: usize) {
        let slot = &mut self.evses[index];
        if slot.scheduled != Some(self.now) {
            return;
        }
        slot.scheduled = None;
        slot.evse.advance(self.now);
        self.observe(index);
    }

    fn base_due(&mut self, index: usize) {
        let (circuit, load) = &self.bases[index];
        let circuit = *circuit;
        if let Some(next) = load.next_change(self.now) {
            self.queue.push(next, Precedence::Physics, Event::Base(index));
        }
        // Several loads may hang on one circuit.
        let own = self.bases.iter_mut().filter(|(place, _)| *place == circuit);
        let current = own.fold(PerPhase::default(), |sum, (_, load)| sum + load.current(self.now));
        if let Some(change) = self.truth.set_base(self.now, circuit, current) {
            self.recorder.base(self.now, &self.truth, circuit);
            self.watch.base_changed(self.now, &self.truth, circuit, change);
        }
    }

    fn meter_sample(&mut self, index: usize) {
        let slot = &mut self.meters[index];
        let arrives = slot.sample(self.now, &self.truth);
        self.queue.push(slot.meter.next_sample(), Precedence::Measurement, Event::MeterSample(index));
        if let Some(at) = arrives {
            self.queue.push(at, Precedence::Message, Event::MeterReading(index));
        }
    }

    fn meter_reading(&mut self, index: usize) {
        while let Some((reading, sampled)) = self.meters[index].read(self.now) {
            let slot = &self.meters[index];
            let (circuit, meter) = (slot.circuit, slot.id.clone());
            self.recorder.counts.readings += 1;
            self.watch.reading(self.now, circuit, reading.current, &sampled);
            let taken_at = reading.measured_at.min(self.now);
            self.happened(SiteEvent::GridReading { meter, taken_at, current: reading.current });
        }
        let due = self.meters[index].meter.next_deadline();
        if due < self.meters[index].meter.next_sample() && due > self.now {
            self.queue.push(due, Precedence::Message, Event::MeterReading(index));
        }
    }

    fn meter_fails(&mut self, fault: usize) {
        let Fault::Meter { meter, fault: wrong, .. } = self.scenario.faults[fault].clone() else { return };
        self.watch.story.note(self.now, Note::Text(format!("meter {meter}: {wrong:?}")));
        for slot in self.meters.iter_mut().filter(|slot| slot.id == meter) {
            slot.breaks(fault, wrong);
        }
    }

    fn meter_is_repaired(&mut self, fault: usize) {
        let Fault::Meter { meter, .. } = &self.scenario.faults[fault] else { return };
        self.watch.story.note(self.now, Note::Text(format!("meter {meter} is repaired")));
        for slot in self.meters.iter_mut().filter(|slot| slot.id == *meter) {
            slot.heals(fault);
        }
    }

    // People.

    fn arrive(&mut self, index: usize) {
        let now = self.now;
        let stay = self.stays[index].0.stay.clone();
        let Some(evse) = self.place_of(&stay.evse) else { return };
        self.leave(evse);
        self.stays[index].0.register_start = Some(self.evses[evse].evse.register());
        self.evses[evse].plug_in(now, Ev::wanting(stay.ev.clone(), stay.wanted, TARGET));
        let text = format!("{} is plugged in at {} and wants {}", stay.ev.name, stay.evse, stay.wanted);
        self.watch.story.note(now, Note::Text(text));
        self.queue.push(now + LOOK, Precedence::Physics, Event::Look(index));
        self.tap(evse);
        self.observe(evse);
    }

    fn tap(&mut self, evse: usize) {
        self.tell(self.evses[evse].station, Told::Authorise(evse));
    }

    /// A driver looks whether the transaction runs, and presents the token again where it was refused.
    fn look(&mut self, index: usize) {
        let (slot, _) = &self.stays[index];
        let Some(evse) = self.place_of(&slot.stay.evse) else { return };
        if slot.departed_at.is_some() || self.looks[index] > LOOKS {
            return;
        }
        if self.evses[evse].is_running {
            self.looks[index] = LOOKS + 1;
            return;
        }
        self.looks[index] += 1;
        if self.looks[index] <= LOOKS {
            self.recorder.counts.retries += 1;
            self.queue.push(self.now + LOOK, Precedence::Physics, Event::Look(index));
            self.tap(evse);
        }
    }

    fn depart(&mut self, index: usize) {
        let Some(evse) = self.place_of(&self.stays[index].0.stay.evse) else { return };
        let waited = self.leave(evse);
        let register = self.evses[evse].evse.register();
        let (slot, longest) = &mut self.stays[index];
        slot.delivered = slot.register_start.map(|start| register - start);
        slot.departed_at = Some(self.now);
        *longest = waited;
        let text = format!("the car at {} is unplugged", slot.stay.evse);
        self.watch.story.note(self.now, Note::Text(text));
    }

    /// Whoever is plugged in at an EVSE leaves: how long they waited at a stretch, at most.
    fn leave(&mut self, evse: usize) -> TimeSpan {
        let slot = &mut self.evses[evse];
        let (station, was_running) = (slot.station, slot.is_running);
        let Some(waited) = slot.unplug(self.now) else { return TimeSpan::ZERO };
        if was_running {
            self.tell(station, Told::Stopped(evse));
            self.tell(station, Told::State(evse, EvState::Connected));
        }
        self.observe(evse);
        waited
    }

    fn place_of(&self, id: &EvseId) -> Option<usize> {
        self.site.network().evse_by_id(id).map(charging::network::EvseIndex::place)
    }

    // The links.

    /// From one end of a link to the other.
    fn hop(&self) -> TimeSpan {
        let timing = self.scenario.timing;
        timing.latency + timing.latency_spread.ratio_floor(1, 2)
    }

    /// A station's message leaves once the one before is acknowledged.
    fn tell(&mut self, station: usize, told: Told) {
        let hop = self.hop();
        let commit = self.scenario.timing.commit;
        let line = &mut self.lines[station];
        let at = self.now.max(line.up_free) + hop;
        line.up_free = at + commit + hop;
        self.queue.push(at, Precedence::Message, Event::Told(told));
    }

    fn connect(&mut self, station: usize) {
        let hop = self.hop();
        self.tell(station, Told::Booted(station));
        self.tell(station, Told::ClockIsRight(station));
        // A call leaves once the boot is answered, and first come those that every new station gets.
        let boot = hop + self.scenario.timing.commit;
        let calls = (hop + ANSWER_DELAY + hop) * CALLS_BEFORE_LIMITS;
        self.lines[station].down_free = self.now + boot + calls;
        for index in 0..self.evses.len() {
            if self.evses[index].station == station {
                let state = self.evses[index].ev_state();
                self.evses[index].told = Some(state);
                self.tell(station, Told::State(index, state));
            }
        }
    }

    fn told(&mut self, told: Told) {
        let id = |run: &Self, evse: usize| run.truth.evses()[evse].id.clone();
        match told {
            Told::Booted(station) => {
                let station = self.lines[station].station.clone();
                self.happened(SiteEvent::Booted(station.clone()));
                self.happened(SiteEvent::LinkUp(station));
            }
            Told::ClockIsRight(station) => {
                let station = self.lines[station].station.clone();
                self.happened(SiteEvent::Clock(station, ExpiryTrust::Trusted));
            }
            Told::State(evse, state) => {
                self.happened(SiteEvent::EvState(id(self, evse), state));
                match state {
                    EvState::Absent | EvState::Connected => self.happened(SiteEvent::Idle(id(self, evse))),
                    EvState::SuspendedEv => self.want_plan(),
                    EvState::Charging | EvState::SuspendedEvse | EvState::Faulted => {}
                }
            }
            Told::Authorise(evse) => {
                if self.site.may_start(self.now, &id(self, evse)).is_ok() {
                    let answered = self.now + self.scenario.timing.commit + self.hop();
                    self.queue.push(answered, Precedence::Message, Event::Allowed(evse));
                    self.happened(SiteEvent::StartAllowed(id(self, evse)));
                }
            }
            Told::Started(evse) => {
                self.evses[evse].is_running_at_control = true;
                self.happened(SiteEvent::TransactionStarted(id(self, evse)));
                self.want_plan();
            }
            Told::Stopped(evse) => {
                self.evses[evse].is_running_at_control = false;
                self.happened(SiteEvent::TransactionEnded(id(self, evse), self.now));
                self.want_plan();
            }
            Told::Measured(evse, measurement) => {
                self.happened(SiteEvent::Measured(id(self, evse), measurement));
            }
            Told::Answered(ticket, answer) => self.happened(SiteEvent::Answered(ticket, answer)),
        }
    }

    fn allowed(&mut self, evse: usize) {
        let now = self.now;
        let slot = &mut self.evses[evse];
        if !slot.begin(now) {
            return;
        }
        let at = now + self.sample_every;
        slot.sample_at = Some(at);
        let station = slot.station;
        self.queue.push(at, Precedence::Physics, Event::Sample(evse));
        self.tell(station, Told::Started(evse));
        self.observe(evse);
    }

    fn sample_due(&mut self, index: usize) {
        let slot = &mut self.evses[index];
        if slot.sample_at != Some(self.now) {
            return;
        }
        let at = self.now + self.sample_every;
        slot.sample_at = Some(at);
        self.queue.push(at, Precedence::Physics, Event::Sample(index));
        self.sample(index);
    }

    fn sample(&mut self, index: usize) {
        let slot = &mut self.evses[index];
        slot.evse.advance(self.now);
        let wired = slot.evse.config().phases.count();
        let drawn = slot.evse.current();
        let current = PerPhase::from_fn(|phase| (phase.index() < usize::from(wired)).then(|| drawn[phase]));
        let offered = Some(slot.evse.offered());
        let station = slot.station;
        self.tell(station, Told::Measured(index, Measurement { taken_at: self.now, current, offered }));
        self.observe(index);
    }

    /// A command arrives at its station.
    fn order(&mut self, evse: usize, ticket: Ticket, kind: CommandKind, sent_at: Timestamp) {
        let reaction = self.scenario.stations.reaction;
        let slot = &mut self.evses[evse];
        let answer = match kind {
            CommandKind::SetLive { limit, limit_expired, lifetime, .. } => {
                let until = sent_at + lifetime;
                let is_taken = slot.take_live(limit, limit_expired, until);
                if is_taken {
                    self.queue.push(self.now + reaction, Precedence::Physics, Event::Pilot(evse));
                    self.queue.push(until.max(self.now), Precedence::Physics, Event::Pilot(evse));
                }
                if is_taken { DispatchAnswer::Accepted } else { DispatchAnswer::Rejected }
            }
            CommandKind::SetFallback { limit } => {
                slot.take_fallback(limit);
                self.queue.push(self.now + reaction, Precedence::Physics, Event::Pilot(evse));
                DispatchAnswer::Accepted
            }
            CommandKind::Measure => {
                self.queue.push(self.now + ANSWER_DELAY, Precedence::Physics, Event::SampleOnce(evse));
                DispatchAnswer::Accepted
            }
        };
        let at = self.now + ANSWER_DELAY + self.hop();
        self.queue.push(at, Precedence::Message, Event::Told(Told::Answered(ticket, answer)));
    }

    // Control.

    /// Something happened that control hears of.
    fn happened(&mut self, event: SiteEvent) {
        self.site.apply(self.now, event);
        self.settle();
    }

    /// Lets the site decide where it has to, and carries what it commands to the stations.
    fn settle(&mut self) {
        let mut unsent = VecDeque::new();
        while self.site.next_deadline().is_some_and(|at| at <= self.now) {
            let commands = self.site.decide(self.now);
            self.decisions += 1;
            for command in commands {
                unsent.extend(self.carry(&command));
            }
            let Some(ticket) = unsent.pop_front() else { break };
            self.site.apply(self.now, SiteEvent::Answered(ticket, DispatchAnswer::None));
        }
        for ticket in unsent {
            self.site.apply(self.now, SiteEvent::Answered(ticket, DispatchAnswer::None));
        }
        self.note_alarms();
        self.schedule_site();
    }

    /// Sends a command; its ticket comes back where it has nowhere to go.
    fn carry(&mut self, command: &Command) -> Option<Ticket> {
        let Command { evse, ticket, kind } = command;
        let index = self.place_of(evse)?;
        let wait = match kind {
            CommandKind::SetLive { urgency, .. } => {
                if !self.evses[index].is_running_at_control {
                    return Some(*ticket);
                }
                match urgency {
                    Urgency::Shed => TimeSpan::ZERO,
                    Urgency::Renewal | Urgency::Raise => self.scenario.timing.commit,
                }
            }
            CommandKind::SetFallback { .. } | CommandKind::Measure => self.scenario.timing.commit,
        };
        self.judge(index, kind);
        let hop = self.hop();
        let line = &mut self.lines[self.evses[index].station];
        let leaves = (self.now + wait).max(line.down_free);
        line.down_free = leaves + hop + ANSWER_DELAY + hop;
        let order = Event::Order { evse: index, ticket: *ticket, kind: *kind, sent_at: leaves };
        self.queue.push(leaves + hop, Precedence::Message, order);
        None
    }

    /// Shows a limit to the checkers as it would stand on the wire.
    fn judge(&mut self, index: usize, kind: &CommandKind) {
        let (purpose, periods) = match *kind {
            CommandKind::SetLive { limit, limit_expired, lifetime, .. } => {
                ("TxProfile", vec![(TimeSpan::ZERO, limit), (lifetime, limit_expired)])
            }
            CommandKind::SetFallback { limit } => ("TxDefaultProfile", vec![(TimeSpan::ZERO, limit)]),
            CommandKind::Measure => return,
        };
        let milliamperes = |(_, limit): &(TimeSpan, Amperes)| limit.milliamperes().to_le_bytes();
        let text: Vec<u8> = periods.iter().flat_map(milliamperes).collect();
        self.recorder.event(self.now, b'l', u64::try_from(index).unwrap_or(0), &text);
        let connector = self.truth.evses()[index].id.number;
        let profile = ProfileSent { connector, purpose, transaction: None, is_amperes: true, periods };
        if self.watch.limit_leaves(self.now, index, &profile) {
            self.recorder.counts.limit_changes += 1;
        }
    }

    fn note_alarms(&mut self) {
        if *self.site.alarms() == self.alarms {
            return;
        }
        let words = |run: &Self, alarm: &charging::site::SiteAlarm| {
            let site = run.scenario.site.config.id.clone();
            csms::Alarm::Site { site, alarm: alarm.clone() }.to_string()
        };
        let now_raised = self.site.alarms().clone();
        for alarm in now_raised.difference(&self.alarms) {
            let text = words(self, alarm);
            self.watch.story.note(self.now, Note::Text(format!("alarm: {text}")));
            self.recorder.alarm_raised(self.now, text);
        }
        for alarm in self.alarms.difference(&now_raised) {
            self.recorder.alarm_cleared(self.now, &words(self, alarm));
        }
        self.alarms = now_raised;
    }

    /// Schedules a tick for the site's deadline. One that stays in the past is asked for again a millisecond later: the
    /// site says that it needs time to pass.
    fn schedule_site(&mut self) {
        let Some(wanted) = self.site.next_deadline() else { return };
        let at = wanted.max(self.now + TimeSpan::from_milliseconds(1));
        if self.site_tick.is_none_or(|due| due > at) {
            self.site_tick = Some(at);
            self.queue.push(at, Precedence::Control, Event::SiteTick);
        }
    }

    fn schedule_plan(&mut self) {
        if let Some(at) = self.nonsense.as_mut().and_then(|nonsense| nonsense.next(self.now)) {
            self.queue.push(at, Precedence::Control, Event::Plan);
        }
    }

    fn plan(&mut self) {
        let Some(nonsense) = &mut self.nonsense else { return };
        self.watch.verdicts.check(Rule::S6);
        self.recorder.counts.plans += 1;
        let plan = nonsense.plan(self.now, self.truth.evses().iter().map(|evse| &evse.id));
        self.happened(SiteEvent::PlanReady(plan));
        self.schedule_plan();
    }

    /// Something happened that a plan should know of: one is made a second later, with what else comes by then.
    fn want_plan(&mut self) {
        let at = self.now + TimeSpan::from_seconds(1);
        if self.planning != Planning::None && self.plan_due.is_none_or(|due| due > at) {
            self.plan_due = Some(at);
            self.queue.push(at, Precedence::Control, Event::MakePlan);
        }
    }

    fn make_plan(&mut self) {
        if self.plan_due != Some(self.now) {
            return;
        }
        let network = self.site.network();
        let present =
            self.stays.iter().filter(|(slot, _)| slot.register_start.is_some() && slot.departed_at.is_none());
        let sessions = present.filter_map(|(slot, _)| {
            let evse = &self.evses[self.place_of(&slot.stay.evse)?];
            let ev = evse.evse.ev().filter(|_| evse.is_running)?;
            planning::session(network, &slot.stay, ev.wanted(), evse.evse.offered())
        });
        let sessions = sessions.collect();
        let bases: Vec<PerPhase<Amperes>> =
            self.site.circuit_views(self.now).into_iter().map(|circuit| circuit.base_likely).collect();
        let headroom: Vec<Amperes> =
            network.rows().iter().map(|row| row.limit() - bases[row.circuit.place()][row.phase]).collect();
        let planned = planning::plan(self.planning, self.now, network, &headroom, sessions);
        match planned {
            Some(Ok(plan)) => {
                self.recorder.counts.plans += 1;
                self.happened(SiteEvent::PlanReady(plan));
            }
            Some(Err(failure)) => self.plan_failures.push((self.now, failure.to_string())),
            None => {}
        }
        let next = self.now.floor_to(SLICE) + SLICE;
        self.plan_due = Some(next);
        self.queue.push(next, Precedence::Control, Event::MakePlan);
    }

    // The end.

    /// Energy conservation: circuits add up.
    fn recount(&mut self) {
        self.queue.push(self.now + RECOUNT, Precedence::Control, Event::Recount);
        let summed = self.truth.recount();
        for (circuit, summed) in self.truth.circuits().iter().zip(summed) {
            self.watch.judge_sum(self.now, &circuit.name, circuit.total(), summed);
        }
        (self.step)(self.now);
    }

    fn close(mut self) -> Decided {
        let end = self.now;
        for index in 0..self.evses.len() {
            self.evses[index].evse.advance(end);
            self.observe(index);
            let slot = &self.evses[index];
            let (register, id) = (slot.evse.register().milliwatt_hours(), &self.truth.evses()[index].id);
            self.watch.judge_register(end, id, register, self.truth.energy_mwh(index, end));
        }
        self.recount();
        self.watch.judge_fuses(end, &mut self.truth);
        let mut energies = EvseOutcome::all(&self.truth, &self.scenario.site.config);
        for (energy, slot) in energies.iter_mut().zip(&self.evses) {
            energy.energy = slot.evse.register();
        }
        let (mut stays, mut waited_longest) = (Vec::new(), Vec::new());
        for (slot, waited) in &self.stays {
            let Some(start) = slot.register_start else { continue };
            let present = self.place_of(&slot.stay.evse).map(|evse| &self.evses[evse]);
            let Some(present) = present else { continue };
            stays.push(StayOutcome {
                stay: slot.stay.clone(),
                departed_at: slot.departed_at,
                delivered: slot.delivered.unwrap_or(present.evse.register() - start),
            });
            let is_here = slot.departed_at.is_none();
            waited_longest.push(if is_here { present.waited_longest(end) } else { *waited });
        }
        let not_played = not_played(&self.scenario);
        let (series, event_hash, rest) = self.recorder.finish(end);
        let outcome = Outcome {
            circuits: CircuitOutcome::all(&self.truth),
            evses: energies,
            series,
            stays,
            transactions: Vec::new(),
            alarms: rest.alarms,
            books: Books::default(),
            rules: self.watch.verdicts.all(),
            firings: self.watch.verdicts.firings().to_vec(),
            counts: rest.counts,
            committed: (0, 0),
            event_hash,
            scenario: self.scenario,
        };
        Decided {
            outcome,
            waited_longest,
            decisions: self.decisions,
            not_played,
            plan_failures: self.plan_failures,
        }
    }
}

/// What of a scenario needs frames.
fn not_played(scenario: &Scenario) -> Vec<String> {
    let words = |fault: &Fault| match fault {
        Fault::Meter { .. } | Fault::NonsensePlans { .. } => None,
        Fault::LinkLoss { .. } => Some("dead links"),
        Fault::EngineCrash { .. } | Fault::CrashAtCommits { .. } => Some("crashes of the engine"),
        Fault::StationReboot { .. } => Some("reboots of stations"),
        Fault::FrameLoss { .. } | Fault::FrameDuplication { .. } | Fault::FrameDelay { .. } => {
            Some("frames that vanish, come twice or late")
        }
        Fault::StationClock { .. } | Fault::WallClock { .. } => Some("clocks that jump"),
        Fault::Quirk { .. } => Some("what single stations get wrong"),
        Fault::WrongWiring { .. } => Some("wrong wiring"),
        Fault::PowerCut { .. } => Some("power cuts"),
        Fault::Derating { .. } => Some("ratings stated anew"),
        Fault::DiskFull { .. } => Some("a full disk"),
    };
    let mut named: Vec<String> = scenario.faults.iter().filter_map(words).map(str::to_owned).collect();
    if !scenario.stations.quirks.is_empty() {
        named.push("what single stations get wrong".to_owned());
    }
    named.sort();
    named.dedup();
    named
}
