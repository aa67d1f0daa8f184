use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::{decide_all, testing::given},
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

#[test]
fn it_ends_and_goes_on_when_somebody_writes() {
    let close = |outcome| command(5, Action::Close { outcome });
    given::<State>(&[])
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(close(Outcome::Answered))
        .then_kinds(&["conversation.closed"])
        .when(close(Outcome::Silence))
        .then_kinds(&["conversation.closed"])
        .when(join(9, 1, Direction::In))
        .then_kinds(&["conversation.resumed", "conversation.message_joined"]);
}

#[test]
fn only_what_is_public_moves_to_private() {
    let go = || command(5, Action::Move { to: ConversationId(Uuid::from_u128(2)), ack: None });
    given::<State>(&[])
        .when(start(1, Visibility::Private))
        .then_kinds(&["conversation.started"])
        .when(go())
        .then_refused(&Error::NotPublic);
    given::<State>(&[])
        .when(start(1, Visibility::Public))
        .then_kinds(&["conversation.started"])
        .when(go())
        .then_kinds(&["conversation.moved"]);
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
