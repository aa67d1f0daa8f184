//! How an entry looks as a NATS message.

use async_nats::{HeaderMap, header};
use bytes::Bytes;
use uuid::Uuid;

use crate::{Category, Entry, Error, NewEntry, Position, StreamId};

const ROOT: &str = "dossier";
const TRACEPARENT: &str = "traceparent";

/// The subjects of a site: `dossier.<site>.<category>.<id>`.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    /// Up to and with the dot before the category.
    prefix: String,
}

impl Subjects {
    pub(super) fn new(site: &str) -> Self {
        Self { prefix: format!("{ROOT}.{site}.") }
    }

    pub(super) fn all(&self) -> String {
        format!("{}*.*", self.prefix)
    }

    pub(super) fn of_categories(&self, categories: &[Category]) -> Vec<String> {
        categories.iter().map(|category| format!("{}{category}.*", self.prefix)).collect()
    }

    pub(super) fn of_stream(&self, stream: &StreamId) -> String {
        format!("{}{}.{}", self.prefix, stream.category(), stream.id())
    }

    fn stream(&self, subject: &str) -> Option<StreamId> {
        subject.strip_prefix(&self.prefix)?.replacen('.', "-", 1).parse().ok()
    }

    /// The entry that a message is.
    pub(super) fn entry(
        &self,
        subject: &str,
        position: u64,
        headers: Option<&HeaderMap>,
        body: Bytes,
    ) -> Result<Entry, Error> {
        let read = || {
            let headers = headers?;
            let traceparent = headers.get(TRACEPARENT).map(|value| value.as_str().to_owned());
            let position = Position(position);
            Some(Entry { position, id: id(headers)?, stream: self.stream(subject)?, traceparent, body })
        };
        read()
            .ok_or_else(|| Error::Unusable(format!("the message {position} of the log is no entry of ours")))
    }
}

/// The header of an attempt.
///
/// The server remembers message ids for the whole log, not for a subject: an id alone, seen on another stream or
/// with another `expected`, would be acknowledged and not stored. So the message id is all that makes an append the
/// same append.
pub(super) fn headers(expected: Position, entry: &NewEntry) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let message_id = format!("{}/{expected}/{}", entry.id, entry.stream);
    headers.insert(header::NATS_MESSAGE_ID, message_id.as_str());
    headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    if let Some(traceparent) = &entry.traceparent {
        let value = traceparent.parse::<async_nats::HeaderValue>();
        let value = value.map_err(|error| Error::Unusable(format!("the trace context: {error}")))?;
        headers.insert(TRACEPARENT, value);
    }
    Ok(headers)
}

/// The id of the entry.
pub(super) fn id(headers: &HeaderMap) -> Option<Uuid> {
    let (id, _) = headers.get(header::NATS_MESSAGE_ID)?.as_str().split_once('/')?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_the_way_there_and_back() {
        let subjects = Subjects::new("emea");
        let new = NewEntry {
            id: Uuid::from_u128(7),
            stream: "case-a-b=".parse().unwrap(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            body: Bytes::from_static(b"\0\xff"),
        };
        let headers = headers(Position(41), &new).unwrap();
        let subject = subjects.of_stream(&new.stream);
        assert_eq!(subject, "dossier.emea.case.a-b=");
        let entry = subjects.entry(&subject, 42, Some(&headers), new.body.clone()).unwrap();
        assert_eq!(entry.position, Position(42));
        assert_eq!(
            (entry.id, entry.stream, entry.traceparent, entry.body),
            (new.id, new.stream, new.traceparent, new.body)
        );
    }

    #[test]
    fn what_is_not_ours_is_no_entry() {
        let subjects = Subjects::new("emea");
        let mut headers = HeaderMap::new();
        for id in ["", "7", "00000000-0000-0000-0000-000000000007"] {
            headers.insert(header::NATS_MESSAGE_ID, id);
            assert!(subjects.entry("dossier.emea.case.1", 1, Some(&headers), Bytes::new()).is_err(), "{id}");
        }
        headers.insert(header::NATS_MESSAGE_ID, "00000000-0000-0000-0000-000000000007/0/case-1");
        assert!(subjects.entry("dossier.emea.case.1", 1, Some(&headers), Bytes::new()).is_ok());
        assert!(subjects.entry("dossier.apac.case.1", 1, Some(&headers), Bytes::new()).is_err());
        assert!(subjects.entry("dossier.emea.case", 1, Some(&headers), Bytes::new()).is_err());
        assert!(subjects.entry("dossier.emea.case.1", 1, None, Bytes::new()).is_err());
    }
}
