//! Signatures that others published, through `verify`: the right ones are believed, and nothing that differs from them.

use std::fs;

use domain::time::Timestamp;
use http::Method;
use serde_json::Value;

use super::{Call, real};
use crate::channels::{Refused, find};

/// One published signature, with the call that carries it.
struct Vector {
    scheme: String,
    call: Call,
    valid: bool,
    note: String,
}

fn at(seconds: &Value) -> Timestamp {
    let seconds: i64 = seconds.as_str().unwrap().parse().unwrap();
    Timestamp::from_microsecond(seconds * 1_000_000).unwrap()
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {}", vector["scheme"]))
}

fn twilio(vector: &Value) -> Call {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for (name, value) in vector["params"].as_object().unwrap() {
        match value {
            Value::Array(values) => {
                for value in values {
                    body.append_pair(name, value.as_str().unwrap());
                }
            }
            value => {
                body.append_pair(name, value.as_str().unwrap());
            }
        }
    }
    let mut call = Call::new("twilio", body.finish())
        .with_secret("auth_token", text(vector, "secret"))
        .with_header("x-twilio-signature", text(vector, "signature"));
    text(vector, "url").clone_into(&mut call.url);
    call
}

/// The vector as a call, if its scheme is one of this suite's connectors.
fn vector(vector: &Value) -> Option<Vector> {
    let scheme = text(vector, "scheme");
    let call = match scheme {
        "twilio-request-hmac-sha1" => twilio(vector),
        "standard-webhooks" => Call {
            now: at(&vector["timestamp"]),
            ..Call::new("standard_webhooks", text(vector, "body"))
                .with_secret("secret", text(vector, "secret"))
                .with_header("webhook-id", text(vector, "id"))
                .with_header("webhook-timestamp", text(vector, "timestamp"))
                .with_header("webhook-signature", text(vector, "signature"))
        },
        "wechat-sha1-sorted" | "wechat-msg-signature-aes" => wechat(vector),
        "vonage-jwt-hs256" => Call::new("vonage", "")
            .with_secret("signature_secret", text(vector, "secret"))
            .with_header("authorization", &format!("Bearer {}", text(vector, "token"))),
        "sendgrid-ecdsa-p256-sha256" => Call {
            now: at(&vector["timestamp"]),
            ..Call::new("sendgrid", text(vector, "body"))
                .with_secret("public_key", text(vector, "public_key"))
                .with_header("x-twilio-email-event-webhook-signature", text(vector, "signature"))
                .with_header("x-twilio-email-event-webhook-timestamp", text(vector, "timestamp"))
        },
        // Another connector's.
        _ => return None,
    };
    let note = vector["note"].as_str().unwrap_or_default().to_owned();
    Some(Vector { scheme: scheme.to_owned(), call, valid: vector["valid"].as_bool().unwrap(), note })
}

fn wechat(vector: &Value) -> Call {
    let mut call = Call { now: at(&vector["timestamp"]), ..Call::new("wechat", "") };
    call.parameter("timestamp", text(vector, "timestamp"));
    call.parameter("nonce", text(vector, "nonce"));
    if vector["encrypt"].is_null() {
        call.secret("token", text(vector, "secret"));
        call.method = Method::GET;
        call.parameter("echostr", "5431");
        call.parameter("signature", text(vector, "signature"));
        return call;
    }
    call.secret("token", text(vector, "token"));
    call.secret("encoding_aes_key", text(vector, "encoding_aes_key"));
    call.config.settings.insert("app_id".to_owned(), text(vector, "app_id").to_owned());
    call.parameter("msg_signature", text(vector, "signature"));
    call.body = format!("<xml><Encrypt><![CDATA[{}]]></Encrypt></xml>", text(vector, "encrypt")).into_bytes();
    call
}

fn vectors() -> Vec<Vector> {
    let Some(folder) = real() else { return Vec::new() };
    let all: Vec<Value> =
        serde_json::from_slice(&fs::read(folder.join("signature_vectors.json")).unwrap()).unwrap();
    let ours: Vec<_> = all.iter().filter_map(vector).collect();
    assert!(ours.iter().all(|vector| find(vector.call.connector).is_some()));
    ours
}

#[test]
fn right_ones_are_believed_and_wrong_ones_refused() {
    let vectors = vectors();
    for vector in &vectors {
        let verdict = vector.call.verify();
        let expected = if vector.valid { Ok(()) } else { Err(Refused::Signature) };
        assert_eq!(verdict, expected, "{}: {}", vector.scheme, vector.note);
    }
    let valid = vectors.iter().filter(|vector| vector.valid).count();
    println!("{valid} right and {} wrong ones of {}", vectors.len() - valid, vectors.len());
}

#[test]
fn what_differs_in_one_byte_is_refused() {
    let mut count = 0;
    for vector in vectors().iter().filter(|vector| vector.valid) {
        let mut tampered = Vec::new();
        for at in 0..vector.call.body.len() {
            let mut call = vector.call.clone();
            call.body[at] ^= 1;
            tampered.push(call);
        }
        let proofs = [
            "x-twilio-signature",
            "webhook-signature",
            "authorization",
            "x-twilio-email-event-webhook-signature",
        ];
        for header in proofs {
            let Some(value) = vector.call.headers.get(header) else { continue };
            let mut bytes = value.as_bytes().to_vec();
            // The middle of it: the last character of base64 may have bits that say nothing.
            let at = bytes.len() / 2;
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let mut call = vector.call.clone();
            call.header(header, std::str::from_utf8(&bytes).unwrap());
            tampered.push(call);
        }
        if vector.call.connector == "twilio" || vector.call.connector == "wechat" {
            let mut call = vector.call.clone();
            call.url = call.url.replacen("foo=1", "foo=2", 1).replacen("nonce=", "nonce=1", 1);
            tampered.push(call);
        }
        let mut wrong = vector.call.clone();
        for name in ["auth_token", "signature_secret"] {
            wrong.secret(name, "another");
        }
        wrong.secret("token", "another");
        wrong.secret("secret", "whsec_YW5vdGhlcg==");
        wrong.secret("public_key", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==");
        tampered.push(wrong);
        for call in tampered {
            count += 1;
            let verdict = call.verify();
            // An element that is not `Encrypt` any more leaves nothing that could be signed.
            let refused = matches!(verdict, Err(Refused::Signature | Refused::Unsigned(_)));
            assert!(refused, "{}: {verdict:?} {}", vector.scheme, String::from_utf8_lossy(&call.body));
        }
    }
    println!("{count} altered calls refused");
}

#[test]
fn old_ones_are_stale() {
    for vector in vectors().iter().filter(|vector| vector.valid) {
        let now = super::NOW.parse().unwrap();
        let call = Call { now, ..vector.call.clone() };
        let expected = match vector.call.connector {
            "standard_webhooks" | "sendgrid" | "wechat" => Err(Refused::Stale),
            // No time is signed; and the token ends in the year 3023.
            "twilio" | "vonage" => Ok(()),
            other => panic!("{other}: is it stale?"),
        };
        assert_eq!(call.verify(), expected, "{}", vector.scheme);
    }
}

#[test]
fn the_encrypted_message_is_read() {
    for vector in vectors().iter().filter(|vector| vector.scheme == "wechat-msg-signature-aes") {
        let said = vector.call.read().unwrap();
        let crate::channels::Happening::Message(message) = &said.happenings[0] else { panic!("no message") };
        assert_eq!((message.text.as_str(), message.customer.id.as_str()), ("test", "messense"));
        let mut other = vector.call.clone();
        other.config.settings.insert("app_id".to_owned(), "wx0000000000000000".to_owned());
        assert_eq!(other.verify(), Err(Refused::Signature), "it is for another app");
        other.config.settings.clear();
        assert_eq!(other.verify(), Err(Refused::NoSecret("app_id")));
    }
}
