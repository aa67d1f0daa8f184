//! Patterns that a condition matches texts with.

/// The longest pattern, in bytes.
pub const PATTERN_LEN_MAX: usize = 500;
/// How many patterns a condition may have.
pub const PATTERNS_MAX: usize = 8;
/// How large a pattern may be when it is compiled, in bytes: what repeats what repeats is larger.
const PATTERN_SIZE_MAX: usize = 128 * 1024;
/// How much memory its matching may remember, in bytes.
const PATTERN_MEMORY_MAX: usize = 512 * 1024;
/// How deep a pattern may nest.
const PATTERN_NESTING_MAX: u32 = 16;

/// Compiles a pattern. Matching it takes time in proportion to the text, whatever the text.
pub(super) fn pattern(text: &str) -> Result<regex::Regex, (String, String)> {
    if text.len() > PATTERN_LEN_MAX {
        let remedy = format!("a pattern has at most {PATTERN_LEN_MAX}: make several of it");
        return Err((format!("the pattern has {} bytes", text.len()), remedy));
    }
    let built = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_SIZE_MAX)
        .dfa_size_limit(PATTERN_MEMORY_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build();
    built.map_err(|error| match error {
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
    })
}
