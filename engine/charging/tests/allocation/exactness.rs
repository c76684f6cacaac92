//! Shares before whole steps are those of naive filling. That they are those of a sequence of linear programs is for
//! `planner` to prove.

use charging::allocation::{MaxMin, Problem};
use charging::network::Supply;
use charging::sample::{self, Random};
use units::Amperes;

use crate::naive;

/// Floating-point dust of the references; a share is exact to 1 mA.
const DUST: f64 = 1e-5;

#[test]
fn shares_equal_naive_filling_on_400_trees() {
    let mut stopped_by_rows = 0;
    for seed in 1_000..1_400 {
        let (fewest, most) = if seed < 1_200 { (15, 90) } else { (4, 14) };
        let problem = random_problem(seed, fewest, most);
        stopped_by_rows += check(seed, &problem);
    }
    assert!(stopped_by_rows > 3_000, "only {stopped_by_rows} shares were between their bounds");
}

/// Compares, and counts the shares that are neither minimum nor maximum.
fn check(seed: u64, problem: &Problem) -> usize {
    let shares = MaxMin::new().shares_before_steps(problem);
    let admitted = (0..shares.len()).filter(|place| shares[*place] > Amperes::ZERO);
    let sessions = naive::sessions(problem, admitted);
    let expected = naive::filling(&sessions, &naive::headroom(problem));
    let mut between = 0;
    for (session, expected) in sessions.iter().zip(expected) {
        let share = naive::amperes(shares[session.place]);
        assert!(
            share <= expected + DUST && share >= expected - 0.001 - DUST,
            "seed {seed}: session {} has {share} A, the reference {expected} A",
            session.place
        );
        between += usize::from(share > session.lowest && share < session.highest - 0.001);
    }
    between
}

fn random_problem(seed: u64, evses_min: i64, evses_max: i64) -> Problem {
    let mut random = Random::new(seed ^ 0xe4ac7);
    let evses = usize::try_from(random.between(evses_min, evses_max)).unwrap();
    let supply = random.one_of(&[Supply::Tn400, Supply::Tn400, Supply::It230]);
    let mut problem = sample::problem(seed, &sample::network(seed, evses, supply), 10);
    for session in &mut problem.sessions {
        session.min = Amperes::from_milliamperes(random.one_of(&[1_000, 6_000, 6_000, 6_500, 8_000]));
    }
    problem
}
