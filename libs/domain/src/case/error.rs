//! Why a case refuses.

use std::{collections::BTreeSet, fmt};

use super::status::{ContactStage, Status};
use crate::{
    channel::Place,
    ids::{CaseId, ChecklistItemId, FieldId, MessageId, StatusLabel},
};

/// Why a case refuses. The texts say what and what to do about it, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such case.
    #[error("there is no such case: open it first")]
    Unknown,
    /// It was opened already, for another reason.
    #[error("the case is open already, for another reason: take a new id")]
    AlreadyOpen,
    /// It is closed for good.
    #[error("the case is closed: open a follow-up case")]
    Closed,
    /// It goes on in another case.
    #[error("the case was merged: go on in case {into}, or unmerge it first")]
    Merged {
        /// The other case.
        into: CaseId,
    },
    /// It is spam.
    #[error("the case is marked as spam: take the mark away first")]
    Spam,
    /// It is resolved.
    #[error("the case is resolved: reopen it first")]
    Resolved,
    /// It is not resolved.
    #[error("the case is {status}: resolve it first")]
    NotResolved {
        /// Where it stands.
        status: Status,
    },
    /// It was resolved too long ago.
    #[error("the case was resolved more than {window_s} s ago: open a follow-up case")]
    ReopenWindowOver {
        /// The policy's window.
        window_s: i64,
    },
    /// It has as much of something as a case may have.
    #[error("the case has {max} {what}, the most there may be: resolve it, and open a follow-up case")]
    Full {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
    /// The customer wrote after the reply's author had last looked.
    #[error("the customer has written since: read message {latest}, then send again or override")]
    StaleReply {
        /// The customer's latest message.
        latest: MessageId,
    },
    /// The reply says nothing.
    #[error("text: a reply says something: write a text, attach a file or name a template")]
    EmptyReply,
    /// The policy wants these fields before a case is resolved.
    #[error("fields are missing: set {}, then resolve", list(fields))]
    RequiredFieldsMissing {
        /// The fields.
        fields: BTreeSet<FieldId>,
    },
    /// The policy wants a category before a case is resolved.
    #[error("the category is missing: set it, then resolve")]
    CategoryMissing,
    /// The policy wants somebody responsible before a case is resolved.
    #[error("nobody is responsible: assign the case, then resolve")]
    AssigneeMissing,
    /// Items of the checklist are to be done before the case is resolved.
    #[error("checklist items are not done: tick {}, then resolve", list(items))]
    ChecklistOpen {
        /// The items.
        items: BTreeSet<ChecklistItemId>,
    },
    /// The customer posted in places that have no closing post.
    #[error("places have no closing post: post in {} or waive them, then resolve", list(places))]
    ClosingPostMissing {
        /// The places.
        places: BTreeSet<Place>,
    },
    /// The reply is not one of this case.
    #[error("the reply is not one of this case: look at the case's replies")]
    UnknownReply,
    /// Messages are not of this case.
    #[error("messages are not of this case: {}", list(messages))]
    MessageNotInCase {
        /// The messages.
        messages: BTreeSet<MessageId>,
    },
    /// Messages were split off to another case before.
    #[error("messages are in another case already: {}", list(messages))]
    MessageAlreadySplit {
        /// The messages.
        messages: BTreeSet<MessageId>,
    },
    /// The item is not on the checklist.
    #[error("item {item} is not on the checklist: take one of those that the case shows")]
    UnknownChecklistItem {
        /// The item.
        item: ChecklistItemId,
    },
    /// The way to a private contact does not go there.
    #[error("the contact cannot go from {} to {}", from.as_str(), to.as_str())]
    ContactStage {
        /// From.
        from: ContactStage,
        /// To.
        to: ContactStage,
    },
    /// The label stands above another status.
    #[error("the case is {status}, which label {label} does not stand above: change the status first")]
    LabelMismatch {
        /// The label.
        label: StatusLabel,
        /// Where the case stands.
        status: Status,
    },
    /// Only what is public can be moved, and only to a private place.
    #[error("a conversation moves from a public place to a private one")]
    MoveNotToPrivate,
    /// The private conversation is with somebody else too.
    #[error(
        "the private conversation is not one with the case's customer alone: take one of his, or link his identities with his consent first"
    )]
    MoveToAnotherCustomer,
    /// It is escalated higher already, or there is no such level.
    #[error("the level must be {min} to {}", super::Escalation::LEVEL_MAX)]
    EscalationLevel {
        /// The lowest level that is possible now.
        min: u8,
    },
    /// A time to wait until is not ahead.
    #[error("the time to wait until has passed: give a later one")]
    DeadlineNotAhead,
    /// There is too much of something.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "CASE_UNKNOWN",
            Self::AlreadyOpen => "CASE_ALREADY_OPEN",
            Self::Closed => "CASE_CLOSED",
            Self::Merged { .. } => "CASE_MERGED",
            Self::Spam => "CASE_IS_SPAM",
            Self::Resolved => "CASE_RESOLVED",
            Self::NotResolved { .. } => "CASE_NOT_RESOLVED",
            Self::ReopenWindowOver { .. } => "REOPEN_WINDOW_OVER",
            Self::Full { .. } => "CASE_FULL",
            Self::StaleReply { .. } => "STALE_REPLY",
            Self::EmptyReply => "REPLY_EMPTY",
            Self::RequiredFieldsMissing { .. } => "REQUIRED_FIELDS_MISSING",
            Self::CategoryMissing => "CATEGORY_MISSING",
            Self::AssigneeMissing => "ASSIGNEE_MISSING",
            Self::ChecklistOpen { .. } => "CHECKLIST_OPEN",
            Self::ClosingPostMissing { .. } => "CLOSING_POST_MISSING",
            Self::UnknownReply => "REPLY_UNKNOWN",
            Self::MessageNotInCase { .. } => "MESSAGE_NOT_IN_CASE",
            Self::MessageAlreadySplit { .. } => "MESSAGE_ALREADY_SPLIT",
            Self::UnknownChecklistItem { .. } => "CHECKLIST_ITEM_UNKNOWN",
            Self::ContactStage { .. } => "CONTACT_STAGE",
            Self::LabelMismatch { .. } => "LABEL_MISMATCH",
            Self::MoveNotToPrivate => "MOVE_NOT_TO_PRIVATE",
            Self::MoveToAnotherCustomer => "CONVERSATION_OF_ANOTHER_CUSTOMER",
            Self::EscalationLevel { .. } => "ESCALATION_LEVEL",
            Self::DeadlineNotAhead => "DEADLINE_NOT_AHEAD",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
}

/// How many names an error's text spells out; the error itself has them all.
const NAMES_MAX: usize = 10;

fn list<T: fmt::Display>(names: &BTreeSet<T>) -> String {
    let mut text: Vec<String> = names.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    if names.len() > NAMES_MAX {
        text.push(format!("and {} more", names.len() - NAMES_MAX));
    }
    text.join(", ")
}
