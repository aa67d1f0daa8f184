//! What an account says of its mailbox.

use std::collections::BTreeMap;

use crate::asking::settings::{PRIVATE, private_addresses};

/// The setting with the name of the server. It makes an account one whose mailbox is asked.
pub(super) const HOST: &str = "imap_host";
/// The setting with its port, where it is not the usual one.
const PORT: &str = "imap_port";
/// The setting with how the line is kept private: `tls` (from the first byte; the default), `starttls`, `none`.
const TLS: &str = "imap_tls";
/// The setting with the user.
const USER: &str = "imap_user";
/// The setting with the folder, as the server calls it (names beyond ASCII in modified UTF-7).
const FOLDER: &str = "imap_folder";
/// The setting with what becomes of a mail that was taken: `leave` (the default), `seen`, `move:<folder>`.
const AFTER: &str = "imap_after";
/// The secret with the password.
pub(super) const PASSWORD: &str = "imap_password";
/// The secret with an access token, for servers that take XOAUTH2; `access_token`, which may come of a refresh token, is as good.
pub(super) const TOKENS: [&str; 2] = ["imap_token", "access_token"];
/// The folder that every mailbox has.
const INBOX: &str = "INBOX";
/// The longest name of a server, a user or a folder, in bytes.
const NAME_MAX: usize = 255;

/// How a line is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// From the first byte.
    Implicit,
    /// After STARTTLS, without which nothing is said.
    Upgraded,
    /// Not at all: on a network of one's own.
    None,
}

/// What becomes of a mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing.
    Leave,
    /// It is marked as seen.
    Seen,
    /// It is moved to this folder.
    Move(String),
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) user: String,
    pub(super) folder: String,
    pub(super) after: After,
    /// Whether it may be in a private network.
    pub(super) private: bool,
}

impl Mailbox {
    /// What tells it from every other mailbox.
    pub(super) fn place(&self) -> String {
        format!("{} {} {} {}", self.host, self.port, self.user, self.folder)
    }
}

/// The mailbox of an account. An error says which setting is wrong, and what to do.
pub(super) fn mailbox(settings: &BTreeMap<String, String>) -> Result<Mailbox, String> {
    let setting = |name: &str| settings.get(name).map(|value| value.trim());
    let named = |name: &str, default: Option<&str>| {
        let text = setting(name).or(default).ok_or_else(|| format!("setting {name}: missing"))?;
        let fits = (1..=NAME_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        let plain = name == USER || text.is_ascii();
        if fits && plain {
            Ok(text.to_owned())
        } else {
            Err(format!("setting {name}: 1 to {NAME_MAX} characters of ASCII"))
        }
    };
    let private = private_addresses(settings);
    let tls = match setting(TLS) {
        None | Some("tls") => Tls::Implicit,
        Some("starttls") => Tls::Upgraded,
        Some("none") if private => Tls::None,
        Some("none") => return Err(format!("setting {TLS}: none is for private networks, see {PRIVATE}")),
        Some(_) => return Err(format!("setting {TLS}: tls, starttls or none")),
    };
    let port = match (setting(PORT), tls) {
        (None, Tls::Implicit) => 993,
        (None, Tls::Upgraded | Tls::None) => 143,
        (Some(text), _) => {
            let port = text.parse().ok().filter(|port| *port > 0);
            port.ok_or_else(|| format!("setting {PORT}: a number from 1 to 65535"))?
        }
    };
    let after = match setting(AFTER) {
        None | Some("leave") => After::Leave,
        Some("seen") => After::Seen,
        Some(text) => {
            let folder = text.strip_prefix("move:").map(str::trim).filter(|folder| {
                (1..=NAME_MAX).contains(&folder.len())
                    && folder.is_ascii()
                    && !folder.chars().any(char::is_control)
            });
            let folder = folder.ok_or_else(|| format!("setting {AFTER}: leave, seen or move:<folder>"))?;
            After::Move(folder.to_owned())
        }
    };
    let (host, user) = (named(HOST, None)?, named(USER, None)?);
    let folder = named(FOLDER, Some(INBOX))?;
    if after == After::Move(folder.clone()) {
        return Err(format!("setting {AFTER}: another folder than {FOLDER}"));
    }
    Ok(Mailbox { host, port, tls, user, folder, after, private })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Result<Mailbox, String> {
        let base = [(HOST, "imap.example.com"), (USER, "care")];
        let all = base.iter().chain(settings);
        mailbox(&all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_mailbox_is_what_its_settings_say() {
        let plain = of(&[]).unwrap();
        assert_eq!(
            (plain.port, plain.tls, plain.folder.as_str(), plain.after),
            (993, Tls::Implicit, "INBOX", After::Leave)
        );
        assert_eq!(of(&[(TLS, "starttls")]).unwrap().port, 143);
        assert_eq!(of(&[(AFTER, "move: Done")]).unwrap().after, After::Move("Done".into()));
        assert!(of(&[(TLS, "none"), (PRIVATE, "true")]).unwrap().private);
        assert_ne!(of(&[]).unwrap().place(), of(&[(FOLDER, "Care")]).unwrap().place());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            (HOST, ""),
            (USER, "a\nb"),
            (TLS, "none"),
            (TLS, "ssl"),
            (PORT, "0"),
            (PORT, "65536"),
            (FOLDER, "Entw\u{fc}rfe"),
            (AFTER, "delete"),
            (AFTER, "move:"),
            (AFTER, "move:INBOX"),
        ] {
            let error = of(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("setting {name}: ")), "{name}={value}: {error}");
        }
        assert_eq!(mailbox(&BTreeMap::new()).unwrap_err(), "setting imap_host: missing");
    }
}
