//! A reply as a mail: its bytes, before it is signed. Pure.
//!
//! Nothing that strangers wrote can make a field: what breaks lines is a blank before it stands in one.

use std::time::{Duration, SystemTime};

use domain::time::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Attachment, Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};

use super::{plain, subject};
use crate::mail::kind::MARKER;

/// Ancestors that a mail names: the first, and the last ones.
const REFERENCES_MAX: usize = 20;
/// The longest Message-ID that is repeated, in bytes: with its brackets it stands on one line.
const ID_MAX: usize = 500;
/// The longest name of a person or a file, in bytes.
const NAME_MAX: usize = 200;
/// What a file of an unknown kind is.
const OCTETS: &str = "application/octet-stream";

/// What a mail is made of.
pub(super) struct Letter<'a> {
    pub(super) from: Mailbox,
    pub(super) to: Mailbox,
    /// Where the answer goes, if not to the sender.
    pub(super) reply_to: Option<Address>,
    /// That of the mail that it answers.
    pub(super) subject: Option<&'a str>,
    pub(super) text: &'a str,
    pub(super) files: Vec<File>,
    /// Without brackets, as all ids here.
    pub(super) message_id: &'a str,
    /// The mail that it answers.
    pub(super) answers: Option<&'a str>,
    /// The ancestors of that, from the first.
    pub(super) references: &'a [String],
    /// By what our own mails are known.
    pub(super) marker: &'a str,
    /// Whether no person wrote it.
    pub(super) automatic: bool,
    pub(super) at: Timestamp,
}

/// A file at a mail.
pub(super) struct File {
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) content: Vec<u8>,
}

/// A mail that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply makes no mail")]
pub(super) struct Unfit;

/// The bytes of a mail.
pub(super) fn compose(letter: Letter<'_>) -> Result<Vec<u8>, Unfit> {
    let mut mail = Message::builder()
        .date(time(letter.at))
        .from(letter.from.clone())
        .to(letter.to)
        .subject(subject::answer(letter.subject))
        .message_id(Some(format!("<{}>", letter.message_id)))
        .raw_header(field(MARKER_NAME, letter.marker));
    if let Some(address) = letter.reply_to {
        mail = mail.reply_to(Mailbox::new(letter.from.name, address));
    }
    let answers = letter.answers.filter(|id| is_id(id));
    if let Some(id) = answers {
        mail = mail.in_reply_to(format!("<{id}>"));
    }
    let references = references(letter.references, answers);
    if !references.is_empty() {
        mail = mail.references(references.join(" "));
    }
    if letter.automatic {
        mail = mail.raw_header(field("Auto-Submitted", "auto-replied"));
        mail = mail.raw_header(field("X-Auto-Response-Suppress", "All"));
    }
    let text = SinglePart::plain(lines(letter.text));
    let mail = if letter.files.is_empty() {
        mail.singlepart(text)
    } else {
        let mut parts = MultiPart::mixed().singlepart(text);
        for file in letter.files {
            parts = parts.singlepart(part(file)?);
        }
        mail.multipart(parts)
    };
    mail.map(|mail| mail.formatted()).map_err(|_| Unfit)
}

/// Somebody's mailbox. `None`: it is no address that a mail can be sent to.
pub(super) fn mailbox(name: Option<&str>, address: &str) -> Option<Mailbox> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\');
    let address: Address = Some(address).filter(|address| !address.contains(odd))?.parse().ok()?;
    let name = name.map(|name| cut(&plain(name), NAME_MAX)).filter(|name| !name.is_empty());
    Some(Mailbox::new(name, address))
}

/// The ids of the thread, from its first mail to the one that is answered.
fn references(ancestors: &[String], answers: Option<&str>) -> Vec<String> {
    let known = ancestors.iter().map(String::as_str).filter(|id| is_id(id) && Some(*id) != answers);
    let mut ids: Vec<&str> = known.chain(answers).collect();
    if ids.len() > REFERENCES_MAX {
        ids.drain(1..=ids.len() - REFERENCES_MAX);
    }
    ids.into_iter().map(|id| format!("<{id}>")).collect()
}

/// Whether it is an id of a mail that can be repeated. What stands for an id where a mail has none is not.
fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX
        && id.contains('@')
        && id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'))
}

fn part(file: File) -> Result<SinglePart, Unfit> {
    let name = cut(&plain(&file.name).replace(['/', '\\'], "_"), NAME_MAX);
    let name = if name.is_empty() { "file".to_owned() } else { name };
    // A mail within a mail may not be encoded (RFC 2046, 5.2.1): as a file it may.
    let kind = Some(file.media_type.as_str()).filter(|kind| !kind.starts_with("message/"));
    let kind = kind.and_then(|kind| ContentType::parse(kind).ok());
    let kind = kind.or_else(|| ContentType::parse(OCTETS).ok()).unwrap_or(ContentType::TEXT_PLAIN);
    // Whatever stands in a file, on the wire there are short lines.
    let content =
        Body::new_with_encoding(file.content, ContentTransferEncoding::Base64).map_err(|_| Unfit)?;
    Ok(Attachment::new(name).body(content, kind))
}

const MARKER_NAME: &str = "X-Dossier-Origin";
const _: () = assert!(MARKER_NAME.eq_ignore_ascii_case(MARKER));

fn field(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), plain(value))
}

fn time(at: Timestamp) -> SystemTime {
    let micros = u64::try_from(at.as_microsecond()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// A text in lines: whatever else a terminal would do is left out, and a return by itself ends one as well.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "")
}

/// At most `max` bytes of a text.
fn cut(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim().to_owned()
}

#[cfg(test)]
mod tests;
