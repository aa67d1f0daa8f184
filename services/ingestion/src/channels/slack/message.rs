//! A message of Slack: new, changed, or deleted.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Own, mrkdwn};
use crate::channels::{
    Happening, Malformed, Media, MediaSource, Message, Party,
    json::{self, At, Id},
    wording::{UNSUPPORTED, name as called, note, said},
};

#[derive(Deserialize)]
struct Event<'a> {
    subtype: Option<String>,
    channel: Option<Id>,
    channel_type: Option<String>,
    event_ts: Option<Id>,
    deleted_ts: Option<Id>,
    /// What a changed message is now, and was.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    previous_message: Option<Previous>,
}

#[derive(Deserialize)]
struct Previous {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    subtype: Option<String>,
    user: Option<Id>,
    username: Option<String>,
    user_profile: Option<Profile>,
    bot_id: Option<Id>,
    app_id: Option<Id>,
    bot_profile: Option<BotProfile>,
    text: Option<String>,
    ts: Option<Id>,
    thread_ts: Option<Id>,
    edited: Option<Edited>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Profile {
    real_name: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct BotProfile {
    app_id: Option<Id>,
}

#[derive(Deserialize)]
struct Edited {
    ts: Option<Id>,
}

#[derive(Deserialize)]
struct File {
    id: Option<Id>,
    name: Option<String>,
    mimetype: Option<String>,
    size: Option<u64>,
    url_private: Option<String>,
    url_private_download: Option<String>,
}

/// Where a message stands.
struct Place {
    channel: String,
    direct: bool,
}

/// What we call a message: Slack names it by its channel and its time.
pub(super) fn name(channel: &str, ts: &str) -> String {
    format!("{channel}:{ts}")
}

/// What the event means.
pub(super) fn read(raw: &RawValue, own: &Own, at: &At<'_>) -> Result<Happening, Malformed> {
    let event: Event<'_> = json::part(raw, at)?;
    let channel = at.need_id("channel", event.channel)?;
    let direct = match event.channel_type.as_deref() {
        Some(kind) => kind == "im",
        // Mentions do not say it; the ids of direct channels begin with a D.
        None => channel.starts_with('D'),
    };
    let place = Place { channel, direct };
    let when = event.event_ts.as_ref().and_then(Id::seconds);
    match event.subtype.as_deref() {
        None | Some("bot_message" | "file_share" | "me_message" | "thread_broadcast") => {
            body(json::part(raw, at)?, own, place, at)
        }
        Some("message_changed") => {
            let at = at.key("message");
            let now: Body = json::part(at.need("message", event.message)?, &at)?;
            // A deleted message with answers stays as a tomb.
            if now.subtype.as_deref() == Some("tombstone") {
                let external_id = name(&place.channel, &at.need_id("ts", now.ts)?);
                return Ok(Happening::Deleted { external_id, at: when });
            }
            let before = event.previous_message.and_then(|before| before.text);
            // Previews of links, counts of answers.
            if now.edited.is_none() && before == now.text {
                return Ok(Happening::Passed("message_decorated"));
            }
            let edited = now.edited.as_ref().and_then(|edited| edited.ts.as_ref()?.seconds());
            let mut happening = body(now, own, place, &at)?;
            if let Happening::Message(message) = &mut happening {
                message.edited_at = edited.or(when);
            }
            Ok(happening)
        }
        Some("message_deleted") => {
            let external_id = name(&place.channel, &at.need_id("deleted_ts", event.deleted_ts)?);
            Ok(Happening::Deleted { external_id, at: when })
        }
        Some("message_replied") => Ok(Happening::Passed("message_decorated")),
        Some("assistant_app_thread") => Ok(Happening::Passed("chat_opened")),
        Some(_) => Ok(Happening::Passed("channel_event")),
    }
}

fn body(body: Body, own: &Own, place: Place, at: &At<'_>) -> Result<Happening, Malformed> {
    let ts = at.need("ts", body.ts)?;
    let external_id = name(&place.channel, ts.as_str());
    let sent_at = at.need_seconds("ts", Some(&ts))?;
    let app = body.app_id.or(body.bot_profile.and_then(|bot| bot.app_id));
    let ours =
        (app.is_some() && app == own.app) || body.user.as_ref().is_some_and(|user| own.bots.contains(user));
    if !ours && (body.bot_id.is_some() || body.subtype.as_deref() == Some("bot_message")) {
        return Ok(Happening::Passed("other_bot"));
    }
    let customer = if ours {
        // Whom it is written to is not said.
        Party::default()
    } else {
        let profile = body.user_profile;
        let (real_name, handle) =
            profile.map(|profile| (profile.real_name, profile.name)).unwrap_or_default();
        Party {
            id: at.need_id("user", body.user)?,
            name: called(real_name).or(called(body.username)),
            handle: called(handle),
        }
    };
    let mut message = Message::new(external_id, customer, sent_at);
    message.outbound = ours;
    message.public = Some(!place.direct);
    message.text = mrkdwn::plain(&body.text.unwrap_or_default());
    let thread = body.thread_ts.filter(|thread| *thread != ts).and_then(Id::said);
    message.thread_root = thread.map(|thread| name(&place.channel, &thread));
    message.reply_to = message.thread_root.clone();
    message.media = body.files.into_iter().filter_map(File::media).collect();
    if message.text.trim().is_empty() && message.media.is_empty() {
        UNSUPPORTED.clone_into(&mut message.text);
    }
    note(&mut message, "channel-id", Some(place.channel));
    Ok(Happening::Message(Box::new(message)))
}

impl File {
    /// The file; of some, Slack only tells the id.
    fn media(self) -> Option<Media> {
        let url = said(self.url_private_download).or(said(self.url_private));
        let id = self.id.and_then(Id::said);
        let source = url.map(MediaSource::Url).or(id.map(MediaSource::Id))?;
        let (name, media_type) = (said(self.name), said(self.mimetype));
        Some(Media { source, name, media_type, bytes: self.size, sha256: None })
    }
}
