//! What calls come to, counted.

use super::{
    decide::Action,
    state::State,
    values::{Cause, Evidence, Level, Rules, Sense},
};
use crate::channel::Direction;

/// How many of the last calls are looked at together.
const LAST: u32 = 20;

/// What one call said of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It was answered. What the answer says of the one message is another matter.
    Well,
    /// It failed as any other would have.
    Failed(Cause),
}

/// Counts what calls come to, and says what to decide. It lives as long as a process: what it had counted since the last
/// decision is lost with that, and what was decided is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    direction: Direction,
    /// Failures in a row.
    failed: u32,
    /// Successes in a row.
    well: u32,
    /// The last calls, the newest in the lowest digit: 1 failed.
    last: u32,
    calls: u32,
}

impl Watch {
    /// Takes up from what was decided.
    pub fn of(state: &State, direction: Direction) -> Self {
        let mut watch = Self { direction, failed: 0, well: 0, last: 0, calls: 0 };
        let side = state.side(direction);
        if side.level == Level::Degraded
            && let Some(Evidence::Calls { in_a_row, .. }) =
                side.trouble.as_ref().map(|trouble| &trouble.evidence)
        {
            watch.failed = *in_a_row;
            watch.last = (1 << (*in_a_row).min(LAST)) - 1;
            watch.calls = (*in_a_row).min(LAST);
        }
        watch
    }

    /// Takes one call in; what to decide on a state of this level. It says so again with each call until it is decided.
    pub fn see(&mut self, sign: Sign, level: Level, rules: &Rules) -> Option<Action> {
        let direction = self.direction;
        self.calls = self.calls.saturating_add(1).min(LAST);
        self.last = (self.last << 1 | u32::from(sign != Sign::Well)) & ((1 << LAST) - 1);
        match sign {
            Sign::Well => {
                (self.failed, self.well) = (0, self.well.saturating_add(1));
                let enough = match level {
                    Level::Up => false,
                    Level::Degraded => self.well >= rules.recovered_after,
                    Level::Recovering | Level::Down => true,
                };
                if enough {
                    // What was before is over, and does not degrade it again.
                    (self.last, self.calls) = (0, 0);
                }
                enough.then_some(Action::Recover { direction, sense: Sense::Calls })
            }
            Sign::Failed(cause) => {
                (self.failed, self.well) = (self.failed.saturating_add(1), 0);
                let evidence = self.evidence();
                // A secret that is wrong once is wrong for all.
                let is_down = cause == Cause::Authentication
                    || cause == Cause::Gone
                    || level == Level::Recovering
                    || self.failed >= rules.down_after;
                let is_half = self.calls == LAST && self.last.count_ones() * 2 >= LAST;
                if is_down {
                    Some(Action::GoDown { direction, cause, evidence, rules: *rules })
                } else if self.failed >= rules.degraded_after || is_half {
                    Some(Action::Degrade { direction, cause, evidence })
                } else {
                    None
                }
            }
        }
    }

    fn evidence(&self) -> Evidence {
        Evidence::Calls { in_a_row: self.failed, failed: self.last.count_ones(), calls: self.calls }
    }
}
