//! Mails in, by SMTP or LMTP: from the mail server in front of us, which knows TLS, spam and the rest of the world.
//!
//! A mail is answered `250` when it is in the log. What cannot be kept now is answered `4xx` and comes again; what never can, `5xx`
//! with the reason, which the mail server tells its sender. The same mail again is harmless.
//!
//! What is absent: TLS, authentication, relaying. The port belongs on the loopback or on a network of one's own.

mod ending;
mod session;

use std::{sync::Arc, time::Duration};

use service::peers::Peers;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Ingestion,
    intake::limits::RAW_MAX,
    postbox::{self, No},
    take::Taken,
};
use ending::Ending;
use session::{Envelope, Mailboxes, Session, Step};

/// The longest line of a command, in bytes.
const LINE_MAX: u64 = 4_096;
/// How many conversations there may be at once.
const CONNECTIONS_MAX: usize = 256;
/// How long it may take to tell somebody that he is one too many.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);
/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bounds of the mail port.
#[derive(Clone, Debug)]
pub struct Config {
    /// How we are called.
    pub host: String,
    /// The largest mail, in bytes.
    pub bytes_max: usize,
    /// How many conversations there may be at once.
    pub connections_max: usize,
    /// How many of them with one address; one more is told 421 and hung up on. See [`service::peers::share`].
    pub connections_of_address_max: usize,
    /// How many mails may be read at once.
    pub mails_max: usize,
    /// How long a command may take to come.
    pub command_time_max: Duration,
    /// How long a mail waits until it may be read; then it is to come again.
    pub wait_max: Duration,
    /// How long a mail may take to come.
    pub data_time_max: Duration,
    /// How long it may take to begin, and be late.
    pub data_grace: Duration,
    /// How many bytes of it come in a second, at the least, beside that: a place is held by nobody who sends drops.
    pub bytes_per_s_min: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "dossier".to_owned(),
            bytes_max: RAW_MAX,
            connections_max: CONNECTIONS_MAX,
            connections_of_address_max: service::peers::share(CONNECTIONS_MAX),
            mails_max: 16,
            command_time_max: Duration::from_secs(300),
            wait_max: Duration::from_secs(10),
            data_time_max: Duration::from_secs(600),
            data_grace: Duration::from_secs(30),
            bytes_per_s_min: 16 << 10,
        }
    }
}

/// Takes mails on `listener` until `stop`.
pub async fn serve(ingestion: Ingestion, config: Config, listener: TcpListener, stop: CancellationToken) {
    let door = Arc::new(Door {
        mails: Semaphore::new(config.mails_max),
        connections: Arc::new(Semaphore::new(config.connections_max)),
        peers: Peers::new(config.connections_of_address_max),
        ingestion,
        config,
    });
    let cut = stop.child_token();
    stop.run_until_cancelled(async {
        loop {
            let Ok(permit) = Arc::clone(&door.connections).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (door, cut) = (Arc::clone(&door), cut.clone());
                    let seat = door.peers.seat(peer.ip());
                    tokio::spawn(async move {
                        let _permit = permit;
                        let talking = async {
                            match seat {
                                Some(_seat) => door.talk(stream).await,
                                None => too_many(stream).await,
                            }
                        };
                        if let Some(Err(error)) = cut.run_until_cancelled(talking).await {
                            tracing::debug!(%error, "a mail server hung up");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
    .await;
}

struct Door {
    ingestion: Ingestion,
    config: Config,
    connections: Arc<Semaphore>,
    peers: Peers,
    mails: Semaphore,
}

impl Mailboxes for Door {
    fn has(&self, address: &str) -> bool {
        self.ingestion.0.accounts.mailbox(address).is_some()
    }
}

/// Says that this address has as many conversations as it may. A mail server comes again by itself.
async fn too_many(mut stream: TcpStream) -> std::io::Result<()> {
    let text = b"421 4.7.0 too many connections from this address; end one, or come again later\r\n";
    timeout(FAREWELL_TIME_MAX, stream.write_all(text)).await.unwrap_or(Ok(()))
}

/// The two halves of a conversation.
struct Line {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

impl Door {
    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let _ = stream.set_nodelay(true);
        let (from, to) = stream.into_split();
        let mut line = Line { from: BufReader::new(from), to };
        let mut session = Session::new(&self.config.host, self.config.bytes_max);
        line.say(&session.hello()).await?;
        let mut command = Vec::new();
        loop {
            command.clear();
            let read = timeout(self.config.command_time_max, line.read(&mut command)).await;
            let Ok(read) = read else { return line.say("421 4.4.2 too slow\r\n").await };
            if read? == 0 {
                return Ok(());
            }
            if !command.ends_with(b"\n") {
                return line.say("500 5.5.6 the line is too long\r\n").await;
            }
            match session.line(&command, self) {
                Step::Reply(text) => line.say(&text).await?,
                Step::End(text) => return line.say(&text).await,
                Step::Data(text, envelope) => {
                    // As many mails at once as may be held; the others wait before they are read.
                    let Ok(_permit) = timeout(self.config.wait_max, self.mails.acquire()).await else {
                        line.say("451 4.3.2 too many mails at once; send it again\r\n").await?;
                        continue;
                    };
                    line.say(&text).await?;
                    let answer = match data(&self.config, &mut line.from).await? {
                        Data::Mail(mail) => self.take(&envelope, &mail).await,
                        Data::TooLong => {
                            let max = self.config.bytes_max;
                            let answer = format!("552 5.3.4 a mail has at most {max} bytes here\r\n");
                            answer.repeat(if envelope.each { envelope.to.len() } else { 1 })
                        }
                        Data::TooSlow => return line.say("421 4.4.2 too slow\r\n").await,
                    };
                    line.say(&answer).await?;
                }
            }
        }
    }

    /// The answer to a mail: one, or one for each recipient.
    async fn take(&self, envelope: &Envelope, mail: &[u8]) -> String {
        let mut answers = Vec::with_capacity(envelope.to.len());
        for to in &envelope.to {
            answers.push(self.take_for(&envelope.from, to, mail).await);
        }
        if envelope.each {
            return answers.iter().map(|answer| format!("{answer}\r\n")).collect();
        }
        // What is to come again comes again for all of them, and is harmless for those that have it.
        let worst = answers.iter().max_by_key(|answer| match answer.as_bytes().first() {
            Some(b'4') => 2,
            Some(b'5') => 1,
            _ => 0,
        });
        worst.map(|answer| format!("{answer}\r\n")).unwrap_or_default()
    }
}

impl Door {
    /// The answer for one recipient, without the end of the line.
    async fn take_for(&self, from: &str, to: &str, mail: &[u8]) -> String {
        let Some((policy_version, account)) = self.ingestion.0.accounts.mailbox(to) else {
            return "550 5.1.1 nobody takes mails for this address any more".to_owned();
        };
        match postbox::take(&self.ingestion, (account, policy_version), (from, Some(to)), mail).await {
            Ok(Taken::Accepted(_) | Taken::Edited(_)) => "250 2.0.0 kept".to_owned(),
            Ok(Taken::Duplicate(_)) => "250 2.0.0 it was here already".to_owned(),
            Ok(Taken::Rejected(rejection)) => format!("554 5.6.0 {} {}", rejection.field, rejection.reason),
            Err(No::Never(code, reason)) => format!("{code} {reason}"),
            Err(No::Later(error)) => {
                tracing::warn!(%error, "a mail is not kept");
                "451 4.3.0 it could not be kept; send it again".to_owned()
            }
        }
    }
}

/// What came after DATA.
#[derive(Debug, PartialEq, Eq)]
enum Data {
    Mail(Vec<u8>),
    /// It was read to its end and forgotten.
    TooLong,
    TooSlow,
}

/// A mail up to its last dot.
async fn data(config: &Config, from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Data> {
    let (began, mut came) = (Instant::now(), 0_u64);
    let mut ending = Ending::new();
    let (mut mail, mut too_long) = (Vec::new(), false);
    loop {
        let due = config
            .data_grace
            .saturating_add(Duration::from_secs(came / u64::from(config.bytes_per_s_min.max(1))));
        let Ok(bytes) = timeout_at(began + due.min(config.data_time_max), from.fill_buf()).await else {
            return Ok(Data::TooSlow);
        };
        let bytes = bytes?;
        if bytes.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (used, done) = ending.take(bytes, &mut mail);
        from.consume(used);
        came += used as u64;
        if mail.len() > config.bytes_max {
            too_long = true;
            mail.clear();
        }
        if done {
            return Ok(if too_long { Data::TooLong } else { Data::Mail(mail) });
        }
    }
}

impl Line {
    /// A line, or as much of it as a line may have.
    async fn read(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize> {
        (&mut self.from).take(LINE_MAX).read_until(b'\n', line).await
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.to.write_all(text.as_bytes()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of pieces that come one each `pause`.
    async fn sent(config: &Config, pieces: &[&[u8]], pause: Duration) -> Data {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                tokio::time::sleep(pause).await;
                if theirs.write_all(&piece).await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        });
        let data = data(config, &mut BufReader::new(ours)).await.unwrap();
        sending.abort();
        data
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_in_drops_holds_its_place_no_longer_than_the_grace() {
        let config = Config::default();
        let began = Instant::now();
        let drops = vec![b"x".as_slice(); 1_000];
        assert_eq!(sent(&config, &drops, Duration::from_secs(1)).await, Data::TooSlow);
        assert!(began.elapsed() < config.data_grace + Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_mail_over_a_slow_line_has_its_time() {
        let config = Config::default();
        let began = Instant::now();
        let piece = vec![b'x'; 20 << 10];
        let mut pieces = vec![&piece[..]; 100];
        pieces.push(b"\r\n.\r\n");
        let sent = sent(&config, &pieces, Duration::from_secs(1)).await;
        assert!(matches!(sent, Data::Mail(mail) if mail.len() >= 100 * piece.len()));
        assert!(began.elapsed() > config.data_grace);
    }
}
