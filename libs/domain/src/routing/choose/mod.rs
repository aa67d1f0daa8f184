//! The choice of an agent for a case.
//!
//! [`choose`] looks at everybody who might have the case and says who gets it, or why it waits. It is a function of what it
//! is given: no clock, no memory, and the order in which candidates come is of no meaning. What it was given is stored with
//! its answer ([`Decided`]), in a stream for each case, `routing-<case>`, and [`Decided::replay`] gives that answer again.
//!
//! Who lacks what the case must have is never chosen, however long it waits; what a case would like to have is given up in
//! steps ([`Relaxation`]). Whether there still is room is decided once more on the agent's own stream, because others
//! choose at the same time from what they saw a moment ago ([`crate::agent`]).

mod candidate;
mod decide;
mod demand;
mod error;
mod event;
mod order;
mod rank;
mod reason;
mod record;
mod state;
#[cfg(test)]
mod tests;
mod trigger;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use candidate::{Candidate, Profile, Row, Serves, Snapshot};
pub use decide::{Action, Command};
pub use demand::{
    Demand, Direct, LANGUAGES_MAX, LastAgent, Mode, RELAXATIONS_MAX, Relax, Relaxation, SKILLS_MAX, Unfit,
};
pub use error::Error;
pub use event::{Event, Gone, Ruled};
pub use order::{Waiting, ahead_at_most_until, order};
pub use rank::Score;
pub use reason::Reason;
pub use record::{Decided, Group, IDS_BYTES_MAX, ROWS_MAX, Taken};
pub use state::{Award, State};
pub use trigger::Trigger;

use crate::{ids::PersonId, time::Timestamp};

/// What was decided, without what became of each candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Who gets it, or why it waits.
    pub outcome: Outcome,
    /// How many steps of relaxation applied.
    pub step: u8,
    /// What became of the agent who was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<Aside>,
    /// What became of the agent who had the customer last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_agent: Option<Aside>,
    /// How many could have had it.
    pub eligible: u32,
    /// How many could not, by the first reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<Reason, u32>,
}

/// Who gets the case, or why it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Outcome {
    /// Somebody gets it.
    Chosen {
        /// Who.
        agent: PersonId,
        /// How many units it takes.
        units: u32,
        /// As what.
        by: By,
    },
    /// Nobody gets it now. That is no error.
    Waiting {
        /// What is in the way for whoever came nearest: the others lack more.
        reason: Reason,
    },
}

/// As what an agent was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// He was asked for.
    Direct,
    /// He had the customer last.
    LastAgent,
    /// He came first by the queue's mode.
    Mode,
}

/// What became of somebody who goes before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Aside {
    /// He gets it.
    Chosen,
    /// He cannot have it.
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// The time is over in which he goes before the others.
    Over,
    /// He is no candidate at all.
    Unknown,
    /// Another one goes before him, or nobody gets it.
    Passed,
}

/// A decision, with what became of each candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What was decided.
    pub verdict: Verdict,
    /// Every candidate, in the order of the ids.
    pub trace: Vec<Line>,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub agent: PersonId,
    /// What.
    pub fate: Fate,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Could not have it, and this is the first reason.
    Rejected(Reason),
    /// Could have it; the lowest score comes first.
    Eligible(Score),
}

/// Who gets the case, or why it waits.
pub fn choose(demand: &Demand, candidates: &[Candidate], now: Timestamp, seed: u64) -> Choice {
    let rows = candidate::rows(demand, candidates);
    let (verdict, fates) = judge(demand, &rows, now, seed);
    let line = |(row, fate): (Row, Fate)| Line { agent: row.id, fate };
    Choice { verdict, trace: rows.into_iter().zip(fates).map(line).collect() }
}

/// What becomes of each of `rows`, and what follows.
fn judge(demand: &Demand, rows: &[Row], now: Timestamp, seed: u64) -> (Verdict, Vec<Fate>) {
    let relaxed = demand.relaxed_at(now);
    let fate = |row: &Row| match reason::first(demand, relaxed, row, now) {
        Some(reason) => Fate::Rejected(reason),
        None => Fate::Eligible(rank::score(demand, row, seed)),
    };
    let fates: Vec<Fate> = rows.iter().map(fate).collect();
    let mut rejected = BTreeMap::new();
    for fate in &fates {
        if let Fate::Rejected(reason) = fate {
            *rejected.entry(*reason).or_insert(0u32) += 1;
        }
    }
    let none = Verdict {
        outcome: Outcome::Waiting { reason: Reason::Nobody },
        step: relaxed.step,
        direct: None,
        last_agent: None,
        eligible: u32::try_from(rows.len()).unwrap_or(u32::MAX) - rejected.values().sum::<u32>(),
        rejected,
    };
    (conclude(demand, rows, &fates, now, none), fates)
}

/// The verdict on what became of each candidate.
fn conclude(demand: &Demand, rows: &[Row], fates: &[Fate], now: Timestamp, mut verdict: Verdict) -> Verdict {
    let find = |agent: &PersonId| rows.iter().position(|row| row.id == *agent);
    let aside = |agent: &PersonId, until: Option<Timestamp>| match find(agent) {
        _ if until.is_some_and(|until| until <= now) => (Aside::Over, None),
        None => (Aside::Unknown, None),
        Some(index) => match fates.get(index) {
            Some(Fate::Rejected(reason)) => (Aside::Rejected { reason: *reason }, None),
            Some(Fate::Eligible(_)) => (Aside::Passed, Some(index)),
            None => (Aside::Unknown, None),
        },
    };
    let (direct, asked) = demand.direct.as_ref().map(|d| aside(&d.agent, d.until)).unzip();
    let (last, known) = demand.last_agent.as_ref().map(|l| aside(&l.agent, Some(l.until))).unzip();
    (verdict.direct, verdict.last_agent) = (direct, last);
    let waits = |reason| Outcome::Waiting { reason };
    let chosen = if !demand.open {
        Err(Reason::Closed)
    } else if let Some(index) = asked.flatten() {
        verdict.direct = Some(Aside::Chosen);
        Ok((index, By::Direct))
    } else if demand.mode == Mode::Pull && !demand.is_asked_for(now) {
        Err(Reason::ToBeTaken)
    } else if let Some(index) = known.flatten() {
        verdict.last_agent = Some(Aside::Chosen);
        Ok((index, By::LastAgent))
    } else {
        let scored = rows.iter().zip(fates).enumerate().filter_map(|(index, (row, fate))| match fate {
            Fate::Eligible(score) => Some((score, &row.id, index)),
            Fate::Rejected(_) => None,
        });
        let first = scored.min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let nearest = verdict.rejected.keys().next_back().copied().unwrap_or(Reason::Nobody);
        first.map(|(_, _, index)| (index, By::Mode)).ok_or(nearest)
    };
    verdict.outcome = match chosen.and_then(|(index, by)| Ok((rows.get(index).ok_or(Reason::Nobody)?, by))) {
        Ok((row, by)) => Outcome::Chosen { agent: row.id.clone(), units: row.takes, by },
        Err(reason) => waits(reason),
    };
    verdict
}
