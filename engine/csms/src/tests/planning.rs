//! Plans are asked for, and whatever comes back changes no rule of safety.

use charging::allocation::Rule;
use charging::plan::{EvsePlan, Plan, PlannerName, Strategy, Wish};
use charging::site::Situation;
use units::{Amperes, TimeSpan, Timestamp, WattHours};

use crate::record::Record;
use crate::tests::{House, records_of, site};
use crate::{Alarm, Command, CommandAnswer, Csms, Effect, Input};

const HORIZON: Strategy = Strategy { allocator: Rule::MaxMin, planner: PlannerName::LpHorizon };

#[test]
fn a_plan_is_asked_for_when_sessions_begin_and_end_and_every_quarter_of_an_hour() {
    let mut house = planned();
    assert!(asked(&house).is_empty(), "there is nobody to plan for");
    begin(&mut house);
    let after_begin = asked(&house).len();
    assert_eq!(asked(&house).last(), Some(&1));
    answer(&mut house, 16);
    house.pass(3_600);
    let hourly = asked(&house).len() - after_begin;
    // Nobody answers: each question is given two minutes, and the quarter hours go on.
    assert!((4..=6).contains(&hourly), "{hourly} in an hour");
    house.stop("CP1", "1", 1_000);
    let at_end = asked(&house).len();
    house.pass(3_600);
    assert_eq!(asked(&house).len(), at_end, "nobody is left to plan for");
}

#[test]
fn without_a_planner_nobody_is_asked() {
    let mut house = House::new();
    begin(&mut house);
    house.pass(3_600);
    assert!(asked(&house).is_empty());
}

#[test]
fn s6_whoever_plans_may_be_late_fail_or_talk_nonsense_and_no_limit_is_another() {
    type Answer = fn(&mut House);
    let answers: [(&str, Answer); 5] = [
        ("never", |_| {}),
        ("failure", |house| {
            let reason = "the solver is told to fail".into();
            house.input(Input::PlanFailed { site: "house".parse().unwrap(), reason });
        }),
        ("for the past", |house| plan_at(house, -3_600, 900, 16)),
        ("for the future", |house| plan_at(house, 3_600, 900, 16)),
        ("slots of no length", |house| plan_at(house, 0, 0, 16)),
    ];
    let limits_of = |house: &mut House, answer: Answer| {
        begin(house);
        let mut limits = Vec::new();
        for _ in 0..400 {
            house.pass(5);
            limits.extend(house.accept_all("CP1"));
            answer(house);
        }
        limits
    };
    let unplanned = limits_of(&mut House::new(), |_| {});
    assert!(unplanned.iter().any(|call| call.contains("TxProfile")), "{unplanned:?}");
    for (what, answer) in answers {
        let mut house = planned();
        assert_eq!(limits_of(&mut house, answer), unplanned, "{what}");
        let told = Alarm::NoPlan { site: "house".parse().unwrap() };
        assert!(raised(&house).contains(&told), "{what}: nobody was told");
    }
}

#[test]
fn who_misses_plans_is_told_until_one_comes() {
    let mut house = planned();
    begin(&mut house);
    house.pass(1_200);
    assert_eq!(raised(&house).len(), 1);
    answer(&mut house, 16);
    house.pass(1);
    let cleared = house
        .outputs
        .iter()
        .any(|output| matches!(&output.effect, Effect::AlarmCleared(Alarm::NoPlan { .. })));
    assert!(cleared);
}

#[test]
fn another_strategy_changes_no_limit_that_it_would_not_and_survives_a_restart() {
    let mut house = House::new();
    begin(&mut house);
    for _ in 0..20 {
        house.pass(5);
        house.accept_all("CP1");
    }
    let before = limit(&house);
    for allocator in Rule::ALL {
        let strategy = Strategy { allocator, planner: PlannerName::LpHorizon };
        let share = Command::Share { site: "house".parse().unwrap(), strategy };
        assert_eq!(house.command(share), Some(CommandAnswer::Done));
        for _ in 0..4 {
            house.pass(5);
            let lowered = house.accept_all("CP1").iter().any(|call| call.contains(r#""limit":0.0}"#));
            assert!(!lowered && limit(&house) == before, "{}: {:?}", allocator.name(), limit(&house));
        }
    }
    let row =
        records_of(&house.outputs).collect::<Vec<_>>().into_iter().rev().find_map(|record| match record {
            Record::Site(row) => Some(row.config.strategy),
            _ => None,
        });
    assert_eq!(row.unwrap().allocator, Rule::LeastLaxity);
    let nowhere = Command::Share { site: "elsewhere".parse().unwrap(), strategy: HORIZON };
    assert!(matches!(house.command(nowhere), Some(CommandAnswer::Refused(_))));
}

#[test]
fn a_wish_is_told_to_whoever_plans_until_the_transaction_ends() {
    let mut house = planned();
    let wish = Wish {
        departs_at: Some(house.now + TimeSpan::from_hours(3)),
        wanted: Some(WattHours::from_watt_hours(12_500)),
    };
    let told = |wish| Command::Wish { evse: "CP1/1".parse().unwrap(), wish };
    let Some(CommandAnswer::Refused(reasons)) = house.command(told(wish)) else {
        panic!("there is no transaction")
    };
    assert_eq!(reasons, ["EVSE CP1/1 is in no transaction: start one first"]);
    begin(&mut house);
    assert_eq!(house.command(told(wish)), Some(CommandAnswer::Done));
    house.pass(200);
    assert_eq!(last_asked(&house).sessions[0].wish, wish);
    let restored = Csms::restored(house.now, records_of(&house.outputs));
    let control = restored.control(&"house".parse().unwrap()).unwrap();
    // Its station is not back yet, so that nobody can plan for it; the wish is kept.
    assert!(control.situation(house.now).sessions.is_empty());
    let gone = Wish { departs_at: Some(house.now - TimeSpan::from_hours(1)), wanted: None };
    assert!(matches!(house.command(told(gone)), Some(CommandAnswer::Refused(_))));
    let endless = Wish { departs_at: None, wanted: Some(WattHours::from_watt_hours(2_000_000)) };
    assert!(matches!(house.command(told(endless)), Some(CommandAnswer::Refused(_))));
    house.stop("CP1", "1", 1_000);
    begin_again(&mut house);
    assert_eq!(last_asked(&house).sessions[0].wish, Wish::default());
}

fn planned() -> House {
    let mut config = site(100, None);
    config.strategy = HORIZON;
    House::with(config)
}

fn begin(house: &mut House) {
    house.boot("CP1");
    begin_again(house);
}

fn begin_again(house: &mut House) {
    house.charges();
    for _ in 0..30 {
        house.pass(5);
        house.accept_all("CP1");
    }
}

/// For how many sessions each plan was asked for.
fn asked(house: &House) -> Vec<usize> {
    situations(house).map(|situation| situation.sessions.len()).collect()
}

fn last_asked(house: &House) -> &Situation {
    situations(house).last().unwrap()
}

fn situations(house: &House) -> impl Iterator<Item = &Situation> {
    house.outputs.iter().filter_map(|output| match &output.effect {
        Effect::PlanWanted(wanted) => Some(&wanted.situation),
        _ => None,
    })
}

fn raised(house: &House) -> Vec<Alarm> {
    let raised = house.outputs.iter().filter_map(|output| match &output.effect {
        Effect::AlarmRaised(alarm @ Alarm::NoPlan { .. }) => Some(alarm.clone()),
        _ => None,
    });
    raised.collect()
}

fn limit(house: &House) -> Option<Amperes> {
    let control = house.csms.control(&"house".parse().unwrap()).unwrap();
    control.evse_view(house.now, &"CP1/1".parse().unwrap()).unwrap().limit
}

fn answer(house: &mut House, cap: i64) {
    plan_at(house, 0, 900, cap);
}

/// Hands in a plan made `ago` seconds from now.
fn plan_at(house: &mut House, from_now: i64, slot: i64, cap: i64) {
    let made_at: Timestamp = house.now + TimeSpan::from_seconds(from_now);
    let caps = vec![Amperes::from_amperes(cap); 2];
    let plan = EvsePlan { caps, laxity: TimeSpan::from_hours(5), departs_at: None };
    let evses = [("CP1/1".parse().unwrap(), plan)].into();
    let plan = Plan { made_at, starts_at: made_at, slot: TimeSpan::from_seconds(slot), evses };
    house.input(Input::PlanReady { site: "house".parse().unwrap(), plan });
}
