//! The clients' side of event streams: opens many, and sees when each ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use dwell_bench::stats::percentile;
use dwell_bench::traffic::{Kind, bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many connections are opened at a time: less than a server lets wait.
const AT_A_TIME: usize = 128;

/// How many microseconds the store's clock may be ahead of ours: it is read in
/// ticks, and keeps the largest distance that it has seen.
const TICK: u64 = 50_000;

/// How the chunked body of an answer ends.
const LAST_CHUNK: &str = "0\r\n\r\n";

/// Streams that are open, each of which gives the microsecond of its end.
pub struct Streams(JoinSet<Result<u64, String>>);

impl Streams {
    /// Opens so many and waits until each is there.
    pub async fn open(
        server: SocketAddr,
        path: &str,
        cookies: &[String],
        count: usize,
    ) -> Result<Self, String> {
        let mut streams = JoinSet::new();
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        for cookie in cookies.iter().cycle().take(count) {
            let place = Arc::clone(&places).acquire_owned().await;
            let place = place.map_err(|e| e.to_string())?;
            let request = bytes(path, Some(cookie), Kind::BROWSER);
            streams.spawn(async move {
                let mut stream = Stream::open(server, &request).await?;
                drop(place);
                stream.read_to_end().await
            });
            // One that has ended already has failed.
            still_open(&mut streams)?;
        }
        let all = u32::try_from(AT_A_TIME).unwrap_or(u32::MAX);
        let all = places.acquire_many(all).await;
        all.map_err(|e| e.to_string())?.forget();
        still_open(&mut streams)?;
        Ok(Self(streams))
    }

    /// Waits until all have ended: the milliseconds after `until`, a
    /// microsecond, by which half had, and all.
    pub async fn ended(mut self, until: u64) -> Result<[f64; 2], String> {
        let mut late = Vec::with_capacity(self.0.len());
        while let Some(ended) = self.0.join_next().await {
            let ended = ended.map_err(|e| e.to_string())??;
            if ended + TICK < until {
                return Err(format!("a stream ended {} µs too soon", until - ended));
            }
            late.push(ended.saturating_sub(until));
        }
        late.sort_unstable();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        Ok([500, 1_000].map(|per_mille| percentile(&late, per_mille) as f64 / 1e3))
    }
}

fn still_open(streams: &mut JoinSet<Result<u64, String>>) -> Result<(), String> {
    match streams.try_join_next() {
        Some(ended) => Err(format!("a stream did not stay open: {ended:?}")),
        None => Ok(()),
    }
}

struct Stream {
    socket: TcpStream,
    text: String,
}

impl Stream {
    /// Opens one and waits for its first event.
    async fn open(server: SocketAddr, request: &[u8]) -> Result<Self, String> {
        let socket = TcpStream::connect(server).await;
        let socket = socket.map_err(|e| format!("connecting: {e}"))?;
        let text = String::new();
        let mut stream = Self { socket, text };
        let sent = stream.socket.write_all(request).await;
        sent.map_err(|e| format!("asking: {e}"))?;
        while !has_event(&stream.text) {
            stream.read().await?;
        }
        match stream.text.starts_with("HTTP/1.1 200") {
            true => Ok(stream),
            false => Err(stream.text),
        }
    }

    /// Reads to the end, which must be one last event with the reason.
    async fn read_to_end(&mut self) -> Result<u64, String> {
        self.text.clear();
        while !self.text.ends_with(LAST_CHUNK) {
            self.read().await?;
        }
        let last = "event: session-expired\ndata: {\"reason\":\"idp_session_expired\"}\n\n";
        let is_one = self.text.matches("event: session-expired").count() == 1;
        match is_one && self.text.contains(last) {
            true => Ok(now()),
            false => Err(format!("no last event: {:?}", self.text)),
        }
    }

    async fn read(&mut self) -> Result<(), String> {
        let mut some = [0; 1_024];
        let read = self.socket.read(&mut some).await;
        match read.map_err(|e| format!("reading: {e}"))? {
            0 => Err(format!("it broke off after {:?}", self.text)),
            read => {
                self.text += &String::from_utf8_lossy(&some[..read]);
                Ok(())
            }
        }
    }
}

fn has_event(text: &str) -> bool {
    text.split_once("\r\n\r\n")
        .is_some_and(|(head, body)| !head.starts_with("HTTP/1.1 200") || body.contains("\n\n"))
}

/// The machine's clock, in microseconds.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = now.map_or(0, |now| now.as_micros());
    u64::try_from(micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_is_open_with_its_first_event() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        assert!(!has_event(head));
        assert!(!has_event(&format!("{head}c\r\nevent: hello\n")));
        let event = "1a\r\nevent: hello\ndata: -\n\n\r\n";
        assert!(has_event(&format!("{head}{event}")));
        // A refusal is not waited for any longer.
        assert!(has_event("HTTP/1.1 401 Unauthorized\r\n\r\n"));
    }
}
