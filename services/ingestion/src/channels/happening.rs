//! What a platform tells us, whatever its words.

use std::collections::BTreeMap;

use domain::{
    ids::{CampaignId, Language},
    message::EntryPoint,
    time::Timestamp,
};

use crate::intake::limits::FIELD_VALUE_MAX;

/// One thing that happened on a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// A message, new or as it is after an edit.
    Message(Box<Message>),
    /// A message was deleted at the source, by its author or by the channel.
    Deleted {
        /// What the channel calls the message.
        external_id: String,
        /// When, if the channel says so.
        at: Option<Timestamp>,
    },
    /// Somebody put a sign to a message, or took it back.
    Reaction {
        /// What the channel calls the message.
        external_id: String,
        /// Who.
        by: Party,
        /// The sign, as text: an emoji, or the channel's word for it. `None`: taken back.
        sign: Option<String>,
        /// When, if the channel says so.
        at: Option<Timestamp>,
        /// What the channel calls this event, if it says so: the same at each delivery, and another one when the sign is put
        /// again. Looked at only where it says no time.
        event: Option<String>,
    },
    /// The person wants no more advertising from us, or again. Answers are not concerned.
    Marketing {
        /// Who.
        person: Party,
        /// Whether we may advertise.
        allowed: bool,
        /// When.
        at: Option<Timestamp>,
    },
    /// What became of a message of ours.
    Receipt(Receipt),
    /// The person wants nothing more from us, or again: blocked, unfollowed, started.
    Contact {
        /// Who.
        person: Party,
        /// Whether we may write.
        reachable: bool,
        /// When.
        at: Option<Timestamp>,
    },
    /// A mail as it was sent: to be read where mails are read.
    Mail(Box<Mail>),
    /// Known, and of no concern here; counted under this name, of our own making: `typing`, `profile_changed`.
    Passed(&'static str),
}

/// A person, or an account of ours, on a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// What the channel calls him. Never empty in a message that comes in.
    pub id: String,
    /// How he is called.
    pub name: Option<String>,
    /// A handle, an address, a number, if it is another one than the id.
    pub handle: Option<String>,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What the channel calls it. Unique within the account.
    pub external_id: String,
    /// The customer: its author if it came in, its addressee if it went out.
    pub customer: Party,
    /// It was sent by our account (an echo, or from elsewhere), not by the customer.
    pub outbound: bool,
    /// What it says; empty if it is only media.
    pub text: String,
    /// Its subject, where the channel has subjects.
    pub subject: Option<String>,
    /// When it was sent. Where the channel does not say, when the call came in.
    pub sent_at: Timestamp,
    /// When its body last changed, if the channel says so.
    pub edited_at: Option<Timestamp>,
    /// The message that it answers.
    pub reply_to: Option<String>,
    /// The first message of its thread, where the channel says so.
    pub thread_root: Option<String>,
    /// Whether everybody can read it; `None`: as the account is.
    pub public: Option<bool>,
    /// BCP 47, if the channel says so.
    pub language: Option<String>,
    /// Files, not fetched yet.
    pub media: Vec<Media>,
    /// It was forwarded.
    pub forwarded: bool,
    /// How the customer came to write to us.
    pub entry_point: Option<EntryPoint>,
    /// The campaign that made him write.
    pub campaign: Option<String>,
    /// What else the channel says, under our own names: 1 to 64 of a-z, 0-9 and '-'.
    pub fields: BTreeMap<String, String>,
}

impl Message {
    /// A message from a customer that says nothing yet.
    pub fn new(external_id: impl Into<String>, customer: Party, sent_at: Timestamp) -> Self {
        Self {
            external_id: external_id.into(),
            customer,
            outbound: false,
            text: String::new(),
            subject: None,
            sent_at,
            edited_at: None,
            reply_to: None,
            thread_root: None,
            public: None,
            language: None,
            media: Vec::new(),
            forwarded: false,
            entry_point: None,
            campaign: None,
            fields: BTreeMap::new(),
        }
    }

    /// Says which campaign made him write: as that if it can be the name of one, otherwise as the field `campaign`, so that a
    /// message is never refused for it.
    pub fn came_by(&mut self, campaign: Option<impl Into<String>>) {
        let Some(campaign) = campaign.map(Into::into) else { return };
        if CampaignId::new(&campaign).is_ok() {
            self.campaign = Some(campaign);
        } else {
            self.field("campaign", Some(campaign));
        }
    }

    /// Says which language it is in, if that can be one.
    pub fn in_language(&mut self, language: Option<&str>) {
        let language = language.map(str::to_lowercase).filter(|language| Language::new(language).is_ok());
        self.language = language.or_else(|| self.language.take());
    }

    /// Adds what else the channel says, under one of our names; nothing if it says nothing. It is cut at what a field may
    /// hold: it must not cost the message.
    pub fn field(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(mut value) = value.map(Into::into).filter(|value| !value.is_empty()) {
            value.truncate(value.floor_char_boundary(FIELD_VALUE_MAX));
            self.fields.insert(name.to_owned(), value);
        }
    }
}

impl From<Message> for Happening {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

impl Party {
    /// Somebody of whom nothing else is known.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

impl Media {
    /// A file of which nothing else is known.
    pub fn new(source: MediaSource) -> Self {
        Self { source, name: None, media_type: None, bytes: None, sha256: None }
    }
}

/// A file at a message, as the channel announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where it is.
    pub source: MediaSource,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its media type, if the channel says so.
    pub media_type: Option<String>,
    /// Its length in bytes, if the channel says so.
    pub bytes: Option<u64>,
    /// Its SHA-256 in lower-case hexadecimal, if the channel says so.
    pub sha256: Option<String>,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// To be asked of the channel's API by this id.
    Id(String),
    /// At this address.
    Url(String),
    /// Here it is.
    Content(Vec<u8>),
}

/// A mail as a provider took it in, in MIME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The mail, to the byte.
    pub raw: Vec<u8>,
    /// The address that the envelope names as sender: where bounces go. `None`: empty or not told.
    pub envelope_from: Option<String>,
    /// The addresses that the envelope names as recipients: for whom it came, whatever To and Cc say.
    pub envelope_to: Vec<String>,
}

/// What a platform says about a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the channel calls the message; or `None`: all that were sent to `contact` up to `at` (a watermark).
    pub external_id: Option<String>,
    /// Whom it was sent to, if the channel says so.
    pub contact: Option<String>,
    /// How far it came.
    pub status: Status,
    /// When.
    pub at: Timestamp,
    /// Of a failure: the channel's own code, if it has one.
    pub code: Option<String>,
    /// The word of ours that it was sent with, where the channel repeats it.
    pub word: Option<String>,
}

/// How far a message of ours came. What comes later in this order includes what is before it; failed is beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The platform took it.
    Sent,
    /// It reached the customer's device.
    Delivered,
    /// The customer opened it.
    Read,
    /// It will not arrive.
    Failed,
}
