//! What was said to one visitor and by him, read from the log, where it is sealed: whoever was erased is erased here.

use domain::{
    decider::Decider,
    delivery::{self, Event as Delivered, Progress},
    message::{self, Event as Heard},
};
use eventlog::StreamId;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::{Error, envelope::Envelope};
use vault::Events;

use super::{
    Chat,
    protocol::{From, How, Item, line_of},
    said::Line,
};

/// Lines that are read side by side.
const CONCURRENCY_MAX: usize = 8;

impl Chat {
    /// The lines as a visitor may see them, in their order. `names`: whether he is told who says something.
    pub(super) async fn items(&self, lines: Vec<Line>, names: bool) -> Result<Vec<Item>, Error> {
        // Collected first: a stream of borrowing closures is not general enough to be sent between threads.
        let reads: Vec<_> = lines.into_iter().map(|line| self.item(line, names)).collect();
        let read: Vec<Vec<Item>> = stream::iter(reads).buffered(CONCURRENCY_MAX).try_collect().await?;
        let mut items: Vec<Item> = read.into_iter().flatten().collect();
        items.sort_by_key(|item| item.order);
        Ok(items)
    }

    async fn item(&self, line: Line, names: bool) -> Result<Vec<Item>, Error> {
        let (category, id) = line.stream.split_once('-').unwrap_or_default();
        let category = eventlog::Category::new(category).map_err(bad)?;
        let stream = StreamId::new(&category, id).map_err(bad)?;
        if category.as_str() == message::State::CATEGORY {
            let events: Vec<Heard> = self.opened(&stream).await?;
            Ok(heard(events, line.shown).into_iter().collect())
        } else {
            let events: Vec<Delivered> = self.opened(&stream).await?;
            Ok(self.replied(&events, line.shown, names))
        }
    }

    /// The parts of a reply that can be seen.
    fn replied(&self, events: &[Delivered], order: u64, names: bool) -> Vec<Item> {
        let state = events.iter().fold(delivery::State::default(), Decider::evolve);
        let Some(known) = state.delivery() else { return Vec::new() };
        let Some(Delivered::Queued { by, request, .. }) = events.first() else { return Vec::new() };
        let name = names.then(|| self.accounts.person(by.id.as_str())).flatten();
        let parts = (1..).zip(known.parts.iter().zip(&request.parts));
        parts
            .filter_map(|(number, (state, part))| {
                let state = match state.progress? {
                    Progress::Sent => How::Sent,
                    Progress::Delivered => How::Delivered,
                    Progress::Read => How::Read,
                };
                let text = part.text.as_ref().and_then(|text| text.as_open());
                let at = events.iter().find_map(|event| match event {
                    Delivered::PartSent { at, part, .. } | Delivered::Clarified { at, part, .. } => {
                        (*part == number).then_some(*at)
                    }
                    _ => None,
                })?;
                Some(Item {
                    id: line_of(request.reply, number),
                    from: From::Us,
                    name: name.clone(),
                    text: text.unwrap_or_default().to_owned(),
                    erased: text.is_none(),
                    at: at.to_string(),
                    order,
                    state: Some(state),
                })
            })
            .collect()
    }

    /// The events of a stream, with what is personal in plain text as far as there is a key.
    async fn opened<E: DeserializeOwned>(&self, stream: &StreamId) -> Result<Vec<E>, Error> {
        let mut entries = self.shell.log.read(stream);
        let mut read = Vec::new();
        while let Some(entry) = entries.try_next().await? {
            let mut envelope = Envelope::<Value>::of(&entry).map_err(bad)?;
            read.push((entry.id, std::mem::take(&mut envelope.events)));
        }
        let mut sealed: Vec<Events<'_>> = read
            .iter_mut()
            .map(|(id, events)| Events { stream: stream.as_str(), entry_id: *id, events })
            .collect();
        let opened = self.shell.vault.open_many(&mut sealed).await.map_err(crate::take::vault_error)?;
        opened.into_iter().collect::<Result<(), _>>().map_err(bad)?;
        let events = read.into_iter().flat_map(|(_, events)| events);
        events.map(|event| serde_json::from_value(event).map_err(bad)).collect()
    }
}

/// What a visitor said, as it is now.
fn heard(events: Vec<Heard>, order: u64) -> Option<Item> {
    let mut item = None;
    for event in events {
        if let Heard::Received { content, .. } | Heard::Edited { content, .. } = event {
            let text = content.text.as_open();
            let id = content.external_id.as_open().unwrap_or_default();
            // What came in otherwise has the channel's own id.
            let id = id.rsplit_once('/').map_or(id, |(_, id)| id);
            item = Some(Item {
                // An id that nobody can read any more still tells the lines apart.
                id: if id.is_empty() { format!("line-{order}") } else { id.to_owned() },
                from: From::Visitor,
                name: None,
                text: text.unwrap_or_default().to_owned(),
                erased: text.is_none(),
                at: content.sent_at.to_string(),
                order,
                state: None,
            });
        }
    }
    item
}

/// A fault of ours. The text of a decoder could quote a value: it is not told.
fn bad<E>(_: E) -> Error {
    Error::Internal("an entry of the log has another form than it should".into())
}
