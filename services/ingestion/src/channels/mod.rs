//! Webhooks in: what a platform calls at us, proved to be from it, and read. One file for each connector.
//!
//! A [`Connector`] is two functions of a [`Hook`]. [`Connector::verify`] says whether the platform sent it, by the platform's
//! own signature over the bytes as they came; nothing is read before. [`Connector::read`] says what it means: several
//! [`Happening`]s, and what the platform wants to hear. Both are pure: no clock, no log, no network.
//!
//! What is absent: a connector knows no case, names nothing in the log, and never fetches what a message refers to.

mod cloudevents;
mod facebook_page;
mod generic;
pub mod google_reviews;
mod happening;
mod hook;
mod hub;
mod instagram;
mod json;
mod letter;
mod line;
mod mailgun;
mod messenger;
mod multipart;
mod node;
mod postmark;
mod sendgrid;
mod signature;
mod slack;
pub mod speak;
pub mod split;
mod standard_webhooks;
mod telegram;
mod tiktok;
pub mod trustpilot;
mod twilio;
mod vk;
mod vonage;
mod wechat;
mod whatsapp_cloud;
mod wording;
mod words;
mod x;
mod xml;
pub mod youtube;

#[cfg(test)]
mod social_tests;
#[cfg(test)]
mod suite;

use std::collections::BTreeMap;

use http::StatusCode;
use secrecy::SecretString;

pub use happening::{Happening, Mail, Media, MediaSource, Message, Party, Receipt, Status};
pub use hook::Hook;

/// What an account's connector is told by policy.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What the channel wants to know, by name.
    pub settings: BTreeMap<String, String>,
    /// What nobody else may know, by name.
    pub secrets: BTreeMap<String, SecretString>,
}

/// How the webhooks of one platform are proved and read.
pub trait Connector: Send + Sync {
    /// As an account's `connector` names it.
    fn name(&self) -> &'static str;

    /// Names of the secrets without which nothing of it can be proved.
    fn secrets(&self) -> &'static [&'static str];

    /// Whether the platform sent this. MUST look at the bytes as they came, compare in constant time, and refuse what is
    /// older than the platform's own window, where it signs a time.
    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused>;

    /// What it says. Called only with what was verified. MUST NOT panic, and MUST be linear in the body. What is known and
    /// of no concern is [`Happening::Passed`]: nothing disappears without being counted.
    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed>;

    /// Where in a JSON body its events stand: paths of lists, `entry.changes`, through lists and objects alike; empty for
    /// the body itself. When a body cannot be read, its events are read one by one, each with what stands around the lists.
    /// None: an event is a call.
    fn lists(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where in a JSON body stands what nobody wrote: how far a message of ours came, faults of the platform. Beginnings of
    /// the paths of [`Malformed`], without the numbers in them: `entry[].statuses[]`. MUST name nothing beside which, in the
    /// same event, somebody's words may stand.
    fn notices(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether its calls carry files, a mail with all of its: then they may be much longer.
    fn carries_files(&self) -> bool {
        false
    }

    /// Whether a call tells something, and does not only ask for an answer: what is kept if it cannot be read. MUST be false
    /// for what anybody can call.
    fn tells(&self, hook: &Hook<'_>) -> bool {
        hook.method == http::Method::POST
    }

    /// What the platform wants to hear when nothing of a call could be read and it is kept.
    fn taken(&self) -> Answer {
        Answer::Taken
    }
}

/// What a call said, and what the platform is to be answered once it is durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// In the order of the call.
    pub happenings: Vec<Happening>,
    /// The answer.
    pub answer: Answer,
}

/// What a platform wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// That it was taken: 200 without a body.
    #[default]
    Taken,
    /// A text of this media type: the answer to a challenge, a document that a platform acts on.
    Text(&'static str, String),
}

/// Why a call is not believed. None of it repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What proves it is not there.
    #[error("{0} is missing: calls must be signed")]
    Unsigned(&'static str),
    /// What proves it comes twice, so that nobody knows which is meant.
    #[error("{0} comes twice: calls are signed once")]
    Twice(&'static str),
    /// What should prove it does not.
    #[error("the signature does not match: see that the account's secret is the platform's")]
    Signature,
    /// It proves what was sent at another time.
    #[error("it was signed too long ago, or in the future: set the sender's clock")]
    Stale,
    /// We cannot prove anything.
    #[error("the account has no secret `{0}`: add it to the policy, by reference")]
    NoSecret(&'static str),
    /// The secret cannot be one.
    #[error("the account's secret `{0}` has not the form that the platform gives it")]
    BadSecret(&'static str),
    /// The platform calls otherwise.
    #[error("the platform does not call with this method")]
    Method,
}

/// Why a call that is proved cannot be read: what is wrong, and where. Never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Malformed {
    /// Where, as a JSON path, an XML element, or a header; `body` for all of it.
    pub path: String,
    /// What it should be.
    pub what: String,
}

impl Malformed {
    /// What is wrong, and where.
    pub fn new(path: impl Into<String>, what: impl std::fmt::Display) -> Self {
        Self { path: path.into(), what: what.to_string() }
    }
}

impl Refused {
    /// The status that answers it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unsigned(_) | Self::Twice(_) | Self::Signature | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::NoSecret(_) | Self::BadSecret(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsigned(_) => "unsigned",
            Self::Twice(_) => "twice",
            Self::Signature => "signature",
            Self::Stale => "stale",
            Self::NoSecret(_) | Self::BadSecret(_) => "secret",
            Self::Method => "method",
        }
    }
}

impl Config {
    /// The secret of this name.
    pub fn secret(&self, name: &'static str) -> Result<&[u8], Refused> {
        use secrecy::ExposeSecret;
        let secret = self.secrets.get(name).ok_or(Refused::NoSecret(name))?;
        let secret = secret.expose_secret().as_bytes();
        if secret.is_empty() { Err(Refused::NoSecret(name)) } else { Ok(secret) }
    }

    /// The setting of this name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }
}

/// Every connector. To add one: its file, and its line here.
pub static ALL: &[&dyn Connector] = &[
    &cloudevents::CloudEvents,
    &facebook_page::FacebookPage,
    &google_reviews::GoogleReviews,
    &instagram::Instagram,
    &line::Line,
    &mailgun::Mailgun,
    &messenger::Messenger,
    &postmark::Postmark,
    &sendgrid::Sendgrid,
    &slack::Slack,
    &standard_webhooks::StandardWebhooks,
    &telegram::Telegram,
    &tiktok::Tiktok,
    &trustpilot::Trustpilot,
    &twilio::Twilio,
    &vk::Vk,
    &vonage::Vonage,
    &wechat::Wechat,
    &whatsapp_cloud::WhatsappCloud,
    &x::X,
    &youtube::Youtube,
];

/// Every connector that can send. To add one: its file in `speak`, and its line there.
pub static SPEAKERS: &[&dyn speak::Speaker] = speak::ALL;

/// How the connector of this name sends, if it can.
pub fn speaker(name: &str) -> Option<&'static dyn speak::Speaker> {
    SPEAKERS.iter().copied().find(|speaker| speaker.name() == name)
}

/// The connector of this name.
pub fn find(name: &str) -> Option<&'static dyn Connector> {
    ALL.iter().copied().find(|connector| connector.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply on a kind without a way out would be released, and wait for ever.
    #[test]
    fn where_replies_may_be_written_there_is_a_way_out() {
        let known = concat!(env!("CARGO_MANIFEST_DIR"), "/../../libs/domain/src/policy/channels.json");
        let known: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&std::fs::read(known).unwrap()).unwrap();
        let mut speak = 0;
        for (kind, fields) in known.iter().filter(|(_, fields)| fields["listen_only"] != true) {
            let connector = fields["connector"].as_str().unwrap();
            let way_out = ["mail", "web_chat"].contains(&connector) || speaker(connector).is_some();
            assert!(way_out, "{kind}: nothing sends by {connector}; mark it listen_only");
            speak += 1;
        }
        assert!(speak > 10, "{speak} kinds");
    }
}
