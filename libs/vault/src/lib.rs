//! The vault: personal values are sealed under the key of the person they speak of before they reach the log.
//!
//! A *data subject* is one identity of a person (an account and an external author), named by an opaque string
//! that is itself no personal data: make it with [`Vault::hash`]. Every subject has its own random data key,
//! created when it is first needed and durable before anything is sealed under it; the site's key wraps it in a
//! key store of its own. Destroying the data key erases whatever was ever sealed for the subject, in every copy
//! of the log, and leaves the entries and their proofs as they are.
//!
//! In the JSON of an event a personal value has exactly one of these forms, and no other member:
//!
//! - `{"subject": "S", "open": "text"}` before it is sealed and after it was opened,
//! - `{"subject": "S", "sealed": "<key id>.<nonce>.<ciphertext>"}` in the log,
//! - `{"subject": "S", "erased": true}` when its key is destroyed.
//!
//! What is absent, on purpose: this crate knows no case, no event type and no clock but the one that stamps a
//! tombstone. No error and no log line of it carries content.

mod blobs;
mod cipher;
pub mod conformance;
mod error;
mod keyring;
mod keys;
mod postgres;
mod site_key;
mod together;
mod value;
mod vault;

pub use blobs::{
    BlobRef, BlobStore, Blobs, FolderBlobs, InvalidBlobRef, Listed, MemoryBlobs, Owner, PostgresBlobs,
};
pub use error::{BlobFault, Error, Fault, ValueError};
pub use keyring::Limits;
pub use keys::{KeyStore, MemoryKeys, PostgresKeys, Record, SqliteKeys, StoredKey, Tombstone};
pub use site_key::SiteKey;
pub use vault::{Compared, Destroyed, Events, Vault};
