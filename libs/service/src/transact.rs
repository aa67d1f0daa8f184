//! A command becomes an entry: load, decide, seal, append; again if somebody was faster.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    actor::Actor,
    decider::{Decider, decide_all, fold},
    time::Timestamp,
};
use eventlog::{AppendError, Category, Entry, EventLog, NewEntry, Position, StreamId};
use futures_util::TryStreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;
use uuid::Uuid;
use vault::Vault;

use crate::{
    backoff,
    clock::Clock,
    envelope::{CommandStamp, Envelope, Origin, Unreadable, VERSION, decode},
    telemetry,
};

/// Streams whose state is kept hot.
pub const HOT_STREAMS_MAX: u64 = 20_000;
/// How often a command is decided again because another writer was faster.
pub const CONFLICTS_MAX: u32 = 8;
/// How often an append with an unknown outcome is repeated before the caller is told so.
pub const UNKNOWN_MAX: u32 = 5;

/// Who asks, why, and under which id.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Makes a retry harmless.
    pub command_id: Uuid,
    /// Keyed digest of the payload.
    pub digest: String,
    /// Who did it.
    pub actor: Actor,
    /// For whom.
    pub on_behalf_of: Option<String>,
    /// Why, as a stable code.
    pub reason: Option<String>,
    /// The request that brought it.
    pub request_id: Option<String>,
    /// The entry that this reacts to.
    pub causation: Option<Uuid>,
    /// The first entry of the chain.
    pub correlation: Option<Uuid>,
    /// Live, imported or rebuilt.
    pub origin: Origin,
    /// When it happened, if that was not now.
    pub occurred_at: Option<Timestamp>,
    /// Position of the last policy entry.
    pub policy_version: u64,
    /// The version that the caller has seen, if it insists on it.
    pub expected: Option<Position>,
    /// The region that the entry is about.
    pub region: Option<String>,
}

/// The state of a stream, with what idempotency needs to remember.
#[derive(Clone, Debug, Default)]
pub struct Aggregate<D> {
    /// What the events say.
    pub state: D,
    /// Position of the stream's first entry.
    pub first: Position,
    /// Position of the stream's last entry.
    pub version: Position,
    /// `recorded_at` of the stream's last entry.
    pub recorded_at: Option<Timestamp>,
    executed: HashMap<Uuid, Executed>,
}

/// A command that had its effect.
#[derive(Clone, Debug)]
struct Executed {
    position: Position,
    digest: String,
}

impl<D: Decider + Clone> Aggregate<D>
where
    D::Event: DeserializeOwned,
{
    /// Whether a command had its effect on this stream, and where.
    pub fn executed(&self, command_id: Uuid) -> Option<Position> {
        self.executed.get(&command_id).map(|done| done.position)
    }

    /// Applies the next entry of the stream.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Unreadable> {
        let Envelope { recorded_at, command, events, .. } = decode::<D>(entry)?;
        self.evolve(entry.position, Recorded { at: recorded_at, command, events });
        Ok(())
    }

    fn evolve(&mut self, position: Position, recorded: Recorded<D::Event>) {
        self.state = fold(std::mem::take(&mut self.state), &recorded.events);
        if self.first == Position::NONE {
            self.first = position;
        }
        self.version = position;
        self.recorded_at = Some(recorded.at);
        let CommandStamp { id, digest } = recorded.command;
        self.executed.insert(id, Executed { position, digest });
    }
}

/// The part of an entry that a state is made of.
struct Recorded<E> {
    at: Timestamp,
    command: CommandStamp,
    events: Vec<E>,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Outcome<D> {
    /// The entry that holds the effect; where there was nothing to do, the stream's version.
    pub position: Position,
    /// Whether there is an entry of this command, of now or of an earlier delivery.
    pub changed: bool,
    /// Whether this command had been executed before.
    pub repeated: bool,
    /// The stream as it is now.
    pub aggregate: Arc<Aggregate<D>>,
}

/// Why a command had no effect, or may have had none.
#[derive(Debug, thiserror::Error)]
pub enum Error<R> {
    /// The rules say no.
    #[error(transparent)]
    Refused(R),
    /// The stream is not at the version that the caller insisted on.
    #[error("the state has changed since it was read; it is now at {actual}")]
    Stale {
        /// The stream's version.
        actual: Position,
    },
    /// The id was used for another command.
    #[error("this command_id was used before with another payload; take a new one")]
    CommandIdReused,
    /// Others were faster, again and again.
    #[error("too many writers at once; try again")]
    Contention,
    /// The entry would be too large.
    #[error("the command is too large: its entry would have {0} bytes")]
    TooLarge(usize),
    /// The outcome is unknown, or nothing was tried. The same command again is harmless.
    #[error("not available: {0}")]
    Unavailable(String),
    /// A stored entry cannot be read by this version: the stream is parked.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Executes commands on the streams of one category.
pub struct Transactor<D> {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    site: String,
    category: Category,
    hot: moka::sync::Cache<StreamId, Slot<D>>,
}

type Slot<D> = Arc<Mutex<Option<Arc<Aggregate<D>>>>>;

impl<D> Transactor<D>
where
    D: Decider + Clone + Send + Sync + 'static,
    D::Event: Serialize + DeserializeOwned + Send + Sync,
    D::Error: Send,
{
    /// A transactor with an empty cache.
    pub fn new(site: &str, log: Arc<dyn EventLog>, vault: Arc<Vault>, clock: Arc<dyn Clock>) -> Self {
        #[expect(clippy::expect_used, reason = "a category is a constant of the domain, pinned by a test")]
        let category = Category::new(D::CATEGORY).expect("a valid category");
        let hot = moka::sync::Cache::new(HOT_STREAMS_MAX);
        Self { log, vault, clock, site: site.to_owned(), category, hot }
    }

    /// The stream with this id.
    pub fn stream(&self, id: impl std::fmt::Display) -> Result<StreamId, eventlog::InvalidName> {
        StreamId::new(&self.category, id)
    }

    /// Executes the commands that `make` yields for the present state: as one entry, all of them or none.
    ///
    /// `make` may be called several times: with a hot state first, and again with a fresh one if the hot one was
    /// refuted. A hot state is believed only as far as an append proves it right: a refusal or "nothing to do" is
    /// decided again on what the log says now.
    pub async fn execute<R: From<D::Error> + Send>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        make: impl Fn(&Aggregate<D>, Timestamp) -> Result<Vec<D::Command>, R> + Send + Sync,
    ) -> Result<Outcome<D>, Error<R>> {
        let slot = self.hot.get_with_by_ref(stream, Slot::default);
        let mut slot = slot.lock().await;
        let mut conflicts = 0;
        let mut fresh = false;
        loop {
            // The slot stays empty until the end is known: a caller that goes away leaves a cold state behind.
            let mut aggregate = match slot.take() {
                Some(hot) => hot,
                None => {
                    fresh = true;
                    Arc::new(self.load(stream).await?)
                }
            };
            let (position, changed, repeated) = match self.attempt(stream, meta, &make, &aggregate).await {
                Ok(Attempt::Appended(position, recorded)) => {
                    Arc::make_mut(&mut aggregate).evolve(position, recorded);
                    (position, true, false)
                }
                Ok(Attempt::Repeated(position)) => (position, true, true),
                Ok(Attempt::Unchanged) if fresh => (aggregate.version, false, false),
                Err(error @ (Error::Refused(_) | Error::Stale { .. })) if fresh => {
                    *slot = Some(aggregate);
                    return Err(error);
                }
                // What a hot state denies, the log decides.
                Ok(Attempt::Unchanged) | Err(Error::Refused(_) | Error::Stale { .. }) => continue,
                Ok(Attempt::Conflict) if conflicts == CONFLICTS_MAX => return Err(Error::Contention),
                Ok(Attempt::Conflict) => {
                    conflicts += 1;
                    fresh = false;
                    backoff::wait(conflicts, Duration::from_millis(2), Duration::from_millis(200)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            *slot = Some(Arc::clone(&aggregate));
            return Ok(Outcome { position, changed, repeated, aggregate });
        }
    }

    /// The state of a stream as this process last saw it, or as the log has it. Good for a first look: what is decided
    /// on it has to stand the test of [`execute`](Self::execute).
    pub async fn peek<R>(&self, stream: &StreamId) -> Result<Arc<Aggregate<D>>, Error<R>> {
        let slot = self.hot.get_with_by_ref(stream, Slot::default);
        let mut slot = slot.lock().await;
        if let Some(hot) = slot.as_ref() {
            return Ok(Arc::clone(hot));
        }
        let cold = Arc::new(self.load(stream).await?);
        *slot = Some(Arc::clone(&cold));
        Ok(cold)
    }

    /// The present state of a stream, from the log.
    pub async fn load<R>(&self, stream: &StreamId) -> Result<Aggregate<D>, Error<R>> {
        self.load_to(stream, Position(u64::MAX)).await
    }

    /// The state of a stream after the entry at `upto`, from the log.
    pub async fn load_to<R>(&self, stream: &StreamId, upto: Position) -> Result<Aggregate<D>, Error<R>> {
        let mut entries = self.log.read(stream);
        let mut aggregate = Aggregate::default();
        while let Some(entry) = entries.try_next().await.map_err(|error| Error::Unavailable(error.to_string()))? {
            if entry.position > upto {
                break;
            }
            aggregate.apply(&entry)?;
        }
        Ok(aggregate)
    }

    async fn attempt<R: From<D::Error> + Send>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        make: &(impl Fn(&Aggregate<D>, Timestamp) -> Result<Vec<D::Command>, R> + Send + Sync),
        aggregate: &Aggregate<D>,
    ) -> Result<Attempt<D::Event>, Error<R>> {
        if let Some(done) = aggregate.executed.get(&meta.command_id) {
            let same = done.digest == meta.digest;
            return if same { Ok(Attempt::Repeated(done.position)) } else { Err(Error::CommandIdReused) };
        }
        if let Some(expected) = meta.expected
            && expected != aggregate.version
        {
            return Err(Error::Stale { actual: aggregate.version });
        }
        let now = self.clock.now();
        let commands = make(aggregate, meta.occurred_at.unwrap_or(now)).map_err(Error::Refused)?;
        let events = decide_all(&aggregate.state, commands).map_err(|refusal| Error::Refused(refusal.into()))?;
        if events.is_empty() {
            return Ok(Attempt::Unchanged);
        }
        let recorded_at = aggregate.recorded_at.map_or(now, |last| last.max(now));
        let (entry, recorded) = self.seal(stream, meta, recorded_at, events).await?;
        match self.append(aggregate.version, entry).await {
            Ok(position) => Ok(Attempt::Appended(position, recorded)),
            Err(AppendError::Conflict) => Ok(Attempt::Conflict),
            Err(AppendError::TooLarge(bytes)) => Err(Error::TooLarge(bytes)),
            Err(AppendError::Log(error)) => Err(Error::Unavailable(error.to_string())),
        }
    }

    /// The entry, sealed once, and what a cold reader would make of it.
    async fn seal<R>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        recorded_at: Timestamp,
        events: Vec<D::Event>,
    ) -> Result<(NewEntry, Recorded<D::Event>), Error<R>> {
        let broken =
            |error: serde_json::Error| Error::Unavailable(format!("an event has no JSON form: {error}"));
        let id = entry_id(stream, meta.command_id);
        let mut values: Vec<_> =
            events.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(broken)?;
        let sealed = self.vault.seal(stream.as_str(), id, &mut values).await;
        sealed.map_err(|error| Error::Unavailable(error.to_string()))?;
        let envelope = Envelope {
            v: VERSION,
            id,
            stream: stream.to_string(),
            site: self.site.clone(),
            region: meta.region.clone(),
            origin: meta.origin,
            recorded_at,
            occurred_at: meta.occurred_at.unwrap_or(recorded_at),
            actor: meta.actor.clone(),
            on_behalf_of: meta.on_behalf_of.clone(),
            reason: meta.reason.clone(),
            request_id: meta.request_id.clone(),
            causation: meta.causation,
            correlation: meta.correlation,
            policy_version: meta.policy_version,
            command: CommandStamp { id: meta.command_id, digest: meta.digest.clone() },
            events: values,
        };
        let body = serde_json::to_vec(&envelope).map_err(broken)?.into();
        let Envelope { command, events: values, .. } = envelope;
        // The hot state holds what a cold one would: sealed values, never the text.
        let events =
            values.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(broken)?;
        let entry = NewEntry { id, stream: stream.clone(), traceparent: telemetry::traceparent(), body };
        Ok((entry, Recorded { at: recorded_at, command, events }))
    }

    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        let mut unknown = 0;
        loop {
            match self.log.append(expected, entry.clone()).await {
                Err(AppendError::Log(eventlog::Error::Unavailable(_))) if unknown < UNKNOWN_MAX => {
                    unknown += 1;
                    backoff::wait(unknown, Duration::from_millis(20), Duration::from_secs(1)).await;
                }
                answer => return answer,
            }
        }
    }
}

enum Attempt<E> {
    Appended(Position, Recorded<E>),
    Repeated(Position),
    Unchanged,
    Conflict,
}

/// The id of the entry that a command leaves on a stream: the same for every delivery of the command.
pub fn entry_id(stream: &StreamId, command_id: Uuid) -> Uuid {
    domain::ids::derive(command_id, stream.as_str())
}
