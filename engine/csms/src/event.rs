//! Transactions that stations number themselves: their events, in whatever order they come, become the same facts as a
//! start, values and a stop.
//!
//! Each event counts once, by station, transaction and number, whatever its message id (FIELD section 6, trap 2). The CDR
//! is sealed when the first event, the last and all between them are in, or a day after the last with a doubt. What is
//! missing is never guessed: the registers of begin and end are those that say so (M2).

use billing::cdr::{Doubt, ReadingContext};
use charging::site::{EvState, SiteEvent};
use units::{EvseId, IdToken, SessionId, Timestamp, TransactionId, WattHours};

use crate::core::Core;
use crate::evidence::{Kept, OpenTransaction, Received};
use crate::message::{Answer, Event, EventKind, Presented, Verdict};
use crate::record::{
    Events, MeterSample, MeterValuesRow, Record, ReportedId, TransactionRow, TransactionStop,
};
use crate::session::{Admitted, Held, Origin, Resolved, SEALED_UNENDED_AFTER};
use crate::station::{Lateness, Station};

/// The EVSE of a transaction that has not told where it is: as in OCPP, the station as a whole.
const NOWHERE_YET: u16 = 0;

impl Station {
    pub fn event(&mut self, core: &mut Core, received: &Received<'_>, event: Event) -> Answer {
        let lateness = match event.kind {
            EventKind::Updated if !event.is_offline && event.samples.iter().any(|one| one.is_asked_for) => {
                Lateness::None
            }
            EventKind::Updated if !event.is_offline => Lateness::Unusual,
            EventKind::Started | EventKind::Updated | EventKind::Ended => Lateness::Usual,
        };
        self.observe_clock(core, received, event.at, lateness);
        self.note_reservation(core, event.reservation);
        let is_elsewhere = event.evse.is_some_and(|number| self.evse(number).is_none());
        let reported = match (&event.transaction, is_elsewhere) {
            (Some(reported), false) => reported.clone(),
            (Some(reported), true) => {
                self.note_quirk("transaction_at_unknown_evse");
                let claimed = format!("{reported} at EVSE {}", event.evse.unwrap_or(NOWHERE_YET));
                return self.orphan_event(core, received, &event, claimed);
            }
            (None, _) => return self.orphan_event(core, received, &event, "none".to_owned()),
        };
        let came = |events: &Events| event.seq_no.is_some_and(|number| events.has(number));
        let verdict = match self.transactions.reported(&reported, &event) {
            Some(Resolved::Open(id)) => match self.transactions.open(id).map(|open| &open.row) {
                Some(row) if came(&row.events) => {
                    let row = row.clone();
                    self.note_quirk("repeats_event");
                    self.verdict_on_known(core, received, &row, &event)
                }
                Some(_) | None => self.take_event(core, received, id, event),
            },
            Some(Resolved::Sealed(id)) => {
                let row = self.transactions.sealed(id).cloned();
                if row.as_ref().is_some_and(|row| came(&row.events)) {
                    self.note_quirk("repeats_event");
                } else {
                    self.came_after_seal(core, received, id);
                }
                row.and_then(|row| self.verdict_on_known(core, received, &row, &event))
            }
            Some(Resolved::Strange { .. }) | None => {
                let id = self.begin(core, received, reported, &event);
                self.take_event(core, received, id, event)
            }
        };
        Answer::Transaction { verdict }
    }

    /// An event that is known already, or comes too late, is answered alike and changes nothing.
    fn verdict_on_known(
        &self,
        core: &Core,
        received: &Received<'_>,
        row: &TransactionRow,
        event: &Event,
    ) -> Option<Verdict> {
        match event.token.as_ref()? {
            Presented::ToCharge(token) if row.evse.number != NOWHERE_YET => {
                let at = self.held(received.wall, event.at).at;
                Some(self.verdict_again(core, received.wall, row, token.as_ref(), at))
            }
            Presented::ToCharge(token) | Presented::ToEnd(token) => {
                Some(self.verdict_anywhere(core, received.wall, token.as_ref()))
            }
        }
    }

    /// An event of no transaction or EVSE of ours is kept and found once; its values serve control.
    fn orphan_event(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        event: &Event,
        claimed: String,
    ) -> Answer {
        let orphan = (claimed, None, None);
        if !self.orphans.contains(&orphan) {
            self.keep_evidence(core, received, None);
            self.find(core, received, None, Doubt::Orphan { claimed: orphan.0.clone() });
            self.remember_orphan(orphan);
        }
        if let Some(place) = event.evse.and_then(|number| self.evse(number)) {
            for sample in &event.samples {
                self.measure(core, received.now, place, sample);
            }
        }
        Answer::Transaction { verdict: event.token.as_ref().map(|_| Verdict::Unknown) }
    }

    /// A transaction is heard of for the first time, by whichever of its events came first.
    fn begin(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        reported: ReportedId,
        event: &Event,
    ) -> TransactionId {
        let transaction = core.next_transaction();
        core.persist_counters();
        self.transactions.insert(OpenTransaction::new(TransactionRow {
            transaction,
            session: SessionId(0),
            evse: EvseId { station: self.id().clone(), number: NOWHERE_YET },
            token: None,
            admission: None,
            reported_id: Some(reported),
            events: Events::default(),
            may_draw: false,
            is_refused_by_rows: false,
            reported_start: None,
            started_at: self.held(received.wall, event.at).at,
            register_start: None,
            stop: None,
            superseded_at: None,
            seal_at: None,
            doubts: Vec::new(),
            activity: Vec::new(),
            is_sealed: false,
        }));
        transaction
    }

    fn take_event(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        id: TransactionId,
        event: Event,
    ) -> Option<Verdict> {
        self.noticed(core, received, event.cost.iter().map(|cost| cost.as_ref().clone()).collect());
        let held = self.held(received.wall, event.at);
        let origin = if event.is_offline { Origin::Offline } else { Origin::of(held.at, received.wall) };
        let mut before = self.transactions.open(id)?.row.clone();
        let place = self.place_of(&before, &event);
        let was_drawing = place.and_then(|place| self.drawing(place));
        if let Some(place) = place {
            self.locate(core, received, id, place, origin);
        }
        let verdict = self.identify(core, received, id, &event, held.at, origin);
        let samples: Vec<MeterSample> =
            event.samples.iter().map(|sample| self.meter_sample(received.wall, sample)).collect();
        let open = self.transactions.open_mut(id)?;
        let known = (open.row.events.is_begun, open.row.stop.is_some());
        take_time(&mut open.row, &event, held, received.wall);
        if known != (open.row.events.is_begun, open.row.stop.is_some()) {
            open.row.doubts.extend(core.doubt_of_clock(received.now));
        }
        take_registers(&mut open.row, event.kind, &samples);
        let is_read = read_between(open, &samples);
        if may_draw(open, &event) {
            open.row.may_draw = true;
        }
        if let Some(number) = event.seq_no {
            open.row.events.insert(number);
        }
        let row = open.row.clone();
        if row.may_draw && row.token.is_none() && !before.may_draw {
            self.note_quirk("draws_without_token");
        }
        // That one more event came is told by the event itself; the first makes the row.
        let is_first = before.events.is_none();
        before.events.seen.clone_from(&row.events.seen);
        self.keep(core, received, &row, is_first || row != before, &event, is_read, samples);
        if let Some(place) = place {
            self.follow(core, received, place, &row, &event, was_drawing);
        }
        if row.stop.is_some() && row.events.is_complete() {
            self.seal(core, received.now, id);
        }
        verdict
    }

    /// Where the transaction is: told by the first event that knows, or plain where the station has one EVSE.
    fn place_of(&mut self, row: &TransactionRow, event: &Event) -> Option<usize> {
        if row.evse.number != NOWHERE_YET {
            if event.evse.is_some_and(|number| number != row.evse.number) {
                self.note_quirk("transaction_at_another_evse");
            }
            return self.evse(row.evse.number);
        }
        match (event.evse, self.evses.as_slice()) {
            (Some(number), _) => self.evse(number),
            (None, [_]) => Some(0),
            (None, _) => None,
        }
    }

    /// The transaction is at an EVSE: whichever was there before lost its end on the way.
    fn locate(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        id: TransactionId,
        place: usize,
        origin: Origin,
    ) {
        let row = self.transactions.open(id).map(|open| &open.row);
        let Some(row) = row.filter(|row| row.evse.number == NOWHERE_YET).cloned() else { return };
        let superseded_at = self.supersede(core, received.wall, place, row.started_at);
        let session = self.session_for(core, place, row.started_at, origin);
        let evse = self.evses[place].id.clone();
        if superseded_at.is_none() {
            self.evses[place].current = row.stop.is_none().then_some(id);
        }
        let admission =
            row.token.as_ref().and_then(|token| core.directory.authorise(token, &evse, row.started_at).ok());
        if let Some(open) = self.transactions.open_mut(id) {
            let seal_at = superseded_at.map(|_| received.wall + SEALED_UNENDED_AFTER);
            open.row = TransactionRow {
                evse,
                session: session.session,
                superseded_at,
                seal_at: row.seal_at.or(seal_at),
                admission: row.admission.clone().or(admission),
                ..row
            };
        }
    }

    /// Whose transaction it is: the token of the earliest event that has one to charge, whichever comes first.
    fn identify(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        id: TransactionId,
        event: &Event,
        at: Timestamp,
        origin: Origin,
    ) -> Option<Verdict> {
        let token = match event.token.as_ref()? {
            Presented::ToEnd(token) => {
                return Some(self.verdict_anywhere(core, received.wall, token.as_ref()));
            }
            Presented::ToCharge(token) => token.as_ref(),
        };
        let number = self.transactions.open(id)?.row.evse.number;
        let admitted = match self.evse(number) {
            Some(place) => self.admit(core, received, place, token, at, origin),
            // Nobody knows yet which EVSE it will be: all where it may be must carry it.
            None => {
                let verdict = match origin {
                    Origin::Live => self.authorise(core, received, token.cloned()),
                    Origin::Offline => self.verdict_anywhere(core, received.wall, token),
                };
                Admitted { admission: None, verdict, is_refused_by_rows: false }
            }
        };
        let row = &mut self.transactions.open_mut(id)?.row;
        row.may_draw = true;
        let Some(token) = token else { return Some(admitted.verdict) };
        let is_earliest = match (row.events.token, event.seq_no) {
            (Some(known), Some(number)) => number < known,
            (None, _) => true,
            (Some(_), None) => false,
        };
        let known = row.token.clone();
        if known.is_none() || is_earliest {
            row.token = Some(token.clone());
            row.events.token = event.seq_no;
            row.admission = admitted.admission;
            row.is_refused_by_rows = admitted.is_refused_by_rows;
        }
        let other = match known {
            Some(known) if known != *token && is_earliest => Some(known),
            Some(known) if known != *token => Some(token.clone()),
            Some(_) | None => None,
        };
        let doubt = other.map(|other| Doubt::SeveralTokens { other });
        row.doubts.extend(doubt.filter(|doubt| !row.doubts.contains(doubt)));
        Some(admitted.verdict)
    }

    /// The event is committed: in the transaction's row where it changed that, else as a fact of its own; its frame where
    /// the CDR will rest on it.
    #[expect(clippy::too_many_arguments, reason = "one event's values, each used once")]
    fn keep(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        row: &TransactionRow,
        is_changed: bool,
        event: &Event,
        is_read: Kept,
        samples: Vec<MeterSample>,
    ) {
        let id = row.transaction;
        let Some(open) = self.transactions.open_mut(id) else { return };
        open.told_at(received.wall);
        let is_evidence =
            is_changed || is_read == Kept::First || event.kind != EventKind::Updated || event.token.is_some();
        if is_evidence {
            let evidence = self.keep_evidence(core, received, Some(id));
            if let Some(open) = self.transactions.open_mut(id) {
                open.rest_on(evidence);
            }
        }
        if !samples.is_empty() || !is_changed {
            core.out.persist(Record::MeterValues(MeterValuesRow {
                evse: row.evse.clone(),
                transaction: Some(id),
                received_at: received.wall,
                frame: received.frame,
                seq_no: event.seq_no,
                samples,
            }));
        }
        if is_changed {
            core.out.persist(Record::Transaction(Box::new(row.clone())));
        }
    }

    /// What control and the session follow from the event.
    fn follow(
        &mut self,
        core: &mut Core,
        received: &Received<'_>,
        place: usize,
        row: &TransactionRow,
        event: &Event,
        was_drawing: Option<TransactionId>,
    ) {
        let evse = self.evses[place].id.clone();
        let is_current = self.evses[place].current == Some(row.transaction);
        if is_current && row.stop.is_some() {
            self.evses[place].current = None;
        }
        match (was_drawing, self.drawing(place)) {
            (was, Some(is)) if was != Some(is) => {
                self.tell(core, received.now, SiteEvent::TransactionStarted(evse));
            }
            (Some(_), None) => self.draw_ended(core, received.now, row),
            (None | Some(_), None | Some(_)) => {}
        }
        let is_newest = event.seq_no.is_none_or(|number| row.events.highest() == Some(number));
        if let Some(ev) = event.ev.filter(|_| is_current && is_newest) {
            self.ev_told(core, received, place, ev, event.at);
            // M8: what was so while the station was away says nothing of now.
            self.evses[place].is_ev_told = !event.is_offline;
        }
        for sample in &event.samples {
            self.measure(core, received.now, place, sample);
        }
    }

    fn verdict_anywhere(&self, core: &Core, wall: Timestamp, token: Option<&IdToken>) -> Verdict {
        token.map_or(Verdict::Unknown, |token| self.verdict_at_stop(core, wall, token))
    }

    /// What comes after sealing is a finding, the first of it.
    fn came_after_seal(&mut self, core: &mut Core, received: &Received<'_>, id: TransactionId) {
        self.note_quirk("event_after_seal");
        let is_found = self
            .transactions
            .sealed(id)
            .is_some_and(|row| row.doubts.iter().any(|doubt| matches!(doubt, Doubt::AfterSeal { .. })));
        if !is_found {
            self.keep_evidence(core, received, Some(id));
            self.find_after_seal(core, received, id);
        }
    }
}

/// What is settled at sealing, once all that will come has come.
pub(crate) fn close(row: &mut TransactionRow) {
    if !row.events.is_complete() {
        row.doubts.push(Doubt::Incomplete { missing: row.events.missing() });
    }
    if let Some(stop) = &mut row.stop
        && stop.at < row.started_at
    {
        row.doubts.push(Doubt::ClockUntrusted { claimed: stop.at, held: row.started_at });
        stop.at = row.started_at;
    }
}

/// When it began and ended. Before the first event has come, it began at the earliest event known.
fn take_time(row: &mut TransactionRow, event: &Event, held: Held, wall: Timestamp) {
    let is_trusted = held.doubt.is_none();
    match event.kind {
        EventKind::Started if !row.events.is_begun => {
            row.events.is_begun = true;
            row.events.first = event.seq_no;
            row.reported_start = event.at;
            row.started_at = if is_trusted { held.at } else { row.started_at.min(held.at) };
            row.doubts.extend(held.doubt);
        }
        EventKind::Started | EventKind::Updated => {
            if !row.events.is_begun {
                row.started_at = row.started_at.min(held.at);
            }
        }
        EventKind::Ended => {
            if !row.events.is_begun {
                row.started_at = row.started_at.min(held.at);
            }
            if row.stop.is_none() {
                row.events.last = event.seq_no;
                row.seal_at = Some(wall + SEALED_UNENDED_AFTER);
                row.stop = Some(TransactionStop {
                    reported: event.at,
                    at: held.at,
                    register: None,
                    reason: event.reason.clone(),
                });
                row.doubts.extend(held.doubt);
            }
        }
    }
}

/// The registers of begin and end: those that say so, the end's in the last event only. One that contradicts another is
/// a doubt.
fn take_registers(row: &mut TransactionRow, kind: EventKind, samples: &[MeterSample]) {
    let of = |context: ReadingContext| -> Vec<WattHours> {
        let readings = samples.iter().filter_map(|sample| sample.register);
        readings.filter(|reading| reading.context == context).map(|reading| reading.register).collect()
    };
    let TransactionRow { register_start, stop, doubts, .. } = row;
    let mut contradict = |context, known: WattHours, other: WattHours| {
        let doubt = Doubt::Contradictory { context, first: known.min(other), second: known.max(other) };
        if known != other && !doubts.contains(&doubt) {
            doubts.push(doubt);
        }
        known.min(other)
    };
    for register in of(ReadingContext::Begin) {
        *register_start =
            Some(register_start.map_or(register, |known| contradict(ReadingContext::Begin, known, register)));
    }
    if kind != EventKind::Ended {
        return;
    }
    if let Some(stop) = stop {
        for register in of(ReadingContext::End) {
            stop.register = Some(
                stop.register.map_or(register, |known| contradict(ReadingContext::End, known, register)),
            );
        }
    }
}

/// The registers between begin and end, for the CDR.
fn read_between(open: &mut OpenTransaction, samples: &[MeterSample]) -> Kept {
    let mut kept = Kept::Superfluous;
    for sample in samples {
        if sample.register.is_some_and(|reading| open.read(reading, sample.at) == Kept::First) {
            kept = Kept::First;
        }
    }
    kept
}

/// A transaction draws once a token was presented to charge, the station offers energy, or its register rose.
fn may_draw(open: &OpenTransaction, event: &Event) -> bool {
    let is_offered = match event.ev {
        Some(EvState::Charging | EvState::SuspendedEv) => true,
        Some(EvState::Absent | EvState::Connected | EvState::SuspendedEvse | EvState::Faulted) | None => {
            false
        }
    };
    is_offered || open.energy().is_some_and(|energy| energy > WattHours::ZERO)
}
