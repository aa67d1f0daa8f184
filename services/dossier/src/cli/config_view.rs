//! `dossier config view`: the settings, and where each comes from.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    config::{Setting, Settings},
    context::Context,
    error::Failure,
    output::{Cell, Document, Table},
};

/// The settings of this command line
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// What holds, secrets masked
    View(ViewArgs),
}

/// What holds
#[derive(Args, Debug)]
pub struct ViewArgs {
    /// Also where each comes from
    #[arg(long)]
    origin: bool,
}

impl ConfigCommand {
    /// Shows them.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::View(args) = self;
        context.out.print(&document(&context.settings, args.origin))
    }
}

fn document(settings: &Settings, origin: bool) -> Document {
    let mut document = Document {
        table: Table::new(if origin { &["NAME", "VALUE", "ORIGIN"] } else { &["NAME", "VALUE"] }),
        ..Document::default()
    };
    for setting in settings.iter() {
        let mut item = json!({"name": setting.key.name, "value": shown(setting)});
        let mut row = vec![Cell::text(setting.key.name), Cell::text(shown(setting).unwrap_or_default())];
        if origin {
            item["origin"] = Value::from(setting.origin.to_string());
            row.push(Cell::text(setting.origin.to_string()));
        }
        document.table.push(row);
        document.names.push(setting.key.name.to_owned());
        document.items.push(item);
    }
    document.whole = json!({"settings": document.items});
    document
}

fn shown(setting: &Setting) -> Option<String> {
    let value = setting.value.clone()?;
    Some(if setting.key.secret { "********".to_owned() } else { value })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{super::Cli, *};

    #[test]
    fn a_secret_is_never_shown() {
        let matches = Cli::command().try_get_matches_from(["dossier", "--token", "s3cret", "config", "view"]);
        let document = document(&Settings::resolve(&matches.unwrap()).unwrap(), true);
        assert!(!document.whole.to_string().contains("s3cret"));
        let tsv = document.table.tsv(false, true);
        assert!(tsv.contains("token\t********\tflag --token\n"), "{tsv}");
        assert!(!tsv.contains("s3cret"));
    }
}
