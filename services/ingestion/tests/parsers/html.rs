//! What is shown of mails and feeds: no script, no handler, nothing that loads, asks or takes over, whatever it was made of.

use std::{fs, path::Path};

use ingestion::{feeds, mail};
use proptest::{prelude::*, sample::Index};

use super::danger::dangers;

/// Well-known ways to have something run or load in a page, each in a form of our own.
const VECTORS: [&str; 104] = [
    "<script>f()</script>",
    "<SCRIPT SRC=https://x.example/f.js></SCRIPT>",
    "<script src=//x.example/f.js>",
    "<scr<script>ipt>f()</scr</script>ipt>",
    "<script/x>f()</script>",
    "<script\n>f()</script\n>",
    "<script type=module>import 'https://x.example'</script>",
    "<<script>f()//<</script>",
    "\"><script>f()</script>",
    "'><script>f()</script>",
    "--><script>f()</script>",
    "]]><script>f()</script>",
    "</textarea><script>f()</script>",
    "</title><script>f()</script>",
    "</style><script>f()</script>",
    "<img src=x onerror=f()>",
    "<img src=x onerror='f()'//",
    "<img/src=x/onerror=f()>",
    "<img src=x:x onerror\n=\nf()>",
    "<img src='https://x.example/a.gif'>",
    "<img srcset='https://x.example/a.gif 2x'>",
    "<img src=`javascript:f()`>",
    "<img src=\"jav\tascript:f()\">",
    "<img src=javascript:f()>",
    "<img src=data:image/svg+xml,<svg/onload=f()>>",
    "<img \"\"\"><script>f()</script>\">",
    "<img lowsrc=https://x.example/a dynsrc=https://x.example/b>",
    "<image src=x onerror=f()>",
    "<svg onload=f()>",
    "<svg><script>f()</script></svg>",
    "<svg><script href=data:,f()></script></svg>",
    "<svg><a xlink:href=javascript:f()><text>a</text></a></svg>",
    "<svg><animate onbegin=f() attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:f()>",
    "<svg><use href=https://x.example/a.svg#b>",
    "<svg><foreignObject><iframe src=javascript:f()></foreignObject></svg>",
    "<svg><style><img src=x onerror=f()></style></svg>",
    "<svg></p><style><a id=\"</style><img src=x onerror=f()>\">",
    "<math><a xlink:href=javascript:f()>a</a></math>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=f()&gt;\">",
    "<math><mi><annotation-xml encoding=text/html><img src=x onerror=f()>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=f()>",
    "<noscript><p title=\"</noscript><img src=x onerror=f()>\">",
    "<template><script>f()</script></template>",
    "<body onload=f()>",
    "<body background=https://x.example/a>",
    "<html manifest=https://x.example/a>",
    "<iframe src=javascript:f()></iframe>",
    "<iframe srcdoc='<script>f()</script>'></iframe>",
    "<iframe src=https://x.example onload=f()>",
    "<frameset><frame src=javascript:f()></frameset>",
    "<object data=javascript:f()></object>",
    "<object data=https://x.example/a.swf type=application/x-shockwave-flash>",
    "<embed src=javascript:f()>",
    "<applet code=X codebase=https://x.example/></applet>",
    "<link rel=stylesheet href=https://x.example/a.css>",
    "<link rel=import href=https://x.example/a>",
    "<link rel=prefetch href=https://x.example/a>",
    "<meta http-equiv=refresh content='0;url=javascript:f()'>",
    "<meta http-equiv=set-cookie content=a=b>",
    "<base href=https://x.example/>",
    "<base target=_top href=javascript:f()//>",
    "<a href=javascript:f()>a</a>",
    "<a href=' &#14; javascript:f()'>a</a>",
    "<a href=\"&#106;&#97;&#118;&#97;script&colon;f()\">a</a>",
    "<a href=\"&#x6a&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3a;f()\">a</a>",
    "<a href=\"java&Tab;script&NewLine;:f()\">a</a>",
    "<a href=JaVaScRiPt:f()>a</a>",
    "<a href=\u{1}javascript:f()>a</a>",
    "<a href=vbscript:f()>a</a>",
    "<a href=livescript:f()>a</a>",
    "<a href=data:text/html;base64,PHNjcmlwdD5mKCk8L3NjcmlwdD4=>a</a>",
    "<a href=blob:https://x.example/a>a</a>",
    "<a href=feed:javascript:f()>a</a>",
    "<a href=view-source:javascript:f()>a</a>",
    "<a href=https://a.example ping=https://x.example/p>a</a>",
    "<a href=https://a.example onmouseover=f() onfocus=f() autofocus tabindex=1>a</a>",
    "<a href=https://a.example target=_self download=x>a</a>",
    "<p style=background:url(https://x.example/a)>a</p>",
    "<p style=\"width:expression(f())\">a</p>",
    "<p style=\"-moz-binding:url(https://x.example/a#b)\">a</p>",
    "<p style=behavior:url(a.htc)>a</p>",
    "<p style='position:fixed;top:0;left:0;width:100%;height:100%'>a</p>",
    "<style>@import 'https://x.example/a.css';</style>",
    "<style>*{background:url(https://x.example/a)}</style>",
    "<style>@font-face{font-family:a;src:url(https://x.example/a)}</style>",
    "<form action=https://x.example><input name=password><button>Go</button></form>",
    "<form id=x></form><button form=x formaction=javascript:f()>a</button>",
    "<input type=image src=https://x.example/a formaction=javascript:f()>",
    "<input onfocus=f() autofocus>",
    "<select onfocus=f() autofocus><option>a</select>",
    "<textarea onfocus=f() autofocus>a</textarea>",
    "<isindex type=image src=1 onerror=f()>",
    "<keygen autofocus onfocus=f()>",
    "<details open ontoggle=f()>a</details>",
    "<marquee onstart=f()>a</marquee>",
    "<video src=https://x.example/a poster=https://x.example/b onerror=f()></video>",
    "<audio src=https://x.example/a autoplay onplay=f()></audio>",
    "<video><source onerror=f() src=x></video>",
    "<table background=https://x.example/a><td background=javascript:f()>a</table>",
    "<bgsound src=javascript:f()>",
    "<xmp><img alt=\"</xmp><img src=x onerror=f()>\">",
    "<plaintext><img src=x onerror=f()>",
    "<!--[if gte IE 4]><script>f()</script><![endif]-->",
];

/// The dangers in what is shown of a mail's HTML, and in what is shown of that again.
fn of_mail(html: &str) -> Result<Vec<String>, mail::html::Error> {
    let once = mail::html::sanitised(html)?;
    let mut found = of_shown(&once);
    let twice = mail::html::sanitised(&once)?;
    found.extend(of_shown(&twice));
    Ok(found)
}

/// A picture that came with the mail is the one thing that a mail may show.
fn of_shown(html: &str) -> Vec<String> {
    let shown = html.replace(mail::html::REMOTE, "title").replace(" src=\"cid:", " title=\"cid:");
    dangers(&shown.replace(" src=\"CID:", " title=\"CID:"))
}

/// The dangers in what a feed hands on, its text being this HTML in each of the ways in which a feed can hold it.
fn of_feed(html: &str) -> Vec<String> {
    let escaped = html.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // What no XML can hold is not what this is about.
    let escaped: String = escaped.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    let data = html.replace("]]>", "]] >");
    let data: String = data.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
    let rss = |inner: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>t</title><item><guid>1</guid><title>{inner}</title><description>{inner}</description></item></channel></rss>"
        )
    };
    let atom = |kind: &str, inner: &str| {
        format!(
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title><id>1</id><entry><id>2</id><title type=\"{kind}\">{inner}</title><content type=\"{kind}\">{inner}</content><summary type=\"{kind}\">{inner}</summary></entry></feed>"
        )
    };
    let xhtml = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{html}</div>");
    let all = [
        rss(&escaped),
        rss(&format!("<![CDATA[{data}]]>")),
        atom("html", &escaped),
        atom("html", &format!("<![CDATA[{data}]]>")),
        atom("text", &escaped),
        atom("xhtml", &xhtml),
    ];
    let at = "https://f.example/feed".parse().unwrap();
    let mut found = Vec::new();
    for feed in all {
        let Ok(feed) = feeds::parse(feed.as_bytes(), None, &at) else { continue };
        for entry in &feed.entries {
            found.extend(dangers(&entry.content.html));
        }
    }
    found
}

#[test]
fn no_vector_comes_through() {
    for vector in VECTORS {
        assert_eq!(of_mail(vector).unwrap(), Vec::<String>::new(), "{vector}");
        assert_eq!(of_feed(vector), Vec::<String>::new(), "{vector}");
        assert!(!dangers(vector).is_empty() || !of_raw(vector), "the checker sees it: {vector}");
    }
    println!("{} vectors in mails, and in six forms of feeds", VECTORS.len());
}

/// Whether the vector is written as serialisers write: what is not, the checker is not for.
fn of_raw(vector: &str) -> bool {
    vector.starts_with('<') && vector.contains("=\"")
}

/// Vectors in pieces, put together otherwise.
fn mixed() -> impl Strategy<Value = String> {
    let vector = proptest::sample::select(VECTORS.to_vec());
    let piece = (vector, any::<Index>(), any::<Index>(), 0..6_u8).prop_map(|(vector, from, to, how)| {
        let cut = |index: Index| vector.floor_char_boundary(index.index(vector.len() + 1));
        let (from, to) = (cut(from).min(cut(to)), cut(from).max(cut(to)));
        match how {
            0 => vector.to_owned(),
            1 => vector[from..].to_owned(),
            2 => vector[..to].to_owned(),
            3 => format!("{}{}", &vector[..from], &vector[to..]),
            4 => vector.to_uppercase(),
            _ => vector.replace('<', "&lt;").replace("=", "&#61;"),
        }
    });
    let joint = prop_oneof!["[\\x00-\\x20/\"'<>=&;!-]{0,4}", "\\PC{0,3}"];
    proptest::collection::vec((piece, joint), 1..6)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, joint)| piece + &joint).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mixture_of_vectors_comes_through(html in mixed()) {
        prop_assert_eq!(of_mail(&html).unwrap_or_default(), Vec::<String>::new());
        prop_assert_eq!(of_feed(&html), Vec::<String>::new());
    }
}

/// Every mail with HTML that this machine has.
#[test]
fn no_real_mail_shows_anything_that_runs_or_loads() {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without real mails");
        return;
    };
    let folder = Path::new(&folder).join("email");
    assert!(folder.is_dir(), "DOSSIER_REAL_DATA is set and {} is not there", folder.display());
    let (mut folders, mut files) = (vec![folder], 0);
    let (mut shown, mut refused, mut harmful) = (0, 0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let Ok(mail) = mail::parse(&fs::read(&path).unwrap()) else { continue };
            let Some(html) = &mail.html else { continue };
            harmful += usize::from(!of_shown(html).is_empty());
            match of_mail(html) {
                Ok(found) => {
                    assert_eq!(found, Vec::<String>::new(), "{}", path.display());
                    shown += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!(
        "{files} files: of {} mails with HTML {harmful} were not harmless; {shown} are shown, {refused} are not",
        shown + refused
    );
    assert!(shown >= 50, "there are mails with HTML");
}
