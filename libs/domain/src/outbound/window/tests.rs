use proptest::prelude::*;

use super::*;
use crate::outbound::Template;

const DAY_S: i64 = 24 * 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn tag(name: &str) -> Form {
    Form::Tag { name: name.parse().unwrap() }
}

fn template(name: &str) -> Form {
    Form::Template(Template {
        name: name.parse().unwrap(),
        language: None,
        parameters: vec![],
        named: [].into(),
    })
}

/// As Messenger has it: a day for free, a week for a person, and one purpose at any time.
fn messenger() -> Capability {
    let tags = [("human_agent", Some(7 * DAY_S)), ("account_update", None)];
    Capability {
        window_s: Some(DAY_S),
        tags: tags.into_iter().map(|(name, window_s)| (name.parse().unwrap(), window_s)).collect(),
        ..Capability::default()
    }
}

fn whatsapp() -> Capability {
    let templates = Templates::These(BTreeSet::from(["order_update_2".parse().unwrap()]));
    Capability { window_s: Some(DAY_S), templates, ..Capability::default() }
}

#[test]
fn the_window_is_open_before_its_end_and_closed_at_its_end() {
    let end = at(DAY_S);
    let just_before = Timestamp::from_microsecond(end.as_microsecond() - 1).unwrap();
    let closed = Err(Refusal::WindowClosed { closed_at: end });
    for (now, expected) in [
        (at(0), Ok(())),
        (just_before, Ok(())),
        (end, closed.clone()),
        (end.plus_seconds(1), closed.clone()),
        (Timestamp::MAX, closed),
        // A customer's message with a time after ours: he wrote just now.
        (at(-5), Ok(())),
    ] {
        assert_eq!(can_send(&whatsapp(), Some(at(0)), now, &Form::Free), expected, "{now}");
    }
}

#[test]
fn two_days_are_two_days() {
    let tiktok = Capability { window_s: Some(2 * DAY_S), ..Capability::default() };
    assert_eq!(can_send(&tiktok, Some(at(0)), at(2 * DAY_S - 1), &Form::Free), Ok(()));
    assert_eq!(
        can_send(&tiktok, Some(at(0)), at(2 * DAY_S), &Form::Free),
        Err(Refusal::WindowClosed { closed_at: at(2 * DAY_S) })
    );
}

#[test]
fn a_tag_has_a_window_of_its_own() {
    let send = |form: &Form, now| can_send(&messenger(), Some(at(0)), at(now), form);
    assert_eq!(send(&Form::Free, DAY_S), Err(Refusal::WindowClosed { closed_at: at(DAY_S) }));
    assert_eq!(send(&tag("human_agent"), DAY_S), Ok(()));
    assert_eq!(send(&tag("human_agent"), 7 * DAY_S - 1), Ok(()));
    assert_eq!(send(&tag("human_agent"), 7 * DAY_S), Err(Refusal::WindowClosed { closed_at: at(7 * DAY_S) }));
    assert_eq!(send(&tag("account_update"), 700 * DAY_S), Ok(()));
    assert_eq!(send(&tag("sale"), 1), Err(Refusal::TagNotAllowed), "within the window too");
    assert_eq!(can_send(&whatsapp(), Some(at(0)), at(1), &tag("human_agent")), Err(Refusal::TagNotAllowed));
}

#[test]
fn a_template_goes_out_at_any_time_if_there_is_such_a_one() {
    for last in [None, Some(at(0))] {
        assert_eq!(can_send(&whatsapp(), last, at(90 * DAY_S), &template("order_update_2")), Ok(()));
        let unknown = can_send(&whatsapp(), last, at(1), &template("order_update_3"));
        assert_eq!(unknown, Err(Refusal::TemplateNotAllowed));
        assert_eq!(can_send(&messenger(), last, at(1), &template("x")), Err(Refusal::TemplateNotAllowed));
        let any = Capability { templates: Templates::Any, ..whatsapp() };
        assert_eq!(can_send(&any, last, at(1), &template("x")), Ok(()));
    }
}

#[test]
fn who_never_wrote_has_opened_nothing() {
    assert_eq!(can_send(&whatsapp(), None, at(1), &Form::Free), Err(Refusal::NeverWritten));
    assert_eq!(can_send(&messenger(), None, at(1), &tag("human_agent")), Err(Refusal::NeverWritten));
    assert_eq!(can_send(&messenger(), None, at(1), &tag("account_update")), Ok(()));
    assert_eq!(can_send(&Capability::default(), None, at(1), &Form::Free), Ok(()), "no window, as in mail");
}

#[test]
fn where_we_only_listen_nothing_is_sent() {
    let press = Capability { listen_only: true, templates: Templates::Any, ..Capability::default() };
    for form in [Form::Free, template("x"), tag("x")] {
        assert_eq!(can_send(&press, Some(at(0)), at(1), &form), Err(Refusal::ListenOnly));
    }
}

proptest! {
    /// Once closed, closed for ever; and it names the instant that divides.
    #[test]
    fn a_window_closes_once(window_s in any::<i64>(), last in any::<i64>(), now in any::<i64>(), later in 0i64..) {
        let capability = Capability { window_s: Some(window_s), ..Capability::default() };
        let send = |now| can_send(&capability, Some(at(last)), now, &Form::Free);
        if let Err(refusal) = send(at(now)) {
            let Refusal::WindowClosed { closed_at } = refusal else { panic!("{refusal}") };
            prop_assert!(closed_at <= at(now));
            prop_assert_eq!(send(at(now).plus_seconds(later)), Err(Refusal::WindowClosed { closed_at }));
            if let Some(before) = Timestamp::from_microsecond(closed_at.as_microsecond() - 1) {
                prop_assert_eq!(send(before), Ok(()));
            }
        }
    }
}
