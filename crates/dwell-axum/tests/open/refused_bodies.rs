//! Requests that are refused while they still send (N83), over real sockets.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use dwell_axum::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use dwell_axum::dwell_tower::idle::SessionRequirement;
use dwell_test_support::axum::World;
use dwell_test_support::token;

use crate::support::Served;

const MEGABYTE: usize = 1_024 * 1_024;

/// Uploads: one that extracts a session, one that needs a recent authentication.
fn uploads() -> Router {
    let upload = async |_: Session, body: Bytes| body.len().to_string();
    let strong = privileged(AuthenticationRequirement::within(minutes(1)));
    Router::new()
        .route("/upload", post(upload))
        .route("/strong", post(upload).layer(strong))
}

/// Sends a request's head and body, and only then reads. Returns the answer's
/// status, and the connection if it stays open.
async fn upload(mut socket: TcpStream, head: &str, length: usize) -> (u16, TcpStream) {
    socket.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; MEGABYTE / 4];
    let mut left = length;
    while left > 0 {
        let some = left.min(piece.len());
        socket
            .write_all(&piece[..some])
            .await
            .expect("the connection is not reset");
        left -= some;
    }
    (status(&mut socket).await, socket)
}

async fn status(socket: &mut TcpStream) -> u16 {
    head_of(socket).await[9..12].parse().unwrap()
}

async fn head_of(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 1_024];
        let read = socket.read(&mut piece).await.expect("the answer is there");
        assert_ne!(read, 0, "the whole answer is there");
        text.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn head(path: &str, cookie: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: bank\r\nCookie: __Host-session={cookie}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn n83_refused_upload_gets_its_answer_and_connection_stays() {
    let world: World<ManualClock> = World::new();
    let alice = world.alice(uploads()).await;
    let live = token(&alice);
    let served = Served::start(uploads().layer(world.stack.clone())).await;
    world.clock.advance(minutes(2));
    // A step-up first, then an unknown session, then one that has run out.
    for (path, cookie) in [
        ("/strong", live.as_str()),
        ("/upload", "unknown"),
        ("/upload", &live),
    ] {
        if path == "/upload" {
            world.clock.advance(minutes(15));
        }
        let socket = TcpStream::connect(served.address).await.unwrap();
        let length = 4 * MEGABYTE;
        let (status, socket) = upload(socket, &head(path, cookie, length), length).await;
        assert_eq!(status, 401, "{path}");
        let (again, _) = upload(socket, &head(path, cookie, length), length).await;
        assert_eq!(again, 401, "{path}, on the same connection");
    }
}

#[tokio::test]
async fn n83_stack_that_requires_session_drains_too() {
    let world: World<ManualClock> = World::new();
    let stack = world
        .stack
        .clone()
        .with_requirement(SessionRequirement::Required);
    let served = Served::start(uploads().layer(stack)).await;
    let socket = TcpStream::connect(served.address).await.unwrap();
    let chunked = "POST /upload HTTP/1.1\r\nHost: bank\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut socket = socket;
    socket.write_all(chunked.as_bytes()).await.unwrap();
    for _ in 0..64 {
        let piece = [b"10000\r\n", vec![b'x'; 0x10000].as_slice(), b"\r\n"].concat();
        socket.write_all(&piece).await.unwrap();
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(status(&mut socket).await, 401);
    let (again, _) = upload(socket, &head("/upload", "unknown", 10), 10).await;
    assert_eq!(again, 401, "on the same connection");
}

#[tokio::test]
async fn n83_no_more_than_16_megabytes_are_drained() {
    let world: World<ManualClock> = World::new();
    let served = Served::start(uploads().layer(world.stack.clone())).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let length = 1_024 * MEGABYTE;
    socket
        .write_all(head("/upload", "unknown", length).as_bytes())
        .await
        .unwrap();
    let piece = vec![b'x'; MEGABYTE];
    let mut sent = 0;
    while sent < 64 && socket.write_all(&piece).await.is_ok() {
        sent += 1;
    }
    assert!((16..64).contains(&sent), "{sent} megabytes were taken");
}

#[tokio::test]
async fn n83_client_that_expects_100_continue_is_answered_at_once() {
    let world: World<ManualClock> = World::new();
    let served = Served::start(uploads().layer(world.stack.clone())).await;
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /upload HTTP/1.1\r\nHost: bank\r\nExpect: 100-continue\r\n\
                Content-Length: 1000000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let answered = timeout(seconds(5), head_of(&mut socket)).await;
    let answer = answered.expect("it waits for no body");
    assert!(answer.starts_with("HTTP/1.1 401 "), "and not 100: {answer}");
    // Its next request would be taken for the body.
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

/// Such as Caddy, and curl after a second.
#[tokio::test]
async fn n83_client_that_does_not_wait_for_100_continue_is_answered() {
    let world: World<ManualClock> = World::new();
    let alice = world.alice(uploads()).await;
    let live = token(&alice);
    let served = Served::start(uploads().layer(world.stack.clone())).await;
    world.clock.advance(minutes(2));
    let length = 4 * MEGABYTE;
    for (path, cookie) in [("/strong", live.as_str()), ("/upload", "unknown")] {
        let expecting = "\r\nExpect: 100-continue\r\nContent-Length";
        let head = head(path, cookie, length).replace("\r\nContent-Length", expecting);
        let socket = TcpStream::connect(served.address).await.unwrap();
        assert_eq!(upload(socket, &head, length).await.0, 401, "{path}");
    }
}
