//! What a case needs of its agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CaseId, ChannelKind, Language, PersonId, QueueId, ReasonCode, RegionId, SkillId, TeamId},
    policy::{
        agent::Fluency,
        assignment::{Proficiency, Ties},
    },
    time::Timestamp,
};

/// The most skills that a case may need, those that it would like to have included.
pub const SKILLS_MAX: usize = 50;
/// The most languages that a case may need.
pub const LANGUAGES_MAX: usize = 20;
/// The most steps of relaxation.
pub const RELAXATIONS_MAX: usize = 10;

/// What a case needs of its agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// The case.
    pub case: CaseId,
    /// Its queue: its agents come first.
    pub queue: QueueId,
    /// The queue whose agents help out, once a step of relaxation says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<QueueId>,
    /// Whether the queue's calendar is open.
    pub open: bool,
    /// How one of several is chosen.
    pub mode: Mode,
    /// Whom the mode `skills` prefers.
    pub proficiency: Proficiency,
    /// Who is chosen among equals.
    pub ties: Ties,
    /// The kind of the case's channel.
    pub channel: ChannelKind,
    /// What the case takes of an agent for whom the policy says nothing else.
    pub units: u32,
    /// The skills that it needs, each with the least proficiency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skills: BTreeMap<SkillId, u8>,
    /// The skills that it would like to have, each with the least proficiency. Needed until a step of relaxation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub optional_skills: BTreeMap<SkillId, u8>,
    /// The languages that it needs, each with the least fluency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<Language, Fluency>,
    /// The region whose cases the agent must be allowed to see. Never relaxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// The team whose cases the agent must be allowed to see. Never relaxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The least seniority, by the difficulty of the case. Never relaxed.
    pub seniority_min: u8,
    /// The customer's segment: agents for it are preferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<ReasonCode>,
    /// The agent who is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<Direct>,
    /// The agent who had the customer last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_agent: Option<LastAgent>,
    /// Since when the case waits. What is requeued keeps its age.
    pub waited_since: Timestamp,
    /// What is given up when it waits for long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relaxation: Vec<Relaxation>,
}

/// How one of several is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Who was not given one for the longest time.
    RoundRobin,
    /// Who has the largest share of the capacity left.
    LoadBalanced,
    /// Who has the skills, as [`Proficiency`] says.
    Skills,
    /// Nobody: agents take the next one.
    Pull,
}

/// An agent who is asked for. He need not serve the queue, nor have its skills and seniority: who asked knows why. All else
/// holds for him too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// Who.
    pub agent: PersonId,
    /// Until when nobody else gets it; for ever if there is no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The agent who had the customer last. He gets the case if he can have it, else it is as if he was not named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAgent {
    /// Who.
    pub agent: PersonId,
    /// Until when he is preferred.
    pub until: Timestamp,
}

/// A step of relaxation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relaxation {
    /// After how many seconds of waiting.
    pub after_s: u32,
    /// What is given up.
    pub relax: Relax,
}

/// What is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relax {
    /// The skills are needed still, but no proficiency in them. Who lacks the least goes first.
    Proficiency,
    /// Skills that it would like to have. Who lacks the fewest goes first.
    OptionalSkills,
    /// The agents of the overflow queue help out. Those of the own queue go first.
    Overflow,
}

/// What is given up at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Relaxed {
    pub(super) step: u8,
    pub(super) proficiency: bool,
    pub(super) optional_skills: bool,
    pub(super) overflow: bool,
}

/// A demand that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: at most {max}")]
pub struct Unfit {
    /// What there is too much of.
    pub field: &'static str,
    /// How much there may be.
    pub max: usize,
}

impl Demand {
    /// Whether it is as small as a record of it must be.
    pub fn check(&self) -> Result<(), Unfit> {
        let counts = [
            ("skills", self.skills.len() + self.optional_skills.len(), SKILLS_MAX),
            ("languages", self.languages.len(), LANGUAGES_MAX),
            ("relaxation", self.relaxation.len(), RELAXATIONS_MAX),
        ];
        let over = counts.into_iter().find(|(_, count, max)| count > max);
        over.map_or(Ok(()), |(field, _, max)| Err(Unfit { field, max }))
    }

    /// When the next step of relaxation is, after `now`.
    pub fn next_step_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.steps().map(|(at, _)| at).filter(|at| *at > now).min()
    }

    /// When time alone may change what is decided: a step of relaxation, or the end of the time of who is asked for.
    /// Calendars say their own instants.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let direct = self.direct.as_ref().and_then(|direct| direct.until).filter(|until| *until > now);
        self.next_step_at(now).into_iter().chain(direct).min()
    }

    /// The steps and when they come, the first one first.
    pub fn steps(&self) -> impl Iterator<Item = (Timestamp, Relax)> {
        let mut steps: Vec<_> = self
            .relaxation
            .iter()
            .map(|step| (self.waited_since.plus_seconds(step.after_s.into()), step.relax))
            .collect();
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter()
    }

    /// Whether only the one who is asked for may have it.
    pub(super) fn is_asked_for(&self, now: Timestamp) -> bool {
        self.direct.as_ref().is_some_and(|direct| direct.until.is_none_or(|until| now < until))
    }

    pub(super) fn relaxed_at(&self, now: Timestamp) -> Relaxed {
        let mut relaxed = Relaxed::default();
        for (_, relax) in self.steps().take_while(|(at, _)| *at <= now) {
            relaxed.step = relaxed.step.saturating_add(1);
            match relax {
                Relax::Proficiency => relaxed.proficiency = true,
                Relax::OptionalSkills => relaxed.optional_skills = true,
                Relax::Overflow => relaxed.overflow = true,
            }
        }
        relaxed
    }
}
