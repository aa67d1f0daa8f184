//! Mails plain and nasty, against what the authors of each set say is in them.
//!
//! One set has its expectations beside the mails, as JSON. Those of the others stand here, as their own tests state
//! them. A field counts where somebody states it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ingestion::mail::{Mail, html, kind, parse, trim::trim};
use serde_json::Value;

use crate::{files, real, short};

/// `mail | field | value`, as the tests of mikel's mail state it.
const MIKEL: &str = include_str!("expected/mikel.txt");

/// The same of zbateson's mail-mime-parser.
const ZBATESON: &str = include_str!("expected/zbateson.txt");

/// What is known to differ, by the beginning of the mail's name and the field, and why.
const CAUSES: [(&str, &str, &str); 4] = [
    ("rfc2822/example10", "sender", "comments within an address are no part of it (RFC 5322, 3.2.2)"),
    ("rfc2822/example10", "to", "comments within an address are no part of it (RFC 5322, 3.2.2)"),
    ("m0018", "attachments", "files that are uuencoded within the text stay in the text"),
    ("m4002", "attachments", "the signature of the mail is an attachment as well"),
];

/// Of how many fields how many agree.
#[derive(Default)]
struct Count {
    mails: usize,
    refused: usize,
    fields: BTreeMap<&'static str, (usize, usize)>,
}

impl Count {
    fn compare(&mut self, mail: &str, field: &'static str, found: &str, expected: &str) {
        let same = found == expected;
        let (agree, all) = self.fields.entry(field).or_default();
        *agree += usize::from(same);
        *all += 1;
        if !same {
            let cause = CAUSES.iter().find(|(name, of, _)| mail.starts_with(name) && *of == field);
            let cause = cause.map_or("not known", |(_, _, cause)| cause);
            println!("{mail}, {field}: {cause}\n  found    {}\n  expected {}", start(found), start(expected));
        }
    }

    fn agree(&self) -> (usize, usize) {
        self.fields.values().fold((0, 0), |(agree, all), (a, b)| (agree + a, all + b))
    }

    fn print(&self, family: &str) {
        let (agree, all) = self.agree();
        println!(
            "{family}: {} mails, {} refused; {agree} of {all} fields agree: {:?}",
            self.mails, self.refused, self.fields
        );
    }
}

fn start(text: &str) -> String {
    const SHOWN_MAX: usize = 160;
    format!("{:?}", text.chars().take(SHOWN_MAX).collect::<String>())
}

fn one_line(text: &str) -> String {
    text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where the expectation could not read a byte, more may be read here: the rest must be the same.
fn readable(found: &str, expected: &str) -> String {
    let found = one_line(found);
    let expected = one_line(expected);
    let mut at = 0;
    for piece in expected.split('\u{fffd}') {
        match found[at..].find(piece) {
            Some(start) => at += start + piece.len(),
            None => return found,
        }
    }
    expected
}

fn from(mail: &Mail) -> (String, String) {
    let first = mail.from.first().cloned().unwrap_or_default();
    (one_line(&first.name.unwrap_or_default()), one_line(&first.address.unwrap_or_default()))
}

/// One mail against the JSON that the parser's authors keep beside it.
fn against_json(count: &mut Count, name: &str, mail: &Mail, expected: &Value) {
    let parts = expected["parts"].as_array().unwrap();
    let headers = parts[0]["headers"].as_array().unwrap();
    // Of fields that stand twice the last is stated to count.
    let header = |name: &str| {
        headers.iter().rev().find(|header| header["name"] == name).map(|header| &header["value"])
    };
    let part = |id: &Value| &parts[usize::try_from(id.as_u64().unwrap()).unwrap()];
    if let Some(subject) = header("subject").and_then(|value| value["Text"].as_str()) {
        count.compare(
            name,
            "subject",
            &readable(mail.subject.as_deref().unwrap_or_default(), subject),
            &one_line(subject),
        );
    }
    let (found_name, found_address) = from(mail);
    if let Some(from) = header("from").map(|value| &value["Address"]) {
        let first =
            if from["List"].is_array() { &from["List"][0] } else { &from["Group"][0]["addresses"][0] };
        if let Some(address) = first["address"].as_str() {
            count.compare(name, "sender", &found_address, &one_line(address));
        }
        if let Some(person) = first["name"].as_str() {
            count.compare(name, "sender's name", &readable(&found_name, person), &one_line(person));
        }
    }
    if let Some(id) = header("message_id").and_then(|value| value["Text"].as_str()) {
        count.compare(name, "message id", &mail.message_id, id.trim());
    }
    let texts: Vec<_> = expected["text_body"].as_array().unwrap().iter().map(part).collect();
    if !texts.is_empty() && texts.iter().all(|part| part["body"]["Text"].is_string()) {
        let text: Vec<_> = texts.iter().filter_map(|part| part["body"]["Text"].as_str()).collect();
        let text = text.join("\n").replace('\0', "\u{fffd}");
        count.compare(name, "text", &readable(&mail.text.replace('\0', "\u{fffd}"), &text), &one_line(&text));
    }
    let htmls: Vec<_> = expected["html_body"].as_array().unwrap().iter().map(part).collect();
    let html: Vec<_> = htmls.iter().filter_map(|part| part["body"]["Html"].as_str()).collect();
    if !html.is_empty() {
        let html = html.join("\n");
        count.compare(
            name,
            "html",
            &readable(mail.html.as_deref().unwrap_or_default(), &html),
            &one_line(&html),
        );
    }
    let attachments = expected["attachments"].as_array().unwrap();
    count.compare(name, "attachments", &mail.attachments.len().to_string(), &attachments.len().to_string());
    for (id, found) in attachments.iter().zip(&mail.attachments) {
        let body = &part(id)["body"];
        let bytes = |value: &Value| {
            let bytes = value.as_array().map(|bytes| {
                bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect::<Vec<_>>()
            });
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = body["Text"].as_str().or_else(|| body["Html"].as_str()).map(str::to_owned);
        if let Some(stated) = text.or_else(|| bytes(&body["Binary"])).or_else(|| bytes(&body["InlineBinary"]))
        {
            let content = String::from_utf8_lossy(&found.content);
            count.compare(name, "attachment", &readable(&content, &stated), &one_line(&stated));
        }
        if let Some(stated) = file_name(part(id)) {
            count.compare(
                name,
                "file name",
                &one_line(found.name.as_deref().unwrap_or_default()),
                &one_line(&stated),
            );
        }
    }
}

fn file_name(part: &Value) -> Option<String> {
    let attribute = |header: &str, name: &str| {
        let headers = part["headers"].as_array()?;
        let header = headers.iter().rev().find(|known| known["name"] == header)?;
        let attributes = header["value"]["ContentType"]["attributes"].as_array()?;
        let attribute = attributes.iter().find(|attribute| attribute["name"] == name)?;
        attribute["value"].as_str().map(str::to_owned)
    };
    let path = attribute("content_disposition", "filename").or_else(|| attribute("content_type", "name"))?;
    // What names a folder as well is kept without it.
    Some(path.rsplit(['/', '\\']).next().unwrap_or_default().replace(char::is_control, " "))
}

fn stalwart(folder: &Path) -> Count {
    let mut count = Count::default();
    for path in files(&folder.join("resources/eml")) {
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let lf = fs::read(&path).unwrap();
        let crlf = with_cr(&lf);
        for (extension, bytes) in [("json", &lf), ("crlf.json", &crlf)] {
            let Ok(expected) = fs::read(path.with_extension(extension)) else { continue };
            count.mails += 1;
            let name = format!("{} ({extension})", short(&path, folder));
            match parse(bytes) {
                Ok(mail) => {
                    against_json(&mut count, &name, &mail, &serde_json::from_slice(&expected).unwrap());
                }
                Err(error) => {
                    println!("{name} is refused: {error}");
                    count.refused += 1;
                }
            }
        }
    }
    count
}

fn with_cr(lf: &[u8]) -> Vec<u8> {
    lf.iter().flat_map(|&byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] }).collect()
}

/// `mail | field | value`.
fn against_table(folder: &Path, table: &str) -> Count {
    let mut count = Count::default();
    let mut seen = BTreeSet::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [name, field, expected] = line.splitn(3, " | ").collect::<Vec<_>>().try_into().unwrap();
        let mail = parse(&fs::read(folder.join(name)).unwrap()).unwrap();
        if seen.insert(name) {
            count.mails += 1;
        }
        let (person, address) = from(&mail);
        let addresses = |people: &[parse::Mailbox]| {
            people.iter().filter_map(|to| to.address.clone()).collect::<Vec<_>>().join(" ")
        };
        let (field, found) = match field {
            "subject" => ("subject", one_line(mail.subject.as_deref().unwrap_or_default())),
            "from" => ("sender", address),
            "name" => ("sender's name", person),
            "to" => ("to", addresses(&mail.to)),
            "to name" => ("to", mail.to.first().and_then(|to| to.name.clone()).unwrap_or_default()),
            "cc" => ("cc", addresses(&mail.cc)),
            "reply to" => ("reply to", addresses(&mail.reply_to)),
            "sender" => ("sender", mail.sender.and_then(|sender| sender.address).unwrap_or_default()),
            "id" => ("message id", mail.message_id),
            "in reply to" => ("in reply to", mail.in_reply_to.join(" ")),
            "references" => ("references", mail.references.join(" ")),
            "date" => ("date", mail.date.map(|date| date.to_string()).unwrap_or_default()),
            "text" => ("text", one_line(&mail.text)),
            "attachments" => ("attachments", mail.attachments.len().to_string()),
            "file" => {
                ("file name", mail.attachments.first().and_then(|file| file.name.clone()).unwrap_or_default())
            }
            "length" => ("attachment", mail.attachments[0].content.len().to_string()),
            other => panic!("no field is called {other}"),
        };
        count.compare(name, field, &found, expected);
    }
    count
}

#[test]
fn fields_are_as_the_authors_of_the_mails_state() {
    let Some(folder) = real("email") else { return };
    let families = [
        ("stalwart", stalwart(&folder.join("stalwart-mail-parser"))),
        ("mikel", against_table(&folder.join("mikel-mail/spec/fixtures/emails"), MIKEL)),
        ("zbateson", against_table(&folder.join("zbateson-mail-mime-parser/tests/_data/emails"), ZBATESON)),
    ];
    for (family, count) in &families {
        count.print(family);
    }
    let (agree, all) = families.iter().fold((0, 0), |(agree, all), (_, count)| {
        let (a, b) = count.agree();
        (agree + a, all + b)
    });
    println!("{agree} of {all} fields agree");
    assert!(agree * 100 >= all * 97, "only {agree} of {all}");
}

#[test]
fn every_file_is_read_or_refused_with_a_reason() {
    let Some(folder) = real("email") else { return };
    let mut refused = BTreeMap::<&str, Vec<String>>::new();
    let mut machines = Vec::new();
    let mut families = BTreeMap::<String, (u32, u32)>::new();
    for path in files(&folder) {
        let name = short(&path, &folder);
        let bytes = fs::read(&path).unwrap();
        let (read, all) = families.entry(name.split('/').next().unwrap().to_owned()).or_default();
        *all += 1;
        match parse(&bytes) {
            Ok(mail) => {
                *read += 1;
                assert!(!mail.message_id.is_empty(), "{name}");
                if !name.starts_with("bounce/") && !kind::kind(&mail, &kind::Ourselves::default()).is_person()
                {
                    machines.push(name.clone());
                }
                assert!(trim(&mail.text).reply.is_empty() == mail.text.trim().is_empty(), "{name}");
                if let Some(html) = &mail.html {
                    let shown = html::sanitised(html).unwrap();
                    let lower = shown.to_lowercase();
                    assert!(!lower.contains("<script") && !lower.contains(" src=\"http"), "{name}");
                }
            }
            Err(error) => refused.entry(error.code()).or_default().push(name),
        }
    }
    println!("read of all, by family: {families:?}");
    println!("refused: {refused:#?}");
    println!("machines' mails outside the bounces: {machines:#?}");
    let mails =
        refused.values().flatten().filter(|name| name.ends_with(".eml") || name.contains("maildir/bsd/"));
    let mails: Vec<_> = mails.collect();
    println!("{} files that are called mails are refused: {mails:#?}", mails.len());
}
