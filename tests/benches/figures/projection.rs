//! The read model of cases, against the same rows written without reading an entry.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use eventlog::{Entry, Position};
use futures_util::StreamExt;
use serde_json::value::RawValue;
use service::{
    projection::{BATCH_MAX, Projection, ReadModel},
    shell::{Shell, Stores},
    store::{Sql, Store, Type, Upsert},
};
use tempfile::TempDir;
use tests::{
    servers::{Postgres, PostgresOptions},
    world::World,
};

use crate::{
    measure::{Target, compare, rate},
    replay::ENTRIES_A_CASE,
    seed::Desk,
    settings::Settings,
};

/// What reading entries and folding states may cost, without full text.
const LEAST: f64 = 0.4;

/// The tables of the read model, and what their rows are known by.
const TABLES: [(&str, &[&str]); 5] = [
    ("message", &["id"]),
    ("identity", &["id"]),
    ("case_row", &["id"]),
    ("case_identity", &["case_id", "identity"]),
    ("said", &["case_id", "item"]),
];

/// Takes the words out of the search: they are written, and found by nobody.
const WITHOUT_FULL_TEXT: [Sql; 3] = [
    Sql { sqlite: "drop trigger said_inserted", postgres: "drop index said_terms" },
    Sql { sqlite: "drop trigger said_deleted", postgres: "select 1" },
    Sql { sqlite: "drop trigger said_updated", postgres: "select 1" },
];

/// What the projection is given at once, and the rows that it makes of that.
struct Batch {
    entries: Vec<Entry>,
    rows: Vec<Vec<Box<RawValue>>>,
}

/// On both stores, with every number of cases, with and without full text.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let postgres = Postgres::start_with(PostgresOptions { fsync: true });
    for &cases in &settings.cases {
        let world = World::start().await;
        let shell = world.platform.shell.clone();
        Desk::open(&world, cases).await?.work(shell.log.as_ref(), ENTRIES_A_CASE).await?;
        let folder = TempDir::new()?;
        let mut stores = Place { stores: Stores::Folder(folder.path().into()), count: 0 };
        let batches = batches(&shell, &mut stores).await?;
        let count: usize = batches.iter().map(|batch| batch.entries.len()).sum();
        let upserts = upserts(&shell, &mut stores).await?;
        for (store, stores) in [
            ("sqlite", &mut stores),
            ("postgres", &mut Place { stores: Stores::Postgres(postgres.url()), count: cases }),
        ] {
            for (text, full_text, target) in
                [("without", false, Target::AtLeast(LEAST)), ("with", true, Target::Stated)]
            {
                let what = format!("projection, {store}, {cases} cases, {count} entries, {text} full text");
                let stores = tokio::sync::Mutex::new(&mut *stores);
                let baseline = async || {
                    let model = stores.lock().await.open(cases::read_model(&shell), full_text).await?;
                    let started = Instant::now();
                    written(&model.store, &batches, &upserts).await?;
                    Ok(rate(count, started))
                };
                let ours = async || {
                    let model = stores.lock().await.open(cases::read_model(&shell), full_text).await?;
                    let started = Instant::now();
                    let mut from = Position::NONE;
                    for batch in &batches {
                        model.apply(from, &batch.entries).await?;
                        from = batch.last();
                    }
                    Ok(rate(count, started))
                };
                compare(&what, target, settings.rounds, baseline, ours).await?;
            }
        }
        world.end().await;
    }
    Ok(())
}

/// Where fresh stores are made.
struct Place {
    stores: Stores,
    count: usize,
}

impl Place {
    /// An empty read model with nothing in its caches but keys.
    async fn open<P: Projection>(&mut self, projection: P, full_text: bool) -> anyhow::Result<ReadModel<P>> {
        self.count += 1;
        let projection = Arc::new(projection);
        let store = self.stores.open(&format!("bench_{}", self.count), projection.schema()).await?;
        if !full_text {
            for sql in WITHOUT_FULL_TEXT {
                store.execute(sql, &[]).await?;
            }
        }
        Ok(ReadModel::open(store, projection).await?)
    }
}

impl Batch {
    fn last(&self) -> Position {
        self.entries.last().map_or(Position::NONE, |entry| entry.position)
    }
}

/// The same statements in the same transactions.
async fn written(store: &Store, batches: &[Batch], upserts: &[Upsert]) -> anyhow::Result<()> {
    for batch in batches {
        let mut tx = store.begin().await?;
        tx.execute("update projection set position = $1", &[batch.last().0.into()]).await?;
        for (upsert, rows) in upserts.iter().zip(&batch.rows) {
            upsert.write(&mut tx, rows).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

/// All entries in batches; each with the rows that the projection writes for it, as seen by letting it.
async fn batches(shell: &Shell, stores: &mut Place) -> anyhow::Result<Vec<Batch>> {
    let model = stores.open(cases::read_model(shell), true).await?;
    let mut rows_there: [i64; TABLES.len()] = [0; TABLES.len()];
    let columns = columns(&model.store).await?;
    let mut batches: Vec<Batch> = Vec::new();
    let mut from = Position::NONE;
    for entries in entries(shell, &model).await? {
        model.apply(from, &entries).await?;
        let mut batch = Batch { entries, rows: Vec::new() };
        for (((table, _), columns), there) in TABLES.iter().zip(&columns).zip(&mut rows_there) {
            let pairs: Vec<String> = columns
                .iter()
                .map(|(name, kind)| match kind {
                    Type::Json => format!("'{name}', json({name})"),
                    Type::Int | Type::Text => format!("'{name}', {name}"),
                })
                .collect();
            // A row of a case is written again with each batch that has an entry of it; the others once.
            let fresh = match *table {
                "case_row" => format!("version > {from}"),
                "case_identity" => format!("case_id in (select id from case_row where version > {from})"),
                _ => format!("rowid > {there}"),
            };
            let text = format!("select json_object({}) from {table} where {fresh}", pairs.join(", "));
            let rows = model.store.query_built(text, &[]).await?;
            let rows = rows.iter().map(|row| RawValue::from_string(row.string(0)));
            batch.rows.push(rows.collect::<Result<_, _>>()?);
            if !matches!(*table, "case_row" | "case_identity") {
                let last = model.store.query_built(format!("select max(rowid) from {table}"), &[]).await?;
                *there = last.first().and_then(|row| row.int(0)).unwrap_or(0);
            }
        }
        from = batch.last();
        batches.push(batch);
    }
    Ok(batches)
}

/// What the projection follows, up to where its world's own read model is.
async fn entries<P: Projection>(shell: &Shell, model: &ReadModel<P>) -> anyhow::Result<Vec<Vec<Entry>>> {
    let categories = model.projection.categories();
    let mut entries = shell.log.follow(Position::NONE, &categories).ready_chunks(BATCH_MAX);
    let mut all: Vec<Entry> = Vec::new();
    // The log is at rest: when nothing comes for a while, that was all.
    while let Ok(Some(chunk)) = tokio::time::timeout(QUIET, entries.next()).await {
        all.extend(chunk.into_iter().collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all.chunks(BATCH_MAX).map(<[Entry]>::to_vec).collect())
}

/// A log in which nothing came for so long is at rest.
const QUIET: std::time::Duration = std::time::Duration::from_secs(1);

async fn upserts(shell: &Shell, stores: &mut Place) -> anyhow::Result<Vec<Upsert>> {
    let model = stores.open(cases::read_model(shell), true).await?;
    let columns = columns(&model.store).await?;
    Ok(TABLES
        .iter()
        .zip(&columns)
        .map(|((table, key), columns)| {
            let columns: Vec<_> = columns.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
            Upsert::new(table, key, &columns)
        })
        .collect())
}

/// Name and type of every column that the projection writes.
async fn columns(store: &Store) -> anyhow::Result<Vec<Vec<(String, Type)>>> {
    let mut all = Vec::new();
    for (table, key) in TABLES {
        let text = format!("select name, type from pragma_table_info('{table}') order by cid");
        let rows = store.query_built(text, &[]).await?;
        let columns = rows.iter().map(|row| (row.string(0), row.string(1)));
        // The number of a row in the search is the store's own.
        let written = columns.filter(|(name, _)| !(table == "said" && name == "id"));
        let typed = written.map(|(name, kind)| {
            let kind = match kind.as_str() {
                "INTEGER" => Type::Int,
                _ if name == "tags" => Type::Json,
                _ => Type::Text,
            };
            (name, kind)
        });
        let columns: Vec<_> = typed.collect();
        let names: BTreeSet<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        anyhow::ensure!(key.iter().all(|name| names.contains(name)), "{table} has another key");
        all.push(columns);
    }
    Ok(all)
}
