use std::collections::HashSet;

use futures_util::future::join_all;

use super::{Conflict, append, appended, assert_same, entry, filled, read, stream};
use crate::{EventLog, NewEntry, Position};

const WRITERS: usize = 12;
const ROUNDS: usize = 8;

/// An append whose `expected` is not the tail is refused: one behind, at none, one ahead. The stream stays as it is.
pub async fn a_conflict_writes_nothing(log: &dyn EventLog) {
    let stream = stream("conflict");
    let ahead = append(log, Position(7), &entry(&stream, "before the first")).await;
    assert_eq!(ahead, Err(Conflict), "an empty stream has no entry at 7");
    let mut written = filled(log, &stream, 3).await;
    let last = written[2].0;
    for expected in
        [Position::NONE, written[0].0, written[1].0, Position(last.0 + 1), Position(last.0 + 1000)]
    {
        let outcome = append(log, expected, &entry(&stream, "late")).await;
        assert_eq!(outcome, Err(Conflict), "the tail is {last}, and {expected} was expected");
        assert_same(&read(log, &stream).await, &written);
    }
    let next = entry(&stream, "in time");
    written.push((appended(log, last, &next).await, next));
    assert_same(&read(log, &stream).await, &written);
}

/// The same entry answers the position of the first time: at once, after later entries, and many times at once. The
/// same id on another stream is another entry; with another body it is somebody else's.
pub async fn the_same_entry_again_is_harmless(log: &dyn EventLog) {
    let (stream, other) = (stream("again"), stream("again"));
    let written = filled(log, &stream, 4).await;
    let mut expected = Position::NONE;
    for (position, entry) in &written {
        let again = append(log, expected, entry).await;
        assert_eq!(again, Ok(*position), "the same entry again, expected {expected}");
        let twin = NewEntry { body: "another body".into(), ..entry.clone() };
        assert_eq!(append(log, expected, &twin).await, Err(Conflict), "its id again, with another body");
        expected = *position;
    }
    assert_same(&read(log, &stream).await, &written);

    let last = entry(&stream, "many times at once");
    let answers = join_all((0..WRITERS).map(|_| append(log, expected, &last))).await;
    let first = answers[0];
    assert!(first.is_ok_and(|position| position > expected), "one entry, appended at once: {answers:?}");
    assert!(answers.iter().all(|answer| *answer == first), "one entry, appended at once: {answers:?}");
    assert_eq!(read(log, &stream).await.len(), written.len() + 1, "one entry, appended at once");

    let twins: Vec<_> = (0..WRITERS)
        .map(|writer| NewEntry { body: format!("twin {writer}").into(), ..entry(&stream, "") })
        .map(|twin| NewEntry { id: last.id, ..twin })
        .collect();
    let tail = first.unwrap_or(Position::NONE);
    let answers = join_all(twins.iter().map(|twin| append(log, tail, twin))).await;
    let written_of: Vec<_> = answers.iter().zip(&twins).filter(|(answer, _)| answer.is_ok()).collect();
    assert_eq!(written_of.len(), 1, "one id with many bodies at once: {answers:?}");
    let there = read(log, &stream).await;
    assert_eq!(
        there.last().map(|entry| &entry.body),
        Some(&written_of[0].1.body),
        "the winner's body is there"
    );

    let elsewhere = NewEntry { stream: other.clone(), ..written[0].1.clone() };
    let position = appended(log, Position::NONE, &elsewhere).await;
    assert_same(&read(log, &other).await, &[(position, elsewhere)]);
}

/// Writers that race for one tail: one has it, the others have a conflict, and the log has one entry more. Races on
/// several streams go on side by side.
pub async fn of_racing_writers_one_wins(log: &dyn EventLog) {
    join_all((0..3).map(|_| race(log))).await;
}

async fn race(log: &dyn EventLog) {
    let stream = stream("race");
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    for round in 0..ROUNDS {
        let tail = written.last().map_or(Position::NONE, |(position, _)| *position);
        let entries: Vec<_> =
            (0..WRITERS).map(|writer| entry(&stream, format!("round {round}, writer {writer}"))).collect();
        let outcomes = join_all(entries.iter().map(|entry| append(log, tail, entry))).await;
        let won: Vec<_> =
            outcomes.iter().zip(entries).filter_map(|(o, e)| o.ok().map(|at| (at, e))).collect();
        assert_eq!(won.len(), 1, "round {round}: winners of one race for {tail}: {outcomes:?}");
        written.extend(won);
    }
    assert_same(&read(log, &stream).await, &written);
    let distinct: HashSet<_> = written.iter().map(|(position, _)| position).collect();
    assert_eq!(distinct.len(), ROUNDS, "two entries at one position");
}
