//! The contract, request by request.

use std::sync::Arc;

use proto::assignment::v1::{self as pb, assignment_server::Assignment};
use service::grpc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::core::Core;

/// Answers requests.
pub struct Server(pub Arc<Core>);

macro_rules! answers {
    ($($method:ident($request:ident) -> $response:ident = $core:ident $(, $more:expr)*;)*) => {
        #[tonic::async_trait]
        impl Assignment for Server {
            $(
                async fn $method(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                    let principal = grpc::principal(&request)?;
                    let answer = self.0.$core(&principal, &request.into_inner() $(, $more)*).await?;
                    Ok(Response::new(answer))
                }
            )*

            type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

            async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
                let (principal, session) = (grpc::principal(&request)?, grpc::session(&request)?);
                let core = Arc::clone(&self.0);
                let changes = core.watch((*principal).clone(), session, request.into_inner()).await?;
                Ok(Response::new(ReceiverStream::new(changes)))
            }
        }
    };
}

answers! {
    list_agents(ListAgentsRequest) -> ListAgentsResponse = list_agents;
    get_agent(GetAgentRequest) -> GetAgentResponse = get_agent;
    set_presence(SetPresenceRequest) -> ChangeAgentResponse = set_presence;
    renew(RenewRequest) -> ChangeAgentResponse = renew;
    set_draining(SetDrainingRequest) -> ChangeAgentResponse = set_draining;
    accept_offer(AnswerOfferRequest) -> ChangeAgentResponse = answer_offer, true;
    decline_offer(AnswerOfferRequest) -> ChangeAgentResponse = answer_offer, false;
    take_next(TakeNextRequest) -> TakeNextResponse = take_next;
    list_queues(ListQueuesRequest) -> ListQueuesResponse = list_queues;
    list_waiting(ListWaitingRequest) -> ListWaitingResponse = list_waiting;
    list_decisions(ListDecisionsRequest) -> ListDecisionsResponse = list_decisions;
    explain(ExplainRequest) -> ExplainResponse = explain;
}
