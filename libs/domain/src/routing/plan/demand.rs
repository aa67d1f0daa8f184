//! What a case needs of its agent: what the rules say, and what its queue adds.

use super::{Place, Plan};
use crate::{
    ids::{CaseId, QueueId, SkillId},
    policy::{
        agent::{Fluency, PROFICIENCY_MIN},
        queue::{self, Queue},
    },
    routing::choose::{Demand, Direct, LastAgent, Mode, RELAXATIONS_MAX, Relax, Relaxation, Ruled},
    time::Timestamp,
};

/// The least fluency in a language that a case needs: enough to write about everyday matters without help.
pub const FLUENCY_MIN: Fluency = Fluency::B1;
/// For how many seconds the mode "last_agent" prefers the agent who had the customer last, if the queue says nothing.
pub const LAST_AGENT_FOR_S: i64 = 15 * 60;

impl Plan {
    /// What a case needs of its agent that waits in `queue` since `since`; none if the policy does not know the queue.
    pub fn demand(
        &self,
        case: CaseId,
        ruled: &Ruled,
        queue: &QueueId,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<Demand> {
        let place = self.places.get(queue)?;
        let needs = &ruled.decision.demand;
        let channel = ruled.about.case.channel.clone()?;
        let after = |seconds: i64| since.plus_seconds(seconds);
        let help = self.help(place, now);
        let mut skills = needs.skills.clone();
        for skill in &place.queue.skills {
            skills.entry(skill.clone()).or_insert(PROFICIENCY_MIN);
        }
        let last_for = needs.last_agent_for_s.or(place.queue.last_agent_for_s);
        let last_for = last_for.or((place.queue.mode == queue::Mode::LastAgent).then_some(LAST_AGENT_FOR_S));
        let last_agent = ruled.last_agent.clone().zip(last_for);
        let direct = needs
            .direct
            .as_ref()
            .map(|direct| Direct { agent: direct.agent.clone(), until: direct.for_s.map(after) });
        let optional = |(skill, _): &(&SkillId, &u8)| !skills.contains_key(*skill);
        Some(Demand {
            case,
            queue: queue.clone(),
            overflow: help.from,
            open: help.open,
            mode: mode(place.queue.mode),
            proficiency: place.rules.proficiency,
            ties: place.rules.ties,
            units: place.rules.weight_of(&channel),
            channel,
            optional_skills: needs
                .optional_skills
                .iter()
                .filter(optional)
                .map(|(s, p)| (s.clone(), *p))
                .collect(),
            skills,
            languages: needs.languages.iter().map(|language| (language.clone(), FLUENCY_MIN)).collect(),
            region: needs.region.clone(),
            team: needs.team.clone(),
            seniority_min: needs.difficulty.unwrap_or_default(),
            segment: needs.segment.clone(),
            direct,
            last_agent: last_agent.map(|(agent, for_s)| LastAgent { agent, until: after(for_s) }),
            waited_since: since,
            relaxation: relaxation(&place.queue, help.at_once),
        })
    }

    /// Who helps out, and whether anybody works.
    fn help(&self, place: &Place, now: Timestamp) -> Help {
        let to = place.queue.overflow.as_ref();
        if place.calendar.is_open(now) {
            return Help { from: to.map(|overflow| overflow.to.clone()), open: true, at_once: false };
        }
        let when_closed = to.filter(|overflow| overflow.when_closed).map(|overflow| &overflow.to);
        let others = place.queue.follow_the_sun.iter().chain(when_closed);
        let is_open = |id: &&QueueId| self.places.get(*id).is_some_and(|other| other.calendar.is_open(now));
        match { others }.find(is_open) {
            Some(other) => Help { from: Some(other.clone()), open: true, at_once: true },
            None => Help { from: None, open: false, at_once: false },
        }
    }
}

/// Who helps out with a queue's cases.
struct Help {
    from: Option<QueueId>,
    open: bool,
    /// Whether that is because the queue is closed.
    at_once: bool,
}

/// What is given up, and when. What helps because the queue is closed does so at once.
fn relaxation(queue: &Queue, at_once: bool) -> Vec<Relaxation> {
    let step =
        |after_s: i64, relax| Relaxation { after_s: u32::try_from(after_s).unwrap_or(u32::MAX), relax };
    let mut steps: Vec<Relaxation> = queue
        .relaxation
        .iter()
        .map(|written| {
            step(
                written.after_s,
                match written.relax {
                    queue::Relax::Proficiency => Relax::Proficiency,
                    queue::Relax::OptionalSkills => Relax::OptionalSkills,
                    queue::Relax::Overflow => Relax::Overflow,
                },
            )
        })
        .collect();
    let after = queue.overflow.as_ref().and_then(|overflow| overflow.after_s);
    let overflow = if at_once { Some(0) } else { after };
    if let Some(after_s) = overflow {
        steps.retain(|step| step.relax != Relax::Overflow);
        steps.push(step(after_s, Relax::Overflow));
    }
    steps.sort_by_key(|step| step.after_s);
    steps.truncate(RELAXATIONS_MAX);
    steps
}

const fn mode(mode: queue::Mode) -> Mode {
    match mode {
        queue::Mode::RoundRobin | queue::Mode::LastAgent => Mode::RoundRobin,
        queue::Mode::LoadBalanced => Mode::LoadBalanced,
        queue::Mode::Skills => Mode::Skills,
        queue::Mode::Pull => Mode::Pull,
    }
}
