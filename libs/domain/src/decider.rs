//! The shape of every aggregate.

#[cfg(test)]
pub mod testing;

use std::borrow::Cow;

use crate::{actor::Actor, ids::RegionId, time::Timestamp};

/// A consistency boundary: commands are decided on its state, and its state is the fold of its events.
///
/// Promises that implementers MUST keep:
/// - `decide` and `evolve` are functions: the same values give the same answer, always.
/// - A command whose effect already is in the state yields no events. (A few commands carry sealed text, which cannot
///   be compared; their doc comments say so, and the command's id makes their retries harmless.)
/// - `evolve` is total: it takes any event in any state and neither refuses nor panics.
pub trait Decider: Default + Clone + Send + Sync + 'static {
    /// Part of every stream name: never renamed.
    const CATEGORY: &'static str;
    /// What may be asked; carries time, ids and whatever was looked up.
    type Command;
    /// What happened; the stored format.
    type Event;
    /// Refusals only, never I/O.
    type Error: std::error::Error;

    /// What the command means in this state.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after the event.
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;

    /// The region that this is about, if it says one: every entry is marked with that in which it was decided.
    fn region(&self) -> Option<&RegionId> {
        None
    }
}

/// An action, when it occurred and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command<A> {
    /// When it occurred. Later decisions may be about earlier times: reports arrive late, history is imported.
    pub at: Timestamp,
    /// Who wants it.
    pub by: Actor,
    /// What is wanted.
    pub action: A,
}

impl<A> Command<A> {
    /// `action`, wanted by `by` at `at`.
    pub const fn new(at: Timestamp, by: Actor, action: A) -> Self {
        Self { at, by, action }
    }
}

/// The state after all of `events`.
pub fn fold<'a, D: Decider>(state: D, events: impl IntoIterator<Item = &'a D::Event>) -> D
where
    D::Event: 'a,
{
    events.into_iter().fold(state, D::evolve)
}

/// Decides several commands as one: each sees the effect of those before it, and one refusal refuses all.
/// This is how a macro stays all or nothing.
pub fn decide_all<D: Decider>(
    state: &D,
    commands: impl IntoIterator<Item = D::Command>,
) -> Result<Vec<D::Event>, D::Error> {
    let mut state = Cow::Borrowed(state);
    let mut all = Vec::new();
    let mut commands = commands.into_iter().peekable();
    while let Some(command) = commands.next() {
        let events = state.decide(command)?;
        // Nobody sees the effect of the last one here. Most commands come alone, and a large state is dear to copy.
        if commands.peek().is_some() {
            state = Cow::Owned(fold(state.into_owned(), &events));
        }
        all.extend(events);
    }
    Ok(all)
}
