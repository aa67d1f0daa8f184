//! What was said, a line for each thing, so that a sample can stand beside its meaning.

use std::fmt::Write;

use crate::channels::{Answer, Happening, Media, MediaSource, Message, Party, Receipt, Said};

/// A line for each happening, and one for an answer that is not empty.
pub(super) fn said(said: &Said) -> Vec<String> {
    let answer = match &said.answer {
        Answer::Taken => None,
        Answer::Text(media_type, text) => Some(format!("answer {media_type} {text:?}")),
    };
    said.happenings.iter().map(happening).chain(answer).collect()
}

fn happening(happening: &Happening) -> String {
    if let Happening::Passed(name) = happening {
        return format!("passed {name}");
    }
    let mut line = String::new();
    match happening {
        Happening::Message(said) => message(&mut line, said),
        Happening::Deleted { external_id, at } => {
            write!(line, "deleted {external_id}").unwrap();
            add(&mut line, "at", at.as_ref());
        }
        Happening::Reaction { external_id, by, sign, at, event } => {
            write!(line, "reaction to {external_id} by {}", party(by)).unwrap();
            line.push_str(&sign.as_ref().map_or(" none".to_owned(), |sign| format!(" {sign:?}")));
            add(&mut line, "at", at.as_ref());
            add(&mut line, "event", event.as_ref());
        }
        Happening::Receipt(Receipt { external_id, contact, status, at, code, word }) => {
            write!(line, "receipt {status:?}").unwrap();
            add(&mut line, "of", external_id.as_ref());
            add(&mut line, "to", contact.as_ref());
            add(&mut line, "at", Some(at));
            add(&mut line, "code", code.as_ref());
            add(&mut line, "word", word.as_ref());
        }
        Happening::Contact { person, reachable, at } => {
            write!(line, "contact {} reachable={reachable}", party(person)).unwrap();
            add(&mut line, "at", at.as_ref());
        }
        Happening::Marketing { person, allowed, at } => {
            write!(line, "marketing {} allowed={allowed}", party(person)).unwrap();
            add(&mut line, "at", at.as_ref());
        }
        other => write!(line, "{other:?}").unwrap(),
    }
    line
}

fn message(line: &mut String, message: &Message) {
    let way = if message.outbound { "to" } else { "from" };
    write!(line, "message {} {way} {}: {:?}", message.external_id, party(&message.customer), message.text)
        .unwrap();
    add(line, "at", Some(&message.sent_at));
    add(line, "edited", message.edited_at.as_ref());
    add(line, "subject", message.subject.as_ref());
    add(line, "reply_to", message.reply_to.as_ref());
    add(line, "thread", message.thread_root.as_ref());
    line.push_str(match message.public {
        Some(true) => " public",
        Some(false) => " private",
        None => "",
    });
    add(line, "language", message.language.as_ref());
    for Media { source, name, media_type, bytes, sha256 } in &message.media {
        match source {
            MediaSource::Id(id) => write!(line, " [id {id}").unwrap(),
            MediaSource::Url(url) => write!(line, " [url {url}").unwrap(),
            MediaSource::Content(content) => write!(line, " [{} bytes", content.len()).unwrap(),
        }
        add(line, "name", name.as_ref());
        add(line, "type", media_type.as_ref());
        add(line, "bytes", bytes.as_ref());
        add(line, "sha256", sha256.as_ref());
        line.push(']');
    }
    if message.forwarded {
        line.push_str(" forwarded");
    }
    add(line, "entry", message.entry_point.map(|entry| format!("{entry:?}")).as_ref());
    add(line, "campaign", message.campaign.as_ref());
    for (name, value) in &message.fields {
        write!(line, " {name}={value:?}").unwrap();
    }
}

fn party(Party { id, name, handle }: &Party) -> String {
    let mut party = if id.is_empty() { "nobody".to_owned() } else { id.clone() };
    let known: Vec<_> =
        [name.clone(), handle.as_ref().map(|handle| format!("@{handle}"))].into_iter().flatten().collect();
    if !known.is_empty() {
        write!(party, " ({})", known.join(", ")).unwrap();
    }
    party
}

fn add<T: ToString>(line: &mut String, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        // Whole seconds, as most times here are.
        let value = value.to_string().replace(".000000Z", "Z");
        write!(line, " {name}={value}").unwrap();
    }
}
