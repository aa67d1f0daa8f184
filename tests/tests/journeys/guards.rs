//! What stands in the way of a resolution, one thing after the other, and that each is named.

use proto::cases::v1::{self as pb, field_value::Kind};
use tests::{
    desk::{message, refused, wrong_field},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::rules;

async fn resolve(caller: &mut Caller, case: &str, waivers: Vec<pb::Waiver>) -> Result<(), tonic::Status> {
    let request =
        pb::ResolveRequest { command_id: command_id(), case_id: case.into(), waivers, ..Default::default() };
    caller.cases.resolve(request).await.map(drop)
}

async fn set(caller: &mut Caller, case: &str, field: &str, value: &str) {
    let value = pb::FieldValue { kind: Some(Kind::Text(value.into())) };
    let request = pb::SetFieldsRequest {
        command_id: command_id(),
        case_id: case.into(),
        fields: [(field.to_owned(), value)].into(),
        ..Default::default()
    };
    caller.cases.set_fields(request).await.expect("the field is set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_resolved_when_everything_is_in_order() {
    let world = World::start().await;
    rules::apply(&world).await;
    let case = world.receive_one("chat", message("m-1", "ben", "It leaks")).await;
    let id = case.case_id.as_str();
    let mut sol = world.caller("sol", &[]);
    let no = Code::FailedPrecondition;

    let mark = world.mark().await;
    let missing = refused(resolve(&mut sol, id, vec![]).await, no, "REQUIRED_FIELDS_MISSING");
    assert!(missing.message().contains("order"), "{missing:?}");
    world.nothing_since(mark).await;
    set(&mut sol, id, "order", "A-7").await;
    refused(resolve(&mut sol, id, vec![]).await, no, "CATEGORY_MISSING");
    let category = |category: &str| pb::SetCategoryRequest {
        command_id: command_id(),
        case_id: id.into(),
        category: category.into(),
        ..Default::default()
    };
    wrong_field(sol.cases.set_category(category("invented")).await, "category");
    sol.cases.set_category(category("defect")).await.unwrap();
    // The category brings a field of its own.
    let missing = refused(resolve(&mut sol, id, vec![]).await, no, "REQUIRED_FIELDS_MISSING");
    assert!(missing.message().contains("serial"), "{missing:?}");
    set(&mut sol, id, "serial", "S-1").await;
    refused(resolve(&mut sol, id, vec![]).await, no, "ASSIGNEE_MISSING");
    let assign = pb::AssignRequest {
        command_id: command_id(),
        case_id: id.into(),
        assignee: "me".into(),
        ..Default::default()
    };
    sol.cases.assign(assign).await.unwrap();
    refused(resolve(&mut sol, id, vec![]).await, no, "CHECKLIST_OPEN");
    let tick = pb::CheckItemRequest {
        command_id: command_id(),
        case_id: id.into(),
        item: "told".into(),
        done: true,
        ..Default::default()
    };
    sol.cases.check_item(tick).await.unwrap();
    let place = case.places[0].place.clone();
    let missing = refused(resolve(&mut sol, id, vec![]).await, no, "CLOSING_POST_MISSING");
    assert!(missing.message().contains(&place), "{missing:?}");
    let waiver = |place: &str, reason: &str| pb::Waiver { place: place.into(), reason: reason.into() };
    refused(
        resolve(&mut sol, id, vec![waiver("elsewhere/public", "gone")]).await,
        no,
        "CLOSING_POST_MISSING",
    );
    wrong_field(resolve(&mut sol, id, vec![waiver("nonsense", "gone")]).await, "waivers[0].place");
    wrong_field(resolve(&mut sol, id, vec![waiver(&place, "")]).await, "waivers[0].reason");
    resolve(&mut sol, id, vec![waiver(&place, "customer-satisfied")]).await.unwrap();
    assert_eq!(sol.case(id).await.status(), pb::Status::Resolved);
    let history = sol.history(id).await;
    let event = &history.last().unwrap().events[0];
    assert!(event.json.contains("customer-satisfied"), "the reason of the waiver is kept: {}", event.json);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_post_does_where_there_is_no_waiver() {
    let world = World::start().await;
    rules::apply(&world).await;
    let case = world.receive_one("chat", message("m-1", "ben", "Well done")).await;
    let id = case.case_id.as_str();
    let mut sol = world.caller("sol", &[]);
    set(&mut sol, id, "order", "A-8").await;
    let request = pb::SetCategoryRequest {
        command_id: command_id(),
        case_id: id.into(),
        category: "praise".into(),
        ..Default::default()
    };
    sol.cases.set_category(request).await.unwrap();
    let request = pb::AssignRequest {
        command_id: command_id(),
        case_id: id.into(),
        assignee: "sol".into(),
        ..Default::default()
    };
    sol.cases.assign(request).await.unwrap();
    let request = pb::CheckItemRequest {
        command_id: command_id(),
        case_id: id.into(),
        item: "told".into(),
        done: true,
        ..Default::default()
    };
    sol.cases.check_item(request).await.unwrap();
    let reply = |closing| pb::ReplyRequest {
        command_id: command_id(),
        case_id: id.into(),
        text: "Thank you".into(),
        closing,
        ..Default::default()
    };
    sol.cases.reply(reply(false)).await.unwrap();
    refused(resolve(&mut sol, id, vec![]).await, Code::FailedPrecondition, "CLOSING_POST_MISSING");
    sol.cases.reply(reply(true)).await.unwrap();
    assert!(sol.case(id).await.places[0].has_closing_post);
    resolve(&mut sol, id, vec![]).await.unwrap();
    world.end().await;
}

/// Teams with a closure checklist each.
const CHECKLISTS: &str = r#"
[[case]]
level = "team/north-care"
[case.checklist]
called = { text = "The customer was called" }
filed = { text = "It is on file", required = false }

[[case]]
level = "team/south-care"
[case.checklist]
called = { text = "The customer was called" }
told = { text = "The customer was told" }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checklist_is_that_of_the_team_that_closes() {
    let world = World::start().await;
    dossier::sample::apply(&world.platform, rules::files(&[CHECKLISTS])).await.unwrap();
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let id = case.case_id.as_str();
    let mut root = world.administrator();
    let shown = |case: &pb::Case| -> Vec<(String, bool, bool)> {
        let items = case.checklist.iter();
        items.map(|item| (item.item.clone(), item.done, item.required)).collect()
    };
    let item = |item: &str, done, required| (item.to_owned(), done, required);
    assert_eq!(shown(&case), [item("called", false, true), item("filed", false, false)]);
    let tick = |item: &str| pb::CheckItemRequest {
        command_id: command_id(),
        case_id: id.into(),
        item: item.into(),
        done: true,
        ..Default::default()
    };
    let no = Code::FailedPrecondition;
    refused(root.cases.check_item(tick("told")).await, no, "CHECKLIST_ITEM_UNKNOWN");
    root.cases.check_item(tick("called")).await.unwrap();
    let ticked = root.cases.check_item(tick("filed")).await.unwrap().into_inner();

    let transfer = pb::TransferRequest {
        command_id: command_id(),
        case_id: id.into(),
        team: "south-care".into(),
        reason: "Theirs".into(),
        ..Default::default()
    };
    root.cases.transfer(transfer).await.unwrap();
    assert_eq!(shown(&root.case(id).await), [item("called", true, true), item("told", false, true)]);
    let then = root.case_as_of(id, &ticked.position).await.unwrap();
    assert_eq!(shown(&then), [item("called", true, true), item("filed", true, false)]);
    let open = refused(resolve(&mut root, id, vec![]).await, no, "CHECKLIST_OPEN");
    assert!(open.message().contains("told") && !open.message().contains("called"), "{open:?}");
    root.cases.check_item(tick("told")).await.unwrap();

    // The policy in force when the case is resolved counts, not that of its beginning.
    let stricter = CHECKLISTS.replace("told =", "paid = { text = \"The money is back\" }\ntold =");
    dossier::sample::apply(&world.platform, rules::files(&[&stricter])).await.unwrap();
    refused(resolve(&mut root, id, vec![]).await, no, "CHECKLIST_OPEN");
    root.cases.check_item(tick("paid")).await.unwrap();
    resolve(&mut root, id, vec![]).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_given_to_those_who_see_it() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let mut ana = world.caller("ana", &[]);
    let mark = world.mark().await;
    let assign = |assignee: &str| pb::AssignRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        assignee: assignee.into(),
        ..Default::default()
    };
    // Sol works in the south.
    wrong_field(ana.cases.assign(assign("sol")).await, "assignee");
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Look at this".into(),
        mentions: vec!["sol".into()],
        ..Default::default()
    };
    wrong_field(ana.cases.add_note(note).await, "mentions[0]");
    world.nothing_since(mark).await;
    ana.cases.assign(assign("nils")).await.expect("Nils works in the north, too");
    world.end().await;
}
