use std::{fmt::Display, time::Duration};

use async_nats::{
    RequestErrorKind,
    client::Request,
    error::Error as NatsError,
    jetstream::{
        ErrorCode,
        message::StreamMessage,
        stream::{RawMessageError, RawMessageErrorKind},
    },
};
use serde::Deserialize;
use uuid::Uuid;

use super::{ANSWER_WAIT, JetStreamLog, wire};
use crate::{
    Entry, Error, NewEntry, Position, StreamId,
    attempts::{Answer, Server},
};

/// A write to the same subject is in flight; the same message id is in flight. Clusters say so, and the client has
/// no name for either.
const IN_FLIGHT: [u64; 2] = [10164, 10158];
/// The shortest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest one.
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// After so many doublings the pause is the longest.
const DOUBLINGS_MAX: u32 = 5;
/// "Too many requests": the one refusal of the 400s that passes.
const BUSY: u16 = 429;

/// What the server answers to a message of the log.
#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    error: Option<Refused>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Deserialize)]
struct Refused {
    code: u16,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Server for JetStreamLog {
    async fn publish(&self, expected: Position, entry: &NewEntry) -> Result<Answer, Error> {
        let request = Request::new()
            .headers(wire::headers(expected, entry)?)
            .payload(entry.body.clone())
            .timeout(Some(ANSWER_WAIT));
        let subject = self.shared.subjects.of_stream(&entry.stream);
        let answer = self.shared.client.send_request(subject, request).await.map_err(|e| unanswered(&e))?;
        let answer: Published = serde_json::from_slice(&answer.payload).map_err(unavailable)?;
        match answer {
            Published { error: Some(refused), .. } => refusal(refused),
            Published { duplicate: true, .. } => Ok(Answer::Duplicate),
            Published { seq: 0, .. } => Err(Error::Unusable("an acknowledgement without a sequence".into())),
            Published { seq, .. } => Ok(Answer::Stored(Position(seq))),
        }
    }

    async fn next(&self, stream: &StreamId, after: Position) -> Result<Option<Entry>, Error> {
        self.next_entry(stream, after).await
    }

    async fn pause(&self, attempt: u32) {
        pause(attempt).await;
    }
}

impl JetStreamLog {
    /// The first entry of `stream` after `after`, asked of the leader.
    pub(super) async fn next_entry(
        &self,
        stream: &StreamId,
        after: Position,
    ) -> Result<Option<Entry>, Error> {
        let subjects = &self.shared.subjects;
        let get = self
            .shared
            .stream
            .raw_message_builder()
            .sequence(after.0.saturating_add(1))
            .next_by_subject(subjects.of_stream(stream));
        let Some(message) = found(get.send().await)? else { return Ok(None) };
        let StreamMessage { subject, sequence, headers, payload, .. } = message;
        subjects.entry(&subject, sequence, Some(&headers), payload).map(Some)
    }
}

/// The message, or that there is none.
pub(super) fn found(message: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, Error> {
    match message {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            RawMessageErrorKind::NoMessageFound => Ok(None),
            RawMessageErrorKind::JetStream(inner) if inner.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                Ok(None)
            }
            _ => Err(unavailable(error)),
        },
    }
}

pub(super) fn unavailable(error: impl Display) -> Error {
    Error::Unavailable(error.to_string())
}

pub(super) async fn pause(attempt: u32) {
    tokio::time::sleep(delay(attempt)).await;
}

/// Doubles with each attempt up to [`PAUSE_MAX`], and is spread over the whole of it: who collided shall not again.
pub(super) fn delay(attempt: u32) -> Duration {
    let longest = PAUSE_MAX.min(PAUSE_MIN * (1 << attempt.min(DOUBLINGS_MAX)));
    let spread = (longest - PAUSE_MIN).as_micros() as u64 + 1;
    PAUSE_MIN + Duration::from_micros(Uuid::new_v4().as_u64_pair().1 % spread)
}

/// A refusal of the 400s is one that a retry would get again; the others pass with time.
fn refusal(refused: Refused) -> Result<Answer, Error> {
    let Refused { code, err_code, description } = refused;
    match err_code {
        code if IN_FLIGHT.contains(&code) => Ok(Answer::InFlight),
        code if code == ErrorCode::STREAM_WRONG_LAST_SEQUENCE.0 => Ok(Answer::Conflict),
        _ if (400..500).contains(&code) && code != BUSY => {
            Err(Error::Unusable(format!("the server refuses an entry: {description} ({err_code})")))
        }
        _ => Err(Error::Unavailable(format!("{description} ({err_code})"))),
    }
}

fn unanswered(error: &NatsError<RequestErrorKind>) -> Error {
    match error.kind() {
        RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
            Error::Unusable(error.to_string())
        }
        _ => unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_told_from_what_is_broken() {
        let answer = |code, err_code| refusal(Refused { code, err_code, description: "text".into() });
        assert!(matches!(answer(400, 10071), Ok(Answer::Conflict)));
        assert!(matches!(answer(400, 10164), Ok(Answer::InFlight)));
        assert!(matches!(answer(409, 10158), Ok(Answer::InFlight)));
        assert!(matches!(answer(400, 10054), Err(Error::Unusable(_))));
        assert!(matches!(answer(429, 10167), Err(Error::Unavailable(_))));
        assert!(matches!(answer(503, 10077), Err(Error::Unavailable(_))));
    }

    #[test]
    fn pauses_grow_and_stay_in_their_bounds() {
        for attempt in [0, 1, 5, 6, u32::MAX] {
            for _ in 0..200 {
                let delay = delay(attempt);
                assert!((PAUSE_MIN..=PAUSE_MAX).contains(&delay), "attempt {attempt}: {delay:?}");
            }
        }
        assert_eq!(delay(0), PAUSE_MIN);
        assert!((0..200).any(|_| delay(u32::MAX) > PAUSE_MAX / 2));
    }
}
