//! What must be true before a case is resolved, and what a command may bring.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    FIELDS_MAX, TAGS_MAX,
    error::Error,
    state::Case,
    values::{FieldValue, Guards, Opening, Waiver},
};
use crate::{
    ids::{ChecklistItemId, FieldId, MessageId, Tag},
    personal::Personal,
};

impl Case {
    /// Refuses to resolve while something that the policy asks for is missing.
    pub(super) fn may_be_resolved(&self, guards: &Guards, waivers: &[Waiver]) -> Result<(), Error> {
        let missing = |field: &&FieldId| !self.fields.contains_key(*field);
        let fields: BTreeSet<_> = guards.required_fields.iter().filter(missing).cloned().collect();
        if !fields.is_empty() {
            return Err(Error::RequiredFieldsMissing { fields });
        }
        if guards.category_required && self.category.is_none() {
            return Err(Error::CategoryMissing);
        }
        if guards.assignee_required && self.assignee.is_none() {
            return Err(Error::AssigneeMissing);
        }
        let undone = |item: &&ChecklistItemId| !self.ticked.contains_key(*item);
        let items: BTreeSet<_> = guards.required_items.iter().filter(undone).cloned().collect();
        if !items.is_empty() {
            return Err(Error::ChecklistOpen { items });
        }
        let places = self.places_unexcused(waivers);
        if guards.closing_posts_required && !places.is_empty() {
            return Err(Error::ClosingPostMissing { places });
        }
        Ok(())
    }

    /// Whether the customer wrote after the message that the author had seen. `None` is no claim.
    pub(super) fn stale(&self, seen: Option<&MessageId>) -> Result<Option<MessageId>, Error> {
        let Some(seen) = seen else { return Ok(None) };
        let known = match self.messages.get(seen) {
            Some(known) => known.ordinal,
            // It may be a message of a case that was merged into this one, which joined when that did.
            None if !self.absorbed.is_empty() => self.absorbed_last,
            None => return Err(Error::MessageNotInCase { messages: BTreeSet::from([seen.clone()]) }),
        };
        let latest = self.latest_message.as_ref().and_then(|id| Some((id, self.messages.get(id)?)));
        Ok(latest.filter(|(_, latest)| latest.ordinal > known).map(|(id, _)| id.clone()))
    }

    pub(super) fn tags_fit(&self, added: &BTreeSet<Tag>) -> Result<(), Error> {
        fits("tags of a case", self.own_tags.len() + added.len(), TAGS_MAX)
    }

    pub(super) fn fields_fit(&self, changed: &BTreeMap<FieldId, Option<FieldValue>>) -> Result<(), Error> {
        let added =
            changed.iter().filter(|(field, value)| value.is_some() && !self.fields.contains_key(*field));
        fits("fields of a case", self.fields.len() + added.count(), FIELDS_MAX)?;
        changed.values().flatten().try_for_each(value_fits)
    }
}

/// Refuses what is more than there may be.
pub(super) fn fits(what: &'static str, count: usize, max: usize) -> Result<(), Error> {
    if count <= max { Ok(()) } else { Err(Error::LimitExceeded { what, max }) }
}

/// Refuses one more of what the case has as many of as it may have.
pub(super) fn has_room(what: &'static str, count: usize, max: usize) -> Result<(), Error> {
    if count < max { Ok(()) } else { Err(Error::Full { what, max }) }
}

/// Refuses a text that is too long. A sealed one was measured before it was sealed.
pub(super) fn text_fits(what: &'static str, text: &Personal, max: usize) -> Result<(), Error> {
    fits(what, text.as_open().map_or(0, str::len), max)
}

pub(super) fn opening_fits(opening: &Opening) -> Result<(), Error> {
    fits("fields of a case", opening.fields.len(), FIELDS_MAX)?;
    opening.fields.values().try_for_each(value_fits)?;
    opening.title.iter().try_for_each(|title| text_fits("bytes of a title", title, super::TITLE_LEN_MAX))
}

fn value_fits(value: &FieldValue) -> Result<(), Error> {
    const WHAT: &str = "bytes of a field";
    match value {
        FieldValue::Text(text) => fits(WHAT, text.len(), FieldValue::TEXT_LEN_MAX),
        FieldValue::Personal(text) => text_fits(WHAT, text, FieldValue::TEXT_LEN_MAX),
        FieldValue::Number(_) | FieldValue::Bool(_) | FieldValue::Date(_) | FieldValue::Choice(_) => Ok(()),
    }
}
