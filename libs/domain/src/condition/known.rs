//! What there is to know: the names that a condition may use, their types, and where each is found.
//!
//! To add a fact: a field in [`Facts`](super::Facts) and a line here.

use std::borrow::{Borrow, Cow};

use super::{
    Facts, Weekday,
    eval::{Failed, Val},
    facts::{FactValue, MessageFacts},
};
use crate::{
    case::{Priority, Status},
    channel::Visibility,
    customer::Purpose,
    message::{Automatic, EntryPoint},
    personal::Personal,
    policy::account,
};

/// How much of a text a condition looks at, in bytes: what comes later is not seen.
pub const TEXT_LEN_MAX: usize = 16 * 1024;
/// How many members of a list a condition looks at: those after them are not seen.
pub const ITEMS_MAX: usize = 200;

/// A name that a condition may use.
pub struct Known {
    /// The name: `message.text`.
    pub path: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Whether it belongs to a person, or may.
    pub personal: bool,
    pub(super) sort: Sort,
    pub(super) read: Read,
}

/// What kind of value a fact is.
#[derive(Clone, Copy)]
pub(super) enum Sort {
    Bool,
    Int,
    Text(Of),
    Texts(Of),
    /// A table of personal texts.
    TextTable,
    /// A table of whatever the policy says.
    AnyTable,
    /// A table of numbers.
    NumberTable,
}

/// Which texts there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Any.
    Any,
    /// These words.
    Words(&'static [&'static str]),
    /// The ids of documents of a kind.
    Ids(&'static str),
}

/// Where a fact is found.
#[derive(Clone, Copy)]
pub(super) enum Read {
    Value(for<'f> fn(&'f Facts) -> Result<Val<'f>, Failed>),
    Member(for<'f> fn(&'f Facts, &str) -> Result<Val<'f>, Failed>),
}

const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];
const STATUSES: &[&str] = &["new", "open", "pending", "on_hold", "resolved", "closed", "merged", "spam"];
const AUTOMATIC: &[&str] = &["auto_reply", "report", "list"];
const ENTRY_POINTS: &[&str] = &[
    "click_to_chat_ad",
    "checkbox_plugin",
    "message_us",
    "customer_chat",
    "send_message",
    "web_authenticated",
];
const ACCOUNT_PURPOSES: &[&str] = &["care", "marketing"];
const PURPOSES: &[&str] = &["any", "service", "marketing", "survey", "link_profiles"];
const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Every name that a condition may use.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    personal("message.text", "what the message says", Sort::Text(Of::Any), Read::Value(|f| person(f.texts.text.as_ref()))),
    personal("message.subject", "its subject", Sort::Text(Of::Any), Read::Value(|f| person(f.texts.subject.as_ref()))),
    personal("message.fields", "what else the channel said of it", Sort::TextTable, Read::Member(|f, name| person(f.texts.message_fields.get(name)))),
    fact("message.language", "its language", Sort::Text(Of::Any), Read::Value(|f| message(f, |m| id(m.language.as_ref())))),
    fact("message.channel", "the kind of its channel", Sort::Text(Of::Ids("channel")), Read::Value(|f| message(f, |m| text(Some(m.channel.as_str()))))),
    fact("message.account", "our account on which it came in", Sort::Text(Of::Ids("account")), Read::Value(|f| message(f, |m| text(Some(m.account.as_str()))))),
    fact("message.public", "whether anybody can see it", Sort::Bool, Read::Value(|f| message(f, |m| Val::Bool(m.visibility == Visibility::Public)))),
    fact("message.automatic", "what wrote it, if no person did", Sort::Text(Of::Words(AUTOMATIC)), Read::Value(|f| message(f, |m| text(m.automatic.map(automatic))))),
    fact("message.forwarded", "whether it was forwarded", Sort::Bool, Read::Value(|f| message(f, |m| Val::Bool(m.forwarded)))),
    fact("message.entry_point", "how the customer came to write", Sort::Text(Of::Words(ENTRY_POINTS)), Read::Value(|f| message(f, |m| text(m.entry_point.map(entry_point))))),
    fact("message.campaign", "the campaign that made him write", Sort::Text(Of::Any), Read::Value(|f| message(f, |m| id(m.campaign.as_ref())))),
    fact("message.attachments", "how many files are attached", Sort::Int, Read::Value(|f| message(f, |m| Val::Int(m.attachments.into())))),
    fact("account.tier", "how important the account is, 1 to 3", Sort::Int, Read::Value(|f| Ok(int(f.about.account.tier)))),
    fact("account.purpose", "what it is for", Sort::Text(Of::Words(ACCOUNT_PURPOSES)), Read::Value(|f| Ok(text(f.about.account.purpose.map(account_purpose))))),
    fact("account.brand", "the brand that it speaks for", Sort::Text(Of::Any), Read::Value(|f| Ok(text(f.about.account.brand.as_deref())))),
    fact("account.region", "the region that it speaks for", Sort::Text(Of::Ids("region")), Read::Value(|f| Ok(id(f.about.account.region.as_ref())))),
    fact("account.team", "the team that takes what comes in", Sort::Text(Of::Ids("team")), Read::Value(|f| Ok(id(f.about.account.team.as_ref())))),
    fact("case.status", "where the case stands", Sort::Text(Of::Words(STATUSES)), Read::Value(|f| Ok(text(f.about.case.status.map(Status::as_str))))),
    fact("case.priority", "how soon", Sort::Text(Of::Words(PRIORITIES)), Read::Value(|f| Ok(text(f.about.case.priority.map(priority))))),
    fact("case.difficulty", "how difficult, 1 to 5", Sort::Int, Read::Value(|f| Ok(int(f.about.case.difficulty)))),
    fact("case.category", "what kind of question", Sort::Text(Of::Any), Read::Value(|f| Ok(id(f.about.case.category.as_ref())))),
    fact("case.tags", "its tags", Sort::Texts(Of::Any), Read::Value(|f| Ok(texts(f.about.case.tags.iter().map(Borrow::borrow))))),
    personal("case.fields", "its custom fields", Sort::AnyTable, Read::Member(case_field)),
    fact("case.region", "the region that works it", Sort::Text(Of::Ids("region")), Read::Value(|f| Ok(id(f.about.case.region.as_ref())))),
    fact("case.team", "the team that works it", Sort::Text(Of::Ids("team")), Read::Value(|f| Ok(id(f.about.case.team.as_ref())))),
    fact("case.channel", "the kind of the channel on which it began", Sort::Text(Of::Ids("channel")), Read::Value(|f| Ok(id(f.about.case.channel.as_ref())))),
    fact("case.account", "our account on which it began", Sort::Text(Of::Ids("account")), Read::Value(|f| Ok(id(f.about.case.account.as_ref())))),
    fact("case.language", "the customer's language", Sort::Text(Of::Any), Read::Value(|f| Ok(id(f.about.case.language.as_ref())))),
    fact("case.age_s", "how long ago it was opened, in seconds", Sort::Int, Read::Value(|f| Ok(int(f.about.case.age_s)))),
    fact("case.reopenings", "how often it was opened again", Sort::Int, Read::Value(|f| Ok(Val::Int(f.about.case.reopenings.into())))),
    fact("case.reopened", "whether it was opened again", Sort::Bool, Read::Value(|f| Ok(Val::Bool(f.about.case.reopenings > 0)))),
    fact("customer.segment", "the segment to which he belongs", Sort::Text(Of::Any), Read::Value(|f| Ok(text(f.about.customer.segment.as_deref())))),
    fact("customer.tags", "what is noted of him", Sort::Texts(Of::Any), Read::Value(|f| Ok(texts(f.about.customer.tags.iter().map(Borrow::borrow))))),
    fact("customer.contacts", "how many cases of his there were before", Sort::Int, Read::Value(|f| Ok(int(f.about.customer.contacts)))),
    fact("customer.opted_out", "what he wants no more of", Sort::Texts(Of::Words(PURPOSES)), Read::Value(|f| Ok(texts(f.about.customer.opted_out.iter().map(|p| purpose(*p)))))),
    fact("customer.languages", "the languages that he wrote in", Sort::Texts(Of::Any), Read::Value(|f| Ok(texts(f.about.customer.languages.iter().map(Borrow::borrow))))),
    fact("time.hour", "the hour in the region, 0 to 23", Sort::Int, Read::Value(|f| Ok(int(f.about.time.hour)))),
    fact("time.weekday", "the day of the week in the region", Sort::Text(Of::Words(WEEKDAYS)), Read::Value(|f| Ok(text(f.about.time.weekday.map(Weekday::as_str))))),
    fact("time.open", "whether the calendar is open", Sort::Bool, Read::Value(|f| Ok(f.about.time.open.map_or(Val::Missing, Val::Bool)))),
    fact("scores", "what models predict, a score each", Sort::NumberTable, Read::Member(|f, name| Ok(f.about.scores.get(name).map_or(Val::Missing, |score| Val::Double(*score))))),
];

/// The names before the dot.
pub(super) fn roots() -> impl Iterator<Item = &'static str> {
    let roots = KNOWN.iter().map(|known| known.path.split_once('.').map_or(known.path, |(root, _)| root));
    let mut last = "";
    roots.filter(move |root| std::mem::replace(&mut last, root) != *root)
}

/// The names after a root and its dot.
pub(super) fn fields_of(root: &str) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().filter_map(move |known| known.path.strip_prefix(root)?.strip_prefix('.'))
}

/// The fact of this name.
pub(super) fn find(path: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.path == path)
}

const fn fact(path: &'static str, what: &'static str, sort: Sort, read: Read) -> Known {
    Known { path, what, personal: false, sort, read }
}

const fn personal(path: &'static str, what: &'static str, sort: Sort, read: Read) -> Known {
    Known { path, what, personal: true, sort, read }
}

fn message<'f>(facts: &'f Facts, read: impl FnOnce(&'f MessageFacts) -> Val<'f>) -> Result<Val<'f>, Failed> {
    Ok(facts.about.message.as_ref().map_or(Val::Missing, read))
}

fn person(text: Option<&Personal>) -> Result<Val<'_>, Failed> {
    let Some(personal) = text else { return Ok(Val::Missing) };
    personal.as_open().map(|open| text_of(open)).ok_or(Failed::Unreadable)
}

fn case_field<'f>(facts: &'f Facts, name: &str) -> Result<Val<'f>, Failed> {
    match facts.about.case.fields.get(name) {
        Some(FactValue::Bool(yes)) => Ok(Val::Bool(*yes)),
        Some(FactValue::Integer(number)) => Ok(Val::Int(*number)),
        Some(FactValue::Number(number)) => Ok(Val::Double(*number)),
        Some(FactValue::Text(text)) => Ok(text_of(text)),
        None => person(facts.texts.case_fields.get(name)),
    }
}

fn id<T: Borrow<str>>(id: Option<&T>) -> Val<'_> {
    text(id.map(Borrow::borrow))
}

fn text(text: Option<&str>) -> Val<'_> {
    text.map_or(Val::Missing, text_of)
}

/// As much of a text as is looked at.
fn text_of(text: &str) -> Val<'_> {
    Val::Text(Cow::Borrowed(&text[..text.floor_char_boundary(TEXT_LEN_MAX)]))
}

fn texts<'f>(items: impl Iterator<Item = &'f str>) -> Val<'f> {
    Val::List(items.take(ITEMS_MAX).map(text_of).collect())
}

fn int<'f>(number: Option<impl Into<i64>>) -> Val<'f> {
    number.map_or(Val::Missing, |number| Val::Int(number.into()))
}

const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

const fn automatic(automatic: Automatic) -> &'static str {
    match automatic {
        Automatic::AutoReply => "auto_reply",
        Automatic::Report => "report",
        Automatic::List => "list",
    }
}

const fn entry_point(entry_point: EntryPoint) -> &'static str {
    match entry_point {
        EntryPoint::ClickToChatAd => "click_to_chat_ad",
        EntryPoint::CheckboxPlugin => "checkbox_plugin",
        EntryPoint::MessageUs => "message_us",
        EntryPoint::CustomerChat => "customer_chat",
        EntryPoint::SendMessage => "send_message",
        EntryPoint::WebAuthenticated => "web_authenticated",
    }
}

const fn account_purpose(purpose: account::Purpose) -> &'static str {
    match purpose {
        account::Purpose::Care => "care",
        account::Purpose::Marketing => "marketing",
    }
}

const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Any => "any",
        Purpose::Service => "service",
        Purpose::Marketing => "marketing",
        Purpose::Survey => "survey",
        Purpose::LinkProfiles => "link_profiles",
    }
}
