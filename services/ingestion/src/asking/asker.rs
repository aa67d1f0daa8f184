//! Asks all accounts, each when it is due and for itself.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use domain::{ids::AccountId, time::Timestamp};
use futures_util::FutureExt;
use opentelemetry::{KeyValue, metrics::Counter};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use super::{
    Broke, Failure, Next, Round, Source,
    http::Client,
    settings::{self, Pace},
    state::{Kept, Row, State},
};
use crate::{
    Ingestion, account::Via, channels, feeds::pace, hooks::tell::Teller, leased::Troubles, secrets::Secrets,
};

/// Accounts that are asked side by side.
const CONCURRENT_MAX: usize = 32;
/// How long a round may take, whatever the platform does.
const ROUND_MAX: Duration = Duration::from_secs(10 * 60);
/// How long new accounts wait until they are looked at, in seconds.
const TICK_MAX_S: i64 = 15;
/// The time between two looks, at least, in seconds.
const REST_S: i64 = 1;
/// How soon an account is asked again of which there is more, in seconds.
const SOON_S: i64 = 2;
/// The longest wait after failures, in seconds, unless the platform asks for a longer one.
const BACKOFF_MAX_S: i64 = 60 * 60;
/// The time between two rounds that a platform's notices bring about, at least, in seconds.
const WANTED_MIN_S: i64 = 10;

/// What all rounds share.
pub(super) struct Shared {
    pub(super) ingestion: Ingestion,
    pub(super) teller: Teller,
    pub(super) kept: Kept,
    pub(super) http: Client,
    pub(super) secrets: Secrets,
    pub(super) troubles: Troubles,
    /// Rounds, by account and what became of them.
    pub(super) asked: Counter<u64>,
    /// What came, by account, kind and what became of it.
    pub(super) told: Counter<u64>,
}

/// Asks.
pub(super) struct Asker {
    shared: Arc<Shared>,
    wanted: Arc<Notify>,
}

/// An account of the policy that is asked.
struct Asked {
    account: AccountId,
    via: Via,
    source: &'static dyn Source,
    place: String,
    pace: Pace,
}

impl Asker {
    pub(super) fn new(shared: Arc<Shared>, wanted: Arc<Notify>) -> Self {
        Self { shared, wanted }
    }

    /// Asks for ever. What is under way when this is dropped is cut off.
    pub(super) async fn run(self) {
        let clock = Arc::clone(&self.shared.ingestion.0.shell.clock);
        let mut rounds = JoinSet::new();
        let mut under_way = HashMap::new();
        loop {
            let began = clock.now();
            let next = self.begin(&mut rounds, &mut under_way).await.unwrap_or(Timestamp::MAX);
            // Never at once: whatever goes wrong, it does not go round and round.
            let (soonest, latest) = (began.plus_seconds(REST_S), began.plus_seconds(TICK_MAX_S));
            tokio::select! {
                () = clock.wait_until(next.clamp(soonest, latest)) => {}
                () = self.wanted.notified() => {}
                Some(ended) = rounds.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    under_way.remove(&id);
                }
            }
        }
    }

    /// Begins a round of every account that is due and not asked already; when the next one is due.
    async fn begin(
        &self,
        rounds: &mut JoinSet<()>,
        under_way: &mut HashMap<tokio::task::Id, AccountId>,
    ) -> Option<Timestamp> {
        let rows = match self.shared.kept.all().await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what is known of those who are asked cannot be read");
                return None;
            }
        };
        let asked = asked(&self.shared);
        self.shared.troubles.keep_those_of(asked.iter().map(|asked| &asked.account));
        let busy: BTreeSet<AccountId> = under_way.values().cloned().collect();
        let mut next: Option<Timestamp> = None;
        for asked in asked.into_iter().filter(|asked| !busy.contains(&asked.account)) {
            let now = self.shared.ingestion.0.shell.clock.now();
            let (state, new) = known(&asked, &rows, now);
            if new && let Err(error) = self.shared.kept.save(&asked.account, &state).await {
                tracing::warn!(%error, "what is known of an account cannot be kept");
                continue;
            }
            self.shared.troubles.note(&asked.account, state.trouble());
            let due = due(&state, rows.get(asked.account.as_str()));
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
            } else if under_way.len() < CONCURRENT_MAX {
                let account = asked.account.clone();
                let task = rounds.spawn(ask(
                    Arc::clone(&self.shared),
                    asked,
                    State { asked_at: Some(now), ..state },
                ));
                under_way.insert(task.id(), account);
            }
        }
        next
    }
}

/// The accounts of the policy that are asked.
fn asked(shared: &Shared) -> Vec<Asked> {
    let all = shared.ingestion.0.accounts.all();
    let usable = all.into_iter().filter_map(|(account, via)| {
        let (source, place) = super::of(&via)?;
        let (place, pace) = (place.ok()?, settings::pace(&via.settings, source.interval_s()).ok()?);
        Some(Asked { account, via, source, place, pace })
    });
    usable.collect()
}

/// What is known of an account, and whether that is new.
fn known(asked: &Asked, rows: &BTreeMap<String, Row>, now: Timestamp) -> (State, bool) {
    let row = rows.get(asked.account.as_str());
    match row.and_then(|row| row.state.clone()).filter(|state| state.place == asked.place) {
        Some(state) => (state, false),
        None => {
            let first = pace::first(&asked.account, asked.pace.interval_s, now);
            (State::new(asked.place.clone(), first), true)
        }
    }
}

/// When an account is asked: when it is due, or sooner if the platform says that there is something and nothing is wrong.
fn due(state: &State, row: Option<&Row>) -> Timestamp {
    let wanted = row.and_then(|row| row.wanted_at).filter(|_| state.failures == 0);
    let unheard = wanted.filter(|wanted| state.asked_at.is_none_or(|asked| *wanted >= asked));
    let Some(wanted) = unheard else { return state.next_at };
    let earliest = state.asked_at.map_or(wanted, |asked| asked.plus_seconds(WANTED_MIN_S));
    state.next_at.min(earliest.max(wanted))
}

/// One round, from its beginning to what is known then.
async fn ask(shared: Arc<Shared>, asked: Asked, state: State) {
    let Asked { account, via, source, pace, .. } = asked;
    let (policy_version, found) = shared.ingestion.0.accounts.find(account.as_str());
    // Removed since: nobody is asked for it.
    let Some(found) = found else { return };
    let config = channels::Config { settings: via.settings, secrets: shared.secrets.of(&via.secrets) };
    let connector = via.connector;
    let mut round = Round {
        shared: Arc::clone(&shared),
        account: found,
        policy_version,
        config,
        connector,
        source: source.name(),
        pace,
        state,
        moved: false,
    };
    let done = timeout(ROUND_MAX, AssertUnwindSafe(source.round(&mut round)).catch_unwind()).await;
    let done = match done {
        Ok(Ok(done)) => done,
        // What a stranger sent must not end more than this round.
        Ok(Err(_)) => Err(Failure::Fault.into()),
        Err(_) => Err(Failure::Timeout.into()),
    };
    let now = round.now();
    let Round { mut state, moved, .. } = round;
    let outcome = match done {
        Ok(next) => {
            let wait_s = match next {
                Next::Interval => pace.interval_s,
                Next::Soon => SOON_S,
            };
            state.next_at = match next {
                Next::Interval => pace::after_success(&account, wait_s, &pace::NO_SCHEDULE, None, now),
                Next::Soon => now.plus_seconds(wait_s),
            };
            (state.failures, state.failure) = (0, None);
            "well"
        }
        Err(Broke { failure, retry_after_s }) => {
            state.failures = if moved { 1 } else { state.failures.saturating_add(1) };
            state.failure = Some(failure.to_string());
            let pace = (pace.interval_s, BACKOFF_MAX_S);
            state.next_at = pace::after_failure(&account, pace, state.failures, retry_after_s, now);
            let (source, failures) = (source.name(), state.failures);
            tracing::warn!(%account, source, %failure, failures, "an account was not asked to the end; trying again");
            failure.name()
        }
    };
    shared.troubles.note(&account, state.trouble());
    let labels = [KeyValue::new("account", account.to_string()), KeyValue::new("outcome", outcome)];
    shared.asked.add(1, &labels);
    if let Err(error) = shared.kept.save(&account, &state).await {
        tracing::warn!(%account, %error, "what is known of an account cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_makes_an_account_due_but_not_at_once_and_not_while_something_is_wrong() {
        let at = |s| Timestamp::UNIX_EPOCH.plus_seconds(s);
        let state = |asked_at, failures| State {
            asked_at: Some(at(asked_at)),
            failures,
            ..State::new("a".into(), at(1_000))
        };
        let row = |wanted| Row { state: None, wanted_at: Some(at(wanted)) };
        assert_eq!(due(&state(100, 0), None), at(1_000));
        assert_eq!(due(&state(100, 0), Some(&row(500))), at(500));
        assert_eq!(due(&state(100, 0), Some(&row(103))), at(100 + WANTED_MIN_S));
        assert_eq!(due(&state(100, 0), Some(&row(99))), at(1_000), "it was asked since");
        assert_eq!(due(&state(100, 2), Some(&row(500))), at(1_000), "the platform has its rest");
        assert_eq!(due(&state(100, 0), Some(&row(5_000))), at(1_000));
        assert_eq!(due(&State::new("a".into(), at(1_000)), Some(&row(7))), at(7));
    }
}
