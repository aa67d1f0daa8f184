use proptest::prelude::*;

use super::*;

/// What no HTML that is shown may have in it. Looked for in tags only: a text may say `onclick=`.
fn harm(html: &str) -> Option<String> {
    for tag in tags(html) {
        let lower = tag.to_ascii_lowercase();
        let name = lower
            .trim_start_matches('/')
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        const NAMES: [&str; 16] = [
            "script", "style", "link", "meta", "base", "form", "input", "button", "iframe", "object",
            "embed", "svg", "video", "audio", "source", "frame",
        ];
        if NAMES.contains(&name) {
            return Some(tag);
        }
        for (attribute, value) in attributes(&tag) {
            let value = value.to_ascii_lowercase();
            let loads = matches!(
                attribute.as_str(),
                "src" | "srcset" | "background" | "poster" | "data" | "style" | "ping"
            );
            let fine = attribute == "src" && value.starts_with("cid:");
            let runs = attribute.starts_with("on") || attribute == "action" || attribute == "formaction";
            let scripted =
                value.trim_start().starts_with("javascript:") || value.trim_start().starts_with("data:");
            if runs || (loads && !fine) || (scripted && attribute == "href") {
                return Some(tag);
            }
        }
        if name == "a" && !tag.starts_with('/') && !tag.contains("rel=\"noopener noreferrer nofollow\"") {
            return Some(tag);
        }
    }
    None
}

/// Between `<` and `>`, where quotes may hold either.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = tag_end(&rest[start..]);
        tags.push(rest[start + 1..start + end].trim_end_matches('>').to_owned());
        rest = &rest[start + end..];
    }
    tags
}

fn attributes(tag: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = tag.split_once(' ').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        found.push((name.trim().to_ascii_lowercase(), value.to_owned()));
        rest = after;
    }
    found
}

fn shown(html: &str) -> String {
    sanitised(html).unwrap()
}

#[test]
fn remote_pictures_wait_for_a_click_and_those_of_the_mail_stay() {
    assert_eq!(
        shown("<p><img alt=\"a > b\" src=\"https://t.example/p?a=1&amp;b=2\" width=1>x</p>"),
        "<p><img alt=\"a &gt; b\" data-remote-src=\"https://t.example/p?a=1&amp;b=2\" width=\"1\">x</p>"
    );
    assert_eq!(shown("<img src=CID:logo@x>"), "<img src=\"CID:logo@x\">");
    for gone in [
        "data:image/png;base64,AA",
        "//t.example/p",
        "p.png",
        "javascript:1",
        "ftp://t.example/p",
        "\u{1}https://x.example",
    ] {
        assert_eq!(
            shown(&format!("<img src=\"{gone}\">")).replace(" data-remote-src=\"https://x.example\"", ""),
            "<img>",
            "{gone}"
        );
    }
    let text = "say src=\"remote:x\" <img alt=' src=\"remote:y\"'>";
    assert_eq!(shown(text), "say src=\"remote:x\" <img alt=\" src=&quot;remote:y&quot;\">");
    assert_eq!(shown("<img data-remote-src=\"https://x\" srcset=\"https://y 2x\">"), "<img>");
    assert_eq!(shown("<img src=\"remote:x\">"), "<img>");
}

#[test]
fn links_lead_out_without_telling_where_from() {
    let rel = "rel=\"noopener noreferrer nofollow\"";
    assert_eq!(
        shown("<a href=\"https://a.example\" target=_top onclick=x()>a</a>"),
        format!("<a href=\"https://a.example\" {rel}>a</a>")
    );
    for gone in [
        "javascript:alert(1)",
        " java\nscript:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "cid:x",
        "/relative",
        "file:///etc/passwd",
    ] {
        assert_eq!(shown(&format!("<a href=\"{gone}\">a</a>")), format!("<a {rel}>a</a>"), "{gone}");
    }
    assert!(shown("<a href=mailto:a@b.example>a</a>").contains("mailto:a@b.example"));
}

#[test]
fn scripts_styles_and_forms_leave_nothing_behind() {
    for html in [
        "<script>alert(1)</script>",
        "<style>p{background:url(https://x.example)}</style>",
        "<head><title>t</title></head>",
        "<form action=https://x.example><input name=p><button>Go</button></form>",
        "<svg><script>1</script><image href=https://x.example></svg>",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<iframe src=https://x.example></iframe><link rel=stylesheet href=https://x.example>",
        "<!-- hidden --><meta http-equiv=refresh content=0><base href=https://x.example>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    ] {
        let shown = shown(html);
        assert!(!shown.contains("alert(1)") || !shown.contains('<'), "{html} became {shown}");
        assert_eq!(harm(&shown), None, "{html} became {shown}");
        assert!(!shown.contains("x.example"), "{html} became {shown}");
    }
    assert_eq!(shown("<p style=\"position:fixed\" class=c id=i onclick=x>a</p>"), "<p>a</p>");
    assert_eq!(
        shown("<table background=https://x.example><tr><td>a</table>"),
        "<table><tbody><tr><td>a</td></tr></tbody></table>"
    );
    assert_eq!(shown("<q cite=https://x.example>a</q>"), "<q>a</q>");
}

#[test]
fn what_is_too_much_is_refused() {
    assert_eq!(sanitised(&"a".repeat(HTML_MAX + 1)), Err(Error::TooLong));
    assert_eq!(sanitised(&"<br>".repeat(TAGS_MAX + 1)), Err(Error::TooNested));
    assert_eq!(sanitised(&"<b>".repeat(DEPTH_MAX + 1)), Err(Error::TooNested));
    assert_eq!(sanitised(&"<div>".repeat(DEPTH_MAX)).unwrap().matches("<div>").count(), DEPTH_MAX);
    assert!(sanitised(&"<p><b>a</b></p>".repeat(TAGS_MAX / 4)).is_ok());
    assert!(sanitised(&"a &lt; b".repeat(REFERENCES_MAX)).is_ok());
    assert_eq!(sanitised(&"&".repeat(REFERENCES_MAX + 1)), Err(Error::TooNested));
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "<(img|a|p|div|table|td|script|style|svg|math|form|input|iframe|base|link|object|template|noscript|title|textarea|select|xmp|plaintext)",
        "</(img|a|p|div|table|td|script|style|svg|math|form|iframe|object|template|noscript|title|textarea|select|xmp)>",
        "( |/)(src|href|style|onerror|onclick|background|srcset|action|data-remote-src|xlink:href|cite|alt|title|id|class)=(\"|'|)",
        "(javascript:|JaVaScRiPt:|data:text/html,|https://x.example/|//x.example/|cid:a|remote:|vbscript:|&#106;avascript:)",
        "(>|\"|'|<!--|-->|<!\\[CDATA\\[|\\]\\]>|&lt;|&quot;|&gt;|<|/>| )",
        "[ -~]{0,12}",
        "\\PC{0,6}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_runs_or_loads_comes_through(html in hostile()) {
        let once = sanitised(&html).unwrap();
        prop_assert_eq!(harm(&once), None, "{} became {}", html, once);
        let twice = sanitised(&once).unwrap();
        prop_assert_eq!(harm(&twice), None, "{} became {}", once, twice);
    }
}
