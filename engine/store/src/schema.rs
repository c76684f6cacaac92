//! Opening a database: its version, its migrations and the PRAGMAs without which nothing is durable.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

/// The migrations in order; the place in this list, from 1, is the schema's version. A migration that was released
/// is never edited.
const MIGRATIONS: [&str; 8] = [
    include_str!("../migrations/0001_spine.sql"),
    include_str!("../migrations/0002_station_numbers.sql"),
    include_str!("../migrations/0003_station_security.sql"),
    include_str!("../migrations/0004_station_facts.sql"),
    include_str!("../migrations/0005_notice.sql"),
    include_str!("../migrations/0006_upkeep.sql"),
    include_str!("../migrations/0007_reason.sql"),
    include_str!("../migrations/0008_site_terms.sql"),
];

/// The schema's version that this program writes.
pub const VERSION: i64 = 8;

/// How long a connection waits for another one's lock before the attempt counts as failed. Short, since the writer
/// tries again by itself and stations wait for their acknowledgements meanwhile.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a database was not opened. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer program wrote it.
    #[error(
        "{path} has schema version {found}, this program knows versions up to {known}; \
         use the newer program, or restore a copy made before it ran"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It is somebody else's database.
    #[error("{path} is an SQLite database, but not one of Wattery; name another file")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another process writes it.
    #[error("{path} is in use by another process; stop that one first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite does not keep its promise of durability.
    #[error("{path}: PRAGMA {pragma} is {found}, it must be {wanted}")]
    Pragma {
        /// The file.
        path: PathBuf,
        /// Which.
        pragma: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// SQLite said no.
    #[error("cannot open {path}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// Keeps other processes out as long as it lives. The lock is a file of its own: SQLite's own locks come and go.
#[derive(Debug)]
pub(crate) struct Lock(std::fs::File);

impl Drop for Lock {
    /// Said, not left to the file's closing: a child process between its fork and its program holds the file open too.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the database's lock is released once its file is closed");
        }
    }
}

/// Locks the database at `path`.
pub(crate) fn lock(path: &Path) -> Result<Lock, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let fail = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(OpenError::Lock { path: lock_path, source }),
    }
}

/// Refuses a database that is not ours or newer than we are, without a byte changed in it.
pub(crate) async fn check_version(path: &Path) -> Result<(), OpenError> {
    let is_new = std::fs::metadata(path).map_or(true, |metadata| metadata.len() == 0);
    if is_new {
        return Ok(());
    }
    let mut connection = peek(path).await.map_err(at(path))?;
    let found = version_of(&mut connection).await.map_err(at(path))?;
    connection.close().await.map_err(at(path))?;
    match found {
        Found::Empty => Ok(()),
        Found::Version(found) if found <= VERSION => Ok(()),
        Found::Version(found) => Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION }),
        Found::Foreign => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// A connection that writes, with its promises checked.
pub(crate) async fn connect_writer(path: &Path) -> Result<SqliteConnection, OpenError> {
    let mut connection = writer_options(path).connect().await.map_err(at(path))?;
    check_pragma(&mut connection, path, "journal_mode", "wal").await?;
    check_pragma(&mut connection, path, "synchronous", "2").await?;
    Ok(connection)
}

/// What readers connect with.
pub(crate) fn reader_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT)
}

/// Brings the schema to [`VERSION`], each step in its own transaction.
pub(crate) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let present = match version_of(connection).await.map_err(at(path))? {
        Found::Empty => 0,
        Found::Version(version) => version,
        Found::Foreign => return Err(OpenError::Foreign { path: path.to_owned() }),
    };
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|&(version, _)| version > present) {
        apply(connection, version, sql).await.map_err(at(path))?;
    }
    Ok(())
}

/// Counts this run, durably: marks of commits of an earlier run can then be told apart.
pub(crate) async fn begin_run(connection: &mut SqliteConnection, path: &Path) -> Result<i64, OpenError> {
    sqlx::query("INSERT INTO run (run) VALUES (NULL) RETURNING run")
        .fetch_one(connection)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(at(path))
}

pub(crate) fn at(path: &Path) -> impl Fn(sqlx::Error) -> OpenError {
    move |source| OpenError::Database { path: path.to_owned(), source }
}

enum Found {
    Empty,
    Version(i64),
    Foreign,
}

/// Opens for reading only. Without a write-ahead log beside it the file is complete by itself: then not even
/// SQLite's side files are made.
pub(crate) async fn peek(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_complete = std::fs::metadata(PathBuf::from(log)).map_or(true, |metadata| metadata.len() == 0);
    reader_options(path).immutable(is_complete).connect().await
}

async fn version_of(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let tables: Vec<String> = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    if tables.is_empty() {
        return Ok(Found::Empty);
    }
    if !tables.iter().any(|name| name == "schema_migration") {
        return Ok(Found::Foreign);
    }
    let row =
        sqlx::query("SELECT COALESCE(MAX(version), 0) FROM schema_migration").fetch_one(connection).await?;
    Ok(Found::Version(row.try_get(0)?))
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        // One statement per table and chunk size.
        .statement_cache_capacity(1024)
}

async fn check_pragma(
    connection: &mut SqliteConnection,
    path: &Path,
    pragma: &'static str,
    wanted: &'static str,
) -> Result<(), OpenError> {
    let question = match pragma {
        "journal_mode" => "SELECT CAST(journal_mode AS TEXT) FROM pragma_journal_mode",
        _ => "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
    };
    let row = sqlx::query(question).fetch_one(connection).await.map_err(at(path))?;
    let found: String = row.try_get(0).map_err(at(path))?;
    if found == wanted {
        Ok(())
    } else {
        Err(OpenError::Pragma { path: path.to_owned(), pragma, wanted, found })
    }
}

async fn apply(
    connection: &mut SqliteConnection,
    version: i64,
    sql: &'static str,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(sql).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO schema_migration (version) VALUES (?)")
        .bind(version)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_process_that_holds_the_file_open_does_not_keep_the_lock() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("wattery.db");
        let held = lock(&path).unwrap();
        let inherited = held.0.try_clone().unwrap();
        assert!(matches!(lock(&path), Err(OpenError::InUse { .. })));
        drop(held);
        lock(&path).unwrap();
        drop(inherited);
    }

    #[tokio::test]
    async fn the_writer_is_durable_or_does_not_open() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("wattery.db");
        let mut connection = connect_writer(&path).await.unwrap();
        let mut asked = Vec::new();
        for question in ["PRAGMA journal_mode", "PRAGMA synchronous"] {
            let row = sqlx::query(question).fetch_one(&mut connection).await.unwrap();
            let text: Option<String> = row.try_get(0).ok();
            asked.push(text.unwrap_or_else(|| row.get::<i64, _>(0).to_string()));
        }
        assert_eq!(asked, ["wal", "2"], "2 is FULL: each COMMIT waits for the disk");

        sqlx::raw_sql("PRAGMA synchronous = NORMAL").execute(&mut connection).await.unwrap();
        let error = check_pragma(&mut connection, &path, "synchronous", "2").await.unwrap_err();
        assert!(error.to_string().ends_with("PRAGMA synchronous is 1, it must be 2"), "{error}");
    }
}
