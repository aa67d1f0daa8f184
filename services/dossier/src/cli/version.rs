//! `dossier version`.

use serde_json::json;

use super::{
    context::Context,
    error::Failure,
    output::{Cell, Document, Table},
};

/// Tells the version.
pub fn run(context: &Context) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let mut table = Table::new(&["VERSION"]);
    table.push(vec![Cell::text(version)]);
    let document = Document::one(json!({"version": version}), version, table);
    context.out.print(&document.human(format!("dossier {version}\n")))
}
