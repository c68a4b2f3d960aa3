//! HTTP on the wire: pipelining, broken connections, `HEAD`.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use dwell_axum::{EventKind, seconds};
use dwell_testkit::FaultyStore;

use crate::support::{COOKIE, IDLE, Served, cents, idle_left, until};

/// Writes this on a new connection and reads the whole answer.
async fn exchange(bank: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(bank.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn request(method: &str, path: &str, token: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: bank\r\nCookie: {COOKIE}={token}\r\n{more}\r\n")
}

#[tokio::test]
async fn pipelined_requests_answered_in_order() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let token = browser.cookie(COOKIE).unwrap();
    bank.clock.advance(seconds(30));
    let all = [
        request("GET", "/api/notifications", &token, ""),
        request("GET", "/api/balance", "unknown", ""),
        request("HEAD", "/session", &token, ""),
        request("GET", "/api/balance", &token, ""),
        request("GET", "/session", &token, "Connection: close\r\n"),
    ];
    let answers = exchange(&bank, &all.concat()).await;
    let heads: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer.split("\r\n\r\n").next().unwrap())
        .collect();
    let line = |head: &str, name: &str| {
        let field = head.lines().find(|l| l.to_lowercase().starts_with(name));
        field.map(str::to_lowercase)
    };
    let status: Vec<&str> = heads.iter().map(|head| &head[..3]).collect();
    assert_eq!(status, ["200", "401", "200", "200", "200"], "{answers}");
    let left: Vec<_> = heads.iter().map(|h| line(h, "session-timeout")).collect();
    let idle = |seconds: u64| {
        Some(format!(
            "session-timeout: idle={seconds}, absolute=570, warn=20"
        ))
    };
    // Each request is judged separately: those before the click see the older
    // deadline.
    assert_eq!(left, [idle(30), None, idle(30), idle(60), idle(60)]);
    assert!(heads.iter().all(|head| line(head, "set-cookie").is_none()));
}

#[tokio::test]
async fn open_connection_gets_nothing_after_end() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let token = browser.cookie(COOKIE).unwrap();
    let mut stream = TcpStream::connect(bank.address).await.unwrap();
    let poll = request("GET", "/api/notifications", &token, "");
    stream.write_all(poll.as_bytes()).await.unwrap();
    let mut buffer = [0; 4_096];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    bank.clock.advance(IDLE);
    let last = request("GET", "/api/balance", &token, "Connection: close\r\n");
    stream.write_all(last.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    let answer = &rest[rest.find("HTTP/1.1 401").unwrap()..];
    assert!(answer.contains(r#""reason":"idle_timeout""#), "{answer}");
}

#[tokio::test]
async fn client_leaving_mid_request_has_done_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let token = browser.cookie(COOKIE).unwrap();
    let order = r#"{"to":"bob","amount":"100"}"#;
    let headers = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        order.len()
    );
    let whole = request("POST", "/api/transfer", &token, &headers) + order;
    // Broken off in the head, after it, and just before the body's end.
    let after_head = whole.len() - order.len();
    for length in [20, after_head, after_head + 5, whole.len() - 1] {
        let mut stream = TcpStream::connect(bank.address).await.unwrap();
        stream.write_all(&whole.as_bytes()[..length]).await.unwrap();
        stream.shutdown().await.unwrap();
        // The server has seen the end, and closes.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{length}");
    }
    assert_eq!(cents(&browser).await, 123_450);
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.kinds(), [EventKind::SessionCreated]);
}

#[tokio::test]
async fn client_leaving_while_store_hangs_blocks_nobody() {
    let mut faulty = None;
    let bank = Served::with_store(|store| faulty.insert(FaultyStore::new(store)).clone()).await;
    let store = faulty.unwrap();
    let browser = bank.signed_in("alice").await;
    let token = browser.cookie(COOKIE).unwrap();
    bank.clock.advance(seconds(30));
    store.hang();
    let reads = store.reads();
    let click = request("GET", "/api/balance", &token, "");
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(bank.address).await.unwrap();
        stream.write_all(click.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    until(|| store.reads() == reads + 20).await;
    drop(streams);
    store.heal();
    let answer = browser.fetch("/api/notifications").await;
    assert_eq!(answer.status, 200);
    assert_eq!(idle_left(&answer), IDLE / 2, "nobody was served");
}

#[tokio::test]
async fn head_is_get_without_body() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for path in [
        "/",
        "/login",
        "/expired",
        "/api/balance",
        "/session",
        "/session-timeout.js",
        "/static/bank.js",
        "/nowhere",
    ] {
        let get = browser.script(Method::GET, path).send().await;
        let head = browser.script(Method::HEAD, path).send().await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        for name in [
            "content-type",
            "content-length",
            "cache-control",
            "session-timeout",
        ] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    let stranger = bank.browser();
    let answer = stranger.navigate(Method::HEAD, "/").send().await;
    assert_eq!(
        answer.location(),
        "/login?reason=session_required&return_to=%2F"
    );
}

#[tokio::test]
async fn malformed_requests_refused_without_harm() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    for nonsense in [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let close = nonsense.replacen("Host: a\r\n", "Host: a\r\nConnection: close\r\n", 1);
        let answer = exchange(&bank, &close).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{nonsense:?}: {answer}");
    }
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
}
