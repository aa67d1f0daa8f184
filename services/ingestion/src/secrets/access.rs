//! Access tokens that end, got with a refresh token that does not (RFC 6749, 6).
//!
//! An account with the secret `refresh_token` and the setting `client_id` (and the secret `client_secret`, where the platform
//! wants one) needs no `access_token`: it is got at `oauth_url`, kept in memory until shortly before its end, and stands with
//! the account's secrets as if policy had named it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, OnceLock, PoisonError},
};

use domain::time::Timestamp;
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Secrets;
use crate::{
    asking::{http::Client, settings::private_addresses},
    channels::{Config, speak::Call},
};

/// The secret that is made.
const ACCESS: &str = "access_token";
/// The secret that it is made of.
const REFRESH: &str = "refresh_token";
/// The secret of our application.
const CLIENT_SECRET: &str = "client_secret";
/// The setting with the name of our application.
const CLIENT_ID: &str = "client_id";
/// The setting with the address that gives tokens, where it is another one than the platform's.
const OAUTH_URL: &str = "oauth_url";
/// Where Google gives tokens.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";
/// The connectors of Google's.
const OF_GOOGLE: [&str; 2] = ["google_reviews", "youtube"];
/// A token is not used any more so long before its end, in seconds.
const MARGIN_S: i64 = 60;
/// How long a token is good if nobody says it, and how long at most, in seconds.
const GOOD_S: (i64, i64) = (300, 24 * 60 * 60);
/// Tokens that are kept.
const KEPT_MAX: usize = 10_000;
/// The longest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// What a server may say of why it gives none (RFC 6749, 5.2).
const REASONS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// The secret that is made of those that policy names.
pub(crate) fn made_of<T>(secrets: &BTreeMap<String, T>) -> Option<&'static str> {
    secrets.contains_key(REFRESH).then_some(ACCESS)
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAccess {
    /// The account lacks a setting.
    #[error("setting {0}: missing; a secret {REFRESH} needs it")]
    NoSetting(&'static str),
    /// The server said why.
    #[error(
        "no access token: {0}; see {CLIENT_ID}, {CLIENT_SECRET} and {REFRESH}, or authorise the application again"
    )]
    Refused(&'static str),
    /// It did not.
    #[error("no access token: {0}")]
    Failed(String),
}

/// Tokens that are good.
#[derive(Default)]
pub(super) struct Tokens {
    client: OnceLock<Option<Client>>,
    kept: Mutex<HashMap<String, (SecretString, Timestamp)>>,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Said {
    error: String,
}

impl Secrets {
    /// Puts an access token to the secrets of an account of this connector, if it has what gets one.
    pub(crate) async fn fill(
        &self,
        connector: Option<&str>,
        config: &mut Config,
        now: Timestamp,
    ) -> Result<(), NoAccess> {
        let Some(refresh) = config.secrets.get(REFRESH).cloned() else { return Ok(()) };
        let key = key(config, &refresh);
        let kept = self.tokens.kept().get(&key).filter(|(_, until)| *until > now).cloned();
        let token = match kept {
            Some((token, _)) => token,
            None => {
                let given = self.get(connector, config, &refresh).await?;
                let good_s = given.expires_in.unwrap_or(GOOD_S.0).clamp(MARGIN_S, GOOD_S.1);
                let mut kept = self.tokens.kept();
                if kept.len() >= KEPT_MAX {
                    kept.clear();
                }
                let token = SecretString::from(given.access_token);
                kept.insert(key, (token.clone(), now.plus_seconds(good_s - MARGIN_S)));
                token
            }
        };
        config.secrets.insert(ACCESS.to_owned(), token);
        Ok(())
    }

    /// The platform takes the access token no more: another one is got the next time. Whether there can be one.
    pub(crate) fn renew(&self, config: &mut Config) -> bool {
        let Some(refresh) = config.secrets.get(REFRESH).cloned() else { return false };
        let ended = config.secrets.remove(ACCESS);
        let mut kept = self.tokens.kept();
        let key = key(config, &refresh);
        // Somebody else may have got another one meanwhile: that one is good.
        let is_same = |(token, _): &(SecretString, Timestamp)| {
            ended.as_ref().is_none_or(|ended| ended.expose_secret() == token.expose_secret())
        };
        if kept.get(&key).is_some_and(is_same) {
            kept.remove(&key);
        }
        true
    }

    async fn get(
        &self,
        connector: Option<&str>,
        config: &Config,
        refresh: &SecretString,
    ) -> Result<Given, NoAccess> {
        let default = connector.filter(|name| OF_GOOGLE.contains(name)).map(|_| GOOGLE);
        let url = config.setting(OAUTH_URL).or(default).ok_or(NoAccess::NoSetting(OAUTH_URL))?;
        let client_id = config.setting(CLIENT_ID).ok_or(NoAccess::NoSetting(CLIENT_ID))?;
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("refresh_token", refresh.expose_secret()),
        ];
        if let Some(secret) = config.secrets.get(CLIENT_SECRET) {
            fields.push(("client_secret", secret.expose_secret()));
        }
        let failed = |what: &dyn std::fmt::Display| NoAccess::Failed(what.to_string());
        let client = self.tokens.client.get_or_init(|| Client::new().ok()).as_ref();
        let client = client.ok_or_else(|| failed(&"HTTPS cannot be set up"))?;
        let private = private_addresses(&config.settings);
        let answer = client.call(Call::form(url.to_owned(), &fields), private, ANSWER_MAX).await;
        let answer = answer.map_err(|broke| failed(&broke.failure))?;
        if answer.status == StatusCode::OK {
            return serde_json::from_slice(&answer.body).map_err(|_| failed(&"the answer holds none"));
        }
        let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
        let reason = said.and_then(|said| REASONS.into_iter().find(|reason| *reason == said.error));
        Err(reason.map_or_else(
            || failed(&format_args!("the server answered with status {}", answer.status.as_u16())),
            NoAccess::Refused,
        ))
    }
}

impl Tokens {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, (SecretString, Timestamp)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells a token from all others: with what it is got.
fn key(config: &Config, refresh: &SecretString) -> String {
    let mut digest = Sha256::new();
    for part in [config.setting(OAUTH_URL), config.setting(CLIENT_ID), Some(refresh.expose_secret())] {
        let part = part.unwrap_or_default();
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    data_encoding::HEXLOWER.encode(&digest.finalize())
}
