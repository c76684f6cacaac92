//! Naive references: slow, plain, in floating point.

use charging::allocation::{Candidate, Problem};
use units::Amperes;

/// An admitted session, in amperes.
#[derive(Debug, Clone)]
pub struct RefSession {
    pub place: usize,
    pub weight: f64,
    pub lowest: f64,
    pub highest: f64,
    /// Row and coefficient.
    pub loads: Vec<(usize, f64)>,
}

/// The sessions at `places` of `problem`, with their whole-step bounds.
pub fn sessions(problem: &Problem, places: impl Iterator<Item = usize>) -> Vec<RefSession> {
    places.map(|place| session(place, &problem.sessions[place])).collect()
}

fn session(place: usize, candidate: &Candidate) -> RefSession {
    let loads = candidate
        .loads
        .iter()
        .map(|(row, coefficient)| (row.place(), float(coefficient.thousandths()) / 1000.0));
    RefSession {
        place,
        weight: f64::from(candidate.weight),
        lowest: amperes(candidate.min.ceil_to(candidate.step)),
        highest: amperes(candidate.max.floor_to(candidate.step)),
        loads: loads.collect(),
    }
}

pub fn headroom(problem: &Problem) -> Vec<f64> {
    problem.headroom.iter().map(|headroom| amperes(*headroom).max(0.0)).collect()
}

pub fn amperes(current: Amperes) -> f64 {
    float(current.milliamperes()) / 1000.0
}

fn float(count: i64) -> f64 {
    f64::from(i32::try_from(count).expect("test currents are small"))
}

/// Fills by trying levels: bisect the highest level that holds, stop who is on a row that holds no more, repeat.
pub fn filling(sessions: &[RefSession], headroom: &[f64]) -> Vec<f64> {
    let mut stopped: Vec<Option<f64>> = vec![None; sessions.len()];
    let shares = |level: f64, stopped: &[Option<f64>]| -> Vec<f64> {
        let free = |session: &RefSession| (level * session.weight).clamp(session.lowest, session.highest);
        sessions.iter().zip(stopped).map(|(session, share)| share.unwrap_or_else(|| free(session))).collect()
    };
    let rows_over = |shares: &[f64]| -> Vec<usize> {
        let mut drawn = vec![0.0; headroom.len()];
        for (session, share) in sessions.iter().zip(shares) {
            for (row, coefficient) in &session.loads {
                drawn[*row] += coefficient * share;
            }
        }
        (0..headroom.len()).filter(|row| drawn[*row] > headroom[*row] + 1e-9).collect()
    };
    let beyond_all = 1e6;
    loop {
        if rows_over(&shares(beyond_all, &stopped)).is_empty() {
            return shares(beyond_all, &stopped);
        }
        let (mut holds, mut fails) = (0.0, beyond_all);
        for _ in 0..80 {
            let middle = (holds + fails) / 2.0;
            if rows_over(&shares(middle, &stopped)).is_empty() {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        let at_level = shares(holds, &stopped);
        let full = rows_over(&shares(fails, &stopped));
        let newly: Vec<usize> = (0..sessions.len())
            .filter(|place| stopped[*place].is_none())
            .filter(|place| sessions[*place].loads.iter().any(|(row, _)| full.contains(row)))
            .collect();
        assert!(!newly.is_empty(), "a row is over and nobody is there to stop");
        for place in newly {
            stopped[place] = Some(at_level[place]);
        }
    }
}
