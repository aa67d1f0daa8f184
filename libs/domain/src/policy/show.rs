//! Showing the policy: what is in force and why, and what an apply would change.

use serde_json::Value;

use super::{
    cascade::{self, Setting},
    document::{Document, Key, Level},
    kinds::{self, Kind},
    problem::suggest,
    set::{Set, covers, locks},
    state::{State, rank},
};
use crate::ids::{RegionId, TeamId};

/// The longest path that is asked for, in bytes. None that leads anywhere is as long.
pub const PATH_BYTES_MAX: usize = 512;

/// A field in force, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// `account/support-mail.tier`, `case.reopen_window`.
    pub path: String,
    /// What was written.
    pub value: Value,
    /// The level that set it; [`Level::Global`] for kinds that do not cascade, and none for what holds by default.
    pub level: Option<Level>,
    /// The level that locked it, if one did.
    pub locked: Option<Level>,
    /// Position of the entry that put it, if its reader stamped it.
    pub version: Option<u64>,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy has nothing at \"{path}\"; {remedy}")]
pub struct UnknownPath {
    /// What was asked for.
    pub path: String,
    /// What to ask for instead.
    pub remedy: String,
}

/// What an apply would do to a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which document.
    pub document: Key,
    /// What becomes of it.
    pub changed: Changed,
    /// The fields that differ.
    pub fields: Vec<String>,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is no longer in force.
    Removed,
}

impl State {
    /// What is in force at `path`, for a team, for a region, or for the whole organisation.
    ///
    /// A path is empty (everything) or `<kind>[/<id>][.<field>[.<name>]]`; `organisation` stands for its three kinds. A
    /// cascading kind is shown as it is in force; with a level as its id (`case/region/emea`), as it is written there.
    pub fn show(
        &self,
        path: &str,
        region: Option<&RegionId>,
        team: Option<&TeamId>,
    ) -> Result<Vec<Shown>, UnknownPath> {
        let (document, field) =
            path.split_once('.').map_or((path, ""), |(document, field)| (document, field));
        let (kind, id) = document.split_once('/').map_or((document, ""), |(kind, id)| (kind, id));
        let kinds: Vec<&Kind> = kinds::ALL
            .iter()
            .copied()
            .filter(|k| kind.is_empty() || k.name == kind || k.group == kind)
            .collect();
        if kinds.is_empty() || (kind.is_empty() && !path.is_empty()) {
            return Err(unknown(path, kind, kinds::names(), "the kinds are"));
        }
        if !id.is_empty() && self.set().document(kind, id).is_none() {
            let ids = self.set().of_kind(kind).map(|document| &*document.key().id);
            return Err(unknown(path, id, ids, "its ids are"));
        }
        let mut shown: Vec<Shown> = Vec::new();
        for kind in kinds {
            if kind.cascades && id.is_empty() {
                let effective = self.set().effective(kind.name, region, team);
                let one = |(path, setting)| self.shown(format!("{}.{path}", kind.name), setting);
                shown.extend(
                    effective
                        .0
                        .into_iter()
                        .filter(|(path, _)| covers(field, path) || field.is_empty())
                        .map(one),
                );
            } else {
                let documents = self
                    .set()
                    .of_kind(kind.name)
                    .filter(|document| id.is_empty() || &*document.key().id == id);
                shown.extend(documents.flat_map(|document| self.written(document, field)));
            }
        }
        if shown.is_empty() && !field.is_empty() {
            shown.push(unset(path, kind, id, field)?);
        }
        Ok(shown)
    }

    /// What applying `next` would change, in the order in which it would.
    pub fn changes(&self, next: &Set) -> Vec<Change> {
        let mut changes = Vec::new();
        for document in next.documents() {
            match self.set().get(document.key()) {
                Some(old) if old == document => {}
                Some(old) => changes.push(change(document.key(), Changed::Changed, differing(old, document))),
                None => changes.push(change(document.key(), Changed::Added, cascade::paths(document))),
            }
        }
        for old in self.set().documents().filter(|old| next.get(old.key()).is_none()) {
            changes.push(change(old.key(), Changed::Removed, cascade::paths(old)));
        }
        changes.sort_by_key(|change| (change.changed == Changed::Removed, rank(&change.document)));
        changes
    }

    fn shown(&self, path: String, setting: Setting) -> Shown {
        let Setting { value, level, locked, document } = setting;
        Shown { path, value, level: Some(level), locked, version: self.version_of(&document) }
    }

    /// The fields of one document, as they are written.
    fn written(&self, document: &Document, field: &str) -> Vec<Shown> {
        let key = document.key();
        let level: Level = key.id.parse().unwrap_or(Level::Global);
        let locks = locks(document);
        let settings = cascade::flatten(document).into_iter();
        settings
            .filter(|(path, _)| field.is_empty() || covers(field, path))
            .map(|(path, value)| Shown {
                locked: locks.iter().any(|lock| covers(lock, &path)).then(|| level.clone()),
                path: format!("{key}.{path}"),
                value: value.clone(),
                level: Some(level.clone()),
                version: self.version_of(key),
            })
            .collect()
    }
}

/// What holds in a field that nobody has set.
fn unset(path: &str, kind: &str, id: &str, field: &str) -> Result<Shown, UnknownPath> {
    let kind = kinds::find(kind);
    let fields = || kind.map_or(&[][..], |kind| kind.fields).iter().map(|field| field.name);
    if fields().all(|name| name != field) {
        return Err(unknown(path, field, fields(), "what may be set there is"));
    }
    let default = kind.filter(|_| id.is_empty()).and_then(|kind| (kind.defaults)().remove(field));
    let Some(value) = default else {
        let remedy = "it may be set there, and is not".to_owned();
        return Err(UnknownPath { path: path.to_owned(), remedy });
    };
    Ok(Shown { path: path.to_owned(), value, level: None, locked: None, version: None })
}

fn change(document: &Key, changed: Changed, mut fields: Vec<String>) -> Change {
    fields.sort_unstable();
    fields.dedup();
    Change { document: document.clone(), changed, fields }
}

fn differing(old: &Document, new: &Document) -> Vec<String> {
    let (before, after) = (cascade::flatten(old), cascade::flatten(new));
    let not_in = |list: &[(String, &Value)], one: &(String, &Value)| !list.contains(one);
    let gone = before.iter().filter(|one| not_in(&after, one));
    let come = after.iter().filter(|one| not_in(&before, one));
    let mut paths: Vec<String> = gone.chain(come).map(|(path, _)| path.clone()).collect();
    if locks(old) != locks(new) {
        paths.push(super::set::LOCKED.to_owned());
    }
    paths
}

fn unknown<'a>(
    path: &str,
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
    what_is_known: &str,
) -> UnknownPath {
    UnknownPath { path: path.to_owned(), remedy: suggest(written, known, what_is_known) }
}
