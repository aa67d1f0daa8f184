//! Webhooks per second that are taken and answered, against a handler that only appends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::Context;
use axum::{Router, body::Body, extract::State, routing::post};
use data_encoding::HEXLOWER;
use eventlog::{Category, EventLog, NewEntry, Position, StreamId};
use futures_util::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use proto::policy::v1::apply_request::File;
use sha2::Sha256;
use tests::world::{POLICY, World};
use tokio::{net::TcpListener, task::JoinSet};
use uuid::Uuid;

use crate::{
    measure::{Target, compare, rate},
    settings::Settings,
};

/// Calls at once.
const IN_FLIGHT: usize = 64;
/// How many times as many as a burst it takes to see what can be kept up.
const LASTING: usize = 12;
/// People who write.
const PEOPLE: usize = 500;
/// What proving, reading, sealing and counting may cost beside the append and the way over HTTP.
const LEAST: f64 = 0.6;
const SECRET: &str = "the secret of an app that signs what it calls with";

/// On the SQLite log. The platform runs as always: what is taken becomes cases at the same time.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let world = World::start().await;
    let secret = world.folder.as_ref().context("a folder of its own")?.path().join("app");
    std::fs::write(&secret, SECRET)?;
    let account = format!(
        "[[account]]\nid = \"wa\"\nname = \"WhatsApp\"\nchannel = \"whatsapp\"\nregion = \"north\"\nteam = \"north-care\"\n\
         secrets = {{ app_secret = \"file:{0}\", verify_token = \"file:{0}\" }}",
        secret.display()
    );
    let file = |name: &str, text: String| File { name: name.into(), text };
    let files = vec![file("policy.toml", POLICY.into()), file("accounts.toml", account)];
    dossier::sample::apply(&world.platform, files).await?;
    let hooks = world.platform.hooks.context("webhooks are served")?;
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let next = Arc::new(AtomicUsize::new(0));

    // The entry that a message leaves, for the bare handler.
    call(&client, &format!("http://{hooks}/hooks/wa"), usize::MAX).await?;
    let log = Arc::clone(&world.platform.shell.log);
    let messages = [Category::new("message")?];
    let entry = log.follow(Position::NONE, &messages).try_next().await?.context("a message")?;
    let bare = bare(Arc::clone(&log), entry.body).await?;

    let many = async |url: String, count: usize| {
        let (started, from) = (Instant::now(), next.fetch_add(count, Ordering::Relaxed));
        let mut tasks = JoinSet::new();
        for task in 0..IN_FLIGHT {
            let (client, url) = (client.clone(), url.clone());
            tasks.spawn(async move {
                for n in (task..count).step_by(IN_FLIGHT) {
                    call(&client, &url, from + n).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(rate(count, started))
    };
    let (bare, ours) = (format!("http://{bare}/hooks/wa"), format!("http://{hooks}/hooks/wa"));
    // What is still to become cases is not to fall into the baseline's turn.
    let ours = async |count| {
        let rate = many(ours.clone(), count).await?;
        let tail = log.tail(&messages).await?;
        world.settled(&world.platform.shell.token(tail)).await;
        Ok(rate)
    };
    // A burst is taken in before it is worked on; of what lasts both have their share.
    let (burst, lasting) = (settings.webhooks, settings.webhooks * LASTING);
    for (what, count, target, rounds) in [
        ("a burst of", burst, Target::AtLeast(LEAST), settings.rounds),
        ("one after the other,", lasting, Target::Stated, 1),
    ] {
        let what = format!("webhooks, sqlite, {what} {count} with {IN_FLIGHT} in flight");
        compare(&what, target, rounds, async || many(bare.clone(), count).await, async || ours(count).await)
            .await?;
    }
    world.end().await;
    Ok(())
}

/// One message of one of many people, signed. Both handlers are called with the same.
async fn call(client: &Client<HttpConnector, Body>, url: &str, n: usize) -> anyhow::Result<()> {
    let body = serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "2", "changes": [{"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100", "phone_number_id": "1"},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": (n % PEOPLE).to_string()}],
            "messages": [{"from": (n % PEOPLE).to_string(), "id": format!("wamid.{n}"), "timestamp": "1790000000",
                          "type": "text", "text": {"body": "The parcel did not come, and nobody answers the telephone."}}],
        }}]}],
    })
    .to_string();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()));
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .body(Body::from(body))?;
    let answer = client.request(request).await?;
    anyhow::ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
    axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX).await?;
    Ok(())
}

/// What the bare handler appends, and where.
struct Bare {
    log: Arc<dyn EventLog>,
    category: Category,
    body: bytes::Bytes,
}

/// Serves a handler that reads the body and appends a prepared entry, each to a stream of its own.
async fn bare(log: Arc<dyn EventLog>, entry: bytes::Bytes) -> anyhow::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let category = Category::new("bare")?;
    let state = Arc::new(Bare { log, category, body: entry });
    let append = async |State(bare): State<Arc<Bare>>, _: bytes::Bytes| {
        let Bare { log, category, body } = &*bare;
        let Ok(stream) = StreamId::new(category, Uuid::new_v4()) else {
            return StatusCode::INTERNAL_SERVER_ERROR;
        };
        let entry = NewEntry { id: Uuid::new_v4(), stream, traceparent: None, body: body.clone() };
        match log.append(Position::NONE, entry).await {
            Ok(_) => StatusCode::OK,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    };
    let router = Router::new().route("/hooks/{account}", post(append)).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
