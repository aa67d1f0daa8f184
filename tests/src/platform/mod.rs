//! A platform that replies are sent to: it answers as each of them does, by the address at which it is called, and breaks as
//! told. What a platform promises it keeps: whoever knows keys takes a key once, whoever can be asked says what it has; the
//! others take what they get, twice if it is sent twice.

mod call;
mod chats;
mod kind;
mod public;
mod webhooks;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use call::{Answer, Call, File, answer};
use kind::Kind;

/// What goes wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused for now: 429, to come again after so many seconds.
    RateLimited(u64),
    /// It is away: 503, and it took nothing.
    Away,
    /// It is not ready to take anything: 425, and it took nothing.
    TooEarly,
    /// A proxy before it answers that it is away: 503, and it has taken it.
    AwayWithIt,
    /// It does not know who calls: 401.
    Unauthorized,
    /// It fails in the middle, and has taken it: 500.
    FailsWithIt,
    /// It fails in the middle, and has not taken it: 500.
    FailsWithoutIt,
    /// It has taken it, and hangs up before it says so.
    HangsUpWithIt,
    /// It hangs up, and has not taken it.
    HangsUpWithoutIt,
    /// It has taken it, and never says so.
    SilentWithIt,
}

/// A message that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Which platform it is.
    pub platform: &'static str,
    /// What it calls it.
    pub id: String,
    /// To whom.
    pub to: String,
    /// What it says.
    pub text: String,
    /// The key that it was told, if it knows keys.
    pub key: Option<String>,
    /// The file that it is, if it is one: its name and its bytes.
    pub file: Option<(String, Vec<u8>)>,
    /// The template that it is, if it is one, as it was told; in Slack, its metadata.
    pub template: Option<Value>,
    /// The mark with which it was said; what kind of message it is, or its thread, where a platform has several.
    pub tag: Option<String>,
    /// The word that it is to repeat with what it reports of it, where a platform does so.
    pub word: Option<String>,
}

impl Taken {
    /// By what troubles know it: what it says, or the name of its file or template.
    fn name(&self) -> String {
        let file = self.file.as_ref().map(|(name, _)| name.clone());
        let template = || self.template.as_ref()?["name"].as_str().map(str::to_owned);
        let other = file.or_else(template).unwrap_or_default();
        if self.text.is_empty() { other } else { self.text.clone() }
    }
}

/// The platform.
pub struct FakePlatform {
    /// Where it is.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// What goes wrong next with a message of this text.
    troubles: HashMap<String, Vec<Trouble>>,
    /// What goes wrong with every message for which nothing else is said.
    always: Option<Trouble>,
    taken: Vec<Taken>,
    /// Calls that send, whatever came of them, by the names of their messages.
    calls: HashMap<String, usize>,
    /// What goes wrong when it is asked next about a place or a person of this name.
    asked: HashMap<String, Trouble>,
    /// How often it still does not show what it has.
    hides: usize,
    /// Access tokens that it gave, and whether it gives none.
    tokens: (usize, bool),
    /// How often it gave none.
    refused: watch::Sender<usize>,
    /// Files that were brought before their message: their names and bytes.
    brought: Vec<File>,
}

impl FakePlatform {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // Whoever hangs up is gone.
                    let _ = serve(stream, &state).await;
                });
            }
        });
        Self { address, state, serving }
    }

    /// The address for `base_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What goes wrong with the message of this text, file or template, one time after the other; with `bring <name>`, when
    /// the file is brought before its message.
    pub fn trouble(&self, text: &str, troubles: &[Trouble]) {
        let troubles = troubles.iter().rev().copied().collect();
        lock(&self.state).troubles.insert(text.to_owned(), troubles);
    }

    /// What goes wrong with every message from now on; nothing: it works again.
    pub fn always(&self, trouble: Option<Trouble>) {
        lock(&self.state).always = trouble;
    }

    /// What goes wrong when it is asked the next time what it has for a place or a person of this name.
    pub fn trouble_when_asked(&self, of: &str, trouble: Trouble) {
        lock(&self.state).asked.insert(of.to_owned(), trouble);
    }

    /// About whom it was never asked, though something would have gone wrong.
    pub fn never_asked(&self) -> Vec<String> {
        lock(&self.state).asked.keys().cloned().collect()
    }

    /// What it has.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.state).taken.clone()
    }

    /// How many files were brought to it before their message.
    pub fn brought(&self) -> usize {
        lock(&self.state).brought.len()
    }

    /// How often it was called to take something.
    pub fn calls(&self) -> usize {
        lock(&self.state).calls.values().sum()
    }

    /// It shows nothing of what it has, the next so many times that it is asked.
    pub fn hide(&self, times: usize) {
        lock(&self.state).hides = times;
    }

    /// Whether it gives no access tokens.
    pub fn gives_no_tokens(&self, none: bool) {
        lock(&self.state).tokens.1 = none;
    }

    /// Waits until it was asked so often for an access token and gave none.
    pub async fn refused_tokens(&self, times: usize) {
        let mut refused = lock(&self.state).refused.subscribe();
        refused.wait_for(|refused| *refused >= times).await.expect("the platform is there");
    }

    /// How many access tokens it gave.
    pub fn tokens(&self) -> usize {
        lock(&self.state).tokens.0
    }

    /// How often it was called to take this text, file or template.
    pub fn calls_for(&self, text: &str) -> usize {
        lock(&self.state).calls.get(text).copied().unwrap_or_default()
    }
}

impl Drop for FakePlatform {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let call = Call::read(&mut stream).await?;
    if call.path.ends_with("/oauth/token") {
        let token = lock(state).token();
        return answer(&mut stream, &token).await;
    }
    let Some((platform, kind)) = kind::at(&call.path) else {
        return answer(&mut stream, &Answer::new(404, json!({}))).await;
    };
    if call.method == "GET" {
        let trouble = call.names().iter().find_map(|name| lock(state).asked.remove(name));
        if trouble.is_some() {
            return breaks(&mut stream, trouble).await;
        }
        let shown = lock(state).shown();
        let here: Vec<_> = shown.iter().filter(|taken| taken.platform == platform).collect();
        return answer(&mut stream, &Answer::new(200, kind.has(&call, &here))).await;
    }
    if call.path.ends_with("/media") {
        return bring(&mut stream, state, &call).await;
    }
    let said = Taken { platform, ..kind.said(&call, &lock(state).brought) };
    let trouble = {
        let mut state = lock(state);
        *state.calls.entry(said.name()).or_default() += 1;
        state.troubles.get_mut(&said.name()).and_then(Vec::pop).or(state.always)
    };
    match trouble {
        None => {
            let taken = lock(state).take(kind, &said);
            answer(&mut stream, &taken).await
        }
        Some(Trouble::AwayWithIt | Trouble::FailsWithIt | Trouble::HangsUpWithIt | Trouble::SilentWithIt) => {
            lock(state).take(kind, &said);
            breaks(&mut stream, trouble).await
        }
        Some(_) => breaks(&mut stream, trouble).await,
    }
}

impl State {
    /// What it shows of what it has, now that it is asked.
    fn shown(&mut self) -> Vec<Taken> {
        if self.hides > 0 {
            self.hides -= 1;
            return Vec::new();
        }
        self.taken.clone()
    }

    /// Another access token, or none.
    fn token(&mut self) -> Answer {
        let (given, none) = &mut self.tokens;
        if *none {
            self.refused.send_modify(|refused| *refused += 1);
            return Answer::new(400, json!({"error": "invalid_grant"}));
        }
        *given += 1;
        Answer::new(200, json!({"access_token": format!("token-{given}"), "expires_in": 3600}))
    }

    /// Takes a message, or knows it again; what is answered, if nothing goes wrong.
    fn take(&mut self, kind: &dyn Kind, said: &Taken) -> Answer {
        if let Some(refused) = kind.refuses(said, &self.taken) {
            return refused;
        }
        let same =
            |one: &&mut Taken| said.key.is_some() && one.key == said.key && one.platform == said.platform;
        if let Some(known) = self.taken.iter_mut().find(same) {
            if kind.replaces() {
                known.text.clone_from(&said.text);
            }
            return kind.took(known, true);
        }
        let id = format!("{:032x}", 0x1000 + self.taken.len());
        let taken = Taken { id, ..said.clone() };
        let answer = kind.took(&taken, false);
        self.taken.push(taken);
        answer
    }
}

/// It breaks in this way.
async fn breaks(stream: &mut TcpStream, trouble: Option<Trouble>) -> std::io::Result<()> {
    let said = match trouble {
        Some(Trouble::RateLimited(after_s)) => {
            Answer::new(429, json!({"message": "slower"})).with("retry-after", &after_s.to_string())
        }
        Some(Trouble::TooEarly) => Answer::new(425, json!({})).with("retry-after", "0"),
        Some(Trouble::Away | Trouble::AwayWithIt) => Answer::new(503, json!({})).with("retry-after", "0"),
        Some(Trouble::Unauthorized) => Answer::new(401, json!({"message": "who are you?"})),
        Some(Trouble::FailsWithIt | Trouble::FailsWithoutIt) => Answer::new(500, json!({})),
        Some(Trouble::SilentWithIt) => return std::future::pending().await,
        Some(Trouble::HangsUpWithIt | Trouble::HangsUpWithoutIt) | None => return Ok(()),
    };
    answer(stream, &said).await
}

/// A file is brought: it shows nobody anything.
async fn bring(stream: &mut TcpStream, state: &Mutex<State>, call: &Call) -> std::io::Result<()> {
    let (_, file) = call.form();
    let file = file.unwrap_or_default();
    let (trouble, id) = {
        let mut state = lock(state);
        let trouble = state.troubles.get_mut(&format!("bring {}", file.0)).and_then(Vec::pop);
        if trouble.is_none() {
            state.brought.push(file);
        }
        (trouble, state.brought.len())
    };
    match trouble {
        None => answer(stream, &Answer::new(200, json!({"id": id.to_string()}))).await,
        trouble => breaks(stream, trouble).await,
    }
}
