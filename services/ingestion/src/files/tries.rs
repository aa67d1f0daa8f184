//! How often a file was tried, and when it is tried again.
//!
//! In memory: whoever takes the work over begins to count anew, so that a file is never given up for what happened to another
//! process.

use domain::{message::Loss, time::Timestamp};

use super::fetcher::Failure;
use crate::feeds::pace::retry_after_s;

/// How often a file is tried.
const TRIES_MAX: u32 = 8;
/// How long it rests after the first time, in seconds; after each other time four times as long: three hours in all.
const REST_FIRST_S: i64 = 2;
/// How long it rests at most because the platform says so, in seconds.
const RETRY_AFTER_MAX_S: i64 = 3_600;
/// Files whose tries are counted.
const COUNTED_MAX: u64 = 100_000;
/// For how long: longer than all of them take.
const COUNTED_FOR: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);

/// Counts.
pub(super) struct Tries(moka::sync::Cache<String, Tried>);

#[derive(Clone, Copy)]
struct Tried {
    times: u32,
    again_at: Timestamp,
}

/// What is done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is lost.
    Lose(Loss),
    /// It is tried again, not before.
    Again(Timestamp),
}

impl Tries {
    pub(super) fn new() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(COUNTED_MAX).time_to_live(COUNTED_FOR).build())
    }

    /// When a file is to be tried again, if that is not now.
    pub(super) fn rests(&self, file: &str, now: Timestamp) -> Option<Timestamp> {
        self.0.get(file).map(|tried| tried.again_at).filter(|again_at| *again_at > now)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, file: &str, failure: Failure, now: Timestamp) -> Then {
        let (reason, retry_after) = match failure {
            Failure::Never(reason) => return Then::Lose(reason),
            Failure::Later { reason, retry_after } => (reason, retry_after),
        };
        let times = self.0.get(file).map_or(0, |tried| tried.times) + 1;
        if times >= TRIES_MAX {
            return Then::Lose(reason);
        }
        let rest_s = REST_FIRST_S << (2 * (times - 1));
        let asked_s = retry_after.and_then(|value| retry_after_s(&value, now)).unwrap_or_default();
        let again_at = now.plus_seconds(rest_s.max(asked_s.min(RETRY_AFTER_MAX_S)));
        self.0.insert(file.to_owned(), Tried { times, again_at });
        Then::Again(again_at)
    }

    /// What became of it is known.
    pub(super) fn done(&self, file: &str) {
        self.0.invalidate(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(second)
    }

    #[test]
    fn a_file_is_tried_for_some_hours_and_no_longer() {
        let tries = Tries::new();
        let mut now = at(0);
        for time in 1..TRIES_MAX {
            let then = tries.failed("a", Failure::later(Loss::Unreachable), now);
            let Then::Again(again_at) = then else { panic!("given up after {time}") };
            assert_eq!(tries.rests("a", now), Some(again_at));
            now = again_at;
            assert_eq!(tries.rests("a", now), None);
        }
        assert_eq!(now, at(2 * (4_i64.pow(TRIES_MAX - 1) - 1) / 3));
        assert!((at(2 * 3_600)..at(6 * 3_600)).contains(&now), "{now:?}");
        assert_eq!(tries.failed("a", Failure::later(Loss::Refused), now), Then::Lose(Loss::Refused));
    }

    #[test]
    fn a_platform_that_says_when_is_asked_then() {
        let later =
            |after: &str| Failure::Later { reason: Loss::Unreachable, retry_after: Some(after.to_owned()) };
        for (after, expected) in [
            ("90", 90),
            ("1", REST_FIRST_S),
            ("-5", REST_FIRST_S),
            ("nonsense", REST_FIRST_S),
            ("99999999", RETRY_AFTER_MAX_S),
            ("Thu, 01 Jan 1970 00:01:00 GMT", 60),
        ] {
            let then = Tries::new().failed("a", later(after), at(0));
            assert_eq!(then, Then::Again(at(expected)), "{after}");
        }
    }

    #[test]
    fn what_will_never_be_is_not_tried_again() {
        let tries = Tries::new();
        assert_eq!(tries.failed("a", Failure::Never(Loss::Gone), at(0)), Then::Lose(Loss::Gone));
        assert_eq!(tries.rests("a", at(0)), None);
    }
}
