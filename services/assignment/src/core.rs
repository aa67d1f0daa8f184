//! What all of the service works with.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{
    actor::{Actor, Kind},
    agent, case,
    decider::{Command, Decider},
    ids::{ActorId, AuthMethod, CaseId, Digest, MessageId, PersonId},
    message::{self, Content},
    routing::{choose, plan::Plan},
    time::Timestamp,
};
use eventlog::{Category, Entry, InvalidName, Position, StreamId};
use futures_util::TryStreamExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use service::{
    Error,
    envelope::{Cause, Envelope, Origin, Unreadable},
    models::Models,
    policies::{Policies, Snapshot},
    projection::ReadModel,
    shell::Shell,
    store::Store,
    transact::{Meta, Transactor},
};
use tokio_util::sync::CancellationToken;
use vault::Events;

use crate::model::Assignments;

/// How long a query waits for the read model to reach the position that its caller has seen.
pub const AT_LEAST_LIMIT: Duration = Duration::from_secs(10);

/// The service's parts.
pub struct Core {
    /// Its surroundings.
    pub shell: Shell,
    /// Leases and positions.
    pub control: Store,
    /// Decides on agents.
    pub agents: Transactor<agent::State>,
    /// Decides on the ways of cases.
    pub routes: Transactor<choose::State>,
    /// The policy in force.
    pub policies: Arc<Policies>,
    /// The read model.
    pub models: Arc<Models<Assignments>>,
    /// Cancelled when the process is to end: streams to callers end with it.
    pub stop: CancellationToken,
    /// The plan of the policy that was asked for last.
    plan: RwLock<Arc<Plan>>,
}

/// A case as routing sees it.
#[derive(Debug, Default)]
pub struct Seen {
    /// The case.
    pub case: case::State,
    /// Whether anything happened for which somebody is wanted while we were running: pure history is left alone.
    pub is_live: bool,
}

impl Core {
    /// Opens what the service keeps.
    pub async fn open(shell: Shell, policies: Arc<Policies>) -> Result<Self, Error> {
        let control = shell.stores.control("assignment").await?;
        let models = Arc::new(Models::open(shell.clone(), control.clone(), Assignments).await?);
        Ok(Self {
            agents: transactor(&shell),
            routes: transactor(&shell),
            plan: RwLock::new(Arc::new(plan_of(&policies.current()))),
            policies,
            models,
            control,
            shell,
            stop: CancellationToken::new(),
        })
    }

    /// The policy in force, as routing uses it.
    pub fn plan(&self) -> Arc<Plan> {
        let policy = self.policies.current();
        let known = Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner));
        if known.version() == policy.version.0 {
            return known;
        }
        let plan = Arc::new(plan_of(&policy));
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&plan);
        plan
    }

    /// The read model, once it has reached what the caller has seen.
    pub async fn model(&self, at_least: &str) -> Result<Arc<ReadModel<Assignments>>, Error> {
        match self.shell.position("at_least", at_least)? {
            Some(position) => Ok(self.models.at_least(position, AT_LEAST_LIMIT).await?),
            None => Ok(self.models.current()),
        }
    }

    /// The stream of an agent.
    pub fn agent(&self, person: &PersonId) -> Result<StreamId, Error> {
        self.agents.stream(person).map_err(bad_name)
    }

    /// The stream of a case's way.
    pub fn route(&self, case: CaseId) -> Result<StreamId, Error> {
        self.routes.stream(case).map_err(bad_name)
    }

    /// A case after the entry at `upto`.
    pub async fn case_at(&self, id: CaseId, upto: Position) -> Result<Seen, Error> {
        let stream = stream_of::<case::State>(id)?;
        let mut entries = self.shell.log.read(&stream);
        let mut seen = Seen::default();
        while let Some(entry) = entries.try_next().await? {
            if entry.position > upto {
                break;
            }
            let envelope = Envelope::<case::Event>::of(&entry).map_err(unreadable)?;
            seen.is_live |= envelope.origin == Origin::Live && envelope.events.iter().any(wants_somebody);
            seen.case = domain::decider::fold(seen.case, &envelope.events);
        }
        Ok(seen)
    }

    /// A message as it reads now, or as it read with this digest, opened as far as its key exists; none if it is not there.
    pub async fn message(&self, id: MessageId, digest: Option<&Digest>) -> Result<Option<Content>, Error> {
        let stream = stream_of::<message::State>(&id)?;
        let mut entries = self.shell.log.read(&stream);
        let mut latest = None;
        while let Some(entry) = entries.try_next().await? {
            let has_body = |event: &Value| {
                let body = event.get("content").map(|content| content.get("digest").and_then(Value::as_str));
                body.is_some_and(|body| digest.is_none_or(|wanted| body == Some(wanted.as_str())))
            };
            let envelope = Envelope::<Value>::of(&entry).map_err(unreadable)?;
            if envelope.events.iter().any(has_body) {
                latest = Some((entry, envelope));
            }
        }
        let Some((entry, mut envelope)) = latest else { return Ok(None) };
        let sealed =
            Events { stream: entry.stream.as_str(), entry_id: envelope.id, events: &mut envelope.events };
        let opened = self.shell.vault.open_many(&mut [sealed]).await;
        opened.map_err(|error| Error::Unavailable(error.to_string()))?;
        let content =
            envelope.events.into_iter().find_map(|mut event| event.get_mut("content").map(Value::take));
        let content = content.map(serde_json::from_value).transpose();
        content.map_err(|_| Error::Internal("the body of a message cannot be read".into()))
    }

    /// A derived command of the service. What it is about and what it goes back to are those of its cause.
    pub fn derived(&self, cause: &Entry, step: &str) -> Result<Meta, Error> {
        let of = Cause::of(cause).map_err(unreadable)?;
        Ok(Meta {
            causation: Some(of.id),
            correlation: Some(of.first()),
            request_id: of.request_id,
            region: of.region,
            origin: of.origin,
            policy_version: self.policies.current().version.0,
            ..Meta::new(domain::ids::derive(of.id, step), "", myself()?)
        })
    }
}

/// Whether an event of a case makes somebody wanted for it, if it happens while we are running.
const fn wants_somebody(event: &case::Event) -> bool {
    use case::Event::*;
    matches!(
        event,
        Opened { .. }
            | CustomerMessageReceived { .. }
            | Reopened { .. }
            | Unassigned { .. }
            | Transferred { .. }
    )
}

fn plan_of(policy: &Snapshot) -> Plan {
    Plan::of(policy.state.set(), policy.version.0)
}

/// What decides on the streams of one category.
fn transactor<D>(shell: &Shell) -> Transactor<D>
where
    D: Decider<Error: Send, Event: Serialize + DeserializeOwned + Send + Sync>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let Shell { site, log, vault, clock, .. } = shell;
    Transactor::new(site.as_str(), Arc::clone(log), Arc::clone(vault), Arc::clone(clock))
}

fn stream_of<D: Decider>(id: impl std::fmt::Display) -> Result<StreamId, Error> {
    let category = Category::new(D::CATEGORY).map_err(bad_name)?;
    StreamId::new(&category, id).map_err(bad_name)
}

/// Actions as commands of the service at one time.
pub fn commands<A>(at: Timestamp, by: &Actor, actions: Vec<A>) -> Vec<Command<A>> {
    actions.into_iter().map(|action| Command::new(at, by.clone(), action)).collect()
}

/// The service itself, where it reacts.
pub fn myself() -> Result<Actor, Error> {
    let internal = |error: domain::ids::Invalid| Error::Internal(error.to_string());
    let id = ActorId::new("assignment").map_err(internal)?;
    Ok(Actor::new(Kind::Service, id, AuthMethod::new("internal").map_err(internal)?))
}

/// A name that the log cannot carry.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub fn bad_name(error: InvalidName) -> Error {
    Error::Internal(error.to_string())
}

/// An entry that this version cannot read: its stream is parked.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub fn unreadable(error: Unreadable) -> Error {
    Error::Refused { reason: "STREAM_PARKED", message: error.to_string() }
}
