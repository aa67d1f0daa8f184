//! What routing decided reaches the case.
//!
//! - What the rules say of a case is done to it: its priority, its tags, its team.
//! - A case that is awarded is its agent's, unless it has somebody, or needs nobody, or the award is over: who decides that is
//!   the case, so that of two who choose at the same time one comes too late.
//! - A case that is recalled is nobody's again.

use std::sync::Arc;

use domain::{
    actor::{Actor, Kind},
    case::{Action, Case, Status},
    decider::Decider,
    ids::{ActorId, AuthMethod},
    personal::Personal,
    routing::{
        choose::{Event, State},
        rules::Demand,
    },
    time::Timestamp,
};
use eventlog::{Category, Entry};
use service::{
    Error,
    envelope::{Envelope, contains},
    reaction::{self, Reaction},
    transact,
};

use super::links::outcome;
use crate::{
    act::{actions::owner, no::No},
    core::{Core, commands, derived},
};

/// Does to cases what routing decided.
pub struct FollowRouting(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowRouting {
    fn name(&self) -> &'static str {
        "cases.follow_routing"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(State::CATEGORY).into_iter().collect()
    }

    fn wants(&self, entry: &Entry) -> bool {
        ["routing.ruled", "routing.awarded", "routing.recalled"]
            .iter()
            .any(|event| contains(&entry.body, event))
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_routing(entry).await.map_err(outcome)
    }
}

impl Core {
    async fn follow_routing(&self, entry: &Entry) -> Result<(), Error> {
        let envelope = Envelope::<Event>::of(entry).map_err(transact::Error::<No>::from)?;
        let Ok(id) = entry.stream.id().parse() else { return Ok(()) };
        let stream = self.stream(id)?;
        for (i, event) in envelope.events.iter().enumerate() {
            let mut meta = derived(self, entry, &format!("routing/{i}"))?;
            meta.actor = assignment()?;
            let policy = self.policies.current();
            let make = |known: &transact::Aggregate<domain::case::State>, at: Timestamp| {
                let Some(case) = known.state.case() else { return Ok(Vec::new()) };
                let actions = match event {
                    Event::Ruled { ruled, .. } => {
                        let reason = || Personal::open(owner(id, case.customer()), RULED.to_owned());
                        let region = |team: &domain::ids::TeamId| {
                            policy.state.set().team(team).map(|team| team.region.clone())
                        };
                        ruled_actions(case, &ruled.decision.demand, region, reason)
                    }
                    Event::Awarded { agent, until, .. } if at < *until && is_to_be_had(case) => {
                        vec![Action::Assign { person: agent.clone(), team: None }]
                    }
                    Event::Recalled { agent, .. } if case.assignee.as_ref() == Some(agent) => {
                        vec![Action::Unassign]
                    }
                    _ => Vec::new(),
                };
                Ok::<_, No>(commands(at, &meta.actor, actions))
            };
            match self.cases.execute::<No>(&stream, &meta, make).await {
                Ok(done) => self.reacted_to(done.position),
                // The case has gone on: what was decided about it is not true any more.
                Err(transact::Error::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Why a case goes to another team.
const RULED: &str = "rules of routing";

/// Whether a case may be given to somebody.
fn is_to_be_had(case: &Case) -> bool {
    case.assignee.is_none() && matches!(case.status, Status::New | Status::Open)
}

/// What the rules say of a case, as far as it is not so.
fn ruled_actions(
    case: &Case,
    demand: &Demand,
    region: impl Fn(&domain::ids::TeamId) -> Option<domain::ids::RegionId>,
    reason: impl Fn() -> Personal,
) -> Vec<Action> {
    let mut actions = Vec::new();
    if let Some(priority) = demand.priority.filter(|priority| *priority != case.priority) {
        actions.push(Action::Prioritise { priority });
    }
    let known = case.tags();
    let tags: std::collections::BTreeSet<_> =
        demand.tags.iter().filter(|tag| !known.contains(tag)).cloned().collect();
    if !tags.is_empty() {
        actions.push(Action::Tag { tags });
    }
    if let Some(language) = demand.language.as_ref().filter(|_| case.language.is_none()) {
        actions.push(Action::SetLanguage { language: language.clone() });
    }
    if let Some(team) = demand.team.as_ref().filter(|team| case.team.as_ref() != Some(team))
        && let Some(region) = region(team)
    {
        actions.push(Action::Transfer { team: team.clone(), region: Some(region), reason: reason() });
    }
    actions
}

/// Who decided it: not the service that keeps the case.
fn assignment() -> Result<Actor, Error> {
    let internal = |error: domain::ids::Invalid| Error::Internal(error.to_string());
    let id = ActorId::new("assignment").map_err(internal)?;
    Ok(Actor::new(Kind::Service, id, AuthMethod::new("internal").map_err(internal)?))
}
