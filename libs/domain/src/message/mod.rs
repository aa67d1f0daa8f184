//! A message of a channel: one stream each, so that a second delivery finds the first.

mod event;
mod signs;
#[cfg(test)]
mod tests;

pub use event::{Attachment, Automatic, Content, EntryPoint, Event, Fate, Loss};
pub use signs::SIGNERS_MAX;

use crate::{
    channel::Direction,
    decider::{self, Decider},
    ids::{Digest, IdentityId, KeyedHash, MediaType, ReasonCode, ReplyId},
    personal::Personal,
    time::Timestamp,
};

use signs::{Reaction, Signs};

/// An action on a message, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A customer's message came in. The present body again is nothing; another one is an edit.
    Receive(Box<Content>),
    /// A message of ours that was sent elsewhere came to light. The present body again is nothing; another one is an edit.
    Record(Box<Content>),
    /// Its author, or the channel, deleted it. It is kept, and marked; if it is still to come, as soon as it does.
    MarkDeleted,
    /// Somebody put a sign to it, or took it back. What is older than what he did last is late, and nothing. Where the channel
    /// says no time, or the same one, putting what stands and taking back what does not stand is nothing.
    React {
        /// Who.
        by: IdentityId,
        /// The sign; none: taken back.
        sign: Option<Personal>,
        /// Of a sign: the keyed digest of who put which. Signs are sealed and cannot be compared.
        digest: Option<Digest>,
        /// Whether the channel says when. If not, the command's time is when we came to know of it.
        timed: bool,
    },
    /// It is a reply of ours that the channel took. What the channel tells of it as of a message is no news then.
    Send {
        /// The reply.
        reply: ReplyId,
    },
    /// The channel says how far it came.
    Report {
        /// How far.
        fate: Fate,
        /// Of a failure: the channel's own code.
        code: Option<ReasonCode>,
    },
    /// A file that the channel had announced was fetched. Nothing, if the body is another one by now, or if what became of
    /// the file is known.
    KeepFile {
        /// The body that announced it.
        digest: Digest,
        /// Which of that body's attachments it is, from 0.
        index: u16,
        /// Its length.
        bytes: u64,
        /// Its media type.
        media_type: MediaType,
        /// Where the blob store has it.
        blob: KeyedHash,
    },
    /// A file that the channel had announced cannot be had. Nothing, as above.
    LoseFile {
        /// The body that announced it.
        digest: Digest,
        /// Which of that body's attachments it is, from 0.
        index: u16,
        /// Why.
        reason: Loss,
    },
}

/// What is known of a message. Channels keep no order: a deletion, a sign or a report may come before the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    message: Option<Message>,
    deleted_at: Option<Timestamp>,
    signs: Signs,
    /// How far the channel says it came: the farthest.
    reached: Option<Fate>,
    failed: bool,
    /// The failure's own code.
    code: Option<ReasonCode>,
    /// The reply of ours that it is.
    reply: Option<ReplyId>,
}

/// A message that is known. Its text is in the log; here is what tells a second delivery from an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which way it went.
    pub direction: Direction,
    /// The customer.
    pub identity: Option<IdentityId>,
    /// The digest of its present body.
    pub digest: Digest,
    /// When its body last changed, if the channel says so.
    pub revised_at: Option<Timestamp>,
    /// How often it was edited.
    pub edits: u32,
    /// What became of the files of its present body, in their order.
    pub files: Vec<File>,
}

/// What became of a file of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// It is here.
    Here,
    /// The channel has announced it, and it is not fetched yet.
    Announced,
    /// It cannot be had.
    Lost(Loss),
}

/// Why a message refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has too much of something.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
}

/// The most edits that are kept of one message: more would be a channel that repeats itself.
pub const EDITS_MAX: u32 = 1_000;

impl State {
    /// The message, if it is known.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// When it was deleted at the source.
    pub fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    /// How far the channel says it came.
    pub fn reached(&self) -> Option<Fate> {
        self.reached
    }

    /// Whether the channel says that it will not arrive.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// The channel's own code of the failure.
    pub fn code(&self) -> Option<&ReasonCode> {
        self.code.as_ref()
    }

    /// The reply of ours that it is.
    pub fn reply(&self) -> Option<ReplyId> {
        self.reply
    }

    /// The first event of a message; behind it its deletion, if that came before.
    fn begun(&self, begin: Vec<Event>) -> Vec<Event> {
        let deleted = self.deleted_at.map(|at| Event::DeletedAtSource { at });
        begin.into_iter().chain(deleted).collect()
    }

    /// Whether this file of this body is still to be fetched.
    fn awaits(&self, digest: &Digest, index: u16) -> bool {
        let present = self.message.as_ref().filter(|message| message.digest == *digest);
        present.is_some_and(|message| message.files.get(usize::from(index)) == Some(&File::Announced))
    }

    /// What became of a file of this body.
    fn settle(&mut self, digest: &Digest, index: u16, became: File) {
        let present = self.message.as_mut().filter(|message| message.digest == *digest);
        if let Some(file) = present.and_then(|message| message.files.get_mut(usize::from(index))) {
            *file = became;
        }
    }

    /// Whether this is further than what was reported, or a failure that was not.
    fn is_further(&self, fate: Fate) -> bool {
        match fate {
            Fate::Failed => !self.failed,
            Fate::Sent | Fate::Delivered | Fate::Read => self.reached.is_none_or(|reached| reached < fate),
        }
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "message";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Error> {
        match (&self.message, action) {
            (None, Action::Receive(content)) => {
                Ok(self.begun(once(content, |content| Event::Received { at, content })?))
            }
            // The channel's echo of what we sent.
            (None, Action::Record(_)) if self.reply.is_some() => Ok(Vec::new()),
            (None, Action::Record(content)) => {
                Ok(self.begun(once(content, |content| Event::Recorded { at, content })?))
            }
            (Some(known), Action::Receive(content) | Action::Record(content)) if known.has_had(&content) => {
                Ok(Vec::new())
            }
            (Some(known), Action::Receive(_) | Action::Record(_)) if known.edits >= EDITS_MAX => {
                Err(Error::LimitExceeded { what: "edits of a message", max: EDITS_MAX as usize })
            }
            (Some(_), Action::Receive(content) | Action::Record(content)) => {
                once(content, |content| Event::Edited { at, content })
            }
            (None | Some(_), Action::MarkDeleted) if self.deleted_at.is_some() => Ok(Vec::new()),
            (None | Some(_), Action::MarkDeleted) => Ok(vec![Event::DeletedAtSource { at }]),
            (None | Some(_), Action::React { by, sign, digest, timed }) => {
                self.signs.react(at, Reaction { by, sign, digest, timed })
            }
            (None | Some(_), Action::Send { .. }) if self.reply.is_some() => Ok(Vec::new()),
            (None | Some(_), Action::Send { reply }) => Ok(vec![Event::Sent { at, reply }]),
            (None | Some(_), Action::Report { fate, code }) if self.is_further(fate) => {
                Ok(vec![Event::Reported { at, fate, code }])
            }
            (None | Some(_), Action::Report { .. }) => Ok(Vec::new()),
            (Some(_), Action::KeepFile { digest, index, bytes, media_type, blob })
                if self.awaits(&digest, index) =>
            {
                Ok(vec![Event::FileKept { at, digest, index, bytes, media_type, blob }])
            }
            (Some(_), Action::LoseFile { digest, index, reason }) if self.awaits(&digest, index) => {
                Ok(vec![Event::FileLost { at, digest, index, reason }])
            }
            (None | Some(_), Action::KeepFile { .. } | Action::LoseFile { .. }) => Ok(Vec::new()),
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Received { content, .. } => {
                self.message.get_or_insert_with(|| Message::new(Direction::In, content));
            }
            Event::Recorded { content, .. } => {
                self.message.get_or_insert_with(|| Message::new(Direction::Out, content));
            }
            Event::Edited { content, .. } => {
                if let Some(known) = &mut self.message {
                    known.edits = known.edits.saturating_add(1);
                    known.digest = content.digest.clone();
                    known.revised_at = content.revised_at.or(known.revised_at);
                    known.files = files(content);
                }
            }
            Event::DeletedAtSource { at } => {
                self.deleted_at.get_or_insert(*at);
            }
            Event::Reacted { at, by, sign, digest } => {
                self.signs.note(*at, by, sign.is_some(), digest.as_ref());
            }
            Event::Sent { reply, .. } => {
                self.reply.get_or_insert(*reply);
            }
            Event::Reported { fate: Fate::Failed, code, .. } => {
                self.failed = true;
                self.code.clone_from(code);
            }
            Event::Reported { fate, .. } => self.reached = self.reached.max(Some(*fate)),
            Event::FileKept { digest, index, .. } => self.settle(digest, *index, File::Here),
            Event::FileLost { digest, index, reason, .. } => {
                self.settle(digest, *index, File::Lost(*reason));
            }
        }
        self
    }
}

impl Message {
    fn new(direction: Direction, content: &Content) -> Self {
        Self {
            direction,
            identity: content.identity.clone(),
            digest: content.digest.clone(),
            revised_at: content.revised_at,
            edits: 0,
            files: files(content),
        }
    }

    /// Whether this is no news: the present body, or one of before that. A channel that has said when it changed a body says
    /// so each time: what comes without that is what it was at first.
    fn has_had(&self, content: &Content) -> bool {
        let changed_before =
            self.revised_at.is_some_and(|last| content.revised_at.is_none_or(|revised| revised < last));
        content.digest == self.digest || changed_before
    }
}

/// The files of a body, before anything is fetched.
fn files(content: &Content) -> Vec<File> {
    let here = |file: &Attachment| if file.blob.is_some() { File::Here } else { File::Announced };
    content.attachments.iter().map(here).collect()
}

/// The one event that follows, if the message is not too large.
fn once(content: Box<Content>, event: impl FnOnce(Box<Content>) -> Event) -> Result<Vec<Event>, Error> {
    let fits = |what, count, max| if count <= max { Ok(()) } else { Err(Error::LimitExceeded { what, max }) };
    fits("attachments of a message", content.attachments.len(), Content::ATTACHMENTS_MAX)?;
    fits("fields of a message", content.fields.len(), Content::FIELDS_MAX)?;
    Ok(vec![event(content)])
}
