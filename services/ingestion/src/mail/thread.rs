//! Which thread a mail belongs to, in the order in which the evidence is worth believing.
//!
//! A signed token, then In-Reply-To, then References from the last to the first. A number in the subject is typed by
//! anybody and is no evidence.

use super::{Mail, token};
use domain::ids::AccountId;

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
    let thread = mail.references.iter().rev().find_map(|id| known.message(id))?;
    Some(Match::Known(thread, Evidence::References))
}

#[cfg(test)]
mod tests {
    use domain::ids::ConversationId;
    use uuid::Uuid;

    use super::super::parse::Mailbox;
    use super::*;

    /// Knows some messages.
    struct Book;

    impl Known for Book {
        type Thread = &'static str;

        fn message(&self, message_id: &str) -> Option<&'static str> {
            [("parent@x", "parent"), ("old@x", "old"), ("new@x", "new")]
                .into_iter()
                .find_map(|(id, thread)| (id == message_id).then_some(thread))
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
        let address = token::What::Conversation(ConversationId(Uuid::from_u128(1)));
        let talk = token::What::Conversation(ConversationId(Uuid::from_u128(2)));
        let body = token::What::Conversation(ConversationId(Uuid::from_u128(3)));
        let sign = |what| token::sign(&secret(), &account(), what);
        let id = token::message_id(&sign(talk), Uuid::nil(), "brand.example");
        let mut mail = Mail {
            from: somebody("Ada@Example.org"),
            cc: somebody(&token::address("care@brand.example", &sign(address)).unwrap()),
            in_reply_to: strings(&["unknown@x", "parent@x"]),
            references: vec!["old@x".into(), id, "new@x".into(), "gone@x".into()],
            text: format!("Hello\n> [{}]", sign(body)),
            subject: Some("Re: [#7] about #8 and #9".to_owned()),
            ..Mail::default()
        };
        assert_eq!(found(&mail), Some(Match::Token(address, Evidence::TokenInAddress)));
        mail.cc.clear();
        assert_eq!(found(&mail), Some(Match::Token(talk, Evidence::TokenInMessageId)));
        mail.references.remove(1);
        assert_eq!(found(&mail), Some(Match::Token(body, Evidence::TokenInText)));
        mail.text.clear();
        assert_eq!(found(&mail), Some(Match::Known("parent", Evidence::InReplyTo)));
        mail.in_reply_to.pop();
        assert_eq!(found(&mail), Some(Match::Known("new", Evidence::References)));
        mail.references.clear();
        assert_eq!(found(&mail), None, "a number in the subject is typed by anybody");
        let envelope = [token::address("care@brand.example", &sign(talk)).unwrap()];
        let by_envelope = matched(&mail, &envelope, &secret(), &account(), &Book);
        assert_eq!(by_envelope, Some(Match::Token(talk, Evidence::TokenInAddress)));
    }

    #[test]
    fn a_token_for_another_account_says_nothing() {
        let what = token::What::Conversation(ConversationId(Uuid::from_u128(1)));
        let other = token::sign(&secret(), &"sales".parse().unwrap(), what);
        let to = somebody(&token::address("care@brand.example", &other).unwrap());
        assert_eq!(found(&Mail { to, ..Mail::default() }), None);
    }
}
