//! Why each EVSE has the current that it has, who shares its conductor, when it will get more, and what the plan intends.
//!
//! A pure reading of the site as it stands and of the last decision's certificates: no decision asks for it, and it decides
//! nothing. Values, not words: each language has its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, EvseId, MeterId, Phase, TimeSpan, Timestamp};

use super::decide::{AtWorst, RAISE_APART, RAISE_SMALL_APART, TURN_AFTER};
use super::evse::EvseState;
use super::{LimitedBy, Site};
use crate::allocation::{Candidate, Certificate, Problem, SLICE, next_turn, wait_bounds};
use crate::metering::Base;
use crate::network::{Circuit, EvseIndex, RowIndex};
use crate::plan::Plan;

/// So many EVSEs are named; how many there are is told besides.
pub const NAMED_MAX: usize = 12;
/// So many changes of a plan's cap are told.
const CAPS_TOLD: usize = 6;

/// Why an EVSE has the current that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The EVSE.
    pub evse: EvseId,
    /// What stops it from having more.
    pub reason: LimitedBy,
    /// The limit last sent, per phase, where one was and it is not in doubt; 0 A and more.
    pub limit: Option<Amperes>,
    /// What it may draw at worst on its highest phase: where its station is out of reach, what it falls back to counts here.
    pub ceiling: Amperes,
    /// When it was last told less, where it was not told more since.
    pub lowered_at: Option<Timestamp>,
    /// The conductor that stops it, where one does.
    pub row: Option<RowShare>,
    /// What must happen for it to get more, and when that is.
    pub more: More,
    /// What the plan intends, where it knows the EVSE and is not over.
    pub plan: Option<Intent>,
}

/// A conductor, and how what it may carry is shared. All currents are of this phase; positive is import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowShare {
    /// The circuit.
    pub circuit: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The conductor.
    pub phase: Phase,
    /// What it may carry.
    pub rating: Amperes,
    /// What others command it to carry at most now, and until when.
    pub commanded: Option<(Amperes, Timestamp)>,
    /// What of that is kept in reserve.
    pub reserve: Amperes,
    /// What everything but EVSEs draws at the highest: by the meter, or as stated where there is none. It may be below 0 A.
    pub base: Amperes,
    /// Whether a meter tells the base.
    pub is_metered: bool,
    /// That meter is not believed now: the EVSEs share what is stated to be safe without it.
    pub is_stale: bool,
    /// What the EVSEs on it may draw at worst.
    pub ceilings: Amperes,
    /// Who else is in a transaction on it, in the order of configuration; at most [`NAMED_MAX`].
    pub sharers: Vec<EvseId>,
    /// How many those are, the unnamed included.
    pub sharers_count: usize,
}

/// What must happen for an EVSE to get more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "more", rename_all = "snake_case")]
pub enum More {
    /// It has the most that it can be told.
    HasAll,
    /// A person must see to it.
    Person,
    /// Its station must be heard again.
    Station,
    /// A driver must plug in or show a token.
    Driver,
    /// The EV must want more; it is offered more to see, at the instant where that is known.
    Ev {
        /// When that is.
        offered_at: Option<Timestamp>,
    },
    /// More is decided, and leaves not before the instant.
    Raise {
        /// When that is; none where the next decision tells.
        at: Option<Timestamp>,
    },
    /// Others were told less and have not shown it: at most [`NAMED_MAX`] of them. None are named where it is base load that
    /// must fall.
    Proof {
        /// Who.
        of: Vec<EvseId>,
    },
    /// Its conductor must have room: others take less or leave, or base load falls.
    Room {
        /// Who on it leaves first, as told or planned, and when; none where nobody knows.
        departs: Option<Departure>,
    },
    /// The plan gives it more.
    Plan {
        /// When; none where no slot of this plan does.
        at: Option<Timestamp>,
    },
    /// Its turn.
    Turn {
        /// When turns change next: who waits longest goes first.
        at: Timestamp,
        /// Since when it waits.
        waits_since: Option<Timestamp>,
        /// When it is on at the latest (S7); none where nothing can be promised.
        by: Option<Timestamp>,
    },
    /// A meter must show three fresh readings.
    Meter {
        /// Which.
        meter: Option<MeterId>,
    },
}

/// Somebody leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// From where.
    pub evse: EvseId,
    /// When, as told or planned.
    pub at: Timestamp,
}

/// What a plan intends for an EVSE. It can lower and order, never raise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The instant whose state it was made from.
    pub made_at: Timestamp,
    /// Whether it caps the EVSE now: it does while there is time to spare.
    pub caps_now: bool,
    /// From when on which cap per phase, from the present slot on; at most six changes.
    pub caps: Vec<(Timestamp, Amperes)>,
    /// How long the session could still wait and yet get what is planned; below 0 where it is too late.
    pub laxity: TimeSpan,
    /// When it leaves, as told or forecast.
    pub departs_at: Option<Timestamp>,
    /// When the plan's next slot begins; by then it is made anew.
    pub next_slot_at: Timestamp,
}

/// What all explanations of an instant rest on, worked out once.
struct Grounds {
    worst: Vec<AtWorst>,
    /// By row: the sum of ceilings.
    ceilings: Vec<Amperes>,
    /// By circuit: its base by the meter, and whether that is stale.
    bases: Vec<Option<(Base, bool)>>,
    /// By row: who is in a transaction on it.
    on_rows: Vec<Vec<EvseIndex>>,
    /// By class: the bound of waiting, where anybody waits for a turn.
    bounds: BTreeMap<u8, Option<TimeSpan>>,
}

impl Site {
    /// Why each EVSE has the current that it has, in the order of configuration.
    pub fn explanations(&self, now: Timestamp) -> impl Iterator<Item = Explanation> {
        self.explanations_of(self.network.evse_indices(), now)
    }

    fn explanations_of(
        &self,
        evses: impl Iterator<Item = EvseIndex>,
        now: Timestamp,
    ) -> impl Iterator<Item = Explanation> {
        let grounds = self.grounds(now);
        evses.map(move |index| self.explained(index, &grounds, now))
    }

    /// The explanations of those EVSEs alone whose reason `is_wanted`, in the order of configuration. A reason costs little,
    /// and an explanation rests on the whole site.
    pub fn explanations_where(
        &self,
        now: Timestamp,
        mut is_wanted: impl FnMut(&EvseId, LimitedBy) -> bool,
    ) -> Vec<Explanation> {
        let evses = self.network.evse_indices();
        let wanted: Vec<EvseIndex> =
            evses.filter(|&index| is_wanted(&self.evse(index).id, self.limited_by(index, now))).collect();
        if wanted.is_empty() { Vec::new() } else { self.explanations_of(wanted.into_iter(), now).collect() }
    }

    fn grounds(&self, now: Timestamp) -> Grounds {
        let worst = self.all_at_worst(now);
        let mut on_rows = vec![Vec::new(); self.network.rows().len()];
        let mut is_anyone_waiting = false;
        for index in self.network.evse_indices().filter(|&index| self.evse(index).record.is_in_transaction) {
            let state = self.evse(index);
            is_anyone_waiting |= matches!(state.certificate, Some(Certificate::Rotation(_)));
            for &(row, _) in self.network.loads(index, state.record.occupied).iter() {
                on_rows[row.place()].push(index);
            }
        }
        let circuits = self.network.circuit_indices();
        let bases = circuits.map(|circuit| self.circuit_base(circuit, now, &worst));
        Grounds {
            ceilings: self.sums_by_row(&worst),
            bases: bases.collect(),
            on_rows,
            bounds: if is_anyone_waiting { self.bounds(now, &worst) } else { BTreeMap::new() },
            worst,
        }
    }

    /// How long a session of each class may have to wait, at the worst base that is stated and the ceilings of all who cannot
    /// be told.
    fn bounds(&self, now: Timestamp, worst: &[AtWorst]) -> BTreeMap<u8, Option<TimeSpan>> {
        let ceilings = self.sums_by_row(worst);
        let rows = self.network.rows().iter().zip(ceilings);
        let mut headroom: Vec<Amperes> =
            rows.map(|(row, ceilings)| row.limit() - row.worst_base - ceilings).collect();
        let mut sessions: Vec<Candidate> = Vec::new();
        for index in self.network.evse_indices().filter(|&index| self.evse(index).takes_turns()) {
            self.give_back_ceiling(index, &mut headroom, worst);
            sessions.push(self.candidate(index, now));
        }
        let bounds = wait_bounds(&Problem { now, headroom, sessions });
        bounds.into_iter().map(|bound| (bound.class, bound.bound)).collect()
    }

    fn explained(&self, index: EvseIndex, grounds: &Grounds, now: Timestamp) -> Explanation {
        let state = self.evse(index);
        let reason = self.limited_by(index, now);
        let plan = self.plan.as_ref().filter(|_| state.record.is_in_transaction);
        let was_raised_since = |at: &Timestamp| state.raised_at.is_some_and(|raised_at| raised_at > *at);
        Explanation {
            evse: state.id.clone(),
            limit: state.limit_believed(),
            ceiling: self.ceiling_on_lines(index, &grounds.worst[index.place()]).highest(),
            lowered_at: state.lowered_at.filter(|at| !was_raised_since(at)),
            row: self.limiting_row(state, &reason).map(|row| self.shared(index, row, grounds, now)),
            more: self.more(index, &reason, grounds, now),
            plan: plan.and_then(|plan| intent(plan, &state.id, now)),
            reason,
        }
    }

    /// The row that its certificate names, where that is what stops it.
    fn limiting_row(&self, state: &EvseState, reason: &LimitedBy) -> Option<RowIndex> {
        let is_row = matches!(reason, LimitedBy::Row { .. } | LimitedBy::Turn { .. });
        match state.certificate.filter(|_| is_row)? {
            Certificate::Row(row) | Certificate::Rotation(row) => Some(row),
            Certificate::OwnMaximum
            | Certificate::Plan
            | Certificate::MinimumInterval
            | Certificate::UnprovenShed
            | Certificate::StaleMeter(_) => None,
        }
    }

    fn shared(&self, own: EvseIndex, index: RowIndex, grounds: &Grounds, now: Timestamp) -> RowShare {
        let row = self.network.row(index);
        let circuit = self.network.circuit(row.circuit);
        let base = grounds.bases[row.circuit.place()].as_ref();
        let others = || grounds.on_rows[index.place()].iter().filter(|&&other| other != own);
        RowShare {
            circuit: circuit.id.clone(),
            name: circuit.name.clone(),
            phase: row.phase,
            rating: row.rating,
            commanded: self.commanded(&circuit.id, now).map(|command| (command.limit, command.until)),
            reserve: row.rating - row.limit(),
            base: base.map_or(row.worst_base, |(base, _)| base.highest[row.phase]),
            is_metered: circuit.meter.is_some(),
            is_stale: is_stale(circuit, base),
            ceilings: grounds.ceilings[index.place()],
            sharers: others().take(NAMED_MAX).map(|&other| self.evse(other).id.clone()).collect(),
            sharers_count: others().count(),
        }
    }

    fn more(&self, index: EvseIndex, reason: &LimitedBy, grounds: &Grounds, now: Timestamp) -> More {
        let state = self.evse(index);
        match reason {
            LimitedBy::OutOfService | LimitedBy::StationFault | LimitedBy::Disobedience => More::Person,
            LimitedBy::NeverConnected | LimitedBy::Offline => More::Station,
            LimitedBy::Free | LimitedBy::NotStarted => More::Driver,
            LimitedBy::EvseMaximum => More::HasAll,
            LimitedBy::Ev => More::Ev { offered_at: state.offered_more_at().filter(|at| *at > now) },
            LimitedBy::Undecided => More::Raise { at: self.wake },
            LimitedBy::Rising => More::Raise { at: state.rises_at().filter(|at| *at > now).or(self.wake) },
            LimitedBy::UnprovenShed => More::Proof { of: self.unproven_beside(index, grounds) },
            LimitedBy::Row { .. } => self
                .limiting_row(state, reason)
                .map_or(More::Room { departs: None }, |row| self.room(index, row, grounds, now)),
            LimitedBy::Plan => {
                let more = self.plan.as_ref().and_then(|plan| more_planned_at(plan, &state.id, now));
                More::Plan { at: more }
            }
            LimitedBy::Turn { .. } => {
                let class = self.network.evse(index).config.class;
                let bound = grounds.bounds.get(&class).copied().flatten().filter(|_| state.takes_turns());
                let waits_since = state.record.waiting_since;
                // A wait that began within a slice counts from the slice's end.
                let by = waits_since.zip(bound).map(|(since, bound)| since.floor_to(SLICE) + SLICE + bound);
                More::Turn { at: next_turn(now), waits_since, by }
            }
            LimitedBy::StaleMeter { circuit, .. } => {
                let circuit = self.network.circuits().iter().find(|known| known.id == *circuit);
                More::Meter {
                    meter: circuit.and_then(|circuit| circuit.meter.as_ref()).map(|meter| meter.id.clone()),
                }
            }
        }
    }

    /// Who on the rows of an EVSE was told less than it may still draw.
    fn unproven_beside(&self, own: EvseIndex, grounds: &Grounds) -> Vec<EvseId> {
        let loads = self.network.loads(own, self.evse(own).record.occupied);
        let is_beside = |other: &EvseIndex| {
            let on_row =
                |&(row, _): &(RowIndex, _)| grounds.on_rows[row.place()].binary_search(other).is_ok();
            *other != own && loads.iter().any(on_row)
        };
        let unproven = self.network.evse_indices().filter(is_beside).map(|other| self.evse(other));
        let unproven = unproven.filter(|state| state.record.is_unproven_lower());
        unproven.take(NAMED_MAX).map(|state| state.id.clone()).collect()
    }

    fn room(&self, own: EvseIndex, row: RowIndex, grounds: &Grounds, now: Timestamp) -> More {
        let at = self.network.row(row).circuit;
        let circuit = self.network.circuit(at);
        if is_stale(circuit, grounds.bases[at.place()].as_ref()) {
            return More::Meter { meter: circuit.meter.as_ref().map(|meter| meter.id.clone()) };
        }
        More::Room { departs: self.first_to_leave(own, row, grounds, now) }
    }

    /// Who else on a row leaves first, as the plan or the driver says.
    fn first_to_leave(
        &self,
        own: EvseIndex,
        row: RowIndex,
        grounds: &Grounds,
        now: Timestamp,
    ) -> Option<Departure> {
        let others = grounds.on_rows[row.place()].iter().filter(|&&other| other != own);
        let leaves = others.filter_map(|&other| {
            let state = self.evse(other);
            let planned = self.plan.as_ref().and_then(|plan| plan.hints(&state.id, now)?.departs_at);
            let at = planned.or(state.record.wish.departs_at).filter(|at| *at > now)?;
            Some(Departure { evse: state.id.clone(), at })
        });
        leaves.min_by_key(|departure| departure.at)
    }
}

impl EvseState {
    /// Nobody else's turn waits for what it may draw whatever it is told.
    fn takes_turns(&self) -> bool {
        self.takes_part() && !self.counts_at_its_hardware() && !self.was_seen_above_its_limit()
    }

    /// When its EV is next offered more than it was seen to take.
    fn offered_more_at(&self) -> Option<Timestamp> {
        if self.record.learned.is_satisfied {
            let newest = self.record.newest()?;
            return (newest.limit == Amperes::ZERO).then_some(newest.sent_at + TURN_AFTER);
        }
        self.demand.probed_at()
    }

    /// Not before this instant it is raised again.
    fn rises_at(&self) -> Option<Timestamp> {
        match self.certificate {
            Some(Certificate::MinimumInterval) => {
                let raised = self.raised_at.map(|at| at + RAISE_APART);
                raised.max(self.offered_since.map(|at| at + RAISE_SMALL_APART))
            }
            Some(
                Certificate::OwnMaximum
                | Certificate::Row(_)
                | Certificate::Plan
                | Certificate::UnprovenShed
                | Certificate::Rotation(_)
                | Certificate::StaleMeter(_),
            )
            | None => None,
        }
    }
}

/// Its meter is silent or doubtful, or has shown nothing yet.
fn is_stale(circuit: &Circuit, base: Option<&(Base, bool)>) -> bool {
    circuit.meter.is_some() && base.is_none_or(|(_, is_stale)| *is_stale)
}

fn intent(plan: &Plan, evse: &EvseId, now: Timestamp) -> Option<Intent> {
    let own = plan.evses.get(evse)?;
    let caps = caps_from(plan, evse, now);
    let (_, present) = *caps.first()?;
    let mut told: Vec<(Timestamp, Amperes)> = Vec::new();
    for (at, cap) in caps {
        if told.last().is_none_or(|&(_, before)| before != cap) {
            told.push((at, cap));
        }
    }
    told.truncate(CAPS_TOLD);
    let elapsed = now.since(plan.starts_at).milliseconds().div_euclid(plan.slot.milliseconds());
    Some(Intent {
        made_at: plan.made_at,
        caps_now: plan.cap(evse, now) == Some(present),
        caps: told,
        laxity: own.laxity - now.since(plan.made_at),
        departs_at: own.departs_at,
        next_slot_at: plan.starts_at + plan.slot * (elapsed + 1),
    })
}

/// When the plan first gives an EVSE more than in its present slot.
fn more_planned_at(plan: &Plan, evse: &EvseId, now: Timestamp) -> Option<Timestamp> {
    let caps = caps_from(plan, evse, now);
    let (_, present) = *caps.first()?;
    caps.into_iter().find(|&(_, cap)| cap > present).map(|(at, _)| at)
}

/// The caps of an EVSE by the start of their slots, from the present slot on; none once the plan is over.
fn caps_from(plan: &Plan, evse: &EvseId, now: Timestamp) -> Vec<(Timestamp, Amperes)> {
    let Some(own) = plan.evses.get(evse) else { return Vec::new() };
    let starts = std::iter::successors(Some(plan.starts_at), |&at| Some(at + plan.slot));
    starts.zip(own.caps.iter().copied()).filter(|&(at, _)| at + plan.slot > now).collect()
}
