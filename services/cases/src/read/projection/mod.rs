//! The log becomes rows.

mod customers;
mod links;
mod messages;
mod states;

use std::sync::{Arc, Mutex};

use domain::{case, customer, decider::Decider, ids::CaseId, links as between, message};
use eventlog::{Category, Entry, EventLog, Position};
use service::{
    envelope::Unreadable,
    projection::{Error, Projection},
    store::{Schema, Sql, Tx},
};
use vault::Vault;

use self::states::Hot;
use super::item::{self, Item};

/// States of cases that are kept between batches.
const HOT_CASES_MAX: u64 = 50_000;

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Every table, in an order of its rows that does not depend on how they came in.
const TABLES: &[(&str, Sql)] = &[
    ("case_row", Sql::same("select * from case_row order by id")),
    ("case_identity", Sql::same("select * from case_identity order by case_id, identity")),
    ("message", Sql::same("select * from message order by id")),
    ("identity", Sql::same("select * from identity order by id")),
    ("identity_link", Sql::same("select * from identity_link order by identity, customer")),
    ("link", Sql::same("select * from link order by kind, from_case, to_case")),
    ("said", Sql::same("select case_id, item, owner, terms from said order by case_id, item")),
];

/// Fills the read model of cases.
///
/// What a case amounts to is told by the domain alone: the projection folds the same states that decide, and writes
/// columns out of them. A state that is not hot comes from the log, never from a row.
pub struct CasesProjection {
    log: Arc<dyn EventLog>,
    vault: Arc<Vault>,
    /// Taken out while a batch changes it: if the batch fails, what is left is not what the row has, and is read anew.
    hot: moka::sync::Cache<CaseId, Arc<Mutex<Hot>>>,
}

impl CasesProjection {
    /// With an empty cache.
    pub fn new(log: Arc<dyn EventLog>, vault: Arc<Vault>) -> Self {
        Self { log, vault, hot: moka::sync::Cache::new(HOT_CASES_MAX) }
    }
}

#[async_trait::async_trait]
impl Projection for CasesProjection {
    type Item = Item;

    fn name(&self) -> &'static str {
        "cases_v4"
    }

    fn anew(&self) -> Self {
        Self::new(Arc::clone(&self.log), Arc::clone(&self.vault))
    }

    fn schema(&self) -> Schema {
        Schema { sqlite: &SQLITE, postgres: &POSTGRES }
    }

    fn categories(&self) -> Vec<Category> {
        [case::State::CATEGORY, message::State::CATEGORY, customer::State::CATEGORY, between::State::CATEGORY]
            .iter()
            .filter_map(|name| Category::new(name).ok())
            .collect()
    }

    fn tables(&self) -> &'static [(&'static str, Sql)] {
        TABLES
    }

    fn read(&self, entry: &Entry) -> Result<Item, Unreadable> {
        Item::read(entry)
    }

    async fn apply(&self, tx: &mut Tx, mut items: Vec<(Position, Item)>) -> Result<(), Error> {
        let (positions, mut plain): (Vec<_>, Vec<_>) = items.drain(..).unzip();
        item::open(&self.vault, &mut plain).await.map_err(|error| Error::Vault(error.to_string()))?;
        let items: Vec<_> = positions.into_iter().zip(plain).collect();
        // What follows an erasure may be sealed under a new key: it is applied after the purge.
        for part in items.split_inclusive(|(_, item)| customers::erases(item)) {
            messages::apply(tx, part).await?;
            customers::apply(tx, part).await?;
            self.apply_cases(tx, part).await?;
            links::apply(tx, part).await?;
            let erased: Vec<String> = part.iter().flat_map(|(_, item)| customers::erased(item)).collect();
            if !erased.is_empty() {
                self.vault.forget(&erased);
                self.hot.invalidate_all();
                customers::purge(tx, &erased).await?;
            }
        }
        Ok(())
    }
}
