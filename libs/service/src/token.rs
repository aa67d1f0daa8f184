//! Positions on the wire: `<site>.<epoch>.<seq>`, opaque to callers.

use std::{fmt, str::FromStr};

use domain::ids::SiteId;
use eventlog::Position;

/// A position of one site's log, as callers carry it from a command to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose log.
    pub site: SiteId,
    /// Which life of that log: a migration to a new log begins another.
    pub epoch: u32,
    /// Where in it.
    pub position: Position,
}

/// Not a token that this site handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not of the form.
    #[error("not a position as an answer gave it: <site>.<epoch>.<number>")]
    Form,
    /// Of another log.
    #[error("a position of another site or of an earlier log; read it again here")]
    Elsewhere,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.site, self.epoch, self.position)
    }
}

impl FromStr for Token {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.split('.');
        let (Some(site), Some(epoch), Some(seq), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Form);
        };
        let site = site.parse().map_err(|_| Invalid::Form)?;
        let epoch = epoch.parse().map_err(|_| Invalid::Form)?;
        let seq = seq.parse().map_err(|_| Invalid::Form)?;
        let token = Self { site, epoch, position: Position(seq) };
        // One position has one form: "+7" and "07" are none.
        if token.to_string() == text { Ok(token) } else { Err(Invalid::Form) }
    }
}

impl Token {
    /// The position, if the token is of this log.
    pub fn of(self, site: &SiteId, epoch: u32) -> Result<Position, Invalid> {
        if self.site == *site && self.epoch == epoch { Ok(self.position) } else { Err(Invalid::Elsewhere) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_form() {
        let site: SiteId = "paris-1".parse().unwrap();
        for position in [0, 1, u64::MAX] {
            let token = Token { site: site.clone(), epoch: 3, position: Position(position) };
            let text = token.to_string();
            assert_eq!(text, format!("paris-1.3.{position}"));
            assert_eq!(text.parse::<Token>(), Ok(token));
        }
        for wrong in [
            "",
            ".",
            "a.b",
            "a.1.2.3",
            "a.1.+2",
            "a.01.2",
            "a.1.02",
            "a.1.-2",
            "A.1.2",
            "a.1. 2",
            ".1.2",
            "a.4294967296.1",
            "a.1.18446744073709551616",
        ] {
            assert_eq!(wrong.parse::<Token>(), Err(Invalid::Form), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_of_one_log() {
        let here: SiteId = "here".parse().unwrap();
        let of = |text: &str| text.parse::<Token>().unwrap().of(&here, 2);
        assert_eq!(of("here.2.7"), Ok(Position(7)));
        assert_eq!(of("here.1.7"), Err(Invalid::Elsewhere));
        assert_eq!(of("there.2.7"), Err(Invalid::Elsewhere));
    }
}
