//! What an entry's body says beside its events: who, why, when. JSON, as `contract.md` fixes it.

use domain::{actor::Actor, time::Timestamp};
use eventlog::Entry;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The version of the envelope itself.
pub const VERSION: u32 = 1;

/// Where an entry came from. What sends, routes, times, notifies or surveys ignores `import`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It happened while we were running.
    #[default]
    Live,
    /// It happened before, elsewhere, and was loaded.
    Import,
    /// It was written again from an older log.
    Rebuild,
}

/// The command that an entry is the effect of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandStamp {
    /// As the caller gave it.
    pub id: Uuid,
    /// Keyed digest of its payload: the same id with another payload is refused.
    pub digest: String,
}

/// The body of an entry. `E` is the category's event type, or [`serde_json::Value`] for a reader of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope<E> {
    /// [`VERSION`].
    pub v: u32,
    /// The entry's id.
    pub id: Uuid,
    /// The entry's stream.
    pub stream: String,
    /// The site that wrote it.
    pub site: String,
    /// The region that the subject of the entry belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Live, imported or rebuilt.
    pub origin: Origin,
    /// When it was written; never earlier than its predecessor in the stream.
    pub recorded_at: Timestamp,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// For whom, where somebody acts for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Why: a stable code, never free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The entry that this one reacts to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// The entry at the beginning of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// Position of the last policy entry at the time of the decision; 0 = none.
    pub policy_version: u64,
    /// The command.
    pub command: CommandStamp,
    /// What happened, in order; all of it or none.
    pub events: Vec<E>,
}

/// An entry whose body cannot be read by this version.
#[derive(Clone, Debug, thiserror::Error)]
#[error("entry {position} of {stream} cannot be read: {reason}")]
pub struct Unreadable {
    /// Its position in the log.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// What the decoder said; it names a field, never a value.
    pub reason: String,
}

impl<E> Envelope<E> {
    /// The same with other events.
    pub(crate) fn with<F>(self, events: Vec<F>) -> Envelope<F> {
        let Self { v, id, stream, site, region, origin, recorded_at, occurred_at, .. } = self;
        let Self { actor, on_behalf_of, reason, request_id, causation, correlation, .. } = self;
        let Self { policy_version, command, .. } = self;
        Envelope {
            v,
            id,
            stream,
            site,
            region,
            origin,
            recorded_at,
            occurred_at,
            actor,
            on_behalf_of,
            reason,
            request_id,
            causation,
            correlation,
            policy_version,
            command,
            events,
        }
    }
}

impl<E: DeserializeOwned> Envelope<E> {
    /// Reads the body of an entry.
    pub fn of(entry: &Entry) -> Result<Self, Unreadable> {
        read(entry)
    }
}

/// What an entry hands on to those that it causes.
#[derive(Clone, Debug, Deserialize)]
pub struct Cause {
    /// Its id.
    pub id: Uuid,
    /// The region that its subject belongs to.
    #[serde(default)]
    pub region: Option<String>,
    /// Whether it is of our time.
    #[serde(default)]
    pub origin: Origin,
    /// The request at the beginning of the chain.
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    correlation: Option<Uuid>,
}

impl Cause {
    /// Reads the head of an entry, whatever its events are.
    pub fn of(entry: &Entry) -> Result<Self, Unreadable> {
        read(entry)
    }

    /// The entry at the beginning of the chain.
    pub fn first(&self) -> Uuid {
        self.correlation.unwrap_or(self.id)
    }
}

/// What a reader wants of an entry's body: all of it, or only some members.
pub(crate) fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, Unreadable> {
    serde_json::from_slice(&entry.body).map_err(|error| unreadable(entry, &error))
}

/// Whether `text` stands anywhere in the body of an entry: a glance that spares to read it.
pub fn contains(body: &[u8], text: &str) -> bool {
    // Searching a text is much faster than comparing at every byte.
    std::str::from_utf8(body).is_ok_and(|body| body.contains(text))
}

fn unreadable(entry: &Entry, error: &serde_json::Error) -> Unreadable {
    // The decoder's own text may quote a value; only its kind and place are repeated.
    let reason = format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
    Unreadable { position: entry.position.0, stream: entry.stream.to_string(), reason }
}
