//! HTTP/2: answers that end with their session share a connection with others.

use std::time::Duration;

use dwell_axum::{Clock, MemoryStore, SystemClock, Timestamp, minutes, seconds};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{Open, PATIENCE, begun, cookie};
use crate::node::Node;

/// How late an end may be (law L14).
const BOUND: Duration = seconds(1);

/// A connection that many requests share.
pub(crate) struct Connection {
    send: SendRequest<Empty<Bytes>>,
    origin: String,
}

impl Connection {
    async fn open(node: &Node) -> Self {
        let socket = TcpStream::connect(node.address).await.unwrap();
        let io = TokioIo::new(socket);
        let (send, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let origin = format!("http://{}", node.address);
        Self { send, origin }
    }

    async fn get(&mut self, cookie: &str, path: &str) -> Response<Incoming> {
        self.send(Request::get(self.uri(path)), cookie).await
    }

    /// Requests a long answer and waits for its first part.
    pub(crate) async fn stream(&mut self, cookie: &str, path: &str) -> Incoming {
        let answer = self.get(cookie, path).await;
        begun(answer, path).await
    }

    /// Opens a WebSocket on a stream of the connection (RFC 8441).
    pub(crate) async fn web_socket(&mut self, cookie: &str) -> WebSocketStream<TokioIo<Upgraded>> {
        let request = Request::builder()
            .method(Method::CONNECT)
            .uri(self.uri("/ws"))
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .extension(Protocol::from_static("websocket"));
        let answer = self.send(request, cookie).await;
        assert_eq!(answer.status(), 200, "what 101 is to HTTP/1.1");
        let upgraded = timeout(PATIENCE, hyper::upgrade::on(answer)).await.unwrap();
        let io = TokioIo::new(upgraded.unwrap());
        WebSocketStream::from_raw_socket(io, Role::Client, None).await
    }

    async fn send(&mut self, request: http::request::Builder, cookie: &str) -> Response<Incoming> {
        let request = request.header(header::COOKIE, cookie);
        let sent = self.send.send_request(request.body(Empty::new()).unwrap());
        timeout(PATIENCE, sent).await.unwrap().unwrap()
    }

    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// Reads until an answer breaks off, which must be soon after this instant.
async fn assert_breaks_off(mut body: Incoming, at: Timestamp) {
    loop {
        let frame = timeout(PATIENCE, body.frame()).await;
        let frame = frame.expect("it stays open").expect("a break, and no end");
        if frame.is_err() {
            break;
        }
    }
    let late = SystemClock::new().now() - at;
    assert!(late <= BOUND, "{late:?} late");
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_http2_open_streams_of_connection_end_at_deadline() {
    let idle = seconds(2);
    let node = Node::start(MemoryStore::new(), idle).await;
    let since = SystemClock::new().now();
    let alice = node.alice().await;
    let mut connection = Connection::open(&node).await;
    let download = connection.stream(&cookie(&alice), "/download").await;
    let open = Open::over_http2(&mut connection, &alice).await;
    assert_breaks_off(download, since + idle).await;
    open.assert_ends("idle_timeout", since + idle, BOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n38_http2_end_closes_only_its_sessions_answers() {
    let node = Node::start(MemoryStore::new(), minutes(10)).await;
    let (alice, other) = (node.alice().await, node.alice().await);
    let mut connection = Connection::open(&node).await;
    let download = connection.stream(&cookie(&alice), "/download").await;
    let ends = Open::over_http2(&mut connection, &alice).await;
    let mut others = connection.stream(&cookie(&other), "/download").await;
    let mut stays = Open::over_http2(&mut connection, &other).await;
    let (gone, lives) = (cookie(&alice), cookie(&other));

    let ended = SystemClock::new().now();
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_breaks_off(download, ended).await;
    ends.assert_ends("signed_out", ended, BOUND).await;

    stays.stays(Duration::from_millis(300)).await;
    let frame = timeout(PATIENCE, others.frame()).await.unwrap();
    assert!(frame.unwrap().is_ok(), "the other session's answer is cut");
    assert_eq!(connection.get(&gone, "/").await.status(), 401);
    assert_eq!(connection.get(&lives, "/").await.status(), 200);
}
