//! What rebuilding a read model promises.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::time::Timestamp;
use eventlog::Position;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    cut,
    world::{Shelves, WAIT_MAX, World, rows},
};
use crate::{
    clock::ManualClock,
    models::{GENERATION_CHECK, Models},
    projection::Error,
    shell::Stores,
    store::Store,
};

const ENTRIES: u64 = 200;

/// All promises, one after the other.
pub async fn all(stores: &Stores, seed: u64) {
    a_rebuild_gives_the_same_while_appends_go_on(stores, seed).await;
    a_rebuild_that_fails_leaves_the_old_one_answering(stores, seed).await;
    a_rebuild_whose_caller_goes_away_leaves_no_trace(stores, seed).await;
    two_rebuilds_at_once_do_not_meet(stores, seed).await;
    a_new_version_is_built_beside_the_old_one(stores, seed).await;
    what_was_complete_answers_at_once(stores, seed).await;
}

/// The next generation equals the last, takes over, and every replica goes on with it.
pub async fn a_rebuild_gives_the_same_while_appends_go_on(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let clock = clock();
    let [one, two] = [
        open(&world, "same_v1", "a", &clock, &Shelves::default()).await,
        open(&world, "same_v1", "b", &clock, &Shelves::default()).await,
    ];
    world.count_some(ENTRIES).await;
    let _running = [run(&one), run(&two)];
    let told = AtomicU64::default();
    let (rebuilt, last) = tokio::join!(
        one.rebuild(|_, _| {
            told.fetch_add(1, Ordering::Relaxed);
        }),
        world.count_some(ENTRIES),
    );
    let rebuilt = rebuilt.unwrap();
    assert_eq!(rebuilt.before, rebuilt.after);
    assert!(told.into_inner() > 0, "no progress was told");
    assert_eq!(one.generation(), 2);
    assert!(one.current().wait_for(last, WAIT_MAX).await);
    assert_eq!(rows(&one.current().store).await, world.expected(last).await);
    // The other replica looks for a newer one from time to time.
    let mut second = 0;
    while two.generation() < 2 {
        second += i64::try_from(GENERATION_CHECK.as_secs()).unwrap();
        clock.set(Timestamp::UNIX_EPOCH.plus_seconds(second));
        tokio::task::yield_now().await;
    }
    let last = world.count(1, 1).await;
    assert!(two.current().wait_for(last, WAIT_MAX).await);
    assert_eq!(rows(&two.current().store).await, world.expected(last).await);
    // And once more, from the other side; a new process takes up what answers.
    let rebuilt = two.rebuild(|_, _| {}).await.unwrap();
    assert_eq!((&rebuilt.before, two.generation()), (&rebuilt.after, 3));
    let three = open(&world, "same_v1", "c", &clock, &Shelves::default()).await;
    assert_eq!(three.generation(), 3);
    assert_eq!(three.current().digest().await.unwrap(), rebuilt.after);
}

/// What cannot be built does not take over; the next try begins anew.
pub async fn a_rebuild_that_fails_leaves_the_old_one_answering(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let shelves = Shelves::default();
    let models = open(&world, "fails_v1", "a", &clock(), &shelves).await;
    let _running = run(&models);
    let last = world.count_some(20).await;
    assert!(models.current().wait_for(last, WAIT_MAX).await);
    shelves.broken.store(true, Ordering::Relaxed);
    assert!(matches!(models.rebuild(|_, _| {}).await, Err(Error::Store(_))));
    assert_eq!((models.generation(), rows(&models.current().store).await), (1, world.expected(last).await));
    shelves.broken.store(false, Ordering::Relaxed);
    let last = world.count(0, 1).await;
    assert!(models.current().wait_for(last, WAIT_MAX).await);
    let rebuilt = models.rebuild(|_, _| {}).await.unwrap();
    assert_eq!((rebuilt.before, rebuilt.position), (rebuilt.after, last));
    assert_eq!(rows(&models.current().store).await, world.expected(last).await);
}

/// Nothing goes on in the background, and the next rebuild is not disturbed by what is left.
pub async fn a_rebuild_whose_caller_goes_away_leaves_no_trace(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let models = open(&world, "cut_v1", "a", &clock(), &Shelves::default()).await;
    let last = world.count_some(30).await;
    models.current().catch_up(world.log.as_ref(), last).await.unwrap();
    let mut polls = 1;
    while cut(polls, models.rebuild(|_, _| {})).await.is_none() {
        assert_eq!(rows(&models.current().store).await, world.expected(last).await);
        polls += polls / 2 + 1;
    }
    assert!(models.generation() > 1);
    assert_eq!(rows(&models.current().store).await, world.expected(last).await);
}

/// One that was complete answers at once after a start, however much has come meanwhile; one that was not is built first.
pub async fn what_was_complete_answers_at_once(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let clock = clock();
    let first = open(&world, "behind_v1", "a", &clock, &Shelves::default()).await;
    drop(first);
    let last = world.count_some(ENTRIES).await;
    let begun = open(&world, "behind_v1", "a", &clock, &Shelves::default()).await;
    assert_eq!(begun.building(), Some((Position::NONE, last)), "nobody has filled it yet");
    let running = run(&begun);
    assert!(begun.current().wait_for(last, WAIT_MAX).await);
    let noted = "select 1 from generation where model = 'behind_v1'";
    let control = world.stores.control("behind").await.unwrap();
    while control.query(noted, &[]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop((running, begun));
    world.count_some(ENTRIES).await;
    let again = open(&world, "behind_v1", "a", &clock, &Shelves::default()).await;
    assert_eq!(again.building(), None);
}

/// One of two that begin at once goes through; the other is told, or comes after it.
pub async fn two_rebuilds_at_once_do_not_meet(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let clock = clock();
    let [one, two] = [
        open(&world, "twice_v1", "a", &clock, &Shelves::default()).await,
        open(&world, "twice_v1", "b", &clock, &Shelves::default()).await,
    ];
    let last = world.count_some(40).await;
    one.current().catch_up(world.log.as_ref(), last).await.unwrap();
    let (a, b, again) = tokio::join!(one.rebuild(|_, _| {}), two.rebuild(|_, _| {}), one.rebuild(|_, _| {}));
    assert!(matches!(again, Err(Error::Rebuilding)));
    let ends = [a, b];
    assert!(ends.iter().any(Result::is_ok), "{ends:?}");
    for end in ends {
        match end {
            Ok(rebuilt) => assert_eq!((rebuilt.before, rebuilt.position), (rebuilt.after, last)),
            Err(error) => assert!(matches!(error, Error::Rebuilding), "{error}"),
        }
    }
    let newest = if one.generation() > two.generation() { one } else { two };
    assert_eq!(newest.current().refresh().await.unwrap(), last.max(Position::NONE));
    assert_eq!(rows(&newest.current().store).await, world.expected(last).await);
}

/// A process of the next version is not ready before it knows as much as the log had when it began; one of the old version
/// answers meanwhile, where there can be two. Then the old one's stores go.
pub async fn a_new_version_is_built_beside_the_old_one(stores: &Stores, seed: u64) {
    let world = Arc::new(World::new(stores.clone(), seed).await);
    let clock = clock();
    let old = open(&world, "next_v1", "a", &clock, &Shelves::default()).await;
    assert_eq!(old.building(), None, "there is nothing to build");
    let last = world.count_some(ENTRIES).await;
    old.current().catch_up(world.log.as_ref(), last).await.unwrap();
    if matches!(stores, Stores::Folder(_)) {
        // Nobody else answers from a folder.
        drop(old);
        let new = open(&world, "next_v2", "b", &clock, &Shelves::default()).await;
        assert_eq!(new.building(), Some((Position::NONE, last)));
        return;
    }
    let new = open(&world, "next_v2", "b", &clock, &Shelves::default()).await;
    assert_eq!(new.building(), Some((Position::NONE, last)));
    assert_eq!(rows(&old.current().store).await, world.expected(last).await, "the old one answers");
    new.current().catch_up(world.log.as_ref(), last).await.unwrap();
    assert_eq!(new.building(), None);
    assert_eq!(
        open(&world, "next_v2", "b", &clock, &Shelves::default()).await.building(),
        None,
        "it is where the log is"
    );
    assert_eq!(rows(&new.current().store).await, world.expected(last).await);
    drop(old);
    new.rebuild(|_, _| {}).await.unwrap();
    let again = open(&world, "next_v1", "c", &clock, &Shelves::default()).await;
    assert_eq!(again.building(), Some((Position::NONE, last)), "the old one's store is gone");
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::UNIX_EPOCH)
}

async fn open(
    world: &World,
    name: &'static str,
    replica: &str,
    clock: &ManualClock,
    shelves: &Shelves,
) -> Arc<Models<Shelves>> {
    let (base, _) = name.rsplit_once("_v").unwrap();
    let control: Store = world.stores.control(base).await.unwrap();
    let shelves = Shelves { name, ..shelves.clone() };
    Arc::new(Models::open(world.shell(replica, clock), control, shelves).await.unwrap())
}

fn run(models: &Arc<Models<Shelves>>) -> (JoinHandle<()>, DropGuard) {
    let stop = CancellationToken::new();
    (tokio::spawn(Arc::clone(models).run(stop.clone())), stop.drop_guard())
}
