//! The promises of a [`BlobStore`].

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Outcome, ensure};
use crate::{BlobRef, BlobStore, Error, Owner, cipher::random_id};

const RACERS: usize = 8;
const CROWD: usize = 50;
const PAGE: usize = 7;

/// Runs the whole suite.
pub async fn all(store: Arc<dyn BlobStore>) -> Outcome {
    bytes_come_back_as_given(&*store).await?;
    the_first_bytes_stay(&*store).await?;
    racing_writers_leave_one_whole_blob(store.clone()).await?;
    a_deleted_blob_is_gone(&*store).await?;
    an_owner_goes_with_everything(&*store).await?;
    the_listing_is_complete_and_in_order(&*store).await
}

/// Bytes come back as they were given, none and many.
pub async fn bytes_come_back_as_given(store: &dyn BlobStore) -> Outcome {
    for len in [0, 1, 3_000_000] {
        let (reference, bytes) = (reference()?, (0..=u8::MAX).cycle().take(len).collect::<Bytes>());
        store.put(&reference, bytes.clone()).await?;
        ensure(store.get(&reference).await? == Some(bytes), "bytes came back changed")?;
    }
    ensure(store.get(&reference()?).await?.is_none(), "something is under a reference that was never put")
}

/// Putting again under a reference keeps what is there.
pub async fn the_first_bytes_stay(store: &dyn BlobStore) -> Outcome {
    let reference = reference()?;
    store.put(&reference, Bytes::from_static(b"first")).await?;
    store.put(&reference, Bytes::from_static(b"second")).await?;
    ensure(store.get(&reference).await?.as_deref() == Some(b"first"), "a blob was replaced")
}

/// Racing writers of one reference leave one of their blobs, whole.
pub async fn racing_writers_leave_one_whole_blob(store: Arc<dyn BlobStore>) -> Outcome {
    let reference = reference()?;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (store, reference) = (store.clone(), reference.clone());
        let bytes = Bytes::from(vec![u8::try_from(racer).unwrap_or_default(); 100_000]);
        racers.spawn(async move { store.put(&reference, bytes).await });
    }
    racers.join_all().await.into_iter().collect::<Result<(), _>>()?;
    let bytes = store.get(&reference).await?.unwrap_or_default();
    ensure(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == bytes[0]), "a blob is a mixture")
}

/// A deleted blob is gone; deleting it again is harmless.
pub async fn a_deleted_blob_is_gone(store: &dyn BlobStore) -> Outcome {
    let (gone, stays) = siblings()?;
    store.put(&gone, Bytes::from_static(b"x")).await?;
    store.put(&stays, Bytes::from_static(b"y")).await?;
    store.delete(&gone).await?;
    store.delete(&gone).await?;
    ensure(store.get(&gone).await?.is_none(), "a deleted blob is there")?;
    ensure(store.get(&stays).await?.is_some(), "another blob was deleted with it")
}

/// After deleting an owner nothing of it is there, and all others' is; deleting it again is harmless.
pub async fn an_owner_goes_with_everything(store: &dyn BlobStore) -> Outcome {
    let ((first, second), other) = (siblings()?, reference()?);
    for reference in [&first, &second, &other] {
        store.put(reference, Bytes::from_static(b"x")).await?;
    }
    let owner = [first.owner().clone()];
    store.delete_of(&owner).await?;
    store.delete_of(&owner).await?;
    let gone = store.get(&first).await?.is_none() && store.get(&second).await?.is_none();
    ensure(gone, "something of a deleted owner is there")?;
    ensure(store.get(&other).await?.is_some(), "another owner's blob was deleted")?;
    store.put(&first, Bytes::from_static(b"again")).await?;
    ensure(store.get(&first).await?.is_some(), "nothing can be put for a deleted owner")
}

/// Page by page, the listing shows everything once and in order.
pub async fn the_listing_is_complete_and_in_order(store: &dyn BlobStore) -> Outcome {
    let mut wanted = BTreeSet::new();
    for _ in 0..CROWD / 2 {
        let (first, second) = siblings()?;
        wanted.extend([first, second]);
    }
    for reference in &wanted {
        store.put(reference, Bytes::from_static(b"x")).await?;
    }
    let mut seen = Vec::new();
    loop {
        let page = store.list(seen.last(), PAGE).await?;
        ensure(page.len() <= PAGE, "a page is longer than asked for")?;
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|listed| listed.reference));
    }
    ensure(seen.is_sorted_by(|a, b| a < b), "the listing is out of order or shows a blob twice")?;
    ensure(wanted.iter().all(|reference| seen.contains(reference)), "the listing leaves out a blob")
}

/// A reference that was never seen before.
fn reference() -> Result<BlobRef, Error> {
    Ok(BlobRef::new(Owner::new(random_hash()?), random_id()?, random_hash()?))
}

/// Two references of one owner.
fn siblings() -> Result<(BlobRef, BlobRef), Error> {
    let first = reference()?;
    let second = BlobRef::new(first.owner().clone(), random_id()?, random_hash()?);
    Ok((first, second))
}

/// 40 hexadecimal digits.
fn random_hash() -> Result<String, Error> {
    let (a, b) = (random_id()?.simple().to_string(), random_id()?.simple().to_string());
    Ok(format!("{a}{}", &b[..8]))
}
