//! HTTP/1.1 by prepared bytes, so that a client costs less than the server.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};

use dwell_bench::traffic::{Kind, bytes};

/// Logs in at `/login?query` as often as said, on one connection.
pub fn log_in(server: SocketAddr, times: usize, query: &str) -> Result<Vec<String>> {
    let mut socket = TcpStream::connect(server)?;
    let request = bytes(&format!("/login?{query}"), None, Kind::BROWSER);
    let mut cookies = Vec::with_capacity(times);
    for _ in 0..times {
        socket.write_all(&request)?;
        let mut answer = Vec::new();
        while !is_whole(&answer)? {
            let mut some = [0; 1_024];
            match socket.read(&mut some)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => answer.extend(&some[..read]),
            }
        }
        let answer = String::from_utf8_lossy(&answer);
        let cookie = header(&answer, "set-cookie").and_then(|value| value.split(';').next());
        cookies.push(cookie.ok_or_else(|| Error::other("no cookie"))?.to_owned());
    }
    Ok(cookies)
}

/// The value of a header.
fn header<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case(wanted).then_some(value)
    })
}

/// Whether the answer is there in full; an error when it is not 200.
pub fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    if !head.starts_with("HTTP/1.1 200") {
        return Err(Error::other(head.into_owned()));
    }
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    Ok(answer.len() >= end + 4 + length.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_whole_with_its_last_byte() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert!(is_whole(answer).unwrap());
        for cut in 0..answer.len() {
            assert!(!is_whole(&answer[..cut]).unwrap(), "{cut}");
        }
    }

    #[test]
    fn refusal_is_an_error() {
        assert!(is_whole(b"HTTP/1.1 401 Unauthorized\r\n\r\n").is_err());
    }
}
