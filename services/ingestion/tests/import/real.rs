//! Real conversations and mails, against what is known about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ingestion::import::{Direction, Format, Options, Preset, Record};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::{read, real, written};

fn expected(file: &str) -> Option<(PathBuf, Value)> {
    let folder = real("conversations")?;
    let all: Value = serde_json::from_slice(&fs::read(folder.join("EXPECTED.json")).unwrap()).unwrap();
    Some((folder.join(file), all[file].clone()))
}

fn mapped(preset: Preset) -> Options {
    Options { mapping: Some(preset.mapping()), ..Options::default() }
}

/// How often each value comes, in the form of the expectations.
fn counts(values: impl Iterator<Item = String>) -> Value {
    let mut counts = BTreeMap::<String, u64>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    serde_json::to_value(counts).unwrap()
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<BTreeSet<_>>().len()
}

#[test]
fn support_threads() {
    let Some((path, expected)) = expected("twcs_5000.csv") else { return };
    let (records, rejected) = read(&path, Format::Csv, mapped(Preset::Twcs));
    assert_eq!(rejected, []);
    assert_eq!(records.len(), expected["rows"]);
    let inbound = records.iter().filter(|record| record.direction == Direction::Inbound).count();
    assert_eq!(inbound, expected["inbound"]);
    let mut threads = BTreeMap::<_, Vec<&Record>>::new();
    for record in &records {
        threads.entry(record.thread_root.as_deref().unwrap()).or_default().push(record);
    }
    assert_eq!(threads.len(), expected["threads"]);
    assert_eq!(threads.values().map(Vec::len).max().unwrap(), expected["largest_thread"]);
    let outbound = records.iter().filter(|record| record.direction == Direction::Outbound);
    assert_eq!(counts(outbound.map(|record| record.author.external_id.clone())), expected["brands"]);

    let mut seconds: Vec<f64> = threads.values().filter_map(|thread| first_response_s(thread)).collect();
    seconds.sort_by(f64::total_cmp);
    assert_eq!(seconds.len(), expected["threads_with_first_response"]);
    assert_eq!(seconds.last().copied(), expected["first_response_s_max"].as_f64());
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    assert_eq!(Some((mean * 1000.0).round() / 1000.0), expected["first_response_s_mean"].as_f64());
    let middle = seconds.len() / 2;
    assert_eq!(
        Some(f64::midpoint(seconds[middle - 1], seconds[middle])),
        expected["first_response_s_median"].as_f64()
    );
}

/// From the first message of a customer to the first answer after it.
fn first_response_s(thread: &[&Record]) -> Option<f64> {
    let first = |direction, from| {
        let of = thread.iter().filter(|record| record.direction == direction);
        of.map(|record| record.sent_at).filter(|&at| Some(at) >= from).min()
    };
    let asked = first(Direction::Inbound, None)?;
    let answered = first(Direction::Outbound, Some(asked))?;
    Some(answered.duration_since(asked).as_secs_f64())
}

#[test]
fn labelled_tweets() {
    let Some((path, expected)) = expected("airline_tweets.csv") else { return };
    let (records, rejected) = read(&path, Format::Csv, mapped(Preset::Airline));
    assert_eq!(rejected, []);
    assert_eq!(records.len(), expected["rows"]);
    assert_eq!(distinct(records.iter().map(|record| &record.external_id)), expected["unique_tweet_id"]);
    assert_eq!(distinct(records.iter().map(|record| &record.author.external_id)), expected["unique_authors"]);
    for label in ["airline", "sentiment", "negativereason"] {
        assert_eq!(
            counts(records.iter().filter_map(|record| record.fields.get(label).cloned())),
            expected[label]
        );
    }
    let both =
        records.iter().map(|record| format!("{}|{}", record.fields["airline"], record.fields["sentiment"]));
    assert_eq!(counts(both), expected["airline_x_sentiment"]);
    let days = records.iter().map(|record| record.sent_at.to_zoned(TimeZone::UTC).date().to_string());
    assert_eq!(counts(days), expected["per_utc_day"]);
    assert!(records.iter().all(|record| record.direction == Direction::Inbound));
}

#[test]
fn converted_dialogs() {
    let Some((path, expected)) = expected("ibm_twitter_care_dev.json") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scripts/ibm_to_jsonl.py");
    let converted = Command::new("python3").arg(script).arg(&path).output().unwrap();
    assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
    let (records, rejected) = read(written(converted.stdout).path(), Format::Jsonl, Options::default());
    assert_eq!(rejected, []);
    assert_eq!(records.len(), expected["messages"]);
    assert_eq!(distinct(records.iter().map(|record| &record.external_id)), expected["unique_tweet_ids"]);
    assert_eq!(distinct(records.iter().map(|record| &record.fields["session"])), expected["conversations"]);
    let companies: BTreeSet<_> =
        records.iter().map(|record| (&record.fields["session"], record.fields["company"].clone())).collect();
    assert_eq!(counts(companies.into_iter().map(|(_, company)| company)), expected["companies"]);

    let dialogs: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let roots: BTreeMap<_, _> =
        records.iter().map(|record| (record.external_id.as_str(), record.thread_root.as_deref())).collect();
    let mut firsts = BTreeSet::new();
    for dialog in dialogs.as_array().unwrap() {
        let first = dialog["dialogContent"][0]["tweet_ID"].as_str();
        let tweets = dialog["dialogContent"].as_array().unwrap().iter().chain([&dialog["agentURL"]]);
        for tweet in tweets {
            assert_eq!(roots[tweet["tweet_ID"].as_str().unwrap()], first, "one dialog, one thread");
        }
        firsts.insert(first);
    }
    assert_eq!(distinct(roots.values()), firsts.len());
}

/// Every mail below a folder of real ones, each as a file of its own.
fn mails(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = real(folder).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "json") {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn every_mail_is_a_record_or_says_why_not() {
    let (mut read_as_mail, mut not) = (0, BTreeMap::<_, u32>::new());
    for path in mails("email") {
        let (records, rejected) = read(&path, Format::Eml, Options::default());
        assert_eq!(records.len() + rejected.len(), 1, "{}", path.display());
        for record in &records {
            assert!(!record.text.contains('\0'), "{}", path.display());
            assert_eq!(record.raw.as_deref(), Some(fs::read(&path).unwrap().as_slice()));
            read_as_mail += 1;
        }
        for row in rejected {
            println!("{row}");
            *not.entry(row.reason.code()).or_default() += 1;
        }
    }
    println!("{read_as_mail} mails, and not: {not:?}");
    if let Some(folder) = real("email") {
        assert!(read_as_mail > 500, "only {read_as_mail}");
        let (records, rejected) = read(&folder, Format::Eml, Options::default());
        println!("as one folder: {} records and {} rejected", records.len(), rejected.len());
        assert!(records.len() > 440, "only {}", records.len());
    }
}

#[test]
fn subjects_senders_and_bodies_are_as_expected() {
    let mut compared = 0;
    for path in mails("email/stalwart-mail-parser/resources/eml") {
        let expected = path.with_extension("json");
        if path.extension().is_none_or(|extension| extension != "eml") || !expected.exists() {
            continue;
        }
        let expected: Value = serde_json::from_slice(&fs::read(&expected).unwrap()).unwrap();
        let (records, rejected) = read(&path, Format::Eml, Options::default());
        let headers = expected["parts"][0]["headers"].as_array().unwrap();
        let header = |name: &str| {
            headers.iter().rev().find(|header| header["name"] == name).map(|header| &header["value"])
        };
        let Some(record) = records.first() else {
            let dated = header("date").is_some_and(|date| !date["DateTime"]["year"].is_null());
            assert!(!dated || rejected[0].field == Some("text"), "{}: {}", path.display(), rejected[0]);
            continue;
        };
        let subject = header("subject").and_then(|value| value["Text"].as_str()).map(one_line);
        // Where the expectation could not read a byte, more may be read here.
        let subject = subject.filter(|subject| !subject.is_empty());
        if subject.as_deref().is_none_or(|subject| !subject.contains('\u{fffd}')) {
            assert_eq!(record.subject, subject, "{}", path.display());
        }
        let from = header("from").map(|value| &value["Address"]);
        let from = from.map(|from| {
            if from["List"].is_array() { &from["List"][0] } else { &from["Group"][0]["addresses"][0] }
        });
        if let Some(address) = from.and_then(|from| from["address"].as_str()) {
            assert_eq!(record.author.external_id, one_line(address).to_lowercase(), "{}", path.display());
        }
        if let Some(name) = from.and_then(|from| from["name"].as_str()) {
            assert_eq!(
                record.author.name,
                Some(one_line(name)).filter(|name| !name.is_empty()),
                "{}",
                path.display()
            );
        }
        assert_eq!(
            record.attachments.len(),
            expected["attachments"].as_array().unwrap().len(),
            "{}",
            path.display()
        );
        for part in expected["text_body"].as_array().unwrap() {
            let part = &expected["parts"][usize::try_from(part.as_u64().unwrap()).unwrap()]["body"];
            if let Some(text) = part["Text"].as_str() {
                let text = text.replace("\r\n", "\n").replace('\0', "\u{fffd}");
                // Where the expectation could not read a byte, more may be read here.
                let mut pieces = text.trim_end().split('\u{fffd}');
                let read = pieces.all(|piece| record.text.contains(piece));
                assert!(read, "{}: {:?}", path.display(), record.text);
            }
        }
        compared += 1;
    }
    if real("email").is_some() {
        assert!(compared > 70, "only {compared} mails were compared");
    }
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}
