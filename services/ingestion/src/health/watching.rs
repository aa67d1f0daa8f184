//! Looks for accounts at which nothing comes in any more, and for feeds that fail.

use std::{sync::Arc, time::Duration};

use domain::{
    channel::Direction,
    health::{
        Action, Cause, Evidence, Level, Sense,
        silence::{Counts, Expected, TIME_MAX_S, WEEKS_MAX, expected, hour_of},
    },
    ids::AccountId,
    time::Timestamp,
};
use service::Error;
use tokio_util::sync::CancellationToken;

use super::{Channels, rules::Said};
use crate::feeds::{self, Store as _};

/// How often all accounts are looked at.
const EVERY: Duration = Duration::from_secs(60);
/// No silence is shorter.
const QUIET_MIN_S: i64 = 10 * 60;
const HOUR_S: i64 = 3_600;
const HOURS_PER_WEEK: i64 = 7 * 24;

/// What comes in at an account in the present hour, and used to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Hour {
    pub(super) seen: u64,
    /// Nothing: it is not known for long enough.
    pub(super) expected: Option<f64>,
}

impl Channels {
    /// Looks again and again until `stop`.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let looking = async {
            loop {
                match self.lease.acquire().await {
                    Ok(true) => self.look().await,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "channels are not looked at just now; trying again"),
                }
                self.shell.clock.sleep(EVERY).await;
            }
        };
        stop.run_until_cancelled(looking).await;
        if let Err(error) = self.lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    /// Looks at all accounts once.
    async fn look(&self) {
        for (account, _) in self.accounts.all() {
            if let Err(error) = self.look_at(&account).await {
                tracing::warn!(%account, %error, "a channel is not looked at just now; trying again");
            }
        }
    }

    async fn look_at(&self, account: &AccountId) -> Result<(), Error> {
        let said = self.said(account);
        self.look_at_feed(account, &said).await?;
        self.listen(account, &said).await
    }

    /// What the last polls of a feed came to: it keeps count itself.
    async fn look_at_feed(&self, account: &AccountId, said: &Said) -> Result<(), Error> {
        let via = self.accounts.via(account).unwrap_or_default();
        if via.connector.as_deref() != Some(feeds::CONNECTOR) {
            return Ok(());
        }
        let polls = feeds::Kept(self.ledger.store().clone());
        let Some(poll) = polls.load(account).await? else { return Ok(()) };
        let (direction, rules, failures) = (Direction::In, said.rules, poll.failures());
        let evidence = Evidence::Calls { in_a_row: failures, failed: failures, calls: failures };
        let level = self.state(account).side(direction).level;
        let action = if poll.is_gone() {
            Action::GoDown { direction, cause: Cause::Gone, evidence, rules }
        } else if failures >= rules.down_after {
            Action::GoDown { direction, cause: Cause::Failing, evidence, rules }
        } else if failures >= rules.degraded_after {
            Action::Degrade { direction, cause: Cause::Failing, evidence }
        } else if failures == 0 {
            Action::Recover { direction, sense: Sense::Calls }
        } else {
            return Ok(());
        };
        let is_so = match action {
            Action::Degrade { .. } => level >= Level::Degraded,
            Action::GoDown { .. } => level == Level::Down,
            _ => level == Level::Up,
        };
        if is_so { Ok(()) } else { self.act(account, action).await.map(drop) }
    }

    /// Whether it is quieter than it ever is.
    async fn listen(&self, account: &AccountId, said: &Said) -> Result<(), Error> {
        let direction = Direction::In;
        let side = self.state(account).side(direction).clone();
        let silent_since = side.trouble.as_ref().and_then(|trouble| match &trouble.evidence {
            Evidence::Silence { last_in, .. } => Some(*last_in),
            Evidence::Calls { .. } => None,
        });
        let last_in = self.ledger.last_in(account).await?;
        let (Some(last_in), now) = (last_in, self.shell.clock.now()) else { return Ok(()) };
        if let Some(since) = silent_since {
            let is_over = last_in > since || !said.is_watched;
            let action = Action::Recover { direction, sense: Sense::Silence };
            return if is_over { self.act(account, action).await.map(drop) } else { Ok(()) };
        }
        if !said.is_watched || side.level != Level::Up || now.seconds_since(last_in) < QUIET_MIN_S {
            return Ok(());
        }
        let from = last_in.max(now.plus_seconds(-TIME_MAX_S));
        let counts = self.counts(account, from, now).await?;
        let Some(expected) = expected(&counts, from, now).filter(Expected::is_silence) else {
            return Ok(());
        };
        let evidence = Evidence::Silence { last_in, expected: whole(expected.count), weeks: expected.weeks };
        self.act(account, Action::Degrade { direction, cause: Cause::Silence, evidence }).await.map(drop)
    }

    /// What is known of all past weeks that may be compared with this time.
    async fn counts(&self, account: &AccountId, from: Timestamp, to: Timestamp) -> Result<Counts, Error> {
        let weeks = i64::from(WEEKS_MAX) * HOURS_PER_WEEK;
        // One hour more on each side: the times need not begin with an hour.
        self.ledger.counts(account, hour_of(from) - weeks - 1, hour_of(to) + 1).await
    }

    /// What comes in in the present hour, and used to.
    pub(super) async fn hour(&self, account: &AccountId, now: Timestamp) -> Result<Hour, Error> {
        let hour = hour_of(now);
        let from = Timestamp::UNIX_EPOCH.plus_seconds(hour.saturating_mul(HOUR_S));
        let to = from.plus_seconds(HOUR_S);
        let counts = self.counts(account, from, to).await?;
        let seen = counts.get(&hour).copied().unwrap_or_default();
        Ok(Hour { seen, expected: expected(&counts, from, to).map(|expected| expected.count) })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` stops at the bounds, which is right"
)]
fn whole(count: f64) -> u32 {
    count as u32
}
