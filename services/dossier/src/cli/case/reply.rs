//! `dossier case reply`: words, files, templates.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use proto::cases::v1::{ReplyRequest, ReplyTemplate, reply_request};

use super::{
    super::{error::Failure, parse},
    change::Target,
    send::or_stdin,
};

/// The most bytes of all files of one reply: a request is not longer than 16 MiB.
const FILES_BYTES_MAX: u64 = 15 * 1024 * 1024;

/// Answer the customer
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier case reply PAR-1042 \"It is on its way\"
  dossier case reply PAR-1042 - < answer.txt
  dossier case reply PAR-1042 \"Here it is\" --attach invoice.pdf --attach-again 2hcg5wkk:2
  dossier case reply PAR-1042 --template order_update --language fr --param 1=Ada --param 2=1042
  dossier case reply PAR-1042 \"We have found it\" --tag human_agent        # where the reply window is over")]
pub struct ReplyArgs {
    #[command(flatten)]
    target: Target,
    /// The text; `-` reads it from stdin. With a template: what the customer reads, kept and not sent
    #[arg(required_unless_present_any = ["attach", "attach_again", "template"])]
    text: Option<String>,
    /// A file that goes with it; as often as needed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    attach: Vec<PathBuf>,
    /// A file that the case has, as `case show` names it; as often as needed
    #[arg(long, value_name = "ITEM[:NUMBER]", value_parser = parse::present)]
    attach_again: Vec<(String, u32)>,
    /// A template that the platform approved, sent instead of the text
    #[arg(long, value_name = "NAME", conflicts_with = "tag")]
    template: Option<String>,
    /// What is put into the template: by name, or by position from 1; as often as needed
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse::param)]
    params: Vec<(String, String)>,
    /// The template's language (BCP 47)
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The platform's mark for what may be said after the reply window: human_agent
    #[arg(long)]
    tag: Option<String>,
    /// The subject, where the channel has subjects
    #[arg(long)]
    subject: Option<String>,
    /// Where it goes, if not where the customer wrote last
    #[arg(long, value_name = "CONVERSATION")]
    conversation: Option<String>,
    /// The latest message you have seen: if there is a newer one, the reply is refused
    #[arg(long, value_name = "MESSAGE")]
    seen: Option<String>,
    /// Send although there is a newer message; this is recorded
    #[arg(long)]
    override_stale: bool,
    /// This post closes the matter where it is posted
    #[arg(long)]
    closing: bool,
}

impl ReplyArgs {
    /// What is said, and in which case.
    pub fn said(self) -> Result<(Target, ReplyRequest), Failure> {
        let template = match self.template {
            None if !self.params.is_empty() || self.language.is_some() => {
                let what = "--param and --language are a template's, and there is none";
                return Err(Failure::invalid(what).next("name it with --template NAME"));
            }
            None => None,
            Some(name) => {
                let (parameters, named) = values(self.params)?;
                Some(ReplyTemplate { name, language: self.language.unwrap_or_default(), parameters, named })
            }
        };
        let mut room = FILES_BYTES_MAX;
        let mut attachments = Vec::new();
        for path in &self.attach {
            let file = read(path, room)?;
            room = room.saturating_sub(file.content.len() as u64);
            attachments.push(attachment(reply_request::attachment::From::File(file)));
        }
        for (message_id, index) in self.attach_again {
            let present = reply_request::Present { message_id, index };
            attachments.push(attachment(reply_request::attachment::From::Present(present)));
        }
        let request = ReplyRequest {
            text: self.text.map(or_stdin).transpose()?.unwrap_or_default(),
            conversation_id: self.conversation.unwrap_or_default(),
            seen_message_id: self.seen.unwrap_or_default(),
            override_stale: self.override_stale,
            closing: self.closing,
            attachments,
            template,
            tag: self.tag.unwrap_or_default(),
            subject: self.subject.unwrap_or_default(),
            ..ReplyRequest::default()
        };
        Ok((self.target, request))
    }
}

fn attachment(from: reply_request::attachment::From) -> reply_request::Attachment {
    reply_request::Attachment { from: Some(from) }
}

/// The values of a template: all by position, without a gap, or all by name.
fn values(params: Vec<(String, String)>) -> Result<(Vec<String>, BTreeMap<String, String>), Failure> {
    let count = params.len();
    let places: BTreeMap<usize, String> =
        params.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.clone()))).collect();
    if places.is_empty() {
        let named: BTreeMap<_, _> = params.into_iter().collect();
        if named.len() < count {
            return Err(Failure::invalid("--param: a name is given twice").next("give each value once"));
        }
        return Ok((Vec::new(), named));
    }
    let is_whole = places.len() == count && places.keys().copied().eq(1..=count);
    if !is_whole {
        let what = "--param: values are given all by name, or all by position from 1 on without a gap";
        return Err(Failure::invalid(what).next("write --param 1=… --param 2=…, or --param NAME=…"));
    }
    Ok((places.into_values().collect(), BTreeMap::new()))
}

/// A file of at most `room` bytes.
fn read(path: &Path, room: u64) -> Result<reply_request::File, Failure> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        Failure::invalid(format!("--attach: {shown} cannot be read")).because(error.to_string())
    };
    let mut content = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(room + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > room {
        let what = format!("--attach: the files have more than {FILES_BYTES_MAX} bytes together");
        return Err(Failure::invalid(what).next("send some of them in another reply, or send a link"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(reply_request::File { media_type: media_type(path).to_owned(), name, content })
}

/// What a file is by the end of its name.
fn media_type(path: &Path) -> &'static str {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    let known = TYPES.iter().find(|(known, _)| end.as_deref() == Some(*known));
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// What people attach to replies.
const TYPES: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("amr", "audio/amr"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn params(all: &[&str]) -> Vec<(String, String)> {
        all.iter().map(|text| parse::param(text).unwrap()).collect()
    }

    #[test]
    fn values_have_names_or_places_and_no_gap() {
        let (placed, named) = values(params(&["2=b", "1=a"])).unwrap();
        assert_eq!((placed, named), (vec!["a".to_owned(), "b".to_owned()], BTreeMap::new()));
        let (placed, named) = values(params(&["order_id=7"])).unwrap();
        assert_eq!((placed, named["order_id"].as_str()), (Vec::new(), "7"));
        for wrong in [&["1=a", "3=c"][..], &["1=a", "name=b"], &["0=a"], &["1=a", "1=b"], &["x=a", "x=b"]] {
            assert!(values(params(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn files_are_read_with_their_names_and_types() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Invoice 7.PDF");
        std::fs::write(&path, b"%PDF").unwrap();
        let file = read(&path, 4).unwrap();
        assert_eq!((file.name.as_str(), file.media_type.as_str()), ("Invoice 7.PDF", "application/pdf"));
        assert_eq!(file.content, b"%PDF");
        assert!(read(&path, 3).is_err());
        assert!(read(&folder.path().join("none"), 4).is_err());
        assert_eq!(media_type(Path::new("x.unheard")), "application/octet-stream");
    }
}
