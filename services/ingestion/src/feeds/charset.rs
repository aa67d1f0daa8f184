//! Bytes as text, whatever the server, the document or neither says about them.
//!
//! A byte order mark decides; then come the charset of the content type, the XML declaration and the bytes themselves, each
//! only if the bytes can be read that way.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::feed::Error;

/// How far into a document its XML declaration is looked for, in bytes.
const DECLARATION_MAX: usize = 1_024;

/// A text, and whether it was read otherwise than it was declared.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) guessed: bool,
}

/// The text of `body`.
///
/// # Errors
/// If it is in an encoding that nobody should use on the web: UTF-7, UTF-32, EBCDIC.
pub(super) fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<Decoded<'a>, Error> {
    if body.starts_with(&[0, 0, 0xFE, 0xFF]) || body.starts_with(&[0xFF, 0xFE, 0, 0]) {
        return Err(Error::Charset);
    }
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return Ok(certain(encoding, &body[mark..]));
    }
    // The first character of a document is `<`.
    match body {
        [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => return Err(Error::Charset),
        [0, b'<', ..] => return Ok(certain(UTF_16BE, body)),
        [b'<', 0, ..] => return Ok(certain(UTF_16LE, body)),
        _ => {}
    }
    let told = [content_type.and_then(of_content_type), declared(body)];
    let mut known = Vec::with_capacity(told.len());
    let mut unknown = false;
    for label in told.into_iter().flatten() {
        match Encoding::for_label_no_replacement(label) {
            // Bytes that were told apart by the first character are no UTF-16, whatever the label says.
            Some(encoding) if encoding == UTF_16BE || encoding == UTF_16LE => unknown = true,
            // ASCII is what servers say who do not know; bytes that are UTF-8 by chance are rare.
            Some(encoding) if encoding == WINDOWS_1252 && is_ascii_label(label) => known.push(UTF_8),
            Some(encoding) => known.push(encoding),
            None => unknown = true,
        }
    }
    // Without a word about it a document is UTF-8.
    for (index, encoding) in known.iter().copied().chain([UTF_8]).enumerate() {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(body) {
            return Ok(Decoded { text, guessed: index > 0 || unknown });
        }
    }
    let encoding = known.first().copied().filter(|encoding| *encoding != UTF_8).unwrap_or(WINDOWS_1252);
    Ok(Decoded { guessed: true, ..certain(encoding, body) })
}

fn certain<'a>(encoding: &'static Encoding, body: &'a [u8]) -> Decoded<'a> {
    let (text, flawed) = encoding.decode_without_bom_handling(body);
    Decoded { text, guessed: flawed }
}

fn is_ascii_label(label: &[u8]) -> bool {
    let label = label.to_ascii_lowercase();
    label == b"us-ascii" || label == b"ascii"
}

/// The charset parameter. Servers quote it in any way, or in none.
fn of_content_type(content_type: &str) -> Option<&[u8]> {
    let parameters = content_type.split(';').skip(1);
    let value = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim_matches(['"', '\'', ' ', '\t']))
    });
    value.filter(|value| !value.is_empty()).map(str::as_bytes)
}

/// The encoding that the XML declaration names.
fn declared(body: &[u8]) -> Option<&[u8]> {
    let head = body[..body.len().min(DECLARATION_MAX)].trim_ascii_start();
    let head = head.strip_prefix(b"<?xml")?;
    let head = &head[..head.windows(2).position(|pair| pair == b"?>")?];
    const NAME: &[u8] = b"encoding";
    let at = head.windows(NAME.len()).position(|window| window == NAME)?;
    let value = head[at + NAME.len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    Some(value[..value.iter().position(|byte| byte == quote)?].trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], content_type: Option<&str>) -> (String, bool) {
        let decoded = decode(body, content_type).unwrap();
        (decoded.text.into_owned(), decoded.guessed)
    }

    #[test]
    fn the_content_type_then_the_declaration_then_the_bytes_decide() {
        let latin = b"<?xml version='1.0' encoding='iso-8859-2'?><a>\xb1</a>";
        assert!(read(latin, None).0.contains('ą'));
        assert!(read(latin, Some("text/xml; charset=\"windows-1252\"")).0.contains('±'));
        assert_eq!(read("<a>ą</a>".as_bytes(), None), ("<a>ą</a>".into(), false));
        assert_eq!(
            read("<a>ą</a>".as_bytes(), Some("text/xml;charset= 'us-ascii'")),
            ("<a>ą</a>".into(), false)
        );
        assert_eq!(read(b"<a>\x93</a>", None), ("<a>\u{201c}</a>".into(), true));
        // What is declared cannot be: the next that can is taken, and that is told.
        let lied = "<?xml version='1.0' encoding='euc-kr'?><a>\u{e9}\u{20}</a>".as_bytes();
        assert_eq!(read(lied, None).0.contains('é'), read(lied, None).1);
        assert!(read(b"<a>x</a>", Some("text/xml; charset=nonsense")).1);
        assert!(read(b"<a>x</a>", Some("text/xml; charset=utf-16")).1);
    }

    #[test]
    fn two_bytes_a_character_with_or_without_a_mark() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        for order in [u16::to_be_bytes, u16::to_le_bytes] {
            assert_eq!(read(&wide("<a>ą</a>", order), Some("text/xml; charset=utf-8")).0, "<a>ą</a>");
            assert_eq!(read(&wide("\u{feff}<a>ą</a>", order), None), ("<a>ą</a>".into(), false));
        }
        assert_eq!(read("\u{feff}<a>ą</a>".as_bytes(), None).0, "<a>ą</a>");
    }

    #[test]
    fn four_bytes_a_character_are_refused() {
        for body in [&b"\0\0\xfe\xff\0\0\0<"[..], b"\xff\xfe\0\0<\0\0\0", b"\0\0\0<", b"<\0\0\0"] {
            assert!(matches!(decode(body, None), Err(Error::Charset)));
        }
    }
}
