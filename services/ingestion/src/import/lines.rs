//! Lines of bytes, none of them longer than it may be, so that no file can fill the memory.

use std::io::{self, BufRead};

/// What was read of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it, with its end of line if it has one.
    Whole,
    /// Its beginning; the rest was longer than may be and is skipped.
    Cut,
}

/// The lines of a file.
pub(super) struct Lines<R> {
    input: R,
    max: usize,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R, max: usize) -> Self {
        Self { input, max, number: 0 }
    }

    /// The number of the line that was read last, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Replaces `line` by the next one; `None` at the end of the file.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Line>> {
        line.clear();
        let mut kind = None;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                break;
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            let kept = taken.min(self.max - line.len());
            line.extend_from_slice(&buffer[..kept]);
            kind = Some(if kept < taken || kind == Some(Line::Cut) { Line::Cut } else { Line::Whole });
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        self.number += u64::from(kind.is_some());
        Ok(kind)
    }
}

/// The line without its end.
pub(super) fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_counted_as_one() {
        let mut lines = Lines::new(io::BufReader::with_capacity(2, &b"ab\r\n\nabcdefgh\nabcd"[..]), 4);
        let mut line = Vec::new();
        let mut seen = Vec::new();
        while let Some(kind) = lines.next(&mut line).unwrap() {
            seen.push((lines.number(), kind, String::from_utf8(line.clone()).unwrap()));
        }
        let expected = [
            (1, Line::Whole, "ab\r\n"),
            (2, Line::Whole, "\n"),
            (3, Line::Cut, "abcd"),
            (4, Line::Whole, "abcd"),
        ];
        assert_eq!(seen, expected.map(|(number, kind, text)| (number, kind, text.to_owned())));
    }
}
