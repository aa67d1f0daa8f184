//! What is said of a customer, and is wrong in one field: which one; and nothing is written.

use proto::cases::v1 as pb;
use tests::{
    desk::{message, seconds, wrong_field},
    world::{World, command_id},
};

const LINK: pb::Purpose = pb::Purpose::LinkProfiles;
/// An identity that nobody has.
const NOBODY: &str = "forum_0123456789abcdef";

fn consent(customer: &str) -> pb::GiveConsentRequest {
    pb::GiveConsentRequest {
        command_id: command_id(),
        customer: customer.into(),
        purpose: LINK.into(),
        text_version: 3,
        ..Default::default()
    }
}

fn link(customer: &str, identity: &str, consent: &str) -> pb::LinkIdentityRequest {
    pb::LinkIdentityRequest {
        command_id: command_id(),
        customer: customer.into(),
        identity: identity.into(),
        consent_id: consent.into(),
        ..Default::default()
    }
}

fn opt_out(customer: &str) -> pb::OptOutRequest {
    pb::OptOutRequest {
        command_id: command_id(),
        customer: customer.into(),
        purpose: LINK.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_field_that_is_wrong_is_named() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let ada = case.customer.as_str();
    let mut ana = world.caller("ana", &[]);
    let mark = world.mark().await;

    for number in [0, 6, -1] {
        let wrong = pb::OptOutRequest { purpose: number, ..opt_out(ada) };
        wrong_field(ana.customers.opt_out(wrong).await, "purpose");
        let wrong = pb::OptInRequest {
            command_id: command_id(),
            customer: ada.into(),
            purpose: number,
            ..Default::default()
        };
        wrong_field(ana.customers.opt_in(wrong).await, "purpose");
        let wrong = pb::GiveConsentRequest { purpose: number, ..consent(ada) };
        wrong_field(ana.customers.give_consent(wrong).await, "purpose");
    }
    let wrong = pb::GiveConsentRequest { text_version: 0, ..consent(ada) };
    wrong_field(ana.customers.give_consent(wrong).await, "text_version");
    for at in [seconds(i64::MAX), seconds(9_000_000_000)] {
        let wrong = pb::GiveConsentRequest { given_at: Some(at), ..consent(ada) };
        wrong_field(ana.customers.give_consent(wrong).await, "given_at");
    }
    let revoke = pb::RevokeConsentRequest {
        command_id: command_id(),
        customer: ada.into(),
        consent_id: "7".into(),
        ..Default::default()
    };
    wrong_field(ana.customers.revoke_consent(revoke).await, "consent_id");
    wrong_field(ana.customers.link_identity(link(ada, NOBODY, "7")).await, "consent_id");
    for identity in ["", ada, NOBODY] {
        wrong_field(ana.customers.link_identity(link(ada, identity, &command_id())).await, "identity");
    }
    for customer in ["", "ada", "a\0b", "LOC-1", "'; drop table identity"] {
        wrong_field(ana.customers.opt_out(opt_out(customer)).await, "customer");
        let get = pb::GetCustomerRequest { customer: customer.into(), ..Default::default() };
        wrong_field(ana.customers.get_customer(get).await, "customer");
    }
    let wrong = pb::OptOutRequest { command_id: "7".into(), ..opt_out(ada) };
    wrong_field(ana.customers.opt_out(wrong).await, "command_id");
    for position in ["7", "local.2.1", "\0"] {
        let wrong = pb::OptOutRequest { expected_position: position.into(), ..opt_out(ada) };
        wrong_field(ana.customers.opt_out(wrong).await, "expected_position");
        let get = pb::GetCustomerRequest { customer: ada.into(), ..Default::default() };
        let wrong = pb::GetCustomerRequest { as_of: position.into(), ..get.clone() };
        wrong_field(ana.customers.get_customer(wrong).await, "as_of");
        let wrong = pb::GetCustomerRequest { at_least: position.into(), ..get };
        wrong_field(ana.customers.get_customer(wrong).await, "at_least");
    }
    world.nothing_since(mark).await;
    world.end().await;
}
