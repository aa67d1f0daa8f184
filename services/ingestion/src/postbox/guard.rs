//! The guard against loops that no header tells of: one sender who writes the same again and again.
//!
//! Two machines that answer each other do not stop. Once a sender has sent an account so many mails in an hour that look
//! written by a machine, or are alike, those that are alike count as a machine's: they are kept, and open and reopen nothing.
//! What is unlike all before it is never held back. What is held back the ledger counts, and the first of it becomes a dead letter,
//! so that a person finds it: he may have written it after all.
//!
//! Counted in memory, by each replica for itself: a loop that outlives a process is counted anew. Numbers and digests only.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{ids::AccountId, time::Timestamp};
use sha2::{Digest, Sha256};

use crate::mail::Mail;

/// The setting with how many of such mails an account takes from one sender in an hour.
pub(super) const ALIKE_MAX: &str = "alike_per_hour_max";
/// That of an account that has none.
pub(super) const ALIKE_MAX_DEFAULT: usize = 10;
/// The most of it, and the most mails that are remembered of one sender.
const REMEMBERED_MAX: usize = 200;
/// Senders that are remembered.
const SENDERS_MAX: u64 = 50_000;
/// For how long a mail counts, in seconds.
const WITHIN_S: i64 = 3_600;
/// Bytes of a text that are compared.
const TEXT_MAX: usize = 8 * 1024;

/// Remembers who sent what in the last hour.
pub(crate) struct Guard(moka::sync::Cache<u64, Arc<Mutex<VecDeque<Seen>>>>);

/// A mail, as far as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    at: Timestamp,
    /// Its Message-ID: a mail that is delivered again is the same.
    id: u64,
    /// What it says.
    shape: u64,
    /// Whether it looks written by a machine.
    automatic: bool,
    /// Whether it was held back.
    held_back: bool,
}

/// What the guard says of a mail that a person may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It goes on.
    Passes,
    /// It is one too many, and the first that is.
    First,
    /// It is one too many, and there was one like it in the last hour.
    Again,
}

impl Guard {
    pub(crate) fn new() -> Self {
        let hour = Duration::from_secs(WITHIN_S.unsigned_abs());
        Self(moka::sync::Cache::builder().max_capacity(SENDERS_MAX).time_to_idle(hour).build())
    }

    /// Remembers a mail of a sender to an account. Whether it is one too many; what looks written by a machine needs no guard.
    pub(super) fn says(&self, account: &AccountId, sender: &str, mut seen: Seen, max: usize) -> Says {
        let key = number(&[account.as_str(), sender]);
        let mails = self.0.get_with(key, Arc::default);
        let mut mails = mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.retain(|mail| mail.at.plus_seconds(WITHIN_S) > seen.at && mail.id != seen.id);
        let alike = mails.iter().filter(|mail| mail.shape == seen.shape).count();
        let suspect = mails.iter().filter(|mail| mail.automatic || mail.shape == seen.shape).count();
        seen.held_back = !seen.automatic && alike > 0 && suspect >= max.clamp(1, REMEMBERED_MAX);
        let again = mails.iter().any(|mail| mail.held_back && mail.shape == seen.shape);
        while mails.len() >= REMEMBERED_MAX {
            mails.pop_front();
        }
        mails.push_back(seen);
        match (seen.held_back, again) {
            (false, _) => Says::Passes,
            (true, false) => Says::First,
            (true, true) => Says::Again,
        }
    }
}

impl Seen {
    /// A mail as it is remembered. Two that differ in numbers only are alike, and so is what they quote.
    pub(super) fn of(mail: &Mail, automatic: bool, at: Timestamp) -> Self {
        let own = mail.text.lines().filter(|line| !line.trim_start().starts_with('>'));
        let words = mail.subject.iter().map(String::as_str).chain(own);
        let letters = words.flat_map(str::chars).filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase);
        let mut shape = String::new();
        for letter in letters {
            if shape.len() >= TEXT_MAX {
                break;
            }
            shape.push(letter);
        }
        let files = mail.attachments.iter().map(|file| file.content.len().to_string());
        let files = files.collect::<Vec<_>>().join(" ");
        Self {
            at,
            id: number(&[&mail.message_id]),
            shape: number(&[&shape, &files]),
            automatic,
            held_back: false,
        }
    }
}

/// A number for texts.
fn number(texts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let hash = hash.finalize();
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: usize, subject: &str, text: &str) -> Mail {
        Mail {
            message_id: format!("{id}@x"),
            subject: Some(subject.into()),
            text: text.into(),
            ..Mail::default()
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(seconds)
    }

    /// What the guard says of mails that come one after the other.
    struct Door(Guard);

    impl Door {
        fn says(&self, sender: &str, mail: &Mail, automatic: bool, seconds: i64) -> bool {
            let account = "care".parse().unwrap();
            self.0.says(&account, sender, Seen::of(mail, automatic, at(seconds)), 3) != Says::Passes
        }
    }

    #[test]
    fn the_same_again_and_again_is_a_machines() {
        let door = Door(Guard::new());
        let ticket = |n: usize| {
            mail(n, &format!("Ticket #{n} received"), &format!("It is number {n}.\n> quoted {n}x"))
        };
        let said: Vec<_> = (0..5).map(|n| door.says("a@x", &ticket(n), false, 0)).collect();
        assert_eq!(said, [false, false, false, true, true]);
        assert!(!door.says("b@x", &ticket(6), false, 0), "another sender");
        assert!(!door.says("a@x", &mail(7, "Kettle", "It does not boil"), false, 0), "another mail");
        assert!(door.says("a@x", &ticket(8), false, 3_599));
        assert!(!door.says("a@x", &ticket(9), false, 3_599 + 3_600), "after an hour of silence");
    }

    #[test]
    fn the_first_that_is_held_back_is_told_from_those_after_it() {
        let guard = Guard::new();
        let account = "care".parse().unwrap();
        let says = |n: usize, text: &str, seconds| {
            let seen = Seen::of(&mail(n, "Kettle", text), false, at(seconds));
            guard.says(&account, "a@x", seen, 2)
        };
        let said: Vec<_> = (0..4).map(|n| says(n, "It does not boil", 0)).collect();
        assert_eq!(said, [Says::Passes, Says::Passes, Says::First, Says::Again]);
        assert_eq!(says(2, "It does not boil", 0), Says::Again, "delivered once more");
        assert_eq!(says(9, "It does not boil", 9_000), Says::Passes, "after hours of silence");
    }

    #[test]
    fn a_mail_that_is_delivered_again_counts_once() {
        let door = Door(Guard::new());
        for _ in 0..10 {
            assert!(!door.says("a@x", &mail(1, "Kettle", "It does not boil"), false, 0));
        }
    }

    #[test]
    fn what_looks_like_a_machine_counts_for_what_is_alike_and_for_nothing_else() {
        let door = Door(Guard::new());
        for n in 0..3 {
            door.says("a@x", &mail(n, "Away", &"away ".repeat(n + 1)), true, 0);
        }
        assert!(!door.says("a@x", &mail(7, "Kettle", "It does not boil"), false, 0));
        assert!(door.says("a@x", &mail(8, "Kettle", "It does not boil"), false, 0));
    }

    #[test]
    fn no_more_is_remembered_than_is_bounded() {
        let door = Door(Guard::new());
        for n in 0..2 * REMEMBERED_MAX {
            door.says("a@x", &mail(n, "s", &"x".repeat(n)), false, 0);
        }
        let mails = door.0.0.get(&number(&["care", "a@x"])).unwrap();
        assert_eq!(mails.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
