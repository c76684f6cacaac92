//! What breaks, and when.

use rand::RngExt;
use rand::seq::SliceRandom;
use units::{Amperes, CircuitId, PerPhase, TimeSpan, Timestamp};

use super::{Event, World};
use crate::fault::{Fault, StationSet};
use crate::queue::Precedence;
use crate::watch::{Note, Rule};

/// A station whose clock is set back further than this finds that none of its schedules has begun.
const SCHEDULES_REACH_BACK: TimeSpan = TimeSpan::from_minutes(59);

/// The engine dies at commits.
#[derive(Debug, Clone, Copy)]
pub struct CommitFault {
    every: u64,
    from: Timestamp,
    down: TimeSpan,
    commits: u64,
    crashes: u64,
}

/// When, seen from the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashMoment {
    /// The transaction is lost.
    BeforeCommit,
    /// The transaction is on the disk, nothing that waited for it has left.
    AfterCommit,
}

impl World {
    pub(super) fn schedule_faults(&mut self) {
        for (index, fault) in self.scenario.faults.clone().into_iter().enumerate() {
            if let Fault::CrashAtCommits { every, from, down } = fault {
                self.commit_faults = Some(CommitFault { every, from, down, commits: 0, crashes: 0 });
            }
            let Some(span) = fault.span() else { continue };
            self.queue.push(span.from.max(self.now), Precedence::Physics, Event::FaultBegins(index));
            if span.until > span.from && span.until < self.scenario.ends_at {
                self.queue.push(span.until, Precedence::Physics, Event::FaultEnds(index));
            }
        }
        self.schedule_plan();
    }

    pub(super) fn fault_begins(&mut self, index: usize) {
        let fault = self.scenario.faults[index].clone();
        self.watch.story.note(self.now, Note::Text(format!("fault: {}", in_words(&fault))));
        match fault {
            Fault::LinkLoss { stations, noticed_after, .. } => {
                for station in self.chosen(&stations, index) {
                    self.stations[station].dead += 1;
                    let Some(link) = self.stations[station].link else { continue };
                    // The station's own time-out is no shorter than the engine's: both ends are blind for a while.
                    let at = self.now + noticed_after;
                    self.queue.push(at, Precedence::Message, Event::LinkNoticed(link));
                    self.lose_link(station, link);
                }
            }
            Fault::Meter { meter, fault, .. } => self.meter_fault(&meter, index, Some(fault)),
            Fault::EngineCrash { down, .. } => {
                self.engine_crash();
                self.queue.push(self.now + down, Precedence::Message, Event::EngineStart);
            }
            Fault::StationReboot { station, .. } => {
                if let Some(&index) = self.station_by_id.get(&station) {
                    self.stations[index].station.reboot(self.now);
                    self.observe(index);
                }
            }
            Fault::StationClock { stations, jump, drift_ppm, sync, .. } => {
                for station in self.chosen(&stations, index) {
                    self.watch.clock_set(self.now, &self.stations[station].evses);
                    self.stations[station].lost_schedules |= jump < TimeSpan::ZERO - SCHEDULES_REACH_BACK;
                    self.stations[station].station.disturb_clock(self.now, jump, drift_ppm, sync);
                    self.observe(station);
                }
            }
            Fault::Quirk { stations, quirk, .. } => {
                for station in self.chosen(&stations, index) {
                    self.stations[station].station.misbehave(self.now, quirk);
                    self.observe(station);
                }
            }
            Fault::PowerCut { circuit, .. } => self.power_goes(&circuit),
            Fault::Derating { circuit, rating, .. } => self.restate_rating(&circuit, rating),
            Fault::DiskFull { .. } => self.disk_faults += 1,
            Fault::WallClock { ahead, .. } => {
                self.wall_ahead = ahead;
                self.watch.wall_clock(self.now, ahead);
                // Stations take the time that the backend tells them.
                for index in 0..self.stations.len() {
                    self.watch.clock_set(self.now, &self.stations[index].evses);
                }
                self.csms(csms::Input::WallClock(ahead));
            }
            Fault::NonsensePlans { .. }
            | Fault::FrameLoss { .. }
            | Fault::FrameDuplication { .. }
            | Fault::FrameDelay { .. }
            | Fault::WrongWiring { .. }
            | Fault::CrashAtCommits { .. } => {}
        }
    }

    pub(super) fn fault_ends(&mut self, index: usize) {
        let fault = self.scenario.faults[index].clone();
        self.watch.story.note(self.now, Note::Text(format!("over: {}", in_words(&fault))));
        match fault {
            Fault::LinkLoss { stations, .. } => {
                for station in self.chosen(&stations, index) {
                    self.stations[station].dead = self.stations[station].dead.saturating_sub(1);
                    self.connect_later(station);
                }
            }
            Fault::Meter { meter, .. } => self.meter_fault(&meter, index, None),
            Fault::Quirk { stations, quirk, .. } => {
                for station in self.chosen(&stations, index) {
                    self.stations[station].station.behave(self.now, quirk);
                    self.observe(station);
                }
            }
            Fault::PowerCut { circuit, .. } => self.power_returns(&circuit),
            Fault::Derating { circuit, .. } => {
                let config = &self.scenario.site.config;
                let stated = config.circuits.iter().find(|stated| stated.id == circuit);
                if let Some(rating) = stated.map(|stated| stated.rating) {
                    self.restate_rating(&circuit, rating);
                }
            }
            Fault::DiskFull { .. } => self.disk_faults = self.disk_faults.saturating_sub(1),
            Fault::FrameLoss { .. }
            | Fault::FrameDuplication { .. }
            | Fault::FrameDelay { .. }
            | Fault::EngineCrash { .. }
            | Fault::StationReboot { .. }
            | Fault::StationClock { .. }
            | Fault::WrongWiring { .. }
            | Fault::CrashAtCommits { .. }
            | Fault::WallClock { .. }
            | Fault::NonsensePlans { .. } => {}
        }
    }

    /// Whether a frame of this station vanishes now.
    pub(super) fn is_frame_lost(&mut self, station: usize) -> bool {
        let now = self.now;
        let faults = &self.scenario.faults;
        let id = &self.stations[station].id;
        faults.iter().any(|fault| {
            let Fault::FrameLoss { stations, permille, span } = fault else { return false };
            let is_hit = match stations {
                StationSet::Named(ids) => ids.contains(id),
                StationSet::All | StationSet::Permille(_) => true,
            };
            is_hit && span.holds(now) && self.rng.random_ratio((*permille).min(1_000), 1_000)
        })
    }

    /// All below a circuit goes dark: stations, base load, and the meters that would tell of it.
    fn power_goes(&mut self, circuit: &CircuitId) {
        let Some(place) = self.truth.circuit_index(circuit) else { return };
        let below = self.below(place);
        for &circuit in &below {
            self.dark[circuit] += 1;
        }
        for index in self.stations_on(&below) {
            self.stations[index].outages += 1;
            if self.stations[index].outages == 1 {
                self.watch.goes_dark(&self.stations[index].evses);
                self.stations[index].station.power_off(self.now);
                self.observe(index);
            }
        }
        self.power_changed(&below);
    }

    fn power_returns(&mut self, circuit: &CircuitId) {
        let Some(place) = self.truth.circuit_index(circuit) else { return };
        let below = self.below(place);
        for &circuit in &below {
            self.dark[circuit] = self.dark[circuit].saturating_sub(1);
        }
        for index in self.stations_on(&below) {
            self.stations[index].outages = self.stations[index].outages.saturating_sub(1);
            if self.stations[index].outages == 0 {
                self.stations[index].station.power_on(self.now);
                self.observe(index);
            }
        }
        self.power_changed(&below);
    }

    fn power_changed(&mut self, below: &[usize]) {
        for index in 0..self.bases.len() {
            if below.contains(&self.bases[index].0) {
                self.take_base(index);
            }
        }
        self.darken_meters();
    }

    /// A circuit and all that it feeds.
    fn below(&self, circuit: usize) -> Vec<usize> {
        (0..self.truth.circuits().len())
            .filter(|&place| self.truth.path(place).any(|above| above == circuit))
            .collect()
    }

    /// Stations with an EVSE on one of the circuits.
    fn stations_on(&self, circuits: &[usize]) -> Vec<usize> {
        let hangs = |&evse: &usize| circuits.contains(&self.truth.evses()[evse].circuit);
        (0..self.stations.len()).filter(|&index| self.stations[index].evses.iter().any(hangs)).collect()
    }

    /// An operator states another rating, which is meant to hold from then on.
    fn restate_rating(&mut self, circuit: &CircuitId, rating: PerPhase<Amperes>) {
        for stated in self.stated.circuits.iter_mut().filter(|stated| stated.id == *circuit) {
            stated.rating = rating;
        }
        let Some(place) = self.truth.circuit_index(circuit) else { return };
        self.truth.set_rating(place, rating);
        self.tell_stated(vec![place]);
    }

    /// Tells the engine what is stated of the site, that of these circuits anew.
    fn tell_stated(&mut self, circuits: Vec<usize>) {
        let request = self.command_csms(csms::Command::ConfigureSite(Box::new(self.stated.clone())));
        for &place in &circuits {
            self.watch.rating_restated(self.now, &self.truth, &self.stated, place);
        }
        self.statements.push((request, circuits));
    }

    /// What an engine that died never answered is stated to the one that runs.
    pub(super) fn state_again(&mut self) {
        let answered = &self.answers.csms_commands;
        self.statements.retain(|(request, _)| !answered.contains_key(request));
        let circuits: Vec<usize> = self.statements.drain(..).flat_map(|(_, circuits)| circuits).collect();
        if !circuits.is_empty() {
            self.tell_stated(circuits);
        }
    }

    /// Whether the commit that just ended on the disk is one at which the engine dies.
    pub(super) fn commit_crash(&mut self) -> Option<CrashMoment> {
        let now = self.now;
        let fault = self.commit_faults.as_mut()?;
        if now < fault.from {
            return None;
        }
        fault.commits += 1;
        if fault.commits % fault.every.max(1) != 0 {
            return None;
        }
        fault.crashes += 1;
        let moment =
            if fault.crashes % 2 == 1 { CrashMoment::BeforeCommit } else { CrashMoment::AfterCommit };
        let at = now + fault.down;
        self.queue.push(at, Precedence::Message, Event::EngineStart);
        Some(moment)
    }

    /// The first plan, once there are any, or the next one while there are.
    fn schedule_plan(&mut self) {
        let Some(at) = self.nonsense.as_mut().and_then(|nonsense| nonsense.next(self.now)) else { return };
        self.queue.push(at, Precedence::Control, Event::Plan);
    }

    /// S6: a plan that is late, early, stale, senseless, or merely unhelpful.
    pub(super) fn throw_plan(&mut self) {
        let Some(nonsense) = &mut self.nonsense else { return };
        self.watch.verdicts.check(Rule::S6);
        self.recorder.counts.plans += 1;
        let plan = nonsense.plan(self.now, self.truth.evses().iter().map(|evse| &evse.id));
        let site = self.scenario.site.config.id.clone();
        self.csms(csms::Input::PlanReady { site, plan });
        self.schedule_plan();
    }

    /// The stations that a fault hits: the same at its beginning and end.
    fn chosen(&self, set: &StationSet, fault: usize) -> Vec<usize> {
        match set {
            StationSet::All => (0..self.stations.len()).collect(),
            StationSet::Named(ids) => {
                ids.iter().filter_map(|id| self.station_by_id.get(id).copied()).collect()
            }
            StationSet::Permille(share) => {
                use rand::SeedableRng;
                let seed = self.scenario.seed ^ (0x6c69_6e6b + u64::try_from(fault).unwrap_or(0));
                let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
                let mut all: Vec<usize> = (0..self.stations.len()).collect();
                all.shuffle(&mut rng);
                let share = usize::try_from((*share).min(1_000)).unwrap_or(0);
                all.truncate((self.stations.len() * share).div_ceil(1_000));
                all.sort_unstable();
                all
            }
        }
    }
}

fn in_words(fault: &Fault) -> String {
    let stations = |set: &StationSet| match set {
        StationSet::All => "all stations".to_owned(),
        StationSet::Named(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        StationSet::Permille(share) => format!("{share} ‰ of the stations"),
    };
    let name = fault.name();
    match fault {
        Fault::LinkLoss { stations: set, .. } | Fault::FrameLoss { stations: set, .. } => {
            format!("{name} of {}", stations(set))
        }
        Fault::StationClock { stations: set, jump, drift_ppm, .. } => {
            format!("{name} of {} jumps by {jump} and drifts by {drift_ppm} ppm", stations(set))
        }
        Fault::Quirk { stations: set, quirk, .. } => format!("{name} {quirk:?} of {}", stations(set)),
        Fault::Meter { meter, .. } => format!("{name} {meter}"),
        Fault::StationReboot { station, .. } => format!("{name} {station}"),
        Fault::WrongWiring { evse, wiring } => format!("{name} of {evse}: {wiring}"),
        Fault::PowerCut { circuit, .. } => format!("{name} of {circuit}"),
        Fault::Derating { circuit, rating, .. } => format!("{name} of {circuit} to {rating}"),
        Fault::WallClock { ahead, .. } => format!("{name} is {ahead} ahead"),
        Fault::FrameDuplication { .. }
        | Fault::FrameDelay { .. }
        | Fault::EngineCrash { .. }
        | Fault::CrashAtCommits { .. }
        | Fault::DiskFull { .. }
        | Fault::NonsensePlans { .. } => name.to_owned(),
    }
}
