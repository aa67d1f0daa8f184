//! Lists, and what is asked of their members.

use super::*;

/// What a macro made of a question about members.
enum Question<'e> {
    Exists(&'e Expression),
    All(&'e Expression),
    Collect(Option<&'e Expression>, &'e Expression),
}

impl Compiler<'_> {
    /// A list of constants.
    pub(super) fn list(&mut self, elements: &[Expression]) -> Result {
        let (mut items, mut ty) = (Vec::with_capacity(elements.len()), None);
        for element in elements {
            let item = self.expression(element)?;
            if matches!(item.ty, Type::List(_) | Type::Table) {
                return Err(self.problem("a list stands in a list", "write the members into one"));
            }
            ty = Some(match ty {
                None => item.ty,
                Some(known) => item.ty.or(known),
            });
            items.push(item.node);
        }
        Ok(Typed { node: Node::List(items), ty: Type::List(Box::new(ty.unwrap_or(Type::Any))) })
    }

    /// `exists`, `all`, `filter` and `map`, as the parser wrote them out.
    pub(super) fn comprehension(&mut self, asked: &ComprehensionExpr) -> Result {
        if self.local.is_some() {
            let remedy = "ask of one list at a time: a.exists(..) && b.exists(..)";
            return Err(self.problem("a question about members stands in another one", remedy));
        }
        let list = self.expression(&asked.iter_range)?;
        let Some(question) = question(asked) else {
            let remedy = "count with size: size(case.tags.filter(tag, tag == 'vip')) == 1";
            return Err(self.problem("exists_one is not known here", remedy));
        };
        let (Node::Fact(_), Type::List(of)) = (&list.node, &list.ty) else {
            let remedy = "ask of a list among the facts: case.tags, customer.tags, customer.opted_out, customer.languages";
            return Err(self.problem(format!("{} is asked for its members", list.ty), remedy));
        };
        let name = asked.iter_var.as_str();
        self.find(name);
        if known::roots().any(|root| root == name) {
            let remedy = "call the member otherwise: case.tags.exists(tag, ..)";
            return Err(self.problem(format!("\"{name}\" is a fact already"), remedy));
        }
        self.local = Some((name.to_owned(), (**of).clone()));
        let typed = match question {
            Question::Exists(holds) => self.any(true, list, holds),
            Question::All(holds) => self.any(false, list, holds),
            Question::Collect(filter, make) => self.collect(list, filter, make, name),
        };
        self.local = None;
        typed
    }

    fn any(&mut self, one: bool, list: Typed, holds: &Expression) -> Result {
        let holds = self.yes_or_no(holds)?;
        Ok(Typed { node: Node::Any(one, Box::new(list.node), Box::new(holds)), ty: Type::Bool })
    }

    fn collect(&mut self, list: Typed, filter: Option<&Expression>, make: &Expression, name: &str) -> Result {
        let filter = filter.map(|filter| self.yes_or_no(filter)).transpose()?.map(Box::new);
        let member = matches!(&make.expr, Expr::Ident(ident) if ident == name);
        let made = match (&self.local, &list.ty) {
            // The parser wrote it in filter: it has no place.
            (Some(_), Type::List(of)) if member => Typed { node: Node::Local, ty: (**of).clone() },
            _ => self.expression(make)?,
        };
        if matches!(made.ty, Type::List(_) | Type::Table) {
            return Err(
                self.problem("a list would stand in a list", "make a text, a number, or yes or no of each")
            );
        }
        let node = Node::Collect(Box::new(list.node), filter, Box::new(made.node));
        Ok(Typed { node, ty: Type::List(Box::new(made.ty)) })
    }
}

/// Which macro was written out.
fn question(asked: &ComprehensionExpr) -> Option<Question<'_>> {
    let Expr::Call(step) = &asked.loop_step.expr else { return None };
    match (&asked.accu_init.expr, &step.args[..]) {
        (Expr::Literal(LiteralValue::Boolean(_)), [_, holds]) if is(step, operators::LOGICAL_OR) => {
            Some(Question::Exists(holds))
        }
        (Expr::Literal(LiteralValue::Boolean(_)), [_, holds]) if is(step, operators::LOGICAL_AND) => {
            Some(Question::All(holds))
        }
        (Expr::List(_), [filter, added, _]) if is(step, operators::CONDITIONAL) => {
            Some(Question::Collect(Some(filter), made(&added.expr)?))
        }
        (Expr::List(_), _) => Some(Question::Collect(None, made(&asked.loop_step.expr)?)),
        _ => None,
    }
}

/// What is added to the list for a member.
fn made(step: &Expr) -> Option<&Expression> {
    let Expr::Call(add) = step else { return None };
    match &add.args[..] {
        [_, added] if is(add, operators::ADD) => match &added.expr {
            Expr::List(list) => list.elements.first(),
            _ => None,
        },
        _ => None,
    }
}
