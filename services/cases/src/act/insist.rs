//! What becomes of a command whose caller insists that nothing has come since he read.

use eventlog::Position;
use service::{Error, Refusal, transact};

use crate::core::Core;

impl Core {
    /// Refuses who insists on a position, if the case has changed since, or nobody can have seen that position.
    pub async fn insisted(&self, expected: &str, version: Position) -> Result<(), Error> {
        let Some(expected) = self.shell.position("expected_position", expected)? else { return Ok(()) };
        if expected < version {
            return Err(self.stale("case", version));
        }
        if expected > version {
            self.shell.written("expected_position", expected).await?;
        }
        Ok(())
    }

    /// Why a command had no effect, as its caller is told: with a position as he is given them everywhere.
    pub fn refusal<R: Refusal>(&self, what: &str, error: transact::Error<R>) -> Error {
        match error {
            transact::Error::Stale { actual } => self.stale(what, actual),
            other => other.into(),
        }
    }

    fn stale(&self, what: &str, now: Position) -> Error {
        let message =
            format!("the {what} has changed since it was read; it is now at {}", self.shell.token(now));
        Error::Aborted { reason: "STALE_POSITION", message }
    }
}
