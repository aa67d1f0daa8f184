//! What a condition may know of a case, its message and its customer.
//!
//! Facts come in two parts. [`About`] is what is in the log in plain text anyway: it is stored with a decision
//! (`routing.decided`), so that the decision can be taken again. [`Texts`] belong to a person and are never stored a second
//! time, nor printed: who replays a decision reads the message that `About` names, with the digest of the body that was
//! looked at, and opens it again, as far as its key still exists.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    case::{FieldValue, Priority, Status},
    channel::Visibility,
    customer::Purpose,
    ids::{
        AccountId, CampaignId, CategoryId, ChannelKind, Digest, FieldId, Language, MessageId, RegionId, Tag,
        TeamId,
    },
    message::{Automatic, EntryPoint},
    personal::Personal,
    policy::account,
};

/// Everything that a condition may know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What may be stored with a decision.
    pub about: About,
    /// What belongs to a person.
    pub texts: Texts,
}

/// What a condition may know and what is nobody's secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The customer's message that is looked at: the one that began the case, or the latest. A case that we opened has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageFacts>,
    /// Our account on which it came in.
    #[serde(default)]
    pub account: AccountFacts,
    /// The case.
    #[serde(default)]
    pub case: CaseFacts,
    /// The customer.
    #[serde(default)]
    pub customer: CustomerFacts,
    /// When it is looked at.
    #[serde(default)]
    pub time: TimeFacts,
    /// What models predict of the case, by the model's name: a score each. There is none yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, f64>,
}

/// What a condition may know of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFacts {
    /// Which message: a replay reads its texts there.
    pub id: MessageId,
    /// Which of its bodies was looked at.
    pub digest: Digest,
    /// Its language, if the channel or a model says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The kind of its channel.
    pub channel: ChannelKind,
    /// Our account on which it came in.
    pub account: AccountId,
    /// Who can see it.
    pub visibility: Visibility,
    /// What wrote it, if no person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Automatic>,
    /// Whether it was forwarded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forwarded: bool,
    /// How the customer came to write to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<EntryPoint>,
    /// The campaign that made him write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// How many files are attached.
    #[serde(default)]
    pub attachments: u32,
}

/// What a condition may know of the account, from the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// How important it is: 1 before 2 before 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<account::Purpose>,
    /// The brand that it speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The region that it speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// The team that takes what comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

/// What a condition may know of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// How soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// How difficult, from 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<u8>,
    /// What kind of question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryId>,
    /// Its tags, with those of the cases that were merged into it, in the order of the alphabet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its custom fields that are not personal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldId, FactValue>,
    /// The region that works it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionId>,
    /// The team that works it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// The kind of the channel on which it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelKind>,
    /// Our account on which it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The customer's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// How long ago it was opened, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<i64>,
    /// How often it was opened again.
    #[serde(default)]
    pub reopenings: u32,
}

/// What a condition may know of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerFacts {
    /// The segment to which he belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// What is noted of him.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// How many cases of his there were before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<u32>,
    /// What he wants no more of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opted_out: Vec<Purpose>,
    /// The languages that he wrote in, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Language>,
}

/// What a condition may know of the time, in the time zone of the case's region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFacts {
    /// The hour, from 0 to 23.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<u8>,
    /// The day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekday: Option<Weekday>,
    /// Whether the calendar is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// A custom field of a case, as a condition sees it: a day is a text, `2026-11-22`, and a choice is the text of its code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
}

/// What belongs to a person. It is neither stored nor printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// What the message says.
    pub text: Option<Personal>,
    /// Its subject.
    pub subject: Option<Personal>,
    /// What else the channel said of it.
    pub message_fields: BTreeMap<FieldId, Personal>,
    /// The custom fields of the case that the policy calls personal.
    pub case_fields: BTreeMap<FieldId, Personal>,
}

impl Facts {
    /// Takes the custom fields of a case in, the personal ones apart from the others.
    #[must_use]
    pub fn with_case_fields(mut self, fields: &BTreeMap<FieldId, FieldValue>) -> Self {
        for (id, value) in fields {
            let value = match value {
                FieldValue::Personal(text) => {
                    self.texts.case_fields.insert(id.clone(), text.clone());
                    continue;
                }
                FieldValue::Text(text) => FactValue::Text(text.clone()),
                FieldValue::Number(number) => match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => FactValue::Integer(whole),
                    (None, Some(number)) => FactValue::Number(number),
                    (None, None) => continue,
                },
                FieldValue::Bool(yes) => FactValue::Bool(*yes),
                FieldValue::Date(day) => FactValue::Text(day.to_string()),
                FieldValue::Choice(code) => FactValue::Text(code.to_string()),
            };
            self.about.case.fields.insert(id.clone(), value);
        }
        self
    }
}

impl Weekday {
    /// The word, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

impl From<jiff::civil::Weekday> for Weekday {
    fn from(day: jiff::civil::Weekday) -> Self {
        match day {
            jiff::civil::Weekday::Monday => Self::Monday,
            jiff::civil::Weekday::Tuesday => Self::Tuesday,
            jiff::civil::Weekday::Wednesday => Self::Wednesday,
            jiff::civil::Weekday::Thursday => Self::Thursday,
            jiff::civil::Weekday::Friday => Self::Friday,
            jiff::civil::Weekday::Saturday => Self::Saturday,
            jiff::civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// How much there is, and not what.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts")
            .field("text", &self.text.is_some())
            .field("subject", &self.subject.is_some())
            .field("message_fields", &self.message_fields.len())
            .field("case_fields", &self.case_fields.len())
            .finish()
    }
}
