//! Mails, plain and nasty: each is a message or says why not, and a second run adds nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use ingestion::import::{Format, Options, Record};
use tests::{real_data, world::World};

use crate::{
    conversations::{Random, answer, seed},
    partition::Partition,
    taken,
};

/// Folders of mails, each imported as it is.
const FOLDERS: [&str; 6] =
    ["bounce", "mikel-mail", "mimekit", "nodemailer-mailparser", "reply", "stalwart-mail-parser"];
/// A folder in which mails are called `*.txt`: they are imported from copies with the usual name.
const OTHERWISE_NAMED: &str = "zbateson-mail-mime-parser";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_of_mails_come_in_once() {
    let Some(folder) = real_data::path("email") else { return };
    let world = World::start().await;
    let (mut received, mut accepted) = (0, 0);
    let copies = tempfile::TempDir::new().unwrap();
    copy(&folder.join(OTHERWISE_NAMED), copies.path());
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| folder.join(name)).collect();
    folders.push(copies.path().to_owned());
    for path in &folders {
        let line = taken::import(&world, path, &["--format", "eml"]).await;
        println!("{}: {line:?}", path.display());
        received += line.received;
        accepted += line.accepted;
    }
    assert!(received > 440, "only {received} mails were found");
    let end = taken::end(&world).await;
    let whole = world.log_entries(&["case", "conversation", "customer", "links", "message"]).await.len();
    let digest = world.administrator().digest("").await.0;
    let mut usable = 0;
    for path in &folders {
        let records = taken::records(path, Format::Eml, Options::default());
        let line = taken::import(&world, path, &["--format", "eml"]).await;
        assert_eq!(line.accepted, 0, "{}", path.display());
        assert!(line.duplicate <= records.len(), "{}: {line:?}", path.display());
        usable += line.duplicate;
    }
    assert!(accepted <= usable, "{accepted} of {usable}");
    assert_eq!(taken::end(&world).await, end, "the streams of messages are as they were");
    let now = world.log_entries(&["case", "conversation", "customer", "links", "message"]).await.len();
    assert_eq!(now, whole, "nothing was written of cases, conversations and customers");
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!((&before, &after), (&digest, &digest), "the read model is as it was, and what the log says");
    let cases = taken::cases(&world).await;
    assert!(cases.iter().all(|case| case.origin == "import"));
    let said: usize = cases.iter().map(|case| case.timeline.len()).sum();
    let ids: BTreeSet<_> = cases.iter().flat_map(|case| &case.timeline).map(|item| &item.id).collect();
    assert_eq!(said, ids.len(), "every mail is in one case");
    answer(&world, &cases).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_are_shuffled_and_doubled_become_the_same_cases() {
    let Some(folder) = real_data::path("email") else { return };
    let seed = seed();
    let originals = tempfile::TempDir::new().unwrap();
    copy(&folder, originals.path());
    let mut mails: Vec<_> =
        fs::read_dir(originals.path()).unwrap().map(|mail| mail.unwrap().path()).collect();
    mails.sort_unstable();
    mails.extend_from_within(..);
    Random(seed).shuffle(&mut mails);
    let shuffled = tempfile::TempDir::new().unwrap();
    for (place, mail) in mails.iter().enumerate() {
        fs::copy(mail, shuffled.path().join(format!("{place:04}.eml"))).unwrap();
    }
    let world = World::start().await;
    let line = taken::import(&world, shuffled.path(), &["--format", "eml"]).await;
    let records = taken::records(originals.path(), Format::Eml, Options::default());
    let (names, counts) = taken::submit(&world, &records).await;
    let kept = counts["OUTCOME_DUPLICATE"];
    assert_eq!(line.accepted + line.duplicate, 2 * kept, "seed {seed}: {line:?}, {counts:?}");
    assert!(line.duplicate >= kept, "seed {seed}: {line:?}");
    let cases = taken::cases(&world).await;
    assert_eq!(taken::partition(&cases, &names), threads(&records, &names), "seed {seed}");
    answer(&world, &cases).await;
    world.end().await;
}

/// The threads of the originals in their order, of those that are kept. A mail may name several that it answers.
fn threads(records: &[Record], names: &BTreeMap<String, String>) -> Partition {
    let mut threads: BTreeMap<&Option<String>, BTreeSet<String>> = BTreeMap::new();
    for record in records.iter().filter(|record| names.contains_key(&record.external_id)) {
        threads.entry(&record.thread_root).or_default().insert(record.external_id.clone());
    }
    threads.into_values().collect()
}

/// Copies every file below a folder, with names that end as those of mails do.
fn copy(from: &Path, to: &Path) {
    let mut waiting = vec![from.to_owned()];
    let mut copied = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                copied += 1;
                fs::copy(&path, to.join(format!("{copied}.eml"))).unwrap();
            }
        }
    }
}
