//! The WebSocket of a chat.

use std::net::IpAddr;

use axum::{
    Extension,
    extract::{
        Path, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use service::http::Peer;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{
    Doors,
    call::{answer, places},
    limits::{Place, Who},
    origin,
    protocol::{self, Client, FRAME_MAX, Refused, Server},
    session::Session,
};

/// Bytes that wait to be sent before nothing more is written.
const WRITE_BUFFER_MAX: usize = 1 << 20;
/// Frames in a row that are refused for good before the connection ends.
const REFUSED_MAX: u32 = 20;

/// Opens one.
pub(super) async fn open(
    State(doors): State<Doors>,
    Path(name): Path<String>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let admitted = doors.chat.about(&name).and_then(|about| {
        origin::allowed(&about.via.settings, &headers).ok_or_else(no_origin)?;
        let upgrade = upgrade.map_err(|_| {
            let message = "a WebSocket is opened here; over plain HTTP, POST to `call`";
            Refused::never(StatusCode::UPGRADE_REQUIRED, "no_websocket", message)
        })?;
        let address = about.address(peer.ip(), &headers);
        let place = places(&doors, about.account.id.as_str(), address)?;
        Ok((upgrade, address, place))
    });
    match admitted {
        Ok((upgrade, address, place)) => upgrade
            .max_message_size(FRAME_MAX)
            .max_frame_size(FRAME_MAX)
            .max_write_buffer_size(WRITE_BUFFER_MAX)
            .on_upgrade(async move |socket| Line { doors, name, address, socket }.serve(place).await)
            .into_response(),
        Err(refused) => {
            doors.chat.counted(doors.label(&name), refused.code);
            answer(&Server::Refused(refused), None)
        }
    }
}

/// It is called of a page on which the chat does not stand.
pub(super) fn no_origin() -> Refused {
    let message = "the chat does not stand on this page; name its origin in the account's setting `origins`";
    Refused::never(StatusCode::FORBIDDEN, "origin", message)
}

/// One connection.
struct Line {
    doors: Doors,
    name: String,
    address: IpAddr,
    socket: WebSocket,
}

/// Why a connection ends: a code of RFC 6455, and a word.
type End = (u16, &'static str);

/// The other side is gone.
const GONE: End = (0, "");

impl Line {
    async fn serve(mut self, _place: Place) {
        let end = match self.greeted().await {
            Ok((session, cursor, _place)) => self.talk(&session, cursor).await,
            Err(end) => end,
        };
        let (code, reason) = end;
        if code != 0 {
            let close = CloseFrame { code, reason: reason.into() };
            let time = self.doors.limits.send_time_max;
            // Whether it arrives is the browser's matter.
            timeout(time, self.socket.send(Message::Close(Some(close)))).await.ok();
        }
    }

    async fn send(&mut self, frame: &Server) -> Result<(), End> {
        let text = serde_json::to_string(frame).map_err(|_| (close_code::ERROR, "unavailable"))?;
        // Who does not read is not written to for ever.
        let sent = timeout(self.doors.limits.send_time_max, self.socket.send(Message::Text(text.into())));
        if matches!(sent.await, Ok(Ok(()))) { Ok(()) } else { Err(GONE) }
    }

    /// Waits for the greeting. A token that is not accepted is told, and the next may be better.
    async fn greeted(&mut self) -> Result<(Session, u64, Place), End> {
        let end = Instant::now() + self.doors.limits.greeting_time_max;
        for _ in 0..REFUSED_MAX {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = tokio::time::sleep_until(end) => return Err((close_code::POLICY, "no greeting")),
                () = self.doors.chat.stop.cancelled() => return Err((close_code::AWAY, "going away")),
            };
            let Some(frame) = frame(message)? else { continue };
            let greeted = async {
                let Client::Hello { visitor, user, since } = frame? else {
                    let message = "say hello first";
                    return Err(Refused::never(StatusCode::BAD_REQUEST, "no_greeting", message));
                };
                let about = self.doors.chat.about(&self.name)?;
                let greeting = (visitor, user, since);
                let (session, welcome) = self.doors.greet(&about, self.address, greeting).await?;
                let place = self.doors.place_of(&session)?;
                Ok((session, welcome, place))
            };
            match greeted.await {
                Ok((session, welcome, place)) => {
                    let cursor = if let Server::Welcome { cursor, .. } = &welcome { *cursor } else { 0 };
                    self.doors.chat.counted(self.doors.label(&self.name), "greeted");
                    self.send(&welcome).await?;
                    return Ok((session, cursor, place));
                }
                Err(refused) => self.refuse(refused).await?,
            }
        }
        Err((close_code::POLICY, "no greeting"))
    }

    async fn refuse(&mut self, refused: Refused) -> Result<(), End> {
        self.doors.chat.counted(self.doors.label(&self.name), refused.code);
        self.send(&Server::Refused(refused)).await
    }

    /// Until one of both goes.
    async fn talk(&mut self, session: &Session, cursor: u64) -> End {
        match self.talk_on(session, cursor).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn talk_on(&mut self, session: &Session, mut cursor: u64) -> Result<std::convert::Infallible, End> {
        let limits = std::sync::Arc::clone(&self.doors.limits);
        let mut listener = self.doors.chat.hub.listen(session.conversation);
        // What came between the greeting and the listening.
        cursor = self.news(session, cursor).await?;
        let begun = Instant::now();
        let mut heard = begun;
        let mut ping = interval_at(begun + limits.ping_every, limits.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused_in_a_row = 0;
        loop {
            tokio::select! {
                message = self.socket.recv() => {
                    heard = Instant::now();
                    let Some(frame) = frame(message)? else { continue };
                    match self.heard(session, frame).await {
                        Ok(answer) => {
                            refused_in_a_row = 0;
                            self.send(&answer).await?;
                        }
                        Err(refused) => {
                            refused_in_a_row += 1;
                            self.refuse(refused).await?;
                            if refused_in_a_row >= REFUSED_MAX {
                                return Err((close_code::POLICY, "too many refused frames"));
                            }
                        }
                    }
                }
                () = listener.changed() => cursor = self.news(session, cursor).await?,
                _ = ping.tick() => {
                    if heard.elapsed() > 2 * limits.ping_every {
                        return Err(GONE);
                    }
                    if begun.elapsed() > limits.connection_time_max {
                        return Err((close_code::RESTART, "come again"));
                    }
                    let ping = self.socket.send(Message::Ping(bytes::Bytes::new()));
                    if !matches!(timeout(limits.send_time_max, ping).await, Ok(Ok(()))) {
                        return Err(GONE);
                    }
                }
                () = self.doors.chat.stop.cancelled() => return Err((close_code::AWAY, "going away")),
            }
        }
    }

    async fn heard(&mut self, session: &Session, frame: Result<Client, Refused>) -> Result<Server, Refused> {
        let frame = frame?;
        // News come by themselves here.
        if matches!(frame, Client::Wait { .. }) {
            let message = "wait is for calls over plain HTTP; here news come by themselves";
            return Err(Refused::never(StatusCode::BAD_REQUEST, "bad_frame", message));
        }
        // Policy may have changed since.
        let about = self.doors.chat.about(&self.name)?;
        let answer = self.doors.hear(&about, session, frame).await?;
        self.doors.chat.counted(self.doors.label(&self.name), "taken");
        Ok(answer)
    }

    /// Tells what is new since a cursor; up to where that is.
    async fn news(&mut self, session: &Session, mut cursor: u64) -> Result<u64, End> {
        loop {
            let Ok(about) = self.doors.chat.about(&self.name) else {
                return Err((close_code::POLICY, "no chat any more"));
            };
            let (items, next) = match self.doors.chat.news(&about, session, cursor).await {
                Ok(news) => news,
                Err(error) => {
                    tracing::warn!(%error, "news of a chat cannot be read; the browser comes again");
                    return Err((close_code::AGAIN, "unavailable"));
                }
            };
            cursor = next;
            if items.is_empty() {
                return Ok(cursor);
            }
            self.send(&Server::Items { items, cursor }).await?;
        }
    }
}

impl Doors {
    /// The right of a visitor to one more connection.
    pub(super) fn place_of(&self, session: &Session) -> Result<Place, Refused> {
        let max = self.limits.connections_of_visitor_max;
        let who = Who::Visitor(session.conversation.to_string());
        self.chat.places.take(vec![(who, max)]).ok_or_else(|| {
            let message = format!("this chat is open {max} times already; close another one");
            Refused::later(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", message, 30)
        })
    }

    /// The account as metrics call it: never what somebody made up.
    pub(super) fn label<'a>(&self, name: &'a str) -> &'a str {
        if self.chat.accounts.find(name).1.is_some() { name } else { crate::ledger::UNKNOWN_ACCOUNT }
    }
}

/// The frame of a message, if it has one.
fn frame(message: Option<Result<Message, axum::Error>>) -> Result<Option<Result<Client, Refused>>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(protocol::read(text.as_str()))),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err((close_code::UNSUPPORTED, "frames are text")),
        Some(Ok(Message::Close(_))) | None => Err(GONE),
        Some(Err(error)) => {
            // Too large, no UTF-8, or broken off: nothing that follows can be told apart.
            tracing::debug!(%error, "a chat connection ended");
            Err((close_code::SIZE, "not a frame, or too large"))
        }
    }
}
