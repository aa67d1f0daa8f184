//! What an account says of its feed.

use domain::ids::AccountId;

use super::{Address, Source, address::Refused, pace::INTERVAL_MIN_S};
use crate::account::Via;

/// The connector of accounts whose messages are the entries of a feed.
pub const CONNECTOR: &str = "feed";
/// The setting with the address of the feed.
pub const URL: &str = "feed_url";
/// The setting with the seconds between two requests.
pub const INTERVAL: &str = "feed_interval_s";
/// The setting that allows a feed in a private network, if it is `true`.
pub const PRIVATE: &str = "private_addresses";
/// How long is waited between two requests where no setting says it, in seconds.
pub const INTERVAL_S: i64 = 15 * 60;
/// The longest that settings may have, in seconds.
pub const INTERVAL_MAX_S: i64 = 30 * 24 * 60 * 60;

/// Why no feed can be asked for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It names none.
    #[error("setting {URL}: missing; name the address of the feed")]
    NoAddress,
    /// It names one that is never asked.
    #[error("setting {URL}: {0}")]
    Address(#[from] Refused),
    /// Its pace is none.
    #[error("setting {INTERVAL}: a number of seconds from {INTERVAL_MIN_S} to {INTERVAL_MAX_S}")]
    Interval,
}

/// The feed of an account.
///
/// # Errors
/// If its settings name none, or not as they should.
pub fn source(account: &AccountId, via: &Via) -> Result<Source, Unusable> {
    let setting = |name: &str| via.settings.get(name).map(|value| value.trim());
    let private_addresses = setting(PRIVATE) == Some("true");
    let address: Address = setting(URL).ok_or(Unusable::NoAddress)?.parse()?;
    if !private_addresses {
        address.is_public()?;
    }
    let interval_s = match setting(INTERVAL) {
        None => INTERVAL_S,
        Some(text) => {
            let given = text.parse().ok().filter(|s| (INTERVAL_MIN_S..=INTERVAL_MAX_S).contains(s));
            given.ok_or(Unusable::Interval)?
        }
    };
    Ok(Source { account: account.clone(), address, interval_s, private_addresses })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Result<Source, Unusable> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let via = Via { settings: settings.collect(), ..Via::default() };
        source(&"press".parse().unwrap(), &via)
    }

    #[test]
    fn an_account_says_where_its_feed_is_and_how_often_it_is_asked() {
        let plain = of(&[(URL, " https://press.example/feed ")]).unwrap();
        assert_eq!((plain.address.as_str(), plain.interval_s), ("https://press.example/feed", INTERVAL_S));
        assert!(!plain.private_addresses);
        let own = of(&[(URL, "http://10.0.0.7/feed"), (PRIVATE, "true"), (INTERVAL, "60")]).unwrap();
        assert_eq!((own.interval_s, own.private_addresses), (60, true));
    }

    #[test]
    fn settings_that_mean_no_feed_say_which_and_what_to_do() {
        for (settings, expected) in [
            (&[][..], Unusable::NoAddress),
            (&[(URL, "press.example/feed")], Unusable::Address(Refused::Unreadable)),
            (&[(URL, "http://127.0.0.1/feed")], Unusable::Address(Refused::Private)),
            (&[(URL, "http://10.0.0.7/feed"), (PRIVATE, "yes")], Unusable::Address(Refused::Private)),
            (&[(URL, "https://e.example/"), (INTERVAL, "59")], Unusable::Interval),
            (&[(URL, "https://e.example/"), (INTERVAL, "9223372036854775808")], Unusable::Interval),
            (&[(URL, "https://e.example/"), (INTERVAL, "hourly")], Unusable::Interval),
        ] {
            let error = of(settings).unwrap_err();
            assert_eq!(error, expected, "{settings:?}");
            assert!(error.to_string().starts_with("setting feed_"), "{error}");
        }
    }
}
