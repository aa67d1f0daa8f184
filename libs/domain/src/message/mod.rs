//! A message of a channel: one stream each, so that a second delivery finds the first.

mod event;
#[cfg(test)]
mod tests;

pub use event::{Attachment, Content, EntryPoint, Event};

use crate::{
    channel::Direction,
    decider::{self, Decider},
    ids::{Digest, IdentityId},
    time::Timestamp,
};

/// An action on a message, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A customer's message came in. The present body again is nothing; another one is an edit.
    Receive(Box<Content>),
    /// A message of ours that was sent elsewhere came to light. The present body again is nothing; another one is an edit.
    Record(Box<Content>),
    /// Its author, or the channel, deleted it. It is kept, and marked.
    MarkDeleted,
}

/// A message, if it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(Option<Message>);

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
    /// When it was deleted at the source.
    pub deleted_at: Option<Timestamp>,
}

/// Why a message refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such message.
    #[error("there is no such message: it must be received first")]
    Unknown,
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
        self.0.as_ref()
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "MESSAGE_UNKNOWN",
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
        match (&self.0, action) {
            (None, Action::Receive(content)) => once(content, |content| Event::Received { at, content }),
            (None, Action::Record(content)) => once(content, |content| Event::Recorded { at, content }),
            (None, Action::MarkDeleted) => Err(Error::Unknown),
            (Some(known), Action::Receive(content) | Action::Record(content)) if known.has_had(&content) => {
                Ok(Vec::new())
            }
            (Some(known), Action::Receive(_) | Action::Record(_)) if known.edits >= EDITS_MAX => {
                Err(Error::LimitExceeded { what: "edits of a message", max: EDITS_MAX as usize })
            }
            (Some(_), Action::Receive(content) | Action::Record(content)) => {
                once(content, |content| Event::Edited { at, content })
            }
            (Some(known), Action::MarkDeleted) if known.deleted_at.is_some() => Ok(Vec::new()),
            (Some(_), Action::MarkDeleted) => Ok(vec![Event::DeletedAtSource { at }]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self.0, event) {
            (None, Event::Received { content, .. }) => Self(Some(Message::new(Direction::In, content))),
            (None, Event::Recorded { content, .. }) => Self(Some(Message::new(Direction::Out, content))),
            (None, Event::Edited { .. } | Event::DeletedAtSource { .. }) => Self(None),
            (Some(known), Event::Received { .. } | Event::Recorded { .. }) => Self(Some(known)),
            (Some(mut known), Event::Edited { content, .. }) => {
                known.edits = known.edits.saturating_add(1);
                known.digest = content.digest.clone();
                known.revised_at = content.revised_at.or(known.revised_at);
                Self(Some(known))
            }
            (Some(mut known), Event::DeletedAtSource { at }) => {
                known.deleted_at.get_or_insert(*at);
                Self(Some(known))
            }
        }
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
            deleted_at: None,
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

/// The one event that follows, if the message is not too large.
fn once(content: Box<Content>, event: impl FnOnce(Box<Content>) -> Event) -> Result<Vec<Event>, Error> {
    let fits = |what, count, max| if count <= max { Ok(()) } else { Err(Error::LimitExceeded { what, max }) };
    fits("attachments of a message", content.attachments.len(), Content::ATTACHMENTS_MAX)?;
    fits("fields of a message", content.fields.len(), Content::FIELDS_MAX)?;
    Ok(vec![event(content)])
}
