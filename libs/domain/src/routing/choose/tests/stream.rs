//! Every action in every state of a case's way, written out: `yes` yields events, `-` none, a word refuses.

use super::*;
use crate::{
    actor::{Actor, Kind},
    agent::Ended,
    decider::{Decider, fold},
};

const COLUMNS: [&str; 7] = ["new", "queued", "waiting", "chosen", "awarded", "relaxed", "left"];

const TABLE: &str = "
                      new           queued        waiting       chosen        awarded       relaxed       left
Rule                  yes           yes           yes           yes           yes           yes           yes
Enqueue               yes           -             -             -             -             -             yes
Enqueue (another)     yes           yes           yes           yes           yes           yes           yes
Relax (1st)           NOT_QUEUED    yes           yes           yes           yes           -             NOT_QUEUED
Relax (2nd)           NOT_QUEUED    OUT_OF_ORDER  OUT_OF_ORDER  OUT_OF_ORDER  OUT_OF_ORDER  yes           NOT_QUEUED
Relax (early)         NOT_QUEUED    OUT_OF_ORDER  OUT_OF_ORDER  OUT_OF_ORDER  OUT_OF_ORDER  TOO_EARLY     NOT_QUEUED
Decide (1st: nobody)  NOT_QUEUED    yes           -             SUPERSEDED    SUPERSEDED    yes           NOT_QUEUED
Decide (1st: ann)     NOT_QUEUED    yes           SUPERSEDED    SUPERSEDED    SUPERSEDED    yes           NOT_QUEUED
Decide (2nd: nobody)  NOT_QUEUED    SUPERSEDED    -             yes           yes           SUPERSEDED    NOT_QUEUED
Decide (2nd: ann)     NOT_QUEUED    SUPERSEDED    yes           yes           yes           SUPERSEDED    NOT_QUEUED
Decide (elsewhere)    NOT_QUEUED    SUPERSEDED    ANOTHER_QUEUE ANOTHER_QUEUE ANOTHER_QUEUE SUPERSEDED    NOT_QUEUED
Award (1st: ann)      NOT_QUEUED    SUPERSEDED    NOT_CHOSEN    yes           -             SUPERSEDED    NOT_QUEUED
Award (1st: ben)      NOT_QUEUED    SUPERSEDED    NOT_CHOSEN    NOT_CHOSEN    NOT_CHOSEN    SUPERSEDED    NOT_QUEUED
Award (over)          NOT_QUEUED    SUPERSEDED    NOT_CHOSEN    OVER          OVER          SUPERSEDED    NOT_QUEUED
EndAward (1st)        -             -             -             yes           yes           -             -
EndAward (2nd)        -             -             -             -             -             -             -
Recall                yes           -             -             -             -             -             yes
Exclude               NOT_QUEUED    yes           yes           yes           yes           yes           NOT_QUEUED
Leave                 -             yes           yes           yes           yes           yes           -
";

fn by(second: i64, action: Action) -> Command {
    let by = Actor::new(Kind::Service, "assignment".parse().unwrap(), "internal".parse().unwrap());
    Command::new(at(second), by, action)
}

fn after(actions: impl IntoIterator<Item = (i64, Action)>) -> State {
    actions.into_iter().fold(State::default(), |state, (second, action)| step(state, second, action))
}

fn step(state: State, second: i64, action: Action) -> State {
    let events = state.decide(by(second, action)).unwrap();
    fold(state, &events)
}

fn enqueue(queue: &str, since: i64, keeps_age: bool) -> Action {
    Action::Enqueue { queue: queue.parse().unwrap(), since: at(since), keeps_age }
}

fn decide(decision: u32, queue: &str, candidates: &[Candidate], now: i64) -> Action {
    let demand = Demand { queue: queue.parse().unwrap(), ..demand(Mode::RoundRobin) };
    let (decided, _) = Decided::choose(demand, candidates, at(now), 0, Taken::default());
    Action::Decide { decision, decided: Box::new(decided) }
}

fn relax(step: u8, due: i64) -> Action {
    Action::Relax { step, relax: Relax::Proficiency, due: at(due) }
}

fn award(agent: &str, until: i64) -> Action {
    Action::Award { decision: 1, agent: agent.parse().unwrap(), until: at(until) }
}

fn history(state: &str) -> State {
    let queued = || vec![(0, enqueue("care", 0, true))];
    let and = |then: Vec<(i64, Action)>| after([queued(), then].concat());
    match state {
        "new" => State::default(),
        "queued" => and(vec![]),
        "waiting" => and(vec![(10, decide(1, "care", &[], 10))]),
        "chosen" => and(vec![(10, decide(1, "care", &[candidate("ann")], 10))]),
        "awarded" => and(vec![(10, decide(1, "care", &[candidate("ann")], 10)), (10, award("ann", 40))]),
        "relaxed" => and(vec![(10, relax(1, 10))]),
        "left" => and(vec![(10, Action::Leave { gone: Gone::Withdrawn })]),
        other => unreachable!("{other}"),
    }
}

fn actions() -> Vec<(&'static str, Action)> {
    let ann = || [candidate("ann")];
    vec![
        ("Rule", Action::Rule(Box::default())),
        ("Enqueue", enqueue("care", 50, true)),
        ("Enqueue (another)", enqueue("help", 50, true)),
        ("Relax (1st)", relax(1, 100)),
        ("Relax (2nd)", relax(2, 100)),
        ("Relax (early)", relax(2, 900)),
        ("Decide (1st: nobody)", decide(1, "care", &[], 10)),
        ("Decide (1st: ann)", decide(1, "care", &ann(), 100)),
        ("Decide (2nd: nobody)", decide(2, "care", &[], 100)),
        ("Decide (2nd: ann)", decide(2, "care", &ann(), 100)),
        ("Decide (elsewhere)", decide(2, "help", &ann(), 100)),
        ("Award (1st: ann)", award("ann", 900)),
        ("Award (1st: ben)", award("ben", 900)),
        ("Award (over)", award("ann", 20)),
        ("EndAward (1st)", Action::EndAward { decision: 1, ended: Ended::Expired }),
        ("EndAward (2nd)", Action::EndAward { decision: 2, ended: Ended::Expired }),
        ("Recall", Action::Recall { agent: "ann".parse().unwrap() }),
        ("Exclude", Action::Exclude { agent: person("ann"), until: None }),
        ("Leave", Action::Leave { gone: Gone::Assigned { agent: person("ann") } }),
    ]
}

#[test]
fn every_action_in_every_state() {
    let mut table = String::from("\n                     ");
    COLUMNS.iter().for_each(|state| table += &format!(" {state:<13}"));
    for (name, action) in actions() {
        table = format!("{}\n{name:<21}", table.trim_end());
        for column in COLUMNS {
            let state = history(column);
            let cell = match state.decide(by(200, action.clone())) {
                Ok(events) if events.is_empty() => "-".to_owned(),
                Ok(events) => {
                    let state = fold(state, &events);
                    assert_eq!(state.decide(by(200, action.clone())), Ok(vec![]), "{name} in {column} again");
                    "yes".to_owned()
                }
                Err(error) => error.code().strip_prefix("ROUTING_").unwrap().to_owned(),
            };
            table += &format!(" {cell:<13}");
        }
    }
    let table = format!("{}\n", table.trim_end());
    assert!(table == TABLE, "the table is now:\n{table}");
}

#[test]
fn what_is_requeued_keeps_its_age_and_what_is_reopened_does_not() {
    let left = |gone| after([(0, enqueue("care", 0, true)), (10, Action::Leave { gone })]);
    let assigned = left(Gone::Assigned { agent: person("ann") });
    let requeued = step(assigned, 5_000, enqueue("care", 5_000, true));
    assert_eq!(requeued.since(), Some(at(0)));
    let moved = step(requeued, 6_000, enqueue("help", 6_000, true));
    assert_eq!((moved.since(), moved.queue().unwrap().as_str()), (Some(at(0)), "help"));
    let reopened = step(left(Gone::Withdrawn), 9_000, enqueue("care", 9_000, false));
    assert_eq!(reopened.since(), Some(at(9_000)));
}

#[test]
fn what_a_time_brings_about_bears_that_time() {
    let state = history("queued");
    assert_eq!(state.decide(by(99, relax(1, 100))), Err(Error::TooEarly { until: at(100) }));
    let relaxed = Event::Relaxed { at: at(100), step: 1, relax: Relax::Proficiency };
    assert_eq!(state.decide(by(500, relax(1, 100))), Ok(vec![relaxed]));
}

#[test]
fn that_it_still_waits_for_the_same_is_said_once() {
    let mut state = history("queued");
    let mut entries = 0;
    for second in 10..200 {
        let events = state.decide(by(second, decide(state.decisions() + 1, "care", &[], second))).unwrap();
        entries += events.len();
        state = fold(state, &events);
    }
    assert_eq!((entries, state.waits_for()), (1, Some(Reason::Nobody)));
    let full = [with("ann", |_, s| s.used = 6)];
    state = step(state, 201, decide(2, "care", &full, 201));
    assert_eq!((state.decisions(), state.waits_for()), (2, Some(Reason::AtCapacity)));
}

#[test]
fn of_two_matchers_that_decide_at_once_one_has_the_number() {
    let state = step(history("queued"), 10, decide(1, "care", &[candidate("ann")], 10));
    let other = decide(1, "care", &[candidate("bob")], 11);
    assert_eq!(state.decide(by(11, other)), Err(Error::Superseded { known: 1 }));
}

#[test]
fn who_declined_does_not_get_it_until_then_or_until_it_is_requeued() {
    let exclude = |until: Option<i64>| Action::Exclude { agent: person("ann"), until: until.map(at) };
    let state = step(history("queued"), 10, exclude(Some(60)));
    let ann = person("ann");
    assert!(state.is_excluded(&ann, at(59)) && !state.is_excluded(&ann, at(60)));
    assert_eq!((state.next_exclusion_end(at(10)), state.next_exclusion_end(at(60))), (Some(at(60)), None));
    let state = step(state, 20, exclude(None));
    assert!(state.is_excluded(&ann, at(9_999)));
    assert!(!step(state, 30, enqueue("help", 30, true)).is_excluded(&ann, at(40)));
}
