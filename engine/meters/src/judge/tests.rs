use super::*;

fn expected(source: MeterSource) -> Expected {
    Expected {
        voltage_nominal: Volts::from_volts(230),
        supply: Supply::Tn400,
        timeout: TimeSpan::from_seconds(30),
        source,
    }
}

fn stated() -> MeterSource {
    MeterSource::default()
}

fn exporting() -> MeterSource {
    MeterSource { export: Export::Possible, ..stated() }
}

fn judge() -> Judge {
    Judge::new(expected(stated()))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::EPOCH + TimeSpan::from_seconds(seconds)
}

fn milliamperes(values: [i64; 3]) -> PerPhase<Option<Amperes>> {
    let [l1, l2, l3] = values.map(|value| Some(Amperes::from_milliamperes(value)));
    PerPhase::new(l1, l2, l3)
}

fn watts(values: [i64; 3]) -> PerPhase<Option<Watts>> {
    let [l1, l2, l3] = values.map(|value| Some(Watts::from_watts(value)));
    PerPhase::new(l1, l2, l3)
}

fn volts(values: [i64; 3]) -> PerPhase<Option<Volts>> {
    let [l1, l2, l3] = values.map(|value| Some(Volts::from_volts(value)));
    PerPhase::new(l1, l2, l3)
}

fn currents(values: [i64; 3]) -> Figures {
    Figures { current: milliamperes(values), ..Figures::default() }
}

#[test]
fn currents_come_with_a_direction_and_err_on_the_safe_side() {
    let of = |values: [i64; 3], basis| Ok((values, basis));
    let (all_of_it, power_only) = (
        Figures { power_total: Some(Watts::from_watts(2_070)), ..Figures::default() },
        Figures { power: watts([2_070, 0, -2_300]), ..Figures::default() },
    );
    for (what, source, figures, want) in [
        ("as told", stated(), currents([1_500, 0, 16_000]), of([1_500, 0, 16_000], Basis::Current)),
        (
            "signed by the meter",
            exporting(),
            currents([1_500, 0, -2_000]),
            of([1_500, 0, -2_000], Basis::Current),
        ),
        (
            "a size, with the direction of its power",
            exporting(),
            Figures {
                power: watts([2_300, 0, -2_300]),
                voltage: volts([230; 3]),
                ..currents([10_000, 0, 10_000])
            },
            of([10_000, 0, -10_000], Basis::Current),
        ),
        (
            "reactive current pays for nothing: 6 A of 10 A are active, 8 A are not",
            exporting(),
            Figures { power: watts([0, 0, -1_380]), voltage: volts([230; 3]), ..currents([0, 0, 10_000]) },
            of([0, 0, 2_000], Basis::Current),
        ),
        (
            "the other way around",
            MeterSource { import_is: ImportSign::Negative, ..stated() },
            Figures { power: watts([-2_300, 0, 0]), ..currents([10_000, 0, 0]) },
            of([10_000, 0, 0], Basis::Current),
        ),
        // 2 070 W are 10 A at 207 V, by a power factor of 0.9 11.111 A. 2 300 W of export are 9.090 A at 253 V, of which
        // at most 12.347 A flow: 8.356 A may be reactive.
        ("from power", exporting(), power_only, of([11_112, 0, -734], Basis::Power)),
        (
            "from power at the voltage measured",
            stated(),
            Figures { power: watts([2_070, 0, 0]), voltage: volts([230; 3]), ..Figures::default() },
            of([10_000, 0, 0], Basis::Power),
        ),
        ("any phase may carry all", stated(), all_of_it, of([11_112; 3], Basis::PowerTotal)),
    ] {
        let judged = Judge::new(expected(source)).take(at(0), &figures);
        let judged = judged.map(|Reading { current, basis }| {
            ([current.l1, current.l2, current.l3].map(Amperes::milliamperes), basis)
        });
        assert_eq!(judged, want, "{what}");
    }
}

#[test]
fn s5_figures_that_cannot_be_are_faults_that_name_them() {
    let with_voltage = |volts_told| Figures { voltage: volts(volts_told), ..currents([10_000; 3]) };
    for (what, source, figures, want) in [
        ("milliamperes for amperes", stated(), currents([200_000_000, 0, 0]), "L1 carries 200000 A"),
        ("kilovolts", stated(), with_voltage([0, 230, 230]), "L1 has 0 V where 230 V is nominal"),
        ("between lines", stated(), with_voltage([230, 400, 230]), "L2 has 400 V"),
        (
            "kilowatts taken for watts",
            stated(),
            Figures { power: watts([2, 2, 2]), ..currents([10_000; 3]) },
            "L1 carries 10 A, which fits no power of 2 W",
        ),
        (
            "watts taken for kilowatts",
            stated(),
            Figures { power: watts([2_300_000; 3]), ..currents([10_000; 3]) },
            "fits no power of 2300000 W",
        ),
        (
            "phases in another order",
            stated(),
            Figures { power: watts([3_600, 0, 0]), ..currents([0, 16_000, 0]) },
            "L1 carries 0 A, which fits no power of 3600 W",
        ),
        (
            "a transformer the wrong way around",
            stated(),
            currents([10_000, -9_000, 8_000]),
            "L2 shows an export of 9 A",
        ),
        (
            "power the wrong way around",
            stated(),
            Figures { power: watts([2_300, -2_070, 0]), ..currents([10_000, 9_000, 0]) },
            "L2 shows an export of",
        ),
        (
            "a sign that its power has not",
            exporting(),
            Figures { power: watts([2_300, 0, 0]), ..currents([-10_000, 0, 0]) },
            "L1 carries -10 A, which fits no power of 2300 W",
        ),
        (
            "a phase too few",
            stated(),
            Figures { current: PerPhase::new(Some(Amperes::ZERO), None, None), ..Figures::default() },
            "neither current nor power of L2 is told",
        ),
        (
            "all phases together export",
            exporting(),
            Figures { power_total: Some(Watts::from_watts(-5_000)), ..Figures::default() },
            "a phase may import all the same",
        ),
    ] {
        let told = Judge::new(expected(source)).take(at(0), &figures).unwrap_err().to_string();
        assert!(told.contains(want), "{what}: {told}");
    }
}

#[test]
fn power_and_current_of_a_meter_that_agreed_may_differ_for_two_readings() {
    let mut judge = judge();
    let agreeing = Figures { power: watts([2_300; 3]), ..currents([10_000; 3]) };
    let stepping = Figures { power: watts([6_000; 3]), ..currents([10_000; 3]) };
    assert!(judge.take(at(0), &agreeing).is_ok());
    for (seconds, figures, is_believed) in [
        (2, &stepping, true),
        (4, &stepping, true),
        (6, &stepping, false),
        (8, &agreeing, true),
        (10, &stepping, true),
    ] {
        assert_eq!(judge.take(at(seconds), figures).is_ok(), is_believed, "{seconds} s");
    }
}

#[test]
fn on_it_only_what_the_meter_tells_of_a_line_or_of_all_counts() {
    let it = Expected { supply: Supply::It230, ..expected(stated()) };
    let to_neutral = volts([133; 3]);
    let told = Figures { voltage: to_neutral, power: watts([1, 1, 1]), ..currents([10_000; 3]) };
    assert_eq!(Judge::new(it.clone()).take(at(0), &told).unwrap().basis, Basis::Current);
    let powers = Figures { voltage: to_neutral, power: watts([2_070, 3_000, -3_000]), ..Figures::default() };
    let reading = Judge::new(it).take(at(0), &powers).unwrap();
    assert_eq!(reading.current, PerPhase::splat(Amperes::from_milliamperes(11_112)));
    assert_eq!(reading.basis, Basis::PowerTotal);
}

#[test]
fn s5_a_jump_to_zero_is_believed_once_it_has_lasted_for_the_time_out() {
    let mut judge = judge();
    assert!(judge.take(at(0), &currents([5_000, 3_000, 2_000])).is_ok());
    for (seconds, milliamperes, is_believed) in [
        (10, [0; 3], false),
        (20, [5_000; 3], true),
        (30, [0; 3], false),
        (60, [0; 3], false),
        (61, [0; 3], true),
    ] {
        assert_eq!(judge.take(at(seconds), &currents(milliamperes)).is_ok(), is_believed, "{seconds} s");
    }
    let mut feeder = self::judge();
    assert!(feeder.take(at(0), &currents([16_000, 0, 0])).is_ok());
    assert!(feeder.take(at(10), &currents([0; 3])).is_ok(), "its only EV stopped");
}

#[test]
fn s5_a_telegram_that_is_repeated_is_no_reading() {
    let mut judge = judge();
    let figures = currents([5_000; 3]);
    assert!(judge.take_stamped(at(0), &figures, Some("240131174000W")).is_ok());
    let told = judge.take_stamped(at(10), &figures, Some("240131174000W")).unwrap_err();
    assert_eq!(told.to_string(), "the meter's clock stands at 240131174000W");
    assert!(judge.take_stamped(at(20), &figures, Some("240131174010W")).is_ok());
}

/// Minutes at which a meter that shows `shown` W, per phase or in all, is not believed, while its register counts `counted` W.
fn minutes_of_doubt(show: impl Fn(i64) -> Figures, counted: i64, minutes: i64) -> Vec<i64> {
    let mut judge = judge();
    let doubted = |minute: &i64| {
        let energy = WattHours::from_milliwatt_hours(1_000_000_000 + counted * 1_000 * minute / 60);
        // Registers move in steps of 0.1 kWh.
        let energy = Some(energy.floor_to(WattHours::from_watt_hours(100)));
        judge.take(at(minute * 60), &Figures { energy, ..show(*minute) }).is_err()
    };
    (0..minutes).filter(doubted).collect()
}

#[test]
fn s5_a_meter_whose_register_moves_otherwise_than_its_power_is_not_believed() {
    let in_all =
        |watts: i64| move |_| Figures { power_total: Some(Watts::from_watts(watts)), ..Figures::default() };
    assert_eq!(minutes_of_doubt(in_all(6_000), 6_000, 240), [0; 0], "a good one");
    assert_eq!(minutes_of_doubt(in_all(200), 190, 240), [0; 0], "a good one at night");
    assert_eq!(minutes_of_doubt(|_| currents([9_000; 3]), 5_500, 240), [0; 0], "one that tells currents");
    let swinging = |minute: i64| in_all(if minute % 2 == 0 { 500 } else { 7_000 })(0);
    assert_eq!(minutes_of_doubt(swinging, 3_750, 240), [0; 0], "a heater between its readings");
    let frozen = minutes_of_doubt(in_all(6_000), 0, 60);
    assert_eq!(
        frozen,
        (4..60).collect::<Vec<_>>(),
        "frozen: 6 kW over four minutes move a register by 0.4 kWh"
    );
    let kilowatts = minutes_of_doubt(in_all(6), 6_000, 60);
    assert_eq!(kilowatts, (4..60).collect::<Vec<_>>(), "kilowatts taken for watts");
}

#[test]
fn a_meter_that_thaws_is_believed_once_its_register_agrees_again() {
    let mut judge = judge();
    let mut believed_at = None;
    for minute in 0..60 {
        let counted = if minute < 10 { 0 } else { (minute - 10) * 100 };
        let figures = Figures {
            power_total: Some(Watts::from_watts(6_000)),
            energy: Some(WattHours::from_watt_hours(50_000 + counted)),
            ..Figures::default()
        };
        let is_believed = judge.take(at(minute * 60), &figures).is_ok();
        believed_at = believed_at.or((minute > 10 && is_believed).then_some(minute));
        assert!(minute < 20 || is_believed, "{minute}");
    }
    assert!(believed_at.is_some_and(|minute| (12..18).contains(&minute)), "{believed_at:?}");
}

#[test]
fn what_is_derived_is_never_below_what_flows() {
    // Any current at any power factor down to the stated one, at any voltage within ± 10 %.
    for milliamperes in [0, 1, 733, 6_000, 16_001, 63_000] {
        for permille in [900, 950, 1_000] {
            for volts_told in [207, 230, 253] {
                let power =
                    Amperes::from_milliamperes(milliamperes).at_voltage_floor(Volts::from_volts(volts_told));
                let power = Some(power.ratio_floor(permille, 1_000));
                let figures = Figures { power: PerPhase::splat(power), ..Figures::default() };
                let current = judge().take(at(0), &figures).unwrap().current.l1.milliamperes();
                assert!(current + 1 >= milliamperes, "{milliamperes} mA at {permille} ‰: {current} mA");
            }
        }
    }
}
