//! The connectors of messengers and social networks, tried on samples, published payloads, signatures and noise.

mod hostile;
mod published;
mod samples;
mod show;
mod signatures;

use std::path::PathBuf;

use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, HeaderValue, Method};

use super::{Config, Connector, Hook, Malformed, Refused, Said, find, signature};
use domain::time::Timestamp;

/// Those that are tried here.
const NAMES: &[&str] =
    &["facebook_page", "instagram", "line", "messenger", "slack", "telegram", "whatsapp_cloud", "x"];

const KEY: &str = "the secret of the samples";

/// A call as a platform makes it, with everything in one's own hands.
#[derive(Clone)]
struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    now: Timestamp,
}

impl Call {
    fn post(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            url: "https://dossier.example/hooks/account".to_owned(),
            headers: HeaderMap::new(),
            body: body.into(),
            now: now(),
        }
    }

    fn get(query: &str) -> Self {
        let url = format!("https://dossier.example/hooks/account?{query}");
        Self { method: Method::GET, url, ..Self::post("") }
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    /// Signed as the platform of this connector signs, with the secret of the samples.
    fn signed(self, connector: &str) -> Self {
        let mac = |parts: &[&[u8]]| signature::hmac_sha256(KEY.as_bytes(), parts);
        match connector {
            "facebook_page" | "instagram" | "messenger" | "whatsapp_cloud" => {
                let value = format!("sha256={}", HEXLOWER.encode(&mac(&[&self.body])));
                self.header("x-hub-signature-256", &value)
            }
            "x" => {
                let value = format!("sha256={}", BASE64.encode(&mac(&[&self.body])));
                self.header("x-twitter-webhooks-signature", &value)
            }
            "line" => {
                let value = BASE64.encode(&mac(&[&self.body]));
                self.header("x-line-signature", &value)
            }
            "telegram" => self.header("x-telegram-bot-api-secret-token", KEY),
            "slack" => {
                let time = (self.now.as_microsecond() / 1_000_000).to_string();
                let value = HEXLOWER.encode(&mac(&[b"v0:", time.as_bytes(), b":", &self.body]));
                self.header("x-slack-request-timestamp", &time)
                    .header("x-slack-signature", &format!("v0={value}"))
            }
            other => panic!("{other} is not tried here"),
        }
    }

    fn hook(&self) -> Hook<'_> {
        let Self { method, url, headers, body, now } = self;
        Hook { method, url, headers, body, now: *now }
    }

    fn verify(&self, connector: &str, config: &Config) -> Result<(), Refused> {
        connect(connector).verify(&self.hook(), config)
    }

    fn read(&self, connector: &str, config: &Config) -> Result<Said, Malformed> {
        connect(connector).read(&self.hook(), config)
    }
}

fn connect(name: &str) -> &'static dyn Connector {
    find(name).unwrap_or_else(|| panic!("no connector {name}"))
}

/// An account with one secret in all places, and with settings.
fn config(secret: &str, settings: &[(&str, &str)]) -> Config {
    let secrets = NAMES.iter().flat_map(|name| connect(name).secrets());
    Config {
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        secrets: secrets.map(|name| ((*name).to_owned(), secret.to_owned().into())).collect(),
    }
}

/// When every call comes in, unless a test says otherwise.
fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// A file of the real inputs, if there are any here.
fn real(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without {name}");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "DOSSIER_REAL_DATA is set and {} is not there", path.display());
    Some(path)
}
