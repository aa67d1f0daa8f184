//! What an orchestrator and a scraper ask.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Of,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use crate::State;

/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process answers; whether it can work is [`ready`]'s matter.
pub(crate) async fn alive() -> Json<serde_json::Value> {
    Json(json!({ "alive": true }))
}

/// Whether the process can do its work, and if not, why.
pub(crate) async fn ready(Of(state): Of<Arc<State>>) -> Response {
    match (state.edge.ready)() {
        Ok(()) => Json(json!({ "ready": true })).into_response(),
        Err(reasons) => {
            let body = Json(json!({ "ready": false, "reasons": reasons }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// The metrics of the process.
pub(crate) async fn metrics(Of(state): Of<Arc<State>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], (state.edge.metrics)()).into_response()
}
