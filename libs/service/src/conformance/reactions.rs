//! What running a reaction promises.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::time::Timestamp;
use eventlog::{Category, Entry, Position};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Duration, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::{LONG, WAIT_MAX, World, shelf_stream};
use crate::{
    clock::{Clock, ManualClock},
    lease::{Lease, RENEWAL, TTL},
    reaction::{Error, Reaction, Runner},
    rush::Rush,
    shell::Stores,
};

/// All promises, one after the other.
pub async fn all(stores: &Stores, seed: u64) {
    every_entry_is_taken_up_in_the_order_of_its_lane(stores, seed).await;
    what_is_of_no_concern_is_passed_over(stores, seed).await;
    a_lane_that_waits_holds_nobody_up_and_skips_nothing(stores, seed).await;
    what_can_never_be_taken_up_is_set_aside_and_told(stores, seed).await;
    another_takes_over_from_one_that_dies(stores, seed).await;
    two_that_run_at_once_do_no_harm(stores, seed).await;
    what_is_under_way_comes_to_its_end_and_nothing_else_begins(stores, seed).await;
    a_rush_that_does_not_end_is_not_waited_for(stores, seed).await;
}

/// Once where nothing goes wrong; a position is kept, and the next process begins there.
pub async fn every_entry_is_taken_up_in_the_order_of_its_lane(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    world.count_some(150).await;
    let first = start(&world, "order", "a", &clock, &notes).await;
    let last = world.count_some(150).await;
    reach(&first.done, last).await;
    assert_eq!(notes.in_order(), 300, "each once");
    first.end().await;
    let second = start(&world, "order", "b", &clock, &notes).await;
    let last = world.count_some(10).await;
    reach(&second.done, last).await;
    assert_eq!(notes.in_order(), 310);
}

/// It is not taken up, and the position passes it, but never what is wanted and not done.
pub async fn what_is_of_no_concern_is_passed_over(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    notes.unwanted.lock().unwrap().insert(shelf_stream(0).to_string());
    let runner = start(&world, "passing", "a", &clock, &notes).await;
    for _ in 0..50 {
        world.count(0, 1).await;
    }
    reach(&runner.done, world.count(0, 1).await).await;
    assert_eq!(notes.in_order(), 0);
    let held = world.count(1, 1).await;
    let last = world.count(0, 1).await;
    let other = world.count(2, 1).await;
    // Another that is told what is late before it can take it up.
    let notes = Notes { unwanted: notes.unwanted, ..Notes::default() };
    notes.late.lock().unwrap().insert(held);
    let runner = start(&world, "holding", "a", &clock, &notes).await;
    // What comes after it in another lane is done, and still the position waits before it.
    notes.until(|taken| taken.contains(&(shelf_stream(2).to_string(), other))).await;
    assert!(*runner.done.borrow() < held);
    notes.late.lock().unwrap().clear();
    reach(&runner.done, last.max(other)).await;
    assert_eq!(notes.in_order(), 2);
}

/// The others go on, what comes after it in its lane does not, and the position does not pass it.
pub async fn a_lane_that_waits_holds_nobody_up_and_skips_nothing(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    let held = world.count(0, 1).await;
    notes.late.lock().unwrap().insert(held);
    world.count_some(100).await;
    let last = world.count(1, 1).await;
    let runner = start(&world, "late", "a", &clock, &notes).await;
    notes.until(|taken| taken.contains(&(shelf_stream(1).to_string(), last))).await;
    assert!(*runner.done.borrow() < held);
    assert!(!notes.taken.lock().unwrap().iter().any(|(lane, _)| *lane == shelf_stream(0).to_string()));
    notes.late.lock().unwrap().clear();
    reach(&runner.done, last).await;
    assert_eq!(notes.in_order(), 102);
}

/// Its lane goes on without it; a later version is asked again.
pub async fn what_can_never_be_taken_up_is_set_aside_and_told(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    let never = world.count(0, 1).await;
    notes.never.lock().unwrap().insert(never);
    let last = world.count(0, 1).await;
    let old = start(&world, "never", "a", &clock, &notes).await;
    reach(&old.done, last).await;
    assert_eq!(notes.in_order(), 1);
    let told = [(shelf_stream(0).to_string(), never.0, "too new".to_owned())];
    assert_eq!(old.runner.parked().await.unwrap(), told);
    old.end().await;
    // Still too new for the next: it stays where it is.
    let same = start(&world, "never", "b", &clock, &notes).await;
    let last = world.count(0, 1).await;
    reach(&same.done, last).await;
    assert_eq!(same.runner.parked().await.unwrap(), told);
    same.end().await;
    notes.never.lock().unwrap().clear();
    let new = start(&world, "never", "c", &clock, &notes).await;
    notes.until(|taken| taken.contains(&(shelf_stream(0).to_string(), never))).await;
    let last = world.count(0, 1).await;
    reach(&new.done, last).await;
    assert_eq!((new.runner.parked().await.unwrap(), notes.taken.lock().unwrap().len()), (vec![], 4));
}

/// While the lease lasts, nobody else works; then another does, from where the first had come.
pub async fn another_takes_over_from_one_that_dies(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    let one = start(&world, "dies", "a", &clock, &notes).await;
    let reached = world.count_some(30).await;
    reach(&one.done, reached).await;
    let others = Notes::default();
    let two = start(&world, "dies", "b", &clock, &others).await;
    // It sees how far the other has come, and does nothing.
    reach(&two.done, reached).await;
    one.task.abort();
    assert!(one.task.await.is_err());
    let last = world.count_some(30).await;
    let mut passed = 0;
    while *two.done.borrow() < last {
        passed += i64::try_from(RENEWAL.as_secs()).unwrap();
        clock.set(Timestamp::UNIX_EPOCH.plus_seconds(passed));
        // The other side has turns to take, each of a renewal; none of them is the time of the test.
        let _ = timeout(Duration::from_millis(20), two.done.clone().wait_for(|done| *done >= last)).await;
        assert!(passed < 100_000, "nobody has taken over");
    }
    assert!(passed > i64::try_from(TTL.as_secs()).unwrap(), "taken over while the lease lasted");
    assert_eq!(others.in_order(), 30);
    // One that ends in order gives the lease up.
    two.end().await;
    let three = start(&world, "dies", "c", &clock, &others).await;
    let last = world.count(0, 1).await;
    reach(&three.done, last).await;
}

/// For a moment both may believe that they hold the lease: each entry is taken up, and the position does not go back.
pub async fn two_that_run_at_once_do_no_harm(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), [Notes::default(), Notes::default()]);
    let control = world.stores.control("reactions").await.unwrap();
    let mut replicas = Vec::new();
    for (n, notes) in notes.iter().enumerate() {
        let lease = Lease::new(control.clone(), Arc::new(clock.clone()), &format!("both {n}"), "x");
        replicas.push(spawn(&world, "both", lease, notes).await);
    }
    let last = world.count_some(100).await;
    for replica in &replicas {
        reach(&replica.done, last).await;
    }
    let sql = "select position from checkpoint where name = 'both'";
    let stored = async || Position(control.query(sql, &[]).await.unwrap()[0].count(0));
    assert_eq!(stored().await, last);
    // Who begins later begins where the other has come.
    let mut taken: HashSet<(String, Position)> = HashSet::new();
    for notes in notes {
        notes.in_order();
        taken.extend(notes.taken.lock().unwrap().iter().cloned());
    }
    assert_eq!(taken.len(), 100);
}

/// Who ends in order cuts nothing off, and leaves what has not begun to the next.
pub async fn what_is_under_way_comes_to_its_end_and_nothing_else_begins(stores: &Stores, seed: u64) {
    let world = World::new(stores.clone(), seed).await;
    let (clock, notes) = (clock(), Notes::default());
    let slow = world.count(0, 1).await;
    notes.slow.lock().unwrap().insert(slow);
    let behind = world.count(0, 1).await;
    let one = start(&world, "ends", "a", &clock, &notes).await;
    let mut begun = notes.begun.subscribe();
    timeout(WAIT_MAX, begun.wait_for(|begun| *begun == 1)).await.unwrap().unwrap();
    drop(one.stop);
    let later = world.count(1, 1).await;
    let mut task = one.task;
    let early = timeout(Duration::from_millis(200), &mut task).await;
    assert!(early.is_err(), "what was under way was cut");
    assert_eq!(notes.in_order(), 0);
    notes.open.send_replace(true);
    timeout(WAIT_MAX, task).await.unwrap().unwrap();
    assert_eq!(*notes.taken.lock().unwrap(), [(shelf_stream(0).to_string(), slow)]);
    // What it did is not done again.
    let two = start(&world, "ends", "b", &clock, &notes).await;
    reach(&two.done, later.max(behind)).await;
    assert_eq!(notes.in_order(), 3);
}

/// What a reaction did, and what it is told to do.
#[derive(Clone, Default)]
struct Notes {
    taken: Arc<Mutex<Vec<(String, Position)>>>,
    news: watch::Sender<()>,
    late: Arc<Mutex<HashSet<Position>>>,
    never: Arc<Mutex<HashSet<Position>>>,
    unwanted: Arc<Mutex<HashSet<String>>>,
    busy: Arc<Mutex<HashSet<String>>>,
    met: Arc<AtomicBool>,
    /// What does not end before `open`, and how much of it has begun.
    slow: Arc<Mutex<HashSet<Position>>>,
    open: watch::Sender<bool>,
    begun: watch::Sender<usize>,
}

impl Notes {
    /// How many entries were taken up; each lane in order, and none twice.
    #[track_caller]
    fn in_order(&self) -> usize {
        assert!(!self.met.load(Ordering::Relaxed), "two of one lane at once");
        let taken = self.taken.lock().unwrap();
        let mut last: HashMap<&str, Position> = HashMap::new();
        for (lane, position) in taken.iter() {
            let before = last.insert(lane, *position);
            assert!(before < Some(*position), "{lane}: {position} after {before:?}");
        }
        taken.len()
    }

    async fn until(&self, seen: impl Fn(&[(String, Position)]) -> bool) {
        let mut news = self.news.subscribe();
        let reached = news.wait_for(|()| seen(&self.taken.lock().unwrap()));
        timeout(WAIT_MAX, reached).await.unwrap().unwrap();
    }
}

struct Noting {
    name: &'static str,
    notes: Notes,
}

#[async_trait::async_trait]
impl Reaction for Noting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn categories(&self) -> Vec<Category> {
        vec![Category::new("shelf").unwrap()]
    }

    fn wants(&self, entry: &Entry) -> bool {
        !self.notes.unwanted.lock().unwrap().contains(entry.stream.as_str())
    }

    fn lane(&self, entry: &Entry) -> String {
        entry.stream.to_string()
    }

    async fn react(&self, entry: &Entry) -> Result<(), Error> {
        let lane = self.lane(entry);
        if !self.notes.busy.lock().unwrap().insert(lane.clone()) {
            self.notes.met.store(true, Ordering::Relaxed);
        }
        tokio::task::yield_now().await;
        if self.notes.slow.lock().unwrap().contains(&entry.position) {
            self.notes.begun.send_modify(|begun| *begun += 1);
            let mut open = self.notes.open.subscribe();
            let _ = open.wait_for(|open| *open).await;
        }
        self.notes.busy.lock().unwrap().remove(&lane);
        if self.notes.late.lock().unwrap().contains(&entry.position) {
            return Err(Error::Later("not yet".to_owned()));
        }
        if self.notes.never.lock().unwrap().contains(&entry.position) {
            return Err(Error::Never("too new".to_owned()));
        }
        self.notes.taken.lock().unwrap().push((lane, entry.position));
        self.notes.news.send_replace(());
        Ok(())
    }
}

struct Running {
    runner: Arc<Runner<Noting>>,
    done: watch::Receiver<Position>,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        drop(self.stop);
        timeout(WAIT_MAX, self.task).await.unwrap().unwrap();
    }
}

/// Who stands back for a rush goes on all the same, in order and with each once: after a while, and at once where somebody
/// waits for it.
pub async fn a_rush_that_does_not_end_is_not_waited_for(stores: &Stores, seed: u64) {
    for (name, rush, asked) in [("rush", Rush::default(), false), ("asked", Rush::of(LONG), true)] {
        goes_on(&World::new(stores.clone(), seed).await, name, &rush, asked).await;
    }
}

async fn goes_on(world: &World, name: &'static str, rush: &Rush, asked: bool) {
    let (clock, notes) = (clock(), Notes::default());
    let _inside: Vec<_> = (0..100).map(|_| rush.enter()).collect();
    let control = || async { world.stores.control("reactions").await.unwrap() };
    let lease = Lease::new(control().await, Arc::new(clock), name, "a");
    let noting = Noting { name, notes: notes.clone() };
    let runner = Runner::new(noting, Arc::clone(&world.log), control().await, lease).behind(rush);
    let runner = Arc::new(runner);
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&runner).run(stop.clone()));
    let last = world.count_some(150).await;
    assert!(!asked || runner.wait_for(last, WAIT_MAX).await);
    reach(&runner.done(), last).await;
    assert_eq!(notes.in_order(), 150);
    stop.cancel();
    timeout(WAIT_MAX, task).await.unwrap().unwrap();
}

async fn start(
    world: &World,
    name: &'static str,
    replica: &str,
    clock: &ManualClock,
    notes: &Notes,
) -> Running {
    let control = world.stores.control("reactions").await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    spawn(world, name, Lease::new(control, clock, name, replica), notes).await
}

async fn spawn(world: &World, name: &'static str, lease: Lease, notes: &Notes) -> Running {
    let control = world.stores.control("reactions").await.unwrap();
    let noting = Noting { name, notes: notes.clone() };
    let runner = Arc::new(Runner::new(noting, Arc::clone(&world.log), control, lease));
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&runner).run(stop.clone()));
    Running { done: runner.done(), runner, stop: stop.drop_guard(), task }
}

async fn reach(done: &watch::Receiver<Position>, position: Position) {
    let mut done = done.clone();
    let reached = matches!(timeout(WAIT_MAX, done.wait_for(|now| *now >= position)).await, Ok(Ok(_)));
    assert!(reached, "at {}, not at {position}", *done.borrow());
}

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::UNIX_EPOCH)
}
