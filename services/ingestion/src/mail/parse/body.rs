//! The bodies of a mail: its text, its HTML, and what each attachment holds.

use std::borrow::Cow;

use mail_parser::{
    ContentType, Encoding, Message, MessagePart, MimeHeaders, PartType,
    decoders::{
        base64::base64_decode, charsets::map::charset_decoder, quoted_printable::quoted_printable_decode,
    },
};

use super::bounds::{ENCODED_MAIL, FALLBACK};
use crate::mail::plain;

/// What stands where bytes could not be read.
const UNREADABLE: char = '\u{fffd}';

/// The parts that a reader would read, one after the other.
pub(super) fn text(message: &Message<'_>) -> String {
    let parts = message.text_bodies().filter_map(|part| match &part.body {
        PartType::Text(text) => Some(readable(message, part, text).replace("\r\n", "\n")),
        PartType::Html(html) => Some(plain::to_text(&readable(message, part, html))),
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) | PartType::Multipart(_) => {
            None
        }
    });
    joined(parts.map(|text| text.trim_end().to_owned()), "\n\n")
}

/// The HTML parts that a reader would read, one after the other.
pub(super) fn html(message: &Message<'_>) -> Option<String> {
    let parts = message.html_bodies().filter_map(|part| match &part.body {
        PartType::Html(html) => Some(readable(message, part, html).into_owned()),
        _ => None,
    });
    Some(joined(parts, "\n")).filter(|html| !html.is_empty())
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(between)
}

/// `type/subtype` in lower case.
pub(super) fn media_type(kind: &ContentType<'_>) -> String {
    let name = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_lowercase();
    if name == ENCODED_MAIL { "message/rfc822".to_owned() } else { name }
}

/// The decoded content of a part.
pub(super) fn content(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    match &part.body {
        PartType::Message(message) => message.raw_message().to_vec(),
        PartType::Text(text) | PartType::Html(text) => {
            readable(message, part, text).into_owned().into_bytes()
        }
        PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Multipart(_) => part.contents().to_vec(),
    }
}

/// The text of a part. Where the charset that it names leaves bytes unreadable, one that the bytes are valid in is taken
/// instead: the mail says what it says, whatever its writer's program claimed.
fn readable<'a>(message: &Message<'_>, part: &MessagePart<'_>, text: &'a str) -> Cow<'a, str> {
    if !text.contains(UNREADABLE) {
        return Cow::Borrowed(text);
    }
    let Some(bytes) = decoded(message, part) else { return Cow::Borrowed(text) };
    if let Ok(utf8) = str::from_utf8(&bytes) {
        return Cow::Owned(utf8.to_owned());
    }
    let named = part.content_type().and_then(|kind| kind.attribute("charset"));
    let known = named.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        !matches!(name.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii")
            && charset_decoder(name.as_bytes()).is_some()
    });
    match charset_decoder(FALLBACK).filter(|_| !known && mostly_text(&bytes)) {
        Some(decode) => Cow::Owned(decode(&bytes)),
        None => Cow::Borrowed(text),
    }
}

/// Whether few bytes are unreadable as UTF-8: a text in a Western charset has some letters of that kind, a picture or a
/// text in another script is full of them.
fn mostly_text(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    high * 4 < bytes.len() && !bytes.contains(&0)
}

/// The bytes of a part, without its transfer encoding.
fn decoded<'a>(message: &'a Message<'_>, part: &MessagePart<'_>) -> Option<Cow<'a, [u8]>> {
    let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize)?;
    match part.encoding {
        Encoding::None => Some(Cow::Borrowed(raw)),
        Encoding::Base64 => base64_decode(raw).map(Cow::Owned),
        Encoding::QuotedPrintable => quoted_printable_decode(raw).map(Cow::Owned),
    }
}
