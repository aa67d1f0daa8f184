//! One message in, one out.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::header;

use super::{Wire, away, client, codec::Raw, refused, request, request::Call};
use crate::{State, error::Failure};

/// Makes the call. Reading the body counts towards its time.
pub(super) async fn answer(state: &State, call: Call, body: Body) -> Result<Response, Failure> {
    tokio::time::timeout_at(call.deadline, answer_in_time(state, &call, body))
        .await
        .map_err(|_| Failure::late())?
}

async fn answer_in_time(state: &State, call: &Call, body: Body) -> Result<Response, Failure> {
    let body = request::body(body, state.config.body_bytes_max).await?;
    let message = call.wire.read(&call.method.input(), body).await?;
    let mut client = client(call, state);
    client.ready().await.map_err(|error| {
        tracing::warn!(%error, "a service cannot be reached");
        away()
    })?;
    let answer = client.unary(call.request(message), call.path.clone(), Raw).await.map_err(refused)?;
    let body = call.wire.write(&call.method.output(), answer.into_inner())?;
    let content = match call.wire {
        Wire::Json => "application/json",
        Wire::Proto => "application/proto",
    };
    Ok(([(header::CONTENT_TYPE, content)], body).into_response())
}
