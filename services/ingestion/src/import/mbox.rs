//! Many mails in one file, each behind a line that begins with `From ` (RFC 4155).
//!
//! Writers escape a line of a body that begins so with `>`: mboxo only plain ones, mboxrd those with `>` as well.
//! One `>` is taken off both ways; an mboxo line that was written with `>>From ` loses one that it had.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::lines::{self, Line, Lines};
use super::mail::Mail;
use super::record::limits::MAIL_MAX;
use super::{Error, Flaw, Format, Place, Reason, Rejected};

const SEPARATOR: &[u8] = b"From ";

/// The mails of a file.
pub(super) struct Mails {
    lines: Lines<BufReader<File>>,
    line: Vec<u8>,
    own: Arc<BTreeSet<String>>,
    next: Option<Place>,
    number: u64,
    ended: bool,
}

impl Mails {
    pub(super) fn open(path: &Path, own: Arc<BTreeSet<String>>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let mut mails = Self {
            lines: Lines::new(BufReader::new(file), MAIL_MAX),
            line: Vec::new(),
            own,
            next: None,
            number: 0,
            ended: false,
        };
        let remedy = "it must begin with a line `From …`; a single mail is `--format eml`";
        mails.begin().map_err(Error::io(path))?;
        if mails.next.is_none() && !mails.ended {
            return Err(Error::Format { path: path.to_owned(), format: Format::Mbox, remedy });
        }
        Ok(mails)
    }

    /// Goes to the first line that is not blank.
    fn begin(&mut self) -> io::Result<()> {
        while self.read_line()?.is_some() {
            if self.line.starts_with(SEPARATOR) {
                self.next = Some(self.place());
                return Ok(());
            }
            if !lines::content(&self.line).is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads up to the separator after the mail that begins here; `None` if it is longer than is kept.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut mail = Some(Vec::new());
        let mut after_blank = true;
        while let Some(line) = self.read_line()? {
            if after_blank && is_separator(&self.line) {
                self.next = Some(self.place());
                break;
            }
            after_blank = lines::content(&self.line).is_empty();
            let unescaped = unescaped(&self.line);
            let fits = |mail: &Vec<u8>| line == Line::Whole && mail.len() + unescaped.len() <= MAIL_MAX;
            mail = mail.filter(fits);
            if let Some(mail) = &mut mail {
                mail.extend_from_slice(unescaped);
            }
        }
        // The blank line before the next separator belongs to the format and not to the mail.
        Ok(mail.map(|mut mail| {
            if after_blank && (mail.ends_with(b"\n\n") || mail.ends_with(b"\n\r\n")) {
                mail.truncate(lines::content(&mail).len());
            }
            mail
        }))
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        let line = self.lines.next(&mut self.line)?;
        self.ended |= line.is_none();
        Ok(line)
    }

    fn place(&mut self) -> Place {
        self.number += 1;
        Place::Message { number: self.number, line: self.lines.number() }
    }
}

impl Iterator for Mails {
    type Item = Result<Mail, Rejected>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.next.take()?;
        Some(match self.read() {
            Ok(Some(bytes)) => Ok(Mail { place, bytes, own: Arc::clone(&self.own) }),
            Ok(None) => Err(Flaw::row(Reason::TooLong { max: MAIL_MAX }).at(place)),
            Err(error) => {
                self.next = None;
                Err(Flaw::row(Reason::Unreadable(error.kind())).at(place))
            }
        })
    }
}

/// Whether this line begins a mail, or is a sentence whose writer escaped nothing: a separator says when.
fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(SEPARATOR) else { return false };
    let mut words = rest.split(u8::is_ascii_whitespace);
    let digits = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let hour = words.clone().any(|word| {
        let mut parts = word.split(|&byte| byte == b':');
        parts.clone().count() >= 2 && parts.all(|part| part.len() <= 2 && digits(part))
    });
    hour && words.any(|word| word.len() == 4 && digits(word))
}

fn unescaped(line: &[u8]) -> &[u8] {
    let escapes = line.iter().take_while(|&&byte| byte == b'>').count();
    if escapes > 0 && line[escapes..].starts_with(SEPARATOR) { &line[1..] } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_says_when() {
        for line in [
            "From ada@example.org Tue Oct 31 22:10:47 2017\n",
            "From - Tue Oct 31 22:10 +0000 2017\r\n",
            "From MAILER-DAEMON Fri Jul  8 12:08:34 2011",
        ] {
            assert!(is_separator(line.as_bytes()), "{line}");
        }
        for line in
            ["From what I see", "From 10:30 on I am there", "From: a@b 10:30 2017", ">From a 10:30 2017"]
        {
            assert!(!is_separator(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn one_escape_is_taken_off() {
        assert_eq!(unescaped(b">From here"), b"From here");
        assert_eq!(unescaped(b">>From here"), b">From here");
        assert_eq!(unescaped(b"> From here"), b"> From here");
        assert_eq!(unescaped(b">"), b">");
    }
}
