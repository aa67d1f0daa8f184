//! What peers get wrong.

use super::*;

fn usual_book() -> Book {
    book(vec![usual()], paris(&[]))
}

#[test]
fn resolved_after_the_deadline_but_before_a_tick_is_a_breach() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-08T10:30:00+02:00", Status::Resolved);
    let resolution = clock(&story.clocks(&usual_book(), "2026-04-08T11:00:00+02:00"), Kind::Resolution);
    assert_eq!(resolution.state, ClockState::Breached);
    assert_eq!(resolution.breached_at, Some(at("2026-04-08T10:00:00+02:00")));
    assert_eq!(resolution.stopped, Some(at("2026-04-08T10:30:00+02:00")));
}

#[test]
fn what_is_done_at_the_very_deadline_is_in_time() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-08T10:00:00+02:00", Status::Resolved);
    let resolution = clock(&story.clocks(&usual_book(), "2026-04-08T11:00:00+02:00"), Kind::Resolution);
    assert_eq!((resolution.state, resolution.breached_at), (ClockState::Met, None));
}

#[test]
fn a_pause_and_then_a_direct_resolution_credits_the_hold() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-07T11:00:00+02:00", Status::Pending)
        .status("2026-04-14T11:00:00+02:00", Status::Resolved);
    let clocks = story.clocks(&usual_book(), "2026-04-15T11:00:00+02:00");
    let resolution = clock(&clocks, Kind::Resolution);
    assert_eq!((resolution.state, resolution.consumed), (ClockState::Met, 2 * HOUR));
    let full = clocks.measures.full_resolution.unwrap();
    assert_eq!((full.calendar, full.business), (170 * HOUR, (5 * 7 + 2) * HOUR), "pauses and all");
}

#[test]
fn reopened_twice_the_cycle_goes_on_and_the_gaps_do_not_count() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-07T11:00:00+02:00", Status::Resolved)
        .reopened("2026-04-08T09:00:00+02:00", 1)
        .status("2026-04-08T10:00:00+02:00", Status::Resolved)
        .reopened("2026-04-09T09:00:00+02:00", 1);
    let clocks = story.clocks(&usual_book(), "2026-04-09T10:00:00+02:00");
    let resolution = clock(&clocks, Kind::Resolution);
    assert_eq!(resolution.key, Key { clock: Kind::Resolution, cycle: 1, run: 1 });
    assert_eq!((resolution.consumed, resolution.remaining), (4 * HOUR, Some(4 * HOUR)));
    assert_eq!(resolution.due, Some(at("2026-04-09T15:00:00+02:00")));
    assert_eq!(clocks.measures.first_resolved_at, Some(at("2026-04-07T11:00:00+02:00")));
    assert_eq!(clocks.measures.full_resolution, None, "it is open");
    let done = story.status("2026-04-09T11:00:00+02:00", Status::Resolved);
    let measures = done.clocks(&usual_book(), "2026-04-10T00:00:00Z").measures;
    assert_eq!(measures.first_resolution.unwrap().calendar, 2 * HOUR);
    assert_eq!(measures.full_resolution.unwrap().calendar, 50 * HOUR);
    assert_eq!(measures.resolved_at, Some(at("2026-04-09T11:00:00+02:00")));
}

#[test]
fn a_new_cycle_begins_anew_and_keeps_the_first() {
    let mut policy = usual();
    policy.reopen = Reopen::Restart;
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T10:00:00+02:00", Author::Human)
        .status("2026-04-07T11:00:00+02:00", Status::Resolved)
        .message("2026-04-08T09:00:00+02:00")
        .reopened("2026-04-08T09:05:00+02:00", 1);
    let clocks = story.clocks(&book(vec![policy], paris(&[])), "2026-04-08T10:00:00+02:00");
    let first = clocks.get(Key { clock: Kind::Resolution, cycle: 1, run: 1 }).unwrap();
    assert_eq!((first.state, first.consumed), (ClockState::Met, 2 * HOUR));
    let second = clocks.get(Key { clock: Kind::Resolution, cycle: 2, run: 1 }).unwrap();
    assert_eq!((second.state, second.consumed), (ClockState::Ok, 55 * MINUTE));
    let response = clocks.get(Key { clock: Kind::FirstResponse, cycle: 2, run: 1 }).unwrap();
    assert_eq!(response.started, at("2026-04-08T09:00:00+02:00"), "from the message, not from the reopening");
}

#[test]
fn two_regions_with_different_holidays() {
    let hours = Hours {
        calendars: [(id("fr"), paris(&[easter_monday()])), (id("br"), sao_paulo())].into(),
        regions: [(id("emea"), id("fr")), (id("latam"), id("br"))].into(),
        ..Hours::default()
    };
    let parents = [(id::<RegionId>("brazil"), id::<RegionId>("latam"))].into();
    let book = Book([(1, Edition::new(vec![usual()], hours, parents))].into());
    let due = |region: &str| {
        let opening = Opening {
            origin: Origin::Customer,
            version: 1,
            bot: false,
            situation: Situation { region: id(region), ..situation() },
        };
        let story = Story::default().fact("2026-04-06T12:00:00Z", What::Opened(Box::new(opening)));
        clock(&story.clocks(&book, "2026-04-06T12:00:00Z"), Kind::Resolution).due.unwrap()
    };
    assert_eq!(due("emea"), at("2026-04-08T10:00:00+02:00"), "Easter Monday is a holiday");
    assert_eq!(due("brazil"), at("2026-04-06T17:00:00-03:00"), "and is none there");
}

#[test]
fn the_customer_adds_messages_and_still_waits_since_the_first() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T09:30:00+02:00", Author::Human)
        .message("2026-04-07T10:00:00+02:00")
        .message("2026-04-07T10:30:00+02:00")
        .message("2026-04-07T10:50:00+02:00");
    let clocks = story.clocks(&usual_book(), "2026-04-07T10:55:00+02:00");
    let next = clock(&clocks, Kind::NextResponse);
    assert_eq!((next.key.run, next.started), (1, at("2026-04-07T10:00:00+02:00")));
    assert_eq!(next.due, Some(at("2026-04-07T11:00:00+02:00")));
    assert_eq!(next.state, ClockState::AtRisk);
    let answered =
        story.reply("2026-04-07T10:56:00+02:00", Author::Human).message("2026-04-07T11:30:00+02:00");
    let next = clock(&answered.clocks(&usual_book(), "2026-04-07T11:30:00+02:00"), Kind::NextResponse);
    assert_eq!((next.key.run, next.due), (2, Some(at("2026-04-07T13:30:00+02:00"))), "one clock per run");
}

#[test]
fn a_policy_that_changes_counts_each_segment_under_its_own() {
    let mut stricter = usual();
    stricter.targets.insert(Kind::Resolution, target(5 * 3600, Measure::Calendar));
    let change = |stricter: Policy| {
        let mut book = usual_book();
        book.0.insert(2, edition(vec![stricter], paris(&[])));
        book
    };
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .fact("2026-04-07T12:30:00+02:00", What::PolicyApplied { version: 2 });
    let clocks = story.clocks(&change(stricter.clone()), "2026-04-07T13:00:00+02:00");
    let resolution = clock(&clocks, Kind::Resolution);
    // Three hours of business time before, half an hour of the lunch break after.
    assert_eq!(resolution.consumed, 3 * HOUR + 30 * MINUTE);
    assert_eq!(resolution.due, Some(at("2026-04-07T14:30:00+02:00")));
    assert_eq!(resolution.segments.iter().map(|s| s.version).collect::<Vec<_>>(), [1, 2]);
    stricter.on_change = OnChange::Restart;
    let restarted = clock(&story.clocks(&change(stricter), "2026-04-07T13:00:00+02:00"), Kind::Resolution);
    assert_eq!((restarted.consumed, restarted.due), (30 * MINUTE, Some(at("2026-04-07T17:30:00+02:00"))));
    let unknown = story.clocks(&usual_book(), "2026-04-07T13:00:00+02:00");
    assert_eq!(unknown.unknown_versions, [2].into(), "said, not guessed");
}

#[test]
fn a_target_that_becomes_shorter_than_what_is_consumed_is_breached_at_the_change() {
    let mut policy = usual();
    policy.targets.get_mut(&Kind::Resolution).unwrap().seconds.insert(Priority::Urgent, 3600);
    let urgent = What::Changed(Change::Priority(Priority::Urgent));
    let low = What::Changed(Change::Priority(Priority::Low));
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .fact("2026-04-07T11:00:00+02:00", urgent)
        .fact("2026-04-07T11:10:00+02:00", low);
    let clocks = story.clocks(&book(vec![policy], paris(&[])), "2026-04-07T11:30:00+02:00");
    let resolution = clock(&clocks, Kind::Resolution);
    assert_eq!(resolution.breached_at, Some(at("2026-04-07T11:00:00+02:00")), "and stays so");
}

#[test]
fn neither_an_automatic_reply_nor_a_bot_nor_a_note_is_a_response() {
    let mut policy = usual();
    policy.targets.insert(Kind::Acknowledgement, target(300, Measure::Calendar));
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .reply("2026-04-07T09:00:05+02:00", Author::Automatic)
        .reply("2026-04-07T09:10:00+02:00", Author::Bot)
        .fact("2026-04-07T09:20:00+02:00", What::Note);
    let clocks = story.clocks(&book(vec![policy], paris(&[])), "2026-04-07T09:30:00+02:00");
    assert_eq!(clock(&clocks, Kind::FirstResponse).state, ClockState::Ok);
    let ack = clock(&clocks, Kind::Acknowledgement);
    assert_eq!((ack.state, ack.consumed), (ClockState::Met, 5_000_000));
}

#[test]
fn a_reply_that_did_not_arrive_stopped_nothing() {
    let story =
        Story::default().asked("2026-04-07T09:00:00+02:00").reply("2026-04-07T09:30:00+02:00", Author::Human);
    let met = clock(&story.clocks(&usual_book(), "2026-04-07T11:30:00+02:00"), Kind::FirstResponse);
    assert_eq!(met.state, ClockState::Met);
    let story = story.failed("2026-04-07T11:40:00+02:00", 2);
    let breached = clock(&story.clocks(&usual_book(), "2026-04-07T11:40:00+02:00"), Kind::FirstResponse);
    assert_eq!(breached.breached_at, Some(at("2026-04-07T11:00:00+02:00")), "at its own deadline");
}

#[test]
fn a_merge_cancels_with_its_reason_and_an_unmerge_resumes() {
    let story = Story::default()
        .asked("2026-04-07T09:00:00+02:00")
        .status("2026-04-07T10:00:00+02:00", Status::Merged);
    let clocks = story.clocks(&usual_book(), "2026-04-20T10:00:00+02:00");
    for kind in [Kind::Resolution, Kind::FirstResponse] {
        let merged = clock(&clocks, kind);
        assert_eq!(merged.state, ClockState::Cancelled(Reason::Merged), "{kind:?}");
        assert_eq!((merged.stopped, merged.breached_at), (Some(at("2026-04-07T10:00:00+02:00")), None));
    }
    assert_eq!(clocks.next_wake(), None);
    let story = story.status("2026-04-08T09:00:00+02:00", Status::Open);
    let resolution = clock(&story.clocks(&usual_book(), "2026-04-08T09:00:00+02:00"), Kind::Resolution);
    assert_eq!((resolution.state, resolution.consumed), (ClockState::Ok, HOUR));
}

#[test]
fn a_case_that_an_agent_opens_awaits_a_response_once_the_customer_asks() {
    let story = Story::default()
        .opened("2026-04-07T09:00:00+02:00", Origin::Agent)
        .reply("2026-04-07T09:05:00+02:00", Author::Human);
    let clocks = story.clocks(&usual_book(), "2026-04-07T10:00:00+02:00");
    assert_eq!(clocks.last(Kind::FirstResponse), None);
    assert_eq!(clock(&clocks, Kind::Resolution).consumed, HOUR);
    let story = story.message("2026-04-07T10:00:00+02:00").reply("2026-04-07T10:30:00+02:00", Author::Human);
    let first = clock(&story.clocks(&usual_book(), "2026-04-07T11:00:00+02:00"), Kind::FirstResponse);
    assert_eq!((first.state, first.consumed), (ClockState::Met, 30 * MINUTE));
}

#[test]
fn a_pause_outside_hours_consumes_nothing_and_gives_nothing() {
    let paused = Story::default()
        .asked("2026-04-07T16:00:00+02:00")
        .status("2026-04-07T18:00:00+02:00", Status::Pending)
        .status("2026-04-08T08:00:00+02:00", Status::Open);
    let unpaused = Story::default().asked("2026-04-07T16:00:00+02:00");
    let now = "2026-04-08T10:00:00+02:00";
    let clocks = [paused, unpaused].map(|story| clock(&story.clocks(&usual_book(), now), Kind::Resolution));
    assert_eq!(clocks[0].consumed, 2 * HOUR);
    assert_eq!((clocks[0].due, clocks[0].consumed), (clocks[1].due, clocks[1].consumed));
}

#[test]
fn the_old_deadline_and_the_hold_give_the_same_while_the_calendar_is_unchanged() {
    let hours = paris(&[easter_monday()]);
    let book = book(vec![usual()], hours.clone());
    let story = Story::default().asked("2026-04-03T10:15:00+02:00");
    let old = clock(&story.clocks(&book, "2026-04-03T11:20:00+02:00"), Kind::Resolution).due.unwrap();
    let (from, to) = ("2026-04-03T11:20:00+02:00", "2026-04-07T15:40:00+02:00");
    let story = story.status(from, Status::Pending).status(to, Status::Open);
    let replayed = clock(&story.clocks(&book, to), Kind::Resolution).due.unwrap();
    assert_eq!(Some(replayed), hours.after(old, hours.between(at(from), at(to))));
}
