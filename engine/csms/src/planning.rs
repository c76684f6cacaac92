//! When a site is planned for. Whoever plans is told what is known, and answers late, wrongly or never (S6): then the plan in
//! use lasts as long as it lasts, and a person is told.

use charging::plan::PlannerName;
use charging::site::{EvState, SiteEvent};
use units::{TimeSpan, Timestamp};

/// After something that a plan should know of, what else comes by then is taken along.
const GATHER: TimeSpan = TimeSpan::from_seconds(1);
/// What happens within this of the last question waits for it: stations that return all at once are one event.
const APART: TimeSpan = TimeSpan::from_seconds(10);
/// A plan is made anew at its multiples since the epoch: a slot.
const SLOT: TimeSpan = TimeSpan::from_minutes(15);
/// A question is answered within this, or never.
const ANSWERED_WITHIN: TimeSpan = TimeSpan::from_minutes(2);
/// So long without a plan although there should be one, and a person is told.
const MISSED_AFTER: TimeSpan = TimeSpan::from_minutes(15);

/// Where the planning of one site stands.
#[derive(Debug, Default)]
pub(crate) struct Planning {
    planner: PlannerName,
    /// When a plan is wanted next.
    due: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// Somebody was asked and has not answered.
    is_asked: bool,
    /// Since when there should be a plan, where none has come since.
    missed_since: Option<Timestamp>,
}

impl Planning {
    /// Somebody else plans from now on, or nobody.
    pub fn set_planner(&mut self, now: Timestamp, planner: PlannerName) {
        if planner != self.planner {
            let due = (planner != PlannerName::None).then_some(now);
            *self = Self { planner, due, ..Self::default() };
        }
    }

    /// Notes what happened: a plan should know of some of it.
    pub fn note(&mut self, now: Timestamp, event: &SiteEvent) {
        let changes_plan = match event {
            SiteEvent::TransactionStarted(_)
            | SiteEvent::TransactionEnded(..)
            | SiteEvent::EvState(_, EvState::Absent | EvState::Charging | EvState::SuspendedEv)
            | SiteEvent::Wished(..)
            | SiteEvent::LinkUp(_)
            | SiteEvent::LinkDown(_)
            | SiteEvent::Commanded(_)
            | SiteEvent::Decommissioned(..) => true,
            SiteEvent::EvState(_, EvState::Connected | EvState::SuspendedEvse | EvState::Faulted)
            | SiteEvent::Booted(_)
            | SiteEvent::StartAllowed(_)
            | SiteEvent::Idle(_)
            | SiteEvent::Measured(..)
            | SiteEvent::Answered(..)
            | SiteEvent::GridReading { .. }
            | SiteEvent::MeterDoubted(_)
            | SiteEvent::Habits(..)
            | SiteEvent::WiringDoubted(..)
            | SiteEvent::PlanReady(_)
            | SiteEvent::Strategy(_)
            | SiteEvent::Clock(..)
            | SiteEvent::ClockSet(_) => false,
        };
        if changes_plan && self.planner != PlannerName::None {
            let next = self.asked_at.map_or(now, |asked| asked + APART - GATHER).max(now) + GATHER;
            self.due = Some(self.due.map_or(next, |due| due.min(next)));
        }
    }

    /// Who is to plan now, where somebody is: not before whoever was asked has answered, or has had long enough.
    pub fn take_due(&mut self, now: Timestamp) -> Option<PlannerName> {
        if self.next_deadline().is_none_or(|due| now < due) {
            return None;
        }
        self.due = Some(now.floor_to(SLOT) + SLOT);
        self.asked_at = Some(now);
        self.is_asked = true;
        self.missed_since = self.missed_since.or(Some(now));
        Some(self.planner)
    }

    /// Whoever was asked has answered; `is_good` where the plan is in use now.
    pub fn answered(&mut self, is_good: bool) {
        self.is_asked = false;
        if is_good {
            self.missed_since = None;
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        let waits = self.asked_at.filter(|_| self.is_asked).map(|asked| asked + ANSWERED_WITHIN);
        self.due.map(|due| waits.map_or(due, |waits| due.max(waits)))
    }

    /// Whether there has been no plan for too long. Looked at when somebody is asked, which goes on.
    pub fn is_missed(&self, now: Timestamp) -> bool {
        self.missed_since.is_some_and(|since| now.since(since) >= MISSED_AFTER)
    }
}
