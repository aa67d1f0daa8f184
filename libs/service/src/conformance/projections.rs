//! What a read model promises.

use std::{sync::Arc, time::Duration};

use eventlog::Position;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    cut,
    world::{LONG, Shelves, UNLUCKY, WAIT_MAX, World, rows, shelf_stream},
};
use crate::{
    projection::{Error, ReadModel},
    rush::Rush,
    shell::Stores,
};

const ENTRIES: u64 = 400;

/// All promises, one after the other.
pub async fn all(stores: &Stores, seed: u64) {
    two_replicas_count_each_entry_once(stores, seed).await;
    what_is_dropped_midway_goes_on(stores, seed).await;
    a_batch_that_is_not_next_is_refused(stores, seed).await;
    a_parked_stream_waits_and_the_others_go_on(stores, seed).await;
    an_old_and_a_new_version_run_side_by_side(stores, seed).await;
    one_waits_for_a_position(stores, seed).await;
    who_waits_is_not_kept_waiting_by_a_rush(stores, seed).await;
}

/// However the replicas overtake each other, each entry is applied once, and in order.
pub async fn two_replicas_count_each_entry_once(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let replicas =
        [world.model("once_v1", Shelves::default()).await, world.model("once_v1", Shelves::default()).await];
    // The first half is there before; the other comes meanwhile.
    world.count_some(ENTRIES / 2).await;
    let _running: Vec<_> = replicas.iter().map(|replica| run(&world, replica)).collect();
    let last = world.count_some(ENTRIES / 2).await;
    for replica in &replicas {
        assert!(replica.wait_for(last, WAIT_MAX).await, "at {}, not at {last}", replica.position());
    }
    assert_eq!(rows(&replicas[0].store).await, world.expected(last).await);
    assert_eq!(replicas[0].digest().await.unwrap(), replicas[1].digest().await.unwrap());
}

/// A process that dies anywhere leaves nothing half done.
pub async fn what_is_dropped_midway_goes_on(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let last = world.count_some(ENTRIES / 4).await;
    let mut polls = 1;
    let mut drops = 0;
    loop {
        let model = world.model("dropped_v1", Shelves::default()).await;
        if let Some(end) = cut(polls, model.catch_up(world.log.as_ref(), last)).await {
            end.unwrap();
            break assert_eq!(rows(&model.store).await, world.expected(last).await);
        }
        let reached = model.refresh().await.unwrap();
        assert_eq!(rows(&model.store).await, world.expected(reached).await, "after {polls} polls");
        model.store.close().await;
        polls += polls / 3 + 1;
        drops += 1;
    }
    assert!(drops > 3, "it was never dropped midway");
}

/// Entries that do not follow what is applied change nothing.
pub async fn a_batch_that_is_not_next_is_refused(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let last = world.count_some(10).await;
    let model = world.model("next_v1", Shelves::default()).await;
    model.catch_up(world.log.as_ref(), last).await.unwrap();
    let entries: Vec<_> =
        futures_util::TryStreamExt::try_collect(world.log.read(&shelf_stream(0))).await.unwrap();
    for from in [Position::NONE, Position(last.0 - 1), Position(last.0 + 1)] {
        assert!(matches!(model.apply(from, &entries).await, Err(Error::Overtaken)));
    }
    assert_eq!(rows(&model.store).await, world.expected(last).await);
    assert_eq!(model.refresh().await.unwrap(), last);
}

/// A stream with an entry that cannot be read waits, is told, and is applied in order by a version that can.
pub async fn a_parked_stream_waits_and_the_others_go_on(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    world.count_some(20).await;
    let unlucky = world.count(2, UNLUCKY).await;
    let last = world.count_some(50).await;
    let old = world.model("parked_v1", Shelves::default()).await;
    old.catch_up(world.log.as_ref(), last).await.unwrap();
    let expected = |mut all: Vec<(String, u64, u64, String)>, before: Vec<(String, u64, u64, String)>| {
        all[2] = before[2].clone();
        all
    };
    let before = world.expected(Position(unlucky.0 - 1)).await;
    assert_eq!(rows(&old.store).await, expected(world.expected(last).await, before));
    let waiting = [(shelf_stream(2).to_string(), unlucky.0, "of a later version".to_owned())];
    assert_eq!(old.parked().await.unwrap(), waiting);

    let new = world.model("parked_v1", Shelves { newer: true, ..Shelves::default() }).await;
    let _running = run(&world, &new);
    let last = world.count(2, 1).await;
    assert!(new.wait_for(last, WAIT_MAX).await);
    assert_eq!(rows(&new.store).await, world.expected(last).await);
    assert_eq!(new.parked().await.unwrap(), []);
}

/// While an upgrade rolls, one replica parks what the other can read.
pub async fn an_old_and_a_new_version_run_side_by_side(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let old = world.model("rolling_v1", Shelves::default()).await;
    let new = world.model("rolling_v1", Shelves { newer: true, ..Shelves::default() }).await;
    let old_runs = run(&world, &old);
    let _new_runs = run(&world, &new);
    for n in 0..ENTRIES / 4 {
        world.count(n % 3, n % 2 * UNLUCKY).await;
    }
    let last = world.count(0, 0).await;
    assert!(old.wait_for(last, WAIT_MAX).await && new.wait_for(last, WAIT_MAX).await);
    drop(old_runs);
    // Whatever the old one parked last: with the next entry the new one has all.
    let last = world.count(1, 1).await;
    assert!(new.wait_for(last, WAIT_MAX).await);
    let (reached, parked) = (new.refresh().await.unwrap(), new.parked().await.unwrap());
    assert_eq!((reached, parked), (last, vec![]));
    assert_eq!(rows(&new.store).await, world.expected(last).await);
}

/// Waiting ends when the position is applied, or when its time is over.
pub async fn one_waits_for_a_position(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let model = world.model("waits_v1", Shelves::default()).await;
    let last = world.count(0, 1).await;
    assert!(model.wait_for(Position::NONE, Duration::ZERO).await);
    assert!(!model.wait_for(last, Duration::ZERO).await);
    let (reached, end) =
        tokio::join!(model.wait_for(last, WAIT_MAX), model.catch_up(world.log.as_ref(), last));
    end.unwrap();
    assert!(reached && model.position() == last);
}

/// While many are taken in a read model stands back, but not for those who wait for it.
pub async fn who_waits_is_not_kept_waiting_by_a_rush(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let rush = Rush::of(LONG);
    let _inside: Vec<_> = (0..100).map(|_| rush.enter()).collect();
    let model = world.model_behind("rush_v1", Shelves::default(), &rush).await;
    let running = run(&world, &model);
    for _ in 0..3 {
        let last = world.count_some(20).await;
        assert!(model.wait_for(last, WAIT_MAX).await && rush.is_on());
    }
    drop(running);
}

/// Runs a replica until the answer is dropped.
pub(super) fn run(world: &World, model: &Arc<ReadModel<Shelves>>) -> (JoinHandle<()>, DropGuard) {
    let stop = CancellationToken::new();
    let running = Arc::clone(model).run(Arc::clone(&world.log), stop.clone());
    (tokio::spawn(running), stop.drop_guard())
}
