//! The same chat over plain HTTP: one frame in a body, one in the answer.

use std::net::IpAddr;

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use service::http::Peer;

use super::{
    Doors,
    about::About,
    limits::{Place, Who},
    origin,
    protocol::{self, Client, FRAME_MAX, Refused, Server},
    socket::no_origin,
};

/// For how long a browser may remember what it may send, in seconds.
const PREFLIGHT_KEPT_S: &str = "86400";
/// After how many seconds a browser may try again when there is no place.
const FULL_S: u64 = 15;

/// Takes a frame, whatever the method: what is none is told how it is done.
pub(super) async fn call(
    State(doors): State<Doors>,
    Path(name): Path<String>,
    Extension(Peer(peer)): Extension<Peer>,
    (method, headers): (Method, HeaderMap),
    body: Body,
) -> Response {
    let about = match doors.chat.about(&name) {
        Ok(about) => about,
        Err(refused) => {
            doors.chat.counted(doors.label(&name), refused.code);
            return answer(&Server::Refused(refused), None);
        }
    };
    let Some(origin) = origin::allowed(&about.via.settings, &headers) else {
        doors.chat.counted(about.account.id.as_str(), "origin");
        return answer(&Server::Refused(no_origin()), None);
    };
    if method == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        share(response.headers_mut(), &origin);
        return response;
    }
    let address = about.address(peer.ip(), &headers);
    let taken = if method == Method::POST {
        doors.called(&about, address, &headers, body).await
    } else {
        let message = "a frame is sent by POST";
        Err(Refused::never(StatusCode::METHOD_NOT_ALLOWED, "method", message))
    };
    let outcome = taken.as_ref().map_or_else(|refused| refused.code, |_| "taken");
    doors.chat.counted(about.account.id.as_str(), outcome);
    answer(&taken.unwrap_or_else(Server::Refused), Some(&origin))
}

impl Doors {
    async fn called(
        &self,
        about: &About,
        address: IpAddr,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Server, Refused> {
        // One call is one connection, however short: a body that never ends holds a place, and no more than that.
        let _place = places(self, about.account.id.as_str(), address)?;
        let body = tokio::time::timeout(self.limits.greeting_time_max, axum::body::to_bytes(body, FRAME_MAX));
        let body = match body.await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                let message = format!("a frame has at most {FRAME_MAX} bytes");
                return Err(Refused::never(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
            }
            Err(_) => {
                let message = "the frame did not come in time";
                return Err(Refused::later(StatusCode::REQUEST_TIMEOUT, "too_slow", message, 1));
            }
        };
        let text = std::str::from_utf8(&body).unwrap_or_default();
        match protocol::read(text)? {
            Client::Hello { visitor, user, since } => {
                let (_, welcome) = self.greet(about, address, (visitor, user, since)).await?;
                Ok(welcome)
            }
            frame => {
                let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                let token = token.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| {
                    let message =
                        "say hello first, and send the token of the welcome as authorization: Bearer";
                    Refused::never(StatusCode::UNAUTHORIZED, "no_greeting", message)
                })?;
                let visitor = self.known(about, token.trim())?;
                let session = self.session(about, visitor, address)?;
                let _waits = match frame {
                    Client::Wait { .. } => Some(self.place_of(&session)?),
                    _ => None,
                };
                self.hear(about, &session, frame).await
            }
        }
    }
}

/// The right to one more connection.
pub(super) fn places(doors: &Doors, account: &str, address: IpAddr) -> Result<Place, Refused> {
    let limits = &doors.limits;
    let of = vec![
        (Who::All, limits.connections_max),
        (Who::Account(account.to_owned()), limits.connections_of_account_max),
        (Who::at(address), limits.connections_of_address_max),
    ];
    doors.chat.places.take(of).ok_or_else(|| {
        tracing::warn!(account, "no place for one more chat; if all come from one address, set `proxies`");
        let message = "there are too many chats at once; it is tried again";
        Refused::later(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", message, FULL_S)
    })
}

/// A frame as an answer, for a page of this origin.
pub(super) fn answer(frame: &Server, origin: Option<&str>) -> Response {
    let (status, retry_after_s) = match frame {
        Server::Refused(refused) => (refused.status, refused.retry_after_s),
        _ => (StatusCode::OK, None),
    };
    let body = serde_json::to_string(frame).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(after_s) = retry_after_s {
        headers.insert(header::RETRY_AFTER, after_s.into());
    }
    if let Some(origin) = origin {
        share(headers, origin);
    }
    response
}

/// Lets a page of this origin read the answer.
fn share(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = HeaderValue::from_static("authorization, content-type");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_KEPT_S));
}
