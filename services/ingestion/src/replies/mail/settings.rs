//! What an account that sends mails has in the policy.
//!
//! | setting | what | without it |
//! |---|---|---|
//! | `smtp_host` | the mail server | the account sends nothing |
//! | `smtp_port` | its port | 465 for `tls`, 587 for `starttls`, 25 for `none` |
//! | `smtp_tls` | `tls`, `starttls` or `none` | `none` to the loopback, else `starttls` |
//! | `smtp_user`, secret `smtp_password` | who logs in | nobody does |
//! | `from`, `from_name` | the sender | the first `address`, without a name |
//! | `plus_address` | `false`: answers come to the plain address | they come to `local+token@domain` |
//! | `dkim_domain`, `dkim_selector`, secret `dkim_key` | signs | no signature |
//! | `dkim_algorithm` | `ed25519`, `rsa` or `both` | `ed25519` |
//! | `dkim_rsa_selector`, secret `dkim_rsa_key` | the second signature of `both` | |
//! | `call_time_s` | how long sending may take | 120, and at most 600 |
//! | `alike_per_hour_max` | mails of one sender in an hour that are alike before they count as a machine's | 10 |
//!
//! `from` is one of the addresses at which the account takes mails: there reports come in.

use lettre::message::Mailbox;
use secrecy::SecretString;

use super::{
    compose,
    dkim::{Algorithm, BadKey, Key, Signer},
};
use crate::{
    account::ADDRESS,
    channels::{Config, Refused, speak::Unsayable},
};

/// With a mail server.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) login: Option<(String, SecretString)>,
}

/// How the way to a mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// From the first byte.
    Always,
    /// From soon after the greeting, or nothing is sent.
    Starttls,
    /// Not at all: on the loopback, or where policy says so.
    None,
}

/// How an account sends mails.
pub(super) struct Settings {
    pub(super) server: Server,
    pub(super) from: Mailbox,
    /// Whether answers come to an address with a token in it.
    pub(super) plus_address: bool,
    signatures: Vec<Signature>,
}

/// A signature that policy wants.
struct Signature {
    algorithm: Algorithm,
    domain: String,
    selector: String,
    secret: &'static str,
}

impl Settings {
    /// Those of an account. What it lacks is named.
    pub(super) fn of(config: &Config) -> Result<Self, Unsayable> {
        let host = config.needed("smtp_host")?.to_owned();
        let tls = match config.setting("smtp_tls") {
            None if is_loopback(&host) => Tls::None,
            None | Some("starttls") => Tls::Starttls,
            Some("tls") => Tls::Always,
            Some("none") => Tls::None,
            Some(_) => return Err(Unsayable::NoSetting("smtp_tls")),
        };
        let port = match config.setting("smtp_port").map(str::parse) {
            Some(Ok(port)) => port,
            Some(Err(_)) => return Err(Unsayable::NoSetting("smtp_port")),
            None => tls.port(),
        };
        let login = match config.setting("smtp_user") {
            // Where anybody could read along, no password is said.
            Some(_) if tls == Tls::None && !is_loopback(&host) => {
                return Err(Unsayable::NoSetting("smtp_tls"));
            }
            Some(user) => {
                let password = text(config, "smtp_password")?;
                Some((user.to_owned(), SecretString::from(password)))
            }
            None => None,
        };
        let from = match config.setting("from") {
            Some(from) => from,
            None => config.needed(ADDRESS)?.split(',').next().unwrap_or_default(),
        };
        let from = compose::mailbox(config.setting("from_name"), from.trim());
        Ok(Self {
            server: Server { host, port, tls, login },
            from: from.ok_or(Unsayable::NoSetting("from"))?,
            plus_address: config.setting("plus_address") != Some("false"),
            signatures: signatures(config)?,
        })
    }

    /// Those who sign a mail. A key that cannot be read keeps the mail here: unsigned it would be taken for a forgery.
    pub(super) fn signers(&self, config: &Config) -> Result<Vec<Signer>, BadKey> {
        let signer = |wanted: &Signature| {
            let secret = config.secret(wanted.secret).map_err(|_| BadKey)?;
            let key = Key::new(wanted.algorithm, secret)?;
            Ok(Signer { domain: wanted.domain.clone(), selector: wanted.selector.clone(), key })
        };
        self.signatures.iter().map(signer).collect()
    }
}

fn signatures(config: &Config) -> Result<Vec<Signature>, Unsayable> {
    let Some(domain) = config.setting("dkim_domain") else { return Ok(Vec::new()) };
    let domain = name("dkim_domain", domain)?;
    let wanted = |algorithm, selector, secret| {
        let selector = name(selector, config.needed(selector)?)?;
        config.secret(secret)?;
        Ok::<_, Unsayable>(Signature { algorithm, domain: domain.clone(), selector, secret })
    };
    let first = |algorithm| wanted(algorithm, "dkim_selector", "dkim_key");
    Ok(match config.setting("dkim_algorithm") {
        None | Some("ed25519") => vec![first(Algorithm::Ed25519)?],
        Some("rsa") => vec![first(Algorithm::Rsa)?],
        Some("both") => {
            vec![first(Algorithm::Ed25519)?, wanted(Algorithm::Rsa, "dkim_rsa_selector", "dkim_rsa_key")?]
        }
        Some(_) => return Err(Unsayable::NoSetting("dkim_algorithm")),
    })
}

/// A name of the DNS, which stands in a signature as it is.
fn name(setting: &'static str, name: &str) -> Result<String, Unsayable> {
    const NAME_MAX: usize = 253;
    let fits = (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if fits { Ok(name.to_ascii_lowercase()) } else { Err(Unsayable::NoSetting(setting)) }
}

fn text(config: &Config, name: &'static str) -> Result<String, Unsayable> {
    let secret = config.secret(name)?;
    Ok(std::str::from_utf8(secret).map_err(|_| Refused::BadSecret(name))?.to_owned())
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Tls {
    const fn port(self) -> u16 {
        match self {
            Self::Always => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> Config {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let secret = |(name, value): &(&str, &str)| ((*name).to_owned(), SecretString::from(*value));
        let settings: BTreeMap<_, _> = settings.iter().map(text).collect();
        Config { settings, secrets: secrets.iter().map(secret).collect() }
    }

    const ADDRESSED: (&str, &str) = ("address", "care@brand.example, help@brand.example");

    #[test]
    fn the_way_is_secret_unless_it_is_the_loopback_or_policy_says_so() {
        for (host, tls, expected) in [
            ("mx.brand.example", None, Some((Tls::Starttls, 587))),
            ("127.0.0.1", None, Some((Tls::None, 25))),
            ("localhost", Some("tls"), Some((Tls::Always, 465))),
            ("mx.brand.example", Some("none"), Some((Tls::None, 25))),
            ("mx.brand.example", Some("ssl"), None),
        ] {
            let tls = tls.map(|tls| ("smtp_tls", tls));
            let settings: Vec<_> = [ADDRESSED, ("smtp_host", host)].into_iter().chain(tls).collect();
            let server = Settings::of(&config(&settings, &[])).ok().map(|settings| settings.server);
            assert_eq!(server.map(|server| (server.tls, server.port)), expected, "{host} {tls:?}");
        }
    }

    #[test]
    fn no_password_is_said_where_anybody_reads_along() {
        let login = |host| {
            let settings = [ADDRESSED, ("smtp_host", host), ("smtp_tls", "none"), ("smtp_user", "care")];
            Settings::of(&config(&settings, &[("smtp_password", "s3cret")])).map(|settings| settings.server)
        };
        assert!(login("127.0.0.1").unwrap().login.is_some());
        assert_eq!(login("mx.brand.example").err(), Some(Unsayable::NoSetting("smtp_tls")));
    }

    #[test]
    fn what_an_account_lacks_is_named() {
        let host = ("smtp_host", "localhost");
        let sender = |settings: &[(&str, &str)]| {
            Settings::of(&config(settings, &[])).map(|settings| settings.from.to_string())
        };
        assert_eq!(sender(&[ADDRESSED]).unwrap_err(), Unsayable::NoSetting("smtp_host"));
        assert_eq!(sender(&[host]).unwrap_err(), Unsayable::NoSetting("address"));
        assert_eq!(sender(&[host, ADDRESSED]).unwrap(), "care@brand.example");
        let named = [host, ("from", "Care@brand.example"), ("from_name", "Brand, care\r\nBcc: x@y.example")];
        assert_eq!(sender(&named).unwrap(), "\"Brand, care Bcc: x@y.example\" <Care@brand.example>");
        assert_eq!(sender(&[host, ("from", "a b@c")]).unwrap_err(), Unsayable::NoSetting("from"));
        let user = [host, ADDRESSED, ("smtp_user", "care")];
        let missing = Unsayable::Secret(Refused::NoSecret("smtp_password"));
        assert_eq!(sender(&user).unwrap_err(), missing);
    }

    #[test]
    fn signatures_are_what_policy_wants_or_nothing_is_sent() {
        let settings = [
            ("smtp_host", "localhost"),
            ADDRESSED,
            ("dkim_domain", "Brand.example"),
            ("dkim_selector", "s1"),
            ("dkim_rsa_selector", "s2"),
        ];
        let with =
            |algorithm| settings.into_iter().chain([("dkim_algorithm", algorithm)]).collect::<Vec<_>>();
        let keys = [("dkim_key", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="), ("dkim_rsa_key", "no key")];
        let signed = config(&with("ed25519"), &keys);
        let signers = Settings::of(&signed).unwrap().signers(&signed).unwrap();
        assert_eq!((signers.len(), &*signers[0].domain, &*signers[0].selector), (1, "brand.example", "s1"));
        let both = config(&with("both"), &keys);
        assert_eq!(Settings::of(&both).unwrap().signers(&both).err(), Some(BadKey));
        let missing = Settings::of(&config(&with("both"), &keys[..1])).err();
        assert_eq!(missing, Some(Unsayable::Secret(Refused::NoSecret("dkim_rsa_key"))));
        let unknown = Settings::of(&config(&with("dsa"), &keys)).err();
        assert_eq!(unknown, Some(Unsayable::NoSetting("dkim_algorithm")));
    }
}
