//! Which pages of other origins may call.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::CorsLayer;

use crate::Error;

/// How long a browser may remember the answer.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// The layer for these origins; none for no origins.
pub(crate) fn layer(origins: &[String]) -> Result<Option<CorsLayer>, Error> {
    if origins.is_empty() {
        return Ok(None);
    }
    let origins = origins.iter().map(|text| origin(text).ok_or_else(|| Error::Origin(text.clone())));
    let origins = origins.collect::<Result<Vec<_>, _>>()?;
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("connect-protocol-version"),
            HeaderName::from_static("connect-timeout-ms"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(PREFLIGHT_AGE);
    Ok(Some(layer))
}

/// Browsers compare origins letter by letter: what is not written as they send it would never match.
fn origin(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let plain = matches!(scheme, "http" | "https")
        && text == format!("{scheme}://{authority}")
        && !authority.as_str().contains('@')
        && !text.chars().any(|letter| letter.is_ascii_uppercase() || letter == '*');
    plain.then(|| HeaderValue::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_origins_as_browsers_send_them_and_nothing_else() {
        for good in ["https://desk.example.org", "http://127.0.0.1:3000", "https://a.b:8443"] {
            assert!(origin(good).is_some(), "{good}");
        }
        for bad in
            ["*", "desk.example.org", "https://desk.example.org/", "https://*.org", "https://Desk.org", ""]
        {
            assert!(origin(bad).is_none(), "{bad}");
        }
        assert!(layer(&[]).unwrap().is_none());
        assert!(matches!(layer(&["null".to_owned()]), Err(Error::Origin(text)) if text == "null"));
    }
}
