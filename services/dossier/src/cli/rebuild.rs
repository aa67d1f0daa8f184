//! `dossier rebuild [READ-MODEL]`.

use clap::Args;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use proto::operations::v1::{ListReadModelsRequest, RebuildRequest, RebuildResponse};
use serde_json::{Value, json};

use super::{
    client::Client,
    context::Context,
    error::{Exit, Failure},
    output::{Cell, Document, Table},
};

/// Build a read model anew from the log, then let it take over. The old one answers until then
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier rebuild                 every read model, one after the other
  dossier rebuild cases")]
pub struct RebuildArgs {
    /// Which [default: all]
    #[arg(value_name = "READ-MODEL")]
    name: Option<String>,
}

/// Rebuilds, and fails if what comes out is not what was there.
pub async fn run(args: RebuildArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let names = match args.name {
        Some(name) => vec![name],
        None => {
            let request = ListReadModelsRequest { digest: false, at_least: String::new() };
            client.call(request).await?.models.into_iter().map(|model| model.name).collect()
        }
    };
    let mut done = Vec::new();
    for name in names {
        done.push((rebuild(&client, &name, context).await?, name));
    }
    context.out.print(&document(&done))?;
    let differ: Vec<&str> =
        done.iter().filter(|(end, _)| differs(end)).map(|(_, name)| name.as_str()).collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("{} came out differently than it was", differ.join(", ")))
        .because("the new one is what the log says; the old one was not")
        .next("tell those who run the server: a read model that differs from the log is a fault"))
}

async fn rebuild(client: &Client, name: &str, context: &Context) -> Result<RebuildResponse, Failure> {
    let bar = if context.out.bars { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_style(
        ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix(name.to_owned());
    let mut stream = client.stream(RebuildRequest { name: name.to_owned() }).await?;
    let mut last = RebuildResponse::default();
    while let Some(progress) = stream.next().await {
        last = progress?;
        bar.set_length(sequence(&last.of));
        bar.set_position(sequence(&last.position));
    }
    bar.finish_and_clear();
    if last.done {
        return Ok(last);
    }
    Err(Failure::new(Exit::Unavailable, format!("the rebuild of {name} ended before it was done"))
        .next("run it again; the old one answers meanwhile"))
}

/// The last part of a position, to draw a bar by: positions are opaque to everything that matters.
pub fn sequence(position: &str) -> u64 {
    position.rsplit('.').next().and_then(|sequence| sequence.parse().ok()).unwrap_or(0)
}

fn differs(end: &RebuildResponse) -> bool {
    !end.digest_before.is_empty() && end.digest_before != end.digest_after
}

fn document(done: &[(RebuildResponse, String)]) -> Document {
    let mut table = Table::new(&["READ MODEL", "POSITION", "SAME", "DIGEST BEFORE", "DIGEST AFTER"]);
    let mut items = Vec::new();
    for (end, name) in done {
        let same = if end.digest_before.is_empty() {
            "new"
        } else if differs(end) {
            "no"
        } else {
            "yes"
        };
        table.push(
            [name, &end.position, same, &end.digest_before, &end.digest_after].map(Cell::text).to_vec(),
        );
        items.push(json!({
            "name": name,
            "position": end.position,
            "digestBefore": end.digest_before,
            "digestAfter": end.digest_after,
        }));
    }
    Document {
        whole: json!({"rebuilt": Value::from(items.clone())}),
        items,
        names: done.iter().map(|(_, name)| name.clone()).collect(),
        table,
        ..Document::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_compared() {
        let end = |before: &str, after: &str| RebuildResponse {
            done: true,
            digest_before: before.to_owned(),
            digest_after: after.to_owned(),
            ..RebuildResponse::default()
        };
        let done = [
            (end("a", "a"), "x".to_owned()),
            (end("a", "b"), "y".to_owned()),
            (end("", "b"), "z".to_owned()),
        ];
        assert_eq!(done.iter().map(|(end, _)| differs(end)).collect::<Vec<_>>(), [false, true, false]);
        let tsv = document(&done).table.tsv(false, false);
        assert_eq!(tsv, "x\t\tyes\ta\ta\ny\t\tno\ta\tb\nz\t\tnew\t\tb\n");
    }

    #[test]
    fn a_position_can_be_drawn() {
        assert_eq!(sequence("par.1.977"), 977);
        assert_eq!(sequence(""), 0);
    }
}
