//! What kind of mail one is: written by a person, or by a machine, and then which.
//!
//! A machine's mail never opens or reopens a case and is never answered: two machines that answer each other do not stop.
//! The order is that of how sure the evidence is. A report says itself that it is one (RFC 3464, 5965, 8098); then what is
//! our own is known by its marks; then come the habits of mail servers that report in words of their own; then the
//! headers that responders and lists set (RFC 3834, 2919).

mod bounce;
mod codes;
mod report;
mod signs;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use codes::status;

use std::collections::BTreeSet;

use super::Mail;

/// A mail's kind, with the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing says that a machine wrote it.
    Person,
    /// Written by a machine: an answer out of office, a receipt, a notification.
    AutoReply(Evidence),
    /// Says what became of a mail: not delivered most often, delivered where that was asked for.
    DeliveryReport(Report),
    /// Says that a mail is not delivered yet, and that the server goes on trying.
    DeliveryDelay(Report),
    /// Somebody complained about a mail (RFC 5965).
    Feedback(Feedback),
    /// Says that a mail was shown, deleted or the like (RFC 8098).
    ReadReceipt(Receipt),
    /// Came over a mailing list or in bulk.
    List(Evidence),
    /// A mail of ours that came back.
    Own(Evidence),
}

impl Kind {
    /// Whether a person wrote it, as far as can be told.
    pub fn is_person(&self) -> bool {
        matches!(self, Self::Person)
    }
}

/// What says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A header field, by its name in lower case.
    Header(&'static str),
    /// The media type of the mail or of a part of it.
    MediaType(&'static str),
    /// The address or the name that it is from.
    Sender,
    /// The words of the subject, together with other signs.
    Subject,
    /// The words of the text, together with other signs.
    Text,
}

/// What became of a mail of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What says that it is a report.
    pub evidence: Evidence,
    /// The Message-ID of the mail that it is about, without brackets.
    pub message_id: Option<String>,
    /// For whom it says what. Empty if it names nobody that can be told apart.
    pub recipients: Vec<Recipient>,
}

/// What became of a mail for one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipient {
    /// Who it was for at last.
    pub address: String,
    /// Who it was for at first, if that is another one and the report says so.
    pub original: Option<String>,
    /// What happened.
    pub action: Action,
    /// The status code (RFC 3463): `5.1.1`.
    pub status: Option<String>,
    /// The reply code of SMTP: 550.
    pub reply: Option<u16>,
    /// What the server said, cut to [`DIAGNOSTIC_MAX`].
    pub diagnostic: Option<String>,
}

impl Recipient {
    /// Whether trying again is of no use, as far as the codes say.
    pub fn is_permanent(&self) -> bool {
        let status = self.status.as_deref().and_then(|status| status.bytes().next());
        let reply = self.reply.map(|reply| if reply >= 500 { b'5' } else { b'4' });
        self.action == Action::Failed && status.or(reply) != Some(b'4')
    }
}

/// What happened to a mail (RFC 3464, 2.3.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// It was not delivered.
    #[default]
    Failed,
    /// It was not delivered yet.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was handed to a server that reports nothing.
    Relayed,
    /// It was handed on to several recipients.
    Expanded,
}

/// A complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// What says that it is one.
    pub evidence: Evidence,
    /// `abuse`, `fraud`, `opt-out`, in lower case.
    pub kind: Option<String>,
    /// The Message-ID of the mail that it is about, without brackets.
    pub message_id: Option<String>,
    /// Whom the mail was sent to.
    pub recipients: Vec<String>,
}

/// A receipt of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What says that it is one.
    pub evidence: Evidence,
    /// The Message-ID of the mail that it is about, without brackets.
    pub message_id: Option<String>,
    /// `displayed`, `deleted`, in lower case.
    pub disposition: Option<String>,
}

/// The most of what a server said that is kept, in bytes.
pub const DIAGNOSTIC_MAX: usize = 1024;

/// Recipients of one report that are read.
pub const RECIPIENTS_MAX: usize = 1000;

/// The header field that marks what we send. Its value is the deployment's own.
pub const MARKER: &str = "x-dossier-origin";

/// By what our own mails are known.
#[derive(Debug, Clone, Default)]
pub struct Ourselves {
    /// The addresses that we send from, in lower case.
    pub addresses: BTreeSet<String>,
    /// The value of [`MARKER`] in what we send; empty if we send none.
    pub marker: String,
}

/// Tells what kind of mail this is.
pub fn kind(mail: &Mail, ourselves: &Ourselves) -> Kind {
    if let Some(kind) = report::kind(mail) {
        return kind;
    }
    if let Some(evidence) = own(mail, ourselves) {
        return Kind::Own(evidence);
    }
    if let Some(kind) = bounce::kind(mail) {
        return kind;
    }
    if let Some(evidence) = signs::responder(mail) {
        return Kind::AutoReply(evidence);
    }
    if let Some(evidence) = signs::list(mail) {
        return Kind::List(evidence);
    }
    signs::weak(mail).map_or(Kind::Person, Kind::AutoReply)
}

fn own(mail: &Mail, ourselves: &Ourselves) -> Option<Evidence> {
    let marked = mail.headers.all(MARKER).any(|value| value == ourselves.marker);
    if marked && !ourselves.marker.is_empty() {
        return Some(Evidence::Header(MARKER));
    }
    let from = mail.from.iter().filter_map(|from| from.address.as_deref()).map(str::to_lowercase);
    from.into_iter().any(|from| ourselves.addresses.contains(&from)).then_some(Evidence::Header("from"))
}
