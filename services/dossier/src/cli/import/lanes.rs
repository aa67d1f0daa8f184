//! Batches on their way to the intake, several at once. A thread always goes by the same lane, and a lane has one batch
//! on its way at a time, which the intake takes in its order: so what was said in a thread is taken in the order of the
//! file. Where an account has no threads, batches of one contact may overtake each other; what a case makes of them follows
//! from when they were sent.

use std::hash::{DefaultHasher, Hash, Hasher};

use indicatif::ProgressBar;
use prost::Message as _;
use proto::ingestion::v1::{Message, SubmitRequest, submit_request::Origin};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    super::{
        client::Client,
        error::{Exit, Failure},
    },
    convert::MESSAGE_MAX,
    tally::Tally,
};

/// The messages of a batch.
const BATCH_LEN: usize = 200;
/// A batch, in bytes. A single message may be larger.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Batches that wait for a lane, so that it need not wait for the disk.
const WAITING: usize = 1;
/// How often a batch is sent while the server is away: with the client's waits, most of a minute.
const ATTEMPTS_MAX: u32 = 14;

/// The lanes of one import.
pub struct Lanes(JoinSet<(Tally, Option<Failure>)>);

/// What fills them, from a thread that may block.
pub struct Senders {
    lanes: Vec<mpsc::Sender<Vec<Message>>>,
    batches: Vec<Batch>,
}

/// The lane has ended.
#[derive(Debug)]
pub struct Ended;

#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    bytes: usize,
}

impl Lanes {
    /// Starts `count` lanes.
    pub fn start(client: &Client, account: &str, count: usize, bar: &ProgressBar) -> (Self, Senders) {
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::new();
        for _ in 0..count {
            let (sender, receiver) = mpsc::channel(WAITING);
            lanes.push(sender);
            tasks.spawn(lane(client.clone(), account.to_owned(), receiver, bar.clone()));
        }
        let batches = (0..count).map(|_| Batch::default()).collect();
        (Self(tasks), Senders { lanes, batches })
    }

    /// Waits until every lane has ended: what was done, and the first failure, after which the others finish what is
    /// on its way and end too.
    pub async fn end(mut self) -> (Tally, Option<Failure>) {
        let (mut tally, mut failure) = (Tally::default(), None);
        while let Some(ended) = self.0.join_next().await {
            match ended {
                Ok((counted, failed)) => {
                    tally.add(counted);
                    failure = failure.or(failed);
                }
                Err(error) => {
                    failure = failure
                        .or(Some(Failure::new(Exit::Failed, "a lane broke").because(error.to_string())));
                }
            }
        }
        (tally, failure)
    }
}

impl Senders {
    /// Puts a message into its lane; blocks while that is full.
    pub fn push(&mut self, message: Message) -> Result<(), Ended> {
        let at = self.lane_of(&message);
        let bytes = message.encoded_len();
        if self.batches[at].is_full_with(bytes) {
            self.send(at)?;
        }
        let batch = &mut self.batches[at];
        batch.messages.push(message);
        batch.bytes += bytes;
        Ok(())
    }

    /// Sends what is left; then the lanes end.
    pub fn finish(mut self) -> Result<(), Ended> {
        (0..self.lanes.len())
            .filter(|&at| !self.batches[at].messages.is_empty())
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|at| self.send(at))
    }

    fn send(&mut self, at: usize) -> Result<(), Ended> {
        let batch = std::mem::take(&mut self.batches[at]);
        self.lanes[at].blocking_send(batch.messages).map_err(|_| Ended)
    }

    fn lane_of(&self, message: &Message) -> usize {
        let mut hasher = DefaultHasher::new();
        let root = if message.thread_root.is_empty() { &message.external_id } else { &message.thread_root };
        root.hash(&mut hasher);
        (hasher.finish() % self.lanes.len() as u64) as usize
    }
}

impl Batch {
    fn is_full_with(&self, bytes: usize) -> bool {
        let full = self.messages.len() >= BATCH_LEN || self.bytes + bytes > BATCH_BYTES.min(MESSAGE_MAX);
        full && !self.messages.is_empty()
    }
}

async fn lane(
    client: Client,
    account: String,
    mut batches: mpsc::Receiver<Vec<Message>>,
    bar: ProgressBar,
) -> (Tally, Option<Failure>) {
    let mut tally = Tally::default();
    while let Some(messages) = batches.recv().await {
        let ids: Vec<String> = messages.iter().map(|message| message.external_id.clone()).collect();
        let request = SubmitRequest { account: account.clone(), messages, origin: Origin::Import.into() };
        let answer = match client.call_patiently(request, ATTEMPTS_MAX).await {
            Ok(answer) => answer,
            Err(status) => return (tally, Some(status.into())),
        };
        if answer.results.len() != ids.len() {
            let what = format!("the server answered {} of {} messages", answer.results.len(), ids.len());
            return (tally, Some(Failure::new(Exit::Failed, what)));
        }
        for (id, result) in ids.iter().zip(&answer.results) {
            tally.count(id, result);
        }
        bar.inc(ids.len() as u64);
    }
    (tally, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn senders(count: usize) -> (Senders, Vec<mpsc::Receiver<Vec<Message>>>) {
        let (lanes, receivers) = (0..count).map(|_| mpsc::channel(100)).unzip();
        let batches = (0..count).map(|_| Batch::default()).collect();
        (Senders { lanes, batches }, receivers)
    }

    fn message(id: usize, root: usize, len: usize) -> Message {
        Message {
            external_id: id.to_string(),
            thread_root: root.to_string(),
            text: "x".repeat(len),
            ..Message::default()
        }
    }

    fn received(receivers: Vec<mpsc::Receiver<Vec<Message>>>) -> Vec<Vec<Vec<Message>>> {
        let drained = |mut lane: mpsc::Receiver<Vec<Message>>| {
            let mut batches = Vec::new();
            while let Ok(batch) = lane.try_recv() {
                batches.push(batch);
            }
            batches
        };
        receivers.into_iter().map(drained).collect()
    }

    #[test]
    fn a_thread_stays_in_its_lane_and_in_its_order() {
        let (mut senders, receivers) = senders(4);
        for id in 0..5_000 {
            senders.push(message(id, id % 37, 1)).unwrap();
        }
        senders.finish().unwrap();
        let lanes = received(receivers);
        let mut lane_of = std::collections::HashMap::new();
        for (at, batches) in lanes.iter().enumerate() {
            assert!(batches.iter().all(|batch| (1..=BATCH_LEN).contains(&batch.len())));
            let messages: Vec<&Message> = batches.iter().flatten().collect();
            for message in &messages {
                assert_eq!(*lane_of.entry(message.thread_root.clone()).or_insert(at), at);
            }
            let ids: Vec<usize> =
                messages.iter().map(|message| message.external_id.parse().unwrap()).collect();
            assert!(ids.is_sorted());
        }
        assert_eq!(lanes.iter().flatten().flatten().count(), 5_000);
        assert!(lanes.iter().filter(|batches| !batches.is_empty()).count() > 1);
    }

    #[test]
    fn a_batch_fits_into_a_request() {
        let (mut senders, receivers) = senders(1);
        for id in 0..7 {
            senders.push(message(id, 0, 1_500_000)).unwrap();
        }
        senders.push(message(7, 0, 9_000_000)).unwrap();
        senders.finish().unwrap();
        let lanes = received(receivers);
        let sizes: Vec<usize> = lanes[0].iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 2, 1, 1]);
    }

    #[test]
    fn a_lane_that_has_ended_takes_no_more() {
        let (mut senders, receivers) = senders(1);
        drop(receivers);
        senders.push(message(1, 1, 1)).unwrap();
        assert!(senders.finish().is_err());
    }
}
