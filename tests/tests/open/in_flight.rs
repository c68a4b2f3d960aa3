//! Requests that are not answered yet when their session is signed out, over
//! HTTP/1.0, 1.1 and 2 (N61, N62).

use std::convert::Infallible;
use std::time::Duration;

use dwell_axum::{Clock, MemoryStore, SystemClock, minutes, seconds};
use dwell_tests::Browser;
use futures_util::stream::unfold;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::client::{PATIENCE, cookie};
use crate::node::Node;

/// How late an end may be (law L14).
const BOUND: Duration = seconds(1);

/// What has come back: the status, and all that follows.
type Answer = (u16, String);

/// A request with its head at the node, and its body open.
struct Sent {
    body: mpsc::UnboundedSender<Bytes>,
    answer: JoinHandle<Answer>,
}

impl Sent {
    async fn over_http1(node: &Node, version: &str, browser: &Browser, head: &str) -> Self {
        let mut socket = TcpStream::connect(node.address).await.unwrap();
        let (method, path) = head.split_once(' ').unwrap();
        let length = match method {
            "POST" => "Content-Length: 2\r\n",
            _ => "",
        };
        let head = format!(
            "{method} {path} HTTP/{version}\r\nHost: node\r\nConnection: close\r\n\
             Cookie: {}\r\n{length}\r\n",
            cookie(browser)
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let (body, mut parts) = mpsc::unbounded_channel::<Bytes>();
        let answer = tokio::spawn(async move {
            let (mut read, mut write) = socket.into_split();
            let feeding = tokio::spawn(async move {
                while let Some(part) = parts.recv().await {
                    // The node may have closed.
                    let _ = write.write_all(&part).await;
                }
                // Kept open: a client that leaves is another case.
                std::future::pending::<()>().await;
            });
            let mut text = String::new();
            let _ = read.read_to_string(&mut text).await;
            feeding.abort();
            let status = text.get(9..12).and_then(|status| status.parse().ok());
            (status.unwrap_or(0), text)
        });
        Self { body, answer }
    }

    async fn over_http2(node: &Node, browser: &Browser, head: &str) -> Self {
        let socket = TcpStream::connect(node.address).await.unwrap();
        let io = TokioIo::new(socket);
        let (mut send, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let (method, path) = head.split_once(' ').unwrap();
        let (body, parts) = mpsc::unbounded_channel();
        let parts = unfold(parts, async |mut parts| {
            let part = parts.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(part)), parts))
        });
        let request = Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri(format!("http://{}{path}", node.address))
            .header(header::COOKIE, cookie(browser));
        let request = request.body(StreamBody::new(Box::pin(parts))).unwrap();
        let answer = tokio::spawn(async move {
            match send.send_request(request).await {
                Ok(answer) => read(answer).await,
                Err(error) => (0, error.to_string()),
            }
        });
        Self { body, answer }
    }

    async fn open(node: &Node, version: &str, browser: &Browser, head: &str) -> Self {
        match version {
            "2" => Self::over_http2(node, browser, head).await,
            _ => Self::over_http1(node, version, browser, head).await,
        }
    }

    /// Ends the body and waits for the answer.
    async fn answer(self) -> Answer {
        drop(self.body);
        timeout(PATIENCE, self.answer)
            .await
            .expect("it is answered")
            .unwrap()
    }
}

async fn read(answer: Response<Incoming>) -> Answer {
    let status = answer.status().as_u16();
    let text = match answer.into_body().collect().await {
        Ok(whole) => String::from_utf8_lossy(&whole.to_bytes()).into_owned(),
        Err(error) => error.to_string(),
    };
    (status, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn n61_long_poll_is_401_within_second_over_every_version() {
    for version in ["1.0", "1.1", "2"] {
        let node = Node::start(MemoryStore::new(), minutes(10)).await;
        let alice = node.alice().await;
        let poll = Sent::open(&node, version, &alice, "GET /poll").await;
        // Longer than the node takes to begin its watch.
        sleep(Duration::from_millis(400)).await;
        assert!(!poll.answer.is_finished(), "{version}");
        let ended = SystemClock::new().now();
        assert_eq!(alice.post("/session/end", "").await.status, 204);
        let (status, text) = poll.answer().await;
        assert_eq!(status, 401, "{version}: {text}");
        assert!(
            text.contains(r#""reason":"signed_out""#),
            "{version}: {text}"
        );
        let late = SystemClock::new().now() - ended;
        assert!(late <= BOUND, "{version}: {late:?} late");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n62_body_held_back_does_nothing_over_every_version() {
    for version in ["1.0", "1.1", "2"] {
        let node = Node::start(MemoryStore::new(), minutes(10)).await;
        let alice = node.alice().await;
        for ends in [false, true] {
            let upload = Sent::open(&node, version, &alice, "POST /upload").await;
            upload.body.send(Bytes::from_static(b"1")).unwrap();
            sleep(Duration::from_millis(400)).await;
            if ends {
                assert_eq!(alice.post("/session/end", "").await.status, 204);
                sleep(BOUND).await;
            }
            let _ = upload.body.send(Bytes::from_static(b"2"));
            let (status, text) = upload.answer().await;
            let moved = status == 200 && text.contains("moved 2");
            assert_eq!(moved, !ends, "{version}: {status} {text}");
        }
    }
}
