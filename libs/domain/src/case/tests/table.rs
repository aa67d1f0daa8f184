//! Every action in every status, written out.
//!
//! `yes` yields events, `-` yields none because it is so already, a word refuses with the code `CASE_<word>`, or with
//! the code that the legend gives.

use std::collections::{BTreeMap, BTreeSet};

use super::fixtures::{
    ana, at, brings, by_ana, case_id, checklist, conversation, inbound, item, message_id, new_case, note_id,
    opened, opening, person, private, public, received, reopen, reply, reply_id, resolve, resolved,
    split_off, started, tags, text, thanks,
};
use crate::{
    actor::Kind,
    case::{
        Action, ContactStage, CycleRule, Escalation, Event, FieldValue, HoldKind, Origin, Priority,
        ReplyOutcome, SilenceReason, State, Status,
    },
    decider::{Decider, fold},
};

const COLUMNS: [&str; 9] =
    ["unknown", "new", "open", "pending", "on_hold", "resolved", "closed", "merged", "spam"];

/// WINDOW: `REOPEN_WINDOW_OVER`. LABEL: `LABEL_MISMATCH`. ITEM: `CHECKLIST_ITEM_UNKNOWN`. OTHER:
/// `CONVERSATION_OF_ANOTHER_CUSTOMER`.
const TABLE: &str = "
                        unknown  new      open     pending  on_hold  resolved closed   merged   spam
Open                    yes      -        -        -        -        -        -        -        -
Open (another)          yes      ALREADY  ALREADY  ALREADY  ALREADY  ALREADY  ALREADY  ALREADY  ALREADY
Retitle                 UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
SetLanguage             UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
ReceiveMessage          UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
ReceiveMessage (late)   UNKNOWN  yes      yes      yes      yes      WINDOW   CLOSED   MERGED   yes
ReceiveMessage (thanks) UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
ReceiveMessage (again)  UNKNOWN  -        -        -        -        -        -        -        -
RecordOutbound          UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Reply                   UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   SPAM
Reply (again)           UNKNOWN  -        -        -        -        -        -        -        -
ReportReply             UNKNOWN  yes      yes      yes      yes      yes      yes      yes      yes
Note                    UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Tag                     UNKNOWN  yes      yes      yes      yes      yes      yes      MERGED   yes
Untag                   UNKNOWN  yes      yes      yes      yes      yes      yes      MERGED   yes
Prioritise              UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Categorise              UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
SetFields               UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Label (above open)      UNKNOWN  LABEL    yes      LABEL    LABEL    LABEL    CLOSED   MERGED   SPAM
Assign                  UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   SPAM
Unassign                UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   SPAM
Transfer                UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   SPAM
Escalate                UNKNOWN  yes      yes      yes      yes      RESOLVED CLOSED   MERGED   SPAM
Pend                    UNKNOWN  yes      yes      -        yes      RESOLVED CLOSED   MERGED   SPAM
Hold                    UNKNOWN  yes      yes      yes      yes      RESOLVED CLOSED   MERGED   SPAM
Hold (the same)         UNKNOWN  yes      yes      yes      -        RESOLVED CLOSED   MERGED   SPAM
Resume                  UNKNOWN  -        -        yes      yes      RESOLVED CLOSED   MERGED   SPAM
Resume (timer)          UNKNOWN  -        -        -        yes      -        -        -        -
Resume (stale timer)    UNKNOWN  -        -        -        -        -        -        -        -
Snooze                  UNKNOWN  yes      yes      yes      yes      RESOLVED CLOSED   MERGED   SPAM
Wake                    UNKNOWN  -        -        -        -        RESOLVED CLOSED   MERGED   SPAM
Wake (stale timer)      UNKNOWN  -        -        -        -        -        -        -        -
Resolve                 UNKNOWN  yes      yes      yes      yes      -        CLOSED   MERGED   SPAM
Reopen                  UNKNOWN  -        -        -        -        yes      CLOSED   MERGED   SPAM
Reopen (late)           UNKNOWN  -        -        -        -        WINDOW   CLOSED   MERGED   SPAM
Close                   UNKNOWN  NOT_RES  NOT_RES  NOT_RES  NOT_RES  yes      -        MERGED   SPAM
MarkSpam                UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   -
UnmarkSpam              UNKNOWN  -        -        -        -        -        CLOSED   MERGED   yes
ChooseSilence           UNKNOWN  yes      yes      yes      yes      RESOLVED CLOSED   MERGED   SPAM
MoveConversation        UNKNOWN  yes      yes      yes      yes      RESOLVED CLOSED   MERGED   SPAM
MoveConversation (else) UNKNOWN  OTHER    OTHER    OTHER    OTHER    RESOLVED CLOSED   MERGED   SPAM
AdvanceContact          UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Tick                    UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Tick (again)            UNKNOWN  -        -        -        -        -        CLOSED   MERGED   -
Tick (not on the list)  UNKNOWN  ITEM     ITEM     ITEM     ITEM     ITEM     CLOSED   MERGED   ITEM
Untick                  UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   yes
Untick (not ticked)     UNKNOWN  -        -        -        -        -        CLOSED   MERGED   -
SplitOff                UNKNOWN  yes      yes      yes      yes      yes      CLOSED   MERGED   SPAM
MarkMerged              UNKNOWN  yes      yes      yes      yes      yes      yes      yes      yes
MarkMerged (the same)   UNKNOWN  yes      yes      yes      yes      yes      yes      -        yes
Restore                 UNKNOWN  -        -        -        -        -        -        yes      -
Absorb                  UNKNOWN  yes      yes      yes      yes      yes      yes      yes      yes
Release                 UNKNOWN  -        -        -        -        -        -        -        -
Release (absorbed)      UNKNOWN  yes      yes      yes      yes      yes      yes      yes      yes
";

#[test]
fn every_action_in_every_status() {
    let mut table = String::from("\n                       ");
    COLUMNS.iter().for_each(|status| table += &format!(" {status:<8}"));
    let mut names = BTreeSet::new();
    for (name, action) in actions() {
        names.insert(action_name(&action));
        assert_eq!(action_name(&action), name.split(' ').next().unwrap());
        table = format!("{}\n{name:<23}", table.trim_end());
        COLUMNS.iter().for_each(|status| table += &format!(" {:<8}", cell(status, name, action.clone())));
    }
    let table = format!("{}\n", table.trim_end());
    assert_eq!(names.len(), ACTIONS, "the table has every action");
    assert!(table == TABLE, "the table is now:\n{table}");
}

fn cell(status: &str, name: &str, action: Action) -> String {
    let mut events = history(status);
    if name == "Release (absorbed)" && !events.is_empty() {
        events.push(Event::SourceAbsorbed { at: at(150), source: case_id(9), brings: brings() });
    }
    match fold(State::default(), &events).decide(by_ana(200, action)) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(_) => "yes".to_owned(),
        Err(error) => match error.code() {
            "REOPEN_WINDOW_OVER" => "WINDOW".to_owned(),
            "LABEL_MISMATCH" => "LABEL".to_owned(),
            "CONVERSATION_OF_ANOTHER_CUSTOMER" => "OTHER".to_owned(),
            "CASE_IS_SPAM" => "SPAM".to_owned(),
            "CASE_ALREADY_OPEN" => "ALREADY".to_owned(),
            "CASE_NOT_RESOLVED" => "NOT_RES".to_owned(),
            "CHECKLIST_ITEM_UNKNOWN" => "ITEM".to_owned(),
            code => code.strip_prefix("CASE_").unwrap().to_owned(),
        },
    }
}

/// How the case came to stand there: opened by a message, answered once, tagged, assigned, with an item ticked.
fn history(status: &str) -> Vec<Event> {
    let common = [
        new_case(),
        vec![
            Event::Tagged { at: at(1), tags: tags(&["late"]) },
            Event::ChecklistItemTicked { at: at(1), by: ana(), item: item("called") },
            Event::Assigned { at: at(2), by: ana(), person: person("ana"), team: None, previous: None },
            Event::ReplyReleased {
                at: at(3),
                by: ana(),
                reply: reply_id(1),
                conversation: conversation(1),
                place: public(),
                text: text(),
                extras: Box::default(),
                in_reply_to: None,
                closing: false,
                seen: None,
                stale_overridden: false,
            },
        ],
    ]
    .concat();
    let held = Event::Held { at: at(5), kind: HoldKind::Internal, reason: text(), until: Some(at(1_000)) };
    let then = match status {
        "unknown" => return Vec::new(),
        "new" => vec![],
        "open" => vec![started()],
        "pending" => vec![started(), Event::Pended { at: at(5) }],
        "on_hold" => vec![started(), held],
        "resolved" => vec![started(), resolved(100)],
        "closed" => vec![started(), resolved(100), Event::Closed { at: at(101) }],
        "merged" => vec![started(), Event::Merged { at: at(100), into: case_id(2), from: Status::Open }],
        "spam" => vec![Event::MarkedSpam { at: at(100), from: Status::New }],
        other => unreachable!("{other}"),
    };
    [common, then].concat()
}

fn actions() -> Vec<(&'static str, Action)> {
    let another = {
        let mut opening = opening();
        opening.origin = Origin::Agent;
        opening
    };
    let hold = |until| Action::Hold { kind: HoldKind::Internal, reason: text(), until };
    let late =
        |message| Action::ReceiveMessage { message, reopen_window_s: 99, cycle_rule: CycleRule::Continue };
    vec![
        ("Open", Action::Open { opening: opening(), messages: vec![] }),
        ("Open (another)", Action::Open { opening: another, messages: vec![] }),
        ("Retitle", Action::Retitle { title: text() }),
        ("SetLanguage", Action::SetLanguage { language: "fr".parse().unwrap() }),
        ("ReceiveMessage", super::fixtures::receive(inbound(2, 200))),
        ("ReceiveMessage (late)", late(inbound(2, 200))),
        ("ReceiveMessage (thanks)", late(thanks(2, 200))),
        ("ReceiveMessage (again)", super::fixtures::receive(inbound(1, 0))),
        (
            "RecordOutbound",
            Action::RecordOutbound {
                message: message_id(50),
                conversation: conversation(1),
                place: public(),
                sent_at: at(90),
                author: Kind::Human,
            },
        ),
        ("Reply", reply(2)),
        ("Reply (again)", reply(1)),
        (
            "ReportReply",
            Action::ReportReply { reply: reply_id(1), outcome: ReplyOutcome::Sent { message: None } },
        ),
        ("Note", Action::Note { note: note_id(1), text: text(), mentions: BTreeSet::new() }),
        ("Tag", Action::Tag { tags: tags(&["late", "vip"]) }),
        ("Untag", Action::Untag { tags: tags(&["late", "vip"]) }),
        ("Prioritise", Action::Prioritise { priority: Priority::High }),
        ("Categorise", Action::Categorise { category: Some("refund".parse().unwrap()) }),
        (
            "SetFields",
            Action::SetFields {
                fields: BTreeMap::from([("vip".parse().unwrap(), Some(FieldValue::Bool(true)))]),
            },
        ),
        (
            "Label (above open)",
            Action::Label { label: Some("called".parse().unwrap()), status: Status::Open },
        ),
        ("Assign", Action::Assign { person: person("ben"), team: None }),
        ("Unassign", Action::Unassign),
        ("Transfer", Action::Transfer { team: "legal".parse().unwrap(), region: None, reason: text() }),
        ("Escalate", Action::Escalate { to: Escalation { level: 1, team: None }, reason: text() }),
        ("Pend", Action::Pend),
        ("Hold", hold(None)),
        ("Hold (the same)", hold(Some(at(1_000)))),
        ("Resume", Action::Resume { deadline: None }),
        ("Resume (timer)", Action::Resume { deadline: Some(at(1_000)) }),
        ("Resume (stale timer)", Action::Resume { deadline: Some(at(900)) }),
        ("Snooze", Action::Snooze { until: at(1_000) }),
        ("Wake", Action::Wake { deadline: None }),
        ("Wake (stale timer)", Action::Wake { deadline: Some(at(900)) }),
        ("Resolve", resolve()),
        ("Reopen", reopen()),
        ("Reopen (late)", Action::Reopen { window_s: 99, cycle_rule: CycleRule::Continue }),
        ("Close", Action::Close),
        ("MarkSpam", Action::MarkSpam),
        ("UnmarkSpam", Action::UnmarkSpam),
        ("ChooseSilence", Action::ChooseSilence { reason: SilenceReason::Troll, note: None }),
        (
            "MoveConversation",
            Action::MoveConversation {
                from_conversation: conversation(1),
                from: public(),
                to_conversation: conversation(2),
                to: private(),
                with_customer: true,
                ack: None,
            },
        ),
        (
            "MoveConversation (else)",
            Action::MoveConversation {
                from_conversation: conversation(1),
                from: public(),
                to_conversation: conversation(2),
                to: private(),
                with_customer: false,
                ack: None,
            },
        ),
        ("AdvanceContact", Action::AdvanceContact { stage: ContactStage::NeedsContact }),
        ("Tick", Action::Tick { item: item("thanked"), checklist: checklist() }),
        ("Tick (again)", Action::Tick { item: item("called"), checklist: checklist() }),
        ("Tick (not on the list)", Action::Tick { item: item("thanked"), checklist: BTreeSet::new() }),
        ("Untick", Action::Untick { item: item("called") }),
        ("Untick (not ticked)", Action::Untick { item: item("thanked") }),
        ("SplitOff", split_off(&[1], 3)),
        ("MarkMerged", Action::MarkMerged { into: case_id(3) }),
        ("MarkMerged (the same)", Action::MarkMerged { into: case_id(2) }),
        ("Restore", Action::Restore),
        ("Absorb", Action::Absorb { source: case_id(9), brings: brings() }),
        ("Release", Action::Release { source: case_id(9) }),
        ("Release (absorbed)", Action::Release { source: case_id(9) }),
    ]
}

/// How many kinds of actions there are: the arms below.
const ACTIONS: usize = 38;

/// The name of an action. A new action is an error here, and then a row in the table.
fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Open { .. } => "Open",
        Action::Retitle { .. } => "Retitle",
        Action::SetLanguage { .. } => "SetLanguage",
        Action::ReceiveMessage { .. } => "ReceiveMessage",
        Action::RecordOutbound { .. } => "RecordOutbound",
        Action::Reply { .. } => "Reply",
        Action::ReportReply { .. } => "ReportReply",
        Action::Note { .. } => "Note",
        Action::Tag { .. } => "Tag",
        Action::Untag { .. } => "Untag",
        Action::Prioritise { .. } => "Prioritise",
        Action::Categorise { .. } => "Categorise",
        Action::SetFields { .. } => "SetFields",
        Action::Label { .. } => "Label",
        Action::Assign { .. } => "Assign",
        Action::Unassign => "Unassign",
        Action::Transfer { .. } => "Transfer",
        Action::Escalate { .. } => "Escalate",
        Action::Pend => "Pend",
        Action::Hold { .. } => "Hold",
        Action::Resume { .. } => "Resume",
        Action::Snooze { .. } => "Snooze",
        Action::Wake { .. } => "Wake",
        Action::Resolve { .. } => "Resolve",
        Action::Reopen { .. } => "Reopen",
        Action::Close => "Close",
        Action::MarkSpam => "MarkSpam",
        Action::UnmarkSpam => "UnmarkSpam",
        Action::ChooseSilence { .. } => "ChooseSilence",
        Action::MoveConversation { .. } => "MoveConversation",
        Action::AdvanceContact { .. } => "AdvanceContact",
        Action::Tick { .. } => "Tick",
        Action::Untick { .. } => "Untick",
        Action::SplitOff { .. } => "SplitOff",
        Action::MarkMerged { .. } => "MarkMerged",
        Action::Restore => "Restore",
        Action::Absorb { .. } => "Absorb",
        Action::Release { .. } => "Release",
    }
}

#[test]
fn history_leads_where_it_says() {
    for status in COLUMNS {
        let state = fold(State::default(), &history(status));
        assert_eq!(state.case().map_or("unknown", |case| case.status.as_str()), status);
    }
    assert_eq!(
        fold(State::default(), [&opened(), &received(inbound(1, 0))]).case().unwrap().status,
        Status::New
    );
}
