//! Lists of facts for pages and the API: filtered, paged, each by an index.

use billing::cdr::Cdr;
use billing::pricing::PricedCdr;
use csms::record::{EvidenceRow, FindingRow as DoubtRow, MeterSample, MeterValuesRow, ReasonRow};
use office::record::{DocumentRow, EntryRow, FindingRow, SettlementRow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use units::civil::CivilMonth;
use units::{AccountId, CdrId, EvseId, OwnerId, SiteId, StationId, Timestamp, TransactionId};

use crate::restore::transaction;
use crate::sample;
use crate::writer::Root;
use crate::{ReadError, Store};

/// Which part of a list: newest first, so many, and where the last page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most this many, from 1.
    pub limit: u32,
    /// Only what comes after the item of this number, which ended the page before.
    pub after: Option<u64>,
}

impl Page {
    /// The newest `limit`.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }
}

/// Which CDRs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CdrFilter {
    /// Only of this site.
    pub site: Option<SiteId>,
    /// Only of this EVSE.
    pub evse: Option<EvseId>,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only what ended at this instant or later.
    pub stopped_from: Option<Timestamp>,
    /// Only what ended before.
    pub stopped_before: Option<Timestamp>,
}

/// Which held CDRs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Findings {
    /// Those that nobody decided about.
    Open,
    /// All that ever were.
    All,
}

/// Which entries of the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only what concerns this station alone.
    pub station: Option<StationId>,
    /// Only what this one asked for.
    pub actor: Option<String>,
    /// Only what happened at this instant or later.
    pub from: Option<Timestamp>,
    /// Only what happened before.
    pub before: Option<Timestamp>,
}

/// Who asked for what, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Its number: the place to go on after.
    pub number: u64,
    /// Whom it was asked of: `csms` or `office`.
    pub root: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// The one station that it concerns.
    pub station: Option<String>,
    /// What.
    pub what: String,
    /// How it ended.
    pub outcome: String,
}

/// What a station told besides transactions, as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its number: the place to go on after.
    pub number: u64,
    /// Who.
    pub station: String,
    /// Where; `None` is the station as a whole.
    pub evse: Option<u16>,
    /// When we got it.
    pub received_at: Timestamp,
    /// When it was, as the station says.
    pub reported_at: Option<Timestamp>,
    /// The frame's number.
    pub frame: u64,
    /// Of what.
    pub subject: String,
    /// Our number of what it tells of.
    pub concerns: Option<i64>,
    /// In the station's own word.
    pub word: String,
    /// More.
    pub detail: Option<String>,
}

/// What the facts on the disk say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Soundness {
    /// Currencies whose postings do not sum to zero, with the sum in minor units.
    pub ledger_off_by: Vec<(String, i64)>,
    /// Sealed CDRs that are neither billed nor held nor written off. Ordinary only in the moment between sealing and
    /// billing.
    pub cdrs_without_fate: Vec<CdrId>,
}

impl Soundness {
    /// Nothing speaks against the books.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.ledger_off_by.is_empty() && self.cdrs_without_fate.is_empty()
    }
}

impl Store {
    /// The newest CDRs.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn cdrs_latest(&self, limit: u32) -> Result<Vec<Cdr>, ReadError> {
        self.cdrs(&CdrFilter::default(), Page::first(limit)).await
    }

    /// CDRs, newest number first; pages go on after a CDR's id.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn cdrs(&self, filter: &CdrFilter, page: Page) -> Result<Vec<Cdr>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM cdr WHERE TRUE");
        narrow(&mut query, "site =", filter.site.as_ref().map(ToString::to_string));
        narrow(&mut query, "evse =", filter.evse.as_ref().map(ToString::to_string));
        narrow(&mut query, "account =", filter.account.as_ref().map(ToString::to_string));
        narrow(&mut query, "stopped_at_ms >=", filter.stopped_from.map(Timestamp::milliseconds));
        narrow(&mut query, "stopped_at_ms <", filter.stopped_before.map(Timestamp::milliseconds));
        self.page_of_bodies("cdr", query, "cdr", page).await
    }

    /// One CDR.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn cdr(&self, cdr: CdrId) -> Result<Option<Cdr>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM cdr WHERE TRUE");
        narrow(&mut query, "cdr =", Some(cdr.0.cast_signed()));
        Ok(self.page_of_bodies("cdr", query, "cdr", Page::first(1)).await?.pop())
    }

    /// The price of a CDR, once it has one.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn priced_cdr(&self, cdr: CdrId) -> Result<Option<PricedCdr>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM priced_cdr WHERE TRUE");
        narrow(&mut query, "cdr =", Some(cdr.0.cast_signed()));
        Ok(self.page_of_bodies("priced_cdr", query, "cdr", Page::first(1)).await?.pop())
    }

    /// What was billed for an owner in a month; pages go on after a CDR's id.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn priced_cdrs(
        &self,
        owner: &OwnerId,
        month: CivilMonth,
        page: Page,
    ) -> Result<Vec<PricedCdr>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM priced_cdr WHERE TRUE");
        narrow(&mut query, "owner =", Some(owner.to_string()));
        narrow(&mut query, "month =", Some(month.to_string()));
        self.page_of_bodies("priced_cdr", query, "cdr", page).await
    }

    /// The frames that a CDR names as its evidence, in their order.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn evidence_of(&self, cdr: &Cdr) -> Result<Vec<EvidenceRow>, ReadError> {
        let mut rows = Vec::new();
        for of_cdr in &cdr.evidence {
            let sql = "SELECT frame, station, transaction_id, received_at_ms, action, text, sha256 FROM evidence \
                       WHERE frame = ? ORDER BY id";
            let found = sqlx::query(sql).bind(of_cdr.frame.cast_signed()).fetch_all(&self.readers).await?;
            for row in &found {
                rows.push(evidence(row)?);
            }
        }
        Ok(rows)
    }

    /// All frames that belong to a transaction, in order.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn evidence_of_transaction(&self, id: TransactionId) -> Result<Vec<EvidenceRow>, ReadError> {
        let sql = "SELECT frame, station, transaction_id, received_at_ms, action, text, sha256 FROM evidence \
                   WHERE transaction_id = ? ORDER BY id";
        let rows = sqlx::query(sql).bind(id.0.cast_signed()).fetch_all(&self.readers).await?;
        rows.iter().map(evidence).collect()
    }

    /// All meter values of a transaction, in order.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn meter_values_of(&self, id: TransactionId) -> Result<Vec<MeterValuesRow>, ReadError> {
        let sql = "SELECT evse, transaction_id, received_at_ms, frame, samples, seq_no FROM meter_values \
                   WHERE transaction_id = ? ORDER BY id";
        let rows = sqlx::query(sql).bind(id.0.cast_signed()).fetch_all(&self.readers).await?;
        rows.iter().map(meter_values).collect()
    }

    /// Held CDRs; pages go on after a CDR's id.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn findings(&self, which: Findings, page: Page) -> Result<Vec<FindingRow>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM finding WHERE TRUE");
        match which {
            Findings::Open => {
                query.push(" AND NOT EXISTS (SELECT 1 FROM resolution WHERE resolution.cdr = finding.cdr)");
            }
            Findings::All => {}
        }
        self.page_of_bodies("finding", query, "cdr", page).await
    }

    /// Doubts that belong to no CDR, newest first.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn doubts(&self, page: Page) -> Result<Vec<DoubtRow>, ReadError> {
        let query = QueryBuilder::new("SELECT body FROM doubt WHERE TRUE");
        self.page_of_bodies("doubt", query, "id", page).await
    }

    /// Statements and receipts of a month, or of all; pages go on after a document's number.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn documents(
        &self,
        account: Option<&AccountId>,
        month: Option<CivilMonth>,
        page: Page,
    ) -> Result<Vec<DocumentRow>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM document WHERE TRUE");
        narrow(&mut query, "account =", account.map(ToString::to_string));
        narrow(&mut query, "month =", month.map(|month| month.to_string()));
        self.page_of_bodies("document", query, "number", page).await
    }

    /// All settlements of an owner, the earliest month first.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn settlements(&self, owner: &OwnerId) -> Result<Vec<SettlementRow>, ReadError> {
        let sql = "SELECT body FROM settlement WHERE owner = ? ORDER BY month";
        let rows = sqlx::query(sql).bind(owner.to_string()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| parse("settlement", row.try_get(0)?)).collect()
    }

    /// Ledger entries of a month, or of all; pages go on after an entry's number.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn ledger_entries(
        &self,
        month: Option<CivilMonth>,
        page: Page,
    ) -> Result<Vec<EntryRow>, ReadError> {
        let mut query = QueryBuilder::new("SELECT body FROM ledger_entry WHERE TRUE");
        narrow(&mut query, "month =", month.map(|month| month.to_string()));
        self.page_of_bodies("ledger_entry", query, "entry", page).await
    }

    /// Who asked for what, newest first.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn audit(&self, filter: &AuditFilter, page: Page) -> Result<Vec<Audit>, ReadError> {
        let mut query =
            QueryBuilder::new("SELECT id, root, at_ms, actor, station, what, outcome FROM audit WHERE TRUE");
        narrow(&mut query, "station =", filter.station.as_ref().map(ToString::to_string));
        narrow(&mut query, "actor =", filter.actor.clone());
        narrow(&mut query, "at_ms >=", filter.from.map(Timestamp::milliseconds));
        narrow(&mut query, "at_ms <", filter.before.map(Timestamp::milliseconds));
        paged(&mut query, "id", page);
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(Audit {
                    number: row.try_get::<i64, _>(0)?.cast_unsigned(),
                    root: row.try_get(1)?,
                    at: Timestamp::from_milliseconds(row.try_get(2)?),
                    actor: row.try_get(3)?,
                    station: row.try_get(4)?,
                    what: row.try_get(5)?,
                    outcome: row.try_get(6)?,
                })
            })
            .collect()
    }

    /// What a station told besides transactions, newest first.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn notices(&self, station: &StationId, page: Page) -> Result<Vec<Notice>, ReadError> {
        let mut query = QueryBuilder::new(
            "SELECT id, station, evse, received_at_ms, reported_at_ms, frame, subject, number, word, detail \
             FROM notice WHERE TRUE",
        );
        narrow(&mut query, "station =", Some(station.to_string()));
        paged(&mut query, "id", page);
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(Notice {
                    number: row.try_get::<i64, _>(0)?.cast_unsigned(),
                    station: row.try_get(1)?,
                    evse: row.try_get(2)?,
                    received_at: Timestamp::from_milliseconds(row.try_get(3)?),
                    reported_at: row.try_get::<Option<i64>, _>(4)?.map(Timestamp::from_milliseconds),
                    frame: row.try_get::<i64, _>(5)?.cast_unsigned(),
                    subject: row.try_get(6)?,
                    concerns: row.try_get(7)?,
                    word: row.try_get(8)?,
                    detail: row.try_get(9)?,
                })
            })
            .collect()
    }

    /// What has limited an EVSE, newest first: each row holds until the one before it in the list. Each comes with its number,
    /// the place to go on after.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read, or holds what this program did not write.
    pub async fn reasons(&self, evse: &EvseId, page: Page) -> Result<Vec<(u64, ReasonRow)>, ReadError> {
        let mut query = QueryBuilder::new("SELECT id, body FROM reason WHERE TRUE");
        narrow(&mut query, "evse =", Some(evse.to_string()));
        paged(&mut query, "id", page);
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| Ok((row.try_get::<i64, _>(0)?.cast_unsigned(), parse("reason", row.try_get(1)?)?)))
            .collect()
    }

    /// Checks the books on the disk: the ledger sums to zero, and each CDR has a fate (M1). Reads all of history.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn check_books(&self) -> Result<Soundness, ReadError> {
        let mut soundness = Soundness::default();
        let sql = "SELECT currency, SUM(amount_minor) FROM ledger_posting GROUP BY currency \
                   HAVING SUM(amount_minor) <> 0 ORDER BY currency";
        for row in sqlx::query(sql).fetch_all(&self.readers).await? {
            soundness.ledger_off_by.push((row.try_get(0)?, row.try_get(1)?));
        }
        let sql = "SELECT cdr FROM cdr WHERE NOT EXISTS (SELECT 1 FROM priced_cdr WHERE priced_cdr.cdr = cdr.cdr) \
                   AND NOT EXISTS (SELECT 1 FROM finding WHERE finding.cdr = cdr.cdr) ORDER BY cdr";
        for row in sqlx::query(sql).fetch_all(&self.readers).await? {
            soundness.cdrs_without_fate.push(CdrId(row.try_get::<i64, _>(0)?.cast_unsigned()));
        }
        Ok(soundness)
    }

    /// The last record of a root that is committed, as numbered in the run that wrote it.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn committed(&self, root: Root) -> Result<Option<(i64, u64)>, ReadError> {
        let row = sqlx::query("SELECT run, seq FROM commit_mark WHERE root = ?")
            .bind(root.name())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.cast_unsigned()))).transpose()
    }

    pub(crate) async fn page_of_bodies<T: DeserializeOwned>(
        &self,
        table: &'static str,
        mut query: QueryBuilder<Sqlite>,
        number: &'static str,
        page: Page,
    ) -> Result<Vec<T>, ReadError> {
        paged(&mut query, number, page);
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter().map(|row| parse(table, row.try_get(0)?)).collect()
    }
}

pub(crate) fn narrow<'a, T>(query: &mut QueryBuilder<Sqlite>, condition: &'static str, value: Option<T>)
where
    T: sqlx::Encode<'a, Sqlite> + sqlx::Type<Sqlite>,
{
    if let Some(value) = value {
        query.push(" AND ").push(condition).push(" ").push_bind(value);
    }
}

fn paged(query: &mut QueryBuilder<Sqlite>, number: &'static str, page: Page) {
    if let Some(after) = page.after {
        query.push(" AND ").push(number).push(" < ").push_bind(after.cast_signed());
    }
    query.push(" ORDER BY ").push(number).push(" DESC LIMIT ").push_bind(i64::from(page.limit));
}

/// `frame, station, transaction_id, received_at_ms, action, text, sha256`.
pub(crate) fn evidence(row: &SqliteRow) -> Result<EvidenceRow, ReadError> {
    let sha256: Vec<u8> = row.try_get(6)?;
    Ok(EvidenceRow {
        frame: row.try_get::<i64, _>(0)?.cast_unsigned(),
        station: json_text("evidence", row.try_get(1)?)?,
        transaction: transaction(row.try_get(2)?),
        received_at: Timestamp::from_milliseconds(row.try_get(3)?),
        action: row.try_get(4)?,
        text: row.try_get::<String, _>(5)?.into(),
        sha256: sha256.try_into().map_err(|bytes: Vec<u8>| ReadError::Row {
            table: "evidence",
            reason: format!("a hash of {} bytes", bytes.len()),
        })?,
    })
}

/// `evse, transaction_id, received_at_ms, frame, samples`.
pub(crate) fn meter_values(row: &SqliteRow) -> Result<MeterValuesRow, ReadError> {
    let packed: Vec<sample::Packed> = parse("meter_values", row.try_get(4)?)?;
    let samples: Vec<MeterSample> = packed.into_iter().map(sample::unpack).collect();
    let seq_no = row.try_get::<Option<i64>, _>(5)?.map(u32::try_from).transpose();
    let seq_no = seq_no
        .map_err(|error| ReadError::Row { table: "meter_values", reason: format!("seq_no: {error}") })?;
    Ok(MeterValuesRow {
        evse: json_text("meter_values", row.try_get(0)?)?,
        transaction: transaction(row.try_get(1)?),
        received_at: Timestamp::from_milliseconds(row.try_get(2)?),
        frame: row.try_get::<i64, _>(3)?.cast_unsigned(),
        seq_no,
        samples,
    })
}

pub(crate) fn parse<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|error| ReadError::Row {
        table,
        reason: format!("{error} in `{}`", text.chars().take(200).collect::<String>()),
    })
}

/// A text that is a JSON string without its quotes: ids, months, currencies.
pub(crate) fn json_text<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, ReadError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| ReadError::Row { table, reason: format!("{error} in `{text}`") })
}
