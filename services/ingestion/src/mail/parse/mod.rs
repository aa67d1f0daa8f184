//! A mail from its bytes.
//!
//! The parser is handed what strangers wrote, so the bytes are kept within bounds first ([`limits`]), and a panic of it
//! refuses the mail instead of ending whoever read it.

mod body;
mod bounds;
mod said;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::Write;
use std::panic;

use jiff::Timestamp;
use mail_parser::{
    Addr, Address, ContentType, DateTime, GetHeader, HeaderName, HeaderValue, Message, MessageParser,
    MimeHeaders, Received,
};
use sha2::{Digest, Sha256};

pub use said::{Attachment, Links, Mail, Mailbox};

use super::headers::Headers;

/// How much of everything there may be. What is over is refused with its reason, never cut in silence.
pub mod limits {
    /// A whole mail with its attachments, in bytes.
    pub const MAIL_MAX: usize = 64 * 1024 * 1024;
    /// The header fields of a mail together, in bytes.
    pub const HEADERS_MAX: usize = 1024 * 1024;
    /// The header fields of a mail.
    pub const HEADER_FIELDS_MAX: usize = 10_000;
    /// Mails within one mail, however deep.
    pub const NESTED_MAX: usize = 500;
    /// Multiparts of one mail, however deep: so many levels there can be at most.
    pub const MULTIPARTS_MAX: usize = 500;
    /// Parts of one mail, however deep.
    pub const PARTS_MAX: usize = 5_000;
    /// Attachments of one mail.
    pub const ATTACHMENTS_MAX: usize = 256;
    /// A Message-ID or an address, in bytes; a Message-ID may fill a line of 998.
    pub const ID_MAX: usize = 1024;
    /// A name of a person or of a file, in bytes.
    pub const NAME_MAX: usize = 1024;
    /// Ancestors that one mail may name. More are ignored: the parent and the first ones tell the thread.
    pub const REFERENCES_MAX: usize = 1000;
    /// Addresses of one header field.
    pub const ADDRESSES_MAX: usize = 10_000;
}

use limits::{ADDRESSES_MAX, ATTACHMENTS_MAX, ID_MAX, NAME_MAX, PARTS_MAX, REFERENCES_MAX};

const OCTETS: &str = "application/octet-stream";

/// Why a mail is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is more of it than is read.
    #[error("the mail is longer than {max} bytes; send the files another way")]
    TooLong {
        /// How long it may be, in bytes.
        max: usize,
    },
    /// The header is longer than anybody writes one.
    #[error("the mail's header has more than {max} {what}; leave out what is not needed")]
    HeaderTooLong {
        /// What there is too much of.
        what: &'static str,
        /// How much of it there may be.
        max: usize,
    },
    /// Mails in mails in mails.
    #[error("the mail has more than {max} mails in it; send them by themselves")]
    TooNested {
        /// How many there may be.
        max: usize,
    },
    /// More parts, or parts that take more work to tell apart, than anybody sends.
    #[error("the mail has more than {max} parts, or parts that are too entangled; send it as fewer parts")]
    TooManyParts {
        /// How many there may be.
        max: usize,
    },
    /// More files than are kept of one mail.
    #[error("the mail has more than {max} attachments; send them as one archive")]
    TooManyAttachments {
        /// How many there may be.
        max: usize,
    },
    /// Something that has none of the headers that tell of a mail, or that the parser could not bear.
    #[error("this is not a mail; check that it is complete and has its headers")]
    NotAMail,
}

impl Error {
    /// A stable name, for counting.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::HeaderTooLong { .. } => "header_too_long",
            Self::TooNested { .. } => "too_nested",
            Self::TooManyParts { .. } => "too_many_parts",
            Self::TooManyAttachments { .. } => "too_many_attachments",
            Self::NotAMail => "not_a_mail",
        }
    }
}

/// Reads a mail, or says why not.
pub fn parse(bytes: &[u8]) -> Result<Mail, Error> {
    let bounded = bounds::checked(bytes)?;
    let read = || {
        let message =
            MessageParser::default().parse(bounded.as_ref()).filter(is_mail).ok_or(Error::NotAMail)?;
        mail(&message, bytes)
    };
    panic::catch_unwind(panic::AssertUnwindSafe(read)).unwrap_or(Err(Error::NotAMail))
}

/// Reads only what links a mail to others. The same ids as [`parse`] gives, for much less work.
pub fn links(bytes: &[u8]) -> Option<Links> {
    let read = || {
        let lines = bounds::with_line_ends(bytes);
        let readable = bounds::with_readable_header(Cow::Borrowed(bounds::without_envelope(&lines)));
        let message = MessageParser::default().parse_headers(readable.as_ref())?;
        Some(Links {
            message_id: message_id(&message, bytes),
            in_reply_to: ids(message.in_reply_to()),
            references: ids(message.references()),
        })
    };
    panic::catch_unwind(panic::AssertUnwindSafe(read)).ok()?
}

fn mail(message: &Message<'_>, bytes: &[u8]) -> Result<Mail, Error> {
    if parts(message) > PARTS_MAX {
        return Err(Error::TooManyParts { max: PARTS_MAX });
    }
    if message.attachment_count() > ATTACHMENTS_MAX {
        return Err(Error::TooManyAttachments { max: ATTACHMENTS_MAX });
    }
    let mut headers = Headers::default();
    for header in message.headers() {
        let value = message.raw_message.get(header.offset_start as usize..header.offset_end as usize);
        headers.push(header.name.as_str(), value.unwrap_or_default());
    }
    let kind = message.content_type();
    Ok(Mail {
        message_id: message_id(message, bytes),
        in_reply_to: ids(message.in_reply_to()),
        references: ids(message.references()),
        from: mailboxes(message.header_values(HeaderName::From)),
        sender: message.sender().and_then(Address::first).and_then(mailbox),
        reply_to: mailboxes(message.header_values(HeaderName::ReplyTo)),
        to: mailboxes(message.header_values(HeaderName::To)),
        cc: mailboxes(message.header_values(HeaderName::Cc)),
        return_path: return_path(&headers),
        subject: message.subject().map(str::to_owned),
        date: message.date().and_then(time),
        received_at: message.received_all().filter_map(Received::date).filter_map(|date| time(&date)).last(),
        text: body::text(message),
        html: body::html(message),
        attachments: message.attachments().map(|part| attachment(message, part)).collect(),
        media_type: kind.map_or_else(|| "text/plain".to_owned(), body::media_type),
        report_type: kind.and_then(|kind| kind.attribute("report-type")).map(str::to_lowercase),
        headers,
    })
}

/// A picture or a licence has lines with a colon as well, but none of the headers that tell of a mail.
fn is_mail(message: &Message<'_>) -> bool {
    const HEADERS: [HeaderName<'static>; 10] = [
        HeaderName::ContentType,
        HeaderName::Date,
        HeaderName::From,
        HeaderName::MessageId,
        HeaderName::Received,
        HeaderName::ReturnPath,
        HeaderName::Sender,
        HeaderName::Subject,
        HeaderName::To,
        HeaderName::MimeVersion,
    ];
    message.headers().iter().any(|header| HEADERS.contains(&header.name))
}

/// All parts, those of the mails in it as well. The depth has been bounded before.
fn parts(message: &Message<'_>) -> usize {
    message.parts.iter().map(|part| 1 + part.message().map_or(0, parts)).sum()
}

fn message_id(message: &Message<'_>, bytes: &[u8]) -> String {
    message.message_id().and_then(id).unwrap_or_else(|| digest(bytes))
}

/// The same for the same mail whether it came from an mbox or a file of its own: line ends and what is blank at the
/// end do not count.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let bytes = bounds::with_line_ends(bytes);
    let mut hash = Sha256::new();
    for line in bytes.trim_ascii_end().split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        hash.update(line.strip_suffix(b"\r").unwrap_or(line));
        hash.update(b"\n");
    }
    let mut id = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// An identifier without the blanks around it, if it is one.
fn id(value: &str) -> Option<String> {
    let value = value.trim();
    let fit = !value.is_empty() && value.len() <= ID_MAX && !value.chars().any(char::is_control);
    fit.then(|| value.to_owned())
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    let ids = header.as_text_list().unwrap_or_default();
    ids.iter().filter_map(|text| id(text)).take(REFERENCES_MAX).collect()
}

fn mailboxes<'a>(values: impl Iterator<Item = &'a HeaderValue<'a>>) -> Vec<Mailbox> {
    let all = values.filter_map(HeaderValue::as_address).flat_map(Address::iter);
    all.filter_map(mailbox).take(ADDRESSES_MAX).collect()
}

fn mailbox(address: &Addr<'_>) -> Option<Mailbox> {
    let name = address.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let address = address.address.as_deref().and_then(id);
    (name.is_some() || address.is_some()).then_some(Mailbox { name, address })
}

fn return_path(headers: &Headers) -> Option<String> {
    let path = headers.get("return-path")?;
    Some(path.trim_matches(['<', '>', ' ']).to_owned()).filter(|path| path.len() <= ID_MAX)
}

fn time(date: &DateTime) -> Option<Timestamp> {
    date.is_valid().then(|| Timestamp::from_second(date.to_timestamp()).ok())?
}

fn attachment(message: &Message<'_>, part: &mail_parser::MessagePart<'_>) -> Attachment {
    let disposition = part.headers.header_value(&HeaderName::ContentDisposition);
    let disposition = disposition.and_then(HeaderValue::as_content_type);
    Attachment {
        name: part.attachment_name().and_then(file_name),
        media_type: part.content_type().map_or_else(|| OCTETS.to_owned(), body::media_type),
        content_id: part.content_id().and_then(id),
        inline: disposition.is_some_and(ContentType::is_inline),
        content: body::content(message, part),
    }
}

/// The last part of a path as the name of a file, if it is fit to be one.
fn file_name(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next()?.replace(char::is_control, " ");
    let name = name.trim();
    (!matches!(name, "" | "." | "..") && name.len() <= NAME_MAX).then(|| name.to_owned())
}
