//! Plans again and again, from what an engine knows.

use charging::plan::{PlannerName, Wish};
use charging::site::{SessionNow, Situation};
use charging::terms::Terms;
use planner::sample::{after_one_event, tight_day};
use planner::{PlanLimits, PlanProblem, Replanner, Typical, lp_horizon, plain_objective, plan, urgent_first};
use solver::Backend;
use units::{Amperes, TimeSpan, WattHours};

use crate::sites::{START, at, random, session};

#[test]
fn a_plan_after_an_event_is_worth_what_the_plain_program_says() {
    for &backend in Backend::ALL.iter().filter(|backend| backend.to_string() != "microlp") {
        for (seed, evses) in [(1, 12), (2, 30), (7, 54)] {
            let limits = PlanLimits { backend, ..PlanLimits::default() };
            let mut planner = Replanner::default();
            let mut problem = tight_day(seed, evses);
            for event in 0..4 {
                let planned = planner.plan(&problem, limits).unwrap();
                let plain = plain_objective(&problem, limits).unwrap();
                let apart = (planned.forecast.objective - plain).abs();
                assert!(
                    apart * 1_000.0 <= plain.abs(),
                    "{evses} EVSEs, {backend}, event {event}: {}, plain {plain}",
                    planned.forecast.objective
                );
                problem.admits(&planned.plan).unwrap();
                problem = match event % 2 {
                    0 => after_one_event(problem),
                    // Ten minutes later one has come that nobody knew of, and the main circuit holds less.
                    _ => {
                        problem.made_at += TimeSpan::from_minutes(5);
                        let mut one_more = problem.sessions[0].clone();
                        one_more.evse = format!("more-{event}/1").parse().unwrap();
                        problem.sessions.push(one_more);
                        for headroom in &mut problem.rows[0].headroom {
                            *headroom = headroom.ratio_floor(9, 10);
                        }
                        problem
                    }
                };
            }
        }
    }
}

#[test]
fn a_plan_that_needs_no_solving_holds_and_delivers_most_of_what_a_solved_one_does() {
    let (mut rough, mut solved) = (0, 0);
    for seed in 0..60 {
        let problem = random(seed);
        let instead = urgent_first(&problem).unwrap();
        problem.admits(&instead).unwrap();
        let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
        problem.admits(&planned.plan).unwrap();
        rough += first_slot(&problem, &instead);
        solved += first_slot(&problem, &planned.plan);
    }
    assert!(rough * 10 >= solved * 9, "{rough} mA in the first slot, solved {solved} mA");
}

/// What a plan gives all together in the first slot, mA per phase.
fn first_slot(problem: &PlanProblem, plan: &charging::plan::Plan) -> i64 {
    let caps = problem.sessions.iter().map(|session| plan.evses[&session.evse].caps[0].milliamperes());
    caps.sum()
}

#[test]
fn s6_a_plan_that_does_not_hold_is_told_from_one_that_does() {
    let problem = crate::sites::one_row(16, vec![session("a", 0, 120, 3_680), session("b", 0, 120, 3_680)]);
    let good = lp_horizon(&problem, PlanLimits::default()).unwrap().plan;
    problem.admits(&good).unwrap();
    let spoilt = |spoil: &dyn Fn(&mut charging::plan::Plan)| {
        let mut plan = good.clone();
        spoil(&mut plan);
        problem.admits(&plan).unwrap_err().to_string()
    };
    let a = || "a/1".parse().unwrap();
    let cap = |plan: &mut charging::plan::Plan, milliamperes| {
        plan.evses.get_mut(&a()).unwrap().caps[3] = Amperes::from_milliamperes(milliamperes);
    };
    assert_eq!(spoilt(&|plan| cap(plan, 5_000)), "no plan: EVSE a/1 is capped at 5 A in slot 3");
    assert_eq!(spoilt(&|plan| cap(plan, 6_500)), "no plan: EVSE a/1 is capped at 6.5 A in slot 3");
    assert_eq!(spoilt(&|plan| cap(plan, 17_000)), "no plan: EVSE a/1 is capped at 17 A in slot 3");
    let both = |plan: &mut charging::plan::Plan| {
        plan.evses.values_mut().for_each(|evse| evse.caps[1] = Amperes::from_amperes(16));
    };
    assert_eq!(spoilt(&both), "no plan: main L1 carries 32 A of 16 A in slot 1");
    let short = |plan: &mut charging::plan::Plan| plan.evses.get_mut(&a()).unwrap().caps.truncate(2);
    assert_eq!(spoilt(&short), "no plan: EVSE a/1 has 2 caps, not 8");
    let missing = |plan: &mut charging::plan::Plan| drop(plan.evses.remove(&a()));
    assert_eq!(spoilt(&missing), "no plan: it caps 1 EVSEs of 2");
    let late = |plan: &mut charging::plan::Plan| plan.starts_at = at(15);
    assert!(spoilt(&late).starts_with("no plan: it is for"));
}

#[test]
fn what_nobody_told_is_expected_and_what_was_told_counts() {
    let now = at(7);
    let known = |evse: &str, wish, delivered| {
        let PlanWith { evse, min, max, step, voltage_total, loads } = with(evse);
        let arrived = at(-60);
        let offered = Amperes::ZERO;
        SessionNow {
            evse,
            arrived,
            delivered,
            wish,
            min,
            max,
            step,
            offered,
            weight: 1,
            voltage_total,
            loads,
        }
    };
    let some = |hours, wanted| Wish {
        departs_at: Some(now + TimeSpan::from_hours(hours)),
        wanted: Some(WattHours::from_watt_hours(wanted)),
    };
    let got = |energy| Some(WattHours::from_watt_hours(energy));
    let situation = Situation {
        now,
        headroom: vec![("main L1".to_owned(), Amperes::from_amperes(32))],
        bases: vec![Amperes::ZERO],
        sessions: vec![
            known("silent", Wish::default(), None),
            known("told", some(2, 9_000), got(4_000)),
            known("overdue", some(-1, 9_000), got(9_500)),
        ],
        base: units::Watts::ZERO,
        commanded: Vec::new(),
    };
    let (typical, terms) = (Typical::default(), Terms::default());
    let unseen = planner::forecast::SiteForecast::new(units::civil::Zone::utc());
    assert_eq!(PlanProblem::ahead(&situation, PlannerName::None, &typical), None);
    assert_eq!(
        plan(&situation, PlannerName::None, &typical, &unseen, &terms, PlanLimits::default()),
        Ok(None)
    );
    let problem = PlanProblem::ahead(&situation, PlannerName::LpHorizon, &typical).unwrap();
    assert_eq!((problem.starts_at, problem.made_at, problem.slots), (START, now, 28));
    let expected = |place: usize| {
        let session = &problem.sessions[place];
        (session.departs_at.since(now).milliseconds() / 60_000, session.wanted.milliwatt_hours() / 1_000_000)
    };
    assert_eq!([0, 1, 2].map(expected), [(7 * 60 - 7, 20), (120, 5), (60, 2)]);
    let now_alone = PlanProblem::ahead(&situation, PlannerName::LpNow, &typical).unwrap();
    assert_eq!(now_alone.slots, 1);
    let made = plan(&situation, PlannerName::LpHorizon, &typical, &unseen, &terms, PlanLimits::default())
        .unwrap()
        .unwrap();
    assert_eq!(made.check(now, None), Ok(()));
}

/// What a session at an EVSE has of it.
struct PlanWith {
    evse: units::EvseId,
    min: Amperes,
    max: Amperes,
    step: Amperes,
    voltage_total: units::Volts,
    loads: charging::network::Loads,
}

fn with(evse: &str) -> PlanWith {
    let planner::PlanSession { evse, min, max, step, voltage_total, loads, .. } = session(evse, 0, 60, 0);
    PlanWith { evse, min, max, step, voltage_total, loads }
}
