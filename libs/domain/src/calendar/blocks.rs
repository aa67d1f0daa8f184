//! Open time in blocks of days that are computed once: counting over years adds up blocks instead of days.

use std::{borrow::Cow, fmt, sync::OnceLock};

use super::{DAY_MICROS, rules::Rules, wall::Wall};

/// The days of a block.
const BLOCK_DAYS: i64 = 32;
const BLOCK_MICROS: i64 = BLOCK_DAYS * DAY_MICROS;
/// The blocks that are kept: 2000 to 2063. Others are computed as often as they are needed, so that no instant that a
/// platform makes up takes memory for good.
const KEPT_FROM: i64 = 342;
const KEPT: usize = 731;

/// The block in which an instant lies.
pub(super) const fn index(at: i64) -> i64 {
    at.div_euclid(BLOCK_MICROS)
}

/// When a block begins.
pub(super) const fn start(index: i64) -> i64 {
    index * BLOCK_MICROS
}

/// The open time of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// In order, apart from each other, cut at the ends of the block.
    spans: Vec<Span>,
    /// How much it is, in microseconds.
    pub(super) total: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: i64,
    end: i64,
    /// The open time of the block before it.
    before: i64,
}

impl Block {
    fn new(rules: &Rules, index: i64) -> Self {
        let (from, to) = (start(index), start(index + 1));
        let wall = Wall::new(rules.zone(), from, to);
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for (date, hours, closings) in rules.days(from, to) {
            let span =
                |hours: &super::Hours| (wall.start(date, hours.start_min()), wall.end(date, hours.end_min()));
            open.extend(hours.iter().map(span));
            closed.extend(closings.map(span));
        }
        let mut block = Self::default();
        for (start, end) in without(&joined(open), &joined(closed)) {
            let (start, end) = (start.max(from), end.min(to));
            if start < end {
                block.spans.push(Span { start, end, before: block.total });
                block.total += end - start;
            }
        }
        block
    }

    /// The first span that ends after `at`.
    fn span(&self, at: i64) -> Option<&Span> {
        self.spans.get(self.spans.partition_point(|span| span.end <= at))
    }

    pub(super) fn is_open(&self, at: i64) -> bool {
        self.span(at).is_some_and(|span| span.start <= at)
    }

    /// The first open instant of the block at or after `at`.
    pub(super) fn opens_from(&self, at: i64) -> Option<i64> {
        self.span(at).map(|span| span.start.max(at))
    }

    /// When the span that is open at `at` ends.
    pub(super) fn closes(&self, at: i64) -> Option<i64> {
        self.span(at).filter(|span| span.start <= at).map(|span| span.end)
    }

    /// The open time from the beginning of the block until `at`.
    pub(super) fn open_before(&self, at: i64) -> i64 {
        self.span(at).map_or(self.total, |span| span.before + (at - span.start).max(0))
    }

    /// The first instant at which so much open time of the block has passed; more than nothing.
    pub(super) fn at(&self, open: i64) -> Option<i64> {
        let span = self.spans.get(self.spans.partition_point(|span| span.before < open).checked_sub(1)?)?;
        Some(span.start + (open - span.before)).filter(|at| *at <= span.end)
    }
}

/// The blocks that were computed. They follow from the rules alone.
#[derive(Default)]
pub(super) struct Blocks(OnceLock<Vec<OnceLock<Box<Block>>>>);

impl Blocks {
    pub(super) fn of(&self, rules: &Rules, index: i64) -> Cow<'_, Block> {
        let kept = usize::try_from(index - KEPT_FROM).ok().filter(|kept| *kept < KEPT);
        match kept.and_then(|kept| self.0.get_or_init(|| vec![OnceLock::new(); KEPT]).get(kept)) {
            Some(block) => Cow::Borrowed(block.get_or_init(|| Box::new(Block::new(rules, index)))),
            None => Cow::Owned(Block::new(rules, index)),
        }
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocks")
    }
}

/// Whether something of `spans` lies in none of `closed`.
pub(super) fn leaves(spans: Vec<(i64, i64)>, closed: Vec<(i64, i64)>) -> bool {
    !without(&joined(spans), &joined(closed)).is_empty()
}

/// Spans in order, those that touch or overlap as one, empty ones left out.
fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.retain(|(start, end)| start < end);
    spans.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// What of `spans` lies in none of `closed`. Both are in order and apart.
fn without(spans: &[(i64, i64)], closed: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut left = Vec::with_capacity(spans.len());
    for &(start, end) in spans {
        let mut from = start;
        let first = closed.partition_point(|closed| closed.1 <= start);
        for &(shut, opens) in closed[first..].iter().take_while(|closed| closed.0 < end) {
            left.push((from, shut));
            from = opens;
        }
        left.push((from, end));
    }
    left.retain(|(start, end)| start < end);
    left
}
