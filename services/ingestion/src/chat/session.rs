//! What a frame does, however it came.

use std::{collections::BTreeMap, net::IpAddr};

use domain::{
    actor::{Actor, Kind},
    decider::Decider,
    ids::{ActorId, AuthMethod, ConversationId, Invalid},
    message::{EntryPoint, Fate},
    outbound::length,
    time::Timestamp,
};
use http::StatusCode;
use secrecy::ExposeSecret;
use service::{Error, auth::Principal, envelope::Origin};
use uuid::Uuid;

use super::{
    Doors,
    about::About,
    limits::{Rate, Who},
    protocol::{Client, How, Refused, SEEN_MAX, Say, Server, User, reply_of},
    said::{self, conversation_of},
    visitor::Visitor,
};
use crate::{
    channels::{Message, Party},
    hooks::{fit::fit, tell::Told},
    identity::Names,
    intake::limits::{NAME_MAX, TEXT_MAX},
    submit::Arriving,
    take::{Batch, Taken},
};

/// The secret by which a page vouches for its users.
const IDENTITY_SECRET: &str = "identity_secret";
/// After how many seconds a browser may try again what could not be kept.
const AWAY_S: u64 = 3;
/// The longest address of a page that is kept, in bytes.
const PAGE_MAX: usize = 1_024;

/// Somebody who has greeted.
pub(super) struct Session {
    pub(super) visitor: Visitor,
    pub(super) conversation: ConversationId,
    pub(super) address: IpAddr,
}

impl Session {
    fn who(&self) -> Who {
        // Its conversation is as good a name as his own, and nobody's data.
        Who::Visitor(self.conversation.to_string())
    }
}

impl Doors {
    /// Somebody comes in.
    pub(super) async fn greet(
        &self,
        about: &About,
        address: IpAddr,
        (token, user, since): (Option<String>, Option<User>, Option<u64>),
    ) -> Result<(Session, Server), Refused> {
        self.rate(Who::at(address), "greeting", self.limits.greetings_at_address)?;
        let visitor = match (token, user) {
            (_, Some(user)) => self.vouched(about, &user)?,
            (Some(token), None) => self.known(about, &token)?,
            (None, None) => Visitor::fresh(),
        };
        let session = self.session(about, visitor, address)?;
        let now = self.chat.shell.clock.now();
        let token = session.visitor.token(&self.chat.shell.vault, &about.account.id, now);
        let (items, more, cursor) = self.chat.resumed(about, &session, since).await.map_err(away)?;
        let length_max = about.channel.length_max;
        Ok((session, Server::Welcome { visitor: token, length_max, items, more, cursor }))
    }

    /// Whose token it is.
    pub(super) fn known(&self, about: &About, token: &str) -> Result<Visitor, Refused> {
        let now = self.chat.shell.clock.now();
        Visitor::of(&self.chat.shell.vault, &about.account.id, token, now)
            .map_err(|unknown| Refused::never(StatusCode::UNAUTHORIZED, "visitor", unknown.to_string()))
    }

    fn vouched(&self, about: &About, user: &User) -> Result<Visitor, Refused> {
        let secrets = self.chat.secrets.of(&about.via.secrets);
        let secret = secrets.get(IDENTITY_SECRET).map(ExposeSecret::expose_secret);
        Visitor::vouched(secret, &user.id, &user.signature)
            .map_err(|no| Refused::never(StatusCode::UNAUTHORIZED, "identity", no.to_string()))
    }

    /// The session of somebody whom we know.
    pub(super) fn session(
        &self,
        about: &About,
        visitor: Visitor,
        address: IpAddr,
    ) -> Result<Session, Refused> {
        let names = Names::new(&self.chat.shell.vault, &about.account);
        let identity = names.identity(&visitor.external_id()).map_err(internal)?;
        let conversation = conversation_of(about.account.id.clone(), identity);
        Ok(Session { visitor, conversation, address })
    }

    /// Does what a frame says that is no greeting.
    pub(super) async fn hear(
        &self,
        about: &About,
        session: &Session,
        frame: Client,
    ) -> Result<Server, Refused> {
        self.rate(session.who(), "frame", self.limits.frames_by_visitor)?;
        match frame {
            Client::Say(say) => {
                let id = say.id.clone();
                self.say(about, session, say).await.map_err(|refused| refused.about(&id))
            }
            Client::Seen { ids, how } => self.seen(about, session, ids, how).await,
            Client::Older { before } => {
                let (items, more) = self.chat.older(about, session, before).await.map_err(away)?;
                Ok(Server::Older { items, more })
            }
            Client::Wait { since } => self.wait(about, session, since).await,
            Client::Ping => Ok(Server::Pong),
            Client::Hello { .. } => {
                let message = "hello is said once; for another visitor, open another connection";
                Err(Refused::never(StatusCode::BAD_REQUEST, "greeted", message))
            }
        }
    }

    async fn say(&self, about: &About, session: &Session, say: Say) -> Result<Server, Refused> {
        let bad =
            |code, message: String| Err(Refused::never(StatusCode::UNPROCESSABLE_ENTITY, code, message));
        let Ok(id) = Uuid::try_parse(&say.id) else {
            return bad("bad_frame", "id: a UUID that the browser chose".to_owned());
        };
        if say.text.trim().is_empty() {
            return bad("empty", "text: write something first".to_owned());
        }
        let max = about.channel.length_max.map_or(usize::MAX, |max| max as usize);
        // First what is quickly counted: no text of so many bytes is counted more finely.
        if say.text.len() > TEXT_MAX || length::count(&say.text, about.channel.length_unit) > max {
            return bad(
                "too_long",
                format!("text: at most {} characters; send it in pieces", max.min(TEXT_MAX)),
            );
        }
        self.rate(session.who(), "say", self.limits.said_by_visitor)?;
        self.rate(Who::at(session.address), "say", self.limits.said_at_address)?;
        let now = self.chat.shell.clock.now();
        let batch = Batch {
            account: about.account.clone(),
            policy_version: about.version,
            origin: Origin::Live,
            principal: principal().map_err(internal)?,
            now,
            // The same id with other words is no edit: nobody but his own browser chose it.
            once: true,
        };
        let (message, announced) = fit(message(session, id, &say, now), now);
        let arriving = Arriving { message, announced, thread: None, answer_to: None };
        let taken =
            self.chat.submitter.take(&self.chat.ledger, &batch, vec![arriving]).await.map_err(away)?;
        match taken.into_iter().next() {
            Some(Taken::Accepted(_) | Taken::Edited(_) | Taken::Duplicate(_)) => {
                Ok(Server::Taken { id: say.id })
            }
            Some(Taken::Rejected(rejection)) => {
                bad("rejected", format!("{}: {}", rejection.field, rejection.reason))
            }
            None => Err(internal("a message without an outcome")),
        }
    }

    /// Notes how far replies came. What is not of this conversation is passed over: it is told to nobody whether it exists.
    async fn seen(
        &self,
        about: &About,
        session: &Session,
        ids: Vec<String>,
        how: How,
    ) -> Result<Server, Refused> {
        let fate = match how {
            How::Sent => return Ok(Server::Noted),
            How::Delivered => Fate::Delivered,
            How::Read => Fate::Read,
        };
        if ids.len() > SEEN_MAX {
            let message = format!("ids: at most {SEEN_MAX}; send the rest in further frames");
            return Err(Refused::never(StatusCode::UNPROCESSABLE_ENTITY, "bad_frame", message));
        }
        let now = self.chat.shell.clock.now();
        let batch = Batch {
            account: about.account.clone(),
            policy_version: about.version,
            origin: Origin::Live,
            principal: principal().map_err(internal)?,
            now,
            once: true,
        };
        let store = &self.chat.model.current().store;
        for id in ids {
            let Some(reply) = reply_of(&id) else { continue };
            let stream = format!("{}-{reply}", domain::delivery::State::CATEGORY);
            let is_shown = said::is_shown(store, session.conversation, &stream).await;
            if !is_shown.map_err(|error| away(error.into()))? {
                continue;
            }
            let told = Told::Fate { fate, code: None };
            self.chat.teller.tell(&batch, &id, told, now).await.map_err(away)?;
        }
        Ok(Server::Noted)
    }

    /// Answers when something changed, or after a while.
    async fn wait(&self, about: &About, session: &Session, since: u64) -> Result<Server, Refused> {
        let mut listener = self.chat.hub.listen(session.conversation);
        let end = tokio::time::Instant::now() + self.limits.wait_max;
        loop {
            let (items, cursor) = self.chat.news(about, session, since).await.map_err(away)?;
            if !items.is_empty() {
                return Ok(Server::Items { items, cursor });
            }
            tokio::select! {
                () = listener.changed() => {}
                () = tokio::time::sleep_until(end) => return Ok(Server::Items { items, cursor }),
                () = self.chat.stop.cancelled() => return Ok(Server::Items { items, cursor }),
            }
        }
    }

    pub(super) fn rate(&self, who: Who, what: &'static str, rate: Rate) -> Result<(), Refused> {
        self.chat.rates.take(who, what, rate).map_err(|wait| {
            let wait_s = wait.as_secs() + 1;
            let message = format!("too much at once; it goes on in {wait_s} s");
            Refused::later(StatusCode::TOO_MANY_REQUESTS, "too_many", message, wait_s)
        })
    }
}

/// What a visitor says, as channels say things.
fn message(session: &Session, id: Uuid, say: &Say, now: Timestamp) -> Message {
    let person = session.visitor.external_id();
    let cut = |text: &Option<String>, max: usize| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
        Some(text[..text.floor_char_boundary(max)].to_owned())
    };
    let mut fields = BTreeMap::new();
    if let Some(page) = cut(&say.page, PAGE_MAX) {
        fields.insert("page".to_owned(), page);
    }
    let entry_point = match session.visitor {
        Visitor::Unnamed(_) => EntryPoint::CustomerChat,
        Visitor::User(_) => EntryPoint::WebAuthenticated,
    };
    Message {
        text: say.text.clone(),
        language: cut(&say.language, NAME_MAX),
        fields,
        entry_point: Some(entry_point),
        // What two visitors call the same are two.
        ..Message::new(
            format!("{person}/{id}"),
            Party {
                id: person,
                name: cut(&say.name, NAME_MAX).or_else(|| session.visitor.title()),
                handle: None,
            },
            now,
        )
    }
}

fn principal() -> Result<Principal, Invalid> {
    let actor = Actor::new(Kind::Service, ActorId::new("channels")?, AuthMethod::new("chat")?);
    Ok(Principal { actor, roles: Vec::new() })
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn away(error: Error) -> Refused {
    tracing::warn!(%error, "what a visitor wants cannot be done now");
    let message = "it cannot be done right now; it is tried again";
    Refused::later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, AWAY_S)
}

fn internal(error: impl std::fmt::Display) -> Refused {
    tracing::error!(%error, "what a visitor wants cannot be done");
    let message = "it cannot be done right now; it is tried again";
    Refused::later(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, AWAY_S)
}
