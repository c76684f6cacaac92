//! What nobody can beat.

use charging::network::Network;
use planner::{Costs, PlanFailure, PlanLimits, PlanProblem, PlanRow, PlanSession, clairvoyant};
use twin::scenario::Stay;
use twin::{Outcome, planning};
use units::{Amperes, TimeSpan, Timestamp, WattHours};

/// The most energy that `stays` could have got in the run that came to `outcome`, had all been known and fractions of an
/// ampere been possible: beside the base load that flowed, and within rating less reserve.
///
/// One slot is a step of the run's series, normally a minute. A stay that begins or ends within one counts in the whole of
/// it, so that the bound stays one.
///
/// # Errors
///
/// As [`clairvoyant`].
///
/// # Panics
///
/// Where the site of the outcome is none, which a run would have shown.
pub fn bound(outcome: &Outcome, stays: &[Stay]) -> Result<WattHours, PlanFailure> {
    let scenario = &outcome.scenario;
    let network = Network::build(scenario.site.config.clone())
        .unwrap_or_else(|problems| panic!("site {} ran and is none: {problems:?}", scenario.site.config.id));
    let step = outcome.series.step;
    let span = scenario.ends_at.since(scenario.starts_at);
    let slots =
        usize::try_from((span.milliseconds() + step.milliseconds() - 1) / step.milliseconds()).unwrap_or(0);
    let rows = network.rows().iter().map(|row| {
        let base = &outcome.series.bases[row.circuit.place()][row.phase];
        let beside = |slot: usize| row.limit() - base.get(slot).copied().unwrap_or(Amperes::ZERO);
        PlanRow { name: row.name.clone(), headroom: (0..slots).map(beside).collect(), contractual: None }
    });
    let problem = PlanProblem {
        made_at: scenario.starts_at,
        starts_at: scenario.starts_at,
        slot: step,
        slots,
        rows: rows.collect(),
        sessions: stays.iter().filter_map(|stay| session(&network, stay, scenario.starts_at, step)).collect(),
        costs: Costs::energy_only(),
    };
    Ok(clairvoyant(&problem, PlanLimits::default())?.total)
}

/// A stay, from the beginning of its first slot to the end of its last.
fn session(network: &Network, stay: &Stay, starts_at: Timestamp, step: TimeSpan) -> Option<PlanSession> {
    let into = |instant: Timestamp| instant.since(starts_at).milliseconds();
    let (first, last) = (into(stay.arrives_at), into(stay.departs_at));
    let step = step.milliseconds();
    Some(PlanSession {
        arrives_at: starts_at + TimeSpan::from_milliseconds(first.div_euclid(step) * step),
        departs_at: starts_at + TimeSpan::from_milliseconds(-(-last).div_euclid(step) * step),
        weight: 1,
        ..planning::session(network, stay, stay.wanted, Amperes::ZERO)?
    })
}
