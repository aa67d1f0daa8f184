//! From the first message to the last reply.

use std::collections::{BTreeMap, BTreeSet};

use super::fixtures::*;
use crate::{
    actor::Kind,
    case::{
        Action, ContactStage, CycleRule, EVENTS_MAX, EVENTS_RESERVED, Error, Escalation, Event, FieldValue,
        HoldKind, NOTES_MAX, OUTBOUND_MAX, Opening, Priority, REPLIES_MAX, ReplyOutcome, ReplyStatus,
        ResumeCause, SilenceReason, State, Status, TAGS_MAX, WakeCause,
    },
    decider::{decide_all, testing::given},
};

#[test]
fn a_message_opens_a_case_and_the_first_human_reply_that_is_sent_is_the_response() {
    given::<State>(&[])
        .when(by_bot(5, Action::Open { opening: opening(), messages: vec![inbound(1, 0), inbound(1, 0)] }))
        .then_kinds(&["case.opened", "case.customer_message_received"])
        .with(|case| assert_eq!((case.status, case.waiting_since()), (Status::New, Some(at(0)))))
        // A bot's words are no response, and nobody's work.
        .when(by_bot(6, reply(1)))
        .then_kinds(&["case.reply_released"])
        .when(by_bot(7, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!((case.status, case.first_response_at()), (Status::New, None)))
        .when(by_ana(60, reply(2)))
        .then_kinds(&["case.reply_released", "case.started"])
        // Released is not sent.
        .with(|case| assert_eq!((case.status, case.waiting_since()), (Status::Open, Some(at(0)))))
        .when(by_bot(75, sent(2)))
        .then(&[Event::ReplySent { at: at(75), reply: reply_id(2), author: Kind::Human, message: None }])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(75)))));
}

#[test]
fn the_customer_waits_since_the_oldest_message_that_nobody_answered() {
    given::<State>(&new_case())
        .when(by_bot(10, receive(inbound(2, 10))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.waiting_since(), Some(at(0))))
        .when(by_ana(20, reply(1)))
        .then_kinds(&["case.reply_released", "case.started"])
        // This one came while the reply was on its way: the reply does not answer it.
        .when(by_bot(21, receive(inbound(3, 21))))
        .then_kinds(&["case.customer_message_received"])
        .when(by_bot(25, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| {
            assert_eq!((case.waiting_since(), case.first_response_at()), (Some(at(21)), Some(at(25))));
        });
}

#[test]
fn a_reply_that_failed_is_no_response_until_it_is_sent_after_all() {
    after(&open_case(), [by_ana(20, reply(1))])
        .when(by_bot(21, failed(1)))
        .then_kinds(&["case.reply_failed"])
        .with(|case| assert_eq!(case.waiting_since(), Some(at(0))))
        .when(by_bot(30, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!(case.first_response_at(), Some(at(30))))
        // Reports come late and in any order: a status never goes back.
        .when(by_bot(31, failed(1)))
        .then_nothing()
        .when(by_bot(40, bounced(1)))
        .then_kinds(&["case.reply_bounced"])
        .when(by_bot(41, sent(1)))
        .then_nothing()
        .with(|case| assert_eq!(case.replies[&reply_id(1)].status, ReplyStatus::Bounced))
        .when(by_bot(42, sent(99)))
        .then_refused(&Error::UnknownReply);
}

#[test]
fn a_reply_that_was_resolved_over_still_counts_when_it_is_sent() {
    after(&open_case(), [by_ana(20, reply(1)), by_ana(20, resolve())])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, None)))
        .when(by_bot(22, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!(case.first_response_at(), Some(at(22))));
}

#[test]
fn the_first_response_of_a_case_that_we_opened_is_to_the_customers_first_message() {
    let open = Action::Open { opening: opening(), messages: vec![] };
    after(
        &[],
        [by_ana(0, open), by_ana(1, reply(1)), by_bot(2, sent(1)), by_ana(3, reply(2)), by_bot(4, sent(2))],
    )
    .with(|case| assert_eq!((case.status, case.first_response_at()), (Status::Open, None)))
    .when(by_bot(10, receive(inbound(1, 10))))
    .then_kinds(&["case.customer_message_received"])
    .when(by_ana(11, reply(3)))
    .then_kinds(&["case.reply_released"])
    .when(by_bot(12, sent(3)))
    .then_kinds(&["case.reply_sent"])
    .with(|case| assert_eq!(case.first_response_at(), Some(at(12))));
}

#[test]
fn an_answer_that_is_told_before_its_question_answers_it() {
    let answer = |n, second| Action::RecordOutbound {
        message: message_id(n),
        conversation: conversation(1),
        place: public(),
        sent_at: at(second),
        author: Kind::Human,
    };
    let asked = |n, second| by_bot(1_000, receive(inbound(n, second)));
    let open = Action::Open { opening: opening(), messages: vec![] };
    after(&[], [by_bot(1_000, open), by_bot(1_000, answer(50, 305)), asked(1, 300)])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(305)))))
        // What came before the first question, and what came before the first answer.
        .when(by_bot(1_000, answer(51, 299)))
        .then_kinds(&["case.outbound_recorded"])
        .with(|case| assert_eq!(case.first_response_at(), Some(at(305))))
        .when(by_bot(1_000, answer(52, 301)))
        .then_kinds(&["case.outbound_recorded"])
        .with(|case| assert_eq!(case.first_response_at(), Some(at(301))))
        .when(by_bot(1_000, receive(inbound(2, 306))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.waiting_since(), Some(at(306))))
        // What is asked elsewhere, or on purpose not answered, wants no response.
        .when(by_ana(1_001, split_off(&[1], 5)))
        .then_kinds(&["case.split_off"])
        .when(by_ana(1_002, Action::ChooseSilence { reason: SilenceReason::Other, note: None }))
        .then_kinds(&["case.silence_chosen"])
        .when(by_bot(1_003, answer(53, 300)))
        .then_kinds(&["case.outbound_recorded"])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(301)))));
}

#[test]
fn an_answer_that_is_told_before_a_new_cycles_question_is_its_response() {
    let again = Action::ReceiveMessage {
        message: inbound(2, 200),
        reopen_window_s: WINDOW_S,
        cycle_rule: CycleRule::Restart,
    };
    let answer = Action::RecordOutbound {
        message: message_id(50),
        conversation: conversation(1),
        place: public(),
        sent_at: at(210),
        author: Kind::Human,
    };
    let ended = [by_ana(20, reply(1)), by_bot(25, sent(1)), by_ana(100, resolve())];
    after(&open_case(), ended)
        .when(by_bot(211, answer))
        .then_kinds(&["case.outbound_recorded"])
        .when(by_bot(212, again))
        .then_kinds(&["case.customer_message_received", "case.reopened"])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(210)))))
        .with(|case| assert_eq!(case.first_answered_at(), Some(at(25))));
}

#[test]
fn a_reply_written_before_the_latest_message_is_stale() {
    let answer = |seen, override_stale| match reply(1) {
        Action::Reply { reply, conversation, place, text, extras, in_reply_to, closing, .. } => {
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
    let two = [open_case(), vec![received(inbound(2, 10)), received(thanks(3, 11))]].concat();
    given::<State>(&two)
        .when(by_ana(20, answer(Some(message_id(1)), false)))
        .then_refused(&Error::StaleReply { latest: message_id(2) })
        .when(by_ana(20, answer(Some(message_id(7)), false)))
        .then_refused(&Error::MessageNotInCase { messages: BTreeSet::from([message_id(7)]) })
        .when(by_ana(20, answer(Some(message_id(1)), true)))
        .then_kinds(&["case.reply_released"]);
    let overridden = |seen, override_stale| {
        let decided =
            decide_all(&given::<State>(&two).0, [by_ana(20, answer(seen, override_stale))]).unwrap();
        matches!(decided[..], [Event::ReplyReleased { stale_overridden: true, .. }])
    };
    assert!(overridden(Some(message_id(1)), true), "the override is recorded");
    assert!(!overridden(Some(message_id(2)), true), "there was nothing to override");
    // A "thanks" makes nothing stale, and no claim is not checked.
    assert!(!overridden(Some(message_id(2)), false));
    assert!(!overridden(None, false));
}

#[test]
fn the_customer_ends_waiting_and_snoozing() {
    given::<State>(&open_case())
        .when(by_ana(5, Action::Pend))
        .then_kinds(&["case.pended"])
        .when(by_ana(6, Action::Snooze { until: at(DAY_S) }))
        .then_kinds(&["case.snoozed"])
        .when(by_bot(7, receive(thanks(2, 7))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!((case.status, case.snoozed_until), (Status::Pending, Some(at(DAY_S)))))
        .when(by_bot(8, receive(inbound(3, 8))))
        .then(&[
            received(inbound(3, 8)),
            Event::Resumed { at: at(8), cause: ResumeCause::CustomerMessage, from: Status::Pending },
            Event::Woken { at: at(8), cause: WakeCause::CustomerMessage },
        ])
        .with(|case| assert_eq!((case.status, case.snoozed_until), (Status::Open, None)));
}

#[test]
fn timers_fire_with_their_deadlines_time_and_fall_silent_when_they_are_not_meant() {
    let hold = |until| Action::Hold { kind: HoldKind::ThirdParty, reason: text(), until };
    given::<State>(&open_case())
        .when(by_ana(5, hold(Some(at(5)))))
        .then_refused(&Error::DeadlineNotAhead)
        .when(by_ana(5, hold(Some(at(100)))))
        .then_kinds(&["case.held"])
        .when(by_ana(6, hold(Some(at(200)))))
        .then_kinds(&["case.held"])
        .when(by_bot(100, Action::Resume { deadline: Some(at(100)) }))
        .then_nothing()
        .when(by_bot(900, Action::Resume { deadline: Some(at(200)) }))
        .then(&[Event::Resumed { at: at(200), cause: ResumeCause::HoldOver, from: Status::OnHold }])
        .when(by_ana(901, Action::Snooze { until: at(901) }))
        .then_refused(&Error::DeadlineNotAhead)
        .when(by_ana(901, Action::Snooze { until: at(950) }))
        .then_kinds(&["case.snoozed"])
        .when(by_bot(990, Action::Wake { deadline: Some(at(940)) }))
        .then_nothing()
        .when(by_bot(990, Action::Wake { deadline: Some(at(950)) }))
        .then(&[Event::Woken { at: at(950), cause: WakeCause::Timer }]);
}

#[test]
fn assignment_transfer_and_escalation_say_who_was_responsible_before() {
    given::<State>(&new_case())
        .when(by_ana(5, Action::Assign { person: person("ana"), team: None }))
        .then_kinds(&["case.assigned", "case.started"])
        .when(by_ana(6, Action::Assign { person: person("ben"), team: Some("night".parse().unwrap()) }))
        .then(&[Event::Assigned {
            at: at(6),
            by: ana(),
            person: person("ben"),
            team: Some("night".parse().unwrap()),
            previous: Some(person("ana")),
        }])
        .when(by_ana(7, Action::Escalate { to: Escalation { level: 2, team: None }, reason: text() }))
        .then_kinds(&["case.escalated"])
        .when(by_ana(8, Action::Escalate { to: Escalation { level: 1, team: None }, reason: text() }))
        .then_refused(&Error::EscalationLevel { min: 2 })
        .when(by_ana(
            9,
            Action::Transfer {
                team: "legal".parse().unwrap(),
                region: Some("europe".parse().unwrap()),
                reason: text(),
            },
        ))
        .then(&[Event::Transferred {
            at: at(9),
            by: ana(),
            from_team: Some("night".parse().unwrap()),
            from_region: "france".parse().unwrap(),
            team: "legal".parse().unwrap(),
            region: "europe".parse().unwrap(),
            previous: Some(person("ben")),
            reason: text(),
        }])
        .with(|case| assert_eq!((&case.assignee, case.status), (&None, Status::Open)))
        .when(by_ana(10, Action::Unassign))
        .then_nothing();
}

#[test]
fn description_changes_once() {
    let fields = |value| Action::SetFields { fields: BTreeMap::from([("order".parse().unwrap(), value)]) };
    given::<State>(&open_case())
        .when(by_ana(5, Action::Tag { tags: tags(&["late", "vip"]) }))
        .then_kinds(&["case.tagged"])
        .when(by_ana(6, Action::Tag { tags: tags(&["late", "refund"]) }))
        .then(&[Event::Tagged { at: at(6), tags: tags(&["refund"]) }])
        .when(by_ana(7, Action::Untag { tags: tags(&["late", "never-there"]) }))
        .then(&[Event::Untagged { at: at(7), tags: tags(&["late"]) }])
        .when(by_ana(8, Action::Prioritise { priority: Priority::Urgent }))
        .then(&[Event::Prioritised { at: at(8), from: Priority::Normal, to: Priority::Urgent }])
        .when(by_ana(9, fields(Some(FieldValue::Text("A-1".to_owned())))))
        .then_kinds(&["case.fields_changed"])
        .when(by_ana(10, fields(None)))
        .then_kinds(&["case.fields_changed"])
        .when(by_ana(11, fields(Some(FieldValue::Personal(text())))))
        .then_kinds_each_time(&["case.fields_changed"])
        .when(by_ana(12, Action::Retitle { title: text() }))
        .then_kinds_each_time(&["case.retitled"])
        .when(by_ana(13, Action::Categorise { category: Some("refund".parse().unwrap()) }))
        .then_kinds(&["case.categorised"])
        .when(by_ana(14, Action::Label { label: Some("called".parse().unwrap()), status: Status::Open }))
        .then_kinds(&["case.labelled"])
        .when(by_ana(15, Action::Pend))
        .then_kinds(&["case.pended"])
        .with(|case| assert_eq!(case.label, None, "the label stood above open"));
}

#[test]
fn there_is_a_limit_to_everything() {
    let many: Vec<String> = (0..=TAGS_MAX).map(|n| format!("tag-{n}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).collect();
    let too_many = Error::LimitExceeded { what: "tags of a case", max: TAGS_MAX };
    given::<State>(&open_case())
        .when(by_ana(5, Action::Tag { tags: tags(&names) }))
        .then_refused(&too_many)
        .when(by_ana(5, Action::Tag { tags: tags(&names[1..]) }))
        .then_kinds(&["case.tagged"])
        .when(by_ana(6, Action::Tag { tags: tags(&names[..1]) }))
        .then_refused(&too_many);

    let long = |len| crate::personal::Personal::open("case-1", "x".repeat(len));
    let note =
        |len| Action::Note { note: note_id(1), text: long(len), mentions: BTreeSet::from([person("ben")]) };
    let max = crate::case::NOTE_LEN_MAX;
    given::<State>(&open_case())
        .when(by_ana(5, note(max + 1)))
        .then_refused(&Error::LimitExceeded { what: "bytes of a note", max })
        .when(by_ana(5, note(max)))
        .then_kinds(&["case.noted"]);
}

#[test]
fn a_case_has_room_for_so_much_and_its_end_is_possible_all_the_same() {
    let full = |what, max| Error::Full { what, max };
    let replies = (0..REPLIES_MAX).map(|n| Event::ReplyReleased {
        at: at(1),
        by: ana(),
        reply: reply_id(n as u128),
        conversation: conversation(1),
        place: public(),
        text: text(),
        extras: Box::default(),
        in_reply_to: None,
        closing: false,
        seen: None,
        stale_overridden: false,
    });
    given::<State>(&open_case().into_iter().chain(replies).collect::<Vec<_>>())
        .when(by_ana(5, reply(1_000_000)))
        .then_refused(&full("replies", REPLIES_MAX))
        .when(by_ana(5, reply(7)))
        .then_nothing();
    let mentions = BTreeSet::new;
    let noted =
        |n| Event::Noted { at: at(1), by: ana(), note: note_id(n), text: text(), mentions: mentions() };
    given::<State>(&open_case().into_iter().chain((0..NOTES_MAX as u128).map(noted)).collect::<Vec<_>>())
        .when(by_ana(5, Action::Note { note: note_id(1_000_000), text: text(), mentions: mentions() }))
        .then_refused(&full("notes", NOTES_MAX));
    let outbound = |n: u32| Action::RecordOutbound {
        message: message_id(n),
        conversation: conversation(1),
        place: public(),
        sent_at: at(1),
        author: Kind::Bot,
    };
    let recorded = (0..OUTBOUND_MAX as u32).map(|n| Event::OutboundRecorded {
        at: at(1),
        message: message_id(n + 10),
        conversation: conversation(1),
        place: public(),
        sent_at: at(1),
        author: Kind::Bot,
    });
    given::<State>(&open_case().into_iter().chain(recorded).collect::<Vec<_>>())
        .when(by_bot(5, outbound(5)))
        .then_refused(&full("messages that were sent elsewhere", OUTBOUND_MAX));
}

#[test]
fn what_joins_a_case_of_too_many_events_goes_elsewhere_and_the_case_can_be_ended() {
    let turn = |n| match n % 2 {
        0 => Event::Tagged { at: at(1), tags: tags(&["late"]) },
        _ => Event::Untagged { at: at(1), tags: tags(&["late"]) },
    };
    let most = EVENTS_MAX - EVENTS_RESERVED;
    // The opening itself is none of those that are counted.
    let events: Vec<_> = open_case().into_iter().chain((0..most - 2).map(turn)).collect();
    let full = Error::Full { what: "events", max: most };
    let note = Action::Note { note: note_id(1), text: text(), mentions: BTreeSet::new() };
    given::<State>(&events)
        .when(by_bot(5, receive(inbound(2, 5))))
        .then_refused(&full)
        .when(by_bot(5, receive(inbound(1, 0))))
        .then_nothing()
        .when(by_ana(5, note))
        .then_refused(&full)
        .when(by_ana(6, reply(1)))
        .then_kinds(&["case.reply_released"])
        .when(by_ana(7, Action::Tag { tags: tags(&["vip"]) }))
        .then_kinds(&["case.tagged"]);
    let events: Vec<_> = open_case().into_iter().chain((0..EVENTS_MAX).map(turn)).collect();
    given::<State>(&events)
        .when(by_ana(5, Action::Prioritise { priority: Priority::Urgent }))
        .then_refused(&Error::Full { what: "events", max: EVENTS_MAX })
        .when(by_bot(5, Action::Absorb { source: case_id(9), brings: brings() }))
        .then_kinds(&["case.source_absorbed"])
        .when(by_ana(6, resolve()))
        .then_kinds(&["case.resolved"])
        .when(by_ana(7, Action::Close))
        .then_kinds(&["case.closed"]);
}

#[test]
fn chosen_silence_counts_as_an_answer_until_the_customer_writes_again() {
    let silence = |reason| Action::ChooseSilence { reason, note: Some(text()) };
    given::<State>(&open_case())
        .when(by_ana(5, silence(SilenceReason::Troll)))
        .then_kinds(&["case.silence_chosen"])
        .with(|case| assert_eq!((case.waiting_since(), case.silence), (None, Some(SilenceReason::Troll))))
        .with(|case| assert_eq!(case.first_response_at(), None, "silence is no response"))
        .when(by_bot(6, receive(inbound(2, 6))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!((case.waiting_since(), case.silence), (Some(at(6)), None)));
}

#[test]
fn a_conversation_moves_from_public_to_private_in_the_same_case() {
    let go = |from, to, with_customer| Action::MoveConversation {
        from_conversation: conversation(1),
        from,
        to_conversation: conversation(2),
        to,
        with_customer,
        ack: Some(reply_id(1)),
    };
    given::<State>(&open_case())
        .with(|case| assert_eq!(case.speaks_in(), Some(conversation(1))))
        .when(by_ana(5, go(private(), public(), true)))
        .then_refused(&Error::MoveNotToPrivate)
        .when(by_ana(5, go(public(), private(), false)))
        .then_refused(&Error::MoveToAnotherCustomer)
        .when(by_ana(5, go(public(), private(), true)))
        .then_kinds(&["case.conversation_moved"])
        .with(|case| assert_eq!(case.conversations(), BTreeSet::from([conversation(1), conversation(2)])))
        .with(|case| assert_eq!(case.waiting_since(), Some(at(0)), "the clock goes on"))
        .with(|case| assert_eq!(case.speaks_in(), Some(conversation(2))))
        // What he goes on saying in public is answered in private all the same.
        .when(by_bot(6, receive(inbound(2, 6))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.speaks_in(), Some(conversation(2))))
        .with(|case| assert_eq!(case.latest_in(conversation(1)), Some(&message_id(2))))
        .with(|case| assert_eq!(case.latest_in(conversation(2)), None));
}

#[test]
fn who_joins_a_private_conversation_does_not_get_its_answers() {
    let eve = |place| crate::case::Inbound {
        identity: Some("mail-fr_fedcba9876543210".parse().unwrap()),
        ..inbound_at(2, 6, place)
    };
    for (place, answered) in [(private(), 1), (public(), 2)] {
        given::<State>(&[opened()])
            .when(by_bot(1, receive(inbound_at(1, 1, place.clone()))))
            .then_kinds(&["case.customer_message_received"])
            .when(by_bot(6, receive(eve(place))))
            .then_kinds(&["case.customer_message_received"])
            .with(|case| assert_eq!(case.latest_in(conversation(1)), Some(&message_id(answered))));
    }
}

#[test]
fn a_case_speaks_where_it_began_until_the_customer_writes() {
    let begun = Opening { conversation: Some(conversation(7)), ..*opening() };
    given::<State>(&[opened()]).with(|case| assert_eq!(case.speaks_in(), None));
    given::<State>(&[Event::Opened { at: at(0), by: ana(), opening: Box::new(begun) }])
        .when(by_ana(1, reply(1)))
        .then_kinds(&["case.reply_released", "case.started"])
        .with(|case| assert_eq!(case.speaks_in(), Some(conversation(7)), "whatever else it has by then"))
        .when(by_bot(2, receive(inbound(1, 2))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.speaks_in(), Some(conversation(1))));
}

#[test]
fn the_way_to_a_private_contact() {
    use ContactStage::{AskedPrivate, AskedPublic, Impossible, NeedsContact, NotNeeded, Obtained, Refused};
    let all = [NotNeeded, NeedsContact, AskedPublic, AskedPrivate, Obtained, Refused, Impossible];
    let ways: Vec<(ContactStage, Vec<ContactStage>)> = vec![
        (NotNeeded, vec![NeedsContact]),
        (NeedsContact, vec![AskedPublic, AskedPrivate, Obtained, Refused, Impossible]),
        (AskedPublic, vec![AskedPrivate, Obtained, Refused, Impossible]),
        (AskedPrivate, vec![Obtained, Refused, Impossible]),
        (Obtained, vec![]),
        (Refused, vec![Obtained]),
        (Impossible, vec![Obtained]),
    ];
    for (from, reachable) in ways {
        for to in all {
            let stage = Event::ContactAdvanced { at: at(1), from: NotNeeded, to: from };
            let when = given::<State>(&[open_case(), vec![stage]].concat())
                .when(by_ana(5, Action::AdvanceContact { stage: to }));
            if from == to {
                when.then_nothing();
            } else if reachable.contains(&to) {
                when.then(&[Event::ContactAdvanced { at: at(5), from, to }]);
            } else {
                when.then_refused(&Error::ContactStage { from, to });
            }
        }
    }
}

#[test]
fn spam_and_back_stands_where_it_stood() {
    after(&open_case(), [by_ana(5, Action::Pend), by_ana(6, Action::Snooze { until: at(50) })])
        .when(by_ana(7, Action::MarkSpam))
        .then(&[Event::MarkedSpam { at: at(7), from: Status::Pending }])
        .when(by_bot(50, Action::Wake { deadline: Some(at(50)) }))
        .then_nothing()
        .when(by_ana(60, Action::UnmarkSpam))
        .then(&[
            Event::UnmarkedSpam { at: at(60), to: Status::Pending },
            Event::Woken { at: at(60), cause: WakeCause::Timer },
        ])
        .with(|case| assert_eq!((case.status, case.snoozed_until), (Status::Pending, None)));
}

#[test]
fn history_that_was_sent_elsewhere_is_a_response_when_it_was_sent() {
    let outbound = |author| Action::RecordOutbound {
        message: message_id(50),
        conversation: conversation(1),
        place: public(),
        sent_at: at(30),
        author,
    };
    given::<State>(&[new_case(), vec![received(inbound(2, 40))]].concat())
        .when(by_bot(100, outbound(Kind::Human)))
        .then_kinds(&["case.outbound_recorded", "case.started"])
        .with(|case| {
            assert_eq!((case.first_response_at(), case.waiting_since()), (Some(at(30)), Some(at(40))));
        });
    given::<State>(&new_case())
        .when(by_bot(100, outbound(Kind::Bot)))
        .then_kinds(&["case.outbound_recorded"])
        .with(|case| assert_eq!((case.first_response_at(), case.waiting_since()), (None, Some(at(0)))));
}

#[test]
fn a_channels_echo_of_our_own_reply_is_known() {
    let outcome = ReplyOutcome::Sent { message: Some(message_id(50)) };
    let echo = Action::RecordOutbound {
        message: message_id(50),
        conversation: conversation(1),
        place: public(),
        sent_at: at(7),
        author: Kind::Human,
    };
    after(
        &open_case(),
        [by_ana(5, reply(1)), by_bot(6, Action::ReportReply { reply: reply_id(1), outcome })],
    )
    .when(by_bot(8, echo))
    .then_nothing();
}

#[test]
fn a_macro_is_all_or_nothing() {
    let state = given::<State>(&open_case()).0;
    let macro_of = |last| {
        [
            by_ana(5, Action::Tag { tags: tags(&["refund"]) }),
            by_ana(5, Action::Categorise { category: Some("refund".parse().unwrap()) }),
            by_ana(5, reply(1)),
            by_ana(5, last),
        ]
    };
    let decided = decide_all(&state, macro_of(resolve())).unwrap();
    let kinds = crate::decider::testing::kinds(&decided);
    assert_eq!(kinds, ["case.tagged", "case.categorised", "case.reply_released", "case.resolved"]);
    assert_eq!(
        decide_all(&state, macro_of(Action::Close)).unwrap_err(),
        Error::NotResolved { status: Status::Open }
    );
}

#[test]
fn a_new_cycle_has_its_own_first_response_and_keeps_the_first_ones() {
    let again = Action::ReceiveMessage {
        message: inbound(2, 200),
        reopen_window_s: WINDOW_S,
        cycle_rule: CycleRule::Restart,
    };
    after(&open_case(), [by_ana(20, reply(1)), by_bot(25, sent(1)), by_ana(100, resolve())])
        .when(by_bot(200, again))
        .then_kinds(&["case.customer_message_received", "case.reopened"])
        .with(|case| {
            assert_eq!((case.cycle.number, case.first_response_at()), (2, None));
            assert_eq!(case.waiting_since(), Some(at(200)));
            let first = case.first_cycle();
            assert_eq!(
                (first.number, first.first_response_at, first.first_resolved_at),
                (1, Some(at(25)), Some(at(100)))
            );
        });
}

#[test]
fn what_an_earlier_cycle_left_unanswered_makes_no_response_in_a_later_one() {
    let again = || Action::Reopen { window_s: WINDOW_S, cycle_rule: CycleRule::Restart };
    after(
        &open_case(),
        [by_ana(10, resolve()), by_ana(20, again()), by_ana(30, resolve()), by_ana(40, again())],
    )
    .with(|case| assert_eq!((case.cycle.number, case.cycle.started_at), (3, at(40))))
    .with(|case| assert_eq!((case.first_cycle().number, case.first_cycle().started_at), (1, at(0))))
    .when(by_ana(50, reply(1)))
    .then_kinds(&["case.reply_released"])
    .when(by_bot(51, sent(1)))
    .then_kinds(&["case.reply_sent"])
    .with(|case| assert_eq!(case.first_response_at(), None));
}
