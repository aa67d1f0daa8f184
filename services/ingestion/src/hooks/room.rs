//! What the bodies of calls may hold together, and how slowly they may come: whoever calls has proved nothing before his body is
//! read.
//!
//! A body takes room as it comes, not as it says. An account's bodies hold at most as much as is free beside them: one account has
//! half of the room, of two each a third, and whoever comes next finds some, however many calls are made at the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

/// Room for so many bytes. Clones are the same.
#[derive(Clone)]
pub(super) struct Room {
    bytes: usize,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// What a body takes of it, until this is dropped.
pub(super) struct Held {
    room: Room,
    account: String,
    bytes: usize,
}

/// How slowly a body may come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long it may take to begin, be silent, and be late.
    pub(super) grace: Duration,
    /// How many bytes come in a second, at the least, beside that.
    pub(super) bytes_per_s_min: u32,
    /// How long it may take.
    pub(super) time_max: Duration,
}

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// It is longer than one may be.
    Body,
    /// Whoever sent it broke it off.
    Broken,
    /// Others hold the room.
    Room,
    /// It comes too slowly.
    Slow,
}

impl Pace {
    /// Until when the next piece is to come, after so many bytes.
    fn due(&self, began: Instant, last: Instant, came: usize) -> Instant {
        let fair = Duration::from_secs(came as u64 / u64::from(self.bytes_per_s_min.max(1)));
        (began + self.grace.saturating_add(fair).min(self.time_max)).min(last + self.grace)
    }
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, held: Arc::default() }
    }

    /// Reads a body of at most `max` bytes for an account.
    pub(super) async fn read(
        &self,
        account: &str,
        body: Body,
        max: usize,
        pace: Pace,
    ) -> Result<(Bytes, Held), Full> {
        let mut stream = body.into_data_stream();
        let mut read = BytesMut::new();
        let mut held = Held { room: self.clone(), account: account.to_owned(), bytes: 0 };
        let began = Instant::now();
        let mut last = began;
        loop {
            let next = timeout_at(pace.due(began, last, read.len()), stream.next()).await;
            let Some(piece) = next.map_err(|_| Full::Slow)? else { return Ok((read.freeze(), held)) };
            let piece = piece.map_err(|_| Full::Broken)?;
            if piece.len() > max.saturating_sub(read.len()) {
                return Err(Full::Body);
            }
            held.more(piece.len())?;
            read.extend_from_slice(&piece);
            last = Instant::now();
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn more(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes == 0 {
            return Ok(());
        }
        let mut held = self.room.held();
        let free = self.room.bytes.saturating_sub(held.values().sum());
        let of = held.get(&self.account).copied().unwrap_or_default().saturating_add(bytes);
        // After it, at least as much is free as the account holds.
        if of > free.saturating_sub(bytes) {
            return Err(Full::Room);
        }
        held.insert(self.account.clone(), of);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.room.held();
        if let Some(of) = held.get_mut(&self.account) {
            *of = of.saturating_sub(self.bytes);
            if *of == 0 {
                held.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const PACE: Pace =
        Pace { grace: Duration::from_secs(10), bytes_per_s_min: 1_000, time_max: Duration::from_secs(30) };

    fn body(bytes: usize) -> Body {
        Body::from(vec![b'x'; bytes])
    }

    #[tokio::test]
    async fn bodies_hold_no_more_than_there_is_room_for() {
        let room = Room::new(200);
        let (first, held) = room.read("a", body(60), 80, PACE).await.unwrap();
        assert_eq!(first.len(), 60);
        assert_eq!(room.read("a", body(41), 80, PACE).await.map(drop), Err(Full::Room));
        assert_eq!(room.read("a", body(81), 80, PACE).await.map(drop), Err(Full::Body));
        // What was refused holds nothing.
        assert!(room.read("a", body(40), 80, PACE).await.is_ok());
        let parts = [Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))];
        let broken = Body::from_stream(stream::iter(parts));
        assert_eq!(room.read("a", broken, 80, PACE).await.map(drop), Err(Full::Broken));
        drop(held);
        assert!(room.read("a", body(80), 80, PACE).await.is_ok());
        assert!(room.read("a", Body::empty(), 0, PACE).await.unwrap().0.is_empty());
        assert!(room.held().is_empty());
    }

    #[tokio::test]
    async fn no_account_takes_the_room_of_all_others() {
        let room = Room::new(1_200);
        let mut held = Vec::new();
        let mut fill = async |account: String| {
            let mut bytes = 0;
            while let Ok((body, of)) = room.read(&account, body(10), 10, PACE).await {
                bytes += body.len();
                held.push(of);
            }
            bytes
        };
        // However many calls are made at each of them, there is some for the next.
        let filled = [fill("a".into()).await, fill("b".into()).await, fill("c".into()).await];
        assert_eq!(filled, [600, 300, 150]);
        held.clear();
        // Together, each has its share.
        for n in 0..1_000 {
            let account = ["a", "b", "c"][n % 3];
            held.extend(room.read(account, body(10), 10, PACE).await.ok().map(|(_, held)| held));
        }
        for account in ["a", "b", "c"] {
            let bytes = room.held()[account];
            assert!((280..=310).contains(&bytes), "{account}: {bytes}");
        }
    }

    /// What becomes of pieces that come one each `pause`, and after how long.
    async fn sent(
        piece: usize,
        pieces: usize,
        pause: Duration,
        ends: bool,
    ) -> (Result<usize, Full>, Duration) {
        let room = Room::new(1 << 30);
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(vec![b'x'; piece])
        });
        let body = match ends {
            true => Body::from_stream(pieces),
            false => Body::from_stream(pieces.chain(stream::pending())),
        };
        let began = Instant::now();
        let read = room.read("a", body, usize::MAX, PACE).await.map(|(body, _)| body.len());
        assert!(room.held().is_empty());
        (read, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_drops_is_cut_soon_and_one_that_stops_too() {
        let second = Duration::from_secs(1);
        let (drops, after) = sent(1, 1_000, second, true).await;
        assert_eq!(drops, Err(Full::Slow));
        assert!(after <= PACE.grace + second, "{after:?}");
        // All at once, and then nothing: what it holds, it does not hold for long.
        let (stops, after) = sent(20_000_000, 1, Duration::ZERO, false).await;
        assert_eq!((stops, after), (Err(Full::Slow), PACE.grace));
        // However it comes, not for ever.
        let (long, after) = sent(1_000, 1_000, second, true).await;
        assert_eq!((long, after), (Err(Full::Slow), PACE.time_max));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_over_a_slow_line_has_its_time() {
        let (read, after) = sent(1_000, 20, Duration::from_secs(1), true).await;
        assert_eq!((read, after), (Ok(20_000), Duration::from_secs(20)));
    }
}
