//! What callers want.

use domain::{personal::Personal, time::Timestamp};
use service::conformance::ShelfCommand;

/// What a caller wants, whenever it is decided.
#[derive(Debug)]
pub enum Plan {
    Put(u64),
    Take(u64),
    Count(u64),
}

impl Plan {
    pub fn any(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 | 1 => Self::Put(dice.below(5)),
            2 => Self::Take(dice.below(5)),
            _ => Self::Count(1 + dice.below(100)),
        }
    }

    pub fn command(&self, now: Timestamp) -> ShelfCommand {
        match self {
            Self::Put(thing) => {
                let note = Personal::open(format!("mail_{thing}"), "a secret");
                ShelfCommand::Put(thing.to_string(), now, note)
            }
            Self::Take(thing) => ShelfCommand::Take(thing.to_string()),
            Self::Count(amount) => ShelfCommand::Count(*amount),
        }
    }
}

pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What happened in some runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub done: u64,
    pub repeated: u64,
    pub refused: u64,
    pub unchanged: u64,
    pub stale: u64,
    pub cut: u64,
    pub power_cuts: u64,
    pub unanswered: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.unchanged += other.unchanged;
        self.stale += other.stale;
        self.cut += other.cut;
        self.power_cuts += other.power_cuts;
        self.unanswered += other.unanswered;
    }
}
