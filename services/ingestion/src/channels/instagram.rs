//! `instagram`: the chats of a professional account, and the comments on what it shows.
//!
//! Verified by the published vector of the signature that Meta's platforms share; its kinds by own samples only.
//!
//! Secrets: `app_secret`, `verify_token`. Setting: `account_id`; with it, what concerns other accounts of the same app is
//! passed over. A mention comes as ids only: it becomes a line by a stranger, which says where to read it. That a comment
//! was deleted is not told by the platform.

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said,
    hub::{self, Entry},
    json::{self, At, Id},
    messenger,
    wording::{UNSUPPORTED, name, note, said, unknown},
};

/// The connector.
pub(super) struct Instagram;

impl Connector for Instagram {
    fn name(&self) -> &'static str {
        "instagram"
    }

    fn secrets(&self) -> &'static [&'static str] {
        hub::SECRETS
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        hub::verify(hook, config)
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        hub::read(hook, "instagram", |entry, at, happenings| {
            if entry.is_of_another(config.setting("account_id")) {
                happenings.extend(hub::passed("other_account", entry.len()));
                return Ok(());
            }
            messenger::read_chats(entry, at, happenings)?;
            read_changes(entry, hook.now, at, happenings)
        })
    }

    fn lists(&self) -> &'static [&'static str] {
        &["entry.changes", "entry.messaging", "entry.standby"]
    }

    fn notices(&self) -> &'static [&'static str] {
        messenger::NOTICES
    }
}

#[derive(Deserialize)]
struct Comment {
    id: Option<Id>,
    parent_id: Option<Id>,
    text: Option<String>,
    from: Option<From>,
    media: Option<Shown>,
}

#[derive(Deserialize)]
struct From {
    id: Option<Id>,
    username: Option<String>,
    /// What the account itself is called, if it wrote.
    self_ig_scoped_id: Option<Id>,
}

#[derive(Deserialize)]
struct Shown {
    id: Option<Id>,
    ad_id: Option<Id>,
    media_product_type: Option<String>,
}

#[derive(Deserialize)]
struct Mention {
    media_id: Option<Id>,
    comment_id: Option<Id>,
}

fn read_changes(
    entry: &Entry<'_>,
    now: Timestamp,
    at: &At<'_>,
    happenings: &mut Vec<Happening>,
) -> Result<(), Malformed> {
    // Comments have no time of their own.
    let sent_at = entry.time.as_ref().and_then(Id::moment).unwrap_or(now);
    let at = at.key("changes");
    for (index, change) in entry.changes.iter().enumerate() {
        let at = at.index(index);
        let field = at.need("field", change.field.as_deref())?;
        let value = || change.value(&at);
        let at = &at.key("value");
        match field {
            "comments" | "live_comments" => happenings.push(comment(value()?, entry, sent_at, at)?),
            "mentions" => happenings.push(mention(value()?, sent_at, at)?),
            // Accounts without a page may hear of their chats in this way.
            "messages"
            | "message_reactions"
            | "message_edit"
            | "messaging_postbacks"
            | "messaging_seen"
            | "messaging_referral"
            | "messaging_optins" => {
                messenger::read_event(value()?, entry.id.as_ref(), at, happenings)?;
            }
            "story_insights" => happenings.push(Happening::Passed("insights")),
            _ => happenings.push(Happening::Passed("other_change")),
        }
    }
    Ok(())
}

fn comment(
    raw: &RawValue,
    entry: &Entry<'_>,
    sent_at: Timestamp,
    at: &At<'_>,
) -> Result<Happening, Malformed> {
    let comment: Comment = json::part(raw, at)?;
    let external_id = at.need_id("id", comment.id)?;
    let from = comment.from.map(|from| (from.id.and_then(Id::said), from.username, from.self_ig_scoped_id));
    let (id, handle, own) = from.unwrap_or_default();
    let outbound =
        own.is_some() || id.as_deref().is_some_and(|id| entry.id.as_ref().is_some_and(|e| e.as_str() == id));
    let customer = match id {
        _ if outbound => Party::default(),
        Some(id) => Party { id, name: None, handle: name(handle) },
        None => unknown(&external_id),
    };
    let mut message = Message::new(external_id, customer, sent_at);
    message.outbound = outbound;
    message.public = Some(true);
    message.text = said(comment.text).unwrap_or_else(|| UNSUPPORTED.to_owned());
    message.reply_to = comment.parent_id.and_then(Id::said);
    if let Some(shown) = comment.media {
        message.thread_root = shown.id.and_then(Id::said);
        note(&mut message, "ad-id", shown.ad_id.and_then(Id::said));
        note(&mut message, "media-kind", shown.media_product_type);
    }
    message.reply_to = message.reply_to.or_else(|| message.thread_root.clone());
    Ok(Happening::Message(Box::new(message)))
}

fn mention(raw: &RawValue, sent_at: Timestamp, at: &At<'_>) -> Result<Happening, Malformed> {
    let mention: Mention = json::part(raw, at)?;
    let media = at.need_id("media_id", mention.media_id)?;
    let comment = mention.comment_id.and_then(Id::said);
    let (external_id, text) = match &comment {
        Some(comment) => (comment.clone(), "[mentioned in a comment]"),
        None => (media.clone(), "[mentioned in a post]"),
    };
    let mut message = Message::new(external_id.clone(), unknown(&external_id), sent_at);
    message.public = Some(true);
    text.clone_into(&mut message.text);
    if comment.is_some() {
        message.thread_root = Some(media.clone());
    }
    note(&mut message, "media-id", Some(media));
    note(&mut message, "comment-id", comment);
    Ok(Happening::Message(Box::new(message)))
}
