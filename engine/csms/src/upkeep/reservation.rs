//! Reservations: an EVSE is held for a token, by the station.

use units::{EvseId, IdToken, RequestId, StationId, Timestamp};

use super::attend::in_words;
use super::{Ask, Cause, Lost, ReservationRow, ReservationState, Told, UpkeepRow, Verdict};
use crate::call::{Priority, Waiter};
use crate::contract::CommandAnswer;
use crate::csms::Csms;

impl Csms {
    /// Asks the station to hold an EVSE: the reservation's number.
    pub(super) fn reserve(
        &mut self,
        now: Timestamp,
        actor: &str,
        (evse, token, until): (EvseId, IdToken, Timestamp),
    ) -> Result<u32, String> {
        let place = self.known_station(&evse.station)?;
        let wall = self.core.wall(now);
        if self.stations[place].evse(evse.number).is_none() {
            return Err(format!("EVSE {evse} is unknown"));
        }
        if until <= wall {
            return Err(format!("{until} has passed: name a later end"));
        }
        if !self.is_reachable(&evse.station) {
            return Err(format!(
                "station {} is offline: only a station that is here can hold an EVSE",
                evse.station
            ));
        }
        self.core.directory.authorise(&token, &evse, wall).map_err(|refusal| refusal.to_string())?;
        if let Some(other) = self.upkeep.reservations.values().find(|other| other.evse == evse) {
            return Err(format!(
                "EVSE {evse} is held until {} by reservation {}",
                other.until, other.reservation
            ));
        }
        let number = self.core.counters.reservation.max(1);
        self.core.counters.reservation = if number < 0x7FFF_FFFF { number + 1 } else { 1 };
        self.core.persist_counters();
        let row = ReservationRow {
            reservation: number,
            evse: evse.clone(),
            token: token.clone(),
            until,
            actor: actor.to_owned(),
            state: ReservationState::Asked,
            at: wall,
            word: String::new(),
        };
        self.upkeep.reservations.insert(number, row.clone());
        self.keep(UpkeepRow::Reservation(row));
        let ask = Ask::Reserve { number, evse: evse.number, token, until };
        self.ask_for(now, &evse.station, Priority::Operator, ask, Cause::Reservation { number });
        Ok(number)
    }

    pub(super) fn reservation_answered(&mut self, now: Timestamp, number: u32, end: Result<Told, Lost>) {
        let state = match &end {
            Ok(told) if told.verdict.is_success() => ReservationState::Held,
            Ok(_) => ReservationState::Refused,
            // It may hold it: it is asked to let go once it can be.
            Err(_) => ReservationState::Held,
        };
        let word = in_words(&end);
        if let Some(row) = self.upkeep.reservations.get(&number).cloned() {
            let what = format!("hold EVSE {} until {}", row.evse, row.until);
            self.note(now, &row.evse.station, &row.actor, what, word.clone());
        }
        self.change_reservation(now, number, state, word);
    }

    /// Asks the station to let go, or refuses at once.
    pub(super) fn cancel_reservation(
        &mut self,
        now: Timestamp,
        number: u32,
        (request, actor): (RequestId, Box<str>),
    ) -> Result<(), String> {
        let row = self.upkeep.reservations.get(&number);
        let row = row.ok_or_else(|| format!("reservation {number} does not exist, or is over"))?;
        let station = row.evse.station.clone();
        let ask = Ask::CancelReservation { number };
        let cause = Cause::Cancellation { number, waiter: Waiter::Request(request), actor };
        self.ask_for(now, &station, Priority::Operator, ask, cause);
        Ok(())
    }

    pub(super) fn cancellation_answered(
        &mut self,
        now: Timestamp,
        number: u32,
        (waiter, actor): (Waiter, Box<str>),
        end: Result<Told, Lost>,
    ) {
        let word = in_words(&end);
        if let Some(row) = self.upkeep.reservations.get(&number).cloned() {
            let what = format!("let go of EVSE {}, reservation {number}", row.evse);
            self.note(now, &row.evse.station, &actor, what, word.clone());
        }
        let answer = match end {
            // What it does not know it does not hold.
            Ok(Told { verdict: Verdict::Done | Verdict::Refused, .. }) => {
                self.change_reservation(now, number, ReservationState::Cancelled, word);
                CommandAnswer::Done
            }
            Ok(told) => CommandAnswer::StationError { code: told.word.into(), description: "".into() },
            Err(Lost(reason)) => CommandAnswer::NoAnswer(reason.into()),
        };
        if let Waiter::Request(request) = waiter {
            self.answer_operator(request, answer);
        }
    }

    pub(super) fn reservation_used(&mut self, now: Timestamp, station: &StationId, number: u32) {
        if self.is_reserved_at(station, number) {
            self.change_reservation(now, number, ReservationState::Used, "a transaction began".to_owned());
        }
    }

    pub(super) fn reservation_given_up(
        &mut self,
        now: Timestamp,
        station: &StationId,
        number: u32,
        word: String,
    ) {
        if self.is_reserved_at(station, number) {
            self.change_reservation(now, number, ReservationState::Ended, word);
        }
    }

    /// No station speaks of another's reservation.
    fn is_reserved_at(&self, station: &StationId, number: u32) -> bool {
        self.upkeep.reservations.get(&number).is_some_and(|row| row.evse.station == *station)
    }

    pub(super) fn next_reservation_end(&self) -> Option<Timestamp> {
        self.upkeep.reservations.values().map(|row| row.until).min()
    }

    pub(super) fn end_reservations(&mut self, now: Timestamp) {
        let wall = self.core.wall(now);
        let over = self.upkeep.reservations.values().filter(|row| row.until <= wall);
        for number in over.map(|row| row.reservation).collect::<Vec<_>>() {
            self.change_reservation(now, number, ReservationState::Ended, "its time is over".to_owned());
        }
    }

    fn change_reservation(&mut self, now: Timestamp, number: u32, state: ReservationState, word: String) {
        let at = self.core.wall(now);
        let Some(row) = self.upkeep.reservations.remove(&number) else { return };
        let row = ReservationRow { state, at, word, ..row };
        if state.is_open() {
            self.upkeep.reservations.insert(number, row.clone());
        }
        self.keep(UpkeepRow::Reservation(row));
    }
}
