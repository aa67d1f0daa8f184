//! Feeds that are asked: by a runner over answers as written, and over real HTTP.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::time::Timestamp;
use service::clock::{Clock, ManualClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

use super::polling::{feed, source};
use crate::feeds::{
    Client, Http, Runner, Source,
    address::Refused,
    client::{Answer, Failure, Headers, Request},
    feed::limits::BODY_MAX,
    runner::{Memory, Troubles},
};

fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// Answers as they are written down, one after the other; and what was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<Answer, Failure>>>,
    asked: Mutex<Vec<Request>>,
}

#[async_trait::async_trait]
impl Client for Script {
    async fn get(&self, request: Request) -> Result<Answer, Failure> {
        self.asked.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().unwrap_or(Err(Failure::Unreachable))
    }
}

/// A runner, what it is told and what it hands on.
struct World {
    runner: Runner,
    script: Arc<Script>,
    clock: ManualClock,
    taken: Arc<Mutex<Vec<String>>>,
    refuse: Arc<Mutex<bool>>,
}

impl World {
    fn new(sources: Vec<Source>) -> Self {
        let (script, clock) = (Arc::new(Script::default()), ManualClock::new(start()));
        let (taken, refuse) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(false)));
        let (into, refused) = (Arc::clone(&taken), Arc::clone(&refuse));
        let runner = Runner {
            sources: Arc::new(move || sources.clone()),
            client: Arc::clone(&script) as Arc<dyn Client>,
            store: Arc::new(Memory::default()),
            troubles: Troubles::default(),
            clock: Arc::new(clock.clone()),
            submit: Arc::new(move |account, messages| {
                let result = if *refused.lock().unwrap() {
                    Err(service::Error::Unavailable("away".to_owned()))
                } else {
                    into.lock()
                        .unwrap()
                        .extend(messages.iter().map(|one| format!("{account}/{}", one.external_id)));
                    Ok(())
                };
                Box::pin(async move { result })
            }),
        };
        Self { runner, script, clock, taken, refuse }
    }

    fn then(&self, answer: Result<Answer, Failure>) {
        self.script.answers.lock().unwrap().push_back(answer);
    }

    /// Goes to when the next feed is due and asks.
    async fn next(&self) {
        let next = self.runner.turn().await.expect("a feed is still asked");
        self.clock.set(next);
        self.runner.turn().await;
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.taken.lock().unwrap())
    }

    fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.script.asked.lock().unwrap());
        asked.iter().map(|request| request.address.to_string()).collect()
    }
}

fn page(body: Vec<u8>) -> Result<Answer, Failure> {
    Ok(Answer { status: 200, headers: Headers::default(), body })
}

fn to(status: u16, location: &str) -> Result<Answer, Failure> {
    let headers = Headers { location: Some(location.to_owned()), ..Headers::default() };
    Ok(Answer { status, headers, body: Vec::new() })
}

#[tokio::test]
async fn what_is_new_is_handed_on_once() {
    let world = World::new(vec![source("https://press.example/feed")]);
    world.then(page(feed(&[("1", "One")])));
    world.next().await;
    assert_eq!((world.taken(), world.asked().len()), (vec!["press/1".to_owned()], 1));
    // Not due: nobody is asked.
    world.runner.turn().await;
    assert_eq!(world.asked().len(), 0);
    world.then(page(feed(&[("2", "Two"), ("1", "One")])));
    world.next().await;
    assert_eq!(world.taken(), ["press/2"]);
}

#[tokio::test]
async fn a_feed_that_moved_is_asked_where_it_is_now() {
    let world = World::new(vec![source("https://press.example/feed")]);
    world.then(to(301, "https://press.example/new"));
    world.then(page(feed(&[("1", "One")])));
    world.next().await;
    assert_eq!(world.asked(), ["https://press.example/feed", "https://press.example/new"]);
    world.then(page(feed(&[])));
    world.next().await;
    assert_eq!(world.asked(), ["https://press.example/new"]);
    assert_eq!(world.taken(), ["press/1"]);
}

#[tokio::test]
async fn what_was_not_taken_in_comes_again() {
    let world = World::new(vec![source("https://press.example/feed")]);
    *world.refuse.lock().unwrap() = true;
    let mut first = page(feed(&[("1", "One")]));
    first.as_mut().unwrap().headers.etag = Some("\"a\"".into());
    world.then(first);
    world.next().await;
    assert_eq!(world.taken(), Vec::<String>::new());
    *world.refuse.lock().unwrap() = false;
    world.then(page(feed(&[("1", "One")])));
    world.next().await;
    assert_eq!(
        world.script.asked.lock().unwrap()[1].etag,
        None,
        "else the server would say that nothing is new"
    );
    assert_eq!(world.taken(), ["press/1"]);
}

#[tokio::test]
async fn a_feed_that_is_gone_is_asked_no_more() {
    let world = World::new(vec![source("https://press.example/feed")]);
    world.then(Ok(Answer { status: 410, ..Answer::default() }));
    world.next().await;
    assert_eq!(world.asked().len(), 1);
    assert_eq!(world.runner.turn().await, None);
    world.clock.set(start().plus_seconds(100 * 24 * 3_600));
    assert_eq!((world.runner.turn().await, world.asked().len()), (None, 0));
}

#[tokio::test]
async fn more_entries_than_one_call_takes_come_in_several() {
    let world = World::new(vec![source("https://press.example/feed")]);
    let entries: Vec<_> = (0..900).map(|n| (format!("{n}"), format!("Entry {n}"))).collect();
    let entries: Vec<_> = entries.iter().map(|(id, text)| (&**id, &**text)).collect();
    world.then(page(feed(&entries)));
    world.next().await;
    assert_eq!(world.taken().len(), 900);
}

#[tokio::test]
async fn a_runner_goes_on_until_it_is_told_to_stop() {
    let sources = (0..20).map(|n| Source {
        account: format!("feed-{n}").parse().unwrap(),
        ..source(&format!("https://host-{}.example/{n}", n % 3))
    });
    let world = World::new(sources.collect());
    let stop = CancellationToken::new();
    let running = tokio::spawn(world.runner.clone().run(stop.clone()));
    let until = Instant::now() + Duration::from_secs(20);
    let mut failures = BTreeMap::new();
    while failures.len() < 20 || failures.values().any(|failures| *failures < 2) {
        assert!(Instant::now() < until, "{failures:?}");
        world.clock.set(world.clock.now().plus_seconds(600));
        tokio::time::sleep(Duration::from_millis(2)).await;
        for n in 0..20 {
            let account = format!("feed-{n}").parse().unwrap();
            if let Some(poll) = world.runner.store.load(&account).await.unwrap() {
                failures.insert(n, poll.failures());
            }
        }
    }
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
}

/// A server that gives each connection the next of these answers, byte for byte, and keeps what it was asked.
async fn server(answers: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/feed", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    tokio::spawn(async move {
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(connection.read_u8().await.unwrap());
            }
            keep.lock().unwrap().push(String::from_utf8(request).unwrap());
            // Whoever has enough closes the connection.
            let _ = connection.write_all(&answer).await;
        }
    });
    (address, asked)
}

fn http() -> Http {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Http::new().unwrap()
}

fn request(address: &str, private_addresses: bool) -> Request {
    Request {
        address: address.parse().unwrap(),
        etag: Some("\"a\"".into()),
        last_modified: Some("Mon, 02 Mar 2026 09:00:00 GMT".into()),
        private_addresses,
    }
}

fn plain(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes(), body].concat()
}

#[tokio::test]
async fn a_request_is_conditional_and_an_answer_is_kept_as_it_came() {
    let body = feed(&[("1", "One")]);
    let ok = plain(
        "200 OK\r\nETag: \"b\"\r\nContent-Type: text/xml\r\nCache-Control: max-age=60\r\nRetry-After: 5",
        &body,
    );
    let (address, asked) = server(vec![ok, plain("301 Moved Permanently\r\nLocation: /new", b"")]).await;
    let answer = http().get(request(&address, true)).await.unwrap();
    assert_eq!((answer.status, &answer.body), (200, &body));
    assert_eq!(answer.headers.etag.as_deref(), Some("\"b\""));
    assert_eq!(answer.headers.content_type.as_deref(), Some("text/xml"));
    assert_eq!(answer.headers.cache_control.as_deref(), Some("max-age=60"));
    let head = asked.lock().unwrap()[0].to_lowercase();
    for line in
        ["if-none-match: \"a\"", "if-modified-since: mon, 02 mar 2026 09:00:00 gmt", "user-agent: dossier/"]
    {
        assert!(head.contains(line), "{head}");
    }
    let answer = http().get(request(&address, true)).await.unwrap();
    assert_eq!(
        (answer.status, answer.headers.location.as_deref()),
        (301, Some("/new")),
        "nobody has followed it"
    );
}

#[tokio::test]
async fn no_more_is_read_than_a_feed_may_have() {
    let announced = plain(&format!("200 OK\r\nContent-Length: {}", BODY_MAX + 1), b"<rss>");
    let endless = plain("200 OK", &vec![b' '; BODY_MAX + 1_000_000]);
    let (address, _) = server(vec![announced, endless]).await;
    for _ in 0..2 {
        assert_eq!(http().get(request(&address, true)).await, Err(Failure::TooLarge));
    }
}

#[tokio::test]
async fn a_private_machine_is_not_asked_by_whatever_name() {
    let (address, asked) = server(vec![plain("200 OK", b"<rss/>")]).await;
    let port = address.rsplit(':').next().unwrap();
    let http = http();
    for host in ["127.0.0.1", "127.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"] {
        let refused = http.get(request(&format!("http://{host}:{port}"), false)).await;
        assert_eq!(refused, Err(Failure::Refused(Refused::Private)), "{host}");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
    assert_eq!(http.get(request(&address, true)).await.unwrap().status, 200);
}

#[tokio::test]
async fn who_does_not_answer_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(http().get(request(&address, true)).await, Err(Failure::Unreachable));
    let (address, _) = server(vec![b"what?".to_vec()]).await;
    assert_eq!(http().get(request(&address, true)).await, Err(Failure::Unreachable));
}
