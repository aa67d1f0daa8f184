//! The state of a stream, folded from its entries.

use std::collections::HashMap;

use domain::{
    decider::{Decider, fold},
    time::Timestamp,
};
use eventlog::{Entry, Position};
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::envelope::{self, CommandStamp, Unreadable};

/// The state of a stream, with what idempotency needs to remember.
#[derive(Clone, Debug, Default)]
pub struct Aggregate<D> {
    /// What the events say.
    pub state: D,
    /// Position of the stream's first entry.
    pub first: Position,
    /// Position of the stream's last entry.
    pub version: Position,
    /// `recorded_at` of the stream's last entry.
    pub recorded_at: Option<Timestamp>,
    executed: HashMap<Uuid, Executed>,
}

/// A command that had its effect.
#[derive(Clone, Debug)]
pub(super) struct Executed {
    pub(super) position: Position,
    pub(super) digest: String,
}

/// The part of an entry that a state is made of. The rest of its body is not taken out: states are read far more often
/// than what they came about by.
#[derive(Deserialize)]
pub(super) struct Recorded<E> {
    #[serde(rename = "recorded_at")]
    pub(super) at: Timestamp,
    pub(super) command: CommandStamp,
    pub(super) events: Vec<E>,
}

impl<D: Decider + Clone> Aggregate<D>
where
    D::Event: DeserializeOwned,
{
    /// Whether a command had its effect on this stream, and where.
    pub fn executed(&self, command_id: Uuid) -> Option<Position> {
        self.done(command_id).map(|done| done.position)
    }

    /// Applies the next entry of the stream.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Unreadable> {
        self.evolve(entry.position, envelope::read(entry)?);
        Ok(())
    }

    pub(super) fn done(&self, command_id: Uuid) -> Option<&Executed> {
        self.executed.get(&command_id)
    }

    pub(super) fn evolve(&mut self, position: Position, recorded: Recorded<D::Event>) {
        self.state = fold(std::mem::take(&mut self.state), &recorded.events);
        if self.first == Position::NONE {
            self.first = position;
        }
        self.version = position;
        self.recorded_at = Some(recorded.at);
        let CommandStamp { id, digest } = recorded.command;
        self.executed.insert(id, Executed { position, digest });
    }
}
