//! The promises of a key store, in memory and on SQLite, and those that only a file can break.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{os::unix::fs::PermissionsExt, path::Path, slice::from_ref, sync::Arc};

use tempfile::tempdir;
use uuid::Uuid;
use vault::{Error, KeyStore, MemoryKeys, SqliteKeys, StoredKey, conformance};

#[tokio::test]
async fn memory_keeps_the_promises() {
    conformance::keys::all(Arc::new(MemoryKeys::default())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_promises() {
    let folder = tempdir().unwrap();
    let keys = SqliteKeys::open(&folder.path().join("keys.db")).await.unwrap();
    conformance::keys::all(Arc::new(keys)).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_open_is_refused_until_it_is_free() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let keys = SqliteKeys::open(&path).await.unwrap();
    let Err(Error::Unusable(refusal)) = SqliteKeys::open(&path).await else { panic!("opened twice") };
    assert!(refusal.contains("open already"), "{refusal}");
    drop(keys);
    SqliteKeys::open(&path).await.unwrap();
}

#[tokio::test]
async fn files_are_the_owners_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("keys.db");
    let keys = SqliteKeys::open(&path).await.unwrap();
    keys.create(vec![key("s", b"wrapped")]).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 2, "the write-ahead log is there too");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_refused_with_the_remedy() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("keys.db");
    drop(SqliteKeys::open(&path).await.unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let Err(Error::Unusable(refusal)) = SqliteKeys::open(&path).await else { panic!("opened") };
    assert!(refusal.contains("chmod 600"), "{refusal}");
}

#[tokio::test]
async fn a_destroyed_key_leaves_no_bytes_in_any_file() {
    let folder = tempdir().unwrap();
    let keys = SqliteKeys::open(&folder.path().join("keys.db")).await.unwrap();
    let gone: Vec<_> = (0..50).map(|n| key(&format!("gone {n}"), Uuid::new_v4().as_bytes())).collect();
    let stays = key("stays", Uuid::new_v4().as_bytes());
    keys.create(gone.iter().chain([&stays]).cloned().collect()).await.unwrap();
    assert!(gone.iter().all(|key| found(folder.path(), &key.wrapped)), "the search finds what is there");

    let subjects: Vec<_> = gone.iter().map(|key| key.subject.clone()).collect();
    keys.destroy(&subjects).await.unwrap();
    assert!(!gone.iter().any(|key| found(folder.path(), &key.wrapped)), "bytes of a destroyed key linger");
    assert!(found(folder.path(), &stays.wrapped));
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let (folder, after) = (tempdir().unwrap(), tempdir().unwrap());
    let keys = SqliteKeys::open(&folder.path().join("keys.db")).await.unwrap();
    let kept = key("s", b"wrapped");
    keys.create(vec![kept.clone()]).await.unwrap();
    // The store is still open: what a crash would leave is what is in the files now.
    for name in ["keys.db", "keys.db-wal"] {
        std::fs::copy(folder.path().join(name), after.path().join(name)).unwrap();
    }
    let keys = SqliteKeys::open(&after.path().join("keys.db")).await.unwrap();
    assert_eq!(keys.live(from_ref(&kept.subject)).await.unwrap(), [kept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_that_gives_up_does_no_harm_to_the_others() {
    let folder = tempdir().unwrap();
    let keys = Arc::new(SqliteKeys::open(&folder.path().join("keys.db")).await.unwrap());
    let creators: Vec<_> = (0..200)
        .map(|n| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.create(vec![key(&format!("s{n}"), b"w")]).await })
        })
        .collect();
    for (n, creator) in creators.into_iter().enumerate() {
        if n % 3 == 0 {
            creator.abort();
        } else {
            assert_eq!(creator.await.unwrap().unwrap()[0].subject, format!("s{n}"));
        }
    }
}

fn key(subject: &str, wrapped: &[u8]) -> StoredKey {
    StoredKey { id: Uuid::new_v4(), subject: subject.to_owned(), wrapped: wrapped.to_vec() }
}

fn found(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
