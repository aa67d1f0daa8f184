//! What a mail says, as it is handed on.

use jiff::Timestamp;

use crate::mail::headers::Headers;

/// What a mail says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// The Message-ID without its brackets, or `sha256:` and a digest of the whole mail where it has none.
    pub message_id: String,
    /// The Message-IDs of In-Reply-To, without brackets.
    pub in_reply_to: Vec<String>,
    /// The Message-IDs of References, oldest first, without brackets.
    pub references: Vec<String>,
    /// From. Somebody without an address is kept for the name.
    pub from: Vec<Mailbox>,
    /// Sender.
    pub sender: Option<Mailbox>,
    /// Reply-To.
    pub reply_to: Vec<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Return-Path without its brackets; empty if the sender wants no answer (RFC 5321, 4.5.5).
    pub return_path: Option<String>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Date, if it is one.
    pub date: Option<Timestamp>,
    /// When the first server that says so received it.
    pub received_at: Option<Timestamp>,
    /// The plain text, else the text of the HTML: every part that a reader would read, one after the other.
    pub text: String,
    /// The HTML as it was written. It MUST NOT be shown but through [`crate::mail::html::sanitised`].
    pub html: Option<String>,
    /// Everything that is not read as the text, in the order in which it stands.
    pub attachments: Vec<Attachment>,
    /// The media type of the whole: `multipart/report`.
    pub media_type: String,
    /// The report-type of a multipart/report, in lower case.
    pub report_type: Option<String>,
    /// Every header field.
    pub headers: Headers,
}

/// Somebody who sends or receives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// The name that is shown.
    pub name: Option<String>,
    /// The address as it was written.
    pub address: Option<String>,
}

/// A file that came with a mail, or a part that only machines read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name without any folder, if it has one.
    pub name: Option<String>,
    /// The media type, `application/octet-stream` if the mail does not say.
    pub media_type: String,
    /// The Content-ID without its brackets: what `cid:` in the HTML refers to.
    pub content_id: Option<String>,
    /// Whether it is meant to be shown within the text.
    pub inline: bool,
    /// The decoded content; of a text in UTF-8, whatever charset it came in.
    pub content: Vec<u8>,
}

/// What links a mail to others, read from its header alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// See [`Mail::message_id`].
    pub message_id: String,
    /// See [`Mail::in_reply_to`].
    pub in_reply_to: Vec<String>,
    /// See [`Mail::references`].
    pub references: Vec<String>,
}
