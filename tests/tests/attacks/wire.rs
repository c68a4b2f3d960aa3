//! Requests as an attacker writes them: byte by byte.

use std::time::Duration;

use dwell_axum::seconds;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{COOKIE, Served};

/// How long the server may take before a test gives up.
const PATIENCE: Duration = seconds(30);

/// A connection to the bank.
pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn open(bank: &Served) -> Self {
        Self(TcpStream::connect(bank.address).await.unwrap())
    }

    pub(crate) async fn say(&mut self, bytes: &str) {
        // The server may have closed.
        let _ = self.0.write_all(bytes.as_bytes()).await;
    }

    /// Reads until this text has come, or the end.
    pub(crate) async fn until(&mut self, needle: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = self.0.read(&mut buffer).await {
                read.extend_from_slice(&buffer[..length]);
                if String::from_utf8_lossy(&read).contains(needle) {
                    break;
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("the bank answers");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> String {
        self.until("\0").await
    }
}

/// Returns the head of a request with this cookie.
pub(crate) fn head(method: &str, path: &str, token: &str, more: &str) -> String {
    with_cookies(method, path, &format!("{COOKIE}={token}"), more)
}

pub(crate) fn with_cookies(method: &str, path: &str, cookies: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bank\r\nConnection: close\r\nCookie: {cookies}\r\n{more}\r\n"
    )
}

/// Sends this and returns the whole answer.
pub(crate) async fn exchange(bank: &Served, request: &str) -> String {
    let mut wire = Wire::open(bank).await;
    wire.say(request).await;
    wire.rest().await
}

/// Returns the status of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

/// Fields of a JSON body of this length.
pub(crate) fn json(length: usize) -> String {
    format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
}

/// Fields of a form of this length.
pub(crate) fn form(length: usize) -> String {
    format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n")
}

/// Returns the login form of alice, with this cookie and these fields.
pub(crate) fn login_of_alice(cookies: &str, more: &str) -> String {
    let login = format!("username=alice&password={}", bank::PASSWORD);
    let fields = form(login.len()) + more;
    with_cookies("POST", "/login", cookies, &fields) + &login
}
