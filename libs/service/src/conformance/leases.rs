//! What a lease promises.

use std::{sync::Arc, time::Duration};

use domain::time::Timestamp;

use crate::{
    clock::{Clock, ManualClock},
    lease::{Lease, TTL},
    shell::Stores,
};

/// All promises, one after the other.
pub async fn all(stores: &Stores) {
    one_holds_it_until_it_ends_or_is_given_up(stores).await;
    of_many_that_ask_at_once_one_holds_it(stores).await;
}

/// Renewed it stays; not renewed it ends; given up it is free at once; and names do not meet.
pub async fn one_holds_it_until_it_ends_or_is_given_up(stores: &Stores) {
    let control = stores.control("leases").await.unwrap();
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let lease = |name: &str, holder: &str| Lease::new(control.clone(), Arc::clone(&shared), name, holder);
    let later = |passed: Duration| {
        let micros = clock.now().as_microsecond() + i64::try_from(passed.as_micros()).unwrap();
        clock.set(Timestamp::from_microsecond(micros).unwrap());
    };
    let (one, two, other) = (lease("work", "a"), lease("work", "b"), lease("rest", "b"));
    assert!(one.acquire().await.unwrap());
    assert!(!two.acquire().await.unwrap());
    assert!(other.acquire().await.unwrap(), "another lease");
    later(TTL);
    assert!(!two.acquire().await.unwrap(), "to the last moment");
    assert!(one.acquire().await.unwrap(), "renewed");
    later(TTL);
    assert!(!two.acquire().await.unwrap(), "the renewal counts");
    later(Duration::from_micros(1));
    assert!(two.acquire().await.unwrap(), "it has ended");
    assert!(!one.acquire().await.unwrap(), "who had it is one among others");
    one.release().await.unwrap();
    assert!(!one.acquire().await.unwrap(), "who does not hold it cannot give it up");
    two.release().await.unwrap();
    assert!(one.acquire().await.unwrap());
}

/// However many ask.
pub async fn of_many_that_ask_at_once_one_holds_it(stores: &Stores) {
    let control = stores.control("leases").await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let ask = async |n: usize| {
        Lease::new(control.clone(), Arc::clone(&clock), "race", &format!("holder {n}"))
            .acquire()
            .await
            .unwrap()
    };
    let ends = futures_util::future::join_all((0..16).map(ask)).await;
    assert_eq!(ends.into_iter().filter(|held| *held).count(), 1);
}
