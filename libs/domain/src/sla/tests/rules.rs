//! The options of the table, and the rules about what is around a case.

use super::*;

fn first(story: &Story, policy: Policy, now: &str) -> Clock {
    clock(&story.clocks(&book(vec![policy], paris(&[])), now), Kind::FirstResponse)
}

#[test]
fn a_message_that_was_fetched_late_waits_since_it_was_sent() {
    let story = Story::default()
        .opened("2026-04-07T09:10:00+02:00", Origin::Customer)
        .message("2026-04-07T09:00:00+02:00");
    let clocks = story.clocks(&book(vec![usual()], paris(&[])), "2026-04-07T09:10:00+02:00");
    assert_eq!(clock(&clocks, Kind::FirstResponse).consumed, 10 * MINUTE);
    assert_eq!(clock(&clocks, Kind::Resolution).consumed, 0);
}

#[test]
fn a_split_case_counts_from_the_message_or_from_the_split() {
    let story = Story::default()
        .message("2026-04-07T09:00:00+02:00")
        .opened("2026-04-07T11:00:00+02:00", Origin::Split);
    let mut policy = usual();
    for (rule, start) in
        [(SplitStart::Message, "2026-04-07T09:00:00+02:00"), (SplitStart::Split, "2026-04-07T11:00:00+02:00")]
    {
        policy.split_start = rule;
        let clocks = story.clocks(&book(vec![policy.clone()], paris(&[])), "2026-04-07T11:30:00+02:00");
        for kind in [Kind::FirstResponse, Kind::Resolution] {
            assert_eq!(clock(&clocks, kind).started, at(start), "{kind:?}");
        }
    }
}

#[test]
fn what_was_split_away_is_not_awaited_any_more() {
    let story = Story::default().asked("2026-04-07T09:00:00+02:00").fact(
        "2026-04-07T09:30:00+02:00",
        What::SplitAway { messages: [id("support-mail-0000000000000001")].into() },
    );
    let split = first(&story, usual(), "2026-04-07T12:00:00+02:00");
    assert_eq!(split.state, ClockState::Cancelled(Reason::SplitOff));
    let clocks = story.clocks(&book(vec![usual()], paris(&[])), "2026-04-07T12:00:00+02:00");
    assert_eq!(clock(&clocks, Kind::Resolution).consumed, 3 * HOUR, "the rest of it goes on");
}

#[test]
fn a_bot_hands_over() {
    let opening = Opening { origin: Origin::Customer, version: 1, bot: true, situation: situation() };
    let story = Story::default()
        .fact("2026-04-07T09:00:00+02:00", What::Opened(Box::new(opening)))
        .message("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T09:00:10+02:00", Author::Bot)
        .fact("2026-04-07T10:00:00+02:00", What::HandedOver);
    let mut policy = usual();
    assert_eq!(first(&story, policy.clone(), "2026-04-07T11:00:00+02:00").consumed, 2 * HOUR);
    policy.first_response_start = FirstResponseStart::Handover;
    assert_eq!(first(&story, policy, "2026-04-07T11:00:00+02:00").consumed, HOUR);
}

#[test]
fn first_response_pauses_on_hold_only_if_the_policy_says_so() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-07T09:30:00+02:00", Status::OnHold);
    let mut policy = usual();
    assert_eq!(first(&story, policy.clone(), "2026-04-07T12:00:00+02:00").state, ClockState::Breached);
    policy.targets.get_mut(&Kind::FirstResponse).unwrap().pauses.insert(Status::OnHold);
    let paused = first(&story, policy, "2026-04-07T12:00:00+02:00");
    assert_eq!((paused.state, paused.consumed), (ClockState::Paused(Status::OnHold), 30 * MINUTE));
    assert_eq!(paused.due, None);
}

#[test]
fn silence_and_spam_stop_with_their_reason() {
    let story = Story::default().asked("2026-04-07T09:00:00+02:00");
    let spam = story.clone().status("2026-04-07T10:00:00+02:00", Status::Spam);
    let silence = story.fact("2026-04-07T10:00:00+02:00", What::Silence);
    for (story, reason) in [(spam, Reason::Spam), (silence.clone(), Reason::Silence)] {
        let clocks = story.clocks(&book(vec![usual()], paris(&[])), "2026-05-07T10:00:00+02:00");
        for kind in [Kind::FirstResponse, Kind::Resolution] {
            assert_eq!(clock(&clocks, kind).state, ClockState::Cancelled(reason), "{kind:?}");
        }
    }
    let again = silence.message("2026-04-08T09:00:00+02:00");
    let clocks = again.clocks(&book(vec![usual()], paris(&[])), "2026-04-08T10:00:00+02:00");
    let response = clock(&clocks, Kind::FirstResponse);
    assert_eq!((response.key.run, response.state, response.consumed), (2, ClockState::Ok, HOUR));
    assert_eq!(clock(&clocks, Kind::Resolution).consumed, 2 * HOUR);
}

#[test]
fn a_periodic_update_runs_from_answer_to_answer() {
    let mut policy = usual();
    policy.targets.insert(Kind::PeriodicUpdate, target(4 * 3600, Measure::Calendar));
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T10:00:00+02:00", Author::Human)
        .fact("2026-04-07T11:00:00+02:00", What::Note)
        .reply("2026-04-07T15:00:00+02:00", Author::Human)
        .status("2026-04-07T16:00:00+02:00", Status::Resolved);
    let clocks = story.clocks(&book(vec![policy], paris(&[])), "2026-04-08T09:00:00+02:00");
    let states: Vec<_> =
        clocks.clocks.iter().filter(|c| c.key.clock == Kind::PeriodicUpdate).map(|c| c.state).collect();
    assert_eq!(states, [ClockState::Breached, ClockState::Cancelled(Reason::Resolved)]);
}

#[test]
fn a_message_on_its_way_at_the_resolution_still_waits() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T09:30:00+02:00", Author::Human)
        .status("2026-04-07T10:01:00+02:00", Status::Resolved)
        .message("2026-04-07T10:00:00+02:00")
        .reopened("2026-04-07T10:02:00+02:00", 1);
    let clocks = story.clocks(&book(vec![usual()], paris(&[])), "2026-04-07T10:12:00+02:00");
    let next = clock(&clocks, Kind::NextResponse);
    assert_eq!((next.state, next.started), (ClockState::Ok, at("2026-04-07T10:00:00+02:00")));
    assert_eq!(next.consumed, 11 * MINUTE, "the minute in which it was resolved does not count");
}

#[test]
fn a_message_that_comes_while_a_reply_is_on_its_way_is_not_answered_by_it() {
    let story =
        Story::default().asked("2026-04-07T09:00:00+02:00").message("2026-04-07T09:31:00+02:00").fact(
            "2026-04-07T09:32:00+02:00",
            What::Reply { reply: None, author: Author::Human, written: at("2026-04-07T09:30:00+02:00") },
        );
    let clocks = story.clocks(&book(vec![usual()], paris(&[])), "2026-04-07T09:40:00+02:00");
    assert_eq!(clock(&clocks, Kind::FirstResponse).state, ClockState::Met);
    assert_eq!(clock(&clocks, Kind::NextResponse).started, at("2026-04-07T09:31:00+02:00"));
}

#[test]
fn an_imported_case_is_not_timed_until_a_live_message_comes() {
    let history = Story::default()
        .opened("2024-04-07T09:00:00+02:00", Origin::Import)
        .message("2024-04-07T09:00:00+02:00")
        .history();
    let book = book(vec![usual()], paris(&[]));
    let clocks = history.clocks(&book, "2026-04-07T09:00:00+02:00");
    assert!(clocks.clocks.iter().all(|c| !c.timed && c.breached_at.is_none() && c.warnings.is_empty()));
    assert_eq!(clocks.next_wake(), None);
    let live = history.message("2026-04-07T09:00:00+02:00");
    let clocks = live.clocks(&book, "2026-04-07T10:00:00+02:00");
    for kind in [Kind::FirstResponse, Kind::Resolution] {
        let clock = clock(&clocks, kind);
        assert!(clock.timed, "{kind:?}");
        assert_eq!((clock.state, clock.consumed, clock.key.run), (ClockState::Ok, HOUR, 2), "{kind:?}");
    }
}

#[test]
fn calendars_are_found_at_the_nearest_level() {
    let named = |name: &str| id::<CalendarId>(name);
    let all = ["case", "team", "account", "region", "above", "global"];
    let mut hours = Hours {
        calendars: all.iter().map(|name| (named(name), paris(&[]))).collect(),
        teams: [(id("care"), named("team"))].into(),
        accounts: [(id("support-mail"), named("account"))].into(),
        regions: [(id("emea"), named("region")), (id("world"), named("above"))].into(),
        global: Some(named("global")),
    };
    let mut place = Situation { calendar: Some(named("case")), ..situation() };
    let found = |hours: &Hours, place: &Situation| {
        let parents = [(id::<RegionId>("emea"), id::<RegionId>("world"))].into();
        Edition::new(Vec::new(), hours.clone(), parents).calendar(place).0.map(ToString::to_string)
    };
    let mut levels = vec![found(&hours, &place)];
    place.calendar = None;
    levels.push(found(&hours, &place));
    place.team = None;
    levels.push(found(&hours, &place));
    hours.accounts.clear();
    levels.push(found(&hours, &place));
    hours.regions.remove("emea");
    levels.push(found(&hours, &place));
    hours.regions.clear();
    levels.push(found(&hours, &place));
    assert_eq!(levels, all.map(|name| Some(name.to_owned())));
    hours.global = None;
    assert_eq!(found(&hours, &place), None, "always open");
}

#[test]
fn an_explanation_lists_every_while() {
    let story = Story::default()
        .asked("2026-04-07T11:00:00+02:00")
        .status("2026-04-07T14:00:00+02:00", Status::Pending)
        .status("2026-04-07T15:00:00+02:00", Status::Open);
    let book = book(vec![usual()], paris(&[]));
    let resolution = clock(&story.clocks(&book, "2026-04-07T16:00:00+02:00"), Kind::Resolution);
    let explanation = resolution.explain(&book);
    let whiles: Vec<_> =
        explanation.intervals.iter().map(|i| (i.why, i.to.seconds_since(i.from) / 60)).collect();
    assert_eq!(
        whiles,
        [
            (Why::Counted, 60),
            (Why::OutsideHours, 60),
            (Why::Counted, 60),
            (Why::Paused(Status::Pending), 60),
            (Why::Counted, 60)
        ]
    );
    assert!(explanation.intervals.iter().all(|i| i.version == 1 && i.policy == Some(id::<SlaId>("usual"))));
}

#[test]
fn waiting_and_working_are_told_apart() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-07T10:00:00+02:00", Status::OnHold)
        .status("2026-04-07T11:00:00+02:00", Status::Pending)
        .status("2026-04-07T14:00:00+02:00", Status::Open);
    let measures = story.clocks(&book(vec![usual()], paris(&[])), "2026-04-07T18:00:00+02:00").measures;
    assert_eq!(measures.requester_wait, Both { business: 5 * HOUR, calendar: 6 * HOUR });
    assert_eq!(measures.agent_work, Both { business: 4 * HOUR, calendar: 5 * HOUR });
}
