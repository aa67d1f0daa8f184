//! A mail as a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::record::limits::RECIPIENTS_MAX;
use super::{Attachment, Author, Direction, Flaw, Links, Place, Reason, Record, Rejected, record};
use crate::mail::parse::{self, Mailbox};
use crate::mail::{self, parse::Error};

/// One mail and where it was.
pub(super) struct Mail {
    pub(super) place: Place,
    pub(super) bytes: Vec<u8>,
    /// The account's own addresses, lower-cased.
    pub(super) own: Arc<BTreeSet<String>>,
}

impl super::Row for Mail {
    fn links(&self) -> Option<Links> {
        let parse::Links { message_id, in_reply_to, references } = parse::links(&self.bytes)?;
        let reply_to = reply_to(&in_reply_to, &references);
        Some(Links { id: message_id, reply_to, ancestors: references })
    }

    fn record(self: Box<Self>) -> Result<Record, Rejected> {
        let mail = *self;
        let record = mail::parse(&mail.bytes).map_err(Flaw::from).and_then(|parsed| mail.read(parsed));
        match record.and_then(Record::checked) {
            Ok(record) => Ok(Record { raw: Some(mail.bytes), ..record }),
            Err(flaw) => Err(flaw.at(mail.place)),
        }
    }
}

impl Mail {
    fn read(&self, mail: mail::Mail) -> Result<Record, Flaw> {
        let author = author(&mail);
        let own = self.own.contains(&author.external_id);
        Ok(Record {
            reply_to: reply_to(&mail.in_reply_to, &mail.references),
            sent_at: sent_at(&mail)?,
            recipients: recipients(&mail),
            external_id: mail.message_id,
            thread_root: None,
            author,
            direction: if own { Direction::Outbound } else { Direction::Inbound },
            text: mail.text,
            subject: mail.subject,
            language: None,
            fields: BTreeMap::new(),
            attachments: mail.attachments.into_iter().map(attachment).collect(),
            raw: None,
        })
    }
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        match error {
            Error::TooLong { max } | Error::HeaderTooLong { max, .. } => Self::row(Reason::TooLong { max }),
            Error::TooNested { max } => Self::row(Reason::TooNested { max }),
            Error::TooManyParts { max } => Self::row(Reason::TooMany { max }),
            Error::TooManyAttachments { max } => Self::of("attachments", Reason::TooMany { max }),
            Error::NotAMail => Self::row(Reason::NotAMail),
        }
    }
}

/// In-Reply-To, else the last of References.
fn reply_to(in_reply_to: &[String], references: &[String]) -> Option<String> {
    in_reply_to.first().or(references.last()).cloned()
}

/// From; where it names no address, whoever else the mail says it is from.
fn author(mail: &mail::Mail) -> Author {
    let name = mail.from.first().and_then(|from| from.name.clone());
    let others = mail.sender.iter().chain(mail.reply_to.first());
    let address = mail.from.first().into_iter().chain(others).find_map(address).or_else(|| return_path(mail));
    let external_id = address.unwrap_or_else(|| {
        let unknown = format!("unknown:{}", mail.message_id);
        record::id(&unknown)
            .unwrap_or_else(|_| format!("unknown:{}", parse::digest(mail.message_id.as_bytes())))
    });
    Author { external_id, name, handle: None }
}

fn address(mailbox: &Mailbox) -> Option<String> {
    record::id(&mailbox.address.as_deref()?.to_lowercase()).ok()
}

fn return_path(mail: &mail::Mail) -> Option<String> {
    let path = mail.return_path.as_deref()?.to_lowercase();
    record::id(&path).ok().filter(|path| path.contains('@'))
}

/// To and Cc, everybody once.
fn recipients(mail: &mail::Mail) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = mail.to.iter().chain(&mail.cc).filter_map(address);
    all.filter(|address| seen.insert(address.clone())).take(RECIPIENTS_MAX + 1).collect()
}

/// Date, else the moment at which the first server that says one received it.
fn sent_at(mail: &mail::Mail) -> Result<Timestamp, Flaw> {
    let reason = if mail.headers.get("date").is_some() { Reason::NotADate } else { Reason::Missing };
    mail.date.or(mail.received_at).ok_or(Flaw::of("sent_at", reason))
}

fn attachment(file: parse::Attachment) -> Attachment {
    Attachment { name: file.name, media_type: file.media_type, bytes: file.content }
}
