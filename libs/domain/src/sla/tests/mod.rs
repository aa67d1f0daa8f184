//! A case is told as its facts, and its clocks are read.

mod announcing;
mod policies;
mod properties;
mod rules;
mod scenarios;
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday, date};

use super::*;
use crate::{
    calendar::{Calendar, Closing, Rules},
    case::{Priority, Status},
    ids::{CalendarId, RegionId, ReplyId, SlaId},
    time::Timestamp,
};

pub(super) const HOUR: i64 = 3_600_000_000;
pub(super) const MINUTE: i64 = 60_000_000;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

const WORKDAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

pub(super) fn calendar(zone: &str, hours: &[&str], days: &[Weekday], holidays: &[Date]) -> Calendar {
    let mut rules = Rules::new(zone).unwrap();
    for day in days {
        *rules.of_weekday(*day) = hours.iter().map(|text| text.parse().unwrap()).collect();
    }
    let closing = Closing { name: "Holiday".to_owned(), hours: Vec::new() };
    rules.closings = holidays.iter().map(|day| (*day, vec![closing.clone()])).collect();
    Calendar::new(rules).unwrap()
}

/// Mon-Fri 09-12, 13-17 in Paris.
pub(super) fn paris(holidays: &[Date]) -> Calendar {
    calendar("Europe/Paris", &["09:00-12:00", "13:00-17:00"], &WORKDAYS, holidays)
}

pub(super) fn nightly() -> Calendar {
    let all = [WORKDAYS.as_slice(), &[Weekday::Saturday, Weekday::Sunday]].concat();
    calendar("Europe/Paris", &["22:00-06:00"], &all, &[])
}

pub(super) fn sao_paulo() -> Calendar {
    calendar("America/Sao_Paulo", &["09:00-18:00"], &WORKDAYS, &[])
}

pub(super) fn easter_monday() -> Date {
    date(2026, 4, 6)
}

/// A target of so many seconds, whatever the priority.
pub(super) fn target(seconds: i64, measure: Measure) -> Target {
    let all = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
    Target { seconds: all.into_iter().map(|p| (p, seconds)).collect(), measure, ..Target::default() }
}

pub(super) fn policy(name: &str) -> Policy {
    Policy {
        id: id(name),
        order: 0,
        name: name.to_owned(),
        conditions: Conditions::default(),
        targets: BTreeMap::new(),
        at_risk: AtRisk::default(),
        reopen: Reopen::default(),
        on_change: OnChange::default(),
        split_start: SplitStart::default(),
        first_response_start: FirstResponseStart::default(),
    }
}

/// First response 2 h, next response 1 h, resolution 8 h with a pause while pending, all in business time.
pub(super) fn usual() -> Policy {
    let mut policy = policy("usual");
    policy.targets.insert(Kind::FirstResponse, target(2 * 3600, Measure::Business));
    policy.targets.insert(Kind::NextResponse, target(3600, Measure::Business));
    let mut resolution = target(8 * 3600, Measure::Business);
    resolution.pauses.insert(Status::Pending);
    policy.targets.insert(Kind::Resolution, resolution);
    policy
}

pub(super) fn edition(policies: Vec<Policy>, global: Calendar) -> Edition {
    let hours =
        Hours { calendars: [(id("main"), global)].into(), global: Some(id("main")), ..Hours::default() };
    Edition::new(policies, hours, BTreeMap::new())
}

pub(super) fn book(policies: Vec<Policy>, global: Calendar) -> Book {
    Book([(1, edition(policies, global))].into())
}

pub(super) fn situation() -> Situation {
    Situation {
        region: id("emea"),
        team: Some(id("care")),
        account: id("support-mail"),
        channel: id("email"),
        priority: Priority::Normal,
        tags: BTreeSet::new(),
        segment: None,
        calendar: None,
    }
}

/// Tells what happened, one entry after the other.
#[derive(Clone, Default)]
pub(super) struct Story(pub(super) Vec<Fact>);

impl Story {
    pub(super) fn fact(mut self, when: &str, what: What) -> Self {
        let position = Position { entry: self.0.len() as u64 + 1, event: 0 };
        self.0.push(Fact { occurred: at(when), recorded: at(when), position, live: true, what });
        self
    }

    pub(super) fn history(mut self) -> Self {
        self.0.iter_mut().for_each(|fact| fact.live = false);
        self
    }

    pub(super) fn opened(self, when: &str, origin: Origin) -> Self {
        let opening = Opening { origin, version: 1, bot: false, situation: situation() };
        self.fact(when, What::Opened(Box::new(opening)))
    }

    /// Opened by a message that asks.
    pub(super) fn asked(self, when: &str) -> Self {
        self.opened(when, Origin::Customer).message(when)
    }

    pub(super) fn message(self, when: &str) -> Self {
        let message = id(&format!("support-mail-{:016}", self.0.len()));
        self.fact(when, What::CustomerMessage { message, asks: true })
    }

    pub(super) fn reply(self, when: &str, author: Author) -> Self {
        let reply = Some(ReplyId(uuid::Uuid::from_u128(self.0.len() as u128 + 1)));
        self.fact(when, What::Reply { reply, author, written: at(when) })
    }

    /// That reply which was the n-th fact, from 0, did not arrive.
    pub(super) fn failed(self, when: &str, n: u128) -> Self {
        self.fact(when, What::ReplyFailed { reply: ReplyId(uuid::Uuid::from_u128(n + 1)) })
    }

    pub(super) fn status(self, when: &str, to: Status) -> Self {
        self.fact(when, What::Status { to })
    }

    pub(super) fn reopened(self, when: &str, cycle: u32) -> Self {
        self.fact(when, What::Reopened { cycle })
    }

    pub(super) fn timeline(&self) -> Timeline {
        self.0.iter().cloned().collect()
    }

    pub(super) fn clocks(&self, book: &Book, now: &str) -> Clocks {
        self.timeline().clocks(book, at(now))
    }
}

pub(super) fn clock(clocks: &Clocks, kind: Kind) -> Clock {
    clocks.last(kind).unwrap_or_else(|| panic!("no clock of {kind:?} in {clocks:?}")).clone()
}
