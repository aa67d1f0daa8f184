//! Where the customer posted, and what is to be posted there before the case is resolved.

use std::collections::BTreeSet;

use super::{
    state::Case,
    values::{Absorbed, Waiver},
};
use crate::{channel::Place, conversation::Key, ids::ConversationId};

/// A place where a customer posted, in the case or in one that was merged into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted<'a> {
    /// The place.
    pub place: &'a Place,
    /// The conversation there, the latest if there are several.
    pub conversation: Option<ConversationId>,
    /// Whether it has a closing post.
    pub closed: bool,
    /// Whether it may do without: the case was resolved so, or the customer is left unanswered on purpose.
    pub waived: bool,
}

impl Case {
    /// The places where a customer posted.
    pub fn places(&self) -> Vec<Posted<'_>> {
        let open = self.places_open();
        let all: BTreeSet<_> = self.own_places.keys().chain(open.iter().copied()).collect();
        let posted = |place| {
            let closed = !open.contains(place);
            let waived = !closed && (self.silence.is_some() || self.waived.contains(place));
            Posted { place, conversation: self.conversation_at(place), closed, waived }
        };
        all.into_iter().map(posted).collect()
    }

    /// The places where a customer posted and that have no closing post.
    pub fn places_open(&self) -> BTreeSet<&Place> {
        let own = self.own_places.iter().filter(|(_, closing)| closing.is_none()).map(|(place, _)| place);
        own.chain(self.absorbed.values().flat_map(|source| &source.places)).collect()
    }

    /// The places that lack a closing post and are not waived. Chosen silence waives all: not to post is what was chosen.
    pub(super) fn places_unexcused(&self, waivers: &[Waiver]) -> BTreeSet<Place> {
        if self.silence.is_some() {
            return BTreeSet::new();
        }
        let waived = |place: &&Place| waivers.iter().any(|waiver| waiver.place == **place);
        self.places_open().into_iter().filter(|place| !waived(place)).cloned().collect()
    }

    /// The waivers that excuse something; others would only mislead a reader.
    pub(super) fn waivers_needed(&self, waivers: Vec<Waiver>) -> Vec<Waiver> {
        let open = self.places_open();
        waivers.into_iter().filter(|waiver| open.contains(&waiver.place)).collect()
    }

    fn conversation_at(&self, place: &Place) -> Option<ConversationId> {
        let here = self.messages_here().map(|(_, received)| received).filter(|known| known.place == *place);
        let latest = here.max_by_key(|known| known.said()).map(|known| known.conversation);
        latest.or_else(|| self.absorbed.values().find_map(|source| source.conversation_at(place)))
    }
}

impl Absorbed {
    /// The conversation at a place. Its id follows from where it is, and with whom.
    fn conversation_at(&self, place: &Place) -> Option<ConversationId> {
        let account = || place.account.clone();
        let known = |key: Key| Some(key.id()).filter(|id| self.conversations.contains(id));
        match &place.thread {
            Some(root) => known(Key::Thread { account: account(), root: root.clone() }),
            None => self
                .identities
                .iter()
                .find_map(|identity| known(Key::Contact { account: account(), identity: identity.clone() })),
        }
    }
}
