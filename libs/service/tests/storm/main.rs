//! The command path on a log that fails as a cluster fails, and whose power is cut: thousands of runs, each the same again
//! for its seed. What a reader of the log made of it while all that happened equals what a later one makes of it.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod caller;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    env,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use caller::{Dice, Plan, Tally};
use domain::{
    decider::{Decider, fold},
    time::Timestamp,
};
use eventlog::{Entry, EventLog, Faults, Position, SimLog, StreamId};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use service::{
    clock::ManualClock,
    conformance::{self, Full, Shelf, ShelfEvent},
    envelope::Envelope,
    transact::{Error, Meta, Transactor},
};
use tokio::sync::watch;
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
/// In so many percent of the deliveries the power of the log is cut before; in as many a replica is started anew.
const CUTS_PERCENT: u64 = 5;
const FAULTS: Faults = Faults { broken_read: 5, ..Faults::STORM };

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
        let Tally { done, repeated, refused, unchanged, stale, cut, power_cuts, .. } = total;
        for seen in [done, repeated, refused, unchanged, stale, cut, power_cuts] {
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
            let end = log.tail(&[]).await.unwrap();
            let mut entries = log.follow(Position::NONE, &[]);
            while history.last().is_none_or(|(position, _)| *position < end) {
                let entry = entries.next().await.unwrap().unwrap();
                history.push((entry.position, entry.id));
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

/// Two replicas on one log, the callers, and who makes a view of the log.
struct Run {
    seed: u64,
    log: SimLog,
    vault: Arc<Vault>,
    replicas: [Replica; 2],
}

/// A process that decides. It may be started anew, and then knows nothing.
struct Replica {
    transactor: RefCell<Rc<Transactor<Shelf>>>,
    clock: ManualClock,
}

/// A view of the log: of each stream what it amounts to, and which entries it is made of, in their order.
#[derive(Debug, Default, PartialEq)]
struct View(BTreeMap<StreamId, (Shelf, Vec<Position>)>);

impl View {
    fn apply(&mut self, entry: &Entry) {
        let envelope = Envelope::<ShelfEvent>::of(entry).unwrap();
        let (state, positions) = self.0.entry(entry.stream.clone()).or_default();
        *state = fold(std::mem::take(state), &envelope.events);
        positions.push(entry.position);
    }
}

impl Run {
    fn new(seed: u64, vault: &Arc<Vault>) -> Self {
        let log = SimLog::new(seed, FAULTS);
        let replicas = [(); 2].map(|()| {
            let clock = ManualClock::new(at(1_000));
            Replica { transactor: RefCell::new(Rc::new(transactor(&log, vault, &clock))), clock }
        });
        Self { seed, log, vault: Arc::clone(vault), replicas }
    }

    /// What may happen between two deliveries, whatever is in flight.
    fn disturb(&self, dice: &mut Dice) -> u64 {
        let cut = dice.below(100) < CUTS_PERCENT;
        if cut {
            self.log.crash();
        }
        if dice.below(100) < CUTS_PERCENT {
            let replica = &self.replicas[dice.below(2) as usize];
            *replica.transactor.borrow_mut() = Rc::new(transactor(&self.log, &self.vault, &replica.clock));
        }
        u64::from(cut)
    }

    /// Follows the log and makes a view of it, until the log is as long as `end` says in the end.
    async fn watch(&self, mut end: watch::Receiver<Option<Position>>) -> View {
        let mut view = View::default();
        let mut entries = self.log.follow(Position::NONE, &[]);
        let mut last = Position::NONE;
        loop {
            let wanted = *end.borrow_and_update();
            if wanted.is_some_and(|wanted| last >= wanted) {
                return view;
            }
            tokio::select! {
                Some(entry) = entries.next() => {
                    let entry = entry.unwrap();
                    last = entry.position;
                    view.apply(&entry);
                }
                _ = end.changed(), if wanted.is_none() => {}
            }
        }
    }

    async fn go(self) -> Tally {
        let commands = if self.seed.is_multiple_of(CROWD_EVERY) { CROWD } else { 6 };
        let (end, ended) = watch::channel(None);
        let callers = async {
            let told = join_all((0..commands).map(|n| self.call(n))).await;
            // One more command on each stream, until it is there: whatever was in flight before has landed.
            for (n, stream) in (0..).zip(streams()) {
                let last = id(self.seed, 1_000 + n);
                while self.deliver(&stream, &conformance::meta(last), &Plan::Count(0), 0).await.is_err() {}
            }
            end.send_replace(Some(self.log.tail(&[]).await.unwrap()));
            told
        };
        let (told, view) = tokio::join!(callers, self.watch(ended));
        let mut anew = View::default();
        for stream in streams() {
            self.entries(&stream).await.iter().for_each(|entry| anew.apply(entry));
        }
        assert_eq!(view, anew, "seed {}: the view that was kept is not the log's", self.seed);
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
            let first = Rc::clone(&self.replicas[0].transactor.borrow());
            let seen = first.peek::<Full>(&stream).await;
            meta.expected = seen.ok().map(|seen| seen.version);
        }
        for delivery in 0..DELIVERIES_MAX {
            tally.power_cuts += self.disturb(&mut dice);
            let replica = dice.below(2) as usize;
            self.replicas[replica].clock.set(at(dice.below(2_000)));
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
        let transactor = Rc::clone(&self.replicas[replica].transactor.borrow());
        let outcome = transactor.execute(stream, meta, |_, now| Ok(vec![plan.command(now)])).await?;
        Ok((outcome.position, outcome.changed, outcome.repeated))
    }

    /// What stands in a stream, however often the read breaks off.
    async fn entries(&self, stream: &StreamId) -> Vec<Entry> {
        loop {
            if let Ok(entries) = self.log.read(stream).try_collect().await {
                return entries;
            }
        }
    }

    /// The log has what the callers were told, and the replicas know no more and nothing else.
    async fn check(&self, stream: &StreamId, expected: &mut HashMap<Uuid, Told>) {
        let seed = self.seed;
        let entries = self.entries(stream).await;
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
        for replica in &self.replicas {
            let transactor = Rc::clone(&replica.transactor.borrow());
            let hot = loop {
                if let Ok(hot) = transactor.peek::<Full>(stream).await {
                    break hot;
                }
            };
            assert_eq!(
                Some(&hot.state),
                states.get(&hot.version),
                "seed {seed}: a wrong hot state of {stream}"
            );
        }
    }
}

fn transactor(log: &SimLog, vault: &Arc<Vault>, clock: &ManualClock) -> Transactor<Shelf> {
    Transactor::new("site", Arc::new(log.clone()), Arc::clone(vault), Arc::new(clock.clone()))
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
