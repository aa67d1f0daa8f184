//! Documents: what they are called, where they stand and what is in them.

use std::{any::Any, fmt, str::FromStr, sync::Arc};

use super::kinds::{self, Kind};
use crate::{
    ids::{Invalid, RegionId, TeamId},
    stored::Fields,
};

/// What a document is called: `<kind>/<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Arc<str>,
    /// Its id; the level, if its kind cascades.
    pub id: Arc<str>,
}

/// Where a document of a cascading kind stands: `global`, `region/emea`, `team/billing`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The whole organisation.
    Global,
    /// A region and all below it.
    Region(RegionId),
    /// A team.
    Team(TeamId),
}

/// A document as it was written, before anything is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its kind, as it was written.
    pub kind: String,
    /// Its fields, the id or level among them.
    pub fields: Fields,
}

/// A document in force.
#[derive(Clone)]
pub struct Document {
    key: Key,
    body: Arc<Fields>,
    view: Option<Arc<dyn Any + Send + Sync>>,
}

impl Key {
    /// The key of the document of this kind with this id.
    pub fn new(kind: &str, id: &str) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl Document {
    /// A document that was checked, or that the log says is in force.
    pub(super) fn new(key: Key, body: Fields) -> Self {
        let view = kinds::find(&key.kind).and_then(|kind| (kind.view)(&key.id, &body));
        Self { key, body: Arc::new(body), view }
    }

    /// What it is called.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Its fields, as they were written, without the id or level.
    pub fn body(&self) -> &Fields {
        &self.body
    }

    /// What its fields mean, if its kind is read as `T`.
    pub fn view<T: 'static>(&self) -> Option<&T> {
        self.view.as_ref()?.downcast_ref()
    }

    /// Whether its fields could be read as its kind wants them.
    pub(super) const fn is_read(&self) -> bool {
        self.view.is_some()
    }

    pub(super) fn kind(&self) -> Option<&'static Kind> {
        kinds::find(&self.key.kind)
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.body == other.body
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("key", &self.key).field("body", &self.body).finish_non_exhaustive()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Region(region) => write!(f, "region/{region}"),
            Self::Team(team) => write!(f, "team/{team}"),
        }
    }
}

impl FromStr for Level {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once('/') {
            None if text == "global" => Ok(Self::Global),
            Some(("region", id)) => RegionId::new(id).map(Self::Region),
            Some(("team", id)) => TeamId::new(id).map(Self::Team),
            _ => Err(Invalid { what: "a level", rule: "global, region/<id> or team/<id>" }),
        }
    }
}
