//! Strategies side by side on one scenario, with the distance to what nobody can beat.
//!
//! Start with [`compare`]. Each strategy runs in *decisions*, where limits are proven before others rise, EVs react and
//! checkers look; and *at once* ([`at_once()`]), on the terms of the peers' programs, where a limit is in force the moment
//! it is decided. The bound knows all that will happen and may use any fraction of an ampere.

mod at_once;
mod bound;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use twin::decisions::{Decided, run_by};
use twin::people::stays;
use twin::planning::Strategy;
use twin::scenario::Stay;
use twin::watch::Rule;
use twin::{Outcome, Scenario};
use units::{Amperes, EvseId, PerPhase, Phase, TimeSpan, Timestamp, WattHours};

pub use at_once::{AT_ONCE_STEP, at_once};
pub use bound::bound;

/// What strategies came to on one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The scenario's name.
    pub scenario: String,
    /// The seed that was used.
    pub seed: u64,
    /// The rating of the grid connection, as a share of the stated one in thousandths.
    pub main_scale: i64,
    /// How many stays began.
    pub sessions: usize,
    /// What they wanted.
    pub wanted: WattHours,
    /// What nobody can beat; or why it is not known.
    pub bound: Result<WattHours, String>,
    /// Each strategy, worst first as listed.
    pub strategies: Vec<Compared>,
    /// What of the scenario *decisions* does not play, in words.
    pub not_played: Vec<String>,
}

/// What one strategy came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name.
    pub strategy: String,
    /// In *decisions*.
    pub decisions: Figures,
    /// At once; none where base load or faults are part of the scenario, which that way knows nothing of.
    pub at_once: Option<Figures>,
    /// What checkers found in *decisions*, but waits that were planned (S7): the rule, and what.
    pub firings: Vec<String>,
    /// How often a session waited longer than its wait bound (S7): a plan may want that.
    pub waits_beyond_bound: u64,
    /// Plans that failed: when and why.
    pub plan_failures: Vec<(Timestamp, String)>,
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// What was delivered.
    pub energy: WattHours,
    /// The same as a share of what was wanted, in thousandths of a percent.
    pub served: i64,
    /// Sessions that got what they wanted, but for 2 % or 0.1 kWh, whichever is more.
    pub full: usize,
    /// Jain's index of the sessions' served shares, in thousandths: 1000 where all are served alike.
    pub fairness: i64,
    /// The longest that an EV wanted energy and was offered too little, at a stretch, and where.
    pub waited_longest: Option<(EvseId, TimeSpan)>,
    /// Each row that may be loaded: the highest total, and what the row may carry.
    pub rows: Vec<RowPeak>,
    /// How long rows were above their ratings, added up.
    pub over: TimeSpan,
    /// Limits that changed.
    pub limit_changes: u64,
    /// Plans that were made.
    pub plans: u64,
}

/// The highest total on a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPeak {
    /// The circuit's name and the conductor.
    pub row: String,
    /// The highest total.
    pub highest: Amperes,
    /// The rating.
    pub rating: Amperes,
}

/// Why there is nothing to compare on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompareFailure {
    /// The scale is none.
    #[error("the main scale is {scale} thousandths; it must be from 1 to 100000")]
    Scale {
        /// What was asked for.
        scale: i64,
    },
    /// The site cannot be with a grid connection of that rating.
    #[error("with the grid connection at {scale} thousandths: {problems}")]
    Site {
        /// What was asked for.
        scale: i64,
        /// What is wrong then.
        problems: String,
    },
}

/// Runs `scenario` by every strategy, side by side, with the rating of its grid connection times `main_scale` thousandths.
///
/// # Errors
///
/// Where the scale is none, or the site cannot be with it.
pub fn compare(mut scenario: Scenario, main_scale: i64) -> Result<Comparison, CompareFailure> {
    scale_main(&mut scenario, main_scale)?;
    let stays = stays(&scenario);
    let is_plain = scenario.base_loads.is_empty() && scenario.faults.is_empty();
    let ran: Vec<(Compared, Decided)> = Strategy::ALL
        .into_par_iter()
        .map(|strategy| {
            let decided = run_by(scenario.clone(), strategy, |_| {});
            let at_once = is_plain.then(|| at_once(&scenario, &stays, strategy));
            let (at_once, mut plan_failures) =
                at_once.map_or((None, Vec::new()), |(figures, failures)| (Some(figures), failures));
            plan_failures.extend(decided.plan_failures.iter().cloned());
            let waits = decided.outcome.rules.iter().filter(|(rule, ..)| *rule == Rule::S7);
            let firings = decided.outcome.firings.iter().filter(|firing| firing.rule != Rule::S7);
            let compared = Compared {
                strategy: strategy.name(),
                decisions: of_decisions(&decided),
                at_once,
                firings: firings.map(|firing| format!("{}: {}", firing.rule.name(), firing.text)).collect(),
                waits_beyond_bound: waits.map(|(_, _, broken)| broken).sum(),
                plan_failures,
            };
            (compared, decided)
        })
        .collect();
    let last = ran.last().map(|(_, decided)| decided);
    let wanted = stays.iter().fold(WattHours::ZERO, |sum, stay| sum + stay.wanted);
    let not_played = last.map(|decided| decided.not_played.clone()).unwrap_or_default();
    let bound = match last {
        Some(decided) => bound(&decided.outcome, &stays).map_err(|failure| failure.to_string()),
        None => Err("no strategy ran".to_owned()),
    };
    Ok(Comparison {
        scenario: scenario.name,
        seed: scenario.seed,
        main_scale,
        sessions: stays.len(),
        wanted,
        bound,
        strategies: ran.into_iter().map(|(compared, _)| compared).collect(),
        not_played,
    })
}

fn scale_main(scenario: &mut Scenario, scale: i64) -> Result<(), CompareFailure> {
    if !(1..=100_000).contains(&scale) {
        return Err(CompareFailure::Scale { scale });
    }
    for circuit in scenario.site.config.circuits.iter_mut().filter(|circuit| circuit.parent.is_none()) {
        circuit.rating = circuit.rating.map(|rating| rating.ratio_floor(scale, 1_000));
    }
    match charging::network::Network::build(scenario.site.config.clone()) {
        Ok(_) => Ok(()),
        Err(found) => {
            let problems: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(CompareFailure::Site { scale, problems: problems.join("; ") })
        }
    }
}

fn of_decisions(decided: &Decided) -> Figures {
    let Outcome { stays, series, circuits, counts, .. } = &decided.outcome;
    let served: Vec<(&Stay, WattHours)> = stays.iter().map(|stay| (&stay.stay, stay.delivered)).collect();
    let waits =
        stays.iter().zip(&decided.waited_longest).map(|(stay, &waited)| (stay.stay.evse.clone(), waited));
    let rows = circuits.iter().zip(&series.peaks).flat_map(|(circuit, peaks)| {
        Phase::ALL.map(|phase| RowPeak {
            row: format!("{} {phase}", circuit.name),
            highest: peaks[phase].0,
            rating: circuit.rating[phase],
        })
    });
    let over = series.over.iter().flat_map(|over| Phase::ALL.map(|phase| over[phase]));
    Figures {
        limit_changes: counts.limit_changes,
        plans: counts.plans,
        over: over.fold(TimeSpan::ZERO, |sum, span| sum + span),
        ..figures(&served, waits.max_by_key(|(_, waited)| *waited), rows.collect())
    }
}

/// What follows from what each stay got.
fn figures(
    served: &[(&Stay, WattHours)],
    waited_longest: Option<(EvseId, TimeSpan)>,
    rows: Vec<RowPeak>,
) -> Figures {
    let energy = served.iter().fold(WattHours::ZERO, |sum, (_, energy)| sum + *energy);
    let wanted = served.iter().fold(WattHours::ZERO, |sum, (stay, _)| sum + stay.wanted);
    let is_full = |(stay, energy): &&(&Stay, WattHours)| {
        let grace = WattHours::from_milliwatt_hours(stay.wanted.milliwatt_hours() / 50);
        stay.wanted - *energy <= grace.max(WattHours::from_watt_hours(100))
    };
    Figures {
        energy,
        served: share(energy, wanted, 100_000),
        full: served.iter().filter(is_full).count(),
        fairness: fairness(served),
        waited_longest,
        rows,
        over: TimeSpan::ZERO,
        limit_changes: 0,
        plans: 0,
    }
}

/// `part` of `whole` in `units` to the whole, rounded down; all of them where there is no whole.
pub fn share(part: WattHours, whole: WattHours, units: i64) -> i64 {
    let (part, whole) = (i128::from(part.milliwatt_hours()), i128::from(whole.milliwatt_hours()));
    if whole <= 0 { units } else { i64::try_from(part * i128::from(units) / whole).unwrap_or(i64::MAX) }
}

/// Jain's index, (Σ x)² / (n Σ x²), in thousandths; x in thousandths.
fn fairness(served: &[(&Stay, WattHours)]) -> i64 {
    let shares = || served.iter().map(|(stay, energy)| i128::from(share(*energy, stay.wanted, 1_000)));
    let (sum, squares): (i128, i128) = (shares().sum(), shares().map(|share| share * share).sum());
    let count = i128::try_from(served.len()).unwrap_or(0);
    if squares == 0 { 1_000 } else { i64::try_from(sum * sum * 1_000 / (count * squares)).unwrap_or(0) }
}

/// The most that rows carried, as they stand in a network.
type Peaks = Vec<PerPhase<Amperes>>;
