//! A record of a file as the intake takes it.

use ingestion::import::{Author, Direction, Record};
use proto::ingestion::v1 as pb;

use super::super::parse::proto_time;

/// A mail as it came, in bytes, as the contract has it.
const RAW_MAX: usize = 10 * 1024 * 1024;
/// One attachment, in bytes, as the contract has it.
const ATTACHMENT_MAX: usize = 10 * 1024 * 1024;
/// All of a message, in bytes: it must fit into one request.
pub const MESSAGE_MAX: usize = 15 * 1024 * 1024;

/// The message, or why the intake could not take it. Nothing is cut in silence.
pub fn message(record: Record) -> Result<pb::Message, String> {
    let id = record.external_id.clone();
    let rejected = |what: &str, max: usize| {
        Err(format!(
            "message {id}: {what} longer than {max} bytes; take it out of the file and import the rest"
        ))
    };
    let raw = record.raw.unwrap_or_default();
    if raw.len() > RAW_MAX {
        return rejected("the mail is", RAW_MAX);
    }
    if record.attachments.iter().any(|attachment| attachment.bytes.len() > ATTACHMENT_MAX) {
        return rejected("an attachment is", ATTACHMENT_MAX);
    }
    let outbound = record.direction == Direction::Outbound;
    let recipient = record.recipients.into_iter().next().filter(|_| outbound);
    let message = pb::Message {
        external_id: record.external_id,
        reply_to: record.reply_to.unwrap_or_default(),
        thread_root: record.thread_root.unwrap_or_default(),
        author: Some(author(record.author)),
        recipient: recipient.map(|external_id| pb::Author { external_id, ..pb::Author::default() }),
        direction: match record.direction {
            Direction::Inbound => pb::Direction::Inbound,
            Direction::Outbound => pb::Direction::Outbound,
        }
        .into(),
        text: record.text,
        subject: record.subject.unwrap_or_default(),
        sent_at: Some(proto_time(record.sent_at)),
        language: record.language.unwrap_or_default(),
        fields: record.fields.into_iter().collect(),
        attachments: record
            .attachments
            .into_iter()
            .map(|attachment| pb::Attachment {
                name: attachment.name.unwrap_or_default(),
                media_type: attachment.media_type,
                content: attachment.bytes,
            })
            .collect(),
        raw,
        ..pb::Message::default()
    };
    if prost::Message::encoded_len(&message) > MESSAGE_MAX {
        return rejected("the mail and its attachments are", MESSAGE_MAX);
    }
    Ok(message)
}

fn author(author: Author) -> pb::Author {
    pb::Author {
        external_id: author.external_id,
        name: author.name.unwrap_or_default(),
        handle: author.handle.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ingestion::import::Attachment;

    use super::*;

    fn record() -> Record {
        Record {
            external_id: "m1".to_owned(),
            reply_to: Some("m0".to_owned()),
            thread_root: Some("m0".to_owned()),
            author: Author { external_id: "acme".to_owned(), name: None, handle: Some("@acme".to_owned()) },
            recipients: vec!["ana".to_owned(), "ben".to_owned()],
            direction: Direction::Outbound,
            text: "Hello".to_owned(),
            subject: None,
            sent_at: "2026-03-01T08:00:00Z".parse().unwrap(),
            language: None,
            fields: BTreeMap::from([("mood".to_owned(), "good".to_owned())]),
            attachments: Vec::new(),
            raw: None,
        }
    }

    #[test]
    fn an_outbound_message_names_its_customer() {
        let message = message(record()).unwrap();
        assert_eq!(message.direction(), pb::Direction::Outbound);
        assert_eq!(message.recipient.unwrap().external_id, "ana");
        assert_eq!((message.thread_root.as_str(), message.reply_to.as_str()), ("m0", "m0"));
        assert_eq!(message.author.unwrap().handle, "@acme");
        assert_eq!(message.sent_at.unwrap().seconds, 1_772_352_000);
        assert_eq!(message.fields["mood"], "good");
    }

    #[test]
    fn an_inbound_message_has_no_recipient() {
        let inbound = Record { direction: Direction::Inbound, ..record() };
        assert_eq!(message(inbound).unwrap().recipient, None);
    }

    #[test]
    fn what_is_too_long_is_rejected_and_said() {
        let raw = |len| Record { raw: Some(vec![0; len]), ..record() };
        assert!(message(raw(RAW_MAX)).is_ok());
        assert!(message(raw(RAW_MAX + 1)).unwrap_err().starts_with("message m1: the mail is longer"));
        let attachment =
            |len| Attachment { name: None, media_type: "image/png".to_owned(), bytes: vec![0; len] };
        let attached = |attachments| message(Record { attachments, ..record() });
        assert!(attached(vec![attachment(ATTACHMENT_MAX)]).is_ok());
        assert!(attached(vec![attachment(ATTACHMENT_MAX + 1)]).is_err());
        assert!(attached(vec![attachment(8 * 1024 * 1024), attachment(8 * 1024 * 1024)]).is_err());
    }
}
