//! The plan over the horizon.

use charging::plan::Plan;
use solver::{Backend, Ending, Limits, Proof, Solution, solve};
use units::{WattHours, Watts};

use crate::model::{Grain, Program};
use crate::number::{watt_hours_floor, watts_ceil};
use crate::problem::{PlanFailure, PlanProblem};
use crate::steps;

/// How much may be tried, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLimits {
    /// What solves.
    pub backend: Backend,
    /// How long it may try.
    pub solver: Limits,
    /// So many slots at the beginning stand alone in the program, though nothing changes from one to the next; default 4,
    /// an hour of quarter hours. What comes later is planned anew before it begins.
    pub unmerged: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self { backend: Backend::FOR_LINEAR, solver: Limits::default(), unmerged: 4 }
    }
}

/// A plan, with what the program expects of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What each EVSE may have, on whole steps.
    pub plan: Plan,
    /// What the program expects, in fractions of an ampere.
    pub forecast: Forecast,
}

/// What the linear program expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// By session of the problem: what it gets within the horizon, rounded down to 1 mWh.
    pub energy: Vec<WattHours>,
    /// The highest mean net import that the power fee is paid for, rounded up to 1 mW; none without a fee.
    pub peak: Option<Watts>,
    /// Columns, rows and coefficients of the program.
    pub size: (usize, usize, usize),
    /// What was checked of the answer.
    pub proof: Proof,
}

/// Plans: the best currents over the horizon, then whole steps.
///
/// # Errors
///
/// Where the problem is nonsense, or solving ends without an answer that holds.
pub fn lp_horizon(problem: &PlanProblem, limits: PlanLimits) -> Result<Planned, PlanFailure> {
    problem.check()?;
    problem.check_one_session_each()?;
    let program = Program::of(problem, Grain::Steps, limits.unmerged);
    let solution = answer(&program, limits)?;
    let energies: Vec<Vec<f64>> = (0..problem.sessions.len())
        .map(|session| program.cumulative_energy(problem, &solution, session))
        .collect();
    let currents: Vec<Vec<f64>> =
        (0..problem.sessions.len()).map(|session| program.currents(&solution, session)).collect();
    let plan = steps::plan(problem, &program.intervals, &currents, &energies);
    Ok(Planned { plan, forecast: forecast(&program, &solution, &energies) })
}

pub fn answer(program: &Program, limits: PlanLimits) -> Result<Solution, PlanFailure> {
    let words = match solve(&program.model, &program.objective, limits.backend, limits.solver)? {
        Ending::Optimal(solution) => return Ok(solution),
        // It holds on every row, and a plan need not be the best.
        Ending::Stopped { best: Some(solution), .. } => return Ok(solution),
        Ending::Stopped { best: None, words } | Ending::Failed { words } => words,
        // Neither can be: headroom is 0 A or more, energy may go missing, and every cost has its end.
        Ending::Infeasible => format!("{} calls the program infeasible", limits.backend),
        Ending::Unbounded => format!("{} calls the program unbounded", limits.backend),
    };
    Err(PlanFailure::NoAnswer { words })
}

pub fn forecast(program: &Program, solution: &Solution, energies: &[Vec<f64>]) -> Forecast {
    let model = &program.model;
    let last = |energy: &Vec<f64>| watt_hours_floor(energy.last().copied().unwrap_or(0.0));
    Forecast {
        energy: energies.iter().map(last).collect(),
        peak: program.peak(solution).map(watts_ceil),
        size: (model.column_count(), model.row_count(), model.coefficient_count()),
        proof: solution.proof().clone(),
    }
}
