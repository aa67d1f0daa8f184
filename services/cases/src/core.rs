//! What all of the service works with.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    actor::{Actor, Kind},
    case, conversation, customer,
    decider::{Command, Decider},
    delivery,
    ids::{ActorId, AuthMethod, CaseId},
    links, sla,
    time::Timestamp,
};
use eventlog::{Category, Entry, InvalidName, Position, StreamId};
use futures_util::TryStreamExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use service::{
    Error,
    auth::Principal,
    envelope::{Cause, Envelope, Origin, Unreadable},
    models::Models,
    policies::{Access, Policies, Snapshot},
    projection::ReadModel,
    reaction::Runner,
    shell::Shell,
    store::Store,
    transact::{self, Aggregate, Meta, Outcome, Transactor},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    act::{
        actions::{Act, Ground},
        fields as f,
        no::No,
        request::Request,
    },
    clocks::{Promises, Schedule},
    follow::messages::FollowMessages,
    read::{projection::CasesProjection, query::SEEING},
};

/// How long a query waits for the read model to reach the position that its caller has seen.
pub const AT_LEAST_LIMIT: Duration = Duration::from_secs(10);

/// The service's parts.
pub struct Core {
    /// Its surroundings.
    pub shell: Shell,
    /// Leases and positions.
    pub control: Store,
    /// Decides on cases.
    pub cases: Transactor<case::State>,
    /// Decides on conversations.
    pub conversations: Transactor<conversation::State>,
    /// Decides on customers.
    pub customers: Transactor<customer::State>,
    /// Decides on two cases.
    pub links: Transactor<links::State>,
    /// Announces what the clocks of cases say.
    pub clocks: Transactor<sla::State>,
    /// What was promised to whom, and when that changed.
    pub promises: Promises,
    /// When the clocks of which case are to be looked at again.
    pub schedule: Schedule,
    /// Replies on their way, to be read: ingestion writes them.
    pub deliveries: Transactor<delivery::State>,
    /// Held from the look at two cases to the decision, lest those of this process make each other look again.
    pub linking: Mutex<()>,
    /// Decides on the policy.
    pub policy: Transactor<domain::policy::State>,
    /// The policy in force.
    pub policies: Arc<Policies>,
    /// The read model.
    pub models: Arc<Models<CasesProjection>>,
    /// What makes cases of messages, once it is there.
    pub messages: OnceLock<Weak<Runner<FollowMessages>>>,
    /// The last entry that a reaction of this process has written.
    pub reacted: AtomicU64,
    /// Cancelled when the process is to end: streams to callers end with it.
    pub stop: CancellationToken,
}

/// A caller and what holds for the call.
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// What the caller may do.
    pub access: Access,
    /// The policy at the time of the call.
    pub policy: Arc<Snapshot>,
}

impl Core {
    /// Opens what the service keeps.
    pub async fn open(shell: Shell) -> Result<Self, Error> {
        let control = shell.stores.control("cases").await?;
        let projection = CasesProjection::new(Arc::clone(&shell.log), Arc::clone(&shell.vault));
        let models = Arc::new(Models::open(shell.clone(), control.clone(), projection).await?);
        let policies = Arc::new(Policies::open(shell.site.as_str(), Arc::clone(&shell.log)).await?);
        Ok(Self {
            cases: transactor(&shell),
            conversations: transactor(&shell),
            customers: transactor(&shell),
            links: transactor(&shell),
            clocks: transactor(&shell),
            promises: Promises::default(),
            schedule: Schedule::default(),
            deliveries: transactor(&shell),
            linking: Mutex::default(),
            policy: transactor(&shell),
            policies,
            models,
            control,
            shell,
            messages: OnceLock::new(),
            reacted: AtomicU64::new(0),
            stop: CancellationToken::new(),
        })
    }

    /// Remembers that a reaction has written, or found written, up to `position`.
    pub fn reacted_to(&self, position: Position) {
        self.reacted.fetch_max(position.0, Ordering::AcqRel);
    }

    /// The caller of a request.
    pub fn caller(&self, principal: &Principal) -> Caller {
        let policy = self.policies.current();
        Caller { actor: principal.actor.clone(), access: policy.access(principal), policy }
    }

    /// The read model, once it has reached what the caller has seen; and the policy, if it was that.
    pub async fn model(&self, at_least: &str) -> Result<Arc<ReadModel<CasesProjection>>, Error> {
        let Some(position) = self.shell.position("at_least", at_least)? else {
            return Ok(self.models.current());
        };
        let position = self.made_of(position).await?;
        let model = self.models.at_least(position, AT_LEAST_LIMIT).await?;
        if self.policies.current().version < position {
            let category = Category::new(<domain::policy::State as Decider>::CATEGORY).map_err(bad_name)?;
            let last = self.shell.log.tail(&[category]).await?;
            if !self.policies.wait_for(last.min(position), AT_LEAST_LIMIT).await {
                return Err(Error::Unavailable("the policy is not in force here yet; try again".into()));
            }
        }
        Ok(model)
    }

    /// A position up to which there is what has become of everything up to `position`: whoever has seen a message taken in
    /// is to see its case, which is made after it.
    async fn made_of(&self, position: Position) -> Result<Position, Error> {
        if !self.is_of_a_message(position).await? {
            return Ok(position);
        }
        if let Some(messages) = self.messages.get().and_then(Weak::upgrade)
            && !messages.wait_for(position, AT_LEAST_LIMIT).await
        {
            return Err(Error::Unavailable(
                "messages up to this position are no cases yet; try again".into(),
            ));
        }
        let category = Category::new(case::State::CATEGORY).map_err(bad_name)?;
        let made = self.shell.log.tail(&[category]).await?;
        Ok(position.max(made))
    }

    /// Whether a position is that of a message. Of what came after the last one nothing is looked up.
    async fn is_of_a_message(&self, position: Position) -> Result<bool, Error> {
        let category = Category::new(domain::message::State::CATEGORY).map_err(bad_name)?;
        if self.shell.log.tail(std::slice::from_ref(&category)).await? < position {
            return Ok(false);
        }
        let mut entries = self.shell.log.follow(Position(position.0.saturating_sub(1)), &[]);
        let entry = entries.try_next().await?.filter(|entry| entry.position == position);
        Ok(entry.is_some_and(|entry| entry.stream.category() == category.as_str()))
    }

    /// The stream of a case.
    pub fn stream(&self, id: CaseId) -> Result<StreamId, Error> {
        self.cases.stream(id).map_err(bad_name)
    }

    /// Why and by whom: of a command that came in.
    pub fn meta(&self, caller: &Caller, command_id: Uuid, method: &str, payload: &[u8]) -> Meta {
        let payload = [method.as_bytes(), b"\0", payload].concat();
        Meta {
            policy_version: caller.policy.version.0,
            ..Meta::new(command_id, self.shell.vault.fingerprint(&payload), caller.actor.clone())
        }
    }

    /// Executes a request about one case.
    pub async fn act<R: Act>(&self, caller: &Caller, request: &R) -> Result<(CaseId, Case), Error> {
        // First of all: who may not do this is not told by the answer which numbers there are.
        caller.access.need(R::ROLES, "this command")?;
        let id = self.case_id("case_id", request.case_id()).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", request.expected_position())?;
        let outcome = self.decide(caller, id, &meta, |ground| request.actions(ground)).await?;
        Ok((id, outcome))
    }

    /// Why and by whom: of a request.
    pub fn command<R: Request>(&self, caller: &Caller, request: &R) -> Result<Meta, Error> {
        let command_id = f::uuid("command_id", request.command_id())?;
        Ok(self.meta(caller, command_id, R::METHOD, &request.encode_to_vec()))
    }

    /// Decides on one case that the caller sees.
    pub async fn decide(
        &self,
        caller: &Caller,
        id: CaseId,
        meta: &Meta,
        actions: impl Fn(&Ground<'_>) -> Result<Vec<case::Action>, No> + Send + Sync,
    ) -> Result<Case, Error> {
        let stream = self.stream(id)?;
        let outcome = self
            .cases
            .execute::<No>(&stream, meta, |aggregate, at| {
                let case = seen(&caller.access, aggregate)?;
                let ground = Ground {
                    command_id: meta.command_id,
                    id,
                    case,
                    access: &caller.access,
                    policy: &caller.policy,
                };
                Ok(commands(at, &caller.actor, actions(&ground)?))
            })
            .await;
        if let Err(
            transact::Error::Stale { .. } | transact::Error::Beyond | transact::Error::CommandIdReused,
        ) = &outcome
        {
            // These are said before anybody has looked at the case: to who does not see it, it is not there.
            let known = self.cases.peek::<No>(&stream).await?;
            seen(&caller.access, &known)?;
        }
        if let Err(transact::Error::Refused(No::Rule(case::Error::Merged { into }))) = &outcome {
            let other = self.cases.peek::<No>(&self.stream(*into)?).await?;
            // Where it goes on is told to who sees that.
            seen(&caller.access, &other).map_err(|_| {
                Error::refused("CASE_MERGED", "the case was merged into one that you do not see")
            })?;
        }
        let outcome = outcome.map_err(|error| self.refusal("case", error))?;
        self.answerable(caller, &stream, outcome).await
    }

    /// The outcome, if the caller may know it. Who decides on a case must see it as it was before, which has been looked
    /// at; where it went is another matter. A command that had its effect before is told of to those who see the case
    /// now, and to whoever gave it: he was told the first time.
    pub async fn answerable(&self, caller: &Caller, stream: &StreamId, outcome: Case) -> Result<Case, Error> {
        if outcome.repeated
            && let Err(hidden) = seen(&caller.access, &outcome.aggregate)
            && !self.gave(caller, stream, outcome.position).await?
        {
            return Err(hidden);
        }
        Ok(outcome)
    }

    /// Whether it was the caller who gave the command that left this entry.
    pub async fn gave(&self, caller: &Caller, stream: &StreamId, position: Position) -> Result<bool, Error> {
        let entry = self.entry_at(stream, position, None).await?;
        let envelope = Envelope::<Value>::of(&entry).map_err(transact::Error::<No>::from)?;
        // However he was authenticated: a session ends, and the retry comes with the next one.
        Ok((envelope.actor.kind, envelope.actor.id) == (caller.actor.kind, caller.actor.id.clone()))
    }

    /// The entry of a stream at a position that was answered: as it was just written, or else from the log.
    pub async fn entry_at(
        &self,
        stream: &StreamId,
        position: Position,
        written: Option<Entry>,
    ) -> Result<Entry, Error> {
        if let Some(entry) = written {
            return Ok(entry);
        }
        let mut entries = self.shell.log.read_after(stream, Position(position.0.saturating_sub(1)));
        match entries.try_next().await? {
            Some(entry) if entry.position == position => Ok(entry),
            _ => Err(Error::Internal("an entry whose position was answered is not there".into())),
        }
    }
}

/// What decides on the streams of one category.
fn transactor<D>(shell: &Shell) -> Transactor<D>
where
    D: Decider<Error: Send, Event: Serialize + DeserializeOwned + Send + Sync>,
{
    let Shell { site, log, vault, clock, .. } = shell;
    Transactor::new(site.as_str(), Arc::clone(log), Arc::clone(vault), Arc::clone(clock))
}

/// The case, if the caller sees it; else it is not there.
pub fn seen<'a>(access: &Access, aggregate: &'a Aggregate<case::State>) -> Result<&'a case::Case, Error> {
    aggregate.state.case().filter(|case| sees(access, case)).ok_or(Error::NotFound { what: "case" })
}

/// Whether the caller sees a case: one of his regions or teams, one that a team of his is asked to help with, or one that
/// he has, whosever it is: routing gives a queue's cases to agents of several teams.
pub fn sees(access: &Access, case: &case::Case) -> bool {
    let asked = case.escalation.as_ref().and_then(|escalation| escalation.team.as_ref());
    access.sees(&case.region, case.team.as_ref())
        || asked.is_some_and(|team| access.is_asked(team))
        || (access.any(SEEING) && case.assignee.is_some() && case.assignee == access.person)
}

/// What became of a command on a case.
pub type Case = Outcome<case::State>;

/// Actions as commands of one actor at one time.
pub fn commands<A>(at: Timestamp, by: &Actor, actions: Vec<A>) -> Vec<Command<A>> {
    actions.into_iter().map(|action| Command::new(at, by.clone(), action)).collect()
}

/// The service itself, where it reacts.
pub fn myself() -> Result<Actor, Error> {
    let internal = |error: domain::ids::Invalid| Error::Internal(error.to_string());
    let id = ActorId::new("cases").map_err(internal)?;
    Ok(Actor::new(Kind::Service, id, AuthMethod::new("internal").map_err(internal)?))
}

/// A derived command of the service itself. What it is about, whether it is of our time, and what it goes back to are
/// those of its cause.
pub fn derived(core: &Core, cause: &Entry, step: &str) -> Result<Meta, Error> {
    let unreadable = |error: Unreadable| Error::Internal(error.to_string());
    let of = Cause::of(cause).map_err(unreadable)?;
    Ok(Meta {
        causation: Some(of.id),
        correlation: Some(of.first()),
        request_id: of.request_id,
        region: of.region,
        origin: of.origin,
        policy_version: core.policies.current().version.0,
        ..Meta::new(domain::ids::derive(of.id, step), "", myself()?)
    })
}

/// The same where the cause says when it happened: what follows from history happened then, and not now.
pub fn caused<E>(core: &Core, cause: &Entry, envelope: &Envelope<E>, step: &str) -> Result<Meta, Error> {
    let occurred_at = (envelope.origin == Origin::Import).then_some(envelope.occurred_at);
    Ok(Meta { occurred_at, ..derived(core, cause, step)? })
}

/// A name that the log cannot carry.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub fn bad_name(error: InvalidName) -> Error {
    Error::Internal(error.to_string())
}
