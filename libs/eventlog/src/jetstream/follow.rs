use std::time::Duration;

use async_nats::jetstream::{
    Message,
    consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{runtime::Handle, sync::watch, time::sleep};

use super::{JetStreamLog, publish};
use crate::{Category, Entry, Error, Position, StreamId};

/// Entries asked for at once.
const BATCH_MAX: usize = 1000;
/// Bytes asked for at once.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// How long the server waits for a batch to fill.
const BATCH_WAIT: Duration = Duration::from_secs(30);
/// How often the server says that it is there; after two silences it is taken for gone.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often an idle follower asks whether it missed something.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// A follower of some categories that has at least so many entries before it takes them all and filters itself: the
/// server's filter gives 55,000 entries a second, no filter 320,000.
const CATCH_UP_MIN: u64 = 20_000;
/// How long the server keeps a consumer that nobody asks.
const CONSUMER_IDLE: Duration = Duration::from_secs(30);

/// Entries in the order of the log, over whatever happens to servers and connections.
///
/// It asks through consumers that acknowledge nothing and live in memory. The server numbers what it delivers; with
/// the first number that is missing, and with every new connection, the consumer is given up for a new one that
/// starts after the last entry seen.
pub(super) struct Follower {
    log: JetStreamLog,
    subjects: Vec<String>,
    /// What is wanted of a log that is not filtered by the server.
    categories: Vec<Category>,
    after: Position,
    session: Option<Session>,
    /// Consumers that could not be made or gave nothing, in a row.
    failures: u32,
    /// The log is away, and has been said to be.
    away: bool,
}

impl Follower {
    /// Every entry of these categories.
    pub(super) fn of_categories(log: JetStreamLog, categories: &[Category], after: Position) -> Self {
        let subjects = log.shared.subjects.of_categories(categories);
        Self {
            log,
            subjects,
            categories: categories.to_vec(),
            after,
            session: None,
            failures: 0,
            away: false,
        }
    }

    /// Every entry of one stream.
    pub(super) fn of_stream(log: JetStreamLog, stream: &StreamId, after: Position) -> Self {
        let subjects = vec![log.shared.subjects.of_stream(stream)];
        Self { log, subjects, categories: Vec::new(), after, session: None, failures: 0, away: false }
    }

    pub(super) fn into_stream(self) -> BoxStream<'static, Result<Entry, Error>> {
        stream::try_unfold(self, |mut follower| async move {
            let entry = follower.next().await?;
            Ok(Some((entry, follower)))
        })
        .boxed()
    }

    /// The next entry, however long it takes.
    pub(super) async fn next(&mut self) -> Result<Entry, Error> {
        loop {
            let Some(session) = &mut self.session else {
                self.open().await;
                continue;
            };
            if session.until.is_some_and(|until| until <= self.after) {
                self.session = None;
                continue;
            }
            let Some(message) = session.next().await else {
                self.session = None;
                continue;
            };
            let Some(position) = session.count(&message) else {
                self.session = None;
                continue;
            };
            let subjects = &self.log.shared.subjects;
            let message = message.message;
            let entry =
                subjects.entry(&message.subject, position, message.headers.as_ref(), message.payload)?;
            self.after = entry.position;
            self.failures = 0;
            if entry.is_of(&self.categories) {
                return Ok(entry);
            }
        }
    }

    async fn open(&mut self) {
        if self.failures > 0 {
            publish::pause(self.failures).await;
        }
        self.failures = self.failures.saturating_add(1);
        match self.session().await {
            Ok(session) => {
                if self.away {
                    tracing::info!(after = %self.after, "following the log again");
                }
                self.away = false;
                self.session = Some(session);
            }
            Err(error) => {
                if !self.away {
                    tracing::warn!(after = %self.after, %error, "the log cannot be followed now");
                }
                self.away = true;
            }
        }
    }

    /// All of the log up to its present end if that is far, or what is wanted from here on.
    async fn session(&self) -> Result<Session, Error> {
        if !self.categories.is_empty() {
            let info = self.log.shared.stream.get_info().await.map_err(publish::unavailable)?;
            let last = Position(info.state.last_sequence);
            if last.0.saturating_sub(self.after.0) >= CATCH_UP_MIN {
                return Session::open(&self.log, &[], self.after, Some(last)).await;
            }
        }
        Session::open(&self.log, &self.subjects, self.after, None).await
    }
}

/// One consumer.
struct Session {
    consumer: Consumer<pull::Config>,
    messages: pull::Stream,
    /// How many it has delivered.
    delivered: u64,
    /// After this entry another consumer serves better.
    until: Option<Position>,
    connections: watch::Receiver<u64>,
    log: JetStreamLog,
}

impl Session {
    async fn open(
        log: &JetStreamLog,
        subjects: &[String],
        after: Position,
        until: Option<Position>,
    ) -> Result<Self, Error> {
        let mut connections = log.shared.connections.clone();
        connections.mark_unchanged();
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.0.saturating_add(1) },
            ack_policy: AckPolicy::None,
            filter_subjects: subjects.to_vec(),
            inactive_threshold: CONSUMER_IDLE,
            num_replicas: 1,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = log.shared.stream.create_consumer(config).await.map_err(publish::unavailable)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(BATCH_MAX)
            .max_bytes_per_batch(BATCH_BYTES_MAX)
            .expires(BATCH_WAIT)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(publish::unavailable)?;
        Ok(Self { consumer, messages, delivered: 0, until, connections, log: log.clone() })
    }

    /// The next message; `None` if this consumer cannot be relied on any more.
    async fn next(&mut self) -> Option<Message> {
        loop {
            tokio::select! {
                biased;
                message = self.messages.next() => return message?.ok(),
                _ = self.connections.changed() => return None,
                () = sleep(CHECK_EVERY) => {
                    // What was sent and lost on the way is seen with the next message, which may never come.
                    let info = self.consumer.get_info().await.ok()?;
                    if info.delivered.consumer_sequence != self.delivered {
                        return None;
                    }
                }
            }
        }
    }

    /// The position of a message; `None` if one before it is missing.
    fn count(&mut self, message: &Message) -> Option<u64> {
        let info = message.info().ok()?;
        self.delivered += 1;
        (info.consumer_sequence == self.delivered).then_some(info.stream_sequence)
    }
}

/// The server is told, or it would keep the consumer until it is idle for long enough.
impl Drop for Session {
    fn drop(&mut self) {
        let (log, name) = (self.log.clone(), self.consumer.cached_info().name.clone());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { log.shared.stream.delete_consumer(&name).await.ok() });
        }
    }
}
