//! A conversation: what is exchanged in one thread, or with one contact where the channel has no threads.
//!
//! It knows which case it belongs to at present; a case may have several, on different channels. Some of its messages may
//! have gone to another case. Which case a message belongs to that joins:
//!
//! - one that answers a message, the case of that message;
//! - one that answers nothing, the case of the latest message here that is by or to the same customer;
//! - unless the whole conversation was given to another case since, and for a customer who has said nothing here yet: the
//!   conversation's own case.

mod event;
mod rules;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use event::Event;
pub use rules::{Conversation, Error, MESSAGES_MAX, State};

use crate::{
    channel::{Direction, Visibility},
    decider,
    ids::{AccountId, CaseId, ChannelKind, ConversationId, IdentityId, KeyedHash, MessageId},
    time::Timestamp,
};

/// An action on a conversation, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begins it. Again, with the same key, is nothing: a caller sends it before every `Join`.
    Start {
        /// What it is the conversation of.
        key: Key,
        /// The kind of its account's channel.
        channel: ChannelKind,
        /// Who can see it.
        visibility: Visibility,
        /// Who wrote first.
        initiated_by: Direction,
    },
    /// A message joins.
    Join {
        /// The message.
        message: MessageId,
        /// Which way it went.
        direction: Direction,
        /// The customer.
        identity: Option<IdentityId>,
        /// When it was sent.
        sent_at: Timestamp,
    },
    /// It belongs to a case from now on, and so does whatever is said in it and answers nothing.
    Attach {
        /// The case.
        case: CaseId,
    },
    /// A case is followed by another: what would go there goes on in that one. If nothing goes there, it is nothing.
    FollowUp {
        /// The case that is followed.
        of: CaseId,
        /// The case that follows it.
        case: CaseId,
    },
    /// It is of the thread of an older conversation: its next messages go there.
    Continue {
        /// The older conversation.
        into: Key,
    },
    /// Some of its messages went to another case.
    Split {
        /// The messages.
        messages: BTreeSet<MessageId>,
        /// The other case.
        into: CaseId,
    },
}

/// What a conversation is the conversation of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// A thread, where the channel has threads.
    Thread {
        /// Our account.
        account: AccountId,
        /// The thread's root.
        root: KeyedHash,
    },
    /// A contact, where it has none.
    Contact {
        /// Our account.
        account: AccountId,
        /// The customer.
        identity: IdentityId,
    },
}

impl Key {
    /// The namespace of the ids of conversations. Never changed: the ids are in the log.
    const NAMESPACE: Uuid = Uuid::from_u128(0x7f3d_52a5_84c4_5d0e_9a0b_6c1d_0f6e_2b11);

    /// The conversation's id: the same key, the same id, at every site.
    pub fn id(&self) -> ConversationId {
        ConversationId::derive(Self::NAMESPACE, &self.to_string())
    }
}

/// `<account>/thread/<root>` or `<account>/contact/<identity>`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thread { account, root } => write!(f, "{account}/thread/{root}"),
            Self::Contact { account, identity } => write!(f, "{account}/contact/{identity}"),
        }
    }
}
