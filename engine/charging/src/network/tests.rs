use super::*;

#[test]
fn a_site_becomes_rows_in_the_order_of_the_tree() {
    let mut config = site();
    config.circuits.reverse();
    let network = Network::build(config).unwrap();
    let names: Vec<&str> = network.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["main L1", "main L2", "main L3", "riser L1", "riser L2", "riser L3"]);
    let riser = network.circuit_by_id(&id("riser")).unwrap();
    assert_eq!(network.circuit(riser).parent, Some(CircuitIndex::new(0)));
    assert_eq!(network.row(RowIndex::new(4)).parent, Some(RowIndex::new(1)));
    assert_eq!(network.circuit_by_meter(&id("meter-main")), Some(CircuitIndex::new(0)));
    assert_eq!(network.evse_by_id(&id("b/1")), Some(EvseIndex::new(1)));
    assert_eq!(network.row(RowIndex::new(1)).to_string(), "main L2");
}

#[test]
fn the_default_reserve_is_two_amperes_or_three_percent_plus_the_meter_class() {
    let network = Network::build(site()).unwrap();
    // 3 % of 100 A + 1 % of 100 A; 2 A on the riser of 40 A, which has no meter.
    assert_eq!(network.row(RowIndex::new(0)).reserve, a(4));
    assert_eq!(network.row(RowIndex::new(3)).reserve, a(2));
    assert_eq!(network.row(RowIndex::new(0)).limit(), a(96));
    assert_eq!(network.row(RowIndex::new(0)).static_headroom, a(51));
    let mut config = site();
    config.circuits[0].reserve = Some(Amperes::ZERO);
    assert_eq!(Network::build(config).unwrap().row(RowIndex::new(0)).limit(), a(100));
}

#[test]
fn every_wiring_loads_the_lines_it_is_on() {
    let all = PerPhase::splat(true);
    let only = |phase| PerPhase::from_fn(|other| other == phase);
    let none = PerPhase::splat(false);
    let (tn, it) = (Supply::Tn400, Supply::It230);
    let first_two = PerPhase::new(true, true, false);
    for (wiring, supply, terminals, lines) in [
        ("L2", tn, all, "L2"),
        ("L2", tn, only(Phase::L1), "L2"),
        ("L2", tn, only(Phase::L3), "L2"),
        ("L3L1", tn, all, "L1L3"),
        ("L3L1", tn, only(Phase::L1), "L3"),
        ("L3L1", tn, only(Phase::L3), "L1L3"),
        ("L2L3L1", tn, all, "L1L2L3"),
        ("L2L3L1", tn, only(Phase::L1), "L2"),
        ("L2L3L1", tn, only(Phase::L3), "L1"),
        ("L2L3L1", tn, first_two, "L2L3"),
        ("L2L3L1", tn, none, "L1L2L3"),
        ("L3L2L1", tn, only(Phase::L1), "L3"),
        ("L1-L3", it, all, "L1L3"),
        ("L1-L3", it, only(Phase::L1), "L1L3"),
        ("L2L3L1", it, all, "L1L2L3"),
        ("L2L3L1", it, first_two, "L2L3"),
        ("L2L3L1", it, only(Phase::L1), "L1L2L3"),
    ] {
        let network = with_wiring(wiring, supply);
        let evse = EvseIndex::new(0);
        let loads = network.loads(evse, terminals);
        let loaded: BTreeSet<Phase> = loads.iter().map(|(row, _)| network.row(*row).phase).collect();
        let text: String = loaded.iter().map(Phase::to_string).collect();
        assert_eq!(text, lines, "{wiring} on {supply:?} with {terminals:?}");
        assert_eq!(loads.len(), loaded.len() * 2, "own circuit and the grid connection");
        assert!(loads.iter().all(|(_, coefficient)| *coefficient == Coefficient::ONE));
        let by_line = network.lines_loaded(evse, terminals);
        assert!(by_line.iter().all(|(phase, is_loaded)| *is_loaded == loaded.contains(&phase)));
    }
}

#[test]
fn measured_currents_are_turned_onto_the_lines_of_the_site() {
    let exact = |wiring, supply, measured, lines| {
        let network = with_wiring(wiring, supply);
        let currents = network.site_currents(EvseIndex::new(0), amperes(measured));
        assert_eq!(currents.at_least, amperes(lines), "{wiring}");
        assert_eq!(currents.at_most, amperes(lines), "{wiring}");
    };
    exact("L2L3L1", Supply::Tn400, [1, 2, 3], [3, 1, 2]);
    exact("L3L2L1", Supply::Tn400, [1, 2, 3], [3, 2, 1]);
    exact("L3", Supply::Tn400, [16, 0, 0], [0, 0, 16]);
    exact("L3", Supply::Tn400, [0, 0, 16], [0, 0, 16]);
    exact("L3L1", Supply::Tn400, [5, 6, 0], [6, 0, 5]);
    exact("L2-L3", Supply::It230, [16, 0, 0], [0, 16, 16]);
    exact("L2-L3", Supply::It230, [16, 16, 0], [0, 16, 16]);
    exact("L2-L3", Supply::It230, [-3, 0, 0], [0, -3, -3]);
    exact("L2L3L1", Supply::It230, [7, 8, 0], [0, 7, 8]);
    exact("L2L3L1", Supply::It230, [0, 0, 0], [0, 0, 0]);
}

#[test]
fn current_whose_way_back_is_unknown_is_an_interval() {
    let network = with_wiring("L2L3L1", Supply::It230);
    let currents = network.site_currents(EvseIndex::new(0), amperes([9, 0, 0]));
    assert_eq!((currents.at_least, currents.at_most), (amperes([0, 9, 0]), amperes([9, 9, 9])));
    let currents = network.site_currents(EvseIndex::new(0), amperes([-9, 0, 0]));
    assert_eq!((currents.at_least, currents.at_most), (amperes([-9, -9, -9]), amperes([0, -9, 0])));
}

#[test]
fn an_ampere_stands_for_the_voltages_that_drive_it() {
    let tn = with_wiring("L1L2L3", Supply::Tn400);
    assert_eq!(
        [1, 2, 3].map(|phases| tn.voltage_total_floor(phases).millivolts()),
        [230_000, 460_000, 690_000]
    );
    let it = with_wiring("L1L2L3", Supply::It230);
    assert_eq!([1, 3].map(|phases| it.voltage_total_floor(phases).millivolts()), [230_000, 398_360]);
}

#[test]
fn wirings_print_and_read_back() {
    for text in ["L1", "L3", "L1L2", "L3L1", "L1L2L3", "L3L2L1", "L2L3L1", "L1-L3"] {
        assert_eq!(text.parse::<Wiring>().unwrap().to_string(), text);
    }
    for text in ["", "L4", "L1L", "L1-L2L3", "L1-", "l1", "L1L2L3L1", "L1-L2-L3", "§L1"] {
        assert!(text.parse::<Wiring>().is_err(), "{text}");
    }
}

#[test]
fn s4_what_silence_may_draw_must_fit_and_the_numbers_are_told() {
    let mut config = site();
    // Riser of 40 A − 2 A: two EVSEs on L2 at 16 A with 7 A of base are 39 A.
    config.circuits[1].worst_base = amperes([0, 7, 0]);
    config.evses[0].wiring = wiring("L2");
    config.evses[1].wiring = wiring("L2");
    config.evses[0].fallback = a(16);
    config.evses[1].limit_expired = a(16);
    assert_problems(
        config.clone(),
        &["row riser L2: fallback (S4) is 32 A of silent EVSEs + 7 A worst base = 39 A; \
           it must be at most 38 A (rating 40 A − reserve 2 A)"],
    );
    // Of each EVSE the higher of the two counts, not their sum.
    config.evses[0].limit_expired = a(10);
    config.circuits[1].worst_base = amperes([0, 6, 0]);
    Network::build(config.clone()).unwrap();
    // One out of use draws nothing.
    config.circuits[1].worst_base = amperes([0, 20, 0]);
    assert_eq!(Network::build(config.clone()).unwrap_err().len(), 1);
    config.evses[0].is_in_use = false;
    Network::build(config).unwrap();
}

#[test]
fn s4_between_two_lines_silence_counts_on_both() {
    let mut config = site();
    config.supply = Supply::It230;
    config.evses[0].wiring = wiring("L1-L2");
    config.evses[1].wiring = wiring("L2-L3");
    config.evses[0].fallback = a(16);
    config.evses[1].fallback = a(16);
    config.circuits[1].worst_base = amperes([10, 10, 10]);
    assert_problems(
        config,
        &["row riser L2: fallback (S4) is 32 A of silent EVSEs + 10 A worst base = 42 A; \
           it must be at most 38 A (rating 40 A − reserve 2 A)"],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let mut config = site();
    config.voltage_nominal = Volts::from_volts(12);
    config.circuits[1].rating.l2 = a(-5);
    config.circuits[1].meter = Some(MeterConfig {
        id: id("meter-main"),
        timeout: TimeSpan::ZERO,
        accuracy_permille: 101,
        source: MeterSource::default(),
    });
    config.evses[0].wiring = wiring("L1L1L2");
    config.evses[0].weight = 0;
    config.evses[1].step = Amperes::ZERO;
    config.evses[1].circuit = id("attic");
    config.evses.push(config.evses[0].clone());
    config.evses[2].wiring = wiring("L1-L2");
    config.evses[2].weight = 1;
    config.evses[2].current_min = a(20);
    assert_problems(
        config,
        &[
            "site s: voltage_nominal is 12 V; it must be from 100 V to 500 V, normally 230 V",
            "circuit riser: rating is -5 A on L2; it must be above 0 A and at most 100000 A",
            "circuit riser: meter timeout is 0 s; it must be above 0 s, normally 30 s",
            "circuit riser: meter accuracy is 101 ‰; it must be from 0 ‰ to 100 ‰ of the rating (class 1 is 10 ‰)",
            "EVSE a/1: wiring is L1L1L2; each line may be named once",
            "EVSE a/1: weight is 0; it must be from 1 to 1000000",
            "EVSE b/1: circuit is `attic`; it must be a circuit of this site",
            "EVSE b/1: step is 0 A; it must be above 0 A and at most the maximum, normally 1 A or 0.1 A",
            "EVSE a/1: wiring is L1-L2; on TN 400 V it must be such as L2, L1L2 or L2L3L1",
            "EVSE a/1: current_min is 20 A; it must be above 0 A and at most the maximum of 16 A",
            "EVSE a/1: id is used twice; it must be unique",
            "circuit riser: meter is `meter-main`; that meter measures circuit main",
        ],
    );
}

#[test]
fn circuits_that_are_not_one_tree_are_refused() {
    let circuit = |name: &str, parent: Option<&str>| CircuitConfig { parent: parent.map(id), ..main(name) };
    let build = |circuits: Vec<CircuitConfig>| SiteConfig { circuits, evses: Vec::new(), ..site() };
    assert_problems(build(vec![]), &["site s: circuits is empty; a grid connection is needed"]);
    assert_problems(
        build(vec![circuit("one", None), circuit("two", None), circuit("three", Some("two"))]),
        &["circuit two: parent is not given; only the grid connection has none; also without: one, two"],
    );
    assert_problems(
        build(vec![
            circuit("one", None),
            circuit("two", Some("cellar")),
            CircuitConfig { meter: None, ..circuit("one", None) },
        ]),
        &[
            "circuit one: id is used twice; it must be unique",
            "circuit two: parent is `cellar`; it must be a circuit of this site",
            "circuit one: parent is not given; only the grid connection has none; also without: one, one",
        ],
    );
    assert_problems(
        build(vec![
            circuit("one", None),
            circuit("two", Some("four")),
            circuit("three", Some("two")),
            circuit("four", Some("three")),
            circuit("five", Some("four")),
            circuit("six", Some("six")),
        ]),
        &[
            "circuit two: parent is a circle: two under four under three under two; \
             every circuit must lead to the grid connection",
            "circuit six: parent is a circle: six under six; every circuit must lead to the grid connection",
        ],
    );
}

#[test]
fn stated_currents_must_fit_each_other() {
    let mut config = site();
    config.circuits[0].static_headroom = Some(amperes([51, 52, 0]));
    config.circuits[1].reserve = Some(a(40));
    assert_problems(
        config,
        &[
            "circuit main: static_headroom is 52 A on L2; it must be from 0 A to 51 A \
             (rating 100 A − reserve 4 A − worst base 45 A)",
            "circuit riser: reserve is 40 A; it must be from 0 A to below the rating of 40 A",
        ],
    );
    let mut config = site();
    config.circuits[0].worst_base = amperes([45, 45, -1]);
    config.circuits[1].worst_base = amperes([20, 0, 0]);
    config.circuits[1].rating = amperes([60, 60, 60]);
    config.circuits[0].worst_base.l1 = a(19);
    assert_problems(
        config,
        &[
            "circuit main: worst_base is -1 A on L3; it must be from 0 A to 100000 A",
            "row riser L1: worst_base is 20 A; it must be at most that of main L1, 19 A",
            "row riser L3: worst_base is 0 A; it must be at most that of main L3, -1 A",
        ],
    );
}

#[test]
fn s3_a_fallback_is_zero_or_a_limit_that_can_be_sent() {
    let mut config = site();
    config.evses[0].fallback = a(5);
    config.evses[0].limit_expired = Amperes::from_milliamperes(6_500);
    config.evses[1].accepts_zero = false;
    config.evses[1].fallback = a(6);
    assert_problems(
        config,
        &[
            "EVSE a/1: fallback is 5 A; it must be 0 A or from 6 A to 16 A in steps of 1 A",
            "EVSE a/1: limit_expired is 6.5 A; it must be 0 A or from 6 A to 16 A in steps of 1 A",
            "EVSE b/1: limit_expired is 0 A; it must be from 6 A to 16 A in steps of 1 A",
        ],
    );
    let mut config = site();
    config.evses[0].step = a(9);
    config.evses[0].current_min = a(10);
    assert_problems(
        config,
        &["EVSE a/1: step is 9 A; a multiple must lie between the minimum of 10 A and the maximum of 16 A"],
    );
}

#[test]
fn absurd_figures_are_told_and_break_nothing() {
    let mut config = site();
    let absurd = Amperes::from_milliamperes(9_000_000_000_000_000);
    config.circuits[0].rating = PerPhase::splat(absurd);
    config.circuits[1].worst_base = PerPhase::splat(absurd);
    config.evses[0].current_max = absurd;
    config.evses[0].fallback = absurd;
    assert!(Network::build(config).unwrap_err().len() >= 7);
}

#[test]
fn samples_are_accepted_and_repeat() {
    for seed in 0..50 {
        for supply in [Supply::Tn400, Supply::It230] {
            let network = crate::sample::network(seed, 70, supply);
            assert_eq!(network.evses().len(), 70);
            assert_eq!(crate::sample::site(seed, 70, supply), crate::sample::site(seed, 70, supply));
        }
    }
}

#[track_caller]
fn assert_problems(config: SiteConfig, expected: &[&str]) {
    let problems = Network::build(config).unwrap_err();
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

/// A grid connection of 100 A with a meter and a riser of 40 A with two EVSEs.
fn site() -> SiteConfig {
    let riser = CircuitConfig {
        parent: Some(id("main")),
        rating: amperes([40, 40, 40]),
        meter: None,
        worst_base: amperes([0, 0, 0]),
        ..main("riser")
    };
    SiteConfig {
        id: id("s"),
        name: "S".to_owned(),
        zone: Zone::utc(),
        supply: Supply::Tn400,
        voltage_nominal: Volts::from_volts(230),
        circuits: vec![main("main"), riser],
        evses: vec![
            EvseConfig::new(id("a/1"), id("riser"), wiring("L1L2L3"), a(16)),
            EvseConfig::new(id("b/1"), id("riser"), wiring("L2L3L1"), a(16)),
        ],
        strategy: Strategy::default(),
    }
}

fn main(name: &str) -> CircuitConfig {
    CircuitConfig {
        id: id(name),
        name: String::new(),
        parent: None,
        rating: amperes([100, 100, 100]),
        reserve: None,
        meter: Some(MeterConfig {
            id: format!("meter-{name}").parse().unwrap(),
            timeout: meter_timeout_default(),
            accuracy_permille: meter_accuracy_default(),
            source: MeterSource::default(),
        }),
        worst_base: amperes([45, 45, 45]),
        static_headroom: None,
    }
}

fn with_wiring(text: &str, supply: Supply) -> Network {
    let mut config = SiteConfig { supply, ..site() };
    config.evses.truncate(1);
    config.evses[0].wiring = wiring(text);
    Network::build(config).unwrap()
}

fn wiring(text: &str) -> Wiring {
    text.parse().unwrap()
}

fn id<Id: FromStr<Err: fmt::Debug>>(text: &str) -> Id {
    text.parse().unwrap()
}

fn a(count: i64) -> Amperes {
    Amperes::from_amperes(count)
}

fn amperes([l1, l2, l3]: [i64; 3]) -> PerPhase<Amperes> {
    PerPhase::new(a(l1), a(l2), a(l3))
}
