//! The check of every answer: written from the model alone, and ignorant of how a back end solves.

use crate::model::{Column, Direction, Model, Objective, Relation, RowDefinition};

/// What floating point may be off by: relative to 1 plus the greatest magnitude that takes part.
pub const TOLERANCE: f64 = 1e-6;

/// What was checked of an answer, and how well it holds. Residuals are relative, as [`TOLERANCE`] is.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// By how much the worst row, range or integer column is broken; 0 where none is.
    pub primal_residual: f64,
    /// The name of that row or column; empty where none is broken.
    pub primal_worst: String,
    /// That no answer is better; none where the back end has no shadow prices: then being best is its word.
    pub duality: Option<Duality>,
}

/// What shadow prices prove.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duality {
    /// How far the prices are from proving anything; 0 where they prove.
    pub residual: f64,
    /// What separates the answer from the best that the prices leave possible.
    pub gap: f64,
}

impl Proof {
    /// Whether rows, ranges and integer columns hold.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        self.primal_residual <= TOLERANCE
    }

    /// Whether shadow prices, where there are any, prove that no answer is better.
    #[must_use]
    pub fn is_best(&self) -> bool {
        self.duality.is_none_or(|duality| duality.residual <= TOLERANCE && duality.gap.abs() <= TOLERANCE)
    }
}

/// Checks `values`, one per column, and, where there are any, `prices`, one per row: by how much the objective rises where
/// the row's bound rises by 1.
pub(crate) fn prove(model: &Model, objective: &Objective, values: &[f64], prices: Option<&[f64]>) -> Proof {
    let mut worst = Worst::default();
    for (definition, &value) in model.columns.iter().zip(values) {
        let beyond = (definition.low - value).max(value - definition.high).max(0.0);
        worst.note(beyond / (1.0 + value.abs()), &definition.name);
        if definition.is_integer {
            worst.note((value - value.round()).abs(), &definition.name);
        }
        if !value.is_finite() {
            worst.note(f64::INFINITY, &definition.name);
        }
    }
    for row in &model.rows {
        worst.note(residual(row, values), &row.name);
    }
    let duality = prices.map(|prices| duality(model, objective, values, prices));
    Proof { primal_residual: worst.residual, primal_worst: worst.name.to_owned(), duality }
}

/// By how much `values` break a row.
fn residual(row: &RowDefinition, values: &[f64]) -> f64 {
    let (mut sum, mut greatest) = (0.0, row.bound.abs());
    for &(Column(column), coefficient) in &row.terms {
        let term = coefficient * values[column];
        sum += term;
        greatest = greatest.max(term.abs());
    }
    let beyond = match row.relation {
        Relation::AtMost => sum - row.bound,
        Relation::AtLeast => row.bound - sum,
        Relation::Equal => (sum - row.bound).abs(),
    };
    // What is no number stays none.
    if beyond <= 0.0 { 0.0 } else { beyond / (1.0 + greatest) }
}

#[derive(Default)]
struct Worst<'a> {
    residual: f64,
    name: &'a str,
}

impl<'a> Worst<'a> {
    fn note(&mut self, residual: f64, name: &'a str) {
        // What is no number is as bad as can be.
        let residual = if residual.is_nan() { f64::INFINITY } else { residual };
        if residual > self.residual {
            *self = Self { residual, name };
        }
    }
}

/// The value of the objective: Σ c x.
pub(crate) fn worth(objective: &Objective, values: &[f64]) -> f64 {
    objective.terms.iter().map(|&(Column(column), coefficient)| coefficient * values[column]).sum()
}

/// Weak duality, for the objective turned so that less is better. With prices y of the right sign, any feasible x has
/// c x ≥ Σ y b + Σ_j min(d_j low_j, d_j high_j) where d = c − Aᵀ y: nothing but y need be believed. A price of the wrong
/// sign counts as 0, and what it was adds to the residual; so does a d_j that points at an infinite end.
fn duality(model: &Model, objective: &Objective, values: &[f64], prices: &[f64]) -> Duality {
    let sign = match objective.direction {
        Direction::Minimise => 1.0,
        Direction::Maximise => -1.0,
    };
    let mut reduced = vec![0.0; model.columns.len()];
    let mut largest_cost: f64 = 0.0;
    for &(Column(column), coefficient) in &objective.terms {
        reduced[column] += sign * coefficient;
        largest_cost = largest_cost.max(coefficient.abs());
    }
    let (mut proven, mut residual) = (0.0, 0.0_f64);
    for (row, &price) in model.rows.iter().zip(prices) {
        let price = sign * price;
        let allowed = match row.relation {
            Relation::AtMost => price.min(0.0),
            Relation::AtLeast => price.max(0.0),
            Relation::Equal => price,
        };
        residual = residual.max((price - allowed).abs());
        proven += allowed * row.bound;
        for &(Column(column), coefficient) in &row.terms {
            reduced[column] -= allowed * coefficient;
        }
    }
    for (definition, &slope) in model.columns.iter().zip(&reduced) {
        let end = if slope > 0.0 { definition.low } else { definition.high };
        if slope == 0.0 {
            continue;
        }
        if end.is_finite() {
            proven += slope * end;
        } else {
            residual = residual.max(slope.abs());
        }
    }
    let reached = sign * worth(objective, values);
    Duality {
        residual: if residual.is_nan() { f64::INFINITY } else { residual / (1.0 + largest_cost) },
        gap: (reached - proven) / (1.0 + reached.abs().max(proven.abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimise x + 2 y with x + y ≥ 4, x − y ≤ 1: best at x = 2.5, y = 1.5, prices 1.5 and −0.5.
    fn sample() -> (Model, Objective) {
        let mut model = Model::new();
        let x = model.add_column("x", 0.0..=10.0);
        let y = model.add_column("y", 0.0..=f64::INFINITY);
        model.add_row("enough", [(x, 1.0), (y, 1.0)], Relation::AtLeast, 4.0);
        model.add_row("apart", [(x, 1.0), (y, -1.0)], Relation::AtMost, 1.0);
        (model, Objective::minimise([(x, 1.0), (y, 2.0)]))
    }

    #[test]
    fn the_best_answer_with_its_prices_is_proven() {
        let (model, objective) = sample();
        let proof = prove(&model, &objective, &[2.5, 1.5], Some(&[1.5, -0.5]));
        assert!(proof.is_feasible() && proof.is_best(), "{proof:?}");
    }

    #[test]
    fn a_broken_row_is_named() {
        let (model, objective) = sample();
        let proof = prove(&model, &objective, &[3.0, 1.5], None);
        assert_eq!(proof.primal_worst, "apart");
        assert!((proof.primal_residual - 0.5 / 4.0).abs() < 1e-12 && !proof.is_feasible(), "{proof:?}");
        assert_eq!(prove(&model, &objective, &[-1.0, 8.0], None).primal_worst, "x");
        assert_eq!(prove(&model, &objective, &[f64::NAN, 8.0], None).primal_worst, "x");
    }

    #[test]
    fn a_fraction_in_an_integer_column_is_named() {
        let mut model = Model::new();
        model.add_integer("whole", 0.0..=3.0);
        let objective = Objective::maximise([]);
        assert!(!prove(&model, &objective, &[1.5], None).is_feasible());
        assert!(prove(&model, &objective, &[2.0], None).is_feasible());
    }

    #[test]
    fn a_worse_answer_and_wrong_prices_prove_nothing() {
        let (model, objective) = sample();
        for (what, values, prices) in [
            ("feasible, not best", [3.0, 3.0], [1.5, -0.5]),
            ("a price of the wrong sign", [2.5, 1.5], [1.5, 0.5]),
            ("prices that leave y to grow for ever", [2.5, 1.5], [4.0, -0.5]),
            ("a price that is no number", [2.5, 1.5], [f64::NAN, -0.5]),
        ] {
            let proof = prove(&model, &objective, &values, Some(&prices));
            assert!(proof.is_feasible() && !proof.is_best(), "{what}: {proof:?}");
        }
    }
}
