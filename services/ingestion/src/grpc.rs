//! The way in over gRPC.

use std::sync::Arc;

use proto::ingestion::v1::{
    self,
    channels_server::{self, ChannelsServer},
    dead_letters_server::{self, DeadLettersServer},
    deliveries_server::{self, DeliveriesServer},
    ingestion_server::{IngestionServer, SERVICE_NAME},
};
use service::{
    grpc::{Authenticate, REQUEST_MAX, Routes, principal},
    shell::Shell,
};
use tonic::{
    Request, Response, Status,
    service::{RoutesBuilder, interceptor::InterceptedService},
};

use crate::{Ingestion, health};

/// Translates calls; decides nothing.
pub(crate) struct Service {
    ingestion: Ingestion,
    shell: Shell,
}

impl Service {
    pub(crate) fn new(ingestion: Ingestion, shell: Shell) -> Self {
        Self { ingestion, shell }
    }
}

impl Routes for Service {
    fn names(&self) -> Vec<&'static str> {
        vec![
            SERVICE_NAME,
            deliveries_server::SERVICE_NAME,
            channels_server::SERVICE_NAME,
            dead_letters_server::SERVICE_NAME,
        ]
    }

    fn add(self: Box<Self>, routes: &mut RoutesBuilder) {
        let deliveries = DeliveriesServer::new(self.ingestion.0.replies.server());
        routes.add_service(InterceptedService::new(deliveries, Authenticate::new(&self.shell)));
        let parts = &self.ingestion.0;
        let channels = health::server::Server {
            channels: Arc::clone(&parts.channels),
            deliveries: parts.replies.model(),
        };
        let channels = ChannelsServer::new(channels);
        routes.add_service(InterceptedService::new(channels, Authenticate::new(&self.shell)));
        let letters = DeadLettersServer::new(crate::hooks::dead::Server::new(self.ingestion.clone()));
        routes.add_service(InterceptedService::new(letters, Authenticate::new(&self.shell)));
        let authenticate = Authenticate::new(&self.shell);
        let server = IngestionServer::new(*self).max_decoding_message_size(REQUEST_MAX);
        routes.add_service(InterceptedService::new(server, authenticate));
    }
}

#[tonic::async_trait]
impl v1::ingestion_server::Ingestion for Service {
    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let principal = principal(&request)?;
        Ok(Response::new(self.ingestion.submit(&principal, request.into_inner()).await?))
    }

    async fn get_ledger(
        &self,
        request: Request<v1::GetLedgerRequest>,
    ) -> Result<Response<v1::GetLedgerResponse>, Status> {
        let principal = principal(&request)?;
        Ok(Response::new(self.ingestion.ledger(&principal, request.get_ref()).await?))
    }
}
