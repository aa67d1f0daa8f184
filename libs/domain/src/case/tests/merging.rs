//! Merge and unmerge, as the case streams see them.

use std::collections::BTreeSet;

use super::fixtures::*;
use crate::{
    case::{
        Absorbed, Action, Case, CycleRule, Error, Event, Guards, HoldKind, ResumeCause, SilenceReason, State,
        Status, Waiver,
    },
    channel::Place,
    conversation::Key,
    decider::testing::given,
    ids::ConversationId,
};

#[test]
fn a_merged_case_sends_everything_to_the_other() {
    given::<State>(&open_case())
        .when(by_bot(5, Action::MarkMerged { into: case_id(2) }))
        .then(&[Event::Merged { at: at(5), into: case_id(2), from: Status::Open }])
        .when(by_bot(6, receive(inbound(2, 6))))
        .then_refused(&Error::Merged { into: case_id(2) })
        // A chain is shortened, and still leads back to where the case stood.
        .when(by_bot(7, Action::MarkMerged { into: case_id(3) }))
        .then(&[Event::Merged { at: at(7), into: case_id(3), from: Status::Open }])
        .when(by_bot(8, Action::Restore))
        .then(&[Event::Unmerged { at: at(8), to: Status::Open }])
        .with(|case| assert_eq!((case.status, case.merged_into), (Status::Open, None)));
}

#[test]
fn an_unmerge_restores_everything_from_before() {
    let before = after(
        &open_case(),
        [
            by_ana(3, Action::Tag { tags: tags(&["late"]) }),
            by_ana(4, Action::Assign { person: person("ana"), team: None }),
            by_ana(5, Action::Snooze { until: at(DAY_S) }),
            by_ana(6, closing_post(1, public())),
        ],
    );
    let case = before.case().clone();
    before
        .when(by_bot(10, Action::MarkMerged { into: case_id(2) }))
        .then_kinds(&["case.merged"])
        .when(by_bot(20, Action::Restore))
        .then_kinds(&["case.unmerged"])
        .with(|restored| assert_eq!(restored.tags(), case.tags()))
        .with(|restored| {
            let same = (restored.status, restored.snoozed_until, &restored.assignee, &restored.own_places);
            assert_eq!(same, (case.status, case.snoozed_until, &case.assignee, &case.own_places));
        });
}

#[test]
fn what_ended_while_the_case_was_away_ends_when_it_is_back() {
    let hold = Action::Hold { kind: HoldKind::Legal, reason: text(), until: Some(at(50)) };
    after(&open_case(), [by_ana(5, hold), by_bot(6, Action::MarkMerged { into: case_id(2) })])
        .when(by_bot(50, Action::Resume { deadline: Some(at(50)) }))
        .then_nothing()
        .when(by_bot(60, Action::Restore))
        .then(&[
            Event::Unmerged { at: at(60), to: Status::OnHold },
            Event::Resumed { at: at(60), cause: ResumeCause::HoldOver, from: Status::OnHold },
        ]);
}

#[test]
fn a_reply_that_was_on_its_way_is_reported_to_the_merged_case() {
    after(&open_case(), [by_ana(5, reply(1)), by_bot(6, Action::MarkMerged { into: case_id(2) })])
        .when(by_bot(7, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!(case.first_response_at(), Some(at(7))));
}

#[test]
fn the_target_takes_over_and_gives_back() {
    let own = after(&open_case(), [by_ana(1, Action::Tag { tags: tags(&["late"]) })]).case().clone();
    given::<State>(&[open_case(), vec![Event::Tagged { at: at(1), tags: tags(&["late"]) }]].concat())
        .when(by_bot(5, Action::Absorb { source: case_id(1), brings: brings() }))
        .then_kinds(&["case.source_absorbed"])
        .with(|case| {
            assert_eq!(case.tags().len(), 2);
            assert_eq!(case.identities().len(), 2);
            assert_eq!(case.conversations(), BTreeSet::from([conversation(1), conversation(9)]));
            assert_eq!(case.brings().moves, brings().moves, "what was moved there is moved here");
            assert_eq!(case.places_open(), BTreeSet::from([&private(), &public()]));
            assert_eq!(case.waiting_since(), Some(at(-50)), "the earliest of both");
        })
        .when(by_bot(9, Action::Release { source: case_id(1) }))
        .then_kinds(&["case.source_released"])
        .with(|case| {
            assert_eq!((case.tags(), case.identities()), (own.tags(), own.identities()));
            assert_eq!((case.conversations(), case.places_open()), (own.conversations(), own.places_open()));
            assert_eq!(case.waiting_since(), own.waiting_since());
        });
}

#[test]
fn a_case_of_nobody_is_of_the_customer_who_is_brought() {
    let (ada, ben) = (inbound(1, 0).identity.unwrap(), brings().customer.unwrap());
    let absorb = |source| Action::Absorb { source: case_id(source), brings: brings() };
    let release = |source| by_bot(9, Action::Release { source: case_id(source) });
    after(&open_case(), [by_bot(5, absorb(3))])
        .with(|case| assert_eq!(case.customer(), Some(&ada), "it has its own"));
    after(&[opened()], [by_bot(5, absorb(3)), by_bot(6, absorb(2))])
        .with(|case| assert_eq!((case.customer(), case.brings().customer), (Some(&ben), Some(ben.clone()))))
        .when(by_bot(7, receive(inbound(1, 7))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.customer(), Some(&ben), "whoever writes then takes part"))
        .when(release(3))
        .then_kinds(&["case.source_released"])
        .with(|case| assert_eq!(case.customer(), Some(&ben), "the other brought one too"))
        .when(release(2))
        .then_kinds(&["case.source_released"])
        .with(|case| assert_eq!(case.customer(), Some(&ada)));
}

#[test]
fn what_the_target_says_of_an_absorbed_tag_outlives_the_release() {
    after(
        &open_case(),
        [
            by_bot(5, Action::Absorb { source: case_id(1), brings: brings() }),
            by_ana(6, Action::Tag { tags: tags(&["refund"]) }),
            by_bot(7, Action::Release { source: case_id(1) }),
        ],
    )
    .with(|case| assert_eq!(case.own_tags, tags(&["refund"])));
    after(&open_case(), [by_bot(5, Action::Absorb { source: case_id(1), brings: brings() })])
        .when(by_ana(6, Action::Untag { tags: tags(&["refund"]) }))
        .then_kinds(&["case.untagged"])
        .with(|case| assert!(case.tags().is_empty()));
}

#[test]
fn one_reply_answers_both_and_closes_both_places() {
    after(
        &open_case(),
        [
            by_bot(5, Action::Absorb { source: case_id(1), brings: brings() }),
            by_ana(6, closing_post(1, private())),
            by_bot(7, sent(1)),
        ],
    )
    .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(7)))))
    .with(|case| assert_eq!(case.places_open(), BTreeSet::from([&public()])));
}

#[test]
fn the_earliest_first_response_counts() {
    let mut earlier = brings();
    earlier.first_response_at = Some(at(-10));
    let reopen = Action::Reopen { window_s: WINDOW_S, cycle_rule: CycleRule::Restart };
    after(&open_case(), [by_ana(2, reply(1)), by_bot(3, sent(1))])
        .with(|case| assert_eq!(case.first_answered_at(), Some(at(3))))
        .when(by_bot(5, Action::Absorb { source: case_id(1), brings: earlier }))
        .then_kinds(&["case.source_absorbed"])
        .with(|case| {
            assert_eq!((case.first_response_at(), case.first_answered_at()), (Some(at(-10)), Some(at(-10))));
        })
        .when(by_ana(6, resolve()))
        .then_kinds(&["case.resolved"])
        .when(by_ana(7, reopen))
        .then_kinds(&["case.reopened"])
        .with(|case| assert_eq!(case.first_answered_at(), Some(at(-10))))
        .when(by_bot(8, Action::Release { source: case_id(1) }))
        .then_kinds(&["case.source_released"])
        .with(|case| assert_eq!((case.first_response_at(), case.first_answered_at()), (None, Some(at(3)))));
}

#[test]
fn every_place_that_wants_a_closing_post_is_told_with_its_conversation() {
    let identity: crate::ids::IdentityId = "mail-fr_fedcba9876543210".parse().unwrap();
    let private_one = Key::Contact { account: "mail-fr".parse().unwrap(), identity: identity.clone() };
    let brings = Box::new(Absorbed {
        identities: BTreeSet::from([identity]),
        conversations: BTreeSet::from([private_one.id()]),
        ..*brings()
    });
    let told = |case: &Case| -> Vec<(Place, Option<ConversationId>, bool, bool)> {
        let places = case.places().into_iter();
        places
            .map(|posted| (posted.place.clone(), posted.conversation, posted.closed, posted.waived))
            .collect()
    };
    let (here, there) = (Some(conversation(1)), Some(private_one.id()));
    let waivers = vec![Waiver { place: private(), reason: "gone".parse().unwrap() }];
    let resolve = Action::Resolve {
        resolution: None,
        waivers,
        guards: Guards { closing_posts_required: true, ..Guards::default() },
    };
    after(&open_case(), [by_bot(5, Action::Absorb { source: case_id(1), brings })])
        .with(|case| {
            assert_eq!(told(case), [(public(), here, false, false), (private(), there, false, false)]);
        })
        .when(by_ana(6, closing_post(1, public())))
        .then_kinds(&["case.reply_released"])
        .when(by_ana(7, resolve))
        .then_kinds(&["case.resolved"])
        .with(|case| assert_eq!(told(case), [(public(), here, true, false), (private(), there, false, true)]))
        .when(by_ana(8, reopen()))
        .then_kinds(&["case.reopened"])
        .with(|case| assert_eq!(told(case)[1], (private(), there, false, false)))
        .when(by_ana(9, closing_post(2, private())))
        .then_kinds(&["case.reply_released"])
        .with(|case| assert_eq!(told(case)[1], (private(), there, true, false)))
        .when(by_bot(10, failed(1)))
        .then_kinds(&["case.reply_failed"])
        .when(by_ana(11, Action::ChooseSilence { reason: SilenceReason::Thanks, note: None }))
        .then_kinds(&["case.silence_chosen"])
        .with(|case| assert_eq!(told(case)[0], (public(), here, false, true)));
}

#[test]
fn a_reply_after_a_merge_may_have_seen_a_message_of_the_source() {
    let answer = |n, seen| match reply(n) {
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
        } => Action::Reply {
            reply,
            conversation,
            place,
            text,
            extras,
            in_reply_to,
            closing,
            seen: Some(seen),
            override_stale,
        },
        other => other,
    };
    after(&open_case(), [by_bot(5, Action::Absorb { source: case_id(1), brings: brings() })])
        .when(by_ana(6, answer(1, message_id(77))))
        .then_kinds(&["case.reply_released"])
        .when(by_bot(7, receive(inbound(2, 7))))
        .then_kinds(&["case.customer_message_received"])
        .when(by_ana(8, answer(2, message_id(77))))
        .then_refused(&Error::StaleReply { latest: message_id(2) });
}
