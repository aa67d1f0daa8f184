//! By what a reply leaves us: a call, a mail, or the log itself.

use std::time::Duration;

use super::{http, mail};
use crate::{
    account::Via,
    channels::{
        self,
        speak::{Files, Outgoing, Promise, Speaker, Unsayable},
    },
    chat,
    secrets::access,
};

/// As long as any secret is at least.
const SECRET_LEN: usize = 64;

/// By what a reply leaves us.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// A call at the API of its platform.
    Http(&'static dyn Speaker),
    /// None: it stands in the log, where the visitor of a web chat sees it.
    Chat,
    /// A mail, by SMTP.
    Mail,
}

impl Way {
    /// What may be done when an outcome is unclear.
    pub(super) fn promise(self) -> Promise {
        match self {
            Self::Http(speaker) => speaker.promise(),
            Self::Chat => Promise::Key,
            // SMTP knows no key, and cannot be asked.
            Self::Mail => Promise::Nothing,
        }
    }

    /// Which files go with a message.
    pub(super) fn files(self) -> Files {
        match self {
            Self::Http(speaker) => speaker.files(),
            Self::Chat => Files::None,
            Self::Mail => Files::Together,
        }
    }

    /// The connector whose platform gives access tokens, if it does.
    pub(super) fn connector(self) -> Option<&'static str> {
        match self {
            Self::Http(speaker) => Some(speaker.name()),
            Self::Chat | Self::Mail => None,
        }
    }

    /// For how long a key is known, in seconds; of those that know keys.
    pub(super) fn key_known_s(self) -> i64 {
        match self {
            Self::Http(speaker) => speaker.key_known_s(),
            Self::Chat => chat::KEY_KNOWN_S,
            Self::Mail => 0,
        }
    }

    /// How long sending may take, for an account that wants so many seconds.
    pub(super) fn call_time(self, wanted_s: Option<u64>) -> Duration {
        let wanted = wanted_s.map(Duration::from_secs);
        match self {
            Self::Http(_) => wanted.unwrap_or(http::CALL_TIME_MAX).min(http::CALL_TIME_MAX),
            // To put it before a visitor is no call.
            Self::Chat => http::CALL_TIME_MAX,
            Self::Mail => wanted.unwrap_or(mail::CALL_TIME).min(mail::CALL_TIME_MAX),
        }
    }
}

/// The first thing that a way needs and policy has not: why nothing could be said on it, if every secret could be read.
pub(super) fn lack(via: &Via, way: Way) -> Option<Unsayable> {
    let names = via.secrets.keys().map(String::as_str).chain(access::made_of(&via.secrets));
    let secrets = names.map(|name| (name.to_owned(), "0".repeat(SECRET_LEN).into()));
    let config = channels::Config { settings: via.settings.clone(), secrets: secrets.collect() };
    let anything = Outgoing {
        to: "1",
        text: "1",
        subject: None,
        reply_to: Some("1"),
        thread: Some("1"),
        public: false,
        tag: None,
        template: None,
        language: None,
        parameters: &[],
        named: &[],
        files: &[],
        key: "00000000-0000-0000-0000-000000000000",
        reply: domain::ids::ReplyId(uuid::Uuid::nil()),
        since: domain::time::Timestamp::UNIX_EPOCH,
        at: domain::time::Timestamp::UNIX_EPOCH,
    };
    let said = match way {
        Way::Http(speaker) => speaker.say(&anything, &config).map(drop),
        Way::Chat if chat::is_complete(via) => Ok(()),
        Way::Chat => Err(Unsayable::NoSetting(chat::ORIGINS)),
        Way::Mail => mail::is_complete(&config),
    };
    said.err().filter(|error| match error {
        Unsayable::Secret(_) | Unsayable::NoSetting(_) => true,
        Unsayable::Unsupported(_) | Unsayable::File(_) => false,
    })
}
