//! One EVSE under control: what is known of it, and what each event changes in that.

use std::collections::VecDeque;

use units::{Amperes, EvseId, PerPhase, TimeSpan, Timestamp};

use super::{DRAW_SHOWS_WITHIN, DispatchAnswer, EvState, Habits, Measurement, Ticket};
use crate::allocation::{AmpereSeconds, Certificate};
use crate::ceiling::{
    EvseRecord, EvseTraits, ExpiryTrust, Learned, LinkState, REACTION_DEFAULT, SKEW_TRUSTED, SentLimit,
};
use crate::metering::{REPORT_AGE_MAX, Steadiness};
use crate::network::{EvseConfig, SiteCurrents};
use crate::plan::Wish;

/// Readings of an EVSE that are kept to bracket the readings of a meter.
const REPORTS_KEPT: usize = 4;
/// A station in reach tells of a transaction within this: its longest retry of a message, twice.
const TOLD_WITHIN: TimeSpan = TimeSpan::from_minutes(2);
/// What was queued while out of reach is told within this after the link is up.
const TOLD_AFTER_LINK: TimeSpan = TimeSpan::from_minutes(10);
/// After a refusal or no answer a limit is sent again this much later.
pub(super) const RETRY_AFTER: TimeSpan = TimeSpan::from_seconds(5);
/// So many refusals in a row, and the EVSE counts at its worst.
const REJECTIONS_MAX: u32 = 3;

/// An EVSE's record, and what need not survive a restart.
#[derive(Debug)]
pub(super) struct EvseState {
    pub(super) id: EvseId,
    pub(super) traits: EvseTraits,
    pub(super) record: EvseRecord,
    pub(super) link: LinkState,
    /// Since when the link is as it is.
    pub(super) link_since: Timestamp,
    pub(super) clock: ExpiryTrust,
    /// The last readings in this transaction, oldest first.
    pub(super) reports: VecDeque<Report>,
    /// Readings taken before are none of them: what lowered the current since then is not known.
    pub(super) reports_from: Timestamp,
    /// When what the station says of its EV last changed.
    pub(super) ev_changed_at: Timestamp,
    /// The limits that may have been in force since the oldest report, with the instant each was sent, oldest first.
    pub(super) limits: VecDeque<(Timestamp, Amperes)>,
    /// The live limit that the station has not answered yet.
    pub(super) outstanding: Option<Ticket>,
    pub(super) fallback: FallbackState,
    /// Since when a lower limit than the newest may be in force; none where the station accepted the newest, or its link
    /// was up all the time.
    pub(super) doubted_since: Option<Timestamp>,
    /// The newest live limit must be sent again: refused, unanswered, or the link was down.
    pub(super) needs_resend: bool,
    /// Not before this instant.
    pub(super) resend_at: Option<Timestamp>,
    /// Refusals in a row of limits that there was an EV for.
    pub(super) rejections: u32,
    /// The first of those that made it count as refusing, in this transaction.
    pub(super) refuses_since: Option<Timestamp>,
    /// The EV left: the transaction is over at the station, although that was not told yet.
    pub(super) has_left: bool,
    pub(super) raised_at: Option<Timestamp>,
    pub(super) lowered_at: Option<Timestamp>,
    pub(super) measure_asked_at: Option<Timestamp>,
    pub(super) demand: Demand,
    /// Since when the newest limit has been its limit.
    pub(super) offered_since: Option<Timestamp>,
    /// When an EV that takes nothing last got a turn.
    pub(super) turn_began_at: Option<Timestamp>,
    /// Since when no transaction runs.
    pub(super) idle_since: Timestamp,
    pub(super) arrived: Timestamp,
    pub(super) on_since: Option<Timestamp>,
    /// For how long it had current since it began to wait.
    pub(super) turn_had: TimeSpan,
    pub(super) deficit: AmpereSeconds,
    pub(super) certificate: Option<Certificate>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) taken_at: Timestamp,
    pub(super) drawn: SiteCurrents,
    /// At its own terminals; none where it is assumed.
    pub(super) at_terminals: Option<PerPhase<Amperes>>,
}

/// What an EVSE drew at an instant between two of its readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bracket {
    pub(super) lower: PerPhase<Amperes>,
    /// None where only its hardware bounds it.
    pub(super) upper: Option<PerPhase<Amperes>>,
    pub(super) steadiness: Steadiness,
}

/// What an answer means for the next decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// A renewal was accepted: nobody may do more or less for it.
    Renewal,
    /// Another limit was accepted, which shows after the reaction time.
    Change,
    /// Anything else.
    Otherwise,
}

/// Where the sending of the standing fallback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FallbackState {
    /// To be sent, not before the instant.
    Due(Timestamp),
    /// Sent.
    Asked(Ticket),
    /// Accepted since the last boot.
    Accepted,
}

/// What a session can use, learned from what it draws.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Demand {
    /// The most it is offered; none before anything was learned.
    pub(super) cap: Option<Amperes>,
    /// Readings in a row clearly below the offer, and the highest of them.
    pub(super) below: u32,
    pub(super) highest: Amperes,
    /// When the cap was last changed.
    pub(super) changed_at: Option<Timestamp>,
}

impl EvseState {
    pub(super) fn new(config: &EvseConfig, now: Timestamp) -> Self {
        let traits = EvseTraits::of(config, Habits::default());
        let mut record = EvseRecord::unseen(&traits);
        record.is_decommissioned = !config.is_in_use;
        Self {
            id: config.id.clone(),
            record,
            traits,
            link: LinkState::Down,
            link_since: now,
            clock: ExpiryTrust::Untrusted,
            reports: VecDeque::new(),
            reports_from: Timestamp::EPOCH,
            limits: VecDeque::new(),
            outstanding: None,
            fallback: FallbackState::Due(now),
            doubted_since: None,
            needs_resend: false,
            resend_at: None,
            rejections: 0,
            refuses_since: None,
            ev_changed_at: Timestamp::EPOCH,
            has_left: false,
            raised_at: None,
            lowered_at: None,
            measure_asked_at: None,
            demand: Demand::default(),
            offered_since: None,
            turn_began_at: None,
            idle_since: now,
            arrived: now,
            on_since: None,
            turn_had: TimeSpan::ZERO,
            deficit: AmpereSeconds::ZERO,
            certificate: None,
        }
    }

    pub(super) fn link_up(&mut self, now: Timestamp) {
        if self.link.is_up() {
            return;
        }
        self.link = LinkState::Returned;
        self.link_since = now;
        self.record.is_seen = true;
        self.needs_resend = self.record.is_in_transaction;
        self.resend_at = None;
        let is_as_told = |newest: &SentLimit| newest.accepted_at.is_some() && now < newest.expires_at;
        if self.doubted_since.is_some() || !self.record.newest().is_none_or(is_as_told) {
            self.doubted_since = Some(now);
        }
        if self.record.fallback_confirmed.is_none() {
            self.fallback = FallbackState::Due(now);
        }
    }

    /// When its station may be told the standing fallback, where it has to be.
    pub(super) fn fallback_due(&self) -> Option<Timestamp> {
        let is_overwritten = !self.traits.keeps_fallback && self.record.is_in_transaction;
        match self.fallback {
            FallbackState::Due(at) if self.traits.takes_fallback && !is_overwritten => Some(at),
            FallbackState::Due(_) | FallbackState::Asked(_) | FallbackState::Accepted => None,
        }
    }

    pub(super) fn link_down(&mut self, now: Timestamp) {
        self.link = LinkState::Down;
        self.link_since = now;
        self.outstanding = None;
        if let FallbackState::Asked(_) = self.fallback {
            self.fallback = FallbackState::Due(Timestamp::EPOCH);
        }
    }

    /// The live limit in force may have expired by the new clock, or may hold for longer than it should.
    pub(super) fn clock_set(&mut self, now: Timestamp) {
        if self.record.newest().is_some() {
            self.doubted_since = self.doubted_since.or(Some(now));
            self.needs_resend = true;
            self.resend_at = None;
        }
    }

    /// Something is known of the station that was not before, or that is different since it was made anew.
    pub(super) fn traits_change(&mut self, traits: EvseTraits, now: Timestamp) {
        let is_confirmed = self.record.fallback_confirmed == Some(traits.fallback);
        if !is_confirmed || !traits.takes_fallback {
            self.record.fallback_confirmed = None;
            self.fallback = FallbackState::Due(now);
        }
        self.traits = traits;
    }

    pub(super) fn booted(&mut self, now: Timestamp) {
        self.record.is_seen = true;
        self.record.booted(now, &self.traits);
        self.doubted_since = self.record.is_in_transaction.then_some(now);
        self.needs_resend = self.record.is_in_transaction;
        self.resend_at = None;
        self.fallback = FallbackState::Due(now);
        self.demand = Demand::default();
        self.reports.clear();
        self.reports_from = self.reports_from.max(now);
    }

    pub(super) fn begin_transaction(&mut self, now: Timestamp) {
        self.record.begin_transaction(&self.traits);
        self.forget_session(now);
        // What it drew before its transaction is known.
        let nothing = SiteCurrents { at_least: PerPhase::default(), at_most: PerPhase::default() };
        self.reports.push_back(Report { taken_at: now, drawn: nothing, at_terminals: None });
    }

    pub(super) fn end_transaction(&mut self, now: Timestamp, ended_at: Timestamp) {
        self.record.end_transaction(&self.traits);
        // What it refused was for a transaction that was over, or may have been: after a boot or a lost link.
        let was_over = self.refuses_since.is_some_and(|since| since >= ended_at);
        self.record.is_refusing &= !was_over && self.doubted_since.is_none();
        self.forget_session(now);
        self.idle_since = now;
        if !self.traits.keeps_fallback {
            self.record.fallback_confirmed = None;
            self.fallback = FallbackState::Due(now);
        }
    }

    pub(super) fn forget_session(&mut self, now: Timestamp) {
        self.reports.clear();
        self.limits.clear();
        self.outstanding = None;
        self.doubted_since = None;
        self.needs_resend = false;
        self.resend_at = None;
        self.rejections = 0;
        self.refuses_since = None;
        self.has_left = false;
        self.raised_at = None;
        self.lowered_at = None;
        self.measure_asked_at = None;
        self.demand = Demand::default();
        self.record.learned =
            Learned { is_satisfied: self.record.ev == EvState::SuspendedEv, ..Learned::default() };
        self.offered_since = None;
        self.turn_began_at = None;
        self.arrived = now;
        self.record.waiting_since = None;
        self.record.wish = Wish::default();
        self.on_since = None;
        self.turn_had = TimeSpan::ZERO;
        self.deficit = AmpereSeconds::ZERO;
        self.certificate = None;
    }

    pub(super) fn ev_changed(&mut self, ev: EvState, now: Timestamp) {
        let resumes = ev == EvState::Charging && self.record.ev != EvState::Charging;
        self.record.ev = ev;
        // What was measured before is no lower bound of what it draws from then on.
        self.ev_changed_at = now;
        if let Some(last) = self.reports.back_mut().filter(|_| ev != EvState::Charging) {
            last.drawn.at_least = PerPhase::default();
        }
        self.has_left = self.record.is_in_transaction && ev == EvState::Absent;
        if ev == EvState::SuspendedEv {
            // It charged at this limit before: it has had enough. What it was not known to have says nothing.
            let limit = self.surely_offered(now);
            self.record.learned.has_tried_all |=
                self.record.learned.charged_at.is_some_and(|charged_at| limit >= Some(charged_at));
        }
        self.record.learned.is_satisfied = match ev {
            EvState::SuspendedEv => true,
            EvState::Charging | EvState::Absent => false,
            EvState::Connected | EvState::SuspendedEvse | EvState::Faulted => {
                self.record.learned.is_satisfied
            }
        };
        if ev == EvState::Absent {
            self.ev_left(now);
        }
        if resumes {
            self.record.learned.has_tried_all = false;
            self.record.occupy_all(&self.traits);
            self.demand = Demand { changed_at: Some(now), ..Demand::default() };
        }
    }

    /// The limit that is in force beyond doubt: accepted, and not run out by any clock that is trusted.
    pub(super) fn surely_offered(&self, now: Timestamp) -> Option<Amperes> {
        let newest = self.record.newest().filter(|_| self.doubted_since.is_none())?;
        let is_in_force = newest.accepted_at.is_some() && now + SKEW_TRUSTED < newest.expires_at;
        is_in_force.then_some(newest.limit)
    }

    /// What was learned of an EV that left says nothing of the next one, whether or not the end of its transaction was
    /// told.
    pub(super) fn ev_left(&mut self, now: Timestamp) {
        self.record.occupy_all(&self.traits);
        self.record.learned = Learned::default();
        self.demand = Demand::default();
        self.reports.clear();
        self.reports_from = self.reports_from.max(now);
    }

    pub(super) fn measured(
        &mut self,
        measurement: &Measurement,
        drawn: SiteCurrents,
        now: Timestamp,
    ) -> crate::ceiling::Lesson {
        if measurement.taken_at >= self.reports_from {
            if self.reports.len() == REPORTS_KEPT {
                self.reports.pop_front();
            }
            // What is told amid a pause, or late, may have been drawn before it.
            let is_before_pause = is_pause(self.record.ev) || measurement.taken_at <= self.ev_changed_at;
            let at_least = if is_before_pause { PerPhase::default() } else { drawn.at_least };
            let drawn = SiteCurrents { at_least, ..drawn };
            let at_terminals = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO));
            self.reports.push_back(Report {
                taken_at: measurement.taken_at,
                drawn,
                at_terminals: Some(at_terminals),
            });
        }
        let before = self.record.learned;
        let occupied = self.record.occupied;
        let mut lesson = self.record.measured(measurement, &self.traits);
        // What another EV left free, or was before a boot, frees nothing now.
        if measurement.taken_at < self.reports_from {
            self.record.occupied = self.record.occupied.zip_with(occupied, |now, before| now || before);
        }
        let highest = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO)).highest();
        let under_offer = |offer: &SentLimit| offer.accepted_at.map(|at| measurement.taken_at.since(at));
        let offer = self.record.held.filter(|_| self.record.sent.is_empty());
        if let Some((offer, span)) = offer.and_then(|offer| Some((offer, under_offer(&offer)?)))
            && span >= REACTION_DEFAULT
        {
            // An EV that stops below its minimum takes a while to.
            if highest > Amperes::from_amperes(1) && span >= DRAW_SHOWS_WITHIN {
                self.record.learned.charged_at = Some(
                    self.record.learned.charged_at.map_or(offer.limit, |lowest| lowest.min(offer.limit)),
                );
            }
            self.demand.learn(highest, offer.limit, &self.traits, now);
        }
        lesson.is_row_changed |= before != self.record.learned;
        lesson
    }

    /// The same as its last one, told again: one measurement is no second witness of disobedience, phases or demand.
    pub(super) fn is_repeated(&self, measurement: &Measurement) -> bool {
        let drawn = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO));
        self.reports.back().is_some_and(|last| last.taken_at == measurement.taken_at)
            && self.record.measured_at[1] == measurement.taken_at
            && self.record.measured[1] == drawn
    }

    /// Since when it may draw at most where its transaction is told of at `now`: a station that was out of reach tells
    /// late.
    pub(super) fn may_draw_since(&self, now: Timestamp) -> Timestamp {
        let may_be_late = !self.link.is_up() || now.since(self.link_since) <= TOLD_AFTER_LINK;
        if may_be_late { Timestamp::EPOCH } else { now - TOLD_WITHIN }
    }

    /// Its last two measurements hold its ceiling up, and not its limits.
    pub(super) fn draws_above_its_level(&self, now: Timestamp) -> bool {
        let level = self.record.level(now, &self.traits, self.link, self.clock);
        let [before, last] = self.record.measured;
        before.zip_with(last, Amperes::max).iter().any(|(terminal, &measured)| {
            measured > if self.record.occupied[terminal] { level } else { Amperes::ZERO }
        })
    }

    pub(super) fn answered(&mut self, ticket: Ticket, answer: DispatchAnswer, now: Timestamp) -> Answered {
        if self.fallback == FallbackState::Asked(ticket) {
            self.fallback = match answer {
                DispatchAnswer::Accepted => FallbackState::Accepted,
                DispatchAnswer::Rejected | DispatchAnswer::None => FallbackState::Due(now + RETRY_AFTER),
            };
            if answer == DispatchAnswer::Accepted {
                self.record.fallback_confirmed = Some(self.traits.fallback);
            }
            return Answered::Otherwise;
        }
        let was_in_question = self.record.is_refusing || self.doubted_since.is_some() || self.needs_resend;
        self.record.answered(ticket, answer, now);
        if self.outstanding == Some(ticket) {
            self.outstanding = None;
            self.live_answered(answer, now);
        }
        match answer {
            DispatchAnswer::Accepted if was_in_question => Answered::Otherwise,
            DispatchAnswer::Accepted if self.record.is_unproven_change() => Answered::Change,
            DispatchAnswer::Accepted => Answered::Renewal,
            DispatchAnswer::Rejected | DispatchAnswer::None => Answered::Otherwise,
        }
    }

    /// The live limit that was outstanding is answered.
    fn live_answered(&mut self, answer: DispatchAnswer, now: Timestamp) {
        match answer {
            DispatchAnswer::Accepted => {
                self.rejections = 0;
                self.doubted_since = None;
                self.needs_resend = false;
            }
            DispatchAnswer::Rejected => {
                if !self.has_left {
                    self.rejections += 1;
                    if self.rejections == 1 && !self.record.is_refusing {
                        self.refuses_since = Some(now);
                    }
                }
                self.record.is_refusing |= self.rejections >= REJECTIONS_MAX;
                self.needs_resend = true;
                self.resend_at = Some(now + RETRY_AFTER);
            }
            DispatchAnswer::None => {
                self.doubted_since = self.doubted_since.or(Some(now));
                self.needs_resend = true;
                self.resend_at = Some(now + RETRY_AFTER);
            }
        }
    }

    /// The limit last sent, unless the station is there and it is in doubt what is in force.
    pub(super) fn limit_believed(&self) -> Option<Amperes> {
        let is_in_doubt = self.doubted_since.is_some() && self.link.is_up();
        self.record.newest().filter(|_| !is_in_doubt).map(|newest| newest.limit)
    }

    /// The last reading, where it is still believed.
    pub(super) fn drawn_now(&self, now: Timestamp) -> Option<SiteCurrents> {
        let last = self.reports.back()?;
        let is_believed = self.is_drawing() && now.since(last.taken_at) <= REPORT_AGE_MAX;
        is_believed.then_some(last.drawn)
    }

    pub(super) fn is_drawing(&self) -> bool {
        self.record.is_in_transaction && !is_pause(self.record.ev)
    }

    /// What it draws at least from `instant` on: the lower of the readings around it and of all limits told since.
    pub(super) fn lower_since(&self, instant: Timestamp) -> PerPhase<Amperes> {
        let nothing = PerPhase::default();
        let Some(before) = self.reports.iter().rev().find(|report| report.taken_at <= instant) else {
            return nothing;
        };
        // A link that is gone, or came back since, may mean that power was gone.
        let is_old = instant.since(before.taken_at) > REPORT_AGE_MAX || before.taken_at < self.link_since;
        if !self.is_drawing() || is_old {
            return nothing;
        }
        let later = self.reports.iter().filter(|report| report.taken_at >= instant);
        let drawn = later
            .fold(before.drawn.at_least, |lower, report| lower.zip_with(report.drawn.at_least, Amperes::min));
        // The limit that should have been in force then counts as well: an EV that is late may follow it at any moment.
        let has_shown = |&&(sent_at, _): &&(Timestamp, Amperes)| sent_at + REACTION_DEFAULT < before.taken_at;
        let shown = self.limits.iter().take_while(has_shown).count();
        let may_follow = usize::from(!self.record.is_disobedient);
        let told = self.limits.iter().skip(shown.saturating_sub(may_follow)).map(|&(_, limit)| limit).min();
        drawn.map(|lower| told.map_or(lower, |told| lower.min(told)))
    }

    /// What it most likely drew at `instant`: the higher of its readings before and after, however old, but no more than the
    /// limit that had taken effect by then; nothing where no transaction runs, unknown before the first reading.
    pub(super) fn likely_at(&self, instant: Timestamp) -> Option<PerPhase<Amperes>> {
        if !self.record.is_in_transaction {
            return Some(PerPhase::default());
        }
        let before = self.reports.iter().rev().find(|report| report.taken_at <= instant);
        let after = self.reports.iter().find(|report| report.taken_at >= instant);
        let drawn = before
            .into_iter()
            .chain(after)
            .map(|report| report.drawn.at_most)
            .reduce(|one, other| one.zip_with(other, Amperes::max))?;
        let in_effect = self.limits.iter().rev().find(|&&(sent_at, _)| sent_at + REACTION_DEFAULT <= instant);
        Some(drawn.map(|drawn| in_effect.map_or(drawn, |&(_, limit)| drawn.min(limit))))
    }

    /// No transaction runs, nor did at `instant`.
    pub(super) fn was_idle_at(&self, instant: Timestamp) -> bool {
        !self.record.is_in_transaction && instant >= self.idle_since
    }

    /// What it drew at `instant`: at least the lower of its readings before and after, and of every limit that may
    /// have been in force between them, and at most the higher reading. None where there are not both readings.
    pub(super) fn drawn_at(&self, instant: Timestamp) -> Option<Bracket> {
        let nothing = PerPhase::default();
        if !self.record.is_in_transaction {
            let idle = Bracket { lower: nothing, upper: Some(nothing), steadiness: Steadiness::Steady };
            return self.was_idle_at(instant).then_some(idle);
        }
        let before = self.reports.iter().rev().find(|report| report.taken_at <= instant)?;
        let after = self.reports.iter().find(|report| report.taken_at >= instant);
        let after = after.or(Some(before).filter(|_| self.is_at_rest()))?;
        let in_force = |&&(sent_at, _): &&(Timestamp, Amperes)| {
            sent_at + REACTION_DEFAULT >= before.taken_at && sent_at <= after.taken_at
        };
        let limits = || self.limits.iter().filter(in_force).map(|&(_, limit)| limit);
        let lower = before.drawn.at_least.zip_with(after.drawn.at_least, Amperes::min);
        let lower = limits().min().map_or(lower, |limit| lower.map(|lower| lower.min(limit)));
        let upper = before.drawn.at_most.zip_with(after.drawn.at_most, Amperes::max);
        let has_changed = limits().min() != limits().max();
        let is_steady = !has_changed && (upper - lower).highest() <= Amperes::from_amperes(1);
        // What it drew when its transaction was told of is assumed, and not measured.
        let is_measured = before.taken_at > self.arrived;
        Some(Bracket {
            lower,
            upper: is_measured.then_some(upper),
            steadiness: if is_steady { Steadiness::Steady } else { Steadiness::Moving },
        })
    }

    /// What it drew at its terminals at `instant`, where its readings before and after agree, or it says that it pauses.
    pub(super) fn drawn_at_terminals(&self, instant: Timestamp) -> Option<PerPhase<Amperes>> {
        if !self.record.is_in_transaction {
            return self.was_idle_at(instant).then(PerPhase::default);
        }
        // An EV that is late to pause draws for a moment what is in no reading.
        if is_pause(self.record.ev) && self.ev_changed_at + DRAW_SHOWS_WITHIN <= instant {
            return Some(PerPhase::default());
        }
        let before = self.reports.iter().rev().find(|report| report.taken_at <= instant)?;
        let after = self.reports.iter().find(|report| report.taken_at >= instant);
        let after = after.or(Some(before).filter(|_| self.is_at_rest()))?;
        let (was, is) = (before.at_terminals?, after.at_terminals?);
        let moved = was.zip_with(is, |was, is| (is - was).magnitude()).highest();
        (moved <= Amperes::from_amperes(1)).then_some(is)
    }

    /// It was told more than it had been told before, after `instant`.
    pub(super) fn is_told_more_since(&self, instant: Timestamp) -> bool {
        let mut before = Amperes::ZERO;
        self.limits.iter().any(|&(sent_at, limit)| {
            let is_more = limit > std::mem::replace(&mut before, limit);
            is_more && sent_at > instant
        })
    }

    /// The most that it may have been told by `instant`, where it was told anything since and what was before is known:
    /// a limit that left later allowed nothing then.
    pub(super) fn told_by(&self, instant: Timestamp) -> Option<Amperes> {
        let mut in_record = self.record.held.iter().chain(&self.record.sent);
        if in_record.all(|sent| sent.sent_at <= instant) {
            return None;
        }
        let in_effect = self.limits.iter().rposition(|&(sent_at, _)| sent_at + REACTION_DEFAULT <= instant);
        let noted = self.limits.iter().skip(in_effect.unwrap_or(0)).copied();
        let in_record =
            self.record.held.iter().chain(&self.record.sent).map(|sent| (sent.sent_at, sent.limit));
        let told = noted.chain(in_record).filter(|&(sent_at, _)| sent_at <= instant).map(|(_, limit)| limit);
        let is_first = self.record.held.is_none();
        let fallback = self.record.fallback_confirmed.unwrap_or(self.traits.hardware_maximum);
        told.max().or(is_first.then_some(fallback))
    }

    /// Notes a limit that goes out, and forgets those that were no longer in force at the oldest report.
    pub(super) fn note_limit(&mut self, now: Timestamp, limit: Amperes) {
        let oldest = self.reports.front().map_or(now, |report| report.taken_at);
        let in_effect = self.limits.partition_point(|&(sent_at, _)| sent_at + REACTION_DEFAULT < oldest);
        self.limits.drain(..in_effect.saturating_sub(1));
        self.limits.push_back((now, limit));
    }

    /// The instant up to which this EVSE has reported, where anchors must wait for it.
    pub(super) fn holds_back(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.reports.back()?;
        let is_reporting = self.record.is_in_transaction && now.since(last.taken_at) <= REPORT_AGE_MAX;
        (is_reporting && !self.is_at_rest()).then_some(last.taken_at)
    }

    /// It was told 0 A, and has shown twice that it draws nothing.
    fn is_at_rest(&self) -> bool {
        let is_nothing = |held: &SentLimit| held.limit == Amperes::ZERO;
        self.record.sent.is_empty()
            && self.record.held.as_ref().is_some_and(is_nothing)
            && self.record.measured == <[PerPhase<Amperes>; 2]>::default()
            && !self.record.is_disobedient
    }
}

/// Its station says that nothing flows.
const fn is_pause(ev: EvState) -> bool {
    match ev {
        EvState::SuspendedEv | EvState::SuspendedEvse | EvState::Absent => true,
        EvState::Connected | EvState::Charging | EvState::Faulted => false,
    }
}

impl EvseTraits {
    pub(super) fn of(config: &EvseConfig, habits: Habits) -> Self {
        let wired = config.wiring.phases();
        let minimum = config.current_min.ceil_to(config.step);
        let least = if config.accepts_zero && habits.bears_zero { Amperes::ZERO } else { minimum };
        Self {
            hardware_maximum: config.current_max,
            minimum,
            fallback: config.fallback.max(least),
            limit_expired: config.limit_expired.max(least),
            terminals: PerPhase::new(true, wired > 1, wired > 2),
            is_fallback_proven: config.is_fallback_proven && habits.limits_bind,
            starts_only_with_us: !config.starts_alone && habits.starts_only_with_us,
            fallback_survives_boot: config.fallback_survives_boot,
            takes_fallback: habits.takes_fallback,
            keeps_fallback: habits.keeps_fallback,
            least,
        }
    }
}

impl Demand {
    /// Offer = learned draw + one ampere (at least the minimum): the ampere is the standing probe. An EV that takes
    /// the whole offer wants more, and every five minutes the offer is lifted by three amperes to see.
    fn learn(&mut self, highest: Amperes, offer: Amperes, traits: &EvseTraits, now: Timestamp) {
        let margin = Amperes::from_milliamperes(1_200);
        if highest + Amperes::from_milliamperes(600) >= offer {
            if self.cap.is_some_and(|cap| offer >= cap) {
                *self = Self { changed_at: Some(now), ..Self::default() };
            }
            self.below = 0;
            self.highest = Amperes::ZERO;
            return;
        }
        if highest + margin > offer {
            return;
        }
        self.below += 1;
        self.highest = self.highest.max(highest);
        if self.below >= 2 {
            let ampere = Amperes::from_amperes(1);
            self.cap = Some((self.highest.ceil_to(ampere) + ampere).max(traits.minimum));
            self.changed_at = Some(now);
            self.below = 0;
            self.highest = Amperes::ZERO;
        }
    }

    /// What to offer at most now.
    pub(super) fn offer(&self, now: Timestamp) -> Option<Amperes> {
        let is_probe = self.probed_at().is_some_and(|at| now >= at);
        self.cap.map(|cap| if is_probe { cap + Amperes::from_amperes(3) } else { cap })
    }

    /// From when on more than the cap is offered, to see.
    pub(super) fn probed_at(&self) -> Option<Timestamp> {
        const PROBE_EVERY: TimeSpan = TimeSpan::from_minutes(5);
        self.changed_at.map(|at| at + PROBE_EVERY)
    }
}
