//! From what a connector read to what the intake takes. A platform cannot be asked to send it otherwise, so that what is too
//! long is shortened, with the whole of it in a file, instead of refused.

use std::collections::BTreeMap;

use domain::{
    ids::{CampaignId, Language},
    message::Content,
    time::Timestamp,
};
use proto::ingestion::v1;

use crate::{
    channels::{Media, MediaSource, Message, Party},
    intake::{self, limits::*},
    media::{Announced, Source},
    wire,
};

/// The name of the file with the whole of a text that is too long.
const WHOLE_TEXT: &str = "message.txt";
/// Files that are kept of one message: room is left for the whole of its text, and for the message as it came.
const FILES_MAX: usize = Content::ATTACHMENTS_MAX - 2;
/// The field that says how many were not.
const LEFT_OUT: &str = "files-left-out";
/// The name of a file that has none.
const UNNAMED_FILE: &str = "file";

/// The message, and the files that are still to be fetched.
pub(crate) fn fit(message: Message, now: Timestamp) -> (v1::Message, Vec<Announced>) {
    let mut fields = message.fields;
    let mut media = message.media;
    if media.len() > FILES_MAX {
        fields.insert(LEFT_OUT.to_owned(), (media.len() - FILES_MAX).to_string());
        media.truncate(FILES_MAX);
    }
    let mut attachments = Vec::new();
    let mut announced = Vec::new();
    for media in media {
        match with_content(media) {
            Ok(file) => attachments.push(file),
            Err(file) => announced.push(file),
        }
    }
    let mut text = message.text;
    if text.len() > TEXT_MAX {
        attachments.push(v1::Attachment {
            name: WHOLE_TEXT.to_owned(),
            media_type: "text/plain".to_owned(),
            content: text.clone().into_bytes(),
        });
        text = shortened(text, TEXT_MAX);
    }
    // Clocks differ: nothing was sent after it came.
    let instant = |at: Timestamp| wire::timestamp(at.min(now).as_microsecond());
    let sent_at = message.sent_at.max(Timestamp::UNIX_EPOCH);
    let ours = message.outbound;
    let Party { id, name, handle } = message.customer;
    let customer = v1::Author {
        external_id: id,
        name: shortened(name.unwrap_or_default(), NAME_MAX),
        handle: shortened(handle.unwrap_or_default(), NAME_MAX),
    };
    let (author, recipient) = if ours { (None, Some(customer)) } else { (Some(customer), None) };
    let direction = if ours { v1::Direction::Outbound } else { v1::Direction::Inbound };
    let language = message.language.filter(|language| Language::new(&language.to_lowercase()).is_ok());
    let known =
        |point: domain::message::EntryPoint| serde_json::to_value(point).ok()?.as_str().map(str::to_owned);
    let message = v1::Message {
        external_id: message.external_id,
        reply_to: message.reply_to.unwrap_or_default(),
        thread_root: message.thread_root.unwrap_or_default(),
        author,
        recipient,
        direction: direction.into(),
        text,
        subject: shortened(message.subject.unwrap_or_default(), SUBJECT_MAX),
        sent_at: Some(instant(sent_at)),
        language: language.unwrap_or_default(),
        public: message.public,
        fields: kept(fields, message.campaign.as_deref()),
        attachments,
        raw: Vec::new(),
        automatic: String::new(),
        forwarded: message.forwarded,
        entry_point: message.entry_point.and_then(known).unwrap_or_default(),
        campaign: message.campaign.filter(|campaign| is_campaign(campaign)).unwrap_or_default(),
        edited_at: message.edited_at.filter(|edited| *edited >= sent_at).map(instant),
    };
    (message, announced)
}

fn is_campaign(campaign: &str) -> bool {
    CampaignId::new(campaign).is_ok()
}

/// The fields that fit; a campaign whose name is no id stays readable as one.
fn kept(fields: BTreeMap<String, String>, campaign: Option<&str>) -> BTreeMap<String, String> {
    let campaign = campaign.filter(|campaign| !is_campaign(campaign));
    let mut bytes = 0;
    fields
        .into_iter()
        .chain(campaign.map(|campaign| ("campaign".to_owned(), campaign.to_owned())))
        .map(|(name, value)| (name, shortened(value, FIELD_VALUE_MAX)))
        .filter(|(name, value)| {
            bytes += name.len() + value.len();
            bytes <= FIELDS_BYTES_MAX
        })
        .take(Content::FIELDS_MAX)
        .collect()
}

/// The file, if it is here; else where it is to be had.
fn with_content(media: Media) -> Result<v1::Attachment, Announced> {
    let name = shortened(media.name.unwrap_or_else(|| UNNAMED_FILE.to_owned()), FILE_NAME_MAX);
    let media_type = intake::media_type(media.media_type.as_deref().unwrap_or_default());
    let media_type = media_type.or_else(|_| intake::media_type(""));
    let source = match media.source {
        MediaSource::Content(content) => {
            let media_type = media_type.map(|kind| kind.to_string()).unwrap_or_default();
            return Ok(v1::Attachment { name, media_type, content });
        }
        MediaSource::Id(id) => Source::Id(id),
        MediaSource::Url(url) => Source::Url(url),
    };
    let media_type = media_type.unwrap_or_else(|_| unreachable!("the type of what has none is one"));
    let sha256 = media.sha256.filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    Err(Announced { source, name, media_type, bytes: media.bytes, sha256 })
}

/// At most so many bytes of it, whole characters.
fn shortened(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    fn account() -> Account {
        Account {
            id: "wa".parse().unwrap(),
            channel: "whatsapp".parse().unwrap(),
            visibility: domain::channel::Visibility::Private,
            threads: false,
            region: "france".parse().unwrap(),
        }
    }

    #[test]
    fn what_is_too_long_or_of_no_form_is_taken_all_the_same() {
        let now = Timestamp::UNIX_EPOCH.plus_seconds(1_000);
        let long = "é".repeat(TEXT_MAX);
        let party = Party { id: "1".into(), name: Some(long.clone()), handle: Some(long.clone()) };
        let message = Message {
            text: long.clone(),
            subject: Some(long.clone()),
            edited_at: Some(now.plus_seconds(950)),
            language: Some("no language".into()),
            campaign: Some("Spring Sale!".into()),
            media: vec![Media {
                source: MediaSource::Id("77".into()),
                name: Some(long.clone()),
                media_type: Some("not a type".into()),
                bytes: None,
                sha256: Some("short".into()),
            }],
            fields: (0..200).map(|n| (format!("f{n}"), long.clone())).collect(),
            ..Message::new("m1", party, now.plus_seconds(900))
        };
        let (message, announced) = fit(message, now);
        let incoming = intake::check(&account(), message, announced, now).unwrap();
        assert_eq!((incoming.text.len(), incoming.attachments[0].content.len()), (TEXT_MAX, long.len()));
        assert_eq!((incoming.sent_at, incoming.edited_at), (now, Some(now)));
        assert_eq!((incoming.language, incoming.campaign), (None, None));
        assert_eq!(incoming.announced[0].sha256, None);
    }

    #[test]
    fn a_campaign_that_is_no_id_is_a_field() {
        let fields = kept(BTreeMap::new(), Some("Spring Sale!"));
        assert_eq!(fields["campaign"], "Spring Sale!");
    }
}
