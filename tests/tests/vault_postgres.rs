//! The promises of the key store and the blob store, on PostgreSQL.

use std::{slice::from_ref, sync::Arc};

use bytes::Bytes;
use serde_json::json;
use tests::servers::Postgres;
use uuid::Uuid;
use vault::{Blobs, Error, KeyStore, PostgresBlobs, PostgresKeys, SiteKey, StoredKey, Vault, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn the_key_store_keeps_every_promise() {
    let server = Postgres::start();
    let url = server.url();
    // Two services of one site start at once: both make the schema, and both see one store.
    let (one, two) = tokio::join!(PostgresKeys::open(&url), PostgresKeys::open(&url));
    let (one, two) = (one.unwrap(), two.unwrap());
    let (a, b) = tokio::join!(one.create(vec![key("s")]), two.create(vec![key("s")]));
    assert_eq!(a.unwrap(), b.unwrap());
    conformance::keys::all(Arc::new(one)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blob_store_keeps_every_promise() {
    let server = Postgres::start();
    conformance::blobs::all(Arc::new(PostgresBlobs::open(&server.url()).await.unwrap())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill_though_the_server_commits_lazily() {
    let mut server = Postgres::start();
    let keys = PostgresKeys::open(&server.url()).await.unwrap();
    let kept = key("kept");
    keys.create(vec![kept.clone()]).await.unwrap();
    server.kill();
    assert!(matches!(keys.live(from_ref(&kept.subject)).await, Err(Error::Unavailable { .. })));
    server.resume();
    let keys = PostgresKeys::open(&server.url()).await.unwrap();
    assert_eq!(keys.live(from_ref(&kept.subject)).await.unwrap(), [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_values_and_blobs() {
    let server = Postgres::start();
    let keys = Arc::new(PostgresKeys::open(&server.url()).await.unwrap());
    let vault = Arc::new(Vault::unlock(&SiteKey::generate().unwrap(), keys).await.unwrap());
    let blobs = Blobs::new(vault.clone(), Arc::new(PostgresBlobs::open(&server.url()).await.unwrap()));
    let mut events = [json!({ "body": { "subject": "ann", "open": "hello" } })];
    vault.seal("message-1", Uuid::nil(), &mut events).await.unwrap();
    let blob = blobs.put("ann", b"a long letter").await.unwrap();
    assert_eq!(blobs.get(&blob).await.unwrap(), Some(Bytes::from_static(b"a long letter")));

    let destroyed = vault.destroy(&["ann".to_owned()]).await.unwrap();
    assert_eq!(destroyed.keys.len(), 1);
    vault.open("message-1", Uuid::nil(), &mut events).await.unwrap();
    assert_eq!(events, [json!({ "body": { "subject": "ann", "erased": true } })]);
    assert_eq!(blobs.get(&blob).await.unwrap(), None);
    blobs.delete_of(&["ann".to_owned()]).await.unwrap();
    assert!(blobs.list(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_address_is_named_by_its_fault_and_not_by_its_password() {
    for url in ["postgres://dossier:hunter2@127.0.0.1:1/postgres", "hunter2"] {
        let refusal = PostgresKeys::open(url).await.map(drop).unwrap_err().to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
}

fn key(subject: &str) -> StoredKey {
    StoredKey { id: Uuid::new_v4(), subject: subject.to_owned(), wrapped: vec![1, 2, 3] }
}
