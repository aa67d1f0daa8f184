//! 64 clients racing commands on one case: nothing is lost, nothing is done twice, and each client is told the truth.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proto::cases::v1::{
    AddNoteRequest, AssignRequest, Case, ChangeTagsRequest, CommandResponse, GetCaseRequest,
    GetHistoryRequest, OpenCaseRequest, Priority, ReopenRequest, ResolveRequest, SetPriorityRequest,
    timeline_item::Kind,
};
use tests::{
    faults::{Brokers, Server, Site},
    servers::{Nats, NatsOptions},
    world::{Caller, command_id},
};
use tokio::{sync::Barrier, task::JoinSet};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

/// Clients, each with a connection of its own.
const CLIENTS: usize = 64;
/// How often a race is run that has one winner.
const ROUNDS: usize = 5;

type Answer = Result<CommandResponse, Status>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_files() {
    let mut site = Site::up();
    race(&site, 1).await;
    site.servers[0].stop();
    site.servers[0].is_faultless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_two_replicas() {
    let nats = Nats::start(NatsOptions::default());
    let mut site = Site::serve(Brokers::One(nats), &[&["cases"], &["cases"]]).await;
    race(&site, 2).await;
    site.servers.iter_mut().for_each(Server::stop);
    site.servers.iter().for_each(Server::is_faultless);
}

async fn race(site: &Site, replicas: usize) {
    let clients: Vec<Caller> = (0..CLIENTS).map(|n| site.administrator(n % replicas)).collect();
    let mut root = clients[0].clone();
    let open = OpenCaseRequest {
        command_id: command_id(),
        account: "forum".into(),
        title: "Kettle".into(),
        ..Default::default()
    };
    let case_id = root.cases.open_case(open).await.unwrap().into_inner().case_id;
    let mut race = Race { clients, case_id, told: BTreeMap::new() };

    race.tags().await;
    race.notes().await;
    for _ in 0..ROUNDS {
        race.compare_and_set().await;
        race.assign().await;
        race.resolve().await;
        race.same_command().await;
    }
    race.history_agrees().await;
}

struct Race {
    clients: Vec<Caller>,
    case_id: String,
    /// What was told of each command: where its entry is, if it has one.
    told: BTreeMap<String, Option<String>>,
}

impl Race {
    /// One command of each client, all at once; what each was told, in the order of the clients.
    async fn run<R, F>(
        &mut self,
        command: impl Fn(usize, String) -> R,
        send: impl Fn(Caller, R) -> F + Clone + Send + 'static,
    ) -> Vec<Answer>
    where
        R: Clone + Send + 'static,
        F: Future<Output = Result<Response<CommandResponse>, Status>> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(CLIENTS));
        let mut racing = JoinSet::new();
        let ids: Vec<String> = (0..CLIENTS).map(|_| command_id()).collect();
        for (n, id) in ids.iter().enumerate() {
            let (caller, request) = (self.clients[n].clone(), command(n, id.clone()));
            let (start, send) = (Arc::clone(&start), send.clone());
            racing.spawn(async move {
                start.wait().await;
                loop {
                    let answer = send(caller.clone(), request.clone()).await.map(Response::into_inner);
                    // An honest answer where replicas race: nothing was done, and the same may be sent again.
                    if answer.as_ref().is_err_and(|status| reason(status) == "CONTENTION") {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                    return (n, answer);
                }
            });
        }
        let mut answers: Vec<(usize, Answer)> = racing.join_all().await;
        answers.sort_by_key(|(n, _)| *n);
        for (n, answer) in &answers {
            let entry = answer.as_ref().ok().filter(|answer| answer.changed);
            self.told.insert(ids[*n].clone(), entry.map(|answer| answer.position.clone()));
        }
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    async fn case(&self) -> Case {
        let get = GetCaseRequest { case_id: self.case_id.clone(), ..Default::default() };
        self.clients[0].clone().cases.get_case(get).await.unwrap().into_inner().case.unwrap()
    }

    /// Everybody adds a tag and takes it away again: no update is lost.
    async fn tags(&mut self) {
        let case_id = self.case_id.clone();
        let send = |mut caller: Caller, request| async move { caller.cases.change_tags(request).await };
        let tag = |n: usize| vec![format!("tag-{n}")];
        let add = |n, command_id| ChangeTagsRequest {
            command_id,
            case_id: case_id.clone(),
            add: tag(n),
            ..Default::default()
        };
        let answers = self.run(add, send).await;
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.changed)),
            "{answers:?}"
        );
        let wanted: BTreeSet<String> = (0..CLIENTS).flat_map(tag).collect();
        assert_eq!(self.case().await.tags.into_iter().collect::<BTreeSet<_>>(), wanted);
        let remove = |n, command_id| ChangeTagsRequest {
            command_id,
            case_id: case_id.clone(),
            remove: tag(n),
            ..Default::default()
        };
        let answers = self.run(remove, send).await;
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.changed)),
            "{answers:?}"
        );
        assert_eq!(self.case().await.tags, [""; 0]);
    }

    /// Everybody writes a note: each is there once.
    async fn notes(&mut self) {
        let case_id = self.case_id.clone();
        let note = |n, command_id| AddNoteRequest {
            command_id,
            case_id: case_id.clone(),
            text: format!("Note {n}"),
            ..Default::default()
        };
        let send = |mut caller: Caller, request| async move { caller.cases.add_note(request).await };
        let answers = self.run(note, send).await;
        let told: BTreeSet<String> = answers.into_iter().map(|answer| answer.unwrap().created_id).collect();
        let timeline = self.case().await.timeline;
        let notes: Vec<_> = timeline.iter().filter(|item| item.kind() == Kind::Note).collect();
        let there: BTreeSet<String> = notes.iter().map(|item| item.id.clone()).collect();
        assert_eq!((notes.len(), there), (CLIENTS, told));
        let texts: BTreeSet<&str> = notes.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts.len(), CLIENTS, "nobody's words are lost");
    }

    /// Everybody insists on the same position: one was first, and all others hear that the case has moved on.
    async fn compare_and_set(&mut self) {
        let before = self.case().await;
        let others = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
        let others: Vec<Priority> = others.into_iter().filter(|other| *other != before.priority()).collect();
        let priority = |n: usize| others[n % others.len()];
        let set = |n, command_id| SetPriorityRequest {
            command_id,
            case_id: before.case_id.clone(),
            expected_position: before.position.clone(),
            priority: priority(n).into(),
        };
        let send = |mut caller: Caller, request| async move { caller.cases.set_priority(request).await };
        let answers = self.run(set, send).await;
        let winners: Vec<usize> = (0..CLIENTS).filter(|&n| answers[n].is_ok()).collect();
        let [winner] = winners[..] else { panic!("one is first, not {}: {answers:?}", winners.len()) };
        for loser in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!(
                (loser.code(), reason(loser).as_str()),
                (Code::Aborted, "STALE_POSITION"),
                "{loser:?}"
            );
        }
        let after = self.case().await;
        let won = answers[winner].as_ref().unwrap();
        assert_eq!((after.position.as_str(), after.priority()), (won.position.as_str(), priority(winner)));
    }

    /// Half of them assign to one person, half to another: who came last has it.
    async fn assign(&mut self) {
        let case_id = self.case_id.clone();
        let person = |n: usize| ["ana", "nils"][n % 2].to_owned();
        let assign = |n, command_id| AssignRequest {
            command_id,
            case_id: case_id.clone(),
            assignee: person(n),
            ..Default::default()
        };
        let send = |mut caller: Caller, request| async move { caller.cases.assign(request).await };
        let answers = self.run(assign, send).await;
        let case = self.case().await;
        let last = answers.iter().position(|answer| answer.as_ref().unwrap().position == case.position);
        assert_eq!(case.assignee, person(last.expect("who came last was told so")));
    }

    /// Everybody resolves, everybody reopens: each happens once, and only one has done it.
    async fn resolve(&mut self) {
        let case_id = self.case_id.clone();
        let request =
            |_, command_id| ResolveRequest { command_id, case_id: case_id.clone(), ..Default::default() };
        let send = |mut caller: Caller, request| async move { caller.cases.resolve(request).await };
        let answers = self.run(request, send).await;
        let by: usize = answers.iter().filter(|answer| answer.as_ref().unwrap().changed).count();
        assert_eq!((by, self.case().await.status()), (1, proto::cases::v1::Status::Resolved));
        let request =
            |_, command_id| ReopenRequest { command_id, case_id: case_id.clone(), ..Default::default() };
        let send = |mut caller: Caller, request| async move { caller.cases.reopen(request).await };
        let answers = self.run(request, send).await;
        let by = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.changed)).count();
        assert_eq!((by, self.case().await.status()), (1, proto::cases::v1::Status::Open));
    }

    /// Everybody sends the same command: it has its effect once, and all hear the same.
    async fn same_command(&mut self) {
        let id = command_id();
        let note = AddNoteRequest {
            command_id: id.clone(),
            case_id: self.case_id.clone(),
            text: "The same".into(),
            ..Default::default()
        };
        let send = |mut caller: Caller, request| async move { caller.cases.add_note(request).await };
        let answers = self.run(|_, _| note.clone(), send).await;
        // Those ids were not used.
        self.told
            .retain(|_, entry| entry.as_ref() != answers[0].as_ref().ok().map(|answer| &answer.position));
        let first = answers[0].as_ref().unwrap();
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first), "{answers:?}");
        self.told.insert(id, Some(first.position.clone()));
    }

    /// The history of the case has exactly the entries that somebody was told of, where they were told.
    async fn history_agrees(&self) {
        let mut request =
            GetHistoryRequest { case_id: self.case_id.clone(), page_size: 1_000, ..Default::default() };
        let mut entries = BTreeMap::new();
        loop {
            let page = self.clients[0].clone().cases.get_history(request.clone()).await.unwrap().into_inner();
            for entry in page.entries {
                let earlier = entries.insert(entry.command_id, entry.position);
                assert_eq!(earlier, None, "no command has two entries");
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        let told: BTreeMap<&String, &String> =
            self.told.iter().filter_map(|(id, entry)| Some((id, entry.as_ref()?))).collect();
        // The first entry opened the case.
        assert_eq!(entries.len(), told.len() + 1);
        for (id, position) in told {
            assert_eq!(entries.get(id), Some(position), "command {id}");
        }
        let untold = self.told.iter().filter(|(_, entry)| entry.is_none());
        for (id, _) in untold {
            assert_eq!(entries.get(id), None, "command {id} was said to have done nothing");
        }
    }
}

/// The stable reason of a refusal.
fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
