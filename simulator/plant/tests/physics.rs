//! Batteries, EVs and EVSEs under changing limits.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use plant::ev::{CHARGER_EFFICIENCY_PERCENT, Ev, EvModel, EvPhases, EvRow, InvalidEv, Pause};
use plant::evse::{Evse, EvseConfig, Supply, Wiring};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp, Volts, WattHours};

fn model(phases: u8, kw: f64) -> EvModel {
    let row = EvRow { name: "test".to_owned(), usable_kwh: 60.0, ac_phases: phases, ac_kw: kw };
    EvModel::from_row(&row).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::EPOCH + TimeSpan::from_seconds(second)
}

fn amperes(count: i64) -> Amperes {
    Amperes::from_amperes(count)
}

fn charging(model: EvModel, kwh: i64) -> Evse {
    let mut evse = Evse::new(EvseConfig::default(), at(0));
    evse.plug_in(at(0), Ev::wanting(model, WattHours::from_watt_hours(kwh * 1_000), 0.8));
    evse.set_supply(at(0), Supply::Released);
    evse
}

#[test]
fn the_current_is_the_least_of_pilot_ev_and_battery_after_reaction_and_ramp() {
    let mut evse = charging(model(3, 7.6), 20);
    evse.advance(at(3));
    assert_eq!(evse.current(), PerPhase::default(), "the reaction takes 4 s");
    evse.advance(at(4));
    assert_eq!(evse.current().l1, amperes(4), "the ramp is 4 A/s");
    evse.advance(at(10));
    assert_eq!(evse.current().l2.milliamperes(), 11_014, "7.6 kW on three phases at 230 V");
    evse.set_limit(at(20), Amperes::from_milliamperes(8_900));
    assert_eq!(evse.offered(), amperes(8), "the pilot's step is 1 A, rounded down");
    evse.advance(at(23));
    assert_eq!(evse.current().l3.milliamperes(), 11_014);
    evse.advance(at(24));
    assert_eq!(evse.current(), PerPhase::splat(amperes(8)));
    evse.set_limit(at(30), Amperes::from_milliamperes(5_999));
    assert_eq!((evse.offered(), evse.current()), (Amperes::ZERO, PerPhase::default()));
}

#[test]
fn one_and_two_phase_evs_load_their_terminals_only_and_wiring_turns_them() {
    for (phases, kw, loaded) in [(1, 3.68, [1, 0, 0]), (2, 7.36, [1, 1, 0]), (3, 11.04, [1, 1, 1])] {
        let mut evse = charging(model(phases, kw), 20);
        evse.advance(at(60));
        let terminals = evse.current();
        for phase in Phase::ALL {
            assert_eq!(terminals[phase], amperes(16) * loaded[phase.index()], "{phases} phases on {phase}");
        }
    }
    let terminals = PerPhase::new(amperes(1), amperes(2), amperes(3));
    let turned = |wiring: Wiring| wiring.to_site(terminals);
    assert_eq!(turned(Wiring::L1L2L3), terminals);
    assert_eq!(turned(Wiring::L2L3L1), PerPhase::new(amperes(3), amperes(1), amperes(2)));
    assert_eq!(turned(Wiring::L3L1L2), PerPhase::new(amperes(2), amperes(3), amperes(1)));
    assert_eq!([0, 1, 2, 3].map(Wiring::rotated)[3], Wiring::L1L2L3);
}

#[test]
fn a_three_phase_ev_at_a_one_phase_evse_draws_through_one_and_gets_its_energy() {
    let config = EvseConfig { phases: EvPhases::One, ..EvseConfig::default() };
    let mut evse = Evse::new(config, at(0));
    evse.plug_in(at(0), Ev::wanting(model(3, 11.0), WattHours::from_watt_hours(5_000), 0.8));
    evse.set_supply(at(0), Supply::Released);
    evse.advance(at(3_600));
    assert_eq!(evse.current().l2, Amperes::ZERO);
    let drawn = evse.register();
    assert!(
        drawn > WattHours::from_watt_hours(3_600) && drawn < WattHours::from_watt_hours(3_680),
        "{drawn}"
    );
    evse.advance(at(36_000));
    assert_eq!(evse.register().watt_hours_floor(), 5_000);
}

#[test]
fn energy_is_conserved_under_random_limits() {
    for seed in 0..40_u64 {
        println!("seed {seed}");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let model = EvModel::sample(&mut rng);
        let kwh = rng.random_range(1..=model.usable.watt_hours_floor() / 1_000);
        let ev = Ev::wanting(model, WattHours::from_watt_hours(kwh * 900), 1.0);
        let (wanted, stored) = (ev.wanted(), ev.battery().stored());
        let mut evse = Evse::new(EvseConfig { current_maximum: amperes(32), ..EvseConfig::default() }, at(0));
        evse.plug_in(at(0), ev);
        evse.set_supply(at(0), Supply::Released);
        // The naive integral: each piece between changes as told by the deadlines, current × 230 V × span.
        let (mut now, mut integral) = (at(0), 0_i128);
        let end = at(60 * 3_600);
        while now < end {
            if rng.random_ratio(1, 4) {
                evse.set_limit(now, Amperes::from_milliamperes(rng.random_range(0..40_000)));
            }
            let pause = now + TimeSpan::from_milliseconds(rng.random_range(1..600_000));
            let next = evse.next_change().map_or(pause, |change| change.min(pause)).min(end);
            let current: i64 = Phase::ALL.iter().map(|phase| evse.current()[*phase].milliamperes()).sum();
            integral += i128::from(current) * 230_000 * i128::from(next.since(now).milliseconds());
            evse.advance(next);
            now = next;
        }
        let register = i128::from(evse.register().milliwatt_hours());
        assert_eq!(register, integral / 3_600_000_000, "the register is the integral");
        let ev = evse.ev().unwrap();
        let left = i128::from(ev.wanted().milliwatt_hours());
        let taken = i128::from(wanted.milliwatt_hours()) - left;
        // The car stops on a whole millisecond: up to 22 kW for 1 ms, which is 7 mWh.
        assert!((register - taken).abs() <= 8, "{register} mWh drawn, {taken} mWh taken");
        let at_cells = i128::from(ev.battery().stored().milliwatt_hours() - stored.milliwatt_hours());
        let expected = register * i128::from(CHARGER_EFFICIENCY_PERCENT) / 100;
        assert!((at_cells - expected).abs() <= 8, "{at_cells} mWh stored of {register} mWh drawn");
    }
}

#[test]
fn a_full_battery_tapers_and_the_wish_is_met_exactly() {
    let mut evse = Evse::new(EvseConfig::default(), at(0));
    evse.plug_in(at(0), Ev::from_to(model(3, 11.04), 0.85, 1.0));
    evse.set_supply(at(0), Supply::Released);
    let mut currents = Vec::new();
    for minute in 0..600 {
        evse.advance(at(minute * 60));
        currents.push(evse.current().l1);
    }
    let full = currents.iter().filter(|current| **current == amperes(16)).count();
    assert!((30..55).contains(&full), "{full} minutes at 16 A");
    let taper: Vec<_> = currents.iter().skip_while(|current| **current < amperes(16)).copied().collect();
    assert!(taper.windows(2).all(|pair| pair[1] <= pair[0]), "the current never rises again: {taper:?}");
    let tapering =
        taper.iter().filter(|current| **current < amperes(16) && **current > Amperes::ZERO).count();
    assert!(tapering > 15, "{tapering} minutes of taper");
    assert_eq!(currents.last(), Some(&Amperes::ZERO));
    let ev = evse.ev().unwrap();
    assert_eq!(ev.wanted(), WattHours::ZERO);
    assert!(ev.battery().state_of_charge() > 0.9999);
    assert_eq!(evse.register().watt_hours_floor(), 10_000, "15 % of 60 kWh at 90 %");
    assert_eq!(evse.next_change(), None, "nothing more happens");
}

#[test]
fn some_evs_need_more_than_six_amperes() {
    let picky = EvModel { current_minimum: amperes(8), ..model(3, 11.04) };
    let mut evse = charging(picky, 10);
    evse.set_limit(at(100), amperes(7));
    evse.advance(at(200));
    assert_eq!((evse.offered(), evse.current()), (amperes(7), PerPhase::default()));
    assert!(!evse.ev().unwrap().requests_energy(evse.offered()));
    evse.set_limit(at(200), amperes(8));
    evse.advance(at(300));
    assert_eq!(evse.current(), PerPhase::splat(amperes(8)));
}

#[test]
fn an_ev_that_does_not_survive_a_pause_sleeps_until_it_is_plugged_in_anew() {
    let sleepy = EvModel { pause: Pause::SleepsAfter(TimeSpan::from_minutes(10)), ..model(3, 11.04) };
    let mut evse = charging(sleepy, 30);
    for (paused, resumed, flows) in [(1_000, 1_500, true), (2_000, 2_700, false)] {
        evse.set_limit(at(paused), Amperes::ZERO);
        evse.set_limit(at(resumed), amperes(16));
        evse.advance(at(resumed + 60));
        assert_eq!(evse.current().l1 > Amperes::ZERO, flows, "after {} s", resumed - paused);
    }
    assert!(evse.ev().unwrap().is_asleep());
    let ev = evse.unplug(at(3_000)).unwrap();
    evse.plug_in(at(3_100), ev);
    evse.advance(at(3_200));
    assert_eq!(evse.current().l1, amperes(16));
}

#[test]
fn limits_that_change_faster_than_the_reaction_do_not_starve_it() {
    let slow = EvModel { reaction: TimeSpan::from_seconds(20), ..model(3, 11.04) };
    let mut evse = charging(slow, 30);
    for second in (0..200).step_by(5) {
        evse.set_limit(at(second), amperes(10 + second / 5 % 2));
    }
    evse.advance(at(200));
    assert!(evse.current().l1 >= amperes(10));
}

#[test]
fn rows_of_a_table_become_models_or_say_why_not() {
    let row = |usable_kwh, ac_phases, ac_kw| EvRow { name: "x".to_owned(), usable_kwh, ac_phases, ac_kw };
    let good = EvModel::from_row(&row(77.0, 3, 11.0)).unwrap();
    assert_eq!(good.current_maximum.milliamperes(), 15_942);
    assert_eq!(good.usable, WattHours::from_watt_hours(77_000));
    assert!(matches!(EvModel::from_row(&row(77.0, 4, 11.0)), Err(InvalidEv::Phases { phases: 4, .. })));
    assert!(matches!(EvModel::from_row(&row(0.0, 3, 11.0)), Err(InvalidEv::Energy { .. })));
    assert!(matches!(EvModel::from_row(&row(f64::NAN, 3, 11.0)), Err(InvalidEv::Energy { .. })));
    assert!(matches!(EvModel::from_row(&row(10.0, 3, 2.0)), Err(InvalidEv::Power { .. })));
}

#[test]
fn nearly_half_of_the_built_in_mix_is_one_phase_and_a_seed_repeats_it() {
    let draw = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..3_000).map(|_| EvModel::sample(&mut rng)).collect::<Vec<_>>()
    };
    let cars = draw(9);
    let one_phase = cars.iter().filter(|car| car.is_one_phase()).count();
    assert!((1_300..1_520).contains(&one_phase), "{one_phase} of 3000");
    assert!(cars.iter().any(|car| car.phases == EvPhases::Two));
    assert!(cars.iter().any(|car| car.current_minimum > amperes(6)));
    assert_eq!(cars, draw(9));
    assert_ne!(cars, draw(10));
}

#[test]
fn a_wish_beyond_the_battery_enlarges_it() {
    let ev = Ev::wanting(model(3, 11.0), WattHours::from_watt_hours(90_000), 1.0);
    assert_eq!(ev.battery().usable(), WattHours::from_watt_hours(81_000));
    assert_eq!(ev.wanted(), WattHours::from_watt_hours(90_000));
    assert_eq!(Volts::from_volts(230), EvseConfig::default().voltage);
}
