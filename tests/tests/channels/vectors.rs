//! Published signatures by real HTTP, each at an account with its own secret and at its own time: the right ones are taken,
//! and whatever differs from them is refused, counted, and writes nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeMap, fs};

use domain::time::Timestamp;
use http::{Method, StatusCode};
use proto::ingestion::v1::ListDeadLettersRequest;
use serde_json::Value;
use service::clock::ManualClock;
use tests::{
    faults::{Chance, seed},
    real_data,
};

use crate::{
    accounts::{Secrets, all_taken, ledger, with_accounts_at},
    hooks::Platform,
    payloads::twilio_form,
    signed::{Call, table},
};

/// When those are tried that sign no time.
const NOW_S: i64 = 1_790_000_000;
/// Longer than the window of any platform, in seconds.
const STALE_S: i64 = 2 * 24 * 60 * 60;
/// Bytes of a body that are changed, one in each call.
const CHANGED_MAX: u64 = 24;
/// Of the scheme of SendGrid's events: a key of somebody else's.
const OTHER_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==";

/// A published signature as a call at one connector.
struct Vector {
    scheme: String,
    connector: &'static str,
    /// The secret that it is of, and others that the account needs.
    secrets: Vec<(&'static str, String)>,
    settings: Vec<(&'static str, String)>,
    call: Call,
    /// When it was signed, if that is signed too.
    at: Option<i64>,
    valid: bool,
    /// Where its signature stands: this header, or this parameter.
    proof: &'static str,
    /// Whether a right one tells something that can be read: some are signed and say nothing, and are kept as dead letters.
    tells: bool,
}

fn text(vector: &Value, key: &str) -> String {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {}", vector["scheme"])).to_owned()
}

/// The vector at each connector whose platform signs so.
fn calls(vector: &Value) -> Vec<Vector> {
    let get = |key: &str| text(vector, key);
    let post = || Call::post(get("body")).with_header("content-type", "application/json");
    let of = |connector, secret, proof, call: Call| {
        let names = ["secret", "token", "public_key"];
        let shared = names.iter().find_map(|name| vector[name].as_str()).unwrap();
        Vector {
            scheme: get("scheme"),
            connector,
            secrets: vec![(secret, shared.to_owned())],
            settings: Vec::new(),
            call,
            at: vector["timestamp"].as_str().map(|at| at.parse().unwrap()),
            valid: vector["valid"].as_bool().unwrap(),
            proof,
            tells: true,
        }
    };
    match &*get("scheme") {
        "twilio-request-hmac-sha1" => {
            let (header, form) = ("x-twilio-signature", twilio_form(&vector["params"]));
            let (url, query) = vector["url"].as_str().unwrap().split_once('?').unwrap();
            let call = Call::post(form)
                .with_header("content-type", "application/x-www-form-urlencoded")
                .with_header(header, &get("signature"));
            let tells = vector["params"]["CallSid"].is_string();
            vec![Vector {
                settings: vec![("public_url", url.to_owned())],
                tells,
                ..of("twilio", "auth_token", header, Call { query: query.to_owned(), ..call })
            }]
        }
        "meta-x-hub-signature-256" => ["whatsapp_cloud", "messenger", "facebook_page", "instagram"]
            .into_iter()
            .map(|connector| {
                let header = "x-hub-signature-256";
                of(connector, "app_secret", header, post().with_header(header, &get("signature")))
            })
            .collect(),
        "line-hmac-sha256-base64" => {
            let header = "x-line-signature";
            let call = post().with_header(header, &get("signature"));
            vec![Vector { tells: false, ..of("line", "channel_secret", header, call) }]
        }
        "slack-v0" => {
            let header = "x-slack-signature";
            let call = Call::post(get("body"))
                .with_header("content-type", "application/x-www-form-urlencoded")
                .with_header("x-slack-request-timestamp", &get("timestamp"))
                .with_header(header, &get("signature"));
            vec![of("slack", "signing_secret", header, call)]
        }
        "standard-webhooks" => {
            let header = "webhook-signature";
            let call = post()
                .with_header("webhook-id", &get("id"))
                .with_header("webhook-timestamp", &get("timestamp"))
                .with_header(header, &get("signature"));
            vec![Vector { tells: false, ..of("standard_webhooks", "secret", header, call) }]
        }
        "wechat-sha1-sorted" => {
            let call = Call { method: Method::GET, ..Call::post("") }
                .with_parameter("timestamp", &get("timestamp"))
                .with_parameter("nonce", &get("nonce"))
                .with_parameter("echostr", "5431")
                .with_parameter("signature", &get("signature"));
            vec![of("wechat", "token", "signature", call)]
        }
        "wechat-msg-signature-aes" => {
            let body = format!("<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>", get("encrypt"));
            let call = Call::post(body)
                .with_header("content-type", "text/xml")
                .with_parameter("timestamp", &get("timestamp"))
                .with_parameter("nonce", &get("nonce"))
                .with_parameter("msg_signature", &get("signature"));
            let mut vector = of("wechat", "token", "msg_signature", call);
            vector.secrets.push(("encoding_aes_key", get("encoding_aes_key")));
            vector.settings.push(("app_id", get("app_id")));
            vec![vector]
        }
        "vonage-jwt-hs256" => {
            let header = "authorization";
            let call = Call::post("").with_header(header, &format!("Bearer {}", get("token")));
            vec![Vector { tells: false, ..of("vonage", "signature_secret", header, call) }]
        }
        "sendgrid-ecdsa-p256-sha256" => {
            let header = "x-twilio-email-event-webhook-signature";
            let call = post()
                .with_header("x-twilio-email-event-webhook-timestamp", &get("timestamp"))
                .with_header(header, &get("signature"));
            vec![of("sendgrid", "public_key", header, call)]
        }
        other => panic!("{other}: which connector is it for?"),
    }
}

impl Vector {
    /// Its account, or one that shares another secret with the platform.
    fn account(&self, id: &str, secrets: &Secrets, right: bool) -> String {
        let shared: Vec<_> = self
            .secrets
            .iter()
            .enumerate()
            .map(|(index, (name, value))| match (right || index > 0, self.connector) {
                (true, _) => (*name, &**value),
                (false, "standard_webhooks") => (*name, "whsec_YW5vdGhlcg=="),
                (false, "sendgrid") => (*name, OTHER_KEY),
                (false, _) => (*name, "another"),
            })
            .collect();
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, &**value)).collect();
        table(id, "community", self.connector, &settings, &secrets.all(id, &shared))
    }

    /// The call with something in it changed.
    fn tampered(&self, chance: &mut Chance) -> Vec<Call> {
        let mut calls = Vec::new();
        let len = self.call.body.len() as u64;
        for _ in 0..CHANGED_MAX.min(len) {
            let mut call = self.call.clone();
            call.body[chance.below(len) as usize] ^= 1;
            calls.push(call);
        }
        if len == 0 && self.call.method == Method::POST {
            calls.push(Call { body: b"{}".to_vec(), ..self.call.clone() });
        }
        // The middle of it: the last character of base64 may have bits that say nothing.
        let changed = |value: &str| {
            let mut text = value.to_owned().into_bytes();
            let middle = text.len() / 2;
            text[middle] = if text[middle] == b'A' { b'B' } else { b'A' };
            String::from_utf8(text).unwrap()
        };
        let mut call = self.call.clone();
        match call.headers.iter_mut().find(|(name, _)| name == self.proof) {
            Some((_, value)) => *value = changed(value),
            None => {
                let start = call.query.find(&format!("&{}=", self.proof)).unwrap() + self.proof.len() + 2;
                call.query = format!("{}{}", &call.query[..start], changed(&call.query[start..]));
            }
        }
        calls.push(call);
        for (name, other) in [("foo=1", "foo=2"), ("nonce=", "nonce=1"), ("timestamp=1", "timestamp=2")] {
            if self.call.query.contains(name) {
                calls.push(Call { query: self.call.query.replacen(name, other, 1), ..self.call.clone() });
            }
        }
        let mut unsigned = self.call.clone();
        unsigned.headers.retain(|(name, _)| name != self.proof);
        if unsigned.headers.len() < self.call.headers.len() {
            calls.push(unsigned);
        }
        calls
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(seconds * 1_000_000).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_signatures_are_believed_and_nothing_that_differs() {
    let Some(file) = real_data::path("webhooks/signature_vectors.json") else { return };
    let published: Vec<Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut vectors: Vec<_> = published.iter().flat_map(calls).collect();
    // The clock goes forward only, and on from a right one.
    vectors.sort_by_key(|vector| (vector.at.unwrap_or(NOW_S), vector.valid));
    let mut chance = Chance::new(seed(), 0);
    let secrets = Secrets::new();
    let mut accounts = Vec::new();
    for (index, vector) in vectors.iter().enumerate() {
        accounts.push(vector.account(&format!("v{index}"), &secrets, true));
        accounts.push(vector.account(&format!("w{index}"), &secrets, false));
    }
    let clock = ManualClock::new(at(vectors[0].at.unwrap()));
    let accounts: Vec<_> = accounts.iter().map(String::as_str).collect();
    let world = with_accounts_at(std::sync::Arc::new(clock.clone()), &accounts).await;
    let platform = Platform::of(&world);
    let mut refused = BTreeMap::<String, u64>::new();
    let mut expect = async |account: String, call: &Call, expected: StatusCode, what: &str| {
        let (status, text) = call.send(&platform, &account).await;
        assert_eq!(status, expected, "{what}: {text}: {call:?}");
        *refused.entry(account).or_default() += u64::from(!status.is_success());
        text
    };
    let no = StatusCode::UNAUTHORIZED;
    let mut believed = BTreeMap::<&str, (u64, u64)>::new();
    let mut told_nothing = 0;
    let mut unread = BTreeMap::<String, u64>::new();
    for (index, vector) in vectors.iter().enumerate() {
        let (own, other) = (format!("v{index}"), format!("w{index}"));
        clock.set(at(vector.at.unwrap_or(NOW_S)));
        let before = world.log_entries(&["message"]).await.len();
        let what = &*vector.scheme;
        let (right, wrong) = believed.entry(vector.connector).or_default();
        if !vector.valid {
            *wrong += 1;
            expect(own, &vector.call, no, what).await;
            continue;
        }
        for call in vector.tampered(&mut chance) {
            expect(own.clone(), &call, no, what).await;
        }
        expect(other, &vector.call, no, what).await;
        assert_eq!(
            world.log_entries(&["message"]).await.len(),
            before,
            "{what}: what is refused writes nothing"
        );
        *right += 1;
        let text = expect(own.clone(), &vector.call, StatusCode::OK, what).await;
        if !vector.tells {
            told_nothing += 1;
            unread.entry(own.clone()).and_modify(|of| *of += 1).or_insert(1);
        }
        if what == "wechat-sha1-sorted" {
            assert_eq!(text, "5431", "the handshake is answered");
        }
        // Vectors of one time stand together: the clock moves on after the last of them.
        let last = vectors.get(index + 1).is_none_or(|next| next.at != vector.at);
        if let Some(signed_at) = vector.at.filter(|_| last) {
            clock.set(at(signed_at + STALE_S));
            expect(own, &vector.call, no, "stale").await;
        }
    }
    let all: u64 = refused.values().sum();
    let sums = ledger(&world).await;
    for (account, of) in &refused {
        let kept = unread.get(account).copied().unwrap_or_default();
        assert_eq!(sums[account].rejected, *of + kept, "{account} of {}", vectors.len());
    }
    assert_eq!(sums.values().map(|of| of.rejected).sum::<u64>(), all + told_nothing);
    let request = ListDeadLettersRequest { page_size: 200, ..Default::default() };
    let letters = world.administrator().dead_letters.list_dead_letters(request).await.unwrap().into_inner();
    let mut kept = BTreeMap::<String, u64>::new();
    for letter in letters.dead_letters {
        *kept.entry(letter.account).or_default() += 1;
    }
    assert_eq!(kept, unread, "each that can be proved and not read is kept, and no other");
    println!("connector: right ones believed, wrong ones refused: {believed:?}");
    println!("{} published signatures are {} calls;", published.len(), vectors.len());
    println!(
        "{all} altered or late ones are refused and counted, {told_nothing} right ones tell nothing and are kept"
    );
    assert!(vectors.iter().any(|vector| vector.valid) && vectors.iter().any(|vector| !vector.valid));
    assert_ne!(all_taken(&world).await, "", "two of them are messages");
    let accepted: Vec<_> = sums.iter().filter(|(_, of)| of.accepted > 0).collect();
    println!("messages: {accepted:?}");
    world.end().await;
}
