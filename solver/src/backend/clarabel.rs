//! Clarabel, through `good_lp`, which would pass a ray of an unbounded problem on as an answer: the status is read here.

use clarabel::solver::{IPSolver, SolverStatus};
use good_lp::SolverModel;

use super::translate::{Translated, all_values};
use super::{Claim, Limits};
use crate::model::{Model, Objective, Relation};

pub(super) fn run(model: &Model, objective: &Objective, limits: Limits) -> Claim {
    let Translated { variables, problem, constraints, ends, sign } = Translated::of(model, objective);
    let mut prepared = good_lp::clarabel(problem);
    prepared.settings().max_iter(limits.iterations).max_threads(1);
    for constraint in constraints {
        prepared.add_constraint(constraint);
    }
    let mut solver = match prepared.try_into_solver() {
        Ok(solver) => solver,
        Err(error) => return Claim::Failed { words: error.to_string() },
    };
    solver.solve();
    let found = &solver.solution;
    let values = || all_values(&variables, model, &found.x);
    let words = || format!("clarabel: {:?} after {} iterations", found.status, found.iterations);
    match found.status {
        // What is almost solved may well stand up to the check.
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            // Rows stand behind the ends of ranges. A multiplier z ≥ 0 of Σ a x ≤ b says by how much the minimum falls
            // where b rises; ≥ was turned around.
            let prices = model.rows.iter().zip(found.z.iter().skip(ends)).map(|(row, multiplier)| {
                let rises = match row.relation {
                    Relation::AtMost | Relation::Equal => -multiplier,
                    Relation::AtLeast => *multiplier,
                };
                sign * rises
            });
            let prices: Vec<f64> = prices.collect();
            assert_eq!(prices.len(), model.rows.len(), "clarabel has {} multipliers", found.z.len());
            Claim::Best { values: values(), prices: Some(prices) }
        }
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Claim::Infeasible,
        SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible => Claim::Unbounded,
        SolverStatus::MaxIterations
        | SolverStatus::MaxTime
        | SolverStatus::InsufficientProgress
        | SolverStatus::CallbackTerminated => Claim::Stopped { values: Some(values()), words: words() },
        SolverStatus::Unsolved | SolverStatus::NumericalError => Claim::Failed { words: words() },
    }
}
