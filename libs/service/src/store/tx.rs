//! A transaction: what is written in it is there as a whole, or not at all.

use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;

use super::{Error, Row, Sql, Value, value};

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
    pub(super) async fn execute_built(
        &mut self,
        sqlite: &str,
        postgres: &str,
        binds: &[Value],
    ) -> Result<u64, Error> {
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

    /// Gives the rows of a query one by one, however many there are.
    pub(crate) async fn for_each(
        &mut self,
        sql: impl Into<Sql>,
        binds: &[Value],
        mut each: impl FnMut(Row),
    ) -> Result<(), Error> {
        let sql = sql.into();
        match self {
            Self::Sqlite(tx) => {
                let mut rows = value::sqlite(sqlx::query(sql.sqlite), binds).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    each(Row::from_sqlite(&row)?);
                }
            }
            Self::Postgres(tx) => {
                let mut rows = value::postgres(sqlx::query(sql.postgres), binds).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    each(Row::from_postgres(&row)?);
                }
            }
        }
        Ok(())
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
