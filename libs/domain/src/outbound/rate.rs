//! How often an account may send, and whose turn it is.
//!
//! A token bucket: it holds `burst` tokens, one comes back every so often, and each call takes one. In any time of `t`
//! seconds at most `burst + t · count / per` calls are made. It begins empty, so that this holds over a restart as well.

use std::{collections::VecDeque, str::FromStr};

use crate::{ids::Invalid, time::Timestamp};

const MICROS: i64 = 1_000_000;
/// More in one second than anybody sends.
const COUNT_MAX: u32 = 1_000_000;
/// How long after its time somebody whose turn it is holds up those behind him.
const LATE_S: i64 = 2;
/// Those who have a place in the line. More come back later.
const LINE_MAX: usize = 1_000;

/// So many calls in a time, as `20/second` or `300/minute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how many seconds.
    pub per_s: u32,
}

impl FromStr for Rate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid {
            what: "a rate",
            rule: "1 to 1000000 per second, minute, hour or day, such as 20/second",
        };
        let (count, unit) = text.split_once('/').ok_or(INVALID)?;
        let per_s = match unit.trim() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => 86_400,
            _ => return Err(INVALID),
        };
        let count = count.trim().parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
        Ok(Self { count: count.ok_or(INVALID)?, per_s })
    }
}

impl Rate {
    /// The microseconds from one token to the next; rather one too many than one too few.
    fn every(self) -> i64 {
        let (per, count) = (i64::from(self.per_s) * MICROS, i64::from(self.count.max(1)));
        (per + count - 1) / count
    }
}

/// The tokens of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: Rate,
    burst: u32,
    /// When it is full again, in microseconds since 1970.
    full_at: i64,
}

impl Bucket {
    /// An empty one.
    pub fn empty(rate: Rate, burst: u32, now: Timestamp) -> Self {
        let burst = burst.max(1);
        let full_at = now.as_microsecond().saturating_add(rate.every().saturating_mul(i64::from(burst)));
        Self { rate, burst, full_at }
    }

    /// Whether it is one of this rate.
    pub const fn is_of(&self, rate: Rate, burst: u32) -> bool {
        let same = self.rate.count == rate.count && self.rate.per_s == rate.per_s;
        same && (self.burst == burst || (burst == 0 && self.burst == 1))
    }

    /// How many tokens there are.
    pub fn tokens(&self, now: Timestamp) -> u32 {
        let missing = self.full_at.saturating_sub(now.as_microsecond()).max(0);
        let every = self.rate.every();
        let missing = missing / every + i64::from(missing % every > 0);
        self.burst.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let is_there = self.tokens(now) > 0;
        if is_there {
            self.full_at = self.full_at.max(now.as_microsecond()).saturating_add(self.rate.every());
        }
        is_there
    }

    /// When the `n`th token from now will be there, if nobody takes one before.
    pub fn nth_at(&self, n: usize, now: Timestamp) -> Timestamp {
        let ahead = i64::try_from(n).unwrap_or(i64::MAX).saturating_sub(i64::from(self.burst));
        let at =
            self.full_at.max(now.as_microsecond()).saturating_add(ahead.saturating_mul(self.rate.every()));
        Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX).max(now)
    }
}

/// Those who wait for a token, in the order in which they came: who has said something goes behind the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<W> {
    waiting: VecDeque<(W, Timestamp)>,
}

impl<W> Default for Line<W> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<W: PartialEq> Line<W> {
    /// Takes a token for `who`, if it is his turn and there is one; else when to ask again.
    pub fn ask(&mut self, bucket: &mut Bucket, who: W, now: Timestamp) -> Result<(), Timestamp> {
        // Who does not come when it is his turn is gone.
        self.waiting.retain(|(other, due)| *other == who || now <= due.plus_seconds(LATE_S));
        let place = self.waiting.iter().position(|(other, _)| *other == who);
        let before = place.unwrap_or(self.waiting.len());
        if before < bucket.tokens(now) as usize && bucket.take(now) {
            place.and_then(|place| self.waiting.remove(place));
            return Ok(());
        }
        let due = bucket.nth_at(before.saturating_add(1), now);
        let has_room = self.waiting.len() < LINE_MAX;
        match place.and_then(|place| self.waiting.get_mut(place)) {
            Some(known) => known.1 = due,
            None if has_room => self.waiting.push_back((who, due)),
            None => {}
        }
        Err(due)
    }
}

#[cfg(test)]
mod tests;
