//! What a merged case shows of the other one, and what it asks for.

use proto::{
    cases::v1::{self as pb, list_cases_request::Order},
    ingestion::v1::Direction,
};
use tests::{
    desk::{SENT_AT_S, message, refused, seconds},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::rules;

async fn merge(ana: &mut Caller, case: &str, into: &str) -> pb::CommandResponse {
    let request = pb::MergeRequest {
        command_id: command_id(),
        case_id: case.into(),
        into_case_id: into.into(),
        ..Default::default()
    };
    ana.cases.merge(request).await.expect("the cases are merged").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_of_both_is_the_first_answer() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let source = world.receive_one("forum", message("m-1", "ada", "It does not boil")).await.case_id;
    let target = world.receive_one("forum", message("m-2", "ada", "My kettle again")).await.case_id;
    let answered = seconds(SENT_AT_S + 60);
    let mut answer = message("o-1", "care", "Is it plugged in?");
    answer.direction = Direction::Outbound.into();
    (answer.reply_to, answer.sent_at) = ("m-1".into(), Some(answered));
    world.receive("forum", vec![answer]).await;
    assert_eq!(ana.case(&source).await.first_response_at, Some(answered));
    assert_eq!(ana.case(&target).await.first_response_at, None);

    merge(&mut ana, &source, &target).await;
    let one = ana.case(&target).await;
    assert_eq!(one.first_response_at, Some(answered));
    let list =
        pb::ListCasesRequest { at_least: one.position, order: Order::OpenedAsc.into(), ..Default::default() };
    let listed = ana.list(list).await;
    let listed = listed.iter().find(|case| case.case_id == target).unwrap();
    assert_eq!(listed.first_response_at, Some(answered));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_place_that_a_resolution_asks_for_is_shown() {
    const REQUIRED: &str = "[[case]]\nlevel = \"region/north\"\nclosing_post = \"required\"\n";
    let world = World::start().await;
    dossier::sample::apply(&world.platform, rules::files(&[REQUIRED])).await.unwrap();
    let mut ana = world.caller("ana", &[]);
    let source = world.receive_one("forum", message("m-1", "ada", "It does not boil")).await;
    let target = world.receive_one("forum", message("m-2", "ada", "My kettle again")).await;
    let id = target.case_id.as_str();
    merge(&mut ana, &source.case_id, id).await;

    let mut places = ana.case(id).await.places;
    places.sort_by_key(|place| place.conversation_id != source.places[0].conversation_id);
    assert_eq!(places, [source.places[0].clone(), target.places[0].clone()]);
    let resolve = |waivers| pb::ResolveRequest {
        command_id: command_id(),
        case_id: id.into(),
        waivers,
        ..Default::default()
    };
    let missing =
        refused(ana.cases.resolve(resolve(vec![])).await, Code::FailedPrecondition, "CLOSING_POST_MISSING");
    assert!(places.iter().all(|place| missing.message().contains(&place.place)), "{missing:?}");

    // One gets its post where it is shown to be, the other a reason why not.
    let post = pb::ReplyRequest {
        command_id: command_id(),
        case_id: id.into(),
        text: "Done".into(),
        conversation_id: places[0].conversation_id.clone(),
        closing: true,
        ..Default::default()
    };
    ana.cases.reply(post).await.unwrap();
    let waiver = pb::Waiver { place: places[1].place.clone(), reason: "thread-locked".into() };
    ana.cases.resolve(resolve(vec![waiver])).await.unwrap();
    let told = |case: pb::Case| -> Vec<(String, bool, bool)> {
        let places = case.places.into_iter();
        places.map(|place| (place.conversation_id, place.has_closing_post, place.waived)).collect()
    };
    let mut both =
        [(places[0].conversation_id.clone(), true, false), (places[1].conversation_id.clone(), false, true)];
    both.sort_by_key(|(conversation, ..)| {
        (places.iter().find(|place| place.conversation_id == *conversation)).map(|place| place.place.clone())
    });
    assert_eq!(told(ana.case(id).await), both);
    let reopen = pb::ReopenRequest { command_id: command_id(), case_id: id.into(), ..Default::default() };
    ana.cases.reopen(reopen).await.unwrap();
    assert!(told(ana.case(id).await).iter().all(|(.., waived)| !waived), "it is asked for again");
    world.end().await;
}
