//! Errors on the wire, as the Connect protocol writes them:
//! `{"code":"invalid_argument","message":"…","details":[{"type":"google.rpc.BadRequest","value":"…","debug":{…}}]}`.
//!
//! What this edge refuses itself has the same shape, codes and `google.rpc` details as what the services refuse.

use std::{collections::HashMap, time::Duration};

use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderValue, StatusCode, header};
use prost::Message;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::schema::Schema;

/// The domain of every `ErrorInfo`, the services' one.
pub(crate) const DOMAIN: &str = "dossier";
/// What a caller should wait before it tries again, where waiting helps.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The most details of one error that are passed on.
const DETAILS_MAX: usize = 32;

/// Why a request ended without an answer.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Box<Status>,
    /// Where HTTP has a status of its own for it; else the one that belongs to the code.
    http: Option<StatusCode>,
    header: Option<(header::HeaderName, HeaderValue)>,
}

impl Failure {
    /// A failure of the edge with a stable reason.
    pub(crate) fn new(code: Code, reason: &str, message: impl std::fmt::Display) -> Self {
        let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        Status::with_error_details(code, message.to_string(), details).into()
    }

    /// Nothing is wrong with the request; the same again may well be done.
    pub(crate) fn again(code: Code, reason: &str, message: &str) -> Self {
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        details.set_retry_info(Some(RETRY_AFTER));
        Status::with_error_details(code, message, details).into()
    }

    /// The time of the call is over.
    pub(crate) fn late() -> Self {
        Self::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the call did not end in its time")
    }

    /// A field of the request is wrong.
    pub(crate) fn field(field: &str, message: &str) -> Self {
        let mut details = ErrorDetails::with_bad_request_violation(field, message);
        details.set_error_info("INVALID_FIELD", DOMAIN, HashMap::new());
        let text = if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") };
        Status::with_error_details(Code::InvalidArgument, text, details).into()
    }

    /// Says it with this HTTP status.
    pub(crate) fn http(mut self, status: StatusCode) -> Self {
        self.http = Some(status);
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// The error object of the Connect protocol.
    pub(crate) fn json(&self, schema: &Schema) -> Value {
        let mut error = json!({ "code": name(self.status.code()) });
        if !self.status.message().is_empty() {
            error["message"] = self.status.message().into();
        }
        let details = details(&self.status, schema);
        if !details.is_empty() {
            error["details"] = details.into();
        }
        error
    }

    /// The answer of a call that ends with this.
    pub(crate) fn response(self, schema: &Schema) -> Response {
        let status = self.http.unwrap_or_else(|| http_status(self.status.code()));
        let body = self.json(schema).to_string();
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        // Tonic tells a deadline that has passed as a cancellation; nobody here cancels a call and waits for its end.
        let expired =
            status.code() == Code::Cancelled && status.message() == tonic::TimeoutExpired(()).to_string();
        if expired {
            return Self::new(
                Code::DeadlineExceeded,
                "DEADLINE_EXCEEDED",
                "the call did not end in its time",
            );
        }
        Self { status: Box::new(status), http: None, header: None }
    }
}

/// The code as Connect spells it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "canceled",
        Code::Ok | Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

/// The HTTP status that the Connect protocol gives to a code.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // "Client closed request": not registered, but what the protocol asks for.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The `google.rpc` details, each with its bytes for machines and, where its type is known, as JSON for people.
fn details(status: &Status, schema: &Schema) -> Vec<Value> {
    let Ok(rich) = tonic_types::pb::Status::decode(status.details()) else {
        return Vec::new();
    };
    let details = rich.details.iter().take(DETAILS_MAX).map(|any| {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let mut detail = json!({ "type": name, "value": STANDARD_NO_PAD.encode(&any.value) });
        if let Some(debug) = schema.debug(name, &any.value) {
            detail["debug"] = debug;
        }
        detail
    });
    details.collect()
}
