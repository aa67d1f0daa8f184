//! How channel accounts are: whether replies leave them and messages come in.
//!
//! An account is a stream, `channel-<account>`, and its rules are [`domain::health`]'s. [`doors`] lets replies out: not while
//! the account is down, held or told to be slower, not more often than it may, and few at first. [`watching`] looks for silence
//! and for feeds that fail. Every process follows what is decided ([`known`]), whoever decided it: a start finds it in the log.
//!
//! What is absent: nothing here sends, and nothing but a person's word or what calls came to changes how an account is.

mod doors;
mod known;
mod rules;
pub(crate) mod server;
mod signs;
#[cfg(test)]
mod tests;
mod watching;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use domain::{
    actor::{Actor, Kind},
    channel::Direction,
    decider::Decider,
    health::{Action, Command, Event, Evidence, Level, State},
    ids::{AccountId, ActorId, AuthMethod, Invalid, derive},
};
use eventlog::{Category, Position};
use opentelemetry::{KeyValue, metrics::Gauge};
use service::{
    Error, Refusal,
    health::{Runs, Standing},
    lease::Lease,
    lifecycle::Tasks,
    shell::Shell,
    store::Store,
    transact::{Meta, Outcome, Transactor},
};
use uuid::Uuid;

use crate::{account::Accounts, ledger::Ledger};

pub(crate) use doors::{Pass, Turn};
pub(crate) use signs::{Said, patient};

/// The namespace of the commands about accounts. Never changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x91c4_6a02_e7b3_5d18_8f29_3ae5_74d0_1c6b);
/// The lease of whoever watches.
const LEASE: &str = "ingestion.channels";

/// A refusal that cannot be.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Never(#[from] Infallible);

impl Refusal for Never {
    fn code(&self) -> &'static str {
        match self.0 {}
    }
}

/// All accounts of the site.
pub(crate) struct Channels {
    shell: Shell,
    accounts: Arc<dyn Accounts>,
    ledger: Arc<Ledger>,
    channels: Transactor<State>,
    known: known::Known,
    doors: doors::Doors,
    lease: Lease,
    levels: Gauge<u64>,
}

impl Channels {
    /// Reads what was decided up to now.
    pub(crate) async fn open(
        shell: &Shell,
        accounts: &Arc<dyn Accounts>,
        (control, ledger): (&Store, &Arc<Ledger>),
    ) -> Result<Arc<Self>, Error> {
        let (log, vault, clock) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let meter = opentelemetry::global::meter("ingestion");
        let levels = meter
            .u64_gauge("channel_state")
            .with_description("How accounts are: 1 for the state that each is in, 0 for the others.")
            .build();
        let channels = Self {
            known: known::Known::open(shell).await?,
            doors: doors::Doors::new(shell.clock.now()),
            lease: Lease::new(control.clone(), Arc::clone(&shell.clock), LEASE, &shell.replica),
            channels: Transactor::new(shell.site.as_str(), log, vault, clock),
            shell: shell.clone(),
            accounts: Arc::clone(accounts),
            ledger: Arc::clone(ledger),
            levels,
        };
        Ok(Arc::new(channels))
    }

    pub(crate) fn spawn(self: &Arc<Self>, tasks: &mut Tasks) {
        tasks.spawn("how channels are", Arc::clone(self).follow(tasks.stop()));
        tasks.spawn("silence of channels", Arc::clone(self).watch(tasks.stop()));
    }

    /// How an account is, as far as this process knows.
    pub(crate) fn state(&self, account: &AccountId) -> State {
        self.known.of(account).1
    }

    /// Decides something about an account on our own, from what this process knows of it. Who finds it changed did it.
    async fn act(&self, account: &AccountId, action: Action) -> Result<Outcome<State>, Error> {
        let (version, _) = self.known.of(account);
        let step = format!("{account}/{}/{action:?}", version.0);
        let actor = myself().map_err(|error| Error::Internal(error.to_string()))?;
        let meta = Meta::new(derive(NAMESPACE, &step), step, actor);
        self.execute(account, &meta, action).await
    }

    /// Decides something about an account.
    async fn execute(
        &self,
        account: &AccountId,
        meta: &Meta,
        action: Action,
    ) -> Result<Outcome<State>, Error> {
        let stream = self.channels.stream(account).map_err(|error| Error::Internal(error.to_string()))?;
        let region = self.accounts.find(account.as_str()).1.map(|account| account.region.to_string());
        let meta = Meta { region, ..meta.clone() };
        let make = |_: &_, at| Ok(vec![Command::new(at, meta.actor.clone(), action.clone())]);
        let done = self.channels.execute::<Never>(&stream, &meta, make).await?;
        if self.known.learn(account, done.aggregate.version, &done.aggregate.state) {
            self.measure(account, &done.aggregate.state);
        }
        if done.changed && !done.repeated {
            tell(account, &action, &done.aggregate.state);
        }
        Ok(done)
    }

    /// Tells the metrics how an account is.
    fn measure(&self, account: &AccountId, state: &State) {
        let held = state.held().is_some();
        let all = Level::ALL.map(|level| (level.slug(), level == state.level()));
        for (name, is) in all.into_iter().chain([("held", held)]) {
            let labels = [KeyValue::new("account", account.to_string()), KeyValue::new("state", name)];
            self.levels.record(u64::from(is), &labels);
        }
    }
}

/// The alert: one line for whatever changes how an account is. The entry is in the log, for those who want to be told otherwise.
fn tell(account: &AccountId, action: &Action, state: &State) {
    let level = state.level().slug();
    match action {
        Action::Degrade { direction, cause, evidence }
        | Action::GoDown { direction, cause, evidence, .. } => {
            let (direction, cause) = (verb(*direction), cause.slug());
            tracing::warn!(%account, level, direction, cause, evidence = %words(evidence), "a channel does not work as it should");
        }
        Action::Try => tracing::warn!(%account, level, "a channel that was down is tried with one reply"),
        Action::Recover { direction, .. } => {
            tracing::warn!(%account, level, direction = verb(*direction), "a channel works again");
        }
        Action::Throttle { until } => {
            tracing::info!(%account, %until, "a platform wants to be called less often");
        }
        Action::Hold { reason } => tracing::warn!(%account, level, %reason, "a channel is held by a person"),
        Action::Release => tracing::warn!(%account, level, "a channel is released by a person"),
    }
}

const fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "sending",
        Direction::In => "receiving",
    }
}

/// Evidence in words.
fn words(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Calls { in_a_row, failed, calls } => {
            format!("{in_a_row} failures in a row, {failed} of the last {calls} calls")
        }
        Evidence::Silence { last_in, expected, weeks } => {
            format!(
                "nothing since {last_in}, where {expected} came in the middle one of the last {weeks} weeks"
            )
        }
    }
}

/// What is not up is named, and takes nobody out.
impl Runs for Channels {
    fn name(&self) -> &'static str {
        "channels"
    }

    fn standing(&self) -> Option<Standing> {
        self.known.standing()
    }

    /// By account.
    fn failing(&self) -> Vec<(String, String)> {
        let mut failing = BTreeMap::<String, Vec<String>>::new();
        for (account, state) in self.known.all() {
            // What policy has no more is nobody's trouble.
            if self.accounts.find(account.as_str()).1.is_none() {
                continue;
            }
            let mut reasons = Vec::new();
            for direction in [Direction::Out, Direction::In] {
                let side = state.side(direction);
                if let Some(trouble) = &side.trouble {
                    let (verb, level, cause) = (verb(direction), side.level.slug(), trouble.cause.slug());
                    let words = words(&trouble.evidence);
                    reasons.push(format!("{verb} is {level} since {} ({cause}): {words}", trouble.since));
                }
            }
            reasons.extend(
                state.held().map(|held| format!("sending is held since {} ({})", held.since, held.reason)),
            );
            if !reasons.is_empty() {
                failing.insert(account.to_string(), reasons);
            }
        }
        failing.into_iter().map(|(account, reasons)| (account, reasons.join("; "))).collect()
    }
}

/// Who decides.
fn myself() -> Result<Actor, Invalid> {
    Ok(Actor::new(Kind::Service, ActorId::new("channels")?, AuthMethod::new("internal")?))
}

fn category() -> Result<Category, Error> {
    Category::new(State::CATEGORY).map_err(|error| Error::Internal(error.to_string()))
}

/// What a stream of this category decides, read.
type Envelope = service::envelope::Envelope<Event>;

/// The position and the state of an account.
type At = (Position, State);
