//! What a message of Telegram says: text, a file with a caption, or a thing that is neither.

use serde::{Deserialize, de::IgnoredAny};

use super::entities::{self, Entity};
use crate::channels::{
    Malformed, Media, MediaSource, Message,
    json::{At, Decimal, Id},
    wording::{UNSUPPORTED, add_line, line, location, said},
};

#[derive(Deserialize)]
pub(super) struct Content {
    text: Option<String>,
    #[serde(default)]
    entities: Vec<Entity>,
    caption: Option<String>,
    #[serde(default)]
    caption_entities: Vec<Entity>,
    /// The same photo in several sizes.
    photo: Option<Vec<File>>,
    video: Option<File>,
    animation: Option<File>,
    audio: Option<File>,
    document: Option<File>,
    voice: Option<File>,
    video_note: Option<File>,
    sticker: Option<File>,
    paid_media: Option<PaidMedia>,
    location: Option<Location>,
    venue: Option<Venue>,
    contact: Option<Contact>,
    dice: Option<Dice>,
    poll: Option<Poll>,
    game: Option<Titled>,
    story: Option<IgnoredAny>,
    new_chat_members: Option<IgnoredAny>,
    left_chat_member: Option<IgnoredAny>,
    new_chat_title: Option<IgnoredAny>,
    new_chat_photo: Option<IgnoredAny>,
    delete_chat_photo: Option<IgnoredAny>,
    group_chat_created: Option<IgnoredAny>,
    supergroup_chat_created: Option<IgnoredAny>,
    channel_chat_created: Option<IgnoredAny>,
    message_auto_delete_timer_changed: Option<IgnoredAny>,
    migrate_to_chat_id: Option<IgnoredAny>,
    migrate_from_chat_id: Option<IgnoredAny>,
    pinned_message: Option<IgnoredAny>,
    successful_payment: Option<IgnoredAny>,
    connected_website: Option<IgnoredAny>,
    write_access_allowed: Option<IgnoredAny>,
    boost_added: Option<IgnoredAny>,
    chat_background_set: Option<IgnoredAny>,
    forum_topic_created: Option<IgnoredAny>,
    forum_topic_edited: Option<IgnoredAny>,
    forum_topic_closed: Option<IgnoredAny>,
    forum_topic_reopened: Option<IgnoredAny>,
    video_chat_started: Option<IgnoredAny>,
    video_chat_ended: Option<IgnoredAny>,
    video_chat_scheduled: Option<IgnoredAny>,
    video_chat_participants_invited: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct File {
    file_id: Option<Id>,
    file_name: Option<String>,
    mime_type: Option<String>,
    file_size: Option<u64>,
    /// Of stickers: what it stands for.
    emoji: Option<String>,
}

#[derive(Deserialize)]
struct PaidMedia {
    #[serde(default)]
    paid_media: Vec<Paid>,
}

#[derive(Deserialize)]
struct Paid {
    photo: Option<Vec<File>>,
    video: Option<File>,
}

#[derive(Default, Deserialize)]
struct Location {
    latitude: Option<Decimal>,
    longitude: Option<Decimal>,
}

#[derive(Deserialize)]
struct Venue {
    location: Option<Location>,
    title: Option<String>,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Contact {
    phone_number: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
struct Dice {
    emoji: Option<String>,
    value: Option<Id>,
}

#[derive(Deserialize)]
struct Poll {
    question: Option<String>,
}

#[derive(Deserialize)]
struct Titled {
    title: Option<String>,
}

impl Content {
    /// Whether it only tells what happened to the chat.
    pub(super) fn is_of_the_house(&self) -> bool {
        let told = [
            &self.new_chat_members,
            &self.left_chat_member,
            &self.new_chat_title,
            &self.new_chat_photo,
            &self.delete_chat_photo,
            &self.group_chat_created,
            &self.supergroup_chat_created,
            &self.channel_chat_created,
            &self.message_auto_delete_timer_changed,
            &self.migrate_to_chat_id,
            &self.migrate_from_chat_id,
            &self.pinned_message,
            &self.successful_payment,
            &self.connected_website,
            &self.write_access_allowed,
            &self.boost_added,
            &self.chat_background_set,
            &self.forum_topic_created,
            &self.forum_topic_edited,
            &self.forum_topic_closed,
            &self.forum_topic_reopened,
            &self.video_chat_started,
            &self.video_chat_ended,
            &self.video_chat_scheduled,
            &self.video_chat_participants_invited,
        ];
        told.into_iter().any(Option::is_some)
    }

    /// Says it in the message.
    pub(super) fn say(self, message: &mut Message, at: &At<'_>) -> Result<(), Malformed> {
        let (text, entities) = match self.text {
            Some(text) => (text, self.entities),
            None => (self.caption.unwrap_or_default(), self.caption_entities),
        };
        message.text = entities::with_links(text, entities);
        if let Some(sticker) = &self.sticker {
            add_line(&mut message.text, &line("sticker", [sticker.emoji.as_deref()]));
        }
        // An animation comes as a document too, for those who do not know animations.
        let document = self.document.filter(|_| self.animation.is_none());
        for (kind, file) in [
            ("photo", self.photo.and_then(largest)),
            ("video", self.video),
            ("animation", self.animation),
            ("audio", self.audio),
            ("document", document),
            ("voice", self.voice),
            ("video_note", self.video_note),
            ("sticker", self.sticker),
        ] {
            attach(message, kind, file, at)?;
        }
        for paid in self.paid_media.into_iter().flat_map(|paid| paid.paid_media) {
            attach(message, "paid_media", paid.photo.and_then(largest).or(paid.video), at)?;
        }
        // A venue comes with its location too.
        if let Some(venue) = self.venue {
            add_line(&mut message.text, &venue.line());
        } else if let Some(place) = self.location {
            add_line(
                &mut message.text,
                &location(None, None, place.latitude.as_ref(), place.longitude.as_ref()),
            );
        }
        let others = [
            self.contact.map(Contact::line),
            self.dice.map(|d| line("dice", [d.emoji.as_deref(), d.value.as_ref().map(Id::as_str)])),
            self.poll.map(|poll| line("poll", [poll.question.as_deref()])),
            self.game.map(|game| line("game", [game.title.as_deref()])),
            self.story.map(|_| line("story", [])),
        ];
        for line in others.into_iter().flatten() {
            add_line(&mut message.text, &line);
        }
        if message.text.trim().is_empty() && message.media.is_empty() {
            UNSUPPORTED.clone_into(&mut message.text);
        }
        Ok(())
    }
}

impl Venue {
    fn line(self) -> String {
        let place = self.location.unwrap_or_default();
        let (latitude, longitude) = (place.latitude.as_ref(), place.longitude.as_ref());
        location(self.title.as_deref(), self.address.as_deref(), latitude, longitude)
    }
}

impl Contact {
    fn line(self) -> String {
        let names = [self.first_name, self.last_name].into_iter().filter_map(said);
        let name = names.collect::<Vec<_>>().join(" ");
        line("contact", [Some(name.as_str()), self.phone_number.as_deref()])
    }
}

/// The last of those that are largest: sizes are told in rising order, and their lengths may not be.
fn largest(sizes: Vec<File>) -> Option<File> {
    sizes.into_iter().max_by_key(|size| size.file_size)
}

fn attach(
    message: &mut Message,
    kind: &'static str,
    file: Option<File>,
    at: &At<'_>,
) -> Result<(), Malformed> {
    if let Some(file) = file {
        message.media.push(Media {
            source: MediaSource::Id(at.key(kind).need_id("file_id", file.file_id)?),
            name: said(file.file_name),
            media_type: said(file.mime_type),
            bytes: file.file_size,
            sha256: None,
        });
    }
    Ok(())
}
