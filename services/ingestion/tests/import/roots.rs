//! Threads do not depend on the order of the rows, nor on how often a row comes: compared with a plain search.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ingestion::import::{Format, Options};
use proptest::prelude::*;

use crate::{read, written};

type Rows = Vec<(String, Option<String>)>;

/// The thread root of every identifier, as the reader has it.
fn imported(rows: &Rows) -> BTreeMap<String, String> {
    let mut csv = String::from("external_id,reply_to,author,sent_at,text\n");
    for (id, parent) in rows {
        writeln!(csv, "{id},{},ada,1709287200,hello", parent.as_deref().unwrap_or("")).unwrap();
    }
    let (records, rejected) = read(written(csv).path(), Format::Csv, Options::default());
    assert_eq!((records.len(), rejected.len()), (rows.len(), 0));
    let mut roots = BTreeMap::new();
    for record in records {
        let root = record.thread_root.unwrap();
        let before = roots.insert(record.external_id.clone(), root.clone());
        assert!(before.is_none_or(|before| before == root), "{} has two roots", record.external_id);
    }
    roots
}

/// Everything that can be reached from `start` over replies in either direction.
fn reachable(rows: &Rows, start: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut waiting = vec![start.to_owned()];
    while let Some(id) = waiting.pop() {
        for (child, parent) in rows.iter().filter_map(|(child, parent)| Some((child, parent.as_ref()?))) {
            for (from, to) in [(child, parent), (parent, child)] {
                if *from == id && seen.insert(to.clone()) {
                    waiting.push(to.clone());
                }
            }
        }
    }
    seen
}

/// The end of the way up, or the smallest of the circle that the way up ends in.
fn topmost(parents: &BTreeMap<String, String>, id: &str) -> String {
    let mut way = vec![id.to_owned()];
    while let Some(parent) = way.last().and_then(|last| parents.get(last)) {
        if let Some(at) = way.iter().position(|seen| seen == parent) {
            return way[at..].iter().min().unwrap().clone();
        }
        way.push(parent.clone());
    }
    way.pop().unwrap()
}

fn id() -> impl Strategy<Value = String> {
    (0..30_u32).prop_map(|number| number.to_string())
}

/// Rows, and the same ones shuffled with some of them doubled.
fn twice(rows: impl Strategy<Value = Rows>) -> impl Strategy<Value = (Rows, Rows)> {
    rows.prop_flat_map(|rows| {
        let doubled = proptest::sample::subsequence(rows.clone(), 0..=rows.len());
        let other = doubled.prop_flat_map({
            let rows = rows.clone();
            move |doubled| Just(rows.iter().cloned().chain(doubled).collect::<Rows>()).prop_shuffle()
        });
        (Just(rows), other)
    })
}

proptest! {
    #[test]
    fn order_and_doubles_change_nothing(
        (rows, other) in twice(proptest::collection::vec((id(), proptest::option::of(id())), 1..40))
    ) {
        let roots = imported(&rows);
        prop_assert_eq!(&roots, &imported(&other));
        for (a, root) in &roots {
            let thread = reachable(&rows, a);
            prop_assert!(thread.contains(root), "the root {} is no part of the thread of {}", root, a);
            for (b, other_root) in &roots {
                prop_assert_eq!(thread.contains(b), root == other_root, "{} and {}", a, b);
            }
        }
    }

    #[test]
    fn with_one_parent_each_the_root_is_the_topmost(
        (rows, other) in twice(
            proptest::collection::btree_map(id(), proptest::option::of(id()), 1..30)
                .prop_map(|rows| rows.into_iter().collect())
        )
    ) {
        let parents = rows.iter().filter_map(|(child, parent)| Some((child.clone(), parent.clone()?)))
            .filter(|(child, parent)| child != parent).collect();
        for (id, root) in imported(&other) {
            prop_assert_eq!(root, topmost(&parents, &id), "{}", id);
        }
    }
}
