//! Values that belong to a person.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A personal value, and whose it is.
///
/// The rules never look inside: they carry it from the command to the event. After the decision and before the append
/// the vault seals what is open; a value that was erased stays erased. In JSON exactly one of
/// `{"subject":"…","open":"text"}`, `{"subject":"…","sealed":"<key id>.<nonce>.<ciphertext>"}`,
/// `{"subject":"…","erased":true}`.
///
/// An agent's free text about a case (a note, a reason) is personal too: its subject is the case's customer identity
/// or, while the case has none, `case-<id>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Personal {
    /// Whose key seals it: an identity, or `case-<id>`.
    pub subject: Arc<str>,
    /// The value, as far as the holder may see it.
    pub value: Value,
}

/// What is left of a personal value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// In plain text: only between a caller and the vault, never in the log.
    Open(Arc<str>),
    /// Encrypted: opaque.
    Sealed(Arc<str>),
    /// The key is destroyed.
    Erased,
}

impl Personal {
    /// The longest subject, in bytes.
    pub const SUBJECT_LEN_MAX: usize = 128;

    /// A value in plain text.
    pub fn open(subject: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { subject: subject.into(), value: Value::Open(text.into()) }
    }

    /// A value that the vault sealed.
    pub fn sealed(subject: impl Into<Arc<str>>, ciphertext: impl Into<Arc<str>>) -> Self {
        Self { subject: subject.into(), value: Value::Sealed(ciphertext.into()) }
    }

    /// A value whose key is destroyed.
    pub fn erased(subject: impl Into<Arc<str>>) -> Self {
        Self { subject: subject.into(), value: Value::Erased }
    }

    /// The plain text, if this holder may see it.
    pub fn as_open(&self) -> Option<&str> {
        match &self.value {
            Value::Open(text) => Some(text),
            Value::Sealed(_) | Value::Erased => None,
        }
    }
}

impl fmt::Display for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.value {
            Value::Open(text) => text,
            Value::Sealed(_) => "[sealed]",
            Value::Erased => "[erased]",
        })
    }
}

/// Without the text: what is printed for debugging ends in log lines.
impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match &self.value {
            Value::Open(_) => "[open]",
            Value::Sealed(_) => "[sealed]",
            Value::Erased => "[erased]",
        };
        write!(f, "Personal({}, {value})", self.subject)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "[open]",
            Self::Sealed(_) => "[sealed]",
            Self::Erased => "[erased]",
        })
    }
}

/// Not exactly one of `open`, `sealed` and `erased: true`, or a subject of a wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a personal value has a subject of 1 to 128 bytes and exactly one of open, sealed, erased: true")]
pub struct Invalid;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
}

impl From<Personal> for Wire {
    fn from(personal: Personal) -> Self {
        let wire = Self { subject: personal.subject.to_string(), open: None, sealed: None, erased: None };
        match personal.value {
            Value::Open(text) => Self { open: Some(text.to_string()), ..wire },
            Value::Sealed(ciphertext) => Self { sealed: Some(ciphertext.to_string()), ..wire },
            Value::Erased => Self { erased: Some(true), ..wire },
        }
    }
}

impl TryFrom<Wire> for Personal {
    type Error = Invalid;

    fn try_from(wire: Wire) -> Result<Self, Invalid> {
        let value = match (wire.open, wire.sealed, wire.erased) {
            (Some(text), None, None) => Value::Open(text.into()),
            (None, Some(ciphertext), None) => Value::Sealed(ciphertext.into()),
            (None, None, Some(true)) => Value::Erased,
            _ => return Err(Invalid),
        };
        if !(1..=Self::SUBJECT_LEN_MAX).contains(&wire.subject.len()) {
            return Err(Invalid);
        }
        Ok(Self { subject: wire.subject.into(), value })
    }
}

#[cfg(test)]
mod tests;
