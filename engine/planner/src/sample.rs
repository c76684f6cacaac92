//! Days to plan for, for tests and benches: the same seed gives the same day, on every machine.

use charging::network::{Row, Supply};
use charging::sample::{self, Random};
use units::{Amperes, TimeSpan, Timestamp, WattHours};

use crate::problem::{Costs, PlanProblem, PlanRow, PlanSession};

/// Midnight UTC of 1 June 2026.
const MIDNIGHT: Timestamp = Timestamp::from_milliseconds(1_780_272_000_000);
const SLOT: TimeSpan = TimeSpan::from_minutes(15);
/// A day of quarter hours.
const SLOTS: usize = 96;

/// A day at a generated four-level site of `evses` EVSEs, each with one stay of some eight hours, seen at midnight. The grid
/// connection carries what they want together only within twelve hours, less a base that changes from slot to slot: it binds
/// from the morning to the afternoon, and not everybody can have all.
#[must_use]
pub fn tight_day(seed: u64, evses: usize) -> PlanProblem {
    let network = sample::network(seed, evses, Supply::Tn400);
    let mut random = Random::new(seed ^ 0xda_11);
    let sessions: Vec<PlanSession> = network
        .evse_indices()
        .map(|index| {
            let config = &network.evse(index).config;
            let arrives = 300 + random.between(0, 140) + random.between(0, 140) + random.between(0, 140);
            let stays = 240 + random.between(0, 240) + random.between(0, 240);
            let voltage_total = network.voltage_total_floor(config.wiring.phases());
            let most =
                config.current_max.at_voltage_floor(voltage_total).over_floor(TimeSpan::from_minutes(stays));
            let wanted = WattHours::from_watt_hours(random.between(4_000, 36_000));
            PlanSession {
                evse: config.id.clone(),
                arrives_at: MIDNIGHT + TimeSpan::from_minutes(arrives),
                departs_at: MIDNIGHT + TimeSpan::from_minutes(arrives + stays),
                wanted: wanted.min(WattHours::from_milliwatt_hours(most.milliwatt_hours() * 85 / 100)),
                min: config.current_min,
                max: config.current_max,
                step: config.step,
                offered: Amperes::ZERO,
                weight: config.weight,
                voltage_total,
                loads: network.loads_at_worst(index).clone(),
                commanded: None,
            }
        })
        .collect();
    let wanted: WattHours = sessions.iter().map(|session| session.wanted).sum();
    // Per phase, at 230 V, in twelve hours.
    let mean = Amperes::from_milliamperes(wanted.milliwatt_hours() / (3 * 230 * 12));
    let mut row = |row: &Row| {
        let is_main = network.circuit(row.circuit).parent.is_none();
        let headroom = (0..SLOTS).map(|_| match is_main {
            true => mean.ratio_floor(random.between(90, 110), 100),
            false => row.limit(),
        });
        PlanRow { name: row.name.clone(), headroom: headroom.collect(), contractual: None }
    };
    PlanProblem {
        made_at: MIDNIGHT,
        starts_at: MIDNIGHT,
        slot: SLOT,
        slots: SLOTS,
        rows: network.rows().iter().map(&mut row).collect(),
        sessions,
        costs: Costs::energy_only(),
    }
}

/// The same day after one event: a driver says to leave two hours earlier than was thought, and to need 5 kWh more.
#[must_use]
pub fn after_one_event(mut problem: PlanProblem) -> PlanProblem {
    let middle = problem.sessions.len() / 2;
    if let Some(session) = problem.sessions.get_mut(middle) {
        session.departs_at =
            (session.departs_at - TimeSpan::from_hours(2)).max(session.arrives_at + TimeSpan::from_hours(1));
        session.wanted += WattHours::from_watt_hours(5_000);
    }
    problem
}
