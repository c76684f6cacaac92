//! Sites to plan for.

use charging::network::{Coefficient, RowIndex, Supply};
use charging::sample::{self, Random};
use planner::{Costs, PlanProblem, PlanRow, PlanSession};
use units::{Amperes, PerPhase, TimeSpan, Timestamp, Volts, WattHours};

/// Midnight UTC of 1 June 2026.
pub const START: Timestamp = Timestamp::from_milliseconds(1_780_272_000_000);
const SLOT: TimeSpan = TimeSpan::from_minutes(15);

pub fn at(minutes: i64) -> Timestamp {
    START + TimeSpan::from_minutes(minutes)
}

/// Two hours on one row of `headroom` A.
pub fn one_row(headroom: i64, sessions: Vec<PlanSession>) -> PlanProblem {
    let last = sessions.iter().map(|session| session.departs_at).max().unwrap_or(START).max(at(120));
    let slots = usize::try_from(last.since(START).milliseconds() / SLOT.milliseconds()).unwrap();
    PlanProblem {
        made_at: START,
        starts_at: START,
        slot: SLOT,
        slots,
        rows: vec![PlanRow {
            name: "main L1".to_owned(),
            headroom: vec![Amperes::from_amperes(headroom); slots],
            contractual: None,
        }],
        sessions,
        costs: Costs::energy_only(),
    }
}

/// One phase, 6 A to 16 A in whole amperes; wants `wanted` Wh between two minutes.
pub fn session(evse: &str, arrives: i64, departs: i64, wanted: i64) -> PlanSession {
    PlanSession {
        evse: format!("{evse}/1").parse().unwrap(),
        arrives_at: at(arrives),
        departs_at: at(departs.max(arrives + 1)),
        wanted: WattHours::from_watt_hours(wanted),
        min: Amperes::from_amperes(6),
        max: Amperes::from_amperes(16),
        step: Amperes::from_amperes(1),
        offered: Amperes::ZERO,
        weight: 1,
        voltage_total: Volts::from_volts(230),
        loads: std::iter::once((RowIndex::new(0), Coefficient::ONE)).collect(),
        commanded: None,
    }
}

/// A random tree of up to 40 EVSEs, TN or IT, whose headroom changes every few hours and is sometimes below nothing.
pub fn random(seed: u64) -> PlanProblem {
    let mut random = Random::new(seed ^ 0x91a4);
    let evses = usize::try_from(random.between(1, 40)).unwrap();
    let supply = random.one_of(&[Supply::Tn400, Supply::It230]);
    let network = sample::network(seed, evses, supply);
    let slots = usize::try_from(random.between(4, 40)).unwrap();
    let mut row = |row: &charging::network::Row| {
        let mut percent = 100;
        let headroom = (0..slots).map(|_| {
            if random.chance(10) {
                percent = random.between(-10, 100);
            }
            row.limit().ratio_floor(percent, 100)
        });
        PlanRow { name: row.name.clone(), headroom: headroom.collect(), contractual: None }
    };
    let rows = network.rows().iter().map(&mut row).collect();
    let mut sessions = Vec::new();
    for index in network.evse_indices().filter(|_| random.chance(80)).collect::<Vec<_>>() {
        let config = &network.evse(index).config;
        let phases = random.between(1, config.wiring.phases());
        let terminals = PerPhase::from_fn(|terminal| i64::try_from(terminal.index()).unwrap() < phases);
        sessions.push(PlanSession {
            evse: config.id.clone(),
            arrives_at: at(-random.between(0, 300)),
            departs_at: at(random.between(1, 700)),
            wanted: WattHours::from_watt_hours(random.between(0, 40_000)),
            min: config.current_min,
            max: config.current_max.ratio_floor(random.between(30, 100), 100),
            step: config.step,
            offered: Amperes::from_amperes(random.one_of(&[0, 0, 6, 10, 16])),
            weight: config.weight,
            voltage_total: network.voltage_total_floor(phases),
            loads: network.loads(index, terminals).clone(),
            commanded: None,
        });
    }
    PlanProblem {
        made_at: START,
        starts_at: START,
        slot: SLOT,
        slots,
        rows,
        sessions,
        costs: Costs::energy_only(),
    }
}
