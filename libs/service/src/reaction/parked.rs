//! Entries that were set aside.

use std::collections::BTreeMap;

use eventlog::{Entry, Position, StreamId};
use futures_util::TryStreamExt;

use super::{Error, Reaction, Runner, later};
use crate::store;

/// Entries that are tried again at once; the others at the next start.
const AGAIN_MAX: i64 = 1_000;

impl<R: Reaction> Runner<R> {
    /// Entries that were set aside: stream, position and reason, the oldest first.
    pub async fn parked(&self) -> Result<Vec<(String, u64, String)>, store::Error> {
        let sql =
            "select stream, position, reason from parked_reaction where name = $1 order by position limit $2";
        let rows = self.control.query(sql, &[self.reaction.name().into(), AGAIN_MAX.into()]).await?;
        Ok(rows.iter().map(|row| (row.string(0), row.count(1), row.string(2))).collect())
    }

    pub(super) async fn parked_entries(&self) -> Result<Vec<Entry>, Error> {
        let mut streams: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (stream, position, _) in self.parked().await.map_err(later)? {
            streams.entry(stream).or_default().push(position);
        }
        let mut entries = Vec::new();
        for (stream, positions) in streams {
            let Ok(stream) = stream.parse::<StreamId>() else { continue };
            let wanted = |entry: &Entry| std::future::ready(positions.contains(&entry.position.0));
            let found: Vec<Entry> =
                self.log.read(&stream).try_filter(wanted).try_collect().await.map_err(later)?;
            entries.extend(found);
        }
        entries.sort_by_key(|entry: &Entry| entry.position);
        Ok(entries)
    }

    pub(super) async fn park(&self, entry: &Entry, reason: &str) -> Result<(), store::Error> {
        let (name, Position(position)) = (self.reaction.name(), entry.position);
        tracing::error!(reaction = name, position, stream = %entry.stream, reason, "an entry was set aside");
        let binds = [name.into(), position.into(), entry.stream.as_str().into(), reason.into()];
        let sql = "insert into parked_reaction (name, position, stream, reason) values ($1, $2, $3, $4) \
                   on conflict do nothing";
        self.control.execute(sql, &binds).await.map(drop)
    }

    pub(super) async fn unpark(&self, entry: &Entry) -> Result<(), store::Error> {
        let binds = [self.reaction.name().into(), entry.position.0.into()];
        let sql = "delete from parked_reaction where name = $1 and position = $2";
        self.control.execute(sql, &binds).await.map(drop)
    }
}
