//! What breaks, and when.

use std::collections::BTreeMap;

use ::plant::meter::MeterFault;
use charging::plan::{EvsePlan, Plan};
use rand::RngExt;
use rand::seq::SliceRandom;
use units::{Amperes, TimeSpan, Timestamp};

use super::{Event, World};
use crate::queue::Precedence;
use crate::scenario::{Fault, Plans, StationSet};
use crate::watch::{Note, Rule};

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
            let (begins, ends) = match fault {
                Fault::LinkLoss { from, until, .. } | Fault::MeterLoss { from, until, .. } => {
                    (from, Some(until))
                }
                Fault::EngineCrash { at, .. } | Fault::StationReboot { at, .. } => (at, None),
                Fault::CrashAtCommits { every, from, down } => {
                    self.commit_faults = Some(CommitFault { every, from, down, commits: 0, crashes: 0 });
                    continue;
                }
                Fault::FrameDuplication { .. } | Fault::FrameDelay { .. } => continue,
            };
            self.queue.push(begins, Precedence::Physics, Event::FaultBegins(index));
            if let Some(ends) = ends {
                self.queue.push(ends, Precedence::Physics, Event::FaultEnds(index));
            }
        }
        self.schedule_plan();
    }

    pub(super) fn fault_begins(&mut self, index: usize) {
        match self.scenario.faults[index].clone() {
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
            Fault::MeterLoss { meter, .. } => {
                self.watch.story.note(self.now, Note::Text(format!("meter {meter} falls silent")));
                self.meter_fault(&meter, MeterFault::Silent);
            }
            Fault::EngineCrash { down, .. } => {
                self.engine_crash();
                self.queue.push(self.now + down, Precedence::Message, Event::EngineStart);
            }
            Fault::StationReboot { station, .. } => {
                if let Some(&index) = self.station_by_id.get(&station) {
                    self.watch.story.note(self.now, Note::Text(format!("station {station} loses power")));
                    self.stations[index].station.reboot(self.now);
                    self.observe(index);
                }
            }
            Fault::CrashAtCommits { .. } | Fault::FrameDuplication { .. } | Fault::FrameDelay { .. } => {}
        }
    }

    pub(super) fn fault_ends(&mut self, index: usize) {
        match self.scenario.faults[index].clone() {
            Fault::LinkLoss { stations, .. } => {
                for station in self.chosen(&stations, index) {
                    self.stations[station].dead = self.stations[station].dead.saturating_sub(1);
                    self.connect_later(station);
                }
            }
            Fault::MeterLoss { meter, .. } => {
                self.watch.story.note(self.now, Note::Text(format!("meter {meter} is repaired")));
                self.meter_fault(&meter, MeterFault::None);
            }
            Fault::EngineCrash { .. }
            | Fault::StationReboot { .. }
            | Fault::CrashAtCommits { .. }
            | Fault::FrameDuplication { .. }
            | Fault::FrameDelay { .. } => {}
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

    fn schedule_plan(&mut self) {
        match self.scenario.plans {
            Plans::None => {}
            Plans::Nonsense { every } => {
                let most = every.milliseconds().max(1) * 2;
                let after = TimeSpan::from_milliseconds(self.rng.random_range(1..=most));
                self.queue.push(self.now + after, Precedence::Control, Event::Plan);
            }
        }
    }

    /// S6: a plan that is late, early, stale, senseless, or merely unhelpful.
    pub(super) fn throw_plan(&mut self) {
        self.watch.verdicts.check(Rule::S6);
        self.recorder.counts.plans += 1;
        let minutes =
            |world: &mut Self, from: i64, to: i64| TimeSpan::from_minutes(world.rng.random_range(from..=to));
        let made_at = self.now + minutes(self, -120, 5);
        let starts_at = made_at + minutes(self, -30, 30);
        let slot = minutes(self, -1, 30);
        let mut evses = BTreeMap::new();
        for index in 0..self.truth.evses().len() {
            if self.rng.random_ratio(1, 4) {
                continue;
            }
            let count = self.rng.random_range(0..40);
            let caps = (0..count)
                .map(|_| {
                    let cap = Amperes::from_milliamperes(self.rng.random_range(-1_000..2_000_000));
                    if self.rng.random_ratio(9, 10) { cap.max(Amperes::ZERO) } else { cap }
                })
                .collect();
            let laxity = minutes(self, -60, 2_000);
            evses.insert(self.truth.evses()[index].id.clone(), EvsePlan { caps, laxity });
        }
        let site = self.scenario.site.config.id.clone();
        self.csms(csms::Input::PlanReady { site, plan: Plan { made_at, starts_at, slot, evses } });
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
