//! The terms of the peers' programs: every few minutes a decision, in force at once, obeyed by EVs that take all they are
//! offered to the last Wh. What is left of a strategy's loss here is its own; what *decisions* loses beyond is the price of
//! proofs, reactions and ramps.

use charging::allocation::{Allocator, AmpereSeconds, Candidate, Problem};
use charging::network::Network;
use charging::plan::Plan;
use twin::Scenario;
use twin::planning::{self, Strategy};
use twin::scenario::Stay;
use units::{Amperes, EvseId, PerPhase, TimeSpan, Timestamp, WattHours};

use super::{Figures, Peaks, RowPeak, figures};

/// The length of a step, as in the peers' own scenarios.
pub const AT_ONCE_STEP: TimeSpan = TimeSpan::from_minutes(5);

/// Runs `stays` of `scenario` by `strategy`; with what went wrong in planning, when and why.
///
/// # Panics
///
/// Where the scenario's site is none: it was checked when it was read.
#[must_use]
pub fn at_once(
    scenario: &Scenario,
    stays: &[Stay],
    strategy: Strategy,
) -> (Figures, Vec<(Timestamp, String)>) {
    let network = Network::build(scenario.site.config.clone()).unwrap_or_else(|problems| {
        panic!("site {} was checked when it was read: {problems:?}", scenario.site.config.id)
    });
    let mut day = Day {
        headroom: network.rows().iter().map(|row| row.limit() - row.worst_base).collect(),
        guests: stays.iter().map(Guest::new).collect(),
        peaks: vec![PerPhase::default(); network.circuits().len()],
        network,
        strategy,
        plan: None,
        plans: 0,
        failures: Vec::new(),
        limit_changes: 0,
    };
    let mut now = scenario.starts_at;
    while now < scenario.ends_at {
        day.step(now);
        now += AT_ONCE_STEP;
    }
    day.close()
}

/// A run under way.
struct Day<'a> {
    network: Network,
    headroom: Vec<Amperes>,
    guests: Vec<Guest<'a>>,
    strategy: Strategy,
    plan: Option<Plan>,
    plans: u64,
    failures: Vec<(Timestamp, String)>,
    limit_changes: u64,
    peaks: Peaks,
}

/// A stay with what came of it so far.
struct Guest<'a> {
    stay: &'a Stay,
    delivered: WattHours,
    limit: Amperes,
    /// Since when it has current, or has none; none before it came.
    since: Option<Timestamp>,
    waited_longest: TimeSpan,
}

impl<'a> Guest<'a> {
    const fn new(stay: &'a Stay) -> Self {
        Self {
            stay,
            delivered: WattHours::ZERO,
            limit: Amperes::ZERO,
            since: None,
            waited_longest: TimeSpan::ZERO,
        }
    }

    fn wants(&self) -> WattHours {
        self.stay.wanted - self.delivered
    }

    fn is_served(&self, now: Timestamp) -> bool {
        self.stay.arrives_at <= now && now < self.stay.departs_at && self.wants() > WattHours::ZERO
    }

    /// Takes a limit for a step; true where it is another than before.
    fn takes(&mut self, limit: Amperes, now: Timestamp, voltage_total: units::Volts) -> bool {
        let had = std::mem::replace(&mut self.limit, limit);
        if (had > Amperes::ZERO) != (limit > Amperes::ZERO) || self.since.is_none() {
            self.since = Some(now);
        }
        if limit == Amperes::ZERO {
            let waits = self.since.map_or(TimeSpan::ZERO, |since| (now + AT_ONCE_STEP).since(since));
            self.waited_longest = self.waited_longest.max(waits);
        }
        let energy = limit.at_voltage_floor(voltage_total).over_floor(AT_ONCE_STEP);
        self.delivered += energy.min(self.wants());
        had != limit
    }
}

impl Day<'_> {
    fn step(&mut self, now: Timestamp) {
        let served: Vec<usize> =
            (0..self.guests.len()).filter(|&guest| self.guests[guest].is_served(now)).collect();
        self.make_plan(now, &served);
        let candidates =
            served.iter().filter_map(|&guest| Some((guest, self.candidate(&self.guests[guest], now)?)));
        let (guests, sessions): (Vec<usize>, Vec<Candidate>) = candidates.unzip();
        let problem = Problem { now, headroom: self.headroom.clone(), sessions };
        let limits = self.strategy.rule.allocator().allocate(&problem).limits;
        let mut drawn = vec![Amperes::ZERO; self.headroom.len()];
        for ((&guest, candidate), &limit) in guests.iter().zip(&problem.sessions).zip(&limits) {
            for (row, coefficient) in candidate.loads.iter() {
                drawn[row.place()] += coefficient.of_ceil(limit);
            }
            let phases = i64::from(self.guests[guest].stay.ev.phases.count());
            let wired = self.network.evse(candidate.key).config.wiring.phases();
            let voltage_total = self.network.voltage_total_floor(phases.min(wired));
            self.limit_changes += u64::from(self.guests[guest].takes(limit, now, voltage_total));
        }
        for (circuit, peaks) in self.network.circuits().iter().zip(&mut self.peaks) {
            *peaks = peaks.zip_with(circuit.rows.map(|row| drawn[row.place()]), Ord::max);
        }
    }

    fn make_plan(&mut self, now: Timestamp, served: &[usize]) {
        let sessions = served.iter().filter_map(|&guest| {
            let guest = &self.guests[guest];
            planning::session(&self.network, guest.stay, guest.wants(), guest.limit)
        });
        let sessions = sessions.collect();
        match planning::plan(self.strategy.planning, now, &self.network, &self.headroom, sessions) {
            Some(Ok(plan)) => {
                self.plan = Some(plan);
                self.plans += 1;
            }
            Some(Err(failure)) => self.failures.push((now, failure.to_string())),
            None => {}
        }
    }

    /// As the engine sees a session.
    fn candidate(&self, guest: &Guest<'_>, now: Timestamp) -> Option<Candidate> {
        let known = planning::session(&self.network, guest.stay, guest.wants(), guest.limit)?;
        let key = self.network.evse_by_id(&guest.stay.evse)?;
        let config = &self.network.evse(key).config;
        let plan = self.plan.as_ref();
        let cap = plan.and_then(|plan| plan.cap(&guest.stay.evse, now));
        let hints = plan.and_then(|plan| plan.hints(&guest.stay.evse, now));
        let is_on = guest.limit > Amperes::ZERO;
        Some(Candidate {
            key,
            class: config.class,
            weight: plan
                .and_then(|plan| plan.weight(&guest.stay.evse, known.max, now))
                .unwrap_or(config.weight),
            min: known.min,
            max: cap.map_or(known.max, |cap| known.max.min(cap)),
            step: known.step,
            loads: known.loads,
            arrived: guest.stay.arrives_at,
            waiting_since: guest.since.filter(|_| !is_on),
            deficit: AmpereSeconds::ZERO,
            survives_pause: config.survives_pause,
            is_on,
            on_since: guest.since.filter(|_| is_on),
            departure: hints.and_then(|hints| hints.departs_at),
            laxity: hints.map(|hints| hints.laxity),
        })
    }

    fn close(self) -> (Figures, Vec<(Timestamp, String)>) {
        let rows = self.network.rows().iter().map(|row| RowPeak {
            row: row.name.clone(),
            highest: self.peaks[row.circuit.place()][row.phase],
            rating: row.rating,
        });
        let served: Vec<(&Stay, WattHours)> =
            self.guests.iter().map(|guest| (guest.stay, guest.delivered)).collect();
        let waits = self.guests.iter().map(|guest| (guest.stay.evse.clone(), guest.waited_longest));
        let longest: Option<(EvseId, TimeSpan)> = waits.max_by_key(|(_, waited)| *waited);
        let figures = Figures {
            limit_changes: self.limit_changes,
            plans: self.plans,
            ..figures(&served, longest, rows.collect())
        };
        (figures, self.failures)
    }
}
