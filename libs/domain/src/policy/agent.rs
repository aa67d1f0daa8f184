//! Agents: people who are given cases, and the skills by which they are chosen.
//!
//! An agent is a person with the role `agent`; the document has the person's id. What it leaves out is as
//! [`super::assignment`] says for everybody.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    assignment::{Rules, UNITS_MAX},
    kinds::{Kind, view},
    organisation::Role,
    problem::{Fault, suggest},
    schema::{
        Shape::{Bool, Checked, Integer, List, Map, OneOf, Ref, Table, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    agent::Limits,
    ids::{CalendarId, ChannelKind, Language, PersonId, QueueId, ReasonCode, RegionId, SkillId, TeamId},
    stored::Fields,
};

pub(super) const SKILL: Kind = Kind {
    name: "skill",
    group: "assignment",
    cascades: false,
    defaults: Fields::new,
    fields: &[required("name", Text(NAME_LEN_MAX))],
    view: view::<Skill>,
    check: |_, _, _| Vec::new(),
};

pub(super) const KIND: Kind = Kind {
    name: "agent",
    group: "assignment",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        optional(
            "skills",
            Map(
                |text| SkillId::new(text).map(drop),
                &Integer(PROFICIENCY_MIN as i64, PROFICIENCY_MAX as i64),
            ),
        ),
        optional(
            "languages",
            Map(
                |text| Language::new(text).map(drop),
                &OneOf(&["a1", "a2", "b1", "b2", "c1", "c2", "native"]),
            ),
        ),
        optional("capacity", Integer(1, UNITS_MAX as i64)),
        optional(
            "channels",
            Map(
                |text| ChannelKind::new(text).map(drop),
                &Table(&[
                    optional("at_most", Integer(0, AT_MOST_MAX)),
                    optional("weight", Integer(1, UNITS_MAX as i64)),
                ]),
            ),
        ),
        optional("shifts", Ref("calendar")),
        optional("teams", List(&Ref("team"))),
        optional("queues", List(&Ref("queue"))),
        optional("regions", List(&Ref("region"))),
        optional("segments", List(&Checked(|text| ReasonCode::new(text).map(drop)))),
        optional("seniority", Integer(SENIORITY_MIN as i64, SENIORITY_MAX as i64)),
        optional("push", Bool),
    ],
    view: view::<Agent>,
    check,
};

/// The least proficiency in a skill: has begun to learn it.
pub const PROFICIENCY_MIN: u8 = 1;
/// The greatest proficiency in a skill: teaches it.
pub const PROFICIENCY_MAX: u8 = 5;
/// The seniority of somebody new, and of an agent of whom none is written.
pub const SENIORITY_MIN: u8 = 1;
/// The greatest seniority.
pub const SENIORITY_MAX: u8 = 5;
/// The most cases at once that a channel may be limited to.
const AT_MOST_MAX: i64 = 10_000;
const NAME_LEN_MAX: usize = 200;

/// Something that a person can do, and that a case may need.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Skill {
    /// Its id.
    pub id: SkillId,
    /// What it is called.
    pub name: String,
}

/// Somebody who is given cases.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Agent {
    /// The person.
    pub id: PersonId,
    /// What the agent can do, and how well, from [`PROFICIENCY_MIN`] to [`PROFICIENCY_MAX`].
    #[serde(default)]
    pub skills: BTreeMap<SkillId, u8>,
    /// The languages in which the agent answers, and how well.
    #[serde(default)]
    pub languages: BTreeMap<Language, Fluency>,
    /// How many units may be held at once; by default as the policy of assignment says.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// What is different for the agent on some channels.
    #[serde(default)]
    pub channels: BTreeMap<ChannelKind, OnChannel>,
    /// The calendar of the agent's shifts; without one the agent may work at any time.
    #[serde(default)]
    pub shifts: Option<CalendarId>,
    /// The teams whose cases the agent takes; those of the person if none is written.
    #[serde(default)]
    pub teams: BTreeSet<TeamId>,
    /// The queues that the agent serves.
    #[serde(default)]
    pub queues: BTreeSet<QueueId>,
    /// The regions whose cases the agent may see, with all below them; those of the teams if none is written.
    #[serde(default)]
    pub regions: BTreeSet<RegionId>,
    /// The customer segments for which the agent is preferred.
    #[serde(default)]
    pub segments: BTreeSet<ReasonCode>,
    /// From [`SENIORITY_MIN`] to [`SENIORITY_MAX`].
    #[serde(default = "seniority_default")]
    pub seniority: u8,
    /// Whether cases may be pushed to the agent; else they are only taken.
    #[serde(default = "push_default")]
    pub push: bool,
}

/// What is different for an agent on one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OnChannel {
    /// How many cases of the channel at once; 0 for none.
    #[serde(default)]
    pub at_most: Option<u32>,
    /// How many units one takes.
    #[serde(default)]
    pub weight: Option<u32>,
}

/// How well somebody has a language: the levels of the Common European Framework, and native.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fluency {
    /// Beginner.
    A1,
    /// Elementary.
    A2,
    /// Intermediate.
    B1,
    /// Upper intermediate: can hold a conversation about anything usual.
    B2,
    /// Advanced.
    C1,
    /// Proficient.
    C2,
    /// As a mother tongue.
    Native,
}

impl Agent {
    /// The most units at once.
    pub fn units_max(&self, rules: &Rules) -> u32 {
        self.capacity.unwrap_or(rules.capacity)
    }

    /// How many units a case of this channel takes of the agent. What is heavier than all that the agent has takes all of
    /// it: otherwise an agent of little capacity would never be called.
    pub fn units_of(&self, channel: &ChannelKind, rules: &Rules) -> u32 {
        let own = self.channels.get(channel).and_then(|channel| channel.weight);
        own.unwrap_or_else(|| rules.weight_of(channel)).min(self.units_max(rules))
    }

    /// What the agent may hold, for a case of this channel.
    pub fn limits(&self, channel: &ChannelKind, rules: &Rules) -> Limits {
        Limits { units: self.units_max(rules), at_most: self.at_most(channel), push: self.push }
    }

    /// The most cases of this channel at once, if there is such a limit.
    pub fn at_most(&self, channel: &ChannelKind) -> Option<u32> {
        self.channels.get(channel).and_then(|channel| channel.at_most)
    }
}

impl Set {
    /// A skill.
    pub fn skill(&self, id: &SkillId) -> Option<&Skill> {
        self.document(SKILL.name, id.as_str())?.view()
    }

    /// An agent.
    pub fn agent(&self, id: &PersonId) -> Option<&Agent> {
        self.document(KIND.name, id.as_str())?.view()
    }

    /// All agents, in the order of their ids.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.of_kind(KIND.name).filter_map(|document| document.view())
    }

    /// The teams whose cases an agent takes.
    pub fn teams_of(&self, agent: &Agent) -> BTreeSet<TeamId> {
        let of_person = || self.person(&agent.id).map(|person| person.teams.clone()).unwrap_or_default();
        if agent.teams.is_empty() { of_person() } else { agent.teams.clone() }
    }

    /// The regions whose cases an agent may see: those that are written, or those of the teams, with all below them.
    pub fn regions_of(&self, agent: &Agent) -> BTreeSet<RegionId> {
        let of_teams =
            || self.teams_of(agent).iter().filter_map(|t| Some(self.team(t)?.region.clone())).collect();
        let tops: BTreeSet<RegionId> =
            if agent.regions.is_empty() { of_teams() } else { agent.regions.clone() };
        tops.iter().flat_map(|region| self.within(region)).collect()
    }
}

fn check(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = Vec::new();
    let person = PersonId::new(id).ok().and_then(|id| set.person(&id));
    match person {
        None => {
            let remedy = suggest(id, set.people().map(|person| person.id.as_str()), "the people are");
            faults.push(Fault::new("/id", format!("there is no person \"{id}\""), remedy));
        }
        Some(person) if !person.roles.contains(&Role::Agent) => {
            let message = format!("person \"{id}\" does not have the role \"agent\"");
            faults.push(Fault::new("/id", message, "add \"agent\" to the roles of the person"));
        }
        Some(_) => {}
    }
    for name in members(body, "skills").filter(|name| set.document(SKILL.name, name).is_none()) {
        let known = set.of_kind(SKILL.name).map(|skill| &*skill.key().id);
        let remedy = suggest(name, known, "the skills are declared with [[skill]]");
        faults.push(Fault::new(format!("/skills/{name}"), format!("there is no skill \"{name}\""), remedy));
    }
    for name in members(body, "channels").filter(|name| !set.knows_channel(name)) {
        let remedy = suggest(name, set.channel_ids(), "the kinds of channels are");
        let message = format!("there is no kind of channel \"{name}\"");
        faults.push(Fault::new(format!("/channels/{name}"), message, remedy));
    }
    // Whoever takes a team's cases must be allowed to see them.
    let scope = person.and_then(|person| set.scope_of(&person.id));
    for (index, team) in texts(body, "teams").enumerate() {
        let region = TeamId::new(team).ok().and_then(|team| Some(&set.team(&team)?.region));
        let may = scope.as_ref().is_none_or(|scope| {
            scope.teams.contains(team) || region.is_some_and(|region| scope.regions.contains(region))
        });
        if !may {
            let message = format!("person \"{id}\" may not see the cases of team \"{team}\"");
            let remedy = "add the team to the teams of the person, or take it away here";
            faults.push(Fault::new(format!("/teams/{index}"), message, remedy));
        }
    }
    faults
}

fn members<'b>(body: &'b Fields, field: &str) -> impl Iterator<Item = &'b str> {
    body.get(field).and_then(Value::as_object).into_iter().flat_map(Fields::keys).map(String::as_str)
}

fn texts<'b>(body: &'b Fields, field: &str) -> impl Iterator<Item = &'b str> {
    body.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

const fn seniority_default() -> u8 {
    SENIORITY_MIN
}

const fn push_default() -> bool {
    true
}

#[cfg(test)]
mod tests;
