//! HTTP/1.1 with prepared bytes: one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::load::Stop;

/// The bytes of a request.
pub fn request(path: &str, cookie: Option<&str>) -> Vec<u8> {
    let cookie = cookie.map_or(String::new(), |cookie| format!("cookie: {cookie}\r\n"));
    let text = format!(
        "GET {path} HTTP/1.1\r\nhost: bank.example\r\n\
         user-agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         sec-fetch-site: same-origin\r\n{cookie}\r\n"
    );
    text.into_bytes()
}

/// Sends it again and again on one connection; the latencies.
pub async fn run(server: SocketAddr, request: Vec<u8>, stop: Stop) -> io::Result<Vec<u64>> {
    let mut socket = TcpStream::connect(server).await?;
    socket.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(4_096);
    while !stop.is_due(latencies.len()) {
        let sent = Instant::now();
        socket.write_all(&request).await?;
        answer.clear();
        loop {
            if socket.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if is_whole(&answer)? {
                break;
            }
        }
        let nanos = sent.elapsed().as_nanos();
        latencies.push(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
    Ok(latencies)
}

/// Whether the answer is there in full; an error when it is not 200.
fn is_whole(answer: &[u8]) -> io::Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(head.into_owned()));
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let length: usize = length.and_then(|n| n.parse().ok()).unwrap_or(0);
    Ok(answer.len() >= end + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(is_whole(answer).unwrap());
        for cut in 0..answer.len() {
            assert!(!is_whole(&answer[..cut]).unwrap(), "{cut}");
        }
    }

    #[test]
    fn a_refusal_is_an_error() {
        assert!(is_whole(b"HTTP/1.1 401 Unauthorized\r\n\r\n").is_err());
    }
}
