use std::{
    collections::HashSet,
    fs::{self, File, TryLockError},
    io::ErrorKind,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{KeyStore, Record, StoredKey, Tombstone, now_us};
use crate::{Error, together::Together};

/// Keys in an SQLite file of their own, readable by its owner only, and open in one process at a time: what it has read
/// holds until it destroys it, so that a key need not be asked for each time that something is sealed under it.
///
/// Every commit is on the disk before it is answered (`synchronous = full`); callers that create keys at the
/// same time share one. Erased bytes are overwritten in the file (`secure_delete`) and the write-ahead log is cut
/// to nothing before a destruction is answered. What the disk itself keeps of overwritten sectors, and what
/// backups keep, is out of reach: there the site key is what protects, since all that could be found is wrapped.
pub struct SqliteKeys {
    readers: SqlitePool,
    writer: SqlitePool,
    /// Creations that wait for the writer share a commit.
    creations: Together<Vec<StoredKey>, Result<Arc<[StoredKey]>, String>>,
    /// Keeps others out, and goes with the process.
    _lock: File,
}

impl SqliteKeys {
    const READERS_MAX: u32 = 4;
    /// How long a statement waits for another connection's lock.
    const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
    /// The mode bits that nobody but the owner of the file may have.
    const MODE_OTHERS: u32 = 0o077;

    /// Opens the file, or makes it. [`Error::Unusable`]: others may read it, or it is open already.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        protect(path)?;
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Self::BUSY_TIMEOUT)
            .pragma("secure_delete", "on");
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.map_err(Error::keys_away)?;
        sqlx::migrate!("migrations/keys_sqlite").run(&writer).await.map_err(|reason| {
            Error::Unusable(format!(
                "the key store {} cannot be brought up to date: {reason}",
                path.display()
            ))
        })?;
        let readers = SqlitePoolOptions::new().max_connections(Self::READERS_MAX).connect_with(options).await;
        let readers = readers.map_err(Error::keys_away)?;
        Ok(Self { readers, writer, creations: Together::default(), _lock: lock })
    }

    /// Commits these in one transaction.
    async fn insert(&self, creations: &[Vec<StoredKey>]) -> Result<Arc<[StoredKey]>, sqlx::Error> {
        let mut transaction = self.writer.begin_with("begin immediate").await?;
        let candidates = || creations.iter().flatten();
        for StoredKey { id, subject, wrapped } in candidates() {
            sqlx::query(
                "insert into keys (id, subject, wrapped) values ($1, $2, $3)
                 on conflict (subject) where destroyed_at is null do nothing",
            )
            .bind(id.to_string())
            .bind(subject)
            .bind(wrapped)
            .execute(&mut *transaction)
            .await?;
        }
        let keys = live(&mut *transaction, candidates().map(|candidate| &candidate.subject)).await?;
        transaction.commit().await?;
        Ok(keys.into())
    }

    /// Moves the write-ahead log into the file and cuts it to nothing, so that no erased byte lingers in it.
    async fn cut_log(&self) -> Result<(), Error> {
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("pragma wal_checkpoint(truncate)")
            .fetch_one(&self.writer)
            .await
            .map_err(Error::keys_away)?;
        if busy == 0 {
            Ok(())
        } else {
            Err(Error::keys_away("a reader holds the write-ahead log; try again"))
        }
    }
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn is_new(&self) -> Result<bool, Error> {
        sqlx::query_scalar("select not exists (select 1 from site)")
            .fetch_one(&self.readers)
            .await
            .map_err(Error::keys_away)
    }

    async fn check(&self, candidate: Vec<u8>) -> Result<Vec<u8>, Error> {
        sqlx::query("insert into site (one, check_value) values (1, $1) on conflict do nothing")
            .bind(candidate)
            .execute(&self.writer)
            .await
            .map_err(Error::keys_away)?;
        sqlx::query_scalar("select check_value from site")
            .fetch_one(&self.readers)
            .await
            .map_err(Error::keys_away)
    }

    fn is_ours_alone(&self) -> bool {
        true
    }

    async fn live(&self, subjects: &[String]) -> Result<Vec<StoredKey>, Error> {
        live(&self.readers, subjects.iter()).await.map_err(Error::keys_away)
    }

    async fn create(&self, candidates: Vec<StoredKey>) -> Result<Vec<StoredKey>, Error> {
        let insert = |creations: Vec<_>| async move {
            self.insert(&creations).await.map_err(|reason| reason.to_string())
        };
        let wanted: HashSet<_> = candidates.iter().map(|key| key.subject.clone()).collect();
        let keys = self.creations.ask(candidates, insert).await.map_err(Error::keys_away)?;
        Ok(keys.iter().filter(|key| wanted.contains(&key.subject)).cloned().collect())
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Record>, Error> {
        let ids = json_list(ids.iter().map(Uuid::to_string));
        let rows: Vec<(String, String, Option<Vec<u8>>, Option<i64>)> = sqlx::query_as(
            "select id, subject, wrapped, destroyed_at from keys
             where id in (select value from json_each($1))",
        )
        .bind(ids)
        .fetch_all(&self.readers)
        .await
        .map_err(Error::keys_away)?;
        rows.into_iter()
            .map(|(id, subject, wrapped, at)| Ok(Record::from_row(parse_id(&id)?, subject, wrapped, at)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(Error::keys_away)
    }

    async fn destroy(&self, subjects: &[String]) -> Result<Vec<Tombstone>, Error> {
        let tombstones = destroy(&self.writer, subjects).await.map_err(Error::keys_away)?;
        self.cut_log().await?;
        Ok(tombstones)
    }
}

async fn live(
    database: impl sqlx::SqliteExecutor<'_>,
    subjects: impl Iterator<Item = &String>,
) -> Result<Vec<StoredKey>, sqlx::Error> {
    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(
        "select id, subject, wrapped from keys
         where destroyed_at is null and subject in (select value from json_each($1))",
    )
    .bind(json_list(subjects.cloned()))
    .fetch_all(database)
    .await?;
    rows.into_iter()
        .map(|(id, subject, wrapped)| Ok(StoredKey { id: parse_id(&id)?, subject, wrapped }))
        .collect()
}

async fn destroy(writer: &SqlitePool, subjects: &[String]) -> Result<Vec<Tombstone>, sqlx::Error> {
    let subjects = json_list(subjects.iter().cloned());
    let mut transaction = writer.begin_with("begin immediate").await?;
    sqlx::query(
        "update keys set wrapped = null, destroyed_at = $1
         where destroyed_at is null and subject in (select value from json_each($2))",
    )
    .bind(now_us())
    .bind(&subjects)
    .execute(&mut *transaction)
    .await?;
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "select id, subject, destroyed_at from keys
         where destroyed_at is not null and subject in (select value from json_each($1))",
    )
    .bind(&subjects)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    rows.into_iter().map(|(id, subject, at)| Ok(Tombstone::from_row(parse_id(&id)?, subject, at))).collect()
}

/// Makes the file with the right mode before SQLite would make it with the umask's; refuses one that others read.
///
/// A file that is there is not even opened: closing it would drop the locks that this process's SQLite has on it.
fn protect(path: &Path) -> Result<(), Error> {
    let unusable = |reason: String| Error::Unusable(format!("the key store {}: {reason}", path.display()));
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(error.to_string())),
        Ok(_) | Err(_) => {}
    }
    let mode = fs::metadata(path).map_err(|error| unusable(error.to_string()))?.permissions().mode();
    if mode & SqliteKeys::MODE_OTHERS == 0 {
        Ok(())
    } else {
        Err(unusable(format!("others than its owner may read it; run `chmod 600 {}`", path.display())))
    }
}

/// Takes the lock that keeps a second process out. It goes with the file handle, so a crash frees it too.
fn lock(path: &Path) -> Result<File, Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let unusable = |reason: String| Error::Unusable(format!("the key store {}: {reason}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&beside);
    let file = file.map_err(|error| unusable(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(unusable("it is open already; end the process that has it open".into()))
        }
        Err(TryLockError::Error(error)) => Err(unusable(format!("it cannot be locked: {error}"))),
    }
}

fn json_list(items: impl Iterator<Item = String>) -> String {
    serde_json::Value::from_iter(items).to_string()
}

fn parse_id(text: &str) -> Result<Uuid, sqlx::Error> {
    Uuid::parse_str(text).map_err(|reason| sqlx::Error::Decode(reason.into()))
}
