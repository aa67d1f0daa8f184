//! Web chats of those who want something else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::time::Duration;

use futures_util::SinkExt;
use http::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    accounts::Secrets,
    chat::{ORIGIN, Tab, call, connect, id, only_case, reply, say, site, texts},
};

/// A visitor who has said something, his token, and the id of our reply.
async fn victim(world: &tests::world::World) -> (String, String) {
    let mut tab = Tab::open(world, "web").await;
    let token = tab.hello(None).await["visitor"].as_str().unwrap().to_owned();
    tab.ask(&say(&id(), "My card ends with 4242"), "taken").await;
    let case = only_case(world, "web").await;
    let reply = reply(world, "ana", &case.case_id, "Thank you, Ann").await;
    // His own words are shown to him too: it is the answer that is waited for.
    tab.line().await;
    (token, reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_comes_in_as_somebody_else() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let (token, sent) = victim(&world).await;
    let parts: Vec<&str> = token.split('.').collect();
    let other = Tab::open(&world, "web").await.hello(None).await;
    let other = other["visitor"].as_str().unwrap().to_owned();
    let others: Vec<&str> = other.split('.').collect();
    let forged = [
        // His name with the proof of another, a later time, another kind, no proof, nothing.
        format!("v.{}.{}.{}", parts[1], others[2], others[3]),
        format!("v.{}.9999999999.{}", parts[1], parts[3]),
        format!("u.{}.{}.{}", parts[1], parts[2], parts[3]),
        format!("v.{}.{}.", parts[1], parts[2]),
        parts[1].to_owned(),
        String::new(),
        "....".to_owned(),
        "v".repeat(10_000),
    ];
    for wrong in &forged {
        let mut tab = Tab::open(&world, "web").await;
        let refused = tab.ask(&json!({"type": "hello", "visitor": wrong}), "refused").await;
        assert_eq!((&refused["code"], &refused["final"]), (&json!("visitor"), &json!(true)));
        let wait = json!({"type": "older", "before": 1_000_000}).to_string();
        let header = if wrong.is_empty() { "x" } else { wrong };
        let (status, _, answer) = call(&world, "web/call", (ORIGIN, Some(header)), wait).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("visitor")));
        // Who is refused may still come in as somebody new.
        assert_eq!(texts(&tab.hello(None).await).len(), 0);
    }
    // His token is one of this account's only.
    let mut tab = Tab::open(&world, "shop").await;
    let refused = tab.ask(&json!({"type": "hello", "visitor": token}), "refused").await;
    assert_eq!(refused["code"], "visitor");

    // Another visitor cannot tell whether a reply exists, and changes nothing of it.
    let mut tab = Tab::open(&world, "web").await;
    tab.hello(Some(&other)).await;
    for id in [format!("{sent}.1"), format!("{sent}.2"), id() + ".1", "x".into(), "..".into()] {
        let noted = tab.ask(&json!({"type": "seen", "ids": [id], "how": "read"}), "noted").await;
        assert_eq!(noted, json!({"type": "noted"}));
    }
    let reported = |entry: &eventlog::Entry| service::envelope::contains(&entry.body, "message.reported");
    assert!(!world.log_entries(&["message"]).await.iter().any(reported));
    // He himself says so, and it is noted.
    let mut tab = Tab::open(&world, "web").await;
    tab.hello(Some(&token)).await;
    tab.ask(&json!({"type": "seen", "ids": [format!("{sent}.1")], "how": "read"}), "noted").await;
    assert_eq!(world.log_entries(&["message"]).await.iter().filter(|entry| reported(entry)).count(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_visitors_who_choose_the_same_id_are_two() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let same = id();
    let mut tokens = Vec::new();
    for text in ["from one", "from another"] {
        let mut tab = Tab::open(&world, "web").await;
        tokens.push(tab.hello(None).await["visitor"].as_str().unwrap().to_owned());
        tab.ask(&say(&same, text), "taken").await;
    }
    for (token, text) in tokens.iter().zip(["from one", "from another"]) {
        assert_eq!(texts(&Tab::open(&world, "web").await.hello(Some(token)).await), [text]);
    }
    // The same id with other words changes nothing of what was said first.
    let mut tab = Tab::open(&world, "web").await;
    tab.hello(Some(&tokens[0])).await;
    tab.ask(&say(&same, "something else"), "taken").await;
    let told = Tab::open(&world, "web").await.hello(Some(&tokens[0])).await;
    assert_eq!(texts(&told), ["from one", "something else"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_or_nothing_or_no_frame_is_refused_with_a_remedy_and_the_chat_goes_on() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let mut tab = Tab::open(&world, "web").await;
    let refused = tab.ask(&say(&id(), "too early"), "refused").await;
    assert_eq!((&refused["code"], &refused["message"]), (&json!("no_greeting"), &json!("say hello first")));
    let token = tab.hello(None).await["visitor"].as_str().unwrap().to_owned();
    let mark = world.mark().await;
    let longest = "é".repeat(10_000);
    for (frame, code) in [
        (say(&id(), &format!("{longest}x")), "too_long"),
        (say(&id(), &"x".repeat(65 * 1024)), "too_long"),
        (say(&id(), " \n\t "), "empty"),
        (say("not-a-uuid", "hello"), "bad_frame"),
        (json!({"type": "hello"}), "greeted"),
        (json!({"type": "wait", "since": 0}), "bad_frame"),
        (json!({"type": "seen", "ids": vec!["x"; 101], "how": "read"}), "bad_frame"),
        (json!({"type": "seen", "ids": ["x"], "how": "eaten"}), "bad_frame"),
        (json!({"type": "say"}), "bad_frame"),
        (json!([]), "bad_frame"),
    ] {
        let refused = tab.ask(&frame, "refused").await;
        assert_eq!((&refused["code"], &refused["final"]), (&json!(code), &json!(true)), "{refused}");
        assert_eq!(
            refused["id"],
            if code == "bad_frame" && frame["text"].is_null() { Value::Null } else { frame["id"].clone() }
        );
    }
    for text in ["", "{", "{\"type\":\"say\",\"id\":\"\\ud800\"}", &"[".repeat(100_000)] {
        tab.socket.send(Message::text(text)).await.unwrap();
        assert_eq!(tab.until("refused").await["code"], "bad_frame");
    }
    world.nothing_since(mark).await;
    // The longest that may be said, and strange ones, come through whole.
    for text in [&*longest, "<script>alert(1)</script>", "\u{202e}abc\u{0}\u{1f468}\u{200d}\u{1f469}"] {
        tab.ask(&say(&id(), text), "taken").await;
    }
    let told = Tab::open(&world, "web").await.hello(Some(&token)).await;
    assert_eq!(texts(&told)[..2], [&*longest, "<script>alert(1)</script>"]);
    assert_eq!(texts(&told).len(), 3);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_bytes_or_a_flood_is_hung_up_on() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    for message in [
        Message::binary(b"{\"type\":\"ping\"}".to_vec()),
        Message::text("x".repeat(129 * 1024)),
        Message::text(format!("\"{}\"", "x".repeat(4 << 20))),
    ] {
        let mut tab = Tab::open(&world, "web").await;
        tab.hello(None).await;
        // It may hang up before all of it is sent.
        tab.socket.send(message).await.ok();
        while tab.next().await.is_some() {}
    }
    // Too much at once is refused for now, then the connection ends; what was said in time is kept.
    let mut tab = Tab::open(&world, "web").await;
    let token = tab.hello(None).await["visitor"].as_str().unwrap().to_owned();
    for n in 0..60 {
        tab.socket.send(Message::text(say(&id(), &format!("flood {n}")).to_string())).await.ok();
    }
    let (mut taken, mut later) = (0, 0);
    while let Some(frame) = tab.next().await {
        match frame["type"].as_str().unwrap() {
            "taken" => taken += 1,
            "refused" => {
                assert_eq!((&frame["code"], &frame["final"]), (&json!("too_many"), &json!(false)));
                assert!(frame["retry_after_s"].as_u64().unwrap() >= 1);
                later += 1;
            }
            _ => {}
        }
    }
    assert!((10..20).contains(&taken) && later >= 20, "{taken} taken, {later} refused");
    let told = Tab::open(&world, "web").await.hello(Some(&token)).await;
    assert_eq!(texts(&told).len(), taken);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_stands_only_where_policy_says() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let hello = json!({"type": "hello"}).to_string();
    for origin in
        ["https://evil.example", "null", "", "http://shop.example", "https://shop.example.evil.example"]
    {
        assert_eq!(connect(&world, "web", origin).await.err(), Some(StatusCode::FORBIDDEN), "{origin}");
        let (status, headers, answer) = call(&world, "web/call", (origin, None), hello.clone()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &json!("origin")), "{origin}");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    // Our own page.
    let own = format!("http://{}", world.platform.hooks.unwrap());
    assert!(connect(&world, "web", &own).await.is_ok());
    // `forum` is no chat, `chat` has no origins, `nobody` is not there.
    for account in ["forum", "chat", "nobody", "..%2Fweb"] {
        assert_eq!(connect(&world, account, &own).await.err(), Some(StatusCode::NOT_FOUND), "{account}");
        let (status, _, answer) = call(&world, &format!("{account}/call"), (&own, None), hello.clone()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("no_chat")));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_counted_and_given_back() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let token = Tab::open(&world, "web").await.hello(None).await["visitor"].as_str().unwrap().to_owned();
    let mut tabs = Vec::new();
    for _ in 0..8 {
        let mut tab = Tab::open(&world, "web").await;
        tab.hello(Some(&token)).await;
        tabs.push(tab);
    }
    let hello = json!({"type": "hello", "visitor": token});
    let mut ninth = Tab::open(&world, "web").await;
    let refused = ninth.ask(&hello, "refused").await;
    assert_eq!((&refused["code"], &refused["final"]), (&json!("too_many_connections"), &json!(false)));
    // A call that waits is one as well; others are not.
    let wait = json!({"type": "wait", "since": 0}).to_string();
    let (status, ..) = call(&world, "web/call", (ORIGIN, Some(&token)), wait).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let said = say(&id(), "still heard").to_string();
    assert_eq!(call(&world, "web/call", (ORIGIN, Some(&token)), said).await.0, StatusCode::OK);
    // The place of who goes is free as soon as it is seen that he has gone.
    let mut gone = tabs.pop().unwrap();
    gone.socket.close(None).await.unwrap();
    while gone.next().await.is_some() {}
    let again = async {
        loop {
            let mut tab = Tab::open(&world, "web").await;
            tab.send(&hello).await;
            if tab.next().await.is_some_and(|frame| frame["type"] == "welcome") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::chat::AT_MOST, again).await.expect("a place");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_or_never_greets_holds_nobody_up() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    // One that never says a word, one that reads nothing while much is said to it.
    let mut silent = Tab::open(&world, "web").await;
    let mut slow = Tab::open(&world, "web").await;
    let token = slow.hello(None).await["visitor"].as_str().unwrap().to_owned();
    slow.ask(&say(&id(), "Tell me everything"), "taken").await;
    let case = only_case(&world, "web").await;
    let long = "long ".repeat(1_900);
    for n in 0..40 {
        reply(&world, "ana", &case.case_id, &format!("{n} {long}")).await;
    }
    let last = reply(&world, "ana", &case.case_id, "the last").await;
    crate::chat::delivered(&world, &last, proto::ingestion::v1::delivery::Status::Sent).await;
    // Everybody else is served meanwhile.
    let begun = std::time::Instant::now();
    let told = Tab::open(&world, "web").await.hello(Some(&token)).await;
    assert_eq!(texts(&told).last(), Some(&"the last"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(silent.next().await.is_none(), "who does not greet is hung up on");
    // The end of the site does not wait for either.
    let begun = std::time::Instant::now();
    world.end().await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    drop(slow);
}
