//! What was said in a case, to be read.

use indicatif::HumanBytes;
use proto::cases::v1::{TimelineItem, timeline_item::Kind};

use super::super::{
    output::{
        Colour, Paint,
        escape::{self, Lines},
        json,
        table::minute,
    },
    parse,
};

/// For people: who and when on a line of its own, the text below.
pub fn block(item: &TimelineItem, paint: Paint) -> String {
    let when = parse::time(item.at.as_ref()).map(minute).unwrap_or_default();
    let who = escape::for_terminal(author(item), Lines::One);
    let who = match item.kind() {
        Kind::MessageIn => format!("← {who}"),
        Kind::MessageOut | Kind::Reply => format!("→ {who}"),
        // In a colour of its own, so that nobody takes it for something the customer saw.
        Kind::Note => paint.colour(&format!("✎ note by {who}"), Colour::Yellow),
        Kind::Unspecified => who.into_owned(),
    };
    let mut text = format!("{}  {who}{}\n", paint.dim(&when), remarks(item));
    for line in escape::for_terminal(&item.text, Lines::Many).lines() {
        text += format!("    {line}").trim_end();
        text.push('\n');
    }
    for (index, file) in item.attachments.iter().enumerate() {
        let name = escape::for_terminal(&file.name, Lines::One);
        let about = format!("{}, {}", file.media_type, HumanBytes(file.bytes));
        // With what `dossier case attachment` wants to be told.
        text += &format!("    ⎘ {name}  {}\n", paint.dim(&format!("{about}  {} {}", item.id, index + 1)));
    }
    text
}

/// For machines: all on one line, when it is escaped.
pub fn line(item: &TimelineItem) -> String {
    let when = parse::time(item.at.as_ref()).map(|time| time.to_string()).unwrap_or_default();
    let kind = json::plain(item.kind().as_str_name(), "KIND_");
    format!("{when} {kind} {}: {}", author(item), item.text)
}

fn author(item: &TimelineItem) -> &str {
    let id = item.author.as_ref().map(|author| author.id.as_str()).unwrap_or_default();
    if item.author_name.is_empty() { id } else { &item.author_name }
}

fn remarks(item: &TimelineItem) -> String {
    let remarks = [
        item.delivery.as_str(),
        if item.public { "public" } else { "" },
        if item.edited { "edited" } else { "" },
        if item.deleted_at_source { "deleted at the source" } else { "" },
    ];
    let remarks: Vec<&str> = remarks.into_iter().filter(|remark| !remark.is_empty()).collect();
    if remarks.is_empty() {
        return String::new();
    }
    format!(" ({})", escape::for_terminal(&remarks.join(", "), Lines::One))
}
