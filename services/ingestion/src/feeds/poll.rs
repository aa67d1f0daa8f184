//! Polite polling: what is asked next, and what an answer means. Pure.

use std::collections::BTreeSet;

use domain::{ids::AccountId, time::Timestamp};
use proto::ingestion::v1;
use serde::{Deserialize, Serialize};
use service::health::FAILURES_MAX;
use sha2::{Digest as _, Sha256};

use super::{
    Address,
    client::{Answer, Failure, HEADER_MAX, Headers, Request},
    feed::Flaws,
    messages, pace, parse,
    schedule::Schedule,
};

/// Redirects that are followed, one after the other.
pub const REDIRECTS_MAX: u8 = 5;
/// As many bytes of a digest as nobody meets twice.
const DIGEST_BYTES: usize = 16;

/// A feed that is asked for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Whose messages its entries become.
    pub account: AccountId,
    /// Where it is, as the account's settings have it.
    pub address: Address,
    /// How long to wait between two requests, in seconds; at least [`pace::INTERVAL_MIN_S`].
    pub interval_s: i64,
    /// Whether it may be in a private network, as a company's own forum is.
    pub private_addresses: bool,
}

/// What is known of a feed that is polled. Stored between two requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The address of the settings when this began: another one there begins anew.
    configured: Address,
    /// Where it is now.
    address: Address,
    etag: Option<String>,
    last_modified: Option<String>,
    next_at: Timestamp,
    /// Failures since the last answer that was one.
    failures: u32,
    /// Why it failed the last time, if it did.
    #[serde(default)]
    failure: Option<String>,
    /// It is never asked again.
    gone: bool,
    schedule: Schedule,
    /// Digests of the entries of the last answer: none of them is handed out again.
    seen: BTreeSet<String>,
    /// Where the last answer sent us on to. Not kept: whoever begins anew begins at the address.
    #[serde(skip)]
    onward: Option<Onward>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Onward {
    address: Address,
    redirects: u8,
    /// Whether each of them was for good.
    permanent: bool,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing is new.
    Unchanged {
        /// Where the feed has moved to, for good: the settings should say so.
        moved: Option<Address>,
    },
    /// New or changed entries.
    Read {
        /// As messages, oldest first.
        messages: Vec<v1::Message>,
        /// In what ways the feed is not as it should be.
        flaws: Flaws,
        /// Where the feed has moved to, for good: the settings should say so.
        moved: Option<Address>,
    },
    /// The answer is elsewhere: ask again at once.
    Redirected,
    /// The feed is gone and is not asked again, until its settings name another address.
    Gone,
    /// Nothing was read; it is tried again later.
    Failed(Failure),
}

impl Poll {
    /// A feed that was never asked.
    pub fn new(source: &Source, now: Timestamp) -> Self {
        Self {
            configured: source.address.clone(),
            address: source.address.clone(),
            etag: None,
            last_modified: None,
            next_at: pace::first(&source.account, source.interval_s, now),
            failures: 0,
            failure: None,
            gone: false,
            schedule: Schedule::default(),
            seen: BTreeSet::new(),
            onward: None,
        }
    }

    /// This, if the settings still name the same feed; else from the beginning.
    #[must_use]
    pub fn of(self, source: &Source, now: Timestamp) -> Self {
        if self.configured == source.address { self } else { Self::new(source, now) }
    }

    /// Where the feed is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// When it is to be asked again; `None` if never.
    pub fn next_at(&self) -> Option<Timestamp> {
        (!self.gone).then_some(self.next_at)
    }

    /// Failures since the last answer that was one.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether it is gone for good.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What operators should know: that it is gone, or that it fails again and again, and why.
    pub fn trouble(&self) -> Option<String> {
        if self.gone {
            return Some("the feed is gone for good; name another address in the account's settings".into());
        }
        let failure = self.failure.as_deref().filter(|_| self.failures >= FAILURES_MAX)?;
        Some(format!("{} failures in a row, the last one: {failure}", self.failures))
    }

    /// What to ask now.
    pub fn request(&self, source: &Source) -> Request {
        Request {
            address: self.onward.as_ref().map_or(&self.address, |onward| &onward.address).clone(),
            etag: self.etag.clone(),
            last_modified: self.last_modified.clone(),
            private_addresses: source.private_addresses,
        }
    }

    /// What is known after an answer, or after there was none, and what that means.
    pub fn answered(
        mut self,
        source: &Source,
        answer: Result<Answer, Failure>,
        now: Timestamp,
    ) -> (Self, Outcome) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.failed(source, failure, None, now),
        };
        match answer.status {
            200 => self.read(source, &answer, now),
            304 => {
                let moved = self.settled();
                self.validators(&answer.headers, true);
                self.rested(source, &answer.headers, now);
                (self, Outcome::Unchanged { moved })
            }
            301 | 308 => self.redirected(source, &answer, true, now),
            302 | 303 | 307 => self.redirected(source, &answer, false, now),
            // Behind a redirect that is not for good it says nothing of the feed.
            410 if self.onward.as_ref().is_none_or(|onward| onward.permanent) => {
                self.onward = None;
                self.gone = true;
                (self, Outcome::Gone)
            }
            status => {
                let retry_after = answer.headers.retry_after.as_deref();
                let retry_after_s = retry_after.and_then(|value| pace::retry_after_s(value, now));
                self.failed(source, Failure::Status(status), retry_after_s, now)
            }
        }
    }

    fn read(mut self, source: &Source, answer: &Answer, now: Timestamp) -> (Self, Outcome) {
        let read_at = self.request(source).address;
        let feed = match parse(&answer.body, answer.headers.content_type.as_deref(), &read_at) {
            Ok(feed) => feed,
            Err(error) => return self.failed(source, error.into(), None, now),
        };
        // Only now: whoever answers with a page for signing in has not moved the feed.
        let moved = self.settled();
        self.validators(&answer.headers, false);
        let mut present = BTreeSet::new();
        let mut messages = messages(&feed, now);
        messages.retain(|message| {
            let digest = digest(message);
            let new = !self.seen.contains(&digest);
            present.insert(digest);
            new
        });
        self.seen = present;
        self.schedule = feed.schedule;
        self.rested(source, &answer.headers, now);
        if messages.is_empty() {
            (self, Outcome::Unchanged { moved })
        } else {
            (self, Outcome::Read { messages, flaws: feed.flaws, moved })
        }
    }

    fn redirected(
        mut self,
        source: &Source,
        answer: &Answer,
        permanent: bool,
        now: Timestamp,
    ) -> (Self, Outcome) {
        let from = self.request(source).address;
        let (redirects, before) =
            self.onward.take().map_or((0, true), |onward| (onward.redirects, onward.permanent));
        let Some(location) = answer.headers.location.as_deref() else {
            return self.failed(source, Failure::Status(answer.status), None, now);
        };
        if redirects >= REDIRECTS_MAX {
            return self.failed(source, Failure::Redirects { max: REDIRECTS_MAX }, None, now);
        }
        let to = from.join(location);
        let checked =
            to.and_then(|to| if source.private_addresses { Ok(to) } else { to.is_public().map(|()| to) });
        match checked {
            Ok(address) => {
                let onward = Onward { address, redirects: redirects + 1, permanent: permanent && before };
                self.onward = Some(onward);
                (self, Outcome::Redirected)
            }
            Err(refused) => self.failed(source, refused.into(), None, now),
        }
    }

    fn failed(
        mut self,
        source: &Source,
        failure: Failure,
        retry_after_s: Option<i64>,
        now: Timestamp,
    ) -> (Self, Outcome) {
        self.onward = None;
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(failure.to_string());
        let pace = (source.interval_s, pace::BACKOFF_MAX_S);
        self.next_at = pace::after_failure(&source.account, pace, self.failures, retry_after_s, now);
        (self, Outcome::Failed(failure))
    }

    /// Ends a way over redirects at its end; the new address, if all of them were for good.
    fn settled(&mut self) -> Option<Address> {
        let onward =
            self.onward.take().filter(|onward| onward.permanent && onward.address != self.address)?;
        self.address = onward.address;
        Some(self.address.clone())
    }

    fn rested(&mut self, source: &Source, headers: &Headers, now: Timestamp) {
        self.failures = 0;
        self.failure = None;
        let max_age_s = headers.cache_control.as_deref().and_then(pace::max_age_s);
        self.next_at =
            pace::after_success(&source.account, source.interval_s, &self.schedule, max_age_s, now);
    }

    /// Keeps what the next request is compared with. A 304 need not repeat it.
    fn validators(&mut self, headers: &Headers, confirmed: bool) {
        let kept = |header: &Option<String>| header.clone().filter(|value| value.len() <= HEADER_MAX);
        let (etag, last_modified) = (kept(&headers.etag), kept(&headers.last_modified));
        if confirmed {
            self.etag = etag.or_else(|| self.etag.take());
            self.last_modified = last_modified.or_else(|| self.last_modified.take());
        } else {
            (self.etag, self.last_modified) = (etag, last_modified);
        }
    }
}

/// What tells an entry, and a form of it, from others. When it was first seen is no part of it.
fn digest(message: &v1::Message) -> String {
    let mut hash = Sha256::new();
    for part in [&message.external_id, &message.subject, &message.text] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    if let Some(edited_at) = message.edited_at {
        hash.update(edited_at.seconds.to_be_bytes());
        hash.update(edited_at.nanos.to_be_bytes());
    }
    hash.finalize().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
