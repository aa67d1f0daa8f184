//! A failure prints its seed and the shortest story that shows it.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

fn presence() -> impl Strategy<Value = Presence> {
    prop_oneof![
        4 => Just(Presence::Online),
        1 => Just(Presence::Away),
        1 => Just(Presence::Busy),
        1 => Just(Presence::Break),
        1 => Just(Presence::Offline),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let number = || (0u128..6).prop_map(case);
    let decision = || 1u32..3;
    let until = || (0i64..2_000).prop_map(at);
    let how = prop_oneof![6 => Just(How::Push), 2 => Just(How::Pull), 1 => Just(How::Manual)];
    let ended = prop_oneof![Just(Ended::Expired), Just(Ended::Lost)];
    prop_oneof![
        3 => (presence(), until()).prop_map(|(presence, lease_until)| {
            Action::SetPresence { presence, reason: None, lease_until }
        }),
        1 => until().prop_map(|lease_until| Action::Renew { lease_until }),
        1 => Just(Action::ExpireLease),
        1 => any::<bool>().prop_map(|drain| if drain { Action::Drain } else { Action::Undrain }),
        9 => (number(), decision(), 1u32..4, until(), how, 1u32..9).prop_map(|(case, decision, units, until, how, max)| {
            let limits = Limits { units: max, at_most: Some(3), push: true };
            Action::Reserve { case, decision, channel: chat(), units, until, how, limits }
        }),
        3 => (number(), decision(), until()).prop_map(|(case, decision, until)| {
            Action::Offer { case, decision, until }
        }),
        3 => (number(), decision()).prop_map(|(case, decision)| Action::Accept { case, decision }),
        1 => (number(), decision()).prop_map(|(case, decision)| Action::Decline { case, decision, reason: None }),
        2 => (number(), decision()).prop_map(|(case, decision)| Action::TimeOut { case, decision, misses_max: 2 }),
        4 => (number(), decision()).prop_map(|(case, decision)| Action::Claim { case, decision }),
        2 => (number(), decision(), ended).prop_map(|(case, decision, ended)| {
            Action::Release { case, decision, ended }
        }),
        1 => (number(), 1u32..4, any::<bool>()).prop_map(|(case, units, consumes)| {
            Action::Hold { case, channel: chat(), units, consumes }
        }),
        2 => (number(), any::<bool>()).prop_map(|(case, consumes)| Action::SetConsuming { case, consumes }),
        3 => number().prop_map(|case| Action::Drop { case, left: Left::Done }),
    ]
}

/// What is taken, counted from the log and not from the state.
fn taken(log: &[Event]) -> BTreeMap<CaseId, u32> {
    let mut units: BTreeMap<CaseId, (u32, bool)> = BTreeMap::new();
    for event in log {
        match event {
            Event::CapacityReserved { case, units: n, .. } => {
                units.insert(*case, (*n, true));
            }
            Event::CaseHeld { case, units: n, consumes, .. } => {
                units.insert(*case, (*n, *consumes));
            }
            Event::LoadChanged { case, consumes, .. } => {
                units.entry(*case).and_modify(|(_, takes)| *takes = *consumes);
            }
            Event::CapacityReleased { case, .. } | Event::CaseDropped { case, .. } => {
                units.remove(case);
            }
            _ => {}
        }
    }
    units.into_iter().filter(|(_, (_, takes))| *takes).map(|(case, (units, _))| (case, units)).collect()
}

proptest! {
    /// Nothing is pushed to who is not there, takes nothing, or has too little room; what was decided is not decided again;
    /// a replay is what was live; what is stored is read.
    #[test]
    fn nothing_is_pushed_that_does_not_fit(story in vec((0i64..60, action()), 0..80)) {
        let (mut log, mut state, mut now) = (Vec::new(), State::default(), 0);
        for (later, action) in story {
            now += later;
            let before = state.clone();
            let Ok(events) = state.decide(by(now, action.clone())) else { continue };
            state = fold(state, &events);
            prop_assert_eq!(state.decide(by(now, action)), Ok(vec![]));
            for event in &events {
                if let Event::CapacityReserved { units, how, limits, channel, .. } = event {
                    if *how != How::Manual {
                        let used: u32 = taken(&log).values().sum();
                        prop_assert!(used + units <= limits.units && !before.is_draining());
                        prop_assert!(before.used_on(channel) < 3);
                        prop_assert!(before.presence_at(at(now)) != Presence::Offline);
                    }
                    if *how == How::Push {
                        prop_assert_eq!(before.presence_at(at(now)), Presence::Online);
                    }
                }
            }
            prop_assert!(state.reserved().keys().all(|case| !state.held().contains_key(case)));
            prop_assert!(!(state.used() > 0 && state.idle_since().is_some()), "who has something is not idle");
            log.extend(events);
            prop_assert_eq!(state.used(), taken(&log).values().sum::<u32>());
        }
        prop_assert_eq!(&fold(State::default(), &log), &state);
        let text = serde_json::to_string(&log).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<Event>>(&text).unwrap(), log);
    }

    /// Time alone ends whatever is only meant for a while.
    #[test]
    fn everything_that_is_reserved_is_released_in_the_end(story in vec((0i64..60, action()), 0..60)) {
        let (mut state, mut now) = (State::default(), 0);
        for (later, action) in story {
            now += later;
            if let Ok(events) = state.decide(by(now, action)) {
                state = fold(state, &events);
            }
        }
        let mut turns = 0;
        while let Some(deadline) = state.next_deadline() {
            let second = deadline.seconds_since(at(0)).max(now);
            let due: Vec<Action> = state.reserved().iter().flat_map(|(case, reserved)| {
                let (case, decision) = (*case, reserved.decision);
                [Action::TimeOut { case, decision, misses_max: 9 }, Action::Release { case, decision, ended: Ended::Expired }]
            }).chain([Action::ExpireLease]).collect();
            for action in due {
                if let Ok(events) = state.decide(by(second, action)) {
                    state = fold(state, &events);
                }
            }
            turns += 1;
            prop_assert!(turns < 100, "it goes on: {:?}", state);
        }
        prop_assert!(state.reserved().is_empty());
    }
}
