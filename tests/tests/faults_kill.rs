//! `kill -9` at any moment of imports and commands: what was acknowledged is there, once, and the read models are those
//! of the log.

use std::time::{Duration, Instant};

use tests::faults::{Chance, Load, Log, Site, equal_a_rebuild, seed, whole};

/// Callers with a connection each, of two clients each.
const CALLERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_on_files() {
    killed(Site::up(), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_all_on_one_nats_server_and_postgresql() {
    killed(Site::serve_all().await, 50).await;
}

async fn killed(mut site: Site, moments: u32) {
    let seed = seed();
    let mut chance = Chance::new(seed, 0);
    let started = Instant::now();
    let callers = (0..CALLERS).map(|_| site.administrator(0)).collect();
    let load = Load::start(callers, seed);
    let mut log = Log::default();
    for moment in 0..moments {
        tokio::time::sleep(Duration::from_millis(20) + chance.millis(250)).await;
        site.servers[0].kill();
        if chance.one_in(5) {
            // It may also die before it is up.
            site.servers[0].spawn();
            tokio::time::sleep(chance.millis(500)).await;
            site.servers[0].kill();
        }
        let told = load.told();
        site.servers[0].resume();
        log.read_on(&mut site.administrator(0), &told.position).await;
        log.has(&told.acks);
        if moment % 10 == 9 {
            equal_a_rebuild(&mut site.administrator(0)).await;
        }
    }
    let told = load.end().await;
    let mut root = site.administrator(0);
    let cases = whole(&mut root, told.messages).await;
    assert_eq!(cases.len() as u64, told.threads + told.opened, "a case for each thread, and those opened");
    log.read_on(&mut root, &told.position).await;
    log.read_whole(&mut root).await;
    log.has(&told.acks);
    for (stream, command) in &told.refused {
        assert_eq!(log.position(stream, *command), None, "a refused command has no entry");
    }
    assert_eq!(log.count("message"), told.messages, "an entry for each message");
    equal_a_rebuild(&mut root).await;
    let (acks, retried, time) = (told.acks.len(), told.retried, started.elapsed());
    eprintln!(
        "{moments} kills in {time:.1?}: {acks} commands and {} messages acknowledged, {retried} attempts without answer",
        told.messages
    );
    assert!(acks > moments as usize && retried > 0, "the kills met work");
    site.servers[0].stop();
    site.servers[0].is_faultless();
}
