//! Everything that a browser can hold open at a node, and when it ends.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use dwell_axum::{Clock, SystemClock, Timestamp};
use dwell_tests::Browser;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::http2::Connection;
use crate::node::Node;

const COOKIE: &str = "__Host-session";

/// How long anything may take, on a busy machine too, before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The open connections, each read by its own task.
pub(crate) struct Open(Vec<(&'static str, JoinHandle<Ended>)>);

/// How an open connection ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) reason: String,
}

impl Open {
    /// Opens one connection of each kind, and waits until each is established.
    pub(crate) async fn everything(node: &Node, browser: &Browser) -> Self {
        let cookie = cookie(browser);
        let deadlines = events(node, &cookie, "/session/events").await;
        let stream = events(node, &cookie, "/stream").await;
        let socket = web_socket(node, &cookie).await;
        Self::read(deadlines, stream, socket)
    }

    fn read<S>(deadlines: Incoming, stream: Incoming, socket: WebSocketStream<S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self(vec![
            ("the deadlines", tokio::spawn(read_events(deadlines))),
            ("a stream", tokio::spawn(read_events(stream))),
            ("a WebSocket", tokio::spawn(read_socket(socket))),
        ])
    }

    /// Opens one of each kind, all on one HTTP/2 connection.
    pub(crate) async fn over_http2(connection: &mut Connection, browser: &Browser) -> Self {
        let cookie = cookie(browser);
        let deadlines = connection.stream(&cookie, "/session/events").await;
        let stream = connection.stream(&cookie, "/stream").await;
        let socket = greeted(connection.web_socket(&cookie).await).await;
        Self::read(deadlines, stream, socket)
    }

    /// Asserts that nothing ends for this long.
    pub(crate) async fn stays(&mut self, time: Duration) {
        let any = poll_fn(|cx| {
            for (what, open) in &mut self.0 {
                if let Poll::Ready(ended) = Pin::new(open).poll(cx) {
                    return Poll::Ready((*what, ended));
                }
            }
            Poll::Pending
        });
        if let Ok((what, ended)) = timeout(time, any).await {
            panic!("{what} ended: {ended:?}");
        }
    }

    /// Waits until everything has ended.
    pub(crate) async fn ends(self) -> Vec<(&'static str, Ended)> {
        let mut all = Vec::new();
        for (what, open) in self.0 {
            let ended = timeout(PATIENCE, open).await;
            let ended = ended.unwrap_or_else(|_| panic!("{what} stays open"));
            all.push((what, ended.unwrap()));
        }
        all
    }

    /// Asserts that everything ends with this reason, not before this instant and
    /// at most this much later.
    pub(crate) async fn assert_ends(self, reason: &str, at: Timestamp, bound: Duration) {
        // A clock that is read in ticks may lag a little.
        let tick = Duration::from_millis(10);
        for (what, ended) in self.ends().await {
            assert_eq!(ended.reason, reason, "{what}");
            assert!(
                ended.at + tick >= at,
                "{what}: {:?} too soon",
                at - ended.at
            );
            let late = ended.at - at;
            assert!(late <= bound, "{what}: {late:?} late");
        }
    }
}

/// The header field with the browser's session cookie.
pub(crate) fn cookie(browser: &Browser) -> String {
    let cookie = browser.cookie(COOKIE).expect("alice is signed in");
    format!("{COOKIE}={cookie}")
}

async fn events(node: &Node, cookie: &str, path: &str) -> Incoming {
    let socket = TcpStream::connect(node.address).await.unwrap();
    let (mut send, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, node.address.to_string())
        .header(header::COOKIE, cookie)
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = send.send_request(request).await.unwrap();
    begun(answer, path).await
}

/// Requests a path and waits for the first part of the body.
pub(crate) async fn begun(answer: Response<Incoming>, path: &str) -> Incoming {
    assert_eq!(answer.status(), 200, "{path}");
    let mut body = answer.into_body();
    let first = timeout(PATIENCE, body.frame()).await.unwrap();
    assert!(first.unwrap().is_ok(), "{path}");
    body
}

/// Reads to the end, which must be a last event with a reason.
async fn read_events(mut body: Incoming) -> Ended {
    let mut sent = String::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.unwrap().into_data() {
            sent.push_str(std::str::from_utf8(&data).unwrap());
        }
    }
    let last = sent.rfind("event: ").map_or("", |at| &sent[at..]);
    let reason = last.strip_prefix("event: session-expired\ndata: {\"reason\":\"");
    // The session endpoints' last event names the session, too.
    let reason = reason.and_then(|rest| rest.split('"').next());
    let reason = reason.unwrap_or_else(|| panic!("no last event but {last:?}"));
    let at = SystemClock::new().now();
    Ended {
        at,
        reason: reason.to_owned(),
    }
}

async fn web_socket(node: &Node, cookie: &str) -> WebSocketStream<TcpStream> {
    let url = format!("ws://{}/ws", node.address);
    let mut request = url.into_client_request().unwrap();
    let cookie = HeaderValue::try_from(cookie).unwrap();
    request.headers_mut().insert(header::COOKIE, cookie);
    let stream = TcpStream::connect(node.address).await.unwrap();
    let (socket, _) = client_async(request, stream).await.unwrap();
    greeted(socket).await
}

/// Waits for the other side's answer.
async fn greeted<S>(mut socket: WebSocketStream<S>) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.send(Message::text("hello")).await.unwrap();
    let echo = timeout(PATIENCE, socket.next()).await.unwrap();
    assert_eq!(echo.unwrap().unwrap(), Message::text("hello"));
    socket
}

/// Reads to the close frame, whose code must be 4401.
async fn read_socket<S>(mut socket: WebSocketStream<S>) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame.expect("a code and a reason"),
            Some(Ok(_)) => {}
            other => panic!("no close frame but {other:?}"),
        }
    };
    assert_eq!(u16::from(frame.code), 4401);
    let at = SystemClock::new().now();
    Ended {
        at,
        reason: frame.reason.to_string(),
    }
}
