//! What may make a waiting case assignable. A trigger that is missed is a queue that stands still.

use std::collections::BTreeSet;

use super::demand::{Demand, Mode};
use crate::{
    agent::{self, Presence},
    ids::{CaseId, PersonId, QueueId},
};

/// What may make waiting cases assignable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An agent has more room, is there, can do more, or his shift began.
    Agent {
        /// Who.
        agent: PersonId,
        /// The queues that he serves.
        queues: BTreeSet<QueueId>,
    },
    /// A queue's calendar opened, or its rules changed.
    Queue(QueueId),
    /// A case came into its queue, was changed, or came to an instant of [`Demand::next_change`].
    Case(CaseId),
    /// The policy changed.
    Policy,
}

impl Trigger {
    /// What an event of an agent's stream may make possible. Each is named, so that a new one is thought of.
    pub fn of(agent: &PersonId, queues: &BTreeSet<QueueId>, event: &agent::Event) -> Option<Self> {
        use agent::Event::*;
        let frees = match event {
            PresenceSet { presence, .. } => *presence == Presence::Online,
            LoadChanged { consumes, .. } => !consumes,
            // It may weigh less than before, or not take units any more.
            CaseHeld { .. } => true,
            DrainingEnded { .. } | CapacityReleased { .. } | CaseDropped { .. } => true,
            LeaseRenewed { .. } | LeaseExpired { .. } | SentAway { .. } | DrainingBegun { .. } => false,
            // It takes as much after as before, or more.
            CapacityReserved { .. } | CaseOffered { .. } | OfferAccepted { .. } | CaseClaimed { .. } => false,
            // What is freed is an event of its own.
            OfferDeclined { .. } | OfferTimedOut { .. } => false,
        };
        frees.then(|| Self::Agent { agent: agent.clone(), queues: queues.clone() })
    }

    /// Whether the case of this demand may be assignable now.
    pub fn wakes(&self, demand: &Demand) -> bool {
        match self {
            Self::Policy => true,
            Self::Case(case) => demand.case == *case,
            Self::Queue(queue) => demand.queue == *queue || demand.overflow.as_ref() == Some(queue),
            Self::Agent { agent, queues } => {
                let asked = demand.direct.as_ref().is_some_and(|direct| direct.agent == *agent);
                let serves = queues.contains(&demand.queue)
                    || demand.overflow.as_ref().is_some_and(|queue| queues.contains(queue));
                asked || (serves && demand.mode != Mode::Pull)
            }
        }
    }
}
