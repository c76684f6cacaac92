//! Back ends: each takes a valid model and says what it believes to have found. None is believed.

#[cfg(feature = "clarabel")]
mod clarabel;
#[cfg(feature = "highs")]
mod highs;
#[cfg(feature = "microlp")]
mod microlp;
mod translate;

use std::fmt;

use crate::check::prove;
use crate::model::{Model, Objective};
use crate::start::Corner;

/// What solves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// An interior point for linear programs, with shadow prices. Its answer is no corner: where several answers are best,
    /// it is in their midst.
    #[cfg(feature = "clarabel")]
    Clarabel,
    /// A simplex, with branch and bound for integers. Fast while there are few hundred rows and columns; no shadow prices.
    #[cfg(feature = "microlp")]
    Microlp,
    /// A dual simplex with shadow prices, and branch and bound for integers. The fastest where there is much to choose, and
    /// its answer is a corner; it takes a C++ compiler and minutes to build.
    #[cfg(feature = "highs")]
    Highs,
}

impl Backend {
    /// All that were built in.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "clarabel")]
        Self::Clarabel,
        #[cfg(feature = "microlp")]
        Self::Microlp,
        #[cfg(feature = "highs")]
        Self::Highs,
    ];

    /// The default for linear programs. HiGHS is none, so that what is not asked for by name comes out alike in every build.
    #[cfg(feature = "clarabel")]
    pub const FOR_LINEAR: Self = Self::Clarabel;

    /// The default for linear programs.
    #[cfg(all(feature = "microlp", not(feature = "clarabel")))]
    pub const FOR_LINEAR: Self = Self::Microlp;

    /// What is fastest at linear programs of those that were built in.
    #[cfg(feature = "highs")]
    pub const FASTEST: Self = Self::Highs;

    /// What is fastest at linear programs of those that were built in.
    #[cfg(not(feature = "highs"))]
    pub const FASTEST: Self = Self::FOR_LINEAR;

    /// The default where there are integers, and for what is small.
    #[cfg(feature = "microlp")]
    pub const FOR_INTEGERS: Self = Self::Microlp;

    /// Whether it solves problems with integers.
    #[must_use]
    pub const fn takes_integers(self) -> bool {
        match self {
            #[cfg(feature = "clarabel")]
            Self::Clarabel => false,
            #[cfg(feature = "microlp")]
            Self::Microlp => true,
            #[cfg(feature = "highs")]
            Self::Highs => true,
        }
    }

    /// Whether it goes from corner to corner, and may begin at one.
    #[must_use]
    pub const fn has_corners(self) -> bool {
        match self {
            #[cfg(feature = "clarabel")]
            Self::Clarabel => false,
            #[cfg(feature = "microlp")]
            Self::Microlp => false,
            #[cfg(feature = "highs")]
            Self::Highs => true,
        }
    }

    /// As [`Backend::run`], from a corner of the model; with the one where it ended, where there is one.
    pub(crate) fn run_from(
        self,
        model: &Model,
        objective: &Objective,
        limits: Limits,
        corner: Option<&Corner>,
    ) -> (Claim, Option<Corner>) {
        #[cfg(feature = "highs")]
        if self == Self::Highs && !model.is_fixed() {
            return highs::run_from(model, objective, limits, corner);
        }
        assert!(corner.is_none() || model.is_fixed(), "{self} knows no corners");
        (self.run(model, objective, limits), None)
    }

    pub(crate) fn run(self, model: &Model, objective: &Objective, limits: Limits) -> Claim {
        // No back end likes a problem in which nothing is left to choose.
        if model.is_fixed() {
            let values: Vec<f64> = model.columns.iter().map(|column| column.low).collect();
            return match prove(model, objective, &values, None).is_feasible() {
                true => Claim::Best { values, prices: None },
                false => Claim::Infeasible,
            };
        }
        match self {
            #[cfg(feature = "clarabel")]
            Self::Clarabel => clarabel::run(model, objective, limits),
            #[cfg(feature = "microlp")]
            Self::Microlp => microlp::run(model, objective, limits),
            #[cfg(feature = "highs")]
            Self::Highs => highs::run_from(model, objective, limits, None).0,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            #[cfg(feature = "clarabel")]
            Self::Clarabel => "clarabel",
            #[cfg(feature = "microlp")]
            Self::Microlp => "microlp",
            #[cfg(feature = "highs")]
            Self::Highs => "highs",
        })
    }
}

/// How much may be tried. Counts, not seconds: the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Iterations of an interior point; default 200.
    pub iterations: u32,
    /// Pivots of HiGHS's simplex; default 1 000 000. Microlp's has no limit: it ends by itself.
    pub pivots: u64,
    /// Nodes of a search over integers; default 100 000.
    pub nodes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { iterations: 200, pivots: 1_000_000, nodes: 100_000 }
    }
}

/// What a back end says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Claim {
    /// These values, one per column, are best; prices, one per row: by how much the objective rises where the row's bound
    /// rises by 1.
    Best {
        values: Vec<f64>,
        prices: Option<Vec<f64>>,
    },
    /// It stopped early, maybe with values that hold.
    Stopped {
        values: Option<Vec<f64>>,
        words: String,
    },
    Infeasible,
    Unbounded,
    Failed {
        words: String,
    },
}
