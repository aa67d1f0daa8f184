//! Web chats as a browser's script talks: over a WebSocket, and over plain HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::time::Duration;

use axum::body::Body;
use dossier::platform::{Plan, Platform, Role};
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use proto::{cases::v1 as pb, ingestion::v1 as ing};
use serde_json::{Value, json};
use tests::world::{World, command_id};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use crate::accounts::{Secrets, all_taken, give_accounts};

/// How long anything may take in a test.
pub const AT_MOST: Duration = Duration::from_secs(30);
/// A page on which the chat stands.
pub const ORIGIN: &str = "https://shop.example";
/// By which that page vouches for its users.
pub const IDENTITY_SECRET: &str = "a secret of the shop's server";

/// A site with two chats: `web`, and `shop`, which knows the users of its page.
pub async fn site(secrets: &Secrets) -> World {
    let world = World::start().await;
    give_chats(&world, secrets).await;
    world
}

async fn give_chats(world: &World, secrets: &Secrets) {
    let secret = secrets.put("identity", IDENTITY_SECRET);
    let web = format!("id = \"web\"\nchannel = \"chat\"\nsettings = {{ origins = \"{ORIGIN}\" }}");
    let shop = format!(
        "id = \"shop\"\nchannel = \"chat\"\nbrand = \"The shop\"\nsettings = {{ origins = \"{ORIGIN}\", agent_names = \"false\" }}\nsecrets = {{ identity_secret = \"{secret}\" }}"
    );
    give_accounts(world, &[&web, &shop]).await;
}

/// A browser with a chat open.
pub struct Tab {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What became of a handshake.
pub async fn connect(world: &World, account: &str, origin: &str) -> Result<Tab, StatusCode> {
    connect_to(&world.platform, account, origin).await
}

async fn connect_to(platform: &Platform, account: &str, origin: &str) -> Result<Tab, StatusCode> {
    let url = format!("ws://{}/chat/{account}/socket", platform.hooks.unwrap());
    let mut request = url.into_client_request().unwrap();
    if !origin.is_empty() {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(Tab { socket }),
        Err(tungstenite::Error::Http(answer)) => Err(answer.status()),
        Err(error) => panic!("{error}"),
    }
}

impl Tab {
    pub async fn open(world: &World, account: &str) -> Self {
        connect(world, account, ORIGIN).await.unwrap()
    }

    pub async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; `None`: the server has closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(AT_MOST, self.socket.next());
            match next.await.expect("the server says something") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed before {kind}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    pub async fn ask(&mut self, frame: &Value, kind: &str) -> Value {
        self.send(frame).await;
        self.until(kind).await
    }

    pub async fn hello(&mut self, token: Option<&str>) -> Value {
        self.ask(&json!({"type": "hello", "visitor": token}), "welcome").await
    }

    /// The next line that we said, and the cursor.
    pub async fn line(&mut self) -> (Value, u64) {
        loop {
            let frame = self.until("items").await;
            let items = frame["items"].as_array().unwrap();
            if let Some(item) = items.iter().find(|item| item["from"] == "us") {
                return (item.clone(), frame["cursor"].as_u64().unwrap());
            }
        }
    }
}

pub fn say(id: &str, text: &str) -> Value {
    json!({"type": "say", "id": id, "text": text})
}

pub fn id() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub fn texts(frame: &Value) -> Vec<&str> {
    frame["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

/// The one case of an account.
pub async fn only_case(world: &World, account: &str) -> pb::Case {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let filter = pb::Filter { account: vec![account.into()], ..Default::default() };
    let list = pb::ListCasesRequest { filter: Some(filter), at_least, page_size: 200, ..Default::default() };
    let cases = root.list(list).await;
    assert_eq!(cases.len(), 1, "one visitor is one case");
    root.case(&cases[0].case_id).await
}

pub async fn reply(world: &World, who: &str, case: &str, text: &str) -> String {
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: text.into(),
        ..Default::default()
    };
    world.caller(who, &[]).cases.reply(reply).await.unwrap().into_inner().created_id
}

pub async fn note(world: &World, case: &str, text: &str) {
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: text.into(),
        ..Default::default()
    };
    world.caller("ana", &[]).cases.add_note(note).await.unwrap();
}

/// Waits until a delivery stands like this.
pub async fn delivered(world: &World, reply: &str, wanted: ing::delivery::Status) {
    let mut root = world.administrator();
    let waiting = async {
        loop {
            let known =
                root.deliveries.get_delivery(ing::GetDeliveryRequest { reply_id: reply.into() }).await;
            if known.is_ok_and(|known| known.into_inner().delivery.unwrap().status() == wanted) {
                return;
            }
            // It is told from the log; each look is at a later position of it.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AT_MOST, waiting)
        .await
        .unwrap_or_else(|_| panic!("{reply} never became {wanted:?}"));
}

/// A call over plain HTTP, of a page at `origin`.
pub async fn call(
    world: &World,
    path: &str,
    (origin, token): (&str, Option<&str>),
    body: impl Into<Body>,
) -> (StatusCode, http::HeaderMap, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let url = format!("http://{}/chat/{path}", world.platform.hooks.unwrap());
    let mut request = Request::builder().method(Method::POST).uri(url).header("origin", origin);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = client.request(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = answer.map(Body::new).into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (head.status, head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_is_answered_live_comes_back_and_goes_on() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let mut tab = Tab::open(&world, "web").await;
    let welcome = tab.hello(None).await;
    assert_eq!((texts(&welcome).len(), &welcome["length_max"]), (0, &json!(10_000)));
    let token = welcome["visitor"].as_str().unwrap().to_owned();
    let first = id();
    let said = json!({"type": "say", "id": first, "text": "My kettle leaks", "name": "Ann",
                      "language": "en-GB", "page": "https://shop.example/kettles"});
    // The answer to the first may have been lost: it is said again, and is once.
    for _ in 0..2 {
        assert_eq!(tab.ask(&said, "taken").await["id"], json!(first));
    }
    let case = only_case(&world, "web").await;
    assert_eq!((case.timeline.len(), &*case.timeline[0].text), (1, "My kettle leaks"));
    assert_eq!(case.timeline[0].author_name, "Ann");

    note(&world, &case.case_id, "She sounds angry").await;
    let sent = reply(&world, "ana", &case.case_id, "We send you another one").await;
    let (line, _) = tab.line().await;
    assert_eq!((&line["text"], &line["name"]), (&json!("We send you another one"), &json!("Ana")));
    assert_eq!((&line["state"], &line["id"]), (&json!("sent"), &json!(format!("{sent}.1"))));
    assert!(!line.to_string().contains("\"ana\""), "who answers is told by his name, never by his id");

    // As far as it came, in any order and again.
    for how in ["delivered", "read", "delivered", "read"] {
        tab.ask(&json!({"type": "seen", "ids": [line["id"]], "how": how}), "noted").await;
    }
    delivered(&world, &sent, ing::delivery::Status::Read).await;

    // Reloaded.
    drop(tab);
    let mut tab = Tab::open(&world, "web").await;
    let welcome = tab.hello(Some(&token)).await;
    assert_eq!(texts(&welcome), ["My kettle leaks", "We send you another one"]);
    assert_eq!(
        (&welcome["items"][0]["id"], &welcome["items"][0]["from"]),
        (&json!(first), &json!("visitor"))
    );
    assert_eq!(welcome["items"][1]["state"], "read");
    assert!(!welcome.to_string().contains("angry"), "a note is nobody's but ours");
    tab.ask(&say(&id(), "Thank you"), "taken").await;
    let again = only_case(&world, "web").await;
    assert_eq!((again.case_id, again.timeline.len()), (case.case_id, 4));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_plain_http_it_is_the_same_chat() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let post = async |token: Option<&str>, frame: Value| {
        call(&world, "web/call", (ORIGIN, token), frame.to_string()).await
    };
    let (status, headers, welcome) = post(None, json!({"type": "hello"})).await;
    assert_eq!((status, &welcome["type"]), (StatusCode::OK, &json!("welcome")));
    assert_eq!(headers["access-control-allow-origin"], ORIGIN);
    let token = welcome["visitor"].as_str().unwrap().to_owned();
    let (_, _, taken) = post(Some(&token), say(&id(), "It leaks")).await;
    assert_eq!(taken["type"], "taken");
    let case = only_case(&world, "web").await;
    // A call that waits, and a tab with a WebSocket, of the same visitor.
    let mut tab = Tab::open(&world, "web").await;
    let cursor = tab.hello(Some(&token)).await["cursor"].clone();
    let waits = post(Some(&token), json!({"type": "wait", "since": cursor}));
    // Whichever of the two is first, the call tells it.
    let ((_, _, news), _) = tokio::join!(waits, reply(&world, "ana", &case.case_id, "Try the lid"));
    assert_eq!(texts(&news), ["Try the lid"]);
    assert_eq!(tab.line().await.0["text"], "Try the lid");
    // The cursor goes on from there.
    let since = json!({"type": "hello", "visitor": token, "since": news["cursor"]});
    assert_eq!(texts(&post(None, since).await.2).len(), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_transcript_is_told_page_by_page() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let welcome = call(&world, "web/call", (ORIGIN, None), json!({"type": "hello"}).to_string()).await.2;
    let token = welcome["visitor"].as_str().unwrap().to_owned();
    let mut first = Tab::open(&world, "web").await;
    first.hello(Some(&token)).await;
    first.ask(&say(&id(), "What is in the box?"), "taken").await;
    let case = only_case(&world, "web").await;
    let mut last = String::new();
    for n in 0..60 {
        last = reply(&world, "ana", &case.case_id, &format!("Part {n}")).await;
    }
    delivered(&world, &last, ing::delivery::Status::Sent).await;
    let mut tab = Tab::open(&world, "web").await;
    let welcome = tab.hello(Some(&token)).await;
    assert_eq!((texts(&welcome).len(), &welcome["more"]), (50, &json!(true)));
    assert_eq!((texts(&welcome)[0], texts(&welcome)[49]), ("Part 10", "Part 59"));
    let before = &welcome["items"][0]["order"];
    let older = tab.ask(&json!({"type": "older", "before": before}), "older").await;
    assert_eq!((texts(&older).len(), &older["more"]), (11, &json!(false)));
    assert_eq!((texts(&older)[0], texts(&older)[10]), ("What is in the box?", "Part 9"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_vouches_for_its_user_wherever_he_is() {
    use hmac::{Hmac, KeyInit, Mac};
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let signature = |id: &str| {
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(IDENTITY_SECRET.as_bytes()).unwrap();
        mac.update(id.as_bytes());
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    };
    let hello =
        |id: &str, signature: &str| json!({"type": "hello", "user": {"id": id, "signature": signature}});
    let right = hello("u-7/ß", &signature("u-7/ß"));
    let mut desk = Tab::open(&world, "shop").await;
    desk.ask(&right, "welcome").await;
    let first = id();
    desk.ask(&say(&first, "Where is my parcel?"), "taken").await;
    let case = only_case(&world, "shop").await;
    reply(&world, "ana", &case.case_id, "On its way").await;
    let (line, _) = desk.line().await;
    assert_eq!(line.get("name"), None, "this account keeps the names of those who answer");
    // On his phone, without the token.
    let mut phone = Tab::open(&world, "shop").await;
    let welcome = phone.ask(&right, "welcome").await;
    assert_eq!(texts(&welcome), ["Where is my parcel?", "On its way"]);
    assert_eq!(welcome["items"][0]["id"], json!(first));
    // For anybody else the page does not vouch by that.
    for wrong in
        [hello("u-8", &signature("u-7/ß")), hello("u-7/ß", "00"), hello("", &signature("")), hello("u-7", "")]
    {
        let mut other = Tab::open(&world, "shop").await;
        let refused = other.ask(&wrong, "refused").await;
        assert_eq!((&refused["code"], &refused["final"]), (&json!("identity"), &json!(true)), "{wrong}");
    }
    let mut other = Tab::open(&world, "web").await;
    let refused = other.ask(&right, "refused").await;
    assert!(refused["message"].as_str().unwrap().contains("identity_secret"), "{refused}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_erased_is_erased_from_his_transcript_too() {
    let secrets = Secrets::new();
    let world = site(&secrets).await;
    let mut tab = Tab::open(&world, "web").await;
    let token = tab.hello(None).await["visitor"].as_str().unwrap().to_owned();
    tab.ask(&say(&id(), "I am Ann of 7 Mill Lane"), "taken").await;
    let case = only_case(&world, "web").await;
    reply(&world, "ana", &case.case_id, "Dear Ann").await;
    tab.line().await;
    let identity = world.log_entries(&["message"]).await;
    let identity = identity.iter().find_map(|entry| {
        let body: Value = serde_json::from_slice(&entry.body).unwrap();
        Some(body["events"][0]["content"]["identity"].as_str()?.to_owned())
    });
    world.platform.shell.vault.destroy(&[identity.unwrap()]).await.unwrap();
    let welcome = Tab::open(&world, "web").await.hello(Some(&token)).await;
    assert_eq!(texts(&welcome), ["", ""]);
    assert!(welcome["items"].as_array().unwrap().iter().all(|item| item["erased"] == true));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_replica_he_is_at_a_visitor_sees_what_another_one_delivers() {
    let secrets = Secrets::new();
    let world = World::start_on_postgres().await;
    give_chats(&world, &secrets).await;
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let plan = Plan {
        roles: vec![Role::Ingestion],
        grpc: any,
        http: any,
        hooks: Some(any),
        mail: None,
        elsewhere: std::collections::BTreeMap::new(),
        behind_proxy: false,
        metrics: prometheus::Registry::new(),
        hold: None,
    };
    let shell = service::shell::Shell { replica: "other".into(), ..world.platform.shell.clone() };
    let other = Platform::start(shell, plan).await.unwrap();
    // One tab at each; whichever holds the lease of deliveries delivers.
    let mut here = connect_to(&other, "web", ORIGIN).await.unwrap();
    let token = here.hello(None).await["visitor"].as_str().unwrap().to_owned();
    let mut there = Tab::open(&world, "web").await;
    there.hello(Some(&token)).await;
    here.ask(&say(&id(), "Which of you hears me?"), "taken").await;
    assert_eq!(texts(&there.until("items").await), ["Which of you hears me?"]);
    let case = only_case(&world, "web").await;
    for text in ["Both", "Always"] {
        reply(&world, "ana", &case.case_id, text).await;
        assert_eq!(here.line().await.0["text"], text);
        assert_eq!(there.line().await.0["text"], text);
    }
    // The other ends: its visitors are told to come again, and go on here.
    other.end().await;
    assert!(here.next().await.is_none());
    let mut here = Tab::open(&world, "web").await;
    assert_eq!(texts(&here.hello(Some(&token)).await), ["Which of you hears me?", "Both", "Always"]);
    here.ask(&say(&id(), "Thank you"), "taken").await;
    world.end().await;
}
