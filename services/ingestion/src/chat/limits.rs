//! How much one visitor, one address and all of them may.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Who is counted at once.
const BUCKETS_MAX: u64 = 200_000;
/// After how long without a sign somebody is counted anew. Longer than any bucket takes to fill.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// So many at once, and one more each time so much has passed.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// So many at once.
    pub burst: u32,
    /// What one more takes.
    pub every: Duration,
}

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// Everybody.
    All,
    /// All of one account.
    Account(String),
    /// All at one address; of IPv6, in one network of 64 bits, which one household has.
    Address(IpAddr),
    /// One visitor, by the hash of his name.
    Visitor(String),
}

impl Who {
    /// Whoever is at this address.
    pub(super) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::from([a, b, c, d, 0, 0, 0, 0])
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// How often somebody did something lately.
pub(super) struct Rates(moka::sync::Cache<(Who, &'static str), Arc<Mutex<Bucket>>>);

struct Bucket {
    /// What is left, in ones.
    left: f64,
    at: Instant,
}

impl Rates {
    pub(super) fn new() -> Self {
        let cache = moka::sync::Cache::builder();
        Self(cache.max_capacity(BUCKETS_MAX).time_to_idle(FORGOTTEN_AFTER).build())
    }

    /// Takes one; else after how long there is one again.
    pub(super) fn take(&self, who: Who, what: &'static str, rate: Rate) -> Result<(), Duration> {
        let now = Instant::now();
        let bucket = self
            .0
            .get_with((who, what), || Arc::new(Mutex::new(Bucket { left: f64::from(rate.burst), at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let every = rate.every.as_secs_f64().max(f64::MIN_POSITIVE);
        let grown = now.saturating_duration_since(bucket.at).as_secs_f64() / every;
        bucket.left = (bucket.left + grown).min(f64::from(rate.burst));
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(rate.every.mul_f64(1.0 - bucket.left));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// How many connections there are.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<HashMap<Who, usize>>>);

/// The right to one connection.
pub(super) struct Place {
    of: Vec<Who>,
    places: Places,
}

impl Places {
    /// A place, if nobody has as many as he may.
    pub(super) fn take(&self, of: Vec<(Who, usize)>) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if of.iter().any(|(who, max)| taken.get(who).copied().unwrap_or_default() >= *max) {
            return None;
        }
        let of: Vec<Who> = of.into_iter().map(|(who, _)| who).collect();
        for who in &of {
            *taken.entry(who.clone()).or_default() += 1;
        }
        Some(Place { of, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        for who in &self.of {
            if let Some(count) = taken.get_mut(who) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(who);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_then_one_after_the_other() {
        let rates = Rates::new();
        let rate = Rate { burst: 2, every: Duration::from_secs(1) };
        let who = |n: u8| Who::at(IpAddr::from([192, 0, 2, n]));
        let take = |n| rates.take(who(n), "say", rate);
        assert_eq!((take(1), take(1)), (Ok(()), Ok(())));
        let wait = take(1).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && wait > Duration::from_millis(900), "{wait:?}");
        assert_eq!(take(2), Ok(()), "another one's are his own");
        tokio::time::advance(wait).await;
        assert_eq!(take(1), Ok(()));
        assert!(take(1).is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((take(1), take(1)), (Ok(()), Ok(())));
        assert!(take(1).is_err(), "never more than so many at once");
    }

    #[test]
    fn a_place_is_given_back() {
        let places = Places::default();
        let of = |n| vec![(Who::All, 2), (Who::Account(format!("a{n}")), 1)];
        let one = places.take(of(1)).unwrap();
        assert!(places.take(of(1)).is_none(), "the account has its one");
        let two = places.take(of(2)).unwrap();
        assert!(places.take(of(3)).is_none(), "all have theirs");
        drop(one);
        assert!(places.take(of(3)).is_some());
        drop(two);
        assert!(places.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_household_has_one_address() {
        let at = |text: &str| Who::at(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
