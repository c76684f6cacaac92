//! After each input: what happened is carried to whatever it concerns, and what is due is done.

use units::{StationId, TimeSpan, Timestamp};

use super::{Arrival, Ask, AvailabilityRow, Cause, Lost, News, Told, UpkeepRow};
use crate::call::{Priority, Purpose};
use crate::contract::{CommandAnswer, Effect};
use crate::csms::Csms;
use crate::message::Call;
use crate::outbox::Wait;
use crate::record::{AuditRow, Record};

/// Settings are gone through again after this long without a boot: whoever changes them at the station is found out.
pub(super) const ROUND_EVERY: TimeSpan = TimeSpan::from_hours(24);

impl Csms {
    /// Attends to what happened and to what is due. Does nothing, and costs nothing, where there is neither.
    pub(crate) fn attend(&mut self, now: Timestamp) {
        loop {
            while let Some(news) = self.core.news.pop_front() {
                self.take_news(now, news);
            }
            if self.upkeep_deadline().is_none_or(|at| at > now) {
                return;
            }
            self.do_what_is_due(now);
        }
    }

    /// When [`Self::attend`] has something to do though nothing happened.
    pub(crate) fn upkeep_deadline(&self) -> Option<Timestamp> {
        let upkeep = &self.upkeep;
        let round = upkeep.rounds_due.first().map(|(at, _)| *at);
        let reservation = self.next_reservation_end();
        let due = upkeep.jobs_at.into_iter().chain(round).chain(reservation).min();
        due.map(|wall| wall - self.core.wall_offset)
    }

    fn do_what_is_due(&mut self, now: Timestamp) {
        let wall = self.core.wall(now);
        while let Some((at, station)) = self.upkeep.rounds_due.first().cloned()
            && at <= wall
        {
            self.upkeep.rounds_due.pop_first();
            // Who is away is gone through on its return.
            if self.is_reachable(&station) {
                self.begin_round(now, &station);
            }
        }
        self.end_reservations(now);
        if self.upkeep.jobs_at.is_some_and(|at| at <= wall) {
            self.advance_jobs(now);
        }
    }

    fn take_news(&mut self, now: Timestamp, news: News) {
        match news {
            News::Arrived { station, arrival } => {
                self.tell_availability_again(now, &station, arrival);
                self.arrived_for_settings(now, &station, arrival);
                self.arrived_for_list(now, &station, arrival);
                self.arrived_for_jobs(now, &station, arrival);
            }
            News::Ended { station, cause, end } => match cause {
                Cause::Errand { job, step } => self.errand_answered(now, &station, job, step, end),
                Cause::Setting => self.setting_answered(now, &station, end),
                Cause::List => self.list_answered(now, &station, end),
                Cause::Reservation { number } => self.reservation_answered(now, number, end),
                Cause::Cancellation { number, waiter, actor } => {
                    self.cancellation_answered(now, number, (waiter, actor), end);
                }
                Cause::Availability { key } => self.availability_answered(now, &key, end),
            },
            News::Firmware { station, word } => self.firmware_told(now, &station, &word),
            News::Log { station, word } => self.log_told(now, &station, &word),
            News::ReservationUsed { station, number } => self.reservation_used(now, &station, number),
            News::ReservationEnded { station, number, word } => {
                self.reservation_given_up(now, &station, number, word);
            }
            News::Directory => self.directory_changed(now),
        }
    }

    /// Calls a station on behalf of upkeep; the answer comes as news.
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        station: &StationId,
        priority: Priority,
        call: Call,
        cause: Cause,
    ) {
        let place = self.station_by_id.get(station).copied();
        let Some(place) = place.filter(|&place| self.stations[place].site.is_some()) else {
            let end = Err(Lost("no site names the station"));
            return self.core.news.push_back(News::Ended { station: station.clone(), cause, end });
        };
        let Self { stations, core, .. } = self;
        stations[place].flush_control(core);
        stations[place].enqueue(core, now, priority, call, Purpose::Upkeep(cause));
        stations[place].pump(core, now);
        self.rewake(place);
    }

    pub(super) fn ask_for(
        &mut self,
        now: Timestamp,
        station: &StationId,
        priority: Priority,
        ask: Ask,
        cause: Cause,
    ) {
        self.ask(now, station, priority, Call::Ask(Box::new(ask)), cause);
    }

    /// Whether a station of a site may be called now.
    pub(super) fn is_reachable(&self, station: &StationId) -> bool {
        let place = self.station_by_id.get(station);
        place.is_some_and(|&place| {
            let station = &self.stations[place];
            station.site.is_some() && station.link.as_ref().is_some_and(crate::link::Link::is_ready)
        })
    }

    pub(super) fn keep(&mut self, row: UpkeepRow) {
        self.core.out.persist(Record::Upkeep(Box::new(row)));
    }

    /// Who wanted what of a station, and how it ended.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        station: &StationId,
        actor: &str,
        what: String,
        outcome: String,
    ) {
        self.core.out.persist(Record::Audit(AuditRow {
            at: self.core.wall(now),
            actor: actor.to_owned(),
            station: Some(station.clone()),
            what,
            outcome,
        }));
    }

    pub(super) fn answer_operator(&mut self, request: units::RequestId, answer: CommandAnswer) {
        self.core.out.push(Wait::ForRecords, Effect::Answer { request, answer });
    }

    // Availability.

    /// An EVSE is to be out of service, or back in it, as a station took it.
    pub(super) fn keep_availability(
        &mut self,
        now: Timestamp,
        station: &StationId,
        (evse, is_operative): (Option<u16>, bool),
        word: &str,
    ) {
        let row = AvailabilityRow {
            station: station.clone(),
            evse,
            is_operative,
            word: word.to_owned(),
            at: self.core.wall(now),
        };
        // The whole includes its parts.
        if evse.is_none() {
            let parts = self.upkeep.availability.values_mut();
            let parts = parts.filter(|part| part.station == *station && part.evse.is_some());
            let changed: Vec<AvailabilityRow> = parts
                .map(|part| {
                    (part.is_operative, part.word, part.at) = (is_operative, word.to_owned(), row.at);
                    part.clone()
                })
                .collect();
            for part in changed {
                self.keep(UpkeepRow::Availability(part));
            }
        }
        self.upkeep.availability.insert(row.key(), row.clone());
        self.keep(UpkeepRow::Availability(row));
    }

    /// What is out of service stays so over a boot, whether the station remembers it or not.
    fn tell_availability_again(&mut self, now: Timestamp, station: &StationId, arrival: Arrival) {
        if arrival == Arrival::WithoutBoot {
            return;
        }
        let own = self.upkeep.availability.iter().filter(|(_, row)| row.station == *station);
        // The whole comes first, by its key; an EVSE in service at a station that is not is told after it.
        let is_whole_away = own.clone().any(|(_, row)| row.evse.is_none() && !row.is_operative);
        let again: Vec<_> = own
            .filter(|(_, row)| is_whole_away || !row.is_operative)
            .map(|(key, row)| (key.clone(), row.evse, row.is_operative))
            .collect();
        for (key, evse, is_operative) in again {
            let ask = Ask::Availability { evse, is_operative };
            self.ask_for(now, station, Priority::Housekeeping, ask, Cause::Availability { key });
        }
    }

    fn availability_answered(&mut self, now: Timestamp, key: &str, end: Result<Told, Lost>) {
        let wall = self.core.wall(now);
        let Some(row) = self.upkeep.availability.get_mut(key) else { return };
        let word = in_words(&end);
        if row.word != word {
            (row.word, row.at) = (word, wall);
            let row = row.clone();
            self.keep(UpkeepRow::Availability(row));
        }
    }
}

/// How a call ended, for people.
pub(super) fn in_words(end: &Result<Told, Lost>) -> String {
    match end {
        Ok(told) => told.word.clone(),
        Err(Lost(reason)) => format!("not answered: {reason}"),
    }
}
