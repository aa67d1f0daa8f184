//! Patterns that a condition matches texts with.

use regex_syntax::hir::{Hir, HirKind};

/// The longest pattern, in bytes.
pub const PATTERN_LEN_MAX: usize = 500;
/// How many patterns a condition may have.
pub const PATTERNS_MAX: usize = 8;
/// How large a pattern may be when it is compiled, in bytes: what repeats what repeats is larger.
const PATTERN_SIZE_MAX: usize = 256 * 1024;
/// How much memory its matching may remember, in bytes.
const PATTERN_MEMORY_MAX: usize = 512 * 1024;
/// How deep a pattern may nest.
const PATTERN_NESTING_MAX: u32 = 16;

/// How many places of a pattern are looked at for the price of one. A matcher may have to stand at all places at once:
/// measured, `(?:[ab]{1,30}a){1,30}` takes 4.5 µs for each byte of a bad text.
const PLACES_PER_WORK: u32 = 16;

/// A compiled pattern, and what it costs for each byte of a text.
pub(super) struct Pattern {
    pub(super) regex: regex::Regex,
    pub(super) cost: usize,
}

/// Compiles a pattern. Matching it takes time in proportion to the text and to how much the pattern repeats, whatever they are.
pub(super) fn pattern(text: &str) -> Result<Pattern, (String, String)> {
    if text.len() > PATTERN_LEN_MAX {
        let remedy = format!("a pattern has at most {PATTERN_LEN_MAX}: make several of it");
        return Err((format!("the pattern has {} bytes", text.len()), remedy));
    }
    let built = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_SIZE_MAX)
        .dfa_size_limit(PATTERN_MEMORY_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build();
    let regex = built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => (
            "the pattern is too large when it is compiled".to_owned(),
            "repeat less, as in {1,10}, and write [0-9] for \\d and [a-z] for \\w".to_owned(),
        ),
        // Its last line says what is wrong; those before it draw the pattern.
        error => {
            let text = error.to_string();
            let line = text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
            (
                format!("the pattern cannot be read: {line}"),
                "write it as RE2 and the regex crate do".to_owned(),
            )
        }
    })?;
    // It was parsed a moment ago, by the same rules.
    let places = regex_syntax::parse(text).map_or(u32::MAX, |hir| places(&hir));
    Ok(Pattern { regex, cost: 1 + usize::try_from(places / PLACES_PER_WORK).unwrap_or(usize::MAX - 1) })
}

/// At how many places of a pattern a matcher may stand, what is repeated written out.
fn places(hir: &Hir) -> u32 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => u32::try_from(literal.0.len()).unwrap_or(u32::MAX),
        HirKind::Class(_) => 1,
        HirKind::Repetition(repeat) => places(&repeat.sub)
            .saturating_mul(repeat.max.unwrap_or_else(|| repeat.min.saturating_add(1)).max(1)),
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(0, |sum, part| sum.saturating_add(places(part)))
        }
    }
}
