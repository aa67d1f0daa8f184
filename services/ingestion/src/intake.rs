//! A submitted message, checked: what may be kept of it, or the first field that is wrong and what it should be.
//!
//! Pure: no clock, no log. The texts of rejections name fields and bounds and never repeat a value.

use std::{collections::BTreeMap, fmt};

use domain::{
    channel::{Direction, Visibility},
    ids::{CampaignId, FieldId, KeyedHash, Language, MediaType},
    message::{Automatic, Content, EntryPoint},
    time::Timestamp,
};
use proto::ingestion::v1;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{account::Account, media::Announced, wire};

/// How much of everything there may be. What is over is rejected, never cut. All of it together fits an entry.
pub mod limits {
    /// Messages of one call.
    pub const MESSAGES_MAX: usize = 500;
    /// The text of a message, in bytes.
    pub const TEXT_MAX: usize = 64 * 1024;
    /// A channel's id of a message or a person, in bytes.
    pub const ID_MAX: usize = 1_024;
    /// A name or handle of a person, in bytes.
    pub const NAME_MAX: usize = 1_024;
    /// A subject, in bytes.
    pub const SUBJECT_MAX: usize = 4 * 1024;
    /// The value of a field, in bytes.
    pub const FIELD_VALUE_MAX: usize = 4 * 1024;
    /// The names and values of all fields of a message, in bytes.
    pub const FIELDS_BYTES_MAX: usize = 32 * 1024;
    /// The name of an attachment, in bytes.
    pub const FILE_NAME_MAX: usize = 255;
    /// An attachment, in bytes.
    pub const ATTACHMENT_MAX: usize = 40 * 1024 * 1024;
    /// The message as it came, in bytes.
    pub const RAW_MAX: usize = 48 * 1024 * 1024;
    /// How far `sent_at` and `edited_at` may lie ahead of our clock, in seconds: clocks differ.
    pub const AHEAD_MAX_S: i64 = 5 * 60;
}

use limits::*;

/// The media type of what has none.
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// A message that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) external_id: String,
    pub(crate) reply_to: Option<String>,
    pub(crate) thread_root: Option<String>,
    /// Its thread, if that is known for sure.
    pub(crate) thread: Option<KeyedHash>,
    pub(crate) author_name: Option<String>,
    pub(crate) author_handle: Option<String>,
    /// What the channel calls the customer.
    pub(crate) customer: Option<String>,
    /// Where an answer goes, if not to that.
    pub(crate) answer_to: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) text: String,
    pub(crate) subject: Option<String>,
    pub(crate) sent_at: Timestamp,
    /// When its body was last changed, if the channel says so.
    pub(crate) edited_at: Option<Timestamp>,
    pub(crate) language: Option<Language>,
    pub(crate) visibility: Visibility,
    pub(crate) fields: BTreeMap<FieldId, String>,
    pub(crate) attachments: Vec<File>,
    /// Files that the channel announces and does not send.
    pub(crate) announced: Vec<Announced>,
    pub(crate) raw: Option<Vec<u8>>,
    /// What wrote it, if no person did.
    pub(crate) automatic: Option<Automatic>,
    pub(crate) forwarded: bool,
    pub(crate) entry_point: Option<EntryPoint>,
    pub(crate) campaign: Option<CampaignId>,
}

/// A file at a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) media_type: MediaType,
    pub(crate) content: Vec<u8>,
}

/// Why a message is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// The path of the field within the message: `author.external_id`. Empty: the message as a whole.
    pub(crate) field: String,
    /// What it should be. Never repeats the value.
    pub(crate) reason: String,
}

impl Rejection {
    pub(crate) fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }
}

/// The message as it may be kept, or its first flaw. `announced` are files that are still to be fetched.
pub(crate) fn check(
    account: &Account,
    message: v1::Message,
    announced: Vec<Announced>,
    now: Timestamp,
) -> Result<Incoming, Rejection> {
    let external_id = id("external_id", message.external_id)?;
    // A message that claims to answer itself answers nothing.
    let reply_to = optional_id("reply_to", message.reply_to)?.filter(|parent| *parent != external_id);
    let thread_root = optional_id("thread_root", message.thread_root)?;
    let direction = direction(message.direction)?;
    let author = message.author.unwrap_or_default();
    let author_id = optional_id("author.external_id", author.external_id)?;
    let recipient_id =
        optional_id("recipient.external_id", message.recipient.unwrap_or_default().external_id)?;
    let customer = match direction {
        Direction::In => Some(author_id.clone().ok_or_else(|| missing("author.external_id"))?),
        Direction::Out if recipient_id.is_none() && !account.threads => {
            return Err(missing("recipient.external_id"));
        }
        Direction::Out => recipient_id,
    };
    let author_name = line("author.name", author.name, NAME_MAX)?;
    let author_handle = line("author.handle", author.handle, NAME_MAX)?.or(author_id);
    let text = at_most("text", without_nul(message.text), TEXT_MAX)?;
    let subject = line("subject", message.subject, SUBJECT_MAX)?;
    let sent_at = instant("sent_at", message.sent_at.ok_or_else(|| missing("sent_at"))?, now)?;
    let edited_at = message.edited_at.map(|edited_at| instant("edited_at", edited_at, now)).transpose()?;
    if edited_at.is_some_and(|edited_at| edited_at < sent_at) {
        return Err(Rejection::new("edited_at", "not before sent_at"));
    }
    let attachments =
        attachments(message.attachments, announced.len() + usize::from(!message.raw.is_empty()))?;
    let raw = Some(message.raw).filter(|raw| !raw.is_empty());
    if raw.as_ref().is_some_and(|raw| raw.len() > RAW_MAX) {
        return Err(Rejection::new("raw", format_args!("at most {RAW_MAX} bytes")));
    }
    let files = attachments.len() + announced.len();
    if text.trim().is_empty() && subject.is_none() && files == 0 && raw.is_none() {
        return Err(Rejection::new("text", "a message has a text, a subject or an attachment"));
    }
    Ok(Incoming {
        external_id,
        reply_to,
        thread_root,
        thread: None,
        author_name,
        author_handle,
        customer,
        answer_to: None,
        direction,
        text,
        subject,
        sent_at,
        edited_at,
        language: named("language", &message.language.to_lowercase(), Language::new)?,
        visibility: match message.public {
            None => account.visibility,
            Some(true) => Visibility::Public,
            Some(false) => Visibility::Private,
        },
        fields: fields(message.fields)?,
        attachments,
        announced,
        raw,
        automatic: named("automatic", &message.automatic, automatic)?,
        forwarded: message.forwarded,
        entry_point: named("entry_point", &message.entry_point, entry_point)?,
        campaign: named("campaign", &message.campaign, CampaignId::new)?,
    })
}

impl Incoming {
    /// Whether it has no file.
    pub(crate) fn is_words_alone(&self) -> bool {
        self.attachments.is_empty() && self.announced.is_empty() && self.raw.is_none()
    }

    /// The body, in the one form that digests are made of. A second delivery has the same; an edit has another. What the
    /// channel says around it (names, languages, fields, headers) is no part of it: that may differ between deliveries.
    ///
    /// Never changed: digests in the log are compared with it.
    pub(crate) fn body(&self) -> Result<String, serde_json::Error> {
        let files = self.attachments.iter().map(|file| BodyFile {
            name: &file.name,
            media_type: file.media_type.as_str(),
            sha256: hex(&Sha256::digest(&file.content)),
        });
        let announced = self.announced.iter().map(|file| BodyFile {
            name: &file.name,
            media_type: file.media_type.as_str(),
            sha256: file.sha256.clone().unwrap_or_else(|| hex(&Sha256::digest(file.lasting_name()))),
        });
        let files = files.chain(announced).collect();
        let body = Body { text: &self.text, subject: self.subject.as_deref(), attachments: files };
        serde_json::to_string(&body)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    text: &'a str,
    subject: Option<&'a str>,
    attachments: Vec<BodyFile<'a>>,
}

#[derive(Serialize)]
struct BodyFile<'a> {
    name: &'a str,
    media_type: &'a str,
    sha256: String,
}

fn direction(value: i32) -> Result<Direction, Rejection> {
    match v1::Direction::try_from(value) {
        Ok(v1::Direction::Inbound) => Ok(Direction::In),
        Ok(v1::Direction::Outbound) => Ok(Direction::Out),
        Ok(v1::Direction::Unspecified) | Err(_) => {
            Err(Rejection::new("direction", "DIRECTION_INBOUND or DIRECTION_OUTBOUND"))
        }
    }
}

fn instant(field: &str, value: prost_types::Timestamp, now: Timestamp) -> Result<Timestamp, Rejection> {
    let instant = wire::instant(&value).ok_or_else(|| Rejection::new(field, "an instant"))?;
    if instant < Timestamp::UNIX_EPOCH {
        return Err(Rejection::new(field, "not before 1970"));
    }
    if instant > now.plus_seconds(AHEAD_MAX_S) {
        let reason = format_args!("at most {AHEAD_MAX_S} s ahead of our clock; set the sender's clock");
        return Err(Rejection::new(field, reason));
    }
    Ok(instant)
}

fn attachments(files: Vec<v1::Attachment>, others: usize) -> Result<Vec<File>, Rejection> {
    if files.len() + others > Content::ATTACHMENTS_MAX {
        let reason = format_args!("at most {}, raw included", Content::ATTACHMENTS_MAX);
        return Err(Rejection::new("attachments", reason));
    }
    files.into_iter().enumerate().map(|(index, file)| attachment(index, file)).collect()
}

fn attachment(index: usize, file: v1::Attachment) -> Result<File, Rejection> {
    let at = |field: &str| format!("attachments[{index}].{field}");
    let name = line(&at("name"), file.name, FILE_NAME_MAX)?.unwrap_or_default();
    // Parameters (a charset, a boundary) are of no use beside the decoded bytes.
    let media_type =
        media_type(&file.media_type).map_err(|invalid| Rejection::new(at("media_type"), invalid))?;
    if file.content.len() > ATTACHMENT_MAX {
        return Err(Rejection::new(at("content"), format_args!("at most {ATTACHMENT_MAX} bytes")));
    }
    Ok(File { name, media_type, content: file.content })
}

/// The media type that a channel names, without parameters; one for anything, if it names none.
pub(crate) fn media_type(named: &str) -> Result<MediaType, domain::ids::Invalid> {
    let essence = named.split(';').next().unwrap_or_default().trim().to_lowercase();
    MediaType::new(if essence.is_empty() { UNKNOWN_MEDIA_TYPE } else { &essence })
}

fn fields(
    fields: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<FieldId, String>, Rejection> {
    let mut kept = BTreeMap::new();
    let mut bytes = 0;
    for (name, value) in fields {
        let name = FieldId::new(&name)
            .map_err(|_| Rejection::new("fields", "each name is 1 to 64 of a-z, 0-9 and '-'"))?;
        // Now it is known to be a plain name, which may stand in a path.
        let value = at_most(&format!("fields[{name}]"), without_nul(value), FIELD_VALUE_MAX)?;
        bytes += name.as_str().len() + value.len();
        kept.insert(name, value);
    }
    if kept.len() > Content::FIELDS_MAX {
        return Err(Rejection::new("fields", format_args!("at most {}", Content::FIELDS_MAX)));
    }
    if bytes > FIELDS_BYTES_MAX {
        return Err(Rejection::new("fields", format_args!("at most {FIELDS_BYTES_MAX} bytes together")));
    }
    Ok(kept)
}

fn entry_point(name: &str) -> Result<EntryPoint, &'static str> {
    word(name).ok_or(
        "one of click_to_chat_ad, checkbox_plugin, message_us, customer_chat, send_message, web_authenticated",
    )
}

fn automatic(name: &str) -> Result<Automatic, &'static str> {
    word(name).ok_or("one of auto_reply, report, list")
}

/// The value that is stored as this word.
fn word<'a, T: serde::Deserialize<'a>>(name: &'a str) -> Option<T> {
    use serde::de::value::{Error, StrDeserializer};
    T::deserialize(StrDeserializer::<Error>::new(name)).ok()
}

fn missing(field: &str) -> Rejection {
    Rejection::new(field, "is missing")
}

/// An identifier of the channel, as it is: nothing is trimmed, or two could become one.
fn id(field: &str, value: String) -> Result<String, Rejection> {
    if value.trim().is_empty() {
        return Err(missing(field));
    }
    if value.chars().any(char::is_control) {
        return Err(Rejection::new(field, "without control characters"));
    }
    at_most(field, value, ID_MAX)
}

fn optional_id(field: &str, value: String) -> Result<Option<String>, Rejection> {
    if value.is_empty() { Ok(None) } else { id(field, value).map(Some) }
}

/// A value that is shown on one line: whatever breaks lines or rings bells becomes a blank.
fn line(field: &str, value: String, max: usize) -> Result<Option<String>, Rejection> {
    let value = at_most(field, value, max)?.replace(char::is_control, " ");
    Ok(Some(value).filter(|value| !value.trim().is_empty()))
}

fn named<T, E: fmt::Display>(
    field: &str,
    value: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Rejection> {
    if value.is_empty() {
        return Ok(None);
    }
    parse(value).map(Some).map_err(|invalid| Rejection::new(field, invalid))
}

/// PostgreSQL refuses NUL in text, so it becomes the replacement character before anybody stores it.
fn without_nul(value: String) -> String {
    if value.contains('\0') { value.replace('\0', "\u{fffd}") } else { value }
}

fn at_most(field: &str, value: String, max: usize) -> Result<String, Rejection> {
    if value.len() > max {
        return Err(Rejection::new(field, format_args!("at most {max} bytes")));
    }
    Ok(value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_one_form_that_stored_digests_are_made_of() {
        let account = Account {
            id: "wall".parse().unwrap(),
            channel: "forum".parse().unwrap(),
            visibility: Visibility::Public,
            threads: true,
            region: "france".parse().unwrap(),
        };
        let message = v1::Message {
            external_id: "1".into(),
            author: Some(v1::Author { external_id: "ana".into(), ..v1::Author::default() }),
            direction: v1::Direction::Inbound.into(),
            text: "a \"b\"".into(),
            subject: "s".into(),
            sent_at: Some(prost_types::Timestamp::default()),
            attachments: vec![v1::Attachment {
                name: "n".into(),
                media_type: String::new(),
                content: vec![],
            }],
            ..v1::Message::default()
        };
        let body = check(&account, message, Vec::new(), Timestamp::UNIX_EPOCH).unwrap().body().unwrap();
        // The SHA-256 of nothing.
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = format!(
            r#"{{"text":"a \"b\"","subject":"s","attachments":[{{"name":"n","media_type":"application/octet-stream","sha256":"{sha256}"}}]}}"#
        );
        assert_eq!(body, expected);
    }
}
