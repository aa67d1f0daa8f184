//! The log tells a conversation in the order in which it came.

use std::{sync::Arc, time::Duration};

use eventlog::{AppendError, Category, Entry, Error, EventLog, NewEntry, Position, SqliteLog, StreamId};
use futures_util::stream::BoxStream;
use ingestion::submit::CONCURRENCY_MAX;
use proto::ingestion::v1::{Attachment, Author, Message, submit_response::Outcome};
use tokio::sync::Barrier;

use crate::world::*;

/// The external ids of everything in the log, in its order.
async fn told(world: &World) -> Vec<String> {
    let opened = world.opened().await;
    let id = |envelope: &serde_json::Value| envelope["events"][0]["content"]["external_id"]["open"].clone();
    opened.iter().map(|envelope| id(envelope).as_str().unwrap().to_owned()).collect()
}

fn ids(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.external_id.clone()).collect()
}

/// What takes longer to take in than a text does.
fn with_file(message: Message) -> Message {
    let content = vec![7; 2 * 1024 * 1024];
    let file = Attachment { name: "photo.png".into(), media_type: "image/png".into(), content };
    Message { attachments: vec![file], ..message }
}

#[tokio::test]
async fn what_one_contact_says_is_told_as_it_was_said() {
    let world = World::new().await;
    let mut said: Vec<_> = (1..=200).map(|n| message(&format!("m-{n}"), "and then")).collect();
    said[0] = with_file(said[0].clone());
    let answers = world.submit(CHAT, &said).await;
    assert!(outcomes(&answers).iter().all(|outcome| *outcome == Outcome::Accepted));
    assert_eq!(told(&world).await, ids(&said));
    assert!(
        answers.is_sorted_by_key(|answer| answer
            .position
            .rsplit('.')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap())
    );
}

#[tokio::test]
async fn what_is_said_in_a_thread_is_told_as_it_was_said_whoever_says_it() {
    let world = World::new().await;
    let by = |author: &str, message: Message| Message {
        author: Some(Author { external_id: author.into(), ..Author::default() }),
        ..message
    };
    // The log has a part of the first thread, so that its messages find it in two ways.
    world.submit(WALL, &[Message { thread_root: "z".into(), ..message("y", "early") }]).await;
    let one =
        [with_file(by("ana", reply("x", "y"))), by("ben", message("z", "root")), by("ana", reply("a", "x"))];
    let other = [by("cleo", message("q", "root")), by("ana", reply("p", "q")), by("ben", reply("o", "p"))];
    let both: Vec<_> = one.iter().zip(&other).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
    world.submit(WALL, &both).await;
    let told = told(&world).await;
    for thread in [&one, &other] {
        let ids = ids(thread);
        let here: Vec<_> = told.iter().filter(|id| ids.contains(id)).cloned().collect();
        assert_eq!(here, ids);
    }
}

#[tokio::test]
async fn a_message_follows_itself_wherever_it_says_that_it_belongs() {
    let world = World::new().await;
    let at = |root: &str, text: &str| Message { thread_root: root.into(), ..message("1", text) };
    let answers = world.submit(WALL, &[with_file(at("a", "one")), at("b", "two"), at("c", "three")]).await;
    assert_eq!(outcomes(&answers), [Outcome::Accepted, Outcome::Edited, Outcome::Edited]);
    assert_eq!(world.contents().await["1"]["text"]["open"], "three");
}

#[tokio::test]
async fn what_different_contacts_say_is_taken_in_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let log = SqliteLog::open(folder.path().join("log.db")).await.unwrap();
    let world = World::on(Arc::new(Together(Arc::new(log), Barrier::new(CONCURRENCY_MAX))), folder).await;
    let said: Vec<_> = (0..2 * CONCURRENCY_MAX)
        .map(|n| Message {
            author: Some(Author { external_id: format!("customer-{n}"), ..Author::default() }),
            ..message(&format!("m-{n}"), "a question")
        })
        .collect();
    let taken = tokio::time::timeout(Duration::from_secs(60), world.submit(CHAT, &said)).await;
    assert_eq!(taken.expect("as many at once as there may be").len(), said.len());
}

/// A log that writes nothing of a message before as many appends are on their way as may be.
struct Together(Arc<dyn EventLog>, Barrier);

#[async_trait::async_trait]
impl EventLog for Together {
    async fn append(&self, expected: Position, entry: NewEntry) -> Result<Position, AppendError> {
        self.1.wait().await;
        self.0.append(expected, entry).await
    }

    fn read_after(&self, stream: &StreamId, after: Position) -> BoxStream<'static, Result<Entry, Error>> {
        self.0.read_after(stream, after)
    }

    async fn tail(&self, categories: &[Category]) -> Result<Position, Error> {
        self.0.tail(categories).await
    }

    fn follow(&self, after: Position, categories: &[Category]) -> BoxStream<'static, Result<Entry, Error>> {
        self.0.follow(after, categories)
    }
}
