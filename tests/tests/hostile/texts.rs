//! Texts that break what is written without care: kept, and given back, as they came.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::cases::v1 as pb;
use serde_json::json;
use tests::{
    desk::{SENT_AT_S, message, refusal, seconds},
    http::Json,
    real_data,
    world::{World, command_id},
};

/// The list of nasty strings, without those that have nothing to see in them.
fn naughty() -> Option<Vec<String>> {
    let path = real_data::path("audit/naughty-strings/blns.json")?;
    let all: Vec<String> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(all.len() > 400, "only {}", all.len());
    Some(all.into_iter().filter(|text| !text.trim().is_empty()).collect())
}

/// NUL is what no store keeps; the intake says so by its replacement.
fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_back_as_they_were() {
    let Some(texts) = naughty() else { return };
    let world = World::start().await;
    for (part, texts) in texts.chunks(100).enumerate() {
        let messages = texts.iter().enumerate().map(|(i, text)| {
            let mut said = message(&format!("m-{part}-{i}"), "ada", text);
            said.thread_root = "m-0-0".into();
            said.sent_at = Some(seconds(SENT_AT_S + i64::try_from(part * 100 + i).unwrap()));
            said
        });
        world.receive("forum", messages.collect()).await;
    }
    let mut root = world.administrator();
    let listed = root.list(pb::ListCasesRequest::default()).await;
    let [case] = &listed[..] else { panic!("{} cases", listed.len()) };
    let case = root.case(&case.case_id).await;
    let said: Vec<_> = case.timeline.iter().map(|item| item.text.as_str()).collect();
    let expected: Vec<_> = texts.iter().map(|text| kept(text)).collect();
    assert_eq!(said, expected);
    for text in &texts {
        let filter = Some(pb::Filter { text: text.clone(), ..Default::default() });
        match root.cases.list_cases(pb::ListCasesRequest { filter, ..Default::default() }).await {
            Ok(_) => {}
            Err(status) => {
                assert_eq!(refusal(&status).reason, "INVALID_FIELD", "{text:?}: {status:?}");
            }
        }
    }
    let (before, after) = root.rebuild().await;
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_and_titles_come_back_as_they_were() {
    let Some(texts) = naughty() else { return };
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let root = world.administrator();
    let json = Json::new(world.platform.http, Some(&root.token));
    let unseen = |c: char| c.is_whitespace() || c.is_control() || "\u{200b}\u{feff}".contains(c);
    let (empty, texts): (Vec<_>, Vec<_>) =
        texts.into_iter().filter(|text| !text.contains('\0')).partition(|text| text.chars().all(unseen));
    assert!(!empty.is_empty(), "some have nothing that is seen");
    for text in &empty {
        for (method, field) in [("AddNote", "text"), ("SetTitle", "title")] {
            let request = json!({ "commandId": command_id(), "caseId": case.case_id, field: text });
            let answer = json.call(&format!("dossier.cases.v1.Cases/{method}"), &request).await;
            assert_eq!(answer.error().2, [field], "{text:?}");
        }
    }
    for text in &texts {
        let note = json!({ "commandId": command_id(), "caseId": case.case_id, "text": text });
        json.ok("dossier.cases.v1.Cases/AddNote", &note).await;
    }
    let shown = json.ok("dossier.cases.v1.Cases/GetCase", &json!({ "caseId": case.case_id })).await;
    let notes: Vec<_> = shown["case"]["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["kind"] == "KIND_NOTE")
        .map(|item| item["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(notes, texts);
    for text in texts.iter().step_by(10) {
        let title = json!({ "commandId": command_id(), "caseId": case.case_id, "title": text });
        json.ok("dossier.cases.v1.Cases/SetTitle", &title).await;
        let shown = json.ok("dossier.cases.v1.Cases/GetCase", &json!({ "caseId": case.case_id })).await;
        assert_eq!(shown["case"]["title"], json!(text));
    }
    world.end().await;
}
