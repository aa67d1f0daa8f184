use std::sync::Arc;

use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool, sqlite::SqliteRow};
use tokio::{sync::watch, task::JoinSet};

use super::{error, recent::Recent};
use crate::{Category, Entry, Error, Position, StreamId};

/// Entries read at once.
const PAGE_MAX: usize = 1000;
/// Bytes of bodies after which a page ends early, so that a follower holds little of a log of long entries.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// What reads, in pages, each from a connection of the pool.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pool: SqlitePool,
    recent: watch::Receiver<Recent>,
}

impl Reader {
    pub(super) fn new(pool: SqlitePool, recent: watch::Receiver<Recent>) -> Self {
        Self { pool, recent }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// The position of the last entry, as long as there is a writer.
    pub(super) async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        self.recent.has_changed().map_err(|_| closed())?;
        let last = self.recent.borrow().last();
        if categories.is_empty() {
            return Ok(Position(last));
        }
        let names: Vec<_> = categories.iter().map(Category::as_str).collect();
        // One step on the index for each category. The file is a moment ahead of what is answered: nothing names that yet.
        let last: i64 = sqlx::query_scalar(
            "select coalesce(max((select max(position) from entry where category = value and position <= $2)), 0) \
             from json_each($1)",
        )
        .bind(serde_json::Value::from(names).to_string())
        .bind(last.cast_signed())
        .fetch_one(&self.pool)
        .await
        .map_err(|e| error(&e))?;
        Ok(Position(last.cast_unsigned()))
    }

    pub(super) fn read(
        &self,
        stream: &StreamId,
        after: Position,
    ) -> BoxStream<'static, Result<Entry, Error>> {
        let (pool, name) = (self.pool.clone(), stream.clone());
        let until = self.recent.borrow().last();
        stream::try_unfold(Some(after.0), move |after| {
            let (pool, name) = (pool.clone(), name.clone());
            async move {
                let Some(after) = after else { return Ok(None) };
                let page = of_stream(&pool, &name, after, until).await?;
                let next = page.next();
                Ok(Some((stream::iter(page.entries).map(Ok), next)))
            }
        })
        .try_flatten()
        .boxed()
    }

    pub(super) fn follow(
        &self,
        after: Position,
        categories: &[Category],
    ) -> BoxStream<'static, Result<Entry, Error>> {
        let place = Place {
            pool: self.pool.clone(),
            recent: self.recent.clone(),
            categories: categories.into(),
            scanned: after.0,
            ahead: JoinSet::new(),
        };
        stream::try_unfold(place, |mut place| async move {
            let entries = place.next_entries().await?;
            Ok(Some((stream::iter(entries).map(Ok), place)))
        })
        .try_flatten()
        .boxed()
    }
}

/// Where a follower is.
struct Place {
    pool: SqlitePool,
    recent: watch::Receiver<Recent>,
    categories: Arc<[Category]>,
    /// Up to here nothing is left for it.
    scanned: u64,
    /// The page after `scanned`, if it is being read already: who is far behind works on one page while the next is
    /// read. Dropped with the follower.
    ahead: JoinSet<Result<(Page, u64), Error>>,
}

impl Place {
    /// What comes next, once there is something.
    async fn next_entries(&mut self) -> Result<Vec<Entry>, Error> {
        loop {
            let entries = match self.ahead.join_next().await {
                Some(page) => self.turn(page.map_err(|_| closed())??),
                None => self.entries_after_scanned().await?,
            };
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
    }

    /// From memory, if it goes back so far; else the next page.
    async fn entries_after_scanned(&mut self) -> Result<Vec<Entry>, Error> {
        let scanned = self.scanned;
        let (tail, recent) = {
            let recent = self.recent.wait_for(|recent| recent.last() > scanned);
            let recent = recent.await.map_err(|_| closed())?;
            (recent.last(), recent.after(scanned, &self.categories))
        };
        if let Some(entries) = recent {
            self.scanned = tail;
            return Ok(entries);
        }
        let page = of_log(&self.pool, &self.categories, scanned, tail).await?;
        Ok(self.turn((page, tail)))
    }

    /// What stands on a page of a log that ended at `tail`. The one after it is begun, if there may be one.
    fn turn(&mut self, (page, tail): (Page, u64)) -> Vec<Entry> {
        let next = page.next();
        self.scanned = next.unwrap_or(tail);
        if let Some(after) = next {
            let (pool, categories) = (self.pool.clone(), Arc::clone(&self.categories));
            self.ahead.spawn(async move { Ok((of_log(&pool, &categories, after, tail).await?, tail)) });
        }
        page.entries
    }
}

fn closed() -> Error {
    Error::Unavailable("the log is closed".into())
}

struct Page {
    entries: Vec<Entry>,
    /// There may be more where it came from.
    full: bool,
}

impl Page {
    /// After which position the next page begins, if there may be one.
    fn next(&self) -> Option<u64> {
        self.entries.last().filter(|_| self.full).map(|last| last.position.0)
    }
}

async fn of_stream(pool: &SqlitePool, stream: &StreamId, after: u64, until: u64) -> Result<Page, Error> {
    let rows = sqlx::query(
        "select position, id, stream, traceparent, body from entry
         where stream = $1 and position > $2 and position <= $3 order by position limit $4",
    )
    .bind(stream.as_str())
    .bind(after.cast_signed())
    .bind(until.cast_signed())
    .bind(PAGE_MAX.cast_signed() as i64)
    .fetch(pool);
    page(rows).await
}

async fn of_log(pool: &SqlitePool, categories: &[Category], after: u64, until: u64) -> Result<Page, Error> {
    if categories.is_empty() {
        let rows = sqlx::query(
            "select position, id, stream, traceparent, body from entry
             where position > $1 and position <= $2 order by position limit $3",
        )
        .bind(after.cast_signed())
        .bind(until.cast_signed())
        .bind(PAGE_MAX.cast_signed() as i64)
        .fetch(pool);
        return page(rows).await;
    }
    let mut query = of_categories(categories, after, until);
    page(query.build().fetch(pool)).await
}

/// One walk along the index for each category, each no longer than a page; then the entries themselves. A plain
/// `category in (…)` would sort the whole rest of the log for every page.
fn of_categories(categories: &[Category], after: u64, until: u64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "select position, id, stream, traceparent, body from entry where position in (select position from (",
    );
    for (n, category) in categories.iter().enumerate() {
        query
            .push(if n == 0 { "" } else { " union all " })
            .push("select * from (select position from entry where category = ")
            .push_bind(category.as_str().to_owned())
            .push(" and position > ")
            .push_bind(after.cast_signed())
            .push(" and position <= ")
            .push_bind(until.cast_signed())
            .push(" order by position limit ")
            .push(PAGE_MAX)
            .push(")");
    }
    query.push(") order by position limit ").push(PAGE_MAX).push(") order by position");
    query
}

async fn page(mut rows: BoxStream<'_, Result<SqliteRow, sqlx::Error>>) -> Result<Page, Error> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await.map_err(|e| error(&e))? {
        let entry = entry(&row)?;
        bytes += entry.body.len();
        entries.push(entry);
        if entries.len() >= PAGE_MAX || bytes >= PAGE_BYTES_MAX {
            return Ok(Page { entries, full: true });
        }
    }
    Ok(Page { entries, full: false })
}

fn entry(row: &SqliteRow) -> Result<Entry, Error> {
    let read = || -> Result<Entry, sqlx::Error> {
        let name: &str = row.try_get(2)?;
        let body: &[u8] = row.try_get(4)?;
        Ok(Entry {
            position: Position(row.try_get::<i64, _>(0)?.cast_unsigned()),
            id: row.try_get(1)?,
            stream: name.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
            traceparent: row.try_get(3)?,
            body: Bytes::copy_from_slice(body),
        })
    };
    read().map_err(|e| Error::Unusable(format!("an entry of the log cannot be read: {e}")))
}
