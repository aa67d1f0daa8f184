//! What a message must be, or must not be, to be said on a platform.

use super::{File, Outgoing, Unsayable};

/// How a person is called who was not named.
const UNKNOWN: &str = "unknown:";

/// How far a platform's clock may be behind ours, in seconds.
const SKEW_S: i64 = 60;

impl<'a> Outgoing<'a> {
    /// What the platform had before this, in seconds since 1970, cannot be this message.
    pub(super) fn since_s(&self) -> i64 {
        self.since.as_microsecond().div_euclid(1_000_000).saturating_sub(SKEW_S)
    }

    /// Whom it is for, who must be somebody that can be written to.
    pub(super) fn recipient(&self) -> Result<&'a str, Unsayable> {
        let somebody = !self.to.is_empty() && !self.to.starts_with(UNKNOWN);
        somebody.then_some(self.to).ok_or(Unsayable::Unsupported("the customer is not named by the channel"))
    }

    /// What it answers, which must be something.
    pub(super) fn answers(&self) -> Result<&'a str, Unsayable> {
        self.reply_to
            .filter(|id| !id.is_empty())
            .ok_or(Unsayable::Unsupported("a public reply needs a message that it answers"))
    }

    /// It is for the customer alone.
    pub(super) fn only_private(&self) -> Result<(), Unsayable> {
        if self.public { Err(Unsayable::Unsupported("a public reply")) } else { Ok(()) }
    }

    /// It is for everybody.
    pub(super) fn only_public(&self) -> Result<(), Unsayable> {
        if self.public { Ok(()) } else { Err(Unsayable::Unsupported("a private reply")) }
    }

    /// It says what it says.
    pub(super) fn no_template(&self) -> Result<(), Unsayable> {
        if self.template.is_some() { Err(Unsayable::Unsupported("a template")) } else { Ok(()) }
    }

    /// It is an answer within the reply window.
    pub(super) fn no_tag(&self) -> Result<(), Unsayable> {
        if self.tag.is_some() { Err(Unsayable::Unsupported("a message tag")) } else { Ok(()) }
    }

    /// It has no files.
    pub(super) fn no_files(&self) -> Result<(), Unsayable> {
        if self.files.is_empty() { Ok(()) } else { Err(Unsayable::File("no files can be sent here")) }
    }

    /// The one file that it is, if it is one.
    pub(super) fn file(&self) -> Result<Option<&'a File>, Unsayable> {
        match self.files {
            [] => Ok(None),
            [file] if self.text.is_empty() || self.template.is_some() => Ok(Some(file)),
            [_] => Err(Unsayable::File("words and a file in one message")),
            _ => Err(Unsayable::File("several files in one message")),
        }
    }

    /// None of the three.
    pub(super) fn only_text(&self) -> Result<(), Unsayable> {
        self.no_template()?;
        self.no_tag()?;
        self.no_files()
    }
}
