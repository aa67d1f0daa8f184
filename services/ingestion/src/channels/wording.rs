//! What connectors say in our own words: a line for what has no text, fields, campaigns, people that are not named.

use domain::message::EntryPoint;

use super::{Message, Party, json::Decimal};
use crate::intake::limits::{FIELD_VALUE_MAX, NAME_MAX};

/// What stands for a message that its platform does not pass on, or that is blank: somebody wrote, and an agent must see that.
pub(super) const UNSUPPORTED: &str = "[unsupported message]";

/// The longest campaign, in bytes: that of a `CampaignId`.
const CAMPAIGN_MAX: usize = 64;

/// `[kind] this, that`, of what is said of it; `[kind]` if nothing is.
pub(super) fn line<'a>(kind: &str, said: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let said: Vec<_> = said.into_iter().flatten().map(str::trim).filter(|said| !said.is_empty()).collect();
    if said.is_empty() { format!("[{kind}]") } else { format!("[{kind}] {}", said.join(", ")) }
}

/// `[location] name, address (latitude, longitude)`.
pub(super) fn location(
    name: Option<&str>,
    address: Option<&str>,
    latitude: Option<&Decimal>,
    longitude: Option<&Decimal>,
) -> String {
    let mut line = line("location", [name, address]);
    if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
        line.push_str(&format!(" ({latitude}, {longitude})"));
    }
    line
}

/// A further line of a text.
pub(super) fn add_line(text: &mut String, line: &str) {
    if !line.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
}

/// Says of a blank message that there is one: an SMS may be.
pub(super) fn seen(message: &mut Message) {
    let blank = |text: &str| text.chars().all(|letter| letter.is_whitespace() || letter.is_control());
    if message.media.is_empty()
        && message.text.trim().is_empty()
        && message.subject.as_deref().is_none_or(blank)
    {
        UNSUPPORTED.clone_into(&mut message.text);
    }
}

/// What a platform says, if it is not empty.
pub(super) fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// How somebody is called, cut at what a name may be: it must not cost the message.
pub(super) fn name(text: Option<String>) -> Option<String> {
    let mut name = said(text)?;
    name.truncate(name.floor_char_boundary(NAME_MAX));
    Some(name)
}

/// Keeps what else was said, under a name of ours. It is cut at what a field holds: it must not cost the message.
pub(super) fn note(message: &mut Message, name: &'static str, value: Option<String>) {
    if let Some(mut value) = said(value) {
        value.truncate(value.floor_char_boundary(FIELD_VALUE_MAX));
        message.fields.insert(name.to_owned(), value);
    }
}

/// How the customer came, and by which campaign: its slug, and as it was written in the field `campaign`.
pub(super) fn came_by(message: &mut Message, entry_point: Option<EntryPoint>, campaign: Option<String>) {
    message.entry_point = entry_point.or(message.entry_point);
    if let Some(campaign) = said(campaign) {
        message.campaign = slug(&campaign);
        note(message, "campaign", Some(campaign));
    }
}

/// A person whom the channel does not name: a stranger in each message, so that nobody is taken for another.
pub(super) fn unknown(message: &str) -> Party {
    Party { id: format!("unknown:{message}"), ..Party::default() }
}

/// What reads HTML would have been made of `&`, `<` and `>` in a text: three entities, no more.
pub(super) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// As a campaign is written: a-z, 0-9 and '-', at most 64.
fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        if slug.len() < CAMPAIGN_MAX && !(c == '-' && (slug.is_empty() || slug.ends_with('-'))) {
            slug.push(c);
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { None } else { Some(slug.to_owned()) }
}
