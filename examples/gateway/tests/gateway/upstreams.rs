//! Services that are down, slow, old, or break off.

use std::net::SocketAddr;

use dwell_axum::minutes;
use dwell_tests::{Answer, Browser, Wire, status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::site::{COOKIE, POLICY, Site, within};

/// What a service does after it has read the head of a request.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
    /// Reads the rest of the request.
    Read,
}

/// A service that answers every connection's first request with these bytes. What it has
/// read comes out of the channel twice: after the head, and when the connection ends.
async fn raw(answer: &'static str, then: Then) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, all) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(serve(stream, answer, then, seen));
        }
    });
    (address, all)
}

async fn serve(mut stream: TcpStream, answer: &str, then: Then, seen: UnboundedSender<String>) {
    let tell = |read: &[u8]| {
        let text = String::from_utf8(read.to_vec()).unwrap();
        let _nobody_asks = seen.send(text);
    };
    let mut read = Vec::new();
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        if let Ok(0) | Err(_) = stream.read_buf(&mut read).await {
            break;
        }
    }
    tell(&read);
    stream.write_all(answer.as_bytes()).await.unwrap();
    match then {
        Then::Close => {}
        Then::Hang => std::future::pending().await,
        Then::Read => {
            let _broken = stream.read_to_end(&mut read).await;
        }
    }
    drop(stream);
    tell(&read);
}

async fn site(service: SocketAddr) -> Site {
    Site::before(service, "upstream_timeout = \"10s\"", POLICY).await
}

/// Asks a service that answers so, ten minutes after the login.
async fn ask(answer: &'static str, then: Then) -> (Answer, Site, Browser) {
    let (service, _seen) = raw(answer, then).await;
    let site = site(service).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(10));
    let answer = alice.fetch("/").await;
    (answer, site, alice)
}

/// Reads the raw answer of a service that answers so.
async fn ask_raw(answer: &'static str) -> String {
    let (service, _seen) = raw(answer, Then::Close).await;
    let site = site(service).await;
    let alice = site.alice().await;
    let wire = site.ask(&alice, "GET /", "Connection: close\r\n").await;
    wire.rest().await
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_is_down_is_502_and_no_activity() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let site = site(address).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(10));
    let answer = alice.fetch("/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.reason().as_str()),
        (502, "upstream_unavailable")
    );
    assert_eq!(answer.time_left().unwrap().idle, 300);
    assert!(alice.cookie(COOKIE).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_is_no_http_is_502() {
    for text in [
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/2.0 200 OK\r\n\r\n",
        // Nobody has asked for another protocol.
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let (answer, _site, alice) = ask(text, Then::Close).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (502, "upstream_unavailable"),
            "{text:?}"
        );
        assert_eq!(answer.time_left().unwrap().idle, 300, "{text:?}");
        assert!(alice.cookie(COOKIE).is_some(), "{text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_odd_answers_arrive_whole() {
    for text in [
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let (answer, ..) = ask(text, Then::Close).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, "hello"),
            "{text:?}"
        );
        let raw = ask_raw(text).await;
        let framings =
            ["content-length", "transfer-encoding"].map(|name| raw.matches(name).count());
        assert_eq!(framings.iter().sum::<usize>(), 1, "{raw}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_breaks_off_does_not_look_whole() {
    // Nothing has to come of what was not sent on yet.
    let raw = ask_raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    let is_part = raw.contains("content-length: 10\r\n") && raw.ends_with("hello");
    assert!(raw.is_empty() || is_part, "{raw}");
    let raw = ask_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let is_part = raw.contains("chunked\r\n") && !raw.contains("0\r\n\r\n");
    assert!(raw.is_empty() || is_part, "{raw}");
}

/// Over another protocol a client could send requests that nobody looks at.
#[tokio::test(flavor = "multi_thread")]
async fn client_gets_no_other_protocol_than_web_socket() {
    let switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n";
    for protocol in [
        "h2c",
        "TLS/1.2",
        "websocket, h2c",
        "h2c\r\nUpgrade: websocket",
    ] {
        let (service, mut seen) = raw(switching, Then::Hang).await;
        let site = site(service).await;
        let alice = site.alice().await;
        let fields = format!(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        );
        let mut wire = site.ask(&alice, "GET /", &fields).await;
        assert_eq!(status(&wire.until("\r\n\r\n").await), "502", "{protocol}");
        let head = within(seen.recv()).await.unwrap().to_lowercase();
        assert!(
            !head.contains("upgrade") && !head.contains("http2-settings"),
            "{head}"
        );
    }
}

/// Time stands still here while anything happens, and passes at once while all wait.
#[tokio::test(start_paused = true)]
async fn slow_service_is_504_and_no_activity() {
    for begin in ["", "HTTP/1.1 200 OK\r\n"] {
        let (answer, _site, alice) = ask(begin, Then::Hang).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (504, "upstream_timeout")
        );
        assert_eq!(answer.time_left().unwrap().idle, 300);
        assert!(alice.cookie(COOKIE).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_notices_client_that_breaks_off() {
    for (fields, body) in [
        ("Content-Length: 10\r\n", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
        // A whole request, whose client does not wait for the answer.
        ("Content-Length: 5\r\n", "hello"),
    ] {
        let (service, mut seen) = raw("", Then::Read).await;
        let site = site(service).await;
        let alice = site.alice().await;
        let mut wire = site.ask(&alice, "POST /", fields).await;
        wire.say(body).await;
        within(seen.recv()).await.unwrap();
        drop(wire);
        let read = within(seen.recv()).await.unwrap();
        let (_, body) = read.split_once("\r\n\r\n").unwrap();
        assert!(!body.ends_with("0\r\n\r\n"), "looks whole: {read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_that_service_closed_is_opened_again() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let (service, mut seen) = raw(whole, Then::Close).await;
    let site = site(service).await;
    let alice = site.alice().await;
    for _ in 0..5 {
        assert_eq!(alice.post("/", "{}").await.text(), "hello");
        within(seen.recv()).await.unwrap();
        within(seen.recv()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn form_that_never_ends_is_cut() {
    let site = site("127.0.0.1:9".parse().unwrap()).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = "POST /session/login HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nuser";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test(start_paused = true)]
async fn head_that_never_ends_is_cut() {
    let site = site("127.0.0.1:9".parse().unwrap()).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "");
    drop(Wire::from(stream));
}
