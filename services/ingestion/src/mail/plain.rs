//! HTML as the text that a reader would see.

use std::panic;

use html2text::config;
use html2text::render::TrivialDecorator;
use mail_parser::decoders::html::html_to_text;

/// Wider than any line: where lines break is a matter of whoever shows the text.
const WIDTH: usize = 10_000;

/// Larger documents are read without their layout. That is quick whatever they are made of, while layout takes
/// more than its share of time and memory where elements are nested in thousands.
const LAID_OUT_MAX: usize = 512 * 1024;

/// Documents with more elements than this are read without their layout as well.
const TAGS_MAX: usize = 5_000;

/// What a reader would see of `html`.
pub(crate) fn to_text(html: &str) -> String {
    laid_out(html).unwrap_or_else(|| html_to_text(html))
}

fn laid_out(html: &str) -> Option<String> {
    if html.len() > LAID_OUT_MAX || html.bytes().filter(|&byte| byte == b'<').count() > TAGS_MAX {
        return None;
    }
    let render = || {
        config::with_decorator(TrivialDecorator::new())
            .raw_mode(true)
            .allow_width_overflow()
            .string_from_read(html.as_bytes(), WIDTH)
    };
    // What a stranger wrote must not end the caller, whatever it does to the renderer.
    let text = panic::catch_unwind(render).ok()?.ok()?;
    Some(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}
