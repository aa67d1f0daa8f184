//! What a mail server's no means (RFC 5321, 4.2; RFC 3463).

use domain::{
    delivery::{Failure, Rejection},
    ids::ReasonCode,
};

/// To what it said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// That we are there, or who we say we are.
    Us,
    /// The sender.
    Sender,
    /// The recipient.
    Recipient,
    /// The mail.
    Content,
}

/// A no: the reply code, and the status code if it says one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct No {
    pub(super) code: u16,
    pub(super) status: Option<String>,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Later(Failure),
    Never(Rejection),
}

impl No {
    pub(super) fn meaning(&self, to: To) -> Meaning {
        if self.code < 500 { Meaning::Later(self.failure(to)) } else { Meaning::Never(self.rejection(to)) }
    }

    /// As events have it: `5-1-1`, else `550`.
    pub(super) fn reason(&self) -> Option<ReasonCode> {
        reason(self.status.as_deref()).or_else(|| ReasonCode::new(&self.code.to_string()).ok())
    }

    fn failure(&self, to: To) -> Failure {
        match (self.code, self.subject()) {
            (421, _) => Failure::Unavailable,
            (_, Some((2, 1 | 2))) => Failure::RecipientUnavailable,
            (452, None | Some((5, _))) if to == To::Recipient => Failure::RecipientUnavailable,
            (_, Some((3 | 4, _))) => Failure::Unavailable,
            (450 | 451, _) if matches!(to, To::Recipient | To::Content) => Failure::Greylisted,
            _ => Failure::Unavailable,
        }
    }

    fn rejection(&self, to: To) -> Rejection {
        let of_policy = match to {
            To::Us | To::Sender | To::Recipient => Rejection::Forbidden,
            To::Content => Rejection::ContentRefused,
        };
        match (self.code, self.subject()) {
            (530 | 534 | 535 | 538, _) | (_, Some((7, 8 | 9))) => Rejection::Authentication,
            (_, Some((7, _))) => of_policy,
            (_, Some(subject)) => rejection(subject),
            (500..=504, _) => Rejection::Malformed,
            (550 | 551 | 553 | 556, _) if to == To::Recipient => Rejection::InvalidRecipient,
            (552, _) if to == To::Content => Rejection::TooLong,
            (555, _) => Rejection::Unsupported,
            (550..=554, _) if to != To::Recipient => of_policy,
            _ => Rejection::Other,
        }
    }

    /// The last two numbers of the status, if it is of the class of the reply.
    fn subject(&self) -> Option<(u16, u16)> {
        let (class, subject, detail) = numbers(self.status.as_deref()?, '.')?;
        (class == self.code / 100).then_some((subject, detail))
    }
}

/// A status code as events have it: `5-1-1`.
pub(crate) fn reason(status: Option<&str>) -> Option<ReasonCode> {
    ReasonCode::new(&status?.replace('.', "-")).ok()
}

/// Why a mail came back, by the code that a report of it left in the log: `5-1-1` or `550`.
pub(in crate::replies) fn returned(code: Option<&ReasonCode>) -> Rejection {
    let Some(code) = code else { return Rejection::Other };
    match (numbers(code.as_str(), '-'), code.as_str().parse()) {
        (Some((5, 7, _)), _) => Rejection::ContentRefused,
        (Some((5, subject, detail)), _) => rejection((subject, detail)),
        (None, Ok(code)) => No { code, status: None }.rejection(To::Recipient),
        // It was tried for as long as servers try.
        (Some(_), _) | (None, Err(_)) => Rejection::Other,
    }
}

/// What the last two numbers of a status say that is not of policy.
const fn rejection(subject: (u16, u16)) -> Rejection {
    match subject {
        // Our own address is the wrong one.
        (1, 7 | 8) => Rejection::Forbidden,
        (1, _) | (2, 1) => Rejection::InvalidRecipient,
        (2, 3) | (3, 4) => Rejection::TooLong,
        (5, _) => Rejection::Malformed,
        (6, 1 | 7) => Rejection::Unsupported,
        (6, _) => Rejection::ContentRefused,
        _ => Rejection::Other,
    }
}

fn numbers(status: &str, between: char) -> Option<(u16, u16, u16)> {
    let mut numbers = status.split(between).map(str::parse);
    let three = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(code: u16, status: &str) -> No {
        No { code, status: Some(status.to_owned()).filter(|status| !status.is_empty()) }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for (code, status, to, expected) in [
            (421, "4.7.0", To::Us, Failure::Unavailable),
            (450, "", To::Recipient, Failure::Greylisted),
            (451, "4.7.1", To::Recipient, Failure::Greylisted),
            (451, "4.7.1", To::Content, Failure::Greylisted),
            (451, "4.3.0", To::Recipient, Failure::Unavailable),
            (451, "", To::Sender, Failure::Unavailable),
            (450, "4.2.1", To::Recipient, Failure::RecipientUnavailable),
            (452, "4.2.2", To::Recipient, Failure::RecipientUnavailable),
            (452, "", To::Recipient, Failure::RecipientUnavailable),
            (452, "4.3.1", To::Sender, Failure::Unavailable),
            (454, "4.7.0", To::Us, Failure::Unavailable),
        ] {
            assert_eq!(no(code, status).meaning(to), Meaning::Later(expected), "{code} {status} {to:?}");
        }
        for (code, status, to, expected) in [
            (550, "5.1.1", To::Recipient, Rejection::InvalidRecipient),
            (550, "", To::Recipient, Rejection::InvalidRecipient),
            (553, "", To::Recipient, Rejection::InvalidRecipient),
            (550, "5.7.1", To::Recipient, Rejection::Forbidden),
            (550, "", To::Sender, Rejection::Forbidden),
            (550, "5.1.8", To::Sender, Rejection::Forbidden),
            (554, "", To::Us, Rejection::Forbidden),
            (535, "5.7.8", To::Us, Rejection::Authentication),
            (530, "5.7.0", To::Sender, Rejection::Authentication),
            (552, "5.3.4", To::Content, Rejection::TooLong),
            (552, "", To::Content, Rejection::TooLong),
            (552, "5.2.2", To::Recipient, Rejection::Other),
            (554, "5.7.1", To::Content, Rejection::ContentRefused),
            (554, "", To::Content, Rejection::ContentRefused),
            (501, "", To::Recipient, Rejection::Malformed),
            (555, "5.5.4", To::Recipient, Rejection::Malformed),
            // A status of another class says nothing.
            (550, "4.1.1", To::Content, Rejection::ContentRefused),
        ] {
            assert_eq!(no(code, status).meaning(to), Meaning::Never(expected), "{code} {status} {to:?}");
        }
    }

    #[test]
    fn a_code_in_the_log_says_why_a_mail_came_back() {
        for (status, expected) in [
            ("5.1.1", Rejection::InvalidRecipient),
            ("5.7.1", Rejection::ContentRefused),
            ("5.2.2", Rejection::Other),
            ("4.4.7", Rejection::Other),
            ("5.3.4", Rejection::TooLong),
        ] {
            assert_eq!(returned(reason(Some(status)).as_ref()), expected, "{status}");
        }
        let known = |code| returned(ReasonCode::new(code).ok().as_ref());
        assert_eq!(known("550"), Rejection::InvalidRecipient);
        assert_eq!(known("7"), Rejection::Other);
        assert_eq!(known("hard-bounce"), Rejection::Other);
        assert_eq!(returned(None), Rejection::Other);
    }
}
