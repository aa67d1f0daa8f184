//! Cascade: what is in force for a region or a team, and where each part of it comes from.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    document::{Document, Key, Level},
    set::{LOCKED, Set, covers, locks},
};
use crate::{
    ids::{RegionId, TeamId},
    stored::Fields,
};

/// One field in force, or one member of a field that is a table of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What was written.
    pub value: Value,
    /// The level that set it.
    pub level: Level,
    /// The level that locked it, if one did.
    pub locked: Option<Level>,
    /// The document that set it.
    pub document: Key,
}

/// Everything that a cascading kind says for one place, by path: `reopen_window`, `fields.order-number`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective(pub BTreeMap<String, Setting>);

impl Effective {
    /// The settings as one body.
    pub fn body(&self) -> Fields {
        let mut body = Fields::new();
        for (path, setting) in &self.0 {
            let Some((field, member)) = path.split_once('.') else {
                body.insert(path.clone(), setting.value.clone());
                continue;
            };
            let members = body.entry(field).or_insert_with(|| Value::Object(Fields::new()));
            if let Value::Object(members) = members {
                members.insert(member.to_owned(), setting.value.clone());
            }
        }
        body
    }

    /// The settings as their kind's type; its default if they cannot be read, which no checked set brings about.
    pub fn read<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_value(Value::Object(self.body())).unwrap_or_default()
    }
}

impl Set {
    /// What documents of `kind` say for a team, for a region, or for the whole organisation if neither is given. A team
    /// brings its region along.
    pub fn effective(&self, kind: &str, region: Option<&RegionId>, team: Option<&TeamId>) -> Effective {
        let level = match (region, team) {
            (_, Some(team)) => Level::Team(team.clone()),
            (Some(region), None) => Level::Region(region.clone()),
            (None, None) => Level::Global,
        };
        self.effective_at(kind, &level)
    }

    pub(super) fn effective_at(&self, kind: &str, level: &Level) -> Effective {
        let mut settings: BTreeMap<String, Setting> = BTreeMap::new();
        let mut locked: Vec<(&str, Level)> = Vec::new();
        for level in self.above(level).into_iter().chain([level.clone()]) {
            let Some(document) = self.document(kind, &level.to_string()) else { continue };
            for (path, value) in flatten(document) {
                // A checked set never sets what is locked above; one from the log is no reason to break a lock.
                if locked.iter().any(|(lock, _)| covers(lock, &path)) {
                    continue;
                }
                let setting = Setting {
                    value: value.clone(),
                    level: level.clone(),
                    locked: None,
                    document: document.key().clone(),
                };
                settings.insert(path, setting);
            }
            locked.extend(locks(document).into_iter().map(|lock| (lock, level.clone())));
        }
        for (path, setting) in &mut settings {
            let lock = locked.iter().find(|(lock, _)| covers(lock, path));
            setting.locked = lock.map(|(_, level)| level.clone());
        }
        Effective(settings)
    }
}

/// The settings of one document: its fields, and of a field that is a table of names each member.
pub(super) fn flatten(document: &Document) -> Vec<(String, &Value)> {
    let kind = document.kind();
    let mut settings = Vec::new();
    for (field, value) in document.body().iter().filter(|(field, _)| *field != LOCKED) {
        match value {
            Value::Object(members) if kind.is_some_and(|kind| kind.is_map(field)) => {
                settings.extend(members.iter().map(|(name, value)| (format!("{field}.{name}"), value)));
            }
            value => settings.push((field.clone(), value)),
        }
    }
    settings
}

/// What a document sets.
pub(super) fn paths(document: &Document) -> Vec<String> {
    flatten(document).into_iter().map(|(path, _)| path).collect()
}
