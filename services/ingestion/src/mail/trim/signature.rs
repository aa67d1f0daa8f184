//! Signatures: what a person's program adds below what was written.

use std::ops::Range;

use super::{Line, is_rule, runs, words};

/// Lines that a signature has at the most behind `--` without the blank that makes it certain.
const LINES_MAX: usize = 25;

/// Lines below a name with a dash at the most.
const BELOW_NAME_MAX: usize = 6;

/// Lines of the footer of a list at the most.
const FOOTER_MAX: usize = 12;

/// Marks the signature in each run of lines that the person wrote.
pub(super) fn mark(lines: &[&str], kinds: &mut [Line]) {
    let own: Vec<_> = runs(kinds).filter(|(_, kind)| *kind == Line::Own).map(|(run, _)| run).collect();
    for run in own {
        if let Some(start) = start(lines, run.clone()) {
            kinds[start..run.end].fill(Line::Signature);
        }
    }
}

fn start(lines: &[&str], run: Range<usize>) -> Option<usize> {
    let last = run.clone().rev().find(|&at| !lines[at].trim().is_empty())?;
    let run = run.start..last + 1;
    let starts = |at: usize| {
        let left = run.end - at - 1;
        (is_delimiter(lines[at]) && left <= LINES_MAX)
            || is_sent_from(lines[at])
            || (is_name(lines[at]) && stands_alone(lines, at, &run) && left <= BELOW_NAME_MAX)
            || (is_rule(lines[at]) && left <= FOOTER_MAX && (left == 0 || is_footer(&lines[at + 1..run.end])))
    };
    let start = run.clone().find(|&at| starts(at))?;
    Some(if is_sent_from(lines[start]) { with_name(lines, start, &run) } else { start })
}

/// RFC 3676, 4.3: two dashes and a blank, which some programs cut.
fn is_delimiter(line: &str) -> bool {
    matches!(line.trim_end(), "--" | "—" | "- --" | "--\u{a0}")
}

/// "Sent from my telephone", in whatever language, and not a sentence that begins so.
fn is_sent_from(line: &str) -> bool {
    const BYTES_MAX: usize = 160;
    const WORDS_MAX: usize = 9;
    let line = line.trim().trim_matches(['*', '_', '[', ']', '(', ')']);
    let line = line.find("<http").map_or(line, |link| &line[..link]).trim_end();
    if line.len() > BYTES_MAX || line.contains(", ") || line.split_whitespace().count() > WORDS_MAX {
        return false;
    }
    let lower = line.trim_end_matches(['.', '!']).to_lowercase();
    words::SENT_FROM.iter().any(|start| lower.starts_with(start))
        || words::SENT_FROM_ENDS.iter().any(|end| lower.ends_with(end))
}

/// A name may stand above it in the same paragraph.
fn with_name(lines: &[&str], at: usize, run: &Range<usize>) -> usize {
    const NAME_MAX: usize = 40;
    let above = at.checked_sub(1).filter(|above| {
        run.contains(above)
            && above
                .checked_sub(1)
                .is_none_or(|blank| !run.contains(&blank) || lines[blank].trim().is_empty())
    });
    let is_name = |line: &str| {
        let line = line.trim();
        let words = line.split_whitespace().count();
        (1..=3).contains(&words)
            && line.len() <= NAME_MAX
            && line.split_whitespace().all(is_capital)
            && !line.contains([',', '?', '!'])
    };
    above.filter(|&above| is_name(lines[above])).unwrap_or(at)
}

/// A dash and a name of up to three words.
fn is_name(line: &str) -> bool {
    const NAME_MAX: usize = 40;
    let Some(name) = line.trim().strip_prefix(['-', '—', '–', '~']) else { return false };
    let words = name.split_whitespace().count();
    (1..=3).contains(&words)
        && name.len() <= NAME_MAX
        && !name.starts_with(' ')
        && name.split_whitespace().all(is_capital)
}

fn is_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// A list of such lines is a list and no name.
fn stands_alone(lines: &[&str], at: usize, run: &Range<usize>) -> bool {
    let blank = |at: Option<usize>| at.is_none_or(|at| !run.contains(&at) || lines[at].trim().is_empty());
    blank(at.checked_sub(1))
}

fn is_footer(lines: &[&str]) -> bool {
    lines.iter().any(|line| {
        let lower = line.to_lowercase();
        words::FOOTERS.iter().any(|words| lower.contains(words))
    })
}
