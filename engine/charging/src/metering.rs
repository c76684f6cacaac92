//! Base current as an interval: what a meter shows, less what our EVSEs draw (CONTROL sections 4.1 and 4.2).
//!
//! # The mathematics
//!
//! At a metered circuit, per phase, with `M(t)` the metered current and `d_i(t)` the draw of each EVSE below it,
//! the base current is `M(t) − Σ d_i(t)`. Draws are known only at each station's own readings. An *anchor* is a
//! meter reading at `t` that every reporting EVSE has followed by a reading of its own: its draw at `t` is at least
//! the lower of its readings before and after, `lo_i(t)`, or 0 where there are not both, so
//!
//! ```text
//! base_hi(t) = M(t) − Σ lo_i(t)
//! ```
//!
//! An anchor is *exact* where every draw was steady around `t`: the readings before and after agree, and no limit
//! changed between them. Since an anchor a rise of the meter is believed at once to be base load, and so is whatever
//! our EVSEs are known to have dropped since (`D`: ended, suspended, told less, measured lower), for what they gave up
//! may hide a rise of the base. Every recent anchor bounds the base; the tightest bound counts, but a fall is believed
//! slowly: never less than the highest exact anchor of the last two minutes.
//!
//! ```text
//! highest = max(exact base_hi(s), min over t of base_hi(t) + max(0, M(now) − M(t) + D))   what raises must respect
//! likely  = max(exact base_hi(s), base_li + max(0, M(now) − base_li − Σ li_i + D − U))    what sheds look at
//! ```
//!
//! where `li_i` is each EVSE's last known draw at the newest anchor, and `U` what our EVSEs were allowed more since. At
//! the anchor an EVSE may have drawn up to `u_i` more: a raise was on its way, or it fell to `li_i` only later. Of what
//! then may have been base, that counts which is nearest to the base before:
//!
//! ```text
//! base_li = the base_li of the anchor before, within M(t) − Σ li_i − Σ u_i … M(t) − Σ li_i
//! ```
//!
//! Without an anchor the whole metered current is base at the highest, and all that is not allowed to our EVSEs is base
//! most likely.
//!
//! A meter whose readings repeat to the milliampere is *frozen* once the draws that anchors bracket cannot have been
//! the same all the while. Over anchors `k` of equal readings, with `up_i` the higher of an EVSE's readings before and
//! after (its hardware maximum where there are not both),
//!
//! ```text
//! frozen where max over k of Σ lo_i(k) − min over k of Σ up_i(k) > 4 A on a phase
//! ```
//!
//! Only measurements accuse it: what an EVSE may draw changes without any current changing.

use std::collections::VecDeque;

use units::{Amperes, PerPhase, TimeSpan, Timestamp};

use crate::network::{EvseIndex, Supply};

/// How long an anchor counts: a fall of the base is believed this slowly.
const FALL_BELIEVED_AFTER: TimeSpan = TimeSpan::from_minutes(2);
/// So many fresh, consistent readings end staleness.
const FRESH_READINGS: u32 = 3;
/// A reading beyond this many times the rating is impossible.
const IMPOSSIBLE_RATINGS: i64 = 5;
/// So many anchors in a row on which our EVSEs drew more than the meter shows are a contradiction.
const CONTRADICTIONS: u32 = 2;
/// Draws that differ by more than this cannot make a meter show the same: two EVSEs' meter errors and rounding.
const DRAWS_DIFFER: Amperes = Amperes::from_amperes(4);
/// An EVSE silent for longer than this holds no anchor back: its lower bound is zero.
pub const REPORT_AGE_MAX: TimeSpan = TimeSpan::from_seconds(150);

/// One reading of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it was taken, by our clock.
    pub taken_at: Timestamp,
    /// Per phase; positive is import.
    pub current: PerPhase<Amperes>,
}

/// Why a reading makes its meter stale, or is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Older than the reading before.
    #[error("the reading is older than the one before")]
    OutOfOrder,
    /// Far beyond the rating.
    #[error("the reading is more than five times the rating")]
    Impossible,
    /// Less than our EVSEs are known to draw.
    #[error("the meter shows less than the EVSEs below it draw")]
    Contradictory,
    /// The same to the milliampere although our EVSEs' draw changed.
    #[error("the meter shows the same current although the EVSEs below it changed theirs")]
    Frozen,
}

/// An EVSE below the meter, as known now, on the lines of the site. Lists of them ascend by EVSE; who is in no list
/// draws nothing, and may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub evse: EvseIndex,
    /// It draws at least this: its last reading, or 0 where that is too old, suspended or over.
    pub lower: PerPhase<Amperes>,
    /// Of an anchor: it drew at most this, the higher of its readings around the instant, or its hardware maximum.
    pub upper: PerPhase<Amperes>,
    /// It most likely draws this: its last reading, however old; without one, what it may draw.
    pub likely: PerPhase<Amperes>,
    /// Of an anchor: so much more it may have drawn then, by a raise on its way, or since it fell only later.
    pub unsettled: PerPhase<Amperes>,
    /// What it may draw at worst; of an anchor, without a raise on its way.
    pub allowed: PerPhase<Amperes>,
    /// Whether its draw was the same before and after, with no limit changed between.
    pub steadiness: Steadiness,
}

impl Member {
    /// An EVSE that draws nothing, and may not.
    #[must_use]
    pub fn idle(evse: EvseIndex) -> Self {
        let nothing = PerPhase::default();
        Self {
            evse,
            lower: nothing,
            upper: nothing,
            likely: nothing,
            unsettled: nothing,
            allowed: nothing,
            steadiness: Steadiness::Steady,
        }
    }

    /// Finds `evse` in what is left of a list of which EVSEs are asked for in ascending order, and leaves those after it.
    fn find_next<'a>(rest: &mut &'a [Self], evse: EvseIndex) -> Option<&'a Self> {
        while let Some((member, after)) = rest.split_first().filter(|(member, _)| member.evse <= evse) {
            *rest = after;
            if member.evse == evse {
                return Some(member);
            }
        }
        None
    }
}

/// Whether a draw is known as exactly as meters allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steadiness {
    /// It is.
    Steady,
    /// It may have been anything from the lower bound up.
    Moving,
}

/// Base current per phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// At most this: what raises must respect.
    pub highest: PerPhase<Amperes>,
    /// Most likely this: what sheds look at.
    pub likely: PerPhase<Amperes>,
}

/// What one meter tells of its circuit.
#[derive(Debug, Clone)]
pub struct Metering {
    timeout: TimeSpan,
    rating: PerPhase<Amperes>,
    supply: Supply,
    latest: Option<Reading>,
    /// Readings that may still become an anchor, oldest first.
    waiting: VecDeque<Reading>,
    /// The newest last.
    anchors: VecDeque<Anchor>,
    fresh: u32,
    contradictions: u32,
    is_doubted: bool,
    /// It was neither believed so far, nor doubted for anything that it showed.
    is_new: bool,
    /// A new one is believed by then.
    believed_by: Timestamp,
    /// The readings that repeat; none before the first.
    same: Option<Same>,
}

/// A run of readings that are equal to the milliampere.
#[derive(Debug, Clone, Copy)]
struct Same {
    since: Timestamp,
    /// Bounds within which our EVSEs' draw, if it was the same all the while, must lie; none before an anchor.
    drawn: Option<Drawn>,
    is_frozen: bool,
}

/// What our EVSEs draw together.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    at_least: PerPhase<Amperes>,
    at_most: PerPhase<Amperes>,
}

#[derive(Debug, Clone)]
struct Anchor {
    reading: Reading,
    highest: PerPhase<Amperes>,
    likely: PerPhase<Amperes>,
    /// The likely base and what our EVSEs likely drew, together.
    accounted: PerPhase<Amperes>,
    is_exact: bool,
    members: Vec<Member>,
    /// Those that drew, and at least how much: few of many.
    drawing: Vec<(EvseIndex, PerPhase<Amperes>)>,
}

impl Anchor {
    /// What the meter showed beside what our EVSEs likely drew. On IT less than that may be base, and more.
    fn rest(&self) -> PerPhase<Amperes> {
        self.reading.current - (self.accounted - self.likely)
    }
}

impl Metering {
    /// A meter that has shown nothing yet at `now`, of a circuit with `rating` on `supply`, stale after `timeout`.
    #[must_use]
    pub fn new(now: Timestamp, timeout: TimeSpan, rating: PerPhase<Amperes>, supply: Supply) -> Self {
        Self {
            timeout,
            rating,
            supply,
            latest: None,
            waiting: VecDeque::new(),
            anchors: VecDeque::new(),
            fresh: 0,
            contradictions: 0,
            is_doubted: true,
            is_new: true,
            believed_by: now + timeout * 2,
            same: None,
        }
    }

    /// Takes a reading.
    ///
    /// # Errors
    ///
    /// The doubt that makes the meter stale until three good readings follow; a reading out of order is only ignored.
    pub fn read(&mut self, reading: Reading) -> Result<(), Doubt> {
        if self.latest.is_some_and(|last| reading.taken_at < last.taken_at) {
            // Too late to tell anything of the circuit, but not of the meter.
            if self.is_impossible(&reading) {
                self.distrust();
                return Err(Doubt::Impossible);
            }
            return Err(Doubt::OutOfOrder);
        }
        let was_silent = self.latest.is_none_or(|last| reading.taken_at.since(last.taken_at) > self.timeout);
        let is_same = self.latest.is_some_and(|last| last.current == reading.current);
        self.latest = Some(reading);
        if self.is_impossible(&reading) {
            self.distrust();
            return Err(Doubt::Impossible);
        }
        if !is_same || self.same.is_none() {
            self.same = Some(Same { since: reading.taken_at, drawn: None, is_frozen: false });
        }
        self.waiting.push_back(reading);
        if self.is_frozen() {
            // The reading waits all the same: an anchor may show that our EVSEs draw again what they drew.
            self.fresh = 0;
            self.is_doubted = true;
            self.is_new = false;
        } else {
            self.fresh = if was_silent { 1 } else { self.fresh.saturating_add(1) };
            self.is_doubted = (self.is_doubted || was_silent) && self.fresh < FRESH_READINGS;
            self.is_new &= self.is_doubted;
        }
        while self.waiting.front().is_some_and(|old| reading.taken_at.since(old.taken_at) > REPORT_AGE_MAX) {
            self.waiting.pop_front();
        }
        if self.is_frozen() { Err(Doubt::Frozen) } else { Ok(()) }
    }

    /// Whoever reads the meter says that what it shows cannot be: it is stale until three good readings follow (S5).
    pub fn doubt(&mut self) {
        self.distrust();
    }

    /// An EVSE below is told to draw, and may have since `since` or later: where the readings repeat for no longer, what
    /// was drawn all the while is not known.
    pub fn draw_begins(&mut self, since: Timestamp) {
        if let Some(same) = self.same.as_mut().filter(|same| same.since >= since) {
            same.drawn = None;
        }
    }

    /// True while the meter must not be believed: silent for longer than its time-out, or doubted.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.is_doubted || self.latest.is_none_or(|last| now.since(last.taken_at) > self.timeout)
    }

    /// The last reading is fresh and may be true, be it that the meter is doubted for what it showed before.
    #[must_use]
    pub fn may_be_right(&self, now: Timestamp) -> bool {
        let is_fresh = |last: Reading| now.since(last.taken_at) <= self.timeout && !self.is_impossible(&last);
        self.latest.is_some_and(is_fresh) && !self.is_frozen()
    }

    /// It is stale because it has only just begun to be read, which is nothing to worry about for twice its time-out.
    #[must_use]
    pub fn is_starting(&self, now: Timestamp) -> bool {
        self.is_new && now <= self.believed_by
    }

    /// The instants after which it is stale, or starting no more, if nothing more is read.
    pub fn silent_from(&self) -> impl Iterator<Item = Timestamp> {
        let believed_by = Some(self.believed_by).filter(|_| self.is_new);
        self.latest.map(|last| last.taken_at + self.timeout).into_iter().chain(believed_by)
    }

    /// The last reading.
    #[must_use]
    pub const fn latest(&self) -> Option<Reading> {
        self.latest
    }

    /// The instant of the oldest reading that may still become an anchor.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<Timestamp> {
        self.waiting.front().map(|reading| reading.taken_at)
    }

    /// The reading taken at `instant`, where it may still become an anchor.
    #[must_use]
    pub fn waiting_at(&self, instant: Timestamp) -> Option<Reading> {
        self.waiting.iter().find(|reading| reading.taken_at == instant).copied()
    }

    /// The instant of the newest reading taken no later than `reported_until`, if newer than the last anchor.
    #[must_use]
    pub fn anchor_candidate(&self, reported_until: Timestamp) -> Option<Timestamp> {
        let newest = self.waiting.iter().rev().find(|reading| reading.taken_at <= reported_until)?;
        let is_newer = self.anchors.back().is_none_or(|anchor| newest.taken_at > anchor.reading.taken_at);
        is_newer.then_some(newest.taken_at)
    }

    /// Makes the reading taken at `instant` an anchor; `members` tell each EVSE's draw at that instant and what it is
    /// allowed now.
    ///
    /// # Errors
    ///
    /// [`Doubt::Contradictory`] where the EVSEs drew more than the meter shows, twice in a row, and [`Doubt::Frozen`]
    /// where their draw cannot have been the same although the meter shows the same.
    pub fn anchor(&mut self, instant: Timestamp, members: Vec<Member>) -> Result<(), Doubt> {
        let Some(reading) = self.waiting_at(instant) else { return Ok(()) };
        self.waiting.retain(|waiting| waiting.taken_at > instant);
        let zero = PerPhase::<Amperes>::default();
        let lower = members.iter().fold(zero, |sum, member| sum + member.lower);
        // Two amperes and ten per cent for the errors of both meters and for draws that moved between two readings.
        let allowance = lower.map(|lower| lower.ratio_ceil(1, 10) + Amperes::from_amperes(2));
        let excess = (lower - reading.current).zip_with(allowance, |excess, allowance| excess - allowance);
        if excess.highest() > Amperes::ZERO {
            self.contradictions += 1;
            if self.contradictions >= CONTRADICTIONS {
                self.distrust();
                return Err(Doubt::Contradictory);
            }
            // S5: by one that contradicts itself the base is no smaller, whether or not the next confirms it.
            return Ok(());
        }
        self.contradictions = 0;
        let upper = members.iter().fold(zero, |sum, member| sum + member.upper);
        if self.repeats(&reading, Drawn { at_least: lower, at_most: upper }) {
            return Err(Doubt::Frozen);
        }
        let drawn = members.iter().fold(zero, |sum, member| sum + member.likely);
        let unsettled = members.iter().fold(zero, |sum, member| sum + member.unsettled);
        let rest = reading.current - drawn;
        let likely = self.anchors.back().map_or(rest, |before| {
            before.likely.zip_with(rest, Amperes::min).zip_with(rest - unsettled, Amperes::max)
        });
        let likely = not_below_export(likely, reading.current);
        self.anchors.push_back(Anchor {
            reading,
            highest: reading
                .current
                .zip_with(lower, |metered, drawn| base_at_most(metered, drawn, self.supply)),
            likely,
            accounted: likely + drawn,
            is_exact: members.iter().all(|member| member.steadiness == Steadiness::Steady),
            drawing: members
                .iter()
                .filter(|member| member.lower != zero)
                .map(|member| (member.evse, member.lower))
                .collect(),
            members,
        });
        let is_past = |old: &Anchor| instant.since(old.reading.taken_at) > FALL_BELIEVED_AFTER;
        while self.anchors.len() > 1 && self.anchors.front().is_some_and(is_past) {
            self.anchors.pop_front();
        }
        Ok(())
    }

    /// The base current now, by what is known of `members`. `None` before the first reading.
    #[must_use]
    pub fn base(&self, members: &[Member]) -> Option<Base> {
        let latest = self.latest?;
        let zero = PerPhase::<Amperes>::default();
        let Some(newest) = self.anchors.back() else {
            let allowed = members.iter().fold(zero, |sum, member| sum + member.likely);
            let likely = not_below_export(latest.current - allowed, latest.current);
            return Some(Base { highest: latest.current, likely });
        };
        let gain = |from: Amperes, to: Amperes| (to - from).max(Amperes::ZERO);
        let positive = |rise: PerPhase<Amperes>| rise.map(|rise| rise.max(Amperes::ZERO));
        // What our EVSEs dropped since only raises an anchor's bound: one that is no tighter without it need not be asked.
        let bound_at_least =
            |anchor: &Anchor| anchor.highest + positive(latest.current - anchor.reading.current);
        let bound = |anchor: &Anchor| {
            let mut rest = members;
            let dropped = anchor.drawing.iter().fold(zero, |sum, &(evse, then)| {
                let now = Member::find_next(&mut rest, evse)
                    .map_or(zero, |now| now.lower.zip_with(now.allowed, Amperes::min));
                sum + now.zip_with(then, gain)
            });
            anchor.highest + positive(latest.current - anchor.reading.current + dropped)
        };
        let mut tightest = bound(newest);
        for anchor in self.anchors.iter().rev().skip(1) {
            if (tightest - bound_at_least(anchor)).highest() > Amperes::ZERO {
                tightest = tightest.zip_with(bound(anchor), Amperes::min);
            }
        }
        let exact = self.anchors.iter().filter(|anchor| anchor.is_exact).map(Anchor::rest);
        let slowly = exact.reduce(|one, other| one.zip_with(other, Amperes::max));
        let (mut dropped, mut allowed_more) = (zero, zero);
        let mut rest = newest.members.as_slice();
        for now in members {
            let (likely, allowed) = Member::find_next(&mut rest, now.evse)
                .map_or((zero, zero), |then| (then.likely, then.allowed));
            dropped += now.likely.zip_with(now.allowed, Amperes::min).zip_with(likely, gain);
            allowed_more += allowed.zip_with(now.allowed, gain);
        }
        let mut rest = members;
        for then in newest.members.iter().filter(|then| Member::find_next(&mut rest, then.evse).is_none()) {
            dropped += zero.zip_with(then.likely, gain);
        }
        let rise = latest.current - newest.accounted + dropped - allowed_more;
        let at_least =
            |base: PerPhase<Amperes>| slowly.map_or(base, |slowly| slowly.zip_with(base, Amperes::max));
        Some(Base { highest: at_least(tightest), likely: at_least(newest.likely + positive(rise)) })
    }

    fn distrust(&mut self) {
        self.fresh = 0;
        self.is_doubted = true;
        self.is_new = false;
        self.waiting.clear();
    }

    fn is_impossible(&self, reading: &Reading) -> bool {
        let limit = self.rating.map(|rating| rating * IMPOSSIBLE_RATINGS);
        let beyond = reading.current.zip_with(limit, |current, limit| current.magnitude() - limit);
        beyond.highest() > Amperes::ZERO
    }

    fn is_frozen(&self) -> bool {
        self.same.is_some_and(|same| same.is_frozen)
    }

    /// Compares what was drawn at `reading` with the other anchors of its run of equal readings. True where the meter
    /// is frozen: nothing that it showed since the run began is believed any more.
    fn repeats(&mut self, reading: &Reading, now: Drawn) -> bool {
        let timeout = self.timeout;
        let Some(same) = self.same.as_mut().filter(|same| reading.taken_at >= same.since) else {
            return false;
        };
        let since = same.since;
        let Some(drawn) = &mut same.drawn else {
            same.drawn = Some(now);
            return false;
        };
        let gain = (now.at_least - drawn.at_most).highest();
        let loss = (drawn.at_least - now.at_most).highest();
        let is_frozen = gain.max(loss) > DRAWS_DIFFER && reading.taken_at.since(since) > timeout;
        if gain.max(loss) <= Amperes::ZERO {
            drawn.at_least = drawn.at_least.zip_with(now.at_least, Amperes::max);
            drawn.at_most = drawn.at_most.zip_with(now.at_most, Amperes::min);
        }
        same.is_frozen = is_frozen;
        if is_frozen {
            self.fresh = 0;
            self.is_doubted = true;
            self.anchors.retain(|anchor| anchor.reading.taken_at < since);
        }
        is_frozen
    }
}

/// The most that can be base where `metered` flows and at least `drawn` of it is ours.
///
/// On a TN supply currents of one line add up: `B = M − E`. On IT our currents `E` on a line may lead or lag the base
/// current by up to 60°, so that `M² = B² + E² + B·E`, and `B = (√(4M² − 3E²) − E) / 2`, rounded up.
fn base_at_most(metered: Amperes, drawn: Amperes, supply: Supply) -> Amperes {
    match supply {
        Supply::Tn400 => metered - drawn,
        Supply::It230 if drawn <= Amperes::ZERO || metered <= Amperes::ZERO => metered,
        Supply::It230 => {
            let (m, e) = (i128::from(metered.milliamperes()), i128::from(drawn.milliamperes()));
            match u128::try_from(4 * m * m - 3 * e * e) {
                // More of ours than flows at any angle: nothing can be told apart.
                Err(_) => metered,
                Ok(square) => {
                    let root = i64::try_from(square.isqrt() + 1).unwrap_or(i64::MAX);
                    Amperes::from_milliamperes((root - drawn.milliamperes() + 1).div_euclid(2))
                        .max(metered - drawn)
                }
            }
        }
    }
}

/// A likely base is negative only where the meter shows export: our EVSEs may be allowed more than they draw.
fn not_below_export(base: PerPhase<Amperes>, metered: PerPhase<Amperes>) -> PerPhase<Amperes> {
    base.zip_with(metered, |base, metered| base.max(metered.min(Amperes::ZERO)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(seconds)
    }

    fn all(amperes: i64) -> PerPhase<Amperes> {
        PerPhase::splat(Amperes::from_amperes(amperes))
    }

    fn reading(seconds: i64, amperes: i64) -> Reading {
        Reading { taken_at: at(seconds), current: all(amperes) }
    }

    fn metering() -> Metering {
        Metering::new(Timestamp::EPOCH, TimeSpan::from_seconds(30), all(100), Supply::Tn400)
    }

    fn member(drawn: i64, allowed: i64) -> Member {
        Member {
            evse: EvseIndex::new(0),
            lower: all(drawn),
            upper: all(drawn),
            likely: all(drawn),
            unsettled: all(0),
            allowed: all(allowed),
            steadiness: Steadiness::Steady,
        }
    }

    /// A meter at 50 A with one EVSE of 16 A below it, anchored at second 20.
    fn anchored() -> Metering {
        let mut metering = metering();
        for seconds in [0, 10, 20] {
            metering.read(reading(seconds, 50)).unwrap();
        }
        metering.anchor(at(20), vec![member(16, 16)]).unwrap();
        metering
    }

    #[test]
    fn a_meter_is_starting_until_it_is_believed_or_doubted_or_twice_its_time_out_has_passed() {
        let mut good = metering();
        assert!(good.is_starting(at(60)) && !good.is_starting(at(61)), "it shows nothing");
        assert_eq!(good.silent_from().collect::<Vec<_>>(), [at(60)]);
        for (seconds, is_starting) in [(5, true), (15, true), (25, false)] {
            good.read(reading(seconds, 50)).unwrap();
            assert_eq!(good.is_starting(at(seconds)), is_starting, "after {seconds} s");
        }
        assert!(!good.is_stale(at(25)));
        assert_eq!(good.silent_from().collect::<Vec<_>>(), [at(55)]);
        let mut bad = metering();
        assert_eq!(bad.read(reading(5, 501)), Err(Doubt::Impossible));
        assert!(!bad.is_starting(at(5)));
    }

    #[test]
    fn who_is_in_no_list_is_as_one_that_draws_nothing() {
        let idle = Member::idle(EvseIndex::new(1));
        let (with, without) = (&[member(6, 16), idle][..], &[member(6, 16)][..]);
        assert_eq!(anchored().base(with), anchored().base(without));
        let gone = Member::idle(EvseIndex::new(0));
        assert_eq!(
            anchored().base(&[gone, idle]),
            anchored().base(&[]),
            "it drew 16 A when the anchor was made"
        );
        assert_eq!(anchored().base(&[]).map(|base| base.highest), Some(all(50)));
    }

    #[test]
    fn s5_a_meter_is_stale_until_three_readings_and_after_its_time_out() {
        let mut metering = metering();
        assert!(metering.is_stale(at(0)));
        for seconds in [0, 10, 20] {
            assert!(metering.is_stale(at(seconds)), "before the reading at {seconds} s");
            metering.read(reading(seconds, 50)).unwrap();
        }
        assert!(!metering.is_stale(at(50)));
        assert!(metering.is_stale(at(51)));
        metering.read(reading(60, 50)).unwrap();
        assert!(metering.is_stale(at(60)), "one reading after a silence is not enough");
    }

    #[test]
    fn s5_an_impossible_reading_makes_the_meter_stale() {
        let mut metering = anchored();
        assert_eq!(metering.read(reading(30, 5_000)), Err(Doubt::Impossible));
        assert!(metering.is_stale(at(30)));
    }

    #[test]
    fn s5_a_meter_that_its_reader_doubts_is_stale_until_three_readings() {
        let mut metering = anchored();
        assert!(!metering.is_stale(at(20)));
        metering.doubt();
        for seconds in [30, 40, 50] {
            assert!(metering.is_stale(at(seconds)), "before the reading at {seconds} s");
            metering.read(reading(seconds, 50)).unwrap();
        }
        assert!(!metering.is_stale(at(50)));
    }

    #[test]
    fn s5_an_impossible_reading_makes_the_meter_stale_also_where_it_comes_late() {
        let mut metering = anchored();
        assert_eq!(metering.read(reading(10, 5_000)), Err(Doubt::Impossible));
        assert!(metering.is_stale(at(20)));
        for seconds in [30, 40, 50] {
            assert!(metering.is_stale(at(seconds)), "before the reading at {seconds} s");
            metering.read(reading(seconds, 50)).unwrap();
        }
        assert!(!metering.is_stale(at(50)));
    }

    /// Reads 50 A every ten seconds up to `until`, with an anchor at each: `drawn` of the second.
    fn repeat(metering: &mut Metering, from: i64, until: i64, drawn: impl Fn(i64) -> Member) -> Option<i64> {
        let mut frozen_at = None;
        for seconds in (from..=until).step_by(10) {
            let _ = metering.read(reading(seconds, 50));
            let is_frozen = metering.anchor(at(seconds), vec![drawn(seconds)]) == Err(Doubt::Frozen);
            frozen_at = frozen_at.or(is_frozen.then_some(seconds));
        }
        frozen_at
    }

    #[test]
    fn s5_a_meter_that_repeats_while_draws_change_is_frozen_until_they_are_as_they_were() {
        let drawn = |seconds: i64| if seconds < 100 { member(16, 16) } else { member(6, 16) };
        let mut metering = anchored();
        assert_eq!(repeat(&mut metering, 30, 300, drawn), Some(100));
        assert!(metering.is_stale(at(300)), "however long it repeats");
        assert!(
            metering.base(&[member(6, 16)]).is_some_and(|base| base.highest == all(50)),
            "no anchor is left"
        );
        assert_eq!(repeat(&mut metering, 310, 340, |_| member(16, 16)), None);
        assert!(!metering.is_stale(at(340)), "what is drawn fits what is shown");
    }

    #[test]
    fn s5_a_frozen_meter_is_believed_after_three_other_readings() {
        let mut metering = anchored();
        assert_eq!(repeat(&mut metering, 30, 60, |_| member(6, 16)), Some(40));
        for (seconds, amperes) in [(70, 51), (80, 51), (90, 51)] {
            assert!(metering.is_stale(at(seconds)), "before the reading at {seconds} s");
            metering.read(reading(seconds, amperes)).unwrap();
        }
        assert!(!metering.is_stale(at(90)));
    }

    #[test]
    fn s5_a_draw_that_is_told_late_does_not_freeze_a_meter_and_one_that_leaves_no_mark_does() {
        for (told_at, frozen_at) in [(60, None), (200, Some(210))] {
            let mut metering = metering();
            assert_eq!(repeat(&mut metering, 0, told_at, |_| member(0, 0)), None);
            metering.draw_begins(at(told_at - 120));
            assert_eq!(repeat(&mut metering, told_at + 10, 300, |_| member(16, 16)), frozen_at);
        }
    }

    #[test]
    fn s5_what_an_evse_may_draw_does_not_freeze_a_meter() {
        let unmeasured = Member { lower: all(0), upper: all(16), likely: all(16), ..member(0, 16) };
        let drawn = |seconds: i64| if seconds < 100 { unmeasured } else { member(0, 16) };
        let mut metering = metering();
        assert_eq!(repeat(&mut metering, 0, 300, drawn), None, "it drew nothing all the while");
        assert!(!metering.is_stale(at(300)));
    }

    #[test]
    fn s5_two_anchors_below_what_evses_draw_contradict_the_meter() {
        let mut metering = metering();
        for seconds in [0, 10, 20] {
            metering.read(reading(seconds, 5)).unwrap();
        }
        assert_eq!(metering.anchor(at(10), vec![member(16, 16)]), Ok(()));
        assert_eq!(
            metering.base(&[member(16, 16)]).map(|base| base.highest),
            Some(all(5)),
            "no smaller by one"
        );
        assert_eq!(metering.anchor(at(20), vec![member(16, 16)]), Err(Doubt::Contradictory));
        assert!(metering.is_stale(at(20)));
    }

    #[test]
    fn without_an_anchor_all_metered_current_is_base() {
        let mut metering = metering();
        metering.read(reading(0, 50)).unwrap();
        let base = metering.base(&[member(0, 16)]).unwrap();
        assert_eq!(base.highest, all(50));
    }

    #[test]
    fn on_an_it_supply_our_currents_may_hide_base_current_at_an_angle() {
        let base = |metered, drawn| {
            base_at_most(Amperes::from_amperes(metered), Amperes::from_amperes(drawn), Supply::It230)
        };
        // 14 A and 10 A at 60° are √(196 + 100 + 140) = 20.88 A.
        let metered = Amperes::from_milliamperes(20_881);
        let found = base_at_most(metered, Amperes::from_amperes(10), Supply::It230);
        assert!((found - Amperes::from_amperes(14)).magnitude() <= Amperes::from_milliamperes(2), "{found}");
        assert_eq!(base(20, 0), Amperes::from_amperes(20));
        assert_eq!(base(10, 30), Amperes::from_amperes(10));
        assert!(base(20, 10) > Amperes::from_amperes(10));
    }

    #[test]
    fn s7_on_an_it_supply_what_a_draw_may_have_hidden_is_no_base_once_nothing_is_drawn() {
        let mut metering =
            Metering::new(Timestamp::EPOCH, TimeSpan::from_seconds(30), all(100), Supply::It230);
        for (seconds, metered, drawn) in [(10, 14, 8), (20, 14, 8), (30, 6, 0)] {
            metering.read(reading(seconds, metered)).unwrap();
            metering.anchor(at(seconds), vec![member(drawn, 8)]).unwrap();
            let base = metering.base(&[member(drawn, 8)]).unwrap();
            assert_eq!(base.highest > all(6), drawn > 0, "{seconds} s: {base:?}");
        }
        assert_eq!(metering.base(&[]), Some(Base { highest: all(6), likely: all(6) }));
    }

    #[test]
    fn a_rise_is_believed_at_once() {
        let mut metering = anchored();
        metering.read(reading(30, 58)).unwrap();
        assert_eq!(metering.base(&[member(16, 16)]), Some(Base { highest: all(42), likely: all(42) }));
    }

    #[test]
    fn a_rise_behind_an_evse_that_dropped_is_seen() {
        let mut metering = anchored();
        metering.read(reading(30, 50)).unwrap();
        let base = metering.base(&[member(6, 6)]).unwrap();
        assert_eq!(base.highest, all(44), "10 A were dropped and the meter did not fall");
    }

    #[test]
    fn an_evse_that_was_raised_explains_a_rise_to_sheds_but_not_to_raises() {
        let mut metering = anchored();
        metering.read(reading(30, 54)).unwrap();
        let base = metering.base(&[member(16, 20)]).unwrap();
        assert_eq!(base, Base { highest: all(38), likely: all(34) });
    }

    /// Base load of 34 A, anchored; then an anchor of one EVSE whose draw of `likely` may have been `unsettled` more, at
    /// which the meter showed `metered`, and the base while it shows `shown` and `now` is known.
    fn likely_after(metered: i64, anchored_as: Member, shown: i64, now: Member) -> Option<PerPhase<Amperes>> {
        let mut metering = anchored();
        metering.read(reading(30, metered)).unwrap();
        metering.anchor(at(30), vec![anchored_as]).unwrap();
        metering.read(reading(40, shown)).unwrap();
        metering.base(&[now]).map(|base| base.likely)
    }

    #[test]
    fn a_raise_on_its_way_is_no_base_load_whether_or_not_the_anchor_shows_it() {
        let rising = Member { unsettled: all(4), steadiness: Steadiness::Moving, ..member(16, 16) };
        for metered in [50, 54] {
            assert_eq!(likely_after(metered, rising, 54, member(16, 20)), Some(all(34)), "{metered} A");
        }
        assert_eq!(likely_after(59, rising, 59, member(16, 20)), Some(all(39)), "more than it explains");
    }

    #[test]
    fn what_fell_after_the_anchor_was_no_base_load_at_it() {
        let fell_later = Member { unsettled: all(16), steadiness: Steadiness::Moving, ..member(0, 16) };
        assert_eq!(likely_after(50, fell_later, 34, member(0, 16)), Some(all(34)));
        assert_eq!(likely_after(50, fell_later, 50, member(0, 16)), Some(all(50)), "the meter did not fall");
    }

    #[test]
    fn a_fall_is_believed_after_two_minutes() {
        let mut metering = anchored();
        for seconds in (30..=160).step_by(10) {
            metering.read(reading(seconds, 30)).unwrap();
            metering.anchor(at(seconds), vec![member(16, 16)]).unwrap();
            let expected = if seconds <= 140 { 34 } else { 14 };
            let base = metering.base(&[member(16, 16)]).unwrap();
            assert_eq!(base.highest, all(expected), "at {seconds} s");
        }
    }
}
