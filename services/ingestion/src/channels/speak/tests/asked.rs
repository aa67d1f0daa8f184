//! What platforms say when they are asked what they have.

use http::StatusCode;
use serde_json::{Value, json};

use super::{KEY, TEXT, TOKEN, account, public, reply, speaker, wire};
use crate::channels::speak::{Outgoing, Told};

fn asked(name: &str, message: &Outgoing<'_>) -> String {
    let call = speaker(name).ask(message, &account(name));
    let call = call.unwrap_or_else(|| panic!("{name} is not asked")).unwrap();
    assert_eq!((call.method.as_str(), call.body.len()), ("GET", 0));
    wire(&call).replace(TOKEN, "TOKEN")
}

fn told(name: &str, message: &Outgoing<'_>, body: &Value) -> Told {
    speaker(name).told(message, StatusCode::OK, body.to_string().as_bytes())
}

fn has(id: &str) -> Told {
    Told::Has { external_id: Some(id.to_owned()) }
}

#[test]
fn twilio() {
    let (name, said) = ("twilio", reply("+4917", "SM1"));
    let call = asked(name, &said);
    let address = "https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json";
    assert!(call.starts_with(&format!("GET {address}?To=%2B4917&PageSize=200&From=%2B15550001\n")), "{call}");
    assert!(call.contains("authorization: Basic "));
    let one = |body: &str, created: &str, direction: &str| json!({ "sid": "SM2", "body": body, "date_created": created, "date_sent": null, "direction": direction });
    let list = |messages: &[Value], next: Value| json!({ "messages": messages, "next_page_uri": next });
    let (now, before) = ("Sat, 14 Mar 2026 09:26:50 +0000", "Sat, 14 Mar 2026 09:20:00 +0000");
    let ours = one(TEXT, now, "outbound-api");
    assert_eq!(told(name, &said, &list(std::slice::from_ref(&ours), Value::Null)), has("SM2"));
    assert_eq!(told(name, &said, &list(&[ours], "/next".into())), has("SM2"));
    assert_eq!(told(name, &said, &list(&[one(TEXT, "", "outbound-api")], Value::Null)), has("SM2"));
    // The same words, said before or by the customer, are not this reply.
    let others = [one(TEXT, before, "outbound-api"), one(TEXT, now, "inbound")];
    assert_eq!(told(name, &said, &list(&others, Value::Null)), Told::HasNot);
    assert_eq!(told(name, &said, &list(&[], Value::Null)), Told::HasNot);
    // It may be on the next page; and Twilio may have written it otherwise.
    assert_eq!(told(name, &said, &list(&others, "/next".into())), Told::Nothing);
    let rewritten = one("Gruess Gott", now, "outbound-api");
    assert_eq!(told(name, &said, &list(&[rewritten], Value::Null)), Told::Nothing);
}

#[test]
fn youtube() {
    let (name, said) = ("youtube", public("UC1", "UgzDE2.8MnS"));
    let address = "https://www.googleapis.com/youtube/v3/comments";
    let query = "part=snippet&parentId=UgzDE2&maxResults=100&textFormat=plainText";
    assert_eq!(asked(name, &said), format!("GET {address}?{query}\nauthorization: Bearer TOKEN\n\n"));
    let ours = |text: &str, at: &str| json!({ "id": "UgzDE2.9", "snippet": { "textOriginal": text, "publishedAt": at } });
    let (now, before) = ("2026-03-14T09:26:51Z", "2026-03-14T09:20:00Z");
    assert_eq!(told(name, &said, &json!({ "items": [ours(TEXT, now)] })), has("UgzDE2.9"));
    assert_eq!(told(name, &said, &json!({ "items": [ours(TEXT, before)] })), Told::HasNot);
    // What others write, we get as it is displayed.
    let others = json!({ "id": "UgzDE2.9", "snippet": { "textDisplay": TEXT, "publishedAt": now } });
    assert_eq!(told(name, &said, &json!({ "items": [others] })), Told::HasNot);
    let more = json!({ "items": [ours("other", now)], "nextPageToken": "n" });
    assert_eq!(told(name, &said, &more), Told::Nothing);
}

#[test]
fn slack() {
    let (name, said) = ("slack", public("U1", "C1:1700.1"));
    let query = "channel=C1&limit=200&include_all_metadata=true&oldest=1773480343";
    let expected = |method: &str, more: &str| {
        format!("GET https://slack.com/api/{method}?{query}{more}\nauthorization: Bearer TOKEN\n\n")
    };
    assert_eq!(asked(name, &said), expected("conversations.replies", "&ts=1700.1"));
    let direct = asked(name, &reply("U1", "D9:1.1"));
    assert_eq!(direct, expected("conversations.history", "").replace("C1", "D9"));
    assert!(speaker(name).ask(&reply("U1", "C1:1.1"), &account(name)).is_none());
    let one =
        |key: &str| json!({ "ts": "1701.5", "text": TEXT, "metadata": { "event_payload": { "key": key } } });
    let list = |one: Value, more: bool| json!({ "ok": true, "messages": [one], "has_more": more });
    assert_eq!(told(name, &said, &list(one(KEY), true)), has("C1:1701.5"));
    // The same words are not this reply.
    assert_eq!(told(name, &said, &list(one("another"), false)), Told::HasNot);
    assert_eq!(told(name, &said, &list(one("another"), true)), Told::Nothing);
    assert_eq!(told(name, &said, &json!({ "ok": false, "error": "missing_scope" })), Told::Nothing);
}

#[test]
fn x_in_public() {
    let (name, said) = ("x", public("55", "1346"));
    let query =
        "tweet.fields=created_at%2Creferenced_tweets&max_results=100&start_time=2026-03-14T09%3A25%3A43Z";
    let address = "https://api.x.com/2/users/2244994945/tweets";
    assert_eq!(asked(name, &said), format!("GET {address}?{query}\nauthorization: Bearer TOKEN\n\n"));
    let mut nobody = account(name);
    nobody.settings.clear();
    assert!(speaker(name).ask(&said, &nobody).is_none());
    let escaped = "Grüß Gott &amp; willkommen &lt;hier&gt;";
    let one = |text: &str, kind: &str, of: &str, at: &str| json!({ "id": "1347", "text": text, "created_at": at, "referenced_tweets": [{ "type": kind, "id": of }] });
    let (now, before) = ("2026-03-14T09:26:51.000Z", "2026-03-14T09:20:00.000Z");
    for text in [escaped.to_owned(), format!("@anna @otto {escaped}")] {
        let list = json!({ "data": [one(&text, "replied_to", "1346", now)], "meta": { "next_token": "n" } });
        assert_eq!(told(name, &said, &list), has("1347"), "{text}");
    }
    for other in [
        one(escaped, "quoted", "1346", now),
        one(escaped, "replied_to", "9999", now),
        one(escaped, "replied_to", "1346", before),
    ] {
        assert_eq!(told(name, &said, &json!({ "data": [other] })), Told::HasNot, "{other}");
    }
    // X may have shortened a link.
    let list = json!({ "data": [one("Grüß Gott https://t.co/1", "replied_to", "1346", now)] });
    assert_eq!(told(name, &said, &list), Told::Nothing);
    assert_eq!(told(name, &said, &json!({ "meta": { "result_count": 0 } })), Told::HasNot);
    let of_others = json!({ "data": [one("other", "quoted", "1", now)], "meta": { "next_token": "n" } });
    assert_eq!(told(name, &said, &of_others), Told::Nothing);
    let broken = json!({ "data": [], "errors": [{ "title": "Partial" }] });
    assert_eq!(told(name, &said, &broken), Told::Nothing);
}

#[test]
fn x_in_private() {
    let (name, said) = ("x", reply("55", "1346"));
    let query = "dm_event.fields=created_at%2Csender_id%2Ctext&event_types=MessageCreate&max_results=100";
    let address = "https://api.x.com/2/dm_conversations/with/55/dm_events";
    assert_eq!(asked(name, &said), format!("GET {address}?{query}\nauthorization: Bearer TOKEN\n\n"));
    let one = |text: &str, by: &str, at: &str| json!({ "id": "7", "text": text, "sender_id": by, "created_at": at });
    let (now, before) = ("2026-03-14T09:26:51.000Z", "2026-03-14T09:20:00.000Z");
    let list = |all: Value| json!({ "data": all, "meta": { "next_token": "n" } });
    assert_eq!(told(name, &said, &list(json!([one(TEXT, "us", now)]))), has("7"));
    let older = json!([one(TEXT, "55", now), one(TEXT, "us", before)]);
    assert_eq!(told(name, &said, &list(older)), Told::HasNot);
    assert_eq!(told(name, &said, &list(json!([one(TEXT, "55", now)]))), Told::Nothing);
    assert_eq!(told(name, &said, &list(json!([one("other", "us", now)]))), Told::Nothing);
}

#[test]
fn who_does_not_answer_says_nothing() {
    for name in ["twilio", "youtube", "slack", "x"] {
        let said = public("U1", "C1:1700.1");
        for (status, body) in [
            (StatusCode::OK, ""),
            (StatusCode::OK, "{}"),
            (StatusCode::OK, r#"{"ok":true}"#),
            (
                StatusCode::NOT_FOUND,
                r#"{"messages":[],"items":[],"ok":true,"has_more":false,"next_page_uri":null}"#,
            ),
            (StatusCode::BAD_GATEWAY, r#"{"messages":[],"items":[],"ok":true,"has_more":false}"#),
        ] {
            assert_eq!(speaker(name).told(&said, status, body.as_bytes()), Told::Nothing, "{name}: {body}");
        }
    }
}
