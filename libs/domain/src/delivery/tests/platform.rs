//! A sender and a platform, both of which fail in any way: what the customer gets.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};

use super::fixtures::*;
use crate::{
    decider::{Decider, fold},
    delivery::*,
    ids::IdempotencyKey,
    time::Timestamp,
};

/// What happens at one call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It is taken, and we hear so.
    Well,
    /// It is taken, and we hear nothing in time.
    TakenUnheard,
    /// It is lost on the way, and we hear nothing in time.
    LostUnheard,
    /// Too many requests, come back later.
    Limited,
    /// We die before the call.
    DiedBefore,
    /// We die after it was taken.
    DiedAfter,
}

/// What the customer has, and what the platform remembers.
struct Platform {
    idempotent: bool,
    keys: BTreeSet<IdempotencyKey>,
    /// The parts that arrived, in order.
    arrived: Vec<u16>,
    /// It shows nothing of what it took last before this.
    shows_at: Timestamp,
}

impl Platform {
    fn take(&mut self, part: u16, key: IdempotencyKey, now: Timestamp) {
        self.shows_at = now.plus_seconds(SHOWN_AFTER_S);
        let is_new = self.keys.insert(key);
        if is_new || !self.idempotent {
            self.arrived.push(part);
        }
    }
}

/// A list of a platform's may be so late: longer than the first question is.
const SHOWN_AFTER_S: i64 = 20;
/// More than any delivery of three parts takes with these rules.
const STEPS_MAX: usize = 2_000;

struct Run {
    state: State,
    platform: Platform,
    last: Next,
    steps: usize,
}

fn run(rules: &Rules, fates: &[Fate]) -> Run {
    let mut state = after([(0, Action::Queue(request_of(3)))]);
    let idempotent = rules.idempotent_s.is_some();
    let mut platform = Platform { idempotent, keys: BTreeSet::new(), arrived: Vec::new(), shows_at: at(0) };
    let mut now = at(0);
    let mut calls = fates.iter().copied();
    for steps in 0..STEPS_MAX {
        let next = state.next(now, rules);
        let round = delivery(&state).round;
        let action = match next.clone() {
            Next::Wait(until) => {
                now = until;
                continue;
            }
            Next::Send { part, attempt, key, resend } => {
                let intent = Action::StartAttempt { part, attempt, resend };
                let events = state.decide(Command::new(now, sender(), intent)).unwrap();
                assert!(!events.is_empty());
                state = fold(state, &events);
                let fate = calls.next().unwrap_or(Fate::Well);
                if matches!(fate, Fate::Well | Fate::TakenUnheard | Fate::DiedAfter) {
                    platform.take(part, key, now);
                }
                match fate {
                    Fate::Well => sent(part, attempt),
                    Fate::TakenUnheard | Fate::LostUnheard => unclear(part, attempt),
                    Fate::Limited => Action::ReportFailed {
                        part,
                        attempt,
                        reason: Failure::RateLimited,
                        code: None,
                        retry_at: Some(now.plus_seconds(7)),
                    },
                    // What is folded is what is in the log: the next one begins with that.
                    Fate::DiedBefore | Fate::DiedAfter => continue,
                }
            }
            Next::ReportUnclear { part, attempt, reason } => Action::ReportUnclear { part, attempt, reason },
            Next::Ask { part, attempt, ask, key } => {
                let has = platform.keys.contains(&key) && now >= platform.shows_at;
                let Some(Outcome::Unclear(doubt)) = delivery(&state)
                    .part(part)
                    .and_then(|part| part.attempt(attempt))
                    .map(|made| &made.outcome)
                else {
                    panic!("only what is unclear is asked about")
                };
                let absent = || doubt.not_shown(ask, now, rules);
                clarify(part, attempt, if has { Answer::Has { external: None } } else { absent() })
            }
            Next::GiveUp(reason) => Action::GiveUp { round, reason },
            last @ (Next::Decide { .. } | Next::Done | Next::Dead | Next::Refuse(_)) => {
                return Run { state, platform, last, steps };
            }
        };
        let events = state.decide(Command::new(now, sender(), action)).unwrap();
        assert!(!events.is_empty(), "{next:?} changes something");
        state = fold(state, &events);
    }
    panic!("no end after {STEPS_MAX} steps, at {now}");
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let all = vec![
        Fate::Well,
        Fate::TakenUnheard,
        Fate::LostUnheard,
        Fate::Limited,
        Fate::DiedBefore,
        Fate::DiedAfter,
    ];
    vec(select(all), 0..40)
}

fn rules() -> Rules {
    Rules { attempts_max: 50, budget_s: i64::from(u32::MAX), ..Rules::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Where the platform knows our key, or can be asked: everything, once, in order.
    #[test]
    fn exactly_once(fates in fates(), ask in any::<bool>()) {
        let rules = if ask {
            Rules { asks_max: 3, ..rules() }
        } else {
            Rules { idempotent_s: Some(i64::from(u32::MAX)), ..rules() }
        };
        let Run { state, platform, last, .. } = run(&rules, &fates);
        prop_assert_eq!(last, Next::Done);
        prop_assert_eq!(platform.arrived, [1, 2, 3]);
        prop_assert_eq!(delivery(&state).status(), Status::Sent);
    }

    /// Where it does neither: never twice, and what is not known is said to be not known.
    #[test]
    fn at_most_once_and_honest(fates in fates()) {
        let Run { state, platform, last, .. } = run(&rules(), &fates);
        let arrived = &platform.arrived;
        prop_assert!(arrived.iter().copied().eq(1..=u16::try_from(arrived.len()).unwrap()), "{arrived:?}");
        match last {
            Next::Done => prop_assert_eq!(arrived.len(), 3),
            Next::Decide { part, .. } => {
                prop_assert_eq!(delivery(&state).status(), Status::Unclear);
                // All before it is there; it is there or not.
                prop_assert!([part, part - 1].map(usize::from).contains(&arrived.len()));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Where policy would rather say it twice than never: everything at least once, in order.
    #[test]
    fn at_least_once(fates in fates()) {
        let Run { platform, last, .. } = run(&Rules { resend_unclear: true, ..rules() }, &fates);
        prop_assert_eq!(last, Next::Done);
        let mut arrived = platform.arrived;
        prop_assert!(arrived.is_sorted());
        arrived.dedup();
        prop_assert_eq!(arrived, [1, 2, 3]);
    }

    /// It always comes to an end, with whatever budget, and what may have been sent is no dead letter.
    #[test]
    fn it_ends(fates in fates(), attempts_max in 0u32..4, budget_s in 0i64..60, idempotent in any::<bool>(), asks_max in 0u32..2) {
        let idempotent_s = idempotent.then_some(30);
        let rules = Rules { attempts_max, budget_s, idempotent_s, asks_max, ..rules() };
        let Run { state, platform, last, steps } = run(&rules, &fates);
        prop_assert!(steps < STEPS_MAX);
        let unsent = delivery(&state).parts.iter().filter(|part| part.progress.is_none()).count();
        if last == Next::Dead {
            prop_assert_eq!(platform.arrived.len(), 3 - unsent, "what is dead was not sent");
        }
    }
}

#[test]
fn the_same_history_is_the_same_delivery() {
    let fates = [Fate::Limited, Fate::DiedAfter, Fate::TakenUnheard, Fate::Well];
    let ask = Rules { asks_max: 2, ..rules() };
    let (one, other) = (run(&ask, &fates), run(&ask, &fates));
    assert_eq!((one.state, one.steps), (other.state, other.steps));
    assert_eq!(one.platform.arrived, [1, 2, 3]);
}
