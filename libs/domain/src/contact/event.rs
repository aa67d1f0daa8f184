//! What a channel said of a person, as it is stored.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ChannelKind, MessageId},
    stored::Fields,
    time::Timestamp,
};

/// What a channel said of a person. `at` is when it happened there. Nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// He wants nothing more from us: blocked, unfollowed, or said so in a word.
    #[serde(rename = "contact.unreachable")]
    Unreachable {
        /// When.
        at: Timestamp,
        /// The kind of the channel.
        channel: ChannelKind,
        /// The message that was nothing but the word for it, if one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// He takes messages again: unblocked, started, or said so in a word.
    #[serde(rename = "contact.reachable")]
    Reachable {
        /// When.
        at: Timestamp,
        /// The kind of the channel.
        channel: ChannelKind,
        /// The message that was nothing but the word for it, if one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// He wants no advertising. Answers are not concerned.
    #[serde(rename = "contact.marketing_refused")]
    MarketingRefused {
        /// When.
        at: Timestamp,
        /// The kind of the channel.
        channel: ChannelKind,
    },
    /// He takes advertising again.
    #[serde(rename = "contact.marketing_allowed")]
    MarketingAllowed {
        /// When.
        at: Timestamp,
        /// The kind of the channel.
        channel: ChannelKind,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    ["contact.unreachable", "contact.reachable", "contact.marketing_refused", "contact.marketing_allowed",]
);

/// Every event of a contact still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
