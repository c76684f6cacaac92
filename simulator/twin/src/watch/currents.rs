//! S1 on the truth: no row above its rating, but for a base step that is shed in time. And no fuse trips.
//!
//! For row r: total_r(t) = base_r(t) + Σ EVSEs. Where total_r exceeds rating_r at t:
//!
//! - *cause*: the excess must not exceed what base_r rose since t_k, the last reading of r's meter that the engine had
//!   (1 s + reaction) ago. More than that was let in by the engine: S1 fires at once. Without a meter the stated worst
//!   base stands for the reading.
//! - *end*: within 1 s after the first reading that shows it a lower limit is on the wire, be it one that left before
//!   the excess began and has not had its reaction time, and within 1 s + reaction the excess is over, or nothing is
//!   left to shed: every EVSE that still loads r is out of reach.
//!
//! While the engine is down nobody reacts: time counts from its return. A station whose link came up less than ten
//! seconds ago need not have been told anything: so long the engine waits for its BootNotification before it calls. And
//! one that had not answered a limit when the reading came may be waited for, once for each excess, for three seconds.

use std::collections::{BTreeSet, VecDeque};

use units::{Amperes, EvseId, PerPhase, Phase, TimeSpan, Timestamp};

use super::{Engine, Note, Rule, Watch, WatchedEvse};
use crate::scenario::{People, Scenario};
use crate::truth::{Truth, at_limit};

/// How long plant and wire take to follow a shed, at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaction {
    /// Link, station and EV together.
    pub shed: TimeSpan,
    /// Link and station: a limit that is sent is in force after this, or never will be.
    pub in_force: TimeSpan,
}

/// The slowest EV of the built-in mix.
const EV_REACTION: TimeSpan = TimeSpan::from_seconds(8);
/// CONTROL section 7, S1: a shed is on the wire this long after the reading.
const ON_THE_WIRE: TimeSpan = TimeSpan::from_seconds(1);
/// While a shed waits, a call that is not answered is given up after this (CONTROL section 4, point 5).
const GIVEN_UP_BEFORE_SHED: TimeSpan = TimeSpan::from_seconds(3);
/// A station whose link came up is called once its BootNotification is answered, or after this without one.
const CALLED_AFTER: TimeSpan = TimeSpan::from_seconds(10);
/// After this a call without an answer is given up, and what it said is sent again.
const SENT_AGAIN: TimeSpan = TimeSpan::from_seconds(40);
/// A draw above the limit counts from the reaction time on (CONTROL section 2), in two readings; half a minute to spare.
const CONDUCT_SETTLES: TimeSpan = TimeSpan::from_seconds(40);
/// An offered current is followed to within this; also the resolution of what is compared.
const ROUNDING: Amperes = Amperes::from_milliamperes(20);

impl Reaction {
    /// From the scenario's links, stations and EVs.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let ev = match &scenario.people {
            People::Stays(stays) => {
                stays.iter().map(|stay| stay.ev.reaction).max().unwrap_or(EV_REACTION).max(EV_REACTION)
            }
            People::Generated(_) => EV_REACTION,
        };
        let delays =
            scenario.faults.iter().map(crate::scenario::Fault::delay).max().unwrap_or(TimeSpan::ZERO);
        let link = scenario.timing.latency + scenario.timing.latency_spread + delays;
        // A station's answer takes a moment of its own, and frames wait for each other on a link.
        let in_force = link + link + scenario.stations.reaction + TimeSpan::from_milliseconds(200);
        Self { shed: link + scenario.stations.reaction + ev, in_force }
    }
}

/// What is known of each row.
#[derive(Debug)]
pub struct Currents {
    pub(super) reaction: Reaction,
    rows: Vec<PerPhase<Row>>,
    deadlines: BTreeSet<(Timestamp, usize, Phase, Deadline)>,
}

#[derive(Debug, Clone, Default)]
struct Row {
    /// Base current over time, newest last; the first entry held before it.
    base: VecDeque<(Timestamp, Amperes)>,
    /// Since when the row is above its rating.
    over_since: Option<Timestamp>,
    /// It was told that this excess is not the base's.
    is_told: bool,
    /// What a lower rating made of it: it is no more than to be shed in time.
    granted: Amperes,
    /// What the limits told before may make of it yet, until they are shed.
    granted_by_limits: Option<(Timestamp, Amperes)>,
    /// Its overload could not be foreseen, or not be helped: a fuse may trip.
    was_helpless: bool,
    /// The last lower limit that left for an EVSE on the row.
    shed_at: Option<Timestamp>,
    /// A shed may have waited until then for the answer to a call before it.
    waited_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    /// A shed must be on the wire.
    OnTheWire,
    /// The excess must be over.
    Over,
}

impl Currents {
    /// Rows of so many circuits.
    #[must_use]
    pub fn new(circuits: usize, reaction: Reaction) -> Self {
        Self {
            reaction,
            rows: vec![PerPhase::from_fn(|_| Row::default()); circuits],
            deadlines: BTreeSet::new(),
        }
    }
}

impl Watch {
    /// When [`Watch::tick`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.currents.deadlines.first().map(|(at, ..)| *at)
    }

    /// Judges what was due by `now`.
    pub fn tick(&mut self, now: Timestamp, truth: &Truth) {
        while let Some(&(at, circuit, phase, deadline)) = self.currents.deadlines.first() {
            if at > now {
                return;
            }
            self.currents.deadlines.pop_first();
            match deadline {
                Deadline::OnTheWire => self.judge_wire(now, truth, circuit, phase),
                Deadline::Over => self.judge_end(now, truth, circuit, phase),
            }
        }
    }

    /// The current at an EVSE changed.
    pub fn evse_changed(&mut self, now: Timestamp, truth: &Truth, index: usize, change: PerPhase<Amperes>) {
        let evse = &mut self.evses[index];
        evse.drawn = truth.evses()[index].terminals().highest();
        if evse.drawn > Amperes::ZERO && std::mem::take(&mut evse.went_dark) {
            evse.resumed_at = Some(now);
        }
        self.judge_conduct(now, index);
        self.story.note(now, Note::Current { evse: index, current: truth.evses()[index].site() });
        let is_unforeseen = !self.evses[index].plant.follows_limits && !self.evses[index].is_known_wayward;
        for &circuit in self.path(self.evses[index].circuit).iter() {
            for phase in Phase::ALL {
                if is_unforeseen && change[phase] > Amperes::ZERO {
                    self.excess_begins_anew(now, circuit, phase);
                }
                if change[phase] != Amperes::ZERO {
                    self.judge_change(now, truth, circuit, phase, change[phase] > Amperes::ZERO);
                }
            }
        }
    }

    /// The base load at a circuit changed.
    pub fn base_changed(&mut self, now: Timestamp, truth: &Truth, circuit: usize, change: PerPhase<Amperes>) {
        self.story.note(now, Note::Base { circuit, current: truth.circuits()[circuit].base() });
        for &place in self.path(circuit).iter() {
            let base = truth.circuits()[place].base();
            for phase in Phase::ALL {
                if change[phase] == Amperes::ZERO {
                    continue;
                }
                let row = &mut self.currents.rows[place][phase];
                row.base.push_back((now, base[phase]));
                while row.base.len() > 2 && row.base.get(1).is_some_and(|(at, _)| now.since(*at) > BASE_KEPT)
                {
                    row.base.pop_front();
                }
                if change[phase] > Amperes::ZERO {
                    self.excess_begins_anew(now, place, phase);
                }
                self.judge_change(now, truth, place, phase, false);
            }
        }
    }

    /// A new step is a new excess: its time runs anew.
    fn excess_begins_anew(&mut self, now: Timestamp, circuit: usize, phase: Phase) {
        let row = &mut self.currents.rows[circuit][phase];
        if row.over_since.is_some() {
            row.over_since = Some(now);
            self.forget_deadlines(circuit, phase);
        }
    }

    /// A reading of the meter of `circuit` reached the engine. What its noise hides it does not show.
    pub(super) fn reading_shows(
        &mut self,
        now: Timestamp,
        circuit: usize,
        told: PerPhase<Amperes>,
        measured_at: Timestamp,
    ) {
        if self.engine == Engine::Down {
            return;
        }
        for phase in Phase::ALL {
            let Some(since) = self.currents.rows[circuit][phase].over_since else { continue };
            if measured_at >= since && told[phase] > self.circuits[circuit].rating[phase] {
                self.expect_shed(now, circuit, phase);
            }
        }
    }

    /// From now on a shed is waited for, unless one is already.
    fn expect_shed(&mut self, now: Timestamp, circuit: usize, phase: Phase) {
        let deadlines = &mut self.currents.deadlines;
        if !deadlines.iter().any(|&(_, c, p, d)| c == circuit && p == phase && d == Deadline::Over) {
            let over_by = now + ON_THE_WIRE + self.currents.reaction.shed;
            deadlines.insert((now + ON_THE_WIRE, circuit, phase, Deadline::OnTheWire));
            deadlines.insert((over_by, circuit, phase, Deadline::Over));
        }
    }

    /// The rating of a circuit is another: what exceeds it now must be shed as if a reading had told it.
    pub(super) fn rating_changed(&mut self, now: Timestamp, truth: &Truth, circuit: usize) {
        let told = truth.circuits()[circuit].base() + self.sum_at_worst(now, circuit);
        let shed_by = now + ON_THE_WIRE + self.currents.reaction.shed;
        for phase in Phase::ALL {
            let rating = self.circuits[circuit].rating[phase];
            let excess = truth.circuits()[circuit].total()[phase] - rating;
            self.forget_deadlines(circuit, phase);
            let row = &mut self.currents.rows[circuit][phase];
            row.over_since = (excess > ROUNDING).then_some(now);
            row.granted = excess.max(Amperes::ZERO);
            row.granted_by_limits = Some((shed_by, told[phase] - rating));
            row.is_told = false;
            // Without a meter nobody tells what flows on other lines than stated.
            let is_untold = self.circuits[circuit].meter.is_none()
                && self.below(circuit).any(|evse| !evse.is_wired_right);
            let untold = if is_untold { self.unforeseen(now, truth, circuit, phase) } else { Amperes::ZERO };
            if excess > untold + ROUNDING {
                self.expect_shed(now, circuit, phase);
            }
        }
    }

    /// How an EVSE follows what it is told: who draws more in two readings is known to the engine.
    pub(super) fn judge_conduct(&mut self, now: Timestamp, index: usize) {
        let known_after = self.meter_interval + self.meter_interval + CONDUCT_SETTLES;
        let evse = &mut self.evses[index];
        if evse.plant.follows_limits {
            return;
        }
        let told = evse.live.unwrap_or(evse.current_max);
        let above = told + Amperes::from_amperes(1).max(told.ratio_floor(1, 10));
        // What it did until now counts, whatever it does next.
        evse.is_known_wayward |= evse.above_since.is_some_and(|since| now.since(since) > known_after);
        if evse.plant.is_reachable && evse.drawn > above {
            evse.above_since.get_or_insert(now);
        } else {
            evse.above_since = None;
        }
    }

    /// A limit lower than what may be drawn left for an EVSE.
    pub(super) fn shed_sent(&mut self, now: Timestamp, index: usize) {
        for &circuit in self.path(self.evses[index].circuit).iter() {
            for phase in Phase::ALL {
                self.currents.rows[circuit][phase].shed_at = Some(now);
            }
        }
    }

    /// Energy conservation: a circuit carries what its parts carry.
    pub fn judge_sum(
        &mut self,
        now: Timestamp,
        circuit: &str,
        kept: PerPhase<Amperes>,
        summed: PerPhase<Amperes>,
    ) {
        self.verdicts.check(Rule::Energy);
        if kept != summed {
            let text = format!("circuit {circuit} is held to carry {kept}, its parts carry {summed}");
            self.verdicts.fire(Rule::Energy, now, text, &self.story);
        }
    }

    /// Energy conservation: a register counts what the currents carried. Both are exact and each rounds down once.
    pub fn judge_register(&mut self, now: Timestamp, evse: &EvseId, register_mwh: i64, carried_mwh: i64) {
        self.verdicts.check(Rule::Energy);
        if (register_mwh - carried_mwh).abs() > 1 {
            let text = format!(
                "EVSE {evse}: the register counts {register_mwh} mWh, its currents carried {carried_mwh} mWh"
            );
            self.verdicts.fire(Rule::Energy, now, text, &self.story);
        }
    }

    /// Judges the fuses, which integrate over the whole run.
    pub fn judge_fuses(&mut self, now: Timestamp, truth: &mut Truth) {
        for (circuit, rows) in truth.circuits_mut().iter_mut().zip(&self.currents.rows) {
            let helpless = PerPhase::from_fn(|phase| rows[phase].was_helpless);
            let name = circuit.name.clone();
            for phase in Phase::ALL {
                self.verdicts.check(Rule::Fuse);
                if helpless[phase] {
                    continue;
                }
                if let Some(at) = circuit.tripped_at(phase, now) {
                    let text = format!("the gG fuse of {name} {phase}, {}, trips", circuit.rating[phase]);
                    self.verdicts.fire(Rule::Fuse, at, text, &self.story);
                }
            }
        }
    }

    fn judge_change(&mut self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase, is_rise: bool) {
        self.verdicts.check(Rule::S1);
        let total = truth.circuits()[circuit].total()[phase];
        let excess = total - self.circuits[circuit].rating[phase];
        let row = &mut self.currents.rows[circuit][phase];
        if excess <= ROUNDING {
            if row.over_since.take().is_some() {
                row.is_told = false;
                row.granted = Amperes::ZERO;
                self.forget_deadlines(circuit, phase);
            }
            return;
        }
        row.over_since.get_or_insert(now);
        let by_limits = row.granted_by_limits.filter(|(until, _)| now <= *until);
        let granted = by_limits.map_or(row.granted, |(_, by_limits)| row.granted.max(by_limits));
        let is_judged = is_rise && !row.is_told;
        let unforeseen = self.unforeseen(now, truth, circuit, phase);
        if unforeseen > Amperes::ZERO || self.is_nothing_left(truth, circuit, phase) {
            self.currents.rows[circuit][phase].was_helpless = true;
        }
        if !is_judged {
            return;
        }
        let explained = self.base_rise(now, truth, circuit, phase) + granted + unforeseen;
        if excess > explained + ROUNDING && !self.is_nobody_to_tell(now, truth, circuit, phase) {
            self.currents.rows[circuit][phase].is_told = true;
            let text = format!(
                "{} carries {total}, {excess} above its rating of {}, and base load rose by {explained} only since the \
                 engine last knew it: base {}, EVSEs {}",
                self.row_name(circuit, phase),
                self.circuits[circuit].rating[phase],
                truth.circuits()[circuit].base()[phase],
                total - truth.circuits()[circuit].base()[phase],
            );
            self.verdicts.fire(Rule::S1, now, text, &self.story);
        }
    }

    fn judge_wire(&mut self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase) {
        let row = &self.currents.rows[circuit][phase];
        let Some(since) = row.over_since else { return };
        let reaction = self.currents.reaction.shed;
        let is_on_the_wire = row.shed_at.is_some_and(|at| at >= since || now.since(at) < reaction);
        // Of calls that were decided before the reading, and once for each excess. Their records are on the disk two commits
        // later: the one under way, and their own.
        let decided_by = now - ON_THE_WIRE + self.commit * 2;
        let owed = self.evses.iter().zip(truth.evses()).filter_map(|(watched, evse)| {
            let called_at = watched.unanswered_since.filter(|at| *at <= decided_by)?;
            let could_shed = self.could_shed(watched, evse.site()[phase], circuit);
            could_shed.then_some(called_at + GIVEN_UP_BEFORE_SHED)
        });
        let may_wait = !is_on_the_wire && row.waited_until.is_none_or(|until| until < since);
        if let Some(until) = owed.max().filter(|until| may_wait && *until + ON_THE_WIRE > now) {
            self.currents.rows[circuit][phase].waited_until = Some(until);
            self.currents.deadlines.insert((until + ON_THE_WIRE, circuit, phase, Deadline::OnTheWire));
            return;
        }
        self.verdicts.check(Rule::S1);
        if is_on_the_wire || self.engine == Engine::Down || self.is_nobody_to_tell(now, truth, circuit, phase)
        {
            return;
        }
        let text = format!(
            "{} carries {} against a rating of {} since {since}; a reading told it {ON_THE_WIRE} ago and no lower limit \
             is on the wire",
            self.row_name(circuit, phase),
            truth.circuits()[circuit].total()[phase],
            self.circuits[circuit].rating[phase],
        );
        self.verdicts.fire(Rule::S1, now, text, &self.story);
    }

    fn judge_end(&mut self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase) {
        let Some(since) = self.currents.rows[circuit][phase].over_since else { return };
        // A shed that vanished on its way is sent again, and who came back is told once it may be called.
        let on_row = || self.below(circuit);
        let sent_again = on_row().filter_map(|evse| Some(evse.frame_lost_at? + SENT_AGAIN));
        let called = on_row().map(|evse| evse.link_since + CALLED_AFTER);
        let waited = self.currents.rows[circuit][phase].waited_until;
        let told_at = sent_again.chain(called).chain(waited).filter(|at| *at >= since).max();
        let acted = ON_THE_WIRE + self.currents.reaction.shed;
        // What is shed on another line than stated ends nothing: a reading tells once it should have, and more is shed.
        let row = &self.currents.rows[circuit][phase];
        let is_wired_right = on_row().all(|evse| evse.is_wired_right);
        let shed_in_vain = row.shed_at.filter(|_| !is_wired_right).map(|at| at + acted);
        // Nor does it end what is drawn above what was told, until that is known.
        let excess = truth.circuits()[circuit].total()[phase] - self.circuits[circuit].rating[phase];
        let is_unforeseen = excess <= self.unforeseen(now, truth, circuit, phase) + ROUNDING;
        let unforeseen = (is_unforeseen && is_wired_right).then_some(now);
        let again_by = told_at.into_iter().chain(shed_in_vain).chain(unforeseen).max().map(|at| at + acted);
        if let Some(again_by) = again_by.filter(|by| *by > now) {
            self.currents.deadlines.insert((again_by, circuit, phase, Deadline::Over));
            return;
        }
        self.verdicts.check(Rule::S1);
        if self.engine == Engine::Down || self.is_nobody_to_tell(now, truth, circuit, phase) {
            return;
        }
        let text = format!(
            "{} carries {} against a rating of {} since {since}, longer than {ON_THE_WIRE} + {} after the reading",
            self.row_name(circuit, phase),
            truth.circuits()[circuit].total()[phase],
            self.circuits[circuit].rating[phase],
            self.currents.reaction.shed,
        );
        self.verdicts.fire(Rule::S1, now, text, &self.story);
    }

    /// What base load rose on a row since the engine last knew it and had time to act.
    fn base_rise(&self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase) -> Amperes {
        let base = truth.circuits()[circuit].base()[phase];
        let watched = &self.circuits[circuit];
        let Some(meter) = &watched.meter else {
            return (base - watched.worst_base[phase]).max(Amperes::ZERO);
        };
        let acted = ON_THE_WIRE + self.currents.reaction.shed;
        let up_since = match self.engine {
            Engine::Down => return base,
            Engine::Up { since } => since,
        };
        let Some(known_at) = meter.known_at(now, acted, up_since) else { return base };
        let history = &self.currents.rows[circuit][phase].base;
        let after = history.partition_point(|(at, _)| *at <= known_at);
        let lowest =
            history.iter().skip(after.saturating_sub(1)).map(|(_, base)| *base).min().unwrap_or(base);
        (base - lowest).max(Amperes::ZERO)
    }

    /// What nobody could foresee on a row: draws above what was told of EVSEs that are not known to disobey, on other lines
    /// than stated, what draws again after a power cut before its station has told of it, and what its meter kept back.
    fn unforeseen(&self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase) -> Amperes {
        let lie = self.circuits[circuit].meter.as_ref().and_then(|meter| meter.lie(now));
        let mut sum = lie.map_or(Amperes::ZERO, |lie| lie[phase]);
        let acted = ON_THE_WIRE + self.currents.reaction.shed;
        for (watched, evse) in self.evses.iter().zip(truth.evses()) {
            // The EV takes its time to follow a station that follows its limits again.
            let is_following = |since: &Timestamp| {
                watched.plant.follows_limits && now.since(*since) <= self.currents.reaction.shed
            };
            // While it was dark, its share of what a meter showed was taken for its draw, and was base load.
            if watched.resumed_at.is_some_and(|at| now.since(at) <= acted)
                && self.path(watched.circuit).contains(&circuit)
            {
                sum += evse.site()[phase];
                continue;
            }
            let is_unknown = !watched.plant.follows_limits && !watched.is_known_wayward;
            let is_wayward = is_unknown
                || watched.follows_since.as_ref().is_some_and(is_following)
                || !watched.is_wired_right;
            if is_wayward && self.path(watched.circuit).contains(&circuit) {
                let told = watched.live.unwrap_or(watched.fallback).min(watched.plant.ev_max);
                let believed = at_limit(watched.wiring, told, watched.plant.phases)[phase];
                sum += (evse.site()[phase] - believed).max(Amperes::ZERO);
            }
        }
        sum
    }

    /// Whether every EVSE that still loads the row is out of reach, does not do what it is told, or is not known to
    /// load it.
    fn is_nothing_left(&self, truth: &Truth, circuit: usize, phase: Phase) -> bool {
        self.evses
            .iter()
            .zip(truth.evses())
            .all(|(watched, evse)| !self.could_shed(watched, evse.site()[phase], circuit))
    }

    /// The same, for those that the engine may call by now.
    fn is_nobody_to_tell(&self, now: Timestamp, truth: &Truth, circuit: usize, phase: Phase) -> bool {
        self.evses.iter().zip(truth.evses()).all(|(watched, evse)| {
            now.since(watched.link_since) < CALLED_AFTER
                || !self.could_shed(watched, evse.site()[phase], circuit)
        })
    }

    fn could_shed(&self, evse: &WatchedEvse, drawn: Amperes, circuit: usize) -> bool {
        drawn != Amperes::ZERO
            && evse.plant.is_reachable
            && evse.plant.follows_limits
            && evse.is_wired_right
            && self.path(evse.circuit).contains(&circuit)
    }

    /// The EVSEs on a circuit and below it.
    pub(super) fn below(&self, circuit: usize) -> impl Iterator<Item = &WatchedEvse> {
        self.evses.iter().filter(move |evse| self.path(evse.circuit).contains(&circuit))
    }

    fn forget_deadlines(&mut self, circuit: usize, phase: Phase) {
        if !self.currents.deadlines.is_empty() {
            self.currents.deadlines.retain(|&(_, c, p, _)| c != circuit || p != phase);
        }
    }

    pub(super) fn row_name(&self, circuit: usize, phase: Phase) -> String {
        format!("{} {phase}", self.circuits[circuit].name)
    }
}

/// How long base currents are kept: longer than any meter is frozen.
const BASE_KEPT: TimeSpan = TimeSpan::from_hours(3);
