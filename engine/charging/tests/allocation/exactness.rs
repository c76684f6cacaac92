//! Shares before whole steps are those of the sequence of linear programs, and of naive filling.

use charging::allocation::{MaxMin, Problem};
use charging::network::Supply;
use charging::sample::{self, Random};
use good_lp::{Expression, ProblemVariables, Solution, SolverModel, Variable, constraint, microlp, variable};
use units::Amperes;

use crate::naive::{self, RefSession};

/// Floating-point dust of the references; a share is exact to 1 mA.
const DUST: f64 = 1e-5;

#[test]
fn shares_equal_the_sequence_of_linear_programs_on_200_random_trees() {
    let mut stopped_by_rows = 0;
    for seed in 0..200 {
        let problem = random_problem(seed, 4, 14);
        stopped_by_rows += check(seed, &problem, lexicographic_max_min);
    }
    assert!(
        stopped_by_rows > 500,
        "only {stopped_by_rows} shares were between their bounds: nothing was tested"
    );
}

#[test]
fn shares_equal_naive_filling_on_200_larger_trees() {
    let mut stopped_by_rows = 0;
    for seed in 1_000..1_200 {
        let problem = random_problem(seed, 15, 90);
        stopped_by_rows += check(seed, &problem, naive::filling);
    }
    assert!(stopped_by_rows > 3_000, "only {stopped_by_rows} shares were between their bounds");
}

/// Compares, and counts the shares that are neither minimum nor maximum.
fn check(seed: u64, problem: &Problem, reference: fn(&[RefSession], &[f64]) -> Vec<f64>) -> usize {
    let shares = MaxMin::new().shares_before_steps(problem);
    let admitted = (0..shares.len()).filter(|place| shares[*place] > Amperes::ZERO);
    let sessions = naive::sessions(problem, admitted);
    let expected = reference(&sessions, &naive::headroom(problem));
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

/// Maximises the lowest x_i / w_i, fixes who cannot rise, and so on: one linear program per round, and one for each
/// session that may be unable to rise.
fn lexicographic_max_min(sessions: &[RefSession], headroom: &[f64]) -> Vec<f64> {
    let mut fixed: Vec<Option<f64>> = vec![None; sessions.len()];
    while fixed.iter().any(Option::is_none) {
        let (_, level) = solve(sessions, headroom, &fixed, Goal::Level);
        let before = fixed.clone();
        for place in (0..sessions.len()).filter(|place| before[*place].is_none()) {
            let session = &sessions[place];
            let (shares, _) = solve(sessions, headroom, &before, Goal::Share { place, level });
            if shares[place] <= level * session.weight + DUST / 10.0 {
                fixed[place] = Some(level * session.weight);
            }
        }
        assert!(before != fixed, "at level {level} everybody could rise: the level was not the highest");
    }
    fixed.into_iter().map(Option::unwrap).collect()
}

enum Goal {
    /// The highest level that all who are not fixed reach.
    Level,
    /// The highest share of one session while all who are not fixed keep `level`.
    Share { place: usize, level: f64 },
}

fn solve(sessions: &[RefSession], headroom: &[f64], fixed: &[Option<f64>], goal: Goal) -> (Vec<f64>, f64) {
    let mut variables = ProblemVariables::new();
    let shares: Vec<Variable> = sessions
        .iter()
        .map(|session| variables.add(variable().min(session.lowest).max(session.highest)))
        .collect();
    let level = variables.add(variable().min(0.0).max(1e4));
    let objective: Expression = match goal {
        Goal::Level => level.into(),
        Goal::Share { place, .. } => shares[place].into(),
    };
    let mut model = variables.maximise(objective).using(microlp);
    for (place, session) in sessions.iter().enumerate() {
        match (fixed[place], &goal) {
            // A little below, so that what was fixed by floating point stays possible.
            (Some(share), _) => {
                model = model.with(constraint!(shares[place] <= share));
                model = model.with(constraint!(shares[place] >= share - 1e-9));
            }
            (None, Goal::Level) => model = model.with(constraint!(shares[place] >= session.weight * level)),
            (None, Goal::Share { level, .. }) => {
                model = model.with(constraint!(shares[place] >= session.weight * level - 1e-9));
            }
        }
    }
    for (row, headroom) in headroom.iter().enumerate() {
        let drawn: Expression = sessions
            .iter()
            .zip(&shares)
            .flat_map(|(session, share)| {
                session
                    .loads
                    .iter()
                    .filter(|(at, _)| *at == row)
                    .map(|(_, coefficient)| *coefficient * *share)
            })
            .sum();
        model = model.with(constraint!(drawn <= *headroom));
    }
    let solution = model.solve().expect("the minimums fit, so there is a solution");
    (shares.iter().map(|share| solution.value(*share)).collect(), solution.value(level))
}
