//! Functions.

use super::{
    super::{
        literal::{PATTERNS_MAX, pattern},
        node::Look,
    },
    *,
};

/// Every function that may be called, as a reader would write it.
const FUNCTIONS: [&str; 13] = [
    "has",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "lowerAscii",
    "int",
    "double",
    "exists",
    "all",
    "filter",
    "map",
];

impl Compiler<'_> {
    /// `f(x, y)` and `x.f(y)`.
    pub(super) fn function(&mut self, call: &CallExpr) -> Result {
        let name = call.func_name.as_str();
        if let Some(look) = look(name) {
            let [text, for_what] = self.arguments(call)?;
            let (text, for_what) = (self.text(text)?, self.at_name(call, |this| this.text(for_what))?);
            return Ok(Typed { node: Node::Look(look, Box::new(text), Box::new(for_what)), ty: Type::Bool });
        }
        match name {
            "matches" => self.matches(call),
            "size" => {
                let [of] = self.arguments(call)?;
                let Typed { node, ty } = self.expression(of)?;
                if !matches!(ty, Type::List(_) | Type::Text(_) | Type::Any) {
                    return Err(self.problem(format!("{ty} has no size"), "ask for that of a list or text"));
                }
                Ok(Typed { node: Node::Size(Box::new(node)), ty: Type::Int })
            }
            "lowerAscii" => {
                let [of] = self.arguments(call)?;
                let text = self.text(of)?;
                Ok(Typed { node: Node::Lower(Box::new(text)), ty: Type::Text(Of::Any) })
            }
            "int" | "double" => {
                let [of] = self.arguments(call)?;
                let Typed { node, ty } = self.expression(of)?;
                if !(ty.may_count() || ty.may_read()) {
                    return Err(self.problem(format!("{ty} is no number"), "give a text or a number"));
                }
                Ok(if name == "int" {
                    Typed { node: Node::ToInt(Box::new(node)), ty: Type::Int }
                } else {
                    Typed { node: Node::ToDouble(Box::new(node)), ty: Type::Double }
                })
            }
            _ => self.unknown(call),
        }
    }

    fn matches(&mut self, call: &CallExpr) -> Result {
        let [text, literal] = self.arguments(call)?;
        let text = self.text(text)?;
        self.find("matches");
        let Expr::Literal(LiteralValue::String(literal)) = &literal.expr else {
            let remedy = "write the pattern as a text: message.text.matches('(?i)refund')";
            return Err(self.problem("the pattern is not a text in quotes", remedy));
        };
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            let remedy = format!("a condition has at most {PATTERNS_MAX}: join them with |");
            return Err(self.problem("too many patterns", remedy));
        }
        match pattern(literal.inner()) {
            Ok(pattern) => Ok(Typed { node: Node::Matches(Box::new(text), pattern), ty: Type::Bool }),
            Err((what, remedy)) => Err(self.problem(short(&what), remedy)),
        }
    }

    /// What a function is called with, the thing before the dot first.
    fn arguments<'e, const N: usize>(&mut self, call: &'e CallExpr) -> Result<[&'e Expression; N]> {
        let arguments: Vec<&Expression> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let found = arguments.len();
        arguments.try_into().map_err(|_| {
            self.find(&call.func_name);
            let what = format!("{} is called with {found} things", call.func_name);
            self.problem(what, format!("it takes {N}, the one before the dot counted"))
        })
    }

    /// Goes on behind the function's name, where that stands before what it is given.
    fn at_name<T>(&mut self, call: &CallExpr, then: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if call.target.is_some() {
            self.find(&call.func_name);
        }
        then(self)
    }

    fn unknown(&mut self, call: &CallExpr) -> Result {
        // What stands before the dot is read first, so that the place of the name is the right one.
        if let Some(target) = &call.target {
            self.expression(target)?;
        }
        self.find(&call.func_name);
        let name = short(&call.func_name);
        if FUNCTIONS.contains(&name.as_str()) {
            let remedy =
                "as in has(case.team), case.tags.exists(tag, tag == 'vip') or case.tags.map(tag, size(tag))";
            return Err(self.problem(format!("{name} is called otherwise"), remedy));
        }
        let remedy = suggest(&name, FUNCTIONS, "the functions are");
        Err(self.problem(format!("unknown function \"{name}\""), remedy))
    }
}

fn look(name: &str) -> Option<Look> {
    match name {
        "contains" => Some(Look::Contains),
        "startsWith" => Some(Look::StartsWith),
        "endsWith" => Some(Look::EndsWith),
        _ => None,
    }
}
