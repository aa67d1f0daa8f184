//! What nobody ought to send: bytes, samples that were bent, documents that were made to hurt.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http::Method;
use proptest::prelude::*;

use super::{Call, NAMES, samples, sign};
use crate::channels::{google_reviews, youtube};

static SAMPLES: LazyLock<Vec<samples::Sample>> = LazyLock::new(samples::all);

/// What calls say they are.
const KINDS: [&str; 7] = [
    "application/json",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=xYzZY",
    "text/xml",
    "application/octet-stream",
];

/// Everything that reads, proved or not: none of it may end other than by answering.
fn poke(call: &Call) {
    let _ = call.verify();
    let _ = call.read();
    let _ = youtube::comments(&call.body);
    let _ = google_reviews::reviews(&call.body);
}

fn secrets(mut call: Call) -> Call {
    for name in [
        "auth_token",
        "token",
        "secret",
        "signing_key",
        "client_secret",
        "hub_secret",
        "verify_token",
        "bearer",
    ] {
        call.secret(name, sign::SECRET);
    }
    call.secret("encoding_aes_key", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR");
    call.config.settings.insert("app_id".to_owned(), "wx1".to_owned());
    call.config.settings.insert("confirmation".to_owned(), "c".to_owned());
    call
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(
        connector in 0..NAMES.len(),
        kind in 0..KINDS.len(),
        get in any::<bool>(),
        query in "[a-z_.=&%+0-9A-F]{0,60}",
        body in proptest::collection::vec(any::<u8>(), 0..400),
        known in any::<bool>(),
    ) {
        let mut call = Call::new(NAMES[connector], body).with_header("content-type", KINDS[kind]);
        if get {
            call.method = Method::GET;
        }
        call.url = format!("https://care.example/hook?{query}");
        if known {
            call = secrets(call);
        }
        poke(&call);
        // Without a proof nothing is believed, whatever it says.
        if known {
            prop_assert!(call.verify().is_err());
        }
    }

    #[test]
    fn bent_samples(
        sample in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        how in 0..4,
        other in any::<prop::sample::Index>(),
    ) {
        let sample = sample.get(&SAMPLES);
        let mut call = sample.call.clone();
        if !call.body.is_empty() {
            let at = at.index(call.body.len());
            match how {
                0 => call.body[at] = byte,
                1 => call.body.truncate(at),
                2 => {
                    call.body.remove(at);
                }
                _ => {
                    let other = &other.get(&SAMPLES).call.body;
                    call.body.splice(at..at, other.iter().copied());
                }
            }
        }
        poke(&call);
        poke(&sign::sign(call));
    }

    #[test]
    fn letters(
        headers in "(From|To|Date|Subject|References|Message-ID|Content-Type|X): [ -~\r\n\u{e4}]{0,80}(\n[ -~]{0,40}){0,4}",
        html in r"(<[a-z!/]{0,6}[ -~]{0,12}|&[a-z#0-9]{0,8};?|>|\PC|[\r\n]){0,60}",
        charset in r"(utf-8|iso-8859-1|gb18030|utf-7|utf-16|big5|shift_jis|\PC{0,60})",
        text in proptest::collection::vec(1_u8.., 0..80),
    ) {
        let mut body = Vec::new();
        for (name, value) in [
            ("headers", headers.as_bytes()),
            ("html", html.as_bytes()),
            ("subject", &text),
            ("charsets", serde_json::json!({ "subject": charset, "html": charset }).to_string().as_bytes()),
            ("envelope", br#"{"from":"a@b.example"}"#),
        ] {
            body.extend_from_slice(b"--xYzZY\r\nContent-Disposition: form-data; name=");
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--xYzZY--");
        let call = Call::new("sendgrid", body).with_header("content-type", KINDS[4]);
        let said = call.read();
        prop_assert!(said.is_ok(), "the envelope names a sender: {said:?}");
    }

    #[test]
    fn bent_types(
        sample in any::<prop::sample::Index>(),
        victim in any::<prop::sample::Index>(),
        to in prop::sample::select(vec![
            "null", "0", "-1", "1e308", "9223372036854775808", "\"\"", "\"x\"", "[]", "[null]", "{}", "true", "[[[]]]",
        ]),
    ) {
        // A value of the JSON, whichever, is of another type.
        let sample = sample.get(&SAMPLES);
        let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&sample.call.body) else { return Ok(()) };
        let mut count = 0;
        visit(&mut body, &mut |_| count += 1);
        let (victim, mut at) = (victim.index(count), 0);
        visit(&mut body, &mut |value| {
            if at == victim {
                *value = serde_json::from_str(to).unwrap();
            }
            at += 1;
        });
        let mut call = sample.call.clone();
        call.body = body.to_string().into_bytes();
        poke(&call);
    }
}

fn visit(value: &mut serde_json::Value, see: &mut impl FnMut(&mut serde_json::Value)) {
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| visit(item, see)),
        serde_json::Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| visit(field, see)),
        _ => {}
    }
    see(value);
}

#[test]
fn deep_documents_are_refused() {
    let json = format!("{{\"a\":{}", "[".repeat(500_000));
    let xml = "<x>".repeat(200_000);
    for connector in NAMES {
        for kind in ["application/json", "application/cloudevents+json"] {
            let call = Call::new(connector, json.as_str()).with_header("content-type", kind);
            let reads_json = match connector {
                "twilio" | "wechat" | "youtube" => false,
                "cloudevents" => kind == "application/cloudevents+json",
                "mailgun" => kind == "application/json",
                _ => true,
            };
            if reads_json {
                assert_eq!(call.read().unwrap_err().path, "body", "{connector} {kind}");
            }
            poke(&secrets(call));
        }
        let call = Call::new(connector, xml.as_str()).with_header("content-type", "text/xml");
        if matches!(connector, "wechat" | "youtube") {
            assert_eq!(call.read().unwrap_err().path, "body", "{connector}");
        }
        poke(&secrets(call));
    }
}

#[test]
fn large_documents_take_no_more_than_their_share() {
    const SIZE: usize = 512 * 1024;
    // What would be slow if anything looked at it more than once.
    let pieces = [
        "[",
        "{\"a\":",
        "\"\\u0000",
        "<x>",
        "<x/>",
        "&amp;",
        "&a;",
        "--xYzZY\r\n",
        "--xYzZ",
        "\r\n--xYzZY",
        "a=b&",
        "%41",
        "name=\"",
        ";",
        "\\\"",
        "'",
        "<",
        "\n",
        "\u{fffd}",
        "=",
        "=?utf-8?q?a?=",
        "From: <a@b>,\r\n ",
        "<a@b> ",
    ];
    for piece in pieces {
        let body = piece.repeat(SIZE / piece.len());
        for connector in NAMES {
            for kind in KINDS {
                let call = Call::new(connector, body.as_str()).with_header("content-type", kind);
                let begin = Instant::now();
                poke(&secrets(call));
                let took = begin.elapsed();
                assert!(took < Duration::from_secs(3), "{connector}, {kind}, {piece:?}: {took:?}");
            }
        }
    }
}

#[test]
fn a_mail_made_of_headers_takes_no_more_than_its_share() {
    let pieces = ["a@b,", "(", "\"", "<", "=?utf-8?q?a?= ", ";", ":", "<a@b>", "\r\n ", "\\"];
    for piece in pieces {
        for name in ["From", "References", "To", "Date", "Subject"] {
            let value = piece.repeat(200_000 / piece.len());
            let form = format!(
                "--xYzZY\r\nContent-Disposition: form-data; name=\"headers\"\r\n\r\n{name}: {value}\r\nFrom: a@b.example\r\n--xYzZY--"
            );
            let call = Call::new("sendgrid", form)
                .with_header("content-type", "multipart/form-data; boundary=xYzZY");
            let begin = Instant::now();
            let _ = call.read();
            assert!(begin.elapsed() < Duration::from_secs(5), "{name}, {piece:?}: {:?}", begin.elapsed());
        }
    }
}

#[test]
fn a_mail_made_of_html_takes_no_more_than_its_share() {
    for piece in ["<b>", "<", "</", "&", "&amp;", "<!--", "<script>", "<a href='", "<table><td>", "\u{3042}"]
    {
        let html = piece.repeat(4 * 1024 * 1024 / piece.len());
        let form = format!(
            "--xYzZY\r\nContent-Disposition: form-data; name=html\r\n\r\n{html}\r\n--xYzZY\r\nContent-Disposition: form-data; name=from\r\n\r\na@b.example\r\n--xYzZY--"
        );
        let call = Call::new("sendgrid", form).with_header("content-type", KINDS[4]);
        let begin = Instant::now();
        let said = call.read().unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5), "{piece:?}: {:?}", begin.elapsed());
        let crate::channels::Happening::Message(message) = &said.happenings[0] else { panic!("no message") };
        // What is too long to be a text comes as a file, whole.
        assert!(message.text.len() <= crate::intake::limits::TEXT_MAX, "{piece:?}");
        assert!(piece != "\u{3042}" || message.media.len() == 1);
    }
}
