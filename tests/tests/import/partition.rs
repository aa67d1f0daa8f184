//! Which messages are one case, worked out from the file alone: connected components over replies.

use std::collections::{BTreeMap, BTreeSet};

use ingestion::import::Record;

/// Groups of external ids. Parents that are not in the file hold groups together and are in none.
pub type Partition = BTreeSet<BTreeSet<String>>;

/// The components of `records`, by nothing but breadth-first search over their reply links.
pub fn of_links(records: &[Record]) -> Partition {
    let mut beside: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for record in records {
        let id = record.external_id.as_str();
        beside.entry(id).or_default();
        if let Some(parent) = record.reply_to.as_deref() {
            beside.entry(id).or_default().insert(parent);
            beside.entry(parent).or_default().insert(id);
        }
    }
    let there: BTreeSet<&str> = records.iter().map(|record| record.external_id.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut groups = Partition::new();
    for &start in &there {
        let mut waiting = vec![start];
        let mut group = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(&beside[id]);
                group.extend(there.contains(id).then(|| id.to_owned()));
            }
        }
        groups.extend((!group.is_empty()).then_some(group));
    }
    groups
}

#[test]
fn a_parent_that_is_not_there_holds_its_answers_together() {
    let record = |id: &str, parent: Option<&str>| Record {
        external_id: id.into(),
        reply_to: parent.map(str::to_owned),
        thread_root: None,
        author: Default::default(),
        recipients: Vec::new(),
        direction: ingestion::import::Direction::Inbound,
        text: String::new(),
        subject: None,
        sent_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        language: None,
        fields: BTreeMap::new(),
        attachments: Vec::new(),
        raw: None,
    };
    let records =
        [record("a", Some("gone")), record("b", Some("gone")), record("c", None), record("d", Some("c"))];
    let group = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(of_links(&records), Partition::from([group(&["a", "b"]), group(&["c", "d"])]));
}
