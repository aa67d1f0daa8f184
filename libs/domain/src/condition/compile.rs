//! From the parsed expression to what is evaluated: names are looked up, types compared, places found again.
//!
//! The parser keeps no places of what it could read. But names stand in the tree in the order of the source, so that walking
//! it in that order finds the place of each among the scanned names.

use cel::{
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators},
    parser::{Expression, ParseErrors, PrattParser},
};

use super::{
    Mention, Problem,
    known::{self, Known, Of, Sort},
    node::Node,
    problem::place,
    scan::{LEN_MAX, NESTING_MAX, Name},
};
use crate::policy::suggest;

mod calls;
mod lists;
mod operations;
mod types;

use types::Type;

/// How deep the tree may be. Bounded besides what the scan bounds, so that no mistake there can overflow a stack.
const DEPTH_MAX: usize = 192;
/// How much of what the parser says is repeated, in characters.
const MESSAGE_LEN_MAX: usize = 200;

/// What a condition amounts to.
pub(super) struct Compiled {
    pub(super) root: Node,
    pub(super) mentions: Vec<Mention>,
    pub(super) personal: bool,
}

/// A part of a condition, and what type it has.
struct Typed {
    node: Node,
    ty: Type,
}

type Result<T = Typed> = std::result::Result<T, Problem>;

struct Compiler<'s> {
    source: &'s str,
    names: &'s [Name<'s>],
    /// Which of the names comes next.
    next: usize,
    /// The place of the last name.
    at: usize,
    depth: usize,
    /// The name for a member of the list that is looked at, and its type.
    local: Option<(String, Type)>,
    patterns: usize,
    mentions: Vec<Mention>,
    personal: bool,
}

/// Compiles a condition that was scanned.
pub(super) fn compile(source: &str, names: &[Name<'_>]) -> Result<Compiled> {
    let parser = PrattParser::new()
        .max_recursion_depth(u16::try_from(NESTING_MAX * 2).unwrap_or(u16::MAX))
        .max_expression_node_count(LEN_MAX * 4)
        .error_reporting_limit(1)
        .error_recovery_limit(1);
    let tree = parser.parse(source).map_err(|errors| unreadable(source, &errors))?;
    let mut compiler = Compiler {
        source,
        names,
        next: 0,
        at: 0,
        depth: 0,
        local: None,
        patterns: 0,
        mentions: Vec::new(),
        personal: false,
    };
    let Typed { node, ty } = compiler.expression(&tree)?;
    if !ty.may_be(&Type::Bool) {
        let remedy = "a condition is yes or no: compare it with something, or ask with has()";
        return Err(Problem::at(source, 0, format!("it gives {ty}"), remedy));
    }
    Ok(Compiled { root: node, mentions: compiler.mentions, personal: compiler.personal })
}

/// The first thing that the parser says, with its place.
fn unreadable(source: &str, errors: &ParseErrors) -> Problem {
    let first = errors.errors.iter().min_by_key(|error| (error.pos.0 < 1, error.pos));
    let (line, column) = first.map_or((1, 1), |error| {
        let number = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
        let line = number(error.pos.0);
        // The parser counts bytes.
        let text = source.split('\n').nth(line - 1).unwrap_or_default();
        (line, place(text, number(error.pos.1) - 1).1)
    });
    let said: String =
        first.map(|error| error.msg.chars().take(MESSAGE_LEN_MAX).collect()).unwrap_or_default();
    Problem {
        line,
        column,
        what: format!("it cannot be read: {said}"),
        remedy: "compare it with: case.priority == 'high' && 'vip' in customer.tags".to_owned(),
    }
}

impl Compiler<'_> {
    fn expression(&mut self, expression: &Expression) -> Result {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.problem("it nests too deep", "make several rules of it, or say it flatter"));
        }
        let typed = match &expression.expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(&list.elements),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(_) | Expr::Struct(_) => {
                Err(self.problem("a table cannot be written here", "compare the fields one by one"))
            }
            Expr::Unspecified => Err(self.problem("it cannot be read", "write it anew")),
        };
        self.depth -= 1;
        typed
    }

    fn literal(&mut self, literal: &LiteralValue) -> Result {
        Ok(match literal {
            LiteralValue::Boolean(yes) => Typed { node: Node::Bool(*yes.inner()), ty: Type::Bool },
            LiteralValue::Int(number) => Typed { node: Node::Int(*number.inner()), ty: Type::Int },
            LiteralValue::Double(number) => Typed { node: Node::Double(*number.inner()), ty: Type::Double },
            LiteralValue::String(text) => {
                Typed { node: Node::Text(text.inner().into()), ty: Type::Text(Of::Any) }
            }
            LiteralValue::Null => {
                let remedy = "compare with == null or != null, or ask with has()";
                return Err(self.problem("null stands alone", remedy));
            }
            LiteralValue::UInt(_) => {
                return Err(
                    self.problem("numbers without a sign are not known here", "write it without the u")
                );
            }
            LiteralValue::Bytes(_) => {
                return Err(self.problem("bytes are not known here", "write a text, without the b"));
            }
        })
    }

    /// A name that stands alone.
    fn variable(&mut self, name: &str) -> Result {
        self.find(name);
        if let Some((local, ty)) = &self.local
            && local == name
        {
            return Ok(Typed { node: Node::Local, ty: ty.clone() });
        }
        if let Some(known) = known::find(name) {
            return Ok(Typed { node: Node::Fact(known), ty: Type::Table });
        }
        if known::roots().any(|root| root == name) {
            let fields: Vec<&str> = known::fields_of(name).collect();
            let remedy = format!("name one of its fields: {}", fields.join(", "));
            return Err(self.problem(format!("\"{name}\" is no value"), remedy));
        }
        let remedy = suggest(name, known::roots(), "what is known is");
        Err(self.problem(format!("unknown name \"{name}\""), remedy))
    }

    /// `a.b` and `has(a.b)`.
    fn select(&mut self, select: &SelectExpr) -> Result {
        let plain = self.field(&select.operand, &select.field)?;
        if !select.test {
            return Ok(plain);
        }
        Ok(Typed { node: Node::Has(Box::new(plain.node)), ty: Type::Bool })
    }

    fn field(&mut self, operand: &Expression, field: &str) -> Result {
        if let Expr::Ident(root) = &operand.expr
            && self.local.as_ref().is_none_or(|(local, _)| local != root)
            && known::find(root).is_none()
            && known::roots().any(|known| known == root)
        {
            self.find(root);
            self.find(field);
            let Some(known) = known::find(&format!("{root}.{field}")) else {
                let remedy = suggest(field, known::fields_of(root), &format!("what is known of {root} is"));
                return Err(self.problem(format!("unknown field \"{root}.{field}\""), remedy));
            };
            self.personal |= known.personal;
            let ty = match known.sort {
                Sort::Bool => Type::Bool,
                Sort::Int => Type::Int,
                Sort::Text(of) => Type::Text(of),
                Sort::Texts(of) => Type::List(Box::new(Type::Text(of))),
                Sort::TextTable | Sort::AnyTable | Sort::NumberTable => Type::Table,
            };
            return Ok(Typed { node: Node::Fact(known), ty });
        }
        let table = self.expression(operand)?;
        self.find(field);
        self.member(&table, Node::Text(field.into()))
    }

    /// The fact, if it is a table and has members.
    fn table(&self, table: &Typed) -> Result<&'static Known> {
        match table.node {
            Node::Fact(known @ Known { sort: Sort::TextTable | Sort::AnyTable | Sort::NumberTable, .. }) => {
                Ok(known)
            }
            _ => {
                let remedy = "only the tables among the facts have members";
                Err(self.problem(format!("{} has no members", table.ty), remedy))
            }
        }
    }

    /// A member of a table.
    fn member(&self, table: &Typed, name: Node) -> Result {
        let known = self.table(table)?;
        let ty = match known.sort {
            Sort::TextTable => Type::Text(Of::Any),
            Sort::NumberTable => Type::Double,
            Sort::Bool | Sort::Int | Sort::Text(_) | Sort::Texts(_) | Sort::AnyTable => Type::Any,
        };
        Ok(Typed { node: Node::Member(known, Box::new(name)), ty })
    }

    /// Goes to the next place of a name.
    fn find(&mut self, name: &str) {
        let after = self.names.get(self.next..).unwrap_or_default();
        if let Some(ahead) = after.iter().position(|known| known.text == name) {
            self.at = after[ahead].at;
            self.next += ahead + 1;
        }
    }

    fn problem(&self, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem::at(self.source, self.at, what, remedy)
    }

    /// A problem where a word of this type is not one that there can be; else notes what is mentioned.
    fn word(&mut self, node: &Node, of: Of) -> Result<()> {
        let words: Vec<&str> = match node {
            Node::Text(text) => vec![text],
            Node::List(items) => items
                .iter()
                .filter_map(|item| if let Node::Text(text) = item { Some(&**text) } else { None })
                .collect(),
            _ => return Ok(()),
        };
        for word in words {
            match of {
                Of::Any => {}
                // The empty text is what a missing one reads as.
                Of::Words(known) if word.is_empty() || known.contains(&word) => {}
                Of::Words(known) => {
                    let remedy = suggest(word, known.iter().copied(), "it is one of");
                    return Err(self.problem(format!("unknown word \"{}\"", short(word)), remedy));
                }
                Of::Ids(_) if word.is_empty() => {}
                Of::Ids(kind) => {
                    let (line, column) = place(self.source, self.at);
                    self.mentions.push(Mention { kind, id: word.to_owned(), line, column });
                }
            }
        }
        Ok(())
    }
}

/// As much of a text as is repeated in a message.
fn short(text: &str) -> String {
    text.chars().take(MESSAGE_LEN_MAX).collect()
}

/// Whether a call is the operator of this name.
fn is(call: &CallExpr, operator: &str) -> bool {
    call.target.is_none() && call.func_name == operator
}
