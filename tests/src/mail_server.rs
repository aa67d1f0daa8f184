//! A mail server that replies are sent to: it takes mails by SMTP, and breaks as told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What goes wrong with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It answers this instead of a greeting, and hangs up.
    Greets(&'static str),
    /// It answers this to the recipient.
    SaysToRecipient(&'static str),
    /// It answers this to the mail, and does not take it.
    SaysToMail(&'static str),
    /// It hangs up at the recipient.
    HangsUpBefore,
    /// It has taken the mail, and hangs up before it says so.
    HangsUpWithIt,
    /// It hangs up behind the mail, and has not taken it.
    HangsUpWithoutIt,
    /// It has taken the mail, and never says so.
    SilentWithIt,
    /// It says nothing from the beginning.
    Silent,
}

/// A mail that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The sender of the envelope.
    pub from: String,
    /// The recipient of the envelope.
    pub to: String,
    /// The mail.
    pub mail: String,
}

/// The mail server.
pub struct FakeMailServer {
    /// Where it is.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// What goes wrong next with a mail for this recipient.
    troubles: HashMap<String, Vec<Trouble>>,
    /// What goes wrong with whoever comes next, before anybody knows for whom.
    at_the_door: Vec<Trouble>,
    taken: Vec<Taken>,
    /// Mails that came as far as their last dot, whatever came of them.
    calls: usize,
}

impl FakeMailServer {
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
                    let _ = serve(BufReader::new(stream), &state).await;
                });
            }
        });
        Self { address, state, serving }
    }

    /// The settings of an account that sends by it.
    pub fn settings(&self) -> String {
        format!("smtp_host = \"127.0.0.1\", smtp_port = \"{}\"", self.address.port())
    }

    /// What goes wrong with mails for this recipient, one time after the other.
    pub fn trouble(&self, to: &str, troubles: &[Trouble]) {
        let troubles = troubles.iter().rev().copied().collect();
        lock(&self.state).troubles.insert(to.to_owned(), troubles);
    }

    /// What goes wrong with those who come next, one after the other.
    pub fn trouble_at_the_door(&self, troubles: &[Trouble]) {
        lock(&self.state).at_the_door = troubles.iter().rev().copied().collect();
    }

    /// What it has.
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.state).taken.clone()
    }

    /// What it has for this recipient.
    pub fn taken_for(&self, to: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|taken| taken.to == to).collect()
    }

    /// How many mails came as far as their last dot.
    pub fn calls(&self) -> usize {
        lock(&self.state).calls
    }
}

impl Drop for FakeMailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Taken {
    /// The first field of this name, on one line.
    pub fn field(&self, name: &str) -> Option<String> {
        let head = self.mail.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: BufReader<TcpStream>, state: &Mutex<State>) -> std::io::Result<()> {
    let at_the_door = lock(state).at_the_door.pop();
    match at_the_door {
        Some(Trouble::Greets(text)) => return say(&mut stream, text).await,
        Some(Trouble::Silent) => return std::future::pending().await,
        _ => say(&mut stream, "220 mx.test ready").await?,
    }
    let (mut from, mut to, mut trouble) = (String::new(), String::new(), None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" => say(&mut stream, "250-mx.test\r\n250 ENHANCEDSTATUSCODES").await?,
            "MAIL" => {
                from = address(line);
                say(&mut stream, "250 2.1.0 go on").await?;
            }
            "RCPT" => {
                to = address(line);
                trouble = lock(state).troubles.get_mut(&to).and_then(Vec::pop);
                match trouble {
                    Some(Trouble::SaysToRecipient(text)) => say(&mut stream, text).await?,
                    Some(Trouble::HangsUpBefore) => return Ok(()),
                    _ => say(&mut stream, "250 2.1.5 go on").await?,
                }
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let taken = Taken { from: from.clone(), to: to.clone(), mail: mail(&mut stream).await? };
                lock(state).calls += 1;
                let take = || lock(state).taken.push(taken);
                match trouble.take() {
                    Some(Trouble::SaysToMail(text)) => say(&mut stream, text).await?,
                    Some(Trouble::HangsUpWithoutIt) => return Ok(()),
                    Some(Trouble::HangsUpWithIt) => {
                        take();
                        return Ok(());
                    }
                    Some(Trouble::SilentWithIt) => {
                        take();
                        return std::future::pending().await;
                    }
                    _ => {
                        take();
                        say(&mut stream, "250 2.0.0 taken").await?;
                    }
                }
            }
            "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
            _ => say(&mut stream, "500 5.5.1 not known here").await?,
        }
    }
}

/// A mail up to its last dot, without its dots at the beginnings of lines.
async fn mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// What stands between the brackets of a command.
fn address(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
}
