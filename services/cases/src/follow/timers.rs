//! Times that have come: snoozes and holds end, resolved cases close. Each is fired with the time that was set, however
//! late, and read from the read model, so that nothing is lost by a restart.

use std::{sync::Arc, time::Duration};

use domain::{
    case::{Action, Status},
    ids::CaseId,
    time::Timestamp,
};
use service::{
    Error,
    lease::Lease,
    store::{Sql, Value},
    transact::Meta,
};
use tokio_util::sync::CancellationToken;

use crate::{
    act::no::No,
    core::{Core, commands, myself},
};

/// How often the due list is looked at, where nothing is known to be due earlier.
const LOOK: Duration = Duration::from_secs(1);
/// Timers that are fired in one round.
const ROUND_MAX: i64 = 500;

/// The earliest first. Pure history is left alone: nothing is timed there until something happens. So is what ended: a
/// time that means nothing would be due for ever, and before all others.
const DUE: Sql = Sql::same(
    "select id, 'snooze', snoozed_until from case_row \
     where snoozed_until <= $1 and live = 1 and status not in ('spam', 'merged', 'closed') \
     union all select id, 'hold', held_until from case_row \
     where held_until <= $1 and live = 1 and status = 'on_hold' \
     order by 3, 1 limit $2",
);
const RESOLVED_IN: &str = "select distinct region, team from case_row where status = 'resolved' and live = 1";
const TO_CLOSE: Sql = Sql::same(
    "select id, 'close', resolved_at from case_row where status = 'resolved' and live = 1 \
     and region = $1 and team is not distinct from $2 and resolved_at <= $3 order by 3, 1 limit $4",
);

impl Core {
    /// Fires timers until `stop`, while this replica holds the lease.
    pub async fn run_timers(self: Arc<Self>, stop: CancellationToken) {
        let lease = Lease::new(
            self.control.clone(),
            Arc::clone(&self.shell.clock),
            "cases.timers",
            &self.shell.replica,
        );
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            let round = async {
                if lease.acquire().await? { self.fire_due(self.shell.clock.now()).await } else { Ok(0) }
            };
            if let Err(error) = round.await {
                tracing::warn!(%error, "timers wait; trying again");
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    /// Fires what is due at `now`; answers how much that was.
    pub async fn fire_due(&self, now: Timestamp) -> Result<usize, Error> {
        let store = &self.models.current().store;
        let mut rows = store.query(DUE, &[now.as_microsecond().into(), ROUND_MAX.into()]).await?;
        let policy = self.policies.current();
        for place in store.query(RESOLVED_IN, &[]).await? {
            let (region, team) = (place.string(0), place.text(1).map(str::to_owned));
            let rules = policy.rules(
                region.parse().ok().as_ref(),
                team.as_deref().and_then(|team| team.parse().ok()).as_ref(),
            );
            let before = now.plus_seconds(-rules.auto_close_after_s).as_microsecond();
            let binds: [Value; 4] = [region.into(), team.into(), before.into(), ROUND_MAX.into()];
            rows.extend(store.query(TO_CLOSE, &binds).await?);
        }
        let mut fired = 0;
        for row in &rows {
            let (Ok(id), Some(at)) =
                (row.string(0).parse(), row.int(2).and_then(Timestamp::from_microsecond))
            else {
                continue;
            };
            fired += usize::from(self.fire(id, row.text(1).unwrap_or_default(), at, now).await?);
        }
        Ok(fired)
    }

    async fn fire(&self, id: CaseId, kind: &str, at: Timestamp, now: Timestamp) -> Result<bool, Error> {
        let set = self.policies.current();
        let command_id = domain::ids::derive(id.0, &format!("{kind}/{at}"));
        let mut meta = Meta {
            occurred_at: Some(at),
            policy_version: set.version.0,
            ..Meta::new(command_id, "", myself()?)
        };
        if kind == "close" {
            let aggregate = self.cases.peek::<No>(&self.stream(id)?).await?;
            let Some(case) = aggregate.state.case() else { return Ok(false) };
            let closes =
                at.plus_seconds(set.rules(Some(&case.region), case.team.as_ref()).auto_close_after_s);
            if closes > now {
                return Ok(false);
            }
            meta.occurred_at = Some(closes);
        }
        let deadline = Some(at);
        let outcome = self
            .cases
            .execute::<No>(&self.stream(id)?, &meta, |aggregate, occurred| {
                let case = aggregate.state.case();
                let action = match kind {
                    "snooze" => Some(Action::Wake { deadline }),
                    "hold" => Some(Action::Resume { deadline }),
                    // Reopened and resolved again since: that has a time of its own.
                    _ => case
                        .filter(|case| case.status == Status::Resolved && case.cycle.resolved_at == deadline)
                        .map(|_| Action::Close),
                };
                Ok(commands(occurred, &meta.actor, action.into_iter().collect()))
            })
            .await;
        match outcome {
            Ok(outcome) => Ok(outcome.changed && !outcome.repeated),
            Err(error) => match Error::from(error) {
                // Somebody closed it, merged it, called it spam: the time means nothing any more.
                Error::Refused { .. } => Ok(false),
                other => Err(other),
            },
        }
    }
}
