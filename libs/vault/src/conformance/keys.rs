//! The promises of a [`KeyStore`].

use std::{
    collections::{BTreeSet, HashSet},
    slice::from_ref,
    sync::Arc,
};

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Outcome, ensure};
use crate::{Error, KeyStore, Record, StoredKey, cipher::random_id};

const RACERS: usize = 16;
const CROWD: usize = 1_000;

/// Runs the whole suite.
pub async fn all(store: Arc<dyn KeyStore>) -> Outcome {
    the_first_check_value_stays(&*store).await?;
    a_created_key_is_found(&*store).await?;
    a_second_creation_keeps_the_first_key(&*store).await?;
    racing_creators_get_one_key(store.clone()).await?;
    many_keys_are_one_call(&*store).await?;
    a_destroyed_key_leaves_a_tombstone(&*store).await?;
    destroying_again_answers_the_same(&*store).await?;
    destroying_spares_the_others(&*store).await?;
    a_destroyed_subject_gets_a_new_key(&*store).await?;
    creators_racing_a_destroyer_get_live_keys(store.clone()).await?;
    what_is_not_there_is_left_out(&*store).await
}

/// The first check value ever given stays.
pub async fn the_first_check_value_stays(store: &dyn KeyStore) -> Outcome {
    let first = store.check(b"first".to_vec()).await?;
    ensure(!store.is_new().await?, "a store that has a check value is new")?;
    let second = store.check(b"second".to_vec()).await?;
    ensure(first == second && second != b"second", "a check value was replaced")
}

/// A created key is found by its subject and by its id, with its bytes as given.
pub async fn a_created_key_is_found(store: &dyn KeyStore) -> Outcome {
    let key = StoredKey { wrapped: (0..=255).collect(), ..candidate()? };
    let answered = store.create(vec![key.clone()]).await?;
    ensure(answered == [key.clone()], "a created key is not answered")?;
    ensure(store.live(from_ref(&key.subject)).await? == [key.clone()], "a created key is not its subject's")?;
    ensure(store.get(&[key.id]).await? == [Record::Live(key)], "a created key is not found by its id")
}

/// A subject that has a live key keeps it.
pub async fn a_second_creation_keeps_the_first_key(store: &dyn KeyStore) -> Outcome {
    let first = candidate()?;
    let second = StoredKey { subject: first.subject.clone(), ..candidate()? };
    store.create(vec![first.clone()]).await?;
    ensure(
        store.create(vec![second.clone()]).await? == [first],
        "a second creation does not answer the first key",
    )?;
    ensure(store.get(&[second.id]).await?.is_empty(), "a candidate that lost is kept")
}

/// Of racing creators all are answered one key.
pub async fn racing_creators_get_one_key(store: Arc<dyn KeyStore>) -> Outcome {
    let subject = candidate()?.subject;
    let mut racers = JoinSet::new();
    for _ in 0..RACERS {
        let (store, key) = (store.clone(), StoredKey { subject: subject.clone(), ..candidate()? });
        racers.spawn(async move { store.create(vec![key]).await });
    }
    let answers = racers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let ids: HashSet<Uuid> = answers.iter().flatten().map(|key| key.id).collect();
    ensure(answers.iter().all(|keys| keys.len() == 1), "a creator was not answered one key")?;
    ensure(ids.len() == 1, "racing creators got several keys")
}

/// A thousand keys are created and read in one call each.
pub async fn many_keys_are_one_call(store: &dyn KeyStore) -> Outcome {
    let keys = (0..CROWD).map(|_| candidate()).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let subjects: Vec<String> = keys.iter().map(|key| key.subject.clone()).collect();
    let wanted: BTreeSet<Uuid> = ids.iter().copied().collect();
    let created: BTreeSet<Uuid> = store.create(keys).await?.iter().map(|key| key.id).collect();
    let live: BTreeSet<Uuid> = store.live(&subjects).await?.iter().map(|key| key.id).collect();
    let known: BTreeSet<Uuid> = store.get(&ids).await?.iter().map(Record::id).collect();
    ensure(created == wanted && live == wanted && known == wanted, "keys of a large call are missing")
}

/// A destroyed key is no longer live; its tombstone says which, whose and when.
pub async fn a_destroyed_key_leaves_a_tombstone(store: &dyn KeyStore) -> Outcome {
    let key = candidate()?;
    store.create(vec![key.clone()]).await?;
    let tombstones = store.destroy(from_ref(&key.subject)).await?;
    ensure(
        tombstones.len() == 1 && tombstones[0].key_id == key.id && tombstones[0].subject == key.subject,
        "a destruction does not answer its tombstone",
    )?;
    ensure(store.live(from_ref(&key.subject)).await?.is_empty(), "a destroyed key is live")?;
    let known = store.get(&[key.id]).await?;
    ensure(known == [Record::Destroyed(tombstones[0].clone())], "a tombstone is not found by its key's id")
}

/// Destroying again answers the same tombstones.
pub async fn destroying_again_answers_the_same(store: &dyn KeyStore) -> Outcome {
    let key = candidate()?;
    store.create(vec![key.clone()]).await?;
    let first = store.destroy(from_ref(&key.subject)).await?;
    ensure(store.destroy(&[key.subject]).await? == first, "destroying again answers something else")
}

/// Other subjects' keys stay.
pub async fn destroying_spares_the_others(store: &dyn KeyStore) -> Outcome {
    let (gone, stays) = (candidate()?, candidate()?);
    store.create(vec![gone.clone(), stays.clone()]).await?;
    store.destroy(&[gone.subject]).await?;
    ensure(store.live(from_ref(&stays.subject)).await? == [stays], "another subject's key was destroyed")
}

/// After a destruction the subject can get a new key, and the tombstone stays.
pub async fn a_destroyed_subject_gets_a_new_key(store: &dyn KeyStore) -> Outcome {
    let old = candidate()?;
    let new = StoredKey { subject: old.subject.clone(), ..candidate()? };
    store.create(vec![old.clone()]).await?;
    store.destroy(from_ref(&old.subject)).await?;
    ensure(store.create(vec![new.clone()]).await? == [new.clone()], "a destroyed subject gets no new key")?;
    let known = store.get(&[old.id, new.id]).await?;
    let tombstones = known.iter().filter(|record| matches!(record, Record::Destroyed(_))).count();
    ensure(known.len() == 2 && tombstones == 1, "a new key replaced the tombstone")?;
    ensure(store.destroy(&[new.subject]).await?.len() == 2, "a second destruction forgets the first")
}

/// What a creator is answered was live, and is live or a tombstone afterwards: never gone without a trace.
pub async fn creators_racing_a_destroyer_get_live_keys(store: Arc<dyn KeyStore>) -> Outcome {
    let subject = candidate()?.subject;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (store, key) = (store.clone(), StoredKey { subject: subject.clone(), ..candidate()? });
        racers.spawn(async move {
            if racer % 4 == 0 {
                store.destroy(&[key.subject]).await.map(|_| Vec::new())
            } else {
                store.create(vec![key]).await
            }
        });
    }
    let answers = racers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let ids: BTreeSet<Uuid> = answers.iter().flatten().map(|key| key.id).collect();
    let known = store.get(&Vec::from_iter(ids.clone())).await?;
    ensure(known.len() == ids.len(), "a key that was answered is gone without a tombstone")?;
    ensure(store.live(&[subject]).await?.len() <= 1, "a subject has two live keys")
}

/// Unknown subjects and ids, and empty lists, are answered with nothing.
pub async fn what_is_not_there_is_left_out(store: &dyn KeyStore) -> Outcome {
    let nobody = candidate()?;
    let subjects = [nobody.subject];
    ensure(store.live(&subjects).await?.is_empty(), "an unknown subject has a key")?;
    ensure(store.get(&[nobody.id]).await?.is_empty(), "an unknown id is known")?;
    ensure(store.destroy(&subjects).await?.is_empty(), "an unknown subject has a tombstone")?;
    let nothing = store.live(&[]).await?.is_empty()
        && store.get(&[]).await?.is_empty()
        && store.create(Vec::new()).await?.is_empty()
        && store.destroy(&[]).await?.is_empty();
    ensure(nothing, "an empty list is answered with something")
}

/// A key that was never seen before, of a subject that was never seen before, with a quote and a letter beyond ASCII.
fn candidate() -> Result<StoredKey, Error> {
    let id = random_id()?;
    Ok(StoredKey { id, subject: format!("conformance \"é\" {id}"), wrapped: id.as_bytes().to_vec() })
}
