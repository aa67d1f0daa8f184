//! Given, when, then.

use std::fmt::Debug;

use serde::Serialize;

use super::{Decider, fold};

/// A state that came about by events.
pub struct Given<D>(pub D);

/// What was decided on it.
pub struct When<D: Decider> {
    state: D,
    command: D::Command,
    decision: Result<Vec<D::Event>, D::Error>,
}

/// The state after `events`.
pub fn given<'a, D: Decider>(events: impl IntoIterator<Item = &'a D::Event>) -> Given<D>
where
    D::Event: 'a,
{
    Given(fold(D::default(), events))
}

/// The types of events, for tests that are about which and not about what.
pub fn kinds<E: Serialize>(events: &[E]) -> Vec<String> {
    let kind = |event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
    events.iter().map(kind).collect()
}

impl<D: Decider> Given<D>
where
    D::Command: Clone,
{
    /// Decides.
    pub fn when(self, command: D::Command) -> When<D> {
        When { decision: self.0.decide(command.clone()), state: self.0, command }
    }
}

impl<D: Decider> When<D>
where
    D::Command: Clone,
    D::Event: Clone + Debug + PartialEq + Serialize,
    D::Error: Debug + PartialEq,
{
    /// These events, and none when the same command comes again.
    #[track_caller]
    pub fn then(self, events: &[D::Event]) -> Given<D> {
        assert_eq!(self.decision.as_ref().unwrap(), events);
        self.and_nothing_when_it_comes_again()
    }

    /// Events of these types, and none when the same command comes again.
    #[track_caller]
    pub fn then_kinds(self, expected: &[&str]) -> Given<D> {
        assert_eq!(kinds(self.decision.as_ref().unwrap()), expected);
        self.and_nothing_when_it_comes_again()
    }

    /// Events of these types, each time: the command brings sealed text, which cannot be compared.
    #[track_caller]
    pub fn then_kinds_each_time(self, expected: &[&str]) -> Given<D> {
        assert_eq!(kinds(self.decision.as_ref().unwrap()), expected);
        let state = fold(self.state, self.decision.as_ref().unwrap());
        assert_eq!(kinds(&state.decide(self.command).unwrap()), expected, "each time");
        Given(state)
    }

    /// Nothing: it is so already.
    #[track_caller]
    pub fn then_nothing(self) -> Given<D> {
        assert_eq!(self.decision.unwrap(), []);
        Given(self.state)
    }

    /// A refusal.
    #[track_caller]
    pub fn then_refused(self, error: &D::Error) -> Given<D> {
        assert_eq!(&self.decision.unwrap_err(), error);
        Given(self.state)
    }

    #[track_caller]
    fn and_nothing_when_it_comes_again(self) -> Given<D> {
        let state = fold(self.state, &self.decision.unwrap());
        assert_eq!(state.decide(self.command).unwrap(), [], "the same command again");
        Given(state)
    }
}
