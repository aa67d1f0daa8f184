//! Messages become conversations and cases.
//!
//! A conversation decides which case its next message belongs to, in one entry with the message's joining, so that two
//! messages at once cannot open two cases. All ids are derived from the message's entry: the same entry again is nothing.

use std::sync::{Arc, Mutex};

use domain::{
    case::{self, Opening, Status},
    channel::Direction,
    conversation::{self, Key},
    customer::{self, Identity},
    ids::{CaseId, CustomerId, IdentityId},
    message::{self, Content},
    personal::Personal,
    policy::account::Account,
};
use eventlog::{Category, Entry, Position};
use futures_util::future::BoxFuture;
use serde_json::Value;
use service::{
    Error,
    envelope::{Envelope, Origin},
    reaction::{self, Reaction},
    transact::{Aggregate, Meta},
};
use vault::Events;

use super::{
    arrival::{Arrival, again, content_of, key, title},
    links::outcome,
    threads::JOINED,
};
use crate::{
    act::{actions::owner, no::No},
    core::{Core, bad_name, commands},
};

/// Cases that one message may meet on its way (merged, closed) before something must be wrong.
const HOPS_MAX: usize = 32;

/// Turns messages into conversations and cases.
pub struct FollowMessages(pub Arc<Core>);

#[async_trait::async_trait]
impl Reaction for FollowMessages {
    fn name(&self) -> &'static str {
        "cases.follow_messages"
    }

    fn categories(&self) -> Vec<Category> {
        Category::new(<message::State as domain::decider::Decider>::CATEGORY).into_iter().collect()
    }

    /// By conversation, as far as the message itself tells. A late parent may join another: the compare-and-set of each
    /// conversation keeps even that right.
    fn lane(&self, entry: &Entry) -> String {
        let envelope = Envelope::<message::Event>::of(entry);
        let content = envelope.ok().and_then(|envelope| envelope.events.into_iter().find_map(content_of));
        content.map_or_else(
            || entry.stream.to_string(),
            |(_, content)| key(&content).map_or_else(String::new, |key| key.to_string()),
        )
    }

    async fn react(&self, entry: &Entry) -> Result<(), reaction::Error> {
        self.0.follow_message(entry).await.map_err(outcome)
    }
}

impl Core {
    async fn follow_message(&self, entry: &Entry) -> Result<(), Error> {
        let envelope = Envelope::<message::Event>::of(entry).map_err(service::transact::Error::<No>::from)?;
        let Some((direction, content)) = envelope.events.into_iter().find_map(content_of) else {
            return Ok(());
        };
        let message = entry
            .stream
            .id()
            .parse()
            .map_err(|error: domain::ids::Invalid| Error::Internal(error.to_string()))?;
        let Some(key) = key(&content) else {
            return Err(Error::refused(
                "NO_CONVERSATION",
                "the message names neither a thread nor a contact",
            ));
        };
        let author = envelope.actor.kind;
        let mut arrival = Arrival {
            entry,
            origin: envelope.origin,
            policy_version: Position(envelope.policy_version),
            message,
            direction,
            author,
            content: *content,
            key,
            together: Mutex::default(),
        };
        let automatic = arrival.content.automatic.is_some();
        if automatic && !self.has_case(&arrival).await? {
            // It is kept in the log and found by search, and nobody is asked to answer it.
            return Ok(());
        }
        // Of somebody who has only been written to, no name is known yet.
        if let (Direction::In, Some(identity)) = (direction, arrival.content.identity.clone()) {
            self.know_customer(&arrival, &identity).await?;
        }
        // Which case the conversation names, and which of those in which that goes on takes the message in.
        let mut named = self.join_thread(&mut arrival).await?;
        let mut case = named;
        for _ in 0..HOPS_MAX {
            match self.take_in(&arrival, case).await? {
                Taken::In => return self.went_on_meanwhile(&arrival).await,
                Taken::GoesOnIn(other) => case = other,
                // A machine that answers late begins nothing new.
                Taken::FollowUp if automatic => return Ok(()),
                Taken::FollowUp => {
                    named = self.follow_up_of(&arrival, named).await?;
                    case = named;
                }
            }
        }
        Err(Error::Internal("a message went from case to case and found none".into()))
    }

    /// What the reaction does with a message some time, done now. Twice is once.
    pub fn follow_at_once<'a>(&'a self, entry: &'a Entry) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.follow_message(entry))
    }

    /// Whether the conversation of a message has a case.
    async fn has_case(&self, arrival: &Arrival<'_>) -> Result<bool, Error> {
        let key = self.conversation_of(arrival).await?;
        let stream = self.conversations.stream(key.id()).map_err(bad_name)?;
        let known = self.conversations.load::<conversation::Error>(&stream).await?;
        Ok(known.state.conversation().is_some_and(|conversation| conversation.case.is_some()))
    }

    /// The message joins the conversation of its thread, or of its contact, and with that the case of it.
    async fn join_thread(&self, arrival: &mut Arrival<'_>) -> Result<CaseId, Error> {
        let said = arrival.key.clone();
        for _ in 0..HOPS_MAX {
            arrival.key = said.clone();
            let joined = async {
                arrival.key = self.conversation_of(arrival).await?;
                self.join(arrival, &said).await
            };
            match joined.await {
                // Another message was faster to find that the conversation is of an older one's thread.
                Err(Error::Refused { reason, .. }) if reason == conversation::Error::GoesOn.code() => {}
                end => return end,
            }
        }
        Err(Error::Aborted { reason: "CONTENTION", message: "the thread changes with each look".into() })
    }

    /// Who writes becomes a customer of ours, with the names that the channel tells.
    async fn know_customer(&self, arrival: &Arrival<'_>, identity: &IdentityId) -> Result<(), Error> {
        let stream = self.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        let known = self.customers.peek::<customer::Error>(&stream).await?;
        if known.state.erased_at.is_some()
            || known.state.identities.get(identity).is_some_and(|met| met.described)
        {
            return Ok(());
        }
        let opened = self.opened(arrival).await?;
        let described = Identity {
            id: identity.clone(),
            account: arrival.content.account.clone(),
            channel: arrival.content.channel.clone(),
            name: again(opened.author_name.as_ref()),
            handle: again(opened.author_handle.as_ref()),
            address: again(opened.contact.as_ref()),
        };
        let meta = arrival.meta(self, "customer")?;
        let make = |known: &Aggregate<customer::State>, at| {
            let identity = Box::new(described.clone());
            let step = match known.state.identities.get(&identity.id) {
                None => Some(customer::Action::AddIdentity(identity)),
                // He was spoken of before he wrote.
                Some(met) if !met.described && identity.is_described() => {
                    Some(customer::Action::DescribeIdentity(identity))
                }
                Some(_) => None,
            };
            Ok(commands(at, &meta.actor, step.into_iter().collect()))
        };
        let outcome = self.customers.execute::<customer::Error>(&stream, &meta, make).await?;
        self.reacted_to(outcome.position);
        Ok(())
    }

    /// The message joins its conversation, and with that the case of it, or the case of what it answers.
    async fn join(&self, arrival: &Arrival<'_>, said: &Key) -> Result<CaseId, Error> {
        let stream = self.conversations.stream(arrival.key.id()).map_err(bad_name)?;
        let meta = arrival.meta(self, JOINED)?;
        let fresh = arrival.case_id("case");
        let before = self.split_before(arrival, said).await?;
        let make = |known: &Aggregate<conversation::State>, at| {
            let known = known.state.conversation();
            let attached = known.and_then(|conversation| conversation.case);
            let (identity, reply_to) = (arrival.content.identity.as_ref(), arrival.content.reply_to.as_ref());
            let before = before.map(|case| known.map_or(case, |known| known.follower(case)));
            let case = before.or_else(|| known?.case_for(identity, reply_to)).unwrap_or(fresh);
            let mut steps = vec![
                arrival.start(arrival.key.clone()),
                conversation::Action::Join {
                    message: arrival.message.clone(),
                    direction: arrival.direction,
                    identity: arrival.content.identity.clone(),
                    sent_at: arrival.content.sent_at,
                },
            ];
            if attached.is_none() {
                steps.push(conversation::Action::Attach { case });
            } else if attached != Some(case) {
                let messages = [arrival.message.clone()].into();
                steps.push(conversation::Action::Split { messages, into: case });
            }
            Ok(commands(at, &meta.actor, steps))
        };
        let outcome = self.conversations.execute::<conversation::Error>(&stream, &meta, make).await?;
        self.reacted_to(outcome.position);
        if outcome.aggregate.first == outcome.position {
            self.roots_came_meanwhile(arrival, vec![arrival.key.clone()]).await?;
        }
        let known = |aggregate: &Aggregate<conversation::State>| {
            aggregate.state.conversation().and_then(|known| known.case_of(&arrival.message))
        };
        let case = if outcome.repeated {
            // The conversation may belong to another case by now: what counts is where the message went then.
            let follow_up = domain::ids::derive(arrival.entry.id, "follow_up");
            if outcome.aggregate.executed(follow_up).is_some() {
                Some(arrival.case_id("follow_up_case"))
            } else {
                known(&self.conversations.load_to::<conversation::Error>(&stream, outcome.position).await?)
            }
        } else {
            known(&outcome.aggregate)
        };
        case.ok_or_else(|| Error::Internal("a conversation that was just attached has no case".into()))
    }

    /// The case takes the message in, or says where else it belongs.
    async fn take_in(&self, arrival: &Arrival<'_>, id: CaseId) -> Result<Taken, Error> {
        let stream = self.stream(id)?;
        let present = self.cases.peek::<No>(&stream).await?;
        let opening = match present.state.case() {
            Some(_) => None,
            None => Some(self.opening(arrival, id).await?),
        };
        let region = opening.as_ref().map(|opening| opening.region.to_string());
        let meta = Meta { region, ..arrival.meta(self, "case")? };
        let policy = self.policies.current();
        let make = |aggregate: &Aggregate<case::State>, at| {
            let Some(case) = aggregate.state.case() else {
                // The state was there a moment ago, and streams do not shrink.
                let opening = opening.clone().ok_or(case::Error::Unknown)?;
                return Ok(commands(at, &meta.actor, arrival.open(opening)));
            };
            let rules = policy.rules(Some(&case.region), case.team.as_ref());
            Ok(commands(at, &meta.actor, vec![arrival.receive(&rules)]))
        };
        match self.cases.execute::<No>(&stream, &meta, make).await.map_err(Error::from) {
            Ok(outcome) => {
                self.reacted_to(outcome.position);
                Ok(Taken::In)
            }
            Err(Error::Refused { reason, message }) => {
                let now = self.cases.load::<No>(&stream).await?;
                match now.state.case() {
                    Some(case) if case.status == Status::Merged => case
                        .merged_into
                        .map(Taken::GoesOnIn)
                        .ok_or_else(|| Error::Internal("merged into nothing".into())),
                    Some(_) if matches!(reason, "CASE_CLOSED" | "REOPEN_WINDOW_OVER" | "CASE_FULL") => {
                        Ok(Taken::FollowUp)
                    }
                    _ => Err(Error::Refused { reason, message }),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The case that the conversation names for the message cannot take it any more, nor can the one in which that goes on:
    /// the conversation goes on in a new one.
    async fn follow_up_of(&self, arrival: &Arrival<'_>, of: CaseId) -> Result<CaseId, Error> {
        let stream = self.conversations.stream(arrival.key.id()).map_err(bad_name)?;
        let next = arrival.case_id("follow_up_case");
        let meta = arrival.meta(self, "follow_up")?;
        let named = |known: &Aggregate<conversation::State>| {
            known.state.conversation().and_then(|conversation| conversation.case_of(&arrival.message))
        };
        let make = |known: &Aggregate<conversation::State>, at| {
            // Another message may have been faster: then the conversation has its next case already.
            let first = named(known) == Some(of);
            let follow = first.then_some(conversation::Action::FollowUp { of, case: next });
            Ok(commands(at, &meta.actor, follow.into_iter().collect()))
        };
        let outcome = self.conversations.execute::<conversation::Error>(&stream, &meta, make).await?;
        self.reacted_to(outcome.position);
        if outcome.changed { Ok(next) } else { Ok(named(&outcome.aggregate).unwrap_or(next)) }
    }

    /// What a case is opened with that this message begins.
    async fn opening(&self, arrival: &Arrival<'_>, id: CaseId) -> Result<Opening, Error> {
        let content = &arrival.content;
        let account = self.account_of(arrival).await?;
        let opened = self.opened(arrival).await?;
        let title = title(&opened).map(|title| Personal::open(owner(id, content.identity.as_ref()), title));
        let closed = (id == arrival.case_id("follow_up_case")).then_some(());
        let stream = self.conversations.stream(arrival.key.id()).map_err(bad_name)?;
        let previous = match closed {
            Some(()) => self.previous_case(&stream, id).await?,
            None => None,
        };
        Ok(Opening {
            account: content.account.clone(),
            channel: content.channel.clone(),
            region: account.region.clone(),
            team: Some(account.team.clone()),
            conversation: Some(arrival.key.id()),
            identity: content.identity.clone(),
            title,
            language: content.language.clone(),
            priority: case::Priority::default(),
            category: None,
            fields: Default::default(),
            origin: match (previous, arrival.origin, arrival.direction) {
                (Some(of), ..) => case::Origin::FollowUp { of },
                (None, Origin::Import, _) => case::Origin::Import,
                (None, _, Direction::In) => case::Origin::Message { message: arrival.message.clone() },
                (None, _, Direction::Out) => case::Origin::Agent,
            },
        })
    }

    /// The account of a message: as the policy has it, or had it when the message was taken in. An account that was
    /// removed meanwhile gets no more messages, but those that it got still belong to somebody.
    async fn account_of(&self, arrival: &Arrival<'_>) -> Result<Account, Error> {
        let (id, policy) = (&arrival.content.account, self.policies.current());
        if let Some(account) = policy.state.set().account(id) {
            return Ok(account.clone());
        }
        if policy.version < arrival.policy_version {
            return Err(Error::Unavailable("the policy of the message is not in force here yet".into()));
        }
        let then = self.policies.as_of(|_, position| position <= arrival.policy_version).await?;
        let account = then.state.set().account(id).cloned();
        account.ok_or_else(|| {
            Error::refused("NO_ACCOUNT", "the policy of the message does not have its account")
        })
    }

    /// The case that was followed by `id` in a conversation, or in which that one goes on.
    async fn previous_case(&self, stream: &eventlog::StreamId, id: CaseId) -> Result<Option<CaseId>, Error> {
        use futures_util::TryStreamExt;
        let mut entries = self.shell.log.read(stream);
        while let Some(entry) = entries.try_next().await? {
            let envelope =
                Envelope::<conversation::Event>::of(&entry).map_err(service::transact::Error::<No>::from)?;
            for event in envelope.events {
                if let conversation::Event::FollowedUp { of, case, .. } = event
                    && case == id
                {
                    return self.goes_on(of).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The content of the message in plain text, as far as it can be opened.
    async fn opened(&self, arrival: &Arrival<'_>) -> Result<Content, Error> {
        let value =
            serde_json::to_value(&arrival.content).map_err(|error| Error::Internal(error.to_string()))?;
        // Sealed values are bound to their place: they are opened where they stand.
        let mut events =
            Envelope::<Value>::of(arrival.entry).map_err(service::transact::Error::<No>::from)?.events;
        let entry =
            Events { stream: arrival.entry.stream.as_str(), entry_id: arrival.entry.id, events: &mut events };
        let opened = self.shell.vault.open_many(&mut [entry]).await;
        opened.map_err(|error| Error::Unavailable(error.to_string()))?;
        let content = events
            .into_iter()
            .find_map(|mut event| event.get_mut("content").map(Value::take))
            .unwrap_or(value);
        serde_json::from_value(content).map_err(|error| Error::Internal(error.to_string()))
    }
}

enum Taken {
    In,
    GoesOnIn(CaseId),
    FollowUp,
}
