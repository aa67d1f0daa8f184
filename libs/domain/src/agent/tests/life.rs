use super::*;
use crate::decider::testing::given;

fn online() -> State {
    after([(0, set(Presence::Online, 10_000))])
}

fn step(state: State, second: i64, action: Action) -> State {
    let events = state.decide(by(second, action)).unwrap();
    fold(state, &events)
}

#[test]
fn a_case_is_reserved_offered_accepted_and_claimed() {
    let state = given::<State>([])
        .when(by(0, set(Presence::Online, 1_000)))
        .then_kinds(&["agent.presence_set"])
        .when(by(1, reserve(1, 1, 60, How::Push)))
        .then_kinds(&["agent.capacity_reserved"])
        .when(by(2, offer(1, 30)))
        .then_kinds(&["agent.case_offered"])
        .when(by(3, claim(1)))
        .then_refused(&Error::NotAccepted)
        .when(by(4, accept(1)))
        .then_kinds(&["agent.offer_accepted"])
        .when(by(5, claim(1)))
        .then_kinds(&["agent.case_claimed"])
        .0;
    assert_eq!((state.used(), state.last_assigned(), state.idle_since()), (2, Some(at(5)), None));
}

#[test]
fn capacity_is_of_the_agent_and_a_limit_of_the_channel() {
    let state = online();
    let state = step(state, 1, hold(1, 3, true));
    let mail = |at_most| Action::Reserve {
        case: case(2),
        decision: 1,
        channel: "email".parse().unwrap(),
        units: 4,
        until: at(60),
        how: How::Push,
        limits: Limits { at_most, ..LIMITS },
    };
    let full = Error::AtCapacity { used: 3, units: 4, max: 6 };
    assert_eq!(state.decide(by(2, mail(None))), Err(full), "over two channels");
    let limited = |units, at_most| {
        let limits = Limits { at_most: Some(at_most), ..LIMITS };
        let (channel, until) = (chat(), at(60));
        Action::Reserve { case: case(2), decision: 1, channel, units, until, how: How::Push, limits }
    };
    assert_eq!(state.decide(by(2, limited(1, 1))), Err(Error::AtChannelLimit { max: 1 }));
    assert_eq!(state.decide(by(2, limited(1, 2))).unwrap().len(), 1);
    assert_eq!(state.decide(by(2, limited(0, 2))), Err(Error::UnfitUnits { max: 1_000 }));
    assert_eq!(step(state, 3, drop_case(1)).decide(by(4, mail(None))).unwrap().len(), 1);
}

#[test]
fn what_comes_back_from_pending_may_be_too_much_and_stops_what_is_new() {
    let pause = |consumes| Action::SetConsuming { case: case(1), consumes };
    let mut state = online();
    for (second, action) in [(1, hold(1, 4, true)), (2, pause(false))] {
        state = step(state, second, action);
    }
    assert_eq!(state.used(), 0);
    for (number, second) in [(2, 3), (3, 4)] {
        state = step(state, second, reserve(number, 1, 600, How::Push));
        state = step(state, second, claim(number));
    }
    state = step(state, 5, pause(true));
    assert_eq!(state.used(), 8, "more than six, and true");
    let full = |used| Err(Error::AtCapacity { used, units: 2, max: 6 });
    assert_eq!(state.decide(by(6, reserve(4, 1, 600, How::Push))), full(8));
    assert_eq!(state.decide(by(6, reserve(4, 1, 600, How::Pull))), full(8));
    assert_eq!(state.decide(by(6, reserve(4, 1, 600, How::Manual))).unwrap().len(), 1, "by hand it goes");
    state = step(state, 7, drop_case(2));
    assert_eq!(state.decide(by(8, reserve(4, 1, 600, How::Push))), full(6));
    state = step(state, 9, drop_case(1));
    assert_eq!(state.decide(by(10, reserve(4, 1, 600, How::Push))).unwrap().len(), 1);
}

#[test]
fn a_lease_ends_at_its_instant_whenever_that_is_noticed() {
    let state = after([(0, set(Presence::Online, 60))]);
    assert_eq!((state.presence_at(at(59)), state.presence_at(at(60))), (Presence::Online, Presence::Offline));
    let refused = Err(Error::NotOnline(Presence::Offline));
    assert_eq!(state.decide(by(60, reserve(1, 1, 600, How::Push))), refused, "though nobody noticed");
    assert_eq!(state.decide(by(59, Action::ExpireLease)), Ok(vec![]));
    assert_eq!(state.decide(by(900, Action::ExpireLease)), Ok(vec![Event::LeaseExpired { at: at(60) }]));
    // Who comes back late was gone in between.
    let events = state.decide(by(900, set(Presence::Online, 1_000))).unwrap();
    assert!(matches!(&events[..], [Event::LeaseExpired { .. }, Event::PresenceSet { .. }]), "{events:?}");
    assert_eq!(fold(state, &events).since(), Some(at(900)));
}

#[test]
fn a_sign_of_life_is_an_entry_only_if_it_makes_a_difference() {
    let mut state = after([(0, set(Presence::Online, 120))]);
    let mut entries = 0;
    for second in (10..=600).step_by(10) {
        let events = state.decide(by(second, Action::Renew { lease_until: at(second + 120) })).unwrap();
        entries += events.len();
        state = fold(state, &events);
    }
    assert_eq!(entries, 20, "of sixty signs");
    assert_eq!(state.presence_at(at(600)), Presence::Online);
    assert_eq!(state.decide(by(800, Action::Renew { lease_until: at(900) })), Err(Error::LeaseOver));
    let far = Action::Renew { lease_until: at(700_000) };
    assert!(matches!(state.decide(by(600, far)), Err(Error::UnfitInstant { field: "lease_until", .. })));
}

#[test]
fn who_does_not_answer_three_offers_in_a_row_is_away() {
    let miss = |state: State, number: u128, second: i64| {
        let state = step(state, second, reserve(number, 1, second + 60, How::Push));
        let state = step(state, second, offer(number, second + 20));
        let early = Err(Error::TooEarly { until: at(second + 20) });
        assert_eq!(state.decide(by(second + 19, time_out(number))), early);
        let events = state.decide(by(second + 45, time_out(number))).unwrap();
        (fold(state, &events), events)
    };
    let (state, events) = miss(online(), 1, 100);
    assert_eq!(events[0], Event::OfferTimedOut { at: at(120), case: case(1), decision: 1, misses: 1 });
    assert!(matches!(events[1], Event::CapacityReleased { ended: Ended::TimedOut, .. }) && events.len() == 2);
    let (state, _) = miss(state, 2, 200);
    // One that is accepted begins the count anew.
    let state = [reserve(3, 1, 360, How::Push), offer(3, 340), accept(3), claim(3)]
        .into_iter()
        .fold(state, |state, action| step(state, 300, action));
    let (state, _) = miss(state, 4, 400);
    let (state, _) = miss(state, 5, 500);
    let (state, events) = miss(state, 6, 600);
    assert_eq!(events[2], Event::SentAway { at: at(620), misses: 3 });
    assert_eq!((state.presence_at(at(700)), state.why()), (Presence::Away, Some(&Why::MissedOffers)));
    let refused = Err(Error::NotOnline(Presence::Away));
    assert_eq!(state.decide(by(700, reserve(7, 1, 760, How::Push))), refused);
    let back = step(state, 701, set(Presence::Online, 10_000));
    assert_eq!((back.presence_at(at(701)), back.misses()), (Presence::Online, 0));
}

#[test]
fn who_goes_leaves_offers_and_keeps_what_is_being_claimed() {
    let actions =
        [(1, reserve(1, 1, 600, How::Push)), (2, reserve(2, 1, 600, How::Push)), (3, offer(2, 500))];
    let state = actions.into_iter().fold(online(), |state, (second, action)| step(state, second, action));
    let events = state.decide(by(10, set(Presence::Offline, 0))).unwrap();
    let released = Event::CapacityReleased { at: at(10), case: case(2), decision: 1, ended: Ended::Offline };
    assert_eq!((events.len(), &events[1]), (2, &released));
    let state = step(state, 10, set(Presence::Offline, 0));
    assert_eq!(step(state, 11, claim(1)).held().len(), 1, "the case says that it was claimed");
}

#[test]
fn one_decision_neither_confirms_nor_releases_what_another_reserved() {
    let state = step(online(), 1, reserve(1, 7, 60, How::Push));
    assert_eq!(state.decide(by(2, reserve(1, 8, 60, How::Push))), Err(Error::AnotherDecision));
    assert_eq!(state.decide(by(2, claim(1))), Err(Error::AnotherDecision));
    assert_eq!(state.decide(by(2, release(1, Ended::Lost))), Ok(vec![]));
    // The case's own stream is right, whoever reserved.
    let state = step(state, 3, hold(1, 2, true));
    assert_eq!((state.reserved().len(), state.held().len(), state.used()), (0, 1, 2));
}

#[test]
fn what_is_reserved_and_not_claimed_takes_capacity_until_it_is_released() {
    let state = step(online(), 1, reserve(1, 1, 60, How::Push));
    assert_eq!(state.next_deadline(), Some(at(60)));
    assert_eq!(state.decide(by(59, release(1, Ended::Expired))), Err(Error::TooEarly { until: at(60) }));
    assert_eq!(state.used(), 2);
    let state = step(state, 70, release(1, Ended::Expired));
    assert_eq!((state.used(), state.idle_since()), (0, Some(at(70))));
    assert_eq!(state.decide(by(71, claim(1))), Err(Error::NotReserved));
}

#[test]
fn who_waits_now_is_requeued_at_once_and_others_after_working_time() {
    let mail = Action::Hold { case: case(2), channel: "email".parse().unwrap(), units: 1, consumes: true };
    let actions = [(1, hold(1, 1, true)), (2, mail.clone()), (3, hold(3, 1, false)), (300, hold(4, 1, true))];
    let start = after([(0, set(Presence::Online, 200))]);
    let state = actions.into_iter().fold(start, |state, (second, action)| step(state, second, action));
    let wait = |kind: &ChannelKind| if kind.as_str() == "chat" { Wait::There } else { Wait::Away };
    let later = |from: Timestamp| Some(from.plus_seconds(1_800));
    assert_eq!(state.left_behind(at(199), wait, later), []);
    let behind = |number, second| Behind { case: case(number), requeue_at: Some(at(second)) };
    assert_eq!(state.left_behind(at(400), wait, later), [behind(1, 200), behind(2, 2_000), behind(4, 300)]);
    assert_eq!(state.left_behind(at(400), |_| Wait::Away, |_| None)[0].requeue_at, None);
}
