//! Reports of many mail servers: none of them is a person's message.

use std::collections::BTreeMap;
use std::fs;

use ingestion::mail::kind::{Kind, Ourselves, kind};
use ingestion::mail::parse;

use crate::{files, real, short};

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
