//! The service over gRPC.

use std::sync::Arc;

use domain::{case, ids::CaseId};
use proto::cases::v1::{self as pb, cases_server::Cases};
use service::{
    Error,
    grpc::{principal, session},
    transact::Outcome,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::{
    act::{actions::Act, conversations::reply_id},
    core::{Caller, Core, seen},
    read::{attachment::pieces, one::Until},
};

/// Cases, as the contract has them.
#[derive(Clone)]
pub struct Server(pub Arc<Core>);

type Answer<T> = Result<Response<T>, Status>;
type Done = Result<(CaseId, Outcome<case::State>), Error>;

impl Server {
    fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Error> {
        Ok(self.0.caller(&*principal(request)?))
    }

    async fn act<R: Act>(&self, request: Request<R>) -> Answer<pb::CommandResponse> {
        let caller = self.caller(&request)?;
        let done = self.0.act(&caller, request.get_ref()).await;
        let created = |id| request.get_ref().created(id);
        self.answer(done, request.get_ref().command_id(), created)
    }

    /// What every command answers. It shows nothing of the case, which its caller may not see any more.
    fn answer(
        &self,
        done: Done,
        command_id: &str,
        created: impl Fn(uuid::Uuid) -> String,
    ) -> Answer<pb::CommandResponse> {
        let (id, outcome) = done?;
        let command_id = uuid::Uuid::try_parse(command_id).unwrap_or_default();
        Ok(Response::new(pb::CommandResponse {
            position: self.0.shell.token(outcome.position),
            changed: outcome.changed,
            case_id: id.to_string(),
            number: self.0.number(outcome.aggregate.first.0),
            created_id: created(command_id),
        }))
    }
}

/// One method for each command that is about one case, and one for each that is special.
macro_rules! cases {
    (
        simple { $($simple:ident($simple_request:ident),)* }
        special { $($special:ident($special_request:ident) => $created:expr,)* }
    ) => {
        #[tonic::async_trait]
        impl Cases for Server {
            $(
                async fn $simple(&self, request: Request<pb::$simple_request>) -> Answer<pb::CommandResponse> {
                    self.act(request).await
                }
            )*
            $(
                async fn $special(&self, request: Request<pb::$special_request>) -> Answer<pb::CommandResponse> {
                    let caller = self.caller(&request)?;
                    let done = self.0.$special(&caller, request.get_ref()).await;
                    self.answer(done, &request.get_ref().command_id, $created)
                }
            )*

            async fn bulk(&self, request: Request<pb::BulkRequest>) -> Answer<pb::BulkResponse> {
                let caller = self.caller(&request)?;
                Ok(Response::new(self.0.bulk(&caller, request.get_ref()).await?))
            }

            async fn get_case(&self, request: Request<pb::GetCaseRequest>) -> Answer<pb::GetCaseResponse> {
                Ok(Response::new(self.get(request).await?))
            }

            async fn list_cases(&self, request: Request<pb::ListCasesRequest>) -> Answer<pb::ListCasesResponse> {
                // What is seen under a policy is seen by who may see it under that.
                self.0.model(&request.get_ref().at_least).await?;
                let caller = self.caller(&request)?;
                Ok(Response::new(self.0.list(&caller, request.get_ref()).await?))
            }

            async fn get_history(&self, request: Request<pb::GetHistoryRequest>) -> Answer<pb::GetHistoryResponse> {
                self.0.model(&request.get_ref().at_least).await?;
                let caller = self.caller(&request)?;
                let request = request.into_inner();
                let id = self.0.case_id("case_id", &request.case_id).await?;
                self.0.must_see(&caller, id).await?;
                Ok(Response::new(self.0.history(&caller, id, &request).await?))
            }

            async fn explain_sla(&self, request: Request<pb::ExplainSlaRequest>) -> Answer<pb::ExplainSlaResponse> {
                self.0.model(&request.get_ref().at_least).await?;
                let caller = self.caller(&request)?;
                let id = self.0.case_id("case_id", &request.get_ref().case_id).await?;
                self.0.must_see(&caller, id).await?;
                Ok(Response::new(self.0.explain_sla(id).await?))
            }

            type GetAttachmentStream = tokio_stream::Iter<std::vec::IntoIter<Result<pb::GetAttachmentResponse, Status>>>;

            async fn get_attachment(
                &self,
                request: Request<pb::GetAttachmentRequest>,
            ) -> Answer<Self::GetAttachmentStream> {
                let caller = self.caller(&request)?;
                let (attachment, bytes) = self.0.attachment(&caller, request.get_ref()).await?;
                let pieces: Vec<_> = pieces(attachment, &bytes).into_iter().map(Ok).collect();
                Ok(Response::new(tokio_stream::iter(pieces)))
            }

            type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

            async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Self::WatchStream> {
                let (principal, session) = (principal(&request)?, session(&request)?);
                let watch = Arc::clone(&self.0).watch((*principal).clone(), session, request.into_inner());
                let changes = watch.await?;
                Ok(Response::new(ReceiverStream::new(changes)))
            }
        }
    };
}

cases! {
    simple {
        add_note(AddNoteRequest),
        change_tags(ChangeTagsRequest),
        set_priority(SetPriorityRequest),
        set_category(SetCategoryRequest),
        set_fields(SetFieldsRequest),
        set_title(SetTitleRequest),
        set_language(SetLanguageRequest),
        set_status_label(SetStatusLabelRequest),
        assign(AssignRequest),
        unassign(UnassignRequest),
        transfer(TransferRequest),
        escalate(EscalateRequest),
        pend(PendRequest),
        hold(HoldRequest),
        r#continue(ContinueRequest),
        snooze(SnoozeRequest),
        wake(WakeRequest),
        resolve(ResolveRequest),
        reopen(ReopenRequest),
        close(CloseRequest),
        mark_spam(MarkSpamRequest),
        unmark_spam(UnmarkSpamRequest),
        keep_silence(KeepSilenceRequest),
        contact(ContactRequest),
        check_item(CheckItemRequest),
    }
    special {
        open_case(OpenCaseRequest) => |_| String::new(),
        follow_up(FollowUpRequest) => |_| String::new(),
        reply(ReplyRequest) => |id| reply_id(id).to_string(),
        move_to_private(MoveToPrivateRequest) => |_| String::new(),
        split(SplitRequest) => |_| String::new(),
        merge(MergeRequest) => |_| String::new(),
        unmerge(UnmergeRequest) => |_| String::new(),
        link(LinkRequest) => |_| String::new(),
        unlink(UnlinkRequest) => |_| String::new(),
    }
}

impl Server {
    async fn get(&self, request: Request<pb::GetCaseRequest>) -> Result<pb::GetCaseResponse, Error> {
        self.0.model(&request.get_ref().at_least).await?;
        let caller = self.caller(&request)?;
        let request = request.into_inner();
        let until = Until::parse(&self.0.shell, &request.as_of, request.occurred_as_of.as_ref()).await?;
        let id = self.0.case_id("case_id", &request.case_id).await?;
        // Who may see a case is who sees it now; now is looked at once.
        if !until.is_now() {
            self.0.must_see(&caller, id).await?;
        }
        let case = self.0.view(&caller, id, until).await?;
        let position = case.position.clone();
        Ok(pb::GetCaseResponse { case: Some(case), position })
    }
}

impl Core {
    /// Refuses a caller who does not see the case as it is now.
    pub async fn must_see(&self, caller: &Caller, id: CaseId) -> Result<(), Error> {
        // From the log: what this process remembers may be from before a transfer by another one.
        let aggregate = self.cases.load::<crate::act::no::No>(&self.stream(id)?).await?;
        seen(&caller.access, &aggregate).map(|_| ())
    }
}
