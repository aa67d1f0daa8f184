//! What crashes and races leave of letters.

use domain::channel::Visibility;
use http::{HeaderMap, Method};
use service::{health::Runs, shell::Stores};
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

    async fn keep(&self, body: &[u8], why: &Malformed, loses: Loses) -> Result<Kept, Error> {
        let (headers, now) =
            (HeaderMap::new(), Timestamp::UNIX_EPOCH.plus_seconds(body.len().try_into().unwrap()));
        let hook = Hook { method: &Method::POST, url: "https://care.example/", headers: &headers, body, now };
        self.letters.keep(&self.account, "x", &Call::of(&hook, body), (why, loses)).await
    }

    /// So many kept letters of a kind, as far as their rows go.
    async fn fill(&self, count: u64, why: &Malformed) {
        let sql = "with recursive n(n) as (select 1 union all select n + 1 from n where n < $1) \
                   insert into dead_letter (id, account, connector, state, path, reason, received, changed, bytes, retries, \
                   kind, blob) select $2 || n, 'wa', 'x', 'kept', $2, $3, 0, 0, 1, 0, $4, 'none' from n";
        let kind = room::kind(&why.path, &why.what);
        let binds = [count.into(), why.path.as_str().into(), why.what.as_str().into(), kind.into()];
        assert_eq!(self.letters.rows.0.execute(sql, &binds).await.unwrap(), count);
    }

    async fn put(&self, body: &[u8]) -> Row {
        let (headers, now) = (HeaderMap::new(), Timestamp::UNIX_EPOCH);
        let hook = Hook { method: &Method::POST, url: "https://care.example/", headers: &headers, body, now };
        let call = Call::of(&hook, body);
        let why = Malformed::new("body", "JSON");
        assert_eq!(
            self.letters.keep(&self.account, "x", &call, (&why, Loses::Words)).await.unwrap(),
            Kept::New
        );
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

#[tokio::test]
async fn notices_beyond_the_examples_are_counted() {
    let of = Letterbox::open().await;
    for n in 1..=50_usize {
        let why = Malformed::new(format!("statuses[{n}].id"), "missing");
        let kept = of.keep(&vec![b'x'; n], &why, Loses::Notice).await.unwrap();
        let expected = if n as u64 <= room::EXAMPLES_MAX { Kept::New } else { Kept::Counted };
        assert_eq!(kept, expected, "{n}");
    }
    let counted = of.letters.counts.list("wa", 10).await.unwrap();
    let [counted] = &counted[..] else { panic!("{counted:?}") };
    assert_eq!((counted.count, &*counted.path), (30, "statuses[50].id"));
    let at = |s| Timestamp::UNIX_EPOCH.plus_seconds(s);
    assert_eq!((counted.first, counted.last), (at(21), at(50)));
    assert_eq!(of.letters.filled("wa").await.unwrap()["wa"].letters, room::EXAMPLES_MAX);
    // Somebody's words with the same fault are kept.
    let why = Malformed::new("statuses[1].id", "missing");
    assert_eq!(of.keep(b"words", &why, Loses::Words).await.unwrap(), Kept::New);
}

#[tokio::test]
async fn kinds_without_end_are_counted_together() {
    let of = Letterbox::open().await;
    let kinds = room::KINDS_MAX + 5;
    for n in 0..kinds {
        let name = char::from_u32(0x4e00 + u32::try_from(n).unwrap()).unwrap();
        let why = Malformed::new(format!("statuses.{name}"), "missing");
        let at = Timestamp::UNIX_EPOCH;
        let letter = Counted {
            account: "wa".into(),
            connector: "x".into(),
            path: why.path.clone(),
            reason: why.what.clone(),
            first: at,
            last: at,
            count: 1,
        };
        of.letters.counts.count(&room::kind(&why.path, &why.what), &letter).await.unwrap();
    }
    let counted = of.letters.counts.list("", 2 * kinds).await.unwrap();
    assert_eq!(counted.len() as u64, room::KINDS_MAX + 1);
    assert_eq!(counted.iter().map(|counted| counted.count).sum::<u64>(), kinds, "none is left out");
}

#[tokio::test]
async fn a_stream_of_one_fault_leaves_room_for_others_and_is_warned_of_once() {
    let of = Letterbox::open().await;
    let (one, other) = (Malformed::new("messages[0].id", "missing"), Malformed::new("body", "JSON"));
    let warned = || Runs::failing(&of.letters);
    of.fill(3_998, &one).await;
    assert_eq!(of.keep(b"a", &one, Loses::Words).await.unwrap(), Kept::New);
    assert!(warned().is_empty());
    assert_eq!(of.keep(b"b", &one, Loses::Words).await.unwrap(), Kept::New);
    assert_eq!(warned().len(), 1, "4,000 of 5,000");
    assert!(warned()[0].1.starts_with("dead letters fill 80 %"), "{:?}", warned());
    let filled = of.letters.filled("wa").await.unwrap()["wa"];
    assert!(!of.letters.filling.note("wa", filled), "said already");

    of.fill(4_000, &Malformed::new("messages[1].id", "missing, too")).await;
    let full = of.keep(b"c", &one, Loses::Words).await;
    assert!(matches!(full, Err(Error::Unavailable(_))), "{full:?}");
    assert_eq!(of.keep(b"a", &one, Loses::Words).await.unwrap(), Kept::Again, "what is kept needs no room");
    assert_eq!(of.keep(b"c", &other, Loses::Words).await.unwrap(), Kept::New, "another fault has room");
    assert_eq!(
        of.keep(b"d", &one, Loses::Notice).await.unwrap(),
        Kept::Counted,
        "nobody waits with a notice"
    );

    // Given up by somebody, at another replica perhaps.
    let sql = "update dead_letter set state = 'discarded'";
    of.letters.rows.0.execute(sql, &[]).await.unwrap();
    of.letters.look().await.unwrap();
    assert!(warned().is_empty());
    assert_eq!(of.keep(b"e", &one, Loses::Words).await.unwrap(), Kept::New);
}

#[tokio::test]
async fn letters_are_found_by_their_reason_whatever_its_numbers_are() {
    let of = Letterbox::open().await;
    for n in 1..=5_usize {
        let why = Malformed::new("body", format_args!("JSON (line {n})"));
        of.keep(&vec![b'x'; n], &why, Loses::Words).await.unwrap();
    }
    of.keep(b"other", &Malformed::new("body", "XML"), Loses::Words).await.unwrap();
    let found = async |reason: &str, max| {
        let (rows, more) = of.letters.alike("wa", &room::masked(reason), max).await.unwrap();
        (rows.len(), more)
    };
    assert_eq!(found("JSON (line 77)", 10).await, (5, false));
    assert_eq!(found("JSON (line 77)", 4).await, (4, true));
    assert_eq!(found("", 10).await, (6, false));
    assert_eq!(found("JSON", 10).await, (0, false), "the whole reason, no part of it");
}
