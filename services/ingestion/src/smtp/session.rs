//! One conversation with a mail server, without its socket: what it says, and what it is answered (RFC 5321, RFC 2033).

use std::borrow::Cow;

use smtp_proto::{Error, Request};

/// Digits of a size (RFC 1870, 3).
const SIZE_DIGITS_MAX: usize = 20;
/// Recipients of one mail.
pub(super) const RECIPIENTS_MAX: usize = 100;
/// Commands that are wrong before the caller is hung up on.
const WRONG_MAX: u32 = 20;

/// Who takes mails for an address.
pub(super) trait Mailboxes {
    /// Whether an account of ours has this address, which may have a part after `+`.
    fn has(&self, address: &str) -> bool;
}

/// How far the conversation is.
#[derive(Debug)]
pub(super) struct Session {
    /// How we are called.
    host: String,
    /// The largest mail, in bytes.
    bytes_max: usize,
    greeting: Greeting,
    from: Option<String>,
    to: Vec<String>,
    wrong: u32,
}

/// How the other side said hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    None,
    Smtp,
    Lmtp,
}

/// Where a mail goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Who sends it; empty if nobody is to be told.
    pub(super) from: String,
    /// To whom; at least one.
    pub(super) to: Vec<String>,
    /// Whether the answer is one for each recipient (LMTP).
    pub(super) each: bool,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Say this.
    Reply(String),
    /// Say this, and read a mail.
    Data(String, Envelope),
    /// Say this, and hang up.
    End(String),
}

impl Session {
    pub(super) fn new(host: &str, bytes_max: usize) -> Self {
        let (from, to) = (None, Vec::new());
        Self { host: host.to_owned(), bytes_max, greeting: Greeting::None, from, to, wrong: 0 }
    }

    /// The first words.
    pub(super) fn hello(&self) -> String {
        format!("220 {} ready\r\n", self.host)
    }

    /// What a line means.
    pub(super) fn line(&mut self, line: &[u8], mailboxes: &dyn Mailboxes) -> Step {
        if !is_sized(line) {
            return self.wrong("501 5.5.4 SIZE is a number of at most 20 digits, and one that there can be");
        }
        match Request::parse(&mut line.iter()) {
            Ok(request) => self.request(request, mailboxes),
            Err(error) => {
                let reply = match error {
                    Error::InvalidSenderAddress => "501 5.1.7 this is no sender's address",
                    Error::InvalidRecipientAddress => "501 5.1.3 this is no recipient's address",
                    Error::UnsupportedParameter { .. } | Error::InvalidParameter { .. } => {
                        "555 5.5.4 a parameter is not known here"
                    }
                    Error::SyntaxError { .. } => "501 5.5.2 the command has another form",
                    Error::UnknownCommand
                    | Error::NeedsMoreData { .. }
                    | Error::ResponseTooLong
                    | Error::InvalidResponse { .. } => "500 5.5.1 this command is not known here",
                };
                self.wrong(reply)
            }
        }
    }

    fn request(&mut self, request: Request<Cow<'_, str>>, mailboxes: &dyn Mailboxes) -> Step {
        match request {
            Request::Ehlo { .. } => self.greeted(Greeting::Smtp),
            Request::Lhlo { .. } => self.greeted(Greeting::Lmtp),
            Request::Helo { .. } => {
                self.greeted(Greeting::Smtp);
                reply(&format!("250 {}", self.host))
            }
            Request::Mail { .. } if self.greeting == Greeting::None => {
                self.wrong("503 5.5.1 say EHLO or LHLO first")
            }
            Request::Mail { .. } if self.from.is_some() => {
                self.wrong("503 5.5.1 a mail is begun already; RSET ends it")
            }
            Request::Mail { from } if from.size > self.bytes_max => {
                reply(&format!("552 5.3.4 a mail has at most {} bytes here", self.bytes_max))
            }
            Request::Mail { from } => {
                self.from = Some(from.address.into_owned());
                reply("250 2.1.0 go on")
            }
            Request::Rcpt { .. } if self.from.is_none() => self.wrong("503 5.5.1 say MAIL first"),
            Request::Rcpt { .. } if self.to.len() >= RECIPIENTS_MAX => {
                reply("452 4.5.3 too many recipients; send the rest in another mail")
            }
            Request::Rcpt { to } if !mailboxes.has(&to.address) => self.wrong(
                "550 5.1.1 nobody takes mails for this address; see the `address` of the mail accounts",
            ),
            Request::Rcpt { to } => {
                let to = to.address.into_owned();
                if !self.to.contains(&to) {
                    self.to.push(to);
                }
                reply("250 2.1.5 go on")
            }
            Request::Data if self.to.is_empty() => self.wrong("503 5.5.1 say RCPT first"),
            Request::Data => {
                let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
                let each = self.greeting == Greeting::Lmtp;
                Step::Data("354 end with a line that is a dot\r\n".to_owned(), Envelope { from, to, each })
            }
            Request::Rset => {
                (self.from, self.to) = (None, Vec::new());
                reply("250 2.0.0 forgotten")
            }
            Request::Noop { .. } => reply("250 2.0.0 still here"),
            Request::Vrfy { .. } => reply("252 2.1.5 send it, and see"),
            Request::Help { .. } => reply("214 2.0.0 EHLO LHLO MAIL RCPT DATA RSET NOOP QUIT"),
            Request::Quit => Step::End("221 2.0.0 bye\r\n".to_owned()),
            Request::StartTls
            | Request::Auth { .. }
            | Request::Bdat { .. }
            | Request::Burl { .. }
            | Request::Expn { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. } => self.wrong("502 5.5.1 this is not offered here"),
        }
    }

    fn greeted(&mut self, greeting: Greeting) -> Step {
        (self.greeting, self.from, self.to) = (greeting, None, Vec::new());
        let lines = [&*self.host, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
        let mut text: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        text.push_str(&format!("250 SIZE {}\r\n", self.bytes_max));
        Step::Reply(text)
    }

    /// Whoever is wrong again and again is looking for something else than an inbox.
    fn wrong(&mut self, text: &str) -> Step {
        self.wrong += 1;
        if self.wrong >= WRONG_MAX {
            return Step::End("421 4.7.0 too many errors\r\n".to_owned());
        }
        reply(text)
    }
}

fn reply(text: &str) -> Step {
    Step::Reply(format!("{text}\r\n"))
}

/// Whether the size that a mail says to have, if it does, is one (RFC 1870, 3): a longer number would be read as another.
fn is_sized(line: &[u8]) -> bool {
    let is_mail = line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"MAIL"));
    let parameters = line.rsplit(|byte| *byte == b'>').next().filter(|_| is_mail).unwrap_or_default();
    parameters.split(u8::is_ascii_whitespace).all(|parameter| match parameter.split_at_checked(5) {
        Some((name, digits)) if name.eq_ignore_ascii_case(b"SIZE=") => {
            digits.len() <= SIZE_DIGITS_MAX
                && std::str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u64>().is_ok())
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ours;

    impl Mailboxes for Ours {
        fn has(&self, address: &str) -> bool {
            address.ends_with("@brand.example")
        }
    }

    fn said(lines: &[&str]) -> Vec<Step> {
        let mut session = Session::new("mx.test", 1_000);
        lines.iter().map(|line| session.line(format!("{line}\r\n").as_bytes(), &Ours)).collect()
    }

    fn code(step: &Step) -> &str {
        match step {
            Step::Reply(text) | Step::Data(text, _) | Step::End(text) => &text[..3],
        }
    }

    fn codes(lines: &[&str]) -> Vec<String> {
        said(lines).iter().map(|step| code(step).to_owned()).collect()
    }

    #[test]
    fn a_mail_is_begun_addressed_and_read() {
        let steps = said(&[
            "EHLO mta.example",
            "MAIL FROM:<ana@example.org> SIZE=900 BODY=8BITMIME",
            "RCPT TO:<care+abc@brand.example>",
            "RCPT TO:<care+abc@brand.example>",
            "DATA",
        ]);
        let envelope = Envelope {
            from: "ana@example.org".into(),
            to: vec!["care+abc@brand.example".into()],
            each: false,
        };
        assert_eq!(steps[4], Step::Data("354 end with a line that is a dot\r\n".into(), envelope));
        assert!(matches!(&steps[0], Step::Reply(text) if text.ends_with("250 SIZE 1000\r\n")));
    }

    #[test]
    fn every_order_has_its_answer() {
        assert_eq!(codes(&["MAIL FROM:<>"]), ["503"], "nobody said hello");
        assert_eq!(codes(&["LHLO a", "RCPT TO:<care@brand.example>"]), ["250", "503"]);
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<>", "DATA"]), ["250", "250", "503"]);
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<>", "MAIL FROM:<>"]), ["250", "250", "503"]);
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<> SIZE=1001"]), ["250", "552"]);
        for size in ["100000000000000000000900", "18446744073709551616", "9x", "-1"] {
            let line = format!("mail from:<a@example.org> BODY=8BITMIME size={size}");
            assert_eq!(codes(&["EHLO a", &line]), ["250", "501"], "{size}");
        }
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<a@example.org> SIZE=900000000000000000"]), ["250", "552"]);
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<>", "RCPT TO:<x@else.example>"]), ["250", "250", "550"]);
        assert_eq!(codes(&["EHLO a", "MAIL FROM:<>", "RSET", "DATA"]), ["250", "250", "250", "503"]);
        assert_eq!(codes(&["HELO a", "NOOP", "VRFY x", "HELP", "QUIT"]), ["250", "250", "252", "214", "221"]);
        assert_eq!(codes(&["STARTTLS", "FOO", "MAIL TO:<a>"]), ["502", "500", "501"]);
    }

    #[test]
    fn whoever_is_wrong_again_and_again_is_hung_up_on() {
        let steps = said(&vec!["FOO"; WRONG_MAX as usize]);
        assert!(matches!(steps.last(), Some(Step::End(text)) if text.starts_with("421")));
        assert!(steps[..steps.len() - 1].iter().all(|step| code(step) == "500"));
    }

    #[test]
    fn there_is_a_limit_to_recipients() {
        let mut lines = vec!["EHLO a".to_owned(), "MAIL FROM:<>".to_owned()];
        lines.extend((0..=RECIPIENTS_MAX).map(|n| format!("RCPT TO:<{n}@brand.example>")));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(codes(&lines).last().unwrap(), "452");
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_an_answer(line: Vec<u8>) {
            let mut session = Session::new("mx.test", 1_000);
            session.greeting = Greeting::Smtp;
            let step = session.line(&[&line[..], b"\r\n"].concat(), &Ours);
            proptest::prop_assert!(code(&step).parse::<u16>().is_ok());
        }
    }
}
