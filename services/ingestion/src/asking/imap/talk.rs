//! What is said to a mail server, and what its answers mean.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use data_encoding::BASE64;
use domain::time::Timestamp;
use imap_proto::{AttributeValue, Capability, MailboxDatum, Response, ResponseCode, Status};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    frame::Frame,
    settings::{After, Mailbox, PASSWORD, TOKENS, Tls},
    wire::{self, Io},
};
use crate::{
    asking::{Broke, Failure},
    channels::Config,
};

/// How long the answer to a command may take.
const COMMAND_MAX: Duration = Duration::from_secs(60);
/// How long one may take that holds a mail.
const MAIL_MAX: Duration = Duration::from_secs(300);
/// What may come as the answer to a command that asks for no mail, in bytes.
const ANSWER_MAX: usize = 1 << 20;
/// What may come beside a mail, in bytes.
const BESIDE_MAX: usize = 64 * 1024;
/// What is read at once, in bytes.
const PIECE: usize = 32 * 1024;

/// A conversation with a mail server.
pub(super) struct Talk {
    io: Box<dyn Io>,
    /// What came and is not read yet.
    came: Vec<u8>,
    tag: u32,
    can_move: bool,
    can_expunge: bool,
}

/// A folder that is open.
pub(super) struct Folder {
    pub(super) uid_validity: u32,
    /// No mail has this UID, or a higher one.
    pub(super) uid_next: u32,
}

/// Why a command has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// The server said no.
    Refused,
    /// The connection broke.
    Broken,
    /// It took too long.
    Timeout,
    /// What came is not what was asked for.
    Unreadable,
    /// More came than may.
    TooMuch,
}

impl No {
    /// As a failure of the round.
    pub(super) fn broke(self) -> Broke {
        match self {
            Self::Refused => Failure::Refused("a command").into(),
            Self::Broken => Failure::Unreachable.into(),
            Self::Timeout => Failure::Timeout.into(),
            Self::Unreadable => Failure::Unreadable("no response of IMAP".into()).into(),
            Self::TooMuch => Failure::Unreadable("more comes than may".into()).into(),
        }
    }
}

impl Talk {
    /// Connects, and says who we are.
    pub(super) async fn open(mailbox: &Mailbox, config: &Config) -> Result<Self, Broke> {
        let mut io = wire::connect(mailbox).await?;
        if mailbox.tls == Tls::Implicit {
            io = wire::private(io, &mailbox.host).await?;
        }
        let mut talk = Self::over(io);
        let greeted = talk.greeting().await.map_err(No::broke)?;
        if mailbox.tls == Tls::Upgraded {
            talk.command("STARTTLS", ANSWER_MAX, |_| {}).await.map_err(|no| match no {
                No::Refused => Failure::Refused("it does not offer STARTTLS: see imap_tls").into(),
                no => no.broke(),
            })?;
            // What somebody put behind the answer, before there was TLS, is not read.
            talk = Self::over(wire::private(talk.io, &mailbox.host).await?);
        }
        if !greeted {
            talk.say_who(mailbox, config).await?;
        }
        talk.ask_what_it_can().await.map_err(No::broke)?;
        Ok(talk)
    }

    fn over(io: Box<dyn Io>) -> Self {
        Self { io, came: Vec::new(), tag: 0, can_move: false, can_expunge: false }
    }

    /// Whether we are known already.
    async fn greeting(&mut self) -> Result<bool, No> {
        let mut room = ANSWER_MAX;
        let greeted = timeout(
            COMMAND_MAX,
            self.response(&mut room, |response| match response {
                Some(Response::Data { status: Status::Ok, .. }) => Ok(false),
                Some(Response::Data { status: Status::PreAuth, .. }) => Ok(true),
                Some(Response::Data { status: Status::Bye, .. }) => Err(No::Refused),
                _ => Err(No::Unreadable),
            }),
        );
        greeted.await.map_err(|_| No::Timeout)??
    }

    async fn say_who(&mut self, mailbox: &Mailbox, config: &Config) -> Result<(), Broke> {
        let user = &mailbox.user;
        let said = match config.secrets.get(PASSWORD) {
            Some(password) => {
                let password = quoted(password.expose_secret());
                let password =
                    password.ok_or_else(|| Failure::Account("secret imap_password: one line".into()))?;
                let user =
                    quoted(user).ok_or_else(|| Failure::Account("setting imap_user: one line".into()))?;
                self.command(&format!("LOGIN {user} {password}"), ANSWER_MAX, |_| {}).await
            }
            None => {
                let token = TOKENS.iter().find_map(|name| config.secrets.get(*name)).ok_or_else(|| {
                    Failure::Account("secret imap_password: missing, or imap_token for XOAUTH2".into())
                })?;
                let both = format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose_secret());
                self.authenticate(&BASE64.encode(both.as_bytes())).await
            }
        };
        said.map_err(|no| match no {
            No::Refused => Failure::Access("imap_user, imap_password or imap_token").into(),
            no => no.broke(),
        })
    }

    /// XOAUTH2: the answer to a second challenge, which says why not, is empty.
    async fn authenticate(&mut self, initial: &str) -> Result<(), No> {
        let tag = self.say("AUTHENTICATE XOAUTH2").await?;
        let mut words = [initial, ""].into_iter();
        let mut room = ANSWER_MAX;
        let heard = async {
            loop {
                let step = self.response(&mut room, |response| done(response, &tag)).await?;
                match step {
                    Step::Done(done) => return done,
                    Step::Wanted => {
                        let word = words.next().ok_or(No::Unreadable)?;
                        self.write(&format!("{word}\r\n")).await?;
                    }
                    Step::On => {}
                }
            }
        };
        timeout(COMMAND_MAX, heard).await.map_err(|_| No::Timeout)?
    }

    async fn ask_what_it_can(&mut self) -> Result<(), No> {
        let (mut can_move, mut can_expunge) = (false, false);
        self.command("CAPABILITY", ANSWER_MAX, |response| {
            if let Response::Capabilities(capabilities) = response {
                for capability in capabilities {
                    if let Capability::Atom(name) = capability {
                        can_move |= name.eq_ignore_ascii_case("MOVE");
                        can_expunge |= name.eq_ignore_ascii_case("UIDPLUS");
                    }
                }
            }
        })
        .await?;
        (self.can_move, self.can_expunge) = (can_move, can_expunge);
        Ok(())
    }

    /// Opens the folder; only to read, if nothing is to be marked or moved in it.
    pub(super) async fn folder(&mut self, mailbox: &Mailbox) -> Result<Folder, No> {
        let name = quoted(&mailbox.folder).ok_or(No::Refused)?;
        let verb = if mailbox.after == After::Leave { "EXAMINE" } else { "SELECT" };
        let (mut uid_validity, mut uid_next) = (None, None);
        self.command(&format!("{verb} {name}"), ANSWER_MAX, |response| {
            if let Response::Data { status: Status::Ok, outcome } = response {
                match outcome.code {
                    Some(ResponseCode::UidValidity(value)) => uid_validity = Some(value),
                    Some(ResponseCode::UidNext(value)) => uid_next = Some(value),
                    _ => {}
                }
            }
        })
        .await?;
        let uid_validity = uid_validity.ok_or(No::Unreadable)?;
        let uid_next = match uid_next {
            Some(uid_next) => uid_next,
            // A server of long ago: the highest UID there is.
            None => self.uids("UID SEARCH UID *").await?.last().map_or(1, |last| last.saturating_add(1)),
        };
        Ok(Folder { uid_validity, uid_next })
    }

    /// The UIDs from `from` to `to`, in order, of mails that came since that day.
    pub(super) async fn search(
        &mut self,
        from: u32,
        to: u32,
        since: Option<Timestamp>,
    ) -> Result<Vec<u32>, No> {
        let mut command = format!("UID SEARCH UID {from}:{to}");
        if let Some(since) = since {
            let day = since.to_jiff().strftime("%-d-%b-%Y");
            write!(command, " SINCE {day}").map_err(|_| No::Unreadable)?;
        }
        let mut uids = self.uids(&command).await?;
        uids.retain(|uid| (from..=to).contains(uid));
        Ok(uids)
    }

    async fn uids(&mut self, command: &str) -> Result<Vec<u32>, No> {
        let mut found = Vec::new();
        let search = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
        };
        self.command(command, ANSWER_MAX, search).await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The sizes of those of the mails that are there, in bytes.
    pub(super) async fn sizes(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, u32>, No> {
        let list: Vec<_> = uids.iter().map(u32::to_string).collect();
        let mut sizes = BTreeMap::new();
        self.command(&format!("UID FETCH {} (UID RFC822.SIZE)", list.join(",")), ANSWER_MAX, |response| {
            if let Response::Fetch(_, values) = response {
                let uid = values.iter().find_map(uid);
                let size = values.iter().find_map(|value| match value {
                    AttributeValue::Rfc822Size(size) => Some(*size),
                    _ => None,
                });
                sizes.extend(uid.zip(size));
            }
        })
        .await?;
        Ok(sizes)
    }

    /// A mail as it is there, without its being marked. `None`: it is not there any more. One that is longer than `max` is
    /// [`No::TooMuch`], after which nothing more can be asked.
    pub(super) async fn mail(&mut self, wanted: u32, max: usize) -> Result<Option<Vec<u8>>, No> {
        let mut mail = None;
        let command = format!("UID FETCH {wanted} (UID BODY.PEEK[])");
        let room = max + BESIDE_MAX;
        self.command(&command, room, |response| {
            if let Response::Fetch(_, values) = response
                && values.iter().find_map(uid) == Some(wanted)
            {
                let body = values.iter().find_map(|value| match value {
                    AttributeValue::BodySection { section: None, data, .. } => data.as_deref(),
                    _ => None,
                });
                mail = body.map(<[u8]>::to_vec).or(mail.take());
            }
        })
        .await?;
        match mail {
            Some(mail) if mail.len() > max => Err(No::TooMuch),
            mail => Ok(mail),
        }
    }

    /// Marks a mail that was taken, or moves it.
    pub(super) async fn after(&mut self, uid: u32, after: &After) -> Result<(), No> {
        match after {
            After::Leave => Ok(()),
            After::Seen => self.plain(&format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)")).await,
            After::Move(folder) => {
                let folder = quoted(folder).ok_or(No::Refused)?;
                if self.can_move {
                    return self.plain(&format!("UID MOVE {uid} {folder}")).await;
                }
                self.plain(&format!("UID COPY {uid} {folder}")).await?;
                self.plain(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await?;
                // Without UIDPLUS, EXPUNGE would take what others marked along: whoever marked that decides.
                if self.can_expunge { self.plain(&format!("UID EXPUNGE {uid}")).await } else { Ok(()) }
            }
        }
    }

    /// Says good-bye; whether that is heard is all the same.
    pub(super) async fn end(mut self) {
        // The answer is a BYE, which ends every command.
        let _ = self.plain("LOGOUT").await;
    }

    async fn plain(&mut self, command: &str) -> Result<(), No> {
        self.command(command, ANSWER_MAX, |_| {}).await
    }

    /// Says a command and hears all that comes until it is done, at most `room` bytes.
    async fn command(
        &mut self,
        command: &str,
        mut room: usize,
        mut each: impl FnMut(&Response<'_>),
    ) -> Result<(), No> {
        let time = if room > ANSWER_MAX { MAIL_MAX } else { COMMAND_MAX };
        let heard = async {
            let tag = self.say(command).await?;
            loop {
                let step = self.response(&mut room, |response| {
                    response.as_ref().inspect(|response| each(response));
                    done(response, &tag)
                });
                if let Step::Done(done) = step.await? {
                    return done;
                }
            }
        };
        timeout(time, heard).await.map_err(|_| No::Timeout)?
    }

    async fn say(&mut self, command: &str) -> Result<String, No> {
        self.tag = self.tag.wrapping_add(1);
        let tag = format!("A{:04}", self.tag);
        self.write(&format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    async fn write(&mut self, text: &str) -> Result<(), No> {
        self.io.write_all(text.as_bytes()).await.map_err(|_| No::Broken)?;
        self.io.flush().await.map_err(|_| No::Broken)
    }

    /// Hears one response; `None` where it is one that nobody asked for and that is not known. `room` gets less.
    async fn response<T>(
        &mut self,
        room: &mut usize,
        means: impl FnOnce(Option<Response<'_>>) -> T,
    ) -> Result<T, No> {
        let mut frame = Frame::default();
        let end = loop {
            if let Some(end) = frame.end(&self.came, *room).map_err(|_| No::TooMuch)? {
                break end;
            }
            if self.came.len() > *room {
                return Err(No::TooMuch);
            }
            self.came.reserve(PIECE);
            if self.io.read_buf(&mut self.came).await.map_err(|_| No::Broken)? == 0 {
                return Err(No::Broken);
            }
        };
        *room = room.checked_sub(end).ok_or(No::TooMuch)?;
        let rest = self.came.split_off(end);
        let heard = std::mem::replace(&mut self.came, rest);
        match Response::parse(&heard) {
            Ok((_, response)) => Ok(means(Some(response))),
            // Servers say many things; only what a mail holds must be understood.
            Err(_) if heard.starts_with(b"* ") && !is_fetch(&heard) => Ok(means(None)),
            Err(_) => Err(No::Unreadable),
        }
    }
}

/// Where a command is.
enum Step {
    /// It is done.
    Done(Result<(), No>),
    /// The server wants more of us.
    Wanted,
    /// Something else was said.
    On,
}

fn done(response: Option<Response<'_>>, said: &str) -> Step {
    match response {
        Some(Response::Done { tag, status, .. }) if tag.0 == said => Step::Done(match status {
            Status::Ok => Ok(()),
            Status::No | Status::Bad => Err(No::Refused),
            Status::PreAuth | Status::Bye => Err(No::Unreadable),
        }),
        Some(Response::Continue(_)) => Step::Wanted,
        // It hangs up, and says so.
        Some(Response::Data { status: Status::Bye, .. }) if !said.is_empty() => Step::Done(Err(No::Broken)),
        _ => Step::On,
    }
}

fn uid(value: &AttributeValue<'_>) -> Option<u32> {
    match value {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    }
}

fn is_fetch(heard: &[u8]) -> bool {
    let mut words = heard.split(|byte| *byte == b' ').skip(2);
    words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"))
}

/// A text as a server reads it. `None`: it cannot be said.
fn quoted(text: &str) -> Option<String> {
    if text.chars().any(|c| matches!(c, '\r' | '\n' | '\0')) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
