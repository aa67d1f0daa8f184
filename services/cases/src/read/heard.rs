//! What an event of a case lets be heard: words, and messages that come and go.

use std::collections::BTreeSet;

use domain::{
    actor::Actor,
    case::{Event, Extras},
    channel::Place,
    ids::{ConversationId, MessageId, NoteId, PersonId, ReplyId},
    personal::Personal,
    time::Timestamp,
};

/// What is heard of an event.
pub enum Heard<'a> {
    /// Nothing: it is in the history.
    Nothing,
    /// What the case is about.
    Title(&'a Personal),
    /// A message joined; its words are in its own stream.
    Joined { message: &'a MessageId, conversation: ConversationId },
    /// Messages went to another case.
    SplitOff(&'a BTreeSet<MessageId>),
    /// We answered.
    Reply {
        at: Timestamp,
        by: &'a Actor,
        reply: ReplyId,
        conversation: ConversationId,
        place: &'a Place,
        text: &'a Personal,
        extras: &'a Extras,
    },
    /// Somebody noted something.
    Note { at: Timestamp, by: &'a Actor, note: NoteId, text: &'a Personal, mentions: &'a BTreeSet<PersonId> },
}

/// What is heard of `event`.
pub fn heard(event: &Event) -> Heard<'_> {
    match event {
        Event::Opened { opening, .. } => opening.title.as_ref().map_or(Heard::Nothing, Heard::Title),
        Event::Retitled { title, .. } => Heard::Title(title),
        Event::CustomerMessageReceived { message, .. } => {
            Heard::Joined { message: &message.message, conversation: message.conversation }
        }
        Event::OutboundRecorded { message, conversation, .. } => {
            Heard::Joined { message, conversation: *conversation }
        }
        Event::SplitOff { messages, .. } => Heard::SplitOff(messages),
        Event::ReplyReleased { at, by, reply, conversation, place, text, extras, .. } => {
            Heard::Reply { at: *at, by, reply: *reply, conversation: *conversation, place, text, extras }
        }
        Event::Noted { at, by, note, text, mentions } => {
            Heard::Note { at: *at, by, note: *note, text, mentions }
        }
        Event::LanguageSet { .. }
        | Event::ReplySent { .. }
        | Event::ReplyUnclear { .. }
        | Event::ReplyFailed { .. }
        | Event::ReplyBounced { .. }
        | Event::Tagged { .. }
        | Event::Untagged { .. }
        | Event::Prioritised { .. }
        | Event::Categorised { .. }
        | Event::FieldsChanged { .. }
        | Event::Labelled { .. }
        | Event::Started { .. }
        | Event::Assigned { .. }
        | Event::Unassigned { .. }
        | Event::Transferred { .. }
        | Event::Escalated { .. }
        | Event::Pended { .. }
        | Event::Held { .. }
        | Event::Resumed { .. }
        | Event::Snoozed { .. }
        | Event::Woken { .. }
        | Event::Resolved { .. }
        | Event::Reopened { .. }
        | Event::Closed { .. }
        | Event::MarkedSpam { .. }
        | Event::UnmarkedSpam { .. }
        | Event::SilenceChosen { .. }
        | Event::ConversationMoved { .. }
        | Event::ContactAdvanced { .. }
        | Event::ChecklistSet { .. }
        | Event::ChecklistItemTicked { .. }
        | Event::ChecklistItemUnticked { .. }
        | Event::Merged { .. }
        | Event::Unmerged { .. }
        | Event::SourceAbsorbed { .. }
        | Event::SourceReleased { .. } => Heard::Nothing,
    }
}
