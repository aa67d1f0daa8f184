//! What the bodies of calls may hold together: whoever calls has proved nothing before his body is read.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for so many bytes.
pub(super) struct Room(Arc<Semaphore>);

/// What a body takes of it, until this is dropped.
pub(super) struct Held(
    #[expect(dead_code, reason = "it is held, and given back when it is dropped")]
    Option<OwnedSemaphorePermit>,
);

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// It is longer than one may be.
    Body,
    /// Whoever sent it broke it off.
    Broken,
    /// Others hold the room.
    Room,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a body of at most `max` bytes. It takes the room as it comes, not as it says.
    pub(super) async fn read(&self, body: Body, max: usize) -> Result<(Bytes, Held), Full> {
        let mut stream = body.into_data_stream();
        let mut read = BytesMut::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| Full::Broken)?;
            if piece.len() > max.saturating_sub(read.len()) {
                return Err(Full::Body);
            }
            let bytes = u32::try_from(piece.len()).map_err(|_| Full::Body)?;
            let permit = Arc::clone(&self.0).try_acquire_many_owned(bytes).map_err(|_| Full::Room)?;
            match &mut held {
                Some(held) => held.merge(permit),
                None => held = Some(permit),
            }
            read.extend_from_slice(&piece);
        }
        Ok((read.freeze(), Held(held)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_hold_no_more_than_there_is_room_for() {
        let room = Room::new(100);
        let body = |bytes: usize| Body::from(vec![b'x'; bytes]);
        let (first, held) = room.read(body(60), 80).await.unwrap();
        assert_eq!(first.len(), 60);
        assert_eq!(room.read(body(41), 80).await.map(drop), Err(Full::Room));
        assert_eq!(room.read(body(81), 80).await.map(drop), Err(Full::Body));
        // What was refused holds nothing.
        assert!(room.read(body(40), 80).await.is_ok());
        let parts = [Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))];
        let broken = Body::from_stream(futures_util::stream::iter(parts));
        assert_eq!(room.read(broken, 80).await.map(drop), Err(Full::Broken));
        drop(held);
        assert!(room.read(body(80), 80).await.is_ok());
        assert!(room.read(Body::empty(), 0).await.unwrap().0.is_empty());
    }
}
