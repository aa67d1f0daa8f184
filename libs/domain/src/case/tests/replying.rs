//! What a reply can be, and what is known of it.

use super::fixtures::*;
use crate::{
    case::{Action, Error, Event, Extras, ReplyOutcome, ReplyStatus, State},
    decider::testing::given,
    message::Attachment,
    outbound::{Form, Template, fit::FILES_MAX},
    personal::Personal,
};

fn file() -> Attachment {
    Attachment {
        name: Personal::open("mail-fr_0123456789abcdef", "invoice.pdf"),
        media_type: "application/pdf".parse().unwrap(),
        bytes: 7,
        blob: Some("0123456789abcdef".parse().unwrap()),
        source: None,
    }
}

fn template(parameters: Vec<Personal>) -> Form {
    let named = [("order_id".parse().unwrap(), text())].into();
    Form::Template(Template { name: "order_update".parse().unwrap(), language: None, parameters, named })
}

fn saying(words: &str, extras: Extras) -> Action {
    match reply(1) {
        Action::Reply { reply, conversation, place, in_reply_to, closing, seen, override_stale, .. } => {
            let text = Personal::open("mail-fr_0123456789abcdef", words);
            let extras = Box::new(extras);
            Action::Reply {
                reply,
                conversation,
                place,
                text,
                extras,
                in_reply_to,
                closing,
                seen,
                override_stale,
            }
        }
        other => other,
    }
}

fn unclear(n: u128) -> Action {
    let outcome = ReplyOutcome::Unclear { reason: "timed-out".parse().unwrap() };
    Action::ReportReply { reply: reply_id(n), outcome }
}

#[test]
fn a_reply_says_something_by_its_words_a_file_or_a_template() {
    let none = Extras::default;
    let subject = || Extras { subject: Some(text()), ..none() };
    let files = || Extras { attachments: vec![file()], ..none() };
    let form = || Extras { form: template(Vec::new()), ..none() };
    let tag = || Extras { form: Form::Tag { name: "human_agent".parse().unwrap() }, ..none() };
    for extras in [none(), subject(), tag()] {
        given::<State>(&open_case()).when(by_ana(5, saying("", extras))).then_refused(&Error::EmptyReply);
    }
    for (words, extras) in
        [("x", none()), ("x", subject()), ("x", tag()), ("", files()), ("", form()), ("x", files())]
    {
        let released = after(&open_case(), [by_ana(5, saying(words, extras.clone()))]);
        assert_eq!(released.case().replies[&reply_id(1)].status, ReplyStatus::Released);
    }
}

#[test]
fn what_a_reply_is_besides_its_words_is_in_its_event() {
    let extras = Extras { form: template(vec![text()]), subject: Some(text()), attachments: vec![file()] };
    let events =
        crate::decider::decide_all(&given::<State>(&open_case()).0, [by_ana(5, saying("x", extras.clone()))]);
    let kept = events.unwrap().into_iter().find_map(|event| match event {
        Event::ReplyReleased { extras, .. } => Some(*extras),
        _ => None,
    });
    assert_eq!(kept, Some(extras));
}

#[test]
fn there_is_a_limit_to_what_a_reply_is() {
    let long = |bytes: usize| Personal::open("case-1", "x".repeat(bytes));
    let limited = |extras, what, max| {
        let error = Error::LimitExceeded { what, max };
        given::<State>(&open_case()).when(by_ana(5, saying("x", extras))).then_refused(&error);
    };
    let files = Extras { attachments: vec![file(); FILES_MAX + 1], ..Extras::default() };
    limited(files, "attachments of a reply", FILES_MAX);
    let subject = Extras { subject: Some(long(1_001)), ..Extras::default() };
    limited(subject, "bytes of a subject", Extras::SUBJECT_LEN_MAX);
    // One of them has a name.
    let many = Extras { form: template(vec![text(); 100]), ..Extras::default() };
    limited(many, "parameters of a template", Template::PARAMETERS_MAX);
    let value = Extras { form: template(vec![long(4_097)]), ..Extras::default() };
    limited(value, "bytes of a parameter", Template::PARAMETER_LEN_MAX);
}

#[test]
fn a_reply_of_an_older_version_is_one_of_words_alone() {
    let Event::ReplyReleased { at, by, reply, conversation, place, text, .. } =
        after_reply().into_iter().next().unwrap()
    else {
        panic!("no reply")
    };
    let old = serde_json::json!({
        "type": "case.reply_released", "v": 1, "at": at, "by": by, "reply": reply,
        "conversation": conversation, "place": place, "text": text,
    });
    let read: Event = serde_json::from_value(old.clone()).unwrap();
    assert!(matches!(&read, Event::ReplyReleased { extras, .. } if extras.is_none()));
    assert_eq!(serde_json::to_value(&read).unwrap(), old, "and is written as it was");
}

fn after_reply() -> Vec<Event> {
    crate::decider::decide_all(&given::<State>(&open_case()).0, [by_ana(5, reply(1))]).unwrap()
}

#[test]
fn of_an_unclear_reply_nobody_knows_until_somebody_does() {
    let released = || after(&open_case(), [by_ana(20, reply(1))]).when(by_bot(21, unclear(1)));
    let unknown = || {
        released()
            .then_kinds(&["case.reply_unclear"])
            .with(|case| {
                assert_eq!(case.replies[&reply_id(1)].status, ReplyStatus::Unclear);
                // It is no response as long as it may not have arrived.
                assert_eq!((case.waiting_since(), case.first_response_at()), (Some(at(0)), None));
            })
            .when(by_bot(22, unclear(1)))
            .then_nothing()
    };
    unknown()
        .when(by_bot(30, sent(1)))
        .then_kinds(&["case.reply_sent"])
        .with(|case| assert_eq!((case.waiting_since(), case.first_response_at()), (None, Some(at(30)))))
        .when(by_bot(31, unclear(1)))
        .then_nothing();
    // Given up, and tried again with as little luck.
    unknown()
        .when(by_bot(30, failed(1)))
        .then_kinds(&["case.reply_failed"])
        .when(by_bot(31, unclear(1)))
        .then_kinds(&["case.reply_unclear"])
        .when(by_bot(40, bounced(1)))
        .then_kinds(&["case.reply_bounced"])
        .when(by_bot(41, unclear(1)))
        .then_nothing();
}
