//! One decision: headroom, allocation, dispatch by proof.
//!
//! For each row `r` with `limit_r = rating_r − reserve_r`, base current from its meter (at the highest and most
//! likely) or as stated at worst, and the ceilings `c_i`:
//!
//! ```text
//! share out:  limit_r − base_likely_r − Σ c_i over EVSEs that cannot be told, or whose ceiling no limit lowers
//!             among the others; to those whose ceiling no limit lowers what then is left, their own c_i included
//! raise only: base_highest_r + Σ c_i (with the new limit in place of its own c_i) ≤ limit_r              (S1)
//! ```

use units::{Amperes, PerPhase, Phase, TimeSpan, Timestamp};

use super::evse::{EvseState, FallbackState, RETRY_AFTER};
use super::{
    CALM_LOOKED_AT_WITHIN, Calm, Command, CommandKind, DECIDE_AT_LEAST_EVERY, DRAW_SHOWS_WITHIN, EvState,
    LIFETIME, Site, SiteAlarm, Ticket, Urgency,
};
use crate::allocation::{
    Allocation, Allocator, AmpereSeconds, Candidate, Certificate, Problem, SLICE, next_turn,
};
use crate::ceiling::{REACTION_DEFAULT, SKEW_TRUSTED, SentLimit};
use crate::metering::{Base, Member};
use crate::network::{CircuitIndex, Coefficient, EvseIndex, Row, RowIndex};

/// Raises of one EVSE are at least this far apart.
pub(super) const RAISE_APART: TimeSpan = TimeSpan::from_seconds(30);
/// An EVSE that has current and could be raised by less than this waits until its limit has stood for
/// [`RAISE_SMALL_APART`]: base current that wavers would otherwise move every limit every half minute.
const RAISE_SMALL: Amperes = Amperes::from_amperes(3);
/// Longer than [`RAISE_APART`].
pub(super) const RAISE_SMALL_APART: TimeSpan = TimeSpan::from_seconds(60);
/// A measurement is asked for at most this often, to prove a limit.
const MEASURE_APART: TimeSpan = TimeSpan::from_seconds(15);
/// An EVSE that refuses its limits is asked again this often.
const REFUSING_RETRY: TimeSpan = TimeSpan::from_minutes(5);
/// An EV that takes nothing at the minimum is offered more after this long.
const MINIMUM_TRIED_FOR: TimeSpan = TimeSpan::from_minutes(2);
/// By so much more the least that makes it charge is found.
const TRIED_APART: Amperes = Amperes::from_amperes(1);
/// An EV that took nothing when last offered, and has been at 0 A for so long, gets a turn, to see whether it begins again.
pub(super) const TURN_AFTER: TimeSpan = TimeSpan::from_hours(1);
/// An EV that is on and has no current after this, much longer than sheds and their proofs take, waits in vain.
const ROOM_MADE_AFTER: TimeSpan = TimeSpan::from_minutes(5);
/// The reports around a shed and an anchor between them have come after this.
const SHED_ANCHORED_AFTER: TimeSpan = TimeSpan::from_seconds(90);
/// A turn that a shed cuts short before it gave current for so long was none: it waits on, and comes first again.
const TURN_COUNTS_AFTER: TimeSpan = TimeSpan::from_minutes(5);
/// A limit that may be a raise or a shed waits for so long for what meters and EVSEs have to say.
const DOUBT_BEFORE_SHED: TimeSpan = TimeSpan::from_seconds(90);
/// Until a meter has been believed for so long, people are told that it was not.
const STALE_TOLD_FOR: TimeSpan = TimeSpan::from_minutes(10);
/// A surplus of fair share counts for at most this long at the hardware maximum.
const SURPLUS_REMEMBERED: TimeSpan = TimeSpan::from_hours(1);

/// What a row offers now.
pub(super) struct RowNow {
    /// What EVSEs may draw together by the most likely base.
    pub(super) likely: Amperes,
    /// And by the highest base: what raises must respect.
    pub(super) highest: Amperes,
    /// The circuit whose stale meter bounds the row: nothing on it may rise (S5).
    stale: Option<CircuitIndex>,
    /// Its meter last showed more than the rating, stale or not.
    is_over: bool,
}

/// What an EVSE may draw at worst.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtWorst {
    /// On each phase that it occupies.
    level: Amperes,
    /// The higher of its last two measurements, on the lines of the site.
    measured: PerPhase<Amperes>,
}

impl AtWorst {
    /// The same where no more was told.
    pub(super) fn told_at_most(self, told: Option<Amperes>) -> Self {
        Self { level: told.map_or(self.level, |told| told.min(self.level)), ..self }
    }

    /// It may draw at all.
    pub(super) fn is_anything(&self) -> bool {
        self.level != Amperes::ZERO || self.measured != PerPhase::default()
    }

    /// On a row that it loads, of phase `phase`.
    fn on(&self, coefficient: Coefficient, phase: Phase) -> Amperes {
        coefficient.of_ceil(self.level).max(self.measured[phase])
    }
}

/// The highest limits told that may be in force, with what was measured.
struct Told {
    each: Vec<AtWorst>,
    on_rows: Vec<Amperes>,
}

/// Who can be told a limit, and yet is no part of the problem.
#[derive(Debug, Default)]
struct Apart {
    /// They take nothing now and only get what is spare.
    spare_takers: Vec<Candidate>,
    /// No limit lowers their ceiling: it is the hardware maximum, and what they are not told is nobody else's.
    unproven: Vec<Candidate>,
}

/// What a raise waits for, and when it is looked at again at the latest.
struct Waits {
    certificate: Certificate,
    until: Timestamp,
}

/// What becomes of a limit where it is not known what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InDoubt {
    /// There is no doubt, or it ran out.
    Leaves,
    /// 0 A leaves in its place.
    Nothing,
    /// It waits.
    Waits(Certificate),
}

impl Site {
    /// Decides if a decision is due, and says what to send: sheds first, raises last.
    pub fn decide(&mut self, now: Timestamp) -> Vec<Command> {
        if self.wake.is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.settle(now);
        let worst = self.all_at_worst(now);
        let rows = self.rows_now(now, &worst);
        let ceilings = self.sums_by_row(&worst);
        let (mut problem, Apart { spare_takers, unproven }) = self.problem(now, &rows, &ceilings, &worst);
        let (fair, mut allocation) = self.allocator.fair_and_allocated(&problem);
        if let Some(headroom) = self.room_that_is_sure(&problem, &allocation, &rows, now) {
            problem.headroom = headroom;
            allocation = self.allocator.allocate(&problem);
        }
        self.account(now, &problem, &allocation.limits, &fair);
        self.share_spare(&mut problem, &mut allocation, spare_takers, now);
        self.share_unproven(&mut problem, &mut allocation, unproven, &worst, now);
        self.name_the_plan(&problem, &mut allocation, now);
        let mut commands = self.fallbacks_due(now);
        let mut left: Vec<Amperes> =
            rows.iter().zip(&ceilings).map(|(row, &sum)| row.highest - sum).collect();
        let looked_at = self.dispatch(
            now,
            &problem,
            &allocation.limits,
            &allocation.certificates,
            &rows,
            &worst,
            &mut left,
            &mut commands,
        );
        self.calm = match looked_at {
            None => calm(&allocation.certificates, &commands, &rows, &left),
            Some(_) => Calm::None,
        };
        for meter in self.meters.values_mut() {
            meter.left = self.network.circuit(meter.circuit).rows.map(|row| left[row.place()]);
        }
        self.measurements_due(now, looked_at.is_some(), &mut commands);
        commands.sort_by_key(|command| match command.kind {
            CommandKind::SetLive { urgency, .. } => urgency,
            CommandKind::SetFallback { .. } | CommandKind::Measure => Urgency::Renewal,
        });
        self.update_alarms(now, &problem);
        self.finish(now, looked_at);
        commands
    }

    /// What time alone proves or ends.
    fn settle(&mut self, now: Timestamp) {
        for (place, state) in self.evses.iter_mut().enumerate() {
            let is_over = state.record.start_allowed_until.is_some_and(|until| now > until);
            if is_over {
                state.record.start_allowed_until = None;
            }
            let index = EvseIndex::new(place);
            let is_due = state.minimum_doubted_at().is_some_and(|due| now >= due);
            let is_doubted = is_due && state.surely_offered(now).is_some();
            if is_doubted {
                state.learn_minimum(self.network.evse(index).config.step);
            }
            if state.record.trust_record(now) || is_over || is_doubted {
                self.changed.insert(index);
            }
        }
    }

    fn rows_now(&mut self, now: Timestamp, worst: &[AtWorst]) -> Vec<RowNow> {
        let bases: Vec<Option<(Base, bool)>> =
            self.network.circuit_indices().map(|circuit| self.circuit_base(circuit, now, worst)).collect();
        let is_over = |row: &Row| {
            let meter = self.network.circuit(row.circuit).meter.as_ref();
            let latest = meter.and_then(|meter| self.meters.get(&meter.id)?.metering.latest());
            latest.is_some_and(|latest| latest.current[row.phase] > row.rating)
        };
        let may_be_right = |row: &Row| {
            let meter = self.network.circuit(row.circuit).meter.as_ref();
            let state = meter.and_then(|meter| self.meters.get(&meter.id));
            state.is_some_and(|state| state.metering.may_be_right(now))
        };
        let mut rows = Vec::with_capacity(self.network.rows().len());
        for (row, fresh) in self.network.rows().iter().zip(&mut self.headroom_fresh) {
            rows.push(match bases[row.circuit.place()] {
                None if self.network.circuit(row.circuit).meter.is_none() => {
                    let headroom = row.limit() - row.worst_base;
                    RowNow { likely: headroom, highest: headroom, stale: None, is_over: false }
                }
                Some((base, false)) => {
                    let highest = row.limit() - base.highest[row.phase];
                    *fresh = Some(highest);
                    RowNow {
                        likely: row.limit() - base.likely[row.phase],
                        highest,
                        stale: None,
                        is_over: is_over(row),
                    }
                }
                base @ (None | Some((_, true))) => {
                    let held = fresh.map_or(row.static_headroom, |last| last.min(row.static_headroom));
                    let is_over = is_over(row);
                    // S1: what shows more than the rating is believed at once, whatever is thought of its meter.
                    let shown = base.filter(|_| is_over && may_be_right(row));
                    let headroom =
                        shown.map_or(held, |(base, _)| held.min(row.limit() - base.likely[row.phase]));
                    RowNow { likely: headroom, highest: headroom, stale: Some(row.circuit), is_over }
                }
            });
        }
        self.lowered(rows, now)
    }

    /// The base of a metered circuit, and whether its meter is stale. A phase above its rating overrules all
    /// attribution: what our EVSEs drew there for sure, be it that their last sheds are in force, is then all that is not
    /// base.
    pub(super) fn circuit_base(
        &self,
        circuit: CircuitIndex,
        now: Timestamp,
        worst: &[AtWorst],
    ) -> Option<(Base, bool)> {
        let meter = self.network.circuit(circuit).meter.as_ref()?;
        let state = self.meters.get(&meter.id)?;
        let members = self.members(now, state, worst);
        let mut base = state.metering.base(&members)?;
        let latest = state.metering.latest()?;
        let metered = latest.current;
        for (phase, row) in self.network.circuit(circuit).rows.iter() {
            if metered[phase] > self.network.row(*row).rating {
                let for_sure = |member: &Member| {
                    let evse = self.evse(member.evse);
                    // Before its first report its record tells on which of its lines it last drew, if on any.
                    let recorded =
                        || self.network.site_currents(member.evse, evse.record.measured[1]).at_least;
                    let last = evse.reports.back().map_or_else(recorded, |report| report.drawn.at_least);
                    let reported = last[phase];
                    let told =
                        evse.lowest_told_at(latest.taken_at).filter(|_| !evse.counts_at_its_hardware());
                    let drawn = member.likely[phase];
                    drawn.min(reported).min(told.unwrap_or(drawn))
                };
                let drawn = members.iter().map(for_sure).sum();
                base.likely[phase] = base.likely[phase].max(metered[phase] - drawn);
                base.highest[phase] = base.highest[phase].max(base.likely[phase]);
            }
        }
        Some((base, state.metering.is_stale(now)))
    }

    /// What each row has left for raises: S1's difference.
    pub(super) fn free_rows(&self, now: Timestamp) -> Vec<Amperes> {
        let worst = self.all_at_worst(now);
        let ceilings = self.sums_by_row(&worst);
        let free = |(row, sum): (&crate::network::Row, Amperes)| {
            let headroom = match self.circuit_base(row.circuit, now, &worst) {
                None if self.network.circuit(row.circuit).meter.is_none() => row.limit() - row.worst_base,
                Some((base, false)) => row.limit() - base.highest[row.phase],
                None | Some((_, true)) => row.static_headroom,
            };
            headroom - sum - self.lowering(row, now)
        };
        self.network.rows().iter().zip(ceilings).map(free).collect()
    }

    /// What each EVSE may draw at worst, by its place.
    pub(super) fn all_at_worst(&self, now: Timestamp) -> Vec<AtWorst> {
        self.network.evse_indices().map(|index| self.at_worst(index, now)).collect()
    }

    /// The sum on each row of what each EVSE draws; of `worst`, of all ceilings.
    pub(super) fn sums_by_row(&self, draws: &[AtWorst]) -> Vec<Amperes> {
        let mut sums = vec![Amperes::ZERO; self.network.rows().len()];
        for (index, draw) in self.network.evse_indices().zip(draws) {
            if !draw.is_anything() {
                continue;
            }
            for &(row, coefficient) in self.network.loads(index, self.evse(index).record.occupied).iter() {
                sums[row.place()] += draw.on(coefficient, self.network.row(row).phase);
            }
        }
        sums
    }

    /// What an EVSE may draw at worst.
    pub(super) fn at_worst(&self, index: EvseIndex, now: Timestamp) -> AtWorst {
        let state = self.evse(index);
        let level = state.record.level(now, &state.traits, state.link, state.clock);
        if state.record.is_decommissioned || state.record.measured == <[PerPhase<Amperes>; 2]>::default() {
            return AtWorst { level, measured: PerPhase::default() };
        }
        let on_lines = |measured| self.network.site_currents(index, measured).at_most;
        let [before, last] = state.record.measured.map(on_lines);
        AtWorst { level, measured: before.zip_with(last, Amperes::max) }
    }

    /// What an EVSE may put on a row at worst.
    pub(super) fn contribution(
        &self,
        index: EvseIndex,
        row: RowIndex,
        coefficient: Coefficient,
        now: Timestamp,
    ) -> Amperes {
        let loads = self.network.loads(index, self.evse(index).record.occupied);
        let is_loaded = loads.iter().any(|&(loaded, _)| loaded == row);
        if is_loaded {
            self.at_worst(index, now).on(coefficient, self.network.row(row).phase)
        } else {
            Amperes::ZERO
        }
    }

    /// What an EVSE may draw at worst, on the lines of the site.
    pub(super) fn ceiling_on_lines(&self, index: EvseIndex, worst: &AtWorst) -> PerPhase<Amperes> {
        if worst.level == Amperes::ZERO {
            return worst.measured;
        }
        let lines = self.network.lines_loaded(index, self.evse(index).record.occupied);
        let at_worst = lines.map(|is_loaded| if is_loaded { worst.level } else { Amperes::ZERO });
        at_worst.zip_with(worst.measured, Amperes::max)
    }

    /// Who takes part, and what there is for them; beside it those who are served apart.
    fn problem(
        &self,
        now: Timestamp,
        rows: &[RowNow],
        ceilings: &[Amperes],
        worst: &[AtWorst],
    ) -> (Problem, Apart) {
        let mut headroom: Vec<Amperes> =
            rows.iter().zip(ceilings).map(|(row, &sum)| row.likely - sum).collect();
        let (mut sessions, mut apart) = (Vec::with_capacity(self.evses.len()), Apart::default());
        for index in self.network.evse_indices() {
            let state = self.evse(index);
            if !state.takes_part() {
                continue;
            }
            let candidate = self.candidate(index, now);
            if state.counts_at_its_hardware() || state.was_seen_above_its_limit() {
                apart.unproven.push(candidate);
                continue;
            }
            self.give_back_ceiling(index, &mut headroom, worst);
            if state.record.learned.is_satisfied && !state.is_trying() && !state.has_its_turn(now) {
                apart.spare_takers.push(candidate);
            } else {
                sessions.push(candidate);
            }
        }
        (Problem { now, headroom, sessions }, apart)
    }

    /// Adds to the headroom what an EVSE may put on its rows at worst.
    pub(super) fn give_back_ceiling(&self, index: EvseIndex, headroom: &mut [Amperes], worst: &[AtWorst]) {
        for &(row, coefficient) in self.network.loads(index, self.evse(index).record.occupied).iter() {
            headroom[row.place()] += worst[index.place()].on(coefficient, self.network.row(row).phase);
        }
    }

    /// The base by which raises go may stay above the likely one, and what is between them in the hands of others: where a
    /// session that is on has waited for room in vain, and its minimum fits what is sure to be there, that alone is shared
    /// out on its rows (S7).
    fn room_that_is_sure(
        &mut self,
        problem: &Problem,
        allocation: &Allocation,
        rows: &[RowNow],
        now: Timestamp,
    ) -> Option<Vec<Amperes>> {
        let mut headroom = None;
        for (candidate, &limit) in problem.sessions.iter().zip(&allocation.limits) {
            let waits_since = candidate.on_since.filter(|_| !self.evse(candidate.key).has_current());
            if limit == Amperes::ZERO || waits_since.is_none_or(|at| now < at + ROOM_MADE_AFTER) {
                continue;
            }
            let minimum = candidate.min.ceil_to(candidate.step);
            let sure = |&(row, coefficient): &(RowIndex, Coefficient)| {
                let sure = self.sure_headroom(row, problem, rows, now)?;
                (coefficient.of_ceil(minimum) <= sure).then_some((row, sure))
            };
            if let Some(sure) = candidate.loads.iter().map(sure).collect::<Option<Vec<_>>>() {
                let headroom = headroom.get_or_insert_with(|| problem.headroom.clone());
                sure.into_iter()
                    .for_each(|(row, sure)| headroom[row.place()] = headroom[row.place()].min(sure));
            }
        }
        headroom
    }

    /// What the sessions of a problem may draw on a row by the highest base. What was just shed may hide base load: until
    /// that is anchored, what was sure before it counts.
    fn sure_headroom(
        &mut self,
        row: RowIndex,
        problem: &Problem,
        rows: &[RowNow],
        now: Timestamp,
    ) -> Option<Amperes> {
        if self.is_settled(row, now) {
            let unsure = rows[row.place()].likely - rows[row.place()].highest;
            self.sure[row.place()] = Some((now, problem.headroom[row.place()] - unsure));
        }
        self.sure[row.place()].filter(|&(at, _)| now < at + SHED_ANCHORED_AFTER).map(|(_, sure)| sure)
    }

    /// Nobody on the row was told less lately.
    fn is_settled(&self, row: RowIndex, now: Timestamp) -> bool {
        self.network.evse_indices().all(|index| {
            let is_lowered = self.evse(index).lowered_at.is_some_and(|at| now < at + SHED_ANCHORED_AFTER);
            !is_lowered || self.network.loads_at_worst(index).iter().all(|&(loaded, _)| loaded != row)
        })
    }

    /// What nobody else can use goes to EVs that take nothing now, so that they can begin again by themselves.
    fn share_spare(
        &mut self,
        problem: &mut Problem,
        allocation: &mut Allocation,
        takers: Vec<Candidate>,
        now: Timestamp,
    ) {
        if takers.is_empty() {
            return;
        }
        let spare = Problem { now, headroom: left_over(problem, allocation), sessions: takers };
        let shared = self.allocator.allocate(&spare);
        let present: Vec<Amperes> = spare
            .sessions
            .iter()
            .map(|session| {
                self.evse(session.key).record.newest().map_or(Amperes::ZERO, |newest| newest.limit)
            })
            .collect();
        // What they are given counts neither for nor against their share.
        self.account(now, &spare, &shared.limits, &present);
        append(problem, allocation, spare.sessions, shared);
    }

    /// Those whose ceiling no limit lowers share what the others leave, their own ceilings included: a raise of anybody
    /// else must leave these free (S1), whatever they are told.
    fn share_unproven(
        &mut self,
        problem: &mut Problem,
        allocation: &mut Allocation,
        unproven: Vec<Candidate>,
        worst: &[AtWorst],
        now: Timestamp,
    ) {
        if unproven.is_empty() {
            return;
        }
        let mut headroom = left_over(problem, allocation);
        for candidate in &unproven {
            self.give_back_ceiling(candidate.key, &mut headroom, worst);
        }
        let left = Problem { now, headroom, sessions: unproven };
        let (fair, shared) = self.allocator.fair_and_allocated(&left);
        self.account(now, &left, &shared.limits, &fair);
        append(problem, allocation, left.sessions, shared);
    }

    /// A session at its maximum is stopped by the plan where that maximum is the plan's.
    fn name_the_plan(&self, problem: &Problem, allocation: &mut Allocation, now: Timestamp) {
        let Some(plan) = &self.plan else { return };
        for (session, certificate) in problem.sessions.iter().zip(&mut allocation.certificates) {
            let is_capped = plan.cap(&self.evse(session.key).id, now) == Some(session.max);
            if is_capped && *certificate == Certificate::OwnMaximum {
                *certificate = Certificate::Plan;
            }
        }
    }

    pub(super) fn candidate(&self, index: EvseIndex, now: Timestamp) -> Candidate {
        let state = self.evse(index);
        let config = &self.network.evse(index).config;
        let min = state.minimum();
        let offer = if state.record.learned.is_satisfied {
            Some(state.offer_to_begin())
        } else {
            state.demand.offer(now).map(|offer| offer.max(min))
        };
        let plan = self.plan.as_ref();
        let cap = plan.and_then(|plan| plan.cap(&state.id, now));
        let hints = plan.and_then(|plan| plan.hints(&state.id, now));
        let max = config.current_max.min(offer.unwrap_or(config.current_max));
        let on_since = state.on_since.filter(|&at| state.is_same_turn(at, now));
        Candidate {
            key: index,
            class: config.class,
            weight: plan
                .map_or(config.weight, |plan| plan.weight(&state.id, max, now).unwrap_or(config.weight)),
            min,
            max: cap.map_or(max, |cap| max.min(cap)),
            step: config.step,
            loads: self.network.loads(index, state.record.occupied).clone(),
            arrived: state.arrived,
            waiting_since: state.record.waiting_since.filter(|_| on_since.is_none()),
            deficit: state.deficit,
            survives_pause: config.survives_pause && state.traits.least == Amperes::ZERO,
            is_on: on_since.is_some(),
            on_since,
            departure: hints.and_then(|hints| hints.departs_at),
            laxity: hints.map(|hints| hints.laxity),
        }
    }

    /// Keeps waiting times and deficits since the last decision, then notes who is on now.
    fn account(&mut self, now: Timestamp, problem: &Problem, limits: &[Amperes], fair: &[Amperes]) {
        let span = self.decided_at.map_or(TimeSpan::ZERO, |last| now.since(last));
        for ((candidate, &limit), &share) in problem.sessions.iter().zip(limits).zip(fair) {
            let state = &mut self.evses[candidate.key.place()];
            let present = state.record.newest().map_or(Amperes::ZERO, |newest| newest.limit);
            let least = AmpereSeconds::ZERO
                - AmpereSeconds::of_floor(state.traits.hardware_maximum, SURPLUS_REMEMBERED);
            let gain = AmpereSeconds::of_floor(share - present, span);
            state.deficit = (state.deficit + gain).max(least);
            if present > Amperes::ZERO {
                state.turn_had = state.turn_had + span;
            }
            state.on_since = (limit > Amperes::ZERO)
                .then(|| state.on_since.filter(|&at| state.is_same_turn(at, now)).unwrap_or(now));
            let is_next_slice = state.on_since.is_some_and(|at| at < now.floor_to(SLICE));
            let has_had_its_turn =
                state.has_current() && (is_next_slice || state.turn_had >= TURN_COUNTS_AFTER);
            if limit > Amperes::ZERO && has_had_its_turn {
                if state.record.waiting_since.take().is_some() {
                    self.changed.insert(candidate.key);
                }
            } else if state.record.waiting_since.is_none() && !state.has_current() {
                state.record.waiting_since = Some(now);
                state.turn_had = TimeSpan::ZERO;
                self.changed.insert(candidate.key);
            }
        }
    }

    /// Standing fallbacks that no station has confirmed yet. S4 holds by configuration, whoever starts.
    fn fallbacks_due(&mut self, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        for state in &mut self.evses {
            let Some(at) = state.fallback_due() else { continue };
            if state.link.is_up() && now >= at && !state.record.is_decommissioned {
                let ticket = next_ticket(&mut self.ticket);
                state.fallback = FallbackState::Asked(ticket);
                let kind = CommandKind::SetFallback { limit: state.traits.fallback };
                commands.push(Command { evse: state.id.clone(), ticket, kind });
            }
        }
        commands
    }

    /// Turns targets into commands: sheds at once, raises by proof, which take what they need out of `free`. Where one waits,
    /// the instant at which it is looked at again.
    #[expect(clippy::too_many_arguments, reason = "one decision's values, each used once")]
    fn dispatch(
        &mut self,
        now: Timestamp,
        problem: &Problem,
        limits: &[Amperes],
        certificates: &[Certificate],
        rows: &[RowNow],
        worst: &[AtWorst],
        free: &mut [Amperes],
        commands: &mut Vec<Command>,
    ) -> Option<Timestamp> {
        let (mut raises, mut looked_at) = (Vec::new(), None);
        let mut told = self.all_told(worst, now);
        for ((candidate, &target), &certificate) in problem.sessions.iter().zip(limits).zip(certificates) {
            let index = candidate.key;
            let state = self.evse_mut(index);
            state.certificate = Some(certificate);
            let level = worst[index.place()].level;
            // S1: on a row above its rating, of a limit that may not be in force, nothing but 0 A is sure to lower anything.
            let is_lost = state.doubted_since.is_some()
                && candidate.loads.iter().any(|&(row, _)| rows[row.place()].is_over);
            let is_told_nothing = state.record.is_disobedient || state.record.is_refusing || is_lost;
            let least = state.traits.least;
            let target = if is_told_nothing { least } else { target.max(least) };
            let present = state.present_limit(level);
            let is_untold = target == present && target > Amperes::ZERO && state.is_untold();
            if target > present || is_untold {
                raises.push((index, target, level));
            } else if target < present || state.is_renewal_due(index, now) {
                let (urgency, target) = match target < present {
                    true => (Urgency::Shed, target.min(state.surely_no_raise())),
                    false => (Urgency::Renewal, target),
                };
                if !state.may_send(now, urgency, target) {
                    continue;
                }
                match self.in_doubt(index, target, urgency, rows, told.as_ref(), now) {
                    InDoubt::Leaves => {
                        self.tells(index, target, told.as_mut());
                        commands.push(self.set_live(index, target, urgency, now));
                    }
                    InDoubt::Nothing => commands.push(self.set_live(index, least, urgency, now)),
                    InDoubt::Waits(certificate) => {
                        looked_at = sooner(looked_at, now + DECIDE_AT_LEAST_EVERY);
                        self.evse_mut(index).certificate = Some(certificate);
                    }
                }
            }
        }
        // Those who waited longest for their share are raised first.
        raises.sort_by_key(|&(index, _, _)| {
            let state = self.evse(index);
            (std::cmp::Reverse(state.deficit), state.arrived, index)
        });
        for (index, target, level) in raises {
            match self.raise_to(index, target, &worst[index.place()], rows, free, now) {
                Ok(limit) => commands.push(self.set_live(index, limit, Urgency::Raise, now)),
                Err(Waits { certificate, until }) => {
                    looked_at = sooner(looked_at, until);
                    self.evse_mut(index).certificate = Some(certificate);
                    let state = self.evse(index);
                    let (limit, urgency) = (state.present_limit(level), Urgency::Renewal);
                    if state.is_renewal_due(index, now)
                        && state.may_send(now, urgency, limit)
                        && self.in_doubt(index, limit, urgency, rows, told.as_ref(), now) == InDoubt::Leaves
                    {
                        self.tells(index, limit, told.as_mut());
                        commands.push(self.set_live(index, limit, urgency, now));
                    }
                }
            }
        }
        looked_at
    }

    /// What becomes of a limit that is none above the newest, but may be above the one in force: after a restart, which
    /// knows nothing of the last sheds, after a boot, or where no answer came. It may be a raise, which neither a stale
    /// meter allows (S5) nor a row that the limits told to the others may fill (S2), and it waits, but no longer than
    /// what is in force holds by itself. Where a meter shows more than a rating nothing but 0 A is sure to be a shed.
    fn in_doubt(
        &self,
        index: EvseIndex,
        limit: Amperes,
        urgency: Urgency,
        rows: &[RowNow],
        told: Option<&Told>,
        now: Timestamp,
    ) -> InDoubt {
        let state = self.evse(index);
        let Some(told) = told.filter(|_| limit > Amperes::ZERO) else {
            return InDoubt::Leaves;
        };
        let loads = self.network.loads(index, state.record.occupied);
        let is_over = urgency == Urgency::Shed && loads.iter().any(|&(row, _)| rows[row.place()].is_over);
        let own = &told.each[index.place()];
        let is_full = |&(row, coefficient): &(RowIndex, Coefficient)| {
            let own = own.on(coefficient, self.network.row(row).phase);
            told.on_rows[row.place()] - own + coefficient.of_ceil(limit) > rows[row.place()].highest
        };
        let Some(newest) = state.record.newest() else {
            // The first of a transaction, below all that may hold until a fallback is confirmed: nothing may hold.
            return match loads.iter().any(is_full) {
                false => InDoubt::Leaves,
                true if is_over || now >= state.arrived + DOUBT_BEFORE_SHED => InDoubt::Nothing,
                true => InDoubt::Waits(Certificate::UnprovenShed),
            };
        };
        let Some(since) = state.doubted_since else { return InDoubt::Leaves };
        let until = match urgency {
            Urgency::Shed => newest.expires_at.min(since + DOUBT_BEFORE_SHED),
            Urgency::Renewal | Urgency::Raise => newest.expires_at,
        };
        if now >= until {
            return InDoubt::Leaves;
        }
        if is_over {
            return InDoubt::Nothing;
        }
        let waits_for = loads.iter().find_map(|load| {
            let stale = rows[load.0.place()].stale.map(Certificate::StaleMeter);
            stale.or_else(|| is_full(load).then_some(Certificate::UnprovenShed))
        });
        waits_for.map_or(InDoubt::Leaves, InDoubt::Waits)
    }

    /// What all EVSEs were told; none where nobody's limit is in doubt, nor the first of its transaction.
    fn all_told(&self, worst: &[AtWorst], now: Timestamp) -> Option<Told> {
        self.evses.iter().find(|state| {
            let is_first = state.record.is_in_transaction && state.record.newest().is_none();
            is_first || state.doubted_since.is_some()
        })?;
        let each: Vec<AtWorst> = self
            .network
            .evse_indices()
            .zip(worst)
            .map(|(index, worst)| self.told(index, worst, now))
            .collect();
        Some(Told { on_rows: self.sums_by_row(&each), each })
    }

    /// The highest limit told to an EVSE that may be in force, or its level where none was, and what it was measured to
    /// draw: less than its ceiling only after a boot that may have lost its limits.
    fn told(&self, index: EvseIndex, worst: &AtWorst, now: Timestamp) -> AtWorst {
        let state = self.evse(index);
        worst.told_at_most(state.record.level_told(now, state.clock))
    }

    /// A limit leaves: it counts beside those that leave after it.
    fn tells(&self, index: EvseIndex, limit: Amperes, told: Option<&mut Told>) {
        let Some(told) = told else { return };
        let own = &mut told.each[index.place()];
        let before = *own;
        own.level = own.level.max(limit);
        for &(row, coefficient) in self.network.loads(index, self.evse(index).record.occupied).iter() {
            let phase = self.network.row(row).phase;
            told.on_rows[row.place()] += own.on(coefficient, phase) - before.on(coefficient, phase);
        }
    }

    /// How far an EVSE may be raised now, or what stops it. Takes what it grants out of `free`.
    fn raise_to(
        &self,
        index: EvseIndex,
        target: Amperes,
        own: &AtWorst,
        rows: &[RowNow],
        free: &mut [Amperes],
        now: Timestamp,
    ) -> Result<Amperes, Waits> {
        // What it waits for but time alone is an event, and decided on then.
        let waits = |certificate| Waits { certificate, until: now + CALM_LOOKED_AT_WITHIN };
        let state = self.evse(index);
        let level = own.level;
        let loads = self.network.loads(index, state.record.occupied);
        if let Some(stale) = loads.iter().find_map(|&(row, _)| rows[row.place()].stale) {
            // S5: a stale reading never increases anything. What was never sent is sent within the static headroom.
            if state.record.newest().is_some() {
                return Err(waits(Certificate::StaleMeter(stale)));
            }
        }
        let is_small = state.has_current() && target < state.present_limit(level) + RAISE_SMALL;
        let changed_at = if is_small { state.offered_since } else { state.raised_at };
        let apart = if is_small { RAISE_SMALL_APART } else { RAISE_APART };
        if let Some(until) = changed_at.map(|at| at + apart).filter(|until| now < *until) {
            return Err(Waits { certificate: Certificate::MinimumInterval, until });
        }
        if !state.may_send(now, Urgency::Raise, target) {
            return Err(waits(Certificate::UnprovenShed));
        }
        // A raise goes out only when S1 holds with all ceilings: one within its own ceiling would undo a shed.
        if loads.iter().any(|&(row, _)| free[row.place()] < Amperes::ZERO) {
            return Err(waits(Certificate::UnprovenShed));
        }
        let mut highest = target;
        for &(row, coefficient) in loads.iter() {
            let present = own.on(coefficient, self.network.row(row).phase);
            let room = (present + free[row.place()]).max(Amperes::ZERO);
            let fits = match coefficient.thousandths() {
                0 => target,
                thousandths => room.ratio_floor(1_000, thousandths),
            };
            highest = highest.min(fits.max(level));
        }
        let limit = highest.min(target).floor_to(self.network.evse(index).config.step);
        let present = state.present_limit(level);
        let is_none = limit < present || limit == present && !state.is_untold();
        if is_none || limit < state.minimum() {
            return Err(waits(Certificate::UnprovenShed));
        }
        for &(row, coefficient) in loads.iter() {
            let more = coefficient.of_ceil(limit) - own.on(coefficient, self.network.row(row).phase);
            free[row.place()] -= more.max(Amperes::ZERO);
        }
        Ok(limit)
    }

    fn set_live(&mut self, index: EvseIndex, limit: Amperes, urgency: Urgency, now: Timestamp) -> Command {
        let ticket = next_ticket(&mut self.ticket);
        self.changed.insert(index);
        let state = self.evse_mut(index);
        assert!(
            limit == Amperes::ZERO || limit >= state.traits.minimum,
            "S3: {limit} for EVSE {} is neither 0 nor at least {}",
            state.id,
            state.traits.minimum
        );
        let limit_expired = state.traits.limit_expired.min(limit);
        let begins_turn = state.record.learned.is_satisfied && state.has_its_turn(now);
        // One that was not accepted, or ran out, was not offered all the while.
        let is_the_same = |newest: &SentLimit| {
            newest.limit == limit && newest.accepted_at.is_some() && now < newest.expires_at
        };
        if !state.record.newest().is_some_and(is_the_same) {
            state.offered_since = Some(now);
        }
        state.record.send(SentLimit {
            ticket,
            limit,
            limit_expired,
            sent_at: now,
            expires_at: now + LIFETIME,
            accepted_at: None,
        });
        state.note_limit(now, limit);
        state.outstanding = Some(ticket);
        state.needs_resend = false;
        state.resend_at = Some(now + if state.record.is_refusing { REFUSING_RETRY } else { RETRY_AFTER });
        match urgency {
            Urgency::Shed => state.lowered_at = Some(now),
            Urgency::Renewal => {}
            Urgency::Raise => {
                state.raised_at = Some(now);
                state.turn_began_at = begins_turn.then_some(now);
            }
        }
        let kind = CommandKind::SetLive { limit, limit_expired, lifetime: LIFETIME, urgency };
        Command { evse: state.id.clone(), ticket, kind }
    }

    /// Limits that were accepted and not shown yet, or of which it is not known whether they are in force: ask for a
    /// measurement, unless the station has its record. Where somebody waits, also for the two after which what was drawn
    /// before a shed counts no more.
    fn measurements_due(&mut self, now: Timestamp, is_waited_for: bool, commands: &mut Vec<Command>) {
        for state in &mut self.evses {
            let accepted = state.record.newest().and_then(|newest| newest.accepted_at);
            let is_due = accepted.is_some_and(|at| {
                now >= at + REACTION_DEFAULT
                    && state.measure_asked_at.is_none_or(|asked| now >= asked + MEASURE_APART)
            });
            let is_held_up = || state.is_held_up_by_measurements(now) || state.has_risen_unseen(now);
            let is_to_prove = state.record.is_unproven_lower() || is_waited_for && is_held_up();
            let is_asked = is_due && is_to_prove || state.wants_report(now);
            if is_asked && state.link.is_up() {
                let ticket = next_ticket(&mut self.ticket);
                state.measure_asked_at = Some(now);
                commands.push(Command { evse: state.id.clone(), ticket, kind: CommandKind::Measure });
            }
        }
    }

    fn update_alarms(&mut self, now: Timestamp, problem: &Problem) {
        let is_kept = |alarm: &SiteAlarm| match alarm {
            SiteAlarm::Disobedient { .. }
            | SiteAlarm::LimitRefused { .. }
            | SiteAlarm::WiringDoubted { .. } => true,
            SiteAlarm::Overload { .. } | SiteAlarm::MeterStale { .. } => false,
        };
        self.alarms.retain(is_kept);
        for meter in self.meters.values_mut() {
            if meter.metering.is_stale(now) && !meter.metering.is_starting(now) {
                meter.stale_at = Some(now);
            }
            meter.stale_at = meter.stale_at.filter(|at| now.since(*at) < STALE_TOLD_FOR);
        }
        for (id, meter) in &self.meters {
            let circuit = self.network.circuit(meter.circuit);
            if meter.stale_at.is_some() {
                self.alarms.insert(SiteAlarm::MeterStale { meter: id.clone() });
            }
            let Some(latest) = meter.metering.latest() else { continue };
            let is_over =
                circuit.rows.iter().any(|(phase, &row)| latest.current[phase] > self.network.row(row).rating);
            let can_shed = || {
                problem.sessions.iter().any(|session| {
                    let is_here =
                        session.loads.iter().any(|&(row, _)| self.network.row(row).circuit == meter.circuit);
                    is_here && self.evse(session.key).has_more_than_least()
                })
            };
            if is_over && !can_shed() {
                self.alarms.insert(SiteAlarm::Overload { circuit: circuit.id.clone() });
            }
        }
    }

    /// Notes what was decided on, and when the next decision is wanted: what time alone will change.
    fn finish(&mut self, now: Timestamp, looked_at: Option<Timestamp>) {
        self.decided_at = Some(now);
        for meter in self.meters.values_mut() {
            meter.decided_on = meter.metering.latest().map(|latest| latest.current);
        }
        let mut wake: Option<Timestamp> = None;
        let mut at = |instant: Timestamp| {
            if instant > now {
                wake = Some(wake.map_or(instant, |earlier| earlier.min(instant)));
            }
        };
        let moment = TimeSpan::from_milliseconds(1);
        for meter in self.meters.values() {
            meter.metering.silent_from().for_each(|from| at(from + moment));
            meter.stale_at.into_iter().for_each(|stale_at| at(stale_at + STALE_TOLD_FOR));
        }
        let mut is_anyone_waiting = looked_at.is_some();
        for (place, state) in self.evses.iter().enumerate() {
            state.next_wakes(EvseIndex::new(place), &mut at);
            is_anyone_waiting |= state.record.is_in_transaction && state.record.waiting_since.is_some();
        }
        looked_at.into_iter().chain(self.command_changes()).for_each(&mut at);
        if is_anyone_waiting {
            at(next_turn(now));
        }
        self.wake = wake;
    }
}

impl EvseState {
    /// Whether it can be told a limit, so that its current is shared out and not only counted.
    pub(super) fn takes_part(&self) -> bool {
        let can_be_told = self.link.is_up() && !self.record.is_decommissioned;
        can_be_told && self.record.is_in_transaction && self.record.ev != EvState::Faulted
    }

    /// Its last report shows more than what it was last told, or fell back to, long enough before.
    pub(super) fn was_seen_above_its_limit(&self) -> bool {
        let told = match self.record.newest() {
            Some(newest) => newest.accepted_at.map(|at| (newest.limit, at + REACTION_DEFAULT)),
            None => {
                self.record.fallback_confirmed.map(|fallback| (fallback, self.arrived + REACTION_DEFAULT))
            }
        };
        let drawn = self.record.measured[1].highest();
        told.is_some_and(|(limit, from)| {
            self.record.measured_at[1] >= from && drawn > limit + crate::ceiling::tolerance(limit)
        })
    }

    /// No limit lowers its ceiling.
    pub(super) fn counts_at_its_hardware(&self) -> bool {
        !self.traits.is_fallback_proven || self.record.is_disobedient || self.record.is_refusing
    }

    /// An EV that takes nothing although it is offered its minimum may need more: it is offered more after each wait, up to
    /// its hardware maximum or to a limit at which it charged before. Then it takes no more.
    fn learn_minimum(&mut self, step: Amperes) {
        let Some(limit) = self.record.newest().map(|newest| newest.limit) else { return };
        let has_charged = self.record.learned.charged_at.is_some_and(|charged_at| charged_at <= limit);
        if limit < self.traits.hardware_maximum && !has_charged {
            let more = (limit + TRIED_APART).ceil_to(step);
            let least = more.min(self.traits.hardware_maximum.floor_to(step)).max(self.minimum());
            self.record.learned.minimum = Some(least);
        } else {
            self.record.learned.has_tried_all = true;
            self.record.learned.minimum = None;
        }
    }

    /// The least that makes its EV charge, as far as learned.
    pub(super) fn minimum(&self) -> Amperes {
        self.record.learned.minimum.unwrap_or(self.traits.minimum)
    }

    /// What an EV is offered that takes nothing: its minimum, and one ampere more where that has to be found by trying.
    fn offer_to_begin(&self) -> Amperes {
        let is_searched = self.is_trying() && self.record.learned.minimum.is_some();
        if is_searched { self.minimum() + TRIED_APART } else { self.minimum() }
    }

    /// When the limit offered to an EV that takes nothing has been tried for long enough.
    fn minimum_doubted_at(&self) -> Option<Timestamp> {
        let newest = self.record.newest()?;
        let is_doubted = self.record.ev == EvState::SuspendedEv && newest.limit >= self.minimum();
        let since = self.offered_since.filter(|_| is_doubted && !self.record.learned.has_tried_all)?;
        newest.accepted_at.map(|_| since + MINIMUM_TRIED_FOR)
    }

    /// It takes nothing, and whether more would make it begin has not been tried to the end: it keeps its seat.
    fn is_trying(&self) -> bool {
        self.record.learned.is_satisfied && !self.record.learned.has_tried_all
    }

    /// An EV that takes nothing has its turn after an hour at 0 A: for as long as it takes to see whether it begins again.
    fn has_its_turn(&self, now: Timestamp) -> bool {
        match self.record.newest() {
            Some(newest) if newest.limit > Amperes::ZERO => {
                self.turn_began_at.is_some_and(|at| now < at + MINIMUM_TRIED_FOR)
            }
            Some(newest) => now >= newest.sent_at + TURN_AFTER,
            None => now >= self.arrived + TURN_AFTER,
        }
    }

    /// Whether a turn that came on `at` goes on. One in which no raise could leave was none: it waits on, and comes first
    /// again.
    fn is_same_turn(&self, at: Timestamp, now: Timestamp) -> bool {
        self.has_current() || at >= now.floor_to(SLICE)
    }

    /// It was last told more than 0 A.
    pub(super) fn has_current(&self) -> bool {
        self.record.newest().is_some_and(|newest| newest.limit > Amperes::ZERO)
    }

    /// It was last told more than the least that it may be told.
    fn has_more_than_least(&self) -> bool {
        self.record.newest().is_some_and(|newest| newest.limit > self.traits.least)
    }

    /// It was told less lately, and what was measured before counts as its ceiling.
    fn is_held_up_by_measurements(&self, now: Timestamp) -> bool {
        let is_recent = self.lowered_at.is_some_and(|at| now < at + SHED_ANCHORED_AFTER);
        is_recent && self.draws_above_its_level(now)
    }

    /// It was told more, and what it draws by now counts as base load until it tells.
    fn has_risen_unseen(&self, now: Timestamp) -> bool {
        let Some(shows_at) = self.raised_at.map(|at| at + DRAW_SHOWS_WITHIN) else { return false };
        let is_told = self.reports.back().is_some_and(|report| report.taken_at >= shows_at);
        now >= shows_at && now < shows_at + SHED_ANCHORED_AFTER && !is_told
    }

    /// It is not known what limit is in force, nor what it draws.
    fn wants_report(&self, now: Timestamp) -> bool {
        self.doubted_since.is_some()
            && self.reports.is_empty()
            && self.measure_asked_at.is_none_or(|asked| now >= asked + MEASURE_APART)
    }

    /// No limit was told in its transaction, and what it counts at need not be what it falls back to, which may be nothing.
    fn is_untold(&self) -> bool {
        let is_at_its_fallback = self.record.fallback_confirmed.is_some() && !self.counts_at_its_hardware();
        self.record.newest().is_none() && !is_at_its_fallback
    }

    /// The limit in force as far as we know: the newest sent, or what it fell back to, or the standing fallback.
    fn present_limit(&self, level: Amperes) -> Amperes {
        self.record.newest().map_or(level, |newest| newest.limit.min(level))
    }

    /// Up to this a limit is no raise, whether or not the newest has left: one that was not accepted may still wait for its
    /// record, and a shed, which waits for none, must not let in more than held before (S2, S8).
    fn surely_no_raise(&self) -> Amperes {
        let record = &self.record;
        match record.newest() {
            Some(newest) if newest.accepted_at.is_none() => {
                let accepted = record.sent.iter().rev().find(|sent| sent.accepted_at.is_some());
                let before = accepted.or(record.held.as_ref()).map(|sent| sent.limit);
                before.or(record.fallback_confirmed).unwrap_or(self.traits.hardware_maximum)
            }
            Some(_) | None => self.traits.hardware_maximum,
        }
    }

    /// The lowest of the limits that may have been in force at `instant`.
    fn lowest_told_at(&self, instant: Timestamp) -> Option<Amperes> {
        let sent = self.limits.iter().rev().skip_while(|&&(sent_at, _)| sent_at > instant);
        let mut is_settled = false;
        sent.take_while(|&&(sent_at, _)| {
            !std::mem::replace(&mut is_settled, sent_at + REACTION_DEFAULT <= instant)
        })
        .map(|&(_, limit)| limit)
        .min()
    }

    /// Between 50 and 60 % of its lifetime, spread over the EVSEs, or where it must be sent again.
    fn is_renewal_due(&self, index: EvseIndex, now: Timestamp) -> bool {
        let Some(newest) = self.record.newest() else { return false };
        (newest.limit > newest.limit_expired && now >= renewal_at(newest, index)) || self.needs_resend
    }

    /// One live limit is outstanding at a time, but for sheds; what was refused or not answered waits a little, unless less
    /// is told now.
    fn may_send(&self, now: Timestamp, urgency: Urgency, limit: Amperes) -> bool {
        let is_rested = !self.needs_resend || self.resend_at.is_none_or(|at| now >= at);
        match urgency {
            Urgency::Shed => is_rested || self.record.newest().is_some_and(|newest| limit < newest.limit),
            Urgency::Renewal | Urgency::Raise => is_rested && self.outstanding.is_none(),
        }
    }

    /// Calls `at` with the instants at which time alone changes something for this EVSE.
    fn next_wakes(&self, index: EvseIndex, mut at: impl FnMut(Timestamp)) {
        let moment = TimeSpan::from_milliseconds(1);
        if let Some(due) = self.fallback_due()
            && self.link.is_up()
        {
            at(due);
        }
        if let Some(until) = self.record.start_allowed_until {
            at(until + moment);
        }
        let is_up = self.link.is_up() && self.record.is_in_transaction;
        if let Some(resend_at) = self.resend_at.filter(|_| is_up && self.needs_resend) {
            at(resend_at);
        }
        // Most EVSEs are idle most of the time, and were told nothing.
        let Some(newest) = self.record.newest() else { return };
        at(newest.expires_at + SKEW_TRUSTED + moment);
        if is_up && newest.limit > newest.limit_expired {
            at(renewal_at(newest, index) + CALM_LOOKED_AT_WITHIN);
        }
        self.minimum_doubted_at().into_iter().for_each(&mut at);
        self.turn_began_at.into_iter().for_each(|began_at| at(began_at + MINIMUM_TRIED_FOR));
        self.raised_at.into_iter().for_each(|raised_at| at(raised_at + DRAW_SHOWS_WITHIN));
        let is_measured_again = |asked_at: &Timestamp| {
            self.record.is_unproven_lower() || self.is_held_up_by_measurements(*asked_at)
        };
        if let Some(asked_at) = self.measure_asked_at.filter(is_measured_again) {
            at(asked_at + MEASURE_APART);
        }
        // A renewal that is proven changes nothing.
        if self.record.is_unproven_change() {
            let accepted = self.record.sent.iter().filter_map(|sent| sent.accepted_at);
            accepted.map(|accepted_at| accepted_at + REACTION_DEFAULT).for_each(at);
        }
    }
}

/// How calm a site is where nothing waits.
fn calm(certificates: &[Certificate], commands: &[Command], rows: &[RowNow], left: &[Amperes]) -> Calm {
    let is_renewal = |command: &Command| match command.kind {
        CommandKind::SetLive { urgency, .. } => urgency == Urgency::Renewal,
        CommandKind::SetFallback { .. } | CommandKind::Measure => false,
    };
    let is_settled = commands.iter().all(is_renewal)
        && rows.iter().all(|row| row.stale.is_none())
        && left.iter().all(|left| *left >= Amperes::ZERO);
    match is_settled {
        false => Calm::None,
        true if certificates.iter().all(|certificate| *certificate == Certificate::OwnMaximum) => Calm::All,
        true => Calm::Settled,
    }
}

/// What the sessions of a problem leave on each row.
fn left_over(problem: &Problem, allocation: &Allocation) -> Vec<Amperes> {
    let mut headroom = problem.headroom.clone();
    for (session, &limit) in problem.sessions.iter().zip(&allocation.limits) {
        for &(row, coefficient) in session.loads.iter() {
            headroom[row.place()] -= coefficient.of_ceil(limit);
        }
    }
    headroom
}

fn append(problem: &mut Problem, allocation: &mut Allocation, sessions: Vec<Candidate>, shared: Allocation) {
    problem.sessions.extend(sessions);
    allocation.limits.extend(shared.limits);
    allocation.certificates.extend(shared.certificates);
}

/// From then on the next decision renews it, so that it leaves before 70 % of its lifetime (CONTROL section 3).
fn renewal_at(newest: &SentLimit, index: EvseIndex) -> Timestamp {
    // Spread over the EVSEs by their place: 7 and 11 have no common divisor.
    let spread = i64::try_from(index.place() * 7 % 11).unwrap_or(0);
    newest.sent_at + LIFETIME.ratio_floor(50 + spread, 100)
}

fn sooner(one: Option<Timestamp>, other: Timestamp) -> Option<Timestamp> {
    Some(one.map_or(other, |one| one.min(other)))
}

fn next_ticket(ticket: &mut Ticket) -> Ticket {
    let this = *ticket;
    ticket.0 += 1;
    this
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_renewal_leaves_between_half_and_seven_tenths_of_its_limits_lifetime() {
        let sent_at = Timestamp::EPOCH;
        let newest = SentLimit {
            ticket: Ticket(1),
            limit: Amperes::from_amperes(16),
            limit_expired: Amperes::ZERO,
            sent_at,
            expires_at: sent_at + LIFETIME,
            accepted_at: Some(sent_at),
        };
        for place in 0..100 {
            let due = renewal_at(&newest, EvseIndex::new(place));
            assert!(due >= sent_at + LIFETIME.ratio_floor(50, 100), "EVSE {place}");
            assert!(due + CALM_LOOKED_AT_WITHIN <= sent_at + LIFETIME.ratio_floor(70, 100), "EVSE {place}");
        }
    }
}
