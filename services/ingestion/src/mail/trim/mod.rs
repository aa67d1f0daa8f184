//! What a person wrote anew in an answer: without the text that it quotes and without the signature.
//!
//! For display only: the whole text is kept, and whoever shows the trimmed one can show the rest on a click. So what is
//! uncertain stays. Every line is looked at a few times and no more, whatever it is made of.

mod header;
mod signature;
#[cfg(test)]
mod tests;
mod words;

/// A text without what it repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// What was written anew. The whole text if nothing else would be left.
    pub reply: String,
    /// The signature, if there is one.
    pub signature: Option<String>,
    /// Whether some text was quoted.
    pub quotes: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Own,
    Quote,
    Signature,
}

/// A quoted line that is shorter was not broken by the program that quoted it.
const WRAPPED_MIN: usize = 60;

/// Trims the text of a mail.
pub fn trim(text: &str) -> Trimmed {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut kinds = quotes(&lines);
    wrapped(&lines, &mut kinds);
    signature::mark(&lines, &mut kinds);
    let signature = joined(&lines, &kinds, Line::Signature);
    let reply = joined(&lines, &kinds, Line::Own);
    if reply.is_empty() {
        return Trimmed { reply: text.trim().to_owned(), signature: None, quotes: false };
    }
    Trimmed {
        reply,
        signature: Some(signature).filter(|text| !text.is_empty()),
        quotes: kinds.contains(&Line::Quote),
    }
}

/// Which lines are quoted. Behind a header whose text is not marked everything is; otherwise an answer may stand
/// between the quotes and below them.
fn quotes(lines: &[&str]) -> Vec<Line> {
    let mut kinds = vec![Line::Own; lines.len()];
    let mut at = 0;
    while at < lines.len() {
        if is_quoted(lines[at]) {
            kinds[at] = Line::Quote;
            at += 1;
        } else if begins_original(lines, at) {
            kinds[at..].fill(Line::Quote);
            break;
        } else if let Some(end) = header::end(lines, at) {
            let follows = next(lines, end);
            if follows.is_some_and(|follows| is_quoted(lines[follows])) {
                kinds[at..end].fill(Line::Quote);
                at = end;
            } else {
                kinds[at..].fill(Line::Quote);
                break;
            }
        } else {
            at += 1;
        }
    }
    kinds
}

/// A whole mail begins here, or behind the rule that stands here.
fn begins_original(lines: &[&str], at: usize) -> bool {
    let begins = |at: usize| header::is_separator(lines[at]) || header::is_block(lines, at);
    begins(at) || (is_rule(lines[at]) && next(lines, at + 1).is_some_and(begins))
}

/// The next line from here that is not blank.
fn next(lines: &[&str], from: usize) -> Option<usize> {
    const LOOKED_AT_MAX: usize = 5;
    (from..lines.len()).take(LOOKED_AT_MAX).find(|&at| !lines[at].trim().is_empty())
}

fn is_quoted(line: &str) -> bool {
    const INDENT_MAX: usize = 3;
    let rest = line.trim_start_matches(' ');
    line.len() - rest.len() <= INDENT_MAX && rest.starts_with(['>', '＞'])
}

/// A line of strokes.
fn is_rule(line: &str) -> bool {
    const STROKES_MIN: usize = 4;
    let strokes = line.trim();
    strokes.len() >= STROKES_MIN
        && strokes.chars().all(|c| matches!(c, '_' | '-' | '=' | '*' | '—' | '–' | '─' | ' '))
}

/// One line between quoted ones is the rest of the line above it, if that was too long to be quoted whole.
fn wrapped(lines: &[&str], kinds: &mut [Line]) {
    for at in 1..lines.len().saturating_sub(1) {
        let own = kinds[at] == Line::Own && !lines[at].trim().is_empty();
        if own && is_quoted(lines[at - 1]) && is_quoted(lines[at + 1]) && lines[at - 1].len() >= WRAPPED_MIN {
            kinds[at] = Line::Quote;
        }
    }
}

/// The lines of a kind. Where others stood between, a blank line stands.
fn joined(lines: &[&str], kinds: &[Line], kind: Line) -> String {
    let mut text = String::new();
    for (run, kinds) in runs(kinds) {
        if kinds == kind {
            let run = lines[run].join("\n");
            let run = run.trim_matches(['\n', ' ', '\t']);
            if !text.is_empty() && !run.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(run);
        }
    }
    text.trim().to_owned()
}

/// Lines of one kind that stand together.
fn runs(kinds: &[Line]) -> impl Iterator<Item = (std::ops::Range<usize>, Line)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let kind = *kinds.get(at)?;
        let start = at;
        at += kinds[at..].iter().take_while(|other| **other == kind).count();
        Some((start..at, kind))
    })
}
