use super::*;
use crate::decider::testing::{Given, given};

const OUT: Direction = Direction::Out;
const IN: Direction = Direction::In;

fn new() -> Given<State> {
    given::<State>(&[])
}

fn hold(reason: &str) -> Action {
    Action::Hold { reason: reason.parse().unwrap() }
}

#[test]
fn sending_goes_down_is_tried_later_each_time_and_comes_up_with_the_first_success() {
    let state = new()
        .when(command(0, degrade(OUT, Cause::Unanswered)))
        .then_kinds(&["channel.degraded"])
        .when(command(5, down(OUT, Cause::Unavailable)))
        .then(&[Event::WentDown {
            at: at(5),
            direction: OUT,
            cause: Cause::Unavailable,
            evidence: evidence(),
            round: 1,
            retry_at: at(20),
        }])
        .when(command(19, Action::Try))
        .then_nothing()
        .when(command(20, Action::Try))
        .then(&[Event::Recovering { at: at(20), direction: OUT, round: 1 }]);
    assert_eq!(state.0.door(at(20)), Door::Trial);
    let state = state.when(command(21, down(OUT, Cause::Unreachable))).then_kinds(&["channel.went_down"]);
    // Twice as long after the second time.
    assert_eq!(state.0.door(at(21)), Door::Shut(at(51)));
    assert_eq!(state.0.side(OUT).trouble.as_ref().unwrap().since, at(0));
    let state = state
        .when(command(60, Action::Try))
        .then_kinds(&["channel.recovering"])
        .when(command(61, recover(OUT, Sense::Calls)))
        .then(&[Event::CameUp { at: at(61), direction: OUT, cause: Cause::Unreachable, since: at(0) }])
        .0;
    assert_eq!((state.door(at(61)), state.level()), (Door::Open, Level::Up));
    assert_eq!(state.opened_at(), Some(at(61)));
}

#[test]
fn what_was_under_way_when_it_went_down_does_not_open_it() {
    new()
        .when(command(0, down(OUT, Cause::Failing)))
        .then_kinds(&["channel.went_down"])
        .when(command(1, recover(OUT, Sense::Calls)))
        .then_nothing()
        .when(command(2, degrade(OUT, Cause::Failing)))
        .then_nothing();
}

#[test]
fn each_time_it_waits_longer_up_to_a_bound() {
    let rules = Rules::default();
    let waits: Vec<i64> = (1..9).map(|round| rules.retry_at(at(0), round).seconds_since(at(0))).collect();
    assert_eq!(waits, [15, 30, 60, 120, 240, 480, 900, 900]);
    assert_eq!(rules.retry_at(at(0), u32::MAX), at(900));
    let never = Rules { retry_s: i64::MAX, retry_max_s: i64::MAX, ..rules };
    assert_eq!(never.retry_at(at(0), 3), Timestamp::MAX);
}

#[test]
fn sending_and_receiving_are_judged_apart() {
    let state = new().when(command(0, down(IN, Cause::Gone))).then_kinds(&["channel.went_down"]).0;
    assert_eq!((state.level(), state.door(at(0))), (Level::Down, Door::Open));
    // What is asked again and again is tried with each question.
    let up = Given(state).when(command(9, recover(IN, Sense::Calls))).then_kinds(&["channel.came_up"]).0;
    assert_eq!(up.level(), Level::Up);
    assert!(!up.was_closed(at(5)));
}

#[test]
fn a_call_that_goes_well_says_nothing_of_a_silence() {
    new()
        .when(command(0, degrade(IN, Cause::Silence)))
        .then_kinds(&["channel.degraded"])
        .when(command(1, recover(IN, Sense::Calls)))
        .then_nothing()
        .when(command(2, degrade(IN, Cause::Failing)))
        .then_nothing()
        .when(command(3, recover(IN, Sense::Silence)))
        .then_kinds(&["channel.came_up"])
        .when(command(4, recover(IN, Sense::Silence)))
        .then_nothing();
}

#[test]
fn a_person_holds_and_releases_whatever_else_is() {
    let state = new()
        .when(command(0, Action::Release))
        .then_nothing()
        .when(command(1, hold("maintenance")))
        .then_kinds(&["channel.held"])
        .when(command(2, hold("crisis")))
        .then_kinds(&["channel.held"])
        .when(command(3, down(OUT, Cause::Failing)))
        .then_kinds(&["channel.went_down"])
        .when(command(500, Action::Try))
        .then_nothing();
    assert_eq!(state.0.door(at(500)), Door::Held);
    assert_eq!(state.0.held().map(|held| (held.since, held.reason.as_str())), Some((at(1), "crisis")));
    let state = state
        .when(command(600, Action::Release))
        .then_kinds(&["channel.released"])
        .when(command(601, Action::Try))
        .then_kinds(&["channel.recovering"])
        .0;
    assert_eq!(state.door(at(601)), Door::Trial);
}

#[test]
fn a_platform_that_wants_to_be_called_less_often_is_left_alone_for_so_long() {
    let state = new()
        .when(command(0, Action::Throttle { until: at(60) }))
        .then(&[Event::Throttled { at: at(0), until: at(60) }])
        .when(command(1, Action::Throttle { until: at(30) }))
        .then_nothing()
        .when(command(2, Action::Throttle { until: at(2) }))
        .then_nothing()
        .0;
    assert_eq!((state.door(at(59)), state.door(at(60))), (Door::Throttled(at(60)), Door::Open));
    assert_eq!(state.level(), Level::Up);
}

#[test]
fn the_time_in_which_nothing_is_sent_is_known() {
    let state = new()
        .when(command(10, down(OUT, Cause::Failing)))
        .then_kinds(&["channel.went_down"])
        .when(command(30, Action::Try))
        .then_kinds(&["channel.recovering"])
        .when(command(40, recover(OUT, Sense::Calls)))
        .then_kinds(&["channel.came_up"])
        .when(command(100, hold("maintenance")))
        .then_kinds(&["channel.held"])
        .0;
    assert_eq!(state.closed_within(at(0), at(100)), 30);
    assert_eq!(state.closed_within(at(20), at(130)), 50);
    assert_eq!(state.closed_within(at(50), at(60)), 0);
    let closed: Vec<i64> = (0..13).map(|ten| ten * 10).filter(|ten| state.was_closed(at(*ten))).collect();
    assert_eq!(closed, [10, 20, 30, 100, 110, 120]);
}
