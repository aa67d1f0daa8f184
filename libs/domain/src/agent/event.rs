//! What was decided about an agent, as it is stored.

use serde::{Deserialize, Serialize};

use super::values::{Ended, How, Left, Limits, Presence};
use crate::{
    actor::Actor,
    ids::{CaseId, ChannelKind, ReasonCode},
    stored::Fields,
    time::Timestamp,
};

/// What was decided about an agent. `at` is when; of what a time brought about, that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// The agent said whether he is there.
    #[serde(rename = "agent.presence_set")]
    PresenceSet {
        /// When.
        at: Timestamp,
        /// Who said it: the agent, or who watches over him.
        by: Actor,
        /// Whether.
        presence: Presence,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonCode>,
        /// Until when that holds unless it is renewed. Nobody is offline by lease.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease_until: Option<Timestamp>,
    },
    /// The agent still is there.
    #[serde(rename = "agent.lease_renewed")]
    LeaseRenewed {
        /// When.
        at: Timestamp,
        /// Until when that holds.
        lease_until: Timestamp,
    },
    /// The agent said nothing any more, and is offline.
    #[serde(rename = "agent.lease_expired")]
    LeaseExpired {
        /// When the lease was over.
        at: Timestamp,
    },
    /// Too many offers in a row were not answered: the agent is away.
    #[serde(rename = "agent.sent_away")]
    SentAway {
        /// When the last one was over.
        at: Timestamp,
        /// How many there were.
        misses: u32,
    },
    /// The agent takes nothing new.
    #[serde(rename = "agent.draining_begun")]
    DrainingBegun {
        /// When.
        at: Timestamp,
        /// Who wants it.
        by: Actor,
    },
    /// The agent takes cases again.
    #[serde(rename = "agent.draining_ended")]
    DrainingEnded {
        /// When.
        at: Timestamp,
        /// Who wants it.
        by: Actor,
    },
    /// Capacity is reserved.
    #[serde(rename = "agent.capacity_reserved")]
    CapacityReserved {
        /// When.
        at: Timestamp,
        /// For which case.
        case: CaseId,
        /// By which of the case's decisions.
        decision: u32,
        /// The kind of the case's channel.
        channel: ChannelKind,
        /// How much.
        units: u32,
        /// Until when the case must be claimed.
        until: Timestamp,
        /// Who wants it.
        how: How,
        /// On what that was decided.
        limits: Limits,
    },
    /// The agent is asked.
    #[serde(rename = "agent.case_offered")]
    CaseOffered {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
        /// Until when the agent may answer.
        until: Timestamp,
    },
    /// The agent takes it.
    #[serde(rename = "agent.offer_accepted")]
    OfferAccepted {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
    },
    /// The agent does not take it.
    #[serde(rename = "agent.offer_declined")]
    OfferDeclined {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonCode>,
    },
    /// The agent did not answer.
    #[serde(rename = "agent.offer_timed_out")]
    OfferTimedOut {
        /// When the offer was over.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
        /// The how many-th in a row, from 1.
        misses: u32,
    },
    /// The case is the agent's.
    #[serde(rename = "agent.case_claimed")]
    CaseClaimed {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
    },
    /// What was reserved is free again.
    #[serde(rename = "agent.capacity_released")]
    CapacityReleased {
        /// When.
        at: Timestamp,
        /// For which case it was.
        case: CaseId,
        /// By which of its decisions.
        decision: u32,
        /// Why.
        ended: Ended,
    },
    /// The case is the agent's, and nothing was reserved for it; or what it takes is another amount now.
    #[serde(rename = "agent.case_held")]
    CaseHeld {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// The kind of its channel.
        channel: ChannelKind,
        /// What it takes.
        units: u32,
        /// Whether its status takes it.
        consumes: bool,
    },
    /// The status of a case now takes units, or does not any more.
    #[serde(rename = "agent.load_changed")]
    LoadChanged {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// Whether it takes units.
        consumes: bool,
    },
    /// The case is no longer the agent's.
    #[serde(rename = "agent.case_dropped")]
    CaseDropped {
        /// When.
        at: Timestamp,
        /// Which case.
        case: CaseId,
        /// Why.
        left: Left,
    },
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "agent.presence_set",
        "agent.lease_renewed",
        "agent.lease_expired",
        "agent.sent_away",
        "agent.draining_begun",
        "agent.draining_ended",
        "agent.capacity_reserved",
        "agent.case_offered",
        "agent.offer_accepted",
        "agent.offer_declined",
        "agent.offer_timed_out",
        "agent.case_claimed",
        "agent.capacity_released",
        "agent.case_held",
        "agent.load_changed",
        "agent.case_dropped",
    ]
);

/// Every event of an agent still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
