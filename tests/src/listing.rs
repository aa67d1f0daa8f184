//! Platforms that are asked for lists: Google's reviews, YouTube's comments, Trustpilot's reviews, and what gives access tokens.
//! They change while they are read, and break as told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State as With,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// 401, and the access token is good no more.
    Unauthorized,
    /// 429, to come again after so many seconds.
    Later(u64),
    /// 500.
    Fails,
    /// 200, and the body is cut.
    Cut,
    /// 400, as for the name of a page that ended.
    PageEnded,
}

/// An entry of a list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called.
    pub id: String,
    /// What it says.
    pub text: String,
    /// When it was written, in seconds since 1970.
    pub written_s: i64,
    /// When it was changed.
    pub changed_s: i64,
    /// Replies to it: id, text.
    pub replies: Vec<(String, String)>,
}

/// The platforms.
pub struct FakeListing {
    /// Where they are.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    served: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

struct State {
    entries: Vec<Entry>,
    page_size: usize,
    /// What goes wrong with the next calls, the last first.
    breaks: Vec<Option<Breaks>>,
    /// The number of the access token that is good.
    token: usize,
    /// Each call: its path and query.
    calls: Vec<String>,
    served: watch::Sender<usize>,
}

/// The refresh token that is known.
pub const REFRESH: &str = "refresh-1";
/// The key that is known.
pub const KEY: &str = "key-1";

impl FakeListing {
    /// Starts them.
    pub async fn start(page_size: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, served) = watch::channel(0);
        let state = Arc::new(Mutex::new(State {
            entries: Vec::new(),
            page_size,
            breaks: Vec::new(),
            token: 1,
            calls: Vec::new(),
            served: sender,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Self { address, state, served, serving }
    }

    /// The address for `base_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an entry, or changes the one of this id.
    pub fn put(&self, entry: Entry) {
        let mut state = lock(&self.state);
        state.entries.retain(|other| other.id != entry.id);
        state.entries.push(entry);
    }

    /// What goes wrong with the next calls of lists, one after the other.
    pub fn breaks(&self, breaks: &[Option<Breaks>]) {
        lock(&self.state).breaks = breaks.iter().rev().copied().collect();
    }

    /// Whether all that should go wrong did.
    pub fn is_well(&self) -> bool {
        lock(&self.state).breaks.is_empty()
    }

    /// Each call: its path and query.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.state).calls.clone()
    }

    /// Returns when so many more pages were given.
    pub async fn gave(&self, more: usize) {
        let mut served = self.served.clone();
        let goal = *served.borrow_and_update() + more;
        served.wait_for(|served| *served >= goal).await.expect("the platforms run");
    }
}

impl Drop for FakeListing {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(With(state): With<Arc<Mutex<State>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut state = lock(&state);
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if uri.path() == "/token" {
        state.calls.push("/token".to_owned());
        let known =
            form_urlencoded::parse(&body).any(|(name, value)| name == "refresh_token" && value == REFRESH);
        return if known {
            let token = format!("access-{}", state.token);
            json(200, &json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" }))
        } else {
            json(400, &json!({ "error": "invalid_grant" }))
        };
    }
    state.calls.push(uri.to_string());
    let said =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let bearer = said("authorization") == format!("Bearer access-{}", state.token);
    if !bearer && said("apikey") != KEY {
        return json(401, &json!({ "error": { "status": "UNAUTHENTICATED" } }));
    }
    let page = parameter("pageToken").or_else(|| parameter("page"));
    let breaks = state.breaks.pop().flatten();
    match breaks {
        Some(Breaks::Unauthorized) => {
            state.token += 1;
            return json(401, &json!({ "error": { "status": "UNAUTHENTICATED" } }));
        }
        Some(Breaks::Later(after_s)) => {
            let after = [(header::RETRY_AFTER, after_s.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, after, "{}").into_response();
        }
        Some(Breaks::Fails) => return json(500, &json!({})),
        Some(Breaks::PageEnded) if page.is_some() => return json(400, &json!({})),
        _ => {}
    }
    let body = match uri.path() {
        path if path.ends_with("/comments") => {
            state.replies(&parameter("parentId").unwrap_or_default(), page.as_deref())
        }
        path if path.contains("/business-units/") => state.trustpilot(page.as_deref()),
        path if path.ends_with("/commentThreads") => state.youtube(page.as_deref()),
        _ => state.google(page.as_deref()),
    };
    state.served.send_modify(|served| *served += 1);
    if breaks == Some(Breaks::Cut) {
        let text = body.to_string();
        let half = text.get(..text.len() / 2).unwrap_or_default().to_owned();
        return (StatusCode::OK, half).into_response();
    }
    json(200, &body)
}

fn json(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn time(s: i64) -> String {
    domain::time::Timestamp::UNIX_EPOCH.plus_seconds(s).to_string()
}

impl State {
    /// The entries after the one that the page is named after, the newest first, and the name of the next page.
    fn page(&self, page: Option<&str>, order: impl Fn(&Entry) -> i64) -> (Vec<Entry>, Option<String>) {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| (std::cmp::Reverse(order(entry)), entry.id.clone()));
        // A page is named after where it begins, so that what comes above moves nothing.
        let before = page.and_then(|page| page.split_once('~'));
        if let Some((at, id)) = before {
            let at: i64 = at.parse().unwrap_or_default();
            entries.retain(|entry| order(entry) < at || order(entry) == at && entry.id.as_str() > id);
        }
        let more = entries.len() > self.page_size;
        entries.truncate(self.page_size);
        let last = entries.last().filter(|_| more);
        let next = last.map(|last| format!("{}~{}", order(last), last.id));
        (entries, next)
    }

    fn google(&self, page: Option<&str>) -> Value {
        let (entries, next) = self.page(page, |entry| entry.changed_s);
        let reviews: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "name": format!("accounts/1/locations/2/reviews/{}", entry.id), "reviewId": entry.id,
                    "reviewer": { "displayName": "Ana" }, "starRating": "TWO", "comment": entry.text,
                    "createTime": time(entry.written_s), "updateTime": time(entry.changed_s),
                })
            })
            .collect();
        json!({ "reviews": reviews, "nextPageToken": next })
    }

    fn youtube(&self, page: Option<&str>) -> Value {
        let (entries, next) = self.page(page, |entry| entry.written_s);
        let items: Vec<_> = entries
            .iter()
            .map(|entry| {
                // Only the beginning of a thread.
                let replies: Vec<_> = entry.replies.iter().take(1).map(|reply| comment(entry, reply, true)).collect();
                let first = (entry.id.clone(), entry.text.clone());
                json!({
                    "kind": "youtube#commentThread", "id": entry.id,
                    "snippet": {
                        "channelId": "UC1", "videoId": "v1", "isPublic": true,
                        "totalReplyCount": entry.replies.len(), "topLevelComment": comment(entry, &first, true),
                    },
                    "replies": { "comments": replies },
                })
            })
            .collect();
        json!({ "kind": "youtube#commentThreadListResponse", "items": items, "nextPageToken": next })
    }

    fn replies(&self, parent: &str, page: Option<&str>) -> Value {
        let from: usize = page.and_then(|page| page.parse().ok()).unwrap_or_default();
        let Some(entry) = self.entries.iter().find(|entry| entry.id == parent) else { return json!({}) };
        let items = entry.replies.iter().skip(from).take(self.page_size);
        let items: Vec<_> = items.map(|reply| comment(entry, reply, false)).collect();
        let next = from + self.page_size;
        let next = (next < entry.replies.len()).then(|| next.to_string());
        json!({ "kind": "youtube#commentListResponse", "items": items, "nextPageToken": next })
    }

    fn trustpilot(&self, page: Option<&str>) -> Value {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.written_s), entry.id.clone()));
        let page: usize = page.and_then(|page| page.parse().ok()).unwrap_or(1);
        let entries = entries.iter().skip((page - 1) * self.page_size).take(self.page_size);
        let reviews: Vec<_> = entries
            .map(|entry| {
                json!({
                    "id": entry.id, "stars": 1, "title": "Late", "text": entry.text, "language": "en",
                    "createdAt": time(entry.written_s), "updatedAt": time(entry.changed_s),
                    "consumer": { "id": format!("c-{}", entry.id), "displayName": "Ana" },
                })
            })
            .collect();
        json!({ "reviews": reviews })
    }
}

/// A comment. In a list of replies, nobody says whose channel it is.
fn comment(entry: &Entry, (id, text): &(String, String), with_channel: bool) -> Value {
    let author = if id.contains("ours") { "UC1".to_owned() } else { format!("UC-{id}") };
    let mut snippet = json!({
        "textDisplay": text, "textOriginal": text, "authorDisplayName": "@ana", "videoId": "v1",
        "authorChannelId": { "value": author }, "publishedAt": time(entry.written_s), "updatedAt": time(entry.changed_s),
    });
    if with_channel {
        snippet["channelId"] = "UC1".into();
    } else {
        snippet["parentId"] = entry.id.clone().into();
    }
    json!({ "kind": "youtube#comment", "id": id, "snippet": snippet })
}
