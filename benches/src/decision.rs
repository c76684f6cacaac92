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

    /// The results that the figures of `README.md` belong to: what makes a decision faster must not make it another.
    #[test]
    fn decisions_are_those_that_were_measured() {
        let measured = ["64516cb53281a72c", "139f53e3f3f4d6e7", "56e8edb03cc20547", "7770172d8d3d9133"];
        for ((active, evses), fingerprint) in SIZES.into_iter().zip(measured) {
            let decided = Decision::new(active, evses).fingerprint().to_string();
            assert_eq!(decided, fingerprint, "{active} EVs at {evses} EVSEs");
        }
    }

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
