//! A failure prints its seed and the shortest story that shows it.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::decider::{Decider, fold};

#[derive(Clone, Debug)]
enum Step {
    Call(Sign),
    Decide(Action),
    Later(i64),
    /// The process ends and another one takes over.
    Dies,
}

fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::Unreachable),
        Just(Cause::Unavailable),
        Just(Cause::Failing),
        Just(Cause::Authentication)
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop_oneof![Just(Sign::Well), cause().prop_map(Sign::Failed)].prop_map(Step::Call),
        1 => Just(Step::Decide(Action::Try)),
        1 => (0i64..2_000).prop_map(|s| Step::Decide(Action::Throttle { until: at(s) })),
        1 => Just(Step::Decide(Action::Hold { reason: "maintenance".parse().unwrap() })),
        1 => Just(Step::Decide(Action::Release)),
        2 => (1i64..120).prop_map(Step::Later),
        1 => Just(Step::Dies),
    ];
    vec(step, 0..80)
}

proptest! {
    /// What is decided follows from the log alone; the door too; and what was decided is not decided again.
    #[test]
    fn a_replay_is_what_was_live(steps in steps()) {
        let (mut log, mut state, mut now) = (Vec::new(), State::default(), 0);
        let mut watch = Watch::of(&state, Direction::Out);
        for step in steps {
            let action = match step {
                Step::Call(sign) => watch.see(sign, state.side(Direction::Out).level, &Rules::default()),
                Step::Decide(action) => Some(action),
                Step::Later(seconds) => {
                    now += seconds;
                    None
                }
                Step::Dies => {
                    state = fold(State::default(), &log);
                    watch = Watch::of(&state, Direction::Out);
                    None
                }
            };
            let Some(action) = action else { continue };
            let events = state.decide(command(now, action.clone())).unwrap();
            prop_assert!(events.len() <= 1);
            state = fold(state, &events);
            prop_assert_eq!(state.decide(command(now, action)).unwrap(), vec![]);
            log.extend(events);
            let replayed = fold(State::default(), &log);
            prop_assert_eq!(&replayed, &state);
            prop_assert_eq!(replayed.door(at(now)), state.door(at(now)));
        }
        // Stored and read, it is the same.
        let text = serde_json::to_string(&log).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Event>>(&text).unwrap(), log);
    }

    /// However calls end, five failures in a row shut, and one success of what is tried opens.
    #[test]
    fn it_shuts_after_five_and_opens_after_one(before in vec(any::<bool>(), 0..60)) {
        let (mut state, mut now) = (State::default(), 0);
        let mut watch = Watch::of(&state, Direction::Out);
        let mut see = |state: &mut State, well: bool, now: i64| {
            let sign = if well { Sign::Well } else { Sign::Failed(Cause::Failing) };
            if let Some(action) = watch.see(sign, state.side(Direction::Out).level, &Rules::default()) {
                let events = state.decide(command(now, action)).unwrap();
                *state = fold(std::mem::take(state), &events);
            }
        };
        for well in before.into_iter().chain([false; 5]) {
            now += 1;
            see(&mut state, well, now);
        }
        prop_assert_eq!(state.level(), Level::Down);
        let events = state.decide(command(now + 10_000, Action::Try)).unwrap();
        state = fold(state, &events);
        see(&mut state, true, now + 10_001);
        prop_assert_eq!((state.level(), state.door(at(now + 10_001))), (Level::Up, Door::Open));
    }

    /// The time in which nothing was sent is never more than there was.
    #[test]
    fn closed_time_is_time(steps in vec((any::<bool>(), 1i64..100), 0..200), from in 0i64..5_000, long in 0i64..5_000) {
        let (mut state, mut now) = (State::default(), 0);
        for (hold, later) in steps {
            now += later;
            let action = if hold { Action::Hold { reason: "crisis".parse().unwrap() } } else { Action::Release };
            let events = state.decide(command(now, action)).unwrap();
            state = fold(state, &events);
        }
        let closed = state.closed_within(at(from), at(from + long));
        prop_assert!((0..=long).contains(&closed), "{} of {}", closed, long);
    }
}
