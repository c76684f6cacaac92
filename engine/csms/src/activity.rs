//! What EVSE and EV do in a transaction, from moment to moment: what time is charged for (M8).

use billing::cdr::{Activity, ActivitySpan};
use charging::site::{EvState, EvseRecord};
use units::{Amperes, Timestamp};

use crate::core::{Answering, Core};
use crate::evidence::OpenTransaction;
use crate::record::Record;
use crate::station::Station;

/// So many changes are kept of a transaction; after that nothing more is charged for its time.
const CHANGES_MAX: usize = 1_000;

impl Station {
    /// Notes in each running transaction what changed at `at`, by the engine's clock. What a station tells late counts
    /// from when we learn of it, but for the end of what was declined ([`Station::note_told`]).
    pub fn note_activity(&mut self, core: &mut Core, at: Timestamp) {
        // What lies between two jumps of the wall clock has no place in a CDR's time.
        if !core.has_jumped() {
            let wall = core.wall(at);
            for place in 0..self.evses.len() {
                self.note(core, place, self.activity(core, place), |_| wall);
            }
        }
    }

    /// What an EV did at `at` by its station's clock, trusted or not, told late as it may be: what it declined ended then at
    /// the latest, and nobody is charged for the time until we learn of it.
    pub fn note_told(&mut self, core: &mut Core, now: Timestamp, place: usize, at: Timestamp) {
        let (wall, activity) = (core.wall(now), self.activity(core, place));
        if activity != Activity::Declined && !core.has_jumped() {
            self.note(core, place, activity, |open| match open.row.activity.last() {
                Some(ActivitySpan { activity: Activity::Declined, .. }) => at.min(wall),
                Some(_) | None => wall,
            });
        }
    }

    /// The station is gone, as was learned at `at`. Since the last frame of a transaction nobody knows whether its EV was
    /// offered what it declined, and it is charged for nothing.
    pub fn note_absence(&mut self, core: &mut Core, at: Timestamp) {
        let wall = core.wall(at);
        for place in 0..self.evses.len() {
            self.evses[place].is_ev_told = false;
            self.reopen_declined(place);
            self.note(core, place, Activity::NotOffered, |open| match open.row.activity.last() {
                Some(ActivitySpan { activity: Activity::Declined, .. }) => open.told_at.min(wall),
                Some(_) | None => wall,
            });
        }
    }

    /// What was declined until an offer ended after the last frame may have ended with that frame.
    fn reopen_declined(&mut self, place: usize) {
        let open = self.evses[place].current.and_then(|id| self.transactions.open_mut(id));
        let Some(open) = open else { return };
        let told_at = open.told_at;
        if let [.., declined, ended] = &open.row.activity[..]
            && declined.activity == Activity::Declined
            && ended.activity == Activity::NotOffered
            && ended.from > told_at
        {
            open.row.activity.pop();
        }
    }

    /// The wall clock jumps at `at`: until it is back nothing is charged for time.
    pub fn note_jump(&mut self, core: &mut Core, at: Timestamp) {
        let wall = core.wall(at);
        for place in 0..self.evses.len() {
            self.note(core, place, Activity::NotOffered, |_| wall);
        }
    }

    fn note(
        &mut self,
        core: &mut Core,
        place: usize,
        activity: Activity,
        since: impl Fn(&OpenTransaction) -> Timestamp,
    ) {
        let Some(id) = self.evses[place].current else { return };
        let Some(open) = self.transactions.open_mut(id) else { return };
        let wall = since(open);
        let kept = &mut open.row.activity;
        let is_last = |kept: &[ActivitySpan]| {
            kept.last().map_or(Activity::NotOffered, |span| span.activity) == activity
        };
        if is_last(kept) {
            return;
        }
        let activity = match kept.len() {
            ..CHANGES_MAX => activity,
            CHANGES_MAX => Activity::NotOffered,
            _ => return,
        };
        let from = kept.last().map_or(open.row.started_at, |span| span.from).max(wall);
        // What lasted no time is not told.
        kept.pop_if(|span| span.from == from);
        if !is_last(kept) {
            kept.push(ActivitySpan { from, activity });
        }
        core.out.persist(Record::Transaction(Box::new(open.row.clone())));
    }

    fn activity(&self, core: &Core, place: usize) -> Activity {
        let evse = &self.evses[place];
        // No renewal leaves before its record is kept: what was offered runs out unnoticed while the store fails.
        let is_renewed = core.answering != Answering::Never;
        let is_offered = || self.control(core, &evse.id).is_some_and(offers_energy);
        match evse.ev.filter(|_| self.is_online()) {
            Some(EvState::Charging) => Activity::Charging,
            Some(EvState::SuspendedEv) if evse.is_ev_told && is_renewed && is_offered() => Activity::Declined,
            Some(
                EvState::SuspendedEv
                | EvState::SuspendedEvse
                | EvState::Connected
                | EvState::Absent
                | EvState::Faulted,
            )
            | None => Activity::NotOffered,
        }
    }
}

/// Whichever of the limits sent holds now, it lets energy flow: a limit is 0 or at least the pilot minimum (S3).
fn offers_energy(record: &EvseRecord) -> bool {
    let mut limits = record.held.iter().chain(&record.sent);
    limits.clone().any(|limit| limit.accepted_at.is_some()) && limits.all(|limit| limit.limit > Amperes::ZERO)
}
