//! What becomes of what was sent.

use super::fixtures::*;
use crate::{
    case::ReplyOutcome,
    decider::{Decider, decide_all, fold, testing::Given},
    delivery::*,
};

#[test]
fn receipts_only_rise_and_the_least_part_counts() {
    let all_sent = || {
        Given(after([(0, queue()), (10, start(1, 1)), (11, sent(1, 1)), (12, start(2, 1)), (13, sent(2, 1))]))
    };
    let given = all_sent()
        .when(by(20, receipt(1, 1, Receipt::Read)))
        .then(&[Event::Read { at: at(20), part: 1 }])
        .when(by(21, receipt(1, 1, Receipt::Delivered)))
        .then_nothing()
        .when(by(21, receipt(1, 1, Receipt::Sent)))
        .then_nothing()
        .when(by(21, receipt(1, 2, Receipt::Read)))
        .then_refused(&Error::UnknownMessage);
    assert_eq!(status(&given), Status::Sent, "the second part is sent only");
    let given = given
        .when(by(22, receipt(2, 1, Receipt::Delivered)))
        .then(&[Event::Delivered { at: at(22), part: 2 }]);
    assert_eq!(status(&given), Status::Delivered);
    let given = given
        .when(by(23, receipt(2, 1, Receipt::Undelivered(returned()))))
        .then(&[Event::Undelivered { at: at(23), part: 2, cause: returned() }]);
    assert_eq!(status(&given), Status::Delivered, "it has arrived");
    assert_eq!(delivery(&given.0).part(2).unwrap().undelivered, Some(returned()), "and that is kept");

    let given = all_sent()
        .when(by(20, receipt(2, 1, Receipt::Undelivered(returned()))))
        .then_kinds(&["delivery.undelivered"]);
    assert_eq!(status(&given), Status::Undelivered);
    let reason = || "blocked-by-customer".parse().unwrap();
    assert_eq!(delivery(&given.0).outcome(), Some(ReplyOutcome::Bounced { reason: reason() }));
    let given = given.when(by(21, receipt(2, 1, Receipt::Read))).then_kinds(&["delivery.read"]);
    assert_eq!(status(&given), Status::Sent, "it has arrived after all");

    let given = all_sent()
        .when(by(20, receipt(1, 1, Receipt::Bounced(returned()))))
        .then_kinds(&["delivery.bounced"])
        .when(by(21, receipt(1, 1, Receipt::Bounced(Return { code: None, ..returned() }))))
        .then_nothing();
    assert_eq!(status(&given), Status::Bounced);
    assert_eq!(delivery(&given.0).outcome(), Some(ReplyOutcome::Bounced { reason: reason() }));
}

#[test]
fn a_receipt_that_is_quicker_than_the_answer_comes_again_or_brings_the_result() {
    let Given(state) = queued().when(by(10, start(1, 1))).then_kinds(&["delivery.attempt_started"]);
    let Given(state) =
        Given(state).when(by(11, receipt(1, 1, Receipt::Delivered))).then_refused(&Error::UnknownMessage);
    let both = [by(11, sent(1, 1)), by(11, receipt(1, 1, Receipt::Delivered))];
    let events = decide_all(&state, both).unwrap();
    assert_eq!(crate::decider::testing::kinds(&events), ["delivery.part_sent", "delivery.delivered"]);
}

/// Every order of these.
fn orders<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for (at, first) in all.iter().enumerate() {
        let rest = [&all[..at], &all[at + 1..]].concat();
        orders.extend(self::orders(&rest).into_iter().map(|rest| [&[first.clone()][..], &rest].concat()));
    }
    orders
}

#[test]
fn a_mail_that_came_back_stays_so_whoever_delivered_it_and_in_whatever_order() {
    let bounced = || Receipt::Bounced(returned());
    let undelivered = || Receipt::Undelivered(returned());
    let cases = [
        (vec![Receipt::Sent, Receipt::Delivered, bounced()], Status::Bounced),
        (vec![Receipt::Delivered, bounced(), bounced(), Receipt::Delivered], Status::Bounced),
        (vec![Receipt::Delivered, bounced(), undelivered()], Status::Bounced),
        // Who has seen it has it.
        (vec![Receipt::Delivered, bounced(), Receipt::Read], Status::Read),
        // The platform itself says that it has brought it.
        (vec![Receipt::Sent, Receipt::Delivered, undelivered()], Status::Delivered),
        (vec![Receipt::Sent, undelivered()], Status::Undelivered),
        (vec![Receipt::Read, undelivered()], Status::Read),
    ];
    for (receipts, expected) in cases {
        for order in orders(&receipts) {
            let mut request = request();
            request.parts.truncate(1);
            let one = after([(0, Action::Queue(request)), (10, start(1, 1)), (11, sent(1, 1))]);
            let told = order.iter().fold(one, |state, what| {
                let events = state.decide(by(20, receipt(1, 1, what.clone()))).unwrap();
                fold(state, &events)
            });
            assert_eq!(delivery(&told).status(), expected, "{order:?}");
            let failed = matches!(delivery(&told).outcome(), Some(ReplyOutcome::Bounced { .. }));
            assert_eq!(failed, matches!(expected, Status::Bounced | Status::Undelivered), "{order:?}");
        }
    }
}
