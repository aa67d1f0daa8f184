//! What every [`EventLog`] must do: one function per promise, for every backend.
//!
//! Each function takes a log that others may be using, works on streams of its own, and panics with what was broken.
//! An unknown outcome is no failure: the entry is appended again, as the contract wants it, until it is known. So
//! the suite also runs on a log whose server is restarted under it.

mod appends;
mod follows;
mod model;
mod values;

pub use appends::{a_conflict_writes_nothing, of_racing_writers_one_wins, the_same_entry_again_is_harmless};
pub use follows::{
    follow_filters_by_category, follow_has_no_gap_and_no_double, follow_reads_a_long_log,
    follow_resumes_anywhere, follow_survives_restarts, follow_waits_for_what_comes,
};
pub use model::a_random_run_agrees_with_a_model;
pub use values::{
    a_body_over_the_limit_is_refused, a_read_goes_on_after_any_position, any_bytes_come_back,
    names_that_a_backend_cannot_carry_are_refused, read_has_what_was_acknowledged, reopening_keeps_all,
    the_longest_names_are_carried,
};

use std::{env, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{AppendError, Category, Entry, Error, EventLog, NewEntry, Position, StreamId};

/// Longer than any backend may be away.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often an append of unknown outcome is tried again.
const ATTEMPTS_MAX: u32 = 100;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(20);

/// All promises that need nothing but a log, one after the other.
pub async fn all(log: &dyn EventLog, seed: u64) {
    names_that_a_backend_cannot_carry_are_refused();
    a_conflict_writes_nothing(log).await;
    the_same_entry_again_is_harmless(log).await;
    of_racing_writers_one_wins(log).await;
    read_has_what_was_acknowledged(log).await;
    a_read_goes_on_after_any_position(log).await;
    any_bytes_come_back(log).await;
    a_body_over_the_limit_is_refused(log).await;
    the_longest_names_are_carried(log).await;
    follow_waits_for_what_comes(log).await;
    follow_resumes_anywhere(log).await;
    follow_filters_by_category(log).await;
    follow_has_no_gap_and_no_double(log).await;
    follow_reads_a_long_log(log).await;
    a_random_run_agrees_with_a_model(log, seed).await;
}

/// The seed of this run, printed: `DOSSIER_TEST_SEED`, or a new one.
pub fn seed() -> u64 {
    let given = env::var("DOSSIER_TEST_SEED").ok();
    let seed = match &given {
        Some(text) => text.parse().unwrap_or_else(|_| panic!("DOSSIER_TEST_SEED is no number: {text}")),
        None => Uuid::new_v4().as_u64_pair().0,
    };
    eprintln!("DOSSIER_TEST_SEED={seed}");
    seed
}

/// Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Conflict;

/// Appends the same entry until the outcome is known.
async fn append(log: &dyn EventLog, expected: Position, entry: &NewEntry) -> Result<Position, Conflict> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match log.append(expected, entry.clone()).await {
            Ok(position) => return Ok(position),
            Err(AppendError::Conflict) => return Err(Conflict),
            Err(AppendError::TooLarge(length)) => panic!("{length} bytes are too large"),
            Err(AppendError::Log(Error::Unusable(reason))) => panic!("the log cannot be used: {reason}"),
            Err(AppendError::Log(Error::Unavailable(reason))) => last = reason,
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("after {ATTEMPTS_MAX} attempts the outcome of an append is still unknown: {last}");
}

/// An append that nothing stands against.
async fn appended(log: &dyn EventLog, expected: Position, entry: &NewEntry) -> Position {
    match append(log, expected, entry).await {
        Ok(position) => position,
        Err(Conflict) => panic!("{}: a conflict at {expected}, where its tail is", entry.stream),
    }
}

/// `count` entries on one stream, from its beginning.
async fn filled(log: &dyn EventLog, stream: &StreamId, count: usize) -> Vec<(Position, NewEntry)> {
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    for n in 0..count {
        let entry = entry(stream, format!("entry {n}"));
        let expected = written.last().map_or(Position::NONE, |(position, _)| *position);
        let position = appended(log, expected, &entry).await;
        assert!(position > expected, "{stream}: position {position} after {expected}");
        written.push((position, entry));
    }
    written
}

/// The whole stream, read again while the log is away.
async fn read(log: &dyn EventLog, stream: &StreamId) -> Vec<Entry> {
    read_after(log, stream, Position::NONE).await
}

async fn read_after(log: &dyn EventLog, stream: &StreamId, after: Position) -> Vec<Entry> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS_MAX {
        match timeout(WAIT_MAX, log.read_after(stream, after).try_collect::<Vec<_>>()).await {
            Ok(Ok(entries)) => return entries,
            Ok(Err(Error::Unavailable(reason))) => last = reason,
            Ok(Err(Error::Unusable(reason))) => panic!("{stream}: the log cannot be used: {reason}"),
            Err(_) => panic!("{stream}: a read did not end within {WAIT_MAX:?}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{stream}: after {ATTEMPTS_MAX} attempts it still cannot be read: {last}");
}

/// The next `count` entries of a follower.
async fn take(follower: &mut BoxStream<'static, Result<Entry, Error>>, count: usize) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(count);
    while entries.len() < count {
        let next = timeout(WAIT_MAX, follower.next()).await;
        let Ok(next) = next else {
            panic!("the follower has {} of {count} entries, and no more came for {WAIT_MAX:?}", entries.len())
        };
        match next {
            Some(Ok(entry)) => entries.push(entry),
            Some(Err(error)) => panic!("the follower failed after {} of {count}: {error}", entries.len()),
            None => panic!("the follower ended after {} of {count} entries", entries.len()),
        }
    }
    entries
}

/// What was written is what is there, byte for byte.
#[track_caller]
fn assert_same(there: &[Entry], written: &[(Position, NewEntry)]) {
    let names = |entries: &[(Position, Uuid)]| format!("{entries:?}");
    let left: Vec<_> = there.iter().map(|entry| (entry.position, entry.id)).collect();
    let right: Vec<_> = written.iter().map(|(position, entry)| (*position, entry.id)).collect();
    assert_eq!(names(&left), names(&right), "other entries than were written");
    for (there, (position, entry)) in there.iter().zip(written) {
        let back = NewEntry {
            id: there.id,
            stream: there.stream.clone(),
            traceparent: there.traceparent.clone(),
            body: there.body.clone(),
        };
        assert!(back == *entry, "the entry at {position} came back changed");
    }
}

fn category(name: &str) -> Category {
    Category::new(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A stream that nobody else has.
fn stream(category_name: &str) -> StreamId {
    let id = Uuid::new_v4();
    StreamId::new(&category(category_name), id).unwrap_or_else(|error| panic!("{id}: {error}"))
}

/// A category that nobody else has.
fn own_category() -> String {
    format!("c{}", &Uuid::new_v4().simple().to_string()[..24])
}

fn entry(stream: &StreamId, body: impl Into<Bytes>) -> NewEntry {
    NewEntry { id: Uuid::new_v4(), stream: stream.clone(), traceparent: None, body: body.into() }
}
