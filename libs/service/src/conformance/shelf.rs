//! An aggregate for tests: small, but with everything that the command path has to get right.

use std::collections::BTreeMap;

use domain::{decider::Decider, personal::Personal, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A shelf that holds few things, each with a personal note, and a counter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// What stands on it, since when, and the note.
    pub things: BTreeMap<String, (Timestamp, Personal)>,
    /// What was counted.
    pub sum: u64,
    /// What happened although it could not: none, unless two decisions were made on one state.
    pub impossible: u64,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum ShelfCommand {
    /// To have this thing on the shelf.
    Put(String, Timestamp, Personal),
    /// Not to have it there.
    Take(String),
    /// To count this: never the same twice.
    Count(u64),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ShelfEvent {
    /// A thing came.
    #[serde(rename = "shelf.put")]
    Put {
        /// What.
        thing: String,
        /// When.
        at: Timestamp,
        /// About it.
        note: Personal,
    },
    /// A thing went.
    #[serde(rename = "shelf.taken")]
    Taken {
        /// What.
        thing: String,
    },
    /// Something was counted.
    #[serde(rename = "shelf.counted")]
    Counted {
        /// How much.
        amount: u64,
    },
}

/// There is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shelf holds {max} things", max = Shelf::THINGS_MAX)]
pub struct Full;

impl Shelf {
    /// How many things it holds.
    pub const THINGS_MAX: usize = 3;
}

impl Decider for Shelf {
    const CATEGORY: &'static str = "shelf";
    type Command = ShelfCommand;
    type Event = ShelfEvent;
    type Error = Full;

    fn decide(&self, command: ShelfCommand) -> Result<Vec<ShelfEvent>, Full> {
        match command {
            ShelfCommand::Put(thing, ..) if self.things.contains_key(&thing) => Ok(vec![]),
            ShelfCommand::Put(..) if self.things.len() >= Self::THINGS_MAX => Err(Full),
            ShelfCommand::Put(thing, at, note) => Ok(vec![ShelfEvent::Put { thing, at, note }]),
            ShelfCommand::Take(thing) if self.things.contains_key(&thing) => {
                Ok(vec![ShelfEvent::Taken { thing }])
            }
            ShelfCommand::Take(_) => Ok(vec![]),
            ShelfCommand::Count(amount) => Ok(vec![ShelfEvent::Counted { amount }]),
        }
    }

    fn evolve(mut self, event: &ShelfEvent) -> Self {
        let possible = match event {
            ShelfEvent::Put { thing, at, note } => {
                self.things.insert(thing.clone(), (*at, note.clone())).is_none()
                    && self.things.len() <= Self::THINGS_MAX
            }
            ShelfEvent::Taken { thing } => self.things.remove(thing).is_some(),
            ShelfEvent::Counted { amount } => {
                self.sum += amount;
                true
            }
        };
        self.impossible += u64::from(!possible);
        self
    }
}
