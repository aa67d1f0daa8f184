//! The words of a case.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    channel::Place,
    ids::{
        AccountId, CaseId, CategoryId, ChannelKind, ChecklistItemId, ConversationId, FieldId, IdentityId,
        Language, MessageId, ReasonCode, RegionId, Tag, TeamId,
    },
    message::Attachment,
    outbound::{Form, Template, fit::FILES_MAX},
    personal::Personal,
    time::Timestamp,
};

/// What a reply is besides its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// As what it is sent.
    #[serde(default, skip_serializing_if = "Form::is_free")]
    pub form: Form,
    /// Its subject, where the channel has subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Personal>,
    /// The files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

impl Extras {
    /// The longest subject, in bytes.
    pub const SUBJECT_LEN_MAX: usize = 1_000;

    /// Whether it is a reply of words alone.
    pub const fn is_none(&self) -> bool {
        self.form.is_free() && self.subject.is_none() && self.attachments.is_empty()
    }

    /// Whether it says something without any words of ours.
    pub(super) const fn speaks(&self) -> bool {
        matches!(self.form, Form::Template(_)) || !self.attachments.is_empty()
    }

    /// Refuses what is more than there may be.
    pub(super) fn fit(&self) -> Result<(), super::Error> {
        use super::guards::{fits, text_fits};
        fits("attachments of a reply", self.attachments.len(), FILES_MAX)?;
        self.subject
            .iter()
            .try_for_each(|text| text_fits("bytes of a subject", text, Self::SUBJECT_LEN_MAX))?;
        let Form::Template(template) = &self.form else { return Ok(()) };
        fits("parameters of a template", template.values().count(), Template::PARAMETERS_MAX)?;
        let value = |value| text_fits("bytes of a parameter", value, Template::PARAMETER_LEN_MAX);
        template.values().try_for_each(value)
    }
}

/// How soon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When there is time.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before the others.
    High,
    /// Now.
    Urgent,
}

/// What a case is opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Our account on which it began.
    pub account: AccountId,
    /// The kind of that account's channel.
    pub channel: ChannelKind,
    /// The region that works it.
    pub region: RegionId,
    /// The team that works it, if that is known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The conversation in which it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// What it is about, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Personal>,
    /// The customer's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// How soon.
    pub priority: Priority,
    /// What kind of question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// Custom fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldId, FieldValue>,
    /// What brought it about.
    pub origin: Origin,
}

/// What brought a case about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A customer's message.
    Message {
        /// That message.
        message: MessageId,
    },
    /// We wrote first, or noted a telephone call.
    Agent,
    /// It goes on from a closed case.
    FollowUp {
        /// The closed case.
        of: CaseId,
    },
    /// It was split from another case.
    Split {
        /// The other case.
        from: CaseId,
        /// The messages that it took along, by reference.
        messages: Vec<MessageId>,
    },
    /// It was worked elsewhere, and is here as history.
    Import,
}

/// A customer's message, as far as a case knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The message; its text is in the message's own stream.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Where it was posted.
    pub place: Place,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// When the customer sent it: the instant from which he waits.
    pub sent_at: Timestamp,
    /// Whether it had its answer in the case that it was split from: nobody waits for another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
    /// Whether it asks for an answer. A bounce or a "thanks" is kept, but starts no clock and reopens nothing.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub engageable: bool,
}

/// The value of a custom field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// A text of at most [`FieldValue::TEXT_LEN_MAX`] bytes.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// Yes or no.
    Bool(bool),
    /// A day.
    Date(jiff::civil::Date),
    /// One of the policy's choices.
    Choice(ReasonCode),
    /// What the policy calls personal.
    Personal(Personal),
}

impl FieldValue {
    /// The longest text, in bytes.
    pub const TEXT_LEN_MAX: usize = 2_000;
}

/// What a reopening does to the cycle, from the policy.
///
/// The default goes on with the same cycle: the resolution clock resumes with what it had consumed, the gap does not count,
/// and the survey of the cycle is asked once. A new cycle has its own first response and resolution. In both cases the
/// first cycle's facts stay, so that first and full resolution can be reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleRule {
    /// The cycle goes on.
    #[default]
    Continue,
    /// Another cycle begins.
    Restart,
}

/// Whom a case was escalated to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// 1 is the first level above the agents.
    pub level: u8,
    /// The team that is asked to help; the case's own team stays responsible until a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

impl Escalation {
    /// The highest level.
    pub const LEVEL_MAX: u8 = 5;
}

/// An item of the closure checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// The item, from the policy.
    pub item: ChecklistItemId,
    /// Whether the case cannot be resolved without it.
    pub required: bool,
}

/// A place that gets no closing post, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The place.
    pub place: Place,
    /// Why.
    pub reason: ReasonCode,
}

/// What the policy asks for before a case may be resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Fields that must have a value.
    pub required_fields: BTreeSet<FieldId>,
    /// Whether there must be a category.
    pub category_required: bool,
    /// Whether somebody must be responsible.
    pub assignee_required: bool,
    /// Items of the closure checklist that must be ticked.
    pub required_items: BTreeSet<ChecklistItemId>,
    /// Whether every place where the customer posted must have a closing post or a waiver.
    pub closing_posts_required: bool,
}

/// What became of a reply that was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyOutcome {
    /// The channel took it.
    Sent {
        /// What the channel calls it now.
        message: Option<MessageId>,
    },
    /// Nobody knows whether the channel took it.
    Unclear {
        /// Why.
        reason: ReasonCode,
    },
    /// It will not be tried again.
    Failed {
        /// Why.
        reason: ReasonCode,
    },
    /// The channel had taken it, and gave it back.
    Bounced {
        /// Why.
        reason: ReasonCode,
    },
}

/// What the target of a merge takes over from its source. The source keeps it too, so that an unmerge loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorbed {
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// Its customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<IdentityId>,
    /// Everybody who took part.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub identities: BTreeSet<IdentityId>,
    /// Its conversations.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub conversations: BTreeSet<ConversationId>,
    /// Its public conversations that went on in private ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<ConversationId, ConversationId>,
    /// The places where its customer posted and has no closing post.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub places: BTreeSet<Place>,
    /// Since when its customer waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
    /// When a person first answered there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response_at: Option<Timestamp>,
}

impl Absorbed {
    /// How many things it is.
    pub fn count(&self) -> usize {
        self.tags.len() + self.identities.len() + self.conversations.len() + self.places.len()
    }
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_yes(value: &bool) -> bool {
    *value
}
