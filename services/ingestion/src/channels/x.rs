//! `x`: the Account Activity API of X: posts, replies, mentions and quotes in public, and direct messages.
//!
//! Own samples only: neither vectors of its signature nor payloads of its webhooks are published in a form that we have.
//!
//! Secret: `consumer_secret`. Setting: `user_id`; with it, what concerns other accounts of the same app is passed over. Own
//! posts and messages are outbound. Reposts are passed over: they say nothing of their own.
//!
//! The challenge (CRC) is answered with the same function that signs calls. So that nobody can have a call signed by asking
//! for it, only what looks like a token is answered: never what could be a body.

mod direct;
mod post;

use std::collections::BTreeMap;

use data_encoding::BASE64;
use http::Method;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Party, Refused, Said,
    hub::passed,
    json::{self, At, Id},
    signature,
    wording::name,
};

/// The connector.
pub(super) struct X;

const SECRET: &str = "consumer_secret";
const SIGNATURE: &str = "x-twitter-webhooks-signature";
const TOKEN: &str = "crc_token";

/// The longest challenge that is answered, in bytes.
const TOKEN_MAX: usize = 256;

impl Connector for X {
    fn name(&self) -> &'static str {
        "x"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(SECRET)?;
        match *hook.method {
            Method::GET => {
                let token = hook.parameter(TOKEN).ok_or(Refused::Unsigned(TOKEN))?;
                if is_token(&token) { Ok(()) } else { Err(Refused::Signature) }
            }
            Method::POST => {
                let said = hook.header(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
                let said = said.strip_prefix("sha256=").ok_or(Refused::Signature)?;
                signature::is_base64(said, &signature::hmac_sha256(secret, &[hook.body]))
            }
            _ => Err(Refused::Method),
        }
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        if hook.method == Method::GET {
            return challenge(hook, config);
        }
        let activity: Activity<'_> = json::body(hook.body)?;
        let mut happenings = Vec::new();
        activity.read(config.setting("user_id"), &mut happenings)?;
        Ok(Said { happenings, ..Said::default() })
    }

    fn lists(&self) -> &'static [&'static str] {
        &[
            "tweet_create_events",
            "tweet_delete_events",
            "favorite_events",
            "direct_message_events",
            "direct_message_mark_read_events",
            "block_events",
            "unblock_events",
            "direct_message_indicate_typing_events",
            "follow_events",
            "unfollow_events",
            "mute_events",
            "unmute_events",
        ]
    }
}

/// Letters, digits, and what stands in base64 and in UUIDs: no body that means anything can be written so.
fn is_token(token: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+/=-_.".contains(&b);
    (1..=TOKEN_MAX).contains(&token.len()) && token.bytes().all(plain)
}

fn challenge(hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
    let wrong = |what: &dyn std::fmt::Display| Malformed::new(TOKEN, what);
    let token = hook.parameter(TOKEN).filter(|token| is_token(token)).ok_or_else(|| wrong(&"a token"))?;
    let secret = config.secret(SECRET).map_err(|refused| wrong(&refused))?;
    let proof = BASE64.encode(&signature::hmac_sha256(secret, &[token.as_bytes()]));
    let answer = serde_json::json!({ "response_token": format!("sha256={proof}") }).to_string();
    let answer = Answer::Text("application/json", answer);
    Ok(Said { happenings: vec![Happening::Passed("handshake")], answer })
}

#[derive(Deserialize)]
struct Activity<'a> {
    for_user_id: Option<Id>,
    #[serde(borrow, default)]
    tweet_create_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    tweet_delete_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    favorite_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    direct_message_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    direct_message_mark_read_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    block_events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    unblock_events: Vec<&'a RawValue>,
    #[serde(default)]
    direct_message_indicate_typing_events: Vec<IgnoredAny>,
    #[serde(default)]
    follow_events: Vec<IgnoredAny>,
    #[serde(default)]
    unfollow_events: Vec<IgnoredAny>,
    #[serde(default)]
    mute_events: Vec<IgnoredAny>,
    #[serde(default)]
    unmute_events: Vec<IgnoredAny>,
    user_event: Option<IgnoredAny>,
    /// Those who take part in direct messages.
    #[serde(default)]
    users: BTreeMap<String, User>,
}

/// Somebody on X.
#[derive(Clone, Deserialize)]
struct User {
    id_str: Option<Id>,
    id: Option<Id>,
    name: Option<String>,
    screen_name: Option<String>,
}

/// That somebody did something to somebody.
#[derive(Deserialize)]
struct Deed {
    created_timestamp: Option<Id>,
    source: Option<User>,
    target: Option<User>,
}

impl User {
    fn id(&self) -> Option<String> {
        self.id_str.clone().or_else(|| self.id.clone()).and_then(Id::said)
    }

    fn party(self, at: &At<'_>) -> Result<Party, Malformed> {
        let id = at.need("id_str", self.id())?;
        let User { name, screen_name, .. } = self.cut();
        Ok(Party { id, name, handle: screen_name })
    }

    fn cut(self) -> Self {
        Self { name: name(self.name), screen_name: name(self.screen_name), ..self }
    }
}

impl Activity<'_> {
    fn read(self, ours: Option<&str>, happenings: &mut Vec<Happening>) -> Result<(), Malformed> {
        // The end of a subscription is told without the account that it was for.
        if self.user_event.is_some() {
            happenings.push(Happening::Passed("subscription_ended"));
            return Ok(());
        }
        let own = At::BODY.need_id("for_user_id", self.for_user_id)?;
        let dropped = [
            ("typing", self.direct_message_indicate_typing_events.len()),
            ("follow", self.follow_events.len() + self.unfollow_events.len()),
            ("mute", self.mute_events.len() + self.unmute_events.len()),
        ];
        let lists = [
            ("tweet_create_events", self.tweet_create_events),
            ("tweet_delete_events", self.tweet_delete_events),
            ("favorite_events", self.favorite_events),
            ("direct_message_events", self.direct_message_events),
            ("direct_message_mark_read_events", self.direct_message_mark_read_events),
            ("block_events", self.block_events),
            ("unblock_events", self.unblock_events),
        ];
        if ours.is_some_and(|ours| ours != own) {
            let count = lists.iter().map(|(_, list)| list.len()).chain(dropped.iter().map(|(_, n)| *n)).sum();
            happenings.extend(passed("other_account", count));
            return Ok(());
        }
        // A name may stand in many messages: it is cut once, before it is copied.
        let users = self.users.into_iter().map(|(id, user)| (id, user.cut())).collect();
        let before = happenings.len();
        for (name, list) in lists {
            let at = At::BODY.key(name);
            for (index, raw) in list.into_iter().enumerate() {
                let at = at.index(index);
                happenings.push(match name {
                    "tweet_create_events" => post::created(raw, &own, &at)?,
                    "tweet_delete_events" => post::deleted(raw, &at)?,
                    "favorite_events" => post::favoured(raw, &at)?,
                    "direct_message_events" => direct::sent(raw, &own, &users, &at)?,
                    "direct_message_mark_read_events" => direct::read(raw, &own, &at)?,
                    _ => deed(raw, name == "unblock_events", &own, &at)?,
                });
            }
        }
        for (name, count) in dropped {
            happenings.extend(passed(name, count));
        }
        if happenings.len() == before {
            happenings.push(Happening::Passed("other_event"));
        }
        Ok(())
    }
}

/// Who blocks us is not to be written to. Whom we block is our own doing.
fn deed(raw: &RawValue, reachable: bool, own: &str, at: &At<'_>) -> Result<Happening, Malformed> {
    let deed: Deed = json::part(raw, at)?;
    if deed.target.as_ref().and_then(User::id).as_deref() != Some(own) {
        return Ok(Happening::Passed("own_block"));
    }
    let person = at.need("source", deed.source)?.party(&at.key("source"))?;
    let when = deed.created_timestamp.as_ref().and_then(Id::millis);
    Ok(Happening::Contact { person, reachable, at: when })
}
