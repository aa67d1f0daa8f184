//! What is left of an answer, against what the authors of such texts say is left.
//!
//! The expectations are those of the sets' own tests, written here as the lines of the file that remain: the first to
//! the number that stands beside it, or all of them.

use std::fs;
use std::path::Path;

use ingestion::mail::{parse, trim::trim};

use crate::real;

const ALL: usize = usize::MAX;

const GITHUB: [(&str, usize); 9] = [
    ("email_1_3.txt", 3),
    ("email_1_5.txt", ALL),
    ("email_1_6.txt", 3),
    ("email_2_2.txt", 1),
    ("email_BlackBerry.txt", 1),
    ("email_iPhone.txt", 1),
    ("email_one_is_not_on.txt", 5),
    ("greedy_on.txt", 6),
    ("pathological.txt", 2),
];

const ZAPIER: [(&str, usize); 6] = [
    ("email_1_5.txt", ALL),
    ("email_bullets.txt", 9),
    ("email_headers_no_delimiter.txt", 1),
    ("email_multi_word_sent_from_my_mobile_device.txt", 1),
    ("email_sent_from_my_not_signature.txt", ALL),
    ("email_sig_delimiter_in_middle_of_line.txt", ALL),
];

const WILLDURAND: [(&str, usize); 13] = [
    ("email_1.txt", 5),
    ("email_13.txt", 5),
    ("email_15.txt", 5),
    ("email_16.txt", 5),
    ("email_19.txt", 3),
    ("email_22.txt", 5),
    ("email_23_1.txt", 7),
    ("email_2_1.txt", 1),
    ("email_9.txt", 5),
    ("email_bullets.txt", 9),
    ("email_issue_77.txt", 8),
    ("email_zimbra_free_en.txt", 9),
    ("email_zimbra_free_fr.txt", 10),
];

/// `email_with_from_headers.txt` is a form that its test fills in first: it has no expectation of its own.
const CRISP: [(&str, usize); 20] = [
    ("email_11.txt", 5),
    ("email_20.txt", 1),
    ("email_21.txt", ALL),
    ("email_8.txt", 5),
    ("email_9.txt", 5),
    ("email_bullets.txt", 9),
    ("email_customer_quote_header_2.txt", 1),
    ("email_fr_multiline.txt", 5),
    ("email_french_2.txt", 5),
    ("email_gmail_split_line_from.txt", 5),
    ("email_ios_outlook_fr.txt", 5),
    ("email_msn.txt", 5),
    ("email_not_a_signature.txt", ALL),
    ("email_not_a_signature_2.txt", ALL),
    ("email_reply_header.txt", 11),
    ("email_sent_from_my_not_signature.txt", ALL),
    ("email_tricky_20_html_entities.txt", 3),
    ("email_tricky_8_sent_from_in_content.txt", ALL),
    ("email_unquoted_reply.txt", 1),
    ("sig_no_empty_line.txt", 1),
];

/// What is known to differ, and why.
const CAUSES: [(&str, &str); 1] = [(
    "johndoe",
    "a signature without a delimiter stays: such lines are often the answer that was asked for",
)];

/// Of how many how many agree.
#[derive(Default)]
struct Count {
    agree: usize,
    all: usize,
}

impl Count {
    fn compare(&mut self, family: &str, name: &str, found: &str, expected: &str) {
        self.all += 1;
        if found.trim() == expected.trim() {
            self.agree += 1;
            return;
        }
        let cause =
            CAUSES.iter().find(|(file, _)| name.contains(file)).map_or("not known", |(_, cause)| *cause);
        println!("{family}/{name}: {cause}\n  found    {:?}\n  expected {:?}", found.trim(), expected.trim());
    }
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).replace("\r\n", "\n")
}

fn lines(folder: &Path, family: &str, expected: &[(&str, usize)]) -> Count {
    let mut count = Count::default();
    for (name, last) in expected {
        let text = text(&folder.join(name));
        let lines: Vec<_> = text.lines().take(*last).map(str::trim_end).collect();
        count.compare(family, name, &trim(&text).reply, &lines.join("\n"));
    }
    count
}

/// Talon marks the lines of a signature with `#sig#` and quoted ones with `#reply#`, or keeps the signature in a file
/// beside the text; of its whole answers it takes the quotes off and leaves the signature.
fn talon(folder: &Path) -> Count {
    let mut count = Count::default();
    let unmarked = |text: &str| text.replace("#sig#", "").replace("#reply#", "");
    let marked = text(&folder.join("signature/emails/P/102682_R_S"));
    let (_, marked) = marked.split_once("\n\n").unwrap();
    let own: Vec<_> = marked.lines().filter(|line| !line.starts_with('#')).collect();
    count.compare("talon", "102682_R_S", &trim(&unmarked(marked)).reply, &own.join("\n"));
    for name in ["jeff", "johndoeexamplecom"] {
        let part =
            |part: &str| unmarked(&text(&folder.join(format!("signature/emails/stripped/{name}_{part}"))));
        let body = part("body");
        let expected = body.trim().strip_suffix(part("signature").trim()).unwrap();
        count.compare("talon", name, &trim(&body).reply, expected);
    }
    for (name, last) in [("hotmail.eml", 1), ("yahoo.eml", 1), ("sparrow.eml", 5)] {
        let mail = parse(&fs::read(folder.join("standard_replies").join(name)).unwrap()).unwrap();
        let expected = mail.text.trim().lines().take(last).map(str::trim_end).collect::<Vec<_>>();
        let trimmed = trim(&mail.text);
        let found = [trimmed.reply, trimmed.signature.unwrap_or_default()].join("\n\n");
        count.compare("talon", name, &found, &expected.join("\n"));
    }
    count
}

#[test]
fn what_is_left_is_what_was_written_anew() {
    let Some(folder) = real("email/reply") else { return };
    let families = [
        ("github", lines(&folder.join("github-email_reply_parser/test/emails"), "github", &GITHUB)),
        ("zapier", lines(&folder.join("zapier-email-reply-parser/test/emails"), "zapier", &ZAPIER)),
        (
            "willdurand",
            lines(&folder.join("willdurand-EmailReplyParser/tests/Fixtures"), "willdurand", &WILLDURAND),
        ),
        ("crisp", lines(&folder.join("crisp-email-reply-parser/test/fixtures"), "crisp", &CRISP)),
        ("talon", talon(&folder.join("mailgun-talon/tests/fixtures"))),
    ];
    for (family, count) in &families {
        println!("{family}: {} of {} agree", count.agree, count.all);
    }
    let agree: usize = families.iter().map(|(_, count)| count.agree).sum();
    let all: usize = families.iter().map(|(_, count)| count.all).sum();
    println!("{agree} of {all} texts are trimmed as expected");
    assert!(agree * 100 >= all * 95, "only {agree} of {all}");
}
