//! Who sees what, and that nobody learns more from a refusal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::{
    assignment::v1 as assignment, cases::v1 as pb, ingestion::v1 as ingestion, operations::v1 as ops,
    policy::v1 as policy,
};
use serde_json::{Value, json};
use service::{
    auth::{Issuer, PrincipalKind},
    clock::SystemClock,
};
use tests::{
    desk::{message, refused},
    http::Json,
    world::{Caller, World, command_id},
};
use tonic::Code;

const CONTRACTS: [(&str, &str); 6] = [
    (
        "dossier.assignment.v1.Assignment",
        include_str!("../../../proto/dossier/assignment/v1/assignment.proto"),
    ),
    ("dossier.cases.v1.Cases", include_str!("../../../proto/dossier/cases/v1/cases.proto")),
    ("dossier.cases.v1.Customers", include_str!("../../../proto/dossier/cases/v1/customers.proto")),
    ("dossier.ingestion.v1.Ingestion", include_str!("../../../proto/dossier/ingestion/v1/ingestion.proto")),
    (
        "dossier.operations.v1.Operations",
        include_str!("../../../proto/dossier/operations/v1/operations.proto"),
    ),
    ("dossier.policy.v1.PolicyService", include_str!("../../../proto/dossier/policy/v1/policy.proto")),
];

/// Every unary method of the contracts.
fn methods() -> Vec<String> {
    let mut methods = Vec::new();
    for (service, contract) in CONTRACTS {
        let rpcs = contract.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
        let unary = rpcs.filter(|rpc| !rpc.contains("(stream ") && !rpc.contains("returns (stream"));
        methods.extend(unary.filter_map(|rpc| Some(format!("{service}/{}", rpc.split('(').next()?))));
    }
    assert!(methods.len() > 40, "{methods:?}");
    methods
}

/// A right request for each command on a case.
fn commands(case: &pb::Case, other: &pb::Case) -> Vec<(&'static str, Value)> {
    let conversation = &case.places[0].conversation_id;
    let until = "2099-01-01T00:00:00Z";
    vec![
        ("Reply", json!({ "text": "Hello" })),
        ("AddNote", json!({ "text": "Hello" })),
        ("ChangeTags", json!({ "add": ["x"] })),
        ("SetPriority", json!({ "priority": "PRIORITY_LOW" })),
        ("SetCategory", json!({})),
        ("SetFields", json!({ "fields": { "order": {} } })),
        ("SetTitle", json!({ "title": "Hello" })),
        ("SetLanguage", json!({ "language": "fr" })),
        ("SetStatusLabel", json!({})),
        ("Assign", json!({ "assignee": "me" })),
        ("Unassign", json!({})),
        ("Transfer", json!({ "team": "south-care", "reason": "Mine" })),
        ("Escalate", json!({ "reason": "Mine" })),
        ("Pend", json!({})),
        ("Hold", json!({ "kind": "HOLD_KIND_LEGAL", "reason": "Mine" })),
        ("Continue", json!({})),
        ("Snooze", json!({ "until": until })),
        ("Wake", json!({})),
        ("Resolve", json!({})),
        ("Reopen", json!({})),
        ("Close", json!({})),
        ("FollowUp", json!({})),
        ("MarkSpam", json!({})),
        ("UnmarkSpam", json!({})),
        ("KeepSilence", json!({ "reason": "SILENCE_REASON_TROLL" })),
        ("MoveToPrivate", json!({ "fromConversationId": conversation, "toConversationId": conversation })),
        ("Contact", json!({ "step": "CONTACT_STEP_NEEDED" })),
        ("CheckItem", json!({ "item": "told", "done": true })),
        ("Merge", json!({ "intoCaseId": other.case_id })),
        ("Unmerge", json!({})),
        ("Split", json!({ "messageIds": [case.timeline[0].id] })),
        ("Link", json!({ "kind": "LINK_KIND_CHILD_OF", "toCaseId": other.case_id })),
        ("Unlink", json!({ "kind": "LINK_KIND_CHILD_OF", "toCaseId": other.case_id })),
    ]
}

tests::on_both_stores! { another_regions_case_is_not_there, each_role_may_what_it_is_for }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_the_caller_does_not_see_is_not_named_by_another() {
    let world = World::start().await;
    let (mut root, mut ana) = (world.administrator(), world.caller("ana", &[]));
    let mut ids = Vec::new();
    for (id, text) in [("m-1", "It leaks"), ("m-2", "It leaks again"), ("m-3", "All of them leak")] {
        ids.push(world.receive_one("forum", message(id, "ada", text)).await.case_id);
    }
    let [ours, merged, theirs] = &ids[..] else { panic!("three cases") };
    let link = pb::LinkRequest {
        command_id: command_id(),
        case_id: ours.clone(),
        kind: pb::LinkKind::CausedBy.into(),
        to_case_id: theirs.clone(),
        ..Default::default()
    };
    root.cases.link(link).await.unwrap();
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: merged.clone(),
        into_case_id: theirs.clone(),
        ..Default::default()
    };
    let last = root.cases.merge(merge).await.unwrap().into_inner().position;
    assert_eq!(ana.ids(pb::Filter::default(), &last).await.len(), 3);
    assert_eq!(ana.case(merged).await.merged_into, *theirs);
    let [link] = &ana.case(ours).await.links[..] else { panic!("one link") };
    assert_eq!((link.case_id.as_str(), link.hidden), (theirs.as_str(), false));

    let transfer = pb::TransferRequest {
        command_id: command_id(),
        case_id: theirs.clone(),
        team: "south-care".into(),
        reason: "Theirs".into(),
        ..Default::default()
    };
    let last = root.cases.transfer(transfer).await.unwrap().into_inner().position;
    assert_eq!(ana.ids(pb::Filter::default(), &last).await.len(), 2);
    // That it has a cause, and is merged, is this case's own; of what, is the other's.
    let [link] = &ana.case(ours).await.links[..] else { panic!("one link") };
    assert_eq!((link.kind(), link.case_id.as_str(), link.hidden), (pb::LinkKind::CausedBy, "", true));
    let shown = ana.case(merged).await;
    assert_eq!((shown.status(), shown.merged_into.as_str()), (pb::Status::Merged, ""));
    for listed in ana.list(pb::ListCasesRequest::default()).await {
        assert_eq!(listed.merged_into, "");
    }
    // Who has it now sees it, and not what was merged into it.
    let theirs_now = world.caller("sol", &[]).case(theirs).await;
    assert!(theirs_now.merged_from.is_empty() && theirs_now.links[0].hidden, "{theirs_now:?}");
    assert_eq!(root.case(theirs).await.merged_from, std::slice::from_ref(merged));
    world.end().await;
}

/// An agent of the south who serves the queue of the north as well, with room for one case.
const HELPER: &str = r#"
[[queue]]
id = "north"
name = "North"
region = "north"
team = "north-care"
default = true

[[agent]]
id = "sol"
queues = ["north"]
channels = { forum = { at_most = 1 } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_case_sees_it_whosever_it_is() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = policy::apply_request::File { name: "helper.toml".into(), text: HELPER.into() };
    let world = World::open_with(folder.path(), std::sync::Arc::new(SystemClock), vec![file]).await;
    let given = world.receive_one("forum", message("m-1", "ada", "Secret kettle")).await.case_id;
    let other = world.receive_one("forum", message("m-2", "ben", "Secret fan")).await.case_id;
    world.routed().await;
    let mut sol = world.caller("sol", &[]);
    for case in [&given, &other] {
        refused(sol.case_as_of(case, "").await, Code::NotFound, "NOT_FOUND");
    }
    let secret = || pb::Filter { text: "secret".into(), ..Default::default() };
    assert!(sol.ids(secret(), "").await.is_empty());
    let mut watch = sol.cases.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let online = assignment::SetPresenceRequest {
        command_id: command_id(),
        person: "me".into(),
        presence: assignment::Presence::Online.into(),
        ..Default::default()
    };
    sol.assignment.set_presence(online).await.unwrap();
    world.routed().await;

    let case = sol.case(&given).await;
    assert_eq!((case.assignee.as_str(), case.team.as_str()), ("sol", "north-care"));
    // He sees this one of theirs, and no other, by every way of looking.
    refused(sol.case_as_of(&other, "").await, Code::NotFound, "NOT_FOUND");
    let mine = pb::Filter { assignee: vec!["me".into()], ..Default::default() };
    for filter in [pb::Filter::default(), secret(), mine] {
        assert_eq!(sol.ids(filter, &case.position).await, std::slice::from_ref(&given));
    }
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), watch.message()).await;
    assert_eq!(told.expect("it is told at once").unwrap().unwrap().case.unwrap().case_id, given);
    let history = pb::GetHistoryRequest { case_id: given.clone(), ..Default::default() };
    assert!(!sol.cases.get_history(history).await.unwrap().into_inner().entries.is_empty());
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: given.clone(),
        text: "Mine now".into(),
        ..Default::default()
    };
    sol.cases.add_note(note).await.unwrap();

    // With the case goes who sees it.
    let assign = pb::AssignRequest {
        command_id: command_id(),
        case_id: given.clone(),
        assignee: "nils".into(),
        ..Default::default()
    };
    let last = world.administrator().cases.assign(assign).await.unwrap().into_inner().position;
    refused(sol.case_as_of(&given, "").await, Code::NotFound, "NOT_FOUND");
    let seen = sol.ids(secret(), &last).await;
    assert!(!seen.contains(&given), "{seen:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_nothing_is_answered() {
    let world = World::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let forger = Issuer::load_or_create("local", &folder.path().join("key.pem")).unwrap();
    let now = world.platform.shell.clock.now();
    let human = PrincipalKind::Human;
    let forged = forger.token("root", human, &["administrator"], dossier::platform::in_days(now, 1)).unwrap();
    let expired = world.issuer.token("root", human, &["administrator"], now.plus_seconds(-120)).unwrap();
    let mark = world.mark().await;
    for (token, reason) in [
        (None, "TOKEN_MISSING"),
        (Some("nonsense"), "TOKEN_INVALID"),
        (Some(forged.as_str()), "TOKEN_INVALID"),
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
    ] {
        let json = Json::new(world.platform.http, token);
        for method in methods() {
            let answer = json.call(&method, &json!({})).await;
            let (code, said, _) = answer.error();
            assert_eq!(
                (answer.status.as_u16(), code.as_str(), said.as_str()),
                (401, "unauthenticated", reason),
                "{method}"
            );
        }
        let mut caller = Caller::new(world.platform.grpc, token.unwrap_or("nonsense"));
        let no = Code::Unauthenticated;
        let reason = if token.is_none() { "TOKEN_INVALID" } else { reason };
        refused(caller.cases.watch(pb::WatchRequest::default()).await.map(drop), no, reason);
        refused(caller.operations.tail_events(ops::TailEventsRequest::default()).await.map(drop), no, reason);
        refused(caller.operations.rebuild(ops::RebuildRequest::default()).await.map(drop), no, reason);
    }
    world.nothing_since(mark).await;
    world.end().await;
}

async fn another_regions_case_is_not_there(world: World) {
    let hidden = world.receive_one("forum", message("m-1", "ada", "Secret kettle")).await;
    let own = world.receive_one("chat", message("m-2", "ben", "Open kettle")).await;
    let mut sol = world.caller("sol", &[]);
    let json = Json::new(world.platform.http, Some(&sol.token));
    let mark = world.mark().await;
    for name in [&hidden.case_id, &hidden.number, &command_id()] {
        for (method, mut request) in commands(&hidden, &own) {
            request["commandId"] = command_id().into();
            request["caseId"] = name.as_str().into();
            let answer = json.call(&format!("dossier.cases.v1.Cases/{method}"), &request).await;
            let (code, reason, _) = answer.error();
            assert_eq!(
                (code.as_str(), reason.as_str()),
                ("not_found", "NOT_FOUND"),
                "{method}: {}",
                answer.text
            );
            assert!(!answer.text.contains("kettle") && !answer.text.contains("north"), "{}", answer.text);
        }
        let missing = |answer: Result<(), tonic::Status>| refused(answer, Code::NotFound, "NOT_FOUND");
        missing(sol.case_as_of(name, "").await.map(drop));
        missing(sol.case_as_of(name, &hidden.position).await.map(drop));
        let history = pb::GetHistoryRequest { case_id: name.to_string(), ..Default::default() };
        missing(sol.cases.get_history(history).await.map(drop));
        let watch = pb::WatchRequest { case_id: name.to_string(), ..Default::default() };
        missing(sol.cases.watch(watch).await.map(drop));
    }
    // As the other one of two cases it is not there either.
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: own.case_id.clone(),
        into_case_id: hidden.case_id.clone(),
        ..Default::default()
    };
    tests::desk::wrong_field(sol.cases.merge(merge).await, "into_case_id");
    let change = pb::bulk_request::Change::Spam(Default::default());
    let bulk = pb::BulkRequest {
        command_id: command_id(),
        case_ids: vec![hidden.case_id.clone(), hidden.number.clone()],
        change: Some(change),
        ..Default::default()
    };
    let results = sol.cases.bulk(bulk).await.unwrap().into_inner().results;
    assert!(results.iter().all(|result| !result.changed && result.reason == "NOT_FOUND"), "{results:?}");
    world.nothing_since(mark).await;
    for filter in [
        pb::Filter::default(),
        pb::Filter { text: "kettle".into(), ..Default::default() },
        pb::Filter { region: vec!["north".into(), "south".into()], ..Default::default() },
        pb::Filter { account: vec!["forum".into(), "chat".into()], ..Default::default() },
    ] {
        assert_eq!(sol.ids(filter, "").await, std::slice::from_ref(&own.case_id));
    }
    let filter = pb::Filter { customer: hidden.customer.clone(), ..Default::default() };
    assert!(sol.ids(filter, "").await.is_empty());
    // A watch tells of the own case although the other one changed first.
    let mut watch = sol.cases.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    let note = |case: &pb::Case| pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "Look".into(),
        ..Default::default()
    };
    world.caller("ana", &[]).cases.add_note(note(&hidden)).await.unwrap();
    sol.cases.add_note(note(&own)).await.unwrap();
    let told = watch.message().await.unwrap().unwrap();
    assert_eq!(told.case.unwrap().case_id, own.case_id);

    // With the case goes who sees it.
    let mut ana = world.caller("ana", &[]);
    let transfer = pb::TransferRequest {
        command_id: command_id(),
        case_id: hidden.case_id.clone(),
        team: "south-care".into(),
        reason: "Theirs".into(),
        ..Default::default()
    };
    assert!(ana.cases.transfer(transfer).await.unwrap().into_inner().changed);
    refused(ana.case_as_of(&hidden.case_id, "").await, Code::NotFound, "NOT_FOUND");
    assert_eq!(sol.case(&hidden.case_id).await.region, "south");
    world.end().await;
}

async fn each_role_may_what_it_is_for(world: World) {
    let north = world.receive_one("forum", message("m-1", "ada", "Kettle")).await;
    let south = world.receive_one("chat", message("m-2", "ben", "Kettle")).await;
    let other = world.receive_one("forum", message("m-3", "ada", "Fan")).await;
    let denied = |answer: Result<(), tonic::Status>| refused(answer, Code::PermissionDenied, "NOT_ALLOWED");
    let missing = |answer: Result<(), tonic::Status>| refused(answer, Code::NotFound, "NOT_FOUND");
    let mut in_the_north = vec![north.case_id.clone(), other.case_id.clone()];
    in_the_north.sort_unstable();
    let mut everywhere = [&in_the_north[..], std::slice::from_ref(&south.case_id)].concat();
    everywhere.sort_unstable();
    let none = Vec::new();
    for (person, sees, works) in [
        ("ana", &in_the_north, true),
        ("nora", &in_the_north, true),
        ("gus", &in_the_north, false),
        ("yan", &none, false),
        ("cleo", &everywhere, false),
        ("nobody-known", &none, false),
        ("root", &everywhere, true),
    ] {
        let mut caller = world.caller(person, &[]);
        if ["yan", "nobody-known"].contains(&person) {
            denied(caller.cases.list_cases(pb::ListCasesRequest::default()).await.map(drop));
            denied(caller.cases.watch(pb::WatchRequest::default()).await.map(drop));
        } else {
            assert_eq!(caller.ids(pb::Filter::default(), "").await, *sees, "{person}");
        }
        for case in [&north, &south] {
            let seen = caller.case_as_of(&case.case_id, "").await.map(drop);
            if sees.contains(&case.case_id) {
                seen.unwrap();
            } else {
                missing(seen);
            }
        }
        let json = Json::new(world.platform.http, Some(&caller.token));
        if !works {
            let mark = world.mark().await;
            for (method, mut request) in commands(&north, &other) {
                if (person, method) == ("gus", "AddNote") {
                    continue;
                }
                request["commandId"] = command_id().into();
                request["caseId"] = north.case_id.clone().into();
                let (code, reason, _) =
                    json.call(&format!("dossier.cases.v1.Cases/{method}"), &request).await.error();
                let refused = (code.as_str(), reason.as_str());
                let hidden = !sees.contains(&north.case_id) && refused == ("not_found", "NOT_FOUND");
                assert!(
                    hidden || refused == ("permission_denied", "NOT_ALLOWED"),
                    "{person} {method}: {refused:?}"
                );
            }
            let open = pb::OpenCaseRequest {
                command_id: command_id(),
                account: "forum".into(),
                title: "Mine".into(),
                ..Default::default()
            };
            denied(caller.cases.open_case(open).await.map(drop));
            denied(
                caller
                    .cases
                    .bulk(pb::BulkRequest {
                        command_id: command_id(),
                        case_ids: vec![north.case_id.clone()],
                        change: Some(pb::bulk_request::Change::Spam(Default::default())),
                        ..Default::default()
                    })
                    .await
                    .map(drop),
            );
            world.nothing_since(mark).await;
        }
        if person != "root" {
            denied(caller.ingestion.submit(ingestion::SubmitRequest::default()).await.map(drop));
            denied(caller.ingestion.get_ledger(ingestion::GetLedgerRequest::default()).await.map(drop));
            denied(caller.policy.apply(policy::ApplyRequest::default()).await.map(drop));
            denied(caller.operations.rebuild(ops::RebuildRequest::default()).await.map(drop));
        }
        if !["root", "cleo"].contains(&person) {
            denied(caller.operations.tail_events(ops::TailEventsRequest::default()).await.map(drop));
            denied(caller.operations.get_stream(ops::GetStreamRequest::default()).await.map(drop));
            denied(caller.operations.list_read_models(ops::ListReadModelsRequest::default()).await.map(drop));
        }
        let shown = caller.policy.show(policy::ShowRequest::default()).await.map(drop);
        if person == "nobody-known" {
            denied(shown);
        } else {
            shown.unwrap();
        }
    }
    let mut gus = world.caller("gus", &[]);
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: north.case_id.clone(),
        text: "A guest's note".into(),
        ..Default::default()
    };
    gus.cases.add_note(note).await.unwrap();
    assert_eq!(gus.case(&north.case_id).await.timeline[1].author.as_ref().unwrap().id, "gus");
    world.end().await;
}
