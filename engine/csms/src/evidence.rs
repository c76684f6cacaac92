//! What a CDR rests on: registers on a grid of quarter hours, and the frames they came in (MONEY sections 5 and 9).

use std::collections::BTreeMap;

use billing::cdr::{Cdr, Doubt, Driver, EvidenceRef, EvseLimits, FeeClass, ReadingContext, RegisterReading};
use billing::directory::Directory;
use sha2::{Digest, Sha256};
use units::civil::Zone;
use units::{CdrId, OwnerId, ReportedAt, SiteId, TimeSpan, Timestamp, WattHours};

use crate::message::Named;
use crate::record::TransactionRow;

/// Tariffs cut at quarter hours at the finest: of each the first register is kept in the CDR.
const CELL: TimeSpan = TimeSpan::from_minutes(15);

/// A frame that a station sent, as it is being dealt with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    /// By the engine's clock.
    pub now: Timestamp,
    /// By the wall clock.
    pub wall: Timestamp,
    /// In the frame log.
    pub frame: u64,
    /// OCPP's action.
    pub action: &'a str,
    pub text: &'a str,
}

impl Received<'_> {
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

/// A transaction that is not sealed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenTransaction {
    pub row: TransactionRow,
    /// By the begin of each quarter hour.
    cells: BTreeMap<Timestamp, Read>,
    /// In the order of receipt.
    evidence: Vec<EvidenceRef>,
    /// The newest register, for people.
    pub register_last: Option<WattHours>,
    /// When the newest frame of it came that is kept, by the wall clock.
    pub told_at: Timestamp,
}

/// A register between begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Read {
    reading: RegisterReading,
    /// When the station says that it read it.
    claimed: Option<ReportedAt>,
}

impl Read {
    /// Where its time is not the station's: nobody knows on which side of a price boundary it was read.
    fn doubt(&self) -> Option<Doubt> {
        let held = self.reading.at;
        let claimed = self.claimed.map_or(Timestamp::EPOCH, |ReportedAt(at)| at);
        (claimed != held).then_some(Doubt::ClockUntrusted { claimed, held })
    }
}

/// Whether a reading belongs into the CDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is the first of its quarter hour: its frame is evidence.
    First,
    /// Another one came before it.
    Superfluous,
}

impl OpenTransaction {
    pub fn new(row: TransactionRow) -> Self {
        let register_last = row.register_start;
        let told_at = row.started_at;
        Self { row, cells: BTreeMap::new(), evidence: Vec::new(), register_last, told_at }
    }

    /// A frame of it came that is kept.
    pub fn told_at(&mut self, wall: Timestamp) {
        self.told_at = self.told_at.max(wall);
    }

    /// Takes a register of the transaction, and when its station says that it was read.
    pub fn read(&mut self, reading: RegisterReading, claimed: Option<ReportedAt>) -> Kept {
        // Below zero stands for unknown (FIELD section 4c, 35): no register at all.
        if reading.register < WattHours::ZERO {
            return Kept::Superfluous;
        }
        // Zero amid a transaction that began above it stands for a meter that is not read yet (recorded frame s038). A
        // meter that was reset shows at its next register, or at the end.
        let began_above = self.row.register_start.is_some_and(|begin| begin > WattHours::ZERO);
        if reading.register == WattHours::ZERO && began_above {
            return Kept::Superfluous;
        }
        self.register_last = Some(reading.register);
        match reading.context {
            // Those of begin and end are in the row.
            ReadingContext::Begin | ReadingContext::End => return Kept::Superfluous,
            ReadingContext::Clock | ReadingContext::Periodic => {}
        }
        // Of a transaction that the station numbers the first event may come last: its CDR leaves out what lies before.
        if reading.at < self.row.started_at && self.row.reported_id.is_none() {
            return Kept::Superfluous;
        }
        let cell = reading.at.floor_to(CELL);
        if self.cells.get(&cell).is_some_and(|first| first.reading.at <= reading.at) {
            return Kept::Superfluous;
        }
        self.cells.insert(cell, Read { reading, claimed });
        Kept::First
    }

    /// A frame that the CDR will rest on.
    pub fn rest_on(&mut self, evidence: EvidenceRef) {
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    /// Energy so far.
    pub fn energy(&self) -> Option<WattHours> {
        Some(self.register_last? - self.row.register_start?)
    }

    /// The id that its station knows it by.
    pub fn named(&self) -> Named {
        self.row.reported_id.clone().map_or(Named::Ours(self.row.transaction), Named::Theirs)
    }

    /// An EV was plugged in, nobody asked for energy, and none flowed: nothing to bill.
    pub fn is_without_energy(&self) -> bool {
        let row = &self.row;
        let end = row.stop.as_ref().and_then(|stop| stop.register);
        !row.may_draw
            && row.token.is_none()
            && row.doubts.iter().all(is_of_time)
            && row.register_start == end
            && row.events.is_complete()
    }

    /// The CDR, once the row says how it ended (or that it never will). `overlaps` are doubts about other transactions.
    pub fn cdr(&self, id: CdrId, place: &Place<'_>, overlaps: Vec<Doubt>) -> Cdr {
        let row = &self.row;
        let stopped_at = row.stop.as_ref().map_or(row.started_at, |stop| stop.at);
        let begin = row.register_start.map(|register| RegisterReading {
            at: row.started_at,
            register,
            context: ReadingContext::Begin,
        });
        let end = row.stop.as_ref().and_then(|stop| stop.register).map(|register| RegisterReading {
            at: stopped_at,
            register,
            context: ReadingContext::End,
        });
        let is_between = |read: &&Read| (row.started_at..=stopped_at).contains(&read.reading.at);
        let between: Vec<&Read> = self.cells.values().filter(is_between).collect();
        // Of registers whose time is ours the first is told: it speaks for those that follow.
        let placed_by_us = between.iter().find_map(|read| read.doubt());
        let between = between.into_iter().map(|read| read.reading);
        let readings: Vec<RegisterReading> = begin.into_iter().chain(between).chain(end).collect();
        let terms = place.directory.terms(&row.evse, row.started_at).ok();
        let admission = row.admission.as_ref();
        let mut cdr = Cdr {
            id,
            site: admission.map_or(place.site, |admission| &admission.site).clone(),
            owner: match (admission, terms) {
                (Some(admission), _) => admission.owner.clone(),
                (None, Some(terms)) => terms.owner.clone(),
                (None, None) => unknown_owner(),
            },
            zone: admission.map_or(place.zone, |admission| &admission.zone).clone(),
            evse: row.evse.clone(),
            fee_class: match (admission, terms) {
                (Some(admission), _) => admission.fee_class,
                (None, Some(terms)) => terms.fee_class,
                (None, None) => FeeClass::Plan,
            },
            transaction: row.transaction,
            session: row.session,
            token: row.token.clone(),
            driver: admission.map_or(Driver::Unknown, |admission| admission.driver.clone()),
            tariff: admission.map(|admission| admission.tariff.clone()),
            started_at: row.started_at,
            stopped_at,
            readings,
            activity: row.activity.iter().copied().filter(|span| span.from < stopped_at).collect(),
            doubts: row.doubts.clone(),
            evidence: self.evidence.clone(),
            stop_reason: row.stop.as_ref().map_or_else(String::new, |stop| stop.reason.clone()),
        };
        let seen = placed_by_us.into_iter().chain(overlaps);
        for doubt in seen.chain(cdr.examine(place.limits, place.duration_limit)) {
            if !cdr.doubts.contains(&doubt) {
                cdr.doubts.push(doubt);
            }
        }
        cdr.evidence.sort_unstable();
        cdr
    }
}

/// Whether a doubt is about when something happened, and not about what.
const fn is_of_time(doubt: &Doubt) -> bool {
    matches!(doubt, Doubt::ClockUntrusted { .. } | Doubt::ClockJumped { .. })
}

/// Where a transaction took place.
pub(crate) struct Place<'a> {
    pub site: &'a SiteId,
    pub zone: &'a Zone,
    pub limits: EvseLimits,
    /// A longer transaction is in doubt.
    pub duration_limit: TimeSpan,
    pub directory: &'a Directory,
}

/// An EVSE that the directory does not know is billed to nobody: the CDR is in doubt for other reasons already.
fn unknown_owner() -> OwnerId {
    #[expect(clippy::expect_used, reason = "the text is a valid id, as a test shows")]
    let owner = "unknown".parse().expect("`unknown` is an id");
    owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Events;

    #[test]
    fn the_unknown_owner_has_a_name() {
        assert_eq!(unknown_owner().as_str(), "unknown");
    }

    #[test]
    fn of_each_quarter_hour_the_first_register_is_kept_whatever_the_order_of_receipt() {
        let minute = |count| Timestamp::EPOCH + TimeSpan::from_minutes(count);
        let mut open = OpenTransaction::new(TransactionRow {
            transaction: units::TransactionId(1),
            session: units::SessionId(1),
            evse: "CP/1".parse().unwrap(),
            token: None,
            admission: None,
            reported_id: None,
            events: Events::default(),
            may_draw: true,
            is_refused_by_rows: false,
            reported_start: None,
            started_at: minute(1),
            register_start: Some(WattHours::ZERO),
            stop: None,
            superseded_at: None,
            seal_at: None,
            doubts: Vec::new(),
            activity: Vec::new(),
            is_sealed: false,
        });
        let mut read = |at, watt_hours| {
            let register = WattHours::from_watt_hours(watt_hours);
            let reading = RegisterReading { at: minute(at), register, context: ReadingContext::Periodic };
            open.read(reading, Some(ReportedAt(minute(at))))
        };
        assert_eq!(read(0, 0), Kept::Superfluous, "before the begin");
        assert_eq!(read(3, 30), Kept::First);
        assert_eq!(read(4, 40), Kept::Superfluous);
        assert_eq!(read(2, 20), Kept::First, "an earlier one came later");
        assert_eq!(read(15, 150), Kept::First);
        let kept: Vec<i64> =
            open.cells.values().map(|read| read.reading.register.watt_hours_floor()).collect();
        assert_eq!(kept, [20, 150]);
        assert_eq!(open.energy(), Some(WattHours::from_watt_hours(150)));
    }
}
