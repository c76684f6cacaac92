//! Weighted max–min with admission by turns: the default allocator.

use units::Amperes;

use super::{Allocation, Allocator, Problem};

/// Weighted max–min with admission by turns: the default allocator. Keeps working memory between decisions.
#[derive(Debug, Default)]
pub struct MaxMin {}

impl MaxMin {
    /// With empty working memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What each session of `problem` would get if currents below the minimum existed, in the order of the
    /// sessions: the yardstick of [`super::Candidate::deficit`]. Where everybody is admitted it is what they get.
    pub fn fair_shares(&mut self, problem: &Problem) -> Vec<Amperes> {
        let _ = problem;
        Vec::new()
    }
}

impl Allocator for MaxMin {
    fn allocate(&mut self, problem: &Problem) -> Allocation {
        let _ = problem;
        Allocation::default()
    }
}
