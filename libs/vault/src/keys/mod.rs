//! Where wrapped data keys are kept.

mod memory;
mod postgres;
mod sqlite;

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use uuid::Uuid;

pub use memory::MemoryKeys;
pub use postgres::PostgresKeys;
pub use sqlite::SqliteKeys;

use crate::Error;

/// A store of wrapped data keys. It sees no key in the clear and decides nothing.
///
/// # Promises
///
/// Every backend keeps each of these; `conformance::keys` has one function per promise.
///
/// - A subject has at most one live key. Of callers that race to create it one wins, and all are answered its key.
/// - What [`KeyStore::create`] has answered survives a power cut.
/// - A destroyed key's bytes are gone from the store when [`KeyStore::destroy`] answers; its tombstone stays for
///   ever, and its subject may get a new key.
/// - Bytes come back as they were given. Subjects and ids that are not there are left out of an answer; its
///   order means nothing.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Whether no check value was ever given: the store has just been made.
    async fn is_new(&self) -> Result<bool, Error>;

    /// The check value of the site key: the first candidate ever given is kept and answered from then on.
    async fn check(&self, candidate: Vec<u8>) -> Result<Vec<u8>, Error>;

    /// The live keys of these subjects.
    async fn live(&self, subjects: &[String]) -> Result<Vec<StoredKey>, Error>;

    /// Keeps each candidate whose subject has no live key, durably, and answers the live keys of all their subjects.
    async fn create(&self, candidates: Vec<StoredKey>) -> Result<Vec<StoredKey>, Error>;

    /// Whether every destruction goes through this very value, so that what it has answered holds until it destroys.
    /// A store that others may write to as well is not.
    fn is_ours_alone(&self) -> bool {
        false
    }

    /// What is known of these keys.
    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Record>, Error>;

    /// Erases the live keys of these subjects and answers every tombstone they have, so that destroying again
    /// answers the same.
    async fn destroy(&self, subjects: &[String]) -> Result<Vec<Tombstone>, Error>;
}

/// A live data key as a store holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Random, unique.
    pub id: Uuid,
    /// Whose key it is.
    pub subject: String,
    /// The key, encrypted under the site's wrapping key.
    pub wrapped: Vec<u8>,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// What stays of a destroyed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The key that was.
    pub key_id: Uuid,
    /// Whose key it was.
    pub subject: String,
    /// When its bytes were erased, in whole microseconds.
    pub destroyed_at: SystemTime,
}

/// What a store knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// It can be used.
    Live(StoredKey),
    /// It is gone for good.
    Destroyed(Tombstone),
}

impl Record {
    /// The key's id.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Live(key) => key.id,
            Self::Destroyed(tombstone) => tombstone.key_id,
        }
    }

    /// A row of either SQL store: without wrapped bytes it is a tombstone.
    fn from_row(id: Uuid, subject: String, wrapped: Option<Vec<u8>>, destroyed_us: Option<i64>) -> Self {
        match wrapped {
            Some(wrapped) => Self::Live(StoredKey { id, subject, wrapped }),
            None => Self::Destroyed(Tombstone::from_row(id, subject, destroyed_us.unwrap_or_default())),
        }
    }
}

impl Tombstone {
    fn from_row(key_id: Uuid, subject: String, destroyed_us: i64) -> Self {
        let since = std::time::Duration::from_micros(destroyed_us.unsigned_abs());
        Self { key_id, subject, destroyed_at: SystemTime::UNIX_EPOCH + since }
    }
}

/// Microseconds since 1970: what every backend can keep.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
