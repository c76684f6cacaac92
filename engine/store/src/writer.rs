//! The one writer: all that is queued goes into one transaction, and only what COMMIT confirmed is reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Row as _, SqliteConnection};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use units::{RecordSeq, Timestamp};

use crate::row::{self, Row, Table, Value};
use crate::schema;

/// At most this many records go into one transaction: enough that fsync is cheap per row, few enough that a station's
/// acknowledgement does not wait for a whole backlog.
const BATCH_RECORDS: usize = 8_192;

/// Rows per INSERT. Measured: 9.4 µs of CPU per row at 200 rows against 50 µs at one. Halved for the rest, so that few
/// statements are ever prepared.
const CHUNK_ROWS: usize = 128;

const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(5);

/// Whose records: the roots count them separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// The sites.
    Csms,
    /// The business.
    Office,
}

impl Root {
    pub(crate) const ALL: [Self; 2] = [Self::Csms, Self::Office];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csms => "csms",
            Self::Office => "office",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Csms => 0,
            Self::Office => 1,
        }
    }
}

/// The records of one input, in order. They are committed together or not at all.
#[derive(Debug)]
pub enum Records {
    /// Of the sites.
    Csms(Vec<(RecordSeq, csms::Record)>),
    /// Of the business.
    Office(Vec<(RecordSeq, office::Record)>),
    /// None: what is kept no longer goes with the next batch. Notices that were received before this go, but for those that
    /// bear on money.
    Outdated {
        /// By the wall clock.
        notices_before: Timestamp,
    },
}

/// What became of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Each record of the root up to this one is on the disk.
    Committed {
        /// Whose.
        root: Root,
        /// The last one.
        up_to: RecordSeq,
    },
    /// A batch failed; it is retried unchanged until it succeeds. Reported once, when it begins to fail.
    Failing {
        /// SQLite's words.
        reason: String,
    },
    /// It succeeded at last.
    Well,
}

/// The way to the writer. Dropping every clone lets the writer commit what is queued and end.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: UnboundedSender<Records>,
    pages_limit: Arc<AtomicU32>,
}

impl Writer {
    /// A way to somebody who stands before the writer and decides when records go on: a test.
    #[doc(hidden)]
    #[must_use]
    pub fn in_front(queue: UnboundedSender<Records>) -> Self {
        Self { queue, pages_limit: Arc::default() }
    }

    /// Queues the records of one input. The order of calls is the order of commits.
    pub fn submit(&self, records: Records) {
        // The task ends only after the last sender, or by abort, when nobody is left to tell.
        if self.queue.send(records).is_err() {
            tracing::error!("the writer is gone: records are lost");
        }
    }

    /// Lets the database grow to `pages` of 4 KiB, 0 for as many as SQLite can count. Batches that would need more
    /// fail as on a full disk, until the limit is lifted.
    pub fn limit_size(&self, pages: u32) {
        self.pages_limit.store(pages, Ordering::Release);
    }
}

pub(crate) fn start(
    path: PathBuf,
    run: i64,
    connection: SqliteConnection,
    lock: Arc<schema::Lock>,
) -> crate::WriterStarted {
    let (queue, inbox) = unbounded_channel();
    let (reporter, reports) = unbounded_channel();
    let pages_limit = Arc::new(AtomicU32::new(0));
    let mut task = Task {
        path,
        run,
        connection: Some(connection),
        reporter,
        pages_limit: Arc::clone(&pages_limit),
        pages_limit_set: 0,
        statements: BTreeMap::new(),
    };
    let task = tokio::spawn(async move {
        task.run(inbox).await;
        drop(lock);
    });
    crate::WriterStarted { writer: Writer { queue, pages_limit }, reports, task }
}

struct Task {
    path: PathBuf,
    run: i64,
    /// None after the connection itself broke.
    connection: Option<SqliteConnection>,
    reporter: UnboundedSender<Report>,
    pages_limit: Arc<AtomicU32>,
    pages_limit_set: u32,
    /// The SQL text of each table and count of rows.
    statements: BTreeMap<(&'static str, usize), Arc<str>>,
}

impl Task {
    async fn run(&mut self, mut inbox: UnboundedReceiver<Records>) {
        while let Some(records) = inbox.recv().await {
            let mut batch = Batch::default();
            batch.take(records);
            while batch.count < BATCH_RECORDS {
                let Ok(records) = inbox.try_recv() else { break };
                batch.take(records);
            }
            let up_to = batch.up_to;
            let statements = self.prepare(batch);
            self.commit_until_done(&statements, up_to).await;
            for root in Root::ALL {
                if let Some(up_to) = up_to[root.index()] {
                    self.report(Report::Committed { root, up_to });
                }
            }
        }
        if let Some(connection) = self.connection.take() {
            // The last connection to close folds the write-ahead log into the file; a failure leaves the log in place.
            let _ = sqlx::Connection::close(connection).await;
        }
    }

    async fn commit_until_done(&mut self, statements: &[Statement], up_to: [Option<RecordSeq>; 2]) {
        let mut back_off = BACK_OFF_FIRST;
        let mut is_failing = false;
        while let Err(error) = self.attempt(statements, up_to).await {
            if !is_failing {
                is_failing = true;
                tracing::error!(%error, "records cannot be committed; retrying");
                self.report(Report::Failing { reason: error.to_string() });
            }
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(BACK_OFF_LONGEST);
        }
        if is_failing {
            tracing::info!("records are committed again");
            self.report(Report::Well);
        }
    }

    async fn attempt(
        &mut self,
        statements: &[Statement],
        up_to: [Option<RecordSeq>; 2],
    ) -> Result<(), sqlx::Error> {
        let pages_limit = self.pages_limit.load(Ordering::Acquire);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(reconnect(&self.path).await?),
        };
        if pages_limit != self.pages_limit_set {
            limit_pages(connection, pages_limit).await?;
            self.pages_limit_set = pages_limit;
        }
        let result = commit(connection, self.run, statements, up_to).await;
        if result.is_err() {
            // SQLite may have rolled back by itself (a full disk): then this one has nothing to do.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
            if sqlx::Connection::ping(connection).await.is_err() {
                self.connection = None;
                self.pages_limit_set = 0;
            }
        }
        result
    }

    /// The INSERTs of a batch. Their arguments are shared, so that a retry sends the very same ones.
    fn prepare(&mut self, batch: Batch) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (_, (table, rows)) in batch.tables {
            let mut rows = rows.into_iter();
            while rows.len() > 0 {
                let count = chunk(rows.len());
                let sql = self
                    .statements
                    .entry((table.name, count))
                    .or_insert_with(|| Arc::from(table.insert(count)))
                    .clone();
                let mut arguments = SqliteArguments::default();
                arguments.reserve(count * table.columns.len(), 0);
                for row in rows.by_ref().take(count) {
                    row.values.into_iter().for_each(|value| bind(&mut arguments, value));
                }
                statements.push(Statement { sql, arguments });
            }
        }
        statements.extend(batch.notices_before.map(forget_notices));
        statements
    }

    fn report(&self, report: Report) {
        // Nobody listens during a stop.
        let _ = self.reporter.send(report);
    }
}

struct Statement {
    sql: Arc<str>,
    arguments: SqliteArguments,
}

/// What one transaction holds. Of the rows of one state row's key only the last is kept.
#[derive(Default)]
struct Batch {
    count: usize,
    tables: BTreeMap<&'static str, (&'static Table, Vec<Row>)>,
    /// Where the row of a key stands in its table's rows.
    places: BTreeMap<(&'static str, String), usize>,
    up_to: [Option<RecordSeq>; 2],
    notices_before: Option<Timestamp>,
}

impl Batch {
    fn take(&mut self, records: Records) {
        match records {
            Records::Csms(records) => {
                for (seq, record) in records {
                    self.count(Root::Csms, seq);
                    self.push(row::of_csms(&record));
                }
            }
            Records::Office(records) => {
                for (seq, record) in records {
                    self.count(Root::Office, seq);
                    row::of_office(&record).into_iter().for_each(|row| self.push(row));
                }
            }
            Records::Outdated { notices_before } => {
                self.notices_before = self.notices_before.max(Some(notices_before));
            }
        }
    }

    fn count(&mut self, root: Root, seq: RecordSeq) {
        let last = &mut self.up_to[root.index()];
        assert!(last.is_none_or(|last| last < seq), "record {seq} of {} follows {last:?}", root.name());
        *last = Some(seq);
        self.count += 1;
    }

    fn push(&mut self, row: Row) {
        let table = row.table;
        let rows = &mut self.tables.entry(table.name).or_insert_with(|| (table, Vec::new())).1;
        let Some(key) = row.key() else {
            rows.push(row);
            return;
        };
        match self.places.get(&(table.name, key.clone())) {
            Some(&place) => rows[place] = row,
            None => {
                self.places.insert((table.name, key), rows.len());
                rows.push(row);
            }
        }
    }
}

fn forget_notices(before: Timestamp) -> Statement {
    let kept = csms::record::Subject::OF_MONEY.map(|subject| format!("'{}'", subject.name())).join(", ");
    let sql = format!("DELETE FROM notice WHERE received_at_ms < ? AND subject NOT IN ({kept})");
    let mut arguments = SqliteArguments::default();
    bind(&mut arguments, Value::Integer(before.since(Timestamp::EPOCH).milliseconds()));
    Statement { sql: Arc::from(sql), arguments }
}

async fn reconnect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    schema::connect_writer(path).await.map_err(|error| sqlx::Error::Configuration(Box::new(error)))
}

async fn commit(
    connection: &mut SqliteConnection,
    run: i64,
    statements: &[Statement],
    up_to: [Option<RecordSeq>; 2],
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    if is_marked(connection, run, up_to).await? {
        // The attempt before reported a failure at COMMIT, and yet it had been committed.
        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
        return Ok(());
    }
    for statement in statements {
        sqlx::query_with(AssertSqlSafe(Arc::clone(&statement.sql)), statement.arguments.clone())
            .execute(&mut *connection)
            .await?;
    }
    for root in Root::ALL {
        if let Some(seq) = up_to[root.index()] {
            sqlx::query(
                "INSERT INTO commit_mark (root, run, seq) VALUES (?, ?, ?) \
                 ON CONFLICT (root) DO UPDATE SET run = excluded.run, seq = excluded.seq",
            )
            .bind(root.name())
            .bind(run)
            .bind(seq.0.cast_signed())
            .execute(&mut *connection)
            .await?;
        }
    }
    sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
    Ok(())
}

async fn is_marked(
    connection: &mut SqliteConnection,
    run: i64,
    up_to: [Option<RecordSeq>; 2],
) -> Result<bool, sqlx::Error> {
    let marks = sqlx::query("SELECT root, seq FROM commit_mark WHERE run = ?")
        .bind(run)
        .fetch_all(connection)
        .await?;
    for mark in marks {
        let (name, seq): (String, i64) = (mark.try_get(0)?, mark.try_get(1)?);
        let is_reached = |root: &Root| {
            root.name() == name && up_to[root.index()].is_some_and(|up_to| up_to.0 <= seq.cast_unsigned())
        };
        // A batch is one transaction: one root's mark speaks for both.
        if Root::ALL.iter().any(is_reached) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn limit_pages(connection: &mut SqliteConnection, pages: u32) -> Result<(), sqlx::Error> {
    let pages = if pages == 0 { u32::MAX - 1 } else { pages };
    sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).execute(connection).await?;
    Ok(())
}

/// The largest power of two up to `CHUNK_ROWS` that `left` rows fill.
fn chunk(left: usize) -> usize {
    let mut count = CHUNK_ROWS;
    while count > left {
        count /= 2;
    }
    count
}

fn bind(arguments: &mut SqliteArguments, value: Value) {
    let result = match value {
        Value::Null => arguments.add(None::<i64>),
        Value::Integer(count) => arguments.add(count),
        Value::Text(text) => arguments.add(text),
        Value::Bytes(bytes) => arguments.add(bytes),
    };
    assert!(result.is_ok(), "integers, texts and bytes always encode: {result:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_whose_commit_was_ambiguous_is_not_written_twice() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("wattery.db");
        let mut connection = schema::connect_writer(&path).await.unwrap();
        schema::migrate(&mut connection, &path).await.unwrap();
        let insert = |seq: i64| Statement {
            sql: Arc::from(
                "INSERT INTO audit (root, at_ms, actor, what, outcome) VALUES ('csms', ?, '', '', '')",
            ),
            arguments: {
                let mut arguments = SqliteArguments::default();
                bind(&mut arguments, Value::Integer(seq));
                arguments
            },
        };
        // (run, number of the last record, rows afterwards): the same batch again, the next one, a new run's first.
        for (run, seq, rows) in [(1, 5, 1), (1, 5, 1), (1, 9, 2), (1, 9, 2), (2, 5, 3), (2, 5, 3)] {
            let up_to = [Some(RecordSeq(seq)), None];
            commit(&mut connection, run, &[insert(1)], up_to).await.unwrap();
            let row = sqlx::query("SELECT COUNT(*) FROM audit").fetch_one(&mut connection).await.unwrap();
            assert_eq!(row.get::<i64, _>(0), rows, "run {run}, up to {seq}");
        }
    }
}
