//! Dead letters: what a platform told, proved, that could not be read or kept as what it says. Each is kept sealed, under a key
//! of its own, until somebody takes it again or gives it up; nothing is thrown away by itself.
//!
//! Whoever is behind a kept call is not known, so that an erasure cannot find it: that is why they are few, are shown, and are
//! destroyed with their key once they are taken or given up.

pub(crate) mod call;
mod retry;
mod server;
mod store;

use std::sync::Arc;

use domain::time::Timestamp;
use service::{Error, shell::Shell};
use uuid::Uuid;
use vault::{BlobRef, Blobs, Vault};

use crate::{account::Account, channels::Malformed, take::vault_error};
use call::Call;
pub(crate) use server::Server;
use store::{Row, Rows, State};

/// Dead letters of an account that are kept.
pub const LETTERS_MAX: u64 = 10_000;
/// Bytes of all of them.
pub const LETTERS_BYTES_MAX: u64 = 1 << 30;
/// Of the path and of the reason, in bytes.
const REASON_MAX: usize = 1_024;
/// The namespace of their ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x2b6a_57f4_0f0e_5c17_8d43_9f5e_71c0_3e88);

/// Keeps them.
pub(crate) struct DeadLetters {
    rows: Rows,
    blobs: Arc<Blobs>,
    vault: Arc<Vault>,
}

/// What became of a call that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is kept.
    New,
    /// It was, or had been.
    Again,
}

impl DeadLetters {
    pub(crate) fn new(shell: &Shell, store: service::store::Store) -> Self {
        Self { rows: Rows(store), blobs: Arc::clone(&shell.blobs), vault: Arc::clone(&shell.vault) }
    }

    /// Keeps a call that its platform proved. Durable when it answers. The same again is the same letter.
    pub(crate) async fn keep(
        &self,
        account: &Account,
        connector: &str,
        call: &Call,
        why: &Malformed,
    ) -> Result<Kept, Error> {
        let id = self.id(account, connector, call);
        if self.rows.get(id).await?.is_some() {
            return Ok(Kept::Again);
        }
        let bytes = call.to_bytes().map_err(|error| Error::Internal(error.to_string()))?;
        let (count, all) = self.rows.kept(account.id.as_str()).await?;
        if count >= LETTERS_MAX || all.saturating_add(bytes.len() as u64) > LETTERS_BYTES_MAX {
            return Err(Error::Unavailable(
                "the account has as many dead letters as are kept: take them again or give them up (`dossier hook ls`)"
                    .into(),
            ));
        }
        let blob = self.blobs.put(&subject(id), &bytes).await.map_err(vault_error)?;
        let at = call.head.received_at;
        let row = Row {
            id,
            account: account.id.to_string(),
            connector: connector.to_owned(),
            state: State::Kept,
            path: cut(&why.path),
            reason: cut(&why.what),
            received: at,
            changed: at,
            bytes: bytes.len() as u64,
            retries: 0,
            blob: blob.to_string(),
        };
        Ok(if self.rows.insert(&row).await? { Kept::New } else { Kept::Again })
    }

    fn id(&self, account: &Account, connector: &str, call: &Call) -> Uuid {
        let identity = call.identity(account.id.as_str(), connector);
        domain::ids::derive(NAMESPACE, &self.vault.fingerprint(&identity))
    }

    /// What a letter says.
    async fn call(&self, row: &Row) -> Result<Call, Error> {
        let unreadable = || Error::Internal(format!("the dead letter {} is not what was kept", row.id));
        let blob: BlobRef = row.blob.parse().map_err(|_| unreadable())?;
        let bytes = self.blobs.get(&blob).await.map_err(vault_error)?.ok_or_else(unreadable)?;
        Call::from_bytes(&bytes).ok_or_else(unreadable)
    }

    /// Ends a letter: its row stays, what it says is destroyed.
    async fn end(&self, row: &mut Row, state: State, now: Timestamp) -> Result<(), Error> {
        (row.state, row.changed) = (state, now);
        self.rows.update(row).await?;
        self.destroy(row).await
    }

    /// Destroys what an ended letter said. Again is harmless: whoever ended it may have come no further.
    async fn destroy(&self, row: &mut Row) -> Result<(), Error> {
        if row.blob.is_empty() {
            return Ok(());
        }
        let subjects = [subject(row.id)];
        self.vault.destroy(&subjects).await.map_err(vault_error)?;
        self.blobs.delete_of(&subjects).await.map_err(vault_error)?;
        row.blob.clear();
        self.rows.update(row).await
    }
}

/// Under whose key a letter lies: its own.
fn subject(id: Uuid) -> String {
    format!("dead-letter-{id}")
}

/// On one line, and no longer than it may be.
fn cut(text: &str) -> String {
    let mut text = text.replace(char::is_control, " ");
    text.truncate(text.floor_char_boundary(REASON_MAX));
    text
}
