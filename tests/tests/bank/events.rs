//! The stream of ticks.

use std::time::Duration;

use dwell_axum::seconds;
use dwell_tests::Browser;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{COOKIE, IDLE, Served, assert_refused, idle_left};

/// How long the server may take before a test gives up.
const PATIENCE: Duration = seconds(60);

/// A stream that stays open.
struct Events {
    stream: TcpStream,
    read: String,
}

impl Events {
    async fn open(bank: &Served, browser: &Browser) -> Self {
        let mut stream = TcpStream::connect(bank.address).await.unwrap();
        let token = browser.cookie(COOKIE).unwrap();
        let request =
            format!("GET /events HTTP/1.1\r\nHost: bank\r\nCookie: {COOKIE}={token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let read = String::new();
        Self { stream, read }
    }

    /// Reads until this text has come.
    async fn until(&mut self, needle: &str) -> &str {
        let reading = async {
            while !self.read.contains(needle) {
                let mut buffer = [0; 1_024];
                let length = self.stream.read(&mut buffer).await.unwrap();
                assert_ne!(length, 0, "the stream ended after {:?}", self.read);
                self.read += std::str::from_utf8(&buffer[..length]).unwrap();
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.unwrap_or_else(|_| panic!("no {needle:?} in {:?}", self.read));
        &self.read
    }
}

#[tokio::test]
async fn stream_counts_seconds_and_is_not_cached() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let mut events = Events::open(&bank, &browser).await;
    events.until("event: tick\ndata: 1\n\n").await;
    let read = events.until("event: tick\ndata: 2\n\n").await;
    let head = read.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for field in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "session-timeout: idle=60, absolute=600, warn=20",
    ] {
        assert!(head.contains(field), "{head}");
    }
}

#[tokio::test]
async fn l02_opening_and_holding_stream_extends_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE / 2);
    let mut events = Events::open(&bank, &browser).await;
    events.until("data: 1\n\n").await;
    let answer = browser.fetch("/session").await;
    assert_eq!(idle_left(&answer), IDLE / 2);
    bank.clock.advance(IDLE / 2 - seconds(1));
    events.until("data: 2\n\n").await;
    assert_eq!(
        idle_left(&browser.fetch("/session").await),
        seconds(1),
        "sent events are no activity either"
    );
    bank.clock.advance(seconds(1));
    assert_refused(&browser.fetch("/session").await, "idle_timeout");
}

#[tokio::test]
async fn stream_needs_session() {
    let bank = Served::start().await;
    let answer = bank.browser().fetch("/events").await;
    assert_refused(&answer, "session_required");
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    assert_refused(&browser.fetch("/events").await, "idle_timeout");
    let browser = bank.signed_in("alice").await;
    let answer = browser.script(Method::POST, "/events").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, Some("GET,HEAD"))
    );
}

#[tokio::test]
async fn l14_stream_ends_with_session_and_reason() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let mut events = Events::open(&bank, &browser).await;
    events.until("data: 1\n\n").await;
    // A click elsewhere has moved the deadline meanwhile.
    bank.clock.advance(IDLE / 2);
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
    bank.clock.advance(IDLE / 2);
    events.until("data: 3\n\n").await;
    bank.clock.advance(IDLE / 2);
    let read = events.until("\r\n0\r\n\r\n").await;
    let last = "event: session-expired\ndata: {\"reason\":\"idle_timeout\"}\n\n";
    assert!(read.contains(last), "{read}");

    let browser = bank.signed_in("alice").await;
    let mut events = Events::open(&bank, &browser).await;
    events.until("data: 1\n\n").await;
    browser.post("/session/end", "").await;
    let read = events.until("\r\n0\r\n\r\n").await;
    assert!(read.contains("{\"reason\":\"signed_out\"}"), "{read}");
}

#[tokio::test]
async fn stopping_bank_does_not_wait_for_streams() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let mut events = Events::open(&bank, &browser).await;
    events.until("data: 1\n\n").await;
    drop(bank);
    // The stream ends properly and is not broken off.
    events.until("\r\n0\r\n\r\n").await;
}
