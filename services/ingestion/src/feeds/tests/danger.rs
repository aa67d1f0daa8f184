//! What no HTML that we hand on may hold. Shares nothing with the code that cleans it.

/// Elements that run, load, ask or take over.
const ELEMENTS: [&str; 33] = [
    "script",
    "style",
    "iframe",
    "frame",
    "frameset",
    "object",
    "embed",
    "applet",
    "link",
    "meta",
    "base",
    "form",
    "input",
    "button",
    "textarea",
    "select",
    "svg",
    "math",
    "video",
    "audio",
    "source",
    "track",
    "picture",
    "template",
    "noscript",
    "xmp",
    "plaintext",
    "noembed",
    "noframes",
    "portal",
    "bgsound",
    "layer",
    "body",
];
/// Attributes that load something, or run.
const ATTRIBUTES: [&str; 19] = [
    "style",
    "src",
    "srcset",
    "srcdoc",
    "background",
    "poster",
    "data",
    "action",
    "formaction",
    "ping",
    "codebase",
    "classid",
    "dynsrc",
    "lowsrc",
    "xlink:href",
    "manifest",
    "archive",
    "usemap",
    "is",
];

/// Everything dangerous in HTML as serialisers write it: each tag whole, each value between double quotes.
pub(super) fn dangers(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(tag) = whole(rest) else {
            found.push(format!("a tag without its end: <{rest}"));
            break;
        };
        rest = &rest[tag.len()..];
        if tag.starts_with(['!', '?']) {
            found.push(format!("markup that is no tag: <{tag}>"));
            continue;
        }
        let tag = tag.strip_prefix('/').unwrap_or(tag);
        let (name, mut attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            found.push(format!("the element <{name}>"));
        }
        if ELEMENTS.contains(&name) {
            found.push(format!("the element <{name}>"));
        }
        while !attributes.trim().is_empty() {
            let Some((name, after)) = attributes.split_once("=\"") else {
                found.push(format!("an attribute without a value: {attributes}"));
                break;
            };
            let (value, after) = after.split_once('"').unwrap_or((after, ""));
            attributes = after;
            let name = name.trim().to_lowercase();
            if name.starts_with("on") || ATTRIBUTES.contains(&&*name) || name.contains(char::is_whitespace) {
                found.push(format!("the attribute {name}"));
            }
            if ["href", "cite", "longdesc"].contains(&&*name) && !leads_elsewhere(value) {
                found.push(format!("the address {value}"));
            }
        }
    }
    found
}

/// The tag up to its `>`, values with a `>` in them included.
fn whole(tag: &str) -> Option<&str> {
    let mut quoted = false;
    let end = tag.char_indices().find(|(_, character)| {
        quoted ^= *character == '"';
        *character == '>' && !quoted
    });
    end.map(|(end, _)| &tag[..end])
}

/// Whether an address is one that only a click follows; with everything left out that browsers leave out.
fn leads_elsewhere(address: &str) -> bool {
    let mut plain = address.to_lowercase();
    for (reference, character) in
        [("&#x", ""), ("&colon;", ":"), ("&tab;", ""), ("&newline;", ""), ("&amp;", "&")]
    {
        plain = plain.replace(reference, character);
    }
    plain.retain(|character| !character.is_whitespace() && !character.is_control());
    // Browsers put in the slashes that are missing.
    ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| plain.starts_with(scheme))
}

#[test]
fn the_checker_sees_what_it_is_for() {
    for html in [
        "<script>",
        "a<SCRIPT>",
        "<p onclick=\"x\">",
        "<p style=\"x\">",
        "<img src=\"http://e.example/\">",
        "<!-- x -->",
        "<a href=\"javascript:x\">",
        "<a href=\"java\nscript:x\">",
        "<a href=\" data:text/html,x\">",
        "<a href=\"x\">",
        "<p",
        "<p a=b>",
        "<svg:g>",
        "<a title=\">\" onclick=\"x\">",
        "<a title=\"x\"onclick=\"x\">",
    ] {
        assert!(!dangers(html).is_empty(), "{html}");
    }
    for html in [
        "",
        "a &lt;script&gt; b",
        "<p title=\"a > b\">a</p>",
        "<a href=\"https://e.example/?a&amp;b\" rel=\"x\">a</a><br>",
    ] {
        assert_eq!(dangers(html), Vec::<String>::new(), "{html}");
    }
}
