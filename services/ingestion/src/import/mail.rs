//! A mail as a record.
//!
//! The parser is handed what strangers wrote, so it is kept within bounds (size, mails within mails) and a panic of
//! it rejects the mail instead of ending the import.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::panic;
use std::sync::Arc;

use jiff::Timestamp;
use mail_parser::{
    Addr, Address, DateTime, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders,
    PartType, Received,
};
use sha2::{Digest, Sha256};

use super::record::limits::{ATTACHMENTS_MAX, NESTED_MAX, RECIPIENTS_MAX, REFERENCES_MAX};
use super::{
    Attachment, Author, Direction, Flaw, Links, Place, Reason, Record, Rejected, html, lines, record,
};

const OCTETS: &str = "application/octet-stream";

/// One mail and where it was.
pub(super) struct Mail {
    pub(super) place: Place,
    pub(super) bytes: Vec<u8>,
    /// The account's own addresses, lower-cased.
    pub(super) own: Arc<BTreeSet<String>>,
}

impl super::Row for Mail {
    fn links(&self) -> Option<Links> {
        let read = || {
            let bytes = with_line_ends(&self.bytes);
            let message = MessageParser::default().parse_headers(&bytes)?;
            let ancestors = ids(message.references()).into_iter().take(REFERENCES_MAX).collect();
            Some(Links { id: external_id(&message), reply_to: reply_to(&message), ancestors })
        };
        panic::catch_unwind(panic::AssertUnwindSafe(read)).ok()?
    }

    fn record(self: Box<Self>) -> Result<Record, Rejected> {
        let mail = *self;
        let read = || mail.read().and_then(Record::checked);
        let record =
            panic::catch_unwind(panic::AssertUnwindSafe(read)).unwrap_or(Err(Flaw::row(Reason::NotAMail)));
        match record {
            Ok(record) => Ok(Record { raw: Some(mail.bytes), ..record }),
            Err(flaw) => Err(flaw.at(mail.place)),
        }
    }
}

impl Mail {
    fn read(&self) -> Result<Record, Flaw> {
        let bytes = with_line_ends(&self.bytes);
        if nested(&bytes) > NESTED_MAX {
            return Err(Flaw::row(Reason::TooNested { max: NESTED_MAX }));
        }
        let message =
            MessageParser::default().parse(&bytes).filter(is_mail).ok_or(Flaw::row(Reason::NotAMail))?;
        let external_id = external_id(&message);
        let author = author(&message, &external_id);
        if message.attachment_count() > ATTACHMENTS_MAX {
            return Err(Flaw::of("attachments", Reason::TooMany { max: ATTACHMENTS_MAX }));
        }
        let own = self.own.contains(&author.external_id);
        Ok(Record {
            reply_to: reply_to(&message),
            external_id,
            thread_root: None,
            author,
            recipients: recipients(&message),
            direction: if own { Direction::Outbound } else { Direction::Inbound },
            text: text(&message),
            subject: message.subject().map(str::to_owned),
            sent_at: sent_at(&message)?,
            language: None,
            fields: BTreeMap::new(),
            attachments: message.attachments().map(attachment).collect(),
            raw: None,
        })
    }
}

/// A picture or a licence has lines with a colon as well, but none of the headers that tell of a sending.
fn is_mail(message: &Message<'_>) -> bool {
    const HEADERS: [HeaderName<'static>; 9] = [
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

/// The Message-ID, or a digest of the whole mail where it has none that could be one.
fn external_id(message: &Message<'_>) -> String {
    message.message_id().and_then(|id| record::id(id).ok()).unwrap_or_else(|| digest(&message.raw_message))
}

/// The mail with lines that end as the parser knows them: old Macs ended them with CR alone.
fn with_line_ends(mail: &[u8]) -> Cow<'_, [u8]> {
    if mail.contains(&b'\n') || !mail.contains(&b'\r') {
        return Cow::Borrowed(mail);
    }
    Cow::Owned(mail.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect())
}

/// The same for the same mail whether it came from an mbox or a file of its own: line ends and what is blank at the
/// end do not count.
fn digest(mail: &[u8]) -> String {
    let mut hash = Sha256::new();
    for line in mail.trim_ascii_end().split_inclusive(|&byte| byte == b'\n') {
        hash.update(lines::content(line));
        hash.update(b"\n");
    }
    let mut id = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// An upper bound for how many mails there are in a mail, from the names of the media types that hold some.
fn nested(mail: &[u8]) -> usize {
    const KINDS: [&[u8]; 2] = [b"message/", b"multipart/digest"];
    let names = |at: usize| {
        KINDS
            .iter()
            .any(|kind| mail[at..].get(..kind.len()).is_some_and(|found| found.eq_ignore_ascii_case(kind)))
    };
    mail.iter().enumerate().filter(|&(at, byte)| matches!(byte, b'm' | b'M') && names(at)).count()
}

/// In-Reply-To, else the last of References.
fn reply_to(message: &Message<'_>) -> Option<String> {
    ids(message.in_reply_to()).into_iter().next().or_else(|| ids(message.references()).pop())
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    header.as_text_list().unwrap_or_default().iter().filter_map(|id| record::id(id).ok()).collect()
}

/// From; where it names no address, whoever else the mail says it is from.
fn author(message: &Message<'_>, external_id: &str) -> Author {
    let from = message.from().and_then(Address::first);
    let name = from.and_then(|from| from.name.as_deref()).map(str::to_owned);
    let others = [message.sender(), message.reply_to()].into_iter().flatten().filter_map(Address::first);
    let address = from.into_iter().chain(others).find_map(address).or_else(|| return_path(message));
    let external_id = address.unwrap_or_else(|| {
        let unknown = format!("unknown:{external_id}");
        record::id(&unknown).unwrap_or_else(|_| format!("unknown:{}", digest(external_id.as_bytes())))
    });
    Author { external_id, name, handle: None }
}

fn address(address: &Addr<'_>) -> Option<String> {
    record::id(&address.address.as_deref()?.to_lowercase()).ok()
}

fn return_path(message: &Message<'_>) -> Option<String> {
    let path = message.return_path().as_text()?.trim_matches(['<', '>', ' ']).to_lowercase();
    record::id(&path).ok().filter(|path| path.contains('@'))
}

/// To and Cc, everybody once.
fn recipients(message: &Message<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = message.all_to().chain(message.all_cc()).flat_map(Address::iter).filter_map(address);
    all.filter(|address| seen.insert(address.clone())).take(RECIPIENTS_MAX + 1).collect()
}

/// Date, else the moment at which the first server that says one received it.
fn sent_at(message: &Message<'_>) -> Result<Timestamp, Flaw> {
    let received = message.received_all().filter_map(Received::date).filter_map(|date| time(&date));
    let reason = if message.header("Date").is_some() { Reason::NotADate } else { Reason::Missing };
    message.date().and_then(time).or_else(|| received.last()).ok_or(Flaw::of("sent_at", reason))
}

fn time(date: &DateTime) -> Option<Timestamp> {
    date.is_valid().then(|| Timestamp::from_second(date.to_timestamp()).ok())?
}

/// The parts that a reader would read, one after the other.
fn text(message: &Message<'_>) -> String {
    let parts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(text.replace("\r\n", "\n")),
        PartType::Html(html) => Some(html::to_text(html)),
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {
            None
        }
    });
    let parts: Vec<_> =
        parts.map(|text| text.trim_end().to_owned()).filter(|text| !text.is_empty()).collect();
    parts.join("\n\n")
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let media_type = part.content_type().map_or_else(
        || OCTETS.to_owned(),
        |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_lowercase(),
    );
    let bytes = match &part.body {
        PartType::Message(message) => message.raw_message().to_vec(),
        _ => part.contents().to_vec(),
    };
    Attachment { name: part.attachment_name().and_then(record::file_name), media_type, bytes }
}
