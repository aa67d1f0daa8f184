//! Over the wire, with a token.

use std::sync::Arc;

use proto::ingestion::v1::{GetLedgerRequest, ingestion_client::IngestionClient, submit_response::Outcome};
use service::auth::{Authenticator, Issuer, PrincipalKind};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, transport::Endpoint};
use tonic_types::StatusExt;

use crate::world::*;

#[tokio::test]
async fn a_call_needs_a_token_and_answers_with_details() {
    let mut world = World::new().await;
    let issuer = Issuer::load_or_create("test", &world.path().join("key.pem")).unwrap();
    world.shell.auth = Arc::new(Authenticator::new([("test", issuer.public_pem())]).unwrap());
    let world = world.restarted().await;
    let listener = service::grpc::listen("test", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let (_, state) = tokio::sync::watch::channel(service::health::State::default());
    let serving = service::grpc::serve(listener, vec![world.ingestion.routes()], state, stop.clone());
    let server = tokio::spawn(serving);
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = IngestionClient::new(channel);

    let missing = client.submit(request(WALL, &[message("1", "x")])).await.unwrap_err();
    assert_eq!(missing.code(), Code::Unauthenticated);

    let token = |roles: &[&str]| {
        let token = issuer.token("hooks", PrincipalKind::Service, roles, at("2026-11-23T00:00:00Z"));
        format!("Bearer {}", token.unwrap()).parse::<tonic::metadata::MetadataValue<_>>().unwrap()
    };
    fn with<T>(token: &tonic::metadata::MetadataValue<tonic::metadata::Ascii>, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", token.clone());
        request
    }
    let denied = client.submit(with(&token(&["agent"]), request(WALL, &[]))).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);

    let token = token(&["integrator"]);
    let invalid = client.submit(with(&token, request("nobody", &[message("1", "x")]))).await.unwrap_err();
    assert_eq!(invalid.code(), Code::InvalidArgument);
    assert_eq!(invalid.get_details_bad_request().unwrap().field_violations[0].field, "account");

    let done = client.submit(with(&token, request(WALL, &[message("1", "x")]))).await.unwrap().into_inner();
    assert_eq!(outcomes(&done.results), [Outcome::Accepted]);
    assert!(done.position.starts_with("paris.1."), "{}", done.position);
    let ledger = client.get_ledger(with(&token, GetLedgerRequest::default())).await.unwrap().into_inner();
    assert_eq!(ledger.rows.iter().map(|row| row.received).sum::<u64>(), 2);

    stop.cancel();
    server.await.unwrap().unwrap();
}
