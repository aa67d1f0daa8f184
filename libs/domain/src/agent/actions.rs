//! What may be asked of an agent's stream.

use super::values::{Ended, How, Left, Limits, Presence};
use crate::{
    decider,
    ids::{CaseId, ChannelKind, ReasonCode},
    time::Timestamp,
};

/// An action on an agent, with its time and actor.
pub type Command = decider::Command<Action>;

/// What may be decided about an agent. `decision` is the number of the decision in the case's routing stream: what one
/// matcher reserved, another one neither confirms nor releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The agent says whether he is there.
    SetPresence {
        /// Whether.
        presence: Presence,
        /// Why, if it is worth a word.
        reason: Option<ReasonCode>,
        /// Until when that holds unless it is renewed; of no meaning for who goes offline.
        lease_until: Timestamp,
    },
    /// A sign of life.
    Renew {
        /// Until when the agent is believed to be there.
        lease_until: Timestamp,
    },
    /// The lease may be over.
    ExpireLease,
    /// Takes nothing new, whatever the presence is.
    Drain,
    /// Takes cases again.
    Undrain,
    /// Reserves capacity for a case.
    Reserve {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
        /// The kind of the case's channel.
        channel: ChannelKind,
        /// What the case takes.
        units: u32,
        /// Until when the case must be claimed.
        until: Timestamp,
        /// Who wants it.
        how: How,
        /// What the agent may hold.
        limits: Limits,
    },
    /// Asks the agent.
    Offer {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
        /// Until when the agent may answer; not later than the reservation.
        until: Timestamp,
    },
    /// The agent takes what is offered.
    Accept {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
    },
    /// The agent does not take it.
    Decline {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
        /// Why, if it is worth a word.
        reason: Option<ReasonCode>,
    },
    /// The agent may have been silent for too long.
    TimeOut {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
        /// With how many in a row the agent is set away.
        misses_max: u32,
    },
    /// The case's stream says that the reservation's decision has claimed it.
    Claim {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
    },
    /// Nothing came of the reservation.
    Release {
        /// The case.
        case: CaseId,
        /// The decision.
        decision: u32,
        /// Why.
        ended: Ended,
    },
    /// The case's stream says that the agent has it, however that came about.
    Hold {
        /// The case.
        case: CaseId,
        /// The kind of its channel.
        channel: ChannelKind,
        /// What it takes.
        units: u32,
        /// Whether its status takes it.
        consumes: bool,
    },
    /// The status of a case changed.
    SetConsuming {
        /// The case.
        case: CaseId,
        /// Whether its status takes units.
        consumes: bool,
    },
    /// The case's stream says that the agent does not have it any more.
    Drop {
        /// The case.
        case: CaseId,
        /// Why.
        left: Left,
    },
}
