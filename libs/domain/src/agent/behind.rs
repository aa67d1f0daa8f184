//! What becomes of the cases of an agent who is gone.

use super::{state::State, values::Presence};
use crate::{
    ids::{CaseId, ChannelKind},
    time::Timestamp,
};

/// How the customers of a channel wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// In front of a screen, or with a receiver in the hand.
    There,
    /// They come back for the answer.
    Away,
}

/// A case whose agent is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Which.
    pub case: CaseId,
    /// From when on it belongs to the queue again. `None`: not within the bound of the calendar.
    pub requeue_at: Option<Timestamp>,
}

impl State {
    /// The cases that an agent who is offline at `now` has left behind. Who waits now is requeued at once; for others
    /// `later` says when enough working time has passed since the agent went (nights do not count: the agent would not have
    /// answered either). What waits for somebody else stays with its agent.
    pub fn left_behind(
        &self,
        now: Timestamp,
        wait: impl Fn(&ChannelKind) -> Wait,
        later: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Vec<Behind> {
        if self.presence_at(now) != Presence::Offline {
            return Vec::new();
        }
        let gone = self.lease_until.filter(|until| *until <= now).or(self.since);
        let open = self.held.iter().filter(|(_, held)| held.consumes);
        open.map(|(case, held)| {
            // What was given to somebody who was gone already is left behind since then.
            let since = gone.map_or(held.since, |gone| gone.max(held.since));
            let requeue_at = match wait(&held.channel) {
                Wait::There => Some(since),
                Wait::Away => later(since),
            };
            Behind { case: *case, requeue_at }
        })
        .collect()
    }
}
