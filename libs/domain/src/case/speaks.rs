//! Where the customer of a case is spoken with.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Case, Received};
use crate::{
    channel::Visibility,
    ids::{ConversationId, MessageId},
};

impl Case {
    /// Its conversations, with those of the cases that were merged into it.
    pub fn conversations(&self) -> BTreeSet<ConversationId> {
        let absorbed = self.absorbed.values().flat_map(|source| &source.conversations);
        self.own_conversations.iter().chain(absorbed).copied().collect()
    }

    /// Where an answer goes that names no other conversation: where the customer wrote last, or where the case began;
    /// and if that went on in private, there.
    pub fn speaks_in(&self) -> Option<ConversationId> {
        let latest = self.messages.values().filter(|received| received.asks()).max_by_key(|last| last.said());
        let own = latest.map(|received| received.conversation).or(self.begun_in);
        let conversation = own.or_else(|| self.conversations().first().copied())?;
        Some(self.moved_to(conversation).unwrap_or(conversation))
    }

    /// What is answered in a conversation: what was written there last, of what asks for an answer. Where nobody else reads,
    /// that is what he wrote last who began it: whoever joins, by a mail's thread perhaps, is heard and does not get the
    /// answers.
    pub fn latest_in(&self, conversation: ConversationId) -> Option<&MessageId> {
        let there = || self.messages_here().filter(|(_, received)| received.conversation == conversation);
        let began =
            there().min_by_key(|(_, received)| received.ordinal).map(|(_, received)| &received.identity);
        let by = |received: &Received| {
            received.place.visibility == Visibility::Public || Some(&received.identity) == began
        };
        let asks = there().filter(|(_, received)| received.engageable && by(received));
        asks.max_by_key(|(_, received)| received.said()).map(|(message, _)| message)
    }

    /// The private conversation in which a public one went on, here or in a case that was merged into this one.
    fn moved_to(&self, conversation: ConversationId) -> Option<ConversationId> {
        self.all_moves().get(&conversation).copied()
    }

    /// Its moves, with those of the cases that were merged into it.
    pub(super) fn all_moves(&self) -> BTreeMap<ConversationId, ConversationId> {
        let absorbed = self.absorbed.values().flat_map(|source| &source.moves);
        // Its own come last: they are the ones that count.
        absorbed.chain(&self.moves).map(|(from, to)| (*from, *to)).collect()
    }
}
