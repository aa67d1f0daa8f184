//! Waiting between attempts.

use std::time::Duration;

use uuid::Uuid;

/// How long a process that starts waits for what it needs.
pub const START_MAX: Duration = Duration::from_secs(30);

/// Asks until there is an answer, at most as long as `limit`: for what a process needs to start, while the other side is
/// still starting or choosing its leader. `passes` tells which failures pass.
pub async fn patiently<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    limit: Duration,
    passes: impl Fn(&E) -> bool,
    ask: impl Fn() -> F,
) -> Result<T, E> {
    let until = tokio::time::Instant::now() + limit;
    let mut failures = 0;
    loop {
        match ask().await {
            Err(error) if passes(&error) && tokio::time::Instant::now() < until => {
                failures += 1;
                tracing::warn!(%error, failures, "cannot start yet; trying again");
                wait(failures, Duration::from_millis(50), Duration::from_secs(5)).await;
            }
            answer => return answer,
        }
    }
}

/// Waits before attempt `n` (1, 2, …): `first`, doubled each time up to `most`, less a random half.
pub async fn wait(n: u32, first: Duration, most: Duration) {
    let mut random = [0_u8; 1];
    // Without randomness the wait is only less even.
    let _ = getrandom::fill(&mut random);
    tokio::time::sleep(spread(n, first, most, random[0])).await;
}

/// Like [`wait`], but what is taken off follows from who waits: two never wait alike, and one always does.
pub async fn wait_as(who: Uuid, n: u32, first: Duration, most: Duration) {
    let bytes = who.as_bytes();
    let chosen = bytes[n as usize % bytes.len()];
    tokio::time::sleep(spread(n, first, most, chosen)).await;
}

fn spread(n: u32, first: Duration, most: Duration, chosen: u8) -> Duration {
    let full = first.saturating_mul(1 << n.saturating_sub(1).min(16)).min(most);
    full.mul_f64(0.5 + f64::from(chosen) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_grows_to_its_limit_and_never_beyond() {
        let (first, most) = (Duration::from_millis(50), Duration::from_secs(5));
        assert_eq!(spread(1, first, most, 0), Duration::from_millis(25));
        assert_eq!(spread(2, first, most, 0), Duration::from_millis(50));
        for n in [8, 100, u32::MAX] {
            assert_eq!(spread(n, first, most, 0), most / 2);
            assert!(spread(n, first, most, 255) < most);
        }
    }
}
