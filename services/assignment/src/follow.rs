//! What happens to a case reaches the queue in which it waits and the agents who have it.
//!
//! - Somebody is wanted for a case that is new or open, in sight, and nobody's: the rules say where it waits. Pure history
//!   is left alone until something live happens.
//! - What came back from an agent or went to another team keeps its age; what was opened again waits anew.
//! - Who has a case has its weight, however that came about: what was reserved for it is confirmed, what was not is added.
//!
//! All of it follows from the case as it was after the entry, and every command's id from the entry: twice is once.

use std::sync::Arc;

use domain::{
    agent::{self, Ended, Left},
    case::{self, Case, Status},
    condition::Facts,
    decider::Decider,
    ids::{CaseId, PersonId, TeamId},
    routing::choose::{self, Action, Gone, Ruled},
    time::Timestamp,
};
use eventlog::{Category, Entry};
use service::{
    Error,
    envelope::{Envelope, Origin, contains},
    reaction::{self, Reaction},
    transact,
};

use crate::core::{Core, Seen, commands, unreadable};

/// Lets queues and agents follow what happens to cases.
pub struct FollowCases(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowCases {
    fn name(&self) -> &'static str {
        "assignment.follow_cases"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(case::State::CATEGORY).into_iter().collect()
    }

    /// Replies, notes and tags move nobody; nor does history.
    fn wants(&self, entry: &Entry) -> bool {
        const MOVING: [&str; 18] = [
            "case.opened",
            "case.customer_message_received",
            "case.assigned",
            "case.unassigned",
            "case.transferred",
            "case.started",
            "case.pended",
            "case.held",
            "case.resumed",
            "case.snoozed",
            "case.woken",
            "case.resolved",
            "case.reopened",
            "case.closed",
            "case.marked_spam",
            "case.unmarked_spam",
            "case.merged",
            "case.unmerged",
        ];
        !contains(&entry.body, r#""origin":"import""#)
            && MOVING.iter().any(|event| contains(&entry.body, event))
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_case(entry).await.map_err(outcome)
    }
}

/// What waits, and what can never be done.
pub fn outcome(error: Error) -> reaction::Error {
    match error {
        Error::Unavailable(_) | Error::Aborted { .. } => reaction::Error::Later(error.to_string()),
        other => reaction::Error::Never(format!("{}: {other}", other.reason())),
    }
}

/// Whether an event says no more than that the customer wrote: whose case it is and what it weighs is as it was.
const fn only_comes_in(event: &case::Event) -> bool {
    matches!(event, case::Event::Opened { .. } | case::Event::CustomerMessageReceived { .. })
}

/// An entry of a case, and the case after it.
struct Happened<'a> {
    entry: &'a Entry,
    id: CaseId,
    events: &'a [case::Event],
    case: &'a Case,
    is_live: bool,
    at: Timestamp,
}

impl Core {
    async fn follow_case(&self, entry: &Entry) -> Result<(), Error> {
        let envelope = Envelope::<case::Event>::of(entry).map_err(unreadable)?;
        let Ok(id) = entry.stream.id().parse() else { return Ok(()) };
        // Where there are no queues, what comes in moves nobody: the case need not be read for that.
        let is_routed = self.plan().places().next().is_some();
        if envelope.origin != Origin::Live || !is_routed && envelope.events.iter().all(only_comes_in) {
            return Ok(());
        }
        let Seen { case, is_live } = self.case_at(id, entry.position).await?;
        let Some(case) = case.case() else { return Ok(()) };
        let at = envelope.occurred_at;
        let happened = Happened { entry, id, events: &envelope.events, case, is_live, at };
        self.tell_agents(&happened).await?;
        self.tell_queue(&happened).await
    }

    /// Who had the case has it no more, and who has it has its weight.
    async fn tell_agents(&self, happened: &Happened<'_>) -> Result<(), Error> {
        let case = happened.case;
        for event in happened.events {
            let (previous, left) = match event {
                case::Event::Assigned { previous: Some(previous), .. }
                | case::Event::Transferred { previous: Some(previous), .. } => (previous, Left::Reassigned),
                case::Event::Unassigned { previous, .. } => (previous, Left::Requeued),
                _ => continue,
            };
            if case.assignee.as_ref() != Some(previous) {
                self.tell_agent(happened, previous, "left", |_| {
                    vec![agent::Action::Drop { case: happened.id, left }]
                })
                .await?;
            }
        }
        let Some(person) = &case.assignee else { return Ok(()) };
        let is_over =
            matches!(case.status, Status::Resolved | Status::Closed | Status::Merged | Status::Spam);
        let plan = self.plan();
        let set = self.policies.current();
        let rules = set.state.set().assignment_rules(Some(&case.region), case.team.as_ref());
        // Who is no agent is given nothing, but may become one: what he has by then is his load.
        let agent = plan.member(person).map(|member| &member.agent);
        let units = agent
            .map_or_else(|| rules.weight_of(&case.channel), |agent| agent.units_of(&case.channel, &rules));
        let hold = agent::Action::Hold {
            case: happened.id,
            channel: case.channel.clone(),
            units: units.max(1),
            consumes: rules.consumes(case.status),
        };
        self.tell_agent(happened, person, "has", |state| {
            if is_over {
                return vec![agent::Action::Drop { case: happened.id, left: Left::Done }];
            }
            let Some(reserved) = state.reserved().get(&happened.id) else { return vec![hold.clone()] };
            let decision = reserved.decision;
            // Who is asked and gets the case by another's hand need not answer.
            if reserved.offer.is_some_and(|offer| !offer.accepted) {
                let release = agent::Action::Release { case: happened.id, decision, ended: Ended::Withdrawn };
                return vec![release, hold.clone()];
            }
            vec![agent::Action::Claim { case: happened.id, decision }, hold.clone()]
        })
        .await
    }

    async fn tell_agent(
        &self,
        happened: &Happened<'_>,
        person: &PersonId,
        step: &str,
        make: impl Fn(&agent::State) -> Vec<agent::Action> + Send + Sync,
    ) -> Result<(), Error> {
        let meta = self.derived(happened.entry, &format!("{step}/{person}"))?;
        let stream = self.agent(person)?;
        let make = |known: &transact::Aggregate<agent::State>, at| {
            Ok::<_, agent::Error>(commands(at, &meta.actor, make(&known.state)))
        };
        match self.agents.execute(&stream, &meta, make).await {
            Ok(_) => {}
            // The case is his, whatever his stream can hold: its queue must hear of it.
            Err(transact::Error::Refused(error)) => {
                tracing::warn!(case = %happened.id, %error, "a case is not counted as its agent's load");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The case comes into its queue, changes it, or leaves it.
    async fn tell_queue(&self, happened: &Happened<'_>) -> Result<(), Error> {
        let Happened { entry, id, events, case, .. } = happened;
        let is_wanted = matches!(case.status, Status::New | Status::Open)
            && case.assignee.is_none()
            && case.snoozed_until.is_none()
            && happened.is_live;
        let stream = self.route(*id)?;
        let meta = self.derived(entry, "queue")?;
        if !is_wanted {
            let gone = match &case.assignee {
                Some(agent) => Gone::Assigned { agent: agent.clone() },
                None => Gone::Withdrawn,
            };
            let make = |known: &transact::Aggregate<choose::State>, at| {
                let leaves = known.state.queue().is_some();
                let leave = leaves.then(|| Action::Leave { gone: gone.clone() });
                Ok::<_, choose::Error>(commands(at, &meta.actor, leave.into_iter().collect()))
            };
            self.routes.execute(&stream, &meta, make).await?;
            return Ok(());
        }
        let given = events.iter().rev().find_map(|event| match event {
            case::Event::Transferred { team, by, .. } if by.kind == domain::actor::Kind::Human => Some(team),
            _ => None,
        });
        let plan = self.plan();
        if plan.places().next().is_none() {
            return Ok(());
        }
        // A first look spares the rules; that it waits already is believed the log only, as another process may have
        // taken it out of its queue.
        let known = self.routes.peek::<choose::Error>(&stream).await?;
        if known.state.queue().is_some() && given.is_none() {
            let known = self.routes.load::<choose::Error>(&stream).await?;
            if known.state.queue().is_some() {
                return Ok(());
            }
        }
        let ruled = self.rule(happened).await?;
        let team: Option<&TeamId> = given.or(case.team.as_ref().filter(|_| ruled.decision.demand.by_default));
        let queue = plan.queue_of(&ruled.decision, team);
        let anew = events
            .iter()
            .any(|event| matches!(event, case::Event::Opened { .. } | case::Event::Reopened { .. }));
        let make = |known: &transact::Aggregate<choose::State>, at| {
            // Decided again by a hotter look: it waits there already.
            if known.state.queue().is_some() && given.is_none() {
                return Ok::<_, choose::Error>(Vec::new());
            }
            let mut actions = vec![Action::Rule(Box::new(ruled.clone()))];
            if let Some(queue) = queue.clone() {
                actions.push(Action::Enqueue { queue, since: happened.at, keeps_age: !anew });
            }
            Ok(commands(at, &meta.actor, actions))
        };
        self.routes.execute(&stream, &meta, make).await?;
        Ok(())
    }

    /// What the rules say that the case needs.
    async fn rule(&self, happened: &Happened<'_>) -> Result<Ruled, Error> {
        let case = happened.case;
        let first = case.messages_here().min_by_key(|(_, received)| received.ordinal).map(|(id, _)| id);
        let looked_at = case.latest_message.as_ref().or(first);
        let message = match looked_at {
            Some(id) => self.message(id.clone(), None).await?.map(|content| (id.clone(), content)),
            None => None,
        };
        let policy = self.policies.current();
        let message = message.as_ref().map(|(id, content)| (id, content));
        let facts = Facts::of_case(case, message, policy.state.set(), happened.at);
        let decision = self.plan().rules().decide(&facts);
        let last_agent = match case.customer() {
            Some(customer) => self.last_agent(customer.as_str()).await?,
            None => None,
        };
        Ok(Ruled { about: facts.about, decision, last_agent })
    }

    /// Who had a customer's case last.
    async fn last_agent(&self, customer: &str) -> Result<Option<PersonId>, Error> {
        let store = &self.models.current().store;
        let rows = store.query("select person from had where customer = $1", &[customer.into()]).await?;
        Ok(rows.first().and_then(|row| PersonId::new(row.text(0)?).ok()))
    }
}
