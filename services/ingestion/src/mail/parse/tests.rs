use proptest::prelude::*;

use super::limits::*;
use super::*;

const HEAD: &str =
    "From: Ada <ada@example.org>\nDate: Fri, 1 Mar 2024 10:00:00 +0000\nMessage-ID: <one@example.org>\n";

fn read(rest: &str) -> Mail {
    parse(format!("{HEAD}{rest}").as_bytes()).unwrap()
}

fn refused(rest: &str) -> Error {
    parse(format!("{HEAD}{rest}").as_bytes()).unwrap_err()
}

fn mailbox(name: Option<&str>, address: Option<&str>) -> Mailbox {
    Mailbox { name: name.map(str::to_owned), address: address.map(str::to_owned) }
}

#[test]
fn a_mail_says_who_when_and_what() {
    let mail = read(
        "Sender: desk@example.org\nReply-To: Desk <reply@example.org>\nReturn-Path: <>\n\
         To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>, friends: a@example.org, b@example.org;\nCc: c@example.org\n\
         Subject: =?iso-8859-1?q?Caf=E9?=\nIn-Reply-To: <parent@x>\nReferences: <root@x>\n <parent@x>\n\
         Received: from a by b; Fri, 1 Mar 2024 10:00:09 +0000\nX-Thing: one\n two\n\nHello\r\nthere\n\n",
    );
    assert_eq!(mail.message_id, "one@example.org");
    assert_eq!(mail.from, [mailbox(Some("Ada"), Some("ada@example.org"))]);
    assert_eq!(mail.sender, Some(mailbox(None, Some("desk@example.org"))));
    assert_eq!(mail.reply_to, [mailbox(Some("Desk"), Some("reply@example.org"))]);
    assert_eq!(mail.return_path.as_deref(), Some(""));
    let to: Vec<_> = mail.to.iter().filter_map(|to| to.address.as_deref()).collect();
    assert_eq!(to, ["j@example.org", "a@example.org", "b@example.org"]);
    assert_eq!(mail.to[0].name.as_deref(), Some("Jürgen"));
    assert_eq!(mail.cc, [mailbox(None, Some("c@example.org"))]);
    assert_eq!(mail.subject.as_deref(), Some("Café"));
    assert_eq!(
        (mail.in_reply_to, mail.references),
        (vec!["parent@x".into()], vec!["root@x".into(), "parent@x".into()])
    );
    assert_eq!(mail.date, Some("2024-03-01T10:00:00Z".parse().unwrap()));
    assert_eq!(mail.received_at, Some("2024-03-01T10:00:09Z".parse().unwrap()));
    assert_eq!((mail.text.as_str(), mail.html), ("Hello\nthere", None));
    assert_eq!(mail.headers.get("x-thing"), Some("one two"));
    assert_eq!(mail.media_type, "text/plain");
}

#[test]
fn plain_text_is_read_before_html_and_html_where_there_is_none() {
    let part = |kind: &str, body: &str| format!("--b\nContent-Type: text/{kind}; charset=utf-8\n\n{body}\n");
    let head = "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n";
    let html = part("html", "<p>Hello <b>you</b></p>");
    let both = read(&format!("{head}{}{html}--b--", part("plain", "Hello")));
    assert_eq!((both.text.as_str(), both.html.as_deref()), ("Hello", Some("<p>Hello <b>you</b></p>")));
    let one = read(&format!("{head}{html}--b--"));
    assert_eq!(one.text.trim(), "Hello you");
    assert_eq!(one.html.as_deref(), Some("<p>Hello <b>you</b></p>"));
}

#[test]
fn attachments_have_their_name_kind_and_place() {
    let mail = read(
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=\"cid:logo@x\">\n\
         --b\nContent-Type: IMAGE/PNG\nContent-ID: <logo@x>\nContent-Disposition: inline; filename=\"../a\\\\b/logo.png\"\n\
         Content-Transfer-Encoding: base64\n\niVBORw==\n\
         --b\nContent-Disposition: attachment; filename*=utf-8''gr%C3%BC%C3%9Fe.txt\n\nHi\n--b--\n",
    );
    let logo = Attachment {
        name: Some("logo.png".into()),
        media_type: "image/png".into(),
        content_id: Some("logo@x".into()),
        inline: true,
        content: b"\x89PNG".to_vec(),
    };
    assert_eq!(mail.attachments[0], logo);
    assert_eq!(mail.attachments[1].name.as_deref(), Some("grüße.txt"));
    assert_eq!((mail.attachments[1].inline, mail.attachments[1].content.as_slice()), (false, &b"Hi"[..]));
}

#[test]
fn without_a_message_id_the_mail_names_itself() {
    let id = |mail: &str| {
        let parsed = parse(mail.as_bytes()).unwrap();
        assert_eq!(links(mail.as_bytes()).unwrap().message_id, parsed.message_id);
        parsed.message_id
    };
    let one = id("From: a@b.example\nSubject: x\n\nHello\n");
    assert_eq!((&one[..7], one.len()), ("sha256:", 71));
    assert_eq!(one, id("From: a@b.example\r\nSubject: x\r\n\r\nHello"), "line ends are no difference");
    assert_eq!(one, id("From: a@b.example\rSubject: x\r\rHello\r"), "nor are those of old Macs");
    assert_ne!(one, id("From: a@b.example\nSubject: y\n\nHello\n"), "the header counts");
    assert_ne!(one, id("From: a@b.example\nSubject: x\n\nHallo\n"), "the body counts");
    let long = format!("Message-ID: <{}@x>\nFrom: a@b.example\n\nHello\n", "i".repeat(ID_MAX));
    assert!(id(&long).starts_with("sha256:"));
    assert_eq!(id("From a@b Fri Mar  1 10:00:00 2024\nMessage-ID: <two@x>\nFrom: a@b.example\n\nx"), "two@x");
}

#[test]
fn wrong_charsets_are_read_as_what_they_are() {
    let body = |charset: &str, bytes: &[u8]| {
        let mut mail = format!("{HEAD}Content-Type: text/plain; charset={charset}\n\n").into_bytes();
        mail.extend_from_slice(bytes);
        parse(&mail).unwrap().text
    };
    let latin = b"Gr\xfc\xdfe aus Z\xfcrich, wo es regnet";
    for charset in ["utf-8", "us-ascii", "x-unknown", "\"\"", "iso-8859-1"] {
        assert_eq!(body(charset, latin), "Grüße aus Zürich, wo es regnet", "{charset}");
    }
    for charset in ["utf-8", "x-unknown"] {
        assert_eq!(body(charset, "Grüße".as_bytes()), "Grüße", "{charset}");
    }
    let header = |charset: &str, subject: &[u8]| {
        let head =
            format!("From: \"J\u{fc}rgen\" <j@x.example>\nContent-Type: text/plain{charset}\nSubject: ");
        parse(&[head.as_bytes(), subject, b"\n\nHallo"].concat()).unwrap()
    };
    let latin = header("", b"Gr\xfc\xdfe");
    assert_eq!(latin.subject.as_deref(), Some("Grüße"));
    assert_eq!(latin.from[0].name.as_deref(), Some("Jürgen"), "a line that is UTF-8 stays");
    assert_eq!(header("; charset=\"windows-1251\"", b"\xcf\xf0\xe8").subject.as_deref(), Some("При"));
    assert_eq!(body("utf-8", b"\xff\xfe\xff\xfe").chars().filter(|&c| c == '\u{fffd}').count(), 4);
    assert_eq!(body("shift_jis", b"\x93\xfa\x96\x7b"), "日本");
}

#[test]
fn what_is_no_mail_is_refused() {
    for bytes in [&b""[..], b"\n\n", b"GIF89a", b"Copyright: somebody\n\nAll rights", &[0; 1000]] {
        assert_eq!(parse(bytes).unwrap_err(), Error::NotAMail);
    }
}

#[test]
fn what_is_too_much_is_refused_with_its_reason() {
    assert_eq!(parse(&vec![b'a'; MAIL_MAX + 1]).unwrap_err(), Error::TooLong { max: MAIL_MAX });
    let long = format!("X-A: {}\n\nx", "a".repeat(HEADERS_MAX));
    assert_eq!(refused(&long), Error::HeaderTooLong { what: "bytes", max: HEADERS_MAX });
    let many = format!("{}\nx", "X-A: b\n".repeat(HEADER_FIELDS_MAX));
    assert_eq!(refused(&many), Error::HeaderTooLong { what: "fields", max: HEADER_FIELDS_MAX });
    let nested = "Content-Type: message/rfc822\n\n".repeat(NESTED_MAX + 1);
    assert_eq!(refused(&nested), Error::TooNested { max: NESTED_MAX });
    let files = "--b\nContent-Disposition: attachment\n\nx\n".repeat(ATTACHMENTS_MAX + 1);
    let files = format!("Content-Type: multipart/mixed; boundary=b\n\n{files}--b--");
    assert_eq!(refused(&files), Error::TooManyAttachments { max: ATTACHMENTS_MAX });
    assert_eq!(refused(&files).code(), "too_many_attachments");
}

#[test]
fn bombs_of_parts_are_refused_before_they_are_parsed() {
    let too_many = Error::TooManyParts { max: PARTS_MAX };
    let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(PARTS_MAX));
    assert_eq!(refused(&parts), too_many);
    let tiny = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n".repeat(2_000_000));
    assert_eq!(refused(&tiny), too_many);
    let dashes = format!("Content-Type: multipart/mixed; boundary=-\n\n{}", "-".repeat(2_000_000));
    assert_eq!(refused(&dashes), too_many);
    let unfound = "--b\nContent-Type: multipart/mixed; boundary=zz\n\n".repeat(MULTIPARTS_MAX);
    let unfound = format!("Content-Type: multipart/mixed; boundary=b\n\n{unfound}");
    assert_eq!(refused(&unfound), too_many);
    let encoded = "--b\nContent-Transfer-Encoding: base64\n\n".repeat(4_000);
    let encoded = format!("Content-Type: multipart/mixed; boundary=b\n\n{encoded}{}", "a".repeat(8_000_000));
    assert_eq!(refused(&encoded), too_many);
    let named = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "boundary".repeat(1_000_000));
    assert_eq!(refused(&named), too_many);
    let boundary = "--a".repeat(20_000);
    let alike =
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n{}", "--a".repeat(100_000));
    assert_eq!(refused(&alike), too_many);
}

#[test]
fn a_mail_that_is_encoded_within_another_is_kept_as_a_file() {
    let inner = "From: b@example.org\nSubject: inner\n\nHello";
    let base64 = data_encoding::BASE64.encode(inner.as_bytes());
    let part = |kind: &str| format!("--b\n{kind}Content-Transfer-Encoding: base64\n\n{base64}\n--b--");
    let forwarded = read(&format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        part("Content-Type: message/RFC822\n")
    ));
    let digested = read(&format!("Content-Type: multipart/digest; boundary=b\n\n{}", part("")));
    assert_eq!(forwarded.attachments[0].media_type, "message/rfc822");
    assert_eq!(forwarded.attachments[0].content, inner.as_bytes());
    assert_eq!(digested.text, inner);
    let plain = read(&format!("Content-Type: multipart/digest; boundary=b\n\n--b\n\n{inner}\n--b--"));
    assert_eq!(plain.attachments[0].content, inner.as_bytes());
}

/// Pieces that mails are made of, in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[A-Za-z-]{1,12}: [ -~]{0,40}\n".prop_map(String::into_bytes),
        "Content-Type: (multipart/(mixed|digest|report)|text/html|message/rfc822); boundary=\"?b\"?\n"
            .prop_map(String::into_bytes),
        "Content-Transfer-Encoding: (base64|quoted-printable|8bit|x)\n".prop_map(String::into_bytes),
        "(--b\n|--b--\n|\n|\r\n| \n)".prop_map(String::into_bytes),
        "=\\?(utf-8|x)\\?[bqx]\\?[ -~]{0,20}\\?=".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_bytes_there_is_a_mail_or_a_reason(bytes in pieces()) {
        match parse(&bytes) {
            Ok(mail) => {
                prop_assert!(!mail.message_id.is_empty());
                prop_assert_eq!(links(&bytes).map(|links| links.message_id), Some(mail.message_id));
            }
            Err(error) => prop_assert_eq!(error, Error::NotAMail),
        }
    }
}
