//! The log of a cluster: one JetStream stream, one subject for each stream of ours.
//!
//! The server refuses an entry whose subject has moved on, and no more is asked of it: that a retry is recognised is
//! ours (`attempts`). Nothing is read but from the leader or a consumer; direct gets may be stale.

mod config;
mod follow;
mod publish;
mod synced;
mod wire;

pub use config::JetStreamConfig;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{self, stream::Stream},
};
use futures_util::{
    StreamExt, TryStreamExt,
    future::try_join,
    stream::{self, BoxStream},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{AppendError, Category, Entry, Error, EventLog, NewEntry, Position, StreamId, attempts};
use follow::Follower;
use wire::Subjects;

/// How long a request waits for its answer.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// How long opening a connection may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long opening the log waits for servers that are not ready for it.
const OPEN_WAIT: Duration = Duration::from_secs(30);
/// Between two tries of it.
const OPEN_PAUSE: Duration = Duration::from_millis(200);
/// How often a connection is checked for life.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How often servers that were away when the log was opened are looked for.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// How often a read asks again while the cluster has no leader.
const READ_ATTEMPTS_MAX: u32 = 5;
/// Entries of a stream that are fetched one by one before a consumer is worth its making: 0.1 ms each, against 1 ms
/// on one server and 6 ms on three that sync always.
const READ_SINGLY_MAX: usize = 32;
/// How long a read waits for the next entry, which is known to be there.
const READ_WAIT: Duration = Duration::from_secs(30);

/// The log of a site that lives on a NATS cluster. Clones share one connection.
#[derive(Clone)]
pub struct JetStreamLog {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    stream: Stream,
    subjects: Subjects,
    /// Grows with each connection: what a server sent over the last one may be lost.
    connections: watch::Receiver<u64>,
    monitoring: Vec<String>,
}

impl JetStreamLog {
    /// Connects, makes the stream if it is not there, and checks that it is as it must be. Waits half a minute for
    /// servers that are starting, restarting or choosing a leader.
    ///
    /// [`Error::Unusable`] names the setting: an existing stream with another configuration, a payload limit below an
    /// entry, or servers that cannot be shown to sync always, unless the configuration says that this is a test.
    pub async fn connect(config: JetStreamConfig) -> Result<Self, Error> {
        config.check()?;
        let until = Instant::now() + OPEN_WAIT;
        let mut warned = false;
        loop {
            match Self::connect_now(&config).await {
                Err(Error::Unavailable(reason)) if Instant::now() < until => {
                    if !warned {
                        tracing::warn!(reason, "the log is not available yet; waiting for it");
                    }
                    warned = true;
                    sleep(OPEN_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    async fn connect_now(config: &JetStreamConfig) -> Result<Self, Error> {
        let (connected, connections) = watch::channel(0);
        let client = options(config)
            .await?
            .event_callback(move |event| {
                if event == Event::Connected {
                    connected.send_modify(|count| *count += 1);
                }
                std::future::ready(())
            })
            .connect(&config.servers)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        config::check_payload(client.max_payload())?;
        let context = jetstream::context::ContextBuilder::new().timeout(ANSWER_WAIT).build(client.clone());
        let stream = config::open_stream(&context, config).await?;
        let subjects = Subjects::new(&config.site);
        let monitoring = config.monitoring.clone();
        let shared = Shared { client, stream, subjects, connections, monitoring };
        let log = Self { shared: Arc::new(shared) };
        if !config.unsynced_for_tests {
            let away = log.check_synced().await?;
            if !away.is_empty() {
                tracing::warn!(?away, "servers of the log are away; that they sync always is seen later");
                tokio::spawn(check_when_back(Arc::downgrade(&log.shared)));
            }
        }
        Ok(log)
    }

    /// Whether every server that holds the log writes each entry to its disk before it acknowledges it
    /// (`sync_interval: always`). [`Error::Unusable`] if one does not, or if it cannot be told. Answers the names of
    /// servers that are away, which are fewer than half.
    ///
    /// NATS says so on its monitoring port only.
    pub async fn check_synced(&self) -> Result<Vec<String>, Error> {
        let shared = &self.shared;
        synced::check(&shared.client, &shared.stream, &shared.monitoring).await
    }

    /// The first entries of a stream after `after`, and a stream of those that follow.
    async fn open_read(&self, stream: &StreamId, after: Position) -> Result<Read, Error> {
        let first = self.again(|| self.next_entry(stream, after));
        // The tail is asked for at the same time; an entry that comes between the two is read or not.
        let (first, tail) = try_join(first, self.tail_of(stream)).await?;
        let mut entries: Vec<Entry> = first.into_iter().collect();
        let mut after = entries.last().map_or(after, |entry| entry.position);
        while entries.len() < READ_SINGLY_MAX && after < tail {
            let Some(entry) = self.again(|| self.next_entry(stream, after)).await? else { break };
            after = entry.position;
            entries.push(entry);
        }
        let rest = if after < tail { self.read_on(stream, after, tail) } else { stream::empty().boxed() };
        Ok(Read { entries, rest })
    }

    /// What follows `after`, up to the entry at `tail`, by a consumer.
    fn read_on(
        &self,
        stream: &StreamId,
        after: Position,
        tail: Position,
    ) -> BoxStream<'static, Result<Entry, Error>> {
        let follower = Follower::of_stream(self.clone(), stream, after);
        stream::try_unfold((follower, after), move |(mut follower, after)| async move {
            if after >= tail {
                return Ok(None);
            }
            let next = tokio::time::timeout(READ_WAIT, follower.next()).await;
            let entry = next.map_err(|_| Error::Unavailable("a read gets no further".into()))??;
            let position = entry.position;
            Ok(Some((entry, (follower, position))))
        })
        .boxed()
    }

    async fn tail_of(&self, stream: &StreamId) -> Result<Position, Error> {
        self.last_of(&self.shared.subjects.of_stream(stream)).await
    }

    async fn last_of(&self, subject: &str) -> Result<Position, Error> {
        let get = || self.shared.stream.raw_message_builder().last_by_subject(subject).send();
        let last = self.again(|| async { publish::found(get().await) }).await?;
        Ok(last.map_or(Position::NONE, |message| Position(message.sequence)))
    }

    /// Asks until there is an answer, a bounded number of times.
    async fn again<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            match ask().await {
                Err(Error::Unavailable(_)) if attempt < READ_ATTEMPTS_MAX => publish::pause(attempt).await,
                answer => return answer,
            }
            attempt += 1;
        }
    }
}

struct Read {
    entries: Vec<Entry>,
    rest: BoxStream<'static, Result<Entry, Error>>,
}

#[async_trait::async_trait]
impl EventLog for JetStreamLog {
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        entry.check()?;
        attempts::append(self, expected, &entry).await
    }

    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>> {
        let (log, stream) = (self.clone(), stream.clone());
        let read = async move {
            let Read { entries, rest } = log.open_read(&stream, after).await?;
            Ok(stream::iter(entries).map(Ok).chain(rest))
        };
        stream::once(read).try_flatten().boxed()
    }

    async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        if categories.is_empty() {
            let info = || async { self.shared.stream.get_info().await.map_err(publish::unavailable) };
            return self.again(info).await.map(|info| Position(info.state.last_sequence));
        }
        let mut last = Position::NONE;
        for subject in self.shared.subjects.of_categories(categories) {
            last = last.max(self.last_of(&subject).await?);
        }
        Ok(last)
    }

    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>> {
        Follower::of_categories(self.clone(), categories, after).into_stream()
    }
}

impl fmt::Debug for JetStreamLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamLog").field("subjects", &self.shared.subjects).finish_non_exhaustive()
    }
}

/// Looks until every server has been seen. One that comes back lazy cannot be refused any more, only named.
async fn check_when_back(shared: Weak<Shared>) {
    loop {
        sleep(CHECK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        match (JetStreamLog { shared }).check_synced().await {
            Ok(away) if away.is_empty() => return,
            Ok(_) | Err(Error::Unavailable(_)) => {}
            Err(error) => tracing::error!(%error, "the log is less safe than it must be"),
        }
    }
}

async fn options(config: &JetStreamConfig) -> Result<ConnectOptions, Error> {
    let options = ConnectOptions::new()
        .name("dossier")
        .connection_timeout(CONNECT_WAIT)
        .request_timeout(Some(ANSWER_WAIT))
        .ping_interval(PING_EVERY)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| publish::delay(u32::try_from(attempt).unwrap_or(u32::MAX)));
    match &config.credentials {
        None => Ok(options),
        Some(file) => options
            .credentials_file(file)
            .await
            .map_err(|error| Error::Unusable(format!("the credentials file {}: {error}", file.display()))),
    }
}
