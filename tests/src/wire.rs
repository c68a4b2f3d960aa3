//! A plain connection, for requests that are written byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the server may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A plain connection to a server.
#[derive(Debug)]
pub struct Wire(TcpStream);

impl Wire {
    /// Connects to this server.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        stream.expect("the server listens").into()
    }

    /// Writes this, unless the server has closed.
    pub async fn say(&mut self, bytes: &str) {
        let _closed = self.0.write_all(bytes.as_bytes()).await;
    }

    /// Reads until this text has come, or the end.
    ///
    /// # Panics
    /// When neither comes within 30 seconds.
    pub async fn until(&mut self, needle: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = self.0.read(&mut buffer).await {
                read.extend_from_slice(buffer.get(..length).unwrap_or_default());
                if String::from_utf8_lossy(&read).contains(needle) {
                    break;
                }
            }
        };
        let read_in_time = timeout(PATIENCE, reading).await;
        read_in_time.expect("the server answers");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads to the end.
    ///
    /// # Panics
    /// When it does not come within 30 seconds.
    pub async fn rest(mut self) -> String {
        self.until("\0").await
    }
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        Self(stream)
    }
}

/// Returns the status of an answer as it was read; `"none"` without one.
#[must_use]
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}
