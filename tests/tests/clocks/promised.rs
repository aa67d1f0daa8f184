//! Promises, as they are kept and broken.

use proto::cases::v1::clock::{State, Why};

use super::site::{POLICY, Site, short, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_is_resolved_late_before_a_tick_is_a_breach_at_its_deadline() {
    let site = Site::start(POLICY).await;
    let id = site.asks("forum", "m-1").await;
    // Nobody looks in between: it is past the deadline, and at once resolved.
    site.clock.set(super::site::at("13:30"));
    site.resolve("ana", &id).await;
    let announced = site.announces(&id, 3).await;
    assert_eq!(
        short(&announced),
        ["resolution breached 13:00", "first_response warned 09:30", "first_response breached 10:00"]
    );
    let clock = site.explained(&id, "resolution").await;
    assert_eq!((clock.state(), clock.breached_at), (State::Breached, told("13:00")));
    assert_eq!((clock.policy.as_str(), clock.calendar.as_str()), ("usual", "paris"));
    assert_eq!((clock.remaining_seconds, clock.stopped_at), (Some(-1_800), told("13:30")));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_that_nobody_watched_is_announced_by_itself_and_once() {
    let site = Site::start(POLICY).await;
    let id = site.asks("forum", "m-1").await;
    site.pass("12:00").await;
    let announced = site.announces(&id, 2).await;
    assert_eq!(short(&announced), ["first_response warned 09:30", "first_response breached 10:00"]);
    // Another process finds what is still to come, and says nothing twice.
    let site = site.restarts("13:30").await;
    let announced = site.announces(&id, 3).await;
    assert_eq!(short(&announced)[2..], ["resolution breached 13:00"]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_credited_though_the_case_is_resolved_out_of_it() {
    let site = Site::start(POLICY).await;
    let id = site.asks("forum", "m-1").await;
    site.clock.set(super::site::at("09:20"));
    site.answered("m-2", "m-1", "09:20").await;
    site.clock.set(super::site::at("10:00"));
    site.hold("ana", &id).await;
    site.clock.set(super::site::at("14:30"));
    site.resolve("ana", &id).await;
    let announced = site.announces(&id, 2).await;
    assert_eq!(short(&announced), ["first_response met 09:20", "resolution met 14:30"]);
    let clock = site.explained(&id, "resolution").await;
    assert_eq!((clock.state(), clock.remaining_seconds), (State::Met, Some(3 * 3_600)));
    let whiles: Vec<_> = clock.intervals.iter().map(|i| (i.why(), i.from, i.to)).collect();
    assert_eq!(
        whiles,
        [(Why::Counted, told("09:00"), told("10:00")), (Why::Paused, told("10:00"), told("14:30"))]
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_region_counts_by_its_own_calendar() {
    let site = Site::start(POLICY).await;
    let north = site.asks("forum", "m-1").await;
    let south = site.asks("chat", "m-2").await;
    // In São Paulo it is 06:00, and somebody comes at 09:00: 12:00 in UTC.
    let (here, there) =
        (site.explained(&north, "first_response").await, site.explained(&south, "first_response").await);
    assert_eq!((here.calendar.as_str(), here.due_at), ("paris", told("10:00")));
    assert_eq!((there.calendar.as_str(), there.due_at), ("sao-paulo", told("13:00")));
    site.pass("12:20").await;
    site.announces(&north, 2).await;
    assert_eq!(site.announced(&south).await, []);
    let there = site.explained(&south, "first_response").await;
    assert_eq!(
        (there.remaining_business_seconds, there.remaining_calendar_seconds),
        (Some(2_400), Some(-8_400))
    );
    let whiles: Vec<_> = there.intervals.iter().map(|i| (i.why(), i.to)).collect();
    assert_eq!(whiles, [(Why::OutsideHours, told("12:00")), (Why::Counted, told("12:20"))]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_becomes_known_late_retracts_a_breach() {
    let site = Site::start(POLICY).await;
    let id = site.asks("forum", "m-1").await;
    site.pass("10:30").await;
    site.announces(&id, 2).await;
    // It was given in time, on the platform itself, and is fetched only now.
    site.answered("m-2", "m-1", "09:40").await;
    let announced = site.announces(&id, 4).await;
    assert_eq!(short(&announced)[2..], ["first_response breach_retracted 10:00", "first_response met 09:40"]);
    let clock = site.explained(&id, "first_response").await;
    assert_eq!((clock.state(), clock.breached_at), (State::Met, None));
    let said = clock.announced.unwrap();
    assert_eq!((said.breached_at, said.breaches, said.ended_at), (None, 1, told("09:40")));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_computed_and_not_announced() {
    let site = Site::start(POLICY).await;
    site.clock.set(super::site::at("14:00"));
    let id = site.imports("m-1", "09:00").await;
    site.pass("15:00").await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert_eq!(site.announced(&id).await, []);
    assert!(site.clocks(&id).await.iter().all(|clock| clock.state() == State::Cancelled));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_changes_meanwhile_moves_the_deadline_and_not_what_passed() {
    let site = Site::start(POLICY).await;
    let id = site.asks("forum", "m-1").await;
    site.pass("09:10").await;
    let before = site.explained(&id, "first_response").await;
    site.apply(&POLICY.replace("every = \"1 hour\"", "every = \"20 minutes\"")).await;
    let after = site.explained(&id, "first_response").await;
    assert_eq!((before.due_at, after.due_at), (told("10:00"), told("09:20")));
    assert_ne!(before.policy_version, after.policy_version);
    let versions: Vec<_> = after.intervals.iter().map(|interval| &interval.policy_version).collect();
    assert_eq!(versions, [&before.policy_version]);
    // The timer has the new deadline, though nothing has happened in the case.
    site.pass("09:21").await;
    let announced = site.announces(&id, 2).await;
    assert_eq!(short(&announced), ["first_response warned 09:10", "first_response breached 09:20"]);
    // A promise that is loosened afterwards takes nothing back.
    site.apply(POLICY).await;
    site.pass("09:40").await;
    site.announces(&id, 2).await;
    let last = site.explained(&id, "first_response").await;
    assert_eq!((last.state(), last.breached_at), (State::Breached, told("09:20")));
    assert_eq!(last.intervals.len(), 3);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_promise_nothing_is_written() {
    let site = Site::start("").await;
    let id = site.asks("forum", "m-1").await;
    site.pass("13:30").await;
    site.resolve("ana", &id).await;
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    assert!(site.world.log_entries(&["sla"]).await.is_empty());
    assert!(site.clocks(&id).await.is_empty());
    site.end().await;
}
