//! A read model that can be built anew beside the one that answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventlog::Position;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::{self, START_MAX},
    lease::{Lease, RENEWAL},
    projection::{BATCH_MAX, Error, Projection, ReadModel},
    shell::{Shell, Stores},
    store::{self, Store},
};

/// How often a replica asks whether another one has rebuilt the read model.
pub const GENERATION_CHECK: Duration = Duration::from_secs(3);
/// The number of the first generation.
const FIRST: u64 = 1;
/// How often the progress of a rebuild is told.
const PROGRESS: Duration = Duration::from_millis(250);
/// How often in a row a rebuild is interrupted before it is given up.
const INTERRUPTIONS_MAX: u32 = 5;
/// How long the files of a generation that was replaced are kept for those who still read it. Then they stay until the
/// next start.
const RETIREMENT: Duration = Duration::from_secs(5);

/// The generation of a read model that answers, and the way to the next one.
pub struct Models<P> {
    shell: Shell,
    control: Store,
    projection: Arc<P>,
    current: watch::Sender<Generation<P>>,
    /// Where the log was when this process opened one that was never complete.
    target: Option<Position>,
    rebuilding: Mutex<()>,
    /// The last number that was given to a generation: the name of one that failed is not used again, as what is left
    /// of it may still be closing.
    numbered: AtomicU64,
}

struct Generation<P> {
    number: u64,
    model: Arc<ReadModel<P>>,
}

impl<P> Clone for Generation<P> {
    fn clone(&self) -> Self {
        Self { number: self.number, model: Arc::clone(&self.model) }
    }
}

/// What a rebuild found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The position at which both were compared.
    pub position: Position,
    /// The digest of what had answered so far.
    pub before: String,
    /// The digest of what answers now.
    pub after: String,
}

impl<P: Projection> Models<P> {
    /// Takes up the generation that answered last, or the first.
    ///
    /// One of a new version begins with nothing, and says that it is [`building`](Self::building) until it has everything:
    /// replicas of the old version, which has stores of its own, go on answering meanwhile.
    pub async fn open(shell: Shell, control: Store, projection: P) -> Result<Self, Error> {
        let projection = Arc::new(projection);
        let name = projection.name();
        let complete = stored_generation(&control, name).await?;
        let number = complete.unwrap_or(FIRST);
        if matches!(shell.stores, Stores::Folder(_)) {
            // Nobody else reads here: what was replaced or never finished can go.
            for other in [number.checked_sub(1), number.checked_add(1)].into_iter().flatten() {
                shell.stores.remove(&store_name(name, other), &control).await?;
            }
            remove_older(&shell.stores, &control, name).await?;
        }
        let target = match complete {
            // It may be behind, and catches up while it answers.
            Some(_) => None,
            None => {
                let categories = projection.categories();
                let passes = |error: &eventlog::Error| matches!(error, eventlog::Error::Unavailable(_));
                Some(backoff::patiently(START_MAX, passes, || shell.log.tail(&categories)).await?)
            }
        };
        let model = open_generation(&shell, &projection, number).await?;
        let current = watch::Sender::new(Generation { number, model });
        let (rebuilding, numbered) = (Mutex::default(), AtomicU64::new(number));
        Ok(Self { shell, control, projection, current, target, rebuilding, numbered })
    }

    /// The read model that answers.
    pub fn current(&self) -> Arc<ReadModel<P>> {
        Arc::clone(&self.current.borrow().model)
    }

    /// The number of the generation that answers.
    pub fn generation(&self) -> u64 {
        self.current.borrow().number
    }

    /// While a read model that was never complete has not come yet to where the log was when this process opened it: how
    /// far it is, and where that was.
    pub fn building(&self) -> Option<(Position, Position)> {
        let position = self.current().position();
        self.target.filter(|target| position < *target).map(|target| (position, target))
    }

    /// The read model that answers, once it has everything up to `position`, whatever stands there: a position of an entry
    /// that it does not follow is reached with the last one before that it does. Not in time: unavailable; beyond the end
    /// of the log: the field `at_least` is wrong, at once.
    pub async fn at_least(
        &self,
        position: Position,
        limit: Duration,
    ) -> Result<Arc<ReadModel<P>>, crate::Error> {
        let model = self.current();
        if model.position() >= position {
            return Ok(model);
        }
        self.shell.written("at_least", position).await?;
        match tokio::time::timeout(limit, self.passed(&model, position, limit)).await {
            Ok(Ok(true)) => Ok(model),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(false)) | Err(_) => {
                let text = format!("{} has not reached this position yet; try again", self.projection.name());
                Err(crate::Error::Unavailable(text))
            }
        }
    }

    /// Waits for the last entry that the model follows, or for `position`, if that comes before it.
    async fn passed(
        &self,
        model: &ReadModel<P>,
        position: Position,
        limit: Duration,
    ) -> Result<bool, eventlog::Error> {
        let last = self.shell.log.tail(&self.projection.categories()).await?;
        Ok(model.wait_for(last.min(position), limit).await)
    }

    /// Keeps the answering generation up to date until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.follow(&stop), stop.run_until_cancelled(self.completed()));
    }

    /// Notes that the read model is complete, as soon as it is: from then on it answers at once after a start.
    async fn completed(&self) {
        let Some(target) = self.target else { return };
        while !self.current().wait_for(target, GENERATION_CHECK).await {}
        while let Err(error) = note(&self.control, self.projection.name(), self.generation()).await {
            tracing::warn!(%error, "it cannot be noted yet that a read model is complete");
            self.shell.clock.sleep(GENERATION_CHECK).await;
        }
    }

    async fn follow(&self, stop: &CancellationToken) {
        let mut generations = self.current.subscribe();
        loop {
            let Generation { number, model } = generations.borrow_and_update().clone();
            tokio::select! {
                () = stop.cancelled() => return,
                _ = generations.changed() => {}
                () = self.overtaken(number) => {}
                () = model.run(Arc::clone(&self.shell.log), stop.clone()) => {}
            }
        }
    }

    /// Returns when another replica has let a newer generation take over, and this one has taken it up.
    async fn overtaken(&self, number: u64) {
        loop {
            self.shell.clock.sleep(GENERATION_CHECK).await;
            match self.take_up_newer(number).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a rebuilt read model cannot be taken up yet"),
            }
        }
    }

    async fn take_up_newer(&self, number: u64) -> Result<bool, store::Error> {
        let stored = stored_generation(&self.control, self.projection.name()).await?;
        let Some(stored) = stored.filter(|stored| *stored > number) else { return Ok(false) };
        let model = open_generation(&self.shell, &self.projection, stored).await?;
        self.take_over(stored, model);
        Ok(true)
    }

    fn take_over(&self, number: u64, model: Arc<ReadModel<P>>) {
        self.numbered.fetch_max(number, Ordering::Relaxed);
        self.current.send_if_modified(|current| {
            let newer = number > current.number;
            if newer {
                *current = Generation { number, model };
            }
            newer
        });
    }

    /// Builds the next generation from the log, compares it with the one that answers, and lets it take over. If that
    /// fails, or if its caller gives up, the old one goes on answering. One replica at a time.
    pub async fn rebuild(&self, progress: impl Fn(Position, Position) + Send) -> Result<Rebuilt, Error> {
        let Ok(_alone) = self.rebuilding.try_lock() else { return Err(Error::Rebuilding) };
        let Shell { clock, replica, .. } = &self.shell;
        let name = format!("rebuild.{}", self.projection.name());
        let lease = Lease::new(self.control.clone(), Arc::clone(clock), &name, replica);
        if !lease.acquire().await? {
            return Err(Error::Rebuilding);
        }
        let lost = async {
            loop {
                clock.sleep(RENEWAL).await;
                if matches!(lease.acquire().await, Ok(false)) {
                    return;
                }
            }
        };
        let rebuilt = tokio::select! {
            rebuilt = self.build(progress) => rebuilt,
            () = lost => Err(Error::Rebuilding),
        };
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
        rebuilt
    }

    async fn build(&self, progress: impl Fn(Position, Position) + Send) -> Result<Rebuilt, Error> {
        let (log, name) = (self.shell.log.as_ref(), self.projection.name());
        self.take_up_newer(self.generation()).await?;
        let old = self.current.borrow().clone();
        let next = self.numbered.fetch_add(1, Ordering::Relaxed) + 1;
        for unfinished in old.number + 1..=next {
            self.shell.stores.remove(&store_name(name, unfinished), &self.control).await?;
        }
        let fresh = open_generation(&self.shell, &self.projection, next).await?;
        let mut interruptions = 0;
        while let Err(error) = self.fill(&fresh, &old.model, &progress).await {
            interruptions += 1;
            if interruptions > INTERRUPTIONS_MAX {
                return Err(error);
            }
            tracing::warn!(projection = name, %error, "the rebuild is interrupted; it goes on");
            backoff::wait(interruptions, Duration::from_millis(50), Duration::from_secs(5)).await;
        }
        // The old one may go on meanwhile, here and elsewhere: what is compared is one moment of it.
        let (position, before) = old.model.snapshot().await?;
        fresh.catch_up(log, position).await?;
        let after = fresh.digest().await?;
        progress(position, position);
        note(&self.control, name, next).await?;
        self.take_over(next, fresh);
        self.retire(old).await;
        remove_older(&self.shell.stores, &self.control, name).await?;
        Ok(Rebuilt { position, before, after })
    }

    /// Brings `fresh` to where `old` is, but for what comes while it gets there.
    async fn fill(
        &self,
        fresh: &ReadModel<P>,
        old: &ReadModel<P>,
        progress: &(impl Fn(Position, Position) + Send),
    ) -> Result<(), Error> {
        loop {
            let target = old.refresh().await?;
            let mut filling = std::pin::pin!(fresh.catch_up(self.shell.log.as_ref(), target));
            loop {
                tokio::select! {
                    filled = &mut filling => break filled?,
                    () = tokio::time::sleep(PROGRESS) => progress(fresh.position(), target),
                }
            }
            if old.refresh().await?.0 <= target.0.saturating_add(BATCH_MAX as u64) {
                return Ok(());
            }
        }
    }

    /// Removes what nobody reads any more. Whatever is left over goes another time.
    async fn retire(&self, old: Generation<P>) {
        let Generation { number, model } = old;
        let gone = model.gone();
        drop(model);
        let unused = match self.shell.stores {
            Stores::Folder(_) => {
                tokio::time::timeout(RETIREMENT, gone.cancelled()).await.is_ok().then_some(number)
            }
            // Other replicas may still read the old one; it goes with the next rebuild.
            Stores::Postgres(_) => number.checked_sub(1),
        };
        let Some(number) = unused else { return };
        let name = store_name(self.projection.name(), number);
        if let Err(error) = self.shell.stores.remove(&name, &self.control).await {
            tracing::warn!(%error, name, "a read model that was replaced is left over");
        }
    }
}

fn store_name(projection: &str, generation: u64) -> String {
    format!("{projection}_g{generation}")
}

async fn open_generation<P: Projection>(
    shell: &Shell,
    projection: &Arc<P>,
    number: u64,
) -> Result<Arc<ReadModel<P>>, store::Error> {
    let store = shell.stores.open(&store_name(projection.name(), number), projection.schema()).await?;
    Ok(Arc::new(ReadModel::open(store, Arc::new(projection.anew())).await?.behind(&shell.rush)))
}

/// Removes the stores of earlier versions of a read model: `cases_v2` has taken the place of `cases_v1`. Where replicas of
/// the earlier version may still answer, that is after a rebuild, which an operator asks for.
async fn remove_older(stores: &Stores, control: &Store, name: &str) -> Result<(), store::Error> {
    let Some((base, version)) = name.rsplit_once("_v") else { return Ok(()) };
    for older in 1..version.parse::<u32>().unwrap_or(1) {
        let older = format!("{base}_v{older}");
        let number = stored_generation(control, &older).await?.unwrap_or(FIRST);
        // First the note: what is half removed is not complete.
        control.execute("delete from generation where model = $1", &[older.as_str().into()]).await?;
        for generation in number.saturating_sub(1)..=number + 1 {
            stores.remove(&store_name(&older, generation), control).await?;
        }
    }
    Ok(())
}

/// The newest complete generation; none, if the first is not complete yet.
async fn stored_generation(control: &Store, name: &str) -> Result<Option<u64>, store::Error> {
    let rows = control.query("select number from generation where model = $1", &[name.into()]).await?;
    Ok(rows.first().map(|row| row.count(0)))
}

/// Notes a complete generation.
async fn note(control: &Store, name: &str, number: u64) -> Result<(), store::Error> {
    let sql = "insert into generation (model, number) values ($1, $2) \
               on conflict (model) do update set number = excluded.number \
               where generation.number < excluded.number";
    control.execute(sql, &[name.into(), number.into()]).await?;
    Ok(())
}
