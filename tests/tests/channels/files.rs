//! Files that webhooks announce, fetched over real HTTP from a platform that is none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use data_encoding::{BASE64, HEXLOWER};
use futures_util::{StreamExt, TryStreamExt};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use proto::cases::v1 as pb;
use serde_json::{Value, json};
use service::clock::SystemClock;
use sha2::{Digest, Sha256};
use tests::world::World;
use tonic::{Code, Status};

use crate::{
    accounts::{Secrets, all_taken, give_accounts, with_accounts},
    fake::{self, Asked, Fake, Reply},
};

const SECRET: &str = "1222e786b144d0e85b9f365372d93676";
const IMAGE: &[u8] = b"\x89PNG\r\n\x1a\nnot quite an image";
/// The longest a test waits for what is to come by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account whose secrets are all the same, with these settings beside the address of its platform.
fn account(secrets: &Secrets, id: &str, channel: &str, base: &str, settings: &str) -> String {
    let secret = secrets.put("secret", SECRET);
    let names = ["app_secret", "verify_token", "access_token", "channel_secret", "channel_access_token"];
    let more = ["secret_token", "bot_token", "signing_secret"];
    let all: Vec<_> = names.iter().chain(&more).map(|name| format!("{name} = \"{secret}\"")).collect();
    format!(
        "id = \"{id}\"\nchannel = \"{channel}\"\nsettings = {{ base_url = \"{base}\"{settings} }}\nsecrets = {{ {} }}",
        all.join(", ")
    )
}

const PRIVATE: &str = ", private_addresses = \"true\"";

/// The same where files come from the platform's API too.
fn all_from(fake: &Fake) -> String {
    format!("{PRIVATE}, media_base_url = \"{}\"", fake.base)
}

fn mac(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// What a platform tells us, signed as the platform of the account does.
async fn tell(world: &World, account: &str, body: &Value) {
    let body = serde_json::to_vec(body).unwrap();
    let now = (world.platform.shell.clock.now().as_microsecond() / 1_000_000).to_string();
    let (name, proof) = match account {
        "line" => ("x-line-signature", BASE64.encode(&mac(&[&body]))),
        "telegram" => ("x-telegram-bot-api-secret-token", SECRET.to_owned()),
        "slack" => {
            let parts: &[&[u8]] = &[b"v0:", now.as_bytes(), b":", &body];
            ("x-slack-signature", format!("v0={}", HEXLOWER.encode(&mac(parts))))
        }
        _ => ("x-hub-signature-256", format!("sha256={}", HEXLOWER.encode(&mac(&[&body])))),
    };
    let request = Request::post(format!("http://{}/hooks/{account}", world.platform.hooks.unwrap()))
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", &now)
        .header(name, proof)
        .body(Body::from(body))
        .unwrap();
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    assert_eq!(client.request(request).await.unwrap().status(), StatusCode::OK, "{account}");
}

/// A message of WhatsApp with an image.
fn image(id: &str, media: &str, sha256: Option<&[u8]>) -> Value {
    let mut image = json!({"id": media, "mime_type": "image/jpeg"});
    if let Some(sha256) = sha256 {
        image["sha256"] = BASE64.encode(sha256).into();
    }
    let message =
        json!({"from": "351900000001", "id": id, "timestamp": "1790000000", "type": "image", "image": image});
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100", "phone_number_id": "1"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "351900000001"}],
        "messages": [message],
    });
    let entry = json!([{"id": "2", "changes": [{"field": "messages", "value": value}]}]);
    json!({"object": "whatsapp_business_account", "entry": entry})
}

/// A message of Telegram with a photo and words below it, or as it is after an edit.
fn captioned(kind: &str, file: &str, caption: &str, edited: u64) -> Value {
    let mut message = json!({"message_id": 5, "date": 1_790_000_000, "chat": {"id": 9, "type": "private"},
        "from": {"id": 9, "is_bot": false, "first_name": "Ana"}, "caption": caption,
        "photo": [{"file_id": file, "file_unique_id": "u", "width": 9, "height": 9}]});
    if edited > 0 {
        message["edit_date"] = (1_790_000_000 + edited).into();
    }
    json!({"update_id": edited + 1, kind: message})
}

/// A message of Slack with a file.
fn upload(url: &str) -> Value {
    json!({"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1",
        "event_time": 1_790_000_000, "event": {"type": "message", "subtype": "file_share", "channel": "D1",
        "channel_type": "im", "user": "U1", "ts": "1790000000.000100", "event_ts": "1790000000.000100", "text": "",
        "files": [{"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 26, "url_private": url}]}})
}

/// The photo that LINE has under a message's id.
fn photo(id: &str) -> Value {
    json!({"destination": "U1", "events": [{"type": "message", "mode": "active", "timestamp": 1_790_000_000_000_u64,
        "source": {"type": "user", "userId": "U2"}, "webhookEventId": format!("e{id}"), "replyToken": "r",
        "deliveryContext": {"isRedelivery": false}, "message": {"type": "image", "id": id, "quoteToken": "q",
        "contentProvider": {"type": "line"}}}]})
}

/// The only case, once none of its files is to be fetched any more.
async fn settled(world: &World) -> pb::Case {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 10, ..Default::default() }).await;
    assert_eq!(cases.len(), 1, "one conversation is one case");
    let case_id = &cases[0].case_id;
    // What is fetched is written to the stream of its message: after each entry there may be none any more.
    let messages = [eventlog::Category::new("message").unwrap()];
    let mut entries = world.platform.shell.log.follow(eventlog::Position::NONE, &messages);
    let waiting = async {
        loop {
            let entry = entries.next().await.unwrap().unwrap();
            let at_least = world.platform.shell.token(entry.position);
            root.list(pb::ListCasesRequest { at_least, page_size: 1, ..Default::default() }).await;
            let case = root.case(case_id).await;
            let mut files = case.timeline.iter().flat_map(|item| &item.attachments);
            if files.all(|file| !file.announced) {
                return case;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("files are fetched, or given up")
}

/// The bytes of a file.
async fn bytes(world: &World, case: &pb::Case, item: usize, index: u32) -> Result<Vec<u8>, Status> {
    let (case_id, message_id) = (case.case_id.clone(), case.timeline[item].id.clone());
    let request = pb::GetAttachmentRequest { case_id, message_id, index, ..Default::default() };
    let mut pieces = world.administrator().cases.get_attachment(request).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await? {
        bytes.extend(piece.content);
    }
    Ok(bytes)
}

/// How often this stands in the log of messages.
async fn told(world: &World, kind: &str) -> usize {
    let log = &world.platform.shell.log;
    let messages = [eventlog::Category::new("message").unwrap()];
    let tail = log.tail(&messages).await.unwrap();
    let mut entries = log.follow(eventlog::Position::NONE, &messages);
    let mut count = 0;
    while let Some(entry) = entries.try_next().await.unwrap() {
        count += usize::from(service::envelope::contains(&entry.body, kind));
        if entry.position >= tail {
            break;
        }
    }
    count
}

fn found(fake: &Fake, path: &str) -> Reply {
    fake::json(&json!({"messaging_product": "whatsapp", "url": format!("{}{path}", fake.base),
        "mime_type": "image/jpeg", "file_size": "26", "id": "77"}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_image_is_fetched_once_and_comes_back_as_it_was() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    fake.answer("/v23.0/77", [found(&fake, "/file?pass=1")]);
    fake.answer("/file?pass=1", [fake::file("image/png; charset=binary", IMAGE)]);
    let world = with_accounts(&[&account(&secrets, "wa", "whatsapp", &fake.base, &all_from(&fake))]).await;
    let message = image("wamid.1", "77", Some(&Sha256::digest(IMAGE)));
    for _ in 0..3 {
        tell(&world, "wa", &message).await;
    }
    let case = settled(&world).await;
    let file = &case.timeline[0].attachments[0];
    assert_eq!((&*file.media_type, file.bytes, &*file.lost), ("image/png", IMAGE.len() as u64, ""));
    assert_eq!(bytes(&world, &case, 0, 0).await.unwrap(), IMAGE);
    // Told again, it is there already.
    tell(&world, "wa", &message).await;
    settled(&world).await;
    let authorization = Some(format!("Bearer {SECRET}"));
    let asked = |path: &str| Asked { path: path.to_owned(), authorization: authorization.clone() };
    assert_eq!(fake.asked(), [asked("/v23.0/77"), asked("/file?pass=1")]);
    assert_eq!(told(&world, "message.file_kept").await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_had_is_lost_and_says_why() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    fake.answer("/v23.0/1", [fake::status(StatusCode::NOT_FOUND)]);
    fake.answer("/v23.0/2", [found(&fake, "/endless")]);
    fake.answer("/endless", [Reply::Endless]);
    let huge = json!({"url": format!("{}/huge", fake.base), "file_size": 41_943_041});
    fake.answer("/v23.0/3", [fake::json(&huge)]);
    fake.answer("/v23.0/4", [fake::json(&json!({"url": "file:///etc/hostname"}))]);
    fake.answer("/v23.0/5", [fake::json(&json!({"nothing": "of use"}))]);
    fake.answer("/v23.0/6", [fake::elsewhere("/v23.0/6")]);
    let world = with_accounts(&[&account(&secrets, "wa", "whatsapp", &fake.base, &all_from(&fake))]).await;
    let expected = [
        ("1", "gone"),
        ("2", "too_large"),
        ("3", "too_large"),
        ("4", "not_allowed"),
        ("5", "unreadable"),
        ("6", "unreadable"),
    ];
    for (media, _) in expected {
        tell(&world, "wa", &image(&format!("wamid.{media}"), media, None)).await;
    }
    let case = settled(&world).await;
    let mut lost: Vec<_> = case.timeline.iter().map(|item| &*item.attachments[0].lost).collect();
    lost.sort_unstable();
    let mut reasons = expected.map(|(_, reason)| reason);
    reasons.sort_unstable();
    assert_eq!(lost, reasons);
    let refused = bytes(&world, &case, 0, 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    // What lay in the buffers of both sides is more than what was read, and far from endless.
    assert!(fake.poured() < 64 << 20, "{} bytes were taken", fake.poured());
    assert_eq!((fake.times("/huge"), fake.times("/v23.0/6")), (0, 4));
    assert_eq!(told(&world, "message.file_lost").await, expected.len());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_leads_us_into_our_own_house() {
    let (secrets, fake, inside) = (Secrets::new(), Fake::start().await, Fake::start().await);
    fake.answer("/v2/bot/message/1/content", [fake::elsewhere(&format!("{}/secret", inside.base))]);
    fake.answer("/v2/bot/message/2/content", [fake::elsewhere("https://localhost/secret")]);
    fake.answer("/v2/bot/message/3/content", [fake::elsewhere("https://169.254.169.254/latest/meta-data")]);
    inside.answer("/secret", [fake::file("text/plain", b"secret")]);
    let world = with_accounts(&[&account(&secrets, "line", "line", &fake.base, "")]).await;
    for id in ["1", "2", "3"] {
        tell(&world, "line", &photo(id)).await;
    }
    let case = settled(&world).await;
    let lost: Vec<_> = case.timeline.iter().map(|item| &*item.attachments[0].lost).collect();
    assert_eq!(lost, ["not_allowed"; 3]);
    assert_eq!(fake.asked().len(), 3, "what policy names is asked, wherever it is");
    assert_eq!(inside.asked(), []);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_is_not_told_who_we_are() {
    let (secrets, fake, other) = (Secrets::new(), Fake::start().await, Fake::start().await);
    fake.answer("/v2/bot/message/1/content", [fake::elsewhere(&format!("{}/photo", other.base))]);
    other.answer("/photo", [fake::file("image/png", IMAGE)]);
    let world = with_accounts(&[&account(&secrets, "line", "line", &fake.base, PRIVATE)]).await;
    tell(&world, "line", &photo("1")).await;
    let case = settled(&world).await;
    assert_eq!(bytes(&world, &case, 0, 0).await.unwrap(), IMAGE);
    assert_eq!(fake.asked()[0].authorization, Some(format!("Bearer {SECRET}")));
    assert_eq!(other.asked(), [Asked { path: "/photo".into(), authorization: None }]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_lets_us_do_something_in_our_own_name() {
    let (secrets, fake, other) = (Secrets::new(), Fake::start().await, Fake::start().await);
    let delete = format!("{}/api/chat.delete?ts=1", fake.base);
    other.answer("/back", [fake::elsewhere(&delete)]);
    for url in [delete.clone(), format!("{}/back", other.base)] {
        let world = with_accounts(&[&account(&secrets, "slack", "slack", &fake.base, PRIVATE)]).await;
        tell(&world, "slack", &upload(&url)).await;
        assert_eq!(settled(&world).await.timeline[0].attachments[0].lost, "gone");
        world.end().await;
    }
    let asked = Asked { path: "/api/chat.delete?ts=1".into(), authorization: None };
    assert_eq!(fake.asked(), [asked.clone(), asked]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_keeps_the_file_that_stays_and_fetches_the_one_that_comes() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    let asked = |file: &str| format!("/bot{SECRET}/getFile?file_id={file}");
    for (file, content) in [("one", &b"the first"[..]), ("two", b"the second")] {
        let path = json!({"ok": true, "result": {"file_path": file}});
        fake.answer(&asked(file), [fake::json(&path)]);
        fake.answer(&format!("/file/bot{SECRET}/{file}"), [fake::file("image/png", content)]);
    }
    let world = with_accounts(&[&account(&secrets, "telegram", "telegram", &fake.base, PRIVATE)]).await;
    for (edited, file, caption, content) in [
        (0, "one", "It leaks", &b"the first"[..]),
        (10, "one", "It leaks!", b"the first"),
        (20, "two", "It leaks!", b"the second"),
        (30, "one", "It leaks", b"the first"),
    ] {
        let kind = if edited == 0 { "message" } else { "edited_message" };
        tell(&world, "telegram", &captioned(kind, file, caption, edited)).await;
        let case = settled(&world).await;
        assert_eq!((&*case.timeline[0].text, case.timeline.len()), (caption, 1));
        assert_eq!(bytes(&world, &case, 0, 0).await.unwrap(), content, "after {edited} s");
    }
    assert_eq!((fake.times(&asked("one")), fake.times(&asked("two"))), (1, 1), "each is fetched once");
    assert_eq!(told(&world, "message.file_kept").await, 4, "each body has its file");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_of_a_customer_who_is_erased_meanwhile() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    let content = "/v2/bot/message/1/content";
    let slow = Reply::Slow(Duration::from_secs(2), Box::new(fake::file("image/png", IMAGE)));
    fake.answer(content, [slow]);
    let world = with_accounts(&[&account(&secrets, "line", "line", &fake.base, PRIVATE)]).await;
    tell(&world, "line", &photo("1")).await;
    all_taken(&world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { page_size: 10, ..Default::default() }).await;
    let case = root.case(&cases[0].case_id).await;
    fake.until_asked(content).await;
    world.platform.shell.vault.destroy(std::slice::from_ref(&case.customer)).await.unwrap();
    let messages = [eventlog::Category::new("message").unwrap()];
    let before = world.platform.shell.log.tail(&messages).await.unwrap();
    // It looks once more, finds nobody, and is done with the message.
    let reactions = world.platform.ingestion.as_ref().unwrap().reactions();
    let fetching = reactions.iter().find(|reaction| reaction.name() == "ingestion.fetch_files").unwrap();
    let mut done = fetching.done();
    let is_done = done.wait_for(|done| *done >= before);
    tokio::time::timeout(PATIENCE, is_done).await.expect("it is done with the message").unwrap();
    assert_eq!(fake.times(content), 1);
    assert_eq!((told(&world, "message.file_kept").await, told(&world, "message.file_lost").await), (0, 0));
    let after = world.platform.shell.log.tail(&messages).await.unwrap();
    assert_eq!(after, before, "nothing was written");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_is_not_ready_is_asked_again() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    let content = "/v2/bot/message/1/content";
    fake.answer(content, [fake::status(StatusCode::ACCEPTED), fake::file("image/png", IMAGE)]);
    let later = vec![("retry-after", "4".to_owned())];
    let busy = Reply::Text(StatusCode::TOO_MANY_REQUESTS, later, Vec::new());
    fake.answer("/v2/bot/message/2/content", [busy, fake::file("image/png", IMAGE)]);
    let world = with_accounts(&[&account(&secrets, "line", "line", &fake.base, PRIVATE)]).await;
    let begin = tokio::time::Instant::now();
    tell(&world, "line", &photo("1")).await;
    tell(&world, "line", &photo("2")).await;
    let case = settled(&world).await;
    assert!(begin.elapsed() >= Duration::from_secs(4), "Retry-After is respected");
    for item in 0..2 {
        assert_eq!(bytes(&world, &case, item, 0).await.unwrap(), IMAGE);
    }
    assert_eq!((fake.times(content), fake.asked().len()), (2, 4));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_in_between_fetches_it_once_after_its_start() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    let content = "/v2/bot/message/1/content";
    fake.answer(content, [Reply::Silence, fake::file("image/png", IMAGE)]);
    let account = account(&secrets, "line", "line", &fake.base, PRIVATE);
    let world = with_accounts(&[&account]).await;
    tell(&world, "line", &photo("1")).await;
    fake.until_asked(content).await;
    let folder = world.end().await.unwrap();
    for _ in 0..2 {
        let world = World::open(folder.path(), Arc::new(SystemClock)).await;
        give_accounts(&world, &[&account]).await;
        let case = settled(&world).await;
        assert_eq!(bytes(&world, &case, 0, 0).await.unwrap(), IMAGE);
        assert_eq!(told(&world, "message.file_kept").await, 1);
        assert_eq!(fake.times(content), 2, "once in vain, and once");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_platform_is_asked_in_its_own_way() {
    let (secrets, fake) = (Secrets::new(), Fake::start().await);
    fake.answer(
        &format!("/bot{SECRET}/getFile?file_id=big"),
        [fake::json(&json!({"ok": true, "result": {"file_id": "big", "file_path": "photos/file 1.png"}}))],
    );
    fake.answer(&format!("/file/bot{SECRET}/photos/file%201.png"), [fake::file("", IMAGE)]);
    let telegram = captioned("message", "big", "", 0);

    fake.answer("/messenger.png?pass=2", [fake::file("image/png", IMAGE)]);
    let at = format!("{}/messenger.png?pass=2", fake.base);
    let messenger = json!({"object": "page", "entry": [{"id": "7", "time": 1_790_000_000_000_u64, "messaging": [{
        "sender": {"id": "42"}, "recipient": {"id": "7"}, "timestamp": 1_790_000_000_000_u64,
        "message": {"mid": "m_1", "attachments": [{"type": "image", "payload": {"url": at}}]}}]}]});

    fake.answer("/slack.png", [fake::file("image/png", IMAGE)]);
    let slack = upload(&format!("{}/slack.png", fake.base));

    let bearer = format!("Bearer {SECRET}");
    for (id, call, secret) in
        [("telegram", telegram, None), ("messenger", messenger, None), ("slack", slack, Some(bearer))]
    {
        let world = with_accounts(&[&account(&secrets, id, id, &fake.base, &all_from(&fake))]).await;
        tell(&world, id, &call).await;
        let case = settled(&world).await;
        let file = &case.timeline[0].attachments[0];
        assert_eq!((&*file.lost, file.bytes), ("", IMAGE.len() as u64), "{id}");
        assert_eq!(bytes(&world, &case, 0, 0).await.unwrap(), IMAGE, "{id}");
        assert_eq!(fake.asked().last().unwrap().authorization, secret, "{id}");
        world.end().await;
    }
}
