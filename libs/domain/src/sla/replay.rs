//! Counting: what the clocks of a case say at an instant, from its course.

use std::collections::BTreeMap;

use super::{
    clock::{Both, Clock, Clocks, Due, Key, Measures, Reason, Segment, Standing, State, Terms},
    count::{Crossing, Lanes},
    course::{Course, End, Piece, Span},
    fact::{Timeline, What},
    terms::{Book, Edition, Kind, OnChange, Warning},
};
use crate::{case::Status, time::Timestamp};

impl Timeline {
    /// What the clocks say at `now`: a function of the facts that happened by then, whatever the order in which they came.
    pub fn clocks(&self, book: &Book, now: Timestamp) -> Clocks {
        let fallback = Edition::default();
        let course = Course::of(self, book, &fallback, now);
        let past = self.facts().take_while(|fact| fact.occurred <= now);
        let causes = past
            .filter(|fact| !matches!(fact.what, What::Note))
            .map(|fact| (fact.position, (fact.occurred, fact.what.word())));
        let mut clocks = Clocks {
            at: now,
            clocks: Vec::new(),
            measures: Measures::default(),
            unknown_versions: course.as_ref().map_or_else(Default::default, |c| c.unknown_versions.clone()),
            known_to: self.known_to(),
            causes: causes.collect(),
            next_fact: self.facts().map(|fact| fact.occurred).find(|at| *at > now),
        };
        if let Some(course) = course {
            let counted = course.spans.iter().map(|span| Count::of(span, &course.pieces, now));
            clocks.clocks = counted.filter(Clock::is_shown).collect();
            clocks.measures = measures(&course, now);
        }
        clocks
    }
}

impl Clock {
    /// Receipts and updates that nobody promised are nothing that anybody measures.
    fn is_shown(&self) -> bool {
        match self.key.clock {
            Kind::Acknowledgement | Kind::PeriodicUpdate => {
                self.segments.iter().any(|segment| segment.terms.is_some()) || self.terms.is_some()
            }
            Kind::FirstResponse | Kind::NextResponse | Kind::Resolution => true,
        }
    }
}

/// The count of one clock on its way through the pieces.
#[derive(Default)]
struct Count {
    lanes: Lanes,
    elapsed: Both,
    segments: Vec<Segment>,
    target: Crossing,
    target_business: Crossing,
    target_calendar: Crossing,
    warnings: BTreeMap<Warning, Crossing>,
    at_risk_at: Option<Timestamp>,
    stopped_since: Option<(Timestamp, Reason)>,
}

impl Count {
    fn of(span: &Span, pieces: &[Piece<'_>], now: Timestamp) -> Clock {
        let mut count = Self::default();
        let first = pieces.partition_point(|piece| piece.from <= span.from).saturating_sub(1);
        let end = span.end.map(|(at, _)| at);
        let mut last: Option<&Piece<'_>> = None;
        for (index, piece) in pieces.iter().enumerate().skip(first) {
            if last.is_some() && end.is_some_and(|end| piece.from >= end) {
                break;
            }
            let until = pieces.get(index + 1).map(|next| next.from).into_iter().chain(end).min();
            count.piece(span, piece, last, piece.from.max(span.from), until, now);
            last = Some(piece);
        }
        count.finish(span, last, now)
    }

    /// Counts from `from` to `to`, or on and on.
    fn piece(
        &mut self,
        span: &Span,
        piece: &Piece<'_>,
        before: Option<&Piece<'_>>,
        from: Timestamp,
        to: Option<Timestamp>,
        now: Timestamp,
    ) {
        let terms = piece.terms(span.kind);
        let restarted = before.is_some_and(|before| {
            let changed = before.terms(span.kind) != terms || before.calendar.1 != piece.calendar.1;
            changed && piece.policy.is_some_and(|policy| policy.on_change == OnChange::Restart)
        });
        if restarted {
            self.lanes = Lanes::default();
            self.pass_over();
        }
        let standing = piece.standing(span.kind);
        let upto = to.unwrap_or(now).max(from);
        let mut consumed = 0;
        match standing {
            Standing::Counted => {
                self.cross(span.kind, piece, terms.as_ref(), from, to, now);
                let both = Both {
                    business: piece.calendar.1.between(from, upto),
                    calendar: upto.as_microsecond() - from.as_microsecond(),
                };
                consumed = self.lanes.add(both, terms.as_ref().map(|terms| terms.measure));
                self.elapsed = self.elapsed.plus(both);
                self.stopped_since = None;
            }
            Standing::Paused(_) => {
                self.pass_over();
                self.stopped_since = None;
            }
            Standing::Stopped(reason) => {
                self.pass_over();
                self.stopped_since =
                    self.stopped_since.map_or(Some((from, reason)), |(since, _)| Some((since, reason)));
            }
        }
        let calendar = piece.calendar.0.cloned();
        let segment = Segment {
            from,
            to: upto,
            standing,
            version: piece.version,
            terms,
            calendar,
            consumed,
            restarted,
        };
        match self.segments.last_mut() {
            Some(last) if last.goes_on_in(&segment) => {
                last.to = segment.to;
                last.consumed = last.consumed.saturating_add(segment.consumed);
            }
            Some(_) | None if segment.to > segment.from => self.segments.push(segment),
            Some(_) | None => {}
        }
    }

    /// When it passes its target and its warnings, if it does before `to`.
    fn cross(
        &mut self,
        kind: Kind,
        piece: &Piece<'_>,
        terms: Option<&Terms>,
        from: Timestamp,
        to: Option<Timestamp>,
        now: Timestamp,
    ) {
        let (Some(terms), Some(policy)) = (terms, piece.policy) else { return self.pass_over() };
        let calendar = piece.calendar.1;
        let business = |length| calendar.after(from, length);
        let wall = |length: i64| Timestamp::from_microsecond(from.as_microsecond().saturating_add(length));
        let bound = |length| terms.measure.advance(calendar, from, length);
        let Lanes { bound: consumed, both } = self.lanes;
        self.target.step(terms.target.saturating_sub(consumed), to, bound);
        self.target_business.step(terms.target.saturating_sub(both.business), to, business);
        self.target_calendar.step(terms.target.saturating_sub(both.calendar), to, wall);
        let warnings = policy.targets.get(&kind).map(|target| &target.warnings);
        for warning in warnings.into_iter().flatten() {
            let threshold = warning.threshold(terms.target).saturating_sub(consumed);
            self.warnings.entry(*warning).or_default().step(threshold, to, bound);
        }
        // With less than the bound left, not with exactly that.
        let left = terms.target.saturating_sub(policy.at_risk.bound(terms.target)).saturating_sub(consumed);
        let at_risk_at = if to.is_none() && left >= 0 { bound(left) } else { None };
        let after = |at: Timestamp| Timestamp::from_microsecond(at.as_microsecond().saturating_add(1));
        self.at_risk_at = at_risk_at.and_then(after).filter(|at| *at > now);
    }

    /// What was just reached was not passed: it does not count on from here.
    fn pass_over(&mut self) {
        for crossing in [&mut self.target, &mut self.target_business, &mut self.target_calendar] {
            crossing.pass_over();
        }
        self.warnings.values_mut().for_each(Crossing::pass_over);
        self.at_risk_at = None;
    }

    fn finish(self, span: &Span, last: Option<&Piece<'_>>, now: Timestamp) -> Clock {
        let terms = last.and_then(|piece| piece.terms(span.kind));
        let remaining = terms.as_ref().map(|terms| terms.target.saturating_sub(self.lanes.bound));
        let remaining_both = terms.as_ref().map(|terms| Both {
            business: terms.target.saturating_sub(self.lanes.both.business),
            calendar: terms.target.saturating_sub(self.lanes.both.calendar),
        });
        let due = self.target.passed().filter(|_| span.timed);
        let breached_at = due.filter(|at| *at <= now);
        let stopped = span.end.map(|(at, _)| at).or(self.stopped_since.map(|(at, _)| at));
        let promised = terms.is_some();
        let standing = last.map(|piece| piece.standing(span.kind));
        let at_risk = terms.as_ref().zip(remaining).is_some_and(|(terms, remaining)| {
            let policy = last.and_then(|piece| piece.policy);
            policy.is_some_and(|policy| remaining < policy.at_risk.bound(terms.target))
        });
        let state = match (span.end, self.stopped_since, standing) {
            _ if !span.timed => State::Cancelled(Reason::Imported),
            _ if breached_at.is_some() => State::Breached,
            (Some((_, End::Cancelled(reason))), ..) | (None, Some((_, reason)), _) => {
                State::Cancelled(reason)
            }
            _ if !promised => State::Measured,
            (Some((_, End::Met)), ..) => State::Met,
            (None, None, Some(Standing::Paused(status))) => State::Paused(status),
            _ if at_risk => State::AtRisk,
            (None, None, _) => State::Ok,
        };
        let warnings = self.warnings.iter().filter(|_| span.timed);
        Clock {
            key: Key { clock: span.kind, cycle: span.cycle, run: span.run },
            timed: span.timed,
            state,
            started: span.from,
            stopped,
            version: last.map_or(0, |piece| piece.version),
            calendar: last.and_then(|piece| piece.calendar.0.cloned()),
            due,
            due_both: Due {
                business: self.target_business.passed(),
                calendar: self.target_calendar.passed(),
            },
            breached_at,
            consumed: self.lanes.bound,
            remaining,
            remaining_both,
            elapsed: self.elapsed,
            warnings: warnings.filter_map(|(warning, at)| Some((*warning, at.passed()?))).collect(),
            at_risk_at: self.at_risk_at.filter(|_| span.timed),
            segments: self.segments,
            terms,
        }
    }
}

impl Segment {
    /// Whether `next` is more of the same.
    fn goes_on_in(&self, next: &Self) -> bool {
        !next.restarted
            && (self.to, self.standing, self.version) == (next.from, next.standing, next.version)
            && (&self.terms, &self.calendar) == (&next.terms, &next.calendar)
    }
}

impl Piece<'_> {
    /// What is promised of this clock.
    fn terms(&self, kind: Kind) -> Option<Terms> {
        let policy = self.policy?;
        let target = policy.targets.get(&kind)?;
        let seconds = *target.seconds.get(&self.situation.priority)?;
        let target_micros = seconds.saturating_mul(super::terms::SECOND);
        Some(Terms { policy: policy.id.clone(), target: target_micros, measure: target.measure })
    }

    /// What a clock does here.
    fn standing(&self, kind: Kind) -> Standing {
        match self.status {
            Status::Merged => Standing::Stopped(Reason::Merged),
            Status::Spam => Standing::Stopped(Reason::Spam),
            Status::Resolved => Standing::Stopped(Reason::Resolved),
            Status::Closed => Standing::Stopped(Reason::Closed),
            Status::New | Status::Open | Status::Pending | Status::OnHold if self.silent => {
                Standing::Stopped(Reason::Silence)
            }
            status @ (Status::New | Status::Open | Status::Pending | Status::OnHold) => {
                let target = self.policy.and_then(|policy| policy.targets.get(&kind));
                let pauses = target.is_some_and(|target| target.pauses.contains(&status));
                if pauses { Standing::Paused(status) } else { Standing::Counted }
            }
        }
    }
}

/// How long things took, pauses and all.
fn measures(course: &Course<'_>, now: Timestamp) -> Measures {
    let within = |from: Timestamp, to: Timestamp, counts: &dyn Fn(Status) -> bool| {
        let mut sum = Both::default();
        for (index, piece) in course.pieces.iter().enumerate() {
            let (a, b) =
                (piece.from.max(from), course.pieces.get(index + 1).map_or(to, |next| next.from.min(to)));
            if b > a && counts(piece.status) {
                let calendar = b.as_microsecond() - a.as_microsecond();
                sum = sum.plus(Both { business: piece.calendar.1.between(a, b), calendar });
            }
        }
        sum
    };
    let all = |_: Status| true;
    let first = |kind: Kind, met: bool| {
        let mut spans = course.spans.iter().filter(|span| span.kind == kind);
        spans.find(|span| !met || matches!(span.end, Some((_, End::Met))))
    };
    let Some(begun) = first(Kind::Resolution, false).map(|span| span.from) else {
        return Measures::default();
    };
    let answered = first(Kind::FirstResponse, true).and_then(|span| Some((span.from, span.end?.0)));
    let stands =
        course.pieces.last().is_some_and(|piece| matches!(piece.status, Status::Resolved | Status::Closed));
    let resolved_at = course.resolved.last().copied().filter(|_| stands);
    let first_resolved_at = course.resolved.first().copied();
    Measures {
        first_response: answered.map(|(from, to)| within(from, to, &all)),
        first_resolution: first_resolved_at.map(|to| within(begun, to, &all)),
        full_resolution: resolved_at.map(|to| within(begun, to, &all)),
        first_resolved_at,
        resolved_at,
        requester_wait: within(begun, now, &|status| {
            matches!(status, Status::New | Status::Open | Status::OnHold)
        }),
        agent_work: within(begun, now, &|status| matches!(status, Status::New | Status::Open)),
    }
}
