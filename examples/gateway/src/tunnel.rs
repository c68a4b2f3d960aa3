//! Connections of which a WebSocket has become.

use std::future::pending;
use std::io;
use std::time::Duration;

use dwell_axum::dwell_tower::open::{CloseReason, Lifeline};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::time::timeout;

/// The close code of a WebSocket whose session has ended, as in `dwell-axum`.
const SESSION_OVER: u16 = 4401;

/// How long a slow client may take to read the close frame.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Copies both ways until one side ends, or the session.
pub(crate) fn tunnel(client: OnUpgrade, service: OnUpgrade, lifeline: Option<Lifeline>) {
    tokio::spawn(async move {
        let Ok((client, service)) = tokio::try_join!(client, service) else {
            return;
        };
        let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
        let (mut from_service, mut to_service) = tokio::io::split(TokioIo::new(service));
        let mut frames = Frames::default();
        let up = async {
            let copied = copy(&mut from_client, &mut to_service).await;
            copied.and(to_service.shutdown().await)
        };
        let down = async {
            let copied = copy_frames(&mut from_service, &mut to_client, &mut frames).await;
            copied.and(to_client.shutdown().await)
        };
        let closed = async {
            match lifeline {
                Some(mut lifeline) => lifeline.closed().await,
                None => pending().await,
            }
        };
        let reason = tokio::select! {
            biased;
            reason = closed => reason,
            _ = async { tokio::try_join!(up, down) } => return,
        };
        if frames.is_between() {
            let last_words = async {
                to_client.write_all(&close_frame(reason)).await?;
                to_client.shutdown().await
            };
            // The connection is dropped anyway.
            let _ = timeout(LAST_WORDS, last_words).await;
        }
    });
}

async fn copy_frames(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    frames: &mut Frames,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let read = from.read(&mut buffer).await?;
        let mut rest = buffer.get(..read).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while !rest.is_empty() {
            // Each write counts at once, since the end may come before the next.
            let written = to.write(rest).await?;
            let (gone, left) = rest.split_at(written);
            frames.pass(gone);
            rest = left;
        }
        to.flush().await?;
    }
}

fn close_frame(reason: CloseReason) -> Vec<u8> {
    let reason = reason.as_str().as_bytes();
    // A frame of a server is not masked, and a short one has its length in one byte.
    let length = u8::try_from(reason.len() + 2).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend(SESSION_OVER.to_be_bytes());
    frame.extend(reason);
    frame
}

/// Where in the WebSocket frames of a service (RFC 6455 §5.2) a connection is: a close
/// frame fits in only between two.
#[derive(Debug, Default)]
struct Frames {
    /// What has come of a frame's head.
    head: Vec<u8>,
    /// What is left of its payload.
    payload: u64,
}

impl Frames {
    fn is_between(&self) -> bool {
        self.head.is_empty() && self.payload == 0
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let taken = self.payload.min(length);
                self.payload -= taken;
                let taken = usize::try_from(taken).unwrap_or(bytes.len());
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some(payload) = length_of(&self.head) {
                self.payload = payload;
                self.head.clear();
            }
        }
    }
}

/// Returns the length of the payload that follows a frame's head, if the head is whole.
fn length_of(head: &[u8]) -> Option<u64> {
    let (&second, rest) = head.get(1..)?.split_first()?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, bytes) = match second & 0x7f {
        126 => (rest.get(..2).map(number), 2),
        127 => (rest.get(..8).map(number), 8),
        short => (Some(u64::from(short)), 0),
    };
    length.filter(|_| rest.len() == bytes + mask)
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_between_frames_is_known() {
        let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        let huge = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65_536]].concat();
        let masked = vec![0x81, 0x82, 1, 2, 3, 4, 9, 9];
        let all = [vec![0x81, 2, b'h', b'i'], vec![0x89, 0], long, huge, masked].concat();
        let ends = [4, 6, 266, 65_812, 65_820];
        for step in [1, 2, 3, 5, 7, 4_096] {
            let mut frames = Frames::default();
            let mut at = 0;
            for part in all.chunks(step) {
                frames.pass(part);
                at += part.len();
                assert_eq!(frames.is_between(), ends.contains(&at), "{at}, {step}");
            }
        }
    }
}
