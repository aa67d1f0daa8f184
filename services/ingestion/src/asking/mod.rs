//! Platforms that do not tell, asked: mailboxes by IMAP, reviews and comments by the platforms' lists.
//!
//! A [`Source`] knows one kind of platform: which accounts it is asked for, and what one [`Round`] of asking is. From its
//! cursor it asks on, hands over what came, and remembers a new cursor only when that is in the log: whatever is interrupted
//! when, everything comes in, and what comes in twice is found to be a duplicate. The [`Asker`](asker::Asker) knows when an
//! account is asked, each for itself: one that is slow or fails holds up no other. One process of the site asks, under a lease.
//!
//! [`lists`] is the source for everything that gives a list with the newest first; a platform is then four functions of
//! values. Settings of all: [`settings`]. Secrets: a platform's own, or what gets one
//! ([`access`](crate::secrets::access)).
//!
//! What is absent: `TikTok`, which publishes no list of comments for businesses that could be checked; IDLE, as a mailbox
//! that is asked every minute or two is soon enough.

mod asker;
pub(crate) mod failure;
mod google_reviews;
pub(crate) mod http;
pub(crate) mod imap;
mod lists;
mod polling;
mod round;
pub(crate) mod settings;
mod state;
mod trustpilot;
mod walk;
mod youtube;

pub(crate) use failure::{Broke, Failure};
pub(crate) use polling::Polling;
pub(crate) use round::Round;

use crate::{
    account::Via,
    channels::{Happening, Malformed},
};

/// One kind of platform that is asked.
#[async_trait::async_trait]
pub(crate) trait Source: Send + Sync {
    /// As metrics and logs call it.
    fn name(&self) -> &'static str;

    /// How long is waited between two rounds where no setting says it, in seconds.
    fn interval_s(&self) -> i64;

    /// What of this account is asked: a text that is another one where another place is meant, so that the cursor begins
    /// anew. None: nothing of it is asked here. An error says which setting is wrong, and what to do.
    fn place(&self, via: &Via) -> Option<Result<String, String>>;

    /// What a dead letter of it says: a page with one entry, a mail.
    fn read(&self, letter: &[u8]) -> Result<Vec<Happening>, Malformed>;

    /// Asks once: from the cursor that is remembered, within bounds. MUST remember a cursor only after what it passed was
    /// taken. MUST end in bounded time where the platform answers, and may be cut off anywhere.
    async fn round(&self, round: &mut Round) -> Result<Next, Broke>;
}

/// When an account is asked again after a round that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// After its interval.
    Interval,
    /// Soon: there is more than one round may take.
    Soon,
}

/// Every source. To add one: its file, and its line here.
static ALL: &[&dyn Source] = &[
    &imap::Imap,
    &lists::Asked(&google_reviews::GoogleReviews),
    &lists::Asked(&trustpilot::Trustpilot),
    &lists::Asked(&youtube::Youtube),
];

/// What begins the name of the source in a dead letter, where a webhook has its connector.
const ASKED: &str = "asked:";

/// As a dead letter of a source names it.
fn letters_of(source: &str) -> String {
    format!("{ASKED}{source}")
}

/// The source whose dead letters have this name.
pub(crate) fn of_letters(name: &str) -> Option<&'static dyn Source> {
    let name = name.strip_prefix(ASKED)?;
    ALL.iter().copied().find(|source| source.name() == name)
}

/// The source for an account, if it is asked at all.
fn of(via: &Via) -> Option<(&'static dyn Source, Result<String, String>)> {
    ALL.iter().find_map(|source| Some((*source, source.place(via)?)))
}
