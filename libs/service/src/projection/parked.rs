//! Streams that wait for a version that can read them.

use std::collections::HashSet;

use eventlog::{Entry, EventLog, Position, StreamId};
use futures_util::TryStreamExt;

use super::{BATCH_MAX, Error, Projection, ReadModel};
use crate::store::{self, Sql, Tx};

pub(super) const CREATE: Sql = Sql {
    sqlite: "create table if not exists parked \
             (position integer primary key, stream text not null, reason text) strict",
    postgres: "create table if not exists parked \
               (position bigint primary key, stream text not null, reason text)",
};

/// The streams that are parked.
pub(super) async fn streams(tx: &mut Tx) -> Result<HashSet<String>, store::Error> {
    let rows = tx.query("select distinct stream from parked", &[]).await?;
    Ok(rows.iter().map(|row| row.string(0)).collect())
}

/// Lets an entry wait; the first of its stream with a reason.
pub(super) async fn put(tx: &mut Tx, entry: &Entry, reason: Option<String>) -> Result<(), store::Error> {
    let binds = [entry.position.0.into(), entry.stream.as_str().into(), reason.into()];
    tx.execute("insert into parked (position, stream, reason) values ($1, $2, $3)", &binds).await?;
    Ok(())
}

impl<P: Projection> ReadModel<P> {
    /// Streams that wait for a version that can read them, with the first position and its reason.
    pub async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error> {
        let sql =
            "select stream, min(position), max(coalesce(reason, '')) from parked group by stream order by 2";
        let rows = self.store.query(sql, &[]).await?;
        Ok(rows.iter().map(|row| (row.string(0), row.count(1), row.string(2))).collect())
    }

    /// Applies what waits and can be read by now, each stream in its order and as far as it can be read.
    pub(super) async fn unpark(&self, log: &dyn EventLog) -> Result<(), Error> {
        for (stream, first, _) in self.parked().await? {
            let Ok(stream) = stream.parse::<StreamId>() else { continue };
            let waiting = log.read_after(&stream, Position(first.saturating_sub(1)));
            let mut chunks = std::pin::pin!(waiting.try_chunks(BATCH_MAX));
            while let Some(chunk) = chunks.try_next().await.map_err(|error| error.1)? {
                let unreadable = chunk.first().is_none_or(|entry| self.projection.read(entry).is_err());
                if unreadable || !self.apply_parked(&stream, &chunk).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Applies those of these entries that wait, up to the first that cannot be read; answers whether there was none.
    async fn apply_parked(&self, stream: &StreamId, chunk: &[Entry]) -> Result<bool, Error> {
        let mut tx = self.store.begin().await?;
        // Whoever applies or parks entries changes this row first: now nobody does.
        let name = self.projection.name().into();
        tx.execute("update projection set position = position where name = $1", &[name]).await?;
        let rows =
            tx.query("select position from parked where stream = $1", &[stream.as_str().into()]).await?;
        let waiting: HashSet<u64> = rows.iter().map(|row| row.count(0)).collect();
        let mut items = Vec::new();
        let mut unreadable = None;
        for entry in chunk.iter().filter(|entry| waiting.contains(&entry.position.0)) {
            match self.projection.read(entry) {
                Ok(item) => items.push((entry.position, item)),
                Err(error) => {
                    unreadable = Some(error);
                    break;
                }
            }
        }
        let Some(last) = items.last().map(|(position, _)| position.0) else {
            return Ok(unreadable.is_none());
        };
        let count = items.len();
        let binds = [stream.as_str().into(), last.into()];
        tx.execute("delete from parked where stream = $1 and position <= $2", &binds).await?;
        if let Some(error) = &unreadable {
            let binds = [error.position.into(), error.reason.as_str().into()];
            tx.execute("update parked set reason = $2 where position = $1", &binds).await?;
        }
        self.projection.apply(&mut tx, items).await?;
        tx.commit().await?;
        tracing::info!(projection = self.projection.name(), %stream, count, "parked entries were applied");
        Ok(unreadable.is_none())
    }
}
