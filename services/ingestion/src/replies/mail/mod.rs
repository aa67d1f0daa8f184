//! Replies as mails: an account whose connector is `mail`, and which has a mail server in its [`settings`], sends by SMTP.
//!
//! A mail is told from all others by its Message-ID, which is the same at each attempt: by it reports, bounces and answers
//! find the reply. It holds the signed token of the conversation, as the address does to which answers go, so that an answer
//! needs only one of them.
//!
//! What is absent: SMTP knows no key. A mail whose last dot left us and was not answered is unclear, and a person decides.

pub(crate) mod codes;
mod compose;
mod dkim;
mod send;
mod settings;
mod smtp;
mod subject;

use std::time::Duration;

use crate::channels::{Config, speak::Unsayable};

/// As an account's `connector` names it.
pub(crate) const CONNECTOR: &str = "mail";

/// How long sending may take, unless the account says otherwise. Servers look into a mail before they take it.
pub(super) const CALL_TIME: Duration = Duration::from_secs(120);
/// The most of that: as long as a server may take by RFC 5321, 4.5.3.2.6.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(600);

/// Whether policy has what is needed to send.
pub(super) fn is_complete(config: &Config) -> Result<(), Unsayable> {
    settings::Settings::of(config).map(drop)
}

/// A text on one line: whatever breaks lines is a blank.
fn plain(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(breaks).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ").trim().to_owned()
}
