//! What the log knows of a message's files: those of its present body, and those that are here from before.

use std::collections::HashMap;

use domain::{
    ids::{AccountId, Digest, KeyedHash, MediaType},
    message::{Attachment, Event},
    personal::Personal,
};
use eventlog::{EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use serde_json::Value;
use service::{
    Error,
    envelope::{Envelope, Origin},
};
use vault::{Events, Vault};

use crate::media::Stored;

/// The present body.
pub(super) struct Present {
    /// The entry that brought it.
    pub(super) position: Position,
    /// Imported history is left as it is.
    pub(super) live: bool,
    pub(super) account: AccountId,
    pub(super) digest: Digest,
    files: Vec<Attachment>,
    /// Whether what became of a file is known.
    settled: Vec<bool>,
}

/// A file that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: u64,
    pub(super) media_type: MediaType,
    pub(super) blob: KeyedHash,
}

/// A file that is still to be had.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) index: u16,
    pub(super) media_type: MediaType,
    /// Where it is, sealed under its subject's key, and open.
    pub(super) source: Personal,
}

/// A message.
#[derive(Default)]
pub(super) struct Known {
    pub(super) present: Option<Present>,
    /// By the one who owns it, its lasting name, and its SHA-256: a body may change, and the file at it stay the same.
    kept: HashMap<Same, Kept>,
}

#[derive(PartialEq, Eq, Hash)]
struct Same {
    subject: String,
    name: String,
    sha256: Option<String>,
}

impl Known {
    /// Reads a message up to its present end.
    pub(super) async fn read(log: &dyn EventLog, vault: &Vault, stream: &StreamId) -> Result<Self, Error> {
        let mut entries = log.read(stream);
        let mut known = Self::default();
        while let Some(entry) = entries.try_next().await? {
            let mut envelope =
                Envelope::<Value>::of(&entry).map_err(|error| Error::Internal(error.to_string()))?;
            let events = envelope.events.as_mut_slice();
            let sealed = Events { stream: entry.stream.as_str(), entry_id: entry.id, events };
            vault.open_many(&mut [sealed]).await.map_err(crate::take::vault_error)?;
            for event in envelope.events {
                // The text of a decoder could quote a value: it is not told.
                let event: Event = serde_json::from_value(event).map_err(|_| {
                    Error::Internal("an entry of the log has another form than it should".into())
                })?;
                known.apply(entry.position, envelope.origin == Origin::Live, event);
            }
        }
        Ok(known)
    }

    fn apply(&mut self, position: Position, live: bool, event: Event) {
        match event {
            Event::Received { content, .. }
            | Event::Recorded { content, .. }
            | Event::Edited { content, .. } => {
                let settled = content.attachments.iter().map(|file| file.blob.is_some()).collect();
                self.present = Some(Present {
                    position,
                    live,
                    account: content.account,
                    digest: content.digest,
                    files: content.attachments,
                    settled,
                });
            }
            Event::FileKept { digest, index, bytes, media_type, blob, .. } => {
                if let Some(source) = self.settle(&digest, index).as_ref().and_then(same) {
                    self.kept.insert(source, Kept { bytes, media_type, blob });
                }
            }
            Event::FileLost { digest, index, .. } => drop(self.settle(&digest, index)),
            Event::DeletedAtSource { .. }
            | Event::Reacted { .. }
            | Event::Sent { .. }
            | Event::Reported { .. } => {}
        }
    }

    /// What became of a file is known; where it was, if it is one of the present body.
    fn settle(&mut self, digest: &Digest, index: u16) -> Option<Personal> {
        let present = self.present.as_mut().filter(|present| present.digest == *digest)?;
        *present.settled.get_mut(usize::from(index))? = true;
        present.files.get(usize::from(index))?.source.clone()
    }

    /// The files of the present body that are still to be had. Those whose customer was erased are not.
    pub(super) fn awaited(&self) -> Vec<Awaited> {
        let Some(present) = &self.present else { return Vec::new() };
        let files = (0..).zip(&present.files).zip(&present.settled);
        files
            .filter(|(_, settled)| !**settled)
            .filter_map(|((index, file), _)| {
                let source = file.source.clone()?;
                source.as_open()?;
                Some(Awaited { index, media_type: file.media_type.clone(), source })
            })
            .collect()
    }

    /// The same file, if it is here from before.
    pub(super) fn same(&self, awaited: &Awaited) -> Option<&Kept> {
        self.kept.get(&same(&awaited.source)?)
    }
}

impl Awaited {
    /// Where it is, if what is stored says so.
    pub(super) fn stored(&self) -> Option<Stored> {
        serde_json::from_str(self.source.as_open()?).ok()
    }

    /// Under whose key it is sealed.
    pub(super) fn subject(&self) -> &str {
        &self.source.subject
    }
}

fn same(source: &Personal) -> Option<Same> {
    let stored: Stored = serde_json::from_str(source.as_open()?).ok()?;
    let name = stored.source.lasting_name().to_owned();
    Some(Same { subject: source.subject.to_string(), name, sha256: stored.sha256 })
}
