//! Microlp, modelled through `good_lp` and run directly: `good_lp` passes no limit of nodes on.

use good_lp::SolverModel;
use microlp::{Error, SolveOptions, TerminationReason};

use super::translate::{Translated, all_values};
use super::{Claim, Limits};
use crate::model::{Model, Objective};

pub(super) fn run(model: &Model, objective: &Objective, limits: Limits) -> Claim {
    let Translated { variables, problem, constraints, .. } = Translated::of(model, objective);
    let mut prepared = good_lp::microlp(problem);
    for constraint in constraints {
        prepared.add_constraint(constraint);
    }
    let mut options = SolveOptions::default();
    options.node_limit = Some(limits.nodes);
    let outcome = match prepared.as_inner().solve_with(options) {
        Ok(outcome) => outcome,
        Err(Error::Infeasible) => return Claim::Infeasible,
        Err(Error::Unbounded) => return Claim::Unbounded,
        Err(error) => return Claim::Failed { words: format!("microlp: {error}") },
    };
    let reason = outcome.termination_reason();
    let values = outcome.solution().map(|found| {
        let free: Vec<f64> = found.iter().map(|(_, value)| value).collect();
        all_values(&variables, model, &free)
    });
    match (values, reason == TerminationReason::ProvenOptimal) {
        (Some(values), true) => Claim::Best { values, prices: None },
        (values, _) => {
            let nodes = outcome.stats().nodes_solved;
            Claim::Stopped { values, words: format!("microlp: {reason:?} after {nodes} nodes") }
        }
    }
}
