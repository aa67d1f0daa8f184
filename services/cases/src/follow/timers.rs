//! Times that have come: snoozes and holds end, resolved cases close. Each is fired with the time that was set, however
//! late, and read from the read model, so that nothing is lost by a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{
    case::{Action, Status},
    ids::CaseId,
    time::Timestamp,
};
use service::{
    Error,
    health::{Pulse, Runs, Standing},
    lease::Lease,
    store::{Row, Value},
    transact::{self, Meta},
};
use tokio_util::sync::CancellationToken;

use super::due::{DUE, PLACES, TO_CLOSE, TO_CLOSE_WITHOUT_TEAM};
use crate::{
    act::no::No,
    core::{Core, commands, myself},
};

/// How often the due list is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Timers of one kind that are fired in one round.
const ROUND_MAX: usize = 500;
/// Timers that may fail one after the other before a round is given up: it is not they, then.
const FAILURES_MAX: u32 = 5;
/// How long a timer that failed is left alone at first, and at most.
const AGAIN_FIRST: Duration = Duration::from_secs(1);
const AGAIN_MOST: Duration = Duration::from_secs(5 * 60);
/// Timers that are remembered as failing. What is beyond is tried in every round.
const FAILING_MAX: usize = 1_000;

/// Fires what is due, and says of itself whether it gets on.
pub struct Timers {
    core: Arc<Core>,
    pulse: Pulse,
    /// Cases whose timers fail: they are tried again later, and the others now.
    failing: Mutex<BTreeMap<CaseId, Failing>>,
}

#[derive(Clone)]
struct Failing {
    reason: String,
    failures: u32,
    again: Instant,
}

impl Runs for Timers {
    fn name(&self) -> &'static str {
        "timers of cases"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    fn failing(&self) -> Vec<(String, String)> {
        let remembered = self.remembered();
        let stream = |id: &CaseId| Some(self.core.stream(*id).ok()?.to_string());
        remembered.iter().filter_map(|(id, failing)| Some((stream(id)?, failing.reason.clone()))).collect()
    }
}

impl Timers {
    /// Of the cases of `core`.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, pulse: Pulse::default(), failing: Mutex::default() }
    }

    /// Fires timers until `stop`, while this replica holds the lease.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let Core { control, shell, .. } = &*self.core;
        let lease = Lease::new(control.clone(), Arc::clone(&shell.clock), "cases.timers", &shell.replica);
        let mut failures = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            let round = async {
                if lease.acquire().await? { self.fire_due(shell.clock.now()).await } else { Ok(()) }
            };
            match round.await {
                Ok(()) => {
                    failures = 0;
                    self.pulse.well();
                }
                Err(error) => {
                    failures += 1;
                    self.pulse.failed(&error, failures);
                    tracing::warn!(%error, failures, "timers wait; trying again");
                }
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    /// Fires what is due at `now`.
    async fn fire_due(&self, now: Timestamp) -> Result<(), Error> {
        let rows = self.due(now).await?;
        // Whose time means nothing any more does not fail any more.
        let due: BTreeSet<CaseId> = rows.iter().filter_map(|row| row.text(0)?.parse().ok()).collect();
        self.remembered().retain(|id, _| due.contains(id));
        let started = Instant::now();
        let mut in_a_row = 0;
        for row in &rows {
            let (Ok(id), Some(at)) =
                (row.string(0).parse(), row.int(2).and_then(Timestamp::from_microsecond))
            else {
                continue;
            };
            if self.remembered().get(&id).is_some_and(|failing| failing.again > started) {
                continue;
            }
            match self.core.fire(id, row.text(1).unwrap_or_default(), at, now).await {
                Ok(()) => {
                    in_a_row = 0;
                    self.remembered().remove(&id);
                }
                Err(error) => {
                    self.failed(id, &error);
                    in_a_row += 1;
                    if in_a_row == FAILURES_MAX {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is due, of each kind the earliest.
    async fn due(&self, now: Timestamp) -> Result<Vec<Row>, Error> {
        let store = &self.core.models.current().store;
        let most = ROUND_MAX + self.remembered().len();
        let most = Value::from(i64::try_from(most).unwrap_or(i64::MAX));
        let mut rows = store.query(DUE, &[now.as_microsecond().into(), most.clone()]).await?;
        let policy = self.core.policies.current();
        for place in store.query(PLACES, &[]).await? {
            let Some(oldest) = place.int(2) else { continue };
            let (region, team) = (place.string(0), place.text(1));
            let rules =
                policy.rules(region.parse().ok().as_ref(), team.and_then(|team| team.parse().ok()).as_ref());
            let before = now.plus_seconds(-rules.auto_close_after_s).as_microsecond();
            if oldest > before {
                continue;
            }
            let binds = [region.into(), before.into(), most.clone()];
            rows.extend(match team {
                Some(team) => store.query(TO_CLOSE, &[&binds[..], &[team.into()]].concat()).await?,
                None => store.query(TO_CLOSE_WITHOUT_TEAM, &binds).await?,
            });
        }
        Ok(rows)
    }

    fn failed(&self, id: CaseId, error: &Error) {
        let mut failing = self.remembered();
        let failures = failing.get(&id).map_or(1, |before| before.failures.saturating_add(1));
        let wait = AGAIN_FIRST.saturating_mul(1 << (failures - 1).min(16)).min(AGAIN_MOST);
        tracing::warn!(%id, %error, failures, "a timer of a case fails; the others go on");
        if failing.len() < FAILING_MAX || failing.contains_key(&id) {
            let reason = error.to_string();
            failing.insert(id, Failing { reason, failures, again: Instant::now() + wait });
        }
    }

    fn remembered(&self) -> MutexGuard<'_, BTreeMap<CaseId, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    async fn fire(&self, id: CaseId, kind: &str, at: Timestamp, now: Timestamp) -> Result<(), Error> {
        let set = self.policies.current();
        let command_id = domain::ids::derive(id.0, &format!("{kind}/{at}"));
        let mut meta = Meta {
            occurred_at: Some(at),
            policy_version: set.version.0,
            ..Meta::new(command_id, "", myself()?)
        };
        if kind == "close" {
            let aggregate = self.cases.peek::<No>(&self.stream(id)?).await?;
            let Some(case) = aggregate.state.case() else { return Ok(()) };
            let closes =
                at.plus_seconds(set.rules(Some(&case.region), case.team.as_ref()).auto_close_after_s);
            if closes > now {
                return Ok(());
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
            // Somebody closed it, merged it, called it spam: the time means nothing any more.
            Ok(_) | Err(transact::Error::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
