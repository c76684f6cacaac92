//! Plans over a horizon: by hand, by rule, and on random sites.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails loudly")]

mod replan;
mod sites;
mod terms;

use planner::{
    Contractual, Costs, PlanFailure, PlanLimits, PlanProblem, PlanSession, Planned, PowerFee, PowerLimit,
    SiteLoad, clairvoyant, lp_horizon,
};
use solver::Backend;
use units::{Amperes, TimeSpan, UnitPrice, Volts, WattHours, Watts};

use sites::{START, at, one_row, random, session};

#[test]
fn who_leaves_first_goes_first_and_nobody_leaves_without() {
    // 16 A for an hour each is 3.68 kWh: both can have it, one after the other.
    let problem = one_row(16, vec![session("late", 0, 120, 3_680), session("early", 0, 60, 3_680)]);
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    assert_eq!(caps(&planned, "early")[..4], [16, 16, 16, 16]);
    assert_eq!(caps(&planned, "late")[..8], [0, 0, 0, 0, 16, 16, 16, 16]);
    let laxity = |evse: &str| planned.plan.evses[&format!("{evse}/1").parse().unwrap()].laxity;
    assert!(laxity("early").milliseconds().abs() < 1_000, "{}", laxity("early"));
    assert!((laxity("late") - TimeSpan::from_hours(1)).milliseconds().abs() < 1_000, "{}", laxity("late"));
}

#[test]
fn where_not_all_can_be_served_weights_decide_who_is() {
    let mut sessions = vec![session("a", 0, 60, 3_680), session("b", 0, 60, 3_680)];
    sessions[1].weight = 3;
    let planned = lp_horizon(&one_row(16, sessions), PlanLimits::default()).unwrap();
    assert_eq!((caps(&planned, "a")[0], caps(&planned, "b")[0]), (0, 16));
    assert!(planned.forecast.energy[1] > WattHours::from_watt_hours(3_679), "{:?}", planned.forecast);
}

#[test]
fn less_than_a_minimum_is_taken_in_turns() {
    // Three of 4 A each on average: 16 A hold two minimums and not three.
    let problem = one_row(16, ["a", "b", "c"].map(|evse| session(evse, 0, 240, 3_680)).to_vec());
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    let mut served = WattHours::ZERO;
    for evse in ["a", "b", "c"] {
        let caps = caps(&planned, evse);
        assert!(caps[..16].iter().all(|&cap| cap == 0 || cap >= 6), "{evse}: {caps:?}");
        served += energy(&problem, &caps[..16]).min(WattHours::from_watt_hours(3_680));
    }
    assert!(served >= WattHours::from_watt_hours(3 * 3_680 * 99 / 100), "{served}");
}

#[test]
fn whoever_charges_goes_on_where_it_makes_no_difference() {
    let mut sessions = ["a", "b", "c", "d"].map(|evse| session(evse, 0, 480, 3_680)).to_vec();
    for going in [1, 2] {
        sessions[going].offered = Amperes::from_amperes(8);
    }
    let planned = lp_horizon(&one_row(16, sessions), PlanLimits::default()).unwrap();
    let now = ["a", "b", "c", "d"].map(|evse| caps(&planned, evse)[0]);
    assert_eq!((now[0], now[3]), (0, 0), "{now:?}");
    assert!(now[1] >= 6 && now[2] >= 6 && now[1] + now[2] == 16, "{now:?}");
}

#[test]
fn energy_is_bought_when_it_is_cheap() {
    let mut problem = one_row(16, vec![session("a", 0, 120, 1_840)]);
    problem.costs.energy = Some((0..8).map(|slot| euros_mills(if slot < 4 { 200 } else { 50 })).collect());
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    let caps = caps(&planned, "a");
    assert_eq!(caps[..4], [0; 4], "{caps:?}");
    // 16 A for half an hour, or 8 A for an hour: all of it costs the same.
    let bought = energy(&problem, &caps[4..8]);
    assert!(bought >= WattHours::from_watt_hours(1_790), "{caps:?}: {bought}");
}

#[test]
fn nobody_takes_more_than_it_wants_though_it_were_paid_for() {
    let mut problem = one_row(16, vec![session("a", 0, 120, 1_840)]);
    problem.costs.energy = Some(vec![euros_mills(-500); 8]);
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    assert_eq!(planned.forecast.energy[0], WattHours::from_watt_hours(1_840), "{:?}", planned.forecast);
}

#[test]
fn energy_dearer_than_what_is_missing_is_not_bought() {
    let mut problem = one_row(16, vec![session("a", 0, 120, 1_840)]);
    problem.costs.energy = Some(vec![euros_mills(2_000); 8]);
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    assert_eq!(caps(&planned, "a")[..8], [0; 8]);
}

#[test]
fn the_sun_is_used_before_the_grid_is_paid() {
    let mut problem = one_row(16, vec![session("a", 0, 120, 1_840)]);
    problem.costs.energy = Some(vec![euros_mills(100); 8]);
    let sun = |slot: i64| Watts::from_watts(if (2..4).contains(&slot) { 4_000 } else { 0 });
    let photovoltaics: Vec<Watts> = (0..8).map(sun).collect();
    problem.costs.site = Some(SiteLoad { base: vec![Watts::from_watts(300); 8], photovoltaics });
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    let caps = caps(&planned, "a");
    // Half an hour of 3.7 kW that cost nothing is all that it wants.
    assert!(caps[2] >= 15 && caps[3] >= 15, "{caps:?}");
    assert_eq!((caps[0], caps[1], caps[6], caps[7]), (0, 0, 0, 0), "{caps:?}");
}

#[test]
fn the_power_fee_spreads_what_may_be_spread_and_not_below_what_is_paid() {
    let fee = |paid| PowerFee {
        price: euros_mills(500),
        paid: Watts::from_watts(paid),
        windows: (0..8).map(|slot| Some(slot / 4)).collect(),
    };
    let plan = |paid| {
        let mut problem = one_row(32, vec![session("a", 0, 120, 3_680)]);
        problem.costs.site =
            Some(SiteLoad { base: vec![Watts::ZERO; 8], photovoltaics: vec![Watts::ZERO; 8] });
        problem.costs.power_fee = Some(fee(paid));
        problem.sessions[0].max = Amperes::from_amperes(32);
        lp_horizon(&problem, PlanLimits::default()).unwrap()
    };
    // 3.68 kWh in two hours: a mean of 1.84 kW is the least.
    let peak = plan(0).forecast.peak.unwrap();
    assert!((Watts::from_watts(1_839)..Watts::from_watts(1_842)).contains(&peak), "{peak}");
    let spread = caps(&plan(0), "a");
    assert!(
        spread[..8].chunks(4).all(|window| (30..=32).contains(&window.iter().sum::<i64>())),
        "{spread:?}"
    );
    // Up to 3 kW are paid for, and are used as early as that allows.
    let paid = plan(3_000);
    assert_eq!(paid.forecast.peak, Some(Watts::from_watts(3_000)));
    let first_hour: i64 = caps(&paid, "a")[..4].iter().sum();
    assert!((48..=52).contains(&first_hour), "{:?}", caps(&paid, "a"));
}

#[test]
fn a_limit_of_the_mean_power_of_a_window_is_kept_on_what_is_left_of_it() {
    let plan = |price_over, used| {
        let mut problem = one_row(32, vec![session("a", 0, 120, 11_000)]);
        problem.sessions[0].max = Amperes::from_amperes(32);
        problem.costs.power_limit = Some(PowerLimit {
            limit: Watts::from_watts(3_000),
            price_over: euros_mills(price_over),
            windows: (0..8).map(|slot| Some(slot / 4)).collect(),
            window: TimeSpan::from_hours(1),
            used: WattHours::from_watt_hours(used),
        });
        let caps = caps(&lp_horizon(&problem, PlanLimits::default()).unwrap(), "a");
        [0, 4].map(|first| energy(&problem, &caps[first..first + 4]))
    };
    let about =
        |energy: WattHours, wanted| (wanted - 120..=wanted).contains(&(energy.milliwatt_hours() / 1_000));
    // 3 kWh in each hour; a kWh above is dearer than one that is missing.
    let [first, second] = plan(2_000, 0);
    assert!(about(first, 3_000) && about(second, 3_000), "{first}, {second}");
    // Two thirds of the first hour are spent.
    let [first, second] = plan(2_000, 2_000);
    assert!(about(first, 1_000) && about(second, 3_000), "{first}, {second}");
    // It is cheaper to be over.
    let [first, second] = plan(100, 0);
    assert!(first + second > WattHours::from_watt_hours(10_500), "{first}, {second}");
}

#[test]
fn a_contract_is_broken_only_where_its_price_is_below_that_of_missing_energy() {
    let plan = |price| {
        let mut problem = one_row(32, vec![session("a", 0, 60, 7_360)]);
        problem.sessions[0].max = Amperes::from_amperes(32);
        problem.rows[0].contractual = Some(Contractual {
            headroom: vec![Amperes::from_amperes(10); 8],
            price_over: euros_mills(price),
        });
        caps(&lp_horizon(&problem, PlanLimits::default()).unwrap(), "a")
    };
    // One ampere-hour is 0.23 kWh: missing, it costs 0.23.
    assert_eq!(plan(300)[..4], [10; 4]);
    assert_eq!(plan(100)[..4], [32; 4]);
}

#[test]
fn what_is_commanded_elsewhere_holds() {
    let mut problem = one_row(32, vec![session("a", 0, 120, 3_680)]);
    let commanded = [16, 5, 0, 8, 16, 16, 16, 16].map(Amperes::from_amperes);
    problem.sessions[0].commanded = Some(commanded.to_vec());
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    // 5 A is less than it can use.
    assert_eq!(caps(&planned, "a")[..4], [16, 0, 0, 8]);
}

#[test]
fn without_headroom_there_is_a_plan_of_nothing() {
    let mut problem = one_row(16, vec![session("a", 0, 60, 3_680)]);
    problem.rows[0].headroom = vec![Amperes::from_amperes(-20); 8];
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    assert_eq!(caps(&planned, "a")[..4], [0; 4]);
    let empty = lp_horizon(&one_row(16, vec![]), PlanLimits::default()).unwrap();
    assert!(empty.plan.evses.is_empty());
}

#[test]
fn whoever_should_have_left_is_planned_for_to_the_end_of_the_slot() {
    let mut problem = one_row(16, vec![session("a", -60, -1, 3_680)]);
    problem.sessions[0].arrives_at = at(-60);
    problem.sessions[0].departs_at = at(-1);
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    assert_eq!(caps(&planned, "a")[0], 16);
}

#[test]
fn caps_hold_on_every_row_in_every_slot_and_on_steps() {
    let mut tight = 0;
    for seed in 0..60 {
        let problem = random(seed);
        let planned = lp_horizon(&problem, PlanLimits::default())
            .unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        for slot in 0..problem.slots {
            let mut drawn = vec![0; problem.rows.len()];
            for session in problem.sessions.iter().filter(|session| is_there(&problem, session, slot)) {
                let cap = planned.plan.evses[&session.evse].caps[slot];
                let is_allowed = cap == Amperes::ZERO
                    || (cap == cap.floor_to(session.step) && (session.min..=session.max).contains(&cap));
                assert!(is_allowed, "seed {seed}, slot {slot}: {cap} for {session:?}");
                for (row, coefficient) in session.loads.iter() {
                    drawn[row.place()] += coefficient.thousandths() * cap.milliamperes();
                }
            }
            for (row, drawn) in problem.rows.iter().zip(drawn) {
                let holds = row.headroom[slot].max(Amperes::ZERO).milliamperes() * 1_000;
                assert!(
                    drawn <= holds,
                    "seed {seed}, slot {slot}: {} carries {drawn} of {holds} µA",
                    row.name
                );
                tight += usize::from(drawn + 1_000_000 > holds);
            }
        }
        planned.plan.check(problem.made_at, None).unwrap();
    }
    assert!(tight > 1_000, "only {tight} rows were full in some slot: nothing was tested");
}

#[test]
fn whole_steps_lose_little_of_what_the_program_expects() {
    let (mut expected, mut kept) = (0, 0);
    for seed in 0..60 {
        let problem = random(seed);
        let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
        for (session, forecast) in problem.sessions.iter().zip(&planned.forecast.energy) {
            let given = (0..problem.slots).filter(|&slot| is_there(&problem, session, slot)).map(|slot| {
                let cap = planned.plan.evses[&session.evse].caps[slot];
                let until = session
                    .departs_at
                    .min(problem.starts_at + problem.slot * i64::try_from(slot + 1).unwrap());
                let from = problem.starts_at + problem.slot * i64::try_from(slot).unwrap();
                cap.at_voltage_floor(session.voltage_total).over_floor(until.since(from)).milliwatt_hours()
            });
            expected += forecast.milliwatt_hours();
            kept += given.sum::<i64>().min(session.wanted.milliwatt_hours());
        }
    }
    assert!(expected > 0 && kept * 100 >= expected * 97, "{kept} mWh of {expected}");
}

#[test]
fn merged_slots_grouped_sessions_and_left_out_rows_change_nothing() {
    let (mut columns_merged, mut columns_whole) = (0, 0);
    let unmerged = PlanLimits { unmerged: usize::MAX, ..PlanLimits::default() };
    for seed in 0..25 {
        let mut problem = random(seed);
        for row in &mut problem.rows {
            row.headroom = vec![row.headroom[0]; problem.slots];
        }
        // Twins, which become one column.
        for twin in 0..problem.sessions.len().min(3) {
            let mut copy = problem.sessions[twin].clone();
            copy.evse = format!("twin-{twin}/1").parse().unwrap();
            problem.sessions.push(copy);
        }
        let merged =
            lp_horizon(&problem, PlanLimits { unmerged: 0, ..PlanLimits::default() }).unwrap().forecast;
        let whole = lp_horizon(&problem, unmerged).unwrap().forecast;
        let total =
            |energies: &[WattHours]| energies.iter().map(|energy| energy.milliwatt_hours()).sum::<i64>();
        let (merged_total, whole_total) = (total(&merged.energy), total(&whole.energy));
        assert!(
            merged.size.0 <= whole.size.0,
            "seed {seed}: {:?}, slot by slot {:?}",
            merged.size,
            whole.size
        );
        (columns_merged, columns_whole) = (columns_merged + merged.size.0, columns_whole + whole.size.0);
        let apart = (merged_total - whole_total).abs();
        assert!(
            apart * 1_000 <= whole_total,
            "seed {seed}: {merged_total} mWh merged, {whole_total} slot by slot"
        );
    }
    assert!(
        columns_merged * 5 < columns_whole * 4,
        "{columns_merged} of {columns_whole} columns: little was merged"
    );
}

#[test]
fn back_ends_agree_on_what_can_be_delivered() {
    for seed in 0..15 {
        let problem = random(seed);
        let totals: Vec<i64> = Backend::ALL
            .iter()
            .map(|&backend| {
                let limits = PlanLimits { backend, unmerged: 0, ..PlanLimits::default() };
                clairvoyant(&problem, limits).unwrap().total.milliwatt_hours()
            })
            .collect();
        for total in &totals {
            assert!((total - totals[0]).abs() * 10_000 <= totals[0], "seed {seed}: {totals:?} mWh");
        }
    }
}

#[test]
fn no_plan_delivers_more_than_the_clairvoyant() {
    for seed in 0..40 {
        let problem = random(seed);
        let bound = clairvoyant(&problem, PlanLimits::default()).unwrap();
        let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
        let planned = planned.forecast.energy.iter().fold(WattHours::ZERO, |sum, &energy| sum + energy);
        assert!(
            planned <= bound.total + WattHours::from_watt_hours(1),
            "seed {seed}: {planned} of {}",
            bound.total
        );
    }
}

#[test]
fn the_clairvoyant_knows_who_will_come() {
    // One EVSE, two stays: an hour of 16 A each.
    let mut later = session("a", 60, 120, 9_000);
    later.arrives_at = at(60);
    let problem = one_row(16, vec![session("a", 0, 60, 1_000), later]);
    let bound = clairvoyant(&problem, PlanLimits::default()).unwrap();
    let whole: Vec<i64> =
        bound.forecast.energy.iter().map(|energy| (energy.milliwatt_hours() + 500_000) / 1_000_000).collect();
    assert_eq!(whole, [1, 4], "{bound:?}");
    assert!(
        (bound.total - WattHours::from_watt_hours(4_680)).milliwatt_hours().abs() < 1_000,
        "{}",
        bound.total
    );
    let refused = lp_horizon(&problem, PlanLimits::default()).unwrap_err().to_string();
    assert_eq!(refused, "EVSE a/1: session is there twice; an EVSE has one session at a time");
}

#[test]
fn who_stays_beyond_the_horizon_gets_the_rest_later_but_the_bound_counts_what_is_within() {
    // Two hours of slots, and four in which 16 A bring 14.7 kWh.
    let mut problem = one_row(16, vec![session("a", 0, 120, 5_000)]);
    problem.sessions[0].departs_at = at(240);
    let bound = clairvoyant(&problem, PlanLimits::default()).unwrap();
    assert!(
        (bound.total - WattHours::from_watt_hours(5_000)).milliwatt_hours().abs() < 1_000,
        "{}",
        bound.total
    );
    // What must flow within the horizon does, when it is cheapest, though later would do for the rest.
    problem.costs.energy = Some(vec![euros_mills(100); 8]);
    problem.sessions[0].wanted = WattHours::from_watt_hours(8_000);
    let planned = lp_horizon(&problem, PlanLimits::default()).unwrap();
    let needed = WattHours::from_watt_hours(8_000 - 7_360);
    let apart = planned.forecast.energy[0] - needed;
    assert!(apart.milliwatt_hours().abs() < 1_000, "{} of {needed}", planned.forecast.energy[0]);
}

#[test]
fn the_same_problem_has_the_same_plan() {
    for seed in 0..10 {
        let plan = |_| lp_horizon(&random(seed), PlanLimits::default()).unwrap();
        assert_eq!(plan(1), plan(2), "seed {seed}");
    }
}

#[test]
fn nonsense_is_told_with_thing_value_and_way_out() {
    type Spoil = fn(&mut PlanProblem);
    let cases: [(Spoil, &str); 12] = [
        (|problem| problem.slot = TimeSpan::ZERO, "plan: slot is 0 s; it must be above 0 s and at most 6 h"),
        (|problem| problem.slots = 0, "plan: slots is 0; there must be 1 to 1500"),
        (|problem| problem.made_at = at(15), "plan: made_at is 2026-06-01T00:15:00.000Z; the first slot"),
        (
            |problem| problem.rows[0].headroom.truncate(3),
            "row main L1: headroom is 3 values; each of the 8 slots must have one",
        ),
        (
            |problem| problem.sessions[0].departs_at = START,
            "EVSE a/1: departure is 2026-06-01T00:00:00.000Z; it must be after",
        ),
        (
            |problem| problem.sessions[0].step = Amperes::ZERO,
            "EVSE a/1: step is 0 A; it must be from 0.001 A to 100000 A",
        ),
        (|problem| problem.sessions[0].weight = 0, "EVSE a/1: weight is 0; it must be from 1 to 1000000"),
        (
            |problem| problem.sessions[0].voltage_total = Volts::ZERO,
            "EVSE a/1: voltage is 0 V; it must be above 0 V",
        ),
        (
            |problem| problem.sessions[0].wanted = WattHours::from_watt_hours(-1),
            "EVSE a/1: wanted energy is -1 Wh; it must be from 0 Wh to 1 GWh",
        ),
        (|problem| problem.rows.clear(), "EVSE a/1: load is row 0; the problem has 0 rows"),
        (
            |problem| problem.costs.missing = UnitPrice::from_millionths(0),
            "plan: price of missing energy is 0.00; it must be above 0",
        ),
        (
            |problem| {
                let windows = [Some(1), Some(1), Some(2), Some(1), None, None, None, None];
                let (price, paid) = (UnitPrice::from_millionths(1), Watts::ZERO);
                problem.costs.power_fee = Some(PowerFee { price, paid, windows: windows.to_vec() });
            },
            "power fee: windows is torn apart; slots of a window must stand together",
        ),
    ];
    for (spoil, words) in cases {
        let mut problem = one_row(16, vec![session("a", 0, 60, 3_680)]);
        spoil(&mut problem);
        let failure: PlanFailure = lp_horizon(&problem, PlanLimits::default()).unwrap_err();
        assert!(failure.to_string().starts_with(words), "{failure}\nwhere this was due: {words}");
        assert_eq!(clairvoyant(&problem, PlanLimits::default()).unwrap_err(), failure);
    }
}

fn caps(planned: &Planned, evse: &str) -> Vec<i64> {
    let plan = &planned.plan.evses[&format!("{evse}/1").parse().unwrap()];
    plan.caps.iter().map(|cap| cap.milliamperes() / 1_000).collect()
}

/// What caps on one phase bring.
fn energy(problem: &PlanProblem, caps: &[i64]) -> WattHours {
    let each = |&cap: &i64| {
        Amperes::from_amperes(cap)
            .at_voltage_floor(problem.sessions[0].voltage_total)
            .over_floor(problem.slot)
    };
    caps.iter().map(each).sum()
}

fn is_there(problem: &PlanProblem, session: &PlanSession, slot: usize) -> bool {
    let starts = problem.starts_at + problem.slot * i64::try_from(slot).unwrap();
    session.arrives_at < starts + problem.slot && session.departs_at > starts
}

fn euros_mills(mills: i64) -> UnitPrice {
    UnitPrice::from_millionths(mills * 1_000)
}

#[test]
fn costs_of_energy_alone_are_flat() {
    assert!(Costs::energy_only().are_flat());
    let costs = Costs { energy: Some(vec![UnitPrice::from_millionths(1)]), ..Costs::energy_only() };
    assert!(!costs.are_flat());
}
