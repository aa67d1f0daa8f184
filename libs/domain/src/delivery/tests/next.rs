//! What is to be done next.

use proptest::prelude::*;

use super::fixtures::*;
use crate::{customer::Purpose, decider::Decider, delivery::*, outbound::Refusal, time::Timestamp};

fn rules() -> Rules {
    Rules { attempts_max: 3, budget_s: 1_000, backoff_s: 10, backoff_max_s: 60, ..Rules::default() }
}

fn begun() -> Vec<(i64, Action)> {
    vec![(0, queue()), (10, start(1, 1))]
}

fn and(mut before: Vec<(i64, Action)>, then: impl IntoIterator<Item = (i64, Action)>) -> State {
    before.extend(then);
    after(before)
}

fn send(state: &State, part: u16, attempt: u32, resend: Option<Because>) -> Next {
    Next::Send { part, attempt, key: delivery(state).key_of(part), resend }
}

/// What is next once there is nothing to wait for, and since when.
fn then(state: &State, mut now: Timestamp, rules: &Rules) -> (Timestamp, Next) {
    loop {
        match state.next(now, rules) {
            Next::Wait(until) => {
                assert!(until > now, "a wait is for something");
                let before = Timestamp::from_microsecond(until.as_microsecond() - 1).unwrap();
                assert_eq!(
                    state.next(before.max(now), rules),
                    Next::Wait(until),
                    "it does not change meanwhile"
                );
                now = until;
            }
            next => return (now, next),
        }
    }
}

#[test]
fn it_waits_for_the_undo_and_then_sends_part_by_part() {
    assert_eq!(State::default().next(at(0), &rules()), Next::Done);
    let state = after([(0, queue())]);
    assert_eq!(then(&state, at(0), &rules()), (at(10), send(&state, 1, 1, None)));
    let state = and(begun(), [(11, sent(1, 1))]);
    assert_eq!(state.next(at(11), &rules()), send(&state, 2, 1, None));
    let state = and(begun(), [(11, sent(1, 1)), (12, start(2, 1)), (13, sent(2, 1))]);
    assert_eq!(state.next(at(13), &rules()), Next::Done);
}

#[test]
fn an_attempt_without_a_result_is_unclear_after_a_while() {
    let state = after(begun());
    let expected = Next::ReportUnclear { part: 1, attempt: 1, reason: Unclarity::ProcessDied };
    assert_eq!(then(&state, at(10), &rules()), (at(130), expected));
}

#[test]
fn a_failure_is_tried_again_later_and_not_before_the_platform_wants() {
    let state = and(begun(), [(20, failed(1, 1, None))]);
    let (when, next) = then(&state, at(20), &rules());
    assert_eq!(next, send(&state, 1, 2, None));
    assert!((at(25)..=at(30)).contains(&when), "{when}: from half the time to the whole of it");
    let state = and(begun(), [(20, failed(1, 1, Some(500)))]);
    assert_eq!(then(&state, at(20), &rules()), (at(500), send(&state, 1, 2, None)));
    let state = and(begun(), [(20, failed(1, 1, Some(21)))]);
    assert!(then(&state, at(20), &rules()).0 >= at(25), "not sooner than we would have");
}

#[test]
fn it_is_given_up_when_attempts_or_time_are_spent() {
    let thrice = || {
        let first = and(begun(), [(20, failed(1, 1, None)), (50, start(1, 2)), (51, failed(1, 2, None))]);
        assert!(matches!(first.next(at(200), &rules()), Next::Send { .. }));
        let more = [(20, failed(1, 1, None)), (50, start(1, 2)), (51, failed(1, 2, None))];
        let last = [(200, start(1, 3)), (201, failed(1, 3, None))];
        [begun(), more.to_vec(), last.to_vec()].concat()
    };
    let state = after(thrice());
    assert_eq!(state.next(at(201), &rules()), Next::GiveUp(GivenUp::AttemptsSpent));
    let give_up = (202, Action::GiveUp { round: 1, reason: GivenUp::AttemptsSpent });
    let state = and(thrice(), [give_up.clone()]);
    assert_eq!(state.next(at(202), &rules()), Next::Dead);
    // A replay counts anew, and begins at once.
    let state = and(thrice(), [give_up, (900, Action::Replay { round: 1 })]);
    assert_eq!(state.next(at(900), &rules()), send(&state, 1, 4, None));

    let state = and(begun(), [(20, failed(1, 1, None))]);
    assert!(matches!(state.next(at(1_010), &rules()), Next::Send { .. }), "a second before the end");
    assert_eq!(state.next(at(1_011), &rules()), Next::GiveUp(GivenUp::TimeSpent));
    // A platform that wants to wait for longer than that is not waited for.
    let state = and(begun(), [(20, failed(1, 1, Some(5_000)))]);
    assert_eq!(state.next(at(20), &rules()), Next::GiveUp(GivenUp::TimeSpent));
}

#[test]
fn a_long_undo_or_a_long_queue_is_no_part_of_the_time() {
    let state = after([(0, queue()), (50_000, start(1, 1)), (50_001, failed(1, 1, None))]);
    assert!(matches!(state.next(at(50_100), &rules()), Next::Send { .. }));
}

#[test]
fn what_is_unclear_waits_for_a_person() {
    let state = and(begun(), [(20, unclear(1, 1))]);
    for now in [20, 21, 5_000, 5_000_000] {
        assert_eq!(state.next(at(now), &rules()), Next::Decide { part: 1, unclear: 1, last: 1 });
    }
    let chosen = (5_000, Action::Resend { part: 1, attempt: 1 });
    let state = and(begun(), [(20, unclear(1, 1)), chosen.clone()]);
    assert_eq!(state.next(at(5_000), &rules()), send(&state, 1, 2, None), "at once, in a new budget");
    let state =
        and(begun(), [(20, unclear(1, 1)), chosen, (5_000, start(1, 2)), (5_001, failed(1, 2, None))]);
    assert!(matches!(then(&state, at(5_001), &rules()).1, Next::Send { attempt: 3, .. }));
}

#[test]
fn a_platform_that_knows_the_key_gets_it_again_while_it_does() {
    let known = |idempotent_s| Rules { idempotent_s: Some(idempotent_s), ..rules() };
    let state = and(begun(), [(20, unclear(1, 1))]);
    let (when, next) = then(&state, at(20), &known(100));
    assert_eq!(next, send(&state, 1, 2, Some(Because::KeyKnown)));
    assert!((at(25)..=at(30)).contains(&when), "{when}");
    let Next::Send { key, .. } = next else { unreachable!() };
    assert_eq!(key, delivery(&state).part(1).unwrap().attempts[0].key, "the same key");
    // It was told at 10, and has forgotten by 110.
    assert_eq!(state.next(at(109), &known(100)), next);
    assert_eq!(state.next(at(110), &known(100)), Next::Decide { part: 1, unclear: 1, last: 1 });
    assert_eq!(
        state.next(at(20), &known(12)),
        Next::Decide { part: 1, unclear: 1, last: 1 },
        "before we are back"
    );
    // When all attempts are unclear and spent, a person must choose: it is not a dead letter.
    let twice = [(20, unclear(1, 1)), (40, start_again(1, 2, Because::KeyKnown)), (41, unclear(1, 2))];
    let thrice = [(90, start_again(1, 3, Because::KeyKnown)), (91, unclear(1, 3))];
    let state = and(begun(), [twice.to_vec(), thrice.to_vec()].concat());
    assert_eq!(state.next(at(91), &known(9_000)), Next::Decide { part: 1, unclear: 3, last: 3 });
}

#[test]
fn a_platform_that_can_be_asked_is_asked() {
    let asking = Rules { asks_max: 2, ask_after_s: 5, ..rules() };
    let key = |state: &State| delivery(state).key_of(1);
    let state = and(begun(), [(20, unclear(1, 1))]);
    let ask = |ask, key| Next::Ask { part: 1, attempt: 1, ask, key };
    assert_eq!(then(&state, at(20), &asking), (at(25), ask(1, key(&state))));
    let once = (26, clarify(1, 1, Answer::Nothing { ask: 1 }));
    let state = and(begun(), [(20, unclear(1, 1)), once.clone()]);
    let (when, next) = then(&state, at(26), &asking);
    assert_eq!(next, ask(2, key(&state)));
    assert!((at(31)..=at(36)).contains(&when), "{when}");
    let twice = (40, clarify(1, 1, Answer::Nothing { ask: 2 }));
    let state = and(begun(), [(20, unclear(1, 1)), once.clone(), twice]);
    assert_eq!(state.next(at(40), &asking), Next::Decide { part: 1, unclear: 1, last: 1 });
    let resending = Rules { resend_unclear: true, ..asking };
    assert_eq!(
        state.next(at(40), &resending),
        send(&state, 1, 2, Some(Because::Policy)),
        "having asked first"
    );
    let state = and(begun(), [(20, unclear(1, 1)), once.clone(), (40, clarify(1, 1, Answer::HasNot))]);
    assert_eq!(state.next(at(40), &asking), send(&state, 1, 2, None));
    assert_eq!(state.next(at(5_000), &asking), Next::GiveUp(GivenUp::TimeSpent), "it is clear, and too late");
    let has = (40, clarify(1, 1, Answer::Has { external: None }));
    let state = and(begun(), [(20, unclear(1, 1)), once, has]);
    assert_eq!(state.next(at(40), &asking), send(&state, 2, 1, None));
}

#[test]
fn what_a_platform_does_not_show_once_may_only_be_late() {
    let asking = Rules { asks_max: 5, ask_after_s: 5, absent_after_s: 30, ..rules() };
    let doubt = |state: &State| match &delivery(state).parts[0].attempts[0].outcome {
        Outcome::Unclear(unclear) => unclear.clone(),
        other => panic!("{other:?}"),
    };
    let state = and(begun(), [(20, unclear(1, 1))]);
    let answer = doubt(&state).not_shown(1, at(25), &asking);
    assert_eq!(answer, Answer::NotShown { ask: 1 }, "the first time it is not believed");
    let state = and(begun(), [(20, unclear(1, 1)), (25, clarify(1, 1, answer))]);
    let key = delivery(&state).key_of(1);
    let (when, next) = then(&state, at(25), &asking);
    assert_eq!(
        (when, next),
        (at(55), Next::Ask { part: 1, attempt: 1, ask: 2, key }),
        "it is not sent again"
    );
    let stored = serde_json::json!({ "says": "not_shown", "ask": 1 });
    assert_eq!(serde_json::to_value(Answer::NotShown { ask: 1 }).unwrap(), stored, "as it is stored");
    assert_eq!(serde_json::from_value::<Answer>(stored).unwrap(), Answer::NotShown { ask: 1 });
    // A question that had no answer between them changes nothing.
    assert_eq!(doubt(&state).not_shown(2, at(54), &asking), Answer::NotShown { ask: 2 });
    let answer = doubt(&state).not_shown(2, at(55), &asking);
    assert_eq!(answer, Answer::HasNot);
    let state = and(
        begun(),
        [(20, unclear(1, 1)), (25, clarify(1, 1, Answer::NotShown { ask: 1 })), (55, clarify(1, 1, answer))],
    );
    assert_eq!(state.next(at(55), &asking), send(&state, 1, 2, None));
}

#[test]
fn what_may_have_got_through_is_no_dead_letter_though_later_attempts_failed() {
    let resent = || [(20, unclear(1, 1)), (40, start_again(1, 2, Because::Policy))];
    let two = Rules { attempts_max: 2, ..rules() };
    for last in [failed(1, 2, None), rejected(1, 2)] {
        let with =
            |more: &[(i64, Action)]| and(begun(), [&resent()[..], &[(41, last.clone())], more].concat());
        let state = with(&[]);
        assert_eq!(delivery(&state).status(), Status::Unclear);
        assert_eq!(state.next(at(41), &two), Next::Decide { part: 1, unclear: 1, last: 2 });
        let asking = Rules { asks_max: 1, ..two };
        let key = delivery(&state).key_of(1);
        assert_eq!(state.next(at(41), &asking), Next::Ask { part: 1, attempt: 1, ask: 1, key });
        // It turns out that it is not there: now it is one.
        let reason = if last == rejected(1, 2) { GivenUp::Rejected } else { GivenUp::AttemptsSpent };
        let state = with(&[(42, clarify(1, 1, Answer::HasNot))]);
        assert_eq!(state.next(at(42), &two), Next::GiveUp(reason));
        // Or that it is.
        let state = with(&[(42, clarify(1, 1, Answer::Has { external: None }))]);
        assert_eq!(state.next(at(42), &two), send(&state, 2, 1, None));
        // Or a person wants it sent again, whatever may be.
        let state = with(&[(42, Action::Resend { part: 1, attempt: 2 })]);
        assert_eq!(state.next(at(42), &two), send(&state, 1, 3, None));
        // Or abandons it, and another one takes it up again: that alone sends nothing.
        let abandon = (42, Action::GiveUp { round: 1, reason: GivenUp::Abandoned });
        let state = with(&[abandon, (43, Action::Replay { round: 1 })]);
        assert_eq!(state.next(at(43), &two), Next::Decide { part: 1, unclear: 1, last: 2 });
        // Or the customer opts out: it is not sent again, and whether it was is still not known.
        let state =
            with(&[(42, Action::Refuse { round: 1, refusal: Refusal::OptedOut { purpose: Purpose::Any } })]);
        assert_eq!(state.next(at(43), &two), Next::Decide { part: 1, unclear: 1, last: 2 });
        assert_eq!((delivery(&state).status(), delivery(&state).outcome()), (Status::Unclear, unknown()));
    }
}

#[test]
fn what_is_over_is_over() {
    let refuse = Action::Refuse { round: 1, refusal: Refusal::ListenOnly };
    let state = after([(0, queue()), (1, refuse)]);
    assert_eq!(state.next(at(50), &rules()), Next::Done);
    assert_eq!(after([(0, queue()), (1, Action::Cancel)]).next(at(50), &rules()), Next::Done);
    assert_eq!(and(begun(), [(20, rejected(1, 1))]).next(at(50), &rules()), Next::Dead);
}

#[test]
fn replies_that_failed_together_do_not_come_back_together() {
    let times: std::collections::BTreeSet<i64> =
        (0..100).map(|n| backoff(reply_id(n), 1, 3, 10, 3_600)).collect();
    assert!(times.len() > 95, "{}", times.len());
    let (least, most) = (times.first().unwrap(), times.last().unwrap());
    assert!(*least >= 20_000_000 && *most <= 40_000_000, "{least} to {most}");
    assert!(most - least > 15_000_000, "they use the whole width: {least} to {most}");
}

proptest! {
    /// Within half and whole, growing up to the greatest, the same each time, whatever the numbers.
    #[test]
    fn back_off_is_bounded_and_repeatable(n in any::<u128>(), part in any::<u16>(), times in any::<u32>(), base in any::<i64>(), max in any::<i64>()) {
        let wait = backoff(reply_id(n), part, times, base, max);
        prop_assert_eq!(wait, backoff(reply_id(n), part, times, base, max));
        prop_assert!(wait >= 0 && i128::from(wait) <= i128::from(max.max(0)) * 1_000_000);
        let small = backoff(reply_id(n), part, times, 2, 3_600);
        let whole = (2_i64 << times.saturating_sub(1).min(20)).min(3_600) * 1_000_000;
        prop_assert!((whole / 2..=whole).contains(&small), "{small} of {whole}");
    }

    /// Whatever the rules are, the answer is one that the delivery takes.
    #[test]
    fn what_is_next_is_allowed(
        attempts_max in 0u32..5, budget_s in -5i64..100, idempotent_s in prop::option::of(-5i64..100), asks_max in 0u32..3,
        resend_unclear in any::<bool>(), now in 0i64..200, history in super::properties::commands(),
    ) {
        let rules = Rules { attempts_max, budget_s, idempotent_s, asks_max, resend_unclear, attempt_timeout_s: 20, ..Rules::default() };
        let state = super::properties::fold_all(&history);
        let (now, next) = then(&state, at(now), &rules);
        let command = |action| Command::new(now, sender(), action);
        let round = state.delivery().map_or(1, |delivery| delivery.round);
        let action = match next.clone() {
            Next::Wait(_) => unreachable!(),
            Next::Send { part, attempt, resend, key } => {
                let events = state.decide(command(Action::StartAttempt { part, attempt, resend })).unwrap();
                prop_assert_eq!(events.last(), Some(&Event::AttemptStarted { at: now, part, attempt, key }));
                return Ok(());
            }
            Next::ReportUnclear { part, attempt, reason } => Action::ReportUnclear { part, attempt, reason },
            Next::Ask { part, attempt, ask, .. } => clarify(part, attempt, Answer::Nothing { ask }),
            Next::Decide { part, unclear, .. } if matches!(delivery(&state).stage, Stage::Refused(_)) => {
                clarify(part, unclear, Answer::HasNot)
            }
            Next::Decide { part, last, .. } => Action::Resend { part, attempt: last },
            Next::Refuse(refusal) => Action::Refuse { round, refusal },
            Next::GiveUp(reason) => Action::GiveUp { round, reason },
            Next::Dead => {
                prop_assert!(delivery(&state).is_dead());
                return Ok(());
            }
            Next::Done => {
                prop_assert!(state.delivery().is_none_or(|d| d.is_sent() || matches!(d.stage, Stage::Cancelled | Stage::Refused(_))));
                return Ok(());
            }
        };
        let events = state.decide(command(action)).unwrap();
        prop_assert!(!events.is_empty(), "{next:?} changes something");
    }
}
