//! The subject of an answer: `Re: ` once, in front of what was asked.

/// Words that programs put before the subject of an answer, in lower case.
const PREFIXES: [&str; 38] = [
    "re",
    "r",
    "ré",
    "rif",
    "res",
    "ref",
    "aw",
    "antw",
    "antwort",
    "sv",
    "vs",
    "odp",
    "vá",
    "ynt",
    "yan",
    "bls",
    "balas",
    "ats",
    "atb",
    "rép",
    "resp",
    "réf",
    "ad",
    "απ",
    "σχετ",
    "отв",
    "ответ",
    "відп",
    "на",
    "השב",
    "תגובה",
    "رد",
    "回复",
    "回覆",
    "答复",
    "答覆",
    "返信",
    "답장",
];
/// Prefixes of one subject that are taken away.
const PREFIXES_MAX: usize = 50;
/// The longest subject that is sent, in bytes.
const LEN_MAX: usize = 255;

/// The subject of the answer to a mail with this one.
pub(super) fn answer(subject: Option<&str>) -> String {
    let subject = super::plain(subject.unwrap_or_default());
    let mut rest = subject.as_str();
    for _ in 0..PREFIXES_MAX {
        let Some(shorter) = without_prefix(rest) else { break };
        rest = shorter;
    }
    let mut answer = String::from("Re: ");
    for word in rest.split_whitespace() {
        if answer.len() + 1 + word.len() > LEN_MAX {
            break;
        }
        answer.push_str(word);
        answer.push(' ');
    }
    answer.trim_end().to_owned()
}

/// What stands behind one prefix: `AW: `, `Re[2]: `, `RE : `, `回复：`.
fn without_prefix(subject: &str) -> Option<&str> {
    let subject = subject.trim_start();
    let (prefix, rest) = subject.split_once([':', '：'])?;
    let word = prefix.trim_end().trim_end_matches(|c: char| {
        c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^' | '.' | '*')
    });
    let word = word.trim_end().to_lowercase();
    PREFIXES.contains(&word.as_str()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_so_once() {
        for (subject, expected) in [
            ("Kettle", "Re: Kettle"),
            ("Re: Kettle", "Re: Kettle"),
            ("RE: AW: Re[2]: Kettle", "Re: Kettle"),
            ("SV: Odp: VÁ: Kettle", "Re: Kettle"),
            ("RE : RE (3): Bouilloire", "Re: Bouilloire"),
            ("回复：答复: 水壶", "Re: 水壶"),
            ("ОТВ: Чайник", "Re: Чайник"),
            ("Fwd: Re: Kettle", "Re: Fwd: Re: Kettle"),
            ("Reference: 7", "Re: Reference: 7"),
            ("Order: 7", "Re: Order: 7"),
            ("", "Re:"),
            ("Re:", "Re:"),
            (" \t", "Re:"),
            ("a\r\nBcc: eve@example.org", "Re: a Bcc: eve@example.org"),
        ] {
            assert_eq!(answer(Some(subject)), expected, "{subject:?}");
        }
        assert_eq!(answer(None), "Re:");
        assert!(answer(Some(&"word ".repeat(1_000))).len() <= LEN_MAX);
        assert!(answer(Some(&"x".repeat(1_000))).len() <= LEN_MAX);
    }
}
