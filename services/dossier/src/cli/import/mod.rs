//! `dossier import`: past messages, both directions, through the same intake as live ones.

mod convert;
mod lanes;
mod tally;

use std::{path::PathBuf, thread};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ingestion::import::{self, Format, Import, Mapping, Options, Preset};

use super::{
    client::Client,
    context::Context,
    error::{Exit, Failure},
};
use lanes::Lanes;
use tally::{REJECTED_SHOWN, Tally};

/// How many batches may be on their way at once.
const IN_FLIGHT_MAX: u16 = 32;

/// What to do when an import broke off.
const AGAIN: &str = "run the same import again: what is in is a duplicate then, and nothing is added twice";

/// Bring in past messages. Running it again adds nothing
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier import tickets.csv --account support --format csv \\
      --map external_id=id,text=body,author=user,sent_at=created,reply_to=parent,inbound=from_customer
  dossier import twcs.csv --account twitter --format csv --preset twcs
  dossier import archive.mbox --account mail --format mbox --own support@example.org")]
pub struct ImportArgs {
    /// A file; for eml also a folder of mails, or a Maildir
    path: PathBuf,
    /// The channel account they belong to
    #[arg(long)]
    account: String,
    /// How they are written down
    #[arg(long, value_parser = ["csv", "jsonl", "mbox", "eml"])]
    format: String,
    /// Which column of a CSV file is what
    #[arg(long, value_name = "KEY=COLUMN,…", long_help = LONG_MAP)]
    map: Option<Mapping>,
    /// A mapping of a file that is widely known; --map changes single columns of it
    #[arg(long, value_parser = ["twcs", "airline"])]
    preset: Option<String>,
    /// A mail address of the account: mails from it went out; as often as needed
    #[arg(long, value_name = "ADDRESS")]
    own: Vec<String>,
    /// Fail if a row was rejected
    #[arg(long)]
    strict: bool,
    /// Batches on their way at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(IN_FLIGHT_MAX)))]
    in_flight: u16,
}

const LONG_MAP: &str = "\
Which column of a CSV file is what. Keys are external_id, text, author and sent_at (always needed), reply_to, inbound,
name, handle, subject, language, recipient, and field.NAME for custom fields. Without it the columns have the names of
the keys.";

/// Imports, and accounts for every row.
pub async fn run(args: ImportArgs, context: &Context) -> Result<(), Failure> {
    let source = open(&args, context).await?;
    let client = context.client()?;
    let rows = source.rows();
    let bar = bar(rows, context);
    let tally = submit(source, &args, client, bar.clone()).await;
    bar.finish_and_clear();
    let (tally, failure) = tally?;
    context.out.print(&tally.document(&args.account))?;
    tell_rejected(&tally, context);
    if let Some(failure) = failure {
        let failure = failure.because(format!("{} of {rows} rows were accounted for", tally.received()));
        // What was refused stays refused: its own next step is the better one.
        return Err(match (failure.exit, &failure.next) {
            (Exit::Unavailable | Exit::Failed, _) => failure.next(AGAIN),
            (_, None) => failure.next("mend that, then run the same import again"),
            (_, Some(_)) => failure,
        });
    }
    if tally.received() != rows {
        let what = format!("the file changed while it was read: {rows} rows, then {}", tally.received());
        return Err(Failure::new(Exit::Failed, what).next("run the same import again"));
    }
    if tally.rejected > 0 && tally.rejected == tally.received() {
        return Err(Failure::new(Exit::Failed, "every row was rejected: nothing was imported")
            .next("mend what is said above, or check --format and --map; then run the import again"));
    }
    if args.strict && tally.rejected > 0 {
        return Err(Failure::said(Exit::Failed));
    }
    Ok(())
}

/// The first pass: identifiers, links and roots. It is long work, done beside the runtime so that Ctrl-C is heard.
async fn open(args: &ImportArgs, context: &Context) -> Result<Import, Failure> {
    let format: Format = args.format.parse().map_err(|error| invalid(&error))?;
    let preset: Option<Preset> =
        args.preset.as_deref().map(str::parse).transpose().map_err(|error| invalid(&error))?;
    let mapping = match (preset.map(Preset::mapping), args.map.clone()) {
        (Some(preset), Some(own)) => Some(preset.with(own)),
        (preset, own) => preset.or(own),
    };
    if mapping.is_some() && format != Format::Csv {
        return Err(Failure::invalid("--map and --preset are for --format csv"));
    }
    let options = Options { mapping, own_addresses: args.own.clone() };
    let path = args.path.clone();
    context.out.verbose(1, || format!("reading the threads of {}", path.display()));
    let opened = tokio::task::spawn_blocking(move || import::open(&path, format, options)).await;
    let opened = opened.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    opened.map_err(|error| {
        let mut failure = invalid(&error);
        failure.why.extend(std::error::Error::source(&error).map(ToString::to_string));
        failure
    })
}

/// The second pass: reads on a thread of its own, and sends in lanes. A failure comes with what was done before it.
async fn submit(
    source: Import,
    args: &ImportArgs,
    client: Client,
    bar: ProgressBar,
) -> Result<(Tally, Option<Failure>), Failure> {
    let records = source.records().map_err(|error| invalid(&error))?;
    let (lanes, senders) = Lanes::start(&client, &args.account, usize::from(args.in_flight), &bar);
    let reader = thread::Builder::new().name("import".to_owned()).spawn(move || {
        let mut tally = Tally::default();
        let mut senders = senders;
        for record in records {
            match record.map_err(|rejected| rejected.to_string()).and_then(convert::message) {
                Ok(message) => {
                    // The lane has ended because of a failure: nothing more can be sent.
                    if senders.push(message).is_err() {
                        return tally;
                    }
                }
                Err(reason) => {
                    tally.reject(reason);
                    bar.inc(1);
                }
            }
        }
        // If this fails the lane's own failure says why.
        let _ = senders.finish();
        tally
    });
    let reader = reader
        .map_err(|error| Failure::new(Exit::Failed, "no thread to read with").because(error.to_string()))?;
    let (mut tally, failure) = lanes.end().await;
    // All lanes have ended, so the reader has come to its end too, or does with its next message. It is waited for
    // beside the runtime, so that Ctrl-C is heard.
    let unusable = tokio::task::spawn_blocking(move || reader.join()).await;
    let unusable = unusable.ok().and_then(Result::ok);
    let unusable =
        unusable.ok_or_else(|| Failure::new(Exit::Failed, "the file could not be read to its end"))?;
    tally.add(unusable);
    Ok((tally, failure))
}

fn tell_rejected(tally: &Tally, context: &Context) {
    for reason in &tally.reasons {
        context.out.note(&format!("rejected: {reason}"));
    }
    let more = tally.rejected.saturating_sub(tally.reasons.len() as u64);
    if more > 0 {
        context.out.note(&format!("rejected: {more} more (the first {REJECTED_SHOWN} are shown)"));
    }
}

fn bar(rows: u64, context: &Context) -> ProgressBar {
    if !context.out.bars {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len}  {per_sec}  {eta}");
    ProgressBar::new(rows).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn invalid(error: &impl ToString) -> Failure {
    Failure::invalid(error.to_string())
}
