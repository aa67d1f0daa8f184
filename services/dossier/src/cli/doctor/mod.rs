//! `dossier doctor`: what is well, what is not, and how to mend it.

mod machine;
mod server;

use serde_json::json;

use super::{
    context::Context,
    error::{Exit, Failure},
    output::{
        Cell, Colour, Document, Paint, Table,
        escape::{self, Lines},
    },
    parse,
    token::is_loopback,
};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Well.
    Well,
    /// To be looked at.
    Look,
    /// Not well.
    Broken,
}

/// Something that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub fix: Option<String>,
}

impl Check {
    /// It is well.
    pub fn well(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Well, found: found.into(), fix: None }
    }

    /// It should be looked at.
    pub fn look(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Look, found: found.into(), fix: Some(fix.into()) }
    }

    /// It is not well.
    pub fn broken(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Broken, found: found.into(), fix: Some(fix.into()) }
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Look => "warning",
            Self::Broken => "error",
        }
    }

    fn mark(self, paint: Paint) -> String {
        match self {
            Self::Well => paint.colour("✓", Colour::Green),
            Self::Look => paint.colour("!", Colour::Yellow),
            Self::Broken => paint.colour("✗", Colour::Red),
        }
    }
}

/// Checks everything, whatever fails on the way.
pub async fn run(context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let address = context.settings.parsed("server", parse::server)?;
    let mut checks = server::check(&client, &context.settings, &address, context.at_least()).await?;
    if is_loopback(address.host().unwrap_or_default()) {
        checks.extend(machine::ports(&address).await);
        checks.extend(machine::data(context.settings.get("data").unwrap_or_default().as_ref()));
    }
    checks.push(machine::files());
    context.out.print(&document(&checks, context.out.paint))?;
    if checks.iter().any(|check| check.state == State::Broken) {
        return Err(Failure::said(Exit::Failed));
    }
    Ok(())
}

fn document(checks: &[Check], paint: Paint) -> Document {
    let mut table = Table::new(&["CHECK", "STATE", "FOUND", "FIX"]);
    let mut text = String::new();
    let mut items = Vec::new();
    for check in checks {
        let fix = check.fix.clone().unwrap_or_default();
        table.push([check.name, check.state.word(), &check.found, &fix].map(Cell::text).to_vec());
        let found = escape::for_terminal(&check.found, Lines::One);
        text += &format!("{} {:<12} {found}\n", check.state.mark(paint), check.name);
        if !fix.is_empty() {
            text += &format!(
                "  {:<12} {}\n",
                "",
                paint.dim(&format!("→ {}", escape::for_terminal(&fix, Lines::One)))
            );
        }
        let mut item = json!({"check": check.name, "state": check.state.word(), "found": check.found});
        if let Some(fix) = &check.fix {
            item["fix"] = json!(fix);
        }
        items.push(item);
    }
    Document {
        whole: json!({"checks": items}),
        items,
        names: checks.iter().map(|check| check.name.to_owned()).collect(),
        table,
        ..Document::default()
    }
    .human(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_its_mark_and_its_fix() {
        let checks = [
            Check::well("server", "up"),
            Check::look("ports", "no mail", "set it up"),
            Check::broken("token", "expired", "get a new one"),
        ];
        let document = document(&checks, Paint(false));
        let expected = "\
✓ server       up
! ports        no mail
               → set it up
✗ token        expired
               → get a new one
";
        assert_eq!(document.human.unwrap(), expected);
        assert_eq!(document.whole["checks"][2]["state"], "error");
        assert_eq!(document.items[0].get("fix"), None);
    }
}
