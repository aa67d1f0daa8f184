//! HTML that strangers wrote, made harmless, and the text of it.
//!
//! What is left of a document says what it said and does nothing: no script, no style, no handler, no form, no frame, nothing
//! that a browser fetches when it shows it. Pictures keep the words that stand for them.

use std::{collections::HashSet, panic, sync::LazyLock};

use ammonia::UrlRelative;
use html2text::{config, render::TrivialDecorator};
use mail_parser::decoders::html::html_to_text;
use url::Url;

use super::{
    cost,
    feed::{Content, limits::LINE_MAX},
};

/// Wider than any line: where lines break is a matter of whoever shows the text.
const WIDTH: usize = 10_000;
/// Addresses that may be followed by a click.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];
/// Elements of which nothing is kept, not even the text.
const DROPPED: [&str; 8] =
    ["noembed", "noframes", "noscript", "plaintext", "script", "style", "template", "xmp"];
/// What a link says to the browser that follows it.
const REL: &str = "noopener noreferrer nofollow";

/// What may stand in a document: text and its structure.
static TAGS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let mut tags = ammonia::Builder::default().clone_tags();
    for tag in ["area", "map"] {
        tags.remove(tag);
    }
    tags
});

/// HTML made harmless, with the links in it as they are meant at `base`. `None` if it is too large or too strange for a parser:
/// its text is all that can be had.
pub(super) fn clean(html: &str, base: &Url) -> Option<String> {
    if !html.contains(['<', '&', '>', '\0']) {
        return Some(html.to_owned());
    }
    if cost::is_too_much(html) {
        return None;
    }
    let clean = || {
        let mut builder = ammonia::Builder::default();
        builder
            .tags(TAGS.clone())
            .rm_tag_attributes("img", ["align", "height", "src", "width"])
            .rm_tag_attributes("blockquote", ["cite"])
            .rm_tag_attributes("q", ["cite"])
            .rm_tag_attributes("ins", ["cite"])
            .rm_tag_attributes("del", ["cite"])
            .rm_clean_content_tags(["script", "style"])
            .add_clean_content_tags(DROPPED)
            .url_schemes(HashSet::from(SCHEMES))
            .url_relative(UrlRelative::RewriteWithBase(base.clone()))
            .link_rel(Some(REL));
        builder.clean(html).to_string()
    };
    // What a stranger wrote must not end the process, whatever it does to the parser.
    panic::catch_unwind(panic::AssertUnwindSafe(clean)).ok()
}

/// What a document says: [`clean`], and its text. The second is whether the HTML had to be dropped.
pub(super) fn content(html: &str, base: &Url) -> (Content, bool) {
    match clean(html, base) {
        Some(html) => {
            let text = of_clean(&html);
            (Content { html, text }, false)
        }
        None => (of_text(without_tags(html).trim()), true),
    }
}

/// A text as content.
pub(super) fn of_text(text: &str) -> Content {
    Content { html: ammonia::clean_text(text), text: text.to_owned() }
}

/// A text in one line of at most [`LINE_MAX`] bytes; `None` if there is nothing in it.
pub(super) fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > LINE_MAX {
            line.truncate(line.floor_char_boundary(LINE_MAX));
            break;
        }
    }
    (!line.is_empty()).then_some(line)
}

/// What a reader would see of HTML that is clean.
fn of_clean(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.trim().to_owned();
    }
    laid_out(html).unwrap_or_else(|| without_tags(html)).trim().to_owned()
}

/// The text between the tags: quick, whatever it is made of.
fn without_tags(html: &str) -> String {
    panic::catch_unwind(|| html_to_text(html)).unwrap_or_default()
}

fn laid_out(html: &str) -> Option<String> {
    if cost::is_too_much(html) {
        return None;
    }
    let render = || {
        config::with_decorator(TrivialDecorator::new())
            .raw_mode(true)
            .allow_width_overflow()
            .string_from_read(html.as_bytes(), WIDTH)
    };
    let text = panic::catch_unwind(render).ok()?.ok()?;
    Some(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::feeds::feed::limits::{HTML_MAX, TAGS_MAX};

    fn base() -> Url {
        Url::parse("https://example.com/blog/").unwrap()
    }

    #[test]
    fn what_is_said_stays_and_what_does_something_goes() {
        for (html, expected) in [
            ("a <b>b</b> &amp; c", "a <b>b</b> &amp; c"),
            ("a<script>alert(1)</script>b", "ab"),
            ("<style>a{}</style>b<!-- c -->", "b"),
            ("<p onclick='x()' style='color:red'>a</p>", "<p>a</p>"),
            ("<img src='https://t.example/1.gif' alt='a cat' onerror=x>", "<img alt=\"a cat\">"),
            ("<iframe src='//e.example/'></iframe><object data=x></object><form action=y><input></form>", ""),
            ("<a href='javascript:x()'>a</a>", "<a rel=\"noopener noreferrer nofollow\">a</a>"),
            (
                "<a href='../c#d'>a</a>",
                "<a href=\"https://example.com/c#d\" rel=\"noopener noreferrer nofollow\">a</a>",
            ),
        ] {
            assert_eq!(clean(html, &base()).unwrap(), expected, "{html}");
        }
    }

    #[test]
    fn text_is_what_a_reader_sees() {
        let (content, dropped) =
            content("<h1>One</h1><p>two &amp; <a href='/x'>three</a></p><ul><li>four</ul>", &base());
        assert!(!dropped);
        assert_eq!(content.text.split_whitespace().collect::<Vec<_>>(), ["One", "two", "&", "three", "four"]);
        assert_eq!(one_line(" a\n b\t\u{7}c ").unwrap(), "a b c");
        assert_eq!(one_line(" \n"), None);
        assert_eq!(one_line(&"é".repeat(LINE_MAX)).unwrap().len(), LINE_MAX);
    }

    #[test]
    fn what_would_take_a_parser_long_is_read_as_text() {
        let reopened: String = (0..2_000).map(|n| format!("<b id={n}>")).collect();
        let scoped: String = (0..1_000).map(|n| format!("<b id={n}><table></b>")).collect();
        for (name, html) in [
            ("large", "<p>a</p> ".repeat(HTML_MAX / 8)),
            ("many", "<i>".repeat(TAGS_MAX + 1)),
            ("nested", "<dl>".repeat(TAGS_MAX)),
            ("references", "&amp".repeat(HTML_MAX / 8)),
            ("attributes", format!("<p {}>x", (0..20_000).map(|n| format!("a{n} ")).collect::<String>())),
            ("reopened", format!("<p>{reopened}</p>{}", "<p>x</p>".repeat(1_000))),
            ("scoped", format!("<p>{scoped}</p>{}", "<p>x</p>".repeat(500))),
        ] {
            let begun = Instant::now();
            let (_, dropped) = content(&html, &base());
            assert!(dropped, "{name}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
        }
    }

    #[test]
    fn what_is_just_within_the_bounds_takes_little_time() {
        let reopened: String = (0..100).map(|n| format!("<b id={n}>")).collect();
        for (name, html) in [
            ("nested", format!("{0}x{1}", "<div>".repeat(600), "</div>".repeat(600))),
            ("quotes", "<blockquote>".repeat(800)),
            ("lists", "<ul><li>".repeat(600)),
            ("tables", "<table><tr><td>".repeat(350)),
            ("paragraphs", "<p>x".repeat(TAGS_MAX)),
            ("formatting", "<b>".repeat(440)),
            ("reopened", format!("<p>{reopened}</p>{}", "<p>x</p>".repeat(900))),
            (
                "attributes",
                format!("<p {}>x", (0..250).map(|n| format!("a{n} ")).collect::<String>()).repeat(200),
            ),
            ("no tag", "<".repeat(HTML_MAX)),
            ("references", "&amp".repeat(4_900)),
        ] {
            let begun = Instant::now();
            let (_, dropped) = content(&html, &base());
            assert!(!dropped, "{name}");
            println!("{name}: {:?}", begun.elapsed());
            assert!(begun.elapsed() < Duration::from_secs(10), "{name}: {:?}", begun.elapsed());
        }
    }
}
