//! The policy in force.

use std::collections::BTreeMap;

use super::{
    Action, Command, Event,
    document::{Document, Key},
    kinds,
    set::Set,
};
use crate::decider::Decider;

/// The policy in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    set: Set,
    puts: BTreeMap<Key, Put>,
    /// How many events there were.
    ordinal: u64,
    /// How many of them are stamped, and with which position the last ones were.
    stamped: u64,
    position: u64,
}

/// When a document was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Put {
    ordinal: u64,
    position: u64,
}

/// Why an apply is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An empty set would remove everything: much rather, the wrong folder was given.
    #[error(
        "there is no document in these files, and applying them would remove all {0} that are in force; check the folder"
    )]
    NothingToApply(usize),
}

impl State {
    /// The documents in force.
    pub const fn set(&self) -> &Set {
        &self.set
    }

    /// Says that the events since the last stamp stand in the entry at `position`: a fold knows no positions, its reader
    /// does.
    pub fn stamp(&mut self, position: u64) {
        for put in self.puts.values_mut().filter(|put| put.ordinal > self.stamped) {
            put.position = position;
        }
        self.stamped = self.ordinal;
        self.position = position;
    }

    /// Position of the last entry, as far as its reader stamped it: the version of the policy.
    pub const fn version(&self) -> u64 {
        self.position
    }

    /// Position of the entry that put a document, if its reader stamped it.
    pub fn version_of(&self, document: &Key) -> Option<u64> {
        self.puts.get(document).map(|put| put.position).filter(|position| *position != 0)
    }

    /// Which event put a document, counted from 1.
    pub fn ordinal_of(&self, document: &Key) -> Option<u64> {
        self.puts.get(document).map(|put| put.ordinal)
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "policy";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Error> {
        match action {
            Action::Apply { set } if set.is_empty() && !self.set.is_empty() => {
                Err(Error::NothingToApply(self.set.len()))
            }
            Action::Apply { set } => {
                let changed =
                    set.documents().filter(|document| self.set.get(document.key()) != Some(*document));
                let mut put: Vec<&Document> = changed.collect();
                let mut gone: Vec<&Key> =
                    self.set.documents().map(Document::key).filter(|key| set.get(key).is_none()).collect();
                // What is referred to is put before, and removed after, what refers to it.
                put.sort_by_key(|document| rank(document.key()));
                gone.sort_by_key(|key| rank(key));
                gone.reverse();
                let puts = put.into_iter().map(|document| Event::DocumentPut {
                    at,
                    kind: document.key().kind.to_string(),
                    id: document.key().id.to_string(),
                    body: document.body().clone(),
                });
                let removals = gone.into_iter().map(|key| Event::DocumentRemoved {
                    at,
                    kind: key.kind.to_string(),
                    id: key.id.to_string(),
                });
                Ok(puts.chain(removals).collect())
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        self.ordinal += 1;
        match event {
            Event::DocumentPut { kind, id, body, .. } => {
                let key = Key::new(kind, id);
                self.puts.insert(key.clone(), Put { ordinal: self.ordinal, position: 0 });
                self.set.put(Document::new(key, body.clone()));
            }
            Event::DocumentRemoved { kind, id, .. } => {
                let key = Key::new(kind, id);
                self.puts.remove(&key);
                self.set.remove(&key);
            }
        }
        self
    }
}

/// The place of a document's kind among the kinds.
pub(super) fn rank(key: &Key) -> usize {
    kinds::names().position(|name| name == &*key.kind).unwrap_or(usize::MAX)
}
