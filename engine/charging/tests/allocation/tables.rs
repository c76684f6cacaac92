//! Small problems whose answers are computed by hand.

use charging::allocation::{
    Allocation, Allocator, AmpereSeconds, Candidate, Certificate, EarliestDeadline, EqualStatic, FirstCome,
    LeastLaxity, MaxMin, Problem, RoundRobin, SLICE, wait_bounds,
};
use charging::network::{CircuitIndex, Coefficient, EvseIndex, RowIndex, Supply};
use charging::sample;
use units::{Amperes, TimeSpan, Timestamp};

use Certificate::{OwnMaximum, Rotation, Row};

#[test]
fn two_evs_share_a_row_equally() {
    check(&[20], &[ev(&[0]), ev(&[0])], &[10_000, 10_000], &[Row(row(0)), Row(row(0))]);
}

#[test]
fn a_weight_of_two_gets_twice_as_much() {
    let heavy = Candidate { weight: 2, ..ev(&[0]) };
    check(&[21], &[heavy, ev(&[0])], &[14_000, 7_000], &[Row(row(0)), Row(row(0))]);
}

#[test]
fn a_minimum_above_the_share_is_kept_and_the_others_pay() {
    let heavy = Candidate { weight: 4, ..ev(&[0]) };
    check(&[20], &[heavy, ev(&[0])], &[14_000, 6_000], &[Row(row(0)), Row(row(0))]);
}

#[test]
fn an_ev_at_its_maximum_leaves_the_rest_to_the_others() {
    let small = Candidate { max: amperes(7_900), ..ev(&[0]) };
    check(&[20], &[small, ev(&[0])], &[7_000, 13_000], &[OwnMaximum, Row(row(0))]);
}

#[test]
fn one_phase_evs_on_l1_cost_nobody_on_l2() {
    let sessions = [ev(&[0]), ev(&[0]), ev(&[0, 1, 2]), ev(&[1])];
    check(
        &[24, 24, 24],
        &sessions,
        &[8_000, 8_000, 8_000, 16_000],
        &[Row(row(0)), Row(row(0)), Row(row(0)), OwnMaximum],
    );
}

#[test]
fn a_tight_group_leaves_the_rest_of_the_feeder_to_others() {
    // Row 0 feeds row 1. The group holds its two at 7 A, the third takes 30 − 14.
    let sessions = [ev(&[1, 0]), ev(&[1, 0]), ev(&[0])];
    check(&[30, 14], &sessions, &[7_000, 7_000, 16_000], &[Row(row(1)), Row(row(1)), OwnMaximum]);
    // At 21 A all three are equal and both rows are full: the one that stops most is named.
    check(&[21, 14], &sessions, &[7_000, 7_000, 7_000], &[Row(row(0)), Row(row(0)), Row(row(0))]);
}

#[test]
fn the_remainder_goes_out_in_the_order_of_arrival() {
    let sessions = [came(ev(&[0]), 30), came(ev(&[0]), 10), came(ev(&[0]), 20)];
    check(&[20], &sessions, &[6_000, 7_000, 7_000], &[Row(row(0)); 3]);
    let fine = sessions.map(|ev| Candidate { step: amperes(100), ..ev });
    check(&[20], &fine, &[6_600, 6_700, 6_700], &[Row(row(0)); 3]);
}

#[test]
fn the_remainder_of_a_coarse_step_goes_to_a_fine_one() {
    let fine = Candidate { step: amperes(100), ..came(ev(&[0]), 20) };
    // Shares are 6.75 A: 6 A and 6.7 A, 0.8 A are left, not enough for 1 A.
    check(&[13], &[came(ev(&[0]), 10), fine.clone()], &[6_000, 7_000], &[Row(row(0)); 2]);
    let problem = Problem { headroom: vec![amperes(13_500)], ..problem(&[0], &[came(ev(&[0]), 10), fine]) };
    assert_eq!(milliamperes(&MaxMin::new().allocate(&problem)), [6_000, 7_500]);
}

#[test]
fn who_does_not_fit_waits_for_a_turn_and_the_row_is_named() {
    let sessions = [came(ev(&[0]), 30), came(ev(&[0]), 10), came(ev(&[0]), 20)];
    check(&[13], &sessions, &[0, 7_000, 6_000], &[Rotation(row(0)), Row(row(0)), Row(row(0))]);
}

#[test]
fn a_small_one_behind_one_that_does_not_fit_is_served() {
    let sessions = [came(ev(&[0, 1]), 10), came(ev(&[0, 1]), 20), came(ev(&[1]), 30)];
    check(&[8, 15], &sessions, &[8_000, 0, 7_000], &[Row(row(1)), Rotation(row(0)), Row(row(1))]);
}

#[test]
fn s3_a_minimum_between_steps_is_rounded_up_and_a_maximum_down() {
    let odd = Candidate { min: amperes(6_500), max: amperes(9_999), ..ev(&[0]) };
    check(&[6], std::slice::from_ref(&odd), &[0], &[Row(row(0))]);
    check(&[7], std::slice::from_ref(&odd), &[7_000], &[Row(row(0))]);
    check(&[40], &[odd], &[9_000], &[OwnMaximum]);
}

#[test]
fn a_demand_below_the_minimum_gets_nothing_by_its_own_maximum() {
    let satisfied = Candidate { max: amperes(5_999), ..ev(&[0]) };
    check(&[40], &[satisfied], &[0], &[OwnMaximum]);
}

#[test]
fn no_headroom_stops_everybody_by_row() {
    for headroom in [0, -5, 5] {
        check(&[40, headroom], &[ev(&[0, 1]), ev(&[1])], &[0, 0], &[Row(row(1)), Row(row(1))]);
    }
}

#[test]
fn between_two_lines_an_ev_counts_on_both() {
    // L1-L2 and L2-L3: L2 carries both.
    check(&[20, 20, 20], &[ev(&[0, 1]), ev(&[1, 2])], &[10_000, 10_000], &[Row(row(1)), Row(row(1))]);
}

#[test]
fn a_coefficient_other_than_one_is_counted() {
    let double = Candidate { loads: [(row(0), Coefficient::from_thousandths(2_000))].into(), ..ev(&[]) };
    // λ + 2 λ = 30.
    check(&[30], &[ev(&[0]), double], &[10_000, 10_000], &[Row(row(0)), Row(row(0))]);
    let half = Candidate { loads: [(row(0), Coefficient::from_thousandths(500))].into(), ..ev(&[]) };
    check(&[4], &[half], &[8_000], &[Row(row(0))]);
}

#[test]
fn a_class_is_served_before_the_next_even_when_that_waits_longer() {
    let second = Candidate { class: 2, ..off(ev(&[0]), 120) };
    // The second class has no turn to wait for: the first leaves no room.
    check(&[8], &[second.clone(), ev(&[0])], &[0, 8_000], &[Row(row(0)), Row(row(0))]);
    let same = Candidate { class: 1, ..second };
    check(&[8], &[same, ev(&[0])], &[8_000, 0], &[Row(row(0)), Rotation(row(0))]);
}

#[test]
fn who_waits_since_an_earlier_slice_replaces_who_had_a_turn() {
    // 08:00 is the beginning of a slice; `now` is 08:07.
    let served = on(ev(&[0]), 15);
    let waiting = off(ev(&[0]), 8);
    check(&[8], &[served.clone(), waiting], &[0, 8_000], &[Rotation(row(0)), Row(row(0))]);
    // Who came on in this slice stays, and who came in this slice waits.
    let holding = on(ev(&[0]), 5);
    check(&[8], &[holding, off(ev(&[0]), 120)], &[8_000, 0], &[Row(row(0)), Rotation(row(0))]);
    check(&[8], &[served, off(ev(&[0]), 3)], &[8_000, 0], &[Row(row(0)), Rotation(row(0))]);
}

#[test]
fn among_equals_a_deficit_of_a_slice_goes_first() {
    let owed = |amperes| Candidate {
        deficit: AmpereSeconds::of_floor(Amperes::from_amperes(amperes), SLICE),
        ..off(ev(&[0]), 20)
    };
    check(&[8], &[owed(5), owed(6)], &[0, 8_000], &[Rotation(row(0)), Row(row(0))]);
    check(&[8], &[owed(6), owed(11)], &[8_000, 0], &[Row(row(0)), Rotation(row(0))]);
}

#[test]
fn an_ev_that_does_not_survive_a_pause_keeps_its_place() {
    let fragile = Candidate { survives_pause: false, ..on(ev(&[0]), 300) };
    let sessions = [off(ev(&[0]), 120), fragile.clone(), off(ev(&[0]), 100)];
    check(&[14], &sessions, &[7_000, 7_000, 0], &[Row(row(0)), Row(row(0)), Rotation(row(0))]);
    // Two would leave no room for anybody else: the later one takes turns.
    let later = came(Candidate { survives_pause: false, ..on(ev(&[0]), 200) }, 900);
    let sessions = [off(ev(&[0]), 120), fragile, later];
    check(&[14], &sessions, &[7_000, 7_000, 0], &[Row(row(0)), Row(row(0)), Rotation(row(0))]);
}

#[test]
fn s7_the_wait_bound_counts_minimums_and_competitors() {
    let sessions: Vec<Candidate> = (0..7).map(|_| ev(&[0])).collect();
    let bounds = wait_bounds(&problem(&[20], &sessions));
    assert_eq!(bounds.len(), 1);
    assert_eq!((bounds[0].row, bounds[0].sessions, bounds[0].minimums), (row(0), 7, 3));
    assert_eq!(bounds[0].bound, Some(SLICE * 3));
    // One that keeps its place counts against what fits.
    let mut sessions = sessions;
    sessions[0] = Candidate { survives_pause: false, ..on(ev(&[0]), 300) };
    let bounds = wait_bounds(&problem(&[20], &sessions));
    assert_eq!((bounds[0].sessions, bounds[0].minimums, bounds[0].bound), (6, 2, Some(SLICE * 3)));
}

#[test]
fn s7_where_no_minimum_fits_nothing_is_promised() {
    let bounds = wait_bounds(&problem(&[20, 5], &[ev(&[0]), ev(&[0, 1])]));
    assert_eq!((bounds[0].row, bounds[0].minimums, bounds[0].bound), (row(1), 0, None));
    // Nor to a class for which those before leave nothing.
    let second = Candidate { class: 2, ..ev(&[0]) };
    let bounds = wait_bounds(&problem(&[11], &[second, ev(&[0])]));
    assert_eq!(bounds.iter().map(|found| found.bound).collect::<Vec<_>>(), [Some(SLICE), None]);
}

#[test]
fn fair_shares_go_below_the_minimum() {
    let sessions: Vec<Candidate> = (0..4).map(|_| ev(&[0])).collect();
    let shares = MaxMin::new().fair_shares(&problem(&[13], &sessions));
    assert_eq!(shares, [amperes(3_250); 4]);
    let heavy = Candidate { weight: 3, ..ev(&[0]) };
    assert_eq!(
        MaxMin::new().fair_shares(&problem(&[10], &[heavy, ev(&[0])])),
        [amperes(7_500), amperes(2_500)]
    );
}

#[test]
fn certificates_name_rows_and_circuits() {
    let network = sample::network(1, 4, Supply::Tn400);
    for (certificate, text) in [
        (OwnMaximum, "own maximum"),
        (Row(row(1)), "main L2"),
        (Rotation(row(3)), "rotation on feeder-1 L1"),
        (Certificate::StaleMeter(CircuitIndex::new(0)), "stale meter of main"),
        (Certificate::Plan, "plan"),
        (Certificate::MinimumInterval, "minimum interval"),
        (Certificate::UnprovenShed, "unproven shed"),
    ] {
        assert_eq!(certificate.print(&network), text);
    }
}

#[test]
fn equal_static_divides_a_row_by_its_sessions() {
    let problem = problem(&[32], &[ev(&[0]), ev(&[0]), Candidate { max: amperes(6_000), ..ev(&[0]) }]);
    let allocation = EqualStatic.allocate(&problem);
    assert_eq!(milliamperes(&allocation), [10_000, 10_000, 6_000]);
    assert_eq!(allocation.certificates, [Row(row(0)), Row(row(0)), OwnMaximum]);
}

#[test]
fn the_orders_differ_in_who_takes_all_it_can() {
    let at = |minutes| Some(now() + TimeSpan::from_minutes(minutes));
    let first =
        Candidate { departure: at(200), laxity: Some(TimeSpan::from_minutes(50)), ..came(ev(&[0]), 10) };
    let second =
        Candidate { departure: at(100), laxity: Some(TimeSpan::from_minutes(90)), ..came(ev(&[0]), 20) };
    let third = came(ev(&[0]), 30);
    let problem = problem(&[24], &[third, second, first]);
    assert_eq!(milliamperes(&FirstCome.allocate(&problem)), [0, 8_000, 16_000]);
    assert_eq!(milliamperes(&EarliestDeadline.allocate(&problem)), [0, 16_000, 8_000]);
    assert_eq!(milliamperes(&LeastLaxity.allocate(&problem)), [0, 8_000, 16_000]);
    assert_eq!(milliamperes(&RoundRobin.allocate(&problem)), [8_000, 8_000, 8_000]);
}

/// What `MaxMin` makes of `sessions` with `headroom` in A by row, in mA.
#[track_caller]
fn check(headroom: &[i64], sessions: &[Candidate], limits: &[i64], certificates: &[Certificate]) {
    let allocation = MaxMin::new().allocate(&problem(headroom, sessions));
    assert_eq!(milliamperes(&allocation), limits);
    assert_eq!(allocation.certificates, certificates);
}

fn milliamperes(allocation: &Allocation) -> Vec<i64> {
    allocation.limits.iter().map(|limit| limit.milliamperes()).collect()
}

fn problem(headroom: &[i64], sessions: &[Candidate]) -> Problem {
    let headroom = headroom.iter().map(|headroom| Amperes::from_amperes(*headroom)).collect();
    Problem { now: now(), headroom, sessions: sessions.to_vec() }
}

fn now() -> Timestamp {
    "2026-01-15T08:07:00Z".parse().unwrap()
}

/// 6 A to 16 A in steps of 1 A, off and just come, loading `rows`.
fn ev(rows: &[usize]) -> Candidate {
    Candidate {
        key: EvseIndex::new(0),
        class: 1,
        weight: 1,
        min: Amperes::from_amperes(6),
        max: Amperes::from_amperes(16),
        step: Amperes::from_amperes(1),
        loads: rows.iter().map(|place| (row(*place), Coefficient::ONE)).collect(),
        arrived: now(),
        waiting_since: Some(now()),
        deficit: AmpereSeconds::ZERO,
        survives_pause: true,
        is_on: false,
        on_since: None,
        departure: None,
        laxity: None,
    }
}

/// `ev`, which came `seconds` after the beginning of the slice.
fn came(ev: Candidate, seconds: i64) -> Candidate {
    Candidate { arrived: now().floor_to(SLICE) + TimeSpan::from_seconds(seconds), ..ev }
}

/// `ev`, on for so many minutes.
fn on(ev: Candidate, minutes: i64) -> Candidate {
    let since = now() - TimeSpan::from_minutes(minutes);
    Candidate { arrived: since, waiting_since: None, is_on: true, on_since: Some(since), ..ev }
}

/// `ev`, waiting for so many minutes.
fn off(ev: Candidate, minutes: i64) -> Candidate {
    let since = now() - TimeSpan::from_minutes(minutes);
    Candidate { arrived: since, waiting_since: Some(since), ..ev }
}

fn row(place: usize) -> RowIndex {
    RowIndex::new(place)
}

fn amperes(milliamperes: i64) -> Amperes {
    Amperes::from_milliamperes(milliamperes)
}
