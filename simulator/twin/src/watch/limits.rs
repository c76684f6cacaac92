//! S2 to S5 on the wire: each SetChargingProfile is judged as it leaves the engine.
//!
//! For EVSE i let w_i be the most that may be drawn there in truth: the limit its station applies, or a higher one that
//! is on the wire and not refused, at most what EVSE and EV can do; 0 where nothing may be drawn. A limit x above w_i is
//! a *raise*. It is paid for when on every row r above i, a_ri · x + Σ_{j≠i} a_rj · w_j + base_r ≤ rating_r, with base_r
//! as it truly was at the last reading that the engine had when it decided: a raise leaves once its record is committed,
//! and between decisions lies up to a second (CONTROL section 4); of the readings since then the kindest counts. Without
//! a meter it is as stated at worst. A shed that is not in force keeps w_j high, so that a raise that counts on it
//! breaks S2.

use std::collections::VecDeque;

use plant::meter::MeterFault;
use units::{Amperes, MeterId, PerPhase, Phase, TimeSpan, Timestamp};

use super::{Note, Rule, Sampled, Watch};
use crate::frame_text::{ProfileSent, profile_sent};
use crate::truth::at_limit;

/// CONTROL section 4: but for a row over its headroom a reading is decided on within this.
const DECIDED_WITHIN: TimeSpan = TimeSpan::from_seconds(1);
/// A raise that rests on a meter that told too little is taken back within this.
const LIE_REMEMBERED: TimeSpan = TimeSpan::from_minutes(3);

/// A meter as the engine hears of it.
#[derive(Debug, Clone)]
pub struct WatchedMeter {
    pub(super) id: MeterId,
    timeout: TimeSpan,
    /// When a reading last came that ended a silence, or was nonsense.
    pub(super) unwell_at: Option<Timestamp>,
    /// When the last reading was measured, and when it was delivered.
    heard_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    /// Of true readings: delivered, measured; newest last.
    readings: VecDeque<(Timestamp, Timestamp)>,
    /// Base load here and below at the last readings, with the instant each was delivered, newest last: as it truly was,
    /// or as a lying meter makes believe.
    bases: VecDeque<(Timestamp, PerPhase<Amperes>)>,
    /// Readings in a row, none later than the time-out after the one before.
    fresh: u32,
    /// It was stale since the engine's start.
    was_stale: bool,
    /// What it last told is what it measured.
    tells_truth: bool,
    /// Nothing might rise by it when the last reading came.
    forbade_raises: bool,
    /// No reading of another meter came before it at the same instant, on which a decision may rest.
    is_first_of_its_instant: bool,
    /// What it told too little, and when it last did.
    lie: Option<(Timestamp, PerPhase<Amperes>)>,
}

impl WatchedMeter {
    /// A meter that has told nothing yet.
    #[must_use]
    pub const fn new(id: MeterId, timeout: TimeSpan) -> Self {
        Self {
            id,
            timeout,
            unwell_at: None,
            heard_at: None,
            delivered_at: None,
            readings: VecDeque::new(),
            bases: VecDeque::new(),
            fresh: 0,
            was_stale: false,
            tells_truth: true,
            forbade_raises: true,
            is_first_of_its_instant: true,
            lie: None,
        }
    }

    /// When the newest reading was measured that the running engine had `acted` ago.
    pub(super) fn known_at(&self, now: Timestamp, acted: TimeSpan, up_since: Timestamp) -> Option<Timestamp> {
        let had = |delivered: Timestamp| delivered >= up_since && now.since(delivered) >= acted;
        self.readings.iter().rev().find(|(delivered, _)| had(*delivered)).map(|(_, measured)| *measured)
    }

    fn hear(&mut self, now: Timestamp, told: PerPhase<Amperes>, sampled: &Sampled) {
        self.forbade_raises = self.forbids_raises(now);
        let is_gap = self.heard_at.is_some_and(|before| sampled.at.since(before) > self.timeout);
        // Until it came the one before was all that there was.
        let was_silent = self.heard_at.is_some_and(|before| now.since(before) > self.timeout);
        self.heard_at = Some(sampled.at);
        let is_nonsense = sampled.fault == MeterFault::Impossible;
        self.unwell_at = Some(now).filter(|_| was_silent || is_nonsense).or(self.unwell_at);
        self.was_stale |= is_gap || is_nonsense;
        self.fresh = match (is_nonsense, is_gap) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => self.fresh + 1,
        };
        self.delivered_at = Some(now);
        self.tells_truth = sampled.fault == MeterFault::None;
        match sampled.fault {
            MeterFault::None => {
                self.shows(now, sampled.base);
                self.readings.push_back((now, sampled.at));
                while self.readings.len() > 64 {
                    self.readings.pop_front();
                }
            }
            MeterFault::Silent => self.lies(now, told, sampled),
            // What our EVSEs draw is taken for part of what it tells, and the rest for base.
            MeterFault::Frozen | MeterFault::Zero => {
                let evses = sampled.total - sampled.base;
                self.shows(now, sampled.base.zip_with(told - evses, Amperes::min));
                self.lies(now, told, sampled);
            }
            MeterFault::Impossible => {}
        }
    }

    fn shows(&mut self, now: Timestamp, base: PerPhase<Amperes>) {
        self.bases.push_back((now, base));
        while self.bases.len() > 64 {
            self.bases.pop_front();
        }
    }

    /// Base load by the readings that a decision may rest on which leaves the engine `now`, taken up to `ago` before: per
    /// phase the lowest of them.
    fn base_decided_on(&self, now: Timestamp, ago: TimeSpan) -> Option<PerPhase<Amperes>> {
        let since = self.bases.partition_point(|(delivered, _)| now.since(*delivered) > ago);
        let bases = self.bases.iter().skip(since.saturating_sub(1)).map(|(_, base)| *base);
        bases.reduce(|lowest, base| lowest.zip_with(base, Amperes::min))
    }

    fn lies(&mut self, now: Timestamp, told: PerPhase<Amperes>, sampled: &Sampled) {
        let less = (sampled.total - told).map(|less| less.max(Amperes::ZERO));
        let before = self.lie(now).unwrap_or_default();
        self.lie = Some((now, less.zip_with(before, Amperes::max)));
    }

    /// By how much it told too little lately: raises that rest on it take a while to be taken back.
    pub(super) fn lie(&self, now: Timestamp) -> Option<PerPhase<Amperes>> {
        self.lie.filter(|(at, _)| now.since(*at) <= LIE_REMEMBERED).map(|(_, lie)| lie)
    }

    /// CONTROL section 4: stale when older than the time-out; raises resume after three fresh readings.
    pub(super) fn forbids_raises(&self, now: Timestamp) -> bool {
        // The engine may hold a reading true from when it came: that is later by its delay.
        match self.delivered_at {
            None => true,
            Some(delivered) if now.since(delivered) > self.timeout => true,
            Some(_) => self.was_stale && self.fresh < 3,
        }
    }

    /// Nobody can tell what room there is: it is stale, or what it last told is not so.
    pub(super) fn hides_room(&self, now: Timestamp) -> bool {
        !self.tells_truth || self.forbids_raises(now)
    }

    /// The same for a raise that leaves now and was decided up to `ago` before: the kindest of the readings since counts.
    fn forbade_raises(&self, now: Timestamp, ago: TimeSpan) -> bool {
        let decided_at = now - ago;
        let came_later = |delivered: Timestamp| {
            delivered > decided_at || (delivered == decided_at && !self.is_first_of_its_instant)
        };
        let forbade = if self.delivered_at.is_some_and(came_later) {
            self.forbade_raises
        } else {
            self.forbids_raises(decided_at)
        };
        forbade && self.forbids_raises(now)
    }
}

impl Watch {
    /// A reading of a circuit's meter reaches the engine; it was `sampled` when it was measured.
    pub fn reading(&mut self, now: Timestamp, circuit: usize, told: PerPhase<Amperes>, sampled: &Sampled) {
        self.story.note(now, Note::Reading { circuit, measured_at: sampled.at, current: told });
        let mut meters = self.circuits.iter().filter_map(|circuit| circuit.meter.as_ref());
        let is_first = meters.all(|meter| meter.delivered_at != Some(now));
        if let Some(meter) = &mut self.circuits[circuit].meter {
            meter.is_first_of_its_instant = is_first;
            meter.hear(now, told, sampled);
        }
        if sampled.fault == MeterFault::None {
            self.reading_shows(now, circuit, told, sampled.at);
        }
    }

    /// A SetChargingProfile leaves the engine for a station whose connectors are the EVSEs `connectors`, from 1 on.
    /// Tells whether it changes a live limit.
    pub fn profile_leaves(&mut self, now: Timestamp, connectors: &[usize], text: &str) -> bool {
        let profile = match profile_sent(text) {
            Ok(profile) => profile,
            Err(error) => {
                let text = format!("a SetChargingProfile cannot be read ({error}): {text}");
                self.verdicts.fire(Rule::S3, now, text, &self.story);
                return false;
            }
        };
        for &evse in connectors {
            self.evses[evse].unanswered_since = Some(now);
        }
        let place = usize::from(profile.connector).checked_sub(1);
        let Some(&index) = place.and_then(|place| connectors.get(place)) else { return false };
        profile.is_amperes && self.limit_leaves(now, index, &profile)
    }

    /// The engine hears that a station refused what left for it at `sent_at`: it never comes into force.
    pub fn limit_refused(&mut self, evses: &[usize], sent_at: Timestamp) {
        for &index in evses {
            self.evses[index].unanswered_since = None;
            self.evses[index].on_the_wire.retain(|(sent, _)| *sent != sent_at);
        }
    }

    /// The engine hears that a station accepted what left for it at `sent_at`: what left before never comes into force any
    /// more, be it that the station had not followed it yet.
    pub fn limit_accepted(&mut self, evses: &[usize], sent_at: Timestamp) {
        for &index in evses {
            self.evses[index].unanswered_since = None;
            let on_the_wire = &mut self.evses[index].on_the_wire;
            if let Some(place) = on_the_wire.iter().position(|(sent, _)| *sent == sent_at) {
                on_the_wire.drain(..place);
            }
        }
    }

    /// A profile in amperes leaves for an EVSE. Tells whether it changes a live limit.
    pub(crate) fn limit_leaves(&mut self, now: Timestamp, index: usize, profile: &ProfileSent) -> bool {
        self.judge_s3(now, index, profile);
        let limits: Vec<Amperes> = profile.periods.iter().map(|(_, limit)| *limit).collect();
        let (Some(&first), Some(&last)) = (limits.first(), limits.last()) else { return false };
        if profile.purpose == "TxDefaultProfile" && limits.len() == 1 {
            self.evses[index].fallback = last;
            self.judge_s4(now, index);
            return false;
        }
        self.judge_expiry(now, index, first, &limits);
        let expired_before = std::mem::replace(&mut self.evses[index].expired, last);
        if expired_before != last {
            self.judge_s4(now, index);
        }
        self.story.note(now, Note::Limit { evse: index, limit: first, expired: last });
        let worst = self.worst(now, index);
        if first > worst {
            self.judge_s2(now, index, first, worst);
        } else if first < worst {
            self.shed_sent(now, index);
        }
        // Another limit is obeyed or not anew; what was learned under the one before stays.
        self.judge_conduct(now, index);
        let before = self.evses[index].live.replace(first);
        if before != Some(first) {
            self.evses[index].above_since = None;
        }
        self.judge_conduct(now, index);
        self.limit_sent(now, index, before, first);
        // What left for another transaction was never this one's.
        let is_same = std::mem::replace(&mut self.evses[index].live_of, profile.transaction.clone())
            == profile.transaction;
        self.judge_s5(now, index, before.filter(|_| is_same), first);
        let in_force = self.currents.reaction.in_force;
        let evse = &mut self.evses[index];
        evse.on_the_wire.retain(|(sent, _)| now.since(*sent) <= in_force);
        evse.on_the_wire.push((now, first));
        before != Some(first)
    }

    /// The most that may be drawn at an EVSE in truth, per phase. One that disobeys counts so only once the engine must
    /// know it.
    fn worst(&self, now: Timestamp, index: usize) -> Amperes {
        let evse = &self.evses[index];
        if !evse.plant.may_draw {
            return Amperes::ZERO;
        }
        // What was sent longer ago than a limit takes is in force, was superseded, or is lost.
        let is_on_the_wire = |sent: Timestamp| now.since(sent) <= self.currents.reaction.in_force;
        let on_the_wire = evse.on_the_wire.iter().filter(|(sent, _)| is_on_the_wire(*sent));
        let on_the_wire = on_the_wire.map(|(_, limit)| *limit).max().unwrap_or(Amperes::ZERO);
        let applied = if evse.plant.follows_limits || evse.is_known_wayward {
            evse.plant.limit
        } else {
            evse.plant.limit.min(evse.live.unwrap_or(evse.fallback))
        };
        applied.max(on_the_wire).min(evse.current_max)
    }

    fn judge_s2(&mut self, now: Timestamp, index: usize, limit: Amperes, worst: Amperes) {
        self.verdicts.check(Rule::S2);
        let drawn = |evse: usize, limit: Amperes| {
            let plant = &self.evses[evse].plant;
            at_limit(self.evses[evse].wiring, limit.min(plant.ev_max), plant.phases)
        };
        for &circuit in self.path(self.evses[index].circuit).iter() {
            let watched = &self.circuits[circuit];
            // What is wired otherwise than stated counts as base on one line and as an EVSE on another: no sum is known.
            if self.below(circuit).any(|evse| !evse.is_wired_right) {
                continue;
            }
            let base = match &watched.meter {
                Some(meter) => {
                    let ago = DECIDED_WITHIN + self.commit;
                    meter.base_decided_on(now, ago).unwrap_or(watched.worst_base)
                }
                None => watched.worst_base,
            };
            let sum = base + self.sum_with(now, circuit, index, limit);
            let Some(phase) = Phase::ALL.into_iter().find(|&phase| {
                sum[phase] > watched.rating[phase] && drawn(index, limit)[phase] > Amperes::ZERO
            }) else {
                continue;
            };
            let others: Vec<String> = (0..self.evses.len())
                .filter(|&other| other != index && self.path(self.evses[other].circuit).contains(&circuit))
                .filter(|&other| drawn(other, self.worst(now, other))[phase] > Amperes::ZERO)
                .map(|other| {
                    let (evse, worst) = (&self.evses[other], self.worst(now, other));
                    match evse.live {
                        Some(live) if live < worst => format!("{} was told {live}, still {worst}", evse.id),
                        Some(_) | None => format!("{} {worst}", evse.id),
                    }
                })
                .collect();
            let text = format!(
                "EVSE {} is raised from {worst} to {limit}, but {} may then carry {} of {}: base {}, other EVSEs: {}",
                self.evses[index].id,
                self.row_name(circuit, phase),
                sum[phase],
                watched.rating[phase],
                base[phase],
                if others.is_empty() { "none".to_owned() } else { others.join("; ") },
            );
            self.verdicts.fire(Rule::S2, now, text, &self.story);
            return;
        }
    }

    fn judge_s3(&mut self, now: Timestamp, index: usize, profile: &ProfileSent) {
        self.verdicts.check(Rule::S3);
        let evse = &self.evses[index];
        let is_right = |limit: Amperes| {
            limit == Amperes::ZERO
                || (limit >= evse.current_min
                    && limit <= evse.current_max
                    && limit.floor_to(evse.step) == limit)
        };
        if let Some((_, limit)) = profile.periods.iter().find(|(_, limit)| !is_right(*limit)) {
            let text = format!(
                "EVSE {} is sent {limit}, which is neither 0 nor between {} and {} on the step of {}",
                evse.id, evse.current_min, evse.current_max, evse.step
            );
            self.verdicts.fire(Rule::S3, now, text, &self.story);
        }
    }

    fn judge_expiry(&mut self, now: Timestamp, index: usize, first: Amperes, limits: &[Amperes]) {
        self.verdicts.check(Rule::S4);
        if let Some(&later) = limits.iter().find(|&&limit| limit > first) {
            let text =
                format!("EVSE {} is sent {first} that rises to {later} by expiry", self.evses[index].id);
            self.verdicts.fire(Rule::S4, now, text, &self.story);
        }
    }

    /// What holds when we are silent, at every EVSE, on every row above this one.
    fn judge_s4(&mut self, now: Timestamp, index: usize) {
        self.verdicts.check(Rule::S4);
        for &circuit in self.path(self.evses[index].circuit).iter() {
            let watched = &self.circuits[circuit];
            let mut sum = watched.worst_base;
            for evse in &self.evses {
                if self.path(evse.circuit).contains(&circuit) {
                    sum += at_limit(evse.wiring, evse.expired.max(evse.fallback), 3);
                }
            }
            let full = |phase: &Phase| sum[*phase] > watched.rating[*phase] - watched.reserve;
            if let Some(phase) = Phase::ALL.into_iter().find(full) {
                let text = format!(
                    "with EVSE {} the fallbacks and the worst base on {} come to {}, above {} less the reserve of {}",
                    self.evses[index].id,
                    self.row_name(circuit, phase),
                    sum[phase],
                    watched.rating[phase],
                    watched.reserve,
                );
                self.verdicts.fire(Rule::S4, now, text, &self.story);
                return;
            }
        }
    }

    /// A transaction's first limit is no raise, but must fit what a stale meter leaves: the static headroom.
    fn judge_s5(&mut self, now: Timestamp, index: usize, before: Option<Amperes>, limit: Amperes) {
        if before.is_some_and(|before| limit <= before) || limit == Amperes::ZERO {
            return;
        }
        self.verdicts.check(Rule::S5);
        for &circuit in self.path(self.evses[index].circuit).iter() {
            // A raise leaves once its record is committed.
            let meter = self.circuits[circuit].meter.as_ref();
            if !meter.is_some_and(|meter| meter.forbade_raises(now, self.commit)) {
                continue;
            }
            let name = &self.circuits[circuit].name;
            let id = &self.evses[index].id;
            let text = match before {
                Some(before) => {
                    format!(
                        "EVSE {id} is raised from {before} to {limit} although the meter of {name} is stale"
                    )
                }
                None => {
                    let sum = self.sum_with(now, circuit, index, limit);
                    let left = self.circuits[circuit].static_headroom;
                    let loaded = at_limit(self.evses[index].wiring, limit, 3);
                    let is_above = |phase: Phase| loaded[phase] > Amperes::ZERO && sum[phase] > left[phase];
                    if !Phase::ALL.into_iter().any(is_above) {
                        continue;
                    }
                    format!(
                        "EVSE {id} gets its first limit {limit} although the meter of {name} is stale and its EVSEs \
                         may then draw {sum}, above the static headroom {left}"
                    )
                }
            };
            self.verdicts.fire(Rule::S5, now, text, &self.story);
        }
    }

    /// What all EVSEs below a circuit may draw at worst, with `limit` at one of them.
    fn sum_with(&self, now: Timestamp, circuit: usize, index: usize, limit: Amperes) -> PerPhase<Amperes> {
        self.sum_of(circuit, |place| if place == index { limit } else { self.worst(now, place) })
    }

    /// What all EVSEs below a circuit may draw at worst.
    pub(super) fn sum_at_worst(&self, now: Timestamp, circuit: usize) -> PerPhase<Amperes> {
        self.sum_of(circuit, |place| self.worst(now, place))
    }

    fn sum_of(&self, circuit: usize, limit: impl Fn(usize) -> Amperes) -> PerPhase<Amperes> {
        let mut sum = PerPhase::default();
        for (place, evse) in self.evses.iter().enumerate() {
            if self.path(evse.circuit).contains(&circuit) {
                sum += at_limit(evse.wiring, limit(place).min(evse.plant.ev_max), evse.plant.phases);
            }
        }
        sum
    }
}
