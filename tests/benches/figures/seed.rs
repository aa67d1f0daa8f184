//! Cases to measure on, made as everybody makes them: messages come in, agents work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use domain::ids::CaseId;
use eventlog::{Category, Entry, EventLog, StreamId};
use futures_util::TryStreamExt;
use proto::{
    cases::v1 as pb,
    ingestion::v1::{Author, Direction, Message, SubmitRequest},
};
use tests::world::{Caller, World, command_id};
use tokio::task::JoinSet;

/// Words of the length that customers and agents write.
pub const WORDS: &str =
    "The kettle that I bought last week does not boil any more; what can be done about it before Friday?";
/// Messages of one call.
const MESSAGES_A_CALL: usize = 100;
/// Commands at once while cases are made.
const IN_FLIGHT: usize = 64;
/// Cases of one page of the list.
const PAGE: u32 = 200;

/// Some cases, and somebody who works them.
#[derive(Clone)]
pub struct Desk {
    /// An administrator.
    pub caller: Caller,
    /// The cases.
    pub cases: Arc<Vec<CaseId>>,
    turns: Arc<AtomicU64>,
}

impl Desk {
    /// So many customers write once each.
    pub async fn open(world: &World, count: usize) -> anyhow::Result<Self> {
        let mut caller = world.administrator();
        let messages: Vec<_> = (0..count).map(|n| message(&format!("seed-{n}"))).collect();
        let mut last = String::new();
        for messages in messages.chunks(MESSAGES_A_CALL) {
            let request =
                SubmitRequest { account: "forum".into(), messages: messages.to_vec(), ..Default::default() };
            last = caller.ingestion.submit(request).await?.into_inner().position;
        }
        world.settled(&last).await;
        let (mut cases, mut page_token) = (Vec::with_capacity(count), String::new());
        loop {
            let request = pb::ListCasesRequest { page_size: PAGE, page_token, ..Default::default() };
            let page = caller.cases.list_cases(request).await?.into_inner();
            for case in page.cases {
                cases.push(case.case_id.parse()?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        anyhow::ensure!(cases.len() == count, "{} cases out of {count} messages", cases.len());
        Ok(Self { caller, cases: Arc::new(cases), turns: Arc::default() })
    }

    /// A command that seals nothing; answers the position of its entry.
    pub async fn categorise(&self, case: usize) -> anyhow::Result<String> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let case_id = self.cases[case].to_string();
        // Another one each time, so that there is always something to do.
        let request = pb::SetCategoryRequest {
            command_id: command_id(),
            case_id,
            category: format!("category-{turn}"),
            ..Default::default()
        };
        let answer = self.caller.cases.clone().set_category(request).await?.into_inner();
        anyhow::ensure!(answer.changed, "a command without effect");
        Ok(answer.position)
    }

    /// A command whose words are sealed; answers the position of its entry.
    pub async fn note(&self, case: usize) -> anyhow::Result<String> {
        let case_id = self.cases[case].to_string();
        let request = pb::AddNoteRequest {
            command_id: command_id(),
            case_id,
            text: WORDS.into(),
            ..Default::default()
        };
        let answer = self.caller.cases.clone().add_note(request).await?.into_inner();
        anyhow::ensure!(answer.changed, "a command without effect");
        Ok(answer.position)
    }

    /// Returns when the read model has come so far.
    pub async fn read_up_to(&self, at_least: String) -> anyhow::Result<()> {
        let request = pb::ListCasesRequest { page_size: 1, at_least, ..Default::default() };
        self.caller.cases.clone().list_cases(request).await?;
        Ok(())
    }

    /// Works every case until it has `entries` entries: one note to three other commands.
    pub async fn work(&self, log: &dyn EventLog, entries: usize) -> anyhow::Result<()> {
        let there = stream_of(log, self.cases[0]).await?.len();
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for task in 0..IN_FLIGHT {
            let this = self.clone();
            tasks.spawn(async move {
                for case in (task..this.cases.len()).step_by(IN_FLIGHT) {
                    for n in there..entries {
                        let done =
                            if n % 4 == 0 { this.note(case).await } else { this.categorise(case).await };
                        done?;
                    }
                }
                anyhow::Ok(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        let took = started.elapsed();
        println!("({} cases of {entries} entries, made in {took:.1?})", self.cases.len());
        Ok(())
    }
}

/// A message of a customer who never wrote before.
pub fn message(id: &str) -> Message {
    Message {
        external_id: id.into(),
        author: Some(Author {
            external_id: format!("author-{id}"),
            name: "Ada Smith".into(),
            handle: "@ada".into(),
        }),
        direction: Direction::Inbound.into(),
        text: WORDS.into(),
        sent_at: Some(prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }),
        ..Message::default()
    }
}

/// The entries of a case.
pub async fn stream_of(log: &dyn EventLog, case: CaseId) -> anyhow::Result<Vec<Entry>> {
    let stream = StreamId::new(&Category::new("case")?, case)?;
    Ok(log.read(&stream).try_collect().await?)
}
