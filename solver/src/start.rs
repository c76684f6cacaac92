//! Where solving begins, where something much like it was solved before.

use std::collections::BTreeSet;

use crate::backend::{Backend, Claim, Limits};
use crate::check::{TOLERANCE, residual};
use crate::model::{Column, Model, ModelProblem, Objective, Relation, Row, RowDefinition};
use crate::solve::{Ending, check, judge, solve};

/// Where to begin. A good one makes solving faster, a bad one slower; neither changes what is best.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// The rows that are expected to matter; none where nothing is known. A back end without corners begins with them alone,
    /// and then takes in what its answer breaks.
    pub rows: BTreeSet<Row>,
    /// The corner to begin at, for a back end that goes from corner to corner.
    pub corner: Option<Corner>,
}

/// A corner of a model: where each column and row stands in it. It need be none to the last bit.
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

/// How solving from a start ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// As of [`solve`].
    pub ending: Ending,
    /// Where to begin the next time.
    pub next: Start,
    /// How often the back end was asked.
    pub rounds: u32,
}

/// As [`solve`], from `start` on.
///
/// # Errors
///
/// As [`solve`]; a row that the model does not have, or a corner of another model, is a [`ModelProblem::ForeignStart`].
pub fn solve_from(
    model: &Model,
    objective: &Objective,
    backend: Backend,
    limits: Limits,
    start: &Start,
) -> Result<Started, ModelProblem> {
    check(model, objective, backend)?;
    let (columns, rows) = (model.columns.len(), model.rows.len());
    let fits = |corner: &Corner| (corner.columns.len(), corner.rows.len()) == (columns, rows);
    if start.rows.last().is_some_and(|last| last.0 >= rows) || !start.corner.as_ref().is_none_or(fits) {
        return Err(ModelProblem::ForeignStart { columns, rows });
    }
    if backend.has_corners() {
        let (claim, corner) = backend.run_from(model, objective, limits, start.corner.as_ref());
        if let Claim::Best { .. } = &claim {
            let ending = judge(model, objective, backend, claim);
            return Ok(Started { ending, next: Start { rows: start.rows.clone(), corner }, rounds: 1 });
        }
        // A start may lead astray, and never to the wrong end.
        let ending = solve(model, objective, backend, limits)?;
        return Ok(Started { ending, next: Start::default(), rounds: 2 });
    }
    let first = if start.rows.is_empty() { model.rows().collect() } else { start.rows.clone() };
    by_rows(model, objective, backend, limits, first)
}

fn by_rows(
    model: &Model,
    objective: &Objective,
    backend: Backend,
    limits: Limits,
    mut used: BTreeSet<Row>,
) -> Result<Started, ModelProblem> {
    let mut rounds = 0;
    loop {
        rounds += 1;
        let asked: Vec<Row> = used.iter().copied().collect();
        let rows = asked.iter().map(|row| model.rows[row.0].clone()).collect();
        let part = Model { columns: model.columns.clone(), rows };
        let (values, prices) = match backend.run(&part, objective, limits) {
            Claim::Best { values, prices } => (values, prices),
            // What few rows make impossible, more do not make possible.
            Claim::Infeasible => {
                let next = Start { rows: used, corner: None };
                return Ok(Started { ending: Ending::Infeasible, next, rounds });
            }
            Claim::Stopped { .. } | Claim::Unbounded | Claim::Failed { .. } => {
                let ending = solve(model, objective, backend, limits)?;
                return Ok(Started { ending, next: Start::default(), rounds: rounds + 1 });
            }
        };
        let broken: Vec<Row> = (0..model.rows.len())
            .map(Row)
            .filter(|row| !used.contains(row) && residual(&model.rows[row.0], &values) > TOLERANCE / 2.0)
            .collect();
        if broken.is_empty() {
            used.retain(|row| matters(&model.rows[row.0], &values));
            // A row that was left out has no price: it holds anyway.
            let prices = prices.map(|part| {
                let mut prices = vec![0.0; model.rows.len()];
                asked.iter().zip(part).for_each(|(row, price)| prices[row.0] = price);
                prices
            });
            let ending = judge(model, objective, backend, Claim::Best { values, prices });
            return Ok(Started { ending, next: Start { rows: used, corner: None }, rounds });
        }
        used.extend(broken);
    }
}

/// A row that would hold at much less may be left out the next time.
fn matters(row: &RowDefinition, values: &[f64]) -> bool {
    const SLACK: f64 = 0.05;
    match row.relation {
        Relation::Equal => true,
        Relation::AtMost | Relation::AtLeast => {
            let sum: f64 =
                row.terms.iter().map(|&(Column(column), coefficient)| coefficient * values[column]).sum();
            (sum - row.bound).abs() <= SLACK * row.bound.abs()
        }
    }
}
