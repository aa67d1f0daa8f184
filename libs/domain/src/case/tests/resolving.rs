//! The guards before the end, and what opens a case again.

use std::collections::BTreeSet;

use super::fixtures::*;
use crate::{
    case::{
        Action, ChecklistItem, CycleRule, Error, Event, FieldValue, Guards, ReopenCause, SilenceReason,
        State, Status, Waiver, WakeCause,
    },
    channel::Place,
    decider::testing::given,
};

fn resolve_with(guards: Guards, waivers: Vec<Waiver>) -> Action {
    Action::Resolve { resolution: Some("answered".parse().unwrap()), waivers, guards }
}

fn closing_posts() -> Guards {
    Guards { closing_posts_required: true, ..Guards::default() }
}

fn missing(places: impl IntoIterator<Item = Place>) -> Error {
    Error::ClosingPostMissing { places: places.into_iter().collect() }
}

#[test]
fn what_the_policy_asks_for_comes_first() {
    let guards = Guards {
        required_fields: BTreeSet::from(["order".parse().unwrap()]),
        category_required: true,
        assignee_required: true,
        required_items: BTreeSet::from([item("called")]),
        closing_posts_required: true,
    };
    let try_it = || resolve_with(guards.clone(), vec![]);
    let order = [("order".parse().unwrap(), Some(FieldValue::Text("A-1".to_owned())))];
    given::<State>(&open_case())
        .when(by_ana(5, try_it()))
        .then_refused(&Error::RequiredFieldsMissing { fields: BTreeSet::from(["order".parse().unwrap()]) })
        .when(by_ana(6, Action::SetFields { fields: order.into_iter().collect() }))
        .then_kinds(&["case.fields_changed"])
        .when(by_ana(7, try_it()))
        .then_refused(&Error::CategoryMissing)
        .when(by_ana(8, Action::Categorise { category: Some("refund".parse().unwrap()) }))
        .then_kinds(&["case.categorised"])
        .when(by_ana(9, try_it()))
        .then_refused(&Error::AssigneeMissing)
        .when(by_ana(10, Action::Assign { person: person("ana"), team: None }))
        .then_kinds(&["case.assigned"])
        .when(by_ana(12, try_it()))
        .then_refused(&Error::ChecklistOpen { items: BTreeSet::from([item("called")]) })
        .when(by_ana(13, Action::Tick { item: item("called"), checklist: checklist() }))
        .then_kinds(&["case.checklist_item_ticked"])
        .when(by_ana(14, try_it()))
        .then_refused(&missing([public()]))
        .when(by_ana(15, closing_post(1, public())))
        .then_kinds(&["case.reply_released"])
        .when(by_ana(16, try_it()))
        .then_kinds(&["case.resolved"])
        .with(|case| assert_eq!((case.status, case.cycle.resolved_at), (Status::Resolved, Some(at(16)))));
}

#[test]
fn every_place_where_the_customer_posted_gets_a_closing_post_or_a_waiver() {
    let try_it = |waivers| resolve_with(closing_posts(), waivers);
    let waiver = |place| Waiver { place, reason: "thread-locked".parse().unwrap() };
    after(
        &open_case(),
        [by_bot(2, receive(inbound_at(2, 2, private()))), by_ana(3, closing_post(1, private()))],
    )
    .when(by_ana(4, try_it(vec![])))
    .then_refused(&missing([public()]))
    // A plain reply is no closing post.
    .when(by_ana(5, reply(2)))
    .then_kinds(&["case.reply_released"])
    .when(by_ana(6, try_it(vec![waiver(private())])))
    .then_refused(&missing([public()]))
    // Of the waivers only the needed one is kept.
    .when(by_ana(7, try_it(vec![waiver(private()), waiver(public())])))
    .then(&[Event::Resolved {
        at: at(7),
        by: ana(),
        cycle: 1,
        from: Status::Open,
        assignee: None,
        resolution: Some("answered".parse().unwrap()),
        waivers: vec![waiver(public())],
    }]);
}

#[test]
fn a_closing_post_counts_until_it_fails_or_the_customer_posts_there_again() {
    let try_it = || resolve_with(closing_posts(), vec![]);
    after(&open_case(), [by_ana(3, closing_post(1, public()))])
        .when(by_bot(4, failed(1)))
        .then_kinds(&["case.reply_failed"])
        .when(by_ana(5, try_it()))
        .then_refused(&missing([public()]))
        .when(by_bot(6, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert!(case.places_open().is_empty()))
        .when(by_bot(7, receive(inbound(2, 7))))
        .then_kinds(&["case.customer_message_received"])
        .when(by_ana(8, try_it()))
        .then_refused(&missing([public()]))
        .when(by_ana(9, closing_post(2, public())))
        .then_kinds(&["case.reply_released"])
        .when(by_bot(10, bounced(2)))
        .then_kinds(&["case.reply_bounced"])
        .when(by_ana(11, try_it()))
        .then_refused(&missing([public()]));
}

#[test]
fn a_closing_post_that_is_sent_late_does_not_close_over_a_newer_message() {
    after(
        &open_case(),
        [
            by_ana(3, closing_post(1, public())),
            by_bot(4, failed(1)),
            by_bot(5, receive(inbound(2, 5))),
            by_bot(6, sent(1)),
        ],
    )
    .with(|case| assert_eq!(case.places_open(), BTreeSet::from([&public()])));
}

#[test]
fn a_closing_post_where_the_customer_never_was_asks_for_nothing_when_it_fails() {
    after(&open_case(), [by_ana(3, closing_post(1, private())), by_bot(4, failed(1))])
        .with(|case| assert_eq!(case.places_open(), BTreeSet::from([&public()])));
}

#[test]
fn chosen_silence_waives_the_closing_posts() {
    after(&open_case(), [by_ana(3, Action::ChooseSilence { reason: SilenceReason::Troll, note: None })])
        .when(by_ana(4, resolve_with(closing_posts(), vec![])))
        .then_kinds(&["case.resolved"]);
}

#[test]
fn resolving_wakes_first() {
    after(&open_case(), [by_ana(3, Action::Snooze { until: at(500) })])
        .when(by_ana(4, resolve()))
        .then_kinds(&["case.woken", "case.resolved"])
        .when(by_bot(500, Action::Wake { deadline: Some(at(500)) }))
        .then_nothing();
    let woken = Event::Woken { at: at(4), cause: WakeCause::StatusChanged };
    assert!(serde_json::to_string(&woken).unwrap().contains("status_changed"));
}

#[test]
fn a_message_inside_the_window_reopens_and_one_outside_wants_a_follow_up() {
    let last = 100 + WINDOW_S;
    let over = Error::ReopenWindowOver { window_s: WINDOW_S };
    given::<State>(&resolved_case())
        .when(by_bot(last + 1, receive(inbound(2, last + 1))))
        .then_refused(&over)
        .when(by_bot(last + 1, receive(thanks(3, last + 1))))
        .then_kinds(&["case.customer_message_received"])
        .with(|case| assert_eq!(case.status, Status::Resolved, "a thanks reopens nothing"))
        // Sent in time is in time, however long the channel took.
        .when(by_bot(last + 500, receive(inbound(2, last))))
        .then(&[
            Event::CustomerMessageReceived { at: at(last + 500), message: inbound(2, last) },
            Event::Reopened { at: at(last + 500), cause: ReopenCause::CustomerMessage, cycle: 1 },
        ])
        .with(|case| {
            assert_eq!((case.status, case.reopenings, case.cycle.number), (Status::Open, 1, 1));
            assert_eq!((case.cycle.first_resolved_at, case.cycle.resolved_at), (Some(at(100)), None));
            assert_eq!(case.waiting_since(), Some(at(last)));
        });
    given::<State>(&resolved_case())
        .when(by_ana(last + 1, reopen()))
        .then_refused(&over)
        .when(by_ana(last, reopen()))
        .then(&[Event::Reopened { at: at(last), cause: ReopenCause::Requested, cycle: 1 }])
        .when(by_ana(last + 5, resolve()))
        .then_kinds(&["case.resolved"])
        .with(|case| {
            let cycle = &case.cycle;
            assert_eq!((cycle.first_resolved_at, cycle.resolved_at), (Some(at(100)), Some(at(last + 5))));
        });
}

#[test]
fn a_closed_case_takes_tags_and_nothing_more() {
    after(&resolved_case(), [by_ana(150, Action::Close)])
        .when(by_bot(160, receive(inbound(2, 160))))
        .then_refused(&Error::Closed)
        .when(by_ana(160, Action::Reopen { window_s: WINDOW_S, cycle_rule: CycleRule::Restart }))
        .then_refused(&Error::Closed)
        .when(by_ana(160, Action::Tag { tags: tags(&["audited"]) }))
        .then_kinds(&["case.tagged"]);
}

#[test]
fn the_checklist_is_the_one_in_force_and_what_is_ticked_stays_ticked() {
    let items = |names: &[&str]| -> BTreeSet<_> { names.iter().map(|name| item(name)).collect() };
    let try_it = |names| resolve_with(Guards { required_items: items(names), ..Guards::default() }, vec![]);
    let tick = |name| Action::Tick { item: item(name), checklist: checklist() };
    // What an earlier version laid down asks for nothing.
    let laid_down = vec![ChecklistItem { item: item("written"), required: true }];
    let before = [open_case(), vec![Event::ChecklistSet { at: at(1), items: laid_down }]].concat();
    after(&before, [by_ana(3, tick("called"))])
        .when(by_ana(4, tick("written")))
        .then_refused(&Error::UnknownChecklistItem { item: item("written") })
        .when(by_ana(5, try_it(&["called", "refunded", "thanked"])))
        .then_refused(&Error::ChecklistOpen { items: items(&["refunded", "thanked"]) })
        .when(by_ana(6, tick("thanked")))
        .then_kinds(&["case.checklist_item_ticked"])
        .when(by_ana(7, Action::Untick { item: item("called") }))
        .then_kinds(&["case.checklist_item_unticked"])
        .when(by_ana(9, try_it(&["called", "thanked"])))
        .then_refused(&Error::ChecklistOpen { items: items(&["called"]) })
        .when(by_ana(10, try_it(&["thanked"])))
        .then_kinds(&["case.resolved"]);
}

#[test]
fn refusals_say_what_and_the_remedy() {
    let text = missing([public(), private()]).to_string();
    assert_eq!(
        text,
        "places have no closing post: post in mail-fr/public/a1b2c3d4e5f60718, mail-fr/private or waive them, then \
         resolve"
    );
    assert_eq!(Error::Merged { into: case_id(1) }.code(), "CASE_MERGED");
    assert!(Error::Full { what: "notes", max: 7 }.to_string().contains("7 notes"));
}
