use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::{Decider, fold, testing::given},
    time::Timestamp,
};

const KINDS: [LinkKind; 3] = [LinkKind::ChildOf, LinkKind::DuplicateOf, LinkKind::CausedBy];

fn command(action: Action) -> Command {
    let ana = Actor::new(Kind::Human, "ana".parse().unwrap(), "session".parse().unwrap());
    Command::new(Timestamp::UNIX_EPOCH, ana, action)
}

fn case(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(n))
}

fn merge(source: u128, target: u128) -> Command {
    command(Action::Merge {
        source: case(source),
        target: case(target),
        source_closed: false,
        target_closed: false,
        same_customer: true,
        confirmed: false,
        brings: 0,
    })
}

fn unmerge(source: u128) -> Command {
    command(Action::Unmerge { source: case(source) })
}

fn link(kind: LinkKind, from: u128, to: u128) -> Command {
    command(Action::Link { kind, from: case(from), to: case(to) })
}

fn unlink(kind: LinkKind, from: u128, to: u128) -> Command {
    command(Action::Unlink { kind, from: case(from), to: case(to) })
}

fn merged(source: u128, target: u128) -> Event {
    Event::Merged { at: Timestamp::UNIX_EPOCH, source: case(source), target: case(target) }
}

#[test]
fn chains_resolve_to_the_root_and_never_close() {
    let state = given::<State>(&[])
        .when(merge(1, 2))
        .then(&[merged(1, 2)])
        .when(merge(2, 1))
        .then_refused(&Error::MergeCycle { source_case: case(2), target: case(1) })
        .when(merge(1, 1))
        .then_refused(&Error::MergeIntoItself)
        .when(merge(2, 3))
        .then(&[merged(2, 3)])
        // Into case 1 is into where it goes on.
        .when(merge(4, 1))
        .then(&[merged(4, 3)])
        .when(merge(1, 3))
        .then_nothing()
        .when(merge(1, 5))
        .then_refused(&Error::AlreadyMerged { into: case(2) })
        .when(merge(3, 1))
        .then_refused(&Error::MergeCycle { source_case: case(3), target: case(1) })
        .0;
    assert_eq!((state.root(case(1)), state.root(case(3)), state.root(case(9))), (case(3), case(3), case(9)));
}

#[test]
fn an_unmerge_frees_one_and_leaves_its_own_sources() {
    let state = given::<State>(&[merged(1, 2), merged(2, 3)])
        .when(unmerge(2))
        .then(&[Event::Unmerged { at: Timestamp::UNIX_EPOCH, source: case(2), target: case(3) }])
        .0;
    assert_eq!((state.root(case(1)), state.merged_into(case(2))), (case(2), None));
}

#[test]
fn closed_cases_and_strangers_are_not_merged() {
    let merge = |source_closed, target_closed, same_customer, confirmed| {
        command(Action::Merge {
            source: case(1),
            target: case(2),
            source_closed,
            target_closed,
            same_customer,
            confirmed,
            brings: 0,
        })
    };
    given::<State>(&[])
        .when(merge(true, false, true, false))
        .then_refused(&Error::SourceClosed)
        .when(merge(false, true, true, true))
        .then_refused(&Error::TargetClosed { target: case(2) })
        .when(merge(false, false, false, false))
        .then_refused(&Error::DifferentCustomers)
        .when(merge(false, false, false, true))
        .then_kinds(&["links.merged"]);
}

#[test]
fn a_merge_brings_so_much_and_a_case_takes_in_so_many() {
    let brings = |brings| {
        command(Action::Merge {
            source: case(1),
            target: case(0),
            source_closed: false,
            target_closed: false,
            same_customer: true,
            confirmed: false,
            brings,
        })
    };
    given::<State>(&[])
        .when(brings(BRINGS_MAX + 1))
        .then_refused(&Error::SourceTooLarge)
        .when(brings(BRINGS_MAX))
        .then_kinds(&["links.merged"]);
    let merged = |source| Event::Merged { at: Timestamp::UNIX_EPOCH, source: case(source), target: case(0) };
    let most = ABSORBED_MAX as u128;
    given::<State>(&(1..=most).map(merged).collect::<Vec<_>>())
        .when(merge(most + 1, 0))
        .then_refused(&Error::TargetFull { target: case(0) })
        .when(merge(1, 0))
        .then_nothing()
        .when(unmerge(1))
        .then_kinds(&["links.unmerged"])
        .when(merge(most + 1, 0))
        .then_kinds(&["links.merged"]);
}

#[test]
fn a_part_has_one_whole_and_nothing_is_part_of_its_part() {
    use LinkKind::{CausedBy, ChildOf, DuplicateOf};
    given::<State>(&[])
        .when(link(ChildOf, 1, 1))
        .then_refused(&Error::LinkToItself)
        .when(link(ChildOf, 1, 2))
        .then_kinds(&["links.linked"])
        .when(link(ChildOf, 1, 3))
        .then_refused(&Error::AlreadyHasParent { parent: case(2) })
        .when(link(ChildOf, 2, 3))
        .then_kinds(&["links.linked"])
        .when(link(ChildOf, 3, 1))
        .then_refused(&Error::LinkCycle { from: case(3), to: case(1) })
        // Another kind is another matter.
        .when(link(CausedBy, 3, 1))
        .then_kinds(&["links.linked"])
        .when(link(CausedBy, 1, 3))
        .then_refused(&Error::LinkCycle { from: case(1), to: case(3) })
        .when(link(DuplicateOf, 1, 2))
        .then_kinds(&["links.linked"])
        .when(link(DuplicateOf, 2, 1))
        .then_kinds(&["links.linked"])
        .when(unlink(ChildOf, 1, 2))
        .then_kinds(&["links.unlinked"])
        .when(link(ChildOf, 1, 3))
        .then_kinds(&["links.linked"]);
}

#[test]
fn there_is_a_limit_to_what_starts_at_a_case_and_none_to_what_ends_there() {
    let linked = |from, to| Event::Linked {
        at: Timestamp::UNIX_EPOCH,
        kind: LinkKind::CausedBy,
        from: case(from),
        to: case(to),
    };
    let most = u128::try_from(LINKS_MAX).unwrap();
    let from_one: Vec<Event> = (1..=most).map(|n| linked(0, n)).collect();
    given::<State>(&from_one)
        .when(link(LinkKind::CausedBy, 0, most + 1))
        .then_refused(&Error::LimitExceeded { what: "links of a case", max: LINKS_MAX });
    let to_one: Vec<Event> = (1..=most).map(|n| linked(n, 0)).collect();
    given::<State>(&to_one).when(link(LinkKind::CausedBy, most + 1, 0)).then_kinds(&["links.linked"]);
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let kind = || select(KINDS.to_vec());
    let one = prop_oneof![
        3 => (0u128..8, 0u128..8).prop_map(|(source, target)| merge(source, target)),
        1 => (0u128..8).prop_map(unmerge),
        4 => (kind(), 0u128..8, 0u128..8).prop_map(|(kind, from, to)| link(kind, from, to)),
        1 => (kind(), 0u128..8, 0u128..8).prop_map(|(kind, from, to)| unlink(kind, from, to)),
    ];
    vec(one, 0..60)
}

/// Whether one can walk from a case back to it.
fn has_circle(next: impl Fn(CaseId) -> Vec<CaseId>) -> bool {
    (0..8).map(case).any(|start| {
        let (mut seen, mut ahead) = (BTreeSet::new(), next(start));
        while let Some(case) = ahead.pop() {
            if case == start {
                return true;
            }
            if seen.insert(case) {
                ahead.extend(next(case));
            }
        }
        false
    })
}

proptest! {
    #[test]
    fn there_never_is_a_circle_and_twice_is_once(commands in commands()) {
        let mut state = State::default();
        for command in commands {
            let Ok(events) = state.decide(command.clone()) else { continue };
            state = fold(state, &events);
            prop_assert!(matches!(state.decide(command.clone()).as_deref(), Ok([])), "{command:?}");
            prop_assert!(!has_circle(|case| state.merged_into(case).into_iter().collect()));
            for kind in [LinkKind::ChildOf, LinkKind::CausedBy] {
                prop_assert!(!has_circle(|case| state.linked(kind, case).collect()), "{kind:?}");
            }
            for n in 0..8 {
                let root = state.root(case(n));
                prop_assert_eq!(state.merged_into(root), None, "a root is not merged");
                prop_assert!(state.linked(LinkKind::ChildOf, case(n)).count() <= 1);
            }
        }
    }

    /// Whatever the log holds: a case that was merged twice, one that is unmerged and never was merged.
    #[test]
    fn the_count_of_what_a_case_took_in_is_that_of_a_look_at_all(steps in vec((0u128..5, 0u128..5, any::<bool>()), 0..40)) {
        let events: Vec<Event> = steps.iter().map(|(source, target, merges)| match merges {
            true => merged(*source, *target),
            false => Event::Unmerged { at: Timestamp::UNIX_EPOCH, source: case(*source), target: case(*target) },
        }).collect();
        let state = fold(State::default(), &events);
        for target in (0..5).map(case) {
            let counted = (0..5).filter(|source| state.merged_into(case(*source)) == Some(target)).count();
            prop_assert_eq!(state.absorbed_by(target), counted);
        }
    }

    #[test]
    fn an_unmerge_undoes_a_merge(commands in commands(), source in 0u128..8, target in 0u128..8) {
        let state = commands.into_iter().fold(State::default(), |state, command| {
            let events = state.decide(command).unwrap_or_default();
            fold(state, &events)
        });
        let events = state.decide(merge(source, target)).unwrap_or_default();
        prop_assume!(!events.is_empty());
        let after = fold(state.clone(), &events);
        let undone = after.decide(unmerge(source)).unwrap();
        prop_assert_eq!(fold(after, &undone), state);
    }

    /// Whatever the log holds, a circle too, every walk ends.
    #[test]
    fn every_walk_ends(pairs in vec((0u128..5, 0u128..5), 0..30)) {
        let events: Vec<Event> = pairs.iter().flat_map(|(from, to)| {
            let linked = Event::Linked {
                at: Timestamp::UNIX_EPOCH, kind: LinkKind::CausedBy, from: case(*from), to: case(*to),
            };
            [merged(*from, *to), linked]
        }).collect();
        let state = fold(State::default(), &events);
        for n in 0..5 {
            let _ = state.root(case(n));
            let _ = state.decide(link(LinkKind::CausedBy, 9, n));
        }
    }
}
