//! A read model that can be built anew beside the one that answers.

use std::{sync::Arc, time::Duration};

use eventlog::Position;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    projection::{Error, Projection, ReadModel},
    shell::{Shell, Stores},
    store::{self, Store},
};

/// How often a replica asks whether another one has rebuilt the read model.
const GENERATION_CHECK: Duration = Duration::from_secs(3);
/// How often the progress of a rebuild is told.
const PROGRESS: Duration = Duration::from_millis(250);

/// The generation of a read model that answers, and the way to the next one.
pub struct Models<P> {
    shell: Shell,
    control: Store,
    projection: Arc<P>,
    current: watch::Sender<Generation<P>>,
}

struct Generation<P> {
    number: u64,
    model: Arc<ReadModel<P>>,
    stop: CancellationToken,
}

impl<P> Clone for Generation<P> {
    fn clone(&self) -> Self {
        Self { number: self.number, model: Arc::clone(&self.model), stop: self.stop.clone() }
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
    pub async fn open(shell: Shell, control: Store, projection: P) -> Result<Self, store::Error> {
        let projection = Arc::new(projection);
        let number = stored_generation(&control, projection.name()).await?;
        let model = open_generation(&shell, &projection, number).await?;
        let current = watch::Sender::new(Generation { number, model, stop: CancellationToken::new() });
        Ok(Self { shell, control, projection, current })
    }

    /// The read model that answers.
    pub fn current(&self) -> Arc<ReadModel<P>> {
        Arc::clone(&self.current.borrow().model)
    }

    /// The number of the generation that answers.
    pub fn generation(&self) -> u64 {
        self.current.borrow().number
    }

    /// Keeps the answering generation up to date until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut generations = self.current.subscribe();
        loop {
            let Generation { number, model, stop: replaced } = generations.borrow_and_update().clone();
            let follow = model.run(Arc::clone(&self.shell.log), replaced.clone());
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.overtaken(number) => {}
                () = follow => {
                    // It was asked to stand still: the next generation is being compared with it.
                    tokio::select! {
                        () = stop.cancelled() => return,
                        _ = generations.changed() => {}
                    }
                }
            }
        }
    }

    /// Returns when another replica has let a newer generation take over, and this one has taken it up.
    async fn overtaken(&self, number: u64) {
        loop {
            tokio::time::sleep(GENERATION_CHECK).await;
            match stored_generation(&self.control, self.projection.name()).await {
                Ok(stored) if stored > number => {
                    match open_generation(&self.shell, &self.projection, stored).await {
                        Ok(model) => {
                            self.current.send_replace(Generation {
                                number: stored,
                                model,
                                stop: CancellationToken::new(),
                            });
                            return;
                        }
                        Err(error) => tracing::warn!(%error, "the rebuilt read model cannot be opened yet"),
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "the generation of the read model is not known just now")
                }
            }
        }
    }

    /// Builds the next generation from the log, lets it take over, and compares the two.
    pub async fn rebuild(&self, progress: impl Fn(Position, Position) + Send) -> Result<Rebuilt, Error> {
        let old = self.current.borrow().clone();
        let next = old.number + 1;
        self.shell.stores.remove(&store_name(self.projection.name(), next), &self.control).await?;
        let fresh = open_generation(&self.shell, &self.projection, next).await?;
        let filled = CancellationToken::new();
        let filling = tokio::spawn(Arc::clone(&fresh).run(Arc::clone(&self.shell.log), filled.clone()));
        while !fresh.wait_for(old.model.position(), PROGRESS).await {
            progress(fresh.position(), old.model.position());
        }
        // Now both stand still, at the same position.
        filled.cancel();
        let _ = filling.await;
        old.stop.cancel();
        let compared = self.compare(&old.model, &fresh).await;
        let rebuilt = match compared {
            Ok(rebuilt) => rebuilt,
            Err(error) => {
                self.current.send_replace(Generation { stop: CancellationToken::new(), ..old });
                return Err(error);
            }
        };
        self.current.send_replace(Generation { number: next, model: fresh, stop: CancellationToken::new() });
        // Other replicas may still read the old one; it goes with the next rebuild.
        if matches!(self.shell.stores, Stores::Folder(_)) {
            old.model.store.close().await;
            self.shell.stores.remove(&store_name(self.projection.name(), old.number), &self.control).await?;
        } else if let Some(older) = old.number.checked_sub(1).filter(|&n| n > 0) {
            self.shell.stores.remove(&store_name(self.projection.name(), older), &self.control).await?;
        }
        Ok(rebuilt)
    }

    async fn compare(&self, old: &ReadModel<P>, fresh: &ReadModel<P>) -> Result<Rebuilt, Error> {
        let log = self.shell.log.as_ref();
        let position = old.refresh().await?.max(fresh.refresh().await?);
        old.catch_up(log, position).await?;
        fresh.catch_up(log, position).await?;
        let (before, after) = (old.digest().await?, fresh.digest().await?);
        let next = self.generation() + 1;
        let sql = "insert into generation (model, number) values ($1, $2) \
                   on conflict (model) do update set number = excluded.number";
        self.control.execute(sql, &[self.projection.name().into(), next.into()]).await?;
        Ok(Rebuilt { position, before, after })
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
    Ok(Arc::new(ReadModel::open(store, Arc::clone(projection)).await?))
}

async fn stored_generation(control: &Store, name: &str) -> Result<u64, store::Error> {
    let rows = control.query("select number from generation where model = $1", &[name.into()]).await?;
    Ok(rows.first().map_or(1, |row| row.count(0)))
}
