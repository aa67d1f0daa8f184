//! What happens on a page in public: comments, posts, mentions, recommendations, reactions.

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::channels::{
    Happening, Malformed, Media, MediaSource, Message, Party,
    hub::Entry,
    json::{self, At, Id},
    wording::{UNSUPPORTED, add_line, line, name as called, note, said, unknown},
};

#[derive(Deserialize)]
struct Change {
    item: Option<String>,
    verb: Option<String>,
    from: Option<From>,
    /// Who, in mentions and in older versions of the API.
    sender_id: Option<Id>,
    sender_name: Option<String>,
    reviewer_id: Option<Id>,
    reviewer_name: Option<String>,
    review_text: Option<String>,
    recommendation_type: Option<String>,
    rating: Option<Id>,
    open_graph_story_id: Option<Id>,
    post_id: Option<Id>,
    comment_id: Option<Id>,
    parent_id: Option<Id>,
    message: Option<String>,
    created_time: Option<Id>,
    reaction_type: Option<String>,
    link: Option<String>,
    photo: Option<String>,
    video: Option<String>,
    #[serde(default)]
    photos: Vec<String>,
    /// 0: written, and not to be seen yet.
    published: Option<Id>,
}

#[derive(Deserialize)]
struct From {
    id: Option<Id>,
    name: Option<String>,
}

/// What was done to something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Edit,
    Remove,
    Other,
}

/// What the change means.
pub(super) fn read(raw: &RawValue, entry: &Entry<'_>, at: &At<'_>) -> Result<Happening, Malformed> {
    let change: Change = json::part(raw, at)?;
    let verb = match at.need("verb", change.verb.as_deref())? {
        "add" => Verb::Add,
        "edit" | "edited" => Verb::Edit,
        "remove" => Verb::Remove,
        _ => Verb::Other,
    };
    // The time of the entry is that of the change; that of the change, of what was changed.
    let changed = entry.time.as_ref().and_then(Id::moment);
    let told = change.created_time.as_ref().and_then(Id::moment);
    let created = told.or(changed);
    let item = at.need("item", change.item.as_deref())?;
    if matches!(item, "reaction" | "like") && verb != Verb::Other {
        return change.reaction(verb, changed, at);
    }
    let times = Times { created: at.need("created_time", created)?, changed: changed.or(told) };
    match (item, verb) {
        (_, Verb::Other) => Ok(Happening::Passed("visibility_changed")),
        ("comment", Verb::Remove) => {
            let external_id = at.need_id("comment_id", change.comment_id)?;
            Ok(Happening::Deleted { external_id, at: times.changed })
        }
        ("comment", _) => change.comment(verb, entry, times, at),
        ("rating", Verb::Remove) => {
            let external_id = at.need_id("open_graph_story_id", change.open_graph_story_id)?;
            Ok(Happening::Deleted { external_id, at: times.changed })
        }
        ("rating", _) => change.rating(verb, times, at),
        ("post" | "status" | "photo" | "video" | "share" | "album" | "link" | "note", Verb::Remove) => {
            let external_id = at.need_id("post_id", change.post_id)?;
            Ok(Happening::Deleted { external_id, at: times.changed })
        }
        ("post" | "status" | "photo" | "video" | "share" | "album" | "link" | "note", _) => {
            change.post(verb, entry, times, at)
        }
        _ => Ok(Happening::Passed("other_item")),
    }
}

#[derive(Clone, Copy)]
struct Times {
    created: Timestamp,
    changed: Option<Timestamp>,
}

impl Change {
    fn comment(
        mut self,
        verb: Verb,
        entry: &Entry<'_>,
        times: Times,
        at: &At<'_>,
    ) -> Result<Happening, Malformed> {
        let external_id = at.need_id("comment_id", self.comment_id.take())?;
        let post = self.post_id.take().and_then(Id::said);
        let parent = self.parent_id.take().and_then(Id::said);
        let mut message = self.say(external_id, verb, entry, times);
        message.reply_to = parent.or_else(|| post.clone());
        message.thread_root = post;
        Ok(Happening::Message(Box::new(message)))
    }

    fn post(
        mut self,
        verb: Verb,
        entry: &Entry<'_>,
        times: Times,
        at: &At<'_>,
    ) -> Result<Happening, Malformed> {
        if self.published.as_ref().is_some_and(|published| published.as_str() == "0") {
            return Ok(Happening::Passed("unpublished"));
        }
        let external_id = at.need_id("post_id", self.post_id.take())?;
        let mut message = self.say(external_id.clone(), verb, entry, times);
        message.thread_root = Some(external_id);
        Ok(Happening::Message(Box::new(message)))
    }

    fn rating(mut self, verb: Verb, times: Times, at: &At<'_>) -> Result<Happening, Malformed> {
        let external_id = at.need_id("open_graph_story_id", self.open_graph_story_id.take())?;
        let id = self.reviewer_id.and_then(Id::said);
        let customer = id.map_or_else(
            || unknown(&external_id),
            |id| Party { id, name: called(self.reviewer_name), handle: None },
        );
        let mut message = Message::new(external_id, customer, times.created);
        message.public = Some(true);
        message.edited_at = edited(verb, times);
        message.text = self.review_text.unwrap_or_default();
        let stars = self.rating.and_then(Id::said);
        if message.text.trim().is_empty() {
            let said = [self.recommendation_type.as_deref(), stars.as_deref()];
            add_line(&mut message.text, &line("recommendation", said));
        }
        note(&mut message, "recommendation", self.recommendation_type);
        note(&mut message, "rating", stars);
        Ok(Happening::Message(Box::new(message)))
    }

    /// What a reaction says of times is when that came to be which it was put to, or when it was put first: neither tells
    /// when it was taken back.
    fn reaction(
        mut self,
        verb: Verb,
        changed: Option<Timestamp>,
        at: &At<'_>,
    ) -> Result<Happening, Malformed> {
        let by = self.author().unwrap_or_default();
        let sign = match verb {
            Verb::Remove => None,
            _ => Some(said(self.reaction_type).unwrap_or_else(|| "like".to_owned())),
        };
        let id = self.comment_id.and_then(Id::said).or(self.post_id.and_then(Id::said));
        let external_id = at.need("post_id", id)?;
        Ok(Happening::Reaction { external_id, by, sign, at: changed, event: None })
    }

    /// Who did it, if that is said.
    fn author(&mut self) -> Option<Party> {
        let (id, name) = match self.from.take() {
            Some(from) => (from.id, from.name),
            None => (self.sender_id.take(), self.sender_name.take()),
        };
        id.and_then(Id::said).map(|id| Party { id, name: called(name), handle: None })
    }

    /// What all that can be read has in common.
    fn say(mut self, external_id: String, verb: Verb, entry: &Entry<'_>, times: Times) -> Message {
        let author = self.author();
        let own = entry.id.as_ref().map(Id::as_str);
        let outbound = author.as_ref().is_some_and(|author| Some(author.id.as_str()) == own);
        // Whom the page answers is not said.
        let customer =
            if outbound { Party::default() } else { author.unwrap_or_else(|| unknown(&external_id)) };
        let mut message = Message::new(external_id, customer, times.created);
        message.outbound = outbound;
        message.public = Some(true);
        message.edited_at = edited(verb, times);
        message.text = self.message.unwrap_or_default();
        let files = [self.photo, self.video].into_iter().flatten().chain(self.photos);
        let url = said(self.link);
        let item = self.item.as_deref().unwrap_or_default();
        // Of a photo or a video, the link is the file.
        let (file, url) = if matches!(item, "photo" | "video") { (url, None) } else { (None, url) };
        for file in files.chain(file).filter(|url| !url.is_empty()) {
            let source = MediaSource::Url(file);
            if !message.media.iter().any(|media| media.source == source) && message.media.len() < FILES_MAX {
                message.media.push(Media { source, name: None, media_type: None, bytes: None, sha256: None });
            }
        }
        if let Some(url) = url {
            add_line(&mut message.text, &line("link", [Some(url.as_str())]));
        }
        if message.text.trim().is_empty() && message.media.is_empty() {
            UNSUPPORTED.clone_into(&mut message.text);
        }
        message
    }
}

/// Files that are kept of one post: as many as a message has.
const FILES_MAX: usize = domain::message::Content::ATTACHMENTS_MAX;

fn edited(verb: Verb, times: Times) -> Option<Timestamp> {
    if verb == Verb::Edit { times.changed.map(|changed| changed.max(times.created)) } else { None }
}
