//! The ceiling of an EVSE: what it may draw at worst (CONTROL section 2).
//!
//! # The mathematics
//!
//! An EVSE in a transaction holds one of the live limits that were sent to it; which one is known only once a
//! measurement shows it. With `H` the last limit proven effective and `S` every limit sent since, each with a
//! lifetime end `e`, an expired limit `x ≤ l` and the limit `l` itself,
//!
//! ```text
//! level(now) = max over (l, x, e) in {H} ∪ S of  (x if now > e + skew and the clock is trusted, else l)
//! ceiling(phase) = max(level on the phases occupied, the last two measurements)
//! ```

use serde::{Deserialize, Serialize};
use units::{Amperes, PerPhase, TimeSpan, Timestamp};

use crate::plan::Wish;
use crate::site::{DispatchAnswer, EvState, Measurement, Ticket};
use crate::wiring::WiringDoubt;

/// How far a station's clock may be off while it still counts as trusted, and so the margin on each expiry.
pub const SKEW_TRUSTED: TimeSpan = TimeSpan::from_seconds(30);
/// From a limit's acceptance to its effect, where nothing was learned.
pub const REACTION_DEFAULT: TimeSpan = TimeSpan::from_seconds(10);
/// So many limits proven by measurement make an obedience record.
const PROOFS_FOR_RECORD: u32 = 3;
/// How long an acceptance to start stands without a transaction.
const START_ALLOWED_FOR: TimeSpan = TimeSpan::from_minutes(2);
/// A phase that carries less than this is not in use.
const PHASE_IN_USE: Amperes = Amperes::from_milliamperes(500);

/// What never changes about an EVSE, as its ceiling needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvseTraits {
    /// What the hardware can draw at most, per phase.
    pub hardware_maximum: Amperes,
    /// The pilot minimum.
    pub minimum: Amperes,
    /// The standing fallback (TxDefault) as configured.
    pub fallback: Amperes,
    /// What holds once a live limit has expired, as configured.
    pub limit_expired: Amperes,
    /// Which terminals are wired.
    pub terminals: PerPhase<bool>,
    /// The fallback inside live profiles was proven by a drill.
    pub is_fallback_proven: bool,
    /// Transactions start here only with our acceptance, as long as the station is online.
    pub starts_only_with_us: bool,
    /// The standing fallback is known to survive a boot.
    pub fallback_survives_boot: bool,
    /// The station takes a standing fallback.
    pub takes_fallback: bool,
    /// Live limits leave the standing fallback in the station.
    pub keeps_fallback: bool,
    /// The least that a transaction may be told: 0 A, or the minimum where 0 A hangs the station.
    pub least: Amperes,
}

/// What is known of one EVSE: the state row that a restart restores (S8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseRecord {
    /// Taken out for good.
    pub is_decommissioned: bool,
    /// The station was heard at least once.
    pub is_seen: bool,
    /// A transaction runs.
    pub is_in_transaction: bool,
    /// We accepted a start; it stands until this instant.
    pub start_allowed_until: Option<Timestamp>,
    /// The standing fallback, once confirmed.
    pub fallback_confirmed: Option<Amperes>,
    /// The last live limit proven effective in this transaction.
    pub held: Option<SentLimit>,
    /// Every live limit sent since, oldest first.
    pub sent: Vec<SentLimit>,
    /// It drew above its limit: counted at its worst until a person clears it.
    pub is_disobedient: bool,
    /// It refuses live limits: counted at its worst until one is accepted.
    pub is_refusing: bool,
    /// How many limits were proven by measurement.
    pub proofs: u32,
    /// What the station last said of the EV.
    pub ev: EvState,
    /// Terminals that count as occupied.
    pub occupied: PerPhase<bool>,
    /// The highest draw on each terminal in the last two measurements.
    pub measured: [PerPhase<Amperes>; 2],
    /// When those two measurements were taken.
    pub measured_at: [Timestamp; 2],
    /// What was learned of the EV in this transaction.
    #[serde(default)]
    pub learned: Learned,
    /// Since when its session waits for a turn, where it does: a restart does not send it to the end of the queue.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// What the driver of its session told to want.
    #[serde(default, skip_serializing_if = "Wish::is_none")]
    pub wish: Wish,
    /// What meters say against its wiring, until a person resolves it.
    #[serde(default)]
    pub wiring_doubt: Option<WiringDoubt>,
}

/// What was learned of an EV in its transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// It took nothing when it was last offered current, and has not begun since: telling it 0 A does not change
    /// that, although its station then says that the EVSE suspends.
    pub is_satisfied: bool,
    /// The least that makes it charge, where that is more than the pilot minimum.
    pub minimum: Option<Amperes>,
    /// The lowest limit at which it was seen to charge.
    pub charged_at: Option<Amperes>,
    /// It takes nothing at any limit, or at one at which it charged before: it is full, or asleep.
    pub has_tried_all: bool,
}

/// One live limit that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLimit {
    /// The command that carried it.
    pub ticket: Ticket,
    /// Per phase.
    pub limit: Amperes,
    /// What holds after its lifetime; never above `limit`.
    pub limit_expired: Amperes,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When its lifetime ends.
    pub expires_at: Timestamp,
    /// When the station accepted it.
    pub accepted_at: Option<Timestamp>,
}

impl SentLimit {
    /// What this profile lets the EVSE draw at worst at `now`.
    fn level(&self, now: Timestamp, expiry: ExpiryTrust) -> Amperes {
        match expiry {
            ExpiryTrust::Trusted if now > self.expires_at + SKEW_TRUSTED => self.limit_expired,
            ExpiryTrust::Trusted | ExpiryTrust::Untrusted => self.limit,
        }
    }
}

/// Whether an expiry may lower a ceiling: the clock is trusted and the rung proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryTrust {
    /// It may.
    Trusted,
    /// It may not.
    Untrusted,
}

/// What a measurement taught.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lesson {
    /// A limit was proven, or disobedience shown, or the occupied phases changed: the row must be persisted.
    pub is_row_changed: bool,
    /// The EVSE was just found disobedient.
    pub is_newly_disobedient: bool,
}

impl EvseRecord {
    /// An EVSE never seen.
    #[must_use]
    pub fn unseen(traits: &EvseTraits) -> Self {
        Self {
            is_decommissioned: false,
            is_seen: false,
            is_in_transaction: false,
            start_allowed_until: None,
            fallback_confirmed: None,
            held: None,
            sent: Vec::new(),
            is_disobedient: false,
            is_refusing: false,
            proofs: 0,
            ev: EvState::Absent,
            occupied: traits.terminals,
            measured: [PerPhase::default(); 2],
            measured_at: [Timestamp::EPOCH; 2],
            learned: Learned::default(),
            waiting_since: None,
            wish: Wish::default(),
            wiring_doubt: None,
        }
    }

    /// After a restart a record may be older than what was last sent (a shed waits for no record), and what was sent
    /// then may live longer: every lifetime counts anew from `now`.
    pub fn distrust_lifetimes(&mut self, now: Timestamp, lifetime: TimeSpan) {
        for sent in self.held.iter_mut().chain(&mut self.sent) {
            sent.expires_at = sent.expires_at.max(now + lifetime);
        }
    }

    /// A boot: the standing fallback is gone unless known to survive. In a transaction it may hold now, or the live
    /// limits still do: many stations announce a boot on every reconnect.
    pub fn booted(&mut self, now: Timestamp, traits: &EvseTraits) {
        if !traits.fallback_survives_boot {
            self.fallback_confirmed = None;
        }
        self.occupied = traits.terminals;
        if self.is_in_transaction {
            let fallback = self.fallback_confirmed.unwrap_or(traits.hardware_maximum);
            let held = SentLimit {
                ticket: Ticket::default(),
                limit: fallback,
                limit_expired: fallback,
                sent_at: now,
                expires_at: Timestamp::MAX,
                accepted_at: None,
            };
            self.sent.insert(0, held);
        }
    }

    /// We accept a start.
    pub fn allow_start(&mut self, now: Timestamp) {
        self.start_allowed_until = Some(now + START_ALLOWED_FOR);
    }

    /// A transaction begins, under the standing fallback.
    pub fn begin_transaction(&mut self, traits: &EvseTraits) {
        self.is_in_transaction = true;
        self.start_allowed_until = None;
        self.forget_live_limits();
        self.occupied = traits.terminals;
    }

    /// The transaction ends: its profiles go with it.
    pub fn end_transaction(&mut self, traits: &EvseTraits) {
        self.is_in_transaction = false;
        self.forget_live_limits();
        self.occupied = traits.terminals;
        self.measured = [PerPhase::default(); 2];
        self.learned = Learned::default();
    }

    /// A live limit goes out.
    pub fn send(&mut self, sent: SentLimit) {
        assert!(
            sent.limit_expired <= sent.limit,
            "an expiry must never raise: {} after {}",
            sent.limit_expired,
            sent.limit
        );
        // Entries that the newest one makes redundant would only lengthen the list: same limit, shorter life.
        self.sent.retain(|old| old.limit > sent.limit || old.limit_expired > sent.limit_expired);
        self.sent.push(sent);
    }

    /// The answer to a live limit. Acceptance alone proves nothing; no answer changes nothing.
    pub fn answered(&mut self, ticket: Ticket, answer: DispatchAnswer, now: Timestamp) {
        if answer != DispatchAnswer::Accepted {
            return;
        }
        if let Some(sent) = self.sent.iter_mut().chain(&mut self.held).find(|sent| sent.ticket == ticket) {
            sent.accepted_at = Some(now);
            self.is_refusing = false;
        }
    }

    /// For stations with an obedience record, reaction time after acceptance is proof enough. True where the record
    /// changed.
    pub fn trust_record(&mut self, now: Timestamp) -> bool {
        if self.proofs < PROOFS_FOR_RECORD || self.is_disobedient {
            return false;
        }
        let is_effective = |sent: &SentLimit| sent.accepted_at.is_some_and(|at| now >= at + REACTION_DEFAULT);
        match self.sent.iter().rposition(is_effective) {
            Some(index) => {
                self.hold(index);
                true
            }
            None => false,
        }
    }

    /// What a measurement proves of limits, obedience and phases.
    pub fn measured(&mut self, measurement: &Measurement, traits: &EvseTraits) -> Lesson {
        let before = (self.held, self.sent.len(), self.occupied, self.is_disobedient);
        let draw = measurement.current.map(|current| current.unwrap_or(Amperes::ZERO).max(Amperes::ZERO));
        let previous = self.measured[1];
        self.measured = [previous, draw];
        self.measured_at = [self.measured_at[1], measurement.taken_at];
        self.learn_phases(draw, previous, measurement, traits);
        let is_newly_disobedient = self.learn_obedience(draw, previous);
        let shown = self.sent.iter().rposition(|sent| is_shown(sent, draw, previous, measurement));
        if let Some(index) = shown {
            self.proofs = self.proofs.saturating_add(1);
            self.hold(index);
        }
        Lesson {
            is_row_changed: before != (self.held, self.sent.len(), self.occupied, self.is_disobedient),
            is_newly_disobedient,
        }
    }

    /// The scalar level: what the EVSE may draw at worst on each phase that it occupies.
    #[must_use]
    pub fn level(&self, now: Timestamp, traits: &EvseTraits, link: LinkState, clock: ExpiryTrust) -> Amperes {
        if self.is_decommissioned {
            return Amperes::ZERO;
        }
        if !self.is_seen || self.is_disobedient || self.is_refusing || !traits.is_fallback_proven {
            return traits.hardware_maximum;
        }
        let fallback = self.fallback_confirmed.unwrap_or(traits.hardware_maximum);
        if !self.is_in_transaction {
            let may_start = self.start_allowed_until.is_some_and(|until| now <= until);
            let needs_us = link == LinkState::Up && traits.starts_only_with_us && !may_start;
            return if needs_us { Amperes::ZERO } else { fallback };
        }
        let held = self.held.as_ref().map_or(fallback, |held| held.level(now, clock));
        self.sent.iter().map(|sent| sent.level(now, clock)).fold(held, Amperes::max)
    }

    /// The highest of the live limits told in this transaction that may be in force, where one was told: what the level is
    /// but for a boot, which may have lost them all.
    #[must_use]
    pub fn level_told(&self, now: Timestamp, clock: ExpiryTrust) -> Option<Amperes> {
        let told = self.held.iter().chain(&self.sent).filter(|sent| sent.ticket != Ticket::default());
        told.map(|sent| sent.level(now, clock)).max()
    }

    /// The ceiling per terminal: the level on occupied terminals, never below the last two measurements.
    #[must_use]
    pub fn ceiling(
        &self,
        now: Timestamp,
        traits: &EvseTraits,
        link: LinkState,
        clock: ExpiryTrust,
    ) -> PerPhase<Amperes> {
        if self.is_decommissioned {
            return PerPhase::default();
        }
        let level = self.level(now, traits, link, clock);
        let at_worst = self.occupied.map(|is_occupied| if is_occupied { level } else { Amperes::ZERO });
        let measured = self.measured[0].zip_with(self.measured[1], Amperes::max);
        at_worst.zip_with(measured, Amperes::max)
    }

    /// The newest live limit sent in this transaction.
    #[must_use]
    pub fn newest(&self) -> Option<&SentLimit> {
        self.sent.last().or(self.held.as_ref())
    }

    /// A limit was sent that would lower the ceiling, once it is proven.
    #[must_use]
    pub fn is_unproven_lower(&self) -> bool {
        let Some(newest) = self.sent.last() else { return false };
        let higher = |sent: &SentLimit| sent.limit > newest.limit;
        self.held
            .as_ref()
            .map_or(self.fallback_confirmed.is_none_or(|fallback| fallback > newest.limit), higher)
            || self.sent.iter().any(higher)
    }

    /// A limit was sent that is not proven, and is another one than the last that is: no renewal.
    #[must_use]
    pub fn is_unproven_change(&self) -> bool {
        let held = self.held.as_ref().map(|held| held.limit);
        self.sent.iter().any(|sent| Some(sent.limit) != held)
    }

    /// All phases count as occupied again: after a pause, a boot, or a new transaction.
    pub fn occupy_all(&mut self, traits: &EvseTraits) {
        self.occupied = traits.terminals;
    }

    fn forget_live_limits(&mut self) {
        self.held = None;
        self.sent.clear();
    }

    /// The limit at `index` is effective, and so are all sent before it no more.
    fn hold(&mut self, index: usize) {
        self.held = self.sent.get(index).copied();
        self.sent.drain(..=index);
    }

    /// Unproven phases are occupied. Release needs two readings while offered at least the minimum and a margin; a
    /// new phase counts at once.
    fn learn_phases(
        &mut self,
        draw: PerPhase<Amperes>,
        previous: PerPhase<Amperes>,
        measurement: &Measurement,
        traits: &EvseTraits,
    ) {
        let margin = traits.minimum + Amperes::from_amperes(1);
        let is_offered = self.held.is_some_and(|held| held.limit >= margin)
            && self.sent.iter().all(|sent| sent.limit >= margin);
        let is_drawing =
            draw.highest() >= Amperes::from_amperes(3) && previous.highest() >= Amperes::from_amperes(3);
        let can_release = is_offered && is_drawing && self.ev == EvState::Charging;
        let idle = draw.zip_with(previous, |now, before| now < PHASE_IN_USE && before < PHASE_IN_USE);
        let reported = measurement.current.map(|current| current.is_some());
        self.occupied = PerPhase::from_fn(|phase| {
            let is_released = can_release && reported[phase] && idle[phase];
            let is_new = draw[phase] >= PHASE_IN_USE;
            is_new || (self.occupied[phase] && traits.terminals[phase] && !is_released)
        });
    }

    /// Above limit + max(1 A, 10 %) in two readings taken later than the reaction time, the second later than twice: two of
    /// one moment are one witness, and an EV that is a little late would be held to disobey for ever.
    fn learn_obedience(&mut self, draw: PerPhase<Amperes>, previous: PerPhase<Amperes>) -> bool {
        let Some(newest) = self.newest() else { return false };
        let highest = newest.limit + tolerance(newest.limit);
        let is_above = draw.highest() > highest && previous.highest() > highest;
        let [before, last] = self.measured_at;
        let is_settled = newest
            .accepted_at
            .is_some_and(|at| before > at + REACTION_DEFAULT && last > at + REACTION_DEFAULT * 2);
        let is_newly = is_above && is_settled && !self.is_disobedient;
        self.is_disobedient |= is_newly;
        is_newly
    }
}

/// Whether a station may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It may, and it has told since what runs at the EVSE.
    Up,
    /// It may. What began alone while it was out of reach, it may still have to tell.
    Returned,
    /// It may not: it has no link, or its link is not ready yet.
    Down,
}

impl LinkState {
    /// Whether the station can be told something.
    #[must_use]
    pub const fn is_up(self) -> bool {
        match self {
            Self::Up | Self::Returned => true,
            Self::Down => false,
        }
    }
}

/// What a draw may exceed a limit by and still count as following it: max(1 A, 10 %).
#[must_use]
pub fn tolerance(limit: Amperes) -> Amperes {
    limit.ratio_floor(1, 10).max(Amperes::from_amperes(1))
}

/// A measurement taken after the answer and the reaction time shows the limit: the station says it offers no more, or
/// the draw fell to the limit or runs along it. A draw that was below the limit before and still is shows nothing, and
/// before the reaction time an earlier limit may still be on its way to the pilot.
fn is_shown(
    sent: &SentLimit,
    draw: PerPhase<Amperes>,
    previous: PerPhase<Amperes>,
    measurement: &Measurement,
) -> bool {
    if sent.accepted_at.is_none_or(|at| measurement.taken_at < at + REACTION_DEFAULT) {
        return false;
    }
    let margin = tolerance(sent.limit);
    let is_within = draw.highest() <= sent.limit + margin;
    let is_offered = measurement.offered.is_some_and(|offered| offered <= sent.limit);
    let fell = previous.highest() > sent.limit + margin;
    let runs_along = draw.highest() + margin >= sent.limit && sent.limit > Amperes::ZERO;
    is_within && (is_offered || fell || runs_along)
}
