//! Posts on X: new, deleted, favoured.

use domain::time::Timestamp;
use jiff::fmt::strtime;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::User;
use crate::channels::{
    Happening, Malformed, Media, MediaSource, Message, Party,
    json::{self, At, Id},
    wording::{UNSUPPORTED, name, note, said, unescape},
};

#[derive(Deserialize)]
struct Post {
    id_str: Option<Id>,
    id: Option<Id>,
    user: Option<User>,
    created_at: Option<String>,
    timestamp_ms: Option<Id>,
    text: Option<String>,
    full_text: Option<String>,
    extended_tweet: Option<Extended>,
    extended_entities: Option<Entities>,
    in_reply_to_status_id_str: Option<Id>,
    in_reply_to_user_id_str: Option<Id>,
    in_reply_to_screen_name: Option<String>,
    conversation_id_str: Option<Id>,
    quoted_status_id_str: Option<Id>,
    retweeted_status: Option<IgnoredAny>,
    lang: Option<String>,
    edit_history: Option<Edits>,
}

/// What does not fit into the old shape of a post.
#[derive(Deserialize)]
struct Extended {
    full_text: Option<String>,
    extended_entities: Option<Entities>,
}

#[derive(Deserialize)]
pub(super) struct Entities {
    #[serde(default)]
    media: Vec<File>,
}

#[derive(Deserialize)]
pub(super) struct File {
    media_url_https: Option<String>,
    video_info: Option<Video>,
}

#[derive(Deserialize)]
struct Video {
    #[serde(default)]
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    bitrate: Option<u64>,
    content_type: Option<String>,
    url: Option<String>,
}

/// An edited post is a new one.
#[derive(Deserialize)]
struct Edits {
    initial_tweet_id: Option<Id>,
}

#[derive(Deserialize)]
struct Deletion {
    status: Option<Gone>,
    timestamp_ms: Option<Id>,
}

#[derive(Default, Deserialize)]
struct Gone {
    id: Option<Id>,
}

#[derive(Deserialize)]
struct Favour {
    id: Option<Id>,
    favorited_status: Option<Favoured>,
    user: Option<User>,
    timestamp_ms: Option<Id>,
}

#[derive(Default, Deserialize)]
struct Favoured {
    id_str: Option<Id>,
    id: Option<Id>,
}

/// A post that came to be.
pub(super) fn created(raw: &RawValue, own: &str, at: &At<'_>) -> Result<Happening, Malformed> {
    let post: Post = json::part(raw, at)?;
    if post.retweeted_status.is_some() {
        return Ok(Happening::Passed("repost"));
    }
    let external_id = at.need_id("id_str", post.id_str.or(post.id))?;
    let sent_at =
        post.timestamp_ms.as_ref().and_then(Id::millis).or_else(|| told(post.created_at.as_deref()?));
    let sent_at = at.need("created_at", sent_at)?;
    let author = at.need("user", post.user)?.party(&at.key("user"))?;
    let outbound = author.id == own;
    let customer = if outbound {
        // Of a post that answers nobody, there is none.
        let id = post.in_reply_to_user_id_str.and_then(Id::said).unwrap_or_default();
        Party { id, name: None, handle: name(post.in_reply_to_screen_name) }
    } else {
        author
    };
    let mut message = Message::new(external_id, customer, sent_at);
    message.outbound = outbound;
    message.public = Some(true);
    message.reply_to = post.in_reply_to_status_id_str.and_then(Id::said);
    message.thread_root = post.conversation_id_str.and_then(Id::said);
    // `und`: it could not be told.
    message.language = said(post.lang).filter(|lang| lang != "und");
    let (long, more) =
        post.extended_tweet.map(|post| (post.full_text, post.extended_entities)).unwrap_or_default();
    message.text = unescape(&long.or(post.full_text).or(post.text).unwrap_or_default());
    let files = more.or(post.extended_entities).map(|entities| entities.media).unwrap_or_default();
    message.media = files.into_iter().filter_map(File::media).collect();
    if message.text.trim().is_empty() && message.media.is_empty() {
        UNSUPPORTED.clone_into(&mut message.text);
    }
    note(&mut message, "quotes", post.quoted_status_id_str.and_then(Id::said));
    let first = post.edit_history.and_then(|edits| edits.initial_tweet_id?.said());
    let first = first.filter(|first| *first != message.external_id);
    note(&mut message, "edit-of", first);
    Ok(Happening::Message(Box::new(message)))
}

/// A post that is gone.
pub(super) fn deleted(raw: &RawValue, at: &At<'_>) -> Result<Happening, Malformed> {
    let deletion: Deletion = json::part(raw, at)?;
    let external_id = at.key("status").need_id("id", deletion.status.unwrap_or_default().id)?;
    Ok(Happening::Deleted { external_id, at: deletion.timestamp_ms.as_ref().and_then(Id::millis) })
}

/// A post that somebody likes. That he likes it no more is not told.
pub(super) fn favoured(raw: &RawValue, at: &At<'_>) -> Result<Happening, Malformed> {
    let favour: Favour = json::part(raw, at)?;
    let status = favour.favorited_status.unwrap_or_default();
    let external_id = at.key("favorited_status").need_id("id_str", status.id_str.or(status.id))?;
    let by = at.need("user", favour.user)?.party(&at.key("user"))?;
    let when = favour.timestamp_ms.as_ref().and_then(Id::millis);
    let event = favour.id.and_then(Id::said);
    Ok(Happening::Reaction { external_id, by, sign: Some("like".to_owned()), at: when, event })
}

/// `Wed Oct 10 20:19:24 +0000 2018`.
fn told(created_at: &str) -> Option<Timestamp> {
    let time = strtime::parse("%a %b %d %H:%M:%S %z %Y", created_at).ok()?;
    time.to_timestamp().ok().map(Timestamp::from)
}

impl File {
    /// Its best form: of a video, what has the most bits in a second.
    pub(super) fn media(self) -> Option<Media> {
        let variants = self.video_info.map(|video| video.variants).unwrap_or_default();
        let best = variants.into_iter().filter(|variant| variant.bitrate.is_some());
        let best = best.max_by_key(|variant| variant.bitrate);
        let (url, media_type) = match best {
            Some(variant) => (variant.url, variant.content_type),
            None => (self.media_url_https, None),
        };
        let source = MediaSource::Url(said(url)?);
        Some(Media { source, name: None, media_type: said(media_type), bytes: None, sha256: None })
    }
}
