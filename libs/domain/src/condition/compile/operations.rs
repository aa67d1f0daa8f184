//! Operators.

use super::{
    super::node::{Calculation, Order},
    *,
};

impl Compiler<'_> {
    /// An operator or a function.
    pub(super) fn call(&mut self, call: &CallExpr) -> Result {
        if call.target.is_some() {
            return self.function(call);
        }
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, [left, right]) => self.logical(left, right, Node::And),
            (operators::LOGICAL_OR, [left, right]) => self.logical(left, right, Node::Or),
            (operators::LOGICAL_NOT, [of]) => {
                let of = self.yes_or_no(of)?;
                Ok(Typed { node: Node::Not(Box::new(of)), ty: Type::Bool })
            }
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(condition, yes, no),
            (operators::EQUALS, [left, right]) => self.equality(left, right),
            (operators::NOT_EQUALS, [left, right]) => {
                let Typed { node, ty } = self.equality(left, right)?;
                Ok(Typed { node: Node::Not(Box::new(node)), ty })
            }
            (operators::LESS, [left, right]) => self.order(Order::Less, left, right),
            (operators::LESS_EQUALS, [left, right]) => self.order(Order::LessOrEqual, left, right),
            (operators::GREATER, [left, right]) => self.order(Order::Greater, left, right),
            (operators::GREATER_EQUALS, [left, right]) => self.order(Order::GreaterOrEqual, left, right),
            (operators::ADD, [left, right]) => self.calculation(Calculation::Add, left, right),
            (operators::SUBSTRACT, [left, right]) => self.calculation(Calculation::Subtract, left, right),
            (operators::MULTIPLY, [left, right]) => self.calculation(Calculation::Multiply, left, right),
            (operators::DIVIDE, [left, right]) => self.calculation(Calculation::Divide, left, right),
            (operators::MODULO, [left, right]) => self.calculation(Calculation::Remainder, left, right),
            (operators::NEGATE, [of]) => {
                let Typed { node, ty } = self.number(of)?;
                Ok(Typed { node: Node::Negate(Box::new(node)), ty })
            }
            (operators::IN, [item, list]) => self.is_in(item, list),
            (operators::INDEX, [table, name]) => {
                let table = self.expression(table)?;
                self.table(&table)?;
                let name = self.text(name)?;
                self.member(&table, name)
            }
            _ => self.function(call),
        }
    }

    fn logical(
        &mut self,
        left: &Expression,
        right: &Expression,
        make: fn(Box<Node>, Box<Node>) -> Node,
    ) -> Result {
        let left = self.yes_or_no(left)?;
        let right = self.yes_or_no(right)?;
        Ok(Typed { node: make(Box::new(left), Box::new(right)), ty: Type::Bool })
    }

    fn conditional(&mut self, condition: &Expression, yes: &Expression, no: &Expression) -> Result {
        let condition = self.yes_or_no(condition)?;
        let (yes, no) = (self.expression(yes)?, self.expression(no)?);
        let node = Node::If(Box::new(condition), Box::new(yes.node), Box::new(no.node));
        Ok(Typed { node, ty: yes.ty.or(no.ty) })
    }

    fn equality(&mut self, left: &Expression, right: &Expression) -> Result {
        let null = |side: &Expression| matches!(side.expr, Expr::Literal(LiteralValue::Null));
        if null(left) || null(right) {
            let of = self.expression(if null(left) { right } else { left })?;
            if !matches!(of.node, Node::Fact(_) | Node::Member(..)) || of.ty == Type::Table {
                let remedy = "compare a fact or a member of a table with null";
                return Err(self.problem("this is never null", remedy));
            }
            let missing = Node::Not(Box::new(Node::Has(Box::new(of.node))));
            return Ok(Typed { node: missing, ty: Type::Bool });
        }
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        if matches!(left.ty, Type::List(_) | Type::Table) || matches!(right.ty, Type::List(_) | Type::Table) {
            let remedy = "ask for a member with in, or for some with exists";
            return Err(self.problem("lists and tables are not compared", remedy));
        }
        self.comparable(&left, &right)?;
        Ok(Typed { node: Node::Equal(Box::new(left.node), Box::new(right.node)), ty: Type::Bool })
    }

    fn order(&mut self, order: Order, left: &Expression, right: &Expression) -> Result {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let fits = |ty: &Type| ty.may_count() || ty.may_read();
        if !fits(&left.ty) || !fits(&right.ty) {
            let found = if fits(&left.ty) { &right.ty } else { &left.ty };
            return Err(self.problem(format!("{found} has no order"), "compare numbers or texts"));
        }
        if [&left.ty, &right.ty].iter().any(|ty| matches!(ty, Type::Text(Of::Words(_)))) {
            let remedy = "name those that fit: case.priority in ['high', 'urgent']";
            return Err(self.problem("words have no order", remedy));
        }
        self.comparable(&left, &right)?;
        Ok(Typed { node: Node::Order(order, Box::new(left.node), Box::new(right.node)), ty: Type::Bool })
    }

    fn calculation(&mut self, how: Calculation, left: &Expression, right: &Expression) -> Result {
        let (left, right) = (self.number(left)?, self.number(right)?);
        let ty = if left.ty == right.ty { left.ty } else { Type::Double };
        Ok(Typed { node: Node::Calculate(how, Box::new(left.node), Box::new(right.node)), ty })
    }

    fn is_in(&mut self, item: &Expression, list: &Expression) -> Result {
        let (item, list) = (self.expression(item)?, self.expression(list)?);
        match (&list.ty, &item.ty) {
            (Type::List(of), _) if of.may_be(&item.ty) => {
                self.words(&item, &list.node, &Typed { node: Node::Local, ty: (**of).clone() }, &item.node)?;
                Ok(Typed { node: Node::In(Box::new(item.node), Box::new(list.node)), ty: Type::Bool })
            }
            (Type::List(_), found) => {
                Err(self.problem(format!("{found} is never in this list"), "compare what is of one type"))
            }
            (Type::Table, Type::Text(_) | Type::Any) => {
                let Typed { node, .. } = self.member(&list, item.node)?;
                Ok(Typed { node: Node::Has(Box::new(node)), ty: Type::Bool })
            }
            (found, _) => {
                Err(self.problem(format!("{found} has no members"), "look in a list: x in ['a', 'b']"))
            }
        }
    }

    /// Refuses what can never be equal.
    fn comparable(&mut self, left: &Typed, right: &Typed) -> Result<()> {
        if !left.ty.may_be(&right.ty) {
            let what = format!("{} is compared with {}", left.ty, right.ty);
            return Err(
                self.problem(what, "compare what is of one type; texts stand in quotes, numbers do not")
            );
        }
        self.words(left, &right.node, right, &left.node)
    }

    /// Refuses words that there cannot be, on either side.
    fn words(&mut self, left: &Typed, for_left: &Node, right: &Typed, for_right: &Node) -> Result<()> {
        if let Type::Text(of) = left.ty {
            self.word(for_left, of)?;
        }
        if let Type::Text(of) = right.ty {
            self.word(for_right, of)?;
        }
        Ok(())
    }

    pub(super) fn yes_or_no(&mut self, of: &Expression) -> Result<Node> {
        let Typed { node, ty } = self.expression(of)?;
        if ty.may_be(&Type::Bool) {
            return Ok(node);
        }
        Err(self
            .problem(format!("{ty} is neither yes nor no"), "compare it with something, or ask with has()"))
    }

    pub(super) fn number(&mut self, of: &Expression) -> Result {
        let typed = self.expression(of)?;
        if typed.ty.may_count() {
            return Ok(typed);
        }
        Err(self.problem(
            format!("{} is no number", typed.ty),
            "calculate with numbers; int(x) makes one of a text",
        ))
    }

    pub(super) fn text(&mut self, of: &Expression) -> Result<Node> {
        let Typed { node, ty } = self.expression(of)?;
        if ty.may_read() {
            return Ok(node);
        }
        Err(self.problem(format!("{ty} is no text"), "texts stand in quotes"))
    }
}
