//! What no contract has yet, against the sample.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, body::Body, extract::Request};
use http::{StatusCode, header};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tower::ServiceExt;

use crate::{Config, Edge, Error, sample, with_descriptors};

fn router(packages: &[&str]) -> Result<Router, Error> {
    // A port where nobody listens.
    let away = || Channel::from_static("http://127.0.0.1:1").connect_lazy();
    let upstreams: BTreeMap<_, _> = packages.iter().map(|package| ((*package).to_owned(), away())).collect();
    let (metrics, ready) = (Arc::new(String::new), Arc::new(crate::Readiness::default));
    let edge = Edge { upstreams, metrics, ready, also: Router::new(), stop: CancellationToken::new() };
    with_descriptors(Config::default(), edge, &sample::descriptors())
}

async fn status(router: Router, path: &str) -> StatusCode {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer t");
    router.oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_client_stream_is_refused() {
    let router = router(&["sample.v1"]).unwrap();
    assert_eq!(status(router.clone(), "/sample.v1.Samples/Collect").await, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(status(router, "/sample.v1.Samples/Echo").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_package_without_upstream_is_not_offered_and_one_without_contract_is_an_error() {
    assert_eq!(status(router(&[]).unwrap(), "/sample.v1.Samples/Echo").await, StatusCode::NOT_FOUND);
    let error = router(&["sample.v1", "sample.v2"]).unwrap_err();
    assert!(matches!(error, Error::UnknownPackage(package) if package == "sample.v2"));
}
