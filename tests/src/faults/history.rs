use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use porcupine_rs::{CheckResult, check_operations_timeout};

use super::register;

/// How long the search for an order of one case's operations may take.
const CHECK_WITHIN: Duration = Duration::from_secs(10);

/// What a client did to the register of one case, and what it was told. Values are never written twice, so that one
/// tells the version of the case as well as its position does; nothing was written before the first, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It read this.
    Read {
        /// What stands there.
        value: u64,
        /// The position that it was told.
        at: u64,
    },
    /// It wrote `new` where `old` stood, or whatever stood there.
    Wrote {
        /// What it insisted on.
        old: Option<u64>,
        /// What stands there now.
        new: u64,
        /// The position that it was told.
        at: u64,
    },
    /// It was told that `old` no longer stands there.
    Stale {
        /// What it insisted on.
        old: u64,
    },
    /// It had no answer: `new` stands there now where `old` stood, or will, or never.
    Unknown {
        /// What it insisted on.
        old: Option<u64>,
        /// What may stand there.
        new: u64,
    },
}

/// Something that was done to a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    case: usize,
    pub(super) began: i64,
    pub(super) ended: i64,
    pub(super) done: Done,
}

/// What may not happen to a register, and is to be found where it does.
#[derive(Clone, Copy, Debug)]
pub enum Flaw {
    /// What was read has never been written.
    Invented,
    /// What is read has been written over before.
    Stale,
    /// What was written is gone.
    Lost,
}

/// What all clients did, and when.
#[derive(Debug)]
pub struct History {
    began: Instant,
    calls: Mutex<Vec<Call>>,
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), calls: Mutex::default() }
    }
}

impl History {
    /// Now, as calls begin and end.
    pub fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// What was done to `case` by a call that began then and ends now.
    pub fn add(&self, case: usize, began: i64, done: Done) {
        let ended = if matches!(done, Done::Unknown { .. }) { i64::MAX } else { self.now() };
        self.lock().push(Call { case, began, ended, done });
    }

    /// How many calls came to this.
    pub fn count(&self, so: impl Fn(&Done) -> bool) -> usize {
        self.lock().iter().filter(|call| so(&call.done)).count()
    }

    /// Finds an order of what was done to each case that agrees with what was told and with the clock. If there is none:
    /// all that was done to that case.
    pub fn check(&self) -> Result<(), String> {
        for (case, mut calls) in self.cases() {
            let verdict = check_operations_timeout(&register::operations(&calls), CHECK_WITHIN);
            if verdict == CheckResult::Ok {
                continue;
            }
            calls.sort_by_key(|call| (call.began, call.ended));
            let line = |call: &Call| format!("\n{} to {}: {:?}", call.began, call.ended, call.done);
            let list: String = calls.iter().map(line).collect();
            assert_eq!(verdict, CheckResult::Illegal, "case {case}, within {CHECK_WITHIN:?}:{list}");
            return Err(format!("no order explains what was told of case {case}:{list}"));
        }
        Ok(())
    }

    /// The same history, but for one flaw in one of its cases: one whose calls were all answered, and that was read
    /// after all of them. None if there is no such case.
    pub fn flawed(&self, flaw: Flaw) -> Option<Self> {
        let (mut calls, (mut read, write, earlier)) =
            self.cases().into_values().rev().find_map(|calls| Some((calls.clone(), last_read(&calls)?)))?;
        calls.retain(|call| call.began < read.began);
        let (Done::Wrote { new, .. }, Done::Wrote { new: value, at, .. }) = (write.done, earlier.done) else {
            return None;
        };
        match flaw {
            Flaw::Invented => {
                calls.retain(|call| !matches!(call.done, Done::Wrote { new: n, .. } if n == new));
            }
            Flaw::Stale => read.done = Done::Read { value, at },
            Flaw::Lost => {
                let done = Done::Wrote { old: None, new: u64::MAX, at: u64::MAX };
                calls.push(Call { began: read.began - 1, ended: read.began - 1, done, ..read });
            }
        }
        calls.push(read);
        calls.extend(self.lock().iter().filter(|call| call.case != read.case));
        Some(Self { began: self.began, calls: Mutex::new(calls) })
    }

    fn cases(&self) -> BTreeMap<usize, Vec<Call>> {
        let mut cases: BTreeMap<usize, Vec<Call>> = BTreeMap::new();
        for call in self.lock().iter() {
            cases.entry(call.case).or_default().push(*call);
        }
        cases
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last call, if it read after all others had ended; the write that it read; and one that had ended before that.
fn last_read(calls: &[Call]) -> Option<(Call, Call, Call)> {
    let read = *calls.iter().max_by_key(|call| call.began)?;
    let Done::Read { value, .. } = read.done else { return None };
    let others = || calls.iter().filter(|call| call.began != read.began);
    let writes = || others().filter(|call| matches!(call.done, Done::Wrote { .. }));
    let write = writes().find(|call| matches!(call.done, Done::Wrote { new, .. } if new == value))?;
    let earlier = writes().find(|call| call.ended < write.began)?;
    others().all(|call| call.ended < read.began).then_some((read, *write, *earlier))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(calls: &[(i64, i64, Done)]) -> History {
        let calls = calls.iter().map(|&(began, ended, done)| Call { case: 0, began, ended, done }).collect();
        History { calls: Mutex::new(calls), ..History::default() }
    }

    fn holds(calls: &[(i64, i64, Done)]) -> bool {
        history(calls).check().is_ok()
    }

    /// Positions are ten times the values.
    fn wrote(old: impl Into<Option<u64>>, new: u64) -> Done {
        Done::Wrote { old: old.into(), new, at: new * 10 }
    }

    fn read(value: u64) -> Done {
        Done::Read { value, at: value * 10 }
    }

    #[test]
    fn a_lost_update_a_stale_read_and_a_lie_are_found() {
        assert!(holds(&[(0, 1, wrote(0, 1)), (2, 3, wrote(1, 2)), (4, 5, read(2))]));
        assert!(holds(&[(0, 9, wrote(None, 2)), (0, 9, wrote(None, 1)), (0, 9, read(1)), (10, 11, read(2))]));
        assert!(!holds(&[(0, 1, wrote(0, 1)), (0, 1, wrote(0, 2))]), "both cannot have been first");
        assert!(!holds(&[(0, 1, wrote(None, 2)), (2, 3, wrote(None, 1))]), "a position that lies");
        assert!(!holds(&[(0, 1, wrote(0, 1)), (2, 3, read(0))]), "an old value");
        assert!(!holds(&[(0, 1, Done::Stale { old: 0 })]), "nobody was there before");
    }

    #[test]
    fn what_had_no_answer_may_have_happened_or_not() {
        let unknown = (0, i64::MAX, Done::Unknown { old: Some(0), new: 1 });
        assert!(holds(&[unknown, (2, 3, read(0))]));
        assert!(holds(&[unknown, (2, 3, read(0)), (4, 5, read(1))]));
        assert!(holds(&[unknown, (2, 3, read(0)), (4, 5, wrote(1, 2)), (6, 7, read(2))]));
        assert!(holds(&[unknown, (2, 3, Done::Stale { old: 0 })]));
        assert!(!holds(&[unknown, (2, 3, read(1)), (4, 5, read(0))]), "it does not come undone");
        assert!(!holds(&[unknown, (2, 3, wrote(None, 2)), (4, 5, read(1))]), "what it insisted on is gone");
    }

    #[test]
    fn flaws_are_made_where_nothing_is_in_doubt() {
        let good = [(0, 1, wrote(0, 1)), (2, 3, wrote(1, 2)), (4, 5, read(2))];
        for flaw in [Flaw::Invented, Flaw::Stale, Flaw::Lost] {
            assert!(history(&good).flawed(flaw).unwrap().check().is_err(), "{flaw:?}");
        }
        let unknown = (0, i64::MAX, Done::Unknown { old: None, new: 3 });
        assert!(history(&[good.as_slice(), &[unknown]].concat()).flawed(Flaw::Lost).is_none());
    }
}
