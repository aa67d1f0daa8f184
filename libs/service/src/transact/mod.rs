//! A command becomes an entry: load, decide, seal, append; again if somebody was faster.

mod aggregate;
mod attempt;

use std::{sync::Arc, time::Duration};

use domain::{actor::Actor, decider::Decider, time::Timestamp};
use eventlog::{Category, Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;
use uuid::Uuid;
use vault::Vault;

pub use aggregate::Aggregate;

use crate::{
    backoff,
    clock::Clock,
    envelope::{Origin, Unreadable},
    request,
    shell::BEYOND,
};
use attempt::Attempt;

/// Streams whose state is kept hot.
pub const HOT_STREAMS_MAX: u64 = 20_000;
/// How often a command is decided again because another writer was faster.
pub const CONFLICTS_MAX: u32 = 8;
/// After so many of them the whole stream is read again, and not only what is new in it.
const CATCH_UPS_MAX: u32 = 4;
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
    /// A position up to which the caller has seen the log, if it insists that nothing has come into the stream since.
    pub expected: Option<Position>,
    /// The region that the entry is about, where the state that it is decided on says none.
    pub region: Option<String>,
}

impl Meta {
    /// A command that was given now, for its actor's own sake, on whatever the state is, by the request that is being
    /// answered, if one is; under no policy and about no region, as long as none is named.
    pub fn new(command_id: Uuid, digest: impl Into<String>, actor: Actor) -> Self {
        Self {
            command_id,
            digest: digest.into(),
            actor,
            on_behalf_of: None,
            reason: None,
            request_id: request::current().map(|id| id.to_string()),
            causation: None,
            correlation: None,
            origin: Origin::Live,
            occurred_at: None,
            policy_version: 0,
            expected: None,
            region: None,
        }
    }
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Outcome<D> {
    /// The entry that holds the effect; where there was nothing to do, the stream's version.
    pub position: Position,
    /// Whether there is an entry of this command, of now or of an earlier delivery.
    pub changed: bool,
    /// Whether an earlier delivery of this command left the entry.
    pub repeated: bool,
    /// The entry, if this delivery left it: what follows from it need not read it.
    pub entry: Option<Entry>,
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
    #[error("the state has changed since it was read; read it again")]
    Stale {
        /// The stream's version.
        actual: Position,
    },
    /// The caller insists on a position that the log has not reached: nobody can have seen it.
    #[error("expected_position: {BEYOND}")]
    Beyond,
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

/// One command at a time for each stream: those of this process need not race.
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
    /// decided again on what the log says now. The time that `make` is given is the one that is recorded, or that of
    /// [`Meta::occurred_at`].
    pub async fn execute<R: From<D::Error> + Send>(
        &self,
        stream: &StreamId,
        meta: &Meta,
        make: impl Fn(&Aggregate<D>, Timestamp) -> Result<Vec<D::Command>, R> + Send + Sync,
    ) -> Result<Outcome<D>, Error<R>> {
        let slot = self.hot.get_with_by_ref(stream, Slot::default);
        let mut slot = slot.lock().await;
        // The slot stays empty until the end is known: a caller that goes away leaves a cold state behind.
        let mut known = slot.take();
        // Who insists on an empty stream has looked: it is read again only if the append finds something there.
        if known.is_none() && meta.expected == Some(Position::NONE) {
            known = Some(Arc::default());
        }
        let (mut refuted, mut conflicts) = (false, 0);
        loop {
            let fresh = refuted || known.is_none();
            let mut aggregate = match known.take() {
                Some(hot) if !refuted => hot,
                Some(hot) => self.caught_up(stream, hot).await?,
                None => Arc::new(self.load(stream).await?),
            };
            let attempt = self.attempt(stream, meta, &make, &aggregate).await;
            let (position, changed, entry) = match attempt {
                Ok(Attempt::Appended(entry, recorded)) => {
                    Arc::make_mut(&mut aggregate).evolve(entry.position, recorded);
                    (entry.position, true, Some(entry))
                }
                Ok(Attempt::Repeated(position)) => (position, true, None),
                Ok(Attempt::Unchanged) if fresh => (aggregate.version, false, None),
                // What a hot state denies, the log decides.
                Ok(Attempt::Unchanged) => {
                    (known, refuted) = (Some(aggregate), true);
                    continue;
                }
                Err(Error::Refused(_) | Error::Stale { .. }) if !fresh => {
                    (known, refuted) = (Some(aggregate), true);
                    continue;
                }
                Ok(Attempt::Conflict) if conflicts == CONFLICTS_MAX => return Err(Error::Contention),
                Ok(Attempt::Conflict) => {
                    conflicts += 1;
                    let who = entry_id(stream, meta.command_id);
                    let (first, most) = (Duration::from_millis(2), Duration::from_millis(200));
                    backoff::wait_as(who, conflicts, first, most).await;
                    // What is new tells most of them; if it does not, what was known is not believed any more.
                    (known, refuted) = ((conflicts <= CATCH_UPS_MAX).then_some(aggregate), true);
                    continue;
                }
                Err(
                    error
                    @ (Error::Refused(_) | Error::Stale { .. } | Error::Beyond | Error::CommandIdReused),
                ) => {
                    *slot = Some(aggregate);
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            *slot = Some(Arc::clone(&aggregate));
            let repeated = changed && entry.is_none();
            return Ok(Outcome { position, changed, repeated, entry, aggregate });
        }
    }

    /// The state of a stream as this process last saw it, or as the log has it. Good for a first look: what is decided
    /// on it has to stand the test of [`execute`](Self::execute). What this process has seen empty is looked at again:
    /// another one may have begun it, and nothing but an append would tell.
    pub async fn peek<R>(&self, stream: &StreamId) -> Result<Arc<Aggregate<D>>, Error<R>> {
        let slot = self.hot.get_with_by_ref(stream, Slot::default);
        let mut slot = slot.lock().await;
        if let Some(hot) = slot.as_ref().filter(|hot| hot.version > Position::NONE) {
            return Ok(Arc::clone(hot));
        }
        let cold = Arc::new(self.load(stream).await?);
        *slot = Some(Arc::clone(&cold));
        Ok(cold)
    }

    /// A state with what has come into its stream since.
    async fn caught_up<R>(
        &self,
        stream: &StreamId,
        mut known: Arc<Aggregate<D>>,
    ) -> Result<Arc<Aggregate<D>>, Error<R>> {
        let mut entries = self.log.read_after(stream, known.version);
        while let Some(entry) = entries.try_next().await.map_err(unavailable)? {
            Arc::make_mut(&mut known).apply(&entry)?;
        }
        Ok(known)
    }

    /// The present state of a stream, from the log.
    pub async fn load<R>(&self, stream: &StreamId) -> Result<Aggregate<D>, Error<R>> {
        self.load_to(stream, Position(u64::MAX)).await
    }

    /// The state of a stream after the entry at `upto`, from the log.
    pub async fn load_to<R>(&self, stream: &StreamId, upto: Position) -> Result<Aggregate<D>, Error<R>> {
        let mut entries = self.log.read(stream);
        let mut aggregate = Aggregate::default();
        while let Some(entry) = entries.try_next().await.map_err(unavailable)? {
            if entry.position > upto {
                break;
            }
            aggregate.apply(&entry)?;
        }
        Ok(aggregate)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn unavailable<R>(error: eventlog::Error) -> Error<R> {
    Error::Unavailable(error.to_string())
}

/// The id of the entry that a command leaves on a stream: the same for every delivery of the command.
pub fn entry_id(stream: &StreamId, command_id: Uuid) -> Uuid {
    domain::ids::derive(command_id, stream.as_str())
}
