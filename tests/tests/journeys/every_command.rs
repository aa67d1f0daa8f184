//! Every command over JSON: its effect in the case, in its history, and the same answer when it comes again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::collections::BTreeSet;

use proto::ingestion::v1 as ingestion;
use serde_json::{Value, json};
use tests::{
    desk::message,
    http::Json,
    world::{World, command_id},
};

use crate::rules;

/// A desk that talks JSON.
struct Desk {
    json: Json,
    /// The commands that had an effect of their own.
    executed: Vec<(String, String)>,
    called: BTreeSet<String>,
}

impl Desk {
    /// A command on a case, twice: the answer is the same, and so is the case.
    async fn command(&mut self, method: &str, mut request: Value) -> Value {
        request["commandId"] = command_id().into();
        let path = format!("dossier.cases.v1.Cases/{method}");
        let first = self.json.ok(&path, &request).await;
        let again = self.json.ok(&path, &request).await;
        assert_eq!(first, again, "{method}: a retry is answered as the first time");
        self.called.insert(method.to_owned());
        if first["changed"] == true {
            let id = request["commandId"].as_str().unwrap().to_owned();
            self.executed.push((first["caseId"].as_str().unwrap_or_default().to_owned(), id));
        }
        first
    }

    async fn case(&self, id: &str) -> Value {
        self.json.ok("dossier.cases.v1.Cases/GetCase", &json!({ "caseId": id })).await["case"].clone()
    }

    async fn history(&self, id: &str) -> Vec<Value> {
        let request = json!({ "caseId": id, "pageSize": 1000 });
        let answer = self.json.ok("dossier.cases.v1.Cases/GetHistory", &request).await;
        answer["entries"].as_array().unwrap().clone()
    }

    /// A command, and what the case says then.
    async fn then(&mut self, case: &str, method: &str, mut request: Value, expected: &[(&str, Value)]) {
        request["caseId"] = case.into();
        let answer = self.command(method, request).await;
        assert_eq!(answer["changed"], true, "{method}");
        let case = self.case(case).await;
        for (pointer, value) in expected {
            let found = case.pointer(pointer).cloned().unwrap_or_default();
            assert_eq!(found, *value, "{method}: {pointer} of {case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_has_its_effect_once() {
    let world = World::start().await;
    rules::apply(&world).await;
    let case = world.receive_one("forum", message("m-1", "ada", "My kettle does not boil")).await;
    let other = world.receive_one("forum", message("m-2", "ada", "Nor does my fan")).await;
    let in_private =
        |id: &str| ingestion::Message { public: Some(false), ..message(id, "ada", "In private") };
    let private = world.receive_one("forum", in_private("m-3")).await;
    let (id, other_id) = (case.case_id.as_str(), other.case_id.as_str());
    let root = world.administrator();
    let mut desk = Desk {
        json: Json::new(world.platform.http, Some(&root.token)),
        executed: Vec::new(),
        called: BTreeSet::new(),
    };
    let null = Value::Null;

    let until = "2099-01-01T00:00:00Z";
    for (method, request, expected) in [
        (
            "AddNote",
            json!({ "text": "Look at this", "mentions": ["nils"] }),
            vec![
                ("/timeline/1/text", json!("Look at this")),
                ("/timeline/1/mentions", json!(["nils"])),
                ("/timeline/1/kind", json!("KIND_NOTE")),
            ],
        ),
        ("ChangeTags", json!({ "add": ["vip", "kettle"] }), vec![("/tags", json!(["kettle", "vip"]))]),
        (
            "ChangeTags",
            json!({ "add": ["fan"], "remove": ["vip"] }),
            vec![("/tags", json!(["fan", "kettle"]))],
        ),
        (
            "SetPriority",
            json!({ "priority": "PRIORITY_URGENT" }),
            vec![("/priority", json!("PRIORITY_URGENT"))],
        ),
        ("SetCategory", json!({ "category": "defect" }), vec![("/category", json!("defect"))]),
        (
            "SetFields",
            json!({ "fields": {
                "order": { "text": "A-1" }, "amount": { "number": 12.5 }, "warranty": { "flag": true },
                "bought": { "date": "2026-01-02" }, "product": { "choice": "kettle" }, "address": { "text": "Elm St 1" },
            } }),
            vec![
                ("/fields/order/text", json!("A-1")),
                ("/fields/amount/number", json!(12.5)),
                ("/fields/warranty/flag", json!(true)),
                ("/fields/bought/date", json!("2026-01-02")),
                ("/fields/product/choice", json!("kettle")),
                ("/fields/address/text", json!("Elm St 1")),
            ],
        ),
        (
            "SetFields",
            json!({ "fields": { "order": {} } }),
            vec![("/fields/order", null.clone()), ("/fields/amount/number", json!(12.5))],
        ),
        ("SetTitle", json!({ "title": "The kettle" }), vec![("/title", json!("The kettle"))]),
        ("SetLanguage", json!({ "language": "pt-BR" }), vec![("/language", json!("pt-br"))]),
        (
            "Hold",
            json!({ "kind": "HOLD_KIND_THIRD_PARTY", "reason": "The carrier", "until": until }),
            vec![("/status", json!("STATUS_ON_HOLD")), ("/hold", json!("HOLD_KIND_THIRD_PARTY"))],
        ),
        (
            "SetStatusLabel",
            json!({ "label": "waiting-for-parts" }),
            vec![("/statusLabel", json!("waiting-for-parts"))],
        ),
        ("Continue", json!({}), vec![("/status", json!("STATUS_OPEN")), ("/statusLabel", null.clone())]),
        ("Pend", json!({}), vec![("/status", json!("STATUS_PENDING"))]),
        ("Continue", json!({}), vec![("/status", json!("STATUS_OPEN"))]),
        ("Assign", json!({ "assignee": "me" }), vec![("/assignee", json!("root"))]),
        ("Unassign", json!({}), vec![("/assignee", null.clone())]),
        (
            "Transfer",
            json!({ "team": "south-care", "reason": "Theirs" }),
            vec![("/team", json!("south-care")), ("/region", json!("south"))],
        ),
        (
            "Transfer",
            json!({ "team": "north-care", "reason": "Ours after all" }),
            vec![("/team", json!("north-care")), ("/region", json!("north"))],
        ),
        (
            "Escalate",
            json!({ "team": "south-care", "reason": "Angry" }),
            vec![("/escalationLevel", json!(1)), ("/team", json!("north-care"))],
        ),
        ("Snooze", json!({ "until": until }), vec![("/snoozedUntil", json!(until))]),
        ("Wake", json!({}), vec![("/snoozedUntil", null.clone())]),
        (
            "Contact",
            json!({ "step": "CONTACT_STEP_NEEDED" }),
            vec![("/contact", json!("CONTACT_STEP_NEEDED"))],
        ),
        ("CheckItem", json!({ "item": "told", "done": true }), vec![("/checklist/0/done", json!(true))]),
        ("CheckItem", json!({ "item": "told" }), vec![("/checklist/0/done", null.clone())]),
        (
            "KeepSilence",
            json!({ "reason": "SILENCE_REASON_TROLL", "comment": "Again" }),
            vec![("/silence", json!("SILENCE_REASON_TROLL"))],
        ),
        ("MarkSpam", json!({}), vec![("/status", json!("STATUS_SPAM"))]),
        ("UnmarkSpam", json!({}), vec![("/status", json!("STATUS_OPEN"))]),
        (
            "Reply",
            json!({ "text": "Try the switch" }),
            vec![
                ("/timeline/2/text", json!("Try the switch")),
                ("/timeline/2/kind", json!("KIND_REPLY")),
                ("/timeline/2/delivery", json!("released")),
                ("/timeline/2/public", json!(true)),
            ],
        ),
    ] {
        desk.then(id, method, request, &expected).await;
    }

    // What is about two cases.
    let link = json!({ "caseId": id, "kind": "LINK_KIND_CHILD_OF", "toCaseId": other_id });
    desk.command("Link", link.clone()).await;
    let links = |case: &Value| case["links"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        links(&desk.settled(&world, id).await),
        [json!({ "kind": "LINK_KIND_CHILD_OF", "caseId": other_id })]
    );
    let inverse = json!({ "kind": "LINK_KIND_CHILD_OF", "caseId": id, "inverse": true });
    assert_eq!(links(&desk.case(other_id).await), [inverse]);
    desk.command("Unlink", link).await;
    assert!(links(&desk.settled(&world, id).await).is_empty());
    desk.then(
        other_id,
        "Merge",
        json!({ "intoCaseId": id }),
        &[("/status", json!("STATUS_MERGED")), ("/mergedInto", json!(id))],
    )
    .await;
    assert_eq!(desk.case(id).await["mergedFrom"], json!([other_id]));
    desk.then(
        other_id,
        "Unmerge",
        json!({}),
        &[("/status", json!("STATUS_NEW")), ("/mergedInto", null.clone())],
    )
    .await;
    let public = &case.places[0].conversation_id;
    let moved = json!({
        "fromConversationId": public, "toConversationId": private.places[0].conversation_id,
    });
    desk.then(id, "MoveToPrivate", moved, &[]).await;
    let told = desk.command("Reply", json!({ "caseId": id, "text": "Here nobody reads along" })).await;
    let timeline = desk.case(id).await["timeline"].clone();
    let told = timeline.as_array().unwrap().iter().find(|item| item["id"] == told["createdId"]).unwrap();
    assert_eq!(
        (&told["conversationId"], &told["public"]),
        (&json!(private.places[0].conversation_id), &Value::Null)
    );
    let answer = ingestion::Message { reply_to: "m-3".into(), ..in_private("m-5") };
    assert_eq!(world.receive_one("forum", answer).await.case_id, id, "and it is heard there");
    let answer = world.receive(
        "forum",
        vec![{
            let mut reply = message("m-4", "ada", "And the lid is loose");
            reply.reply_to = "m-1".into();
            reply
        }],
    );
    let split_off = answer.await.results[0].message_id.clone();
    let split = json!({ "caseId": id, "messageIds": [split_off], "title": "The lid" });
    let split = desk.command("Split", split).await;
    let fresh = desk.case(split["caseId"].as_str().unwrap()).await;
    assert_eq!((&fresh["splitFrom"], &fresh["title"]), (&json!(id), &json!("The lid")));
    assert_eq!(fresh["timeline"][0]["id"], json!(split_off));

    // The end, and what follows.
    desk.then(
        id,
        "Resolve",
        json!({ "resolution": "answered" }),
        &[("/status", json!("STATUS_RESOLVED")), ("/resolution", json!("answered"))],
    )
    .await;
    desk.then(id, "Reopen", json!({}), &[("/status", json!("STATUS_OPEN"))]).await;
    desk.then(id, "Resolve", json!({}), &[("/status", json!("STATUS_RESOLVED"))]).await;
    desk.then(id, "Close", json!({}), &[("/status", json!("STATUS_CLOSED"))]).await;
    assert!(desk.case(id).await["closedAt"].is_string());
    let next = desk.command("FollowUp", json!({ "caseId": id, "title": "Once more" })).await;
    assert_eq!(desk.case(next["caseId"].as_str().unwrap()).await["followUpOf"], json!(id));
    let opened = json!({
        "account": "forum", "title": "By telephone", "priority": "PRIORITY_HIGH", "category": "delivery",
        "language": "de", "fields": { "order": { "text": "B-2" } }, "tags": ["phone"],
    });
    let opened = desk.command("OpenCase", opened).await;
    let telephone = desk.case(opened["number"].as_str().unwrap()).await;
    assert_eq!(
        (
            &telephone["title"],
            &telephone["tags"],
            &telephone["fields"]["order"]["text"],
            &telephone["language"]
        ),
        (&json!("By telephone"), &json!(["phone"]), &json!("B-2"), &json!("de"))
    );
    bulk(&desk, id, &telephone).await;

    history(&desk, id).await;
    every_method_was_called(&desk.called);
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after, "the read model is what the log says");
    world.end().await;
}

impl Desk {
    /// The case once the read model has everything: links are read from there.
    async fn settled(&self, world: &World, id: &str) -> Value {
        let last = world.log_entries(&["links", "case"]).await.last().unwrap().position;
        let last = world.platform.shell.token(last);
        self.json.ok("dossier.cases.v1.Cases/ListCases", &json!({ "atLeast": last })).await;
        self.case(id).await
    }
}

/// One change for many: each is told apart.
async fn bulk(desk: &Desk, closed: &str, open: &Value) {
    let request = json!({
        "commandId": command_id(), "caseIds": [open["caseId"], closed, command_id(), open["number"]],
        "priority": { "priority": "PRIORITY_LOW" },
    });
    let first = desk.json.ok("dossier.cases.v1.Cases/Bulk", &request).await;
    assert_eq!(first, desk.json.ok("dossier.cases.v1.Cases/Bulk", &request).await);
    let results = first["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    assert_eq!((&results[0]["changed"], &results[0]["reason"]), (&json!(true), &Value::Null));
    assert_eq!(results[1]["reason"], "CASE_CLOSED");
    assert_eq!(results[2]["reason"], "NOT_FOUND");
    assert_eq!(results[3]["reason"], Value::Null, "the same case by its number is the same command");
    assert_eq!(results[3]["changed"], Value::Null, "and changes it once");
    let case = desk.case(open["caseId"].as_str().unwrap()).await;
    assert_eq!(case["priority"], "PRIORITY_LOW");
}

/// Each command stands in the history once: with its actor, its policy, and its id.
async fn history(desk: &Desk, id: &str) {
    let entries = desk.history(id).await;
    for (_, command) in desk.executed.iter().filter(|(case, _)| case == id) {
        let own: Vec<_> = entries.iter().filter(|entry| entry["commandId"] == json!(command)).collect();
        // What is about two cases stands in another stream, and in the case as its consequence.
        assert!(own.len() <= 1, "command {command} stands there {} times", own.len());
        for entry in own {
            assert_eq!(entry["actor"], json!({ "kind": "human", "id": "root", "auth": "token" }));
            assert!(entry["policyVersion"].as_str().is_some_and(|version| !version.is_empty()));
            assert_eq!(entry["origin"], "live");
        }
    }
    let types: BTreeSet<&str> = entries
        .iter()
        .flat_map(|entry| entry["events"].as_array().unwrap())
        .filter_map(|event| event["type"].as_str())
        .collect();
    for kind in [
        "case.opened",
        "case.noted",
        "case.tagged",
        "case.untagged",
        "case.prioritised",
        "case.categorised",
        "case.fields_changed",
        "case.retitled",
        "case.language_set",
        "case.held",
        "case.labelled",
        "case.resumed",
        "case.pended",
        "case.assigned",
        "case.unassigned",
        "case.transferred",
        "case.escalated",
        "case.snoozed",
        "case.woken",
        "case.contact_advanced",
        "case.checklist_item_ticked",
        "case.checklist_item_unticked",
        "case.silence_chosen",
        "case.marked_spam",
        "case.unmarked_spam",
        "case.reply_released",
        "case.source_absorbed",
        "case.source_released",
        "case.conversation_moved",
        "case.split_off",
        "case.resolved",
        "case.reopened",
        "case.closed",
    ] {
        assert!(types.contains(kind), "{kind} is not in the history");
    }
    let service = entries.iter().find(|entry| entry["actor"]["kind"] == "service").unwrap();
    assert!(service["causation"].is_string(), "what follows from something says from what");
}

/// The contract has no command that this journey leaves out.
fn every_method_was_called(called: &BTreeSet<String>) {
    let queries = ["Bulk", "GetCase", "ExplainSla", "ListCases", "GetHistory", "GetAttachment", "Watch"];
    let contract = include_str!("../../../proto/dossier/cases/v1/cases.proto");
    let methods = contract.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
    for method in methods.filter(|method| !queries.contains(method)) {
        assert!(called.contains(method), "{method} was not called");
    }
}
