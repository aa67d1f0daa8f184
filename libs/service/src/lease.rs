//! Who is active, where several replicas run: a lease that has to be renewed.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    store::{self, Store},
};

/// How long a lease lasts without a renewal.
pub const TTL: Duration = Duration::from_secs(10);
/// How often the holder renews it, and the others ask for it.
pub const RENEWAL: Duration = Duration::from_secs(3);

/// A claim to be the one that does something. Two may believe they hold it for a moment; what is done under a lease
/// is therefore harmless when it is done twice.
#[derive(Clone)]
pub struct Lease {
    store: Store,
    clock: Arc<dyn Clock>,
    name: String,
    holder: String,
}

impl Lease {
    /// A claim of `holder` (a name of this process) on `name`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, name: &str, holder: &str) -> Self {
        Self { store, clock, name: name.to_owned(), holder: holder.to_owned() }
    }

    /// The clock that it goes by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Takes or renews it; `false` while somebody else holds it.
    pub async fn acquire(&self) -> Result<bool, store::Error> {
        let now = self.clock.now().as_microsecond();
        let until = now.saturating_add(i64::try_from(TTL.as_micros()).unwrap_or(i64::MAX));
        let touched = self
            .store
            .execute(
                "insert into lease (name, holder, until) values ($1, $2, $3) \
                 on conflict (name) do update set holder = excluded.holder, until = excluded.until \
                 where lease.holder = excluded.holder or lease.until < $4",
                &[self.name.as_str().into(), self.holder.as_str().into(), until.into(), now.into()],
            )
            .await?;
        Ok(touched > 0)
    }

    /// Gives it up, so that another need not wait for its end.
    pub async fn release(&self) -> Result<(), store::Error> {
        let binds = [self.name.as_str().into(), self.holder.as_str().into()];
        self.store.execute("delete from lease where name = $1 and holder = $2", &binds).await?;
        Ok(())
    }
}
