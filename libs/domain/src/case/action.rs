//! What may be asked of a case.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    status::{ContactStage, HoldKind, SilenceReason, Status},
    values::{
        Absorbed, CycleRule, Escalation, Extras, FieldValue, Guards, Inbound, Opening, Priority,
        ReplyOutcome, Waiver,
    },
};
use crate::{
    actor::Kind,
    channel::Place,
    decider,
    ids::{
        CaseId, CategoryId, ChecklistItemId, ConversationId, FieldId, Language, MessageId, NoteId, PersonId,
        ReasonCode, RegionId, ReplyId, StatusLabel, Tag, TeamId,
    },
    personal::Personal,
    time::Timestamp,
};

/// An action on a case, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be asked of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begins a case.
    Open {
        /// What it is opened with.
        opening: Box<Opening>,
        /// The messages that it begins with: the customer's first, those split off, none if we write first.
        messages: Vec<Inbound>,
    },
    /// Changes the title. Sealed text cannot be compared: each time is an event.
    Retitle {
        /// The title.
        title: Personal,
    },
    /// Says which language the customer speaks.
    SetLanguage {
        /// The language.
        language: Language,
    },

    /// A customer's message joins.
    ReceiveMessage {
        /// The message.
        message: Inbound,
        /// How long after it was resolved a message reopens the case, from the policy.
        reopen_window_s: i64,
        /// What a reopening does to the cycle, from the policy.
        cycle_rule: CycleRule,
    },
    /// Something that we sent elsewhere (in the channel's own tool, before an import) joins.
    RecordOutbound {
        /// The message.
        message: MessageId,
        /// Its conversation.
        conversation: ConversationId,
        /// Where it was posted.
        place: Place,
        /// When.
        sent_at: Timestamp,
        /// What kind of actor wrote it: a person's counts as a response.
        author: Kind,
    },
    /// Releases a reply to the customer: from now on it will be delivered.
    Reply {
        /// The reply.
        reply: ReplyId,
        /// The conversation in which it goes out.
        conversation: ConversationId,
        /// Where it goes.
        place: Place,
        /// What it says; of a template, what it will look like.
        text: Personal,
        /// What it is besides that.
        extras: Box<Extras>,
        /// The message that it answers, where the channel shows that.
        in_reply_to: Option<MessageId>,
        /// Whether it is the closing post at its place.
        closing: bool,
        /// The latest customer's message that its author had seen. `None` makes no claim, and is not checked.
        seen: Option<MessageId>,
        /// Whether to send it though the customer has written since; this is recorded.
        override_stale: bool,
    },
    /// Delivery says what became of a reply. Taken in every status: the reply is out.
    ReportReply {
        /// The reply.
        reply: ReplyId,
        /// What became of it.
        outcome: ReplyOutcome,
    },
    /// Adds an internal note.
    Note {
        /// The note.
        note: NoteId,
        /// What it says.
        text: Personal,
        /// Who is told.
        mentions: BTreeSet<PersonId>,
    },

    /// Adds tags.
    Tag {
        /// The tags.
        tags: BTreeSet<Tag>,
    },
    /// Removes tags.
    Untag {
        /// The tags.
        tags: BTreeSet<Tag>,
    },
    /// Says how soon.
    Prioritise {
        /// How soon.
        priority: Priority,
    },
    /// Says what kind of question it is.
    Categorise {
        /// The category; `None` removes it.
        category: Option<CategoryId>,
    },
    /// Sets custom fields. A personal value cannot be compared: each time is an event.
    SetFields {
        /// The values; `None` removes one.
        fields: BTreeMap<FieldId, Option<FieldValue>>,
    },
    /// Sets the label above the present status.
    Label {
        /// The label; `None` removes it.
        label: Option<StatusLabel>,
        /// The status that the policy puts the label above.
        status: Status,
    },

    /// Makes a person responsible.
    Assign {
        /// The person.
        person: PersonId,
        /// The person's team, if the case is to change to it.
        team: Option<TeamId>,
    },
    /// Makes nobody responsible.
    Unassign,
    /// Gives the case to another team, where nobody is responsible yet.
    Transfer {
        /// The team.
        team: TeamId,
        /// The region, if it changes.
        region: Option<RegionId>,
        /// Why.
        reason: Personal,
    },
    /// Asks for help from above.
    Escalate {
        /// From whom.
        to: Escalation,
        /// Why.
        reason: Personal,
    },

    /// Waits for the customer.
    Pend,
    /// Waits for somebody else.
    Hold {
        /// For whom.
        kind: HoldKind,
        /// Why.
        reason: Personal,
        /// Until when, at most.
        until: Option<Timestamp>,
    },
    /// Works a waiting case again.
    Resume {
        /// The end of the hold, if a timer asks; one that is no longer meant is ignored.
        deadline: Option<Timestamp>,
    },
    /// Puts the case out of sight for a time.
    Snooze {
        /// Until when.
        until: Timestamp,
    },
    /// Puts it back in sight.
    Wake {
        /// The end of the snooze, if a timer asks; one that is no longer meant is ignored.
        deadline: Option<Timestamp>,
    },

    /// Says that the question is answered.
    Resolve {
        /// How it ended, from the policy's list.
        resolution: Option<ReasonCode>,
        /// The places that get no closing post.
        waivers: Vec<Waiver>,
        /// What the policy asks for.
        guards: Guards,
    },
    /// Works a resolved case again.
    Reopen {
        /// How long after it was resolved that is possible, from the policy.
        window_s: i64,
        /// What it does to the cycle, from the policy.
        cycle_rule: CycleRule,
    },
    /// Closes a resolved case for good.
    Close,
    /// Says that the case is not worth an answer.
    MarkSpam,
    /// Takes that back: the case stands where it stood.
    UnmarkSpam,
    /// Leaves the customer unanswered on purpose: counts as answered, until he writes again.
    ChooseSilence {
        /// Why.
        reason: SilenceReason,
        /// Why, in words.
        note: Option<Personal>,
    },

    /// Goes on in private with what began in public; the case and its clocks stay.
    MoveConversation {
        /// The public conversation.
        from_conversation: ConversationId,
        /// The public place.
        from: Place,
        /// The private conversation.
        to_conversation: ConversationId,
        /// The private place.
        to: Place,
        /// Whether the private conversation is one with the case's customer, and with nobody else.
        with_customer: bool,
        /// The public reply that says so.
        ack: Option<ReplyId>,
    },
    /// Says how far we are with getting the customer's private contact.
    AdvanceContact {
        /// How far.
        stage: ContactStage,
    },
    /// Ticks an item of the closure checklist.
    Tick {
        /// The item.
        item: ChecklistItemId,
        /// The items that there are where the case stands, from the policy.
        checklist: BTreeSet<ChecklistItemId>,
    },
    /// Takes a tick back, even of an item that is on no checklist any more.
    Untick {
        /// The item.
        item: ChecklistItemId,
    },

    /// Gives messages to a new case. The history keeps them here; the case counts them no more.
    SplitOff {
        /// The messages.
        messages: BTreeSet<MessageId>,
        /// The new case: an id that is used for nothing else.
        into: CaseId,
        /// What the new case is about.
        title: Option<Personal>,
    },
    /// Follows a merge: the case goes on in another. Decided in [`links`](crate::links); taken in every status.
    MarkMerged {
        /// The other case.
        into: CaseId,
    },
    /// Follows an unmerge: the case stands where it stood. Taken in every status.
    Restore,
    /// Follows a merge: another case goes on here. Taken in every status.
    Absorb {
        /// The other case.
        source: CaseId,
        /// What it brings.
        brings: Box<Absorbed>,
    },
    /// Follows an unmerge: the other case goes its own way again. Taken in every status.
    Release {
        /// The other case.
        source: CaseId,
    },
}
