mod life;
mod properties;
mod table;

use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::{Decider, fold},
    ids::{CaseId, ChannelKind},
    time::Timestamp,
};

pub(super) const LIMITS: Limits = Limits { units: 6, at_most: None, push: true };

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

pub(super) fn by(second: i64, action: Action) -> Command {
    let by = Actor::new(Kind::Service, "assignment".parse().unwrap(), "internal".parse().unwrap());
    Command::new(at(second), by, action)
}

pub(super) fn case(number: u128) -> CaseId {
    CaseId(uuid::Uuid::from_u128(number))
}

pub(super) fn chat() -> ChannelKind {
    "chat".parse().unwrap()
}

pub(super) fn set(presence: Presence, lease: i64) -> Action {
    Action::SetPresence { presence, reason: None, lease_until: at(lease) }
}

pub(super) fn reserve(number: u128, decision: u32, until: i64, how: How) -> Action {
    let (case, channel, until) = (case(number), chat(), at(until));
    Action::Reserve { case, decision, channel, units: 2, until, how, limits: LIMITS }
}

pub(super) fn offer(number: u128, until: i64) -> Action {
    Action::Offer { case: case(number), decision: 1, until: at(until) }
}

pub(super) fn accept(number: u128) -> Action {
    Action::Accept { case: case(number), decision: 1 }
}

pub(super) fn claim(number: u128) -> Action {
    Action::Claim { case: case(number), decision: 1 }
}

pub(super) fn release(number: u128, ended: Ended) -> Action {
    Action::Release { case: case(number), decision: 1, ended }
}

pub(super) fn time_out(number: u128) -> Action {
    Action::TimeOut { case: case(number), decision: 1, misses_max: 3 }
}

pub(super) fn decline(number: u128) -> Action {
    Action::Decline { case: case(number), decision: 1, reason: None }
}

pub(super) fn hold(number: u128, units: u32, consumes: bool) -> Action {
    Action::Hold { case: case(number), channel: chat(), units, consumes }
}

pub(super) fn drop_case(number: u128) -> Action {
    Action::Drop { case: case(number), left: Left::Done }
}

pub(super) fn after(actions: impl IntoIterator<Item = (i64, Action)>) -> State {
    actions.into_iter().fold(State::default(), |state, (second, action)| {
        let events = state.decide(by(second, action)).unwrap();
        fold(state, &events)
    })
}
