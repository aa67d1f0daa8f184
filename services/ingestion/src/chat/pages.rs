//! What a browser loads: the widget, and a page with nothing else.

use std::fmt::Write;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Doors, about::About, call::answer, protocol::Server};

const WIDGET: &str = include_str!("widget/widget.js");
const TEXTS: &str = include_str!("widget/texts.json");
const STYLE: &str = include_str!("widget/style.css");
const PAGE: &str = include_str!("widget/page.html");

/// Where the widget has what policy says of it.
const CONFIG: &str = "/* config */";
/// Where the page has its title, and the name of the account in the address of its script.
const TITLE: &str = "{title}";
const ACCOUNT: &str = "{account}";
/// For how long a browser keeps the widget before it asks for another one, in seconds.
const KEPT_S: u64 = 300;

/// The setting with what stands above the chat; else the brand, or what the account is called.
const TITLE_SETTING: &str = "title";
/// The setting with the first words, before anybody has said something.
const GREETING_SETTING: &str = "greeting";
/// The setting with the colour of the chat: `#rrggbb`.
const ACCENT_SETTING: &str = "accent";

/// The widget, with what policy says of this account.
pub(super) async fn widget(
    State(doors): State<Doors>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let about = match doors.chat.about(&name) {
        Ok(about) => about,
        Err(refused) => return answer(&Server::Refused(refused), None),
    };
    let config = json!({
        "account": about.account.id.as_str(),
        "title": doors.title(&about),
        "greeting": about.via.settings.get(GREETING_SETTING),
        "accent": about.via.settings.get(ACCENT_SETTING).filter(|colour| is_colour(colour)),
        "style": STYLE,
    });
    let script = WIDGET.replacen(CONFIG, &format!("{config}, {TEXTS}"), 1);
    let tag = format!("\"{}\"", &HEXLOWER.encode(&Sha256::digest(&script))[..32]);
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { script.into_response() };
    let headers = response.headers_mut();
    let kept = format!("public, max-age={KEPT_S}");
    for (name, value) in [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, &kept),
        (header::ETAG, &tag),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    // Pages that isolate themselves load nothing that does not say so.
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// The page.
pub(super) async fn page(State(doors): State<Doors>, Path(name): Path<String>) -> Response {
    let about = match doors.chat.about(&name) {
        Ok(about) => about,
        Err(refused) => return answer(&Server::Refused(refused), None),
    };
    let text = PAGE.replace(TITLE, &escaped(&doors.title(&about)));
    let text = text.replace(ACCOUNT, &escaped(about.account.id.as_str()));
    let mut response = text.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Doors {
    fn title(&self, about: &About) -> String {
        let setting = about.via.settings.get(TITLE_SETTING).cloned();
        setting.or_else(|| self.chat.accounts.title(&about.account.id)).unwrap_or_default()
    }
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Text for HTML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut all, c| {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing into a string never fails.
                write!(all, "&#{};", u32::from(c)).ok();
            }
            c => all.push(c),
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_language_has_every_text() {
        let texts: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(TEXTS).unwrap();
        let languages: Vec<_> = texts.keys().map(String::as_str).collect();
        assert_eq!(languages, ["de", "en", "es", "fr"]);
        let holes = |text: &str| text.matches('{').count();
        for (language, own) in &texts {
            assert!(own.keys().eq(texts["en"].keys()), "{language} has other texts than en");
            for (name, text) in own {
                assert!(!text.trim().is_empty(), "{language}: {name} is empty");
                assert_eq!(holes(text), holes(&texts["en"][name]), "{language}: {name}");
                assert!(WIDGET.contains(&format!("\"{name}\"")), "nobody says {name}");
            }
        }
    }

    #[test]
    fn the_widget_makes_no_markup_of_words() {
        assert_eq!(WIDGET.matches(CONFIG).count(), 1);
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("] {
            assert!(!WIDGET.contains(word), "the widget uses {word}");
        }
        // Forty kilobytes packed are about four times as much.
        assert!(WIDGET.len() + TEXTS.len() + STYLE.len() < 80_000, "the widget has become large");
    }

    #[test]
    fn what_policy_says_is_no_markup_either() {
        assert_eq!(escaped("<b>\"A & B's\"</b>"), "&#60;b&#62;&#34;A &#38; B&#39;s&#34;&#60;/b&#62;");
        assert!(is_colour("#0a5C8f"));
        assert!(!is_colour("#0a5c8") && !is_colour("red") && !is_colour("#0a5c8f;}") && !is_colour(""));
    }
}
