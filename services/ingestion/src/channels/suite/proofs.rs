//! What each platform's proof covers: without it, with another's, altered, and late.

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use domain::time::Timestamp;
use http::Method;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::{Call, NAMES, samples, sign};
use crate::channels::{Refused, multipart, signature};

/// Without what they sign, or carry.
#[test]
fn what_is_not_proved_is_refused() {
    for sample in samples::all() {
        let signed = sign::sign(sample.call.clone());
        let bare = Call { config: signed.config.clone(), ..sample.call };
        let verdict = bare.verify();
        // The question of VK has no effect.
        if !sample.name.starts_with("vk/confirmation") {
            assert!(matches!(verdict, Err(Refused::Unsigned(_))), "{}: {verdict:?}", sample.name);
        }
        let mut keyless = signed;
        keyless.config.secrets.clear();
        assert!(matches!(keyless.verify(), Err(Refused::NoSecret(_))), "{}", sample.name);
    }
}

#[test]
fn what_another_signed_is_refused() {
    for sample in samples::all() {
        let mut call = sign::sign(sample.call);
        let names: Vec<_> = call.config.secrets.keys().cloned().collect();
        for name in names {
            let other = match name.as_str() {
                "secret" if call.connector == "standard_webhooks" => sign::whsec("another"),
                "public_key" => "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==".to_owned(),
                _ => "another".to_owned(),
            };
            call.secret(&name, &other);
        }
        assert_eq!(call.verify(), Err(Refused::Signature), "{}", sample.name);
    }
}

/// Where the platform signs the body, every byte of it counts.
#[test]
fn what_was_altered_is_refused() {
    for sample in samples::all() {
        let call = sign::sign(sample.call);
        let signs = match call.connector {
            "standard_webhooks" | "tiktok" | "vonage" => true,
            "youtube" => call.method == Method::POST,
            "sendgrid" => multipart::boundary(&call.hook()).is_none(),
            _ => false,
        };
        for at in (0..call.body.len()).filter(|_| signs) {
            let mut altered = call.clone();
            altered.body[at] ^= 1;
            assert_eq!(altered.verify(), Err(Refused::Signature), "{} at {at}", sample.name);
        }
    }
}

#[test]
fn what_is_late_is_refused_where_a_time_is_signed() {
    for sample in samples::all() {
        let call = sign::sign(sample.call);
        let window = match call.connector {
            "standard_webhooks" | "tiktok" | "vonage" | "wechat" => 300,
            "mailgun" => 8 * 3600 + 300,
            "sendgrid" if multipart::boundary(&call.hook()).is_none() => 24 * 3600 + 300,
            _ => continue,
        };
        let at = |seconds| Call { now: call.now.plus_seconds(seconds), ..call.clone() };
        assert_eq!(at(window).verify(), Ok(()), "{}", sample.name);
        assert_eq!(at(window + 1).verify(), Err(Refused::Stale), "{}", sample.name);
        assert_eq!(at(-301).verify().is_err(), window == 300, "{}", sample.name);
    }
}

#[test]
fn only_those_that_are_asked_answer_a_get() {
    for connector in NAMES {
        let mut call = sign::sign(Call::new(connector, "{}").with_header("content-type", "application/json"));
        call.method = Method::GET;
        if matches!(connector, "twilio" | "wechat" | "youtube") {
            assert_ne!(call.verify(), Err(Refused::Method), "{connector}");
        } else {
            assert_eq!(call.verify(), Err(Refused::Method), "{connector}");
        }
    }
}

#[test]
fn standard_webhooks_changes_its_keys() {
    let call = sign::standard_webhooks(Call::new("standard_webhooks", "{}"), "msg_1");
    let own = sign::whsec(sign::SECRET);
    let other = sign::whsec("another");
    for keys in [format!("{other} {own}"), format!("{own}\n{other}\n"), own.replace("whsec_", "")] {
        assert_eq!(call.clone().with_secret("secret", &keys).verify(), Ok(()), "{keys}");
    }
    let verdict = |keys| call.clone().with_secret("secret", keys).verify();
    assert_eq!(verdict("whsec_%"), Err(Refused::BadSecret("secret")));
    assert_eq!(verdict("whsec_"), Err(Refused::BadSecret("secret")));
    assert_eq!(verdict(" "), Err(Refused::NoSecret("secret")));
    let said = call.headers["webhook-signature"].to_str().unwrap().to_owned();
    let several = format!("v1,{} {said} v2,x x", BASE64.encode(&[7; 32]));
    assert_eq!(call.clone().with_header("webhook-signature", &several).verify(), Ok(()));
    assert_eq!(
        call.clone().with_header("webhook-signature", &said.replace("v1,", "v1a,")).verify(),
        Err(Refused::Signature)
    );
    // The id is signed, too: it is what a message may be called by.
    assert_eq!(call.with_header("webhook-id", "msg_2").verify(), Err(Refused::Signature));
}

#[test]
fn standard_webhooks_with_a_public_key() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = format!("whpk_{}", BASE64.encode(key.public_key().as_ref()));
    let call = Call::new("standard_webhooks", "{}").with_secret("secret", &public);
    let signed = format!("msg_1.{}.{{}}", call.seconds());
    let said = format!("v1a,{}", BASE64.encode(key.sign(signed.as_bytes()).as_ref()));
    let time = call.seconds().to_string();
    let call = call
        .with_header("webhook-id", "msg_1")
        .with_header("webhook-timestamp", &time)
        .with_header("webhook-signature", &said);
    assert_eq!(call.verify(), Ok(()));
    let mut altered = call.clone();
    altered.body = b"[]".to_vec();
    assert_eq!(altered.verify(), Err(Refused::Signature));
    // A public key is no secret: nobody may sign with it as if it were one.
    let mac = signature::hmac_sha256(key.public_key().as_ref(), &[signed.as_bytes()]);
    let forged = format!("v1,{}", BASE64.encode(&mac));
    assert_eq!(call.with_header("webhook-signature", &forged).verify(), Err(Refused::Signature));
}

#[test]
fn cloudevents_by_signature() {
    let call = Call::new("cloudevents", "{}").with_header("content-type", "application/cloudevents+json");
    let call = sign::standard_webhooks(call, "msg_1");
    assert_eq!(call.verify(), Ok(()));
    let mut binary = call.with_header("content-type", "application/json").with_header("ce-id", "e1");
    assert_eq!(binary.verify(), Err(Refused::Signature), "the event's id is not the signed one");
    binary.header("ce-id", "msg_1");
    assert_eq!(binary.verify(), Ok(()));
    // A token beside a wrong signature mends nothing.
    let mut both = sign::bearer(binary);
    both.body = b"[]".to_vec();
    assert_eq!(both.verify(), Err(Refused::Signature));
}

#[test]
fn twilio_signs_json_by_its_digest() {
    let body = r#"{"property": "value", "boolean": true}"#;
    let digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let mut call = Call::new("twilio", body)
        .with_secret("auth_token", "12345")
        .with_header("content-type", "application/json")
        // As Twilio's own libraries have it in their tests.
        .with_header("x-twilio-signature", "a9nBmqA0ju/hNViExpshrM61xv4=");
    call.url = format!("https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256={digest}");
    assert_eq!(call.verify(), Ok(()));
    let mut altered = call.clone();
    altered.body.push(b' ');
    assert_eq!(altered.verify(), Err(Refused::Signature));
    let mut without = call;
    without.url = "https://mycompany.com/myapp.php?foo=1&bar=2".to_owned();
    assert_eq!(without.verify(), Err(Refused::Signature));
}

#[test]
fn twilio_credentials_in_a_header() {
    let mut call = Call::new("twilio", "CallSid=CA1");
    call.url = "https://user:pass@care.example/t".to_owned();
    let mut call = sign::sign(call);
    call.url = "https://care.example/t".to_owned();
    assert_eq!(call.verify(), Err(Refused::Signature));
    call.header("authorization", &format!("Basic {}", BASE64.encode(b"user:pass")));
    assert_eq!(call.verify(), Ok(()), "a client puts them there");
    call.url = "https://[::1]:8443/t".to_owned();
    assert_eq!(call.verify(), Err(Refused::Signature));
}

#[test]
fn vonage_token_is_of_this_body() {
    let claims = |extra: serde_json::Value| {
        let mut claims = json!({ "iat": Call::new("vonage", "").seconds() });
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let token = sign::jwt(&claims, sign::SECRET);
        Call::new("vonage", "{}")
            .with_secret("signature_secret", sign::SECRET)
            .with_header("authorization", &format!("Bearer {token}"))
    };
    let hash = HEXLOWER.encode(&signature::sha256(b"{}"));
    let now = Call::new("vonage", "").seconds();
    assert_eq!(claims(json!({ "payload_hash": hash })).verify(), Ok(()));
    assert_eq!(claims(json!({})).verify(), Err(Refused::Signature), "it would go with any body");
    assert_eq!(claims(json!({ "payload_hash": "00" })).verify(), Err(Refused::Signature));
    let exp = |exp: i64| claims(json!({ "payload_hash": hash, "exp": exp })).verify();
    assert_eq!(exp(now), Ok(()));
    assert_eq!(exp(now - 1), Err(Refused::Stale));
    assert_eq!(claims(json!({ "payload_hash": hash, "iat": null })).verify(), Err(Refused::Stale));
    assert_eq!(claims(json!({ "payload_hash": hash, "iat": i64::MIN })).verify(), Err(Refused::Stale));
    assert_eq!(
        claims(json!({ "payload_hash": hash, "iat": now + 301, "exp": now + 900 })).verify(),
        Err(Refused::Stale)
    );
    // {"alg":"none"}
    let none = claims(json!({})).with_header("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJpYXQiOjF9.");
    assert_eq!(none.verify(), Err(Refused::Signature));
}

#[test]
fn vonage_sms_by_its_own_signature() {
    let time = Call::new("vonage", "").seconds();
    let signed = format!("&messageId=m1&msisdn=447700900001&text=a_b_c&timestamp={time}&to=447700900000");
    let mac = HEXUPPER.encode(&signature::hmac_sha256(sign::SECRET.as_bytes(), &[signed.as_bytes()]));
    let form =
        format!("to=447700900000&msisdn=447700900001&text=a%26b%3Dc&messageId=m1&timestamp={time}&sig={mac}");
    let form = Call::new("vonage", form)
        .with_secret("signature_secret", sign::SECRET)
        .with_header("content-type", "application/x-www-form-urlencoded");
    let json = json!({ "to": "447700900000", "msisdn": "447700900001", "text": "a&b=c", "messageId": "m1",
        "timestamp": time.to_string(), "sig": mac });
    let json = Call { body: json.to_string().into_bytes(), ..form.clone() };
    let json = json.with_header("content-type", "application/json");
    for call in [form, json] {
        assert_eq!(call.verify(), Ok(()));
        assert_eq!(call.read().unwrap().happenings.len(), 1);
        let mut altered = call.clone();
        let at = altered.body.windows(2).position(|pair| pair == b"m1").unwrap();
        altered.body[at] = b'n';
        assert_eq!(altered.verify(), Err(Refused::Signature));
        let late = Call { now: call.now.plus_seconds(301), ..call };
        assert_eq!(late.verify(), Err(Refused::Stale));
    }
}

#[test]
fn youtube_hub_signs_either_way() {
    let call = sign::sign(Call::new("youtube", "<feed/>"));
    let sha256 = HEXLOWER.encode(&signature::hmac_sha256(sign::SECRET.as_bytes(), &[&call.body]));
    assert_eq!(call.clone().with_header("x-hub-signature", &format!("sha256={sha256}")).verify(), Ok(()));
    for wrong in [format!("sha1={sha256}"), format!("md5={sha256}"), sha256, "sha1=".to_owned()] {
        assert_eq!(
            call.clone().with_header("x-hub-signature", &wrong).verify(),
            Err(Refused::Signature),
            "{wrong}"
        );
    }
}

#[test]
fn a_secret_in_the_address_may_be_credentials() {
    for connector in ["postmark", "trustpilot"] {
        let call = Call::new(connector, "{}").with_secret("token", "user:pass");
        assert_eq!(call.verify(), Err(Refused::Unsigned("authorization")));
        let basic = |text: &[u8]| {
            call.clone().with_header("authorization", &format!("Basic {}", BASE64.encode(text)))
        };
        assert_eq!(basic(b"user:pass").verify(), Ok(()));
        assert_eq!(basic(b"user:other").verify(), Err(Refused::Signature));
        assert_eq!(call.clone().with_header("authorization", "Bearer user:pass").verify(), Ok(()));
        assert_eq!(call.clone().with_header("authorization", "Digest x").verify(), Err(Refused::Signature));
        assert_eq!(call.clone().with_header("authorization", "x").verify(), Err(Refused::Signature));
    }
}

#[test]
fn sendgrid_events_are_never_taken_for_a_token() {
    let mut call = Call::new("sendgrid", "[]").with_secret("token", sign::SECRET);
    call.header("content-type", "application/json");
    call.parameter("token", sign::SECRET);
    let unsigned = Refused::Unsigned("x-twilio-email-event-webhook-signature");
    assert_eq!(call.verify(), Err(unsigned));
    let mut signed = sign::sign(Call::new("sendgrid", "[]"));
    signed.secret("public_key", "AAAA");
    assert_eq!(signed.verify(), Err(Refused::BadSecret("public_key")));
}

#[test]
fn times_at_the_ends_of_time_are_stale() {
    for now in [Timestamp::MIN, Timestamp::MAX] {
        for sample in samples::all() {
            let call = Call { now, ..sign::sign(sample.call) };
            let _ = call.verify();
            let _ = call.read();
        }
    }
    let mut call = sign::standard_webhooks(Call::new("standard_webhooks", "{}"), "m");
    let time = i64::MIN.to_string();
    let mac = signature::hmac_sha256(sign::SECRET.as_bytes(), &[b"m.", time.as_bytes(), b".{}"]);
    call.header("webhook-timestamp", &time);
    call.header("webhook-signature", &format!("v1,{}", BASE64.encode(&mac)));
    assert_eq!(call.verify(), Err(Refused::Stale));
}
