//! What became of every row: received = accepted + duplicate + rejected.

use proto::ingestion::v1::submit_response::{Outcome, Result as Row};
use serde_json::json;

use super::super::output::{Cell, Document, Table};

/// How many rejected rows are told with their reasons.
pub const REJECTED_SHOWN: usize = 20;

/// Counts. An edit is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// New here, or edited.
    pub accepted: u64,
    /// Of the accepted ones those that were here with another text.
    pub edited: u64,
    /// Here already.
    pub duplicate: u64,
    /// Not used, with a reason.
    pub rejected: u64,
    /// The first reasons.
    pub reasons: Vec<String>,
}

impl Tally {
    /// Every row there was.
    pub fn received(&self) -> u64 {
        self.accepted + self.duplicate + self.rejected
    }

    /// Counts the intake's answer about one message.
    pub fn count(&mut self, external_id: &str, row: &Row) {
        match row.outcome() {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Edited => {
                self.accepted += 1;
                self.edited += 1;
            }
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::Rejected | Outcome::Unspecified => {
                let field = match in_message(&row.field) {
                    "" => String::new(),
                    field => format!("{field} "),
                };
                self.reject(format!("message {external_id}: {field}{}", row.reason));
            }
        }
    }

    /// Counts a row that was not used.
    pub fn reject(&mut self, reason: String) {
        self.rejected += 1;
        if self.reasons.len() < REJECTED_SHOWN {
            self.reasons.push(reason);
        }
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.edited += other.edited;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        let room = REJECTED_SHOWN.saturating_sub(self.reasons.len());
        self.reasons.extend(other.reasons.into_iter().take(room));
    }

    /// The closing line.
    pub fn line(&self) -> String {
        let Self { accepted, edited, duplicate, rejected, .. } = self;
        let edits =
            if *edited > 0 { format!(" ({edited} of the accepted are edits)") } else { String::new() };
        format!(
            "received {} = accepted {accepted} + duplicate {duplicate} + rejected {rejected}{edits}",
            self.received()
        )
    }

    /// For every format.
    pub fn document(&self, account: &str) -> Document {
        let mut table =
            Table::new(&["ACCOUNT", "RECEIVED", "ACCEPTED", "DUPLICATE", "REJECTED"]).wide(&["EDITED"]);
        let counts = [self.received(), self.accepted, self.duplicate, self.rejected, self.edited];
        let mut row = vec![Cell::text(account)];
        row.extend(counts.map(|count| Cell::text(count.to_string())));
        table.push(row);
        let value = json!({
            "account": account,
            "received": self.received(),
            "accepted": self.accepted,
            "edited": self.edited,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "reasons": self.reasons,
        });
        // The line is the contract's, on a terminal and in a pipe.
        Document::one(value, account, table).line(self.line() + "\n")
    }
}

/// The field as the file has it: which message of which batch it was is nobody's business.
fn in_message(field: &str) -> &str {
    let inner = field.strip_prefix("messages[").and_then(|rest| rest.split_once(']'));
    inner.map_or(field, |(_, rest)| rest.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: Outcome) -> Row {
        Row {
            outcome: outcome.into(),
            reason: "is empty".to_owned(),
            field: "text".to_owned(),
            ..Row::default()
        }
    }

    #[test]
    fn every_row_is_accounted_for_once() {
        let mut tally = Tally::default();
        for outcome in [Outcome::Accepted, Outcome::Edited, Outcome::Duplicate, Outcome::Rejected] {
            tally.count("m1", &row(outcome));
        }
        let mut other = Tally::default();
        other.reject("line 7: is not UTF-8".to_owned());
        tally.add(other);
        assert_eq!(
            tally.line(),
            "received 5 = accepted 2 + duplicate 1 + rejected 2 (1 of the accepted are edits)"
        );
        assert_eq!(tally.reasons, ["message m1: text is empty", "line 7: is not UTF-8"]);
    }

    #[test]
    fn a_field_is_told_without_its_batch() {
        let mut tally = Tally::default();
        tally.count("17", &Row { field: "messages[0].sent_at".to_owned(), ..row(Outcome::Rejected) });
        tally.count("18", &Row { field: "messages[3]".to_owned(), ..row(Outcome::Rejected) });
        assert_eq!(tally.reasons, ["message 17: sent_at is empty", "message 18: is empty"]);
    }

    #[test]
    fn only_the_first_reasons_are_kept() {
        let mut tally = Tally::default();
        for at in 0..100 {
            tally.reject(at.to_string());
        }
        let mut all = tally.clone();
        all.add(tally);
        assert_eq!((all.rejected, all.reasons.len()), (200, REJECTED_SHOWN));
    }
}
