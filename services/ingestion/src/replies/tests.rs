//! What a refusal means to who drives a delivery, and for what a reply is.

use domain::{
    customer::Purpose,
    delivery::Error as E,
    outbound::{Form, Refusal, Template},
    policy::account,
    time::Timestamp,
};

use super::{drive::purpose, is_overtaken};

#[test]
fn a_template_of_an_account_with_news_is_news() {
    let template = Form::Template(Template {
        name: "summer_sale".parse().unwrap(),
        language: None,
        parameters: Vec::new(),
        named: std::collections::BTreeMap::new(),
    });
    let tag = Form::Tag { name: "human_agent".parse().unwrap() };
    for (form, of_news) in
        [(template, Purpose::Marketing), (tag, Purpose::Service), (Form::Free, Purpose::Service)]
    {
        assert_eq!(purpose(account::Purpose::Marketing, &form), of_news, "{form:?}");
        assert_eq!(purpose(account::Purpose::Care, &form), Purpose::Service, "{form:?}");
    }
}

#[test]
fn what_a_person_did_meanwhile_is_looked_at_and_not_set_aside() {
    let until = Timestamp::UNIX_EPOCH;
    for refusal in [
        E::Cancelled,
        E::Refused(Refusal::ListenOnly),
        E::Dead,
        E::AlreadySent,
        E::OutOfOrder,
        E::Running,
        E::TooEarly { until },
        E::OutcomeUnclear,
    ] {
        assert!(is_overtaken(&refusal), "{refusal:?}");
    }
    // Looked at again, it would be the same again.
    for refusal in
        [E::LimitExceeded { what: "attempts at a reply", max: 1 }, E::UnknownPart, E::NoBasis, E::Unknown]
    {
        assert!(!is_overtaken(&refusal), "{refusal:?}");
    }
}
