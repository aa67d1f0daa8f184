//! JSON that is none, or says what no request says.

use serde_json::json;
use tests::{
    desk::message,
    http::Json,
    real_data,
    world::{World, command_id},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_request_is_refused_with_its_reason() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let root = Json::new(world.platform.http, Some(&world.administrator().token));
    let (id, command) = (&case.case_id, command_id());
    let note = |text: &str| format!(r#"{{"commandId":"{command}","caseId":"{id}","text":{text}}}"#);
    let priority = |value: &str| format!(r#"{{"commandId":"{command}","caseId":"{id}","priority":{value}}}"#);
    let mark = world.mark().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (method, body) in [
        ("AddNote", String::new()),
        ("AddNote", "{".into()),
        ("AddNote", "null".into()),
        ("AddNote", "[]".into()),
        ("AddNote", "\"text\"".into()),
        ("AddNote", deep.clone()),
        ("AddNote", note(&deep)),
        ("AddNote", note("7")),
        ("AddNote", note("{}")),
        ("AddNote", note("\"\\ud800\"")),
        ("AddNote", note("\"\\udc00\\ud800\"")),
        ("AddNote", note("\"\\u0000\"")),
        ("AddNote", note("\"a\\u0000b\"")),
        ("AddNote", note("\"\"")),
        ("AddNote", note("\"x\",\"unknownField\":1")),
        ("AddNote", note("\"x\"} trailing")),
        ("SetPriority", priority("\"PRIORITY_EXTREME\"")),
        ("SetPriority", priority("99")),
        ("SetPriority", priority("-1")),
        ("SetPriority", priority("1.5")),
        ("SetPriority", priority("1e400")),
        ("Snooze", format!(r#"{{"commandId":"{command}","caseId":"{id}","until":"tomorrow"}}"#)),
        ("Snooze", format!(r#"{{"commandId":"{command}","caseId":"{id}","until":"99999-01-01T00:00:00Z"}}"#)),
        ("GetCase", r#"{"caseId":"nonsense"}"#.into()),
        ("GetCase", r#"{"caseId":"00000000-0000-0000-0000-00000000000g"}"#.into()),
    ] {
        let answer = root.raw(&format!("dossier.cases.v1.Cases/{method}"), body.clone()).await;
        let shown: String = body.chars().take(200).collect();
        let (code, reason, _) = answer.error();
        assert_eq!(
            (answer.status.as_u16(), code.as_str()),
            (400, "invalid_argument"),
            "{shown}: {}",
            answer.text
        );
        assert!(!reason.is_empty(), "{shown}: {}", answer.text);
    }
    let answer = root.raw("dossier.cases.v1.Cases/AddNote", b"{\"text\":\"\xff\xfe\"}".to_vec()).await;
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
    let nowhere = root.call("dossier.cases.v1.Cases/Nothing", &json!({})).await;
    assert_eq!(nowhere.status.as_u16(), 404, "{}", nowhere.text);
    world.nothing_since(mark).await;
    assert_eq!(world.administrator().case(id).await, case);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_known_hostile_document_is_taken_for_a_command() {
    let Some(folder) = real_data::path("audit/jsontestsuite/test_parsing") else { return };
    let world = World::start().await;
    let root = Json::new(world.platform.http, Some(&world.administrator().token));
    let mark = world.mark().await;
    let mut read = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let answer = root.raw("dossier.cases.v1.Cases/AddNote", std::fs::read(&path).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 400, "{}: {}", path.display(), answer.text);
        read += 1;
    }
    assert!(read > 100, "only {read}");
    world.nothing_since(mark).await;
    world.end().await;
}
