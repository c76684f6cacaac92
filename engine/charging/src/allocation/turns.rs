//! Turns: in which order sessions are admitted, and how long one may have to wait (S7).
//!
//! Time is cut into slices that begin at multiples of [`SLICE`] for everybody. Within a slice who came on stays on;
//! at its end all turns end together, and who waits longest is first. That everybody's turn ends at once is what lets
//! a three-phase EV find its three rows free at the same moment.
//!
//! **Why S7 holds.** Let session i wait, and let a slice begin without i being admitted. Then some row r of i had no
//! room, so at least k_r of those before i in the order were admitted on r (k_r = how many of the largest minimums
//! fit r). Before i are only sessions that wait at least as long as i. Each of them that is admitted is behind i when
//! its turn ends, so each blocks i at most once. With N = the sessions that share a row with i, itself included, and
//! k = the least k_r of its rows, i is passed over at most ⌊(N − 1)/k⌋ times and is on after at most
//! (⌊(N − 1)/k⌋ + 1) · slice = ⌈N/k⌉ · slice. The time waited goes first for that reason: ordered by deficit alone,
//! more sessions than fit could reach their bound at the same moment.

use std::cmp::Reverse;

use units::{TimeSpan, Timestamp};

use super::{Bounds, Candidate, Problem, SLICE, fill_capacities};
use crate::network::RowIndex;

/// Where a session stands in the order of admission; the smallest is admitted first.
///
/// One number, because sorting is a good part of a decision's time. From its most significant bits: who keeps a place
/// (1 bit), class (8), turn (22), whole slices of deficit (20), arrival in milliseconds (48), place in the problem (29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u128);

/// Where a session stands in its class, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It came on in this slice: its turn lasts to the end of the slice.
    Holds,
    /// It has waited since before this slice, for so many beginnings of slices; more go first.
    Waits(i64),
    /// It is on, and its turn ended so many slices ago; fewer go first. It stays where nobody waits.
    Served(i64),
    /// It came, or went off, in this slice.
    Fresh,
}

impl Rank {
    const PLACE_BITS: u32 = 29;

    pub(super) fn of(place: usize, candidate: &Candidate, now: Timestamp, keeps_place: bool) -> Self {
        const SLICES_BITS: u32 = 20;
        const SLICES_MAX: i64 = (1 << SLICES_BITS) - 1;
        let (turn, slices) = match Turn::of(candidate, now) {
            Turn::Holds => (0, 0),
            Turn::Waits(slices) => (1, SLICES_MAX - slices),
            Turn::Served(slices) => (2, slices),
            Turn::Fresh => (3, 0),
        };
        assert!(place < 1 << Self::PLACE_BITS, "{place} sessions are more than a rank can hold");
        let rank = Self(0)
            .then(1, i64::from(!keeps_place))
            .then(8, i64::from(candidate.class))
            .then(2, turn)
            .then(SLICES_BITS, slices)
            .then(SLICES_BITS, SLICES_MAX / 2 - deficit_slices(candidate))
            .then(48, candidate.arrived.since(Timestamp::from_milliseconds(i64::MIN)).milliseconds());
        Self(rank.0 << Self::PLACE_BITS | u128::try_from(place).unwrap_or(0))
    }

    /// The session's place in the problem.
    pub(super) fn place(self) -> usize {
        usize::try_from(self.0 & ((1 << Self::PLACE_BITS) - 1)).unwrap_or(0)
    }

    /// Appends `value`, held within `bits` bits.
    fn then(self, bits: u32, value: i64) -> Self {
        let held = value.clamp(0, (1 << bits) - 1);
        Self(self.0 << bits | u128::try_from(held).unwrap_or(0))
    }
}

impl Turn {
    fn of(candidate: &Candidate, now: Timestamp) -> Self {
        let since = if candidate.is_on { candidate.on_since } else { candidate.waiting_since };
        let slices = slice_number(now) - slice_number(since.unwrap_or(candidate.arrived));
        match (candidate.is_on, slices) {
            (true, ..=0) => Self::Holds,
            (true, slices) => Self::Served(slices),
            (false, ..=0) => Self::Fresh,
            (false, slices) => Self::Waits(slices),
        }
    }
}

fn slice_number(instant: Timestamp) -> i64 {
    instant.milliseconds().div_euclid(SLICE.milliseconds())
}

/// Whole slices' worth of its minimum that a session has gone without; negative for what it had above its share.
fn deficit_slices(candidate: &Candidate) -> i64 {
    let slice = candidate.min.milliamperes() * SLICE.seconds_floor();
    candidate.deficit.milliampere_seconds().div_euclid(slice.max(1))
}

/// Marks the sessions that keep their place because their EV does not survive a pause: by class and arrival, as many
/// as leave room on each of their rows for the largest minimum of anybody else. Without that cap they could occupy a
/// row for good.
pub(super) fn mark_keepers(
    problem: &Problem,
    bounds: &[Bounds],
    capacities: &[i64],
    keeps_place: &mut Vec<bool>,
) {
    keeps_place.clear();
    keeps_place.resize(problem.sessions.len(), false);
    let wants_to_keep = |candidate: &Candidate| candidate.is_on && !candidate.survives_pause;
    let mut wanting: Vec<usize> =
        (0..bounds.len()).filter(|&session| wants_to_keep(&problem.sessions[session])).collect();
    if wanting.is_empty() {
        return;
    }
    wanting.sort_unstable_by_key(|&session| {
        let candidate = &problem.sessions[session];
        (candidate.class, candidate.arrived, session)
    });
    let mut left = capacities.to_vec();
    let mut largest_of_others = vec![0; capacities.len()];
    for (candidate, bounds) in problem.sessions.iter().zip(bounds) {
        if bounds.is_usable() && !wants_to_keep(candidate) {
            for (row, coefficient) in candidate.loads.iter() {
                let largest = &mut largest_of_others[row.place()];
                *largest = (coefficient.thousandths() * bounds.lowest).max(*largest);
            }
        }
    }
    for session in wanting {
        let Bounds { lowest, .. } = bounds[session];
        let loads = &problem.sessions[session].loads;
        let fits = bounds[session].is_usable()
            && loads.iter().all(|(row, coefficient)| {
                let row = row.place();
                coefficient.thousandths() * lowest + largest_of_others[row] <= left[row]
            });
        if fits {
            keeps_place[session] = true;
            for (row, coefficient) in loads.iter() {
                left[row.place()] -= coefficient.thousandths() * lowest;
            }
        }
    }
}

/// How long a session of one class may have to wait (S7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitBound {
    /// The class.
    pub class: u8,
    /// The binding row.
    pub row: RowIndex,
    /// The sessions of the class that compete with the one that may wait longest, itself included.
    pub sessions: i64,
    /// How many of their minimums fit the binding row at once; 0 or more.
    pub minimums: i64,
    /// ⌈sessions / minimums⌉ slices: no session of the class waits longer. None where no minimum fits: nothing can
    /// be promised.
    pub bound: Option<TimeSpan>,
}

/// How long sessions may have to wait, class by class in order, with `problem.headroom` as what is always there: give
/// it the headroom at worst base to get the promise of S7.
///
/// Sessions whose EV does not survive a pause count against what fits, and so do the minimums of the classes before.
///
/// # Panics
///
/// Where a candidate is not as its fields promise, or names a row without headroom.
#[must_use]
pub fn wait_bounds(problem: &Problem) -> Vec<WaitBound> {
    let bounds: Vec<Bounds> = problem.sessions.iter().map(Bounds::of).collect();
    let mut left = Vec::new();
    fill_capacities(problem, &mut left);
    let mut keeps_place = Vec::new();
    mark_keepers(problem, &bounds, &left, &mut keeps_place);
    let take = |left: &mut [i64], session: usize| {
        for (row, coefficient) in problem.sessions[session].loads.iter() {
            left[row.place()] -= coefficient.thousandths() * bounds[session].lowest;
        }
    };
    let usable = || (0..bounds.len()).filter(|&session| bounds[session].is_usable());
    for session in usable().filter(|&session| keeps_place[session]) {
        take(&mut left, session);
    }
    let mut classes: Vec<u8> = problem.sessions.iter().map(|candidate| candidate.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut found = Vec::new();
    for class in classes {
        let members: Vec<usize> = usable()
            .filter(|&session| problem.sessions[session].class == class && !keeps_place[session])
            .collect();
        found.extend(wait_bound_of_class(problem, &bounds, &left, class, &members));
        for session in members {
            take(&mut left, session);
        }
    }
    found
}

fn wait_bound_of_class(
    problem: &Problem,
    bounds: &[Bounds],
    left: &[i64],
    class: u8,
    members: &[usize],
) -> Option<WaitBound> {
    let mut largest_minimum = vec![0; left.len()];
    let mut on_row: Vec<Vec<usize>> = vec![Vec::new(); left.len()];
    for &session in members {
        for (row, coefficient) in problem.sessions[session].loads.iter() {
            let load = coefficient.thousandths() * bounds[session].lowest;
            if load > 0 {
                largest_minimum[row.place()] = load.max(largest_minimum[row.place()]);
                on_row[row.place()].push(session);
            }
        }
    }
    let wait_bound_of = |session: &usize| {
        let mut competitors: Vec<usize> = Vec::new();
        let mut binding: Option<(i64, RowIndex)> = None;
        for &(row, coefficient) in problem.sessions[*session].loads.iter() {
            if coefficient.thousandths() == 0 {
                continue;
            }
            competitors.extend(&on_row[row.place()]);
            let minimums = left[row.place()].max(0) / largest_minimum[row.place()];
            if binding.is_none_or(|(least, _)| minimums < least) {
                binding = Some((minimums, row));
            }
        }
        competitors.sort_unstable();
        competitors.dedup();
        let sessions = i64::try_from(competitors.len()).unwrap_or(i64::MAX);
        binding.map(|(minimums, row)| {
            let slices = (minimums > 0).then(|| (sessions + minimums - 1) / minimums);
            WaitBound { class, row, sessions, minimums, bound: slices.map(|slices| SLICE * slices) }
        })
    };
    // No promise is worse than any.
    members
        .iter()
        .filter_map(wait_bound_of)
        .max_by_key(|found| (found.bound.is_none(), found.bound, found.sessions, Reverse(found.row)))
}
