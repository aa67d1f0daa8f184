//! Waiting between attempts.

use std::time::Duration;

/// Waits before attempt `n` (1, 2, …): `first`, doubled each time up to `most`, less a random half.
pub async fn wait(n: u32, first: Duration, most: Duration) {
    let full = first.saturating_mul(1 << n.saturating_sub(1).min(16)).min(most);
    let mut random = [0_u8; 1];
    // Without randomness the wait is only less even.
    let _ = getrandom::fill(&mut random);
    tokio::time::sleep(full.mul_f64(0.5 + f64::from(random[0]) / 512.0)).await;
}
