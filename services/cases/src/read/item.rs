//! An entry as the read model wants it: typed, and opened where there was something sealed.

use domain::{case, customer, links, message};
use eventlog::{Entry, StreamId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::envelope::{Envelope, Unreadable, contains};
use vault::{Events, Vault};

/// The four categories that cases are made of.
pub enum Body {
    /// An entry of a case.
    Case(Envelope<case::Event>),
    /// An entry of a message.
    Message(Envelope<message::Event>),
    /// An entry of a customer.
    Customer(Envelope<customer::Event>),
    /// An entry about two cases.
    Links(Envelope<links::Event>),
}

/// An entry of one of them.
pub struct Item {
    /// Its stream.
    pub stream: StreamId,
    /// What it says, sealed as it is.
    pub body: Body,
    /// Its events as JSON, if anything in them is sealed.
    sealed: Vec<Value>,
}

impl Item {
    /// Reads an entry.
    pub fn read(entry: &Entry) -> Result<Self, Unreadable> {
        let body = match entry.stream.category() {
            "case" => Body::Case(Envelope::of(entry)?),
            "message" => Body::Message(Envelope::of(entry)?),
            "customer" => Body::Customer(Envelope::of(entry)?),
            "links" => Body::Links(Envelope::of(entry)?),
            other => {
                let reason = format!("category {other} is not one of cases");
                return Err(Unreadable {
                    position: entry.position.0,
                    stream: entry.stream.to_string(),
                    reason,
                });
            }
        };
        // The word can stand in a text too: then the entry is looked at for nothing.
        let sealed = contains(&entry.body, "\"sealed\"");
        let sealed = if sealed { Envelope::<Value>::of(entry)?.events } else { Vec::new() };
        Ok(Self { stream: entry.stream.clone(), body, sealed })
    }

    /// The events of this entry with personal values opened, or `None` if nothing was sealed.
    pub fn opened<E: DeserializeOwned>(&self) -> Option<Vec<E>> {
        if self.sealed.is_empty() {
            return None;
        }
        self.sealed.iter().map(|event| E::deserialize(event).ok()).collect()
    }

    /// The id of the entry.
    pub fn entry_id(&self) -> uuid::Uuid {
        match &self.body {
            Body::Case(envelope) => envelope.id,
            Body::Message(envelope) => envelope.id,
            Body::Customer(envelope) => envelope.id,
            Body::Links(envelope) => envelope.id,
        }
    }
}

/// Opens what is sealed in `items`, with one question to the key store. What cannot be opened stays sealed.
pub async fn open(vault: &Vault, items: &mut [Item]) -> Result<(), vault::Error> {
    let ids: Vec<_> = items.iter().map(Item::entry_id).collect();
    let mut entries: Vec<_> = items
        .iter_mut()
        .zip(ids)
        .filter(|(item, _)| !item.sealed.is_empty())
        .map(|(item, entry_id)| Events { stream: item.stream.as_str(), entry_id, events: &mut item.sealed })
        .collect();
    for outcome in vault.open_many(&mut entries).await? {
        if let Err(error) = outcome {
            tracing::error!(%error, "a sealed value cannot be opened");
        }
    }
    Ok(())
}
