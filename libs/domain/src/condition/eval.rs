//! Evaluating a condition: the same facts give the same answer, in bounded time.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use super::{
    Facts,
    known::{Known, Read, Sort},
    node::{Calculation, Look, Node, Order},
};

/// How much work one condition may be: a step is 1, a text that is looked through 1 for each [`BYTES_PER_WORK`] bytes, one
/// that is matched with a pattern as much as it has bytes, and more for a pattern that repeats much.
pub const WORK_MAX: u32 = 500_000;
/// How many bytes of a text are looked through for the price of a step.
const BYTES_PER_WORK: usize = 16;

/// Why a condition cannot be answered. It says nothing of what was read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    /// A number is compared or calculated with that is missing.
    #[error("a value that it needs is not known; ask first with has()")]
    Missing,
    /// A personal text is sealed, or its key is destroyed.
    #[error("a personal text that it needs cannot be read")]
    Unreadable,
    /// A custom field is of another type than the condition takes it for.
    #[error("a value is of another type; compare the field's type in the policy")]
    WrongType,
    /// A text that should be a number is none.
    #[error("a text is no number; match it first")]
    NotANumber,
    /// A number is divided by zero, or is too large.
    #[error("a calculation has no result; ask first whether it divides by zero or gets too large")]
    NoResult,
    /// It would take too long.
    #[error("it is too much work; ask less of long texts and lists")]
    TooMuchWork,
}

/// What conditions may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(u32);

/// A value while a condition is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val<'f> {
    Missing,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'f, str>),
    List(Vec<Val<'f>>),
}

impl Budget {
    /// So much work.
    pub const fn new(work: u32) -> Self {
        Self(work)
    }

    /// What is left of it.
    pub const fn left(self) -> u32 {
        self.0
    }

    /// At most as much as one condition may use; the rest stays.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Failed> {
        let left = u32::try_from(work).ok().and_then(|work| self.0.checked_sub(work));
        self.0 = left.unwrap_or(0);
        left.map(drop).ok_or(Failed::TooMuchWork)
    }
}

/// Whether the condition holds. It takes what it needs from the budget, and no more than a condition may.
pub(super) fn holds(root: &Node, facts: &Facts, budget: &mut Budget) -> Result<bool, Failed> {
    let mut own = Budget(budget.0.min(WORK_MAX));
    let granted = own.0;
    let held = Run { facts, budget: &mut own, local: Val::Missing }.yes(root);
    budget.0 -= granted - own.0;
    held
}

struct Run<'r, 'f> {
    facts: &'f Facts,
    budget: &'r mut Budget,
    local: Val<'f>,
}

impl<'f> Run<'_, 'f> {
    fn value(&mut self, node: &'f Node) -> Result<Val<'f>, Failed> {
        self.budget.spend(1)?;
        Ok(match node {
            Node::Bool(yes) => Val::Bool(*yes),
            Node::Int(number) => Val::Int(*number),
            Node::Double(number) => Val::Double(*number),
            Node::Text(text) => Val::Text(Cow::Borrowed(text)),
            Node::Local => self.local.clone(),
            Node::Fact(known) => self.fact(known)?,
            Node::Member(known, name) => self.member(known, name)?,
            Node::List(items) => self.list(items)?,
            Node::Negate(number) => self.negate(number)?,
            Node::Calculate(how, left, right) => self.calculate(*how, left, right)?,
            Node::If(condition, yes, no) => {
                let chosen = if self.yes(condition)? { yes } else { no };
                self.value(chosen)?
            }
            Node::Lower(text) => self.lower(text)?,
            Node::Size(of) => self.size(of)?,
            Node::ToInt(of) => self.whole_number(of)?,
            Node::ToDouble(of) => self.number(of)?,
            Node::Collect(list, filter, make) => self.collect(list, filter.as_deref(), make)?,
            Node::Has(_)
            | Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Equal(..)
            | Node::Order(..)
            | Node::In(..)
            | Node::Look(..)
            | Node::Matches(..)
            | Node::Any(..) => Val::Bool(self.test(node)?),
        })
    }

    /// What is yes or no in itself.
    fn test(&mut self, node: &'f Node) -> Result<bool, Failed> {
        match node {
            Node::Has(of) => self.has(of),
            Node::Not(of) => self.yes(of).map(|yes| !yes),
            Node::And(left, right) => self.both(left, right, false),
            Node::Or(left, right) => self.both(left, right, true),
            Node::Equal(left, right) => self.equal(left, right),
            Node::Order(order, left, right) => self.order(*order, left, right),
            Node::In(item, list) => self.is_in(item, list),
            Node::Look(look, text, for_what) => self.look(*look, text, for_what),
            Node::Matches(text, pattern) => {
                let text = self.text(text)?;
                self.budget.spend(text.len().saturating_mul(pattern.cost))?;
                Ok(pattern.regex.is_match(&text))
            }
            Node::Any(one, list, holds) => self.any(*one, list, holds),
            _ => Err(Failed::WrongType),
        }
    }

    fn yes(&mut self, node: &'f Node) -> Result<bool, Failed> {
        match self.value(node)? {
            Val::Bool(yes) => Ok(yes),
            Val::Missing => Err(Failed::Missing),
            Val::Int(_) | Val::Double(_) | Val::Text(_) | Val::List(_) => Err(Failed::WrongType),
        }
    }

    /// `&&` and `||`: the side that decides does so whatever the other one does. Work that is used up decides nothing.
    fn both(&mut self, left: &'f Node, right: &'f Node, decides: bool) -> Result<bool, Failed> {
        let left = self.yes(left);
        if left == Ok(decides) || left == Err(Failed::TooMuchWork) {
            return left;
        }
        let right = self.yes(right);
        if right == Ok(decides) || right == Err(Failed::TooMuchWork) { right } else { left.and(right) }
    }

    /// A fact, with what a missing one reads as.
    fn fact(&self, known: &Known) -> Result<Val<'f>, Failed> {
        let value = self.read(known, "")?;
        Ok(match (known.sort, value) {
            (Sort::Text(_), Val::Missing) => Val::Text(Cow::Borrowed("")),
            (Sort::Texts(_), Val::Missing) => Val::List(Vec::new()),
            (Sort::Bool, Val::Missing) => Val::Bool(false),
            (_, value) => value,
        })
    }

    fn member(&mut self, known: &Known, name: &'f Node) -> Result<Val<'f>, Failed> {
        let name = self.text(name)?;
        self.read(known, &name)
    }

    fn read(&self, known: &Known, member: &str) -> Result<Val<'f>, Failed> {
        match known.read {
            Read::Value(read) => read(self.facts),
            Read::Member(read) => read(self.facts, member),
        }
    }

    fn has(&mut self, of: &'f Node) -> Result<bool, Failed> {
        let value = match of {
            Node::Fact(known) => self.read(known, "")?,
            of => self.value(of)?,
        };
        Ok(match value {
            Val::Missing => false,
            Val::Text(text) => !text.is_empty(),
            Val::List(items) => !items.is_empty(),
            Val::Bool(_) | Val::Int(_) | Val::Double(_) => true,
        })
    }

    fn list(&mut self, items: &'f [Node]) -> Result<Val<'f>, Failed> {
        items.iter().map(|item| self.value(item)).collect::<Result<_, _>>().map(Val::List)
    }

    fn items(&mut self, list: &'f Node) -> Result<Vec<Val<'f>>, Failed> {
        match self.value(list)? {
            Val::List(items) => Ok(items),
            Val::Missing => Ok(Vec::new()),
            Val::Bool(_) | Val::Int(_) | Val::Double(_) | Val::Text(_) => Err(Failed::WrongType),
        }
    }

    fn text(&mut self, node: &'f Node) -> Result<Cow<'f, str>, Failed> {
        match self.value(node)? {
            Val::Text(text) => Ok(text),
            Val::Missing => Ok(Cow::Borrowed("")),
            Val::Bool(_) | Val::Int(_) | Val::Double(_) | Val::List(_) => Err(Failed::WrongType),
        }
    }

    fn equal(&mut self, left: &'f Node, right: &'f Node) -> Result<bool, Failed> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        self.same(&left, &right)
    }

    /// Whether two values are equal: numbers of both kinds by what they are worth, what is missing to nothing.
    fn same(&mut self, left: &Val<'f>, right: &Val<'f>) -> Result<bool, Failed> {
        Ok(match (left, right) {
            (Val::Bool(left), Val::Bool(right)) => left == right,
            (Val::Text(left), Val::Text(right)) => {
                self.budget.spend(left.len().min(right.len()) / BYTES_PER_WORK)?;
                left == right
            }
            (Val::Int(_) | Val::Double(_), Val::Int(_) | Val::Double(_)) => {
                compare(left, right) == Some(Ordering::Equal)
            }
            (
                Val::Missing | Val::Bool(_) | Val::Int(_) | Val::Double(_) | Val::Text(_) | Val::List(_),
                Val::Missing | Val::Bool(_) | Val::Int(_) | Val::Double(_) | Val::Text(_) | Val::List(_),
            ) => false,
        })
    }

    fn order(&mut self, order: Order, left: &'f Node, right: &'f Node) -> Result<bool, Failed> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let ordering = match (&left, &right) {
            (Val::Missing, _) | (_, Val::Missing) => return Err(Failed::Missing),
            (Val::Text(left), Val::Text(right)) => {
                self.budget.spend(left.len().min(right.len()) / BYTES_PER_WORK)?;
                left.cmp(right)
            }
            (Val::Int(_) | Val::Double(_), Val::Int(_) | Val::Double(_)) => match compare(&left, &right) {
                Some(ordering) => ordering,
                None => return Ok(false),
            },
            _ => return Err(Failed::WrongType),
        };
        Ok(match order {
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        })
    }

    fn is_in(&mut self, item: &'f Node, list: &'f Node) -> Result<bool, Failed> {
        let item = self.value(item)?;
        for other in &self.items(list)? {
            self.budget.spend(1)?;
            if self.same(&item, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look(&mut self, look: Look, text: &'f Node, for_what: &'f Node) -> Result<bool, Failed> {
        let (text, for_what) = (self.text(text)?, self.text(for_what)?);
        self.budget.spend((text.len() + for_what.len()) / BYTES_PER_WORK)?;
        Ok(match look {
            Look::Contains => text.contains(&*for_what),
            Look::StartsWith => text.starts_with(&*for_what),
            Look::EndsWith => text.ends_with(&*for_what),
        })
    }

    fn lower(&mut self, text: &'f Node) -> Result<Val<'f>, Failed> {
        let text = self.text(text)?;
        self.budget.spend(text.len() / BYTES_PER_WORK)?;
        Ok(Val::Text(Cow::Owned(text.to_ascii_lowercase())))
    }

    fn size(&mut self, of: &'f Node) -> Result<Val<'f>, Failed> {
        let size = match self.value(of)? {
            Val::List(items) => items.len(),
            Val::Text(text) => {
                self.budget.spend(text.len() / BYTES_PER_WORK)?;
                text.chars().count()
            }
            Val::Missing => 0,
            Val::Bool(_) | Val::Int(_) | Val::Double(_) => return Err(Failed::WrongType),
        };
        i64::try_from(size).map(Val::Int).map_err(|_| Failed::NoResult)
    }

    fn whole_number(&mut self, of: &'f Node) -> Result<Val<'f>, Failed> {
        match self.value(of)? {
            Val::Int(number) => Ok(Val::Int(number)),
            // Cut towards zero. The bounds are powers of two, which are exact.
            Val::Double(number)
                if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) =>
            {
                Ok(Val::Int(number as i64))
            }
            Val::Double(_) => Err(Failed::NoResult),
            Val::Text(text) => text.trim().parse().map(Val::Int).map_err(|_| Failed::NotANumber),
            Val::Missing => Err(Failed::Missing),
            Val::Bool(_) | Val::List(_) => Err(Failed::WrongType),
        }
    }

    fn number(&mut self, of: &'f Node) -> Result<Val<'f>, Failed> {
        match self.value(of)? {
            number @ (Val::Int(_) | Val::Double(_)) => {
                Ok(Val::Double(double(&number).ok_or(Failed::NoResult)?))
            }
            Val::Text(text) => {
                let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
                number.map(Val::Double).ok_or(Failed::NotANumber)
            }
            Val::Missing => Err(Failed::Missing),
            Val::Bool(_) | Val::List(_) => Err(Failed::WrongType),
        }
    }

    fn negate(&mut self, number: &'f Node) -> Result<Val<'f>, Failed> {
        match self.value(number)? {
            Val::Int(number) => number.checked_neg().map(Val::Int).ok_or(Failed::NoResult),
            Val::Double(number) => Ok(Val::Double(-number)),
            Val::Missing => Err(Failed::Missing),
            Val::Bool(_) | Val::Text(_) | Val::List(_) => Err(Failed::WrongType),
        }
    }

    fn calculate(&mut self, how: Calculation, left: &'f Node, right: &'f Node) -> Result<Val<'f>, Failed> {
        match (self.value(left)?, self.value(right)?) {
            (Val::Missing, _) | (_, Val::Missing) => Err(Failed::Missing),
            (Val::Int(left), Val::Int(right)) => {
                let result = match how {
                    Calculation::Add => left.checked_add(right),
                    Calculation::Subtract => left.checked_sub(right),
                    Calculation::Multiply => left.checked_mul(right),
                    Calculation::Divide => left.checked_div(right),
                    Calculation::Remainder => left.checked_rem(right),
                };
                result.map(Val::Int).ok_or(Failed::NoResult)
            }
            (left, right) => {
                let numbers = double(&left).zip(double(&right));
                let (left, right) = numbers.ok_or(Failed::WrongType)?;
                let result = match how {
                    Calculation::Add => left + right,
                    Calculation::Subtract => left - right,
                    Calculation::Multiply => left * right,
                    Calculation::Divide => left / right,
                    Calculation::Remainder => left % right,
                };
                Some(result).filter(|result| result.is_finite()).map(Val::Double).ok_or(Failed::NoResult)
            }
        }
    }

    /// Whether it holds for one member, or for all. As with `||` and `&&`, a member that decides does so whatever others do.
    fn any(&mut self, one: bool, list: &'f Node, holds: &'f Node) -> Result<bool, Failed> {
        let mut answer = Ok(!one);
        for item in self.items(list)? {
            self.local = item;
            match self.yes(holds) {
                Ok(yes) if yes == one => return Ok(one),
                Ok(_) => {}
                Err(Failed::TooMuchWork) => return Err(Failed::TooMuchWork),
                Err(failed) => answer = Err(failed),
            }
        }
        answer
    }

    fn collect(
        &mut self,
        list: &'f Node,
        filter: Option<&'f Node>,
        make: &'f Node,
    ) -> Result<Val<'f>, Failed> {
        let mut made = Vec::new();
        for item in self.items(list)? {
            self.local = item;
            if filter.map_or(Ok(true), |filter| self.yes(filter))? {
                made.push(self.value(make)?);
            }
        }
        Ok(Val::List(made))
    }
}

fn double(value: &Val<'_>) -> Option<f64> {
    match value {
        Val::Int(number) => Some(*number as f64),
        Val::Double(number) => Some(*number),
        Val::Missing | Val::Bool(_) | Val::Text(_) | Val::List(_) => None,
    }
}

fn compare(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    match (left, right) {
        (Val::Int(left), Val::Int(right)) => Some(left.cmp(right)),
        (left, right) => double(left)?.partial_cmp(&double(right)?),
    }
}

impl fmt::Display for super::Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Failed(failed) => write!(f, "failed: {failed}"),
        }
    }
}
