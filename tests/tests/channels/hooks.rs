//! Webhooks, by real HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use axum::body::Body;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use proto::cases::v1 as pb;
use serde_json::{Value, json};
use sha2::Sha256;
use tests::world::World;

use crate::accounts::{Secrets, all_taken, with_accounts};

pub const SECRET: &str = "1222e786b144d0e85b9f365372d93676";

/// A platform that calls.
pub struct Platform {
    client: Client<HttpConnector, Body>,
    base: String,
}

impl Platform {
    /// That calls this site.
    pub fn of(world: &World) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base: format!("http://{}/hooks", world.platform.hooks.unwrap()) }
    }

    /// The answer to a call of `/hooks/<path>`.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(format!("{}/{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.client.request(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = answer.map(Body::new).into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What Meta does: signs the bytes.
    pub async fn signed(&self, account: &str, body: &[u8]) -> StatusCode {
        let signature = format!("sha256={}", signature(body));
        let headers = [("x-hub-signature-256", &*signature), ("content-type", "application/json")];
        self.call(Method::POST, account, &headers, body.to_vec()).await.0
    }
}

fn signature(body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

async fn whatsapp(secrets: &Secrets) -> (World, Platform) {
    let app = secrets.put("wa-app", SECRET);
    let token = secrets.put("wa-token", "let me in");
    let account = format!(
        "id = \"wa\"\nchannel = \"whatsapp\"\nsecrets = {{ app_secret = \"{app}\", verify_token = \"{token}\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    (world, platform)
}

pub fn delivery(messages: &Value, statuses: &Value) -> Vec<u8> {
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550100", "phone_number_id": "1"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": "351900000001"}],
        "messages": messages,
        "statuses": statuses,
    });
    let entry = json!([{"id": "2", "changes": [{"field": "messages", "value": value}]}]);
    serde_json::to_vec(&json!({"object": "whatsapp_business_account", "entry": entry})).unwrap()
}

fn text(id: &str, body: &str, at: u64) -> Value {
    json!({"from": "351900000001", "id": id, "timestamp": at.to_string(), "type": "text", "text": {"body": body}})
}

async fn only_case(world: &World) -> pb::Case {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    assert_eq!(cases.len(), 1, "one conversation is one case");
    root.case(&cases[0].case_id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_platform_tells_again_and_in_any_order_has_the_effect_of_once() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets).await;
    let none = json!([]);
    let reaction = json!({"from": "351900000001", "id": "wamid.r", "timestamp": "1790000200", "type": "reaction",
                          "reaction": {"message_id": "wamid.1", "emoji": "👍"}});
    let bodies = [
        delivery(&json!([reaction]), &none),
        delivery(&json!([text("wamid.2", "Hello?", 1_790_000_100)]), &none),
        delivery(&json!([text("wamid.1", "It leaks", 1_790_000_000)]), &none),
    ];
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        for index in order {
            assert_eq!(platform.signed("wa", &bodies[index]).await, StatusCode::OK);
        }
    }
    let case = only_case(&world).await;
    let mut said: Vec<_> = case.timeline.iter().map(|item| &*item.text).collect();
    said.sort_unstable();
    assert_eq!(said, ["Hello?", "It leaks"]);
    let leaks = case.timeline.iter().find(|item| item.text == "It leaks").unwrap();
    assert_eq!((&*leaks.author_name, &leaks.signs[..]), ("Ana", &["👍".to_owned()][..]));
    let ledger = proto::ingestion::v1::GetLedgerRequest { account: "wa".into(), ..Default::default() };
    let rows = world.administrator().ingestion.get_ledger(ledger).await.unwrap().into_inner().rows;
    let sums =
        rows.iter().fold((0, 0, 0), |(a, d, r), row| (a + row.accepted, d + row.duplicate, r + row.rejected));
    assert_eq!(sums, (2, 4, 0), "two messages, each three times");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_proved_is_refused_and_counted_and_writes_nothing() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets).await;
    let body = delivery(&json!([text("wamid.1", "It leaks", 1_790_000_000)]), &json!([]));
    let mark = world.mark().await;
    let good = format!("sha256={}", signature(&body));
    let mut tampered = body.clone();
    let last = tampered.len() - 40;
    tampered[last] ^= 1;
    let post = async |headers: &[(&str, &str)], body: Vec<u8>| {
        platform.call(Method::POST, "wa", headers, body).await.0
    };
    assert_eq!(post(&[], body.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&[("x-hub-signature-256", "sha256=00")], body.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&[("x-hub-signature-256", &good)], tampered).await, StatusCode::UNAUTHORIZED);
    let broken = b"{\"object\":\"whatsapp_business_account\",\"entry\":7}";
    // Proved, and unreadable: it is kept, and counted as rejected all the same.
    assert_eq!(platform.signed("wa", broken).await, StatusCode::OK);
    let (status, text) = platform.call(Method::POST, "nobody", &[], body.clone()).await;
    assert_eq!((status, text.contains("unknown_account")), (StatusCode::NOT_FOUND, true));
    assert_eq!(platform.call(Method::PUT, "wa", &[], body.clone()).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let large = vec![b' '; (32 << 20) + 1];
    assert_eq!(post(&[("x-hub-signature-256", &good)], large).await, StatusCode::PAYLOAD_TOO_LARGE);
    world.nothing_since(mark).await;

    let mut rejected = std::collections::BTreeMap::new();
    let ledger = proto::ingestion::v1::GetLedgerRequest::default();
    for row in world.administrator().ingestion.get_ledger(ledger).await.unwrap().into_inner().rows {
        *rejected.entry(row.account).or_insert(0) += row.rejected;
    }
    assert_eq!(rejected["wa"], 5);
    assert_eq!(rejected["(unknown)"], 1);
    // They are gathered before they are written: an end in order loses none.
    for _ in 0..3 {
        assert_eq!(post(&[], body.clone()).await, StatusCode::UNAUTHORIZED);
    }
    let folder = world.end().await.unwrap();
    let world = World::open(folder.path(), std::sync::Arc::new(service::clock::SystemClock)).await;
    assert_eq!(crate::accounts::ledger(&world).await["wa"].rejected, 8);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_answered_to_whoever_knows_the_token() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets).await;
    let challenge =
        |token: &str| format!("wa?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
    let right = platform.call(Method::GET, &challenge("let%20me%20in"), &[], Body::empty()).await;
    assert_eq!(right, (StatusCode::OK, "1158201444".to_owned()));
    let wrong = platform.call(Method::GET, &challenge("let%20me"), &[], Body::empty()).await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_before_it_comes_is_marked_when_it_does() {
    let secrets = Secrets::new();
    let app = secrets.put("fb-app", SECRET);
    let account = format!(
        "id = \"page\"\nchannel = \"facebook\"\nthread = \"threads\"\nvisibility = \"public\"\n\
         secrets = {{ app_secret = \"{app}\", verify_token = \"{app}\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    let change = |verb: &str| {
        let value = json!({"item": "comment", "verb": verb, "comment_id": "7_1", "post_id": "7", "parent_id": "7",
            "from": {"id": "42", "name": "Ana"}, "message": "It leaks", "created_time": 1_790_000_000});
        let entry =
            json!([{"id": "7", "time": 1_790_000_000, "changes": [{"field": "feed", "value": value}]}]);
        serde_json::to_vec(&json!({"object": "page", "entry": entry})).unwrap()
    };
    assert_eq!(platform.signed("page", &change("remove")).await, StatusCode::OK);
    assert_eq!(platform.signed("page", &change("add")).await, StatusCode::OK);
    let case = only_case(&world).await;
    assert!(case.timeline[0].deleted_at_source && case.timeline[0].public);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_no_mails_and_may_not_be_as_long() {
    let secrets = Secrets::new();
    let (world, platform) = whatsapp(&secrets).await;
    assert_eq!(platform.signed("wa", &vec![b' '; 5 << 20]).await, StatusCode::PAYLOAD_TOO_LARGE);
    world.end().await;
}
