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
        Ok(Self { site, epoch, position: Position(seq) })
    }
}

impl Token {
    /// The position, if the token is of this log.
    pub fn of(self, site: &SiteId, epoch: u32) -> Result<Position, Invalid> {
        if self.site == *site && self.epoch == epoch { Ok(self.position) } else { Err(Invalid::Elsewhere) }
    }
}
