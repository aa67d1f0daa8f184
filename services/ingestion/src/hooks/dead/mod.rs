//! Dead letters: what a platform told, proved, that could not be read or kept as what it says. Each is kept sealed, under a key
//! of its own, until somebody takes it again or gives it up; nothing is thrown away by itself.
//!
//! There is a box for each account, and it has bounds. A platform that changes its format sends the same fault without end, so
//! that letters are told apart by their kind, place and reason without the numbers in them; what happens depends on what would be
//! lost:
//!
//! | what cannot be read | kept | then |
//! |---|---|---|
//! | what somebody may have written: all but what is known to be a notice | while its kind has room: half of what other kinds leave, so at first 5,000 letters and 512 MiB | 503: the platform has it and sends it again. What else the same call says is taken, and calls of other kinds, or without a fault, go on |
//! | a notice, how far a message came, within what [`Connector::notices`](crate::channels::Connector::notices) names | 20 of a kind as examples, in the same room | 200, and counted: first, last, how many. A second delivery is counted again |
//!
//! So no stream of alike letters fills the box, and somebody's words are never only counted. What this cannot save: a platform
//! that gets 503 gives up after its own time, hours or days, and some stop to call the account at all. That is why a box is
//! said to fill up from 80 % on, of its room or of a kind's: once in the log, in the health of the process as long as it lasts,
//! and above `dossier hook ls`.
//!
//! Whoever is behind a kept call is not known, so that an erasure cannot find it: that is why they are few, are shown, and are
//! destroyed with their key once they are taken or given up.
//!
//! One kind is in the log already: the first of the mails that are held back because they are alike (`postbox::guard`). It is here
//! to be seen.

pub(crate) mod call;
mod counted;
mod retry;
mod room;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod watch;

use std::{sync::Arc, time::Duration};

use domain::time::Timestamp;
use service::{Error, clock::Clock, shell::Shell, store::Store};
use uuid::Uuid;
use vault::{BlobRef, Blobs, Vault};

use super::{happened, read::Loses};
use crate::{account::Account, channels::Malformed, take::vault_error};
use call::Call;
use counted::{Counted, Counts};
use room::{Room, WARNED_FROM};
pub(crate) use server::Server;
use store::{Row, Rows, State};
use watch::Filling;

/// Of the path and of the reason, in bytes.
const REASON_MAX: usize = 1_024;
/// Ended letters that are looked up at once to be destroyed.
const SWEPT_AT_ONCE: u64 = 100;
/// Letters that are read at once to find some among them.
const READ_AT_ONCE: u64 = 500;
/// How long a sweep rests that failed.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);
/// The namespace of their ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x2b6a_57f4_0f0e_5c17_8d43_9f5e_71c0_3e88);

/// Keeps them.
pub(crate) struct DeadLetters {
    rows: Rows,
    counts: Counts,
    filling: Filling,
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
    /// It is one of many alike, and counted.
    Counted,
}

impl DeadLetters {
    pub(crate) fn new(shell: &Shell, store: Store) -> Self {
        Self::over(store, Arc::clone(&shell.blobs), Arc::clone(&shell.vault))
    }

    fn over(store: Store, blobs: Arc<Blobs>, vault: Arc<Vault>) -> Self {
        Self { counts: Counts(store.clone()), rows: Rows(store), filling: Filling::default(), blobs, vault }
    }

    /// Keeps a call that its platform proved, or counts it. Durable when it answers. The same again is the same letter.
    pub(crate) async fn keep(
        &self,
        account: &Account,
        connector: &str,
        call: &Call,
        (why, loses): (&Malformed, Loses),
    ) -> Result<Kept, Error> {
        let id = self.id(account, connector, call);
        if self.rows.get(id).await?.is_some() {
            return Ok(Kept::Again);
        }
        let bytes = call.to_bytes().map_err(|error| Error::Internal(error.to_string()))?;
        let (path, reason, at) = (cut(&why.path), cut(&why.what), call.head.received_at);
        let kind = room::kind(&path, &reason);
        let mut filled = self.rows.filled(account.id.as_str(), &kind).await?;
        let size = bytes.len() as u64;
        let room = filled.room(size, loses);
        if room == Room::Kept {
            (filled.letters, filled.alike) = (filled.letters + 1, filled.alike + 1);
            (filled.bytes, filled.alike_bytes) = (filled.bytes + size, filled.alike_bytes + size);
        }
        // Lower than the fullest kind is no news: all boxes are looked at again and again.
        if filled.percent() >= WARNED_FROM {
            self.filling.note(account.id.as_str(), filled);
        }
        match room {
            Room::Kept => {}
            Room::Counted => {
                let (account, connector) = (account.id.to_string(), connector.to_owned());
                let letter = Counted { account, connector, path, reason, first: at, last: at, count: 1 };
                self.counts.count(&kind, &letter).await?;
                return Ok(Kept::Counted);
            }
            Room::Full => {
                return Err(Error::Unavailable(
                    "the account has as many dead letters like this as are kept: take them again or give them up (`dossier \
                     hook ls`)"
                        .into(),
                ));
            }
        }
        let blob = self.blobs.put(&subject(id), &bytes).await.map_err(vault_error)?;
        let row = Row {
            id,
            account: account.id.to_string(),
            connector: connector.to_owned(),
            state: State::Kept,
            path,
            reason,
            received: at,
            changed: at,
            bytes: size,
            retries: 0,
            kind,
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

    /// Ends a letter: its row stays, what it says is destroyed. If somebody else ended it before, it is as he did.
    async fn end(&self, row: &mut Row, state: State, now: Timestamp) -> Result<(), Error> {
        (row.state, row.changed) = (state, now);
        self.change(row).await?;
        if row.state == State::Kept { Ok(()) } else { self.destroy(row).await }
    }

    /// Ends a letter of which all is taken, and counts what it says in the place of the letter.
    async fn taken(&self, row: &mut Row, now: Timestamp, counts: &happened::Counts) -> Result<(), Error> {
        (row.state, row.changed) = (State::Taken, now);
        if !self.rows.taken(row, counts).await? {
            *row = self.rows.get(row.id).await?.ok_or(Error::NotFound { what: "dead letter" })?;
        }
        self.destroy(row).await
    }

    /// Kept letters of an account with a reason, without its numbers; empty: whatever it is. At most so many, and whether
    /// there are more.
    async fn alike(&self, account: &str, reason: &str, max: usize) -> Result<(Vec<Row>, bool), Error> {
        let mut found = Vec::new();
        let mut after = (i64::MIN, String::new());
        loop {
            let of = (account, State::Kept.word());
            let rows = self.rows.list(of, (after.0, &after.1), READ_AT_ONCE).await?;
            let Some(last) = rows.last() else { return Ok((found, false)) };
            after = (last.received.as_microsecond(), last.id.to_string());
            for row in rows.into_iter().filter(|row| reason.is_empty() || room::masked(&row.reason) == reason)
            {
                if found.len() == max {
                    return Ok((found, true));
                }
                found.push(row);
            }
        }
    }

    /// Writes what became of a letter, unless it is ended; then the row is as it was ended.
    async fn change(&self, row: &mut Row) -> Result<(), Error> {
        if !self.rows.change(row).await? {
            *row = self.rows.get(row.id).await?.ok_or(Error::NotFound { what: "dead letter" })?;
        }
        Ok(())
    }

    /// Destroys what an ended letter said. Again is harmless: whoever ended it may have come no further.
    async fn destroy(&self, row: &mut Row) -> Result<(), Error> {
        if row.blob.is_empty() {
            return Ok(());
        }
        let subjects = [subject(row.id)];
        self.vault.destroy(&subjects).await.map_err(vault_error)?;
        self.blobs.delete_of(&subjects).await.map_err(vault_error)?;
        self.rows.emptied(row.id).await?;
        row.blob.clear();
        Ok(())
    }

    /// Destroys what ended letters said whose ending was cut off; how many they were.
    async fn sweep(&self) -> Result<usize, Error> {
        let mut swept = 0;
        loop {
            let rows = self.rows.undestroyed(SWEPT_AT_ONCE).await?;
            if rows.is_empty() {
                return Ok(swept);
            }
            for mut row in rows {
                self.destroy(&mut row).await?;
                swept += 1;
            }
        }
    }

    /// Sweeps once, as soon as it can; returns then.
    pub(crate) async fn swept(&self, clock: &dyn Clock) {
        loop {
            match self.sweep().await {
                Ok(0) => return,
                Ok(swept) => return tracing::info!(swept, "ended dead letters are destroyed that were not"),
                Err(error) => tracing::warn!(%error, "ended dead letters are not destroyed; trying again"),
            }
            clock.sleep(SWEEP_PAUSE).await;
        }
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
