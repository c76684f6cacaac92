//! What a run came to: values for studies and reports.

use charging::network::SiteConfig;
use units::{Amperes, CircuitId, EvseId, PerPhase, Timestamp, WattHours};

use crate::business::Books;
use crate::recorder::{RunCounts, RunSeries, TransactionSeen};
use crate::scenario::{Scenario, Stay};
use crate::truth::Truth;
use crate::watch::{Firing, Rule};

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was run.
    pub scenario: Scenario,
    /// The circuits, parents before children.
    pub circuits: Vec<CircuitOutcome>,
    /// The EVSEs, in the order of the configuration.
    pub evses: Vec<EvseOutcome>,
    /// Currents over time, in the orders of `circuits` and `evses`.
    pub series: RunSeries,
    /// Every stay that began, in order of arrival.
    pub stays: Vec<StayOutcome>,
    /// Transactions of the plant.
    pub transactions: Vec<TransactionSeen>,
    /// Alarms in order: text, raised, cleared.
    pub alarms: Vec<(String, Timestamp, Option<Timestamp>)>,
    /// The books, closed.
    pub books: Books,
    /// What the checkers saw: rule, how often checked, how often broken.
    pub rules: Vec<(Rule, u64, u64)>,
    /// What was broken.
    pub firings: Vec<Firing>,
    /// How much happened.
    pub counts: RunCounts,
    /// Records and commits.
    pub committed: (u64, u64),
    /// A hash over all events, 32 hexadecimal digits: equal runs have equal ones.
    pub event_hash: String,
}

/// A circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitOutcome {
    /// Its id.
    pub id: CircuitId,
    /// Its name for people.
    pub name: String,
    /// The circuit above.
    pub parent: Option<usize>,
    /// What it may carry.
    pub rating: PerPhase<Amperes>,
}

/// An EVSE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvseOutcome {
    /// Its id.
    pub id: EvseId,
    /// Its name for people.
    pub name: String,
    /// The circuit it hangs on.
    pub circuit: usize,
    /// What its register counted in the run.
    pub energy: WattHours,
}

/// A stay.
#[derive(Debug, Clone, PartialEq)]
pub struct StayOutcome {
    /// As planned.
    pub stay: Stay,
    /// Unplugged; none where the run ended first.
    pub departed_at: Option<Timestamp>,
    /// What was delivered.
    pub delivered: WattHours,
}

impl CircuitOutcome {
    /// Every circuit of a site, parents before children.
    #[must_use]
    pub fn all(truth: &Truth) -> Vec<Self> {
        let circuits = truth.circuits().iter().map(|circuit| Self {
            id: circuit.id.clone(),
            name: circuit.name.clone(),
            parent: circuit.parent,
            rating: circuit.rating,
        });
        circuits.collect()
    }
}

impl EvseOutcome {
    /// Every EVSE of a site, in the order of its configuration, with nothing counted.
    #[must_use]
    pub fn all(truth: &Truth, config: &SiteConfig) -> Vec<Self> {
        let evses = truth.evses().iter().zip(&config.evses).map(|(evse, stated)| Self {
            id: evse.id.clone(),
            name: if stated.name.is_empty() { evse.id.to_string() } else { stated.name.clone() },
            circuit: evse.circuit,
            energy: WattHours::ZERO,
        });
        evses.collect()
    }
}

impl Outcome {
    /// Whether no checker fired.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.firings.is_empty()
    }

    /// The command that runs it again.
    #[must_use]
    pub fn command(&self) -> String {
        format!("twin replay scenarios/{} --seed {}", self.scenario.name, self.scenario.seed)
    }
}
