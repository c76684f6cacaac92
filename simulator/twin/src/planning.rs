//! Plans made while a run goes on: of what is known at the instant, by a worker that needs no time.
//!
//! Drivers tell when they leave and how much they want, and it is true; who comes later, nobody knows. What the rows will
//! hold is what they hold now: base load stays as control believes it to be.

use charging::allocation::Rule;
use charging::network::{Network, Row};
use charging::plan::{EvsePlan, Plan};
use planner::{Costs, PlanFailure, PlanLimits, PlanProblem, PlanRow, PlanSession, lp_horizon};
use units::{Amperes, PerPhase, TimeSpan, Timestamp, WattHours};

use crate::scenario::Stay;

/// A slot of every plan.
const SLOT: TimeSpan = TimeSpan::from_minutes(15);
/// No plan looks further ahead: a day.
const SLOTS_MAX: i64 = 96;

/// How a run shares out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strategy {
    /// Inline.
    pub rule: Rule,
    /// Beside it.
    pub planning: Planning,
}

/// What is told to control of the hours to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planning {
    /// Nothing, but what the scenario's faults throw in.
    #[default]
    None,
    /// When sessions leave, and how long they could wait; no cap.
    Hints,
    /// A plan of [`lp_horizon`], anew every quarter of an hour and whenever somebody comes, is done or leaves.
    LpHorizon,
}

impl Strategy {
    /// All that make sense: every rule with what it needs to know, and the default rule with a plan.
    pub const ALL: [Self; 7] = [
        Self { rule: Rule::EqualStatic, planning: Planning::None },
        Self { rule: Rule::FirstCome, planning: Planning::None },
        Self { rule: Rule::RoundRobin, planning: Planning::None },
        Self { rule: Rule::EarliestDeadline, planning: Planning::Hints },
        Self { rule: Rule::LeastLaxity, planning: Planning::Hints },
        Self { rule: Rule::MaxMin, planning: Planning::None },
        Self { rule: Rule::MaxMin, planning: Planning::LpHorizon },
    ];

    /// As in reports: `max_min + lp_horizon`.
    #[must_use]
    pub fn name(self) -> String {
        match self.planning {
            Planning::None | Planning::Hints => self.rule.name().to_owned(),
            Planning::LpHorizon => format!("{} + lp_horizon", self.rule.name()),
        }
    }
}

/// A session as a planner is told of it: `stay`, which still wants `wanted` and is offered `offered`. None for a stay at an
/// EVSE that `network` does not have.
#[must_use]
pub fn session(network: &Network, stay: &Stay, wanted: WattHours, offered: Amperes) -> Option<PlanSession> {
    let index = network.evse_by_id(&stay.evse)?;
    let config = &network.evse(index).config;
    let phases = config.wiring.phases().min(i64::from(stay.ev.phases.count()));
    let terminals = PerPhase::from_fn(|terminal| i64::try_from(terminal.index()).is_ok_and(|at| at < phases));
    Some(PlanSession {
        evse: stay.evse.clone(),
        arrives_at: stay.arrives_at,
        departs_at: stay.departs_at,
        wanted,
        min: config.current_min.max(stay.ev.current_minimum),
        max: config.current_max.min(stay.ev.current_maximum),
        step: config.step,
        offered,
        weight: config.weight,
        voltage_total: network.voltage_total_floor(phases),
        loads: network.loads(index, terminals).clone(),
        commanded: None,
    })
}

/// The plan of an instant, for `sessions`, where `headroom` is what each row holds for them all day; none where nothing is
/// planned.
pub fn plan(
    planning: Planning,
    now: Timestamp,
    network: &Network,
    headroom: &[Amperes],
    sessions: Vec<PlanSession>,
) -> Option<Result<Plan, PlanFailure>> {
    let slots = slots(now, &sessions);
    match planning {
        Planning::None => None,
        Planning::Hints => Some(Ok(hints(now, slots, &sessions))),
        Planning::LpHorizon => {
            let row = |(row, headroom): (&Row, &Amperes)| PlanRow {
                name: row.name.clone(),
                headroom: vec![*headroom; slots],
                contractual: None,
            };
            let problem = PlanProblem {
                made_at: now,
                starts_at: now,
                slot: SLOT,
                slots,
                rows: network.rows().iter().zip(headroom).map(row).collect(),
                sessions,
                costs: Costs::energy_only(),
            };
            Some(lp_horizon(&problem, PlanLimits::default()).map(|planned| planned.plan))
        }
    }
}

/// To the last departure, and a day at most.
fn slots(now: Timestamp, sessions: &[PlanSession]) -> usize {
    let last = sessions.iter().map(|session| session.departs_at).max().unwrap_or(now);
    let slots = (last.since(now).milliseconds() + SLOT.milliseconds() - 1) / SLOT.milliseconds();
    usize::try_from(slots.clamp(1, SLOTS_MAX)).unwrap_or(1)
}

/// What the rules by deadline and by laxity need, and no cap below what the EVSE may have anyway.
fn hints(now: Timestamp, slots: usize, sessions: &[PlanSession]) -> Plan {
    let evses = sessions.iter().map(|session| {
        let power = session.max.at_voltage_floor(session.voltage_total).milliwatts().max(1);
        let charges = session.wanted.milliwatt_hours() * 3_600_000 / power;
        let laxity = session.departs_at.since(now) - TimeSpan::from_milliseconds(charges);
        let departs_at = Some(session.departs_at);
        (session.evse.clone(), EvsePlan { caps: vec![session.max; slots], laxity, departs_at })
    });
    Plan { made_at: now, starts_at: now, slot: SLOT, evses: evses.collect() }
}
