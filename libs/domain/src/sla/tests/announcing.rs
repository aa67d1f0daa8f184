//! What is announced, once, and taken back.

use super::*;
use crate::{
    actor::{self, Actor},
    decider::{Decider, fold},
};

/// What is announced at `now` about what is told, and remembered.
pub(super) fn announce(state: &mut State, clocks: Clocks) -> Vec<Event> {
    let by = Actor::new(actor::Kind::Service, id("cases"), id("internal"));
    let at = clocks.at;
    let action = Action::Announce { clocks: Box::new(clocks), time_zones: "2026f".to_owned() };
    let command = Command::new(at, by, action);
    let events = state.decide(command.clone()).unwrap();
    *state = fold(std::mem::take(state), &events);
    assert_eq!(state.decide(command).unwrap(), [], "the same again is nothing");
    events
}

fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| {
        let value = serde_json::to_value(event).unwrap();
        let text = |pointer: &str| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        format!("{} {} {}", text("/type"), text("/clock/clock"), text("/at"))
    };
    events.iter().map(word).collect()
}

fn warned(mut policy: Policy) -> Policy {
    let target = policy.targets.get_mut(&Kind::FirstResponse).unwrap();
    target.warnings = [Warning::Percent(50), Warning::Before(600)].into();
    policy
}

#[test]
fn warnings_come_once_in_order_and_late_ones_are_not_dropped() {
    let book = book(vec![warned(usual())], paris(&[]));
    let story = Story::default().asked("2026-04-07T09:00:00+02:00");
    let mut state = State::default();
    let clocks = story.clocks(&book, "2026-04-07T09:00:00+02:00");
    assert_eq!(clocks.next_wake(), Some(at("2026-04-07T10:00:00+02:00")), "half of the two hours");
    assert_eq!(announce(&mut state, clocks), []);
    let events = announce(&mut state, story.clocks(&book, "2026-04-07T10:00:00+02:00"));
    assert_eq!(words(&events), ["sla.warned first_response 2026-04-07T08:00:00.000000Z"]);
    // Nobody looked for an hour.
    let events = announce(&mut state, story.clocks(&book, "2026-04-07T11:20:00+02:00"));
    assert_eq!(
        words(&events),
        [
            "sla.warned first_response 2026-04-07T08:50:00.000000Z",
            "sla.breached first_response 2026-04-07T09:00:00.000000Z"
        ]
    );
}

#[test]
fn warnings_of_what_is_met_are_suppressed() {
    let story =
        Story::default().asked("2026-04-07T09:00:00+02:00").reply("2026-04-07T10:40:00+02:00", Author::Human);
    let mut state = State::default();
    let book = book(vec![warned(usual())], paris(&[]));
    let events = announce(&mut state, story.clocks(&book, "2026-04-07T10:50:00+02:00"));
    assert_eq!(words(&events), ["sla.met first_response 2026-04-07T08:40:00.000000Z"]);
}

#[test]
fn waking_at_each_next_wake_misses_nothing() {
    let book = book(vec![warned(usual())], paris(&[]));
    let story = Story::default().asked("2026-04-07T09:00:00+02:00");
    let mut state = State::default();
    let mut now = at("2026-04-07T09:00:00+02:00");
    let mut said = Vec::new();
    let mut states = Vec::new();
    loop {
        let clocks = story.timeline().clocks(&book, now);
        states.push(clock(&clocks, Kind::FirstResponse).state);
        let next = clocks.next_wake();
        said.extend(words(&announce(&mut state, clocks)));
        let Some(next) = next else { break };
        assert!(next > now, "it moves on");
        now = next;
        assert!(states.len() < 20, "and comes to an end");
    }
    assert_eq!(
        said,
        [
            "sla.warned first_response 2026-04-07T08:00:00.000000Z",
            "sla.warned first_response 2026-04-07T08:50:00.000000Z",
            "sla.breached first_response 2026-04-07T09:00:00.000000Z",
            "sla.breached resolution 2026-04-08T08:00:00.000000Z"
        ]
    );
    states.dedup();
    assert_eq!(states, [ClockState::Ok, ClockState::AtRisk, ClockState::Breached]);
}

#[test]
fn a_late_event_retracts_a_breach_and_another_makes_it_true_again() {
    let book = book(vec![usual()], paris(&[]));
    let story = Story::default().asked("2026-04-07T09:00:00+02:00");
    let mut state = State::default();
    let events = announce(&mut state, story.clocks(&book, "2026-04-07T11:01:00+02:00"));
    assert_eq!(words(&events), ["sla.breached first_response 2026-04-07T09:00:00.000000Z"]);

    // The link was cut: the reply was sent in time, and is known only now.
    let late = story.reply("2026-04-07T10:50:00+02:00", Author::Human);
    let events = announce(&mut state, late.clocks(&book, "2026-04-07T11:05:00+02:00"));
    let [
        Event::BreachRetracted { at: noticed, breached_at, cause: Some(cause), .. },
        Event::Met { at: met, .. },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(*noticed, at("2026-04-07T11:05:00+02:00"));
    assert_eq!(*breached_at, at("2026-04-07T11:00:00+02:00"));
    assert_eq!(
        (cause.fact, cause.entry, cause.occurred_at),
        (Word::Reply, 3, at("2026-04-07T10:50:00+02:00"))
    );
    assert_eq!(*met, at("2026-04-07T10:50:00+02:00"));

    let failed = late.failed("2026-04-07T11:10:00+02:00", 2);
    let events = announce(&mut state, failed.clocks(&book, "2026-04-07T11:10:00+02:00"));
    let [Event::Resumed { cause: Some(cause), .. }, Event::Breached { at: breached, round, .. }] =
        events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(cause.fact, Word::ReplyFailed);
    assert_eq!((*breached, *round), (at("2026-04-07T11:00:00+02:00"), 2));
}

#[test]
fn a_breach_says_under_what_it_was_computed() {
    let mut other = usual();
    other.id = id("other");
    let mut book = book(vec![usual()], paris(&[]));
    book.0.insert(2, edition(vec![other], paris(&[])));
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .fact("2026-04-07T15:00:00+02:00", What::PolicyApplied { version: 2 });
    let events = announce(&mut State::default(), story.clocks(&book, "2026-04-07T16:00:00+02:00"));
    let [Event::Breached { under, .. }] = events.as_slice() else { panic!("{events:?}") };
    let expected = Under {
        policy: id("usual"),
        version: 1,
        calendar: Some(id("main")),
        target_s: 7200,
        measure: Measure::Business,
        time_zones: "2026f".to_owned(),
    };
    assert_eq!(under, &expected, "the version that was in force at the deadline");
}

#[test]
fn nothing_is_announced_of_history() {
    let history = Story::default()
        .opened("2024-04-07T09:00:00+02:00", Origin::Import)
        .message("2024-04-07T09:00:00+02:00")
        .status("2024-05-07T09:00:00+02:00", Status::Resolved)
        .history();
    let book = book(vec![warned(usual())], paris(&[]));
    assert_eq!(announce(&mut State::default(), history.clocks(&book, "2026-04-07T09:00:00+02:00")), []);
}

#[test]
fn going_on_in_private_changes_no_promise() {
    // Moving is no fact: the account and its channel stay those on which the case began.
    let mut public = usual();
    public.conditions.channels = [id("x")].into();
    let mut other = policy("other");
    other.order = 1;
    let book = book(vec![public, other], paris(&[]));
    let opening = Opening {
        origin: Origin::Customer,
        version: 1,
        bot: false,
        situation: Situation { channel: id("x"), ..situation() },
    };
    let story = Story::default()
        .fact("2026-04-07T09:00:00+02:00", What::Opened(Box::new(opening)))
        .message("2026-04-07T09:00:00+02:00")
        .message("2026-04-07T10:30:00+02:00");
    let first = clock(&story.clocks(&book, "2026-04-07T11:30:00+02:00"), Kind::FirstResponse);
    assert_eq!(first.terms.map(|terms| terms.policy), Some(id("usual")));
    assert_eq!(first.breached_at, Some(at("2026-04-07T11:00:00+02:00")));
}
