//! How deliveries go.

use super::fixtures::*;
use crate::{
    case::ReplyOutcome,
    customer::Purpose,
    decider::{
        Decider,
        testing::{Given, given},
    },
    delivery::*,
    outbound::Refusal,
};

#[test]
fn the_intent_comes_before_each_attempt_and_the_result_after_it() {
    let given = queued()
        .when(by(10, start(1, 1)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by(11, sent(1, 1)))
        .then(&[Event::PartSent { at: at(11), part: 1, attempt: 1, external: external(101) }])
        .when(by(11, start(2, 1)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by(12, failed(2, 1, Some(20))))
        .then_kinds(&["delivery.attempt_failed"])
        .when(by(19, start(2, 2)))
        .then_refused(&Error::TooEarly { until: at(20) })
        .when(by(20, start(2, 2)))
        .then_kinds(&["delivery.attempt_started"]);
    assert_eq!((status(&given), delivery(&given.0).outcome()), (Status::Sending, None));
    let given = given.when(by(21, sent(2, 2))).then_kinds(&["delivery.part_sent"]);
    assert_eq!(status(&given), Status::Sent);
    let message = "chat-fr-0000000000000101".parse().unwrap();
    assert_eq!(delivery(&given.0).outcome(), Some(ReplyOutcome::Sent { message: Some(message) }));
}

#[test]
fn two_senders_make_one_attempt() {
    let Given(state) = queued();
    let Given(state) = Given(state).when(by(10, start(1, 1))).then_kinds(&["delivery.attempt_started"]);
    // Who comes second gets no event, and must not send.
    assert_eq!(state.decide(by(10, start(1, 1))).unwrap(), []);
    Given(state)
        .when(by(10, start(1, 2)))
        .then_refused(&Error::Running)
        .when(by(11, sent(1, 1)))
        .then_kinds(&["delivery.part_sent"])
        // Nor does one that comes with news of yesterday.
        .when(by(12, start(1, 1)))
        .then_nothing()
        .when(by(12, start(1, 2)))
        .then_refused(&Error::AlreadySent);
}

#[test]
fn it_can_be_taken_back_until_it_begins() {
    let given = queued()
        .when(by(9, start(1, 1)))
        .then_refused(&Error::TooEarly { until: at(10) })
        .when(by_ana(9, Action::Cancel))
        .then(&[Event::Cancelled { at: at(9), by: ana() }])
        .when(by(10, start(1, 1)))
        .then_refused(&Error::Cancelled)
        .when(by_ana(10, Action::Replay { round: 1 }))
        .then_refused(&Error::Cancelled);
    assert_eq!(status(&given), Status::Cancelled);
    queued()
        .when(by(10, start(1, 1)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by_ana(10, Action::Cancel))
        .then_refused(&Error::Begun);
}

#[test]
fn parts_keep_their_order() {
    queued()
        .when(by(10, start(2, 1)))
        .then_refused(&Error::OutOfOrder)
        .when(by(10, start(1, 2)))
        .then_refused(&Error::OutOfOrder)
        .when(by(10, start(1, 0)))
        .then_refused(&Error::OutOfOrder)
        .when(by(10, start(3, 1)))
        .then_refused(&Error::UnknownPart)
        .when(by(10, start(0, 1)))
        .then_refused(&Error::UnknownPart)
        .when(by(10, sent(1, 1)))
        .then_refused(&Error::UnknownAttempt);
}

#[test]
fn without_a_basis_nothing_is_sent() {
    let without = || Box::new(Request { basis: None, ..*request() });
    let given = given::<State>(&[])
        .when(by(0, Action::Queue(without())))
        .then(&[
            Event::Queued { at: at(0), by: sender(), request: without() },
            Event::Refused { at: at(0), round: 1, refusal: Refusal::NoBasis },
        ])
        .when(by(10, start(1, 1)))
        .then_refused(&Error::Refused(Refusal::NoBasis))
        .when(by_ana(10, Action::Replay { round: 1 }))
        .then_refused(&Error::NoBasis);
    let reason = "no-basis".parse().unwrap();
    assert_eq!(delivery(&given.0).outcome(), Some(ReplyOutcome::Failed { reason }));
    // Whatever the log may hold.
    let only_queued = [Event::Queued { at: at(0), by: sender(), request: without() }];
    let Given(state) = crate::decider::testing::given::<State>(&only_queued)
        .when(by(10, start(1, 1)))
        .then_refused(&Error::NoBasis);
    assert_eq!(state.next(at(10), &Rules::default()), Next::Refuse(Refusal::NoBasis));
}

#[test]
fn what_was_refused_can_be_tried_again_when_that_has_changed() {
    let refuse = |round| Action::Refuse { round, refusal: Refusal::OptedOut { purpose: Purpose::Any } };
    let given = queued()
        .when(by(10, refuse(2)))
        .then_refused(&Error::UnknownRound)
        .when(by(10, refuse(1)))
        .then_kinds(&["delivery.refused"])
        .when(by(10, start(1, 1)))
        .then_refused(&Error::Refused(Refusal::OptedOut { purpose: Purpose::Any }));
    assert_eq!((status(&given), delivery(&given.0).is_dead()), (Status::Refused, false));
    let given = given
        .when(by_ana(99, Action::Replay { round: 1 }))
        .then(&[Event::Replayed { at: at(99), by: ana(), round: 2 }])
        // The refusal of the first round, come late.
        .when(by(99, refuse(1)))
        .then_nothing()
        .when(by(99, start(1, 1)))
        .then_kinds(&["delivery.attempt_started"]);
    assert_eq!(status(&given), Status::Sending);
}

#[test]
fn what_is_rejected_is_a_dead_letter_until_it_is_replayed() {
    let first_key = delivery(&queued().0).key_of(1);
    let given = queued()
        .when(by(10, start(1, 1)))
        .then(&[Event::AttemptStarted { at: at(10), part: 1, attempt: 1, key: first_key }])
        .when(by(11, rejected(1, 1)))
        .then_kinds(&["delivery.attempt_rejected"])
        .when(by(12, start(1, 2)))
        .then_refused(&Error::Dead)
        .when(by(12, Action::GiveUp { round: 1, reason: GivenUp::Abandoned }))
        .then_refused(&Error::Dead);
    assert!(delivery(&given.0).is_dead());
    let reason = "invalid-recipient".parse().unwrap();
    assert_eq!(delivery(&given.0).outcome(), Some(ReplyOutcome::Failed { reason }));
    let given = given
        .when(by_ana(99, Action::Replay { round: 1 }))
        .then_kinds(&["delivery.replayed"])
        .when(by_ana(99, Action::Replay { round: 2 }))
        .then_refused(&Error::NotDead)
        .when(by_ana(99, Action::Replay { round: 3 }))
        .then_refused(&Error::UnknownRound);
    // A platform may repeat its answer to a key that it knows.
    let second_key = delivery(&given.0).key_of(1);
    assert_ne!(first_key, second_key);
    given.when(by(100, start(1, 2))).then(&[Event::AttemptStarted {
        at: at(100),
        part: 1,
        attempt: 2,
        key: second_key,
    }]);
}

#[test]
fn what_is_unclear_is_not_sent_again_by_itself() {
    let given = unclear_at_11()
        .when(by(12, start(1, 2)))
        .then_refused(&Error::OutcomeUnclear)
        .when(by(12, Action::GiveUp { round: 1, reason: GivenUp::TimeSpent }))
        .then_refused(&Error::OutcomeUnclear);
    assert_eq!((status(&given), delivery(&given.0).outcome()), (Status::Unclear, unknown()));
    given
        .when(by_ana(60, Action::Resend { part: 1, attempt: 1 }))
        .then(&[Event::ResendChosen { at: at(60), by: ana(), part: 1, attempt: 1, because: Because::Chosen }])
        .when(by(61, start(1, 2)))
        .then_kinds(&["delivery.attempt_started"])
        // The choice was about the first attempt, and is made.
        .when(by_ana(62, Action::Resend { part: 1, attempt: 1 }))
        .then_nothing()
        .when(by_ana(62, Action::Resend { part: 1, attempt: 2 }))
        .then_refused(&Error::Running);
}

#[test]
fn a_policy_or_a_key_that_is_known_sends_it_again_and_that_is_kept() {
    for because in [Because::KeyKnown, Because::Policy] {
        let Given(state) = unclear_at_11();
        let key = delivery(&state).key_of(1);
        Given(state).when(by(15, start_again(1, 2, because))).then(&[
            Event::ResendChosen { at: at(15), by: sender(), part: 1, attempt: 1, because },
            Event::AttemptStarted { at: at(15), part: 1, attempt: 2, key },
        ]);
    }
}

#[test]
fn the_platform_is_asked() {
    let given = unclear_at_11()
        .when(by(15, clarify(1, 1, Answer::Nothing { ask: 1 })))
        .then_kinds(&["delivery.clarified"])
        .when(by(20, clarify(1, 1, Answer::Has { external: external(7) })))
        .then(&[
            Event::Clarified {
                at: at(20),
                by: sender(),
                part: 1,
                attempt: 1,
                answer: Answer::Has { external: external(7) },
            },
            Event::PartSent { at: at(20), part: 1, attempt: 1, external: external(7) },
        ]);
    assert_eq!(delivery(&given.0).part(1).unwrap().progress, Some(Progress::Sent));
    unclear_at_11()
        .when(by(20, clarify(1, 1, Answer::HasNot)))
        .then_kinds(&["delivery.clarified"])
        .when(by_ana(21, Action::Resend { part: 1, attempt: 1 }))
        .then_refused(&Error::NotUnclear)
        .when(by(21, start(1, 2)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by(22, clarify(1, 2, Answer::HasNot)))
        .then_refused(&Error::Running);
}

#[test]
fn the_late_word_of_an_attempt_counts() {
    // It was taken after all, and sent again meanwhile: both are kept.
    let given = unclear_at_11()
        .when(by_ana(60, Action::Resend { part: 1, attempt: 1 }))
        .then_kinds(&["delivery.resend_chosen"])
        .when(by(61, start(1, 2)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by(62, sent(1, 1)))
        .then_kinds(&["delivery.part_sent"])
        .when(by(63, start(2, 1)))
        .then_refused(&Error::Running);
    assert!(!delivery(&given.0).is_duplicated());
    let given = given
        .when(by(63, receipt(1, 1, Receipt::Read)))
        .then_kinds(&["delivery.read"])
        .when(by(64, sent(1, 2)))
        .then_kinds(&["delivery.part_sent"]);
    assert!(delivery(&given.0).is_duplicated());
    assert_eq!(delivery(&given.0).part(1).unwrap().progress, Some(Progress::Read), "which is not taken back");
    // It was not taken.
    let given = unclear_at_11().when(by(60, failed(1, 1, None))).then_kinds(&["delivery.attempt_failed"]);
    assert_eq!(status(&given), Status::Sending);
    let given = unclear_at_11().when(by(60, rejected(1, 1))).then_kinds(&["delivery.attempt_rejected"]);
    assert_eq!(status(&given), Status::Rejected);
    // It was rejected, says one, and has arrived, says another.
    let given = given.when(by(61, sent(1, 1))).then_kinds(&["delivery.part_sent"]);
    assert_eq!(delivery(&given.0).part(1).unwrap().progress, Some(Progress::Sent));
    // The rejection of an attempt that others followed ends nothing.
    let given = unclear_at_11()
        .when(by(12, start_again(1, 2, Because::Policy)))
        .then_kinds(&["delivery.resend_chosen", "delivery.attempt_started"])
        .when(by(13, rejected(1, 1)))
        .then_kinds(&["delivery.attempt_rejected"]);
    assert_eq!(delivery(&given.0).stage, Stage::Active);
}

#[test]
fn a_replay_does_not_resend_what_is_unclear_and_keeps_its_key() {
    let key = delivery(&unclear_at_11().0).key_of(1);
    let given = unclear_at_11()
        .when(by_ana(60, Action::GiveUp { round: 1, reason: GivenUp::Abandoned }))
        .then_kinds(&["delivery.given_up"])
        .when(by_ana(61, Action::Resend { part: 1, attempt: 1 }))
        .then_refused(&Error::Dead)
        .when(by_ana(62, Action::Replay { round: 1 }))
        .then_kinds(&["delivery.replayed"])
        .when(by(63, start(1, 2)))
        .then_refused(&Error::OutcomeUnclear);
    assert_eq!(status(&given), Status::Unclear);
    assert_eq!(delivery(&given.0).key_of(1), key, "it may be there");
    let given = given.when(by(64, clarify(1, 1, Answer::HasNot))).then_kinds(&["delivery.clarified"]);
    assert_ne!(delivery(&given.0).key_of(1), key, "it is not there");
}

#[test]
fn the_stream_is_one_replys() {
    let another = Box::new(Request { reply: reply_id(9), ..*request() });
    queued()
        .when(by(1, queue()))
        .then_nothing()
        .when(by(1, Action::Queue(another)))
        .then_refused(&Error::AnotherReply);
}
