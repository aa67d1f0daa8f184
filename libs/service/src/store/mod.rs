//! The store: SQLite embedded, PostgreSQL in production, one way to speak to both.
//!
//! A [`Store`] is one SQLite file or one PostgreSQL schema. A service has one *control* store (leases, positions of
//! reactions) and one store per generation of a read model, so that a rebuild fills a fresh one beside the old.
//! Statements are written once; where the two dialects differ, [`Sql`] holds both texts.

mod upsert;
mod value;

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use upsert::{Type, Upsert};
pub use value::{Row, Value};

/// Connections that one store keeps for reading.
pub const READERS_MAX: u32 = 8;
/// How long a statement waits for a connection or a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not reachable, busy or full; worth a retry.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Our statement or the stored data is wrong.
    #[error("the store refused: {0}")]
    Broken(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            // 57P0x: shutdown; 08xxx: connection; 40xxx: serialization; 53xxx: resources. 5, 6: SQLite busy, locked.
            sqlx::Error::Database(db) => match db.code().as_deref() {
                Some(code) if ["57P", "08", "40", "53"].iter().any(|class| code.starts_with(class)) => {
                    Self::Unavailable(error.to_string())
                }
                Some("5" | "6") => Self::Unavailable(error.to_string()),
                _ => Self::Broken(error.to_string()),
            },
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        Self::Broken(error.to_string())
    }
}

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
    pub async fn open_sqlite(path: &Path, schema: Schema) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-32000");
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        schema.sqlite.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Connects to a database and brings the schema called `name` to `schema`, creating it if it is not there.
    pub async fn open_postgres(url: &str, name: &str, schema: Schema) -> Result<Self, Error> {
        plain(name)?;
        let options = PgConnectOptions::from_str(url)?.options([("search_path", name)]);
        let pool = PgPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        let create = format!("create schema if not exists {name}");
        // Two replicas may start at once: "if not exists" races in PostgreSQL, the advisory lock does not.
        let mut tx = pool.begin().await?;
        sqlx::query("select pg_advisory_xact_lock(hashtext($1))").bind(name).execute(&mut *tx).await?;
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut *tx).await?;
        tx.commit().await?;
        schema.postgres.run(&pool).await?;
        Ok(Self::Postgres(pool))
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

/// Schema names stand in statements, where nothing can be bound.
fn plain(name: &str) -> Result<(), Error> {
    let ok =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if ok { Ok(()) } else { Err(Error::Broken("a schema name is made of a-z, 0-9 and _".into())) }
}

/// A transaction. Dropped without [`Tx::commit`] it leaves no trace.
#[derive(Debug)]
pub enum Tx {
    /// On the only writer.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// On one connection.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Tx {
    /// Runs one statement; answers the rows that it touched.
    pub async fn execute(&mut self, sql: impl Into<Sql>, binds: &[Value]) -> Result<u64, Error> {
        let Sql { sqlite, postgres } = sql.into();
        Ok(match self {
            Self::Sqlite(tx) => {
                value::sqlite(sqlx::query(sqlite), binds).execute(&mut **tx).await?.rows_affected()
            }
            Self::Postgres(tx) => {
                value::postgres(sqlx::query(postgres), binds).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Like [`Tx::execute`] for texts put together at start. No value may stand in them: only placeholders.
    async fn execute_built(&mut self, sqlite: &str, postgres: &str, binds: &[Value]) -> Result<u64, Error> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let query = sqlx::query(AssertSqlSafe(sqlite.to_owned()));
                value::sqlite(query, binds).execute(&mut **tx).await?.rows_affected()
            }
            Self::Postgres(tx) => {
                let query = sqlx::query(AssertSqlSafe(postgres.to_owned()));
                value::postgres(query, binds).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// The rows of a query, with what this transaction wrote.
    pub async fn query(&mut self, sql: impl Into<Sql>, binds: &[Value]) -> Result<Vec<Row>, Error> {
        let sql = sql.into();
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = value::sqlite(sqlx::query(sql.sqlite), binds).fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_sqlite).collect::<Result<_, _>>()?
            }
            Self::Postgres(tx) => {
                let rows = value::postgres(sqlx::query(sql.postgres), binds).fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_postgres).collect::<Result<_, _>>()?
            }
        })
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
