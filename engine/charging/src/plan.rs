//! A plan: what would be good, as a worker worked it out. It is never trusted: it can lower or reorder, not raise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::{Amperes, EvseId, TimeSpan, Timestamp, WattHours};

use crate::allocation::{Rule, WEIGHT_MAX};

/// How a site shares out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    /// Inline, at every decision.
    #[serde(default)]
    pub allocator: Rule,
    /// Beside it, every now and then.
    #[serde(default)]
    pub planner: PlannerName,
}

impl Strategy {
    /// The default: [`Rule::MaxMin`], and nobody plans.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who plans for a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannerName {
    /// Nobody.
    #[default]
    None,
    /// A linear program over one slot.
    LpNow,
    /// A linear program over the hours to come.
    LpHorizon,
}

impl PlannerName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::LpNow, Self::LpHorizon];

    /// As in site files and reports: `lp_horizon`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LpNow => "lp_now",
            Self::LpHorizon => "lp_horizon",
        }
    }
}

/// What a driver told to want. A hint: in real data drivers take about half of what they ask for, and stay longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// When they leave.
    #[serde(default)]
    pub departs_at: Option<Timestamp>,
    /// What they want in their transaction; 0 Wh or more.
    #[serde(default)]
    pub wanted: Option<WattHours>,
}

impl Wish {
    /// Nothing was told.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

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

/// What a plan says of an EVSE now, for the order of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// How long the session could still wait and yet be served by its departure; negative when it is too late.
    pub laxity: TimeSpan,
    /// When the session leaves, as told or forecast; none where nobody knows.
    pub departs_at: Option<Timestamp>,
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

    /// What the plan says of `evse` at `now` for the order of its session, whatever its laxity; none where it was not planned
    /// for.
    #[must_use]
    pub fn hints(&self, evse: &EvseId, now: Timestamp) -> Option<Hints> {
        let plan = self.evses.get(evse)?;
        let laxity = plan.laxity - now.since(self.made_at);
        Some(Hints { laxity, departs_at: plan.departs_at })
    }

    /// The weight of the session at `evse`, which can use `max`, at `now`: in whole amperes what the plan gives it in the
    /// present slot, or all that it can use where the plan does not know it; 1 and more. Planned shares hold as planned where
    /// rows are as forecast, and in their proportion where they are not. None once the plan is over.
    #[must_use]
    pub fn weight(&self, evse: &EvseId, max: Amperes, now: Timestamp) -> Option<u32> {
        let slot = self.slot_at(now)?;
        let longest = self.evses.values().map(|plan| plan.caps.len()).max().unwrap_or(0);
        let cap = self.evses.get(evse).and_then(|plan| plan.caps.get(slot));
        let amperes = cap.map_or(max, |&cap| cap.min(max)).milliamperes() / 1_000;
        (slot < longest).then(|| u32::try_from(amperes.clamp(1, i64::from(WEIGHT_MAX))).unwrap_or(1))
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
    fn a_plan_sets_order_and_weight_whatever_the_laxity() {
        let evse: EvseId = "CP1/1".parse().unwrap();
        let tight = plan(0, 15, &[16, 0], 10);
        let laxity = |minutes| tight.hints(&evse, minute(minutes)).map(|hints| hints.laxity);
        assert_eq!(laxity(4), Some(TimeSpan::from_minutes(6)));
        assert_eq!(laxity(20), Some(TimeSpan::from_minutes(-10)));
        let (max, other) = (Amperes::from_amperes(32), "CP2/1".parse().unwrap());
        assert_eq!(tight.hints(&other, minute(4)), None);
        let weight = |evse, minutes| tight.weight(evse, max, minute(minutes));
        assert_eq!((weight(&evse, 4), weight(&evse, 20), weight(&evse, 30)), (Some(16), Some(1), None));
        assert_eq!(weight(&other, 4), Some(32), "whoever came since may have what it can use");
        assert_eq!(tight.weight(&evse, Amperes::from_amperes(10), minute(4)), Some(10));
    }
}
