//! What one platform does otherwise than the others.

use serde_json::{Value, json};

use super::{
    Taken,
    call::{Answer, Call, File},
    chats, public, webhooks,
};

/// One platform.
pub(super) trait Kind: Sync {
    /// Whether this is an address of its.
    fn is_at(&self, path: &str) -> bool;

    /// What a call wants to be sent.
    fn said(&self, call: &Call, brought: &[File]) -> Taken;

    /// What it answers when it has taken it; `again`: when it had it before, by its key.
    fn took(&self, taken: &Taken, again: bool) -> Answer;

    /// What it answers when it is asked what it has.
    fn has(&self, _call: &Call, _taken: &[&Taken]) -> Value {
        json!({})
    }

    /// Whether what comes under a known key replaces what is there.
    fn replaces(&self) -> bool {
        false
    }

    /// What it answers to what it will not take beside what it has.
    fn refuses(&self, _said: &Taken, _taken: &[Taken]) -> Option<Answer> {
        None
    }
}

/// Every platform. Whose addresses end as another's stands behind it.
static ALL: &[(&str, &dyn Kind)] = &[
    ("line", &chats::Line),
    ("twilio", &chats::Twilio),
    ("telegram", &chats::Telegram),
    ("vk", &chats::Vk),
    ("wechat", &chats::Wechat),
    ("vonage", &chats::Vonage),
    ("slack", &public::Slack),
    ("x", &public::X),
    ("youtube", &public::Youtube),
    ("google_reviews", &public::GoogleReviews),
    ("trustpilot", &public::Trustpilot),
    ("webhooks", &webhooks::Webhooks),
    ("meta", &chats::Meta),
    ("whatsapp", &chats::Whatsapp),
];

/// The platform whose address this is, with its name.
pub(super) fn at(path: &str) -> Option<(&'static str, &'static dyn Kind)> {
    ALL.iter().copied().find(|(_, kind)| kind.is_at(path))
}
