//! Web chats in a real Chromium.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use axum::{Router, response::Html, routing::get};
use proto::ingestion::v1 as ing;
use serde_json::json;
use tests::{
    browser::{Browser, Look},
    world::World,
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    accounts::with_accounts,
    chat::{delivered, note, only_case, reply},
};

const INPUT: &str = "#input";
const OPEN: &str = ".launcher";
const WORDS: &str = ".message .words";
const WAITING: &str = ".message.waiting";

/// The server of somebody's shop, whose pages have the chat on them.
struct Shop {
    origin: String,
    serving: JoinHandle<()>,
}

impl Shop {
    /// Pages `/`, and `/strict`, whose policy lets neither WebSockets nor styles of others through.
    fn serve(listener: TcpListener, chat: &str) -> Self {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let page = format!(
            "<!doctype html><html><head><title>The shop</title></head><body><h1>Kettles</h1>\
             <p>All of them boil.</p><script src=\"{chat}/widget.js\" async></script></body></html>"
        );
        let strict = page.clone();
        let policy = format!("default-src 'none'; script-src {chat}/; connect-src {chat}/call");
        let router = Router::new()
            .route("/", get(async || Html(page)))
            .route("/strict", get(async || ([("content-security-policy", policy)], Html(strict))));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { origin, serving }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A site with a chat, a shop on whose pages it stands, and the address of the chat.
async fn site() -> (World, Shop, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap();
    let account = format!(
        "id = \"web\"\nchannel = \"chat\"\nbrand = \"Kettles & Co\"\n\
         settings = {{ origins = \"http://{origin}\", greeting = \"Tea?\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let chat = format!("http://{}/chat/web", world.platform.hooks.unwrap());
    let shop = Shop::serve(listener, &chat);
    (world, shop, chat)
}

async fn writes(browser: &mut Browser, tab: &str, text: &str) {
    browser.act(tab, "fill", json!({"at": INPUT, "text": text})).await;
    browser.act(tab, "press", json!({"key": "Enter"})).await;
    browser.sees(tab, WORDS, text).await;
    browser.act(tab, "wait", json!({"at": WAITING, "gone": true})).await;
}

/// Nothing of it goes wrong in the browser.
async fn no_errors(browser: &mut Browser, tab: &str) -> usize {
    let seen = browser.act(tab, "seen", json!({})).await;
    assert_eq!(seen["errors"], json!([]));
    seen["sockets"].as_array().unwrap().len()
}

async fn talks_and_goes_on(look: Look) {
    let (world, shop, _) = site().await;
    let mut browser = Browser::start().await;
    browser.open("ann", look).await;
    let home = json!({"url": format!("{}/", shop.origin)});
    browser.act("ann", "goto", home.clone()).await;
    // Nothing is kept before somebody says something.
    browser.act("ann", "click", json!({"at": OPEN})).await;
    browser.sees("ann", ".greeting", "Tea?").await;
    let kept = browser
        .act("ann", "evaluate", json!({"script": "JSON.stringify([document.cookie, localStorage.length])"}))
        .await;
    assert_eq!(kept, "[\"\",0]");
    writes(&mut browser, "ann", "My kettle does not boil <b>at all</b>").await;

    let case = only_case(&world, "web").await;
    assert_eq!(case.timeline[0].text, "My kettle does not boil <b>at all</b>");
    note(&world, &case.case_id, "A note of ours").await;
    let sent = reply(&world, "ana", &case.case_id, "See https://example.com/lids?a=1&b=2. Better?").await;
    browser.sees("ann", WORDS, "Better?").await;
    browser.sees("ann", ".who", "Ana").await;
    let link = browser.act("ann", "evaluate", json!({"script":
        "(() => { const a = document.querySelector('dossier-chat').shadowRoot.querySelector('.words a'); return [a.href, a.rel, a.target].join(' '); })()"})).await;
    assert_eq!(link, "https://example.com/lids?a=1&b=2 noopener noreferrer nofollow _blank");
    delivered(&world, &sent, ing::delivery::Status::Read).await;

    // Reloaded, opened again: the same conversation, and it goes on.
    browser.act("ann", "reload", json!({})).await;
    browser.act("ann", "click", json!({"at": OPEN})).await;
    browser.sees("ann", WORDS, "Better?").await;
    let said = browser.texts("ann", WORDS).await;
    assert_eq!(
        said,
        ["My kettle does not boil <b>at all</b>", "See https://example.com/lids?a=1&b=2. Better?"]
    );
    writes(&mut browser, "ann", "It boils!").await;
    let again = only_case(&world, "web").await;
    assert_eq!((again.case_id.clone(), again.timeline.len()), (case.case_id.clone(), 4));

    // Closed, with the focus where it was; what comes now is delivered, counted, and read when it is looked at.
    browser.act("ann", "press", json!({"key": "Escape"})).await;
    let focus = "document.querySelector('dossier-chat').shadowRoot.activeElement.className";
    assert_eq!(browser.act("ann", "evaluate", json!({"script": focus})).await, "launcher");
    let later = reply(&world, "ana", &case.case_id, "Glad to hear it").await;
    browser.sees("ann", ".badge", "1").await;
    delivered(&world, &later, ing::delivery::Status::Delivered).await;
    assert_eq!(browser.act("ann", "evaluate", json!({"script": "document.title"})).await, "(1) The shop");
    browser.act("ann", "click", json!({"at": OPEN})).await;
    delivered(&world, &later, ing::delivery::Status::Read).await;
    assert_eq!(browser.act("ann", "evaluate", json!({"script": "document.title"})).await, "The shop");

    // Another tab of hers sees what is said in this one; somebody else sees nothing.
    browser.open_beside("ann's other", "ann").await;
    browser.act("ann's other", "goto", home.clone()).await;
    browser.act("ann's other", "click", json!({"at": OPEN})).await;
    browser.sees("ann's other", WORDS, "Glad to hear it").await;
    writes(&mut browser, "ann's other", "From over here").await;
    browser.sees("ann", WORDS, "From over here").await;
    browser.open("bob", look).await;
    browser.act("bob", "goto", home).await;
    browser.act("bob", "click", json!({"at": OPEN})).await;
    browser.sees("bob", ".greeting", "Tea?").await;
    assert_eq!(browser.texts("bob", WORDS).await.len(), 0);
    for tab in ["ann", "ann's other", "bob"] {
        assert!(no_errors(&mut browser, tab).await > 0, "a WebSocket");
    }
    browser.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_desk_somebody_talks_is_answered_live_reloads_and_goes_on() {
    talks_and_goes_on(Look::DESKTOP).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_phone_somebody_talks_is_answered_live_reloads_and_goes_on() {
    talks_and_goes_on(Look::PHONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_websocket_gets_through_it_is_the_same_chat() {
    let (world, shop, _) = site().await;
    let mut browser = Browser::start().await;
    for (tab, look) in [("desk", Look::DESKTOP), ("phone", Look::PHONE)] {
        browser.open(tab, look).await;
        browser.act(tab, "goto", json!({"url": format!("{}/strict", shop.origin)})).await;
        browser.act(tab, "click", json!({"at": OPEN})).await;
        writes(&mut browser, tab, &format!("From a {tab} behind a wall")).await;
        let text = format!("From a {tab} behind a wall");
        let at_least = crate::accounts::all_taken(&world).await;
        let list = proto::cases::v1::ListCasesRequest { at_least, page_size: 10, ..Default::default() };
        let cases = world.administrator().list(list).await;
        let case = cases.iter().find(|case| case.title == text).unwrap();
        let sent = reply(&world, "ana", &case.case_id, &format!("Hello {tab}")).await;
        browser.sees(tab, WORDS, &format!("Hello {tab}")).await;
        delivered(&world, &sent, ing::delivery::Status::Read).await;
        browser.act(tab, "reload", json!({})).await;
        browser.act(tab, "click", json!({"at": OPEN})).await;
        browser.sees(tab, WORDS, &format!("Hello {tab}")).await;
        writes(&mut browser, tab, "Still here").await;
        let styled = "getComputedStyle(document.querySelector('dossier-chat').shadowRoot.querySelector('.panel')).position";
        assert_eq!(browser.act(tab, "evaluate", json!({"script": styled})).await, "fixed");
        let seen = browser.act(tab, "seen", json!({})).await;
        assert_eq!(seen["errors"], json!([]));
    }
    browser.end().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_without_a_connection_is_kept_and_sent_once_when_it_is_back() {
    let (world, _shop, chat) = site().await;
    let mut browser = Browser::start().await;
    browser.open("ann", Look { locale: "de-DE", ..Look::PHONE }).await;
    browser.act("ann", "goto", json!({"url": chat})).await;
    writes(&mut browser, "ann", "Hallo").await;
    browser.act("ann", "offline", json!({"on": true})).await;
    for text in ["one", "two", "three"] {
        browser.act("ann", "fill", json!({"at": INPUT, "text": text})).await;
        browser.act("ann", "press", json!({"key": "Enter"})).await;
    }
    browser.sees("ann", ".notice", "Keine Verbindung").await;
    browser.act("ann", "wait", json!({"at": WAITING, "text": "three"})).await;
    // Even a reload keeps it; a page that cannot be loaded cannot be tried here, so it is another tab.
    let kept = "JSON.parse(Object.entries(localStorage).find(([name]) => name.endsWith('outbox'))[1]).length";
    assert_eq!(browser.act("ann", "evaluate", json!({"script": kept})).await, 3);
    browser.act("ann", "offline", json!({"on": false})).await;
    browser.act("ann", "wait", json!({"at": WAITING, "gone": true})).await;
    browser.sees("ann", ".notice", "Wieder verbunden").await;
    let case = only_case(&world, "web").await;
    let said: Vec<_> = case.timeline.iter().map(|item| &*item.text).collect();
    assert_eq!(said, ["Hallo", "one", "two", "three"]);
    no_errors(&mut browser, "ann").await;
    browser.end().await;
    world.end().await;
}
