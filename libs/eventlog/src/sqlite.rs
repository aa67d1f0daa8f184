//! The log of one node: a SQLite file, full sync, one writer with group commit.
//!
//! Only one process may have the file open. That is what lets the writer keep the end of the log in memory, and hand
//! it to the followers without asking the file.

mod reader;
mod recent;
mod schema;
mod writer;

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::stream::BoxStream;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::watch;

use crate::{AppendError, Category, Entry, Error, EventLog, NewEntry, Position, StreamId};
use reader::Reader;
use recent::Recent;
use writer::Writer;

/// How many connections read side by side.
const READERS_MAX: u32 = 8;
/// How long a reader waits for one of them.
const READER_WAIT: Duration = Duration::from_secs(30);
/// Prepared statements kept per connection: one insert for every number of rows, and the rest.
const STATEMENTS_MAX: usize = writer::INSERT_ROWS_MAX + 64;
/// Rows that the driver reads ahead of us.
const ROWS_AHEAD_MAX: usize = 256;
/// How much of the file readers map into memory, in bytes.
const MAPPED_BYTES_MAX: &str = "268435456";
/// Pages of the write-ahead log after which it is folded into the file. Fewer checkpoints, fewer syncs.
const CHECKPOINT_PAGES: &str = "4000";

/// The log of a site that lives on one node.
///
/// An acknowledged entry is on the disk (`synchronous = FULL`). Appends that wait at the same time share one
/// transaction and one sync.
#[derive(Clone, Debug)]
pub struct SqliteLog {
    writer: Writer,
    reader: Reader,
}

impl SqliteLog {
    /// Opens the log in the file `path`, and makes it if it is not there. Its folder must exist.
    ///
    /// [`Error::Unusable`]: another process has it open, the file is something else, or SQLite is too old.
    /// Must be called in a tokio runtime; the writer lives in it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("mmap_size", MAPPED_BYTES_MAX)
            .statement_cache_capacity(STATEMENTS_MAX)
            .row_buffer_size(ROWS_AHEAD_MAX);
        let (connection, last) = schema::open(&options.clone().create_if_missing(true)).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "on"));
        let (recent, recent_seen) = watch::channel(Recent::at(last));
        let writer = Writer::start(connection, last, recent, lock);
        Ok(Self { writer, reader: Reader::new(pool, recent_seen) })
    }

    /// Ends the writer after what it has accepted, and frees the file. Later appends are refused as unavailable;
    /// reads and followers end with that error.
    ///
    /// Without it the file is freed some time after the last clone is dropped.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

#[async_trait::async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        entry.check()?;
        self.writer.append(expected, entry).await
    }

    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>> {
        self.reader.read(stream, after)
    }

    async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        self.reader.tail(categories).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>> {
        self.reader.follow(after, categories)
    }
}

/// Takes the lock that keeps a second process out. It goes with the file handle, so a crash frees it too.
fn lock(path: &Path) -> Result<File, Error> {
    let beside = beside(path);
    let shown = path.display();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside)
        .map_err(|error| Error::Unusable(format!("{}: {error}", beside.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Unusable(format!("{shown} is open in another process"))),
        Err(TryLockError::Error(error)) => Err(Error::Unusable(format!("{shown} cannot be locked: {error}"))),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// What an error of the driver means to whoever called.
fn error(error: &sqlx::Error) -> Error {
    /// Primary result codes that no retry helps against: read-only, corrupt, cannot open, not a database.
    const BROKEN: [i32; 4] = [8, 11, 14, 26];
    let code = error.as_database_error().and_then(|e| e.code()?.parse::<i32>().ok());
    match code {
        Some(code) if BROKEN.contains(&(code & 0xff)) => Error::Unusable(error.to_string()),
        _ => Error::Unavailable(error.to_string()),
    }
}
