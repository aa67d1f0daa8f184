//! Which thread a message belongs to, whatever the order in which the messages of one delivery stand.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::KeyedHash;

use crate::intake::Incoming;

/// What a thread is called after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root<'a> {
    /// The thread of an ancestor that is in the log.
    Stored(&'a KeyedHash),
    /// The channel's id of its first message, as far as anybody knows.
    External(&'a str),
}

/// The messages of one delivery, and the threads of those of their parents that are in the log.
pub(crate) struct Threads<'a> {
    delivered: BTreeMap<&'a str, &'a Incoming>,
    stored: &'a BTreeMap<String, KeyedHash>,
}

/// The external ids whose threads have to be known for [`Threads`].
pub(crate) fn parents<'a>(messages: impl Iterator<Item = &'a Incoming>) -> BTreeSet<String> {
    messages.filter(|m| m.thread_root.is_none()).filter_map(|m| m.reply_to.clone()).collect()
}

impl<'a> Threads<'a> {
    pub(crate) fn new(
        messages: impl Iterator<Item = &'a Incoming>,
        stored: &'a BTreeMap<String, KeyedHash>,
    ) -> Self {
        let mut delivered = BTreeMap::new();
        for message in messages {
            delivered.entry(message.external_id.as_str()).or_insert(message);
        }
        Self { delivered, stored }
    }

    /// The root of the thread of `message`: as the sender says, else that of its nearest ancestor in the log, else the
    /// farthest ancestor that is known. Replies that go in a circle share the smallest id of it.
    pub(crate) fn root(&self, message: &'a Incoming) -> Root<'a> {
        if let Some(thread) = &message.thread {
            return Root::Stored(thread);
        }
        let mut at = message;
        for _ in 0..=self.delivered.len() {
            if let Some(root) = &at.thread_root {
                return Root::External(root);
            }
            let Some(parent) = &at.reply_to else { return Root::External(&at.external_id) };
            if let Some(thread) = self.stored.get(parent) {
                return Root::Stored(thread);
            }
            let Some(next) = self.delivered.get(parent.as_str()) else { return Root::External(parent) };
            at = next;
        }
        Root::External(self.smallest_of_circle(at))
    }

    /// Every message that was walked through answers another one that was delivered: `at` is in a circle.
    fn smallest_of_circle(&self, at: &'a Incoming) -> &'a str {
        let around = std::iter::successors(Some(at), |m| self.delivered.get(m.reply_to.as_deref()?).copied());
        let ids = around.map(|m| m.external_id.as_str()).take(self.delivered.len());
        ids.min().unwrap_or(&at.external_id)
    }
}
