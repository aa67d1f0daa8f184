//! Rules of routing: when something is so, then a case needs this.
//!
//! Rules are looked at in their order. The first one that holds ends it, unless it says `continue = true`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    kinds::{self, Kind, view},
    problem::{Fault, suggest},
    queue::unknown,
    schema::{
        self,
        Shape::{Bool, Checked, Duration, Integer, List, Map, OneOf, Ref, Table, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    case::Priority,
    condition::{self, Condition},
    ids::{Language, PersonId, QueueId, ReasonCode, RegionId, RuleId, SkillId, Tag, TeamId},
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "routing_rule",
    group: "routing",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        required("order", Integer(0, ORDER_MAX)),
        required("when", Text(condition::LEN_MAX)),
        required(
            "then",
            Table(&[
                optional("priority", OneOf(&["low", "normal", "high", "urgent"])),
                optional("difficulty", Integer(1, DIFFICULTY_MAX)),
                optional("tags", List(&Checked(|text| Tag::new(text).map(drop)))),
                optional("language", Checked(|text| Language::new(text).map(drop))),
                optional("languages", List(&Checked(|text| Language::new(text).map(drop)))),
                optional("skills", Map(skill, &Integer(1, PROFICIENCY_MAX))),
                optional("optional_skills", Map(skill, &Integer(1, PROFICIENCY_MAX))),
                optional("queue", Ref("queue")),
                optional("team", Ref("team")),
                optional("region", Ref("region")),
                optional("direct", Ref("person")),
                optional("direct_for", Duration(DAYS_MAX * DAY_S)),
                optional("last_agent_for", Duration(DAYS_MAX * DAY_S)),
                optional("segment", Checked(|text| ReasonCode::new(text).map(drop))),
            ]),
        ),
        optional("continue", Bool),
    ],
    view: view::<RoutingRule>,
    check,
};

/// The most rules of routing.
pub const RULES_MAX: usize = 500;
/// The most tags, and the most skills, that a rule gives.
pub const GIVEN_MAX: usize = 20;
const ORDER_MAX: i64 = 1_000_000;
const DIFFICULTY_MAX: i64 = 5;
const PROFICIENCY_MAX: i64 = 5;
const NAME_LEN_MAX: usize = 200;
const DAY_S: i64 = 24 * 60 * 60;
/// The longest time that a rule may name, in days.
const DAYS_MAX: i64 = 365;

/// A rule of routing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RoutingRule {
    /// Its id.
    pub id: RuleId,
    /// What it is called.
    pub name: String,
    /// Its place among the rules, the smallest first. No two have the same.
    pub order: u32,
    /// When it holds.
    pub when: Condition,
    /// What follows.
    pub then: Then,
    /// Whether the rules after it are looked at when it holds.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
}

/// What follows from a rule that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Then {
    /// How soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How difficult, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u8>,
    /// Tags to put to the case.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// The customer's language, which the agent needs, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Further languages that the agent needs.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub languages: BTreeSet<Language>,
    /// The skills that the agent needs, each with the least proficiency.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub skills: BTreeMap<SkillId, u8>,
    /// The skills that the agent should have if there is one who does, each with the least proficiency.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub optional_skills: BTreeMap<SkillId, u8>,
    /// The queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The region whose cases the agent must be allowed to see: never given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// The agent who is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<PersonId>,
    /// For how many seconds nobody else gets it.
    #[serde(rename = "direct_for", deserialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub direct_for_s: Option<i64>,
    /// For how many seconds the agent who had the customer last is preferred.
    #[serde(
        rename = "last_agent_for",
        deserialize_with = "seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_agent_for_s: Option<i64>,
    /// The customer's segment: agents for it are preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<ReasonCode>,
}

impl RoutingRule {
    /// Its place: the order, and the id where a log has two of the same.
    const fn place(&self) -> (u32, &RuleId) {
        (self.order, &self.id)
    }
}

impl Set {
    /// All rules of routing, in the order in which they are looked at.
    pub fn routing_rules(&self) -> Vec<&RoutingRule> {
        let mut rules: Vec<&RoutingRule> =
            self.of_kind(KIND.name).filter_map(|document| document.view()).collect();
        rules.sort_by_key(|rule| rule.place());
        rules
    }

    /// The rules of routing that the log has and that can no longer be read.
    pub fn routing_rules_unread(&self) -> Vec<RuleId> {
        let unread = self.of_kind(KIND.name).filter(|document| !document.is_read());
        unread.filter_map(|document| RuleId::new(&document.key().id).ok()).collect()
    }
}

fn check(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let count = set.of_kind(KIND.name).count();
    if count > RULES_MAX && set.of_kind(KIND.name).next().is_some_and(|first| &*first.key().id == id) {
        let remedy = format!("a site has at most {RULES_MAX}: join some with ||, or leave some to queues");
        faults.push(Fault::new("", format!("there are {count} rules of routing"), remedy));
    }
    faults.extend(then(set, body));
    let source = body.get("when").and_then(Value::as_str).unwrap_or_default();
    let Some(rule) = set.document(KIND.name, id).and_then(|document| document.view::<RoutingRule>()) else {
        if let Err(problem) = Condition::parse(source) {
            let message = format!("line {}, column {}: {}", problem.line, problem.column, problem.what);
            faults.push(Fault::new("/when", message, problem.remedy));
        }
        return faults;
    };
    for mention in rule.when.mentions() {
        let known = if mention.kind == "channel" {
            set.knows_channel(&mention.id)
        } else {
            kinds::find(mention.kind).is_none() || set.document(mention.kind, &mention.id).is_some()
        };
        if !known {
            let (kind, id) = (mention.kind, &mention.id);
            let message =
                format!("line {}, column {}: there is no {kind} \"{id}\"", mention.line, mention.column);
            let remedy = if kind == "channel" {
                suggest(id, set.channel_ids(), "the kinds of channels are")
            } else {
                let known = set.of_kind(kind).map(|document| &*document.key().id);
                suggest(id, known, &format!("the {kind}s"))
            };
            faults.push(Fault::new("/when", message, remedy));
        }
    }
    let rules = || set.of_kind(KIND.name).filter_map(|document| document.view::<RoutingRule>());
    if let Some(other) = rules().find(|other| other.order == rule.order && other.id < rule.id) {
        let message = format!("rule \"{}\" has the same order", other.id);
        faults.push(Fault::new("/order", message, "give each its own place"));
    }
    let ends =
        |other: &&RoutingRule| other.when.is_always() && !other.goes_on && other.place() < rule.place();
    if let Some(other) = rules().filter(ends).min_by_key(|other| other.place()) {
        let message = format!("this rule is never looked at: rule \"{}\" before it always holds", other.id);
        let remedy = format!("give it a smaller order, or \"{}\" a condition or continue = true", other.id);
        faults.push(Fault::new("/order", message, remedy));
    }
    faults
}

/// What is wrong with what follows from a rule.
fn then(set: &Set, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(then) = body.get("then").and_then(Value::as_object) else { return faults };
    if then.is_empty() {
        let remedy = "say what follows: a queue, a priority, tags, skills";
        faults.push(Fault::new("/then", "nothing follows from this rule", remedy));
    }
    for field in ["skills", "optional_skills"] {
        let skills = then.get(field).and_then(Value::as_object).into_iter().flat_map(Fields::keys);
        faults.extend(skills.filter_map(|id| unknown(set, format!("/then/{field}/{id}"), "skill", id)));
    }
    if let Some(id) = then.get("direct").and_then(Value::as_str) {
        faults.extend(unknown(set, "/then/direct", "agent", id));
    }
    if then.contains_key("direct_for") && !then.contains_key("direct") {
        let remedy = "say whose: direct = \"…\", or take it away";
        faults.push(Fault::new("/then/direct_for", "nobody is asked for", remedy));
    }
    for field in ["tags", "languages", "skills", "optional_skills"] {
        let count = match then.get(field) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(items)) => items.len(),
            _ => 0,
        };
        if count > GIVEN_MAX {
            let remedy = format!("write at most {GIVEN_MAX}");
            faults.push(Fault::new(format!("/then/{field}"), format!("it has {count}"), remedy));
        }
    }
    faults
}

fn skill(text: &str) -> Result<(), crate::ids::Invalid> {
    SkillId::new(text).map(drop)
}

/// A duration as it is written in a file, or seconds as they are stored with a decision.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    use serde::de::Error as _;
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(i64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Seconds(seconds) => Ok(Some(seconds)),
        Written::Text(text) => {
            schema::seconds(&text).map(Some).ok_or_else(|| D::Error::custom("not a duration"))
        }
    }
}

#[cfg(test)]
mod tests;
