//! The promises of stores, read models and what runs on them, on SQLite files.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use service::{
    conformance::{self, leases, projections, reactions, rebuilds, tables},
    shell::Stores,
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn stores_keep_every_promise() {
    let (_folder, stores) = stores();
    tables::all(&stores).await;
    leases::all(&stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_keep_every_promise() {
    let (_folder, stores) = stores();
    projections::all(&stores, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_keep_every_promise() {
    let (_folder, stores) = stores();
    reactions::all(&stores, conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_keep_every_promise() {
    let (_folder, stores) = stores();
    rebuilds::all(&stores, conformance::seed()).await;
}

fn stores() -> (TempDir, Stores) {
    let folder = TempDir::new().unwrap();
    let stores = Stores::Folder(folder.path().to_owned());
    (folder, stores)
}
