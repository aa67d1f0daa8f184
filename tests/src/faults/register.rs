use std::collections::BTreeMap;

use porcupine_rs::{Model, Operation};

use super::history::{Call, Done};

/// A register, and where in the log its value was written.
#[derive(Clone, Debug)]
pub(super) struct Register;

/// What was done to a register. Of a write whose position somebody was told: which write was next before it, and how
/// often that one was read. Positions are in the order in which writes take effect, so it follows on that one and on
/// no other, and on all of its reads; without this the search would try all orders of what was done at the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    done: Done,
    placed: Option<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    before: u64,
    reads: usize,
    at: u64,
}

/// A register as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    value: u64,
    /// The position of the last write that has one.
    last: u64,
    /// How often the value of that write was read.
    reads: usize,
}

impl Model for Register {
    type State = State;
    type Op = Step;
    type Metadata = ();

    fn init() -> State {
        State::default()
    }

    fn step(state: &State, step: &Step) -> (bool, State) {
        let fits = |old: Option<u64>| old.is_none_or(|old| old == state.value);
        match (step.done, step.placed) {
            (Done::Read { value, .. }, _) => {
                (value == state.value, State { reads: state.reads + 1, ..state.clone() })
            }
            (Done::Stale { old }, _) => (old != state.value, state.clone()),
            (
                Done::Wrote { old, new, .. } | Done::Unknown { old, new },
                Some(Place { before, reads, at }),
            ) => {
                let follows = (before, reads) == (state.last, state.reads);
                (follows && fits(old), State { value: new, last: at, reads: 0 })
            }
            // It ends never, so there is always a place for it where it does no harm: the end.
            (Done::Unknown { old, new } | Done::Wrote { old, new, .. }, None) => {
                (true, if fits(old) { State { value: new, ..state.clone() } } else { state.clone() })
            }
        }
    }
}

/// The calls about one case as operations on its register. A write without an answer has its place if its value was read.
pub(super) fn operations(calls: &[Call]) -> Vec<Operation<Register>> {
    let told = calls.iter().filter_map(|call| match call.done {
        Done::Read { value, at } if value > 0 => Some((value, at)),
        Done::Wrote { new, at, .. } => Some((new, at)),
        Done::Read { .. } | Done::Stale { .. } | Done::Unknown { .. } => None,
    });
    let told: BTreeMap<u64, u64> = told.collect();
    let mut reads: BTreeMap<u64, usize> = BTreeMap::from([(0, 0)]);
    for at in told.values() {
        reads.insert(*at, 0);
    }
    for call in calls {
        if let Done::Read { value, .. } = call.done {
            *reads.entry(told.get(&value).copied().unwrap_or_default()).or_default() += 1;
        }
    }
    let place = |new| {
        let at = *told.get(&new)?;
        let (&before, &reads) = reads.range(..at).next_back()?;
        Some(Place { before, reads, at })
    };
    let operation = |call: &Call| {
        let placed = match call.done {
            Done::Wrote { new, .. } | Done::Unknown { new, .. } => place(new),
            Done::Read { .. } | Done::Stale { .. } => None,
        };
        let op = Step { done: call.done, placed };
        Operation { client_id: None, call_time: call.began, return_time: call.ended, op, metadata: None }
    };
    calls.iter().map(operation).collect()
}
