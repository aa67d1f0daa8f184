//! What people do by hand while routing is at work, and what they have room for.

use proto::{assignment::v1 as pb, cases::v1 as cases};
use tests::{desk::message, world::command_id};

use crate::organisation::{POLICY, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_at_capacity_over_two_channels_gets_nothing_more() {
    let text = POLICY.replace("id = \"ana\"", "id = \"ana\"\nqueues = [\"south\"]\nregions = [\"world\"]");
    let site = Site::of(&text).await;
    site.online("ana").await;
    let mut posts = Vec::new();
    for id in ["m1", "m2"] {
        posts.push(site.receive(id, "kim", "a post").await);
    }
    assert_eq!(site.agent("ana").await.used, 2);
    // A chat takes all of the four units: it does not fit beside two posts.
    let chat = site.world.receive_one("chat", message("c1", "lee", "a chat")).await.case_id;
    site.world.routed().await;
    assert_eq!(site.assignee(&chat).await, "");
    assert_eq!(site.waiting("south").await[0].reason, "at_capacity");
    site.resolve(&posts[0]).await;
    assert_eq!(site.assignee(&chat).await, "", "one post is still in the way");
    site.resolve(&posts[1]).await;
    assert_eq!(site.assignee(&chat).await, "ana");
    let post = site.receive("m3", "kim", "another post").await;
    assert_eq!(site.assignee(&post).await, "", "the chat takes all of her");
    let ana = site.agent("ana").await;
    assert_eq!((ana.used, ana.capacity), (4, 4));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_candidates_come_in_a_stable_order() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let site = Site::start().await;
        // Nobody is longer there than the other one, by that clock.
        site.online("nils").await;
        site.online("ana").await;
        let mut given = Vec::new();
        for n in 0..6 {
            let case = site.receive(&format!("m{n}"), "kim", "one of many").await;
            given.push(site.assignee(&case).await);
            site.later(1).await;
        }
        runs.push(given);
        site.end().await;
    }
    assert_eq!(runs[0], ["ana", "nils", "ana", "nils", "ana", "nils"]);
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_by_hand_waits_with_the_other_team() {
    let site = Site::start().await;
    site.online("ana").await;
    let case = site.receive("m1", "kim", "hello").await;
    assert_eq!(site.assignee(&case).await, "ana");
    let transfer = cases::TransferRequest {
        command_id: command_id(),
        case_id: case.clone(),
        team: "south-care".into(),
        reason: "They know the product".into(),
        ..Default::default()
    };
    site.root().cases.transfer(transfer).await.expect("it is transferred");
    site.world.routed().await;
    assert_eq!(site.assignee(&case).await, "");
    assert_eq!(site.waiting("south").await.len(), 1, "it waits with that team");
    assert!(site.waiting("north").await.is_empty());
    assert_eq!(site.agent("ana").await.used, 0);
    site.online("sol").await;
    assert_eq!(site.assignee(&case).await, "sol");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_agent_is_preferred() {
    let text = POLICY.replace(
        "team = \"north-care\"\ndefault = true",
        "team = \"north-care\"\nmode = \"last_agent\"\ndefault = true",
    );
    let site = Site::of(&text).await;
    site.online("nils").await;
    let first = site.receive("m1", "kim", "the first").await;
    assert_eq!(site.assignee(&first).await, "nils");
    site.resolve(&first).await;
    site.later(60).await;
    site.online("ana").await;
    let second = site.receive("m2", "kim", "the second").await;
    assert_eq!(site.assignee(&second).await, "nils", "he knows the customer; ana would be the first");
    assert_eq!(site.explain(&second).await.decision.expect("a decision").by, "last_agent");
    let other = site.receive("m3", "lee", "another customer").await;
    assert_eq!(site.assignee(&other).await, "ana");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_that_assigns_during_an_offer_ends_the_offer_and_counts() {
    let site = Site::start().await;
    site.online("ana").await;
    site.online("nils").await;
    let case = site.receive("m1", "kim", "an offer").await;
    let offer = site.agent("ana").await.offers.first().cloned().expect("she is asked");
    assert_eq!(offer.case_id, case);
    site.assign(&case, "nils").await;
    assert_eq!(site.assignee(&case).await, "nils");
    site.until("the offer ends at once", async || site.agent("ana").await.offers.is_empty()).await;
    let (ana, nils) = (site.agent("ana").await, site.agent("nils").await);
    assert_eq!((ana.used, nils.used, nils.held.len()), (0, 1, 1));
    let late = pb::AnswerOfferRequest {
        command_id: command_id(),
        case_id: case.clone(),
        decision: offer.decision,
        ..Default::default()
    };
    let late = site.world.caller("ana", &[]).assignment.accept_offer(late).await;
    assert_eq!(late.expect_err("it is over").code(), tonic::Code::FailedPrecondition);

    // Who is asked may be given the case by hand, too: then there is nothing to answer.
    let second = site.receive("m2", "lee", "an offer").await;
    assert_eq!(site.agent("ana").await.offers[0].case_id, second);
    site.assign(&second, "ana").await;
    let ana = site.agent("ana").await;
    assert_eq!((ana.used, ana.offers.len(), ana.held.len()), (1, 0, 1));
    site.later(46).await;
    assert_eq!(site.agent("ana").await.presence(), pb::Presence::Online, "nothing was missed");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resolving_frees_capacity_and_drains_the_queue() {
    let text = POLICY.replace("id = \"ana\"\ncapacity = 4", "id = \"ana\"\ncapacity = 2");
    let site = Site::of(&text).await;
    site.online("ana").await;
    let mut received = Vec::new();
    for n in 0..6 {
        received.push(site.receive(&format!("m{n}"), "kim", "one of many").await);
        site.later(1).await;
    }
    for (n, case) in received.iter().enumerate() {
        assert_eq!(site.assignee(case).await, "ana", "the {n}th, in the order of their age");
        let waiting = site.waiting("north").await;
        assert_eq!(waiting.len(), 4_usize.saturating_sub(n));
        assert!(waiting.iter().all(|waiting| waiting.reason == "at_capacity"));
        assert!(site.agent("ana").await.used <= 2);
        site.resolve(case).await;
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_is_resolved_on_its_way_is_nobodys_and_frees_the_room() {
    let text = POLICY.replace("id = \"ana\"\ncapacity = 4", "id = \"ana\"\ncapacity = 1");
    let site = Site::of(&text).await;
    site.online("ana").await;
    let case = site.receive("m1", "kim", "an offer").await;
    assert_eq!(site.agent("ana").await.used, 1, "what is offered takes room");
    let next = site.receive("m2", "lee", "no question").await;
    assert_eq!(site.assignee(&next).await, "");
    site.resolve(&case).await;
    site.until_assigned(&next, "ana").await;
    let known = site.root().case(&case).await;
    assert_eq!((known.assignee.as_str(), known.status()), ("", cases::Status::Resolved));
    let ana = site.agent("ana").await;
    assert_eq!((ana.used, ana.offers.len()), (1, 0));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drains_keeps_what_is_there_and_takes_nothing_new() {
    let site = Site::start().await;
    site.online("ana").await;
    let kept = site.receive("m1", "kim", "before").await;
    let drain = |draining| pb::SetDrainingRequest {
        command_id: command_id(),
        person: "me".into(),
        draining,
        ..Default::default()
    };
    let mut ana = site.world.caller("ana", &[]);
    ana.assignment.set_draining(drain(true)).await.expect("she drains");
    let new = site.receive("m2", "lee", "after").await;
    assert_eq!((site.assignee(&kept).await, site.assignee(&new).await), ("ana".into(), String::new()));
    assert_eq!(site.waiting("north").await[0].reason, "draining");
    ana.assignment.set_draining(drain(false)).await.expect("she takes cases again");
    site.world.routed().await;
    assert_eq!(site.assignee(&new).await, "ana");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skill_that_an_agent_gets_wakes_what_waited_for_it() {
    let site = Site::start().await;
    site.online("nils").await;
    let case = site.receive("m1", "kim", "bonjour").await;
    assert_eq!(site.assignee(&case).await, "");
    let told = site.explain(&case).await.decision.expect("a decision");
    assert_eq!(told.rejected.get("no_language"), Some(&1), "nils does not speak it");
    let learned = "id = \"nils\"\ncapacity = 4\nlanguages = { en = \"native\", fr = \"b2\" }";
    let text = POLICY.replace("id = \"nils\"\ncapacity = 4\nlanguages = { en = \"native\" }", learned);
    assert_ne!(text, POLICY);
    site.apply(tests::world::POLICY, &text).await;
    site.until_assigned(&case, "nils").await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_has_who_becomes_an_agent_is_load() {
    let site = Site::start().await;
    let mut had = Vec::new();
    for id in ["m1", "m2"] {
        let case = site.receive(id, "kim", "for nora").await;
        site.assign(&case, "nora").await;
        had.push(case);
    }
    // Whoever is no agent is never there: nothing is taken back from her.
    site.later(3 * 3_600).await;
    assert_eq!(site.assignee(&had[0]).await, "nora");
    let organisation = tests::world::POLICY
        .replace("roles = [\"supervisor\"]", "roles = [\"supervisor\", \"agent\"]\nteams = [\"north-care\"]");
    site.apply(&organisation, &format!("{POLICY}\n[[agent]]\nid = \"nora\"\ncapacity = 2\n")).await;
    site.online("nora").await;
    assert_eq!(site.agent("nora").await.used, 2);
    let case = site.receive("m3", "lee", "one more").await;
    assert_eq!(site.assignee(&case).await, "", "she is full");
    site.resolve(&had[0]).await;
    assert_eq!(site.assignee(&case).await, "nora");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_take_the_next_one_at_once_never_get_the_same_case() {
    let text = POLICY.replace("capacity = 4", "capacity = 40");
    let site = Site::of(&text).await;
    site.online("ana").await;
    site.online("nils").await;
    let mut received = std::collections::BTreeSet::new();
    for n in 0..12 {
        received.insert(site.receive(&format!("m{n}"), "kim", "to pull").await);
    }
    let take = async |who: &str| {
        let mut caller = site.world.caller(who, &[]);
        let request = pb::TakeNextRequest { command_id: command_id(), queue: "taken".into() };
        loop {
            match caller.assignment.take_next(request.clone()).await {
                Ok(taken) => return taken.into_inner().case_id,
                Err(status) => assert_eq!(status.code(), tonic::Code::Aborted, "{status:?}"),
            }
        }
    };
    let mut taken = std::collections::BTreeMap::new();
    while taken.len() < received.len() {
        let both = tokio::join!(take("ana"), take("nils"));
        for (case, who) in [(both.0, "ana"), (both.1, "nils")] {
            assert!(received.contains(&case), "{who} was given {case:?}");
            assert_eq!(taken.insert(case, who), None, "a case is given once");
        }
    }
    site.world.routed().await;
    for (case, who) in taken {
        assert_eq!(site.assignee(&case).await, who);
    }
    let used = [site.agent("ana").await.used, site.agent("nils").await.used];
    assert_eq!(used, [6, 6]);
    site.end().await;
}
