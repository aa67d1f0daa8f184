//! The contracts for people and generators: OpenAPI 3.1, made from the descriptors and the comments in the contracts.
//!
//! Messages are named by their full name. A message that only requests have takes no further properties, as the edge
//! refuses them; one that answers have may get more in a later version, and readers should ignore those.

mod comments;
mod schemas;

use std::sync::Arc;

use axum::{
    extract::State as Of,
    response::{IntoResponse, Response},
};
use http::header;
use prost_reflect::MethodDescriptor;
use serde_json::{Map, Value, json};

use crate::{State, schema::Schema};
use comments::Comments;
use schemas::Schemas;

/// The name of the error object among the schemas.
const ERROR: &str = "connect.Error";

/// `GET /openapi.json`.
pub(crate) async fn answer(Of(state): Of<Arc<State>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.openapi.clone()).into_response()
}

/// The description of every method whose package is `offered`, those with a client stream left out.
pub(crate) fn document(schema: &Schema, offered: impl Fn(&str) -> bool) -> Value {
    let methods: Vec<_> = schema
        .methods()
        .into_iter()
        .filter(|(_, method)| {
            offered(method.parent_service().package_name()) && !method.is_client_streaming()
        })
        .collect();
    let mut comments = Comments::default();
    let mut schemas = Schemas::new(methods.iter().map(|(_, method)| method.output()));
    let mut paths = Map::new();
    let mut tags = Map::new();
    for (path, method) in methods {
        let service = method.parent_service();
        let tag = json!({
            "name": service.full_name(),
            "description": comments.of(&service.parent_file(), service.path()),
        });
        tags.insert(service.full_name().to_owned(), tag);
        paths.insert(path.to_owned(), json!({ "post": operation(method, &mut comments, &mut schemas) }));
    }
    let mut components = schemas.finish(&mut comments);
    components.insert(ERROR.to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dossier",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every method is called with POST and proto3 JSON, compatible with the Connect protocol. \
                Fields with their default value are left out of answers; integers of 64 bits are strings.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "tags": tags.into_iter().map(|(_, tag)| tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "parameters": {
                "timeout": {
                    "name": "Connect-Timeout-Ms",
                    "in": "header",
                    "description": "How long the call may take, in milliseconds.",
                    "schema": { "type": "integer", "minimum": 0, "maximum": 9_999_999_999_u64 },
                },
            },
            "responses": {
                "error": {
                    "description": "The call was not done: the code and the details say why, and what to do.",
                    "content": { "application/json": { "schema": reference(ERROR) } },
                },
            },
            "schemas": components,
        },
    })
}

fn operation(method: &MethodDescriptor, comments: &mut Comments, schemas: &mut Schemas) -> Value {
    let input = schemas.reference(&method.input());
    let output = schemas.reference(&method.output());
    let description = comments.of(&method.parent_file(), method.path());
    let answer = if method.is_server_streaming() {
        json!({ "text/event-stream": {
            "schema": {
                "type": "string",
                "description": "Each `data:` line is one message as JSON; `event: end` or `event: error` comes last.",
            },
            "x-message": output,
        }})
    } else {
        json!({ "application/json": { "schema": output } })
    };
    json!({
        "operationId": method.full_name(),
        "tags": [method.parent_service().full_name()],
        "summary": comments::summary(&description),
        "description": description,
        "parameters": [{ "$ref": "#/components/parameters/timeout" }],
        "requestBody": { "required": true, "content": { "application/json": { "schema": input } } },
        "responses": {
            "200": { "description": "Done.", "content": answer },
            "default": { "$ref": "#/components/responses/error" },
        },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn error() -> Value {
    let codes = [
        "canceled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "data_loss",
        "unauthenticated",
    ];
    json!({
        "type": "object",
        "description": "An error of the Connect protocol.",
        "required": ["code"],
        "properties": {
            "code": { "type": "string", "enum": codes },
            "message": { "type": "string", "description": "What is wrong and what to do, for people." },
            "details": {
                "type": "array",
                "description": "`google.rpc.BadRequest` names the field, `google.rpc.ErrorInfo` has the stable reason, \
                    `google.rpc.RetryInfo` says how long to wait.",
                "items": {
                    "type": "object",
                    "required": ["type", "value"],
                    "properties": {
                        "type": { "type": "string", "description": "The full name of the message." },
                        "value": {
                            "type": "string",
                            "contentEncoding": "base64",
                            "description": "The message in binary, base64 without padding.",
                        },
                        "debug": { "type": "object", "description": "The message as JSON." },
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests;
