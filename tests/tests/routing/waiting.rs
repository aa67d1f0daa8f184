//! Where a case waits, for how long, and who may have it.

use proto::{assignment::v1 as pb, ingestion::v1 as ing};
use tests::desk::{instant, message};

use crate::organisation::{POLICY, Site, start};

/// A rule that sends what has a word into a queue.
fn rule(order: u32, word: &str, then: &str) -> String {
    format!(
        "[[routing_rule]]\nid = \"{word}\"\nname = \"{word}\"\norder = {order}\n\
         when = \"message.text.contains('{word}')\"\nthen = {{ {then} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_agent_gets_nothing() {
    let site = Site::start().await;
    for presence in [pb::Presence::Offline, pb::Presence::Away, pb::Presence::Busy, pb::Presence::Break] {
        site.present("ana", presence).await;
        let case = site.receive(&format!("m-{presence:?}"), "kim", "is somebody there").await;
        assert_eq!(site.assignee(&case).await, "", "{presence:?}");
        let told = site.explain(&case).await.decision.expect("a decision");
        let reason = if presence == pb::Presence::Offline { "offline" } else { "not_online" };
        assert_eq!(told.reason, reason, "{presence:?}");
        assert_eq!(site.agent("ana").await.used, 0);
    }
    site.online("nils").await;
    assert_eq!(site.agent("nils").await.used, 4, "who is there has all of it");
    assert_eq!(site.agent("ana").await.used, 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requeued_case_keeps_its_age() {
    let site = Site::start().await;
    site.online("ana").await;
    let left = site.receive("m1", "kim", "left behind").await;
    assert_eq!(site.assignee(&left).await, "ana");
    site.later(60).await;
    site.present("ana", pb::Presence::Offline).await;
    let new = site.receive("m2", "lee", "a new one").await;
    // Whoever is away may come back: half an hour of working time.
    site.later(29 * 60).await;
    assert_eq!(site.assignee(&left).await, "ana");
    site.later(2 * 60).await;
    site.until_assigned(&left, "").await;
    let waiting = site.waiting("north").await;
    let order: Vec<_> = waiting.iter().map(|waiting| waiting.case_id.as_str()).collect();
    assert_eq!(order, [&left, &new], "it stands before what came later");
    let since = waiting[0].since.expect("a time");
    assert_eq!(instant(since), start(), "it waits since it came first");
    assert_eq!(site.agent("ana").await.used, 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_of_somebody_who_is_gone_goes_back_at_once() {
    let site = Site::start().await;
    site.online("sol").await;
    let chat = site.world.receive_one("chat", message("c1", "kim", "hello")).await.case_id;
    site.world.routed().await;
    assert_eq!(site.assignee(&chat).await, "sol");
    site.later(10).await;
    site.present("sol", pb::Presence::Offline).await;
    site.later(1).await;
    site.until_assigned(&chat, "").await;
    let waiting = site.waiting("south").await;
    assert_eq!(instant(waiting[0].since.expect("a time")), start());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overflow_to_a_global_queue_after_a_while() {
    let more = r#"
[[queue]]
id = "local"
name = "Local"
region = "south"
overflow = { to = "global", after = "10 minutes" }

[[queue]]
id = "global"
name = "Global"
"#;
    let text = POLICY.replace("id = \"nils\"", "id = \"nils\"\nqueues = [\"global\"]");
    let site = Site::of(&format!("{text}{more}{}", rule(50, "spill", "queue = 'local'"))).await;
    site.online("nils").await;
    let case = site.receive("m1", "kim", "spill").await;
    assert_eq!(site.assignee(&case).await, "", "it is too early for help");
    assert_eq!(site.waiting("local").await[0].reason, "no_overflow_yet");
    site.later(9 * 60).await;
    site.online("nils").await;
    assert_eq!(site.assignee(&case).await, "");
    site.later(61).await;
    site.until_assigned(&case, "nils").await;
    let told = site.explain(&case).await;
    assert_eq!(told.decision.expect("a decision").step, 1, "a step of relaxation");
    assert!(told.choice_same);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_follows_the_sun_by_calendar() {
    let more = r#"
[[calendar]]
id = "east-hours"
name = "East"
time_zone = "UTC"
hours = { mon-sun = ["00:00-08:00"] }

[[calendar]]
id = "west-hours"
name = "West"
time_zone = "UTC"
hours = { mon-sun = ["08:00-16:00"] }

[[queue]]
id = "east"
name = "East"
calendar = "east-hours"
follow_the_sun = ["west"]

[[queue]]
id = "west"
name = "West"
calendar = "west-hours"
"#;
    let text = POLICY
        .replace("id = \"ana\"", "id = \"ana\"\nqueues = [\"east\"]")
        .replace("id = \"nils\"", "id = \"nils\"\nqueues = [\"west\"]");
    let site = Site::of(&format!("{text}{more}{}", rule(50, "sun", "queue = 'east'"))).await;
    site.online("nils").await;
    // Nine o'clock: it is night in the east, and the west works.
    let day = site.receive("m1", "kim", "sun").await;
    assert_eq!(site.assignee(&day).await, "nils");
    // Eight in the evening: nobody works.
    site.later(11 * 3_600).await;
    site.online("nils").await;
    site.online("ana").await;
    let night = site.receive("m2", "lee", "sun").await;
    assert_eq!(site.assignee(&night).await, "");
    assert_eq!(site.waiting("east").await[0].reason, "closed");
    // One past midnight the east works, with its own people.
    site.later(4 * 3_600 + 1).await;
    site.online("nils").await;
    site.online("ana").await;
    site.until_assigned(&night, "ana").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_required_is_never_given_up() {
    let more = r#"
[[queue]]
id = "strict"
name = "Strict"
teams = ["north-care", "south-care"]
relaxation = [{ after = "1 minute", relax = "proficiency" }, { after = "2 minutes", relax = "optional_skills" }]
"#;
    let strict = rule(50, "strict", "queue = 'strict', region = 'south'");
    let site = Site::with(&format!("{more}{strict}")).await;
    site.online("ana").await;
    site.online("nils").await;
    let case = site.receive("m1", "kim", "strict").await;
    assert_eq!(site.assignee(&case).await, "");
    site.later(3_600).await;
    site.online("ana").await;
    assert_eq!(site.assignee(&case).await, "", "not after an hour either");
    let told = site.explain(&case).await;
    assert_eq!(told.decision.expect("a decision").rejected.get("other_region"), Some(&2));
    site.online("sol").await;
    site.until_assigned(&case, "sol").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn priority_and_age_decide_who_is_next() {
    let text = POLICY.replace("id = \"ana\"\ncapacity = 4", "id = \"ana\"\ncapacity = 1");
    let site = Site::of(&text).await;
    let old = site.receive("m1", "kim", "normal, and old").await;
    // After four hours it counts as high, after eight as urgent.
    site.later(8 * 3_600 + 60).await;
    let new = site.receive("m2", "lee", "normal, and new").await;
    let urgent = site.receive("m3", "pat", "urgent").await;
    site.online("ana").await;
    for (at, case) in [&old, &urgent, &new].into_iter().enumerate() {
        assert_eq!(site.assignee(case).await, "ana", "the {at}th");
        assert_eq!(site.agent("ana").await.used, 1);
        site.resolve(case).await;
    }
    assert_eq!(site.agent("ana").await.used, 0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_cases_are_not_routed_until_a_live_message_arrives() {
    let site = Site::start().await;
    site.online("ana").await;
    let import = ing::SubmitRequest {
        account: "forum".into(),
        messages: vec![message("m-old", "kim", "it is urgent")],
        origin: ing::submit_request::Origin::Import.into(),
    };
    let answer = site.root().ingestion.submit(import).await.expect("an answer").into_inner();
    site.world.settled(&answer.position).await;
    site.world.routed().await;
    assert!(site.waiting("north").await.is_empty(), "history waits for nobody");
    assert_eq!(site.agent("ana").await.used, 0);
    let live = ing::Message {
        thread_root: "m-old".into(),
        reply_to: "m-old".into(),
        ..message("m-new", "kim", "and now?")
    };
    let case = site.world.receive_one("forum", live).await;
    site.world.routed().await;
    let known = site.root().case(&case.case_id).await;
    assert_eq!(
        (known.assignee.as_str(), known.timeline.len()),
        ("ana", 2),
        "the same case, and now it is live"
    );
    site.end().await;
}
