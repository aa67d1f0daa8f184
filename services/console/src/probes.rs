//! What an orchestrator and a scraper ask.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Of,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;

use crate::{Degraded, Readiness, State};

/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process answers; whether it can work is [`ready`]'s matter.
pub(crate) async fn alive() -> Json<serde_json::Value> {
    Json(json!({ "alive": true }))
}

/// Whether the process can do its work, and if not, why; and what waits meanwhile.
pub(crate) async fn ready(Of(state): Of<Arc<State>>) -> Response {
    let Readiness { reasons, degraded } = (state.edge.ready)();
    let mut body = json!({ "ready": reasons.is_empty() });
    if !degraded.is_empty() {
        let waits = |Degraded { name, stream, position, reason, since }: Degraded| json!({ "name": name, "stream": stream, "position": position, "reason": reason, "since": since });
        body["degraded"] = degraded.into_iter().map(waits).collect();
    }
    if reasons.is_empty() {
        return Json(body).into_response();
    }
    body["reasons"] = reasons.into();
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// The metrics of the process.
pub(crate) async fn metrics(Of(state): Of<Arc<State>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], (state.edge.metrics)()).into_response()
}
