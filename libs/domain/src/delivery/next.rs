//! What is to be done next with a delivery: a function of what is known, the rules and the time.

use super::{
    ASKS_MAX,
    state::{Attempt, Cleared, Delivery, Outcome, PartState, Stage, State, Unclear},
    values::{Answer, Because, GivenUp, Unclarity},
};
use crate::{
    ids::{IdempotencyKey, ReplyId, derive},
    outbound::Refusal,
    time::Timestamp,
};

/// How hard it is tried, and what the platform can do. Data of the policy and of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most attempts at one part, until a person wants more.
    pub attempts_max: u32,
    /// How long after the first attempt it is tried, until a person wants more.
    pub budget_s: i64,
    /// How long after the first failure it is tried again; twice that after the second, and so on.
    pub backoff_s: i64,
    /// The longest time between two attempts that is our own choice.
    pub backoff_max_s: i64,
    /// After how long an attempt without a result is taken for one whose maker died. Longer than any attempt may last.
    pub attempt_timeout_s: i64,
    /// For how long the platform knows a key again: within that, twice is once. None: it knows no keys.
    pub idempotent_s: Option<i64>,
    /// How often the platform is asked what it has; zero where it cannot be asked.
    pub asks_max: u32,
    /// How long after an unclear outcome it is asked first: what it took may not be found at once.
    pub ask_after_s: i64,
    /// How long after it said that it does not show it that is asked again, and believed: it may only be late.
    pub absent_after_s: i64,
    /// Whether it is rather sent twice than never.
    pub resend_unclear: bool,
}

impl Default for Rules {
    /// A day of attempts, on a platform that knows no keys and cannot be asked.
    fn default() -> Self {
        Self {
            attempts_max: 12,
            budget_s: 24 * 3_600,
            backoff_s: 2,
            backoff_max_s: 3_600,
            attempt_timeout_s: 120,
            idempotent_s: None,
            asks_max: 0,
            ask_after_s: 5,
            absent_after_s: 30,
            resend_unclear: false,
        }
    }
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing before this instant.
    Wait(Timestamp),
    /// Start this attempt, and make it if that yields an event. Windows, opt-outs and the like are checked before each.
    Send {
        /// The part, from 1.
        part: u16,
        /// The attempt, from 1.
        attempt: u32,
        /// The key to tell the platform.
        key: IdempotencyKey,
        /// If the outcome of the one before is unclear: why it is made all the same.
        resend: Option<Because>,
    },
    /// Report this attempt as unclear: who made it is gone.
    ReportUnclear {
        /// The part, from 1.
        part: u16,
        /// The attempt, from 1.
        attempt: u32,
        /// Why.
        reason: Unclarity,
    },
    /// Ask the platform whether it has this attempt, and clarify.
    Ask {
        /// The part, from 1.
        part: u16,
        /// The attempt, from 1.
        attempt: u32,
        /// The number of the question, from 1.
        ask: u32,
        /// The key that the platform was told.
        key: IdempotencyKey,
    },
    /// A person must choose: resend, say what the platform has, or abandon it.
    Decide {
        /// The part, from 1.
        part: u16,
        /// The attempt whose outcome is unclear, from 1: what is clarified.
        unclear: u32,
        /// The last attempt, from 1: what a resend names.
        last: u32,
    },
    /// Refuse it.
    Refuse(Refusal),
    /// Give it up.
    GiveUp(GivenUp),
    /// It is a dead letter, until somebody replays it.
    Dead,
    /// Nothing: it is sent, cancelled or refused.
    Done,
}

/// An attempt whose outcome is unclear, with its number.
type Doubt<'a> = (u32, &'a Attempt, &'a Unclear);

impl State {
    /// What is to be done next; nothing with what is not known.
    pub fn next(&self, now: Timestamp, rules: &Rules) -> Next {
        self.delivery().map_or(Next::Done, |delivery| delivery.next(now, rules))
    }
}

impl Delivery {
    /// What is to be done next. Whoever does it, and asks again, comes to an end, or to a person.
    pub fn next(&self, now: Timestamp, rules: &Rules) -> Next {
        // First, whatever else is decided, what is under way.
        if let Some((part, attempt, running)) = self.running() {
            let lost_at = running.started_at.plus_seconds(rules.attempt_timeout_s);
            let reason = Unclarity::ProcessDied;
            return at_or_after(now, lost_at, Next::ReportUnclear { part, attempt, reason });
        }
        let Some((number, part)) = self.current() else { return Next::Done };
        match (&self.stage, part.doubt()) {
            (Stage::Cancelled, _) | (Stage::Refused(_), None) => return Next::Done,
            (Stage::Refused(_), Some(doubt)) => return self.ask_or_decide(number, part, doubt, now, rules),
            (Stage::Rejected(_) | Stage::GivenUp(_), _) => return Next::Dead,
            (Stage::Active, _) if self.request.basis.is_none() => return Next::Refuse(Refusal::NoBasis),
            (Stage::Active, _) if now < self.request.not_before => {
                return Next::Wait(self.request.not_before);
            }
            (Stage::Active, Some(doubt)) if part.is_blocked(self.round) => {
                return self.doubtful(number, part, doubt, now, rules);
            }
            (Stage::Active, _) => {}
        }
        let send = self.send(number, part, None);
        let failed_at = match part.attempts.last().map(|last| &last.outcome) {
            // The first attempt, or a person wants it: at once, as far as the platform likes.
            None => return send,
            Some(_) if part.tries == 0 => return at_or_after(now, part.retry_at().unwrap_or(now), send),
            Some(Outcome::Rejected) => return self.end(number, part, GivenUp::Rejected, now, rules),
            Some(Outcome::Unclear(Unclear { cleared: Some(Cleared::Resend(_)), .. })) => return send,
            Some(Outcome::Unclear(unclear)) => unclear.at,
            Some(Outcome::Failed { at, .. }) => *at,
            // What is running or sent was looked at before.
            Some(Outcome::Running | Outcome::Sent { .. }) => return send,
        };
        let until = self.backed_off(number, part, failed_at, rules);
        let until = until.max(part.retry_at().unwrap_or(Timestamp::MIN));
        match self.spent(part, now.max(until), rules) {
            Some(reason) => self.end(number, part, reason, now, rules),
            None => at_or_after(now, until, send),
        }
    }

    fn send(&self, number: u16, part: &PartState, resend: Option<Because>) -> Next {
        let (attempt, key) = (part.made().saturating_add(1), self.key_of(number));
        Next::Send { part: number, attempt, key, resend }
    }

    /// Nobody knows what came of an attempt, and nothing allows to send again yet.
    fn doubtful(
        &self,
        number: u16,
        part: &PartState,
        doubt: Doubt<'_>,
        now: Timestamp,
        rules: &Rules,
    ) -> Next {
        let (_, attempt, unclear) = doubt;
        let until = self.backed_off(number, part, unclear.at, rules);
        let until = until.max(part.retry_at().unwrap_or(Timestamp::MIN));
        let then = now.max(until);
        let may_try = self.spent(part, then, rules).is_none();
        let resend = |because| at_or_after(now, until, self.send(number, part, Some(because)));
        let is_known = |known_s| then < part.told_at(attempt.key).plus_seconds(known_s);
        if may_try && rules.idempotent_s.is_some_and(is_known) {
            return resend(Because::KeyKnown);
        }
        match self.ask_or_decide(number, part, doubt, now, rules) {
            Next::Decide { .. } if may_try && rules.resend_unclear => resend(Because::Policy),
            next => next,
        }
    }

    /// The end of trying: a dead letter, unless one of the attempts may have got through.
    fn end(&self, number: u16, part: &PartState, reason: GivenUp, now: Timestamp, rules: &Rules) -> Next {
        match part.doubt() {
            Some(doubt) => self.ask_or_decide(number, part, doubt, now, rules),
            None => Next::GiveUp(reason),
        }
    }

    fn ask_or_decide(
        &self,
        number: u16,
        part: &PartState,
        (doubtful, attempt, unclear): Doubt<'_>,
        now: Timestamp,
        rules: &Rules,
    ) -> Next {
        if unclear.asks >= rules.asks_max.min(ASKS_MAX) {
            return Next::Decide { part: number, unclear: doubtful, last: part.made() };
        }
        let ask_at = match unclear.asks {
            0 => unclear.at.plus_seconds(rules.ask_after_s),
            asks => later(unclear.asked_at, self.delay(number, asks, rules)),
        };
        let ask_at = ask_at.max(unclear.absent_at(rules).unwrap_or(Timestamp::MIN));
        let ask = unclear.asks.saturating_add(1);
        at_or_after(now, ask_at, Next::Ask { part: number, attempt: doubtful, ask, key: attempt.key })
    }

    /// Why there is no further attempt at `at`.
    fn spent(&self, part: &PartState, at: Timestamp, rules: &Rules) -> Option<GivenUp> {
        let ends_at = self.budget_from.map(|from| from.plus_seconds(rules.budget_s));
        if part.tries >= rules.attempts_max {
            Some(GivenUp::AttemptsSpent)
        } else if ends_at.is_some_and(|end| at > end) {
            Some(GivenUp::TimeSpent)
        } else {
            None
        }
    }

    fn backed_off(&self, number: u16, part: &PartState, from: Timestamp, rules: &Rules) -> Timestamp {
        later(from, self.delay(number, part.tries, rules))
    }

    fn delay(&self, number: u16, times: u32, rules: &Rules) -> i64 {
        backoff(self.request.reply, number, times, rules.backoff_s, rules.backoff_max_s)
    }
}

impl Unclear {
    /// From when on it is believed that the platform has it not, if it says so again.
    fn absent_at(&self, rules: &Rules) -> Option<Timestamp> {
        self.not_shown_since.map(|since| since.plus_seconds(rules.absent_after_s))
    }

    /// What it means that the platform does not show it at `now`, as the answer to question number `ask`.
    pub fn not_shown(&self, ask: u32, now: Timestamp, rules: &Rules) -> Answer {
        match self.absent_at(rules) {
            Some(at) if now >= at => Answer::HasNot,
            Some(_) | None => Answer::NotShown { ask },
        }
    }
}

impl PartState {
    /// When the platform was first told this key.
    fn told_at(&self, key: IdempotencyKey) -> Timestamp {
        let told = self.attempts.iter().filter(|attempt| attempt.key == key);
        told.map(|attempt| attempt.started_at).min().unwrap_or(Timestamp::MIN)
    }
}

/// How many microseconds to wait after the `times`th failure in a row: twice as long each time, up to `max_s`, and of
/// that between the half and the whole, so that those who failed together do not come back together. The same for the
/// same reply, part and number, always.
pub fn backoff(reply: ReplyId, part: u16, times: u32, base_s: i64, max_s: i64) -> i64 {
    const MICROS: i64 = 1_000_000;
    let doublings = times.saturating_sub(1).min(i64::BITS - 2);
    let whole = base_s.max(0).saturating_mul(1_i64 << doublings).min(max_s.max(0)).saturating_mul(MICROS);
    let half = whole / 2;
    let hash = derive(reply.0, &format!("backoff.{part}.{times}"));
    let (high, _) = hash.as_u64_pair();
    // The version's digits are at the low end of this half: the high ones decide.
    let share = (i128::from(half) * i128::from(high >> 32)) >> 32;
    half.saturating_add(i64::try_from(share).unwrap_or(half))
}

fn later(from: Timestamp, microseconds: i64) -> Timestamp {
    let at = from.as_microsecond().saturating_add(microseconds);
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX)
}

fn at_or_after(now: Timestamp, at: Timestamp, next: Next) -> Next {
    if now < at { Next::Wait(at) } else { next }
}
