//! What pages and the API show of a site: every limit with its reason in words.

use std::fmt;

use serde::{Deserialize, Serialize};
use units::{Amperes, CircuitId, EvseId, PerPhase, Phase, Timestamp};

use super::evse::EvseState;
use super::{CircuitState, EvState, EvseView, Site};
use crate::allocation::{Certificate, next_turn};
use crate::ceiling::LinkState;
use crate::network::{EvseIndex, RowIndex};

impl Site {
    /// One EVSE.
    #[must_use]
    pub fn evse_view(&self, now: Timestamp, evse: &EvseId) -> Option<EvseView> {
        self.network.evse_by_id(evse).map(|index| self.view_of(index, now))
    }

    /// Every EVSE, in the order of configuration.
    pub fn evse_views(&self, now: Timestamp) -> impl Iterator<Item = EvseView> {
        self.network.evse_indices().map(move |index| self.view_of(index, now))
    }

    fn view_of(&self, index: EvseIndex, now: Timestamp) -> EvseView {
        let state = self.evse(index);
        let config = &self.network.evse(index).config;
        let limited_by = self.limited_by(index, now);
        EvseView {
            evse: config.id.clone(),
            name: if config.name.is_empty() { config.id.to_string() } else { config.name.clone() },
            circuit: config.circuit.clone(),
            ev: state.record.ev,
            is_in_transaction: state.record.is_in_transaction,
            limit: state.limit_believed(),
            ceiling: self.ceiling_on_lines(index, &self.at_worst(index, now)),
            drawn: self.drawn(index, now),
            current_max: config.current_max,
            limited_by: limited_by.to_string(),
            reason: limited_by,
            remarks: state.remarks(),
        }
    }

    /// What limits each EVSE in a transaction.
    pub fn limits_of_transactions(&self, now: Timestamp) -> impl Iterator<Item = LimitedBy> {
        let running = self.network.evse_indices().filter(|&index| self.evse(index).record.is_in_transaction);
        running.map(move |index| self.limited_by(index, now))
    }

    /// Every circuit, parents before children.
    #[must_use]
    pub fn circuit_views(&self, now: Timestamp) -> Vec<CircuitState> {
        let worst = self.all_at_worst(now);
        let ceilings = self.sums_by_row(&worst);
        let mut drawn = vec![Amperes::ZERO; self.network.rows().len()];
        for index in self.network.evse_indices() {
            let lines = self.drawn(index, now);
            for &(row, _) in self.network.loads_at_worst(index).iter() {
                drawn[row.place()] += lines[self.network.row(row).phase];
            }
        }
        let views = self.network.circuit_indices().map(|index| {
            let circuit = self.network.circuit(index);
            let base = self.circuit_base(index, now, &worst);
            let meter = circuit.meter.as_ref().and_then(|meter| self.meters.get(&meter.id));
            let stated = circuit.rows.map(|row| self.network.row(row).worst_base);
            let (base, base_likely) = base.map_or((stated, stated), |(base, _)| (base.highest, base.likely));
            CircuitState {
                circuit: circuit.id.clone(),
                name: circuit.name.clone(),
                parent: circuit.parent.map(|parent| self.network.circuit(parent).id.clone()),
                rating: circuit.rows.map(|row| self.network.row(row).rating),
                usable: circuit.rows.map(|row| self.network.row(row).limit()),
                metered: meter.and_then(|meter| meter.metering.latest()).map(|latest| latest.current),
                is_stale: meter.is_some_and(|meter| meter.metering.is_stale(now)),
                base,
                base_likely,
                drawn: circuit.rows.map(|row| drawn[row.place()]),
                ceilings: circuit.rows.map(|row| ceilings[row.place()]),
            }
        });
        views.collect()
    }

    /// What an EVSE draws as last measured, where that is still believed.
    fn drawn(&self, index: EvseIndex, now: Timestamp) -> PerPhase<Amperes> {
        self.evse(index).drawn_now(now).map_or(PerPhase::default(), |drawn| drawn.at_most)
    }

    pub(super) fn limited_by(&self, index: EvseIndex, now: Timestamp) -> LimitedBy {
        let state = self.evse(index);
        let record = &state.record;
        if record.is_decommissioned {
            return LimitedBy::OutOfService;
        }
        if state.link == LinkState::Down {
            return if record.is_seen { LimitedBy::Offline } else { LimitedBy::NeverConnected };
        }
        match record.ev {
            EvState::Faulted => return LimitedBy::StationFault,
            EvState::Absent if !record.is_in_transaction => return LimitedBy::Free,
            EvState::Absent
            | EvState::Connected
            | EvState::Charging
            | EvState::SuspendedEv
            | EvState::SuspendedEvse => {}
        }
        if !record.is_in_transaction {
            return LimitedBy::NotStarted;
        }
        if record.is_disobedient || record.is_refusing {
            return LimitedBy::Disobedience;
        }
        if record.learned.is_satisfied {
            return LimitedBy::Ev;
        }
        let on = |row: RowIndex| {
            let row = self.network.row(row);
            let circuit = self.network.circuit(row.circuit);
            (circuit.id.clone(), circuit.name.clone(), row.phase)
        };
        match state.certificate {
            None => LimitedBy::Undecided,
            Some(Certificate::OwnMaximum) if state.demand.cap.is_some() => LimitedBy::Ev,
            Some(Certificate::OwnMaximum) if self.is_at_its_maximum(index) => LimitedBy::EvseMaximum,
            Some(Certificate::OwnMaximum) => LimitedBy::Rising,
            Some(Certificate::Row(row)) => {
                let (circuit, name, phase) = on(row);
                LimitedBy::Row { circuit, name, phase }
            }
            Some(Certificate::Plan) => LimitedBy::Plan,
            Some(Certificate::MinimumInterval) => LimitedBy::Rising,
            Some(Certificate::UnprovenShed) => LimitedBy::UnprovenShed,
            Some(Certificate::Rotation(row)) => {
                let (circuit, name, phase) = on(row);
                LimitedBy::Turn { circuit, name, phase, changes_at: next_turn(now) }
            }
            Some(Certificate::StaleMeter(circuit)) => {
                let circuit = self.network.circuit(circuit);
                LimitedBy::StaleMeter { circuit: circuit.id.clone(), name: circuit.name.clone() }
            }
        }
    }

    /// The limit last sent is the highest that the EVSE knows.
    fn is_at_its_maximum(&self, index: EvseIndex) -> bool {
        let config = &self.network.evse(index).config;
        let newest = self.evse(index).record.newest();
        newest.is_some_and(|newest| newest.limit >= config.current_max.floor_to(config.step))
    }
}

/// What stops an EVSE from having more current than it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum LimitedBy {
    /// It was taken out for good.
    OutOfService,
    /// Its station was never heard.
    NeverConnected,
    /// Its station is offline: the standing fallback holds there.
    Offline,
    /// Its station reports a fault.
    StationFault,
    /// Nothing is plugged in.
    Free,
    /// An EV is plugged in, and no transaction runs.
    NotStarted,
    /// It does not follow or refuses its limits: it is told 0 A and counted at its worst.
    Disobedience,
    /// The EV takes no more.
    Ev,
    /// No decision has fallen yet.
    Undecided,
    /// It has the highest current that it knows.
    EvseMaximum,
    /// More is decided and comes with the next raise.
    Rising,
    /// A conductor has no room for a step more.
    Row {
        /// The circuit.
        circuit: CircuitId,
        /// Its name for people.
        name: String,
        /// The conductor.
        phase: Phase,
    },
    /// The plan keeps the current for later.
    Plan,
    /// Others have not shown yet that they made room.
    UnprovenShed,
    /// A conductor cannot carry everybody's minimum: it waits for its turn.
    Turn {
        /// The circuit.
        circuit: CircuitId,
        /// Its name for people.
        name: String,
        /// The conductor.
        phase: Phase,
        /// When turns change next; who waits longest is then first.
        changes_at: Timestamp,
    },
    /// A meter is silent or doubtful: nothing is raised.
    StaleMeter {
        /// The meter's circuit.
        circuit: CircuitId,
        /// Its name for people.
        name: String,
    },
}

impl LimitedBy {
    /// Whether the other is the same reason: an instant that only moves on is no other.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Turn { circuit, phase, .. }, Self::Turn { circuit: other, phase: other_phase, .. }) => {
                circuit == other && phase == other_phase
            }
            (reason, other) => reason == other,
        }
    }
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfService => f.write_str("out of service"),
            Self::NeverConnected => f.write_str("never connected"),
            Self::Offline => f.write_str("offline: it keeps its fallback"),
            Self::StationFault => f.write_str("the station reports a fault"),
            Self::Free => f.write_str("free"),
            Self::NotStarted => f.write_str("plugged in, not started"),
            Self::Disobedience => f.write_str("does not follow its limit"),
            Self::Ev => f.write_str("the EV takes no more"),
            Self::Undecided => f.write_str("a limit is being worked out"),
            Self::EvseMaximum => f.write_str("full current"),
            Self::Rising => f.write_str("on its way up"),
            Self::Row { name, phase, .. } => write!(f, "{name} {phase} is full"),
            Self::Plan => f.write_str("planned for later"),
            Self::UnprovenShed => f.write_str("waits until others have made room"),
            Self::Turn { name, phase, .. } => write!(f, "waits for its turn on {name} {phase}"),
            Self::StaleMeter { name, .. } => write!(f, "the meter of {name} is silent or doubtful"),
        }
    }
}

/// A learned fact or a standing doubt about an EVSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Remark {
    /// It draws more than its limit.
    #[serde(rename = "does not follow its limit: counted at its hardware maximum")]
    Disobedient,
    /// It refuses limits.
    #[serde(rename = "refuses its limits: counted at its hardware maximum")]
    Refusing,
    /// No drill has shown what it does when it is not heard from.
    #[serde(rename = "fallback not proven by a drill: counted at its hardware maximum")]
    FallbackUnproven,
    /// Meters say that it is wired otherwise than stated.
    #[serde(rename = "seems to be wired otherwise than stated: counted on the lines of both")]
    WiringDoubted,
    /// It has not accepted its standing fallback since its last boot.
    #[serde(rename = "standing fallback not confirmed")]
    FallbackUnconfirmed,
}

impl EvseState {
    fn remarks(&self) -> Vec<Remark> {
        let record = &self.record;
        let standing = [
            (record.is_disobedient, Remark::Disobedient),
            (record.is_refusing, Remark::Refusing),
            (record.wiring_doubt.is_some(), Remark::WiringDoubted),
            (!self.traits.is_fallback_proven, Remark::FallbackUnproven),
            (record.fallback_confirmed.is_none() && record.is_seen, Remark::FallbackUnconfirmed),
        ];
        standing.into_iter().filter(|(stands, _)| *stands).map(|(_, remark)| remark).collect()
    }
}
