use futures_util::{FutureExt, StreamExt, future::join, future::join_all, poll};

use super::{append, appended, assert_same, category, entry, filled, own_category, stream, take};
use crate::{EventLog, NewEntry, Position};

const WRITERS: usize = 8;
const ENTRIES: usize = 60;
/// More than a page, a batch or a buffer of any backend holds.
const ENTRIES_MANY: usize = 2500;
const RESTARTS: usize = 3;

/// A follower that has seen everything is given what is written then.
pub async fn follow_waits_for_what_comes(log: &dyn EventLog) {
    let name = own_category();
    let stream = stream(&name);
    let mut follower = log.follow(Position::NONE, &[category(&name)]);
    let mut tail = Position::NONE;
    for n in 0..5 {
        let mut next = Box::pin(take(&mut follower, 1));
        assert!(poll!(&mut next).is_pending(), "a follower has something before entry {n} was written");
        let new = entry(&stream, format!("entry {n}"));
        let (entries, position) = join(next, appended(log, tail, &new)).await;
        tail = position;
        assert_same(&entries, &[(position, new)]);
    }
}

/// A follower that starts after any entry is given the rest, and nothing else.
pub async fn follow_resumes_anywhere(log: &dyn EventLog) {
    let name = own_category();
    let written = filled(log, &stream(&name), 12).await;
    for seen in 0..written.len() {
        let after = if seen == 0 { Position::NONE } else { written[seen - 1].0 };
        let mut follower = log.follow(after, &[category(&name)]);
        let rest = &written[seen..];
        assert_same(&take(&mut follower, rest.len()).await, rest);
        assert!(follower.next().now_or_never().is_none(), "more than was written after {after}");
    }
}

/// A follower of some categories is given these; a follower of none is given all.
pub async fn follow_filters_by_category(log: &dyn EventLog) {
    let names = [own_category(), own_category(), own_category()];
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    for n in 0..30 {
        let stream = stream(&names[n % 3]);
        let entry = entry(&stream, format!("entry {n}"));
        written.push((appended(log, Position::NONE, &entry).await, entry));
    }
    let of = |wanted: &[&String]| -> Vec<_> {
        let is_wanted =
            |(_, entry): &&(Position, NewEntry)| wanted.iter().any(|name| *name == entry.stream.category());
        written.iter().filter(is_wanted).cloned().collect()
    };
    for wanted in [vec![&names[0]], vec![&names[2], &names[0]], vec![&names[0], &names[1], &names[2]]] {
        let categories: Vec<_> = wanted.iter().map(|name| category(name)).collect();
        let expected = of(&wanted);
        let mut follower = log.follow(Position::NONE, &categories);
        assert_same(&take(&mut follower, expected.len()).await, &expected);
    }
    let first = written[0].0;
    let mut follower = log.follow(Position(first.0 - 1), &[]);
    let mut all = Vec::new();
    while all.len() < written.len() {
        // Others may be writing at the same time.
        let entries = take(&mut follower, 1).await;
        all.extend(entries.into_iter().filter(|e| names.iter().any(|name| name == e.stream.category())));
    }
    assert_same(&all, &written);
}

/// Followers beside many writers are given every entry once, in the order of the log.
pub async fn follow_has_no_gap_and_no_double(log: &dyn EventLog) {
    let names = [own_category(), own_category()];
    let categories = [category(&names[0]), category(&names[1])];
    let total = WRITERS * ENTRIES;
    let mut followers: Vec<_> = (0..3).map(|_| log.follow(Position::NONE, &categories)).collect();
    let writes = join_all((0..WRITERS).map(|writer| write(log, &names[writer % 2], ENTRIES)));
    let (seen, written) =
        join(join_all(followers.iter_mut().map(|follower| take(follower, total))), writes).await;
    let written = in_order(written);
    for seen in &seen {
        assert_same(seen, &written);
    }
    let mut late = log.follow(Position::NONE, &categories);
    assert_same(&take(&mut late, total).await, &written);
}

/// A follower goes on by itself when the server is restarted under it, several times, while others write: no gap, no
/// double, no error. `restart` returns when the server takes requests again, or before.
pub async fn follow_survives_restarts(log: &dyn EventLog, mut restart: impl AsyncFnMut()) {
    let name = own_category();
    let categories = [category(&name)];
    let before = filled(log, &stream(&name), 5).await;
    let mut follower = log.follow(Position::NONE, &categories);
    let mut idle = log.follow(before[4].0, &categories);
    assert_same(&take(&mut follower, before.len()).await, &before);
    let mut seen = Vec::new();
    let mut all = Vec::new();
    for _ in 0..RESTARTS {
        let writes = join_all((0..WRITERS).map(|_| write(log, &name, ENTRIES)));
        let reads = take(&mut follower, WRITERS * ENTRIES);
        let ((written, entries), ()) = join(join(writes, reads), restart()).await;
        all.extend(in_order(written));
        seen.extend(entries);
    }
    assert_same(&seen, &all);
    assert_same(&take(&mut idle, all.len()).await, &all);
}

/// A log that is longer than what a follower is given at once.
pub async fn follow_reads_a_long_log(log: &dyn EventLog) {
    let names = [own_category(), own_category()];
    let each = ENTRIES_MANY / WRITERS;
    let written = join_all((0..WRITERS).map(|writer| write(log, &names[writer % 2], each))).await;
    let written = in_order(written);
    let mut follower = log.follow(Position::NONE, &[category(&names[0]), category(&names[1])]);
    assert_same(&take(&mut follower, written.len()).await, &written);
    let only: Vec<_> = written.iter().filter(|(_, e)| e.stream.category() == names[0]).cloned().collect();
    let mut follower = log.follow(Position::NONE, &[category(&names[0])]);
    assert_same(&take(&mut follower, only.len()).await, &only);
}

/// One writer on a stream of its own, with a rival who is always late.
async fn write(log: &dyn EventLog, category: &str, count: usize) -> Vec<(Position, NewEntry)> {
    let stream = stream(category);
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    for n in 0..count {
        let tail = written.last().map_or(Position::NONE, |(position, _)| *position);
        let new = entry(&stream, format!("entry {n}"));
        written.push((appended(log, tail, &new).await, new));
        if n % 16 == 15 {
            let late = append(log, tail, &entry(&stream, "late")).await;
            assert!(late.is_err(), "{stream}: an entry at {tail}, which is no longer the tail");
        }
    }
    written
}

fn in_order(written: Vec<Vec<(Position, NewEntry)>>) -> Vec<(Position, NewEntry)> {
    let mut all: Vec<_> = written.into_iter().flatten().collect();
    all.sort_by_key(|(position, _)| *position);
    all
}
