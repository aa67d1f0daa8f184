//! Where a response of a mail server ends (RFC 3501, 2.2), found in bounded memory and in time that is linear in it.
//!
//! A response is a line; within those about a mail, a line that ends with `{n}` is followed by `n` bytes and another line. What is
//! announced is believed only up to what may come, and nothing is reserved for it. How deep parentheses are nested is bounded
//! before anything is parsed.

/// How deep parentheses may be nested outside of texts: nothing that is asked for has more than two.
const DEPTH_MAX: usize = 32;

/// A response that is too long, or nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// How far the bytes of a response were looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    /// The next byte to look at; beyond the end, if bytes are announced that have not come.
    at: usize,
    /// Where the line begins that is looked at.
    line: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Frame {
    /// The length of the response that `bytes` begin with, if all of it is there. The same bytes must come again, and more. At
    /// most `max` bytes may follow an announcement.
    pub(super) fn end(&mut self, bytes: &[u8], max: usize) -> Result<Option<usize>, TooMuch> {
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\n' => {
                    let line = bytes.get(self.line..self.at).unwrap_or_default();
                    let Some(announced) = announced(line).filter(|_| is_about_a_mail(bytes)) else {
                        return Ok(Some(self.at));
                    };
                    if announced > max {
                        return Err(TooMuch);
                    }
                    self.at = self.at.checked_add(announced).ok_or(TooMuch)?;
                    (self.line, self.quoted, self.escaped) = (self.at, false, false);
                }
                _ if self.escaped => self.escaped = false,
                b'\\' if self.quoted => self.escaped = true,
                b'"' => self.quoted = !self.quoted,
                b'(' if !self.quoted => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX && is_about_a_mail(bytes) {
                        return Err(TooMuch);
                    }
                }
                b')' if !self.quoted => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// Whether a response is one about a mail: `* 12 FETCH`. In others, `{n}` is a text.
fn is_about_a_mail(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"* ").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}

/// How many bytes a line announces.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let open = line.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(line.get(open + 1..)?).ok()?;
    let digits =
        Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))?;
    // A number that is none is more than may come.
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(bytes: &[u8], max: usize) -> Result<Option<usize>, TooMuch> {
        Frame::default().end(bytes, max)
    }

    #[test]
    fn a_response_ends_where_it_ends() {
        for (bytes, expected) in [
            ("* OK ready\r\nA1", Some(12)),
            ("* OK {99}\r\n", Some(11)),
            ("A1 OK {5}\r\n", Some(11)),
            ("* 1 FETCH (UID 7)\r\n", Some(19)),
            ("* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n", Some(31)),
            ("* 1 FETCH (BODY[] {5+}\r\nab\r\nc)\r\n", Some(32)),
            ("* 1 FETCH (BODY[] {3}\r\n}\r\n)\r\n* 2", Some(29)),
            ("* 1 FETCH (BODY[] {3}\r\n{9})\r\n", Some(29)),
            ("* 1 FETCH (BODY[] {5}\r\nab\r", None),
            ("* 1 FETCH (BODY[] {5}\r\nab\r\nc)", None),
            ("", None),
        ] {
            assert_eq!(end(bytes.as_bytes(), 10), Ok(expected), "{bytes}");
        }
    }

    #[test]
    fn what_is_announced_is_not_waited_for() {
        for announced in ["11", "4294967296", "99999999999999999999999999"] {
            let bytes = format!("* 1 FETCH (BODY[] {{{announced}}}\r\n");
            assert_eq!(end(bytes.as_bytes(), 10), Err(TooMuch), "{announced}");
        }
        let deep = format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(DEPTH_MAX));
        assert_eq!(end(deep.as_bytes(), 10), Err(TooMuch));
        assert_eq!(end(format!("* OK {}\r\n", "(".repeat(99)).as_bytes(), 10), Ok(Some(106)));
    }

    proptest! {
        /// In whatever pieces it comes, the end is the same.
        #[test]
        fn pieces_do_not_matter(mail: Vec<u8>, cuts in proptest::collection::vec(0_usize..200, 0..20)) {
            let mut bytes = format!("* 1 FETCH (UID 7 BODY[] {{{}}}\r\n", mail.len()).into_bytes();
            bytes.extend_from_slice(&mail);
            bytes.extend_from_slice(b")\r\n");
            let whole = bytes.len();
            bytes.extend_from_slice(b"A1 OK done\r\n");
            let mut frame = Frame::default();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < whole).collect();
            cuts.sort_unstable();
            for cut in cuts {
                prop_assert_eq!(frame.end(&bytes[..cut], 1_000), Ok(None));
            }
            prop_assert_eq!(frame.end(&bytes, 1_000), Ok(Some(whole)));
        }

        #[test]
        fn any_bytes_end_or_do_not(bytes: Vec<u8>) {
            if let Ok(Some(end)) = end(&bytes, 100) {
                prop_assert!((1..=bytes.len()).contains(&end));
            }
        }
    }
}
