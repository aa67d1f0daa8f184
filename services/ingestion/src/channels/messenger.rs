//! `messenger`: the chats of a Facebook page.
//!
//! Verified by the published vector of the signature that Meta's platforms share; its kinds by own samples only.
//!
//! Secrets: `app_secret`, `verify_token`. Setting: `page_id`; with it, what concerns other pages of the same app is passed
//! over. What another app has taken over (`standby`) is passed over, and what is said of the page's posts as well: an
//! account that wants both takes the connector `facebook_page`, since an app has one webhook for all of a page.
//!
//! How a customer came is kept where the platform tells it with a message or a button. A link that only opens a chat that
//! was there before is told without one, and passed over.

mod attachment;
mod event;
mod message;

use super::{
    Config, Connector, Happening, Hook, Malformed, Refused, Said,
    hub::{self, Entry},
    json::At,
};

pub(super) use event::read as read_event;

/// The connector.
pub(super) struct Messenger;

impl Connector for Messenger {
    fn name(&self) -> &'static str {
        "messenger"
    }

    fn secrets(&self) -> &'static [&'static str] {
        hub::SECRETS
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        hub::verify(hook, config)
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        hub::read(hook, "page", |entry, at, happenings| {
            if entry.is_of_another(config.setting("page_id")) {
                happenings.extend(hub::passed("other_page", entry.len()));
                return Ok(());
            }
            read_chats(entry, at, happenings)?;
            happenings.extend(hub::passed("page_changed", entry.changes.len()));
            Ok(())
        })
    }

    fn lists(&self) -> &'static [&'static str] {
        &["entry.changes", "entry.messaging", "entry.standby"]
    }

    fn notices(&self) -> &'static [&'static str] {
        NOTICES
    }
}

/// Events that say how far a message of ours came. They are looked at only when an event is no message.
pub(super) const NOTICES: &[&str] = &["entry[].messaging[].delivery.", "entry[].messaging[].read."];

/// What was said in the chats of a page or an account.
pub(super) fn read_chats(
    entry: &Entry<'_>,
    at: &At<'_>,
    happenings: &mut Vec<Happening>,
) -> Result<(), Malformed> {
    for (index, raw) in entry.messaging.iter().enumerate() {
        read_event(raw, entry.id.as_ref(), &at.key("messaging").index(index), happenings)?;
    }
    happenings.extend(hub::passed("standby", entry.standby.len()));
    Ok(())
}
