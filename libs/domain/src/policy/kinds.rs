//! The kinds of documents. To add one: a file that declares it, and its line here.

use std::{any::Any, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    account, agent, assignment, calendar, case, channel, organisation,
    problem::Fault,
    queue, routing_rule,
    schema::{Field, Shape},
    set::Set,
    sla,
};
use crate::stored::Fields;

/// Every kind; what one refers to stands before it.
pub(super) const ALL: &[&Kind] = &[
    &calendar::KIND,
    &organisation::REGION,
    &organisation::TEAM,
    &organisation::PERSON,
    &channel::KIND,
    &account::KIND,
    &case::KIND,
    &sla::KIND,
    &agent::SKILL,
    &queue::KIND,
    &agent::KIND,
    &assignment::KIND,
    &routing_rule::KIND,
];

/// A kind of documents.
pub(super) struct Kind {
    /// The name of its tables in files.
    pub(super) name: &'static str,
    /// Under which name it is shown together with others.
    pub(super) group: &'static str,
    /// Whether it stands at a level instead of having an id.
    pub(super) cascades: bool,
    /// What holds where no level says anything, by field, as it would be written; nothing of a kind that does not cascade.
    pub(super) defaults: fn() -> Fields,
    /// Its fields, without the id or level.
    pub(super) fields: &'static [Field],
    /// What its fields mean: [`view`] of its type.
    pub(super) view: View,
    /// What else must hold, given the whole set.
    pub(super) check: fn(&Set, id: &str, body: &Fields) -> Vec<Fault>,
}

type View = fn(&str, &Fields) -> Option<Arc<dyn Any + Send + Sync>>;

/// The names of all kinds, as tables are called in files.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|kind| kind.name)
}

/// The kind of this name.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

/// Reads a document as a `T`, whose field `id` is the document's.
pub(super) fn view<T: DeserializeOwned + Any + Send + Sync>(
    id: &str,
    body: &Fields,
) -> Option<Arc<dyn Any + Send + Sync>> {
    let mut fields = body.clone();
    fields.insert("id".into(), id.into());
    serde_json::from_value::<T>(Value::Object(fields)).ok().map(|view| Arc::new(view) as _)
}

impl Kind {
    /// The field that names a document.
    pub(super) const fn id_field(&self) -> &'static str {
        if self.cascades { "level" } else { "id" }
    }

    /// Whether each member of a field is a setting of its own.
    pub(super) fn is_map(&self, field: &str) -> bool {
        self.fields.iter().any(|known| known.name == field && matches!(known.shape, Shape::Map(..)))
    }
}
