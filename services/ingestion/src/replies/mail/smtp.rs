//! One mail to a mail server, in bounded time, and what came of it.
//!
//! Until the mail's last dot is on its way the server has nothing, whatever goes wrong. From then on only its answer says
//! whether it has the mail.

use std::{
    error::Error as _,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use domain::{
    delivery::{Failure, Rejection, Unclarity},
    ids::ReasonCode,
};
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Severity,
    },
};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::{
    codes::{Meaning, No, To},
    settings::{Server, Tls},
};
use crate::mail::kind;

/// What a server may say in one conversation, in bytes.
const HEARD_MAX: usize = 256 * 1024;
/// How long a goodbye may take. Nothing depends on it.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(2);
/// The answer to DATA.
const GO_ON: u16 = 354;
/// How we log in.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// What came of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// The server has it.
    Taken,
    /// It has it not, and may take it later.
    Later(Failure, Option<ReasonCode>),
    /// It will not take it.
    Never(Rejection, Option<ReasonCode>),
    /// It may have it, or not.
    Unclear(Unclarity),
}

/// Carries a mail to a server. One half of `time` is for all before the mail, the other for the mail and its answer.
pub(super) async fn carry(
    server: &Server,
    (from, to): (&Address, &Address),
    mail: &[u8],
    time: Duration,
) -> Carried {
    let (before, after) = (time / 2, time - time / 2);
    let mut connection = match timeout(before, prepare(server, from, to)).await {
        Err(_) => return Carried::Later(Failure::TimeoutBeforeAccept, None),
        Ok(Err(no)) => return no,
        Ok(Ok(connection)) => connection,
    };
    let carried = match timeout(after, connection.message(mail)).await {
        Err(_) => return Carried::Unclear(Unclarity::TimedOut),
        Ok(Ok(answer)) if answer.code().severity == Severity::PositiveCompletion => Carried::Taken,
        Ok(Ok(_)) => Carried::Unclear(Unclarity::AnswerUnreadable),
        Ok(Err(error)) => match no(&error) {
            Some(no) => said(&no, To::Content),
            None if error.is_timeout() => Carried::Unclear(Unclarity::TimedOut),
            // Cut off, or none of SMTP.
            None if error.is_response() => Carried::Unclear(Unclarity::AnswerUnreadable),
            None => Carried::Unclear(Unclarity::ConnectionDropped),
        },
    };
    let _ = timeout(GOODBYE_TIME_MAX, connection.quit()).await;
    carried
}

/// A connection on which the mail itself is next.
async fn prepare(server: &Server, from: &Address, to: &Address) -> Result<AsyncSmtpConnection, Carried> {
    let mut connection = connect(server, from).await?;
    if let Some((user, password)) = &server.login {
        let password = password.expose_secret().to_owned();
        let credentials = Credentials::new(user.clone(), password);
        connection.auth(&MECHANISMS, &credentials).await.map_err(|error| failed(&error, To::Us))?;
    }
    let mut parameters = Vec::new();
    if [from, to].iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Carried::Never(Rejection::Unsupported, None));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let mail = Mail::new(Some(from.clone()), parameters);
    connection.command(mail).await.map_err(|error| failed(&error, To::Sender))?;
    let recipient = Rcpt::new(to.clone(), Vec::new());
    connection.command(recipient).await.map_err(|error| failed(&error, To::Recipient))?;
    let answer = connection.command(Data).await.map_err(|error| failed(&error, To::Content))?;
    // What does not wait for the mail now would take it for commands.
    if answer.has_code(GO_ON) { Ok(connection) } else { Err(Carried::Later(Failure::Other, None)) }
}

async fn connect(server: &Server, from: &Address) -> Result<AsyncSmtpConnection, Carried> {
    let greeting = ClientId::Domain(from.domain().to_owned());
    let away = |error: Error| failed(&error, To::Us);
    let address = (server.host.as_str(), server.port);
    let tls = || TlsParameters::new(server.host.clone()).map_err(away);
    if server.tls == Tls::Always {
        let tls = Some(tls()?);
        return AsyncSmtpConnection::connect_tokio1(address, None, &greeting, tls, None).await.map_err(away);
    }
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|_| Carried::Later(Failure::NotConnected, None))?;
    let _ = stream.set_nodelay(true);
    let line = Box::new(Line { stream, left: HEARD_MAX });
    let mut connection = AsyncSmtpConnection::connect_with_transport(line, &greeting).await.map_err(away)?;
    if server.tls == Tls::Starttls {
        connection.starttls(tls()?, &greeting).await.map_err(away)?;
    }
    Ok(connection)
}

/// What a failure before the mail itself means: the server has nothing.
fn failed(error: &Error, to: To) -> Carried {
    if let Some(no) = no(error) {
        return said(&no, to);
    }
    if error.is_client() {
        // It offers no TLS, or no way to log in that we know: tomorrow it may again.
        tracing::warn!(%error, "a mail server does not offer what the account needs");
        return Carried::Later(Failure::Other, None);
    }
    Carried::Later(
        if error.is_timeout() { Failure::TimeoutBeforeAccept } else { Failure::NotConnected },
        None,
    )
}

fn said(no: &No, to: To) -> Carried {
    match no.meaning(to) {
        Meaning::Later(reason) => Carried::Later(reason, no.reason()),
        Meaning::Never(reason) => Carried::Never(reason, no.reason()),
    }
}

/// What the server said, if it said no.
fn no(error: &Error) -> Option<No> {
    let code = u16::from(error.status()?);
    // Its words may name somebody: only the code is read.
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let first = words.split_whitespace().next().unwrap_or_default();
    Some(No { code, status: kind::status(first).map(str::to_owned) })
}

/// A connection that is heard so much of and no more.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    left: usize,
}

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other("the mail server says too much")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
