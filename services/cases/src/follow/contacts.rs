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
