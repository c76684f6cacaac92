//! The three phases and values given for each of them.

use std::fmt;
use std::ops::{Add, AddAssign, Index, IndexMut, Sub};

use serde::{Deserialize, Serialize};

/// One of the three phases of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The first phase.
    L1,
    /// The second phase.
    L2,
    /// The third phase.
    L3,
}

impl Phase {
    /// All three, in order.
    pub const ALL: [Self; 3] = [Self::L1, Self::L2, Self::L3];

    /// 0, 1 or 2.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::L1 => 0,
            Self::L2 => 1,
            Self::L3 => 2,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        })
    }
}

/// A value for each of L1, L2 and L3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PerPhase<T> {
    /// The value on the first phase.
    pub l1: T,
    /// The value on the second phase.
    pub l2: T,
    /// The value on the third phase.
    pub l3: T,
}

impl<T> PerPhase<T> {
    /// From the values on L1, L2 and L3.
    pub const fn new(l1: T, l2: T, l3: T) -> Self {
        Self { l1, l2, l3 }
    }

    /// From what `value` says of each phase.
    pub fn from_fn(mut value: impl FnMut(Phase) -> T) -> Self {
        Self { l1: value(Phase::L1), l2: value(Phase::L2), l3: value(Phase::L3) }
    }

    /// Each value changed by `change`.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> PerPhase<U> {
        PerPhase { l1: change(self.l1), l2: change(self.l2), l3: change(self.l3) }
    }

    /// Each pair of values joined by `join`.
    pub fn zip_with<U, V>(self, other: PerPhase<U>, mut join: impl FnMut(T, U) -> V) -> PerPhase<V> {
        PerPhase { l1: join(self.l1, other.l1), l2: join(self.l2, other.l2), l3: join(self.l3, other.l3) }
    }

    /// The phases with their values, L1 first.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, &T)> {
        [(Phase::L1, &self.l1), (Phase::L2, &self.l2), (Phase::L3, &self.l3)].into_iter()
    }
}

impl<T: Copy> PerPhase<T> {
    /// The same value on all three.
    pub const fn splat(value: T) -> Self {
        Self { l1: value, l2: value, l3: value }
    }
}

impl<T: Copy + Ord> PerPhase<T> {
    /// The largest of the three.
    #[must_use]
    pub fn highest(self) -> T {
        self.l1.max(self.l2).max(self.l3)
    }

    /// The smallest of the three.
    #[must_use]
    pub fn lowest(self) -> T {
        self.l1.min(self.l2).min(self.l3)
    }
}

impl<T> Index<Phase> for PerPhase<T> {
    type Output = T;
    fn index(&self, phase: Phase) -> &T {
        match phase {
            Phase::L1 => &self.l1,
            Phase::L2 => &self.l2,
            Phase::L3 => &self.l3,
        }
    }
}

impl<T> IndexMut<Phase> for PerPhase<T> {
    fn index_mut(&mut self, phase: Phase) -> &mut T {
        match phase {
            Phase::L1 => &mut self.l1,
            Phase::L2 => &mut self.l2,
            Phase::L3 => &mut self.l3,
        }
    }
}

impl<T: Add<Output = T>> Add for PerPhase<T> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip_with(other, Add::add)
    }
}

impl<T: Sub<Output = T>> Sub for PerPhase<T> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.zip_with(other, Sub::sub)
    }
}

impl<T: Copy + Add<Output = T>> AddAssign for PerPhase<T> {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<T: fmt::Display> fmt::Display for PerPhase<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L1 {}, L2 {}, L3 {}", self.l1, self.l2, self.l3)
    }
}
