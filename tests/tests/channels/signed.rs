//! Calls as platforms sign them, by code of the tests alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::sync::OnceLock;

use axum::body::Body;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use crate::{accounts::Secrets, hooks::Platform};

/// What the accounts of the tests share with their platforms.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How Twilio calls the account of the tests, without a query.
pub const TWILIO_URL: &str = "https://care.brand.example/hooks/twilio";

/// The SubjectPublicKeyInfo of a P-256 key before the key itself.
const P256: &[u8] = b"3059301306072a8648ce3d020106082a8648ce3d030107034200";

/// A call at an account.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    /// A POST of this body.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        Self { method: Method::POST, query: String::new(), headers: Vec::new(), body: body.into() }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a parameter to the address.
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(&pair);
        self
    }

    /// What the site answers.
    pub async fn send(&self, platform: &Platform, account: &str) -> (StatusCode, String) {
        let path = match &*self.query {
            "" => account.to_owned(),
            query => format!("{account}?{query}"),
        };
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        platform.call(self.method.clone(), &path, &headers, Body::from(self.body.clone())).await
    }
}

/// The account of a connector as its table in TOML.
pub fn account(connector: &str, secrets: &Secrets) -> String {
    let key = public_key();
    let (channel, named): (_, &[(&str, &str)]) = match connector {
        "cloudevents" => ("community", &[("bearer", SECRET)]),
        "facebook_page" => ("facebook", &[("app_secret", SECRET), ("verify_token", SECRET)]),
        "line" => ("line", &[("channel_secret", SECRET)]),
        "mailgun" => ("email", &[("signing_key", SECRET)]),
        "postmark" => ("email", &[("token", SECRET)]),
        "sendgrid" => ("email", &[("token", SECRET), ("public_key", &key)]),
        "slack" => ("slack", &[("signing_secret", SECRET)]),
        "telegram" => ("telegram", &[("secret_token", SECRET)]),
        "tiktok" => ("tiktok", &[("client_secret", SECRET)]),
        "trustpilot" => ("trustpilot", &[("token", SECRET)]),
        "twilio" => ("sms", &[("auth_token", SECRET)]),
        "vk" => ("vk", &[("secret", SECRET)]),
        "whatsapp_cloud" => ("whatsapp", &[("app_secret", SECRET), ("verify_token", SECRET)]),
        "x" => ("x", &[("consumer_secret", SECRET)]),
        other => panic!("{other} has no account here"),
    };
    let settings: &[_] = if connector == "twilio" { &[("public_url", TWILIO_URL)] } else { &[] };
    table(&account_of(connector), channel, connector, settings, &secrets.all(connector, named))
}

/// How the account of a connector is called.
pub fn account_of(connector: &str) -> String {
    connector.replace('_', "-")
}

/// An account as its table in TOML, without what all of them have.
pub fn table(
    id: &str,
    channel: &str,
    connector: &str,
    settings: &[(&str, &str)],
    secrets: &[(String, String)],
) -> String {
    let mut text =
        format!("id = \"{id}\"\nchannel = \"{channel}\"\nconnector = \"{connector}\"\n[account.settings]\n");
    for (name, value) in settings {
        text.push_str(&format!("{name} = \"{value}\"\n"));
    }
    text.push_str("[account.secrets]\n");
    for (name, reference) in secrets {
        text.push_str(&format!("{name} = \"{reference}\"\n"));
    }
    text
}

/// The call of this connector, signed at this second.
pub fn signed(connector: &str, call: &Call, at: i64) -> Call {
    let time = at.to_string();
    let call = call.clone();
    match connector {
        "cloudevents" => call.with_header("authorization", &format!("Bearer {SECRET}")),
        "line" => {
            let mac = BASE64.encode(&hmac::<Hmac<Sha256>>(&[&call.body]));
            call.with_header("x-line-signature", &mac)
        }
        "mailgun" => mailgun(call, &time),
        "postmark" | "trustpilot" => call.with_parameter("token", SECRET),
        "sendgrid" if call.is_form_data() => call.with_parameter("token", SECRET),
        "sendgrid" => {
            let said = key().sign(&SystemRandom::new(), &[time.as_bytes(), &call.body].concat()).unwrap();
            call.with_header("x-twilio-email-event-webhook-signature", &BASE64.encode(said.as_ref()))
                .with_header("x-twilio-email-event-webhook-timestamp", &time)
        }
        "slack" => {
            let mac = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(&[b"v0:", time.as_bytes(), b":", &call.body]));
            call.with_header("x-slack-request-timestamp", &time)
                .with_header("x-slack-signature", &format!("v0={mac}"))
        }
        "telegram" => call.with_header("x-telegram-bot-api-secret-token", SECRET),
        "tiktok" => {
            let mac = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(&[time.as_bytes(), b".", &call.body]));
            call.with_header("tiktok-signature", &format!("t={time},s={mac}"))
        }
        "twilio" => {
            let mut pairs: Vec<_> = form_urlencoded::parse(&call.body).collect();
            pairs.sort();
            pairs.dedup();
            let form: String = pairs.iter().map(|(name, value)| format!("{name}{value}")).collect();
            let mac = BASE64.encode(&hmac::<Hmac<Sha1>>(&[TWILIO_URL.as_bytes(), form.as_bytes()]));
            call.with_header("x-twilio-signature", &mac)
        }
        "vk" => {
            // The proof is a field of the body.
            let mut body: Value = serde_json::from_slice(&call.body).unwrap();
            body["secret"] = SECRET.into();
            Call { body: body.to_string().into_bytes(), ..call }
        }
        "facebook_page" | "whatsapp_cloud" => {
            let mac = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(&[&call.body]));
            call.with_header("x-hub-signature-256", &format!("sha256={mac}"))
        }
        "x" => {
            let mac = BASE64.encode(&hmac::<Hmac<Sha256>>(&[&call.body]));
            call.with_header("x-twitter-webhooks-signature", &format!("sha256={mac}"))
        }
        other => panic!("nobody signs for {other}"),
    }
}

/// Mailgun's proof stands within the body, as JSON or as fields of the form.
fn mailgun(mut call: Call, time: &str) -> Call {
    let token = "a".repeat(50);
    let mac = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(&[time.as_bytes(), token.as_bytes()]));
    let kind = call.headers.iter().find(|(name, _)| name == "content-type");
    let kind = kind.map(|(_, value)| value.clone()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let mut body: Value = serde_json::from_slice(&call.body).unwrap();
        body["signature"] = json!({ "timestamp": time, "token": token, "signature": mac });
        call.body = body.to_string().into_bytes();
        return call;
    }
    let boundary = kind.split_once("boundary=").map(|(_, boundary)| boundary.trim_matches('"'));
    let fields = [("timestamp", time), ("token", &token), ("signature", &mac)].map(|(name, value)| {
        boundary.map_or_else(
            || format!("{name}={value}&"),
            |boundary| {
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            },
        )
    });
    call.body = [fields.concat().as_bytes(), &call.body].concat();
    call
}

impl Call {
    fn is_form_data(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("multipart/"))
    }
}

fn hmac<M: Mac + KeyInit>(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The key pair of the tests' SendGrid.
fn key() -> &'static EcdsaKeyPair {
    static KEY: OnceLock<EcdsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap()
    })
}

fn public_key() -> String {
    let prefix = HEXLOWER.decode(P256).unwrap();
    BASE64.encode(&[&prefix, key().public_key().as_ref()].concat())
}
