//! The course of a case: from its facts, where it stood when, and from when to when each clock was there.
//!
//! No time is counted here. That a clock may begin before the fact that brings it about (a message that was fetched late)
//! is why counting comes second.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    clock::Reason,
    fact::{Author, Change, Fact, Opening, Origin, Position, Situation, Timeline, What},
    terms::{Book, Edition, FirstResponseStart, Kind, Policy, Reopen, SplitStart},
};
use crate::{
    calendar::Calendar,
    case::Status,
    ids::{CalendarId, MessageId, ReplyId},
    time::Timestamp,
};

/// Where a case stands, and what holds for it, from an instant on.
#[derive(Clone)]
pub(super) struct Piece<'b> {
    pub(super) from: Timestamp,
    pub(super) status: Status,
    pub(super) silent: bool,
    pub(super) version: u64,
    pub(super) policy: Option<&'b Policy>,
    pub(super) calendar: (Option<&'b CalendarId>, &'b Calendar),
    pub(super) situation: Situation,
}

/// How a clock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What was promised was done.
    Met,
    /// It is not awaited any more.
    Cancelled(Reason),
}

/// From when to when a clock was there.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) cycle: u32,
    pub(super) run: u32,
    pub(super) from: Timestamp,
    pub(super) end: Option<(Timestamp, End)>,
    /// Whether it is more than history.
    pub(super) timed: bool,
}

/// The course of a case up to an instant.
pub(super) struct Course<'b> {
    book: &'b Book,
    fallback: &'b Edition,
    /// Replies that did not arrive.
    failed: BTreeSet<ReplyId>,
    pub(super) pieces: Vec<Piece<'b>>,
    pub(super) spans: Vec<Span>,
    pub(super) opened_at: Option<Timestamp>,
    /// When it was resolved, every time.
    pub(super) resolved: Vec<Timestamp>,
    pub(super) unknown_versions: BTreeSet<u64>,
    /// The span of each kind that has no end yet, or may go on.
    running: BTreeMap<Kind, usize>,
    runs: BTreeMap<(Kind, u32), u32>,
    cycle: u32,
    bot: bool,
    /// Whether what happens is more than history.
    timed: bool,
    /// Whether somebody was first awaited in this cycle.
    first_asked: bool,
    /// Messages without a person's answer.
    unanswered: BTreeMap<(Timestamp, Position), MessageId>,
}

impl<'b> Course<'b> {
    /// The course up to `now`. `None`: the case was not opened by then.
    pub(super) fn of(
        timeline: &Timeline,
        book: &'b Book,
        fallback: &'b Edition,
        now: Timestamp,
    ) -> Option<Self> {
        let past = || timeline.facts().take_while(|fact| fact.occurred <= now);
        let opening = past().find_map(|fact| match &fact.what {
            What::Opened(opening) => Some(opening),
            _ => None,
        })?;
        let failed = past().filter_map(|fact| match &fact.what {
            What::ReplyFailed { reply } => Some(*reply),
            _ => None,
        });
        let mut course = Self {
            book,
            fallback,
            failed: failed.collect(),
            pieces: Vec::new(),
            spans: Vec::new(),
            opened_at: None,
            resolved: Vec::new(),
            unknown_versions: BTreeSet::new(),
            running: BTreeMap::new(),
            runs: BTreeMap::new(),
            cycle: 1,
            bot: opening.bot,
            timed: opening.origin != Origin::Import,
            first_asked: false,
            unanswered: BTreeMap::new(),
        };
        let from = past().next().map_or(now, |fact| fact.occurred);
        let (policy, calendar) = course.terms(opening.version, &opening.situation);
        course.pieces.push(Piece {
            from,
            status: Status::New,
            silent: false,
            version: opening.version,
            policy,
            calendar,
            situation: opening.situation.clone(),
        });
        past().for_each(|fact| course.take(fact));
        Some(course)
    }

    fn take(&mut self, fact: &Fact) {
        let at = fact.occurred;
        match &fact.what {
            What::Opened(opening) => self.open(at, opening),
            What::CustomerMessage { message, asks } => self.receive(fact, message, *asks),
            What::Reply { reply, author, written } => {
                if reply.is_none_or(|reply| !self.failed.contains(&reply)) {
                    self.reply(at, *author, (*written).min(at));
                }
            }
            What::ReplyFailed { .. } | What::Note => {}
            What::HandedOver => {
                self.bot = false;
                if !self.unanswered.is_empty() {
                    self.ask(at);
                }
            }
            What::Status { to } => self.status(fact, *to),
            What::Reopened { cycle } => self.reopen(at, *cycle),
            What::Silence => self.silence(at),
            What::SplitAway { messages } => {
                self.unanswered.retain(|_, message| !messages.contains(message));
                if self.unanswered.is_empty() {
                    self.cancel_answers(at, Reason::SplitOff);
                }
            }
            What::Changed(change) => self.change(at, change),
            What::PolicyApplied { version } => {
                let version = *version;
                self.piece(at, |piece| piece.version = version);
            }
        }
    }

    fn open(&mut self, at: Timestamp, opening: &Opening) {
        if self.opened_at.is_some() {
            return;
        }
        self.opened_at = Some(at);
        self.piece(at, |piece| piece.version = opening.version);
        let oldest = self.unanswered.keys().next().map(|(at, _)| *at);
        let split = opening.origin == Origin::Split;
        let at_split = self.policy().is_some_and(|policy| policy.split_start == SplitStart::Split);
        let from = if split && !at_split { oldest.unwrap_or(at) } else { at };
        self.start(Kind::Resolution, from);
        if let Some(oldest) = oldest {
            self.ask(if split && at_split { at } else { oldest });
        }
    }

    fn receive(&mut self, fact: &Fact, message: &MessageId, asks: bool) {
        if !asks {
            return;
        }
        let at = fact.occurred;
        if !self.timed && fact.live {
            self.go_live(at);
        }
        self.unanswered.insert((at, fact.position), message.clone());
        self.piece(at, |piece| piece.silent = false);
        if self.opened_at.is_some() && self.here().status.is_unresolved() {
            self.ask(at);
        }
    }

    /// Somebody waits for an answer since then. What waits already does not wait anew.
    fn ask(&mut self, since: Timestamp) {
        if !self.first_asked {
            let handover = FirstResponseStart::Handover;
            let waits = self.policy().is_some_and(|policy| policy.first_response_start == handover);
            if !self.runs.contains_key(&(Kind::Acknowledgement, self.cycle)) {
                self.start(Kind::Acknowledgement, since);
            }
            if !(self.bot && waits) {
                self.first_asked = true;
                self.start(Kind::FirstResponse, since);
            }
        } else if !self.running.contains_key(&Kind::FirstResponse)
            && !self.running.contains_key(&Kind::NextResponse)
        {
            self.start(Kind::NextResponse, since);
        }
    }

    fn reply(&mut self, at: Timestamp, author: Author, written: Timestamp) {
        self.end(Kind::Acknowledgement, at, End::Met);
        if author != Author::Human {
            return;
        }
        let waited = self.unanswered.len();
        self.unanswered.retain(|(asked, _), _| *asked > written);
        // Before it was handed over: nobody is awaited for a first answer any more.
        self.first_asked |= self.unanswered.len() < waited && self.opened_at.is_some();
        for kind in [Kind::FirstResponse, Kind::NextResponse] {
            let asked = self.running.get(&kind).map(|index| self.spans[*index].from);
            if asked.is_some_and(|asked| asked <= written) {
                self.end(kind, at, End::Met);
            }
        }
        let unresolved = self.opened_at.is_some() && self.here().status.is_unresolved();
        if unresolved && let Some((asked, _)) = self.unanswered.keys().next().copied() {
            self.ask(asked);
        }
        self.end(Kind::PeriodicUpdate, at, End::Met);
        if unresolved {
            self.start(Kind::PeriodicUpdate, at);
        }
    }

    fn status(&mut self, fact: &Fact, to: Status) {
        let at = fact.occurred;
        self.piece(at, |piece| piece.status = to);
        match to {
            Status::New | Status::Open | Status::Pending | Status::OnHold => self.go_on(at),
            Status::Resolved | Status::Closed => {
                // A message that was on its way when it was resolved still waits, if it brings the case back.
                self.unanswered.retain(|(_, position), _| *position > fact.position);
                let reason = if to == Status::Resolved { Reason::Resolved } else { Reason::Closed };
                if self.unanswered.is_empty() {
                    self.cancel_answers(at, reason);
                }
                self.end(Kind::PeriodicUpdate, at, End::Cancelled(reason));
                if to == Status::Resolved {
                    if self.end(Kind::Resolution, at, End::Met) {
                        self.resolved.push(at);
                    }
                } else {
                    self.end(Kind::Resolution, at, End::Cancelled(Reason::Closed));
                }
            }
            // Its clocks stand still: it may come back.
            Status::Merged | Status::Spam => {}
        }
    }

    /// It is worked again, or still.
    fn go_on(&mut self, at: Timestamp) {
        if self.opened_at.is_none() {
            return;
        }
        if !self.running.contains_key(&Kind::Resolution) {
            self.resume_resolution(at);
        }
        if let Some((asked, _)) = self.unanswered.keys().next().copied() {
            self.ask(asked);
        }
    }

    fn resume_resolution(&mut self, at: Timestamp) {
        let last = self.spans.iter().rposition(|span| span.kind == Kind::Resolution);
        match last {
            Some(last) if self.spans[last].timed == self.timed => {
                self.spans[last].end = None;
                self.running.insert(Kind::Resolution, last);
            }
            Some(_) | None => self.start(Kind::Resolution, at),
        }
    }

    fn reopen(&mut self, at: Timestamp, cycle: u32) {
        let rule = self.policy().map_or(Reopen::AsCase, |policy| policy.reopen);
        let next = match rule {
            Reopen::AsCase => cycle.max(self.cycle),
            Reopen::Continue => self.cycle,
            Reopen::Restart => self.cycle.saturating_add(1),
        };
        self.piece(at, |piece| piece.status = Status::Open);
        if next > self.cycle && self.opened_at.is_some() {
            self.cancel_answers(at, Reason::NewCycle);
            self.end(Kind::Resolution, at, End::Cancelled(Reason::NewCycle));
            self.cycle = next;
            self.first_asked = false;
            self.start(Kind::Resolution, at);
        }
        self.go_on(at);
    }

    fn silence(&mut self, at: Timestamp) {
        self.unanswered.clear();
        self.piece(at, |piece| piece.silent = true);
        // What comes after that is the first that is worth an answer.
        if self.running.contains_key(&Kind::FirstResponse) {
            self.first_asked = false;
        }
        self.cancel_answers(at, Reason::Silence);
        self.end(Kind::PeriodicUpdate, at, End::Cancelled(Reason::Silence));
    }

    fn change(&mut self, at: Timestamp, change: &Change) {
        self.piece(at, |piece| piece.situation.apply(change));
    }

    /// History became a case that is worked here: what was awaited in it is not awaited here.
    fn go_live(&mut self, at: Timestamp) {
        let awaited = self.running.contains_key(&Kind::FirstResponse);
        for kind in Kind::ALL {
            self.end(kind, at, End::Cancelled(Reason::Imported));
        }
        self.first_asked &= !awaited;
        self.unanswered.clear();
        self.timed = true;
        if self.opened_at.is_some() && self.here().status.is_unresolved() {
            self.start(Kind::Resolution, at);
        }
    }

    fn start(&mut self, kind: Kind, from: Timestamp) {
        let run = self.runs.entry((kind, self.cycle)).or_default();
        *run = run.saturating_add(1);
        self.running.insert(kind, self.spans.len());
        let (cycle, run, timed) = (self.cycle, *run, self.timed);
        self.spans.push(Span { kind, cycle, run, from, end: None, timed });
    }

    /// Whether it was there to be ended.
    fn end(&mut self, kind: Kind, at: Timestamp, end: End) -> bool {
        let Some(index) = self.running.remove(&kind) else { return false };
        let span = &mut self.spans[index];
        span.end = Some((at.max(span.from), end));
        true
    }

    fn cancel_answers(&mut self, at: Timestamp, reason: Reason) {
        for kind in [Kind::Acknowledgement, Kind::FirstResponse, Kind::NextResponse] {
            self.end(kind, at, End::Cancelled(reason));
        }
    }

    fn here(&self) -> &Piece<'b> {
        &self.pieces[self.pieces.len() - 1]
    }

    fn policy(&self) -> Option<&'b Policy> {
        self.here().policy
    }

    /// What holds from `at` on. What does not change makes no piece.
    fn piece(&mut self, at: Timestamp, change: impl FnOnce(&mut Piece<'b>)) {
        let mut next = self.here().clone();
        change(&mut next);
        let here = self.here();
        let moved = next.version != here.version || next.situation != here.situation;
        if !moved && next.status == here.status && next.silent == here.silent {
            return;
        }
        if moved {
            (next.policy, next.calendar) = self.terms(next.version, &next.situation);
        }
        if self.here().from == at {
            self.pieces.pop();
        }
        next.from = at;
        self.pieces.push(next);
    }

    fn terms(
        &mut self,
        version: u64,
        situation: &Situation,
    ) -> (Option<&'b Policy>, (Option<&'b CalendarId>, &'b Calendar)) {
        let edition = self.book.0.get(&version);
        if edition.is_none() {
            self.unknown_versions.insert(version);
        }
        let edition = edition.unwrap_or(self.fallback);
        (edition.select(situation), edition.calendar(situation))
    }
}
