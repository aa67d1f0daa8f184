//! One message in, one out.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};

use super::{Wire, away, client, codec::Raw, refused, request, request::Call};
use crate::{State, error::Failure};

/// The id that the service gave the request, or took from it.
const REQUEST_ID: &str = "x-request-id";

/// Makes the call. Reading the body counts towards its time.
pub(super) async fn answer(state: &State, call: Call, body: Body) -> Result<Response, Failure> {
    tokio::time::timeout_at(call.deadline, answer_in_time(state, &call, body))
        .await
        .map_err(|_| Failure::late())?
}

async fn answer_in_time(state: &State, call: &Call, body: Body) -> Result<Response, Failure> {
    let body = request::body(&state.config, body, 0).await?;
    let message = call.wire.read(&call.method.input(), body).await?;
    let mut client = client(call, state);
    client.ready().await.map_err(|error| {
        tracing::warn!(%error, "a service cannot be reached");
        away()
    })?;
    let answer = client.unary(call.request(message), call.path.clone(), Raw).await.map_err(refused)?;
    let id = answer.metadata().get(REQUEST_ID).and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok());
    let body = call.wire.write(&call.method.output(), answer.into_inner())?;
    let content = match call.wire {
        Wire::Json => "application/json",
        Wire::Proto => "application/proto",
    };
    let mut answer = ([(header::CONTENT_TYPE, content)], body).into_response();
    if let Some(id) = id {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(answer)
}
