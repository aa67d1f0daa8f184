//! What happened to a case, as it is stored.
//!
//! Every change of status is an event of its own, and every event says what a reader needs who sees nothing else: whom the
//! case was taken from, which status it left.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    status::{ContactStage, HoldKind, ReopenCause, ResumeCause, SilenceReason, Status, WakeCause},
    values::{Absorbed, ChecklistItem, Escalation, Extras, FieldValue, Inbound, Opening, Priority, Waiver},
};
use crate::{
    actor::{self, Actor},
    channel::Place,
    ids::{
        CaseId, CategoryId, ChecklistItemId, ConversationId, FieldId, Language, MessageId, NoteId, PersonId,
        ReasonCode, RegionId, ReplyId, StatusLabel, Tag, TeamId,
    },
    personal::Personal,
    stored::Fields,
    time::Timestamp,
};

/// What happened to a case. `at` is when it occurred.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// The case began, new.
    #[serde(rename = "case.opened")]
    Opened {
        /// When.
        at: Timestamp,
        /// Who opened it.
        by: Actor,
        /// What it was opened with.
        opening: Box<Opening>,
    },
    /// The title changed.
    #[serde(rename = "case.retitled")]
    Retitled {
        /// When.
        at: Timestamp,
        /// The title.
        title: Personal,
    },
    /// The customer's language became known.
    #[serde(rename = "case.language_set")]
    LanguageSet {
        /// When.
        at: Timestamp,
        /// The language.
        language: Language,
    },

    /// A customer's message joined.
    #[serde(rename = "case.customer_message_received")]
    CustomerMessageReceived {
        /// When.
        at: Timestamp,
        /// The message.
        message: Inbound,
    },
    /// Something that we sent elsewhere joined.
    #[serde(rename = "case.outbound_recorded")]
    OutboundRecorded {
        /// When.
        at: Timestamp,
        /// The message.
        message: MessageId,
        /// Its conversation.
        conversation: ConversationId,
        /// Where it was posted.
        place: Place,
        /// When it was sent.
        sent_at: Timestamp,
        /// What kind of actor wrote it.
        author: actor::Kind,
    },
    /// A reply was released: delivery sends it.
    #[serde(rename = "case.reply_released")]
    ReplyReleased {
        /// When.
        at: Timestamp,
        /// Who wrote it.
        by: Actor,
        /// The reply.
        reply: ReplyId,
        /// The conversation in which it goes out.
        conversation: ConversationId,
        /// Where it goes.
        place: Place,
        /// What it says; of a template, what it was to look like.
        text: Personal,
        /// What it is besides that.
        #[serde(default, skip_serializing_if = "is_none")]
        extras: Box<Extras>,
        /// The message that it answers, where the channel shows that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_reply_to: Option<MessageId>,
        /// Whether it is the closing post at its place.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        closing: bool,
        /// The latest customer's message that its author said to have seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<MessageId>,
        /// Whether its author sent it though the customer had written since.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stale_overridden: bool,
    },
    /// The channel took a reply. A person's counts as a response from this instant.
    #[serde(rename = "case.reply_sent")]
    ReplySent {
        /// When.
        at: Timestamp,
        /// The reply.
        reply: ReplyId,
        /// What kind of actor wrote it.
        author: actor::Kind,
        /// What the channel calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// Nobody knows whether the channel took a reply.
    #[serde(rename = "case.reply_unclear")]
    ReplyUnclear {
        /// When.
        at: Timestamp,
        /// The reply.
        reply: ReplyId,
        /// Why.
        reason: ReasonCode,
    },
    /// A reply could not be sent.
    #[serde(rename = "case.reply_failed")]
    ReplyFailed {
        /// When.
        at: Timestamp,
        /// The reply.
        reply: ReplyId,
        /// Why.
        reason: ReasonCode,
    },
    /// A reply that the channel had taken came back.
    #[serde(rename = "case.reply_bounced")]
    ReplyBounced {
        /// When.
        at: Timestamp,
        /// The reply.
        reply: ReplyId,
        /// Why.
        reason: ReasonCode,
    },
    /// An internal note was added.
    #[serde(rename = "case.noted")]
    Noted {
        /// When.
        at: Timestamp,
        /// Who wrote it.
        by: Actor,
        /// The note.
        note: NoteId,
        /// What it says.
        text: Personal,
        /// Who is told.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        mentions: BTreeSet<PersonId>,
    },

    /// Tags were added.
    #[serde(rename = "case.tagged")]
    Tagged {
        /// When.
        at: Timestamp,
        /// Those that were not there.
        tags: BTreeSet<Tag>,
    },
    /// Tags were removed.
    #[serde(rename = "case.untagged")]
    Untagged {
        /// When.
        at: Timestamp,
        /// Those that were there.
        tags: BTreeSet<Tag>,
    },
    /// The priority changed.
    #[serde(rename = "case.prioritised")]
    Prioritised {
        /// When.
        at: Timestamp,
        /// From.
        from: Priority,
        /// To.
        to: Priority,
    },
    /// The category changed.
    #[serde(rename = "case.categorised")]
    Categorised {
        /// When.
        at: Timestamp,
        /// From.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<CategoryId>,
        /// To.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<CategoryId>,
    },
    /// Custom fields changed.
    #[serde(rename = "case.fields_changed")]
    FieldsChanged {
        /// When.
        at: Timestamp,
        /// Those that changed; `null` is one that was removed.
        fields: BTreeMap<FieldId, Option<FieldValue>>,
    },
    /// The label above the status changed.
    #[serde(rename = "case.labelled")]
    Labelled {
        /// When.
        at: Timestamp,
        /// The label.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<StatusLabel>,
    },

    /// Somebody began: new became open.
    #[serde(rename = "case.started")]
    Started {
        /// When.
        at: Timestamp,
    },
    /// A person became responsible.
    #[serde(rename = "case.assigned")]
    Assigned {
        /// When.
        at: Timestamp,
        /// Who assigned.
        by: Actor,
        /// The person.
        person: PersonId,
        /// The case's team from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
        /// Who was responsible before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<PersonId>,
    },
    /// Nobody is responsible any more.
    #[serde(rename = "case.unassigned")]
    Unassigned {
        /// When.
        at: Timestamp,
        /// Who was responsible.
        previous: PersonId,
    },
    /// Another team works it.
    #[serde(rename = "case.transferred")]
    Transferred {
        /// When.
        at: Timestamp,
        /// Who transferred it.
        by: Actor,
        /// The team before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_team: Option<TeamId>,
        /// The region before.
        from_region: RegionId,
        /// The team.
        team: TeamId,
        /// The region.
        region: RegionId,
        /// Who was responsible.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<PersonId>,
        /// Why.
        reason: Personal,
    },
    /// Help from above was asked for.
    #[serde(rename = "case.escalated")]
    Escalated {
        /// When.
        at: Timestamp,
        /// Who asked.
        by: Actor,
        /// From whom.
        to: Escalation,
        /// Why.
        reason: Personal,
    },

    /// We wait for the customer.
    #[serde(rename = "case.pended")]
    Pended {
        /// When.
        at: Timestamp,
    },
    /// We wait for somebody else.
    #[serde(rename = "case.held")]
    Held {
        /// When.
        at: Timestamp,
        /// For whom.
        kind: HoldKind,
        /// Why.
        reason: Personal,
        /// Until when, at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// We wait no more: pending or on hold became open.
    #[serde(rename = "case.resumed")]
    Resumed {
        /// When.
        at: Timestamp,
        /// Why.
        cause: ResumeCause,
        /// The status that it left.
        from: Status,
    },
    /// The case is out of sight for a time.
    #[serde(rename = "case.snoozed")]
    Snoozed {
        /// When.
        at: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// It is in sight again.
    #[serde(rename = "case.woken")]
    Woken {
        /// When.
        at: Timestamp,
        /// Why.
        cause: WakeCause,
    },

    /// We believe that the question is answered.
    #[serde(rename = "case.resolved")]
    Resolved {
        /// When.
        at: Timestamp,
        /// Who resolved it.
        by: Actor,
        /// The cycle that it ends.
        cycle: u32,
        /// The status that it left.
        from: Status,
        /// Who was responsible.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assignee: Option<PersonId>,
        /// How it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resolution: Option<ReasonCode>,
        /// The places that got no closing post.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waivers: Vec<Waiver>,
    },
    /// It is open again.
    #[serde(rename = "case.reopened")]
    Reopened {
        /// When.
        at: Timestamp,
        /// Why.
        cause: ReopenCause,
        /// The cycle that goes on, or the new one.
        cycle: u32,
    },
    /// It is closed for good.
    #[serde(rename = "case.closed")]
    Closed {
        /// When.
        at: Timestamp,
    },
    /// It is not worth an answer.
    #[serde(rename = "case.marked_spam")]
    MarkedSpam {
        /// When.
        at: Timestamp,
        /// The status that it left.
        from: Status,
    },
    /// It was worth one after all.
    #[serde(rename = "case.unmarked_spam")]
    UnmarkedSpam {
        /// When.
        at: Timestamp,
        /// The status that it went back to.
        to: Status,
    },
    /// The customer is left unanswered on purpose.
    #[serde(rename = "case.silence_chosen")]
    SilenceChosen {
        /// When.
        at: Timestamp,
        /// Who chose.
        by: Actor,
        /// Why.
        reason: SilenceReason,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Personal>,
    },

    /// What began in public goes on in private.
    #[serde(rename = "case.conversation_moved")]
    ConversationMoved {
        /// When.
        at: Timestamp,
        /// The public conversation.
        from_conversation: ConversationId,
        /// The public place.
        from: Place,
        /// The private conversation.
        to_conversation: ConversationId,
        /// The private place.
        to: Place,
        /// The public reply that says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ack: Option<ReplyId>,
    },
    /// We are further with getting the customer's private contact.
    #[serde(rename = "case.contact_advanced")]
    ContactAdvanced {
        /// When.
        at: Timestamp,
        /// From.
        from: ContactStage,
        /// To.
        to: ContactStage,
    },
    /// It was laid down what must be done before the case is resolved. Written by nobody any more, and without effect: the
    /// policy in force at a decision says what it asks for.
    #[serde(rename = "case.checklist_set")]
    ChecklistSet {
        /// When.
        at: Timestamp,
        /// The items.
        items: Vec<ChecklistItem>,
    },
    /// An item was ticked.
    #[serde(rename = "case.checklist_item_ticked")]
    ChecklistItemTicked {
        /// When.
        at: Timestamp,
        /// Who ticked it.
        by: Actor,
        /// The item.
        item: ChecklistItemId,
    },
    /// A tick was taken back.
    #[serde(rename = "case.checklist_item_unticked")]
    ChecklistItemUnticked {
        /// When.
        at: Timestamp,
        /// Who took it back.
        by: Actor,
        /// The item.
        item: ChecklistItemId,
    },

    /// Messages were given to a new case, which is opened from what is said here and in the entries before.
    #[serde(rename = "case.split_off")]
    SplitOff {
        /// When.
        at: Timestamp,
        /// Who split them off.
        by: Actor,
        /// The messages.
        messages: BTreeSet<MessageId>,
        /// The new case.
        into: CaseId,
        /// What the new case is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Personal>,
    },
    /// It goes on in another case.
    #[serde(rename = "case.merged")]
    Merged {
        /// When.
        at: Timestamp,
        /// The other case.
        into: CaseId,
        /// The status that it left.
        from: Status,
    },
    /// It goes its own way again.
    #[serde(rename = "case.unmerged")]
    Unmerged {
        /// When.
        at: Timestamp,
        /// The status that it went back to.
        to: Status,
    },
    /// Another case goes on here.
    #[serde(rename = "case.source_absorbed")]
    SourceAbsorbed {
        /// When.
        at: Timestamp,
        /// The other case.
        source: CaseId,
        /// What it brought.
        brings: Box<Absorbed>,
    },
    /// The other case goes its own way again.
    #[serde(rename = "case.source_released")]
    SourceReleased {
        /// When.
        at: Timestamp,
        /// The other case.
        source: CaseId,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "case.opened",
        "case.retitled",
        "case.language_set",
        "case.customer_message_received",
        "case.outbound_recorded",
        "case.reply_released",
        "case.reply_sent",
        "case.reply_unclear",
        "case.reply_failed",
        "case.reply_bounced",
        "case.noted",
        "case.tagged",
        "case.untagged",
        "case.prioritised",
        "case.categorised",
        "case.fields_changed",
        "case.labelled",
        "case.started",
        "case.assigned",
        "case.unassigned",
        "case.transferred",
        "case.escalated",
        "case.pended",
        "case.held",
        "case.resumed",
        "case.snoozed",
        "case.woken",
        "case.resolved",
        "case.reopened",
        "case.closed",
        "case.marked_spam",
        "case.unmarked_spam",
        "case.silence_chosen",
        "case.conversation_moved",
        "case.contact_advanced",
        "case.checklist_set",
        "case.checklist_item_ticked",
        "case.checklist_item_unticked",
        "case.split_off",
        "case.merged",
        "case.unmerged",
        "case.source_absorbed",
        "case.source_released",
    ]
);

#[expect(clippy::borrowed_box, reason = "serde passes a reference to the field")]
const fn is_none(extras: &Box<Extras>) -> bool {
    extras.is_none()
}

/// Every event of a case still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
