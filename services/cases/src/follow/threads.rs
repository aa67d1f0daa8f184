//! Which conversation a message of a thread belongs to, whatever the order in which the thread comes.
//!
//! Threads are found as by union-find, with a conversation for a node: the one whose root a message is, and the one of the
//! thread that the message says it is of. A message brings both together. The younger goes on in the older, for ever, so
//! that the way from any node to the conversation that takes messages gets no circle, and is the same for all who walk it.
//!
//! Two halves of a thread may each have a case before a late parent connects them. If nobody has worked on one of the
//! cases, it is merged into the other, as if the parent had come first; the customers may differ, as they may in any
//! thread. If somebody has worked on both, that is for people to decide: the younger is linked as a duplicate of the older,
//! each keeps its messages and its agent, and what comes from then on goes to the older one (to the younger, if the older
//! one is closed).

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    case::{self, Status},
    conversation::{self, Key},
    decider::Decider,
    ids::{CaseId, ConversationId, KeyedHash, MessageId, derive},
    links::{self, LinkKind},
    message,
};
use eventlog::{Category, Entry, Position, StreamId};
use futures_util::TryStreamExt;
use service::{
    Error,
    envelope::Envelope,
    transact::{self, Aggregate, Meta, Outcome},
};

use super::arrival::{Arrival, content_of};
use crate::{
    act::no::No,
    core::{Core, bad_name, commands},
};

/// The step of a message in which it joins its conversation.
pub const JOINED: &str = "conversation";
/// The step in which it lets a conversation go on in another.
const CONTINUED: &str = "continued";

type Known = Arc<Aggregate<conversation::State>>;

/// Where a way through a thread ends.
struct End {
    /// The conversation that takes the thread's messages.
    key: Key,
    /// What is known of it, if it has begun.
    known: Option<Known>,
    /// The conversations on the way that the message has begun without joining them: an earlier attempt may not have come
    /// further than this.
    begun: Vec<Key>,
}

/// The conversations that a walk has passed. No decision closes a circle; should the log hold one, the walk still ends.
#[derive(Default)]
pub struct Way(BTreeSet<ConversationId>);

impl Way {
    /// Goes on at a conversation.
    pub fn pass(&mut self, key: &Key) -> Result<(), Error> {
        let id = key.id();
        if self.0.insert(id) {
            return Ok(());
        }
        Err(Error::Internal(format!("the conversation {id} goes on in itself, by way of others")))
    }
}

/// How far a way through a thread is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// To where the message has joined, if it has: there it stays.
    Joined,
    /// To the end.
    End,
}

impl Core {
    /// The conversation that the message joins, once all that it connects is one.
    pub async fn conversation_of(&self, arrival: &Arrival<'_>) -> Result<Key, Error> {
        let Key::Thread { account, root } = &arrival.key else { return Ok(arrival.key.clone()) };
        let own = own_root(&arrival.message).filter(|own| own != root);
        let end = self.walk(arrival, arrival.key.clone(), Until::Joined).await?;
        let Some(own) = own else { return Ok(end.key) };
        let own = Key::Thread { account: account.clone(), root: own };
        // Answers to it have come first if there is a conversation of which it is the root. From the log: whoever opens one
        // looks for this message afterwards, so that one of the two sees the other.
        let known = self.conversations.load::<conversation::Error>(&self.of(&own)?).await?;
        if known.state.conversation().is_none() {
            return Ok(end.key);
        }
        let answers = self.walk(arrival, own, Until::Joined).await?;
        let begun = self.unite(arrival, end, answers).await?;
        self.roots_came_meanwhile(arrival, begun).await?;
        Ok(self.walk(arrival, arrival.key.clone(), Until::Joined).await?.key)
    }

    /// What a message has to look after that has begun conversations, by joining them or by letting them go on: their roots
    /// may have come while it did, and have found no conversation.
    pub async fn roots_came_meanwhile(&self, arrival: &Arrival<'_>, begun: Vec<Key>) -> Result<(), Error> {
        let (mut begun, mut looked_after) = (begun, BTreeSet::new());
        while let Some(key) = begun.pop() {
            if !looked_after.insert(key.clone()) {
                continue;
            }
            let Some(next) = self.thread_of_root(&key).await? else { continue };
            let here = self.walk(arrival, key, Until::End).await?;
            let there = self.walk(arrival, next, Until::End).await?;
            begun.extend(self.unite(arrival, here, there).await?);
        }
        Ok(())
    }

    /// The case of the message that this one answers, if that has joined an earlier conversation of the thread, and was
    /// split off there.
    pub async fn split_before(&self, arrival: &Arrival<'_>, said: &Key) -> Result<Option<CaseId>, Error> {
        let Some(answered) = &arrival.content.reply_to else { return Ok(None) };
        let (mut key, mut passed) = (said.clone(), BTreeSet::new());
        while key != arrival.key && passed.insert(key.clone()) {
            let known = self.conversations.peek::<conversation::Error>(&self.of(&key)?).await?;
            let next = match known.state.conversation() {
                Some(conversation) => match conversation.split_into(answered) {
                    Some(case) => return Ok(Some(case)),
                    None => conversation.continued_in.clone(),
                },
                None => self.thread_of_root(&key).await?,
            };
            let Some(next) = next else { return Ok(None) };
            key = next;
        }
        Ok(None)
    }

    /// What a message has to look after that is in its case: its conversation, or one that it has brought together with
    /// another, may have gone on in that while a case was not opened yet, when there was nothing to merge.
    pub async fn went_on_meanwhile(&self, arrival: &Arrival<'_>) -> Result<(), Error> {
        let mut gone_on = arrival.brought_together();
        let known = self.conversations.peek::<conversation::Error>(&self.of(&arrival.key)?).await?;
        if known.state.conversation().is_some_and(|known| known.continued_in.is_some()) {
            gone_on.insert(arrival.key.clone());
        }
        for younger in gone_on {
            self.open_older(&younger).await?;
            self.unite_cases(arrival, &younger).await?;
        }
        Ok(())
    }

    /// The case of the conversation in which another goes on is opened, if whoever is on the way to do that is not there
    /// yet. He does not know of the other one, and would not look after it.
    async fn open_older(&self, younger: &Key) -> Result<(), Error> {
        let Some((older, case)) = self.goes_on_in(younger).await? else { return Ok(()) };
        if self.opened_case(case).await?.is_some() {
            return Ok(());
        }
        let known = self.conversations.peek::<conversation::Error>(&self.of(&older)?).await?;
        let Some(conversation) = known.state.conversation() else { return Ok(()) };
        let opens = conversation.messages.keys().find(|message| conversation.case_of(message) == Some(case));
        let Some(message) = opens else { return Ok(()) };
        let Some(entry) = self.message_entry(message).await? else { return Ok(()) };
        match self.follow_at_once(&entry).await {
            Err(error @ (Error::Unavailable(_) | Error::Aborted { .. })) => Err(error),
            Err(error) => {
                // That message is set aside, and this one is not to wait for it.
                tracing::warn!(%error, entry = %entry.id, "the older half of a thread has no case");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// From a node to the conversation that takes its messages: along what goes on in another, and, where nothing has
    /// begun yet, along what the root itself was found to be of.
    async fn walk(&self, arrival: &Arrival<'_>, from: Key, until: Until) -> Result<End, Error> {
        let (joined, continued) =
            (arrival.meta(self, JOINED)?.command_id, arrival.meta(self, CONTINUED)?.command_id);
        let (mut key, mut way, mut unbegun, mut begun) = (from, Way::default(), Vec::new(), Vec::new());
        loop {
            let known = self.conversations.peek::<conversation::Error>(&self.of(&key)?).await?;
            if let Some(conversation) = known.state.conversation() {
                way.pass(&key)?;
                let stays = until == Until::Joined && known.executed(joined).is_some();
                let Some(next) = conversation.continued_in.clone().filter(|_| !stays) else {
                    return Ok(End { key, known: Some(known), begun });
                };
                if let Some(position) = known.executed(continued) {
                    // An earlier attempt may not have come further than this.
                    self.unite_cases(arrival, &key).await?;
                    begun.extend((position == known.first).then_some(key));
                }
                key = next;
                continue;
            }
            let Some(next) = self.thread_of_root(&key).await? else {
                return Ok(End { key, known: None, begun });
            };
            unbegun.push(key);
            if let Some(circle) = unbegun.iter().position(|passed| *passed == next) {
                // Replies in a circle that came at once share its smallest root.
                let smallest = unbegun.drain(circle..).min().unwrap_or(next);
                return Ok(End { key: smallest, known: None, begun });
            }
            key = next;
        }
    }

    /// Lets the younger of two conversations go on in the older; answers those that the message has begun with that, now or
    /// in an earlier attempt.
    async fn unite(&self, arrival: &Arrival<'_>, one: End, two: End) -> Result<Vec<Key>, Error> {
        let mut begun = [one.begun.as_slice(), &two.begun].concat();
        if one.key == two.key {
            return Ok(begun);
        }
        // What has not begun is younger than anything.
        let age = |end: &End| end.known.as_ref().map_or(Position(u64::MAX), |known| known.first);
        let (older, younger) = if age(&one) <= age(&two) { (one, two) } else { (two, one) };
        let (meta, since) = (arrival.meta(self, CONTINUED)?, age(&older));
        let make = |known: &Aggregate<conversation::State>, at| {
            // It may have begun since it was looked at, and before the other one: then two could go on in each other.
            if known.version > Position::NONE && known.first < since {
                let message = "the younger of two halves of a thread was found to be the older; try again";
                return Err(No::Other(Error::Aborted { reason: "CONTENTION", message: message.into() }));
            }
            let steps = vec![
                arrival.start(younger.key.clone()),
                conversation::Action::Continue { into: older.key.clone() },
            ];
            Ok(commands(at, &meta.actor, steps))
        };
        let stream = self.of(&younger.key)?;
        let outcome = self.conversations.execute::<No>(&stream, &meta, make).await?;
        self.reacted_to(outcome.position);
        self.unite_cases(arrival, &younger.key).await?;
        begun.extend((outcome.aggregate.first == outcome.position).then_some(younger.key));
        Ok(begun)
    }

    /// The cases of a conversation and of the one in which it goes on become one, or know of each other.
    async fn unite_cases(&self, arrival: &Arrival<'_>, younger: &Key) -> Result<(), Error> {
        arrival.brings_together(younger);
        let (Some(from), Some((older, to))) = (self.case_of(younger).await?, self.goes_on_in(younger).await?)
        else {
            return Ok(());
        };
        let (from, to) = (self.goes_on(from).await?, self.goes_on(to).await?);
        let (Some(young), Some(old)) = (self.opened_case(from).await?, self.opened_case(to).await?) else {
            // Who has brought them together looks again when he is in his case.
            return Ok(());
        };
        if from == to {
            return Ok(());
        }
        if !takes_messages(&old) && takes_messages(&young) {
            let meta = decided_once(arrival.meta(self, "attached")?, younger, "attached");
            let make =
                |_: &_, at| Ok(commands(at, &meta.actor, vec![conversation::Action::Attach { case: from }]));
            let older = self.of(&older)?;
            let outcome = self.conversations.execute::<conversation::Error>(&older, &meta, make).await?;
            self.reacted_to(outcome.position);
        }
        let merged = if untouched(&young) && takes_messages(&old) {
            self.link_cases(arrival, younger, "merged", merge(from, &young, to)).await?
        } else if untouched(&old) && takes_messages(&young) {
            self.link_cases(arrival, younger, "merged", merge(to, &old, from)).await?
        } else {
            false
        };
        if !merged {
            let link = links::Action::Link { kind: LinkKind::DuplicateOf, from, to };
            self.link_cases(arrival, younger, "linked", link).await?;
        }
        Ok(())
    }

    /// Decides about two cases and lets both follow; `false` if the rules say no.
    async fn link_cases(
        &self,
        arrival: &Arrival<'_>,
        younger: &Key,
        step: &str,
        action: links::Action,
    ) -> Result<bool, Error> {
        let meta = decided_once(arrival.meta(self, step)?, younger, step);
        let make = |_: &_, at| Ok(commands(at, &meta.actor, vec![action]));
        match self.links.execute::<links::Error>(&self.links_stream()?, &meta, make).await {
            Ok(Outcome { position, changed, entry, .. }) => {
                if changed {
                    self.follow_links_entry(position, entry).await?;
                }
                self.reacted_to(position);
                Ok(true)
            }
            Err(transact::Error::Refused(refusal)) => {
                tracing::warn!(%refusal, entry = %arrival.entry.id, "two halves of a thread stay two cases");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The conversation that a conversation at last goes on in, and its case.
    async fn goes_on_in(&self, key: &Key) -> Result<Option<(Key, CaseId)>, Error> {
        let (mut key, mut way) = (key.clone(), Way::default());
        loop {
            way.pass(&key)?;
            let known = self.conversations.peek::<conversation::Error>(&self.of(&key)?).await?;
            let Some(conversation) = known.state.conversation() else { return Ok(None) };
            match &conversation.continued_in {
                Some(next) => key = next.clone(),
                None => return Ok(conversation.case.map(|case| (key, case))),
            }
        }
    }

    /// The case to which a conversation belongs.
    pub async fn case_of(&self, key: &Key) -> Result<Option<CaseId>, Error> {
        let known = self.conversations.peek::<conversation::Error>(&self.of(key)?).await?;
        Ok(known.state.conversation().and_then(|conversation| conversation.case))
    }

    /// A case out of the log, if it was opened.
    pub async fn opened_case(&self, id: CaseId) -> Result<Option<case::Case>, Error> {
        Ok(self.cases.load::<No>(&self.stream(id)?).await?.state.case().cloned())
    }

    /// The thread that the message of a node was found to be of, if the message has come and is not the root itself.
    async fn thread_of_root(&self, key: &Key) -> Result<Option<Key>, Error> {
        let Key::Thread { account, root: node } = key else { return Ok(None) };
        let Some(first) = self.message_entry(&MessageId::of(account, node)).await? else { return Ok(None) };
        // A message that cannot be read yet is to its answers as if it had not come.
        let Ok(envelope) = Envelope::<message::Event>::of(&first) else { return Ok(None) };
        let content = envelope.events.into_iter().find_map(content_of);
        let root = content.and_then(|(_, content)| content.thread).filter(|root| root != node);
        Ok(root.map(|root| Key::Thread { account: account.clone(), root }))
    }

    /// The entry with which a message came.
    async fn message_entry(&self, message: &MessageId) -> Result<Option<Entry>, Error> {
        let category = Category::new(message::State::CATEGORY).map_err(bad_name)?;
        let stream = StreamId::new(&category, message).map_err(bad_name)?;
        Ok(self.shell.log.read(&stream).try_next().await?)
    }

    fn of(&self, key: &Key) -> Result<StreamId, Error> {
        self.conversations.stream(key.id()).map_err(bad_name)
    }
}

/// The node of a message: threads are called after messages.
fn own_root(message: &MessageId) -> Option<KeyedHash> {
    message.as_str().rsplit_once('-').and_then(|(_, hash)| hash.parse().ok())
}

/// A conversation goes on in another once: so is what follows for the cases, whichever message finds it. What people make
/// of it afterwards, an unmerge perhaps, is not undone.
fn decided_once(meta: Meta, younger: &Key, step: &str) -> Meta {
    Meta { command_id: derive(younger.id().0, step), ..meta }
}

/// Nobody has taken it up: neither a person nor a rule that gave it to one.
fn untouched(case: &case::Case) -> bool {
    case.status == Status::New
        && case.assignee.is_none()
        && case.escalation.is_none()
        && case.replies.is_empty()
        && case.notes.is_empty()
}

/// Whether it still takes messages, or would with the next one.
fn takes_messages(case: &case::Case) -> bool {
    match case.status {
        Status::New | Status::Open | Status::Pending | Status::OnHold | Status::Resolved => true,
        Status::Closed | Status::Merged | Status::Spam => false,
    }
}

fn merge(source: CaseId, case: &case::Case, target: CaseId) -> links::Action {
    links::Action::Merge {
        source,
        source_closed: false,
        target,
        target_closed: false,
        // A thread may be of several customers, and is one case all the same.
        same_customer: true,
        confirmed: true,
        brings: case.brings().count(),
    }
}
