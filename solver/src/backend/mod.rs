//! Back ends: each takes a valid model and says what it believes to have found. None is believed.

#[cfg(feature = "clarabel")]
mod clarabel;
#[cfg(feature = "microlp")]
mod microlp;
mod translate;

use std::fmt;

use crate::check::prove;
use crate::model::{Model, Objective};

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
}

impl Backend {
    /// All that were built in.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "clarabel")]
        Self::Clarabel,
        #[cfg(feature = "microlp")]
        Self::Microlp,
    ];

    /// The default for linear programs.
    #[cfg(feature = "clarabel")]
    pub const FOR_LINEAR: Self = Self::Clarabel;

    /// The default for linear programs.
    #[cfg(all(feature = "microlp", not(feature = "clarabel")))]
    pub const FOR_LINEAR: Self = Self::Microlp;

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
        }
    }

    pub(crate) fn run(self, model: &Model, objective: &Objective, limits: Limits) -> Claim {
        // No back end likes a problem in which nothing is left to choose.
        if model.columns.iter().all(|column| column.low == column.high) {
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
        })
    }
}

/// How much may be tried. Counts, not seconds: the same on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Iterations of an interior point; default 200. A simplex has no limit: it ends by itself.
    pub iterations: u32,
    /// Nodes of a search over integers; default 100 000.
    pub nodes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { iterations: 200, nodes: 100_000 }
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
