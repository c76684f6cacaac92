//! The terms of a site: prices, the fee, the contract, the sun, and what others command.

use charging::network::RowIndex;
use charging::plan::{PlannerName, Wish};
use charging::site::{CommandedRow, SessionNow, Situation};
use charging::terms::{Beside, EnergyPrice, PowerFeeTerms, PowerLimitTerms, Terms, Window};
use planner::{PlanFailure, PlanLimits, PlanProblem, Priced, Typical, lp_horizon};
use units::{Amperes, TimeSpan, Timestamp, UnitPrice, WattHours, Watts};

use super::sites::{START, session};

/// One EV of one phase, 230 V and up to 16 A, that wants 7.36 kWh (two hours at its most) and leaves in eight.
fn situation() -> Situation {
    let planner::PlanSession { evse, min, max, step, voltage_total, loads, .. } = session("one", 0, 60, 0);
    let wish = Wish {
        departs_at: Some(START + TimeSpan::from_hours(8)),
        wanted: Some(WattHours::from_milliwatt_hours(7_360_000)),
    };
    let max = max.min(Amperes::from_amperes(16));
    Situation {
        now: START,
        headroom: vec![("main L1".to_owned(), Amperes::from_amperes(32))],
        bases: vec![Amperes::ZERO],
        sessions: vec![SessionNow {
            evse,
            arrived: START,
            delivered: None,
            wish,
            min,
            max,
            step,
            offered: Amperes::ZERO,
            weight: 1,
            voltage_total,
            loads,
        }],
        base: Watts::from_watts(1_000),
        commanded: Vec::new(),
    }
}

fn hour(count: i64) -> Timestamp {
    START + TimeSpan::from_hours(count)
}

fn cents(count: i64) -> UnitPrice {
    UnitPrice::from_millionths(count * 10_000)
}

fn prices(from: i64, cents_by_hour: &[i64]) -> Vec<EnergyPrice> {
    let rows = (from..).zip(cents_by_hour);
    rows.map(|(at, &price)| EnergyPrice { from: hour(at), until: hour(at + 1), price: cents(price) })
        .collect()
}

fn priced(situation: &Situation, terms: &Terms) -> Priced {
    assert_eq!(terms.mistakes(), Vec::<String>::new());
    let typical = Typical::default();
    PlanProblem::ahead(situation, PlannerName::LpHorizon, &typical).unwrap().under(terms, situation)
}

/// By hour, the kWh that a plan at these terms gives.
fn energy(situation: &Situation, terms: &Terms) -> Vec<i64> {
    let problem = priced(situation, terms).problem;
    let plan = lp_horizon(&problem, PlanLimits::default()).unwrap().plan;
    problem.admits(&plan).unwrap();
    let caps = &plan.evses.values().next().unwrap().caps;
    let power = |cap: &Amperes| cap.at_voltage_floor(situation.sessions[0].voltage_total).milliwatts();
    caps.chunks(4).map(|hour| hour.iter().map(power).sum::<i64>() / 4 / 1_000_000).collect()
}

#[test]
fn energy_is_taken_in_the_cheapest_hours_that_are_told() {
    let terms = Terms { energy: prices(0, &[20, 20, 20, 4, 20, 3, 20, 20]), ..Terms::default() };
    let taken = energy(&situation(), &terms);
    assert!(taken[3] >= 3 && taken[5] >= 3, "{taken:?}");
    assert_eq!(taken[0] + taken[1] + taken[2], 0, "{taken:?}");
}

#[test]
fn prices_that_are_missing_for_tomorrow_are_those_of_today_and_counted() {
    let today: Vec<i64> = (-24..4).map(|at| if at == -18 { 1 } else { 20 }).collect();
    let terms = Terms { energy: prices(-24, &today), ..Terms::default() };
    let told = priced(&situation(), &terms);
    assert_eq!((told.prices_assumed, told.prices_missing), (16, 0));
    assert!(energy(&situation(), &terms)[6] >= 3, "the cheap hour of yesterday is waited for");
    let gap = Terms { energy: prices(0, &[20, 20]), ..Terms::default() };
    let told = priced(&situation(), &gap);
    assert_eq!((told.prices_assumed, told.prices_missing), (0, 24));
    assert_eq!(told.problem.costs.energy.unwrap()[31], cents(20), "the mean of what is told");
    let old = Terms { energy: prices(-24 * 9, &[20, 20]), ..Terms::default() };
    let told = priced(&situation(), &old);
    assert_eq!((told.problem.costs.energy, told.prices_missing), (None, 0), "all hours cost the same");
}

#[test]
fn the_fee_is_paid_on_no_more_than_is_paid_already_where_there_is_time() {
    let fee =
        |paid| PowerFeeTerms { price: cents(1_000), window: Window::Hour, paid: Watts::from_watts(paid) };
    let by = |paid| Terms { power_fee: Some(fee(paid)), ..Terms::default() };
    // 1 kW of base and 7.36 kWh over eight hours: 2 kW in each are enough.
    let spread = energy(&situation(), &by(2_600));
    assert!(spread.iter().all(|&hour| hour <= 1), "{spread:?}");
    let paid = energy(&situation(), &by(10_000));
    assert!(paid[0] >= 3, "what is paid already costs nothing: {paid:?}");
}

#[test]
fn the_sun_is_waited_for_where_energy_is_bought() {
    let sun = Beside {
        from: hour(4),
        until: hour(7),
        base: Some(Watts::ZERO),
        photovoltaics: Watts::from_watts(4_000),
    };
    let terms = Terms { energy: prices(0, &[10; 8]), beside: vec![sun], ..Terms::default() };
    let taken = energy(&situation(), &terms);
    assert!(taken[4] + taken[5] + taken[6] >= 6, "{taken:?}");
}

#[test]
fn a_contract_holds_in_each_window_and_bends_only_where_energy_would_go_missing() {
    let limit = |watts, price_over| PowerLimitTerms {
        limit: Watts::from_watts(watts),
        window: Window::Quarter,
        price_over: cents(price_over),
    };
    let terms = Terms { power_limit: Some(limit(2_600, 10_000)), ..Terms::default() };
    let taken = energy(&situation(), &terms);
    assert!(taken.iter().all(|&hour| hour <= 1), "1.6 kW are left beside the base: {taken:?}");
    let infeasible = Terms { power_limit: Some(limit(500, 10)), ..Terms::default() };
    let taken = energy(&situation(), &infeasible);
    assert!(taken.iter().sum::<i64>() >= 6, "energy is dearer than being over: {taken:?}");
}

#[test]
fn a_command_holds_in_every_slot_that_it_touches_whatever_that_costs() {
    let mut commanded = situation();
    let row = RowIndex::new(0);
    commanded.commanded.push(CommandedRow {
        row,
        from: hour(1) + TimeSpan::from_minutes(5),
        until: hour(2),
        headroom: Amperes::ZERO - Amperes::from_amperes(3),
        uncommanded: Amperes::from_amperes(32),
    });
    assert!(commanded.sessions[0].loads.iter().any(|&(loaded, _)| loaded == row));
    let terms = Terms { energy: prices(0, &[20, 1, 20, 20, 20, 20, 20, 20]), ..Terms::default() };
    assert_eq!(energy(&commanded, &terms)[1], 0);
    assert!(energy(&situation(), &terms)[1] >= 3);
}

#[test]
fn terms_that_are_nonsense_make_no_plan() {
    let terms = Terms {
        power_fee: Some(PowerFeeTerms { price: cents(-1), window: Window::Hour, paid: Watts::ZERO }),
        ..Terms::default()
    };
    assert!(!terms.mistakes().is_empty());
    let situation = situation();
    let problem = PlanProblem::ahead(&situation, PlannerName::LpHorizon, &Typical::default()).unwrap();
    let failure = lp_horizon(&problem.under(&terms, &situation).problem, PlanLimits::default());
    assert!(matches!(failure, Err(PlanFailure::Nonsense { .. })), "{failure:?}");
}
