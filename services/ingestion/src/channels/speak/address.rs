//! Addresses whose parts come from elsewhere.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Unsayable;

/// What is escaped in a part of a path: all but what never has a meaning there.
const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'@');

/// The parts of a path under a base. A part that is nothing, or that steps out of the path, makes no address.
pub(crate) fn address(base: &str, parts: &[&str]) -> Result<String, Unsayable> {
    let mut url = base.to_owned();
    for part in parts {
        if matches!(*part, "" | "." | "..") {
            return Err(Unsayable::Unsupported("the id of what is answered makes no address"));
        }
        url.push('/');
        url.extend(utf8_percent_encode(part, PART));
    }
    Ok(url)
}

/// The same with parameters.
pub(crate) fn with_query(url: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{url}?{query}")
}
