//! The API as JSON, called as `curl` calls it.

use std::net::SocketAddr;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// Somebody who calls over HTTP.
#[derive(Clone)]
pub struct Json {
    address: SocketAddr,
    token: Option<String>,
    client: Client<HttpConnector, Body>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null if it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Json {
    /// Calls `address`, with a token or without.
    pub fn new(address: SocketAddr, token: Option<&str>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, token: token.map(str::to_owned), client }
    }

    /// Calls a method of the API: `dossier.cases.v1.Cases/GetCase`.
    pub async fn call(&self, method: &str, request: &Value) -> Answer {
        self.send(Method::POST, &format!("/{method}"), request.to_string()).await
    }

    /// The same for a body of any bytes.
    pub async fn raw(&self, method: &str, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, &format!("/{method}"), body).await
    }

    /// The answer to a call that must succeed.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn ok(&self, method: &str, request: &Value) -> Value {
        let answer = self.call(method, request).await;
        assert_eq!(answer.status, StatusCode::OK, "{method}: {}", answer.text);
        answer.body
    }

    /// What stands at a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.into()).expect("a request");
        let answer = self.client.request(request).await.expect("an answer").map(Body::new);
        let (head, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: head.status, body: serde_json::from_slice(&bytes).unwrap_or_default(), text }
    }
}

impl Answer {
    /// The error of the Connect protocol: its code, the reason in its `ErrorInfo`, and the fields of its `BadRequest`.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[track_caller]
    pub fn error(&self) -> (String, String, Vec<String>) {
        assert!(!self.status.is_success(), "not an error: {}", self.text);
        let code = self.body["code"].as_str().unwrap_or_else(|| panic!("no code in {}", self.text));
        let details = self.body["details"].as_array().cloned().unwrap_or_default();
        let find = |kind: &str| {
            details.iter().find(|detail| detail["type"] == kind).map(|detail| detail["debug"].clone())
        };
        let info = find("google.rpc.ErrorInfo").unwrap_or_default();
        let reason = info["reason"].as_str().unwrap_or_default();
        let bad = find("google.rpc.BadRequest").unwrap_or_default();
        let fields = bad["fieldViolations"].as_array().cloned().unwrap_or_default();
        let fields = fields.iter().filter_map(|violation| violation["field"].as_str().map(str::to_owned));
        (code.to_owned(), reason.to_owned(), fields.collect())
    }
}
