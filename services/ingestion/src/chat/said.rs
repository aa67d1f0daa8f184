//! Where in the log stands what was said in chats: a read model.
//!
//! It has names of streams and positions, and no word of anybody: a transcript is read from the log, where it is sealed.

use domain::{
    conversation::Key,
    decider::Decider,
    delivery::{self, Answer},
    ids::{AccountId, ConversationId, IdentityId},
    message,
};
use eventlog::{Category, Entry, Position};
use service::{
    envelope::{Envelope, Unreadable, contains},
    projection::{self, Projection},
    store::{Error, Row, Schema, Sql, Store, Tx},
};

use super::CHANNEL;

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/chat/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/chat/postgres");

/// Follows messages and deliveries of chats.
pub(crate) struct Said;

/// What one entry is to a transcript.
pub(crate) enum Noted {
    /// Nothing.
    Nothing,
    /// A visitor said it, or it changed.
    Heard(String, ConversationId),
    /// A reply is on its way.
    Queued(String, ConversationId),
    /// A reply can be seen from now on.
    Shown(String),
    /// Something else became of a reply.
    Changed(String),
}

/// One thing that was said.
pub(super) struct Line {
    /// Of the message or the delivery.
    pub(super) stream: String,
    /// Where it stands in the transcript.
    pub(super) shown: u64,
    /// Where it last changed.
    pub(super) changed: u64,
}

#[async_trait::async_trait]
impl Projection for Said {
    type Item = Noted;

    fn name(&self) -> &'static str {
        "ingestion_chat_v1"
    }

    fn anew(&self) -> Self {
        Self
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        [message::State::CATEGORY, delivery::State::CATEGORY]
            .into_iter()
            .filter_map(|name| Category::new(name).ok())
            .collect()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        const ROWS: &str = "select stream, conversation, shown, changed from said order by stream";
        &[("said", Sql { sqlite: ROWS, postgres: ROWS })]
    }

    fn read(&self, entry: &Entry) -> Result<Noted, Unreadable> {
        if entry.stream.category() == delivery::State::CATEGORY {
            return of_delivery(entry);
        }
        // Most messages are of other channels: a glance spares to read them.
        if contains(&entry.body, CHANNEL) { of_message(entry) } else { Ok(Noted::Nothing) }
    }

    async fn apply(&self, tx: &mut Tx, items: Vec<(Position, Noted)>) -> Result<(), projection::Error> {
        for (Position(position), noted) in items {
            match noted {
                Noted::Nothing => {}
                Noted::Heard(stream, conversation) => {
                    let sql = "insert into said (stream, conversation, shown, changed) values ($1, $2, $3, $3) \
                               on conflict (stream) do update set changed = excluded.changed";
                    let binds = [stream.into(), conversation.to_string().into(), position.into()];
                    tx.execute(sql, &binds).await?;
                }
                Noted::Queued(stream, conversation) => {
                    let sql = "insert into said (stream, conversation, shown, changed) values ($1, $2, 0, $3) \
                               on conflict (stream) do nothing";
                    let binds = [stream.into(), conversation.to_string().into(), position.into()];
                    tx.execute(sql, &binds).await?;
                }
                Noted::Shown(stream) => {
                    let sql = "update said set changed = $2, shown = case when shown = 0 then $2 else shown end \
                               where stream = $1";
                    tx.execute(sql, &[stream.into(), position.into()]).await?;
                }
                Noted::Changed(stream) => {
                    let sql = "update said set changed = $2 where stream = $1";
                    tx.execute(sql, &[stream.into(), position.into()]).await?;
                }
            }
        }
        Ok(())
    }
}

fn of_message(entry: &Entry) -> Result<Noted, Unreadable> {
    let envelope = Envelope::<message::Event>::of(entry)?;
    for event in envelope.events {
        if let message::Event::Received { content, .. } | message::Event::Edited { content, .. } = event
            && content.channel.as_str() == CHANNEL
            && let Some(identity) = content.identity
        {
            let conversation = conversation_of(content.account, identity);
            return Ok(Noted::Heard(entry.stream.to_string(), conversation));
        }
    }
    Ok(Noted::Nothing)
}

fn of_delivery(entry: &Entry) -> Result<Noted, Unreadable> {
    let envelope = Envelope::<delivery::Event>::of(entry)?;
    let stream = || entry.stream.to_string();
    let mut noted = Noted::Nothing;
    for event in envelope.events {
        noted = match event {
            delivery::Event::Queued { request, .. } if request.channel.as_str() == CHANNEL => {
                Noted::Queued(stream(), request.conversation)
            }
            delivery::Event::PartSent { .. }
            | delivery::Event::Clarified { answer: Answer::Has { .. }, .. } => Noted::Shown(stream()),
            delivery::Event::Delivered { .. } | delivery::Event::Read { .. } => Noted::Changed(stream()),
            delivery::Event::Queued { .. }
            | delivery::Event::Cancelled { .. }
            | delivery::Event::Refused { .. }
            | delivery::Event::AttemptStarted { .. }
            | delivery::Event::AttemptFailed { .. }
            | delivery::Event::AttemptRejected { .. }
            | delivery::Event::OutcomeUnclear { .. }
            | delivery::Event::Clarified { .. }
            | delivery::Event::ResendChosen { .. }
            | delivery::Event::GivenUp { .. }
            | delivery::Event::Replayed { .. }
            | delivery::Event::Undelivered { .. }
            | delivery::Event::Bounced { .. } => noted,
        };
    }
    Ok(noted)
}

/// The conversation with a visitor: the same that cases derives.
pub(super) fn conversation_of(account: AccountId, identity: IdentityId) -> ConversationId {
    Key::Contact { account, identity }.id()
}

/// The last lines of a conversation before `before`, newest first.
pub(super) async fn before(
    store: &Store,
    conversation: ConversationId,
    before: u64,
    max: usize,
) -> Result<Vec<Line>, Error> {
    let sql = "select stream, shown, changed from said where conversation = $1 and shown > 0 and shown < $2 \
               order by shown desc limit $3";
    let binds = [conversation.to_string().into(), before.into(), (max as u64).into()];
    Ok(store.query(sql, &binds).await?.iter().map(line).collect())
}

/// What changed in a conversation after `since`, oldest change first.
pub(super) async fn since(
    store: &Store,
    conversation: ConversationId,
    since: u64,
    max: usize,
) -> Result<Vec<Line>, Error> {
    let sql = "select stream, shown, changed from said where conversation = $1 and shown > 0 and changed > $2 \
               order by changed limit $3";
    let binds = [conversation.to_string().into(), since.into(), (max as u64).into()];
    Ok(store.query(sql, &binds).await?.iter().map(line).collect())
}

/// Whether a line is of this conversation, and can be seen.
pub(super) async fn is_shown(
    store: &Store,
    conversation: ConversationId,
    stream: &str,
) -> Result<bool, Error> {
    let sql = "select 1 from said where stream = $1 and conversation = $2 and shown > 0";
    Ok(!store.query(sql, &[stream.into(), conversation.to_string().into()]).await?.is_empty())
}

/// The conversations in which something changed after `since`; at most so many.
pub(super) async fn changed_since(
    store: &Store,
    since: u64,
    max: usize,
) -> Result<Vec<ConversationId>, Error> {
    let sql = "select distinct conversation from said where changed > $1 limit $2";
    let rows = store.query(sql, &[since.into(), (max as u64).into()]).await?;
    Ok(rows.iter().filter_map(|row| row.string(0).parse().ok()).collect())
}

fn line(row: &Row) -> Line {
    Line { stream: row.string(0), shown: row.count(1), changed: row.count(2) }
}
