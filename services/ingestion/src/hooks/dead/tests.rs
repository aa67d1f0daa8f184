//! What crashes and races leave of letters.

use domain::channel::Visibility;
use http::{HeaderMap, Method};
use service::shell::Stores;
use tempfile::TempDir;
use vault::{MemoryBlobs, MemoryKeys, SiteKey};

use super::*;
use crate::channels::Hook;

/// Letters in memory, but for their rows.
struct Letterbox {
    letters: DeadLetters,
    account: Account,
    _folder: TempDir,
}

impl Letterbox {
    async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let store = crate::ledger::open_kept(&Stores::Folder(folder.path().to_owned())).await.unwrap();
        let key = SiteKey::generate().unwrap();
        let vault = Arc::new(Vault::unlock(&key, Arc::new(MemoryKeys::default())).await.unwrap());
        let blobs = Arc::new(Blobs::new(Arc::clone(&vault), Arc::new(MemoryBlobs::default())));
        let account = Account {
            id: "wa".parse().unwrap(),
            channel: "whatsapp".parse().unwrap(),
            visibility: Visibility::Private,
            threads: false,
            region: "france".parse().unwrap(),
        };
        Self { letters: DeadLetters::over(store, blobs, vault), account, _folder: folder }
    }

    async fn put(&self, body: &[u8]) -> Row {
        let (headers, now) = (HeaderMap::new(), Timestamp::UNIX_EPOCH);
        let hook = Hook { method: &Method::POST, url: "https://care.example/", headers: &headers, body, now };
        let call = Call::of(&hook, body);
        let why = Malformed::new("body", "JSON");
        assert_eq!(self.letters.keep(&self.account, "x", &call, &why).await.unwrap(), Kept::New);
        self.row(self.letters.id(&self.account, "x", &call)).await
    }

    async fn row(&self, id: Uuid) -> Row {
        self.letters.rows.get(id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_store_waits_for_the_disk() {
    let of = Letterbox::open().await;
    let mut tx = of.letters.rows.0.begin().await.unwrap();
    assert_eq!(tx.query("pragma synchronous", &[]).await.unwrap()[0].int(0), Some(2), "FULL");
}

#[tokio::test]
async fn what_a_crash_left_of_an_ended_letter_is_destroyed() {
    let of = Letterbox::open().await;
    let (mut ended, kept) = (of.put(b"ended").await, of.put(b"kept").await);
    // So far the one came that ended it.
    ended.state = State::Discarded;
    assert!(of.letters.rows.change(&ended).await.unwrap());
    assert_eq!(of.letters.call(&ended).await.unwrap().body, b"ended");
    assert_eq!(of.letters.sweep().await.unwrap(), 1);
    assert!(of.letters.call(&ended).await.is_err(), "it is not there any more");
    assert!(of.row(ended.id).await.blob.is_empty());
    assert_eq!(of.letters.call(&kept).await.unwrap().body, b"kept");
    assert_eq!(of.letters.sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn of_two_that_end_a_letter_the_first_does() {
    let of = Letterbox::open().await;
    let mut discarded = of.put(b"a").await;
    // Both found it kept.
    let (mut taken, mut tried) = (discarded.clone(), discarded.clone());
    let now = Timestamp::UNIX_EPOCH.plus_seconds(9);
    of.letters.end(&mut discarded, State::Discarded, now).await.unwrap();
    of.letters.end(&mut taken, State::Taken, now.plus_seconds(1)).await.unwrap();
    assert_eq!((taken.state, taken.changed), (State::Discarded, now));
    tried.retries += 1;
    of.letters.change(&mut tried).await.unwrap();
    let row = of.row(tried.id).await;
    assert_eq!((tried.state, row.state, row.retries), (State::Discarded, State::Discarded, 0));
    assert!(row.blob.is_empty());
}
