//! Addresses that may be asked: http and https, without credentials, and not into our own house.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::feed::limits::ADDRESS_MAX;

/// The address of a feed: `http` or `https`, with a host, without user, password and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Url);

/// Why an address is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read, or is too long.
    #[error("the address is no absolute URL of at most {ADDRESS_MAX} bytes")]
    Unreadable,
    /// Neither http nor https.
    #[error("the address is neither http nor https")]
    Scheme,
    /// It holds a user or a password, which would be sent to whoever is there and stand in the policy.
    #[error("the address holds credentials: leave them out")]
    Credentials,
    /// It leads to a machine that is not on the public network.
    #[error("the address leads into a private network: allow it in the account's settings if it is meant")]
    Private,
}

impl Address {
    /// The address that `reference` means where this one is read.
    ///
    /// # Errors
    /// If it is none that may be asked.
    pub fn join(&self, reference: &str) -> Result<Self, Refused> {
        if reference.len() > ADDRESS_MAX {
            return Err(Refused::Unreadable);
        }
        self.0.join(reference.trim()).map_err(|_| Refused::Unreadable)?.try_into()
    }

    /// Refuses the address if it names a machine by a number that is not public. A name has to be looked up first.
    ///
    /// # Errors
    /// [`Refused::Private`].
    pub fn is_public(&self) -> Result<(), Refused> {
        let public = match self.0.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                !(name == "localhost" || name.ends_with(".localhost"))
            }
            None => false,
        };
        if public { Ok(()) } else { Err(Refused::Private) }
    }

    /// As a URL.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, for one request at a time.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl TryFrom<Url> for Address {
    type Error = Refused;

    fn try_from(mut url: Url) -> Result<Self, Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if !url.has_host() || url.as_str().len() > ADDRESS_MAX {
            return Err(Refused::Unreadable);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl FromStr for Address {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        if text.len() > ADDRESS_MAX {
            return Err(Refused::Unreadable);
        }
        Url::parse(text.trim()).map_err(|_| Refused::Unreadable)?.try_into()
    }
}

impl TryFrom<String> for Address {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.into()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a machine with this number is on the public network: not this machine, not a neighbour, nobody in a private
/// network, no group, and nothing that is reserved (the special-purpose registries of IANA). An IPv6 number that carries an
/// IPv4 number is judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network; private; carrier's own; this machine; neighbours; private; protocols; documentation.
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] => true,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Groups, and what is kept for later.
        [224..=255, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped, translated (RFC 6052), 6to4: they carry a number of four bytes.
        [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo and other protocols; documentation.
        [0x2001, 0..=0x1FF, ..] | [0x2001, 0xDB8, ..] | [0x3FFF, 0..=0xFFF, ..] => false,
        // Only this eighth of all is given out.
        [first, ..] => first & 0xE000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_without_credentials_is_asked() {
        for (text, expected) in [
            ("https://example.com/feed", Ok(())),
            ("http://example.com:8080/feed#top", Ok(())),
            ("ftp://example.com/feed", Err(Refused::Scheme)),
            ("file:///etc/hostname", Err(Refused::Scheme)),
            ("javascript:alert(1)", Err(Refused::Scheme)),
            ("https://ann@example.com/", Err(Refused::Credentials)),
            ("https://ann:secret@example.com/", Err(Refused::Credentials)),
            ("https://:secret@example.com/", Err(Refused::Credentials)),
            ("/feed", Err(Refused::Unreadable)),
            ("https://", Err(Refused::Unreadable)),
        ] {
            assert_eq!(text.parse::<Address>().map(|_| ()), expected, "{text}");
        }
        assert_eq!(
            format!("https://e.example/{}", "x".repeat(ADDRESS_MAX)).parse::<Address>(),
            Err(Refused::Unreadable)
        );
        let address: Address = "http://example.com:8080/feed#top".parse().unwrap();
        assert_eq!(address.as_str(), "http://example.com:8080/feed");
        assert_eq!(address.join("//evil@example.com/"), Err(Refused::Credentials));
        assert_eq!(address.join("../new").unwrap().as_str(), "http://example.com:8080/new");
    }

    #[test]
    fn a_number_by_any_name_is_the_same_number() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[2002:a00:1::]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://feeds.localhost/",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_public(), Err(Refused::Private), "{text}");
        }
        for text in [
            "http://example.com/",
            "http://8.8.8.8/",
            "http://[2606:4700::1111]/",
            "http://[64:ff9b::808:808]/",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_public(), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_special_is_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.53",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
