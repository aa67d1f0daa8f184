//! A log before which something can be put: what happens just before an entry is written, or that it is not.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use eventlog::{AppendError, Category, Entry, Error, EventLog, NewEntry, Position, StreamId};
use futures_util::{future::BoxFuture, stream::BoxStream};

/// What is done before an entry is written, with the tail that it is to follow. If it fails, the entry is not written.
type Before =
    dyn Fn(Position, &NewEntry) -> BoxFuture<'static, Result<(), AppendError>> + Send + Sync + 'static;

/// A log with something before it.
pub struct Interposed {
    log: Arc<dyn EventLog>,
    before: RwLock<Option<Arc<Before>>>,
    /// Streams that cannot be read.
    blind: Mutex<BTreeSet<StreamId>>,
}

impl Interposed {
    /// `log`, and nothing before it yet.
    pub fn new(log: Arc<dyn EventLog>) -> Arc<Self> {
        Arc::new(Self { log, before: RwLock::default(), blind: Mutex::default() })
    }

    /// From now on `before` is done before every append.
    pub fn put(
        &self,
        before: impl Fn(Position, &NewEntry) -> BoxFuture<'static, Result<(), AppendError>>
        + Send
        + Sync
        + 'static,
    ) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(before));
    }

    /// From now on the log is away for whoever reads this stream.
    pub fn hide(&self, stream: StreamId) {
        self.blind.lock().unwrap_or_else(PoisonError::into_inner).insert(stream);
    }

    /// It can be read again. Whether it was hidden.
    pub fn show(&self, stream: &StreamId) -> bool {
        self.blind.lock().unwrap_or_else(PoisonError::into_inner).remove(stream)
    }

    /// Nothing is done before an append any more.
    pub fn take_away(&self) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The log does not answer.
pub fn away() -> AppendError {
    AppendError::Log(Error::Unavailable("the log is away".into()))
}

#[async_trait::async_trait]
impl EventLog for Interposed {
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        let before = self.before.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(before) = before {
            before(expected, &entry).await?;
        }
        self.log.append(expected, entry).await
    }

    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>> {
        if self.blind.lock().unwrap_or_else(PoisonError::into_inner).contains(stream) {
            return Box::pin(futures_util::stream::once(async {
                Err(Error::Unavailable("the log is away".into()))
            }));
        }
        self.log.read_after(stream, after)
    }

    async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        self.log.tail(categories).await
    }

    async fn close(&self) {
        self.log.close().await;
    }

    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>> {
        self.log.follow(after, categories)
    }
}
