//! One decision by max–min with everything: admission, fair share, whole steps, certificates.

use charging::allocation::{Allocation, Allocator, MaxMin, Problem};
use charging::network::Supply;
use charging::sample;

use crate::evs::is_active;
use crate::fingerprint::Fingerprint;

/// Active EVs, and the EVSEs of their site: the sizes at which others were measured, and one to see how it grows.
pub const SIZES: [(usize, usize); 4] = [(22, 54), (95, 200), (246, 500), (3_000, 6_000)];

/// The seed of every sample site.
pub const SEED: u64 = 7;

/// A generated four-level site at one moment.
#[derive(Debug)]
pub struct Decision {
    problem: Problem,
    allocator: MaxMin,
}

impl Decision {
    /// `active` of `evses` EVSEs have a session.
    #[must_use]
    pub fn new(active: usize, evses: usize) -> Self {
        let network = sample::network(SEED, evses, Supply::Tn400);
        let mut problem = sample::problem(SEED, &network, 0);
        problem.sessions.retain(|session| is_active(session.key.place(), active, evses));
        assert_eq!(problem.sessions.len(), active, "of {evses} EVSEs");
        Self { problem, allocator: MaxMin::new() }
    }

    /// Decides.
    pub fn decide(&mut self) -> Allocation {
        self.allocator.allocate(&self.problem)
    }

    /// Of one decision.
    #[must_use]
    pub fn fingerprint(&mut self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        fingerprint.value(&self.decide());
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use charging::allocation::Certificate;
    use units::Amperes;

    use super::*;

    #[test]
    fn a_decision_of_each_size_shares_out_and_leaves_nobody_without_a_reason() {
        for (active, evses) in SIZES {
            let mut decision = Decision::new(active, evses);
            let Allocation { limits, certificates } = decision.decide();
            let charging = limits.iter().filter(|&&limit| limit > Amperes::ZERO).count();
            let by_row =
                certificates.iter().filter(|certificate| matches!(certificate, Certificate::Row(_))).count();
            assert!(charging * 3 >= active, "{charging} of {active} charge");
            assert!(by_row * 5 >= active, "rows stop only {by_row} of {active}: the sample does not bind");
            // Working memory of the decision before changes nothing.
            let again = decision.fingerprint();
            assert_eq!(again, Decision::new(active, evses).fingerprint());
        }
    }
}
