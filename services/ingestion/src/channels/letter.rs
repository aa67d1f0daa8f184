//! A mail that its provider took apart before it came to us.

use std::panic;

use data_encoding::HEXLOWER;
use domain::time::Timestamp;
use mail_parser::{Address, HeaderValue, MessageParser, decoders};

use super::{Malformed, Media, MediaSource, Message, Party, signature, words};
use crate::intake::limits::{FIELD_VALUE_MAX, TEXT_MAX};

/// The headers of a mail, in bytes.
const HEADERS_MAX: usize = 256 * 1024;

/// The headers that tell a person's letter from a machine's, and are kept as fields for whoever decides.
const KEPT: [&str; 6] =
    ["Auto-Submitted", "Precedence", "X-Auto-Response-Suppress", "List-Id", "Return-Path", "Reply-To"];

/// What a provider says of a mail. Headers win over what it says beside them.
#[derive(Default)]
pub(super) struct Letter<'a> {
    /// The headers as they were, one a line.
    pub(super) headers: String,
    /// The sender, as an address with or without a name.
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<String>,
    pub(super) cc: Option<String>,
    pub(super) subject: Option<&'a str>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// What the provider calls it, where the mail has no Message-ID.
    pub(super) id: Option<String>,
    pub(super) envelope_from: Option<String>,
    pub(super) envelope_to: Vec<String>,
    pub(super) media: Vec<Media>,
}

/// What the headers say.
#[derive(Default)]
struct Headers {
    id: Option<String>,
    in_reply_to: Vec<String>,
    references: Vec<String>,
    from: Option<(Option<String>, String)>,
    at: Option<Timestamp>,
    subject: Option<String>,
    kept: Vec<(String, String)>,
}

/// What a reader would see of `html`, in time that is linear in it.
pub(super) fn html_to_text(html: &str) -> String {
    // What a stranger wrote must not end more than this reading; as it is, it says the same with more ado.
    panic::catch_unwind(|| decoders::html::html_to_text(html)).unwrap_or_else(|_| html.to_owned())
}

/// A header for [`Letter::headers`]; a line break within a value folds it, so that a value never becomes a header.
pub(super) fn header(name: &str, value: &str) -> String {
    let value: String = value.chars().map(|c| if c == '\r' || c == '\n' { ' ' } else { c }).collect();
    let name: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != ':').collect();
    format!("{name}: {value}\r\n")
}

impl Letter<'_> {
    /// The mail as a message.
    pub(super) fn message(self, now: Timestamp) -> Result<Message, Malformed> {
        if self.headers.len() > HEADERS_MAX {
            return Err(Malformed::new("headers", format_args!("at most {HEADERS_MAX} bytes")));
        }
        let headers = read(&self.headers);
        let (name, address) = headers
            .from
            .or_else(|| read(&header("From", self.from?)).from)
            .or_else(|| Some((None, self.envelope_from.clone()?)))
            .ok_or_else(|| Malformed::new("from", "the address of a sender"))?;
        let text = match self.text.filter(|text| !text.trim().is_empty()) {
            Some(text) => text.replace("\r\n", "\n"),
            None => self.html.as_deref().map(html_to_text).unwrap_or_default(),
        };
        let text = text.trim_end().to_owned();
        let subject =
            headers.subject.or_else(|| self.subject.map(str::to_owned)).filter(|text| !text.is_empty());
        let id = headers.id.or(self.id).unwrap_or_else(|| {
            let digest =
                [self.headers.as_str(), "\n", &address, "\n", subject.as_deref().unwrap_or(""), "\n", &text];
            format!("sha256:{}", HEXLOWER.encode(&signature::sha256(digest.concat().as_bytes())))
        });
        let name = name.as_deref().map(words::name);
        let customer = Party { id: address.to_lowercase(), name, handle: None };
        // A sender's clock may be ahead: what is dated tomorrow came today.
        let mut message = Message::new(id, customer, headers.at.map_or(now, |at| at.min(now)));
        message.subject = subject.as_deref().map(words::subject);
        message.text = text;
        message.media = self.media;
        message.reply_to =
            headers.in_reply_to.into_iter().next().or_else(|| headers.references.last().cloned());
        message.field("references", fitting(headers.references));
        message.field("to", self.to.and_then(|to| fitting(vec![to])));
        message.field("cc", self.cc.and_then(|cc| fitting(vec![cc])));
        message.field("envelope-from", self.envelope_from);
        message.field("envelope-to", fitting(self.envelope_to));
        for (name, value) in headers.kept {
            message.field(&name, fitting(vec![value]));
        }
        cut(&mut message);
        if message.text.trim().is_empty() && message.subject.is_none() && message.media.is_empty() {
            // An empty mail is a mail all the same.
            message.subject = Some("(no subject)".to_owned());
        }
        Ok(message)
    }
}

/// A text that is longer than a message may be goes along whole, as a file; its beginning is what is shown.
fn cut(message: &mut Message) {
    if message.text.len() <= TEXT_MAX {
        return;
    }
    let beginning = words::cut(&message.text, TEXT_MAX);
    let whole = std::mem::replace(&mut message.text, beginning);
    message.media.push(Media {
        name: Some("text.txt".to_owned()),
        media_type: Some("text/plain; charset=utf-8".to_owned()),
        ..Media::new(MediaSource::Content(whole.into_bytes()))
    });
}

/// As many of them as a field may hold, from the last: for threads the last ones count.
fn fitting(values: Vec<String>) -> Option<String> {
    let mut room = FIELD_VALUE_MAX;
    let mut kept: Vec<String> = Vec::new();
    for value in values.into_iter().rev() {
        let Some(left) = room.checked_sub(value.len() + 1) else { break };
        room = left;
        kept.push(value);
    }
    kept.reverse();
    Some(kept.join(" ")).filter(|text| !text.is_empty())
}

fn read(headers: &str) -> Headers {
    // The parser is handed what strangers wrote: a panic of it must not end more than this reading.
    panic::catch_unwind(|| read_unguarded(headers)).ok().flatten().unwrap_or_default()
}

fn read_unguarded(headers: &str) -> Option<Headers> {
    let whole = format!("{}\r\n\r\n", headers.trim_end());
    let message = MessageParser::default().parse_headers(whole.as_bytes())?;
    let ids = |value: &HeaderValue<'_>| -> Vec<String> {
        let ids = value.as_text_list().unwrap_or_default().to_vec();
        ids.iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect()
    };
    let from = message.from().and_then(Address::first).and_then(|from| {
        let address = from.address.as_deref()?.trim().to_owned();
        (!address.is_empty()).then(|| (from.name.as_deref().map(str::to_owned), address))
    });
    let at = message
        .date()
        .filter(|date| date.is_valid())
        .and_then(|date| Timestamp::from_microsecond(date.to_timestamp().checked_mul(1_000_000)?));
    let kept = KEPT.iter().filter_map(|name| {
        let value = message.header_raw(*name)?.trim();
        Some((name.to_ascii_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
    });
    Some(Headers {
        id: message.message_id().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()),
        in_reply_to: ids(message.in_reply_to()),
        references: ids(message.references()),
        from,
        at,
        subject: message.subject().map(str::to_owned),
        kept: kept.collect(),
    })
}
