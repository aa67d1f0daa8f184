//! `dossier case attachment`: a file that came with a message.

use std::{
    fs::OpenOptions,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use clap::Args;
use futures_util::TryStreamExt;
use proto::cases::v1::{Attachment, GetAttachmentRequest};

use super::super::{context::Context, error::Failure};

/// A file that came with a message
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case attachment PAR-1042 2hcg5wkk 2 --file invoice.pdf
  dossier case attachment PAR-1042 2hcg5wkk > original.eml

`dossier case show` names the messages and their files.")]
pub struct AttachmentArgs {
    /// Its number or its id
    case: String,
    /// The message's id
    message: String,
    /// Which of the message's files
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    /// Where to put it; nothing that is there is overwritten [default: standard output]
    #[arg(long, short, value_name = "PATH")]
    file: Option<PathBuf>,
}

/// Fetches it.
pub async fn run(args: AttachmentArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let request = GetAttachmentRequest {
        case_id: args.case,
        message_id: args.message,
        index: args.number - 1,
        at_least: context.at_least(),
    };
    let mut pieces = client.stream(request).await?;
    let (mut about, mut bytes) = (Attachment::default(), Vec::new());
    while let Some(piece) = pieces.try_next().await? {
        about = piece.attachment.unwrap_or(about);
        bytes.extend(piece.content);
    }
    let Some(path) = args.file else {
        let mut out = io::stdout();
        if out.is_terminal() {
            let what = format!("the file is {}, which is not for a terminal", about.media_type);
            return Err(Failure::invalid(what).next("give --file PATH, or redirect the output"));
        }
        return out.write_all(&bytes).and_then(|()| out.flush()).map_err(Failure::from);
    };
    let written = OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(|error| {
        Failure::invalid(format!("{} cannot be written", path.display())).because(error.to_string())
    })
}
