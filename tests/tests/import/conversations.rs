//! Conversations: every message once, every thread one case, whatever the order of the rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ingestion::import::{Direction, Format, Options, Preset, Record};
use proto::{cases::v1 as pb, operations::v1 as ops};
use serde_json::Value;
use tempfile::TempDir;
use tests::{program, real_data, world::World};

use crate::{
    partition,
    taken::{self, Line},
};

fn expected(file: &str) -> Option<(PathBuf, Value)> {
    let path = real_data::path(&format!("conversations/{file}"))?;
    let all = real_data::path("conversations/EXPECTED.json")?;
    let all: Value = serde_json::from_slice(&fs::read(all).unwrap()).unwrap();
    Some((path, all[file].clone()))
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// The file again: nothing is added, nothing changes.
async fn again(world: &World, path: &Path, arguments: &[&str], rows: usize) {
    let (end, before) = (taken::end(world).await, world.administrator().digest("").await.0);
    let line = taken::import(world, path, arguments).await;
    assert_eq!(line, Line { received: rows, accepted: 0, duplicate: rows, rejected: 0 });
    assert_eq!(taken::end(world).await, end, "the streams of messages are as they were");
    assert_eq!(world.administrator().digest("").await.0, before, "the read model is as it was");
}

/// Cases of an import answer like all others, and say where they come from.
pub async fn answer(world: &World, cases: &[pb::Case]) {
    let mut root = world.administrator();
    assert!(cases.iter().all(|case| case.origin == "import"));
    let imported = root.ids(pb::Filter { origin: "import".into(), ..Default::default() }, "").await;
    assert_eq!(imported.len(), cases.len());
    assert!(root.ids(pb::Filter { origin: "live".into(), ..Default::default() }, "").await.is_empty());
    let end = root
        .operations
        .list_read_models(ops::ListReadModelsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .position;
    for case in cases.iter().step_by(cases.len() / 20 + 1) {
        let case = &root.case(&case.case_id).await;
        let history = root.history(&case.number).await;
        assert_eq!(history[0].events[0].r#type, "case.opened");
        assert!(history.iter().all(|entry| entry.origin == "import" && !entry.causation.is_empty()));
        let first = root.case_as_of(&case.case_id, &history[0].position).await.unwrap();
        assert_eq!(first.timeline.len(), 1, "it began with one message");
        let last = root.case_as_of(&case.case_id, &history.last().unwrap().position).await.unwrap();
        let said = |case: &pb::Case| case.timeline.iter().map(|item| item.id.clone()).collect::<Vec<_>>();
        assert_eq!(said(&last), said(case), "words may have been edited since");
        assert_eq!(root.case_as_of(&case.case_id, &end).await.unwrap().timeline, case.timeline);
    }
    // The same on the command line.
    let case = cases.iter().max_by_key(|case| case.message_count).unwrap();
    let at = root.history(&case.number).await[0].position.clone();
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let shown = json(program::run(world, &["case", "show", &case.number, "-o", "json"]).await);
    assert_eq!(
        shown["case"]["timeline"].as_array().unwrap().len(),
        usize::try_from(case.message_count).unwrap()
    );
    let then = json(program::run(world, &["case", "show", &case.number, "--as-of", &at, "-o", "json"]).await);
    assert_eq!(then["case"]["timeline"].as_array().unwrap().len(), 1);
    let history = json(program::run(world, &["case", "history", &case.number, "-o", "json"]).await);
    assert!(!history["entries"].as_array().unwrap().is_empty());
}

/// A set of conversations with threads, as it is imported.
struct Set {
    path: PathBuf,
    arguments: &'static [&'static str],
    format: Format,
    options: Options,
    expected: Value,
    rows: usize,
    unique: usize,
    /// Where what was made of it is.
    folder: TempDir,
}

impl Set {
    fn twcs() -> Option<Self> {
        let (path, expected) = expected("twcs_5000.csv")?;
        let rows = count(&expected["rows"]);
        Some(Self {
            path,
            arguments: &["--format", "csv", "--preset", "twcs"],
            format: Format::Csv,
            options: Options { mapping: Some(Preset::Twcs.mapping()), ..Options::default() },
            expected,
            rows,
            unique: rows,
            folder: TempDir::new().unwrap(),
        })
    }

    /// Dialogs, converted to what we read.
    fn ibm() -> Option<Self> {
        let (path, expected) = expected("ibm_twitter_care_dev.json")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ibm_to_jsonl.py");
        let converted = Command::new("python3").arg(script).arg(path).output().unwrap();
        assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dialogs.jsonl");
        fs::write(&path, converted.stdout).unwrap();
        Some(Self {
            path,
            arguments: &["--format", "jsonl"],
            format: Format::Jsonl,
            options: Options::default(),
            rows: count(&expected["messages"]),
            unique: count(&expected["unique_tweet_ids"]),
            expected,
            folder,
        })
    }

    fn records(&self) -> Vec<Record> {
        taken::records(&self.path, self.format, self.options.clone())
    }

    /// Its rows twice, in another order.
    fn shuffled_and_doubled(&self, mut random: Random) -> PathBuf {
        let text = fs::read_to_string(&self.path).unwrap();
        let (header, mut rows) = if self.format == Format::Csv {
            let mut rows = rows_of(&text);
            (rows.remove(0), rows)
        } else {
            ("", text.split_inclusive('\n').collect())
        };
        rows.extend_from_within(..);
        random.shuffle(&mut rows);
        let shuffled = self.folder.path().join("shuffled");
        fs::write(&shuffled, [header].into_iter().chain(rows).collect::<String>()).unwrap();
        shuffled
    }
}

/// Each thread is a case, and in it stands when the customer was first answered, and since when he waits.
fn are_threads(cases: &[pb::Case], names: &BTreeMap<String, String>, records: &[Record]) {
    assert_eq!(taken::partition(cases, names), partition::of_links(records));
    let by_name: BTreeMap<&str, &Record> =
        records.iter().map(|record| (names[&record.external_id].as_str(), record)).collect();
    for case in cases {
        let said: Vec<_> = case.timeline.iter().map(|item| by_name[item.id.as_str()]).collect();
        let at = |said: &&Record| (said.sent_at.as_second(), said.sent_at.subsec_nanosecond());
        let sent = |direction| said.iter().filter(move |said| said.direction == direction).map(at);
        let answer = |asked| sent(Direction::Outbound).filter(|answer| *answer >= asked).min();
        let first = sent(Direction::Inbound).min().and_then(answer);
        let waiting = sent(Direction::Inbound).filter(|asked| answer(*asked).is_none()).min();
        let told = |at: Option<prost_types::Timestamp>| at.map(|at| (at.seconds, at.nanos));
        assert_eq!(told(case.first_response_at), first, "{}", case.number);
        assert_eq!(told(case.waiting_since), waiting, "{}", case.number);
    }
}

/// The set is imported, and again: every message once, every thread one case.
async fn come_in_once(set: &Set) -> (World, Vec<pb::Case>) {
    let world = World::start().await;
    let Set { path, arguments, rows, unique, .. } = set;
    let line = taken::import(&world, path, arguments).await;
    assert_eq!(line, Line { received: *rows, accepted: *unique, duplicate: rows - unique, rejected: 0 });
    assert_eq!(taken::end(&world).await.1, *unique);
    again(&world, path, arguments, *rows).await;
    let records = set.records();
    let (names, counts) = taken::submit(&world, &records).await;
    assert_eq!(counts.get("OUTCOME_DUPLICATE"), Some(rows), "{counts:?}");
    let cases = taken::cases(&world).await;
    are_threads(&cases, &names, &records);
    answer(&world, &cases).await;
    (world, cases)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn support_threads_become_cases_once() {
    let Some(set) = Set::twcs() else { return };
    let (world, cases) = come_in_once(&set).await;
    assert_eq!(cases.len(), count(&set.expected["threads"]));
    let largest = cases.iter().map(|case| case.timeline.len()).max();
    assert_eq!(largest, Some(count(&set.expected["largest_thread"])));
    let inbound = pb::timeline_item::Kind::MessageIn;
    let inbound = cases.iter().flat_map(|case| &case.timeline).filter(|item| item.kind() == inbound).count();
    assert_eq!(inbound, count(&set.expected["inbound"]));
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_that_were_converted_become_cases_once() {
    let Some(set) = Set::ibm() else { return };
    let (world, _) = come_in_once(&set).await;
    world.end().await;
}

/// The rows of the set come twice and in any order.
async fn become_the_same_cases(set: &Set) {
    let seed = seed();
    let shuffled = set.shuffled_and_doubled(Random(seed));
    let world = World::start().await;
    let Set { arguments, rows, unique, .. } = set;
    let line = taken::import(&world, &shuffled, arguments).await;
    let duplicate = 2 * rows - unique;
    assert_eq!(line, Line { received: 2 * rows, accepted: *unique, duplicate, rejected: 0 }, "seed {seed}");
    let records = set.records();
    let (names, _) = taken::submit(&world, &records).await;
    let cases = taken::cases(&world).await;
    are_threads(&cases, &names, &records);
    answer(&world, &cases).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn support_threads_that_are_shuffled_and_doubled_become_the_same_cases() {
    let Some(set) = Set::twcs() else { return };
    become_the_same_cases(&set).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_that_are_shuffled_and_doubled_become_the_same_cases() {
    let Some(set) = Set::ibm() else { return };
    become_the_same_cases(&set).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labelled_tweets_come_once_each() {
    let Some((path, expected)) = expected("airline_tweets.csv") else { return };
    let world = World::start().await;
    let (rows, unique) = (count(&expected["rows"]), count(&expected["unique_tweet_id"]));
    let arguments = ["--format", "csv", "--preset", "airline"];
    let line = taken::import(&world, &path, &arguments).await;
    assert_eq!(line, Line { received: rows, accepted: unique, duplicate: rows - unique, rejected: 0 });
    assert_eq!(taken::end(&world).await.1, unique);
    again(&world, &path, &arguments, rows).await;
    let mut root = world.administrator();
    let listed = root.list(pb::ListCasesRequest { page_size: 200, ..Default::default() }).await;
    assert_eq!(listed.len(), unique, "nobody answers anybody: a case each");
    assert!(listed.iter().all(|case| case.message_count == 1 && case.origin == "import"));
    let customers: std::collections::BTreeSet<_> = listed.iter().map(|case| &case.customer).collect();
    assert_eq!(customers.len(), count(&expected["unique_authors"]));
    answer(&world, &listed).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_stands_before_its_question_answers_it() {
    let header = "tweet_id,author_id,inbound,created_at,text,response_tweet_id,in_response_to_tweet_id\n";
    let rows = [
        "1,ada,True,Tue Oct 31 22:00:00 +0000 2017,It leaks,2,\n",
        "2,care,False,Tue Oct 31 22:05:00 +0000 2017,@ada We come,,1\n",
        "3,care,False,Tue Oct 31 22:09:00 +0000 2017,@ada At nine,,1\n",
    ];
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rows.csv");
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1]] {
        fs::write(&path, [header].into_iter().chain(order.map(|row| rows[row])).collect::<String>()).unwrap();
        let world = World::start().await;
        taken::import(&world, &path, &["--format", "csv", "--preset", "twcs"]).await;
        let [case] = &taken::cases(&world).await[..] else { panic!("one thread") };
        let at = |second: i64| Some(prost_types::Timestamp { seconds: 1_509_487_200 + second, nanos: 0 });
        assert_eq!((case.waiting_since, case.first_response_at), (None, at(300)), "{order:?}");
        world.end().await;
    }
}

/// The rows of a CSV with their line ends; a quoted field may hold some.
fn rows_of(text: &str) -> Vec<&str> {
    let (mut rows, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                rows.push(&text[start..=at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    assert_eq!(start, text.len(), "the file ends with a line end");
    rows
}

/// Another each time, unless `DOSSIER_TEST_SEED` says which; printed.
pub fn seed() -> u64 {
    let given = std::env::var("DOSSIER_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    println!("DOSSIER_TEST_SEED={seed}");
    seed
}

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }
}
