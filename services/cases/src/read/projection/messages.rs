//! Messages as rows.

use std::collections::{BTreeSet, HashMap};

use domain::{
    channel::Direction,
    ids::{CaseId, MessageId},
    message,
};
use eventlog::Position;
use service::{
    projection::Error,
    store::{Row, Sql, Tx},
};

use crate::read::{
    item::{Body, Item},
    rows::{MESSAGES, MessageRow, SaidRow},
    terms::terms,
};

/// Messages that came in, went out, were edited or deleted.
pub async fn apply(tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
    let mut changed = BTreeSet::new();
    for (_, item) in items {
        if let Body::Message(envelope) = &item.body
            && envelope.events.iter().any(|event| !is_first(event))
        {
            changed.insert(item.stream.id().to_owned());
        }
    }
    let mut rows = stored_messages(tx, &changed).await?;
    for (position, item) in items {
        let Body::Message(envelope) = &item.body else { continue };
        let Ok(id) = item.stream.id().parse::<MessageId>() else { continue };
        let opened = item.opened::<message::Event>();
        for event in opened.as_ref().unwrap_or(&envelope.events) {
            let known = rows.get(id.as_str()).cloned();
            let row = message_row(&id, position.0, event, known);
            rows.extend(row.map(|row| (id.to_string(), row)));
        }
    }
    let edited: Vec<MessageRow> = changed.iter().filter_map(|id| rows.get(id)).cloned().collect();
    let rows: Vec<_> = rows.into_values().collect();
    MESSAGES.write(tx, &rows).await?;
    said_again(tx, &edited).await
}

const fn is_first(event: &message::Event) -> bool {
    matches!(event, message::Event::Received { .. } | message::Event::Recorded { .. })
}

fn message_row(
    id: &MessageId,
    position: u64,
    event: &message::Event,
    known: Option<MessageRow>,
) -> Option<MessageRow> {
    match event {
        message::Event::Received { content, .. } => {
            Some(MessageRow::of(id, position, Direction::In, content, 0))
        }
        message::Event::Recorded { content, .. } => {
            Some(MessageRow::of(id, position, Direction::Out, content, 0))
        }
        message::Event::Edited { content, .. } => known.map(|known| MessageRow {
            position: known.position,
            direction: known.direction,
            edits: known.edits + 1,
            ..MessageRow::of(id, position, Direction::In, content, 0)
        }),
        message::Event::DeletedAtSource { at } => {
            known.map(|known| MessageRow { deleted_at: Some(at.as_microsecond()), ..known })
        }
        // Lists do not show them; a case reads them with its words.
        message::Event::Reacted { .. }
        | message::Event::Sent { .. }
        | message::Event::Reported { .. }
        | message::Event::FileKept { .. }
        | message::Event::FileLost { .. } => known,
    }
}

const MESSAGES_BY_ID: Sql = Sql {
    sqlite: "select id, position, direction, account, identity, owner, author_name, author_handle, subject, text, sent_at, \
             detected_at, visibility, edits, deleted_at from message where id in (select value from json_each($1))",
    postgres: "select id, position, direction, account, identity, owner, author_name, author_handle, subject, text, sent_at, \
               detected_at, visibility, edits, deleted_at from message where id in (select jsonb_array_elements_text($1::jsonb))",
};

async fn stored_messages(tx: &mut Tx, ids: &BTreeSet<String>) -> Result<HashMap<String, MessageRow>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = tx.query(MESSAGES_BY_ID, &[serde_json::json!(ids).to_string().into()]).await?;
    let text = |row: &Row, i| row.text(i).map(str::to_owned);
    let read = |row: &Row| MessageRow {
        id: row.string(0),
        position: row.count(1),
        direction: if row.text(2) == Some("out") { "out" } else { "in" },
        account: row.string(3),
        identity: text(row, 4),
        owner: row.string(5),
        author_name: text(row, 6),
        author_handle: text(row, 7),
        subject: text(row, 8),
        text: text(row, 9),
        sent_at: row.int(10).unwrap_or_default(),
        detected_at: row.int(11).unwrap_or_default(),
        visibility: row.string(12),
        edits: row.count(13),
        deleted_at: row.int(14),
    };
    Ok(rows.iter().map(|row| (row.string(0), read(row))).collect())
}

/// The words of messages that joined cases.
pub async fn texts_of(
    tx: &mut Tx,
    joined: &[(CaseId, MessageId)],
) -> Result<Vec<((CaseId, String), SaidRow)>, Error> {
    let ids = joined.iter().map(|(_, message)| message.to_string()).collect();
    let messages = stored_messages(tx, &ids).await?;
    let row = |(case, message): &(CaseId, MessageId)| {
        let words = messages.get(message.as_str())?;
        let item = message.to_string();
        let row = SaidRow {
            case_id: case.to_string(),
            item: item.clone(),
            owner: words.owner.clone(),
            terms: words.said()?,
        };
        Some(((*case, item), row))
    };
    Ok(joined.iter().filter_map(row).collect())
}

const UNSAY: Sql = Sql {
    sqlite: "delete from said where case_id = $1 and item in (select value from json_each($2))",
    postgres: "delete from said where case_id = $1 and item in (select jsonb_array_elements_text($2::jsonb))",
};

/// Takes messages out of the search of a case that they left.
pub async fn unsay(tx: &mut Tx, case: CaseId, messages: &BTreeSet<MessageId>) -> Result<(), Error> {
    let items = serde_json::json!(messages).to_string();
    tx.execute(UNSAY, &[case.to_string().into(), items.into()]).await?;
    Ok(())
}

/// Puts the new words of edited messages into the search, wherever the messages are.
async fn said_again(tx: &mut Tx, edited: &[MessageRow]) -> Result<(), Error> {
    for message in edited {
        let words = message.said().unwrap_or_default();
        // An edit may come from another person (a mail whose id somebody else used too): the words are under his key.
        tx.execute(
            "update said set terms = $2, owner = $3 where item = $1",
            &[message.id.as_str().into(), words.into(), message.owner.as_str().into()],
        )
        .await?;
    }
    Ok(())
}

impl MessageRow {
    /// The terms of subject and text, unless both are erased.
    fn said(&self) -> Option<String> {
        let mut parts = [&self.subject, &self.text].into_iter().flatten().map(String::as_str).peekable();
        parts.peek().is_some().then(|| terms(parts))
    }
}
