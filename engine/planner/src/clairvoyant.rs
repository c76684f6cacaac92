//! The bound: the horizon program with the truth.

use units::WattHours;

use crate::horizon::{Forecast, PlanLimits, answer, forecast};
use crate::model::{Grain, Memory, Program};
use crate::problem::{PlanFailure, PlanProblem};

/// What nobody can beat.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// What all sessions get together.
    pub total: WattHours,
    /// By session, and how sure it is.
    pub forecast: Forecast,
}

/// The most energy that the sessions of `problem` can get within its slots, were all of it true: arrivals, departures, energies and
/// headroom. Fractions of an ampere are allowed, and so is less than a minimum: it is an upper bound, which no strategy
/// reaches. With [`Costs::energy_only`](crate::Costs::energy_only) and weights of 1 it is what `offline_lp` of the peers'
/// programs maximises, where slots are so short that everything begins and ends with one.
///
/// # Errors
///
/// As [`lp_horizon`](crate::lp_horizon).
pub fn clairvoyant(problem: &PlanProblem, limits: PlanLimits) -> Result<Bound, PlanFailure> {
    problem.check()?;
    let program = Program::of(problem, Grain::Fractions, 0);
    let (solution, _) = answer(&program, limits, &Memory::default())?;
    let energies: Vec<Vec<f64>> = (0..problem.sessions.len())
        .map(|session| program.cumulative_energy(problem, &solution, session))
        .collect();
    let forecast = forecast(&program, &solution, &energies);
    Ok(Bound { total: forecast.energy.iter().fold(WattHours::ZERO, |sum, &energy| sum + energy), forecast })
}
