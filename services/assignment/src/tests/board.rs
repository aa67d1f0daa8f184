//! What the board makes of entries and times.

use domain::{
    actor::{Actor, Kind},
    agent::{self, Ended, How, Limits, Presence},
    case::Priority,
    condition::About,
    ids::{CaseId, PersonId},
    policy::{Draft, Set},
    routing::{
        choose::{self, Gone, Ruled},
        plan::Plan,
    },
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    board::{Board, Route},
    decide::{self, Looked},
    model::Item,
};

fn at(second: i64) -> Timestamp {
    "2026-11-23T10:00:00Z".parse::<Timestamp>().unwrap().plus_seconds(second)
}

fn case(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(n))
}

fn person(id: &str) -> PersonId {
    id.parse().unwrap()
}

/// One queue that Ann and Bob serve, each with room for one mail.
fn plan() -> Plan {
    let draft = |kind: &str, fields: Value| {
        let Value::Object(fields) = fields else { panic!("a draft is a table") };
        Draft { kind: kind.into(), fields }
    };
    let relaxation = json!([{ "after": "5 minutes", "relax": "proficiency" }]);
    let mut drafts = vec![
        draft("queue", json!({ "id": "q", "name": "Q", "default": true, "relaxation": relaxation })),
        draft("queue", json!({ "id": "other", "name": "Other" })),
    ];
    for id in ["ann", "bob"] {
        drafts.push(draft("person", json!({ "id": id, "name": id, "roles": ["agent"] })));
        drafts.push(draft("agent", json!({ "id": id, "queues": ["q"], "capacity": 2 })));
    }
    Plan::of(&Set::check(&drafts).unwrap_or_else(|problems| panic!("{problems:#?}")), 1)
}

fn comes(n: u128, second: i64, priority: Priority) -> Item {
    let mut about = About::default();
    about.case.channel = Some("email".parse().unwrap());
    about.case.priority = Some(priority);
    let ruled = Box::new(Ruled { about, ..Ruled::default() });
    let (at, queue) = (at(second), "q".parse().unwrap());
    Item::Route(
        case(n),
        vec![choose::Event::Ruled { at, ruled }, choose::Event::Queued { at, queue, since: at }],
    )
}

fn online(id: &str, second: i64) -> Item {
    let by = Actor::new(Kind::Human, "somebody".parse().unwrap(), "sso".parse().unwrap());
    let (at, lease_until) = (at(second), Some(at(second + 3_600)));
    let presence = Presence::Online;
    Item::Agent(person(id), vec![agent::Event::PresenceSet { at, by, presence, reason: None, lease_until }])
}

fn reserved(id: &str, n: u128, decision: u32, second: i64) -> Item {
    let limits = Limits { units: 2, at_most: None, push: true };
    Item::Agent(
        person(id),
        vec![agent::Event::CapacityReserved {
            at: at(second),
            case: case(n),
            decision,
            channel: "email".parse().unwrap(),
            units: 2,
            until: at(second + 30),
            how: How::Push,
            limits,
        }],
    )
}

fn released(id: &str, n: u128, decision: u32, second: i64) -> Item {
    let ended = Ended::Expired;
    Item::Agent(
        person(id),
        vec![agent::Event::CapacityReleased { at: at(second), case: case(n), decision, ended }],
    )
}

/// A board after these entries, the first at position 1.
fn board(plan: &Plan, items: &[Item]) -> Board {
    let mut board = Board::default();
    for (index, item) in (1..).zip(items) {
        board.apply(index, item, plan);
    }
    read(&mut board);
    board
}

/// New cases are as their streams are.
fn read(board: &mut Board) {
    for (case, upto) in board.unread() {
        let route = Route::of(board.route(case).unwrap().state.clone(), upto, None);
        board.put_route(case, route);
    }
}

fn chosen(board: &mut Board, n: u128, plan: &Plan, second: i64) -> Option<String> {
    match decide::look(board, case(n), plan, at(second), 1)? {
        Looked::Gives(chosen) => Some(chosen.agent.to_string()),
        Looked::Waits(..) => None,
    }
}

#[test]
fn an_entry_that_was_seen_is_nothing() {
    let plan = plan();
    let items = [online("ann", 0), comes(1, 1, Priority::Normal), reserved("ann", 9, 1, 2)];
    let mut board = board(&plan, &items);
    assert_eq!(board.due(&plan, at(3)), [case(1)]);
    for (index, item) in (1..).zip(&items) {
        board.apply(index, item, &plan);
    }
    assert_eq!(board.due(&plan, at(3)), [], "nothing wakes twice");
    assert_eq!(board.agent(&person("ann")).unwrap().used(), 2);
    // What the read model had already is not added to it.
    board.apply(3, &released("ann", 9, 1, 3), &plan);
    assert_eq!(board.agent(&person("ann")).unwrap().used(), 2);
    board.apply(4, &released("ann", 9, 1, 3), &plan);
    assert_eq!(board.agent(&person("ann")).unwrap().used(), 0);
}

#[test]
fn a_promise_takes_room_until_it_is_settled() {
    let plan = plan();
    let items = [
        online("ann", 0),
        comes(1, 1, Priority::Normal),
        comes(2, 2, Priority::Normal),
        comes(3, 3, Priority::Normal),
    ];
    let mut board = board(&plan, &items);
    assert_eq!(board.due(&plan, at(4)), [case(1), case(2), case(3)]);
    assert_eq!(chosen(&mut board, 1, &plan, 4).as_deref(), Some("ann"));
    assert_eq!(chosen(&mut board, 1, &plan, 4), None, "it is under way");
    assert_eq!(chosen(&mut board, 2, &plan, 4), None, "there is no room left");
    assert!(!board.is_settled());
    // Nobody is told of a case for whom it does not fit because of a promise.
    assert_eq!(board.due(&plan, at(4)), []);
    // Nothing came of it: it is looked at again, and the room is there again.
    board.settle(case(1), false, at(4));
    assert!(board.due(&plan, at(5)).contains(&case(1)));
    assert_eq!(chosen(&mut board, 1, &plan, 5).as_deref(), Some("ann"));
    // It is written: what the stream says takes the room now.
    board.apply(10, &reserved("ann", 1, 1, 5), &plan);
    board.settle(case(1), true, at(5));
    assert_eq!(chosen(&mut board, 2, &plan, 5), None);
}

#[test]
fn agents_who_are_free_together_leave_no_case_behind() {
    let plan = plan();
    let full = [reserved("ann", 8, 1, 0), reserved("bob", 9, 1, 0)];
    let mut items = vec![online("ann", 0), online("bob", 0)];
    items.extend(full);
    items.extend([comes(1, 1, Priority::Normal), comes(2, 2, Priority::Normal)]);
    let mut board = board(&plan, &items);
    for case in board.due(&plan, at(3)) {
        let looked = decide::look(&mut board, case, &plan, at(3), 1);
        assert!(!matches!(looked, Some(Looked::Gives(_))));
    }
    board.apply(20, &released("ann", 8, 1, 4), &plan);
    board.apply(21, &released("bob", 9, 1, 4), &plan);
    let mut given = Vec::new();
    for _ in 0..3 {
        for case in board.due(&plan, at(5)) {
            if let Some(Looked::Gives(chosen)) = decide::look(&mut board, case, &plan, at(5), 1) {
                given.push(chosen.case);
            }
        }
    }
    assert_eq!(given, [case(1), case(2)], "both were told of the first one, and one of them still has room");
}

#[test]
fn a_case_that_comes_back_is_read_whole_before_it_is_looked_at() {
    let plan = plan();
    let mut board = board(&plan, &[comes(1, 0, Priority::Normal)]);
    let gone = Gone::Withdrawn;
    board.apply(2, &Item::Route(case(1), vec![choose::Event::LeftQueue { at: at(1), gone }]), &plan);
    assert!(board.route(case(1)).is_none(), "who does not wait takes no room");
    // What the rules said stands in its stream, and is not said again.
    let (now, queue) = (at(2), "q".parse().unwrap());
    let back = choose::Event::Queued { at: now, queue, since: at(0) };
    board.apply(3, &Item::Route(case(1), vec![back]), &plan);
    assert_eq!(board.unread(), [(case(1), 3)]);
    assert!(board.look(case(1), &plan, at(2)).is_none() && !board.is_settled());
    let Item::Route(_, events) = comes(1, 0, Priority::Normal) else { panic!("a way") };
    let whole = domain::decider::fold(choose::State::default(), &events);
    board.put_route(case(1), Route::of(whole, 3, None));
    assert_eq!(board.unread(), []);
    assert!(board.due(&plan, at(2)).contains(&case(1)));
    assert!(board.look(case(1), &plan, at(2)).is_some());
}

#[test]
fn cases_come_in_their_order_and_by_themselves_when_their_time_is_there() {
    let plan = plan();
    let items = [
        comes(1, 0, Priority::Normal),
        comes(2, 1, Priority::Urgent),
        comes(3, 2, Priority::Normal),
        comes(4, 3, Priority::Low),
    ];
    let mut board = board(&plan, &items);
    let due = board.due(&plan, at(5));
    assert_eq!(due, [case(2), case(1), case(3), case(4)]);
    for case in due {
        decide::look(&mut board, case, &plan, at(5), 1);
    }
    // A step of relaxation, five minutes after each came; none of them twice.
    assert_eq!(board.next(at(5)), Some(at(300)));
    assert_eq!(board.due(&plan, at(299)), []);
    assert_eq!(board.due(&plan, at(301)), [case(2), case(1)]);
    assert_eq!(board.due(&plan, at(301)), []);
    assert_eq!(board.next(at(301)), Some(at(302)));
    assert_eq!(board.due(&plan, at(303)), [case(3), case(4)]);
    assert_eq!(board.next(at(303)), None);
}

proptest! {
    /// Whatever comes twice or late, the board is as if each entry had come once in its order.
    #[test]
    fn entries_that_come_again_change_nothing(
        kinds in prop::collection::vec((0u8..4, 1u128..5), 1..40),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let plan = plan();
        let items: Vec<Item> = kinds
            .iter()
            .zip(1u32..)
            .map(|((kind, n), decision)| match kind {
                0 => comes(*n, i64::from(decision), Priority::Normal),
                1 => online("ann", i64::from(decision)),
                2 => reserved("ann", *n, decision, i64::from(decision)),
                _ => released("ann", *n, decision, i64::from(decision)),
            })
            .collect();
        let (once, mut twice) = (board(&plan, &items), board(&plan, &items));
        for index in again {
            let index = index.index(items.len());
            twice.apply(index as u64 + 1, &items[index], &plan);
        }
        prop_assert_eq!(once.agent(&person("ann")), twice.agent(&person("ann")));
        for n in 1..5 {
            prop_assert_eq!(once.route(case(n)).map(|r| &r.state), twice.route(case(n)).map(|r| &r.state));
            prop_assert_eq!(once.waiting_as(case(n)), twice.waiting_as(case(n)));
        }
    }
}
