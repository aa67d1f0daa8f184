use std::collections::BTreeMap;

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    files::fetcher::{Get, Head, Then as Leads},
    media::Source,
};

fn config(settings: &[(&str, &str)], secrets: &[&str]) -> Config {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config {
        settings: settings.iter().map(pair).collect(),
        secrets: secrets.iter().map(|name| ((*name).to_owned(), "s3cret".into())).collect::<BTreeMap<_, _>>(),
    }
}

fn all() -> impl Iterator<Item = &'static dyn Fetcher> {
    FETCHERS.iter().copied().chain([&plain::Plain as &dyn Fetcher])
}

fn ask(connector: &str, source: &Source, config: &Config) -> Result<Get, Failure> {
    fetcher(Some(connector)).ask(source, config)
}

fn id(id: &str) -> Source {
    Source::Id(id.to_owned())
}

fn url(url: &str) -> Source {
    Source::Url(url.to_owned())
}

#[test]
fn every_platform_is_asked_where_it_is() {
    let bearer = vec![("authorization", "Bearer s3cret".to_owned())];
    let basic = vec![("authorization", "Basic QUMxOnMzY3JldA==".to_owned())];
    let media = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1";
    for (connector, source, settings, secret, address, secrets) in [
        (
            "whatsapp_cloud",
            id("77"),
            &[][..],
            "access_token",
            "https://graph.facebook.com/v23.0/77",
            bearer.clone(),
        ),
        (
            "whatsapp_cloud",
            id("77"),
            &[("base_url", "https://gate.example/meta/"), ("api_version", "v25.0")],
            "access_token",
            "https://gate.example/meta/v25.0/77",
            bearer.clone(),
        ),
        (
            "telegram",
            id("a b"),
            &[],
            "bot_token",
            "https://api.telegram.org/bots3cret/getFile?file_id=a+b",
            vec![],
        ),
        (
            "line",
            id("1"),
            &[],
            "channel_access_token",
            "https://api-data.line.me/v2/bot/message/1/content",
            bearer.clone(),
        ),
        (
            "line",
            id("1"),
            &[("base_url", "https://api.line.me"), ("media_base_url", "https://files.example")],
            "channel_access_token",
            "https://files.example/v2/bot/message/1/content",
            bearer.clone(),
        ),
        ("line", url("https://a.example/b"), &[], "channel_access_token", "https://a.example/b", vec![]),
        ("slack", id("F1"), &[], "bot_token", "https://slack.com/api/files.info?file=F1", bearer.clone()),
        (
            "slack",
            url("https://files.slack.com/x.png"),
            &[],
            "bot_token",
            "https://files.slack.com/x.png",
            bearer,
        ),
        ("twilio", url(media), &[], "auth_token", media, basic.clone()),
        (
            "twilio",
            url("https://e.example/a"),
            &[("account_sid", "AC1")],
            "auth_token",
            "https://e.example/a",
            basic,
        ),
        (
            "messenger",
            url("https://cdn.example/a?b=c"),
            &[],
            "access_token",
            "https://cdn.example/a?b=c",
            vec![],
        ),
    ] {
        let get = ask(connector, &source, &config(settings, &[secret])).ok().unwrap();
        assert_eq!(http::asked(&get), (address, secrets), "{connector}");
    }
}

#[test]
fn what_cannot_be_asked_is_told_apart() {
    let all_secrets = ["access_token", "bot_token", "channel_access_token", "auth_token"];
    let (with, without) = (config(&[], &all_secrets), config(&[], &[]));
    let never = |loss| Some(Failure::Never(loss));
    for (connector, source, config, expected) in [
        // A secret may still be put there.
        ("whatsapp_cloud", id("77"), &without, Some(Failure::later(Loss::Refused))),
        ("vk", id("photo1_2"), &with, never(Loss::Unsupported)),
        ("messenger", url("ftp://e.example/a"), &with, never(Loss::NotAllowed)),
        ("messenger", url("https://ann:secret@e.example/a"), &with, never(Loss::NotAllowed)),
        ("messenger", url("a.png"), &with, never(Loss::NotAllowed)),
        // No id is a way to somewhere else.
        ("whatsapp_cloud", id(".."), &with, never(Loss::Unreadable)),
        ("whatsapp_cloud", id(""), &with, never(Loss::Unreadable)),
        ("line", id("."), &with, never(Loss::Unreadable)),
    ] {
        assert_eq!(ask(connector, &source, config).err(), expected, "{connector}");
    }
    let get = ask("whatsapp_cloud", &id("../../me?a=b#c"), &with).ok().unwrap();
    assert_eq!(http::asked(&get).0, "https://graph.facebook.com/v23.0/..%2F..%2Fme%3Fa=b%23c");
}

#[test]
fn an_answer_leads_to_the_file_or_says_why_not() {
    let config = config(&[], &["access_token", "bot_token"]);
    let found = |connector, answer: &Value| fetcher(Some(connector)).found(answer, &config);
    for (connector, answer, address) in [
        (
            "whatsapp_cloud",
            json!({"url": "https://lookaside.fbsbx.com/a?mid=1"}),
            "https://lookaside.fbsbx.com/a?mid=1",
        ),
        (
            "telegram",
            json!({"ok": true, "result": {"file_path": "photos/file_1.jpg", "file_size": 9}}),
            "https://api.telegram.org/file/bots3cret/photos/file_1.jpg",
        ),
        (
            "slack",
            json!({"ok": true, "file": {"url_private": "https://files.slack.com/a"}}),
            "https://files.slack.com/a",
        ),
    ] {
        let get = found(connector, &answer).ok().unwrap();
        assert_eq!((http::asked(&get).0, get.then), (address, Leads::File), "{connector}");
    }
    let never = Failure::Never;
    for (connector, answer, expected) in [
        ("whatsapp_cloud", json!({"url": 7}), never(Loss::Unreadable)),
        (
            "whatsapp_cloud",
            json!({"url": "https://a.example", "file_size": "99999999"}),
            never(Loss::TooLarge),
        ),
        (
            "telegram",
            json!({"ok": false, "description": "Bad Request: file is too big"}),
            never(Loss::TooLarge),
        ),
        (
            "telegram",
            json!({"ok": false, "description": "Bad Request: wrong file_id"}),
            Failure::later(Loss::Gone),
        ),
        ("telegram", json!({"ok": true, "result": {"file_path": "/etc/passwd"}}), never(Loss::Unreadable)),
        ("telegram", json!({"ok": true, "result": {"file_path": "a/../../b"}}), never(Loss::Unreadable)),
        ("slack", json!({"ok": false, "error": "file_deleted"}), never(Loss::Gone)),
        ("slack", json!({"ok": false, "error": "invalid_auth"}), Failure::later(Loss::Refused)),
        ("slack", json!([]), Failure::later(Loss::Refused)),
        ("line", json!({}), never(Loss::Unreadable)),
    ] {
        assert_eq!(found(connector, &answer).err(), Some(expected), "{connector} {answer}");
    }
}

#[test]
fn a_status_says_whether_to_ask_again() {
    let refused = |connector, status: u16, known, then, headers: &[(header::HeaderName, &'static str)]| {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let status = StatusCode::from_u16(status).unwrap();
        fetcher(Some(connector)).refused(&Head { status, headers: &headers, then, known })
    };
    let never = |loss| Some(Failure::Never(loss));
    let later = |loss| Some(Failure::later(loss));
    for (connector, status, known, then, expected) in [
        ("x", 200, false, Leads::File, None),
        ("x", 204, false, Leads::File, never(Loss::Unreadable)),
        ("x", 404, false, Leads::File, never(Loss::Gone)),
        ("x", 410, false, Leads::File, never(Loss::Gone)),
        ("x", 403, false, Leads::File, never(Loss::Refused)),
        ("x", 403, true, Leads::File, later(Loss::Refused)),
        ("x", 418, true, Leads::File, never(Loss::Refused)),
        ("x", 500, false, Leads::File, later(Loss::Unreachable)),
        ("line", 202, true, Leads::File, later(Loss::Unreachable)),
        ("telegram", 400, false, Leads::Found, None),
        ("telegram", 404, false, Leads::Found, later(Loss::Refused)),
        ("telegram", 404, false, Leads::File, never(Loss::Gone)),
        ("whatsapp_cloud", 400, true, Leads::Found, never(Loss::Gone)),
    ] {
        assert_eq!(refused(connector, status, known, then, &[]), expected, "{connector} {status}");
    }
    let busy = refused("x", 429, false, Leads::File, &[(header::RETRY_AFTER, "7")]);
    let retry_after = Some("7".to_owned());
    assert_eq!(busy, Some(Failure::Later { reason: Loss::Unreachable, retry_after }));
    let page = &[(header::CONTENT_TYPE, "text/html; charset=utf-8")][..];
    assert_eq!(refused("slack", 200, true, Leads::File, page), later(Loss::Refused));
    let download = [page, &[(header::CONTENT_DISPOSITION, "attachment")]].concat();
    assert_eq!(refused("slack", 200, true, Leads::File, &download), None);
}

#[test]
fn only_the_platform_is_told_who_we_are() {
    let (plain, gate) = (config(&[], &[]), config(&[("media_base_url", "http://127.0.0.1:99/api")], &[]));
    let other = config(&[("base_url", "http://127.0.0.1:99/api")], &[]);
    for (connector, config, address, may) in [
        // What the API is asked is our own affair: nobody else names an address there.
        ("whatsapp_cloud", &plain, "https://graph.facebook.com/v1/7", false),
        ("whatsapp_cloud", &other, "http://127.0.0.1:99/v1/7", false),
        ("slack", &plain, "https://slack.com/api/chat.delete", false),
        ("slack", &plain, "https://files.slack.com/a", true),
        ("whatsapp_cloud", &plain, "https://lookaside.fbsbx.com/whatsapp", true),
        ("whatsapp_cloud", &plain, "https://x.lookaside.fbsbx.com/whatsapp", true),
        ("whatsapp_cloud", &plain, "https://evillookaside.fbsbx.com/", false),
        ("whatsapp_cloud", &plain, "https://lookaside.fbsbx.com.evil.example/", false),
        ("whatsapp_cloud", &plain, "http://lookaside.fbsbx.com/whatsapp", false),
        ("whatsapp_cloud", &plain, "https://lookaside.fbsbx.com:444/whatsapp", false),
        ("whatsapp_cloud", &gate, "http://127.0.0.1:99/v1/7", true),
        ("whatsapp_cloud", &gate, "http://127.0.0.1:98/v1/7", false),
        ("whatsapp_cloud", &gate, "https://graph.facebook.com/v1/7", false),
        ("twilio", &plain, "https://api.dublin.ie1.twilio.com/a", true),
        ("twilio", &plain, "https://media.twiliocdn.com/a", false),
        ("messenger", &plain, "https://graph.facebook.com/a", false),
    ] {
        let address = address.parse().unwrap();
        assert_eq!(config.may_know(fetcher(Some(connector)), &address), may, "{connector} {address}");
    }
}

#[test]
fn a_file_is_what_the_platform_says_unless_it_does_not_know() {
    let announced = "image/jpeg".parse().unwrap();
    for (came, expected) in [
        (Some("image/png; q=1"), "image/png"),
        (Some("IMAGE/PNG"), "image/png"),
        (Some("application/octet-stream"), "image/jpeg"),
        (Some("binary/octet-stream"), "image/jpeg"),
        (Some(""), "image/jpeg"),
        (Some("no type"), "image/jpeg"),
        (None, "image/jpeg"),
    ] {
        assert_eq!(http::media_type(came, &announced).as_str(), expected, "{came:?}");
    }
}

proptest! {
    #[test]
    fn nobody_chooses_the_host_of_our_own_requests(
        text in ".{0,40}",
        key in "[a-z_]{1,12}",
        size in any::<u64>(),
    ) {
        let config = config(&[], &["access_token", "bot_token", "channel_access_token", "auth_token"]);
        for fetcher in all() {
            let base = ::url::Url::parse(fetcher.base_url()).map(|base| base.origin());
            let within = |get: &Get| !get.own || Ok(get.address.url().origin()) == base;
            if let Ok(get) = fetcher.ask(&id(&text), &config) {
                prop_assert!(get.own && within(&get), "{}", fetcher.name());
            }
            if let Ok(get) = fetcher.ask(&url(&text), &config) {
                prop_assert!(!get.own, "{}", fetcher.name());
            }
            let full = json!({"ok": true, "url": &text, "file_size": size, "result": {"file_path": &text},
                "file": {"url_private": &text}});
            for answer in [json!({ &key: &text }), full, json!(text)] {
                if let Ok(get) = fetcher.found(&answer, &config) {
                    prop_assert!(within(&get), "{}", fetcher.name());
                }
            }
        }
    }
}
