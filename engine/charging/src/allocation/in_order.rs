//! Simple allocators, to compare with: an equal share each, or one session after another.

use units::{Amperes, TimeSpan, Timestamp};

use super::turns::Rank;
use super::{Allocation, Allocator, Bounds, Candidate, Certificate, Problem, fill_capacities};
use crate::network::RowIndex;

/// Each session gets the headroom of each of its rows divided by the sessions there, on whole steps, or nothing where
/// that is below its minimum. What is left over stays unused: this allocator is not maximal.
#[derive(Debug, Clone, Copy, Default)]
pub struct EqualStatic;

impl Allocator for EqualStatic {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        let mut coefficients = vec![0; problem.headroom.len()];
        for candidate in &problem.sessions {
            for (row, coefficient) in candidate.loads.iter() {
                coefficients[row.place()] += coefficient.thousandths();
            }
        }
        let mut capacities = Vec::new();
        fill_capacities(problem, &mut capacities);
        let mut allocation = nothing(problem);
        for (session, candidate) in problem.sessions.iter().enumerate() {
            let bounds = Bounds::of(candidate);
            let share_of_row =
                |row: RowIndex| (capacities[row.place()] / coefficients[row.place()].max(1), row);
            let least = candidate.loads.iter().map(|(row, _)| share_of_row(*row)).min();
            settle(&mut allocation, session, bounds, least);
        }
        allocation
    }
}

/// Who came first takes all it can use, then the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirstCome;

impl Allocator for FirstCome {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        serve_one_after_another(problem, |candidate| candidate.arrived)
    }
}

/// Who leaves first takes all it can use, then the next; without a departure, last.
#[derive(Debug, Clone, Copy, Default)]
pub struct EarliestDeadline;

impl Allocator for EarliestDeadline {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        serve_one_after_another(problem, |candidate| {
            (candidate.departure.unwrap_or(Timestamp::MAX), candidate.arrived)
        })
    }
}

/// Who can wait least takes all it can use, then the next; without a laxity, last.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeastLaxity;

impl Allocator for LeastLaxity {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        serve_one_after_another(problem, |candidate| {
            (candidate.laxity.unwrap_or(TimeSpan::from_milliseconds(i64::MAX)), candidate.arrived)
        })
    }
}

/// Minimums by turns, as many as fit, then one step each, round after round, until nobody can take one more.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobin;

impl Allocator for RoundRobin {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        let mut ranks: Vec<Rank> = problem
            .sessions
            .iter()
            .enumerate()
            .map(|(place, candidate)| Rank::of(place, candidate, problem.now, false))
            .collect();
        ranks.sort_unstable();
        let mut room = Room::of(problem);
        let mut allocation = nothing(problem);
        let mut taken = vec![0; problem.sessions.len()];
        let mut hopeful: Vec<usize> = ranks.into_iter().map(Rank::place).collect();
        while !hopeful.is_empty() {
            hopeful.retain(|&session| {
                let candidate = &problem.sessions[session];
                let bounds = Bounds::of(candidate);
                let next = if taken[session] == 0 { bounds.lowest } else { taken[session] + bounds.step };
                let fitting = room.most(candidate).map(|(most, row)| (most + taken[session], row));
                if next <= bounds.highest && fitting.is_none_or(|(most, _)| next <= most) {
                    room.take(candidate, next - taken[session]);
                    taken[session] = next;
                    return true;
                }
                let total = fitting.map(|(most, row)| (most.min(next - 1), row));
                settle(&mut allocation, session, bounds, total);
                false
            });
        }
        allocation
    }
}

fn serve_one_after_another<Key: Ord>(problem: &Problem, key: impl Fn(&Candidate) -> Key) -> Allocation {
    let mut order: Vec<usize> = (0..problem.sessions.len()).collect();
    order.sort_by_key(|&session| {
        let candidate = &problem.sessions[session];
        (candidate.class, key(candidate), session)
    });
    let mut room = Room::of(problem);
    let mut allocation = nothing(problem);
    for session in order {
        let candidate = &problem.sessions[session];
        let taken = settle(&mut allocation, session, Bounds::of(candidate), room.most(candidate));
        room.take(candidate, taken);
    }
    allocation
}

fn nothing(problem: &Problem) -> Allocation {
    Allocation {
        limits: vec![Amperes::ZERO; problem.sessions.len()],
        certificates: vec![Certificate::OwnMaximum; problem.sessions.len()],
    }
}

/// Gives `session` all it can use of `most` (mA, and the row that says so), and says what stops it.
fn settle(allocation: &mut Allocation, session: usize, bounds: Bounds, most: Option<(i64, RowIndex)>) -> i64 {
    let offered =
        most.map_or(bounds.highest, |(most, _)| bounds.highest.min(most / bounds.step * bounds.step));
    let taken = if bounds.is_usable() && offered >= bounds.lowest { offered } else { 0 };
    allocation.limits[session] = Amperes::from_milliamperes(taken);
    allocation.certificates[session] = match most {
        Some((_, row)) if bounds.is_usable() && taken < bounds.highest => Certificate::Row(row),
        Some(_) | None => Certificate::OwnMaximum,
    };
    taken
}

/// What rows have left, in milliamperes times thousandths.
struct Room(Vec<i64>);

impl Room {
    fn of(problem: &Problem) -> Self {
        let mut left = Vec::new();
        fill_capacities(problem, &mut left);
        Self(left)
    }

    /// The most that fits `candidate`, in mA rounded down, and the row that says so.
    fn most(&self, candidate: &Candidate) -> Option<(i64, RowIndex)> {
        candidate
            .loads
            .iter()
            .filter(|(_, coefficient)| coefficient.thousandths() > 0)
            .map(|(row, coefficient)| (self.0[row.place()] / coefficient.thousandths(), *row))
            .min_by_key(|(most, _)| *most)
    }

    fn take(&mut self, candidate: &Candidate, taken: i64) {
        for (row, coefficient) in candidate.loads.iter() {
            self.0[row.place()] -= coefficient.thousandths() * taken;
        }
    }
}
