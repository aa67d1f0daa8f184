//! The log becomes rows.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use domain::{
    case,
    channel::Direction,
    customer,
    decider::{Decider, fold},
    ids::{CaseId, MessageId},
    links, message,
};
use eventlog::{Category, Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    envelope::{Envelope, Origin, Unreadable},
    projection::{Error, Projection},
    store::{Row, Schema, Sql, Tx, Value},
};
use vault::Vault;

use super::{
    item::{self, Body, Item},
    rows::{
        CASE_IDENTITIES, CASES, CaseIdentityRow, CaseRow, Facts, IDENTITIES, IdentityRow, MESSAGES,
        MessageRow, SAID, SaidRow, plain,
    },
};

/// States of cases that are kept between batches.
const HOT_CASES_MAX: u64 = 50_000;

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Every table, in an order of its rows that does not depend on how they came in.
const TABLES: &[(&str, Sql)] = &[
    ("case_row", Sql::same("select * from case_row order by id")),
    ("case_identity", Sql::same("select * from case_identity order by case_id, identity")),
    ("message", Sql::same("select * from message order by id")),
    ("identity", Sql::same("select * from identity order by id")),
    ("link", Sql::same("select * from link order by kind, from_case, to_case")),
    ("said", Sql::same("select case_id, item, owner, text from said order by case_id, item")),
];

/// Fills the read model of cases.
///
/// What a case amounts to is told by the domain alone: the projection folds the same states that decide, and writes
/// columns out of them. A state that is not hot comes from the log, never from a row.
pub struct CasesProjection {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    hot: moka::sync::Cache<CaseId, Arc<Hot>>,
}

#[derive(Clone, Default)]
struct Hot {
    state: case::State,
    facts: Facts,
}

impl CasesProjection {
    /// With an empty cache.
    pub fn new(log: Arc<dyn EventLog>, vault: Arc<Vault>) -> Self {
        Self { log, vault, hot: moka::sync::Cache::new(HOT_CASES_MAX) }
    }
}

#[async_trait::async_trait]
impl Projection for CasesProjection {
    type Item = Item;

    fn name(&self) -> &'static str {
        "cases_v1"
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        [case::State::CATEGORY, message::State::CATEGORY, customer::State::CATEGORY, links::State::CATEGORY]
            .iter()
            .filter_map(|name| Category::new(name).ok())
            .collect()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        TABLES
    }

    fn read(&self, entry: &Entry) -> Result<Item, Unreadable> {
        Item::read(entry)
    }

    async fn apply(&self, tx: &mut Tx, mut items: Vec<(Position, Item)>) -> Result<(), Error> {
        let (positions, mut plain): (Vec<_>, Vec<_>) = items.drain(..).unzip();
        item::open(&self.vault, &mut plain).await.map_err(|error| Error::Vault(error.to_string()))?;
        let items: Vec<_> = positions.into_iter().zip(plain).collect();
        // What follows an erasure may be sealed under a new key: it is applied after the purge.
        for part in items.split_inclusive(|(_, item)| erases(item)) {
            self.apply_messages(tx, part).await?;
            self.apply_customers(tx, part).await?;
            self.apply_cases(tx, part).await?;
            apply_links(tx, part).await?;
            self.purge(tx, part).await?;
        }
        Ok(())
    }
}

impl CasesProjection {
    async fn apply_messages(&self, tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
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

    async fn apply_customers(&self, tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
        let mut rows = BTreeMap::new();
        for (_, item) in items {
            let Body::Customer(envelope) = &item.body else { continue };
            let opened = item.opened::<customer::Event>();
            for event in opened.as_ref().unwrap_or(&envelope.events) {
                match event {
                    customer::Event::IdentityAdded { identity, .. }
                    | customer::Event::IdentityLinked { identity, .. }
                    | customer::Event::IdentityDescribed { identity, .. } => {
                        let row = IdentityRow {
                            id: identity.id.to_string(),
                            name: plain(identity.name.as_ref()),
                            handle: plain(identity.handle.as_ref()),
                            customer: Some(item.stream.id().to_owned()),
                        };
                        rows.insert(row.id.clone(), row);
                    }
                    customer::Event::IdentityUnlinked { identity, .. } => {
                        rows.remove(identity.as_str());
                        tx.execute("delete from identity where id = $1", &[identity.as_str().into()]).await?;
                    }
                    customer::Event::ConsentGiven { .. }
                    | customer::Event::ConsentRevoked { .. }
                    | customer::Event::OptedOut { .. }
                    | customer::Event::OptedIn { .. }
                    | customer::Event::Erased { .. } => {}
                }
            }
        }
        Ok(IDENTITIES.write(tx, &rows.into_values().collect::<Vec<_>>()).await?)
    }

    async fn apply_cases(&self, tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
        let mut of_case: BTreeMap<CaseId, Vec<(Position, &Item, &Envelope<case::Event>)>> = BTreeMap::new();
        for (position, item) in items {
            if let (Body::Case(envelope), Ok(id)) = (&item.body, item.stream.id().parse()) {
                of_case.entry(id).or_default().push((*position, item, envelope));
            }
        }
        let mut stored = stored_facts(tx, of_case.keys()).await?;
        let (mut rows, mut said, mut joined, mut identities) =
            (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
        for (id, entries) in of_case {
            let mut hot = Arc::unwrap_or_clone(self.state_at(id, stored.remove(&id)).await?);
            for (position, item, envelope) in entries {
                let opened = item.opened::<case::Event>();
                let opened = opened.as_ref().unwrap_or(&envelope.events);
                hot.apply(position, envelope, opened);
                for event in opened {
                    match heard(event) {
                        Heard::Nothing => {}
                        Heard::Message(message) => joined.push((id, message.clone())),
                        Heard::Text(item, text) => {
                            said.extend(text.as_open().map(|words| {
                                let (case_id, owner) = (id.to_string(), text.subject.to_string());
                                ((id, item.clone()), SaidRow { case_id, item, owner, text: words.to_owned() })
                            }));
                        }
                    }
                }
            }
            if let Some(case) = hot.state.case() {
                rows.push(CaseRow::of(id, case, &hot.facts));
                let of = |identity: &domain::ids::IdentityId| CaseIdentityRow {
                    case_id: id.to_string(),
                    identity: identity.to_string(),
                };
                identities.extend(case.identities().into_iter().map(of));
            }
            self.hot.insert(id, Arc::new(hot));
        }
        CASES.write(tx, &rows).await?;
        CASE_IDENTITIES.write(tx, &identities).await?;
        said.extend(texts_of(tx, &joined).await?);
        Ok(SAID.write(tx, &said.into_values().collect::<Vec<_>>()).await?)
    }

    /// The state of a case as the stored row has it.
    async fn state_at(&self, id: CaseId, stored: Option<Facts>) -> Result<Arc<Hot>, Error> {
        let Some(facts) = stored else { return Ok(Arc::default()) };
        if let Some(hot) = self.hot.get(&id)
            && hot.facts.version == facts.version
        {
            return Ok(hot);
        }
        let category = Category::new(case::State::CATEGORY);
        let Ok(stream) = category.and_then(|category| StreamId::new(&category, id)) else {
            return Ok(Arc::default());
        };
        let mut entries = self.log.read(&stream);
        let mut state = case::State::default();
        while let Some(entry) = entries.try_next().await? {
            if entry.position.0 > facts.version {
                break;
            }
            // It could be read when the row was written; a version that cannot read it now has parked the stream.
            if let Ok(envelope) = Envelope::<case::Event>::of(&entry) {
                state = fold(state, &envelope.events);
            }
        }
        Ok(Arc::new(Hot { state, facts }))
    }

    /// Forgets in plain text what an erasure has made unreadable.
    async fn purge(&self, tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
        let Some((_, Item { body: Body::Customer(envelope), .. })) = items.last() else { return Ok(()) };
        let erased: Vec<String> = envelope
            .events
            .iter()
            .filter_map(|event| match event {
                customer::Event::Erased { identities, .. } => {
                    Some(identities.iter().map(ToString::to_string))
                }
                _ => None,
            })
            .flatten()
            .collect();
        if erased.is_empty() {
            return Ok(());
        }
        self.vault.forget(&erased);
        self.hot.invalidate_all();
        let list = [Value::from(serde_json::json!(erased).to_string())];
        for sql in [
            Sql {
                sqlite: "update message set author_name = null, author_handle = null, subject = null, text = null \
                         where owner in (select value from json_each($1))",
                postgres: "update message set author_name = null, author_handle = null, subject = null, text = null \
                           where owner in (select jsonb_array_elements_text($1::jsonb))",
            },
            Sql {
                sqlite: "update identity set name = null, handle = null where id in (select value from json_each($1))",
                postgres: "update identity set name = null, handle = null \
                           where id in (select jsonb_array_elements_text($1::jsonb))",
            },
            Sql {
                sqlite: "update case_row set title = null where title_owner in (select value from json_each($1))",
                postgres: "update case_row set title = null \
                           where title_owner in (select jsonb_array_elements_text($1::jsonb))",
            },
            Sql {
                sqlite: "delete from said where owner in (select value from json_each($1))",
                postgres: "delete from said where owner in (select jsonb_array_elements_text($1::jsonb))",
            },
        ] {
            tx.execute(sql, &list).await?;
        }
        Ok(())
    }
}

impl Hot {
    fn apply(&mut self, position: Position, envelope: &Envelope<case::Event>, opened: &[case::Event]) {
        self.state = fold(std::mem::take(&mut self.state), &envelope.events);
        let live = envelope.origin == Origin::Live;
        if self.facts.seq == 0 {
            self.facts.seq = position.0;
            self.facts.imported = !live;
        }
        self.facts.version = position.0;
        self.facts.updated_at = Some(envelope.recorded_at);
        self.facts.live |= live;
        for event in opened {
            match event {
                case::Event::Opened { opening, .. } => self.facts.title = plain(opening.title.as_ref()),
                case::Event::Retitled { title, .. } => self.facts.title = plain(Some(title)),
                case::Event::Closed { at } => self.facts.closed_at = Some(*at),
                _ => {}
            }
        }
    }
}

/// What of an event can be found by its words.
enum Heard<'a> {
    Nothing,
    Message(&'a MessageId),
    Text(String, &'a domain::personal::Personal),
}

fn heard(event: &case::Event) -> Heard<'_> {
    match event {
        case::Event::Opened { opening, .. } => {
            opening.title.as_ref().map_or(Heard::Nothing, |title| Heard::Text("title".into(), title))
        }
        case::Event::Retitled { title, .. } => Heard::Text("title".into(), title),
        case::Event::ReplyReleased { reply, text, .. } => Heard::Text(reply.to_string(), text),
        case::Event::Noted { note, text, .. } => Heard::Text(note.to_string(), text),
        case::Event::CustomerMessageReceived { message, .. } => Heard::Message(&message.message),
        case::Event::OutboundRecorded { message, .. } => Heard::Message(message),
        _ => Heard::Nothing,
    }
}

fn erases(item: &Item) -> bool {
    let Body::Customer(envelope) = &item.body else { return false };
    envelope.events.iter().any(|event| matches!(event, customer::Event::Erased { .. }))
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
async fn texts_of(
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
            text: words.said()?,
        };
        Some(((*case, item), row))
    };
    Ok(joined.iter().filter_map(row).collect())
}

/// Puts the new words of edited messages into the search, wherever the messages are.
async fn said_again(tx: &mut Tx, edited: &[MessageRow]) -> Result<(), Error> {
    for message in edited {
        let words = message.said().unwrap_or_default();
        tx.execute("update said set text = $2 where item = $1", &[message.id.as_str().into(), words.into()])
            .await?;
    }
    Ok(())
}

impl MessageRow {
    /// Subject and text, unless both are erased.
    fn said(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.subject, &self.text].into_iter().flatten().map(String::as_str).collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }
}

const FACTS_BY_ID: Sql = Sql {
    sqlite: "select id, seq, version, updated_at, closed_at, origin, live, title from case_row \
             where id in (select value from json_each($1))",
    postgres: "select id, seq, version, updated_at, closed_at, origin, live, title from case_row \
               where id in (select jsonb_array_elements_text($1::jsonb))",
};

async fn stored_facts(
    tx: &mut Tx,
    ids: impl Iterator<Item = &CaseId>,
) -> Result<HashMap<CaseId, Facts>, Error> {
    let ids: Vec<String> = ids.map(ToString::to_string).collect();
    let rows = tx.query(FACTS_BY_ID, &[serde_json::json!(ids).to_string().into()]).await?;
    let time = |row: &Row, i| row.int(i).and_then(domain::time::Timestamp::from_microsecond);
    let read = |row: &Row| {
        let facts = Facts {
            seq: row.count(1),
            version: row.count(2),
            updated_at: time(row, 3),
            closed_at: time(row, 4),
            imported: row.text(5) == Some("import"),
            live: row.count(6) == 1,
            title: row.text(7).map(str::to_owned),
        };
        Some((row.text(0)?.parse().ok()?, facts))
    };
    Ok(rows.iter().filter_map(read).collect())
}

async fn apply_links(tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
    for (_, item) in items {
        let Body::Links(envelope) = &item.body else { continue };
        for event in &envelope.events {
            let (sql, kind, from, to) = match event {
                links::Event::Linked { kind, from, to, .. } => (
                    "insert into link (kind, from_case, to_case) values ($1, $2, $3) on conflict do nothing",
                    kind,
                    from,
                    to,
                ),
                links::Event::Unlinked { kind, from, to, .. } => {
                    ("delete from link where kind = $1 and from_case = $2 and to_case = $3", kind, from, to)
                }
                links::Event::Merged { .. } | links::Event::Unmerged { .. } => continue,
            };
            let kind = match kind {
                links::LinkKind::ChildOf => "child_of",
                links::LinkKind::DuplicateOf => "duplicate_of",
                links::LinkKind::CausedBy => "caused_by",
            };
            tx.execute(sql, &[kind.into(), from.to_string().into(), to.to_string().into()]).await?;
        }
    }
    Ok(())
}
