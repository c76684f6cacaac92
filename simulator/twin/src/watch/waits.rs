//! S7: no session waits longer than the wait bound of its class.
//!
//! A session waits while its EV wants energy, its station is in reach and does as told, and its pilot offers nothing; one
//! whose station accepts a limit and offers nothing waits for the station.
//! CONTROL section 5: the bound is ⌈n/k⌉ · slice, k = minimums that fit the row at its worst base. A session on several
//! rows may be passed over by one row now and by another then: n = sessions of the class that share any row with it, and
//! k the least of its rows, as `charging::allocation` proves. The longest seen while it waits counts, and two slices for
//! the turn that is under way and the proofs that its raise waits for. An engine that dies takes the turn under way with it,
//! and limits are in doubt for a while: one more slice. No bound is promised
//!
//! - where k = 0, and to a class with another before it;
//! - beside one that disobeys, and one that draws on other lines than stated, which a meter above contradicts (S5);
//! - on an IT supply beside one that cannot be told: its current hides base load;
//! - while a meter above is stale or tells what is not so;
//! - while the engine is down, or records cannot be committed.

use std::collections::BTreeSet;

use units::{Amperes, Phase, TimeSpan, Timestamp};

use super::{Engine, Rule, Watch, WatchedEvse};
use crate::truth::at_limit;

/// CONTROL section 5.
const SLICE: TimeSpan = TimeSpan::from_minutes(15);

/// A wait that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    since: Timestamp,
    bound: TimeSpan,
    is_told: bool,
}

impl Watch {
    /// Looks who waits; called about once a minute.
    pub fn judge_waits(&mut self, now: Timestamp) {
        let is_served = matches!(self.engine, Engine::Up { .. }) && self.storage_well_since.is_some();
        for index in 0..self.evses.len() {
            let bound = if is_served && self.is_waiting(index) { self.bound(now, index) } else { None };
            let Some(bound) = bound else {
                self.evses[index].wait = None;
                continue;
            };
            self.verdicts.check(Rule::S7);
            let wait = self.evses[index].wait.get_or_insert(Wait { since: now, bound, is_told: false });
            wait.bound = wait.bound.max(bound);
            let (waited, bound) = (now.since(wait.since), wait.bound);
            if waited > bound + SLICE + SLICE && !std::mem::replace(&mut wait.is_told, true) {
                let text =
                    format!("EVSE {} waits for {waited}, its class's bound is {bound}", self.evses[index].id);
                self.verdicts.fire(Rule::S7, now, text, &self.story);
            }
        }
    }

    /// The engine has died and runs again: who waits may wait for a slice more.
    pub(super) fn lengthen_waits(&mut self) {
        for wait in self.evses.iter_mut().filter_map(|evse| evse.wait.as_mut()) {
            wait.bound = wait.bound + SLICE;
        }
    }

    fn is_waiting(&self, index: usize) -> bool {
        let evse = &self.evses[index];
        evse.is_counted_by_limit
            && evse.plant.may_draw
            && evse.plant.wants_energy
            && evse.plant.is_reachable
            && !evse.has_disobeyed
            && evse.is_wired_right
            && (evse.plant.confirms_limits || evse.live.is_none_or(|told| told == Amperes::ZERO))
            && evse.plant.limit == Amperes::ZERO
    }

    /// The wait bound; none where none is promised.
    fn bound(&self, now: Timestamp, index: usize) -> Option<TimeSpan> {
        let evse = &self.evses[index];
        let load = |evse: &WatchedEvse, limit: Amperes| at_limit(evse.wiring, limit, 3);
        let one = Amperes::from_amperes(1);
        let loaded = load(evse, one);
        let mut competitors = BTreeSet::new();
        let mut fit_least = i64::MAX;
        for &circuit in self.path(evse.circuit).iter() {
            let watched = &self.circuits[circuit];
            if watched.meter.as_ref().is_some_and(|meter| meter.hides_room(now)) {
                return None;
            }
            for phase in Phase::ALL.into_iter().filter(|&phase| loaded[phase] > Amperes::ZERO) {
                let mut left = watched.rating[phase] - watched.reserve - watched.worst_base[phase];
                let mut least = Amperes::ZERO;
                for (place, other) in self.evses.iter().enumerate() {
                    if !self.path(other.circuit).contains(&circuit) {
                        continue;
                    }
                    if !other.is_wired_right {
                        if other.plant.may_draw && watched.meter.is_some() {
                            return None;
                        }
                        // Where it is truly wired it is base load above what was stated at worst.
                        left -= at_limit(other.wiring_true, other.current_max, 3)[phase];
                    }
                    if load(other, one)[phase] == Amperes::ZERO {
                        continue;
                    }
                    let is_told = other.plant.is_reachable
                        && !other.has_disobeyed
                        && other.is_wired_right
                        && other.is_counted_by_limit
                        && !other.plant.is_faulted;
                    // Its share stays promised to it although it does not do as told: nothing is promised beside it.
                    if other.has_disobeyed && other.plant.may_draw {
                        return None;
                    }
                    if !is_told {
                        if self.is_it && other.plant.may_draw && watched.meter.is_some() {
                            return None;
                        }
                        // It counts at what it may draw at worst, and takes no turn.
                        left -= load(other, other.current_max)[phase];
                    } else if other.plant.may_draw {
                        if other.class < evse.class {
                            return None;
                        }
                        if other.class == evse.class {
                            competitors.insert(place);
                        }
                        let minimum = other.current_min.max(other.plant.ev_min);
                        least = least.max(load(other, minimum)[phase]);
                        if !other.survives_pause {
                            left -= load(other, other.current_max)[phase];
                        }
                    } else {
                        // It may start at its standing fallback at any moment.
                        left -= load(other, other.fallback)[phase];
                    }
                }
                let fit = left.max(Amperes::ZERO).milliamperes() / least.milliamperes().max(1);
                fit_least = fit_least.min(fit);
            }
        }
        let sessions = i64::try_from(competitors.len()).unwrap_or(i64::MAX);
        (fit_least > 0).then(|| SLICE * ((sessions + fit_least - 1) / fit_least))
    }
}
