//! Whatever is delivered, how often and in which order: the same messages are there, and the ledger is right.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proto::ingestion::v1::{Message, submit_response::Outcome};

use crate::world::*;

/// A conversation tree of `n` messages, each with its parent among those before it; one of them cannot be kept.
fn messages(parents: &[Option<usize>]) -> Vec<Message> {
    let all = parents.iter().enumerate().map(|(n, parent)| {
        let mut sent = message(&format!("m{n}"), &format!("text {n}"));
        if let Some(parent) = parent {
            sent.reply_to = format!("m{}", parent % n.max(1));
        }
        sent
    });
    let mut all: Vec<_> = all.collect();
    all.push(message("flawed", ""));
    all
}

/// The parent of each message; which message comes next and at which replica; how many come in each call.
type Deliveries = (Vec<Option<usize>>, Vec<(usize, bool)>, Vec<usize>);

fn deliveries() -> impl Strategy<Value = Deliveries> {
    prop::collection::vec(prop::option::of(any::<usize>()), 1..8).prop_flat_map(|parents| {
        let n = parents.len() + 1;
        // At least once each, in any order, and any number of times more.
        let once: Vec<usize> = (0..n).collect();
        let order = prop::collection::vec(0..n, 0..12)
            .prop_flat_map(move |more| Just([once.clone(), more].concat()).prop_shuffle())
            .prop_flat_map(|order| {
                let len = order.len();
                (Just(order), prop::collection::vec(any::<bool>(), len))
            })
            .prop_map(|(order, other)| order.into_iter().zip(other).collect());
        (Just(parents), order, prop::collection::vec(1..5_usize, 1..8))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redelivery_and_reordering_change_nothing((parents, order, sizes) in deliveries()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let other = world.beside().await;
            let all = messages(&parents);
            let mut counted = BTreeMap::new();
            let mut sent = 0_u64;
            let mut rest = &order[..];
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (batch, later) = rest.split_at(rest.len().min(*size));
                rest = later;
                let replica = if batch[0].1 { &other } else { &world };
                let batch: Vec<_> = batch.iter().map(|(n, _)| all[*n].clone()).collect();
                sent += batch.len() as u64;
                for outcome in outcomes(&replica.submit(WALL, &batch).await) {
                    *counted.entry(outcome.as_str_name()).or_insert(0_u64) += 1;
                }
            }
            let entries = world.entries().await;
            let streams: BTreeSet<_> = entries.iter().map(|entry| entry.stream.clone()).collect();
            prop_assert_eq!(streams.len(), entries.len(), "a stream has more than one entry");
            let stored: BTreeSet<_> = world.contents().await.into_keys().collect();
            let expected: BTreeSet<_> = (0..parents.len()).map(|n| format!("m{n}")).collect();
            prop_assert_eq!(&stored, &expected);
            let of = |outcome: Outcome| counted.get(outcome.as_str_name()).copied().unwrap_or_default();
            prop_assert_eq!(of(Outcome::Edited), 0);
            // Whoever asks has to have written last: then its read model is complete.
            world.submit(WALL, &[message("last", "x")]).await;
            let (accepted, duplicate, rejected) = world.sums().await;
            prop_assert_eq!(accepted, of(Outcome::Accepted) + 1);
            prop_assert_eq!(duplicate, of(Outcome::Duplicate));
            prop_assert_eq!(rejected, of(Outcome::Rejected));
            prop_assert_eq!(accepted + duplicate + rejected, sent + 1);
            Ok(())
        })?;
    }
}
