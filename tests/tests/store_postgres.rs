//! The promises of stores, read models and what runs on them, on PostgreSQL.

use service::{
    conformance::{self, leases, projections, reactions, rebuilds, tables},
    shell::Stores,
    store::Error,
};
use tests::servers::{Postgres, PostgresOptions};

#[tokio::test(flavor = "multi_thread")]
async fn stores_keep_every_promise() {
    let server = Postgres::start();
    let stores = Stores::Postgres(server.url());
    tables::all(&stores).await;
    leases::all(&stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_keep_every_promise() {
    let server = Postgres::start();
    projections::all(&Stores::Postgres(server.url()), conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_keep_every_promise() {
    let server = Postgres::start();
    reactions::all(&Stores::Postgres(server.url()), conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_keep_every_promise() {
    let server = Postgres::start();
    rebuilds::all(&Stores::Postgres(server.url()), conformance::seed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_away_and_comes_back() {
    // A server that commits lazily may lose what it acknowledged when it is killed.
    let mut server = Postgres::start_with(PostgresOptions { fsync: true });
    let store = Stores::Postgres(server.url()).control("killed").await.unwrap();
    let sql = "insert into checkpoint (name, position) values ($1, 1)";
    store.execute(sql, &["kept".into()]).await.unwrap();
    let mut open = store.begin().await.unwrap();
    open.execute(sql, &["lost".into()]).await.unwrap();
    server.kill();
    assert!(matches!(open.commit().await, Err(Error::Unavailable(_))));
    assert!(matches!(store.execute(sql, &["not".into()]).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.query("select 1", &[]).await, Err(Error::Unavailable(_))));
    server.resume();
    let rows = store.query("select name from checkpoint", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.string(0)).collect::<Vec<_>>(), ["kept"]);
    // Ended in order, it cuts its connections too.
    server.restart();
    store.query("select 1", &[]).await.unwrap();
}
