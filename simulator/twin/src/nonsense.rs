//! Plans that no planner would make (S6): late, early, stale, senseless, or merely unhelpful. Drawn by the seed, from a
//! stream of their own, so that both fidelities are thrown the same ones at the same instants.

use std::collections::BTreeMap;

use charging::plan::{EvsePlan, Plan};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use units::{Amperes, EvseId, TimeSpan, Timestamp};

use crate::fault::{Fault, Span};
use crate::scenario::Scenario;

/// The plans of a run.
#[derive(Debug)]
pub struct Nonsense {
    rng: ChaCha8Rng,
    every: TimeSpan,
    span: Span,
}

impl Nonsense {
    /// The plans that a scenario asks for, where it does: the first fault of the kind counts.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        scenario.faults.iter().find_map(|fault| {
            let Fault::NonsensePlans { every, span } = fault else { return None };
            let rng = ChaCha8Rng::seed_from_u64(scenario.seed ^ 0x706c_616e_7300);
            Some(Self { rng, every: *every, span: *span })
        })
    }

    /// When the next one comes; none once they are over.
    pub fn next(&mut self, now: Timestamp) -> Option<Timestamp> {
        let most = self.every.milliseconds().max(1) * 2;
        let pause = TimeSpan::from_milliseconds(self.rng.random_range(1..=most));
        let at = now.max(self.span.from) + pause;
        (at < self.span.until).then_some(at)
    }

    /// One that arrives at `now`.
    pub fn plan<'a>(&mut self, now: Timestamp, evses: impl Iterator<Item = &'a EvseId>) -> Plan {
        let made_at = now + self.minutes(-120, 5);
        let starts_at = made_at + self.minutes(-30, 30);
        let slot = self.minutes(-1, 30);
        let mut planned = BTreeMap::new();
        for evse in evses {
            if self.rng.random_ratio(1, 4) {
                continue;
            }
            let count = self.rng.random_range(0..40);
            let caps = (0..count).map(|_| self.cap()).collect();
            let laxity = self.minutes(-60, 2_000);
            planned.insert(evse.clone(), EvsePlan { caps, laxity, departs_at: None });
        }
        Plan { made_at, starts_at, slot, evses: planned }
    }

    fn cap(&mut self) -> Amperes {
        let cap = Amperes::from_milliamperes(self.rng.random_range(-1_000..2_000_000));
        if self.rng.random_ratio(9, 10) { cap.max(Amperes::ZERO) } else { cap }
    }

    fn minutes(&mut self, from: i64, to: i64) -> TimeSpan {
        TimeSpan::from_minutes(self.rng.random_range(from..=to))
    }
}
