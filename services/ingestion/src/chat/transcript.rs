//! What was said to one visitor and by him, read from the log, where it is sealed: whoever was erased is erased here.

use std::time::Duration;

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
    about::About,
    protocol::{From, How, Item, LINES_MAX, line_of},
    said::{self, Line},
    session::Session,
};

/// How long a greeting waits for the read model to have what is in the log.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);
/// Lines that are read side by side.
const CONCURRENCY_MAX: usize = 8;

/// Lines, whether there are older ones, and up to where everything is told.
type Resumed = (Vec<Item>, bool, u64);

impl Chat {
    /// What somebody sees who comes in: what changed since his cursor, else the end of the transcript.
    pub(super) async fn resumed(
        &self,
        about: &About,
        session: &Session,
        since: Option<u64>,
    ) -> Result<Resumed, Error> {
        // Whatever he said before, wherever: he sees it.
        let categories = service::projection::Projection::categories(&said::Said);
        let tail = self.shell.log.tail(&categories).await?;
        self.model.current().wait_for(tail, CATCH_UP_MAX).await;
        if let Some(since) = since {
            let (items, cursor) = self.news(about, session, since).await?;
            return Ok((items, false, cursor));
        }
        let cursor = self.model.current().position().0;
        let (items, more) = self.older(about, session, u64::MAX).await?;
        Ok((items, more, cursor))
    }

    /// What stands before a line, and whether there is still more.
    pub(super) async fn older(
        &self,
        about: &About,
        session: &Session,
        before: u64,
    ) -> Result<(Vec<Item>, bool), Error> {
        let store = &self.model.current().store;
        let mut lines = said::before(store, session.conversation, before, LINES_MAX + 1).await?;
        let more = lines.len() > LINES_MAX;
        lines.truncate(LINES_MAX);
        Ok((self.items(lines, about.names()).await?, more))
    }

    /// What changed since, and up to where that is all.
    pub(super) async fn news(
        &self,
        about: &About,
        session: &Session,
        since: u64,
    ) -> Result<(Vec<Item>, u64), Error> {
        let model = self.model.current();
        // First: what comes while it is asked for is told next time.
        let position = model.position().0;
        let lines = said::since(&model.store, session.conversation, since, LINES_MAX).await?;
        let last = lines.last().map_or(since, |line| line.changed);
        let cursor = if lines.len() < LINES_MAX { last.max(position).max(since) } else { last };
        Ok((self.items(lines, about.names()).await?, cursor))
    }
}

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
