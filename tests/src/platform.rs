//! A platform that replies are sent to: it answers as LINE, Twilio and WhatsApp do, and breaks as told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What goes wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused for now: 429, to come again after so many seconds.
    RateLimited(u64),
    /// It is away: 503, and it took nothing.
    Away,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it calls it.
    pub id: String,
    /// To whom.
    pub to: String,
    /// What it says.
    pub text: String,
    /// The key that it was told, if it knows keys.
    pub key: Option<String>,
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
    /// Calls that send, whatever came of them.
    calls: usize,
}

struct Call {
    line: String,
    head: String,
    body: Vec<u8>,
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

    /// What goes wrong with the message of this text, one time after the other.
    pub fn trouble(&self, text: &str, troubles: &[Trouble]) {
        let troubles = troubles.iter().rev().copied().collect();
        lock(&self.state).troubles.insert(text.to_owned(), troubles);
    }

    /// What goes wrong with every message from now on; nothing: it works again.
    pub fn always(&self, trouble: Option<Trouble>) {
        lock(&self.state).always = trouble;
    }

    /// What it has.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.state).taken.clone()
    }

    /// How often it was called to take something.
    pub fn calls(&self) -> usize {
        lock(&self.state).calls
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
    let call = read(&mut stream).await?;
    if call.line.starts_with("GET ") {
        let query = call.line.split(['?', ' ']).nth(2).unwrap_or_default();
        let to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "To");
        let to = to.map(|(_, to)| to.into_owned()).unwrap_or_default();
        let messages: Vec<Value> = lock(state)
            .taken
            .iter()
            .filter(|taken| taken.to == to)
            .map(|taken| json!({"sid": taken.id, "body": taken.text, "to": taken.to, "direction": "outbound-api"}))
            .collect();
        return answer(&mut stream, 200, "", &json!({"messages": messages, "next_page_uri": null})).await;
    }
    let said = said(&call);
    let known = |taken: &Taken| said.key.is_some() && taken.key == said.key;
    let (trouble, again) = {
        let mut state = lock(state);
        state.calls += 1;
        (
            state.troubles.get_mut(&said.text).and_then(Vec::pop).or(state.always),
            state.taken.iter().find(|taken| known(taken)).cloned(),
        )
    };
    let take = || {
        let mut state = lock(state);
        if again.is_none() {
            let id = format!("{:032x}", 0x1000 + state.taken.len());
            state.taken.push(Taken { id, ..said.clone() });
        }
    };
    match trouble {
        Some(Trouble::RateLimited(after_s)) => {
            let head = format!("retry-after: {after_s}\r\n");
            return answer(&mut stream, 429, &head, &json!({"message": "slower"})).await;
        }
        Some(Trouble::Away) => return answer(&mut stream, 503, "retry-after: 0\r\n", &json!({})).await,
        Some(Trouble::Unauthorized) => {
            return answer(&mut stream, 401, "", &json!({"message": "who are you?"})).await;
        }
        Some(Trouble::FailsWithIt) => {
            take();
            return answer(&mut stream, 500, "", &json!({})).await;
        }
        Some(Trouble::FailsWithoutIt) => return answer(&mut stream, 500, "", &json!({})).await,
        Some(Trouble::HangsUpWithIt) => {
            take();
            return Ok(());
        }
        Some(Trouble::HangsUpWithoutIt) => return Ok(()),
        Some(Trouble::SilentWithIt) => {
            take();
            return std::future::pending().await;
        }
        None => take(),
    }
    let id = lock(state).taken.last().map(|taken| taken.id.clone()).unwrap_or_default();
    if call.line.contains("/message/push") {
        return match again {
            Some(_) => {
                let head = "x-line-accepted-request-id: 1\r\n";
                answer(&mut stream, 409, head, &json!({"message": "The retry key is already accepted"})).await
            }
            None => answer(&mut stream, 200, "", &json!({"sentMessages": [{"id": id}]})).await,
        };
    }
    if call.line.contains("Messages.json") {
        return answer(&mut stream, 201, "", &json!({"sid": id, "status": "queued"})).await;
    }
    answer(&mut stream, 200, "", &json!({"messages": [{"id": id}]})).await
}

/// What a call wants to be sent.
fn said(call: &Call) -> Taken {
    let key = call.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-line-retry-key").then(|| value.trim().to_owned())
    });
    let json: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if call.line.contains("Messages.json") {
        let form: HashMap<_, _> = form_urlencoded::parse(&call.body).into_owned().collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        return Taken { id: String::new(), to: field("To"), text: field("Body"), key };
    }
    let said = if json["messages"].is_array() { &json["messages"][0]["text"] } else { &json["text"]["body"] };
    Taken { id: String::new(), to: text(&json["to"]), text: text(said), key }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = bytes.split_off(end + 4);
    while body.len() < length.unwrap_or_default() {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    Ok(Call { line, head, body })
}

async fn answer(stream: &mut TcpStream, status: u16, head: &str, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let text = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{head}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
