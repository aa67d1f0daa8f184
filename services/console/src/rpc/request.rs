//! What the head of a request says.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode, header, request::Parts, uri::PathAndQuery};
use prost_reflect::MethodDescriptor;
use tokio::time::Instant;
use tonic::{Code, metadata::MetadataMap, transport::Channel};

use super::{Wire, wrong_verb};
use crate::{Config, State, error::Failure, headers};

/// The most digits of `Connect-Timeout-Ms`, as the protocol has it.
const TIMEOUT_DIGITS_MAX: usize = 10;
/// The content types of calls.
const ACCEPTED: &str =
    "application/json, application/proto, application/connect+json, application/connect+proto";

/// How the answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One message.
    Single,
    /// Enveloped messages.
    Envelopes,
    /// Server-sent events.
    Events,
}

/// A call that is to be made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: MethodDescriptor,
    pub(super) path: PathAndQuery,
    pub(super) upstream: Channel,
    pub(super) wire: Wire,
    pub(super) form: Form,
    pub(super) deadline: Instant,
    /// The bearer token, as it came: whether it is a good one, the service says.
    pub(super) token: String,
    metadata: MetadataMap,
}

impl Call {
    pub(super) fn new(state: &State, head: &Parts) -> Result<Self, Failure> {
        let path = head.uri.path();
        let offered = state.schema.method(path).and_then(|method| {
            Some((method.clone(), state.edge.upstreams.get(method.parent_service().package_name())?.clone()))
        });
        let (Some((method, upstream)), Ok(path)) = (offered, path.parse()) else {
            let message = "there is nothing at this path; /openapi.json lists what there is";
            return Err(
                Failure::new(Code::Unimplemented, "NO_SUCH_PATH", message).http(StatusCode::NOT_FOUND)
            );
        };
        if head.method != Method::POST {
            return Err(wrong_verb("a method is called with POST", "POST"));
        }
        if method.is_client_streaming() {
            let message = "the client streams in this method; call it over gRPC";
            return Err(Failure::new(Code::Unimplemented, "CLIENT_STREAM", message));
        }
        let (wire, form) = form(&head.headers, method.is_server_streaming())?;
        protocol(&head.headers, form)?;
        let limits = match form {
            Form::Single => (state.config.unary_time, state.config.unary_time_max),
            Form::Envelopes | Form::Events => (state.config.stream_time_max, state.config.stream_time_max),
        };
        let deadline = Instant::now() + timeout(&head.headers)?.unwrap_or(limits.0).min(limits.1);
        let metadata = headers::forwarded(&head.headers)?;
        let token = bearer(&head.headers)?.to_owned();
        Ok(Self { method, path, upstream, wire, form, deadline, token, metadata })
    }

    /// Whether the answer is a stream.
    pub(super) fn streams(&self) -> bool {
        self.form != Form::Single
    }

    /// The request that goes to the service.
    pub(super) fn request(&self, message: Bytes) -> tonic::Request<Bytes> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.deadline.saturating_duration_since(Instant::now()));
        request
    }
}

/// The whole body, if it is not larger than it may be together with its `frame`, and comes in its time.
pub(super) async fn body(config: &Config, body: Body, frame: usize) -> Result<Bytes, Failure> {
    let reading = whole(body, config.body_bytes_max.saturating_add(frame));
    tokio::time::timeout(config.body_time_max, reading).await.map_err(|_| {
        let message = format!("the body did not come within {:?}; send all of it", config.body_time_max);
        Failure::new(Code::DeadlineExceeded, "BODY_TOO_SLOW", message).http(StatusCode::REQUEST_TIMEOUT)
    })?
}

async fn whole(body: Body, max: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the body is larger than {max} bytes");
        Failure::new(Code::ResourceExhausted, "BODY_TOO_LARGE", message).http(StatusCode::PAYLOAD_TOO_LARGE)
    };
    let declared = axum::body::HttpBody::size_hint(&body).lower();
    if declared > max as u64 {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::new();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            Failure::new(Code::InvalidArgument, "BODY_CUT", "the body ended before its end; send all of it")
        })?;
        if whole.len() + part.len() > max {
            return Err(too_large());
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.freeze())
}

/// The bearer token. Every method needs one: without it nothing more is read, and nothing is held for the caller.
fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            let message = "a bearer token is missing; send `authorization: Bearer <token>`";
            Failure::new(Code::Unauthenticated, "TOKEN_MISSING", message)
        })
}

fn form(headers: &HeaderMap, streaming: bool) -> Result<(Wire, Form), Failure> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media = parts.next().unwrap_or_default();
    let utf8 = parts.all(|part| match part.split_once('=') {
        Some(("charset", value)) => matches!(value.trim_matches('"'), "utf-8" | "utf8"),
        _ => true,
    });
    let found = match (media.as_str(), streaming) {
        ("application/json", false) => Some((Wire::Json, Form::Single)),
        ("application/proto", false) => Some((Wire::Proto, Form::Single)),
        ("application/connect+json", true) => Some((Wire::Json, Form::Envelopes)),
        ("application/connect+proto", true) => Some((Wire::Proto, Form::Envelopes)),
        ("application/json", true) if asks_for_events(headers) => Some((Wire::Json, Form::Events)),
        _ => None,
    };
    found.filter(|_| utf8).ok_or_else(|| {
        let message = if streaming {
            "this method streams: send application/connect+json, or application/json with Accept: text/event-stream"
        } else {
            "send application/json (in UTF-8) or application/proto"
        };
        Failure::new(Code::InvalidArgument, "CONTENT_TYPE", message)
            .http(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .header(header::HeaderName::from_static("accept-post"), ACCEPTED)
    })
}

fn asks_for_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|media| media.trim() == "text/event-stream"))
}

fn protocol(headers: &HeaderMap, form: Form) -> Result<(), Failure> {
    if headers.get("connect-protocol-version").is_some_and(|version| version != "1") {
        let message = "Connect-Protocol-Version should be 1";
        return Err(Failure::new(Code::InvalidArgument, "PROTOCOL_VERSION", message));
    }
    let encoding = match form {
        Form::Envelopes => "connect-content-encoding",
        Form::Single | Form::Events => "content-encoding",
    };
    if headers.get(encoding).is_some_and(|encoding| encoding != "identity") {
        let message = "the only encoding that is taken is `identity`; send it uncompressed";
        return Err(Failure::new(Code::Unimplemented, "CONTENT_ENCODING", message));
    }
    Ok(())
}

fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(value) = headers.get("connect-timeout-ms") else {
        return Ok(None);
    };
    let digits = value.to_str().ok().filter(|text| {
        (1..=TIMEOUT_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    });
    let millis = digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = "Connect-Timeout-Ms should be milliseconds, at most ten digits";
        Failure::new(Code::InvalidArgument, "TIMEOUT", message)
    })?;
    Ok(Some(Duration::from_millis(millis)))
}
