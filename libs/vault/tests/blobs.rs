//! The promises of a blob store, in memory and in a folder, and of the sealing above it.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use tempfile::tempdir;
use vault::{
    BlobFault, BlobRef, Blobs, Error, FolderBlobs, KeyStore, MemoryBlobs, MemoryKeys, SiteKey, Vault,
    conformance,
};

const LETTER: &[u8] = b"Dear Sir or Madam, my phone still does not work.";

#[tokio::test]
async fn memory_keeps_the_promises() {
    conformance::blobs::all(Arc::new(MemoryBlobs::default())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_promises() {
    let folder = tempdir().unwrap();
    conformance::blobs::all(Arc::new(FolderBlobs::open(folder.path()).unwrap())).await.unwrap();
}

#[tokio::test]
async fn the_same_bytes_of_a_person_are_one_blob_and_of_two_are_two() {
    let (_, blobs) = in_memory().await;
    let first = blobs.put("ann", LETTER).await.unwrap();
    assert_eq!(blobs.put("ann", LETTER).await.unwrap(), first);
    let other = blobs.put("bob", LETTER).await.unwrap();
    let parts = |blob: &BlobRef| blob.to_string().split('.').map(str::to_owned).collect::<BTreeSet<_>>();
    assert!(parts(&first).is_disjoint(&parts(&other)), "two people's blobs can be linked");
    assert_eq!(blobs.list(None, 10).await.unwrap().len(), 2);
    for blob in [first, other] {
        assert_eq!(blobs.get(&blob).await.unwrap().as_deref(), Some(LETTER));
    }
}

#[tokio::test]
async fn an_erased_persons_blobs_read_as_erased_even_if_the_bytes_are_still_there() {
    let (vault, blobs) = in_memory().await;
    let before = blobs.put("ann", LETTER).await.unwrap();
    vault.destroy(&["ann".to_owned()]).await.unwrap();
    assert_eq!(blobs.get(&before).await.unwrap(), None);
    // The same letter again, while the old bytes still lie there: it must not be taken for the unreadable one.
    let after = blobs.put("ann", LETTER).await.unwrap();
    assert_ne!(before, after);
    assert_eq!(blobs.get(&after).await.unwrap().as_deref(), Some(LETTER));
    blobs.delete_of(&["ann".to_owned()]).await.unwrap();
    assert!(blobs.list(None, 10).await.unwrap().is_empty());
    assert_eq!(blobs.get(&before).await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_blob_is_no_erased_one() {
    let (_, blobs) = in_memory().await;
    let lost = blobs.put("ann", LETTER).await.unwrap();
    blobs.delete(&lost).await.unwrap();
    assert_eq!(fault(blobs.get(&lost).await), BlobFault::Missing);
    let (_, elsewhere) = in_memory().await;
    assert_eq!(fault(elsewhere.get(&lost).await), BlobFault::UnknownKey);
}

#[tokio::test]
async fn what_lies_in_the_folder_is_sealed_and_bound_to_its_place() {
    let folder = tempdir().unwrap();
    let vault = vault(Arc::new(MemoryKeys::default())).await;
    let blobs = Blobs::new(vault, Arc::new(FolderBlobs::open(folder.path()).unwrap()));
    let one = blobs.put("ann", LETTER).await.unwrap();
    let two = blobs.put("ann", b"another letter").await.unwrap();
    let (one_file, two_file) = (file(folder.path(), &one), file(folder.path(), &two));
    let sealed = std::fs::read(&one_file).unwrap();
    assert!(!sealed.windows(5).any(|window| window == b"phone"), "the folder holds plain text");
    assert_eq!(std::fs::metadata(&one_file).unwrap().permissions().mode() & 0o777, 0o600);

    std::fs::copy(&one_file, &two_file).unwrap();
    assert_eq!(fault(blobs.get(&two).await), BlobFault::Damaged, "a blob in another's place");
    for bit in 0..sealed.len() * 8 {
        let mut bent = sealed.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&one_file, bent).unwrap();
        assert_eq!(fault(blobs.get(&one).await), BlobFault::Damaged, "bit {bit}");
    }
    std::fs::write(&one_file, &sealed[..10]).unwrap();
    assert_eq!(fault(blobs.get(&one).await), BlobFault::Damaged, "a blob cut short");
}

#[tokio::test]
async fn a_draft_of_a_process_that_ended_is_cleared_and_a_young_one_is_not() {
    let folder = tempdir().unwrap();
    FolderBlobs::open(folder.path()).unwrap();
    let (old, young) = (folder.path().join("drafts/old"), folder.path().join("drafts/young"));
    std::fs::write(&young, "x").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    std::fs::File::create(&old).unwrap().set_modified(long_ago).unwrap();
    FolderBlobs::open(folder.path()).unwrap();
    assert!(young.exists() && !old.exists());
}

#[tokio::test]
async fn a_blob_over_the_limit_is_refused() {
    let (_, blobs) = in_memory().await;
    let refusal = blobs.put("ann", &vec![0; Blobs::LEN_MAX + 1]).await.unwrap_err();
    assert!(matches!(refusal, Error::TooLarge { max: Blobs::LEN_MAX, .. }), "{refusal}");
    assert!(blobs.list(None, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reference_has_one_spelling() {
    let (_, blobs) = in_memory().await;
    let reference = blobs.put("ann", LETTER).await.unwrap();
    let text = reference.to_string();
    assert_eq!(text.parse::<BlobRef>().unwrap(), reference);
    let json = serde_json::to_string(&reference).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<BlobRef>(&json).unwrap(), reference);
    let upper = text.to_uppercase();
    for wrong in
        ["", "a.b.c", &upper, &text[1..], &format!("{text}.x"), "../../etc/passwd", "/..".repeat(40).as_str()]
    {
        assert!(wrong.parse::<BlobRef>().is_err(), "{wrong}");
    }
}

async fn in_memory() -> (Arc<Vault>, Blobs) {
    let vault = vault(Arc::new(MemoryKeys::default())).await;
    (vault.clone(), Blobs::new(vault, Arc::new(MemoryBlobs::default())))
}

async fn vault(keys: Arc<dyn KeyStore>) -> Arc<Vault> {
    Arc::new(Vault::unlock(&SiteKey::generate().unwrap(), keys).await.unwrap())
}

fn fault<T: std::fmt::Debug>(outcome: Result<T, Error>) -> BlobFault {
    match outcome {
        Err(Error::Blob { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn file(folder: &Path, reference: &BlobRef) -> std::path::PathBuf {
    let text = reference.to_string();
    let (owner, name) = text.split_once('.').unwrap();
    folder.join(&owner[..2]).join(owner).join(name)
}
