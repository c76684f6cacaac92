//! The history of what limits each EVSE: a fact when its reason changes, at most one a minute.

use std::collections::BTreeMap;

use charging::site::{Explanation, LimitedBy, Site};
use serde::{Deserialize, Serialize};
use units::{EvseId, TimeSpan, Timestamp};

/// Reasons of a site are compared at most this often.
const LOOKED_AT_APART: TimeSpan = TimeSpan::from_seconds(10);
/// Of an EVSE one fact is told in so long: what came and went between is not told.
const TOLD_APART: TimeSpan = TimeSpan::from_minutes(1);

/// Fact: what has limited an EVSE since. It holds until the next row of the EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonRow {
    /// When it was seen, up to a minute after it began; by the wall clock. The instants in the explanation are by the engine's
    /// clock, which differs where the machine's clock was set while the engine ran.
    pub at: Timestamp,
    /// Why the EVSE had the current that it had.
    pub explanation: Explanation,
}

/// What was last told of each EVSE of a site.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    told: BTreeMap<EvseId, (Timestamp, LimitedBy)>,
    looked_at: Option<Timestamp>,
    /// A decision fell since, or what changed was too soon to be told.
    is_due: bool,
}

impl Reasons {
    /// A decision fell: reasons may be others.
    pub fn decided(&mut self) {
        self.is_due = true;
    }

    /// When reasons are to be looked at, where they may have changed since they were.
    pub fn next_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.is_due.then(|| self.looked_at.map_or(now, |at| (at + LOOKED_AT_APART).max(now)))
    }

    /// Those whose reason is another than was last told. An EVSE that nobody has been at yet has none to tell.
    pub fn take_changed(&mut self, now: Timestamp, site: &Site) -> Vec<Explanation> {
        if self.next_deadline(now).is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.is_due = false;
        self.looked_at = Some(now);
        site.explanations_where(now, |evse, reason| {
            let told = self.told.get(evse);
            let is_new = match told {
                Some((_, told)) => !told.is_same_as(&reason),
                None => is_worth_a_row(&reason),
            };
            let is_too_soon = told.is_some_and(|(at, _)| now < *at + TOLD_APART);
            self.is_due |= is_new && is_too_soon;
            let is_told = is_new && !is_too_soon;
            if is_told {
                self.told.insert(evse.clone(), (now, reason));
            }
            is_told
        })
    }
}

/// Whether somebody is at the EVSE, or something is wrong with it.
const fn is_worth_a_row(reason: &LimitedBy) -> bool {
    match reason {
        LimitedBy::OutOfService | LimitedBy::NeverConnected | LimitedBy::Free => false,
        LimitedBy::Offline
        | LimitedBy::StationFault
        | LimitedBy::NotStarted
        | LimitedBy::Disobedience
        | LimitedBy::Ev
        | LimitedBy::Undecided
        | LimitedBy::EvseMaximum
        | LimitedBy::Rising
        | LimitedBy::Row { .. }
        | LimitedBy::Plan
        | LimitedBy::UnprovenShed
        | LimitedBy::Turn { .. }
        | LimitedBy::StaleMeter { .. } => true,
    }
}
