//! How many calls there are and how long they take, by method and code.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::Instant,
};

use opentelemetry::KeyValue;
use prost::Message;
use prost_types::FileDescriptorSet;

/// What all methods are called that no contract has: anybody can make some up, and the labels would grow without end.
const UNKNOWN: &str = "unknown";

/// The path of every method of the contracts, of health, and of reflection.
static METHODS: LazyLock<BTreeSet<Arc<str>>> = LazyLock::new(|| {
    let reflection = tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET;
    [proto::DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET, reflection]
        .into_iter()
        .flat_map(methods)
        .collect()
});

fn methods(descriptors: &[u8]) -> Vec<Arc<str>> {
    let set = FileDescriptorSet::decode(descriptors).unwrap_or_else(|error| {
        tracing::error!(%error, "calls are counted without the names of their methods: the descriptors cannot be read");
        FileDescriptorSet::default()
    });
    let mut paths = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let path = |method: &str| format!("/{}.{}/{method}", file.package(), service.name()).into();
            paths.extend(service.method.iter().map(|method| path(method.name())));
        }
    }
    paths
}

/// The label of a method.
fn label(path: &str) -> opentelemetry::Value {
    METHODS.get(path).map_or(UNKNOWN.into(), |known| Arc::clone(known).into())
}

/// Measures every call.
#[derive(Clone)]
pub struct Metered<S> {
    inner: S,
    seconds: opentelemetry::metrics::Histogram<f64>,
}

impl<S> Metered<S> {
    /// Around `inner`.
    pub fn new(inner: S) -> Self {
        let meter = opentelemetry::global::meter("dossier");
        let seconds = meter
            .f64_histogram("grpc_request")
            .with_unit("s")
            .with_description("How long calls took until their answer began, by method and code.")
            .with_boundaries(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
            .build();
        Self { inner, seconds }
    }
}

impl<S, B, R> tower::Service<http::Request<B>> for Metered<S>
where
    S: tower::Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let began = Instant::now();
        let method = label(request.uri().path());
        let seconds = self.seconds.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let code = answer.headers().get("grpc-status").and_then(|code| code.to_str().ok());
            let code = code.unwrap_or("0").to_owned();
            let labels = [KeyValue::new("method", method), KeyValue::new("code", code)];
            seconds.record(began.elapsed().as_secs_f64(), &labels);
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_contract_has_is_a_label() {
        for known in [
            "/dossier.cases.v1.Cases/ListCases",
            "/dossier.operations.v1.Operations/TailEvents",
            "/grpc.health.v1.Health/Check",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            assert_eq!(label(known).as_str(), known);
        }
        for made_up in ["/dossier.cases.v1.Cases/ListCases2", "/dossier.cases.v1.Cases", "/a.B/C", "/", ""] {
            assert_eq!(label(made_up).as_str(), UNKNOWN);
        }
    }
}
