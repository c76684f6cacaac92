//! A model in the words of `good_lp`.

use good_lp::variable::UnsolvedProblem;
use good_lp::{Constraint, Expression, ProblemVariables, Variable, variable};

use crate::model::{Column, ColumnDefinition, Model, Objective, Relation};

/// A model translated: to be minimised, without columns whose range is one value, since an interior point needs room.
pub(super) struct Translated {
    /// By column of the model; none for one that is fixed.
    pub variables: Vec<Option<Variable>>,
    /// One per column that is not fixed.
    pub problem: UnsolvedProblem,
    /// One per row.
    pub constraints: Vec<Constraint>,
    /// How many finite ends the ranges of the columns have that are not fixed.
    #[cfg(feature = "clarabel")]
    pub ends: usize,
    /// Turns the objective of the translation into that of the model.
    #[cfg(any(feature = "clarabel", feature = "highs"))]
    pub sign: f64,
}

impl Translated {
    pub fn of(model: &Model, objective: &Objective) -> Self {
        let mut pool = ProblemVariables::new();
        let mut variables = Vec::with_capacity(model.columns.len());
        for column in &model.columns {
            if column.low == column.high {
                variables.push(None);
                continue;
            }
            let definition = variable().min(column.low).max(column.high);
            let definition = if column.is_integer { definition.integer() } else { definition };
            variables.push(Some(pool.add(definition)));
        }
        let sum = |terms: &[(Column, f64)], sign: f64| {
            let mut sum = Expression::with_capacity(terms.len());
            for &(Column(column), coefficient) in terms {
                match variables[column] {
                    Some(variable) => sum.add_mul(sign * coefficient, variable),
                    None => sum += sign * coefficient * model.columns[column].low,
                }
            }
            sum
        };
        let constraints = model
            .rows
            .iter()
            .map(|row| match row.relation {
                Relation::AtMost => sum(&row.terms, 1.0).leq(row.bound),
                Relation::AtLeast => sum(&row.terms, -1.0).leq(-row.bound),
                Relation::Equal => sum(&row.terms, 1.0).eq(row.bound),
            })
            .collect();
        let sign = objective.direction.sign();
        let problem = pool.minimise(sum(&objective.terms, sign));
        Self {
            variables,
            problem,
            constraints,
            #[cfg(feature = "clarabel")]
            ends: finite_ends(model),
            #[cfg(any(feature = "clarabel", feature = "highs"))]
            sign,
        }
    }
}

#[cfg(feature = "clarabel")]
fn finite_ends(model: &Model) -> usize {
    let free = model.columns.iter().filter(|column| column.low != column.high);
    free.map(|column| usize::from(column.low.is_finite()) + usize::from(column.high.is_finite())).sum()
}

/// The values of all columns, given those that are not fixed in order.
pub(super) fn all_values(variables: &[Option<Variable>], model: &Model, free: &[f64]) -> Vec<f64> {
    let mut free = free.iter();
    let value = |(column, variable): (&ColumnDefinition, &Option<Variable>)| match variable {
        Some(_) => free.next().copied().unwrap_or(f64::NAN),
        None => column.low,
    };
    model.columns.iter().zip(variables).map(value).collect()
}
