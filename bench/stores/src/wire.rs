//! Between clients and Redis: counts the commands that clients send, which the
//! server's own counters mix with those that scripts call.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::apps::told;

/// Listens on a port of its own and passes everything on.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    count: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// A way to the server on this port.
    pub async fn to(port: u16) -> Result<Self, String> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = bound.map_err(told)?;
        let own = listener.local_addr().map_err(told)?.port();
        let count = Arc::<AtomicU64>::default();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            port: own,
            count: Arc::clone(&count),
            accepting: tokio::spawn(accept(listener, server, count)),
        })
    }

    /// Where clients connect to.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// How many commands were sent so far.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, count: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let count = Arc::clone(&count);
        connections.spawn(async move {
            // A client sees the connection close, and the request fail.
            if let Err(error) = pass(client, server, &count).await {
                eprintln!("a connection to Redis: {error}");
            }
        });
    }
}

async fn pass(client: TcpStream, server: SocketAddr, count: &AtomicU64) -> Result<(), String> {
    let server = TcpStream::connect(server).await.map_err(told)?;
    for socket in [&client, &server] {
        socket.set_nodelay(true).map_err(told)?;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut unread = Vec::new();
        loop {
            let before = unread.len();
            match from_client.read_buf(&mut unread).await {
                // The connection is closed: nothing is left to pass on.
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) => {}
            }
            // Counted before it is sent: an answer never comes first.
            let mut used = 0;
            while let Some(length) = command(&unread[used..])? {
                count.fetch_add(1, Ordering::Relaxed);
                used += length;
            }
            to_server.write_all(&unread[before..]).await.map_err(told)?;
            unread.drain(..used);
        }
    };
    let back = async {
        // Likewise.
        let _ended = copy(&mut from_server, &mut to_client).await;
        Ok(())
    };
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}

/// The length of the first command; `None` while it is not there in full.
fn command(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some((count, mut used)) = number(bytes, b'*')? else {
        return Ok(None);
    };
    for _ in 0..count {
        let Some((length, head)) = number(&bytes[used..], b'$')? else {
            return Ok(None);
        };
        used += head + length + 2;
        if bytes.len() < used {
            return Ok(None);
        }
    }
    Ok(Some(used))
}

/// The number of a line that starts like this, and the line's length.
fn number(bytes: &[u8], start: u8) -> Result<Option<(usize, usize)>, String> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return Ok(None);
    };
    let line = &bytes[..end];
    let number = line.strip_prefix(&[start]).map(String::from_utf8_lossy);
    let number = number.and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| format!("not a command: {:?}", line.escape_ascii()))?;
    Ok(Some((number, end + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"*3\r\n$3\r\nset\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n";

    #[test]
    fn each_command_has_its_length() {
        let used = command(SENT).unwrap().unwrap();
        let rest = command(&SENT[used..]).unwrap().unwrap();
        assert_eq!(used + rest, SENT.len());
        for cut in 0..used {
            assert_eq!(command(&SENT[..cut]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn other_text_is_an_error() {
        assert!(command(b"PING\r\n").is_err());
        assert!(command(b"*1\r\n+PING\r\n").is_err());
    }
}
