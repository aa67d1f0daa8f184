//! Assignment as JSON, as `curl` calls it, and in the description that generators read.

use http::StatusCode;
use serde_json::json;
use tests::{http::Json, world::command_id};

use crate::organisation::Site;

/// Every method of the contract but the one that streams.
const METHODS: [&str; 12] = [
    "ListAgents",
    "GetAgent",
    "SetPresence",
    "Renew",
    "SetDraining",
    "AcceptOffer",
    "DeclineOffer",
    "TakeNext",
    "ListQueues",
    "ListWaiting",
    "ListDecisions",
    "Explain",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_agents_and_decisions_are_asked_for_as_json() {
    let site = Site::start().await;
    let case = site.receive("m1", "kim", "it is urgent").await;
    let ana = Json::new(site.world.platform.http, Some(&site.world.caller("ana", &[]).token));
    let of = |method: &str| format!("dossier.assignment.v1.Assignment/{method}");

    let at_least = site.world.platform.shell.token(site.world.mark().await);
    let answer = ana.ok(&of("ListQueues"), &json!({ "atLeast": at_least })).await;
    let queues = answer["queues"].as_array().expect("queues");
    let north = queues.iter().find(|queue| queue["queue"] == "north").expect("the queue of the north");
    assert_eq!((&north["waiting"], &north["reasons"]), (&json!(1), &json!({ "offline": 1 })));
    assert!(north["oldest"].as_str().is_some_and(|oldest| oldest.starts_with("2026-11-30T")), "{north}");
    let answer = ana.ok(&of("ListWaiting"), &json!({ "queue": "north" })).await;
    assert_eq!(
        (&answer["waiting"][0]["caseId"], &answer["waiting"][0]["priority"]),
        (&json!(case), &json!("urgent"))
    );

    let online = json!({ "commandId": command_id(), "person": "me", "presence": "PRESENCE_ONLINE" });
    let answer = ana.ok(&of("SetPresence"), &online).await;
    assert_eq!(answer["agent"]["presence"], "PRESENCE_ONLINE");
    site.world.routed().await;
    let answer = ana.ok(&of("GetAgent"), &json!({ "person": "me" })).await;
    assert_eq!(answer["agent"]["held"][0]["caseId"], json!(case));
    let answer = ana.ok(&of("Explain"), &json!({ "decision": case })).await;
    assert_eq!((&answer["rulesSame"], &answer["choiceSame"]), (&json!(true), &json!(true)));
    assert_eq!(
        (&answer["decision"]["number"], &answer["candidates"][0]["fate"]),
        (&json!(2), &json!("chosen"))
    );
    let answer = ana.ok(&of("ListDecisions"), &json!({ "caseId": case })).await;
    assert_eq!(answer["decisions"].as_array().map(Vec::len), Some(2));

    let wrong = ana.call(&of("ListWaiting"), &json!({ "queue": "nowhere" })).await;
    assert_eq!((wrong.status, wrong.error().0.as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let wrong = ana.call(&of("SetPresence"), &json!({ "commandId": command_id(), "person": "me" })).await;
    assert_eq!(wrong.error().0, "invalid_argument", "{}", wrong.text);

    let described = ana.get("/openapi.json").await.body;
    for method in METHODS {
        let path = format!("/{}", of(method));
        let request = &described["paths"][&path]["post"]["requestBody"];
        assert!(request.is_object(), "{path} is not described");
    }
    site.end().await;
}
