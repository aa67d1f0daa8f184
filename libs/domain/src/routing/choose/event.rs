//! What was decided about the way of a case to its agent, as it is stored.

use serde::{Deserialize, Serialize};

use super::{demand::Relax, record::Decided};
use crate::{
    agent::Ended,
    condition::About,
    ids::{PersonId, QueueId},
    routing::rules,
    stored::Fields,
    time::Timestamp,
};

/// What was decided about the way of a case. `at` is when; of what a time brought about, that time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum Event {
    /// The rules said what the case needs.
    #[serde(rename = "routing.ruled")]
    Ruled {
        /// When.
        at: Timestamp,
        /// What they were asked about, and what they said.
        ruled: Box<Ruled>,
    },
    /// The case waits in a queue.
    #[serde(rename = "routing.queued")]
    Queued {
        /// When.
        at: Timestamp,
        /// In which.
        queue: QueueId,
        /// Since when it waits, in whatever queue: what is requeued keeps its age.
        since: Timestamp,
    },
    /// What it needs was lessened.
    #[serde(rename = "routing.relaxed")]
    Relaxed {
        /// When that was due.
        at: Timestamp,
        /// The how many-th step, from 1.
        step: u8,
        /// What was given up.
        relax: Relax,
    },
    /// Somebody was chosen, or it waits for a reason.
    #[serde(rename = "routing.decided")]
    Decided {
        /// When.
        at: Timestamp,
        /// The how many-th decision about this case, from 1.
        decision: u32,
        /// The decision, with what it was made on.
        decided: Box<Decided>,
    },
    /// The case is to be given to who was chosen: capacity is reserved, and the agent has accepted if he was asked.
    #[serde(rename = "routing.awarded")]
    Awarded {
        /// When.
        at: Timestamp,
        /// By which decision.
        decision: u32,
        /// To whom.
        agent: PersonId,
        /// Until when: from then on nobody takes it for given.
        until: Timestamp,
    },
    /// Nothing came of the choice: the case waits on.
    #[serde(rename = "routing.award_ended")]
    AwardEnded {
        /// When.
        at: Timestamp,
        /// Of which decision.
        decision: u32,
        /// Why.
        ended: Ended,
    },
    /// The case is to be taken back from an agent who is gone.
    #[serde(rename = "routing.recalled")]
    Recalled {
        /// When that was due.
        at: Timestamp,
        /// From whom.
        agent: PersonId,
    },
    /// Somebody does not get the case for a while.
    #[serde(rename = "routing.agent_excluded")]
    AgentExcluded {
        /// When.
        at: Timestamp,
        /// Who.
        agent: PersonId,
        /// Until when; as long as the case is in the queue if there is no such time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The case does not wait any more.
    #[serde(rename = "routing.left_queue")]
    LeftQueue {
        /// When.
        at: Timestamp,
        /// Why.
        gone: Gone,
    },
}

/// What the rules were asked about, and what they said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ruled {
    /// What is known of the case, and nobody's secret.
    pub about: About,
    /// What they said. A replay asks them again.
    pub decision: rules::Decision,
    /// Who had the customer's last case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_agent: Option<PersonId>,
}

/// Why a case does not wait any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Gone {
    /// Somebody has it.
    Assigned {
        /// Who.
        agent: PersonId,
    },
    /// It needs nobody: it is resolved, merged, spam.
    Withdrawn,
}

crate::stored_format!(
    Event,
    version = version,
    upcast = upcast,
    [
        "routing.ruled",
        "routing.queued",
        "routing.relaxed",
        "routing.decided",
        "routing.awarded",
        "routing.award_ended",
        "routing.recalled",
        "routing.agent_excluded",
        "routing.left_queue",
    ]
);

/// Every event of routing still is in its first version.
const fn version(_kind: &str) -> u16 {
    1
}

/// There is nothing older than the first version.
fn upcast(_kind: &str, _from: u16, _fields: Fields) -> Option<Fields> {
    None
}
