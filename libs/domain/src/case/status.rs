//! Where a case stands, and why it went there.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a case stands. These are fixed, so that clocks and reports never depend on a label; a label may stand above one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has begun.
    New,
    /// We work.
    Open,
    /// We wait for the customer.
    Pending,
    /// We wait for somebody else.
    OnHold,
    /// We believe that it is done; the customer may disagree inside the reopen window.
    Resolved,
    /// Done for good; what comes later is a follow-up case.
    Closed,
    /// It goes on in another case.
    Merged,
    /// Not worth an answer.
    Spam,
}

/// For whom a case on hold waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// A supplier, a carrier, a partner.
    ThirdParty,
    /// Another part of the organisation.
    Internal,
    /// A lawyer, a court, an insurer.
    Legal,
}

/// Why a waiting case is worked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumeCause {
    /// Somebody asked for it.
    Requested,
    /// The customer wrote.
    CustomerMessage,
    /// The hold's time is over; the event bears the deadline's time.
    HoldOver,
}

/// Why a snoozed case is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeCause {
    /// Somebody asked for it.
    Requested,
    /// The customer wrote.
    CustomerMessage,
    /// The time is over; the event bears the deadline's time.
    Timer,
    /// It left the statuses over which a snooze can lie.
    StatusChanged,
}

/// Why a resolved case is open again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReopenCause {
    /// Somebody asked for it.
    Requested,
    /// The customer wrote.
    CustomerMessage,
}

/// Why a customer is not answered, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceReason {
    /// He wants a reaction, not an answer.
    Troll,
    /// He said thanks, and no more.
    Thanks,
    /// He is answered elsewhere.
    Duplicate,
    /// As the note says.
    Other,
}

/// How far we are with getting the customer's private contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactStage {
    /// It is not needed, or was there from the start.
    #[default]
    NotNeeded,
    /// It is needed.
    NeedsContact,
    /// We asked where everybody reads.
    AskedPublic,
    /// We asked in private.
    AskedPrivate,
    /// We have it.
    Obtained,
    /// The customer does not want to give it.
    Refused,
    /// The site has no private way, or none that we can pay.
    Impossible,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Open,
        Self::Pending,
        Self::OnHold,
        Self::Resolved,
        Self::Closed,
        Self::Merged,
        Self::Spam,
    ];

    /// The word, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Spam => "spam",
        }
    }

    /// Whether somebody still has to do something, now or later.
    pub const fn is_unresolved(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::Pending | Self::OnHold)
    }
}

impl ContactStage {
    /// The word, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "not_needed",
            Self::NeedsContact => "needs_contact",
            Self::AskedPublic => "asked_public",
            Self::AskedPrivate => "asked_private",
            Self::Obtained => "obtained",
            Self::Refused => "refused",
            Self::Impossible => "impossible",
        }
    }

    /// Whether the next stage may be `to`. Asking goes from public to private; who refused may still give it.
    pub const fn may_become(self, to: Self) -> bool {
        match self {
            Self::NotNeeded => matches!(to, Self::NeedsContact),
            Self::NeedsContact => !matches!(to, Self::NotNeeded | Self::NeedsContact),
            Self::AskedPublic => !matches!(to, Self::NotNeeded | Self::NeedsContact | Self::AskedPublic),
            Self::AskedPrivate => matches!(to, Self::Obtained | Self::Refused | Self::Impossible),
            Self::Refused | Self::Impossible => matches!(to, Self::Obtained),
            Self::Obtained => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
