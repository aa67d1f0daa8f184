//! Tells the clocks of a case, and every while that counted or did not.

use domain::{
    calendar::time_zone_version,
    ids::CaseId,
    sla::{Announced, Book, Clock, ClockState, Interval, Measure, Standing, Why},
};
use eventlog::Position;
use proto::cases::v1::{self as pb, clock};
use service::{Error, shell::Shell};

use crate::{core::Core, read::wire::time};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

impl Core {
    /// The clocks of a case as they are now. The caller must see it.
    pub async fn explain_sla(&self, id: CaseId) -> Result<pb::ExplainSlaResponse, Error> {
        let timed = self.timed(id).await?.ok_or(Error::NotFound { what: "case" })?;
        let announced = self.announced(id).await?;
        let now = self.shell.clock.now();
        let clocks = timed.clocks(now);
        let tell = |clock| tell(&self.shell, &timed.promised.book, clock, announced.get(&clock.key));
        Ok(pb::ExplainSlaResponse {
            clocks: clocks.clocks.iter().map(tell).collect(),
            at: Some(time(now)),
            time_zones: time_zone_version().to_owned(),
            position: self.shell.token(timed.position),
        })
    }
}

fn tell(shell: &Shell, book: &Book, clock: &Clock, announced: Option<&Announced>) -> pb::Clock {
    let explained = clock.explain(book);
    let (state, reason) = state(clock);
    let terms = clock.terms.as_ref();
    let both = clock.remaining_both;
    let version = |version| if version == 0 { String::new() } else { shell.token(Position(version)) };
    let interval = |interval: &Interval| {
        let (why, reason) = why(interval.why);
        clock::Interval {
            from: Some(time(interval.from)),
            to: Some(time(interval.to)),
            why: why.into(),
            reason: reason.to_owned(),
            policy: interval.policy.as_ref().map(ToString::to_string).unwrap_or_default(),
            policy_version: version(interval.version),
            calendar: interval.calendar.as_ref().map(ToString::to_string).unwrap_or_default(),
            measure: measure(interval.measure).into(),
        }
    };
    pb::Clock {
        kind: clock.key.clock.as_str().to_owned(),
        cycle: clock.key.cycle,
        run: clock.key.run,
        policy: terms.map(|terms| terms.policy.to_string()).unwrap_or_default(),
        policy_version: version(clock.version),
        calendar: clock.calendar.as_ref().map(ToString::to_string).unwrap_or_default(),
        target_seconds: terms.map(|terms| terms.target / SECOND),
        measure: terms.map_or(clock::Measure::Unspecified, |terms| measure(terms.measure)).into(),
        state: state.into(),
        at_risk: is_at_risk(clock),
        reason: reason.to_owned(),
        started_at: Some(time(clock.started)),
        stopped_at: clock.stopped.map(time),
        due_at: clock.due.map(time),
        breached_at: clock.breached_at.map(time),
        remaining_seconds: clock.remaining.map(seconds),
        remaining_business_seconds: both.map(|both| seconds(both.business)),
        remaining_calendar_seconds: both.map(|both| seconds(both.calendar)),
        intervals: explained.intervals.iter().map(interval).collect(),
        is_cut: explained.is_cut,
        announced: announced.map(|said| clock::Announced {
            breached_at: said.breached_at.map(time),
            breaches: said.breaches,
            ended_at: said.ended.map(|(at, _)| time(at)),
            warnings: said.warned.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// Whole seconds: what is left of one is nothing, what is over by a part of one is over.
const fn seconds(micros: i64) -> i64 {
    micros.div_euclid(SECOND)
}

/// Whether somebody has to hurry: little remains, or nothing and it is still awaited.
fn is_at_risk(clock: &Clock) -> bool {
    match clock.state {
        ClockState::AtRisk => true,
        ClockState::Breached => clock.stopped.is_none(),
        ClockState::Ok
        | ClockState::Paused(_)
        | ClockState::Met
        | ClockState::Cancelled(_)
        | ClockState::Measured => false,
    }
}

fn state(clock: &Clock) -> (clock::State, &'static str) {
    match clock.state {
        ClockState::Ok | ClockState::AtRisk => (clock::State::Running, ""),
        ClockState::Paused(status) => (clock::State::Paused, status.as_str()),
        ClockState::Breached => match clock.segments.last().map(|segment| segment.standing) {
            Some(Standing::Paused(status)) if clock.stopped.is_none() => {
                (clock::State::Breached, status.as_str())
            }
            _ => (clock::State::Breached, ""),
        },
        ClockState::Met => (clock::State::Met, ""),
        ClockState::Cancelled(reason) => (clock::State::Cancelled, reason.as_str()),
        ClockState::Measured => (clock::State::Measured, ""),
    }
}

const fn why(why: Why) -> (clock::Why, &'static str) {
    match why {
        Why::Counted => (clock::Why::Counted, ""),
        Why::OutsideHours => (clock::Why::OutsideHours, ""),
        Why::Paused(status) => (clock::Why::Paused, status.as_str()),
        Why::Stopped(reason) => (clock::Why::Stopped, reason.as_str()),
    }
}

const fn measure(measure: Measure) -> clock::Measure {
    match measure {
        Measure::Business => clock::Measure::Business,
        Measure::Calendar => clock::Measure::Calendar,
    }
}
