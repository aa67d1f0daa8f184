//! What holds whatever happens. A failure prints its seed and the smallest sequence that shows it.

use proptest::{collection::vec, prelude::*, sample::select};

use super::fixtures::*;
use crate::{
    customer::Purpose,
    decider::{Decider, fold},
    delivery::*,
    outbound::Refusal,
};

fn action() -> impl Strategy<Value = Action> {
    let (part, attempt, round) = (0u16..4, 0u32..4, 0u32..4);
    let which = (part.clone(), attempt.clone());
    let because = prop::option::of(select(vec![Because::KeyKnown, Because::Policy]));
    let answer = prop_oneof![
        Just(Answer::Has { external: external(9) }),
        Just(Answer::Has { external: None }),
        Just(Answer::HasNot),
        (0u32..4).prop_map(|ask| Answer::Nothing { ask }),
        (0u32..4).prop_map(|ask| Answer::NotShown { ask }),
    ];
    let receipts = vec![
        Receipt::Sent,
        Receipt::Delivered,
        Receipt::Read,
        Receipt::Undelivered(returned()),
        Receipt::Bounced(returned()),
    ];
    let refusals =
        vec![Refusal::OptedOut { purpose: Purpose::Any }, Refusal::WindowClosed { closed_at: at(9) }];
    let reasons = vec![GivenUp::AttemptsSpent, GivenUp::TimeSpent, GivenUp::Abandoned];
    prop_oneof![
        1 => Just(queue()),
        1 => Just(Action::Cancel),
        1 => (round.clone(), select(refusals)).prop_map(|(round, refusal)| Action::Refuse { round, refusal }),
        8 => (part, attempt, because)
            .prop_map(|(part, attempt, resend)| Action::StartAttempt { part, attempt, resend }),
        4 => which.clone().prop_map(|(part, attempt)| sent(part, attempt)),
        3 => (which.clone(), prop::option::of(0i64..60))
            .prop_map(|((part, attempt), retry_at)| failed(part, attempt, retry_at)),
        2 => which.clone().prop_map(|(part, attempt)| rejected(part, attempt)),
        4 => which.clone().prop_map(|(part, attempt)| unclear(part, attempt)),
        2 => (which.clone(), answer).prop_map(|((part, attempt), answer)| clarify(part, attempt, answer)),
        2 => which.clone().prop_map(|(part, attempt)| Action::Resend { part, attempt }),
        1 => (round.clone(), select(reasons)).prop_map(|(round, reason)| Action::GiveUp { round, reason }),
        2 => round.prop_map(|round| Action::Replay { round }),
        3 => (which, select(receipts)).prop_map(|((part, attempt), what)| receipt(part, attempt, what)),
    ]
}

/// Commands in the order of time, the first of which queues.
pub fn commands() -> impl Strategy<Value = Vec<Command>> {
    vec((action(), any::<bool>()), 0..60).prop_map(|actions| {
        let one = |(second, (action, human))| if human { by_ana(second, action) } else { by(second, action) };
        [by(0, queue())].into_iter().chain((5..).zip(actions).map(one)).collect()
    })
}

/// The state after those of the commands that are not refused.
pub fn fold_all(commands: &[Command]) -> State {
    commands.iter().fold(State::default(), |state, command| {
        let events = state.decide(command.clone()).unwrap_or_default();
        fold(state, &events)
    })
}

/// The order in which nothing is taken back.
fn ranks(state: &State) -> Vec<(Option<Progress>, bool, bool, usize)> {
    let rank = |part: &PartState| {
        (part.progress, part.undelivered.is_some(), part.bounced.is_some(), part.attempts.len())
    };
    state.delivery().iter().flat_map(|delivery| &delivery.parts).map(rank).collect()
}

proptest! {
    /// A command whose effect is in the state yields nothing.
    #[test]
    fn twice_is_once(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            let Ok(events) = state.decide(command.clone()) else { continue };
            state = fold(state, &events);
            prop_assert!(matches!(state.decide(command.clone()).as_deref(), Ok([])), "{command:?}");
        }
    }

    /// Any event in any state: no panic, and what is known stays known.
    #[test]
    fn whatever_happened_happened(commands in commands(), order in vec(any::<prop::sample::Index>(), 0..80)) {
        let mut state = State::default();
        let mut all = Vec::new();
        for command in commands {
            let events = state.decide(command).unwrap_or_default();
            state = fold(state, &events);
            all.extend(events);
        }
        let mut state = State::default();
        for index in order {
            let (was_known, before) = (state.delivery().is_some(), ranks(&state));
            state = state.evolve(index.get(&all));
            prop_assert!(!was_known || state.delivery().is_some());
            for (before, after) in before.into_iter().zip(ranks(&state)) {
                prop_assert!(before.0 <= after.0, "progress only rises, whatever comes late");
            }
            let _ = (state.next(at(50), &Rules::default()), state.delivery().map(Delivery::status));
            let _ = state.delivery().map(Delivery::outcome);
        }
    }

    /// What is written is read again as it was.
    #[test]
    fn written_and_read(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            for event in state.decide(command).unwrap_or_default() {
                let text = serde_json::to_string(&event).unwrap();
                prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event.clone());
                state = state.evolve(&event);
            }
        }
    }

    /// Parts in order, one attempt at a time, nothing before its time, and nothing is taken back.
    #[test]
    fn the_state_is_sound(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            let before = state.delivery().is_some().then(|| ranks(&state));
            let ended = state.delivery().is_some_and(|d| d.stage == Stage::Cancelled);
            let events = state.decide(command.clone()).unwrap_or_default();
            for event in &events {
                if let Event::AttemptStarted { at: started_at, part, .. } = event {
                    let delivery = delivery(&state);
                    prop_assert!(!ended && *started_at >= at(UNDO_S) && delivery.request.basis.is_some());
                    let mut earlier = delivery.parts.iter().take(usize::from(*part) - 1);
                    prop_assert!(earlier.all(|part| part.progress.is_some()), "parts keep their order");
                }
            }
            state = fold(state, &events);
            let Some(delivery) = state.delivery() else { continue };
            for (before, after) in before.unwrap_or_default().into_iter().zip(ranks(&state)) {
                prop_assert!(before <= after || before.0 <= after.0 && before.1 <= after.1 && before.2 <= after.2);
                prop_assert!(before.0 <= after.0, "progress only rises");
            }
            let attempts = || delivery.parts.iter().flat_map(|part| &part.attempts);
            prop_assert!(attempts().filter(|attempt| attempt.outcome == Outcome::Running).count() <= 1);
            let is_sent = delivery.status() >= Status::Bounced;
            prop_assert_eq!(is_sent, delivery.is_sent());
            prop_assert_eq!(delivery.status() == Status::Cancelled, delivery.stage == Stage::Cancelled);
            let is_told = delivery.outcome().is_some_and(|told| !matches!(told, crate::case::ReplyOutcome::Sent { .. }));
            prop_assert_eq!(is_told, delivery.why().is_some(), "whatever is not there says why");
            prop_assert!(delivery.stage != Stage::Cancelled || attempts().next().is_none());
            for part in &delivery.parts {
                let taken = part.attempts.iter().any(|a| matches!(a.outcome, Outcome::Sent { .. }));
                prop_assert_eq!(taken, part.progress.is_some());
            }
        }
    }

    /// Receipts in whatever order and however often come to the same.
    #[test]
    fn receipts_are_a_lattice(receipts in vec((1u16..3, 0usize..5), 0..10).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))) {
        let all_sent = || after([(0, queue()), (10, start(1, 1)), (11, sent(1, 1)), (12, start(2, 1)), (13, sent(2, 1))]);
        let take = |receipts: &[(u16, usize)]| {
            let kinds = [
                Receipt::Sent, Receipt::Delivered, Receipt::Read, Receipt::Undelivered(returned()), Receipt::Bounced(returned()),
            ];
            receipts.iter().fold(all_sent(), |state, (part, kind)| {
                let events = state.decide(by(20, receipt(*part, 1, kinds[*kind].clone()))).unwrap();
                fold(state, &events)
            })
        };
        let (first, second) = (&receipts.0, [&receipts.1[..], &receipts.0[..]].concat());
        prop_assert_eq!(take(first), take(&second));
    }
}
