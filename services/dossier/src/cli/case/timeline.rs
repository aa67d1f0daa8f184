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

/// What is said of a reply of which nobody knows.
const UNCLEAR: &str = "unclear";

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
    for line in
        [written("to", &item.to), written("cc", &item.cc), subject(item), template(item)].iter().flatten()
    {
        text += &format!("    {}\n", paint.dim(&escape::for_terminal(line, Lines::One)));
    }
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
    if let Some(why) = why(item) {
        text += &format!("    {}\n", paint.colour(&escape::for_terminal(&why, Lines::One), Colour::Yellow));
    }
    if item.delivery == UNCLEAR {
        let next = format!(
            "unknown whether it arrived: `dossier delivery clarify {id} has` if somebody saw it there, or \
             `dossier delivery resend {id}`",
            id = item.id
        );
        text += &format!("    {}\n", paint.colour(&escape::for_terminal(&next, Lines::One), Colour::Yellow));
    }
    text
}

/// Why a reply is not there: in plain words, else as the log has it.
fn why(item: &TimelineItem) -> Option<String> {
    let why = if item.reason_text.is_empty() { &item.reason } else { &item.reason_text };
    if why.is_empty() {
        return None;
    }
    let what = match item.delivery.as_str() {
        UNCLEAR => "unclear",
        "bounced" => "came back",
        _ => "not sent",
    };
    Some(format!("{what}: {why}"))
}

/// To whom else a mail was written.
fn written(name: &str, to: &str) -> Option<String> {
    (!to.is_empty()).then(|| format!("{name}: {to}"))
}

fn subject(item: &TimelineItem) -> Option<String> {
    (!item.subject.is_empty()).then(|| format!("subject: {}", item.subject))
}

fn template(item: &TimelineItem) -> Option<String> {
    let template = item.template.as_ref()?;
    let named = template.named.iter().map(|(name, value)| format!("{name}={value}"));
    let values: Vec<_> = template.parameters.iter().cloned().chain(named).collect();
    let language =
        if template.language.is_empty() { String::new() } else { format!(" ({})", template.language) };
    Some(format!("template {}{language}: {}", template.name, values.join(", ")))
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
        if item.fate == item.delivery { "" } else { item.fate.as_str() },
        item.tag.as_str(),
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

#[cfg(test)]
mod tests {
    use proto::cases::v1::ReplyTemplate;

    use super::*;

    fn reply(delivery: &str) -> TimelineItem {
        TimelineItem {
            kind: Kind::Reply.into(),
            id: "r7".to_owned(),
            text: "On its way".to_owned(),
            delivery: delivery.to_owned(),
            ..TimelineItem::default()
        }
    }

    #[test]
    fn what_nobody_knows_is_shown_with_what_can_be_done() {
        let shown = block(&reply("unclear"), Paint(false));
        assert!(shown.contains("(unclear)"), "{shown}");
        assert!(shown.contains("unknown whether it arrived"), "{shown}");
        assert!(shown.contains("dossier delivery resend r7"), "{shown}");
        let read = TimelineItem { fate: "read".to_owned(), ..reply("sent") };
        let shown = block(&read, Paint(false));
        assert!(shown.contains("(sent, read)") && !shown.contains("unknown"), "{shown}");
    }

    #[test]
    fn a_template_is_shown_with_what_is_in_it() {
        let template = ReplyTemplate {
            name: "order_update".to_owned(),
            language: "fr".to_owned(),
            parameters: vec!["Ada".to_owned(), "\u{1b}[31m7".to_owned()],
            ..ReplyTemplate::default()
        };
        let shown = block(&TimelineItem { template: Some(template), ..reply("sent") }, Paint(false));
        assert!(shown.contains("template order_update (fr): Ada, "), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn why_a_reply_is_not_there_is_said_in_plain_words() {
        let failed = TimelineItem {
            reason: "account_incomplete".to_owned(),
            reason_text: "the account cannot send".to_owned(),
            ..reply("failed")
        };
        let shown = block(&failed, Paint(false));
        assert!(shown.ends_with("    not sent: the account cannot send\n"), "{shown}");
        let bounced = TimelineItem { reason: "invalid_recipient".to_owned(), ..reply("bounced") };
        let shown = block(&bounced, Paint(false));
        assert!(shown.ends_with("    came back: invalid_recipient\n"), "{shown}");
    }

    #[test]
    fn whoever_else_was_written_to_is_shown() {
        let cc = TimelineItem { cc: "eve@example.org\u{1b}[2J".to_owned(), ..reply("") };
        let shown = block(&cc, Paint(false));
        assert!(shown.contains("    cc: eve@example.org") && !shown.contains('\u{1b}'), "{shown}");
        assert!(!shown.contains("to: "), "{shown}");
    }
}
