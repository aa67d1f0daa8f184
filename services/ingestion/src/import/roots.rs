//! Which messages are one thread, and what the thread is called.
//!
//! Replies are edges between identifiers; a parent that is not in the file is a node like any other. A thread is a
//! connected component, found by union-find, and everything in it shares one root, chosen from the component alone:
//! the order of the rows and rows that come twice change nothing.

use std::collections::HashMap;
use std::sync::Arc;

/// How many identifiers one import can hold.
pub const NODES_MAX: usize = 50_000_000;

/// More identifiers than [`NODES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {NODES_MAX} identifiers")]
pub struct Full;

/// Collects messages and replies, in any order and as often as they come.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: HashMap<Arc<str>, u32>,
    ids: Vec<Arc<str>>,
    /// Union-find: each node's way towards its component's representative.
    towards: Vec<u32>,
    /// (child, parent), never a node and itself.
    replies: Vec<(u32, u32)>,
}

/// The root of every identifier that was seen.
#[derive(Debug)]
pub struct Roots {
    nodes: HashMap<Arc<str>, u32>,
    /// For each node the identifier of its root.
    roots: Vec<Arc<str>>,
}

impl Roots {
    /// The root of the thread that `id` is in: the ancestor without a parent (the smallest such identifier in byte
    /// order if there are several), or the smallest identifier of the circle if replies go in one.
    pub fn root(&self, id: &str) -> Option<&str> {
        let node = *self.nodes.get(id)?;
        self.roots.get(node as usize).map(AsRef::as_ref)
    }

    /// How many identifiers there are, parents that are not in the file included.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

impl Builder {
    /// There is a message with this identifier.
    ///
    /// # Errors
    /// If it is one too many.
    pub fn message(&mut self, id: &str) -> Result<(), Full> {
        self.node(id).map(drop)
    }

    /// The message `child` answers the message `parent`.
    ///
    /// # Errors
    /// If one of them is one too many.
    pub fn reply(&mut self, child: &str, parent: &str) -> Result<(), Full> {
        let (child, parent) = (self.node(child)?, self.node(parent)?);
        if child != parent {
            self.replies.push((child, parent));
            let (a, b) = (self.find(child), self.find(parent));
            self.towards[a as usize] = b;
        }
        Ok(())
    }

    /// Chooses the roots.
    pub fn build(mut self) -> Roots {
        self.replies.sort_unstable();
        self.replies.dedup();
        let tops = self.without_parent();
        let mut best = vec![None; self.ids.len()];
        self.offer(&mut best, &tops);
        let circles = self.in_circles();
        let mut within = vec![None; self.ids.len()];
        self.offer(&mut within, &circles);
        let roots = (0..self.towards.len() as u32)
            .map(|node| {
                let component = self.find(node) as usize;
                let root = best[component].or(within[component]).unwrap_or(node);
                Arc::clone(&self.ids[root as usize])
            })
            .collect();
        Roots { nodes: self.nodes, roots }
    }

    fn node(&mut self, id: &str) -> Result<u32, Full> {
        if let Some(&node) = self.nodes.get(id) {
            return Ok(node);
        }
        let node = u32::try_from(self.ids.len()).map_err(|_| Full)?;
        if self.ids.len() >= NODES_MAX {
            return Err(Full);
        }
        let id: Arc<str> = id.into();
        self.ids.push(Arc::clone(&id));
        self.nodes.insert(id, node);
        self.towards.push(node);
        Ok(node)
    }

    /// The representative of a component, with the way to it halved.
    fn find(&mut self, mut node: u32) -> u32 {
        while self.towards[node as usize] != node {
            let next = self.towards[node as usize];
            self.towards[node as usize] = self.towards[next as usize];
            node = next;
        }
        node
    }

    fn without_parent(&self) -> Vec<bool> {
        let mut tops = vec![true; self.ids.len()];
        for &(child, _) in &self.replies {
            tops[child as usize] = false;
        }
        tops
    }

    /// What is left when messages that nobody answers are taken away again and again: where every message has one
    /// parent at most, that is the circles and nothing else.
    fn in_circles(&self) -> Vec<bool> {
        let mut answers = vec![0_u32; self.ids.len()];
        for &(_, parent) in &self.replies {
            answers[parent as usize] += 1;
        }
        let mut left = vec![true; self.ids.len()];
        let mut unanswered: Vec<u32> =
            (0..self.ids.len() as u32).filter(|&node| answers[node as usize] == 0).collect();
        while let Some(node) = unanswered.pop() {
            left[node as usize] = false;
            let first = self.replies.partition_point(|&(child, _)| child < node);
            for &(_, parent) in self.replies[first..].iter().take_while(|&&(child, _)| child == node) {
                answers[parent as usize] -= 1;
                if answers[parent as usize] == 0 {
                    unanswered.push(parent);
                }
            }
        }
        left
    }

    /// For each component the candidate with the smallest identifier.
    fn offer(&mut self, best: &mut [Option<u32>], candidates: &[bool]) {
        for node in (0..candidates.len() as u32).filter(|&node| candidates[node as usize]) {
            let component = self.find(node) as usize;
            if best[component].is_none_or(|other| self.ids[node as usize] < self.ids[other as usize]) {
                best[component] = Some(node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(replies: &[(&str, &str)]) -> Roots {
        let mut builder = Builder::default();
        for (child, parent) in replies {
            builder.reply(child, parent).unwrap();
        }
        builder.build()
    }

    #[test]
    fn the_root_is_the_topmost_ancestor_known_or_not() {
        let roots = roots(&[("c", "b"), ("b", "z"), ("d", "b"), ("y", "x")]);
        for id in ["b", "c", "d", "z"] {
            assert_eq!(roots.root(id), Some("z"), "{id}");
        }
        assert_eq!(roots.root("y"), Some("x"));
        assert_eq!(roots.root("w"), None);
    }

    #[test]
    fn a_circle_and_its_tails_take_its_smallest() {
        let roots = roots(&[("c", "b"), ("b", "d"), ("d", "c"), ("a", "b"), ("self", "self")]);
        for id in ["a", "b", "c", "d"] {
            assert_eq!(roots.root(id), Some("b"), "{id}: the tail `a` is smaller and no part of the circle");
        }
        assert_eq!(roots.root("self"), Some("self"));
    }

    #[test]
    fn a_message_with_two_parents_joins_their_threads() {
        let roots = roots(&[("m", "b"), ("m", "a")]);
        assert_eq!(roots.root("m"), Some("a"));
        assert_eq!(roots.root("b"), Some("a"));
    }
}
