//! Who sends the replies of an account, and what an account lacks that cannot.

use std::fmt;

use domain::{ids::AccountId, policy::account};

use super::{
    mail,
    way::{Way, lack},
};
use crate::{
    account::{Accounts, Via},
    channels::{self, Refused, speak::Unsayable},
    chat,
};

/// The most things that an account is told to lack: no connector needs so many.
const LACKS_MAX: usize = 16;
/// What stands for a setting that is not there, while the next one is looked for.
const ANY_SETTING: &str = "any@brand.example";

/// Who sends the replies of an account.
pub(crate) enum Sends {
    /// It does: policy has all that it needs.
    Itself(Via, Way),
    /// It cannot: policy lacks something.
    Incomplete(Via, Way, Vec<Lack>),
    /// It cannot: its connector only takes messages in, or it has none.
    NoWay(Via),
    /// Policy says that somebody else does.
    Deliverer,
}

/// What an account lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// A setting, or what it says cannot be.
    Setting(&'static str),
    /// A secret.
    Secret(&'static str),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(name) => write!(f, "setting {name}"),
            Self::Secret(name) => write!(f, "secret {name}"),
        }
    }
}

impl Sends {
    /// Who sends the replies of this account. Nothing: policy has no such account.
    pub(crate) fn of(accounts: &dyn Accounts, account: &AccountId) -> Option<Self> {
        let via = accounts.via(account)?;
        if via.sends == Some(account::Sends::Deliverer) {
            return Some(Self::Deliverer);
        }
        let way = match via.connector.as_deref() {
            Some(chat::CONNECTOR) => Some(Way::Chat),
            Some(mail::CONNECTOR) => Some(Way::Mail),
            Some(connector) => channels::speaker(connector).map(Way::Http),
            None => None,
        };
        let Some(way) = way else { return Some(Self::NoWay(via)) };
        let lacks = lacks(&via, way);
        Some(if lacks.is_empty() { Self::Itself(via, way) } else { Self::Incomplete(via, way, lacks) })
    }

    /// Whether policy wants the account to send, and it cannot: then what it was to say is refused.
    pub(crate) fn must_refuse(&self) -> bool {
        match self {
            Self::Incomplete(via, ..) | Self::NoWay(via) => via.sends == Some(account::Sends::Itself),
            Self::Itself(..) | Self::Deliverer => false,
        }
    }
}

/// All that an account lacks, in the order in which its connector looks for it.
fn lacks(via: &Via, way: Way) -> Vec<Lack> {
    let (mut via, mut lacks) = (via.clone(), Vec::new());
    while lacks.len() < LACKS_MAX {
        let lack = match lack(&via, way) {
            Some(Unsayable::NoSetting(name)) => Lack::Setting(name),
            Some(Unsayable::Secret(Refused::NoSecret(name) | Refused::BadSecret(name))) => Lack::Secret(name),
            Some(Unsayable::Secret(_) | Unsayable::Unsupported(_) | Unsayable::File(_)) | None => break,
        };
        // What stands for it does not do: what comes after it is not known.
        if lacks.contains(&lack) {
            break;
        }
        lacks.push(lack);
        match lack {
            Lack::Setting(name) => via.settings.insert(name.into(), ANY_SETTING.into()),
            Lack::Secret(name) => via.secrets.insert(name.into(), String::new()),
        };
    }
    lacks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(connector: &str, settings: &[&str], secrets: &[&str]) -> Via {
        let named = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
        Via {
            connector: Some(connector.into()),
            settings: named(settings),
            secrets: named(secrets),
            ..Via::default()
        }
    }

    fn http(connector: &str) -> Way {
        Way::Http(channels::speaker(connector).unwrap())
    }

    #[test]
    fn all_that_an_account_lacks_is_named() {
        use Lack::{Secret, Setting};
        for (connector, settings, secrets, expected) in [
            (
                "twilio",
                &[][..],
                &[][..],
                &[Setting("account_sid"), Secret("auth_token"), Setting("from")][..],
            ),
            ("twilio", &["account_sid", "from"], &["auth_token"], &[]),
            ("whatsapp_cloud", &["phone_number_id"], &["app_secret"], &[Secret("access_token")]),
            ("whatsapp_cloud", &["phone_number_id"], &["refresh_token"], &[]),
        ] {
            let mut found = lacks(&via(connector, settings, secrets), http(connector));
            let mut expected = expected.to_vec();
            found.sort_by_key(|lack| format!("{lack:?}"));
            expected.sort_by_key(|lack| format!("{lack:?}"));
            assert_eq!(found, expected, "{connector} {settings:?} {secrets:?}");
        }
        assert_eq!(lacks(&via("web_chat", &[], &[]), Way::Chat), [Setting("origins")]);
        assert_eq!(lacks(&via("mail", &[], &[]), Way::Mail), [Setting("smtp_host"), Setting("address")]);
    }

    /// An account that has what it is told to lack sends: each speaker is asked, and none is forgotten.
    #[test]
    fn whoever_adds_what_is_lacking_can_send() {
        for speaker in channels::SPEAKERS {
            let (mut via, way) = (via(speaker.name(), &[], &[]), Way::Http(*speaker));
            let lacking = lacks(&via, way);
            assert!(!lacking.is_empty(), "{} needs nothing", speaker.name());
            for lack in lacking {
                match lack {
                    Lack::Setting(name) => via.settings.insert(name.into(), "7".into()),
                    Lack::Secret(name) => via.secrets.insert(name.into(), "env:S".into()),
                };
            }
            assert_eq!(lacks(&via, way), [], "{}", speaker.name());
        }
    }
}
