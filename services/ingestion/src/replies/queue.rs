//! What a case releases becomes a delivery.

use std::{collections::HashSet, sync::Arc};

use domain::{
    case,
    channel::Direction,
    conversation,
    delivery::{Action, Basis, Command, Part, Request},
    ids::{CaseId, ConversationId, IdempotencyKey, IdentityId, MessageId, derive},
    message::{self, Attachment, Content},
    outbound::{Form, Refusal, length},
    personal::Personal,
    policy::channel::Channel,
    time::Timestamp,
};
use eventlog::{Category, Entry, StreamId};
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::{
    Error,
    envelope::{Envelope, Origin},
    transact::Meta,
};
use vault::Events;

use super::{NAMESPACE, Replies, sends::Sends};
use crate::channels::speak::Files;

/// The setting with the seconds in which a reply can be taken back.
const UNDO_SEND: &str = "undo_send_s";
/// The most of that.
const UNDO_SEND_MAX_S: i64 = 30;

/// A reply as it was released.
struct Released {
    at: Timestamp,
    reply: domain::ids::ReplyId,
    conversation: ConversationId,
    place: domain::channel::Place,
    text: Personal,
    extras: Box<case::Extras>,
    in_reply_to: Option<MessageId>,
}

/// What was last heard in a conversation.
#[derive(Default)]
pub(super) struct Heard {
    /// Messages of customers, in the order in which they came.
    inbound: Vec<(MessageId, Option<IdentityId>, Timestamp)>,
}

impl Heard {
    /// The last message of this customer; of anybody, if none is named.
    pub(super) fn last(
        &self,
        of: Option<&IdentityId>,
    ) -> Option<&(MessageId, Option<IdentityId>, Timestamp)> {
        self.inbound.iter().filter(|(_, by, _)| of.is_none() || by.as_ref() == of).max_by_key(|(.., at)| *at)
    }

    fn by(&self, message: &MessageId) -> Option<&IdentityId> {
        self.inbound.iter().find(|(id, ..)| id == message)?.1.as_ref()
    }
}

impl Replies {
    /// Queues the replies that an entry of a case releases. History sends nothing.
    pub(super) async fn queue(&self, entry: &Entry) -> Result<(), Error> {
        let (envelope, events) = self.opened::<case::Event>(entry).await?;
        if envelope.origin != Origin::Live {
            return Ok(());
        }
        for event in events {
            if let case::Event::ReplyReleased { place, .. } = &event
                && self.accounts.find(place.account.as_str()).0 < envelope.policy_version
            {
                // Whoever released it may know how the account sends, and this process not yet.
                return Err(Error::Unavailable("the policy of the reply is not in force here yet".into()));
            }
            if let case::Event::ReplyReleased {
                at,
                by,
                reply,
                conversation,
                place,
                text,
                extras,
                in_reply_to,
                ..
            } = event
            {
                let released = Released { at, reply, conversation, place, text, extras, in_reply_to };
                self.queue_one(entry, &by, released).await?;
            }
        }
        Ok(())
    }

    async fn queue_one(
        &self,
        entry: &Entry,
        by: &domain::actor::Actor,
        released: Released,
    ) -> Result<(), Error> {
        let account = &released.place.account;
        let Some(sends) = Sends::of(&*self.accounts, account) else { return Ok(()) };
        let cannot = sends.must_refuse().then_some(Refusal::AccountIncomplete);
        let (via, files) = match sends {
            Sends::Itself(via, way) => (via, way.files()),
            Sends::Incomplete(via, way, _) if cannot.is_some() => (via, way.files()),
            Sends::NoWay(via) if cannot.is_some() => (via, Files::None),
            // What nothing here can send is left to whoever delivers it and reports, unless policy wants it sent from here.
            Sends::Incomplete(..) | Sends::NoWay(_) | Sends::Deliverer => return Ok(()),
        };
        let Some((_, channel)) = self.accounts.channel(account) else { return Ok(()) };
        let undo_s = via.settings.get(UNDO_SEND).and_then(|text| text.parse().ok()).unwrap_or(0);
        let case: CaseId = entry.stream.id().parse().map_err(bad)?;
        let reply = released.reply;
        let (request, unfit) = self.request(case, released, (channel, files), undo_s).await?;
        let refusal = cannot.or(unfit);
        let category = Category::new("delivery").map_err(bad)?;
        let stream = StreamId::new(&category, reply).map_err(bad)?;
        let meta = Meta {
            causation: Some(entry.id),
            ..Meta::new(derive(NAMESPACE, &format!("{stream}/queue")), "queue", by.clone())
        };
        self.deliveries
            .execute::<domain::delivery::Error>(&stream, &meta, |known, at| {
                let queue = Action::Queue(Box::new(request.clone()));
                // In one entry with it: what is only queued goes out.
                let refuse = known.state.delivery().is_none().then(|| refusal.clone()).flatten();
                let refuse = refuse.map(|refusal| Action::Refuse { round: 1, refusal });
                let actions = std::iter::once(queue).chain(refuse);
                Ok(actions.map(|action| Command::new(at, by.clone(), action)).collect())
            })
            .await?;
        Ok(())
    }

    /// What is to be sent, and why it is not, if the channel does not take it.
    async fn request(
        &self,
        case: CaseId,
        released: Released,
        (channel, files): (Channel, Files),
        undo_s: i64,
    ) -> Result<(Request, Option<Refusal>), Error> {
        let Released { at, reply, conversation, place, text, extras, in_reply_to } = released;
        let case::Extras { form, subject: own_subject, attachments } = *extras;
        let heard = self.heard(conversation).await?;
        let to = in_reply_to.as_ref().and_then(|message| heard.by(message)).cloned();
        let last = heard.last(to.as_ref());
        let basis = last.map(|(message, ..)| Basis::Contact { message: message.clone() });
        let answered = in_reply_to.or_else(|| last.map(|(message, ..)| message.clone()));
        let content = match &answered {
            Some(message) => self.content(message).await?,
            None => None,
        };
        let again =
            |value: &Personal| value.as_open().map(|open| Personal::open(Arc::clone(&text.subject), open));
        let contact = content.as_ref().and_then(|content| content.contact.as_ref()).and_then(again);
        let subject = own_subject.or_else(|| content.as_ref()?.subject.as_ref().and_then(again));
        let thread = content.as_ref().map(|content| &content.external_id).and_then(again);
        let identity = content.as_ref().and_then(|content| content.identity.clone());
        let refused =
            (!attachments.is_empty() && files == Files::None).then_some(Refusal::AttachmentNotAllowed);
        let (parts, too_long) = match &form {
            // What it says was counted by the platform when it approved it.
            Form::Template(_) => (vec![Part { text: Some(text), attachments }], None),
            Form::Free | Form::Tag { .. } => parts(&text, attachments, &channel, files),
        };
        let request = Request {
            reply,
            case,
            account: place.account.clone(),
            channel: channel.id,
            identity,
            contact,
            conversation,
            place,
            in_reply_to: answered,
            thread,
            subject,
            parts,
            form,
            basis,
            not_before: at.plus_seconds(undo_s.clamp(0, UNDO_SEND_MAX_S)),
            key: IdempotencyKey::derive(NAMESPACE, &reply.to_string()),
        };
        Ok((request, refused.or(too_long)))
    }

    /// What was heard in a conversation.
    pub(super) async fn heard(&self, conversation: ConversationId) -> Result<Heard, Error> {
        let stream = named("conversation", &conversation)?;
        let mut entries = self.shell.log.read(&stream);
        let mut heard = Heard::default();
        let mut seen = HashSet::new();
        while let Some(entry) = entries.try_next().await? {
            let envelope = Envelope::<conversation::Event>::of(&entry)
                .map_err(|error| Error::Internal(error.to_string()))?;
            // History opens no window.
            if envelope.origin != Origin::Live {
                continue;
            }
            for event in envelope.events {
                if let conversation::Event::MessageJoined {
                    message,
                    direction: Direction::In,
                    identity,
                    sent_at,
                    ..
                } = event
                    && seen.insert(message.clone())
                {
                    heard.inbound.push((message, identity, sent_at));
                }
            }
        }
        Ok(heard)
    }

    /// What a message says, as it is now.
    pub(super) async fn content(&self, message: &MessageId) -> Result<Option<Content>, Error> {
        let stream = named("message", message)?;
        let mut entries = self.shell.log.read(&stream);
        let mut found = None;
        while let Some(entry) = entries.try_next().await? {
            let (_, events) = self.opened::<message::Event>(&entry).await?;
            for event in events {
                if let message::Event::Received { content, .. }
                | message::Event::Recorded { content, .. }
                | message::Event::Edited { content, .. } = event
                {
                    found = Some(*content);
                }
            }
        }
        Ok(found)
    }

    /// An entry, and its events with what is personal in plain text.
    pub(super) async fn opened<E: DeserializeOwned>(
        &self,
        entry: &Entry,
    ) -> Result<(Envelope<Value>, Vec<E>), Error> {
        let mut envelope =
            Envelope::<Value>::of(entry).map_err(|error| Error::Internal(error.to_string()))?;
        let mut events = std::mem::take(&mut envelope.events);
        let sealed =
            Events { stream: entry.stream.as_str(), entry_id: entry.id, events: events.as_mut_slice() };
        self.shell.vault.open_many(&mut [sealed]).await.map_err(crate::take::vault_error)?;
        let read = |event: Value| serde_json::from_value(event).map_err(bad);
        Ok((envelope, events.into_iter().map(read).collect::<Result<_, _>>()?))
    }
}

/// The words, cut to what the channel takes, and the files, as it takes them.
fn parts(
    text: &Personal,
    attachments: Vec<Attachment>,
    channel: &Channel,
    files: Files,
) -> (Vec<Part>, Option<Refusal>) {
    let open = text.as_open().unwrap_or_default();
    let max = channel.length_max.map_or(usize::MAX, |max| max as usize);
    let cut = length::split(open, max, channel.length_unit, usize::from(channel.parts_max));
    let too_long = cut.is_err().then_some(Refusal::TooLong);
    let has_words = !open.is_empty() || attachments.is_empty();
    let cut = cut.unwrap_or_else(|_| vec![open]).into_iter().filter(|_| has_words);
    let mut parts: Vec<Part> = cut
        .map(|piece| Part {
            text: Some(Personal::open(Arc::clone(&text.subject), piece)),
            attachments: Vec::new(),
        })
        .collect();
    match (files, parts.last_mut()) {
        (Files::Together, Some(last)) => last.attachments = attachments,
        (Files::Together, None) => parts.push(Part { text: None, attachments }),
        (Files::Each | Files::None, _) => {
            parts.extend(attachments.into_iter().map(|file| Part { text: None, attachments: vec![file] }));
        }
    }
    (parts, too_long)
}

/// The stream of this name.
pub(super) fn named(category: &str, id: &impl std::fmt::Display) -> Result<StreamId, Error> {
    let category = Category::new(category).map_err(bad)?;
    StreamId::new(&category, id).map_err(bad)
}

/// A fault of ours. The text of a decoder could quote a value: it is not told.
fn bad<E>(_: E) -> Error {
    Error::Internal("an entry of the log has another form than it should".into())
}
