//! The connectors through their interface alone: published vectors and payloads, own samples, and what nobody ought to send.

mod hostile;
mod parsers;
mod proofs;
mod published;
mod safe_mode;
mod samples;
mod show;
mod sign;
mod vectors;

use std::path::PathBuf;

use domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::SecretString;

use super::{Config, Connector, Hook, Malformed, Refused, Said, find};

/// The connectors that this suite is about.
const NAMES: [&str; 13] = [
    "cloudevents",
    "google_reviews",
    "mailgun",
    "postmark",
    "sendgrid",
    "standard_webhooks",
    "tiktok",
    "trustpilot",
    "twilio",
    "vk",
    "vonage",
    "wechat",
    "youtube",
];

/// When the calls of this suite come in, unless they say otherwise.
const NOW: &str = "2026-11-27T12:00:00Z";

/// A call that owns what a [`Hook`] borrows.
#[derive(Clone, Debug)]
struct Call {
    connector: &'static str,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
    config: Config,
}

impl Call {
    /// A POST of this body.
    fn new(connector: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            connector,
            method: Method::POST,
            url: format!("https://care.example/hooks/{connector}"),
            headers: HeaderMap::new(),
            body: body.into(),
            now: NOW.parse().unwrap(),
            config: Config::default(),
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.header(name, value);
        self
    }

    fn secret(&mut self, name: &str, value: &str) {
        self.config.secrets.insert(name.to_owned(), SecretString::from(value.to_owned()));
    }

    fn with_secret(mut self, name: &str, value: &str) -> Self {
        self.secret(name, value);
        self
    }

    /// Adds a parameter to the address.
    fn parameter(&mut self, name: &str, value: &str) {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(&form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish());
    }

    fn seconds(&self) -> i64 {
        self.now.as_microsecond() / 1_000_000
    }

    fn connector(&self) -> &'static dyn Connector {
        find(self.connector).unwrap_or_else(|| panic!("{} is not registered", self.connector))
    }

    fn hook(&self) -> Hook<'_> {
        Hook { method: &self.method, url: &self.url, headers: &self.headers, body: &self.body, now: self.now }
    }

    fn verify(&self) -> Result<(), Refused> {
        self.connector().verify(&self.hook(), &self.config)
    }

    fn read(&self) -> Result<Said, Malformed> {
        self.connector().read(&self.hook(), &self.config)
    }
}

/// The published data, if this machine has it. Set but missing is a failure.
fn real() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        eprintln!("DOSSIER_REAL_DATA is not set: going on without published data");
        return None;
    };
    let folder = PathBuf::from(folder).join("webhooks");
    assert!(folder.is_dir(), "{} is not there", folder.display());
    Some(folder)
}

#[test]
fn all_are_registered_under_names_of_their_own() {
    let mut names: Vec<_> = super::ALL.iter().map(|connector| connector.name()).collect();
    for name in NAMES {
        assert_eq!(find(name).map(Connector::name), Some(name));
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is there twice");
}
