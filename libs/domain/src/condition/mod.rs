//! Conditions: what operators write in a rule, as an expression of the Common Expression Language (CEL).
//!
//! A condition is read once, when its document is checked, and answers then for any [`Facts`] in bounded time.
//!
//! *Bounded before it is parsed.* A parser that nests overflows its stack and takes the process with it, so a scan of the bytes
//! counts what makes it nest first: see `scan`. The parser is that of the crate `cel`; its evaluator is not used, because it
//! has no bound on cost, compiles a pattern each time and puts the values that it read into its errors. The tests evaluate
//! the same expressions with it and compare.
//!
//! *Checked against what is known.* Every variable, field and word is looked up in one table, [`KNOWN`]; what is not
//! there is refused with what was meant, and so are types that cannot fit.
//!
//! *What may be written*: `&& || !`, `? :`, `== != < <= > >=`, `in`, `+ - * / %` on numbers, lists of constants, `has()`,
//! `size`, `contains`, `startsWith`, `endsWith`, `matches` with a literal pattern, `lowerAscii`, `int`, `double`, and over the
//! lists that facts have, one inside no other, `exists`, `all`, `filter` and `map`.
//!
//! *What is missing.* Not every message has a subject and not every case a team:
//!
//! - A text that is missing reads as `''`, a list as `[]`: `message.subject.contains('x')` is false without a subject.
//! - A missing yes or no reads as `false`.
//! - A number that is missing is no number. It equals none (`==` is false, `!=` true); to compare it with `<` or to
//!   calculate with it fails, because any answer would be a guess.
//! - `has(x)` is whether `x` is known: a text or list that is empty is not. `x == null` is the same as `!has(x)`, and
//!   `x != null` the same as `has(x)`.
//! - A member that a table does not have (`case.fields.order`) is missing as above: in a text function it reads as `''`,
//!   and it equals nothing, so that `case.fields.order == ''` is false: ask with `has(case.fields.order)`, or `'order' in
//!   case.fields` for names with a dash.
//! - A personal text that may not be read (sealed, or its key destroyed) is not missing: to look at it fails.
//!
//! *What fails* does not hold, and says why: see [`Failed`]. As CEL wants it, `false && x` is false and `true || x` true on
//! either side whatever happens in `x`.

mod compile;
mod eval;
mod facts;
mod gather;
mod known;
mod literal;
mod node;
mod problem;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use eval::{Budget, Failed, WORK_MAX};
pub use facts::{
    About, AccountFacts, CaseFacts, CustomerFacts, FactValue, Facts, MessageFacts, Texts, TimeFacts, Weekday,
};
pub use known::{ITEMS_MAX, KNOWN, Known, TEXT_LEN_MAX};
pub use literal::{PATTERN_LEN_MAX, PATTERNS_MAX};
pub use problem::Problem;
pub use scan::{LEN_MAX, NESTING_MAX, OPERATORS_MAX, TERNARIES_MAX, UNARY_MAX};

/// A condition that was read and checked.
#[derive(Clone, Debug)]
pub struct Condition {
    source: Arc<str>,
    root: Arc<node::Node>,
    mentions: Arc<[Mention]>,
    personal: bool,
}

/// A document of the policy that a condition names: `case.team == 'billing'` mentions the team `billing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The kind of the document.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// What a condition says of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be said.
    Failed(Failed),
}

impl Condition {
    /// Reads a condition. What is not an expression, asks for what is not known or cannot be yes or no is refused.
    pub fn parse(source: &str) -> Result<Self, Problem> {
        let tokens = scan::scan(source)?;
        let compiled = compile::compile(source, &tokens)?;
        Ok(Self {
            source: source.into(),
            root: Arc::new(compiled.root),
            mentions: compiled.mentions.into(),
            personal: compiled.personal,
        })
    }

    /// Whether it holds.
    pub fn holds(&self, facts: &Facts) -> Result<bool, Failed> {
        self.holds_within(facts, &mut Budget::new(WORK_MAX))
    }

    /// Whether it holds, paid for from a budget that several share.
    pub fn holds_within(&self, facts: &Facts, budget: &mut Budget) -> Result<bool, Failed> {
        eval::holds(&self.root, facts, budget)
    }

    /// What it says, as it stands in a trace.
    pub fn verdict(&self, facts: &Facts, budget: &mut Budget) -> Verdict {
        match self.holds_within(facts, budget) {
            Ok(true) => Verdict::True,
            Ok(false) => Verdict::False,
            Err(failed) => Verdict::Failed(failed),
        }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds whatever the facts are, because it is nothing but `true`.
    pub fn is_always(&self) -> bool {
        matches!(*self.root, node::Node::Bool(true))
    }

    /// The documents of the policy that it names.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// Whether it asks for a text that belongs to a person: without that text it cannot be answered again.
    pub const fn is_personal(&self) -> bool {
        self.personal
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse(&source).map_err(D::Error::custom)
    }
}

/// Two conditions are the same if they are written the same.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}
