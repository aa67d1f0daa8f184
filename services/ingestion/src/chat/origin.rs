//! Where a call comes from: of which page, and from which address.
//!
//! On which pages a chat may stand says the setting `origins` of its account.
//! A browser says with each call of which page it is, and nobody can make it lie. A chat stands on the pages that the
//! setting names (`https://www.brand.example`, commas between them, `*` for any) and on its own.

use std::{collections::BTreeMap, net::IpAddr};

use http::{HeaderMap, header};

/// The setting with the pages' origins. Without it there is no chat.
pub(crate) const ORIGINS: &str = "origins";

/// Whether an account has a chat at all.
pub(crate) fn is_open(settings: &BTreeMap<String, String>) -> bool {
    settings.get(ORIGINS).is_some_and(|origins| listed(origins).next().is_some())
}

/// The origin of the page that calls, if it may.
pub(super) fn allowed(settings: &BTreeMap<String, String>, headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?.to_ascii_lowercase();
    let origins = settings.get(ORIGINS).map_or("", String::as_str);
    let is_listed = listed(origins).any(|listed| listed == "*" || listed.eq_ignore_ascii_case(&origin));
    // Our own page. There is nothing that a page could borrow from another by taking its name: who a visitor is stands in
    // what he sends, never in a cookie.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = || {
        let (_, authority) = origin.split_once("://")?;
        Some(authority.eq_ignore_ascii_case(host?))
    };
    (is_listed || is_own().unwrap_or(false)).then_some(origin)
}

/// The address of a browser: that of the connection, or, behind so many proxies of ours, what the outermost of them has
/// written into `x-forwarded-for`. What stands before that anybody may have written.
pub(super) fn address(proxies: usize, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let written = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let written: Vec<&str> = written.flat_map(|value| value.split(',')).map(str::trim).collect();
    let ours = proxies.checked_sub(1).and_then(|others| written.iter().rev().nth(others));
    ours.and_then(|address| address.parse().ok()).unwrap_or(peer)
}

fn listed(origins: &str) -> impl Iterator<Item = &str> {
    origins.split([',', ' ']).map(|origin| origin.trim().trim_end_matches('/')).filter(|o| !o.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(origins: &str, origin: &str, host: &str) -> bool {
        let settings = BTreeMap::from([(ORIGINS.to_owned(), origins.to_owned())]);
        let headers = [(header::ORIGIN, origin), (header::HOST, host)];
        let headers = headers.into_iter().map(|(name, value)| (name, value.parse().unwrap()));
        allowed(&settings, &headers.collect()).is_some()
    }

    #[test]
    fn a_chat_stands_on_its_own_page_and_on_those_that_are_named() {
        let origins = "https://www.brand.example, https://shop.brand.example:8443/";
        for (origin, host, expected) in [
            ("https://www.brand.example", "chat.example", true),
            ("HTTPS://WWW.Brand.example", "chat.example", true),
            ("https://shop.brand.example:8443", "chat.example", true),
            ("https://chat.example", "chat.example", true),
            ("http://127.0.0.1:7402", "127.0.0.1:7402", true),
            ("http://www.brand.example", "chat.example", false),
            ("https://www.brand.example.evil.example", "chat.example", false),
            ("https://evil.example/https://www.brand.example", "chat.example", false),
            ("https://shop.brand.example", "chat.example", false),
            ("null", "chat.example", false),
            ("", "", false),
        ] {
            assert_eq!(may(origins, origin, host), expected, "{origin} at {host}");
        }
        assert!(may("*", "https://anywhere.example", "chat.example"));
        assert_eq!(allowed(&BTreeMap::new(), &HeaderMap::new()), None);
    }

    #[test]
    fn an_address_is_believed_as_far_as_our_own_proxies_wrote_it() {
        let peer = IpAddr::from([192, 0, 2, 1]);
        let told = |proxies, lines: &[&str]| {
            let lines = lines
                .iter()
                .map(|line| (header::HeaderName::from_static("x-forwarded-for"), line.parse().unwrap()));
            address(proxies, peer, &lines.collect()).to_string()
        };
        let lines = ["203.0.113.9, 198.51.100.1", "198.51.100.2"];
        assert_eq!(told(0, &lines), "192.0.2.1");
        assert_eq!(told(1, &lines), "198.51.100.2");
        assert_eq!(told(2, &lines), "198.51.100.1");
        assert_eq!(told(3, &lines), "203.0.113.9");
        assert_eq!((told(4, &lines), told(1, &[])), ("192.0.2.1".into(), "192.0.2.1".into()));
        assert_eq!(told(1, &["203.0.113.9, nonsense"]), "192.0.2.1");
        assert_eq!(told(1, &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn without_the_setting_there_is_no_chat() {
        let with = |origins: &str| is_open(&BTreeMap::from([(ORIGINS.to_owned(), origins.to_owned())]));
        assert!(!is_open(&BTreeMap::new()) && !with("") && !with(" , "));
        assert!(with("https://www.brand.example") && with("*"));
    }
}
