//! The whole of what was committed, read to be judged and never written: what `twin audit` looks at.

use std::path::Path;

use csms::record::EvidenceRow;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, ValueRef as _};

use crate::list::{evidence, parse};
use crate::row::{Row, Table, Value, of_csms, of_office, table};
use crate::{OpenError, ReadError, schema};

/// What was committed, as far as money rests on it, in the order of the commits.
#[derive(Debug, Default)]
pub struct Archive {
    /// CDRs, evidence, and doubts that belong to no CDR.
    pub csms: Vec<csms::Record>,
    /// Tariffs, and every fact of the business.
    pub office: Vec<office::Record>,
    /// Rows that are not as this program writes them: another hand was there.
    pub altered: Vec<AlteredRow>,
}

/// A row that another hand changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlteredRow {
    /// Where.
    pub table: &'static str,
    /// Its first column.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

impl Archive {
    /// Reads the database at `path`. Nothing is changed in it, and a server may be writing it meanwhile: all that is read
    /// is one state.
    ///
    /// # Errors
    ///
    /// Where it is newer than this program, not ours, or cannot be opened; and, inside, where it cannot be read.
    pub async fn read(path: &Path) -> Result<Result<Self, ReadError>, OpenError> {
        schema::check_version(path).await?;
        let mut connection = schema::peek(path).await.map_err(schema::at(path))?;
        let archive = match sqlx::raw_sql("BEGIN").execute(&mut connection).await {
            Ok(_) => read(&mut connection).await,
            Err(error) => Err(error.into()),
        };
        sqlx::Connection::close(connection).await.map_err(schema::at(path))?;
        Ok(archive)
    }
}

async fn read(connection: &mut SqliteConnection) -> Result<Archive, ReadError> {
    use office::Record as Office;
    let mut archive = Archive::default();
    let order = "id";
    for row in rows(connection, &table::EVIDENCE, order).await? {
        let kept: EvidenceRow = match evidence(&row) {
            Ok(kept) => kept,
            Err(error) => {
                archive.altered.push(altered(&table::EVIDENCE, &row, error.to_string()));
                continue;
            }
        };
        archive.csms.push(csms::Record::Evidence(kept));
    }
    let sealed = |cdr| csms::Record::Cdr(Box::new(cdr));
    let sealed_row = |record: &csms::Record| vec![of_csms(record)];
    bodies(connection, &table::CDR, "cdr", sealed, sealed_row, &mut archive.csms, &mut archive.altered)
        .await?;
    let of = csms::Record::Finding;
    bodies(connection, &table::DOUBT, order, of, sealed_row, &mut archive.csms, &mut archive.altered).await?;
    let Archive { office, altered, .. } = &mut archive;
    let tariff = |tariff| Office::Tariff(Box::new(tariff));
    bodies(connection, &table::TARIFF, "tariff", tariff, of_office, office, altered).await?;
    let priced = |priced| Office::PricedCdr(Box::new(priced));
    bodies(connection, &table::PRICED_CDR, "rowid", priced, of_office, office, altered).await?;
    let line = |line| Office::Line(Box::new(line));
    bodies(connection, &table::CHARGING_LINE, "rowid", line, of_office, office, altered).await?;
    let finding = |finding| Office::Finding(Box::new(finding));
    bodies(connection, &table::FINDING, "cdr", finding, of_office, office, altered).await?;
    let resolution = |resolution| Office::Resolution(Box::new(resolution));
    bodies(connection, &table::RESOLUTION, "cdr", resolution, of_office, office, altered).await?;
    let document = |document| Office::Document(Box::new(document));
    bodies(connection, &table::DOCUMENT, "number", document, of_office, office, altered).await?;
    bodies(connection, &table::COLLECTION, "payment", Office::Collection, of_office, office, altered).await?;
    let settlement = |settlement| Office::Settlement(Box::new(settlement));
    bodies(connection, &table::SETTLEMENT, "month, owner", settlement, of_office, office, altered).await?;
    let entry = |entry| Office::Entry(Box::new(entry));
    let only_entry = |record: &Office| of_office(record).into_iter().take(1).collect();
    let first = office.len();
    bodies(connection, &table::LEDGER_ENTRY, "entry", entry, only_entry, office, altered).await?;
    check_postings(connection, &office[first..], altered).await?;
    Ok(archive)
}

/// Reads a table's bodies, and holds the other columns to them.
async fn bodies<T: DeserializeOwned, R>(
    connection: &mut SqliteConnection,
    of: &'static Table,
    order: &str,
    record: impl Fn(T) -> R,
    written: impl Fn(&R) -> Vec<Row>,
    records: &mut Vec<R>,
    found: &mut Vec<AlteredRow>,
) -> Result<(), ReadError> {
    for row in rows(connection, of, order).await? {
        let body: Result<T, String> = row
            .try_get::<&str, _>("body")
            .map_err(|error| error.to_string())
            .and_then(|text| parse(of.name, text).map_err(|error| error.to_string()));
        let record = match body {
            Ok(body) => record(body),
            Err(reason) => {
                found.push(altered(of, &row, reason));
                continue;
            }
        };
        for written in written(&record) {
            let differs = differing(of, &row, &written);
            found.extend(
                differs.map(|column| altered(of, &row, format!("column {column} is not as in its body"))),
            );
        }
        records.push(record);
    }
    Ok(())
}

/// Postings are what a restart sums up: each entry's must be those of its body.
async fn check_postings(
    connection: &mut SqliteConnection,
    entries: &[office::Record],
    found: &mut Vec<AlteredRow>,
) -> Result<(), ReadError> {
    let of = &table::LEDGER_POSTING;
    let mut stored = rows(connection, of, "entry, id").await?.into_iter().peekable();
    for entry in entries {
        for written in of_office(entry).into_iter().skip(1) {
            let Some(row) = stored.next() else {
                let key = format!("{:?}", written.values.first());
                found.push(AlteredRow { table: of.name, key, what: "a posting is missing".to_owned() });
                continue;
            };
            if let Some(column) = differing(of, &row, &written).next() {
                found.push(altered(of, &row, format!("column {column} is not as in its entry")));
            }
        }
    }
    if let Some(row) = stored.next() {
        found.push(altered(of, &row, "a posting beyond those of the entries".to_owned()));
    }
    Ok(())
}

async fn rows(
    connection: &mut SqliteConnection,
    of: &Table,
    order: &str,
) -> Result<Vec<SqliteRow>, ReadError> {
    let sql = format!("SELECT {} FROM {} ORDER BY {order}", of.columns.join(", "), of.name);
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// The columns of `row` that are not as `written`. The body itself is what is judged, by what it says: a newer program
/// may write the same with one field more.
fn differing<'a>(
    of: &'static Table,
    row: &'a SqliteRow,
    written: &'a Row,
) -> impl Iterator<Item = &'static str> {
    let pairs = of.columns.iter().copied().zip(&written.values).filter(|(column, _)| *column != "body");
    pairs.filter(|(column, value)| !is_equal(row, column, value)).map(|(column, _)| column)
}

fn is_equal(row: &SqliteRow, column: &str, value: &Value) -> bool {
    match value {
        Value::Null => row.try_get_raw(column).is_ok_and(|raw| raw.is_null()),
        Value::Integer(count) => row.try_get::<i64, _>(column).is_ok_and(|stored| stored == *count),
        Value::Text(text) => row.try_get::<&str, _>(column).is_ok_and(|stored| stored == text),
        Value::Bytes(bytes) => row.try_get::<&[u8], _>(column).is_ok_and(|stored| stored == bytes),
    }
}

fn altered(of: &'static Table, row: &SqliteRow, what: String) -> AlteredRow {
    let number = row.try_get::<i64, _>(0).map(|number| number.to_string());
    let key = number.or_else(|_| row.try_get::<String, _>(0)).unwrap_or_default();
    AlteredRow { table: of.name, key, what }
}
