//! What the samples say, read to the letter.

use ingestion::import::{self, Direction, Error, Format, Options, Preset, Record, Rejected};

use crate::{read, sample, written};

fn mapped(preset: Preset) -> Options {
    Options { mapping: Some(preset.mapping()), ..Options::default() }
}

fn own() -> Options {
    Options { own_addresses: vec![" support@ACME.example".to_owned()], ..Options::default() }
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.external_id.as_str()).collect()
}

fn told(rejected: &[Rejected]) -> Vec<String> {
    rejected.iter().map(ToString::to_string).collect()
}

fn find<'a>(records: &'a [Record], id: &str) -> &'a Record {
    records.iter().find(|record| record.external_id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[test]
fn tweets() {
    let (records, rejected) = read(&sample("tweets.csv"), Format::Csv, mapped(Preset::Twcs));
    assert_eq!(ids(&records), ["5", "4", "6", "6", "10", "11"]);
    let answer = &records[0];
    assert_eq!(answer.direction, Direction::Outbound);
    assert_eq!(answer.text, "Sorry to hear that, @77. Which model, \"S\" or \"M\"?");
    assert_eq!(answer.reply_to.as_deref(), Some("4"));
    assert_eq!(answer.author.external_id, "AcmeCare");
    assert_eq!(answer.sent_at.to_string(), "2017-10-31T22:20:00Z");
    assert_eq!(records[1].text, "My kettle broke.\r\nTwice, in fact.");
    assert_eq!(records[2].text, "The small one, Ünïcode ☕");
    let roots: Vec<_> = records.iter().map(|record| record.thread_root.as_deref().unwrap()).collect();
    assert_eq!(
        roots,
        ["4", "4", "4", "4", "3", "7"],
        "missing and rejected parents are parents all the same"
    );
    assert_eq!(
        told(&rejected),
        [
            "line 7: sent_at is not a time; write it as RFC 3339 with its offset, for example 2017-10-31T22:10:47Z",
            "line 8: has 6 columns where the header has 7; look for a comma or a quote that is not quoted",
            "line 9: inbound does not say the direction; write true or false (or inbound or outbound)",
        ]
    );
}

#[test]
fn labels() {
    let (records, rejected) = read(&sample("labels.csv"), Format::Csv, mapped(Preset::Airline));
    assert_eq!(told(&rejected), [""; 0]);
    assert_eq!(ids(&records), ["100", "101"]);
    let fields: Vec<_> =
        records[0].fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [("airline", "Acme Air"), ("negativereason", "Lost Luggage"), ("sentiment", "negative")]
    );
    assert!(!records[1].fields.contains_key("negativereason"), "an empty label is none");
    assert_eq!(records[0].sent_at.to_string(), "2015-02-24T19:35:52Z");
    assert_eq!(records[0].author.handle.as_deref(), Some("ada"));
    assert_eq!(records[0].direction, Direction::Inbound);
}

#[test]
fn json_lines() {
    let (records, rejected) = read(&sample("messages.jsonl"), Format::Jsonl, Options::default());
    assert_eq!(ids(&records), ["m2", "m1", "3"]);
    assert_eq!(records[0].thread_root.as_deref(), Some("m1"));
    assert_eq!(records[0].direction, Direction::Outbound);
    assert_eq!(records[0].sent_at.to_string(), "2024-03-01T10:05:00.123456Z", "cut to microseconds");
    assert_eq!(records[0].recipients, ["ada"]);
    let first = &records[1];
    assert_eq!((first.language.as_deref(), first.subject.as_deref()), (Some("fr"), Some("Commande")));
    assert_eq!(first.author.handle.as_deref(), Some("@ada"));
    let fields: Vec<_> = first.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("mood", "annoyed"), ("score", "4"), ("vip", "true")]);
    assert_eq!(records[2].reply_to.as_deref(), Some("2"));
    assert_eq!(records[2].sent_at.to_string(), "2024-03-01T10:00:00.123Z");
    assert_eq!(
        told(&rejected),
        [
            "line 5: sent_at is missing; fill it in at the source, or map the column that has it",
            "line 6: is not a JSON object; write one complete JSON object on each line",
            "line 7: is not a JSON object; write one complete JSON object on each line",
            "line 8: has a key that is not known; the keys are external_id, reply_to, author (external_id, name, handle), \
             recipients, direction, text, subject, sent_at, language and fields; put values of your own under \"fields\"",
            "line 9: author is not an object; write it with the type that the documentation of the format names",
        ]
    );
}

#[test]
fn mails_of_a_folder() {
    let (records, rejected) = read(&sample("mails"), Format::Eml, own());
    let undated = find_unknown(&records).external_id.clone();
    let third = records.iter().find(|record| record.text.starts_with("Thanks.")).unwrap();
    assert_eq!(
        ids(&records),
        ["one@example.org", "two@acme.example", undated.as_str(), third.external_id.as_str()]
    );

    let first = find(&records, "one@example.org");
    assert_eq!(first.author.external_id, "ada@example.org");
    assert_eq!(first.author.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(first.recipients, ["support@acme.example", "bob@example.org"]);
    assert_eq!(first.subject.as_deref(), Some("Wo bleibt mein Wasserkocher?"));
    assert_eq!(first.text, "Grüße,\nAda");
    assert_eq!(first.sent_at.to_string(), "2024-03-01T10:00:00Z");
    assert_eq!(first.direction, Direction::Inbound);
    let bill = first.attachments.iter().find(|file| file.media_type == "application/pdf").unwrap();
    assert_eq!((bill.name.as_deref(), bill.bytes.as_slice()), (Some("bill.pdf"), &b"%PDF-1.4\n"[..]));
    assert_eq!(first.raw.as_deref(), Some(std::fs::read(sample("mails/1.eml")).unwrap().as_slice()));

    let answer = find(&records, "two@acme.example");
    assert_eq!(answer.direction, Direction::Outbound);
    assert_eq!(answer.reply_to.as_deref(), Some("one@example.org"));
    assert_eq!(answer.text, "Hello Ada,\nit is on its way & well.\none\ntwo\n\nSee the tracking page.");

    assert!(third.external_id.starts_with("sha256:"), "{}", third.external_id);
    assert_eq!(third.reply_to.as_deref(), Some("two@acme.example"), "the last of References");
    for record in [first, answer, third] {
        assert_eq!(record.thread_root.as_deref(), Some("zero@example.org"), "the first of References");
    }
    assert_eq!(
        told(&rejected),
        [
            "file 5.eml: sent_at is missing; fill it in at the source, or map the column that has it",
            "file 6.eml: is not a mail; check that the file is a complete mail with its headers",
        ]
    );
}

fn find_unknown(records: &[Record]) -> &Record {
    let undated = records.iter().find(|record| record.text == "Only the servers know when.").unwrap();
    assert_eq!(undated.author.external_id, "quiet@example.org", "the Return-Path, where From has no address");
    assert_eq!(undated.author.name.as_deref(), Some("Somebody"));
    assert_eq!(undated.sent_at.to_string(), "2024-03-02T09:00:00Z", "the first server to receive it");
    undated
}

#[test]
fn an_mbox_has_the_same_mails_as_the_folder() {
    let (from_mbox, rejected) = read(&sample("archive.mbox"), Format::Mbox, own());
    assert_eq!(told(&rejected), [""; 0]);
    let (from_folder, _) = read(&sample("mails"), Format::Eml, own());
    let third = from_mbox.iter().find(|record| record.text.starts_with("Thanks.")).unwrap();
    assert_eq!(third.text, "Thanks.\n\nFrom what I see it has not left yet.\n>From the quoted one.");
    for id in ["one@example.org", "two@acme.example", &find_unknown(&from_folder).external_id] {
        let strip = |record: &Record| Record { raw: None, ..record.clone() };
        assert_eq!(
            strip(find(&from_mbox, id)),
            strip(find(&from_folder, id)),
            "whatever the ends of lines are"
        );
    }
    assert_eq!(from_mbox.len(), 4);
}

#[test]
fn a_maildir_has_what_was_delivered() {
    let (records, rejected) = read(&sample("maildir"), Format::Eml, own());
    assert_eq!((records.len(), rejected.len()), (2, 0), "`cur` and `new`, not `tmp`");
    let (one, _) = read(&sample("mails/1.eml"), Format::Eml, own());
    assert_eq!(ids(&one), ["one@example.org"]);
}

#[test]
fn what_is_no_import_at_all_says_why() {
    let error = |path: &std::path::Path, format, options| import::open(path, format, options).unwrap_err();
    let missing = sample("nothing");
    for format in Format::ALL {
        assert!(matches!(error(&missing, format, Options::default()), Error::Io { .. }), "{format}");
        assert_eq!(format.name().parse(), Ok(format));
    }
    assert!("xml".parse::<Format>().is_err());
    assert!(matches!(error(&sample("mails/1.eml"), Format::Mbox, own()), Error::Format { .. }));
    assert!(matches!(error(&sample("maildir/tmp"), Format::Eml, own()), Error::Format { .. }));
    assert!(matches!(error(&sample("mails"), Format::Csv, own()), Error::Io { .. }));
    assert!(matches!(error(written("").path(), Format::Csv, own()), Error::Format { .. }));
    let error = error(&sample("labels.csv"), Format::Csv, mapped(Preset::Twcs));
    assert_eq!(error.to_string(), "the file has no column `author_id` for `author`",);
}

#[test]
fn empty_files_have_no_messages() {
    let empty = written("");
    for format in [Format::Jsonl, Format::Mbox] {
        assert_eq!(read(empty.path(), format, Options::default()), (vec![], vec![]), "{format}");
    }
    let header = written("external_id,text,author,sent_at\r\n\r\n");
    assert_eq!(read(header.path(), Format::Csv, Options::default()), (vec![], vec![]));
}

#[test]
fn mails_of_every_script_are_read() {
    // "hello" in the encodings that mail of each country still comes in.
    let greetings: [(&str, &[u8], &str); 8] = [
        ("ISO-2022-JP", b"\x1b$B$3$s$K$A$O\x1b(B", "こんにちは"),
        ("Shift_JIS", b"\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd", "こんにちは"),
        ("EUC-JP", b"\xa4\xb3\xa4\xf3\xa4\xcb\xa4\xc1\xa4\xcf", "こんにちは"),
        ("EUC-KR", b"\xbe\xc8\xb3\xe7", "안녕"),
        ("GB18030", b"\xc4\xe3\xba\xc3", "你好"),
        ("Big5", b"\xa7\x41\xa6\x6e", "你好"),
        ("KOI8-R", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("windows-1256", b"\xe3\xd1\xcd\xc8\xc7", "مرحبا"),
    ];
    for (charset, bytes, text) in greetings {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
        let mut mail = format!(
            "Message-ID: <{charset}@mail.example>\r\nFrom: a@mail.example\r\nTo: us@care.example\r\n\
             Date: Thu, 1 Jan 2026 10:00:00 +0000\r\nSubject: =?{charset}?B?{encoded}?=\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n"
        )
        .into_bytes();
        mail.extend_from_slice(bytes);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1.eml"), mail).unwrap();
        let (records, rejected) = read(folder.path(), Format::Eml, own());
        assert_eq!(rejected.len(), 0, "{charset}: {rejected:?}");
        let read = (records[0].subject.as_deref(), records[0].text.trim());
        assert_eq!(read, (Some(text), text), "{charset}");
    }
}
