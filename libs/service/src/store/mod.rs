//! The store: SQLite embedded, PostgreSQL in production, one way to speak to both.
//!
//! A [`Store`] is one SQLite file or one PostgreSQL schema. A service has one *control* store (leases, positions of
//! reactions) and one store per generation of a read model, so that a rebuild fills a fresh one beside the old.
//! Statements are written once; where the two dialects differ, [`Sql`] holds both texts.

mod error;
mod tx;
mod upsert;
mod value;

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, PgPool, SqlitePool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::backoff;
pub use error::Error;
pub use tx::Tx;
pub use upsert::{Type, Upsert};
pub use value::{Row, Value};

/// Connections that one store keeps for reading.
pub const READERS_MAX: u32 = 8;
/// How long a statement waits for a lock, and the only writer of a file for its turn.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a file is opened that somebody else makes at the same time.
const OPEN_ATTEMPTS_MAX: u32 = 10;
/// How long a query waits for one of the connections, or for the server to come back.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Settings of every connection to PostgreSQL. A replica that is cut off in a transaction must not hold its locks for
/// ever; who waits for them meanwhile is told so.
const POSTGRES_SETTINGS: [(&str, &str); 2] =
    [("lock_timeout", "30s"), ("idle_in_transaction_session_timeout", "30s")];

/// One statement in both dialects. Placeholders are `$1`, `$2` … in both.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

impl Sql {
    /// The same text for both.
    pub const fn same(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::same(text)
    }
}

/// The schema of a store, in both dialects.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Migrations for SQLite.
    pub sqlite: &'static Migrator,
    /// Migrations for PostgreSQL.
    pub postgres: &'static Migrator,
}

/// What a power cut may take of what a store has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The last commits of a file: they are made again from the log. Never what is before them.
    #[default]
    Rebuilt,
    /// Nothing: what is there is nowhere else. Each commit waits for the disk. A database does so in any case.
    Kept,
}

/// Pages of the write-ahead log after which it is folded into the file. What a busy log changes again and again is
/// written there once, and seldom gets in the way of the log's own syncs.
const CHECKPOINT_PAGES: &str = "8000";

/// One SQLite file or one PostgreSQL schema.
#[derive(Clone, Debug)]
pub enum Store {
    /// One connection writes, several read.
    Sqlite {
        /// The only writer.
        writer: SqlitePool,
        /// Readers; they see what is committed.
        readers: SqlitePool,
    },
    /// Every connection has the schema as its search path.
    Postgres(PgPool),
}

impl Store {
    /// Opens or creates a file and brings it to `schema`.
    pub async fn open_sqlite(path: &Path, schema: Schema, durability: Durability) -> Result<Self, Error> {
        let synchronous = match durability {
            Durability::Rebuilt => SqliteSynchronous::Normal,
            Durability::Kept => SqliteSynchronous::Full,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-32000")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let writer = open_writer(&options).await?;
        // Two openers of one file: the second waits here, and finds nothing left to do.
        let mut tx = writer.begin_with("begin immediate").await?;
        schema.sqlite.run_direct(None, &mut *tx, false).await?;
        tx.commit().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(CONNECTION_TIMEOUT)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Connects to a database and brings the schema called `name` to `schema`, creating it if it is not there.
    pub async fn open_postgres(url: &str, name: &str, schema: Schema) -> Result<Self, Error> {
        plain(name)?;
        let options =
            PgConnectOptions::from_str(url)?.options([("search_path", name)]).options(POSTGRES_SETTINGS);
        let pool = PgPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(CONNECTION_TIMEOUT)
            .connect_with(options)
            .await?;
        let store = Self::Postgres(pool.clone());
        let mut tx = store.begin_alone(name).await?;
        tx.execute_built("", &format!("create schema if not exists {name}"), &[]).await?;
        tx.commit().await?;
        schema.postgres.run(&pool).await?;
        Ok(store)
    }

    /// Begins a transaction that writes, and that nobody else who gives the same `name` has begun: "if not exists"
    /// races in PostgreSQL, a lock does not.
    pub(crate) async fn begin_alone(&self, name: &str) -> Result<Tx, Error> {
        let mut tx = self.begin().await?;
        if let Tx::Postgres(tx) = &mut tx {
            sqlx::query("select pg_advisory_xact_lock(hashtext($1))").bind(name).execute(&mut **tx).await?;
        }
        Ok(tx)
    }

    /// Begins a transaction that only reads, and sees one moment of the store however long it takes.
    pub(crate) async fn begin_snapshot(&self) -> Result<Tx, Error> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("begin isolation level repeatable read read only").await?)
            }
        })
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The rows of a query.
    pub async fn query(&self, sql: impl Into<Sql>, binds: &[Value]) -> Result<Vec<Row>, Error> {
        let sql = sql.into();
        let text = match self {
            Self::Sqlite { .. } => sql.sqlite,
            Self::Postgres(_) => sql.postgres,
        };
        self.query_built(text.to_owned(), binds).await
    }

    /// The rows of a query put together at run time. No value may stand in `text`: only placeholders.
    pub async fn query_built(&self, text: String, binds: &[Value]) -> Result<Vec<Row>, Error> {
        let sql = AssertSqlSafe(text);
        Ok(match self {
            Self::Sqlite { readers, .. } => value::sqlite(sqlx::query(sql), binds)
                .fetch_all(readers)
                .await?
                .iter()
                .map(Row::from_sqlite)
                .collect::<Result<_, _>>()?,
            Self::Postgres(pool) => value::postgres(sqlx::query(sql), binds)
                .fetch_all(pool)
                .await?
                .iter()
                .map(Row::from_postgres)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Runs one statement in a transaction of its own; answers the rows that it touched.
    pub async fn execute(&self, sql: impl Into<Sql>, binds: &[Value]) -> Result<u64, Error> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(sql, binds).await?;
        tx.commit().await?;
        Ok(touched)
    }

    /// Drops another schema of the same database. SQLite stores are files: there is nothing to drop.
    pub(crate) async fn drop_schema(&self, name: &str) -> Result<(), Error> {
        plain(name)?;
        if let Self::Postgres(pool) = self {
            sqlx::raw_sql(AssertSqlSafe(format!("drop schema if exists {name} cascade")))
                .execute(pool)
                .await?;
        }
        Ok(())
    }

    /// Whether this is the embedded store.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Of two that make a file at once one finds it locked, and SQLite lets nobody wait for that.
async fn open_writer(options: &SqliteConnectOptions) -> Result<SqlitePool, Error> {
    let mut attempts = 0;
    loop {
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(BUSY_TIMEOUT);
        match pool.connect_with(options.clone()).await.map_err(Error::from) {
            Err(Error::Unavailable(_)) if attempts < OPEN_ATTEMPTS_MAX => attempts += 1,
            end => return end,
        }
        backoff::wait(attempts, Duration::from_millis(5), Duration::from_millis(200)).await;
    }
}

/// Schema names stand in statements, where nothing can be bound; and what one backend cannot carry none is given.
pub(crate) fn plain(name: &str) -> Result<(), Error> {
    let ok =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if ok { Ok(()) } else { Err(Error::Broken("the name of a store is made of a-z, 0-9 and _".into())) }
}
