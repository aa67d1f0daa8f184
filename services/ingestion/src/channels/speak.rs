//! Replies out: what a platform's API is called with, and what its answer means. Functions, as the way in.
//!
//! The caller writes its intention into the log before each call and the answer after it; what is left between them is
//! unclear, and [`Promise`] says what may be done then.
//!
//! Secrets stand in headers that nobody may see. Where a platform wants one in the address or in the body (`telegram`,
//! `wechat`, `vk`), it stands there: nothing prints the address or the body of a [`Call`].
//!
//! What is absent: no clock, no network, no log. What a speaker does not know for certain, it calls unclear.

mod address;
mod answer;
mod cloudevents;
mod facebook_page;
mod form_data;
mod google_reviews;
mod graph;
mod instagram;
mod line;
mod messenger;
mod need;
mod slack;
mod standard_webhooks;
mod telegram;
#[cfg(test)]
mod tests;
mod trustpilot;
mod twilio;
mod vk;
mod vonage;
mod wechat;
mod whatsapp_cloud;
mod x;
mod youtube;

use std::fmt;

use domain::{
    delivery::{Failure, Rejection},
    ids::{IdempotencyKey, ReplyId},
    time::Timestamp,
};
use http::{HeaderMap, Method, StatusCode};
use secrecy::SecretString;

use super::{Config, Refused};
pub(crate) use address::{address, with_query};

/// The setting with the address of the platform's API, without a path: another region, a gateway, a test.
pub const BASE_URL: &str = "base_url";

/// For how long a platform that knows keys is trusted to know one, unless it says otherwise, in seconds.
const KEY_KNOWN_S: i64 = 24 * 3_600;

/// Every connector that can send.
pub(super) static ALL: &[&dyn Speaker] = &[
    &cloudevents::CloudEvents,
    &facebook_page::FacebookPage,
    &google_reviews::GoogleReviews,
    &instagram::Instagram,
    &line::Line,
    &messenger::Messenger,
    &slack::Slack,
    &standard_webhooks::StandardWebhooks,
    &telegram::Telegram,
    &trustpilot::Trustpilot,
    &twilio::Twilio,
    &vk::Vk,
    &vonage::Vonage,
    &wechat::Wechat,
    &whatsapp_cloud::WhatsappCloud,
    &x::X,
    &youtube::Youtube,
];

/// A message on its way out. What it says fits the channel: it was counted and split before.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// What the channel calls the customer.
    pub to: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Its subject, where the channel has subjects.
    pub subject: Option<&'a str>,
    /// What the channel calls the message that it answers.
    pub reply_to: Option<&'a str>,
    /// What the channel calls the first message of its thread.
    pub thread: Option<&'a str>,
    /// Whether everybody is to read it.
    pub public: bool,
    /// The platform's word for why it may be said outside of the reply window.
    pub tag: Option<&'a str>,
    /// The name of a text that the platform approved, which is sent instead.
    pub template: Option<&'a str>,
    /// The language of that text.
    pub language: Option<&'a str>,
    /// What is put into that text, in order.
    pub parameters: &'a [String],
    /// What is put into it by name.
    pub named: &'a [(String, String)],
    /// What goes with it: at most as much as [`Speaker::files`] says.
    pub files: &'a [File],
    /// The same at every attempt, and of no other message: a UUID.
    pub key: &'a str,
    /// The reply that it is of.
    pub reply: ReplyId,
    /// Before this, no attempt was made.
    pub since: Timestamp,
    /// When this call is made; signatures cover it.
    pub at: Timestamp,
}

impl Outgoing<'_> {
    /// What we want to hear again with what the platform reports of it, where it repeats such a word.
    pub fn word(&self) -> String {
        format!("{}/{}", self.reply, self.key)
    }
}

/// The reply and the key that such a word is of, if it is one.
pub fn of_word(word: &str) -> Option<(ReplyId, IdempotencyKey)> {
    let (reply, key) = word.split_once('/')?;
    Some((reply.parse().ok()?, key.parse().ok()?))
}

/// A file on its way out.
pub struct File {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What is in it.
    pub content: bytes::Bytes,
    /// What the platform calls it, where it was brought there before the message.
    pub uploaded: Option<String>,
}

/// Which files a platform takes with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// None: it has none, or fetches them from a public address, which we do not give.
    None,
    /// Each as a message of its own, without words.
    Each,
    /// All of them with the words.
    Together,
}

/// A call at a platform's API.
pub struct Call {
    /// GET, POST or PUT.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Headers that anybody may see.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that nobody may see.
    pub secret_headers: Vec<(&'static str, SecretString)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What may be done when it is unclear whether the platform took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It knows [`Outgoing::key`]: to send it again is to send it once.
    Key,
    /// It can be asked what it has.
    Ask,
    /// Neither: a person decides.
    Nothing,
}

/// What a platform's answer to a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It has it.
    Sent {
        /// What the channel calls it, if it says so.
        external_id: Option<String>,
    },
    /// It has it not, and may take it later.
    Later {
        /// Why.
        reason: Failure,
        /// After how many seconds, if it says so.
        after_s: Option<u64>,
    },
    /// It will not take it.
    Never {
        /// Why.
        reason: Rejection,
        /// The platform's own code.
        code: Option<String>,
    },
    /// It may have it, or not.
    Unclear,
}

/// What a platform says of a message that it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It has it.
    Has {
        /// What the channel calls it, if it says so.
        external_id: Option<String>,
    },
    /// It has it not.
    HasNot,
    /// It does not say.
    Nothing,
}

/// Why a message cannot be made into a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// The account lacks a secret.
    #[error(transparent)]
    Secret(#[from] Refused),
    /// The account lacks a setting.
    #[error("the account has no setting `{0}`: add it to the policy")]
    NoSetting(&'static str),
    /// The channel cannot do that.
    #[error("the channel cannot do that: {0}")]
    Unsupported(&'static str),
    /// The channel does not take this file, or not here.
    #[error("the channel does not take the file: {0}")]
    File(&'static str),
}

/// How replies go out on one platform.
pub trait Speaker: Send + Sync {
    /// As an account's `connector` names it.
    fn name(&self) -> &'static str;

    /// Where its API is, unless the account's `base_url` says otherwise. Empty: only the account knows.
    fn base_url(&self) -> &'static str;

    /// What may be done when an outcome is unclear.
    fn promise(&self) -> Promise;

    /// For how long it knows a key, in seconds; of those that know keys.
    fn key_known_s(&self) -> i64 {
        KEY_KNOWN_S
    }

    /// Which files it takes with a message.
    fn files(&self) -> Files {
        Files::None
    }

    /// The call that brings a file to the platform before the message that names it; of those that want that. It shows nobody
    /// anything: it may be made again.
    fn upload(
        &self,
        _message: &Outgoing<'_>,
        _file: &File,
        _config: &Config,
    ) -> Option<Result<Call, Unsayable>> {
        None
    }

    /// What the platform calls a file that was brought there, or why it was not taken.
    fn uploaded(&self, _status: StatusCode, _headers: &HeaderMap, _body: &[u8]) -> Result<String, Answered> {
        Err(Answered::Unclear)
    }

    /// The call that sends a message. MUST look first for what the account needs, and then at the message: so it can be told
    /// whether an account is complete.
    fn say(&self, message: &Outgoing<'_>, config: &Config) -> Result<Call, Unsayable>;

    /// What the answer means. MUST be [`Answered::Unclear`] where the platform may have the message.
    fn answered(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Answered;

    /// What the channel calls a message that it took without saying so, where that follows from what is answered: so that its
    /// echo is known.
    fn named(&self, _message: &Outgoing<'_>) -> Option<String> {
        None
    }

    /// The call that asks whether the platform has a message; of those that can be asked.
    fn ask(&self, _message: &Outgoing<'_>, _config: &Config) -> Option<Result<Call, Unsayable>> {
        None
    }

    /// What the answer to that says.
    fn told(&self, _message: &Outgoing<'_>, _status: StatusCode, _body: &[u8]) -> Told {
        Told::Nothing
    }
}

impl Config {
    /// The address of the platform's API, without a slash at its end.
    pub fn base_url<'a>(&'a self, speaker: &'a dyn Speaker) -> &'a str {
        self.setting(BASE_URL).unwrap_or_else(|| speaker.base_url()).trim_end_matches('/')
    }

    /// A setting without which nothing can be said.
    pub fn needed(&self, name: &'static str) -> Result<&str, Unsayable> {
        self.setting(name).filter(|value| !value.is_empty()).ok_or(Unsayable::NoSetting(name))
    }

    /// A secret that is shown as it is: in a header, in an address.
    pub fn token(&self, name: &'static str) -> Result<&str, Unsayable> {
        let token = std::str::from_utf8(self.secret(name)?).map_err(|_| Refused::BadSecret(name))?;
        let shown = token.bytes().all(|byte| byte.is_ascii_graphic());
        if shown { Ok(token) } else { Err(Refused::BadSecret(name).into()) }
    }
}

impl Call {
    /// A POST of JSON.
    pub fn json(url: String, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { method: Method::POST, url, headers, secret_headers: Vec::new(), body: body.to_string().into() }
    }

    /// A POST of a form.
    pub fn form(url: String, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Self { method: Method::POST, url, headers, secret_headers: Vec::new(), body: body.into() }
    }

    /// A GET.
    pub fn get(url: String) -> Self {
        let (headers, secret_headers) = (Vec::new(), Vec::new());
        Self { method: Method::GET, url, headers, secret_headers, body: Vec::new() }
    }

    /// The same for whoever bears this token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.with_secret("authorization", format!("Bearer {token}"))
    }

    /// The same for this user with this password.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let both = data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes());
        self.with_secret("authorization", format!("Basic {both}"))
    }

    /// The same by another method.
    #[must_use]
    pub fn by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same with a header that nobody may see.
    #[must_use]
    pub fn with_secret(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.secret_headers.push((name, value.into()));
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Neither words nor people nor secrets.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}
