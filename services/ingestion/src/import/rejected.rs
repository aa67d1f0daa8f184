//! Why one row was not used: where it is, which field, what is wrong and what to do. Never what it contained.

use std::path::PathBuf;
use std::{fmt, io};

/// A row that was counted and not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {}{reason}; {}", told(self.field), self.reason.remedy())]
pub struct Rejected {
    /// Where the row is.
    pub place: Place,
    /// The field of [`super::Record`] that is at fault, if it is one.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Where in the file or folder a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The line on which the row begins, counted from 1.
    Line(u64),
    /// A mail in an mbox.
    Message {
        /// Counted from 1.
        number: u64,
        /// The line of its `From `, counted from 1.
        line: u64,
    },
    /// A file, relative to the folder that is imported.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Message { number, line } => write!(f, "message {number} (line {line})"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A value that every message needs is not there.
    #[error("is missing")]
    Missing,
    /// A value is longer than is kept.
    #[error("is longer than {max} bytes")]
    TooLong {
        /// How long it may be, in bytes.
        max: usize,
    },
    /// There are more of something than are kept.
    #[error("has more than {max} entries")]
    TooMany {
        /// How many there may be.
        max: usize,
    },
    /// An identifier with control characters.
    #[error("has control characters")]
    ControlCharacters,
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// No time in any of the known forms.
    #[error("is not a time")]
    NotATime,
    /// A mail whose Date is none, and which no server says to have received.
    #[error("is not a date")]
    NotADate,
    /// Neither yes nor no.
    #[error("does not say the direction")]
    NotADirection,
    /// A row with another number of columns than the header.
    #[error("has {found} columns where the header has {expected}")]
    Ragged {
        /// The header's columns.
        expected: usize,
        /// The row's columns.
        found: usize,
    },
    /// A line that is no JSON object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// A JSON value of another type.
    #[error("is not {expected}")]
    WrongType {
        /// What it should be.
        expected: &'static str,
    },
    /// An object with a key that means nothing here.
    #[error("has a key that is not known")]
    UnknownKey,
    /// Something that has no mail's headers, or that the parser of mails could not bear.
    #[error("is not a mail")]
    NotAMail,
    /// A mail of mails of mails, deeper than anybody sends one.
    #[error("has more than {max} mails in it")]
    TooNested {
        /// How many there may be.
        max: usize,
    },
    /// The row could not be read from the disk. In a single file nothing after it could be read either.
    #[error("cannot be read ({0})")]
    Unreadable(io::ErrorKind),
}

impl Reason {
    /// A stable name, for counting.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong { .. } => "too_long",
            Self::TooMany { .. } => "too_many",
            Self::ControlCharacters => "control_characters",
            Self::NotUtf8 => "not_utf8",
            Self::NotATime => "not_a_time",
            Self::NotADate => "not_a_date",
            Self::NotADirection => "not_a_direction",
            Self::Ragged { .. } => "ragged",
            Self::NotAnObject => "not_an_object",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::NotAMail => "not_a_mail",
            Self::TooNested { .. } => "too_nested",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// What the operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "fill it in at the source, or map the column that has it",
            Self::TooLong { .. } => {
                "shorten it at the source; if it is CSV, look for a quote that is never closed"
            }
            Self::TooMany { .. } => "leave out what is not needed",
            Self::ControlCharacters => "remove them at the source",
            Self::NotUtf8 => "save the file as UTF-8",
            Self::NotATime => "write it as RFC 3339 with its offset, for example 2017-10-31T22:10:47Z",
            Self::NotADate => {
                "write the mail's Date as mails have it, for example Tue, 31 Oct 2017 22:10:47 +0000"
            }
            Self::NotADirection => "write true or false (or inbound or outbound)",
            Self::Ragged { .. } => "look for a comma or a quote that is not quoted",
            Self::NotAnObject => "write one complete JSON object on each line",
            Self::WrongType { .. } => "write it with the type that the documentation of the format names",
            Self::UnknownKey => {
                "the keys are external_id, reply_to, author (external_id, name, handle), recipients, direction, text, subject, \
                 sent_at, language and fields; put values of your own under \"fields\""
            }
            Self::NotAMail => "check that the file is a complete mail with its headers",
            Self::TooNested { .. } => "take the mails that it forwards out of it and import them themselves",
            Self::Unreadable(_) => "check the disk and the permissions, and run the import again",
        }
    }
}

/// A reason that does not know yet where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flaw {
    field: Option<&'static str>,
    reason: Reason,
}

impl Flaw {
    pub(super) fn row(reason: Reason) -> Self {
        Self { field: None, reason }
    }

    pub(super) fn of(field: &'static str, reason: Reason) -> Self {
        Self { field: Some(field), reason }
    }

    pub(super) fn at(self, place: Place) -> Rejected {
        Rejected { place, field: self.field, reason: self.reason }
    }
}

fn told(name: Option<&'static str>) -> String {
    name.map(|name| format!("{name} ")).unwrap_or_default()
}
