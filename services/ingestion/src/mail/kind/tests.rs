use proptest::prelude::*;

use super::*;
use crate::mail::parse;

fn ourselves() -> Ourselves {
    Ourselves { addresses: BTreeSet::from(["care@brand.example".to_owned()]), marker: "eu-1".to_owned() }
}

fn of(mail: &str) -> Kind {
    kind(&parse(mail.as_bytes()).unwrap(), &ourselves())
}

fn with(headers: &str) -> Kind {
    of(&format!("From: Ada <ada@example.org>\nSubject: My order\n{headers}\nHello, where is it?\n"))
}

#[test]
fn what_a_person_wrote_is_a_persons() {
    assert_eq!(with(""), Kind::Person);
    for headers in [
        "Auto-Submitted: no\n",
        "Precedence: first-class\n",
        "Return-Path: <ada@example.org>\n",
        "X-Dossier-Origin: another\n",
        "Message-ID: <1@brand.example>\n",
    ] {
        assert_eq!(with(headers), Kind::Person, "{headers}");
    }
    let says = |subject: &str, text: &str| {
        of(&format!("From: postmaster@example.org\nSubject: {subject}\n\n{text}\n"))
    };
    assert_eq!(says("My order", "Hello"), Kind::Person, "a postmaster may order something");
    let subject = "Undeliverable parcel";
    assert_eq!(of(&format!("From: ada@example.org\nSubject: {subject}\n\nuser unknown\n")), Kind::Person);
    assert_eq!(of("From: ada@example.org\nSubject: Out of office?\n\nAre you open?\n"), Kind::Person);
}

#[test]
fn responders_say_so_in_one_header_or_another() {
    for (headers, name) in [
        ("Auto-Submitted: auto-replied (vacation)\n", "auto-submitted"),
        ("AUTO-SUBMITTED: Auto-Generated; x=y\n", "auto-submitted"),
        ("X-Auto-Response-Suppress: All\n", "x-auto-response-suppress"),
        ("X-Autoreply: yes\n", "x-autoreply"),
        ("Precedence: BULK\n", "precedence"),
        ("Precedence: junk\n", "precedence"),
        ("Precedence: auto_reply\n", "precedence"),
        ("Return-Path: <>\n", "return-path"),
        ("X-Autorespond: x\nList-Id: <l.example.org>\n", "x-autorespond"),
    ] {
        assert_eq!(with(headers), Kind::AutoReply(Evidence::Header(name)), "{headers}");
    }
    for (headers, name) in [
        ("Precedence: list\n", "precedence"),
        ("List-Id: <l.example.org>\nPrecedence: bulk\n", "list-id"),
        ("List-Unsubscribe: <mailto:l@example.org>\n", "list-unsubscribe"),
    ] {
        assert_eq!(with(headers), Kind::List(Evidence::Header(name)), "{headers}");
    }
    for (subject, text) in [
        ("Automatic reply: x", "I am on leave until Monday"),
        ("Abwesenheitsnotiz", "Ich bin im Urlaub"),
        ("Réponse automatique : x", "Je suis en congé"),
        ("=?utf-8?b?6Ieq5YuV5b+c562U?=: x", "不在です"),
    ] {
        let mail = format!(
            "From: a@example.org\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        );
        assert_eq!(of(&mail), Kind::AutoReply(Evidence::Subject), "{subject}");
    }
}

#[test]
fn what_is_our_own_is_known_when_it_comes_back() {
    assert_eq!(with("X-Dossier-Origin: eu-1\n"), Kind::Own(Evidence::Header(MARKER)));
    assert_eq!(of("From: Care@Brand.example\n\nx"), Kind::Own(Evidence::Header("from")));
    let unmarked = parse(b"From: a@b.example\nX-Dossier-Origin:\n\nx").unwrap();
    assert_eq!(kind(&unmarked, &Ourselves::default()), Kind::Person);
}

fn report(kind: &str, part: &str, content: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nContent-Type: multipart/report; report-type={kind}; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/{part}\n\n{content}\n\
         --b\nContent-Type: text/rfc822-headers\n\nFrom: care@brand.example\nMessage-ID: <sent.1@mail.brand.example>\n\n--b--\n"
    )
}

#[test]
fn a_delivery_report_says_for_whom_what() {
    let two = "Reporting-MTA: dns; mx\n\nOriginal-Recipient: rfc822;a@x.example\nFinal-Recipient: RFC822; <b@x.example>\n\
               Action: failed\nStatus: 5.1.1 (bad mailbox)\nDiagnostic-Code: smtp; 550-5.1.1 no such\n user here\n\n\
               Final-Recipient: rfc822; c@x.example\nAction: delayed\nStatus: 4.4.1\n";
    let Kind::DeliveryReport(found) = of(&report("delivery-status", "delivery-status", two)) else {
        panic!()
    };
    assert_eq!(found.evidence, Evidence::MediaType("message/delivery-status"));
    assert_eq!(found.message_id.as_deref(), Some("sent.1@mail.brand.example"));
    let first = Recipient {
        address: "b@x.example".into(),
        original: Some("a@x.example".into()),
        action: Action::Failed,
        status: Some("5.1.1".into()),
        reply: Some(550),
        diagnostic: Some("550-5.1.1 no such user here".into()),
    };
    assert_eq!(found.recipients[0], first);
    assert!(first.is_permanent());
    assert_eq!((found.recipients[1].action, found.recipients.len()), (Action::Delayed, 2));
    assert!(!found.recipients[1].is_permanent());
    let unseparated = two.replace("\n\n", "\n");
    let Kind::DeliveryReport(again) = of(&report("delivery-status", "delivery-status", &unseparated)) else {
        panic!()
    };
    assert_eq!(again.recipients, found.recipients);

    let delayed = "Final-Recipient: rfc822; c@x.example\nAction: delayed\nStatus: 4.4.1\n";
    assert!(matches!(of(&report("delivery-status", "delivery-status", delayed)), Kind::DeliveryDelay(_)));
    // What may be tried again has not failed, unless it is said.
    let unsaid = delayed.replace("Action: delayed\n", "");
    assert!(matches!(of(&report("delivery-status", "delivery-status", &unsaid)), Kind::DeliveryDelay(_)));
    let expired = delayed.replace("Action: delayed", "Action: failed");
    assert!(matches!(of(&report("delivery-status", "delivery-status", &expired)), Kind::DeliveryReport(_)));
    let delivered = "Final-Recipient: rfc822; c@x.example\nStatus: 2.1.5\n";
    let Kind::DeliveryReport(found) = of(&report("delivery-status", "delivery-status", delivered)) else {
        panic!()
    };
    assert_eq!(found.recipients[0].action, Action::Delivered);
}

#[test]
fn complaints_and_receipts_are_no_failures() {
    let content = "Feedback-Type: Abuse\nOriginal-Rcpt-To: <a@x.example>\n";
    let expected = Feedback {
        evidence: Evidence::MediaType("message/feedback-report"),
        kind: Some("abuse".into()),
        message_id: Some("sent.1@mail.brand.example".into()),
        recipients: vec!["a@x.example".into()],
    };
    assert_eq!(of(&report("feedback-report", "feedback-report", content)), Kind::Feedback(expected));
    let content =
        "Original-Message-ID: <sent.2@x>\nDisposition: manual-action/MDN-sent-manually; displayed\n";
    let expected = Receipt {
        evidence: Evidence::MediaType("message/disposition-notification"),
        message_id: Some("sent.2@x".into()),
        disposition: Some("displayed".into()),
    };
    assert_eq!(
        of(&report("disposition-notification", "disposition-notification", content)),
        Kind::ReadReceipt(expected)
    );
}

#[test]
fn servers_that_report_in_words_are_understood() {
    let words = "From: MAILER-DAEMON@mx.example\nTo: care@brand.example\nSubject: failure notice\n\n\
                 I wasn't able to deliver your message.\n\n<a@x.example>:\n192.0.2.1 said: 552 5.2.2 mailbox full\n\n\
                 <b@x.example>:\nno such user (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n\
                 From: care@brand.example\nMessage-ID: <sent.3@x>\nTo: c@x.example\n";
    let Kind::DeliveryReport(found) = of(words) else { panic!() };
    assert_eq!((found.evidence, found.message_id.as_deref()), (Evidence::Sender, Some("sent.3@x")));
    let told: Vec<_> =
        found.recipients.iter().map(|to| (to.address.as_str(), to.status.as_deref(), to.reply)).collect();
    assert_eq!(told, [("a@x.example", Some("5.2.2"), Some(552)), ("b@x.example", Some("5.1.1"), Some(552))]);

    let delay =
        "From: postmaster@mx.example\nSubject: Warning: message delayed\n\n<a@x.example>: still waiting\n";
    let Kind::DeliveryDelay(found) = of(delay) else { panic!() };
    assert_eq!((found.recipients[0].action, found.recipients.len()), (Action::Delayed, 1));

    let listed = "From: x@mx.example\nX-Failed-Recipients: a@x.example, b@x.example\n\nGone.\n";
    let Kind::DeliveryReport(found) = of(listed) else { panic!() };
    assert_eq!((found.evidence, found.recipients.len()), (Evidence::Header("x-failed-recipients"), 2));
}

#[test]
fn a_report_that_a_person_passes_on_is_a_persons_mail() {
    let inner = report(
        "delivery-status",
        "delivery-status",
        "Final-Recipient: rfc822; a@x.example\nAction: failed\n",
    );
    let inner = inner.replace("--b", "--i").replace("boundary=b", "boundary=i");
    let forwarded = format!(
        "From: ada@example.org\nReturn-Path: <ada@example.org>\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\n\nLook what I got\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    );
    assert_eq!(of(&forwarded), Kind::Person);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_report_holds_it_is_read(content in "(Final-Recipient|Status|Action|Diagnostic-Code|[a-z@;: .0-9<>\n])*", text in "\\PC{0,200}") {
        of(&report("delivery-status", "delivery-status", &content));
        of(&report("feedback-report", "feedback-report", &content));
        of(&format!("From: MAILER-DAEMON@x\nSubject: failure notice\n\n{content}\n{text}\n{{\"{content}"));
        of(&format!("From: x@sns.amazonaws.com\n\n{{\"notificationType\":\"Bounce\",\"bounce\":{{\"bouncedRecipients\":[{text:?}]}}}}"));
    }
}
