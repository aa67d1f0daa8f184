//! Conversations: every message once, every thread one case, whatever the order of the rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ingestion::import::{Format, Options, Preset};
use proto::cases::v1 as pb;
use serde_json::Value;
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

fn preset(preset: Preset) -> Options {
    Options { mapping: Some(preset.mapping()), ..Options::default() }
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
async fn answer(world: &World, cases: &[pb::Case]) {
    let mut root = world.administrator();
    assert!(cases.iter().all(|case| case.origin == "import"));
    let imported = root.ids(pb::Filter { origin: "import".into(), ..Default::default() }, "").await;
    assert_eq!(imported.len(), cases.len());
    assert!(root.ids(pb::Filter { origin: "live".into(), ..Default::default() }, "").await.is_empty());
    for case in cases.iter().step_by(cases.len() / 20 + 1) {
        let history = root.history(&case.number).await;
        assert_eq!(history[0].events[0].r#type, "case.opened");
        assert!(history.iter().all(|entry| entry.origin == "import" && !entry.causation.is_empty()));
        let first = root.case_as_of(&case.case_id, &history[0].position).await.unwrap();
        assert_eq!(first.timeline.len(), 1, "it began with one message");
        let last = root.case_as_of(&case.case_id, &history.last().unwrap().position).await.unwrap();
        assert_eq!(last.timeline, case.timeline);
    }
    // The same on the command line.
    let case = cases.iter().max_by_key(|case| case.message_count).unwrap();
    let at = root.history(&case.number).await[0].position.clone();
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let shown = json(program::run(world, &["case", "show", &case.number, "-o", "json"]).await);
    assert_eq!(shown["case"]["timeline"].as_array().unwrap().len(), case.timeline.len());
    let then = json(program::run(world, &["case", "show", &case.number, "--as-of", &at, "-o", "json"]).await);
    assert_eq!(then["case"]["timeline"].as_array().unwrap().len(), 1);
    let history = json(program::run(world, &["case", "history", &case.number, "-o", "json"]).await);
    assert!(!history["entries"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn support_threads_become_cases_once() {
    let Some((path, expected)) = expected("twcs_5000.csv") else { return };
    let world = World::start().await;
    let rows = count(&expected["rows"]);
    let arguments = ["--format", "csv", "--preset", "twcs"];
    let line = taken::import(&world, &path, &arguments).await;
    assert_eq!(line, Line { received: rows, accepted: rows, duplicate: 0, rejected: 0 });
    assert_eq!(taken::end(&world).await.1, rows);
    again(&world, &path, &arguments, rows).await;

    let records = taken::records(&path, Format::Csv, preset(Preset::Twcs));
    let (names, counts) = taken::submit(&world, &records).await;
    assert_eq!(counts.get("OUTCOME_DUPLICATE"), Some(&rows), "{counts:?}");
    let cases = taken::cases(&world).await;
    assert_eq!(cases.len(), count(&expected["threads"]));
    let largest = cases.iter().map(|case| case.timeline.len()).max();
    assert_eq!(largest, Some(count(&expected["largest_thread"])));
    assert_eq!(taken::partition(&cases, &names), partition::of_links(&records));
    let inbound = pb::timeline_item::Kind::MessageIn;
    let inbound = cases.iter().flat_map(|case| &case.timeline).filter(|item| item.kind() == inbound).count();
    assert_eq!(inbound, count(&expected["inbound"]));
    answer(&world, &cases).await;
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_shuffled_and_doubled_become_the_same_cases() {
    let Some((path, expected)) = expected("twcs_5000.csv") else { return };
    let seed = seed();
    let mut random = Random(seed);
    let text = fs::read_to_string(&path).unwrap();
    let mut rows = rows_of(&text);
    let header = rows.remove(0);
    rows.extend_from_within(..);
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.below(i + 1));
    }
    let folder = tempfile::TempDir::new().unwrap();
    let shuffled = folder.path().join("shuffled.csv");
    fs::write(&shuffled, [header].into_iter().chain(rows.iter().copied()).collect::<String>()).unwrap();

    let world = World::start().await;
    let unique = count(&expected["rows"]);
    let line = taken::import(&world, &shuffled, &["--format", "csv", "--preset", "twcs"]).await;
    assert_eq!(line, Line { received: 2 * unique, accepted: unique, duplicate: unique, rejected: 0 });
    let records = taken::records(&path, Format::Csv, preset(Preset::Twcs));
    let (names, _) = taken::submit(&world, &records).await;
    let cases = taken::cases(&world).await;
    assert_eq!(taken::partition(&cases, &names), partition::of_links(&records), "seed {seed}");
    world.end().await;
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
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_that_were_converted_become_cases_once() {
    let Some((path, expected)) = expected("ibm_twitter_care_dev.json") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/ibm_to_jsonl.py");
    let converted = Command::new("python3").arg(script).arg(&path).output().unwrap();
    assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
    let folder = tempfile::TempDir::new().unwrap();
    let jsonl = folder.path().join("dialogs.jsonl");
    fs::write(&jsonl, converted.stdout).unwrap();

    let world = World::start().await;
    let (rows, unique) = (count(&expected["messages"]), count(&expected["unique_tweet_ids"]));
    let line = taken::import(&world, &jsonl, &["--format", "jsonl"]).await;
    assert_eq!(line, Line { received: rows, accepted: unique, duplicate: rows - unique, rejected: 0 });
    assert_eq!(taken::end(&world).await.1, unique);
    again(&world, &jsonl, &["--format", "jsonl"], rows).await;
    let records = taken::records(&jsonl, Format::Jsonl, Options::default());
    let (names, counts) = taken::submit(&world, &records).await;
    assert_eq!(counts.get("OUTCOME_DUPLICATE"), Some(&rows), "{counts:?}");
    let cases = taken::cases(&world).await;
    assert_eq!(taken::partition(&cases, &names), partition::of_links(&records));
    answer(&world, &cases).await;
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
    let folder = tempfile::TempDir::new().unwrap();
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
fn seed() -> u64 {
    let given = std::env::var("DOSSIER_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    println!("DOSSIER_TEST_SEED={seed}");
    seed
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}
