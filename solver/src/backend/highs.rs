//! HiGHS, modelled through `good_lp` and run directly: `good_lp` calls an answer what a limit stopped.

use std::num::NonZeroU32;

use good_lp::{SolverModel, Variable};
use highs::{HighsModelStatus, HighsSolutionStatus, SolvedModel};
use highs_sys::HighsInt;

use super::translate::{Translated, all_values};
use super::{Claim, Limits};
use crate::model::{Model, Objective, Relation};
use crate::start::{Corner, Standing};

pub(super) fn run_from(
    model: &Model,
    objective: &Objective,
    limits: Limits,
    corner: Option<&Corner>,
) -> (Claim, Option<Corner>) {
    let Translated { variables, problem, constraints, sign, .. } = Translated::of(model, objective);
    let mut prepared = good_lp::highs(problem);
    for constraint in constraints {
        prepared.add_constraint(constraint);
    }
    let mut ready = match prepared.try_into_inner() {
        Ok(ready) => ready,
        Err(error) => return failed(error.to_string()),
    };
    // One thread, so that the same model ends the same way.
    ready.set_threads(NonZeroU32::MIN);
    let count = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
    let set = ready
        .try_set_option("simplex_iteration_limit", count(limits.pivots))
        .and_then(|()| ready.try_set_option("ipm_iteration_limit", count(limits.iterations.into())))
        .and_then(|()| ready.try_set_option("mip_max_nodes", count(limits.nodes)))
        .and_then(|()| ready.try_set_option("mip_rel_gap", 0.0));
    if set.is_err() {
        return failed("highs: it does not know one of its options".to_owned());
    }
    if let Some(corner) = corner {
        // Where it cannot begin there it begins anywhere.
        begin_at(&mut ready, corner, &variables);
    }
    let solved = match ready.try_solve() {
        Ok(solved) => solved,
        Err(status) => return failed(format!("highs: {status:?}")),
    };
    let found = solved.get_solution();
    let values = || all_values(&variables, model, found.columns());
    let claim = match solved.status() {
        HighsModelStatus::Optimal => {
            // A dual says by how much the minimum rises where the bound rises; ≥ was turned around. With integers there is none.
            let prices = model.rows.iter().zip(found.dual_rows()).map(|(row, dual)| {
                let rises = match row.relation {
                    Relation::AtMost | Relation::Equal => *dual,
                    Relation::AtLeast => -dual,
                };
                sign * rises
            });
            let has_integers = model.columns.iter().any(|column| column.is_integer);
            Claim::Best { values: values(), prices: (!has_integers).then(|| prices.collect()) }
        }
        HighsModelStatus::Infeasible => Claim::Infeasible,
        HighsModelStatus::Unbounded | HighsModelStatus::UnboundedOrInfeasible => Claim::Unbounded,
        HighsModelStatus::ReachedIterationLimit
        | HighsModelStatus::ReachedSolutionLimit
        | HighsModelStatus::Unknown => {
            let is_feasible = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
            Claim::Stopped { values: is_feasible.then(values), words: words(&solved) }
        }
        // None of these is asked for, and none of what is not named.
        HighsModelStatus::NotSet
        | HighsModelStatus::LoadError
        | HighsModelStatus::ModelError
        | HighsModelStatus::PresolveError
        | HighsModelStatus::SolveError
        | HighsModelStatus::PostsolveError
        | HighsModelStatus::ModelEmpty
        | HighsModelStatus::ObjectiveBound
        | HighsModelStatus::ObjectiveTarget
        | HighsModelStatus::ReachedTimeLimit
        | HighsModelStatus::ReachedInterrupt
        | HighsModelStatus::ReachedMemoryLimit
        | _ => Claim::Failed { words: words(&solved) },
    };
    let corner = corner_of(&solved, &found, &variables);
    (claim, corner)
}

fn failed(words: String) -> (Claim, Option<Corner>) {
    (Claim::Failed { words }, None)
}

fn words(solved: &SolvedModel) -> String {
    let pivots = solved.simplex_iteration_count();
    format!("highs: {:?} after {pivots} pivots", solved.status())
}

// The crate `highs` reads and sets no corner: the calls below are to the library itself.

const LOW: HighsInt = 0;
const BETWEEN: HighsInt = 1;
const HIGH: HighsInt = 2;

/// Begins at a corner, where that is one; a column whose range is one value stands nowhere.
fn begin_at(ready: &mut highs::Model, corner: &Corner, variables: &[Option<Variable>]) {
    let code = |standing: &Standing| match standing {
        Standing::Between => BETWEEN,
        Standing::Low => LOW,
        Standing::High => HIGH,
    };
    let free = corner.columns.iter().zip(variables).filter(|(_, variable)| variable.is_some());
    let columns: Vec<HighsInt> = free.map(|(standing, _)| code(standing)).collect();
    let rows: Vec<HighsInt> = corner.rows.iter().map(code).collect();
    assert_eq!(
        (columns.len(), rows.len()),
        (ready.num_cols(), ready.num_rows()),
        "a corner of another model"
    );
    #[expect(
        unsafe_code,
        reason = "the crate `highs` has no call for it; both arrays are as long as the library reads"
    )]
    // SAFETY: the pointer is that of a live instance, and the arrays have as many elements as it has columns and rows.
    let _status = unsafe { highs_sys::Highs_setBasis(ready.as_mut_ptr(), columns.as_ptr(), rows.as_ptr()) };
}

/// The corner where it ended.
fn corner_of(
    solved: &SolvedModel,
    found: &highs::Solution,
    variables: &[Option<Variable>],
) -> Option<Corner> {
    let (mut columns, mut row_codes) = (vec![LOW; found.columns().len()], vec![LOW; found.rows().len()]);
    #[expect(
        unsafe_code,
        reason = "the crate `highs` has no call for it; both arrays are as long as the library writes"
    )]
    // SAFETY: the pointer is that of a live instance, which the call only reads, and the arrays have as many elements as it
    // has columns and rows.
    let status =
        unsafe { highs_sys::Highs_getBasis(solved.as_ptr(), columns.as_mut_ptr(), row_codes.as_mut_ptr()) };
    if status != highs_sys::STATUS_OK {
        return None;
    }
    let standing = |code: HighsInt| match code {
        BETWEEN => Standing::Between,
        HIGH => Standing::High,
        _ => Standing::Low,
    };
    let mut free = columns.into_iter();
    let of_column = |variable: &Option<Variable>| match variable {
        Some(_) => free.next().map_or(Standing::Low, standing),
        None => Standing::Low,
    };
    let columns = variables.iter().map(of_column).collect();
    Some(Corner { columns, rows: row_codes.into_iter().map(standing).collect() })
}
