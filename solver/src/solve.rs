//! One objective, one answer.

use crate::backend::{Backend, Claim, Limits};
use crate::check::{Proof, prove, worth};
use crate::model::{Column, Model, ModelProblem, Objective, Row};

/// How solving ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The best answer.
    Optimal(Solution),
    /// A limit was reached, or the precision asked for was not.
    Stopped {
        /// The best answer found, where one was: it holds, and may not be best.
        best: Option<Solution>,
        /// Why, in the back end's words.
        words: String,
    },
    /// Nothing fulfils all rows, says the back end.
    Infeasible,
    /// The objective can be made better without end, says the back end.
    Unbounded,
    /// No answer: the back end gave up, or its answer did not stand up to the check.
    Failed {
        /// Why, in the back end's words or the check's.
        words: String,
    },
}

/// An answer that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    values: Vec<f64>,
    prices: Option<Vec<f64>>,
    objective: f64,
    proof: Proof,
}

impl Ending {
    /// The answer, best or not, where there is one.
    #[must_use]
    pub fn into_solution(self) -> Option<Solution> {
        match self {
            Self::Optimal(solution) => Some(solution),
            Self::Stopped { best, .. } => best,
            Self::Infeasible | Self::Unbounded | Self::Failed { .. } => None,
        }
    }
}

impl Solution {
    /// The value of a column, within its range to the last bit.
    ///
    /// # Panics
    ///
    /// For a column of another model.
    #[must_use]
    pub fn value(&self, column: Column) -> f64 {
        self.values[column.0]
    }

    /// By how much the objective would rise if the bound of `row` rose by 1; none where the back end has no prices.
    ///
    /// # Panics
    ///
    /// For a row of another model.
    #[must_use]
    pub fn shadow_price(&self, row: Row) -> Option<f64> {
        self.prices.as_ref().map(|prices| prices[row.0])
    }

    /// The value of the objective.
    #[must_use]
    pub const fn objective(&self) -> f64 {
        self.objective
    }

    /// What was checked.
    #[must_use]
    pub const fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// Finds the values of `model`'s columns that make `objective` best.
///
/// # Errors
///
/// The first thing that makes it no model, or one that `backend` is not for.
pub fn solve(
    model: &Model,
    objective: &Objective,
    backend: Backend,
    limits: Limits,
) -> Result<Ending, ModelProblem> {
    check(model, objective, backend)?;
    let claim = backend.run(model, objective, limits);
    if claim == Claim::Unbounded && !has_answer(model, backend, limits) {
        // A direction without end is found even where nothing fulfils the rows.
        return Ok(Ending::Infeasible);
    }
    Ok(judge(model, objective, backend, claim))
}

/// Whether it is a model, and one that `backend` is for.
pub(crate) fn check(model: &Model, objective: &Objective, backend: Backend) -> Result<(), ModelProblem> {
    model.validate(objective)?;
    if !backend.takes_integers()
        && let Some(column) = model.columns.iter().find(|column| column.is_integer)
    {
        return Err(ModelProblem::NoIntegers { column: column.name.clone(), backend });
    }
    Ok(())
}

/// False where the back end says that nothing fulfils all rows.
fn has_answer(model: &Model, backend: Backend, limits: Limits) -> bool {
    backend.run(model, &Objective::minimise([]), limits) != Claim::Infeasible
}

/// Nothing that a back end says of an answer is believed.
pub(crate) fn judge(model: &Model, objective: &Objective, backend: Backend, claim: Claim) -> Ending {
    let checked = |values: Vec<f64>, prices: Option<Vec<f64>>| {
        let proof = prove(model, objective, &values, prices.as_deref());
        // What is left of a residual in a range is taken away, so that callers need not do it.
        let within = |(value, definition): (f64, &crate::model::ColumnDefinition)| {
            let nearest = if definition.is_integer { value.round() } else { value };
            nearest.clamp(definition.low, definition.high)
        };
        let proven = proof.is_feasible();
        let values: Vec<f64> =
            if proven { values.into_iter().zip(&model.columns).map(within).collect() } else { values };
        Solution { objective: worth(objective, &values), values, prices, proof }
    };
    match claim {
        Claim::Best { values, prices } => {
            let solution = checked(values, prices);
            let Proof { primal_residual, primal_worst, duality } = &solution.proof;
            if !solution.proof.is_feasible() {
                let words =
                    format!("{backend} breaks `{primal_worst}` by {primal_residual:e} and calls it optimal");
                Ending::Failed { words }
            } else if solution.proof.is_best() {
                Ending::Optimal(solution)
            } else {
                let words = format!("{backend} calls optimal what its prices do not prove: {duality:?}");
                Ending::Stopped { best: Some(solution), words }
            }
        }
        Claim::Stopped { values, words } => {
            let best = values.map(|values| checked(values, None)).filter(|best| best.proof.is_feasible());
            Ending::Stopped { best, words }
        }
        Claim::Infeasible => Ending::Infeasible,
        Claim::Unbounded => Ending::Unbounded,
        Claim::Failed { words } => Ending::Failed { words },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Relation;

    #[test]
    fn what_a_back_end_calls_optimal_is_not_believed() {
        let mut model = Model::new();
        let x = model.add_column("x", 0.0..=f64::INFINITY);
        model.add_row("at most three", [(x, 1.0)], Relation::AtMost, 3.0);
        let most = Objective::maximise([(x, 1.0)]);
        let judged = |value: f64, price: f64| {
            let claim = Claim::Best { values: vec![value], prices: Some(vec![price]) };
            judge(&model, &most, Backend::FOR_LINEAR, claim)
        };
        assert!(matches!(judged(3.0, 1.0), Ending::Optimal(_)));
        // As an unbounded ray that comes as an answer.
        let Ending::Failed { words } = judged(1e9, 1.0) else { panic!("a broken row was believed") };
        assert!(words.contains("breaks `at most three` by"), "{words}");
        let Ending::Stopped { best: Some(best), words } = judged(2.0, 1.0) else {
            panic!("what is not best was believed to be")
        };
        assert!(best.value(x) == 2.0 && words.contains("do not prove"), "{words}");
    }
}
