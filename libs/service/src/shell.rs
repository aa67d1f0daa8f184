//! What a service is given to work with. All of it can be replaced in a test.

use std::{path::PathBuf, sync::Arc};

use domain::ids::SiteId;
use eventlog::{EventLog, Position};
use vault::{Blobs, Vault};

use crate::{
    Error,
    auth::Authenticator,
    clock::Clock,
    rush::Rush,
    store::{self, Durability, Schema, Store},
    token::Token,
};

/// What is said of a position that stands beyond the end of the log.
pub(crate) const BEYOND: &str = "is beyond the end of the log; give a position that an answer gave";

/// The surroundings of every service of a site.
#[derive(Clone)]
pub struct Shell {
    /// The site's name.
    pub site: SiteId,
    /// What case numbers begin with.
    pub number_prefix: Arc<str>,
    /// Which life of the site's log this is.
    pub epoch: u32,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Seals and opens personal values.
    pub vault: Arc<Vault>,
    /// Keeps what is large.
    pub blobs: Arc<Blobs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where stores are.
    pub stores: Stores,
    /// Knows callers.
    pub auth: Arc<Authenticator>,
    /// A name of this process, for leases.
    pub replica: Arc<str>,
    /// Whether many wait to be taken in.
    pub rush: Rush,
}

impl Shell {
    /// The wire form of a position of this site's log.
    pub fn token(&self, position: Position) -> String {
        Token { site: self.site.clone(), epoch: self.epoch, position }.to_string()
    }

    /// The position in a field of a request; empty is none.
    pub fn position(&self, field: &str, token: &str) -> Result<Option<Position>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let parsed = token.parse::<Token>().and_then(|token| token.of(&self.site, self.epoch));
        parsed.map(Some).map_err(|invalid| invalid.field(field))
    }

    /// Refuses a position in a field of a request that stands beyond the end of the log: no answer has ever named it, and
    /// nobody knows whether it will come. What another process has just written is in the log, and taken.
    pub async fn written(&self, field: &str, position: Position) -> Result<(), Error> {
        if position > self.log.tail(&[]).await? {
            return Err(Error::field(field, BEYOND));
        }
        Ok(())
    }
}

/// Where the stores of a site are.
#[derive(Clone, Debug)]
pub enum Stores {
    /// Files in a folder: one process.
    Folder(PathBuf),
    /// Schemas of a database: any number of processes.
    Postgres(String),
}

impl Stores {
    /// The control store of a service: leases and positions.
    pub async fn control(&self, service: &str) -> Result<Store, store::Error> {
        static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/control/sqlite");
        static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/control/postgres");
        self.open(&format!("{service}_control"), Schema { sqlite: &SQLITE, postgres: &POSTGRES }).await
    }

    /// The store called `name`, made if it is not there: one that can be made again.
    pub async fn open(&self, name: &str, schema: Schema) -> Result<Store, store::Error> {
        self.open_as(name, schema, Durability::Rebuilt).await
    }

    /// The same of what is nowhere else: what it has answered outlives a power cut.
    pub async fn open_kept(&self, name: &str, schema: Schema) -> Result<Store, store::Error> {
        self.open_as(name, schema, Durability::Kept).await
    }

    async fn open_as(
        &self,
        name: &str,
        schema: Schema,
        durability: Durability,
    ) -> Result<Store, store::Error> {
        store::plain(name)?;
        match self {
            Self::Folder(folder) => {
                Store::open_sqlite(&folder.join(format!("{name}.db")), schema, durability).await
            }
            Self::Postgres(url) => Store::open_postgres(url, &format!("dossier_{name}"), schema).await,
        }
    }

    /// Removes the store called `name`, if it is there. It must be closed.
    pub async fn remove(&self, name: &str, control: &Store) -> Result<(), store::Error> {
        match self {
            Self::Folder(folder) => {
                for suffix in ["", "-wal", "-shm"] {
                    match std::fs::remove_file(folder.join(format!("{name}.db{suffix}"))) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(store::Error::Unavailable(error.to_string()));
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Self::Postgres(_) => control.drop_schema(&format!("dossier_{name}")).await,
        }
    }
}
