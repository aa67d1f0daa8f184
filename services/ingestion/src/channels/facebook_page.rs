//! `facebook_page`: all of a Facebook page. Its comments, posts of visitors, mentions, recommendations and reactions are
//! public; its chats are private, and read as the connector `messenger` reads them. An app has one webhook for all of a
//! page, so that an account with both is one account.
//!
//! Verified by the published vector of the signature that Meta's platforms share; its kinds by own samples only.
//!
//! Secrets: `app_secret`, `verify_token`. Setting: `page_id`; with it, what concerns other pages of the same app is passed
//! over. Who wrote may be unsaid, where the person has not allowed it: then he is a stranger in each message.

mod feed;

use super::{
    Config, Connector, Happening, Hook, Malformed, Refused, Said,
    hub::{self, Entry},
    json::At,
    messenger,
};

/// The connector.
pub(super) struct FacebookPage;

impl Connector for FacebookPage {
    fn name(&self) -> &'static str {
        "facebook_page"
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
            messenger::read_chats(entry, at, happenings)?;
            read_changes(entry, at, happenings)
        })
    }

    fn lists(&self) -> &'static [&'static str] {
        &["entry.changes", "entry.messaging", "entry.standby"]
    }

    fn notices(&self) -> &'static [&'static str] {
        messenger::NOTICES
    }
}

fn read_changes(entry: &Entry<'_>, at: &At<'_>, happenings: &mut Vec<Happening>) -> Result<(), Malformed> {
    let at = at.key("changes");
    for (index, change) in entry.changes.iter().enumerate() {
        let at = at.index(index);
        let field = at.need("field", change.field.as_deref())?;
        happenings.push(match field {
            "feed" | "mention" | "ratings" => feed::read(change.value(&at)?, entry, &at.key("value"))?,
            _ => Happening::Passed("page_changed"),
        });
    }
    Ok(())
}
