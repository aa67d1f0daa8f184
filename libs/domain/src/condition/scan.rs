//! What can be said of a condition before a parser sees it: how long it is and how deep it would nest.
//!
//! Measured with `cel` 0.15 on a stack of 2 MiB, how often a construct may stand inside itself before the process aborts
//! (debug build / release build). The parser that is used here: brackets in a list 730 / 1,292, calls 466 / 1,164, comprehensions
//! 466 / 1,126, `!(` 650 / 1,106, ternaries 1,328 / 2,838, calls in a chain 3,030 / over 4,000; `a && b`, `a + b` and `a.b` over
//! 4,000 in both. Its default parser: brackets 10 / 258, calls 10 / 282, ternaries 214 / 3,608, `a + b` 1,622 / over 4,000; it
//! is not used because of that. The bounds below are far inside, for a caller's stack is never empty, and what reads the
//! tree afterwards nests too; a test goes to all of them at once on such a stack.

use super::Problem;

/// The longest condition, in bytes.
pub const LEN_MAX: usize = 4 * 1024;
/// How deep brackets of any kind may stand inside each other.
pub const NESTING_MAX: usize = 32;
/// How many of `!` and `-` may stand in front of one thing.
pub const UNARY_MAX: usize = 2;
/// How many times `? :` may stand in a condition: each nests the rest of it.
pub const TERNARIES_MAX: usize = 16;
/// How many comparisons and calculations a condition may have: `a + b + c` nests once for each. `&&` and `||` are not
/// counted, because their chains are balanced.
pub const OPERATORS_MAX: usize = 128;
/// How many fields, indices and calls may follow one thing.
const POSTFIX_MAX: usize = 8;

/// A name, and the byte at which it stands. What else there is, the parser finds again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'s> {
    pub(super) text: &'s str,
    pub(super) at: usize,
}

/// The names in a condition that is short and flat enough to be parsed, in their order.
pub(super) fn scan(source: &str) -> Result<Vec<Name<'_>>, Problem> {
    if source.len() > LEN_MAX {
        let what = format!("the condition has {} bytes", source.len());
        let remedy = format!("a condition has at most {LEN_MAX}: make several rules of it");
        return Err(Problem::at(source, LEN_MAX, what, remedy));
    }
    let mut scan = Scan { source, bytes: source.as_bytes(), ..Scan::default() };
    while let Some(byte) = scan.bytes.get(scan.at).copied() {
        scan.token(byte)?;
    }
    if !scan.something {
        return Err(scan.problem(0, "the condition is empty", "write \"true\" for what always holds"));
    }
    Ok(scan.names)
}

#[derive(Default)]
struct Scan<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    names: Vec<Name<'s>>,
    /// How many steps follow the thing that stands open at each level of brackets.
    postfix: Vec<usize>,
    steps: usize,
    unary: usize,
    ternaries: usize,
    operators: usize,
    /// Whether the last thing ended an operand, so that `[` is an index and `-` a calculation.
    operand: bool,
    something: bool,
}

impl<'s> Scan<'s> {
    fn token(&mut self, byte: u8) -> Result<(), Problem> {
        let start = self.at;
        let next = self.bytes.get(start + 1).copied();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                self.at += 1;
                return Ok(());
            }
            b'/' if next == Some(b'/') => {
                let rest = &self.bytes[start..];
                self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                return Ok(());
            }
            b'\'' | b'"' => self.text(false)?,
            b'r' | b'R' if matches!(next, Some(b'\'' | b'"')) => {
                self.at += 1;
                self.text(true)?;
            }
            b'b' | b'B' if matches!(next, Some(b'\'' | b'"' | b'r' | b'R')) && self.is_bytes() => {
                return Err(self.problem(start, "bytes are not known here", "write a text, without the b"));
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word()?,
            b'0'..=b'9' => self.number(),
            b'(' | b'[' | b'{' => self.open(byte)?,
            b')' | b']' | b'}' => self.close(),
            b'.' => self.step()?,
            b'!' if next != Some(b'=') => self.unary()?,
            b'-' if !self.operand => self.unary()?,
            b'?' => {
                self.ternaries += 1;
                self.bound("? :", self.ternaries, TERNARIES_MAX)?;
                self.operator(1);
            }
            b'&' | b'|' if next == Some(byte) => self.operator(2),
            b'<' | b'>' | b'=' | b'!' if next == Some(b'=') => self.counted(2)?,
            b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' => self.counted(1)?,
            b',' | b':' => self.operator(1),
            _ => {
                let c = self.source[start..].chars().next().unwrap_or_default();
                let remedy = "texts stand in quotes, and what joins them is one of && || ! == != < <= > >= in + - * / %";
                return Err(self.problem(start, format!("unexpected \"{}\"", c.escape_debug()), remedy));
            }
        }
        self.something = true;
        Ok(())
    }

    /// A text in quotes.
    fn text(&mut self, raw: bool) -> Result<(), Problem> {
        let (start, quote) = (self.at, self.bytes[self.at]);
        if self.bytes[start..].starts_with(&[quote; 3]) {
            return Err(self.problem(start, "a text in three quotes", "write it in one, on one line"));
        }
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None | Some(b'\n' | b'\r') => {
                    return Err(self.problem(
                        start,
                        "a text that does not end",
                        "close it with the same quote",
                    ));
                }
                Some(b'\\') if !raw => self.at += 2,
                Some(byte) => {
                    self.at += 1;
                    if *byte == quote {
                        self.operand(true);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether a text of bytes begins here.
    fn is_bytes(&self) -> bool {
        let rest = &self.bytes[self.at + 1..];
        let rest = rest.strip_prefix(b"r").or_else(|| rest.strip_prefix(b"R")).unwrap_or(rest);
        matches!(rest.first(), Some(b'\'' | b'"'))
    }

    fn word(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let len = self.bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        self.at += len;
        let text = &self.source[start..self.at];
        match text {
            "in" => self.counted(0)?,
            "true" | "false" | "null" => self.operand(true),
            _ => {
                self.names.push(Name { text, at: start });
                self.operand(true);
            }
        }
        Ok(())
    }

    fn number(&mut self) {
        let number = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
        self.at += self.bytes[self.at..].iter().take_while(number).count();
        let after = &self.bytes[self.at..];
        if after.first() == Some(&b'.') && after.get(1).is_some_and(u8::is_ascii_digit) {
            self.at += 1 + after[1..].iter().take_while(number).count();
        }
        self.operand(true);
    }

    fn open(&mut self, byte: u8) -> Result<(), Problem> {
        if self.operand && byte != b'(' {
            self.steps += 1;
            self.bound("fields and indices in a row", self.steps, POSTFIX_MAX)?;
        }
        self.postfix.push(self.steps);
        self.bound("brackets inside each other", self.postfix.len(), NESTING_MAX)?;
        self.operator(1);
        Ok(())
    }

    fn close(&mut self) {
        let steps = self.postfix.pop().unwrap_or_default();
        self.at += 1;
        self.operand(true);
        self.steps = steps;
    }

    fn step(&mut self) -> Result<(), Problem> {
        self.steps += 1;
        self.bound("fields and indices in a row", self.steps, POSTFIX_MAX)?;
        self.at += 1;
        self.operand = false;
        Ok(())
    }

    fn unary(&mut self) -> Result<(), Problem> {
        self.unary += 1;
        self.bound("! and - in a row", self.unary, UNARY_MAX)?;
        self.at += 1;
        self.operand = false;
        Ok(())
    }

    fn counted(&mut self, len: usize) -> Result<(), Problem> {
        self.operators += 1;
        self.bound("comparisons and calculations", self.operators, OPERATORS_MAX)?;
        self.operator(len);
        Ok(())
    }

    /// What stands between operands.
    fn operator(&mut self, len: usize) {
        self.at += len;
        self.operand = false;
        self.steps = 0;
        self.unary = 0;
    }

    const fn operand(&mut self, operand: bool) {
        self.operand = operand;
        self.unary = 0;
    }

    fn bound(&self, what: &str, count: usize, max: usize) -> Result<(), Problem> {
        if count <= max {
            return Ok(());
        }
        let remedy = format!("a condition has at most {max}: make several rules of it, or say it flatter");
        Err(self.problem(self.at, format!("too many {what}"), remedy))
    }

    fn problem(&self, at: usize, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem::at(self.source, at, what, remedy)
    }
}
