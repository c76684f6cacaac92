//! A run handed over to somebody else: to a demo, which goes on with the same plant in real time against a real server.

use ::plant::base_load::BaseLoad;
use ::plant::meter::GridMeter;
use ::plant::station::Station;
use units::{MeterId, Timestamp};

use super::World;
use crate::scenario::Stay;
use crate::store::Durable;
use crate::truth::Truth;

/// Everything that goes on: what is durable, and the plant as it stands.
#[derive(Debug)]
pub struct Handover {
    /// When.
    pub at: Timestamp,
    /// Durable records of the sites: state rows, facts of transactions, CDRs, findings.
    pub csms: Vec<csms::Record>,
    /// Durable records of the business, in order.
    pub office: Vec<office::Record>,
    /// The stations, without links, with EVs and transactions.
    pub stations: Vec<Station>,
    /// What flows.
    pub truth: Truth,
    /// Base loads with the places of their circuits.
    pub base_loads: Vec<(usize, BaseLoad)>,
    /// Meters with the places of their circuits.
    pub meters: Vec<(MeterId, usize, GridMeter)>,
    /// Stays that are not over, in order of arrival; those that arrived before `at` are plugged in.
    pub stays: Vec<Stay>,
}

impl World {
    /// Keeps what sealed transactions rest on as well, so that a hand-over is as a server's database would be.
    #[must_use]
    pub fn keeping_evidence(mut self) -> Self {
        self.store.keep_sealed_facts();
        self
    }

    /// Ends the engine as a power cut would, and hands over what survives it.
    #[must_use]
    pub fn hand_over(mut self) -> Handover {
        let at = self.now;
        let Durable { csms, office } = self.store.durable();
        for slot in &mut self.stations {
            if slot.link.is_some() {
                slot.station.link_down(at);
            }
        }
        let circuits = &self.scenario.site.config.circuits;
        let circuit_of = |meter: &MeterId| {
            let metered =
                circuits.iter().find(|circuit| circuit.meter.as_ref().is_some_and(|of| of.id == *meter));
            metered.and_then(|circuit| self.truth.circuit_index(&circuit.id))
        };
        let meters = self.meters.into_iter().filter_map(|slot| {
            let circuit = circuit_of(&slot.id)?;
            Some((slot.id, circuit, slot.meter))
        });
        Handover {
            at,
            csms,
            office,
            stations: self.stations.into_iter().map(|slot| slot.station).collect(),
            meters: meters.collect(),
            truth: self.truth,
            base_loads: self.bases,
            stays: self.stays.into_iter().map(|slot| slot.stay).filter(|stay| stay.departs_at > at).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::sample;

    #[test]
    fn a_hand_over_holds_every_frame_that_its_cdrs_rest_on() {
        let scenario = sample::scenario();
        let ends_at = scenario.ends_at;
        let mut world = World::new(scenario).keeping_evidence();
        world.advance(ends_at);
        let records = world.hand_over().csms;
        let mut frames = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        for record in &records {
            if let csms::Record::Evidence(row) = record {
                frames.insert(row.frame);
            }
            if let csms::Record::Cdr(cdr) = record {
                wanted.extend(cdr.evidence.iter().map(|evidence| evidence.frame));
            }
        }
        assert!(wanted.len() > 6, "{wanted:?}");
        assert!(frames.is_superset(&wanted), "{wanted:?} of {frames:?}");
    }
}
