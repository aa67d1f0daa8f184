//! The command path on a log that fails as a cluster fails: thousands of runs, each the same again for its seed.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod caller;

use std::{
    collections::{BTreeMap, HashMap},
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use caller::{Dice, Plan, Tally};
use domain::{decider::Decider, time::Timestamp};
use eventlog::{EventLog, Faults, Position, SimLog, StreamId};
use futures_util::{TryStreamExt, future::join_all};
use service::{
    clock::ManualClock,
    conformance::{self, Full, Shelf, ShelfEvent},
    envelope::Envelope,
    transact::{Error, Meta, Transactor},
};
use uuid::Uuid;
use vault::Vault;

/// Runs of one test, if `DOSSIER_TEST_RUNS` does not say otherwise.
const RUNS: u64 = 10_000;
/// Every so many runs all commands come at once; in the others a few.
const CROWD_EVERY: u64 = 16;
const CROWD: u64 = 64;
const STREAMS: u64 = 2;
/// How often a caller that got no answer asks again.
const DELIVERIES_MAX: u32 = 12;

#[test]
fn every_acknowledged_command_has_its_effect_once_and_no_other_more_than_once() {
    let first = conformance::seed();
    let runs = env::var("DOSSIER_TEST_RUNS").map_or(RUNS, |text| text.parse().unwrap());
    let next = AtomicU64::new(0);
    let total = thread::scope(|scope| {
        let workers: Vec<_> = (0..thread::available_parallelism().map_or(1, usize::from))
            .map(|_| {
                scope.spawn(|| {
                    let mut total = Tally::default();
                    let vault = block_on(conformance::vault());
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= runs {
                            return total;
                        }
                        total.add(&block_on(Run::new(first.wrapping_add(n), &vault).go()));
                    }
                })
            })
            .collect();
        workers.into_iter().fold(Tally::default(), |mut total, worker| {
            total.add(&worker.join().unwrap());
            total
        })
    });
    eprintln!("{runs} runs: {total:?}");
    if runs >= 100 {
        // What never happens is not tested.
        for seen in [total.done, total.repeated, total.refused, total.unchanged, total.stale, total.cut] {
            assert!(seen > 0, "{total:?}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let seed = conformance::seed();
    let vault = block_on(conformance::vault());
    let history = || {
        let run = Run::new(seed, &vault);
        let log = run.log.clone();
        block_on(async {
            run.go().await;
            let mut history = Vec::new();
            for stream in streams() {
                let entries: Vec<_> = log.read(&stream).try_collect().await.unwrap();
                history.extend(entries.into_iter().map(|entry| (entry.position, entry.id)));
            }
            history
        })
    };
    assert_eq!(history(), history());
}

/// What a caller was told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done(Position),
    Nothing,
    NoAnswer,
}

/// Two replicas on one log, and the callers.
struct Run {
    seed: u64,
    log: SimLog,
    replicas: [(Transactor<Shelf>, ManualClock); 2],
}

impl Run {
    fn new(seed: u64, vault: &Arc<Vault>) -> Self {
        let log = SimLog::new(seed, Faults::STORM);
        let replicas = [(); 2].map(|()| {
            let clock = ManualClock::new(at(1_000));
            let shared: Arc<dyn EventLog> = Arc::new(log.clone());
            (Transactor::new("site", shared, Arc::clone(vault), Arc::new(clock.clone())), clock)
        });
        Self { seed, log, replicas }
    }

    async fn go(self) -> Tally {
        let commands = if self.seed.is_multiple_of(CROWD_EVERY) { CROWD } else { 6 };
        let told = join_all((0..commands).map(|n| self.call(n))).await;
        // One more command on each stream, until it is there: whatever was in flight before has landed.
        for (n, stream) in (0..).zip(streams()) {
            let last = id(self.seed, 1_000 + n);
            while self.deliver(&stream, &conformance::meta(last), &Plan::Count(0), 0).await.is_err() {}
        }
        let mut tally = Tally::default();
        let mut expected = HashMap::new();
        for (n, (told, one)) in (0..).zip(told) {
            tally.add(&one);
            expected.insert(id(self.seed, n), told);
        }
        for stream in streams() {
            self.check(&stream, &mut expected).await;
        }
        for (id, told) in expected {
            assert!(
                !matches!(told, Told::Done(_)),
                "seed {}: {id} is told as {told:?}, and not there",
                self.seed
            );
        }
        tally
    }

    /// One caller: asks, and asks again while there is no answer.
    async fn call(&self, n: u64) -> (Told, Tally) {
        let mut dice = Dice(self.seed ^ (n + 1).wrapping_mul(0x9e37_79b9));
        let mut tally = Tally::default();
        let stream = stream(dice.below(STREAMS));
        let plan = Plan::any(&mut dice);
        let mut meta = conformance::meta(id(self.seed, n));
        if dice.below(4) == 0 {
            meta.occurred_at = Some(at(dice.below(2_000)));
        }
        if dice.below(6) == 0 {
            let seen = self.replicas[0].0.peek::<Full>(&stream).await;
            meta.expected = seen.ok().map(|seen| seen.version);
        }
        for delivery in 0..DELIVERIES_MAX {
            let replica = dice.below(2) as usize;
            self.replicas[replica].1.set(at(dice.below(2_000)));
            let polls = if dice.below(3) == 0 { dice.below(30) } else { u64::MAX };
            let Some(answer) = conformance::cut(polls, self.deliver(&stream, &meta, &plan, replica)).await
            else {
                tally.cut += 1;
                continue;
            };
            match answer {
                Ok((position, true, repeated)) => {
                    tally.done += 1;
                    tally.repeated += u64::from(repeated);
                    assert!(delivery > 0 || !repeated, "seed {}: repeated at once", self.seed);
                    self.reuse(&stream, &meta, replica).await;
                    return (Told::Done(position), tally);
                }
                Ok((_, false, _)) => {
                    tally.unchanged += 1;
                    return (Told::Nothing, tally);
                }
                Err(Error::Refused(Full)) => {
                    tally.refused += 1;
                    return (Told::Nothing, tally);
                }
                Err(Error::Stale { .. }) => {
                    tally.stale += 1;
                    return (Told::Nothing, tally);
                }
                Err(Error::Contention | Error::Unavailable(_)) => {}
                Err(error) => panic!("seed {}: {error}", self.seed),
            }
        }
        tally.unanswered += 1;
        (Told::NoAnswer, tally)
    }

    /// Another payload under an id that had its effect.
    async fn reuse(&self, stream: &StreamId, meta: &Meta, replica: usize) {
        let other = Meta { digest: "another".to_owned(), ..meta.clone() };
        match self.deliver(stream, &other, &Plan::Count(1), replica).await {
            Err(Error::CommandIdReused | Error::Unavailable(_)) => {}
            answer => panic!("seed {}: {answer:?}", self.seed),
        }
    }

    async fn deliver(
        &self,
        stream: &StreamId,
        meta: &Meta,
        plan: &Plan,
        replica: usize,
    ) -> Result<(Position, bool, bool), Error<Full>> {
        let transactor = &self.replicas[replica].0;
        let outcome = transactor.execute(stream, meta, |_, now| Ok(vec![plan.command(now)])).await?;
        Ok((outcome.position, outcome.changed, outcome.repeated))
    }

    /// The log has what the callers were told, and the replicas know no more and nothing else.
    async fn check(&self, stream: &StreamId, expected: &mut HashMap<Uuid, Told>) {
        let seed = self.seed;
        let entries: Vec<_> = self.log.read(stream).try_collect().await.unwrap();
        let mut states = BTreeMap::from([(Position::NONE, Shelf::default())]);
        let mut state = Shelf::default();
        let mut recorded = None;
        let mut counted = 0;
        for entry in entries {
            let envelope = Envelope::<ShelfEvent>::of(&entry).unwrap();
            assert!(
                Some(envelope.recorded_at) >= recorded,
                "seed {seed}: time goes back at {}",
                entry.position
            );
            recorded = Some(envelope.recorded_at);
            match expected.remove(&envelope.command.id) {
                Some(Told::Done(position)) => assert_eq!(position, entry.position, "seed {seed}"),
                Some(Told::NoAnswer) => {}
                Some(Told::Nothing) => panic!("seed {seed}: what was denied stands at {}", entry.position),
                None => {
                    assert_eq!(envelope.command.id, id(seed, 1_000 + number(stream)), "seed {seed}: twice");
                }
            }
            let text = String::from_utf8(entry.body.to_vec()).unwrap();
            assert!(!text.contains("a secret"), "seed {seed}: an open value in the log");
            for event in &envelope.events {
                if let ShelfEvent::Counted { amount } = event {
                    counted += amount;
                }
                state = state.evolve(event);
            }
            states.insert(entry.position, state.clone());
        }
        assert_eq!((state.impossible, state.sum), (0, counted), "seed {seed}: an update was lost");
        for (transactor, _) in &self.replicas {
            let hot = transactor.peek::<Full>(stream).await.unwrap();
            assert_eq!(
                Some(&hot.state),
                states.get(&hot.version),
                "seed {seed}: a wrong hot state of {stream}"
            );
        }
    }
}

/// A runtime of one thread whose time passes when nothing else can.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

fn id(seed: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(seed, n)
}

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(i64::try_from(second).unwrap())
}

fn stream(n: u64) -> StreamId {
    format!("shelf-{n}").parse().unwrap()
}

fn streams() -> impl Iterator<Item = StreamId> {
    (0..STREAMS).map(stream)
}

fn number(stream: &StreamId) -> u64 {
    stream.id().parse().unwrap()
}
