//! What many clients did to cases while processes and servers were killed, and what they were told, has an order: each
//! case behaves as if there were one of it, and one operation after the other.

use std::time::Instant;

use tests::{
    faults::{Brokers, Chance, Done, Flaw, Racers, Server, Site, seed},
    servers::NatsCluster,
};

/// Operations of a history, and more are done while the last of them end.
const OPERATIONS: usize = 20_000;
/// Clients, each with connections of its own.
const CLIENTS: usize = 32;
/// How many operations the others do before a server of the log comes back.
const AWAY: usize = 300;
/// The log's stream.
const STREAM: &str = "DOSSIER_LOCAL";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_files() {
    linearizable(Site::up(), 1, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_two_replicas_on_three_nats_servers() {
    let nats = Brokers::Three(NatsCluster::start(3));
    linearizable(Site::serve(nats, &[&["cases"], &["cases"]]).await, 2, 6).await;
}

async fn linearizable(mut site: Site, replicas: usize, kills: usize) {
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let clients = (0..CLIENTS).map(|_| (0..replicas).map(|n| site.administrator(n)).collect()).collect();
    let started = Instant::now();
    let mut racers = Racers::start(clients, seed).await;
    for moment in 1..=kills {
        let every = OPERATIONS / (kills + 1);
        let at = moment * every + chance.below(every as u64 / 2) as usize;
        racers.reach(at).await;
        let victim = chance.below(replicas as u64) as usize;
        let of_log = match &mut site.nats {
            Brokers::Three(cluster) if moment % 3 != 0 => Some((chosen(cluster, &mut chance), cluster)),
            _ => None,
        };
        // A process, a server of the log, or both at once.
        let process = moment % 3 != 2 || of_log.is_none();
        if process {
            site.servers[victim].kill();
        }
        if let Some((of_log, cluster)) = of_log {
            cluster.servers()[of_log].kill();
            racers.reach(at + AWAY).await;
            if process {
                tokio::task::block_in_place(|| site.servers[victim].resume());
            }
            tokio::task::block_in_place(|| cluster.servers()[of_log].resume());
        } else {
            tokio::task::block_in_place(|| site.servers[victim].resume());
        }
    }
    racers.reach(OPERATIONS).await;
    let ways = (0..replicas).map(|n| site.administrator(n)).collect();
    let told = racers.end(ways).await;
    let time = started.elapsed();
    let history = told.history;
    let count = |so: fn(&Done) -> bool| history.count(so);
    let reads = count(|done| matches!(done, Done::Read { .. }));
    let writes = count(|done| matches!(done, Done::Wrote { .. }));
    let stale = count(|done| matches!(done, Done::Stale { .. }));
    let unknown = count(|done| matches!(done, Done::Unknown { .. }));
    eprintln!(
        "{kills} kills in {time:.1?}: {reads} reads, {writes} writes, {stale} refused, {unknown} without outcome, in {} cases; \
         {} attempts without answer",
        told.cases, told.retried
    );
    assert!(reads + writes + stale + unknown >= OPERATIONS);
    assert!(
        stale > kills && unknown > 0 && told.retried > unknown as u64,
        "the clients raced, the kills met work"
    );
    tokio::task::block_in_place(|| {
        history.check().unwrap_or_else(|flaw| panic!("{flaw}"));
        for flaw in [Flaw::Invented, Flaw::Stale, Flaw::Lost] {
            let flawed = history.flawed(flaw).expect("a case that was read at the end");
            assert!(flawed.check().is_err(), "{flaw:?} would not have been found");
        }
    });
    eprintln!("checked in {:.1?}", started.elapsed() - time);
    site.servers.iter_mut().for_each(Server::stop);
    site.servers.iter().for_each(Server::is_faultless);
}

/// One of the servers of the log: every other time the one that leads.
fn chosen(cluster: &mut NatsCluster, chance: &mut Chance) -> usize {
    let (any, leads) = (chance.below(3) as usize, chance.one_in(2));
    let leader = tokio::task::block_in_place(|| cluster.leader_of(STREAM).map(|leader| leader.url()));
    let leader = leader.and_then(|leader| cluster.urls().iter().position(|url| *url == leader));
    leader.filter(|_| leads).unwrap_or(any)
}
