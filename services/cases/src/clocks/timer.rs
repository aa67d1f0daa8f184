//! Looks at the clocks of cases when it is time: a warning, a deadline. It may be late, as everything that is announced
//! bears the time at which it happened.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{case::State, decider::Decider, ids::CaseId};
use eventlog::Category;
use service::{
    Error,
    health::{Pulse, Runs, Standing},
    lease::{Lease, TTL},
    store::Sql,
};
use tokio_util::sync::CancellationToken;

use crate::core::{AT_LEAST_LIMIT, Core, bad_name};

/// How often the schedule is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Cases that are looked at in one round because it is time.
const ROUND_MAX: usize = 500;
/// Cases of the read model that are looked at in one round to fill the schedule.
const SCAN_PAGE: i64 = 500;
/// Cases that may fail one after the other before a round is given up: it is not they, then.
const FAILURES_MAX: u32 = 5;
/// How long a case that failed is left alone, in seconds.
const AGAIN_S: i64 = 10;
/// Cases that are remembered as failing.
const FAILING_MAX: usize = 1_000;

/// The next cases whose clocks may run. Pure history is left alone: nothing is timed there until something happens.
const RUNNING: Sql = Sql::same(
    "select id from case_row where id > $1 and live = 1 and status in ('new', 'open', 'pending', 'on_hold') \
     order by id limit $2",
);

/// Announces what is due.
pub struct ClockTimer {
    core: Arc<Core>,
    pulse: Pulse,
    failing: Mutex<BTreeMap<CaseId, String>>,
}

/// How far this process is with filling its schedule.
#[derive(Default)]
struct Scan {
    /// The last case of the read model that was looked at; none: it is not under way.
    after: Option<String>,
    /// What was promised when it last began; none: it has to begin.
    under: Option<u64>,
    /// When the lease was last held.
    held: Option<Instant>,
}

impl Runs for ClockTimer {
    fn name(&self) -> &'static str {
        "clocks of cases"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }

    fn failing(&self) -> Vec<(String, String)> {
        let stream = |id: &CaseId| Some(self.core.clocks.stream(*id).ok()?.to_string());
        self.remembered().iter().filter_map(|(id, reason)| Some((stream(id)?, reason.clone()))).collect()
    }
}

impl ClockTimer {
    /// Of the cases of `core`.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, pulse: Pulse::default(), failing: Mutex::default() }
    }

    /// The claim to be the one that announces. What follows cases and what looks at the time share it: the schedule is in
    /// the memory of one process.
    pub fn lease(core: &Core) -> Lease {
        let shell = &core.shell;
        Lease::new(core.control.clone(), Arc::clone(&shell.clock), "cases.follow_clocks", &shell.replica)
    }

    /// Announces what is due until `stop`, while this replica holds the lease.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let lease = Self::lease(&self.core);
        let (mut scan, mut failures) = (Scan::default(), 0);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            match self.round(&lease, &mut scan).await {
                Ok(()) => {
                    failures = 0;
                    self.pulse.well();
                }
                Err(error) => {
                    failures += 1;
                    self.pulse.failed(&error, failures);
                    tracing::warn!(%error, failures, "clocks of cases wait; trying again");
                }
            }
        }
        // The lease is given up by what follows cases, which may still have something to end.
    }

    async fn round(&self, lease: &Lease, scan: &mut Scan) -> Result<(), Error> {
        if !lease.acquire().await? {
            *scan = Scan::default();
            return Ok(());
        }
        // Somebody else may have held it meanwhile, and seen what is not in this schedule.
        if scan.held.replace(Instant::now()).is_none_or(|held| held.elapsed() > TTL / 2) {
            scan.under = None;
        }
        let promised = self.core.promises(0).await?;
        if promised.is_empty() {
            return Ok(());
        }
        let now = self.core.shell.clock.now();
        if scan.under != Some(promised.last()) || self.core.schedule.misses(now) {
            self.begin(scan).await?;
            scan.under = Some(promised.last());
        }
        self.look_at(&self.core.schedule.due(now, ROUND_MAX)).await?;
        self.go_on(scan).await
    }

    /// Begins to fill the schedule anew, from a read model that has all that was followed.
    async fn begin(&self, scan: &mut Scan) -> Result<(), Error> {
        let cases = Category::new(State::CATEGORY).map_err(bad_name)?;
        let tail = self.core.shell.log.tail(&[cases]).await?;
        self.core.models.at_least(tail, AT_LEAST_LIMIT).await?;
        self.core.schedule.clear();
        scan.after = Some(String::new());
        Ok(())
    }

    /// Looks at the next page of cases.
    async fn go_on(&self, scan: &mut Scan) -> Result<(), Error> {
        let Some(after) = &scan.after else { return Ok(()) };
        let store = &self.core.models.current().store;
        let rows = store.query(RUNNING, &[after.as_str().into(), SCAN_PAGE.into()]).await?;
        let ids: Vec<CaseId> = rows.iter().filter_map(|row| row.text(0)?.parse().ok()).collect();
        self.look_at(&ids).await?;
        scan.after = rows.last().map(|row| row.string(0));
        Ok(())
    }

    async fn look_at(&self, ids: &[CaseId]) -> Result<(), Error> {
        let mut in_a_row = 0;
        for id in ids {
            let Err(error) = self.core.announce(*id, None).await else {
                in_a_row = 0;
                self.remembered().remove(id);
                continue;
            };
            self.failed(*id, &error);
            in_a_row += 1;
            if in_a_row == FAILURES_MAX {
                return Err(error);
            }
        }
        Ok(())
    }

    fn failed(&self, id: CaseId, error: &Error) {
        tracing::warn!(%id, %error, "the clocks of a case fail; the others go on");
        self.core.schedule.put_off(id, self.core.shell.clock.now().plus_seconds(AGAIN_S));
        let mut failing = self.remembered();
        if failing.len() < FAILING_MAX || failing.contains_key(&id) {
            failing.insert(id, error.to_string());
        }
    }

    fn remembered(&self) -> MutexGuard<'_, BTreeMap<CaseId, String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
