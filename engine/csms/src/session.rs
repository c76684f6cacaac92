//! Sessions and transactions: what stations say of them becomes facts, and each transaction one sealed CDR.
//!
//! Transaction messages always get their answer, and what they say is kept: late, repeated, out of order or absurd
//! (FIELD section 6, traps 2 to 5). What cannot be trusted never reaches an invoice by itself: it is a doubt on the CDR,
//! or a finding.

use std::collections::BTreeMap;

use billing::cdr::{Doubt, EvidenceRef, ReadingContext, RegisterReading};
use billing::directory::{Admission, AuthoriseRefusal};
use charging::site::{EvState, SiteEvent};
use units::{EvseId, IdToken, ReportedAt, TimeSpan, Timestamp, TransactionId, WattHours};

use crate::contract::Effect;
use crate::control::SiteIndex;
use crate::core::Core;
use crate::evidence::{Kept, OpenTransaction, Place, Received};
use crate::measure::RegisterAt;
use crate::message::{
    Answer, Claimed, Event, EventKind, MeterValues, Sample, Start, Status, Stop, TransactionMessage, Verdict,
};
use crate::outbox::Wait;
use crate::record::{
    Events, EvidenceRow, FindingRow, MeterSample, MeterValuesRow, Record, ReportedId, SessionRow,
    TransactionRow, TransactionStop,
};
use crate::station::{Evse, Lateness, REGISTER_STEP, Station};

/// A reported time that lies further ahead of ours is not believed.
const AHEAD_MAX: TimeSpan = TimeSpan::from_seconds(30);
/// A reported time that lies further back is not believed: the longest transaction and a day of being offline.
const BEHIND_MAX: TimeSpan = TimeSpan::from_hours(32 * 24);
/// A start that is older when it arrives was made while offline.
const LIVE_MAX: TimeSpan = TimeSpan::from_minutes(2);
/// A transaction is sealed without its end, or without events before its end, this long after it was seen that they
/// are missing.
pub(crate) const SEALED_UNENDED_AFTER: TimeSpan = TimeSpan::from_hours(24);
/// How long a station may remember that a token was refused for want of headroom or place.
const NOT_NOW_FOR: TimeSpan = TimeSpan::from_minutes(1);
/// How many sealed transactions are remembered per station, to tell repetitions.
const SEALED_REMEMBERED: usize = 32;
/// How many orphans are remembered per station, to tell repetitions.
const ORPHANS_REMEMBERED: usize = 16;

/// The transactions of one station.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    open: BTreeMap<TransactionId, OpenTransaction>,
    /// Sealed lately.
    sealed: BTreeMap<TransactionId, TransactionRow>,
}

impl Transactions {
    pub fn open(&self, id: TransactionId) -> Option<&OpenTransaction> {
        self.open.get(&id)
    }

    pub fn open_mut(&mut self, id: TransactionId) -> Option<&mut OpenTransaction> {
        self.open.get_mut(&id)
    }

    /// Takes a transaction back after a restart.
    pub fn restore(&mut self, row: TransactionRow) {
        if row.is_sealed {
            self.remember(row);
        } else {
            self.open.insert(row.transaction, OpenTransaction::new(row));
        }
    }

    /// The transaction that an EVSE is in: the newest that is open, not superseded and not ended.
    pub fn current_at(&self, evse: &EvseId) -> Option<TransactionId> {
        let is_current =
            |row: &TransactionRow| row.evse == *evse && row.superseded_at.is_none() && row.stop.is_none();
        self.open.values().rev().find(|open| is_current(&open.row)).map(|open| open.row.transaction)
    }

    /// When the next transaction is to be sealed with what is missing, by the wall clock.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.open.values().filter_map(|open| seal_at(&open.row)).min()
    }

    /// The newest transaction that the station calls so; a first event of another time is another transaction's, of a
    /// station that uses its ids again.
    pub fn reported(&self, id: &ReportedId, event: &Event) -> Option<Resolved> {
        let is_meant = |row: &&TransactionRow| {
            let is_another = event.kind == EventKind::Started
                && row.events.is_begun
                && event.at.is_some()
                && row.reported_start.is_some()
                && row.reported_start != event.at;
            row.reported_id.as_ref() == Some(id) && !is_another
        };
        let open = self.open.values().rev().map(|open| &open.row).find(is_meant);
        let sealed = || self.sealed.values().rev().find(is_meant);
        open.map(|row| Resolved::Open(row.transaction))
            .or_else(|| sealed().map(|row| Resolved::Sealed(row.transaction)))
    }

    pub fn sealed(&self, id: TransactionId) -> Option<&TransactionRow> {
        self.sealed.get(&id)
    }

    pub fn insert(&mut self, open: OpenTransaction) {
        self.open.insert(open.row.transaction, open);
    }

    fn remember(&mut self, row: TransactionRow) {
        self.sealed.insert(row.transaction, row);
        if self.sealed.len() > SEALED_REMEMBERED {
            self.sealed.pop_first();
        }
    }

    /// The transaction that `start` repeats: the same EVSE, token, register and time, whatever the message id (FIELD
    /// section 6, trap 2). Without a readable time only an open one can be meant.
    fn repeated_by(&self, evse: &EvseId, start: &Start) -> Option<&TransactionRow> {
        let is_same = |row: &&TransactionRow| {
            row.evse == *evse
                && row.token == start.token
                && row.register_start == start.register
                && row.reported_start == start.at
        };
        let open = self.open.values().rev().map(|open| &open.row);
        match start.at {
            Some(_) => open.chain(self.sealed.values().rev()).find(is_same),
            None => open.filter(|row| row.superseded_at.is_none()).find(is_same),
        }
    }

    /// Every other transaction at the EVSE that ran at the same time.
    fn overlaps(&self, of: &TransactionRow) -> Vec<Doubt> {
        let (from, until) = span(of);
        let others = self.open.values().map(|open| &open.row).chain(self.sealed.values());
        others
            .filter(|row| row.transaction != of.transaction && row.evse == of.evse)
            .filter_map(|row| {
                let (begin, end) = span(row);
                let (from, until) = (from.max(begin), until.min(end));
                (from < until).then_some(Doubt::Overlapping { other: row.transaction, from, until })
            })
            .collect()
    }
}

/// When a transaction is sealed with what is missing.
fn seal_at(row: &TransactionRow) -> Option<Timestamp> {
    row.seal_at.or_else(|| row.superseded_at.map(|at| at + SEALED_UNENDED_AFTER))
}

/// From begin to end; one whose end is not known yet goes on.
fn span(row: &TransactionRow) -> (Timestamp, Timestamp) {
    let end = row.stop.as_ref().map(|stop| stop.at).or(row.superseded_at);
    (row.started_at, end.unwrap_or(Timestamp::MAX))
}

/// A reported time, as we hold it true.
pub(crate) struct Held {
    pub at: Timestamp,
    pub doubt: Option<Doubt>,
}

/// What came of a token that was presented at an EVSE.
pub(crate) struct Admitted {
    pub admission: Option<Admission>,
    pub verdict: Verdict,
    /// S1: the directory would have it, but no row could carry its start.
    pub is_refused_by_rows: bool,
}

/// What a claimed transaction id leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    Open(TransactionId),
    Sealed(TransactionId),
    /// An id that is none of this station's; `control` is the transaction that must be meant, for control only.
    Strange {
        claimed: String,
        control: Option<TransactionId>,
    },
}

impl Station {
    // Authorisation.

    /// May the token charge? It does not say at which EVSE: every EVSE where it could must carry it (S1).
    pub fn authorise(&mut self, core: &mut Core, received: &Received<'_>, token: Option<IdToken>) -> Verdict {
        let Some(token) = token else { return Verdict::Unknown };
        let is_to_stop = |evse: &Evse| {
            let current = evse.current.and_then(|id| self.transactions.open(id));
            current.is_some_and(|open| open.row.token.as_ref() == Some(&token))
        };
        if self.evses.iter().any(is_to_stop) {
            return Verdict::Accepted;
        }
        let admissions: Vec<Result<EvseId, AuthoriseRefusal>> = self
            .evses
            .iter()
            .map(|evse| core.directory.authorise(&token, &evse.id, received.wall).map(|_| evse.id.clone()))
            .collect();
        if let Some(Err(refusal)) = admissions.iter().find(|admission| admission.is_err())
            && admissions.iter().all(Result::is_err)
        {
            return verdict_of(refusal, received.wall);
        }
        let is_free = |evse: &&Evse| {
            let place = self.evse(evse.id.number);
            place.is_none_or(|place| self.drawing(place).is_none())
                && admissions.iter().any(|admission| admission.as_ref() == Ok(&evse.id))
        };
        let free: Vec<&Evse> = self.evses.iter().filter(is_free).collect();
        let plugged: Vec<EvseId> =
            free.iter().filter(|evse| evse.is_plugged()).map(|evse| evse.id.clone()).collect();
        let candidates =
            if plugged.is_empty() { free.iter().map(|evse| evse.id.clone()).collect() } else { plugged };
        if !candidates.is_empty() && self.allow_starts(core, received.now, &candidates) {
            Verdict::Accepted
        } else {
            not_now(received.wall)
        }
    }

    /// S1: accepts a start at all of `evses`, or at none that is not accepted already.
    pub fn allow_starts(&self, core: &mut Core, now: Timestamp, evses: &[EvseId]) -> bool {
        let Some(site) = self.site else { return false };
        if !evses.iter().all(|evse| may_start(core, now, site, evse)) {
            return false;
        }
        // Each alone fits; together they must fit too.
        evses.iter().all(|evse| {
            let is_accepted = may_start(core, now, site, evse);
            if is_accepted {
                core.sites.apply(now, site, SiteEvent::StartAllowed(evse.clone()));
            }
            is_accepted
        })
    }

    // Sessions.

    pub fn status(&mut self, core: &mut Core, received: &Received<'_>, status: Status) {
        self.observe_clock(core, received, status.at, Lateness::Unusual);
        self.fault_told(received.wall, status.evse, status.fault);
        if status.evse == 0 {
            return;
        }
        let Some(place) = self.evse(status.evse) else {
            return self.note_quirk("status_of_unknown_evse");
        };
        let evse = &mut self.evses[place];
        evse.status = status.text;
        if let Some(ev) = evse.told_by(status.connector, status.ev) {
            self.ev_told(core, received, place, ev, status.at);
        }
        if status.ev.is_idle() && self.evses[place].is_told_idle() {
            self.tell(core, received.now, SiteEvent::Idle(self.evses[place].id.clone()));
        }
    }

    /// What a station says of an EV opens and ends sessions.
    pub fn ev_told(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        place: usize,
        ev: EvState,
        reported: Option<ReportedAt>,
    ) {
        let at = self.held(received.wall, reported).at;
        let evse = &mut self.evses[place];
        evse.ev = Some(ev);
        evse.is_ev_told = true;
        let id = evse.id.clone();
        match ev {
            EvState::Absent => {
                evse.connectors.retain(|_, told| !told.is_plugged());
                if let Some(session) = evse.session.take() {
                    let ended = SessionRow { ended_at: Some(at.max(session.began_at)), ..session };
                    core.out.persist(Record::Session(ended));
                    if !self.row.reports_unplugging {
                        self.row.reports_unplugging = true;
                        self.row_changed();
                    }
                }
            }
            EvState::Connected | EvState::Charging | EvState::SuspendedEv | EvState::SuspendedEvse => {
                if evse.session.is_none() {
                    let session = SessionRow {
                        session: core.next_session(),
                        evse: id.clone(),
                        began_at: at,
                        ended_at: None,
                    };
                    core.persist_counters();
                    core.out.persist(Record::Session(session.clone()));
                    evse.session = Some(session);
                }
            }
            EvState::Faulted => {}
        }
        self.tell(core, received.now, SiteEvent::EvState(id, ev));
        self.note_told(core, received.now, place, reported.map_or(at, |ReportedAt(claimed)| claimed));
    }

    /// The session of a transaction that begins: the open one, unless the EV may have been exchanged since.
    pub fn session_for(
        &mut self,
        core: &mut Core,
        place: usize,
        at: Timestamp,
        origin: Origin,
    ) -> SessionRow {
        let evse = &self.evses[place];
        let may_be_another_stay = !self.row.reports_unplugging || origin == Origin::Offline;
        if let Some(session) = &evse.session {
            let holds_one = |row: &TransactionRow| row.session == session.session;
            let holds_a_transaction = self.transactions.open.values().any(|open| holds_one(&open.row))
                || self.transactions.sealed.values().any(holds_one);
            if !(may_be_another_stay && holds_a_transaction) {
                return session.clone();
            }
            let ended = SessionRow { ended_at: Some(at.max(session.began_at)), ..session.clone() };
            core.out.persist(Record::Session(ended));
        }
        let session =
            SessionRow { session: core.next_session(), evse: evse.id.clone(), began_at: at, ended_at: None };
        core.persist_counters();
        core.out.persist(Record::Session(session.clone()));
        self.evses[place].session = Some(session.clone());
        session
    }

    // Transactions.

    pub fn start(&mut self, core: &mut Core, received: &Received<'_>, start: Start) -> Answer {
        self.observe_clock(core, received, start.at, Lateness::Usual);
        self.note_reservation(core, start.reservation);
        let Some(place) = self.evse(start.evse) else {
            self.note_quirk("transaction_at_unknown_evse");
            let claimed = format!("start at EVSE {}", start.evse);
            return self.orphan_start(core, received, claimed);
        };
        let evse = self.evses[place].id.clone();
        let held = self.held(received.wall, start.at);
        if let Some(known) = self.transactions.repeated_by(&evse, &start) {
            let verdict = self.verdict_again(core, received.wall, known, start.token.as_ref(), held.at);
            return Answer::Start { transaction: known.transaction, verdict };
        }
        let origin = Origin::of(held.at, received.wall);
        let admitted = self.admit(core, received, place, start.token.as_ref(), held.at, origin);
        let superseded_at = self.supersede(core, received.wall, place, held.at);
        let session = self.session_for(core, place, held.at, origin);
        let transaction = core.next_transaction();
        core.persist_counters();
        let row = TransactionRow {
            transaction,
            session: session.session,
            evse: evse.clone(),
            token: start.token,
            admission: admitted.admission,
            reported_id: None,
            events: Events::default(),
            may_draw: true,
            is_refused_by_rows: admitted.is_refused_by_rows,
            reported_start: start.at,
            started_at: held.at,
            register_start: start.register,
            stop: None,
            superseded_at,
            seal_at: superseded_at.map(|_| received.wall + SEALED_UNENDED_AFTER),
            doubts: held.doubt.into_iter().chain(core.doubt_of_clock(received.now)).collect(),
            activity: Vec::new(),
            is_sealed: false,
        };
        let evidence = self.keep_evidence(core, received, Some(transaction));
        core.out.persist(Record::Transaction(Box::new(row.clone())));
        let mut open = OpenTransaction::new(row);
        open.rest_on(evidence);
        open.told_at(received.wall);
        self.transactions.open.insert(transaction, open);
        if superseded_at.is_none() {
            self.evses[place].current = Some(transaction);
            self.tell(core, received.now, SiteEvent::TransactionStarted(evse));
        }
        Answer::Start { transaction, verdict: admitted.verdict }
    }

    /// Whether `token` may charge at an EVSE from `at` on: the directory decides, and for a live start the rows.
    pub fn admit(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        place: usize,
        token: Option<&IdToken>,
        at: Timestamp,
        origin: Origin,
    ) -> Admitted {
        let nobody = |verdict| Admitted { admission: None, verdict, is_refused_by_rows: false };
        let Some(token) = token else { return nobody(Verdict::Unknown) };
        let admission = match core.directory.authorise(token, &self.evses[place].id, at) {
            Ok(admission) => admission,
            Err(refusal) => return nobody(verdict_of(&refusal, received.wall)),
        };
        let is_refused_by_rows = origin == Origin::Live && !self.carries_start(core, received.now, place);
        if is_refused_by_rows {
            self.note_quirk("started_without_acceptance");
        }
        let verdict = if is_refused_by_rows { not_now(received.wall) } else { Verdict::Accepted };
        Admitted { admission: Some(admission), verdict, is_refused_by_rows }
    }

    /// What a station is told of a token of a transaction once more.
    pub fn verdict_again(
        &self,
        core: &Core,
        wall: Timestamp,
        of: &TransactionRow,
        token: Option<&IdToken>,
        at: Timestamp,
    ) -> Verdict {
        let Some(token) = token else { return Verdict::Unknown };
        match core.directory.authorise(token, &of.evse, at) {
            Ok(_) if of.is_refused_by_rows => not_now(wall),
            Ok(_) => Verdict::Accepted,
            Err(refusal) => verdict_of(&refusal, wall),
        }
    }

    /// S1: a live start needs our acceptance, or headroom for what the EVSE may draw until its limit is set.
    fn carries_start(&self, core: &mut Core, now: Timestamp, place: usize) -> bool {
        let evse = &self.evses[place];
        let Some(site) = self.site else { return false };
        let allowed_until = self.control(core, &evse.id).and_then(|control| control.start_allowed_until);
        self.drawing(place).is_some()
            || allowed_until.is_some_and(|until| now <= until)
            || may_start(core, now, site, &evse.id)
    }

    /// A transaction begins at an EVSE that is in one: the older of the two lost its end on the way. When the new one is
    /// the older, the instant at which it was superseded.
    pub fn supersede(
        &mut self,
        core: &mut Core,
        wall: Timestamp,
        place: usize,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let current = self.evses[place].current.and_then(|id| self.transactions.open.get_mut(&id))?;
        if at < current.row.started_at {
            return Some(current.row.started_at);
        }
        current.row.superseded_at = Some(at);
        current.row.seal_at = Some(wall + SEALED_UNENDED_AFTER);
        core.out.persist(Record::Transaction(Box::new(current.row.clone())));
        None
    }

    pub fn stop(&mut self, core: &mut Core, received: &Received<'_>, stop: Stop) -> Answer {
        self.observe_clock(core, received, stop.at, Lateness::Usual);
        let verdict = stop.token.as_ref().map(|token| self.verdict_at_stop(core, received.wall, token));
        match self.resolve_stop(&stop) {
            Resolved::Open(id) => self.end(core, received, id, stop, None),
            Resolved::Strange { claimed, control: Some(id) } => {
                self.note_quirk("stop_of_strange_transaction_id");
                self.end(core, received, id, stop, Some(Doubt::Orphan { claimed }));
            }
            Resolved::Strange { claimed, control: None } => {
                self.note_quirk("stop_of_unknown_transaction");
                let orphan = (claimed.clone(), stop.at, stop.register);
                if !self.orphans.contains(&orphan) {
                    self.remember_orphan(orphan);
                    self.keep_evidence(core, received, None);
                    self.find(core, received, None, Doubt::Orphan { claimed });
                }
            }
            Resolved::Sealed(id) => self.stopped_again(core, received, id, &stop),
        }
        Answer::Transaction { verdict }
    }

    pub fn remember_orphan(&mut self, orphan: (String, Option<ReportedAt>, Option<WattHours>)) {
        self.orphans.push_back(orphan);
        if self.orphans.len() > ORPHANS_REMEMBERED {
            self.orphans.pop_front();
        }
    }

    /// The end of a transaction seals its CDR.
    fn end(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        id: TransactionId,
        stop: Stop,
        strange: Option<Doubt>,
    ) {
        let held = self.held(received.wall, stop.at);
        let samples: Vec<MeterSample> =
            stop.samples.iter().map(|sample| self.meter_sample(received.wall, sample)).collect();
        let evidence = self.keep_evidence(core, received, Some(id));
        let Some(open) = self.transactions.open.get_mut(&id) else { return };
        open.rest_on(evidence);
        for sample in &samples {
            sample.register.map(|reading| open.read(reading, sample.at));
        }
        let row = &mut open.row;
        let contradictions = contradictions(row.register_start, &stop);
        let of_time = held.doubt.into_iter().chain(core.doubt_of_clock(received.now));
        row.doubts.extend(strange.into_iter().chain(of_time).chain(contradictions));
        if held.at < row.started_at {
            row.doubts.push(Doubt::ClockUntrusted { claimed: held.at, held: row.started_at });
        }
        row.stop = Some(TransactionStop {
            reported: stop.at,
            at: held.at.max(row.started_at),
            register: stop.register,
            reason: stop.reason,
        });
        self.seal(core, received.now, id);
    }

    /// Transactions that wait for their end, or for events before it, in vain are sealed without.
    pub fn seal_due(&mut self, core: &mut Core, now: Timestamp) {
        let wall = core.wall(now);
        let is_due = |open: &&OpenTransaction| seal_at(&open.row).is_some_and(|at| wall >= at);
        let due: Vec<TransactionId> =
            self.transactions.open.values().filter(is_due).map(|open| open.row.transaction).collect();
        for id in due {
            if let Some(open) = self.transactions.open.get_mut(&id) {
                let row = &mut open.row;
                let superseded = row.superseded_at.map(|at| TransactionStop {
                    reported: None,
                    at: at.max(row.started_at),
                    register: None,
                    reason: String::new(),
                });
                row.stop = row.stop.take().or(superseded);
            }
            self.seal(core, now, id);
        }
    }

    pub fn seal(&mut self, core: &mut Core, now: Timestamp, id: TransactionId) {
        let Some(mut open) = self.transactions.open.remove(&id) else { return };
        if open.row.reported_id.is_some() {
            crate::event::close(&mut open.row);
        }
        if open.is_without_energy() {
            open.row.is_sealed = true;
            core.out.persist(Record::Transaction(Box::new(open.row.clone())));
            return self.transactions.remember(open.row);
        }
        let overlaps = self.transactions.overlaps(&open.row);
        let place = self.evses.iter().position(|evse| evse.id == open.row.evse);
        let limits = place.map(|place| self.evses[place].limits);
        let cdr_id = core.next_cdr();
        core.persist_counters();
        let where_it_was = Place {
            site: &self.row.site,
            zone: &self.zone,
            // An EVSE that was taken from the site: the highest that is built.
            limits: limits.unwrap_or(billing::cdr::EvseLimits {
                power_maximum: units::Watts::from_watts(1_000_000),
                register_step: REGISTER_STEP,
            }),
            duration_limit: core.policy.transaction_longest.min(billing::cdr::Cdr::DURATION_LIMIT),
            directory: &core.directory,
        };
        let cdr = open.cdr(cdr_id, &where_it_was, overlaps);
        open.row.is_sealed = true;
        core.out.persist(Record::Transaction(Box::new(open.row.clone())));
        core.out.persist(Record::Cdr(Box::new(cdr.clone())));
        if cdr.energy() == Ok(WattHours::ZERO) {
            core.out.persist(Record::Finding(FindingRow {
                station: self.id().clone(),
                transaction: Some(id),
                at: core.wall(now),
                doubt: Doubt::NoEnergy { duration: cdr.duration() },
                frame: None,
            }));
        }
        core.out.push(Wait::ForRecords, Effect::SealedCdr(Box::new(cdr)));
        if let Some(place) = place.filter(|&place| self.evses[place].current == Some(id)) {
            self.evses[place].current = None;
            self.draw_ended(core, now, &open.row);
        }
        self.transactions.remember(open.row);
    }

    /// A stop of a sealed transaction: the same again is a repetition, anything else a finding.
    fn stopped_again(&mut self, core: &mut Core, received: &Received<'_>, id: TransactionId, stop: &Stop) {
        let Some(row) = self.transactions.sealed.get(&id) else { return };
        let is_repetition = row
            .stop
            .as_ref()
            .is_some_and(|known| known.reported == stop.at && known.register == stop.register);
        if is_repetition {
            return self.note_quirk("repeats_stop");
        }
        self.keep_evidence(core, received, Some(id));
        self.find_after_seal(core, received, id);
    }

    pub fn meter_values(&mut self, core: &mut Core, received: &Received<'_>, values: &MeterValues) {
        for sample in &values.samples {
            let lateness = if sample.is_asked_for { Lateness::None } else { Lateness::Unusual };
            self.observe_clock(core, received, sample.at, lateness);
        }
        let resolved = self.resolve_values(values);
        let of_transaction = match &resolved {
            Resolved::Open(id) => self.transactions.open.get(id).map(|open| &open.row),
            Resolved::Sealed(id) => self.transactions.sealed.get(id),
            Resolved::Strange { .. } => None,
        };
        // A station may repeat an EVSE's values as its own, those of EVSE 0.
        let number = of_transaction.map_or(values.evse, |row| row.evse.number);
        let Some(place) = self.evse(number) else {
            if number == 0 {
                self.mains_values(core, received.now, &values.samples);
            }
            return;
        };
        if values.samples.is_empty() {
            return;
        }
        let transaction = match &resolved {
            Resolved::Open(id) => Some(*id),
            Resolved::Sealed(id) => {
                if values.samples.iter().any(|sample| sample.register.is_some()) {
                    self.values_after_seal(core, received, *id);
                }
                None
            }
            Resolved::Strange { claimed, .. } => {
                self.strange_values(core, received, claimed);
                None
            }
        };
        let samples = values.samples.iter().map(|sample| self.meter_sample(received.wall, sample)).collect();
        let row = MeterValuesRow {
            evse: self.evses[place].id.clone(),
            transaction,
            received_at: received.wall,
            frame: received.frame,
            seq_no: None,
            samples,
        };
        if let Some(id) = transaction {
            self.read_registers(core, received, id, &row.samples);
        }
        core.out.persist(Record::MeterValues(row));
        for sample in &values.samples {
            self.measure(core, received.now, place, sample);
        }
    }

    fn read_registers(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        id: TransactionId,
        samples: &[MeterSample],
    ) {
        let Some(open) = self.transactions.open.get_mut(&id) else { return };
        open.told_at(received.wall);
        let mut is_evidence = false;
        for sample in samples {
            is_evidence |=
                sample.register.is_some_and(|reading| open.read(reading, sample.at) == Kept::First);
        }
        if is_evidence {
            let evidence = self.keep_evidence(core, received, Some(id));
            if let Some(open) = self.transactions.open.get_mut(&id) {
                open.rest_on(evidence);
            }
        }
    }

    /// Tells control what was measured, the newest last.
    pub fn measure(&mut self, core: &mut Core, now: Timestamp, place: usize, sample: &Sample) {
        let taken_at = self.engine_time(core, now, sample.at);
        if taken_at < self.evses[place].measured_until {
            return;
        }
        self.measured_shows(core, now, place, sample);
        let evse = &mut self.evses[place];
        let measurement = evse.terminals.measurement(sample, taken_at, evse.register_before);
        if let Some((register, _)) = sample.register {
            evse.register_before = Some(RegisterAt { taken_at, register });
        }
        evse.measured_until = taken_at;
        let id = evse.id.clone();
        if let Some(measurement) = measurement {
            self.tell(core, now, SiteEvent::Measured(id, measurement));
        }
    }

    /// A transaction message that cannot be understood is kept, found, and answered so that it is not repeated.
    pub fn unreadable(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        message: TransactionMessage,
    ) -> Answer {
        match message {
            TransactionMessage::Start => self.orphan_start(core, received, "unreadable start".to_owned()),
            TransactionMessage::Stop => {
                self.keep_evidence(core, received, None);
                self.find(core, received, None, Doubt::Orphan { claimed: "unreadable stop".to_owned() });
                Answer::Transaction { verdict: None }
            }
            TransactionMessage::Event => {
                self.keep_evidence(core, received, None);
                self.find(core, received, None, Doubt::Orphan { claimed: "unreadable event".to_owned() });
                Answer::Transaction { verdict: None }
            }
            TransactionMessage::MeterValues => Answer::MeterValues,
        }
    }

    /// A start that no EVSE of ours made: it gets a number, so that it is not repeated, and is refused.
    fn orphan_start(&mut self, core: &mut Core, received: &Received<'_>, claimed: String) -> Answer {
        let transaction = core.next_transaction();
        core.persist_counters();
        self.keep_evidence(core, received, None);
        self.find(core, received, None, Doubt::Orphan { claimed });
        Answer::Start { transaction, verdict: Verdict::Unknown }
    }

    // What a claimed id means.

    fn resolve_stop(&self, stop: &Stop) -> Resolved {
        match &stop.transaction {
            Claimed::Id(id) => self.resolve_id(*id, None),
            Claimed::Odd(claimed) => {
                Resolved::Strange { claimed: claimed.clone(), control: self.meant_by(stop) }
            }
            Claimed::Missing => {
                Resolved::Strange { claimed: "none".to_owned(), control: self.meant_by(stop) }
            }
        }
    }

    /// The open transaction that a stop with an odd id must mean: the only one, or the only one of its token, that began
    /// before.
    fn meant_by(&self, stop: &Stop) -> Option<TransactionId> {
        let began_before = |row: &TransactionRow| match (stop.at, row.reported_start) {
            (Some(end), Some(begin)) => end >= begin,
            (None, _) | (_, None) => true,
        };
        let current: Vec<&TransactionRow> = self
            .evses
            .iter()
            .filter_map(|evse| self.transactions.open(evse.current?))
            .map(|open| &open.row)
            .filter(|row| began_before(row))
            .collect();
        let of_token: Vec<&TransactionRow> =
            current.iter().copied().filter(|row| stop.token.is_some() && row.token == stop.token).collect();
        match (current.as_slice(), of_token.as_slice()) {
            ([only], _) | (_, [only]) => Some(only.transaction),
            (_, _) => None,
        }
    }

    fn resolve_values(&self, values: &MeterValues) -> Resolved {
        let current = self.evse(values.evse).and_then(|place| self.evses[place].current);
        match (&values.transaction, current) {
            (Claimed::Id(id), current) => self.resolve_id(*id, current),
            (Claimed::Odd(claimed), control) => Resolved::Strange { claimed: claimed.clone(), control },
            // The id is optional, and the register is the EVSE's.
            (Claimed::Missing, Some(id)) => Resolved::Open(id),
            (Claimed::Missing, None) => Resolved::Strange { claimed: String::new(), control: None },
        }
    }

    fn resolve_id(&self, id: TransactionId, control: Option<TransactionId>) -> Resolved {
        if self.transactions.open.contains_key(&id) {
            Resolved::Open(id)
        } else if self.transactions.sealed.contains_key(&id) {
            Resolved::Sealed(id)
        } else {
            Resolved::Strange { claimed: id.to_string(), control }
        }
    }

    // Findings.

    /// Values under an id that is not this station's serve control only; of each kind of id the first is a finding.
    fn strange_values(&mut self, core: &mut Core, received: &Received<'_>, claimed: &str) {
        let quirk = match claimed {
            "" => return,
            "0" => "values_of_transaction_0",
            "-1" => "values_of_transaction_-1",
            "9223372036854775807" => "values_of_transaction_2^63-1",
            _ => "values_of_unknown_transaction",
        };
        if !self.row.quirks.contains_key(quirk) {
            self.keep_evidence(core, received, None);
            self.find(core, received, None, Doubt::Orphan { claimed: claimed.to_owned() });
        }
        self.note_quirk(quirk);
    }

    /// Values of a sealed transaction: the first are a finding, some stations go on for ever (FIELD section 4c, 32).
    fn values_after_seal(&mut self, core: &mut Core, received: &Received<'_>, id: TransactionId) {
        self.note_quirk("values_after_seal");
        let is_found = self
            .transactions
            .sealed
            .get(&id)
            .is_some_and(|row| row.doubts.iter().any(|doubt| matches!(doubt, Doubt::AfterSeal { .. })));
        if !is_found {
            self.keep_evidence(core, received, Some(id));
            self.find_after_seal(core, received, id);
        }
    }

    pub fn find_after_seal(&mut self, core: &mut Core, received: &Received<'_>, id: TransactionId) {
        let doubt = Doubt::AfterSeal { frame: received.frame };
        if let Some(row) = self.transactions.sealed.get_mut(&id) {
            row.doubts.push(doubt.clone());
            core.out.persist(Record::Transaction(Box::new(row.clone())));
        }
        self.find(core, received, Some(id), doubt);
    }

    pub fn find(
        &self,
        core: &mut Core,
        received: &Received<'_>,
        transaction: Option<TransactionId>,
        doubt: Doubt,
    ) {
        core.out.persist(Record::Finding(FindingRow {
            station: self.id().clone(),
            transaction,
            at: received.wall,
            doubt,
            frame: Some(received.frame),
        }));
    }

    pub fn keep_evidence(
        &self,
        core: &mut Core,
        received: &Received<'_>,
        transaction: Option<TransactionId>,
    ) -> EvidenceRef {
        let sha256 = received.sha256();
        core.out.persist(Record::Evidence(EvidenceRow {
            frame: received.frame,
            station: self.id().clone(),
            transaction,
            received_at: received.wall,
            action: received.action.to_owned(),
            text: received.text.into(),
            sha256,
        }));
        EvidenceRef { frame: received.frame, sha256 }
    }

    // Times.

    /// A reported time is held true where the station's clock is trusted; else our own counts, with a doubt.
    pub fn held(&self, wall: Timestamp, reported: Option<ReportedAt>) -> Held {
        let Some(ReportedAt(claimed)) = reported else {
            return Held {
                at: wall,
                doubt: Some(Doubt::ClockUntrusted { claimed: Timestamp::EPOCH, held: wall }),
            };
        };
        let is_trusted = self.clock_trust() == charging::ceiling::ExpiryTrust::Trusted;
        let is_possible = claimed <= wall + AHEAD_MAX && claimed >= wall - BEHIND_MAX;
        if is_trusted && is_possible {
            Held { at: claimed, doubt: None }
        } else {
            Held { at: wall, doubt: Some(Doubt::ClockUntrusted { claimed, held: wall }) }
        }
    }

    /// A register whose time is not the station's is a doubt where the CDR comes to rest on it.
    fn reading(&self, wall: Timestamp, sample: &Sample) -> Option<RegisterReading> {
        let (register, context) = sample.register?;
        Some(RegisterReading { at: self.held(wall, sample.at).at, register, context })
    }

    pub fn meter_sample(&self, wall: Timestamp, sample: &Sample) -> MeterSample {
        let total = sample.power.l1.is_some() || sample.power.l2.is_some() || sample.power.l3.is_some();
        let sum = total.then(|| sample.power.iter().filter_map(|(_, power)| *power).sum());
        MeterSample {
            at: sample.at,
            register: self.reading(wall, sample),
            current: sample.current,
            offered: sample.offered,
            power: sample.power_total.or(sum),
        }
    }

    pub fn verdict_at_stop(&self, core: &Core, wall: Timestamp, token: &IdToken) -> Verdict {
        let refusals: Vec<AuthoriseRefusal> = self
            .evses
            .iter()
            .map_while(|evse| core.directory.authorise(token, &evse.id, wall).err())
            .collect();
        match refusals.first() {
            Some(refusal) if refusals.len() == self.evses.len() => verdict_of(refusal, wall),
            Some(_) | None => Verdict::Accepted,
        }
    }
}

/// What a stop's own samples say of begin and end against start and stop: by more than a coarse register's step, nobody
/// knows which is right (recorded frame s147).
fn contradictions(register_start: Option<WattHours>, stop: &Stop) -> Vec<Doubt> {
    let contradiction = |(second, context): (WattHours, ReadingContext)| {
        let first = match context {
            ReadingContext::Begin => register_start?,
            ReadingContext::End => stop.register?,
            ReadingContext::Clock | ReadingContext::Periodic => return None,
        };
        let is_apart = second >= WattHours::ZERO && (second - first).magnitude() > REGISTER_STEP;
        is_apart.then_some(Doubt::Contradictory { context, first, second })
    };
    stop.samples.iter().filter_map(|sample| contradiction(sample.register?)).collect()
}

/// Where a start was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Live,
    Offline,
}

impl Origin {
    /// By how long ago it was.
    pub fn of(at: Timestamp, wall: Timestamp) -> Self {
        if wall.since(at) > LIVE_MAX { Self::Offline } else { Self::Live }
    }
}

/// Not now, and perhaps in a minute.
/// S1: whether the rows carry a start; people are told why they do not.
fn may_start(core: &mut Core, now: Timestamp, site: SiteIndex, evse: &EvseId) -> bool {
    let Err(refusal) = core.sites.site(site).may_start(now, evse) else { return true };
    core.out.push(Wait::ForNothing, Effect::StartRefused(refusal));
    false
}

fn not_now(wall: Timestamp) -> Verdict {
    Verdict::NotNow { until: wall + NOT_NOW_FOR }
}

/// What a station is told of a token that the directory refuses.
fn verdict_of(refusal: &AuthoriseRefusal, wall: Timestamp) -> Verdict {
    match refusal {
        AuthoriseRefusal::UnknownToken { .. } => Verdict::Unknown,
        AuthoriseRefusal::Blocked { .. } => Verdict::Blocked,
        AuthoriseRefusal::Expired { .. } => Verdict::Expired,
        // The token is good elsewhere, or later: no station must hold it bad for ever (FIELD section 4c, 48).
        AuthoriseRefusal::UnknownEvse { .. }
        | AuthoriseRefusal::NotYetInService { .. }
        | AuthoriseRefusal::NotAllowedHere { .. }
        | AuthoriseRefusal::NoTariff { .. } => not_now(wall),
    }
}
