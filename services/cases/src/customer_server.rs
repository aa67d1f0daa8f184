//! Customers over gRPC.

use std::sync::Arc;

use proto::cases::v1::{self as pb, customers_server::Customers};
use service::{Error, grpc::principal};
use tonic::{Request, Response, Status};

use crate::{
    act::customers::{Said, Say, consent_id},
    core::{Caller, Core},
};

/// Customers, as the contract has them.
#[derive(Clone)]
pub struct Server(pub Arc<Core>);

type Answer<T> = Result<Response<T>, Status>;

impl Server {
    fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Error> {
        Ok(self.0.caller(&*principal(request)?))
    }

    async fn say<R: Say>(&self, request: Request<R>) -> Answer<pb::CustomerCommandResponse> {
        let caller = self.caller(&request)?;
        let said = self.0.say(&caller, request.get_ref()).await?;
        Ok(Response::new(self.answer(&said)))
    }

    fn answer(&self, (identity, outcome): &Said) -> pb::CustomerCommandResponse {
        pb::CustomerCommandResponse {
            position: self.0.shell.token(outcome.position),
            changed: outcome.changed,
            customer: identity.to_string(),
            created_id: String::new(),
        }
    }
}

#[tonic::async_trait]
impl Customers for Server {
    async fn give_consent(
        &self,
        request: Request<pb::GiveConsentRequest>,
    ) -> Answer<pb::CustomerCommandResponse> {
        let caller = self.caller(&request)?;
        let said = self.0.say(&caller, request.get_ref()).await?;
        let command_id = uuid::Uuid::try_parse(&request.get_ref().command_id).unwrap_or_default();
        let created_id = consent_id(command_id, &said.0).to_string();
        Ok(Response::new(pb::CustomerCommandResponse { created_id, ..self.answer(&said) }))
    }

    async fn revoke_consent(
        &self,
        request: Request<pb::RevokeConsentRequest>,
    ) -> Answer<pb::CustomerCommandResponse> {
        self.say(request).await
    }

    async fn link_identity(
        &self,
        request: Request<pb::LinkIdentityRequest>,
    ) -> Answer<pb::CustomerCommandResponse> {
        let caller = self.caller(&request)?;
        let said = self.0.link_identity(&caller, request.get_ref()).await?;
        Ok(Response::new(self.answer(&said)))
    }

    async fn opt_out(&self, request: Request<pb::OptOutRequest>) -> Answer<pb::CustomerCommandResponse> {
        self.say(request).await
    }

    async fn opt_in(&self, request: Request<pb::OptInRequest>) -> Answer<pb::CustomerCommandResponse> {
        self.say(request).await
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Answer<pb::GetCustomerResponse> {
        // What is seen under a policy is seen by who may see it under that.
        self.0.model(&request.get_ref().at_least).await?;
        let caller = self.caller(&request)?;
        Ok(Response::new(self.0.customer(&caller, request.get_ref()).await?))
    }
}
