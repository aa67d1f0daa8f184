//! What deliveries are made of.

use serde::{Deserialize, Serialize};

use crate::{
    channel::Place,
    ids::{
        AccountId, CaseId, ChannelKind, ConsentId, ConversationId, IdempotencyKey, IdentityId, KeyedHash,
        MessageId, ReasonCode, ReplyId,
    },
    message::Attachment,
    outbound::Form,
    personal::Personal,
    time::Timestamp,
};

/// What is to be sent, to whom, and what allows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The reply.
    pub reply: ReplyId,
    /// Its case.
    pub case: CaseId,
    /// Our account that sends it.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// The customer, if it is known who that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// What the channel calls the customer. None where the place of the answer is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal>,
    /// The conversation, in which replies keep their order.
    pub conversation: ConversationId,
    /// Where it goes.
    pub place: Place,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// What the channel calls the message or the thread that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<Personal>,
    /// Its subject, where the channel has subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Personal>,
    /// What is sent, cut to what the channel takes. Each is one call to the platform.
    pub parts: Vec<Part>,
    /// As what it is sent.
    #[serde(default)]
    pub form: Form,
    /// What allows it. Without, it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The end of the time in which it can be taken back.
    pub not_before: Timestamp,
    /// What the keys of its parts are derived from.
    pub key: IdempotencyKey,
}

/// One call to the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Personal>,
    /// What is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// What allows to write to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Basis {
    /// The customer wrote to us.
    Contact {
        /// His message.
        message: MessageId,
    },
    /// The customer agreed.
    Consent {
        /// His consent.
        consent: ConsentId,
    },
}

/// What a platform calls a message that it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// As a keyed hash: by this receipts are matched.
    pub hash: KeyedHash,
    /// As it is.
    pub id: Personal,
}

/// Why an attempt failed that may go well later. The platform took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Too many at once: 429 and its like.
    RateLimited,
    /// The platform says that it cannot: 503, an SMTP 4xx.
    Unavailable,
    /// No connection came about: nothing left us.
    NotConnected,
    /// It took too long before anything of the message left us.
    TimeoutBeforeAccept,
    /// Put off until it comes again, as mail servers do with strangers.
    Greylisted,
    /// The customer's box is full, or his device away.
    RecipientUnavailable,
    /// The platform does not know us: no message of this account would be taken, until somebody renews the secret.
    Authentication,
    /// Something else of which the platform says that it passes.
    Other,
}

/// Why an attempt failed that will fail again. The platform took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// There is no such recipient.
    InvalidRecipient,
    /// The platform says that the reply window is closed.
    WindowClosed,
    /// The customer blocked us.
    BlockedByCustomer,
    /// The platform says that the customer opted out.
    OptedOut,
    /// The platform counts otherwise than we do.
    TooLong,
    /// The platform does not know us: a secret is wrong or has expired.
    Authentication,
    /// The account may not do this.
    Forbidden,
    /// The platform does not like what it says.
    ContentRefused,
    /// The platform knows no such template, or not with these values.
    TemplateRefused,
    /// The platform does not take such an attachment.
    AttachmentRefused,
    /// What is answered is gone.
    PlaceGone,
    /// The platform cannot do this.
    Unsupported,
    /// The account's `base_url` is not https, and its `private_addresses` does not allow that: nothing left us.
    BaseUrlNotHttps,
    /// The platform did not understand us.
    Malformed,
    /// Something else of which the platform says that it stays.
    Other,
}

/// Why nobody knows whether the platform took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclarity {
    /// The message left us, and no answer came in time.
    TimedOut,
    /// The connection broke after the message had left us.
    ConnectionDropped,
    /// The platform failed in the middle: 500, 502, 504.
    ServerFailed,
    /// The answer could not be read.
    AnswerUnreadable,
    /// We died between the attempt and its result.
    ProcessDied,
}

/// What the platform says, or a person who looked, of an attempt whose outcome is unclear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Answer {
    /// It has the message.
    Has {
        /// What it calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external: Option<External>,
    },
    /// It has it not.
    HasNot,
    /// It does not show it. What it took a moment ago may show later: only when that is said again, some time after, it has it
    /// not.
    NotShown {
        /// The number of the question, from 1.
        ask: u32,
    },
    /// It could not be asked, or could not say.
    Nothing {
        /// The number of the question, from 1.
        ask: u32,
    },
}

/// Why something is sent again whose outcome is unclear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The platform knows the key again: twice is once.
    KeyKnown,
    /// The policy would rather say it twice than never.
    Policy,
    /// A person chose so.
    Chosen,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenUp {
    /// It was tried as often as it may be.
    AttemptsSpent,
    /// It was tried for as long as it may be, or the platform wants to wait for longer.
    TimeSpent,
    /// The platform rejected it, and what was unclear before that has become clear.
    Rejected,
    /// A person chose so.
    Abandoned,
}

/// What becomes of a message that the platform took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// The platform has it.
    Sent,
    /// The customer's device has it.
    Delivered,
    /// The customer has seen it.
    Read,
    /// The platform could not deliver it after all.
    Undelivered(Return),
    /// The customer's mail server sent it back.
    Bounced(Return),
}

/// Why something that was taken came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// In our words.
    pub reason: Rejection,
    /// In the platform's, or the mail server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ReasonCode>,
}

impl Rejection {
    /// As a case is told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::InvalidRecipient => "invalid-recipient",
            Self::WindowClosed => "window-closed",
            Self::BlockedByCustomer => "blocked-by-customer",
            Self::OptedOut => "opted-out",
            Self::TooLong => "too-long",
            Self::Authentication => "authentication",
            Self::Forbidden => "forbidden",
            Self::ContentRefused => "content-refused",
            Self::TemplateRefused => "template-refused",
            Self::AttachmentRefused => "attachment-refused",
            Self::PlaceGone => "place-gone",
            Self::Unsupported => "unsupported",
            Self::BaseUrlNotHttps => "base-url-not-https",
            Self::Malformed => "malformed",
            Self::Other => "rejected",
        }
    }
}

impl Unclarity {
    /// As a case is told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::TimedOut => "timed-out",
            Self::ConnectionDropped => "connection-dropped",
            Self::ServerFailed => "server-failed",
            Self::AnswerUnreadable => "answer-unreadable",
            Self::ProcessDied => "process-died",
        }
    }
}

impl GivenUp {
    /// As a case is told.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::AttemptsSpent => "attempts-spent",
            Self::TimeSpent => "time-spent",
            Self::Rejected => "rejected",
            Self::Abandoned => "abandoned",
        }
    }
}
