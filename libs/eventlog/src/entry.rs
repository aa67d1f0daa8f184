use std::{fmt, str::FromStr, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

use crate::{AppendError, Error, InvalidName};

/// The place of an entry in its site's log, and the version of a stream (the position of its last entry).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first entry: an empty stream, or "from the beginning".
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a stream is about: `case`, `message`, `policy`. Lower-case letters, digits and `_`, 1 to 32 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(Arc<str>);

impl Category {
    /// The longest name that every backend can carry, in bytes.
    pub const LEN_MAX: usize = 32;

    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if is_category(name) { Ok(Self(name.into())) } else { Err(InvalidName::category()) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a stream: `<category>-<id>`, where the id is 1 to 128 of `A–Z a–z 0–9 _ - =`.
///
/// What one backend cannot carry (a space, `.`, `*`, `>`) no backend is ever given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    name: Arc<str>,
    category_len: u8,
}

impl StreamId {
    /// The longest id that every backend can carry, in bytes.
    pub const ID_LEN_MAX: usize = 128;

    /// The stream of `category` with this id.
    pub fn new(category: &Category, id: impl fmt::Display) -> Result<Self, InvalidName> {
        format!("{category}-{id}").parse()
    }

    /// `<category>-<id>`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What stands before the first hyphen.
    pub fn category(&self) -> &str {
        &self.name[..usize::from(self.category_len)]
    }

    /// What stands after the first hyphen.
    pub fn id(&self) -> &str {
        &self.name[usize::from(self.category_len) + 1..]
    }
}

impl FromStr for StreamId {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let (category, id) = name.split_once('-').ok_or_else(InvalidName::stream)?;
        if !is_category(category) {
            return Err(InvalidName::category());
        }
        if !is_id(id) {
            return Err(InvalidName::stream());
        }
        #[expect(clippy::cast_possible_truncation, reason = "a category has at most 32 bytes")]
        Ok(Self { name: name.into(), category_len: category.len() as u8 })
    }
}

fn is_category(name: &str) -> bool {
    (1..=Category::LEN_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_id(id: &str) -> bool {
    (1..=StreamId::ID_LEN_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'='))
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An entry on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Unique in the site; derived from (stream, command id), so that a retry is the same entry.
    pub id: Uuid,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// W3C trace context of the writer, if there is one: at most [`NewEntry::TRACEPARENT_MAX`] visible ASCII.
    pub traceparent: Option<String>,
    /// At most [`NewEntry::BODY_MAX`] bytes of anything.
    pub body: Bytes,
}

impl NewEntry {
    /// The longest body, in bytes. What is larger belongs into a blob store.
    pub const BODY_MAX: usize = 256 * 1024;

    /// The longest trace context, in bytes. The format's own length is 55.
    pub const TRACEPARENT_MAX: usize = 128;

    /// What every backend does first: what one could not carry, none is given.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        if self.body.len() > Self::BODY_MAX {
            return Err(AppendError::TooLarge(self.body.len()));
        }
        let is_text = |text: &String| {
            (1..=Self::TRACEPARENT_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !self.traceparent.as_ref().is_none_or(is_text) {
            return Err(Error::Unusable("an entry with a trace context that is none".into()).into());
        }
        Ok(())
    }
}

/// An entry that is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// As given at the append.
    pub id: Uuid,
    /// As given at the append.
    pub stream: StreamId,
    /// As given at the append.
    pub traceparent: Option<String>,
    /// As given at the append.
    pub body: Bytes,
}

impl Entry {
    pub(crate) fn is_of(&self, categories: &[Category]) -> bool {
        categories.is_empty() || categories.iter().any(|category| category.as_str() == self.stream.category())
    }
}
