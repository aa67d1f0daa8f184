//! Who may send now: one door for each account.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    channel::Direction,
    delivery::{Delivery, Rules},
    health::{Action, Door as Stands, Level, Sign, State, Watch},
    ids::{AccountId, ConversationId},
    outbound::rate::{Bucket, Line, Rate},
    time::Timestamp,
};
use eventlog::StreamId;
use service::{Error, reaction::LANES_MAX};

use super::{Channels, Said};

/// How long a reply that waits sleeps, whatever it waits for: a person may release an account at any time.
const NAP_MAX: Duration = Duration::from_secs(1);
/// How soon it asks again when others of its account are being sent.
const CROWDED: Duration = Duration::from_millis(25);
/// How long after its time the reply that was tried last leaves the next trial to others.
const OTHERS_S: i64 = 5;
/// Calls of one account that may be under way at once. However long a platform lets them hang, the others keep most lanes.
const WIDTH_MAX: usize = LANES_MAX / 4;
/// Replies that are known to wait, to let them sleep at no cost. Those beyond are looked at each time.
const NAPPING_MAX: usize = 20_000;

/// Whether it is a reply's turn.
pub(crate) enum Turn {
    /// It is.
    Go(Pass),
    /// It is not; when to ask again, at the latest.
    Rest(Duration),
}

/// The right to one call. Whoever drops it without a word learnt nothing.
pub(crate) struct Pass {
    channels: Arc<Channels>,
    account: AccountId,
}

/// The doors of all accounts.
pub(super) struct Doors {
    opened_at: Timestamp,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    doors: BTreeMap<AccountId, Door>,
    napping: HashMap<StreamId, AccountId>,
}

/// The door of one account, as this process keeps it: what the log has is not in it.
struct Door {
    watch: Watch,
    /// Calls under way.
    calls: usize,
    /// How many may be. One at first, and twice as many after each success: those who waited do not all come at once.
    width: usize,
    bucket: Option<Bucket>,
    line: Line<ConversationId>,
    waiting: BTreeSet<StreamId>,
    /// What was tried last when it was down.
    tried: Option<StreamId>,
}

impl Doors {
    pub(super) fn new(opened_at: Timestamp) -> Self {
        Self { opened_at, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn door(&mut self, account: &AccountId, state: &State) -> &mut Door {
        self.doors.entry(account.clone()).or_insert_with(|| Door {
            watch: Watch::of(state, Direction::Out),
            calls: 0,
            width: 1,
            bucket: None,
            line: Line::default(),
            waiting: BTreeSet::new(),
            tried: None,
        })
    }

    fn wait(&mut self, account: &AccountId, stream: &StreamId) {
        if self.napping.len() < NAPPING_MAX {
            self.napping.insert(stream.clone(), account.clone());
        }
        if let Some(door) = self.doors.get_mut(account).filter(|door| door.waiting.len() < NAPPING_MAX) {
            door.waiting.insert(stream.clone());
        }
    }

    fn go(&mut self, account: &AccountId, stream: &StreamId) {
        self.napping.remove(stream);
        if let Some(door) = self.doors.get_mut(account) {
            door.waiting.remove(stream);
            door.calls += 1;
        }
    }
}

impl Door {
    /// How long this one has to wait for the door, if it has to.
    fn shut(&self, state: &State, stream: &StreamId, now: Timestamp) -> Option<Duration> {
        let until = |at: Timestamp| Some(between(now, at).min(NAP_MAX));
        match state.door(now) {
            Stands::Held => Some(NAP_MAX),
            Stands::Throttled(at) => until(at),
            Stands::Shut(at) if now < at => until(at),
            Stands::Shut(at) => match state.throttled_until(now) {
                Some(at) => until(at),
                None if self.calls > 0 || self.is_for_others(stream, at, now) => Some(NAP_MAX),
                None => None,
            },
            Stands::Trial => match state.throttled_until(now) {
                Some(at) => until(at),
                None => (self.calls > 0).then_some(NAP_MAX),
            },
            Stands::Open => (self.calls >= self.width).then_some(CROWDED),
        }
    }

    /// Whether somebody else should be tried: what fails for a reason of its own must not keep an account down.
    fn is_for_others(&self, stream: &StreamId, at: Timestamp, now: Timestamp) -> bool {
        let others = self.waiting.iter().any(|waiting| waiting != stream);
        self.tried.as_ref() == Some(stream) && others && now < at.plus_seconds(OTHERS_S)
    }

    /// How long this one has to wait for a token, if it has to; else it has one.
    fn token(
        &mut self,
        rate: Option<(Rate, u32)>,
        of: ConversationId,
        (opened_at, now): (Timestamp, Timestamp),
    ) -> Option<Duration> {
        let Some((rate, burst)) = rate else {
            self.bucket = None;
            return None;
        };
        let is_known = self.bucket.as_ref().is_some_and(|bucket| bucket.is_of(rate, burst));
        if !is_known {
            // What was sent before under another rate, or before the start, is not known: it begins empty.
            let since = if self.bucket.is_some() { now } else { opened_at };
            self.bucket = Some(Bucket::empty(rate, burst, since));
        }
        let bucket = self.bucket.as_mut()?;
        self.line.ask(bucket, of, now).err().map(|at| between(now, at))
    }
}

impl Channels {
    /// How long a reply that is known to wait has to go on waiting, without looking at it. Nothing: look at it.
    pub(crate) fn nap(&self, stream: &StreamId) -> Option<Duration> {
        let now = self.shell.clock.now();
        let mut inner = self.doors.inner();
        let account = inner.napping.get(stream)?.clone();
        let state = self.state(&account);
        inner.door(&account, &state).shut(&state, stream, now)
    }

    /// Whether a reply may be sent, or asked about, now.
    pub(crate) async fn ask(self: &Arc<Self>, stream: &StreamId, delivery: &Delivery) -> Result<Turn, Error> {
        let (account, conversation) = (&delivery.request.account, delivery.request.conversation);
        let (said, now) = (self.said(account), self.shell.clock.now());
        let state = self.state(account);
        {
            let mut inner = self.doors.inner();
            let door = inner.door(account, &state);
            let wait = door
                .shut(&state, stream, now)
                .or_else(|| door.token(said.rate, conversation, (self.doors.opened_at, now)));
            if let Some(time) = wait {
                inner.wait(account, stream);
                return Ok(Turn::Rest(time));
            }
            inner.go(account, stream);
        }
        let pass = Pass { channels: Arc::clone(self), account: account.clone() };
        if matches!(state.door(now), Stands::Shut(_) | Stands::Trial) {
            self.doors.inner().door(account, &state).tried = Some(stream.clone());
            self.act(account, Action::Try).await?;
            if !matches!(self.state(account).door(self.shell.clock.now()), Stands::Trial | Stands::Open) {
                return Ok(Turn::Rest(NAP_MAX));
            }
        }
        Ok(Turn::Go(pass))
    }

    /// The rules of a delivery as they are while, and after, its account could not send: what was tried in that time counts
    /// for nothing, nor does the time; and it is tried when the account is, not when its own turn would come.
    pub(crate) fn excused(&self, delivery: &Delivery, rules: Rules) -> Rules {
        let (state, now) = (self.state(&delivery.request.account), self.shell.clock.now());
        let Some(since) = delivery.tried_since() else { return rules };
        let attempts = delivery.next_part().map_or(&[][..], |part| &part.attempts);
        let tried = attempts.iter().filter(|attempt| state.was_closed(attempt.started_at)).count();
        let last = attempts.last().map(|attempt| attempt.started_at);
        let is_over = state.opened_at().is_some_and(|opened| last.is_some_and(|last| last <= opened));
        let is_down = matches!(state.door(now), Stands::Shut(_) | Stands::Trial);
        Rules {
            budget_s: rules.budget_s.saturating_add(state.closed_within(since, now)),
            attempts_max: rules.attempts_max.saturating_add(u32::try_from(tried).unwrap_or(u32::MAX)),
            backoff_s: if is_over || is_down { 0 } else { rules.backoff_s },
            ..rules
        }
    }
}

impl Pass {
    /// The call came to an end, and said this of the account.
    pub(crate) async fn ended(self, said: Said) -> Result<(), Error> {
        let (channels, account) = (&self.channels, &self.account);
        let rules = channels.said(account).rules;
        let state = channels.state(account);
        let level = state.side(Direction::Out).level;
        let action = match said {
            Said::Sign(sign) => {
                let mut inner = channels.doors.inner();
                let door = inner.door(account, &state);
                door.width = match sign {
                    Sign::Well => (door.width * 2).min(WIDTH_MAX),
                    Sign::Failed(_) => (door.width / 2).max(1),
                };
                door.watch.see(sign, level, &rules)
            }
            Said::TooFast(until) => {
                let until =
                    until.unwrap_or_else(|| channels.shell.clock.now().plus_seconds(rules.throttle_s));
                Some(Action::Throttle { until })
            }
            Said::Nothing => None,
        };
        match action {
            // Others that were under way: it is known.
            Some(Action::GoDown { .. } | Action::Recover { .. }) if level == Level::Down => Ok(()),
            Some(action) => channels.act(account, action).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inner = self.channels.doors.inner();
        if let Some(door) = inner.doors.get_mut(&self.account) {
            door.calls = door.calls.saturating_sub(1);
        }
    }
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    let micros = until.as_microsecond().saturating_sub(now.as_microsecond());
    // A little later than asked for is right; a little earlier would be asked again.
    Duration::from_micros(u64::try_from(micros).unwrap_or_default()) + Duration::from_millis(1)
}
