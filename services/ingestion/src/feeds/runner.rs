//! Asks all feeds, each when it is due.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{ids::AccountId, time::Timestamp};
use futures_util::{StreamExt, future::BoxFuture, stream};
use proto::ingestion::v1;
use service::{Error, clock::Clock};
use tokio_util::sync::CancellationToken;

use super::{
    Outcome, Poll, Source,
    client::{Client, Failure},
};
use crate::intake::limits::MESSAGES_MAX;
pub use crate::leased::Troubles;

/// Hosts that are asked side by side.
pub const CONCURRENT_MAX: usize = 8;
/// How long new sources wait until they are looked at, in seconds.
pub const TICK_MAX_S: i64 = 30;
/// The time between the beginnings of two turns, at least, in seconds.
const REST_S: i64 = 1;

/// The feeds to ask, as the policy has them now. Each account once.
pub type Sources = Arc<dyn Fn() -> Vec<Source> + Send + Sync>;

/// Takes the messages of an account in, at most [`MESSAGES_MAX`] at once. After an error the same messages come again.
pub type Submit =
    Arc<dyn Fn(AccountId, Vec<v1::Message>) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// Where polls are kept. One that is lost costs a request and duplicates, nothing else.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// What was kept last for the account.
    async fn load(&self, account: &AccountId) -> Result<Option<Poll>, Error>;
    /// Keeps it.
    async fn save(&self, account: &AccountId, poll: &Poll) -> Result<(), Error>;
}

/// Keeps polls as long as the process lives.
#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<AccountId, Poll>>);

#[async_trait::async_trait]
impl Store for Memory {
    async fn load(&self, account: &AccountId) -> Result<Option<Poll>, Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned())
    }

    async fn save(&self, account: &AccountId, poll: &Poll) -> Result<(), Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone(), poll.clone());
        Ok(())
    }
}

/// Asks feeds and hands on what is new in them.
#[derive(Clone)]
pub struct Runner {
    /// The feeds.
    pub sources: Sources,
    /// How they are asked.
    pub client: Arc<dyn Client>,
    /// What is known of them.
    pub store: Arc<dyn Store>,
    /// When it is.
    pub clock: Arc<dyn Clock>,
    /// Who takes their messages.
    pub submit: Submit,
    /// What operators should know of them.
    pub troubles: Troubles,
}

impl Runner {
    /// Asks until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let wait = async {
                // Counted from the beginning of the turn: what has become due meanwhile is not waited for again.
                let began = self.clock.now();
                let next = self.turn().await.unwrap_or(Timestamp::MAX);
                // Never at once: whatever goes wrong, it does not go round and round.
                let (soonest, latest) = (began.plus_seconds(REST_S), began.plus_seconds(TICK_MAX_S));
                self.clock.wait_until(next.clamp(soonest, latest)).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = wait => {}
            }
        }
    }

    /// Asks every feed that is due, each host for one at a time; when the next one is.
    pub async fn turn(&self) -> Option<Timestamp> {
        let mut hosts: BTreeMap<String, Vec<(Source, Poll)>> = BTreeMap::new();
        let mut next = None;
        let sources = (self.sources)();
        self.troubles.keep_those_of(sources.iter().map(|source| &source.account));
        for source in sources {
            let now = self.clock.now();
            let kept = match self.store.load(&source.account).await {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::warn!(account = %source.account, %error, "what is known of a feed cannot be read");
                    self.troubles.note(&source.account, Some("what is known of it cannot be read".into()));
                    continue;
                }
            };
            let poll = match kept.clone() {
                Some(kept) => kept.of(&source, now),
                None => Poll::new(&source, now),
            };
            self.troubles.note(&source.account, poll.trouble());
            match poll.next_at() {
                Some(at) if at <= now => {
                    hosts.entry(poll.address().host().to_owned()).or_default().push((source, poll));
                }
                Some(at) => {
                    if kept.as_ref() != Some(&poll) {
                        self.save(&source, &poll).await;
                    }
                    next = earlier(next, Some(at));
                }
                None => {}
            }
        }
        let asked = stream::iter(hosts.into_values()).map(|due| async move {
            let mut next = None;
            for (source, poll) in due {
                next = earlier(next, self.ask(&source, poll).await.next_at());
            }
            next
        });
        asked.buffer_unordered(CONCURRENT_MAX).fold(next, async |next, other| earlier(next, other)).await
    }

    /// Asks one feed, over all redirects, hands on what is new and keeps what is known then.
    async fn ask(&self, source: &Source, before: Poll) -> Poll {
        let mut poll = before.clone();
        let outcome = loop {
            let answer = self.client.get(poll.request(source)).await;
            let now = self.clock.now();
            let (asking, of) = (poll.clone(), source.clone());
            // To read a feed takes as long as a stranger wants, up to a bound.
            let answered = tokio::task::spawn_blocking(move || asking.answered(&of, answer, now)).await;
            let (after, outcome) =
                answered.unwrap_or_else(|_| poll.clone().answered(source, Err(Failure::Unreadable), now));
            poll = after;
            if outcome != Outcome::Redirected {
                break outcome;
            }
        };
        let poll = self.hand_on(source, before, poll, outcome).await;
        self.troubles.note(&source.account, poll.trouble());
        self.save(source, &poll).await;
        poll
    }

    async fn hand_on(&self, source: &Source, before: Poll, after: Poll, outcome: Outcome) -> Poll {
        let account = &source.account;
        let moved = match outcome {
            Outcome::Unchanged { moved } => moved,
            Outcome::Read { messages, flaws, moved } => {
                if !flaws.is_empty() {
                    tracing::debug!(%account, ?flaws, "a feed is not as it should be");
                }
                for batch in messages.chunks(MESSAGES_MAX) {
                    if let Err(error) = (self.submit)(account.clone(), batch.to_vec()).await {
                        tracing::warn!(%account, %error, "the entries of a feed were not taken in; trying again");
                        return before.answered(source, Err(Failure::NotTaken), self.clock.now()).0;
                    }
                }
                moved
            }
            Outcome::Redirected => None,
            Outcome::Gone => {
                tracing::warn!(%account, "a feed is gone for good; name another address in the account's settings");
                None
            }
            Outcome::Failed(failure) => {
                tracing::warn!(%account, %failure, failures = after.failures(), "a feed was not read; trying again");
                None
            }
        };
        if moved.is_some() {
            tracing::warn!(%account, "a feed has moved for good; change the address in the account's settings");
        }
        after
    }

    async fn save(&self, source: &Source, poll: &Poll) {
        if let Err(error) = self.store.save(&source.account, poll).await {
            tracing::warn!(account = %source.account, %error, "what is known of a feed cannot be kept");
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
