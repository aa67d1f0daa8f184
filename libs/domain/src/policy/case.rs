//! Rules of cases: which fields they have, what a resolution needs, how long they may come back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, json};

use super::{
    document::Level,
    kinds::{Kind, view},
    problem::{Fault, suggest},
    schema::{
        self,
        Shape::{Bool, Checked, Duration, List, Map, OneOf, Ref, Table, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    case::{CycleRule, FieldValue, Guards, Priority, Status},
    ids::{CalendarId, CategoryId, ChecklistItemId, FieldId, ReasonCode, RegionId, StatusLabel, Tag, TeamId},
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "case",
    group: "case",
    cascades: true,
    defaults,
    fields: &[
        optional("calendar", Ref("calendar")),
        optional("reopen_window", Duration(WINDOW_MAX_S)),
        optional("reopen_cycle", OneOf(&["continue", "restart"])),
        optional("auto_close_after", Duration(WINDOW_MAX_S)),
        optional("closing_post", OneOf(&["required", "optional"])),
        optional("assignee_required", Bool),
        optional("category_required", Bool),
        optional("required_fields", List(&Checked(field_id))),
        optional(
            "fields",
            Map(
                field_id,
                &Table(&[
                    required("name", Text(NAME_LEN_MAX)),
                    required("type", OneOf(&["text", "number", "bool", "date", "choice"])),
                    optional("choices", List(&Checked(|text| ReasonCode::new(text).map(drop)))),
                    optional("personal", Bool),
                ]),
            ),
        ),
        optional("priorities", List(&OneOf(&["low", "normal", "high", "urgent"]))),
        optional(
            "categories",
            Map(
                |text| CategoryId::new(text).map(drop),
                &Table(&[
                    required("name", Text(NAME_LEN_MAX)),
                    optional("required_fields", List(&Checked(field_id))),
                ]),
            ),
        ),
        optional("category_vocabulary", OneOf(&VOCABULARY)),
        optional("tags", List(&Checked(|text| Tag::new(text).map(drop)))),
        optional("tag_vocabulary", OneOf(&VOCABULARY)),
        optional("resolutions", List(&Checked(|text| ReasonCode::new(text).map(drop)))),
        optional("resolution_vocabulary", OneOf(&VOCABULARY)),
        optional(
            "labels",
            Map(
                |text| StatusLabel::new(text).map(drop),
                &Table(&[
                    required("name", Text(NAME_LEN_MAX)),
                    required("status", OneOf(&["new", "open", "pending", "on_hold", "resolved", "closed"])),
                ]),
            ),
        ),
        optional(
            "checklist",
            Map(
                |text| ChecklistItemId::new(text).map(drop),
                &Table(&[required("text", Text(TEXT_LEN_MAX)), optional("required", Bool)]),
            ),
        ),
    ],
    view: view::<Rules>,
    check,
};

const VOCABULARY: [&str; 2] = ["free", "closed"];
const NAME_LEN_MAX: usize = 200;
const TEXT_LEN_MAX: usize = 1_000;
const DAY_S: i64 = 24 * 60 * 60;
/// The longest window, in seconds: ten years.
const WINDOW_MAX_S: i64 = 3_650 * DAY_S;
/// The reopen window where the policy names none, in seconds.
const REOPEN_WINDOW_S: i64 = 14 * DAY_S;
/// After how many seconds a resolved case is closed where the policy does not say.
const AUTO_CLOSE_S: i64 = 28 * DAY_S;

/// The rules of cases in one place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// The calendar of whoever has none nearer by; said for the whole organisation only.
    pub calendar: Option<CalendarId>,
    /// For how many seconds after a case was resolved it can come back.
    #[serde(rename = "reopen_window", deserialize_with = "seconds")]
    pub reopen_window_s: i64,
    /// What coming back does to the cycle.
    pub reopen_cycle: CycleRule,
    /// After how many seconds a resolved case is closed for good.
    #[serde(rename = "auto_close_after", deserialize_with = "seconds")]
    pub auto_close_after_s: i64,
    /// Whether every place where the customer posted must have a closing post.
    pub closing_post: ClosingPost,
    /// Whether somebody must be responsible before a case is resolved.
    pub assignee_required: bool,
    /// Whether there must be a category before a case is resolved.
    pub category_required: bool,
    /// Fields that must have a value before a case is resolved, whatever its category.
    pub required_fields: BTreeSet<FieldId>,
    /// The custom fields.
    pub fields: BTreeMap<FieldId, FieldRule>,
    /// The priorities that may be given.
    pub priorities: BTreeSet<Priority>,
    /// The categories.
    pub categories: BTreeMap<CategoryId, CategoryRule>,
    /// Whether there may be others.
    pub category_vocabulary: Vocabulary,
    /// The tags that are suggested.
    pub tags: BTreeSet<Tag>,
    /// Whether there may be others.
    pub tag_vocabulary: Vocabulary,
    /// How a case may end.
    pub resolutions: BTreeSet<ReasonCode>,
    /// Whether it may end otherwise.
    pub resolution_vocabulary: Vocabulary,
    /// The labels above statuses.
    pub labels: BTreeMap<StatusLabel, LabelRule>,
    /// What must be done before a case is resolved.
    pub checklist: BTreeMap<ChecklistItemId, ItemRule>,
}

/// Whether every place where the customer posted must have a closing post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosingPost {
    /// It must, or a reason why not.
    Required,
    /// It may.
    #[default]
    Optional,
}

/// Whether words may be used that are not in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vocabulary {
    /// Any.
    #[default]
    Free,
    /// Only those in the list.
    Closed,
}

/// A custom field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FieldRule {
    /// What it is called.
    pub name: String,
    /// What may stand in it.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// The choices, of a field that has some.
    #[serde(default)]
    pub choices: BTreeSet<ReasonCode>,
    /// Whether it says something about the customer, and is sealed.
    #[serde(default)]
    pub personal: bool,
}

/// What may stand in a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Bool,
    /// A day.
    Date,
    /// One of the choices.
    Choice,
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CategoryRule {
    /// What it is called.
    pub name: String,
    /// Fields that must have a value before a case of this category is resolved, beside the others.
    #[serde(default)]
    pub required_fields: BTreeSet<FieldId>,
}

/// A label above a status.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LabelRule {
    /// What it is called.
    pub name: String,
    /// The status that it stands above.
    pub status: Status,
}

/// An item of the closure checklist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ItemRule {
    /// What is to be done.
    pub text: String,
    /// Whether a case cannot be resolved without it.
    #[serde(default = "yes")]
    pub required: bool,
}

/// Why a value is not taken for a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The policy has no such field.
    #[error("the policy has no field \"{0}\"")]
    UnknownField(FieldId),
    /// The field holds something else.
    #[error("field \"{field}\" holds {expected}")]
    WrongKind {
        /// The field.
        field: FieldId,
        /// What it holds.
        expected: &'static str,
    },
    /// The value is none of the choices.
    #[error("field \"{field}\" has no choice \"{choice}\"")]
    UnknownChoice {
        /// The field.
        field: FieldId,
        /// The choice.
        choice: ReasonCode,
    },
}

impl Set {
    /// The rules of cases for a team, for a region, or for the whole organisation if neither is given.
    pub fn case_rules(&self, region: Option<&RegionId>, team: Option<&TeamId>) -> Rules {
        self.effective(KIND.name, region, team).read()
    }
}

impl Rules {
    /// What must be so before a case of this category is resolved.
    pub fn guards(&self, category: Option<&CategoryId>) -> Guards {
        let of_category = category.and_then(|category| self.categories.get(category));
        let of_category = of_category.map(|rule| &rule.required_fields).into_iter().flatten();
        Guards {
            required_fields: self.required_fields.iter().chain(of_category).cloned().collect(),
            category_required: self.category_required,
            assignee_required: self.assignee_required,
            required_items: self
                .checklist
                .iter()
                .filter(|(_, rule)| rule.required)
                .map(|(id, _)| id.clone())
                .collect(),
            closing_posts_required: self.closing_post == ClosingPost::Required,
        }
    }

    /// The status that a label stands above, if there is such a label.
    pub fn status_of(&self, label: &StatusLabel) -> Option<Status> {
        self.labels.get(label).map(|rule| rule.status)
    }

    /// Whether a case may be given this category.
    pub fn takes_category(&self, category: &CategoryId) -> bool {
        self.category_vocabulary == Vocabulary::Free || self.categories.contains_key(category)
    }

    /// Whether a case may be given this tag.
    pub fn takes_tag(&self, tag: &Tag) -> bool {
        self.tag_vocabulary == Vocabulary::Free || self.tags.contains(tag)
    }

    /// Whether a case may end so.
    pub fn takes_resolution(&self, resolution: &ReasonCode) -> bool {
        self.resolution_vocabulary == Vocabulary::Free || self.resolutions.contains(resolution)
    }

    /// Whether a case may be given this priority.
    pub fn takes_priority(&self, priority: Priority) -> bool {
        self.priorities.contains(&priority)
    }

    /// Whether a field takes a value.
    pub fn check_field(&self, field: &FieldId, value: &FieldValue) -> Result<(), Refused> {
        let rule = self.fields.get(field).ok_or_else(|| Refused::UnknownField(field.clone()))?;
        match (rule.kind, rule.personal, value) {
            (FieldKind::Text, false, FieldValue::Text(_))
            | (FieldKind::Text, true, FieldValue::Personal(_))
            | (FieldKind::Number, _, FieldValue::Number(_))
            | (FieldKind::Bool, _, FieldValue::Bool(_))
            | (FieldKind::Date, _, FieldValue::Date(_)) => Ok(()),
            (FieldKind::Choice, _, FieldValue::Choice(choice)) if rule.choices.contains(choice) => Ok(()),
            (FieldKind::Choice, _, FieldValue::Choice(choice)) => {
                Err(Refused::UnknownChoice { field: field.clone(), choice: choice.clone() })
            }
            (kind, personal, _) => {
                Err(Refused::WrongKind { field: field.clone(), expected: kind.holds(personal) })
            }
        }
    }
}

impl FieldKind {
    const fn holds(self, personal: bool) -> &'static str {
        match (self, personal) {
            (Self::Text, false) => "a text",
            (Self::Text, true) => "a personal text",
            (Self::Number, _) => "a number",
            (Self::Bool, _) => "yes or no",
            (Self::Date, _) => "a day",
            (Self::Choice, _) => "one of its choices",
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            calendar: None,
            reopen_window_s: REOPEN_WINDOW_S,
            reopen_cycle: CycleRule::default(),
            auto_close_after_s: AUTO_CLOSE_S,
            closing_post: ClosingPost::default(),
            assignee_required: false,
            category_required: false,
            required_fields: BTreeSet::new(),
            fields: BTreeMap::new(),
            priorities: BTreeSet::from([Priority::Low, Priority::Normal, Priority::High, Priority::Urgent]),
            categories: BTreeMap::new(),
            category_vocabulary: Vocabulary::default(),
            tags: BTreeSet::new(),
            tag_vocabulary: Vocabulary::default(),
            resolutions: BTreeSet::new(),
            resolution_vocabulary: Vocabulary::default(),
            labels: BTreeMap::new(),
            checklist: BTreeMap::new(),
        }
    }
}

/// [`Rules::default`] as it would be written.
fn defaults() -> Fields {
    let Value::Object(defaults) = json!({
        "reopen_window": format!("{} days", REOPEN_WINDOW_S / DAY_S),
        "reopen_cycle": "continue",
        "auto_close_after": format!("{} days", AUTO_CLOSE_S / DAY_S),
        "closing_post": "optional",
        "assignee_required": false,
        "category_required": false,
        "required_fields": [],
        "fields": {},
        "priorities": ["low", "normal", "high", "urgent"],
        "categories": {},
        "category_vocabulary": "free",
        "tags": [],
        "tag_vocabulary": "free",
        "resolutions": [],
        "resolution_vocabulary": "free",
        "labels": {},
        "checklist": {},
    }) else {
        return Fields::new();
    };
    defaults
}

fn check(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let Ok(level) = id.parse::<Level>() else { return Vec::new() };
    let rules: Rules = set.effective_at(KIND.name, &level).read();
    let mut faults = Vec::new();
    if level != Level::Global && body.contains_key("calendar") {
        let remedy = "put it into the region, team or account: calendar = \"...\"";
        faults.push(Fault::new("/calendar", "this is said here for the whole organisation only", remedy));
    }
    defined(&rules, body.get("required_fields"), "/required_fields", &mut faults);
    for (name, category) in members(body, "categories") {
        let pointer = format!("/categories/{name}/required_fields");
        defined(&rules, category.get("required_fields"), &pointer, &mut faults);
    }
    for (name, field) in members(body, "fields") {
        let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
        let choices = field.get("choices").and_then(Value::as_array).map_or(0, Vec::len);
        let personal = field.get("personal").and_then(Value::as_bool).unwrap_or_default();
        let pointer = format!("/fields/{name}");
        if (kind == "choice") != (choices > 0) {
            let message = "choices belong to fields of type \"choice\", and each of those has some";
            faults.push(Fault::new(
                &pointer,
                message,
                "write type = \"choice\" and choices = [\"…\"], or neither",
            ));
        }
        if personal && kind != "text" {
            faults.push(Fault::new(&pointer, "only a text can be personal", "write type = \"text\""));
        }
    }
    if body.get("priorities").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        faults.push(Fault::new("/priorities", "no priority is left", "name one, or take the line away"));
    }
    let said = ["auto_close_after", "reopen_window"].into_iter().find(|field| body.contains_key(*field));
    if let Some(field) = said.filter(|_| rules.auto_close_after_s < rules.reopen_window_s) {
        let message = "a resolved case would be closed for good before its reopen window ends";
        faults.push(Fault::new(
            format!("/{field}"),
            message,
            "make auto_close_after at least as long as reopen_window",
        ));
    }
    faults
}

/// Whether the fields that are required are defined here or above.
fn defined(rules: &Rules, required: Option<&Value>, pointer: &str, faults: &mut Vec<Fault>) {
    for (index, field) in required.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let field = field.as_str().unwrap_or_default();
        if !rules.fields.contains_key(field) {
            let remedy = suggest(field, rules.fields.keys().map(FieldId::as_str), "the fields in force here");
            faults.push(Fault::new(
                format!("{pointer}/{index}"),
                format!("there is no field \"{field}\""),
                remedy,
            ));
        }
    }
}

fn members<'b>(body: &'b Fields, field: &str) -> impl Iterator<Item = (&'b String, &'b Value)> {
    body.get(field).and_then(Value::as_object).into_iter().flatten()
}

fn field_id(text: &str) -> Result<(), crate::ids::Invalid> {
    FieldId::new(text).map(drop)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    schema::seconds(&text).ok_or_else(|| D::Error::custom("not a duration"))
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_shown_as_they_hold() {
        let names: BTreeSet<&str> = KIND.fields.iter().map(|field| field.name).collect();
        let defaults = defaults();
        assert_eq!(defaults.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
        assert_eq!(serde_json::from_value::<Rules>(Value::Object(defaults)).unwrap(), Rules::default());
    }
}
