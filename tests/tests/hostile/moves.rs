//! Illegal moves: what a case does not take where it stands, with the reason, and nothing written.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{
    desk::message,
    http::Json,
    world::{World, command_id},
};

struct Board {
    json: Json,
}

impl Board {
    async fn play(&self, case: &str, method: &str, mut request: Value) -> Result<Value, String> {
        request["commandId"] = command_id().into();
        request["caseId"] = case.into();
        let answer = self.json.call(&format!("dossier.cases.v1.Cases/{method}"), &request).await;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let (code, reason, _) = answer.error();
        assert_eq!(
            (answer.status.as_u16(), code.as_str()),
            (400, "failed_precondition"),
            "{method}: {}",
            answer.text
        );
        Err(reason)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_takes_only_what_its_status_allows() {
    let world = World::start().await;
    let root = world.administrator();
    let board = Board { json: Json::new(world.platform.http, Some(&root.token)) };
    let mut cases = BTreeMap::new();
    for status in ["new", "open", "pending", "on_hold", "resolved", "closed", "spam", "merged"] {
        let case = world.receive_one("forum", message(&format!("m-{status}"), "ada", status)).await;
        cases.insert(status, case);
    }
    let id = |status: &str| cases[status].case_id.as_str();
    let hold = json!({ "kind": "HOLD_KIND_INTERNAL", "reason": "Wait" });
    board.play(id("open"), "Assign", json!({ "assignee": "ana" })).await.unwrap();
    board.play(id("pending"), "Pend", json!({})).await.unwrap();
    board.play(id("on_hold"), "Hold", hold.clone()).await.unwrap();
    board.play(id("resolved"), "Resolve", json!({})).await.unwrap();
    board.play(id("closed"), "Resolve", json!({})).await.unwrap();
    board.play(id("closed"), "Close", json!({})).await.unwrap();
    board.play(id("spam"), "MarkSpam", json!({})).await.unwrap();
    board.play(id("merged"), "Merge", json!({ "intoCaseId": id("open") })).await.unwrap();

    let until = json!({ "until": "2099-01-01T00:00:00Z" });
    let unresolved = [
        ("Pend", json!({})),
        ("Hold", hold),
        ("Continue", json!({})),
        ("Snooze", until),
        ("Wake", json!({})),
        ("Escalate", json!({ "reason": "Angry" })),
        ("KeepSilence", json!({ "reason": "SILENCE_REASON_TROLL" })),
    ];
    let not_spam = [
        ("Reply", json!({ "text": "Hello" })),
        ("Assign", json!({ "assignee": "nils" })),
        ("Unassign", json!({})),
        ("Transfer", json!({ "team": "south-care", "reason": "Theirs" })),
        ("Resolve", json!({})),
        ("Reopen", json!({})),
    ];
    let not_closed = [
        ("AddNote", json!({ "text": "Hello" })),
        ("SetPriority", json!({ "priority": "PRIORITY_URGENT" })),
        ("SetTitle", json!({ "title": "Hello" })),
        ("SetLanguage", json!({ "language": "fr" })),
        ("Contact", json!({ "step": "CONTACT_STEP_NEEDED" })),
        ("MarkSpam", json!({})),
    ];
    let unmerged = [("ChangeTags", json!({ "add": ["x"] }))];
    let mut illegal: Vec<(&str, &str, Value, &str)> = Vec::new();
    let mut refuse = |status: &'static str, commands: &[(&'static str, Value)], reason: &'static str| {
        illegal.extend(commands.iter().map(|(method, request)| (status, *method, request.clone(), reason)));
    };
    refuse("resolved", &unresolved, "CASE_RESOLVED");
    refuse("closed", &[&unresolved[..], &not_spam, &not_closed].concat(), "CASE_CLOSED");
    refuse("spam", &[&unresolved[..], &not_spam].concat(), "CASE_IS_SPAM");
    refuse("spam", &[("Close", json!({}))], "CASE_IS_SPAM");
    refuse("merged", &[&unresolved[..], &not_spam, &not_closed, &unmerged].concat(), "CASE_MERGED");
    for status in ["new", "open", "pending", "on_hold"] {
        refuse(status, &[("Close", json!({}))], "CASE_NOT_RESOLVED");
        refuse(status, &[("FollowUp", json!({}))], "CASE_NOT_ENDED");
    }
    refuse("new", &[("CheckItem", json!({ "item": "unknown", "done": true }))], "CHECKLIST_ITEM_UNKNOWN");
    refuse("new", &[("Contact", json!({ "step": "CONTACT_STEP_OBTAINED" }))], "CONTACT_STAGE");
    refuse("new", &[("Escalate", json!({ "reason": "x", "level": 6 }))], "ESCALATION_LEVEL");
    let past = json!({ "until": "2001-01-01T00:00:00Z" });
    refuse("new", &[("Snooze", past)], "DEADLINE_NOT_AHEAD");
    let same = &cases["new"].places[0].conversation_id;
    let moved = json!({ "fromConversationId": same, "toConversationId": same });
    refuse("new", &[("MoveToPrivate", moved)], "MOVE_NOT_TO_PRIVATE");

    let mut before = BTreeMap::new();
    for (status, case) in &cases {
        before.insert(*status, root.clone().case(&case.case_id).await);
    }
    let mark = world.mark().await;
    for (status, method, request, reason) in illegal {
        let answer = board.play(id(status), method, request).await;
        assert_eq!(answer.unwrap_err(), reason, "{method} where the case is {status}");
    }
    world.nothing_since(mark).await;
    for (status, case) in before {
        assert_eq!(root.clone().case(&case.case_id).await, case, "{status}");
    }
    world.end().await;
}
