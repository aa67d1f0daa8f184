//! What was said in the messages of a case, out of their own streams.

use std::collections::{BTreeMap, HashMap};

use domain::{
    case,
    channel::{Direction, Visibility},
    ids::{Digest, IdentityId, MessageId},
    message,
    time::Timestamp,
};
use eventlog::Entry;
use futures_util::{StreamExt, TryStreamExt, stream};
use proto::cases::v1 as pb;
use service::Error;

use super::{
    item::{self, Body, Item},
    one::Until,
    rows::plain,
    wire,
};
use crate::core::Core;

/// The fields with those to whom a mail was written, and with those who got a copy, as ingestion names them.
const TO: &str = "to";
const CC: &str = "cc";
/// Messages of one case that are read from the log side by side.
const READS_MAX: usize = 16;

/// What is known of a message at some time.
pub struct Words {
    direction: Direction,
    at: Timestamp,
    pub author: String,
    text: String,
    public: bool,
    edited: bool,
    deleted: bool,
    /// The body that the files are of.
    digest: Digest,
    attachments: Vec<File>,
    /// To whom it was written, if not to us alone.
    to: String,
    /// Who got a copy.
    cc: String,
    said: Said,
}

/// A file that came with a message, or was announced with it.
#[derive(Clone)]
pub struct File {
    /// With what is known of it by now.
    pub attachment: message::Attachment,
    /// Why it cannot be had.
    pub lost: Option<message::Loss>,
}

/// What was said about a message, which may be known before the message is.
#[derive(Default)]
struct Said {
    /// The signs that people put to it.
    signs: BTreeMap<IdentityId, String>,
    /// How far the channel says it came.
    reached: Option<message::Fate>,
    failed: bool,
}

impl Core {
    /// The words of every message that is in a case.
    pub async fn words(&self, case: &case::Case, until: Until) -> Result<HashMap<MessageId, Words>, Error> {
        let inbound = case.messages_here().map(|(message, _)| message);
        let ids: Vec<MessageId> = inbound.chain(case.outbound.iter()).cloned().collect();
        let reads: Vec<_> = ids.into_iter().map(|id| self.message_words(id, until)).collect();
        let read: Vec<_> = stream::iter(reads).buffered(READS_MAX).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// What is known of one message.
    pub async fn message_words(
        &self,
        id: MessageId,
        until: Until,
    ) -> Result<Option<(MessageId, Words)>, Error> {
        let category = eventlog::Category::new("message").map_err(crate::core::bad_name)?;
        let stream = eventlog::StreamId::new(&category, &id).map_err(crate::core::bad_name)?;
        let entries: Vec<Entry> = self.shell.log.read(&stream).try_collect().await?;
        let readable = entries.iter().filter_map(|entry| Some((entry.position, Item::read(entry).ok()?)));
        let (positions, mut items): (Vec<_>, Vec<_>) = readable.unzip();
        item::open(&self.shell.vault, &mut items)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let (mut words, mut said) = (None, Said::default());
        for (position, item) in positions.into_iter().zip(&items) {
            let Body::Message(envelope) = &item.body else { continue };
            if until.keeps(position, envelope) {
                let opened = item.opened::<message::Event>();
                for event in opened.as_ref().unwrap_or(&envelope.events) {
                    said.hear(event);
                    words = Words::after(words, event);
                }
            }
        }
        let words = words.map(|words| Words { said, ..words });
        Ok(words.map(|words| (id, words)))
    }
}

impl Words {
    fn after(before: Option<Self>, event: &message::Event) -> Option<Self> {
        match event {
            message::Event::Received { content, .. } => Some(Self::of(content, Direction::In)),
            message::Event::Recorded { content, .. } => Some(Self::of(content, Direction::Out)),
            message::Event::Edited { content, .. } => {
                let direction = before.map_or(Direction::In, |words| words.direction);
                Some(Self { edited: true, ..Self::of(content, direction) })
            }
            message::Event::DeletedAtSource { .. } => before.map(|words| Self { deleted: true, ..words }),
            message::Event::FileKept { digest, index, bytes, media_type, blob, .. } => {
                Self::with_file(before, digest, *index, |file| {
                    let (bytes, media_type, blob) = (*bytes, media_type.clone(), Some(blob.clone()));
                    let attachment = message::Attachment { bytes, media_type, blob, ..file.attachment };
                    File { attachment, lost: None }
                })
            }
            message::Event::FileLost { digest, index, reason, .. } => {
                Self::with_file(before, digest, *index, |file| File { lost: Some(*reason), ..file })
            }
            message::Event::Reacted { .. }
            | message::Event::Sent { .. }
            | message::Event::Reported { .. } => before,
        }
    }

    /// The same with what became of one of its files; of the files of another body nothing is shown.
    fn with_file(
        before: Option<Self>,
        digest: &Digest,
        index: u16,
        became: impl FnOnce(File) -> File,
    ) -> Option<Self> {
        let mut words = before?;
        let files = if words.digest == *digest { &mut words.attachments[..] } else { &mut [] };
        if let Some(file) = files.get_mut(usize::from(index)) {
            *file = became(file.clone());
        }
        Some(words)
    }

    fn of(content: &message::Content, direction: Direction) -> Self {
        let author = [content.author_name.as_ref(), content.author_handle.as_ref()];
        Self {
            direction,
            at: content.sent_at,
            author: author.into_iter().find_map(plain).unwrap_or_default(),
            text: content.text.to_string(),
            public: content.visibility == Visibility::Public,
            edited: false,
            deleted: false,
            digest: content.digest.clone(),
            attachments: content
                .attachments
                .iter()
                .map(|attachment| File { attachment: attachment.clone(), lost: None })
                .collect(),
            to: written_to(content, TO).filter(|to| are_several(to)).unwrap_or_default(),
            cc: written_to(content, CC).unwrap_or_default(),
            said: Said::default(),
        }
    }

    /// The files that came with it.
    pub fn attachments(&self) -> &[File] {
        &self.attachments
    }

    /// As the timeline has it.
    pub fn item(&self, id: &MessageId, conversation_id: String, position: &str) -> pb::TimelineItem {
        let (kind, author) = match self.direction {
            Direction::In => (pb::timeline_item::Kind::MessageIn, "customer"),
            Direction::Out => (pb::timeline_item::Kind::MessageOut, "human"),
        };
        pb::TimelineItem {
            at: Some(wire::time(self.at)),
            kind: kind.into(),
            id: id.to_string(),
            author: Some(pb::Actor { kind: author.into(), ..pb::Actor::default() }),
            author_name: self.author.clone(),
            text: self.text.clone(),
            conversation_id,
            public: self.public,
            edited: self.edited,
            deleted_at_source: self.deleted,
            position: position.to_owned(),
            attachments: self.attachments.iter().map(attachment).collect(),
            signs: self.said.signs.values().cloned().collect(),
            fate: self.said.fate().to_owned(),
            to: self.to.clone(),
            cc: self.cc.clone(),
            ..pb::TimelineItem::default()
        }
    }
}

/// Whether these are addresses of mails, and several. What other channels say under that name is a number of ours.
fn are_several(to: &str) -> bool {
    to.contains('@') && to.contains(',')
}

/// Those whom a field of a mail names.
fn written_to(content: &message::Content, name: &str) -> Option<String> {
    content.fields.iter().find(|(field, _)| field.as_str() == name).and_then(|(_, value)| plain(Some(value)))
}

impl Said {
    fn hear(&mut self, event: &message::Event) {
        match event {
            message::Event::Reacted { by, sign: Some(sign), .. } => {
                self.signs.insert(by.clone(), sign.to_string());
            }
            message::Event::Reacted { by, sign: None, .. } => {
                self.signs.remove(by);
            }
            message::Event::Reported { fate: message::Fate::Failed, .. } => self.failed = true,
            message::Event::Reported { fate, .. } => self.reached = self.reached.max(Some(*fate)),
            message::Event::Received { .. }
            | message::Event::Recorded { .. }
            | message::Event::Edited { .. }
            | message::Event::DeletedAtSource { .. }
            | message::Event::Sent { .. }
            | message::Event::FileKept { .. }
            | message::Event::FileLost { .. } => {}
        }
    }

    /// In a word. What was delivered was, whatever the channel says of it later.
    const fn fate(&self) -> &'static str {
        match (self.reached, self.failed) {
            (Some(message::Fate::Read), _) => "read",
            (Some(message::Fate::Delivered), _) => "delivered",
            (_, true) | (Some(message::Fate::Failed), false) => "failed",
            (Some(message::Fate::Sent), false) => "sent",
            (None, false) => "",
        }
    }
}

/// As the timeline has it.
pub fn attachment(File { attachment, lost }: &File) -> pb::Attachment {
    pb::Attachment {
        name: attachment.name.to_string(),
        media_type: attachment.media_type.to_string(),
        bytes: attachment.bytes,
        announced: attachment.blob.is_none() && lost.is_none(),
        lost: lost.map_or("", message::Loss::as_str).to_owned(),
    }
}
