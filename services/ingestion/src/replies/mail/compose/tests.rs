use proptest::prelude::*;

use super::*;
use crate::mail::{Mail, parse};

const AT_S: i64 = 1_790_000_000;

fn letter<'a>() -> Letter<'a> {
    Letter {
        from: mailbox(Some("Brand care"), "care@brand.example").unwrap(),
        to: mailbox(Some("Ana Lima"), "ana@example.org").unwrap(),
        reply_to: Some("care+t@brand.example".parse().unwrap()),
        subject: Some("Kettle"),
        text: "It boils.",
        files: Vec::new(),
        message_id: "v.1@brand.example",
        answers: Some("m1@example.org"),
        references: &[],
        marker: "eu-1",
        automatic: false,
        at: Timestamp::from_microsecond(AT_S * 1_000_000).unwrap(),
    }
}

/// What stands on the wire, and what a mail program reads of it.
fn made(letter: Letter<'_>) -> (String, Mail) {
    let bytes = compose(letter).unwrap();
    let wire = String::from_utf8(bytes.clone()).unwrap();
    assert!(wire.is_ascii(), "every server takes it");
    assert!(wire.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{wire}");
    (wire, parse(&bytes).unwrap())
}

/// The names of its fields, in their order.
fn fields(wire: &str) -> Vec<String> {
    let head = wire.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap().to_lowercase()).collect()
}

#[test]
fn a_reply_is_a_mail_in_the_thread_of_what_it_answers() {
    let references = ["m0@example.org".to_owned(), "v.0@brand.example".to_owned()];
    let (wire, mail) = made(Letter { references: &references, ..letter() });
    assert_eq!(mail.message_id, "v.1@brand.example");
    assert_eq!(mail.in_reply_to, ["m1@example.org"]);
    assert_eq!(mail.references, ["m0@example.org", "v.0@brand.example", "m1@example.org"]);
    assert_eq!(mail.subject.as_deref(), Some("Re: Kettle"));
    assert_eq!(mail.from[0].name.as_deref(), Some("Brand care"));
    assert_eq!(mail.from[0].address.as_deref(), Some("care@brand.example"));
    assert_eq!(mail.to[0].address.as_deref(), Some("ana@example.org"));
    assert_eq!(mail.reply_to[0].address.as_deref(), Some("care+t@brand.example"));
    assert_eq!(mail.date.unwrap().as_second(), AT_S);
    assert_eq!(mail.text.trim_end(), "It boils.");
    assert_eq!(mail.headers.get(MARKER), Some("eu-1"));
    assert_eq!(mail.media_type, "text/plain");
    let once = fields(&wire);
    let expected = [
        "date",
        "from",
        "to",
        "subject",
        "message-id",
        "x-dossier-origin",
        "reply-to",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ];
    assert_eq!(once, expected);
}

#[test]
fn only_what_no_person_wrote_says_so() {
    let (wire, _) = made(letter());
    assert!(!wire.contains("Auto-Submitted"));
    let (wire, mail) = made(Letter { automatic: true, ..letter() });
    assert_eq!(mail.headers.get("auto-submitted"), Some("auto-replied"), "{wire}");
}

#[test]
fn a_text_arrives_as_it_was_written_in_lines_that_every_server_takes() {
    let long = format!("{} é", "so ".repeat(2_000));
    for text in
        ["", "a\nb\r\nc", ".hidden\n.\n", "日本語の返事", &long, "tab\there ", "= =3D", &"x".repeat(5_000)]
    {
        let (wire, mail) = made(Letter { text, ..letter() });
        assert!(wire.split("\r\n").all(|line| line.len() <= 998));
        let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
        assert_eq!(plain(&mail.text), plain(text));
    }
}

#[test]
fn files_are_parts_beside_the_text() {
    let file = |name: &str, media_type: &str, content: &[u8]| File {
        name: name.into(),
        media_type: media_type.into(),
        content: content.into(),
    };
    let files = vec![
        file("facture é.pdf", "application/pdf", &[0, 255, 13, 10]),
        file("../../etc/passwd\r\nX: y", "none of any kind", b"1"),
        file("", "message/rfc822", b"From: a@b\r\n\r\nc"),
    ];
    let (_, mail) = made(Letter { files, ..letter() });
    let kept: Vec<_> = mail
        .attachments
        .iter()
        .map(|file| (file.name.as_deref().unwrap(), file.media_type.as_str(), file.content.as_slice()))
        .collect();
    assert_eq!(mail.text.trim_end(), "It boils.");
    let expected: [(&str, &str, &[u8]); 3] = [
        ("facture é.pdf", "application/pdf", &[0, 255, 13, 10]),
        (".._.._etc_passwd X: y", OCTETS, b"1"),
        ("file", OCTETS, b"From: a@b\r\n\r\nc"),
    ];
    assert_eq!(kept, expected);
}

#[test]
fn a_long_thread_is_named_by_its_first_and_its_last_mails() {
    let ids: Vec<_> = (0..100).map(|n| format!("m{n}@example.org")).collect();
    let (_, mail) = made(Letter { references: &ids, answers: Some("last@example.org"), ..letter() });
    assert_eq!(mail.references.len(), REFERENCES_MAX);
    assert_eq!((&*mail.references[0], &*mail.references[1]), ("m0@example.org", "m82@example.org"));
    assert_eq!(mail.references[REFERENCES_MAX - 1], "last@example.org");
}

#[test]
fn what_is_no_id_is_not_repeated() {
    let long = format!("{}@x", "i".repeat(ID_MAX));
    for id in ["sha256:0011", "a b@x", "a@x>\r\nBcc: eve@x", "é@x", "", &long] {
        let (wire, mail) = made(Letter { answers: Some(id), references: &[id.to_owned()], ..letter() });
        assert!(mail.in_reply_to.is_empty() && mail.references.is_empty(), "{wire}");
    }
}

#[test]
fn what_is_no_address_is_none() {
    for address in [
        "",
        "unknown:sha256:00",
        "a@b@c",
        "a b@x.example",
        "a@x.example\r\nBcc: b@x",
        "<a@x.example>",
        "\"a\"@x.example",
    ] {
        assert_eq!(mailbox(None, address), None, "{address:?}");
    }
    assert!(mailbox(None, "ána@bücher.example").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_written_makes_a_field(
        name in hostile(), subject in hostile(), text in hostile(), id in hostile(), file in hostile(),
    ) {
        let files = vec![File { name: file, media_type: "text/plain".into(), content: b"1".to_vec() }];
        let with = Letter {
            from: mailbox(Some(&name), "care@brand.example").unwrap(),
            to: mailbox(Some(&name), "ana@example.org").unwrap(),
            subject: Some(&subject),
            text: &text,
            files,
            answers: Some(&id),
            references: std::slice::from_ref(&id),
            ..letter()
        };
        let (wire, mail) = made(with);
        let mut found = fields(&wire);
        found.retain(|name| name != "in-reply-to" && name != "references");
        let expected = [
            "date", "from", "to", "subject", "message-id", "x-dossier-origin", "reply-to", "mime-version",
            "content-type",
        ];
        prop_assert_eq!(found, expected);
        prop_assert_eq!(mail.to.len(), 1);
        prop_assert_eq!(mail.to[0].address.as_deref(), Some("ana@example.org"));
        prop_assert_eq!(mail.from[0].address.as_deref(), Some("care@brand.example"));
        prop_assert_eq!(mail.attachments.len(), 1);
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let words = [
        "\r\n",
        "\n",
        "\r",
        "Bcc: eve@example.org",
        "\r\n\r\n",
        "=?utf-8?q?=0D=0ABcc:?=",
        "\"",
        "<",
        ">",
        "é",
        "\0",
        "\u{2028}",
        " ",
        "a",
    ];
    prop_oneof![
        ".{0,40}",
        proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..12)
            .prop_map(|words| words.concat())
    ]
}
