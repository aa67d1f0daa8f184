use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use porcupine_rs::{CheckResult, Model, Operation, check_operations_timeout};

/// How long the search for an order may take.
const CHECK_WITHIN: Duration = Duration::from_secs(120);

/// What a client did to the register of one case, and what it was told. Values are never written twice, so that one
/// tells the version of the case as well as its position does; nothing was written before the first, which is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It read this.
    Read(u64),
    /// It wrote `new` where `old` stood, or whatever stood there.
    Wrote {
        /// What it insisted on.
        old: Option<u64>,
        /// What stands there now.
        new: u64,
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

/// A register, one for each case.
#[derive(Clone, Debug)]
pub struct Register;

impl Model for Register {
    type State = u64;
    type Op = (usize, Done);
    type Metadata = ();

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        let mut cases: BTreeMap<usize, Vec<Operation<Self>>> = BTreeMap::new();
        for operation in history {
            cases.entry(operation.op.0).or_default().push(operation.clone());
        }
        cases.into_values().collect()
    }

    fn init() -> u64 {
        0
    }

    fn step(state: &u64, (_, done): &(usize, Done)) -> (bool, u64) {
        let fits = |old: Option<u64>| old.is_none_or(|old| old == *state);
        match *done {
            Done::Read(value) => (value == *state, *state),
            Done::Wrote { old, new } => (fits(old), new),
            Done::Stale { old } => (old != *state, *state),
            // It ends never, so there is always a place for it where it does no harm: the end.
            Done::Unknown { old, new } => (true, if fits(old) { new } else { *state }),
        }
    }
}

/// What all clients did, and when.
#[derive(Debug)]
pub struct History {
    began: Instant,
    operations: Mutex<Vec<Operation<Register>>>,
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), operations: Mutex::default() }
    }
}

impl History {
    /// Now, as calls begin and end.
    pub fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// What was done to `case` by a call that began at `call_time` and ends now.
    pub fn add(&self, case: usize, call_time: i64, done: Done) {
        let return_time = if matches!(done, Done::Unknown { .. }) { i64::MAX } else { self.now() };
        let operation =
            Operation { client_id: None, call_time, return_time, op: (case, done), metadata: None };
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }

    /// How many operations there are, and how many of them had no answer.
    pub fn count(&self) -> (usize, usize) {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = operations.iter().filter(|one| matches!(one.op.1, Done::Unknown { .. })).count();
        (operations.len(), unknown)
    }

    /// Whether there is an order of all operations of each case that agrees with what was told and with the clock.
    pub fn is_linearizable(&self) -> bool {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        match check_operations_timeout(&operations, CHECK_WITHIN) {
            CheckResult::Ok => true,
            CheckResult::Illegal => false,
            CheckResult::Unknown => panic!("no verdict within {CHECK_WITHIN:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operations: &[(i64, i64, Done)]) -> bool {
        let history = History::default();
        let one = |&(call_time, return_time, done): &_| Operation {
            client_id: None,
            call_time,
            return_time,
            op: (0, done),
            metadata: None,
        };
        history.operations.lock().unwrap().extend(operations.iter().map(one));
        history.is_linearizable()
    }

    #[test]
    fn a_lost_update_a_stale_read_and_a_lie_are_found() {
        let wrote = |old, new| Done::Wrote { old: Some(old), new };
        assert!(holds(&[(0, 1, wrote(0, 1)), (2, 3, wrote(1, 2)), (4, 5, Done::Read(2))]));
        assert!(!holds(&[(0, 1, wrote(0, 1)), (0, 1, wrote(0, 2))]), "both cannot have been first");
        assert!(!holds(&[(0, 1, wrote(0, 1)), (2, 3, Done::Read(0))]), "an old value");
        assert!(!holds(&[(0, 1, Done::Stale { old: 0 })]), "nobody was there before");
    }

    #[test]
    fn what_had_no_answer_may_have_happened_or_not() {
        let unknown = (0, i64::MAX, Done::Unknown { old: Some(0), new: 1 });
        assert!(holds(&[unknown, (2, 3, Done::Read(0))]));
        assert!(holds(&[unknown, (2, 3, Done::Read(0)), (4, 5, Done::Read(1))]));
        assert!(holds(&[unknown, (2, 3, Done::Stale { old: 0 })]));
        assert!(!holds(&[unknown, (2, 3, Done::Read(1)), (4, 5, Done::Read(0))]), "it does not come undone");
    }
}
