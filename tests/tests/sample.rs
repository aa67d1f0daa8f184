//! The sample: a first look, and the same look again.

use std::net::SocketAddr;

use dossier::{platform::Platform, sample, up};
use proto::{assignment::v1 as pb, policy::v1::apply_request::File};
use service::{auth::PrincipalKind, health::State};
use tests::world::{Caller, command_id};

async fn start(data: &std::path::Path) -> Platform {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = up::Config {
        data: data.to_owned(),
        policy: None,
        sample: true,
        http: any,
        grpc: any,
        hooks: any,
        mail: any,
        behind_proxy: false,
        metrics: prometheus::Registry::new(),
    };
    up::start(&config).await.expect("the sample is right")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_again_adds_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut tails = Vec::new();
    for _ in 0..3 {
        let platform = start(folder.path()).await;
        sample::routed(&platform).await.expect("everything finds its way");
        tails.push(platform.shell.log.tail(&[]).await.expect("the log answers"));
        assert_eq!(*platform.health().borrow(), State::default(), "nothing waits");
        let log = std::sync::Arc::clone(&platform.shell.log);
        platform.end().await;
        log.close().await;
    }
    assert!(tails[0].0 > 300, "the sample is there: {tails:?}");
    assert_eq!(tails, [tails[0]; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_in_force_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let platform = start(folder.path()).await;
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/dossier/sample/policy");
    let mut files = sample::files_in(std::path::Path::new(own)).expect("the sample's own policy");
    let text = "[[team]]\nid = \"kettles\"\nname = \"Kettles\"\nregion = \"emea\"\n";
    files.push(File { name: "kettles.toml".into(), text: text.into() });
    sample::apply(&platform, files).await.expect("a team more");
    let version = platform.policies.current().version;
    let log = std::sync::Arc::clone(&platform.shell.log);
    platform.end().await;
    log.close().await;

    let platform = start(folder.path()).await;
    let now = platform.policies.current();
    assert!(now.version >= version && now.state.set().team(&"kettles".parse().unwrap()).is_some());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_wait_for_stated_reasons_until_somebody_is_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let platform = start(folder.path()).await;
    let token = |person: &str| {
        let person = person.parse().expect("an id");
        let token = up::token(folder.path(), &person, PrincipalKind::Human, &[], 1).expect("a key");
        token.expect("the key of the site")
    };
    let mut root = Caller::new(platform.grpc, &token("ines"));
    let queues = root.assignment.list_queues(pb::ListQueuesRequest::default()).await.expect("queues");
    let queues = queues.into_inner().queues;
    let ids: Vec<&str> = queues.iter().map(|queue| queue.queue.as_str()).collect();
    assert_eq!(
        ids,
        ["americas", "americas-repair", "around-the-clock", "emea", "emea-repair", "public-word"]
    );
    for queue in queues.iter().filter(|queue| queue.queue != "around-the-clock") {
        assert!(queue.waiting > 0 && queue.agents > 0 && queue.online == 0, "{queue:?}");
        assert_eq!(queue.reasons.values().sum::<u32>(), queue.waiting, "each says why: {queue:?}");
        assert!(
            !queue.reasons.contains_key("nobody") && !queue.reasons.contains_key("on_its_way"),
            "{queue:?}"
        );
    }
    let pull = queues.iter().find(|queue| queue.queue == "public-word").expect("the queue of the group");
    assert_eq!(pull.reasons.keys().collect::<Vec<_>>(), ["to_be_taken"]);
    let before: u32 = queues.iter().map(|queue| queue.waiting).sum();

    // He serves his region and, where it is closed, the group: he is given something at any time of the week.
    let mut jonas = Caller::new(platform.grpc, &token("jonas"));
    let online = || pb::SetPresenceRequest {
        command_id: command_id(),
        person: "me".into(),
        presence: pb::Presence::Online.into(),
        ..Default::default()
    };
    jonas.assignment.set_presence(online()).await.expect("he is there");
    sample::routed(&platform).await.expect("everything finds its way");
    let agent = jonas.assignment.get_agent(pb::GetAgentRequest { person: "me".into(), ..Default::default() });
    let agent = agent.await.expect("himself").into_inner().agent.expect("an agent");
    assert!(!agent.held.is_empty() && agent.used <= agent.capacity, "{agent:?}");
    for held in &agent.held {
        let case = jonas.case(&held.case_id).await;
        assert_eq!(case.assignee, "jonas");
        let decision = pb::ExplainRequest { decision: case.number, ..Default::default() };
        let told = jonas.assignment.explain(decision).await.expect("why").into_inner();
        assert!(told.rules_same && told.choice_same, "{told:?}");
    }

    // What is not pushed is taken, and a retry takes no other.
    let mut hugo = Caller::new(platform.grpc, &token("hugo"));
    hugo.assignment.set_presence(online()).await.expect("he is there");
    sample::routed(&platform).await.expect("nothing is pushed to him");
    let next = pb::TakeNextRequest { command_id: command_id(), queue: "public-word".into() };
    let taken = hugo.assignment.take_next(next.clone()).await.expect("the first one").into_inner();
    assert!(!taken.case_id.is_empty(), "{taken:?}");
    assert_eq!(hugo.assignment.take_next(next).await.expect("the same").into_inner().case_id, taken.case_id);
    sample::routed(&platform).await.expect("everything finds its way");
    let position = platform.shell.token(platform.shell.log.tail(&[]).await.expect("the log answers"));
    let request = pb::ListQueuesRequest { at_least: position, ..Default::default() };
    let queues = root.assignment.list_queues(request).await.expect("queues").into_inner().queues;
    let after: u32 = queues.iter().map(|queue| queue.waiting).sum();
    let given = u32::try_from(agent.held.len()).expect("few") + 1;
    assert_eq!(after + given, before, "what somebody has waits no more");
    platform.end().await;
}
