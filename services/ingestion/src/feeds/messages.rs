//! What of a feed is a message.

use domain::{
    ids::{FieldId, Language},
    time::Timestamp,
};
use proto::ingestion::v1;

use super::{
    feed::{Entry, Feed},
    read,
};
use crate::{
    intake::limits::{FIELD_VALUE_MAX, NAME_MAX, SUBJECT_MAX, TEXT_MAX},
    wire,
};

/// The field that says that a text was longer than a message may be.
const CUT: &str = "cut";
/// Between several values of a field.
const AND: &str = "; ";

/// The entries of a feed as messages, oldest first, as they were seen at `now`.
///
/// Each can be kept: what is longer than the intake takes is cut, and its field `cut` says so; an entry without a date, or with
/// one that is still to come, was published when it was seen. An entry that says nothing is left out. Who writes without a name
/// is the site.
pub fn messages(feed: &Feed, now: Timestamp) -> Vec<v1::Message> {
    let mut messages: Vec<_> = feed.entries.iter().filter_map(|entry| message(feed, entry, now)).collect();
    // Feeds begin with the latest.
    messages.reverse();
    messages.sort_by_key(|message| message.sent_at.map(|at| (at.seconds, at.nanos)));
    messages
}

fn message(feed: &Feed, entry: &Entry, now: Timestamp) -> Option<v1::Message> {
    let title = entry.title.as_deref().unwrap_or_default();
    let body = &*entry.content.text;
    // Short posts have their beginning as their title.
    let whole = if title.is_empty() || body.starts_with(title) {
        body.to_owned()
    } else {
        format!("{title}\n\n{body}").trim_end().to_owned()
    };
    if whole.trim().is_empty() {
        return None;
    }
    let text = cut(&whole, TEXT_MAX);
    let shortened = text.len() < whole.len();
    let possible = |at: &Timestamp| (Timestamp::UNIX_EPOCH..=now).contains(at);
    let sent_at = entry.published.filter(possible).or(entry.updated.filter(possible)).unwrap_or(now);
    let edited_at = entry.updated.filter(possible).filter(|updated| *updated > sent_at);
    let author = author(feed, entry);
    let language = entry.language.as_deref().or(feed.language.as_deref());
    Some(v1::Message {
        external_id: entry.id.clone(),
        reply_to: entry.in_reply_to.clone().unwrap_or_default(),
        author: Some(author),
        direction: v1::Direction::Inbound.into(),
        text: text.to_owned(),
        subject: cut(title, SUBJECT_MAX).to_owned(),
        sent_at: Some(wire::timestamp(sent_at.as_microsecond())),
        edited_at: edited_at.map(|at| wire::timestamp(at.as_microsecond())),
        language: language.filter(|language| Language::new(language).is_ok()).unwrap_or_default().to_owned(),
        public: Some(true),
        fields: fields(feed, entry, shortened).collect(),
        ..v1::Message::default()
    })
}

/// Who wrote it: the entry's author, else the feed's, else the site. Known by page, address or name, in that order.
fn author(feed: &Feed, entry: &Entry) -> v1::Author {
    let author = entry.author.as_ref().or(feed.author.as_ref());
    let site = feed.link.as_deref().unwrap_or(feed.address.as_str());
    let known =
        author.and_then(|author| author.uri.as_ref().or(author.email.as_ref()).or(author.name.as_ref()));
    let name = author.and_then(|author| author.name.as_deref());
    let name = name.or(feed.title.as_deref().filter(|_| author.is_none())).unwrap_or_default();
    let handle = author.and_then(|author| author.email.as_deref()).unwrap_or_default();
    v1::Author {
        external_id: read::usable(known.map_or(site, String::as_str)),
        name: cut(name, NAME_MAX).to_owned(),
        handle: handle.to_owned(),
    }
}

fn fields(feed: &Feed, entry: &Entry, shortened: bool) -> impl Iterator<Item = (String, String)> + use<> {
    let files: Vec<_> = entry.enclosures.iter().map(|file| &*file.url).collect();
    let fields = [
        ("link", entry.link.clone().unwrap_or_default()),
        ("category", entry.categories.join(AND)),
        ("site", feed.title.clone().unwrap_or_else(|| feed.address.host().to_owned())),
        ("comments", entry.replies.first().cloned().unwrap_or_default()),
        ("enclosure", files.join(AND)),
        (CUT, if shortened { "text".to_owned() } else { String::new() }),
    ];
    debug_assert!(fields.iter().all(|(name, _)| FieldId::new(name).is_ok()));
    let present = fields.into_iter().filter(|(_, value)| !value.is_empty());
    present.map(|(name, value)| (name.to_owned(), cut(&value, FIELD_VALUE_MAX).to_owned()))
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
