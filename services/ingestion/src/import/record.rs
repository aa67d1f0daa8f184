//! One past message, the same whatever file it came from, and the bounds of what is kept of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::rejected::{Flaw, Reason};

/// How much of everything there may be. What is over is rejected with its reason, never cut in silence.
pub mod limits {
    /// The text of a message, in bytes.
    pub const TEXT_MAX: usize = 64 * 1024;
    /// An identifier of a message, in bytes; a Message-ID may fill a line of 998.
    pub const ID_MAX: usize = 1024;
    /// A name, handle or address of a person, in bytes.
    pub const NAME_MAX: usize = 1024;
    /// A subject, in bytes.
    pub const SUBJECT_MAX: usize = 4 * 1024;
    /// A language tag (BCP 47), in bytes.
    pub const LANGUAGE_MAX: usize = 35;
    /// Custom fields of one message.
    pub const FIELDS_MAX: usize = 64;
    /// The name of a custom field, in bytes.
    pub const FIELD_NAME_MAX: usize = 64;
    /// The value of a custom field, in bytes.
    pub const FIELD_VALUE_MAX: usize = 4 * 1024;
    /// Recipients of one message.
    pub const RECIPIENTS_MAX: usize = 1000;
    /// Attachments of one message.
    pub const ATTACHMENTS_MAX: usize = 256;
    /// The ancestors that one mail may name. More are ignored: the parent and the first ones tell the thread.
    pub const REFERENCES_MAX: usize = 1000;
    /// A row of CSV, in bytes. An unclosed quote ends here instead of swallowing the file.
    pub const ROW_MAX: usize = 1024 * 1024;
    /// A line of JSON, in bytes.
    pub const LINE_MAX: usize = 1024 * 1024;
    /// A whole mail with its attachments, in bytes.
    pub const MAIL_MAX: usize = 64 * 1024 * 1024;
    /// Mails within one mail.
    pub const NESTED_MAX: usize = 500;
    /// Mails in one folder.
    pub const FILES_MAX: usize = 1_000_000;
}

use limits::*;

/// One past message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the message is called where it came from; for mails the Message-ID without its brackets.
    pub external_id: String,
    /// The external id of the message that it answers, whether that is in the file or not.
    pub reply_to: Option<String>,
    /// The external id that all messages of the thread share. [`super::Records`] fills it.
    pub thread_root: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// Whom it was written to, as external ids; for mails the lower-cased addresses of To and Cc.
    pub recipients: Vec<String>,
    /// From a customer, or from the organisation.
    pub direction: Direction,
    /// What it says, as plain text. Empty only if there is a subject or an attachment.
    pub text: String,
    /// The subject of a mail.
    pub subject: Option<String>,
    /// When it was sent, to the microsecond.
    pub sent_at: Timestamp,
    /// The language it is in (BCP 47), if the source says so.
    pub language: Option<String>,
    /// Custom fields, such as labels.
    pub fields: BTreeMap<String, String>,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The mail as it was, without an mbox's separator and escaping.
    pub raw: Option<Vec<u8>>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Author {
    /// What the person is called where the message came from; for mails the lower-cased address, or
    /// `unknown:<external id of the mail>` where the mail names none, so that two unknown people stay two.
    pub external_id: String,
    /// The name that is shown.
    pub name: Option<String>,
    /// The handle on the channel.
    pub handle: Option<String>,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// From a customer to the organisation.
    #[default]
    Inbound,
    /// From the organisation to a customer.
    Outbound,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name without any folder, if it has one.
    pub name: Option<String>,
    /// The media type, `application/octet-stream` if the mail does not say.
    pub media_type: String,
    /// The decoded content.
    pub bytes: Vec<u8>,
}

impl Record {
    /// The record as it may be kept, or its first flaw.
    pub(super) fn checked(mut self) -> Result<Self, Flaw> {
        self.external_id = id(&self.external_id).map_err(|reason| Flaw::of("external_id", reason))?;
        self.reply_to =
            optional(self.reply_to, |value| id(&value)).map_err(|reason| Flaw::of("reply_to", reason))?;
        // A message that claims to answer itself answers nothing.
        self.reply_to = self.reply_to.filter(|parent| *parent != self.external_id);
        self.author = self.author.checked()?;
        self.recipients.retain(|recipient| !recipient.trim().is_empty());
        at_most(self.recipients.len(), RECIPIENTS_MAX).map_err(|reason| Flaw::of("recipients", reason))?;
        for recipient in &mut self.recipients {
            *recipient =
                line(std::mem::take(recipient), NAME_MAX).map_err(|reason| Flaw::of("recipients", reason))?;
        }
        self.subject = optional(self.subject, |value| line(value, SUBJECT_MAX))
            .map_err(|reason| Flaw::of("subject", reason))?;
        self.language = optional(self.language, |value| line(value, LANGUAGE_MAX))
            .map_err(|reason| Flaw::of("language", reason))?;
        self.text = bounded(without_nul(self.text), TEXT_MAX).map_err(|reason| Flaw::of("text", reason))?;
        if self.text.trim().is_empty() && self.subject.is_none() && self.attachments.is_empty() {
            return Err(Flaw::of("text", Reason::Missing));
        }
        self.fields = checked_fields(self.fields).map_err(|reason| Flaw::of("fields", reason))?;
        at_most(self.attachments.len(), ATTACHMENTS_MAX).map_err(|reason| Flaw::of("attachments", reason))?;
        // PostgreSQL keeps microseconds: what would be lost there is never kept elsewhere.
        self.sent_at = Timestamp::from_microsecond(self.sent_at.as_microsecond())
            .map_err(|_| Flaw::of("sent_at", Reason::NotATime))?;
        Ok(self)
    }
}

impl Author {
    fn checked(self) -> Result<Self, Flaw> {
        let external_id = id(&self.external_id).map_err(|reason| Flaw::of("author", reason))?;
        let name =
            optional(self.name, |value| line(value, NAME_MAX)).map_err(|reason| Flaw::of("name", reason))?;
        let handle = optional(self.handle, |value| line(value, NAME_MAX))
            .map_err(|reason| Flaw::of("handle", reason))?;
        Ok(Self { external_id, name, handle })
    }
}

/// An identifier without the blanks around it, if it is one.
pub(super) fn id(value: &str) -> Result<String, Reason> {
    let value = value.trim();
    if value.is_empty() {
        Err(Reason::Missing)
    } else if value.chars().any(char::is_control) {
        Err(Reason::ControlCharacters)
    } else {
        bounded(value.to_owned(), ID_MAX)
    }
}

fn checked_fields(fields: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Reason> {
    at_most(fields.len(), FIELDS_MAX)?;
    fields
        .into_iter()
        .map(|(name, value)| Ok((line(name, FIELD_NAME_MAX)?, bounded(without_nul(value), FIELD_VALUE_MAX)?)))
        .collect()
}

fn optional(
    value: Option<String>,
    check: impl FnOnce(String) -> Result<String, Reason>,
) -> Result<Option<String>, Reason> {
    value.filter(|value| !value.trim().is_empty()).map(check).transpose()
}

/// A value that is shown on one line: whatever breaks lines or rings bells becomes a blank.
fn line(value: String, max: usize) -> Result<String, Reason> {
    let value =
        if value.chars().any(char::is_control) { value.replace(char::is_control, " ") } else { value };
    bounded(value.trim().to_owned(), max)
}

/// PostgreSQL refuses NUL in text, so it becomes the replacement character before anybody stores it.
fn without_nul(value: String) -> String {
    if value.contains('\0') { value.replace('\0', "\u{fffd}") } else { value }
}

fn bounded(value: String, max: usize) -> Result<String, Reason> {
    if value.len() > max { Err(Reason::TooLong { max }) } else { Ok(value) }
}

fn at_most(len: usize, max: usize) -> Result<(), Reason> {
    if len > max { Err(Reason::TooMany { max }) } else { Ok(()) }
}
