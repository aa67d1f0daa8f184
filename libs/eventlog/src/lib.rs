//! The log: an append-only sequence of entries, and the truth of a site.
//!
//! This crate moves bytes. It knows no case, no clock and no customer; it knows that an entry belongs to one
//! stream, that a stream belongs to one category, and that every entry of a site has a [`Position`].

mod attempts;
pub mod conformance;
mod entry;
mod error;
mod jetstream;
mod rng;
mod sim;
mod sqlite;

pub use entry::{Category, Entry, NewEntry, Position, StreamId};
pub use error::{AppendError, Error, InvalidName};
pub use jetstream::{JetStreamConfig, JetStreamLog};
pub use sim::{Faults, SimLog};
pub use sqlite::SqliteLog;

use futures_util::stream::BoxStream;

/// A log of one site.
///
/// # Promises
///
/// Every backend keeps each of these; `conformance` has one function per promise.
///
/// - An append whose `expected` is not the tail of the stream is refused with [`AppendError::Conflict`] and
///   writes nothing.
/// - The same entry (same id, same stream, same body, same `expected`) appended again is harmless: it answers the
///   position of the first time, however much later it comes. Under the same id another body is another writer's, and
///   refused with [`AppendError::Conflict`] as any other's.
/// - Of writers racing on one tail exactly one wins; all others get [`AppendError::Conflict`].
/// - Any other error means *unknown*: the entry may or may not be there. Append the same entry again.
/// - Positions grow along the log. They may have gaps.
/// - Bytes come back as they were given.
///
/// An append whose future is dropped goes on or not: its outcome is unknown, as after an error.
#[async_trait::async_trait]
pub trait EventLog: Send + Sync {
    /// Appends `entry` if `expected` still is the tail of its stream ([`Position::NONE`]: the stream is empty).
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError>;

    /// The entries of one stream up to its tail at the time of the call (or of the first poll), oldest first.
    ///
    /// Every append that was acknowledged before the call is among them. An error ends the stream.
    fn read(&self, stream: &StreamId) -> BoxStream<'static, Result<Entry, Error>> {
        self.read_after(stream, Position::NONE)
    }

    /// What of it stands after `after`: as [`read`](Self::read), for who knows the stream up to there. It costs what is
    /// new, and not what there is.
    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>>;

    /// The position of the last entry of these categories; an empty list means all. Every append to them that was
    /// acknowledged before the call is at or before it.
    async fn tail(&self, categories: &[Category]) -> Result<Position, Error>;

    /// Frees what the log holds of this machine, a file or a lock, so that it can be opened again at once. Later calls
    /// may be refused as unavailable.
    async fn close(&self) {}

    /// Every entry of these categories after `after`, in order and without gap or double; then waits for more.
    /// Never ends of itself. An empty list of categories means all.
    ///
    /// A server that is away is waited for inside. An error is given only when waiting cannot help, and ends
    /// the stream: follow again from the last position seen.
    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>>;
}
