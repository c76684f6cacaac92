//! What pages and the API show of a site: every limit with its reason in words.

use units::{Amperes, EvseId, PerPhase, Timestamp};

use super::{CircuitState, EvState, EvseState, EvseView, Site};
use crate::allocation::Certificate;
use crate::ceiling::LinkState;
use crate::network::EvseIndex;

impl Site {
    /// One EVSE.
    #[must_use]
    pub fn evse_view(&self, now: Timestamp, evse: &EvseId) -> Option<EvseView> {
        let index = self.network.evse_by_id(evse)?;
        let state = self.evse(index);
        let config = &self.network.evse(index).config;
        Some(EvseView {
            evse: evse.clone(),
            name: if config.name.is_empty() { config.id.to_string() } else { config.name.clone() },
            circuit: config.circuit.clone(),
            ev: state.record.ev,
            is_in_transaction: state.record.is_in_transaction,
            limit: state.record.newest().map(|newest| newest.limit),
            ceiling: self.ceiling_on_lines(index, now),
            drawn: self.drawn(index, now),
            limited_by: self.limited_by(state),
            remarks: state.remarks(),
        })
    }

    /// Every circuit, parents before children.
    #[must_use]
    pub fn circuit_views(&self, now: Timestamp) -> Vec<CircuitState> {
        let ceilings = self.ceilings_by_row(now);
        let mut drawn = vec![Amperes::ZERO; self.network.rows().len()];
        for index in self.network.evse_indices() {
            let lines = self.drawn(index, now);
            for &(row, _) in self.network.loads_at_worst(index).iter() {
                drawn[row.place()] += lines[self.network.row(row).phase];
            }
        }
        let views = self.network.circuit_indices().map(|index| {
            let circuit = self.network.circuit(index);
            let base = self.circuit_base(index, now);
            let meter = circuit.meter.as_ref().and_then(|meter| self.meters.get(&meter.id));
            let stated = circuit.rows.map(|row| self.network.row(row).worst_base);
            CircuitState {
                circuit: circuit.id.clone(),
                name: circuit.name.clone(),
                parent: circuit.parent.map(|parent| self.network.circuit(parent).id.clone()),
                rating: circuit.rows.map(|row| self.network.row(row).rating),
                metered: meter.and_then(|meter| meter.metering.latest()).map(|latest| latest.current),
                is_stale: meter.is_some_and(|meter| meter.metering.is_stale(now)),
                base: base.map_or(stated, |(base, _)| base.highest),
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

    fn limited_by(&self, state: &EvseState) -> String {
        let record = &state.record;
        if record.is_decommissioned {
            return "out of service".to_owned();
        }
        if state.link == LinkState::Down {
            let seen = if record.is_seen { "offline: it keeps its fallback" } else { "never connected" };
            return seen.to_owned();
        }
        match record.ev {
            EvState::Faulted => return "the station reports a fault".to_owned(),
            EvState::Absent if !record.is_in_transaction => return "free".to_owned(),
            EvState::Absent
            | EvState::Connected
            | EvState::Charging
            | EvState::SuspendedEv
            | EvState::SuspendedEvse => {}
        }
        if !record.is_in_transaction {
            return "plugged in, not started".to_owned();
        }
        if state.record.learned.is_satisfied {
            return "the EV takes no more".to_owned();
        }
        match state.certificate {
            None => "a limit is being worked out".to_owned(),
            Some(Certificate::OwnMaximum) if state.demand.cap.is_some() => "the EV takes no more".to_owned(),
            Some(Certificate::OwnMaximum) => "full current".to_owned(),
            Some(Certificate::Row(row)) => format!("{} is full", self.network.row(row).name),
            Some(Certificate::Plan) => "planned for later".to_owned(),
            Some(Certificate::MinimumInterval) => "raised a moment ago".to_owned(),
            Some(Certificate::UnprovenShed) => "waits until others have made room".to_owned(),
            Some(Certificate::Rotation(row)) => {
                format!("waits for its turn on {}", self.network.row(row).name)
            }
            Some(Certificate::StaleMeter(circuit)) => {
                format!("the meter of {} is silent or doubtful", self.network.circuit(circuit).name)
            }
        }
    }
}

impl EvseState {
    fn remarks(&self) -> Vec<String> {
        let record = &self.record;
        let mut remarks = Vec::new();
        if record.is_disobedient {
            remarks.push("does not follow its limit: counted at its hardware maximum".to_owned());
        }
        if record.is_refusing {
            remarks.push("refuses its limits: counted at its hardware maximum".to_owned());
        }
        if !self.traits.is_fallback_proven {
            remarks.push("fallback not proven by a drill: counted at its hardware maximum".to_owned());
        }
        if record.fallback_confirmed.is_none() && record.is_seen {
            remarks.push("standing fallback not confirmed".to_owned());
        }
        remarks
    }
}
