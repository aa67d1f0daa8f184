//! Who goes first of those who can have a case.

use super::{
    candidate::{Row, Serves},
    demand::{Demand, Mode},
};
use crate::{
    policy::assignment::{Proficiency, Ties},
    time::Timestamp,
};

/// Who goes first: the lowest, compared field by field, and then the lowest id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score {
    /// Whether the agent only helps out.
    pub overflow: bool,
    /// What is lacking of proficiency, in all skills together that are needed; 0 unless that was given up.
    pub shortfall: u32,
    /// How many skills are lacking or weak that would be liked; 0 unless something was given up.
    pub missing: u32,
    /// Whether the agent is not for the customer's segment.
    pub off_segment: bool,
    /// What the mode compares: when the agent last was given a case (microseconds), the share of the capacity that is left
    /// (negative), or proficiency.
    pub first: i64,
    /// What the mode compares among equals: of skills, the share of the capacity that is left (negative).
    pub second: i64,
    /// Since when the agent has nothing to do, in microseconds.
    pub idle: i64,
    /// By the seed, if ties are broken so.
    pub tie: u64,
}

pub(super) fn score(demand: &Demand, row: &Row, seed: u64) -> Score {
    let short = |(level, min): (&u8, &u8)| u32::from(min.saturating_sub(*level));
    let (first, second) = match demand.mode {
        // In a queue whose cases are taken the order is only shown.
        Mode::RoundRobin | Mode::Pull => (micros(row.snapshot.last_assigned, i64::MIN), 0),
        Mode::LoadBalanced => (-share_left(row), 0),
        Mode::Skills => (proficiency(demand, row), -share_left(row)),
    };
    Score {
        overflow: row.serves == Serves::Overflow,
        shortfall: row.skills.iter().zip(demand.skills.values()).map(short).sum(),
        missing: row
            .optional_skills
            .iter()
            .zip(demand.optional_skills.values())
            .map(|(level, min)| u32::from(level < min))
            .sum(),
        off_segment: !row.in_segment,
        first,
        second,
        idle: micros(row.snapshot.idle_since, i64::MAX),
        tie: match demand.ties {
            Ties::LowestId => 0,
            Ties::Seeded => scatter(seed, row.id.as_str()),
        },
    }
}

/// The share of the capacity that is left, of 2^30. Shares of capacities below 2^15 are told apart exactly.
fn share_left(row: &Row) -> i64 {
    let capacity = i64::from(row.snapshot.capacity.max(1));
    let left = i64::from(row.snapshot.capacity.saturating_sub(row.snapshot.used));
    (left << 30) / capacity
}

fn proficiency(demand: &Demand, row: &Row) -> i64 {
    match demand.proficiency {
        Proficiency::Best => -row.skills.iter().map(|level| i64::from(*level)).sum::<i64>(),
        Proficiency::LeastSufficient => {
            let above = |(level, min): (&u8, &u8)| i64::from(level.saturating_sub(*min));
            row.skills.iter().zip(demand.skills.values()).map(above).sum()
        }
    }
}

fn micros(at: Option<Timestamp>, none: i64) -> i64 {
    at.map_or(none, Timestamp::as_microsecond)
}

/// FNV-1a over the id, begun with the seed, and the finalizer of SplitMix64 so that near seeds give far orders. It is stored
/// in no format but decides what is: it never changes.
fn scatter(seed: u64, id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
