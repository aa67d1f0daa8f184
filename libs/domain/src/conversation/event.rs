//! What happened to a conversation, as it is stored.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Key;
use crate::{
    channel::{Direction, Visibility},
    ids::{CaseId, ChannelKind, IdentityId, MessageId},
    stored::Fields,
    time::Timestamp,
};

/// What happened to a conversation. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// It began.
    #[serde(rename = "conversation.started")]
    Started {
        /// When.
        at: Timestamp,
        /// What it is the conversation of.
        key: Key,
        /// The kind of its account's channel.
        channel: ChannelKind,
        /// Who can see it.
        visibility: Visibility,
        /// Who wrote first.
        initiated_by: Direction,
    },
    /// A message joined.
    #[serde(rename = "conversation.message_joined")]
    MessageJoined {
        /// When.
        at: Timestamp,
        /// The message.
        message: MessageId,
        /// Which way it went.
        direction: Direction,
        /// The customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<IdentityId>,
        /// When it was sent.
        sent_at: Timestamp,
    },
    /// It belongs to a case from now on.
    #[serde(rename = "conversation.attached")]
    Attached {
        /// When.
        at: Timestamp,
        /// The case.
        case: CaseId,
        /// The case that it belonged to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<CaseId>,
    },
    /// One of the cases in which it is, its own or one that has some of its messages, was followed by another: what would
    /// go there goes on in that one.
    #[serde(rename = "conversation.followed_up")]
    FollowedUp {
        /// When.
        at: Timestamp,
        /// The case that was followed.
        of: CaseId,
        /// The case that follows it.
        case: CaseId,
    },
    /// It turned out to be of the thread of an older conversation, and goes on in that.
    #[serde(rename = "conversation.continued")]
    Continued {
        /// When.
        at: Timestamp,
        /// The older conversation.
        into: Key,
    },
    /// Some of its messages went to another case.
    #[serde(rename = "conversation.split")]
    Split {
        /// When.
        at: Timestamp,
        /// The messages.
        messages: BTreeSet<MessageId>,
        /// The other case.
        into: CaseId,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "conversation.started",
        "conversation.message_joined",
        "conversation.attached",
        "conversation.followed_up",
        "conversation.continued",
        "conversation.split",
    ]
);

/// Every event of a conversation still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
