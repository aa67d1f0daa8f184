//! Noise: any answer to anything.

use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Answered, Outgoing, REPLY, account, at};
use crate::channels::{self, speak::Told};

/// Keys that speakers look for, so that noise is sometimes looked into.
const KEYS: &[&str] = &[
    "error",
    "error_code",
    "error_subcode",
    "code",
    "message_id",
    "id",
    "messages",
    "ok",
    "result",
    "chat",
    "parameters",
    "retry_after",
    "description",
    "sentMessages",
    "channel",
    "ts",
    "response",
    "peer_id",
    "conversation_message_id",
    "comment_id",
    "sid",
    "message_uuid",
    "type",
    "data",
    "dm_event_id",
    "detail",
    "errors",
    "errcode",
    "comment",
    "status",
    "reason",
    "items",
    "snippet",
    "textOriginal",
    "publishedAt",
    "metadata",
    "event_payload",
    "key",
    "has_more",
    "body",
    "direction",
    "date_created",
    "next_page_uri",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..140_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let key = proptest::sample::select(KEYS).prop_map(str::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let names = ["retry-after", "date", "x-rate-limit-reset", "x-line-accepted-request-id"];
    let value = prop_oneof![
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        Just(b"Sat, 14 Mar 2026 09:26:53 GMT".to_vec()),
        proptest::collection::vec(32_u8..=255, 0..24),
    ];
    let pair = (proptest::sample::select(names.to_vec()), value);
    proptest::collection::vec(pair, 0..4).prop_map(|pairs| {
        let pairs = pairs.into_iter();
        let valid = pairs.filter_map(|(name, value)| {
            Some((http::HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
        });
        valid.collect()
    })
}

fn check(status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), TestCaseError> {
    let status = StatusCode::from_u16(status).unwrap();
    for speaker in channels::SPEAKERS {
        let name = speaker.name();
        let said = speaker.answered(status, headers, body);
        match &said {
            Answered::Sent { external_id } => {
                let documented = name == "line" && status == StatusCode::CONFLICT;
                prop_assert!(status.is_success() || documented, "{name}: sent by {status}");
                prop_assert!(external_id.as_ref().is_none_or(|id| !id.is_empty()));
            }
            Answered::Later { after_s, .. } => {
                prop_assert!(after_s.is_none_or(|after_s| after_s <= 24 * 3_600), "{name}: {after_s:?}");
            }
            Answered::Never { code, .. } => {
                let fits = |code: &String| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic());
                prop_assert!(code.as_ref().is_none_or(fits), "{name}");
            }
            Answered::Unclear => {}
        }
        // A server that failed has nothing to say, but that it never began.
        let never_began = status == StatusCode::SERVICE_UNAVAILABLE;
        prop_assert!(
            !status.is_server_error() || never_began || said == Answered::Unclear,
            "{name}: {said:?}"
        );
        let message = super::public("1", "C1:1");
        let told = speaker.told(&message, status, body);
        prop_assert!(status.is_success() || told == Told::Nothing, "{name}: {told:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answer_of_json_means_something(
        status in prop_oneof![100_u16..1000, Just(200), Just(409)],
        headers in any_headers(),
        body in any_json(),
    ) {
        check(status, &headers, body.to_string().as_bytes())?;
    }

    #[test]
    fn any_answer_of_bytes_means_something(
        status in 100_u16..1000,
        headers in any_headers(),
        body in proptest::collection::vec(any::<u8>(), 0..256),
    ) {
        check(status, &headers, &body)?;
    }

    #[test]
    fn any_message_is_said_or_refused_and_nothing_of_it_is_shown(
        to in "\\PC{0,40}",
        text in "\\PC{12,80}",
        reply_to in proptest::option::of("\\PC{0,60}"),
        public in any::<bool>(),
        special in 0..3,
    ) {
        let message = Outgoing {
            to: &to,
            text: &text,
            subject: Some("Re: secret"),
            reply_to: reply_to.as_deref(),
            thread: reply_to.as_deref(),
            public,
            tag: (special == 1).then_some("human_agent"),
            template: (special == 2).then_some("order_update"),
            language: Some("de"),
            parameters: &[],
            named: &[],
            files: &[],
            reply: REPLY.parse().unwrap(),
            key: super::KEY,
            since: at(0),
            at: at(super::AT_S),
        };
        for speaker in channels::SPEAKERS {
            let (name, account) = (speaker.name(), account(speaker.name()));
            let said = [Some(speaker.say(&message, &account)), speaker.ask(&message, &account)];
            for call in said.into_iter().flatten().flatten() {
                let url: url::Url = call.url.parse().map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
                let base = account.settings.get("callback_url").map_or(speaker.base_url(), String::as_str);
                prop_assert!(url.as_str().starts_with(base), "{name} calls somebody else");
                // What is called is what was written: nothing in an id steps out of its place.
                prop_assert_eq!(url.as_str(), call.url.as_str(), "{}", name);
                let shown = format!("{call:?}");
                prop_assert!(!shown.contains(&text) && !shown.contains("http"), "{name}: {shown}");
                for secret in account.secrets.values() {
                    let secret = secret.expose_secret();
                    prop_assert!(!shown.contains(secret), "{name}");
                    let open = call.headers.iter().any(|(_, value)| value.contains(secret));
                    prop_assert!(!open, "{name} shows a secret in a header");
                }
                for (header, value) in &call.headers {
                    prop_assert!(HeaderValue::from_str(value).is_ok(), "{name}: {header}");
                }
            }
        }
    }
}
