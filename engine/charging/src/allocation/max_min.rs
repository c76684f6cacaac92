//! Weighted max–min with admission by turns: the default allocator.
//!
//! Sets: sessions i, rows r. Parameters: coefficients a_{r,i} ≥ 0 (thousandths), weights w_i ≥ 1, minimums m_i rounded
//! up and maximums M_i rounded down to the step s_i (mA), headroom h_r (mA). Variables: x_i = 0 or m_i ≤ x_i ≤ M_i.
//!
//! Where every row holds all maximums, everybody gets its own. Else:
//!
//! 1. *Admission*: in the order of [`super::turns`], i is admitted where Σ a m + a_{r,i} m_i ≤ h_r on each of its rows.
//! 2. *Filling*: x_i(λ) = clamp(λ w_i, m_i, M_i). λ rises from 0; where one level more would put row r over h_r, all
//!    that are on r stop at λ. The level is an integer, 2^20 to the mA, and the greatest at which Σ a_{r,i} x_i ≤ h_r
//!    holds exactly; so x is within 1 mA of the real optimum and never over. Currents up to 100 kA, coefficients up to
//!    1 000 and weights up to 10^6 keep every level and sum within 64 bits; what exceeds them panics, never wraps.
//! 3. *Whole steps*: x_i is rounded down to s_i, and what is left over is handed out in the order of 1, a step each at a time.
//!
//! A row's level depends on who has stopped elsewhere, and stopping only relieves it: levels are kept in a heap and
//! computed again only when they come up. A session's start (λ w_i = m_i) makes its rows steeper: their levels are
//! entered anew. Each session starts once and stops once, so with n sessions and nnz coefficients it is O(nnz log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use units::Amperes;

use super::turns::{Rank, mark_keepers};
use super::{Allocation, Allocator, Bounds, Candidate, Certificate, Problem, fill_capacities};
use crate::network::{Coefficient, Loads, RowIndex};

/// Levels to the milliampere.
const FRACTION: i64 = 1 << 20;

/// Weighted max–min with admission by turns: the default allocator. Keeps working memory between decisions.
#[derive(Debug, Default)]
pub struct MaxMin {
    bounds: Vec<Bounds>,
    capacities: Vec<i64>,
    keeps_place: Vec<bool>,
    order: Vec<Rank>,
    left: Vec<i64>,
    left_by_classes_before: Vec<i64>,
    admitted: Vec<usize>,
    filling: Filling,
}

impl MaxMin {
    /// With empty working memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What each session of `problem` would get if currents below the minimum existed, rounded down to 1 mA, in the
    /// order of the sessions: the yardstick of [`Candidate::deficit`].
    ///
    /// # Panics
    ///
    /// Where a candidate is not as its fields promise, or names a row without headroom.
    #[must_use]
    pub fn fair_shares(&mut self, problem: &Problem) -> Vec<Amperes> {
        self.read(problem);
        if self.all_fit(problem) {
            return self.everybody_gets_its_most().limits;
        }
        self.fair_filling(problem)
    }

    /// The [fair shares](Self::fair_shares) of `problem`, and its allocation.
    ///
    /// # Panics
    ///
    /// Where a candidate is not as its fields promise, or names a row without headroom.
    #[must_use]
    pub fn fair_and_allocated(&mut self, problem: &Problem) -> (Vec<Amperes>, Allocation) {
        self.read(problem);
        if self.all_fit(problem) {
            let allocation = self.everybody_gets_its_most();
            return (allocation.limits.clone(), allocation);
        }
        (self.fair_filling(problem), self.allocated_by_turns(problem))
    }

    /// The shares of those admitted before whole steps are made of them, rounded down to 1 mA; 0 A for the others.
    ///
    /// # Panics
    ///
    /// Where a candidate is not as its fields promise, or names a row without headroom.
    #[must_use]
    pub fn shares_before_steps(&mut self, problem: &Problem) -> Vec<Amperes> {
        self.read(problem);
        self.admit(problem, &mut vec![Certificate::OwnMaximum; problem.sessions.len()]);
        self.fill(problem, |bounds| bounds);
        self.shares_floor(problem)
    }

    /// How many elementary operations (coefficients touched, heap entries made and taken) the last filling took.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.filling.operations
    }

    fn read(&mut self, problem: &Problem) {
        self.bounds.clear();
        self.bounds.extend(problem.sessions.iter().map(Bounds::of));
        fill_capacities(problem, &mut self.capacities);
    }

    /// Whether every row holds all maximums: then there is nothing to share out.
    fn all_fit(&mut self, problem: &Problem) -> bool {
        self.left.clone_from(&self.capacities);
        problem.sessions.iter().zip(&self.bounds).filter(|(_, bounds)| bounds.is_usable()).all(
            |(candidate, bounds)| {
                candidate.loads.iter().all(|&(row, coefficient)| {
                    let left = &mut self.left[row.place()];
                    *left -= coefficient.thousandths() * bounds.highest;
                    *left >= 0
                })
            },
        )
    }

    fn everybody_gets_its_most(&self) -> Allocation {
        let limits: Vec<Amperes> = self.bounds.iter().map(|bounds| bounds.most()).collect();
        Allocation { certificates: vec![Certificate::OwnMaximum; limits.len()], limits }
    }

    fn fair_filling(&mut self, problem: &Problem) -> Vec<Amperes> {
        self.admitted.clear();
        self.admitted.extend((0..self.bounds.len()).filter(|&session| self.bounds[session].is_usable()));
        let from_zero = |bounds: Bounds| Bounds { lowest: 0, ..bounds };
        self.fill(problem, from_zero);
        self.shares_floor(problem)
    }

    fn allocated_by_turns(&mut self, problem: &Problem) -> Allocation {
        let mut limits = vec![Amperes::ZERO; problem.sessions.len()];
        let mut certificates = vec![Certificate::OwnMaximum; problem.sessions.len()];
        self.admit(problem, &mut certificates);
        self.fill(problem, |bounds| bounds);
        self.hand_out_steps(&mut limits, &mut certificates);
        Allocation { limits, certificates }
    }

    /// Admission: fills `admitted`, in order, and says in `certificates` what keeps the others out.
    fn admit(&mut self, problem: &Problem, certificates: &mut [Certificate]) {
        mark_keepers(problem, &self.bounds, &self.capacities, &mut self.keeps_place);
        self.order.clear();
        self.order.extend(problem.sessions.iter().zip(&self.keeps_place).enumerate().map(
            |(session, (candidate, keeps_place))| Rank::of(session, candidate, problem.now, *keeps_place),
        ));
        self.order.sort_unstable();
        self.left.clone_from(&self.capacities);
        self.left_by_classes_before.clone_from(&self.capacities);
        self.admitted.clear();
        let mut class = None;
        for session in self.order.iter().map(|rank| rank.place()) {
            let Candidate { loads, class: of_session, .. } = &problem.sessions[session];
            let Bounds { lowest, .. } = self.bounds[session];
            if !self.bounds[session].is_usable() {
                continue;
            }
            if class != Some(of_session) && !self.keeps_place[session] {
                class = Some(of_session);
                self.left_by_classes_before.copy_from_slice(&self.left);
            }
            let full_row = |left: &[i64]| {
                let is_full = |row: RowIndex, load: i64| load > left[row.place()] && load > 0;
                loads.iter().find(|(row, coefficient)| is_full(*row, coefficient.thousandths() * lowest))
            };
            match full_row(&self.left) {
                None => {
                    for (row, coefficient) in loads.iter() {
                        self.left[row.place()] -= coefficient.thousandths() * lowest;
                    }
                    self.admitted.push(session);
                }
                Some(&(row, _)) => {
                    certificates[session] = match full_row(&self.left_by_classes_before) {
                        Some(&(row, _)) => Certificate::Row(row),
                        None => Certificate::Rotation(row),
                    };
                }
            }
        }
    }

    fn fill(&mut self, problem: &Problem, range: impl Fn(Bounds) -> Bounds) {
        let sessions = self.admitted.iter().map(|&session| {
            let candidate = &problem.sessions[session];
            (range(self.bounds[session]), i64::from(candidate.weight), &candidate.loads)
        });
        self.filling.run(&self.capacities, sessions);
    }

    fn shares_floor(&self, problem: &Problem) -> Vec<Amperes> {
        let mut shares = vec![Amperes::ZERO; problem.sessions.len()];
        for (&session, member) in self.admitted.iter().zip(&self.filling.members) {
            shares[session] = Amperes::from_milliamperes(member.share / FRACTION);
        }
        shares
    }

    /// Whole steps: rounds the shares down and hands out what is left, step by step in the order of admission.
    fn hand_out_steps(&mut self, limits: &mut [Amperes], certificates: &mut [Certificate]) {
        let filling = &mut self.filling;
        filling.begin_steps(self.admitted.iter().map(|&session| self.bounds[session].step));
        let mut hopeful: Vec<usize> = (0..self.admitted.len()).collect();
        while !hopeful.is_empty() {
            hopeful.retain(|&member| filling.takes_step(member, self.bounds[self.admitted[member]].step));
        }
        for (member, &session) in self.admitted.iter().enumerate() {
            let Bounds { highest, step, .. } = self.bounds[session];
            let limit = filling.members[member].share;
            limits[session] = Amperes::from_milliamperes(limit);
            certificates[session] = match filling.row_in_the_way(member, step) {
                Some(row) if limit + step <= highest => Certificate::Row(row),
                Some(_) | None => Certificate::OwnMaximum,
            };
        }
    }
}

impl Allocator for MaxMin {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        self.read(problem);
        if self.all_fit(problem) { self.everybody_gets_its_most() } else { self.allocated_by_turns(problem) }
    }
}

/// Progressive filling.
#[derive(Debug, Default)]
struct Filling {
    members: Vec<Member>,
    /// By row of the problem.
    rows: Vec<FillRow>,
    /// What members load, member after member; only rows that can bind at all.
    loads: Vec<(RowIndex, Coefficient)>,
    /// The members of rows, row after row.
    members_of_rows: Vec<usize>,
    /// Starts and ends of growth, by level.
    events: Vec<Event>,
    /// Levels at which rows are full, lowest first.
    heap: BinaryHeap<Reverse<(i64, RowIndex)>>,
    steeper: Vec<RowIndex>,
    operations: u64,
}

/// A heap level that no entry of the heap has.
const NOT_ENTERED: i64 = -1;

/// At a level a member starts or ends to grow. One number, to be sorted fast: level, 1 for an end, member (31 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event(u128);

impl Event {
    fn start(level: i64, member: usize) -> Self {
        let place = u128::try_from(member).unwrap_or(0);
        Self(u128::try_from(level).unwrap_or(0) << 32 | place)
    }

    fn end(level: i64, member: usize) -> Self {
        Self(Self::start(level, member).0 | 1 << 31)
    }

    fn level(self) -> i64 {
        i64::try_from(self.0 >> 32).unwrap_or(i64::MAX)
    }

    const fn is_end(self) -> bool {
        self.0 & 1 << 31 != 0
    }

    fn member(self) -> usize {
        usize::try_from(self.0 & ((1 << 31) - 1)).unwrap_or(0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// At its minimum: its level is not reached yet.
    Resting,
    Growing,
    Stopped,
}

/// An admitted session.
#[derive(Debug)]
struct Member {
    /// While filling: the least it gets, in levels. In whole steps: unused.
    lowest: i64,
    /// While filling: in levels. In whole steps: in mA.
    highest: i64,
    weight: i64,
    /// While filling: in levels. In whole steps: in mA.
    share: i64,
    growth: Growth,
    stopped_by: Option<RowIndex>,
    first_load: usize,
    end_load: usize,
}

/// A row while it is filled.
#[derive(Debug)]
struct FillRow {
    /// Σ a M, in mA times thousandths. A row that has as much cannot bind, and nobody counts as its member.
    drawn_at_most: i64,
    /// h_r, in mA times thousandths.
    capacity: i64,
    /// Σ a x over those that do not grow, in levels times thousandths. In whole steps: what is left, in mA times
    /// thousandths.
    fixed: i64,
    /// Σ a w over those that grow.
    slope: i64,
    /// The level at which it stands in the heap, or [`NOT_ENTERED`].
    entered: i64,
    /// Whether somebody started on it at the present level.
    is_steeper: bool,
    first_member: usize,
    end_member: usize,
}

impl FillRow {
    const fn can_bind(&self) -> bool {
        self.drawn_at_most > self.capacity
    }

    /// The greatest level at which the row holds if nobody stops; none where nobody grows.
    fn level_floor(&self) -> Option<i64> {
        let left = self.capacity * FRACTION - self.fixed;
        (self.slope > 0).then(|| left.div_euclid(self.slope))
    }
}

impl Filling {
    fn run<'a>(
        &mut self,
        capacities: &[i64],
        sessions: impl Iterator<Item = (Bounds, i64, &'a Loads)> + Clone,
    ) {
        self.operations = 0;
        self.find_rows_that_can_bind(capacities, sessions.clone());
        self.gather(sessions);
        self.enter_events();
        let mut next = 0;
        loop {
            let event = self.events.get(next).copied();
            let level = event.map_or(i64::MAX, Event::level);
            match self.heap.peek() {
                Some(&Reverse((entered, row))) if entered < level => {
                    self.heap.pop();
                    self.operations += 1;
                    self.look_at_row(entered, row);
                }
                Some(_) | None => {
                    let Some(event) = event else { break };
                    next += 1;
                    self.apply(event);
                    if self.events.get(next).is_none_or(|following| following.level() > level) {
                        self.enter_steeper_rows();
                    }
                }
            }
        }
        self.assert_all_stopped();
    }

    fn find_rows_that_can_bind<'a>(
        &mut self,
        capacities: &[i64],
        sessions: impl Iterator<Item = (Bounds, i64, &'a Loads)>,
    ) {
        self.rows.clear();
        self.rows.extend(capacities.iter().map(|&capacity| FillRow {
            drawn_at_most: 0,
            capacity,
            fixed: 0,
            slope: 0,
            entered: NOT_ENTERED,
            is_steeper: false,
            first_member: 0,
            end_member: 0,
        }));
        for (bounds, _, loads) in sessions {
            for (row, coefficient) in loads.iter() {
                self.rows[row.place()].drawn_at_most += coefficient.thousandths() * bounds.highest;
            }
            self.operations += u64::try_from(loads.len()).unwrap_or(0);
        }
    }

    fn gather<'a>(&mut self, sessions: impl Iterator<Item = (Bounds, i64, &'a Loads)>) {
        self.members.clear();
        self.loads.clear();
        for (bounds, weight, loads) in sessions {
            let first_load = self.loads.len();
            let lowest = bounds.lowest * FRACTION;
            for &(place, coefficient) in loads.iter() {
                let row = &mut self.rows[place.place()];
                if row.can_bind() && coefficient.thousandths() > 0 {
                    self.loads.push((place, coefficient));
                    row.fixed += coefficient.thousandths() * lowest;
                    row.end_member += 1;
                }
            }
            self.members.push(Member {
                lowest,
                highest: bounds.highest * FRACTION,
                weight,
                share: lowest,
                growth: Growth::Resting,
                stopped_by: None,
                first_load,
                end_load: self.loads.len(),
            });
        }
        // Counts become places: members of a row stand side by side.
        let mut first = 0;
        for row in &mut self.rows {
            row.first_member = first;
            first += row.end_member;
            row.end_member = row.first_member;
        }
        self.members_of_rows.clear();
        self.members_of_rows.resize(first, 0);
        for (place, member) in self.members.iter().enumerate() {
            for &(row, _) in &self.loads[member.first_load..member.end_load] {
                let row = &mut self.rows[row.place()];
                self.members_of_rows[row.end_member] = place;
                row.end_member += 1;
            }
        }
    }

    fn enter_events(&mut self) {
        self.heap.clear();
        self.events.clear();
        for (place, member) in self.members.iter_mut().enumerate() {
            if member.first_load == member.end_load || member.lowest == member.highest {
                member.share = member.highest;
                member.growth = Growth::Stopped;
            } else {
                // Upward, so that a member grows only where λ w has left its minimum, and ends where it has reached
                // its maximum.
                self.events.push(Event::start(div_ceil(member.lowest, member.weight), place));
                self.events.push(Event::end(div_ceil(member.highest, member.weight), place));
            }
        }
        self.events.sort_unstable();
        self.operations += u64::try_from(self.events.len()).unwrap_or(0);
    }

    fn apply(&mut self, event: Event) {
        let member = event.member();
        match self.members[member].growth {
            Growth::Resting if !event.is_end() => self.start(member),
            Growth::Growing if event.is_end() => {
                let highest = self.members[member].highest;
                self.stop(member, highest, None);
            }
            Growth::Resting | Growth::Growing | Growth::Stopped => {}
        }
    }

    fn start(&mut self, member: usize) {
        let member = &mut self.members[member];
        member.growth = Growth::Growing;
        for &(place, coefficient) in &self.loads[member.first_load..member.end_load] {
            let row = &mut self.rows[place.place()];
            row.fixed -= coefficient.thousandths() * member.lowest;
            row.slope += coefficient.thousandths() * member.weight;
            if !row.is_steeper {
                row.is_steeper = true;
                self.steeper.push(place);
            }
            self.operations += 1;
        }
    }

    fn enter_steeper_rows(&mut self) {
        while let Some(place) = self.steeper.pop() {
            let row = &mut self.rows[place.place()];
            row.is_steeper = false;
            let Some(level) = row.level_floor() else { continue };
            if row.entered == NOT_ENTERED || level < row.entered {
                row.entered = level;
                self.heap.push(Reverse((level, place)));
                self.operations += 1;
            }
        }
    }

    /// Stops the members of the row that stood in the heap at level `entered`, if that is still its level.
    fn look_at_row(&mut self, entered: i64, place: RowIndex) {
        let row = &mut self.rows[place.place()];
        if row.entered != entered {
            return;
        }
        row.entered = NOT_ENTERED;
        let Some(level) = row.level_floor() else { return };
        if level > entered {
            row.entered = level;
            self.heap.push(Reverse((level, place)));
            self.operations += 1;
            return;
        }
        for at in row.first_member..row.end_member {
            let member = self.members_of_rows[at];
            let Member { growth, weight, lowest, highest, .. } = self.members[member];
            match growth {
                Growth::Growing => self.stop(member, (level * weight).clamp(lowest, highest), Some(place)),
                Growth::Resting => {
                    self.members[member].growth = Growth::Stopped;
                    self.members[member].stopped_by = Some(place);
                }
                Growth::Stopped => {}
            }
        }
    }

    fn stop(&mut self, member: usize, share: i64, stopped_by: Option<RowIndex>) {
        let member = &mut self.members[member];
        member.share = share;
        member.growth = Growth::Stopped;
        member.stopped_by = stopped_by;
        for &(place, coefficient) in &self.loads[member.first_load..member.end_load] {
            let row = &mut self.rows[place.place()];
            row.slope -= coefficient.thousandths() * member.weight;
            row.fixed += coefficient.thousandths() * share;
            self.operations += 1;
        }
    }

    /// Every member has an end, so all have stopped; and no row is over.
    fn assert_all_stopped(&self) {
        for (place, row) in self.rows.iter().enumerate() {
            let capacity = row.capacity * FRACTION;
            let FillRow { fixed, slope, .. } = row;
            assert!(
                *slope == 0 && *fixed <= capacity,
                "row {place} is filled to {fixed} of {capacity} with slope {slope}"
            );
        }
    }

    /// Rounds the shares down to whole steps; from here on shares are in mA and `fixed` is what a row has left.
    fn begin_steps(&mut self, steps: impl Iterator<Item = i64>) {
        for row in &mut self.rows {
            row.fixed = row.capacity;
        }
        for (member, step) in self.members.iter_mut().zip(steps) {
            member.share = member.share / (step * FRACTION) * step;
            member.highest /= FRACTION;
            for &(place, coefficient) in &self.loads[member.first_load..member.end_load] {
                self.rows[place.place()].fixed -= coefficient.thousandths() * member.share;
            }
        }
    }

    /// Gives `member` one step more, where its maximum and its rows allow.
    fn takes_step(&mut self, member: usize, step: i64) -> bool {
        let member = &mut self.members[member];
        let loads = &self.loads[member.first_load..member.end_load];
        let has_room = |(row, coefficient): &(RowIndex, Coefficient)| {
            coefficient.thousandths() * step <= self.rows[row.place()].fixed
        };
        if member.share + step > member.highest || !loads.iter().all(has_room) {
            return false;
        }
        member.share += step;
        for &(place, coefficient) in loads {
            self.rows[place.place()].fixed -= coefficient.thousandths() * step;
            self.operations += 1;
        }
        true
    }

    /// A row without room for `step` more of `member`: the one that stopped it, else the one with least left.
    fn row_in_the_way(&self, member: usize, step: i64) -> Option<RowIndex> {
        let member = &self.members[member];
        self.loads[member.first_load..member.end_load]
            .iter()
            .map(|(row, coefficient)| (*row, self.rows[row.place()].fixed, coefficient.thousandths() * step))
            .filter(|(_, left, wanted)| left < wanted)
            .min_by_key(|(row, left, _)| (Some(*row) != member.stopped_by, *left))
            .map(|(row, ..)| row)
    }
}

const fn div_ceil(dividend: i64, divisor: i64) -> i64 {
    -((-dividend).div_euclid(divisor))
}
