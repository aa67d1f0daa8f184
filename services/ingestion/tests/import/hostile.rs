//! Files that nobody writes by accident, and some that are written so every day.

use std::fmt::Write;
use std::fs;

use ingestion::import::{Format, Options, Preset, Reason, Rejected, limits};

use crate::{read, real, written};

fn csv(content: impl AsRef<[u8]>) -> (Vec<(String, String)>, Vec<String>) {
    let (records, rejected) = read(written(content).path(), Format::Csv, Options::default());
    let records = records.into_iter().map(|record| (record.external_id, record.text)).collect();
    (records, rejected.iter().map(|row| format!("{} {}", row.place, row.reason.code())).collect())
}

fn pair(id: &str, text: &str) -> (String, String) {
    (id.to_owned(), text.to_owned())
}

fn mail(content: impl AsRef<[u8]>) -> Result<ingestion::import::Record, Rejected> {
    let (mut records, mut rejected) = read(written(content).path(), Format::Eml, Options::default());
    assert_eq!(records.len() + rejected.len(), 1);
    records.pop().ok_or_else(|| rejected.remove(0))
}

#[test]
fn an_unclosed_quote_costs_its_own_line_only() {
    for end in ["\n", "\r\n"] {
        let lines = [
            "external_id,text,author,sent_at",
            "1,one,ada,1709287200",
            "2,\"two,ada,1709287200",
            "3,three,ada,1709287200",
            "",
            "4,four,ada,1709287200",
            "5,\"over",
            "two lines\",ada",
            "6,six,ada,1709287200",
        ];
        let (records, rejected) = csv(lines.join(end));
        assert_eq!(
            records,
            [pair("1", "one"), pair("3", "three"), pair("4", "four"), pair("6", "six")],
            "{end:?}"
        );
        assert_eq!(rejected, ["line 3 ragged", "line 7 ragged", "line 8 ragged"], "{end:?}");
    }
}

#[test]
fn an_unclosed_quote_names_its_line_however_the_file_ends() {
    let header = "external_id,text,author,sent_at";
    for (rest, expected) in [
        ("1,\"open,ada,1709287200\n", vec!["line 2 ragged"]),
        ("1,\"open,ada,1709287200", vec!["line 2 ragged"]),
        ("1,\"open,ada,1709287200\n\n\n", vec!["line 2 ragged"]),
        ("\n\n1,\"open,ada,1709287200\n", vec!["line 4 ragged"]),
        // A row with all its columns, whose last one is open.
        ("\n1,one,ada,\"never\n", vec!["line 3 not_a_time"]),
        ("\n1,one,ada,\"never\nnor ever\n\"\n", vec!["line 3 not_a_time"]),
        ("\n1,one,ada,\"never\nnor ever\n\"", vec!["line 3 not_a_time"]),
    ] {
        let (records, rejected) = csv(format!("{header}\n{rest}"));
        assert_eq!(
            (records.len(), rejected),
            (0, expected.iter().map(|s| (*s).to_owned()).collect()),
            "{rest:?}"
        );
    }
}

#[test]
fn a_quote_unclosed_for_more_than_a_row_costs_its_own_line_only() {
    let mut content = String::from("external_id,text,author,sent_at\n0,\"open,ada,1709287200\n");
    let filler = "x".repeat(1000);
    let rows = 2 * limits::ROW_MAX / filler.len();
    for row in 1..=rows {
        writeln!(content, "{row},{filler},ada,1709287200").unwrap();
    }
    let (records, rejected) = csv(&content);
    assert_eq!(rejected, ["line 2 too_long"]);
    assert_eq!(records.len(), rows);
}

#[test]
fn lines_are_counted_over_blank_ones_and_quoted_ones() {
    let content =
        "\n\nexternal_id,text,author,sent_at\n\r\n\n1,\"a\n\nb\",ada,never\n\n\n2,\"c\nd\",ada,never";
    let (records, rejected) = csv(content);
    assert_eq!(
        (records.len(), rejected),
        (0, vec!["line 6 not_a_time".to_owned(), "line 11 not_a_time".to_owned()])
    );
}

#[test]
fn what_is_too_long_or_no_text_is_rejected() {
    let long = "y".repeat(limits::TEXT_MAX);
    let mut content = b"external_id,text,author,sent_at\n".to_vec();
    content.extend(format!("1,{long},ada,1709287200\n2,{long}y,ada,1709287200\n").bytes());
    content.extend(b"3,\xff,ada,1709287200\n4,nul\0nul,ada,1709287200\n5\x07,bell,ada,1709287200\n");
    content.extend(
        format!("{},id,ada,1709287200\n,none,ada,1709287200\n", "i".repeat(limits::ID_MAX + 1)).bytes(),
    );
    content.extend(b"8,,ada,1709287200\n9,nobody, ,1709287200\n10,when,ada,\n");
    let (records, rejected) = csv(content);
    assert_eq!(records, [pair("1", &long), pair("4", "nul\u{fffd}nul")]);
    assert_eq!(
        rejected,
        [
            "line 3 too_long",
            "line 4 not_utf8",
            "line 6 control_characters",
            "line 7 too_long",
            "line 8 missing",
            "line 9 missing",
            "line 10 missing",
            "line 11 missing",
        ]
    );
}

#[test]
fn a_line_of_json_has_a_bound() {
    let good = r#"{"external_id":"1","author":{"external_id":"a"},"text":"t","sent_at":1709287200}"#;
    let content = format!("\u{feff}{good}\n{{\"text\":\"{}\"}}\n{good}\n", "z".repeat(limits::LINE_MAX));
    let (records, rejected) = read(written(content).path(), Format::Jsonl, Options::default());
    assert_eq!(records.len(), 2);
    assert_eq!(rejected[0].reason, Reason::TooLong { max: limits::LINE_MAX });
    assert_eq!(rejected.len(), 1);
}

#[test]
fn errors_never_say_what_the_row_said() {
    let secret = "SECRET";
    let rows = [
        format!(
            r#"{{"external_id":"{secret}","author":{{"external_id":"{secret}"}},"text":7,"sent_at":"{secret}"}}"#
        ),
        format!(r#"{{"external_id":"{secret}","author":"{secret}"}}"#),
        format!(r#"{{"external_id":"{secret}\u0001","author":{{"{secret}":1}},"{secret}":{secret}}}"#),
        format!(
            r#"{{"external_id":"{secret}","author":{{"external_id":"{secret}"}},"direction":"{secret}"}}"#
        ),
        format!(r#"{{"external_id":"{secret}","{secret}":1}}"#),
    ];
    let (records, rejected) = read(written(rows.join("\n")).path(), Format::Jsonl, Options::default());
    assert_eq!((records.len(), rejected.len()), (0, rows.len()));
    for row in rejected {
        assert!(!format!("{row} {row:?}").contains(secret), "{row}");
    }
}

#[test]
fn hostile_json_is_a_row_like_any_other() {
    let Some(folder) = real("audit/jsontestsuite") else { return };
    let mut files = 0;
    for folder in [folder.join("test_parsing"), folder.join("test_transform")] {
        for entry in fs::read_dir(folder).unwrap() {
            let (records, _) = read(&entry.unwrap().path(), Format::Jsonl, Options::default());
            assert_eq!(records, [], "no file of the suite is a message");
            files += 1;
        }
    }
    assert!(files > 100, "only {files} files");
}

#[test]
fn mails_within_mails_do_not_exhaust_the_stack() {
    let wrapped = |depth: usize, header: &str| {
        format!(
            "From: a@b.example\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n{}\ninnermost\n",
            header.repeat(depth)
        )
    };
    let header = "Content-Type: message/rfc822\n\n";
    let shallow = mail(wrapped(limits::NESTED_MAX, header)).unwrap();
    assert_eq!(shallow.attachments.len(), 1);
    let deep = mail(wrapped(200_000, header)).unwrap_err();
    assert_eq!(deep.reason, Reason::TooNested { max: limits::NESTED_MAX });

    let mut digests = String::from("From: a@b.example\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n");
    for level in 0..20_000 {
        write!(digests, "Content-Type: MULTIPART/digest; boundary=b{level}\n\n--b{level}\n\n").unwrap();
    }
    assert_eq!(mail(digests).unwrap_err().reason, Reason::TooNested { max: limits::NESTED_MAX });

    let mut parts = String::from("From: a@b.example\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n");
    for level in 0..20_000 {
        write!(parts, "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n").unwrap();
    }
    assert!(matches!(mail(parts + "\n\ntext").unwrap_err().reason, Reason::TooMany { .. }));
}

#[test]
fn nested_html_is_read_in_good_time() {
    let began = std::time::Instant::now();
    for tag in
        ["div", "blockquote", "ul", "li", "table", "table><tr><td", "b", "p", "a href=x", "pre", "font"]
    {
        for depth in [4_900, 100_000] {
            let html = format!("{}innermost", format!("<{tag}>").repeat(depth));
            let text = format!(
                "From: a@b.example\nSubject: s\nDate: Fri, 1 Mar 2024 10:00:00 +0000\nContent-Type: text/html\n\n{html}"
            );
            match mail(text) {
                Ok(record) => assert!(record.text.contains("innermost"), "{tag} {depth}"),
                Err(rejected) => assert_eq!(rejected.field, Some("text"), "{tag} {depth}: {rejected}"),
            }
            println!("{tag} {depth}: {:?}", began.elapsed());
        }
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn a_mail_with_the_line_ends_of_an_old_mac_is_a_mail() {
    let lines = "From: a@b.example\nSubject: s\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n\nhello\nyou";
    let (new, old) = (mail(lines).unwrap(), mail(lines.replace('\n', "\r")).unwrap());
    assert_eq!((old.text.as_str(), &old.external_id), ("hello\nyou", &new.external_id));
    assert_eq!(old.raw, Some(lines.replace('\n', "\r").into_bytes()));
}

#[test]
fn a_mail_that_is_too_large_costs_itself_only() {
    let mail = |id: &str, body: &str| {
        format!(
            "From x Fri Mar  1 10:00:00 2024\nFrom: a@b.example\nMessage-ID: <{id}>\n\
             Date: Fri, 1 Mar 2024 10:00:00 +0000\n\n{body}\n\n"
        )
    };
    let line = "x".repeat(1023) + "\n";
    let large = line.repeat(limits::MAIL_MAX / line.len());
    let archive = written(mail("1", "before") + &mail("2", &large) + &mail("3", "after"));
    let (records, rejected) = read(archive.path(), Format::Mbox, Options::default());
    assert_eq!(records.iter().map(|record| record.text.as_str()).collect::<Vec<_>>(), ["before", "after"]);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].reason, Reason::TooLong { max: limits::MAIL_MAX });
    assert_eq!(rejected[0].place.to_string(), "message 2 (line 8)");
}

#[test]
fn a_date_that_is_none_is_told_from_one_that_is_not_there() {
    let reason =
        |date: &str| mail(format!("From: a@b.example\nSubject: s\n{date}\n\nhello")).unwrap_err().reason;
    assert_eq!(reason("To: c@d.example"), Reason::Missing);
    assert_eq!(reason("Date: some day"), Reason::NotADate);
    assert_eq!(reason("Date: Fri, 99 Mar 2024 10:00:00 +0000"), Reason::NotADate);
}

#[test]
fn an_unknown_sender_is_nobody_else() {
    let anonymous = |name: &str| format!("From: {name}\nDate: Fri, 1 Mar 2024 10:00:00 +0000\n\nhello");
    let (one, other) = (mail(anonymous("Jo")).unwrap(), mail(anonymous("Joe")).unwrap());
    assert!(one.author.external_id.starts_with("unknown:sha256:"), "{}", one.author.external_id);
    assert_ne!(one.author.external_id, other.author.external_id);
}

#[test]
fn a_message_that_answers_itself_answers_nothing() {
    let content =
        "tweet_id,author_id,inbound,created_at,text,in_response_to_tweet_id\n1,a,,1709287200,t,1.0\n";
    let options = Options { mapping: Some(Preset::Twcs.mapping()), ..Options::default() };
    let (records, _) = read(written(content).path(), Format::Csv, options);
    assert_eq!((records[0].reply_to.as_deref(), records[0].thread_root.as_deref()), (None, Some("1")));
}
