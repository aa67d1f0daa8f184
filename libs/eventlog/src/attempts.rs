//! How an append is carried through against a server that may lose requests and answers.
//!
//! One loop for the real cluster and for the simulated one, so that the faults of the second try the code of the
//! first. It leans on one fact: what follows `expected` in a stream is fixed once it is there. If it is our entry,
//! we were first; if it is another, ours is not there and never will be.

use std::future::Future;

use crate::{AppendError, Entry, Error, NewEntry, Position, StreamId};

/// How often an append is tried before its outcome is called unknown.
const ATTEMPTS_MAX: u32 = 5;

/// What the server said to one attempt.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is there now.
    Stored(Position),
    /// The server thinks that it has it. It counts only if it can be read.
    Duplicate,
    /// Another entry is at the tail.
    Conflict,
    /// An entry is on its way to the tail; it may be an earlier attempt of ours.
    InFlight,
}

/// A server that stores an entry if `expected` is the tail of its stream.
pub(crate) trait Server: Sync {
    /// One attempt. [`Error::Unavailable`]: it may have been stored, or may be later.
    fn publish(
        &self,
        expected: Position,
        entry: &NewEntry,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The entry that follows `after` in `stream`.
    fn next(
        &self,
        stream: &StreamId,
        after: Position,
    ) -> impl Future<Output = Result<Option<Entry>, Error>> + Send;

    /// Time for what is in flight to land, more with each attempt, and never the same for two writers.
    fn pause(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

/// Appends with the promises of [`EventLog`](crate::EventLog).
pub(crate) async fn append(
    server: &impl Server,
    expected: Position,
    entry: &NewEntry,
) -> Result<Position, AppendError> {
    let mut unknown = None;
    for attempt in 0..ATTEMPTS_MAX {
        if attempt > 0 {
            server.pause(attempt).await;
        }
        match server.publish(expected, entry).await {
            Ok(Answer::Stored(position)) => return Ok(position),
            Ok(Answer::Duplicate | Answer::Conflict) => {}
            Ok(Answer::InFlight) => unknown = Some(Error::Unavailable("a write does not land".into())),
            Err(Error::Unavailable(reason)) => unknown = Some(Error::Unavailable(reason)),
            Err(error @ Error::Unusable(_)) => return Err(error.into()),
        }
        match server.next(&entry.stream, expected).await {
            Ok(Some(there)) if there.id == entry.id && there.body == entry.body => return Ok(there.position),
            Ok(Some(_)) => return Err(AppendError::Conflict),
            // Refused because of something that cannot be seen yet, or not stored yet.
            Ok(None) => {}
            Err(Error::Unavailable(reason)) => unknown = Some(Error::Unavailable(reason)),
            Err(error @ Error::Unusable(_)) => return Err(error.into()),
        }
    }
    Err(unknown.map_or(AppendError::Conflict, AppendError::Log))
}
