//! HTTP/2 (RFC 9113) with prepared bytes: a few requests at a time on one
//! connection, header blocks without a dynamic table.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::load::Stop;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Bytes of a frame's head.
const HEAD: usize = 9;

/// The header block of a request (RFC 7541).
pub fn headers(cookie: Option<&str>) -> Vec<u8> {
    // GET, http, /: entries of the static table.
    let mut block = vec![0x82, 0x86, 0x84];
    literal(&mut block, 1, "bank.example");
    literal(&mut block, 58, "Mozilla/5.0 (X11; Linux x86_64)");
    block.push(0);
    text(&mut block, "sec-fetch-site");
    text(&mut block, "same-origin");
    if let Some(cookie) = cookie {
        literal(&mut block, 32, cookie);
    }
    block
}

/// A field whose name is in the static table (§6.2.2, without indexing).
fn literal(block: &mut Vec<u8>, name: usize, value: &str) {
    number(block, name, 4);
    text(block, value);
}

/// A string that is not compressed (§5.2).
fn text(block: &mut Vec<u8>, value: &str) {
    number(block, value.len(), 7);
    block.extend(value.as_bytes());
}

/// An integer with a prefix of so many bits (§5.1).
fn number(block: &mut Vec<u8>, mut value: usize, prefix: u32) {
    let most = (1 << prefix) - 1;
    if value < most {
        block.push(low_byte(value));
        return;
    }
    block.push(low_byte(most));
    value -= most;
    while value >= 0x80 {
        block.push(low_byte(value & 0x7f) | 0x80);
        value >>= 7;
    }
    block.push(low_byte(value));
}

fn low_byte(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend(&payload.len().to_be_bytes()[5..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// Sends it again and again, `streams` at a time; the latencies.
pub async fn run(
    server: SocketAddr,
    headers: Vec<u8>,
    streams: usize,
    stop: Stop,
) -> io::Result<Vec<u64>> {
    let mut socket = TcpStream::connect(server).await?;
    socket.set_nodelay(true)?;
    let mut connection = Connection {
        headers,
        out: PREFACE.to_vec(),
        sent: Vec::new(),
        latencies: Vec::new(),
        stop,
    };
    frame(&mut connection.out, SETTINGS, 0, 0, &[]);
    // Room for all bodies, so that no update is needed later.
    let room: u32 = 1 << 30;
    frame(
        &mut connection.out,
        WINDOW_UPDATE,
        0,
        0,
        &room.to_be_bytes(),
    );
    for _ in 0..streams {
        connection.next_request();
    }
    let mut read = Vec::with_capacity(1 << 16);
    loop {
        socket.write_all(&connection.out).await?;
        connection.out.clear();
        if connection.sent.len() == connection.latencies.len() {
            return Ok(connection.latencies);
        }
        if socket.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let used = connection.frames(&read)?;
        read.drain(..used);
    }
}

struct Connection {
    headers: Vec<u8>,
    /// What is to be written next.
    out: Vec<u8>,
    /// When each request was sent, by its number.
    sent: Vec<Instant>,
    latencies: Vec<u64>,
    stop: Stop,
}

impl Connection {
    fn next_request(&mut self) {
        if self.stop.is_due(self.sent.len()) {
            return;
        }
        // Clients have the odd streams.
        let stream = u32::try_from(self.sent.len() * 2 + 1).unwrap_or(u32::MAX);
        let flags = END_STREAM | END_HEADERS;
        frame(&mut self.out, HEADERS, flags, stream, &self.headers);
        self.sent.push(Instant::now());
    }

    /// Takes whole frames; how many bytes that were.
    fn frames(&mut self, read: &[u8]) -> io::Result<usize> {
        let mut used = 0;
        while let Some((head, rest)) = read[used..].split_first_chunk::<HEAD>() {
            let [a, b, c, kind, flags, s @ ..] = *head;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = rest.get(..length) else {
                break;
            };
            let stream = u32::from_be_bytes(s) & (u32::MAX >> 1);
            self.frame(kind, flags, stream, payload)?;
            used += HEAD + length;
        }
        Ok(used)
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        match kind {
            HEADERS if !is_ok(payload) => Err(io::Error::other("an answer is not 200")),
            HEADERS | DATA if flags & END_STREAM != 0 => {
                self.answered(stream)?;
                self.next_request();
                Ok(())
            }
            SETTINGS | PING if flags & ACK == 0 => {
                let payload = if kind == PING { payload } else { &[] };
                frame(&mut self.out, kind, ACK, 0, payload);
                Ok(())
            }
            RST_STREAM | GOAWAY => Err(io::Error::other("the server gave up")),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, stream: u32) -> io::Result<()> {
        let sent = self.sent.get(stream as usize / 2);
        let sent = sent.ok_or_else(|| io::Error::other("an answer to nothing"))?;
        let nanos = sent.elapsed().as_nanos();
        self.latencies
            .push(u64::try_from(nanos).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Whether a header block begins with status 200, the static table's entry 8,
/// behind updates of the table's size (§6.3).
fn is_ok(block: &[u8]) -> bool {
    let is_update = |byte: &&u8| **byte & 0xe0 == 0x20;
    let mut rest = block.iter();
    loop {
        let Some(byte) = rest.next() else {
            return false;
        };
        if !is_update(&byte) {
            return *byte == 0x88;
        }
        if *byte & 0x1f == 0x1f {
            // A longer number: its bytes but the last have the top bit.
            while rest.next().is_some_and(|byte| byte & 0x80 != 0) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        let encoded = |value, prefix| {
            let mut block = Vec::new();
            number(&mut block, value, prefix);
            block
        };
        // RFC 7541 C.1.1 and C.1.2.
        assert_eq!(encoded(10, 5), [10]);
        assert_eq!(encoded(1_337, 5), [31, 154, 10]);
    }

    #[test]
    fn only_status_200_is_ok() {
        assert!(is_ok(&[0x88, 0x5f]));
        assert!(is_ok(&[0x3f, 0xe1, 0x1f, 0x88]));
        assert!(!is_ok(&[0x8b]));
        assert!(!is_ok(&[]));
    }

    #[test]
    fn a_frame_in_two_pieces_waits_for_the_second() {
        let mut bytes = Vec::new();
        frame(&mut bytes, PING, 0, 0, &[7; 8]);
        let mut connection = Connection {
            headers: Vec::new(),
            out: Vec::new(),
            sent: Vec::new(),
            latencies: Vec::new(),
            stop: Stop::never(),
        };
        assert_eq!(connection.frames(&bytes[..12]).unwrap(), 0);
        assert_eq!(connection.frames(&bytes).unwrap(), bytes.len());
        assert_eq!(connection.out[3..5], [PING, ACK]);
    }
}
