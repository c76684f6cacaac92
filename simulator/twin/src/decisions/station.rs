//! What a station and its EV do at one EVSE, as far as control can tell: status, transaction, limits, currents.

use charging::site::EvState;
use plant::ev::Ev;
use plant::evse::{Evse, Supply};
use units::{Amperes, TimeSpan, Timestamp, WattHours};

use crate::watch::PlantEvse;

/// An EVSE of the plant, with what its station holds for it.
#[derive(Debug)]
pub(super) struct EvseSlot {
    pub evse: Evse,
    /// The place of its station.
    pub station: usize,
    /// A transaction runs, as the station knows.
    pub is_running: bool,
    /// A transaction runs, as control was told.
    pub is_running_at_control: bool,
    live: Option<Live>,
    fallback: Option<Amperes>,
    /// The last state put on its way to control.
    pub told: Option<EvState>,
    /// When the plant next changes by itself.
    pub scheduled: Option<Timestamp>,
    /// The next sample, while a transaction runs.
    pub sample_at: Option<Timestamp>,
    /// What the checkers know of it.
    pub seen: PlantEvse,
    /// Since when its EV wants energy and is offered too little.
    waiting_since: Option<Timestamp>,
    waited_longest: TimeSpan,
}

/// A live limit, with the instant from which what it falls back to holds.
#[derive(Debug, Clone, Copy)]
struct Live {
    limit: Amperes,
    limit_expired: Amperes,
    until: Timestamp,
}

impl EvseSlot {
    /// Without an EV, transaction or limit.
    pub fn new(evse: Evse, station: usize) -> Self {
        Self {
            evse,
            station,
            is_running: false,
            is_running_at_control: false,
            live: None,
            fallback: None,
            told: None,
            scheduled: None,
            sample_at: None,
            seen: PlantEvse::default(),
            waiting_since: None,
            waited_longest: TimeSpan::ZERO,
        }
    }

    /// An EV is plugged in; the one that was there has left.
    pub fn plug_in(&mut self, now: Timestamp, ev: Ev) {
        self.evse.plug_in(now, ev);
        self.waited_longest = TimeSpan::ZERO;
        self.waiting_since = None;
    }

    /// The EV leaves: how long it waited for energy at a stretch, at most. None where there was no EV.
    pub fn unplug(&mut self, now: Timestamp) -> Option<TimeSpan> {
        self.evse.ev()?;
        self.note_waiting(now);
        let waited = self.waited_longest(now);
        self.end(now);
        self.evse.unplug(now);
        self.waiting_since = None;
        Some(waited)
    }

    /// The transaction begins, under the standing fallback. False where none can.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        if self.is_running || self.evse.ev().is_none() {
            return false;
        }
        self.is_running = true;
        self.apply_limit(now);
        self.evse.set_supply(now, Supply::Released);
        true
    }

    fn end(&mut self, now: Timestamp) {
        self.is_running = false;
        self.sample_at = None;
        self.live = None;
        self.evse.set_supply(now, Supply::Withheld);
        self.apply_limit(now);
    }

    /// The station takes a live limit, which reaches the pilot later. False where no transaction runs.
    pub fn take_live(&mut self, limit: Amperes, limit_expired: Amperes, until: Timestamp) -> bool {
        if self.is_running {
            self.live = Some(Live { limit, limit_expired, until });
        }
        self.is_running
    }

    /// The station takes the standing fallback.
    pub const fn take_fallback(&mut self, limit: Amperes) {
        self.fallback = Some(limit);
    }

    /// Drives the pilot by what is held now.
    pub fn apply_limit(&mut self, now: Timestamp) {
        let live = self.live.map(|live| if now >= live.until { live.limit_expired } else { live.limit });
        let limit = live.or(self.fallback).unwrap_or(self.evse.config().current_maximum);
        self.evse.set_limit(now, limit);
    }

    /// The state of the EV, as the station sees it.
    pub fn ev_state(&self) -> EvState {
        let Some(ev) = self.evse.ev() else { return EvState::Absent };
        if !self.is_running {
            return EvState::Connected;
        }
        match self.evse.offered() {
            Amperes::ZERO => EvState::SuspendedEvse,
            offered if ev.requests_energy(offered) => EvState::Charging,
            _ => EvState::SuspendedEv,
        }
    }

    /// What the checkers see of it.
    pub fn plant(&self) -> PlantEvse {
        let ev = self.evse.ev();
        PlantEvse {
            limit: self.evse.quantised(),
            may_draw: self.is_running && ev.is_some(),
            phases: ev.map_or(0, |ev| ev.model().phases.count()),
            ev_max: ev.map(|ev| ev.model().current_maximum).unwrap_or_default(),
            ev_min: ev.map(|ev| ev.model().current_minimum).unwrap_or_default(),
            wants_energy: ev.is_some_and(|ev| ev.requests_energy(ev.model().current_minimum)),
            is_reachable: true,
            is_faulted: false,
            follows_limits: true,
            confirms_limits: true,
        }
    }

    /// Keeps how long the EV waits for energy.
    pub fn note_waiting(&mut self, now: Timestamp) {
        let offered = self.evse.offered();
        let is_waiting = self.evse.ev().is_some_and(|ev| {
            !ev.is_asleep() && ev.wanted() > WattHours::ZERO && offered < ev.model().current_minimum
        });
        match (self.waiting_since, is_waiting) {
            (None, true) => self.waiting_since = Some(now),
            (Some(_), false) => {
                self.waited_longest = self.waited_longest(now);
                self.waiting_since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// How long the present EV waited for energy at a stretch, at most.
    pub fn waited_longest(&self, now: Timestamp) -> TimeSpan {
        let running = self.waiting_since.map_or(TimeSpan::ZERO, |since| now.since(since));
        self.waited_longest.max(running)
    }
}
