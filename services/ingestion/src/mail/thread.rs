//! Which thread a mail belongs to, in the order in which the evidence is worth believing.
//!
//! A signed token, then In-Reply-To, then References from the last to the first. A number in the subject is typed by
//! anybody, so it counts only where the sender takes part in what it names already: never by itself.

use super::{Mail, token};
use domain::ids::AccountId;

/// Numbers in a subject that are looked up.
const NUMBERS_MAX: usize = 4;
/// Digits of a number, at the least and at the most: a year or a price without its sign is shorter, a phone longer.
const DIGITS: std::ops::RangeInclusive<usize> = 1..=12;

/// Where the evidence stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A token in the address of a recipient.
    TokenInAddress,
    /// A token in a Message-ID that it answers or refers to.
    TokenInMessageId,
    /// A token in the text.
    TokenInText,
    /// In-Reply-To names a message that is known.
    InReplyTo,
    /// References name a message that is known.
    References,
    /// The subject has a number of something in which the sender takes part.
    SubjectNumber,
}

/// What a mail was matched with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match<T> {
    /// A token of ours.
    Token(token::What, Evidence),
    /// Something that the caller knows.
    Known(T, Evidence),
}

/// What the caller knows. Lookups MUST NOT answer for another account than the one the mail came to.
pub trait Known {
    /// What a mail can belong to.
    type Thread;

    /// The thread of the message with this Message-ID, which has no brackets.
    fn message(&self, message_id: &str) -> Option<Self::Thread>;

    /// What is known under this number: digits only.
    fn number(&self, number: &str) -> Option<Self::Thread>;

    /// Whether this address, in lower case, takes part in the thread already.
    fn takes_part(&self, thread: &Self::Thread, address: &str) -> bool;
}

/// What `mail`, which came to `account`, belongs to. `recipients` are those of the envelope, where they are known.
pub fn matched<K: Known>(
    mail: &Mail,
    recipients: &[String],
    secret: &token::Secret,
    account: &AccountId,
    known: &K,
) -> Option<Match<K::Thread>> {
    let read = |text: &str| token::read(secret, account, text);
    let written = mail.to.iter().chain(&mail.cc).filter_map(|mailbox| mailbox.address.as_deref());
    let addresses = recipients.iter().map(String::as_str).chain(written);
    if let Some(what) = addresses.into_iter().find_map(read) {
        return Some(Match::Token(what, Evidence::TokenInAddress));
    }
    let referred = || mail.in_reply_to.iter().chain(mail.references.iter().rev()).map(String::as_str);
    if let Some(what) = referred().find_map(read) {
        return Some(Match::Token(what, Evidence::TokenInMessageId));
    }
    if let Some(what) = read(&mail.text) {
        return Some(Match::Token(what, Evidence::TokenInText));
    }
    if let Some(thread) = mail.in_reply_to.iter().find_map(|id| known.message(id)) {
        return Some(Match::Known(thread, Evidence::InReplyTo));
    }
    if let Some(thread) = mail.references.iter().rev().find_map(|id| known.message(id)) {
        return Some(Match::Known(thread, Evidence::References));
    }
    let sender = mail.from.first()?.address.as_deref()?.to_lowercase();
    let numbers = numbers(mail.subject.as_deref()?);
    let mut threads = numbers.filter_map(|number| known.number(number));
    let thread = threads.find(|thread| known.takes_part(thread, &sender))?;
    Some(Match::Known(thread, Evidence::SubjectNumber))
}

/// The numbers that are marked as one: `#123`, `[#123]`.
fn numbers(subject: &str) -> impl Iterator<Item = &str> {
    let marked = subject.split('#').skip(1);
    let digits = marked.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        &rest[..end]
    });
    digits.filter(|digits| DIGITS.contains(&digits.len())).take(NUMBERS_MAX)
}

#[cfg(test)]
mod tests {
    use domain::ids::{CaseId, ConversationId};
    use uuid::Uuid;

    use super::super::parse::Mailbox;
    use super::*;

    /// Knows some messages and numbers; in the thread `n` takes part whoever is named with it.
    struct Book;

    impl Known for Book {
        type Thread = &'static str;

        fn message(&self, message_id: &str) -> Option<&'static str> {
            [("parent@x", "parent"), ("old@x", "old"), ("new@x", "new")]
                .into_iter()
                .find_map(|(id, thread)| (id == message_id).then_some(thread))
        }

        fn number(&self, number: &str) -> Option<&'static str> {
            [("7", "seven"), ("8", "eight")]
                .into_iter()
                .find_map(|(known, thread)| (known == number).then_some(thread))
        }

        fn takes_part(&self, thread: &&'static str, address: &str) -> bool {
            (*thread, address) == ("eight", "ada@example.org")
        }
    }

    fn secret() -> token::Secret {
        token::Secret::new(vec![1; token::SECRET_MIN]).unwrap()
    }

    fn account() -> AccountId {
        "care".parse().unwrap()
    }

    fn somebody(address: &str) -> Vec<Mailbox> {
        vec![Mailbox { name: None, address: Some(address.to_owned()) }]
    }

    fn strings(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn found(mail: &Mail) -> Option<Match<&'static str>> {
        matched(mail, &[], &secret(), &account(), &Book)
    }

    #[test]
    fn the_evidence_is_believed_in_its_order() {
        let case = token::What::Case(CaseId(Uuid::from_u128(1)));
        let talk = token::What::Conversation(ConversationId(Uuid::from_u128(2)));
        let body = token::What::Case(CaseId(Uuid::from_u128(3)));
        let sign = |what| token::sign(&secret(), &account(), what);
        let id = token::message_id(&sign(talk), Uuid::nil(), "brand.example");
        let mut mail = Mail {
            from: somebody("Ada@Example.org"),
            cc: somebody(&token::address("care@brand.example", &sign(case)).unwrap()),
            in_reply_to: strings(&["unknown@x", "parent@x"]),
            references: vec!["old@x".into(), id, "new@x".into(), "gone@x".into()],
            text: format!("Hello\n> [{}]", sign(body)),
            subject: Some("Re: [#7] about #8 and #9".to_owned()),
            ..Mail::default()
        };
        assert_eq!(found(&mail), Some(Match::Token(case, Evidence::TokenInAddress)));
        mail.cc.clear();
        assert_eq!(found(&mail), Some(Match::Token(talk, Evidence::TokenInMessageId)));
        mail.references.remove(1);
        assert_eq!(found(&mail), Some(Match::Token(body, Evidence::TokenInText)));
        mail.text.clear();
        assert_eq!(found(&mail), Some(Match::Known("parent", Evidence::InReplyTo)));
        mail.in_reply_to.pop();
        assert_eq!(found(&mail), Some(Match::Known("new", Evidence::References)));
        mail.references.clear();
        assert_eq!(found(&mail), Some(Match::Known("eight", Evidence::SubjectNumber)));
        let envelope = [token::address("care@brand.example", &sign(talk)).unwrap()];
        let by_envelope = matched(&mail, &envelope, &secret(), &account(), &Book);
        assert_eq!(by_envelope, Some(Match::Token(talk, Evidence::TokenInAddress)));
    }

    #[test]
    fn a_number_alone_opens_nothing() {
        let mut mail =
            Mail { from: somebody("eve@example.org"), subject: Some("[#8]".to_owned()), ..Mail::default() };
        assert_eq!(found(&mail), None, "a stranger");
        mail.from = somebody("ada@example.org");
        assert!(found(&mail).is_some());
        for subject in ["8", "No. 8", "#1234567890128", "#", "# 8"] {
            mail.subject = Some(subject.to_owned());
            assert_eq!(found(&mail), None, "{subject}");
        }
        mail.subject = Some("#8".to_owned());
        mail.from.clear();
        assert_eq!(found(&mail), None, "nobody");
    }

    #[test]
    fn a_token_for_another_account_says_nothing() {
        let what = token::What::Case(CaseId(Uuid::from_u128(1)));
        let other = token::sign(&secret(), &"sales".parse().unwrap(), what);
        let to = somebody(&token::address("care@brand.example", &other).unwrap());
        assert_eq!(found(&Mail { to, ..Mail::default() }), None);
    }
}
