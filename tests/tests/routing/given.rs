//! Cases are given to agents.

use proto::assignment::v1 as pb;
use tests::world::command_id;

use crate::organisation::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_given_to_who_comes_and_the_decision_replays() {
    let site = Site::start().await;
    let case = site.receive("m1", "kim", "it is urgent").await;
    assert_eq!(site.assignee(&case).await, "", "nobody is there");
    let waiting = site.waiting("north").await;
    assert_eq!(
        (waiting.len(), waiting[0].reason.as_str(), waiting[0].priority.as_str()),
        (1, "offline", "urgent")
    );
    let known = site.root().case(&case).await;
    assert_eq!(known.tags, ["hurry"], "what the rules say is done to the case");

    site.online("ana").await;
    assert_eq!(site.assignee(&case).await, "ana");
    assert!(site.waiting("north").await.is_empty());
    let ana = site.agent("ana").await;
    assert_eq!((ana.used, ana.held.len(), ana.held[0].case_id.as_str()), (1, 1, case.as_str()));

    let told = site.explain(&case).await;
    let decision = told.decision.expect("a decision");
    assert_eq!((decision.number, decision.agent.as_str(), decision.by.as_str()), (2, "ana", "mode"));
    assert!(told.rules_same && told.choice_same, "it comes out the same");
    assert_eq!(decision.matched, ["urgent"]);
    let first = site.explain(&format!("{case}/1")).await;
    assert_eq!(first.decision.expect("a decision").reason, "offline");
    assert!(first.choice_same);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_taken_or_goes_to_another_one() {
    let site = Site::start().await;
    site.online("ana").await;
    site.online("nils").await;
    let case = site.receive("m1", "kim", "an offer").await;
    assert_eq!(site.assignee(&case).await, "", "whoever is asked has not answered");
    let ana = site.agent("ana").await;
    let offer = ana.offers.first().expect("the first by id is asked");
    assert_eq!((offer.case_id.as_str(), offer.accepted), (case.as_str(), false));
    let request = pb::AnswerOfferRequest {
        command_id: command_id(),
        case_id: case.clone(),
        decision: offer.decision,
        ..Default::default()
    };
    site.world.caller("ana", &[]).assignment.decline_offer(request).await.expect("he declines");
    site.world.routed().await;
    assert!(site.agent("ana").await.offers.is_empty(), "who declined is not asked again");
    let nils = site.agent("nils").await;
    let offer = nils.offers.first().expect("the next one is asked");
    let request = pb::AnswerOfferRequest {
        command_id: command_id(),
        case_id: case.clone(),
        decision: offer.decision,
        ..Default::default()
    };
    site.world.caller("nils", &[]).assignment.accept_offer(request).await.expect("he takes it");
    site.world.routed().await;
    assert_eq!(site.assignee(&case).await, "nils");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_takes_the_next_one_and_a_retry_takes_no_other() {
    let site = Site::start().await;
    site.online("ana").await;
    let old = site.receive("m1", "kim", "to pull").await;
    site.clock.set(site_later(&site, 60));
    let new = site.receive("m2", "lee", "to pull, urgent").await;
    assert_eq!(site.assignee(&old).await, "", "what is to be taken is not pushed");
    let request = pb::TakeNextRequest { command_id: command_id(), queue: "taken".into() };
    let mut ana = site.world.caller("ana", &[]);
    let taken = ana.assignment.take_next(request.clone()).await.expect("an answer").into_inner();
    assert_eq!(taken.case_id, new, "the urgent one goes first");
    let again = ana.assignment.take_next(request).await.expect("an answer").into_inner();
    assert_eq!(again.case_id, new, "a retry is the same");
    site.world.routed().await;
    assert_eq!((site.assignee(&new).await, site.assignee(&old).await), ("ana".into(), String::new()));
    site.end().await;
}

fn site_later(site: &Site, seconds: i64) -> domain::time::Timestamp {
    use service::clock::Clock;
    site.clock.now().plus_seconds(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_is_passed_over_and_who_is_silent_gets_nothing() {
    let site = Site::start().await;
    site.online("ana").await;
    site.online("nils").await;
    let offered = site.receive("m1", "kim", "an offer").await;
    assert_eq!(site.agent("ana").await.offers.len(), 1);
    site.later(46).await;
    assert!(site.agent("ana").await.offers.is_empty(), "the offer is over");
    assert_eq!(site.agent("nils").await.offers[0].case_id, offered);
    // Nothing is heard of anybody: the lease of two minutes ends.
    site.later(200).await;
    for who in ["ana", "nils"] {
        let agent = site.agent(who).await;
        assert_eq!((agent.presence(), agent.reason.as_str()), (pb::Presence::Offline, "lease_over"), "{who}");
    }
    let late = site.receive("m2", "lee", "is somebody there").await;
    assert_eq!(site.assignee(&late).await, "");
    site.end().await;
}
