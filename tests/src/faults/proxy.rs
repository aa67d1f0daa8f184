use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use super::Chance;

/// The most that is passed on at once, in bytes.
const PIECE_MAX: usize = 16 * 1024;

/// What happens to a piece of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It goes on.
    Pass,
    /// It goes on later.
    Delay(Duration),
    /// It is lost, and with it all that follows: the connection stays open and says nothing more in this direction.
    HalfOpen,
    /// It is lost, and the connection is reset in both directions.
    Reset,
    /// The connection ends before it.
    Drop,
}

/// A way to a server on which pieces are delayed or lost and connections break, as `plan` decides for each piece.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
}

type Plan = Arc<Mutex<(Chance, fn(&mut Chance) -> Fault)>>;

impl Proxy {
    /// Listens on a free port and leads to `server`.
    pub async fn start(server: SocketAddr, chance: Chance, plan: fn(&mut Chance) -> Fault) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, mut stopped) = watch::channel(false);
        let plan = Arc::new(Mutex::new((chance, plan)));
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    _ = stopped.changed() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((client, _)) = accepted else { continue };
                tokio::spawn(connect(client, server, Arc::clone(&plan), stopped.clone()));
            }
        });
        Self { address, stop }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn connect(client: TcpStream, server: SocketAddr, plan: Plan, mut stopped: watch::Receiver<bool>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Small pieces are to go at once, and what is unsent is to be lost when the connection is reset.
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let forth = pass(from_client, to_server, &plan);
    let back = pass(from_server, to_client, &plan);
    let both = async {
        tokio::select! {
            end = forth => end,
            end = back => end,
        }
    };
    let end = tokio::select! {
        _ = stopped.changed() => return,
        end = both => end,
    };
    if let End::Reset(halves) = end {
        let (from, to) = *halves;
        reset(from.as_ref());
        reset(to.as_ref());
    }
}

/// How a direction ended; the connection ends with it.
enum End {
    Closed,
    Reset(Box<(OwnedReadHalf, OwnedWriteHalf)>),
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, plan: &Plan) -> End {
    let mut piece = vec![0; PIECE_MAX];
    let mut silent = false;
    loop {
        let Ok(length @ 1..) = from.read(&mut piece).await else { return End::Closed };
        if silent {
            continue;
        }
        let fault = {
            let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
            let decide = plan.1;
            decide(&mut plan.0)
        };
        match fault {
            Fault::Pass => {}
            Fault::Delay(time) => tokio::time::sleep(time).await,
            Fault::HalfOpen => {
                silent = true;
                continue;
            }
            Fault::Reset => return End::Reset(Box::new((from, to))),
            Fault::Drop => return End::Closed,
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return End::Closed;
        }
    }
}

/// The next close of the stream is a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
