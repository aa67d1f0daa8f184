//! Every action in every stage, written out.
//!
//! `yes` yields events, `-` yields none because it is so already, a word refuses with the code `DELIVERY_<word>`,
//! shortened as the legend says. `doubt`: unclear, sent again, and that failed.

use std::collections::BTreeSet;

use super::fixtures::*;
use crate::{
    decider::Decider,
    delivery::{Action, Answer, Because, Failure, GivenUp, Receipt, Request, State},
    outbound::Refusal,
};

const COLUMNS: [&str; 15] = [
    "unknown", "queued", "running", "failed", "unclear", "chosen", "doubt", "part", "sent", "read", "cancel",
    "refuse", "reject", "given", "replay",
];

/// The words that are not the code's own: ROUND, PART, ATTEMPT, MESSAGE `DELIVERY_…_UNKNOWN`, ORDER
/// `DELIVERY_OUT_OF_ORDER`, SENT `DELIVERY_ALREADY_SENT`, UNCLEAR `DELIVERY_OUTCOME_UNCLEAR`, CLEAR `DELIVERY_NOT_UNCLEAR`, NOTDEAD
/// `DELIVERY_NOT_DEAD`, ANOTHER `DELIVERY_OF_ANOTHER_REPLY`, CANCEL `DELIVERY_CANCELLED`.
const TABLE: &str = "
                        unknown queued  running failed  unclear chosen  doubt   part    sent    read    cancel  refuse  reject  given   replay
Queue                   yes     -       -       -       -       -       -       -       -       -       -       -       -       -       -
Queue (another)         yes     ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER ANOTHER
Cancel                  UNKNOWN yes     BEGUN   BEGUN   BEGUN   BEGUN   BEGUN   BEGUN   BEGUN   BEGUN   -       REFUSED DEAD    DEAD    BEGUN
Refuse                  UNKNOWN yes     RUNNING yes     yes     yes     yes     yes     SENT    SENT    CANCEL  -       DEAD    DEAD    -
Refuse (next round)     UNKNOWN ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   yes
StartAttempt (1st)      UNKNOWN yes     -       -       -       -       -       -       -       -       CANCEL  REFUSED -       -       -
StartAttempt (2nd)      UNKNOWN ORDER   RUNNING yes     UNCLEAR yes     -       SENT    SENT    SENT    CANCEL  REFUSED DEAD    DEAD    yes
StartAttempt (resend)   UNKNOWN ORDER   RUNNING yes     yes     yes     -       SENT    SENT    SENT    CANCEL  REFUSED DEAD    DEAD    yes
StartAttempt (part 2)   UNKNOWN ORDER   RUNNING ORDER   ORDER   ORDER   ORDER   yes     -       -       CANCEL  REFUSED DEAD    DEAD    ORDER
ReportSent              UNKNOWN ATTEMPT yes     yes     yes     yes     yes     -       -       -       ATTEMPT ATTEMPT yes     yes     yes
ReportSent (2nd)        UNKNOWN ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT yes     ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT
ReportFailed            UNKNOWN ATTEMPT yes     -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
ReportFailed (other)    UNKNOWN ATTEMPT yes     -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
ReportRejected          UNKNOWN ATTEMPT yes     -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
ReportUnclear           UNKNOWN ATTEMPT yes     -       -       -       -       -       -       -       ATTEMPT ATTEMPT -       -       -
Clarify (has)           UNKNOWN ATTEMPT RUNNING -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
Clarify (has not)       UNKNOWN ATTEMPT RUNNING -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
Clarify (not shown)     UNKNOWN ATTEMPT RUNNING -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
Clarify (nothing)       UNKNOWN ATTEMPT RUNNING -       yes     yes     yes     -       -       -       ATTEMPT ATTEMPT -       -       -
Resend                  UNKNOWN ATTEMPT RUNNING CLEAR   yes     -       -       SENT    SENT    SENT    ATTEMPT ATTEMPT DEAD    DEAD    CLEAR
Resend (2nd)            UNKNOWN ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT yes     ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT ATTEMPT
GiveUp (spent)          UNKNOWN yes     RUNNING yes     UNCLEAR UNCLEAR UNCLEAR yes     SENT    SENT    CANCEL  REFUSED DEAD    -       -
GiveUp (abandoned)      UNKNOWN yes     RUNNING yes     yes     yes     yes     yes     SENT    SENT    CANCEL  REFUSED DEAD    -       -
GiveUp (next round)     UNKNOWN ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   yes
Replay                  UNKNOWN NOTDEAD NOTDEAD NOTDEAD NOTDEAD NOTDEAD NOTDEAD NOTDEAD SENT    SENT    CANCEL  yes     yes     yes     -
Replay (next round)     UNKNOWN ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   ROUND   NOTDEAD
TakeReceipt (sent)      UNKNOWN MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE -       -       -       MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE
TakeReceipt (delivered) UNKNOWN MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE yes     yes     -       MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE
TakeReceipt (read)      UNKNOWN MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE yes     yes     -       MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE
TakeReceipt (failed)    UNKNOWN MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE yes     yes     yes     MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE
TakeReceipt (bounced)   UNKNOWN MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE yes     yes     yes     MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE
";

#[test]
fn every_action_in_every_stage() {
    let mut table = String::from("\n                       ");
    COLUMNS.iter().for_each(|stage| table += &format!(" {stage:<7}"));
    let mut names = BTreeSet::new();
    for (name, action) in actions() {
        names.insert(action_name(&action));
        assert_eq!(action_name(&action), name.split(' ').next().unwrap());
        table = format!("{}\n{name:<23}", table.trim_end());
        COLUMNS.iter().for_each(|stage| table += &format!(" {:<7}", cell(stage, action.clone())));
    }
    let table = format!("{}\n", table.trim_end());
    assert_eq!(names.len(), ACTIONS, "the table has every action");
    assert!(table == TABLE, "the table is now:\n{table}");
}

fn cell(stage: &str, action: Action) -> String {
    match history(stage).decide(by(200, action)) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(_) => "yes".to_owned(),
        Err(error) => match error.code() {
            "DELIVERY_ROUND_UNKNOWN" => "ROUND".to_owned(),
            "DELIVERY_ATTEMPT_UNKNOWN" => "ATTEMPT".to_owned(),
            "DELIVERY_OUT_OF_ORDER" => "ORDER".to_owned(),
            "DELIVERY_ALREADY_SENT" => "SENT".to_owned(),
            "DELIVERY_OUTCOME_UNCLEAR" => "UNCLEAR".to_owned(),
            "DELIVERY_NOT_UNCLEAR" => "CLEAR".to_owned(),
            "DELIVERY_NOT_DEAD" => "NOTDEAD".to_owned(),
            "DELIVERY_MESSAGE_UNKNOWN" => "MESSAGE".to_owned(),
            "DELIVERY_OF_ANOTHER_REPLY" => "ANOTHER".to_owned(),
            "DELIVERY_CANCELLED" => "CANCEL".to_owned(),
            code => code.strip_prefix("DELIVERY_").unwrap().to_owned(),
        },
    }
}

/// A reply of two parts. What happens, happens to the first; but `part`, `sent` and `read` have that behind them.
fn history(stage: &str) -> State {
    let begun = || vec![(0, queue()), (10, start(1, 1))];
    let and = |then: Vec<(i64, Action)>| after([begun(), then].concat());
    let refuse = Action::Refuse { round: 1, refusal: Refusal::ListenOnly };
    let give_up = Action::GiveUp { round: 1, reason: GivenUp::AttemptsSpent };
    let all_sent = || vec![(11, sent(1, 1)), (12, start(2, 1)), (13, sent(2, 1))];
    match stage {
        "unknown" => State::default(),
        "queued" => after([(0, queue())]),
        "running" => and(vec![]),
        "failed" => and(vec![(11, failed(1, 1, Some(150)))]),
        "unclear" => and(vec![(11, unclear(1, 1))]),
        "chosen" => and(vec![(11, unclear(1, 1)), (12, Action::Resend { part: 1, attempt: 1 })]),
        "doubt" => {
            let again = (12, start_again(1, 2, Because::Policy));
            and(vec![(11, unclear(1, 1)), again, (13, failed(1, 2, None))])
        }
        "part" => and(vec![(11, sent(1, 1))]),
        "sent" => and(all_sent()),
        "read" => {
            let read = |part| (20, receipt(part, 1, Receipt::Read));
            and([all_sent(), vec![read(1), read(2)]].concat())
        }
        "cancel" => after([(0, queue()), (1, Action::Cancel)]),
        "refuse" => after([(0, queue()), (10, refuse)]),
        "reject" => and(vec![(11, rejected(1, 1))]),
        "given" => and(vec![(11, failed(1, 1, None)), (12, give_up)]),
        "replay" => and(vec![(11, rejected(1, 1)), (12, Action::Replay { round: 1 })]),
        other => unreachable!("{other}"),
    }
}

fn actions() -> Vec<(&'static str, Action)> {
    let another = Action::Queue(Box::new(Request { reply: reply_id(9), ..*request() }));
    let abandon = |round| Action::GiveUp { round, reason: GivenUp::Abandoned };
    vec![
        ("Queue", queue()),
        ("Queue (another)", another),
        ("Cancel", Action::Cancel),
        ("Refuse", Action::Refuse { round: 1, refusal: Refusal::ListenOnly }),
        ("Refuse (next round)", Action::Refuse { round: 2, refusal: Refusal::ListenOnly }),
        ("StartAttempt (1st)", start(1, 1)),
        ("StartAttempt (2nd)", start(1, 2)),
        ("StartAttempt (resend)", start_again(1, 2, Because::Policy)),
        ("StartAttempt (part 2)", start(2, 1)),
        ("ReportSent", sent(1, 1)),
        ("ReportSent (2nd)", sent(1, 2)),
        ("ReportFailed", failed(1, 1, None)),
        (
            "ReportFailed (other)",
            Action::ReportFailed {
                part: 1,
                attempt: 1,
                reason: Failure::Greylisted,
                code: None,
                retry_at: Some(at(900)),
            },
        ),
        ("ReportRejected", rejected(1, 1)),
        ("ReportUnclear", unclear(1, 1)),
        ("Clarify (has)", clarify(1, 1, Answer::Has { external: external(7) })),
        ("Clarify (has not)", clarify(1, 1, Answer::HasNot)),
        ("Clarify (not shown)", clarify(1, 1, Answer::NotShown { ask: 1 })),
        ("Clarify (nothing)", clarify(1, 1, Answer::Nothing { ask: 1 })),
        ("Resend", Action::Resend { part: 1, attempt: 1 }),
        ("Resend (2nd)", Action::Resend { part: 1, attempt: 2 }),
        ("GiveUp (spent)", Action::GiveUp { round: 1, reason: GivenUp::TimeSpent }),
        ("GiveUp (abandoned)", abandon(1)),
        ("GiveUp (next round)", abandon(2)),
        ("Replay", Action::Replay { round: 1 }),
        ("Replay (next round)", Action::Replay { round: 2 }),
        ("TakeReceipt (sent)", receipt(1, 1, Receipt::Sent)),
        ("TakeReceipt (delivered)", receipt(1, 1, Receipt::Delivered)),
        ("TakeReceipt (read)", receipt(1, 1, Receipt::Read)),
        ("TakeReceipt (failed)", receipt(1, 1, Receipt::Undelivered(returned()))),
        ("TakeReceipt (bounced)", receipt(1, 1, Receipt::Bounced(returned()))),
    ]
}

/// How many kinds of actions there are: the arms below.
const ACTIONS: usize = 13;

/// The name of an action. A new action is an error here, and then a row in the table.
fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Queue(_) => "Queue",
        Action::Cancel => "Cancel",
        Action::Refuse { .. } => "Refuse",
        Action::StartAttempt { .. } => "StartAttempt",
        Action::ReportSent { .. } => "ReportSent",
        Action::ReportFailed { .. } => "ReportFailed",
        Action::ReportRejected { .. } => "ReportRejected",
        Action::ReportUnclear { .. } => "ReportUnclear",
        Action::Clarify { .. } => "Clarify",
        Action::Resend { .. } => "Resend",
        Action::GiveUp { .. } => "GiveUp",
        Action::Replay { .. } => "Replay",
        Action::TakeReceipt { .. } => "TakeReceipt",
    }
}
