use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::testing::{Given, given},
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn command(second: i64, action: Action) -> Command {
    Command::new(
        at(second),
        Actor::new(Kind::Human, "ana".parse().unwrap(), "session".parse().unwrap()),
        action,
    )
}

fn id(n: u32) -> IdentityId {
    format!("mail-fr_{n:016}").parse().unwrap()
}

fn identity(n: u32) -> Box<Identity> {
    let (account, channel) = ("mail-fr".parse().unwrap(), "email".parse().unwrap());
    let name = Some(Personal::open(id(n).as_str(), "somebody"));
    Box::new(Identity { id: id(n), account, channel, name, handle: None, address: None })
}

fn consent_id(n: u128) -> ConsentId {
    ConsentId(Uuid::from_u128(n))
}

fn consent(n: u128, purpose: Purpose) -> Consent {
    Consent { id: consent_id(n), identity: id(1), purpose, text_version: 4, given_at: at(2) }
}

fn link(n: u32, consent: u128) -> Command {
    command(5, Action::LinkIdentity { identity: identity(n), consent: consent_id(consent) })
}

fn met() -> Given<State> {
    given::<State>(&[])
        .when(command(1, Action::AddIdentity(identity(1))))
        .then_kinds(&["customer.identity_added"])
}

#[test]
fn profiles_are_linked_with_consent_only_and_unlinked_when_it_is_taken_back() {
    met()
        .when(command(2, Action::AddIdentity(identity(2))))
        .then_refused(&Error::ConsentNeeded)
        .when(link(2, 7))
        .then_refused(&Error::UnknownConsent)
        .when(command(3, Action::GiveConsent(consent(7, Purpose::Marketing))))
        .then_kinds(&["customer.consent_given"])
        .when(link(2, 7))
        .then_refused(&Error::ConsentForAnotherPurpose)
        .when(command(3, Action::GiveConsent(consent(7, Purpose::LinkProfiles))))
        .then_refused(&Error::ConsentDiffers)
        .when(command(4, Action::GiveConsent(consent(8, Purpose::LinkProfiles))))
        .then_kinds(&["customer.consent_given"])
        .when(link(2, 8))
        .then_kinds(&["customer.identity_linked"])
        .when(link(3, 8))
        .then_kinds(&["customer.identity_linked"])
        .when(command(9, Action::RevokeConsent { consent: consent_id(8) }))
        .then(&[
            Event::ConsentRevoked { at: at(9), consent: consent_id(8) },
            Event::IdentityUnlinked { at: at(9), identity: id(2), consent: consent_id(8) },
            Event::IdentityUnlinked { at: at(9), identity: id(3), consent: consent_id(8) },
        ])
        .when(link(2, 8))
        .then_refused(&Error::ConsentRevoked);
}

#[test]
fn a_consent_comes_from_one_of_the_customers_identities() {
    let from_a_stranger = Consent { identity: id(9), ..consent(7, Purpose::Survey) };
    met()
        .when(command(3, Action::GiveConsent(from_a_stranger)))
        .then_refused(&Error::UnknownIdentity)
        .when(command(3, Action::RevokeConsent { consent: consent_id(7) }))
        .then_refused(&Error::UnknownConsent);
}

#[test]
fn who_wants_no_contact_gets_none_until_he_wants_it_again() {
    let out = |purpose| command(3, Action::OptOut { identity: id(1), purpose });
    let back = |purpose| command(4, Action::OptIn { identity: id(1), purpose });
    let state = met()
        .when(out(Purpose::Survey))
        .then_kinds(&["customer.opted_out"])
        .when(out(Purpose::Any))
        .then_kinds(&["customer.opted_out"])
        .0;
    assert!(state.is_opted_out(&id(1), Purpose::Service), "everything is everything");
    assert!(!state.is_opted_out(&id(2), Purpose::Service), "where it was said");
    let state = Given(state)
        .when(back(Purpose::Survey))
        .then_refused(&Error::OptedOutOfAll)
        .when(back(Purpose::Any))
        .then_kinds(&["customer.opted_in"])
        .when(back(Purpose::Survey))
        .then_nothing()
        .when(out(Purpose::Marketing))
        .then_kinds(&["customer.opted_out"])
        .0;
    assert!(state.is_opted_out(&id(1), Purpose::Marketing) && !state.is_opted_out(&id(1), Purpose::Survey));
    Given(state).when(back(Purpose::Marketing)).then_kinds(&["customer.opted_in"]);
}

#[test]
fn names_become_known_each_time() {
    met()
        .when(command(3, Action::DescribeIdentity(identity(1))))
        .then_kinds_each_time(&["customer.identity_described"])
        .when(command(3, Action::DescribeIdentity(identity(2))))
        .then_refused(&Error::UnknownIdentity);
}

#[test]
fn somebody_of_whom_was_only_spoken_is_called_something_later() {
    let bare = || Box::new(Identity { name: None, ..*identity(1) });
    let described = |state: &State| state.identities[&id(1)].described;
    let Given(state) = given::<State>(&[])
        .when(command(1, Action::AddIdentity(bare())))
        .then_kinds(&["customer.identity_added"])
        .when(command(2, Action::DescribeIdentity(bare())))
        .then_kinds_each_time(&["customer.identity_described"]);
    assert!(!described(&state));
    let Given(state) = Given(state)
        .when(command(3, Action::DescribeIdentity(identity(1))))
        .then_kinds_each_time(&["customer.identity_described"]);
    assert!(described(&state) && described(&met().0));
}

#[test]
fn after_an_erasure_only_a_refusal_is_heard() {
    given::<State>(&[]).when(command(1, Action::Erase)).then_refused(&Error::Unknown);
    let state = met()
        .when(command(3, Action::OptOut { identity: id(1), purpose: Purpose::Any }))
        .then_kinds(&["customer.opted_out"])
        .when(command(9, Action::Erase))
        .then(&[Event::Erased { at: at(9), identities: BTreeSet::from([id(1)]) }])
        .when(command(10, Action::DescribeIdentity(identity(1))))
        .then_refused(&Error::Erased)
        .when(command(10, Action::OptIn { identity: id(1), purpose: Purpose::Any }))
        .then_refused(&Error::Erased)
        .when(command(10, Action::OptOut { identity: id(1), purpose: Purpose::Survey }))
        .then_kinds(&["customer.opted_out"])
        .0;
    assert!(state.is_opted_out(&id(1), Purpose::Service));
}

#[test]
fn there_is_a_limit_to_everything() {
    let linked = |n: u32| Event::IdentityLinked { at: at(5), identity: identity(n), consent: consent_id(8) };
    let given_consent = Event::ConsentGiven { at: at(2), consent: consent(8, Purpose::LinkProfiles) };
    let most = u32::try_from(IDENTITIES_MAX).unwrap();
    let events: Vec<Event> = [given_consent].into_iter().chain((1..=most).map(linked)).collect();
    given::<State>(&events)
        .when(link(most + 1, 8))
        .then_refused(&Error::LimitExceeded { what: "identities of a customer", max: IDENTITIES_MAX });
}
