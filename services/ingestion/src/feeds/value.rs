//! Texts of a feed, in all the ways in which they are written into XML.

use base64::{Engine, engine::general_purpose::STANDARD};
use encoding_rs::UTF_8;
use url::Url;

use super::{
    feed::Content,
    html,
    names::Namespace,
    scope::Scope,
    xml::{Element, Node},
};

/// Attributes whose value is an address.
const ADDRESSES: [&str; 2] = ["href", "cite"];
/// Elements of HTML that have no end.
const EMPTY: [&str; 8] = ["area", "br", "col", "hr", "img", "input", "link", "wbr"];

/// A text as it was meant.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    /// HTML, with relative addresses in it as they are meant at `base`.
    Html {
        html: String,
        base: Url,
    },
}

impl Value {
    /// The text made harmless, and whether its HTML had to be dropped.
    pub(super) fn content(&self) -> (Content, bool) {
        match self {
            Self::Text(text) => (html::of_text(text), false),
            Self::Html { html, base } => html::content(html, base),
        }
    }
}

/// The text of an element; `None` if there is nothing in it, or what is in it is no text.
pub(super) fn of(element: &Element, scope: &Scope) -> Option<Value> {
    let kind = element.attribute("type").unwrap_or_default().to_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let mode = element.attribute("mode").unwrap_or_default().to_lowercase();
    let marked_up = element.elements().next().is_some();
    let base = || scope.base.clone();
    let text = element.text();
    if mode == "base64" || is_binary(kind) {
        let bytes = STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()?;
        let text = UTF_8.decode_without_bom_handling_and_without_replacement(&bytes)?.trim().to_owned();
        // Old Atom wraps texts that way; whatever else is wrapped is a picture or the like.
        let as_html = matches!(kind, "text/html" | "application/xhtml+xml" | "html" | "xhtml");
        return if as_html {
            some(Value::Html { html: text, base: base() })
        } else {
            some(Value::Text(text))
        };
    }
    if marked_up {
        let mut html = String::new();
        write(&element.children, scope, &mut html);
        return some(Value::Html { html: html.trim().to_owned(), base: base() });
    }
    let text = text.into_owned();
    let plain = match kind {
        // Old Atom says what is between the tags, and how it was put there.
        "text/plain" | "text" => true,
        "" => element.namespace == Namespace::Atom && mode != "escaped",
        "xhtml" | "application/xhtml+xml" | "text/html" => mode == "xml" || kind == "xhtml",
        _ => false,
    };
    if plain { some(Value::Text(text)) } else { some(Value::Html { html: text, base: base() }) }
}

fn some(value: Value) -> Option<Value> {
    let (Value::Text(text) | Value::Html { html: text, .. }) = &value;
    (!text.trim().is_empty()).then_some(value)
}

/// Whether Atom has a text of this media type in base64.
fn is_binary(kind: &str) -> bool {
    let xml = kind.ends_with("+xml") || kind.ends_with("/xml");
    kind.contains('/') && !kind.starts_with("text/") && !xml
}

/// Elements as HTML again. What it is made of is still what strangers wrote.
fn write(nodes: &[Node], scope: &Scope, html: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => escape(text, html),
            Node::Element(element) => write_element(element, scope, html),
        }
    }
}

fn write_element(element: &Element, scope: &Scope, html: &mut String) {
    let inner = scope.within(element);
    html.push('<');
    html.push_str(&element.name);
    for attribute in element.attributes.iter().filter(|attribute| attribute.namespace == Namespace::None) {
        let address = ADDRESSES.contains(&&*attribute.name);
        // Relative to where it stands, which is not where the whole is.
        let absolute = address.then(|| inner.base.join(&attribute.value).ok()).flatten();
        html.push(' ');
        html.push_str(&attribute.name);
        html.push_str("=\"");
        escape(absolute.as_ref().map_or(&attribute.value, Url::as_str), html);
        html.push('"');
    }
    html.push('>');
    if EMPTY.contains(&&*element.name) {
        return;
    }
    write(&element.children, &inner, html);
    html.push_str("</");
    html.push_str(&element.name);
    html.push('>');
}

fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            character => html.push(character),
        }
    }
}
