//! What is looked at before a mail is parsed, in one pass over its bytes each.
//!
//! The parser tells parts apart by searching for their boundaries, so what it has to do grows with the number of parts
//! times the length of the mail. Here an upper bound of that is taken from what the bytes could mean at worst.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;

use super::Error;
use super::limits::{HEADER_FIELDS_MAX, HEADERS_MAX, MAIL_MAX, MULTIPARTS_MAX, NESTED_MAX, PARTS_MAX};

/// Bytes that may be looked at in search of boundaries.
const SEARCHED_MAX: usize = 1024 * 1024 * 1024;

/// Bytes that may be set aside for decoding: the parser sets aside the rest of the mail for each encoded part.
const RESERVED_MAX: usize = 16 * 1024 * 1024 * 1024;

/// Pairs of dashes, each of which may begin a boundary.
const DASHES_MAX: usize = 500_000;

/// All boundaries together, in bytes.
const BOUNDARIES_MAX: usize = 16 * 1024 * 1024;

/// What a boundary may be followed by at the most before its field ends.
const BOUNDARY_ENDS: &[u8] = b";\n>";

/// Bytes that name no charset, or a wrong one, are most often of this one.
pub(super) const FALLBACK: &[u8] = b"windows-1252";

/// A mail within a mail that is encoded as well is kept as a file: the parser would read it within itself, out of
/// reach of these bounds. RFC 2046, 5.2.1 forbids the encoding. Of the same length as what it stands for.
pub(super) const ENCODED_MAIL: &str = "message/x-r822";

/// The mail as it may be parsed.
pub(super) fn checked(mail: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if mail.len() > MAIL_MAX {
        return Err(Error::TooLong { max: MAIL_MAX });
    }
    let mail = match with_line_ends(mail) {
        Cow::Borrowed(mail) => Cow::Borrowed(without_envelope(mail)),
        Cow::Owned(mail) => Cow::Owned(without_envelope(&mail).to_vec()),
    };
    header(&mail)?;
    if count(&mail, b"message/") + count(&mail, b"multipart/digest") > NESTED_MAX {
        return Err(Error::TooNested { max: NESTED_MAX });
    }
    if is_entangled(&mail) {
        return Err(Error::TooManyParts { max: PARTS_MAX });
    }
    Ok(without_encoded_mails(with_readable_header(mail)))
}

/// The mail with a header in UTF-8. Some programs write it in their own charset: that of the text, if the mail names one.
pub(super) fn with_readable_header(mail: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let end = header_end(&mail);
    if str::from_utf8(&mail[..end]).is_ok() {
        return mail;
    }
    let named = found(&mail[..end], b"charset=").find_map(|at| {
        let name = mail[at + b"charset=".len()..end].trim_ascii_start();
        let name = name.strip_prefix(b"\"").unwrap_or(name);
        let length =
            name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
        (!name[..length].eq_ignore_ascii_case(b"utf-8")).then(|| charset_decoder(&name[..length]))?
    });
    let Some(decode) = named.or_else(|| charset_decoder(FALLBACK)) else { return mail };
    let mut readable = Vec::with_capacity(mail.len() + end / 2);
    for line in mail[..end].split_inclusive(|&byte| byte == b'\n') {
        // An encoded word names its charset, and some have the bytes themselves in it.
        if str::from_utf8(line).is_ok() || count(line, b"=?") > 0 {
            readable.extend_from_slice(line);
        } else {
            readable.extend_from_slice(decode(line).as_bytes());
        }
    }
    readable.extend_from_slice(&mail[end..]);
    Cow::Owned(readable)
}

/// Where the header ends: behind the first blank line.
fn header_end(mail: &[u8]) -> usize {
    let mut at = 0;
    for line in mail.split_inclusive(|&byte| byte == b'\n') {
        at += line.len();
        if line.trim_ascii().is_empty() && at > line.len() {
            break;
        }
    }
    at
}

/// The mail with lines that end as the parser knows them: old Macs ended them with CR alone.
pub(super) fn with_line_ends(mail: &[u8]) -> Cow<'_, [u8]> {
    if mail.contains(&b'\n') || !mail.contains(&b'\r') {
        return Cow::Borrowed(mail);
    }
    Cow::Owned(mail.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }).collect())
}

/// The mail without the line that separates it from others in an mbox.
pub(super) fn without_envelope(mail: &[u8]) -> &[u8] {
    if !mail.starts_with(b"From ") {
        return mail;
    }
    mail.iter().position(|&byte| byte == b'\n').map_or(&[], |end| &mail[end + 1..])
}

fn header(mail: &[u8]) -> Result<(), Error> {
    let header = &mail[..header_end(mail)];
    // What has no blank line at all is a header without a text, or no mail: the parser will tell.
    if header.len() > HEADERS_MAX {
        return Err(Error::HeaderTooLong { what: "bytes", max: HEADERS_MAX });
    }
    let lines = header.split_inclusive(|&byte| byte == b'\n');
    let fields = lines.filter(|line| !line.starts_with(b" ") && !line.starts_with(b"\t")).count();
    if fields > HEADER_FIELDS_MAX {
        return Err(Error::HeaderTooLong { what: "fields", max: HEADER_FIELDS_MAX });
    }
    Ok(())
}

fn is_entangled(mail: &[u8]) -> bool {
    let multiparts = count(mail, b"multipart/");
    if multiparts == 0 {
        return false;
    }
    let dashes = mail.windows(2).filter(|pair| pair == b"--").count();
    let Some(boundaries) = boundaries(mail) else { return true };
    multiparts > MULTIPARTS_MAX
        || dashes > DASHES_MAX
        || multiparts.saturating_mul(mail.len()) > SEARCHED_MAX
        || dashes.saturating_mul(boundaries) > SEARCHED_MAX
        || count(mail, b"base64").saturating_mul(mail.len()) > RESERVED_MAX
}

/// An upper bound for how long all boundaries are together, if it is not beyond reason.
fn boundaries(mail: &[u8]) -> Option<usize> {
    let mut length = 0;
    for at in found(mail, b"boundary") {
        let rest = &mail[at..];
        length += rest.iter().position(|byte| BOUNDARY_ENDS.contains(byte)).unwrap_or(rest.len());
        if length > BOUNDARIES_MAX {
            return None;
        }
    }
    Some(length)
}

/// Where mails within the mail are encoded, they are called something that the parser does not read.
fn without_encoded_mails(mail: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    const MAILS: [&[u8]; 2] = [b"message/rfc822", b"message/global"];
    const DIGEST: &[u8] = b"multipart/digest";
    let mut renamed = Vec::new();
    let mut digested = false;
    let digests: Vec<_> = found(&mail, DIGEST).collect();
    let mut mails: Vec<_> = MAILS.iter().flat_map(|name| found(&mail, name)).collect();
    mails.sort_unstable();
    if mails.is_empty() && digests.is_empty() {
        return mail;
    }
    let mut start = 0;
    for paragraph in paragraphs(&mail) {
        let range = start..start + paragraph.len();
        start = range.end;
        if count(paragraph, b"base64") + count(paragraph, b"quoted-printable") == 0 {
            continue;
        }
        let first = mails.partition_point(|&at| at < range.start);
        renamed.extend(mails[first..].iter().copied().take_while(|at| range.contains(at)));
        // In a digest a part is a mail unless it says otherwise.
        digested |=
            count(paragraph, b"content-transfer-encoding") > 0 && count(paragraph, b"content-type") == 0;
    }
    let digests = if digested { digests } else { Vec::new() };
    if renamed.is_empty() && digests.is_empty() {
        return mail;
    }
    let mut mail = mail.into_owned();
    for at in renamed {
        mail[at..at + ENCODED_MAIL.len()].copy_from_slice(ENCODED_MAIL.as_bytes());
    }
    for at in digests {
        mail[at..at + DIGEST.len()].copy_from_slice(b"multipart/x-dige");
    }
    Cow::Owned(mail)
}

/// What is between blank lines, with the line ends: a header is never in two of them.
fn paragraphs(mail: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = mail;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let blank = |at: &usize| rest[at + 1..].starts_with(b"\n") || rest[at + 1..].starts_with(b"\r\n");
        let end = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).find(blank);
        let (paragraph, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = after;
        Some(paragraph)
    })
}

fn count(mail: &[u8], name: &[u8]) -> usize {
    found(mail, name).count()
}

/// Where `name`, which is in lower case, stands in any case.
fn found<'a>(mail: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = usize> {
    let first = name.first().copied().unwrap_or_default();
    let is =
        move |at: usize| mail[at..].get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    mail.iter()
        .enumerate()
        .filter(move |(_, byte)| byte.to_ascii_lowercase() == first)
        .map(|(at, _)| at)
        .filter(move |&at| is(at))
}
