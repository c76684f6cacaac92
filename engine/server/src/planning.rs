//! Plans are made beside the engine: it asks for one, a thread of its own solves, and what comes out is handed in.
//!
//! Whatever solving does, there is an answer by the deadline. What was not solved by then, failed, or does not hold
//! ([`PlanProblem::admits`]) is replaced by the plan that needs no solving ([`urgent_first`]), and the log says so. The engine
//! trusts neither (S6).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use charging::plan::Plan;
use charging::site::Situation;
use csms::PlanWanted;
use planner::forecast::{RowError, SiteForecast};
use planner::{PlanFailure, PlanLimits, PlanProblem, Priced, Replanner, Typical, urgent_first};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use units::SiteId;
use units::civil::Zone;

use crate::engine::{EngineHandle, said};

/// An answer is there within this: a hundred times what the largest sites need, and half of what the engine waits.
const DEADLINE: Duration = Duration::from_secs(60);

/// Answers every question of the engine, one after the other, until there is no engine.
pub async fn run(mut wanted: UnboundedReceiver<PlanWanted>, engine: EngineHandle, mut solver: Solver) {
    let typical = Typical::default();
    while let Some(PlanWanted { site, planner, situation, terms }) = wanted.recv().await {
        let forecast = engine.forecasts.learn(&site, &situation, || zone_of(&engine, &site));
        let Some(problem) = PlanProblem::ahead(&situation, planner, &typical) else { continue };
        let problem = forecast.applied_to(problem, &situation);
        let Priced { problem, prices_assumed, prices_missing } = problem.under(&terms, &situation);
        if prices_assumed + prices_missing > 0 {
            tracing::debug!(%site, prices_assumed, prices_missing, "a plan rests on prices that nobody told");
        }
        let (plan, fault) = answer(&site, problem, &mut solver, tokio::time::sleep(DEADLINE)).await;
        if let Some(fault) = fault {
            let instead =
                if plan.is_ok() { "who can wait least goes first instead" } else { "there is none" };
            tracing::warn!(%site, "the plan of {} is not used, {instead}: {fault}", planner.name());
        }
        engine.planned(site, plan).await;
    }
}

/// What is expected of each site, learned since the server started.
#[derive(Debug, Clone, Default)]
pub struct Forecasts(Arc<Mutex<BTreeMap<SiteId, SiteForecast>>>);

impl Forecasts {
    /// How far off the forecast of each row of a site was; nothing where none was planned for.
    #[must_use]
    pub fn errors(&self, site: &SiteId) -> Vec<RowError> {
        let forecasts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forecasts.get(site).map(|forecast| forecast.errors().collect()).unwrap_or_default()
    }

    fn learn(&self, site: &SiteId, situation: &Situation, zone: impl FnOnce() -> Zone) -> SiteForecast {
        let mut forecasts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forecast = forecasts.entry(site.clone()).or_insert_with(|| SiteForecast::new(zone()));
        forecast.learn(situation);
        forecast.clone()
    }
}

fn zone_of(engine: &EngineHandle, site: &SiteId) -> Zone {
    engine.site_config(site).map_or_else(Zone::utc, |config| config.zone)
}

/// The plan for `problem`, and why it is not the solver's, where it is not; or why there is none at all.
async fn answer(
    site: &SiteId,
    problem: PlanProblem,
    solver: &mut Solver,
    deadline: impl Future<Output = ()>,
) -> (Result<Plan, String>, Option<String>) {
    let solved = tokio::select! {
        biased;
        solved = solver.solve(site, &problem) => solved,
        () = deadline => Err(format!("it was not solved within {} s", DEADLINE.as_secs())),
    };
    match solved.and_then(|plan| problem.admits(&plan).map(|()| plan).map_err(|failure| failure.to_string()))
    {
        Ok(plan) => (Ok(plan), None),
        Err(fault) => (urgent_first(&problem).map_err(|failure| failure.to_string()), Some(fault)),
    }
}

type Solved = Result<Plan, String>;
type Job = (SiteId, PlanProblem, oneshot::Sender<Solved>);

/// What solves, one problem at a time: nothing can stop it but its own limits, so that it may still be at the last one.
pub struct Solver {
    problems: std::sync::mpsc::Sender<Job>,
    /// The answer that is still to come.
    due: Option<oneshot::Receiver<Solved>>,
}

impl Solver {
    /// Starts the thread that solves; it ends with this value.
    ///
    /// # Errors
    ///
    /// Where there can be no thread.
    pub fn start() -> anyhow::Result<Self> {
        // Each site's last program is where its next begins.
        let mut planners: BTreeMap<SiteId, Replanner> = BTreeMap::new();
        Self::solving_by(move |site, problem| {
            let planner = planners.entry(site.clone()).or_default();
            planner.plan(problem, PlanLimits::fastest()).map(|planned| planned.plan)
        })
    }

    fn solving_by(
        mut solve: impl FnMut(&SiteId, &PlanProblem) -> Result<Plan, PlanFailure> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (problems, inbox) = std::sync::mpsc::channel::<Job>();
        let work = move || {
            for (site, problem, answer) in inbox {
                let solved = catch_unwind(AssertUnwindSafe(|| solve(&site, &problem)));
                let solved = match solved {
                    Ok(solved) => solved.map_err(|failure| failure.to_string()),
                    Err(panic) => Err(format!("the planner broke down: {}", said(&panic))),
                };
                // Nobody listens where it comes too late.
                let _ = answer.send(solved);
            }
        };
        std::thread::Builder::new()
            .name("planner".to_owned())
            .spawn(work)
            .context("cannot start the planner's thread")?;
        Ok(Self { problems, due: None })
    }

    async fn solve(&mut self, site: &SiteId, problem: &PlanProblem) -> Solved {
        if let Some(due) = &mut self.due
            && due.try_recv() == Err(oneshot::error::TryRecvError::Empty)
        {
            return Err("the solver is still at a problem whose deadline has passed".to_owned());
        }
        let (answer, answered) = oneshot::channel();
        let is_gone = self.problems.send((site.clone(), problem.clone(), answer)).is_err();
        if is_gone {
            return Err("the planner's thread is gone: restart the server".to_owned());
        }
        // It outlives this future, which the deadline may drop.
        let due = self.due.insert(answered);
        let solved = due.await.unwrap_or_else(|_| Err("the planner's thread is gone".to_owned()));
        self.due = None;
        solved
    }
}

#[cfg(test)]
mod tests {
    use planner::{lp_horizon, sample};

    use super::*;

    fn problem() -> PlanProblem {
        sample::tight_day(7, 6)
    }

    fn site() -> SiteId {
        "house".parse().unwrap()
    }

    fn solved(problem: &PlanProblem) -> Result<Plan, PlanFailure> {
        lp_horizon(problem, PlanLimits::fastest()).map(|planned| planned.plan)
    }

    #[tokio::test]
    async fn a_plan_that_holds_is_handed_in_as_it_is() {
        let mut solver = Solver::start().unwrap();
        let (plan, fault) = answer(&site(), problem(), &mut solver, std::future::pending()).await;
        assert_eq!((plan, fault), (Ok(solved(&problem()).unwrap()), None));
    }

    #[tokio::test]
    async fn s6_failure_nonsense_and_a_breakdown_are_replaced_by_a_plan_that_holds() {
        type Solve = fn(&PlanProblem) -> Result<Plan, PlanFailure>;
        let cases: [(Solve, &str); 5] = [
            (|_| Err(PlanFailure::NoAnswer { words: "told to fail".to_owned() }), "no plan: told to fail"),
            (|_| panic!("told to break down"), "the planner broke down: told to break down"),
            (
                |problem| {
                    let mut plan = solved(problem)?;
                    plan.evses.values_mut().flat_map(|evse| &mut evse.caps).for_each(|cap| *cap += *cap);
                    Ok(plan)
                },
                "is capped at",
            ),
            (
                |problem| {
                    let mut plan = solved(problem)?;
                    plan.evses.pop_first();
                    Ok(plan)
                },
                "it caps 5 EVSEs of 6",
            ),
            (
                |problem| {
                    let mut plan = solved(problem)?;
                    plan.made_at += units::TimeSpan::from_hours(1);
                    Ok(plan)
                },
                "it is for",
            ),
        ];
        for (solve, words) in cases {
            let mut solver = Solver::solving_by(move |_, problem| solve(problem)).unwrap();
            let (plan, fault) = answer(&site(), problem(), &mut solver, std::future::pending()).await;
            let plan = plan.unwrap();
            problem().admits(&plan).unwrap();
            assert_eq!(plan, urgent_first(&problem()).unwrap());
            assert!(fault.as_ref().is_some_and(|fault| fault.contains(words)), "{fault:?}, not {words}");
        }
    }

    #[tokio::test]
    async fn s6_what_is_not_solved_by_the_deadline_is_replaced_and_keeps_nobody_waiting() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let mut solver = Solver::solving_by(move |_, problem| {
            let _ = gate.recv();
            solved(problem)
        })
        .unwrap();
        let instead = urgent_first(&problem()).unwrap();
        let (plan, fault) = answer(&site(), problem(), &mut solver, std::future::ready(())).await;
        assert_eq!(plan.as_ref(), Ok(&instead));
        assert_eq!(fault.as_deref(), Some("it was not solved within 60 s"));
        // It is still at it: the next one does not wait for it either.
        let (plan, fault) = answer(&site(), problem(), &mut solver, std::future::pending()).await;
        assert_eq!(plan.as_ref(), Ok(&instead));
        assert!(fault.is_some_and(|fault| fault.contains("still at a problem")));
        drop(go);
        let late = solver.due.as_mut().unwrap().await;
        assert!(late.is_ok_and(|late| late.is_ok()), "what came too late goes nowhere");
        let (plan, fault) = answer(&site(), problem(), &mut solver, std::future::pending()).await;
        assert_eq!((plan, fault), (Ok(solved(&problem()).unwrap()), None));
    }
}
