//! What customers say of themselves: consents, opt-outs, who else they are; who sees that, and what is left of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::collections::BTreeSet;

use proto::cases::v1 as pb;
use serde_json::json;
use tests::{
    desk::{SENT_AT_S, message, refused, seconds, wrong_field},
    http::Json,
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::{erasure::erase, opt_outs::opt_in};

const LINK: pb::Purpose = pb::Purpose::LinkProfiles;

fn consent(customer: &str, purpose: pb::Purpose) -> pb::GiveConsentRequest {
    pb::GiveConsentRequest {
        command_id: command_id(),
        customer: customer.into(),
        purpose: purpose.into(),
        text_version: 3,
        ..Default::default()
    }
}

fn revoke(customer: &str, consent: &str) -> pb::RevokeConsentRequest {
    pb::RevokeConsentRequest {
        command_id: command_id(),
        customer: customer.into(),
        consent_id: consent.into(),
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

/// He wants no more of something.
pub fn opt_out(customer: &str, purpose: pb::Purpose) -> pb::OptOutRequest {
    pb::OptOutRequest {
        command_id: command_id(),
        customer: customer.into(),
        purpose: purpose.into(),
        ..Default::default()
    }
}

/// The customer as he is, or was, and up to where that has read.
pub async fn shown(caller: &mut Caller, customer: &str, as_of: &str) -> (pb::Customer, String) {
    let request =
        pb::GetCustomerRequest { customer: customer.into(), as_of: as_of.into(), ..Default::default() };
    let answer = caller.customers.get_customer(request).await.unwrap().into_inner();
    (answer.customer.unwrap(), answer.position)
}

fn identities(customer: &pb::Customer) -> Vec<&str> {
    customer.identities.iter().map(|one| one.identity.as_str()).collect()
}

tests::on_both_stores! {
    identities_are_one_customer_while_he_agrees,
    a_customer_is_seen_by_who_sees_one_of_his_cases,
    what_an_erased_customer_said_stays_and_how_he_was_called_does_not,
}

async fn identities_are_one_customer_while_he_agrees(world: World) {
    let forum = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let chat = world.receive_one("chat", message("m-2", "ada", "It still leaks")).await;
    let (ada, also) = (forum.customer.as_str(), chat.customer.as_str());
    let mut root = world.administrator();
    let (alone, _) = shown(&mut root, ada, "").await;
    assert_eq!(identities(&alone), [ada]);
    let met = &alone.identities[0];
    assert_eq!((met.account.as_str(), met.channel.as_str()), ("forum", forum.channel.as_str()));
    assert_eq!((met.name.as_str(), met.handle.as_str()), ("Name of ada", "@ada"));

    // Nothing links them but a consent to that, given before by one of the two.
    let no = Code::FailedPrecondition;
    refused(root.customers.link_identity(link(ada, also, &command_id())).await, no, "CONSENT_UNKNOWN");
    let marketing = root.customers.give_consent(consent(ada, pb::Purpose::Marketing)).await.unwrap();
    let marketing = marketing.into_inner().created_id;
    refused(root.customers.link_identity(link(ada, also, &marketing)).await, no, "CONSENT_PURPOSE_DIFFERS");
    let then = Some(seconds(SENT_AT_S));
    let given = pb::GiveConsentRequest { given_at: then, ..consent(also, LINK) };
    let agreed = root.customers.give_consent(given.clone()).await.unwrap().into_inner();
    assert!(agreed.changed && agreed.customer == also);
    assert_eq!(root.customers.give_consent(given.clone()).await.unwrap().into_inner(), agreed);
    let other = pb::GiveConsentRequest { text_version: 4, ..given };
    refused(root.customers.give_consent(other).await, Code::InvalidArgument, "COMMAND_ID_REUSED");
    let linking = link(ada, also, &agreed.created_id);
    let linked = root.customers.link_identity(linking.clone()).await.unwrap().into_inner();
    assert!(linked.changed);
    assert_eq!(root.customers.link_identity(linking.clone()).await.unwrap().into_inner(), linked);
    let twice = root.customers.link_identity(link(also, ada, &agreed.created_id)).await.unwrap();
    assert!(!twice.into_inner().changed, "it is linked already");

    // Whichever is asked for, all of him is told.
    root.ids(pb::Filter::default(), &linked.position).await;
    let both: BTreeSet<&str> = [ada, also].into();
    for (asked, other) in [(ada, also), (also, ada)] {
        let (customer, _) = shown(&mut root, asked, "").await;
        assert_eq!(identities(&customer), [asked, other]);
        let second = &customer.identities[1];
        assert_eq!((&second.linked_under, second.name.as_str()), (&agreed.created_id, "Name of ada"));
        let cases: BTreeSet<_> = customer.cases.iter().map(|case| case.case_id.clone()).collect();
        assert_eq!(cases, [forum.case_id.clone(), chat.case_id.clone()].into());
        let purposes: BTreeSet<_> =
            customer.consents.iter().map(|one| (one.identity.as_str(), one.purpose())).collect();
        assert_eq!(purposes, [(ada, pb::Purpose::Marketing), (also, LINK)].into());
        assert_eq!(customer.consents[0].given_at, then);
        assert!(customer.consents.iter().all(|one| one.text_version == 3 && one.revoked_at.is_none()));
    }
    let merge = |from: &pb::Case, into: &pb::Case| pb::MergeRequest {
        command_id: command_id(),
        case_id: from.case_id.clone(),
        into_case_id: into.case_id.clone(),
        ..Default::default()
    };
    root.cases.merge(merge(&chat, &forum)).await.unwrap();
    let apart =
        pb::UnmergeRequest { command_id: command_id(), case_id: chat.case_id.clone(), ..Default::default() };
    root.cases.unmerge(apart).await.unwrap();

    // Taken back: from then on they are two again, and each is called as before.
    let elsewhere = root.customers.revoke_consent(revoke(ada, &agreed.created_id)).await;
    refused(elsewhere, no, "CONSENT_UNKNOWN");
    let revoking = revoke(also, &agreed.created_id);
    let revoked = root.customers.revoke_consent(revoking.clone()).await.unwrap().into_inner();
    assert!(revoked.changed);
    assert_eq!(root.customers.revoke_consent(revoking).await.unwrap().into_inner(), revoked);
    assert_eq!(root.customers.link_identity(linking).await.unwrap().into_inner(), linked, "that was done");
    let again = root.customers.link_identity(link(ada, also, &agreed.created_id)).await;
    refused(again, no, "CONSENT_REVOKED");
    root.ids(pb::Filter::default(), &revoked.position).await;
    for asked in [ada, also] {
        let (customer, _) = shown(&mut root, asked, "").await;
        assert_eq!(identities(&customer), [asked]);
        let (then, position) = shown(&mut root, asked, &linked.position).await;
        assert_eq!(
            (identities(&then).into_iter().collect(), position),
            (both.clone(), linked.position.clone())
        );
    }
    let (customer, _) = shown(&mut root, also, "").await;
    assert!(customer.consents[0].revoked_at.is_some());
    refused(root.cases.merge(merge(&chat, &forum)).await, no, "MERGE_CUSTOMERS_DIFFER");
    let listed = root.list(pb::ListCasesRequest::default()).await;
    assert!(listed.iter().all(|case| case.customer_name == "Name of ada"), "{listed:?}");
    let (before, after) = root.rebuild().await;
    assert_eq!(before, after, "the read model is what a rebuild makes of the log");
    world.end().await;
}

async fn a_customer_is_seen_by_who_sees_one_of_his_cases(world: World) {
    let forum = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let chat = world.receive_one("chat", message("m-2", "ada", "It still leaks")).await;
    let (ada, also) = (forum.customer.as_str(), chat.customer.as_str());
    let (mut root, mut ana) = (world.administrator(), world.caller("ana", &[]));
    let agreed = ana.customers.give_consent(consent(ada, LINK)).await.unwrap().into_inner().created_id;
    // Who does not see the other one cannot link him.
    wrong_field(ana.customers.link_identity(link(ada, also, &agreed)).await, "identity");
    let linked = root.customers.link_identity(link(ada, also, &agreed)).await.unwrap().into_inner();
    root.customers.opt_out(opt_out(also, pb::Purpose::Survey)).await.unwrap();

    let mark = world.mark().await;
    for person in ["sol", "yan"] {
        let caller = world.caller(person, &[]);
        let json = Json::new(world.platform.http, Some(&caller.token));
        for customer in [ada, "forum_0123456789abcdef"] {
            for (method, mut request) in commands(ada, also, &agreed) {
                request["customer"] = customer.into();
                let answer = json.call(&format!("dossier.cases.v1.Customers/{method}"), &request).await;
                let (code, reason, _) = answer.error();
                let denied = (code.as_str(), reason.as_str()) == ("permission_denied", "NOT_ALLOWED");
                let missing = (code.as_str(), reason.as_str()) == ("not_found", "NOT_FOUND");
                assert!(missing || denied, "{method}: {}", answer.text);
                assert!(!answer.text.contains("Name of"), "{}", answer.text);
            }
        }
    }
    // Guests read, and compliance reads everything.
    for person in ["gus", "cleo"] {
        let mut caller = world.caller(person, &[]);
        assert_eq!(shown(&mut caller, ada, "").await.0.identities[0].name, "Name of ada", "{person}");
        let answer = caller.customers.opt_out(opt_out(ada, LINK)).await;
        refused(answer, Code::PermissionDenied, "NOT_ALLOWED");
    }
    world.nothing_since(mark).await;

    // Of the other one she learns that he is linked, and nothing else.
    root.ids(pb::Filter::default(), &linked.position).await;
    let (customer, _) = shown(&mut ana, ada, "").await;
    let hidden = pb::customer::Identity { hidden: true, linked_under: agreed, ..Default::default() };
    assert_eq!(customer.identities[1..], [hidden]);
    assert!(customer.opted_out.is_empty());
    assert_eq!(customer.cases.len(), 1);
    assert_eq!((&customer.cases[0].case_id, &customer.cases[0].number), (&forum.case_id, &forum.number));
    let get = pb::GetCustomerRequest { customer: also.into(), ..Default::default() };
    refused(ana.customers.get_customer(get).await, Code::NotFound, "NOT_FOUND");
    world.end().await;
}

/// A right request for each method.
fn commands(ada: &str, other: &str, consent: &str) -> Vec<(&'static str, serde_json::Value)> {
    let commands = vec![
        ("GiveConsent", json!({ "purpose": "PURPOSE_SURVEY", "textVersion": 1 })),
        ("RevokeConsent", json!({ "consentId": consent })),
        ("LinkIdentity", json!({ "identity": other, "consentId": consent })),
        ("OptOut", json!({ "purpose": "PURPOSE_ANY" })),
        ("OptIn", json!({ "purpose": "PURPOSE_ANY" })),
    ];
    let with_ids = commands.into_iter().map(|(method, mut request)| {
        request["commandId"] = command_id().into();
        (method, request)
    });
    let all: Vec<_> = with_ids.chain([("GetCustomer", json!({ "customer": ada }))]).collect();
    let contract = include_str!("../../../proto/dossier/cases/v1/customers.proto");
    let methods = contract.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
    assert!(methods.eq(all.iter().map(|(method, _)| *method)), "every method of the contract is here");
    all
}

async fn what_an_erased_customer_said_stays_and_how_he_was_called_does_not(world: World) {
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let ada = case.customer.as_str();
    let mut root = world.administrator();
    root.customers.give_consent(consent(ada, pb::Purpose::Marketing)).await.unwrap();
    root.customers.opt_out(opt_out(ada, pb::Purpose::Survey)).await.unwrap();
    let (before, position) = shown(&mut root, ada, "").await;
    assert_eq!(before.identities[0].name, "Name of ada");

    let erased = erase(&world, ada).await;
    root.ids(pb::Filter::default(), &erased).await;
    for as_of in ["", position.as_str()] {
        let (customer, _) = shown(&mut root, ada, as_of).await;
        let him = &customer.identities[0];
        assert_eq!((him.name.as_str(), him.handle.as_str()), ("[erased]", "[erased]"));
        assert_eq!(him.erased_at.is_some(), as_of.is_empty());
        assert_eq!((&customer.consents, &customer.opted_out), (&before.consents, &before.opted_out));
    }
    // A refusal is heard after an erasure too; a permission is not.
    assert!(root.customers.opt_out(opt_out(ada, pb::Purpose::Any)).await.unwrap().into_inner().changed);
    let no = Code::FailedPrecondition;
    refused(root.customers.opt_in(opt_in(ada, pb::Purpose::Any)).await, no, "CUSTOMER_ERASED");
    refused(root.customers.give_consent(consent(ada, LINK)).await, no, "CUSTOMER_ERASED");
    world.end().await;
}
