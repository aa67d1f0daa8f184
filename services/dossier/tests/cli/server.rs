//! A server with the contracts' surface and no rules: what a case is called decides what is answered.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use proto::{
    cases::v1::{self as cases, Case, Priority, Status as CaseStatus},
    ingestion::v1::{
        self as ingestion,
        ingestion_server::{Ingestion, IngestionServer},
        submit_response::{self, Outcome},
    },
    operations::v1::{
        self as operations, LogEntry,
        operations_server::{Operations, OperationsServer},
    },
    policy::v1::{
        self as policy,
        apply_response::{Change, Problem},
        policy_service_server::{PolicyService, PolicyServiceServer},
    },
};
use tonic::{Request, Response, Status, service::Interceptor, transport};
use tonic_types::{ErrorDetails, StatusExt};

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

/// What the server has seen, and what it is told to do.
#[derive(Default)]
pub struct State {
    /// How many more calls find it away.
    pub away: u32,
    pub command_ids: Vec<String>,
    pub replies: Vec<String>,
    pub outcomes: HashMap<String, Outcome>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

pub struct Server {
    pub url: String,
    state: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Server {
    pub fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Shared::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = state.clone();
        runtime.spawn(async move {
            let (health, health_server) = tonic_health::server::health_reporter();
            health.set_service_status("", tonic_health::ServingStatus::Serving).await;
            transport::Server::builder()
                .add_service(health_server)
                .add_service(cases::cases_server::CasesServer::with_interceptor(shared.clone(), Token))
                .add_service(IngestionServer::with_interceptor(shared.clone(), Token))
                .add_service(OperationsServer::with_interceptor(shared.clone(), Token))
                .add_service(PolicyServiceServer::with_interceptor(shared, Token))
                .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener))
                .await
        });
        Self { url, state, _runtime: runtime }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }
}

#[derive(Clone)]
struct Token;

impl Interceptor for Token {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match request.metadata().get("authorization").and_then(|value| value.to_str().ok()) {
            Some("Bearer good") => Ok(request),
            _ => Err(Status::unauthenticated("the bearer token is not valid")),
        }
    }
}

impl Shared {
    fn command(&self, command_id: &str, case: &str) -> Answer<cases::CommandResponse> {
        let mut state = self.0.lock().unwrap();
        state.command_ids.push(command_id.to_owned());
        away(&mut state)?;
        Ok(Response::new(cases::CommandResponse {
            position: "par.1.9".to_owned(),
            changed: true,
            case_id: "c1".to_owned(),
            number: case.to_owned(),
            created_id: String::new(),
        }))
    }
}

fn away(state: &mut State) -> Result<(), Status> {
    if state.away > 0 {
        state.away -= 1;
        return Err(Status::unavailable("the log is away"));
    }
    Ok(())
}

fn time(text: &str) -> Option<prost_types::Timestamp> {
    let time: jiff::Timestamp = text.parse().unwrap();
    Some(prost_types::Timestamp { seconds: time.as_second(), nanos: 0 })
}

fn case(number: &str) -> Case {
    Case {
        number: number.to_owned(),
        status: CaseStatus::Open.into(),
        priority: Priority::High.into(),
        team: "billing".to_owned(),
        title: "evil\u{1b}[2J".to_owned(),
        waiting_since: time("2026-03-01T08:00:00Z"),
        updated_at: time("2026-03-01T09:00:00Z"),
        ..Case::default()
    }
}

/// The commands that a test sends, and the others, which it does not.
macro_rules! commands {
    ($($method:ident($request:ident)),+ $(,)?) => {
        #[tonic::async_trait]
        impl cases::cases_server::Cases for Shared {
            type WatchStream = Streamed<cases::WatchResponse>;
            type GetAttachmentStream = Streamed<cases::GetAttachmentResponse>;

            /// A file in two pieces.
            async fn get_attachment(
                &self,
                request: Request<cases::GetAttachmentRequest>,
            ) -> Answer<Self::GetAttachmentStream> {
                let request = request.into_inner();
                let name = format!("{} {} {}", request.case_id, request.message_id, request.index);
                let about = cases::Attachment { name: name.clone(), ..Default::default() };
                let piece = |attachment, content: &str| {
                    Ok(cases::GetAttachmentResponse { attachment, content: content.into() })
                };
                let pieces = stream::iter([piece(Some(about), &name), piece(None, "\0end")]);
                Ok(Response::new(pieces.boxed()))
            }

            $(async fn $method(&self, request: Request<cases::$request>) -> Answer<cases::CommandResponse> {
                let request = request.into_inner();
                self.command(&request.command_id, "PAR-1")
            })+

            async fn reply(&self, request: Request<cases::ReplyRequest>) -> Answer<cases::CommandResponse> {
                let request = request.into_inner();
                self.0.lock().unwrap().replies.push(request.text);
                self.command(&request.command_id, &request.case_id)
            }

            async fn bulk(&self, _: Request<cases::BulkRequest>) -> Answer<cases::BulkResponse> {
                Err(Status::unimplemented(""))
            }

            async fn explain_sla(
                &self,
                _: Request<cases::ExplainSlaRequest>,
            ) -> Answer<cases::ExplainSlaResponse> {
                Err(Status::unimplemented(""))
            }

            async fn get_case(&self, request: Request<cases::GetCaseRequest>) -> Answer<cases::GetCaseResponse> {
                let id = request.into_inner().case_id;
                match id.as_str() {
                    "internal" => Err(Status::internal("internal error")),
                    "invalid" => {
                        let mut details = ErrorDetails::new();
                        details.set_error_info("INVALID_FIELD", "dossier", HashMap::new());
                        details.add_bad_request_violation("case_id", "is not a case\u{1b}[2J");
                        Err(Status::with_error_details(tonic::Code::InvalidArgument, "no", details))
                    }
                    "denied" => Err(Status::permission_denied("not yours")),
                    "nowhere" => Err(service::Error::NotFound { what: "case" }.into()),
                    "refused" => Err(Status::failed_precondition("it is closed")),
                    "slow" => std::future::pending().await,
                    _ => Ok(Response::new(cases::GetCaseResponse {
                        case: Some(case(&id)),
                        position: "par.1.9".to_owned(),
                    })),
                }
            }

            async fn list_cases(
                &self,
                request: Request<cases::ListCasesRequest>,
            ) -> Answer<cases::ListCasesResponse> {
                let request = request.into_inner();
                let (cases, next) = match (request.page_token.as_str(), request.page_size) {
                    ("", 1) => (vec![case("PAR-1")], "second"),
                    ("", _) => (vec![case("PAR-1"), case("PAR-2")], "second"),
                    _ => (vec![case("PAR-3")], ""),
                };
                let next_page_token = next.to_owned();
                let answer =
                    cases::ListCasesResponse { cases, next_page_token, position: "par.1.9".to_owned() };
                Ok(Response::new(answer))
            }

            async fn get_history(
                &self,
                _: Request<cases::GetHistoryRequest>,
            ) -> Answer<cases::GetHistoryResponse> {
                Err(Status::unimplemented(""))
            }

            /// Breaks after every second change.
            async fn watch(&self, request: Request<cases::WatchRequest>) -> Answer<Self::WatchStream> {
                let after = request.into_inner().after;
                let seen: u64 = after.rsplit('.').next().and_then(|seq| seq.parse().ok()).unwrap_or(0);
                let change = |seq: u64| cases::WatchResponse {
                    position: format!("par.1.{seq}"),
                    case: Some(case("PAR-1")),
                    events: vec!["case.tagged".to_owned()],
                };
                let changes = stream::iter([Ok(change(seen + 1)), Ok(change(seen + 2))]);
                let end = if seen >= 2 {
                    stream::pending().boxed()
                } else {
                    stream::once(async { Err(Status::unavailable("restarting")) }).boxed()
                };
                Ok(Response::new(Box::pin(changes.chain(end))))
            }
        }
    };
}

commands! {
    open_case(OpenCaseRequest), add_note(AddNoteRequest), change_tags(ChangeTagsRequest),
    set_priority(SetPriorityRequest), set_category(SetCategoryRequest), set_fields(SetFieldsRequest),
    set_title(SetTitleRequest), set_language(SetLanguageRequest), set_status_label(SetStatusLabelRequest),
    assign(AssignRequest), unassign(UnassignRequest), transfer(TransferRequest), escalate(EscalateRequest),
    pend(PendRequest), hold(HoldRequest), r#continue(ContinueRequest), snooze(SnoozeRequest), wake(WakeRequest),
    resolve(ResolveRequest), reopen(ReopenRequest), close(CloseRequest), follow_up(FollowUpRequest),
    mark_spam(MarkSpamRequest), unmark_spam(UnmarkSpamRequest), keep_silence(KeepSilenceRequest),
    move_to_private(MoveToPrivateRequest), contact(ContactRequest), check_item(CheckItemRequest),
    merge(MergeRequest), unmerge(UnmergeRequest), split(SplitRequest), link(LinkRequest), unlink(UnlinkRequest),
}

#[tonic::async_trait]
impl Ingestion for Shared {
    async fn submit(&self, request: Request<ingestion::SubmitRequest>) -> Answer<ingestion::SubmitResponse> {
        let request = request.into_inner();
        if request.account == "forbidden" {
            return Err(Status::permission_denied("not your account"));
        }
        let mut state = self.0.lock().unwrap();
        away(&mut state)?;
        let mut results = Vec::new();
        for message in request.messages {
            let known = state.outcomes.insert(message.external_id, Outcome::Accepted).is_some();
            let outcome = if known { Outcome::Duplicate } else { Outcome::Accepted };
            results.push(submit_response::Result { outcome: outcome.into(), ..Default::default() });
        }
        Ok(Response::new(ingestion::SubmitResponse { results, position: "par.1.9".to_owned() }))
    }

    async fn get_ledger(
        &self,
        _: Request<ingestion::GetLedgerRequest>,
    ) -> Answer<ingestion::GetLedgerResponse> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl Operations for Shared {
    type TailEventsStream = Streamed<operations::TailEventsResponse>;
    type RebuildStream = Streamed<operations::RebuildResponse>;

    /// An entry every few milliseconds, for ever.
    async fn tail_events(&self, _: Request<operations::TailEventsRequest>) -> Answer<Self::TailEventsStream> {
        let ticks =
            tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(Duration::from_millis(2)));
        let entries = ticks.map(|_| {
            let entry =
                LogEntry { stream: "case-1".to_owned(), body: "x".repeat(4_096), ..LogEntry::default() };
            Ok(operations::TailEventsResponse { entry: Some(entry) })
        });
        Ok(Response::new(Box::pin(entries)))
    }

    async fn get_stream(
        &self,
        _: Request<operations::GetStreamRequest>,
    ) -> Answer<operations::GetStreamResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_read_models(
        &self,
        _: Request<operations::ListReadModelsRequest>,
    ) -> Answer<operations::ListReadModelsResponse> {
        use operations::list_read_models_response::{Parked, ReadModel};
        let parked = Parked { stream: "case-1".to_owned(), ..Parked::default() };
        let model = ReadModel { name: "cases".to_owned(), parked: vec![parked], ..ReadModel::default() };
        Ok(Response::new(operations::ListReadModelsResponse { models: vec![model], ..Default::default() }))
    }

    async fn rebuild(&self, _: Request<operations::RebuildRequest>) -> Answer<Self::RebuildStream> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl PolicyService for Shared {
    async fn apply(&self, request: Request<policy::ApplyRequest>) -> Answer<policy::ApplyResponse> {
        if request.get_ref().expected_position == "par.1.1" {
            let mut details = ErrorDetails::new();
            details.set_error_info("STALE_POSITION", "dossier", HashMap::new());
            return Err(Status::with_error_details(tonic::Code::Aborted, "it is now at par.1.9", details));
        }
        let mut answer = policy::ApplyResponse { position: "par.1.9".to_owned(), ..Default::default() };
        for file in request.into_inner().files {
            if let "good" | "less" = file.text.as_str() {
                let document = "team/billing".to_owned();
                let change = if file.text == "good" { "added" } else { "removed" }.to_owned();
                answer.changes.push(Change { document, change, fields: Vec::new() });
            } else {
                answer.problems.push(Problem {
                    file: file.name,
                    line: 1,
                    column: 2,
                    message: "no".to_owned(),
                    remedy: "yes".to_owned(),
                });
            }
        }
        Ok(Response::new(answer))
    }

    async fn show(&self, _: Request<policy::ShowRequest>) -> Answer<policy::ShowResponse> {
        Err(Status::unimplemented(""))
    }
}
