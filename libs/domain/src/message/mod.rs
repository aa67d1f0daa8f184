//! A message of a channel: one stream each, so that a second delivery finds the first.

mod event;

pub use event::{Attachment, Content, EntryPoint, Event};

use crate::decider;

/// An action on a message, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A customer's message came in. The same again is nothing; another body is an edit.
    Receive(Box<Content>),
    /// A message of ours that was sent elsewhere came to light. The same again is nothing; another body is an edit.
    Record(Box<Content>),
    /// Its author, or the channel, deleted it. It is kept, and marked.
    MarkDeleted,
}
