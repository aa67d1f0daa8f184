//! What is wrong with a condition, where, and what to do about it.

use std::fmt;

/// What is wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// A problem at a byte of the source.
    pub(super) fn at(source: &str, byte: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (line, column) = place(source, byte);
        Self { line, column, what: what.into(), remedy: remedy.into() }
    }
}

/// The line and the column of a byte, both from 1, the column in characters.
pub(super) fn place(source: &str, byte: usize) -> (usize, usize) {
    let before = source.char_indices().take_while(|(at, _)| *at < byte);
    before.fold((1, 1), |(line, column), (_, c)| if c == '\n' { (line + 1, 1) } else { (line, column + 1) })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}; {}", self.line, self.column, self.what, self.remedy)
    }
}

impl std::error::Error for Problem {}
