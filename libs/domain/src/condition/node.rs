//! A condition as it is evaluated: names are found, patterns are compiled, types fit as far as they are known.

use std::sync::Arc;

use super::{known::Known, literal::Pattern};

/// A part of a condition.
pub(super) enum Node {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Arc<str>),
    List(Vec<Node>),
    /// A fact that is no table.
    Fact(&'static Known),
    /// A member of a fact that is a table.
    Member(&'static Known, Box<Node>),
    /// The member of the list that is looked at.
    Local,
    /// Whether something is known.
    Has(Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Calculate(Calculation, Box<Node>, Box<Node>),
    Equal(Box<Node>, Box<Node>),
    Order(Order, Box<Node>, Box<Node>),
    /// Whether the first is in the list.
    In(Box<Node>, Box<Node>),
    /// Whether two texts stand so to each other.
    Look(Look, Box<Node>, Box<Node>),
    Matches(Box<Node>, Pattern),
    Lower(Box<Node>),
    Size(Box<Node>),
    ToInt(Box<Node>),
    ToDouble(Box<Node>),
    /// Whether it holds for one (`true`) or for all (`false`) members.
    Any(bool, Box<Node>, Box<Node>),
    /// What the last makes of those members for which the second holds.
    Collect(Box<Node>, Option<Box<Node>>, Box<Node>),
}

#[derive(Clone, Copy)]
pub(super) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy)]
pub(super) enum Look {
    Contains,
    StartsWith,
    EndsWith,
}

/// Without its parts: a condition is printed as it was written.
impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Node")
    }
}
