//! Running a scenario once, or with many seeds side by side, and telling what came of it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use twin::outcome::Outcome;
use twin::watch::Firing;
use twin::{Scenario, World};
use units::{Amperes, EvseId, Money, PerPhase, Phase, TimeSpan, Timestamp, WattHours};

use crate::report::{
    AlarmReport, CircuitReport, Counts, DriverMoney, EvseReport, Fidelity, LimitReport, MoneyReport,
    OwnerMoney, Peak, ReplayReport, RuleReport, SessionReport,
};

/// Runs a scenario from its first instant to its end.
#[must_use]
pub fn replay(scenario: Scenario) -> ReplayReport {
    report(&World::new(scenario).with_looks().run())
}

/// As [`replay()`], and calls `step` with the instant reached, once per simulated hour.
#[must_use]
pub fn replay_with_progress(scenario: Scenario, step: fn(Timestamp)) -> ReplayReport {
    report(&World::new(scenario).with_progress(step).with_looks().run())
}

/// Runs scenarios side by side; reports come in the order given. The same scenario with several seeds is several
/// scenarios: what its seed draws is drawn when it is loaded.
#[must_use]
pub fn replay_all(scenarios: Vec<Scenario>) -> Vec<ReplayReport> {
    scenarios.into_par_iter().map(replay).collect()
}

/// A scenario run in *decisions*: without a wire, records and money.
#[derive(Debug, Clone)]
pub struct Decisions {
    /// What a run in frames tells, with nothing of money and frames.
    pub report: ReplayReport,
    /// How often the site decided.
    pub decisions: u64,
    /// The longest stretch in which an EV wanted energy and was offered too little, and where.
    pub waited_longest: Option<(EvseId, TimeSpan)>,
    /// What of the scenario was not played, in words.
    pub not_played: Vec<String>,
}

/// Runs a scenario in *decisions*.
#[must_use]
pub fn decide(scenario: Scenario) -> Decisions {
    decide_with_progress(scenario, |_| {})
}

/// As [`decide`], and calls `step` with the instant reached, once per simulated hour.
#[must_use]
pub fn decide_with_progress(scenario: Scenario, step: fn(Timestamp)) -> Decisions {
    let decided = twin::decisions::run_with_progress(scenario, step);
    let waits = decided.outcome.stays.iter().zip(&decided.waited_longest);
    let waited_longest = waits.max_by_key(|(_, waited)| **waited);
    Decisions {
        report: ReplayReport { fidelity: Fidelity::Decisions, ..report(&decided.outcome) },
        decisions: decided.decisions,
        waited_longest: waited_longest.map(|(stay, &waited)| (stay.stay.evse.clone(), waited)),
        not_played: decided.not_played,
    }
}

/// What an outcome of frames tells.
#[must_use]
pub fn report(outcome: &Outcome) -> ReplayReport {
    let scenario = &outcome.scenario;
    ReplayReport {
        fidelity: Fidelity::Frames,
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        seed: scenario.seed,
        site: scenario.site.config.name.clone(),
        zone: scenario.site.config.zone.name().to_owned(),
        starts_at: scenario.starts_at,
        ends_at: scenario.ends_at,
        step: outcome.series.step,
        circuits: circuits(outcome),
        evses: evses(outcome),
        sessions: sessions(outcome),
        money: money(outcome),
        limits: outcome
            .series
            .limits
            .iter()
            .map(|(limit, evs)| LimitReport { limit: limit.clone(), evs: evs.clone() })
            .collect(),
        alarms: outcome
            .alarms
            .iter()
            .map(|(text, raised_at, cleared_at)| AlarmReport {
                raised_at: *raised_at,
                cleared_at: *cleared_at,
                text: text.clone(),
            })
            .collect(),
        rules: rules(outcome),
        counts: counts(outcome),
        event_hash: outcome.event_hash.clone(),
    }
}

fn circuits(outcome: &Outcome) -> Vec<CircuitReport> {
    let has_base = |base: &PerPhase<Vec<Amperes>>| {
        Phase::ALL.into_iter().any(|phase| base[phase].iter().any(|&current| current != Amperes::ZERO))
    };
    let hangs_below = |circuit: usize, evse_circuit: usize| {
        std::iter::successors(Some(evse_circuit), |&place| outcome.circuits[place].parent)
            .any(|place| place == circuit)
    };
    outcome
        .circuits
        .iter()
        .enumerate()
        .map(|(place, circuit)| {
            let base = outcome.series.bases[place].clone();
            CircuitReport {
                circuit: circuit.id.clone(),
                name: circuit.name.clone(),
                parent: circuit.parent.map(|parent| outcome.circuits[parent].id.clone()),
                rating: circuit.rating,
                base: if has_base(&base) { base } else { PerPhase::default() },
                highest: outcome.series.highest[place].clone(),
                peak: outcome.series.peaks[place].map(|(current, at)| Peak { current, at }),
                over_rating: outcome.series.over[place].highest(),
                evses: (0..outcome.evses.len())
                    .filter(|&evse| hangs_below(place, outcome.evses[evse].circuit))
                    .collect(),
            }
        })
        .collect()
}

fn evses(outcome: &Outcome) -> Vec<EvseReport> {
    outcome
        .evses
        .iter()
        .zip(&outcome.series.evses)
        .map(|(evse, current)| EvseReport {
            evse: evse.id.clone(),
            name: evse.name.clone(),
            circuit: outcome.circuits[evse.circuit].id.clone(),
            current: current.clone(),
            energy: evse.energy,
        })
        .collect()
}

fn sessions(outcome: &Outcome) -> Vec<SessionReport> {
    outcome
        .stays
        .iter()
        .map(|slot| SessionReport {
            evse: slot.stay.evse.clone(),
            ev: slot.stay.ev.name.clone(),
            arrived_at: slot.stay.arrives_at,
            departed_at: slot.departed_at,
            wanted: slot.stay.wanted,
            delivered: slot.delivered,
        })
        .collect()
}

fn money(outcome: &Outcome) -> MoneyReport {
    let books = &outcome.books;
    let currency = outcome.scenario.currency;
    let zero = Money::zero(currency);
    let mut drivers: BTreeMap<String, DriverMoney> = BTreeMap::new();
    for priced in &books.priced {
        let name = match &priced.driver {
            billing::cdr::Driver::Account(account) => account.to_string(),
            billing::cdr::Driver::Guest => "guests".to_owned(),
            billing::cdr::Driver::Unknown => "unknown".to_owned(),
        };
        let driver = drivers.entry(name.clone()).or_insert(DriverMoney {
            driver: name,
            cdrs: 0,
            energy: WattHours::ZERO,
            charging: zero,
            fees: zero,
        });
        driver.cdrs += 1;
        driver.energy += priced.energy;
        driver.charging += priced.amount;
    }
    for row in &books.documents {
        let (name, sections) = match &row.document {
            office::record::Document::Statement(statement) => {
                (statement.account.to_string(), &statement.sections)
            }
            office::record::Document::Receipt(receipt) => ("guests".to_owned(), &receipt.sections),
        };
        let fees = sections.iter().filter_map(|section| section.fee).map(|fee| fee.amount);
        if let Some(driver) = drivers.get_mut(&name) {
            driver.fees = fees.fold(driver.fees, |sum, fee| sum + fee);
        }
    }
    let owners = books
        .settlements
        .iter()
        .map(|row| OwnerMoney {
            owner: row.settlement.owner.to_string(),
            month: row.settlement.month.to_string(),
            revenue: row.settlement.revenue.charged,
            fees: row.settlement.fees,
            payout: row.settlement.total,
        })
        .collect();
    MoneyReport {
        currency,
        drivers: drivers.into_values().collect(),
        owners,
        energy_billed: books.priced.iter().map(|priced| priced.energy).sum(),
        energy_registered: outcome.evses.iter().map(|evse| evse.energy).sum(),
        cdrs: books.cdrs.len(),
        held: books.held.len(),
        held_for: books.held.iter().map(held_for).collect(),
    }
}

fn held_for(row: &office::record::FindingRow) -> String {
    let doubts = row.doubts.iter().map(ToString::to_string).chain(row.unbillable.clone());
    format!(
        "transaction {} at {}: {}",
        row.cdr.transaction,
        row.cdr.evse,
        doubts.collect::<Vec<_>>().join("; ")
    )
}

pub(crate) fn rules(outcome: &Outcome) -> Vec<RuleReport> {
    outcome
        .rules
        .iter()
        .map(|&(rule, checked, fired)| {
            let mut firings: Vec<String> = outcome
                .firings
                .iter()
                .filter(|firing| firing.rule == rule)
                .map(|firing| story(outcome, firing))
                .collect();
            let told = u64::try_from(firings.len()).unwrap_or(0);
            if fired > told {
                firings.push(format!("and {} more", fired - told));
            }
            RuleReport { rule: rule.name().to_owned(), meaning: rule.meaning().to_owned(), checked, firings }
        })
        .collect()
}

/// A firing as a whole: what, when, with which seed, the minute before, and the command that reproduces it.
fn story(outcome: &Outcome, firing: &Firing) -> String {
    let zone = &outcome.scenario.site.config.zone;
    let mut told = format!(
        "{} at {} ({}), seed {}: {}\n",
        firing.rule.name(),
        firing.at,
        zone.print(firing.at),
        outcome.scenario.seed,
        firing.text
    );
    for line in &firing.story {
        told += &format!("  {line}\n");
    }
    told += &format!("  again: {}", outcome.command());
    told
}

fn counts(outcome: &Outcome) -> Counts {
    let counts = &outcome.counts;
    Counts {
        events: counts.events,
        frames_in: counts.frames_in,
        frames_out: counts.frames_out,
        actions: counts.actions.clone(),
        limit_changes: counts.limit_changes,
        records: outcome.committed.0,
        commits: outcome.committed.1,
        readings: counts.readings,
        crashes: counts.crashes,
        crashes_at: counts.crashes_at.clone(),
    }
}

/// How long a report's span is, for people: `24 h`, `31 d`.
#[must_use]
pub fn span_words(span: TimeSpan) -> String {
    let hours = span.milliseconds() / 3_600_000;
    if hours % 24 == 0 && hours > 24 { format!("{} d", hours / 24) } else { format!("{hours} h") }
}
