//! From what an engine knows of a site to a plan for it, whoever solves.

use charging::plan::{Plan, PlannerName};
use charging::site::{SessionNow, Situation};
use charging::terms::Terms;
use units::{Amperes, TimeSpan, Timestamp, WattHours};

use crate::forecast::SiteForecast;
use crate::horizon::{PlanLimits, lp_horizon};
use crate::model::steps;
use crate::problem::{Costs, PlanFailure, PlanProblem, PlanRow, PlanSession};

/// A slot of every plan.
const SLOT: TimeSpan = TimeSpan::from_minutes(15);
/// No plan looks further ahead: a day.
const SLOTS_AHEAD: i64 = 96;
/// Whoever should have left, and has not, leaves within this.
const OVERDUE: TimeSpan = TimeSpan::from_hours(1);
/// Whoever has got all that was expected, and goes on, wants so much more.
const MORE: WattHours = WattHours::from_watt_hours(2_000);

/// What is expected of a session whose driver told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typical {
    /// How long it stays; above 0 s. Default 8 h: a night, or a day at work.
    pub stay: TimeSpan,
    /// What it takes in its transaction; above 0 Wh. Default 20 kWh: of sessions recorded in flats four in
    /// five take less, at workplaces half to nine in ten.
    pub energy: WattHours,
}

impl Default for Typical {
    fn default() -> Self {
        Self { stay: TimeSpan::from_hours(8), energy: WattHours::from_watt_hours(20_000) }
    }
}

/// A plan of `planner` for `situation` at `terms`, with base load as `forecast` expects it; none where nobody is to plan.
///
/// # Errors
///
/// As [`lp_horizon`]; and where what comes out does not hold ([`PlanProblem::admits`]).
pub fn plan(
    situation: &Situation,
    planner: PlannerName,
    typical: &Typical,
    forecast: &SiteForecast,
    terms: &Terms,
    limits: PlanLimits,
) -> Result<Option<Plan>, PlanFailure> {
    let Some(problem) = PlanProblem::ahead(situation, planner, typical) else { return Ok(None) };
    let problem = forecast.applied_to(problem, situation).under(terms, situation).problem;
    let plan = lp_horizon(&problem, limits)?.plan;
    problem.admits(&plan)?;
    Ok(Some(plan))
}

impl PlanProblem {
    /// What `planner` is to plan in `situation`: to the last departure, a day at most, from the quarter hour that holds it on;
    /// headroom stays what it is, but for what is commanded. None where nobody is to plan.
    #[must_use]
    pub fn ahead(situation: &Situation, planner: PlannerName, typical: &Typical) -> Option<Self> {
        let slots_most = match planner {
            PlannerName::None => return None,
            PlannerName::LpNow => 1,
            PlannerName::LpHorizon => SLOTS_AHEAD,
        };
        let (now, starts_at) = (situation.now, situation.now.floor_to(SLOT));
        let sessions: Vec<PlanSession> = situation
            .sessions
            .iter()
            .map(|session| {
                let SessionNow { evse, arrived, wish, delivered, min, max, step, .. } = session;
                let expected = wish.departs_at.unwrap_or(*arrived + typical.stay);
                let wanted = wish.wanted.unwrap_or(typical.energy) - delivered.unwrap_or(WattHours::ZERO);
                PlanSession {
                    evse: evse.clone(),
                    arrives_at: (*arrived).min(now),
                    departs_at: if expected > now { expected } else { now + OVERDUE },
                    // It has not had enough: it is none that takes nothing.
                    wanted: if wanted > WattHours::ZERO { wanted } else { MORE },
                    min: *min,
                    max: *max,
                    step: *step,
                    offered: session.offered,
                    weight: session.weight,
                    voltage_total: session.voltage_total,
                    loads: session.loads.clone(),
                    commanded: None,
                }
            })
            .collect();
        let last = sessions.iter().map(|session| session.departs_at).max().unwrap_or(now);
        let slots = (last.since(starts_at).milliseconds() + SLOT.milliseconds() - 1) / SLOT.milliseconds();
        let slots = usize::try_from(slots.clamp(1, slots_most)).unwrap_or(1);
        let row = |(place, (name, headroom)): (usize, &(String, Amperes))| PlanRow {
            name: name.clone(),
            headroom: headroom_ahead(situation, place, *headroom, starts_at, slots),
            contractual: None,
        };
        Some(Self {
            made_at: now,
            starts_at,
            slot: SLOT,
            slots,
            rows: situation.headroom.iter().enumerate().map(row).collect(),
            sessions,
            costs: Costs::energy_only(),
        })
    }

    /// Whether `plan` is an answer to this problem: of its instant and slots, for its sessions, each cap 0 A or on its
    /// session's step from its minimum to the most it may have, and every row holding in every slot. Whoever made it is not
    /// asked how.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn admits(&self, plan: &Plan) -> Result<(), PlanFailure> {
        let broken = |words: String| Err(PlanFailure::NoAnswer { words });
        let asked = (self.made_at, self.starts_at, self.slot);
        if (plan.made_at, plan.starts_at, plan.slot) != asked {
            return broken(format!(
                "it is for {} in slots of {} from {}",
                plan.made_at, plan.slot, plan.starts_at
            ));
        }
        if plan.evses.len() != self.sessions.len() {
            return broken(format!("it caps {} EVSEs of {}", plan.evses.len(), self.sessions.len()));
        }
        let mut drawn = vec![vec![0_i64; self.slots]; self.rows.len()];
        for session in &self.sessions {
            let caps = plan.evses.get(&session.evse).map(|evse| evse.caps.as_slice()).unwrap_or_default();
            if caps.len() != self.slots {
                return broken(format!("EVSE {} has {} caps, not {}", session.evse, caps.len(), self.slots));
            }
            for (slot, &cap) in caps.iter().enumerate() {
                // Whoever is not expected then is not held back should it be there.
                if self.presence(session, slot) == TimeSpan::ZERO {
                    continue;
                }
                let is_step = cap == cap.floor_to(session.step)
                    && steps(session, slot).is_some_and(|steps| steps.contains(&cap));
                if cap != Amperes::ZERO && !is_step {
                    return broken(format!("EVSE {} is capped at {cap} in slot {slot}", session.evse));
                }
                for (row, coefficient) in session.loads.iter() {
                    drawn[row.place()][slot] += coefficient.thousandths() * cap.milliamperes();
                }
            }
        }
        for (row, drawn) in self.rows.iter().zip(drawn) {
            for (slot, drawn) in drawn.into_iter().enumerate() {
                let holds = row.headroom[slot].max(Amperes::ZERO);
                if drawn > holds.milliamperes() * 1_000 {
                    let drawn = Amperes::from_milliamperes(drawn / 1_000);
                    return broken(format!("{} carries {drawn} of {holds} in slot {slot}", row.name));
                }
            }
        }
        Ok(())
    }
}

/// By slot: what a row has now, and where commands begin or end, what they leave or give back. A command holds in every slot
/// that it touches.
fn headroom_ahead(
    situation: &Situation,
    place: usize,
    now: Amperes,
    starts_at: Timestamp,
    slots: usize,
) -> Vec<Amperes> {
    let own = || situation.commanded.iter().filter(|command| command.row.place() == place);
    let uncommanded = own().map(|command| command.uncommanded).fold(now, Amperes::max);
    let starts = std::iter::successors(Some(starts_at), |&at| Some(at + SLOT)).take(slots);
    let left = starts.map(|from| {
        let until = from + SLOT;
        let in_force = own().filter(|command| command.from < until && from < command.until);
        in_force.map(|command| command.headroom).fold(uncommanded, Amperes::min)
    });
    left.collect()
}
