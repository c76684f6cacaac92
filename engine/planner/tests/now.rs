//! `MaxMin` in integers against the sequence of linear programs: the same shares, to 1 mA.

#![expect(clippy::unwrap_used, reason = "what a test relies on fails loudly")]

use charging::allocation::{MaxMin, Problem};
use charging::network::{Coefficient, Supply};
use charging::sample::{self, Random};
use planner::lp_now;
use solver::Backend;
use units::Amperes;

#[test]
fn the_filling_equals_the_sequence_of_linear_programs_on_random_trees() {
    let trees = if std::env::var_os("WATTERY_FULL").is_some() { 10_000 } else { 500 };
    let mut seen = Seen::default();
    for seed in 0..trees {
        check(seed, &random_problem(seed), Backend::FOR_INTEGERS, &mut seen);
    }
    println!("{trees} trees: {seen:?}");
    assert!(seen.between > 500 && seen.at_minimum > 500 && seen.at_maximum > 200, "one-sided: {seen:?}");
    assert!(seen.crowded > 5 && seen.fractions > 500 && seen.on_it > 50, "one-sided: {seen:?}");
}

#[test]
fn both_back_ends_prove_the_same() {
    for seed in 0..40 {
        let problem = random_problem(seed);
        if problem.sessions.len() <= 16 {
            for &backend in Backend::ALL {
                check(seed, &problem, backend, &mut Seen::default());
            }
        }
    }
}

#[test]
fn minimums_that_do_not_fit_are_told() {
    let mut problem = random_problem(1);
    for headroom in &mut problem.headroom {
        *headroom = Amperes::from_amperes(1);
    }
    let everybody = vec![true; problem.sessions.len()];
    let told = lp_now(&problem, &everybody, Backend::FOR_INTEGERS).unwrap_err().to_string();
    assert!(told.contains("microlp ended Infeasible"), "{told}");
}

/// What was compared.
#[derive(Debug, Default)]
struct Seen {
    at_minimum: usize,
    at_maximum: usize,
    between: usize,
    /// Trees of 100 EVSEs.
    crowded: usize,
    /// Coefficients that are not 1.
    fractions: usize,
    /// Trees on IT 230 V.
    on_it: usize,
}

fn check(seed: u64, problem: &Problem, backend: Backend, seen: &mut Seen) {
    let shares = MaxMin::new().shares_before_steps(problem);
    let is_admitted: Vec<bool> = shares.iter().map(|share| *share > Amperes::ZERO).collect();
    let proven = lp_now(problem, &is_admitted, backend);
    let proven = proven.unwrap_or_else(|failure| panic!("seed {seed}, {backend}: {failure}"));
    seen.crowded += usize::from(problem.sessions.len() > 80);
    for ((session, &share), &proven) in problem.sessions.iter().zip(&shares).zip(&proven) {
        let apart = (share - proven).magnitude();
        assert!(
            apart <= Amperes::from_milliamperes(1),
            "seed {seed}, {backend}: EVSE {:?} has {share}, the linear programs give {proven}",
            session.key
        );
        seen.fractions += session.loads.iter().filter(|(_, share)| *share != Coefficient::ONE).count();
        if share == Amperes::ZERO {
            continue;
        }
        if share == session.min.ceil_to(session.step) {
            seen.at_minimum += 1;
        } else if share == session.max.floor_to(session.step) {
            seen.at_maximum += 1;
        } else {
            seen.between += 1;
        }
    }
    seen.on_it += usize::from(seed % 3 == 2);
}

/// Trees of 2 to 12 EVSEs, and one in fifty of 100; one to three phases in use, TN and IT, weights to 4, minimums from 1 A,
/// maximums by demand. One in five has loads that flow in a row in part only, as behind a transformer.
fn random_problem(seed: u64) -> Problem {
    let mut random = Random::new(seed ^ 0x0e40);
    let evses = if seed % 50 == 49 { 100 } else { usize::try_from(random.between(2, 12)).unwrap() };
    let supply = if seed % 3 == 2 { Supply::It230 } else { Supply::Tn400 };
    let mut problem = sample::problem(seed, &sample::network(seed, evses, supply), 10);
    let has_fractions = seed % 5 == 4;
    for session in &mut problem.sessions {
        session.min = Amperes::from_milliamperes(random.one_of(&[1_000, 6_000, 6_000, 6_500, 8_000]));
        if has_fractions {
            let part = Coefficient::from_thousandths(u32::try_from(random.between(200, 1_900)).unwrap());
            session.loads = session.loads.iter().map(|&(row, _)| (row, part)).collect();
        }
    }
    problem
}
