use std::fmt;

use uuid::Uuid;

use crate::BlobRef;

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A store is not reachable now; worth a retry.
    #[error("the {store} is not available: {reason}")]
    Unavailable {
        /// Which store.
        store: &'static str,
        /// What it said.
        reason: String,
    },
    /// Something is wrong with the keys or the stores that only an operator can put right.
    #[error("the vault cannot be used: {0}")]
    Unusable(String),
    /// One value cannot be sealed or opened.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// One blob cannot be opened.
    #[error("blob {reference}: {fault}")]
    Blob {
        /// Which blob.
        reference: Box<BlobRef>,
        /// What is wrong with it.
        fault: BlobFault,
    },
    /// Over the longest blob there may be. Nothing was stored.
    #[error("the blob has {len} bytes; at most {max} are allowed")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The bound.
        max: usize,
    },
}

/// A value that cannot be sealed or opened, and where it stands. Never carries content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The stream of the entry.
    pub stream: String,
    /// The entry.
    pub entry_id: Uuid,
    /// The index of the event in its entry.
    pub event: usize,
    /// JSON pointer to the value in its event.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, entry_id, event, path, fault } = self;
        write!(f, "stream {stream}, entry {entry_id}, event {event}, value at \"{path}\": {fault}")
    }
}

impl std::error::Error for ValueError {}

/// What may be wrong with a personal value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has none of the three forms.
    #[error("not in one of the forms open, sealed or erased")]
    Malformed,
    /// It was handed in for sealing but is sealed, for another place: open it there and seal it here.
    #[error("already sealed, for another place")]
    AlreadySealed,
    /// It was changed, or belongs to another stream, entry, event or path.
    #[error("damaged, or sealed for another place")]
    Damaged,
    /// It names a subject other than the one that its key belongs to.
    #[error("sealed for another subject")]
    OtherSubject,
    /// The key store never heard of its key: another site's, or the store was restored from too old a backup.
    #[error("its key is not in this key store")]
    UnknownKey,
    /// The key store's copy of its key does not unwrap.
    #[error("its key is damaged in the key store")]
    DamagedKey,
}

/// What may be wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobFault {
    /// It is not in the store, though its key is alive.
    #[error("missing")]
    Missing,
    /// It was changed or belongs to another reference.
    #[error("damaged, or stored under another reference")]
    Damaged,
    /// The key store never heard of its key.
    #[error("its key is not in this key store")]
    UnknownKey,
    /// The key store's copy of its key does not unwrap.
    #[error("its key is damaged in the key store")]
    DamagedKey,
}

impl Error {
    pub(crate) fn keys_away(reason: impl fmt::Display) -> Self {
        Self::Unavailable { store: "key store", reason: reason.to_string() }
    }

    /// What the store said, or all that is known.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Unavailable { reason, .. } => reason,
            other => other.to_string(),
        }
    }

    pub(crate) fn blobs_away(reason: impl fmt::Display) -> Self {
        Self::Unavailable { store: "blob store", reason: reason.to_string() }
    }
}
