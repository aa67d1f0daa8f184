//! A mail server with one mailbox that is read by IMAP: it says what it is asked, and breaks as told.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What goes wrong when a mail is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// The connection ends in the middle of the mail.
    InTheMiddle,
    /// It says BYE, and hangs up.
    Bye,
    /// It says NO.
    No,
    /// It announces a mail of four gigabytes, and sends bytes.
    Announces,
    /// It sends what is no IMAP.
    Nonsense,
    /// It says nothing more, ever.
    Hangs,
    /// It says OK, and that there is nothing.
    Nothing,
    /// It does not say how large it is.
    NoSize,
}

/// A mail as the server has it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// As it goes over the wire.
    pub bytes: Vec<u8>,
    /// How large the server says it is.
    pub size: usize,
    /// Whether it is marked as seen.
    pub seen: bool,
}

/// The server.
pub struct FakeMailbox {
    /// Where it is.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Conversations that ended in order.
    ended: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

struct State {
    /// What lets somebody in: a password, or `Bearer` and a token.
    secret: String,
    uid_validity: u32,
    uid_next: u32,
    mails: BTreeMap<u32, Mail>,
    moved: HashMap<String, Vec<Vec<u8>>>,
    /// What it can beside IMAP4rev1.
    can: &'static str,
    /// What goes wrong next with the mail of this UID.
    breaks: HashMap<u32, Vec<Breaks>>,
    /// Each command, without its tag.
    said: Vec<String>,
    ended: watch::Sender<usize>,
}

impl FakeMailbox {
    /// Starts one that lets in whoever knows the secret.
    pub async fn start(secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, ended) = watch::channel(0);
        let state = Arc::new(Mutex::new(State {
            secret: secret.to_owned(),
            uid_validity: 1,
            uid_next: 1,
            mails: BTreeMap::new(),
            moved: HashMap::new(),
            can: "MOVE UIDPLUS",
            breaks: HashMap::new(),
            said: Vec::new(),
            ended: sender,
        }));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // Whoever hangs up is gone.
                    let _ = talk(stream, &state).await;
                });
            }
        });
        Self { address, state, ended, serving }
    }

    /// Puts a mail into the mailbox; its UID.
    pub fn put(&self, bytes: Vec<u8>) -> u32 {
        let size = bytes.len();
        self.put_sized(bytes, size)
    }

    /// The same with another size than it has.
    pub fn put_sized(&self, bytes: Vec<u8>, size: usize) -> u32 {
        let mut state = lock(&self.state);
        let uid = state.uid_next;
        state.uid_next += 1;
        state.mails.insert(uid, Mail { bytes, size, seen: false });
        uid
    }

    /// What goes wrong with a mail, one time after the other.
    pub fn breaks(&self, uid: u32, breaks: &[Breaks]) {
        lock(&self.state).breaks.insert(uid, breaks.iter().rev().copied().collect());
    }

    /// The mails have other UIDs from here on, far apart.
    pub fn renumber(&self, uid_validity: u32) {
        let mut state = lock(&self.state);
        state.uid_validity = uid_validity;
        let mails: Vec<_> = std::mem::take(&mut state.mails).into_values().collect();
        for mail in mails {
            state.uid_next += 30_000;
            let uid = state.uid_next;
            state.mails.insert(uid, mail);
        }
        state.uid_next += 1;
    }

    /// What it can beside IMAP4rev1.
    pub fn can(&self, can: &'static str) {
        lock(&self.state).can = can;
    }

    /// What lets somebody in from here on.
    pub fn lets_in(&self, secret: &str) {
        secret.clone_into(&mut lock(&self.state).secret);
    }

    /// The mails that are in the mailbox.
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state).mails.values().cloned().collect()
    }

    /// How many mails were moved to this folder.
    pub fn moved(&self, folder: &str) -> usize {
        lock(&self.state).moved.get(folder).map_or(0, Vec::len)
    }

    /// Each command that was said, without its tag.
    pub fn said(&self) -> Vec<String> {
        lock(&self.state).said.clone()
    }

    /// Returns when so many more conversations have ended in order.
    pub async fn asked(&self, more: usize) {
        let mut ended = self.ended.clone();
        let goal = *ended.borrow_and_update() + more;
        ended.wait_for(|ended| *ended >= goal).await.expect("the server runs");
    }
}

impl Drop for FakeMailbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn talk(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    to.write_all(b"* OK [CAPABILITY IMAP4rev1] a mailbox\r\n").await?;
    let (mut inside, mut writable) = (false, false);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let (tag, command) = line.trim_end().split_once(' ').unwrap_or_default();
        lock(state).said.push(command.to_owned());
        let words: Vec<&str> = command.split(' ').collect();
        let mut done = "OK done";
        match words[..] {
            ["CAPABILITY"] => {
                let can = lock(state).can;
                say(&mut to, &format!("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 {can}\r\n")).await?;
            }
            ["LOGIN", _, password] => {
                inside = password.trim_matches('"') == lock(state).secret;
                done = if inside { done } else { "NO [AUTHENTICATIONFAILED] who is that" };
            }
            ["AUTHENTICATE", "XOAUTH2"] => {
                inside = oauth(&mut from, &mut to, state).await?;
                done = if inside { done } else { "NO that ended" };
            }
            ["LOGOUT"] => {
                say(&mut to, &format!("* BYE until then\r\n{tag} OK done\r\n")).await?;
                lock(state).ended.send_modify(|ended| *ended += 1);
                return Ok(());
            }
            _ if !inside => done = "BAD not before LOGIN",
            [open @ ("EXAMINE" | "SELECT"), "\"INBOX\""] => {
                writable = open == "SELECT";
                let text = {
                    let state = lock(state);
                    format!(
                        "* {} EXISTS\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [UIDVALIDITY {}] these\r\n* OK [UIDNEXT {}] next\r\n",
                        state.mails.len(),
                        state.uid_validity,
                        state.uid_next
                    )
                };
                say(&mut to, &text).await?;
            }
            ["UID", "SEARCH", "UID", range, ..] => {
                let (first, last) = range.split_once(':').unwrap_or_default();
                let (first, last): (u32, u32) =
                    (first.parse().unwrap_or(1), last.parse().unwrap_or(u32::MAX));
                let found: Vec<_> = lock(state)
                    .mails
                    .range(first..=last.max(first))
                    .map(|(uid, _)| format!(" {uid}"))
                    .collect();
                say(&mut to, &format!("* SEARCH{}\r\n", found.concat())).await?;
            }
            ["UID", "FETCH", uids, "(UID", "RFC822.SIZE)"] => {
                let uids: Vec<u32> = uids.split(',').filter_map(|uid| uid.parse().ok()).collect();
                let text: String = {
                    let State { mails, breaks, .. } = &mut *lock(state);
                    let mut is_said = |uid: &u32| match breaks.get_mut(uid) {
                        Some(breaks) if breaks.last() == Some(&Breaks::NoSize) => breaks.pop().is_none(),
                        _ => true,
                    };
                    let there = mails.iter().enumerate().filter(|(_, (uid, _))| uids.contains(uid));
                    let there = there.filter(|(_, (uid, _))| is_said(uid));
                    // As servers do: what nobody asked for, in between.
                    there
                        .map(|(n, (uid, mail))| {
                            format!(
                                "* {} FETCH (RFC822.SIZE {} UID {uid})\r\n* 99 EXISTS\r\n",
                                n + 1,
                                mail.size
                            )
                        })
                        .collect()
                };
                say(&mut to, &text).await?;
            }
            ["UID", "FETCH", uid, "(UID", "BODY.PEEK[])"] => {
                let uid: u32 = uid.parse().unwrap_or_default();
                match body(&mut to, state, uid).await? {
                    Some(said) => done = said,
                    None => return Ok(()),
                }
            }
            _ if !writable => done = "NO it is open to be read",
            ["UID", "STORE", uid, "+FLAGS.SILENT", "(\\Seen)"] => {
                if let Some(mail) =
                    uid.parse().ok().and_then(|uid: u32| lock(state).mails.get_mut(&uid).cloned())
                {
                    let uid = uid.parse().unwrap_or_default();
                    lock(state).mails.insert(uid, Mail { seen: true, ..mail });
                }
            }
            ["UID", "MOVE", uid, folder] if lock(state).can.contains("MOVE") => {
                moved(state, uid, folder, true);
            }
            ["UID", "COPY", uid, folder] => {
                moved(state, uid, folder, false);
            }
            ["UID", "STORE", _, "+FLAGS.SILENT", "(\\Deleted)"] => {}
            ["UID", "EXPUNGE", uid] if lock(state).can.contains("UIDPLUS") => {
                let uid: u32 = uid.parse().unwrap_or_default();
                lock(state).mails.remove(&uid);
            }
            _ => done = "BAD what",
        }
        say(&mut to, &format!("{tag} {done}\r\n")).await?;
    }
}

/// Whether the bearer of a token may come in.
async fn oauth(
    from: &mut BufReader<OwnedReadHalf>,
    to: &mut OwnedWriteHalf,
    state: &Mutex<State>,
) -> std::io::Result<bool> {
    say(to, "+ \r\n").await?;
    let mut word = String::new();
    from.read_line(&mut word).await?;
    let said = data_encoding::BASE64.decode(word.trim_end().as_bytes()).unwrap_or_default();
    let wanted = format!("user=care\u{1}auth=Bearer {}\u{1}\u{1}", lock(state).secret);
    if said == wanted.as_bytes() {
        return Ok(true);
    }
    // Why not, to which the answer is an empty line.
    say(to, "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n").await?;
    from.read_line(&mut word).await?;
    Ok(false)
}

/// Sends a mail, or breaks; what is said at the end. None: it hung up.
async fn body(
    to: &mut OwnedWriteHalf,
    state: &Mutex<State>,
    uid: u32,
) -> std::io::Result<Option<&'static str>> {
    let (mail, breaks) = {
        let mut state = lock(state);
        (state.mails.get(&uid).cloned(), state.breaks.get_mut(&uid).and_then(Vec::pop))
    };
    let Some(mail) = mail else { return Ok(Some("OK it is gone")) };
    let head = |len: usize| format!("* 1 FETCH (UID {uid} BODY[] {{{len}}}\r\n");
    let half = mail.bytes.get(..mail.bytes.len() / 2).unwrap_or_default();
    match breaks {
        None => {
            say(to, &head(mail.bytes.len())).await?;
            to.write_all(&mail.bytes).await?;
            say(to, ")\r\n").await?;
            Ok(Some("OK done"))
        }
        Some(Breaks::InTheMiddle) => {
            say(to, &head(mail.bytes.len())).await?;
            to.write_all(half).await?;
            Ok(None)
        }
        Some(Breaks::Bye) => {
            say(to, "* BYE going down\r\n").await?;
            Ok(None)
        }
        Some(Breaks::No) => Ok(Some("NO [UNAVAILABLE] not now")),
        Some(Breaks::Nothing | Breaks::NoSize) => {
            say(to, &format!("* 1 FETCH (UID {uid} BODY[] NIL)\r\n")).await?;
            Ok(Some("OK done"))
        }
        Some(Breaks::Announces) => {
            say(to, &head(4_000_000_000)).await?;
            to.write_all(half).await?;
            std::future::pending().await
        }
        Some(Breaks::Nonsense) => {
            say(to, "* 1 FETCH ((( \"\r\n").await?;
            Ok(None)
        }
        Some(Breaks::Hangs) => {
            say(to, &head(mail.bytes.len())).await?;
            to.write_all(half).await?;
            std::future::pending().await
        }
    }
}

fn moved(state: &Mutex<State>, uid: &str, folder: &str, away: bool) {
    let mut state = lock(state);
    let uid: u32 = uid.parse().unwrap_or_default();
    let mail = if away { state.mails.remove(&uid) } else { state.mails.get(&uid).cloned() };
    if let Some(mail) = mail {
        state.moved.entry(folder.trim_matches('"').to_owned()).or_default().push(mail.bytes);
    }
}

async fn say(to: &mut OwnedWriteHalf, text: &str) -> std::io::Result<()> {
    to.write_all(text.as_bytes()).await
}
