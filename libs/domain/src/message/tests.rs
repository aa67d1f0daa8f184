use std::collections::BTreeMap;

use super::*;
use crate::{
    actor::{Actor, Kind},
    channel::Visibility,
    decider::testing::given,
    personal::Personal,
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn command(second: i64, action: Action) -> Command {
    Command::new(
        at(second),
        Actor::new(Kind::Service, "intake".parse().unwrap(), "internal".parse().unwrap()),
        action,
    )
}

/// The message with a body, and when the channel says that it was last changed.
fn content(body: u32, revised: Option<i64>) -> Box<Content> {
    let personal = || Personal::open("mail-fr_0123456789abcdef", "text");
    Box::new(Content {
        account: "mail-fr".parse().unwrap(),
        channel: "email".parse().unwrap(),
        external_id: personal(),
        identity: None,
        contact: None,
        author_name: None,
        author_handle: None,
        text: personal(),
        subject: None,
        sent_at: at(0),
        detected_at: at(1),
        revised_at: revised.map(at),
        visibility: Visibility::Private,
        thread: None,
        reply_to: None,
        language: None,
        attachments: Vec::new(),
        digest: format!("{body:016}").parse().unwrap(),
        fields: BTreeMap::new(),
        automatic: None,
        forwarded: false,
        entry_point: None,
        campaign: None,
    })
}

fn receive(second: i64, body: u32) -> Command {
    command(second, Action::Receive(content(body, None)))
}

#[test]
fn a_second_delivery_is_nothing_and_another_body_an_edit() {
    given::<State>(&[])
        .when(receive(1, 1))
        .then(&[Event::Received { at: at(1), content: content(1, None) }])
        .when(receive(900, 1))
        .then_nothing()
        .when(receive(901, 2))
        .then(&[Event::Edited { at: at(901), content: content(2, None) }])
        // Without word of the channel, the first body is an edit back to it.
        .when(receive(902, 1))
        .then_kinds(&["message.edited"])
        .when(receive(903, 1))
        .then_nothing();
}

#[test]
fn what_the_channel_says_was_changed_before_is_late() {
    let revised = |second, body, revised| command(second, Action::Receive(content(body, Some(revised))));
    given::<State>(&[])
        .when(revised(1, 1, 1))
        .then_kinds(&["message.received"])
        .when(revised(5, 2, 5))
        .then_kinds(&["message.edited"])
        .when(revised(9, 1, 9))
        .then_kinds(&["message.edited"])
        // So does the first body, of which there is no such word.
        .when(receive(10, 4))
        .then_nothing()
        // An older revision that comes late changes nothing, even with a body that was never seen.
        .when(revised(10, 3, 7))
        .then_nothing();
}

#[test]
fn what_we_sent_elsewhere_is_recorded() {
    let state = given::<State>(&[])
        .when(command(1, Action::Record(content(1, None))))
        .then_kinds(&["message.recorded"])
        .when(receive(2, 1))
        .then_nothing()
        .0;
    assert_eq!(state.message().unwrap().direction, Direction::Out);
}

#[test]
fn what_is_deleted_at_the_source_is_kept_and_marked() {
    let state = given::<State>(&[])
        .when(receive(1, 1))
        .then_kinds(&["message.received"])
        .when(command(5, Action::MarkDeleted))
        .then(&[Event::DeletedAtSource { at: at(5) }])
        .when(command(9, Action::MarkDeleted))
        .then_nothing()
        .when(receive(6, 1))
        .then_nothing()
        .0;
    assert_eq!(state.deleted_at(), Some(at(5)));
}

#[test]
fn a_deletion_that_comes_before_its_message_follows_it_too() {
    given::<State>(&[])
        .when(command(5, Action::MarkDeleted))
        .then(&[Event::DeletedAtSource { at: at(5) }])
        .when(receive(1, 1))
        .then(&[
            Event::Received { at: at(1), content: content(1, None) },
            Event::DeletedAtSource { at: at(5) },
        ])
        .when(command(5, Action::MarkDeleted))
        .then_nothing();
}

#[test]
fn reports_only_go_on_and_a_failure_stands_beside_them() {
    let report = |second, fate| command(second, Action::Report { fate, code: None });
    let reported = |second, fate| Event::Reported { at: at(second), fate, code: None };
    let state = given::<State>(&[])
        .when(report(3, Fate::Delivered))
        .then(&[reported(3, Fate::Delivered)])
        .when(report(2, Fate::Sent))
        .then_nothing()
        .when(report(3, Fate::Delivered))
        .then_nothing()
        .when(report(4, Fate::Failed))
        .then(&[reported(4, Fate::Failed)])
        .when(report(5, Fate::Failed))
        .then_nothing()
        .when(report(6, Fate::Read))
        .then(&[reported(6, Fate::Read)])
        .0;
    assert_eq!((state.reached(), state.failed()), (Some(Fate::Read), true));
}

/// The message with a body and these files: here, or announced.
fn with_files(body: u32, here: &[bool]) -> Box<Content> {
    let personal = || Personal::open("mail-fr_0123456789abcdef", "text");
    let file = |here: &bool| Attachment {
        name: personal(),
        media_type: "image/png".parse().unwrap(),
        bytes: 0,
        blob: here.then(|| "b10bb10bb10bb10b".parse().unwrap()),
        source: (!here).then(personal),
    };
    Box::new(Content { attachments: here.iter().map(file).collect(), ..*content(body, None) })
}

fn digest(body: u32) -> Digest {
    format!("{body:016}").parse().unwrap()
}

fn keep(second: i64, body: u32, index: u16) -> Command {
    let blob = "b10bb10bb10bb10b".parse().unwrap();
    let media_type = "image/jpeg".parse().unwrap();
    command(second, Action::KeepFile { digest: digest(body), index, bytes: 7, media_type, blob })
}

fn lose(second: i64, body: u32, index: u16, reason: Loss) -> Command {
    command(second, Action::LoseFile { digest: digest(body), index, reason })
}

fn received(body: u32, here: &[bool]) -> Event {
    Event::Received { at: at(0), content: with_files(body, here) }
}

#[test]
fn what_became_of_an_announced_file_is_said_once() {
    let state = given::<State>(&[received(1, &[true, false, false])])
        .when(keep(1, 1, 1))
        .then(&[Event::FileKept {
            at: at(1),
            digest: digest(1),
            index: 1,
            bytes: 7,
            media_type: "image/jpeg".parse().unwrap(),
            blob: "b10bb10bb10bb10b".parse().unwrap(),
        }])
        .when(keep(2, 1, 1))
        .then_nothing()
        .when(lose(2, 1, 1, Loss::Gone))
        .then_nothing()
        .when(lose(3, 1, 2, Loss::TooLarge))
        .then(&[Event::FileLost { at: at(3), digest: digest(1), index: 2, reason: Loss::TooLarge }])
        .when(lose(4, 1, 2, Loss::Gone))
        .then_nothing()
        .when(keep(4, 1, 2))
        .then_nothing()
        .0;
    assert_eq!(state.message().unwrap().files, [File::Here, File::Here, File::Lost(Loss::TooLarge)]);
}

#[test]
fn nothing_is_kept_of_what_nobody_announced() {
    given::<State>(&[]).when(keep(1, 1, 0)).then_nothing().when(lose(1, 1, 0, Loss::Gone)).then_nothing();
    // It came with the message; there is no such file; the body is another one.
    given::<State>(&[received(1, &[true, false])])
        .when(keep(1, 1, 0))
        .then_nothing()
        .when(lose(1, 1, 2, Loss::Gone))
        .then_nothing()
        .when(keep(1, 1, u16::MAX))
        .then_nothing()
        .when(keep(1, 2, 1))
        .then_nothing();
}

#[test]
fn a_file_of_the_body_before_an_edit_is_not_one_of_the_body_after_it() {
    let edited = |second, body, here| command(second, Action::Receive(with_files(body, here)));
    given::<State>(&[received(1, &[false])])
        .when(edited(2, 2, &[false, false]))
        .then_kinds(&["message.edited"])
        // It comes late.
        .when(keep(3, 1, 0))
        .then_nothing()
        .when(lose(3, 1, 0, Loss::Gone))
        .then_nothing()
        .when(keep(4, 2, 0))
        .then_kinds(&["message.file_kept"])
        // Back to the first body: its file is to be fetched as if it never had been.
        .when(edited(5, 1, &[false]))
        .then_kinds(&["message.edited"])
        .when(keep(6, 2, 1))
        .then_nothing()
        .when(lose(6, 1, 0, Loss::Refused))
        .then_kinds(&["message.file_lost"]);
}

#[test]
fn a_reason_is_shown_as_it_is_stored() {
    use Loss::{Gone, NotAllowed, Refused, TooLarge, Unreachable, Unreadable, Unsupported};
    for loss in [TooLarge, Gone, Refused, NotAllowed, Unreadable, Unreachable, Unsupported] {
        assert_eq!(serde_json::to_value(loss).unwrap(), loss.as_str());
    }
}

#[test]
fn there_is_a_limit_to_everything() {
    let mut large = content(1, None);
    large.fields = (0..=Content::FIELDS_MAX)
        .map(|n| (format!("f{n}").parse().unwrap(), Personal::open("case-1", "x")))
        .collect();
    given::<State>(&[])
        .when(command(1, Action::Receive(large)))
        .then_refused(&Error::LimitExceeded { what: "fields of a message", max: Content::FIELDS_MAX });
    let events: Vec<Event> = (0..=EDITS_MAX)
        .map(|n| match n {
            0 => Event::Received { at: at(0), content: content(0, None) },
            n => Event::Edited { at: at(1), content: content(n, None) },
        })
        .collect();
    given::<State>(&events)
        .when(receive(5, EDITS_MAX + 1))
        .then_refused(&Error::LimitExceeded { what: "edits of a message", max: EDITS_MAX as usize })
        .when(receive(5, EDITS_MAX))
        .then_nothing();
}
