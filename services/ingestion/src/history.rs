//! What the log has of one message.

use domain::{
    decider::Decider,
    ids::KeyedHash,
    message::{Event, State},
    time::Timestamp,
};
use eventlog::{EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use service::envelope::{Envelope, Unreadable};

/// The stream of one message, as far as a second delivery has to know it.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Position of its last entry.
    pub(crate) version: Position,
    /// The message as it first came; nothing if it never did.
    pub(crate) first: Option<First>,
    /// The digest of every command that had an effect, oldest first. That of a delivery is the digest of the body.
    pub(crate) digests: Vec<(Position, String)>,
}

/// What stays as it was when a message is edited.
#[derive(Debug)]
pub(crate) struct First {
    /// The root of its thread.
    pub(crate) thread: Option<KeyedHash>,
    /// When we came to know of it.
    pub(crate) detected_at: Timestamp,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// This version cannot read it.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl History {
    /// Reads the stream up to its present tail.
    pub(crate) async fn read(log: &dyn EventLog, stream: &StreamId) -> Result<Self, Error> {
        let mut entries = log.read(stream);
        let mut history = Self::default();
        while let Some(entry) = entries.try_next().await? {
            history.apply(entry.position, Envelope::<Event>::of(&entry)?);
        }
        Ok(history)
    }

    fn apply(&mut self, position: Position, envelope: Envelope<<State as Decider>::Event>) {
        self.version = position;
        self.digests.push((position, envelope.command.digest));
        for event in envelope.events {
            match event {
                Event::Received { content, .. } | Event::Recorded { content, .. } if self.first.is_none() => {
                    self.first = Some(First { thread: content.thread, detected_at: content.detected_at });
                }
                Event::Received { .. }
                | Event::Recorded { .. }
                | Event::Edited { .. }
                | Event::DeletedAtSource { .. }
                | Event::Reacted { .. }
                | Event::Sent { .. }
                | Event::Reported { .. }
                | Event::FileKept { .. }
                | Event::FileLost { .. } => {}
            }
        }
    }
}
