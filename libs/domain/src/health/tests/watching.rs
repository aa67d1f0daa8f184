use super::*;
use crate::decider::{Decider, fold};

/// An account and its watch, as they go together.
struct Account {
    state: State,
    watch: Watch,
    now: i64,
}

impl Account {
    fn new() -> Self {
        Self { state: State::default(), watch: Watch::of(&State::default(), Direction::Out), now: 0 }
    }

    fn see(&mut self, sign: Sign) -> Level {
        self.now += 1;
        let level = self.state.side(Direction::Out).level;
        if let Some(action) = self.watch.see(sign, level, &Rules::default()) {
            self.decide(action);
        }
        self.state.side(Direction::Out).level
    }

    fn decide(&mut self, action: Action) {
        let events = self.state.decide(command(self.now, action)).unwrap();
        self.state = fold(std::mem::take(&mut self.state), &events);
    }

    fn levels(&mut self, signs: &[Sign]) -> Vec<Level> {
        signs.iter().map(|sign| self.see(*sign)).collect()
    }
}

const BAD: Sign = Sign::Failed(Cause::Unavailable);
const WELL: Sign = Sign::Well;

#[test]
fn three_in_a_row_degrade_and_five_shut() {
    use Level::{Degraded, Down, Up};
    assert_eq!(Account::new().levels(&[BAD; 6]), [Up, Up, Degraded, Degraded, Down, Down]);
    let mut account = Account::new();
    assert_eq!(
        account.levels(&[BAD, BAD, WELL, BAD, BAD, BAD, WELL, WELL]),
        [Up, Up, Up, Up, Up, Degraded, Degraded, Up]
    );
}

#[test]
fn a_secret_that_is_refused_shuts_at_once() {
    assert_eq!(Account::new().levels(&[WELL, Sign::Failed(Cause::Authentication)]), [Level::Up, Level::Down]);
}

#[test]
fn every_other_call_that_fails_degrades_in_the_end() {
    let mut account = Account::new();
    let levels: Vec<Level> = (0..10).flat_map(|_| account.levels(&[BAD, WELL])).collect();
    assert!(levels[..19].iter().all(|level| *level == Level::Up), "{levels:?}");
    // Ten of twenty, with the next failure.
    assert_eq!(account.see(BAD), Level::Degraded);
    assert_eq!(account.levels(&[WELL, WELL]), [Level::Degraded, Level::Up]);
    // And what was before is not counted again.
    assert_eq!(account.levels(&[BAD, WELL]), [Level::Up, Level::Up]);
}

#[test]
fn a_trial_decides() {
    let mut account = Account::new();
    account.levels(&[BAD; 5]);
    account.now = 100;
    account.decide(Action::Try);
    assert_eq!(account.see(BAD), Level::Down);
    account.now = 200;
    account.decide(Action::Try);
    assert_eq!(account.see(WELL), Level::Up);
    // It takes as many failures again.
    assert_eq!(account.levels(&[BAD; 4])[3], Level::Degraded);
}

#[test]
fn a_process_that_comes_after_another_takes_up_from_what_was_decided() {
    let mut account = Account::new();
    account.levels(&[BAD; 4]);
    account.watch = Watch::of(&account.state, Direction::Out);
    assert_eq!(account.levels(&[BAD, BAD]), [Level::Degraded, Level::Down]);
}
