//! Allocation: who may draw how much now (CONTROL section 5).
//!
//! Start with [`Problem`], the trait [`Allocator`] and [`MaxMin`], the default. Everything is integers; the same
//! problem gives the same allocation.

use serde::{Deserialize, Serialize};
use units::{Amperes, TimeSpan, Timestamp};

use crate::network::{CircuitIndex, EvseIndex, Loads, Network, RowIndex};

pub use in_order::{EarliestDeadline, EqualStatic, FirstCome, LeastLaxity, RoundRobin};
pub use max_min::MaxMin;
pub use turns::{WaitBound, wait_bounds};

mod in_order;
mod max_min;
mod turns;

/// The length of a turn where not everybody can charge at once. Turns begin at its multiples since the epoch.
pub const SLICE: TimeSpan = TimeSpan::from_minutes(15);

/// When turns change next: the first multiple of [`SLICE`] after `now`. Decide then, and S7 holds to the letter.
#[must_use]
pub fn next_turn(now: Timestamp) -> Timestamp {
    now.floor_to(SLICE) + SLICE
}

/// What is to be shared out, and among whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The present.
    pub now: Timestamp,
    /// By row: what all sessions together may draw; 0 A and less mean nothing.
    pub headroom: Vec<Amperes>,
    /// Everyone who wants to draw.
    pub sessions: Vec<Candidate>,
}

/// A session that wants to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub key: EvseIndex,
    /// Priority class; the smallest is served first.
    pub class: u8,
    /// Share within the class; 1 to 1 000 000.
    pub weight: u32,
    /// The least it can use per phase; above 0 A. It is rounded up to the step.
    pub min: Amperes,
    /// The most it can use per phase, demand included. It is rounded down to the step; below the minimum the
    /// session gets 0 A.
    pub max: Amperes,
    /// Limits are multiples of this; above 0 A.
    pub step: Amperes,
    /// The rows it loads.
    pub loads: Loads,
    /// When it came.
    pub arrived: Timestamp,
    /// Since when it waits at 0 A although it wants to draw; none while it is on.
    pub waiting_since: Option<Timestamp>,
    /// Fair share (see [`MaxMin::fair_shares`]) not received while present; negative for more than the share.
    pub deficit: AmpereSeconds,
    /// Whether its EV charges on after a pause.
    pub survives_pause: bool,
    /// Whether the last decision gave it more than 0 A.
    pub is_on: bool,
    /// When the decision fell that switched it on (not when that was proven); none while it is off.
    pub on_since: Option<Timestamp>,
    /// When it leaves, as told or forecast; a hint for [`EarliestDeadline`].
    pub departure: Option<Timestamp>,
    /// How long it could still wait and yet leave with what it wants: time to departure − time at its maximum;
    /// negative when it is too late. A hint for [`LeastLaxity`].
    pub laxity: Option<TimeSpan>,
}

/// A count of milliampere-seconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct AmpereSeconds(i64);

impl AmpereSeconds {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From milliampere-seconds.
    #[must_use]
    pub const fn from_milliampere_seconds(count: i64) -> Self {
        Self(count)
    }

    /// Milliampere-seconds.
    #[must_use]
    pub const fn milliampere_seconds(self) -> i64 {
        self.0
    }

    /// What `current` carries in `span`, rounded toward negative infinity.
    #[must_use]
    pub const fn of_floor(current: Amperes, span: TimeSpan) -> Self {
        Self((current.milliamperes() * span.milliseconds()).div_euclid(1_000))
    }
}

impl std::ops::Add for AmpereSeconds {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for AmpereSeconds {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// Who may draw how much, in the order of [`Problem::sessions`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Per session: 0 A, or on its step from its minimum to its maximum, per phase.
    pub limits: Vec<Amperes>,
    /// Per session: what stops it from having one step more.
    pub certificates: Vec<Certificate>,
}

/// What stops a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Certificate {
    /// It has all it can use: its EV's, its demand's or its EVSE's maximum.
    OwnMaximum,
    /// This row has no room for one step more, or for its minimum even if it were alone.
    Row(RowIndex),
    /// The plan keeps the current for later.
    Plan,
    /// It was raised less than the minimum interval ago.
    MinimumInterval,
    /// The sheds that pay for its raise are not proven yet.
    UnprovenShed,
    /// It waits for its turn on this row.
    Rotation(RowIndex),
    /// The meter of this circuit is stale.
    StaleMeter(CircuitIndex),
}

impl Certificate {
    /// For people: what stops a session, with the row or circuit of `network` by name.
    #[must_use]
    pub fn print(self, network: &Network) -> String {
        match self {
            Self::OwnMaximum => "own maximum".to_owned(),
            Self::Row(row) => network.row(row).to_string(),
            Self::Plan => "plan".to_owned(),
            Self::MinimumInterval => "minimum interval".to_owned(),
            Self::UnprovenShed => "unproven shed".to_owned(),
            Self::Rotation(row) => format!("rotation on {}", network.row(row)),
            Self::StaleMeter(circuit) => format!("stale meter of {}", network.circuit(circuit).name),
        }
    }
}

/// A rule that shares out headroom inline, in integers.
pub trait Allocator {
    /// Shares `problem` out, never over a row's headroom.
    ///
    /// An allocator may keep working memory, never a decision: the same problem gives the same allocation.
    ///
    /// # Panics
    ///
    /// Where a candidate is not as its fields promise, or names a row without headroom.
    fn allocate(&mut self, problem: &Problem) -> Allocation;
}

/// Which [`Allocator`] a site shares out by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// [`MaxMin`].
    #[default]
    MaxMin,
    /// [`EqualStatic`].
    EqualStatic,
    /// [`FirstCome`].
    FirstCome,
    /// [`RoundRobin`].
    RoundRobin,
    /// [`EarliestDeadline`].
    EarliestDeadline,
    /// [`LeastLaxity`].
    LeastLaxity,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MaxMin,
        Self::EqualStatic,
        Self::FirstCome,
        Self::RoundRobin,
        Self::EarliestDeadline,
        Self::LeastLaxity,
    ];

    /// A new allocator of this kind.
    #[must_use]
    pub fn allocator(self) -> impl Allocator + use<> {
        Chosen { rule: self, max_min: MaxMin::new() }
    }

    /// As in commands and reports: `max_min`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxMin => "max_min",
            Self::EqualStatic => "equal_static",
            Self::FirstCome => "first_come",
            Self::RoundRobin => "round_robin",
            Self::EarliestDeadline => "earliest_deadline",
            Self::LeastLaxity => "least_laxity",
        }
    }
}

/// An allocator chosen by [`Rule`]. Fair shares, the yardstick of deficits, are those of [`MaxMin`] under every rule.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub rule: Rule,
    max_min: MaxMin,
}

impl Chosen {
    /// The [fair shares](MaxMin::fair_shares) of `problem`, and its allocation.
    pub fn fair_and_allocated(&mut self, problem: &Problem) -> (Vec<Amperes>, Allocation) {
        match self.rule {
            Rule::MaxMin => self.max_min.fair_and_allocated(problem),
            Rule::EqualStatic
            | Rule::FirstCome
            | Rule::RoundRobin
            | Rule::EarliestDeadline
            | Rule::LeastLaxity => (self.max_min.fair_shares(problem), self.allocate(problem)),
        }
    }
}

impl Allocator for Chosen {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        match self.rule {
            Rule::MaxMin => self.max_min.allocate(problem),
            Rule::EqualStatic => EqualStatic.allocate(problem),
            Rule::FirstCome => FirstCome.allocate(problem),
            Rule::RoundRobin => RoundRobin.allocate(problem),
            Rule::EarliestDeadline => EarliestDeadline.allocate(problem),
            Rule::LeastLaxity => LeastLaxity.allocate(problem),
        }
    }
}

/// No current is counted beyond this: 100 kA in mA keep every sum within its integer.
const CURRENT_COUNTED_MAX: i64 = 100_000_000;

/// No weight is larger; a million sessions of it on one row still add up within their integer.
pub(crate) const WEIGHT_MAX: u32 = 1_000_000;

/// What a candidate may get, in milliamperes on whole steps.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The minimum, rounded up to the step.
    lowest: i64,
    /// The maximum, rounded down to the step; below `lowest` the candidate gets nothing.
    highest: i64,
    step: i64,
}

impl Bounds {
    fn of(candidate: &Candidate) -> Self {
        let Candidate { key, min, max, step, weight, .. } = candidate;
        assert!(*step > Amperes::ZERO, "EVSE {key:?} has a step of {step}");
        assert!(*min > Amperes::ZERO, "EVSE {key:?} has a minimum of {min}");
        assert!((1..=WEIGHT_MAX).contains(weight), "EVSE {key:?} has a weight of {weight}");
        let highest = (*max).min(Amperes::from_milliamperes(CURRENT_COUNTED_MAX));
        Self {
            lowest: min.ceil_to(*step).milliamperes(),
            highest: highest.floor_to(*step).milliamperes(),
            step: step.milliamperes(),
        }
    }

    const fn is_usable(self) -> bool {
        self.lowest <= self.highest
    }

    /// What it gets where there is enough.
    const fn most(self) -> Amperes {
        Amperes::from_milliamperes(if self.is_usable() { self.highest } else { 0 })
    }
}

/// What each row may carry, in milliamperes times thousandths of a coefficient: 0 or more.
fn fill_capacities(problem: &Problem, capacities: &mut Vec<i64>) {
    capacities.clear();
    capacities.extend(
        problem.headroom.iter().map(|headroom| headroom.milliamperes().clamp(0, CURRENT_COUNTED_MAX) * 1_000),
    );
}
