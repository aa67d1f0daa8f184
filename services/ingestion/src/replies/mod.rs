//! Replies out: what a case releases is queued, sent on the customer's own channel, and what became of it is kept.
//!
//! A reply is a stream, `delivery-<reply>`, and its rules are [`domain::delivery`]'s. [`queue`] takes over what cases release:
//! where an account's connector can send. [`drive`] does what is next, again and again: it writes the intention before each
//! call ([`say`]) and the result after it, so that a process may die at any moment, and what is unclear then is told as unclear.
//! [`reports`] brings together what the channel tells of a message with the reply that it is; [`proved`] takes the word of ours
//! that comes back with it for the answer that never came.
//!
//! What is absent: what was sent nobody here judges again, and what is unclear nobody sends again by himself, unless the
//! platform knows the key, says that it has it not, or policy wants that.

mod drive;
mod http;
mod in_time;
pub(crate) mod mail;
pub(crate) mod model;
mod proved;
mod queue;
mod reports;
mod say;
pub(crate) mod sends;
pub(crate) mod server;
#[cfg(test)]
mod tests;
mod way;
mod words;

use std::sync::{Arc, OnceLock};

use domain::{
    actor::Actor,
    decider::Decider,
    delivery::{self, Action, Command},
    ids::{AccountId, derive},
};
use eventlog::{Category, Entry, StreamId};
use service::{
    Error,
    auth::Principal,
    envelope::contains,
    lease::Lease,
    lifecycle::Tasks,
    models::Models,
    reaction::{self, AnyReaction, Reaction, Runner},
    store::Store,
    transact::{self, Meta, Outcome, Transactor},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use sends::Sends;
use way::Way;

use crate::{
    account::{Account, Accounts, Via},
    health::Channels,
    secrets::Secrets,
};

/// The namespace of the commands of deliveries.
const NAMESPACE: Uuid = Uuid::from_u128(0x3b6e_5f0c_2a71_5d0e_b4a8_90c3_d1f7_66ee);

/// What the reactions share.
pub(crate) struct Replies {
    shell: service::shell::Shell,
    accounts: Arc<dyn Accounts>,
    deliveries: Transactor<delivery::State>,
    messages: Transactor<domain::message::State>,
    /// To be read: cases writes them.
    customers: Transactor<domain::customer::State>,
    /// Who sends.
    actor: Actor,
    secrets: Secrets,
    http: http::Client,
    /// Whether an account may send now.
    channels: Arc<Channels>,
    /// Cancelled when the process is to end: then no attempt begins.
    stop: OnceLock<CancellationToken>,
}

/// The reactions, opened.
pub(crate) struct Runners {
    queue: Arc<Runner<QueueReplies>>,
    deliver: Arc<Runner<Deliver>>,
    reports: Arc<Runner<FollowReports>>,
    replies: Arc<Replies>,
    model: Arc<Models<model::Deliveries>>,
}

impl Runners {
    pub(crate) async fn open(
        shell: &service::shell::Shell,
        accounts: &Arc<dyn Accounts>,
        (control, channels): (&Store, &Arc<Channels>),
        secrets: &Secrets,
    ) -> Result<Self, Error> {
        let model = model::Deliveries::new(Arc::clone(&shell.log));
        let model = Arc::new(Models::open(shell.clone(), control.clone(), model).await?);
        let replies =
            Replies::new(shell.clone(), Arc::clone(accounts), Arc::clone(channels), secrets.clone())?;
        let replies = Arc::new(replies);
        let lease = |name| Lease::new(control.clone(), Arc::clone(&shell.clock), name, &shell.replica);
        let (log, own) = (|| Arc::clone(&shell.log), || control.clone());
        let queue = QueueReplies(Arc::clone(&replies));
        let deliver = Deliver(Arc::clone(&replies));
        let reports = FollowReports(Arc::clone(&replies));
        Ok(Self {
            queue: Arc::new(Runner::new(queue, log(), own(), lease("ingestion.queue_replies"))),
            deliver: Arc::new(Runner::new(deliver, log(), own(), lease("ingestion.deliver"))),
            reports: Arc::new(Runner::new(reports, log(), own(), lease("ingestion.follow_reports"))),
            replies,
            model,
        })
    }

    pub(crate) fn spawn(&self, tasks: &mut Tasks) {
        let stop = tasks.stop();
        self.replies.stop.get_or_init(|| stop.clone());
        tasks.spawn("replies to deliveries", Arc::clone(&self.queue).run(stop.clone()));
        tasks.spawn("deliveries", Arc::clone(&self.deliver).run(stop.clone()));
        tasks.spawn("reports to deliveries", Arc::clone(&self.reports).run(stop.clone()));
        tasks.spawn("the read model of deliveries", Arc::clone(&self.model).run(stop));
    }

    /// The read model, for operators.
    pub(crate) fn model(&self) -> Arc<Models<model::Deliveries>> {
        Arc::clone(&self.model)
    }

    /// A platform told something of a message, and with it the word of ours that it was sent with.
    pub(crate) async fn proved(&self, account: &Account, external_id: &str, word: &str) -> Result<(), Error> {
        self.replies.proved(account, external_id, word).await
    }

    /// The way in over gRPC.
    pub(crate) fn server(&self) -> server::Server {
        server::Server { replies: Arc::clone(&self.replies), model: self.model() }
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyReaction>> {
        vec![Arc::clone(&self.queue) as _, Arc::clone(&self.deliver) as _, Arc::clone(&self.reports) as _]
    }
}

/// Queues what cases release.
struct QueueReplies(Arc<Replies>);

#[async_trait::async_trait]
impl Reaction for QueueReplies {
    fn name(&self) -> &'static str {
        "ingestion.queue_replies"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(domain::case::State::CATEGORY).into_iter().collect()
    }

    fn wants(&self, entry: &Entry) -> bool {
        contains(&entry.body, "case.reply_released")
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.queue(entry).await.map_err(outcome)
    }
}

/// Sends what is queued.
struct Deliver(Arc<Replies>);

#[async_trait::async_trait]
impl Reaction for Deliver {
    fn name(&self) -> &'static str {
        "ingestion.deliver"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(delivery::State::CATEGORY).into_iter().collect()
    }

    /// After these there may be something to do that nobody is doing.
    fn wants(&self, entry: &Entry) -> bool {
        ["delivery.queued", "delivery.replayed", "delivery.resend_chosen", "delivery.clarified"]
            .iter()
            .any(|kind| contains(&entry.body, kind))
    }

    /// What is said in one conversation keeps its order.
    fn lane(&self, entry: &Entry) -> String {
        lane(entry)
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.drive(&entry.stream).await
    }
}

/// Brings what channels report to the replies that it is about.
struct FollowReports(Arc<Replies>);

#[async_trait::async_trait]
impl Reaction for FollowReports {
    fn name(&self) -> &'static str {
        "ingestion.follow_reports"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(domain::message::State::CATEGORY).into_iter().collect()
    }

    fn wants(&self, entry: &Entry) -> bool {
        contains(&entry.body, "message.reported") || contains(&entry.body, "message.sent")
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.report(&entry.stream).await.map_err(outcome)
    }
}

/// The conversation of a queued reply; of what comes later, the reply: that was queued, and its turn has come.
fn lane(entry: &Entry) -> String {
    let envelope = service::envelope::Envelope::<delivery::Event>::of(entry);
    let queued = envelope.ok().and_then(|envelope| {
        envelope.events.into_iter().find_map(|event| match event {
            delivery::Event::Queued { request, .. } => Some(request.conversation),
            _ => None,
        })
    });
    queued.map_or_else(|| entry.stream.to_string(), |conversation| conversation.to_string())
}

impl Replies {
    fn new(
        shell: service::shell::Shell,
        accounts: Arc<dyn Accounts>,
        channels: Arc<Channels>,
        secrets: Secrets,
    ) -> Result<Self, Error> {
        let actor = myself().map_err(|error| Error::Internal(error.to_string()))?.actor;
        let site = shell.site.as_str();
        let parts = || (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let (log, vault, clock) = parts();
        let deliveries = Transactor::new(site, log, vault, clock);
        let (log, vault, clock) = parts();
        let messages = Transactor::new(site, log, vault, clock);
        let (log, vault, clock) = parts();
        let customers = Transactor::new(site, log, vault, clock);
        let http = http::Client::new()?;
        let stop = OnceLock::new();
        Ok(Self { deliveries, messages, customers, accounts, actor, secrets, http, channels, shell, stop })
    }

    /// Whether the process is to end.
    fn is_stopping(&self) -> bool {
        self.stop.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// How an account sends, if its connector can, and policy has all that it needs for that.
    fn way(&self, account: &AccountId) -> Option<(Via, Way)> {
        match Sends::of(&*self.accounts, account)? {
            Sends::Itself(via, way) => Some((via, way)),
            Sends::Incomplete(..) | Sends::NoWay(_) | Sends::Deliverer => None,
        }
    }

    /// Does something to a delivery. `step` names it: the same step again is nothing.
    async fn act(
        &self,
        stream: &StreamId,
        step: &str,
        action: Action,
    ) -> Result<Outcome<delivery::State>, Error> {
        self.execute(stream, step, action).await.map_err(Error::from)
    }

    /// Does to a delivery what seemed to be next. Nothing: it is not, because somebody has acted since it was looked at.
    async fn go_on(
        &self,
        stream: &StreamId,
        step: &str,
        action: Action,
    ) -> Result<Option<Outcome<delivery::State>>, Error> {
        match self.execute(stream, step, action).await {
            Err(transact::Error::Refused(refusal)) if is_overtaken(&refusal) => {
                tracing::debug!(%stream, %refusal, "a delivery is not as it was; it is looked at again");
                Ok(None)
            }
            done => Ok(Some(done?)),
        }
    }

    async fn execute(
        &self,
        stream: &StreamId,
        step: &str,
        action: Action,
    ) -> Result<Outcome<delivery::State>, transact::Error<delivery::Error>> {
        let actor = &self.actor;
        let command_id = derive(NAMESPACE, &format!("{stream}/{step}"));
        let meta = Meta::new(command_id, step, actor.clone());
        let make = |_: &_, at| Ok(vec![Command::new(at, actor.clone(), action.clone())]);
        self.deliveries.execute::<delivery::Error>(stream, &meta, make).await
    }
}

/// Whether a refusal says that somebody has acted meanwhile, and not that it can never be done.
const fn is_overtaken(refusal: &delivery::Error) -> bool {
    use delivery::Error as E;
    match refusal {
        E::Begun
        | E::Cancelled
        | E::Refused(_)
        | E::Dead
        | E::NotDead
        | E::AlreadySent
        | E::OutOfOrder
        | E::Running
        | E::TooEarly { .. }
        | E::OutcomeUnclear
        | E::NotUnclear => true,
        E::Unknown
        | E::AnotherReply
        | E::Empty
        | E::LimitExceeded { .. }
        | E::UnknownPart
        | E::UnknownAttempt
        | E::UnknownRound
        | E::NoBasis
        | E::UnknownMessage => false,
    }
}

/// Who sends.
fn myself() -> Result<Principal, domain::ids::Invalid> {
    use domain::{
        actor::{Actor, Kind},
        ids::{ActorId, AuthMethod},
    };
    let actor = Actor::new(Kind::Service, ActorId::new("delivery")?, AuthMethod::new("internal")?);
    Ok(Principal { actor, roles: Vec::new() })
}

/// What waits, and what can never be done.
fn outcome(error: Error) -> reaction::Error {
    match error {
        Error::Unavailable(_) | Error::Aborted { .. } => reaction::Error::Later(error.to_string()),
        other => reaction::Error::Never(format!("{}: {other}", other.reason())),
    }
}
