//! Several objectives, the first before all.

use crate::backend::{Backend, Limits};
use crate::model::{Direction, Model, ModelProblem, Objective, Relation};
use crate::solve::{Ending, Solution, solve};

/// One objective of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// For messages, and for the row that keeps what it reached: `keeps NAME`.
    pub name: String,
    /// What is made best.
    pub objective: Objective,
    /// By how much later stages may make it worse again, in its own unit; 0 or more. With 0 floating point may leave later
    /// stages nothing.
    pub tolerance: f64,
}

/// How a sequence of objectives ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StagedEnding {
    /// What each finished stage reached, in order.
    pub reached: Vec<f64>,
    /// How the last stage that was tried ended.
    pub last: Ending,
    /// The answer of the last stage that had one.
    pub best: Option<Solution>,
}

/// Makes the first objective best; then, among the answers that lose no more than its tolerance of it, the second; and so
/// on. A stage that does not end [`Ending::Optimal`] is the last one tried.
///
/// # Errors
///
/// As [`solve`]; a tolerance that is negative or no number is a [`ModelProblem::NotFinite`] of its stage.
pub fn solve_staged(
    model: &Model,
    stages: &[Stage],
    backend: Backend,
    limits: Limits,
) -> Result<StagedEnding, ModelProblem> {
    let mut model = model.clone();
    let mut reached = Vec::with_capacity(stages.len());
    let mut best = None;
    let mut last = Ending::Stopped { best: None, words: "there is no stage".to_owned() };
    for Stage { name, objective, tolerance } in stages {
        if !tolerance.is_finite() || *tolerance < 0.0 {
            return Err(ModelProblem::NotFinite { place: format!("tolerance of {name}"), value: *tolerance });
        }
        last = solve(&model, objective, backend, limits)?;
        if let Some(solution) = last.clone().into_solution() {
            best = Some(solution);
        }
        let Ending::Optimal(solution) = &last else { break };
        reached.push(solution.objective());
        let (relation, bound) = match objective.direction {
            Direction::Minimise => (Relation::AtMost, solution.objective() + tolerance),
            Direction::Maximise => (Relation::AtLeast, solution.objective() - tolerance),
        };
        model.add_row(format!("keeps {name}"), objective.terms.clone(), relation, bound);
    }
    Ok(StagedEnding { reached, last, best })
}
