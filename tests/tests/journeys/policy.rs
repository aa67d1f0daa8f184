//! Policy: what is wrong is said where it stands, what is right is in force, and what was in force can be shown.

use std::collections::BTreeSet;

use proto::{
    cases::v1 as pb,
    policy::v1::{ApplyRequest, ShowRequest, apply_request::File, show_response::Field},
};
use tests::{
    desk::{message, refused, wrong_field},
    world::{Caller, World, command_id},
};
use tonic::Code;

use crate::rules::{NORTH, SOUTH, files};

fn apply(files: Vec<File>) -> ApplyRequest {
    ApplyRequest { command_id: command_id(), files, ..Default::default() }
}

async fn show(caller: &mut Caller, path: &str, region: &str, team: &str, as_of: &str) -> Vec<Field> {
    let request = ShowRequest {
        path: path.into(),
        region: region.into(),
        team: team.into(),
        as_of: as_of.into(),
        ..Default::default()
    };
    caller.policy.show(request).await.expect("the policy").into_inner().fields
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_into_force_whole_or_not_at_all() {
    let world = World::start().await;
    let mut root = world.administrator();
    let before = show(&mut root, "case.reopen_window", "", "", "").await;
    assert_eq!((before[0].value.as_str(), before[0].level.as_str()), ("\"14 days\"", "global"));

    let dry = ApplyRequest { dry_run: true, ..apply(files(&[NORTH, SOUTH])) };
    let mark = world.mark().await;
    let answer = root.policy.apply(dry).await.unwrap().into_inner();
    let added: Vec<_> = answer.changes.iter().map(|c| (c.document.as_str(), c.change.as_str())).collect();
    assert_eq!(added, [("case/region/north", "added"), ("case/region/south", "added")]);
    let wrong = "[[case]]\nlevel = \"region/north\"\nreopen_windw = \"2 days\"\n\n[[team]]\nid = \"x\"\nname = \"X\"\nregion = \"nowhere\"\n";
    let answer = root.policy.apply(apply(files(&[SOUTH, wrong]))).await.unwrap().into_inner();
    assert!(answer.changes.is_empty());
    let places: Vec<_> = answer.problems.iter().map(|p| (p.file.as_str(), p.line, p.column)).collect();
    assert_eq!(places, [("rules-1.toml", 3, 1), ("rules-1.toml", 8, 1)], "{:?}", answer.problems);
    assert!(answer.problems[0].remedy.contains("reopen_window"), "{:?}", answer.problems[0]);
    assert!(answer.problems.iter().all(|problem| !problem.message.is_empty() && !problem.remedy.is_empty()));
    let broken = root.policy.apply(apply(files(&["[[case]\n"]))).await.unwrap().into_inner().problems;
    assert_eq!((broken[0].file.as_str(), broken[0].line), ("rules-0.toml", 1));
    world.nothing_since(mark).await;

    let stale = ApplyRequest { expected_position: "local.1.0".into(), ..apply(files(&[SOUTH])) };
    let stale = refused(root.policy.apply(stale).await, Code::Aborted, "STALE_POSITION");
    assert!(stale.message().contains("it is now at local.1."), "{stale:?}");
    let request = apply(files(&[SOUTH]));
    let first = root.policy.apply(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.changes.len(), 1);
    let again = root.policy.apply(request).await.unwrap().into_inner();
    assert_eq!(again, first);
    let mark = world.mark().await;
    root.policy.apply(apply(files(&[SOUTH]))).await.unwrap();
    world.nothing_since(mark).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_applies_at_once_each_says_what_it_changed() {
    let world = World::start().await;
    let applies = (0..12).map(|i| {
        let (rules, id) =
            if i % 2 == 0 { (NORTH, "case/region/north") } else { (SOUTH, "case/region/south") };
        let mut root = world.administrator();
        async move { (id, root.policy.apply(apply(files(&[rules]))).await.unwrap().into_inner()) }
    });
    let answers = futures_util::future::join_all(applies).await;
    let mut changed: Vec<_> = answers
        .into_iter()
        .filter(|(_, answer)| !answer.changes.is_empty())
        .map(|(id, answer)| {
            (world.platform.shell.position("position", &answer.position).unwrap(), id, answer)
        })
        .collect();
    changed.sort_by_key(|(position, ..)| *position);
    let mut present = BTreeSet::new();
    for (_, id, answer) in changed {
        let next = BTreeSet::from([id]);
        let told: BTreeSet<_> =
            answer.changes.iter().map(|it| (it.change.as_str(), it.document.as_str())).collect();
        let added = next.difference(&present).map(|id| ("added", *id));
        let removed = present.difference(&next).map(|id| ("removed", *id));
        assert_eq!(told, added.chain(removed).collect());
        present = next;
    }
    assert!(!present.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_holds_where_and_since_when_can_be_shown() {
    let world = World::start().await;
    let mut root = world.administrator();
    let team = "[[case]]\nlevel = \"team/south-care\"\nauto_close_after = \"9 days\"\n";
    let applied = root.policy.apply(apply(files(&[SOUTH, team]))).await.unwrap().into_inner();
    let one = async |root: &mut Caller, path: &str, region: &str, team: &str, as_of: &str| {
        let shown = show(root, path, region, team, as_of).await;
        let [field] = &shown[..] else { panic!("{shown:?}") };
        (field.value.clone(), field.level.clone())
    };
    let is = |value: &str, level: &str| (format!("\"{value}\""), level.to_owned());
    let window = "case.reopen_window";
    assert_eq!(one(&mut root, window, "", "", "").await, is("14 days", "global"));
    assert_eq!(one(&mut root, window, "north", "", "").await, is("14 days", "global"));
    assert_eq!(one(&mut root, window, "south", "", "").await, is("2 days", "region/south"));
    assert_eq!(one(&mut root, window, "", "south-care", "").await, is("2 days", "region/south"));
    let close = "case.auto_close_after";
    assert_eq!(one(&mut root, close, "south", "", "").await, is("3 days", "region/south"));
    assert_eq!(one(&mut root, close, "", "south-care", "").await, is("9 days", "team/south-care"));
    root.policy.apply(apply(files(&[]))).await.unwrap();
    assert_eq!(one(&mut root, window, "south", "", "").await, is("14 days", "global"));
    assert_eq!(one(&mut root, window, "south", "", &applied.position).await, is("2 days", "region/south"));
    for (path, region, team, field) in
        [("nonsense", "", "", "path"), ("", "nowhere", "", "region"), ("", "", "nobody", "team")]
    {
        let request =
            ShowRequest { path: path.into(), region: region.into(), team: team.into(), ..Default::default() };
        wrong_field(root.policy.show(request).await, field);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_locked_above_is_not_changed_below() {
    let world = World::start().await;
    let mut root = world.administrator();
    let mut locked = files(&["[[case]]\nlevel = \"region/south\"\nreopen_window = \"2 days\"\n"]);
    locked[0].text = locked[0].text.replace("[[case]]", "[[case]]\nlocked = [\"reopen_window\"]");
    let answer = root.policy.apply(apply(locked.clone())).await.unwrap().into_inner();
    assert_eq!(answer.problems.len(), 1, "{:?}", answer.problems);
    assert_eq!((answer.problems[0].file.as_str(), answer.problems[0].line), ("rules-0.toml", 3));
    locked.pop();
    let answer = root.policy.apply(apply(locked)).await.unwrap().into_inner();
    assert!(answer.problems.is_empty(), "{:?}", answer.problems);
    let shown = show(&mut root, "case.reopen_window", "", "south-care", "").await;
    assert!(shown[0].locked, "{shown:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_says_under_which_policy_each_thing_was_done() {
    let world = World::start().await;
    let mut root = world.administrator();
    let id = world.receive_one("forum", message("m-1", "ada", "It leaks")).await.case_id;
    let categorise = |category: &str| pb::SetCategoryRequest {
        command_id: command_id(),
        case_id: id.clone(),
        category: category.into(),
        ..Default::default()
    };
    root.cases.set_category(categorise("invented")).await.unwrap();
    let closed = "[[case]]\nlevel = \"region/north\"\ncategory_vocabulary = \"closed\"\n\n[case.categories]\ndefect = { name = \"Defect\" }\n";
    let applied = root.policy.apply(apply(files(&[closed]))).await.unwrap().into_inner();
    wrong_field(root.cases.set_category(categorise("another")).await, "category");
    root.cases.set_category(categorise("defect")).await.unwrap();
    let history = root.history(&id).await;
    let versions: Vec<_> = history
        .iter()
        .filter(|entry| entry.events[0].r#type == "case.categorised")
        .map(|entry| entry.policy_version.clone())
        .collect();
    let now = root.policy.show(ShowRequest::default()).await.unwrap().into_inner().policy_version;
    assert_eq!(versions[1], now);
    assert_eq!(now, applied.position);
    assert_ne!(versions[0], versions[1]);
    assert_eq!(history[0].policy_version, versions[0]);
    world.end().await;
}
