mod life;
mod properties;
mod quiet;
mod watching;

use super::*;
use crate::{
    actor::{Actor, Kind},
    channel::Direction,
    time::Timestamp,
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn command(second: i64, action: Action) -> Command {
    let by = Actor::new(Kind::Human, "ana".parse().unwrap(), "session".parse().unwrap());
    Command::new(at(second), by, action)
}

fn evidence() -> Evidence {
    Evidence::Calls { in_a_row: 5, failed: 5, calls: 5 }
}

fn down(direction: Direction, cause: Cause) -> Action {
    Action::GoDown { direction, cause, evidence: evidence(), rules: Rules::default() }
}

fn degrade(direction: Direction, cause: Cause) -> Action {
    Action::Degrade { direction, cause, evidence: evidence() }
}

fn recover(direction: Direction, sense: Sense) -> Action {
    Action::Recover { direction, sense }
}
