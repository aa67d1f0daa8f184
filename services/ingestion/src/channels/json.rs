//! Bodies in JSON, read in bounded depth.

use serde::de::DeserializeOwned;

use super::Malformed;

/// The body as a `T`. `serde_json` refuses what is nested deeper than 128; the position of a fault is told, its value is not.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "JSON, nested at most 128 deep",
            serde_json::error::Category::Eof => "JSON; it ends too early",
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                "another shape than the platform describes"
            }
        };
        Malformed::new("body", format_args!("{what} (line {}, column {})", error.line(), error.column()))
    })
}
