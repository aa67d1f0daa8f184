//! Where a mail ends that comes after DATA (RFC 5321, 4.5.2): at a line that is a dot, and at nothing that looks like one.
//!
//! Only CR LF ends a line here. A server before us that takes another mark for the end of a line, or passes it on, could
//! else be made to hand over two mails as one, the second of which nobody has looked at.

/// How far the mark of the end has come: CR LF, a dot, CR LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Cr,
    /// At the beginning of a line.
    Line,
    Dot,
    DotCr,
}

/// Takes a mail out of what comes.
#[derive(Debug)]
pub(super) struct Ending(Seen);

impl Ending {
    /// Before the first byte: that is the beginning of a line.
    pub(super) fn new() -> Self {
        Self(Seen::Line)
    }

    /// Takes bytes up to the end of the mail, without the dots that stand for its transparency. How many of them it took,
    /// and whether that was the end.
    pub(super) fn take(&mut self, bytes: &[u8], mail: &mut Vec<u8>) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            self.0 = match (self.0, byte) {
                (Seen::DotCr, b'\n') => return (index + 1, true),
                (Seen::Line, b'.') => {
                    self.0 = Seen::Dot;
                    continue;
                }
                (Seen::Dot, b'\r') => {
                    self.0 = Seen::DotCr;
                    continue;
                }
                (before, _) => {
                    if before == Seen::DotCr {
                        mail.push(b'\r');
                    }
                    match (before, byte) {
                        (_, b'\r') => Seen::Cr,
                        (Seen::Cr, b'\n') => Seen::Line,
                        _ => Seen::Nothing,
                    }
                }
            };
            mail.push(byte);
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The mail, and what comes after it; nothing, if it does not end.
    fn ended(pieces: &[&[u8]]) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut ending, mut mail) = (Ending::new(), Vec::new());
        for (index, piece) in pieces.iter().enumerate() {
            let (used, done) = ending.take(piece, &mut mail);
            if done {
                return Some((mail, [&[&piece[used..]], &pieces[index + 1..]].concat().concat()));
            }
        }
        None
    }

    #[test]
    fn it_ends_at_a_line_that_is_a_dot() {
        for (came, mail) in [
            (&b"a\r\n.\r\nMAIL"[..], &b"a\r\n"[..]),
            (b".\r\nMAIL", b""),
            (b"..a\r\n..\r\n.\r\nMAIL", b".a\r\n.\r\n"),
            (b".a\r\n\r\n.\r\nMAIL", b"a\r\n\r\n"),
            (b"a\n.\r\n.b\r.\r\r\n.\r\nMAIL", b"a\n.\r\nb\r.\r\r\n"),
        ] {
            assert_eq!(ended(&[came]), Some((mail.to_vec(), b"MAIL".to_vec())), "{came:?}");
        }
    }

    #[test]
    fn it_ends_at_nothing_that_looks_like_one() {
        for looks in [
            &b"\n.\n"[..],
            b"\n.\r\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\r\n.\r\r\n",
            b"\r\n.\r\r\r\n",
            b"\r\n.\0\r\n",
            b"\r\n. \r\n",
            b"\r\n..\r\n",
            b"\r\r\n.\r\r\n",
            b"\r\n\0.\r\n",
            b"\r\n.\x0b\r\n",
        ] {
            let came = [b"a", looks, b"MAIL FROM:<x@x.example>\r\n"].concat();
            assert_eq!(ended(&[&came]), None, "{looks:?}");
        }
    }

    proptest! {
        /// However a mail is cut on its way, it is the same, and ends where it ends.
        #[test]
        fn any_mail_comes_through(
            mail in prop::collection::vec(prop::sample::select(b".\r\na\0".to_vec()), 0..40),
            at in prop::collection::vec(0_usize..60, 0..4),
        ) {
            // As a client sends it: whole lines, a dot before each dot that begins one.
            let mut sent = Vec::new();
            let mut mail = mail;
            if !mail.is_empty() && !mail.ends_with(b"\r\n") {
                mail.extend(b"\r\n");
            }
            for (index, byte) in mail.iter().enumerate() {
                if *byte == b'.' && (index == 0 || mail[..index].ends_with(b"\r\n")) {
                    sent.push(b'.');
                }
                sent.push(*byte);
            }
            sent.extend(b".\r\nQUIT\r\n");
            let mut at: Vec<_> = at.into_iter().map(|at| at.min(sent.len())).collect();
            at.extend([0, sent.len()]);
            at.sort_unstable();
            let pieces: Vec<_> = at.windows(2).map(|cut| &sent[cut[0]..cut[1]]).collect();
            prop_assert_eq!(ended(&pieces), Some((mail, b"QUIT\r\n".to_vec())));
        }
    }
}
