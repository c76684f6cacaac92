//! Where solving begins, where something much like it was solved before.

use crate::backend::{Backend, Claim, Limits};
use crate::model::{Model, ModelProblem, Objective};
use crate::solve::{Ending, check, judge, solve};

/// A corner of a model: where each column and row stands in it. To begin at, it need be none to the last bit: one of a model
/// that differs a little will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corner {
    /// One per column.
    pub columns: Vec<Standing>,
    /// One per row.
    pub rows: Vec<Standing>,
}

/// Where a column or row stands in a corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It takes the value that the others leave it.
    Between,
    /// At its lower end.
    Low,
    /// At its upper end.
    High,
}

/// As [`solve`], from `corner` on, where there is one and `backend` [goes from corner to corner](Backend::has_corners); with
/// the corner where it ended. A good start makes solving faster, a bad one slower; neither changes what is best.
///
/// # Errors
///
/// As [`solve`]; a corner of another model is a [`ModelProblem::ForeignCorner`].
pub fn solve_from(
    model: &Model,
    objective: &Objective,
    backend: Backend,
    limits: Limits,
    corner: Option<&Corner>,
) -> Result<(Ending, Option<Corner>), ModelProblem> {
    let (columns, rows) = (model.columns.len(), model.rows.len());
    if corner.is_some_and(|corner| (corner.columns.len(), corner.rows.len()) != (columns, rows)) {
        return Err(ModelProblem::ForeignCorner { columns, rows });
    }
    if !backend.has_corners() {
        return Ok((solve(model, objective, backend, limits)?, None));
    }
    check(model, objective, backend)?;
    let (claim, end) = backend.run_from(model, objective, limits, corner);
    match claim {
        Claim::Best { .. } => Ok((judge(model, objective, backend, claim), end)),
        // A start may lead astray: what it says is impossible, or takes too long, is tried without.
        Claim::Stopped { .. } | Claim::Infeasible | Claim::Unbounded | Claim::Failed { .. } => {
            Ok((solve(model, objective, backend, limits)?, None))
        }
    }
}
