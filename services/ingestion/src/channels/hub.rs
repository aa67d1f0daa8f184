//! What the webhooks of Meta's platforms share: their handshake, their signature, their envelope.
//!
//! A call is `X-Hub-Signature-256: sha256=<hex>` of the body with the app's secret. A GET is the handshake when the
//! webhook is entered: it proves itself by a token that we chose, and wants its challenge back.

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Answer, Config, Happening, Hook, Malformed, Refused, Said,
    json::{self, At, Id},
    signature,
};

/// The secrets that every connector of Meta's needs.
pub(super) const SECRETS: &[&str] = &[APP_SECRET, VERIFY_TOKEN];

const APP_SECRET: &str = "app_secret";
const VERIFY_TOKEN: &str = "verify_token";
const SIGNATURE: &str = "X-Hub-Signature-256";

/// Whether Meta sent it.
pub(super) fn verify(hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
    match *hook.method {
        Method::GET => {
            let token = config.secret(VERIFY_TOKEN)?;
            let said = hook.parameter("hub.verify_token").ok_or(Refused::Unsigned("hub.verify_token"))?;
            signature::is(said.as_bytes(), token)
        }
        Method::POST => {
            let secret = config.secret(APP_SECRET)?;
            let said = hook.header(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
            let said = said.strip_prefix("sha256=").ok_or(Refused::Signature)?;
            signature::is_hex(said, &signature::hmac_sha256(secret, &[hook.body]))
        }
        _ => Err(Refused::Method),
    }
}

/// The answer to the handshake, if this is one.
fn challenge(hook: &Hook<'_>) -> Result<Option<Said>, Malformed> {
    if hook.method != Method::GET {
        return Ok(None);
    }
    if hook.parameter("hub.mode").as_deref() != Some("subscribe") {
        return Err(Malformed::new("hub.mode", "`subscribe`"));
    }
    let challenge =
        hook.parameter("hub.challenge").ok_or_else(|| Malformed::new("hub.challenge", "missing"))?;
    let answer = Answer::Text("text/plain", challenge.into_owned());
    Ok(Some(Said { happenings: vec![Happening::Passed("handshake")], answer }))
}

/// What a call says: the answer to the handshake, or what `read` makes of each entry about this kind of object.
pub(super) fn read(
    hook: &Hook<'_>,
    object: &str,
    mut read: impl FnMut(&Entry<'_>, &At<'_>, &mut Vec<Happening>) -> Result<(), Malformed>,
) -> Result<Said, Malformed> {
    if let Some(answer) = challenge(hook)? {
        return Ok(answer);
    }
    let mut happenings = Vec::new();
    match entries(hook.body, object)? {
        None => happenings.push(Happening::Passed("other_object")),
        Some(entries) => {
            let at = At::BODY.key("entry");
            for (index, entry) in entries.iter().enumerate() {
                read(entry, &at.index(index), &mut happenings)?;
            }
        }
    }
    Ok(Said { happenings, ..Said::default() })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    object: Option<String>,
    #[serde(borrow)]
    entry: Option<Vec<Entry<'a>>>,
}

/// What happened at one object: a page, an account, a business account.
#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    pub(super) id: Option<Id>,
    /// When it was sent: in seconds, or in milliseconds.
    pub(super) time: Option<Id>,
    #[serde(borrow, default)]
    pub(super) changes: Vec<Change<'a>>,
    #[serde(borrow, default)]
    pub(super) messaging: Vec<&'a RawValue>,
    /// Conversations that another app has taken over.
    #[serde(borrow, default)]
    pub(super) standby: Vec<&'a RawValue>,
}

/// A change of one field that we are subscribed to.
#[derive(Deserialize)]
pub(super) struct Change<'a> {
    pub(super) field: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// The entries of a call about this kind of object; `None` if it is about another kind.
fn entries<'a>(body: &'a [u8], object: &str) -> Result<Option<Vec<Entry<'a>>>, Malformed> {
    let envelope: Envelope<'a> = json::body(body)?;
    if At::BODY.need("object", envelope.object)? != object {
        return Ok(None);
    }
    At::BODY.need("entry", envelope.entry).map(Some)
}

impl Entry<'_> {
    /// Whether it is about another page or account than that of the setting, if the account has it.
    pub(super) fn is_of_another(&self, setting: Option<&str>) -> bool {
        setting.is_some_and(|ours| self.id.as_ref().is_some_and(|id| id.as_str() != ours))
    }

    /// How many things it says.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.messaging.len() + self.standby.len()
    }
}

impl<'a> Change<'a> {
    /// Its value, which must be there.
    pub(super) fn value(&self, at: &At<'_>) -> Result<&'a RawValue, Malformed> {
        at.need("value", self.value)
    }
}

/// What was said, all of it of no concern for the same reason.
pub(super) fn passed(name: &'static str, count: usize) -> impl Iterator<Item = Happening> {
    std::iter::repeat_with(move || Happening::Passed(name)).take(count)
}
