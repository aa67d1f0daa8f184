//! Who is believed: the published vectors of each scheme, and calls of our own with anything in them changed.

use std::fs;

use data_encoding::BASE64;
use http::Method;
use proptest::prelude::*;
use serde_json::Value;

use super::{Call, KEY, NAMES, config, connect, real, show};
use crate::channels::{Refused, signature};
use domain::time::Timestamp;

/// A vector as a call at one of the connectors that prove themselves so.
fn calls(vector: &Value) -> Vec<(&'static str, Call)> {
    let text = |name: &str| vector[name].as_str().unwrap();
    let call = || Call::post(text("body"));
    match text("scheme") {
        "meta-x-hub-signature-256" => ["whatsapp_cloud", "messenger", "facebook_page", "instagram"]
            .map(|name| (name, call().header("x-hub-signature-256", text("signature"))))
            .into(),
        "line-hmac-sha256-base64" => vec![("line", call().header("x-line-signature", text("signature")))],
        "slack-v0" => {
            let mut call = call()
                .header("x-slack-signature", text("signature"))
                .header("x-slack-request-timestamp", text("timestamp"))
                .header("content-type", "application/x-www-form-urlencoded");
            let seconds: i64 = text("timestamp").parse().unwrap();
            call.now = Timestamp::from_microsecond(seconds * 1_000_000).unwrap();
            vec![("slack", call)]
        }
        _ => vec![],
    }
}

fn signature_header(connector: &str) -> &'static str {
    match connector {
        "line" => "x-line-signature",
        "slack" => "x-slack-signature",
        "x" => "x-twitter-webhooks-signature",
        "telegram" => "x-telegram-bot-api-secret-token",
        _ => "x-hub-signature-256",
    }
}

#[test]
fn published_vectors_are_believed_and_nothing_changed_is() {
    let Some(path) = real("webhooks/signature_vectors.json") else { return };
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (mut believed, mut refused) = (0, 0);
    for vector in &vectors {
        for (connector, mut call) in calls(vector) {
            let config = config(vector["secret"].as_str().unwrap(), &[]);
            let valid = vector["valid"].as_bool().unwrap();
            assert_eq!(call.verify(connector, &config).is_ok(), valid, "{connector}");
            believed += usize::from(valid);
            for index in 0..call.body.len() {
                for bit in 0..8 {
                    call.body[index] ^= 1 << bit;
                    assert_eq!(
                        call.verify(connector, &config),
                        Err(Refused::Signature),
                        "{connector}: {index}"
                    );
                    call.body[index] ^= 1 << bit;
                    refused += 1;
                }
            }
            let name = signature_header(connector);
            let signature = call.headers[name].to_str().unwrap().to_owned();
            for index in 0..signature.len() {
                let mut changed = signature.clone().into_bytes();
                changed[index] ^= 1;
                let call = call.clone().header(name, std::str::from_utf8(&changed).unwrap());
                assert_eq!(call.verify(connector, &config), Err(Refused::Signature), "{connector}: {index}");
                refused += 1;
            }
            assert!(call.verify(connector, &config).is_ok(), "{connector}: as it was");
        }
    }
    println!("{believed} believed, {refused} changed ones refused");
    assert_eq!(believed, 6, "Meta's at four connectors, LINE's, Slack's");
}

#[test]
fn the_published_call_of_slack_is_a_command_and_is_stale_later() {
    let Some(path) = real("webhooks/signature_vectors.json") else { return };
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (vector, call) = vectors
        .iter()
        .flat_map(|vector| calls(vector).into_iter().map(move |(name, call)| (vector, name, call)))
        .find_map(|(vector, name, call)| (name == "slack").then_some((vector, call)))
        .unwrap();
    let config = config(vector["secret"].as_str().unwrap(), &[]);
    assert_eq!(show::said(&call.read("slack", &config).unwrap()), ["passed empty_command"]);
    let later =
        |seconds: i64| Call { now: call.now.plus_seconds(seconds), ..call.clone() }.verify("slack", &config);
    assert_eq!((later(300), later(-300)), (Ok(()), Ok(())));
    assert_eq!((later(301), later(-301)), (Err(Refused::Stale), Err(Refused::Stale)));
}

#[test]
fn the_published_call_of_whatsapp_is_read() {
    let Some(path) = real("webhooks/signature_vectors.json") else { return };
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (_, call) = vectors.iter().flat_map(calls).find(|(name, _)| *name == "whatsapp_cloud").unwrap();
    assert_eq!(
        show::said(&call.read("whatsapp_cloud", &config(KEY, &[])).unwrap()),
        [
            "message wamid.HBgMOTcyNTQ0NDAxMjQzFQIAEhggM0RFQTNCMEEwRTY3QzUwODYzMDc4NjQ4QzM4ODAxM0YA from 972544401243 \
          (PyWa Tests): \"Hey there! I am using PyWa.\" at=2024-10-29T19:58:23Z private"
        ]
    );
}

/// RFC 4231, test case 2, in the form of X.
#[test]
fn x_signs_with_the_hmac_of_the_rfc() {
    let call = Call::post("what do ya want for nothing?")
        .header("x-twitter-webhooks-signature", "sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    assert_eq!(call.verify("x", &config("Jefe", &[])), Ok(()));
    assert_eq!(call.verify("x", &config("jefe", &[])), Err(Refused::Signature));
}

#[test]
fn x_proves_itself_to_who_asks_with_a_token_and_to_nobody_else() {
    let config = config(KEY, &[]);
    let asked = Call::get("crc_token=MTIzNDU2Nzg5MA%3D%3D&nonce=abc");
    assert_eq!(asked.verify("x", &config), Ok(()));
    let proof = BASE64.encode(&signature::hmac_sha256(KEY.as_bytes(), &[b"MTIzNDU2Nzg5MA=="]));
    let answer = format!("{{\"response_token\":\"sha256={proof}\"}}");
    let said = show::said(&asked.read("x", &config).unwrap());
    assert_eq!(said, ["passed handshake".to_owned(), format!("answer application/json {answer:?}")]);
    let long = format!("crc_token={}", "a".repeat(257));
    for forged in ["crc_token=%7B%22for_user_id%22%3A%221%22%7D", "crc_token=%5B%5D", "crc_token=", &long] {
        let call = Call::get(forged);
        assert_eq!(call.verify("x", &config), Err(Refused::Signature), "{forged}");
        assert!(call.read("x", &config).is_err(), "{forged}");
    }
    assert_eq!(Call::get("nonce=1").verify("x", &config), Err(Refused::Unsigned("crc_token")));
}

#[test]
fn meta_gets_its_challenge_back_for_our_token_only() {
    let config = config("our token", &[]);
    for connector in ["whatsapp_cloud", "messenger", "facebook_page", "instagram"] {
        let call = Call::get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=our+token");
        assert_eq!(call.verify(connector, &config), Ok(()));
        let said = show::said(&call.read(connector, &config).unwrap());
        assert_eq!(said, ["passed handshake", "answer text/plain \"1158201444\""]);
        let other = Call::get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=our+tokem");
        assert_eq!(other.verify(connector, &config), Err(Refused::Signature));
        let none = Call::get("hub.mode=subscribe&hub.challenge=1158201444");
        assert_eq!(none.verify(connector, &config), Err(Refused::Unsigned("hub.verify_token")));
        let mode = Call::get("hub.challenge=1&hub.verify_token=our+token");
        assert_eq!(mode.read(connector, &config).unwrap_err().path, "hub.mode");
        let challenge = Call::get("hub.mode=subscribe&hub.verify_token=our+token");
        assert_eq!(challenge.read(connector, &config).unwrap_err().path, "hub.challenge");
    }
}

#[test]
fn slack_gets_its_challenge_back_when_it_is_signed() {
    let config = config(KEY, &[]);
    let body = r#"{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}"#;
    let call = Call::post(body).header("content-type", "application/json").signed("slack");
    assert_eq!(call.verify("slack", &config), Ok(()));
    let said = show::said(&call.read("slack", &config).unwrap());
    assert_eq!(said, ["passed handshake", "answer text/plain \"3eZbrw1aBm2rZgRNFdxV\""]);
}

#[test]
fn forms_of_slack_are_commands_or_of_no_concern() {
    let said = |body: &str, settings: &[(&str, &str)]| {
        let call = Call::post(body).header("content-type", "application/x-www-form-urlencoded");
        show::said(&call.read("slack", &config(KEY, settings)).unwrap())
    };
    let command =
        "team_id=T1&channel_id=C1&user_id=U1&user_name=jo&command=%2Fcare&text=my+order%3F&trigger_id=1.2.a";
    assert_eq!(
        said(command, &[("team_id", "T1")]),
        [
            "message command:1.2.a from U1 (@jo): \"my order?\" at=2026-01-02T03:04:05Z private channel-id=\"C1\" command=\"/care\""
        ]
    );
    assert_eq!(said(command, &[("team_id", "T2")]), ["passed other_team"]);
    assert_eq!(said("payload=%7B%22type%22%3A%22block_actions%22%7D", &[]), ["passed interaction"]);
    assert_eq!(said("ssl_check=1&token=t", &[]), ["passed handshake"]);
    assert_eq!(said("a=b", &[]), ["passed other_form"]);
}

#[test]
fn who_is_not_configured_believes_nobody() {
    for connector in NAMES {
        let call = Call::post("{}").signed(connector);
        let none = crate::channels::Config::default();
        let secret = connect(connector).secrets()[0];
        assert_eq!(call.verify(connector, &none), Err(Refused::NoSecret(secret)), "{connector}");
        assert_eq!(call.verify(connector, &config("", &[])), Err(Refused::NoSecret(secret)), "{connector}");
        let put = Call { method: Method::PUT, ..Call::post("{}").signed(connector) };
        assert_eq!(put.verify(connector, &config(KEY, &[])), Err(Refused::Method), "{connector}");
        let mut twice = Call::post("{}").signed(connector);
        let name = signature_header(connector);
        let value = twice.headers[name].clone();
        twice.headers.append(name, value);
        assert!(
            matches!(twice.verify(connector, &config(KEY, &[])), Err(Refused::Unsigned(_))),
            "{connector}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_changed_byte_is_enough(
        connector in proptest::sample::select(NAMES),
        body in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<proptest::sample::Index>(),
        change in 1u8..,
        of_signature in any::<bool>(),
    ) {
        let config = config(KEY, &[]);
        let mut call = Call::post(body).signed(connector);
        prop_assert_eq!(call.verify(connector, &config), Ok(()));
        let name = signature_header(connector);
        if of_signature || connector == "telegram" {
            let mut changed = call.headers[name].as_bytes().to_vec();
            let at = at.index(changed.len());
            let before = changed[at];
            changed[at] ^= change;
            // Hexadecimal says the same in capitals; not every byte can stand in a header.
            let same = before.eq_ignore_ascii_case(&changed[at]) && !matches!(connector, "telegram" | "line" | "x");
            let Ok(value) = http::HeaderValue::from_bytes(&changed) else { return Ok(()) };
            prop_assume!(!same);
            call.headers.insert(name, value);
        } else {
            let at = at.index(call.body.len());
            call.body[at] ^= change;
        }
        prop_assert!(call.verify(connector, &config).is_err());
    }
}
