//! A log that answers late, wrongly or not at all, and replicas that end in the middle of a call.

use std::{collections::BTreeSet, future::Future, pin::pin, sync::Arc, task::Poll};

use eventlog::{Faults, SimLog};
use proto::ingestion::v1::submit_response::Outcome;
use service::Error;

use crate::world::*;

/// Polls `future` at most `polls` times, then drops it: the process ends there.
async fn cut_short<F: Future>(future: F, mut polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if polls == 0 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            Poll::Pending
        }
    })
    .await
}

/// An even spread of numbers from a seed.
fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[tokio::test]
async fn whatever_happens_between_an_accepted_message_is_there_once() {
    for seed in 0..6 {
        println!("seed {seed}");
        let log = SimLog::new(seed, Faults { unknown: 25, ..Faults::STORM });
        let mut world = World::on(Arc::new(log.clone()), tempfile::tempdir().unwrap()).await;
        let all: Vec<_> = (0..6).map(|n| message(&format!("m{n}"), "x")).collect();
        let mut promised = BTreeSet::new();
        for round in 0..8 {
            let first = usize::try_from(mix(seed, round) % 4).unwrap();
            let batch = &all[first..first + 3];
            let call = cut_short(world.try_submit(request(WALL, batch)), mix(seed, round + 100) % 60);
            match call.await {
                Some(Ok(response)) => promised.extend(response.results.into_iter().map(|r| r.message_id)),
                Some(Err(Error::Unavailable(_) | Error::Aborted { .. })) | None => {}
                Some(Err(error)) => panic!("seed {seed}: {error}"),
            }
            if round % 3 == 2 {
                log.crash();
            }
            world = world.restarted().await;
        }
        // In the end the sender gets its answer.
        let answers = loop {
            match world.try_submit(request(WALL, &all)).await {
                Ok(response) => break response.results,
                Err(error) => println!("seed {seed}: {error}"),
            }
        };
        assert!(
            outcomes(&answers).iter().all(|o| matches!(o, Outcome::Accepted | Outcome::Duplicate)),
            "seed {seed}: {answers:?}"
        );
        let entries = world.entries().await;
        let stored: BTreeSet<_> = entries.iter().map(|entry| entry.stream.id().to_owned()).collect();
        assert_eq!(entries.len(), all.len(), "seed {seed}: a message is there twice, or not at all");
        assert_eq!(stored.len(), all.len(), "seed {seed}");
        assert!(promised.is_subset(&stored), "seed {seed}: a promised message is gone");
        let last = loop {
            if world.try_submit(request(WALL, &[message("last", "x")])).await.is_ok() {
                break world.sums().await;
            }
        };
        assert_eq!(last.0, all.len() as u64 + 1, "seed {seed}: the ledger counts each accepted message once");
        assert_eq!(last.2, 0, "seed {seed}");
    }
}
