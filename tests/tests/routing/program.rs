//! Assignment on the command line: the program as a process, against the whole platform.

use serde_json::Value;
use tests::program;

use crate::organisation::Site;

/// What a command came to.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).expect("JSON")
    }
}

/// `dossier` as somebody.
async fn run(site: &Site, who: &str, line: &str) -> Ran {
    let mut command = program::against(&site.world, &site.world.caller(who, &[]));
    command.args(line.split_whitespace());
    let done = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread");
    let done = done.expect("the program starts");
    site.world.routed().await;
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_declined_and_accepted_by_the_number_of_its_case() {
    let site = Site::start().await;
    let online = run(&site, "ana", "agent online -o json").await;
    assert_eq!(online.json()["presence"], "PRESENCE_ONLINE");
    assert!(online.err.contains("this holds until 2026-11-30 09:02Z"), "{}", online.err);
    assert_eq!(run(&site, "root", "agent online nils -o name").await.out, "nils\n");
    let id = site.receive("m1", "kim", "an offer").await;
    let case = site.root().case(&id).await.number;

    let shown = run(&site, "ana", "agent show -o json").await.json();
    assert_eq!(shown["offers"][0]["caseId"], id.as_str());
    let early = run(&site, "nils", &format!("agent accept {case}")).await;
    assert_eq!(early.code, Some(5), "{}", early.err);
    assert!(early.err.contains("not offered to you") && early.err.contains("next: "), "{}", early.err);
    let declined = run(&site, "ana", &format!("agent decline {case} --reason conflict -o json")).await.json();
    assert!(declined.get("offers").is_none(), "{declined}");
    let accepted = run(&site, "nils", &format!("agent accept {case} -o name")).await;
    assert_eq!((accepted.code, accepted.out.as_str()), (Some(0), "nils\n"), "{}", accepted.err);
    assert_eq!(site.assignee(&id).await, "nils");

    let why = run(&site, "nils", &format!("explain {case} -o json")).await.json();
    assert_eq!(why["decision"]["agent"], "nils");
    let first = run(&site, "nils", &format!("explain {case}/1 -o name")).await;
    assert_eq!((first.code, first.out), (Some(0), format!("{case}/1\n")), "{}", first.err);
    let none = run(&site, "nils", &format!("explain {case}/99")).await;
    assert_eq!(none.code, Some(4), "{}", none.err);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_listed_and_taken() {
    let site = Site::start().await;
    let id = site.receive("m1", "kim", "to pull, urgent").await;
    let case = site.root().case(&id).await.number;
    let at_least = site.world.platform.shell.token(site.world.mark().await);
    let queues =
        run(&site, "ana", &format!("queue ls --team north-care --wait {at_least} -o json")).await.json();
    let names: Vec<_> = queues["queues"].as_array().expect("queues").iter().map(|q| &q["queue"]).collect();
    assert_eq!(names, ["asked", "north", "taken"]);
    assert_eq!(queues["queues"][2]["reasons"], serde_json::json!({ "to_be_taken": 1 }));
    let waiting = run(&site, "ana", "queue ls taken").await;
    let row: Vec<&str> = waiting.out.lines().nth(1).unwrap_or_default().split('\t').collect();
    assert_eq!(
        (row[0], row[1], row[4], row[5]),
        (case.as_str(), "urgent", "to_be_taken", "north-care"),
        "{}",
        waiting.out
    );

    let nothing = run(&site, "ana", "agent next --queue taken").await;
    assert_eq!(nothing.code, Some(0));
    assert!(nothing.err.contains("you are not online"), "{}", nothing.err);
    let online = run(&site, "ana", "agent online -q").await;
    assert!(online.out.contains("ana	online") && online.err.is_empty(), "{}{}", online.out, online.err);
    let drained = run(&site, "ana", "agent drain -o json").await.json();
    assert_eq!(drained["draining"], true);
    let refused = run(&site, "ana", "agent next").await;
    assert!(refused.err.contains("draining"), "{}", refused.err);
    assert!(run(&site, "ana", "agent undrain -o json").await.json().get("draining").is_none());
    let taken = run(&site, "ana", "agent next --queue taken -o name").await;
    assert_eq!((taken.code, taken.out), (Some(0), format!("{id}\n")), "{}", taken.err);
    assert_eq!(site.assignee(&id).await, "ana");
    let resting = run(&site, "ana", "agent break --reason lunch -o json").await.json();
    assert_eq!((&resting["presence"], &resting["reason"]), (&"PRESENCE_BREAK".into(), &"lunch".into()));
    let agents = run(&site, "root", "agent ls --presence break -o name").await;
    assert_eq!(agents.out, "ana\n", "{}", agents.err);

    // Another team's queue and agent are not there for her.
    for line in ["queue ls south", "agent show sol", "agent online sol"] {
        let hidden = run(&site, "ana", line).await;
        assert_eq!(hidden.code, Some(4), "{line}: {}", hidden.err);
        assert!(hidden.err.contains("next: look with `dossier "), "{line}: {}", hidden.err);
    }
    site.end().await;
}
