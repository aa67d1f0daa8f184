//! Long mails are parsed beside the runtime, so that whoever else waits for an answer does not wait for them.

use std::sync::Arc;

use service::Error;
use tokio::sync::Semaphore;

use crate::mail::{self, Mail};

/// Long mails that are parsed at once: each is a copy of its bytes and what is made of them.
const AT_ONCE_MAX: usize = 4;
/// From so many bytes on a mail is long. A shorter one takes less than handing it over.
const LONG_FROM: usize = 64 << 10;

/// Parses mails.
pub(crate) struct Parsing(Arc<Semaphore>);

impl Parsing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE_MAX)))
    }

    /// The mail, or why it is none. A long one waits until there is room for it.
    pub(super) async fn parse(&self, bytes: &[u8]) -> Result<Result<Mail, mail::parse::Error>, Error> {
        if bytes.len() < LONG_FROM {
            return Ok(mail::parse(bytes));
        }
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|error| internal(&error))?;
        let bytes = bytes.to_vec();
        // Whoever waits for it may go away; the place is free when it is parsed.
        let parse = move || {
            let _permit = permit;
            mail::parse(&bytes)
        };
        tokio::task::spawn_blocking(parse).await.map_err(|error| internal(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    fn long() -> Vec<u8> {
        let head = "From: ana@example.org\r\nSubject: long\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
        let part =
            format!("--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n", "a long word \r\n".repeat(20_000));
        [head, &part.repeat(20), "--b--\r\n"].concat().into_bytes()
    }

    /// On one worker: parsed there, nothing else would have its turn before the mail is read.
    #[tokio::test(flavor = "current_thread")]
    async fn others_go_on_while_a_long_mail_is_parsed() {
        let (parsing, bytes) = (Parsing::new(), long());
        let mut parsed = pin!(parsing.parse(&bytes));
        let mut turns = 0_u64;
        let mail = loop {
            match poll!(&mut parsed) {
                std::task::Poll::Ready(mail) => break mail.unwrap().unwrap(),
                std::task::Poll::Pending => turns += 1,
            }
            tokio::task::yield_now().await;
        };
        assert!(turns > 0);
        assert_eq!(mail.headers.all("subject").count(), 1);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_so_many_are_parsed_at_once_and_short_ones_never_wait() {
        let (parsing, bytes) = (Parsing::new(), long());
        let held = parsing.0.acquire_many(u32::try_from(AT_ONCE_MAX).unwrap()).await.unwrap();
        let mut waiting = pin!(parsing.parse(&bytes));
        assert!(poll!(&mut waiting).is_pending());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(poll!(&mut waiting).is_pending());
        assert!(parsing.parse(b"From: ana@example.org\r\n\r\nshort\r\n").await.unwrap().is_ok());
        drop(held);
        assert!(waiting.await.unwrap().is_ok());
    }
}
