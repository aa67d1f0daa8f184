//! A reply of two parts, written at 0, that may go out from 10 on.

use uuid::Uuid;

use crate::{
    actor::{Actor, Kind},
    channel::{Place, Visibility},
    decider::{
        Decider, fold,
        testing::{Given, given},
    },
    delivery::*,
    ids::{CaseId, ConversationId, IdempotencyKey, KeyedHash, ReplyId},
    outbound::Form,
    personal::Personal,
    time::Timestamp,
};

pub const UNDO_S: i64 = 10;

pub fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

pub fn ana() -> Actor {
    Actor::new(Kind::Human, "ana".parse().unwrap(), "session".parse().unwrap())
}

pub fn sender() -> Actor {
    Actor::new(Kind::Service, "ingestion".parse().unwrap(), "internal".parse().unwrap())
}

pub fn by(second: i64, action: Action) -> Command {
    Command::new(at(second), sender(), action)
}

pub fn by_ana(second: i64, action: Action) -> Command {
    Command::new(at(second), ana(), action)
}

fn personal() -> Personal {
    Personal::open("chat-fr_0123456789abcdef", "text")
}

pub fn hash(n: u32) -> KeyedHash {
    format!("{n:016}").parse().unwrap()
}

pub fn external(n: u32) -> Option<External> {
    Some(External { hash: hash(n), id: personal() })
}

pub fn reply_id(n: u128) -> ReplyId {
    ReplyId(Uuid::from_u128(n))
}

pub fn request_of(parts: usize) -> Box<Request> {
    Box::new(Request {
        reply: reply_id(1),
        case: CaseId(Uuid::from_u128(2)),
        account: "chat-fr".parse().unwrap(),
        channel: "chat".parse().unwrap(),
        identity: Some("chat-fr_0123456789abcdef".parse().unwrap()),
        contact: Some(personal()),
        conversation: ConversationId(Uuid::from_u128(3)),
        place: Place { account: "chat-fr".parse().unwrap(), visibility: Visibility::Private, thread: None },
        in_reply_to: None,
        thread: None,
        subject: None,
        parts: vec![Part { text: Some(personal()), attachments: Vec::new() }; parts],
        form: Form::Free,
        basis: Some(Basis::Contact { message: "chat-fr-0123456789abcdef".parse().unwrap() }),
        not_before: at(UNDO_S),
        key: IdempotencyKey(Uuid::from_u128(4)),
    })
}

pub fn request() -> Box<Request> {
    request_of(2)
}

pub fn queue() -> Action {
    Action::Queue(request())
}

pub fn start(part: u16, attempt: u32) -> Action {
    Action::StartAttempt { part, attempt, resend: None }
}

pub fn start_again(part: u16, attempt: u32, because: Because) -> Action {
    Action::StartAttempt { part, attempt, resend: Some(because) }
}

/// The platform calls it by its part and attempt.
pub fn sent(part: u16, attempt: u32) -> Action {
    Action::ReportSent { part, attempt, external: external(u32::from(part) * 100 + attempt) }
}

pub fn failed(part: u16, attempt: u32, retry_at: Option<i64>) -> Action {
    Action::ReportFailed {
        part,
        attempt,
        reason: Failure::RateLimited,
        code: None,
        retry_at: retry_at.map(at),
    }
}

pub fn rejected(part: u16, attempt: u32) -> Action {
    Action::ReportRejected { part, attempt, reason: Rejection::InvalidRecipient, code: None }
}

pub fn unclear(part: u16, attempt: u32) -> Action {
    Action::ReportUnclear { part, attempt, reason: Unclarity::TimedOut }
}

/// What the case of such an attempt is told.
pub fn unknown() -> Option<crate::case::ReplyOutcome> {
    Some(crate::case::ReplyOutcome::Unclear { reason: "timed-out".parse().unwrap() })
}

pub fn clarify(part: u16, attempt: u32, answer: Answer) -> Action {
    Action::Clarify { part, attempt, answer }
}

pub fn receipt(part: u16, attempt: u32, receipt: Receipt) -> Action {
    Action::TakeReceipt { external: hash(u32::from(part) * 100 + attempt), receipt }
}

pub fn returned() -> Return {
    Return { reason: Rejection::BlockedByCustomer, code: Some("131047".parse().unwrap()) }
}

/// The state after these commands, each of which changes something.
#[track_caller]
pub fn after(commands: impl IntoIterator<Item = (i64, Action)>) -> State {
    commands.into_iter().fold(State::default(), |state, (second, action)| {
        let events = state.decide(by(second, action.clone())).unwrap_or_else(|e| panic!("{action:?}: {e}"));
        assert!(!events.is_empty(), "{action:?}");
        fold(state, &events)
    })
}

pub fn delivery(state: &State) -> &Delivery {
    state.delivery().unwrap()
}

pub fn queued() -> Given<State> {
    given::<State>(&[]).when(by(0, queue())).then_kinds(&["delivery.queued"])
}

pub fn status(given: &Given<State>) -> Status {
    delivery(&given.0).status()
}

pub fn unclear_at_11() -> Given<State> {
    queued()
        .when(by(10, start(1, 1)))
        .then_kinds(&["delivery.attempt_started"])
        .when(by(11, unclear(1, 1)))
        .then_kinds(&["delivery.outcome_unclear"])
}
