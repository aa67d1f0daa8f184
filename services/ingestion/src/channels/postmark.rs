//! Postmark: mail in, and what became of ours.
//!
//! Proof: what the address that Postmark was given carries, a user and password or a `token`; Postmark signs nothing. Where it
//! is told to send the mail as it was (`RawEmail`), that is taken and nothing else.
//!
//! Mail in is read as published; what became of ours by own samples only.

use data_encoding::BASE64;
use http::Method;

use super::letter::{self, Letter};
use super::node::{self, Node};
use super::{
    Config, Connector, Happening, Hook, Mail, Malformed, Media, MediaSource, Party, Receipt, Refused, Said,
    Status, signature,
};

/// The secret in the address: `user:password`, or the value of `token`.
const TOKEN: &str = "token";

/// The connector.
pub(super) struct Postmark;

impl Connector for Postmark {
    fn name(&self) -> &'static str {
        "postmark"
    }

    fn carries_files(&self) -> bool {
        true
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let secret = config.secret(TOKEN)?;
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        signature::carries(hook, secret)
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let body = node::parse(hook.body)?;
        let root = Node::root(&body, "");
        let happening = match root.text("RecordType") {
            None | Some("Inbound") => mail(&root, hook)?,
            Some("Delivery") => receipt(&root, Status::Delivered, "Recipient", "DeliveredAt")?,
            Some("Open") => receipt(&root, Status::Read, "Recipient", "ReceivedAt")?,
            Some("Bounce") => bounce(&root)?,
            Some("SpamComplaint") => Happening::Contact {
                person: Party::new(root.need_text("Email")?.to_lowercase()),
                reachable: false,
                at: root.time("BouncedAt"),
            },
            Some("SubscriptionChange") => Happening::Contact {
                person: Party::new(root.need_text("Recipient")?.to_lowercase()),
                reachable: !root.flag("SuppressSending"),
                at: root.time("ChangedAt"),
            },
            Some("Click") => Happening::Passed("click"),
            Some(_) => Happening::Passed("other_event"),
        };
        Ok(Said { happenings: vec![happening], ..Said::default() })
    }
}

fn receipt(root: &Node<'_>, status: Status, contact: &str, at: &str) -> Result<Happening, Malformed> {
    Ok(Happening::Receipt(Receipt {
        external_id: Some(root.need_text("MessageID")?.to_owned()),
        contact: root.text(contact).map(str::to_lowercase),
        status,
        at: root.need_time(at)?,
        code: None,
        word: None,
    }))
}

fn bounce(root: &Node<'_>) -> Result<Happening, Malformed> {
    // Some of what Postmark calls a bounce bounces nothing.
    match root.need_text("Type")? {
        "Transient" => return Ok(Happening::Passed("deferred")),
        "AutoResponder" | "OpenRelayTest" | "AddressChange" | "Subscribe" | "ChallengeVerification" => {
            return Ok(Happening::Passed("machine_answer"));
        }
        _ => {}
    }
    let happening = receipt(root, Status::Failed, "Email", "BouncedAt")?;
    Ok(match happening {
        Happening::Receipt(receipt) => {
            let code = root.id("TypeCode").or_else(|| root.id("Type"));
            Happening::Receipt(Receipt { code, ..receipt })
        }
        other => other,
    })
}

fn mail(root: &Node<'_>, hook: &Hook<'_>) -> Result<Happening, Malformed> {
    let envelope_to: Vec<_> = root.text("OriginalRecipient").map(str::to_owned).into_iter().collect();
    if let Some(raw) = root.text("RawEmail") {
        let raw = raw.as_bytes().to_vec();
        return Ok(Happening::Mail(Box::new(Mail { raw, envelope_from: None, envelope_to })));
    }
    let mut headers = String::new();
    for header in root.items("Headers")? {
        headers += &letter::header(header.need_text("Name")?, header.text("Value").unwrap_or_default());
    }
    for (name, key) in [("Date", "Date"), ("Reply-To", "ReplyTo")] {
        if let Some(value) = root.text(key) {
            headers += &letter::header(name, value);
        }
    }
    let mut media = Vec::new();
    for file in root.items("Attachments")? {
        let content =
            BASE64.decode(file.text("Content").or_else(|| file.text("Data")).unwrap_or_default().as_bytes());
        let content = content.map_err(|_| file.wrong("Content", "base64"))?;
        media.push(Media {
            name: file.text("Name").map(str::to_owned),
            media_type: file.text("ContentType").map(str::to_owned),
            bytes: content.len().try_into().ok(),
            ..Media::new(MediaSource::Content(content))
        });
    }
    let full = root.get("FromFull");
    let from = full.as_ref().and_then(|full| full.text("Email")).or_else(|| root.text("From"));
    let letter = Letter {
        headers,
        from: Some(from.ok_or_else(|| root.wrong("From", "a text"))?),
        to: root.text("To").map(str::to_owned),
        cc: root.text("Cc").map(str::to_owned),
        subject: root.text("Subject"),
        text: root.text("TextBody").map(str::to_owned),
        html: root.text("HtmlBody").map(str::to_owned),
        id: root.id("MessageID"),
        envelope_to,
        media,
        ..Letter::default()
    };
    let mut message = letter.message(hook.now)?;
    if message.customer.name.is_none() {
        message.customer.name = root.text("FromName").map(str::to_owned);
    }
    message.field("mailbox-hash", root.text("MailboxHash"));
    Ok(message.into())
}
