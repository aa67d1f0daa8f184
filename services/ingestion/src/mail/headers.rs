//! The header fields of a mail, by name, for everything that the structured part of [`super::Mail`] does not say.

/// The fields in the order in which they stand, unfolded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Adds a field behind the others.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.trim().to_ascii_lowercase(), unfolded(value)));
    }

    /// Reads the fields at the beginning of `text`, up to the first blank line.
    pub(super) fn read(text: &str) -> Self {
        let mut headers = Self::default();
        for line in text.lines().map(str::trim_end).take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.0.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':').filter(|(name, _)| is_name(name)) {
                headers.0.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        headers
    }

    /// The first field of this name, which is written in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every field of this name, which is written in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A field's name has no blanks in it: what has some is a sentence with a colon.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The value on one line. Bytes that are not UTF-8 are replaced: they are no evidence of anything.
fn unfolded(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let lines: Vec<_> = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_found_without_case() {
        let headers = Headers::read("X-One: a\r\n  b\r\nnot a field: c\r\nx-one:d\r\n\r\nX-Two: e");
        assert_eq!(headers.all("x-one").collect::<Vec<_>>(), ["a b", "d"]);
        assert_eq!(headers.get("x-two"), None);
        assert_eq!(headers.iter().count(), 2);
        assert_eq!(unfolded(b" one\r\n\ttwo\xff\r\n"), "one two\u{fffd}");
    }
}
