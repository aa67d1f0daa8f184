//! An attempt ends before it counts as lost: else it would be made again, or asked about, while it is still being made.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::delivery::{Action, Failure, Unclarity};

/// How much earlier an attempt is ended than it counts as lost: time to write down what came of it.
const MARGIN: Duration = Duration::from_secs(10);

/// Whether a part of a delivery may have left us.
#[derive(Clone, Debug, Default)]
pub(super) struct Left(Arc<AtomicBool>);

impl Left {
    /// From here on it may be there.
    pub(super) fn begins(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// The platform said that it took nothing.
    pub(super) fn was_refused(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn may_be_there(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What came of an attempt, all that belongs to it together: files, access tokens, calls. What takes too long is given up.
pub(super) async fn in_time(
    lost_after_s: i64,
    left: Left,
    (part, attempt): (u16, u32),
    sending: impl Future<Output = Action>,
) -> Action {
    let lost_after = Duration::from_secs(u64::try_from(lost_after_s).unwrap_or_default());
    match tokio::time::timeout(lost_after.saturating_sub(MARGIN), sending).await {
        Ok(result) => result,
        Err(_) if left.may_be_there() => Action::ReportUnclear { part, attempt, reason: Unclarity::TimedOut },
        Err(_) => {
            let reason = Failure::TimeoutBeforeAccept;
            Action::ReportFailed { part, attempt, reason, code: None, retry_at: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const LOST_AFTER_S: i64 = 80;

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_ends_before_it_counts_as_lost() {
        let (begun, left) = (Instant::now(), Left::default());
        // Files are brought; the message is on its way when the time is over.
        let sending = async {
            sleep(Duration::from_secs(60)).await;
            left.begins();
            sleep(Duration::from_secs(60)).await;
            Action::ReportSent { part: 1, attempt: 2, external: None }
        };
        let result = in_time(LOST_AFTER_S, left.clone(), (1, 2), sending).await;
        let unclear = Action::ReportUnclear { part: 1, attempt: 2, reason: Unclarity::TimedOut };
        assert_eq!(format!("{result:?}"), format!("{unclear:?}"));
        assert_eq!(begun.elapsed(), Duration::from_secs(70));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_left_us_is_tried_again() {
        for refused in [false, true] {
            let left = Left::default();
            let sending = async {
                if refused {
                    left.begins();
                    left.was_refused();
                }
                std::future::pending().await
            };
            let result = in_time(LOST_AFTER_S, left.clone(), (1, 2), sending).await;
            let failed = matches!(
                result,
                Action::ReportFailed { part: 1, attempt: 2, reason: Failure::TimeoutBeforeAccept, .. }
            );
            assert!(failed, "{result:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_in_time_says_itself_what_came_of_it() {
        let left = Left::default();
        left.begins();
        let sent = async { Action::ReportSent { part: 1, attempt: 1, external: None } };
        let result = in_time(LOST_AFTER_S, left, (1, 1), sent).await;
        assert!(matches!(result, Action::ReportSent { .. }), "{result:?}");
    }
}
