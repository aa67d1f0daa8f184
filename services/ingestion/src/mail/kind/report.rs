//! Reports in the forms that machines read: of delivery (RFC 3464, 6533), of abuse (RFC 5965), of reading (RFC 8098).

use super::{Action, Evidence, Feedback, Kind, RECIPIENTS_MAX, Receipt, Recipient, Report, codes, signs};
use crate::mail::{Mail, headers::Headers, parse::Attachment};

const DELIVERY: [&str; 2] = ["message/delivery-status", "message/global-delivery-status"];
const FEEDBACK: [&str; 1] = ["message/feedback-report"];
const READING: [&str; 2] = ["message/disposition-notification", "message/global-disposition-notification"];
/// Parts that hold the mail that a report is about, or its header.
const ABOUT: [&str; 7] = [
    "message/rfc822",
    "message/partial",
    "message/rfc822-headers",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global",
    "message/global-headers",
];

/// The kind of what says itself that it is a report.
pub(super) fn kind(mail: &Mail) -> Option<Kind> {
    // A person may pass a report on; only a report is from a machine as well.
    if mail.media_type != "multipart/report" && !signs::is_machine(mail) {
        return None;
    }
    if let Some((evidence, content)) = part(mail, &FEEDBACK) {
        return Some(Kind::Feedback(feedback(mail, evidence, &content)));
    }
    if let Some((evidence, content)) = part(mail, &READING) {
        return Some(Kind::ReadReceipt(receipt(mail, evidence, &content)));
    }
    let (evidence, content) = part(mail, &DELIVERY)?;
    let mut recipients = recipients(&content);
    if let [only] = recipients.as_mut_slice() {
        only.reply = only.reply.or_else(|| told_reply(only, &mail.text));
    }
    let told = !recipients.is_empty();
    let report = Report { evidence, message_id: about(mail), recipients };
    let none = |action| report.recipients.iter().all(|recipient| recipient.action != action);
    let delayed = told && none(Action::Failed) && !none(Action::Delayed);
    // A report that names nobody may do so in words.
    if !told {
        return None;
    }
    Some(if delayed { Kind::DeliveryDelay(report) } else { Kind::DeliveryReport(report) })
}

/// What the text for people says besides, if it is the answer to the only recipient and of the class of the status.
fn told_reply(recipient: &Recipient, text: &str) -> Option<u16> {
    let class = recipient.status.as_deref()?.bytes().next()?;
    codes::reply(text).filter(|reply| *reply / 100 == u16::from(class - b'0'))
}

fn part(mail: &Mail, kinds: &[&'static str]) -> Option<(Evidence, String)> {
    mail.attachments.iter().find_map(|part| {
        let kind = kinds.iter().find(|kind| **kind == part.media_type)?;
        Some((Evidence::MediaType(kind), text(part)))
    })
}

fn text(part: &Attachment) -> String {
    String::from_utf8_lossy(&part.content).into_owned()
}

/// The Message-ID of the mail that a report is about.
pub(super) fn about(mail: &Mail) -> Option<String> {
    let parts = mail.attachments.iter().filter(|part| ABOUT.contains(&part.media_type.as_str()));
    let mut copies = parts.map(|part| Headers::read(text(part).trim_start()));
    let copied = copies.find_map(|headers| headers.get("message-id").and_then(message_id));
    // Where a boundary is wrong, the copy stands behind what the server says.
    let unbounded = mail.attachments.iter().filter(|part| {
        part.media_type.starts_with("multipart/") || DELIVERY.contains(&part.media_type.as_str())
    });
    let mut texts = std::iter::once(mail.text.clone()).chain(unbounded.map(text));
    let told = copied.or_else(|| texts.find_map(|text| in_text(&text)));
    told.or_else(|| mail.in_reply_to.first().or(mail.references.last()).cloned())
}

/// What a report says that stands in the text, with the fields of one but without its form.
pub(super) fn recipients_in_text(text: &str) -> Vec<Recipient> {
    const FIELD: &str = "final-recipient:";
    let is = |line: &str| line.get(..FIELD.len()).is_some_and(|name| name.eq_ignore_ascii_case(FIELD));
    if text.lines().any(is) { recipients(text) } else { Vec::new() }
}

/// What a report says that another server has wrapped into its own.
pub(super) fn within(mail: &Mail) -> Vec<Recipient> {
    let wrapped = mail.attachments.iter().find(|part| part.media_type == "message/rfc822");
    let inner = wrapped.and_then(|part| crate::mail::parse(&part.content).ok());
    let content = inner.and_then(|inner| part(&inner, &DELIVERY));
    content.map(|(_, content)| recipients(&content)).unwrap_or_default()
}

/// Those to whom the mail went that a report repeats, in its text or in a part.
pub(super) fn copy_recipients(mail: &Mail, copy: &str) -> Vec<String> {
    let parts = mail.attachments.iter().filter(|part| ABOUT.contains(&part.media_type.as_str()));
    let copies = parts.map(text).chain(std::iter::once(copy.to_owned()));
    let named = copies.flat_map(|copy| {
        // The line that announces the copy is not of it.
        let fields = copy.trim_start();
        let fields = if fields.starts_with('-') {
            fields.split_once('\n').map_or("", |(_, rest)| rest)
        } else {
            fields
        };
        let headers = Headers::read(fields.trim_start());
        headers.all("to").flat_map(codes::addresses).map(str::to_owned).collect::<Vec<_>>()
    });
    named.take(RECIPIENTS_MAX).collect()
}

/// The Message-ID of a mail that stands in the text.
fn in_text(text: &str) -> Option<String> {
    const FIELD: &str = "message-id:";
    let mut lines = text.lines().map(|line| line.trim_start_matches(['>', '|', ' ', '\t']));
    while let Some(line) = lines.next() {
        if line.get(..FIELD.len()).is_some_and(|name| name.eq_ignore_ascii_case(FIELD)) {
            let value = line[FIELD.len()..].trim();
            // The field may go on in the next line.
            return message_id(if value.is_empty() { lines.next()? } else { value });
        }
    }
    None
}

fn message_id(value: &str) -> Option<String> {
    const MESSAGE_ID_MAX: usize = 1024;
    let value = value.trim();
    let id = match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>').map_or(rest, |(id, _)| id),
        None => value.split_whitespace().next()?,
    };
    (!id.is_empty() && id.len() <= MESSAGE_ID_MAX).then(|| id.to_owned())
}

/// What each group of fields says. Some servers leave out the blank lines between the groups.
fn recipients(content: &str) -> Vec<Recipient> {
    let mut all = Vec::new();
    let mut group = Group::default();
    let mut rest = content.trim_start();
    while !rest.is_empty() && all.len() < RECIPIENTS_MAX {
        let headers = Headers::read(rest);
        for (name, value) in headers.iter() {
            if name == "final-recipient" && group.last.is_some() {
                all.extend(std::mem::take(&mut group).recipient());
            }
            group.take(name, value);
        }
        all.extend(std::mem::take(&mut group).recipient());
        rest = after_blank(rest);
    }
    all.truncate(RECIPIENTS_MAX);
    all
}

/// What stands behind the first blank line.
fn after_blank(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_end().is_empty() {
            break;
        }
    }
    text[at..].trim_start()
}

#[derive(Default)]
struct Group {
    last: Option<String>,
    first: Option<String>,
    action: Option<Action>,
    status: Option<String>,
    diagnostic: Option<String>,
}

impl Group {
    fn take(&mut self, name: &str, value: &str) {
        match name {
            "final-recipient" => self.last = address(value),
            "original-recipient" => self.first = self.first.take().or_else(|| address(value)),
            "action" => self.action = action(value),
            "status" => self.status = codes::status(value).map(str::to_owned),
            "diagnostic-code" => self.diagnostic = codes::said(without_type(value)),
            _ => {}
        }
    }

    fn recipient(self) -> Option<Recipient> {
        let Self { last, first, action, status, diagnostic } = self;
        let address = last.clone().or_else(|| first.clone())?;
        let from_status = status.as_deref().map(|status| match status.as_bytes().first() {
            Some(b'2') => Action::Delivered,
            // It is tried again, as long as nobody says otherwise.
            Some(b'4') => Action::Delayed,
            _ => Action::Failed,
        });
        // A status that says no more than "failed" is followed by what the other server said.
        let exact = diagnostic.as_deref().and_then(codes::status);
        let exact = exact.filter(|exact| {
            status.as_deref().is_some_and(|all| all.ends_with(".0.0") && exact[..1] == all[..1])
        });
        let status = exact.map(str::to_owned).or(status);
        Some(Recipient {
            original: first.filter(|first| !first.eq_ignore_ascii_case(&address)),
            reply: diagnostic.as_deref().and_then(codes::reply),
            action: action.or(from_status).unwrap_or_default(),
            address,
            status,
            diagnostic,
        })
    }
}

/// `rfc822; ada@example.org`.
fn address(value: &str) -> Option<String> {
    let value = without_type(value);
    let found = codes::addresses(value).next().unwrap_or(value);
    let found = found.trim_matches(['<', '>', '"', ' ']);
    (!found.is_empty() && found.len() <= super::DIAGNOSTIC_MAX).then(|| found.to_owned())
}

fn without_type(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, value)| value).trim()
}

fn action(value: &str) -> Option<Action> {
    let word: String = value.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "failed" | "failure" | "expired" => Some(Action::Failed),
        "delayed" | "deferred" => Some(Action::Delayed),
        "delivered" | "deliverable" => Some(Action::Delivered),
        "relayed" => Some(Action::Relayed),
        "expanded" => Some(Action::Expanded),
        _ => None,
    }
}

fn feedback(mail: &Mail, evidence: Evidence, content: &str) -> Feedback {
    let headers = Headers::read(content.trim_start());
    let named = headers.all("original-rcpt-to").chain(headers.all("removal-recipient"));
    Feedback {
        evidence,
        kind: headers.get("feedback-type").map(|kind| kind.trim().to_lowercase()),
        message_id: about(mail),
        recipients: named.filter_map(address).take(RECIPIENTS_MAX).collect(),
    }
}

fn receipt(mail: &Mail, evidence: Evidence, content: &str) -> Receipt {
    let headers = Headers::read(content.trim_start());
    let disposition = headers.get("disposition").map(without_type);
    Receipt {
        evidence,
        message_id: headers.get("original-message-id").and_then(message_id).or_else(|| about(mail)),
        disposition: disposition.map(|value| {
            let word = value.split(['/', ' ', ',']).next().unwrap_or_default();
            word.to_lowercase()
        }),
    }
}
