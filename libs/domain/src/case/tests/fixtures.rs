//! A small world: one case, two customers' places, a few people.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    actor::{Actor, Kind},
    case::{
        Absorbed, Action, Case, Command, CycleRule, Event, Guards, Inbound, Opening, Origin, Priority, State,
    },
    channel::{Place, Visibility},
    decider::{fold, testing::Given},
    ids::{CaseId, ChecklistItemId, ConversationId, MessageId, NoteId, PersonId, ReplyId, Tag},
    personal::Personal,
    time::Timestamp,
};

pub const DAY_S: i64 = 86_400;
pub const WINDOW_S: i64 = 7 * DAY_S;

/// So many seconds after the case began.
pub fn at(second: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap().plus_seconds(second)
}

pub fn actor(kind: Kind, id: &str) -> Actor {
    Actor::new(kind, id.parse().unwrap(), "session".parse().unwrap())
}

pub fn ana() -> Actor {
    actor(Kind::Human, "ana")
}

/// `action`, by Ana.
pub fn by_ana(second: i64, action: Action) -> Command {
    Command::new(at(second), ana(), action)
}

pub fn by_bot(second: i64, action: Action) -> Command {
    Command::new(at(second), actor(Kind::Bot, "helper"), action)
}

pub fn person(id: &str) -> PersonId {
    id.parse().unwrap()
}

pub fn case_id(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(n))
}

pub fn conversation(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

pub fn reply_id(n: u128) -> ReplyId {
    ReplyId(Uuid::from_u128(n))
}

pub fn note_id(n: u128) -> NoteId {
    NoteId(Uuid::from_u128(n))
}

pub fn message_id(n: u32) -> MessageId {
    format!("mail-fr-{n:016}").parse().unwrap()
}

pub fn text() -> Personal {
    Personal::open("mail-fr_0123456789abcdef", "what somebody wrote")
}

pub fn tags(names: &[&str]) -> BTreeSet<Tag> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub fn public() -> Place {
    Place {
        account: "mail-fr".parse().unwrap(),
        visibility: Visibility::Public,
        thread: Some("a1b2c3d4e5f60718".parse().unwrap()),
    }
}

pub fn private() -> Place {
    Place { account: "mail-fr".parse().unwrap(), visibility: Visibility::Private, thread: None }
}

pub fn opening() -> Box<Opening> {
    Box::new(Opening {
        account: "mail-fr".parse().unwrap(),
        channel: "email".parse().unwrap(),
        region: "france".parse().unwrap(),
        team: Some("care-fr".parse().unwrap()),
        conversation: None,
        identity: None,
        title: None,
        language: None,
        priority: Priority::Normal,
        category: None,
        fields: BTreeMap::new(),
        origin: Origin::Message { message: message_id(1) },
    })
}

pub fn inbound(n: u32, second: i64) -> Inbound {
    inbound_at(n, second, public())
}

pub fn inbound_at(n: u32, second: i64, place: Place) -> Inbound {
    Inbound {
        message: message_id(n),
        conversation: conversation(1),
        place,
        identity: Some("mail-fr_0123456789abcdef".parse().unwrap()),
        sent_at: at(second),
        answered: false,
        engageable: true,
    }
}

/// A message that wants no answer: a bounce, a "thanks".
pub fn thanks(n: u32, second: i64) -> Inbound {
    Inbound { engageable: false, ..inbound(n, second) }
}

pub fn receive(message: Inbound) -> Action {
    Action::ReceiveMessage { message, reopen_window_s: WINDOW_S, cycle_rule: CycleRule::Continue }
}

pub fn reply(n: u128) -> Action {
    reply_in(n, public(), false)
}

pub fn closing_post(n: u128, place: Place) -> Action {
    reply_in(n, place, true)
}

pub fn reply_in(n: u128, place: Place, closing: bool) -> Action {
    Action::Reply {
        reply: reply_id(n),
        conversation: conversation(1),
        place,
        text: text(),
        extras: Box::default(),
        in_reply_to: None,
        closing,
        seen: None,
        override_stale: false,
    }
}

pub fn sent(n: u128) -> Action {
    Action::ReportReply { reply: reply_id(n), outcome: crate::case::ReplyOutcome::Sent { message: None } }
}

pub fn failed(n: u128) -> Action {
    let outcome = crate::case::ReplyOutcome::Failed { reason: "rejected".parse().unwrap() };
    Action::ReportReply { reply: reply_id(n), outcome }
}

pub fn bounced(n: u128) -> Action {
    let outcome = crate::case::ReplyOutcome::Bounced { reason: "mailbox-full".parse().unwrap() };
    Action::ReportReply { reply: reply_id(n), outcome }
}

pub fn split_off(messages: &[u32], into: u128) -> Action {
    let messages = messages.iter().map(|n| message_id(*n)).collect();
    Action::SplitOff { messages, into: case_id(into), title: Some(text()) }
}

pub fn resolve() -> Action {
    Action::Resolve { resolution: None, waivers: Vec::new(), guards: Guards::default() }
}

pub fn reopen() -> Action {
    Action::Reopen { window_s: WINDOW_S, cycle_rule: CycleRule::Continue }
}

pub fn item(id: &str) -> ChecklistItemId {
    id.parse().unwrap()
}

/// The items of the closure checklist, as the policy has them.
pub fn checklist() -> BTreeSet<ChecklistItemId> {
    BTreeSet::from([item("called"), item("thanked")])
}

pub fn brings() -> Box<Absorbed> {
    Box::new(Absorbed {
        tags: tags(&["refund"]),
        customer: Some("insta-fr_fedcba9876543210".parse().unwrap()),
        identities: BTreeSet::from(["insta-fr_fedcba9876543210".parse().unwrap()]),
        conversations: BTreeSet::from([conversation(9)]),
        moves: BTreeMap::from([(conversation(8), conversation(9))]),
        places: BTreeSet::from([private()]),
        waiting_since: Some(at(-50)),
        first_response_at: None,
    })
}

pub fn opened() -> Event {
    Event::Opened { at: at(0), by: ana(), opening: opening() }
}

pub fn received(message: Inbound) -> Event {
    Event::CustomerMessageReceived { at: message.sent_at, message }
}

pub fn started() -> Event {
    Event::Started { at: at(1) }
}

pub fn resolved(second: i64) -> Event {
    Event::Resolved {
        at: at(second),
        by: ana(),
        cycle: 1,
        from: crate::case::Status::Open,
        assignee: None,
        resolution: None,
        waivers: Vec::new(),
    }
}

/// The case in a status, with one message in it.
pub fn new_case() -> Vec<Event> {
    vec![opened(), received(inbound(1, 0))]
}

pub fn open_case() -> Vec<Event> {
    [new_case(), vec![started()]].concat()
}

pub fn resolved_case() -> Vec<Event> {
    [open_case(), vec![resolved(100)]].concat()
}

/// The state to which `actions`, each a second after the one before, lead.
pub fn after(events: &[Event], commands: impl IntoIterator<Item = Command>) -> Given<State> {
    use crate::decider::Decider as _;
    let mut state = fold(State::default(), events);
    for command in commands {
        let events = state.decide(command).unwrap();
        state = fold(state, &events);
    }
    Given(state)
}

impl Given<State> {
    /// The case.
    #[track_caller]
    pub fn case(&self) -> &Case {
        self.0.case().unwrap()
    }

    /// Looks at the case, and goes on.
    #[track_caller]
    pub fn with(self, look: impl FnOnce(&Case)) -> Self {
        look(self.case());
        self
    }
}
