//! One mail for one of our accounts, into the log, however it came.

mod addresses;
pub(crate) mod guard;
pub(crate) mod parsing;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    actor::{Actor, Kind as ActorKind},
    conversation::{self, Key},
    decider::Decider,
    ids::{ActorId, AuthMethod, ConversationId, KeyedHash},
    message::Automatic,
};
use eventlog::{Category, StreamId};
use futures_util::TryStreamExt;
use proto::ingestion::v1;
use service::{
    Error,
    auth::Principal,
    envelope::{Envelope as Entry, Origin},
};
use vault::Vault;

use guard::Says;

use crate::{
    Ingestion,
    account::Account,
    channels::{Malformed, Media, MediaSource, Message, Party},
    hooks::{
        dead::call::Call,
        fit::fit,
        read::Loses,
        tell::{Teller, Told as Fated},
    },
    ledger::Tally,
    mail::{
        Mail,
        kind::{self, Kind, Ourselves},
        parse::Mailbox,
        thread::{self, Known, Match},
        token,
    },
    submit::Arriving,
    take::{Batch, Taken},
};

/// Servers that a mail passed; more, and it goes in a circle (RFC 5321, 6.3).
const HOPS_MAX: usize = 100;
/// Ancestors of a mail that are looked up.
const ANCESTORS_MAX: usize = 50;
/// The domain of the hash that is the key of reply tokens. Never changed.
const TOKENS: &str = "reply tokens";
/// The domain of the hash that marks the mails of a site. Never changed.
const MARKER: &str = "mails of this site";

/// The field with the address to which an answer goes.
const REPLY_TO: &str = "reply-to";

/// What reads the dead letters of mails that are held back.
pub(crate) const HELD_BACK: &str = "mail";

/// The enhanced status of a mail that cannot be read (RFC 3463).
pub(crate) const UNREADABLE: &str = "5.6.0";

/// Why a mail is not taken in.
#[derive(Debug)]
pub(crate) enum No {
    /// It never can be: the code of SMTP, and the reason.
    Never(&'static str, String),
    /// It may be, another time.
    Later(Error),
}

impl From<Error> for No {
    fn from(error: Error) -> Self {
        Self::Later(error)
    }
}

/// Takes in a mail that came to `account`, for the recipient `to` if that is known, from the sender of its envelope if that is;
/// and counts it.
pub(crate) async fn take(
    ingestion: &Ingestion,
    about: (Account, u64),
    envelope: (&str, Option<&str>),
    bytes: &[u8],
) -> Result<Taken, No> {
    let parts = &ingestion.0;
    let account = about.0.id.to_string();
    let taken = take_uncounted(ingestion, about, envelope, bytes).await;
    match &taken {
        Ok(Taken::Accepted(_) | Taken::Edited(_)) | Err(No::Later(_)) => {}
        Ok(Taken::Duplicate(_)) => {
            parts
                .submitter
                .tally(&parts.ledger, &account, Tally { duplicate: 1, ..Tally::default() })
                .await?;
        }
        Ok(Taken::Rejected(_)) => {
            parts.submitter.tally(&parts.ledger, &account, Tally { rejected: 1, ..Tally::default() }).await?;
        }
        Err(No::Never(..)) => {
            if let Err(error) = parts.submitter.refused(&parts.ledger, Some(&account)).await {
                tracing::warn!(%error, "a refused mail is not counted");
            }
        }
    }
    taken
}

/// The same for a mail that is counted with the rest of its call.
pub(crate) async fn take_uncounted(
    ingestion: &Ingestion,
    (account, policy_version): (Account, u64),
    (from, to): (&str, Option<&str>),
    bytes: &[u8],
) -> Result<Taken, No> {
    let parts = &ingestion.0;
    let refused = No::Never;
    let mail = match parts.parsing.parse(bytes).await? {
        Ok(mail) => mail,
        Err(error) => return Err(refused("554", format!("{UNREADABLE} {error}"))),
    };
    if mail.headers.all("received").count() > HOPS_MAX {
        return Err(refused("554", "5.4.6 it passed too many servers".into()));
    }
    let kind = kind::kind(&mail, &ourselves(ingestion, &account, to));
    if let Kind::Own(_) = kind {
        return Err(refused("554", "5.4.6 it is a mail of ours that came back".into()));
    }
    let place = place(ingestion, &account, &mail, to).await?;
    let told = told::told(&mail, &kind, &secret(&parts.shell.vault)?, &account.id);
    let answer_to = addresses::answer_to(ingestion, &account, to, &mail, &kind);
    let says = guarded(ingestion, &account, (from, answer_to.as_deref()), &mail, &kind);
    let over = says != Says::Passes;
    let arriving = arriving(ingestion, (from, answer_to), mail, (&kind, over), place, bytes);
    let batch = Batch {
        account,
        policy_version,
        origin: Origin::Live,
        principal: principal().map_err(|error| Error::Internal(error.to_string()))?,
        now: parts.shell.clock.now(),
        once: true,
    };
    let (taken, end) = parts.submitter.take_uncounted(&parts.ledger, &batch, vec![arriving]).await;
    end?;
    if over && taken.iter().any(|taken| matches!(taken, Taken::Accepted(_))) {
        held_back(ingestion, &batch, says, bytes).await;
    }
    if let Some(told::Told { message_id, fate, code }) = told {
        let what = Fated::Fate { fate, code };
        Teller::new(&parts.shell).tell(&batch, &message_id, what, batch.now).await?;
    }
    taken.into_iter().next().ok_or_else(|| No::Later(Error::Internal("a mail without an outcome".into())))
}

/// Where a mail belongs.
#[derive(Default)]
struct Place {
    /// The thread, if a token of ours names it.
    thread: Option<KeyedHash>,
    /// The Message-ID of the mail that it answers.
    reply_to: Option<String>,
}

/// Message-IDs of mails that are in the log.
struct InLog(BTreeSet<String>);

impl Known for InLog {
    type Thread = String;

    fn message(&self, message_id: &str) -> Option<String> {
        self.0.get(message_id).cloned()
    }
}

async fn place(
    ingestion: &Ingestion,
    account: &Account,
    mail: &Mail,
    to: Option<&str>,
) -> Result<Place, Error> {
    let parts = &ingestion.0;
    let mut known = BTreeSet::new();
    let ancestors = mail.in_reply_to.iter().chain(mail.references.iter().rev());
    for id in ancestors.take(ANCESTORS_MAX) {
        if parts.submitter.thread_of(account, id).await?.is_some() {
            known.insert(id.clone());
            break;
        }
    }
    let secret = secret(&parts.shell.vault)?;
    let recipients: Vec<String> = to.map(str::to_owned).into_iter().collect();
    let by_header = mail.in_reply_to.first().or(mail.references.last()).cloned();
    Ok(match thread::matched(mail, &recipients, &secret, &account.id, &InLog(known)) {
        Some(Match::Token(token::What::Conversation(id), _)) => {
            Place { thread: thread_of(ingestion, id).await?, reply_to: by_header }
        }
        Some(Match::Known(id, _)) => Place { thread: None, reply_to: Some(id) },
        None => Place { thread: None, reply_to: by_header },
    })
}

/// The thread that a conversation is of, if it is of one.
async fn thread_of(ingestion: &Ingestion, id: ConversationId) -> Result<Option<KeyedHash>, Error> {
    let name = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
    let category = Category::new(conversation::State::CATEGORY).map_err(|error| name(&error))?;
    let stream = StreamId::new(&category, id).map_err(|error| name(&error))?;
    let mut entries = ingestion.0.shell.log.read(&stream);
    while let Some(entry) = entries.try_next().await? {
        // What this version cannot read names no thread to it.
        let Ok(envelope) = Entry::<conversation::Event>::of(&entry) else { continue };
        for event in envelope.events {
            if let conversation::Event::Started { key: Key::Thread { root, .. }, .. } = event {
                return Ok(Some(root));
            }
        }
    }
    Ok(None)
}

/// The key of the site's reply tokens.
pub(crate) fn secret(vault: &Vault) -> Result<token::Secret, Error> {
    let hash = vault.hash(TOKENS, &[]);
    token::Secret::new(hash.into_bytes()).map_err(|error| Error::Internal(error.to_string()))
}

/// What marks the mails of the site.
pub(crate) fn marker(vault: &Vault) -> String {
    vault.hash(MARKER, &[])
}

/// By what a mail of ours is known that comes back.
fn ourselves(ingestion: &Ingestion, account: &Account, to: Option<&str>) -> Ourselves {
    let via = ingestion.0.accounts.via(&account.id).unwrap_or_default();
    let marker = marker(&ingestion.0.shell.vault);
    Ourselves { addresses: addresses::own(&via.settings, to), marker }
}

fn arriving(
    ingestion: &Ingestion,
    (from, answer_to): (&str, Option<String>),
    mail: Mail,
    (kind, over): (&Kind, bool),
    place: Place,
    bytes: &[u8],
) -> Arriving {
    let now = ingestion.0.shell.clock.now();
    let at = |at: jiff::Timestamp| domain::time::Timestamp::from_microsecond(at.as_microsecond());
    let sent_at = mail.date.or(mail.received_at).and_then(at).unwrap_or(now);
    let customer = customer(&mail, from);
    let media = mail.attachments.into_iter().map(|file| Media {
        source: MediaSource::Content(file.content),
        name: file.name,
        media_type: Some(file.media_type),
        bytes: None,
        sha256: None,
    });
    let mut fields = written_to(&mail.to, &mail.cc);
    if let Some(address) = &answer_to {
        fields.insert(REPLY_TO.to_owned(), address.clone());
    }
    let message = Message {
        text: mail.text,
        subject: mail.subject,
        reply_to: place.reply_to,
        media: media.collect(),
        fields,
        ..Message::new(mail.message_id, customer, sent_at)
    };
    let (message, announced) = fit(message, now);
    let automatic = match kind {
        Kind::Person | Kind::Own(_) if over => Some(Automatic::AutoReply),
        Kind::Person | Kind::Own(_) => None,
        Kind::AutoReply(_) => Some(Automatic::AutoReply),
        Kind::List(_) => Some(Automatic::List),
        Kind::DeliveryReport(_) | Kind::DeliveryDelay(_) | Kind::Feedback(_) | Kind::ReadReceipt(_) => {
            Some(Automatic::Report)
        }
    };
    let automatic = automatic.and_then(|kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned));
    let automatic = automatic.unwrap_or_default();
    let message = v1::Message { raw: bytes.to_vec(), automatic, ..message };
    Arriving { message, announced, thread: place.thread, answer_to }
}

/// To whom else than us it was written.
fn written_to(to: &[Mailbox], cc: &[Mailbox]) -> BTreeMap<String, String> {
    let listed = |all: &[Mailbox], least: usize| {
        let all: Vec<_> = all.iter().filter_map(|mailbox| mailbox.address.as_deref()).collect();
        (all.len() >= least).then(|| all.join(", "))
    };
    // To one alone is to us.
    let fields = [("to", listed(to, 2)), ("cc", listed(cc, 1))];
    fields.into_iter().filter_map(|(name, all)| Some((name.to_owned(), all?))).collect()
}

/// Counts a mail that is in the log and opens nothing, and shows the first of its kind to whoever looks after dead letters.
/// Without that it is kept all the same.
async fn held_back(ingestion: &Ingestion, batch: &Batch, says: Says, bytes: &[u8]) {
    let (parts, account) = (&ingestion.0, &batch.account);
    if let Err(error) = parts.ledger.hold_back(account.id.as_str(), batch.now).await {
        tracing::warn!(%error, account = %account.id, "a mail that is held back is not counted");
    }
    if says != Says::First {
        return;
    }
    tracing::warn!(account = %account.id, "one sender writes the same again and again: kept, and nothing is opened for it");
    let (call, why) = (Call::asked(bytes, batch.now), why_held_back());
    if let Err(error) = parts.dead_letters.keep(account, HELD_BACK, &call, (&why, Loses::Words)).await {
        tracing::warn!(%error, account = %account.id, "a mail that is held back is no dead letter");
    }
}

/// Why a mail opens nothing, and what can be done.
pub(crate) fn why_held_back() -> Malformed {
    let what = "one sender wrote the same again and again: this mail and those like it are in the log, and open no case. If a \
                person wrote it, answer him, and raise the account's setting; then give the letter up";
    Malformed::new(guard::ALIKE_MAX, what)
}

/// What the guard says of a sender who writes too much that is alike.
fn guarded(
    ingestion: &Ingestion,
    account: &Account,
    (from, answer_to): (&str, Option<&str>),
    mail: &Mail,
    kind: &Kind,
) -> Says {
    let parts = &ingestion.0;
    let via = parts.accounts.via(&account.id).unwrap_or_default();
    let max = via.settings.get(guard::ALIKE_MAX).and_then(|text| text.parse().ok());
    let seen = guard::Seen::of(mail, !kind.is_person(), parts.shell.clock.now());
    // Under many names, one person may be made to get all the answers.
    let sender = answer_to.map_or_else(|| customer(mail, from).id, str::to_owned);
    let max = max.unwrap_or(guard::ALIKE_MAX_DEFAULT);
    parts.guard.says(&account.id, &sender, seen, max)
}

/// Who wrote it: From, else whoever else the mail or its envelope says it is from.
fn customer(mail: &Mail, envelope_from: &str) -> Party {
    let name = mail.from.first().and_then(|from| from.name.clone());
    let named = mail.from.iter().chain(&mail.sender).chain(&mail.reply_to);
    let address = named.filter_map(|mailbox| mailbox.address.clone()).find(|address| address.contains('@'));
    let address = address.or_else(|| Some(envelope_from.to_owned()).filter(|from| from.contains('@')));
    // Two unknown people stay two.
    let id = address.unwrap_or_else(|| format!("unknown:{}", mail.message_id)).to_lowercase();
    Party { id, name, handle: None }
}

fn principal() -> Result<Principal, domain::ids::Invalid> {
    let actor = Actor::new(ActorKind::Service, ActorId::new("channels")?, AuthMethod::new("mail")?);
    Ok(Principal { actor, roles: Vec::new() })
}
