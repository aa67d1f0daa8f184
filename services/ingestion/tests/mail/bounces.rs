//! Reports of many mail servers: none of them is a person's message.

use std::collections::BTreeMap;
use std::fs;

use ingestion::mail::kind::{Kind, Ourselves, kind};
use ingestion::mail::parse;

use crate::{files, real, short};

/// What is known to differ, and why.
const CAUSES: [(&str, &str); 4] = [
    ("lhost-postfix-75", "a transcript of a session: it reports on no recipient, and names two"),
    ("lhost-sendmail-18", "the exact status stands in the transcript for people only"),
    ("rfc3464-04", "its boundaries are wrong: the transcript is not taken for the text"),
    ("rfc3464-28", "two mails in one file: the second is not read"),
];

/// What each recipient's server said, as sisimai's tests state it.
const SISIMAI: &str = include_str!("expected/sisimai.txt");

#[test]
fn no_report_is_taken_for_a_persons_message() {
    let Some(folder) = real("email/bounce/sisimai-set-of-emails/maildir") else { return };
    let (mut all, mut machines) = (0, 0);
    let mut kinds = BTreeMap::<&str, u32>::new();
    let (mut without_recipient, mut without_id) = (Vec::new(), Vec::new());
    for path in files(&folder) {
        all += 1;
        let name = short(&path, &folder);
        let mail = match parse(&fs::read(&path).unwrap()) {
            Ok(mail) => mail,
            Err(error) => {
                println!("{name} is refused: {error}");
                continue;
            }
        };
        let kind = kind(&mail, &Ourselves::default());
        machines += u32::from(!kind.is_person());
        let what = match &kind {
            Kind::Person => "a person",
            Kind::AutoReply(_) => "automatic",
            Kind::DeliveryReport(_) => "a delivery report",
            Kind::DeliveryDelay(_) => "a delay",
            Kind::Feedback(_) => "feedback",
            Kind::ReadReceipt(_) => "a receipt",
            Kind::List(_) => "a list",
            Kind::Own(_) => "our own",
        };
        *kinds.entry(what).or_default() += 1;
        if let Kind::DeliveryReport(report) | Kind::DeliveryDelay(report) = &kind {
            if report.recipients.is_empty() {
                without_recipient.push(name.clone());
            }
            if report.message_id.is_none() {
                without_id.push(name.clone());
            }
        }
        if !matches!(kind, Kind::DeliveryReport(_) | Kind::DeliveryDelay(_)) {
            println!("{name}: {kind:?}");
        }
    }
    println!("{machines} of {all} are machines' mails: {kinds:?}");
    println!("{} reports name no recipient: {without_recipient:?}", without_recipient.len());
    println!("{} reports name no mail: {without_id:?}", without_id.len());
    assert_eq!(machines, all, "some reports were taken for persons' messages");
}

#[test]
fn reports_say_for_whom_what_as_their_collectors_state() {
    let Some(folder) = real("email/bounce/sisimai-set-of-emails/maildir") else { return };
    let mut fields = BTreeMap::<&str, (u32, u32)>::new();
    let mut compare = |name: &str, field: &'static str, found: &str, expected: &str| {
        let (agree, all) = fields.entry(field).or_default();
        *agree += u32::from(found == expected);
        *all += 1;
        if found != expected {
            let cause =
                CAUSES.iter().find(|(file, _)| name.contains(file)).map_or("not known", |(_, cause)| cause);
            println!("{name}, {field}: found {found}, expected {expected}: {cause}");
        }
    };
    for line in SISIMAI.lines().filter(|line| !line.starts_with('#')) {
        let (name, expected) = line.split_once(" | ").unwrap();
        let mail = parse(&fs::read(folder.join(name)).unwrap()).unwrap();
        let kind = kind(&mail, &Ourselves::default());
        let (Kind::DeliveryReport(report) | Kind::DeliveryDelay(report)) = kind else {
            panic!("{name}: {kind:?}")
        };
        let expected: Vec<_> = expected.split(',').collect();
        compare(name, "recipients", &report.recipients.len().to_string(), &expected.len().to_string());
        for (found, expected) in report.recipients.iter().zip(expected) {
            let (status, reply) = expected.split_once(' ').unwrap();
            if status != "-" {
                compare(name, "status", found.status.as_deref().unwrap_or("-"), status);
                compare(name, "class", &found.status.as_deref().unwrap_or("-")[..1], &status[..1]);
            }
            if reply != "-" {
                compare(name, "reply", &found.reply.map_or("-".to_owned(), |reply| reply.to_string()), reply);
            }
        }
    }
    let (agree, all) = fields.values().fold((0, 0), |(agree, all), (a, b)| (agree + a, all + b));
    println!("{agree} of {all} fields agree: {fields:?}");
    assert!(agree * 100 >= all * 97, "only {agree} of {all}");
}
