//! What a site has of a file after an import, read through its API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ingestion::import::{self, Format, Options, Record};
use proto::{
    cases::v1 as pb,
    ingestion::v1::{
        Author, Direction, Message, SubmitRequest, submit_request::Origin, submit_response::Outcome,
    },
};
use tests::{program, world::World};

use crate::partition::Partition;

/// The messages of one request.
const BATCH: usize = 100;

/// The records of a file, those that cannot be used left out.
pub fn records(path: &Path, format: Format, options: Options) -> Vec<Record> {
    let source = import::open(path, format, options).expect("the file can be read");
    source.records().expect("the file can be read").filter_map(Result::ok).collect()
}

/// How often each is counted in the closing line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub received: usize,
    pub accepted: usize,
    pub duplicate: usize,
    pub rejected: usize,
}

/// Imports by the program, and reads its closing line.
pub async fn import(world: &World, path: &Path, arguments: &[&str]) -> Line {
    let path = path.to_str().expect("a path in UTF-8");
    let arguments: Vec<&str> =
        ["import", path, "--account", "forum"].iter().chain(arguments).copied().collect();
    let written = program::run(world, &arguments).await;
    let line = written.lines().last().expect("a closing line");
    let number = |name: &str| -> usize {
        let after = line.split_once(name).unwrap_or_else(|| panic!("no `{name}` in {line}")).1.trim_start();
        after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    let line = Line {
        received: number("received"),
        accepted: number("= accepted"),
        duplicate: number("+ duplicate"),
        rejected: number("+ rejected"),
    };
    assert_eq!(line.received, line.accepted + line.duplicate + line.rejected);
    let (end, _) = end(world).await;
    if !end.is_empty() {
        world.settled(&end).await;
    }
    line
}

/// The last position in the streams of messages, and how many entries they have.
pub async fn end(world: &World) -> (String, usize) {
    let entries = world.log_entries(&["message"]).await;
    let last = entries.last().map(|entry| world.platform.shell.token(entry.position));
    (last.unwrap_or_default(), entries.len())
}

/// A record as the intake takes it.
fn message(record: &Record) -> Message {
    let author = |external_id: &str| Author { external_id: external_id.to_owned(), ..Author::default() };
    let outbound = record.direction == import::Direction::Outbound;
    Message {
        external_id: record.external_id.clone(),
        reply_to: record.reply_to.clone().unwrap_or_default(),
        thread_root: record.thread_root.clone().unwrap_or_default(),
        author: Some(author(&record.author.external_id)),
        recipient: record.recipients.first().filter(|_| outbound).map(|id| author(id)),
        direction: if outbound { Direction::Outbound } else { Direction::Inbound }.into(),
        text: record.text.clone(),
        subject: record.subject.clone().unwrap_or_default(),
        sent_at: Some(prost_types::Timestamp {
            seconds: record.sent_at.as_second(),
            nanos: record.sent_at.subsec_nanosecond(),
        }),
        attachments: record
            .attachments
            .iter()
            .map(|file| proto::ingestion::v1::Attachment {
                name: file.name.clone().unwrap_or_default(),
                media_type: file.media_type.clone(),
                content: file.bytes.clone(),
            })
            .collect(),
        raw: record.raw.clone().unwrap_or_default(),
        ..Message::default()
    }
}

/// Submits records in the order that they have; what each is called here, and what became of each.
pub async fn submit(
    world: &World,
    records: &[Record],
) -> (BTreeMap<String, String>, BTreeMap<&'static str, usize>) {
    let mut root = world.administrator();
    let (mut names, mut counts, mut last) = (BTreeMap::new(), BTreeMap::new(), String::new());
    for batch in records.chunks(BATCH) {
        let request = SubmitRequest {
            account: "forum".into(),
            messages: batch.iter().map(message).collect(),
            origin: Origin::Import.into(),
        };
        let answer = root.ingestion.submit(request).await.expect("the intake answers").into_inner();
        for (record, result) in batch.iter().zip(answer.results) {
            *counts.entry(result.outcome().as_str_name()).or_default() += 1;
            if result.outcome() != Outcome::Rejected {
                names.insert(record.external_id.clone(), result.message_id);
            }
        }
        if !answer.position.is_empty() {
            last = answer.position;
        }
    }
    if !last.is_empty() {
        world.settled(&last).await;
    }
    (names, counts)
}

/// Every case of the site, with what was said.
pub async fn cases(world: &World) -> Vec<pb::Case> {
    let mut root = world.administrator();
    let listed = root.list(pb::ListCasesRequest { page_size: 200, ..Default::default() }).await;
    let reads = listed.into_iter().map(|case| {
        let mut root = root.clone();
        async move { root.case(&case.case_id).await }
    });
    use futures_util::{StreamExt, stream};
    stream::iter(reads).buffered(16).collect().await
}

/// Which external ids are together in a case.
pub fn partition(cases: &[pb::Case], names: &BTreeMap<String, String>) -> Partition {
    let external: BTreeMap<&str, &String> = names.iter().map(|(id, name)| (name.as_str(), id)).collect();
    let mut counted = 0;
    let groups: Partition = cases
        .iter()
        .map(|case| {
            let said = case.timeline.iter().map(|item| external[item.id.as_str()].clone());
            counted += case.timeline.len();
            said.collect::<BTreeSet<_>>()
        })
        .collect();
    assert_eq!(counted, groups.iter().map(BTreeSet::len).sum::<usize>(), "no message is twice in a case");
    assert_eq!(counted, external.len(), "every message is in exactly one case");
    groups
}
