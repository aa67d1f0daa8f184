//! The rules of a conversation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Action, Command, Event, Key, Outcome};
use crate::{
    channel::{Direction, Visibility},
    decider::Decider,
    ids::{CaseId, ChannelKind, ConversationId, IdentityId, MessageId},
    time::Timestamp,
};

/// The most messages of one conversation. What would be more is a stream of posts, not a conversation.
pub const MESSAGES_MAX: usize = 100_000;

/// A conversation, if it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(Option<Box<Conversation>>);

/// A conversation that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// What it is the conversation of.
    pub key: Key,
    /// The kind of its account's channel.
    pub channel: ChannelKind,
    /// Who can see it.
    pub visibility: Visibility,
    /// Who wrote first.
    pub initiated_by: Direction,
    /// The case that it belongs to.
    pub case: Option<CaseId>,
    /// The customers who take part.
    pub participants: BTreeSet<IdentityId>,
    /// Its messages; those that went to another case say to which.
    pub messages: Arc<BTreeMap<MessageId, Option<CaseId>>>,
    /// When the customer last wrote: where channels allow an answer for a time only.
    pub last_inbound_at: Option<Timestamp>,
    /// The private conversation in which it goes on.
    pub moved_to: Option<ConversationId>,
    /// The older conversation of the same thread in which it goes on. What it has stays here. Never changed once it is set.
    pub continued_in: Option<Key>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// Why a conversation refuses. The texts say what and what to do about it, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such conversation.
    #[error("the conversation has not begun: start it first")]
    NotStarted,
    /// It is the conversation of another key.
    #[error("the conversation has another key: its id must be derived from the key")]
    AnotherKey,
    /// It goes on in another conversation.
    #[error("the conversation goes on in another one of its thread: join that")]
    GoesOn,
    /// It is private: there is nowhere more private to go.
    #[error("the conversation is private already: answer in it")]
    NotPublic,
    /// Messages are not of this conversation.
    #[error("{count} of the messages are not of this conversation: look at its messages")]
    MessageNotInConversation {
        /// How many.
        count: usize,
    },
    /// It has as many messages as a conversation may have.
    #[error("the conversation has {MESSAGES_MAX} messages, the most there may be: begin another")]
    Full,
}

impl State {
    /// The conversation, if it began.
    pub fn conversation(&self) -> Option<&Conversation> {
        self.0.as_deref()
    }
}

impl Conversation {
    /// The case that a message of this conversation belongs to.
    pub fn case_of(&self, message: &MessageId) -> Option<CaseId> {
        self.messages.get(message).copied().flatten().or(self.case)
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotStarted => "CONVERSATION_NOT_STARTED",
            Self::AnotherKey => "CONVERSATION_KEY_DIFFERS",
            Self::GoesOn => "CONVERSATION_GOES_ON",
            Self::NotPublic => "CONVERSATION_NOT_PUBLIC",
            Self::MessageNotInConversation { .. } => "MESSAGE_NOT_IN_CONVERSATION",
            Self::Full => "CONVERSATION_FULL",
        }
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "conversation";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Error> {
        match (self.conversation(), action) {
            (None, Action::Start { key, channel, visibility, initiated_by }) => {
                Ok(vec![Event::Started { at, key, channel, visibility, initiated_by }])
            }
            (
                None,
                Action::Join { .. }
                | Action::Attach { .. }
                | Action::Move { .. }
                | Action::Continue { .. }
                | Action::Split { .. }
                | Action::Close { .. },
            ) => Err(Error::NotStarted),
            (Some(known), Action::Start { key, .. }) if known.key == key => Ok(Vec::new()),
            (Some(_), Action::Start { .. }) => Err(Error::AnotherKey),
            (Some(known), Action::Join { message, .. }) if known.messages.contains_key(&message) => {
                Ok(Vec::new())
            }
            (Some(known), Action::Join { .. }) if known.continued_in.is_some() => Err(Error::GoesOn),
            (Some(known), Action::Join { .. }) if known.messages.len() >= MESSAGES_MAX => Err(Error::Full),
            (Some(known), Action::Join { message, direction, identity, sent_at }) => {
                let resumed = known.outcome.map(|_| Event::Resumed { at });
                let joined = Event::MessageJoined { at, message, direction, identity, sent_at };
                Ok(resumed.into_iter().chain([joined]).collect())
            }
            (Some(known), Action::Attach { case }) if known.case == Some(case) => Ok(Vec::new()),
            (Some(known), Action::Attach { case }) => {
                Ok(vec![Event::Attached { at, case, previous: known.case }])
            }
            (Some(known), Action::Move { .. }) if known.visibility == Visibility::Private => {
                Err(Error::NotPublic)
            }
            (Some(known), Action::Move { to, .. }) if known.moved_to == Some(to) => Ok(Vec::new()),
            (Some(_), Action::Move { to, ack }) => Ok(vec![Event::Moved { at, to, ack }]),
            (Some(known), Action::Continue { into }) if known.key == into => Err(Error::AnotherKey),
            (Some(known), Action::Continue { into }) => match &known.continued_in {
                None => Ok(vec![Event::Continued { at, into }]),
                Some(there) if *there == into => Ok(Vec::new()),
                Some(_) => Err(Error::GoesOn),
            },
            (Some(known), Action::Split { messages, into }) => known.split(at, messages, into),
            (Some(known), Action::Close { outcome }) if known.outcome == Some(outcome) => Ok(Vec::new()),
            (Some(_), Action::Close { outcome }) => Ok(vec![Event::Closed { at, outcome }]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self.0, event) {
            (None, Event::Started { key, channel, visibility, initiated_by, .. }) => {
                Self(Some(Box::new(Conversation {
                    key: key.clone(),
                    channel: channel.clone(),
                    visibility: *visibility,
                    initiated_by: *initiated_by,
                    case: None,
                    participants: BTreeSet::new(),
                    messages: Arc::default(),
                    last_inbound_at: None,
                    moved_to: None,
                    continued_in: None,
                    outcome: None,
                })))
            }
            // What happened to a conversation that never began happened to nothing.
            (None, _) => Self(None),
            (Some(mut known), event) => {
                known.apply(event);
                Self(Some(known))
            }
        }
    }
}

impl Conversation {
    fn split(
        &self,
        at: Timestamp,
        mut messages: BTreeSet<MessageId>,
        into: CaseId,
    ) -> Result<Vec<Event>, Error> {
        let count = messages.iter().filter(|message| !self.messages.contains_key(*message)).count();
        if count > 0 {
            return Err(Error::MessageNotInConversation { count });
        }
        messages.retain(|message| self.case_of(message) != Some(into));
        Ok(if messages.is_empty() { Vec::new() } else { vec![Event::Split { at, messages, into }] })
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { .. } => {}
            Event::MessageJoined { message, direction, identity, sent_at, .. } => {
                Arc::make_mut(&mut self.messages).insert(message.clone(), None);
                self.participants.extend(identity.clone());
                if *direction == Direction::In {
                    self.last_inbound_at = self.last_inbound_at.max(Some(*sent_at));
                }
            }
            Event::Resumed { .. } => self.outcome = None,
            Event::Attached { case, .. } => self.case = Some(*case),
            Event::Moved { to, .. } => self.moved_to = Some(*to),
            Event::Continued { into, .. } => {
                self.continued_in.get_or_insert_with(|| into.clone());
            }
            Event::Split { messages, into, .. } => {
                let all = Arc::make_mut(&mut self.messages);
                all.extend(messages.iter().map(|message| (message.clone(), Some(*into))));
            }
            Event::Closed { outcome, .. } => self.outcome = Some(*outcome),
        }
    }
}
