//! Split, as the case that gives messages away sees it.

use std::collections::BTreeSet;

use super::fixtures::*;
use crate::{
    case::{Action, Error, Event, Inbound, Opening, Origin, State, TITLE_LEN_MAX},
    channel::Place,
    decider::testing::given,
    personal::Personal,
};

/// Two messages at the public place, and one of somebody else at the private place between them.
fn three_messages() -> Vec<Event> {
    [open_case(), vec![received(bens()), received(inbound(3, 20))]].concat()
}

fn bens() -> Inbound {
    Inbound { identity: Some("mail-fr_00000000000000be".parse().unwrap()), ..inbound_at(2, 10, private()) }
}

#[test]
fn what_is_split_off_says_all_that_the_new_case_needs_and_counts_no_more() {
    given::<State>(&three_messages())
        .when(by_ana(30, split_off(&[2, 9], 5)))
        .then_refused(&Error::MessageNotInCase { messages: BTreeSet::from([message_id(9)]) })
        .with(|case| assert_eq!(case.message_count(), 3))
        .when(by_ana(30, split_off(&[1, 2], 5)))
        .then(&[Event::SplitOff {
            at: at(30),
            by: ana(),
            messages: BTreeSet::from([message_id(1), message_id(2)]),
            into: case_id(5),
            title: Some(text()),
        }])
        .with(|case| {
            assert_eq!(case.messages.len(), 3, "what joined once is known for ever");
            assert_eq!(case.messages[&message_id(1)].split_into, Some(case_id(5)));
            assert_eq!(case.message_count(), 1);
            assert_eq!(case.waiting_since(), Some(at(20)));
            assert_eq!(case.places_open(), BTreeSet::from([&public()]), "only message 3's place is left");
        })
        // One that comes again does not come back.
        .when(by_bot(31, receive(bens())))
        .then_nothing();
}

#[test]
fn what_was_answered_where_it_was_waits_for_nothing_where_it_goes() {
    let answered = after(&three_messages(), [by_ana(20, reply(1)), by_bot(21, sent(1))])
        .when(by_bot(25, receive(inbound(4, 25))))
        .then_kinds(&["case.customer_message_received"])
        .when(by_ana(30, split_off(&[1, 4], 5)))
        .then_kinds(&["case.split_off"]);
    let [one, four] = &answered.case().inbound(&BTreeSet::from([message_id(1), message_id(4)]))[..] else {
        panic!("two messages")
    };
    assert_eq!((one.answered, four.answered), (true, false));
    let open = |message: &Inbound| {
        let messages = vec![message.clone()];
        after(&[], [by_ana(31, Action::Open { opening: opening(), messages })])
    };
    assert_eq!(open(one).case().waiting_since(), None);
    assert_eq!(open(one).case().latest_message, Some(message_id(1)), "it is what an answer answers");
    assert_eq!(open(four).case().waiting_since(), Some(at(25)));
    // Nobody answered what was resolved over: who takes it elsewhere wants it answered.
    after(&three_messages(), [by_ana(20, resolve()), by_ana(30, split_off(&[1], 5))])
        .with(|case| assert!(!case.inbound(&BTreeSet::from([message_id(1)]))[0].answered));
}

#[test]
fn who_has_nothing_left_takes_part_no_more() {
    let (ada, ben) = (inbound(1, 0).identity.unwrap(), bens().identity.unwrap());
    let both = BTreeSet::from([&ada, &ben]);
    after(&three_messages(), [])
        .with(|case| assert_eq!((case.customer(), case.identities()), (Some(&ada), both)))
        .when(by_ana(30, split_off(&[1], 5)))
        .then_kinds(&["case.split_off"])
        .with(|case| assert_eq!(case.identities().len(), 2, "she has another message"))
        .when(by_ana(31, split_off(&[3], 6)))
        .then_kinds(&["case.split_off"])
        .with(|case| assert_eq!((case.customer(), case.identities()), (Some(&ben), BTreeSet::from([&ben]))))
        .when(by_ana(32, split_off(&[2], 7)))
        .then_kinds(&["case.split_off"])
        .with(|case| assert_eq!(case.customer(), Some(&ben), "nobody is left to be its customer"));
    // Whom somebody named stays.
    let named = Opening { identity: Some(ada.clone()), origin: Origin::Agent, ..*opening() };
    let opened = Event::Opened { at: at(0), by: ana(), opening: Box::new(named) };
    after(&[opened, received(inbound(1, 0)), received(bens())], [by_ana(30, split_off(&[1], 5))])
        .with(|case| assert_eq!(case.customer(), Some(&ada)));
}

#[test]
fn a_message_is_split_off_once_and_a_new_case_is_made_by_one_split() {
    let known = BTreeSet::from([message_id(1)]);
    given::<State>(&three_messages())
        .when(by_ana(30, split_off(&[1], 5)))
        .then_kinds(&["case.split_off"])
        .when(by_ana(31, split_off(&[1, 3], 6)))
        .then_refused(&Error::MessageAlreadySplit { messages: known })
        .when(by_ana(32, split_off(&[1, 3], 5)))
        .then_refused(&Error::AlreadyOpen)
        .when(by_ana(33, split_off(&[3], 7)))
        .then_kinds(&["case.split_off"]);
}

#[test]
fn the_new_case_takes_in_what_it_is_given_as_it_joined() {
    let given = given::<State>(&three_messages());
    let case = given.case();
    let both = BTreeSet::from([message_id(3), message_id(2)]);
    assert_eq!(case.inbound(&both), [bens(), inbound(3, 20)], "in the order in which they joined");
    assert_eq!(case.customer_of(&both), bens().identity.as_ref(), "who wrote the first of them");
    assert_eq!(case.customer_of(&BTreeSet::new()), case.customer());
    let opened = after(&[], [by_ana(30, Action::Open { opening: opening(), messages: case.inbound(&both) })]);
    assert_eq!(opened.case().waiting_since(), Some(at(10)));
}

#[test]
fn what_is_written_after_a_split_is_about_what_is_left() {
    let answer = |place: Place| match reply_in(1, place, true) {
        Action::Reply {
            reply,
            conversation,
            place,
            text,
            extras,
            in_reply_to,
            closing,
            override_stale,
            ..
        } => {
            let seen = Some(message_id(1));
            Action::Reply {
                reply,
                conversation,
                place,
                text,
                extras,
                in_reply_to,
                closing,
                seen,
                override_stale,
            }
        }
        other => other,
    };
    let two = [open_case(), vec![received(inbound(3, 20))]].concat();
    after(&two, [by_ana(30, split_off(&[3], 5))])
        .with(|case| assert_eq!(case.latest_message, Some(message_id(1))))
        // The customer wrote once more since, but what he wrote is another matter now.
        .when(by_ana(40, answer(public())))
        .then_kinds(&["case.reply_released"])
        .when(by_bot(41, failed(1)))
        .then_kinds(&["case.reply_failed"])
        .when(by_bot(42, receive(inbound(4, 42))))
        .then_kinds(&["case.customer_message_received"])
        .when(by_ana(43, split_off(&[4], 6)))
        .then_kinds(&["case.split_off"])
        .when(by_bot(44, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!((case.waiting_since(), case.places_open()), (None, BTreeSet::new())));
}

#[test]
fn a_title_has_its_limit() {
    let long = Action::SplitOff {
        messages: BTreeSet::from([message_id(1)]),
        into: case_id(5),
        title: Some(Personal::open("case-1", "x".repeat(TITLE_LEN_MAX + 1))),
    };
    given::<State>(&open_case())
        .when(by_ana(5, long))
        .then_refused(&Error::LimitExceeded { what: "bytes of a title", max: TITLE_LEN_MAX });
}
