//! Plans over a day of 96 quarter hours at a site whose grid connection is too small: the first one, and the one after a
//! single event.

use std::time::Duration;

use planner::sample::{after_one_event, tight_day};
use planner::{PlanFailure, PlanLimits, PlanProblem, Planned, Replanner, lp_horizon};
use solver::Backend;

use crate::cpu::of_this_thread;
use crate::decision::SEED;
use crate::fingerprint::Fingerprint;

/// Sessions, each at an EVSE of its own.
pub const SIZES: [usize; 3] = [54, 200, 500];

/// Back ends that are measured: one that takes minutes is none to plan with.
pub fn backends() -> impl Iterator<Item = Backend> {
    Backend::ALL.iter().copied().filter(|backend| backend.to_string() != "microlp")
}

/// What two plans took and came to.
#[derive(Debug, Clone)]
pub struct Replanned {
    /// CPU time of the first plan.
    pub first: Duration,
    /// CPU time of the plan after one event.
    pub after_event: Duration,
    /// CPU time of the same plan from nothing.
    pub from_nothing: Duration,
    /// What the program after the event reaches.
    pub objective: f64,
    /// What the plain program reaches: slot by slot, each session for itself, all rows at once.
    pub objective_plain: f64,
    /// Of the plan after the event, on whole steps. Back ends agree on what a plan is worth, not on the plan.
    pub fingerprint: Fingerprint,
}

/// Plans the day of `sessions` sessions, and again after one event, by `backend`.
///
/// # Errors
///
/// Where there is no plan.
pub fn replanned(sessions: usize, backend: Backend) -> Result<Replanned, PlanFailure> {
    let limits = PlanLimits { backend, ..PlanLimits::default() };
    let day = tight_day(SEED, sessions);
    let later = after_one_event(day.clone());
    let mut planner = Replanner::default();
    let (_, first) = timed(|| planner.plan(&day, limits))?;
    let (planned, after_event) = timed(|| planner.plan(&later, limits))?;
    let (_, from_nothing) = timed(|| lp_horizon(&later, limits))?;
    let mut fingerprint = Fingerprint::default();
    fingerprint.value(&planned.plan);
    let objective = planned.forecast.objective;
    Ok(Replanned {
        first,
        after_event,
        from_nothing,
        objective,
        objective_plain: plain(&later)?,
        fingerprint,
    })
}

fn timed(plan: impl FnOnce() -> Result<Planned, PlanFailure>) -> Result<(Planned, Duration), PlanFailure> {
    let began = of_this_thread();
    let planned = plan()?;
    Ok((planned, of_this_thread() - began))
}

/// What the plain program of a problem reaches, by the default back end.
fn plain(problem: &PlanProblem) -> Result<f64, PlanFailure> {
    planner::plain_objective(problem, PlanLimits::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_after_one_event_is_worth_what_the_plain_program_says() {
        for backend in backends() {
            for sessions in [6, 24] {
                let Replanned { objective, objective_plain, fingerprint, .. } =
                    replanned(sessions, backend).unwrap();
                let apart = (objective - objective_plain).abs();
                assert!(
                    apart * 1_000.0 <= objective_plain.abs(),
                    "{backend}: {objective}, plain {objective_plain}"
                );
                assert_eq!(replanned(sessions, backend).unwrap().fingerprint, fingerprint);
            }
        }
    }
}
