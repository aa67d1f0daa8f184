//! There is a limit to everything.

use super::fixtures::*;
use crate::{
    decider::{
        Decider,
        testing::{Given, given},
    },
    delivery::*,
    outbound::{Form, Template},
};

#[test]
fn there_is_something_to_send_and_a_limit_to_everything() {
    let queue = |request: Request| given::<State>(&[]).when(by(0, Action::Queue(Box::new(request))));
    queue(*request_of(0)).then_refused(&Error::Empty);
    queue(Request { parts: vec![Part::default()], ..*request() }).then_refused(&Error::Empty);
    queue(*request_of(PARTS_MAX + 1))
        .then_refused(&Error::LimitExceeded { what: "parts of a reply", max: PARTS_MAX });
    let template = |parameters: usize| Request {
        parts: vec![Part::default()],
        form: Form::Template(Template {
            name: "order_update".parse().unwrap(),
            language: None,
            parameters: vec![crate::personal::Personal::open("case-1", "x"); parameters],
            named: [].into(),
        }),
        ..*request()
    };
    queue(template(1)).then_kinds(&["delivery.queued"]);
    queue(template(101)).then_refused(&Error::LimitExceeded { what: "parameters of a template", max: 100 });

    let mut state = after([(0, queue_of_one())]);
    for attempt in 1..=u32::try_from(ATTEMPTS_MAX).unwrap() {
        for action in [start(1, attempt), failed(1, attempt, None)] {
            let events = state.decide(by(10, action)).unwrap();
            state = crate::decider::fold(state, &events);
        }
    }
    let next = u32::try_from(ATTEMPTS_MAX).unwrap() + 1;
    Given(state)
        .when(by(11, start(1, next)))
        .then_refused(&Error::LimitExceeded { what: "attempts at a reply", max: ATTEMPTS_MAX });

    unclear_at_11()
        .when(by(12, clarify(1, 1, Answer::Nothing { ask: ASKS_MAX })))
        .then_kinds(&["delivery.clarified"])
        .when(by(12, clarify(1, 1, Answer::Nothing { ask: ASKS_MAX + 1 })))
        .then_refused(&Error::LimitExceeded { what: "questions about an attempt", max: 100 })
        .when(by(12, clarify(1, 1, Answer::HasNot)))
        .then_kinds(&["delivery.clarified"]);

    let mut state = after([(0, queue_of_one())]);
    for round in 1..=REPLAYS_MAX {
        for action in [Action::GiveUp { round, reason: GivenUp::Abandoned }, Action::Replay { round }] {
            let events = state.decide(by_ana(10, action)).unwrap();
            state = crate::decider::fold(state, &events);
        }
    }
    let round = REPLAYS_MAX + 1;
    Given(state)
        .when(by_ana(11, Action::GiveUp { round, reason: GivenUp::Abandoned }))
        .then_kinds(&["delivery.given_up"])
        .when(by_ana(11, Action::Replay { round }))
        .then_refused(&Error::LimitExceeded { what: "replays", max: 100 });
}

fn queue_of_one() -> Action {
    Action::Queue(request_of(1))
}
