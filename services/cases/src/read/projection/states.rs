//! The states of cases, as the rows are made of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    case,
    decider::{Decider, fold},
    ids::{CaseId, IdentityId},
    personal::Personal,
};
use eventlog::{Category, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    envelope::{Envelope, Origin},
    projection::Error,
    store::{Row, Sql, Tx},
};

use super::{CasesProjection, messages};
use crate::read::{
    heard::{Heard, heard},
    item::{Body, Item},
    rows::{CASE_IDENTITIES, CASES, CaseIdentityRow, CaseRow, Facts, SAID, SaidRow, plain},
    terms::terms,
};

/// An entry of a case in a batch.
type Part<'a> = (Position, &'a Item, &'a Envelope<case::Event>);

/// A case up to some entry.
#[derive(Clone, Default)]
pub(super) struct Hot {
    state: case::State,
    facts: Facts,
}

impl CasesProjection {
    pub(super) async fn apply_cases(&self, tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
        let mut of_case: BTreeMap<CaseId, Vec<Part<'_>>> = BTreeMap::new();
        for (position, item) in items {
            if let (Body::Case(envelope), Ok(id)) = (&item.body, item.stream.id().parse()) {
                of_case.entry(id).or_default().push((*position, item, envelope));
            }
        }
        let mut stored = stored_facts(tx, of_case.keys()).await?;
        let (mut rows, mut said, mut joined, mut identities) =
            (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
        for (id, entries) in of_case {
            let mut hot = self.state_at(id, stored.remove(&id)).await?;
            let before = hot.identities();
            for (position, item, envelope) in entries {
                let opened = item.opened::<case::Event>();
                let opened = opened.as_ref().unwrap_or(&envelope.events);
                hot.apply(position, envelope, opened);
                for event in opened {
                    match heard(event) {
                        Heard::Nothing => {}
                        Heard::Title(title) => said.extend(words(id, "title".into(), title)),
                        Heard::Joined { message, .. } => joined.push((id, message.clone())),
                        Heard::SplitOff(messages) => {
                            joined.retain(|(case, message)| *case != id || !messages.contains(message));
                            messages::unsay(tx, id, messages).await?;
                        }
                        Heard::Reply { reply, text, .. } => said.extend(words(id, reply.to_string(), text)),
                        Heard::Note { note, text, .. } => said.extend(words(id, note.to_string(), text)),
                    }
                }
            }
            if let Some(case) = hot.state.case() {
                rows.push(CaseRow::of(id, case, &hot.facts));
            }
            let now = hot.identities();
            identities.extend(
                now.difference(&before).map(|identity| CaseIdentityRow {
                    case_id: id.to_string(),
                    identity: identity.to_string(),
                }),
            );
            // A merge was taken back.
            for gone in before.difference(&now) {
                tx.execute(NO_LONGER, &[id.to_string().into(), gone.as_str().into()]).await?;
            }
            self.keep(id, hot);
        }
        CASES.write(tx, &rows).await?;
        CASE_IDENTITIES.write(tx, &identities).await?;
        said.extend(messages::texts_of(tx, &joined).await?);
        Ok(SAID.write(tx, &said.into_values().collect::<Vec<_>>()).await?)
    }

    /// The state of a case as the stored row has it.
    async fn state_at(&self, id: CaseId, stored: Option<Facts>) -> Result<Hot, Error> {
        let Some(facts) = stored else { return Ok(Hot::default()) };
        let hot =
            self.hot.get(&id).map(|hot| mem::take(&mut *hot.lock().unwrap_or_else(PoisonError::into_inner)));
        if let Some(hot) = hot.filter(|hot| hot.facts.version == facts.version) {
            return Ok(hot);
        }
        let category = Category::new(case::State::CATEGORY);
        let Ok(stream) = category.and_then(|category| StreamId::new(&category, id)) else {
            return Ok(Hot::default());
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
        Ok(Hot { state, facts })
    }

    fn keep(&self, id: CaseId, hot: Hot) {
        match self.hot.get(&id) {
            Some(place) => *place.lock().unwrap_or_else(PoisonError::into_inner) = hot,
            None => self.hot.insert(id, Arc::new(Mutex::new(hot))),
        }
    }
}

impl Hot {
    fn identities(&self) -> BTreeSet<IdentityId> {
        self.state.case().map(|case| case.identities().into_iter().cloned().collect()).unwrap_or_default()
    }

    fn apply(&mut self, position: Position, envelope: &Envelope<case::Event>, opened: &[case::Event]) {
        self.state = fold(mem::take(&mut self.state), &envelope.events);
        let live = envelope.origin == Origin::Live;
        if self.facts.seq == 0 {
            self.facts.seq = position.0;
            self.facts.imported = !live;
        }
        self.facts.version = position.0;
        self.facts.updated_at = Some(envelope.recorded_at);
        self.facts.live |= live;
        for event in opened {
            if let case::Event::Closed { at } = event {
                self.facts.closed_at = Some(*at);
            }
            if let Heard::Title(title) = heard(event) {
                self.facts.title = plain(Some(title));
            }
        }
    }
}

/// Words for the search, unless they are erased.
fn words(id: CaseId, item: String, text: &Personal) -> Option<((CaseId, String), SaidRow)> {
    let terms = terms([text.as_open()?]);
    let (case_id, owner) = (id.to_string(), text.subject.to_string());
    Some(((id, item.clone()), SaidRow { case_id, item, owner, terms }))
}

const NO_LONGER: &str = "delete from case_identity where case_id = $1 and identity = $2";

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
