//! Whose a case is. Whoever else takes part, it stays that one's: under his key its words are sealed.

use std::collections::BTreeSet;

use super::{
    state::{Case, Received},
    values::{Absorbed, Inbound, Origin},
};
use crate::ids::{CaseId, IdentityId, MessageId};

impl Case {
    /// Whose case it is: who was named when it was opened, else who wrote first. Whoever else takes part, it stays that
    /// one's; only if it was opened for the messages of one who wrote, and all of them are split off, it is of the first of
    /// those who are left. A case that is of nobody yet is of the customer of the first one that is merged into it.
    pub fn customer(&self) -> Option<&IdentityId> {
        let brought = || self.absorbed.get(&self.customer_from?)?.customer.as_ref();
        self.own_customer.as_ref().or_else(brought)
    }

    /// The customer of these messages: who wrote the first of them, else the case's own.
    pub fn customer_of(&self, messages: &BTreeSet<MessageId>) -> Option<&IdentityId> {
        let known = messages.iter().filter_map(|message| self.messages.get(message));
        first_author(known).or_else(|| self.customer())
    }

    pub(super) fn customer_writes(&mut self, message: &Inbound) {
        if self.customer().is_none() {
            self.own_customer.clone_from(&message.identity);
        }
    }

    pub(super) fn customer_is_brought(&mut self, source: CaseId, brings: &Absorbed) {
        if self.customer().is_none() && brings.customer.is_some() {
            self.customer_from = Some(source);
        }
    }

    /// The case whose customer was this one's too went its own way again.
    pub(super) fn customer_is_released(&mut self, source: CaseId) {
        if self.customer_from != Some(source) {
            return;
        }
        let other = self.absorbed.iter().find(|(_, other)| other.customer.is_some());
        self.customer_from = other.map(|(case, _)| *case);
        if self.customer_from.is_none() {
            self.own_customer = self.first_author().cloned();
        }
    }

    /// Who has written nothing that is still here takes part no more.
    pub(super) fn forget_who_left(&mut self, messages: &BTreeSet<MessageId>) {
        let here: BTreeSet<IdentityId> =
            self.messages_here().filter_map(|(_, received)| received.identity.clone()).collect();
        let gone = messages.iter().filter_map(|message| self.messages.get(message)?.identity.clone());
        let mut gone: BTreeSet<IdentityId> = gone.filter(|identity| !here.contains(identity)).collect();
        if self.own_customer.as_ref().is_some_and(|customer| gone.contains(customer)) {
            let named = match self.origin {
                Origin::Agent | Origin::FollowUp { .. } => true,
                Origin::Message { .. } | Origin::Split { .. } | Origin::Import => false,
            };
            let next = self.first_author().cloned();
            match next {
                Some(_) if !named => self.own_customer = next,
                Some(_) | None => gone.retain(|identity| Some(identity) != self.own_customer.as_ref()),
            }
        }
        self.own_identities.retain(|identity| !gone.contains(identity));
    }

    fn first_author(&self) -> Option<&IdentityId> {
        first_author(self.messages_here().map(|(_, received)| received))
    }
}

/// Who wrote the first of these messages that say so.
fn first_author<'a>(messages: impl Iterator<Item = &'a Received>) -> Option<&'a IdentityId> {
    let first = messages.filter(|received| received.identity.is_some()).min_by_key(|known| known.ordinal);
    first.and_then(|received| received.identity.as_ref())
}
