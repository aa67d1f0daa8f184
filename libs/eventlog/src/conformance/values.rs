use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{
    append, appended, assert_same, category, entry, filled, own_category, read, read_after, stream, take,
};
use crate::{AppendError, Category, Error, EventLog, NewEntry, Position, StreamId};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A read has every append that was acknowledged before it, and nothing of other streams.
pub async fn read_has_what_was_acknowledged(log: &dyn EventLog) {
    let (own, neighbours) = (own_category(), own_category());
    let (stream, neighbour) = (stream(&own), stream(&neighbours));
    let [own, neighbours] = [own, neighbours].map(|name| [category(&name)]);
    assert_same(&read(log, &stream).await, &[]);
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    let mut beside = Position::NONE;
    for n in 0..40 {
        let tail = written.last().map_or(Position::NONE, |(position, _)| *position);
        let new = entry(&stream, format!("entry {n}"));
        written.push((appended(log, tail, &new).await, new));
        assert_same(&read(log, &stream).await, &written);
        beside = appended(log, beside, &entry(&neighbour, "beside")).await;
        assert!(tail_of(log, &[]).await >= beside, "the log ends before {beside}, which was acknowledged");
        assert_eq!(tail_of(log, &neighbours).await, beside, "the tail of a category");
        assert_eq!(tail_of(log, &own).await, written[n].0, "the tail of a category");
        assert_eq!(tail_of(log, &[neighbours[0].clone(), own[0].clone()]).await, beside, "the tail of two");
    }
    // Also while somebody writes, the end of a category is not beyond the end of the log.
    let writing = async {
        for n in 0..400 {
            beside = appended(log, beside, &entry(&neighbour, format!("beside {n}"))).await;
        }
    };
    let asking = async {
        loop {
            let (of_one, of_all) = (tail_of(log, &neighbours).await, tail_of(log, &[]).await);
            assert!(of_one <= of_all, "the log ends at {of_all}, and a category of it at {of_one}");
            tokio::time::sleep(Duration::from_micros(1)).await;
        }
    };
    tokio::select! {
        () = writing => {}
        () = asking => {}
    }
}

/// After each of its own positions, after those between them, and after the last one: what stands there, and no more.
pub async fn a_read_goes_on_after_any_position(log: &dyn EventLog) {
    let stream = stream(&own_category());
    let written = filled(log, &stream, 40).await;
    assert_same(&read_after(log, &stream, Position::NONE).await, &written);
    for (n, (position, _)) in written.iter().enumerate() {
        assert_same(&read_after(log, &stream, *position).await, &written[n + 1..]);
        assert_same(&read_after(log, &stream, Position(position.0 - 1)).await, &written[n..]);
    }
    let last = written.last().map_or(Position::NONE, |(position, _)| *position);
    assert_same(&read_after(log, &stream, Position(last.0 + 1_000)).await, &[]);
}

async fn tail_of(log: &dyn EventLog, categories: &[Category]) -> Position {
    log.tail(categories).await.unwrap_or_else(|error| panic!("the tail cannot be told: {error}"))
}

/// No bytes, zero bytes, `0xff`, all bytes, bytes that are no text, as many as are allowed: as they were given, by
/// read and by follow. So is the trace context, or that there is none.
pub async fn any_bytes_come_back(log: &dyn EventLog) {
    let name = own_category();
    let stream = stream(&name);
    let bodies = [
        Bytes::new(),
        Bytes::from_static(&[0]),
        Bytes::from_static(&[0xff]),
        Bytes::from_static(b"\r\n\r\nNATS/1.0\r\n\0"),
        (0..=255).collect(),
        (0..NewEntry::BODY_MAX).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
        vec![0; NewEntry::BODY_MAX].into(),
    ];
    let mut written: Vec<(Position, NewEntry)> = Vec::new();
    for (n, body) in bodies.into_iter().enumerate() {
        let traceparent = (n % 2 == 0).then(|| TRACEPARENT.to_owned());
        let new = NewEntry { traceparent, ..entry(&stream, body) };
        let tail = written.last().map_or(Position::NONE, |(position, _)| *position);
        written.push((appended(log, tail, &new).await, new));
    }
    assert_same(&read(log, &stream).await, &written);
    let mut follower = log.follow(Position::NONE, &[category(&name)]);
    assert_same(&take(&mut follower, written.len()).await, &written);
}

/// One byte more than allowed is refused by its length, a trace context that is none too, and nothing is written.
pub async fn a_body_over_the_limit_is_refused(log: &dyn EventLog) {
    let stream = stream("large");
    let large = entry(&stream, vec![1; NewEntry::BODY_MAX + 1]);
    let outcome = log.append(Position::NONE, large).await;
    let refused = matches!(outcome, Err(AppendError::TooLarge(length)) if length == NewEntry::BODY_MAX + 1);
    assert!(refused, "one byte too many: {outcome:?}");
    for text in ["", " ", "a\nb", "a\r\nNats-Msg-Id: x", "ä", &"x".repeat(NewEntry::TRACEPARENT_MAX + 1)] {
        let odd = NewEntry { traceparent: Some(text.into()), ..entry(&stream, "body") };
        let outcome = log.append(Position::NONE, odd).await;
        assert!(matches!(outcome, Err(AppendError::Log(Error::Unusable(_)))), "{text:?}: {outcome:?}");
    }
    assert_same(&read(log, &stream).await, &[]);
}

/// The longest category and the longest id, of all characters that are allowed; streams that differ in one character
/// or in case only are different streams.
pub async fn the_longest_names_are_carried(log: &dyn EventLog) {
    let unique = Uuid::new_v4().simple().to_string();
    let category = category(&format!("z_{unique}")[..Category::LEN_MAX]);
    let all = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-=";
    let long: String = format!("{unique}{all}{all}").chars().take(StreamId::ID_LEN_MAX).collect();
    let mut written = Vec::new();
    for id in
        [long.clone(), long.to_uppercase(), "=".into(), "-".into(), "--".into(), "_".into(), "a-b".into()]
    {
        let stream = StreamId::new(&category, &id).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!((stream.category(), stream.id()), (category.as_str(), id.as_str()), "the parts of a name");
        let new = entry(&stream, id);
        let position = appended(log, Position::NONE, &new).await;
        assert_same(&read(log, &stream).await, &[(position, new.clone())]);
        written.push((position, new));
    }
    let mut follower = log.follow(Position::NONE, &[category]);
    assert_same(&take(&mut follower, written.len()).await, &written);
}

/// What one backend could not carry is no name at all.
pub fn names_that_a_backend_cannot_carry_are_refused() {
    let long = "x".repeat(StreamId::ID_LEN_MAX + 1);
    let fine = category("case");
    for id in ["", " ", "a b", "a.b", "*", ">", "a>", "a\0", "a\n", "a/b", "ä", "a:b", &long] {
        assert!(StreamId::new(&fine, id).is_err(), "{id:?} is taken for an id");
        assert!(format!("case-{id}").parse::<StreamId>().is_err(), "case-{id:?} is taken for a stream");
    }
    let long = "x".repeat(Category::LEN_MAX + 1);
    for name in ["", "Case", "a-b", "a.b", "a b", "*", ">", "é", "a\0", &long] {
        assert!(Category::new(name).is_err(), "{name:?} is taken for a category");
        assert!(
            format!("{name}-1").parse::<StreamId>().is_err() || name == "a-b",
            "{name:?} starts a stream"
        );
    }
    assert!("case".parse::<StreamId>().is_err(), "a stream without an id");
}

/// A log that is closed and opened again has all that it had, where it was, and goes on after it.
pub async fn reopening_keeps_all<L: EventLog>(log: L, reopen: impl AsyncFnOnce(L) -> L) {
    let name = own_category();
    let stream = stream(&name);
    let mut written = filled(&log, &stream, 20).await;
    let tail = written[19].0;

    let log = reopen(log).await;
    assert_same(&read(&log, &stream).await, &written);
    let again = append(&log, written[4].0, &written[5].1).await;
    assert_eq!(again, Ok(written[5].0), "the same entry again, after reopening");
    let late = append(&log, written[4].0, &entry(&stream, "late")).await;
    assert!(late.is_err(), "{late:?} at an old tail, after reopening");
    let new = entry(&stream, "after reopening");
    let position = appended(&log, tail, &new).await;
    assert!(position > tail, "position {position} after {tail}");
    written.push((position, new));

    let mut follower = log.follow(Position::NONE, &[category(&name)]);
    assert_same(&take(&mut follower, written.len()).await, &written);
    let rest = log.read(&stream).try_collect::<Vec<_>>().await;
    assert_same(&rest.unwrap_or_else(|error| panic!("{stream}: {error}")), &written);
}
