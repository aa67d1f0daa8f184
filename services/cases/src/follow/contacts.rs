//! What channels say of people reaches the customer: who blocked us, or said stop, is opted out; who comes back is opted in.
//!
//! The last word holds, whoever took it down: what a channel tells late takes nothing back that was said since. Who comes
//! back takes back that he wants nothing at all, and no other refusal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    contact::{self, State},
    customer::{self, Action, Command, Identity, Purpose},
    decider::Decider,
    ids::{ChannelKind, CustomerId, IdentityId},
    time::Timestamp,
};
use eventlog::{Category, Entry, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    Error,
    envelope::Envelope,
    reaction::{self, Reaction},
    transact::{self, Aggregate, Meta, Transactor},
};

use super::links::outcome;
use crate::{
    act::no::No,
    core::{Core, bad_name, derived},
};

/// Tells customers what channels say of them.
pub struct FollowContacts {
    core: Arc<Core>,
    contacts: Transactor<State>,
}

impl FollowContacts {
    /// For the customers of `core`.
    pub fn new(core: Arc<Core>) -> Self {
        let shell = &core.shell;
        let (log, vault, clock) =
            (Arc::clone(&shell.log), Arc::clone(&shell.vault), Arc::clone(&shell.clock));
        let contacts = Transactor::new(shell.site.as_str(), log, vault, clock);
        Self { core, contacts }
    }
}

#[async_trait::async_trait]
impl Reaction for FollowContacts {
    fn name(&self) -> &'static str {
        "cases.follow_contacts"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(State::CATEGORY).into_iter().collect()
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.follow(entry).await.map_err(outcome)
    }
}

/// What a channel says.
struct Word {
    at: Timestamp,
    purpose: Purpose,
    yes: bool,
    channel: ChannelKind,
}

impl From<contact::Event> for Word {
    fn from(event: contact::Event) -> Self {
        let (at, purpose, yes, channel) = match event {
            contact::Event::Unreachable { at, channel, .. } => (at, Purpose::Any, false, channel),
            contact::Event::Reachable { at, channel, .. } => (at, Purpose::Any, true, channel),
            contact::Event::MarketingRefused { at, channel } => (at, Purpose::Marketing, false, channel),
            contact::Event::MarketingAllowed { at, channel } => (at, Purpose::Marketing, true, channel),
        };
        Self { at, purpose, yes, channel }
    }
}

/// What the customer's own stream says of what he wants: up to where, and when he last spoke of each purpose.
struct Spoken {
    version: Position,
    last: BTreeMap<Purpose, Timestamp>,
}

impl FollowContacts {
    async fn follow(&self, entry: &Entry) -> Result<(), Error> {
        let invalid = |error: domain::ids::Invalid| Error::Internal(error.to_string());
        let identity: IdentityId = entry.stream.id().parse().map_err(invalid)?;
        let envelope = Envelope::<contact::Event>::of(entry).map_err(transact::Error::<No>::from)?;
        let contact = self.contacts.load_to::<No>(&entry.stream, entry.position).await?.state;
        for (index, event) in envelope.events.into_iter().enumerate() {
            let step = format!("customer/{index}");
            self.tell(entry, &step, &identity, &contact, event.into()).await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        entry: &Entry,
        step: &str,
        identity: &IdentityId,
        contact: &State,
        word: Word,
    ) -> Result<(), Error> {
        let core = &self.core;
        let stream = core.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        let spoken = self.spoken(&stream, identity).await?;
        if spoken.last.get(&word.purpose).is_some_and(|last| *last > word.at) {
            return Ok(());
        }
        // What is decided here stands on what was read: if more was said meanwhile, it is read again.
        let meta = Meta {
            occurred_at: Some(word.at),
            expected: Some(spoken.version),
            ..derived(core, entry, step)?
        };
        let make = |known: &Aggregate<customer::State>, _| {
            let one = |(at, action)| Command::new(at, meta.actor.clone(), action);
            Ok(steps(identity, &known.state, contact, &word, &spoken.last).into_iter().map(one).collect())
        };
        let done = core.customers.execute::<No>(&stream, &meta, make).await?;
        core.reacted_to(done.position);
        Ok(())
    }

    /// What was said for the identity in the customer's stream, by whomever.
    async fn spoken(&self, stream: &StreamId, identity: &IdentityId) -> Result<Spoken, Error> {
        let mut entries = self.core.shell.log.read(stream);
        let mut spoken = Spoken { version: Position::NONE, last: BTreeMap::new() };
        while let Some(entry) = entries.try_next().await? {
            spoken.version = entry.position;
            let envelope = Envelope::<customer::Event>::of(&entry).map_err(transact::Error::<No>::from)?;
            for event in envelope.events {
                if let customer::Event::OptedOut { at, identity: by, purpose }
                | customer::Event::OptedIn { at, identity: by, purpose } = event
                    && by == *identity
                {
                    let last = spoken.last.entry(purpose).or_insert(at);
                    *last = at.max(*last);
                }
            }
        }
        Ok(spoken)
    }
}

/// What a word does to a customer, each step with its time.
fn steps(
    identity: &IdentityId,
    known: &customer::State,
    contact: &State,
    word: &Word,
    last: &BTreeMap<Purpose, Timestamp>,
) -> Vec<(Timestamp, Action)> {
    let (at, purpose) = (word.at, word.purpose);
    let refused: BTreeSet<Purpose> =
        known.opted_out.iter().filter(|(by, _)| by == identity).map(|(_, purpose)| *purpose).collect();
    let opt_out = |purpose| Action::OptOut { identity: identity.clone(), purpose };
    if !word.yes {
        let mut steps = Vec::new();
        if known.identities.is_empty() {
            // He has never written: all that is known of him is what he does not want.
            let (account, id) = (identity.account().parse().ok(), identity.clone());
            let bare = |account| Identity {
                id,
                account,
                channel: word.channel.clone(),
                name: None,
                handle: None,
                address: None,
            };
            steps.extend(account.map(|account| (at, Action::AddIdentity(Box::new(bare(account))))));
        }
        steps.push((at, opt_out(purpose)));
        return steps;
    }
    // Who refuses nothing takes nothing back; and to whom all is refused, offers alone are not allowed again before that is.
    let in_vain = purpose != Purpose::Any && refused.contains(&Purpose::Any);
    if known.erased_at.is_some() || !refused.contains(&purpose) || in_vain {
        return Vec::new();
    }
    let back = (at, Action::OptIn { identity: identity.clone(), purpose });
    if purpose != Purpose::Any {
        return vec![back];
    }
    // To take back the refusal of everything would take back all the others with it.
    let allowed_since = |purpose: Purpose, said: Timestamp| {
        let marketing = contact.marketing().filter(|word| word.yes && word.at >= said);
        purpose == Purpose::Marketing && marketing.is_some()
    };
    let others = refused.into_iter().filter(|other| *other != Purpose::Any);
    let others = others.map(|other| (other, last.get(&other).copied().unwrap_or(at)));
    let stay = others.filter(|(other, said)| !allowed_since(*other, *said));
    std::iter::once(back).chain(stay.map(|(other, said)| (said, opt_out(other)))).collect()
}

#[cfg(test)]
mod tests {
    use domain::{actor::Actor, decider::fold};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(second)
    }

    fn identity() -> IdentityId {
        "wa_0f1e2d3c4b5a6978".parse().unwrap()
    }

    fn word(second: i64, purpose: Purpose, yes: bool) -> Word {
        Word { at: at(second), purpose, yes, channel: "whatsapp".parse().unwrap() }
    }

    fn actor() -> Actor {
        crate::core::myself().unwrap()
    }

    /// A customer to whom this happened, one after the other: what he refuses in the end.
    fn after(words: &[(i64, Purpose, bool)]) -> Vec<Purpose> {
        let (mut known, mut contact) = (customer::State::default(), State::default());
        let mut last = BTreeMap::new();
        for (second, purpose, yes) in words {
            let channel: ChannelKind = "whatsapp".parse().unwrap();
            let action = match purpose {
                Purpose::Any => contact::Action::Reach { reachable: *yes, channel, message: None },
                _ => contact::Action::Market { allowed: *yes, channel },
            };
            let events = contact.decide(contact::Command::new(at(*second), actor(), action)).unwrap();
            contact = fold(contact, &events);
            if events.is_empty() {
                continue;
            }
            for (at, action) in steps(&identity(), &known, &contact, &word(*second, *purpose, *yes), &last) {
                for event in known.decide(Command::new(at, actor(), action)).unwrap() {
                    if let customer::Event::OptedOut { at, purpose, .. }
                    | customer::Event::OptedIn { at, purpose, .. } = event
                    {
                        last.insert(purpose, at);
                    }
                    known = fold(known, [&event]);
                }
            }
        }
        known.opted_out.into_iter().map(|(_, purpose)| purpose).collect()
    }

    #[test]
    fn what_is_refused_in_the_end_is_what_the_last_words_say() {
        use Purpose::{Any, Marketing};
        for (words, expected) in [
            (&[(1, Any, true)][..], &[][..]),
            (&[(1, Any, false)], &[Any]),
            (&[(1, Any, false), (2, Any, true)], &[]),
            (&[(2, Any, true), (1, Any, false)], &[]),
            (&[(1, Marketing, false), (2, Any, true)], &[Marketing]),
            (&[(1, Marketing, false), (2, Any, false), (3, Any, true)], &[Marketing]),
            (&[(1, Marketing, false), (2, Any, false), (3, Marketing, true)], &[Any, Marketing]),
            // Once he can be written to again, what he allowed meanwhile holds.
            (&[(1, Marketing, false), (2, Any, false), (3, Marketing, true), (4, Any, true)], &[]),
            // A refusal that stays is as old as it was: what is told late and is newer takes it back.
            (&[(1, Marketing, false), (2, Any, false), (5, Any, true), (4, Marketing, true)], &[]),
            (&[(1, Any, false), (2, Marketing, false), (3, Any, true)], &[Marketing]),
        ] {
            assert_eq!(after(words), expected, "{words:?}");
        }
    }

    #[test]
    fn who_was_erased_can_refuse_and_not_allow() {
        let (contact, last) = (State::default(), BTreeMap::new());
        let mut known = customer::State::default();
        for (at, action) in steps(&identity(), &known, &contact, &word(1, Purpose::Any, false), &last) {
            let events = known.decide(Command::new(at, actor(), action)).unwrap();
            known = fold(known, &events);
        }
        known.erased_at = Some(at(2));
        let back = steps(&identity(), &known, &contact, &word(3, Purpose::Any, true), &last);
        assert_eq!(back, []);
        let out = steps(&identity(), &known, &contact, &word(4, Purpose::Marketing, false), &last);
        assert_eq!(out.len(), 1);
        let out =
            out.into_iter().map(|(at, action)| known.decide(Command::new(at, actor(), action)).unwrap());
        assert!(out.flatten().any(|event| matches!(event, customer::Event::OptedOut { .. })));
    }
}
