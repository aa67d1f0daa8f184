//! What is too large for an entry: raw mails, attachments, long texts.

mod folder;
mod memory;
mod postgres;

use std::{fmt, str::FromStr, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use folder::FolderBlobs;
pub use memory::MemoryBlobs;
pub use postgres::PostgresBlobs;

use crate::{BlobFault, Error, Vault, cipher::hex, keyring::Known};

/// A store of sealed bytes. It sees no content and decides nothing.
///
/// # Promises
///
/// Every backend keeps each of these; `conformance::blobs` has one function per promise.
///
/// - What [`BlobStore::put`] has answered survives a power cut. Putting under a reference that is there already
///   keeps what is there.
/// - A reader sees a blob whole or not at all.
/// - Bytes come back as they were given.
/// - After [`BlobStore::delete_of`] nothing of the owner is there, and all others' is.
/// - [`BlobStore::list`] goes through everything that was there before it began, in the order of the references.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Keeps `sealed` under `reference`.
    async fn put(&self, reference: &BlobRef, sealed: Bytes) -> Result<(), Error>;

    /// The bytes under `reference`, if there are any.
    async fn get(&self, reference: &BlobRef) -> Result<Option<Bytes>, Error>;

    /// Deletes one blob; one that is not there is deleted already.
    async fn delete(&self, reference: &BlobRef) -> Result<(), Error>;

    /// Deletes everything of these owners.
    async fn delete_of(&self, owners: &[Owner]) -> Result<(), Error>;

    /// At most `limit` references after `after`.
    async fn list(&self, after: Option<&BlobRef>, limit: usize) -> Result<Vec<Listed>, Error>;
}

/// A keyed hash of a subject: whose blobs lie together, without saying whose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

/// Where a blob lies: `<owner>.<key id>.<address>`, all lower-case hexadecimal. Says nothing about its content or
/// person to who has no keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobRef {
    owner: Owner,
    key_id: Uuid,
    address: String,
}

/// A blob in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which blob.
    pub reference: BlobRef,
    /// When it was stored: a blob is written before its entry, so a young one is no orphan yet.
    pub stored_at: SystemTime,
}

/// Sealed blobs: each under the key of its subject, at an address that is a keyed hash of its content.
///
/// The same bytes of the same subject are stored once. When the subject's key is destroyed the address cannot be
/// guessed from the content any more, and what is put afterwards has another.
#[derive(Clone)]
pub struct Blobs {
    vault: Arc<Vault>,
    store: Arc<dyn BlobStore>,
}

impl Blobs {
    /// The longest blob, in bytes: a mail at the usual limit of 25 MB, encoded, with room to spare.
    pub const LEN_MAX: usize = 64 * 1024 * 1024;
    /// 160 bits of HMAC.
    const ADDRESS_LEN: usize = 20;

    /// Blobs of `store`, sealed by `vault`.
    pub fn new(vault: Arc<Vault>, store: Arc<dyn BlobStore>) -> Self {
        Self { vault, store }
    }

    /// Seals and keeps `bytes`; durable when it answers, so that the entry that names it can be appended.
    pub async fn put(&self, subject: &str, bytes: &[u8]) -> Result<BlobRef, Error> {
        if bytes.len() > Self::LEN_MAX {
            return Err(Error::TooLarge { len: bytes.len(), max: Self::LEN_MAX });
        }
        let key = self.vault.keyring().live(subject).await?;
        let address = key.secret.derive("dossier vault: blob address v1").mac(&[bytes]);
        let reference = BlobRef::new(self.owner(subject), key.id, hex(&address[..Self::ADDRESS_LEN]));
        let sealed = key.secret.encrypt_joined(bytes, &aad(&reference))?;
        self.store.put(&reference, sealed.into()).await?;
        Ok(reference)
    }

    /// The bytes; nothing if their subject was erased.
    pub async fn get(&self, reference: &BlobRef) -> Result<Option<Bytes>, Error> {
        let fault = |fault| Error::Blob { reference: Box::new(reference.clone()), fault };
        let key = match self.vault.keyring().known_one(reference.key_id).await? {
            Some(Known::Live(key)) => key,
            Some(Known::Destroyed { .. }) => return Ok(None),
            Some(Known::Damaged) => return Err(fault(BlobFault::DamagedKey)),
            None => return Err(fault(BlobFault::UnknownKey)),
        };
        let sealed = self.store.get(reference).await?.ok_or_else(|| fault(BlobFault::Missing))?;
        let bytes = key.secret.decrypt_joined(&sealed, &aad(reference));
        bytes.map(|bytes| Some(bytes.into())).ok_or_else(|| fault(BlobFault::Damaged))
    }

    /// Deletes one blob: an orphan that no entry names.
    pub async fn delete(&self, reference: &BlobRef) -> Result<(), Error> {
        self.store.delete(reference).await
    }

    /// Deletes everything of these subjects. Part of an erasure, after [`Vault::destroy`].
    pub async fn delete_of(&self, subjects: &[String]) -> Result<(), Error> {
        let owners: Vec<_> = subjects.iter().map(|subject| self.owner(subject)).collect();
        self.store.delete_of(&owners).await
    }

    /// At most `limit` blobs after `after`, in the order of their references: page by page, for the sweep.
    pub async fn list(&self, after: Option<&BlobRef>, limit: usize) -> Result<Vec<Listed>, Error> {
        self.store.list(after, limit).await
    }

    /// The blob of `subject` that `pointer` names, the [`BlobRef::pointer`] of what was put.
    pub fn at(&self, subject: &str, pointer: &str) -> Result<BlobRef, InvalidBlobRef> {
        let bytes =
            data_encoding::BASE32_NOPAD_NOCASE.decode(pointer.as_bytes()).map_err(|_| InvalidBlobRef)?;
        let (key_id, address) = bytes.split_at_checked(size_of::<Uuid>()).ok_or(InvalidBlobRef)?;
        let key_id = Uuid::from_slice(key_id).map_err(|_| InvalidBlobRef)?;
        if address.len() != Self::ADDRESS_LEN {
            return Err(InvalidBlobRef);
        }
        Ok(BlobRef::new(self.owner(subject), key_id, hex(address)))
    }

    fn owner(&self, subject: &str) -> Owner {
        Owner::new(self.vault.hash("blob owner", &[subject]))
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").finish_non_exhaustive()
    }
}

impl Owner {
    pub(crate) fn new(hash: String) -> Self {
        Self(hash)
    }
}

impl BlobRef {
    pub(crate) fn new(owner: Owner, key_id: Uuid, address: String) -> Self {
        Self { owner, key_id, address }
    }

    /// Whose it is.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The key and the address in base 32 (RFC 4648, lower case), as events name a blob. The owner is left out: it
    /// follows from the subject of what stands beside. [`Blobs::at`] is the way back.
    pub fn pointer(&self) -> String {
        let mut bytes = self.key_id.as_bytes().to_vec();
        bytes.extend((0..self.address.len()).step_by(2).filter_map(|at| {
            self.address.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok())
        }));
        data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
    }
}

impl fmt::Display for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.owner.0, self.key_id.simple(), self.address)
    }
}

impl FromStr for BlobRef {
    type Err = InvalidBlobRef;

    fn from_str(text: &str) -> Result<Self, InvalidBlobRef> {
        let [owner, key_id, address] = text.split('.').collect::<Vec<_>>()[..] else {
            return Err(InvalidBlobRef);
        };
        let is_hash = |text: &str| {
            text.len() == 2 * Blobs::ADDRESS_LEN
                && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let key_id = Uuid::try_parse(key_id).map_err(|_| InvalidBlobRef)?;
        if !is_hash(owner) || !is_hash(address) {
            return Err(InvalidBlobRef);
        }
        let reference = Self::new(Owner::new(owner.to_owned()), key_id, address.to_owned());
        // Uuids have several spellings, of which a reference has one.
        if reference.to_string() == text { Ok(reference) } else { Err(InvalidBlobRef) }
    }
}

impl TryFrom<String> for BlobRef {
    type Error = InvalidBlobRef;

    fn try_from(text: String) -> Result<Self, InvalidBlobRef> {
        text.parse()
    }
}

impl From<BlobRef> for String {
    fn from(reference: BlobRef) -> Self {
        reference.to_string()
    }
}

/// A text that is no [`BlobRef`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a blob reference (<owner>.<key id>.<address>)")]
pub struct InvalidBlobRef;

fn aad(reference: &BlobRef) -> Vec<u8> {
    format!("blob|{reference}").into_bytes()
}
