//! The choice and the agents' streams together: two matchers, of which each sees what was some time ago.
//!
//! The case's own stream is played by a version and an owner, claimed by compare-and-set and not from the reservation's end
//! on, as [`crate::agent`] asks for.

mod world;

use world::*;

use super::*;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (matcher, case) = (|| 0usize..2, || 0usize..24);
    let step = prop_oneof![
        6 => (1u32..4, any::<bool>()).prop_map(|(units, luxury)| Step::Arrives { units, luxury }),
        4 => matcher().prop_map(|matcher| Step::Sees { matcher }),
        16 => (matcher(), case()).prop_map(|(matcher, case)| Step::Decides { matcher, case }),
        14 => (matcher(), case()).prop_map(|(matcher, case)| Step::GoesOn { matcher, case }),
        6 => case().prop_map(|case| Step::Accepts { case }),
        2 => case().prop_map(|case| Step::Declines { case }),
        3 => (0..AGENTS, prop::bool::weighted(0.7)).prop_map(|(agent, online)| Step::Presence { agent, online }),
        2 => case().prop_map(|case| Step::Resolves { case }),
        3 => (case(), any::<bool>()).prop_map(|(case, consumes)| Step::Pends { case, consumes }),
        4 => (1i64..30).prop_map(|seconds| Step::Later { seconds }),
    ];
    proptest::collection::vec(step, 0..250)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_case_has_two_owners_and_nobody_too_much(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
            world.holds()?;
        }
        // Both matchers die. Time alone ends whatever they had under way.
        world.matchers = [Matcher::default(), Matcher::default()];
        world.now += RESERVATION_S;
        world.sweep();
        world.holds()?;
        for state in &world.agents {
            prop_assert!(state.reserved().is_empty(), "reserved, and neither claimed nor released");
        }
        // Nothing is forgotten: a matcher that sees what is gives every case to whoever can have it.
        (0..AGENTS).for_each(|agent| world.presence(agent, true));
        for case in 0..world.cases.len() {
            world.sees(0);
            world.decides(0, case);
            world.answers(case, true);
            world.goes_on(0, case);
            world.goes_on(0, case);
            world.sweep();
            if world.cases[case].routing.queue().is_some() {
                prop_assert!(world.cases[case].routing.waits_for().is_some(), "case {} waits for no reason", case);
            }
        }
        world.holds()?;
    }
}

/// The random stories do what they are for: what is refused and lost really happens.
#[test]
fn stale_matchers_are_refused_and_lose() {
    let mut world = World::new();
    for _ in 0..24 {
        world.apply(Step::Arrives { units: 3, luxury: true });
    }
    for case in 0..24 {
        world.decides(case % 2, case);
        world.decides((case + 1) % 2, case);
    }
    // Some cases are resolved before they are claimed.
    (0..24).filter(|case| case % 4 == 1).for_each(|case| world.apply(Step::Resolves { case }));
    for case in 0..24 {
        world.goes_on(case % 2, case);
        world.goes_on((case + 1) % 2, case);
    }
    world.holds().unwrap();
    let counts = (world.refused, world.lost, world.claimed);
    assert!(counts.0 > 0 && counts.1 > 0 && counts.2 > 0, "refused, lost, claimed: {counts:?}");
}
