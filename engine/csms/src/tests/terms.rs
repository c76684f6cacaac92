//! What energy and power cost at a site, and what others command there.

use charging::plan::{PlannerName, Strategy};
use charging::terms::{Commanded, EnergyPrice, PowerFeeTerms, Terms, Window};
use units::{Amperes, TimeSpan, Timestamp, UnitPrice, Watts};

use crate::query::{Query, QueryAnswer};
use crate::record::Record;
use crate::tests::{House, records_of, site};
use crate::{Alarm, Command, CommandAnswer, Csms, Effect, Input};

#[test]
fn s9_a_command_sheds_at_once_and_holds_after_the_site_is_configured_anew_and_after_a_restart() {
    let mut house = House::with(site(100, None));
    begin(&mut house);
    assert!(limit(&house) > Some(Amperes::ZERO), "{:?}", limit(&house));
    let terms = Terms { commands: vec![command(&house, 0, "main")], ..Terms::default() };
    assert_eq!(tell(&mut house, &terms), CommandAnswer::Done);
    settle(&mut house);
    assert_eq!(limit(&house), Some(Amperes::ZERO));
    house.command(Command::ConfigureSite(Box::new(site(100, None))));
    settle(&mut house);
    assert_eq!(limit(&house), Some(Amperes::ZERO), "the site was put anew");
    let restored = Csms::restored(house.now, records_of(&house.outputs));
    let situation = restored.control(&"house".parse().unwrap()).unwrap().situation(house.now);
    assert!(!situation.commanded.is_empty());
    assert_eq!(tell(&mut house, &Terms::default()), CommandAnswer::Done);
    for _ in 0..20 {
        settle(&mut house);
    }
    assert!(limit(&house) > Some(Amperes::ZERO), "it was taken back");
}

#[test]
fn s9_what_is_commanded_is_commanded_by_the_wall_clock_wherever_that_jumps() {
    let mut house = House::with(site(100, None));
    begin(&mut house);
    let terms = Terms { commands: vec![command(&house, 7_200, "main")], ..Terms::default() };
    tell(&mut house, &terms);
    settle(&mut house);
    assert!(limit(&house) > Some(Amperes::ZERO), "it begins in two hours");
    house.input(Input::WallClock(TimeSpan::from_minutes(121)));
    settle(&mut house);
    assert_eq!(limit(&house), Some(Amperes::ZERO), "by the wall clock it has begun");
}

#[test]
fn all_that_is_wrong_with_terms_is_told_and_none_of_them_counts() {
    let mut house = House::new();
    let fee =
        PowerFeeTerms { price: UnitPrice::from_millionths(-1), window: Window::Hour, paid: Watts::ZERO };
    let wrong = Terms {
        power_fee: Some(fee),
        commands: vec![command(&house, 0, "elsewhere"), command(&house, 0, "main")],
        ..Terms::default()
    };
    let CommandAnswer::Refused(reasons) = tell(&mut house, &wrong) else { panic!("they are wrong") };
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[1].contains("no circuit elsewhere; it has main"), "{reasons:?}");
    assert!(!house.records().any(|record| matches!(record, Record::Terms(_))));
    let nowhere = Command::Terms { site: "nowhere".parse().unwrap(), terms: Box::default() };
    assert!(matches!(house.command(nowhere), Some(CommandAnswer::Refused(_))));
}

#[test]
fn whoever_plans_is_told_the_terms_and_a_person_where_prices_end() {
    let mut config = site(100, None);
    config.strategy = Strategy { planner: PlannerName::LpHorizon, ..Strategy::default() };
    let mut house = House::with(config);
    let hours = |count| TimeSpan::from_hours(count);
    let price = |house: &House, until| EnergyPrice {
        from: house.now,
        until: house.now + hours(until),
        price: UnitPrice::from_millionths(50_000),
    };
    let terms = Terms { energy: vec![price(&house, 3)], ..Terms::default() };
    tell(&mut house, &terms);
    begin(&mut house);
    let asked = house.outputs.iter().rev().find_map(|output| match &output.effect {
        Effect::PlanWanted(wanted) => Some(wanted.terms.clone()),
        _ => None,
    });
    assert_eq!(asked.unwrap().energy, terms.energy);
    assert!(alarms(&mut house).contains(&Alarm::PricesEnd { site: "house".parse().unwrap() }));
    let longer = Terms { energy: vec![price(&house, 30)], ..Terms::default() };
    tell(&mut house, &longer);
    house.pass(60);
    assert!(!alarms(&mut house).contains(&Alarm::PricesEnd { site: "house".parse().unwrap() }));
    let QueryAnswer::Terms(Some(view)) = house.query(Query::Terms("house".parse().unwrap())) else {
        panic!("the house has terms")
    };
    assert_eq!((view.prices_known_until, view.terms), (Some(longer.energy[0].until), longer));
    assert_eq!(house.query(Query::Terms("nowhere".parse().unwrap())), QueryAnswer::Terms(None));
}

fn command(house: &House, from: i64, circuit: &str) -> Commanded {
    let from: Timestamp = house.now + TimeSpan::from_seconds(from);
    Commanded {
        from,
        until: from + TimeSpan::from_hours(10),
        circuit: circuit.parse().unwrap(),
        limit: Amperes::ZERO,
    }
}

fn tell(house: &mut House, terms: &Terms) -> CommandAnswer {
    let terms = Box::new(terms.clone());
    house.command(Command::Terms { site: "house".parse().unwrap(), terms }).unwrap()
}

fn begin(house: &mut House) {
    house.boot("CP1");
    house.charges();
    for _ in 0..30 {
        settle(house);
    }
}

fn settle(house: &mut House) {
    house.pass(5);
    house.accept_all("CP1");
}

fn limit(house: &House) -> Option<Amperes> {
    let control = house.csms.control(&"house".parse().unwrap()).unwrap();
    control.evse_view(house.now, &"CP1/1".parse().unwrap()).unwrap().limit
}

fn alarms(house: &mut House) -> Vec<Alarm> {
    let QueryAnswer::Alarms(views) = house.query(Query::Alarms) else { panic!("alarms are asked for") };
    views.into_iter().map(|view| view.alarm).collect()
}
