//! Reports of mail servers in words of their own.
//!
//! There is no form to go by, so it takes two signs at least: who sent it, that it wants no answer, what the subject
//! says, what the text says.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Action, Evidence, Feedback, Kind, RECIPIENTS_MAX, Recipient, Report, codes, report, signs, words,
};
use crate::mail::Mail;

/// Lists the recipients that a mail did not reach (Exim, Google).
const FAILED_RECIPIENTS: &str = "x-failed-recipients";

/// The kind of what a mail server says in its own words.
pub(super) fn kind(mail: &Mail) -> Option<Kind> {
    if let Some(kind) = notification(mail) {
        return Some(kind);
    }
    let subject = mail.subject.as_deref().unwrap_or_default().to_lowercase();
    let text = text(mail);
    let head = words::beginning(&text).to_lowercase();
    let says = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let delayed = says(&subject, &words::DELAYED_SUBJECTS);
    let titled = delayed || says(&subject, &words::FAILED_SUBJECTS);
    let told = says(&head, &words::FAILED_TEXTS) || says(&head, &words::DELAYED_TEXTS);
    let listed = mail.headers.get(FAILED_RECIPIENTS).is_some();
    let daemon = signs::is_daemon(mail);
    let server = daemon || signs::is_postmaster(mail);
    let silent = signs::is_unanswerable(mail);
    let reported = mail.media_type == "multipart/report";
    let evidence = match () {
        () if listed => Evidence::Header(FAILED_RECIPIENTS),
        () if reported && (titled || told) => Evidence::MediaType("multipart/report"),
        () if server && (titled || told) => Evidence::Sender,
        () if silent && (titled || told) => Evidence::Header("return-path"),
        () => return None,
    };
    let delay = delayed || (!says(&subject, &words::FAILED_SUBJECTS) && says(&head, &words::DELAYED_TEXTS));
    let action = if delay { Action::Delayed } else { Action::Failed };
    let report =
        Report { evidence, message_id: report::about(mail), recipients: recipients(mail, &text, action) };
    Some(if delay { Kind::DeliveryDelay(report) } else { Kind::DeliveryReport(report) })
}

/// The text; where a wrong boundary hides it, that of the first part that has no name.
fn text(mail: &Mail) -> Cow<'_, str> {
    if !mail.text.trim().is_empty() {
        return Cow::Borrowed(&mail.text);
    }
    let mut parts = mail.attachments.iter().filter(|part| part.name.is_none());
    let first =
        parts.find(|part| part.media_type.starts_with("text/") || part.media_type.starts_with("multipart/"));
    first.map_or(Cow::Borrowed(""), |part| String::from_utf8_lossy(&part.content))
}

/// Those whom the report is about, by the first of its ways to say so that names somebody.
fn recipients(mail: &Mail, text: &str, action: Action) -> Vec<Recipient> {
    let fields = report::recipients_in_text(text);
    if !fields.is_empty() {
        return fields;
    }
    let (said, copy) = before_copy(text);
    let found = in_own_words(mail, said, action);
    if !found.is_empty() {
        return found;
    }
    let within = report::within(mail);
    if !within.is_empty() {
        return within;
    }
    let to = report::copy_recipients(mail, copy);
    let status = codes::failure(said).map(str::to_owned);
    let reply = codes::reply(said);
    let diagnostic = codes::said(words::beginning(said));
    let recipient = |address| Recipient {
        address,
        original: None,
        action,
        status: status.clone(),
        reply,
        diagnostic: diagnostic.clone(),
    };
    to.into_iter().map(recipient).collect()
}

fn in_own_words(mail: &Mail, said: &str, action: Action) -> Vec<Recipient> {
    let listed: Vec<_> = mail
        .headers
        .all(FAILED_RECIPIENTS)
        .flat_map(codes::addresses)
        .take(RECIPIENTS_MAX)
        .map(str::to_owned)
        .collect();
    let mut found = in_words(mail, said);
    if !listed.is_empty() {
        found.retain(|recipient| {
            listed.iter().any(|address| address.eq_ignore_ascii_case(&recipient.address))
        });
        for address in listed {
            if !found.iter().any(|recipient| recipient.address.eq_ignore_ascii_case(&address)) {
                found.push(Recipient { address, ..Recipient::default() });
            }
        }
    }
    found.truncate(RECIPIENTS_MAX);
    for recipient in &mut found {
        recipient.action = action;
        let own = recipient.diagnostic.as_deref().unwrap_or_default();
        recipient.status = codes::failure(own).or_else(|| codes::failure(said)).map(str::to_owned);
        recipient.reply = codes::reply(own).or_else(|| codes::reply(said));
    }
    found
}

/// What the server says itself, and the mail that it repeats.
fn before_copy(text: &str) -> (&str, &str) {
    const FIELDS: [&str; 5] = ["received:", "return-path:", "message-id:", "x-original-to:", "delivered-to:"];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim_end().to_lowercase();
        let copy = words::COPIES.iter().any(|words| lower.contains(words));
        // What the server says first may name the copy; then that is no beginning of it.
        let ruled = copy
            && (lower.trim_start().starts_with('-')
                || lower.ends_with(':')
                || lower.ends_with('.')
                || lower.ends_with('-'));
        if at > 0 && (ruled || FIELDS.iter().any(|field| lower.starts_with(field))) {
            return text.split_at(at);
        }
        at += line.len();
    }
    (text, "")
}

/// Those whom the server names: in lines that begin with an address, else anywhere.
fn in_words(mail: &Mail, said: &str) -> Vec<Recipient> {
    let known =
        mail.to.iter().chain(&mail.from).chain(&mail.sender).filter_map(|mailbox| mailbox.address.as_deref());
    let known: BTreeSet<_> = known.map(str::to_lowercase).collect();
    let mut seen = BTreeSet::new();
    let mut new = |address: &str| {
        let lower = address.to_lowercase();
        !known.contains(&lower)
            && !lower.starts_with("mailer-daemon@")
            && !lower.starts_with("postmaster@")
            && seen.insert(lower)
    };
    let lines: Vec<_> = said.lines().collect();
    let mut found: Vec<Recipient> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((address, rest)) = named(line) else { continue };
        if found.len() < RECIPIENTS_MAX && new(address) {
            let follow =
                lines[at + 1..].iter().take(DIAGNOSTIC_LINES).take_while(|line| named(line).is_none());
            let follow =
                follow.skip_while(|line| line.trim().is_empty()).take_while(|line| !line.trim().is_empty());
            let diagnostic = std::iter::once(rest).chain(follow.copied()).collect::<Vec<_>>().join(" ");
            found.push(Recipient {
                address: address.to_owned(),
                diagnostic: codes::said(&diagnostic),
                ..Recipient::default()
            });
        }
    }
    if !found.is_empty() {
        return found;
    }
    let anywhere = lines.iter().flat_map(|line| codes::addresses(line).map(move |address| (address, line)));
    for (address, line) in anywhere {
        if found.len() < RECIPIENTS_MAX && new(address) {
            let (address, diagnostic) = (address.to_owned(), codes::said(line));
            found.push(Recipient { address, diagnostic, ..Recipient::default() });
        }
    }
    found
}

/// Lines behind a recipient that may say why.
const DIAGNOSTIC_LINES: usize = 12;

/// The address that a line begins with, or is behind the word that announces one, and what follows it.
fn named(line: &str) -> Option<(&str, &str)> {
    const ANNOUNCED: [&str; 9] = [
        "to:",
        "recipient:",
        "recipient address:",
        "user:",
        "address:",
        "e-mail:",
        "email:",
        "failed recipient:",
        "rcpt to:",
    ];
    let trimmed = line.trim_start_matches([' ', '\t', '*', '-', '>']);
    let lower = trimmed.to_ascii_lowercase();
    let behind = ANNOUNCED.iter().find(|word| lower.starts_with(**word)).map_or(0, |word| word.len());
    let rest = trimmed[behind..].trim_start().trim_start_matches(['<', '"', '\'']);
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '>' | '"' | '\'' | ',' | ';' | ':' | '('))
        .unwrap_or(rest.len());
    let (address, rest) = rest.split_at(end);
    let address = address.trim_end_matches("...").trim_end_matches('.');
    codes::is_address(address)
        .then_some((address, rest.trim_start_matches(['>', '"', '\'', ':', ',', '.', ' '])))
}

/// A notification of Amazon SES, which comes as JSON in a mail.
fn notification(mail: &Mail) -> Option<Kind> {
    let sender = mail.from.first()?.address.as_deref()?;
    if !sender.ends_with(".amazonaws.com") {
        return None;
    }
    let json = first_json(&mail.text)?;
    let json = json["Message"].as_str().and_then(first_json).unwrap_or(json);
    let message_id =
        json["mail"]["commonHeaders"]["messageId"].as_str().or_else(|| json["mail"]["messageId"].as_str());
    let message_id = message_id.map(|id| id.trim_matches(['<', '>']).to_owned());
    let people = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let evidence = Evidence::Text;
    match json["notificationType"].as_str().or_else(|| json["eventType"].as_str())? {
        "Complaint" => Some(Kind::Feedback(Feedback {
            evidence,
            kind: string(&json["complaint"]["complaintFeedbackType"]),
            message_id,
            recipients: people(&json["complaint"]["complainedRecipients"])
                .iter()
                .filter_map(|person| string(&person["emailAddress"]))
                .take(RECIPIENTS_MAX)
                .collect(),
        })),
        "Bounce" => {
            let recipients = people(&json["bounce"]["bouncedRecipients"]);
            let recipients = recipients.iter().filter_map(|person| {
                let diagnostic = person["diagnosticCode"].as_str().and_then(codes::said);
                Some(Recipient {
                    address: string(&person["emailAddress"])?,
                    original: None,
                    action: Action::Failed,
                    status: string(&person["status"]),
                    reply: diagnostic.as_deref().and_then(codes::reply),
                    diagnostic,
                })
            });
            let recipients = recipients.take(RECIPIENTS_MAX).collect();
            Some(Kind::DeliveryReport(Report { evidence, message_id, recipients }))
        }
        "Delivery" => {
            let delivered = people(&json["delivery"]["recipients"]);
            let recipients = delivered.iter().filter_map(string).take(RECIPIENTS_MAX);
            let recipients = recipients.map(|address| Recipient {
                address,
                action: Action::Delivered,
                ..Recipient::default()
            });
            Some(Kind::DeliveryReport(Report { evidence, message_id, recipients: recipients.collect() }))
        }
        _ => None,
    }
}

/// The first JSON object in a text. What stands behind it is the sender's footer.
fn first_json(text: &str) -> Option<Value> {
    let json = &text[text.find('{')?..];
    let read = |json: &str| serde_json::Deserializer::from_str(json).into_iter::<Value>().next()?.ok();
    // Lines that are too long for a mail are folded, within strings as well.
    read(json).or_else(|| read(&json.replace("\n ", "")))
}
