//! What may be said to a customer, when, and how much of it at once.
//!
//! The numbers of the channels (lengths, windows) are data that the caller brings; here is what they mean.

pub mod fit;
pub mod length;
pub mod opt_out;
pub mod rate;
pub mod window;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    customer::Purpose,
    ids::{Language, MessageTag, ParameterName, TemplateName},
    personal::Personal,
    time::Timestamp,
};

/// As what a message is sent: it decides whether the reply window matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Form {
    /// In our own words: within the window only.
    #[default]
    Free,
    /// In words that the platform approved before.
    Template(Template),
    /// In our own words, marked with a purpose that the platform allows after the window.
    Tag {
        /// The mark.
        name: MessageTag,
    },
}

/// A template that a platform approved, with what is put into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// As the platform calls it.
    pub name: TemplateName,
    /// In which language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What is put into it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Personal>,
    /// What is put into it by name, where the platform calls its places by names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<ParameterName, Personal>,
}

impl Template {
    /// The most values that are put into one template.
    pub const PARAMETERS_MAX: usize = 100;
    /// The longest of them, in bytes.
    pub const PARAMETER_LEN_MAX: usize = 4 * 1024;

    /// All that is put into it.
    pub fn values(&self) -> impl Iterator<Item = &Personal> {
        self.parameters.iter().chain(self.named.values())
    }
}

impl Form {
    /// Whether it says what it says, and only within the window.
    pub const fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }
}

/// Why something is not sent, before it is tried. The texts say what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    /// The customer wants no more of this.
    #[error("the customer opted out of this here: he must opt in again")]
    OptedOut {
        /// What he refused.
        purpose: Purpose,
    },
    /// The reply window is over.
    #[error("the reply window closed at {closed_at}: send an approved template, or wait for the customer")]
    WindowClosed {
        /// From this instant on.
        closed_at: Timestamp,
    },
    /// The channel has a reply window, and the customer never opened it.
    #[error("the customer never wrote here, so no reply window is open: send an approved template")]
    NeverWritten,
    /// Nothing allows to contact the customer.
    #[error("neither a message nor a consent of the customer allows this: name one")]
    NoBasis,
    /// The consent that allowed it was taken back, or the message that did is not known.
    #[error("what allowed this does not hold any more: ask for a consent")]
    BasisGone,
    /// The channel is only listened to.
    #[error("nothing can be sent on this channel: answer elsewhere")]
    ListenOnly,
    /// The kind of channel is no longer served.
    #[error("this kind of channel is no longer served: answer elsewhere")]
    KindDeprecated,
    /// There is no such account, or no such kind of channel.
    #[error("there is no such account: add it to the policy")]
    AccountUnknown,
    /// The account is not configured for sending.
    #[error("the account cannot send: complete its settings and secrets in the policy")]
    AccountIncomplete,
    /// The channel has no templates, or not this one.
    #[error("this template may not be used here: choose one that the platform approved")]
    TemplateNotAllowed,
    /// The channel has no such tag.
    #[error("this tag may not be used here: choose one of those that the channel lists")]
    TagNotAllowed,
    /// It is longer than what the channel takes, in as many parts as it may have.
    #[error("it is longer than the channel takes: shorten it")]
    TooLong,
    /// The channel takes no such attachments.
    #[error("the channel does not take these attachments: send a link")]
    AttachmentNotAllowed,
    /// The channel has no private, or no public, answers.
    #[error("the channel has no answers of this visibility: choose another place")]
    VisibilityNotAllowed,
    /// The place of the answer is gone.
    #[error("what is answered is gone: answer at another place")]
    PlaceGone,
    /// The customer's keys are destroyed: nobody knows to whom, nor what.
    #[error("the customer was erased: nothing can be sent")]
    Erased,
    /// The case is imported history.
    #[error("imported history sends nothing: wait for a live message")]
    Imported,
}

impl Refusal {
    /// The codes of those that are final: nothing that we could do lets it be sent, so that nobody has to look at it.
    pub const FINAL: [&str; 3] = ["OPTED_OUT", "CUSTOMER_ERASED", "IMPORTED"];

    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OptedOut { .. } => "OPTED_OUT",
            Self::WindowClosed { .. } => "WINDOW_CLOSED",
            Self::NeverWritten => "NEVER_WRITTEN",
            Self::NoBasis => "NO_BASIS",
            Self::BasisGone => "BASIS_GONE",
            Self::ListenOnly => "LISTEN_ONLY",
            Self::KindDeprecated => "KIND_DEPRECATED",
            Self::AccountUnknown => "ACCOUNT_UNKNOWN",
            Self::AccountIncomplete => "ACCOUNT_INCOMPLETE",
            Self::TemplateNotAllowed => "TEMPLATE_NOT_ALLOWED",
            Self::TagNotAllowed => "TAG_NOT_ALLOWED",
            Self::TooLong => "TOO_LONG",
            Self::AttachmentNotAllowed => "ATTACHMENT_NOT_ALLOWED",
            Self::VisibilityNotAllowed => "VISIBILITY_NOT_ALLOWED",
            Self::PlaceGone => "PLACE_GONE",
            Self::Erased => "CUSTOMER_ERASED",
            Self::Imported => "IMPORTED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_is_called_as_it_is() {
        let purpose = Purpose::Marketing;
        let codes = [Refusal::OptedOut { purpose }, Refusal::Erased, Refusal::Imported];
        assert_eq!(codes.map(|refusal| refusal.code()), Refusal::FINAL);
    }
}
