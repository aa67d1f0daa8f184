//! A call: from an HTTP request to a gRPC call and back.

mod codec;
pub(crate) mod permits;
mod request;
mod stream;
mod unary;

use std::sync::Arc;

use axum::{
    extract::{Request, State as Of},
    response::Response,
};
use bytes::Bytes;
use http::{StatusCode, header};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::{Code, transport::Channel};

use crate::{State, decode, error::Failure, json::Json};
use request::Call;

/// Bodies that are larger are read on a thread of their own, so that other calls do not wait for them.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// Answers every path that is not one of the edge's own.
pub(crate) async fn call(Of(state): Of<Arc<State>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match Call::new(&state, &head) {
        Err(failure) => failure.response(&state.schema),
        Ok(call) if call.streams() => stream::answer(&state, call, body).await,
        Ok(call) => {
            unary::answer(&state, call, body).await.unwrap_or_else(|failure| failure.response(&state.schema))
        }
    }
}

/// Answers another verb on one of the edge's own paths.
pub(crate) async fn not_allowed(Of(state): Of<Arc<State>>) -> Response {
    wrong_verb("this is read with GET", "GET, HEAD").response(&state.schema)
}

fn wrong_verb(message: &str, allowed: &'static str) -> Failure {
    Failure::new(Code::Unimplemented, "METHOD_NOT_ALLOWED", message)
        .http(StatusCode::METHOD_NOT_ALLOWED)
        .header(header::ALLOW, allowed)
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Json,
    Proto,
}

impl Wire {
    /// The message in a request, as gRPC has it.
    async fn read(self, descriptor: &MessageDescriptor, body: Bytes) -> Result<Bytes, Failure> {
        if body.len() <= INLINE_BYTES_MAX {
            return self.read_now(descriptor, &body);
        }
        let descriptor = descriptor.clone();
        let reading = tokio::task::spawn_blocking(move || self.read_now(&descriptor, &body));
        reading.await.map_err(|error| internal("a request was not read", &error))?
    }

    fn read_now(self, descriptor: &MessageDescriptor, body: &Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Json => {
                let json = Json::parse(body).map_err(|error| {
                    let message = format!("the body is no JSON that is taken here: {error}");
                    Failure::new(Code::InvalidArgument, "MALFORMED_JSON", message)
                })?;
                let message = decode::message(descriptor, json)
                    .map_err(|mismatch| Failure::field(&mismatch.path, &mismatch.message))?;
                Ok(message.encode_to_vec().into())
            }
            Self::Proto => match DynamicMessage::decode(descriptor.clone(), body.clone()) {
                Ok(_) => Ok(body.clone()),
                Err(_) => {
                    let message = format!("the body is no {} in binary", descriptor.full_name());
                    Err(Failure::new(Code::InvalidArgument, "MALFORMED_MESSAGE", message))
                }
            },
        }
    }

    /// A message of an answer, as the client has it.
    fn write(self, descriptor: &MessageDescriptor, message: Bytes) -> Result<Bytes, Failure> {
        if self == Self::Proto {
            return Ok(message);
        }
        let message = DynamicMessage::decode(descriptor.clone(), message)
            .map_err(|error| internal("an answer does not fit its contract", &error))?;
        let mut json = serde_json::Serializer::new(Vec::new());
        message
            .serialize_with_options(&mut json, &SerializeOptions::new())
            .map_err(|error| internal("an answer has no JSON form", &error))?;
        Ok(json.into_inner().into())
    }
}

/// The client of one call.
fn client(call: &Call, state: &State) -> tonic::client::Grpc<Channel> {
    tonic::client::Grpc::new(call.upstream.clone())
        .max_encoding_message_size(usize::MAX)
        .max_decoding_message_size(state.config.answer_bytes_max)
}

/// What a service or the way to it says.
///
/// A status with a source was made here, of a transport that failed: its text names addresses, and is for the log only.
fn refused(status: tonic::Status) -> Failure {
    let mut cause = std::error::Error::source(&status);
    if cause.is_none() {
        return status.into();
    }
    while let Some(error) = cause {
        if error.is::<tonic::TimeoutExpired>() {
            return Failure::late();
        }
        cause = error.source();
    }
    tracing::warn!(error = %status, "a service did not answer");
    away()
}

fn away() -> Failure {
    let message = "the service of this method cannot be reached; the same request again is harmless";
    Failure::again(Code::Unavailable, "UNAVAILABLE", message)
}

fn internal(what: &'static str, error: &dyn std::error::Error) -> Failure {
    tracing::error!(%error, "{what}");
    Failure::new(Code::Internal, "INTERNAL", format_args!("{what}; the log has the details"))
}

#[cfg(test)]
mod tests;
