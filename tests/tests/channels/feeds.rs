//! Feeds that are asked, by real HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::time::Timestamp;
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, StatusCode, Uri, header};
use proto::cases::v1 as pb;
use service::{
    clock::{Clock, ManualClock},
    shell::{Shell, Stores},
};
use tests::{
    desk::{SENT_AT_S, instant, seconds},
    servers::Postgres,
    world::World,
};
use tokio::sync::mpsc;

use crate::accounts::{all_taken, give_accounts};

/// No test waits longer for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// While something is waited for, the clock of the site goes on by so much, so often.
const TICK: (i64, Duration) = (30, Duration::from_millis(20));

/// Who asked: the path, and what `If-None-Match` said.
type Asked = (String, Option<String>);
/// What stands at a path: a status, the `ETag`, a body.
type Page = (u16, String, String);

/// A server of feeds.
struct Publisher {
    base: String,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: mpsc::UnboundedReceiver<Asked>,
}

#[derive(Clone)]
struct Shelf {
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: mpsc::UnboundedSender<Asked>,
}

async fn answer(State(shelf): State<Shelf>, uri: Uri, headers: HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).map(|etag| etag.to_str().unwrap().to_owned());
    let page = shelf.pages.lock().unwrap().get(uri.path()).cloned();
    let answer = match page {
        Some((200, etag, _)) if known.as_ref() == Some(&etag) => StatusCode::NOT_MODIFIED.into_response(),
        Some((status, etag, body)) => {
            (StatusCode::from_u16(status).unwrap(), [(header::ETAG, etag)], body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    };
    // A test that is over hears nothing any more.
    let _ = shelf.asked.send((uri.path().to_owned(), known));
    answer
}

impl Publisher {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = mpsc::unbounded_channel();
        let pages = Arc::new(Mutex::new(BTreeMap::new()));
        let shelf = Shelf { pages: Arc::clone(&pages), asked: sender };
        let router = axum::Router::new().fallback(answer).with_state(shelf);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, pages, asked }
    }

    fn account(&self, id: &str) -> String {
        format!(
            "id = \"{id}\"\nchannel = \"news\"\nthread = \"threads\"\nvisibility = \"public\"\n\
             settings = {{ feed_url = \"{}/{id}\", feed_interval_s = \"60\", private_addresses = \"true\" }}",
            self.base
        )
    }

    fn put(&self, path: &str, status: u16, etag: &str, entries: &[(&str, &str)]) {
        let items: String = entries
            .iter()
            .map(|(id, text)| {
                format!(
                    "<item><guid>{id}</guid><title>{text}</title>\
                     <pubDate>Wed, 31 Dec 2025 10:00:00 GMT</pubDate></item>"
                )
            })
            .collect();
        let body = format!("<rss><channel><title>Press</title>{items}</channel></rss>");
        self.pages.lock().unwrap().insert(path.into(), (status, format!("\"{etag}\""), body));
    }

    /// The next request for this path, and those for others before it.
    async fn asked(&mut self, path: &str) -> (Option<String>, Vec<String>) {
        let mut others = Vec::new();
        loop {
            let (asked, etag) = self.asked.recv().await.unwrap();
            if asked == path {
                return (etag, others);
            }
            others.push(asked);
        }
    }
}

/// Lets the clock go on until `wanted` is there.
async fn meanwhile<T>(clock: &ManualClock, wanted: impl Future<Output = T>) -> T {
    let going = async {
        loop {
            tokio::time::sleep(TICK.1).await;
            clock.set(clock.now().plus_seconds(TICK.0));
        }
    };
    let either = async {
        tokio::select! {
            biased;
            wanted = wanted => wanted,
            () = going => unreachable!("the clock goes on for ever"),
        }
    };
    tokio::time::timeout(PATIENCE, either).await.expect("it happens by itself")
}

/// The first so many events of messages: their types, in the order of the log.
async fn events(world: &World, count: usize) -> Vec<String> {
    let messages = [eventlog::Category::new("message").unwrap()];
    let follow = world.platform.shell.log.follow(eventlog::Position::NONE, &messages);
    let entries: Vec<_> = follow.take(count).try_collect().await.unwrap();
    let kind = |entry: &eventlog::Entry| {
        let body: serde_json::Value = serde_json::from_slice(&entry.body).unwrap();
        body["events"][0]["type"].as_str().unwrap().to_owned()
    };
    entries.iter().map(kind).collect()
}

async fn said(world: &World) -> Vec<(String, bool)> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    let mut said = Vec::new();
    for case in cases {
        let case = root.case(&case.case_id).await;
        said.extend(case.timeline.into_iter().map(|item| (item.text, item.edited)));
    }
    said.sort_unstable();
    said
}

fn start() -> ManualClock {
    let start: Timestamp = instant(seconds(SENT_AT_S));
    ManualClock::new(start)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_become_cases_once_and_what_is_known_of_a_feed_outlives_the_process() {
    let (clock, mut publisher) = (start(), Publisher::start().await);
    let (press, alive) = (publisher.account("press"), publisher.account("alive"));
    let accounts = [press.as_str(), alive.as_str()];
    publisher.put("/press", 200, "a", &[("1", "It leaks"), ("2", "It is loud")]);
    publisher.put("/alive", 200, "x", &[]);
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &accounts).await;

    let (first, _) = meanwhile(&clock, publisher.asked("/press")).await;
    assert_eq!(first, None);
    assert_eq!(meanwhile(&clock, events(&world, 2)).await, ["message.received"; 2]);
    assert_eq!(said(&world).await, [("It is loud".into(), false), ("It leaks".into(), false)]);

    // Nothing is new: the server says so, and nothing is written. The third request comes after all of the second.
    for _ in 0..2 {
        let (etag, _) = meanwhile(&clock, publisher.asked("/press")).await;
        assert_eq!(etag.as_deref(), Some("\"a\""));
    }
    publisher.put("/press", 200, "b", &[("1", "It leaks"), ("2", "It is very loud")]);
    let all = meanwhile(&clock, events(&world, 3)).await;
    assert_eq!(all, ["message.received", "message.received", "message.edited"]);
    assert_eq!(said(&world).await, [("It is very loud".into(), true), ("It leaks".into(), false)]);

    let folder = world.end().await.unwrap();
    while publisher.asked.try_recv().is_ok() {}
    let world = World::open(folder.path(), Arc::new(clock.clone())).await;
    give_accounts(&world, &accounts).await;
    let (etag, _) = meanwhile(&clock, publisher.asked("/press")).await;
    assert_eq!(etag.as_deref(), Some("\"b\""), "it was kept");

    // Gone is gone: another feed of the same server is asked on and on, and this one never again.
    publisher.put("/press", 410, "", &[]);
    let mut state = world.platform.health();
    let named = state.wait_for(|state| {
        state.degraded.iter().any(|waits| (waits.name, &*waits.stream) == ("feeds", "press"))
    });
    drop(meanwhile(&clock, named).await.unwrap());
    while publisher.asked.try_recv().is_ok() {}
    for _ in 0..3 {
        let (_, others) = meanwhile(&clock, publisher.asked("/alive")).await;
        assert_eq!(others, Vec::<String>::new());
    }
    assert_eq!(events(&world, 3).await.len(), 3);
    assert_eq!(said(&world).await.len(), 2, "nothing came twice");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_fails_again_and_again_is_named_until_it_does_not() {
    let clock = start();
    let world = World::start_at(Arc::new(clock.clone())).await;
    named_until_it_does_not(&world, &clock).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_is_kept_in_postgres() {
    let clock = start();
    let (folder, server) = (tempfile::TempDir::new().unwrap(), Postgres::start());
    let shell = dossier::up::shell(folder.path(), Arc::new(clock.clone())).await.unwrap();
    let shell = Shell { stores: Stores::Postgres(server.url()), ..shell };
    let world = World::over(shell, folder.path()).await;
    named_until_it_does_not(&world, &clock).await;
    world.end().await;
}

/// How often a feed failed is counted from one request to the next in what is kept of it.
async fn named_until_it_does_not(world: &World, clock: &ManualClock) {
    let publisher = Publisher::start().await;
    publisher.put("/sick", 500, "", &[]);
    let without = "id = \"blank\"\nchannel = \"news\"\nthread = \"threads\"\nvisibility = \"public\"";
    give_accounts(world, &[&publisher.account("sick"), without]).await;
    let mut state = world.platform.health();
    let named = |name: &'static str| {
        move |state: &service::health::State| {
            state.degraded.iter().any(|waits| (waits.name, &*waits.stream) == ("feeds", name))
        }
    };
    let state = meanwhile(clock, state.wait_for(|state| named("sick")(state) && named("blank")(state)))
        .await
        .unwrap()
        .clone();
    let reason = |name: &str| {
        let waits = state.degraded.iter().find(|waits| waits.stream == name).unwrap();
        waits.reason.clone()
    };
    assert!(reason("sick").ends_with("the server answered with status 500"), "{}", reason("sick"));
    assert!(reason("blank").starts_with("setting feed_url: missing"), "{}", reason("blank"));
    assert_eq!(state.reasons, Vec::<String>::new(), "one feed takes nobody out");

    publisher.put("/sick", 200, "a", &[("1", "It leaks")]);
    let mut state = world.platform.health();
    drop(meanwhile(clock, state.wait_for(|state| !named("sick")(state))).await.unwrap());
    meanwhile(clock, events(world, 1)).await;
    assert_eq!(said(world).await, [("It leaks".into(), false)]);
}
