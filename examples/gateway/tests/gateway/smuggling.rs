//! Requests that two servers could take for different ones.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use dwell_tests::{Browser, Wire};
use tokio::net::TcpListener;

use crate::site::{COOKIE, POLICY, Site};

/// What has reached the service.
type Log = Arc<Mutex<Vec<String>>>;

/// A service that notes each request and its body.
async fn service() -> (SocketAddr, Log) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let note = async move |request: Request| {
        let line = format!("{} {}", request.method(), request.uri());
        let framing = ["content-length", "transfer-encoding"];
        let framing = framing.map(|name| request.headers().get_all(name).iter().count());
        let body = axum::body::to_bytes(request.into_body(), 1_024)
            .await
            .unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(framing.iter().sum::<usize>() <= 1, "{framing:?}");
        noted
            .lock()
            .unwrap()
            .push(format!("{line} {body}").trim_end().to_owned());
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = Router::new().fallback(note);
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    (address, log)
}

/// Sends a head with these fields and this body; returns the statuses of all answers, and
/// what has reached the service.
async fn send(fields: &str, body: &str) -> (Vec<String>, Vec<String>) {
    send_line("POST / HTTP/1.1\r\nHost: app.example", fields, body).await
}

async fn send_line(line: &str, fields: &str, body: &str) -> (Vec<String>, Vec<String>) {
    let (address, log) = service().await;
    let site = Site::before(address, "", POLICY).await;
    let alice: Browser = site.alice().await;
    let cookie = alice.cookie(COOKIE).unwrap();
    let mut wire = Wire::open(site.address).await;
    let head = format!("{line}\r\nCookie: {COOKIE}={cookie}\r\n{fields}");
    wire.say(&format!("{head}\r\n{body}")).await;
    // The connection's last request, by which its end is known.
    wire.say("GET /last HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
        .await;
    let answers = wire.rest().await;
    let statuses = answers.split("HTTP/1.1 ").skip(1);
    let statuses = statuses.map(|answer| answer[..3].to_owned()).collect();
    let log = log.lock().unwrap().clone();
    (statuses, log)
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn malformed_framing_is_400_and_reaches_nobody() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        // Folded lines.
        "Transfer-Encoding:\r\n chunked\r\n",
        "X-A: b\r\n Content-Length: 5\r\n",
        "X-A: b\r\n\tcontinued\r\n",
        " X-A: b\r\n",
        "X-A: b\0c\r\n",
        "X-A: b\rTransfer-Encoding: chunked\r\n",
        "Host: other.example\r\n",
    ] {
        let (statuses, log) = send(fields, "hello").await;
        assert_eq!(statuses[0], "400", "{fields:?}");
        assert!(log.is_empty(), "{fields:?}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_framing_ends_connection() {
    let chunked = format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}");
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let (statuses, log) = send(fields, &chunked).await;
        match statuses[0].as_str() {
            "200" => assert_eq!(log, ["POST / hello"], "{fields:?}"),
            "400" => assert!(log.is_empty(), "{fields:?}: {log:?}"),
            status => panic!("{status}: {fields:?}"),
        }
        // What follows is not taken for another request.
        assert_eq!(statuses.len(), 1, "{fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn same_length_twice_is_one() {
    let (statuses, log) = send("Content-Length: 5\r\nContent-Length: 5\r\n", "hello").await;
    assert_eq!(statuses, ["200", "401"]);
    assert_eq!(log, ["POST / hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_chunks_are_not_passed_on_as_whole() {
    for chunks in [
        "5;\nx\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX0\r\n\r\n",
    ] {
        let (statuses, log) = send("Transfer-Encoding: chunked\r\n", chunks).await;
        assert!(log.is_empty(), "{chunks:?}: {log:?}");
        assert!(
            statuses.iter().all(|status| status != "200"),
            "{chunks:?}: {statuses:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_request_lines_reach_nobody() {
    for line in [
        "POST / HTTP/1.1 HTTP/1.1\r\nHost: app.example",
        "POST /\t HTTP/1.1\r\nHost: app.example",
        "POST http://app.example@evil.example\\/ HTTP/1.1\r\nHost: app.example",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: app.example",
        "OPTIONS * HTTP/1.1\r\nHost: app.example",
        "POST / HTTP/1.1",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let (statuses, log) = send_line(line, "", "").await;
        assert!(
            statuses.first().is_none_or(|status| status == "400"),
            "{line:?}: {statuses:?}"
        );
        assert!(log.is_empty(), "{line:?}: {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn body_of_get_is_not_taken_for_request() {
    let length = SMUGGLED.len();
    let fields = format!("Content-Length: {length}\r\n");
    let (statuses, log) = send_line("GET / HTTP/1.1\r\nHost: app.example", &fields, SMUGGLED).await;
    assert_eq!(statuses, ["200", "401"]);
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].starts_with("GET / GET /smuggled"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_upload_leaves_nothing_behind() {
    let (address, log) = service().await;
    let site = Site::before(address, "", POLICY).await;
    let mut wire = Wire::open(site.address).await;
    let length = SMUGGLED.len();
    wire.say(&format!(
        "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}"
    ))
    .await;
    wire.say("GET /last HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n")
        .await;
    let answers = wire.rest().await;
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert!(
        statuses.iter().all(|status| *status == "401") && statuses.len() <= 2,
        "{answers}"
    );
    assert!(log.lock().unwrap().is_empty());
}
