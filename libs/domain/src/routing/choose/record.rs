//! A decision as it is stored, and its replay.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Aside, Choice, Fate, Verdict,
    candidate::{self, Candidate, Row},
    conclude,
    demand::Demand,
    judge,
    reason::Reason,
};
use crate::{ids::PersonId, time::Timestamp};

/// How many candidates are stored with everything that was of meaning.
pub const ROWS_MAX: usize = 20;
/// How many bytes the names of all others may take, as JSON: 2,000 of the longest there are.
pub const IDS_BYTES_MAX: usize = 136 * 1024;
/// What JSON adds to a name in a list: quotes and a comma.
const ID_EXTRA_BYTES: usize = 3;

/// A decision as it is stored.
///
/// Up to [`ROWS_MAX`] candidates are stored whole, and the replay proves all of the decision from what went into it. Of more,
/// the best that could have the case are stored whole, and whoever goes before all others; the rest by name, under the first
/// reason against them. The replay then proves that who was chosen goes before the best of the others and that nothing was
/// against him; what is said against the others is taken as it stands. Their streams up to `taken.position` prove that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What the case needed.
    pub demand: Demand,
    /// When that was decided.
    pub now: Timestamp,
    /// The seed.
    pub seed: u64,
    /// From where it was taken.
    pub taken: Taken,
    /// Candidates with everything that was of meaning, in the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Others who could have had it, and would have come later.
    #[serde(default, skip_serializing_if = "Group::is_empty")]
    pub eligible: Group,
    /// Others who could not, by the first reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<Reason, Group>,
    /// What was decided.
    pub verdict: Verdict,
}

/// From where a decision's inputs were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The version of the policy, with its rules: the position of its latest entry.
    pub policy: u64,
    /// The position in the log up to which the candidates were seen.
    pub position: u64,
}

/// Candidates who are stored by name only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// How many.
    pub count: u32,
    /// Who: all of them, unless their names take more than [`IDS_BYTES_MAX`].
    pub agents: Vec<PersonId>,
}

impl Group {
    /// Whether nobody is in it.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, agent: PersonId, bytes_left: &mut usize) {
        self.count = self.count.saturating_add(1);
        let bytes = agent.as_str().len() + ID_EXTRA_BYTES;
        if let Some(left) = bytes_left.checked_sub(bytes) {
            *bytes_left = left;
            self.agents.push(agent);
        }
    }
}

impl Decided {
    /// Decides, and keeps what is to be stored.
    pub fn choose(
        demand: Demand,
        candidates: &[Candidate],
        now: Timestamp,
        seed: u64,
        taken: Taken,
    ) -> (Self, Choice) {
        let rows = candidate::rows(&demand, candidates);
        let (verdict, fates) = judge(&demand, &rows, now, seed);
        let trace = rows.iter().zip(&fates);
        let trace = trace.map(|(row, fate)| super::Line { agent: row.id.clone(), fate: *fate }).collect();
        let keep = kept(&demand, &rows, &fates);
        let mut record = Self {
            demand,
            now,
            seed,
            taken,
            rows: Vec::new(),
            eligible: Group::default(),
            rejected: BTreeMap::new(),
            verdict: verdict.clone(),
        };
        let mut bytes_left = IDS_BYTES_MAX;
        for ((row, fate), keep) in rows.into_iter().zip(fates).zip(keep) {
            match fate {
                _ if keep => record.rows.push(row),
                Fate::Eligible(_) => record.eligible.add(row.id, &mut bytes_left),
                Fate::Rejected(reason) => {
                    record.rejected.entry(reason).or_default().add(row.id, &mut bytes_left);
                }
            }
        }
        (record, Choice { verdict, trace })
    }

    /// Whether every candidate is stored whole.
    pub fn is_whole(&self) -> bool {
        self.eligible.is_empty() && self.rejected.is_empty()
    }

    /// Decides again on what is stored.
    pub fn replay(&self) -> Verdict {
        let (mut verdict, fates) = judge(&self.demand, &self.rows, self.now, self.seed);
        verdict.eligible = verdict.eligible.saturating_add(self.eligible.count);
        for (reason, group) in &self.rejected {
            let count = verdict.rejected.entry(*reason).or_insert(0);
            *count = count.saturating_add(group.count);
        }
        conclude(&self.demand, &self.rows, &fates, self.now, verdict)
    }

    /// What became of an agent, as far as it is stored.
    pub fn fate_of(&self, agent: &PersonId) -> Option<Aside> {
        let whole = self.rows.iter().position(|row| row.id == *agent).map(|index| {
            match judge(&self.demand, &self.rows, self.now, self.seed).1.get(index) {
                Some(Fate::Rejected(reason)) => Aside::Rejected { reason: *reason },
                Some(Fate::Eligible(_)) | None => Aside::Passed,
            }
        });
        let chosen =
            matches!(&self.verdict.outcome, super::Outcome::Chosen { agent: chosen, .. } if chosen == agent);
        let rejected = self.rejected.iter().find(|(_, group)| group.agents.contains(agent));
        let by_name = rejected.map(|(reason, _)| Aside::Rejected { reason: *reason });
        let passed = self.eligible.agents.contains(agent).then_some(Aside::Passed);
        if chosen { Some(Aside::Chosen) } else { whole.or(by_name).or(passed) }
    }
}

/// Which candidates are stored whole: all of a few; of many the best, and whoever goes before all others.
fn kept(demand: &Demand, rows: &[Row], fates: &[Fate]) -> Vec<bool> {
    if rows.len() <= ROWS_MAX {
        return vec![true; rows.len()];
    }
    let asides = [demand.direct.as_ref().map(|d| &d.agent), demand.last_agent.as_ref().map(|l| &l.agent)];
    let is_aside = |row: &Row| asides.contains(&Some(&row.id));
    let mut keep: Vec<bool> = rows.iter().map(is_aside).collect();
    let room = ROWS_MAX - keep.iter().filter(|keep| **keep).count();
    let mut best: Vec<_> = rows
        .iter()
        .zip(fates)
        .enumerate()
        .filter_map(|(index, (row, fate))| match fate {
            Fate::Eligible(score) if !is_aside(row) => Some((score, &row.id, index)),
            Fate::Eligible(_) | Fate::Rejected(_) => None,
        })
        .collect();
    if best.len() > room {
        best.select_nth_unstable_by(room, |a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        best.truncate(room);
    }
    for (_, _, index) in best {
        if let Some(keep) = keep.get_mut(index) {
            *keep = true;
        }
    }
    keep
}
