//! Whose a case is: of who began it, whoever else takes part.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::{cases::v1 as pb, ingestion::v1::Message};
use tests::{
    desk::{message, refused},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::erasure::erase;

const NO: Code = Code::FailedPrecondition;

fn answer(id: &str, to: &str, author: &str, text: &str) -> Message {
    Message { reply_to: to.into(), ..message(id, author, text) }
}

/// The customer agrees that what we know of him on several channels is joined, and another identity is.
pub async fn link(world: &World, identity: &str, other: &str) {
    let mut root = world.administrator();
    let consent = pb::GiveConsentRequest {
        command_id: command_id(),
        customer: identity.into(),
        purpose: pb::Purpose::LinkProfiles.into(),
        text_version: 1,
        ..Default::default()
    };
    let consent_id = root.customers.give_consent(consent).await.expect("he agrees").into_inner().created_id;
    let link = pb::LinkIdentityRequest {
        command_id: command_id(),
        customer: identity.into(),
        identity: other.into(),
        consent_id,
        ..Default::default()
    };
    root.customers.link_identity(link).await.expect("the identities are linked");
}

async fn note(root: &mut Caller, case: &str, text: &str) {
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: text.into(),
        ..Default::default()
    };
    root.cases.add_note(note).await.unwrap();
}

/// Two threads of the same two people, each begun by another: whichever of them comes first in some order of identities,
/// in one of the threads it is the bystander.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_of_two_is_of_who_began_it_and_is_erased_with_that_one() {
    let world = World::start().await;
    let mut root = world.administrator();
    let mut cases = Vec::new();
    for (began, joined) in [("ada", "ben"), ("ben", "ada")] {
        let first = format!("m-{began}");
        let case = world.receive_one("forum", message(&first, began, &format!("{began}: a quokka"))).await;
        let me_too = answer(&format!("too-{joined}"), &first, joined, &format!("{joined}: me too"));
        let both = world.receive_one("forum", me_too).await;
        assert_eq!(both.case_id, case.case_id);
        let name = format!("Name of {began}");
        assert_eq!((&both.customer, &both.customer_name), (&case.customer, &name), "in the case");
        let listed = root.list(pb::ListCasesRequest::default()).await;
        let listed = listed.iter().find(|listed| listed.case_id == case.case_id).unwrap();
        assert_eq!((&listed.customer, &listed.customer_name), (&case.customer, &name), "in the list");
        note(&mut root, &case.case_id, &format!("{began} was called")).await;
        cases.push(both);
    }
    let [of_ada, of_ben] = &cases[..] else { panic!("two cases") };

    erase(&world, &of_ben.customer).await;
    let said = |case: &pb::Case| case.timeline.iter().map(|item| item.text.clone()).collect::<Vec<_>>();
    let kept = root.case(&of_ada.case_id).await;
    assert_eq!(kept.title, "ada: a quokka");
    let mut words = said(&kept);
    words.sort_unstable();
    assert_eq!(words, ["[erased]", "ada was called", "ada: a quokka"], "only what Ben said is gone");
    let gone = root.case(&of_ben.case_id).await;
    assert_eq!((gone.title.as_str(), gone.customer_name.as_str()), ("[erased]", ""));
    let mut words = said(&gone);
    words.sort_unstable();
    assert_eq!(words, ["[erased]", "[erased]", "ada: me too"], "what is said of Ben is gone with him");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_that_share_a_bystander_are_of_different_customers() {
    let world = World::start().await;
    let mut root = world.administrator();
    let mut ids = Vec::new();
    for author in ["ada", "ben"] {
        let first = format!("m-{author}");
        ids.push(world.receive_one("forum", message(&first, author, "It leaks")).await.case_id);
        world.receive_one("forum", answer(&format!("too-{author}"), &first, "cleo", "Mine too")).await;
    }
    let merge = |from: &str, into: &str| pb::MergeRequest {
        command_id: command_id(),
        case_id: from.into(),
        into_case_id: into.into(),
        ..Default::default()
    };
    refused(root.cases.merge(merge(&ids[0], &ids[1])).await, NO, "MERGE_CUSTOMERS_DIFFER");

    // The same person elsewhere is another customer, unless he agreed that we know that he is not.
    let forum = root.case(&ids[0]).await;
    let chat = world.receive_one("chat", message("c-1", "ada", "It still leaks")).await;
    refused(root.cases.merge(merge(&chat.case_id, &ids[0])).await, NO, "MERGE_CUSTOMERS_DIFFER");
    link(&world, &forum.customer, &chat.customer).await;
    root.cases.merge(merge(&chat.case_id, &ids[0])).await.unwrap();
    world.end().await;
}
