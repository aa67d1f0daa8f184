//! What happened to a message, as it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    channel::Visibility,
    ids::{
        AccountId, CampaignId, ChannelKind, Digest, FieldId, IdentityId, KeyedHash, Language, MediaType,
        MessageId, ReasonCode, ReplyId,
    },
    personal::Personal,
    stored::Fields,
    time::Timestamp,
};

/// What happened to a message. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// A customer's message came in.
    #[serde(rename = "message.received")]
    Received {
        /// When.
        at: Timestamp,
        /// The message.
        content: Box<Content>,
    },
    /// A message of ours that was sent elsewhere came to light.
    #[serde(rename = "message.recorded")]
    Recorded {
        /// When.
        at: Timestamp,
        /// The message.
        content: Box<Content>,
    },
    /// Its body changed at the source.
    #[serde(rename = "message.edited")]
    Edited {
        /// When.
        at: Timestamp,
        /// The message as it is now.
        content: Box<Content>,
    },
    /// It was deleted at the source. We keep it. Of a message that is not here yet it comes again, behind the message.
    #[serde(rename = "message.deleted_at_source")]
    DeletedAtSource {
        /// When.
        at: Timestamp,
    },
    /// Somebody put a sign to it, or took it back.
    #[serde(rename = "message.reacted")]
    Reacted {
        /// When.
        at: Timestamp,
        /// Who.
        by: IdentityId,
        /// The sign: an emoji, or the channel's word for one. None: taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sign: Option<Personal>,
        /// Of a sign: the keyed digest of who put which, by which the same one is known again. Older entries have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    },
    /// It is a reply of ours: the channel took it under this name.
    #[serde(rename = "message.sent")]
    Sent {
        /// When.
        at: Timestamp,
        /// The reply.
        reply: ReplyId,
    },
    /// The channel said how far it came: a message of ours.
    #[serde(rename = "message.reported")]
    Reported {
        /// When.
        at: Timestamp,
        /// How far.
        fate: Fate,
        /// Of a failure: the channel's own code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ReasonCode>,
    },
    /// A file that the channel had announced was fetched, and is here.
    #[serde(rename = "message.file_kept")]
    FileKept {
        /// When.
        at: Timestamp,
        /// The body that it belongs to: another one may have other files.
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
    /// A file that the channel had announced cannot be had.
    #[serde(rename = "message.file_lost")]
    FileLost {
        /// When.
        at: Timestamp,
        /// The body that it belongs to.
        digest: Digest,
        /// Which of that body's attachments it is, from 0.
        index: u16,
        /// Why.
        reason: Loss,
    },
}

/// Why a file that a channel announced is not here and will not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// It is larger than a file may be.
    TooLarge,
    /// The platform does not have it any more.
    Gone,
    /// The platform does not give it to us.
    Refused,
    /// It lies where nothing may be fetched from: in a private network, behind an address that is not secure.
    NotAllowed,
    /// What came is not what was announced, or says nothing.
    Unreadable,
    /// The platform could not be reached, or did not give it in time, as often as it was asked.
    Unreachable,
    /// Nothing here knows how to fetch it from this platform.
    Unsupported,
}

impl Loss {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::NotAllowed => "not_allowed",
            Self::Unreadable => "unreadable",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "unsupported",
        }
    }
}

/// How far a message of ours came. Each includes those before it; a failure stands beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The platform took it.
    Sent,
    /// It reached the customer's device.
    Delivered,
    /// The customer opened it.
    Read,
    /// It will not arrive.
    Failed,
}

/// A message, whatever its channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Our account on which it was exchanged.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// What the channel calls it.
    pub external_id: Personal,
    /// The customer: its author if it came in, its addressee if it went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// What the channel calls the customer: where an answer goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal>,
    /// How its author is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_name: Option<Personal>,
    /// How the channel calls its author: a handle, an address, a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_handle: Option<Personal>,
    /// What it says.
    pub text: Personal,
    /// Its subject, where the channel has subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Personal>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When we came to know of it.
    pub detected_at: Timestamp,
    /// When its body last changed, if the channel says so. Tells a late delivery of an older
    /// body from an edit back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_at: Option<Timestamp>,
    /// Who can see it.
    pub visibility: Visibility,
    /// The root of its thread, where the channel has threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<KeyedHash>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Its language, if the channel says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Tells an edit from a second delivery.
    pub digest: Digest,
    /// What else the channel or the import said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldId, Personal>,
    /// What wrote it, if no person did. It opens and reopens no case, and waits for no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Automatic>,
    /// Whether the channel says that it was forwarded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
    /// How the customer came to write to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<EntryPoint>,
    /// The campaign that made him write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
}

impl Content {
    /// The most files at one message.
    pub const ATTACHMENTS_MAX: usize = 50;
    /// The most further fields of one message.
    pub const FIELDS_MAX: usize = 100;
}

/// A file at a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name.
    pub name: Personal,
    /// Its media type: `image/png`.
    pub media_type: MediaType,
    /// Its length; as long as it is not fetched, what the channel says, or 0.
    pub bytes: u64,
    /// Where the blob store has it; nothing as long as it is not fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<KeyedHash>,
    /// Where the channel has it, if it announces files and does not send them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Personal>,
}

/// What writes messages, if it is no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// Something that answers for somebody: he is away.
    AutoReply,
    /// A mail server or a platform that reports what became of a message: a bounce, a delay, a receipt.
    Report,
    /// A mailing list, a newsletter.
    List,
}

/// How a customer came to write to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryPoint {
    /// An advertisement that opens a chat.
    ClickToChatAd,
    /// A box that was ticked on a form.
    CheckboxPlugin,
    /// A "message us" link.
    MessageUs,
    /// A chat on a web page.
    CustomerChat,
    /// A "send message" button of a post or page.
    SendMessage,
    /// A thread that a signed-in visitor began on our own site.
    WebAuthenticated,
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "message.received",
        "message.recorded",
        "message.edited",
        "message.deleted_at_source",
        "message.reacted",
        "message.sent",
        "message.reported",
        "message.file_kept",
        "message.file_lost",
    ]
);

/// Every event of a message still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
