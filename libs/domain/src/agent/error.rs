//! Why an agent's stream refuses.

use super::values::Presence;
use crate::time::Timestamp;

/// Why an agent's stream refuses. The texts say what and what to do about it, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An instant is not where it can be.
    #[error("{field}: after now, and at most {max_s} seconds after it")]
    UnfitInstant {
        /// Which.
        field: &'static str,
        /// How far ahead it may be.
        max_s: i64,
    },
    /// A number is not where it can be.
    #[error("units: 1 to {max}")]
    UnfitUnits {
        /// How many there may be.
        max: u32,
    },
    /// The agent holds too many cases for a stream.
    #[error("case: an agent holds at most {max}: take some away first")]
    LimitExceeded {
        /// How many there may be.
        max: usize,
    },
    /// There is no lease to renew.
    #[error("lease_until: the agent is not there: set the presence")]
    LeaseOver,
    /// The agent takes nothing.
    #[error("the agent is {0}: choose another one")]
    NotOnline(Presence),
    /// The agent is finishing.
    #[error("the agent takes nothing new: choose another one")]
    Draining,
    /// Nothing is pushed to the agent.
    #[error("cases are not pushed to this agent: let them be taken")]
    NoPush,
    /// It would be too much.
    #[error("units: {used} of {max} are taken, and {units} more would be too much: choose another agent")]
    AtCapacity {
        /// What is taken.
        used: u32,
        /// What more was asked for.
        units: u32,
        /// What there is.
        max: u32,
    },
    /// It would be too many on a channel.
    #[error("channel: {max} cases at once are the most on it: choose another agent")]
    AtChannelLimit {
        /// How many there may be.
        max: u32,
    },
    /// Another decision reserved for this case.
    #[error("decision: another one holds the reservation for this case: decide again")]
    AnotherDecision,
    /// Nothing is reserved.
    #[error("nothing is reserved for this case: reserve first")]
    NotReserved,
    /// Nothing is offered.
    #[error("the case is not offered: offer it first")]
    NotOffered,
    /// The offer is over.
    #[error("the offer is over since {since}: take another case")]
    OfferOver {
        /// Since when.
        since: Timestamp,
    },
    /// The agent has not answered.
    #[error("the agent has not accepted the offer: wait for the answer")]
    NotAccepted,
    /// The agent has accepted.
    #[error("the offer is accepted: unassign the case instead")]
    Accepted,
    /// It is too early.
    #[error("it is too early: wait until {until}")]
    TooEarly {
        /// Until when.
        until: Timestamp,
    },
    /// The agent does not have the case.
    #[error("the agent does not have this case")]
    NotHeld,
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnfitInstant { .. } => "AGENT_UNFIT_INSTANT",
            Self::UnfitUnits { .. } => "AGENT_UNFIT_UNITS",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
            Self::LeaseOver => "AGENT_LEASE_OVER",
            Self::NotOnline(_) => "AGENT_NOT_ONLINE",
            Self::Draining => "AGENT_DRAINING",
            Self::NoPush => "AGENT_NO_PUSH",
            Self::AtCapacity { .. } => "AGENT_AT_CAPACITY",
            Self::AtChannelLimit { .. } => "AGENT_AT_CHANNEL_LIMIT",
            Self::AnotherDecision => "AGENT_ANOTHER_DECISION",
            Self::NotReserved => "AGENT_NOT_RESERVED",
            Self::NotOffered => "AGENT_NOT_OFFERED",
            Self::OfferOver { .. } => "AGENT_OFFER_OVER",
            Self::NotAccepted => "AGENT_NOT_ACCEPTED",
            Self::Accepted => "AGENT_ACCEPTED",
            Self::TooEarly { .. } => "AGENT_TOO_EARLY",
            Self::NotHeld => "AGENT_NOT_HELD",
        }
    }
}
