//! The plan over the horizon.

use charging::plan::Plan;
use solver::{Backend, Ending, Limits, Proof, Solution, solve, solve_from};
use units::{WattHours, Watts};

use crate::model::{Grain, Memory, Program};
use crate::number::{amperes, kilowatt_hours, watt_hours_floor, watts_ceil};
use crate::problem::{Costs, PlanFailure, PlanProblem};
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

impl PlanLimits {
    /// The default, with whatever is fastest: plans are as good, and other ones, depending on what was built in.
    #[must_use]
    pub fn fastest() -> Self {
        Self { backend: Backend::FASTEST, ..Self::default() }
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

/// What the plain program of a problem reaches: slot by slot, each session for itself, all rows at once. What merges, groups or
/// leaves out is held against it.
///
/// # Errors
///
/// As [`lp_horizon`].
pub fn plain_objective(problem: &PlanProblem, limits: PlanLimits) -> Result<f64, PlanFailure> {
    problem.check()?;
    let program = Program::plain(problem);
    let ending = solve(&program.model, &program.objective, limits.backend, limits.solver)?;
    let words = format!("the plain program ended {ending:?}");
    ending.into_solution().map(|best| best.objective()).ok_or(PlanFailure::NoAnswer { words })
}

/// What the linear program expects.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What the program reaches; less is better, and what it stands for no more than that.
    pub objective: f64,
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
    Replanner::default().plan(problem, limits)
}

/// Plans for one site again and again: what mattered the last time is where the next plan begins, which makes it faster and no
/// other.
#[derive(Debug, Clone, Default)]
pub struct Replanner {
    memory: Memory,
}

impl Replanner {
    /// As [`lp_horizon`].
    ///
    /// # Errors
    ///
    /// As [`lp_horizon`].
    pub fn plan(&mut self, problem: &PlanProblem, limits: PlanLimits) -> Result<Planned, PlanFailure> {
        problem.check()?;
        problem.check_one_session_each()?;
        let program = Program::of(problem, Grain::Steps, limits.unmerged);
        let (solution, memory) = answer(&program, limits, &self.memory)?;
        self.memory = memory;
        Ok(planned(problem, &program, &solution))
    }
}

fn planned(problem: &PlanProblem, program: &Program, solution: &Solution) -> Planned {
    let energies: Vec<Vec<f64>> = (0..problem.sessions.len())
        .map(|session| program.cumulative_energy(problem, solution, session))
        .collect();
    let currents: Vec<Vec<f64>> =
        (0..problem.sessions.len()).map(|session| program.currents(solution, session)).collect();
    let plan = steps::plan(problem, &program.intervals, &currents, &energies);
    Planned { plan, forecast: forecast(program, solution, &energies) }
}

/// A plan without a program, for when that comes too late: slot by slot, whoever can wait least has all that it can use. It
/// holds as every plan does, and knows no costs.
///
/// # Errors
///
/// Where the problem is nonsense.
pub fn urgent_first(problem: &PlanProblem) -> Result<Plan, PlanFailure> {
    problem.check()?;
    problem.check_one_session_each()?;
    let problem = PlanProblem { costs: Costs::energy_only(), ..problem.clone() };
    let slots: Vec<_> = (0..problem.slots).map(|slot| slot..slot + 1).collect();
    let all = problem.sessions.iter().map(|session| vec![kilowatt_hours(session.wanted); problem.slots]);
    let most = problem.sessions.iter().map(|session| vec![amperes(session.max); problem.slots]);
    Ok(steps::plan(&problem, &slots, &most.collect::<Vec<_>>(), &all.collect::<Vec<_>>()))
}

/// The best answer to `program`, and what to keep for the next one.
pub fn answer(
    program: &Program,
    limits: PlanLimits,
    before: &Memory,
) -> Result<(Solution, Memory), PlanFailure> {
    let corner = program.start(before);
    let (ending, end) =
        solve_from(&program.model, &program.objective, limits.backend, limits.solver, corner.as_ref())?;
    let memory = program.memory(end);
    let words = match ending {
        Ending::Optimal(solution) => return Ok((solution, memory)),
        // It holds on every row, and a plan need not be the best.
        Ending::Stopped { best: Some(solution), .. } => return Ok((solution, memory)),
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
        objective: solution.objective(),
        energy: energies.iter().map(last).collect(),
        peak: program.peak(solution).map(watts_ceil),
        size: (model.column_count(), model.row_count(), model.coefficient_count()),
        proof: solution.proof().clone(),
    }
}
