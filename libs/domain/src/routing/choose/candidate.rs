//! Who might have a case, as seen at an instant.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::demand::Demand;
use crate::{
    agent::{self, Presence},
    ids::{ChannelKind, Language, PersonId, QueueId, ReasonCode, RegionId, SkillId, TeamId},
    policy::{
        Set,
        agent::{Agent, Fluency},
        assignment::Rules,
    },
    time::Timestamp,
};

/// What the policy says of an agent. It changes seldom: many snapshots share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Profile {
    /// The queues that the agent serves.
    pub queues: BTreeSet<QueueId>,
    /// The teams whose cases the agent may have.
    pub teams: BTreeSet<TeamId>,
    /// The regions whose cases the agent may have.
    pub regions: BTreeSet<RegionId>,
    /// The skills, with the proficiency.
    pub skills: BTreeMap<SkillId, u8>,
    /// The languages.
    pub languages: BTreeMap<Language, Fluency>,
    /// The customer segments for which the agent is preferred.
    pub segments: BTreeSet<ReasonCode>,
    /// The seniority.
    pub seniority: u8,
    /// Whether cases may be pushed.
    pub push: bool,
}

/// Who might have a case, as seen at an instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Who.
    pub id: PersonId,
    /// What the policy says of the agent.
    pub profile: Arc<Profile>,
    /// What changes by the minute.
    pub snapshot: Snapshot,
}

/// What changes by the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whether the agent is there.
    pub presence: Presence,
    /// Whether the agent's calendar is open.
    pub on_shift: bool,
    /// Whether the agent takes nothing new.
    pub draining: bool,
    /// Whether the agent declined this case.
    pub excluded: bool,
    /// The units that are taken.
    pub used: u32,
    /// The units that there are.
    pub capacity: u32,
    /// What this case takes of this agent, if that is not as the demand says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u32>,
    /// The cases on this channel that take units.
    pub on_channel: u32,
    /// The most of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// When the agent last was given a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_assigned: Option<Timestamp>,
    /// Since when nothing takes units of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<Timestamp>,
}

/// What of a candidate is of meaning for one demand: small enough to be stored with the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Who.
    pub id: PersonId,
    /// What changes by the minute.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// What this case takes.
    pub takes: u32,
    /// For which of the demand's queues the agent works.
    pub serves: Serves,
    /// Whether the agent may have the team's cases.
    pub in_team: bool,
    /// Whether the agent may have the region's cases.
    pub in_region: bool,
    /// Whether the agent is for the customer's segment.
    pub in_segment: bool,
    /// Whether cases may be pushed.
    pub push: bool,
    /// The seniority.
    pub seniority: u8,
    /// The proficiency in each skill that is needed, in the order of their ids; 0 for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<u8>,
    /// The proficiency in each skill that would be liked, in the order of their ids; 0 for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional_skills: Vec<u8>,
    /// The fluency in each language that is needed, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Option<Fluency>>,
}

/// For which of a demand's queues an agent works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serves {
    /// Its own.
    Own,
    /// That which helps out.
    Overflow,
    /// Neither.
    Neither,
}

impl Profile {
    /// What the agent's document says. Queues that are served by a whole team are for the caller to add.
    pub fn of(set: &Set, agent: &Agent) -> Self {
        Self {
            queues: agent.queues.clone(),
            teams: set.teams_of(agent),
            regions: set.regions_of(agent),
            skills: agent.skills.clone(),
            languages: agent.languages.clone(),
            segments: agent.segments.clone(),
            seniority: agent.seniority,
            push: agent.push,
        }
    }
}

impl Snapshot {
    /// How an agent is at `now`, for a case of this channel.
    pub fn of(
        agent: &Agent,
        state: &agent::State,
        channel: &ChannelKind,
        rules: &Rules,
        now: Timestamp,
        on_shift: bool,
    ) -> Self {
        Self {
            presence: state.presence_at(now),
            on_shift,
            draining: state.is_draining(),
            excluded: false,
            used: state.used(),
            capacity: agent.units_max(rules),
            units: Some(agent.units_of(channel, rules)),
            on_channel: state.used_on(channel),
            at_most: agent.at_most(channel),
            last_assigned: state.last_assigned(),
            idle_since: state.idle_since(),
        }
    }
}

impl Row {
    fn of(demand: &Demand, Candidate { id, profile, snapshot }: &Candidate) -> Self {
        let proficiency = |skill: &SkillId| profile.skills.get(skill).copied().unwrap_or_default();
        Self {
            id: id.clone(),
            snapshot: *snapshot,
            // What is heavier than all that there is takes all of it.
            takes: snapshot.units.unwrap_or(demand.units).min(snapshot.capacity).max(1),
            serves: if profile.queues.contains(&demand.queue) {
                Serves::Own
            } else if demand.overflow.as_ref().is_some_and(|queue| profile.queues.contains(queue)) {
                Serves::Overflow
            } else {
                Serves::Neither
            },
            in_team: demand.team.as_ref().is_none_or(|team| profile.teams.contains(team)),
            in_region: demand.region.as_ref().is_none_or(|region| profile.regions.contains(region)),
            in_segment: demand.segment.as_ref().is_none_or(|segment| profile.segments.contains(segment)),
            push: profile.push,
            seniority: profile.seniority,
            skills: demand.skills.keys().map(proficiency).collect(),
            optional_skills: demand.optional_skills.keys().map(proficiency).collect(),
            languages: demand.languages.keys().map(|l| profile.languages.get(l).copied()).collect(),
        }
    }
}

/// What of each candidate is of meaning, in the order of the ids. Of somebody who is there twice, what was seen with less
/// room counts.
pub(super) fn rows(demand: &Demand, candidates: &[Candidate]) -> Vec<Row> {
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    // What is sorted already, as callers have it, costs one pass.
    sorted.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| worst_first(a, b)));
    sorted.dedup_by(|later, earlier| later.id == earlier.id);
    sorted.into_iter().map(|candidate| Row::of(demand, candidate)).collect()
}

fn worst_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.snapshot.used.cmp(&a.snapshot.used).then_with(|| b.cmp(a))
}
