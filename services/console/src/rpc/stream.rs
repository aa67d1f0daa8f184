//! One message in, many out, one at a time.

use std::convert::Infallible;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderName, header};
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

use super::{
    Wire, away, client,
    codec::Raw,
    permits::Permit,
    refused,
    request::{self, Call, Form},
};
use crate::{State, error::Failure, schema::Schema};

/// Flags and length before each message.
const ENVELOPE_BYTES: usize = 5;
/// The flag of the last envelope, which is no message.
const END_STREAM: u8 = 2;

/// Makes the call and passes on what comes until it ends, the client goes away, or the time is over.
pub(super) async fn answer(state: &State, call: Call, body: Body) -> Response {
    let framing = Framing { wire: call.wire, form: call.form, schema: state.schema.clone() };
    let begun = tokio::time::timeout_at(call.deadline, begin(state, &call, body)).await;
    match begun.unwrap_or_else(|_| Err(Failure::late())) {
        Ok((messages, permit)) => {
            let relay = Relay {
                messages,
                output: call.method.output(),
                framing,
                deadline: call.deadline,
                keep_alive: state.config.keep_alive,
                stop: state.edge.stop.clone(),
                ended: false,
                _permit: permit,
            };
            relay.response()
        }
        // An event stream has not begun yet, so that HTTP can still say it; envelopes are always 200.
        Err(failure) if call.form == Form::Events => failure.response(&state.schema),
        Err(failure) => framing.response(Body::from(framing.end(Some(&failure)))),
    }
}

async fn begin(state: &State, call: &Call, body: Body) -> Result<(Streaming<Bytes>, Permit), Failure> {
    let body = match call.form {
        Form::Envelopes => opened(&request::body(&state.config, body, ENVELOPE_BYTES).await?)?,
        Form::Single | Form::Events => request::body(&state.config, body, 0).await?,
    };
    let message = call.wire.read(&call.method.input(), body).await?;
    // Last of all: who has not said yet what he wants takes nobody's place.
    let permit = state.streams.take(&call.token)?;
    let mut client = client(call, state);
    client.ready().await.map_err(|error| {
        tracing::warn!(%error, "a service cannot be reached");
        away()
    })?;
    let answer = client.server_streaming(call.request(message), call.path.clone(), Raw).await;
    Ok((answer.map_err(refused)?.into_inner(), permit))
}

/// The one message of a request, out of its envelope.
fn opened(body: &Bytes) -> Result<Bytes, Failure> {
    match body.split_first_chunk::<ENVELOPE_BYTES>() {
        Some(([0, length @ ..], message)) if u32::from_be_bytes(*length) as usize == message.len() => {
            Ok(body.slice(ENVELOPE_BYTES..))
        }
        _ => {
            let message = "the body should be one uncompressed message in an envelope: a zero byte, its length in four bytes, itself";
            Err(Failure::new(Code::InvalidArgument, "MALFORMED_ENVELOPE", message))
        }
    }
}

/// A stream on its way. Dropping it ends the call to the service.
struct Relay {
    messages: Streaming<Bytes>,
    output: MessageDescriptor,
    framing: Framing,
    deadline: Instant,
    keep_alive: Duration,
    stop: CancellationToken,
    ended: bool,
    _permit: Permit,
}

impl Relay {
    fn response(self) -> Response {
        let framing = self.framing.clone();
        let parts = stream::unfold(self, |mut relay| async move {
            let part = relay.next().await?;
            Some((Ok::<_, Infallible>(part), relay))
        });
        framing.response(Body::from_stream(parts))
    }

    /// The next part of the answer. It is not asked for before the client has taken the last one.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let message = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Some(stopping())),
            () = tokio::time::sleep_until(self.deadline) => Err(Some(Failure::late())),
            message = self.messages.message() => match message {
                Ok(Some(message)) => self.framing.wire.write(&self.output, message).map_err(Some),
                Ok(None) => Err(None),
                Err(status) => Err(Some(refused(status))),
            },
            () = tokio::time::sleep(self.keep_alive), if self.framing.form == Form::Events => {
                return Some(Bytes::from_static(b": still here\n\n"));
            }
        };
        Some(match message {
            Ok(message) => self.framing.message(&message),
            Err(end) => {
                self.ended = true;
                self.framing.end(end.as_ref())
            }
        })
    }
}

fn stopping() -> Failure {
    let message = "this process is stopping; call again, after the last position that was received";
    Failure::again(Code::Unavailable, "STOPPING", message)
}

/// How parts of a stream are written.
#[derive(Clone)]
struct Framing {
    wire: Wire,
    form: Form,
    schema: Schema,
}

impl Framing {
    fn message(&self, message: &[u8]) -> Bytes {
        match self.form {
            Form::Envelopes => envelope(0, message),
            // JSON has no line breaks outside of strings, and escapes them inside.
            Form::Single | Form::Events => [b"data: ", message, b"\n\n"].concat().into(),
        }
    }

    fn end(&self, failure: Option<&Failure>) -> Bytes {
        let error = failure.map(|failure| failure.json(&self.schema));
        match (self.form, error) {
            (Form::Envelopes, None) => envelope(END_STREAM, b"{}"),
            (Form::Envelopes, Some(error)) => {
                envelope(END_STREAM, json!({ "error": error }).to_string().as_bytes())
            }
            (Form::Single | Form::Events, None) => event("end", &json!({})),
            (Form::Single | Form::Events, Some(error)) => event("error", &error),
        }
    }

    fn response(&self, body: Body) -> Response {
        let content = match (self.form, self.wire) {
            (Form::Envelopes, Wire::Json) => "application/connect+json",
            (Form::Envelopes, Wire::Proto) => "application/connect+proto",
            (Form::Single | Form::Events, _) => "text/event-stream",
        };
        // Proxies that collect answers would hold back what happens until much more has happened.
        let unbuffered = (HeaderName::from_static("x-accel-buffering"), "no");
        ([(header::CONTENT_TYPE, content), unbuffered], body).into_response()
    }
}

fn envelope(flags: u8, message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ENVELOPE_BYTES + message.len());
    bytes.put_u8(flags);
    // Messages are bounded far below 4 GiB.
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
