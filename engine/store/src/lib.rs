//! Records in SQL: the schema, the one writer, and reading back.
//!
//! Start with [`Store::open`], then [`Store::start_writer`] for the way in and [`Store::restore`] for what the roots
//! need at a start. [`list`] answers what pages and the API ask of the past. [`Archive`] reads it all, to be judged.
//!
//! # Invariants
//!
//! - Nothing is reported as committed before COMMIT returned, under WAL with synchronous FULL, which is checked at
//!   each open.
//! - The records of one input are committed together; order is kept. A failed batch is retried unchanged, and a batch
//!   whose COMMIT was ambiguous is not written twice.
//! - What is read back equals what was written.
//! - Facts are only inserted. A database of a newer schema version is refused and not a byte of it is changed.
//! - One process writes a database: a lock beside it says so.
//!
//! # Not here
//!
//! No rule of the domain: what a record means is known by `csms` and `office`. No frame log, which is files.

mod archive;
pub mod list;
mod restore;
mod row;
mod sample;
mod schema;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

pub use archive::{AlteredRow, Archive};
pub use restore::Restored;
pub use schema::{OpenError, VERSION};
pub use writer::{Records, Report, Root, Writer};

/// An open database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    run: i64,
    readers: SqlitePool,
    /// Held as long as the store or its writer lives.
    lock: Arc<schema::Lock>,
}

/// A writer at work.
#[derive(Debug)]
pub struct WriterStarted {
    /// The way in.
    pub writer: Writer,
    /// What became of the records.
    pub reports: UnboundedReceiver<Report>,
    /// Ends once every [`Writer`] was dropped and all that was queued is committed.
    pub task: JoinHandle<()>,
}

/// A read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite said no.
    #[error("cannot read the database")]
    Database(#[from] sqlx::Error),
    /// A row does not hold what was written: the database was changed by another hand.
    #[error("a row of table {table} is not what Wattery wrote: {reason}")]
    Row {
        /// Where.
        table: &'static str,
        /// What is wrong, with the text at fault.
        reason: String,
    },
}

/// Whether nobody has the database at `path` open to be written, as far as can be told now.
#[must_use]
pub fn is_free(path: &Path) -> bool {
    schema::lock(path).is_ok()
}

impl Store {
    /// How many readers may work at once.
    const READERS: u32 = 4;

    /// Opens the database at `path`, makes it where there is none, and migrates it where it is older.
    ///
    /// # Errors
    ///
    /// Where it is newer than this program, in use, not ours, or cannot be opened durably. It is then left as it was.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = Arc::new(schema::lock(path)?);
        schema::check_version(path).await?;
        let mut connection = schema::connect_writer(path).await?;
        schema::migrate(&mut connection, path).await?;
        let run = schema::begin_run(&mut connection, path).await?;
        sqlx::Connection::close(connection).await.map_err(schema::at(path))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(Self::READERS)
            .connect_with(schema::reader_options(path))
            .await
            .map_err(schema::at(path))?;
        Ok(Self { path: path.to_owned(), run, readers, lock })
    }

    /// Starts the one writer, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where its connection cannot be opened durably.
    pub async fn start_writer(&self) -> Result<WriterStarted, OpenError> {
        let connection = schema::connect_writer(&self.path).await?;
        Ok(writer::start(self.path.clone(), self.run, connection, Arc::clone(&self.lock)))
    }

    /// How often the database was opened to be written, this time included.
    #[must_use]
    pub const fn run(&self) -> i64 {
        self.run
    }
}
