//! Bytes that are no request: what whoever sent them is told.
//!
//! The gRPC library reads a request before a service sees it. What it cannot read it calls an internal error, and what is
//! too large out of range, both without a reason: the caller would look for the fault here, and so would an alert.
//!
//! They are told apart from a service's own errors by their details: a service's status is made of an [`Error`] and always
//! carries some, the library's never does.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::HeaderMap;
use tonic::{Code, Status};

use crate::{Error, grpc::REQUEST_MAX};

/// Where a status has its details.
const DETAILS: &str = "grpc-status-details-bin";

/// Says what is wrong with a request that was not read.
#[derive(Clone, Debug)]
pub struct Explained<S> {
    inner: S,
}

impl<S> Explained<S> {
    /// Around `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> tower::Service<http::Request<B>> for Explained<S>
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
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            if let Some(error) = unread(answer.headers()) {
                let status = Status::from(error).into_http::<()>();
                // An answer that ends with its head has no body to replace.
                for (name, value) in status.headers() {
                    answer.headers_mut().insert(name, value.clone());
                }
            }
            Ok(answer)
        })
    }
}

/// What is wrong with the request, if it was the library that ended it.
fn unread(headers: &HeaderMap) -> Option<Error> {
    // Most answers end with trailers, and have no status in their head.
    if !headers.contains_key("grpc-status") || headers.contains_key(DETAILS) {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    match status.code() {
        Code::Internal => {
            let message = format!("the request cannot be read: {}", status.message());
            Some(Error::Malformed { reason: "MALFORMED_MESSAGE", message })
        }
        Code::OutOfRange | Code::ResourceExhausted => {
            let message = format!("the request is larger than {REQUEST_MAX} bytes; send less at once");
            Some(Error::Malformed { reason: "REQUEST_TOO_LARGE", message })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    /// What the caller is told when a service answers with `status`.
    async fn told(status: Status) -> Status {
        let inner = tower::service_fn(move |_: http::Request<()>| {
            let answer = status.clone().into_http::<()>();
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        let answer = tower::Service::call(&mut Explained::new(inner), http::Request::new(())).await.unwrap();
        Status::from_header_map(answer.headers()).unwrap()
    }

    #[tokio::test]
    async fn what_the_library_cannot_read_is_the_callers_fault() {
        for (found, reason) in [
            (Status::internal("invalid varint"), "MALFORMED_MESSAGE"),
            (Status::out_of_range("decoded message length too large"), "REQUEST_TOO_LARGE"),
            (Status::resource_exhausted("size limit exceeded while decompressing"), "REQUEST_TOO_LARGE"),
        ] {
            let told = told(found).await;
            let details = told.get_error_details();
            assert_eq!(
                (told.code(), details.error_info().unwrap().reason.as_str()),
                (Code::InvalidArgument, reason)
            );
        }
    }

    #[tokio::test]
    async fn what_a_service_says_stays_as_it_is() {
        for said in [
            Status::from(Error::Internal("broken".into())),
            Status::from(Error::NotFound { what: "case" }),
            Status::unimplemented("no such method"),
            Status::ok(""),
        ] {
            let told = told(said.clone()).await;
            assert_eq!(
                (told.code(), told.message(), told.details()),
                (said.code(), said.message(), said.details())
            );
        }
    }
}
