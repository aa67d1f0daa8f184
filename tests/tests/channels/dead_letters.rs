//! What cannot be read of a call takes nothing else along, and is not lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use http::StatusCode;
use proto::ingestion::v1 as pb;
use serde_json::{Value, json};
use tests::world::World;
use tonic::Code;

use crate::{
    accounts::{Secrets, Sums, all_taken, ledger, with_accounts},
    hooks::{Platform, SECRET, delivery},
};

/// A site with the account `wa`.
async fn whatsapp(secrets: &Secrets, settings: &str) -> (World, Platform) {
    let app = secrets.put("wa-app", SECRET);
    let account = format!(
        "id = \"wa\"\nchannel = \"whatsapp\"\n{settings}\nsecrets = {{ app_secret = \"{app}\", verify_token = \"{app}\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    (world, platform)
}

fn text(id: &str, body: &str) -> Value {
    json!({"from": "351900000001", "id": id, "timestamp": "1790000000", "type": "text", "text": {"body": body}})
}

/// What nobody can read: it has no id.
fn broken() -> Value {
    json!({"from": "351900000001", "timestamp": "1790000000", "type": "text", "text": {"body": "who am I?"}})
}

pub async fn letters(world: &World, state: pb::dead_letter::State) -> Vec<pb::DeadLetter> {
    let request = pb::ListDeadLettersRequest { state: state.into(), ..Default::default() };
    world.administrator().dead_letters.list_dead_letters(request).await.unwrap().into_inner().dead_letters
}

async fn call(world: &World, id: &str) -> Option<pb::get_dead_letter_response::Call> {
    let request = pb::GetDeadLetterRequest { id: id.to_owned(), with_call: true };
    world.administrator().dead_letters.get_dead_letter(request).await.unwrap().into_inner().call
}

pub async fn retry(world: &World, id: &str) -> pb::DeadLetter {
    let request = pb::RetryDeadLetterRequest { id: id.to_owned() };
    let answer = world.administrator().dead_letters.retry_dead_letter(request).await.unwrap();
    answer.into_inner().dead_letter.unwrap()
}

/// Accepted, duplicate, rejected.
async fn counts(world: &World) -> (u64, u64, u64) {
    all_taken(world).await;
    let request = pb::GetLedgerRequest { account: "wa".into(), ..Default::default() };
    let rows = world.administrator().ingestion.get_ledger(request).await.unwrap().into_inner().rows;
    rows.iter().fold((0, 0, 0), |(a, d, r), row| (a + row.accepted, d + row.duplicate, r + row.rejected))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_events_are_taken_and_a_broken_one_between_them_is_kept_once() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    let body = delivery(&json!([text("wamid.1", "one"), broken(), text("wamid.2", "two")]), &json!([]));
    for _ in 0..3 {
        assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    }
    assert_eq!(counts(&world).await, (2, 6, 1), "two messages and a letter, each three times");
    let kept = letters(&world, pb::dead_letter::State::Kept).await;
    let [letter] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((&*letter.account, &*letter.connector), ("wa", "whatsapp_cloud"));
    assert!(letter.path.ends_with("messages[0].id"), "{letter:?}");
    assert!(!format!("{letter:?}").contains("who am I"), "what it says is not told beside it");
    let call = call(&world, &letter.id).await.unwrap();
    let said: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(said["entry"][0]["changes"][0]["value"]["messages"], json!([broken()]));
    assert!(!call.headers.contains_key("x-hub-signature-256"), "what proves a call is not kept");

    // As long as nobody can read it, it stays.
    let again = retry(&world, &letter.id).await;
    assert_eq!((again.state(), again.retries), (pb::dead_letter::State::Kept, 1));
    assert_eq!(counts(&world).await, (2, 6, 1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_json_or_named_too_long_is_kept_until_it_is_given_up() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    // Longer than any id: nothing is wrong with its form.
    let long = text(&"w".repeat(2_000), "too long a name");
    let bodies = [
        delivery(&json!([text("wamid.1", "one"), long]), &json!([])),
        b"\xff\xfe no JSON at all".to_vec(),
        b"[[[[".to_vec(),
        b"{\"object\":\"whatsapp_business_account\",\"entry\":7}".to_vec(),
    ];
    for body in bodies.iter().chain(&bodies) {
        assert_eq!(platform.signed("wa", body).await, StatusCode::OK);
    }
    assert_eq!(letters(&world, pb::dead_letter::State::Kept).await.len(), 4);
    let whole = letters(&world, pb::dead_letter::State::Kept).await;
    let mut said = Vec::new();
    for letter in &whole {
        said.push(call(&world, &letter.id).await.unwrap().body);
    }
    for body in &bodies[1..] {
        assert!(said.contains(body), "as it came, to the byte");
    }
    // Nothing of what is not proved is kept.
    let refused = platform.call(http::Method::POST, "wa", &[("x-hub-signature-256", "sha256=00")], "{").await;
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    let question = platform
        .call(http::Method::GET, "wa?hub.verify_token=1222e786b144d0e85b9f365372d93676", &[], "")
        .await;
    assert_eq!(question.0, StatusCode::BAD_REQUEST, "a question is answered, not kept");
    assert_eq!(letters(&world, pb::dead_letter::State::Kept).await.len(), 4);

    // Given up: what it said is gone, and stays gone.
    let id = whole[1].id.clone();
    let mut root = world.administrator();
    let discard = || pb::DiscardDeadLetterRequest { id: id.clone() };
    for _ in 0..2 {
        let answer = root.dead_letters.discard_dead_letter(discard()).await.unwrap().into_inner();
        assert_eq!(answer.dead_letter.unwrap().state(), pb::dead_letter::State::Discarded);
    }
    assert_eq!(call(&world, &id).await, None);
    for body in &bodies {
        assert_eq!(platform.signed("wa", body).await, StatusCode::OK);
    }
    assert_eq!(letters(&world, pb::dead_letter::State::Kept).await.len(), 3);
    assert_eq!(retry(&world, &id).await.state(), pb::dead_letter::State::Discarded);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_for_integrators_and_administrators() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    assert_eq!(platform.signed("wa", b"{").await, StatusCode::OK);
    let id = letters(&world, pb::dead_letter::State::Kept).await[0].id.clone();
    for person in ["ana", "nora", "yan", "cleo"] {
        let mut caller = world.caller(person, &[]);
        let list = caller.dead_letters.list_dead_letters(pb::ListDeadLettersRequest::default()).await;
        assert_eq!(list.unwrap_err().code(), Code::PermissionDenied, "{person}");
        let get = pb::GetDeadLetterRequest { id: id.clone(), with_call: true };
        assert_eq!(
            caller.dead_letters.get_dead_letter(get).await.unwrap_err().code(),
            Code::PermissionDenied
        );
        let retry = pb::RetryDeadLetterRequest { id: id.clone() };
        assert_eq!(
            caller.dead_letters.retry_dead_letter(retry).await.unwrap_err().code(),
            Code::PermissionDenied
        );
    }
    let mut root = world.administrator();
    let unknown = pb::RetryDeadLetterRequest { id: uuid::Uuid::nil().to_string() };
    assert_eq!(root.dead_letters.retry_dead_letter(unknown).await.unwrap_err().code(), Code::NotFound);
    let bad = pb::GetDeadLetterRequest { id: "x".into(), with_call: false };
    assert_eq!(root.dead_letters.get_dead_letter(bad).await.unwrap_err().code(), Code::InvalidArgument);
    world.end().await;
}

/// What [`SEALED`] is sealed with: the account lacks it at first, as an account does whose safe mode was switched on.
const AES_KEY: &str = "cgeEiTb3D20WbmU/c8cffQ0uLTp8bPkWrYcQXGH8eJ4";
/// A message of the app `wx1`, in safe mode.
const SEALED: &str = "jN0/kR478YEpTFWbBeBp8/RSo3EsXEmisfsZJIqLfROv42Q697bSNEbQfoUqIfsQ/MENyghT0oYiVEn+X6L/WDVsCBfMskZbyUqyD2IQ6+QdUiJbHrFO+H35HKpAZoN3joOm6d9laZjvQ/+calk7J1PhCVCUjKMdqwtsptvOWXYI88fy/Pys6I4s+lWjOjBkEiOhuTkhXG3smIXwsQNb3T3WHESKkpoBaFNMHoV5ypRV+mHPgJCodM68hsnxf0qRHj1rexAzIeD5p70y8pkNS6fgF8jLKbkn39jSJSKJH20AxARQxY87cfXfbl3N/GVUy/JuJpIE3UokSCcSHZ62PQ==";

/// The text with which WeChat signs in its address.
fn signed_now(token: &str) -> String {
    use sha1::{Digest, Sha1};
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let mut parts = [token, &now, &nonce];
    parts.sort_unstable();
    let signature = data_encoding::HEXLOWER.encode(&Sha1::digest(parts.concat()));
    format!("timestamp={now}&nonce={nonce}&signature={signature}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_read_at_last_is_taken_exactly_once() {
    let secrets = Secrets::new();
    let token = secrets.put("token", "a token");
    // It names a file that is not there yet.
    let key = secrets.put("later", "").replace("later", "aes-key");
    let account = format!(
        "id = \"wx\"\nchannel = \"wechat\"\nsecrets = {{ token = \"{token}\", encoding_aes_key = \"{key}\" }}\n\
         settings = {{ app_id = \"wx1\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    let body = format!("<xml><ToUserName>gh_1</ToUserName><Encrypt>{SEALED}</Encrypt></xml>");
    for _ in 0..3 {
        let path = format!("wx?{}", signed_now("a token"));
        let answer =
            platform.call(http::Method::POST, &path, &[("content-type", "text/xml")], body.clone()).await;
        assert_eq!(answer, (StatusCode::OK, "success".to_owned()), "else WeChat tells the customer");
    }
    assert_eq!(ledger(&world).await["wx"], Sums { accepted: 0, duplicate: 2, rejected: 1 });
    let kept = letters(&world, pb::dead_letter::State::Kept).await;
    let [letter] = &kept[..] else { panic!("{kept:?}") };
    assert!(world.log_entries(&["message"]).await.is_empty());

    secrets.put("aes-key", AES_KEY);
    let now = retry(&world, &letter.id).await;
    assert_eq!(now.state(), pb::dead_letter::State::Taken);
    let (first, second) = tokio::join!(retry(&world, &letter.id), retry(&world, &letter.id));
    assert_eq!((first.state(), second.state()), (now.state(), now.state()));
    all_taken(&world).await;
    let mut root = world.administrator();
    let cases = root.list(proto::cases::v1::ListCasesRequest { page_size: 200, ..Default::default() }).await;
    assert_eq!(cases.len(), 1);
    let case = root.case(&cases[0].case_id).await;
    let said: Vec<_> = case.timeline.iter().map(|item| &*item.text).collect();
    assert_eq!(said, ["It leaks"], "once, however often it is taken again");
    let counted = ledger(&world).await["wx"];
    assert_eq!(counted, Sums { accepted: 1, duplicate: 2, rejected: 0 }, "as it came, three times");
    assert_eq!(call(&world, &letter.id).await, None, "and the letter is destroyed");
    assert!(letters(&world, pb::dead_letter::State::Kept).await.is_empty());
    world.end().await;
}

/// What is read and cannot be taken in, an id that no log can have, is no less told than what cannot be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_and_not_taken_is_kept_as_well() {
    let secrets = Secrets::new();
    let bearer = secrets.put("bearer", "let me in");
    let account = format!(
        "id = \"wa\"\nchannel = \"chat\"\nconnector = \"cloudevents\"\nsecrets = {{ bearer = \"{bearer}\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    let event = |id: &str| {
        json!({"specversion": "1.0", "id": id, "source": "s", "type": "dossier.message", "time": "2026-01-02T03:04:05Z",
               "data": {"id": id, "customer": {"id": "ana"}, "text": id}})
    };
    let body = json!([event("one"), event("bell\u{7}"), event("two")]).to_string();
    let headers =
        [("authorization", "Bearer let me in"), ("content-type", "application/cloudevents-batch+json")];
    for _ in 0..3 {
        let answer = platform.call(http::Method::POST, "wa", &headers, body.clone()).await;
        assert_eq!(answer.0, StatusCode::OK);
    }
    assert_eq!(counts(&world).await, (2, 4, 3), "what the intake refuses is refused each time");
    let kept = letters(&world, pb::dead_letter::State::Kept).await;
    let [letter] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(letter.path, "external_id");
    let call = call(&world, &letter.id).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap(), json!([event("bell\u{7}")]));
    for _ in 0..2 {
        assert_eq!(retry(&world, &letter.id).await.state(), pb::dead_letter::State::Kept);
    }
    assert_eq!(counts(&world).await, (2, 4, 3), "to try it again is no delivery");
    world.end().await;
}

/// The site's own store.
async fn store(world: &World) -> sqlx::SqliteConnection {
    let folder = world.folder.as_ref().unwrap().path();
    let inner =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut folders = inner.chain([folder.to_owned()]).map(|folder| folder.join("ingestion.db"));
    let file = folders.find(|file| file.exists()).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap()
}

/// As many bytes of dead letters as an account may have.
async fn fill(world: &World) {
    let sql = "insert into dead_letter values ('00000000-0000-0000-0000-000000000000', 'wa', 'whatsapp_cloud', 'kept', \
               'body', 'JSON', 0, 0, 1073741824, 0, 'none', '')";
    sqlx::query(sql).execute(&mut store(world).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_box_keeps_no_good_event_out_and_what_comes_again_for_it_is_counted_once() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    let before = delivery(&json!([text("wamid.0", "before")]), &json!([]));
    assert_eq!(platform.signed("wa", &before).await, StatusCode::OK);
    fill(&world).await;
    let messages =
        json!([text("wamid.0", "before"), text("wamid.1", "one"), broken(), text("wamid.2", "two")]);
    let body = delivery(&messages, &json!([]));
    for _ in 0..3 {
        assert_eq!(
            platform.signed("wa", &body).await,
            StatusCode::SERVICE_UNAVAILABLE,
            "it is to come again"
        );
        assert_eq!(counts(&world).await, (3, 0, 0), "what can be read is there, and the rest is not decided");
    }
    let emptied = sqlx::query("delete from dead_letter").execute(&mut store(&world).await).await.unwrap();
    assert_eq!(emptied.rows_affected(), 1);
    assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    assert_eq!(counts(&world).await, (3, 1, 1), "one call of four events, of which one had come before");
    // From here on it is a second delivery.
    assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    assert_eq!(counts(&world).await, (3, 5, 1));
    world.end().await;
}

/// Of two letters of a call one is kept and for the other there is no room: when the call comes again, both are new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_was_new_in_a_call_that_comes_again_counts_as_rejected() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    fill(&world).await;
    let room = "update dead_letter set bytes = bytes - 20000";
    sqlx::query(room).execute(&mut store(&world).await).await.unwrap();
    let mut long = broken();
    long["filler"] = "x".repeat(30_000).into();
    // Each entry of a call that has something unreadable is a letter.
    let entries = [json!([broken()]), json!([text("wamid.1", "one")]), json!([long])];
    let calls = entries.map(|messages| delivery(&messages, &json!([])));
    let mut calls = calls.map(|call| serde_json::from_slice::<Value>(call.as_ref()).unwrap()).into_iter();
    let mut all = calls.next().unwrap();
    for call in calls {
        all["entry"].as_array_mut().unwrap().push(call["entry"][0].clone());
    }
    let body = serde_json::to_vec(&all).unwrap();
    assert_eq!(platform.signed("wa", &body).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(counts(&world).await, (1, 0, 0));
    let emptied = "delete from dead_letter where id = '00000000-0000-0000-0000-000000000000'";
    sqlx::query(emptied).execute(&mut store(&world).await).await.unwrap();
    assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    assert_eq!(counts(&world).await, (1, 0, 2), "three events, each once");
    assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    assert_eq!(counts(&world).await, (1, 3, 2));
    world.end().await;
}

/// How far messages came, told in a way that nobody can read: a few are kept, and the platform is never told to come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_that_cannot_be_read_are_counted_and_fill_no_box() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets, "").await;
    for n in 0..30 {
        let status =
            json!([{"status": "read", "timestamp": "1790000000", "recipient_id": format!("35190000{n:04}")}]);
        let body = delivery(&json!([text(&format!("wamid.{n}"), "a word")]), &status);
        assert_eq!(platform.signed("wa", &body).await, StatusCode::OK);
    }
    assert_eq!(counts(&world).await, (30, 0, 30), "all is counted");
    let mut root = world.administrator();
    let answer = root.dead_letters.list_dead_letters(pb::ListDeadLettersRequest::default());
    let answer = answer.await.unwrap().into_inner();
    assert_eq!(answer.dead_letters.len(), 20, "examples");
    let [counted] = &answer.counted[..] else { panic!("{:?}", answer.counted) };
    assert_eq!((&*counted.account, counted.count), ("wa", 10));
    assert!(counted.path.ends_with("statuses[0].id") && counted.first_at.is_some(), "{counted:?}");
    let [room] = &answer.rooms[..] else { panic!("{:?}", answer.rooms) };
    assert_eq!((room.letters, room.alike, room.filling), (20, 20, false));
    world.end().await;
}
