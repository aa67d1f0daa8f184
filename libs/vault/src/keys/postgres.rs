use async_trait::async_trait;
use sqlx::PgPool;
use uuid::Uuid;

use super::{KeyStore, Record, StoredKey, Tombstone, now_us};
use crate::{Error, postgres};

/// Keys in a PostgreSQL schema of their own, `dossier_keys`, so that it can have its own rights and backups.
///
/// Every commit is synchronous, whatever the server's default. PostgreSQL leaves an erased row's old version in
/// its pages until they are vacuumed and reused, and in its write-ahead log until that is recycled; all that could
/// be found there is wrapped under the site key. Where a rule asks for more, `vacuum full dossier_keys.keys`
/// after an erasure rewrites the table, which is small.
pub struct PostgresKeys {
    pool: PgPool,
}

impl PostgresKeys {
    /// Connects to the database at `url` and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let pool = postgres::connect(url, "key store").await?;
        let mut migrations = sqlx::migrate!("migrations/keys_postgres");
        migrations.create_schema("dossier_keys");
        migrations.dangerous_set_table_name("dossier_keys.migrations");
        migrations.run(&pool).await.map_err(|reason| {
            Error::Unusable(format!("the schema dossier_keys cannot be brought up to date: {reason}"))
        })?;
        Ok(Self { pool })
    }

    async fn insert(&self, candidates: &[StoredKey]) -> Result<Vec<StoredKey>, sqlx::Error> {
        let ids: Vec<Uuid> = candidates.iter().map(|key| key.id).collect();
        let subjects: Vec<String> = candidates.iter().map(|key| key.subject.clone()).collect();
        let wrapped: Vec<&[u8]> = candidates.iter().map(|key| &key.wrapped[..]).collect();
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "insert into dossier_keys.keys (id, subject, wrapped)
             select * from unnest($1::uuid[], $2::text[], $3::bytea[])
             on conflict (subject) where destroyed_at is null do nothing",
        )
        .bind(ids)
        .bind(&subjects)
        .bind(wrapped)
        .execute(&mut *transaction)
        .await?;
        let keys = live(&mut *transaction, &subjects).await?;
        transaction.commit().await?;
        Ok(keys)
    }
}

#[async_trait]
impl KeyStore for PostgresKeys {
    async fn is_new(&self) -> Result<bool, Error> {
        sqlx::query_scalar("select not exists (select 1 from dossier_keys.site)")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::keys_away)
    }

    async fn check(&self, candidate: Vec<u8>) -> Result<Vec<u8>, Error> {
        sqlx::query("insert into dossier_keys.site (one, check_value) values (1, $1) on conflict do nothing")
            .bind(candidate)
            .execute(&self.pool)
            .await
            .map_err(Error::keys_away)?;
        sqlx::query_scalar("select check_value from dossier_keys.site")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::keys_away)
    }

    async fn live(&self, subjects: &[String]) -> Result<Vec<StoredKey>, Error> {
        live(&self.pool, subjects).await.map_err(Error::keys_away)
    }

    async fn create(&self, mut candidates: Vec<StoredKey>) -> Result<Vec<StoredKey>, Error> {
        // In one order, so that two callers with the same subjects wait for each other instead of locking up.
        candidates.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.insert(&candidates).await.map_err(Error::keys_away)
    }

    async fn get(&self, ids: &[Uuid]) -> Result<Vec<Record>, Error> {
        let rows: Vec<(Uuid, String, Option<Vec<u8>>, Option<i64>)> = sqlx::query_as(
            "select id, subject, wrapped, destroyed_at from dossier_keys.keys where id = any($1)",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await
        .map_err(Error::keys_away)?;
        let record = |(id, subject, wrapped, at)| Record::from_row(id, subject, wrapped, at);
        Ok(rows.into_iter().map(record).collect())
    }

    async fn destroy(&self, subjects: &[String]) -> Result<Vec<Tombstone>, Error> {
        sqlx::query(
            "update dossier_keys.keys set wrapped = null, destroyed_at = $1
             where destroyed_at is null and subject = any($2)",
        )
        .bind(now_us())
        .bind(subjects)
        .execute(&self.pool)
        .await
        .map_err(Error::keys_away)?;
        let rows: Vec<(Uuid, String, i64)> = sqlx::query_as(
            "select id, subject, destroyed_at from dossier_keys.keys
             where destroyed_at is not null and subject = any($1)",
        )
        .bind(subjects)
        .fetch_all(&self.pool)
        .await
        .map_err(Error::keys_away)?;
        Ok(rows.into_iter().map(|(id, subject, at)| Tombstone::from_row(id, subject, at)).collect())
    }
}

async fn live(
    database: impl sqlx::PgExecutor<'_>,
    subjects: &[String],
) -> Result<Vec<StoredKey>, sqlx::Error> {
    let rows: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
        "select id, subject, wrapped from dossier_keys.keys
         where destroyed_at is null and subject = any($1)",
    )
    .bind(subjects)
    .fetch_all(database)
    .await?;
    Ok(rows.into_iter().map(|(id, subject, wrapped)| StoredKey { id, subject, wrapped }).collect())
}
