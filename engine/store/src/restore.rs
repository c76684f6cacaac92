//! What the roots need at a start, and no more: its size follows what is open, not how old the installation is.

use billing::cdr::Cdr;
use billing::ledger::{EntryKey, PaymentKey};
use csms::record::{EvidenceRow, MeterValuesRow, SessionRow};
use office::record::{BooksRow, Counters, LedgerSum};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use units::civil::CivilMonth;
use units::{Currency, Money, SessionId, TimeSpan, Timestamp, TransactionId};

use crate::list::{evidence, json_text, meter_values, parse};
use crate::{ReadError, Store};

/// A repeated message of a sealed transaction is told from a new one for this long.
const SEALED_KEPT: TimeSpan = TimeSpan::from_hours(32 * 24);

/// How many months before the earliest unsettled one the ledger is restored month by month: settlements look two
/// months back. What is older comes as one sum per account.
const MONTHS_BEFORE_UNSETTLED: usize = 3;

/// What a start reads back.
#[derive(Debug, Default)]
pub struct Restored {
    /// For the sites.
    pub csms: Vec<csms::Record>,
    /// For the business.
    pub office: office::Restored,
    /// Sealed CDRs that the business has not taken in, in order of their ids: they are handed to it again.
    pub cdrs_unbilled: Vec<Cdr>,
}

impl Store {
    /// Reads back what the roots need. All of it is one state of the database.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read, or holds what was not written by this program.
    pub async fn restore(&self) -> Result<Restored, ReadError> {
        let mut connection = self.readers.acquire().await?;
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        let restored = read(&mut connection).await;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
        restored
    }

    /// The highest frame number that is kept as evidence, 0 where there is none. The frame log goes on after its own
    /// last number or this one, whichever is higher.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub async fn frame_last(&self) -> Result<u64, ReadError> {
        let row =
            sqlx::query("SELECT COALESCE(MAX(frame), 0) FROM evidence").fetch_one(&self.readers).await?;
        Ok(row.try_get::<i64, _>(0)?.cast_unsigned())
    }
}

async fn read(connection: &mut SqliteConnection) -> Result<Restored, ReadError> {
    let mut restored = Restored { csms: csms_records(connection).await?, ..Restored::default() };
    let counters: Option<Counters> =
        bodies(connection, "counters", "SELECT body FROM counters WHERE root = 'office'").await?.pop();
    let arrived = counters.as_ref().map(|row| row.arrived.clone()).unwrap_or_default();
    restored.cdrs_unbilled = cdrs_outside(connection, &arrived).await?;
    let books: Vec<BooksRow> = bodies(connection, "books", "SELECT body FROM books ORDER BY owner").await?;
    restored.office.sums = sums(connection, horizon(&books)).await?;
    restored.office.records = office_records(connection, counters, books).await?;
    Ok(restored)
}

async fn csms_records(connection: &mut SqliteConnection) -> Result<Vec<csms::Record>, ReadError> {
    use csms::Record;
    let mut records = Vec::new();
    let sql = "SELECT body FROM counters WHERE root = 'csms'";
    records.extend(bodies(connection, "counters", sql).await?.into_iter().map(Record::Counters));
    let sql = "SELECT body FROM site ORDER BY site";
    records.extend(bodies(connection, "site", sql).await?.into_iter().map(Record::Site));
    let sql = "SELECT body FROM site_terms ORDER BY site";
    records.extend(bodies(connection, "site_terms", sql).await?.into_iter().map(Record::Terms));
    let sql = "SELECT body FROM station ORDER BY station";
    records.extend(bodies(connection, "station", sql).await?.into_iter().map(Record::Station));
    let sql = "SELECT body FROM station_security ORDER BY station";
    records.extend(bodies(connection, "station_security", sql).await?.into_iter().map(Record::Security));
    let sql = "SELECT body FROM station_facts ORDER BY station";
    records.extend(bodies(connection, "station_facts", sql).await?.into_iter().map(Record::Facts));
    let upkeep = crate::upkeep::open(connection).await?;
    records.extend(upkeep.into_iter().map(|row| Record::Upkeep(Box::new(row))));
    let sql = "SELECT body FROM evse ORDER BY evse";
    records.extend(bodies(connection, "evse", sql).await?.into_iter().map(Record::Evse));

    let sql = "SELECT session, evse, began_at_ms, ended_at_ms FROM session WHERE ended_at_ms IS NULL ORDER BY session";
    for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
        records.push(Record::Session(session(&row)?));
    }
    // Relative to the last stop and not to a clock: a machine that was off for a month forgets nothing.
    let sql = "SELECT body FROM transaction_state WHERE is_sealed = 0 \
               UNION ALL SELECT body FROM transaction_state WHERE is_sealed = 1 AND stopped_at_ms >= \
               (SELECT MAX(stopped_at_ms) FROM transaction_state) - ?";
    for row in sqlx::query(sql).bind(SEALED_KEPT.milliseconds()).fetch_all(&mut *connection).await? {
        records.push(Record::Transaction(parse("transaction_state", row.try_get(0)?)?));
    }
    records.extend(open_facts(connection).await?);
    Ok(records)
}

/// Evidence and meter values of transactions that are not sealed. Frame numbers rise, so that their order is that of
/// the commits.
async fn open_facts(connection: &mut SqliteConnection) -> Result<Vec<csms::Record>, ReadError> {
    let sql = "SELECT fact.frame, fact.station, fact.transaction_id, fact.received_at_ms, fact.action, fact.text, \
               fact.sha256 FROM transaction_state AS open JOIN evidence AS fact \
               ON fact.transaction_id = open.transaction_id WHERE open.is_sealed = 0 ORDER BY fact.id";
    let mut facts = Vec::new();
    for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
        let fact: EvidenceRow = evidence(&row)?;
        facts.push((fact.frame, csms::Record::Evidence(fact)));
    }
    let sql = "SELECT fact.evse, fact.transaction_id, fact.received_at_ms, fact.frame, fact.samples, \
               fact.seq_no \
               FROM transaction_state AS open JOIN meter_values AS fact \
               ON fact.transaction_id = open.transaction_id WHERE open.is_sealed = 0 ORDER BY fact.id";
    for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
        let fact: MeterValuesRow = meter_values(&row)?;
        facts.push((fact.frame, csms::Record::MeterValues(fact)));
    }
    facts.sort_by_key(|(frame, _)| *frame);
    Ok(facts.into_iter().map(|(_, fact)| fact).collect())
}

async fn office_records(
    connection: &mut SqliteConnection,
    counters: Option<Counters>,
    books: Vec<BooksRow>,
) -> Result<Vec<office::Record>, ReadError> {
    use office::Record;
    let mut records: Vec<Record> = counters.map(Record::Counters).into_iter().collect();
    records.extend(books.into_iter().map(Record::Books));
    let sql = "SELECT body FROM owner ORDER BY owner";
    records.extend(bodies(connection, "owner", sql).await?.into_iter().map(Record::Owner));
    let sql = "SELECT body FROM account ORDER BY account";
    records.extend(bodies(connection, "account", sql).await?.into_iter().map(Record::Account));
    let sql = "SELECT body FROM token ORDER BY token";
    records.extend(bodies(connection, "token", sql).await?.into_iter().map(Record::Token));
    let sql = "SELECT body FROM tariff ORDER BY tariff";
    records.extend(bodies(connection, "tariff", sql).await?.into_iter().map(Record::Tariff));
    let sql = "SELECT body FROM access ORDER BY evse";
    records.extend(bodies(connection, "access", sql).await?.into_iter().map(Record::Access));
    let sql = "SELECT body FROM prices ORDER BY valid_from";
    records.extend(bodies(connection, "prices", sql).await?.into_iter().map(Record::Prices));
    let sql = "SELECT body FROM lobby ORDER BY station";
    records.extend(bodies(connection, "lobby", sql).await?.into_iter().map(Record::Sighting));
    let sql = "SELECT body FROM stated ORDER BY account";
    records.extend(bodies(connection, "stated", sql).await?.into_iter().map(Record::Stated));
    let sql = "SELECT body FROM payout ORDER BY payout";
    records.extend(bodies(connection, "payout", sql).await?.into_iter().map(Record::Payout));
    let sql = "SELECT line.body FROM books JOIN charging_line AS line ON line.owner = books.owner \
               AND (books.settled_through IS NULL OR line.month >= books.settled_through) ORDER BY line.rowid";
    records.extend(bodies(connection, "charging_line", sql).await?.into_iter().map(Record::Line));
    let sql = "SELECT body FROM finding WHERE NOT EXISTS \
               (SELECT 1 FROM resolution WHERE resolution.cdr = finding.cdr) ORDER BY cdr";
    records.extend(bodies(connection, "finding", sql).await?.into_iter().map(Record::Finding));
    // A document of nothing is never paid.
    let sql = "SELECT body FROM document WHERE total_minor > 0 AND NOT EXISTS \
               (SELECT 1 FROM collection WHERE collection.document = document.document) ORDER BY number";
    records.extend(bodies(connection, "document", sql).await?.into_iter().map(Record::Document));
    let sql = "SELECT body FROM settlement ORDER BY owner, month";
    records.extend(bodies(connection, "settlement", sql).await?.into_iter().map(Record::Settlement));
    Ok(records)
}

/// CDRs whose ids lie outside the inclusive ranges that have arrived.
async fn cdrs_outside(
    connection: &mut SqliteConnection,
    arrived: &[(u64, u64)],
) -> Result<Vec<Cdr>, ReadError> {
    let firsts = arrived.iter().map(|&(first, _)| first).chain([u64::MAX >> 1]);
    let lasts = std::iter::once(None).chain(arrived.iter().map(|&(_, last)| Some(last)));
    let mut cdrs = Vec::new();
    for (last, first) in lasts.zip(firsts) {
        let from = last.map_or(i64::MIN, |last| last.cast_signed() + 1);
        let rows = sqlx::query("SELECT body FROM cdr WHERE cdr >= ? AND cdr < ? ORDER BY cdr")
            .bind(from)
            .bind(first.cast_signed())
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            cdrs.push(parse("cdr", row.try_get(0)?)?);
        }
    }
    Ok(cdrs)
}

/// The last month whose ledger entries are restored as one sum per account; none: all come month by month.
fn horizon(books: &[BooksRow]) -> Option<CivilMonth> {
    let unsettled = books.iter().map(|row| row.settled_through.map_or(row.first, CivilMonth::next)).min()?;
    Some((0..=MONTHS_BEFORE_UNSETTLED).fold(unsettled, |month, _| previous(month)))
}

async fn sums(
    connection: &mut SqliteConnection,
    horizon: Option<CivilMonth>,
) -> Result<Vec<LedgerSum>, ReadError> {
    let mut sums = Vec::new();
    let after = horizon.map_or_else(String::new, |month| month.to_string());
    let sql = "SELECT class, month, account, currency, SUM(amount_minor) FROM ledger_posting WHERE month > ? \
               GROUP BY month, class, account, currency ORDER BY month, class, account, currency";
    for row in sqlx::query(sql).bind(&after).fetch_all(&mut *connection).await? {
        let month: CivilMonth = json_text("ledger_posting", row.try_get(1)?)?;
        sums.push(LedgerSum {
            class: parse("ledger_posting", row.try_get(0)?)?,
            month,
            account: parse("ledger_posting", row.try_get(2)?)?,
            amount: money(&row, 3)?,
        });
    }
    let Some(month) = horizon else { return Ok(sums) };
    let sql = "SELECT account, currency, SUM(amount_minor) FROM ledger_posting WHERE month <= ? \
               GROUP BY account, currency HAVING SUM(amount_minor) <> 0 ORDER BY account, currency";
    for row in sqlx::query(sql).bind(&after).fetch_all(&mut *connection).await? {
        // A kind that no settlement counts as a movement: what is left of old months is only carried in.
        let class = EntryKey::CardPayout(PaymentKey(0));
        let account = parse("ledger_posting", row.try_get(0)?)?;
        sums.push(LedgerSum { class, month, account, amount: money(&row, 1)? });
    }
    Ok(sums)
}

/// A currency and the minor units in the column after it.
fn money(row: &SqliteRow, column: usize) -> Result<Money, ReadError> {
    let currency: Currency = json_text("ledger_posting", row.try_get(column)?)?;
    Ok(Money::from_minor(row.try_get(column + 1)?, currency))
}

pub(crate) async fn bodies<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    table: &'static str,
    sql: &'static str,
) -> Result<Vec<T>, ReadError> {
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter().map(|row| parse(table, row.try_get(0)?)).collect()
}

fn session(row: &SqliteRow) -> Result<SessionRow, ReadError> {
    Ok(SessionRow {
        session: SessionId(row.try_get::<i64, _>(0)?.cast_unsigned()),
        evse: json_text("session", row.try_get(1)?)?,
        began_at: Timestamp::from_milliseconds(row.try_get(2)?),
        ended_at: row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_milliseconds),
    })
}

const fn previous(month: CivilMonth) -> CivilMonth {
    if month.month == 1 {
        CivilMonth { year: month.year - 1, month: 12 }
    } else {
        CivilMonth { year: month.year, month: month.month - 1 }
    }
}

pub(crate) fn transaction(id: Option<i64>) -> Option<TransactionId> {
    id.map(|id| TransactionId(id.cast_unsigned()))
}
