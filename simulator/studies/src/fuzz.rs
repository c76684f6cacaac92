//! Random sites, people and faults by the thousand, each with every checker on.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use twin::fuzz::{FaultChoice, Sampled, sample};
use twin::outcome::Outcome;
use twin::{Scenario, World};

use crate::replay::rules;

/// What some seeds came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FuzzReport {
    /// Which faults could be drawn.
    pub faults: String,
    /// Every seed that ran, in order.
    pub seeds: Vec<SeedReport>,
}

/// What one seed came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// What it drew, in one line.
    pub drawn: String,
    /// How long the run is, in simulated minutes.
    pub minutes: i64,
    /// Frames in both directions.
    pub frames: u64,
    /// Transactions that ran in the plant.
    pub transactions: usize,
    /// How often each rule was judged.
    pub checked: BTreeMap<String, u64>,
    /// Each firing as a whole: what, when, the minute before, and the command that runs it again. A broken belief of the
    /// engine (a panic) is one too.
    pub firings: Vec<String>,
}

impl FuzzReport {
    /// The seeds in which something fired.
    pub fn broken(&self) -> impl Iterator<Item = &SeedReport> {
        self.seeds.iter().filter(|seed| !seed.firings.is_empty())
    }

    /// How often each rule was judged in all.
    #[must_use]
    pub fn checked(&self) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        for (rule, count) in self.seeds.iter().flat_map(|seed| &seed.checked) {
            *sums.entry(rule.as_str()).or_default() += count;
        }
        sums
    }
}

/// Runs seeds side by side, as many at once as rayon's pool has threads. `each` hears of every seed as it ends;
/// once `is_over` says so no further seed begins.
pub fn fuzz(
    seeds: Range<u64>,
    choice: &FaultChoice,
    is_over: impl Fn() -> bool + Sync,
    each: impl Fn(&SeedReport) + Sync,
) -> FuzzReport {
    let mut reports: Vec<SeedReport> = seeds
        .into_par_iter()
        .filter_map(|seed| {
            if is_over() {
                return None;
            }
            let report = fuzz_seed(seed, choice);
            each(&report);
            Some(report)
        })
        .collect();
    reports.sort_by_key(|report| report.seed);
    FuzzReport { faults: choice.to_string(), seeds: reports }
}

/// Runs what one seed draws.
#[must_use]
pub fn fuzz_seed(seed: u64, choice: &FaultChoice) -> SeedReport {
    let sampled = sample(seed, choice);
    let again = command(&sampled, choice);
    let scenario = sampled.load();
    let drawn = in_words(&scenario);
    let minutes = scenario.ends_at.since(scenario.starts_at).milliseconds() / 60_000;
    // A broken belief of the engine ends its own seed only.
    match catch_unwind(AssertUnwindSafe(|| World::new(scenario).run())) {
        Ok(outcome) => {
            SeedReport { firings: firings(&outcome, &again), ..of(&outcome, seed, drawn, minutes) }
        }
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word");
            let firings = vec![format!("panic: {said}\n  again: {again}")];
            let checked = BTreeMap::new();
            SeedReport { seed, drawn, minutes, frames: 0, transactions: 0, checked, firings }
        }
    }
}

fn of(outcome: &Outcome, seed: u64, drawn: String, minutes: i64) -> SeedReport {
    SeedReport {
        seed,
        drawn,
        minutes,
        frames: outcome.counts.frames_in + outcome.counts.frames_out,
        transactions: outcome.transactions.len(),
        checked: outcome.rules.iter().map(|(rule, checked, _)| (rule.name().to_owned(), *checked)).collect(),
        firings: Vec::new(),
    }
}

fn firings(outcome: &Outcome, again: &str) -> Vec<String> {
    let told = rules(outcome).into_iter().flat_map(|rule| rule.firings);
    told.map(|firing| firing.replace(&outcome.command(), again)).collect()
}

fn command(sampled: &Sampled, choice: &FaultChoice) -> String {
    let faults = match choice {
        FaultChoice::All => String::new(),
        FaultChoice::None | FaultChoice::Some(_) => format!(" --faults {choice}"),
    };
    format!("twin fuzz --from {} --seeds 1{faults}", sampled.seed)
}

fn in_words(scenario: &Scenario) -> String {
    let config = &scenario.site.config;
    let depth = |id: &units::CircuitId| {
        let circuit = |id: &units::CircuitId| config.circuits.iter().find(|circuit| circuit.id == *id);
        std::iter::successors(Some(id), |id| circuit(id)?.parent.as_ref()).count()
    };
    let deepest = config.circuits.iter().map(|circuit| depth(&circuit.id)).max().unwrap_or(0);
    let stays = match &scenario.people {
        twin::scenario::People::Stays(stays) => stays.len(),
        twin::scenario::People::Generated(generated) => generated.cars,
    };
    let faults: Vec<&str> = scenario.faults.iter().map(twin::fault::Fault::name).collect();
    format!(
        "{:?}, {} circuits {deepest} deep, {} EVSEs, {stays} stays; {}",
        config.supply,
        config.circuits.len(),
        config.evses.len(),
        if faults.is_empty() { "no faults".to_owned() } else { faults.join(", ") },
    )
}
