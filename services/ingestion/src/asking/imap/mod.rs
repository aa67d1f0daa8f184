//! Mailboxes, by IMAP (RFC 3501).
//!
//! An account with the setting `imap_host` is asked, whatever its connector: so the replies of a mail account can leave on
//! another way. Mails are read in the order of their UIDs, without being marked (`BODY.PEEK`), one at a time, and go the way
//! of every mail. How far is remembered after each: [`cursor`]. What can never be taken is counted and passed; what fails for
//! now stops the round, and is asked for again; a mail at which many rounds fail is counted as refused, named by its UID, and
//! passed.
//!
//! What is absent: IDLE; folders other than the one; fetching what a mail only refers to.

mod cursor;
mod frame;
mod settings;
mod talk;
mod wire;

use tokio::sync::Semaphore;

use super::{Broke, Failure, Next, Round, Source};
use crate::{
    account::Via,
    channels::{self, Happening, Malformed},
    intake::limits::RAW_MAX,
};
use cursor::Cursor;
use settings::{After, HOST, Mailbox};
use talk::{No, Talk};

/// A mailbox is asked every two minutes, unless settings say otherwise.
const INTERVAL_S: i64 = 2 * 60;
/// Mails that one round takes.
const MAILS_MAX: usize = 200;
/// Mails whose sizes are asked for at once.
const SIZES_MAX: usize = 100;
/// UIDs that are searched at once: a bound of the answer.
const WINDOW: u32 = 20_000;
/// Searches of one round: UIDs are sparse in old mailboxes.
const WINDOWS_MAX: usize = 50;
/// Rounds that may fail at the same mail, one after the other: hours, with the rests between them. Then it is passed, so that
/// it does not hold up for ever what came after it.
const FAILED_ROUNDS_MAX: u32 = 10;
/// A mail of so many bytes is large.
const LARGE: u32 = 1 << 20;

/// Large mails that are in memory at once, of all accounts. Small ones wait for none of them.
static LARGE_MAILS: Semaphore = Semaphore::const_new(4);

/// Mailboxes.
pub(super) struct Imap;

#[async_trait::async_trait]
impl Source for Imap {
    fn name(&self) -> &'static str {
        "imap"
    }

    fn interval_s(&self) -> i64 {
        INTERVAL_S
    }

    fn place(&self, via: &Via) -> Option<Result<String, String>> {
        via.settings.get(HOST)?;
        Some(settings::mailbox(&via.settings).map(|mailbox| mailbox.place()))
    }

    fn read(&self, letter: &[u8]) -> Result<Vec<Happening>, Malformed> {
        let (raw, envelope_to) = (letter.to_vec(), Vec::new());
        Ok(vec![Happening::Mail(Box::new(channels::Mail { raw, envelope_from: None, envelope_to }))])
    }

    async fn round(&self, round: &mut Round) -> Result<Next, Broke> {
        round.fill().await?;
        let mailbox = settings::mailbox(&round.config().settings).map_err(Failure::Account)?;
        let talk = Talk::open(&mailbox, round.config()).await?;
        let mut reading = Reading { mailbox, talk, cursor: round.cursor(), mails: 0, left_there: false };
        let next = reading.read(round).await?;
        reading.talk.end().await;
        if reading.left_there {
            return Err(Failure::Refused("what is taken is not marked or moved: see imap_after").into());
        }
        Ok(next)
    }
}

/// One round of a mailbox.
struct Reading {
    mailbox: Mailbox,
    talk: Talk,
    cursor: Cursor,
    /// Mails that were taken or passed.
    mails: usize,
    /// Whether some were not marked or moved that should be.
    left_there: bool,
}

impl Reading {
    async fn read(&mut self, round: &mut Round) -> Result<Next, Broke> {
        let folder = self.talk.folder(&self.mailbox).await.map_err(|no| match no {
            No::Refused => Failure::Refused("the folder cannot be opened: see imap_folder").into(),
            no => no.broke(),
        })?;
        self.cursor.within(folder.uid_validity);
        let mut from = self.cursor.begin();
        for _ in 0..WINDOWS_MAX {
            let to = from.saturating_add(WINDOW - 1).min(folder.uid_next.saturating_sub(1));
            if from > to {
                return Ok(Next::Interval);
            }
            let found = self.talk.search(from, to, round.since()).await.map_err(No::broke)?;
            let new: Vec<u32> = found.into_iter().filter(|uid| !self.cursor.has(*uid)).collect();
            for some in new.chunks(SIZES_MAX) {
                let sizes = self.talk.sizes(some).await.map_err(No::broke)?;
                for uid in some {
                    if self.mails == MAILS_MAX {
                        return Ok(Next::Soon);
                    }
                    match sizes.get(uid) {
                        Some(bytes) => self.mail(round, *uid, *bytes).await?,
                        None => self.gone(round, *uid).await?,
                    }
                    self.passed(round, *uid).await?;
                }
            }
            self.cursor.looked_at(to);
            round.remember(&self.cursor).await?;
            from = to.saturating_add(1);
        }
        Ok(Next::Soon)
    }

    /// Takes a mail, or counts it as one that never can be.
    async fn mail(&mut self, round: &mut Round, uid: u32, bytes: u32) -> Result<(), Broke> {
        self.mails += 1;
        if usize::try_from(bytes).map_or(true, |bytes| bytes > RAW_MAX) {
            return round.refuse("a mail is larger than a mail may be").await;
        }
        let _place = if bytes >= LARGE { LARGE_MAILS.acquire().await.ok() } else { None };
        let mail = match self.talk.mail(uid, RAW_MAX).await {
            Ok(Some(mail)) => mail,
            Ok(None) => return self.gone(round, uid).await,
            Err(No::TooMuch) => {
                // The server said another size. What is left of the mail is left in the connection: it ends here.
                round.refuse("a mail is larger than its server says, and than a mail may be").await?;
                self.cursor.pass(uid);
                round.remember(&self.cursor).await?;
                return Err(Failure::Unreadable("a mail that is larger than its server says".into()).into());
            }
            Err(no) => {
                self.failed(round, uid).await?;
                return Err(no.broke());
            }
        };
        if round.take_mail(&mail).await? {
            self.cursor.taken(uid);
        }
        Ok(())
    }

    /// Of a mail of which the server says nothing: one that was deleted is nobody's, one that is still there is not given.
    async fn gone(&mut self, round: &mut Round, uid: u32) -> Result<(), Broke> {
        if !self.talk.search(uid, uid, round.since()).await.map_err(No::broke)?.contains(&uid) {
            return Ok(());
        }
        self.failed(round, uid).await?;
        Err(Failure::Unreadable("a mail of which its server says nothing, and which is there".into()).into())
    }

    /// Remembers that a mail was not given, and counts it as one that never will be, if that was so again and again.
    async fn failed(&mut self, round: &mut Round, uid: u32) -> Result<(), Broke> {
        let rounds = self.cursor.failed(uid);
        if rounds < FAILED_ROUNDS_MAX {
            return round.note(&self.cursor).await;
        }
        tracing::warn!(account = %round.account(), uid, rounds, "a mail cannot be fetched: it is passed");
        round.refuse("a mail that its server does not give, again and again").await?;
        self.cursor.pass(uid);
        round.remember(&self.cursor).await
    }

    /// Remembers that a mail is done with, and marks or moves it, if it was taken and that is wished.
    async fn passed(&mut self, round: &mut Round, uid: u32) -> Result<(), Broke> {
        let taken = self.cursor.pass(uid);
        round.remember(&self.cursor).await?;
        if !taken || self.mailbox.after == After::Leave {
            return Ok(());
        }
        match self.talk.after(uid, &self.mailbox.after).await {
            Ok(()) => Ok(()),
            Err(No::Refused) => {
                self.left_there = true;
                Ok(())
            }
            Err(no) => Err(no.broke()),
        }
    }
}
