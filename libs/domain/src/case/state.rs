//! What the events of a case amount to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    status::{ContactStage, HoldKind, SilenceReason, Status},
    values::{Absorbed, Escalation, FieldValue, Inbound, Opening, Origin, Priority},
};
use crate::{
    actor,
    channel::Place,
    ids::{
        AccountId, ActorId, CaseId, CategoryId, ChannelKind, ChecklistItemId, ConversationId, FieldId,
        IdentityId, Language, MessageId, NoteId, PersonId, RegionId, ReplyId, StatusLabel, Tag, TeamId,
    },
    personal::Personal,
    time::Timestamp,
};

/// A case, if it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(pub(super) Option<Box<Case>>);

impl State {
    /// The case, if it was opened.
    pub fn case(&self) -> Option<&Case> {
        self.0.as_deref()
    }
}

/// A case that was opened.
///
/// It keeps ids, not texts, and what grows with the case is shared between copies, so that a copy for a decision is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Our account on which it began.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// What brought it about.
    pub origin: Origin,
    /// What it is about.
    pub title: Option<Personal>,
    /// The customer's language.
    pub language: Option<Language>,

    /// Where it stands.
    pub status: Status,
    /// The label above the status; while the case is merged or spam, above the one that it would go back to.
    pub label: Option<StatusLabel>,
    /// What it waits for, while it is on hold.
    pub hold: Option<Hold>,
    /// Until when it is out of sight.
    pub snoozed_until: Option<Timestamp>,
    /// The case in which it goes on, while it is merged.
    pub merged_into: Option<CaseId>,
    /// The status to which an unmerge leads back.
    pub(super) before_merge: Status,
    /// The status to which taking away the mark of spam leads back.
    pub(super) before_spam: Status,

    /// The region that works it.
    pub region: RegionId,
    /// The team that works it.
    pub team: Option<TeamId>,
    /// The person who is responsible.
    pub assignee: Option<PersonId>,
    /// Who was asked to help.
    pub escalation: Option<Escalation>,
    /// How soon.
    pub priority: Priority,
    /// What kind of question.
    pub category: Option<CategoryId>,
    /// Custom fields.
    pub fields: Arc<BTreeMap<FieldId, FieldValue>>,
    /// Its own tags; see [`tags`](Self::tags) for all.
    pub own_tags: BTreeSet<Tag>,

    /// Its own customer; see [`customer`](Self::customer).
    pub(super) own_customer: Option<IdentityId>,
    /// The merged case whose customer is this one's too, as long as it has none of its own.
    pub(super) customer_from: Option<CaseId>,
    /// Everybody who took part; see [`identities`](Self::identities) for all.
    pub own_identities: BTreeSet<IdentityId>,
    /// The conversation with which it was opened.
    pub(super) begun_in: Option<ConversationId>,
    /// Its own conversations; see [`conversations`](Self::conversations) for all.
    pub own_conversations: BTreeSet<ConversationId>,
    /// The customer's messages; those that were split off say to where, and count no more.
    pub messages: Arc<BTreeMap<MessageId, Received>>,
    /// The latest message that asks for an answer, in the order in which they joined.
    pub latest_message: Option<MessageId>,
    /// The replies.
    pub replies: Arc<BTreeMap<ReplyId, Reply>>,
    /// How many of the customer's messages were split off.
    pub(super) split_off: usize,
    /// What we sent, as the channels call it.
    pub outbound: Arc<BTreeSet<MessageId>>,
    /// The notes.
    pub notes: Arc<BTreeSet<NoteId>>,
    /// Where its own customer posted, and the closing post there if there is one; see [`places`](Self::places) for all.
    pub own_places: BTreeMap<Place, Option<ReplyId>>,
    /// The places that got no closing post when the case was resolved, until it is opened again.
    pub(super) waived: BTreeSet<Place>,
    /// The public conversations that went on in private ones.
    pub moves: BTreeMap<ConversationId, ConversationId>,
    /// How many events there were since it was opened.
    pub(super) events: usize,
    /// How many things joined: the ordinal of the last.
    pub(super) joined: u32,
    /// The ordinal up to which nobody waits any more, because the case was resolved.
    pub(super) settled: u32,
    /// The ordinal of the last case that was merged into this one.
    pub(super) absorbed_last: u32,
    /// What no person has answered, by the ordinal under which it joined.
    pub(super) unanswered: Arc<BTreeMap<u32, Waiting>>,
    /// When people answered elsewhere, of what was recorded here.
    pub(super) answered_elsewhere: Arc<BTreeSet<Timestamp>>,
    /// Since when there is something that a person is to respond to in this cycle, whether it waits or not.
    pub(super) asked_since: Option<Timestamp>,
    /// The ordinal up to which nothing is such a thing: an earlier cycle had it, or it is left unanswered on purpose.
    pub(super) asked_after: u32,

    /// Why the customer is left unanswered, until he writes again.
    pub silence: Option<SilenceReason>,
    /// How far we are with getting the customer's private contact.
    pub contact: ContactStage,
    /// The items of the closure checklist that are ticked, and by whom. Which items there are, the policy says.
    pub ticked: BTreeMap<ChecklistItemId, ActorId>,
    /// The cycle that runs, or ended last.
    pub cycle: Cycle,
    /// The first cycle, once there is a second.
    pub(super) past_first_cycle: Option<Cycle>,
    /// How often it was opened again.
    pub reopenings: u32,
    /// The cases that go on here, and what they brought.
    pub absorbed: BTreeMap<CaseId, Arc<Absorbed>>,
}

/// A hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// For whom it waits.
    pub kind: HoldKind,
    /// Until when, at most.
    pub until: Option<Timestamp>,
}

/// A customer's message in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it stands among what joined.
    pub ordinal: u32,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Where it was posted.
    pub place: Place,
    /// Who wrote it.
    pub identity: Option<IdentityId>,
    /// When the customer sent it.
    pub sent_at: Timestamp,
    /// Whether it asks for an answer.
    pub engageable: bool,
    /// Whether it was answered where it came from.
    pub(super) answered: bool,
    /// The case that it was split off to.
    pub split_into: Option<CaseId>,
    /// Whether nobody had answered it when it was split off.
    pub(super) left_unanswered: bool,
}

/// A reply in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What became of it.
    pub status: ReplyStatus,
    /// What kind of actor wrote it.
    pub author: actor::Kind,
    /// Where it goes.
    pub place: Place,
    /// Whether it is the closing post there.
    pub closing: bool,
    /// How many things had joined when it was released: what it answers.
    pub(super) answers_up_to: u32,
}

/// What became of a reply. Reports may come late and twice: it only ever moves down this list, but that what failed can be
/// tried again, and become unclear by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplyStatus {
    /// Delivery has it.
    Released,
    /// Nobody knows whether the channel took it.
    Unclear,
    /// Delivery gave up.
    Failed,
    /// The channel took it.
    Sent,
    /// The channel gave it back.
    Bounced,
}

impl ReplyStatus {
    /// Whether a report says something that is not known.
    pub(super) fn may_become(self, reported: Self) -> bool {
        self < reported || (self, reported) == (Self::Failed, Self::Unclear)
    }
}

/// A stretch of work that has its own first response and resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When a person's reply first answered the customer.
    pub first_response_at: Option<Timestamp>,
    /// When it was first resolved.
    pub first_resolved_at: Option<Timestamp>,
    /// When it was resolved for the last time; none while it is not.
    pub resolved_at: Option<Timestamp>,
}

/// A message that waits for an answer, or what waited in a case that was merged into this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub since: Timestamp,
    pub source: Option<CaseId>,
}

impl Case {
    pub(super) fn new(at: Timestamp, opening: &Opening) -> Self {
        Self {
            opened_at: at,
            account: opening.account.clone(),
            channel: opening.channel.clone(),
            origin: opening.origin.clone(),
            title: opening.title.clone(),
            language: opening.language.clone(),
            status: Status::New,
            label: None,
            hold: None,
            snoozed_until: None,
            merged_into: None,
            before_merge: Status::New,
            before_spam: Status::New,
            region: opening.region.clone(),
            team: opening.team.clone(),
            assignee: None,
            escalation: None,
            priority: opening.priority,
            category: opening.category.clone(),
            fields: Arc::new(opening.fields.clone()),
            own_tags: BTreeSet::new(),
            own_customer: opening.identity.clone(),
            customer_from: None,
            own_identities: opening.identity.iter().cloned().collect(),
            begun_in: opening.conversation,
            own_conversations: opening.conversation.into_iter().collect(),
            messages: Arc::default(),
            latest_message: None,
            split_off: 0,
            replies: Arc::default(),
            outbound: Arc::default(),
            notes: Arc::default(),
            own_places: BTreeMap::new(),
            waived: BTreeSet::new(),
            moves: BTreeMap::new(),
            events: 0,
            joined: 0,
            settled: 0,
            absorbed_last: 0,
            unanswered: Arc::default(),
            answered_elsewhere: Arc::default(),
            asked_since: None,
            asked_after: 0,
            silence: None,
            contact: ContactStage::NotNeeded,
            ticked: BTreeMap::new(),
            cycle: Cycle::new(1, at),
            past_first_cycle: None,
            reopenings: 0,
            absorbed: BTreeMap::new(),
        }
    }

    /// Its tags, with those of the cases that were merged into it.
    pub fn tags(&self) -> BTreeSet<&Tag> {
        self.own_tags.iter().chain(self.absorbed.values().flat_map(|source| &source.tags)).collect()
    }

    /// Everybody who took part, here and in the cases that were merged into it.
    pub fn identities(&self) -> BTreeSet<&IdentityId> {
        self.own_identities
            .iter()
            .chain(self.absorbed.values().flat_map(|source| &source.identities))
            .collect()
    }

    /// The customer's messages that were not split off.
    pub fn messages_here(&self) -> impl Iterator<Item = (&MessageId, &Received)> {
        self.messages.iter().filter(|(_, received)| received.split_into.is_none())
    }

    /// How many messages it has, the customer's and ours.
    pub fn message_count(&self) -> usize {
        (self.messages.len() + self.outbound.len()).saturating_sub(self.split_off)
    }

    /// Some of the customer's messages as another case takes them in, in the order in which they joined.
    pub fn inbound(&self, messages: &BTreeSet<MessageId>) -> Vec<Inbound> {
        let known = messages.iter().filter_map(|message| Some((message, self.messages.get(message)?)));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(_, received)| received.ordinal);
        known
            .into_iter()
            .map(|(message, received)| Inbound {
                message: message.clone(),
                conversation: received.conversation,
                place: received.place.clone(),
                identity: received.identity.clone(),
                sent_at: received.sent_at,
                answered: received.engageable && !self.is_unanswered(received),
                engageable: received.engageable,
            })
            .collect()
    }

    /// Since when the customer waits: when he sent the oldest message that nobody has answered.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.unanswered
            .iter()
            .filter(|(ordinal, _)| **ordinal > self.settled)
            .map(|(_, waiting)| waiting.since)
            .min()
    }

    /// When a person first answered in this cycle, here or in a case that was merged into it.
    pub fn first_response_at(&self) -> Option<Timestamp> {
        let absorbed = self.absorbed.values().filter_map(|source| source.first_response_at);
        self.cycle.first_response_at.into_iter().chain(absorbed).min()
    }

    /// When a person first answered the customer, here or in a case that was merged into it. What happens in later cycles
    /// does not change that.
    pub fn first_answered_at(&self) -> Option<Timestamp> {
        let own = self.first_cycle().first_response_at.or(self.cycle.first_response_at);
        let absorbed = self.absorbed.values().filter_map(|source| source.first_response_at);
        own.into_iter().chain(absorbed).min()
    }

    /// The first cycle.
    pub fn first_cycle(&self) -> &Cycle {
        self.past_first_cycle.as_ref().unwrap_or(&self.cycle)
    }

    /// What a case that this one is merged into takes over.
    pub fn brings(&self) -> Absorbed {
        Absorbed {
            tags: self.tags().into_iter().cloned().collect(),
            customer: self.customer().cloned(),
            identities: self.identities().into_iter().cloned().collect(),
            conversations: self.conversations(),
            moves: self.all_moves(),
            places: self.places_open().into_iter().cloned().collect(),
            waiting_since: self.waiting_since(),
            first_response_at: self.first_response_at(),
        }
    }
}

impl Case {
    /// Whether nobody has answered it, nor meant to leave it so. A resolution answers nothing: who splits a message off a
    /// resolved case says that there is something left to do.
    fn is_unanswered(&self, received: &Received) -> bool {
        match received.split_into {
            Some(_) => received.left_unanswered,
            None => self.unanswered.contains_key(&received.ordinal),
        }
    }
}

impl Received {
    /// Whether it asks for an answer here: one that was split off asks elsewhere.
    pub(super) const fn asks(&self) -> bool {
        self.engageable && self.split_into.is_none()
    }

    /// Its place in what was said: when it was sent, however late it joined.
    pub(super) const fn said(&self) -> (Timestamp, u32) {
        (self.sent_at, self.ordinal)
    }
}

impl Cycle {
    pub(super) const fn new(number: u32, at: Timestamp) -> Self {
        Self { number, started_at: at, first_response_at: None, first_resolved_at: None, resolved_at: None }
    }
}
