//! `Ingestion.Submit`: a batch of one account's messages. The answer comes when all of it is in the log and counted.

use std::collections::BTreeMap;

use domain::{ids::KeyedHash, time::Timestamp};
use eventlog::Position;
use futures_util::{StreamExt, TryStreamExt, stream};
use opentelemetry::{KeyValue, metrics::Counter};
use proto::ingestion::v1::{
    self,
    submit_response::{Outcome, Result as Answer},
};
use service::{Error, auth::Principal, envelope::Origin, shell::Shell};

use crate::{
    access,
    account::{Account, Accounts},
    contacts::Contacts,
    intake::{self, Incoming, Rejection, limits::MESSAGES_MAX},
    lanes::{Lanes, Waiting},
    ledger::{Ledger, Tally, UNKNOWN_ACCOUNT},
    media::Announced,
    take::{Batch, Taken, Taker},
    thread::{self, Threads},
};

/// Conversations of one call that are worked on side by side.
pub const CONCURRENCY_MAX: usize = 32;

/// Takes batches in.
pub(crate) struct Submitter {
    shell: Shell,
    accounts: std::sync::Arc<dyn Accounts>,
    taker: Taker,
    contacts: Contacts,
    received: Counter<u64>,
}

/// A message on its way in.
pub(crate) struct Arriving {
    pub(crate) message: v1::Message,
    /// Its files that are still to be fetched.
    pub(crate) announced: Vec<Announced>,
    /// Its thread, if that is known for sure.
    pub(crate) thread: Option<KeyedHash>,
    /// Where an answer goes, if not to the customer's own address.
    pub(crate) answer_to: Option<String>,
}

impl From<v1::Message> for Arriving {
    fn from(message: v1::Message) -> Self {
        Self { message, announced: Vec::new(), thread: None, answer_to: None }
    }
}

/// A call that cannot be looked into, and the account under which its messages are counted as rejected.
struct Refused {
    account: String,
    error: Error,
}

impl Submitter {
    pub(crate) fn new(shell: Shell, accounts: std::sync::Arc<dyn Accounts>) -> Self {
        let taker = Taker::new(&shell);
        let contacts = Contacts::new(&shell, std::sync::Arc::clone(&accounts));
        let received = opentelemetry::global::meter("ingestion")
            .u64_counter("messages_received")
            .with_description("Messages that came in, by account and what became of them.")
            .build();
        Self { shell, accounts, taker, contacts, received }
    }

    /// Takes the messages in, counts them, and answers for each.
    pub(crate) async fn submit(
        &self,
        ledger: &Ledger,
        principal: &Principal,
        request: v1::SubmitRequest,
    ) -> Result<v1::SubmitResponse, Error> {
        access::may_submit(self.accounts.as_ref(), principal)?;
        let messages = request.messages.len() as u64;
        let batch = match self.admit(principal, &request) {
            Ok(batch) => batch,
            Err(Refused { account, error }) => {
                let tally = Tally { rejected: messages, ..Tally::default() };
                ledger.count(&account, self.shell.clock.now(), tally).await?;
                self.meter(&account, "rejected", messages);
                return Err(error);
            }
        };
        let messages = request.messages.into_iter().map(Arriving::from).collect();
        let (taken, end) = self.take_all(&batch, messages).await;
        end?;
        self.finish(ledger, &batch, &taken).await?;
        self.answer(&taken)
    }

    /// Takes in what a platform sent, and counts it. What became of each message, in their order.
    pub(crate) async fn take(
        &self,
        ledger: &Ledger,
        batch: &Batch,
        messages: Vec<Arriving>,
    ) -> Result<Vec<Taken>, Error> {
        let (done, end) = self.take_all(batch, messages).await;
        end?;
        self.finish(ledger, batch, &done).await?;
        Ok(done.into_iter().map(|done| done.taken).collect())
    }

    /// The same for what is counted with the rest of its call, once all of that is decided: see [`Tally::of`]. If not all could
    /// be taken, why, after what became of those that were.
    pub(crate) async fn take_uncounted(
        &self,
        ledger: &Ledger,
        batch: &Batch,
        messages: Vec<Arriving>,
    ) -> (Vec<Taken>, Result<(), Error>) {
        let (done, end) = self.take_all(batch, messages).await;
        self.note(ledger, batch, &done);
        (done.into_iter().map(|done| done.taken).collect(), end)
    }

    /// The thread of the message that the account calls `external_id`, if it is in the log.
    pub(crate) async fn thread_of(
        &self,
        account: &Account,
        external_id: &str,
    ) -> Result<Option<KeyedHash>, Error> {
        self.taker.stored_thread(account, external_id).await
    }

    /// What channels say of people.
    pub(crate) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// Counts a call or a mail that was not taken, and that nobody proved. Of which account; none: nobody's.
    pub(crate) async fn refused(&self, ledger: &Ledger, account: Option<&str>) -> Result<(), Error> {
        let account = account.unwrap_or(UNKNOWN_ACCOUNT);
        ledger.refuse(account, self.shell.clock.now()).await?;
        self.meter(account, REJECTED, 1);
        Ok(())
    }

    /// Counts what of a call left no entry.
    pub(crate) async fn tally(&self, ledger: &Ledger, account: &str, tally: Tally) -> Result<(), Error> {
        ledger.count(account, self.shell.clock.now(), tally).await?;
        self.meter_all(account, tally);
        Ok(())
    }

    /// Counts what of a call of a platform left no entry, with its answer. `call` tells whether it comes again.
    pub(crate) async fn answered(
        &self,
        ledger: &Ledger,
        (account, call): (&str, &str),
        at: Timestamp,
        tally: Tally,
    ) -> Result<(), Error> {
        let counted = ledger.answered((account, call), at, tally).await?;
        self.meter_all(account, counted);
        Ok(())
    }

    fn meter_all(&self, account: &str, tally: Tally) {
        for (outcome, count) in [(DUPLICATE, tally.duplicate), (REJECTED, tally.rejected)] {
            if count > 0 {
                self.meter(account, outcome, count);
            }
        }
    }

    /// What all messages of the call share, if the call can be looked into at all.
    fn admit(&self, principal: &Principal, request: &v1::SubmitRequest) -> Result<Batch, Refused> {
        let (policy_version, account) = self.accounts.find(&request.account);
        let Some(account) = account else {
            let what = "not an account of the policy; add it there, or take one that is in it";
            return Err(Refused {
                account: UNKNOWN_ACCOUNT.to_owned(),
                error: Error::field("account", what),
            });
        };
        let refused = |error| Refused { account: account.id.to_string(), error };
        if request.messages.len() > MESSAGES_MAX {
            let what = format_args!("at most {MESSAGES_MAX}; send the rest in further calls");
            return Err(refused(Error::field("messages", what)));
        }
        let origin = match v1::submit_request::Origin::try_from(request.origin) {
            Ok(v1::submit_request::Origin::Unspecified) => Origin::Live,
            Ok(v1::submit_request::Origin::Import) => Origin::Import,
            Err(_) => return Err(refused(Error::field("origin", "unset or ORIGIN_IMPORT"))),
        };
        let now = self.shell.clock.now();
        Ok(Batch { account, policy_version, origin, principal: principal.clone(), now, once: false })
    }

    /// What became of each message, in their order; if not all could be taken, of those that were, and why.
    async fn take_all(&self, batch: &Batch, messages: Vec<Arriving>) -> (Vec<Done>, Result<(), Error>) {
        let mut done = BTreeMap::new();
        let end = self.take_into(&mut done, batch, messages).await;
        (done.into_values().collect(), end)
    }

    async fn take_into(
        &self,
        done: &mut BTreeMap<usize, Done>,
        batch: &Batch,
        messages: Vec<Arriving>,
    ) -> Result<(), Error> {
        // Nobody waits at the door with what is past.
        let _inside = (batch.origin == Origin::Live).then(|| self.shell.rush.enter());
        let checked: Vec<Result<Incoming, Rejection>> = messages
            .into_iter()
            .map(|Arriving { message, announced, thread, answer_to }| {
                let incoming = intake::check(&batch.account, message, announced, batch.now)?;
                Ok(Incoming { thread, answer_to, ..incoming })
            })
            .collect();
        let stored = self.stored_threads(batch, &checked).await?;
        let threads = Threads::new(checked.iter().flatten(), &stored);
        let mut lanes = Lanes::default();
        for (index, checked) in checked.iter().enumerate() {
            match checked {
                Ok(incoming) => {
                    let delivery = self.taker.delivery(&batch.account, incoming, threads.root(incoming))?;
                    lanes.push(index, incoming, delivery);
                }
                Err(rejection) => {
                    done.insert(index, Done { id: String::new(), taken: Taken::Rejected(rejection.clone()) });
                }
            }
        }
        let lanes: Vec<_> = lanes.into_iter().map(|lane| self.take_lane(batch, lane)).collect();
        let mut ends = stream::iter(lanes).buffer_unordered(CONCURRENCY_MAX);
        let mut first = Ok(());
        // The others go on: what is taken is to be known of.
        while let Some((taken, end)) = ends.next().await {
            done.extend(taken);
            first = first.and(end);
        }
        first
    }

    async fn take_lane(
        &self,
        batch: &Batch,
        lane: Vec<Waiting<'_>>,
    ) -> (Vec<(usize, Done)>, Result<(), Error>) {
        let mut done = Vec::with_capacity(lane.len());
        for Waiting { index, incoming, delivery } in lane {
            let taken = match self.taker.take(batch, incoming, &delivery).await {
                Ok(taken) => taken,
                Err(error) => return (done, Err(error)),
            };
            let is_there = taken.position().is_some();
            done.push((index, Done { id: delivery.id.to_string(), taken }));
            // Of a duplicate as well: whoever took it in may have come to his end before this.
            if is_there && let Err(error) = self.contacts.heard(batch, incoming, &delivery).await {
                return (done, Err(error));
            }
        }
        (done, Ok(()))
    }

    /// The threads of those parents that are in the log.
    async fn stored_threads(
        &self,
        batch: &Batch,
        checked: &[Result<Incoming, Rejection>],
    ) -> Result<BTreeMap<String, KeyedHash>, Error> {
        if !batch.account.threads {
            return Ok(BTreeMap::new());
        }
        let parents = thread::parents(checked.iter().flatten());
        let look_ups: Vec<_> = parents.into_iter().map(|parent| self.stored_thread(batch, parent)).collect();
        let found = stream::iter(look_ups).buffer_unordered(CONCURRENCY_MAX);
        found.try_filter_map(|found| std::future::ready(Ok(found))).try_collect().await
    }

    async fn stored_thread(
        &self,
        batch: &Batch,
        parent: String,
    ) -> Result<Option<(String, KeyedHash)>, Error> {
        let thread = self.taker.stored_thread(&batch.account, &parent).await?;
        Ok(thread.map(|thread| (parent, thread)))
    }

    /// Counts what the log does not, and tells the ledger how far the log has come.
    async fn finish(&self, ledger: &Ledger, batch: &Batch, done: &[Done]) -> Result<(), Error> {
        self.note(ledger, batch, done);
        let count = |name| done.iter().filter(|done| done.taken.name() == name).count() as u64;
        let tally = Tally { duplicate: count(DUPLICATE), rejected: count(REJECTED), held_back: 0 };
        self.tally(ledger, batch.account.id.as_str(), tally).await
    }

    /// Tells the ledger how far the log has come, and metrics what is new in it.
    fn note(&self, ledger: &Ledger, batch: &Batch, done: &[Done]) {
        if let Some(last) = written(done) {
            ledger.wrote(last);
        }
        let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
        for Done { taken, .. } in done {
            if let Taken::Accepted(_) | Taken::Edited(_) = taken {
                *outcomes.entry(taken.name()).or_default() += 1;
            }
        }
        for (outcome, count) in outcomes {
            self.meter(batch.account.id.as_str(), outcome, count);
        }
    }

    fn answer(&self, done: &[Done]) -> Result<v1::SubmitResponse, Error> {
        let last = done.iter().filter_map(|done| done.taken.position()).max();
        let position = last.map(|last| self.shell.token(last)).unwrap_or_default();
        let results = done.iter().enumerate().map(|(index, done)| self.result(index, done)).collect();
        Ok(v1::SubmitResponse { results, position })
    }

    fn result(&self, index: usize, Done { id, taken }: &Done) -> Answer {
        let at = |outcome: Outcome, position: Position| Answer {
            outcome: outcome.into(),
            message_id: id.clone(),
            position: self.shell.token(position),
            ..Answer::default()
        };
        match taken {
            Taken::Accepted(position) => at(Outcome::Accepted, *position),
            Taken::Edited(position) => at(Outcome::Edited, *position),
            Taken::Duplicate(position) => at(Outcome::Duplicate, *position),
            Taken::Rejected(Rejection { field, reason }) => Answer {
                outcome: Outcome::Rejected.into(),
                field: path(index, field),
                reason: reason.clone(),
                ..Answer::default()
            },
        }
    }

    fn meter(&self, account: &str, outcome: &'static str, count: u64) {
        let labels = [KeyValue::new("account", account.to_owned()), KeyValue::new("outcome", outcome)];
        self.received.add(count, &labels);
    }
}

/// One message of a call, done with.
struct Done {
    /// Its id here; empty if it was never looked at.
    id: String,
    taken: Taken,
}

const DUPLICATE: &str = "duplicate";
const REJECTED: &str = "rejected";

impl Taken {
    /// As metrics call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Edited(_) => "edited",
            Self::Duplicate(_) => DUPLICATE,
            Self::Rejected(_) => REJECTED,
        }
    }

    /// Where it is, if it is kept: for a retry, where it was before.
    const fn position(&self) -> Option<Position> {
        match self {
            Self::Accepted(position) | Self::Edited(position) | Self::Duplicate(position) => Some(*position),
            Self::Rejected(_) => None,
        }
    }
}

/// The last position that was written for the call.
fn written(done: &[Done]) -> Option<Position> {
    let positions = done.iter().filter_map(|done| match done.taken {
        Taken::Accepted(position) | Taken::Edited(position) => Some(position),
        Taken::Duplicate(_) | Taken::Rejected(_) => None,
    });
    positions.max()
}

/// `messages[3].author.external_id`; without a field, the message as a whole.
fn path(index: usize, field: &str) -> String {
    if field.is_empty() { format!("messages[{index}]") } else { format!("messages[{index}].{field}") }
}
