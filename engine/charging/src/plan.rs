//! A plan: what would be good, as a worker worked it out. It is never trusted: it can lower or reorder, not raise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Amperes, EvseId, TimeSpan, Timestamp};

/// As of [`crate::allocation::Candidate::weight`].
const WEIGHT_MAX: i64 = 1_000_000;

/// Caps per EVSE and slot, made by a planner outside the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The instant whose state the plan was made from.
    pub made_at: Timestamp,
    /// The start of the first slot.
    pub starts_at: Timestamp,
    /// The length of a slot; positive.
    pub slot: TimeSpan,
    /// What the plan would give each EVSE.
    pub evses: BTreeMap<EvseId, EvsePlan>,
}

/// One EVSE's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvsePlan {
    /// The cap per phase in each slot, A.
    pub caps: Vec<Amperes>,
    /// How long the session could wait at `made_at` and still get by its departure what the plan gives it; negative where
    /// it is too late.
    pub laxity: TimeSpan,
    /// When the session leaves, as told or forecast; none where nobody knows.
    #[serde(default)]
    pub departs_at: Option<Timestamp>,
}

/// What a plan says of an EVSE now, for the order and the weight of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// How long the session could still wait and yet be served by its departure; negative when it is too late.
    pub laxity: TimeSpan,
    /// When the session leaves, as told or forecast; none where nobody knows.
    pub departs_at: Option<Timestamp>,
    /// What the plan gives it in the present slot, in whole amperes: its share beside others that were planned for; 1 and
    /// more. None outside of the plan's slots.
    pub weight: Option<u32>,
}

/// Why a plan, or a part of it, is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanRefusal {
    /// Older than a plan already in use, or made in the future.
    OutOfOrder,
    /// Its slots do not cover now.
    Stale,
    /// A slot of no or negative length, a negative cap, or more than 10 000 slots.
    Nonsense,
}

impl Plan {
    /// Checks the plan against `now` and the plan in use.
    ///
    /// # Errors
    ///
    /// The first rule of [`PlanRefusal`] that it breaks.
    pub fn check(&self, now: Timestamp, in_use: Option<&Self>) -> Result<(), PlanRefusal> {
        let longest = self.evses.values().map(|plan| plan.caps.len()).max().unwrap_or(0);
        let is_negative = |plan: &EvsePlan| plan.caps.iter().any(|&cap| cap < Amperes::ZERO);
        if self.slot <= TimeSpan::ZERO || longest > 10_000 || self.evses.values().any(is_negative) {
            return Err(PlanRefusal::Nonsense);
        }
        if self.made_at > now || in_use.is_some_and(|plan| plan.made_at > self.made_at) {
            return Err(PlanRefusal::OutOfOrder);
        }
        match self.slot_at(now) {
            Some(index) if index < longest => Ok(()),
            Some(_) | None => Err(PlanRefusal::Stale),
        }
    }

    /// The cap on `evse` at `now`: only while its laxity exceeds one slot (CONTROL section 5), else none.
    #[must_use]
    pub fn cap(&self, evse: &EvseId, now: Timestamp) -> Option<Amperes> {
        let plan = self.evses.get(evse)?;
        let laxity = plan.laxity - now.since(self.made_at);
        if laxity <= self.slot {
            return None;
        }
        plan.caps.get(self.slot_at(now)?).copied()
    }

    /// What the plan says of `evse` at `now`: order and weight of its session, whatever its laxity; none where it was not
    /// planned for.
    #[must_use]
    pub fn hints(&self, evse: &EvseId, now: Timestamp) -> Option<Hints> {
        let plan = self.evses.get(evse)?;
        let present = self.slot_at(now).and_then(|slot| plan.caps.get(slot));
        let weight = |cap: &Amperes| {
            let amperes = cap.milliamperes() / 1_000;
            u32::try_from(amperes.clamp(1, WEIGHT_MAX)).unwrap_or(1)
        };
        Some(Hints {
            laxity: plan.laxity - now.since(self.made_at),
            departs_at: plan.departs_at,
            weight: present.map(weight),
        })
    }

    fn slot_at(&self, now: Timestamp) -> Option<usize> {
        let elapsed = now.since(self.starts_at).milliseconds();
        usize::try_from(elapsed.div_euclid(self.slot.milliseconds())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(made_at_min: i64, slot_min: i64, caps: &[i64], laxity_min: i64) -> Plan {
        let at = Timestamp::EPOCH + TimeSpan::from_minutes(made_at_min);
        Plan {
            made_at: at,
            starts_at: at,
            slot: TimeSpan::from_minutes(slot_min),
            evses: BTreeMap::from([(
                "CP1/1".parse().unwrap(),
                EvsePlan {
                    caps: caps.iter().map(|&amperes| Amperes::from_amperes(amperes)).collect(),
                    laxity: TimeSpan::from_minutes(laxity_min),
                    departs_at: None,
                },
            )]),
        }
    }

    fn minute(count: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_minutes(count)
    }

    #[test]
    fn s6_late_early_stale_and_senseless_plans_are_refused() {
        let good = plan(0, 15, &[6, 0], 600);
        assert_eq!(good.check(minute(20), None), Ok(()));
        assert_eq!(good.check(minute(30), None), Err(PlanRefusal::Stale));
        assert_eq!(good.check(minute(20), Some(&plan(10, 15, &[6], 0))), Err(PlanRefusal::OutOfOrder));
        assert_eq!(plan(30, 15, &[6], 0).check(minute(20), None), Err(PlanRefusal::OutOfOrder));
        assert_eq!(plan(0, 0, &[6], 0).check(minute(0), None), Err(PlanRefusal::Nonsense));
        assert_eq!(plan(0, 15, &[-6], 0).check(minute(0), None), Err(PlanRefusal::Nonsense));
    }

    #[test]
    fn a_plan_caps_only_while_laxity_exceeds_one_slot() {
        let evse = "CP1/1".parse().unwrap();
        let relaxed = plan(0, 15, &[6, 0, 0], 60);
        assert_eq!(relaxed.cap(&evse, minute(16)), Some(Amperes::ZERO));
        assert_eq!(relaxed.cap(&evse, minute(45)), None, "15 min of laxity are left");
    }

    #[test]
    fn a_plan_hints_at_order_and_weight_whatever_the_laxity() {
        let evse = "CP1/1".parse().unwrap();
        let tight = plan(0, 15, &[16, 0], 10);
        let hints = |minutes| tight.hints(&evse, minute(minutes)).unwrap();
        assert_eq!((hints(4).laxity, hints(4).weight), (TimeSpan::from_minutes(6), Some(16)));
        assert_eq!((hints(20).laxity, hints(20).weight), (TimeSpan::from_minutes(-10), Some(1)));
        assert_eq!(hints(30).weight, None, "the plan is over");
        assert_eq!(tight.hints(&"CP2/1".parse().unwrap(), minute(4)), None);
    }
}
