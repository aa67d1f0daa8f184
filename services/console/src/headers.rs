//! How long the head of a request may be, and which of its headers go on to a service.
//!
//! All callers share one connection to a service. A header that the service's own limit does not take would end that
//! connection for all of them, so that what goes on is bounded here, far below it.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Of},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, StatusCode, header::HeaderName};
use tonic::{Code, metadata::MetadataMap};

use crate::{State, error::Failure};

/// All headers of one request, in bytes as HTTP/2 counts them.
pub(crate) const BYTES_MAX: u32 = 32 << 10;
/// What HTTP/2 counts for a header beside its name and its value.
const OVERHEAD_BYTES: usize = 32;
/// The headers that go on to the service, and the most bytes of each: a token may be as long as services take it, an id
/// of a request too, and a `traceparent` has one length.
const FORWARDED: [(&str, usize); 3] =
    [("authorization", 8 << 10), ("traceparent", 55), ("x-request-id", 128)];

/// Refuses a request whose headers are too long together. HTTP/2 refuses it before; HTTP/1 has no such limit of its own.
pub(crate) async fn bounded(Of(state): Of<Arc<State>>, request: Request, next: Next) -> Response {
    let size =
        |(name, value): (&HeaderName, &http::HeaderValue)| name.as_str().len() + value.len() + OVERHEAD_BYTES;
    if request.headers().iter().map(size).sum::<usize>() > BYTES_MAX as usize {
        let longest = request.headers().iter().max_by_key(|header| size(*header));
        let longest = longest.map(|(name, _)| name.as_str()).unwrap_or_default();
        return too_large(format_args!(
            "the headers are longer than {BYTES_MAX} bytes together; the longest is `{longest}`"
        ))
        .response(&state.schema);
    }
    next.run(request).await
}

/// What goes on to the service.
pub(crate) fn forwarded(headers: &HeaderMap) -> Result<MetadataMap, Failure> {
    let mut kept = HeaderMap::new();
    for (name, bytes_max) in FORWARDED {
        let Some(value) = headers.get(name) else { continue };
        if value.len() > bytes_max {
            return Err(too_large(format_args!("the header `{name}` is longer than {bytes_max} bytes")));
        }
        kept.insert(HeaderName::from_static(name), value.clone());
    }
    Ok(MetadataMap::from_headers(kept))
}

fn too_large(message: std::fmt::Arguments<'_>) -> Failure {
    Failure::new(Code::ResourceExhausted, "HEADER_TOO_LARGE", message)
        .http(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
}
