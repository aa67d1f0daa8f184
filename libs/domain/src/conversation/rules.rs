//! The rules of a conversation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Action, Command, Event, Key};
use crate::{
    channel::{Direction, Visibility},
    decider::Decider,
    ids::{CaseId, ChannelKind, IdentityId, MessageId},
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
    /// The older conversation of the same thread in which it goes on. What it has stays here. Never changed once it is set.
    pub continued_in: Option<Key>,
    /// The latest message of each customer, by him or to him, in the order in which they joined since it belongs to its case.
    latest: BTreeMap<IdentityId, MessageId>,
    /// The cases that were followed by others, and by which.
    followed: BTreeMap<CaseId, CaseId>,
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
        self.split_into(message).or(self.case)
    }

    /// The case that a message of this conversation went to, if it is not the conversation's own.
    pub fn split_into(&self, message: &MessageId) -> Option<CaseId> {
        self.messages.get(message).copied().flatten().map(|case| self.follower(case))
    }

    /// The case that a message belongs to which joins: see the module.
    pub fn case_for(&self, identity: Option<&IdentityId>, reply_to: Option<&MessageId>) -> Option<CaseId> {
        let answered = reply_to.filter(|message| self.messages.contains_key(*message));
        let goes_on_from = answered.or_else(|| self.latest.get(identity?));
        goes_on_from.and_then(|message| self.split_into(message)).or(self.case)
    }

    /// The case in which `case` goes on here, through any number of follow-ups; itself if it was not followed.
    pub fn follower(&self, case: CaseId) -> CaseId {
        let mut last = case;
        // A case is followed by one that is opened for that; should the log hold a circle, the walk still ends.
        for _ in 0..self.followed.len() {
            match self.followed.get(&last) {
                Some(next) => last = *next,
                None => break,
            }
        }
        last
    }

    /// The cases that messages of this conversation go to.
    pub fn cases(&self) -> BTreeSet<CaseId> {
        let split: BTreeSet<CaseId> = self.messages.values().copied().flatten().collect();
        split.into_iter().map(|case| self.follower(case)).chain(self.case).collect()
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotStarted => "CONVERSATION_NOT_STARTED",
            Self::AnotherKey => "CONVERSATION_KEY_DIFFERS",
            Self::GoesOn => "CONVERSATION_GOES_ON",
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
                | Action::FollowUp { .. }
                | Action::Continue { .. }
                | Action::Split { .. },
            ) => Err(Error::NotStarted),
            (Some(known), Action::Start { key, .. }) if known.key == key => Ok(Vec::new()),
            (Some(_), Action::Start { .. }) => Err(Error::AnotherKey),
            (Some(known), Action::Join { message, .. }) if known.messages.contains_key(&message) => {
                Ok(Vec::new())
            }
            (Some(known), Action::Join { .. }) if known.continued_in.is_some() => Err(Error::GoesOn),
            (Some(known), Action::Join { .. }) if known.messages.len() >= MESSAGES_MAX => Err(Error::Full),
            (Some(_), Action::Join { message, direction, identity, sent_at }) => {
                Ok(vec![Event::MessageJoined { at, message, direction, identity, sent_at }])
            }
            (Some(known), Action::Attach { case }) if known.case == Some(case) => Ok(Vec::new()),
            (Some(known), Action::Attach { case }) => {
                Ok(vec![Event::Attached { at, case, previous: known.case }])
            }
            (Some(known), Action::FollowUp { of, case }) if of == case || !known.cases().contains(&of) => {
                Ok(Vec::new())
            }
            (Some(_), Action::FollowUp { of, case }) => Ok(vec![Event::FollowedUp { at, of, case }]),
            (Some(known), Action::Continue { into }) if known.key == into => Err(Error::AnotherKey),
            (Some(known), Action::Continue { into }) => match &known.continued_in {
                None => Ok(vec![Event::Continued { at, into }]),
                Some(there) if *there == into => Ok(Vec::new()),
                Some(_) => Err(Error::GoesOn),
            },
            (Some(known), Action::Split { messages, into }) => known.split(at, messages, into),
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
                    continued_in: None,
                    latest: BTreeMap::new(),
                    followed: BTreeMap::new(),
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
                self.latest.extend(identity.clone().map(|identity| (identity, message.clone())));
                if *direction == Direction::In {
                    self.last_inbound_at = self.last_inbound_at.max(Some(*sent_at));
                }
            }
            Event::Attached { case, .. } => {
                self.case = Some(*case);
                self.latest.clear();
            }
            Event::FollowedUp { of, case, .. } => {
                self.followed.insert(*of, *case);
                if self.case == Some(*of) {
                    self.case = Some(*case);
                }
            }
            Event::Continued { into, .. } => {
                self.continued_in.get_or_insert_with(|| into.clone());
            }
            Event::Split { messages, into, .. } => {
                let all = Arc::make_mut(&mut self.messages);
                all.extend(messages.iter().map(|message| (message.clone(), Some(*into))));
            }
        }
    }
}
