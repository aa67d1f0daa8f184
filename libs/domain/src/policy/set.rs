//! A whole set of documents that fit together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Document, Key, Level};

/// The field of a cascading document that names what lower levels may not set.
pub(super) const LOCKED: &str = "locked";

/// A whole set of documents that fit together, or those that the log says are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(BTreeMap<Key, Document>);

impl Set {
    /// The document of this kind with this id.
    pub fn document(&self, kind: &str, id: &str) -> Option<&Document> {
        self.0.get(&Key::new(kind, id))
    }

    /// The documents of this kind, in the order of their ids.
    pub fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Document> {
        self.0
            .range(Key::new(kind, "")..)
            .map(|(_, document)| document)
            .take_while(move |d| &*d.key().kind == kind)
    }

    /// All documents.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.0.values()
    }

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Document> {
        self.0.get(key)
    }

    pub(super) fn put(&mut self, document: Document) {
        self.0.insert(document.key().clone(), document);
    }

    pub(super) fn remove(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// The levels above `level`, the global one first.
    pub(super) fn above(&self, level: &Level) -> Vec<Level> {
        let region = match level {
            Level::Global => return Vec::new(),
            Level::Region(region) => self.parent(region.as_str()),
            Level::Team(team) => self.text_of("team", team.as_str(), "region"),
        };
        let mut levels: Vec<Level> = region
            .map_or_else(Vec::new, |region| self.lineage(region))
            .into_iter()
            .filter_map(|region| format!("region/{region}").parse().ok())
            .collect();
        levels.push(Level::Global);
        levels.reverse();
        levels
    }

    /// A region and the regions above it, nearest first. Where regions stand in a circle it ends before it begins again.
    pub(crate) fn lineage<'s>(&'s self, region: &'s str) -> Vec<&'s str> {
        let mut lineage = Vec::new();
        let mut next = Some(region);
        while let Some(region) = next.filter(|region| !lineage.contains(region)) {
            lineage.push(region);
            next = self.parent(region);
        }
        lineage
    }

    fn parent(&self, region: &str) -> Option<&str> {
        self.text_of("region", region, "parent")
    }

    fn text_of(&self, kind: &str, id: &str, field: &str) -> Option<&str> {
        self.document(kind, id)?.body().get(field)?.as_str()
    }
}

/// The paths that a document locks for the levels below it.
pub(super) fn locks(document: &Document) -> BTreeSet<&str> {
    let locks = document.body().get(LOCKED).and_then(Value::as_array);
    locks.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a lock holds for a path: the field itself, or a member of it.
pub(super) fn covers(lock: &str, path: &str) -> bool {
    path.strip_prefix(lock).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
