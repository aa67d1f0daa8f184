use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::{decide_all, fold, testing::given},
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn command(second: i64, action: Action) -> Command {
    Command::new(
        at(second),
        Actor::new(Kind::Service, "triage".parse().unwrap(), "internal".parse().unwrap()),
        action,
    )
}

fn message(n: u32) -> MessageId {
    format!("mail-fr-{n:016}").parse().unwrap()
}

fn case(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(n))
}

fn key() -> Key {
    Key::Thread { account: "mail-fr".parse().unwrap(), root: "0123456789abcdef".parse().unwrap() }
}

fn start(second: i64, visibility: Visibility) -> Command {
    let initiated_by = Direction::In;
    command(second, Action::Start { key: key(), channel: "email".parse().unwrap(), visibility, initiated_by })
}

fn join(second: i64, n: u32, direction: Direction) -> Command {
    let identity = Some("mail-fr_0123456789abcdef".parse().unwrap());
    command(second, Action::Join { message: message(n), direction, identity, sent_at: at(second) })
}

#[test]
fn the_same_key_is_the_same_conversation() {
    let contact = |hash: &str| Key::Contact {
        account: "mail-fr".parse().unwrap(),
        identity: format!("mail-fr_{hash}").parse().unwrap(),
    };
    assert_eq!(key().id(), key().id());
    // In the log for ever: this id must never change.
    assert_eq!(key().id().to_string(), "bacdad5b-13ad-5627-b3f7-d6dcf8fdb9f7");
    assert_ne!(contact("0123456789abcdef").id(), key().id());
    assert_ne!(contact("0123456789abcdef").id(), contact("fedcba9876543210").id());
}

#[test]
fn a_message_begins_it_and_others_join() {
    let state = given::<State>(&[])
        .when(join(1, 1, Direction::In))
        .then_refused(&Error::NotStarted)
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(join(1, 1, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        .when(join(9, 2, Direction::Out))
        .then_kinds(&["conversation.message_joined"])
        .when(join(5, 3, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        // Late, and older than the last.
        .when(join(4, 4, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        .0;
    let conversation = state.conversation().unwrap();
    assert_eq!((conversation.messages.len(), conversation.last_inbound_at), (4, Some(at(5))));
    assert_eq!(conversation.participants.len(), 1);
    // A caller need not know whether it began.
    let events = decide_all(&state, [start(20, Visibility::Public), join(20, 5, Direction::In)]).unwrap();
    assert!(matches!(events[..], [Event::MessageJoined { .. }]));
}

#[test]
fn another_key_is_another_conversation() {
    let other =
        Key::Thread { account: "mail-fr".parse().unwrap(), root: "fedcba9876543210".parse().unwrap() };
    let channel = "email".parse().unwrap();
    let start_other =
        Action::Start { key: other, channel, visibility: Visibility::Public, initiated_by: Direction::In };
    given::<State>(&[])
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(command(2, start_other))
        .then_refused(&Error::AnotherKey);
}

#[test]
fn it_belongs_to_one_case_at_a_time_and_remembers_what_went_elsewhere() {
    let split = |numbers: &[u32], into| {
        let messages = numbers.iter().map(|n| message(*n)).collect();
        command(30, Action::Split { messages, into: case(into) })
    };
    let state = given::<State>(&[])
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(join(1, 1, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        .when(join(2, 2, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        .when(command(3, Action::Attach { case: case(1) }))
        .then(&[Event::Attached { at: at(3), case: case(1), previous: None }])
        .when(split(&[2, 7, 8], 5))
        .then_refused(&Error::MessageNotInConversation { count: 2 })
        .when(split(&[2], 5))
        .then_kinds(&["conversation.split"])
        .when(command(40, Action::Attach { case: case(2) }))
        .then(&[Event::Attached { at: at(40), case: case(2), previous: Some(case(1)) }])
        .0;
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.case_of(&message(1)), Some(case(2)));
    assert_eq!(conversation.case_of(&message(2)), Some(case(5)));
}

/// Ada's messages 1 and 3, Ben's 2, of which Ben's went to case 5; the conversation is of case 1.
fn split_in_two() -> Vec<Event> {
    let joined = |n, who: &str| Event::MessageJoined {
        at: at(i64::from(n)),
        message: message(n),
        direction: Direction::In,
        identity: Some(identity(who)),
        sent_at: at(i64::from(n)),
    };
    let begun = Event::Started {
        at: at(0),
        key: key(),
        channel: "email".parse().unwrap(),
        visibility: Visibility::Public,
        initiated_by: Direction::In,
    };
    let attached = Event::Attached { at: at(1), case: case(1), previous: None };
    let split = Event::Split { at: at(4), messages: BTreeSet::from([message(2)]), into: case(5) };
    vec![begun, joined(1, "ada0"), attached, joined(2, "bee0"), joined(3, "ada0"), split]
}

fn identity(who: &str) -> IdentityId {
    format!("mail-fr_{who}000000000000").parse().unwrap()
}

#[test]
fn what_joins_goes_on_where_it_answers_or_where_its_author_was_last() {
    let state = given::<State>(&split_in_two()).0;
    let known = state.conversation().unwrap();
    let (ada, ben, dora) = (identity("ada0"), identity("bee0"), identity("d0a0"));
    for (who, reply_to, expected) in [
        (Some(&ada), Some(2), 5),
        (Some(&ben), Some(1), 1),
        (Some(&ben), None, 5),
        (Some(&ada), None, 1),
        (Some(&dora), None, 1),
        (None, None, 1),
        // What it answers is not here.
        (Some(&ben), Some(9), 5),
        (Some(&dora), Some(9), 1),
    ] {
        let reply_to = reply_to.map(message);
        let found = known.case_for(who, reply_to.as_ref());
        assert_eq!(found, Some(case(expected)), "{who:?} {reply_to:?}");
    }
    // The whole conversation is given to another case: what answers nothing goes there.
    given::<State>(&split_in_two())
        .when(command(9, Action::Attach { case: case(8) }))
        .then_kinds(&["conversation.attached"]);
    let attached = fold(state, &[Event::Attached { at: at(9), case: case(8), previous: Some(case(1)) }]);
    let known = attached.conversation().unwrap();
    assert_eq!(known.case_for(Some(&ben), None), Some(case(8)));
    assert_eq!(known.case_for(Some(&ben), Some(&message(2))), Some(case(5)));
}

#[test]
fn a_follow_up_takes_the_place_of_what_it_follows_and_of_nothing_else() {
    let follow = |of, by| command(9, Action::FollowUp { of: case(of), case: case(by) });
    let ben = identity("bee0");
    let state = given::<State>(&split_in_two())
        .when(follow(7, 8))
        .then_nothing()
        .when(follow(5, 6))
        .then(&[Event::FollowedUp { at: at(9), of: case(5), case: case(6) }])
        .when(follow(5, 6))
        .then_nothing()
        .when(follow(1, 2))
        .then(&[Event::FollowedUp { at: at(9), of: case(1), case: case(2) }])
        .when(follow(6, 7))
        .then_kinds(&["conversation.followed_up"])
        .0;
    let known = state.conversation().unwrap();
    assert_eq!((known.case, known.cases()), (Some(case(2)), BTreeSet::from([case(2), case(7)])));
    assert_eq!(known.case_of(&message(2)), Some(case(7)));
    assert_eq!(known.case_of(&message(1)), Some(case(2)));
    assert_eq!(known.case_for(Some(&ben), None), Some(case(7)), "each goes on where he was");
    given::<State>(&[]).when(follow(1, 2)).then_refused(&Error::NotStarted);
}

#[test]
fn what_goes_on_elsewhere_takes_no_message_and_keeps_its_own() {
    let other = |root: &str| Key::Thread { account: "mail-fr".parse().unwrap(), root: root.parse().unwrap() };
    let go = |into| command(5, Action::Continue { into });
    let (older, another) = (other("fedcba9876543210"), other("aaaaaaaaaaaaaaaa"));
    let state = given::<State>(&[])
        .when(go(older.clone()))
        .then_refused(&Error::NotStarted)
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(join(1, 1, Direction::In))
        .then_kinds(&["conversation.message_joined"])
        .when(go(key()))
        .then_refused(&Error::AnotherKey)
        .when(go(older.clone()))
        .then(&[Event::Continued { at: at(5), into: older.clone() }])
        .when(go(another))
        .then_refused(&Error::GoesOn)
        .when(join(6, 2, Direction::In))
        .then_refused(&Error::GoesOn)
        .0;
    assert_eq!(state.conversation().unwrap().continued_in, Some(older.clone()));
    // What was done before is done: again is nothing.
    assert!(decide_all(&state, [go(older), join(7, 1, Direction::In)]).unwrap().is_empty());
}
