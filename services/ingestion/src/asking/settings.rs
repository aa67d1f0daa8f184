//! What accounts say of how they are asked.

use std::collections::BTreeMap;

use domain::time::Timestamp;

use crate::feeds::pace::INTERVAL_MIN_S;

/// The setting with the seconds between two rounds.
pub(crate) const INTERVAL: &str = "poll_s";
/// The setting with the time from which on what was written is taken: `2026-11-01T00:00:00Z`. Without it, all that is there.
pub(crate) const SINCE: &str = "poll_since";
/// The setting that lets servers in private networks be asked, and without TLS, if it is `true`.
pub(crate) const PRIVATE: &str = "private_addresses";
/// The longest time between two rounds that settings may have, in seconds.
pub(crate) const INTERVAL_MAX_S: i64 = 24 * 60 * 60;

/// How an account is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Seconds between two rounds.
    pub(crate) interval_s: i64,
    /// What was written before is not taken.
    pub(crate) since: Option<Timestamp>,
}

/// How an account is asked, where its settings say nothing of it every `default_s`. An error says which setting is wrong.
pub(crate) fn pace(settings: &BTreeMap<String, String>, default_s: i64) -> Result<Pace, String> {
    let setting = |name: &str| settings.get(name).map(|value| value.trim());
    let interval_s = match setting(INTERVAL) {
        None => default_s,
        Some(text) => {
            let given = text.parse().ok().filter(|s| (INTERVAL_MIN_S..=INTERVAL_MAX_S).contains(s));
            given.ok_or_else(|| {
                format!("setting {INTERVAL}: a number of seconds from {INTERVAL_MIN_S} to {INTERVAL_MAX_S}")
            })?
        }
    };
    let since = match setting(SINCE) {
        None => None,
        Some(text) => {
            let given = text.parse().ok();
            Some(given.ok_or_else(|| format!("setting {SINCE}: a time like 2026-11-01T00:00:00Z"))?)
        }
    };
    Ok(Pace { interval_s, since })
}

/// Whether servers in private networks may be asked, and without TLS.
pub(crate) fn private_addresses(settings: &BTreeMap<String, String>) -> bool {
    settings.get(PRIVATE).is_some_and(|value| value.trim() == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_has_bounds_and_what_is_wrong_is_named() {
        let of = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            pace(&settings.collect(), 300)
        };
        assert_eq!(of(&[]), Ok(Pace { interval_s: 300, since: None }));
        let since = "2026-11-01T00:00:00Z".parse().ok();
        assert_eq!(
            of(&[(INTERVAL, " 60 "), (SINCE, "2026-11-01T00:00:00Z")]),
            Ok(Pace { interval_s: 60, since })
        );
        for (name, value) in [
            (INTERVAL, "59"),
            (INTERVAL, "86401"),
            (INTERVAL, "9223372036854775808"),
            (INTERVAL, "often"),
            (SINCE, "yesterday"),
            (SINCE, ""),
        ] {
            let error = of(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("setting {name}: ")), "{value}: {error}");
        }
    }
}
