//! Records in memory that obey the commit protocol: what waits for a record leaves once the record is durable, and a
//! crash forgets what was not.
//!
//! Two roots share one writer and one commit, as in production; each numbers its own records from 1 in each run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use billing::cdr::ReadingContext;
use billing::pricing::PricedCdr;
use csms::Record;
use plant::station::TransactionName;
use units::{CdrId, EvseId, RecordSeq, SessionId, SiteId, StationId, TimeSpan, Timestamp, TransactionId};

/// What is durable.
#[derive(Debug, Default)]
pub struct Store {
    state: BTreeMap<StateKey, Record>,
    /// What stations call their transactions, where they name them themselves.
    reported: BTreeMap<(StationId, String), TransactionId>,
    /// Facts of transactions that are not sealed; their CDR keeps what counts of them afterwards.
    open_facts: BTreeMap<TransactionId, Vec<Record>>,
    /// Facts of transactions that are sealed, where somebody wants them: a month's would fill the memory.
    sealed_facts: Option<Vec<Record>>,
    /// Sealed CDRs that `office` has not priced.
    unpriced: BTreeMap<CdrId, Box<billing::cdr::Cdr>>,
    cdrs: Vec<billing::cdr::Cdr>,
    cdr_place: BTreeMap<CdrId, usize>,
    /// Sealed transactions that a restarted engine gets, by their stops.
    sealed: BTreeSet<(Timestamp, TransactionId)>,
    findings: Vec<csms::record::FindingRow>,
    office: Vec<office::Record>,
    office_place: BTreeMap<(&'static str, String), usize>,
    /// Frames whose contents are durable, as evidence or as meter values, and whose acknowledgement was not yet seen.
    frames: BTreeSet<u64>,
    /// Hashes of the payloads of frames that came and whose contents are not durable yet.
    arrived: BTreeMap<u64, u64>,
    /// Hashes of the last payloads of each station that are durable, newest last.
    payloads: BTreeMap<StationId, VecDeque<u64>>,
    records: u64,
    commits: u64,
}

/// What state rows replace each other by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum StateKey {
    Counters,
    Evse(EvseId),
    Facts(StationId),
    Security(StationId),
    Session(SessionId),
    Site(SiteId),
    Station(StationId),
    Terms(SiteId),
    Transaction(TransactionId),
    /// By table and key.
    Upkeep(&'static str, String),
}

impl StateKey {
    /// None for a fact.
    fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Counters(_) => Some(Self::Counters),
            Record::Security(row) => Some(Self::Security(row.station.clone())),
            Record::Facts(row) => Some(Self::Facts(row.station.clone())),
            Record::Evse(row) => Some(Self::Evse(row.evse.clone())),
            Record::Session(row) => Some(Self::Session(row.session)),
            Record::Site(row) => Some(Self::Site(row.config.id.clone())),
            Record::Terms(row) => Some(Self::Terms(row.site.clone())),
            Record::Station(row) => Some(Self::Station(row.station.clone())),
            Record::Transaction(row) => Some(Self::Transaction(row.transaction)),
            Record::Upkeep(row) => Some(Self::Upkeep(row.table(), row.key())),
            Record::Evidence(_)
            | Record::MeterValues(_)
            | Record::Cdr(_)
            | Record::Finding(_)
            | Record::Notice(_)
            | Record::Reason(_)
            | Record::Audit(_) => None,
        }
    }
}

/// All that is durable, as a server's database would hold it.
#[derive(Debug, Clone, Default)]
pub struct Durable {
    /// Of the sites: state rows, facts of transactions, CDRs, findings.
    pub csms: Vec<Record>,
    /// Of the business, in order.
    pub office: Vec<office::Record>,
}

/// Records of one root on the way to the disk, and effects that wait for them.
#[derive(Debug)]
pub struct Waiting<R, E> {
    records: VecDeque<(RecordSeq, R)>,
    effects: VecDeque<(RecordSeq, E)>,
    durable: RecordSeq,
    /// The record that came last, be it that it is on its way to the disk.
    last: RecordSeq,
}

impl<R, E> Default for Waiting<R, E> {
    fn default() -> Self {
        Self { records: VecDeque::new(), effects: VecDeque::new(), durable: RecordSeq(0), last: RecordSeq(0) }
    }
}

impl<R, E> Waiting<R, E> {
    /// A record that wants to become durable.
    ///
    /// # Panics
    ///
    /// Where the numbers do not rise by one: the engine's promise.
    pub fn record(&mut self, seq: RecordSeq, record: R) {
        assert!(seq == self.last.next(), "record {seq} follows record {}", self.last);
        self.last = seq;
        self.records.push_back((seq, record));
    }

    /// An effect that may leave once `after` is durable. Returned where it may leave now.
    pub fn effect(&mut self, after: RecordSeq, effect: E) -> Option<E> {
        // What waits for nothing overtakes what waits: a shed.
        if after <= self.durable {
            return Some(effect);
        }
        self.effects.push_back((after, effect));
        None
    }

    /// Throws waiting effects away.
    pub fn withdraw(&mut self, is_withdrawn: impl Fn(&E) -> bool) {
        self.effects.retain(|(_, effect)| !is_withdrawn(effect));
    }

    /// Takes what the next commit writes.
    pub fn take_batch(&mut self) -> Vec<(RecordSeq, R)> {
        self.records.drain(..).collect()
    }

    /// The batch up to `seq` is durable; what may leave now, in order.
    pub fn committed(&mut self, seq: RecordSeq) -> Vec<E> {
        self.durable = seq;
        let ready = self.effects.iter().take_while(|(after, _)| *after <= seq).count();
        self.effects.drain(..ready).map(|(_, effect)| effect).collect()
    }

    /// Whether records wait.
    #[must_use]
    pub fn has_records(&self) -> bool {
        !self.records.is_empty()
    }
}

impl Store {
    /// Facts of sealed transactions are kept from now on.
    pub fn keep_sealed_facts(&mut self) {
        self.sealed_facts = Some(Vec::new());
    }

    /// All that is durable, less the facts of sealed transactions where they were not kept.
    #[must_use]
    pub fn durable(&self) -> Durable {
        let mut csms: Vec<Record> = self.csms_rows().cloned().collect();
        csms.extend(self.sealed_facts.iter().flatten().cloned());
        csms.extend(self.cdrs.iter().cloned().map(|cdr| Record::Cdr(Box::new(cdr))));
        csms.extend(self.findings.iter().cloned().map(Record::Finding));
        Durable { csms, office: self.office_rows() }
    }

    /// Makes a batch of the sites durable.
    pub fn commit_csms(&mut self, batch: Vec<(RecordSeq, Record)>) {
        self.records += u64::try_from(batch.len()).unwrap_or(0);
        for (_, record) in batch {
            self.keep(record);
        }
    }

    /// Makes a batch of the business durable; what CDRs were priced at in it.
    pub fn commit_office(&mut self, batch: Vec<(RecordSeq, office::Record)>) -> Vec<PricedCdr> {
        self.records += u64::try_from(batch.len()).unwrap_or(0);
        let mut all_priced = Vec::new();
        for (_, record) in batch {
            if let office::Record::PricedCdr(priced) = &record {
                all_priced.push(priced.as_ref().clone());
            }
            if let Some(cdr) = disposed(&record) {
                self.unpriced.remove(&cdr);
            }
            match record.key() {
                None => self.office.push(record),
                Some(key) => {
                    let key = (table(&record), key);
                    match self.office_place.get(&key) {
                        Some(&place) => self.office[place] = record,
                        None => {
                            self.office_place.insert(key, self.office.len());
                            self.office.push(record);
                        }
                    }
                }
            }
        }
        all_priced
    }

    /// A sealed CDR.
    #[must_use]
    pub fn cdr(&self, id: CdrId) -> Option<&billing::cdr::Cdr> {
        self.cdr_place.get(&id).map(|&place| &self.cdrs[place])
    }

    /// Nobody looks any more at what a CDR's meter said between its start and its stop, unless evidence is kept.
    pub fn cdr_is_judged(&mut self, id: CdrId) {
        if let (None, Some(&place)) = (&self.sealed_facts, self.cdr_place.get(&id)) {
            let readings = &mut self.cdrs[place].readings;
            readings.retain(|reading| reading.context != ReadingContext::Periodic);
            readings.shrink_to_fit();
        }
    }

    /// A commit took place.
    pub const fn count_commit(&mut self) {
        self.commits += 1;
    }

    /// What a restarted `Csms` gets: state rows, and the facts of transactions that are not sealed.
    pub fn csms_rows(&self) -> impl Iterator<Item = &Record> {
        self.state.values().chain(self.open_facts.values().flatten())
    }

    /// What a restarted `Office` gets: every record, in order.
    #[must_use]
    pub fn office_rows(&self) -> Vec<office::Record> {
        self.office.clone()
    }

    /// CDRs that are durable but not priced: a restart hands them to `Office` again.
    #[must_use]
    pub fn unpriced(&self) -> Vec<billing::cdr::Cdr> {
        self.unpriced.values().map(|cdr| cdr.as_ref().clone()).collect()
    }

    /// All sealed CDRs, in order.
    #[must_use]
    pub fn cdrs(&self) -> &[billing::cdr::Cdr] {
        &self.cdrs
    }

    /// All findings of the sites, in order.
    #[must_use]
    pub fn findings(&self) -> &[csms::record::FindingRow] {
        &self.findings
    }

    /// All records of the business.
    #[must_use]
    pub fn office(&self) -> &[office::Record] {
        &self.office
    }

    /// The transaction that a station calls `name`: the last of them, should it ever use a name twice.
    #[must_use]
    pub fn transaction_named(&self, station: &StationId, name: &TransactionName) -> Option<TransactionId> {
        match name {
            TransactionName::Backend(id) => u64::try_from(*id).ok().map(TransactionId),
            TransactionName::Station(name) => self.reported.get(&(station.clone(), name.clone())).copied(),
        }
    }

    /// A frame that carries a transaction's facts came, with this hash of its payload.
    pub fn frame_arrives(&mut self, frame: u64, payload: u64) {
        self.arrived.insert(frame, payload);
    }

    /// Whether `frame` is durable evidence; asked once, when its acknowledgement leaves.
    pub fn take_evidence(&mut self, frame: u64) -> bool {
        self.frames.remove(&frame)
    }

    /// Whether a frame with this payload is among the last durable ones of `station`.
    #[must_use]
    pub fn has_payload(&self, station: &StationId, payload: u64) -> bool {
        self.payloads.get(station).is_some_and(|known| known.contains(&payload))
    }

    /// Records and commits so far.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.records, self.commits)
    }

    fn keep(&mut self, record: Record) {
        if let Some(key) = StateKey::of(&record) {
            if let Record::Transaction(row) = &record {
                if row.is_sealed
                    && let Some(facts) = self.open_facts.remove(&row.transaction)
                    && let Some(kept) = &mut self.sealed_facts
                {
                    kept.extend(facts);
                }
                if let Some(name) = &row.reported_id {
                    self.reported.insert((row.evse.station.clone(), name.0.clone()), row.transaction);
                }
                if let Some(stop) = row.stop.as_ref().filter(|_| row.is_sealed) {
                    self.sealed.insert((stop.at, row.transaction));
                }
            }
            if matches!(&record, Record::Session(row) if row.ended_at.is_some())
                && self.sealed_facts.is_none()
            {
                self.state.remove(&key);
            } else {
                self.state.insert(key, record);
            }
            self.forget_old_states();
            return;
        }
        match &record {
            Record::Cdr(cdr) => {
                self.unpriced.insert(cdr.id, cdr.clone());
                self.cdr_place.insert(cdr.id, self.cdrs.len());
                self.cdrs.push(cdr.as_ref().clone());
            }
            Record::Finding(row) => self.findings.push(row.clone()),
            Record::Evidence(row) => {
                self.keep_frame(row.frame, &row.station);
                if let Some(transaction) = row.transaction {
                    self.keep_open(transaction, record);
                }
            }
            Record::MeterValues(row) => {
                self.keep_frame(row.frame, &row.evse.station);
                if let Some(transaction) = row.transaction {
                    self.keep_open(transaction, record);
                }
            }
            Record::Notice(_) | Record::Reason(_) | Record::Audit(_) => {}
            Record::Site(_)
            | Record::Station(_)
            | Record::Security(_)
            | Record::Facts(_)
            | Record::Evse(_)
            | Record::Session(_)
            | Record::Transaction(_)
            | Record::Upkeep(_)
            | Record::Terms(_)
            | Record::Counters(_) => unreachable!("{} is a state row and has a key", record.table()),
        }
    }

    /// A restarted engine gets no session that has ended, nor what was sealed long ago, as in production.
    fn forget_old_states(&mut self) {
        if self.sealed_facts.is_some() {
            return;
        }
        let last = self.sealed.last().map(|(stopped_at, _)| *stopped_at);
        while let Some(&(stopped_at, transaction)) = self.sealed.first()
            && last.is_some_and(|last| last.since(stopped_at) > SEALED_KEPT)
        {
            self.sealed.pop_first();
            self.state.remove(&StateKey::Transaction(transaction));
        }
    }

    fn keep_frame(&mut self, frame: u64, station: &StationId) {
        self.frames.insert(frame);
        let Some(payload) = self.arrived.remove(&frame) else { return };
        let payloads = self.payloads.entry(station.clone()).or_default();
        payloads.push_back(payload);
        if payloads.len() > PAYLOADS_KEPT {
            payloads.pop_front();
        }
    }

    fn keep_open(&mut self, transaction: TransactionId, record: Record) {
        let key = StateKey::Transaction(transaction);
        let is_sealed = matches!(self.state.get(&key), Some(Record::Transaction(row)) if row.is_sealed);
        if !is_sealed {
            self.open_facts.entry(transaction).or_default().push(record);
        } else if let Some(kept) = &mut self.sealed_facts {
            kept.push(record);
        }
    }
}

/// A restarted engine knows sealed transactions for so long after.
const SEALED_KEPT: TimeSpan = TimeSpan::from_hours(32 * 24);
/// Payloads that are remembered per station, to tell a repeated message.
const PAYLOADS_KEPT: usize = 256;

/// The CDR that `office` has dealt with by this record: it is billed or held.
fn disposed(record: &office::Record) -> Option<CdrId> {
    match record {
        office::Record::PricedCdr(priced) => Some(priced.cdr),
        office::Record::Finding(row) => Some(row.cdr.id),
        office::Record::Owner(_)
        | office::Record::Account(_)
        | office::Record::Token(_)
        | office::Record::Tariff(_)
        | office::Record::Access(_)
        | office::Record::Prices(_)
        | office::Record::Sighting(_)
        | office::Record::Counters(_)
        | office::Record::Books(_)
        | office::Record::Stated(_)
        | office::Record::Payout(_)
        | office::Record::Line(_)
        | office::Record::Resolution(_)
        | office::Record::Document(_)
        | office::Record::Collection(_)
        | office::Record::Settlement(_)
        | office::Record::Entry(_)
        | office::Record::Audit(_) => None,
    }
}

/// A name for each kind of state row of the business: keys are unique within it.
const fn table(record: &office::Record) -> &'static str {
    match record {
        office::Record::Owner(_) => "owner",
        office::Record::Account(_) => "account",
        office::Record::Token(_) => "token",
        office::Record::Tariff(_) => "tariff",
        office::Record::Access(_) => "access",
        office::Record::Prices(_) => "prices",
        office::Record::Sighting(_) => "sighting",
        office::Record::Counters(_) => "counters",
        office::Record::Books(_) => "books",
        office::Record::Stated(_) => "stated",
        office::Record::Payout(_) => "payout",
        office::Record::PricedCdr(_)
        | office::Record::Line(_)
        | office::Record::Finding(_)
        | office::Record::Resolution(_)
        | office::Record::Document(_)
        | office::Record::Collection(_)
        | office::Record::Settlement(_)
        | office::Record::Entry(_)
        | office::Record::Audit(_) => "fact",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_leave_in_order_once_their_record_is_durable_and_a_shed_waits_for_nothing() {
        let mut waiting: Waiting<&str, &str> = Waiting::default();
        waiting.record(RecordSeq(1), "first");
        assert_eq!(waiting.effect(RecordSeq(1), "acknowledgement"), None);
        waiting.record(RecordSeq(2), "second");
        assert_eq!(waiting.effect(RecordSeq(2), "raise"), None);
        assert_eq!(waiting.effect(RecordSeq(0), "shed"), Some("shed"));
        let batch = waiting.take_batch();
        assert_eq!(batch.len(), 2);
        waiting.record(RecordSeq(3), "third");
        assert_eq!(waiting.effect(RecordSeq(3), "later"), None);
        assert_eq!(waiting.committed(RecordSeq(2)), ["acknowledgement", "raise"]);
        assert!(waiting.has_records());
        assert_eq!(waiting.committed(RecordSeq(3)), ["later"]);
    }

    #[test]
    #[should_panic(expected = "record 3 follows record 1")]
    fn a_gap_in_the_numbers_of_records_is_a_defect() {
        let mut waiting: Waiting<&str, &str> = Waiting::default();
        waiting.record(RecordSeq(1), "first");
        waiting.record(RecordSeq(3), "third");
    }
}
