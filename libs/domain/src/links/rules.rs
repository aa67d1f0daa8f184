//! The rules between cases.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Action, Command, Event, LinkKind};
use crate::{decider::Decider, ids::CaseId, time::Timestamp};

/// The most links of one kind that may start at one case. Many may end at one: an incident has many victims.
pub const LINKS_MAX: usize = 100;

/// The most cases that go on directly in one other.
pub const ABSORBED_MAX: usize = 500;
/// The most tags, customers, conversations and places that one merge brings: the target names them in one entry.
pub const BRINGS_MAX: usize = 1_000;

/// The merges and links of a site, as ids. Shared between copies, because a site has many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    merged: Arc<BTreeMap<CaseId, CaseId>>,
    /// How many cases go on directly in another: counted, lest every merge look at all of them.
    absorbed: Arc<BTreeMap<CaseId, usize>>,
    links: Arc<BTreeMap<(LinkKind, CaseId), BTreeSet<CaseId>>>,
}

/// Why two cases are not joined. The texts say what and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The target goes on in the source.
    #[error("case {target} goes on in case {source_case}: merge the other way round, or unmerge first")]
    MergeCycle {
        /// The case that was to end.
        source_case: CaseId,
        /// The case that was to go on.
        target: CaseId,
    },
    /// The target is the source.
    #[error("a case cannot be merged into itself: name another one")]
    MergeIntoItself,
    /// The source goes on elsewhere.
    // Not where: who asks may not see that case, and the case itself tells who does.
    #[error("the case goes on in another case already: unmerge it first")]
    AlreadyMerged {
        /// Where.
        into: CaseId,
    },
    /// The source is closed.
    #[error("the case is closed: link it, or merge its follow-up case")]
    SourceClosed,
    /// The target is closed.
    #[error("case {target} is closed: merge into its follow-up case")]
    TargetClosed {
        /// The case in which the target goes on, or itself.
        target: CaseId,
    },
    /// The target has taken in as many as it may.
    #[error(
        "case {target} has taken in {ABSORBED_MAX} cases, the most there may be: link this one to it instead"
    )]
    TargetFull {
        /// The case in which the target goes on, or itself.
        target: CaseId,
    },
    /// The source brings more than one entry can name.
    #[error(
        "the case has more than {BRINGS_MAX} tags, customers, conversations and places: merge the other into it, or link them"
    )]
    SourceTooLarge,
    /// The cases are of different customers.
    #[error("the cases are of different customers: confirm that they are to be merged")]
    DifferentCustomers,
    /// A case does not relate to itself.
    #[error("a case cannot be linked to itself")]
    LinkToItself,
    /// The link would close a circle.
    #[error("case {to} already depends on case {from} in this way: take that link away first")]
    LinkCycle {
        /// The one.
        from: CaseId,
        /// The other.
        to: CaseId,
    },
    /// The case has a parent.
    #[error("the case is part of another case: take that link away first")]
    AlreadyHasParent {
        /// The parent.
        parent: CaseId,
    },
    /// There are too many links.
    #[error("{what}: at most {max}")]
    LimitExceeded {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
}

impl State {
    /// The case in which `case` goes on, through any number of merges; itself if it is not merged.
    pub fn root(&self, case: CaseId) -> CaseId {
        let mut root = case;
        // Decisions never close a circle; should the log hold one, the walk still ends.
        for _ in 0..self.merged.len() {
            match self.merged.get(&root) {
                Some(next) => root = *next,
                None => break,
            }
        }
        root
    }

    /// The case that `case` was merged into directly.
    pub fn merged_into(&self, case: CaseId) -> Option<CaseId> {
        self.merged.get(&case).copied()
    }

    /// The cases to which `from` is linked.
    pub fn linked(&self, kind: LinkKind, from: CaseId) -> impl Iterator<Item = CaseId> {
        self.links.get(&(kind, from)).into_iter().flatten().copied()
    }
}

impl Error {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MergeCycle { .. } | Self::MergeIntoItself => "MERGE_CYCLE",
            Self::AlreadyMerged { .. } => "ALREADY_MERGED",
            Self::SourceClosed => "MERGE_SOURCE_CLOSED",
            Self::TargetClosed { .. } => "MERGE_TARGET_CLOSED",
            Self::TargetFull { .. } => "MERGE_TARGET_FULL",
            Self::SourceTooLarge => "MERGE_SOURCE_TOO_LARGE",
            Self::DifferentCustomers => "MERGE_CUSTOMERS_DIFFER",
            Self::LinkToItself => "LINK_TO_ITSELF",
            Self::LinkCycle { .. } => "LINK_CYCLE",
            Self::AlreadyHasParent { .. } => "ALREADY_HAS_PARENT",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        }
    }
}

impl Decider for State {
    const CATEGORY: &'static str = "links";
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn decide(&self, Command { at, action, .. }: Command) -> Result<Vec<Event>, Error> {
        match action {
            Action::Merge {
                source,
                target,
                source_closed,
                target_closed,
                same_customer,
                confirmed,
                brings,
            } => {
                let root = self.root(target);
                match self.merged_into(source) {
                    _ if target == source => Err(Error::MergeIntoItself),
                    _ if root == source => Err(Error::MergeCycle { source_case: source, target }),
                    Some(into) if self.root(into) == root => Ok(Vec::new()),
                    Some(into) => Err(Error::AlreadyMerged { into }),
                    None if source_closed => Err(Error::SourceClosed),
                    None if target_closed => Err(Error::TargetClosed { target: root }),
                    None if brings > BRINGS_MAX => Err(Error::SourceTooLarge),
                    None if self.absorbed_by(root) >= ABSORBED_MAX => Err(Error::TargetFull { target: root }),
                    None if !same_customer && !confirmed => Err(Error::DifferentCustomers),
                    None => Ok(vec![Event::Merged { at, source, target: root }]),
                }
            }
            Action::Unmerge { source } => {
                let target = self.merged_into(source);
                Ok(target.map(|target| Event::Unmerged { at, source, target }).into_iter().collect())
            }
            Action::Link { kind, from, to } => self.link(at, kind, from, to),
            Action::Unlink { kind, from, to } => {
                let linked = self.has(kind, from, to);
                Ok(if linked { vec![Event::Unlinked { at, kind, from, to }] } else { Vec::new() })
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Merged { source, target, .. } => self.go_on(*source, Some(*target)),
            Event::Unmerged { source, .. } => self.go_on(*source, None),
            Event::Linked { kind, from, to, .. } => {
                Arc::make_mut(&mut self.links).entry((*kind, *from)).or_default().insert(*to);
            }
            Event::Unlinked { kind, from, to, .. } => {
                let links = Arc::make_mut(&mut self.links);
                if let Some(linked) = links.get_mut(&(*kind, *from)) {
                    linked.remove(to);
                    if linked.is_empty() {
                        links.remove(&(*kind, *from));
                    }
                }
            }
        }
        self
    }
}

impl State {
    fn link(&self, at: Timestamp, kind: LinkKind, from: CaseId, to: CaseId) -> Result<Vec<Event>, Error> {
        if from == to {
            return Err(Error::LinkToItself);
        }
        if self.has(kind, from, to) {
            return Ok(Vec::new());
        }
        match kind {
            LinkKind::ChildOf => {
                if let Some(parent) = self.linked(kind, from).next() {
                    return Err(Error::AlreadyHasParent { parent });
                }
                self.no_cycle(kind, from, to)?;
            }
            LinkKind::CausedBy => self.no_cycle(kind, from, to)?,
            LinkKind::DuplicateOf => {}
        }
        if self.linked(kind, from).count() >= LINKS_MAX {
            return Err(Error::LimitExceeded { what: "links of a case", max: LINKS_MAX });
        }
        Ok(vec![Event::Linked { at, kind, from, to }])
    }

    /// Lets a case go on in another from now on, or by itself.
    fn go_on(&mut self, source: CaseId, into: Option<CaseId>) {
        let merged = Arc::make_mut(&mut self.merged);
        let before = match into {
            Some(target) => merged.insert(source, target),
            None => merged.remove(&source),
        };
        let absorbed = Arc::make_mut(&mut self.absorbed);
        if let Some(target) = before {
            let rest = absorbed.remove(&target).and_then(|count| count.checked_sub(1));
            absorbed.extend(rest.filter(|rest| *rest > 0).map(|rest| (target, rest)));
        }
        if let Some(target) = into {
            *absorbed.entry(target).or_default() += 1;
        }
    }

    /// How many cases go on directly in `target`.
    pub(super) fn absorbed_by(&self, target: CaseId) -> usize {
        self.absorbed.get(&target).copied().unwrap_or_default()
    }

    fn has(&self, kind: LinkKind, from: CaseId, to: CaseId) -> bool {
        self.links.get(&(kind, from)).is_some_and(|linked| linked.contains(&to))
    }

    /// Refuses a link from which one could walk back to its start.
    fn no_cycle(&self, kind: LinkKind, from: CaseId, to: CaseId) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![to];
        while let Some(case) = ahead.pop() {
            if case == from {
                return Err(Error::LinkCycle { from, to });
            }
            if seen.insert(case) {
                ahead.extend(self.linked(kind, case));
            }
        }
        Ok(())
    }
}
