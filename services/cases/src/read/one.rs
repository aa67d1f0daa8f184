//! One case out of the log: as it is, or as it was.

use std::{collections::HashMap, sync::Arc};

use domain::{
    actor::Kind,
    case::{self, ReplyStatus},
    channel::Visibility,
    decider::fold,
    ids::{CaseId, MessageId},
    time::Timestamp,
};
use eventlog::Position;
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use service::{
    Error,
    envelope::{Envelope, Origin},
    shell::Shell,
};

use super::{
    heard::{Heard, heard},
    item::{self, Body, Item},
    wire,
    words::Words,
};
use crate::core::{Caller, Core, sees};

/// Up to when a state is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Until {
    recorded: Option<Timestamp>,
    position: Option<Position>,
    occurred: Option<Timestamp>,
}

impl Until {
    /// From the fields of a request; all empty: now. What has not been recorded yet is not asked for: the same question
    /// would have another answer later. When something happened is another matter, it is often learnt late.
    pub async fn parse(
        shell: &Shell,
        as_of: &str,
        occurred: Option<&prost_types::Timestamp>,
    ) -> Result<Self, Error> {
        let occurred = occurred.map(|at| crate::act::fields::instant("occurred_as_of", at)).transpose()?;
        if as_of.is_empty() {
            return Ok(Self { occurred, ..Self::default() });
        }
        if let Ok(recorded) = as_of.parse() {
            if recorded > shell.clock.now() {
                return Err(Error::field("as_of", "is in the future; leave it out for the present"));
            }
            return Ok(Self { recorded: Some(recorded), occurred, ..Self::default() });
        }
        let position = shell.position("as_of", as_of).map_err(|_| {
            Error::field(
                "as_of",
                "must be an RFC 3339 time with its offset, or a position as an answer gave it",
            )
        })?;
        if let Some(position) = position {
            shell.written("as_of", position).await?;
        }
        Ok(Self { position, occurred, ..Self::default() })
    }

    /// Whether this is the present.
    pub fn is_now(&self) -> bool {
        self.recorded.is_none() && self.position.is_none() && self.occurred.is_none()
    }

    /// Whether an entry counts.
    pub fn keeps<E>(&self, position: Position, envelope: &Envelope<E>) -> bool {
        self.recorded.is_none_or(|at| envelope.recorded_at <= at)
            && self.position.is_none_or(|at| position <= at)
            && self.occurred.is_none_or(|at| envelope.occurred_at <= at)
    }

    /// Whether no entry of a stream counts from `position` on.
    pub fn is_over(&self, position: Position) -> bool {
        self.position.is_some_and(|at| at < position)
    }

    /// Why there is no case at that time, of which `first` is the first entry.
    fn not_yet(&self, first: Option<(&Position, &Item)>) -> Error {
        let recorded = Self { occurred: None, ..*self };
        match first {
            // It was known by then, and had not happened: whoever asks may ask for a later time.
            Some((position, Item { body: Body::Case(envelope), .. }))
                if recorded.keeps(*position, envelope) =>
            {
                let began = envelope.occurred_at;
                Error::field(
                    "occurred_as_of",
                    format!("the case began at {began}: give that instant or a later one"),
                )
            }
            _ => Error::NotFound { what: "case" },
        }
    }
}

impl Core {
    /// The case as it was `until` then, with everything that was said. For an earlier time than now the caller must see
    /// the case as it is.
    pub async fn view(&self, caller: &Caller, id: CaseId, until: Until) -> Result<pb::Case, Error> {
        let mut items = Vec::new();
        let mut entries = self.shell.log.read(&self.stream(id)?);
        let mut parked = false;
        while let Some(entry) = entries.try_next().await? {
            match Item::read(&entry) {
                Ok(item) => items.push((entry.position, item)),
                Err(_) => {
                    parked = true;
                    break;
                }
            }
        }
        let (positions, mut plain): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        item::open(&self.shell.vault, &mut plain)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut telling = Telling::default();
        for (position, item) in positions.iter().zip(&plain) {
            telling.tell(&self.shell, *position, item, &until);
        }
        let Some(known) = telling.state.case() else {
            return Err(until.not_yet(positions.first().zip(plain.first())));
        };
        if until.is_now() && !sees(&caller.access, known) {
            return Err(Error::NotFound { what: "case" });
        }
        let mut view = wire::case(id, known);
        view.number = self.number(telling.seq);
        view.position = self.shell.token(telling.version);
        view.title = telling.title.unwrap_or_default();
        view.updated_at = telling.updated_at.map(wire::time);
        view.closed_at = telling.closed_at.map(wire::time);
        view.origin = if telling.imported { "import" } else { "live" }.to_owned();
        view.parked = parked;
        view.resolution = telling.resolution;
        let policy = if until.is_now() {
            Arc::clone(&caller.policy)
        } else {
            Arc::new(self.policies.as_of(|envelope, position| until.keeps(position, envelope)).await?)
        };
        view.checklist = wire::checklist(known, &policy.rules(Some(&known.region), known.team.as_ref()));
        let words = self.words(known, until).await?;
        let name = match known.customer() {
            Some(customer) => self.name_of(customer, until).await?,
            None => None,
        };
        view.customer_name = name.or_else(|| name_in(known, &words)).unwrap_or_default();
        let mut timeline = telling.timeline;
        for (message, conversation, position) in telling.joined {
            timeline.extend(
                words
                    .get(&message)
                    .map(|words| words.item(&message, conversation, &self.shell.token(position))),
            );
        }
        timeline.sort_by_key(|item| item.at.as_ref().map(|at| (at.seconds, at.nanos)));
        for item in &mut timeline {
            item.delivery = delivery(known, item);
            item.reason = telling.reasons.remove(&item.id).unwrap_or_default();
        }
        self.tell_fates(&mut timeline, until).await?;
        view.timeline = timeline;
        view.links = self.links_of(id, until).await?;
        self.hide_unseen(caller, std::slice::from_mut(&mut view)).await?;
        Ok(view)
    }
}

/// A case while its entries are read one by one.
#[derive(Default)]
struct Telling {
    state: case::State,
    seq: u64,
    version: Position,
    title: Option<String>,
    resolution: String,
    updated_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    imported: bool,
    timeline: Vec<pb::TimelineItem>,
    joined: Vec<(MessageId, String, Position)>,
    /// Why replies are not there, by their ids.
    reasons: HashMap<String, String>,
}

impl Telling {
    fn tell(&mut self, shell: &Shell, position: Position, item: &Item, until: &Until) {
        let Body::Case(envelope) = &item.body else { return };
        if !until.keeps(position, envelope) {
            return;
        }
        if self.seq == 0 {
            self.seq = position.0;
            self.imported = envelope.origin == Origin::Import;
        }
        self.version = position;
        self.updated_at = Some(envelope.recorded_at);
        let opened = item.opened::<case::Event>();
        let opened = opened.as_ref().unwrap_or(&envelope.events);
        // Fields that are personal are shown: here the state is made of what was opened.
        self.state = fold(std::mem::take(&mut self.state), opened);
        let token = shell.token(position);
        for event in opened {
            self.hear(event, &token, position);
        }
    }

    fn hear(&mut self, event: &case::Event, token: &str, position: Position) {
        if let case::Event::Closed { at } = event {
            self.closed_at = Some(*at);
        }
        if let case::Event::Resolved { resolution, .. } = event {
            self.resolution = resolution.as_ref().map(ToString::to_string).unwrap_or_default();
        }
        self.hear_why(event);
        match heard(event) {
            Heard::Nothing => {}
            Heard::Title(title) => self.title = Some(title.to_string()),
            Heard::Joined { message, conversation } => {
                self.joined.push((message.clone(), conversation.to_string(), position));
            }
            Heard::SplitOff(messages) => self.joined.retain(|(message, ..)| !messages.contains(message)),
            Heard::Reply { at, by, reply, conversation, place, text, extras } => {
                self.timeline.push(pb::TimelineItem {
                    at: Some(wire::time(at)),
                    kind: pb::timeline_item::Kind::Reply.into(),
                    id: reply.to_string(),
                    author: Some(wire::actor(by)),
                    text: text.to_string(),
                    conversation_id: conversation.to_string(),
                    public: place.visibility == Visibility::Public,
                    position: token.to_owned(),
                    attachments: extras.attachments.iter().map(wire::file).collect(),
                    template: wire::template(&extras.form),
                    tag: wire::tag(&extras.form),
                    subject: extras.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
                    ..pb::TimelineItem::default()
                });
            }
            Heard::Note { at, by, note, text, mentions } => self.timeline.push(pb::TimelineItem {
                at: Some(wire::time(at)),
                kind: pb::timeline_item::Kind::Note.into(),
                id: note.to_string(),
                author: Some(wire::actor(by)),
                text: text.to_string(),
                mentions: mentions.iter().map(ToString::to_string).collect(),
                position: token.to_owned(),
                ..pb::TimelineItem::default()
            }),
        }
    }
}

impl Telling {
    /// Why a reply is not there. The last word counts, as it does for what became of it.
    fn hear_why(&mut self, event: &case::Event) {
        if let case::Event::ReplyUnclear { reply, reason, .. }
        | case::Event::ReplyFailed { reply, reason, .. }
        | case::Event::ReplyBounced { reply, reason, .. } = event
        {
            self.reasons.insert(reply.to_string(), reason.as_str().replace('-', "_"));
        }
        if let case::Event::ReplySent { reply, .. } = event {
            self.reasons.remove(&reply.to_string());
        }
    }
}

/// How the customer was called when he last wrote, where nothing else says it.
fn name_in(case: &case::Case, words: &HashMap<MessageId, Words>) -> Option<String> {
    let his = case.messages_here().filter(|(_, received)| received.identity.as_ref() == case.customer());
    let named = his.filter_map(|(id, received)| Some((received.ordinal, words.get(id)?.author.as_str())));
    let last = named.filter(|(_, author)| !author.is_empty()).max_by_key(|(ordinal, _)| *ordinal);
    last.map(|(_, author)| author.to_owned())
}

fn delivery(case: &case::Case, item: &pb::TimelineItem) -> String {
    let reply = item.id.parse().ok().and_then(|id| case.replies.get(&id));
    let status =
        reply.filter(|reply| matches!(reply.author, Kind::Human | Kind::Service | Kind::Bot | Kind::Rule));
    match status.map(|reply| reply.status) {
        Some(ReplyStatus::Released) => "released",
        Some(ReplyStatus::Unclear) => "unclear",
        Some(ReplyStatus::Sent) => "sent",
        Some(ReplyStatus::Failed) => "failed",
        Some(ReplyStatus::Bounced) => "bounced",
        None => "",
    }
    .to_owned()
}
