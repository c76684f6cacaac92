//! What every allocation must be, on random sites.

use charging::allocation::{
    Allocation, Allocator, Candidate, Certificate, EarliestDeadline, EqualStatic, FirstCome, LeastLaxity,
    MaxMin, Problem, RoundRobin,
};
use charging::network::{Coefficient, RowIndex, Supply};
use charging::sample::{self, Random};
use units::Amperes;

#[test]
fn no_allocator_is_ever_over_headroom() {
    for_each_problem(|problem| {
        for (name, allocation) in by_all_allocators(problem) {
            for (row, drawn) in drawn(problem, &allocation).into_iter().enumerate() {
                let headroom = problem.headroom[row].max(Amperes::ZERO).milliamperes() * 1_000;
                assert!(drawn <= headroom, "{name}: row {row} carries {drawn} of {headroom} µA");
            }
        }
    });
}

#[test]
fn s3_a_limit_is_zero_or_within_bounds_and_on_the_step() {
    for_each_problem(|problem| {
        for (name, allocation) in by_all_allocators(problem) {
            assert_eq!(allocation.limits.len(), problem.sessions.len());
            for (session, &limit) in problem.sessions.iter().zip(&allocation.limits) {
                let is_allowed = limit == Amperes::ZERO
                    || (limit == limit.floor_to(session.step)
                        && limit >= session.min
                        && limit <= session.max);
                assert!(is_allowed, "{name}: {limit} for {session:?}");
            }
        }
    });
}

#[test]
fn nobody_could_take_one_step_more() {
    for_each_problem(|problem| {
        for (name, allocation) in
            by_all_allocators(problem).into_iter().filter(|(name, _)| *name != "equal_static")
        {
            let drawn = drawn(problem, &allocation);
            for (session, &limit) in problem.sessions.iter().zip(&allocation.limits) {
                let more = next_step(session, limit);
                if limit + more <= session.max {
                    let full = row_without_room(problem, &drawn, session, more);
                    assert!(full.is_some(), "{name}: {session:?} has {limit} and could take {more} more");
                }
            }
        }
    });
}

#[test]
fn everybody_gets_at_least_the_rounded_down_share() {
    for_each_problem(|problem| {
        let shares = MaxMin::new().shares_before_steps(problem);
        let limits = MaxMin::new().allocate(problem).limits;
        for ((session, share), limit) in problem.sessions.iter().zip(shares).zip(limits) {
            assert!(limit >= share.floor_to(session.step), "{limit} of a share of {share} for {session:?}");
        }
    });
}

#[test]
fn where_there_is_enough_everybody_gets_what_the_filling_would_give() {
    for_each_problem(|problem| {
        let plenty = problem.headroom.iter().map(|_| Amperes::from_amperes(2_000)).collect();
        let plenty = Problem { headroom: plenty, ..problem.clone() };
        let Some(first) = plenty.sessions.first() else { return };
        // One more session, on a row of its own that holds nothing, and the filling must run.
        let mut with_one_more = plenty.clone();
        let full_row = RowIndex::new(plenty.headroom.len());
        with_one_more.headroom.push(Amperes::ZERO);
        let loads = std::iter::once((full_row, Coefficient::ONE)).collect();
        let stuck = Candidate { loads, max: Amperes::from_amperes(32), ..first.clone() };
        with_one_more.sessions.push(stuck);
        let alone = MaxMin::new().allocate(&plenty);
        let mut filled = MaxMin::new().allocate(&with_one_more);
        assert_eq!(filled.certificates.pop(), Some(Certificate::Row(full_row)));
        assert_eq!(filled.limits.pop(), Some(Amperes::ZERO));
        assert_eq!(alone, filled);
        let fair = MaxMin::new().fair_shares(&plenty);
        assert_eq!(fair[..], MaxMin::new().fair_shares(&with_one_more)[..fair.len()]);
    });
}

#[test]
fn every_certificate_is_true() {
    let mut seen = [0; 3];
    for_each_problem(|problem| {
        for (name, allocation) in by_all_allocators(problem) {
            let drawn = drawn(problem, &allocation);
            for (place, session) in problem.sessions.iter().enumerate() {
                let limit = allocation.limits[place];
                let more = next_step(session, limit);
                let has_no_room = |row: RowIndex| {
                    session.loads.iter().any(|(at, coefficient)| {
                        let headroom =
                            problem.headroom[row.place()].max(Amperes::ZERO).milliamperes() * 1_000;
                        let wanted = coefficient.thousandths() * more.milliamperes();
                        // An equal share stops a session before its row is full.
                        *at == row && (drawn[row.place()] + wanted > headroom || name == "equal_static")
                    })
                };
                let is_true = match allocation.certificates[place] {
                    Certificate::OwnMaximum => {
                        seen[0] += 1;
                        limit + more > session.max
                    }
                    Certificate::Row(row) => {
                        seen[1] += 1;
                        limit + more <= session.max && has_no_room(row)
                    }
                    Certificate::Rotation(row) => {
                        seen[2] += 1;
                        limit == Amperes::ZERO && has_no_room(row)
                    }
                    Certificate::Plan
                    | Certificate::MinimumInterval
                    | Certificate::UnprovenShed
                    | Certificate::StaleMeter(_) => false,
                };
                assert!(is_true, "{name}: {:?} with {limit} for {session:?}", allocation.certificates[place]);
            }
        }
    });
    assert!(seen.iter().all(|count| *count > 100), "own maximum, row, rotation were seen {seen:?} times");
}

#[test]
fn the_same_problem_has_the_same_answer_whatever_was_asked_before() {
    let mut used = MaxMin::new();
    for_each_problem(|problem| {
        let first = used.allocate(problem);
        let shares = used.fair_shares(problem);
        assert_eq!(used.allocate(problem), first);
        assert_eq!(MaxMin::new().allocate(problem), first);
        assert_eq!(MaxMin::new().fair_shares(problem), shares);
    });
}

#[test]
fn fair_shares_hold_on_every_row() {
    for_each_problem(|problem| {
        let limits = MaxMin::new().fair_shares(problem);
        for (session, share) in problem.sessions.iter().zip(&limits) {
            assert!(
                (Amperes::ZERO..=session.max.max(Amperes::ZERO)).contains(share),
                "{share} for {session:?}"
            );
        }
        let allocation = Allocation { limits, certificates: Vec::new() };
        for (row, drawn) in drawn(problem, &allocation).into_iter().enumerate() {
            assert!(drawn <= problem.headroom[row].max(Amperes::ZERO).milliamperes() * 1_000);
        }
    });
}

#[test]
fn the_work_grows_no_faster_than_n_log_n() {
    let operations_per_coefficient = |evses: usize| -> f64 {
        let mut allocator = MaxMin::new();
        let (mut operations, mut coefficients) = (0.0, 0.0);
        for seed in 0..5 {
            let network = sample::network(seed, evses, Supply::Tn400);
            let problem = sample::problem(seed, &network, 0);
            allocator.allocate(&problem);
            let loads: usize = problem.sessions.iter().map(|session| session.loads.len()).sum();
            operations += f64::from(u32::try_from(allocator.operations()).unwrap());
            coefficients += f64::from(u32::try_from(loads).unwrap());
        }
        operations / coefficients
    };
    let (small, large) = (operations_per_coefficient(250), operations_per_coefficient(4_000));
    // log2 grows from 8 to 12 while n grows sixteenfold.
    assert!(large <= small * 12.0 / 8.0, "{small} operations per coefficient at 250, {large} at 4 000");
    assert!(small < 8.0, "{small} operations per coefficient");
}

#[test]
#[should_panic(expected = "has a step of 0 A")]
fn a_candidate_without_a_step_is_a_defect() {
    let mut problem = sample::problem(1, &sample::network(1, 4, Supply::Tn400), 0);
    problem.sessions[0].step = Amperes::ZERO;
    MaxMin::new().allocate(&problem);
}

/// 300 random problems on TN and IT; a failing one prints its seed.
fn for_each_problem(mut check: impl FnMut(&Problem)) {
    for seed in 0..300 {
        let mut random = Random::new(seed ^ 0x0a11);
        let evses = usize::try_from(random.between(1, 80)).unwrap();
        let supply = random.one_of(&[Supply::Tn400, Supply::It230]);
        let mut problem = sample::problem(seed, &sample::network(seed, evses, supply), 20);
        vary(&mut problem, &mut random);
        let named = PrintOnPanic(format!("seed {seed}: {evses} EVSEs, {supply:?}"));
        check(&problem);
        std::mem::forget(named);
    }
}

struct PrintOnPanic(String);

impl Drop for PrintOnPanic {
    fn drop(&mut self) {
        eprintln!("{}", self.0);
    }
}

/// What samples alone seldom have: other minimums and classes, EVs that do not survive a pause, rows without headroom.
fn vary(problem: &mut Problem, random: &mut Random) {
    for session in &mut problem.sessions {
        session.min = Amperes::from_milliamperes(random.one_of(&[1_400, 6_000, 6_000, 6_500, 8_000]));
        session.class = u8::try_from(random.between(1, 3)).unwrap();
        session.survives_pause = random.chance(80);
    }
    if random.chance(40) {
        for headroom in &mut problem.headroom {
            if random.chance(15) {
                *headroom = Amperes::from_milliamperes(random.between(-20_000, 9_000));
            }
        }
    }
}

fn by_all_allocators(problem: &Problem) -> Vec<(&'static str, Allocation)> {
    let mut allocators: [(&'static str, &mut dyn Allocator); 6] = [
        ("max_min", &mut MaxMin::new()),
        ("equal_static", &mut EqualStatic),
        ("first_come", &mut FirstCome),
        ("round_robin", &mut RoundRobin),
        ("earliest_deadline", &mut EarliestDeadline),
        ("least_laxity", &mut LeastLaxity),
    ];
    allocators.iter_mut().map(|(name, allocator)| (*name, allocator.allocate(problem))).collect()
}

/// What each row carries, in µA.
fn drawn(problem: &Problem, allocation: &Allocation) -> Vec<i64> {
    let mut drawn = vec![0; problem.headroom.len()];
    for (session, limit) in problem.sessions.iter().zip(&allocation.limits) {
        for (row, coefficient) in session.loads.iter() {
            drawn[row.place()] += coefficient.thousandths() * limit.milliamperes();
        }
    }
    drawn
}

/// What a session would take next: its minimum, then step by step.
fn next_step(session: &Candidate, limit: Amperes) -> Amperes {
    if limit == Amperes::ZERO { session.min.ceil_to(session.step) } else { session.step }
}

fn row_without_room(
    problem: &Problem,
    drawn: &[i64],
    session: &Candidate,
    more: Amperes,
) -> Option<RowIndex> {
    session.loads.iter().find_map(|(row, coefficient)| {
        let headroom = problem.headroom[row.place()].max(Amperes::ZERO).milliamperes() * 1_000;
        let wanted = coefficient.thousandths() * more.milliamperes();
        (drawn[row.place()] + wanted > headroom).then_some(*row)
    })
}
