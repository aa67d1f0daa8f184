//! `multipart/form-data` (RFC 7578), cut in one pass over the body; what it says is borrowed from there.

use memchr::memmem::Finder;

use super::{Hook, Malformed};

/// How many parts a body may have.
const PARTS_MAX: usize = 1_000;

/// The longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// The headers of one part, in bytes.
const HEADERS_MAX: usize = 8 * 1024;

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The field's name.
    pub(super) name: String,
    /// The file's name, if it is a file.
    pub(super) file: Option<String>,
    /// Its media type, if it has one.
    pub(super) media_type: Option<String>,
    /// What it says.
    pub(super) content: &'a [u8],
}

/// The boundary, if the call's body is such a form.
pub(super) fn boundary(hook: &Hook<'_>) -> Option<String> {
    let kind = hook.header("content-type")?;
    let (name, _) = kind.split_once(';')?;
    let form = name.trim().eq_ignore_ascii_case("multipart/form-data");
    form.then(|| parameter(kind, "boundary"))?.filter(|text| (1..=BOUNDARY_MAX).contains(&text.len()))
}

/// The parts of a body, in its order. Lines may end with LF alone, as samples do.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Malformed> {
    let delimiter = format!("--{boundary}");
    let finder = Finder::new(&delimiter);
    let mut parts = Vec::new();
    let mut begin: Option<usize> = None;
    for at in finder.find_iter(body) {
        // A delimiter stands at the beginning of a line; anywhere else it is text.
        if at != 0 && body.get(at - 1) != Some(&b'\n') {
            continue;
        }
        let after = at + delimiter.len();
        let rest = body.get(after..).unwrap_or_default();
        let last = rest.starts_with(b"--");
        let ended = rest.starts_with(b"\r\n") || rest.starts_with(b"\n");
        if !last && !ended {
            continue;
        }
        if let Some(begin) = begin {
            if parts.len() == PARTS_MAX {
                return Err(Malformed::new("body", format_args!("a form of at most {PARTS_MAX} parts")));
            }
            parts.push(part(without_line_end(body.get(begin..at).unwrap_or_default()))?);
        }
        if last {
            return Ok(parts);
        }
        begin = Some(after + if rest.starts_with(b"\r") { 2 } else { 1 });
    }
    Err(Malformed::new("body", "a form whose last part is ended by its boundary"))
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn part(bytes: &[u8]) -> Result<Part<'_>, Malformed> {
    let wrong = || Malformed::new("body", "parts with a header Content-Disposition that names the field");
    let mut name = None;
    let mut file = None;
    let mut media_type = None;
    let mut rest = bytes;
    loop {
        let window = rest.get(..HEADERS_MAX).unwrap_or(rest);
        let end = memchr::memchr(b'\n', window).ok_or_else(wrong)?;
        let line = without_line_end(rest.get(..=end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        if bytes.len() - rest.len() > HEADERS_MAX {
            return Err(wrong());
        }
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.split_once(':') else { continue };
        if key.eq_ignore_ascii_case("content-disposition") {
            name = parameter(value, "name");
            file = parameter(value, "filename");
        } else if key.eq_ignore_ascii_case("content-type") {
            media_type = Some(value.trim().to_owned()).filter(|kind| !kind.is_empty());
        }
    }
    Ok(Part { name: name.ok_or_else(wrong)?, file, media_type, content: rest })
}

/// A parameter of a header, quoted or not.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = value(after.trim_start());
        if key.trim().trim_start_matches(';').trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

/// A value and what comes after it. Browsers write a quote in a name as `%22`, mail programs as `\"`.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, character) in quoted.char_indices() {
        match character {
            '"' if !escaped => return (value, quoted.get(at + 1..).unwrap_or_default()),
            // A path of Windows has a backslash that escapes nothing.
            '\\' if !escaped && quoted[at + 1..].starts_with(['"', '\\']) => escaped = true,
            character => {
                value.push(character);
                escaped = false;
            }
        }
    }
    (value, "")
}
