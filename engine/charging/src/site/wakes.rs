//! When the next decision is wanted, where nothing happens before: what time alone changes.

use units::{TimeSpan, Timestamp};

use super::decide::{MEASURE_APART, MINIMUM_TRIED_FOR, STALE_TOLD_FOR};
use super::evse::EvseState;
use super::{CALM_LOOKED_AT_WITHIN, DRAW_SHOWS_WITHIN, LIFETIME, Site};
use crate::allocation::next_turn;
use crate::ceiling::{REACTION_DEFAULT, SKEW_TRUSTED, SentLimit};
use crate::network::EvseIndex;

impl Site {
    /// When meters fall silent next, if nothing more is heard of them: readings put it off.
    pub(super) fn silence(&self) -> Option<Timestamp> {
        let silent_from = self.meters.values().flat_map(|meter| meter.metering.silent_from());
        let moment = TimeSpan::from_milliseconds(1);
        silent_from.map(|from| from + moment).filter(|from| self.decided_at.is_none_or(|at| *from > at)).min()
    }

    /// Notes what was decided on, and when the next decision is wanted: what time alone will change, but for meters' silence.
    pub(super) fn finish(&mut self, now: Timestamp, looked_at: Option<Timestamp>) {
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
        for meter in self.meters.values() {
            meter.stale_at.into_iter().for_each(|stale_at| at(stale_at + STALE_TOLD_FOR));
        }
        let mut is_anyone_waiting = looked_at.is_some();
        for (place, state) in self.evses.iter().enumerate() {
            state.next_wakes(EvseIndex::new(place), looked_at.is_some(), &mut at);
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
    /// Calls `at` with the instants at which time alone changes something for this EVSE, be it that a raise waits.
    fn next_wakes(&self, index: EvseIndex, is_waited_for: bool, mut at: impl FnMut(Timestamp)) {
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
        // What expires to the same changes nothing.
        if self.record.held.iter().chain(&self.record.sent).any(|sent| sent.limit > sent.limit_expired) {
            at(newest.expires_at + SKEW_TRUSTED + moment);
        }
        if is_up && newest.limit > newest.limit_expired {
            at(renewal_at(newest, index) + CALM_LOOKED_AT_WITHIN);
        }
        self.minimum_doubted_at().into_iter().for_each(&mut at);
        self.turn_began_at.into_iter().for_each(|began_at| at(began_at + MINIMUM_TRIED_FOR));
        // Reaction time is proof where there is a record. What is no shed frees nothing when it is proven, but tells what is
        // base and what is drawn, which matters where a raise waits.
        if self.record.has_proved_obedient() && (self.record.is_unproven_lower() || is_waited_for) {
            self.shown_from().for_each(at);
        }
    }

    /// Calls `at` with the instants at which a measurement of it may have to be asked for.
    pub(super) fn next_asks(&self, is_waited_for: bool, mut at: impl FnMut(Timestamp)) {
        let is_to_prove = self.record.is_unproven_lower();
        if is_to_prove && !self.record.has_proved_obedient() {
            self.shown_from().for_each(&mut at);
        }
        if is_waited_for {
            self.raised_at.into_iter().for_each(|raised_at| at(raised_at + DRAW_SHOWS_WITHIN));
        }
        let is_asked_again = |asked_at: &Timestamp| is_to_prove || self.is_held_up_by_measurements(*asked_at);
        if let Some(asked_at) = self.measure_asked_at.filter(is_asked_again) {
            at(asked_at + MEASURE_APART);
        }
    }

    /// From when on each limit that it accepted must have shown.
    fn shown_from(&self) -> impl Iterator<Item = Timestamp> {
        self.record
            .sent
            .iter()
            .filter_map(|sent| sent.accepted_at)
            .map(|accepted_at| accepted_at + REACTION_DEFAULT)
    }
}

/// From then on the next decision renews it, so that it leaves before 70 % of its lifetime (CONTROL section 3).
pub(super) fn renewal_at(newest: &SentLimit, index: EvseIndex) -> Timestamp {
    // Spread over the EVSEs by their place: 7 and 11 have no common divisor.
    let spread = i64::try_from(index.place() * 7 % 11).unwrap_or(0);
    newest.sent_at + LIFETIME.ratio_floor(50 + spread, 100)
}

#[cfg(test)]
mod tests {
    use units::Amperes;

    use super::*;
    use crate::site::Ticket;

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
