use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::PgPool;
use uuid::Uuid;

use super::{BlobRef, BlobStore, Listed, Owner};
use crate::{Error, keys::now_us, postgres};

/// Blobs in a PostgreSQL schema of their own, `dossier_blobs`.
pub struct PostgresBlobs {
    pool: PgPool,
}

impl PostgresBlobs {
    /// Connects to the database at `url` and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let pool = postgres::connect(url, "blob store").await?;
        let mut migrations = sqlx::migrate!("migrations/blobs_postgres");
        migrations.create_schema("dossier_blobs");
        migrations.dangerous_set_table_name("dossier_blobs.migrations");
        migrations.run(&pool).await.map_err(|reason| {
            Error::Unusable(format!("the schema dossier_blobs cannot be brought up to date: {reason}"))
        })?;
        Ok(Self { pool })
    }
}

#[async_trait]
impl BlobStore for PostgresBlobs {
    async fn put(&self, reference: &BlobRef, sealed: Bytes) -> Result<(), Error> {
        sqlx::query(
            "insert into dossier_blobs.blobs (owner, key_id, address, sealed, stored_at)
             values ($1, $2, $3, $4, $5) on conflict do nothing",
        )
        .bind(&reference.owner.0)
        .bind(reference.key_id)
        .bind(&reference.address)
        .bind(&sealed[..])
        .bind(now_us())
        .execute(&self.pool)
        .await
        .map_err(Error::blobs_away)?;
        Ok(())
    }

    async fn get(&self, reference: &BlobRef) -> Result<Option<Bytes>, Error> {
        let sealed: Option<Vec<u8>> = sqlx::query_scalar(
            "select sealed from dossier_blobs.blobs where owner = $1 and key_id = $2 and address = $3",
        )
        .bind(&reference.owner.0)
        .bind(reference.key_id)
        .bind(&reference.address)
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::blobs_away)?;
        Ok(sealed.map(Bytes::from))
    }

    async fn delete(&self, reference: &BlobRef) -> Result<(), Error> {
        sqlx::query("delete from dossier_blobs.blobs where owner = $1 and key_id = $2 and address = $3")
            .bind(&reference.owner.0)
            .bind(reference.key_id)
            .bind(&reference.address)
            .execute(&self.pool)
            .await
            .map_err(Error::blobs_away)?;
        Ok(())
    }

    async fn delete_of(&self, owners: &[Owner]) -> Result<(), Error> {
        let owners: Vec<&str> = owners.iter().map(|owner| &owner.0[..]).collect();
        sqlx::query("delete from dossier_blobs.blobs where owner = any($1)")
            .bind(owners)
            .execute(&self.pool)
            .await
            .map_err(Error::blobs_away)?;
        Ok(())
    }

    async fn list(&self, after: Option<&BlobRef>, limit: usize) -> Result<Vec<Listed>, Error> {
        // Byte order, as the references have it, whatever the database's collation.
        let rows: Vec<(String, Uuid, String, i64)> = sqlx::query_as(
            r#"select owner, key_id, address, stored_at from dossier_blobs.blobs
               where $1 is null or (owner collate "C", key_id, address collate "C") > ($1, $2, $3)
               order by owner collate "C", key_id, address collate "C" limit $4"#,
        )
        .bind(after.map(|after| &after.owner.0))
        .bind(after.map(|after| after.key_id))
        .bind(after.map(|after| &after.address))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(Error::blobs_away)?;
        let listed = rows.into_iter().map(|(owner, key_id, address, stored_us)| Listed {
            reference: BlobRef { owner: Owner(owner), key_id, address },
            stored_at: SystemTime::UNIX_EPOCH + Duration::from_micros(stored_us.unsigned_abs()),
        });
        Ok(listed.collect())
    }
}
