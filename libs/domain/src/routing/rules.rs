//! The rules of routing: what a case needs, and why.
//!
//! *Order.* Rules are looked at by their `order`. The first one that holds ends it; one with `continue` that holds gives what it
//! has to give, and the next ones are looked at. Of two rules that hold and say a different queue, priority or the like,
//! the later one counts, because it was written to be more exact; tags, languages and skills add up, and of two
//! proficiencies the higher one counts. What a rule gives is not known to the conditions of the next: all of them see the same
//! facts, so that a rule can be read by itself.
//!
//! *Failing.* A condition that fails does not hold. It stands in the trace with its reason, and stops no other.
//!
//! *Replaying.* A [`Decision`] is stored with the facts' [`About`](crate::condition::About), of which the same rules make the
//! same decision. Texts of people are not stored a second time: a replay reads the message that the facts name and opens
//! it. Where its key is destroyed, the conditions that look at it fail, and [`Rules::replay`] takes what the recorded trace
//! says of them; it says of which.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    case::Priority,
    condition::{Budget, Condition, Facts, Failed, Verdict},
    ids::{Language, PersonId, QueueId, ReasonCode, RegionId, RuleId, SkillId, Tag, TeamId},
    policy::{
        Set,
        routing_rule::{RoutingRule, Then},
    },
};

/// How much work all conditions of a decision may be: as much as ten of the most expensive ones.
pub const WORK_MAX: u32 = 10 * crate::condition::WORK_MAX;

/// The rules in force, compiled.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// The queue that takes what no rule sends elsewhere, by region.
    defaults: BTreeMap<RegionId, QueueId>,
    default: Option<QueueId>,
    unread: Vec<RuleId>,
    version: u64,
}

#[derive(Clone, Debug)]
struct Rule {
    id: RuleId,
    when: Condition,
    then: Then,
    goes_on: bool,
}

/// What was decided, and why. Nothing in it is personal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The version of the policy under which it was taken.
    pub rules_version: u64,
    /// The rules that hold, in their order.
    pub matched: Vec<RuleId>,
    /// The rules that were looked at, in their order. Those after the one that ended it were not.
    pub trace: Vec<Step>,
    /// The rules that could not be read, and were passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<RuleId>,
    /// What the case needs.
    pub demand: Demand,
}

/// What a rule came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The rule.
    pub rule: RuleId,
    /// What its condition says.
    pub verdict: Verdict,
    /// What it gave, if it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Then>,
}

/// What a case needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Demand {
    /// The queue; none if no rule names one and its region has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueId>,
    /// Whether that is the default queue, because no rule names one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
    /// The team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The region whose cases the agent must be allowed to see: never given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// How soon, if a rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How difficult, if a rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u8>,
    /// Tags to put to the case.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// The customer's language, if a rule says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The languages that the agent needs, the customer's among them if a rule says it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub languages: BTreeSet<Language>,
    /// The skills that the agent needs, each with the least proficiency.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub skills: BTreeMap<SkillId, u8>,
    /// The skills that the agent should have, each with the least proficiency.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub optional_skills: BTreeMap<SkillId, u8>,
    /// The customer's segment: agents for it are preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<ReasonCode>,
    /// The agent who is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<Direct>,
    /// For how many seconds the agent who had the customer last is preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_agent_for_s: Option<i64>,
}

/// An agent who is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// Who.
    pub agent: PersonId,
    /// For how many seconds nobody else gets it; for ever if there is no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<i64>,
}

/// A decision that was taken again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What it came to.
    pub decision: Decision,
    /// The rules that look at a text which cannot be read any more, of which the recorded verdict was taken.
    pub taken_over: Vec<RuleId>,
}

impl Rules {
    /// The rules of a set, in their order. `version` is that of the policy, and stands in each decision.
    pub fn of(set: &Set, version: u64) -> Self {
        let rules = set.routing_rules().into_iter().map(Rule::of).collect();
        let of_region = |region: &crate::policy::organisation::Region| {
            Some((region.id.clone(), set.default_queue(Some(&region.id))?.id.clone()))
        };
        Self {
            rules,
            defaults: set.regions().filter_map(of_region).collect(),
            default: set.default_queue(None).map(|queue| queue.id.clone()),
            unread: set.routing_rules_unread(),
            version,
        }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What a case needs. The same facts, the same decision.
    pub fn decide(&self, facts: &Facts) -> Decision {
        self.decide_by(facts, |rule, budget| rule.when.verdict(facts, budget))
    }

    /// Takes a recorded decision again, with the facts that were recorded and those texts that can still be read. These are the
    /// rules of [`Decision::rules_version`], or other ones that are to be compared with them; only of the same
    /// version is a recorded verdict taken.
    pub fn replay(&self, facts: &Facts, recorded: &Decision) -> Replay {
        let mut taken_over = Vec::new();
        let known: BTreeMap<&RuleId, Verdict> =
            recorded.trace.iter().map(|step| (&step.rule, step.verdict)).collect();
        let same = recorded.rules_version == self.version;
        let decision = self.decide_by(facts, |rule, budget| {
            let verdict = rule.when.verdict(facts, budget);
            match known.get(&rule.id).filter(|_| same) {
                Some(recorded) if verdict == Verdict::Failed(Failed::Unreadable) && *recorded != verdict => {
                    taken_over.push(rule.id.clone());
                    *recorded
                }
                Some(_) | None => verdict,
            }
        });
        Replay { decision, taken_over }
    }

    fn decide_by(&self, facts: &Facts, mut verdict: impl FnMut(&Rule, &mut Budget) -> Verdict) -> Decision {
        let mut budget = Budget::new(WORK_MAX);
        let (mut matched, mut trace, mut demand) = (Vec::new(), Vec::new(), Demand::default());
        for rule in &self.rules {
            let verdict = verdict(rule, &mut budget);
            let holds = verdict == Verdict::True;
            trace.push(Step { rule: rule.id.clone(), verdict, set: holds.then(|| rule.then.clone()) });
            if holds {
                matched.push(rule.id.clone());
                demand.take(&rule.then);
                if !rule.goes_on {
                    break;
                }
            }
        }
        demand.languages.extend(demand.language.clone());
        if demand.queue.is_none() {
            let about = &facts.about;
            let region =
                [&demand.region, &about.case.region, &about.account.region].into_iter().flatten().next();
            let of_region = region.and_then(|region| self.defaults.get(region));
            demand.queue = of_region.or(self.default.as_ref()).cloned();
            demand.by_default = demand.queue.is_some();
        }
        Decision { rules_version: self.version, matched, trace, unread: self.unread.clone(), demand }
    }
}

impl Rule {
    fn of(rule: &RoutingRule) -> Self {
        let RoutingRule { id, when, then, goes_on, .. } = rule;
        Self { id: id.clone(), when: when.clone(), then: then.clone(), goes_on: *goes_on }
    }
}

impl Demand {
    /// Adds what a rule gives.
    fn take(&mut self, then: &Then) {
        fn over<T: Clone>(known: &mut Option<T>, given: Option<&T>) {
            if let Some(given) = given {
                *known = Some(given.clone());
            }
        }
        over(&mut self.queue, then.queue.as_ref());
        over(&mut self.team, then.team.as_ref());
        over(&mut self.region, then.region.as_ref());
        over(&mut self.priority, then.priority.as_ref());
        over(&mut self.difficulty, then.difficulty.as_ref());
        over(&mut self.language, then.language.as_ref());
        over(&mut self.segment, then.segment.as_ref());
        over(&mut self.last_agent_for_s, then.last_agent_for_s.as_ref());
        if let Some(agent) = &then.direct {
            self.direct = Some(Direct { agent: agent.clone(), for_s: then.direct_for_s });
        }
        self.tags.extend(then.tags.iter().cloned());
        self.languages.extend(then.languages.iter().cloned());
        for (known, given) in
            [(&mut self.skills, &then.skills), (&mut self.optional_skills, &then.optional_skills)]
        {
            for (skill, proficiency) in given {
                let known = known.entry(skill.clone()).or_default();
                *known = (*known).max(*proficiency);
            }
        }
    }
}

#[cfg(test)]
mod tests;
