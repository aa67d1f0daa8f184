//! Two cases: merged and taken apart again, linked without circles.

use std::sync::{Arc, Mutex};

use proto::cases::v1 as pb;
use service::{
    clock::SystemClock,
    shell::{Shell, Stores},
};
use tests::{
    desk::{message, refused, wrong_field},
    interposed::{Interposed, away},
    world::{World, command_id},
};
use tonic::Code;

const NO: Code = Code::FailedPrecondition;

fn merge(case: &str, into: &str) -> pb::MergeRequest {
    pb::MergeRequest {
        command_id: command_id(),
        case_id: case.into(),
        into_case_id: into.into(),
        ..Default::default()
    }
}

async fn answers(world: &World, id: &str, to: &str, author: &str) -> String {
    let mut said = message(id, author, &format!("{id} answers {to}"));
    said.reply_to = to.into();
    world.receive("forum", vec![said]).await.results[0].message_id.clone()
}

fn said(case: &pb::Case) -> Vec<&str> {
    case.timeline.iter().map(|item| item.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merged_cases_are_one_until_they_are_taken_apart() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let source = world.receive_one("forum", message("m-1", "ada", "It does not boil")).await;
    let target = world.receive_one("forum", message("m-2", "ada", "My kettle again")).await;
    let (a, b) = (source.case_id.as_str(), target.case_id.as_str());
    let tags = pb::ChangeTagsRequest {
        command_id: command_id(),
        case_id: a.into(),
        add: vec!["kettle".into()],
        ..Default::default()
    };
    let tagged = ana.cases.change_tags(tags).await.unwrap().into_inner();

    let request = pb::MergeRequest { expected_position: tagged.position.clone(), ..merge(a, b) };
    let first = ana.cases.merge(request.clone()).await.unwrap().into_inner();
    assert!(first.changed);
    let again = ana.cases.merge(request).await.unwrap().into_inner();
    assert_eq!(first, again, "the merge changed the case, and its repetition is its repetition all the same");
    let late = pb::MergeRequest { expected_position: tagged.position, ..merge(a, b) };
    refused(ana.cases.merge(late).await, Code::Aborted, "STALE_POSITION");
    let idle = ana.cases.merge(merge(a, b)).await.unwrap().into_inner();
    assert!(!idle.changed, "it is merged already");

    let merged = ana.case(a).await;
    assert_eq!((merged.status(), merged.merged_into.as_str()), (pb::Status::Merged, b));
    let one = ana.case(b).await;
    assert_eq!(one.position, first.position, "the position of the merge covers both");
    assert_eq!(
        (one.merged_from.as_slice(), one.tags.as_slice()),
        (&[a.to_owned()][..], &["kettle".to_owned()][..])
    );
    refused(ana.cases.merge(merge(b, a)).await, NO, "MERGE_CYCLE");
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: a.into(),
        text: "Too late".into(),
        ..Default::default()
    };
    refused(ana.cases.add_note(note).await, NO, "CASE_MERGED");

    // What is said in the source's thread is heard in the target.
    let heard = answers(&world, "m-3", "m-1", "ada").await;
    assert!(said(&ana.case(b).await).contains(&heard.as_str()));
    assert!(!said(&ana.case(a).await).contains(&heard.as_str()));

    let unmerge = pb::UnmergeRequest {
        command_id: command_id(),
        case_id: a.into(),
        expected_position: ana.case(a).await.position,
    };
    let apart = ana.cases.unmerge(unmerge.clone()).await.unwrap().into_inner();
    assert_eq!(apart, ana.cases.unmerge(unmerge).await.unwrap().into_inner());
    let (source_now, target_now) = (ana.case(a).await, ana.case(b).await);
    assert_eq!((source_now.status(), source_now.merged_into.as_str()), (source.status(), ""));
    assert_eq!(said(&source_now), said(&source), "it has everything that happened before");
    assert!(target_now.merged_from.is_empty() && target_now.tags.is_empty());
    assert!(said(&target_now).contains(&heard.as_str()), "what came meanwhile stays where it came");
    let later = answers(&world, "m-4", "m-1", "ada").await;
    assert!(said(&ana.case(a).await).contains(&later.as_str()), "the thread is its own case's again");

    // As of before it was taken apart it was one.
    assert_eq!(ana.case_as_of(a, &first.position).await.unwrap().status(), pb::Status::Merged);
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_of_different_customers_and_closed_ones_are_not_merged_by_mistake() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let mut ids = Vec::new();
    for (id, author) in [("m-1", "ada"), ("m-2", "ben"), ("m-3", "ada")] {
        ids.push(world.receive_one("forum", message(id, author, id)).await.case_id);
    }
    refused(ana.cases.merge(merge(&ids[0], &ids[1])).await, NO, "MERGE_CUSTOMERS_DIFFER");
    refused(ana.cases.merge(merge(&ids[0], &ids[0])).await, NO, "MERGE_CYCLE");
    wrong_field(ana.cases.merge(merge(&ids[0], &command_id())).await, "into_case_id");
    let filter = pb::Filter { customer: ana.case(&ids[0]).await.customer, ..Default::default() };
    let mut of_ada = [ids[0].clone(), ids[2].clone()];
    of_ada.sort_unstable();
    let confirmed = pb::MergeRequest { confirm_other_customer: true, ..merge(&ids[0], &ids[1]) };
    let merged = ana.cases.merge(confirmed).await.unwrap().into_inner();
    assert_eq!(ana.ids(filter.clone(), &merged.position).await.len(), 3, "it is about both of them");
    // Into what goes on elsewhere is into where it goes on.
    let chain = pb::MergeRequest { confirm_other_customer: true, ..merge(&ids[2], &ids[0]) };
    ana.cases.merge(chain).await.unwrap();
    assert_eq!(ana.case(&ids[2]).await.merged_into, ids[1]);
    let mut apart = String::new();
    for case_id in [&ids[0], &ids[2]] {
        let request =
            pb::UnmergeRequest { command_id: command_id(), case_id: case_id.clone(), ..Default::default() };
        apart = ana.cases.unmerge(request).await.unwrap().into_inner().position;
    }
    assert_eq!(ana.ids(filter, &apart).await, of_ada, "and after that no longer");
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after);

    let closed = world.receive_one("forum", message("m-5", "ada", "Done")).await.case_id;
    let resolve =
        pb::ResolveRequest { command_id: command_id(), case_id: closed.clone(), ..Default::default() };
    ana.cases.resolve(resolve).await.unwrap();
    let close = pb::CloseRequest { command_id: command_id(), case_id: closed.clone(), ..Default::default() };
    ana.cases.close(close).await.unwrap();
    let open = world.receive_one("forum", message("m-6", "ada", "Open")).await.case_id;
    refused(ana.cases.merge(merge(&open, &closed)).await, NO, "MERGE_TARGET_CLOSED");
    refused(ana.cases.merge(merge(&closed, &open)).await, NO, "MERGE_SOURCE_CLOSED");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_close_no_circle() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let mut ids = Vec::new();
    for id in ["m-1", "m-2", "m-3"] {
        ids.push(world.receive_one("forum", message(id, "ada", id)).await.case_id);
    }
    let link = |kind: pb::LinkKind, from: usize, to: usize| pb::LinkRequest {
        command_id: command_id(),
        case_id: ids[from].clone(),
        kind: kind.into(),
        to_case_id: ids[to].clone(),
        ..Default::default()
    };
    use pb::LinkKind::{CausedBy, ChildOf};
    ana.cases.link(link(ChildOf, 0, 1)).await.unwrap();
    ana.cases.link(link(ChildOf, 1, 2)).await.unwrap();
    refused(ana.cases.link(link(ChildOf, 2, 0)).await, NO, "LINK_CYCLE");
    refused(ana.cases.link(link(ChildOf, 0, 2)).await, NO, "ALREADY_HAS_PARENT");
    refused(ana.cases.link(link(CausedBy, 0, 0)).await, NO, "LINK_TO_ITSELF");
    wrong_field(ana.cases.link(link(pb::LinkKind::Unspecified, 0, 1)).await, "kind");
    // Another kind is another graph.
    let caused = ana.cases.link(link(CausedBy, 2, 0)).await.unwrap().into_inner();
    ana.ids(pb::Filter::default(), &caused.position).await;
    let kinds: Vec<_> =
        ana.case(&ids[0]).await.links.iter().map(|link| (link.kind(), link.inverse)).collect();
    assert_eq!(kinds, [(CausedBy, true), (ChildOf, false)]);
    let then = ana.case_as_of(&ids[2], &caused.position).await.unwrap();
    assert_eq!(then.links.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_between_the_look_and_the_merge_is_not_lost() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut shell = dossier::up::shell(folder.path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    shell.log = Arc::clone(&log) as _;
    let world = World::over(shell, folder.path()).await;
    let mut ana = world.caller("ana", &[]);
    let source = world.receive_one("forum", message("m-1", "ada", "It does not boil")).await;
    let target = world.receive_one("forum", message("m-2", "ada", "My kettle again")).await;
    let (a, b) = (source.case_id.as_str(), target.case_id.as_str());

    // The merge has looked at the case and found it as expected. Before it is written, somebody else is faster.
    let nils = world.caller("nils", &[]);
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: a.into(),
        text: "Called twice".into(),
        ..Default::default()
    };
    let tags = pb::ChangeTagsRequest {
        command_id: command_id(),
        case_id: a.into(),
        add: vec!["kettle".into()],
        ..Default::default()
    };
    let faster = Arc::new(Mutex::new(Some((note, tags))));
    log.put(move |_, entry| {
        let (mut nils, faster) = (nils.clone(), Arc::clone(&faster));
        let now = entry.stream.category() == "links";
        Box::pin(async move {
            let commands = faster.lock().unwrap().take_if(|_| now);
            if let Some((note, tags)) = commands {
                nils.cases.add_note(note).await.map_err(|_| away())?;
                nils.cases.change_tags(tags).await.map_err(|_| away())?;
            }
            Ok(())
        })
    });
    let request = pb::MergeRequest { expected_position: source.position.clone(), ..merge(a, b) };
    let merged = ana.cases.merge(request.clone()).await.unwrap().into_inner();
    assert!(merged.changed);
    assert_eq!(ana.cases.merge(request).await.unwrap().into_inner(), merged);

    let history = ana.history(a).await;
    let kinds = history.iter().flat_map(|entry| &entry.events).map(|event| event.r#type.as_str());
    let kinds: Vec<_> = kinds.collect();
    assert!(kinds.ends_with(&["case.noted", "case.tagged", "case.merged"]), "{kinds:?}");
    assert_eq!(ana.case(b).await.tags, ["kettle"], "the target takes over what came between");
    let unmerge = pb::UnmergeRequest {
        command_id: command_id(),
        case_id: a.into(),
        expected_position: merged.position,
    };
    ana.cases.unmerge(unmerge).await.unwrap();
    let apart = ana.case(a).await;
    assert_eq!((apart.timeline.len(), apart.tags.as_slice()), (2, &["kettle".to_owned()][..]));
    assert!(ana.case(b).await.tags.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_goes_on_elsewhere_in_the_same_moment_is_looked_at_again() {
    let folders = [tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap()];
    let mut shell = dossier::up::shell(folders[0].path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    let there = World::over(elsewhere(&shell, &folders[1]), folders[0].path()).await;
    shell.log = Arc::clone(&log) as _;
    let here = World::over(shell, folders[0].path()).await;
    let mut ids = Vec::new();
    for id in ["m-1", "m-2", "m-3"] {
        ids.push(here.receive_one("forum", message(id, "ada", id)).await.case_id);
    }
    let [a, b, c] = &ids[..] else { panic!("three cases") };
    let mut ana = here.caller("ana", &[]);

    // Just before `a` is merged into `b`, another process merges `b` into `c`, which is closed after that.
    let faster = Arc::new(Mutex::new(Some(merge(b, c))));
    let (nils, closed) = (there.caller("nils", &[]), c.clone());
    log.put(move |_, entry| {
        let (mut nils, faster, c) = (nils.clone(), Arc::clone(&faster), closed.clone());
        let now = entry.stream.category() == "links";
        Box::pin(async move {
            let commands = faster.lock().unwrap().take_if(|_| now);
            if let Some(merge) = commands {
                nils.cases.merge(merge).await.map_err(|_| away())?;
                let resolve =
                    pb::ResolveRequest { command_id: command_id(), case_id: c.clone(), ..Default::default() };
                nils.cases.resolve(resolve).await.map_err(|_| away())?;
                let close = pb::CloseRequest { command_id: command_id(), case_id: c, ..Default::default() };
                nils.cases.close(close).await.map_err(|_| away())?;
            }
            Ok(())
        })
    });
    refused(ana.cases.merge(merge(a, b)).await, NO, "MERGE_TARGET_CLOSED");
    assert_eq!(ana.case(a).await.status(), pb::Status::New);
    here.end().await;
    there.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_that_moves_on_while_others_are_linked_is_looked_at_again() {
    let folders = [tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap()];
    let mut shell = dossier::up::shell(folders[0].path(), Arc::new(SystemClock)).await.unwrap();
    let log = Interposed::new(Arc::clone(&shell.log));
    let there = World::over(elsewhere(&shell, &folders[1]), folders[0].path()).await;
    shell.log = Arc::clone(&log) as _;
    let here = World::over(shell, folders[0].path()).await;
    let a = here.receive_one("forum", message("m-1", "ada", "m-1")).await;
    let b = here.receive_one("forum", message("m-2", "ada", "m-2")).await.case_id;
    let c = here.receive_one("forum", message("m-3", "ada", "m-3")).await.case_id;

    // Just before `a` is merged, another process notes something about it, and merges two others.
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: a.case_id.clone(),
        text: "She called".into(),
        ..Default::default()
    };
    let faster = Arc::new(Mutex::new(Some((note, merge(&b, &c)))));
    let nils = there.caller("nils", &[]);
    log.put(move |_, entry| {
        let (mut nils, faster) = (nils.clone(), Arc::clone(&faster));
        let now = entry.stream.category() == "links";
        Box::pin(async move {
            let commands = faster.lock().unwrap().take_if(|_| now);
            if let Some((note, merge)) = commands {
                nils.cases.add_note(note).await.map_err(|_| away())?;
                nils.cases.merge(merge).await.map_err(|_| away())?;
            }
            Ok(())
        })
    });
    let mut ana = here.caller("ana", &[]);
    let insists = pb::MergeRequest { expected_position: a.position, ..merge(&a.case_id, &b) };
    refused(ana.cases.merge(insists).await, Code::Aborted, "STALE_POSITION");
    let merged = ana.cases.merge(merge(&a.case_id, &b)).await.unwrap().into_inner();
    assert!(merged.changed);
    assert_eq!(ana.case(&a.case_id).await.merged_into, c);
    here.end().await;
    there.end().await;
}

/// The same site for another process: it has stores of its own.
pub fn elsewhere(shell: &Shell, folder: &tempfile::TempDir) -> Shell {
    let stores = Stores::Folder(folder.path().to_owned());
    Shell { stores, replica: "elsewhere".into(), ..shell.clone() }
}
