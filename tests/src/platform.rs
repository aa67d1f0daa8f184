//! A platform that replies are sent to: it answers as LINE, Twilio, WhatsApp, Telegram and Messenger do, and breaks as told.

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
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
    /// The template that it is, if it is one, as it was told.
    pub template: Option<Value>,
    /// The mark with which it was said.
    pub tag: Option<String>,
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
    /// Calls that send, whatever came of them.
    calls: usize,
    /// How often it still does not show what it has.
    hides: usize,
    /// Access tokens that it gave, and whether it gives none.
    tokens: (usize, bool),
    /// Files that were brought before their message: their names and bytes.
    brought: Vec<File>,
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

    /// What it has.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.state).taken.clone()
    }

    /// How many files were brought to it before their message.
    pub fn brought(&self) -> usize {
        lock(&self.state).brought.len()
    }

    /// It shows nothing of what it has, the next so many times that it is asked.
    pub fn hide(&self, times: usize) {
        lock(&self.state).hides = times;
    }

    /// Whether it gives no access tokens.
    pub fn gives_no_tokens(&self, none: bool) {
        lock(&self.state).tokens.1 = none;
    }

    /// How many access tokens it gave.
    pub fn tokens(&self) -> usize {
        lock(&self.state).tokens.0
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
        let hides = {
            let mut state = lock(state);
            let hides = state.hides > 0;
            state.hides = state.hides.saturating_sub(1);
            hides
        };
        let messages: Vec<Value> = lock(state)
            .taken
            .iter()
            .rev()
            .filter(|taken| taken.to == to && !hides)
            .map(|taken| json!({"sid": taken.id, "body": taken.text, "to": taken.to, "direction": "outbound-api"}))
            .collect();
        return answer(&mut stream, 200, "", &json!({"messages": messages, "next_page_uri": null})).await;
    }
    if call.line.contains("/oauth/token ") {
        let token = {
            let mut state = lock(state);
            let (given, none) = &mut state.tokens;
            *given += usize::from(!*none);
            (!*none).then(|| json!({"access_token": format!("token-{given}"), "expires_in": 3600}))
        };
        return match token {
            Some(token) => answer(&mut stream, 200, "", &token).await,
            None => answer(&mut stream, 400, "", &json!({"error": "invalid_grant"})).await,
        };
    }
    if call.line.contains("/media ") {
        return bring(&mut stream, state, &call).await;
    }
    let said = said(&call, &lock(state).brought);
    let known = |taken: &Taken| said.key.is_some() && taken.key == said.key;
    let (trouble, again) = {
        let mut state = lock(state);
        state.calls += 1;
        (
            state.troubles.get_mut(&said.name()).and_then(Vec::pop).or(state.always),
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
    if is_telegram(&call) {
        let number = u64::from_str_radix(&id, 16).unwrap_or_default();
        let result =
            json!({"message_id": number, "chat": {"id": said.to.parse::<i64>().unwrap_or_default()}});
        return answer(&mut stream, 200, "", &json!({"ok": true, "result": result})).await;
    }
    if call.line.contains("/me/messages") {
        return answer(&mut stream, 200, "", &json!({"recipient_id": said.to, "message_id": id})).await;
    }
    answer(&mut stream, 200, "", &json!({"messages": [{"id": id}]})).await
}

/// A file is brought: it shows nobody anything.
async fn bring(stream: &mut TcpStream, state: &Mutex<State>, call: &Call) -> std::io::Result<()> {
    let (_, file) = form(call);
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
        None => answer(stream, 200, "", &json!({"id": id.to_string()})).await,
        Some(Trouble::RateLimited(after_s)) => {
            answer(stream, 429, &format!("retry-after: {after_s}\r\n"), &json!({})).await
        }
        Some(Trouble::Away) => answer(stream, 503, "retry-after: 0\r\n", &json!({})).await,
        Some(Trouble::Unauthorized) => answer(stream, 401, "", &json!({})).await,
        Some(Trouble::FailsWithIt | Trouble::FailsWithoutIt) => answer(stream, 500, "", &json!({})).await,
        Some(Trouble::HangsUpWithIt | Trouble::HangsUpWithoutIt) => Ok(()),
        Some(Trouble::SilentWithIt) => std::future::pending().await,
    }
}

/// A file: its name and its bytes.
type File = (String, Vec<u8>);

/// The fields of a form, and its file.
fn form(call: &Call) -> (HashMap<String, String>, Option<File>) {
    let boundary = call.head.split("boundary=").nth(1).and_then(|rest| rest.lines().next());
    let mut fields = HashMap::new();
    let mut file = None;
    let boundary = format!("\r\n--{}", boundary.unwrap_or_default().trim());
    let body = [b"\r\n", call.body.as_slice()].concat();
    let starts: Vec<usize> = body
        .windows(boundary.len())
        .enumerate()
        .filter(|(_, here)| *here == boundary.as_bytes())
        .map(|(at, _)| at)
        .collect();
    for pair in starts.windows(2) {
        let part = &body[pair[0] + boundary.len()..pair[1]];
        let Some(end) = part.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part[end + 4..].to_vec();
        let named =
            |name: &str| head.split(&format!("; {name}=\"")).nth(1)?.split('"').next().map(str::to_owned);
        match (named("name"), named("filename")) {
            (_, Some(name)) => file = Some((name, content)),
            (Some(name), None) => {
                fields.insert(name, String::from_utf8_lossy(&content).into_owned());
            }
            (None, None) => {}
        }
    }
    (fields, file)
}

/// What a call wants to be sent.
fn said(call: &Call, brought: &[File]) -> Taken {
    let key = call.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-line-retry-key").then(|| value.trim().to_owned())
    });
    let json: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if call.line.contains("Messages.json") {
        let form: HashMap<_, _> = form_urlencoded::parse(&call.body).into_owned().collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        return Taken { to: field("To"), text: field("Body"), key, ..Taken::default() };
    }
    if is_telegram(call) || call.line.contains("/me/messages") {
        return in_a_chat(call, &json);
    }
    let template = Some(json["template"].clone()).filter(Value::is_object);
    let of_file = || json[json["type"].as_str()?]["id"].as_str()?.parse::<usize>().ok()?.checked_sub(1);
    let file = of_file().and_then(|at| brought.get(at).cloned());
    let said = if json["messages"].is_array() { &json["messages"][0]["text"] } else { &json["text"]["body"] };
    Taken { to: text(&json["to"]), text: text(said), key, file, template, ..Taken::default() }
}

/// Whether it is one of Telegram's methods.
fn is_telegram(call: &Call) -> bool {
    call.line.contains("/send")
}

/// The same where it may come as a form.
fn in_a_chat(call: &Call, json: &Value) -> Taken {
    let (fields, file) = form(call);
    let of_form = |name: &str| {
        fields.get(name).map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()))
    };
    let field = |name: &str| of_form(name).unwrap_or_else(|| json[name].clone());
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let to = if is_telegram(call) { field("chat_id") } else { field("recipient")["id"].clone() };
    let said = if is_telegram(call) { field("text") } else { field("message")["text"].clone() };
    let tag = field("tag").as_str().map(str::to_owned);
    Taken {
        to: plain(&to),
        text: said.as_str().unwrap_or_default().to_owned(),
        file,
        tag,
        ..Taken::default()
    }
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
