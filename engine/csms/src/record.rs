//! Records: the truth that is committed. A *fact* is inserted and never changed; a *state row* replaces the one with
//! the same key. A restart reads the state rows and the facts of open transactions back as the very same values.

use billing::cdr::{ActivitySpan, Cdr, Doubt, RegisterReading};
use charging::network::SiteConfig;
use charging::site::EvseRecord;
use charging::terms::Terms;
use serde::{Deserialize, Serialize};
use units::{
    Amperes, EvseId, IdToken, PerPhase, ReportedAt, SessionId, SiteId, StationId, Timestamp, TransactionId,
    WattHours, Watts,
};

pub use crate::facts::FactsRow;
pub use crate::notice::{Notice, NoticeRow, Subject};
pub use crate::reasons::ReasonRow;
pub use crate::security::{SecurityRow, StoredPassword};
pub use crate::upkeep::UpkeepRow;

/// One committed row. Large rows are boxed: facts are many, and small.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// State, by site.
    Site(Box<SiteRow>),
    /// State, by station.
    Station(Box<StationRow>),
    /// State, by station: what it must prove to speak, and its password's hash.
    Security(Box<SecurityRow>),
    /// State, by station: what it has shown, how it is set, what was wrong with it.
    Facts(Box<FactsRow>),
    /// State, by EVSE: what control must know after a restart.
    Evse(Box<EvseRow>),
    /// State, by session; ended sessions keep their last row.
    Session(SessionRow),
    /// State, by transaction; a sealed transaction keeps its last row.
    Transaction(Box<TransactionRow>),
    /// State, by site: what energy and power cost there, and what others command.
    Terms(Box<TermsRow>),
    /// State, by kind and key: jobs, templates, local lists, reservations, uploads.
    Upkeep(Box<UpkeepRow>),
    /// State, one row: the next numbers.
    Counters(Counters),
    /// Fact: a frame that carries a transaction, kept as evidence as long as its CDR.
    Evidence(EvidenceRow),
    /// Fact: one message of meter values.
    MeterValues(MeterValuesRow),
    /// Fact: a sealed CDR.
    Cdr(Box<Cdr>),
    /// Fact: a doubt that belongs to no CDR (an orphan stop, a message after sealing).
    Finding(FindingRow),
    /// Fact: something that a station told besides transactions.
    Notice(Box<NoticeRow>),
    /// Fact: what has limited an EVSE since.
    Reason(Box<ReasonRow>),
    /// Fact: who asked for what, and the answer.
    Audit(AuditRow),
}

impl Record {
    /// The key of a state row: rows of the same variant with the same key replace each other. `None` for a fact.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Site(row) => Some(row.config.id.to_string()),
            Self::Station(row) => Some(row.station.to_string()),
            Self::Security(row) => Some(row.station.to_string()),
            Self::Facts(row) => Some(row.station.to_string()),
            Self::Evse(row) => Some(row.evse.to_string()),
            Self::Session(row) => Some(row.session.to_string()),
            Self::Transaction(row) => Some(row.transaction.to_string()),
            Self::Terms(row) => Some(row.site.to_string()),
            Self::Upkeep(row) => Some(row.key()),
            Self::Counters(_) => Some(String::new()),
            Self::Evidence(_)
            | Self::MeterValues(_)
            | Self::Cdr(_)
            | Self::Finding(_)
            | Self::Notice(_)
            | Self::Reason(_)
            | Self::Audit(_) => None,
        }
    }

    /// The name of the table the record lives in.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        match self {
            Self::Site(_) => "site",
            Self::Station(_) => "station",
            Self::Security(_) => "station_security",
            Self::Facts(_) => "station_facts",
            Self::Evse(_) => "evse",
            Self::Session(_) => "session",
            Self::Transaction(_) => "transaction_state",
            Self::Terms(_) => "site_terms",
            Self::Upkeep(row) => row.table(),
            Self::Counters(_) => "counters",
            Self::Evidence(_) => "evidence",
            Self::MeterValues(_) => "meter_values",
            Self::Cdr(_) => "cdr",
            Self::Finding(_) => "finding",
            Self::Notice(_) => "notice",
            Self::Reason(_) => "reason",
            Self::Audit(_) => "audit",
        }
    }
}

/// A site's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteRow {
    /// As imported.
    pub config: SiteConfig,
}

/// What energy and power cost at a site, and what others command; by the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsRow {
    /// The site.
    pub site: SiteId,
    /// As told.
    pub terms: Terms,
}

/// What a station said of itself, and what we know of it. Registration belongs to the station, not to the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationRow {
    /// The station.
    pub station: StationId,
    /// Its site.
    pub site: SiteId,
    /// From its last boot, empty before.
    pub vendor: String,
    /// From its last boot, empty before.
    pub model: String,
    /// From its last boot, empty before.
    pub firmware: String,
    /// From its last boot, empty before.
    pub serial: String,
    /// Its last boot.
    pub booted_at: Option<Timestamp>,
    /// What it spoke on its last link.
    #[serde(default)]
    pub ocpp_version: Option<ocpp::Version>,
    /// How far the station's clock is ahead of ours, where known, in ms.
    pub clock_skew_ms: Option<i64>,
    /// It told at least once that an EV was unplugged: its sessions may hold several transactions.
    #[serde(default)]
    pub reports_unplugging: bool,
    /// It takes limits in watts only (FIELD section 6, trap 13).
    #[serde(default)]
    pub takes_watts_only: bool,
    /// Quirks seen, by name, with a count up to [`StationRow::QUIRK_COUNT_LIMIT`].
    pub quirks: std::collections::BTreeMap<String, u64>,
}

impl StationRow {
    /// Where counting a quirk ends, so that a quirk in every frame does not write a row with every frame for ever.
    pub const QUIRK_COUNT_LIMIT: u64 = 1_000;
}

/// What control knows of an EVSE, and its last status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvseRow {
    /// The EVSE.
    pub evse: EvseId,
    /// Ceilings, limits sent, learned facts.
    pub control: EvseRecord,
}

/// One stay at an EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub session: SessionId,
    /// Where.
    pub evse: EvseId,
    /// Plug-in, or acceptance where that came first.
    pub began_at: Timestamp,
    /// Unplugged.
    pub ended_at: Option<Timestamp>,
}

/// An OCPP transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionRow {
    /// Our number, unique over all stations, at most 31 bits.
    pub transaction: TransactionId,
    /// Its session.
    pub session: SessionId,
    /// Where.
    pub evse: EvseId,
    /// Whose, as presented.
    pub token: Option<IdToken>,
    /// Who that was, what it costs: frozen at the start.
    pub admission: Option<billing::directory::Admission>,
    /// The station's own id of it, where the station numbers its transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_id: Option<ReportedId>,
    /// Which of its events came, where the station numbers them.
    #[serde(default, skip_serializing_if = "Events::is_none")]
    pub events: Events,
    /// A token was presented or energy flowed: control counts it as a transaction. Before that it is an EV plugged in.
    #[serde(default = "yes")]
    pub may_draw: bool,
    /// The directory would have had it, but no row could carry its start (S1): a repetition is refused alike.
    #[serde(default)]
    pub is_refused_by_rows: bool,
    /// When the station says it began.
    pub reported_start: Option<ReportedAt>,
    /// When it began, as we hold true.
    pub started_at: Timestamp,
    /// The register at the start, where readable.
    pub register_start: Option<WattHours>,
    /// The end, once known.
    pub stop: Option<TransactionStop>,
    /// When the next transaction began at the EVSE although this one's end was not told.
    #[serde(default)]
    pub superseded_at: Option<Timestamp>,
    /// When it is sealed although its end, or events before its end, are missing; by the wall clock.
    #[serde(default)]
    pub seal_at: Option<Timestamp>,
    /// What EVSE and EV did, in order of time; before the first of them nothing was offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity: Vec<ActivitySpan>,
    /// Doubts so far.
    pub doubts: Vec<Doubt>,
    /// The CDR is sealed; or there was nothing to bill, since nobody asked for energy and none flowed.
    pub is_sealed: bool,
}

const fn yes() -> bool {
    true
}

/// The id that a station gave a transaction, as it came; unique within its station.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportedId(pub String);

impl std::fmt::Display for ReportedId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// Which events of a transaction came, by the numbers that the station gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// Inclusive ranges, ascending, with gaps between them.
    pub seen: Vec<(u32, u32)>,
    /// The first event came.
    pub is_begun: bool,
    /// The number of the first event, once it came.
    pub first: Option<u32>,
    /// The number of the last event, once it came.
    pub last: Option<u32>,
    /// The number of the event that named the driver.
    pub token: Option<u32>,
}

impl Events {
    /// More gaps than this are not remembered: then the transaction stays incomplete.
    pub const RANGES_LIMIT: usize = 256;

    /// No event came.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the event of this number came.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        self.seen.iter().any(|&(from, until)| (from..=until).contains(&number))
    }

    /// The event of this number came.
    pub fn insert(&mut self, number: u32) {
        if self.has(number) {
            return;
        }
        let place = self.seen.partition_point(|&(from, _)| from < number);
        let joins_before = place > 0 && self.seen[place - 1].1.checked_add(1) == Some(number);
        let joins_after = self.seen.get(place).is_some_and(|&(from, _)| number.checked_add(1) == Some(from));
        match (joins_before, joins_after) {
            (true, true) => {
                let (_, until) = self.seen.remove(place);
                self.seen[place - 1].1 = until;
            }
            (true, false) => self.seen[place - 1].1 = number,
            (false, true) => self.seen[place].0 = number,
            (false, false) if self.seen.len() < Self::RANGES_LIMIT => {
                self.seen.insert(place, (number, number));
            }
            (false, false) => {}
        }
    }

    /// The highest number that came.
    #[must_use]
    pub fn highest(&self) -> Option<u32> {
        self.seen.last().map(|&(_, until)| until)
    }

    /// Whether the first event, the last, and all between them came.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match (self.first, self.last) {
            (Some(first), Some(last)) => {
                self.seen.iter().any(|&(from, until)| from <= first && last <= until)
            }
            (None, _) | (_, None) => false,
        }
    }

    /// How many events are known to be missing; at least one where the first or the last is.
    #[must_use]
    pub fn missing(&self) -> u64 {
        if self.is_complete() {
            return 0;
        }
        let from = self.first.or(self.seen.first().map(|&(from, _)| from)).unwrap_or(0);
        let until = self.last.or(self.highest()).unwrap_or(0);
        let wanted = u64::from(until.saturating_sub(from)) + 1;
        let came = self.seen.iter().map(|&(a, b)| (a.max(from), b.min(until)));
        let came: u64 = came.filter(|(a, b)| a <= b).map(|(a, b)| u64::from(b - a) + 1).sum();
        wanted.saturating_sub(came).max(1)
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionStop {
    /// When the station says it ended.
    pub reported: Option<ReportedAt>,
    /// When it ended, as we hold true.
    pub at: Timestamp,
    /// The register at the end, where readable.
    pub register: Option<WattHours>,
    /// The station's reason.
    pub reason: String,
}

/// The next free numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// The next transaction.
    pub transaction: u64,
    /// The next session.
    pub session: u64,
    /// The next CDR.
    pub cdr: u64,
    /// The next message id of ours.
    pub message: u64,
    /// The next start from afar.
    #[serde(default)]
    pub start: u32,
    /// The next job.
    #[serde(default)]
    pub job: u64,
    /// The next upload.
    #[serde(default)]
    pub upload: u64,
    /// The next reservation.
    #[serde(default)]
    pub reservation: u32,
}

/// A frame kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// The shell's number of the frame.
    pub frame: u64,
    /// Who sent it.
    pub station: StationId,
    /// The transaction, where it could be told.
    pub transaction: Option<TransactionId>,
    /// When we got it.
    pub received_at: Timestamp,
    /// OCPP's action.
    pub action: String,
    /// The frame as it came.
    pub text: Box<str>,
    /// SHA-256 of the text.
    pub sha256: [u8; 32],
}

/// One message of meter values, packed: what a transaction's registers and currents were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterValuesRow {
    /// Where.
    pub evse: EvseId,
    /// The transaction, where it could be told.
    pub transaction: Option<TransactionId>,
    /// When we got it.
    pub received_at: Timestamp,
    /// The evidence it came in.
    pub frame: u64,
    /// The number of the transaction's event that it came in, where the station numbers them.
    pub seq_no: Option<u32>,
    /// The samples, in order; none in an event that measured nothing.
    pub samples: Vec<MeterSample>,
}

/// The sampled values of one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterSample {
    /// When the station says it measured.
    pub at: Option<ReportedAt>,
    /// The register for billing, where this sample has one.
    pub register: Option<RegisterReading>,
    /// Current per terminal, as far as given.
    pub current: PerPhase<Option<Amperes>>,
    /// What the station offers the EV.
    pub offered: Option<Amperes>,
    /// Active power, total.
    pub power: Option<Watts>,
}

/// A doubt that a person resolves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// The station.
    pub station: StationId,
    /// The transaction, where it could be told.
    pub transaction: Option<TransactionId>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub doubt: Doubt,
    /// The evidence.
    pub frame: Option<u64>,
}

/// Who asked for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// The station that it concerns, where it is one.
    #[serde(default)]
    pub station: Option<StationId>,
    /// What, for people.
    pub what: String,
    /// How it ended, for people.
    pub outcome: String,
}
